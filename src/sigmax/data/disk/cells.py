"""Cells of a batch as a model reads them: text becomes numbers, what is missing becomes null.

Whole columns at a time, in Arrow; only the search for a bad cell goes from cell to cell.
"""

from __future__ import annotations

from typing import Any

from sigmax.data.disk.files import MISSING

#: how a column is read: numbers, whole numbers, truth values, text; "as it is" leaves a typed one alone
KINDS = ("number", "whole", "truth", "text")
_TRUE = ["1", "true", "True", "TRUE"]
_FALSE = ["0", "false", "False", "FALSE"]


class BadCell(ValueError):
    """A cell is not of the kind that is needed.

    Attributes
    ----------
    row : int
        In the batch, from 0.
    """

    def __init__(self, row: int, text: str) -> None:
        super().__init__(text)
        self.row = row


def read(column: Any, kind: str) -> Any:
    """A column as `kind`, with null for what is missing.

    Parameters
    ----------
    column : pyarrow.Array
        Of text, as a CSV file has it, or of any type.
    kind : one of KINDS

    Raises
    ------
    BadCell
        The first cell that cannot be read; or row 0, of a column whose type is of another kind.
    """
    import pyarrow.types as types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    text = types.is_string(column.type) or types.is_large_string(column.type)
    if text:
        return _of_text(column, kind)
    if kind == "number":
        return _of_numbers(column)
    return column


def _of_numbers(column: Any) -> Any:
    """A typed column as float64; nan is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    kind = column.type
    if types.is_boolean(kind):
        column = column.cast(pa.uint8())
    elif not (
        types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind)
    ):
        raise BadCell(0, f"holds {kind}, not numbers")
    # whole numbers beyond 2^53 are rounded, as NumPy rounds them
    return _nan_is_missing(pc.cast(column, pa.float64(), safe=False))


def _of_text(column: Any, kind: str) -> Any:
    import pyarrow as pa

    if kind == "text":
        return _without_missing(column)
    try:
        # what most columns are: numbers without a gap
        return _nan_is_missing(column.cast(pa.float64())) if kind == "number" else column.cast(_type(kind))
    except pa.ArrowInvalid:
        pass
    import pyarrow.compute as pc

    column = _without_missing(pc.utf8_trim_whitespace(column))
    if kind in ("number", "truth"):
        truth = pc.if_else(
            pc.is_in(column, pa.array(_TRUE)),
            "1",
            pc.if_else(pc.is_in(column, pa.array(_FALSE)), "0", column),
        )
        column = truth
    try:
        found = column.cast(pa.float64() if kind == "number" else _type(kind))
    except pa.ArrowInvalid:
        row = _first_bad(column, kind)
        wanted = {"number": "a number", "whole": "a whole number", "truth": "true or false"}[kind]
        raise BadCell(row, f"needs {wanted}, but holds {column[row].as_py()!r}") from None
    return _nan_is_missing(found) if kind == "number" else found


def _type(kind: str) -> Any:
    import pyarrow as pa

    return {"whole": pa.int64(), "truth": pa.bool_()}[kind]


def _without_missing(column: Any) -> Any:
    """Text with null for what stands for a missing value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = pc.is_in(column, pa.array(MISSING, column.type))
    return pc.if_else(missing, pa.scalar(None, column.type), column)


def _nan_is_missing(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    nan = pc.is_nan(column)
    return pc.if_else(nan, pa.scalar(None, pa.float64()), column) if pc.any(nan).as_py() else column


def _first_bad(column: Any, kind: str) -> int:
    """The first cell that the cast refuses: halves are tried, so that the cast alone is the judge."""
    import pyarrow as pa

    target = pa.float64() if kind == "number" else _type(kind)
    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            column.slice(low, middle - low).cast(target)
            low = middle
        except pa.ArrowInvalid:
            high = middle
    return low
