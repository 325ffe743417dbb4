"""Words of the reference backend: exact sums, checks of shape, rows of logits, rows of the two models.

:mod:`sigmax.kernels.reference` and :mod:`sigmax.kernels.reference_refine` are written in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.kernels.interface import Codes, Float, Pair


def exact_sum(terms: Float) -> Pair:
    """Sum of `terms` as (high, low): high is the rounded exact sum, low the rounded rest."""
    values = terms.ravel().tolist()
    try:
        high = math.fsum(values)
    except (OverflowError, ValueError):  # inf or nan among the terms, or a sum beyond the range
        return float(np.sum(terms)), 0.0
    if not math.isfinite(high):
        return high, 0.0
    return high, math.fsum([*values, -high])


def expect(**shapes: tuple[npt.NDArray[Any] | None, tuple[int, ...]]) -> None:
    """Raise ValueError for the first array that is given and has another shape."""
    for name, (array, wanted) in shapes.items():
        if array is not None and array.shape != wanted:
            raise ValueError(f"{name} must have shape {wanted}; got {array.shape}")


def weights(weight: Float | None, n: int) -> Float:
    """The weights, or ones."""
    expect(weight=(weight, (n,)))
    return np.ones(n) if weight is None else weight


def with_intercept(X: Float, intercept: bool) -> Float:
    """[1 X], or X."""
    return np.column_stack([np.ones(len(X)), X]) if intercept else np.asarray(X)


# -- rows of logits ----------------------------------------------------------------------------


def two_diff(x: Float, a: Float) -> tuple[Float, Float]:
    """(d, e): x - a = d + e exactly (two-sum of Knuth 1969); e = 0 where the difference is infinite."""
    with np.errstate(invalid="ignore", over="ignore"):
        d = x - a
        back = d - x
        e = (x - (d - back)) + (-a - back)
    return d, np.where(np.isfinite(e), e, 0.0)


@dataclass(frozen=True)
class Shifted:
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


def shifted(logits: Float) -> Shifted:
    """Rows of logits less their largest."""
    top = np.argmax(logits, axis=1)
    a = np.take_along_axis(logits, top[:, None], axis=1)
    # the difference is kept as d + e, so that its rounding does not reach E_k = exp(d) (1 + e)
    d, e = two_diff(logits, a)
    E = np.exp(d) * (1.0 + e)
    is_top = np.arange(logits.shape[1]) == top[:, None]
    with np.errstate(invalid="ignore"):
        not_finite = a[:, 0] - a[:, 0]  # 0, or nan
    return Shifted(a[:, 0], is_top, E, np.where(is_top, 0.0, E).sum(axis=1) + not_finite)


def log_p_of(logits: Float, rows: Shifted) -> Float:
    """log p_k = (logit_k - a) - log1p(s), the difference kept as d + e exactly."""
    d, e = two_diff(logits, rows.a[:, None])
    log_p: Float = d + (e - np.log1p(rows.s)[:, None])
    return log_p


def nll_of(logits: Float, y: Codes, rows: Shifted) -> Float:
    """-log p_y of each row, never -0."""
    log_p = np.take_along_axis(log_p_of(logits, rows), y[:, None], axis=1)[:, 0]
    return 0.0 - log_p


def residual_of(y: Codes, rows: Shifted) -> Float:
    """p_k - [y = k]:  -(1 - p_k) for the true class, p_k else."""
    is_true = np.arange(rows.E.shape[1]) == y[:, None]
    return np.where(is_true, 0.0 - rows.others, rows.p)  # 0, never -0


# -- rows of a model ---------------------------------------------------------------------------


def binary_of(z: Float, y: Codes) -> tuple[Float, Float, Float]:
    """NLL, residual and curvature of each row, (n,), without weights."""
    # t = exp(-|eta|), small = t / (1 + t), big = 1 / (1 + t)
    t = np.exp(-np.abs(z))
    small, big = t / (1.0 + t), 1.0 / (1.0 + t)
    # m: the margin;  lambda = 1 - P(y);  nll = max(-m, 0) + log1p(t)
    m = np.where(y == 1, z, -z)
    lam = np.where(m >= 0, small, big)
    nll = np.where(m < 0, -m, 0.0) + np.log1p(t)
    return nll, np.where(y == 1, -lam, lam), small * big


def binary_rows(
    eta: Float,
    y: Codes,
    residual_out: Float,
    curvature_out: Float,
    *,
    weight: Float | None = None,
) -> Pair:
    n = len(eta)
    expect(
        eta=(eta, (n, 1)),
        y=(y, (n,)),
        residual_out=(residual_out, (n, 1)),
        curvature_out=(curvature_out, (n, 1)),
    )
    w = weights(weight, n)
    nll, residual, curvature = binary_of(eta[:, 0], y)
    residual_out[:, 0] = w * residual
    curvature_out[:, 0] = w * curvature
    return exact_sum(w * nll)


def all_logits(eta: Float) -> Float:
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
    expect(y=(y, (n,)), residual_out=(residual_out, (n, m)), curvature_out=(curvature_out, (n, m, m)))
    w = weights(weight, n)
    logits = all_logits(eta)
    rows = shifted(logits)
    residual_out[...] = w[:, None] * residual_of(y, rows)[:, 1:]
    # curvature_kl = p_k ([k = l] - p_l), for the classes 1 .. K-1
    p, others = rows.p[:, 1:], rows.others[:, 1:]
    curvature_out[...] = -(p[:, :, None] * p[:, None, :])
    k = np.arange(m)
    curvature_out[:, k, k] = p * others
    curvature_out *= w[:, None, None]
    return exact_sum(w * nll_of(logits, y, rows))
