"""Speed-up bars at equal accuracy: of each library its fastest setting that is accurate.

A bar is the median over rounds of the other's time over sigmax's, its whisker the quartiles.  A library
none of whose peers comes within 1e-6 standard errors has a hollow bar that says so; an answer that is off by
a standard error or more has no bar at all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import look
import words
from bars import Bar, bars, chosen, summary
from documents import NO_ANSWER, Document

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: inches of a bar, of the names of libraries, and left of them
_ROW, _NAMES, _MARGIN = 0.205, 1.52, 0.1
#: points of the longest name of a setting
_SETTING = 110.0
#: rows between problems, and that its title takes
_GAP, _TITLE = 0.75, 1.1
#: marks of the axis, densest first
_MARKS = (
    tuple(a * 10.0**e for e in range(-6, 7) for a in (1, 2, 5)),
    tuple(a * 10.0**e for e in range(-6, 7) for a in (1, 3)),
    tuple(10.0**e for e in range(-6, 7)),
    tuple(100.0**e for e in range(-3, 4)),
)


_DETAIL = (
    "Time of each library's fastest setting that comes within 1e-6 standard errors of the certified "
    "optimum, in times of sigmax's; medians and quartiles over rounds. Hollow: not that accurate."
)


def _rows(group: Sequence[Bar]) -> float:
    return _TITLE + len(group) + _GAP


def _columns(groups: dict[str, list[Bar]]) -> tuple[list[str], list[str]]:
    """Problems of the left and of the right column, of nearly the same height."""
    names = list(groups)
    heights = [_rows(groups[name]) for name in names]
    cut = min(range(1, len(names) + 1), key=lambda i: (max(sum(heights[:i]), sum(heights[i:])), i))
    return names[:cut], names[cut:]


def picture(record: Document, theme: look.Theme, *, warning: str = "") -> str:
    """The README's figure, as SVG.

    Raises
    ------
    ValueError
        See `bars`.
    """
    groups = chosen(bars(record))
    said = warning + summary(record)
    columns = [column for column in _columns(groups) if column]
    inches = [_ROW * sum(_rows(groups[name]) for name in column) for column in columns]
    top = look.heading_inches(said, _DETAIL) + 0.1
    height = top + max(inches) + 0.45

    def paint(figure: Figure, theme: look.Theme) -> None:
        look.heading(figure, theme, said, _DETAIL)
        step = look.WIDTH / len(columns)
        wide = step - _NAMES - 0.12
        drawn = [bar for group in groups.values() for bar in group if bar.error <= NO_ANSWER]
        low, high = _limits(drawn, wide)
        for index, (column, tall) in enumerate(zip(columns, inches, strict=True)):
            ax = look.axes(figure, theme, index * step + _NAMES, height - top - tall, wide, tall)
            _column(ax, theme, [groups[name] for name in column], low, high, wide)

    return look.svg(paint, theme, height)


def _limits(drawn: Sequence[Bar], wide: float) -> tuple[float, float]:
    """Of the axis: such that what stands beside the longest bar finds its room."""
    low = 0.92 * min(1.0, *(bar.quartiles[0] for bar in drawn))
    span = 0.5
    for bar in drawn:
        room = 1.0 - (look.text_width(" " + _text(bar), bold=False) + 9.0) / (72.0 * wide)
        end = max(bar.quartiles[1], bar.quartiles[2], 1.0)
        span = max(span, math.log10(end / low) / max(room, 0.1))
    return low, low * 10.0**span


def _text(bar: Bar) -> str:
    if not bar.error <= NO_ANSWER:
        return f"no answer: off by {words.power(bar.error)} se"
    if not bar.exact:
        return f"not accurate: {words.off(bar.error)} se"
    setting = look.cut(look.configuration(bar.peer), _SETTING)
    return f"{words.times(bar.quartiles[1])} {setting}".strip()


def _column(
    ax: Axes, theme: look.Theme, groups: Sequence[Sequence[Bar]], low: float, high: float, wide: float
) -> None:
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    y = 0.0
    for group in groups:
        ax.text(
            -(_NAMES - _MARGIN) / wide, y + 0.45, _cut(group[0], wide), va="center", weight="bold",
            transform=ax.get_yaxis_transform(), size=look.NORMAL,
        )  # fmt: skip
        ax.text(
            1.0, y + 0.45, _of_ours(group[0]), transform=ax.get_yaxis_transform(),
            ha="right", va="center", color=theme["sigmax"], size=look.SMALL, weight="bold",
        )  # fmt: skip
        top = y + _TITLE - 0.1
        y += _TITLE + 0.5
        for bar in group:
            _paint(ax, theme, y, bar)
            y += 1.0
        y += _GAP - 0.5
        ax.plot([1.0, 1.0], [top, y - _GAP + 0.1], color=theme["sigmax"], linewidth=2.0, zorder=3)
    ax.set_ylim(y, 0.0)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.spines["bottom"].set_color(theme["faint"])
    longest = max((bar.quartiles[2] for group in groups for bar in group), default=1.0)
    far = min(high, max(1.2 * longest, 2.0))
    # 25 points for each
    room = 72.0 * wide / math.log10(high / low)
    several = next((m for m in _MARKS if room * _nearest(m) > 25.0), _MARKS[-1])
    marks = [mark for mark in several if low <= mark <= far]
    ax.set_xticks(marks, [f"{words.power(mark) if mark < 1e-3 else f'{mark:g}'}x" for mark in marks])
    ax.minorticks_off()
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("times sigmax's time", size=look.SMALL, color=theme["soft"], loc="left")


def _nearest(marks: Sequence[float]) -> float:
    """Least distance of two marks, in powers of ten."""
    return min(math.log10(b / a) for a, b in itertools.pairwise(marks))


def _cut(bar: Bar, wide: float) -> str:
    """The title of a problem, cut to what the time of sigmax leaves."""
    room = 72.0 * (wide + _NAMES - _MARGIN) - look.text_width(_of_ours(bar), bold=True) - 8.0
    return look.cut(bar.title, room, look.NORMAL, bold=True)


def _of_ours(bar: Bar) -> str:
    return f"sigmax {words.seconds(bar.ours)}"


def _paint(ax: Axes, theme: look.Theme, y: float, bar: Bar) -> None:
    """A bar, its whisker, the library before it and what it says behind it."""
    shade = look.colour(bar.peer, theme)
    first, middle, third = bar.quartiles
    end = 1.0
    if bar.error <= NO_ANSWER:
        end = max(middle, third, 1.0)
        if bar.exact:
            ax.barh(y, middle - 1.0, left=1.0, height=0.7, color=shade)
            ax.plot([first, third], [y, y], color=theme["ink"], linewidth=0.9, solid_capstyle="butt")
        else:
            ax.barh(
                y, middle - 1.0, left=1.0, height=0.62, facecolor="none", edgecolor=shade, linewidth=0.8,
                hatch="////", alpha=0.75,
            )  # fmt: skip
    name = look.cut(look.library(bar.peer), 72.0 * (_NAMES - _MARGIN) - 4.0)
    before = ax.get_yaxis_transform()
    ax.text(
        -0.02, y, name, transform=before, ha="right", va="center", size=look.SMALL,
        color=theme["ink" if bar.exact else "soft"],
    )  # fmt: skip
    ax.annotate(
        _text(bar), (end, y), xytext=(5, 0), textcoords="offset points", va="center", size=look.SMALL,
        color=theme["ink" if bar.exact else "soft"],
    )  # fmt: skip
