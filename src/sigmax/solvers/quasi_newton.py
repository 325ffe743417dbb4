"""A factored Hessian, corrected by what gradients have shown since: BFGS in product form.

With s = b+ - b and y = g+ - g of each step, H+^-1 = (I - r s y')H^-1(I - r y s') + r s s', r = 1 / y's,
applied to a vector by the two-loop recursion (Nocedal, Math. Comp. 35, 1980).
"""

from __future__ import annotations

from typing import Protocol

from sigmax.kernels import Float


class _Solves(Protocol):
    def solve(self, v: Float) -> Float: ...


class Scaled:
    """H^-1 / scale: a sample's information stands for that of all rows."""

    __slots__ = ("_base", "_scale")

    def __init__(self, base: _Solves, scale: float) -> None:
        self._base, self._scale = base, scale

    def solve(self, v: Float) -> Float:
        """(scale H)^-1 v."""
        return self._base.solve(v) / self._scale


class QuasiNewton:
    """H^-1 of `base` with updates.

    Parameters
    ----------
    base : object with a method ``solve``
    """

    __slots__ = ("_base", "_pairs")

    def __init__(self, base: _Solves) -> None:
        self._base = base
        self._pairs: list[tuple[Float, Float, float]] = []

    def update(self, s: Float, y: Float) -> None:
        """Learn from a step `s` that changed the gradient by `y`; ignored where it shows no curvature."""
        curvature = float(s @ y)
        if curvature > 0.0:
            self._pairs.append((s, y, 1.0 / curvature))

    def solve(self, v: Float) -> Float:
        """H^-1 v."""
        q = v.copy()
        weights = []
        for s, y, r in reversed(self._pairs):
            a = r * float(s @ q)
            weights.append(a)
            q -= a * y
        x = self._base.solve(q)
        for (s, y, r), a in zip(self._pairs, reversed(weights), strict=True):
            x += (a - r * float(y @ x)) * s
        return x
