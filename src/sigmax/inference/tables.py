"""Tables of text and of HTML: points in line, names whole however long, facts and notes below.

def _table(self) -> Table:
    digits = [decimals(e) for e in errors]
    columns = [names, in_line(effects, digits), in_line(errors, digits), ...]
    return Table(("", "effect", "std. error", "[95 % interval", "]"), list(zip(*columns)), title="...")

in a class that is :class:`Tabular`.
"""

from __future__ import annotations

import html
import math
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

#: columns of a terminal
WIDTH = 92
#: beyond these decimals, and from this size on, a number is written with an exponent
_DECIMALS = 12
_LARGE = 1e13
_SMALL = 1e-4
#: in place of decimals: four digits and an exponent
_EXPONENT = 10_000
#: columns between name and text of a fact
_FACT = 16
#: a name gets at least this many columns
_ROOM = 12

_STYLE = """\
.sigmax-table {color: inherit; background: transparent; overflow-x: auto; font-size: 0.95em}
.sigmax-table table {border-collapse: collapse; border: 0; margin: 0 0 0.6em 0; color: inherit}
.sigmax-table caption {caption-side: top; text-align: left; font-weight: 600; padding: 0.2em 0.6em 0.5em;
  color: inherit; white-space: normal}
.sigmax-table tr, .sigmax-table tr:hover, .sigmax-table tr:nth-child(even) {background: transparent}
.sigmax-table th, .sigmax-table td {border: 0; padding: 0.15em 0.6em; vertical-align: baseline;
  color: inherit}
.sigmax-table thead th {text-align: right; font-weight: 500; white-space: nowrap;
  border-bottom: 1px solid rgba(128, 128, 128, 0.7)}
.sigmax-table thead th:first-child {text-align: left}
.sigmax-table thead th.sigmax-both {text-align: center}
.sigmax-table p {margin: 0.2em 0.6em}
.sigmax-table tbody th {text-align: left; font-weight: 400; overflow-wrap: anywhere; min-width: 6em}
.sigmax-table tbody th.sigmax-group {font-weight: 600; padding-top: 0.7em}
.sigmax-table tbody td {text-align: right; font-family: ui-monospace, Menlo, Consolas, monospace;
  font-size: 0.93em; white-space: pre}
.sigmax-table table.sigmax-facts {border-top: 1px solid rgba(128, 128, 128, 0.7); max-width: 62em}
.sigmax-table table.sigmax-facts th {white-space: nowrap; opacity: 0.75}
.sigmax-table table.sigmax-facts td {text-align: left; font: inherit; white-space: normal;
  overflow-wrap: anywhere}
.sigmax-table span.sigmax-item {margin-right: 1.6em}
"""


def decimals(error: float) -> int:
    """Decimals that show four significant digits of a standard error; 4 where it is no positive number."""
    if not math.isfinite(error) or error <= 0.0:
        return 4
    return max(3 - math.floor(math.log10(error)), 0)


def in_line(values: Sequence[float], digits: Sequence[int] | None = None) -> list[str]:
    """Numbers of one column, each with its own decimals.

    Parameters
    ----------
    values : sequence of float
    digits : sequence of int, optional
        Decimals of each value, as :func:`decimals` gives them for its error.  By default a value has four
        significant digits, and an exponent below 1e-4.

    Returns
    -------
    list of str
        Padded on the right so that the points stand in line.  Where a point would stand too far from the
        digits, above 12 decimals or 13 digits before it, a number has an exponent.
    """
    if digits is None:
        digits = [decimals(abs(x)) if abs(x) >= _SMALL or not x else _EXPONENT for x in values]
    most = max((d for d in digits if d <= _DECIMALS), default=0)
    return [_number(x, d, most) for x, d in zip(values, digits, strict=True)]


def _number(x: float, d: int, most: int) -> str:
    if not math.isfinite(x):
        return f"{x:g}"
    if d == _EXPONENT:
        return f"{x:.3e}"
    if abs(x) >= _LARGE:
        return f"{x:.6g}"
    if d > _DECIMALS:
        # the digits that d decimals would show
        significant = math.floor(math.log10(abs(x))) + d + 1 if x else 1
        return f"{x:.{min(max(significant, 1), 16)}g}"
    return f"{x:z.{d}f}" + " " * (most - d + (1 if d == 0 and most else 0))


def require_pandas(what: str) -> ModuleType:
    """The package pandas; ImportError that names `what` needs it."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError(f"{what} needs pandas, which is not installed: pip install pandas") from error
    found: ModuleType = pandas
    return found


def printable(text: str) -> str:
    r"""The same with ``\n`` and the like written out, so that it stays in its line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _columns(text: str) -> int:
    """Columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def _left(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))


def _right(text: str, width: int) -> str:
    return " " * (width - _columns(text)) + text


def _pieces(text: str, width: int) -> list[str]:
    """A long name in as many lines as it takes, between words where there are any."""
    return textwrap.wrap(text, width, break_on_hyphens=False)


@dataclass(frozen=True, slots=True)
class Table:
    """What a table says, apart from how it is drawn.

    Attributes
    ----------
    header : sequence of str
        Of each column.  Two in a row that are ``"[words"`` and ``"]"`` head an interval, its two ends.
    rows : sequence of (sequence of str, or str)
        Cells, as many as there are columns; the first, a name, stands on the left, the others on the right.
        A str alone begins a group of rows, and is its heading.
    title : str
    facts : sequence of (str, sequence of str)
        What stands below: a name, and one text or several that belong together.
    notes : sequence of str
        Sentences below all that.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str] | str]
    title: str = ""
    facts: Sequence[tuple[str, Sequence[str]]] = ()
    notes: Sequence[str] = ()

    def text(self, width: int = WIDTH) -> str:
        """The table for a terminal.

        Parameters
        ----------
        width : int
            Columns.  Numbers that need more take more.  A name that is too long for its column stands in
            lines of its own, above its numbers.
        """
        lines = [*_paragraph(self.title, width), ""] if self.title else []
        lines += self._lines(width)
        if self.facts and self.rows:
            lines += [""]
        for name, items in self.facts:
            wide = printable("   ".join(items))
            lines += _paragraph(f"{name:<{_FACT - 1}} {wide}", width, " " * _FACT)
        if self.notes:
            lines += ["", *(line for note in self.notes for line in _paragraph(note, width))]
        return "\n".join(lines)

    def _lines(self, width: int) -> list[str]:
        if not self.rows:
            return []
        cells = [tuple(row) for row in self.rows if not isinstance(row, str)]
        names = [printable(row[0]) for row in (self.header, *cells)]
        others = [max(map(_columns, column)) for column in zip(self.header, *cells, strict=True)][1:]
        indent = "  " if len(cells) < len(self.rows) else ""
        room = max(width - len(indent) - sum(others) - 2 * len(others), _ROOM)
        first = max((n for n in map(_columns, names) if n <= room), default=0)

        def line(row: Sequence[str]) -> list[str]:
            name = printable(row[0])
            above = _pieces(name, width - len(indent)) if _columns(name) > first else []
            numbers = [_right(cell, w) for cell, w in zip(row[1:], others, strict=True)]
            last = "  ".join([_left("" if above else name, first), *numbers])
            return [(indent + text).rstrip() for text in (*above, last)]

        header, lines = line(self.header), []
        if not isinstance(self.rows[0], str):
            lines += header
        for i, row in enumerate(self.rows):
            if isinstance(row, str):
                lines += [""] if i else []
                lines += [*_pieces(printable(row), width), *header]
            else:
                lines += line(row)
        return lines

    def html(self) -> str:
        """The table for a notebook: HTML that brings its style, in the colours of its surroundings."""
        parts = ['<div class="sigmax-table">', f"<style>\n{_STYLE}</style>"]
        if self.rows or self.title:
            parts += ["<table>"]
            parts += [f"<caption>{_escape(self.title)}</caption>"] if self.title else []
            parts += [f"<thead><tr>{_html_header(self.header)}</tr></thead>"] if self.rows else []
            parts += ["<tbody>", *map(self._html_row, self.rows), "</tbody>", "</table>"]
        if self.facts:
            parts += ['<table class="sigmax-facts">', "<tbody>"]
            for name, items in self.facts:
                cell = _escape(items[0])
                if len(items) > 1:
                    cell = "".join(f'<span class="sigmax-item">{_escape(item)}</span> ' for item in items)
                parts += [f'<tr><th scope="row">{_escape(name)}</th><td>{cell}</td></tr>']
            parts += ["</tbody>", "</table>"]
        parts += [f"<p>{_escape(note)}</p>" for note in self.notes]
        return "\n".join([*parts, "</div>"])

    def _html_row(self, row: Sequence[str] | str) -> str:
        if isinstance(row, str):
            n = len(self.header)
            return f'<tr><th class="sigmax-group" scope="rowgroup" colspan="{n}">{_escape(row)}</th></tr>'
        cells = "".join(f"<td>{_escape(cell)}</td>" for cell in row[1:])
        return f'<tr><th scope="row">{_escape(row[0])}</th>{cells}</tr>'


class Tabular:
    """What is shown as a table."""

    __slots__ = ()

    def _table(self) -> Table:
        raise NotImplementedError

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()


def label_text(label: object) -> str:
    """The text of a class's label, or of a level: ``2`` for 2.0."""
    plain = label.tolist() if isinstance(label, np.generic) else label
    return str(int(plain)) if isinstance(plain, float) and plain.is_integer() else str(plain)


def _html_header(header: Sequence[str]) -> str:
    cells, after = [], [*header[1:], ""]
    for name, following in zip(header, after, strict=True):
        if name.startswith("[") and following == "]":
            cells += [f'<th class="sigmax-both" scope="colgroup" colspan="2">{_escape(name[1:])}</th>']
        elif name != "]":
            cells += [f'<th scope="col">{_escape(name)}</th>']
    return "".join(cells)


def _escape(text: str) -> str:
    return html.escape(printable(text))


def _paragraph(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        printable(text), width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
