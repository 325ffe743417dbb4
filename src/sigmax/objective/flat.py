"""Parts of a Hessian that is too large to be formed: one read of X each, and no m k x m k matrix.

* `on_subspace`: the Hessian restricted to a few directions of the columns, and the mean class curvature.
* `floor`: a matrix that the Hessian can never fall below.
"""

from __future__ import annotations

import numpy as np

from sigmax.kernels import Float
from sigmax.objective.objective import Objective


def on_subspace(objective: Objective, coef: Float, U: Float) -> tuple[Float, Float]:
    """The Hessian at `coef` in the directions I (x) U, and the mean curvature of the classes; one read of X.

        H_U = (I (x) U)' H (I (x) U) = sum_i w_i S_i (x) z_i z_i' + penalty,   z_i = U'[1 x_i]
        S   = sum_i w_i S_i / sum_i w_i,   S_i = diag(p_i) - p_i p_i'

    Parameters
    ----------
    objective : Objective
    coef : ndarray of shape (m * k,)
    U : ndarray of shape (k, r)

    Returns
    -------
    H_U : ndarray of shape (m * r, m * r)
    S : ndarray of shape (m, m)
    """
    design, response, kernels, m = objective.design, objective.response, objective.kernels, objective.n_logits
    r = U.shape[1]
    matrix, columns = coef.reshape(m, design.width), np.ascontiguousarray(U.T)
    rows_pass = kernels.binary_pass if m == 1 else kernels.softmax_pass
    nothing = np.zeros((m, 1 + r))

    def evaluate(start: int, stop: int) -> Float:
        X = design.block(start, stop)
        offset = None if response.offset is None else response.offset[start:stop]
        weight = None if response.weight is None else response.weight[start:stop]
        eta, Z = np.empty((stop - start, m)), np.empty((stop - start, r))
        kernels.linear_predictor(X, matrix, eta, intercept=design.intercept, offset=offset)
        kernels.linear_predictor(X, columns, Z, intercept=design.intercept)
        # the rows [1 z_i] with coefficients of zero and the logits as offsets
        hessian = np.empty((nothing.size, nothing.size))
        y = response.codes[start:stop]
        rows_pass(Z, y, nothing, None, hessian, intercept=True, weight=weight, offset=eta)
        return hessian

    def merge(a: Float, b: Float) -> Float:
        a += b
        return a

    width = float(design.width)
    flops = objective.n_rows * (2.0 * width * (m + r) + float(nothing.size) ** 2)
    whole = objective.reduce(evaluate, merge, flops=flops).reshape(m, 1 + r, m, 1 + r)
    objective.rows_read += objective.n_rows
    S = whole[:, 0, :, 0] / response.weight_sum
    H = np.ascontiguousarray(whole[:, 1:, :, 1:])
    if objective.penalty is not None:
        H += objective.penalty.whitened(U)
    return H.reshape(m * r, m * r), S


def floor(objective: Objective, coef: Float, q: Float, share: float) -> Float:
    """A Gram matrix F with H(coef) >= (diag(q) - qq') (x) F + penalty, in one read of X; shape (k, k).

        F = sum_i w_i c_i [1 x_i][1 x_i]',   c_i = min_k p_ik / q_k

    For any u, Var_p(u) = min_a sum_k p_k (u_k - a)^2 >= c min_a sum_k q_k (u_k - a)^2 = c Var_q(u), that is
    diag(p) - pp' >= c (diag(q) - qq').  Rows that are left out only lower the sum: of each block those are
    kept whose w_i c_i is largest, since they hold most of it and a Gram matrix costs by the row.

    Parameters
    ----------
    objective : Objective
    coef : ndarray of shape (m * k,)
    q : ndarray of shape (m + 1,)
        Positive, with the sum 1; the reference class first.
    share : float
        Part of the rows to keep, 0 < share <= 1.
    """
    design, response, kernels, m = objective.design, objective.response, objective.kernels, objective.n_logits
    matrix = coef.reshape(m, design.width)

    def evaluate(start: int, stop: int) -> Float:
        n = stop - start
        X = design.block(start, stop)
        offset = None if response.offset is None else response.offset[start:stop]
        eta, logits, p = np.empty((n, m)), np.zeros((n, m + 1)), np.empty((n, m + 1))
        kernels.linear_predictor(X, matrix, eta, intercept=design.intercept, offset=offset)
        logits[:, 1:] = eta
        kernels.softmax(logits, p)
        c = (p / q).min(axis=1)
        if response.weight is not None:
            c *= response.weight[start:stop]
        keep = min(n, int(np.ceil(share * n)))
        if keep < n:
            rows = np.sort(np.argpartition(c, n - keep)[n - keep :])
            X, c = X[rows], c[rows]
        gram = np.empty((design.width, design.width))
        kernels.weighted_gram(X, np.ascontiguousarray(c), gram, intercept=design.intercept)
        return gram

    def merge(a: Float, b: Float) -> Float:
        a += b
        return a

    width = float(design.width)
    F = objective.reduce(evaluate, merge, flops=objective.n_rows * width * (2.0 * m + share * width))
    objective.rows_read += objective.n_rows
    return F
