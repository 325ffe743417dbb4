"""A whole small fit by Firth's bias reduction in NumPy: the rules of ext/solvers/sx_firth.h, which says why.

A model of the leverages, h_i ~ k w_i v_i Q_i / sum_l w_l v_l Q_l with Q of the last point, is solved by
quasi-Newton steps; at the point where that ends the leverages are computed anew, and A learns what the model
missed.
"""

from __future__ import annotations

import numpy as np

from sigmax.kernels.interface import Codes, FirthNumber, Float, Status
from sigmax.kernels.reference_rows import binary_of, exact_sum, expect, weights, with_intercept

_POINTS, _BETWEEN, _SOLVED = 30, 8, 1e-3
#: a pivot of the equilibrated matrix below this times the order is rounding
_PIVOT = 16.0 * 2.0**-53


class _Rows:
    """Residual, curvature and w v (1/2 - p) of the rows at a point."""

    def __init__(self, rows: Float, y: Codes, w: Float, offset: Float | None, coef: Float) -> None:
        eta = rows @ coef
        if offset is not None:
            eta = eta + offset[:, 0]
        nll, residual, curvature = binary_of(eta, y)
        t = np.exp(-np.abs(eta))
        gap = 0.5 * (1.0 / (1.0 + t) - t / (1.0 + t))
        self.nll, self.residual, self.curvature = w * nll, w * residual, w * curvature
        self.third = self.curvature * np.where(eta >= 0.0, -gap, gap)
        self.big = 0.5 + gap


def _factor(H: Float) -> tuple[Float, Float] | None:
    """T with T T' = H^-1, upper triangular, and the diagonal of the Cholesky factor; None where singular."""
    diagonal = H.diagonal()
    if not (np.isfinite(H).all() and (diagonal > 0.0).all()):
        return None
    scale = np.ldexp(1.0, np.frexp(np.sqrt(diagonal))[1])
    C = H / scale / scale[:, None]
    try:
        L = np.linalg.cholesky(C)
    except np.linalg.LinAlgError:
        return None
    if (L.diagonal() ** 2 <= _PIVOT * len(L) * C.diagonal()).any():
        return None
    T = np.triu(np.linalg.inv(L).T) / scale[:, None]
    return T, np.asarray(L.diagonal() * scale, dtype=np.float64)


def firth_small(
    X: Float,
    y: Codes,
    coef_out: Float,
    numbers_out: Float,
    vectors_out: Float,
    hessian_out: Float,
    inverse_out: Float,
    *,
    intercept: bool,
    tol: float,
    score: float,
    share: float,
    weight: Float | None = None,
    offset: Float | None = None,
    start: Float | None = None,
) -> int:
    n, k = len(X), X.shape[1] + intercept
    if k < 1:
        raise ValueError("a fit needs a coefficient; got none")
    expect(
        y=(y, (n,)),
        coef_out=(coef_out, (k,)),
        numbers_out=(numbers_out, (len(FirthNumber),)),
        vectors_out=(vectors_out, (4, k)),
        hessian_out=(hessian_out, (k, k)),
        inverse_out=(inverse_out, (k, k)),
        offset=(offset, (n, 1)),
        start=(start, (k,)),
    )
    w, Z = weights(weight, n), with_intercept(X, intercept)
    coef = np.zeros(k) if start is None else start.copy()
    last, Q, A, nu, points, reads = coef, np.ones(n), np.zeros((k, k)), np.inf, 0, 2
    for out in (numbers_out, coef_out, vectors_out, hessian_out, inverse_out):
        out[...] = np.nan

    def at(b: Float) -> _Rows:
        return _Rows(Z, y, w, offset, b)

    def model(b: Float) -> Float:
        state = at(b)
        with np.errstate(divide="ignore", invalid="ignore"):  # rows that are all far out: nan ends the fit
            pull = share * k / (state.curvature @ Q) * (Q * state.third)
        modelled: Float = Z.T @ (pull - state.residual) + A @ (b - last)
        return modelled

    now = at(coef)
    found = _factor(Z.T @ (now.curvature[:, None] * Z))
    if found is not None:
        g = model(coef)
        while True:
            metric = found[0] @ found[0].T
            coef, g, used = _solve(model, coef, g, metric)
            reads += used
            now = at(coef)
            H = Z.T @ (now.curvature[:, None] * Z)
            found = _factor(H)
            if found is None:
                break
            Q = ((Z @ found[0]) ** 2).sum(axis=1)
            gradient, pull = Z.T @ now.residual, share * (Z.T @ (Q * now.third))
            points, reads = points + 1, reads + 2
            real, inverse = pull - gradient, found[0] @ found[0].T
            before, nu = nu, float(np.sqrt(max(real @ inverse @ real, 0.0)))
            if nu <= tol and float(np.abs(real).max()) <= score:
                coef_out[:], hessian_out[...], inverse_out[...] = coef, H, 0.5 * (inverse + inverse.T)
                vectors_out[...] = gradient, pull, found[1], np.abs(Z).max(axis=0)
                numbers_out[FirthNumber.NLL_HIGH], numbers_out[FirthNumber.NLL_LOW] = exact_sum(now.nll)
                numbers_out[FirthNumber.DECREMENT] = nu
                numbers_out[FirthNumber.LARGEST] = share * np.where(w > 0.0, now.big**2 * Q, 0.0).max()
                root = np.sqrt(H.diagonal())
                C, C_inverse = H / root / root[:, None], inverse * root * root[:, None]
                numbers_out[FirthNumber.CONDITION] = np.sqrt(
                    np.abs(C).sum(axis=0).max() * np.abs(C_inverse).sum(axis=0).max()
                )
                numbers_out[FirthNumber.STEPS], numbers_out[FirthNumber.READS] = points, reads + 1
                return Status.TOLERANCE
            if not nu <= 0.5 * before or points == _POINTS:
                break
            if points > 1:
                missed, step = real - g, coef - last
                along = float(missed @ step)
                if along * along > 1e-16 * float(missed @ missed) * float(step @ step):
                    A = A + np.outer(missed, missed / along)
            last, g = coef, real
    numbers_out[FirthNumber.STEPS], numbers_out[FirthNumber.READS] = points, reads
    return Status.HAND_OVER


def _solve(model: object, coef: Float, g: Float, metric: Float) -> tuple[Float, Float, int]:
    """Where the model's score is a thousandth of `g`, its score `g` at `coef`; and the reads that took."""
    assert callable(model)
    first, k = float(g @ metric @ g), len(coef)
    H, used = metric, 0
    while used < _BETWEEN:
        step = H @ g
        if not float(g @ step) > _SOLVED**2 * first:
            break
        coef = coef + step
        after = model(coef)
        change, used = g - after, used + 1
        g = after
        along = float(step @ change)
        if not along > 0.0:
            break
        V = np.eye(k) - np.outer(step, change) / along
        H = V @ H @ V.T + np.outer(step, step) / along
    return coef, g, used
