"""Profile of the penalised likelihood: tests and intervals for one parameter at a time.

    l*_j(v) = max { l*(b) : b_j = v },   with the determinant of the whole information
    test of b_j = 0:   2 (l* - l*_j(0)) against chi^2 with one degree of freedom
    interval:          where 2 (l* - l*_j(v)) = chi^2_level, on either side of the estimate

(Heinze & Schemper, Stat. Med. 21, 2002).  d l*_j / dv is the score of b_j at the constrained maximum, so
that the ends are found by Newton's method inside a bracket; each constrained maximum starts from the last
one, moved along the information.  Cost: some six constrained fits an end, of two reads a step.
"""

from __future__ import annotations

import math

import numpy as np

from sigmax.solvers.factor import Factor, NotPositiveDefinite
from sigmax.solvers.firth import Ascent, Penalised, Point, ascend
from sigmax.solvers.solution import Stop

#: norm of the score of a constrained maximum, in standard errors: l* is off by half its square
_TOL = 1e-9
_STEPS = 200
#: an end is found where the deviance is within this of what is wanted, relatively
_MET = 1e-10
_TRIALS = 100
#: standard errors beyond which there is no end
_FARTHEST = 1e8


class Profile:
    """The profile likelihood of every parameter around a maximum.

    Parameters
    ----------
    penalised : Penalised
    ascent : Ascent
        At the maximum.
    """

    def __init__(self, penalised: Penalised, ascent: Ascent) -> None:
        self._penalised, self._top = penalised, ascent.point
        self._scale = penalised.objective.response.scale

    def against(self, base: int | None) -> None:
        """None: only coefficients are held fixed here, not their differences."""

    def deviance(self, j: int, value: float) -> float:
        """2 (l* - l*_j(value)), at least 0; nan where the constrained maximum was not found."""
        found = self._at(j, value, self._top)
        return math.nan if found is None else self._deviance(found.point)

    def _deviance(self, point: Point) -> float:
        return max(2.0 * self._scale * (self._top.value - point.value), 0.0)

    def _at(self, j: int, value: float, near: Point) -> Ascent | None:
        """The maximum with b_j = `value`, from a maximum nearby."""
        start = self._moved(j, value, near)
        if start is None:
            return None
        found = ascend(self._penalised, start, tol=_TOL, max_iter=_STEPS, fixed=j)
        return found if found.stop in (Stop.TOLERANCE, Stop.ROUNDING) else None

    def _moved(self, j: int, value: float, near: Point) -> Point | None:
        """b_j = `value`, the others moved along the information as far as that leaves it regular."""
        others = np.delete(np.arange(len(near.coef)), j)
        step = value - near.coef[j]
        along = np.zeros_like(near.coef)
        if others.size:
            H = near.at.hessian
            try:
                part = Factor(np.ascontiguousarray(H[np.ix_(others, others)]))
                along[others] = -part.solve(H[others, j]) * step
            except NotPositiveDefinite:
                pass
        best = None
        for share in (1.0, 0.0):
            coef = near.coef + share * along
            coef[j] = value
            point = self._penalised.at(coef)
            if point is not None and (best is None or point.value > best.value):
                best = point
            if best is not None and share == 1.0 and best.value >= near.value - 50.0 / self._scale:
                break
        return best

    def interval(self, j: int, wanted: float) -> tuple[float, float]:
        """The ends where the deviance is `wanted`, chi^2 of the level; -+inf where there is none."""
        return self._end(j, wanted, -1.0), self._end(j, wanted, 1.0)

    def _end(self, j: int, wanted: float, side: float) -> float:
        top = self._top
        error = math.sqrt(float(top.factor.inverse()[j, j]) / self._scale)
        centre = float(top.coef[j])
        inside, outside = centre, math.inf * side
        value, near = centre + side * math.sqrt(wanted) * error, top
        for _ in range(_TRIALS):
            if abs(value - centre) > _FARTHEST * error:
                return side * math.inf
            found = self._at(j, value, near)
            if found is None:  # too far in one step
                value = 0.5 * (inside + value)
                continue
            near, excess = found.point, self._deviance(found.point) - wanted
            slope = -2.0 * self._scale * float(near.score[j])  # of the deviance
            if abs(excess) <= _MET * wanted:
                return value - excess / slope if slope * side > 0.0 else value
            if excess > 0.0:
                outside = value
            else:
                inside = value
            newton = value - excess / slope if slope * side > 0.0 else math.nan
            value = _next(inside, outside, newton, value, centre)
            if abs(outside - inside) <= 2.0**-50 * max(abs(inside), error):
                return value
        return math.nan


def _next(inside: float, outside: float, newton: float, value: float, centre: float) -> float:
    """Newton's point where it lies inside the bracket; else its middle, or twice as far out."""
    if math.isinf(outside):
        twice = centre + 2.0 * (value - centre)
        ahead = newton == newton and abs(newton - centre) > abs(inside - centre)
        return newton if ahead and abs(newton - centre) < abs(twice - centre) else twice
    low, high = min(inside, outside), max(inside, outside)
    return newton if low < newton < high else 0.5 * (inside + outside)
