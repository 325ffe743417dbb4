"""Systems of linear inequalities in exact integers: Farkas' lemma, with its certificate either way.

For integer rows a_1 .. a_N in Z^P that span R^P, and g in Z^P, exactly one of these has a solution:

    A'mu = g, mu >= 0            g lies in the cone of the rows
    A d >= 0, g'd < 0            a hyperplane keeps g out of it

`farkas` returns one, checked in exact arithmetic.  Floating point (non-negative least squares) only proposes
where to look; where its proposal fails the check, exact pivots with the least-index rule decide, which end
from any basis (Avis and Kaluzny, American Mathematical Monthly 111:152-157, 2004).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from typing import Any

import numpy as np
from scipy.optimize import nnls

try:  # faster with numbers of a thousand bits, and the same
    from gmpy2 import mpz as integer
except ImportError:
    integer = int

#: a row of integers
Row = Sequence[int]

#: numerators of certificates that floating point may propose, relative to its residual
_NOTHING = 1e-9
#: beyond 2^900 an integer is not made a float
_FLOAT_BITS = 900
_PRIMES = (2**31 - 1, 2**31 - 19, 2**31 - 61, 2**31 - 69, 2**31 - 85, 2**31 - 99)


def dot(a: Row, b: Row) -> int:
    """a'b."""
    return sum(map(mul, a, b))


def products(A: Sequence[Row], d: Row) -> list[int]:
    """A d."""
    return [sum(map(mul, a, d)) for a in A]


def coprime(row: Row) -> tuple[int, ...]:
    """The row divided by its greatest common divisor, a positive number."""
    divisor = math.gcd(*row)
    return tuple(v // divisor for v in row) if divisor > 1 else tuple(row)


def integers(row: Sequence[float]) -> tuple[int, ...]:
    """The row of floats times the positive number that makes it coprime integers; exact."""
    ratios = [float(v).as_integer_ratio() for v in row]
    common = max((den for _, den in ratios), default=1)
    return coprime([num * (common // den) for num, den in ratios])


def solve(M: Sequence[Row], right: Sequence[Row]) -> tuple[int, list[list[int]]]:
    """(det > 0, solutions x det) of M x = right_i for each vector of `right`; Gauss, Jordan and Bareiss.

    Raises
    ------
    ZeroDivisionError
        M is singular.
    """
    size = len(M)
    W = [[integer(v) for v in row] + [integer(b[i]) for b in right] for i, row in enumerate(M)]
    before = integer(1)
    for k in range(size):
        at = next((i for i in range(k, size) if W[i][k]), None)
        if at is None:
            raise ZeroDivisionError("singular")
        W[k], W[at] = W[at], W[k]
        pivot, line = W[k][k], W[k]
        for i in range(size):
            if i != k:
                factor = W[i][k]
                W[i] = [(pivot * u - factor * v) // before for u, v in zip(W[i], line, strict=True)]
        before = pivot
    sign = 1 if before > 0 else -1
    return sign * before, [[sign * W[i][size + c] for i in range(size)] for c in range(len(right))]


def _profile(A: Sequence[Row], prime: int) -> tuple[list[int], list[int]]:
    """Rows and columns of the first minor that is not 0 modulo a prime, columns in their order."""
    M = np.array([[int(v % prime) for v in row] for row in A], dtype=np.int64)
    free = np.ones(len(M), dtype=bool)
    rows, columns = [], []
    for j in range(M.shape[1]):
        candidates = np.flatnonzero(free & (M[:, j] != 0))
        if not len(candidates):
            continue
        i = int(candidates[0])
        free[i] = False
        factor = M[:, j] * pow(int(M[i, j]), -1, prime) % prime
        factor[~free] = 0
        M = (M - factor[:, None] * M[i] % prime) % prime
        rows.append(i)
        columns.append(j)
    return rows, columns


@dataclass(frozen=True)
class Rank:
    """Independent rows and columns of a matrix, and its null space.

    Attributes
    ----------
    rows, columns : list of int
        A minor that is not 0.  A column that is not among `columns` is a combination of those before it.
    free : list of int
        The other columns.
    null : list of tuple of int
        One null vector for each of `free`, positive there and 0 at the others of them.
    """

    rows: list[int]
    columns: list[int]
    free: list[int]
    null: list[tuple[int, ...]]


def rank_at_least(A: Sequence[Row]) -> int:
    """A lower bound of the rank: a minor that is not 0 modulo a prime."""
    return len(_profile(A, _PRIMES[-1])[0])


def rank(A: Sequence[Row]) -> Rank:
    """Rank of an integer matrix with rows, exactly: a minor not 0 modulo a prime, null vectors that hold."""
    width = len(A[0])
    for prime in _PRIMES:
        rows, columns = _profile(A, prime)
        free = [j for j in range(width) if j not in columns]
        if not free:
            return Rank(rows, columns, [], [])
        minor = [[A[i][j] for j in columns] for i in rows]
        det, found = (
            solve(minor, [[-A[i][j] for i in rows] for j in free]) if rows else (1, [[] for _ in free])
        )
        null = []
        for j, values in zip(free, found, strict=True):
            vector = [0] * width
            vector[j] = det
            for column, value in zip(columns, values, strict=True):
                vector[column] = value
            null.append(coprime(vector))
        in_order = all(not any(v[j + 1 :]) for j, v in zip(free, null, strict=True))
        if in_order and not any(any(products(A, v)) for v in null):
            return Rank(rows, columns, free, null)
    raise ArithmeticError("the rank is smaller modulo every prime tried")


@dataclass(frozen=True)
class Inside:
    """A'mu = scale g: `mu` holds the positive entries by row, `scale` > 0."""

    mu: dict[int, int]
    scale: int


@dataclass(frozen=True)
class Outside:
    """A d >= 0, g'd < 0."""

    d: tuple[int, ...]


def holds(found: Inside | Outside, A: Sequence[Row], g: Row) -> bool:
    """Whether a certificate is one, in exact arithmetic."""
    if isinstance(found, Outside):
        return dot(g, found.d) < 0 and min(products(A, found.d)) >= 0
    if found.scale <= 0 or any(v <= 0 for v in found.mu.values()):
        return False
    total = [0] * len(g)
    for i, v in found.mu.items():
        total = [t + v * a for t, a in zip(total, A[i], strict=True)]
    return total == [found.scale * v for v in g]


def scaled(A: Sequence[Row]) -> tuple[np.ndarray, np.ndarray] | None:
    """(rows as floats of length about 1, columns multiplied by c; c), or None where they are too long."""
    if max(int(v).bit_length() for row in A for v in row) > _FLOAT_BITS:
        return None
    F = np.array([[float(v) for v in row] for row in A])
    F /= np.ldexp(1.0, np.frexp(np.abs(F).max(axis=1))[1])[:, None]
    largest = np.abs(F).max(axis=0)
    c = np.ldexp(1.0, -np.frexp(np.where(largest > 0.0, largest, 1.0))[1])
    F = F * c
    F /= np.ldexp(1.0, np.frexp(np.abs(F).max(axis=1))[1])[:, None]
    return F, c


def of_floats(d: np.ndarray) -> tuple[int, ...]:
    """A positive multiple of the floats, in integers."""
    return integers(d.tolist())


def _projected(A: Sequence[Row], g: Row, passive: list[int]) -> Outside | None:
    """d = what the exact projection on some rows leaves of -g."""
    B = [A[i] for i in passive]
    gram = [products(B, b) for b in B]
    try:
        det, (mu,) = solve(gram, [products(B, g)])
    except ZeroDivisionError:
        return None
    d = [-det * v for v in g]
    for b, m in zip(B, mu, strict=True):
        d = [u + m * v for u, v in zip(d, b, strict=True)]
    return Outside(coprime(d)) if any(d) else None


def _completed(A: Sequence[Row], some: list[int]) -> list[int]:
    """Rows that are a basis, `some` of them first where they are independent."""
    order = [*some, *(i for i in range(len(A)) if i not in set(some))]
    found = rank(list(zip(*(A[i] for i in order), strict=True)))  # its columns are the rows, in this order
    return [order[j] for j in found.columns]


def pivots(A: Sequence[Row], g: Row, basis: list[int]) -> Inside | Outside:
    """The exact decision from any basis, by the least-index rule."""
    size = len(g)
    identity = [[int(i == j) for i in range(size)] for j in range(size)]
    basis = list(basis)
    det, N = solve([A[i] for i in basis], identity)  # B N_l = det e_l
    while True:
        mu = [dot(g, n) for n in N]
        if min(mu) >= 0:
            return Inside({i: m for i, m in zip(basis, mu, strict=True) if m}, det)
        at = min((i, place) for place, i in enumerate(basis) if mu[place] < 0)[1]
        enter = next((j for j, a in enumerate(A) if dot(a, N[at]) < 0), None)
        if enter is None:
            return Outside(coprime(N[at]))
        w = products(N, A[enter])
        for place in range(size):
            if place != at:
                N[place] = [(u * w[at] - v * w[place]) // det for u, v in zip(N[place], N[at], strict=True)]
        det = -w[at]
        N = [[-v for v in n] for n in N]
        basis[at] = enter


def _proposals(A: Sequence[Row], g: Row, interior: Row | None) -> tuple[Inside | Outside | None, list[int]]:
    """What floating point finds, checked, and rows that it thinks matter."""
    floats = scaled([*A, g])
    if floats is None:
        return None, []
    F, c = floats[0][:-1], floats[1]
    target = floats[0][-1]
    try:
        mu, _ = nnls(F.T, target)
    except (RuntimeError, ValueError):
        return None, []
    passive = np.flatnonzero(mu > 0.0).tolist()
    left = F.T @ mu - target
    if float(np.abs(left).max()) <= _NOTHING:
        return None, passive
    candidates: list[Any] = []
    if interior is not None:
        inner = scaled([interior])
        if inner is not None:
            into = np.array([float(v) for v in interior])
            into = into / np.abs(into).max() / c
            margins, gains = F @ left, F @ into
            if (gains > 0.0).all():
                share = 2.0 * float((np.maximum(1e-15 - margins, 0.0) / gains).max())
                candidates.append(lambda: Outside(of_floats((left + share * into) * c)))
    candidates.append(lambda: _projected(A, g, passive))
    for candidate in candidates:
        found = candidate()
        if found is not None and holds(found, A, g):
            return found, passive
    return None, passive


def farkas(
    A: Sequence[Row], g: Row, interior: Row | None = None, *, exact_only: bool = False
) -> Inside | Outside:
    """Whether g lies in the cone of the rows of A, with a certificate that was checked.

    Parameters
    ----------
    A : sequence of N integer rows that span R^P
    g : P integers
    interior : P integers, optional
        d with A d > 0, where one is known: makes certificates cheap.
    exact_only : bool
        Without floating point.
    """
    found, passive = (None, []) if exact_only else _proposals(A, g, interior)
    if found is None:
        found = pivots(A, g, _completed(A, passive))
        if not holds(found, A, g):
            raise AssertionError("a certificate of exact pivots does not hold")
    return found
