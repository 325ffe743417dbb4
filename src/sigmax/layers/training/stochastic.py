"""Methods that step after every batch of rows: SGD with momentum, and Adam.

One loop serves both.  An epoch visits every row once, in an order drawn anew; the last batch of an epoch may
be short and counts like any other.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from sigmax.kernels import Float
from sigmax.layers.training.cost import STOPPED, Cost, Outcome, Watcher, is_finite, largest

#: Kingma & Ba 2015, algorithm 1
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
#: numbers of a vector up to which BLAS stays on the calling thread; starting others takes longer than a step
_SHORT = 8192


class Rule(Protocol):
    """What is done with the gradient of a batch."""

    def step(self, theta: Float, g: Float) -> None:
        """Change theta in place."""


class Momentum:
    """Polyak's momentum (USSR Comput. Math. Math. Phys. 4, 1964), as Sutskever et al. (ICML 2013, eq. 1, 2).

        v <- mu v - learning_rate g,    theta <- theta + v,    v = 0 at the start

    Parameters
    ----------
    size : int
    learning_rate : float
    momentum : float
        mu, 0 <= mu < 1.
    """

    __slots__ = ("_momentum", "_rate", "_scaled", "_v")

    def __init__(self, size: int, learning_rate: float, momentum: float) -> None:
        self._rate = learning_rate
        self._momentum = momentum
        self._v = np.zeros(size)
        self._scaled = np.empty(size)

    def step(self, theta: Float, g: Float) -> None:
        """One step from theta, in place."""
        v, scaled = self._v, self._scaled
        np.multiply(g, self._rate, out=scaled)
        if self._momentum == 0.0:
            np.subtract(theta, scaled, out=theta)
            return
        np.multiply(v, self._momentum, out=v)
        np.subtract(v, scaled, out=v)
        np.add(theta, v, out=theta)


class Adam:
    """Adam (Kingma & Ba, ICLR 2015, algorithm 1), with beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8.

        m <- beta1 m + (1 - beta1) g,    v <- beta2 v + (1 - beta2) g^2
        theta <- theta - learning_rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Kept are M = m / (1 - beta1) and V = v / (1 - beta2), which need two operations on vectors less:

        theta <- theta - a M / (sqrt(V) + epsilon / k),
        k = sqrt((1 - beta2) / (1 - beta2^t)),    a = learning_rate (1 - beta1) / (1 - beta1^t) / k

    Parameters
    ----------
    size : int
    learning_rate : float
    """

    __slots__ = ("_M", "_V", "_power1", "_power2", "_rate", "_work")

    def __init__(self, size: int, learning_rate: float) -> None:
        self._rate = learning_rate
        self._M = np.zeros(size)
        self._V = np.zeros(size)
        self._work = np.empty(size)
        self._power1 = self._power2 = 1.0

    def step(self, theta: Float, g: Float) -> None:
        """One step from theta, in place."""
        M, V, work = self._M, self._V, self._work
        self._power1 *= _BETA1
        self._power2 *= _BETA2
        k = math.sqrt((1.0 - _BETA2) / (1.0 - self._power2))
        a = self._rate * (1.0 - _BETA1) / (1.0 - self._power1) / k
        np.multiply(M, _BETA1, out=M)
        np.add(M, g, out=M)
        np.multiply(g, g, out=work)
        np.multiply(V, _BETA2, out=V)
        np.add(V, work, out=V)
        np.sqrt(V, out=work)
        np.add(work, _EPSILON / k, out=work)
        np.divide(M, work, out=work)
        np.multiply(work, a, out=work)
        np.subtract(theta, work, out=theta)


def sgd(
    cost: Cost, theta: Float, watcher: Watcher, *, learning_rate: float, momentum: float, **settings: Any
) -> Outcome:
    """Minimise `cost` by stochastic gradient descent with momentum; settings as in :func:`epochs`."""
    rule = Momentum(theta.size, learning_rate, momentum)
    return epochs(cost, theta, watcher, rule, learning_rate=learning_rate, **settings)


def adam(cost: Cost, theta: Float, watcher: Watcher, *, learning_rate: float, **settings: Any) -> Outcome:
    """Minimise `cost` by Adam; settings as in :func:`epochs`."""
    rule = Adam(theta.size, learning_rate)
    return epochs(cost, theta, watcher, rule, learning_rate=learning_rate, **settings)


def epochs(
    cost: Cost,
    theta: Float,
    watcher: Watcher,
    rule: Rule,
    *,
    max_iter: int,
    tol: float | None,
    batch_size: int,
    learning_rate: float,
    rng: np.random.Generator,
) -> Outcome:
    """Run `rule` over all batches, `max_iter` times.

    Parameters
    ----------
    cost : Cost
    theta : ndarray of shape (d,)
        Where to start; written.
    watcher : Watcher
    rule : Rule
    max_iter : int
        Epochs.
    tol : float or None
        The run has converged where the mean cost of an epoch differs from that of the one before by at most
        this, in nats; None: it never asks.
    batch_size : int
        Rows of a batch.
    learning_rate : float
        Of the rule, for the message of a run that diverges.
    rng : numpy.random.Generator
        Draws the order of the rows.

    Returns
    -------
    Outcome
        Value and gradient from one evaluation of all rows at the end.
    """
    n = cost.n_rows
    step_gradient, step = cost.step_gradient, rule.step
    short = theta.size <= _SHORT
    before = math.inf
    for _ in range(max_iter):
        at_start = theta.copy()
        order = rng.permutation(n)
        total = 0.0
        for first in range(0, n, batch_size):
            rows = order[first : first + batch_size]
            value, g = step_gradient(theta, rows)
            total += value * len(rows)
            # the cheapest sums that a nan or an infinity cannot hide from; they may overflow by themselves
            whole = float(np.dot(g, g) if short else g.sum())
            if not math.isfinite(total + whole) and not math.isfinite(total + largest(g)):
                return _end(cost, _finite(theta, at_start), watcher, _diverged(watcher, learning_rate))
            step(theta, g)
        if not np.isfinite(theta).all():
            return _end(cost, at_start, watcher, _diverged(watcher, learning_rate))
        mean = total / n
        if watcher.after(theta, mean, largest(g)):
            return _end(cost, theta, watcher, STOPPED)
        if tol is not None and abs(before - mean) <= tol:
            reason = "the mean cost of the last two epochs differs by at most tol"
            return _end(cost, theta, watcher, reason, converged=True)
        before = mean
    if tol is None:
        return _end(
            cost, theta, watcher, f"all {max_iter:,} epochs were run; no tol was given", finished=True
        )
    reason = (
        f"the mean cost of an epoch still changes by more than tol after {max_iter:,} epochs; raise max_iter"
    )
    return _end(cost, theta, watcher, reason)


def _finite(theta: Float, at_start: Float) -> Float:
    """Theta, or where it was at the start of the epoch if a step has overflowed."""
    return theta if np.isfinite(theta).all() else at_start


def _diverged(watcher: Watcher, learning_rate: float) -> str:
    return (
        f"the cost or its gradient is not finite in epoch {watcher.iterations + 1}; give a learning_rate "
        f"smaller than {learning_rate:g}"
    )


def _end(
    cost: Cost,
    theta: Float,
    watcher: Watcher,
    reason: str,
    *,
    converged: bool = False,
    finished: bool = False,
) -> Outcome:
    """The outcome at theta, over all rows."""
    value, g = cost.evaluate(theta)
    norm = largest(g)
    if not is_finite(value, norm) and (converged or finished):
        converged = finished = False
        reason = "the cost over all rows is not finite after the last step; give a smaller learning_rate"
    return watcher.outcome(theta, value, norm, reason, converged=converged, finished=finished)
