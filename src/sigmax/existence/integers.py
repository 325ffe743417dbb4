"""Exact arithmetic on float64: vectors of whole numbers, null spaces, floats taken apart.

A float64 is m 2^e with whole m, so that after a scaling by powers of two, which changes no sign of a margin,
rows and directions are vectors of whole numbers.  Python's integers know no overflow; arrays of them have
dtype object.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sigmax.kernels import Float

#: whole numbers of any size, dtype object
Integers: TypeAlias = npt.NDArray[Any]

#: largest exponent of two that a float64 is scaled to, to leave room for sums of products
_HEAD = 400


def take_apart(x: Float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """m and e with x = m 2^e, m odd or 0 (then e = 0); shapes of x."""
    fraction, exponent = np.frexp(x)
    m = np.ldexp(fraction, 53).astype(np.int64)
    e = exponent.astype(np.int64) - 53
    low = m & -m  # the lowest bit that is set
    shift = np.frexp(low.astype(np.float64))[1].astype(np.int64) - 1
    shift = np.where(m == 0, 0, shift)
    return m >> shift, np.where(m == 0, 0, e + shift)


def whole(x: Float) -> tuple[Integers, npt.NDArray[np.int64]]:
    """The columns of x as whole numbers: A and e with x_ij = A_ij 2^e_j, e_j as large as that allows.

    Parameters
    ----------
    x : ndarray of shape (n, k)

    Returns
    -------
    A : object ndarray of shape (n, k)
    e : int64 ndarray of shape (k,)
    """
    m, exponent = take_apart(x)
    used = m != 0
    far = np.iinfo(np.int64).max
    least = np.where(used, exponent, far).min(axis=0, initial=far)
    least = np.where(least == far, 0, least)
    shift = np.where(used, exponent - least, 0)
    A: Integers = m.astype(object) << shift.astype(object)
    return A, least


def primitive(v: Integers) -> Integers:
    """v divided by the greatest common divisor of its elements; v where all are 0."""
    divisor = math.gcd(*v.tolist()) if len(v) else 1
    return v // divisor if divisor > 1 else v


def from_fractions(values: list[Fraction]) -> Integers:
    """The primitive vector of whole numbers with the direction of `values`."""
    common = math.lcm(*(value.denominator for value in values))
    found = np.empty(len(values), object)
    found[:] = [value.numerator * (common // value.denominator) for value in values]
    return primitive(found)


def scaled_up(v: Integers, exponent: npt.NDArray[np.int64]) -> Integers:
    """The primitive vector in the direction of v_j 2^exponent_j."""
    lowest = int(exponent[v != 0].min(initial=0)) if (v != 0).any() else 0
    shift = np.where(v != 0, exponent - lowest, 0).astype(object)
    return primitive(v << shift)


def bits(v: Integers) -> int:
    """Bits of the largest element."""
    return max((abs(value).bit_length() for value in v.ravel().tolist()), default=0)


def two_words(v: Integers, common: int) -> tuple[Float, Float]:
    """high + low ~ v / 2^s, s = max(common - 400, 0), with low at most u |high|.

    Their sum is exact where an element needs at most 106 bits; elements below 2^-900 may be off by more.
    """
    if common <= 53:
        return v.astype(np.float64), np.zeros(len(v))
    scale = 1 << max(common - _HEAD, 0)
    high, low = np.zeros(len(v)), np.zeros(len(v))
    for j in np.flatnonzero(v != 0).tolist():
        value = v[j]
        exact = Fraction(value, scale)
        high[j] = float(exact)
        low[j] = float(exact - Fraction(high[j]))
    return high, low


def nearest(v: Integers) -> Float:
    """float64 with the direction of v: v where it fits, else the largest element from 1/2 to 1."""
    length = bits(v)
    unit = 1 if length <= 53 else 1 << length
    return np.array([float(Fraction(value, unit)) for value in v.tolist()])


def null_space(A: Integers) -> Integers:
    """A basis of {v : A v = 0} in whole numbers, by elimination without fractions (Bareiss 1968).

    Parameters
    ----------
    A : object ndarray of shape (n, k)

    Returns
    -------
    object ndarray of shape (q, k)
        One primitive vector a row; in each, exactly one of the free coordinates is not 0.
    """
    M = [row.copy() for row in A if (row != 0).any()]
    k = A.shape[1]
    pivots: list[int] = []
    done, last = 0, 1
    for column in range(k):
        row = next((i for i in range(done, len(M)) if M[i][column] != 0), None)
        if row is None:
            continue
        M[done], M[row] = M[row], M[done]
        pivot = M[done][column]
        for i in range(len(M)):
            if i != done:
                # divides exactly: all are minors of A
                M[i] = (M[i] * pivot - M[done] * M[i][column]) // last
        M = M[: done + 1] + [row for row in M[done + 1 :] if (row != 0).any()]
        last = pivot
        pivots.append(column)
        done += 1
    free = [j for j in range(k) if j not in pivots]
    basis = np.zeros((len(free), k), object)
    for row_of_basis, f in zip(basis, free, strict=True):
        # every pivot row reads last * v_pivot + M_f v_f = 0
        row_of_basis[f] = last
        for i, column in enumerate(pivots):
            row_of_basis[column] = -M[i][f]
        row_of_basis[:] = primitive(row_of_basis)
        if row_of_basis[f] < 0:
            row_of_basis[:] = -row_of_basis
    return basis
