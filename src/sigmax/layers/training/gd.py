"""Gradient descent: theta+ = theta - t g.

With a learning rate t is that.  Without one the first trial is Barzilai & Borwein's (IMA J. Numer. Anal. 8,
1988, eq. 5), and it is shortened until the value is below the largest of the last 10 (Raydan, SIAM J. Optim.
7, 1997, algorithm GBB; the condition is that of Grippo, Lampariello & Lucidi, SIAM J. Numer. Anal. 23, 1986):

    t = s's / s'y,    J(theta - t g) <= max(last 10 values) - 1e-4 t g'g
"""

from __future__ import annotations

import math
from collections import deque

from sigmax.kernels import Float
from sigmax.layers.training.cost import (
    NOT_FINITE_AT_START,
    STOPPED,
    TOLERANCE,
    Cost,
    Outcome,
    Watcher,
    is_finite,
    largest,
    out_of_iterations,
)
from sigmax.layers.training.rounding import SAME, Floor
from sigmax.solvers.dot import dot

_REMEMBERED = 10
_C1 = 1e-4
_MAX_TRIALS = 60
_PATIENCE = 100
#: length of a step, at most
_LONGEST = 1e12


def gd(
    cost: Cost,
    theta: Float,
    watcher: Watcher,
    *,
    max_iter: int,
    tol: float,
    learning_rate: float | None,
) -> Outcome:
    """Minimise `cost` by gradient descent.

    Parameters
    ----------
    cost : Cost
    theta : ndarray of shape (d,)
        Where to start.
    watcher : Watcher
    max_iter : int
    tol : float
        max |dJ/dtheta_i| to reach.
    learning_rate : float or None
        Every step is this times the gradient; None: each step finds its own.

    Returns
    -------
    Outcome
    """
    value, g = cost.evaluate(theta)
    norm = largest(g)
    if not is_finite(value, norm):
        return watcher.outcome(theta, value, norm, NOT_FINITE_AT_START)
    rule = _Adaptive(cost) if learning_rate is None else _Fixed(cost, learning_rate)
    floor = Floor(cost, _PATIENCE)
    while norm > tol:
        if floor.reached(theta, value, g, norm):
            return floor.end(watcher)
        if watcher.iterations == max_iter:
            return watcher.outcome(theta, value, norm, out_of_iterations(max_iter, norm, tol))
        step = rule.step(theta, value, g)
        if step is None:
            return floor.end(watcher)
        new_theta, new_value, new_g = step
        new_norm = largest(new_g)
        if not is_finite(new_value, new_norm):
            reason = (
                f"the cost or its gradient is not finite after {watcher.iterations + 1} steps; give a "
                f"learning_rate smaller than {learning_rate:g}"
            )
            return watcher.outcome(theta, value, norm, reason)
        theta, value, g, norm = new_theta, new_value, new_g, new_norm
        if watcher.after(theta, value, norm):
            return watcher.outcome(theta, value, norm, STOPPED)
    return watcher.outcome(theta, value, norm, TOLERANCE, converged=True)


class _Fixed:
    """Steps of learning_rate times the gradient, wherever they lead."""

    def __init__(self, cost: Cost, learning_rate: float) -> None:
        self._cost = cost
        self._rate = learning_rate

    def step(self, theta: Float, value: float, g: Float) -> tuple[Float, float, Float] | None:
        theta = theta - self._rate * g
        value, g = self._cost.evaluate(theta)
        return theta, value, g


class _Adaptive:
    """Raydan's steps."""

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._values: deque[float] = deque(maxlen=_REMEMBERED)
        self._t = 0.0

    def step(self, theta: Float, value: float, g: Float) -> tuple[Float, float, Float] | None:
        """The next theta, value and gradient; None where no step is short enough."""
        square = dot(g, g)
        size = math.sqrt(square)
        self._values.append(value)
        bound = max(self._values) + SAME * abs(value)
        t = min(self._t, _LONGEST / size) if self._t > 0.0 else min(1.0, 1.0 / size)
        for _ in range(_MAX_TRIALS):
            new_theta = theta - t * g
            new_value, new_g = self._cost.evaluate(new_theta)
            finite = is_finite(new_value, largest(new_g))
            if finite and new_value <= bound - _C1 * t * square:
                y = new_g - g
                # s = -t g
                product = -t * dot(g, y)
                # no curvature: the line falls ever faster, go farther
                self._t = t * t * square / product if product > 0.0 else 10.0 * t
                return new_theta, new_value, new_g
            # the minimum of the parabola through J, its slope and the value that was too high
            rise = new_value - value + t * square
            share = 0.5 * t * square / rise if finite and rise > 0.0 else 0.1
            t *= min(max(share, 0.1), 0.5)
        return None
