"""From an objective to its optimum: the plan, the way, the last digits.

plan.py        which way is cheapest for this shape
small.py       small problems: Newton's method in one call of the kernels
few_reads.py   many rows: a sample, gradients, one Hessian
kronecker.py   many classes x columns: no Hessian is formed
newton.py      whatever the other ways leave: Newton's method, which always converges
curvature.py   where nearly dependent columns defeat a Hessian in double precision: whitened rows
refinement.py  the last digits, in double-double
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sigmax.kernels import Float
from sigmax.objective import Evaluation, FirstOrder, Objective, Refined
from sigmax.solvers.curvature import DependentColumn, IllConditioned, Plain, Whitened
from sigmax.solvers.factor import Factor, NotPositiveDefinite
from sigmax.solvers.few_reads import few_reads
from sigmax.solvers.flat_certificate import flat_bound
from sigmax.solvers.kronecker import kronecker
from sigmax.solvers.monitor import Callback, Monitor, Stopped
from sigmax.solvers.newton import newton
from sigmax.solvers.plan import Costs, Way, plan
from sigmax.solvers.refinement import refine
from sigmax.solvers.small import is_small, small
from sigmax.solvers.solution import Metric, Solution, Stop

#: decrement at which Newton's method hands over to refinement.  The last Hessian is then taken so close to
#: the optimum that standard errors from it have ten digits; where a Hessian is dear they are read anew when
#: wanted
_CLOSE, _CLOSE_ENOUGH = 1e-9, 1e-5
#: steps at most, with a Hessian in each or none
_MOST_STEPS, _MOST_FLAT_STEPS = 100, 1000
#: parameters up to which a Hessian can still be formed where the way without one has not got there
_FORMABLE = 3000
#: a Hessian from which logits may have moved by more, in proof, makes bounds that are too wide: another one
_DRIFTED = 1.0
#: a factor whose Hessian rounding may have changed by more than this part proves little: whiten the rows
_DOUBTFUL = 0.1


def solve(
    objective: Objective,
    starts: list[Float],
    *,
    tol: float,
    max_iter: int | None = None,
    callback: Callback | None = None,
    patience: int | None = None,
) -> Solution:
    """Minimise an objective.

    Parameters
    ----------
    objective : Objective
    starts : list of ndarray of shape (n_params,)
        The origin, and others; a bad one costs time, never the answer.
    tol : float
        Newton decrement to reach, in standard errors.
    max_iter : int, optional
        Steps over all rows at most; 100 by default, 1000 where each is a gradient alone.
    callback : callable, optional
        Gets a :class:`sigmax.solvers.monitor.Progress` after every pass; true stops the iteration.
    patience : int, optional
        Newton steps over all rows without a proof that the optimum exists after which the iteration ends as
        `Stop.DOUBTFUL`.

    Raises
    ------
    DependentColumn
        The design does not have full column rank.
    """
    monitor = Monitor(callback)
    monitor.patience = patience
    try:
        found = _solve(objective, starts, tol, max_iter, monitor)
    except Stopped:
        found = _stopped(monitor)
    return replace(found, overlap=True) if monitor.overlap else found


def final_nll(objective: Objective, solution: Solution) -> float:
    """The negative log-likelihood where the iteration ended, in units of the objective.

    An optimum far out has large coefficients whose logits cancel: where it was not refined, the likelihood is
    evaluated once more, with logits in double-double.
    """
    refined = isinstance(solution.at, Refined) or solution.stop is Stop.CALLBACK
    at = solution.at if refined else objective.refine(solution.coef, solution.low)
    return at.nll


def _solve(
    objective: Objective, starts: list[Float], tol: float, max_iter: int | None, monitor: Monitor
) -> Solution:
    pinned = objective.penalty is not None and objective.penalty.pins is not None
    if pinned:
        # a limiting fit, which only Newton's method knows how to hold in place
        return _densely(objective, starts, tol, _MOST_STEPS if max_iter is None else max_iter, monitor)
    if is_small(objective) and not monitor.watched:
        most = _MOST_STEPS if max_iter is None else max_iter
        found = _small(objective, starts, tol, most, monitor)
        if found is not None:
            return found
    chosen, doubtful = plan(objective), False
    if chosen.way is Way.PRECONDITIONED:
        flat = _preconditioned(objective, starts, tol, max_iter or _MOST_FLAT_STEPS, monitor)
        if flat.stop is Stop.ITERATIONS or objective.n_params > _FORMABLE or _is_proved(flat):
            return flat
        starts = [flat.coef, *starts]
    max_iter = _MOST_STEPS if max_iter is None else max_iter
    if chosen.way is Way.FEW_READS:
        anchor = few_reads(objective, starts, chosen.size, tol=tol, max_iter=max_iter, monitor=monitor)
        if anchor is not None:
            at, factor = anchor.at, anchor.factor
            step = -factor.solve(at.gradient)
            nu = math.sqrt(max(-float(at.gradient @ step), 0.0))
            rate = nu * anchor.change
            found = _refined(objective, at.coef + step, factor, at, tol, max_iter, monitor, nu * rate, rate)
            if found is not None:
                assert found.doubt is not None
                doubtful = found.doubt > _DOUBTFUL
                if found.drift <= _DRIFTED and not doubtful:
                    return found
            starts = [at.coef if found is None else found.coef, *starts]
        elif monitor.last is not None:
            starts = [monitor.last.coef, *starts]
        if monitor.patience is not None:
            # steps without a Hessian are shorter
            monitor.patience += monitor.iterations // 2
    return _densely(objective, starts, tol, max_iter, monitor, doubtful=doubtful)


def _densely(
    objective: Objective,
    starts: list[Float],
    tol: float,
    max_iter: int,
    monitor: Monitor,
    *,
    doubtful: bool = False,
) -> Solution:
    """Newton's method with every Hessian, in whatever coordinates it takes: whitened where `doubtful`."""
    if not doubtful:
        try:
            return _newton(Plain(objective), starts, tol, max_iter, monitor)
        except IllConditioned:
            pass
    if monitor.last is not None:
        starts = [monitor.last.coef, *starts]
    try:
        return _newton(Whitened(objective), starts, tol, max_iter, monitor)
    except IllConditioned:
        # the columns are as the rows' weights leave them near the optimum: few rows may count there
        assert monitor.last is not None
        last = monitor.last
        try:
            whitened = Whitened(objective, last.coef)
        except DependentColumn:
            # so far out that the rows which still count do not tell the columns apart
            zero = np.zeros_like(last.coef)
            return Solution(last.coef, zero, last, None, None, 0.0, math.nan, monitor.iterations, Stop.STUCK)
        return _newton(whitened, [last.coef, *starts], tol, max_iter, monitor, last=True)


def _preconditioned(
    objective: Objective, starts: list[Float], tol: float, max_iter: int, monitor: Monitor
) -> Solution:
    """Without a Hessian; the last gradient in double-double, for the bound."""
    start = starts[1] if len(starts) > 1 else None

    def watch(at: FirstOrder, nu: float, kind: str) -> bool:
        monitor.after("gradient", objective, at, nu)
        return False

    found = kronecker(objective, starts[0], start, tol=tol, max_iter=max_iter, watch=watch)
    monitor.iterations = found.iterations
    zero = np.zeros_like(found.at.coef)
    at = objective.refine(found.at.coef, zero)
    monitor.after("refine", objective, at, found.newton_decrement)
    bound = flat_bound(objective, at, found.shares)
    return Solution(
        coef=at.coef,
        low=zero,
        at=at,
        metric=None,
        anchor=None,
        drift=0.0,
        newton_decrement=found.newton_decrement,
        iterations=found.iterations,
        stop=found.stop,
        flat=bound,
    )


def _is_proved(found: Solution) -> bool:
    done = found.stop in (Stop.TOLERANCE, Stop.ROUNDING)
    return done and found.flat is not None and math.isfinite(found.flat.standard_errors_off)


def _small(
    objective: Objective, starts: list[Float], tol: float, max_iter: int, monitor: Monitor
) -> Solution | None:
    """Newton's method in one call, then refinement; None where that does not get there."""
    found = small(objective, starts, max(tol, _CLOSE_ENOUGH), max_iter, monitor)
    if found is None:
        monitor.iterations = 0
        return None
    at, metric, _, _ = found
    refined = _refined(objective, at.coef - metric.solve(at.gradient), metric, at, tol, max_iter, monitor)
    reached = refined is not None and refined.stop is Stop.TOLERANCE
    if refined is None or not reached or refined.doubt is None or refined.doubt > _DOUBTFUL:
        monitor.iterations = 0
        return None
    return refined


def _newton(
    curvature: Plain | Whitened,
    starts: list[Float],
    tol: float,
    max_iter: int,
    monitor: Monitor,
    *,
    last: bool = False,
) -> Solution:
    """Newton's method, then refinement; `IllConditioned` where the factor is no good, but for the last."""
    objective = curvature.objective
    costs = Costs.of(objective)
    close = _CLOSE_ENOUGH if costs.hessian_is_dear else _CLOSE
    found = newton(curvature, starts, tol=max(tol, close), max_iter=max_iter, monitor=monitor)
    if found.metric is None or found.stop not in (Stop.TOLERANCE, Stop.ROUNDING):
        return found
    assert isinstance(found.at, Evaluation)
    near = found.coef - found.metric.solve(found.at.gradient)
    refined = _refined(objective, near, found.metric, found.at, tol, max_iter, monitor)
    doubtful = found.metric.doubt * objective.hessian_rounding(found.at) > _DOUBTFUL
    if not last and (refined is None or doubtful):
        raise IllConditioned
    return refined or found


def _refined(
    objective: Objective,
    near: Float,
    metric: Metric,
    anchor: Evaluation,
    tol: float,
    max_iter: int,
    monitor: Monitor,
    expected: float = 0.0,
    rate: float = 1.0,
) -> Solution | None:
    if monitor.iterations < max_iter:
        monitor.iterations += 1
    found = refine(
        objective,
        near,
        np.zeros_like(near),
        metric,
        anchor,
        tol=tol,
        max_iter=max_iter,
        monitor=monitor,
        expected=expected,
        rate=rate,
    )
    if found is None:
        return None
    return Solution(
        coef=found.coef,
        low=found.low,
        at=found.at,
        metric=metric,
        anchor=anchor,
        drift=found.drift,
        newton_decrement=found.left,
        iterations=monitor.iterations,
        stop=found.stop,
        doubt=found.doubt,
    )


def _stopped(monitor: Monitor) -> Solution:
    """The last evaluation that was reported, whatever is known of it."""
    at = monitor.last
    assert at is not None
    metric, anchor, nu = None, None, math.nan
    if isinstance(at, Evaluation):
        try:
            metric, anchor = Factor(at.hessian), at
            nu = math.sqrt(max(float(at.gradient @ metric.solve(at.gradient)), 0.0))
        except NotPositiveDefinite:
            pass
    zero = np.zeros_like(at.coef)
    return Solution(at.coef, zero, at, metric, anchor, 0.0, nu, monitor.iterations, Stop.CALLBACK)
