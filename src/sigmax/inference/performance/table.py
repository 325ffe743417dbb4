"""Tables of the measures: as text, as HTML, as a DataFrame."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

_WIDTH = 92


@dataclass(frozen=True, slots=True)
class Table:
    """A title, columns with names, notes below; cells are text already."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Columns as wide as their longest cell, the first to the left."""
        cells = [self.header, *self.rows]
        widths = [max(len(row[j]) for row in cells) for j in range(len(self.header))]
        lines = [
            "  ".join(
                cell.ljust(width) if j == 0 else cell.rjust(width)
                for j, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in cells
        ]
        notes = [line for note in self.notes for line in textwrap.wrap(note, _WIDTH)]
        return "\n".join([self.title, "", *lines, *(["", *notes] if notes else [])])

    def html(self) -> str:
        """The same as an HTML table."""

        def row(cells: tuple[str, ...], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        head, body = row(self.header, "th"), "".join(row(cells, "td") for cells in self.rows)
        foot = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        caption = f"<caption>{escape(self.title)}</caption>"
        return f"<table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>{foot}"


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
    return f"p = {p:.4f}" if p >= 1e-4 or p != p else f"p = {p:.1e}"


def frame(columns: Mapping[str, Any], index: Sequence[Any], name: str) -> Any:
    """A pandas DataFrame; pandas is imported here.

    Raises
    ------
    ImportError
        Without pandas.
    """
    import pandas as pd

    return pd.DataFrame(columns, index=pd.Index(index, name=name))
