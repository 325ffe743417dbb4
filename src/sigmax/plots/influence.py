"""Which rows move the estimates: leverage, residuals, Cook's distance and DFBETAS."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from sigmax.inference.tables import label_text
from sigmax.kernels import Float
from sigmax.plots.display import MUTED, Display, colour
from sigmax.plots.drawing import DASHES, grid, legend, name_axes, note_above
from sigmax.plots.labels import beside
from sigmax.plots.words import cut, figure, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sigmax.inference.diagnostics import Diagnostics
    from sigmax.inference.result import Result

_KINDS = ("cook", "dfbetas")
#: residuals that may stand on the axis, and what they are called there
_RESIDUALS = {
    "standardized": "standardised Pearson residual",
    "standardized_deviance": "standardised deviance residual",
    "deviance": "deviance residual",
}
#: points^2 of the largest bubble, of few rows and of many, and of the smallest
_LARGEST, _LARGEST_OF_MANY, _SMALLEST = 800.0, 300.0, 6.0
#: rows that are many
_FEW = 200
#: rows of a file with marks as paths, beyond which it holds pixels
_MANY = 5_000
#: rows that are drawn, at most: of more, one half are those of the largest influence, the other half stand
#: for the rest, at equal steps
MOST_ROWS = 20_000


class InfluenceDisplay(Display):
    """Rows by leverage and residual, with an area in proportion to Cook's distance; or DFBETAS of a term.

    Parameters
    ----------
    kind : {"cook", "dfbetas"}
        What is drawn.
    leverage, residuals, cooks_distance : ndarray of shape (n,)
        Of the rows.
    dfbetas : ndarray of shape (n,) or None
        Of `term`; for ``kind="dfbetas"``.
    term : str
        Name of that parameter.
    residual_kind : str
        Which residuals they are.
    n_estimated : int or None
        Number of parameters, for contours of Cook's distance; None where it is no function of leverage and
        residual: with other residuals than standardised ones of Pearson, and with more than two classes.
    row_labels : sequence of length n
        What rows are called.

    Attributes
    ----------
    kind, leverage, residuals, cooks_distance, dfbetas, term, residual_kind, n_estimated, row_labels
        As given.
    labelled_ : list of int
        Positions of the rows that were named.
    ax_, figure_
        Where it was last drawn.

    Notes
    -----
    Of more than 20,000 rows so many are drawn: the 10,000 of the largest influence, and as many of the
    others, at equal steps in their order.  A line above the axes says so.

    With two classes and standardised Pearson residuals r, Cook's distance of a row of leverage h is
    ``r^2 h / ((1 - h) P)``, P the number of parameters: its contours are drawn.

    Examples
    --------
    >>> import sigmax as sx
    >>> from sigmax.plots import InfluenceDisplay
    >>> data = sx.datasets.load("spector")
    >>> display = InfluenceDisplay.from_result(sx.fit(data.X, data.y))
    >>> display.labelled_[:2]
    [31, 23]
    """

    def __init__(
        self,
        *,
        kind: str,
        leverage: Float,
        residuals: Float,
        cooks_distance: Float,
        dfbetas: Float | None = None,
        term: str = "",
        residual_kind: str = "standardized",
        n_estimated: int | None = None,
        row_labels: Sequence[Any] | None = None,
    ) -> None:
        self.kind, self.leverage, self.residuals = kind, leverage, residuals
        self.cooks_distance, self.dfbetas, self.term = cooks_distance, dfbetas, term
        self.residual_kind, self.n_estimated = residual_kind, n_estimated
        self.row_labels = range(len(leverage)) if row_labels is None else row_labels
        self.labelled_: list[int] = []

    @classmethod
    def from_result(
        cls,
        result: Result,
        *,
        kind: str = "cook",
        term: str | None = None,
        residuals: str | None = None,
        row_labels: Sequence[Any] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the influence of the rows of a fit.

        Parameters
        ----------
        result : Result
        kind : {"cook", "dfbetas"}
            Leverage, residual and Cook's distance; or what a row changes of one parameter, in its standard
            errors.
        term : str, optional
            That parameter, for ``kind="dfbetas"``; where parameters belong to several classes with the class,
            ``age[red]``.
        residuals : {"standardized", "standardized_deviance", "deviance"}, optional
            Which stand on the axis; by default standardised ones of Pearson, and with more than two classes
            those of the deviance, which alone are one for each row.
        row_labels : sequence of length n, optional
            What rows are called; by default the index of the table of the fit, where it has one, or their
            positions.
        ax : matplotlib.axes.Axes, optional
            New ones by default.
        **kwargs
            As for :meth:`plot`.

        Raises
        ------
        TypeError
            `term` is no text.
        ValueError
            `kind` or `residuals` is none of these, or none for so many classes; `term` is missing, or no
            parameter, or without an estimate; labels that are not one for each row; data that were changed
            since the fit, or left behind by pickling.
        ImportError
            matplotlib is not installed.
        """
        if kind not in _KINDS:
            raise ValueError(f"kind must be 'cook' or 'dfbetas'; got {kind!r}")
        if kind == "dfbetas" and term is None:
            raise ValueError("term must name the parameter whose DFBETAS are drawn")
        two = len(result.classes) == 2
        chosen = residuals or ("standardized" if two else "deviance")
        if chosen not in _RESIDUALS:
            raise ValueError(f"residuals must be one of {', '.join(map(repr, _RESIDUALS))}; got {chosen!r}")
        if not two and chosen != "deviance":
            raise ValueError(
                f"residuals={chosen!r} are not one for each row with {len(result.classes)} classes: take "
                "'deviance'"
            )
        found = result.diagnostics()
        n = len(found)
        labels = _index_of(found, n) if row_labels is None else row_labels
        if len(labels) != n:
            raise ValueError(f"row_labels must have {n} labels, one for each row; got {len(labels)}")
        contours = two and chosen == "standardized"
        display = cls(
            kind=kind,
            leverage=np.asarray(found.leverage),
            residuals=np.asarray(getattr(found, chosen)),
            cooks_distance=np.asarray(found.cooks_distance),
            dfbetas=None if kind == "cook" else _dfbetas(found, str(term) if term is None else term),
            term=term or "",
            residual_kind=chosen,
            n_estimated=result.n_estimated if contours else None,
            row_labels=labels,
        )
        display.plot(ax, **kwargs)
        return display

    def plot(self, ax: Axes | None = None, *, n_labels: int = 5) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            New ones by default.
        n_labels : int
            How many rows are named: those of the largest Cook's distances, or DFBETAS.

        Returns
        -------
        InfluenceDisplay
            This one.
        """
        ax = self._begin(ax)
        if self.kind == "dfbetas":
            self._stems(ax, n_labels)
        else:
            self._bubbles(ax, n_labels)
        return self

    # -- leverage and residuals ------------------------------------------------------------------

    def _bubbles(self, ax: Axes, n_labels: int) -> None:
        cook = self.cooks_distance
        # nan: without the row a parameter is not determined, and nothing influences more
        alone = np.isnan(cook)
        largest = float(cook[~alone].max(initial=0.0))
        size = np.full(len(cook), _SMALLEST)
        if largest > 0.0:
            most = _LARGEST if len(cook) <= _FEW else _LARGEST_OF_MANY
            size = np.maximum(most * np.where(alone, largest, cook) / largest, _SMALLEST)
        shown = np.isfinite(self.residuals)
        seen = shown & ~alone
        seen[seen] = _thinned(cook[seen])
        ax.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
        ax.scatter(
            self.leverage[seen],
            self.residuals[seen],
            s=size[seen],
            color=colour(0),
            alpha=0.45 if len(cook) <= _FEW else 0.25,
            edgecolors=colour(0),
            linewidths=0.8 if len(cook) <= _FEW else 0.3,
            rasterized=len(cook) > _MANY,
            zorder=3,
        )
        if (shown & alone).any():
            ax.scatter(
                self.leverage[shown & alone],
                self.residuals[shown & alone],
                s=60.0,
                marker="D",
                color=colour(1),
                label="fitted alone: no Cook's distance",
                zorder=3,
            )
        width = float(self.leverage[shown].max(initial=0.0)) or 1.0
        height = float(np.abs(self.residuals[shown]).max(initial=0.0)) or 1.0
        signed = bool((self.residuals[shown] < 0.0).any())
        ax.set(
            xlim=(-0.04 * width, 1.14 * width),
            ylim=(-1.22 * height if signed else -0.06 * height, 1.22 * height),
        )
        name_axes(ax, "leverage", _RESIDUALS[self.residual_kind])
        grid(ax)
        if self.n_estimated is not None:
            _contours(ax, self.n_estimated, largest, 1.14 * width, 1.22 * height)
        self._name(ax, np.where(alone, np.inf, cook), self.leverage, self.residuals, size, n_labels, shown)
        note_above(ax, f"area: Cook's distance, the largest {figure(largest)}{_of(int(shown.sum()), '; ')}")
        if (shown & alone).any():
            legend(ax, loc="best")

    # -- one parameter ---------------------------------------------------------------------------

    def _stems(self, ax: Axes, n_labels: int) -> None:
        assert self.dfbetas is not None
        change = self.dfbetas
        n = len(change)
        at = np.arange(n, dtype=np.float64)
        known = np.isfinite(change)
        limit = 2.0 / math.sqrt(n)
        drawn = known.copy()
        drawn[known] = _thinned(np.abs(change[known]))
        large = drawn & (np.abs(change) > limit)
        ax.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
        for side in (-limit, limit):
            ax.axhline(side, color=MUTED, linewidth=0.8, linestyle=DASHES, zorder=1)
        ax.annotate(
            "2/√n",
            (1.0, limit),
            xycoords=("axes fraction", "data"),
            xytext=(3.0, 0.0),
            textcoords="offset points",
            fontsize="small",
            color=MUTED,
            verticalalignment="center",
            annotation_clip=False,
        )
        for rows, tint in ((drawn & ~large, colour(0)), (large, colour(1))):
            # a line for each row until they are too many to be seen apart
            ax.vlines(
                at[rows],
                0.0,
                change[rows],
                color=tint,
                linewidth=min(1.2, max(0.3, 300.0 / min(n, MOST_ROWS))),
                zorder=2,
                rasterized=n > _MANY,
            )
            ax.plot(
                at[rows],
                change[rows],
                "o",
                color=tint,
                markersize=4.0 if n <= 300 else 1.5,
                rasterized=n > _MANY,
                zorder=3,
            )
        height = max(float(np.abs(change[known]).max(initial=0.0)), limit)
        margin = 0.03 * n
        ax.set(
            xlim=(-margin - 0.5, n - 0.5 + margin),
            ylim=(-1.2 * height, 1.2 * height),
        )
        name_axes(ax, "row", f"DFBETAS of {cut(self.term, 36)}")
        grid(ax, "y")
        note_above(ax, _of(int(known.sum())))
        self._name(ax, np.where(known, np.abs(change), 0.0), at, change, np.full(n, 20.0), n_labels, known)

    def _name(
        self,
        ax: Axes,
        order: Float,
        x: Float,
        y: Float,
        size: Float,
        n_labels: int,
        shown: npt.NDArray[np.bool_],
    ) -> None:
        """The labels of the rows that come first, beside their marks."""
        rows = np.flatnonzero(shown & (order > 0.0))
        first = rows[np.argsort(-order[rows], kind="stable")][: max(n_labels, 0)]
        self.labelled_ = first.tolist()
        words = [short(label_text(self.row_labels[i]), 24) for i in self.labelled_]
        beside(ax, words, x[first].tolist(), y[first].tolist(), size[first].tolist())


def _thinned(influence: Float) -> npt.NDArray[np.bool_]:
    """Which rows are drawn: all, or of too many those of the largest influence and some of the others."""
    n = len(influence)
    keep = np.full(n, n <= MOST_ROWS)
    if n > MOST_ROWS:
        half = MOST_ROWS // 2
        keep[np.argpartition(influence, n - half)[n - half :]] = True
        others = np.flatnonzero(~keep)
        keep[others[np.linspace(0, len(others) - 1, half).astype(np.intp)]] = True
    return keep


def _of(n: int, before: str = "") -> str:
    """How many rows are drawn of those that could be; nothing where they all are."""
    if n <= MOST_ROWS:
        return ""
    return f"{before}{MOST_ROWS:,} of {n:,} rows: the largest, and others at equal steps"


def _contours(ax: Axes, P: int, largest: float, width: float, height: float) -> None:
    """Curves of equal Cook's distance D: r = -+sqrt(D P (1 - h) / h)."""
    if not largest > 0.0:
        return
    # the next round numbers below and around the largest
    decade = 10.0 ** math.floor(math.log10(largest))
    levels = [x * decade for x in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)]
    levels = [x for x in levels if 0.08 * largest <= x <= 2.0 * largest]
    # h = 1 leaves nothing: the curves end on the axis there
    h = np.linspace(width / 400.0, min(width, 1.0), 400)
    written = math.inf
    for D in reversed(levels):
        r = np.sqrt(D * P * np.maximum(1.0 - h, 0.0) / h)
        for side in (1.0, -1.0):
            ax.plot(h, side * r, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1.5)
        # where curves run together not every one can be named
        if float(r[-1]) < min(height, written - 0.07 * height):
            written = float(r[-1])
            ax.annotate(
                f"{D:g}",
                (1.0, float(r[-1])),
                xycoords=("axes fraction", "data"),
                xytext=(3.0, 0.0),
                textcoords="offset points",
                fontsize="x-small",
                color=MUTED,
                verticalalignment="center",
                annotation_clip=False,
            )


def _dfbetas(found: Diagnostics, term: str) -> Float:
    """The column of one parameter, (n,)."""
    if not isinstance(term, str):
        raise TypeError(f"term must be the name of a parameter, a str; got {type(term).__name__}")
    labels = [label_text(label) for label in found.row_labels]
    several = np.ndim(found.dfbetas) == 3
    names = [f"{x}[{label}]" if several else x for label in labels for x in found.param_names]
    if names.count(term) != 1:
        shown = ", ".join(map(repr, names[:8])) + (", ..." if len(names) > 8 else "")
        raise ValueError(f"term must be the name of one parameter, {shown}; got {term!r}")
    change = np.asarray(found.dfbetas).reshape(len(found), -1)[:, names.index(term)]
    if np.isnan(change).all():
        raise ValueError(
            f"term must be a parameter with an estimate that is finite; {term!r} was left out, or separated "
            "classes leave it without one"
        )
    return change


def _index_of(found: Diagnostics, n: int) -> Sequence[Any]:
    """The index of the table of the fit, where it has one; positions otherwise."""
    index = getattr(getattr(found, "origin", None), "index", None)
    return range(n) if index is None else list(index)
