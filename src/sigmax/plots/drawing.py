"""Small things that several displays draw."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from sigmax.plots.display import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text


def line_style(index: int) -> str:
    """Of the curve of a class: classes whose colours repeat have another one."""
    return ("-", "--", ":", "-.")[index // len(COLOURS) % 4]


def marker(index: int) -> str:
    """Of the rows of a class, in the same manner."""
    return "o^sD"[index // len(COLOURS) % 4]


def backed(text: Text) -> None:
    """Give a text a light ground, so that a line through it does not strike it out."""
    text.set_bbox({"facecolor": "white", "alpha": 0.8, "linewidth": 0.0, "pad": 0.8})


def note_above(ax: Axes, note: str) -> None:
    """A small line above the axes: under which conditions the picture holds; nothing where it is empty."""
    if note:
        ax.set_title(_filled(note, ax, "width", 14.0), fontsize="small", color="0.35", loc="left")


def name_axes(ax: Axes, x: str, y: str) -> None:
    """Names below and beside the axes, in two lines at most."""
    ax.set_xlabel(_filled(x, ax, "width", 11.0, 2))
    ax.set_ylabel(_filled(y, ax, "height", 11.0, 2))


def _filled(text: str, ax: Axes, side: str, an_inch: float, lines: int | None = None) -> str:
    """A text in lines that are not longer than a side of the axes, of so many characters an inch."""
    figure: Any = ax.figure
    box = ax.get_position()
    inches = box.width * figure.get_figwidth() if side == "width" else box.height * figure.get_figheight()
    most = max(int(inches * an_inch), 14)
    if lines is not None:
        text = shortened(text, lines * most - 4)
    return textwrap.fill(text, most)


def shortened(name: str, most: int) -> str:
    """A name of at most so many characters; the middle of a longer one is left out."""
    if len(name) <= most:
        return name
    head = (most - 1) // 2
    return f"{name[:head]}\u2026{name[len(name) - (most - 1 - head) :]}"
