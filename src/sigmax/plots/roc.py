"""The ROC curve with the area under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from sigmax.inference.performance.outcomes import Outcomes
from sigmax.inference.performance.roc import RocAuc, RocCurve, roc_auc, roc_curve
from sigmax.plots.display import MUTED, Display, colour
from sigmax.plots.drawing import DASHES, grid, legend, name_axes, room
from sigmax.plots.predictions import chosen, of_predictions
from sigmax.plots.words import cut, percent, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: points of a file with lines as paths, beyond which it holds pixels
MANY = 20_000
_NAMES = {"delong": "DeLong", "hanley": "Hanley-McNeil"}


class Observed(Protocol):
    """A result, as far as it is asked for probabilities and what was observed."""

    def outcomes(
        self,
        X: npt.ArrayLike | None = None,
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        offset: npt.ArrayLike | None = None,
    ) -> Outcomes:
        """Those of new rows, or of the rows of the fit."""


class RocDisplay(Display):
    """ROC curves: with two classes that of the second, with more one for each class against all others.

    Made by :meth:`from_result` or :meth:`from_predictions`.

    Parameters
    ----------
    curves : sequence of RocCurve
        What is drawn.
    areas : RocAuc
        With the area of each of `classes`.

    Attributes
    ----------
    curves, areas
        As given.
    lines_ : list of matplotlib.lines.Line2D
        One for each curve.
    ax_, figure_
        Where it was last drawn.

    Examples
    --------
    >>> import sigmax as sx
    >>> from sigmax.plots import RocDisplay
    >>> data = sx.datasets.load("spector")
    >>> display = RocDisplay.from_result(sx.fit(data.X, data.y))
    >>> display.ax_.get_xlabel(), len(display.lines_)
    ('share of the others called positive (1 - specificity)', 1)
    """

    def __init__(self, *, curves: Sequence[RocCurve], areas: RocAuc) -> None:
        self.curves, self.areas = tuple(curves), areas

    @classmethod
    def from_result(
        cls,
        result: Observed,
        X: npt.ArrayLike | None = None,
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        offset: npt.ArrayLike | None = None,
        classes: Any = None,
        level: float = 0.95,
        method: str = "delong",
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the curve of the rows of a fit, which flatters it, or of new rows.

        Parameters
        ----------
        result : Result
        X, y, sample_weight, offset
            New rows, as for ``result.outcomes``.
        classes : label, or sequence of labels, optional
            Whose curves are drawn; by default the second of two classes, or all of more.
        level : float
            Coverage of the intervals of the areas.
        method : {"delong", "hanley"}
            Their standard error.
        ax : matplotlib.axes.Axes, optional
            New ones by default.
        **kwargs
            As for :meth:`plot`.

        Raises
        ------
        ValueError
            As ``result.outcomes`` and ``result.roc_auc``; a class that was never observed; no such class.
        ImportError
            matplotlib is not installed.
        """
        data = result.outcomes(X, y, sample_weight=sample_weight, offset=offset)
        return cls._of(data, classes, level, method, ax, kwargs)

    @classmethod
    def from_predictions(
        cls,
        y: npt.ArrayLike,
        p: npt.ArrayLike,
        *,
        sample_weight: npt.ArrayLike | None = None,
        labels: npt.ArrayLike | None = None,
        classes: Any = None,
        level: float = 0.95,
        method: str = "delong",
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the curve of probabilities of any origin.

        Parameters
        ----------
        y : array_like of shape (n,) or (n, K)
            Labels, or counts of each class.
        p : array_like of shape (n,) or (n, K)
            Probability of the second of two classes, or of each class.
        sample_weight : array_like of shape (n,), optional
            Frequencies.
        labels : array_like of shape (K,), optional
            Classes in the order of the columns of `p`; by default those of `y`, sorted.
        classes, level, method, ax, **kwargs
            As for :meth:`from_result`.
        """
        return cls._of(of_predictions(y, p, sample_weight, labels), classes, level, method, ax, kwargs)

    @classmethod
    def _of(
        cls, data: Outcomes, classes: Any, level: float, method: str, ax: Axes | None, kwargs: dict[str, Any]
    ) -> Self:
        wanted = chosen(data.labels, classes)
        display = cls(
            curves=[roc_curve(data, c) for c in wanted], areas=roc_auc(data, level=level, method=method)
        )
        display.plot(ax, **kwargs)
        return display

    def _area(self, curve: RocCurve) -> tuple[float, float, float]:
        """Area and its interval."""
        a = self.areas
        if a.hand_till is None:
            lower, upper = a.interval.tolist()
            # of the first of two classes against the second it is the same
            return float(a.auc), lower, upper
        c = a.classes.index(curve.label)
        lower, upper = a.interval[c].tolist()
        return float(np.atleast_1d(a.auc)[c]), lower, upper

    def plot(self, ax: Axes | None = None, *, thresholds: Sequence[float] | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            New ones by default.
        thresholds : sequence of float, optional
            Probabilities from which on an observation is called positive, marked on the curve; by default
            0.25, 0.5 and 0.75 where one curve is drawn, none where there are more.

        Returns
        -------
        RocDisplay
            This one.
        """
        ax = self._begin(ax, (5.2, 5.2))
        several = len(self.curves) > 1
        marked = ((0.25, 0.5, 0.75) if not several else ()) if thresholds is None else tuple(thresholds)
        ax.plot([0.0, 1.0], [0.0, 1.0], color=MUTED, linewidth=1.0, linestyle=DASHES, zorder=1)
        self.lines_ = []
        for i, curve in enumerate(self.curves):
            area, lower, upper = self._area(curve)
            shown = f"{area:.3f} [{lower:.3f}, {upper:.3f}]"
            [line] = ax.plot(
                curve.fpr,
                curve.tpr,
                color=colour(i),
                linewidth=1.8,
                label=f"{short(curve.label, room(ax, 5.0, 20))}: {shown}" if several else f"area {shown}",
                rasterized=len(curve.fpr) > MANY,
                # along the frame, where curves begin and end, they are seen whole
                clip_on=False,
                zorder=2.5,
            )
            self.lines_.append(line)
            _mark(ax, curve, marked, colour(i))
        names = f"{percent(self.areas.level)} {_NAMES[self.areas.method]} interval"
        title = f"area [{names}]" if several else names
        if self.areas.hand_till is not None and several:
            title += f"\nHand-Till M {self.areas.hand_till:.3f}"
        legend(ax, loc="lower right", title=title, alignment="left")
        grid(ax)
        what = (
            "share of the class called positive"
            if several
            else f"share of class {cut(self.curves[0].label, 20)}"
        )
        ax.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0), aspect="equal")
        name_axes(
            ax,
            "share of the others called positive (1\u00a0-\u00a0specificity)",
            f"{what}{'' if several else ' called positive'} (sensitivity)",
        )
        return self


def _mark(ax: Axes, curve: RocCurve, thresholds: Sequence[float], colour: str) -> None:
    """Points of the curve where observations from a threshold on are positive; equal points have one mark."""
    found: dict[int, list[float]] = {}
    for t in thresholds:
        # the last point with a probability of at least t
        at = int(np.searchsorted(-curve.thresholds, -t, side="right")) - 1
        found.setdefault(at, []).append(t)
    for at, values in found.items():
        x, y = float(curve.fpr[at]), float(curve.tpr[at])
        ax.plot([x], [y], "o", color=colour, markersize=5.0, clip_on=False, zorder=3)
        ax.annotate(
            "p ≥ " + ", ".join(f"{t:g}" for t in values),
            (x, y),
            xytext=(7.0, -4.0),
            textcoords="offset points",
            fontsize="small",
            verticalalignment="top",
        )
