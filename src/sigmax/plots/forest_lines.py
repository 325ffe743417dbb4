"""Lines of a forest plot: points, intervals, and arrows for what is infinite or off the axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sigmax import extras
from sigmax.kernels import Float

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: of the axis, left free on either side
_MARGIN = 0.06
#: and where an arrow points
_ROOM = 0.22
#: of the axis, the length of an arrow that begins nowhere
_STUB = 0.12


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis: from `low` to `high` in coefficients, whatever is drawn."""

    low: float
    high: float
    ratios: bool

    @classmethod
    def of(cls, estimates: Float, ends: Float, ratios: bool, xlim: tuple[float, float] | None) -> Scale:
        """That of `xlim`, or one beyond all that is finite, 0 among it."""
        if xlim is not None:
            low, high = map(float, xlim)
            if not (math.isfinite(low) and math.isfinite(high) and low < high and (low > 0.0 or not ratios)):
                raise ValueError(
                    f"xlim must be two {'positive ' if ratios else ''}numbers that rise; got {xlim!r}"
                )
            return cls(math.log(low), math.log(high), True) if ratios else cls(low, high, False)
        known = np.concatenate([estimates.ravel(), ends.ravel(), [0.0]])
        known = known[np.isfinite(known)]
        if ratios:
            # what exp takes beyond the largest and the smallest number is no less off the axis
            known = known[np.abs(known) < 700.0]
        low, high = float(known.min()), float(known.max())
        if low == high:
            low, high = low - 1.0, high + 1.0
        # an arrow needs a way to go
        left, right = (
            _MARGIN if not _holds(estimates, ends[..., i], side * math.inf) else _ROOM
            for i, side in enumerate((-1.0, 1.0))
        )
        length = high - low
        return cls(low - left * length, high + right * length, ratios)

    def at(self, b: float) -> float:
        """Where a coefficient stands on the axis."""
        return math.exp(b) if self.ratios else b

    def share(self, part: float) -> float:
        """The coefficient at a part of the axis, 0 to 1."""
        return self.low + part * (self.high - self.low)


def _holds(estimates: Float, ends: Float, value: float) -> bool:
    return bool((estimates == value).any() or (ends == value).any())


def line(
    ax: Axes, scale: Scale, y: float, value: float, low: float, high: float, tint: str, *, small: bool
) -> None:
    """An estimate with its interval; nan for ends that there are none of."""
    size, width = (4.0, 1.2) if small else (5.5, 1.6)
    if math.isinf(value) and math.isnan(low):
        # no interval, but a direction
        low, high = (scale.share(1.0 - _STUB), math.inf) if value > 0.0 else (-math.inf, scale.share(_STUB))
    if not (math.isnan(low) or math.isnan(high)):
        a, b = max(low, scale.low), min(high, scale.high)
        if a < b:
            ax.plot([scale.at(a), scale.at(b)], [y, y], color=tint, linewidth=width, zorder=2)
        if low < scale.low:
            _arrow(ax, scale.at(scale.low), y, "<", tint, size)
        if high > scale.high:
            _arrow(ax, scale.at(scale.high), y, ">", tint, size)
    if math.isinf(value):
        _word(ax, scale, y, value, tint)
    elif scale.low <= value <= scale.high:
        ax.plot([scale.at(value)], [y], "o", color=tint, markersize=size, zorder=3)
    else:
        _arrow(
            ax, scale.at(scale.high if value > 0.0 else scale.low), y, ">" if value > 0.0 else "<", tint, size
        )


def _arrow(ax: Axes, x: float, y: float, marker: str, tint: str, size: float) -> None:
    ax.plot([x], [y], marker, color=tint, markersize=size + 1.0, clip_on=False, zorder=3)


def _word(ax: Axes, scale: Scale, y: float, value: float, tint: str) -> None:
    """What an infinite estimate is, beside its arrow."""
    right = value > 0.0
    # exp of it, where ratios are drawn
    text = "inf" if right else "0" if scale.ratios else "-inf"
    ax.annotate(
        f"estimate {text}",
        (1.0 if right else 0.0, y),
        xycoords=("axes fraction", "data"),
        xytext=(-7.0 if right else 7.0, 2.5),
        textcoords="offset points",
        horizontalalignment="right" if right else "left",
        verticalalignment="bottom",
        fontsize="x-small",
        color=tint,
    )


def ticks(ax: Axes) -> None:
    """Few enough numbers that long ones do not run into each other."""
    ticker = extras.load("matplotlib.ticker", extra="plot", what="CoefficientDisplay")
    ax.xaxis.set_major_locator(ticker.MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))


def ratio_ticks(ax: Axes, scale: Scale) -> None:
    """A logarithmic axis with numbers that are read as they are: 0.5, 1, 2."""
    ticker = extras.load("matplotlib.ticker", extra="plot", what="CoefficientDisplay")
    ax.set_xscale("log")
    decades = (scale.high - scale.low) / math.log(10.0)
    subs: tuple[float, ...] = (1.0, 2.0, 5.0) if decades < 2.5 else (1.0, 3.0) if decades < 4.0 else (1.0,)
    if decades < 0.7:
        subs = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    ax.xaxis.set_major_locator(ticker.LogLocator(subs=subs, numticks=12))
    ax.xaxis.set_major_formatter(ticker.FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_locator(ticker.NullLocator())
    ax.set_xlim(scale.at(scale.low), scale.at(scale.high))
