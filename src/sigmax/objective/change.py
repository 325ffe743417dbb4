"""How much f changes from one point to another, to full relative accuracy, with a bound of its rounding.

    f(b) - f(a) = sum_i w_i [nll(eta_i + s_i) - nll(eta_i)] + penalty(b) - penalty(a),    s_i = (B - A)[1 x_i]

eta and s are formed in double-double and rounded once, so that columns far from zero cost nothing; the
change of a row keeps its relative accuracy (Kernels.binary_line).  The difference of two values of f has the
rounding of f itself, which for many rows is more than the change.
"""

from __future__ import annotations

import numpy as np

from sigmax.kernels import Float, two_sum
from sigmax.objective.line import Line
from sigmax.objective.objective import Objective

_U = 2.0**-53
#: roundings in the change of a row: sixteen of its own, and those of s and of eta
_ROUNDINGS, _LOGIT = 20.0, 2.0
#: e to the minus this is no probability
_NOTHING = 700.0


class Change:
    """Changes of f from one point.

    Parameters
    ----------
    objective : Objective
    coef : ndarray of shape (m k,)
        The point a.  Its logits are kept, n m numbers; one read of X.
    """

    __slots__ = ("_coef", "_eta", "_objective")

    def __init__(self, objective: Objective, coef: Float) -> None:
        self._objective, self._coef = objective, coef
        self._eta = _logits(objective, coef, np.zeros_like(coef), with_offset=True)

    def to(self, coef: Float) -> tuple[float, float]:
        """f(coef) - f(a) in units of the objective, and a bound of its error; one read of X.

        With D_i the range of s_i the change of a row is at most D_i, moves by at most 2 max_k |d s_ik| with
        its slope, and by at most D_i max_k |d eta_ik| with its logits:

            |error| <= u sum_i w_i D_i (20 + 2 max_k |eta_ik|)

        Classes of probability below e^-700 throughout do not count: a limiting fit puts them out of reach.
        """
        o = self._objective
        high, low = two_sum(coef, -self._coef)
        slope = _logits(o, high, low, with_offset=False)
        line = Line(o.kernels, o.response, o.reduce, self._eta, slope, o.penalty, self._coef, high)
        weight = o.response.weight

        def evaluate(start: int, stop: int) -> float:
            s = slope[start:stop]
            D = np.maximum(s.max(axis=1), 0.0) - np.minimum(s.min(axis=1), 0.0)
            eta = self._eta[start:stop]
            highest = np.maximum(eta.max(axis=1), 0.0)
            near = eta > (highest - D - _NOTHING)[:, None]
            size = np.where(near, np.abs(eta), 0.0).max(axis=1)
            if weight is not None:
                D *= weight[start:stop]
            return float(D @ (_ROUNDINGS + _LOGIT * size))

        rounding = _U * o.reduce(evaluate, lambda a, b: a + b, flops=4.0 * slope.size)
        if o.penalty is not None:
            size = float(np.abs(o.penalty.gradient(np.abs(high))) @ (np.abs(self._coef) + np.abs(high)))
            rounding += 4.0 * (o.n_logits + 1) * _U * size
        return line.at(1.0).change, rounding


def _logits(objective: Objective, coef: Float, low: Float, *, with_offset: bool) -> Float:
    """[1 X](coef + low) + offset of shape (n, m), formed in double-double."""
    design, m = objective.design, objective.n_logits
    matrix, low_matrix = coef.reshape(m, -1), np.ascontiguousarray(low.reshape(m, -1))
    offset = objective.response.offset if with_offset else None
    eta = np.empty((objective.n_rows, m))

    def evaluate(start: int, stop: int) -> None:
        objective.kernels.linear_predictor_dd(
            design.block(start, stop),
            matrix,
            low_matrix,
            eta[start:stop],
            None,
            intercept=design.intercept,
            offset=None if offset is None else offset[start:stop],
        )

    objective.reduce(evaluate, lambda a, b: None, flops=20.0 * objective.n_rows * objective.n_params)
    objective.rows_read += objective.n_rows
    return eta
