"""Covariances of the estimates: the inverse information, and sandwiches that do not trust the model.

    mle       V = A,                          A the inverse of the observed information (penalty included)
    HC0       V = A M A,                      M = sum_i f_i a_i^2 sum_k c_ik s_ik s_ik'
    HC1       V = n / (n - P) A M A,          n the number of observations, P of estimated parameters
    cluster   V = G / (G - 1) A M_G A,        M_G = sum_g S_g S_g',  S_g = sum_(i in g) f_i a_i s_i

s_ik = (e_k - p_i) (x) [1 x_i] is the score of one observation of class k, s_i = sum_k c_ik s_ik that of a
unit; f_i is how many units a row stands for, a_i what weighs their likelihood (:mod:`sigmax.data.units`).
HC0: Huber (Proc. 5th Berkeley Symp. 1, 1967), White (Econometrica 50, 1982).  Cluster: Liang & Zeger
(Biometrika 73, 1986); G / (G - 1) is Stata's factor for maximum-likelihood estimates, and that of R's
sandwich::vcovCL for a glm; statsmodels multiplies by (n - 1) / (n - P) as well.

All of it in roots, V = R R', and in the coordinates in which the information was factored, rows
z_i = T'[1 x_i] (:mod:`sigmax.solvers.curvature`): A = R R' with R = (I (x) T) B, and

    A M A = R (B' M_z B) R',     M_z from the rows z

so that nearly dependent columns cost a sandwich no more digits than the information itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigmax import passes, threads
from sigmax.data.checks import plural
from sigmax.data.labels import missing
from sigmax.inference.observations import Observations, Rows
from sigmax.inference.roots import Root, semidefinite_root
from sigmax.kernels import Float

KINDS = ("mle", "HC0", "HC1", "cluster")


@dataclass(frozen=True, slots=True)
class Spread:
    """A covariance of the fitted coordinates.

    Attributes
    ----------
    kind : {"mle", "HC0", "HC1", "cluster"}
    root : Root
    matrix : ndarray of shape (m k, m k)
        V, exactly symmetric.
    n_clusters : int or None
        Of the clusters' covariance.
    """

    kind: str
    root: Root
    matrix: Float
    n_clusters: int | None = None


def spread(
    observations: Observations, kind: str, groups: npt.ArrayLike | None, *, n_estimated: int
) -> Spread:
    """The covariance of a kind; one read of the data but for "mle".

    Parameters
    ----------
    observations : Observations
    kind : {"mle", "HC0", "HC1", "cluster"}
    groups : array_like of shape (n,), or None
        The cluster of each row, labels of any kind; for "cluster" alone.
    n_estimated : int
        P.

    Raises
    ------
    ValueError
        No such kind; clusters for another kind, or none for "cluster"; fewer than two of them, missing ones,
        another number of rows; HC1 without observations to spare; data that have been changed.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}; got {kind!r}")
    if (groups is not None) != (kind == "cluster"):
        what = "needs groups, the cluster of each row" if groups is None else "takes no groups"
        raise ValueError(f"kind={kind!r} {what}")
    bread = observations.bread
    if kind == "mle":
        return Spread(kind, bread.root, bread.inverse)
    # in units of the weights' scale, so that no square of a weight leaves float64
    scale = observations.objective.response.scale
    half = Root(bread.root.T, bread.root.B * np.sqrt(scale))
    if kind == "cluster":
        assert groups is not None
        codes, count = _clusters(observations, groups)
        meat = _clustered(observations, half, codes, count)
        factor = count / (count - 1.0)
    else:
        meat, count = _scores(observations, half), None
        factor = 1.0 if observations.units.frequency is None else 1.0 / scale
        nobs = observations.units.nobs
        if kind == "HC1":
            if nobs <= n_estimated:
                raise ValueError(
                    f"kind='HC1' divides by the observations less the parameters, {nobs:g} - {n_estimated}; "
                    "take kind='HC0'"
                )
            factor *= nobs / (nobs - n_estimated)
    root = half.times(semidefinite_root(meat) * np.sqrt(factor))
    R = root.whole
    V = R @ R.T
    return Spread(kind, root, np.asarray(0.5 * (V + V.T)), count)


def _scores(observations: Observations, root: Root) -> Float:
    """B' M_z B of single observations, (r, r); weights in units of their scale."""
    kernels, m, k = observations.kernels, *observations.coef.shape
    scale = observations.objective.response.scale

    def evaluate(rows: Rows) -> Float:
        Z, intercept = root.rows(rows.X, rows.intercept, kernels)
        E = _squares(rows, scale)
        M, gram = np.empty((m, k, m, k)), np.empty((k, k))
        for a in range(m):
            for b in range(a, m):
                kernels.weighted_gram(Z, np.ascontiguousarray(E[:, a, b]), gram, intercept=intercept)
                M[a, :, b] = M[b, :, a] = gram
        return M

    def merge(a: Float, b: Float) -> Float:
        a += b
        return a

    n = observations.n_rows
    whiten = 0.0 if root.T is None else 10.0 * k * k
    M = observations.reduce(
        evaluate, merge, numbers=m * m + (k if whiten else 0), flops=n * (whiten + m * m * k * k)
    )
    return np.asarray(root.B.T @ M.reshape(m * k, m * k) @ root.B)


def _squares(rows: Rows, scale: float) -> Float:
    """f a^2 sum_k c_k (e_k - p) (e_k - p)' of the classes 1 .. K-1, (n, m, m).

    Weights are in units of `scale`.
    """
    if rows.counts is None:
        r = rows.residual()[:, 1:]
        E = r[:, :, None] * r[:, None, :]
    else:
        q, c = rows.p[:, 1:], rows.counts[:, 1:]
        E = (
            rows.counts.sum(axis=1)[:, None, None] * q[:, :, None] * q[:, None, :]
            - c[:, :, None] * q[:, None, :]
            - q[:, :, None] * c[:, None, :]
        )
        at = np.arange(q.shape[1])
        E[:, at, at] += c
    if rows.frequency is not None:
        E *= (rows.frequency / scale)[:, None, None]
    if rows.importance is not None:
        E *= ((rows.importance / scale) ** 2)[:, None, None]
    return np.asarray(E)


def _clusters(observations: Observations, groups: npt.ArrayLike) -> tuple[npt.NDArray[np.int32], int]:
    """Number of each row's cluster, -1 where the row does not count, and how many there are."""
    labels, n = np.asarray(groups), observations.n_rows
    if labels.shape != (n,):
        raise ValueError(f"groups must have shape ({n},), one cluster for each row of X; got {labels.shape}")
    weight = observations.units.weight()
    counted = np.ones(n, bool) if weight is None else weight > 0.0
    gone = missing(labels) & counted
    if gone.any():
        raise ValueError(
            f"groups must not be missing; got {plural(int(gone.sum()), 'row')} without one, the first is "
            f"groups[{int(np.argmax(gone))}]"
        )
    codes = np.full(n, -1, np.int32)
    numbered, count = _numbered(labels[counted])
    codes[counted] = _by_appearance(numbered, count)
    if count < 2:
        raise ValueError(f"groups must name at least two clusters; got {count}")
    return codes, count


def _numbered(labels: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.int32], int]:
    """A number for each label, from 0, and how many there are."""
    if labels.dtype.kind in "iu" and len(labels):
        low, high = int(labels.min()), int(labels.max())
        if high - low <= 4 * len(labels) + 1024 and high < 2**63:
            offset = (labels.astype(np.int64) - low).astype(np.intp)
            there = np.bincount(offset) > 0
            return (np.cumsum(there) - 1)[offset].astype(np.int32), int(there.sum())
    try:
        named, codes = np.unique(labels, return_inverse=True)
        return codes.astype(np.int32), len(named)
    except TypeError:  # labels that do not compare with each other
        table: dict[object, int] = {}
        numbers = [table.setdefault(label, len(table)) for label in labels.tolist()]
        return np.array(numbers, np.int32), len(table)


def _by_appearance(numbers: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int32]:
    """The same clusters, numbered as they come: sums then do not depend on how clusters are named."""
    first = np.empty(count, np.intp)
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]  # of equal indices the last one stays
    rank = np.empty(count, np.int32)
    rank[np.argsort(first)] = np.arange(count, dtype=np.int32)
    return rank[numbers]


def _clustered(observations: Observations, root: Root, codes: npt.NDArray[np.int32], count: int) -> Float:
    """B' M_G B, (r, r), weights in units of their scale: clusters are summed whole, some at a time."""
    kernels, m, k = observations.kernels, *observations.coef.shape
    scale = observations.objective.response.scale
    sizes = np.bincount(codes[codes >= 0], minlength=count)
    order = _in_order(codes, count)
    ends = np.cumsum(sizes)
    in_order = bool((np.diff(order) == 1).all())
    size = observations.block_rows(m * k + k)
    # runs of clusters with `size` rows or more together
    cuts = np.searchsorted(ends, np.arange(size, ends[-1] + size, size), side="left") + 1
    first = np.unique(np.concatenate([[0], np.minimum(cuts, count)]))

    def sums(low: int, high: int) -> tuple[Float, float]:
        """S of the clusters low <= g < high, (high - low, m k), and their negative log-likelihood."""
        S, nll = np.zeros((high - low, m * k)), 0.0
        start, stop = int(ends[low] - sizes[low]), int(ends[high - 1])
        for begin in range(start, stop, size):
            end = min(begin + size, stop)
            index = order[begin:end]
            if in_order:
                rows = observations.rows(int(index[0]), int(index[-1]) + 1)
            else:
                rows = observations.pick(index)
            nll += rows.nll()
            Z, intercept = root.rows(rows.X, rows.intercept, kernels)
            r = rows.residual()[:, 1:]
            weight = rows.weight()
            if weight is not None:
                r = r * (weight / scale)[:, None]
            _add_by_cluster(S, codes[index] - low, Z, r, intercept)
        return S, nll

    def evaluate(start: int, stop: int) -> tuple[Float, float]:
        M, nll = np.zeros((root.B.shape[1],) * 2), 0.0
        for i in range(start, stop):
            S, part = sums(int(first[i]), int(first[i + 1]))
            gram = np.empty_like(M)
            kernels.weighted_gram(S @ root.B, np.ones(len(S)), gram, intercept=False)
            M += gram
            nll += part
        return M, nll

    def merge(a: tuple[Float, float], b: tuple[Float, float]) -> tuple[Float, float]:
        return a[0] + b[0], a[1] + b[1]

    flops = observations.n_rows * 4.0 * m * k * k
    workers = threads.useful(observations.n_threads, flops, shared=kernels.THREADED)
    M, nll = passes.reduce(len(first) - 1, 1, evaluate, merge, workers)
    observations.require_unchanged(nll)
    return M


def _in_order(codes: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.intp]:
    """The rows that count, cluster after cluster; within one in their own order."""
    from scipy.sparse import csr_array

    rows = np.flatnonzero(codes >= 0)
    if (np.diff(codes[rows]) >= 0).all():
        return rows
    # a counting sort: the rows' indices in a table of clusters and rows
    table = csr_array((np.ones(len(rows), np.int8), (codes[rows], rows)), shape=(count, len(codes)))
    return table.indices.astype(np.intp)


def _add_by_cluster(S: Float, cluster: npt.NDArray[np.int32], Z: Float, r: Float, intercept: bool) -> None:
    """S[g] += r_i (x) [1 z_i] for the rows i of each cluster g, which rises."""
    starts = np.flatnonzero(np.concatenate([[True], np.diff(cluster) != 0]))
    named, m = cluster[starts], r.shape[1]
    k = S.shape[1] // m
    for c in range(m):
        if intercept:
            S[named, c * k] += np.add.reduceat(r[:, c], starts)
        S[named, c * k + intercept : (c + 1) * k] += np.add.reduceat(Z * r[:, c, None], starts, axis=0)
