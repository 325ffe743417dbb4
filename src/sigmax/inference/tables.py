"""Numbers in columns: as many digits as their errors give sense to, points in line, as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np


def decimals(error: float) -> int:
    """Decimals that show four significant digits of a standard error."""
    if not np.isfinite(error) or error <= 0.0:
        return 4
    return min(max(3 - int(np.floor(np.log10(error))), 0), 12)


def in_line(values: list[float], digits: list[int]) -> list[str]:
    """Each value with its own decimals, padded on the right so that the points stand in line."""
    most = max(digits)
    return [
        f"{x:z.{d}f}" + " " * (most - d + (1 if d == 0 and most else 0))
        for x, d in zip(values, digits, strict=True)
    ]


def aligned(lines: list[tuple[str, ...]], header: tuple[str, ...]) -> list[str]:
    """Columns as wide as their longest cell; the first to the left, the others to the right."""
    cells = [header, *lines]
    widths = [max(len(row[j]) for row in cells) for j in range(len(header))]
    return [
        "  ".join(
            cell.ljust(width) if j == 0 else cell.rjust(width)
            for j, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of HTML; the first column to the left, the others to the right."""

    def line(cells: Sequence[str], kind: str) -> str:
        sides = ["left", *["right"] * (len(cells) - 1)]
        return "".join(
            f'<{kind} style="text-align: {side}">{html.escape(cell.strip())}</{kind}>'
            for cell, side in zip(cells, sides, strict=True)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f"<table><thead><tr>{line(header, 'th')}</tr></thead><tbody>{body}</tbody></table>"
