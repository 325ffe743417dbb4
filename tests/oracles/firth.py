"""The maximum of the likelihood with Jeffreys' prior to 40 digits and more, by definition alone.

    l*(b) = l(b) + 1/2 log det I(b),   I = sum_i w_i V_i (x) z_i z_i',   z_i = [1 x_i] or x_i
    U*_c  = sum_i (w_i ([y_i = c] - p_ic) + w_i / 2 sum_ab Q_ab kappa_abc) z_i,   Q_ab = z_i'(I^-1)_ab z_i

with the third cumulants kappa_abc of one observation written out.  Shares nothing with the library;
coefficients are class-major, the intercept first.  Fisher scoring, halved while l* falls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpmath import mp, mpf

DIGITS = 50
_SCORE = mpf(10) ** -42


@dataclass(frozen=True)
class Maximum:
    """Coefficients (m k), standard errors, l, l*, all mpf; `score` the largest element left."""

    coef: list
    bse: list
    llf: mpf
    penalised: mpf
    score: mpf


class Problem:
    """Data as exact numbers."""

    def __init__(self, X, codes, K, *, weight=None, offset=None, intercept=True):
        rows = np.atleast_2d(np.asarray(X, dtype=float))
        self.z = [([mpf(1)] if intercept else []) + [mpf(float(v)) for v in row] for row in rows]
        self.y, self.m, self.k = [int(c) for c in codes], K - 1, len(self.z[0])
        n = len(self.z)
        self.w = [mpf(1)] * n if weight is None else [mpf(float(v)) for v in weight]
        shift = np.zeros((n, K - 1)) if offset is None else np.asarray(offset, float).reshape(n, K - 1)
        self.o = [[mpf(float(v)) for v in row] for row in shift]

    def at(self, b):
        """l, I and the rows' probabilities."""
        m, k = self.m, self.k
        total, info, ps = mpf(0), mp.zeros(m * k), []
        for z, y, w, o in zip(self.z, self.y, self.w, self.o, strict=True):
            eta = [o[c] + mp.fdot(z, b[c * k : (c + 1) * k]) for c in range(m)]
            top = max([mpf(0), *eta])
            e = [mp.exp(-top)] + [mp.exp(v - top) for v in eta]
            p = [v / mp.fsum(e) for v in e]
            total += w * mp.log(p[y])
            ps.append(p)
            for c in range(m):
                for d in range(m):
                    v = w * p[c + 1] * ((c == d) - p[d + 1])
                    for i in range(k):
                        for j in range(k):
                            info[c * k + i, d * k + j] += v * z[i] * z[j]
        return total, info, ps

    def value(self, b):
        total, info, _ = self.at(b)
        det = mp.det(info)
        return total + mp.log(det) / 2 if det > 0 else mpf("-inf")

    def score(self, b):
        """U*, I and its inverse."""
        m, k = self.m, self.k
        _, info, ps = self.at(b)
        inverse = info**-1
        score = [mpf(0)] * (m * k)
        for z, y, w, p in zip(self.z, self.y, self.w, ps, strict=True):
            Q = [
                [
                    mp.fsum(z[i] * inverse[a * k + i, c * k + j] * z[j] for i in range(k) for j in range(k))
                    for c in range(m)
                ]
                for a in range(m)
            ]
            for c in range(m):
                third = mp.fsum(Q[a][d] * kappa(p[1:], a, d, c) for a in range(m) for d in range(m))
                t = w * ((y == c + 1) - p[c + 1]) + w * third / 2
                for i in range(k):
                    score[c * k + i] += t * z[i]
        return score, info, inverse

    def maximum(self):
        with mp.workdps(DIGITS + 15):
            b = [mpf(0)] * (self.m * self.k)
            value = self.value(b)
            for _ in range(500):
                score, _, inverse = self.score(b)
                if max(map(abs, score)) <= _SCORE:
                    break
                # leverages add up to k a logit: the prior curves l* by about k / n of I where p is near 1/2
                step = inverse * mp.matrix(score) / (1 + self.k / mp.fsum(self.w))
                t = mpf(1)
                near = max(map(abs, score)) < mpf(10) ** -15
                while True:
                    trial = [v + t * s for v, s in zip(b, step, strict=True)]
                    reached = self.value(trial)
                    if near or reached > value:
                        break
                    t /= 2
                b, value = trial, reached
            score, _, inverse = self.score(b)
            bse = [mp.sqrt(inverse[j, j]) for j in range(len(b))]
            return Maximum(b, bse, self.at(b)[0], value, max(map(abs, score)))


def kappa(p, a, b, c):
    """Third cumulant of the indicators a, b, c of one multinomial observation."""
    cumulant = 2 * p[a] * p[b] * p[c]
    if a == b:
        cumulant -= p[a] * p[c]
    if a == c:
        cumulant -= p[a] * p[b]
    if b == c:
        cumulant -= p[b] * p[a]
    return cumulant + p[a] if a == b == c else cumulant


def maximum(X, codes, K, **options) -> Maximum:
    """The maximum of l* for rows X (n, p) and class codes."""
    return Problem(X, codes, K, **options).maximum()


def score_at(X, codes, K, coef, **options) -> float:
    """The largest element of U* at float64 coefficients, computed exactly."""
    problem = Problem(X, codes, K, **options)
    with mp.workdps(DIGITS):
        score, _, _ = problem.score([mpf(float(v)) for v in np.ravel(coef)])
        return float(max(map(abs, score)))
