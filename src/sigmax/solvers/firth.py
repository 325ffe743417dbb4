"""Firth's bias-reduced estimates: the maximum of the likelihood with Jeffreys' prior as its penalty.

    l*(b) = l(b) + 1/2 log det I(b)
    U*(b) = -grad NLL(b) + c(b),   c = grad 1/2 log det I
    step:  (I + A) d = U*(b),      A s = -(c(b + s) - c(b)) for the steps s so far

A is the symmetric rank-one update of (k / n) I, n the sum of the weights: leverages add up to k for each
logit, and where p is near 1/2 that is the curvature of -1/2 log det I.  It learns from the changes of c
alone: I is fresh in every step, for the leverages need it, so that what the step does not know is the
curvature of the penalty.  That is at most half the largest q of `jeffreys_gradient` times I, a few
hundredths of it where there are many rows for each parameter: I alone would gain one or two digits a step.

l* is not concave in general, so that a step counts only where l* rises by Armijo's rule; I is positive
definite, so I^-1 U* is a direction of ascent, and some step along it rises.  l* falls to minus infinity in
every direction where the design has full rank (Kosmidis & Firth, Biometrika 108, 2021), so that the
iteration stays in a bounded set and ends at a point where U* = 0, separated classes or not.  Near that
point changes of l* are all rounding, and the norm of U* decides.

Coordinates can be held fixed: a profile (firth_profile.py) maximises over the others, with the determinant
of the whole information.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from sigmax.kernels import Float
from sigmax.kernels.interface import FirthNumber, Status
from sigmax.objective import Evaluation, Objective
from sigmax.objective.jeffreys import jeffreys_gradient
from sigmax.solvers.curvature import DependentColumn, Whitened
from sigmax.solvers.factor import Factor, NotPositiveDefinite
from sigmax.solvers.monitor import Monitor, Stopped
from sigmax.solvers.small import Known, is_small
from sigmax.solvers.solution import Stop

#: the score, in units of the weights as given, is to be this small as well
SCORE = 1e-10
#: Armijo's share of the rise that the slope promises
_ARMIJO = 1e-4
#: norms of the score, in standard errors, below which changes of l* are rounding
_NEAR = 1e-4
_SHRINKS = 0.9
#: steps of the same or a larger norm in a row, once it is below this: rounding
_TINY, _NO_PROGRESS = 1e-6, 3
#: halvings of a step, and of one where changes of l* are rounding
_HALVINGS, _FEW_HALVINGS = 60, 3
_PAIRS = 12
#: the largest q below which -l* is surely convex near a zero of the score, and something to spare
_CURVED = 1.9
#: steps that a fit in one call may take
_SMALL_STEPS = 30
#: a change of c that A predicts to this part teaches nothing
_KNOWN = 1e-8


@dataclass(slots=True)
class Point:
    """l* and its derivatives at `coef`, in units of the scaled weights.

    Attributes
    ----------
    at : Evaluation
        NLL, its gradient, and I.
    factor : Factor or Known
        Of I.
    prior : float
        1/2 log det I, times `share`.
    pull : ndarray of shape (m k,)
        c, times `share`.
    largest : float
        The largest q, times `share`.
    """

    at: Evaluation
    factor: Factor | Known
    prior: float
    pull: Float
    largest: float

    @property
    def coef(self) -> Float:
        """b."""
        return self.at.coef

    @property
    def value(self) -> float:
        """l*, but for a constant where weights have a scale."""
        return self.prior - self.at.nll

    @property
    def score(self) -> Float:
        """U*."""
        return self.pull - self.at.gradient


@dataclass(slots=True)
class Ascent:
    """Where the iteration ended.

    Attributes
    ----------
    point : Point
    decrement : float
        Norm of the score of the free coordinates in their inverse information, in standard errors.
    steps : int
    stop : Stop
    """

    point: Point
    decrement: float
    steps: int
    stop: Stop


class Penalised:
    """l* of an objective.

    Parameters
    ----------
    objective : Objective
        Without a penalty of its own.
    """

    def __init__(self, objective: Objective) -> None:
        assert objective.penalty is None
        self.objective = objective
        #: what the prior weighs in units of the scaled weights
        self.share = 1.0 / objective.response.scale

    def at(self, coef: Float) -> Point | None:
        """The point `coef` in two reads; None where the information is numerically singular there."""
        at = self.objective.evaluate(coef)
        try:
            factor = Factor(at.hessian)
        except NotPositiveDefinite:
            self.objective.require_finite(at)
            return None
        pull, largest = jeffreys_gradient(self.objective, coef, factor.root())
        prior = 0.5 * self.share * factor.log_determinant
        return Point(at, factor, prior, self.share * pull, self.share * largest)

    def half_log_det(self, point: Point) -> float:
        """1/2 log det I in true units."""
        response, P = self.objective.response, self.objective.n_params
        return point.prior / self.share + 0.5 * P * math.log(response.scale)

    def true_score(self, point: Point, free: slice | Float) -> float:
        """max |U*| of the free coordinates in true units."""
        return float(np.abs(point.score[free]).max(initial=0.0)) * self.objective.response.scale


class _Curvature:
    """What the steps so far have taught about the curvature of -c: the matrix A."""

    def __init__(self, share: float) -> None:
        self._pairs: deque[tuple[Float, Float]] = deque(maxlen=_PAIRS)
        self._share = share

    def learn(self, step: Float, change: Float) -> None:
        """c changed by -`change` along `step`."""
        self._pairs.append((step, change))

    def forget(self) -> None:
        """Back to zero."""
        self._pairs.clear()

    def direction(self, H: Float, score: Float) -> Float | None:
        """(H + A)^-1 score; None where nothing is known or the sum is not positive definite."""
        if not self._pairs:
            return None
        A = self._share * H
        for step, change in self._pairs:
            rest = change - A @ step
            along = float(rest @ step)
            if abs(along) > _KNOWN * math.sqrt(float(rest @ rest) * float(step @ step)):
                A += np.outer(rest, rest / along)
        try:
            return Factor(H + A).solve(score)
        except NotPositiveDefinite:
            return None


def ascend(
    penalised: Penalised,
    start: Point,
    *,
    tol: float,
    max_iter: int,
    fixed: int | None = None,
    monitor: Monitor | None = None,
) -> Ascent:
    """Maximise l* from `start` on.

    Parameters
    ----------
    penalised : Penalised
    start : Point
    tol : float
        Norm of the score to reach, in standard errors in true units; its largest element is to reach 1e-10
        as well.
    max_iter : int
        Steps at most.
    fixed : int, optional
        A coordinate that keeps its value.
    monitor : Monitor, optional
        Told of every point.
    """
    objective = penalised.objective
    unit = math.sqrt(objective.response.scale)
    keep: slice | Float = slice(None)
    if fixed is not None:
        keep = np.delete(np.arange(objective.n_params), fixed)
    size = objective.n_params - (fixed is not None)
    if size == 0:  # the only parameter is fixed
        return Ascent(start, 0.0, 0, Stop.TOLERANCE)
    share = objective.design.width / objective.response.total_weight
    taught, point = _Curvature(share), start
    steps, waited, best = 0, 0, math.inf
    while True:
        score = point.score[keep]
        factor = point.factor if fixed is None else Factor(_part(point.at.hessian, keep))
        newton = factor.solve(score)
        nu = unit * math.sqrt(max(float(score @ newton), 0.0))
        if nu <= tol and penalised.true_score(point, keep) <= SCORE:
            return Ascent(point, nu, steps, Stop.TOLERANCE)
        waited = 0 if nu < 0.5 * best else waited + 1
        best = min(best, nu)
        if nu <= _TINY and waited >= _NO_PROGRESS:
            return Ascent(point, nu, steps, Stop.ROUNDING)
        if steps >= max_iter:
            return Ascent(point, nu, steps, Stop.ITERATIONS)
        trial = _step(penalised, point, keep, factor, newton / (1.0 + share), nu / unit, taught)
        if trial is None:
            return Ascent(point, nu, steps, Stop.ROUNDING if nu <= _TINY else Stop.STUCK)
        taught.learn((trial.coef - point.coef)[keep], (point.pull - trial.pull)[keep])
        point = trial
        steps += 1
        if monitor is not None:
            monitor.iterations = steps
            monitor.after("hessian", objective, point.at, nu)


def _part(H: Float, keep: slice | Float) -> Float:
    return H if isinstance(keep, slice) else np.ascontiguousarray(H[np.ix_(keep, keep)])


def _step(
    penalised: Penalised,
    point: Point,
    keep: slice | Float,
    factor: Factor | Known,
    newton: Float,
    nu: float,
    taught: _Curvature,
) -> Point | None:
    """The next point: l* rises, or, near the end, the score falls; None where no step is found."""
    score = point.score[keep]
    learned = taught.direction(_part(point.at.hessian, keep), score)
    rounding = 2.0**-53 * (point.at.nll + abs(point.prior))
    near = nu <= _NEAR or nu * nu <= 1e6 * rounding
    for direction in (learned, newton):
        if direction is None:
            continue
        slope = float(score @ direction)
        if not slope > 0.0:
            continue
        t = 1.0
        halvings = _FEW_HALVINGS if near else _HALVINGS
        for _ in range(1 if direction is learned else halvings):
            coef = point.coef.copy()
            coef[keep] += t * direction
            trial = penalised.at(coef)
            if trial is not None:
                if trial.value - point.value >= _ARMIJO * t * slope:
                    return trial
                if near:
                    left = trial.score[keep]
                    if float(left @ factor.solve(left)) <= (_SHRINKS * nu) ** 2:
                        return trial
            t *= 0.5
        taught.forget()
    return None


def first_point(penalised: Penalised, starts: list[Float]) -> Point:
    """The start with the largest l*, where the information is regular.

    Raises
    ------
    DependentColumn
        A column is a combination of those before it, or the information is singular to double precision.
    """
    points = [point for point in map(penalised.at, starts) if point is not None]
    if points:
        return max(points, key=lambda point: point.value)
    Whitened(penalised.objective)  # raises DependentColumn where QR finds one
    try:
        Factor(penalised.objective.evaluate(starts[0]).hessian)
    except NotPositiveDefinite as error:
        raise DependentColumn(error.index % penalised.objective.design.width) from None
    raise AssertionError("a start whose information is singular and is not")


def firth(
    objective: Objective, starts: list[Float], *, tol: float, max_iter: int, monitor: Monitor
) -> tuple[Penalised, Ascent]:
    """Firth's estimates.

    Parameters
    ----------
    objective : Objective
    starts : list of ndarray of shape (n_params,)
    tol : float
        As for :func:`ascend`.
    max_iter : int
    monitor : Monitor

    Raises
    ------
    DependentColumn
        See :func:`first_point`.
    """
    penalised = Penalised(objective)
    if objective.n_logits == 1 and is_small(objective) and not monitor.watched and max_iter >= _SMALL_STEPS:
        found = _small(penalised, starts, tol)
        if found is not None:
            return penalised, found
    start = first_point(penalised, starts)
    objective.require_finite(start.at)
    try:
        monitor.after("hessian", objective, start.at, math.nan)
        return penalised, ascend(penalised, start, tol=tol, max_iter=max_iter, monitor=monitor)
    except Stopped:
        assert isinstance(monitor.last, Evaluation)
        point = penalised.at(monitor.last.coef)
        assert point is not None  # it was a point before
        return penalised, Ascent(point, norm(point, objective), monitor.iterations, Stop.CALLBACK)


def _small(penalised: Penalised, starts: list[Float], tol: float) -> Ascent | None:
    """The fit in one call of the kernels; None where the general way has to start afresh.

    That call searches for a zero of the score without comparing l*: its answer counts only where the
    curvature shows that l* has a maximum there (firth_certificate.py).
    """
    objective = penalised.objective
    design, response, k = objective.design, objective.response, objective.n_params
    unit = math.sqrt(response.scale)
    coef, numbers, vectors = np.empty(k), np.empty(len(FirthNumber)), np.empty((4, k))
    hessian, inverse = np.empty((k, k)), np.empty((k, k))
    status = objective.kernels.firth_small(
        design.block(0, objective.n_rows),
        response.codes,
        coef,
        numbers,
        vectors,
        hessian,
        inverse,
        intercept=design.intercept,
        tol=tol / unit,
        score=SCORE / response.scale,
        share=penalised.share,
        weight=response.weight,
        offset=response.offset,
        start=starts[1] if len(starts) > 1 else None,
    )
    about = numbers.tolist()
    objective.rows_read += round(about[FirthNumber.READS]) * objective.n_rows
    if status != Status.TOLERANCE or not about[FirthNumber.LARGEST] < _CURVED:
        return None
    objective.found_largest(vectors[3])
    at = Evaluation(coef, about[FirthNumber.NLL_HIGH], 0.0, vectors[0], hessian)
    factor = Known(hessian, inverse, about[FirthNumber.CONDITION])
    prior = penalised.share * math.fsum(np.log(vectors[2]).tolist())
    point = Point(at, factor, prior, vectors[1], about[FirthNumber.LARGEST])
    steps = int(about[FirthNumber.STEPS])
    return Ascent(point, unit * about[FirthNumber.DECREMENT], steps, Stop.TOLERANCE)


def norm(point: Point, objective: Objective) -> float:
    """Norm of the score in the inverse information, in true units."""
    score = point.score
    square = float(score @ point.factor.solve(score))
    return math.sqrt(max(square, 0.0) * objective.response.scale)
