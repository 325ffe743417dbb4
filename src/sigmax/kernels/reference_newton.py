"""The twin of ext/solvers: a whole small fit, formula first.

    F(b) = NLL(b) + penalty(b),  g = grad F(b),  H = Hessian F(b),  d = -H^-1 g,  nu = sqrt(g' H^-1 g)

Newton's method with the safeguards of :mod:`sigmax.solvers.newton`, which says why they are these.  Knows no
kernel by name: :mod:`sigmax.kernels.reference` hands over its layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sigmax.kernels.interface import Codes, Float, Index, Number, Pair, Status

_SAFE_REACH = 0.4
_FLAT_ENOUGH = 0.25
#: the same where phi still falls
_STILL_FALLING = 0.5
_CLEAR_FALL = 1e-9
_TINY_DECREMENT = 1e-5
_LINE_FLAT = 0.1
_LINE_TRIALS = 200
_FARTHEST = 2.0**60
_PIVOT = 16.0 * 2.0**-53
_U = 2.0**-53
#: roundings in the nll, residual or curvature of a row (objective.py)
_ROW_ROUNDINGS = 16.0


@dataclass(frozen=True)
class Layers:
    """The operations of a backend that a fit is made of."""

    fused_pass: Callable[..., Pair]
    predict: Callable[..., None]
    line: Callable[..., tuple[Pair, float, float]]
    intercept: bool


@dataclass(frozen=True)
class Answer:
    """What `newton_many` hands out for one problem; nan where there is nothing to say."""

    status: Status
    coef: Float
    numbers: Float
    gradient: Float
    hessian: Float
    inverse: Float


@dataclass(frozen=True)
class _Point:
    """F and its derivatives at `coef`, of shape (m k,)."""

    coef: Float
    nll: Pair
    penalty: float
    gradient: Float
    hessian: Float


def expect_starts(starts: Index | None, n: int) -> None:
    """Raise ValueError where the groups are not ranges of n rows."""
    if starts is None:
        return
    bad = (starts[:-1] > starts[1:]) | (starts[:-1] < 0) | (starts[1:] > n)
    if bad.any():
        b = int(np.argmax(bad))
        raise ValueError(f"starts must rise from 0 to {n}; starts[{b}] and starts[{b + 1}] do not")


def penalty_matrix(l2: float, m: int, k: int, intercept: bool) -> Float:
    """P with penalty b'P b / 2: l2 (I - 11'/K) for the slopes of a column, l2 for K = 2."""
    between = np.eye(m) - (1.0 / (m + 1) if m > 1 else 0.0)
    slopes = np.ones(k)
    slopes[:intercept] = 0.0
    return np.asarray(np.kron(l2 * between, np.diag(slopes)))


class _Problem:
    """One problem with rows that count, and weights w' = 4^-h w, 1 <= max w' < 4."""

    def __init__(
        self,
        layers: Layers,
        X: Float,
        y: Codes,
        weight: Float | None,
        offset: Float | None,
        shape: tuple[int, int],
        l2: float,
    ) -> None:
        self.layers, self.shape, self.size = layers, shape, shape[0] * shape[1]
        self.h = 0
        if weight is not None:
            counted = weight != 0.0
            if not counted.all():
                X, y, weight = X[counted], y[counted], weight[counted]
                offset = None if offset is None else offset[counted]
            if len(weight) and weight.max() > 0.0:
                self.h = (math.frexp(float(weight.max()))[1] - 1) // 2
                weight = np.ldexp(weight, -2 * self.h)
        self.X, self.y, self.offset = X, y, offset
        self.weight = None if weight is None else np.ascontiguousarray(weight)
        self.total = float(len(X)) if weight is None else float(np.sum(weight))
        self.least = 1.0 if weight is None or not len(weight) else float(np.min(weight))
        self.penalised = l2 > 0.0
        self.P = penalty_matrix(math.ldexp(l2, -2 * self.h), *shape, layers.intercept)
        largest = np.abs(X).max(axis=0, initial=0.0)
        self.largest = np.concatenate([np.ones(1), largest]) if layers.intercept else largest
        self.reads = 0

    @property
    def every_class(self) -> bool:
        return len(self.X) > 0 and len(np.unique(self.y)) == self.shape[0] + 1

    def evaluate(self, coef: Float) -> _Point:
        gradient, hessian = np.empty(self.shape), np.empty((self.size, self.size))
        with np.errstate(over="ignore", invalid="ignore"):
            nll = self._pass(coef, gradient, hessian)
            pressed = self.P @ coef
            penalty = 0.5 * float(coef @ pressed)
        return _Point(coef, nll, penalty, gradient.ravel() + pressed, hessian + self.P)

    def _pass(self, coef: Float, gradient: Float | None, hessian: Float | None) -> Pair:
        self.reads += 1
        return self.layers.fused_pass(
            self.X,
            self.y,
            np.ascontiguousarray(coef.reshape(self.shape)),
            gradient,
            hessian,
            intercept=self.layers.intercept,
            weight=self.weight,
            offset=self.offset,
        )

    def at_zero(self) -> float:
        """F(0), which is log K for each row without an offset."""
        if self.offset is None:
            return self.total * math.log1p(self.shape[0])
        return self._pass(np.zeros(self.size), None, None)[0]

    def predict(self, coef: Float, *, with_offset: bool) -> Float:
        eta = np.empty((len(self.X), self.shape[0]))
        self.reads += 1
        self.layers.predict(
            self.X,
            np.ascontiguousarray(coef.reshape(self.shape)),
            eta,
            intercept=self.layers.intercept,
            offset=self.offset if with_offset else None,
        )
        return eta

    # -- bounds, as in objective.py ---------------------------------------------------------------

    def reach(self, direction: Float) -> float:
        moved = np.abs(direction.reshape(self.shape)) @ self.largest
        return float(np.sort(moved)[-2:].sum())

    def logit_rounding(self, coef: Float) -> float:
        farthest = 0.0 if self.offset is None else 2.0 * float(np.abs(self.offset).max(initial=0.0))
        return (self.shape[1] + 3) * _U * (self.reach(coef) + farthest)

    def proves_separation(self, at: _Point) -> bool:
        # with offsets a logit says nothing about x'b
        small = not self.penalised and self.offset is None and at.nll[0] < 0.69 * self.least
        return small and self.logit_rounding(at.coef) < 1e-3

    def blocks(self, inverse: Float) -> Float:
        """Q_kl = x_max' |H^-1_kl| x_max."""
        (m, k), x = self.shape, self.largest
        return np.asarray(np.einsum("j,kjli,i->kl", x, np.abs(inverse).reshape(m, k, m, k), x, optimize=True))

    def gradient_rounding(self, at: _Point, inverse: Float, Q: Float) -> float:
        """That of objective.py, where the order of sums is not stated, and the penalty's."""
        n = len(self.X)
        logits = self.logit_rounding(at.coef) * math.sqrt(self.total)
        sums = (n + 2.0 + _ROW_ROUNDINGS) * _U * at.nll[0] * math.sqrt(float(Q.sum()))
        pressed = 8.0 * _U * (np.abs(self.P) @ np.abs(at.coef))
        return logits + sums + math.sqrt(float(pressed @ np.abs(inverse) @ pressed))


class _Factor:
    """H^-1 from a Cholesky factor, equilibrated by powers of two (solvers/factor.py)."""

    def __init__(self, H: Float) -> None:
        diagonal = H.diagonal()
        if not (np.isfinite(H).all() and (diagonal >= 2.0**-1022).all()):
            raise np.linalg.LinAlgError
        self.scale = np.ldexp(1.0, np.rint(np.frexp(diagonal)[1] / 2.0).astype(np.intc))
        self.C = H / self.scale / self.scale[:, None]
        self.L = np.linalg.cholesky(self.C)
        if (self.L.diagonal() ** 2 <= _PIVOT * len(H) * self.C.diagonal()).any():
            raise np.linalg.LinAlgError

    def solve(self, v: Float) -> Float:
        z = np.linalg.solve(self.L.T, np.linalg.solve(self.L, v / self.scale))
        return np.asarray(z / self.scale)

    def inverse(self) -> tuple[Float, float]:
        """H^-1, and sqrt(||C||_1 ||C^-1||_1)."""
        Y = np.linalg.solve(self.L, np.eye(len(self.L)))
        C = Y.T @ Y
        C = (C + C.T) / 2.0
        condition = math.sqrt(np.abs(self.C).sum(axis=0).max() * np.abs(C).sum(axis=0).max())
        return np.asarray(C / self.scale / self.scale[:, None]), condition


def _begin(problem: _Problem, start: Float | None) -> _Point:
    """The start, unless F is smaller at 0."""
    zero = np.zeros(problem.size)
    if start is None or not np.any(start):
        return problem.evaluate(zero)
    at = problem.evaluate(np.array(start).ravel())
    return at if at.nll[0] + at.penalty <= problem.at_zero() else problem.evaluate(zero)


def _exact_step(problem: _Problem, at: _Point, direction: Float, slope: float) -> float:
    """solvers/line_search.py, with the penalty along the line: t s + t^2 c / 2."""
    eta = problem.predict(at.coef, with_offset=True)
    moved = problem.predict(direction, with_offset=False)
    sloped, curved = float(at.coef @ problem.P @ direction), float(direction @ problem.P @ direction)
    low, high, best, best_change, t = 0.0, math.inf, 0.0, 0.0, 1.0
    for _ in range(_LINE_TRIALS):
        with np.errstate(over="ignore", invalid="ignore"):
            change, first, second = problem.layers.line(eta, moved, problem.y, t, weight=problem.weight)
        risen = change[0] + t * (sloped + 0.5 * t * curved)
        first, second = first + (sloped + t * curved), second + curved
        if risen <= best_change:
            best, best_change = t, risen
            if abs(first) <= _LINE_FLAT * abs(slope):
                break
        if first == 0.0:
            break
        if first < 0.0:
            low = t
        else:  # rises, or logits beyond the range of float64
            high = t
        bracketed = high < math.inf
        if low >= _FARTHEST or (bracketed and high - low <= 2.0**-40 * high):
            break
        newton = t - first / second if second > 0.0 else math.inf
        if not bracketed:
            t = min(max(newton, 2.0 * low), 64.0 * low)
        else:
            t = newton if low < newton < high and newton != t else 0.5 * (low + high)
            t = min(max(t, low + 0.01 * (high - low)), high - 0.01 * (high - low))
    return best


def _step(problem: _Problem, at: _Point, direction: Float, slope: float) -> _Point | None:
    trial = problem.evaluate(at.coef + direction)
    if problem.reach(direction) <= _SAFE_REACH:
        return trial
    flat = float(trial.gradient @ direction)
    if flat <= 0.0:
        if -flat <= _STILL_FALLING * -slope:
            return trial
    elif flat <= _FLAT_ENOUGH * -slope:
        fallen = (at.nll[0] - trial.nll[0]) + (at.nll[1] - trial.nll[1]) + (at.penalty - trial.penalty)
        if fallen > _CLEAR_FALL * (at.nll[0] + at.penalty):
            return trial
    t = _exact_step(problem, at, direction, slope)
    if t == 0.0:
        return None
    return trial if t == 1.0 else problem.evaluate(at.coef + t * direction)


def solve(
    layers: Layers,
    X: Float,
    y: Codes,
    weight: Float | None,
    offset: Float | None,
    shape: tuple[int, int],
    *,
    l2: float,
    start: Float | None,
    tol: float,
    max_iter: int,
) -> Answer:
    """One problem of `newton_many`; `shape` is (m, k)."""
    problem = _Problem(layers, X, y, weight, offset, shape, l2)
    if not problem.every_class:
        return _nothing(problem, Status.ABSENT, 0)
    up = math.ldexp(1.0, problem.h)
    at, previous, steps = _begin(problem, start), math.inf, 0
    while True:
        if not math.isfinite(at.nll[0]):
            return _nothing(problem, Status.HAND_OVER, steps)
        if problem.proves_separation(at):
            return _answer(problem, Status.SEPARATED, at, None, math.nan, steps)
        try:
            factor = _Factor(at.hessian)
        except np.linalg.LinAlgError:
            return _nothing(problem, Status.HAND_OVER, steps)
        direction = -factor.solve(at.gradient)
        slope = float(at.gradient @ direction)
        if not (slope <= 0.0 and math.isfinite(slope)):
            return _nothing(problem, Status.HAND_OVER, steps)
        nu = math.sqrt(-slope)
        status = None
        if nu <= tol and nu * up <= tol:
            status = Status.TOLERANCE
        elif previous <= _TINY_DECREMENT and nu > 0.5 * previous:
            status = Status.ROUNDING
        elif steps >= max_iter:
            status = Status.ITERATIONS
        moved = _step(problem, at, direction, slope) if status is None else None
        if moved is None:
            if status is None and nu > _TINY_DECREMENT:
                return _nothing(problem, Status.HAND_OVER, steps)
            return _answer(problem, Status.ROUNDING if status is None else status, at, factor, nu, steps)
        at, previous, steps = moved, nu, steps + 1


def _answer(
    problem: _Problem, status: Status, at: _Point, factor: _Factor | None, nu: float, steps: int
) -> Answer:
    """Sums scaled back by 4^h, what is measured in standard errors by 2^h."""
    up = math.ldexp(1.0, problem.h)
    inverse, condition = np.full_like(at.hessian, np.nan), math.inf
    norm = rounding = math.inf
    if factor is not None:
        inverse, condition = factor.inverse()
        Q = problem.blocks(inverse)
        pairs = Q.diagonal()[:, None] + 2.0 * Q + Q.diagonal()
        np.fill_diagonal(pairs, Q.diagonal())
        norm = math.sqrt(float(pairs.max()))
        rounding = problem.gradient_rounding(at, inverse, Q)
    numbers = np.empty(len(Number))
    with np.errstate(over="ignore"):
        numbers[Number.NLL_HIGH], numbers[Number.NLL_LOW] = np.array(at.nll) * up * up
        numbers[Number.PENALTY] = np.float64(at.penalty) * up * up
        numbers[Number.TOTAL_WEIGHT] = np.float64(problem.total) * up * up
        numbers[Number.DECREMENT], numbers[Number.GRADIENT_ROUNDING] = nu * up, rounding * up
        numbers[Number.ROW_NORM], numbers[Number.CONDITION] = norm / up, condition
        numbers[Number.STEPS], numbers[Number.READS] = steps, problem.reads
        gradient, hessian = at.gradient * up * up, at.hessian * up * up
    return Answer(status, at.coef.reshape(problem.shape), numbers, gradient, hessian, inverse / up / up)


def _nothing(problem: _Problem, status: Status, steps: int) -> Answer:
    numbers = np.full(len(Number), np.nan)
    numbers[Number.STEPS], numbers[Number.READS] = steps, problem.reads
    with np.errstate(over="ignore"):
        up = math.ldexp(1.0, problem.h)
        numbers[Number.TOTAL_WEIGHT] = np.float64(problem.total) * up * up
    square = np.full((problem.size, problem.size), np.nan)
    return Answer(status, np.full(problem.shape, np.nan), numbers, square[0], square, square)
