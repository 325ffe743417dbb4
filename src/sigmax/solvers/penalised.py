"""The objective with an L2 penalty, for the general solver: what is handed over by the small one.

    F(b) = f(b) + b'P b / 2,   P = l2 (I - 11'/K) for the slopes of a column (K = 2: l2), 0 for intercepts

The penalty is quadratic: it adds nothing to third derivatives, so that the proofs of :mod:`sigmax.objective`
hold for F as they do for f, in the norm of the Hessian of F.
"""

from __future__ import annotations

import math

import numpy as np

from sigmax.kernels import Float
from sigmax.kernels.reference_newton import penalty_matrix
from sigmax.objective import Evaluation, FirstOrder, Line, Objective, Slope

_U = 2.0**-53


class _PenalisedLine(Line):
    """F along b + t d: f's line, and t s + t^2 c / 2 with s = d'P b, c = d'P d."""

    __slots__ = ("_curved", "_line", "_sloped")

    def __init__(self, line: Line, sloped: float, curved: float) -> None:
        self._line, self._sloped, self._curved = line, sloped, curved

    def at(self, step: float) -> Slope:
        """Change of F and its derivatives at t = `step`."""
        at, s, c = self._line.at(step), self._sloped, self._curved
        return Slope(at.change + step * (s + 0.5 * step * c), at.first + (s + step * c), at.second + c)


class Penalised(Objective):
    """An objective with `l2` > 0.

    Parameters
    ----------
    objective : Objective
        Without a penalty; not used any further.
    l2 : float
    """

    __slots__ = ("_P",)

    def __init__(self, objective: Objective, l2: float) -> None:
        for name in Objective.__slots__:
            setattr(self, name, getattr(objective, name))
        width = self.design.width
        self._P = penalty_matrix(l2, self.n_logits, width, self.design.intercept)

    def penalty(self, coef: Float) -> float:
        """b'P b / 2."""
        return 0.5 * float(coef @ self._P @ coef)

    def evaluate(self, coef: Float) -> Evaluation:
        """F, gradient and Hessian at `coef` in one read of X."""
        at = super().evaluate(coef)
        gradient = at.gradient + self._P @ coef
        return Evaluation(coef, at.nll + self.penalty(coef), gradient, at.hessian + self._P)

    def gradient(self, coef: Float) -> FirstOrder:
        """F and gradient at `coef` in one read of X."""
        at = super().gradient(coef)
        return FirstOrder(coef, at.nll + self.penalty(coef), at.gradient + self._P @ coef)

    def line(self, coef: Float, direction: Float) -> Line:
        """F along coef + t * direction."""
        pressed = self._P @ direction
        return _PenalisedLine(
            super().line(coef, direction), float(coef @ pressed), float(direction @ pressed)
        )

    def curvature_bound(self) -> Float:
        """A matrix B with Hessian(b) <= B for every b."""
        return super().curvature_bound() + self._P

    def gradient_rounding(self, at: FirstOrder, inverse: Float) -> float:
        """That of f, and 8 roundings of P b; F >= f stands in for f."""
        pressed = 8.0 * _U * (np.abs(self._P) @ np.abs(at.coef))
        own = math.sqrt(float(pressed @ np.abs(inverse) @ pressed))
        return super().gradient_rounding(at, inverse) + own

    def proves_separation(self, at: FirstOrder) -> bool:
        """Never: a penalised estimate exists, separated or not, while every class has a row."""
        return False
