"""The last digits: gradients in double-double, steps with a Hessian from nearby.

b is held in two words, its logits and the sums of the gradient in double-double (Objective.refine), so that the
residual g is exact to the rounding of the rows, however ill-conditioned the columns are; the factor F of a
Hessian at the anchor a decides only how fast that residual shrinks (NUMERICS: Tisseur, SIAM J. Matrix Anal. Appl.
22, 2001; Carson & Higham, SIAM J. Sci. Comput. 40, 2018).

How much a step leaves is proved, not hoped for.  Along the way from a to b + d no logit difference changes by more
than D = reach(b - a) + reach(d), hence e^-D H(a) <= H <= e^D H(a), and with d = -F^-1 g

    ||g(b + d)||_(F^-1) <= eps nu,   eps = e^D - 1 + doubt,   nu = ||g||_(F^-1)

where doubt bounds what rounding did to F.  So the last step needs no read to confirm it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmax.kernels import Float, two_sum
from sigmax.objective import Evaluation, Objective, Refined
from sigmax.solvers.monitor import Monitor
from sigmax.solvers.quasi_newton import QuasiNewton
from sigmax.solvers.solution import Metric, Stop

#: a decrement that has not fallen to this part of the one before has met rounding, or is not on its way
_SHRINKS = 0.5
#: nu may be this much above `tol` where every estimate has its digits all the same
_SLACK = 100.0


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
    stop : Stop
    """

    coef: Float
    low: Float
    at: Refined
    left: float
    drift: float
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
    """
    metric = QuasiNewton(factor)
    errors = np.sqrt(factor.inverse().diagonal())
    doubt = math.inf
    previous: tuple[float, Refined, Float] | None = None
    while True:
        at = objective.refine(coef, low)
        last = -factor.solve(at.gradient)
        nu = math.sqrt(max(-float(at.gradient @ last), 0.0))
        monitor.after("refine", objective, at, nu)
        if not math.isfinite(nu):
            return None
        if previous is not None and not nu <= _SHRINKS * previous[0]:
            if previous[0] > 1e-6:
                return None
            # rounding: the better of the two, without another step
            if nu > previous[0]:
                nu, at, last = previous
            return _end(at, None, nu, objective.reach(at.coef - anchor.coef + at.low), Stop.ROUNDING)
        D = objective.reach(at.coef - anchor.coef + at.low) + objective.reach(last)
        if previous is None:
            doubt = factor.doubt * objective.hessian_rounding(anchor)
        eps = math.expm1(min(D, 1.0)) + doubt
        left = eps * nu
        digits = _SLACK if (left * errors <= 0.5 * tol * np.abs(at.coef)).all() else 1.0
        if left <= digits * tol and eps < 0.5:
            return _end(at, last, left, D, Stop.TOLERANCE)
        if monitor.iterations >= max_iter:
            return _end(at, None, nu, D, Stop.ITERATIONS)
        step = -metric.solve(at.gradient) if previous is not None else last
        if previous is not None:
            metric.update(
                (at.coef - previous[1].coef) + (at.low - previous[1].low), at.gradient - previous[1].gradient
            )
            step = -metric.solve(at.gradient)
        previous = (nu, at, last)
        coef, low = _add(at.coef, at.low, step)
        monitor.iterations += 1


def _add(coef: Float, low: Float, step: Float) -> tuple[Float, Float]:
    """coef + low + step, as two words."""
    high, error = two_sum(coef, step)
    return two_sum(high, error + low)


def _end(at: Refined, step: Float | None, left: float, drift: float, stop: Stop) -> Refinement:
    coef, low = (at.coef, at.low) if step is None else _add(at.coef, at.low, step)
    return Refinement(coef, low, at, left, drift, stop)
