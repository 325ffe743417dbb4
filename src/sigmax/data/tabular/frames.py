"""Tables of named columns as a formula reads them: which columns, of which kind, without missing values."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeGuard, cast

import numpy as np

from sigmax.data.tabular.series import Column as Values
from sigmax.data.tabular.series import Mask, gaps, read, read_series

#: pandas.DataFrame, which is imported on demand, or narwhals.DataFrame of another library's
Frame = Any
Column = Any


def is_table(value: object) -> bool:
    """Whether `value` holds named columns: a DataFrame of any make, a mapping, a record array."""
    if isinstance(value, np.ndarray):
        return value.dtype.names is not None
    if isinstance(value, list | tuple):
        return False
    # of the class: a lazy frame warns where it is asked for its columns
    columns = getattr(type(value), "columns", None)
    is_frame = columns is not None and not callable(columns)
    return is_frame or isinstance(value, Mapping) or hasattr(type(value), "__narwhals_dataframe__")


def table(data: object, argument: str = "data") -> Frame:
    """`data` as a pandas or a narwhals DataFrame; one itself is not copied, nor is one of another library.

    Both have ``columns`` and a length; :func:`columns` takes either.  Names that are no text, such as 0 or
    ("a", "b"), become the text that messages and formulas have for them.

    Parameters
    ----------
    data : DataFrame that narwhals takes, mapping of columns, or record array
        The index of a frame, or of the series in a mapping, means nothing: rows are taken in their order.
    argument : str
        Its name in messages.

    Raises
    ------
    TypeError
        It is none of these, or a lazy frame.
    ValueError
        It has no rows, columns of different lengths, or two columns of one name.
    """
    frame: Frame
    if is_pandas(data):
        frame = data
    elif isinstance(data, Mapping):
        frame = _of_mapping(data, argument)
    elif isinstance(data, np.ndarray) and data.dtype.names is not None:
        import pandas as pd

        frame = pd.DataFrame.from_records(data)
    else:
        frame = narwhal(data, argument)
    if is_pandas(frame) and not all(isinstance(name, str) for name in frame.columns):
        frame = frame.copy(deep=False)  # of the frame, not of the columns
        frame.columns = [str(name) for name in frame.columns]
    if len(frame) == 0:
        raise ValueError(f"{argument} has no rows; at least one is needed")
    return frame


def is_pandas(value: object) -> TypeGuard[Any]:
    """Whether it is a DataFrame of pandas, which is not imported for the question."""
    pandas: Any = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def narwhal(data: object, argument: str) -> Any:
    """A DataFrame as one of narwhals'.

    Raises
    ------
    TypeError
        It is no DataFrame, or a lazy one.
    ValueError
        It has two columns of one name.
    """
    import narwhals
    import narwhals.stable.v2 as nw
    from narwhals.exceptions import DuplicateError

    try:
        # one of narwhals' own may be of its other interface
        frame = nw.from_native(narwhals.to_native(cast(Any, data), pass_through=True), pass_through=True)
    except DuplicateError:
        names = [str(name) for name in cast(Any, data).columns]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"{argument} has {names.count(twice)} columns named {twice!r}; names must differ"
        ) from None
    if isinstance(frame, nw.LazyFrame):
        raise TypeError(
            f"{argument} is a lazy frame ({type(data).__module__}.{type(data).__name__}), whose rows are not "
            "there yet; pass what its collect() returns"
        )
    if not isinstance(frame, nw.DataFrame):
        raise TypeError(f"{argument} must be a DataFrame or a mapping of columns; got {type(data).__name__}")
    return frame


def _of_mapping(data: Mapping[Any, Any], argument: str) -> Frame:
    import pandas as pd

    columns = {name: _alone(column) for name, column in data.items()}
    lengths = {name: 1 if np.ndim(column) == 0 else len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} {length}" for name, length in list(lengths.items())[:8])
        raise ValueError(f"{argument} must have columns of one length; got {shown}")
    return pd.DataFrame(columns, index=range(max(lengths.values(), default=0)))


def _alone(column: Any) -> Any:
    """A column of a mapping without an index that pandas would go by."""
    import pandas as pd

    if isinstance(column, pd.Series):
        return column.reset_index(drop=True)
    if isinstance(column, np.ndarray | list | tuple) or np.isscalar(column):
        return column
    import narwhals.stable.v2 as nw

    found = nw.from_native(column, series_only=True, pass_through=True)
    return in_pandas(read(found, "")) if isinstance(found, nw.Series) else column


def columns(frame: Frame, names: Iterable[str], argument: str = "data", advice: str = "") -> Frame:
    """The columns `names` alone, in that order, as a pandas DataFrame whose rows are counted from 0.

    They have the dtypes of NumPy.  Whole numbers become int64, other numbers float64 (nullable ones, and
    decimals, too), truth values bool; text and categories stay.

    Raises
    ------
    ValueError
        A column is missing or stands there twice, or has missing values: its name, how many, and the first
        row; `advice` says what can be done.
    """
    import pandas as pd

    found = {}
    for name in names:
        if name not in frame.columns:
            raise ValueError(f"{argument} has no column {name!r}; {others(frame.columns, name)}")
        column = frame[name]
        if isinstance(column, pd.DataFrame):
            raise ValueError(f"{argument} has {column.shape[1]} columns named {name!r}; names must differ")
        if isinstance(column, pd.Series):
            gone = column.isna().to_numpy()
            column = column.reset_index(drop=True)
        else:
            values = read(column, name)
            gone = np.zeros(0, bool) if values.missing is None else values.missing
            column = in_pandas(values)
        if gone.any():
            raise ValueError(gaps(argument, name, gone) + advice)
        found[name] = _plain(column)
    return pd.DataFrame(found, index=range(len(frame)), copy=False)


def take(frame: Frame, names: list[str], kept: Mask) -> Frame:
    """The rows of the columns `names` where `kept` is true."""
    if is_pandas(frame):
        return frame.loc[kept, names]
    return frame.select(names).filter(kept.tolist())


def in_pandas(column: Values) -> Column:
    """A column that was read, as pandas has it."""
    import pandas as pd

    if column.kind == "levels" and column.declared:
        categories: Any = list(column.levels)
        return pd.Series(pd.Categorical.from_codes(column.values, categories))
    if column.kind == "levels":
        return pd.Series(column.labels(), dtype=object)
    if column.missing is not None and column.kind in ("number", "boolean"):
        return pd.Series(column.floats())
    return pd.Series(column.values)


def others(columns: Iterable[object], name: str) -> str:
    """What a message says of a name that is no column: the one meant, or which there are."""
    names = [str(other) for other in columns]
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
    if isinstance(column.dtype, pd.ArrowDtype):  # of which formulaic knows no levels
        return in_pandas(read_series(column, str(column.name)))
    return column


def kind_of(column: Column) -> str:
    """``"numbers"`` (truth values are), or the dtype."""
    return "numbers" if column.dtype.kind in "iufb" else str(column.dtype)


def in_floats(frame: Frame) -> Frame:
    """The frame with whole numbers as float64, in which no power or product wraps around."""
    whole = [name for name in frame.columns if frame[name].dtype.kind in "iu"]
    return frame.assign(**{name: frame[name].astype(np.float64) for name in whole}) if whole else frame
