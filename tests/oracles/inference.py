"""Everything that has a formula after a fit, from the raw data, in arbitrary precision.

As `oracles.newton`, this shares nothing with the library.  It goes back to single observations: a row of
counts is taken apart into one entry for each class, and what a weight means is stated here once more:

    frequency     w equal rows            multiplicity f = w, likelihood a = 1
    importance    likelihood times w      multiplicity f = 1, likelihood a = w
    probability   as importance

An entry j is c_j observations of class y_j in the row i(j), of weight f a c in the likelihood.  With
p_i = softmax(0, eta_i), the score of one such observation is s_j = a_i (e_(y_j) - p_i) (x) [1 x_i], and

    A = (sum_j f c a V_i (x) [1 x_i][1 x_i]')^-1          V_i = diag(p_i) - p_i p_i', classes 1 .. K-1
    mle = A        HC0 = A (sum_j f c s_j s_j') A         HC1 = n / (n - P) HC0,  n = sum_j f c over a > 0
    cluster = G / (G - 1) A (sum_g S_g S_g') A            S_g = sum_(j in g) f c s_j, over rows of weight > 0

Prediction of a row x: logit p_k = eta_k - log sum_(l != k) exp eta_l, its gradient
g_k = sum_l d_kl (e_l (x) [1 x]) with d_kl = 1 for l = k, else -p_l / (1 - p_k); interval
expit(logit p_k -+ z sqrt(g_k' V g_k)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray

from oracles.definite import cholesky, inverse
from oracles.inputs import GUARD, Matrix, Vector, flatten
from oracles.optimum import evaluate, optimum

#: digits of every number that comes out
DIGITS = 40
_WORK = 2 * DIGITS + GUARD


@dataclass(frozen=True)
class Case:
    """Raw data, and what was asked of them.

    Attributes
    ----------
    X : ndarray of shape (n, p)
    y : ndarray of shape (n,) or (n, K)
        Codes 0 .. K-1, or counts.
    n_classes : int
    weight : ndarray of shape (n,), optional
    weight_type : {"frequency", "importance", "probability"}
    offset : ndarray of shape (n, K - 1), optional
        Of the classes 1 .. K-1.
    fit_intercept : bool
    params : nested sequence of mpf, optional
        The optimum where it is known; else it is computed.
    """

    X: NDArray[np.float64]
    y: NDArray[Any]
    n_classes: int
    weight: NDArray[np.float64] | None = None
    weight_type: str = "frequency"
    offset: NDArray[np.float64] | None = None
    fit_intercept: bool = True
    params: Any = field(default=None, compare=False)


class Inference:
    """The numbers of a case."""

    def __init__(self, case: Case) -> None:
        self.case = c = case
        X = np.asarray(c.X, np.float64)
        y = np.asarray(c.y)
        n = len(X)
        w = np.ones(n) if c.weight is None else np.asarray(c.weight, np.float64)
        is_frequency = c.weight_type == "frequency"
        self._frequency = w if is_frequency else np.ones(n)
        self._importance = np.ones(n) if is_frequency else w
        if y.ndim == 2:
            self.row, self.code = np.nonzero(np.asarray(y, np.float64) * (w > 0.0)[:, None])
            self.count = np.asarray(y, np.float64)[self.row, self.code]
        else:
            self.row, self.code = np.flatnonzero(w > 0.0), y[w > 0.0]
            self.count = np.ones(len(self.row))
        product = self.count * w[self.row]
        with mp.workdps(_WORK):
            assert all(
                mpf(a) == mpf(b) * mpf(d) for a, b, d in zip(product, self.count, w[self.row], strict=True)
            ), "a weight times a count must be a float64"
        self._of_newton: dict[str, Any] = {
            "n_classes": c.n_classes,
            "weight": product,
            "offset": None if c.offset is None else self._of_rows(np.asarray(c.offset)[self.row]),
            "digits": DIGITS,
        }
        self.m, self.k = c.n_classes - 1, X.shape[1] + c.fit_intercept
        self.n_estimated = self.m * self.k

    def _of_rows(self, offset: NDArray[np.float64]) -> NDArray[np.float64]:
        return offset[:, 0] if self.case.n_classes == 2 else offset

    # -- the fit -------------------------------------------------------------------------------------

    @cached_property
    def params(self) -> Vector:
        """B, flat, class after class, the intercept first."""
        if self.case.params is not None:
            return flatten(self.case.params)
        found = optimum(
            self.case.X[self.row], self.code, fit_intercept=self.case.fit_intercept, **self._of_newton
        )
        return flatten(found.params)

    @cached_property
    def _at(self) -> Any:
        with mp.workdps(_WORK):
            return evaluate(
                self.case.X[self.row],
                self.code,
                self.params,
                fit_intercept=self.case.fit_intercept,
                **{**self._of_newton, "digits": _WORK},
            )

    @property
    def llf(self) -> mpf:
        """Log-likelihood."""
        with mp.workdps(_WORK):
            return -self._at.nll

    @cached_property
    def _bread(self) -> Matrix:
        with mp.workdps(_WORK + GUARD):
            H = self._at.hessian
            return [list(row) for row in inverse(H, cholesky(H), DIGITS)]

    def _z(self, x: NDArray[np.float64]) -> Vector:
        """[1 x]"""
        return [mpf(1)] * self.case.fit_intercept + [mpf(v) for v in x.tolist()]

    def _probabilities(self, z: Vector, offset: NDArray[np.float64] | None) -> tuple[Vector, Vector]:
        """Logits and probabilities of all classes."""
        shift = [0.0] * self.m if offset is None else np.atleast_1d(offset).tolist()
        eta = [mpf(0)]
        eta += [mp.fdot(self.params[c * self.k : (c + 1) * self.k], z) + mpf(shift[c]) for c in range(self.m)]
        e = [mp.exp(v) for v in eta]
        total = mp.fsum(e)
        return eta, [v / total for v in e]

    # -- covariances ---------------------------------------------------------------------------------

    @cached_property
    def _scores(self) -> list[Vector]:
        """s_j of each entry."""
        found: list[Vector] = []
        for i, code in zip(self.row.tolist(), self.code.tolist(), strict=True):
            z = self._z(self.case.X[i])
            _, p = self._probabilities(z, None if self.case.offset is None else self.case.offset[i])
            a = mpf(self._importance[i])
            found.append([a * ((c == code) - p[c]) * v for c in range(1, self.m + 1) for v in z])
        return found

    @cached_property
    def nobs(self) -> mpf:
        """Sum of f c."""
        with mp.workdps(_WORK):
            return mp.fsum(
                mpf(f) * mpf(c) for f, c in zip(self._frequency[self.row], self.count, strict=True)
            )

    def covariance(self, kind: str, groups: Sequence[Any] | None = None) -> Matrix:
        """(P, P), of a kind."""
        with mp.workdps(_WORK):
            A = self._bread
            if kind == "mle":
                return A
            f = [mpf(self._frequency[i]) * mpf(c) for i, c in zip(self.row.tolist(), self.count, strict=True)]
            if kind == "cluster":
                assert groups is not None
                sums: dict[Any, Vector] = {}
                for i, times, s in zip(self.row.tolist(), f, self._scores, strict=True):
                    S = sums.setdefault(groups[i], [mpf(0)] * self.n_estimated)
                    sums[groups[i]] = [a + times * b for a, b in zip(S, s, strict=True)]
                vectors, multiplicity = list(sums.values()), [mpf(1)] * len(sums)
                factor = mpf(len(sums)) / (len(sums) - 1)
            else:
                vectors, multiplicity = self._scores, f
                factor = mpf(1) if kind == "HC0" else self.nobs / (self.nobs - self.n_estimated)
            return self._sandwich(A, vectors, multiplicity, factor)

    def _sandwich(self, A: Matrix, vectors: list[Vector], multiplicity: Vector, factor: mpf) -> Matrix:
        """factor * sum_j multiplicity_j (A v_j)(A v_j)': a sum of squares, in which nothing cancels."""
        solved = [[mp.fdot(row, v) for row in A] for v in vectors]
        columns = [list(column) for column in zip(*solved, strict=True)]
        weighted = [[f * v for f, v in zip(multiplicity, c, strict=True)] for c in columns]
        V = [[mpf(0)] * len(A) for _ in A]
        for a in range(len(A)):
            for b in range(a, len(A)):
                V[a][b] = V[b][a] = factor * mp.fdot(weighted[a], columns[b])
        return V

    def bse(self, kind: str, groups: Sequence[Any] | None = None) -> Vector:
        """Standard errors."""
        with mp.workdps(_WORK):
            return [mp.sqrt(row[j]) for j, row in enumerate(self.covariance(kind, groups))]

    def wald(self, kind: str, level: float, groups: Sequence[Any] | None = None) -> dict[str, Vector]:
        """z, p, log p, and the ends of intervals."""
        with mp.workdps(_WORK):
            pairs = list(zip(self.params, self.bse(kind, groups), strict=True))
            q = quantile(level)
            tail = [mp.erfc(abs(b / s) / mp.sqrt(2)) for b, s in pairs]
            return {
                "zvalues": [b / s for b, s in pairs],
                "pvalues": tail,
                "log_pvalues": [mp.log(p) for p in tail],
                "lower": [b - q * s for b, s in pairs],
                "upper": [b + q * s for b, s in pairs],
            }

    # -- likelihood ----------------------------------------------------------------------------------

    def likelihood(self, *, constant: bool | None = None) -> dict[str, Any]:
        """What is a function of log-likelihoods; `constant`: whether a combination of columns is constant."""
        with mp.workdps(_WORK):
            has = self.case.fit_intercept if constant is None else constant
            llnull, saturated = self._null(has), self._saturated()
            P, n, llf = self.n_estimated, self.nobs, self.llf
            return {
                "llf": llf,
                "nobs": n,
                "llnull": llnull,
                "llr": 2 * (llf - llnull),
                "deviance": 2 * (saturated - llf),
                "null_deviance": 2 * (saturated - llnull),
                "prsquared": 1 - llf / llnull,
                "df_model": mpf(P - self.m * has),
                "df_resid": n - P,
                "aic": 2 * P - 2 * llf,
                "bic": P * mp.log(n) - 2 * llf,
            }

    def _null(self, has_intercept: bool) -> mpf:
        nothing = np.zeros((len(self.row), 0))
        if has_intercept:
            return optimum(nothing, self.code, fit_intercept=True, **self._of_newton).llf
        # the logits are the offsets: a column of zeros, and any coefficient
        zeros = [mpf(0)] * self.m
        at = evaluate(
            np.zeros((len(self.row), 1)),
            self.code,
            zeros,
            fit_intercept=False,
            hessian=False,
            **self._of_newton,
        )
        return -at.nll

    def _saturated(self) -> mpf:
        total: dict[int, mpf] = {}
        for i, c in zip(self.row.tolist(), self.count.tolist(), strict=True):
            total[i] = total.get(i, mpf(0)) + mpf(c)
        weight = self._of_newton["weight"].tolist()
        return mp.fsum(
            mpf(w) * mp.log(mpf(c) / total[i])
            for i, c, w in zip(self.row.tolist(), self.count.tolist(), weight, strict=True)
        )

    # -- predictions ---------------------------------------------------------------------------------

    def prediction(
        self,
        X: NDArray[np.float64],
        V: Matrix,
        level: float,
        offset: NDArray[np.float64] | None = None,
    ) -> tuple[Matrix, Matrix, Matrix]:
        """Probabilities, lower and upper ends, each (n, K), with the covariance V."""
        proba, lower, upper = [], [], []
        with mp.workdps(_WORK):
            q = quantile(level)
            for i, x in enumerate(X):
                z = self._z(x)
                eta, p = self._probabilities(z, None if offset is None else offset[i])
                ends: list[tuple[mpf, mpf]] = []
                for c in range(self.m + 1):
                    others = [b for b in range(self.m + 1) if b != c]
                    rest = mp.fsum(p[b] for b in others)
                    d = [mpf(1) if b == c else -p[b] / rest for b in range(1, self.m + 1)]
                    g = [a * v for a in d for v in z]
                    se = mp.sqrt(mp.fdot(g, [mp.fdot(row, g) for row in V]))
                    logit = eta[c] - mp.log(mp.fsum(mp.exp(eta[b]) for b in others))
                    ends.append((expit(logit - q * se), expit(logit + q * se)))
                proba.append(p)
                lower.append([low for low, _ in ends])
                upper.append([high for _, high in ends])
        return proba, lower, upper


def quantile(level: float) -> mpf:
    """Phi^-1((1 + level) / 2)."""
    return mp.sqrt(2) * mp.erfinv(mpf(level))


def expit(x: mpf) -> mpf:
    """1 / (1 + exp(-x))"""
    return 1 / (1 + mp.exp(-x))


def errors(found: Any, exact: Any, *, by: Any = None) -> NDArray[np.float64]:
    """|found - exact| / `by`, flat; `by` is |exact| unless given.  inf where what was found is not finite."""
    f, e = np.ravel(np.asarray(found, np.float64)).tolist(), flatten(exact)
    scale = e if by is None else flatten(by)
    assert len(f) == len(e) == len(scale), (len(f), len(e), len(scale))
    out = np.empty(len(f))
    with mp.workdps(_WORK):
        for j, (a, b, s) in enumerate(zip(f, e, scale, strict=True)):
            gap = abs(mpf(a) - b) if np.isfinite(a) else mp.inf
            out[j] = 0.0 if gap == 0 else np.inf if s == 0 else float(gap / abs(s))
    return out


def covariance_errors(found: Any, exact: Matrix) -> NDArray[np.float64]:
    """|found_ij - exact_ij| / (se_i se_j), flat."""
    with mp.workdps(_WORK):
        sd = [mp.sqrt(row[j]) for j, row in enumerate(exact)]
        return errors(found, exact, by=[[a * b for b in sd] for a in sd])
