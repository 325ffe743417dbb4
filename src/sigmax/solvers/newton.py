"""Newton's method with the exact line search.

    g = grad f(b),  H = Hessian f(b),  d = -H^-1 g,  nu = sqrt(g' H^-1 g)      the Newton decrement

nu is free of units: the distance to the optimum in standard errors, to first order.  Each iteration
reads the data once, unless the full step has to be shortened or stretched.

1. Factor H.  Where it is numerically singular although the columns are independent (all weights of the
   rows are tiny), H + mu B takes its place, with B >= Hessian the bound of Boehning & Lindsay (1988).
2. Stop where nu <= tol, or where nu has reached rounding: it no longer falls though it is tiny.  Stop, too,
   where many steps have not proved that there is an optimum (overlap.py), so that this can be asked.
3. Evaluate at the full step, and take it where phi still falls there (it is convex) and has less than half
   of its slope left, |phi'(1)| <= 0.5 nu^2; or rises by |phi'(1)| <= 0.25 nu^2 and has fallen by more than
   rounding explains.
4. Take it too where D(d) <= 0.4, with D the largest change of a row's logits: for a generalised
   self-concordant function, phi'(1) <= nu^2 ((e^D - 1) / D - 1) < 0.25 nu^2 there, in theory, and where the
   computed slopes say otherwise they are rounding.
5. Otherwise find the exact step along d and evaluate there.

Rejected: Armijo's test on f(b + d) - f(b), which rounding fools near the optimum, and step halving as in
R's glm2, which has no proof.  Undamped Newton, as in statsmodels, diverges on data whose optimum exists
(tests/solvers/test_newton.py holds examples, benchmarks/convergence counts them).
"""

from __future__ import annotations

import math

import numpy as np

from sigmax.kernels import Float
from sigmax.objective import Evaluation, Objective
from sigmax.solvers.curvature import Plain, Whitened
from sigmax.solvers.factor import NotPositiveDefinite
from sigmax.solvers.line_search import exact_step
from sigmax.solvers.monitor import Monitor
from sigmax.solvers.overlap import proves_overlap
from sigmax.solvers.solution import Metric, Solution, Stop

#: D(d) up to which the full step is proved
_SAFE_REACH = 0.4
#: a decrement that says that the likelihood is flat, whether or not an optimum is near
_FLAT = 1e-8
#: change of a logit beyond which a step is not even tried
_FAR_REACH = 1e3
#: |phi'(1)| <= this * nu^2: the full step has done most of the work
_FLAT_ENOUGH = 0.25
#: the same where phi still falls: what is left would take a search of more reads than the next step
_STILL_FALLING = 0.5
#: a fall of f by this part of it is no rounding: f is a sum in double-double of accurate terms
_CLEAR_FALL = 1e-9
#: nu below which a decrement that does not fall to this part of itself has met rounding.  Along an
#: exponential tail, far from the optimum in logits, Newton's steps leave exp(-1/2) = 0.61 of it
_TINY_DECREMENT, _SHRINKS = 1e-5, 0.75


def best_of(curvature: Plain | Whitened, starts: list[Float], monitor: Monitor) -> Evaluation:
    """The evaluation of the start with the smallest f: a bad start costs time, never the answer.

    The origin comes last, and is not evaluated where its f is known and larger.
    """
    objective = curvature.objective
    best: Evaluation | None = None
    for start in sorted(starts, key=lambda start: not start.any()):
        known = None if start.any() else objective.value_at_zero
        if best is not None and known is not None and best.value <= known:
            continue
        at = curvature.evaluate(start)
        objective.require_finite(at)
        if best is None or at.value < best.value or not math.isfinite(best.value):
            best = at
        monitor.after("hessian", objective, at, math.nan)
    assert best is not None
    return best


def newton(
    curvature: Plain | Whitened,
    starts: list[Float],
    *,
    tol: float,
    max_iter: int,
    monitor: Monitor,
) -> Solution:
    """Minimise an objective.

    Parameters
    ----------
    curvature : Plain or Whitened
        The objective, and how its Hessian is factored.
    starts : list of ndarray of shape (n_params,)
        The iteration starts from the one with the smallest f.
    tol : float
        Newton decrement to reach, in standard errors.
    max_iter : int
        Newton steps at most.
    monitor : Monitor

    Raises
    ------
    IllConditioned
        With :class:`Plain`: the columns are nearly dependent.
    """
    objective = curvature.objective
    at = best_of(curvature, starts, monitor)
    previous = math.inf
    while True:
        factor = _factor_or_none(curvature, at)
        direction = -(factor or curvature.damped(at)).solve(at.gradient)
        slope = float(at.gradient @ direction)
        # without a factor of H itself the slope says nothing about the distance
        nu = math.sqrt(max(-slope, 0.0)) if factor is not None else math.nan

        stop = stop_at(objective, at, nu, previous, tol)
        if stop is None and monitor.iterations >= max_iter:
            # so near to flatness more steps would not help
            stop = Stop.ROUNDING if nu <= _FLAT else Stop.ITERATIONS
        in_doubt = stop is None and _is_in_doubt(monitor)
        # free where the bounds are known; else a read, which pays where the fit would end without a proof
        asks = objective.knows_largest or in_doubt or stop is Stop.ITERATIONS
        if asks and factor is not None and not monitor.overlap and objective.penalty is None:
            monitor.overlap = proves_overlap(objective, at, factor, direction, nu)
        if in_doubt and not monitor.overlap:
            stop = Stop.DOUBTFUL
        moved = None
        if stop is None and slope < 0.0:
            moved = damped_step(curvature, at, direction, slope, nu, monitor)
        if moved is None:
            stop = stop or (Stop.ROUNDING if nu <= _TINY_DECREMENT else Stop.STUCK)
            zero = np.zeros_like(at.coef)
            return Solution(at.coef, zero, at, factor, at, 0.0, nu, monitor.iterations, stop)
        at, previous = moved, nu
        monitor.iterations += 1
        monitor.after("hessian", objective, at, nu)


def _factor_or_none(curvature: Plain | Whitened, at: Evaluation) -> Metric | None:
    try:
        return curvature.factor(at)
    except NotPositiveDefinite:
        return None


def _is_in_doubt(monitor: Monitor) -> bool:
    return monitor.patience is not None and not monitor.overlap and monitor.iterations >= monitor.patience


def stop_at(objective: Objective, at: Evaluation, nu: float, previous: float, tol: float) -> Stop | None:
    """Whether the iteration ends at `at`; every comparison with a nan decrement is false."""
    if objective.proves_separation(at):
        return Stop.SEPARATED
    if nu <= tol:
        return Stop.TOLERANCE
    if previous <= _TINY_DECREMENT and nu > _SHRINKS * previous:
        return Stop.ROUNDING
    return None


def damped_step(
    curvature: Plain | Whitened,
    at: Evaluation,
    direction: Float,
    slope: float,
    nu: float,
    monitor: Monitor,
) -> Evaluation | None:
    """f at a step along `direction` that is proved or seen to lower it; None where there is none."""
    objective = curvature.objective
    trial = curvature.evaluate(at.coef + direction)
    flat = float(trial.gradient @ direction)
    if flat <= 0.0:
        if -flat <= _STILL_FALLING * -slope:
            return trial
    elif flat <= _FLAT_ENOUGH * -slope and at.value - trial.value > _CLEAR_FALL * at.value:
        return trial
    reach = objective.reach(direction)
    if reach <= _SAFE_REACH:
        return trial
    monitor.after("hessian", objective, trial, nu)
    # where all rows are far out on their plateaus H is tiny, and the step beyond all bounds: start nearer
    t, _ = exact_step(objective.line(at.coef, direction), slope, min(1.0, _FAR_REACH / reach))
    if t == 0.0:
        return None
    return trial if t == 1.0 else curvature.evaluate(at.coef + t * direction)
