"""The preconditioned method for many classes x columns: gradient passes, and no Hessian.

    d = -B g,   nu = sqrt(g' B g),   B the inverse Hessian that L-BFGS makes of the metric M^-1 and its pairs

1. Read the Gram matrix of the rows once, and the gradient at zero.  With an intercept and no offsets the
   start is the null model, whose logits are the log odds of the class shares: f, gradient and mean curvature
   there follow from those two reads.  Another start is used where f is smaller there.
2. Take the full step where phi falls: phi'(1) <= 0, or a clear fall of f, and |phi'(1)| <= 0.9 nu^2 for
   the pair to be worth keeping.  Where f cannot tell, |phi'(1)| <= nu^2 / 2 and logits that move by at most
   0.4 do: the curvature then changes by a factor of at most e^0.4 along the step, which is too little for phi
   to end above its start.  Else try t = nu^2 / (nu^2 + phi'(1)), where a parabola has its minimum, which
   takes one read and the same tests; and else find the exact step along d.
3. Give M the curvature of the data once the iterates have left the start (`Metric.refresh`), and again later.
4. Stop where nu <= tol, or where nu has reached rounding: it does not halve in some passes and is below
   what rounding of the logits can do.

nu is an estimate here: B is only near the inverse Hessian.  The proof is flat_certificate.py's.
Memory beyond X: some 5 k^2 numbers for the metric and a block's k^2 for each thread of the Gram matrix, two
times 20 to 80 vectors of m k for L-BFGS, and 3 (m r)^2 for r <= m + 1 directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sigmax.kernels import Float
from sigmax.objective import FirstOrder, Objective
from sigmax.solvers.curvature import DependentColumn
from sigmax.solvers.factor import NotPositiveDefinite
from sigmax.solvers.lbfgs import Memory
from sigmax.solvers.line_search import exact_step
from sigmax.solvers.metric import Metric, class_curvature
from sigmax.solvers.solution import Stop

#: pairs that L-BFGS keeps: as many as fit into 128 MB, within these bounds (80 instead of 30 saved 8 of 89
#: passes)
_FEWEST_PAIRS, _MOST_PAIRS, _PAIR_NUMBERS = 20, 80, 2**23
#: a step whose slope has changed less than this says little of the curvature
_WORTHWHILE = 0.9
#: steps that a parabola is trusted for
_SHORTEST, _LONGEST = 0.1, 10.0
#: D(d) up to which slopes alone decide, and the slope that they then may have
_SAFE_REACH, _SAFE_SLOPE = 0.4, 0.5
#: a fall of f by this part of it is no rounding
_CLEAR_FALL = 1e-9
#: steps after which M takes the curvature of the data, from zero and from a warm start
_REFRESH_COLD, _REFRESH_WARM = (4, 64), (0, 12, 64)
#: nu has stopped falling if it does not halve in so many steps
_WINDOW = 8
#: and nothing at all is gained if it has no new minimum in so many
_LONG_WINDOW = 40
#: nu below which no step to be found means that rounding was met
_TINY_DECREMENT = 1e-5
#: times by which the decrement of M alone may exceed that of B
_DISAGREE = 30.0
_U = 2.0**-53

#: called after each pass with the best point so far, its decrement (nan if not known) and the kind of pass;
#: True stops
Watch = Callable[[FirstOrder, float, str], bool]


@dataclass(frozen=True, slots=True)
class FlatSolution:
    """Where the iteration ended, without a Hessian.

    Attributes
    ----------
    at : FirstOrder
        The coefficients, f and gradient.
    newton_decrement : float
        Estimate of nu at `at`, from the inverse Hessian of L-BFGS.
    iterations : int
        Steps taken.
    stop : Stop
    shares : ndarray of shape (K,)
        Weighted share of each class, the reference first.
    """

    at: FirstOrder
    newton_decrement: float
    iterations: int
    stop: Stop
    shares: Float


class _Stopped(Exception):
    """The watcher wants no more."""


class _Run:
    """One minimisation: passes that are watched, the metric and the memory of steps."""

    def __init__(self, objective: Objective, watch: Watch | None) -> None:
        self.objective = objective
        self._watch = watch
        self.memory = Memory(min(max(_PAIR_NUMBERS // objective.n_params, _FEWEST_PAIRS), _MOST_PAIRS))
        self.seen: FirstOrder | None = None
        self.nu = math.nan

    def tell(self, kind: str) -> None:
        """Let the watcher see the best point so far."""
        if self._watch is not None and self.seen is not None and self._watch(self.seen, self.nu, kind):
            raise _Stopped

    def gradient(self, coef: Float) -> FirstOrder:
        at = self.objective.gradient(coef)
        if self.seen is None or at.value <= self.seen.value:
            self.seen = at
        return at


def kronecker(
    objective: Objective,
    zero: Float,
    start: Float | None,
    *,
    tol: float,
    max_iter: int,
    watch: Watch | None = None,
) -> FlatSolution:
    """Minimise `objective` without a Hessian.

    Parameters
    ----------
    objective : Objective
    zero : ndarray of shape (n_params,)
        The origin.
    start : ndarray of shape (n_params,), optional
        Another start; used where f is not larger there than at the origin.
    tol : float
        Decrement to reach, in standard errors.
    max_iter : int
        Steps at most.
    watch : callable, optional
        ``watch(at, decrement, kind)`` after every pass; what is true stops the iteration.

    Returns
    -------
    FlatSolution

    Raises
    ------
    DependentColumn
        The design, with the rows of the penalty, does not have full column rank.
    """
    run = _Run(objective, watch)
    with np.errstate(all="ignore"):  # of what is not finite in X, require_finite speaks
        at = run.gradient(zero)
    shares = np.full(objective.n_logits + 1, 1.0 / (objective.n_logits + 1))
    try:
        run.tell("gradient")
        objective.require_finite(at)
        gram = objective.gram()
        run.tell("gram")
        shares, at = _null_model(objective, at, gram)
        run.seen = at
        refresh: tuple[int, ...] = _REFRESH_COLD
        if start is not None:
            there = run.gradient(start)
            if there.value <= at.value:
                at, refresh = there, _REFRESH_WARM
            run.seen = at
            run.tell("gradient")
        try:
            metric = Metric(objective, gram, class_curvature(shares))
        except NotPositiveDefinite as error:
            raise DependentColumn(error.index) from None
        return _iterate(run, metric, at, shares, refresh, tol=tol, max_iter=max_iter)
    except _Stopped:
        seen = run.seen if run.seen is not None else at
        return FlatSolution(seen, run.nu, 0, Stop.ITERATIONS, shares)


def _null_model(objective: Objective, at_zero: FirstOrder, gram: Float) -> tuple[Float, FirstOrder]:
    """The shares of the classes, and f at the null model where that needs no read.

    With q the shares and no offsets, P(k) changes from 1 / K to q_k in every row:

        gradient_k += (q_k - 1 / K) sum_i w_i [1 x_i],   nll = -sum_k (w q)_k log q_k
    """
    m, design = objective.n_logits, objective.design
    total = objective.response.weight_sum
    equal = np.full(m + 1, 1.0 / (m + 1))
    if not design.intercept or objective.response.offset is not None:
        return equal, at_zero
    gradient = at_zero.gradient.reshape(m, design.width)
    rest = equal[1:] - gradient[:, 0] / total
    q = np.concatenate([[1.0 - rest.sum()], rest])
    smallest = objective.response.smallest_weight / total
    q = np.maximum(q, 0.5 * smallest)
    coef = np.zeros_like(gradient)
    coef[:, 0] = np.log(q[1:] / q[0])
    moved = gradient + (q[1:] - equal[1:])[:, None] * gram[0]
    nll = -total * float(q @ np.log(q))
    return q / q.sum(), FirstOrder(coef.ravel(), nll, 0.0, moved.ravel())


def _iterate(
    run: _Run,
    metric: Metric,
    at: FirstOrder,
    shares: Float,
    refresh: tuple[int, ...],
    *,
    tol: float,
    max_iter: int,
) -> FlatSolution:
    objective, memory = run.objective, run.memory
    best, lowest = at, math.inf
    history: list[float] = []
    iterations = 0

    def end(stop: Stop) -> FlatSolution:
        return FlatSolution(best, lowest, iterations, stop, shares)

    def restart(at: FirstOrder) -> None:
        nonlocal lowest
        memory.clear()
        history.clear()
        lowest = math.inf
        metric.refresh(at.coef)
        run.tell("curvature")

    try:
        while True:
            if iterations in refresh:
                metric.refresh(at.coef)
                run.tell("curvature")
            direction = -memory.apply(metric, at.gradient)
            slope = float(at.gradient @ direction)
            nu = math.sqrt(max(-slope, 0.0)) if slope == slope else math.nan
            history.append(nu)
            if nu <= lowest or not at.value <= best.value + _CLEAR_FALL * abs(best.value):
                best, lowest = at, nu
            run.seen, run.nu = best, lowest
            stop = _stop(objective, at, history, tol)
            # pairs of a nearly singular curvature can make B too small: M alone must not disagree by far
            if len(memory) and (
                stop is Stop.STUCK
                or (stop is not None and math.sqrt(float(at.gradient @ metric(at.gradient))) > _DISAGREE * nu)
            ):
                restart(at)
                continue
            if stop is None and iterations >= max_iter:
                stop = Stop.ITERATIONS
            if stop is not None:
                return end(stop)
            moved = _step(run, at, direction, slope) if slope < 0.0 else None
            if moved is None and len(memory):
                restart(at)
                continue
            if moved is None:
                return end(Stop.ROUNDING if nu <= _TINY_DECREMENT else Stop.STUCK)
            memory.add(moved.coef - at.coef, moved.gradient - at.gradient)
            at = moved
            iterations += 1
    except _Stopped:
        return end(Stop.ITERATIONS)


def _rounding(objective: Objective, at: FirstOrder) -> float:
    """About what rounding of logits and residuals can move the gradient by, in standard errors.

    Errors of the rows are independent of the columns, and so of their norm in n dimensions only sqrt(m k / n)
    counts: a few u sqrt(m k), times the logits.
    """
    return 4.0 * _U * math.sqrt(objective.n_params) * (16.0 + objective.reach(at.coef))


def _stop(objective: Objective, at: FirstOrder, history: list[float], tol: float) -> Stop | None:
    if objective.proves_separation(at):
        return Stop.SEPARATED
    nu = history[-1]
    if nu <= tol:
        return Stop.TOLERANCE
    slow = len(history) > _WINDOW and min(history[-_WINDOW:]) > 0.5 * min(history[:-_WINDOW])
    # the reach of the logits may cost a read: asked only where it matters
    if slow and nu <= _TINY_DECREMENT and nu <= _rounding(objective, at):
        return Stop.ROUNDING
    if len(history) > _LONG_WINDOW and min(history[-_LONG_WINDOW:]) >= min(history[:-_LONG_WINDOW]):
        return Stop.ROUNDING if min(history) <= _TINY_DECREMENT else Stop.STUCK
    return None


def _step(run: _Run, at: FirstOrder, direction: Float, slope: float) -> FirstOrder | None:
    """f at a step along `direction` that is proved or seen to lower it; None where there is none."""
    objective = run.objective
    trial = run.gradient(at.coef + direction)
    run.tell("gradient")
    end = float(trial.gradient @ direction)
    if _good(objective, at, trial, direction, slope, end):
        return trial
    if -slope <= _rounding(objective, at) ** 2:
        return None
    t = slope / (slope - end) if end > slope else math.inf
    if _SHORTEST <= t <= _LONGEST:
        nearer = run.gradient(at.coef + t * direction)
        run.tell("gradient")
        if _good(objective, at, nearer, t * direction, t * slope, t * float(nearer.gradient @ direction)):
            return nearer
    line = objective.line(at.coef, direction)
    run.tell("line")
    t, _ = exact_step(line, slope)
    if t == 0.0:
        return None
    if t == 1.0:
        return trial
    moved = run.gradient(at.coef + t * direction)
    run.tell("gradient")
    return moved


def _good(
    objective: Objective, at: FirstOrder, trial: FirstOrder, step: Float, slope: float, end: float
) -> bool:
    """Whether f fell from `at` to `trial`, with slopes `slope` and `end` along `step`, and by enough."""
    if not abs(end) <= _WORTHWHILE * -slope:
        return False
    if end <= 0.0 or at.value - trial.value > _CLEAR_FALL * abs(at.value):
        return True
    return end <= _SAFE_SLOPE * -slope and objective.reach(step) <= _SAFE_REACH
