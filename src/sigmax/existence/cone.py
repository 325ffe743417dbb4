"""Is a vector in the cone of others?  Exactly, by the simplex method on whole numbers.

    inside:   g = sum_i mu_i a_i with mu >= 0
    outside:  some c with a_i'c >= 0 for all i, and g'c < 0                    (Farkas' lemma)

Phase one of the simplex method: minimise the sum of artificial variables in sum_i mu_i a_i + art = g.  The
inverse of the basis is kept as whole numbers over one common denominator, as Edmonds and Bareiss do in
elimination, so that nothing is ever rounded and no fraction is ever reduced.  The column that enters has the
largest reduced cost, normalised; after a step without progress the first that may enter (Bland, Math. Oper.
Res. 2, 1977), so that the method ends.
"""

from __future__ import annotations

import numpy as np

from sigmax.existence.integers import Integers, primitive
from sigmax.kernels import Float


def direction_against(A: Integers, g: Integers) -> Integers | None:
    """c with A c >= 0 and g'c < 0; None where there is none, because g lies in the cone of the rows of A.

    Parameters
    ----------
    A : object ndarray of shape (n, q)
    g : object ndarray of shape (q,)

    Returns
    -------
    object ndarray of shape (q,), or None
        Primitive.
    """
    q = len(g)
    length = _lengths(A)
    sign = np.array([-1 if value < 0 else 1 for value in g.tolist()], object)
    # B^-1 = inverse / denominator; artificial j, number -1 - j, has the column sign_j e_j
    inverse = np.zeros((q, q), object)
    inverse[np.arange(q), np.arange(q)] = sign
    denominator = 1
    basis = [-1 - j for j in range(q)]
    values: Integers = inverse @ g  # of the basic variables, times the denominator; never negative
    stalled = False
    while True:
        artificial = np.array([number < 0 for number in basis])
        if not (values[artificial] > 0).any():
            return None
        # dual of the sum of artificial variables, times the denominator
        y: Integers = inverse[artificial].sum(axis=0)
        cost: Integers = A @ y
        enters = _entering(cost, length, first=stalled)
        if enters is None:
            return primitive(-y)
        column: Integers = inverse @ A[enters]
        row = _leaving(column, values, basis)
        stalled = values[row] == 0
        pivot = column[row]
        rest = np.arange(q) != row
        inverse[rest] = (inverse[rest] * pivot - column[rest, None] * inverse[row]) // denominator
        values[rest] = (values[rest] * pivot - column[rest] * values[row]) // denominator
        denominator = pivot
        basis[row] = enters


def _lengths(A: Integers) -> Float:
    """Bits of the largest element of each row, to compare reduced costs by."""
    return np.array([float(max((abs(value).bit_length() for value in row), default=0)) for row in A.tolist()])


def _entering(cost: Integers, length: Float, *, first: bool) -> int | None:
    """Index of a column with a positive reduced cost; None where there is none."""
    positive = np.flatnonzero(cost > 0)
    if len(positive) == 0:
        return None
    if first:
        return int(positive[0])
    bits = np.array([_logarithm(value) for value in cost[positive].tolist()]) - length[positive]
    return int(positive[np.argmax(bits)])


def _logarithm(value: int) -> float:
    """log2 of a positive whole number of any size, roughly."""
    bits = value.bit_length()
    return bits + (value >> max(bits - 20, 0)) / 2.0**20


def _leaving(column: Integers, values: Integers, basis: list[int]) -> int:
    """Row of the smallest ratio values / column among positive columns; of equals an artificial one."""
    best, found = None, -1
    for i, (c, v, number) in enumerate(zip(column.tolist(), values.tolist(), basis, strict=True)):
        if c <= 0:
            continue
        if best is None:
            best, found = (v, c), i
            continue
        left, right = v * best[1], best[0] * c
        if left < right or (left == right and number < basis[found]):
            best, found = (v, c), i
    assert best is not None, "the sum of artificial variables cannot fall without bound"
    return found
