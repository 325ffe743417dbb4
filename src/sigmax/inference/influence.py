"""Leverage of rows, and what the estimates would be without one: one read of the data.

Row i is a unit with w = a N (:mod:`sigmax.inference.residuals`), probabilities p and r = a (c - N p) of all K
classes; u_k = [1 x]'R_k for class k, u_0 = 0, R a root of the inverse information A = R R'.  With

    D_k = sqrt(w p_k) (u_k - sum_l p_l u_l),     H = D D'       (K, K)

H has the eigenvalues of V^(1/2) X A X'V^(1/2), V = w (diag(p) - pp'), and a 0.  Leverage is its trace; over
all units it sums to the number of parameters, less what a penalty takes.  The score without unit i is -X'r
and its information A^-1 - X'V X: the step from the estimate to the one without it is (Pregibon, Ann. Statist.
9, 1981; Lesaffre & Albert, Appl. Statist. 38, 1989)

    b - b_(i) = A X'(I - V M)^-1 r = R g,   g = g_0 + D'(I - H)^-1 D g_0,   g_0 = sum_k r_k u_k,   M = X A X'

Cook's distance is |g|^2 / P, P the number of parameters.  The residual c_k - N p_k has the variance

    (V - V M V)_kk = V_kk spare_k,   spare_k = f_k'(I - H) f_k,   f_k = (sqrt(p_l) ([k=l] - p_k))_l / length

Two classes have H of one eigenvalue, h = w p_0 p_1 |u_1|^2, and g = u_1 r_1 / (1 - h), spare = 1 - h.

Where an eigenvalue h_q of H is near 1, 1 - h_q would cancel.  With v = D'q / |D'q| it is the information of
all other rows and of the penalty along R v:

    1 - h_q = sum_(j != i) |D_j v|^2 + v'R'P R v

a sum of what is not negative; one more read of the data finds it, for all such rows together.  There are no
more of them than parameters, about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from sigmax import passes, threads
from sigmax.inference.observations import Observations, Rows, others
from sigmax.inference.residuals import counted, difference, share, size
from sigmax.kernels import Float

T = TypeVar("T")

#: an eigenvalue of H above 1 less this: 1 - h from the other rows
_NEAR = 1e-3
#: a probability that is near 1
_SURE = 0.9
#: 1 - h below this is rounding: without the row something is not determined
_ALONE = 1e-22


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where results are written, of all rows; None for what is not wanted.

    Attributes
    ----------
    leverage, cooks_distance : ndarray of shape (n,), or None
    spare : ndarray of shape (n,) or (n, K), or None
        Variance of a residual over that of an observation, 1 - h with two classes.
    change : ndarray of shape (n, P), or None
        `map` g.
    map : ndarray of shape (P, r), or None
    """

    leverage: Float | None = None
    cooks_distance: Float | None = None
    spare: Float | None = None
    change: Float | None = None
    map: Float | None = None


@dataclass(frozen=True, slots=True)
class _Block:
    """Of some rows: h (n,), spare (n, K) or (n,), g (n, r)."""

    h: Float
    spare: Float
    g: Float


@dataclass(frozen=True, slots=True)
class _High:
    """A unit with an eigenvalue of H near 1, and those that it has.

    Attributes
    ----------
    index : int
    D : ndarray of shape (K, r)
    g0 : ndarray of shape (r,)
    p : ndarray of shape (K,)
    copies : float
        How many such units the row is.
    values : ndarray of shape (K,)
        Eigenvalues of H.
    vectors : ndarray of shape (K, K)
        In columns.
    """

    index: int
    D: Float
    g0: Float
    p: Float
    copies: float
    values: Float
    vectors: Float

    @property
    def near(self) -> np.ndarray:
        return self.values > 1.0 - _NEAR

    def directions(self) -> Float:
        """v of the eigenvalues near 1, in columns, (r, s)."""
        near = self.near
        return np.asarray((self.D.T @ self.vectors[:, near]) / np.sqrt(self.values[near]))


def influence(
    observations: Observations,
    wanted: Wanted,
    also: Callable[[int, Rows], None],
    *,
    n_estimated: int,
    l2: float,
) -> None:
    """Fill what is wanted.

    Parameters
    ----------
    observations : Observations
    wanted : Wanted
    also : callable
        Called with the first index and the rows of each block, in any thread.
    n_estimated : int
        P of Cook's distance.
    l2 : float
        Strength of the penalty.
    """
    root, kernels = observations.bread.root, observations.kernels
    K, r = len(observations.classes), root.B.shape[1]
    changes = wanted.cooks_distance is not None or wanted.change is not None

    def evaluate(start: int, rows: Rows) -> list[_High]:
        also(start, rows)
        U = root.along(rows.X, rows.intercept, kernels)
        block, high = _two_classes(start, rows, U[:, 0]) if K == 2 else _many_classes(start, rows, U, changes)
        gone = counted(rows)
        if gone is not None:
            out = ~gone
            block.h[out], block.spare[out], block.g[out] = 0.0, 1.0, 0.0
        at = slice(start, start + len(rows))
        if wanted.leverage is not None:
            wanted.leverage[at] = block.h
        if wanted.spare is not None:
            wanted.spare[at] = block.spare
        if wanted.cooks_distance is not None:
            wanted.cooks_distance[at] = np.einsum("ir,ir->i", block.g, block.g) / n_estimated
        if wanted.change is not None:
            assert wanted.map is not None
            kernels.linear_predictor(block.g, wanted.map, wanted.change[at], intercept=False)
        return high

    numbers = 2 * r + 8 if K == 2 else 3 * K * r + 3 * K * K
    flops = 2.0 * observations.n_rows * root.B.size
    high = stream(observations, evaluate, lambda a, b: a + b, numbers=numbers, flops=flops)
    if high:
        for unit, block in _refined(observations, high, l2):
            at = slice(unit.index, unit.index + 1)
            if wanted.leverage is not None:
                wanted.leverage[at] = block.h
            if wanted.spare is not None:
                wanted.spare[at] = block.spare[:, 0] if K == 2 else block.spare
            if wanted.cooks_distance is not None:
                wanted.cooks_distance[at] = (block.g**2).sum() / n_estimated
            if wanted.change is not None:
                assert wanted.map is not None
                wanted.change[at] = block.g @ wanted.map.T


def stream(
    observations: Observations,
    evaluate: Callable[[int, Rows], T],
    merge: Callable[[T, T], T],
    *,
    numbers: int,
    flops: float = np.inf,
) -> T:
    """``Observations.reduce`` whose `evaluate` is told the index of its first row, too."""

    def both(start: int, stop: int) -> tuple[T, float]:
        rows = observations.rows(start, stop)
        return evaluate(start, rows), rows.nll()

    def merge_both(a: tuple[T, float], b: tuple[T, float]) -> tuple[T, float]:
        return merge(a[0], b[0]), a[1] + b[1]

    count = threads.useful(observations.n_threads, flops, shared=observations.kernels.THREADED)
    size = observations.block_rows(numbers)
    found, nll = passes.reduce(observations.n_rows, size, both, merge_both, count)
    observations.require_unchanged(nll)
    return found


def _scores(rows: Rows) -> Float:
    """R = a (c - N p) of all classes, (n, K)."""
    a, r = share(rows), difference(rows)
    return r if a is None else a[:, None] * r


def _copies(rows: Rows) -> Float | None:
    """How many units a row stands for, 1 or more."""
    return None if rows.frequency is None else np.maximum(rows.frequency, 1.0)


def _two_classes(start: int, rows: Rows, u: Float) -> tuple[_Block, list[_High]]:
    p, w, r = rows.p, size(rows), _scores(rows)[:, 1]
    h = w * p[:, 0] * p[:, 1] * np.einsum("ir,ir->i", u, u)
    spare = 1.0 - h
    index = np.flatnonzero(spare < _NEAR)
    safe = np.where(spare < _NEAR, 1.0, spare)
    high = []
    for i in index:
        D = np.sqrt(w[i] * p[i])[:, None] * np.array([-p[i, 1], p[i, 0]])[:, None] * u[i]
        high.append(_unit(start, int(i), rows, D, r[i] * u[i]))
    return _Block(h, spare, (r / safe)[:, None] * u), high


def centred(p: Float, U: Float) -> Float:
    """u_k - sum_l p_l u_l of all classes, (n, K, r), from those against class 0, (n, m, r).

    Near p = 1 by way of differences with that class, so that nothing cancels.
    """
    W = np.zeros((len(p), p.shape[1], U.shape[2]))
    W[:, 1:] = U
    sure = np.flatnonzero(p.max(axis=1) > _SURE)
    if len(sure):
        W[sure] -= W[sure, p[sure].argmax(axis=1)][:, None]
    W -= np.einsum("ik,ikr->ir", p, W)[:, None]
    return W


def _many_classes(start: int, rows: Rows, U: Float, changes: bool) -> tuple[_Block, list[_High]]:
    """g is 0 where no `changes` are wanted."""
    p, w, K = rows.p, size(rows), rows.p.shape[1]
    gone = counted(rows)
    if gone is not None:  # whose p may be nan
        p = np.where(gone[:, None], p, 1.0 / K)
    D = centred(p, U)
    r = _scores(rows)
    if gone is not None:
        r = np.where(gone[:, None], r, 0.0)
    g0 = np.einsum("ik,ikr->ir", r, D) if changes else np.zeros((len(p), D.shape[2]))
    D *= np.sqrt(w[:, None] * p)[:, :, None]
    H = np.empty((len(p), K, K))
    for a in range(K):
        for b in range(a, K):
            H[:, a, b] = H[:, b, a] = np.einsum("ir,ir->i", D[:, a], D[:, b])
    own = np.einsum("ikk->ik", H)
    h = own.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spare = 1.0 - np.where(own > 0.0, own / others(p), 0.0)
    doubtful = np.flatnonzero(h > 1.0 - _NEAR)
    near = doubtful[np.linalg.eigvalsh(H[doubtful])[:, -1] > 1.0 - _NEAR]
    high = [_unit(start, int(i), rows, D[i].copy(), g0[i].copy()) for i in near]
    if not changes:
        return _Block(h, spare, g0), high
    H[near] = 0.0
    y = np.linalg.solve(np.eye(K) - H, np.einsum("ikr,ir->ik", D, g0)[:, :, None])[:, :, 0]
    return _Block(h, spare, g0 + np.einsum("ik,ikr->ir", y, D)), high


def _unit(start: int, i: int, rows: Rows, D: Float, g0: Float) -> _High:
    copies = _copies(rows)
    values, vectors = np.linalg.eigh(D @ D.T)
    return _High(
        start + i, D, g0, rows.p[i].copy(), 1.0 if copies is None else float(copies[i]), values, vectors
    )


def _refined(observations: Observations, high: list[_High], l2: float) -> list[tuple[_High, _Block]]:
    """The same of rows with eigenvalues near 1, whose distance from it comes from the other rows."""
    ends = np.cumsum([int(unit.near.sum()) for unit in high])
    starts = np.concatenate([[0], ends[:-1]])
    V = np.concatenate([unit.directions() for unit in high], axis=1)
    rest = _of_others(observations, V, np.array([unit.index for unit in high])) + _of_penalty(
        observations, V, l2
    )
    among = np.stack([unit.D for unit in high]) @ V
    copies = np.array([unit.copies for unit in high])
    found = []
    for j, (unit, first, end) in enumerate(zip(high, starts.tolist(), ends.tolist(), strict=True)):
        left = copies.copy()
        left[j] -= 1.0
        own = among[:, :, first:end]
        S = rest[first:end, first:end] + np.einsum("j,jka,jkb->ab", left, own, own)
        found.append((unit, _finished(unit, S)))
    return found


def _finished(unit: _High, S: Float) -> _Block:
    """h, spare and g, with I - H = S on the eigenvectors near 1."""
    near, p = unit.near, unit.p
    lacking, turn = np.linalg.eigh(S)
    Q = np.concatenate([unit.vectors[:, ~near], unit.vectors[:, near] @ turn], axis=1)
    left = np.concatenate([1.0 - unit.values[~near], lacking])
    h = np.array([(1.0 - left).sum()])
    if left.min() < _ALONE:
        shape = (1, len(p))
        return _Block(h, np.full(shape, np.nan), np.full((1, len(unit.g0)), np.nan))
    # g_0 + D'(I - H)^-1 D g_0
    g = unit.g0 + unit.D.T @ (Q @ ((Q.T @ (unit.D @ unit.g0)) / left))
    f = np.sqrt(p) * (np.eye(len(p)) - p[:, None])
    length = np.sqrt(p * others(p[None])[0])
    f /= np.where(length > 0.0, length, 1.0)[:, None]
    spare = np.where(length > 0.0, (f @ Q) ** 2 @ left, 1.0)
    return _Block(h, spare[None], g[None])


def _of_others(observations: Observations, V: Float, high: np.ndarray) -> Float:
    """sum_j copies_j V'D_j'D_j V over all rows but those of the indices `high`, (s, s)."""
    kernels, root, s = observations.kernels, observations.bread.root.times(V), V.shape[1]

    def evaluate(start: int, rows: Rows) -> Float:
        copies = _copies(rows)
        weight = size(rows) * (1.0 if copies is None else copies)
        inside = high[(start <= high) & (high < start + len(rows))] - start
        weight[inside] = 0.0
        p = np.where(weight[:, None] > 0.0, rows.p, 1.0 / rows.p.shape[1])
        along = centred(p, root.along(rows.X, rows.intercept, kernels))
        M = np.empty((s, s))
        kernels.weighted_gram(along.reshape(-1, s), (weight[:, None] * p).ravel(), M, intercept=False)
        return M

    K = len(observations.classes)
    return stream(observations, evaluate, lambda a, b: a + b, numbers=2 * K * s)


def _of_penalty(observations: Observations, V: Float, l2: float) -> Float:
    """V'R'P R V, P the Hessian of the penalty: that of the slopes of all classes, which sum to zero."""
    m, k = observations.coef.shape
    slopes = (observations.bread.root.whole @ V).reshape(m, k, -1)[:, int(observations.design.intercept) :]
    if m > 1:
        slopes = np.concatenate([np.zeros_like(slopes[:1]), slopes])
        slopes = slopes - slopes.mean(axis=0)
    return np.asarray(l2 * np.einsum("cja,cjb->ab", slopes, slopes))
