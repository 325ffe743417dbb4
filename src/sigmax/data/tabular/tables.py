"""Tables of every make: their columns as NumPy has them, where their rows come from, what their terms do."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from sigmax.data.formulas.recipe import Variable
from sigmax.data.tabular import frames
from sigmax.data.tabular.series import Array, Column, Mask, of_array, read, read_series
from sigmax.kernels import Float

#: kinds of dtypes of NumPy that a design reads as they are
_NUMBERS = "fiub"


class TableTerms(Protocol):
    """How a fit makes its design of tables.

    :class:`sigmax.data.formulas.formula.Terms` of a formula, :class:`sigmax.data.tabular.coding.Coding` of a
    table without one.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the design, without the intercept."""

    @property
    def intercept(self) -> bool:
        """Whether there is one; it is no column."""

    @property
    def response(self) -> str:
        """Name of what is explained."""

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The columns of the table."""

    def design(self, table: Any) -> Float:
        """The columns at the rows of a table, (n, p).

        Columns of the table are found by their names; others are ignored.

        Raises
        ------
        ValueError
            A column is missing, has missing values, or levels that the fit did not know.
        """

    @property
    def offsets(self) -> Any:
        """What a formula adds to the logits; None of a fit without one."""

    def offset(self, table: Any) -> Float | None:
        """That at the rows of a table, (n,)."""

    @property
    def frame(self) -> Any:
        """The rows of the fit; None after pickling."""

    def derivative(self, frame: Any, variable: str) -> Float:
        """d x_ij / d v of a variable of numbers, (n, p)."""

    def with_value(self, frame: Any, variable: str, value: object) -> Float:
        """The columns with a variable at a value, (n, p)."""

    def means(self, frame: Any, weights: Any = None) -> Any:
        """The point of means, weighted."""

    def state(self) -> dict[str, Any]:
        """All of it in what JSON has: ``{"kind": "formula" | "columns", "version": 1, ...}``."""

    @classmethod
    def of_state(cls, state: dict[str, Any]) -> Self:
        """From :meth:`state`; checks all, executes nothing.

        Raises
        ------
        ValueError
            Something is wrong with it.
        """


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from: the library of their table, and their index.

    Attributes
    ----------
    backend : object
        What narwhals calls the library; None for pandas, which is not asked through it.
    index : object or None
        Labels of the rows, where the library has some.
    """

    backend: Any
    index: Any = None

    def take(self, kept: Mask) -> Origin:
        """Of the rows where `kept` is true."""
        return self if self.index is None else Origin(self.backend, self.index[kept])


def origin_of(data: object, argument: str = "X") -> Origin | None:
    """Where the rows of a table come from; None of arrays, mappings and record arrays."""
    if frames.is_pandas(data):
        return Origin(None, data.index)
    if isinstance(data, np.ndarray | Mapping) or not frames.is_table(data):
        return None
    import narwhals.stable.v2 as nw

    frame = frames.narwhal(data, argument)
    return Origin(frame.implementation, nw.maybe_get_index(frame))


class Table:
    """Named columns of any make, read when they are asked for.

    Parameters
    ----------
    data : DataFrame that narwhals takes, mapping of columns, or record array
    argument : str
        Its name in messages.

    Attributes
    ----------
    names : tuple of str
    n_rows : int

    Raises
    ------
    TypeError
        It is no table, or a lazy one.
    ValueError
        No rows; columns of different lengths, of more than one dimension, or of one name.
    """

    def __init__(self, data: Any, argument: str = "X") -> None:
        self.argument, self._data = argument, data
        self._is_pandas = frames.is_pandas(data)
        keys: Sequence[Any]
        if self._is_pandas:
            keys, self.n_rows = list(data.columns), len(data)
        elif isinstance(data, Mapping):
            self._data = {key: _column_of(value, key, argument) for key, value in data.items()}
            keys, self.n_rows = list(self._data), self._length()
        elif isinstance(data, np.ndarray) and data.dtype.names is not None:
            keys, self.n_rows = data.dtype.names, len(data)
        else:
            self._data = frames.narwhal(data, argument)
            keys, self.n_rows = self._data.columns, len(self._data)
        self._keys = keys
        self.names = tuple(map(str, keys))
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise ValueError(
                f"{argument} has {self.names.count(twice)} columns named {twice!r}; names must differ"
            )
        if self.n_rows == 0:
            raise ValueError(f"{argument} has no rows; at least one is needed")

    def _length(self) -> int:
        lengths = {str(key): len(column) for key, column in self._data.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name!r} {length}" for name, length in list(lengths.items())[:8])
            raise ValueError(f"{self.argument} must have columns of one length; got {shown}")
        return max(lengths.values(), default=0)

    def require(self, names: Sequence[str]) -> None:
        """Raise ValueError where columns are missing: which, and what may be meant."""
        gone = [name for name in names if name not in self.names]
        if gone:
            shown = ", ".join(map(repr, gone[:8])) + (f" and {len(gone) - 8} more" if len(gone) > 8 else "")
            what = "column" if len(gone) == 1 else "columns"
            said = [(name, frames.others(self.names, name)) for name in gone]
            name, advice = next(((a, b) for a, b in said if b.startswith("did")), said[0])
            if len(gone) > 1 and advice.startswith("did"):
                advice = f"for {name!r}, {advice}"
            raise ValueError(f"{self.argument} has no {what} {shown}; {advice}")

    def column(self, name: str) -> Column:
        """A column, which must be there.

        Raises
        ------
        ValueError
            Two of its levels read the same.
        """
        place = self.names.index(name)
        if self._is_pandas:
            series = self._data.iloc[:, place]
            if isinstance(series.dtype, np.dtype) and series.dtype.kind in _NUMBERS:
                return of_array(name, series.to_numpy())
            return read_series(series, name)
        values = self._data[self._keys[place]]
        return of_array(name, values) if isinstance(values, np.ndarray) else read(values, name)

    def block(self, names: Sequence[str]) -> Array | None:
        """The columns `names` as one array of numbers of one type, where they lie as that; else None."""
        if not self._is_pandas or not names:
            return None
        places = [self.names.index(name) for name in names]
        dtypes = self._data.dtypes.to_numpy()
        first = dtypes[places[0]]
        if not isinstance(first, np.dtype) or first.kind not in _NUMBERS:
            return None
        if any(dtypes[place] != first for place in places):
            return None
        if len(places) == len(self.names) and places == list(range(len(places))):
            return np.asarray(self._data.to_numpy())
        if all(dtype == first for dtype in dtypes) and places == list(range(places[0], places[-1] + 1)):
            return np.asarray(self._data.to_numpy()[:, places[0] : places[-1] + 1])
        return None


def is_series(value: object) -> bool:
    """Whether it is a column of a library of tables, which has a type that NumPy has not."""
    if isinstance(value, np.ndarray | list | tuple | str) or not hasattr(value, "__len__"):
        return False
    if "narwhals" not in sys.modules and not hasattr(value, "__array__"):
        return False
    import narwhals.stable.v2 as nw

    return isinstance(nw.from_native(value, series_only=True, pass_through=True), nw.Series)


def _column_of(value: Any, key: object, argument: str) -> Any:
    """A column of a mapping: an array, or a narwhals Series."""
    if is_series(value):
        import narwhals.stable.v2 as nw

        return nw.from_native(value, series_only=True)
    array = np.asarray(value)
    if array.ndim != 1:
        advice = "; one row is a list of one value" if array.ndim == 0 else ""
        raise ValueError(
            f"{argument} column {str(key)!r} must have one dimension; it has shape {array.shape}{advice}"
        )
    return array


def index_of(value: object) -> Any:
    """The index of a Series or DataFrame that has one as pandas has."""
    index = getattr(value, "index", None)
    return index if hasattr(index, "equals") else None


def require_aligned(name: str, value: object, index: Any, argument: str) -> None:
    """Raise ValueError where `value` has an index that is not `index`, that of `argument`.

    Rows are taken in their order: two indexes that differ are a mistake that would go unseen.
    """
    own = index_of(value)
    if own is None or index is None or own.equals(index):
        return
    if len(own) != len(index):
        return  # what is said of shapes is plainer
    differs = np.flatnonzero(np.asarray(own != index))
    first = int(differs[0]) if len(differs) else 0
    raise ValueError(
        f"{name} must have the index of {argument}, since rows are taken in their order; they differ in "
        f"{len(differs):,} of {len(index):,} rows, the first row {first}, where {argument} has "
        f"{_plain(index[first])!r} and {name} has {_plain(own[first])!r}; align them, or pass "
        f"{name}.to_numpy()"
    )


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
