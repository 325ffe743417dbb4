"""Tables of the measures: as text, as HTML, as a DataFrame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sigmax.inference.tables import Table, require_pandas


def table(
    title: str, header: tuple[str, ...], rows: tuple[tuple[str, ...], ...], notes: tuple[str, ...] = ()
) -> Table:
    """A title, columns with names, notes below; cells are text already."""
    return Table(header, rows, title, notes=notes)


def number(x: float, digits: int = 4) -> str:
    """``0.8413``: so many decimals, exponents for what they do not show."""
    if x != 0.0 and abs(x) < 10.0**-digits:
        return f"{x:.{digits - 1}e}"
    return f"{x:z.{digits}f}"


def count(x: float) -> str:
    """``1,234``, or with two decimals where it is not whole."""
    return f"{x:,.0f}" if x == round(x) else f"{x:,.2f}"


def p_value(p: float) -> str:
    """``p = 0.0083``, ``p = 2.1e-14``."""
    if p == 0.0:
        return "p < 1e-307"
    return f"p = {p:.4f}" if p >= 1e-4 or p != p else f"p = {p:.1e}"


def frame(columns: Mapping[str, Any], index: Sequence[Any], name: str) -> Any:
    """A pandas DataFrame; pandas is imported here.

    Raises
    ------
    ImportError
        Without pandas.
    """
    pd = require_pandas("to_frame()")
    return pd.DataFrame(columns, index=pd.Index(index, name=name))
