"""The reference backend: every operation as its formula in NumPy, the oracle of the compiled one.

Written to be read and checked against mpmath, not to be fast; what it may not do is lose digits, so the
formulas are the stable ones.  Contract, shapes and conventions: :mod:`sigmax.kernels.interface`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.kernels.interface import Codes, Float, Pair
from sigmax.kernels.reference_group import group_rows as group_rows

BACKEND = "reference"
ISA = "numpy"
THREADED = False  # NumPy's BLAS has threads of its own; ours on top of them would fight
TILE_ROWS = sys.maxsize  # NumPy's product sums in the order its BLAS likes


def _exact_sum(terms: Float) -> Pair:
    """Sum of `terms` as (high, low): high is the rounded exact sum, low the rounded rest."""
    values = terms.ravel().tolist()
    try:
        high = math.fsum(values)
    except (OverflowError, ValueError):  # inf or nan among the terms, or a sum beyond the range
        return float(np.sum(terms)), 0.0
    if not math.isfinite(high):
        return high, 0.0
    return high, math.fsum([*values, -high])


def _expect(**shapes: tuple[npt.NDArray[Any] | None, tuple[int, ...]]) -> None:
    """Raise ValueError for the first array that is given and has another shape."""
    for name, (array, wanted) in shapes.items():
        if array is not None and array.shape != wanted:
            raise ValueError(f"{name} must have shape {wanted}; got {array.shape}")


def _weights(weight: Float | None, n: int) -> Float:
    _expect(weight=(weight, (n,)))
    return np.ones(n) if weight is None else weight


def _with_intercept(X: Float, intercept: bool) -> Float:
    return np.column_stack([np.ones(len(X)), X]) if intercept else np.asarray(X)


# -- functions of one number -------------------------------------------------------------------


def exp(x: Float, out: Float) -> None:
    _expect(out=(out, x.shape))
    with np.errstate(over="ignore", under="ignore"):
        out[...] = np.exp(x)


def expit(x: Float, out: Float) -> None:
    _expect(out=(out, x.shape))
    # t = exp(-|x|);  p = 1 / (1 + t) for x >= 0, t / (1 + t) below
    t = np.exp(-np.abs(x))
    out[...] = np.where(x >= 0, 1.0, t) / (1.0 + t)


def log_expit(x: Float, out: Float) -> None:
    _expect(out=(out, x.shape))
    out[...] = np.minimum(x, 0.0) - np.log1p(np.exp(-np.abs(x)))


def log1pexp(x: Float, out: Float) -> None:
    _expect(out=(out, x.shape))
    out[...] = np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


# -- rows of logits ----------------------------------------------------------------------------


def _two_diff(x: Float, a: Float) -> tuple[Float, Float]:
    """(d, e): x - a = d + e exactly (two-sum of Knuth 1969); e = 0 where the difference is infinite."""
    with np.errstate(invalid="ignore", over="ignore"):
        d = x - a
        back = d - x
        e = (x - (d - back)) + (-a - back)
    return d, np.where(np.isfinite(e), e, 0.0)


@dataclass(frozen=True)
class _Shifted:
    """Rows of logits after the log-sum-exp shift.

    a = max_k logit_k, at class q;  E_k = exp(logit_k - a), rounded once;  s = sum_{k != q} E_k.
    A row with nan or inf, or with -inf alone, has s = nan.
    """

    a: Float
    is_top: npt.NDArray[np.bool_]
    E: Float
    s: Float

    @property
    def p(self) -> Float:
        """p_k = E_k / (1 + s)."""
        return self.E / (1.0 + self.s)[:, None]

    @property
    def others(self) -> Float:
        """1 - p_k = s / (1 + s) for the largest logit, and 1 - p_k (p_k <= 1/2) else."""
        return np.where(self.is_top, (self.s / (1.0 + self.s))[:, None], 1.0 - self.p)


def _shift(logits: Float) -> _Shifted:
    top = np.argmax(logits, axis=1)
    a = np.take_along_axis(logits, top[:, None], axis=1)
    # the difference is kept as d + e, so that its rounding does not reach E_k = exp(d) (1 + e)
    d, e = _two_diff(logits, a)
    E = np.exp(d) * (1.0 + e)
    is_top = np.arange(logits.shape[1]) == top[:, None]
    with np.errstate(invalid="ignore"):
        not_finite = a[:, 0] - a[:, 0]  # 0, or nan
    return _Shifted(a[:, 0], is_top, E, np.where(is_top, 0.0, E).sum(axis=1) + not_finite)


def _log_p(logits: Float, rows: _Shifted) -> Float:
    """log p_k = (logit_k - a) - log1p(s), the difference kept as d + e exactly."""
    d, e = _two_diff(logits, rows.a[:, None])
    log_p: Float = d + (e - np.log1p(rows.s)[:, None])
    return log_p


def _nll(logits: Float, y: Codes, rows: _Shifted) -> Float:
    """-log p_y of each row, never -0."""
    log_p = np.take_along_axis(_log_p(logits, rows), y[:, None], axis=1)[:, 0]
    return 0.0 - log_p


def _residual(y: Codes, rows: _Shifted) -> Float:
    """p_k - [y = k]:  -(1 - p_k) for the true class, p_k else."""
    is_true = np.arange(rows.E.shape[1]) == y[:, None]
    return np.where(is_true, 0.0 - rows.others, rows.p)  # 0, never -0


def logsumexp(logits: Float, out: Float) -> None:
    _expect(out=(out, (len(logits),)))
    rows = _shift(logits)
    # an infinite maximum is the sum itself, and so is nan, which argmax takes for the largest
    out[...] = np.where(np.isfinite(rows.a), rows.a + np.log1p(rows.s), rows.a)


def softmax(logits: Float, p_out: Float) -> None:
    _expect(p_out=(p_out, logits.shape))
    p_out[...] = _shift(logits).p


def log_softmax(logits: Float, out: Float) -> None:
    _expect(out=(out, logits.shape))
    out[...] = _log_p(logits, _shift(logits))


def cross_entropy(
    logits: Float, y: Codes, gradient_out: Float | None, *, weight: Float | None = None
) -> Pair:
    _expect(y=(y, (len(logits),)), gradient_out=(gradient_out, logits.shape))
    w = _weights(weight, len(logits))
    rows = _shift(logits)
    nll = _nll(logits, y, rows)
    if gradient_out is not None:
        gradient_out[...] = w[:, None] * _residual(y, rows)
    return _exact_sum(w * nll)


# -- the linear layer --------------------------------------------------------------------------


def column_largest(X: Float, largest_out: Float) -> bool:
    _expect(largest_out=(largest_out, (X.shape[1],)))
    largest_out[...] = np.abs(X).max(axis=0, initial=0.0)
    return bool(np.isfinite(X).all())


def linear_predictor(
    X: Float, coef: Float, eta_out: Float, *, intercept: bool, offset: Float | None = None
) -> None:
    shape = (len(X), len(coef))
    _expect(
        coef=(coef, (len(coef), X.shape[1] + intercept)),
        eta_out=(eta_out, shape),
        offset=(offset, shape),
    )
    # eta = [1 X] coef' + offset
    eta = _with_intercept(X, intercept) @ coef.T
    eta_out[...] = eta if offset is None else eta + offset


def transpose_product(X: Float, residual: Float, gradient_out: Float, *, intercept: bool) -> None:
    m, k = residual.shape[1], X.shape[1] + intercept
    _expect(residual=(residual, (len(X), m)), gradient_out=(gradient_out, (m, k)))
    # gradient = residual' [1 X]
    gradient_out[...] = residual.T @ _with_intercept(X, intercept)


def weighted_gram(X: Float, curvature: Float, gram_out: Float, *, intercept: bool) -> None:
    k = X.shape[1] + intercept
    _expect(curvature=(curvature, (len(X),)), gram_out=(gram_out, (k, k)))
    # G = [1 X]' diag(h) [1 X]; averaged with its transpose: exactly symmetric
    Z = _with_intercept(X, intercept)
    G = Z.T @ (curvature[:, None] * Z)
    gram_out[...] = (G + G.T) / 2.0


def binary_rows(
    eta: Float,
    y: Codes,
    residual_out: Float,
    curvature_out: Float,
    *,
    weight: Float | None = None,
) -> Pair:
    n = len(eta)
    _expect(
        eta=(eta, (n, 1)),
        y=(y, (n,)),
        residual_out=(residual_out, (n, 1)),
        curvature_out=(curvature_out, (n, 1)),
    )
    w = _weights(weight, len(eta))
    z = eta[:, 0]
    # t = exp(-|eta|), small = t / (1 + t), big = 1 / (1 + t)
    t = np.exp(-np.abs(z))
    small, big = t / (1.0 + t), 1.0 / (1.0 + t)
    # m: the margin;  lambda = 1 - P(y);  nll = max(-m, 0) + log1p(t)
    m = np.where(y == 1, z, -z)
    lam = np.where(m >= 0, small, big)
    nll = w * (np.where(m < 0, -m, 0.0) + np.log1p(t))
    residual_out[:, 0] = w * np.where(y == 1, -lam, lam)
    curvature_out[:, 0] = w * (small * big)
    return _exact_sum(nll)


def _all_logits(eta: Float) -> Float:
    """The logits of all classes: the reference's 0 before those of the model."""
    return np.column_stack([np.zeros(len(eta)), eta])


def softmax_rows(
    eta: Float,
    y: Codes,
    residual_out: Float,
    curvature_out: Float,
    *,
    weight: Float | None = None,
) -> Pair:
    n, m = eta.shape
    _expect(y=(y, (n,)), residual_out=(residual_out, (n, m)), curvature_out=(curvature_out, (n, m, m)))
    w = _weights(weight, n)
    logits = _all_logits(eta)
    rows = _shift(logits)
    residual_out[...] = w[:, None] * _residual(y, rows)[:, 1:]
    # curvature_kl = p_k ([k = l] - p_l), for the classes 1 .. K-1
    p, others = rows.p[:, 1:], rows.others[:, 1:]
    curvature_out[...] = -(p[:, :, None] * p[:, None, :])
    k = np.arange(m)
    curvature_out[:, k, k] = p * others
    curvature_out *= w[:, None, None]
    return _exact_sum(w * _nll(logits, y, rows))


# -- one fused pass over a row block: the layers composed --------------------------------------


def _compose(
    rows: Callable[..., Pair],
    X: Float,
    y: Codes,
    coef: Float,
    gradient_out: Float | None,
    hessian_out: Float | None,
    options: dict[str, Any],
) -> Pair:
    (m, k), n = coef.shape, len(X)
    intercept, weight, offset = options["intercept"], options["weight"], options["offset"]
    _expect(
        coef=(coef, (1 if rows is binary_rows else m, X.shape[1] + intercept)),
        gradient_out=(gradient_out, (m, k)),
        hessian_out=(hessian_out, (m * k, m * k)),
    )
    eta, residual, curvature = np.empty((n, m)), np.empty((n, m)), np.empty((n, m, m))
    linear_predictor(X, coef, eta, intercept=intercept, offset=offset)
    shape = (n, 1) if rows is binary_rows else (n, m, m)
    nll = rows(eta, y, residual, curvature.reshape(shape), weight=weight)
    if gradient_out is not None:
        transpose_product(X, residual, gradient_out, intercept=intercept)
    if hessian_out is not None:
        block = np.empty((k, k))
        for a in range(m):
            for b in range(m):
                weighted_gram(X, curvature[:, a, b], block, intercept=intercept)
                hessian_out[a * k : (a + 1) * k, b * k : (b + 1) * k] = block
    return nll


def binary_pass(
    X: Float,
    y: Codes,
    coef: Float,
    gradient_out: Float | None,
    hessian_out: Float | None,
    *,
    intercept: bool,
    weight: Float | None = None,
    offset: Float | None = None,
) -> Pair:
    options = {"intercept": intercept, "weight": weight, "offset": offset}
    return _compose(binary_rows, X, y, coef, gradient_out, hessian_out, options)


def softmax_pass(
    X: Float,
    y: Codes,
    coef: Float,
    gradient_out: Float | None,
    hessian_out: Float | None,
    *,
    intercept: bool,
    weight: Float | None = None,
    offset: Float | None = None,
) -> Pair:
    options = {"intercept": intercept, "weight": weight, "offset": offset}
    return _compose(softmax_rows, X, y, coef, gradient_out, hessian_out, options)


# -- along a line, without X -------------------------------------------------------------------


def binary_line(
    eta: Float, slope: Float, y: Codes, step: float, *, weight: Float | None = None
) -> tuple[Pair, float, float]:
    _expect(eta=(eta, (len(eta), 1)), slope=(slope, eta.shape), y=(y, (len(eta),)))
    w = _weights(weight, len(eta))
    z, v = eta[:, 0], slope[:, 0]
    sign = np.where(y == 1, 1.0, -1.0)
    m, dm = sign * z, step * (sign * v)
    # M + M_low = m + dm exactly
    M = m + dm
    back = M - m
    M_low = (m - (M - back)) + (dm - back)
    # derivatives at eta + step slope: residual * slope, curvature * slope^2
    residual, curvature = np.empty((len(z), 1)), np.empty((len(z), 1))
    binary_rows((sign * M)[:, None], y, residual, curvature)
    # m >= 0: log1p(small expm1(-dm));  m < 0: -dm + log1p(small expm1(dm))
    t = np.exp(-np.abs(m))
    far = np.abs(dm) > 1.0
    grown = np.expm1(np.where(far, 0.0, np.where(m >= 0, -dm, dm)))
    near = np.where(m >= 0, 0.0, -dm) + np.log1p(t / (1.0 + t) * grown)
    # far: -dm + (log1p(exp(M)) - log1p(exp(m))) while both are negative, else the plain difference
    log1p_t, log1p_T = np.log1p(t), np.log1p(np.exp(-np.abs(M)))
    nll = np.where(m < 0, -m, 0.0) + log1p_t
    nll_moved = np.where(M < 0, -M, 0.0) + log1p_T - np.abs(residual[:, 0]) * M_low
    plain = np.where((m < 0) & (M < 0), -dm + (log1p_T - log1p_t), nll_moved - nll)
    change = np.where(far, plain, near)
    first = _exact_sum(w * (residual[:, 0] * v))[0]
    second = _exact_sum(w * (curvature[:, 0] * v**2))[0]
    return _exact_sum(w * change), first, second


def softmax_line(
    eta: Float, slope: Float, y: Codes, step: float, *, weight: Float | None = None
) -> tuple[Pair, float, float]:
    _expect(slope=(slope, eta.shape), y=(y, (len(eta),)))
    w = _weights(weight, len(eta))
    v = _all_logits(slope)
    gap = v - np.take_along_axis(v, y[:, None], axis=1)  # slope_k - slope_y, 0 for the true class
    logits, moved = _all_logits(eta), _all_logits(eta + step * slope)
    before, after = _shift(logits), _shift(moved)
    p, P = before.p, after.p
    # change = log1p(g), g = sum_{k != y} p_k expm1(d_k)
    #        = log(u), u = sum_k x_k, x_k = p_k exp(d_k) = exp((z_k - a) + d_k) / (1 + s)   where g < -1/2
    # with x_k - p_k for its term in g where p_k may underflow; and where an exponential overflows, with the
    # likeliest classes q before and Q after: (d_Q - (z_q - z_Q)) + (log1p(S) - log1p(s))
    d = step * gap
    shift, low = _two_diff(logits, before.a[:, None])
    to, to_low = _two_diff(shift, -d)
    with np.errstate(over="ignore", invalid="ignore"):
        x = np.exp(to) * (1.0 + (to_low + low)) / (1.0 + before.s)[:, None]
        g = np.where((shift < -600.0) & (d > 1.0), x - p, p * np.expm1(d)).sum(axis=1)
        u = x.sum(axis=1)
    near, below = (g >= -0.5) & (g < 2.0**500), (g < -0.5) & (u > 2.0**-1000)
    Q = np.argmax(moved, axis=1)[:, None]
    at_Q = np.take_along_axis(logits, Q, axis=1)[:, 0]
    gap_Q = np.take_along_axis(gap, Q, axis=1)[:, 0]
    change = (step * gap_Q - (before.a - at_Q)) + (np.log1p(after.s) - np.log1p(before.s))
    change[near] = np.log1p(g[near])
    change[below] = np.log(u[below])
    # first = sum_{k != y} P_k (slope_k - slope_y);  second = A - B^2 about the slope of the likeliest class
    first = (P * gap).sum(axis=1)
    v = v - np.take_along_axis(v, np.argmax(P, axis=1)[:, None], axis=1)
    second = (P * v**2).sum(axis=1) - (P * v).sum(axis=1) ** 2
    return _exact_sum(w * change), _exact_sum(w * first)[0], _exact_sum(w * second)[0]
