"""The fitted probabilities along one variable, over the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from sigmax.inference.result import Result
from sigmax.inference.tables import label_text
from sigmax.kernels import Float
from sigmax.plots.display import MUTED, Display, colour
from sigmax.plots.drawing import (
    grid,
    legend,
    legend_beside,
    line_style,
    mixed,
    name_axes,
    note_above,
    of_classes,
    room,
)
from sigmax.plots.points import Marks, Shares, are_repeated, areas, marks, shares, spread
from sigmax.plots.slices import Slice
from sigmax.plots.words import cut, percent, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: points of a curve
_POINTS = 401
#: part of the points that a band has where there is one: limits have one in single places at most
_LITTLE = 0.05
#: what a curve goes beyond the data on each side, of their range
_MARGIN = 0.05
#: of the lanes of rows: one below 0 and one above 1, or one for each class below 0
_LANE = 0.05
_POINTS_OF = ("auto", "rows", "shares", "none")


class SigmoidDisplay(Display):
    """The fitted sigmoid over the data, for one variable; with K > 2 classes the softmax curves of all.

    Make it with :meth:`from_result`.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Rising.
    proba : ndarray of shape (n, K)
        Probabilities there; nan where the data do not determine them.
    classes : ndarray of shape (K,)
    shown : int, optional
        Index of the class whose curve is drawn, of two; None for those of all classes.
    lower, upper : ndarray of shape (n, K), optional
        Ends of confidence intervals; nan where there are none.
    level : float, optional
        Their coverage.
    crossings : sequence of float
        Where the probability of `shown` is 1/2.
    rows : Marks, optional
        Rows, to be drawn one by one.
    shares : Shares, optional
        Shares of the classes, to be drawn as discs.
    feature : str
        Name of the variable.
    response : str
        Name of what has classes.
    note : str
        What else holds for the curve: where other variables are held.

    Attributes
    ----------
    ax_, figure_
        See :class:`sigmax.plots.display.Display`.
    lines_ : list of matplotlib.lines.Line2D
        The curves.
    """

    def __init__(
        self,
        *,
        x: Float,
        proba: Float,
        classes: npt.NDArray[np.generic],
        shown: int | None = None,
        lower: Float | None = None,
        upper: Float | None = None,
        level: float | None = None,
        crossings: tuple[float, ...] = (),
        rows: Marks | None = None,
        shares: Shares | None = None,
        feature: str = "x",
        response: str = "y",
        note: str = "",
    ) -> None:
        self.x, self.proba, self.classes, self.shown = x, proba, classes, shown
        self.lower, self.upper, self.level = lower, upper, level
        self.crossings, self.rows, self.shares = crossings, rows, shares
        self.feature, self.response, self.note = feature, response, note

    @classmethod
    def from_result(
        cls,
        result: Result,
        feature: str | int | None = None,
        *,
        at: Mapping[str, Any] | None = None,
        offset: npt.ArrayLike | None = None,
        level: float | None = 0.95,
        points: str = "auto",
        limits: tuple[float, float] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the probabilities of a fit along a variable.

        Parameters
        ----------
        result : Result
            Of arrays, or of a table and a formula.
        feature : str or int, optional
            What varies: the name of a column of X, its index, or a variable of the formula.  May be left out
            where there is only one.
        at : mapping of str, optional
            Where other variables are held; by default numbers at their (weighted) means, factors and truth
            values at their most frequent level.  The title says where.
        offset : float, or array_like of shape (K,), optional
            Of the curve; needed where the fit had offsets.  Two classes: added to the logit of the second.
        level : float, optional
            Coverage of the band of confidence, pointwise, of ``result.predict_proba(X, level)``; None for no
            band.  Nor is there one where probabilities are limits, of separated classes.
        points : {"auto", "rows", "shares", "none"}
            The data: rows as ticks, below 0 and above 1 (K > 2: a lane for each class); or the share of each
            class in the rows of equal x, as discs whose areas say how many; or in 30 stretches of equal
            length where there are more than 60 such places.  "auto": shares for counts, where places repeat,
            and from 2000 rows on.  Shares are those of all rows, whatever their other variables are.
        limits : (float, float), optional
            Where the curve begins and ends.  By default a twentieth beyond the data, and where the data do
            with a formula, whose splines and logarithms may end there.
        ax : matplotlib.axes.Axes, optional
            Where to draw; in a new figure by default.
        **kwargs
            For the curve, ``Axes.plot``.

        Returns
        -------
        SigmoidDisplay

        Raises
        ------
        ValueError
            There are more variables, and none is named; an unknown name; a factor; the fit had offsets, and
            none is given.  Or a pickled result, which left its data behind, without `limits` and
            ``points="none"``.
        ImportError
            matplotlib is not installed.

        Examples
        --------
        >>> import sigmax as sx
        >>> from sigmax.plots import SigmoidDisplay
        >>> data = sx.datasets.load("spector")
        >>> r = sx.fit(data.X, data.y, names=data.features)
        >>> display = SigmoidDisplay.from_result(r, "GPA", at={"PSI": 1.0})
        >>> [round(x, 3) for x in display.crossings]
        [3.027]
        """
        if points not in _POINTS_OF:
            raise ValueError(f"points must be one of {', '.join(map(repr, _POINTS_OF))}; got {points!r}")
        along = Slice(result, None if feature is None else [feature], 1, at, offset, cls.__name__)
        name, K = along.names[0], len(result.classes)
        if points != "none" or limits is None:
            data = along.numbers(name)
            counts = along.rows.total()
            used = (counts if counts.ndim == 1 else counts.sum(axis=1)) > 0.0
            x = _grid(data[used], limits, _MARGIN * along.is_linear, along.is_limit)
        else:
            x = _grid(np.empty(0), limits, 0.0, False)
        lower = upper = None
        if level is None:
            proba = along.proba(x)
        else:
            proba, lower, upper = along.intervals(level, x)
        shown = None
        if K == 2:
            shown = 1 if result.reference is None or result.reference != result.classes[1] else 0
        drawn: dict[str, Any] = {}
        if points != "none":
            grouped = points == "shares" or (points == "auto" and are_repeated(data, along.rows))
            if grouped:
                drawn["shares"] = shares(data, along.rows, K)
            else:
                drawn["rows"] = marks(data[:, None], along.rows, K)
        display = cls(
            x=x,
            proba=proba,
            classes=result.classes,
            shown=shown,
            lower=lower,
            upper=upper,
            level=level,
            crossings=() if shown is None else _crossings(along, x, proba[:, shown], shown),
            feature=name,
            response="y" if result.terms is None else result.terms.response,
            note=along.title(),
            **drawn,
        )
        return display.plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw it, on `ax` or in a new figure; `kwargs` are for the curve (``Axes.plot``)."""
        ax = self._begin(ax)
        K, curves = self.proba.shape[1], [self.shown] if self.shown is not None else None
        self.lines_ = []
        for k in range(K) if curves is None else curves:
            paint = colour(0 if self.shown is not None else k)
            label = "fit" if self.shown is not None else short(label_text(self.classes[k]), room(ax, 5.0, 24))
            if self.lower is not None and self.upper is not None:
                band = f"{percent(self.level or 0.0)} band" if self.shown is not None else None
                if np.isfinite(self.lower[:, k]).mean() > _LITTLE:
                    ends = self.lower[:, k], self.upper[:, k]
                    ax.fill_between(self.x, *ends, color=paint, alpha=0.18, linewidth=0.0, label=band)
            line = line_style(0 if self.shown is not None else k)
            style = {
                "linestyle": line,
                "color": paint,
                "linewidth": 2.0,
                "label": label,
                "zorder": 3.0,
                **kwargs,
            }
            self.lines_ += ax.plot(self.x, self.proba[:, k], **style)
        bottom, top = self._draw_data(ax)
        # in the legend: beside the curve it would lie on data
        where = "p = 1/2 at " + ", ".join(f"{one:.4g}" for one in self.crossings)
        for i, one in enumerate(self.crossings):
            ax.plot([one, one], [bottom, 0.5], color=MUTED, linewidth=1.0, linestyle=":", zorder=1.0)
            dot: dict[str, Any] = {
                "color": colour(0),
                "markersize": 6.0,
                "markeredgecolor": mixed(ax, 0.0),
                "zorder": 4.0,
            }
            ax.plot([one], [0.5], "o", label="" if i else where, **dot)
        what = (
            cut(self.response, 40)
            if self.shown is None
            else f"{cut(self.response, 28)} = {cut(label_text(self.classes[self.shown]), 24)}"
        )
        ax.set_ylim(bottom, top)
        name_axes(ax, self.feature, f"P({what})")
        ax.margins(x=0.02)
        ax.set_yticks([0.0, 0.25, 0.5, 0.75, 1.0])
        grid(ax, "y")
        note_above(ax, self.note)
        if self.shown is None:
            legend_beside(ax, of_classes(self.response))
        else:
            legend(ax, **self._place(self.shown))
        return self

    def _place(self, shown: int) -> dict[str, Any]:
        """Where the legend lies: of one monotone curve in the empty corner, beside the rows of its class."""
        curve = self.proba[:, shown]
        if not (abs(curve[-1] - curve[0]) > 0.5 and self.rows is not None):
            return {}
        side = "left" if curve[-1] > curve[0] else "right"
        return {"loc": f"upper {side}", "bbox_to_anchor": (0.0 if side == "left" else 1.0, 0.93)}

    def _draw_data(self, ax: Axes) -> tuple[float, float]:
        """The data; returns the limits of y that they need."""
        bottom, top = -0.03, 1.03
        if self.shares is not None:
            sizes = areas(self.shares.total)
            for k in range(self.proba.shape[1]) if self.shown is None else [self.shown]:
                paint: Any = colour(k) if self.shown is None else mixed(ax, 0.65)
                where = "observed share" if self.shares.exact else "observed share, of stretches"
                ax.scatter(
                    self.shares.x,
                    self.shares.share[:, k],
                    s=sizes,
                    color=paint,
                    alpha=0.55,
                    linewidths=0.0,
                    zorder=2.0,
                    label=where if self.shown is not None else None,
                )
            return -0.06, 1.06
        if self.rows is None:
            return bottom, top
        jitter = spread(len(self.rows.code)) - 0.5
        x = self.rows.x[:, 0]
        for k in range(len(self.classes)):
            mine = self.rows.code == k
            if self.shown is None:
                lane, paint = -_LANE * (k + 1.0), colour(k)
                bottom = min(bottom, lane - _LANE)
            else:
                up = k == self.shown
                lane, paint = (1.0 + _LANE if up else -_LANE), mixed(ax, 0.75)
                bottom, top = -2.0 * _LANE, 1.0 + 2.0 * _LANE
            y = lane + 0.6 * _LANE * jitter[mine]
            label = None
            if k == 0 and self.shown is not None:
                few = len(self.rows.code) < self.rows.n_all
                label = f"{len(self.rows.code):,} of {self.rows.n_all:,} rows" if few else "rows"
            total = self.rows.total
            size = 30.0 if total.max() == total.min() else areas(total, 20.0, 120.0)[mine]
            ax.scatter(x[mine], y, s=size, marker="|", color=paint, alpha=0.6, linewidths=1.0, label=label)
        return bottom, top


def _grid(data: Float, limits: tuple[float, float] | None, beyond: float, steps: bool) -> Float:
    """Where a curve is evaluated: evenly; and where it may step, just left and right of the data."""
    if limits is None:
        low, high = float(data.min()), float(data.max())
        margin = beyond * (high - low) if high > low else 0.5
        low, high = low - margin, high + margin
    else:
        low, high = (float(one) for one in limits)
        if not (np.isfinite([low, high]).all() and low < high):
            raise ValueError(f"limits must be two finite numbers that rise; got {limits!r}")
    x = np.linspace(low, high, _POINTS)
    if not steps:
        return x
    places = np.unique(data)
    near = 1e-6 * (high - low)
    if len(places) > _POINTS:
        return x
    inside = np.concatenate([x, places - near, places, places + near])
    return np.unique(inside[(inside >= low) & (inside <= high)])


def _crossings(along: Slice, x: Float, p: Float, shown: int) -> tuple[float, ...]:
    """Where the probability passes through 1/2 on the way, smoothly: a root of the logit."""
    from scipy.optimize import brentq

    smooth = (p > 0.0) & (p < 1.0)
    above = p > 0.5

    def logit(at: float) -> float:
        eta = along.logits(np.array([at]))[0]
        return float(eta[shown] - eta[1 - shown])

    found = []
    for i in np.flatnonzero((above[1:] != above[:-1]) & smooth[1:] & smooth[:-1]).tolist():
        found.append(float(brentq(logit, x[i], x[i + 1], xtol=1e-12 * (x[-1] - x[0]), rtol=1e-12)))
    return tuple(found)
