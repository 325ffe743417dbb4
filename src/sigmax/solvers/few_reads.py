"""The optimum of many rows in a handful of reads.

    1. Fit a sample of the rows, one from each of many equal stretches (Objective.sample), by these steps
       from a sample of the sample, the coarsest without one.  Its estimate is sqrt(n / size) standard errors
       off, its information that of all rows to about 2 sqrt(P / size) with P parameters.  Where there are
       too few rows for a sample, the Hessian of all rows at the start takes its place.
    2. Read all rows for gradients only, and step with that information, corrected by what each gradient
       shows (quasi_newton.py), until a Hessian is worth its price.
    3. One pass with the Hessian, which the bounds and standard errors need anyway.
    4. The rest is refinement.py: gradients in double-double, steps with that Hessian.

Erdogdu & Montanari (NIPS 2015) and Roosta-Khorasani & Mahoney (Math. Program. 174, 2019) study steps 2 with
samples; none of these methods reaches the exact estimate without a step like 3.

A sample may lie: it may be separated, or lack a class.  Every step has to pass Newton's own test of the slope
at its end; where one does not, None is returned, and Newton's method takes over.  From a Hessian at the start
a step may end where f still falls, however steeply: f is convex, so it has fallen all the way, and what the
step was too short by the next one knows.  It is slow progress that ends these steps, as where the classes are
separated.  Nor is the second Hessian taken as soon as it pays: what it proves (refinement.py) is worth little
where logits may still move far, and with few rows a parameter that is known only close to the optimum.  To
know it takes max |x_ij|, which one of the gradients finds, in double-double.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from sigmax.kernels import Float
from sigmax.objective import Evaluation, FirstOrder, Objective, Refined
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
#: a decrement that has not fallen to this part in so many steps is not on its way to an optimum nearby
_SLOW, _STEPS = 0.25, 4
#: logits may change by this on the way from the Hessian to the optimum, in proof: errors are proved to be
#: below e^this times what they would be without
_REACH = 0.3


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the one Hessian of all rows was taken.

    Attributes
    ----------
    at : Evaluation
    factor : Factor
    change : float
        What a step with the factor leaves of the decrement, for each unit of it: see :func:`_change`.
    """

    at: Evaluation
    factor: Factor
    change: float


@dataclass(frozen=True, slots=True)
class _Start:
    """Where the steps over all rows begin, and what they may do.

    Attributes
    ----------
    at : FirstOrder
    metric : QuasiNewton
    rate : float
        What its first step leaves of the decrement, about.
    most : int
        Gradients before the Hessian, at most.
    short : float
        Steps that are too short may leave this part of the slope.
    reach : float
        The Hessian is taken where the way that it leaves moves no logit by more than this, in proof.
    """

    at: FirstOrder
    metric: QuasiNewton
    rate: float
    most: int
    short: float
    reach: float


def few_reads(
    objective: Objective, starts: list[Float], size: int, *, tol: float, max_iter: int, monitor: Monitor
) -> Anchor | None:
    """Steps 1 to 3; None where they do not lead to the optimum.

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
    start = _sampled(objective, starts, size) if size else _whole(objective, starts, tol, monitor)
    if start is None:
        return None
    at, metric, rate = start.at, start.metric, start.rate
    decrements: list[float] = []
    for gradients in range(1, start.most + 1):
        direction = -metric.solve(at.gradient)
        slope = float(at.gradient @ direction)
        if not slope < 0.0:
            return None
        nu = math.sqrt(-slope)
        monitor.after(_kind(at), objective, at, nu)
        if monitor.iterations >= max_iter:
            return None
        if decrements:
            rate = min(max(nu / decrements[-1], 0.5 * rate), 0.95)
        decrements.append(nu)
        if len(decrements) > _STEPS and nu > _SLOW * decrements[-1 - _STEPS]:
            return None
        last = gradients == start.most or _hessian_pays(objective, nu, rate, tol)
        evaluate: Callable[[Float], FirstOrder] = objective.evaluate if last else objective.gradient
        if last and gradients < start.most and math.isfinite(start.reach):
            if not objective.knows_largest:
                evaluate = partial(objective.refine, low=np.zeros_like(direction))
            elif rate * objective.reach(direction) > start.reach:
                evaluate = objective.gradient
        trial = evaluate(at.coef + direction)
        if not start.short * slope <= float(trial.gradient @ direction) <= _FLAT_ENOUGH * -slope:
            return None
        monitor.iterations += 1
        if isinstance(trial, Evaluation):
            try:
                factor = Factor(trial.hessian)
            except NotPositiveDefinite:
                return None
            return Anchor(trial, factor, _change(trial, factor, direction, at.gradient))
        metric.update(direction, trial.gradient - at.gradient)
        at = trial
    return None


def _sampled(objective: Objective, starts: list[Float], size: int) -> _Start | None:
    """The estimate and the information of `size` rows."""
    found = _fit_sample(objective, starts, size)
    if found is None:
        return None
    coef, factor = found
    at = objective.gradient(coef)
    objective.require_finite(at)
    metric = QuasiNewton(Scaled(factor, objective.n_rows / size))
    rate = contraction_of_sample(objective.n_params, size)
    return _Start(at, metric, rate, _MOST_GRADIENTS, _FLAT_ENOUGH, math.inf)


def _whole(objective: Objective, starts: list[Float], tol: float, monitor: Monitor) -> _Start | None:
    """The best of the starts, and the Hessian of all rows there."""
    at = best_of(Plain(objective), starts, monitor)
    try:
        metric = QuasiNewton(Factor(at.hessian))
    except NotPositiveDefinite:
        return None
    # of the fit of a sample nothing is proved
    reach = _REACH if tol < _TOL else math.inf
    return _Start(at, metric, 0.5, _MOST_GRADIENTS_FROM_ZERO, 1.0, reach)


def _kind(at: FirstOrder) -> str:
    if isinstance(at, Evaluation):
        return "hessian"
    return "refine" if isinstance(at, Refined) else "gradient"


def _hessian_pays(objective: Objective, nu: float, rate: float, tol: float) -> bool:
    """Whether the next pass should bring the Hessian: another gradient first would not pay for itself."""
    n = objective.response.weight_sum
    now = passes_after_hessian(rate * nu, n, tol)
    later = passes_after_hessian(rate * rate * nu, n, tol)
    return now - later < 1.0 or rate > 0.9


def _change(at: Evaluation, factor: Factor, step: Float, before: Float) -> float:
    """||y - H s|| in the norm of H^-1 over ||s||_H^2, y what the last step s has changed the gradient by.

    H is the Hessian at its end, y that halfway times s: the Hessian halfway along a step as long as s differs
    by about ||y - H s|| / ||s||_H, halfway along another in proportion to its length, its decrement.
    """
    Hs = at.hessian @ step
    off = at.gradient - before - Hs
    square = float(step @ Hs)
    return math.sqrt(max(float(off @ factor.solve(off)), 0.0)) / square if square > 0.0 else math.inf


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
