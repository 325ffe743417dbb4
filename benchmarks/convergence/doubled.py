"""Sums of products in twice the precision of their arguments, without a loop over terms.

Dekker's product (Numer. Math. 18, 1971) and Knuth's sum are exact; a tree adds what they leave over:

    |error| <= u |sum| + (t + 4)^2 u^2 sum_i |a_i b_i|     for t terms
"""

from __future__ import annotations

import numpy as np

#: splits a mantissa into two halves: 2^32 + 1 for 64 bits
_SPLIT = np.longdouble(2.0) ** ((np.finfo(np.longdouble).nmant + 2) // 2) + np.longdouble(1.0)


def _halves(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    c = _SPLIT * a
    high = c - (c - a)
    return high, a - high


def _product(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p = a * b
    (ah, al), (bh, bl) = _halves(a), _halves(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def dot(A: np.ndarray, B: np.ndarray, C: np.ndarray | None = None) -> np.ndarray:
    """sum over the first axis of A * B, which are broadcast, plus C; longdouble throughout."""
    high, low = _product(*np.broadcast_arrays(A, B))
    if C is not None:
        high = np.concatenate([high, C[None]])
        low = np.concatenate([low, np.zeros_like(C)[None]])
    while len(high) > 1:
        if len(high) % 2:
            pad = np.zeros_like(high[:1])
            high, low = np.concatenate([high, pad]), np.concatenate([low, pad])
        rest = low[0::2] + low[1::2]
        high, low = _sum(high[0::2], high[1::2])
        low = low + rest
    return high[0] + low[0]
