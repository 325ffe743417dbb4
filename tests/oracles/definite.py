"""Linear algebra on positive definite matrices, whose inverse is proved."""

from __future__ import annotations

from collections.abc import Sequence

from mpmath import mp, mpf

from oracles.inputs import Matrix, Vector


class IllConditionedError(ArithmeticError):
    """The information matrix is singular to the working precision, or nearly so."""


def cholesky(a: Sequence[Sequence[mpf]]) -> Matrix:
    """Return the lower triangular L with L L' = A; IllConditionedError when A is not definite.

    A pivot is what is left of a diagonal entry after all the earlier columns have explained their
    share; when only the last ten of the working digits are left, it is rounding noise.
    """
    noise = mpf(10) ** (10 - mp.dps)
    lower: Matrix = []
    for i, row in enumerate(a):
        new: Vector = []
        for j in range(i):
            new.append((row[j] - mp.fdot(new, lower[j][:j])) / lower[j][j])
        pivot = row[i] - mp.fdot(new, new)
        if not pivot > noise * row[i]:
            raise IllConditionedError("the information matrix is singular to working precision")
        new.append(mp.sqrt(pivot))
        lower.append(new)
    return lower


def solve(lower: Matrix, rhs: Sequence[mpf]) -> Vector:
    """Solve L L' x = rhs."""
    size = len(lower)
    x: Vector = []
    for i in range(size):
        x.append((rhs[i] - mp.fdot(lower[i][:i], x)) / lower[i][i])
    for i in reversed(range(size)):
        above = mp.fdot([lower[j][i] for j in range(i + 1, size)], x[i + 1 :])
        x[i] = (x[i] - above) / lower[i][i]
    return x


def inverse(a: Sequence[Sequence[mpf]], lower: Matrix, digits: int) -> tuple[tuple[mpf, ...], ...]:
    """Invert A and prove it.

    With C the computed inverse and D = A C - I, the error of C is C D up to second order, and
    |C_im| <= s_i s_m for the standard errors s.  Hence |error_ij| <= s_i sum_m s_m |D_mj|, which is
    required to be below ``10**-digits`` of s_i s_j.
    """
    size = len(a)
    columns = [solve(lower, [mpf(i == j) for j in range(size)]) for i in range(size)]
    sd = [mp.sqrt(columns[i][i]) for i in range(size)]
    for j in range(size):
        defect = [abs(mp.fdot(a[m], columns[j]) - (m == j)) for m in range(size)]
        if mp.fdot(sd, defect) > sd[j] * mpf(10) ** -digits:
            raise IllConditionedError("the inverse of the information matrix lacks digits")
    return tuple(tuple((columns[i][j] + columns[j][i]) / 2 for j in range(size)) for i in range(size))
