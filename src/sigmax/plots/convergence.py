"""How a fit came to its optimum: distance against reads of the data."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from sigmax.exceptions import ConvergenceWarning, SeparationWarning
from sigmax.fitting import fit
from sigmax.inference.observed import observed
from sigmax.inference.result import Result
from sigmax.kernels import Float
from sigmax.plots.display import MUTED, Display, colour
from sigmax.plots.drawing import grid, legend, mixed, name_axes, note_above
from sigmax.progress import Recorder
from sigmax.solvers.monitor import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: parameters up to which distances are measured with the information, whose factor takes P^3 / 3 operations
_MOST_PARAMETERS = 2000
#: an excess of f below this part of f is the rounding of f
_RESOLVED = 1e-14
_CURVES = {
    "distance": "distance",
    "excess": "from excess of f",
    "decrement": "Newton decrement",
}
_UNIT = "distance, standard errors"
#: stage -> marker, and what the legend says
_STAGES = {
    "sample": ("^", "sample"),
    "gradient": ("o", "gradient"),
    "hessian": ("s", "gradient, Hessian"),
    "refine": ("D", "double-double"),
}


class ConvergenceDisplay(Display):
    """The distance to the optimum, in standard errors, against reads of the data, on a scale of decades.

    Make it with :meth:`from_result`, :meth:`from_fit`, or from states that a
    :class:`sigmax.progress.Recorder` has kept, with :meth:`from_states`.

    With f the negative log-likelihood plus penalty, b where a read evaluated it, b* the optimum and H the
    Hessian there, the curves are

        distance    sqrt((b - b*)' H (b - b*))
        excess      sqrt(2 (f(b) - f(b*)))             the same, to second order
        decrement   sqrt(g' M^-1 g)                    what the fit itself knew

    in standard errors of the estimate.  M is the Hessian that the step was made with.  A decrement stands
    where the fit reported it, after the read that proved the step good: Newton's method reports that of the
    point before.  Where a fit has not converged, the optimum is not known, and the decrement is all there is;
    where classes are separated, f(b*) is the infimum.  An excess is not drawn where it is the rounding of f,
    1e-14 of it, nor of Firth's estimates.

    Parameters
    ----------
    passes : ndarray of shape (t,)
        Rows read, divided by the number of rows; those of samples included.
    stages : sequence of str, of length t
    distance, excess, decrement : ndarray of shape (t,)
        nan where they are not known.
    sample : float
        Reads before the first one of all rows, for samples.
    bound : float
        Distance that the certificate proves, in standard errors; inf for none.
    total : float
        Reads in all.
    note : str
        What else a reader has to know.
    unit : str
        Of all curves.

    Attributes
    ----------
    ax_, figure_
        See :class:`sigmax.plots.display.Display`.
    """

    def __init__(
        self,
        *,
        passes: Float,
        stages: Sequence[str],
        distance: Float,
        excess: Float,
        decrement: Float,
        sample: float = 0.0,
        bound: float = float("inf"),
        total: float | None = None,
        note: str = "",
        unit: str = _UNIT,
    ) -> None:
        self.passes, self.stages = passes, tuple(stages)
        self.distance, self.excess, self.decrement = distance, excess, decrement
        self.sample, self.bound, self.note, self.unit = sample, bound, note, unit
        self.total = float(passes[-1]) if total is None else total

    @classmethod
    def from_result(cls, result: Result, *, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Fit the rows of a result again, and draw the way.

        A result keeps no trace.  The same rows, of the columns that were not left out, are fitted again with
        the same penalty on the same backend: from the origin, with the default `tol`, whatever `start` and
        `tol` were.  A fit is the same, bit for bit, on any number of threads; but one of few rows is done in
        one call of the kernels, and one that is watched read by read, on the general way: its answer is the
        same within the bound, and its reads may be a few more or less than those of ``result.certificate``.

        Parameters
        ----------
        result : Result
        ax : matplotlib.axes.Axes, optional
            Where to draw; in a new figure by default.
        **kwargs
            For the curve of the distance, ``Axes.plot``.

        Returns
        -------
        ConvergenceDisplay

        Raises
        ------
        ValueError
            A pickled result, which left its data behind.
        ImportError
            matplotlib is not installed.

        Examples
        --------
        >>> import sigmax as sx
        >>> from sigmax.plots import ConvergenceDisplay
        >>> data = sx.datasets.load("spector")
        >>> r = sx.fit(data.X, data.y)
        >>> display = ConvergenceDisplay.from_result(r)
        >>> display.stages[-1], display.bound < 1e-12
        ('refine', True)
        """
        again = observed(result, cls.__name__).again()
        arguments = {"l2": result.l2, "bias_reduction": result.bias_reduction, "backend": result.backend}
        return cls.from_fit(**again, **arguments, ax=ax, plot_arguments=kwargs)

    @classmethod
    def from_fit(
        cls,
        X: Any,
        y: Any = None,
        *,
        ax: Axes | None = None,
        plot_arguments: dict[str, Any] | None = None,
        **fit_arguments: Any,
    ) -> Self:
        """Fit, and draw the way.

        Parameters
        ----------
        X, y, **fit_arguments
            As for :func:`sigmax.fit`, but for `callback`.
        ax : matplotlib.axes.Axes, optional
            Where to draw; in a new figure by default.
        plot_arguments : dict, optional
            For the curve of the distance, ``Axes.plot``.

        Returns
        -------
        ConvergenceDisplay

        Raises
        ------
        ValueError
            What :func:`sigmax.fit` refuses, or a callback.

        Notes
        -----
        Warnings that there is no estimate, or no certificate, are written above the picture instead.
        """
        if fit_arguments.get("callback") is not None:
            raise ValueError("callback is the display's own here: record with sigmax.progress.Recorder")
        recorder = Recorder()
        fit_arguments["callback"] = recorder
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SeparationWarning)
            warnings.simplefilter("ignore", ConvergenceWarning)
            result = fit(X, y, **fit_arguments)
        return cls.from_states(recorder.states, result, ax=ax, **(plot_arguments or {}))

    @classmethod
    def from_states(
        cls, states: Sequence[Progress], result: Result, *, ax: Axes | None = None, **kwargs: Any
    ) -> Self:
        """Draw states that were recorded on the way to a result.

        Parameters
        ----------
        states : sequence of Progress
            At least one, in the order of the reads.
        result : Result
            Where they led.
        ax : matplotlib.axes.Axes, optional
            Where to draw; in a new figure by default.
        **kwargs
            For the curve of the distance, ``Axes.plot``.

        Raises
        ------
        ValueError
            No states: the fit ended before it read all rows, for instance since a class has none.
        """
        if not states:
            raise ValueError("states must hold at least one state; the fit ended before it had read all rows")
        passes = np.array([one.passes for one in states])
        value = np.array([one.value for one in states])
        separated = result.separation is not None and result.bias_reduction is None
        converged = result.certificate.converged
        best = -result.llf if separated else float(value.min())
        over = value - best
        over[over <= _RESOLVED * abs(best)] = np.nan
        if result.bias_reduction is not None or not (separated or converged):
            # states have the likelihood without Jeffreys' prior; and the optimum is not known
            over[:] = np.nan
        finite = result.certificate.standard_errors_off
        first = states[0]
        display = cls(
            passes=passes,
            stages=[one.stage for one in states],
            distance=_distances(states, result) if converged else np.full(len(states), np.nan),
            excess=np.sqrt(2.0 * over),
            decrement=np.array([one.newton_decrement for one in states]),
            # an evaluation of all rows is one read, with a bias reduction two
            sample=max(first.passes - np.ceil(first.passes - 1e-9) + 1.0, 0.0) % 1.0,
            bound=float("inf") if separated else finite,
            total=max(result.certificate.passes, float(passes[-1])),
            note=_note(result),
            unit="sqrt(2 (f - its infimum))" if separated else _UNIT,
        )
        return display.plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw it, on `ax` or in a new figure; `kwargs` are for the curve (``Axes.plot``)."""
        from matplotlib.ticker import MaxNLocator

        ax = self._begin(ax)
        ax.set_yscale("log")
        curve, what = self.distance, "distance"
        if not (curve > 0.0).any():
            curve, what = self.excess, "excess"
        if not (curve > 0.0).any():
            curve, what = self.decrement, "decrement"
        main = np.where(curve > 0.0, curve, np.nan)
        if self.sample > 0.0:
            ax.axvspan(0.0, self.sample, color=mixed(ax, 0.15), linewidth=0.0, zorder=0.0, label="samples")
        drawn: list[Float] = [main]
        others: tuple[tuple[Float, str, dict[str, Any]], ...] = (
            (self.decrement, "decrement", {"color": colour(4), "linestyle": ":", "marker": "x"}),
            (self.excess, "excess", {"color": MUTED, "linestyle": "--"}),
        )
        for values, name, style in others:
            shown = np.where(values > 0.0, values, np.nan)
            if name == what or not np.isfinite(shown).any():
                continue
            ax.plot(
                self.passes, shown, linewidth=1.2, markersize=5.0, zorder=2.0, label=_CURVES[name], **style
            )
            drawn.append(shown)
        look = {"color": colour(0), "linewidth": 1.6, "label": _CURVES[what], "zorder": 3.0, **kwargs}
        ax.plot(self.passes, main, **look)
        for stage, (marker, meaning) in _STAGES.items():
            mine = np.array([one == stage for one in self.stages])
            if mine.any():
                ax.plot(
                    self.passes[mine],
                    main[mine],
                    linestyle="",
                    marker=marker,
                    color=colour(0),
                    markeredgecolor=mixed(ax, 0.0),
                    markersize=7.0,
                    label=meaning,
                    zorder=4.0,
                )
        # reads after the last state have nothing to show but what they proved
        right = 1.04 * (self.total if np.isfinite(self.bound) else float(self.passes[-1]))
        if np.isfinite(self.bound) and self.bound > 0.0:
            start = max(float(self.passes[-1]) - 0.12 * right, 0.0)
            ends, heights = [start, right], [self.bound, self.bound]
            says = f"proved: {self.bound:.1e}"
            ax.plot(
                ends, heights, color=colour(1), linewidth=2.2, label=says, zorder=3.5, solid_capstyle="butt"
            )
            drawn.append(np.array([self.bound]))
        _limit(ax, drawn)
        ax.set_xlim(0.0, right)
        name_axes(ax, "reads of the data", self.unit)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        grid(ax)
        note_above(ax, self.note)
        legend(ax)
        return self


def _limit(ax: Axes, drawn: list[Float]) -> None:
    """Limits of a decade around what is drawn."""
    everything = np.concatenate(drawn)
    everything = everything[np.isfinite(everything)]
    if everything.size:
        ax.set_ylim(0.3 * float(everything.min()), 4.0 * float(everything.max()))


def _distances(states: Sequence[Progress], result: Result) -> Float:
    """sqrt((b - b*)' H (b - b*)) of each state; nan where the covariance cannot be factored."""
    from scipy.linalg import LinAlgError, cholesky, solve_triangular

    none = np.full(len(states), np.nan)
    kept: npt.NDArray[np.bool_] = ~result.aliased.ravel()
    at = result.params.ravel()[kept]
    if kept.sum() > _MOST_PARAMETERS or any(one.coef.shape != at.shape for one in states):
        return none
    covariance = result.cov_params(kind="mle")[np.ix_(kept, kept)]
    if not (np.isfinite(covariance).all() and np.isfinite(at).all()):
        return none
    try:
        root = cholesky(covariance, lower=True)
    except LinAlgError:
        return none
    moved = np.array([one.coef - at for one in states]).T
    return np.asarray(np.linalg.norm(solve_triangular(root, moved, lower=True), axis=0))


def _note(result: Result) -> str:
    if result.separation is not None and result.bias_reduction is None:
        return "separated classes: f falls to its limit, and there is no optimum"
    if not result.certificate.converged:
        return f"not converged: {result.certificate.reason}"
    return ""
