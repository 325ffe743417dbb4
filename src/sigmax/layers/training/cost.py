"""What training methods see, and what they hand over: a cost, the state of a run, its outcome.

    J(theta) = mean over the rows of the negative log-likelihood, in nats, and what penalty there is

A method calls its :class:`Watcher` once an iteration; the watcher counts, calls the callback and says
whether to stop.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np

from sigmax.kernels import Float, Index


class Cost(Protocol):
    """A function of a vector of parameters, a mean over rows.

    Attributes
    ----------
    n_rows : int
    rows_read : float
        Rows read so far, counted by the cost itself.
    """

    @property
    def n_rows(self) -> int:
        """Rows that J is the mean over."""

    @property
    def rows_read(self) -> float:
        """Rows read so far."""

    def evaluate(self, theta: Float) -> tuple[float, Float]:
        """J and its gradient over all rows; the gradient is a fresh array."""

    def product(self, theta: Float, v: Float) -> Float:
        """The Hessian of J at theta, times v."""

    def step_gradient(self, theta: Float, rows: Index) -> tuple[float, Float]:
        """J as the rows of a batch have it, and its gradient; over random batches their mean is J.

        Without weights it is the mean over the rows.  The next call may overwrite the gradient.
        """


@dataclass(frozen=True, slots=True)
class State:
    """The state of a run after an iteration (gd, lbfgs, newton-cg) or an epoch (sgd, adam).

    Attributes
    ----------
    method : str
    iteration : int
        Iterations, or epochs, so far; 1 at the first call.
    passes : float
        Rows read so far, divided by the number of rows.
    value : float
        J at `theta`; of sgd and adam the mean over the batches of the epoch, weighted by their rows, each
        taken before its step.
    gradient_norm : float
        max |dJ/dtheta_i| at `theta`; of sgd and adam that of the last batch.
    theta : ndarray of shape (d,)
        A copy.  Not in the repr, which is one line for thousands of parameters, too.
    """

    method: str
    iteration: int
    passes: float
    value: float
    gradient_norm: float
    theta: Float = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    theta : ndarray of shape (d,)
        The parameters reached; not in the repr.
    value, gradient_norm : float
        J and max |dJ/dtheta_i| there, over all rows.
    iterations : int
        Iterations, or epochs.
    passes : float
        Rows read, divided by the number of rows.
    converged : bool
        The criterion of the method was met: `tol`, or rounding lets the gradient fall no further.
    reason : str
        Why the run ended; where it did not converge, which setting to change.
    finished : bool
        The run did what it was asked to: it converged, or ran all epochs of a method without `tol`.
    """

    theta: Float = field(repr=False)
    value: float
    gradient_norm: float
    iterations: int
    passes: float
    converged: bool
    reason: str
    finished: bool


#: gets the state after an iteration; a true return value ends the run
Callback: TypeAlias = Callable[[State], object]

STOPPED = "stopped by the callback"
TOLERANCE = "max |dJ/dtheta| is within tol"
NOT_FINITE_AT_START = (
    "the cost or its gradient is not finite at the start; start elsewhere, or scale the inputs"
)


def largest(g: Float) -> float:
    """max |g_i|; nan where one is nan."""
    return float(np.abs(g).max())


def is_finite(value: float, norm: float) -> bool:
    """Whether a cost and the largest entry of its gradient are finite."""
    return math.isfinite(value) and math.isfinite(norm)


def out_of_iterations(max_iter: int, norm: float, tol: float) -> str:
    """The reason of a run that reached its limit."""
    return (
        f"the limit of {max_iter:,} iterations was reached with max |dJ/dtheta| = {norm:.2g} above "
        f"tol = {tol:.2g}; raise max_iter"
    )


class Watcher:
    """Counts iterations and passes, calls the callback, writes the outcome.

    Parameters
    ----------
    cost : Cost
    method : str
    callback : callable or None
    """

    __slots__ = ("_callback", "_cost", "_errors", "_method", "_rows_before", "iterations")

    def __init__(self, cost: Cost, method: str, callback: Callback | None = None) -> None:
        self._cost = cost
        self._method = method
        self._callback = callback
        self._rows_before = cost.rows_read
        # a method tries steps that overflow; the callback is not to be silenced with it
        self._errors = np.geterr()
        self.iterations = 0

    @property
    def passes(self) -> float:
        """Rows read since the watcher began, divided by the number of rows."""
        return (self._cost.rows_read - self._rows_before) / self._cost.n_rows

    def after(self, theta: Float, value: float, norm: float) -> bool:
        """Count an iteration and report it; whether the callback says to stop."""
        self.iterations += 1
        if self._callback is None:
            return False
        state = State(self._method, self.iterations, self.passes, value, norm, theta.copy())
        with np.errstate(**self._errors):
            return bool(self._callback(state))

    def outcome(
        self,
        theta: Float,
        value: float,
        norm: float,
        reason: str,
        *,
        converged: bool = False,
        finished: bool = False,
    ) -> Outcome:
        """What the run hands over."""
        return Outcome(
            theta, value, norm, self.iterations, self.passes, converged, reason, converged or finished
        )
