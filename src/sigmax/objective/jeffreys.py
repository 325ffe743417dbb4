"""Jeffreys' prior as a penalty: the gradient of half the log-determinant of the information.

    l*(b) = l(b) + 1/2 log det I(b),    I = sum_i w_i V_i (x) [1 x_i][1 x_i]'

maximised by Firth's bias-reduced estimates (Biometrika 80, 1993).  I is the Hessian of the negative
log-likelihood, which `Objective.evaluate` finds; its factor, and with it the determinant, is the solver's.
What is here is one more read of the rows, given a root of the inverse.
"""

from __future__ import annotations

import numpy as np

from sigmax.kernels import Float
from sigmax.objective.objective import Objective

#: numbers of work space that the rows of a part may take
_WORK = 2**19


def jeffreys_gradient(objective: Objective, coef: Float, root: Float) -> tuple[Float, float]:
    """Gradient of 1/2 log det I at `coef`, (m k,), and the largest q; one read of X.

    Parameters
    ----------
    objective : Objective
        Of the negative log-likelihood, in units of the scaled weights.
    coef : ndarray of shape (m k,)
    root : ndarray of shape (m k, m k)
        T, upper triangular, with T T' = I(coef)^-1.

    Returns
    -------
    gradient : ndarray of shape (m k,)
        sum_i t_i (x) [1 x_i], half the sum of Q_i,ab and the third cumulants of the row.
    largest : float
        max_i max_c (e_c - p_i)'Q_i (e_c - p_i), e_0 = 0, over rows with a weight: for no direction s does
        the second derivative of 1/2 log det I exceed half of it times s'I s.
    """
    design, response, m = objective.design, objective.response, objective.n_logits
    kernels = objective.kernels
    kernel = kernels.binary_jeffreys if m == 1 else kernels.softmax_jeffreys
    matrix, root = coef.reshape(m, design.width), np.ascontiguousarray(root)

    def evaluate(start: int, stop: int) -> tuple[Float, float]:
        gradient = np.empty((m, design.width))
        largest = kernel(
            design.block(start, stop),
            matrix,
            root,
            gradient,
            intercept=design.intercept,
            weight=None if response.weight is None else response.weight[start:stop],
            offset=None if response.offset is None else response.offset[start:stop],
        )
        return gradient, largest

    def merge(a: tuple[Float, float], b: tuple[Float, float]) -> tuple[Float, float]:
        a[0].__iadd__(b[0])
        return a[0], float(np.maximum(a[1], b[1]))

    flops = objective.n_rows * (2.0 * objective.n_params**2 + 50.0 * m)
    gradient, largest = objective.reduce(evaluate, merge, flops=flops)
    objective.rows_read += objective.n_rows
    return gradient.ravel(), largest


def prior_curvature(objective: Objective, coef: Float, root: Float) -> Float:
    """M with s'M s = 1/2 tr(I^-1 d^2 I / ds^2) at `coef`, (m k, m k).

    No less than the curvature of 1/2 log det I, which is M less half of tr((I^-1 dI / ds)^2).

        M = sum_i C_i (x) [1 x_i][1 x_i]',
        C = w / 2 (E[q(Y) (e_Y - p)(e_Y - p)'] - tr(Q V) V - 2 V Q V)

    half the sum over a, b of Q_ab and the fourth cumulants of the row.  One read of X; `root` as above.
    """
    design, response, m, k = objective.design, objective.response, objective.n_logits, objective.design.width
    kernels, spread = objective.kernels, root.reshape(m, k, m * k)
    part = max(_WORK // (m * m * k + 4 * (m + 1) * m), 64)

    def evaluate(start: int, stop: int) -> Float:
        M = np.zeros((m, k, m, k))
        for first in range(start, stop, part):
            rows = slice(first, min(first + part, stop))
            X = design.block(rows.start, rows.stop)
            n = len(X)
            logits, p = np.zeros((n, m + 1)), np.empty((n, m + 1))
            eta, offset = np.empty((n, m)), None if response.offset is None else response.offset[rows]
            kernels.linear_predictor(X, coef.reshape(m, k), eta, intercept=design.intercept, offset=offset)
            logits[:, 1:] = eta
            kernels.softmax(logits, p)
            lead = spread[None, :, 0] if design.intercept else 0.0
            z = lead + np.einsum("il,alr->iar", X, spread[:, design.intercept :], optimize=True)
            Q = z @ z.transpose(0, 2, 1)
            away = np.eye(m + 1, m, -1) - p[:, None, 1:]
            q = np.einsum("ica,iab,icb->ic", away, Q, away, optimize=True)
            V = np.einsum("ic,ica,icb->iab", p, away, away, optimize=True)
            C = np.einsum("ic,ica,icb->iab", p * q, away, away, optimize=True)
            C -= np.einsum("iab,iab->i", Q, V)[:, None, None] * V + 2.0 * (V @ Q @ V)
            C *= 0.5 if response.weight is None else 0.5 * response.weight[rows][:, None, None]
            gram = np.empty((k, k))
            for a in range(m):
                for b in range(a, m):
                    curvature = np.ascontiguousarray(C[:, a, b])
                    kernels.weighted_gram(X, curvature, gram, intercept=design.intercept)
                    M[a, :, b] += gram
                    if a != b:
                        M[b, :, a] += gram
        return M

    def merge(a: Float, b: Float) -> Float:
        a += b
        return a

    M = objective.reduce(evaluate, merge, flops=0.0)
    objective.rows_read += objective.n_rows
    return M.reshape(objective.n_params, objective.n_params)
