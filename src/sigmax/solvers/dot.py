"""Scalar products of vectors, with the same bits whatever BLAS does with its threads.

BLAS sums vectors of more than some 10,000 numbers on as many threads as the machine has, in an order that
depends on how many they are: then steps differ in the last bits from machine to machine.
"""

from __future__ import annotations

import numpy as np

from sigmax.kernels import Float


def dot(a: Float, b: Float) -> float:
    """sum_i a_i b_i: |error| <= (log2(n) + 13) 2^-53 sum_i |a_i b_i|, to first order.

    NumPy sums pairwise down to 128 numbers, and those in 8 chains of 16.
    """
    return float(np.multiply(a, b).sum())
