"""What `fit` was given without a formula, as arrays: those of the caller, or those of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import numbers
from sigmax.data.chunks import MISSING_ADVICE, Chunks
from sigmax.data.labels import missing as missing_labels
from sigmax.data.missing import Dropped, incomplete
from sigmax.data.tabular import frames
from sigmax.data.tabular.coded import Coded, require_usable
from sigmax.data.tabular.coding import Coding, coding
from sigmax.data.tabular.series import Array, Mask, gaps, of_array, read_series
from sigmax.data.tabular.tables import (
    Origin,
    Table,
    TableTerms,
    index_of,
    is_series,
    origin_of,
    require_aligned,
)


@dataclass(frozen=True, slots=True)
class Given:
    """Arrays and names of a fit.

    Attributes
    ----------
    X, y, names, classes, sample_weight, offset, intercept
        As :func:`sigmax.fit` takes them without a table.
    terms : TableTerms or None
        What makes columns of other tables; None where X was no table.
    dropped : Dropped or None
        Rows that are not among these.
    origin : Origin or None
        Where the rows come from.
    """

    X: npt.ArrayLike | Chunks
    y: npt.ArrayLike
    names: Sequence[str] | None
    classes: npt.ArrayLike | None
    sample_weight: npt.ArrayLike | None
    offset: npt.ArrayLike | None
    intercept: bool
    terms: TableTerms | None = None
    dropped: Dropped | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """One value a row, or several.

    Attributes
    ----------
    name : str
        Of the argument.
    values : array_like
        As the caller has it, where it is no column of a library of tables.
    column : str or None
        Of the table, where it is one.
    title : str or None
        What it is called where it comes from.
    missing : bool ndarray of shape (n,), or None
        Where there is no value; of arrays not looked for.
    columns : list of str or None
        Names of its columns.
    read : bool
        Whether `missing` is all there is to say.
    """

    name: str
    values: Any
    column: str | None = None
    title: str | None = None
    missing: Mask | None = None
    columns: list[str] | None = None
    read: bool = True

    def require_complete(self, table: str, advice: str = "") -> None:
        """Raise ValueError where a value is missing; of a column of `table` its name is said."""
        if self.missing is not None:
            what = self.name if self.column is None else table
            raise ValueError(gaps(what, self.column, self.missing) + advice)

    def gaps(self, n: int) -> Mask | None:
        """Where a value is missing, looked for in arrays, too; None where it has not n rows."""
        if self.read:
            return self.missing if self.missing is None or len(self.missing) == n else None
        array = np.asarray(self.values)
        if array.ndim not in (1, 2) or len(array) != n:
            return None  # of a wrong shape: who reads it says so
        if array.ndim == 1:
            return missing_labels(array)
        return np.isnan(array).any(axis=1) if array.dtype.kind == "f" else None


def argument(name: str, value: Any, table: Table | None, index: Any, of: str = "X") -> Argument:
    """An argument beside X: an array, a column of any make, a table of columns, or the name of one of X.

    Parameters
    ----------
    name : str
        ``"y"``, of which any labels are, or another, of which numbers are.
    value : array_like, Series, DataFrame or str
    table : Table or None
        What a name is a column of.
    index : object or None
        The index of the rows, which an index of `value` has to be.
    of : str
        Whose index that is.

    Raises
    ------
    ValueError
        No such column; another index; no numbers where they are asked for.
    """
    if isinstance(value, np.ndarray | list | tuple):
        return Argument(name, value, read=False)
    if isinstance(value, int | np.integer) and table is not None and str(value) in table.names:
        raise ValueError(f"{name}={value!r} is a number; a column is named by text: {name}={str(value)!r}")
    require_aligned(name, value, index, of)
    title, from_table = name, None
    if isinstance(value, str):
        if table is None:
            raise ValueError(f"{name} may name a column only where X is a table; got {value!r}")
        try:
            table.require([value])
        except ValueError as error:
            raise ValueError(f"{name}={value!r}: {error}") from None
        found, title, from_table = table.column(value), value, value
    elif frames.is_table(value):
        sheet = Table(value, name)
        if len(sheet.names) > 1:
            parts = [sheet.column(one) for one in sheet.names]
            for part in parts:
                if part.kind not in ("number", "boolean"):
                    raise ValueError(
                        f"{name} must hold numbers in each of its columns; {part.name!r} holds {part.dtype}"
                    )
            masks = [part.missing for part in parts if part.missing is not None]
            return Argument(
                name,
                np.column_stack([part.floats() for part in parts]),
                missing=np.logical_or.reduce(masks) if masks else None,
                columns=list(sheet.names),
            )
        title = sheet.names[0]
        found = sheet.column(title)
    elif _is_plain(value):
        title = name if getattr(value, "name", None) is None else str(value.name)
        found = of_array(title, value.to_numpy())
    elif is_series(value):
        title = name if getattr(value, "name", None) in (None, "") else str(value.name)
        found = read_series(value, title)
    else:
        return Argument(name, value, read=False)
    if name != "y" and found.kind not in ("number", "boolean"):
        shown = f"{name}={value!r}: the column" if from_table is not None else name
        raise ValueError(f"{shown} must hold numbers; it holds {found.dtype}")
    values = found.labels() if name == "y" else found.floats()
    return Argument(name, values, from_table, title, found.missing)


def _is_plain(value: Any) -> bool:
    """Whether it is a Series of pandas, or the like, with a type of NumPy."""
    plain = isinstance(getattr(value, "dtype", None), np.dtype) and hasattr(value, "to_numpy")
    return plain and getattr(value, "ndim", 0) == 1


def key_of(name: str, table: Table) -> str:
    """What a count of missing values calls an argument that is no column of the table."""
    return f"{name} (argument)" if name in table.names else name


def of_rows(
    X: Any,
    y: Any,
    *,
    names: Sequence[str] | None,
    classes: npt.ArrayLike | None = None,
    sample_weight: Any,
    offset: Any,
    intercept: bool,
    missing: str = "raise",
) -> Given:
    """An array, chunks or a table, with what stands beside it: :func:`of_arrays` or :func:`of_table`."""
    return (of_table if frames.is_table(X) else of_arrays)(
        X,
        y,
        names=names,
        classes=classes,
        sample_weight=sample_weight,
        offset=offset,
        intercept=intercept,
        missing=missing,
    )


def of_table(
    X: Any,
    y: Any,
    *,
    names: Sequence[str] | None,
    classes: npt.ArrayLike | None,
    sample_weight: Any,
    offset: Any,
    intercept: bool,
    missing: str,
) -> Given:
    """A table whose columns are coded, without those that the other arguments name.

    Raises
    ------
    ValueError
        Columns that are missing, of one name, or of neither numbers nor levels; missing values that are not
        to be dropped; arguments of another index; names that are not those of the table.
    TypeError
        X is lazy.
    """
    table, index = Table(X), index_of(X)
    given = {
        name: argument(name, value, table, index)
        for name, value in (("y", y), ("sample_weight", sample_weight), ("offset", offset))
        if value is not None
    }
    taken = {one.column for one in given.values()}
    features = [name for name in table.names if name not in taken]
    if names is not None and list(map(str, names)) != features:
        raise ValueError(
            "names are those of the table's columns; rename the columns, or pass the array of the table"
        )
    columns, dropped, origin = None, None, origin_of(X)
    values = {name: one.values for name, one in given.items()}
    if missing == "drop":
        columns = {name: table.column(name) for name in features}
        for column in columns.values():
            require_usable(column, "X")
        masks = {name: column.missing for name, column in columns.items()}
        for name, one in given.items():
            masks[one.column or key_of(name, table)] = one.gaps(table.n_rows)
        found = incomplete(masks)
        if found is None:
            columns = None  # a block of numbers stays where it is
        else:
            kept, dropped = found
            columns = {name: column.take(kept) for name, column in columns.items()}
            values = {name: _take(value, kept) for name, value in values.items()}
            origin = None if origin is None else origin.take(kept)
    else:
        for one in given.values():
            one.require_complete("X", MISSING_ADVICE)
    response = given["y"].title or "y"
    made, design = coding(table, features, columns, intercept=intercept, response=response)
    return Given(
        X=Chunks.of(design, made.names),
        y=values["y"],
        names=made.names,
        classes=given["y"].columns if classes is None else classes,
        sample_weight=values.get("sample_weight"),
        offset=values.get("offset"),
        intercept=intercept,
        terms=made,
        dropped=dropped,
        origin=origin,
    )


def of_arrays(
    X: Any,
    y: Any,
    *,
    names: Sequence[str] | None,
    classes: npt.ArrayLike | None,
    sample_weight: Any,
    offset: Any,
    intercept: bool,
    missing: str,
) -> Given:
    """An array, or chunks; the other arguments may be columns of a library of tables.

    Raises
    ------
    ValueError
        Missing values in such a column that are not to be dropped; an argument names a column; rows of chunks
        are to be dropped.
    """
    given = {
        name: argument(name, value, None, None)
        for name, value in (("y", y), ("sample_weight", sample_weight), ("offset", offset))
        if value is not None
    }
    values = {name: one.values for name, one in given.items()}
    dropped = None
    if missing == "drop":
        X, values, dropped = _complete(X, given, names)
    else:
        for one in given.values():
            one.require_complete("X", MISSING_ADVICE)
    return Given(
        X=X,
        y=values["y"],
        names=names,
        classes=given["y"].columns if classes is None else classes,
        sample_weight=values.get("sample_weight"),
        offset=values.get("offset"),
        intercept=intercept,
        dropped=dropped,
    )


def _complete(
    X: Any, given: dict[str, Argument], names: Sequence[str] | None
) -> tuple[Any, dict[str, Any], Dropped | None]:
    """Rows of arrays in which nothing is missing."""
    if isinstance(X, Chunks):
        raise ValueError("missing='drop' takes an array or a table; leave rows of Chunks out yourself")
    values = {name: one.values for name, one in given.items()}
    array = numbers("X", X)
    if array.ndim != 2:
        return X, values, None  # of a wrong shape: who reads it says so
    n, p = array.shape
    titles = [f"x{j + 1}" for j in range(p)] if names is None or len(names) != p else list(map(str, names))
    masks: dict[str, Mask | None] = {}
    if array.dtype.kind == "f":
        masks = {title: np.isnan(column) for title, column in zip(titles, array.T, strict=True)}
    for name, one in given.items():
        masks[f"{name} (argument)" if name in titles else name] = one.gaps(n)
    found = incomplete(masks)
    if found is None:
        return X, values, None
    kept, dropped = found
    return array[kept], {name: _take(value, kept) for name, value in values.items()}, dropped


def _take(value: Any, kept: Mask) -> Array:
    """The rows to keep of one value a row; of another number of rows as it is, which is refused later."""
    array = np.asarray(value)
    return array[kept] if array.ndim > 0 and len(array) == len(kept) else array


def of_array_fit(X: Any, names: Sequence[str]) -> Coding:
    """How a table is read after a fit of an array: by names, where it has all of them, else in its order."""
    known = Table(X).names
    if not set(names) <= set(known):
        if len(known) != len(names):
            shown = ", ".join(map(repr, names[:12])) + (", ..." if len(names) > 12 else "")
            raise ValueError(
                f"X must have the columns of the fit, {shown}, or {len(names)} columns in their order; it "
                f"has {len(known)}"
            )
        names = known
    return Coding(tuple(Coded(name, "number") for name in names), True, "y")
