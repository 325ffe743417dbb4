"""One column of a table of any make, in the types of NumPy: numbers, truth values, or codes of levels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import plural

Array: TypeAlias = npt.NDArray[Any]
Mask: TypeAlias = npt.NDArray[np.bool_]

#: kinds of dtypes of NumPy that are numbers or truth values
_NUMBERS = "fiub"
#: types of which every object is equal to itself, so that cells need not be asked one by one
_NEVER_NAN = {str, bool, int}


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "levels", "other"}
    dtype : str
        What its library calls its type, for messages.
    values : ndarray of shape (n,)
        Numbers as they are stored, decimals as float64; truth values; int32 codes of levels, -1 where one is
        missing; of "other", such as dates, what the library makes of them for NumPy.
    missing : bool ndarray of shape (n,), or None
        Where there is no value: null, and nan among floats; None where there is one everywhere.
    levels : tuple
        In their order: those that the type declares with an order (categories of pandas, an Enum of polars,
        an ordered dictionary of pyarrow), with and without rows; else those that occur, sorted.
    declared : bool
        Whether the type is one of categories, not text.
    """

    name: str
    kind: str
    dtype: str
    values: Array
    missing: Mask | None = None
    levels: tuple[Any, ...] = ()
    declared: bool = False

    def __len__(self) -> int:
        return len(self.values)

    def take(self, kept: Mask) -> Column:
        """The rows where `kept` is true."""
        missing = None if self.missing is None else self.missing[kept]
        if missing is not None and not missing.any():
            missing = None
        return replace(self, values=self.values[kept], missing=missing)

    def floats(self) -> npt.NDArray[np.float64]:
        """Numbers or truth values as float64, nan where missing; themselves where they are float64."""
        values = self.values.astype(np.float64, copy=False)
        if self.missing is not None and self.values.dtype.kind != "f":
            values[self.missing] = np.nan  # a copy: only floats are the caller's
        return values

    def labels(self) -> Array:
        """What stands in the rows: numbers as stored, levels as their labels, None where one is missing."""
        if self.kind != "levels":
            return self.values
        labels = self.levels if self.missing is None else (*self.levels, None)
        if self.missing is None and all(type(label) is str for label in labels):
            return np.array(labels, dtype=np.str_)[self.values]
        among = np.empty(len(labels), dtype=object)
        among[:] = labels
        return among[self.values]  # -1 is the last

    def require_complete(self, argument: str, advice: str = "") -> None:
        """Raise ValueError where a value is missing: column, how many, and the first row."""
        if self.missing is not None:
            raise ValueError(gaps(argument, self.name, self.missing) + advice)


def gaps(argument: str, column: str | None, missing: Mask) -> str:
    """What is said of missing values of an argument, or of one of its columns."""
    what = "it has" if column is None else f"column {column!r} has"
    return (
        f"{argument} must not have missing values; {what} {plural(int(missing.sum()), 'missing value')}, "
        f"the first in row {int(missing.argmax())}"
    )


def used(codes: Array, levels: tuple[Any, ...]) -> tuple[Array, tuple[Any, ...]]:
    """Codes, which may be -1, of the levels that occur alone."""
    here = np.zeros(len(levels) + 1, bool)
    here[codes] = True
    kept = here[:-1]
    if kept.all():
        return codes, levels
    place = np.append(np.cumsum(kept) - 1, -1).astype(np.int32)
    return place[codes], tuple(level for level, one in zip(levels, kept, strict=True) if one)


def plain(level: Any) -> Any:
    """A level as a str, bool, int or float of Python; of anything else, such as an interval, its text."""
    if isinstance(level, np.generic):
        level = level.item()
    if isinstance(level, float) and level.is_integer():
        return int(level)
    if isinstance(level, str):
        return str(level)
    if isinstance(level, bool | int) or (isinstance(level, float) and math.isfinite(level)):
        return level
    return str(level)


def of_array(name: str, values: Array) -> Column:
    """A column of a mapping or of a record array."""
    if values.dtype.kind in _NUMBERS:
        return _numeric(name, str(values.dtype), values)
    if values.dtype.kind in "US":
        return _coded(name, str(values.dtype), values.astype(str).tolist(), declared=False)
    if values.dtype.kind == "T":
        return _from_objects(name, str(values.dtype), values.astype(object), None)
    if values.dtype.kind == "O":
        return _from_objects(name, "object", values, None)
    missing = np.isnat(values) if values.dtype.kind in "mM" else np.zeros(len(values), bool)
    return Column(name, "other", str(values.dtype), values, missing if missing.any() else None)


def _numeric(name: str, dtype: str, values: Array, missing: Mask | None = None) -> Column:
    if values.dtype.kind == "f":
        missing = np.isnan(values)
        missing = missing if missing.any() else None
    return Column(name, "boolean" if values.dtype.kind == "b" else "number", dtype, values, missing)


def read(series: Any, name: str) -> Column:
    """A column of a DataFrame, or a Series.

    Parameters
    ----------
    series : narwhals.stable.v2.Series
    name : str
        What it is called.
    """
    import narwhals.stable.v2 as nw

    native, dtype = series.to_native(), series.dtype
    shown = str(getattr(native, "dtype", None) or getattr(native, "type", dtype))
    if hasattr(getattr(native, "cat", None), "codes"):  # pandas has the codes already
        codes, categories = np.asarray(native.cat.codes), list(native.cat.categories)
        return _levels(name, shown, codes.astype(np.int32), categories, in_order=True, declared=True)
    missing = _nulls(series)
    if dtype.is_numeric() and not dtype.is_decimal():
        if missing is not None and dtype.is_integer():
            series = series.fill_null(0)
        if dtype in (nw.Int128, nw.UInt128):
            series = series.cast(nw.Float64)
        return _numeric(name, shown, np.asarray(series.to_numpy()), missing)
    if dtype == nw.Boolean:
        values = (series if missing is None else series.fill_null(False)).to_numpy()
        return Column(name, "boolean", shown, np.asarray(values, dtype=bool), missing)
    if dtype.is_decimal():
        # by their digits: a division by a power of ten, which the libraries cast with, rounds twice
        return _numeric(name, shown, np.asarray(series.cast(nw.String).cast(nw.Float64).to_numpy()))
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        return _text(name, shown, series, missing)
    values = np.asarray(series.to_numpy())
    if values.dtype.kind in _NUMBERS and values.ndim == 1:
        return _numeric(name, shown, values, missing)
    if values.ndim != 1:  # a struct, an array in each cell
        return Column(name, "other", shown, np.full(len(values), None, dtype=object), missing)
    if values.dtype == object:
        return _from_objects(name, shown, values, missing)
    return Column(name, "other", shown, values, missing)


def read_series(series: Any, name: str) -> Column:
    """A Series of any make that narwhals takes.

    Raises
    ------
    TypeError
        narwhals does not know it.
    """
    import narwhals.stable.v2 as nw

    return read(nw.from_native(series, series_only=True), name)


def _nulls(series: Any) -> Mask | None:
    return np.asarray(series.is_null().to_numpy(), dtype=bool) if series.null_count() else None


def _text(name: str, shown: str, series: Any, missing: Mask | None) -> Column:
    """Text, and categories of a library that is not pandas."""
    import narwhals.stable.v2 as nw

    declared = series.dtype != nw.String
    categories = list(series.dtype.categories) if series.dtype == nw.Enum else None
    if declared:
        native = series.to_native()
        type_: Any = getattr(native, "type", None)  # of pyarrow
        if hasattr(type_, "value_type"):
            if type_.ordered:
                categories = native.unify_dictionaries().chunk(0).dictionary.to_pylist()
            series = nw.from_native(native.cast(type_.value_type), series_only=True)
            if series.dtype != nw.String:
                return _coded(name, shown, series.to_list(), declared=True)
        else:
            series = series.cast(nw.String)
    factorize = getattr(series.__native_namespace__(), "factorize", None)
    if factorize is not None:
        codes, found = factorize(series.to_native())
        codes, distinct = np.asarray(codes, dtype=np.int32), list(found)
    else:
        distinct = series.drop_nulls().unique().to_list()
        filled = series if missing is None or not distinct else series.fill_null(distinct[0])
        if distinct:
            mapped = filled.replace_strict(distinct, list(range(len(distinct))), return_dtype=nw.Int32)
            codes = np.array(mapped.to_numpy(), dtype=np.int32)
            codes[missing if missing is not None else slice(0, 0)] = -1
        else:
            codes = np.full(len(series), -1, np.int32)
    if categories is not None:
        place = {level: i for i, level in enumerate(categories)}
        moved = np.array([*(place[level] for level in distinct), -1], dtype=np.int32)
        return _levels(name, shown, moved[codes], categories, in_order=True, declared=declared)
    return _levels(name, shown, codes, distinct, in_order=False, declared=declared)


def _coded(name: str, dtype: str, cells: list[Any], *, declared: bool) -> Column:
    """Levels of objects of Python that have a hash; None is missing."""
    distinct = [cell for cell in dict.fromkeys(cells) if cell is not None]
    code = {level: i for i, level in enumerate(distinct)} | {None: -1}
    codes = np.fromiter(map(code.__getitem__, cells), np.int32, len(cells))
    return _levels(name, dtype, codes, distinct, in_order=False, declared=declared)


def _levels(
    name: str, dtype: str, codes: Array, levels: Sequence[Any], *, in_order: bool, declared: bool
) -> Column:
    """A column of levels from codes of any labels."""
    missing = codes < 0
    labels = [plain(level) for level in levels]
    if len(set(labels)) < len(labels):  # 1 and 1.0, an interval and its text
        raise ValueError(f"column {name!r} has two levels that read the same, {_twice(labels)!r}")
    if not in_order:
        order = sorted(range(len(labels)), key=_sortable(labels))
        place = np.empty(len(labels) + 1, np.int32)
        place[order] = np.arange(len(labels), dtype=np.int32)
        place[-1] = -1
        codes, labels = place[codes], [labels[i] for i in order]
    found = missing if missing.any() else None
    return Column(name, "levels", dtype, codes.astype(np.int32, copy=False), found, tuple(labels), declared)


def _twice(labels: Sequence[Any]) -> Any:
    """The first label that stands there again."""
    seen: set[Any] = set()
    for one in labels:
        if one in seen:
            return one
        seen.add(one)
    raise AssertionError(labels)


def _sortable(labels: Sequence[Any]) -> Callable[[int], Any]:
    """What sorts labels: themselves, or their text where they do not compare."""
    texts = any(isinstance(one, str) for one in labels)
    return lambda i: str(labels[i]) if texts else labels[i]


def _from_objects(name: str, dtype: str, values: Array, missing: Mask | None) -> Column:
    """Objects of Python: decimals and other numbers, truth values, text; others stay what they are."""
    cells = values.tolist()
    kinds = set(map(type, cells))
    if missing is not None or not kinds <= _NEVER_NAN:
        gone = np.array([_is_missing(cell) for cell in cells], dtype=bool)
        if missing is not None:
            gone |= missing
        missing = gone if gone.any() else None
        cells = [None if none else cell for cell, none in zip(cells, gone.tolist(), strict=True)]
        kinds = {type(cell) for cell in cells if cell is not None}
    if kinds and all(issubclass(kind, bool | np.bool_) for kind in kinds):
        return Column(name, "boolean", dtype, np.array([bool(cell) for cell in cells]), missing)
    if all(issubclass(kind, int | float | Decimal | np.integer | np.floating) for kind in kinds):
        floats = [math.nan if cell is None else float(cell) for cell in cells]
        return _numeric(name, dtype, np.array(floats, dtype=np.float64))
    if all(issubclass(kind, str) for kind in kinds):
        return _coded(name, dtype, cells, declared=False)
    return Column(name, "other", _kinds(dtype, kinds), values, missing)


def _is_missing(cell: Any) -> bool:
    """None, and what is not equal to itself, or cannot say: nan, NaT, pandas.NA."""
    if cell is None:
        return True
    try:
        return bool(cell != cell)
    except (TypeError, ValueError):
        return type(cell).__name__ == "NAType"


def _kinds(dtype: str, kinds: set[type]) -> str:
    if dtype != "object":
        return dtype
    return f"{dtype} of {' and '.join(sorted(kind.__name__ for kind in kinds)[:3])}"
