"""Tables of named columns as a formula reads them: which columns, of which kind, without missing values."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from sigmax.data.checks import plural

#: pandas.DataFrame and pandas.Series, which are imported on demand
Frame = Any
Column = Any


def is_table(value: object) -> bool:
    """Whether `value` holds named columns: a DataFrame, a mapping, a record array."""
    if isinstance(value, np.ndarray):
        return value.dtype.names is not None
    return isinstance(value, Mapping) or hasattr(value, "columns")


def table(data: object, argument: str = "data") -> Frame:
    """`data` as a pandas DataFrame; one itself is not copied.

    Parameters
    ----------
    data : pandas.DataFrame, mapping of columns, or record array
        The index of a frame, or of the series in a mapping, means nothing: rows are taken in their order.
    argument : str
        Its name in messages.

    Raises
    ------
    TypeError
        It is none of these.
    ValueError
        It has no rows, columns of different lengths, or two columns of one name.
    """
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        frame = data
    elif isinstance(data, Mapping):
        columns = {
            name: column.reset_index(drop=True) if isinstance(column, pd.Series) else column
            for name, column in data.items()
        }
        lengths = {name: 1 if np.ndim(column) == 0 else len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name!r} {length}" for name, length in list(lengths.items())[:8])
            raise ValueError(f"{argument} must have columns of one length; got {shown}")
        frame = pd.DataFrame(columns, index=range(max(lengths.values(), default=0)))
    elif isinstance(data, np.ndarray) and data.dtype.names is not None:
        frame = pd.DataFrame.from_records(data)
    else:
        raise TypeError(
            f"{argument} must be a pandas DataFrame or a mapping of columns; got {type(data).__name__}"
        )
    if len(frame) == 0:
        raise ValueError(f"{argument} has no rows; at least one is needed")
    return frame


def columns(frame: Frame, names: Iterable[str], argument: str = "data") -> Frame:
    """The columns `names` alone, in that order, their rows counted from 0, with the dtypes of NumPy.

    Whole numbers become int64, other numbers float64 (nullable ones, and decimals, too), truth values bool;
    text and categories stay.

    Raises
    ------
    ValueError
        A column is missing or stands there twice, or has missing values: its name, how many, and the first
        row.
    """
    import pandas as pd

    found = {}
    for name in names:
        if name not in frame.columns:
            raise ValueError(f"{argument} has no column {name!r}; {_others(frame, name)}")
        column = frame[name]
        if isinstance(column, pd.DataFrame):
            raise ValueError(f"{argument} has {column.shape[1]} columns named {name!r}; names must differ")
        gone = column.isna().to_numpy()
        if gone.any():
            raise ValueError(
                f"{argument} must not have missing values; column {name!r} has "
                f"{plural(int(gone.sum()), 'missing value')}, the first in row {int(gone.argmax())}"
            )
        found[name] = _plain(column.reset_index(drop=True))
    return pd.DataFrame(found, index=range(len(frame)), copy=False)


def _others(frame: Frame, name: str) -> str:
    names = [str(other) for other in frame.columns]
    near = difflib.get_close_matches(name, names, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"it has {', '.join(map(repr, names[:12]))}{', ...' if len(names) > 12 else ''}"


def _plain(column: Column) -> Column:
    """A column without missing values, in a dtype of NumPy where it holds numbers."""
    import pandas as pd

    if column.dtype == object:
        if all(isinstance(value, Decimal) for value in column):
            return column.astype(np.float64)
        column = column.infer_objects()
    types = pd.api.types
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column
    if types.is_bool_dtype(column.dtype):
        return pd.Series(column.to_numpy(bool))
    if types.is_integer_dtype(column.dtype):
        # products of narrow integers wrap around; what does not fit into int64 is no level of a factor
        fits = column.dtype.kind != "u" or int(column.max()) < 2**63
        return pd.Series(column.to_numpy(np.int64 if fits else np.float64))
    if types.is_float_dtype(column.dtype):
        return pd.Series(column.to_numpy(np.float64))
    if isinstance(column.dtype, pd.StringDtype) and str(column.dtype) != "str":
        return column.astype(object)
    return column


def kind_of(column: Column) -> str:
    """``"numbers"`` (truth values are), or the dtype."""
    return "numbers" if column.dtype.kind in "iufb" else str(column.dtype)


def in_floats(frame: Frame) -> Frame:
    """The frame with whole numbers as float64, in which no power or product wraps around."""
    whole = [name for name in frame.columns if frame[name].dtype.kind in "iu"]
    return frame.assign(**{name: frame[name].astype(np.float64) for name in whole}) if whole else frame
