"""Whether the optimum of a problem without penalty exists: overlap or separation of its rows (NUMERICS 4.1).

With z = (e_y - e_k) (x) x, for every row that counts and every class k != y, the optimum exists and is unique
if and only if the design has full rank and no b has z'b >= 0 for all z and z'b > 0 for one (Albert & Anderson
1984).  Weights matter only through being positive, offsets not at all.  A linear program (HiGHS) proposes b,
after Konis (2007):

    maximise sum z'b   subject to   z'b >= 0,  -1 <= b <= 1

and exact rational arithmetic decides whether it separates: the program's tolerances are no proof.
"""

from __future__ import annotations

import enum
from fractions import Fraction

import numpy as np
from problems import Problem
from scipy.linalg import qr
from scipy.optimize import linprog

#: singular values of the scaled design, relative to the largest: columns are dependent below the first and
#: in doubt below the second
_DEPENDENT = 1e-12
_DOUBTFUL = 1e-9
#: margins of the program's direction that are taken for zeros, relative to the largest; HiGHS keeps its
#: conditions to 1e-7
_ZERO = (1e-9, 1e-7, 1e-5)
_DENOMINATOR = 2**40


class Verdict(enum.Enum):
    """What is known without an optimum."""

    OVERLAP = "the linear program sees no separation"
    SEPARATED = "separated, proved in rational arithmetic"
    DOUBTFUL = "the linear program sees a separation that rational arithmetic does not confirm"


def rank(problem: Problem) -> bool | None:
    """Whether the design has full column rank; None: doubtful."""
    D = problem.counted()[0]
    length = np.sqrt((D * D).sum(axis=0))
    if len(D) < D.shape[1] or not (length > 0.0).all():
        return False
    singular = np.linalg.svd(D / length, compute_uv=False)
    ratio = singular[-1] / singular[0]
    return None if _DEPENDENT < ratio < _DOUBTFUL else bool(ratio >= _DOUBTFUL)


def _power(values: np.ndarray) -> np.ndarray:
    return np.ldexp(1.0, np.frexp(values)[1])


def differences(problem: Problem) -> np.ndarray:
    """The z's as rows; each, and each column of the design, scaled by a power of two: no verdict changes."""
    D, y, _, _ = problem.counted()
    D = D / _power(np.maximum(np.abs(D).max(axis=0), 1e-300))
    largest = np.abs(D).max(axis=1)
    D = D / _power(np.where(largest > 0.0, largest, 1.0))[:, None]
    (n, k), m = D.shape, problem.n_logits
    found = []
    for other in range(m + 1):
        mine = y != other
        Z = np.zeros((n, m + 1, k))
        Z[np.arange(n), y] += D
        Z[:, other] -= D
        found.append(Z[mine, 1:].reshape(-1, m * k))
    return np.unique(np.concatenate(found), axis=0)


def _signs_hold(Z: np.ndarray, b: list[Fraction]) -> bool:
    """Z b >= 0 and one > 0, exactly."""
    rounded = np.array([float(v) for v in b])
    approximate = Z @ rounded
    safe = 1e-12 * (np.abs(Z) @ np.abs(rounded))
    if (approximate < -safe).any():
        return False
    positive = bool((approximate > safe).any())
    for row in Z[approximate <= safe].tolist():
        value = sum((Fraction(z) * v for z, v in zip(row, b, strict=True) if z and v), Fraction(0))
        if value < 0:
            return False
        positive = positive or value > 0
    return positive


def _null_space(rows: list[list[float]], size: int) -> list[list[Fraction]]:
    """A basis of the vectors orthogonal to `rows`, by elimination in rational numbers."""
    M = [[Fraction(v) for v in row] for row in rows]
    pivots: list[int] = []
    for j in range(size):
        at = len(pivots)
        best = next((i for i in range(at, len(M)) if M[i][j]), None)
        if best is None:
            continue
        M[at], M[best] = M[best], M[at]
        M[at] = [v / M[at][j] for v in M[at]]
        for i in range(len(M)):
            if i != at and M[i][j]:
                factor = M[i][j]
                M[i] = [u - factor * v for u, v in zip(M[i], M[at], strict=True)]
        pivots.append(j)
    basis = []
    for j in (j for j in range(size) if j not in pivots):
        vector = [Fraction(int(i == j)) for i in range(size)]
        for i, pivot in enumerate(pivots):
            vector[pivot] = -M[i][j]
        basis.append(vector)
    return basis


def separates(Z: np.ndarray, b: np.ndarray) -> bool:
    """Whether `b`, or a direction near it with exact zeros where `b` nearly has them, separates: a proof."""
    margins = Z @ b
    for zero in (0.0, *(share * float(np.abs(margins).max()) for share in _ZERO)):
        flat = Z[margins <= zero]
        candidate = [Fraction(v) for v in b.tolist()]
        if zero > 0.0 and len(flat):
            # as many independent rows as there are: the others follow where the rank is right
            R, order = qr(flat.T, mode="r", pivoting=True)
            diagonal = np.abs(R.diagonal())
            independent = order[: int((diagonal > 1e-10 * diagonal[0]).sum())]
            basis = _null_space(flat[independent].tolist(), Z.shape[1])
            if not basis:
                continue
            N = np.array([[float(v) for v in vector] for vector in basis]).T
            share = np.linalg.lstsq(N, b, rcond=None)[0]
            exact = [Fraction(v).limit_denominator(_DENOMINATOR) for v in share.tolist()]
            candidate = [
                sum((c * vector[j] for c, vector in zip(exact, basis, strict=True)), Fraction(0))
                for j in range(Z.shape[1])
            ]
        if _signs_hold(Z, candidate):
            return True
    return False


def verdict(problem: Problem) -> Verdict:
    """Overlap as the linear program sees it, or separation as rational arithmetic proves it."""
    Z = differences(problem)
    done = linprog(-Z.sum(axis=0), A_ub=-Z, b_ub=np.zeros(len(Z)), bounds=(-1.0, 1.0), method="highs")
    if done.status != 0:
        return Verdict.DOUBTFUL
    if -done.fun <= 1e-9:
        return Verdict.OVERLAP
    return Verdict.SEPARATED if separates(Z, done.x) else Verdict.DOUBTFUL
