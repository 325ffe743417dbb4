"""Coefficients, odds ratios or effects with their intervals, one below the other: the forest plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from sigmax.inference.tables import label_text
from sigmax.kernels import Float
from sigmax.plots import forest_lines
from sigmax.plots.display import MUTED, Display, colour
from sigmax.plots.drawing import legend_beside, mixed, name_axes, of_classes, room
from sigmax.plots.forest_lines import Scale
from sigmax.plots.forest_table import gathered, method_name, quantity, terms_of
from sigmax.plots.words import figure, interval, percent, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sigmax.inference.margins import Margins
    from sigmax.inference.result import Result

#: of the room between two terms: what is between two lines of a term, and what all of them take at most
_APART, _SPREAD = 0.24, 0.66


class CoefficientDisplay(Display):
    """Estimates and their intervals: one line for each term, or a group of lines for classes or fits.

    What is infinite is an arrow at the edge of the axes: the end of a profile interval that does not exist,
    and, with the word "inf", an estimate that separated classes take there.  Columns that were left out as
    combinations of others say so.

    Parameters
    ----------
    terms : sequence of str, of length T
        From the top.
    groups : sequence of str, of length G
        Of the lines of a term; ``("",)`` where there is one.
    estimates : ndarray of shape (G, T)
        -inf, inf, or nan.
    intervals : ndarray of shape (G, T, 2)
        Their ends; -inf and inf are arrows, nan is no interval.
    words : ndarray of str, of shape (G, T)
        What is written where an estimate is nan; "" for nothing.
    level : float
        Coverage of the intervals.
    method : str
        Of the intervals, for the label of the axis.
    what : str
        What the numbers are, for the label of the axis.
    legend : str
        What the groups are.
    ratios : bool
        Whether exp of the numbers is drawn, on a scale of logarithms.
    colours : sequence of int, of length G, optional
        Of the groups: the index of the class, whose colour is the same in all displays; 0 to G - 1 by
        default.

    Attributes
    ----------
    terms, groups, estimates, intervals, words, level, method, what, legend, ratios, colours
        As given.
    ax_, figure_
        Where it was last drawn.

    Examples
    --------
    >>> import sigmax as sx
    >>> from sigmax.plots import CoefficientDisplay
    >>> data = sx.datasets.load("spector")
    >>> r = sx.fit(data.X, data.y, names=data.features)
    >>> display = CoefficientDisplay.from_result(r, odds_ratios=True, method="profile")
    >>> display.terms, display.ax_.get_xlabel()
    (('GPA', 'TUCE', 'PSI'), 'odds ratio, 95 % profile interval')
    """

    def __init__(
        self,
        *,
        terms: Sequence[str],
        groups: Sequence[str],
        estimates: Float,
        intervals: Float,
        words: npt.NDArray[np.str_],
        level: float,
        method: str,
        what: str,
        legend: str = "",
        ratios: bool = False,
        colours: Sequence[int] | None = None,
    ) -> None:
        self.terms, self.groups = tuple(terms), tuple(groups)
        self.estimates, self.intervals, self.words = estimates, intervals, words
        self.level, self.method, self.what, self.legend, self.ratios = level, method, what, legend, ratios
        self.colours = tuple(range(len(self.groups)) if colours is None else colours)

    # -- where the numbers come from ---------------------------------------------------------------

    @classmethod
    def from_result(
        cls,
        result: Result,
        *,
        level: float = 0.95,
        odds_ratios: bool = False,
        method: str = "wald",
        terms: Sequence[str] | None = None,
        intercept: bool = False,
        sort: bool = False,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the coefficients of a fit.

        Parameters
        ----------
        result : Result
        level : float
            Coverage of the intervals.
        odds_ratios : bool
            exp of the coefficients and of the ends: odds ratios for two classes, relative-risk ratios for
            more.
        method : {"wald", "profile"}
            As for ``result.conf_int``.
        terms : sequence of str, optional
            Names of columns, in the order in which they stand from the top; by default all.
        intercept : bool
            Whether the intercept is among all.
        sort : bool
            Whether terms stand by their estimates, the largest at the top, not in the order of the model.
        ax : matplotlib.axes.Axes, optional
            New ones by default, as high as the terms need.
        **kwargs
            As for :meth:`plot`.

        Raises
        ------
        ValueError
            No such term, or none; `level` or `method` is none; no profile, as for ``result.conf_int``.
        ImportError
            matplotlib is not installed.
        """
        return cls.from_results(
            {"": result},
            level=level,
            odds_ratios=odds_ratios,
            method=method,
            terms=terms,
            intercept=intercept,
            sort=sort,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_results(
        cls,
        results: Mapping[str, Result],
        *,
        level: float = 0.95,
        odds_ratios: bool = False,
        method: str = "wald",
        terms: Sequence[str] | None = None,
        intercept: bool = False,
        sort: bool = False,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the coefficients of several fits side by side.

        Parameters
        ----------
        results : mapping of str to Result
            What they are called in the legend.  Their terms may differ: a fit without a term has no line
            there.
        level, odds_ratios, method, terms, intercept, sort, ax, **kwargs
            As for :meth:`from_result`.

        Raises
        ------
        ValueError
            As for :meth:`from_result`; there is no result.
        """
        if not results:
            raise ValueError("results must hold at least one result; it is empty")
        found = gathered(results, terms_of(results, terms, intercept), level, method)
        if sort:
            found = found.sorted()
        alone = len(results) == 1 and len(found.groups) > 1
        display = cls(
            terms=found.terms,
            groups=found.groups,
            estimates=found.estimates,
            intervals=found.intervals,
            words=found.words,
            level=level,
            method=method_name(method, results.values()),
            what=quantity(results.values(), odds_ratios),
            legend=_legend(next(iter(results.values()))) if alone else "",
            ratios=odds_ratios,
            colours=found.classes if alone else None,
        )
        display.plot(ax, **kwargs)
        return display

    @classmethod
    def from_margins(
        cls,
        margins: Margins,
        *,
        level: float = 0.95,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw marginal effects, those of ``result.margins()``.

        Parameters
        ----------
        margins : Margins
        level : float
            Coverage of their normal intervals.
        ax : matplotlib.axes.Axes, optional
            New ones by default.
        **kwargs
            As for :meth:`plot`.

        Raises
        ------
        ValueError
            `level` is none.
        ImportError
            matplotlib is not installed.
        """
        several = margins.effects.ndim == 2
        estimates = np.atleast_2d(margins.effects.T)
        ends = margins.conf_int(level)
        intervals = np.moveaxis(ends, 1, 0) if several else ends[None]
        where = "average" if margins.at == "overall" else "at the means"
        of = "of p" if several else f"of p({label_text(margins.classes[1])})"
        kind = {"dydx": f"effect, change {of}", "eyex": "elasticity of p", "dyex": f"change {of} by log x"}
        display = cls(
            terms=margins.names,
            groups=[label_text(label) for label in margins.classes] if several else [""],
            estimates=estimates,
            intervals=intervals,
            words=np.where(np.isnan(estimates), "none", ""),
            level=level,
            method="normal",
            what=f"{where} {kind.get(margins.kind, 'effect, change of log p')}",
            legend="class" if several else "",
        )
        display.plot(ax, **kwargs)
        return display

    # -- the picture -------------------------------------------------------------------------------

    def plot(
        self,
        ax: Axes | None = None,
        *,
        xlim: tuple[float, float] | None = None,
        numbers: bool | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            New ones by default, as high as the terms need.
        xlim : (float, float), optional
            Where the axis ends, in what is drawn; by default beyond all finite ends.  What lies outside is an
            arrow.
        numbers : bool, optional
            Whether estimates and intervals are written beside the lines; by default where each term has one
            line and axes are new.

        Returns
        -------
        CoefficientDisplay
            This one.

        Raises
        ------
        ValueError
            `xlim` are not two rising numbers, positive where ratios are drawn.
        """
        G, T = self.estimates.shape
        written = (G == 1 and ax is None) if numbers is None else numbers
        scale = Scale.of(self.estimates, self.intervals, self.ratios, xlim)
        height = 1.2 + T * (0.3 if G == 1 else 0.14 + 0.16 * G)
        ax = self._begin(ax, (7.2 if written or G > 1 else 6.0, min(max(height, 2.2), 40.0)))
        if scale.low <= 0.0 <= scale.high:
            ax.axvline(scale.at(0.0), color=MUTED, linewidth=1.0, zorder=1)
        if G > 1:
            for t in range(0, T, 2):
                ax.axhspan(t - 0.5, t + 0.5, color=mixed(ax, 0.05), linewidth=0.0, zorder=0)
        for g in range(G):
            shift = 0.0 if G == 1 else min(_SPREAD, _APART * (G - 1)) * (g / (G - 1) - 0.5)
            for t in range(T):
                low, high = self.intervals[g, t].tolist()
                value = float(self.estimates[g, t])
                word = str(self.words[g, t])
                if not np.isnan(value):
                    forest_lines.line(
                        ax, scale, t + shift, value, low, high, colour(self.colours[g]), small=G > 3
                    )
                elif word:
                    self._instead(ax, scale, t, shift, word, g)
                if written:
                    self._number(ax, t + shift, value, low, high)
        ax.set(xlim=(scale.at(scale.low), scale.at(scale.high)), ylim=(T - 0.5, -0.5))
        ax.set_yticks(range(T), [short(name, room(ax, 8.0, 28)) for name in self.terms])
        # names keep away from arrows at the edge
        ax.tick_params(axis="y", length=0.0, pad=10.0)
        for side in ("left", "right", "top"):
            ax.spines[side].set_visible(False)
        if self.ratios:
            forest_lines.ratio_ticks(ax, scale)
        else:
            forest_lines.ticks(ax)
        name_axes(ax, f"{self.what}, {percent(self.level)} {self.method} interval", "")
        if G > 1:
            handles = [
                ax.plot([], [], "o-", color=colour(self.colours[g]), label=short(name, room(ax, 5.0, 24)))[0]
                for g, name in enumerate(self.groups)
            ]
            legend_beside(ax, self.legend, handles)
        return self

    def _instead(self, ax: Axes, scale: Scale, t: int, shift: float, word: str, g: int) -> None:
        """The word for what has no estimate; once, where all lines of a term have it."""
        same = bool((self.words[:, t] == word).all())
        if same and g:
            return
        ax.annotate(
            word,
            (scale.at(min(max(0.0, scale.low), scale.high)), t + (0.0 if same else shift)),
            xytext=(5.0, 0.0),
            textcoords="offset points",
            fontsize="small",
            fontstyle="italic",
            color=MUTED if same else colour(self.colours[g]),
            verticalalignment="center",
        )

    def _number(self, ax: Axes, y: float, value: float, low: float, high: float) -> None:
        if np.isnan(value):
            return
        with np.errstate(over="ignore"):
            shown = np.exp([value, low, high]) if self.ratios else np.array([value, low, high])
        estimate, *ends = shown.tolist()
        text = figure(estimate)
        if not np.isnan(ends).any():
            text += f"  {interval(*ends)}"
        ax.annotate(
            text,
            (1.0, y),
            xycoords=("axes fraction", "data"),
            xytext=(10.0, 0.0),
            textcoords="offset points",
            fontsize="small",
            verticalalignment="center",
            annotation_clip=False,
        )


def _legend(result: Result) -> str:
    """What the classes of a result are classes of."""
    return of_classes("y" if result.terms is None else result.terms.response)
