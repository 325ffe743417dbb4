"""The last digits: gradients in double-double, steps with a Hessian from nearby.

b is held in two words, its logits and the sums of the gradient in double-double (Objective.refine), so that
the residual g is exact to the rounding of the rows, however ill-conditioned the columns are; the factor F of
a Hessian at the anchor a decides only how fast that residual shrinks (NUMERICS: Tisseur, SIAM J. Matrix Anal.
Appl. 22, 2001; Carson & Higham, SIAM J. Sci. Comput. 40, 2018).

How much a step leaves is proved, not hoped for.  Along the way from a to b + d no logit difference changes by
more than D = reach(b - a) + reach(d), hence e^-D H(a) <= H <= e^D H(a), and with d = -F^-1 g

    ||g(b + d)||_(F^-1) <= eps nu,   eps = e^D - 1 + doubt,   nu = ||g||_(F^-1)

where doubt bounds what rounding did to F.  So the last step needs no read to confirm it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmax.kernels import Float, two_sum
from sigmax.objective import Evaluation, FirstOrder, Objective, Refined
from sigmax.solvers.monitor import Monitor
from sigmax.solvers.quasi_newton import QuasiNewton
from sigmax.solvers.solution import Metric, Stop

#: a decrement that has not fallen to this part of the one before has met rounding, or is not on its way
_SHRINKS = 0.5
#: what is proved may be this much above `tol` where the rate of the steps so far says that they reach it
_SLACK = 100.0
#: a decrement that does not fall any more is rounding below this, and a failure above
_TINY = 1e-6
#: gradients of decrements that are expected above this are taken in double precision
_PLAIN = 1e-6


@dataclass(frozen=True, slots=True)
class Refinement:
    """Where the refinement ended.

    Attributes
    ----------
    coef, low : ndarray of shape (m * k,)
        The estimate in two words, after the last step.
    at : Refined
        The last evaluation, one step before.
    left : float
        Bound of ||g||_(F^-1) at the estimate, rounding of g apart.
    drift : float
        D: e^-D <= H / H(anchor) <= e^D all the way to the estimate.
    doubt : float
        Of the factor: see :class:`sigmax.solvers.solution.Metric`, times the rounding of an element.
    stop : Stop
    """

    coef: Float
    low: Float
    at: Refined
    left: float
    drift: float
    doubt: float
    stop: Stop


def refine(
    objective: Objective,
    coef: Float,
    low: Float,
    factor: Metric,
    anchor: Evaluation,
    *,
    tol: float,
    max_iter: int,
    monitor: Monitor,
    expected: float = 0.0,
    rate: float = 1.0,
) -> Refinement | None:
    """Refine `coef` + `low`; None where the steps do not shrink although they are not yet small.

    Parameters
    ----------
    objective : Objective
    coef, low : ndarray of shape (m * k,)
    factor : Metric
        Of ``anchor.hessian``.
    anchor : Evaluation
    tol : float
        Bound of the Newton decrement to reach.
    max_iter : int
    monitor : Monitor
    expected : float
        The decrement at the start, about: where it is not small, double-double would be too much.
    rate : float
        What a step leaves of the decrement, about.
    """
    metric = QuasiNewton(factor)
    doubt = math.inf
    before: _Visited | None = None
    while True:
        at = objective.refine(coef, low) if expected <= _PLAIN else objective.gradient(coef)
        last = -factor.solve(at.gradient)
        here = _Visited(math.sqrt(max(-float(at.gradient @ last), 0.0)), at, low)
        monitor.after("refine" if isinstance(at, Refined) else "gradient", objective, at, here.nu)
        if not math.isfinite(here.nu):
            return None
        if isinstance(at, Refined) and math.isinf(doubt):
            doubt = factor.doubt * objective.hessian_rounding(anchor)
        if before is not None and not here.nu <= _SHRINKS * before.nu:
            return _at_rounding(objective, before, here, anchor, doubt)
        if isinstance(at, Refined):
            D = objective.reach(at.coef - anchor.coef + low) + objective.reach(last)
            eps = math.expm1(min(D, 1.0)) + doubt
            left = eps * here.nu
            rate = here.nu / before.nu if before is not None else rate
            if eps < 0.5 and (left <= tol or (left <= _SLACK * tol and rate * here.nu <= tol)):
                return _end(at, last, left, D, doubt, Stop.TOLERANCE)
            if doubt < 0.5 and here.nu <= tol:
                # measured, though too far from the anchor to say what a step leaves
                return _end(at, None, here.nu, D, doubt, Stop.TOLERANCE)
            if here.nu == 0.0:
                # nothing moves any more, whatever the factor is worth
                return _end(at, last, left, D, doubt, Stop.ROUNDING)
            if monitor.iterations >= max_iter:
                return _end(at, None, here.nu, D, doubt, Stop.ITERATIONS)
        step = last
        if before is not None:
            moved = (at.coef - before.at.coef) + (low - before.low)
            metric.update(moved, at.gradient - before.at.gradient)
            step = -metric.solve(at.gradient)
        # steps with one Hessian contract by about the same factor each time, but for the first, over which
        # it is off by half of that
        if before is not None:
            expected = here.nu * (here.nu / before.nu)
        else:
            expected = 2.0 * rate * here.nu if rate < 1.0 else 0.0
        before = here
        coef, low = _add(coef, low, step)
        if expected > _PLAIN:
            coef, low = coef + low, np.zeros_like(low)
        monitor.iterations += 1


@dataclass(frozen=True, slots=True)
class _Visited:
    """An evaluation at ``at.coef`` + `low`, with its decrement."""

    nu: float
    at: FirstOrder
    low: Float


def _at_rounding(
    objective: Objective, before: _Visited, here: _Visited, anchor: Evaluation, doubt: float
) -> Refinement | None:
    """The better of two evaluations between which nu has not fallen; None where it is not yet small."""
    best = min(before, here, key=lambda visited: visited.nu)
    if before.nu > _TINY or not isinstance(best.at, Refined):
        return None
    drift = objective.reach(best.at.coef - anchor.coef + best.low)
    return _end(best.at, None, best.nu, drift, doubt, Stop.ROUNDING)


def _add(coef: Float, low: Float, step: Float) -> tuple[Float, Float]:
    """coef + low + step, as two words."""
    high, error = two_sum(coef, step)
    return two_sum(high, error + low)


def _end(at: Refined, step: Float | None, left: float, drift: float, doubt: float, stop: Stop) -> Refinement:
    coef, low = (at.coef, at.low) if step is None else _add(at.coef, at.low, step)
    return Refinement(coef, low, at, left, drift, doubt, stop)
