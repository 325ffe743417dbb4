"""Residuals of rows, each of one unit: what was observed against what the fit expects.

A row is a unit of N observations, c_k of them of class k; a is what its log-likelihood is multiplied by, and
mu_k = N p_k what the fit expects.  With two classes all are those of the second class, as a vector:

    response    c_k - mu_k
    pearson     sqrt(a) (c_k - mu_k) / sqrt(mu_k (1 - p_k))
    working     c_k / mu_k - c_0 / mu_0                       k = 1 .. K-1, on the scale of the logits
    deviance    sqrt(2 a sum_k c_k log(c_k / mu_k))           one for each row; K = 2: the sign of c_1 - mu_1

A frequency weight w >= 1 is w equal units, and the residuals are those of each, a = 1; below 1 it is a part
of a unit, and counts as a = w.  Rows of weight 0 have Pearson and deviance residuals of 0, as in R.
"""

from __future__ import annotations

import numpy as np

from sigmax.inference.observations import Rows, others
from sigmax.kernels import Float

#: a probability below this has lost digits, or is 0
_TINY = 1e-290
#: |c - mu| below this part of c + mu: the deviance is a series
_NEAR = 0.1
#: of which so many terms are 1e-17 of the first
_TERMS = 9


def share(rows: Rows) -> Float | None:
    """What multiplies the log-likelihood of one unit, (n,); None for ones."""
    return rows.importance if rows.frequency is None else np.minimum(rows.frequency, 1.0)


def size(rows: Rows) -> Float:
    """N times :func:`share`, (n,)."""
    a, N = share(rows), rows.total
    if a is None or N is None:
        return np.ones(len(rows)) if a is None and N is None else np.asarray(N if a is None else a)
    return a * N


def counted(rows: Rows) -> np.ndarray | None:
    """Which rows have a positive weight; None for all."""
    w = rows.weight()
    return None if w is None or (w > 0.0).all() else w > 0.0


def difference(rows: Rows) -> Float:
    """c - N p of all classes, (n, K); that of the largest class from those of the others."""
    r = rows.residual()
    if rows.codes is None:
        at = (np.arange(len(r)), rows.p.argmax(axis=1))
        r[at] = 0.0
        r[at] = -r.sum(axis=1)
    return r


def weighted(rows: Rows, values: Float) -> Float:
    """sqrt(a) times `values`, (n,) or (n, K); 0 in rows of weight 0, whatever stands there."""
    a = share(rows)
    if a is None:
        return values
    root = np.sqrt(a).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(np.where(root > 0.0, root * values, 0.0))


def response(rows: Rows) -> Float:
    """(n,) or (n, K)."""
    return _of_two(difference(rows))


def pearson(rows: Rows) -> Float:
    """(n,) or (n, K); 0 where a class has the probability 0 or 1 in the limit, and that came true."""
    p, q, N = rows.p, others(rows.p), rows.total
    r, variance = difference(rows), p * q
    if N is not None:
        variance *= N[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(r == 0.0, 0.0, r / np.sqrt(variance))
    return weighted(rows, _of_two(found))


def working(rows: Rows) -> Float:
    """(n,) or (n, K - 1); nan for classes whose probability is 0 in the limit, and for empty units."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = difference(rows) / rows.expected()
        found = ratio[:, 1:] - ratio[:, :1]
    return found[:, 0] if found.shape[1] == 1 else found


def deviance(rows: Rows) -> Float:
    """(n,)."""
    found = np.sqrt(2.0 * (_nll_of_labels(rows) if rows.counts is None else _divergence(rows)))
    if rows.p.shape[1] == 2:
        found = np.copysign(found, difference(rows)[:, 1])
    return weighted(rows, found)


def _of_two(values: Float) -> Float:
    """With two classes the second one's alone."""
    return np.ascontiguousarray(values[:, 1]) if values.shape[1] == 2 else values


def _nll_of_labels(rows: Rows) -> Float:
    """-log p of the class that was observed: near 1 from the sum of the others."""
    assert rows.codes is not None
    at = (np.arange(len(rows)), rows.codes)
    p, rest = rows.p[at], difference(rows)[at]
    with np.errstate(divide="ignore"):
        found = np.where(p > 0.5, -np.log1p(-np.minimum(rest, 0.5)), -np.log(p))
    low = np.flatnonzero(p < _TINY)
    if len(low):
        found[low] = -_log_p(rows, low)[np.arange(len(low)), rows.codes[low]]
    return found


def _log_p(rows: Rows, index: np.ndarray) -> Float:
    """log p of some rows from their logits, where p is too small for a number."""
    z = np.insert(rows.eta[index], 0, 0.0, axis=1)
    z -= z.max(axis=1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))


def _divergence(rows: Rows) -> Float:
    """sum_k c_k log(c_k / mu_k) = sum_k (c_k log(c_k / mu_k) - (c_k - mu_k)), whose terms are not negative.

    Near c = mu a term is a series in t = (c - mu) / (c + mu) (Loader, 2000, "Fast and accurate computation
    of binomial probabilities"):  (c - mu) t + 2 c (t^3 / 3 + t^5 / 5 + ...).
    """
    c, mu, r = rows.observed(), rows.expected(), difference(rows)
    low = rows.p < _TINY
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(c > 0.0, c * np.log(np.where(c > 0.0, c, 1.0) / mu), 0.0) - r
        low &= c > 0.0
        if low.any():
            i, k = np.nonzero(low)
            assert rows.total is not None
            far[i, k] = c[i, k] * (np.log(c[i, k] / rows.total[i]) - _log_p(rows, i)[np.arange(len(i)), k])
            far[i, k] -= r[i, k]
        total = c + mu
        t = np.where(total > 0.0, r / total, 0.0)
    square = t * t
    series = np.zeros_like(t)
    for j in range(_TERMS, 0, -1):
        series = (series + 1.0 / (2 * j + 1)) * square
    near = r * t + 2.0 * c * t * series
    return np.asarray(np.where(np.abs(t) < _NEAR, near, far).sum(axis=1))
