"""Newton's method by truncated conjugate gradients, in a trust region.

    m(s) = g's + s'Hs / 2,    |s| <= Delta

is lowered by conjugate gradients that end at the boundary, at a direction of negative curvature, or where
|g + Hs| <= eta |g| (Toint, in Duff, Sparse Matrices and Their Uses, 1981; Steihaug, SIAM J. Numer. Anal. 20,
1983; Nocedal & Wright, Numerical Optimization, 2nd ed. 2006, alg. 7.2).  Delta follows the ratio of what J
fell by to what m promised (alg. 4.1).  eta = min(1/2, sqrt(|g| / max(1, |g_0|))) makes convergence
superlinear (Dembo, Eisenstat & Steihaug, SIAM J. Numer. Anal. 19, 1982).  H is met in products only.

Near the optimum J changes by less than its rounding.  There the fall is taken from gradients, by the
trapezoidal rule -(g + g+)'s / 2, which is exact for a parabola.

A start at which the gradient has no share of any direction of negative curvature (a saddle point itself) is
left along none.
"""

from __future__ import annotations

import math

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
from sigmax.solvers.dot import dot

#: where m promises less than this part of J, values are not compared
_FLAT = 1e-10
#: least ratio of a step that is taken, and those that shrink and grow the region
_TAKEN, _POOR, _GOOD = 1e-3, 0.25, 0.75
#: a step that keeps its promise at the boundary widens the region by this.  On Rosenbrock's function of 2, 20
#: and 100 numbers 2, the textbook's, took 35, 53 and 187 steps, 4 36, 63 and over 200, 8 56, 192 and over
#: 200; on logistic columns of sizes 1e-3 to 1e3 they took 136, 127 and 108 reads
_WIDER = 4.0
_PATIENCE = 2
#: products of one step; rounding makes conjugate gradients need more than d where H is ill-conditioned
_MOST_PRODUCTS = 500


def newton_cg(cost: Cost, theta: Float, watcher: Watcher, *, max_iter: int, tol: float) -> Outcome:
    """Minimise `cost` by Newton's method.

    Parameters
    ----------
    cost : Cost
    theta : ndarray of shape (d,)
        Where to start.
    watcher : Watcher
    max_iter : int
        Steps tried, those that were refused included.
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
    radius = max(1.0, _length(theta))
    scale = max(1.0, _length(g))
    floor = Floor(cost, _PATIENCE)
    moved = True
    while norm > tol:
        # a step that was refused says nothing about the floor
        if moved and floor.reached(theta, value, g, norm):
            return floor.end(watcher)
        if watcher.iterations == max_iter:
            return watcher.outcome(theta, value, norm, out_of_iterations(max_iter, norm, tol))
        eta = min(0.5, math.sqrt(_length(g) / scale))
        s, promised = truncated_cg(cost, theta, g, radius, eta)
        if not math.isfinite(promised):
            reason = "a product with the Hessian is not finite; lbfgs needs none"
            return watcher.outcome(theta, value, norm, reason)
        new_theta = theta + s
        if not promised > 0.0 or np.array_equal(new_theta, theta):
            return floor.end(watcher)
        new_value, new_g = cost.evaluate(new_theta)
        new_norm = largest(new_g)
        length = _length(s)
        if not is_finite(new_value, new_norm):
            moved = False
            radius = 0.25 * length
        else:
            fell = value - new_value
            if promised <= _FLAT * abs(value):
                fell = -0.5 * dot(g + new_g, s)
            ratio = fell / promised
            moved = ratio >= _TAKEN
            if ratio < _POOR:
                radius = _shorter(dot(g, s), fell) * length
            elif ratio > _GOOD and length >= 0.99 * radius:
                radius *= _WIDER
            if moved:
                theta, value, g, norm = new_theta, new_value, new_g, new_norm
        if watcher.after(theta, value, norm):
            return watcher.outcome(theta, value, norm, STOPPED)
    return watcher.outcome(theta, value, norm, TOLERANCE, converged=True)


def truncated_cg(cost: Cost, theta: Float, g: Float, radius: float, eta: float) -> tuple[Float, float]:
    """A step that lowers m(s) = g's + s'Hs / 2 within |s| <= radius.

    Parameters
    ----------
    cost : Cost
    theta, g : ndarray of shape (d,)
        Where, and the gradient there; not zero.
    radius : float
    eta : float
        Ends where |g + Hs| <= eta |g|.

    Returns
    -------
    s : ndarray of shape (d,)
    promised : float
        -m(s).
    """
    s = np.zeros_like(g)
    r = g.copy()
    d = -r
    square = dot(r, r)
    enough = eta * eta * square
    for _ in range(_MOST_PRODUCTS):
        Hd = cost.product(theta, d)
        curvature = dot(d, Hd)
        step = square / curvature if curvature > 0.0 else math.inf
        trial = s + step * d if math.isfinite(step) else None
        if trial is None or _length(trial) >= radius:
            tau = _to_the_boundary(s, d, radius)
            s = s + tau * d
            r = r + tau * Hd
            break
        s = trial
        r = r + step * Hd
        before, square = square, dot(r, r)
        if square <= enough:
            break
        d = (square / before) * d - r
    # r = g + Hs, so that m(s) = s'(g + r) / 2
    return s, -0.5 * dot(s, g + r)


def _to_the_boundary(s: Float, d: Float, radius: float) -> float:
    """The tau > 0 with |s + tau d| = radius; |s| < radius."""
    a, b, c = dot(d, d), dot(s, d), dot(s, s) - radius * radius
    root = math.sqrt(max(b * b - a * c, 0.0))
    return (root - b) / a


def _shorter(slope: float, fell: float) -> float:
    """By what a radius shrinks: to the minimum of the parabola through slope and fall, within [0.1, 0.5]."""
    rise = -fell - slope
    share = -0.5 * slope / rise if rise > 0.0 else 0.25
    return min(max(share, 0.1), 0.5)


def _length(v: Float) -> float:
    return math.sqrt(dot(v, v))
