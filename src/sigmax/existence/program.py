"""A first guess in double precision: a linear program over some of the pairs, and simple fractions.

    maximise sum_a s_a   subject to   z_a'd >= s_a,   0 <= s_a <= 1

At the optimum s_a is 1 where some direction of the cone has z_a'd > 0, and 0 elsewhere: nothing in between,
since the cone knows no scale (after Konis, DPhil thesis, Oxford 2007, whose program bounds d instead).  HiGHS
solves it within tolerances, so that what it says is a guess; whoever asks checks it in whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from sigmax.existence.integers import Integers, from_fractions, null_space, scaled_up, whole
from sigmax.kernels import Float

#: largest |d_j| in scaled columns
_LONGEST = 1e6
#: elements of a direction below this part of the largest are taken for zeros
_NOTHING = 1e-9
#: largest denominators to try
_DENOMINATORS = (1, 12, 1000, 10**6)
#: singular values below this part of the largest are taken for zeros
_SINGULAR = 1e-10


def separate(Z: Float) -> tuple[Float, Float] | None:
    """d and s of the program for the rows of Z; None where the solver gives up.

    Parameters
    ----------
    Z : ndarray of shape (n, P)

    Returns
    -------
    d : ndarray of shape (P,)
    s : ndarray of shape (n,)
    """
    from scipy import sparse
    from scipy.optimize import linprog

    scale = powers(np.abs(Z).max(axis=0))
    A = Z * scale
    A *= powers(np.abs(A).max(axis=1))[:, None]
    n, P = A.shape
    constraints: Any = sparse.hstack([sparse.csr_array(-A), sparse.eye_array(n)], format="csr")
    found = linprog(
        np.concatenate([np.zeros(P), -np.ones(n)]),
        A_ub=constraints,
        b_ub=np.zeros(n),
        bounds=[(-_LONGEST, _LONGEST)] * P + [(0.0, 1.0)] * n,
        method="highs",
    )
    if found.status != 0:
        return None
    x = np.asarray(found.x)
    with np.errstate(over="ignore"):  # what is not finite is no guess
        return x[:P] * scale, x[P:]


def powers(size: Float) -> Float:
    """Powers of two near 1 / size; 1 for zeros, and 2^1023 for what is smaller than its inverse."""
    exponent = np.where(size > 0.0, np.frexp(size)[1], 0)
    return np.ldexp(1.0, np.minimum(-exponent, 1023))


def simple_directions(d: Float, largest: Float) -> Iterator[Integers]:
    """Whole-number vectors near d: with small denominators first, then d as it is.

    Parameters
    ----------
    d, largest : ndarray of shape (P,)
        A direction, and how large the elements are that it multiplies.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        weight = np.abs(d) * largest
    size = float(weight.max())
    if not 0.0 < size < np.inf:
        return
    kept = np.where(weight < _NOTHING * size, 0.0, d)
    for unit in (float(np.abs(kept).max()), float(np.abs(kept[kept != 0.0]).min())):
        seen = None
        for most in _DENOMINATORS:
            values = [Fraction(v / unit).limit_denominator(most) for v in kept.tolist()]
            if values != seen and any(values):
                yield from_fractions(values)
            seen = values
    yield from_fractions([Fraction(v) for v in d.tolist()])


def null_guess(Z: Float, largest: Float) -> Integers:
    """Whole-number vectors that span {v : Z v = 0} as far as double precision can tell; shape (q, P).

    A reduced basis of the null space by singular values; where its elements are no simple fractions, that of
    as many rows as the rank, exactly.
    """
    from scipy.linalg import qr

    P = Z.shape[1]
    scale = powers(largest)
    A = Z * scale
    _, values, right = np.linalg.svd(A, full_matrices=len(A) < P)
    rank = int((values > _SINGULAR * max(values.max(initial=0.0), np.finfo(float).tiny)).sum())
    if rank == P:
        return np.zeros((0, P), object)
    basis = right[rank:]
    # coordinates that determine the rest, the last ones where there is a choice, to one on the diagonal
    free = np.sort(_free(basis))
    reduced = np.linalg.solve(basis[:, free], basis)
    found = np.zeros((P - rank, P), object)
    for i, v in enumerate(reduced):
        kept = np.where(np.abs(v) < 1e-7 * np.abs(v).max(), 0.0, v)
        values_i = [Fraction(x).limit_denominator(1000) for x in kept.tolist()]
        near = np.array([float(x) for x in values_i])
        if np.abs(near - kept).max() > 1e-7:
            rows = qr(A.T, mode="r", pivoting=True)[1][:rank]
            whole_rows, exponent = whole(Z[rows])
            exact = null_space(whole_rows)
            return np.array([scaled_up(v, -exponent) for v in exact], object).reshape(-1, P)
        found[i] = from_fractions([x * Fraction(s) for x, s in zip(values_i, scale.tolist(), strict=True)])
    return found


def _free(basis: Float) -> np.ndarray:
    """q coordinates in which the q rows of `basis` are independent, the later ones where possible."""
    from scipy.linalg import qr

    q, P = basis.shape
    weight = np.linspace(1.0, 1.5, P)
    return np.asarray(qr(basis * weight, mode="r", pivoting=True)[1][:q])
