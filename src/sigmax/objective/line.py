"""The objective along a line: logits and their slopes are stored, X is not read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from sigmax.data.response import Response
from sigmax.kernels import Float, Kernels, Pair, add_pair
from sigmax.objective.penalty import Penalty
from sigmax.objective.values import Slope

#: change of f and its derivatives, of some rows
_Sums: TypeAlias = tuple[Pair, float, float]


class _Reduce(Protocol):
    def __call__(
        self, evaluate: Callable[[int, int], _Sums], merge: Callable[[_Sums, _Sums], _Sums], *, flops: float
    ) -> _Sums: ...


class Line:
    """f along b + t d.

    Parameters
    ----------
    kernels, response
        Of the objective.
    reduce : callable
        :meth:`sigmax.objective.Objective.reduce`.
    eta, slope : ndarray of shape (n, m)
        Logits at b, and what d adds to them.
    penalty : Penalty or None
    coef, direction : ndarray of shape (m * k,)
        b and d.
    """

    __slots__ = ("_eta", "_kernels", "_pull", "_reduce", "_response", "_slope", "_stiffness")

    def __init__(
        self,
        kernels: Kernels,
        response: Response,
        reduce: _Reduce,
        eta: Float,
        slope: Float,
        penalty: Penalty | None,
        coef: Float,
        direction: Float,
    ) -> None:
        self._kernels, self._response, self._reduce = kernels, response, reduce
        self._eta, self._slope = eta, slope
        # penalty(b + t d) = penalty(b) + t pull + t^2 / 2 stiffness
        self._pull = self._stiffness = 0.0
        if penalty is not None:
            along = penalty.gradient(direction)
            self._pull, self._stiffness = float(along @ coef), float(along @ direction)

    def at(self, step: float) -> Slope:
        """Change of f and its derivatives at t = `step`; O(n m), no read of X."""
        n_logits = self._eta.shape[1]
        kernel = self._kernels.binary_line if n_logits == 1 else self._kernels.softmax_line
        y, weight = self._response.codes, self._response.weight

        def evaluate(start: int, stop: int) -> _Sums:
            rows = slice(start, stop)
            w = None if weight is None else weight[rows]
            return kernel(self._eta[rows], self._slope[rows], y[rows], step, weight=w)

        def merge(a: _Sums, b: _Sums) -> _Sums:
            return add_pair(a[0], b[0]), a[1] + b[1], a[2] + b[2]

        change, first, second = self._reduce(evaluate, merge, flops=100.0 * self._eta.size)
        moved = step * (self._pull + 0.5 * step * self._stiffness)
        return Slope(change[0] + moved, first + self._pull + step * self._stiffness, second + self._stiffness)
