"""Residuals and influence of rows to 50 digits, from their definitions.

Row i: a unit with the observations c_k of K classes, N of them, whose log-likelihood is multiplied by a, and
which stands there `copies` times.  With p = softmax(0, eta), V = a N (diag(p) - pp'), r = a (c - N p), X the
(m, P) block of the row and A the inverse information::

    leverage   tr(V M),    M = X A X'
    deletion   b - b_(i) = A X'(I - V M)^-1 r
    variance   of r_k is (V - V M V)_kk

in the order in which they are written: no roots, no symmetric forms, and two classes are not a special case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpmath import mp, mpf

from oracles.optimum import optimum

_DIGITS = 75


@dataclass
class Exact:
    """Each of n rows; residuals of all K classes."""

    response: list
    pearson: list
    deviance: list
    working: list
    standardized: list
    leverage: list
    cooks_distance: list
    dfbeta: list
    dfbetas: list
    bse: list
    covariance: tuple


def deletion(X, counts, *, unit=None, copies=None, offset=None, fit_intercept=True, l2=0.0) -> Exact:
    """All of them at the exact optimum.

    Parameters
    ----------
    X : (n, p)
    counts : (n, K)
        One-hot for labels.
    unit, copies : (n,), optional
        a and how many such units there are; ones by default.
    offset : (n, K - 1), optional
        Against class 0.
    """
    n, K = counts.shape
    unit = np.ones(n) if unit is None else unit
    copies = np.ones(n) if copies is None else copies
    # the likelihood: an observation for each count
    i, k = np.nonzero(counts)
    shift = None if offset is None else (offset[i, 0] if K == 2 else offset[i])
    weight = (counts * (unit * copies)[:, None])[i, k]
    found = optimum(X[i], k, K, weight=weight, offset=shift, fit_intercept=fit_intercept, l2=l2)
    with mp.workdps(_DIGITS):
        A = mp.matrix([list(row) for row in found.covariance])
        size = len(found.covariance)
        information = A**-1
        rows = [
            _row(
                X[j],
                counts[j],
                unit[j],
                None if offset is None else offset[j],
                found,
                A,
                information,
                fit_intercept,
            )
            for j in range(n)
        ]
        result = Exact(*map(list, zip(*rows, strict=True)), dfbetas=[], bse=[], covariance=found.covariance)
        errors = [mp.sqrt(A[j, j]) for j in range(size)]
        result.bse = errors
        result.dfbetas = [[d / e for d, e in zip(row, errors, strict=True)] for row in result.dfbeta]
        return result


def _row(x, counts, unit, offset, found, A, information, intercept):
    c = [mp.convert(float(v)) for v in counts]
    a, N, K = mp.convert(float(unit)), mp.fsum(c), len(c)
    z = ([mpf(1)] if intercept else []) + [mp.convert(float(v)) for v in x]
    eta = [mpf(0)] + [mp.fdot(z, row) for row in found.params]
    if offset is not None:
        eta = [eta[0]] + [e + mp.convert(float(o)) for e, o in zip(eta[1:], offset, strict=True)]
    top = max(eta)
    e = [mp.exp(v - top) for v in eta]
    p = [v / mp.fsum(e) for v in e]
    k, P = len(z), (K - 1) * len(z)
    block = mp.zeros(K, P)  # of class 0: zeros
    for b in range(K - 1):
        for j in range(k):
            block[b + 1, b * k + j] = z[j]
    V = mp.matrix(K, K)
    for b in range(K):
        for d in range(K):
            V[b, d] = a * N * p[b] * ((b == d) - p[d])
    r = [a * (c[b] - N * p[b]) for b in range(K)]
    M = block * A * block.T
    H = V * M
    # without class 0, whose row and column of M are zero
    inner = (mp.eye(K) - H)[1:, 1:]
    step = mp.lu_solve(inner, mp.matrix(r[1:]))
    change = A * block.T[:, 1:] * step
    cook = (change.T * information * change)[0] / P
    left = V - V * M * V
    deviance = mp.sqrt(2 * a * mp.fsum(v * mp.log(v / (N * q)) for v, q in zip(c, p, strict=True) if v > 0))
    return (
        [c[b] - N * p[b] for b in range(K)],
        [mp.sqrt(a) * (c[b] - N * p[b]) / mp.sqrt(N * p[b] * (1 - p[b])) for b in range(K)],
        deviance if K > 2 or c[1] > N * p[1] else -deviance,
        [c[b] / (N * p[b]) - c[0] / (N * p[0]) for b in range(1, K)],
        [r[b] / mp.sqrt(left[b, b]) for b in range(K)],
        mp.fsum(H[b, b] for b in range(K)),
        cook,
        list(change),
    )
