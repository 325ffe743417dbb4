"""Words beside marks, placed so that they neither cover each other nor leave the axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: points: size of the letters, and what a letter takes of it
_SIZE, _WIDE, _HIGH = 8.5, 0.62, 1.25
#: right, left, above, below, and the corners
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))


def beside(
    ax: Axes,
    words: Sequence[str],
    x: Sequence[float],
    y: Sequence[float],
    areas: Sequence[float],
) -> None:
    """Write each word beside a mark of an area in points^2; the first have the first choice.

    The limits of the axes have been set.  What a word covers is estimated: a layout that moves the axes later
    may bring words nearer to each other, not the marks.
    """
    if ax.figure is None or not len(words):
        return
    box = ax.get_window_extent()
    unit = 72.0 / ax.figure.dpi
    at = ax.transData.transform(list(zip(x, y, strict=True)))
    radii = [math.sqrt(area / math.pi) for area in areas]
    centres = [(unit * (px - box.x0), unit * (py - box.y0)) for px, py in at.tolist()]
    # of a mark what a square in it covers
    marks = [_around(*centre, 0.8 * radius) for centre, radius in zip(centres, radii, strict=True)]
    taken: list[tuple[float, float, float, float]] = []
    for word, (left, bottom), px, mark in zip(words, centres, at.tolist(), radii, strict=True):
        wide, high = _WIDE * _SIZE * len(word), _HIGH * _SIZE
        radius = mark + 2.0
        best: tuple[float, tuple[float, float, float, float], tuple[int, int]] | None = None
        for side in _SIDES:
            found = _box(left, bottom, side, radius, wide, high)
            cost = sum(_common(found, other) for other in taken)
            cost += 0.5 * sum(_common(found, other) for other in marks)
            # outside of the axes is as bad as upon another word
            inside = _common(found, (0.0, 0.0, unit * box.width, unit * box.height))
            cost += wide * high - inside
            if best is None or cost < best[0] - 1e-9:
                best = cost, found, side
        assert best is not None
        taken.append(best[1])
        sx, sy = best[2]
        along = _along(best[2], radius, high)
        ax.annotate(
            word,
            (ax.transData.inverted().transform(px).tolist()),
            xytext=(sx * along, sy * along),
            textcoords="offset points",
            fontsize=_SIZE,
            horizontalalignment=("center", "left", "right")[sx],
            verticalalignment=("center", "bottom", "top")[sy],
            zorder=5,
        )


def _around(x: float, y: float, half: float) -> tuple[float, float, float, float]:
    return x - half, y - half, x + half, y + half


def _box(
    x: float, y: float, side: tuple[int, int], radius: float, wide: float, high: float
) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of a word on a side of a mark."""
    sx, sy = side
    along = _along(side, radius, high)
    cx = x + sx * (along + 0.5 * wide)
    cy = y + sy * (along + 0.5 * high)
    return cx - 0.5 * wide, cy - 0.5 * high, cx + 0.5 * wide, cy + 0.5 * high


def _along(side: tuple[int, int], radius: float, high: float) -> float:
    """How far from the middle of the mark a word begins, either way."""
    sx, sy = side
    # above and below there is room for words on the right and on the left
    return max(radius, 0.5 * high + 1.0) if not sx else radius if not sy else radius * math.sqrt(0.5)


def _common(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """The area that two boxes share."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return wide * high if wide > 0.0 and high > 0.0 else 0.0
