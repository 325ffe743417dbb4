"""Exact signs of dot products of rows with one vector of whole numbers.

A double-double dot product with its error bound decides almost all of them; where every product is 0 there is
nothing to decide; what is left is summed in whole numbers, each distinct row once.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from sigmax.existence.integers import Integers, bits, scaled_up, two_words, whole
from sigmax.kernels import Float, Kernels

Signs: TypeAlias = npt.NDArray[np.int8]

_U = 2.0**-53
#: dot products below this may have met the end of the exponents
_TINY = 2.0**-900
#: whole numbers up to this bound have exact sums in int64
_INT64 = 2**62


class Direction:
    """A vector of whole numbers, and two words of float64 near it.

    Parameters
    ----------
    d : object ndarray of shape (k,)
    common : int, optional
        Bits of the largest element of all vectors whose values are to be compared; of d by default.
    """

    __slots__ = ("d", "high", "low", "used")

    def __init__(self, d: Integers, common: int | None = None) -> None:
        self.d = d
        self.used = np.flatnonzero(d != 0)
        self.high, self.low = two_words(d, bits(d) if common is None else common)


def signs(X: Float, along: Direction, kernels: Kernels, intercept: bool) -> tuple[Signs, Float]:
    """Exact signs of [1 X] d, and rough values divided by 2^max(common - 400, 0); both of shape (n,).

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Finite.
    along : Direction
    kernels : Kernels
    intercept : bool
        Whether a column of ones stands before those of X.
    """
    n, k = len(X), len(along.d)
    d, used, high, low = along.d, along.used, along.high, along.low
    if len(used) == 0:
        return np.zeros(n, np.int8), np.zeros(n)
    eta = np.empty((n, 1))
    with np.errstate(over="ignore", invalid="ignore"):
        kernels.linear_predictor_dd(X, high[None], low[None], eta, None, intercept=intercept)
        columns = X[:, used[used >= intercept] - intercept]
        size = np.abs(columns) @ np.abs(high[used[used >= intercept]])
    value = eta[:, 0]
    constant = intercept and used[0] == 0
    if constant:
        size += abs(high[0])
    # the predictor's own bound, and as much again for what the two words leave of d
    bound = 2.0 * (k + 3.0) ** 2 * _U * _U * size
    known = np.abs(value) > bound + _TINY
    if (np.abs(high[used]) < _TINY).any():
        known &= np.abs(value) > 1.0
    sign: Signs = np.where(known, np.sign(value), 0).astype(np.int8)
    doubt = ~known if constant else ~known & columns.any(axis=1)
    if doubt.any():
        sign[doubt] = _exact(columns[doubt], d[used], constant)
    return sign, np.where(np.isfinite(value), value, sign * np.finfo(float).max)


def _exact(columns: Float, d: Integers, constant: bool) -> Signs:
    """Signs of [1 X] d in whole numbers; d[0] belongs to the ones where they are there."""
    rows, place = np.unique(columns, axis=0, return_inverse=True)
    if constant:
        rows = np.hstack([np.ones((len(rows), 1)), rows])
    A, exponent = whole(rows)
    scaled = scaled_up(d, exponent)
    largest = [max(map(abs, column), default=0) for column in A.T.tolist()]
    # max(a, 1): where a column is 0 the number of the vector need not fit either
    if sum(max(a, 1) * abs(b) for a, b in zip(largest, scaled.tolist(), strict=True)) < _INT64:
        total = A.astype(np.int64) @ scaled.astype(np.int64)
    else:
        total = A @ scaled
    found = (total > 0).astype(np.int8) - (total < 0).astype(np.int8)
    exact: Signs = found[place.ravel()]
    return exact
