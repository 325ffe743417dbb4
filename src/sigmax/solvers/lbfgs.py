"""The memory of limited-memory BFGS (Nocedal, Math. Comp. 35, 1980; Liu & Nocedal, Math. Program. 45, 1989).

    B+ = (I - y s' / s'y)' B (I - y s' / s'y) + s s' / s'y,   s = b+ - b,   y = grad f(b+) - grad f(b)

B, near the inverse Hessian, is never formed: two loops over the pairs apply it to a vector, from a first
metric that may change between two calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from sigmax.kernels import Float
from sigmax.solvers.dot import dot


class Memory:
    """Pairs (s, y) of the last steps.

    Parameters
    ----------
    length : int
        Pairs to keep.
    """

    __slots__ = ("_pairs",)

    def __init__(self, length: int) -> None:
        self._pairs: deque[tuple[Float, Float, float]] = deque(maxlen=length)

    def __len__(self) -> int:
        return len(self._pairs)

    def add(self, s: Float, y: Float) -> bool:
        """Keep a pair; False, and nothing kept, where s'y is not positive."""
        product = dot(s, y)
        if not product > 0.0:
            return False
        self._pairs.append((s, y, 1.0 / product))
        return True

    def clear(self) -> None:
        """Forget all pairs."""
        self._pairs.clear()

    def apply(self, metric: Callable[[Float], Float], g: Float) -> Float:
        """The inverse Hessian that the pairs and `metric` imply, times g."""
        q = g.copy()
        shares = []
        for s, y, rho in reversed(self._pairs):
            share = rho * dot(s, q)
            shares.append(share)
            q -= share * y
        d = metric(q)
        for (s, y, rho), share in zip(self._pairs, reversed(shares), strict=True):
            d += (share - rho * dot(y, d)) * s
        return d
