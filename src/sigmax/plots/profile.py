"""The profile likelihood of one parameter beside the parabola that Wald's interval takes it for."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sigmax.exceptions import ConvergenceWarning
from sigmax.inference.profile import ParameterProfile, chi2_of
from sigmax.kernels import Float
from sigmax.plots.display import MUTED, Display, colour
from sigmax.plots.drawing import DASHES, grid, legend, mixed, name_axes
from sigmax.plots.words import figure, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sigmax.inference.result import Result

#: how far the curve goes beyond an end, in lengths from the estimate
_BEYOND = 0.3
#: towards an infinite estimate it goes beyond where the deviance is chi^2 of this coverage; where an end
#: could not be proved, so many standard errors
_NEARLY, _FAR = 0.12, 5.0
_KINDS = ("deviance", "root")


class ProfileDisplay(Display):
    """The profile of a parameter, its level, the ends of its interval, and those of Wald's.

    Parameters
    ----------
    name : str
        Of the parameter.
    estimate : float
        -inf or inf where separated classes take it there.
    std_error : float
        Of the parabola; nan for none.
    values, deviance : ndarray of shape (n,)
        Points of the curve, 2 (sup l - max l with the parameter at the value).
    ends, wald : (float, float)
        Of the intervals.
    level : float
        Their coverage.
    covariance_kind : str
        Of the standard error.
    kind : {"deviance", "root"}
        What is drawn: the deviance, whose Wald approximation is a parabola, or its root with the sign of
        value - estimate, where that is a line.

    Attributes
    ----------
    name, estimate, std_error, values, deviance, ends, wald, level, covariance_kind, kind
        As given.
    ax_, figure_
        Where it was last drawn.

    Examples
    --------
    >>> import sigmax as sx
    >>> from sigmax.plots import ProfileDisplay
    >>> data = sx.datasets.load("spector")
    >>> r = sx.fit(data.X, data.y, names=data.features)
    >>> display = ProfileDisplay.from_result(r, "PSI")
    >>> [round(end, 4) for end in display.ends]
    [0.4785, 4.8099]
    """

    def __init__(
        self,
        *,
        name: str,
        estimate: float,
        std_error: float,
        values: Float,
        deviance: Float,
        ends: tuple[float, float],
        wald: tuple[float, float],
        level: float,
        covariance_kind: str = "mle",
        kind: str = "deviance",
    ) -> None:
        self.name, self.estimate, self.std_error = name, estimate, std_error
        self.values, self.deviance, self.ends, self.wald = values, deviance, ends, wald
        self.level, self.covariance_kind, self.kind = level, covariance_kind, kind

    @classmethod
    def from_result(
        cls,
        result: Result,
        term: str,
        *,
        level: float = 0.95,
        kind: str = "deviance",
        n_points: int = 61,
        limits: tuple[float, float] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the profile of a parameter.

        Parameters
        ----------
        result : Result
        term : str
            Name of the parameter; where parameters belong to several classes with the class, ``age[red]``.
        level : float
            Coverage of the intervals.
        kind : {"deviance", "root"}
            The deviance, or its signed root.
        n_points : int
            Points of the curve, each a constrained fit; at least 5.
        limits : (float, float), optional
            Values between which it is drawn; by default a little beyond both ends, and where one is infinite
            to where the deviance hardly changes.
        ax : matplotlib.axes.Axes, optional
            New ones by default.
        **kwargs
            As for :meth:`plot`.

        Raises
        ------
        TypeError
            `term` is no text.
        ValueError
            As for ``result.profile``; a parameter without a limit; `kind`, `level`, `n_points` or `limits` is
            none.
        ImportError
            matplotlib is not installed.
        """
        if kind not in _KINDS:
            raise ValueError(f"kind must be 'deviance' or 'root'; got {kind!r}")
        if isinstance(n_points, bool) or not isinstance(n_points, int | np.integer) or n_points < 5:
            raise ValueError(f"n_points must be a whole number, 5 or more; got {n_points!r}")
        profile = result.profile(term)
        if math.isnan(profile.estimate):
            raise ValueError(
                f"term must be a parameter with an estimate; {profile.name} has no limit: the classes are "
                "separated"
            )
        ends = profile.interval(level)
        error = profile.std_error
        half = math.sqrt(chi2_of(level)) * error
        wald = profile.estimate - half, profile.estimate + half
        low, high = _limits(profile, ends, wald) if limits is None else _given(limits)
        values = np.linspace(low, high, int(n_points))
        # corners of the picture are points of the curve
        marks = [x for x in (*ends, profile.estimate) if low < x < high]
        values = np.unique(np.concatenate([values, marks]))
        with warnings.catch_warnings():
            # far out there are gaps in the curve; the ends had their warning
            warnings.simplefilter("ignore", ConvergenceWarning)
            deviance = profile.deviance(values)
        display = cls(
            name=profile.name,
            estimate=profile.estimate,
            std_error=error,
            values=values,
            deviance=deviance,
            ends=ends,
            wald=wald,
            level=level,
            covariance_kind=profile.covariance_kind,
            kind=kind,
        )
        display.plot(ax, **kwargs)
        return display

    def _drawn(self, values: Float, deviance: Float) -> Float:
        """What is drawn of a deviance."""
        if self.kind == "deviance":
            return deviance
        with np.errstate(invalid="ignore"):
            return np.asarray(np.sign(values - self.estimate) * np.sqrt(deviance))

    def plot(self, ax: Axes | None = None, *, wald: bool = True) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            New ones by default.
        wald : bool
            Whether the quadratic approximation and its interval are drawn, where there are any.

        Returns
        -------
        ProfileDisplay
            This one.
        """
        ax = self._begin(ax)
        cut = chi2_of(self.level)
        low, high = float(self.values[0]), float(self.values[-1])
        known = wald and math.isfinite(self.estimate) and self.std_error > 0.0
        if known:
            self._parabola(ax, low, high, cut)
        of = figure(self.ends[0]), figure(self.ends[1])
        ax.plot(
            self.values,
            self._drawn(self.values, self.deviance),
            color=colour(0),
            linewidth=2.0,
            label=f"profile [{', '.join(of)}]",
            zorder=3,
        )
        lines = (cut,) if self.kind == "deviance" else (-math.sqrt(cut), math.sqrt(cut))
        bottom, top = self._heights(cut)
        for y in lines:
            if bottom < y < top:
                ax.axhline(y, color=MUTED, linewidth=0.8, linestyle=DASHES, zorder=1)
        ax.annotate(
            f"{percent(self.level)}",
            (1.0, lines[-1] if lines[-1] < top else lines[0]),
            xycoords=("axes fraction", "data"),
            xytext=(3.0, 0.0),
            textcoords="offset points",
            fontsize="small",
            color=MUTED,
            verticalalignment="center",
            annotation_clip=False,
        )
        if self.kind == "root":
            ax.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
        for end, side in zip(self.ends, (-1.0, 1.0), strict=True):
            if math.isfinite(end):
                y = cut if self.kind == "deviance" else side * math.sqrt(cut)
                ax.plot([end, end], [bottom, y], color=colour(0), linewidth=0.8, zorder=2)
                ax.plot([end], [y], "o", color=colour(0), markersize=6.0, zorder=4)
        self._estimate(ax, bottom, top)
        ax.set(xlim=(low, high), ylim=(bottom, top))
        name_axes(ax, self.name, "signed root of the deviance")
        if self.kind == "deviance":
            ax.set_ylabel(r"deviance, $2\,(\ell_{\max} - \ell)$")
        grid(ax)
        # there is room at the top, between the branches of the curve
        between = self.kind == "deviance" and math.isfinite(self.estimate)
        legend(ax, loc="upper center" if between else "best")
        return self

    def _heights(self, cut: float) -> tuple[float, float]:
        """Lower and upper end of the axis."""
        known = self._drawn(self.values, self.deviance)
        known = known[np.isfinite(known)]
        largest = float(known.max(initial=0.0))
        if self.kind == "deviance":
            return -0.04 * cut, max(min(largest, 3.0 * cut), 1.35 * cut)
        root = math.sqrt(cut)
        least = float(known.min(initial=0.0))
        return min(max(least, -2.0 * root), 0.0) - 0.1 * root, max(min(largest, 2.0 * root), 0.0) + 0.1 * root

    def _parabola(self, ax: Axes, low: float, high: float, cut: float) -> None:
        x = np.linspace(low, high, 201)
        z = (x - self.estimate) / self.std_error
        robust = "" if self.covariance_kind == "mle" else f", {self.covariance_kind}"
        ends = ", ".join(map(figure, self.wald))
        ax.plot(
            x,
            self._drawn(x, z * z),
            color=colour(1),
            linewidth=1.4,
            linestyle=(0, (5, 2)),
            label=f"Wald{robust} [{ends}]",
            zorder=2,
        )
        for end, side in zip(self.wald, (-1.0, 1.0), strict=True):
            y = cut if self.kind == "deviance" else side * math.sqrt(cut)
            ax.plot(
                [end],
                [y],
                "o",
                color=colour(1),
                markerfacecolor=mixed(ax, 0.0),
                markersize=5.5,
                zorder=3.5,
            )

    def _estimate(self, ax: Axes, bottom: float, top: float) -> None:
        """A line at the estimate; an arrow where it is infinite."""
        if math.isfinite(self.estimate):
            ax.plot([self.estimate] * 2, [bottom, 0.0], color=mixed(ax, 1.0), linewidth=0.8, zorder=2)
            ax.plot([self.estimate], [0.0], "|", color=mixed(ax, 1.0), markersize=9.0, zorder=4)
            return
        right = self.estimate > 0.0
        ax.plot(
            [1.0 if right else 0.0],
            [0.0],
            ">" if right else "<",
            color=colour(0),
            markersize=8.0,
            transform=ax.get_yaxis_transform(),
            clip_on=False,
            zorder=4,
        )
        ax.annotate(
            f"estimate {'inf' if right else '-inf'}",
            (1.0 if right else 0.0, 0.0),
            xycoords=("axes fraction", "data"),
            xytext=(-10.0 if right else 10.0, 7.0 if self.kind == "deviance" or not right else -7.0),
            textcoords="offset points",
            horizontalalignment="right" if right else "left",
            verticalalignment="bottom" if self.kind == "deviance" or not right else "top",
            fontsize="small",
            color=colour(0),
        )


def _given(limits: Any) -> tuple[float, float]:
    low, high = map(float, limits)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"limits must be two finite numbers that rise; got {limits!r}")
    return low, high


def _limits(
    profile: ParameterProfile, ends: tuple[float, float], wald: tuple[float, float]
) -> tuple[float, float]:
    """Where the curve begins and ends."""
    found = list(ends)
    estimate, error = profile.estimate, profile.std_error
    for i, side in enumerate((-1.0, 1.0)):
        outer = ends[1 - i]
        if math.isfinite(ends[i]) and math.isfinite(wald[i]):
            # Wald's end, too, as long as the profile's is not lost beside it
            far = min(side * (wald[i] - estimate), 2.0 * side * (ends[i] - estimate))
            found[i] = estimate + side * max(far, side * (ends[i] - estimate))
        elif math.isfinite(ends[i]):
            continue
        elif math.isfinite(estimate):
            # an end that could not be proved
            width = error if math.isfinite(error) and error > 0.0 else max(abs(estimate), 1.0)
            found[i] = estimate + side * _FAR * width
        else:
            inner = profile.interval(_NEARLY)[1 - i]
            length = side * (inner - outer) if math.isfinite(inner) and math.isfinite(outer) else 5.0
            found[i] = (outer if math.isfinite(outer) else 0.0) + side * 1.6 * length
    low, high = found
    middle = estimate if math.isfinite(estimate) else 0.5 * (low + high)
    return low - _BEYOND * (middle - low), high + _BEYOND * (high - middle)
