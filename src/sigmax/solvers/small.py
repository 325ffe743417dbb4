"""Small problems: Newton's method in one call of the kernels, so that a fit costs what its passes cost.

The kernels' solver (ext/solvers, `newton_many`) follows the same rules as newton.py, one problem at a time
and on one thread.  What is difficult (a singular Hessian, a search without progress) it hands back, and the
general solver starts afresh.  A callback wants to be called after each pass: such a fit goes the general way,
too.
"""

from __future__ import annotations

import numpy as np

from sigmax.kernels import Float
from sigmax.kernels.interface import Number, Status
from sigmax.objective import Evaluation, Objective
from sigmax.solvers.factor import Factor
from sigmax.solvers.monitor import Monitor

#: flops of a fit up to which an interrupt can wait for it: some 10 ms
_FLOPS = 5e7
_PASSES = 8.0
#: parameters up to which its Cholesky factorisation keeps up with LAPACK
_PARAMETERS = 64


class Known:
    """A Hessian that came with its inverse.

    Parameters
    ----------
    H, inverse : ndarray of shape (n, n)
    condition_number : float
    """

    __slots__ = ("_H", "_doubt", "_inverse", "condition_number")

    def __init__(self, H: Float, inverse: Float, condition_number: float) -> None:
        self._H, self._inverse, self.condition_number = H, inverse, condition_number
        self._doubt: float | None = None

    def solve(self, v: Float) -> Float:
        """H^-1 v."""
        x: Float = self._inverse @ v
        return x

    def inverse(self) -> Float:
        """H^-1."""
        return self._inverse

    def half(self, Z: Float) -> Float:
        """V with V'V = Z'H^-1 Z, shape of Z, (n, columns)."""
        return Factor(self._H).half(Z)

    def roots(self) -> tuple[None, Float]:
        """See :class:`sigmax.solvers.solution.Metric`."""
        return Factor(self._H).roots()

    @property
    def doubt(self) -> float:
        """See :class:`sigmax.solvers.solution.Metric`: n ||C^-1||_1, with ones on the diagonal of C."""
        if self._doubt is None:
            root = np.sqrt(self._H.diagonal())
            self._doubt = float(len(root) * (root * (np.abs(self._inverse) @ root)).max())
        return self._doubt


def is_small(objective: Objective) -> bool:
    """Whether a problem is one for this solver; depends on its shape alone."""
    P, n = objective.n_params, objective.n_rows
    work = _PASSES * n * (P * P + 4.0 * P + 60.0 * objective.n_logits)
    return P <= _PARAMETERS and work <= _FLOPS and n <= objective.block_rows


def small(
    objective: Objective, starts: list[Float], tol: float, max_iter: int, monitor: Monitor
) -> tuple[Evaluation, Known, float, Status] | None:
    """Newton's method to a decrement of `tol`: the last evaluation, its factor, nu, and why it ended.

    None where the general solver has to start afresh.
    """
    design, response = objective.design, objective.response
    m, P = objective.n_logits, objective.n_params
    coef, numbers = np.empty((1, m, P // m)), np.empty((1, len(Number)))
    status = np.empty(1, dtype=np.int32)
    gradient, hessian, inverse = np.empty((1, P)), np.empty((1, P, P)), np.empty((1, P, P))
    objective.kernels.newton_many(
        design.block(0, objective.n_rows),
        response.codes,
        coef,
        numbers,
        status,
        intercept=design.intercept,
        tol=tol,
        max_iter=max_iter,
        weight=None if response.weight is None else response.weight[None],
        offset=response.offset,
        l2=None if objective.penalty is None else np.array([objective.penalty.l2]),
        start=starts[1].reshape(coef.shape) if len(starts) > 1 else None,
        gradient_out=gradient,
        hessian_out=hessian,
        inverse_out=inverse,
    )
    about = numbers[0].tolist()
    ended = Status(int(status[0]))
    objective.rows_read += round(about[Number.READS] * objective.n_rows) if about[Number.READS] > 0.0 else 0
    if ended not in (Status.TOLERANCE, Status.ROUNDING):
        return None
    monitor.iterations += int(about[Number.STEPS])
    at = Evaluation(coef.reshape(P), about[Number.NLL_HIGH], about[Number.PENALTY], gradient[0], hessian[0])
    metric = Known(hessian[0], inverse[0], about[Number.CONDITION])
    return at, metric, about[Number.DECREMENT], ended
