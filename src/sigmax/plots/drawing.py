"""What several displays draw alike: grounds, grids, legends, names of axes."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from sigmax.plots.display import COLOURS
from sigmax.plots.words import cut, escaped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.text import Text

#: between long dashes of lines that are there for comparison: diagonals, levels
DASHES = (0, (4, 3))


def line_style(index: int) -> str:
    """Of the curve of a class: classes whose colours repeat have another one."""
    return ("-", "--", ":", "-.")[index // len(COLOURS) % 4]


def marker(index: int) -> str:
    """Of the rows of a class, in the same manner."""
    return "o^sD"[index // len(COLOURS) % 4]


def ground(ax: Axes) -> tuple[float, float, float]:
    """What the data lie on: the face of the axes, or that of the figure where the axes have none."""
    from matplotlib.colors import to_rgb, to_rgba

    figure: Any = ax.figure
    for face in (ax.get_facecolor() if ax.axison else "none", figure.get_facecolor()):
        if to_rgba(face)[3] > 0.0:
            return to_rgb(face)
    return (1.0, 1.0, 1.0)


def ink(ax: Axes) -> tuple[float, float, float]:
    """Black or white, whichever is seen on the ground."""
    red, green, blue = ground(ax)
    return (0.0, 0.0, 0.0) if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else (1.0, 1.0, 1.0)


def mixed(ax: Axes, share: float, paint: str | None = None) -> tuple[float, float, float]:
    """A colour between the ground, share 0, and `paint`, by default the ink, share 1."""
    from matplotlib.colors import to_rgb

    over = ink(ax) if paint is None else to_rgb(paint)
    red, green, blue = (
        share * one + (1.0 - share) * other for one, other in zip(over, ground(ax), strict=True)
    )
    return red, green, blue


def backed(text: Text, ax: Axes) -> None:
    """Give a text the ground of its axes, so that a line through it does not strike it out."""
    text.set_bbox({"facecolor": ground(ax), "alpha": 0.8, "linewidth": 0.0, "pad": 0.8})


def grid(ax: Axes, axis: Any = "both") -> None:
    """Pale lines below the data."""
    ax.grid(axis=axis, color=mixed(ax, 0.08), linewidth=0.8, linestyle="-")
    ax.set_axisbelow(True)


def legend(ax: Axes, **more: Any) -> Legend:
    """The legend, on the data where it must be; they shine through."""
    size = "small" if room(ax, 10.0, 28) == 28 else "x-small"
    look = {"fontsize": size, "title_fontsize": size, "framealpha": 0.85, "edgecolor": "none", **more}
    return ax.legend(**look)


def legend_beside(ax: Axes, title: str, handles: Any = None) -> Legend:
    """The legend to the right of axes that are full of data; a layout makes room for it."""
    more = {} if handles is None else {"handles": handles}
    return legend(
        ax,
        title=escaped(cut(title, room(ax, 5.0, 24))) if title else None,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        frameon=False,
        **more,
    )


def room(ax: Axes, an_inch: float, most: int) -> int:
    """Characters that a name beside the axes may have: so many an inch of their width, 8 to `most`."""
    figure: Any = ax.figure
    return max(8, min(most, int(an_inch * ax.get_position().width * figure.get_figwidth())))


def of_classes(response: str) -> str:
    """The title of a legend of classes: the name of what has them, where it has one."""
    return "class" if response in ("", "y") else response


def note_above(ax: Axes, note: str) -> None:
    """A small line above the axes: under which conditions the picture holds; nothing where it is empty."""
    if note:
        ax.set_title(_filled(note, ax, "width", 14.0), fontsize="small", alpha=0.7, loc="left")


def name_axes(ax: Axes, x: str, y: str) -> None:
    """Names below and beside the axes, in three lines at most; a single word in one."""
    ax.set_xlabel(_filled(x, ax, "width", 11.5, 3))
    ax.set_ylabel(_filled(y, ax, "height", 11.5, 3))


def _filled(text: str, ax: Axes, side: str, an_inch: float, lines: int | None = None) -> str:
    """A text in lines that are not longer than a side of the axes, of so many characters an inch."""
    figure: Any = ax.figure
    box = ax.get_position()
    inches = box.width * figure.get_figwidth() if side == "width" else box.height * figure.get_figheight()
    most = max(int(inches * an_inch), 14)
    if lines is not None:
        text = cut(text, lines * most - 4 if " " in text.strip() else most)
    return escaped(textwrap.fill(text, most, break_on_hyphens=False))
