"""The optimum of many rows in a handful of reads.

    1. Fit a sample of the rows, one from each of many equal stretches (Objective.sample), by these steps
       from a sample of the sample, the coarsest without one.  Its estimate is sqrt(n / size) standard errors
       off, its information that of all rows to about 2 sqrt(P / size) with P parameters.
    2. Read all rows for gradients only, and step with the sample's information, corrected by what each
       gradient shows (quasi_newton.py), until the information is worth its price.
    3. One pass with the Hessian, which the bounds and standard errors need anyway.
    4. The rest is refinement.py: gradients in double-double, steps with that Hessian.

Erdogdu & Montanari (NIPS 2015) and Roosta-Khorasani & Mahoney (Math. Program. 174, 2019) study steps 2 with
samples; none of these methods reaches the exact estimate without a step like 3.

A sample may lie: it may be separated, or lack a class.  Every step has to pass Newton's own test of the slope
at its end; where one does not, None is returned, and Newton's method takes over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sigmax.kernels import Float
from sigmax.objective import Evaluation, FirstOrder, Objective
from sigmax.solvers.curvature import IllConditioned, Plain
from sigmax.solvers.factor import Factor, NotPositiveDefinite
from sigmax.solvers.monitor import Monitor
from sigmax.solvers.newton import best_of, newton
from sigmax.solvers.plan import Costs, contraction_of_sample, passes_after_hessian
from sigmax.solvers.quasi_newton import QuasiNewton, Scaled
from sigmax.solvers.solution import Stop

#: a sample is fitted from a sample of its own: this part of its rows, and so many rows a parameter at least
_COARSE, _COARSE_ROWS_A_PARAMETER = 1 / 8, 25
#: decrement that a sample is fitted to: far below what sampling leaves, and no further
_TOL = 0.1
_ITERATIONS = 30
#: |phi'(1)| <= this * nu^2: a step of a wrong length still wins
_FLAT_ENOUGH = 0.5
#: reads for gradients before the Hessian, at most
_MOST_GRADIENTS, _MOST_GRADIENTS_FROM_ZERO = 6, 20


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the one Hessian of all rows was taken.

    Attributes
    ----------
    at : Evaluation
    factor : Factor
    """

    at: Evaluation
    factor: Factor


def few_reads(
    objective: Objective, starts: list[Float], size: int, *, tol: float, max_iter: int, monitor: Monitor
) -> Anchor | None:
    """Steps 1 to 3; None where the sample does not lead to the optimum.

    Parameters
    ----------
    objective : Objective
    starts : list of ndarray of shape (n_params,)
        The sample's fit starts from the one where the sample's f is smallest.
    size : int
        Rows of the sample; 0: the first metric is the Hessian at the start, not that of a sample.
    tol : float
        Decrement that the whole fit is to reach.
    max_iter : int
        Steps over all rows, at most.
    monitor : Monitor
    """
    at: FirstOrder
    if size:
        found = _fit_sample(objective, starts, size)
        if found is None:
            return None
        coef, factor = found
        metric = QuasiNewton(Scaled(factor, objective.n_rows / size))
        rate, most = contraction_of_sample(objective.n_params, size), _MOST_GRADIENTS
        at = objective.gradient(coef)
        objective.require_finite(at)
    else:
        begin = best_of(Plain(objective), starts, monitor)
        try:
            metric = QuasiNewton(Factor(begin.hessian))
        except NotPositiveDefinite:
            return None
        at, rate, most = begin, 0.5, _MOST_GRADIENTS_FROM_ZERO
    previous = math.nan
    for gradients in range(1, most + 1):
        direction = -metric.solve(at.gradient)
        slope = float(at.gradient @ direction)
        if not slope < 0.0:
            return None
        nu = math.sqrt(-slope)
        monitor.after("gradient", objective, at, nu)
        if monitor.iterations >= max_iter:
            return None
        if gradients > 1:
            rate = min(max(nu / previous, 0.5 * rate), 0.95)
        last = gradients == most or _hessian_pays(objective, nu, rate, tol)
        trial = (objective.evaluate if last else objective.gradient)(at.coef + direction)
        if not abs(float(trial.gradient @ direction)) <= _FLAT_ENOUGH * -slope:
            return None
        monitor.iterations += 1
        if isinstance(trial, Evaluation):
            try:
                return Anchor(trial, Factor(trial.hessian))
            except NotPositiveDefinite:
                return None
        metric.update(direction, trial.gradient - at.gradient)
        at, previous = trial, nu
    return None


def _hessian_pays(objective: Objective, nu: float, rate: float, tol: float) -> bool:
    """Whether the next pass should bring the Hessian: another gradient first would not pay for itself."""
    n = objective.response.weight_sum
    now = passes_after_hessian(rate * nu, n, tol)
    later = passes_after_hessian(rate * rate * nu, n, tol)
    return now - later < 1.0 or rate > 0.9


def _fit_sample(objective: Objective, starts: list[Float], size: int) -> tuple[Float, Factor] | None:
    """Estimate and factored information of a sample of `size` rows, or None."""
    part = objective.sample(size)
    coarse = max(int(size * _COARSE), _COARSE_ROWS_A_PARAMETER * objective.n_params)
    costs = Costs.of(part)
    nested = coarse if coarse <= size / 2 else 0
    try:
        if nested or costs.hessian_is_dear:
            anchor = few_reads(part, starts, nested, tol=_TOL, max_iter=_ITERATIONS, monitor=Monitor())
            if anchor is not None:
                return anchor.at.coef - anchor.factor.solve(anchor.at.gradient), anchor.factor
        found = newton(Plain(part), starts, tol=_TOL, max_iter=_ITERATIONS, monitor=Monitor())
    except IllConditioned:
        return None
    except ValueError:  # nan or inf: a message about all rows, not about those of the sample
        objective.scan()
        raise
    finally:
        objective.rows_read += part.rows_read
    if found.stop is not Stop.TOLERANCE or not isinstance(found.metric, Factor):
        return None
    return found.coef - found.metric.solve(found.at.gradient), found.metric
