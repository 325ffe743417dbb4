"""Names beside the ends of lines, in the place of a legend."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: left, low, right, high, in points of the figure
Box = tuple[float, float, float, float]
#: points of the longest name: longer ones are cut
_WIDEST = 170.0
#: where a name is tried, in points from the end of its line
_STEPS = (5.0, 12.0, 20.0, 30.0, 42.0, 56.0, 72.0, 90.0, 110.0, 135.0)
_DIRECTIONS = (
    (1.0, 0.0), (0.9, 0.45), (0.9, -0.45), (0.6, 0.8), (0.6, -0.8), (0.0, 1.0), (0.0, -1.0),
    (-0.6, 0.8), (-0.6, -0.8), (-1.0, 0.0), (-0.9, 0.45), (-0.9, -0.45),
)  # fmt: skip


def name_ends(
    ax: Axes,
    theme: look.Theme,
    ends: Sequence[tuple[float, float, str, str, bool]],
    drawn: Sequence[tuple[Sequence[float], Sequence[float]]],
    written: Sequence[Box] = (),
) -> None:
    """Write names beside the ends of lines, away from each other and from all lines.

    Parameters
    ----------
    ax : Axes
        With limits and scales that stay.
    theme : dict
    ends : sequence of (x, y, name, colour, bold)
        In the units of the data; those that come first choose first.
    drawn : sequence of (x, y)
        All lines.
    written : sequence of (left, low, right, high)
        Places of other text, in points of the figure.
    """
    points = [point for x, y in drawn for point in _samples(ax, x, y)]
    box = ax.get_window_extent()
    taken = list(written)
    for x, y, whole, shade, bold in ends:
        name = look.cut(whole, _WIDEST, bold=bold)
        at = ax.transData.transform((x, y))
        wide, high = look.text_width(name, bold=bold) + 2.0, 1.15 * look.SMALL
        best = None
        for step in _STEPS:
            for across, up in _DIRECTIONS:
                cx, cy = at[0] + step * across, at[1] + step * up
                left = cx if across > 0.0 else cx - wide if across < 0.0 else cx - wide / 2.0
                place = (left, cy - high / 2.0, left + wide, cy + high / 2.0)
                far = step + (0.0 if across > 0.0 else 6.0)
                if best is not None and far >= best[0]:
                    continue
                cost = far + _cost(place, taken, points, box)
                if best is None or cost < best[0]:
                    best = (cost, place, step)
        assert best is not None
        _, place, step = best
        taken.append(place)
        middle = (place[1] + place[3]) / 2.0
        inverse = ax.transData.inverted()
        if step > 12.0:
            near = min(max(at[0], place[0]), place[2])
            close = middle if abs(near - at[0]) > 1e-9 else (place[1] if place[1] > at[1] else place[3])
            leader = inverse.transform([(at[0], at[1]), (near, close)])
            ax.plot(leader[:, 0], leader[:, 1], color=shade, linewidth=0.6, alpha=0.7, zorder=1.5)
        tx, ty = inverse.transform((place[0] + 1.0, middle))
        weight = "bold" if bold else "normal"
        ax.text(
            tx,
            ty,
            name,
            color=shade,
            size=look.SMALL,
            weight=weight,
            va="center_baseline",
            ha="left",
            zorder=5,
        )


def _samples(ax: Axes, x: Sequence[float], y: Sequence[float]) -> list[tuple[float, float]]:
    """Points of a line, in points of the figure, close enough that no name fits between."""
    at = ax.transData.transform(list(zip(x, y, strict=True)))
    found = [(float(u), float(v)) for u, v in at]
    for (a, b), (c, d) in itertools.pairwise(at):
        count = int(max(abs(c - a), abs(d - b)) / 4.0)
        found += [(a + (c - a) * i / (count + 1), b + (d - b) * i / (count + 1)) for i in range(1, count + 1)]
    return found


def _cost(
    place: Box,
    taken: Sequence[Box],
    points: Sequence[tuple[float, float]],
    box: Any,
) -> float:
    """Of a name at that place, in points of distance that it is worth to avoid it."""
    left, low, right, high = place
    cost = 0.0
    for a, b, c, d in taken:
        across, up = min(right, c) - max(left, a), min(high, d) - max(low, b)
        if across > 0.0 and up > 0.0:
            cost += 1000.0 + across * up
    cost += 25.0 * sum(left - 1 < u < right + 1 and low < v < high for u, v in points)
    outside = max(box.x0 - left, 0.0) + max(right - box.x1, 0.0)
    outside += max(box.y0 - low, 0.0) + max(high - box.y1, 0.0)
    return cost + (500.0 + 20.0 * outside if outside > 0.0 else 0.0)
