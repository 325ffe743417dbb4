"""A step along a direction of descent that satisfies the strong Wolfe conditions.

phi(t) = J(theta + t d) need not be convex, and may be non-finite far out.  Wanted is a t with

    phi(t) <= phi(0) + c1 t phi'(0),    |phi'(t)| <= c2 |phi'(0)|,    c1 = 1e-4, c2 = 0.9

(Nocedal & Wright, Numerical Optimization, 2nd ed. 2006, eq. 3.7).  A bracket [a, b] holds such a t inside
where a satisfies the first condition with phi'(a) < -c2 |phi'(0)|, and b violates the first, or has
phi'(b) > c2 |phi'(0)|: then psi(t) = phi(t) - phi(0) - c1 t phi'(0) falls at a and is above psi(a) or rising
at b, so that it has a minimum between them, where phi' = c1 phi'(0).  Every trial replaces an end.

Where values differ by rounding only, the first condition is given that much room and slopes decide: the
approximate Wolfe conditions (Hager & Zhang, SIAM J. Optim. 16, 2005, eq. 4.1).  Without them the search
fails once a step gains less than sqrt(2^-53) of phi.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sigmax.kernels import Float
from sigmax.layers.training.cost import Cost
from sigmax.layers.training.rounding import SAME
from sigmax.solvers.dot import dot

_C1 = 1e-4
_C2 = 0.9
_MAX_TRIALS = 60
#: trials after which a point that is lower will do: at a kink (ReLU) no point may satisfy both conditions
_ENOUGH_TRIALS = 20
#: where phi still falls at this step, its infimum is taken to lie at infinity
_FARTHEST = 2.0**60


@dataclass(frozen=True, slots=True)
class Point:
    """A point on the line.

    Attributes
    ----------
    t, value, slope : float
        t, phi(t) and phi'(t).
    theta, gradient : ndarray of shape (d,)
        theta + t d, and dJ/dtheta there.
    """

    t: float
    value: float
    slope: float
    theta: Float
    gradient: Float

    @property
    def finite(self) -> bool:
        """Whether phi and phi' are finite."""
        return math.isfinite(self.value) and math.isfinite(self.slope)


def wolfe_step(cost: Cost, start: Point, d: Float, first_trial: float = 1.0) -> Point | None:
    """A point along d that satisfies the strong Wolfe conditions.

    Parameters
    ----------
    cost : Cost
    start : Point
        With t = 0 and slope < 0.
    d : ndarray of shape (d,)
    first_trial : float
        The t > 0 to try first.

    Returns
    -------
    Point or None
        After 20 trials a point that satisfies the first condition only, if its value is lower than that of
        the start by more than rounding; None where 60 find no such point.
    """
    room = SAME * abs(start.value)
    low, high = start, None
    t = first_trial
    for trial in range(_MAX_TRIALS):
        if trial >= _ENOUGH_TRIALS and low.value < start.value - room:
            break
        theta = start.theta + t * d
        value, gradient = cost.evaluate(theta)
        at = Point(t, value, dot(gradient, d), theta, gradient)
        if not at.finite or value > start.value + _C1 * t * start.slope + room:
            high = at
        elif abs(at.slope) <= _C2 * abs(start.slope):
            return at
        elif at.slope > 0.0:
            high = at
        elif high is None:
            t = _farther(low, at)
            low = at
            if t > _FARTHEST:
                break
            continue
        else:
            low = at
        width = high.t - low.t
        if width <= 2.0**-50 * high.t:
            break
        t = _between(low, high, room)
    return low if low.value < start.value - room else None


def _farther(before: Point, at: Point) -> float:
    """The next trial while phi still falls: where the secant of phi' has its root, 2 to 10 times as far."""
    rise = at.slope - before.slope
    root = at.t - at.slope * (at.t - before.t) / rise if rise > 0.0 else math.inf
    return min(max(root, 2.0 * at.t), 10.0 * at.t)


def _between(low: Point, high: Point, room: float) -> float:
    """A trial inside the bracket, a tenth of it away from either end.

    The minimum of the cubic through both values and slopes (Nocedal & Wright, eq. 3.59); where the values
    differ by rounding only, the root of the secant of phi'.
    """
    width = high.t - low.t
    if not high.finite:
        return low.t + 0.25 * width
    share = 0.5
    if abs(high.value - low.value) > room:
        # in units of the bracket: slopes u, v at 0 and 1, r the rise
        u, v, r = low.slope * width, high.slope * width, high.value - low.value
        p = u + v - 3.0 * r
        radicand = p * p - u * v
        if radicand >= 0.0:
            q = math.sqrt(radicand)
            divisor = v - u + 2.0 * q
            share = 1.0 - (v + q - p) / divisor if divisor != 0.0 else 0.5
    elif high.slope > low.slope:
        share = -low.slope / (high.slope - low.slope)
    if not math.isfinite(share):
        share = 0.5
    return low.t + min(max(share, 0.1), 0.9) * width
