"""Calibration: what was observed against what was predicted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from sigmax import extras
from sigmax.functions import expit
from sigmax.inference.performance.calibration import Calibration, calibration
from sigmax.inference.performance.calibration_curve import calibration_curve
from sigmax.inference.performance.outcomes import Outcomes
from sigmax.kernels import Float
from sigmax.plots.display import MUTED, Display, colour
from sigmax.plots.drawing import DASHES, grid, legend, mixed, name_axes
from sigmax.plots.predictions import chosen, of_predictions
from sigmax.plots.roc import Observed
from sigmax.plots.words import cut, percent, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: bars of a histogram
_BARS = 50
#: below the curve, shares of its height: the middle of the histogram, its half, and the lower edge
_MIDDLE, _HALF, _FLOOR = -0.145, 0.085, -0.25
_COLUMNS = 4


@dataclass(frozen=True, slots=True, eq=False)
class CalibratedClass:
    """What is drawn of one class.

    Attributes
    ----------
    label : str
    predicted, observed, lower, upper, n : ndarray of shape (g,)
        Groups: mean probability, share that was observed with Wilson's interval, number of observations.
    limit : float
        Beyond all groups and 99 of 100 probabilities: where its axes end.
    edges : ndarray of shape (b + 1,)
        Of the bars of the histogram, from 0 to `limit`.
    events, others : ndarray of shape (b,)
        Number of observations of the class, and of the others, by their probability of it.
    recalibration : Calibration or None
        Of the log odds of the class against all others; None where there is none.
    why : str
        Why there is none.
    """

    label: str
    predicted: Float
    observed: Float
    lower: Float
    upper: Float
    n: Float
    limit: float
    edges: Float
    events: Float
    others: Float
    recalibration: Calibration | None
    why: str = ""


class CalibrationDisplay(Display):
    """Observed shares against predicted probabilities, of groups of about equal size.

    With two classes those of the second, with more a panel for each class against all others.  Below the
    diagonal's start stands a histogram of the probabilities: of observations of the class upwards, of the
    others downwards.  The line is the recalibrated probability, logit p' = a + b logit p.  For the rows of
    a maximum-likelihood fit with an intercept and two classes a = 0 and b = 1: it says something of new
    rows, of penalised fits, and of one class among several.

    Parameters
    ----------
    panels : sequence of CalibratedClass
        What is drawn.
    level : float
        Coverage of the intervals.

    Attributes
    ----------
    panels, level
        As given.
    axes_ : tuple of matplotlib.axes.Axes
        One for each panel; all the same where one was given.
    ax_, figure_
        The first of them, and its figure.

    Examples
    --------
    >>> import sigmax as sx
    >>> from sigmax.plots import CalibrationDisplay
    >>> data = sx.datasets.load("fair")
    >>> display = CalibrationDisplay.from_result(sx.fit(data.X, data.y), groups=8)
    >>> display.panels[0].observed.round(2)
    array([0.1 , 0.12, 0.19, 0.24, 0.36, 0.4 , 0.5 , 0.68])
    """

    axes_: tuple[Axes, ...]

    def __init__(self, *, panels: Sequence[CalibratedClass], level: float) -> None:
        self.panels, self.level = tuple(panels), level

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
        groups: int = 10,
        level: float = 0.95,
        ax: Axes | Sequence[Axes] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the calibration of the rows of a fit, or of new rows.

        Parameters
        ----------
        result : Result
        X, y, sample_weight, offset
            New rows, as for ``result.outcomes``.
        classes : label, or sequence of labels, optional
            Which are drawn; by default the second of two classes, or all of more.
        groups : int
            Quantile groups of the probability of a class; fewer where probabilities tie.
        level : float
            Coverage of the intervals.
        ax : matplotlib.axes.Axes, or a sequence of one for each class, optional
            New ones by default.  In a single one classes share it, in colours, without histograms.
        **kwargs
            As for :meth:`plot`.

        Raises
        ------
        ValueError
            As ``result.outcomes`` and ``result.calibration_curve``; no such class; not as many axes as
            classes.
        ImportError
            matplotlib is not installed.
        """
        data = result.outcomes(X, y, sample_weight=sample_weight, offset=offset)
        return cls._of(data, classes, groups, level, ax, kwargs)

    @classmethod
    def from_predictions(
        cls,
        y: npt.ArrayLike,
        p: npt.ArrayLike,
        *,
        sample_weight: npt.ArrayLike | None = None,
        labels: npt.ArrayLike | None = None,
        classes: Any = None,
        groups: int = 10,
        level: float = 0.95,
        ax: Axes | Sequence[Axes] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the calibration of probabilities of any origin.

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
        classes, groups, level, ax, **kwargs
            As for :meth:`from_result`.
        """
        return cls._of(of_predictions(y, p, sample_weight, labels), classes, groups, level, ax, kwargs)

    @classmethod
    def _of(
        cls,
        data: Outcomes,
        classes: Any,
        groups: int,
        level: float,
        ax: Axes | Sequence[Axes] | None,
        kwargs: dict[str, Any],
    ) -> Self:
        panels = [_of_class(data, c, groups, level) for c in chosen(data.labels, classes)]
        display = cls(panels=panels, level=level)
        display.plot(ax, **kwargs)
        return display

    def plot(
        self,
        ax: Axes | Sequence[Axes] | None = None,
        *,
        histogram: bool = True,
        recalibration: bool = True,
        limit: float | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, or a sequence of one for each panel, optional
            New ones by default.
        histogram : bool
            Whether a panel has the histogram of the probabilities below its curve.
        recalibration : bool
            Whether it has the recalibrated probabilities, and their statistics.
        limit : float, optional
            Where both axes end; by default beyond all groups and 99 of 100 probabilities, at 1 at most.

        Returns
        -------
        CalibrationDisplay
            This one.

        Raises
        ------
        ValueError
            Not as many axes as classes.
        """
        shared = ax is not None and not isinstance(ax, Sequence | np.ndarray) and len(self.panels) > 1
        self.axes_ = self._axes(ax)
        single = len(self.panels) == 1
        for i, (panel, axes) in enumerate(zip(self.panels, self.axes_, strict=True)):
            own = colour(i) if shared else colour(0)
            end = (max(x.limit for x in self.panels) if shared else panel.limit) if limit is None else limit
            if not shared or i == 0:
                axes.plot([0.0, end], [0.0, end], color=MUTED, linewidth=1.0, linestyle=DASHES, zorder=1)
            label = short(panel.label, 20) if shared else f"groups, {percent(self.level)} interval"
            _groups(axes, panel, own, label)
            if not shared:
                words = _recalibrated(axes, panel, end, single) if recalibration else ""
                if histogram:
                    _histogram(axes, panel, end, own)
                if not single:
                    _head(axes, f"class {short(panel.label, 22)}", words)
            # room for the legend, which panels of several classes have not
            top = 1.18 if shared or single else 1.02
            floor = _FLOOR if histogram and not shared else -0.02
            axes.set(xlim=(-0.02 * end, 1.02 * end), ylim=(floor * end, top * end))
            grid(axes)
            # the histogram's part of the axis has no scale
            axes.set_yticks([t for t in axes.get_xticks() if -1e-9 <= t <= 1.02 * end])
            axes.set_xticks([t for t in axes.get_xticks() if -1e-9 <= t <= 1.02 * end])
        self._write(shared, single)
        return self

    def _axes(self, ax: Axes | Sequence[Axes] | None) -> tuple[Axes, ...]:
        count = len(self.panels)
        if ax is None and count > 1:
            pyplot = extras.load("matplotlib.pyplot", extra="plot", what=type(self).__name__)
            columns = min(count, _COLUMNS) if count != 2 * (_COLUMNS - 1) else _COLUMNS - 1
            rows = math.ceil(count / columns)
            figure, grid = pyplot.subplots(
                rows, columns, figsize=(2.9 * columns, 3.1 * rows), layout="constrained", squeeze=False
            )
            for left in grid.ravel()[count:]:
                figure.delaxes(left)
            ax = list(grid.ravel()[:count])
        if isinstance(ax, Sequence | np.ndarray):
            given = tuple(np.ravel(np.asarray(ax, object)).tolist())
            if len(given) != count:
                raise ValueError(f"ax must hold {count} axes, one for each class; got {len(given)}")
            self._begin(given[0])
            return given
        return (self._begin(ax, (5.2, 5.8)),) * count

    def _write(self, shared: bool, single: bool) -> None:
        if shared or single:
            ax = self.ax_
            of = "the class" if shared else f"class {cut(self.panels[0].label, 20)}"
            name_axes(ax, f"predicted probability of {of}", f"observed share of {of}")
            title = f"class, {percent(self.level)} intervals" if shared else None
            legend(ax, loc="upper left", title=title)
            return
        left = {id(axes) for axes in self.axes_ if _is_first_column(axes)}
        for axes in self.axes_:
            axes.tick_params(labelsize="small")
            axes.set_xlabel("predicted", fontsize="small")
            if id(axes) in left:
                axes.set_ylabel(f"observed, {percent(self.level)} interval", fontsize="small")


def _head(ax: Axes, name: str, words: str) -> None:
    """The name of a panel, and small words between it and the panel, however long either is."""
    ax.set_title(name, fontsize="medium", loc="left", pad=7.0 + 9.0 * len(words.splitlines()))
    ax.annotate(
        words,
        (0.0, 1.0),
        xycoords="axes fraction",
        xytext=(0.0, 4.0),
        textcoords="offset points",
        fontsize="x-small",
        verticalalignment="bottom",
        annotation_clip=False,
    )


def _is_first_column(axes: Axes) -> bool:
    place = axes.get_subplotspec()
    return place is None or place.is_first_col()


def _of_class(data: Outcomes, c: int, groups: int, level: float) -> CalibratedClass:
    """The numbers of one class."""
    two = data if data.binary and c == 1 else data.against_others(c)
    curve = calibration_curve(two, groups, level)
    limit = _limit(max(float(curve.upper.max()), float(np.quantile(two.p[:, 1], 0.99))))
    edges = np.linspace(0.0, limit, _BARS + 1)
    mine, others = (np.histogram(two.p[:, 1], edges, weights=two.observed(k))[0] for k in (1, 0))
    found, why = None, ""
    try:
        found = calibration(two, level)
    except ValueError as error:
        # a limit's probabilities of 0, or classes that the logits separate
        why = str(error)
    return CalibratedClass(
        data.labels[c],
        curve.predicted,
        curve.observed,
        curve.lower,
        curve.upper,
        curve.n,
        limit,
        edges,
        mine,
        others,
        found,
        why,
    )


def _limit(largest: float) -> float:
    """A round number beyond the largest that is to be seen, 1 at most."""
    if largest > 0.75:
        return 1.0
    step = 10.0 ** math.floor(math.log10(largest))
    return step * math.ceil(largest / step)


def _groups(ax: Axes, panel: CalibratedClass, own: str, label: str) -> None:
    ends = np.stack([panel.observed - panel.lower, panel.upper - panel.observed])
    ax.errorbar(
        panel.predicted,
        panel.observed,
        yerr=np.maximum(ends, 0.0),
        color=own,
        marker="o",
        markersize=4.5,
        linewidth=1.0,
        elinewidth=1.2,
        capsize=0.0,
        alpha=0.95,
        label=label,
        zorder=3,
    )


def _recalibrated(ax: Axes, panel: CalibratedClass, end: float, single: bool) -> str:
    """logit p' = a + b logit p; and a and b in words, which stand in the legend of a single panel."""
    found = panel.recalibration
    if found is None or not math.isfinite(float(found.slope)):
        words = "no finite recalibration"
        if single:
            ax.plot([], [], " ", label=words)
        return words
    p = np.linspace(0.0, end, 202)[1:-1]
    a, b = float(found.intercept), float(found.slope)
    curve = expit(a + b * (np.log(p) - np.log1p(-p)))
    words = f"intercept {a:z.2f}, slope {b:z.2f}\n0 and 1: {_p(found.overall.pvalue)}"
    ax.plot(p, curve, color=colour(1), linewidth=1.5, label=words, zorder=2.5)
    return words


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _histogram(ax: Axes, panel: CalibratedClass, end: float, own: str) -> None:
    """Bars below the curve: the class upwards, the others downwards, on one scale."""
    edges, up, down = panel.edges, panel.events, panel.others
    largest = max(up.max(), down.max())
    if not largest > 0.0:
        return
    base, unit, width = _MIDDLE * end, _HALF * end / largest, np.diff(edges)
    ax.bar(edges[:-1], unit * up, width, bottom=base, align="edge", color=own, linewidth=0.0)
    ax.bar(edges[:-1], -unit * down, width, bottom=base, align="edge", color=MUTED, linewidth=0.0)
    ax.axhline(-0.035 * end, color=mixed(ax, 1.0), linewidth=0.6)
    for y, text, tint in ((0.55, "observed", own), (-0.55, "others", MUTED)):
        ax.annotate(
            text,
            (1.0, base + y * _HALF * end),
            xycoords=("axes fraction", "data"),
            xytext=(3.0, 0.0),
            textcoords="offset points",
            fontsize="x-small",
            color=tint,
            verticalalignment="center",
            annotation_clip=False,
        )
