"""Where a fit decides for which class, in two variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from sigmax.inference.result import Result
from sigmax.inference.tables import label_text
from sigmax.kernels import Float
from sigmax.plots.display import Display, colour
from sigmax.plots.drawing import (
    backed,
    ink,
    legend_beside,
    marker,
    mixed,
    name_axes,
    note_above,
    of_classes,
    room,
)
from sigmax.plots.points import Marks, areas, marks
from sigmax.plots.slices import Slice
from sigmax.plots.words import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: points of the grid on each side; of steps, which no contour can place between two points
_GRID, _FINE_GRID = 201, 401
#: what the picture goes beyond the data on each side, of their range
_MARGIN = 0.06
#: where on a line its level is written, from its upper end, and how far from the edges of the picture
_LABEL_AT, _EDGE = (0.1, 0.2, 0.3, 0.4, 0.5), 0.09
#: strength of the colours of regions
_PALE = 0.22


class DecisionBoundaryDisplay(Display):
    """The decision line of two classes with contours of p, or the regions of more, over the data.

    Make it with :meth:`from_result`.

    Parameters
    ----------
    x, y : ndarray of shape (g,), (h,)
        The grid.
    logits : ndarray of shape (h, g, K)
        Of all classes, up to a sum that they share; -inf and inf where classes are separated, nan where the
        data do not determine them.
    proba : ndarray of shape (h, g, K)
    classes : ndarray of shape (K,)
    levels : tuple of float
        Of two classes: probabilities of the second one that have a line.
    line : ndarray of shape (3,), optional
        a, b, c of the logit a x + b y + c of two classes where it is linear: lines are then exact.
    points : Marks, optional
        The data.
    features : tuple of str, (2,)
    response : str
        Name of what has classes.
    note : str
        Where other variables are held.

    Attributes
    ----------
    ax_, figure_
        See :class:`sigmax.plots.display.Display`.
    ends_ : dict of float to ndarray of shape (2, 2)
        Of exact lines: level -> ends of its stretch in the picture, one in a row; none outside of it.
    """

    def __init__(
        self,
        *,
        x: Float,
        y: Float,
        logits: Float,
        proba: Float,
        classes: npt.NDArray[np.generic],
        levels: tuple[float, ...] = (0.1, 0.5, 0.9),
        line: Float | None = None,
        points: Marks | None = None,
        features: tuple[str, str] = ("x1", "x2"),
        response: str = "y",
        note: str = "",
    ) -> None:
        self.x, self.y, self.logits, self.proba, self.classes = x, y, logits, proba, classes
        self.levels, self.line, self.points = levels, line, points
        self.features, self.response, self.note = features, response, note

    @classmethod
    def from_result(
        cls,
        result: Result,
        features: Sequence[str | int] | None = None,
        *,
        at: Mapping[str, Any] | None = None,
        offset: npt.ArrayLike | None = None,
        levels: Sequence[float] = (0.1, 0.5, 0.9),
        points: bool = True,
        limits: tuple[tuple[float, float], tuple[float, float]] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw where a fit decides for which class.

        With two classes and columns of X, the lines of p = 0.1, 0.5, 0.9 are drawn from the coefficients,
        exactly; of a formula, and of more classes, from a grid of 201 x 201 points (401 x 401 where
        classes are separated).

        Parameters
        ----------
        result : Result
            Of arrays, or of a table and a formula.
        features : (str or int, str or int), optional
            What varies, from left to right and upwards: names of columns of X, their indices, or variables of
            the formula.  May be left out where there are two.
        at : mapping of str, optional
            Where other variables are held; by default numbers at their (weighted) means, factors and truth
            values at their most frequent level.  The title says where.
        offset : float, or array_like of shape (K,), optional
            Needed where the fit had offsets.  Two classes: added to the logit of the second.
        levels : sequence of float
            Two classes: probabilities of the second one, rising; 0.5 is drawn strong.
        points : bool
            Whether to draw the data: at most 2000 rows, evenly chosen where there are more; areas say how
            many a mark stands for where there are weights or counts.
        limits : ((float, float), (float, float)), optional
            Of the grid; beyond the data by 6 % by default, and where the data end with a formula.
        ax : matplotlib.axes.Axes, optional
            Where to draw; in a new figure by default.
        **kwargs
            For the data, ``Axes.scatter``.

        Returns
        -------
        DecisionBoundaryDisplay

        Raises
        ------
        ValueError
            Other than two variables, and none are named; an unknown name; a factor; bad levels or limits; the
            fit had offsets, and none is given.  Or a pickled result, which left its data behind, without
            `limits` and ``points=False``.
        ImportError
            matplotlib is not installed.

        Examples
        --------
        >>> import sigmax as sx
        >>> from sigmax.plots import DecisionBoundaryDisplay
        >>> data = sx.datasets.load("spector")
        >>> r = sx.fit(data.X, data.y, names=data.features)
        >>> display = DecisionBoundaryDisplay.from_result(r, ("GPA", "TUCE"), at={"PSI": 1.0})
        >>> display.line.round(4)
        array([  2.8261,   0.0952, -10.6427])
        """
        wanted = tuple(float(one) for one in levels)
        if not all(0.0 < one < 1.0 for one in wanted) or list(wanted) != sorted(set(wanted)):
            raise ValueError(f"levels must rise, each between 0 and 1; got {levels!r}")
        over = Slice(result, features, 2, at, offset, cls.__name__)
        first, second = over.names
        if points or limits is None:
            places = np.column_stack([over.numbers(first), over.numbers(second)])
        size = _FINE_GRID if over.is_limit else _GRID
        if limits is None:
            total = over.rows.total()
            used = places[(total if total.ndim == 1 else total.sum(axis=1)) > 0.0]
            x, y = (_axis(used[:, j], _MARGIN * over.is_linear, size) for j in (0, 1))
        else:
            x, y = (_between(one, size) for one in limits)
        grid = [one.ravel() for one in np.meshgrid(x, y)]
        K, shape = len(result.classes), (len(y), len(x), -1)
        linear = K == 2 and over.is_linear and not over.is_limit
        display = cls(
            x=x,
            y=y,
            logits=over.logits(*grid).reshape(shape),
            proba=over.proba(*grid).reshape(shape),
            classes=result.classes,
            levels=wanted,
            line=_line(over) if linear else None,
            points=marks(places, over.rows, K) if points else None,
            features=(first, second),
            response="y" if result.terms is None else result.terms.response,
            note=over.title(),
        )
        return display.plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw it, on `ax` or in a new figure; `kwargs` are for the data (``Axes.scatter``)."""
        ax = self._begin(ax, (6.4, 5.0))
        self.ends_: dict[float, Float] = {}
        ax.set(xlim=(self.x[0], self.x[-1]), ylim=(self.y[0], self.y[-1]))
        (self._draw_two if len(self.classes) == 2 else self._draw_regions)(ax)
        self._draw_points(ax, kwargs)
        name_axes(ax, *self.features)
        parts = [self.note] if self.note else []
        if self.points is not None and len(self.points.code) < self.points.n_all:
            parts.append(f"{len(self.points.code):,} of {self.points.n_all:,} rows")
        note_above(ax, "; ".join(parts))
        from matplotlib.lines import Line2D

        entries = [
            Line2D(
                [],
                [],
                linestyle="",
                marker=marker(k),
                color=colour(k),
                label=short(label_text(label), room(ax, 5.0, 24)),
            )
            for k, label in enumerate(self.classes)
        ]
        legend_beside(ax, of_classes(self.response), entries)
        return self

    # -- two classes -----------------------------------------------------------------------------

    def _draw_two(self, ax: Axes) -> None:
        from matplotlib.colors import LinearSegmentedColormap

        p = np.ma.masked_invalid(self.proba[:, :, 1])
        shades = LinearSegmentedColormap.from_list("two", [_pale(ax, 0), mixed(ax, 0.0), _pale(ax, 1)])
        half = [0.5 * (one[1] - one[0]) for one in (self.x, self.y)]
        ax.imshow(
            p,
            cmap=shades,
            vmin=0.0,
            vmax=1.0,
            origin="lower",
            extent=(
                self.x[0] - half[0],
                self.x[-1] + half[0],
                self.y[0] - half[1],
                self.y[-1] + half[1],
            ),
            aspect="auto",
            interpolation="bilinear",
            zorder=0.0,
        )
        ax.set(xlim=(self.x[0], self.x[-1]), ylim=(self.y[0], self.y[-1]))
        for level in self.levels:
            strong = level == 0.5
            style: dict[str, Any] = {
                "linewidth": 2.0 if strong else 1.1,
                "linestyle": "-" if strong else "--",
                "color": mixed(ax, 0.85 if strong else 0.6),
                "zorder": 2.0,
            }
            if self.line is not None:
                self._draw_line(ax, level, style)
            else:
                self._draw_contour(ax, level, style)

    def _draw_line(self, ax: Axes, level: float, style: dict[str, Any]) -> None:
        """a x + b y + c = log(p / (1 - p)), exactly."""
        assert self.line is not None
        a, b, c = self.line
        ends = _clipped(a, b, c - np.log(level / (1.0 - level)), self.x, self.y)
        if ends is None:
            return
        self.ends_[level] = ends
        ax.plot(ends[:, 0], ends[:, 1], **style)
        # written near its upper end, where it cannot hide the middle; a stretch in a corner has no room
        top, other = ends[int(ends[:, 1].argmax())], ends[int(ends[:, 1].argmin())]
        low, high = np.array([self.x[0], self.y[0]]), np.array([self.x[-1], self.y[-1]])
        # those of lines that are near to each other not beside each other
        first = self.levels.index(level) % 3
        for part in (*_LABEL_AT[first:], *_LABEL_AT[:first]):
            place = top + part * (other - top)
            inside = (place - low) / (high - low)
            if ((inside > _EDGE) & (inside < 1.0 - _EDGE)).all():
                text = ax.text(
                    place[0],
                    place[1],
                    f"p = {level:g}",
                    ha="center",
                    va="center",
                    fontsize="small",
                    color=ink(ax),
                    zorder=5.0,
                )
                backed(text, ax)
                break

    def _draw_contour(self, ax: Axes, level: float, style: dict[str, Any]) -> None:
        eta = self.logits[:, :, 1] - self.logits[:, :, 0]
        kept = {"linewidths": style["linewidth"], "linestyles": style["linestyle"], "colors": style["color"]}
        if np.isfinite(eta).all():
            wanted, surface = float(np.log(level / (1.0 - level))), eta
        else:
            wanted, surface = level, np.ma.masked_invalid(self.proba[:, :, 1])
        if not surface.min() < wanted < surface.max():
            return
        drawn = ax.contour(self.x, self.y, surface, [wanted], zorder=2.0, **kept)
        if np.isfinite(eta).all():
            for text in ax.clabel(drawn, fmt={wanted: f"p = {level:g}"}, fontsize="small", inline=False):
                text.set_color(ink(ax))
                backed(text, ax)

    # -- more classes ----------------------------------------------------------------------------

    def _draw_regions(self, ax: Axes) -> None:
        """Each class where its logit, or where these are not finite its probability, is the largest."""
        score = self.logits if np.isfinite(self.logits).all() else self.proba
        score = np.where(np.isnan(score), -1.0, score) if score is self.proba else score
        for k in range(len(self.classes)):
            lead = score[:, :, k] - np.delete(score, k, axis=2).max(axis=2)
            if not (lead > 0.0).any():
                continue
            top = max(float(lead.max()), 0.0) + 1.0
            ax.contourf(self.x, self.y, lead, [0.0, top], colors=[_pale(ax, k)], zorder=0.0)
            if (lead < 0.0).any():
                ax.contour(self.x, self.y, lead, [0.0], colors=[mixed(ax, 0.75)], linewidths=1.1, zorder=1.0)

    # -- the data --------------------------------------------------------------------------------

    def _draw_points(self, ax: Axes, kwargs: dict[str, Any]) -> None:
        if self.points is None:
            return
        code, total = self.points.code, self.points.total
        sizes = np.full(len(code), 22.0) if total.max() == total.min() else areas(total)
        # a large mark lies under small ones, whatever their classes
        order = np.argsort(-sizes, kind="stable")
        for of_marker in dict.fromkeys(marker(k) for k in range(len(self.classes))):
            mine = order[[marker(k) == of_marker for k in code[order].tolist()]]
            style: dict[str, Any] = {
                "s": sizes[mine],
                "c": [colour(k) for k in code[mine].tolist()],
                "marker": of_marker,
                "edgecolors": [mixed(ax, 0.0)],
                "linewidths": 0.6,
                "alpha": 0.85,
                "zorder": 3.0,
                **kwargs,
            }
            ax.scatter(self.points.x[mine, 0], self.points.x[mine, 1], **style)


def _pale(ax: Axes, index: int) -> tuple[float, float, float]:
    """The colour of a class mixed with the ground."""
    return mixed(ax, _PALE, colour(index))


def _axis(values: Float, beyond: float, size: int) -> Float:
    low, high = float(values.min()), float(values.max())
    margin = beyond * (high - low) if high > low else 0.5
    return np.linspace(low - margin, high + margin, size)


def _between(limits: tuple[float, float], size: int) -> Float:
    low, high = (float(one) for one in limits)
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"limits must be two pairs of finite numbers that rise; got {limits!r} among them")
    return np.linspace(low, high, size)


def _line(over: Slice) -> Float:
    """a, b, c of the logit of the second class: coefficients, and what the held variables add."""
    result = over.result
    params = np.nan_to_num(np.atleast_2d(result.params))  # a column that was left out adds nothing
    if result.reference is None:
        w = params[1] - params[0]
    else:
        w = params[0] if result.reference == result.classes[0] else -params[0]
    a, b = (float(w[result.param_names.index(name)]) for name in over.names)
    eta = over.logits(np.zeros(1), np.zeros(1))[0]
    return np.array([a, b, float(eta[1] - eta[0])])


def _clipped(a: float, b: float, c: float, x: Float, y: Float) -> Float | None:
    """The ends of a x + b y + c = 0 in the box of x and y, (2, 2); None where it does not pass."""
    found = []
    if b != 0.0:
        found += [(at, -(a * at + c) / b) for at in (x[0], x[-1])]
    if a != 0.0:
        found += [(-(b * at + c) / a, at) for at in (y[0], y[-1])]
    slack = 1e-9
    wide, high = x[-1] - x[0], y[-1] - y[0]
    inside = [
        (p, q)
        for p, q in found
        if x[0] - slack * wide <= p <= x[-1] + slack * wide
        and y[0] - slack * high <= q <= y[-1] + slack * high
    ]
    if len(inside) < 2:
        return None
    places = np.array(inside)
    places = places[np.lexsort(places.T)]
    return np.asarray(places[[0, -1]])
