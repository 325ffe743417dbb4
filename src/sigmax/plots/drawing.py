"""Small things that several displays draw."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text


def backed(text: Text) -> None:
    """Give a text a light ground, so that a line through it does not strike it out."""
    text.set_bbox({"facecolor": "white", "alpha": 0.8, "linewidth": 0.0, "pad": 0.8})


def note_above(ax: Axes, note: str) -> None:
    """A small line above the axes: under which conditions the picture holds; nothing where it is empty."""
    if note:
        # as many characters as the width of the axes has room for
        inches = ax.get_position().width * ax.figure.get_figwidth()  # type: ignore[union-attr]
        wrapped = textwrap.fill(note, max(int(inches * 14.0), 20))
        ax.set_title(wrapped, fontsize="small", color="0.35", loc="left")


def shortened(name: str, most: int) -> str:
    """A name of at most so many characters; the middle of a longer one is left out."""
    if len(name) <= most:
        return name
    head = (most - 1) // 2
    return f"{name[:head]}\u2026{name[len(name) - (most - 1 - head) :]}"
