"""The gradient of half the log-determinant of the information in NumPy, by its formula."""

from __future__ import annotations

import numpy as np

from sigmax.kernels.interface import Float
from sigmax.kernels.reference_rows import all_logits, expect, shifted, weights, with_intercept


def _forms(X: Float, m: int, root: Float) -> Float:
    """Q_ab = x'(I^-1)_ab x of each row, (n, m, m), of z_a = T_a'x."""
    k = X.shape[1]
    z = np.einsum("il,alr->iar", X, root.reshape(m, k, m * k), optimize=True)
    Q: Float = z @ z.transpose(0, 2, 1)
    return Q


def _eta(X: Float, coef: Float, offset: Float | None) -> Float:
    eta: Float = X @ coef.T
    return eta if offset is None else eta + offset


def _expect(
    X: Float, coef: Float, root: Float, gradient_out: Float, intercept: bool, offset: Float | None
) -> None:
    m, k = len(coef), X.shape[1] + intercept
    expect(
        coef=(coef, (m, k)),
        root=(root, (m * k, m * k)),
        gradient_out=(gradient_out, (m, k)),
        offset=(offset, (len(X), m)),
    )


def binary_jeffreys(
    X: Float,
    coef: Float,
    root: Float,
    gradient_out: Float,
    *,
    intercept: bool,
    weight: Float | None = None,
    offset: Float | None = None,
) -> float:
    expect(coef=(coef, (1, X.shape[1] + intercept)))
    _expect(X, coef, root, gradient_out, intercept, offset)
    w, rows = weights(weight, len(X)), with_intercept(X, intercept)
    eta = _eta(rows, coef, offset)[:, 0]
    t = np.exp(-np.abs(eta))
    small, big = t / (1.0 + t), 1.0 / (1.0 + t)
    Q = _forms(rows, 1, root)[:, 0, 0]
    # w v (1/2 - p) Q
    third = w * (small * big) * (np.where(eta >= 0.0, -0.5, 0.5) * (big - small)) * Q
    gradient_out[0] = third @ rows
    return float(np.max(np.where(w > 0.0, big**2 * Q, 0.0), initial=0.0))


def softmax_jeffreys(
    X: Float,
    coef: Float,
    root: Float,
    gradient_out: Float,
    *,
    intercept: bool,
    weight: Float | None = None,
    offset: Float | None = None,
) -> float:
    _expect(X, coef, root, gradient_out, intercept, offset)
    w, rows, m = weights(weight, len(X)), with_intercept(X, intercept), len(coef)
    state = shifted(all_logits(_eta(rows, coef, offset)))
    p, others = state.p, state.others
    Q = _forms(rows, m, root)
    # e_c - p without the reference class, (n, K, m);  q(c) = (e_c - p)'Q (e_c - p)
    away = np.repeat(-p[:, None, 1:], m + 1, axis=1)
    c = np.arange(m)
    away[:, c + 1, c] = others[:, 1:]
    q = np.einsum("ica,iab,icb->ic", away, Q, away, optimize=True)
    # w / 2 p_c sum_d p_d (q(c) - q(d))
    third = 0.5 * w[:, None] * p * np.einsum("id,icd->ic", p, q[:, :, None] - q[:, None, :])
    gradient_out[...] = third[:, 1:].T @ rows
    return float(np.max(np.where(w[:, None] > 0.0, q, 0.0), initial=0.0))
