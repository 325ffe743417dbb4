"""The reference backend in double-double: logits, and one pass for the refinement of an optimum.

A value is held as an unevaluated sum high + low.  Products are exact (Veltkamp 1968, Dekker 1971), sums over
columns are those of Ogita, Rump & Oishi (SIAM J. Sci. Comput. 26, 2005), sums over rows exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from sigmax.kernels.interface import Codes, Float, Pair
from sigmax.kernels.pair import two_sum
from sigmax.kernels.reference_rows import (
    all_logits,
    binary_of,
    exact_sum,
    expect,
    log_p_of,
    nll_of,
    residual_of,
    shifted,
    weights,
    with_intercept,
)

#: of eta (n, m), low (n, m), y: nll (n,), residual (n, m), spread (n,), without weights
_Rows: TypeAlias = Callable[[Float, Float, Codes], tuple[Float, Float, Float]]


def _split(a: Float) -> tuple[Float, Float]:
    """a = high + low exactly, both of 26 bits; |a| < 2^996."""
    c = 134217729.0 * a  # 2^27 + 1
    high = c - (c - a)
    return high, a - high


def _two_prod(a: Float, b: Float) -> tuple[Float, Float]:
    """(p, e): a b = p + e exactly, p = fl(a b), while nothing underflows; e = 0 where a split overflows."""
    p = a * b
    (a_high, a_low), (b_high, b_low) = _split(a), _split(b)
    e = ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low
    return p, np.where(np.isfinite(e), e, 0.0)


def _rounded(high: Float, low: Float) -> tuple[Float, Float]:
    """high + low as its rounded value and the rest, which is 0 where the value is not finite."""
    value, rest = two_sum(high, np.where(np.isfinite(high), low, 0.0))
    return value, np.where(np.isfinite(value), rest, 0.0)


def _predictor(
    X: Float, coef: Float, coef_low: Float | None, offset: Float | None, intercept: bool
) -> tuple[Float, Float]:
    """eta, low of shape (n, m): eta + low = [1 X] (coef + coef_low)' + offset."""
    Z, low_of_coef = with_intercept(X, intercept), np.zeros_like(coef) if coef_low is None else coef_low
    high, low = np.zeros((len(X), len(coef))), np.zeros((len(X), len(coef)))
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        for column, b, b_low in zip(Z.T, coef.T, low_of_coef.T, strict=True):
            x = column[:, None]
            p, e = _two_prod(x, b)
            high, t = two_sum(high, p)
            low = low + (t + (e + x * b_low))
        if offset is not None:
            high, t = two_sum(high, offset)
            low = low + t
        return _rounded(high, low)


def linear_predictor_dd(
    X: Float,
    coef: Float,
    coef_low: Float | None,
    eta_out: Float,
    eta_low_out: Float | None,
    *,
    intercept: bool,
    offset: Float | None = None,
) -> None:
    shape = (len(X), len(coef))
    expect(
        coef=(coef, (len(coef), X.shape[1] + intercept)),
        coef_low=(coef_low, coef.shape),
        eta_out=(eta_out, shape),
        eta_low_out=(eta_low_out, shape),
        offset=(offset, shape),
    )
    eta, low = _predictor(X, coef, coef_low, offset, intercept)
    eta_out[...] = eta
    if eta_low_out is not None:
        eta_low_out[...] = low


def _binary(eta: Float, low: Float, y: Codes) -> tuple[Float, Float, Float]:
    nll, residual, curvature = binary_of(eta[:, 0], y)
    spread = np.exp(np.where(y == 1, -eta[:, 0], eta[:, 0]))  # lambda / (1 - lambda) = exp(-m)
    moved = residual + curvature * low[:, 0]
    return nll + residual * low[:, 0], moved[:, None], spread


def _softmax(eta: Float, low: Float, y: Codes) -> tuple[Float, Float, Float]:
    logits = all_logits(eta)
    rows = shifted(logits)
    # low words relative to that of the likeliest class, of which p may round to 1
    low = all_logits(low)
    low = low - np.where(rows.is_top, low, 0.0).sum(axis=1, keepdims=True)
    mean = (rows.p * low).sum(axis=1, keepdims=True)
    low_y = np.take_along_axis(low, y[:, None], axis=1)
    nll = nll_of(logits, y, rows) + (mean - low_y)[:, 0]
    residual = residual_of(y, rows) + rows.p * (low - mean)
    return nll, residual[:, 1:], _softmax_spread(log_p_of(logits, rows), y)


def _softmax_spread(log_p: Float, y: Codes) -> Float:
    """Spread of each row; in logarithms, so that nothing underflows on the way."""
    # R = sum of p_k over k other than 0 and y
    k = np.arange(log_p.shape[1])
    others = np.where((k > 0) & (k != y[:, None]), log_p, -np.inf)
    log_R = np.logaddexp.reduce(others, axis=1)
    log_p0, log_py = log_p[:, 0], np.take_along_axis(log_p, y[:, None], axis=1)[:, 0]
    # y = 0: R / p_0;  else R + (p_0 + R)^2 / p_y + (p_0 + 2 R)^2 / p_0
    once, twice = np.logaddexp(log_p0, log_R), np.logaddexp(log_p0, log_R + math.log(2.0))
    other = np.exp(log_R) + np.exp(2.0 * once - log_py) + np.exp(2.0 * twice - log_p0)
    spread: Float = np.where(y == 0, np.exp(log_R - log_p0), other)
    return spread


def _refine(
    rows: _Rows,
    X: Float,
    y: Codes,
    coef: Float,
    coef_low: Float | None,
    gradient_out: Float,
    gradient_low_out: Float,
    largest_out: Float | None,
    *,
    intercept: bool,
    weight: Float | None,
    offset: Float | None,
) -> tuple[Pair, float]:
    n, p = X.shape
    m = 1 if rows is _binary else len(coef)
    expect(
        coef=(coef, (m, p + intercept)),
        coef_low=(coef_low, coef.shape),
        y=(y, (n,)),
        gradient_out=(gradient_out, coef.shape),
        gradient_low_out=(gradient_low_out, coef.shape),
        largest_out=(largest_out, (p,)),
        offset=(offset, (n, m)),
    )
    w = weights(weight, n)
    eta, low = _predictor(X, coef, coef_low, offset, intercept)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        nll, residual, spread = rows(eta, low, y)
        residual = w[:, None] * residual
        for j, column in enumerate(with_intercept(X, intercept).T):
            for k in range(m):
                terms = np.concatenate(_two_prod(column, residual[:, k]))
                gradient_out[k, j], gradient_low_out[k, j] = exact_sum(terms)
        if largest_out is not None:
            largest_out[...] = np.abs(X).max(axis=0, initial=0.0)
        return exact_sum(w * nll), exact_sum(np.where(w == 0.0, 0.0, w * spread))[0]


def binary_refine(
    X: Float,
    y: Codes,
    coef: Float,
    coef_low: Float | None,
    gradient_out: Float,
    gradient_low_out: Float,
    largest_out: Float | None,
    *,
    intercept: bool,
    weight: Float | None = None,
    offset: Float | None = None,
) -> tuple[Pair, float]:
    outputs = (gradient_out, gradient_low_out, largest_out)
    return _refine(_binary, X, y, coef, coef_low, *outputs, intercept=intercept, weight=weight, offset=offset)


def softmax_refine(
    X: Float,
    y: Codes,
    coef: Float,
    coef_low: Float | None,
    gradient_out: Float,
    gradient_low_out: Float,
    largest_out: Float | None,
    *,
    intercept: bool,
    weight: Float | None = None,
    offset: Float | None = None,
) -> tuple[Pair, float]:
    outputs = (gradient_out, gradient_low_out, largest_out)
    return _refine(
        _softmax, X, y, coef, coef_low, *outputs, intercept=intercept, weight=weight, offset=offset
    )
