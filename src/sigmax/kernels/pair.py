"""Sums held as an unevaluated pair of doubles: how one is made, and how two merge."""

from __future__ import annotations

import math
from typing import TypeVar

from sigmax.kernels.interface import Float, Pair

Number = TypeVar("Number", float, Float)


def two_sum(a: Number, b: Number) -> tuple[Number, Number]:
    """(s, e): a + b = s + e exactly, s = fl(a + b), for finite sums (Knuth 1969)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def add_pair(a: Pair, b: Pair) -> Pair:
    """a + b in double-double; inf and nan as in a plain sum."""
    s, e = two_sum(a[0], b[0])
    if not math.isfinite(s):
        return s, 0.0
    low = e + (a[1] + b[1])
    high = s + low
    return (high, low - (high - s)) if math.isfinite(high) else (high, 0.0)
