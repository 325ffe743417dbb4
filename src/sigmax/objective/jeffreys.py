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
