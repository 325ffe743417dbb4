"""The limiting fit: the supremum of the log-likelihood, and what is finite where it is reached.

Along the direction of separation the excluded classes lose all probability, and what is left is a likelihood
of the pairs T alone.  With t_ik = z_ik'd + o_iy - o_ik for the pairs (i, k) of T it is

    sup = max over d of  - sum_i w_i log(1 + sum_k e^(-t_ik))

whose maximum exists (Stiemke's lambda > 0).  Newton's method in nearly orthonormal coordinates of the columns
that exact arithmetic found to be independent on T; rows are taken there without rounding on the way, so that
nearly dependent columns cost no digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from oracles import farkas
from oracles.separation import Answer
from problems import Problem

#: in standard errors: the maximum is reached
_REACHED = 1e-9
#: of the columns on T in the coordinates used, and of the Hessian: beyond these the result is no judge
_CONDITION, _HESSIAN = 1e4, 1e12
#: how often coordinates are made anew
_TURNS = 3
_ITERATIONS = 200


@dataclass(frozen=True)
class Limit:
    """The limiting fit.

    Attributes
    ----------
    sure : bool
        The maximum was reached, and is well conditioned: the numbers below are those of the optimum.
    llf : float
        Supremum of the log-likelihood; where it is not sure, a value that it is not below.
    params, bse : ndarray of shape (K - 1, k)
        nan where the parameter is not finite.
    probabilities : ndarray of shape (n, K)
        Exactly 0 for excluded classes; nan in rows that do not count.
    """

    sure: bool
    llf: float
    params: np.ndarray
    bse: np.ndarray
    probabilities: np.ndarray


class _Pairs:
    """z's of T, grouped by observation."""

    def __init__(self, problem: Problem, answer: Answer) -> None:
        design, masses, offsets = problem.design(), problem.masses(), problem.offsets()
        K = masses.shape[1]
        kept = np.flatnonzero(~answer.aliased)
        rows, owner, shift, where = [], [], [], []
        self.owners: list[tuple[int, int]] = []
        weights = []
        for i, y in zip(*np.nonzero(problem.seen()), strict=True):
            self.owners.append((int(i), int(y)))
            weights.append(masses[i, y])
            for k in range(K):
                if k != y and not answer.excluded[i, k]:
                    z = np.zeros((K, len(kept)))
                    z[y] += design[i, kept]
                    z[k] -= design[i, kept]
                    rows.append(z[1:].ravel())
                    owner.append(len(self.owners) - 1)
                    shift.append(offsets[i, y] - offsets[i, k])
                    where.append((int(i), k))
        self.Z = np.array(rows).reshape(len(rows), (K - 1) * len(kept))
        self.owner, self.shift = np.array(owner, dtype=int), np.array(shift)
        self.where, self.weights = where, np.array(weights)

    def shares(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(-log p_y of each observation, p_k of each pair)."""
        m = len(self.owners)
        largest = np.zeros(m)
        np.maximum.at(largest, self.owner, -t)
        e = np.exp(-t - largest[self.owner])
        total = np.exp(-largest) + np.bincount(self.owner, e, m)
        # log(e^-a + s) + a, without loss where s is tiny and a = 0
        small = np.log1p(np.bincount(self.owner, e, m))
        nll = np.where(largest == 0.0, small, np.log(total) + largest)
        return nll, e / total[self.owner]


def fit(problem: Problem, answer: Answer) -> Limit:
    """The limiting fit of a problem, given its exact answer."""
    pairs = _Pairs(problem, answer)
    n, K = problem.masses().shape
    k = len(answer.aliased)
    kept = np.flatnonzero(~answer.aliased)
    exact = [answer.proof.Z[i] for i in answer.proof.T]
    columns = farkas.rank(exact).columns if exact else []
    A = pairs.Z[:, columns]
    sure, back = True, np.zeros((0, 0))
    if columns:
        Q, back, sure = _coordinates(A)
    else:
        Q = np.zeros((len(A), 0))
    with np.errstate(over="ignore", under="ignore"):
        beta, nll, H, reached = _newton(pairs, Q)
        _, share = pairs.shares(Q @ beta + pairs.shift)
    if len(H):
        values = np.linalg.eigvalsh(H)
        sure = sure and reached and bool(values[0] * _HESSIAN > values[-1])
    finite = np.full((K - 1) * len(kept), np.nan)
    bse = finite.copy()
    if columns:
        finite[columns] = back @ beta
        if sure:
            bse[columns] = np.sqrt(np.einsum("ij,ij->i", back @ np.linalg.inv(H), back))
    params, errors = np.full((K - 1, k), np.nan), np.full((K - 1, k), np.nan)
    params[:, kept], errors[:, kept] = finite.reshape(K - 1, -1), bse.reshape(K - 1, -1)
    unknown = answer.infinite != 0.0
    params[unknown] = errors[unknown] = np.nan
    probabilities = np.full((n, K), np.nan)
    probabilities[answer.counted] = 0.0
    for (i, other), p in zip(pairs.where, share, strict=True):
        probabilities[i, other] = p
    for i, y in pairs.owners:
        others = np.delete(probabilities[i], y)
        others = others[np.isfinite(others)]
        probabilities[i, y] = 1.0 - others.sum()
    return Limit(sure, -nll if len(pairs.owner) else 0.0, params, errors, probabilities)


def _coordinates(A: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """(A T but for its last digits, T, whether A T is well conditioned): T is such that it should be."""
    T = np.diag(np.ldexp(1.0, -np.frexp(np.abs(A).max(axis=0))[1]))
    Q = A @ T
    for turn in range(_TURNS):
        R = np.linalg.qr(Q, mode="r")
        singular = np.linalg.svd(R, compute_uv=False)
        if turn and singular[-1] * _CONDITION > singular[0]:
            return Q, T, True
        T = T @ np.linalg.pinv(R, rcond=1e-300)
        Q = _exactly(A, T)
    singular = np.linalg.svd(Q, compute_uv=False)
    return Q, T, bool(singular[-1] * _CONDITION > singular[0])


def _exactly(A: np.ndarray, T: np.ndarray) -> np.ndarray:
    """A T, each element rounded once."""
    rows = [_ratio(row) for row in A.tolist()]
    columns = [_ratio(column) for column in T.T.tolist()]
    return np.array([[farkas.dot(a, t) / (u * v) for t, v in columns] for a, u in rows])


def _ratio(values: list[float]) -> tuple[list[int], int]:
    """Numerators, and their common denominator."""
    ratios = [v.as_integer_ratio() for v in values]
    common = max(den for _, den in ratios)
    return [num * (common // den) for num, den in ratios], common


def _newton(pairs: _Pairs, Q: np.ndarray) -> tuple[np.ndarray, float, np.ndarray, bool]:
    """(beta, NLL, Hessian, whether the optimum was reached)."""
    beta = np.zeros(Q.shape[1])
    w, m = pairs.weights, len(pairs.owners)
    if Q.shape[1] == 0:
        nll, _ = pairs.shares(pairs.shift)
        return beta, float(w @ nll), np.zeros((0, 0)), True
    reached = False
    value = np.inf
    H = np.eye(len(beta))
    for _ in range(_ITERATIONS):
        nll, p = pairs.shares(Q @ beta + pairs.shift)
        value = float(w @ nll)
        wp = w[pairs.owner] * p
        gradient = -(Q.T @ wp)
        mean = np.zeros((m, len(beta)))
        np.add.at(mean, pairs.owner, p[:, None] * Q)
        H = Q.T @ (wp[:, None] * Q) - (w[:, None] * mean).T @ mean
        try:
            step = -np.linalg.solve(H, gradient)
        except np.linalg.LinAlgError:
            break
        decrement = float(-(gradient @ step))
        if not decrement >= 0.0 or not np.isfinite(step).all():
            break
        if decrement <= _REACHED**2:
            reached = True
            break
        length = 1.0
        while length > 1e-12:
            after = float(w @ pairs.shares(Q @ (beta + length * step) + pairs.shift)[0])
            if after <= value - 0.25 * length * decrement or decrement < 1e-6:
                break
            length *= 0.5
        beta = beta + length * step
    return beta, value, H, reached
