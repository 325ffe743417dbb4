"""Newton's method with the exact line search.

    g = grad f(b),  H = Hessian f(b),  d = -H^-1 g,  nu = sqrt(g' H^-1 g)      the Newton decrement

nu is free of units: the distance to the optimum in standard errors, to first order.  Each iteration
reads the data once, unless the full step has to be shortened or stretched.

1. Factor H.  Where it is numerically singular although the columns are independent (all weights of the
   rows are tiny), H + mu B takes its place, with B >= Hessian the bound of Boehning & Lindsay (1988).
2. Stop where nu <= tol, or where nu has reached rounding: it no longer halves though it is tiny.
3. Take the full step where D(d) <= 0.4, with D the largest change of a row's logits: for a generalised
   self-concordant function, phi'(1) <= nu^2 ((e^D - 1) / D - 1) < 0.25 nu^2 there, in theory, and so no
   comparison of rounded numbers is needed.
4. Else evaluate at the full step and take it where phi is flat enough, |phi'(1)| <= 0.25 nu^2, and has
   fallen: because it still falls (phi is convex), or by more than rounding explains.  Otherwise find the
   exact step along d and evaluate there.

Rejected: Armijo's test on f(b + d) - f(b), which rounding fools near the optimum, and step halving as in
R's glm2, which has no proof.  Undamped Newton, as in statsmodels, diverges on data whose optimum exists
(tests/solvers/test_newton.py holds examples).
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from sigmax.kernels import Float
from sigmax.objective import Evaluation, Objective
from sigmax.solvers.factor import Factor, NotPositiveDefinite
from sigmax.solvers.line_search import exact_step

#: D(d) up to which the full step needs no test
_SAFE_REACH = 0.4
#: |phi'(1)| <= this * nu^2: the full step has done most of the work
_FLAT_ENOUGH = 0.25
#: a fall of f by this part of it is no rounding: f is a sum in double-double of accurate terms
_CLEAR_FALL = 1e-9
#: nu below which a decrement that does not halve has met rounding
_TINY_DECREMENT = 1e-5
#: shares of B to add to a singular H
_DAMPING = (1e-12, 1e-9, 1e-6, 1e-3, 1.0)


class Stop(enum.Enum):
    """Why the iteration ended."""

    TOLERANCE = "the Newton decrement is within the tolerance"
    ROUNDING = "the Newton decrement has reached the rounding of the data"
    SEPARATED = "the classes are completely separated"
    ITERATIONS = "the iteration limit was reached"
    STUCK = "no step lowers the objective any more"


@dataclass(frozen=True, slots=True)
class Solution:
    """Where the iteration ended.

    Attributes
    ----------
    at : Evaluation
        The coefficients, f, gradient and Hessian.
    factor : Factor or None
        Of ``at.hessian``; None where that is numerically singular.
    newton_decrement : float
        nu at `at`; nan without a factor.
    iterations : int
        Newton steps taken.
    stop : Stop
    """

    at: Evaluation
    factor: Factor | None
    newton_decrement: float
    iterations: int
    stop: Stop


class DependentColumn(ArithmeticError):
    """A column of the design is, to rounding, a combination of those before it.

    Attributes
    ----------
    index : int
        The column, counted within one logit, the intercept included.
    """

    def __init__(self, index: int) -> None:
        super().__init__(f"column {index} of the design depends on the columns before it")
        self.index = index


class _Damping:
    """H + mu B for a singular H; B is computed once, when first needed."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._bound: Float | None = None

    def factor(self, H: Float) -> Factor:
        if self._bound is None:
            self._bound = self._objective.curvature_bound()
            try:
                Factor(self._bound)
            except NotPositiveDefinite as error:
                width = self._objective.n_params // self._objective.n_logits
                raise DependentColumn(error.index % width) from None
        for share in _DAMPING:
            try:
                return Factor(H + share * self._bound)
            except NotPositiveDefinite:
                continue
        raise DependentColumn(0)


def _factor_or_none(H: Float) -> Factor | None:
    try:
        return Factor(H)
    except NotPositiveDefinite:
        return None


def _best_start(objective: Objective, start: Float | None, zero: Float) -> Evaluation:
    """The start, unless f is smaller at 0: a bad start costs time, never the answer."""
    at_zero = objective.evaluate(zero)
    if start is None:
        return at_zero
    at_start = objective.evaluate(start)
    return at_start if at_start.value <= at_zero.value else at_zero


def newton(objective: Objective, zero: Float, start: Float | None, *, tol: float, max_iter: int) -> Solution:
    """Minimise `objective`.

    Parameters
    ----------
    objective : Objective
    zero : ndarray of shape (n_params,)
        The origin.
    start : ndarray of shape (n_params,), optional
        Another start; used where f is not larger there than at the origin.
    tol : float
        Newton decrement to reach, in standard errors.
    max_iter : int
        Newton steps at most.

    Raises
    ------
    DependentColumn
        The design does not have full column rank.
    """
    damping = _Damping(objective)
    at = _best_start(objective, start, zero)
    previous = math.inf
    iterations = 0
    while True:
        factor = _factor_or_none(at.hessian)
        direction = -(factor or damping.factor(at.hessian)).solve(at.gradient)
        slope = float(at.gradient @ direction)
        # without a factor of H itself the slope says nothing about the distance
        nu = math.sqrt(max(-slope, 0.0)) if factor is not None else math.nan

        stop = _stop(objective, at, nu, previous, tol)
        if stop is None and iterations >= max_iter:
            stop = Stop.ITERATIONS
        moved = _step(objective, at, direction, slope) if stop is None and slope < 0.0 else None
        if moved is None:
            stop = stop or (Stop.ROUNDING if nu <= _TINY_DECREMENT else Stop.STUCK)
            return Solution(at, factor, nu, iterations, stop)
        at, previous = moved, nu
        iterations += 1


def _stop(objective: Objective, at: Evaluation, nu: float, previous: float, tol: float) -> Stop | None:
    """Whether the iteration ends at `at`; every comparison with a nan decrement is false."""
    if objective.proves_separation(at):
        return Stop.SEPARATED
    if nu <= tol:
        return Stop.TOLERANCE
    if previous <= _TINY_DECREMENT and nu > 0.5 * previous:
        return Stop.ROUNDING
    return None


def _step(objective: Objective, at: Evaluation, direction: Float, slope: float) -> Evaluation | None:
    """f at a step along `direction` that is proved or seen to lower it; None where there is none."""
    if objective.reach(direction) <= _SAFE_REACH:
        return objective.evaluate(at.coef + direction)
    trial = objective.evaluate(at.coef + direction)
    flat = float(trial.gradient @ direction)
    if abs(flat) <= _FLAT_ENOUGH * -slope:
        fallen = at.value - trial.value
        if flat <= 0.0 or fallen > _CLEAR_FALL * at.value:
            return trial
    t, _ = exact_step(objective.line(at.coef, direction), slope)
    if t == 0.0:
        return None
    return trial if t == 1.0 else objective.evaluate(at.coef + t * direction)
