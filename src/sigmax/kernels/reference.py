"""The reference backend: every operation as its formula in NumPy, the oracle of the compiled one.

Written to be read and checked against mpmath, not to be fast; what it may not do is lose digits, so the
formulas are the stable ones.  Contract, shapes and conventions: :mod:`sigmax.kernels.interface`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from sigmax.kernels import reference_newton
from sigmax.kernels.interface import Codes, Float, Index, Number, Pair
from sigmax.kernels.reference_firth import firth_small
from sigmax.kernels.reference_group import group_rows
from sigmax.kernels.reference_jeffreys import binary_jeffreys, softmax_jeffreys
from sigmax.kernels.reference_refine import binary_refine, linear_predictor_dd, softmax_refine
from sigmax.kernels.reference_rows import (
    all_logits,
    binary_rows,
    exact_sum,
    expect,
    log_p_of,
    nll_of,
    residual_of,
    shifted,
    softmax_rows,
    two_diff,
    weights,
    with_intercept,
)

__all__ = [
    "BACKEND",
    "ISA",
    "THREADED",
    "TILE_ROWS",
    "binary_jeffreys",
    "binary_line",
    "binary_pass",
    "binary_refine",
    "binary_rows",
    "column_largest",
    "cross_entropy",
    "exp",
    "expit",
    "firth_small",
    "group_rows",
    "linear_predictor",
    "linear_predictor_dd",
    "log1pexp",
    "log_expit",
    "log_softmax",
    "logsumexp",
    "matrix_product",
    "newton_many",
    "softmax",
    "softmax_jeffreys",
    "softmax_line",
    "softmax_pass",
    "softmax_refine",
    "softmax_rows",
    "tanh",
    "tanh_slope",
    "transpose_product",
    "weighted_gram",
]

BACKEND = "reference"
ISA = "numpy"
THREADED = False  # NumPy's BLAS has threads of its own; ours on top of them would fight
TILE_ROWS = sys.maxsize  # NumPy's product sums in the order its BLAS likes


# -- functions of one number -------------------------------------------------------------------


def exp(x: Float, out: Float) -> None:
    expect(out=(out, x.shape))
    with np.errstate(over="ignore", under="ignore"):
        out[...] = np.exp(x)


def expit(x: Float, out: Float) -> None:
    expect(out=(out, x.shape))
    # t = exp(-|x|);  p = 1 / (1 + t) for x >= 0, t / (1 + t) below
    t = np.exp(-np.abs(x))
    out[...] = np.where(x >= 0, 1.0, t) / (1.0 + t)


def log_expit(x: Float, out: Float) -> None:
    expect(out=(out, x.shape))
    out[...] = np.minimum(x, 0.0) - np.log1p(np.exp(-np.abs(x)))


def log1pexp(x: Float, out: Float) -> None:
    expect(out=(out, x.shape))
    out[...] = np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def tanh(x: Float, out: Float) -> None:
    expect(out=(out, x.shape))
    # tanh |x| = -t / (2 + t),  t = expm1(-2 |x|);  |x| itself where the two are the same to 2^-57
    size = np.abs(x)
    t = np.expm1(-2.0 * np.minimum(size, 1e3))
    out[...] = np.copysign(np.where(size < 2.0**-28, size, -t / (2.0 + t)), x)


def tanh_slope(x: Float, out: Float) -> None:
    expect(out=(out, x.shape))
    t = np.exp(-2.0 * np.abs(x))
    out[...] = 4.0 * t / (1.0 + t) ** 2


# -- rows of logits ----------------------------------------------------------------------------


def logsumexp(logits: Float, out: Float) -> None:
    expect(out=(out, (len(logits),)))
    rows = shifted(logits)
    # an infinite maximum is the sum itself, and so is nan, which argmax takes for the largest
    out[...] = np.where(np.isfinite(rows.a), rows.a + np.log1p(rows.s), rows.a)


def softmax(logits: Float, p_out: Float) -> None:
    expect(p_out=(p_out, logits.shape))
    p_out[...] = shifted(logits).p


def log_softmax(logits: Float, out: Float) -> None:
    expect(out=(out, logits.shape))
    out[...] = log_p_of(logits, shifted(logits))


def cross_entropy(
    logits: Float, y: Codes, gradient_out: Float | None, *, weight: Float | None = None
) -> Pair:
    expect(y=(y, (len(logits),)), gradient_out=(gradient_out, logits.shape))
    w = weights(weight, len(logits))
    rows = shifted(logits)
    nll = nll_of(logits, y, rows)
    if gradient_out is not None:
        gradient_out[...] = w[:, None] * residual_of(y, rows)
    return exact_sum(w * nll)


# -- the linear layer --------------------------------------------------------------------------


def column_largest(X: Float, largest_out: Float) -> bool:
    expect(largest_out=(largest_out, (X.shape[1],)))
    largest_out[...] = np.abs(X).max(axis=0, initial=0.0)
    return bool(np.isfinite(X).all())


def linear_predictor(
    X: Float, coef: Float, eta_out: Float, *, intercept: bool, offset: Float | None = None
) -> None:
    shape = (len(X), len(coef))
    expect(
        coef=(coef, (len(coef), X.shape[1] + intercept)),
        eta_out=(eta_out, shape),
        offset=(offset, shape),
    )
    # eta = [1 X] coef' + offset
    eta = with_intercept(X, intercept) @ coef.T
    eta_out[...] = eta if offset is None else eta + offset


def transpose_product(X: Float, residual: Float, gradient_out: Float, *, intercept: bool) -> None:
    m, k = residual.shape[1], X.shape[1] + intercept
    expect(residual=(residual, (len(X), m)), gradient_out=(gradient_out, (m, k)))
    # gradient = residual' [1 X]
    gradient_out[...] = residual.T @ with_intercept(X, intercept)


def matrix_product(A: Float, B: Float, out: Float, *, bias: Float | None = None) -> None:
    m = B.shape[1]
    expect(B=(B, (A.shape[1], m)), bias=(bias, (m,)), out=(out, (len(A), m)))
    # out = A B + bias
    product = A @ B
    out[...] = product if bias is None else product + bias


def weighted_gram(X: Float, curvature: Float, gram_out: Float, *, intercept: bool) -> None:
    k = X.shape[1] + intercept
    expect(curvature=(curvature, (len(X),)), gram_out=(gram_out, (k, k)))
    # G = [1 X]' diag(h) [1 X]; averaged with its transpose: exactly symmetric
    Z = with_intercept(X, intercept)
    G = Z.T @ (curvature[:, None] * Z)
    gram_out[...] = (G + G.T) / 2.0


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
    expect(
        coef=(coef, (1 if rows is binary_rows else m, X.shape[1] + intercept)),
        gradient_out=(gradient_out, (m, k)),
        hessian_out=(hessian_out, (m * k, m * k)),
    )
    eta, residual, curvature = np.empty((n, m)), np.empty((n, m)), np.empty((n, m, m))
    with np.errstate(invalid="ignore", over="ignore"):  # X may hold nan or inf: so do the results then
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
    expect(eta=(eta, (len(eta), 1)), slope=(slope, eta.shape), y=(y, (len(eta),)))
    w = weights(weight, len(eta))
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
    first = exact_sum(w * (residual[:, 0] * v))[0]
    second = exact_sum(w * (curvature[:, 0] * v**2))[0]
    return exact_sum(w * change), first, second


def softmax_line(
    eta: Float, slope: Float, y: Codes, step: float, *, weight: Float | None = None
) -> tuple[Pair, float, float]:
    expect(slope=(slope, eta.shape), y=(y, (len(eta),)))
    w = weights(weight, len(eta))
    v = all_logits(slope)
    gap = v - np.take_along_axis(v, y[:, None], axis=1)  # slope_k - slope_y, 0 for the true class
    logits, moved = all_logits(eta), all_logits(eta + step * slope)
    before, after = shifted(logits), shifted(moved)
    p, P = before.p, after.p
    # change = log1p(g), g = sum_{k != y} p_k expm1(d_k)
    #        = log(u), u = sum_k x_k, x_k = p_k exp(d_k) = exp((z_k - a) + d_k) / (1 + s)   where g < -1/2
    # with x_k - p_k for its term in g where p_k may underflow; and where an exponential overflows, with the
    # likeliest classes q before and Q after: (d_Q - (z_q - z_Q)) + (log1p(S) - log1p(s))
    d = step * gap
    shift, low = two_diff(logits, before.a[:, None])
    to, to_low = two_diff(shift, -d)
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
    return exact_sum(w * change), exact_sum(w * first)[0], exact_sum(w * second)[0]


# -- whole small fits: the layers above, handed to the solver -----------------------------------


def newton_many(
    X: Float,
    y: Codes,
    coef_out: Float,
    numbers_out: Float,
    status_out: Codes,
    *,
    intercept: bool,
    tol: float,
    max_iter: int,
    starts: Index | None = None,
    weight: Float | None = None,
    offset: Float | None = None,
    l2: Float | None = None,
    start: Float | None = None,
    gradient_out: Float | None = None,
    hessian_out: Float | None = None,
    inverse_out: Float | None = None,
) -> None:
    (B, m, k), n = coef_out.shape, len(X)
    expect(
        coef_out=(coef_out, (B, m, X.shape[1] + intercept)),
        y=(y, (n,)),
        numbers_out=(numbers_out, (B, len(Number))),
        status_out=(status_out, (B,)),
        starts=(starts, (B + 1,)),
        weight=(weight, (B if weight is None or len(weight) != 1 else 1, n)),
        offset=(offset, (n, m)),
        l2=(l2, (B,)),
        start=(start, (B, m, k)),
        gradient_out=(gradient_out, (B, m * k)),
        hessian_out=(hessian_out, (B, m * k, m * k)),
        inverse_out=(inverse_out, (B, m * k, m * k)),
    )
    if m < 1 or k < 1:
        raise ValueError(f"coef_out must have a coefficient for each problem; got {m} logits of {k}")
    reference_newton.expect_starts(starts, n)
    binary = m == 1
    layers = reference_newton.Layers(
        fused_pass=binary_pass if binary else softmax_pass,
        predict=linear_predictor,
        line=binary_line if binary else softmax_line,
        intercept=intercept,
    )
    for b in range(B):
        rows = slice(None) if starts is None else slice(starts[b], starts[b + 1])
        answer = reference_newton.solve(
            layers,
            X[rows],
            y[rows],
            None if weight is None else weight[b if len(weight) == B else 0, rows],
            None if offset is None else offset[rows],
            (m, k),
            l2=0.0 if l2 is None else float(l2[b]),
            start=None if start is None else start[b],
            tol=tol,
            max_iter=max_iter,
        )
        status_out[b], coef_out[b], numbers_out[b] = answer.status, answer.coef, answer.numbers
        if gradient_out is not None:
            gradient_out[b] = answer.gradient
        if hessian_out is not None:
            hessian_out[b] = answer.hessian
        if inverse_out is not None:
            inverse_out[b] = answer.inverse
