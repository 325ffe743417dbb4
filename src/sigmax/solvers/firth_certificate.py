"""What is proved of Firth's estimates, and what is not.

Existence is a theorem: with a design of full column rank l* has a finite maximum, separated classes or not
(Kosmidis & Firth, Biometrika 108, 2021).  l* is not concave in general, so that a point where the score is
zero is one maximum of perhaps several; that it is the largest is not proved.  What is proved is that near
the estimate there is exactly one, and how far it is.  With q_i(c) = ||(e_c - p_i) (x) x_i||^2 in I^-1, and
for every direction s,

    d^2/ds^2 1/2 log det I = 1/2 tr(I^-1 I_ss) - 1/2 tr((I^-1 I_s)^2) <= 1/2 kappa s'I s,   kappa = max_i,c
    q_i(c)

for the second term is not negative before its sign, and the fourth cumulants in the first are
E[q(Y) (s_Y - E s_Y)^2] less terms that are not negative.  So -l* has a Hessian of at least (1 - kappa / 2) I.
Within r of the estimate, in the norm of I, logits of a row move against each other by at most D = R r, R = 2
sqrt(kappa): I changes by a factor of e^D at most (objective/bounds.py), p by D in sum, and kappa to kappa_r
<= e^D (sqrt(kappa) + D R)^2. Hence

    mu = e^-D (1 - kappa_r / 2) > 0  and  nu < mu r

prove one maximum within r, and no other point with U* = 0 there,
where nu is the norm of the score and of its rounding.  Where kappa is 2 or more (a row that alone decides a
parameter) one more read finds the first trace itself, M (objective/jeffreys.py), and lambda, the largest
eigenvalue of I^-1 M.  Its terms are products of variances and of q, each at most kappa times the row's s'V
s; for D <= 0.01 they change by at most 20 D kappa s'V s in all (p by e^D, norms by e^(D/2), means by e^D -
1 deviations, each at most 1.1 times its first order), so that

    mu = e^-D - lambda - 10 D kappa

What a computed lambda may be off by is covered by a thousandth.  Where lambda comes near 1 nothing is proved;
the score is zero all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sigmax.kernels import Float
from sigmax.objective.jeffreys import prior_curvature
from sigmax.solvers.certificate import Certificate, digits_of
from sigmax.solvers.factor import Factor
from sigmax.solvers.firth import SCORE, Ascent, Penalised, Point
from sigmax.solvers.small import Known
from sigmax.solvers.solution import Stop

_U = 2.0**-53
#: roundings in a leverage and in what is made of it
_ROUNDINGS = 32
#: doubt of I, and drift of the logits, up to which lambda proves something; what it may be off by
_SMALL_DOUBT, _SMALL_DRIFT, _MARGIN = 1e-4, 0.01, 1e-3
#: the iteration ended at rounding where the score is within this of what rounding explains
_EXPLAINED = 4.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is proved of the distance, as in :class:`FirthCertificate`."""

    error_bound: Float
    standard_errors_off: float
    digits: float
    condition_number: float


class FirthCertificate(Certificate):
    """A certificate of a maximum of the penalised likelihood.

    Attributes
    ----------
    converged : bool
        The penalised score is zero to 1e-10; or to its rounding, and a maximum is proved to be near.
    exists : bool
        True: the estimates of a design of full rank always do.
    newton_decrement : float
        Norm of the penalised score in the inverse information: the distance in standard errors to first
        order.
    error_bound, standard_errors_off, digits
        Proved distance to a maximum of the penalised likelihood, the only one within that distance; inf and 0
        where nothing is proved.
    condition_number, iterations, passes, reason
        As in :class:`sigmax.solvers.certificate.Certificate`.
    score : float
        The largest element of the penalised score.

    Notes ----- The bounds of a small fit are computed when they are first read: they need no data, and take
    as long as a fifth of the fit.
    """

    __slots__ = ("_bounds", "score")

    _bounds: Bounds | Callable[[], Bounds]
    score: float

    def __init__(
        self,
        *,
        converged: bool,
        newton_decrement: float,
        iterations: int,
        passes: float,
        reason: str,
        score: float,
        bounds: Bounds | Callable[[], Bounds],
    ) -> None:
        for name, value in (
            ("converged", converged),
            ("exists", True),
            ("newton_decrement", newton_decrement),
            ("iterations", iterations),
            ("passes", passes),
            ("reason", reason),
            ("score", score),
            ("_bounds", bounds),
        ):
            object.__setattr__(self, name, value)

    @property
    def bounds(self) -> Bounds:
        """The proved bounds, computed once."""
        if not isinstance(self._bounds, Bounds):
            object.__setattr__(self, "_bounds", self._bounds())
        assert isinstance(self._bounds, Bounds)
        return self._bounds

    @property
    def error_bound(self) -> Float:
        """Proved bound of |parameter - maximum|, shape of the parameters."""
        return self.bounds.error_bound

    @property
    def standard_errors_off(self) -> float:
        """The same in standard errors."""
        return self.bounds.standard_errors_off

    @property
    def digits(self) -> float:
        """Decimal digits that are proved correct in the worst parameter."""
        return self.bounds.digits

    @property
    def condition_number(self) -> float:
        """Of the weighted design with columns scaled."""
        return self.bounds.condition_number

    def of(self, params: Float, error_bound: Float, *, passes: float = 0.0) -> FirthCertificate:
        """As in :meth:`sigmax.solvers.certificate.Certificate.of`."""
        some = ~np.isnan(params)
        digits = digits_of(params[some], error_bound[some]) if some.any() else 0.0
        bounds = replace(self.bounds, error_bound=error_bound, digits=digits)
        state = {name: getattr(self, name) for name in _STATE}
        return FirthCertificate(**{**state, "passes": self.passes + passes, "bounds": bounds})

    def __reduce__(self) -> tuple[object, ...]:
        state = {name: getattr(self, name) for name in _STATE}
        return _again, ({**state, "bounds": self.bounds},)

    def __str__(self) -> str:
        steps = f"{self.iterations} step" + ("" if self.iterations == 1 else "s")
        effort = f"{steps}, {self.passes:.3g} reads of the data"
        if not self.converged:
            return f"NOT converged: {self.reason}; the penalised score is {self.score:.1e}; {effort}"
        proved = "that it is a maximum is not proved"
        if math.isfinite(self.standard_errors_off):
            digits = f" (at least {math.floor(self.digits)} digits)" if self.digits >= 1.0 else ""
            proved = (
                "every estimate is proved to lie within "
                f"{self.standard_errors_off:.1e} standard errors of a maximum{digits}"
            )
        return f"converged: the penalised score is zero to {self.score:.1e}; {proved}; {effort}"


_STATE = ("converged", "newton_decrement", "iterations", "passes", "reason", "score")


def _again(state: dict[str, Any]) -> FirthCertificate:
    return FirthCertificate(**state)


def certify_firth(penalised: Penalised, ascent: Ascent) -> FirthCertificate:
    """The certificate of an ascent; no read of the rows where max |x_ij| is known."""
    objective, point = penalised.objective, ascent.point
    score = penalised.true_score(point, slice(None))
    done = ascent.stop is Stop.TOLERANCE
    if ascent.stop is Stop.ROUNDING:
        unit = math.sqrt(objective.response.scale)
        explained = _EXPLAINED * unit * _rounding(penalised, point, point.factor.inverse())
        # what rounding explains counts where it is proved that a maximum is near
        done = score <= SCORE
        if not done and ascent.decrement <= explained:
            done = math.isfinite(_bounds(penalised, point, ascent.decrement).standard_errors_off)

    def bounds() -> Bounds:
        return _bounds(penalised, point, ascent.decrement)

    return FirthCertificate(
        converged=done,
        newton_decrement=ascent.decrement,
        iterations=ascent.steps,
        passes=objective.rows_read / objective.n_rows,
        reason=ascent.stop.value,
        score=score,
        bounds=bounds if isinstance(point.factor, Known) else bounds(),
    )


def _bounds(penalised: Penalised, point: Point, decrement: float) -> Bounds:
    objective, factor = penalised.objective, point.factor
    unit, inverse, m = math.sqrt(objective.response.scale), factor.inverse(), objective.n_logits
    rounding = _rounding(penalised, point, inverse)
    doubt = factor.doubt * objective.hessian_rounding(point.at)
    r, bound = math.inf, np.full(point.coef.shape, np.inf)
    if doubt < 0.5:  # norms of the true information: by a factor of growth at most
        growth = 1.0 / math.sqrt(1.0 - doubt)
        r = radius(growth * (decrement / unit + rounding), growth**2 * point.largest, penalised.share)
        if math.isinf(r) and doubt < _SMALL_DOUBT and isinstance(factor, Factor):
            root = factor.root()
            M = penalised.share * prior_curvature(objective, point.coef, root)
            largest = float(np.linalg.eigvalsh(root.T @ M @ root)[-1]) + _MARGIN
            r = radius_of(growth * (decrement / unit + rounding), largest, point.largest, penalised.share)
        if math.isfinite(r):
            bound = growth * r * np.sqrt(inverse.diagonal()) + _U * np.abs(point.coef)
    digits = digits_of(point.coef, bound)
    shaped = bound if m == 1 else bound.reshape(m, -1)
    return Bounds(shaped, r * unit, digits, factor.condition_number)


def radius(nu: float, kappa: float, share: float = 1.0) -> float:
    """The least r, about, with nu < mu(r) r; inf where there is none.

    `kappa` is times `share`: R^2 = 4 kappa / share in the norm of the same information.
    """
    if not (kappa < 2.0 and math.isfinite(nu)):
        return math.inf
    if nu == 0.0:
        return 0.0
    R, root = 2.0 * math.sqrt(kappa / share), math.sqrt(kappa)
    r = nu / (1.0 - 0.5 * kappa)
    for _ in range(60):
        D = R * r
        if D > 1.0:
            return math.inf
        mu = math.exp(-D) * (1.0 - 0.5 * math.exp(D) * (root * (1.0 + 2.0 * D)) ** 2)
        if nu < mu * r:
            return r
        if mu <= 0.0:
            return math.inf
        r = 1.01 * max(r, nu / mu)
    return math.inf


def radius_of(nu: float, largest: float, kappa: float, share: float = 1.0) -> float:
    """As :func:`radius`, given the largest eigenvalue lambda of I^-1 M."""
    if not (largest < 1.0 and math.isfinite(nu) and math.isfinite(kappa)):
        return math.inf
    R = 2.0 * math.sqrt(kappa / share)
    r = nu / (1.0 - max(largest, 0.0))
    for _ in range(60):
        D = R * r
        mu = math.exp(-D) - max(largest, 0.0) - 10.0 * D * kappa
        if D > _SMALL_DRIFT or mu <= 0.0:
            return math.inf
        if nu <= mu * r:
            return r
        r = 1.01 * max(r, nu / mu)
    return math.inf


def _rounding(penalised: Penalised, point: Point, inverse: Float) -> float:
    """Bound of the rounding of the score in the norm of I^-1, to first order in u.

    The gradient of the NLL: objective/bounds.py.  c: leverages h_i add up to m k, |t_i| <= h_i / 2, and
    each is off by a few u and by (m k) u times the condition number of I at most, the square of that of the
    design.
    """
    objective = penalised.objective
    total = objective.total(inverse)
    nll = objective.flat_rounding(point.at, total)
    P, n = objective.n_params, min(objective.block_rows, objective.n_rows)
    condition = point.factor.condition_number
    relative = (_ROUNDINGS + 2.0 * P * condition**2 + min(objective.kernels.TILE_ROWS, n) + n / 128.0) * _U
    # 1/2 share P times R, of x_i in I^-1
    return nll + 0.5 * penalised.share * P * relative * math.sqrt(total)
