"""Whether the maximum-likelihood estimate exists, decided in exact arithmetic on the floats as given.

The judge of sigmax's existence and separation; it shares nothing with the library.  With K classes, the
parameters d_1 .. d_{K-1} of R^k (d_0 = 0, the reference) and rows x_i of the design, each observation (i, y)
and each class k != y has the vector z_ik of d -> (d_y - d_k)'x_i.  The recession cone

    C = {d : z_ik'd >= 0 for all pairs (i, k)}

is where the likelihood does not fall.  The estimate exists if and only if C is its own negative (Albert and
Anderson, Biometrika 71:1-10, 1984).  S are the pairs that some d of C has positive, T the others.  Stiemke's
lemma proves both at once:

    d in C with z'd > 0 on S,   lambda > 0 on T with sum lambda z = 0

Complete separation: T is empty.  The span of C is V = {d : Z_T d = 0}; a parameter is finite in the limiting
fit where it is 0 on all of V; it tends to +-inf where it has one sign on C (Farkas: e_j is, on V, a
non-negative combination of Z_S), and its limit depends on the road otherwise.

Columns that are combinations of those before them are left out: aliased.  Every answer is checked in exact
arithmetic before it is returned, and carries what proves it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from scipy.optimize import nnls

from oracles.farkas import (
    Inside,
    Rank,
    Row,
    coprime,
    dot,
    farkas,
    integers,
    of_floats,
    products,
    rank,
    rank_at_least,
    scaled,
)

NAN = float("nan")


@dataclass(frozen=True)
class Sign:
    """Proof of the sign of a parameter on C: either `inside`, or members of C with either sign.

    Attributes
    ----------
    inside : Inside or None
        sign * e_j, on the basis of V, as a combination of `Proof.outer`.
    both : tuple of two vectors, or None
    """

    inside: Inside | None = None
    both: tuple[Row, Row] | None = None


@dataclass(frozen=True)
class Proof:
    """What proves an answer; vectors leave out aliased columns.

    Attributes
    ----------
    Z : list of integer rows
        Distinct z's, each times a positive number.
    T : list of int
        Indices of the rows of Z that vanish on C.
    d : integer vector
        In C, positive on all other rows.
    weights : list of int
        lambda > 0 for the rows T.
    V : list of integer vectors
        Basis of the null space of Z_T.
    outer : list of integer rows
        The rows of S as functions on that basis.
    signs : dict of int to Sign
    """

    Z: list[tuple[int, ...]]
    T: list[int]
    d: Row
    weights: list[int]
    V: list[tuple[int, ...]] = field(default_factory=list)
    outer: list[tuple[int, ...]] = field(default_factory=list)
    signs: dict[int, Sign] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """The exact truth about a problem.

    Attributes
    ----------
    exists : bool
        There is no separation.  Unique only where nothing is aliased.
    kind : {"complete", "quasi", None}
    excluded : bool ndarray of shape (n, K)
        The pairs S: class k gets probability 0 in row i.  Rows that do not count have none.
    counted : bool ndarray of shape (n,)
        Rows of positive weight.
    infinite : float ndarray of shape (K - 1, k)
        0 finite in the limiting fit, +1 or -1 infinite, nan direction-dependent or aliased.
    aliased : bool ndarray of shape (k,)
        Columns of the design that are combinations of those before them.
    direction : tuple of Fraction, (K - 1) k of them, or None
    proof : Proof
    """

    exists: bool
    kind: str | None
    excluded: np.ndarray
    counted: np.ndarray
    infinite: np.ndarray
    aliased: np.ndarray
    direction: tuple[Fraction, ...] | None
    proof: Proof

    @property
    def rows(self) -> np.ndarray:
        """Rows with a class excluded, sorted."""
        return np.flatnonzero(self.excluded.any(axis=1))


def design_of(X: np.ndarray, fit_intercept: bool) -> np.ndarray:
    """X with its column of ones first."""
    return np.column_stack([np.ones(len(X)), X]) if fit_intercept else np.asarray(X, dtype=np.float64)


def observed(y: np.ndarray, n_classes: int, weight: np.ndarray | None) -> np.ndarray:
    """Which classes were observed in each row, with positive weight; bool (n, K)."""
    seen = y > 0.0 if y.ndim == 2 else y[:, None] == np.arange(n_classes)
    return seen if weight is None else seen & (weight > 0.0)[:, None]


def _pairs(D: list[tuple[int, ...]], seen: np.ndarray) -> dict[tuple[int, ...], list[tuple[int, int]]]:
    """The distinct z's, and to which (row, class) each belongs; vectors of 0 too."""
    K, k = seen.shape[1], len(D[0])
    zero = (0,) * k
    found: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for i, y in zip(*(a.tolist() for a in np.nonzero(seen)), strict=True):
        x = D[i]
        minus = tuple(-v for v in x)
        for other in range(K):
            if other != y:
                blocks = [x if c == y else minus if c == other else zero for c in range(1, K)]
                found.setdefault(tuple(v for block in blocks for v in block), []).append((i, other))
    return found


def _strict(Z: list[tuple[int, ...]]) -> tuple[int, ...] | None:
    """d with Z d > 0, as the largest margin in floating point suggests it; None where that fails."""
    floats = scaled(Z)
    if floats is None:
        return None
    F, c = floats
    try:
        mu, _ = nnls(np.vstack([F.T, np.ones(len(F))]), np.append(np.zeros(F.shape[1]), 1.0))
    except (RuntimeError, ValueError):
        return None
    d = F.T @ mu
    if not (F @ d > 0.0).all():
        return None
    exact = of_floats(d * c)
    return exact if min(products(Z, exact)) > 0 else None


def _split(Z: list[tuple[int, ...]], *, exact_only: bool) -> tuple[list[int], tuple[int, ...], list[int]]:
    """(T, d, lambda): a direction at a time, each on the rows on which those before it vanish."""
    size = len(Z[0])
    if not exact_only:
        d = _strict(Z)
        if d is not None:
            return [], d, []
    left = list(range(len(Z)))
    stages: list[tuple[list[int], tuple[int, ...]]] = []
    weights: list[int] = []
    while left:
        columns = rank([Z[i] for i in left]).columns
        A = [tuple(Z[i][j] for j in columns) for i in left]
        # sum (1 + mu) a = 0: mu >= 0 exists, or d with A d >= 0 and a positive sum
        g = tuple(-sum(column) for column in zip(*A, strict=True))
        found = farkas(A, g, exact_only=exact_only)
        if isinstance(found, Inside):
            weights = [found.scale + found.mu.get(place, 0) for place in range(len(left))]
            break
        d = [0] * size
        for j, v in zip(columns, found.d, strict=True):
            d[j] = v
        stages.append((left, tuple(d)))
        left = [i for i in left if dot(Z[i], d) == 0]
    total: tuple[int, ...] = (0,) * size
    for rows, d in reversed(stages):
        share = 1
        for i in rows:
            gain = dot(Z[i], d)
            if gain > 0:
                share = max(share, -dot(Z[i], total) // gain + 1)
        total = coprime([share * u + v for u, v in zip(d, total, strict=True)])
    return left, total, weights


def _signs(proof: Proof, null: Rank | None, *, exact_only: bool) -> tuple[list[float], dict[int, Sign]]:
    """Per parameter 0, +-1 or nan, and what proves +-1 and nan."""
    size, d = len(proof.d), proof.d
    # d = sum share_v v: each basis vector has a place of its own
    interior = d if null is None else _shares(d, null)
    in_s = [z for i, z in enumerate(proof.Z) if i not in set(proof.T)]
    values: list[float] = []
    signs: dict[int, Sign] = {}
    for j in range(size):
        on_basis = [v[j] for v in proof.V]
        if not any(on_basis):
            values.append(0.0)
            continue
        sign = (d[j] > 0) - (d[j] < 0)
        if sign == 0:
            # C is open in V at d: a little of either sign may be added
            v = next(v for v in proof.V if v[j])
            share = 1 + max(abs(dot(z, v)) // dot(z, d) for z in in_s)
            one = tuple(share * a + b for a, b in zip(d, v, strict=True))
            other = tuple(share * a - b for a, b in zip(d, v, strict=True))
            signs[j] = Sign(both=(one, other) if v[j] > 0 else (other, one))
            values.append(NAN)
            continue
        found = farkas(proof.outer, [sign * v for v in on_basis], interior, exact_only=exact_only)
        if isinstance(found, Inside):
            signs[j] = Sign(inside=found)
            values.append(float(sign))
        else:
            opposite = _combined(proof.V, found.d)
            signs[j] = Sign(both=(d, opposite) if sign > 0 else (opposite, d))
            values.append(NAN)
    return values, signs


def _shares(d: Row, null: Rank) -> tuple[int, ...]:
    shares = [Fraction(int(d[j]), int(v[j])) for j, v in zip(null.free, null.null, strict=True)]
    common = math.lcm(*(share.denominator for share in shares))
    return tuple(int(share * common) for share in shares)


def _combined(V: list[tuple[int, ...]], shares: Row) -> tuple[int, ...]:
    return tuple(dot(column, shares) for column in zip(*V, strict=True))


def check(proof: Proof, infinite: list[float]) -> None:
    """Every claim of a proof, in exact arithmetic.

    Raises
    ------
    AssertionError
        One does not hold.
    """

    def claim(holds: bool, what: str) -> None:
        if not holds:
            raise AssertionError(f"the oracle's proof fails: {what}")

    Z, T = proof.Z, set(proof.T)
    margins = products(Z, proof.d)
    claim(all((m == 0) if i in T else (m > 0) for i, m in enumerate(margins)), "d")
    if T:
        claim(min(proof.weights) > 0 and len(proof.weights) == len(T), "lambda > 0")
        total = [dot(proof.weights, [Z[i][j] for i in proof.T]) for j in range(len(proof.d))]
        claim(not any(total), "sum lambda z = 0")
    if len(T) == len(Z):
        claim(not any(infinite), "finite parameters")
        return
    on_t = [Z[i] for i in proof.T]
    claim(all(not any(products(on_t, v)) for v in proof.V), "V vanishes on T")
    claim(rank_at_least(proof.V) == len(proof.V), "V is independent")
    claim((rank_at_least(on_t) if T else 0) + len(proof.V) == len(proof.d), "V is all that vanishes on T")
    allowed = {coprime(products(proof.V, z)) for i, z in enumerate(Z) if i not in T}
    claim(allowed.issuperset(proof.outer), "the rows of S on V")
    for j, value in enumerate(infinite):
        on_basis = [v[j] for v in proof.V]
        if value == 0.0:
            claim(not any(on_basis), "a finite parameter")
        elif value in (1.0, -1.0):
            found = proof.signs[j].inside if j in proof.signs else None
            if found is None:
                raise AssertionError("the oracle's proof fails: no proof of a sign")
            claim(found.scale > 0 and min(found.mu.values(), default=0) > 0, "mu >= 0")
            total = [0] * len(proof.V)
            for i, m in found.mu.items():
                total = [t + m * a for t, a in zip(total, proof.outer[i], strict=True)]
            claim(total == [int(value) * found.scale * v for v in on_basis], "A'mu = g")
        else:
            both = proof.signs[j].both if j in proof.signs else None
            if both is None:
                raise AssertionError("the oracle's proof fails: no proof of two signs")
            up, down = both
            claim(up[j] > 0 > down[j], "two signs")
            claim(min(products(Z, up)) >= 0 and min(products(Z, down)) >= 0, "two members of C")


def decide(
    X: np.ndarray,
    y: np.ndarray,
    n_classes: int,
    *,
    weight: np.ndarray | None = None,
    fit_intercept: bool = True,
    exact_only: bool = False,
) -> Answer:
    """Existence, separation, signs and rank, exactly.

    Parameters
    ----------
    X : float64 ndarray of shape (n, p)
    y : ndarray of shape (n,), codes 0 .. K-1, or (n, K), counts
    n_classes : int
        K; classes without an observation count, too.
    weight : ndarray of shape (n,), optional
        Rows of weight 0 do not count.
    fit_intercept : bool
    exact_only : bool
        Without proposals from floating point.
    """
    seen = observed(np.asarray(y), n_classes, weight)
    counted = seen.any(axis=1)
    design = design_of(X, fit_intercept)
    n, k = design.shape
    D = [integers(row) for row in design.tolist()]
    kept = rank([D[i] for i in np.flatnonzero(counted)]).columns
    aliased = np.ones(k, dtype=bool)
    aliased[kept] = False
    excluded = np.zeros((n, n_classes), dtype=bool)
    infinite = np.zeros((n_classes - 1, k))
    infinite[:, aliased] = NAN
    if not kept:
        return Answer(True, None, excluded, counted, infinite, aliased, None, Proof([], [], (), []))

    pairs = _pairs([tuple(row[j] for j in kept) for row in D], seen)
    Z = [z for z in pairs if any(z)]
    T, d, weights = _split(Z, exact_only=exact_only)
    in_t = set(T)
    if len(T) == len(Z):
        proof = Proof(Z, T, d, weights)
        values = [0.0] * len(d)
    else:
        null = rank([Z[i] for i in T]) if T else None
        V = [tuple(int(i == j) for i in range(len(d))) for j in range(len(d))] if null is None else null.null
        outer = list(dict.fromkeys(coprime(products(V, z)) for i, z in enumerate(Z) if i not in in_t))
        proof = Proof(Z, T, d, weights, V, outer)
        values, signs = _signs(proof, null, exact_only=exact_only)
        proof = Proof(Z, T, d, weights, V, outer, signs)
    check(proof, values)
    for i, z in enumerate(Z):
        if i not in in_t:
            for row, other in pairs[z]:
                excluded[row, other] = True
    infinite[:, kept] = np.array(values).reshape(n_classes - 1, len(kept))
    exists = len(T) == len(Z)
    every = not T and len(Z) == len(pairs)
    direction = None
    if not exists:
        whole = np.full((n_classes - 1, k), Fraction(0), dtype=object)
        whole[:, kept] = np.array([Fraction(int(v)) for v in d], dtype=object).reshape(n_classes - 1, -1)
        direction = tuple(whole.ravel().tolist())
    kind = None if exists else "complete" if every else "quasi"
    return Answer(exists, kind, excluded, counted, infinite, aliased, direction, proof)
