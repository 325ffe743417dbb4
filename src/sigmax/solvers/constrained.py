"""The optimum under linear constraints: minimise f(b) subject to A b = c, with a bound that is proved.

Steps and decrements are those of tangent.py.  What is proved: f is generalised self-concordant
(certificate.py), and with R >= max ||z|| in the norm of Z (Z'HZ)^-1 Z' and ||h||_H = r within it,

    f(b + h) >= f(b) - nu r + (e^-Rr + R r - 1) / R^2       hence, if nu R < 1, an optimum exists and
    f(b) - f* <= [s + (1 - s) log(1 - s)] / R^2,  s = nu R          (nu^2 / 2 as s falls)

Without nu R < 1 nothing is proved, and the bound is inf: the optimum may be at infinity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmax.kernels import Float
from sigmax.objective import Evaluation, Objective, Refined
from sigmax.solvers.curvature import DAMPING, ILL_CONDITIONED, IllConditioned, Plain, Whitened
from sigmax.solvers.factor import Factor, NotPositiveDefinite
from sigmax.solvers.monitor import Monitor
from sigmax.solvers.newton import damped_step, stop_at
from sigmax.solvers.solution import Stop
from sigmax.solvers.tangent import Tangent, fixed_alone

#: Newton decrement to reach, in units of the objective
TOL = 1e-9
_MOST_STEPS = 200
#: steps without a proof that there is an optimum after which it is said that there may be none
_PATIENCE = 60
#: a factor whose Hessian rounding may have changed by more than this part proves little: whiten the rows
_DOUBTFUL, _TRUSTED_DOUBT = 0.1, 0.5
#: norms of rows are sums of squares: rounding is far below this
_ROUNDED_NORM = 1.01
#: a move onto the constraint that may change logits by more is compared with one from the origin
_FAR = 5.0


@dataclass(frozen=True, slots=True)
class Look:
    """One evaluation within a constraint.

    Attributes
    ----------
    at : Evaluation
    tangent : Tangent
    step : ndarray of shape (n,)
        Newton's.
    nu : float
        The decrement, as computed.
    """

    at: Evaluation
    tangent: Tangent
    step: Float
    nu: float


def look(curvature: Plain | Whitened, at: Evaluation, A: Float) -> Look:
    """The step within A d = 0; raises NotPositiveDefinite."""
    tangent = Tangent(at.hessian, A, curvature.T)
    step, nu = tangent.step(at.gradient)
    return Look(at, tangent, step, nu)


def proved(objective: Objective, found: Look) -> tuple[float, float, float]:
    """Proved bounds of nu (rounding included) and R, and the bound of f - f*; inf where nothing is proved."""
    doubt = found.tangent.doubt * objective.hessian_rounding(found.at)
    if not doubt <= _TRUSTED_DOUBT:
        return math.inf, math.inf, math.inf
    inverse = found.tangent.inverse()
    growth = 1.0 / math.sqrt(1.0 - doubt)
    R = growth * objective.row_norm(inverse)
    nu = growth * (found.nu + _rounding(objective, found.at, inverse))
    if not nu * R < 1.0 and found.nu < 1.0:
        norm, _ = objective.row_norms(found.at.coef, found.tangent.half)
        R = growth * _ROUNDED_NORM * norm
    return nu, R, gap(nu, R)


def _rounding(objective: Objective, at: Evaluation, inverse: Float) -> float:
    """Bound of the rounding of the gradient in the norm of `inverse`."""
    if at.spread is None:
        return objective.gradient_rounding(at, inverse)
    refined = Refined(at.coef, at.nll, at.penalty, at.gradient, np.zeros_like(at.coef), at.spread)
    return objective.refined_rounding(refined, objective.total(inverse))


def gap(nu: float, R: float) -> float:
    """Bound of f - f*, [s + (1 - s) log(1 - s)] / R^2 with s = nu R; inf from s = 1 on, or for a nan."""
    s = nu * R
    if not s < 1.0:
        return math.inf
    if s < 1e-3:  # nu^2 (1/2 + s/6 + s^2/12 + ...)
        return 0.5 * nu * nu / (1.0 - s)
    return (s + (1.0 - s) * math.log1p(-s)) / (R * R)


@dataclass(frozen=True, slots=True)
class Constrained:
    """Where the iteration ended.

    Attributes
    ----------
    coef : ndarray of shape (n,)
        A b = c, to rounding; exactly where a row of A has one element that is not 0.
    value : float
        f, in units of the objective.
    gradient : ndarray of shape (n,)
        A'lambda at the optimum.
    multipliers : ndarray of shape (q,)
        lambda = df*/dc.
    newton_decrement : float
        Within the constraint.
    gap : float
        0 <= value - f* <= gap, proved; inf where nothing is proved, because the optimum may be at infinity.
    iterations : int
    stop : Stop
    look : Look or None
        The last evaluation; None where its Hessian could not be factored.
    curvature : Plain or Whitened
        Its coordinates.
    """

    coef: Float
    value: float
    gradient: Float
    multipliers: Float
    newton_decrement: float
    gap: float
    iterations: int
    stop: Stop
    look: Look | None
    curvature: Plain | Whitened

    @property
    def exists(self) -> bool | None:
        """True where it is proved that an optimum with finite coefficients exists; None otherwise."""
        return True if math.isfinite(self.gap) else None


def minimise(
    objective: Objective,
    A: Float,
    c: Float,
    start: Float,
    *,
    tol: float = TOL,
    max_iter: int = _MOST_STEPS,
    curvature: Plain | Whitened | None = None,
) -> Constrained:
    """Minimise f(b) subject to A b = c.

    Parameters
    ----------
    objective : Objective
    A : ndarray of shape (q, n)
        Full row rank; q may be 0.
    c : ndarray of shape (q,)
    start : ndarray of shape (n,)
        Anywhere: it is moved onto the constraint, in the metric of the Hessian there.  A bad one costs time.
    tol : float
        Newton decrement to reach, in units of the objective.
    max_iter : int
        Steps at most.
    curvature : Plain or Whitened, optional
        The coordinates to begin in.

    Returns
    -------
    Constrained

    Raises
    ------
    ValueError
        A does not have full row rank, or its shape is not that of the problem.
    DependentColumn, IllConditioned
        The columns of the design, or those that the constraint leaves, are too nearly dependent.
    """
    A, c = np.ascontiguousarray(A, np.float64), np.asarray(c, np.float64)
    if A.shape != (len(c), objective.n_params):
        raise ValueError(
            f"A must have shape ({len(c)}, {objective.n_params}), a row for each element of c and a column "
            f"for each parameter; got {A.shape}"
        )
    if len(A) and np.linalg.matrix_rank(_unit_rows(objective, A)) < len(A):
        raise ValueError(f"A must have full row rank, {len(A)}; a row is a combination of the others")
    chosen = curvature or Plain(objective)
    monitor = Monitor()
    try:
        return _newton(chosen, A, c, start, tol, max_iter, monitor)
    except IllConditioned:
        if isinstance(chosen, Whitened):
            raise
    start = start if monitor.last is None else monitor.last.coef
    return _newton(Whitened(objective), A, c, start, tol, max_iter, monitor, last=True)


def _sizes(objective: Objective) -> Float:
    """Of the columns, the largest |x_ij|, 1 where that is 0; (n,)."""
    return np.tile(np.where(objective.largest > 0.0, objective.largest, 1.0), objective.n_logits)


def _unit_rows(objective: Objective, A: Float) -> Float:
    """The rows of A for columns of equal size, as unit vectors; nothing to divide by where a row is 0."""
    scaled = A / _sizes(objective)
    length = np.abs(scaled).max(axis=1, initial=0.0)
    return np.asarray(scaled / np.where(length > 0.0, length, 1.0)[:, None])


def _newton(
    curvature: Plain | Whitened,
    A: Float,
    c: Float,
    start: Float,
    tol: float,
    max_iter: int,
    monitor: Monitor,
    *,
    last: bool = False,
) -> Constrained:
    objective = curvature.objective
    at = _on_constraint(curvature, A, c, start)
    objective.require_finite(at)
    previous = math.inf
    while True:
        found = _look_or_none(curvature, at, A)
        tangent = _damped(curvature, at, A) if found is None else found.tangent
        direction, nu = tangent.step(at.gradient) if found is None else (found.step, found.nu)
        slope = -nu * nu
        stop = stop_at(objective, at, math.nan if found is None else nu, previous, tol)
        if stop is Stop.SEPARATED and c.any():
            # a point that separates is no direction within the constraint
            stop = None
        if stop is None and monitor.iterations >= max_iter:
            stop = Stop.ITERATIONS
        if stop is None and monitor.iterations >= _PATIENCE and monitor.iterations % _PATIENCE == 0:
            exists = found is not None and math.isfinite(proved(objective, found)[2])
            stop = None if exists or objective.penalty is not None else Stop.DOUBTFUL
        moved = None
        if stop is None and slope < 0.0:
            moved = damped_step(curvature, at, direction, slope, nu, monitor)
        if moved is None:
            stop = stop or (Stop.ROUNDING if nu <= 1e-5 else Stop.STUCK)
            return _ended(curvature, at, found, tangent, nu, monitor.iterations, stop, last)
        at, previous = _pinned(curvature, moved, A, c), nu
        monitor.iterations += 1
        monitor.after("hessian", objective, at, nu)


def _ended(
    curvature: Plain | Whitened,
    at: Evaluation,
    found: Look | None,
    tangent: Tangent,
    nu: float,
    steps: int,
    stop: Stop,
    last: bool,
) -> Constrained:
    objective, bound = curvature.objective, math.inf
    if found is not None:
        doubt = tangent.doubt * objective.hessian_rounding(at)
        if doubt > _DOUBTFUL and not last and isinstance(curvature, Plain):
            raise IllConditioned
        bound = proved(objective, found)[2]
    decrement = math.nan if found is None else nu
    return Constrained(
        at.coef,
        at.value,
        at.gradient,
        tangent.multipliers(at.gradient),
        decrement,
        bound,
        steps,
        stop,
        found,
        curvature,
    )


def _look_or_none(curvature: Plain | Whitened, at: Evaluation, A: Float) -> Look | None:
    try:
        return look(curvature, at, A)
    except NotPositiveDefinite:
        return None


def _damped(curvature: Plain | Whitened, at: Evaluation, A: Float) -> Tangent:
    """The tangent of H + mu B, B >= H the bound of Boehning & Lindsay (1988), where Z'HZ is singular."""
    bound = curvature.bound()
    if isinstance(curvature, Plain):
        try:
            condition = Factor(bound).condition_number
        except NotPositiveDefinite:
            raise IllConditioned from None
        if condition > ILL_CONDITIONED:
            raise IllConditioned
    for share in DAMPING:
        try:
            return Tangent(at.hessian + share * bound, A, curvature.T)
        except NotPositiveDefinite:
            continue
    raise IllConditioned


def _on_constraint(curvature: Plain | Whitened, A: Float, c: Float, start: Float) -> Evaluation:
    """The evaluation of `start` moved onto A b = c; from the origin where that is better."""
    objective = curvature.objective
    rest = c - A @ start
    if not rest.any():
        return curvature.evaluate(start)
    begin = curvature.evaluate(start)
    objective.require_finite(begin)
    found = _look_or_none(curvature, begin, A)
    tangent = found.tangent if found is not None else _damped(curvature, begin, A)
    move = tangent.tangent @ rest
    best = _pinned(curvature, curvature.evaluate(start + move), A, c)
    if objective.reach(move) > _FAR or not math.isfinite(best.value):
        # b of the least size on the constraint, in units of the columns
        size = _sizes(objective)
        least = np.linalg.lstsq(A / size, c, rcond=None)[0] / size
        other = _pinned(curvature, curvature.evaluate(least), A, c)
        if not best.value <= other.value:
            best = other
    return best


def _pinned(curvature: Plain | Whitened, at: Evaluation, A: Float, c: Float) -> Evaluation:
    """`at`, where it is on the constraint; evaluated anew where rounding has taken it off."""
    coef = onto(A, c, at.coef)
    return at if (coef == at.coef).all() else curvature.evaluate(coef)


def onto(A: Float, c: Float, coef: Float) -> Float:
    """`coef` with those elements that a row of A fixes alone as it fixes them."""
    alone, columns = fixed_alone(A)
    if len(alone) == 0:
        return coef
    exact = c[alone] / A[alone, columns]
    if (coef[columns] == exact).all():
        return coef
    coef = coef.copy()
    coef[columns] = exact
    return coef
