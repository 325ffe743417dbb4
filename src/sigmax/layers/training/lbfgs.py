"""Limited-memory BFGS (Nocedal, Math. Comp. 35, 1980; Liu & Nocedal, Math. Program. 45, 1989).

    theta+ = theta - t B g,    B from the last 10 pairs (s, y) over gamma I,    gamma = s'y / y'y

with t from a search for the strong Wolfe conditions, so that s'y > 0 (Nocedal & Wright, Numerical
Optimization, 2nd ed. 2006, alg. 7.4 and 7.5).
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

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
from sigmax.layers.training.rounding import Floor
from sigmax.layers.training.wolfe import Point, wolfe_step
from sigmax.solvers.dot import dot
from sigmax.solvers.lbfgs import Memory

_PAIRS = 10
_PATIENCE = 20


def lbfgs(cost: Cost, theta: Float, watcher: Watcher, *, max_iter: int, tol: float) -> Outcome:
    """Minimise `cost` by L-BFGS.

    Parameters
    ----------
    cost : Cost
    theta : ndarray of shape (d,)
        Where to start.
    watcher : Watcher
    max_iter : int
    tol : float
        max |dJ/dtheta_i| to reach.

    Returns
    -------
    Outcome
    """
    value, g = cost.evaluate(theta)
    norm = largest(g)
    if not is_finite(value, norm):
        return watcher.outcome(theta, value, norm, NOT_FINITE_AT_START)
    memory = Memory(_PAIRS)
    gamma = 1.0
    floor = Floor(cost, _PATIENCE)
    while norm > tol:
        if floor.reached(theta, value, g, norm):
            return floor.end(watcher)
        if watcher.iterations == max_iter:
            return watcher.outcome(theta, value, norm, out_of_iterations(max_iter, norm, tol))
        at = None
        if len(memory):
            d = -memory.apply(partial(np.multiply, gamma), g)
            slope = dot(g, d)
            if slope < 0.0:
                at = wolfe_step(cost, Point(0.0, value, slope, theta, g), d)
        if at is None:
            # pairs that mislead, or none yet: down the gradient, one unit of length to begin with
            memory.clear()
            size = math.sqrt(dot(g, g))
            at = wolfe_step(cost, Point(0.0, value, -size, theta, g), -g / size, min(1.0, size))
        if at is None:
            return floor.end(watcher)
        s, y = at.theta - theta, at.gradient - g
        if memory.add(s, y):
            gamma = dot(s, y) / dot(y, y)
        theta, value, g, norm = at.theta, at.value, at.gradient, largest(at.gradient)
        if watcher.after(theta, value, norm):
            return watcher.outcome(theta, value, norm, STOPPED)
    return watcher.outcome(theta, value, norm, TOLERANCE, converged=True)
