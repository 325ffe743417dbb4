"""A converged fit of scikit-learn's LogisticRegression, and the Newton step that is left of it.

Its newton-cholesky ends at the optimum of all sets the tests have; lbfgs does not, whatever its tolerance.
Independent of sigmax: coefficients of all K classes, a dense Hessian, and `numpy.linalg`.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits


class Optimum(NamedTuple):
    """Coefficients in scikit-learn's layout, and the Newton step that is left, as it moves any of them."""

    coef: np.ndarray
    intercept: np.ndarray
    step: float

    def proba(self, X):
        return probabilities(X, self.coef, self.intercept)


def probabilities(X, coef, intercept):
    z = np.asarray(X, float) @ coef.T + intercept
    if z.shape[1] == 1:
        z = np.column_stack([np.zeros(len(z)), z])
    z -= z.max(axis=1, keepdims=True)
    p = np.exp(z)
    return p / p.sum(axis=1, keepdims=True)


def newton_step(X, codes, weight, coef, intercept, l2, fit_intercept=True):
    """H^-1 g for f = sum_i w_i nll_i + l2 / 2 sum |coef|^2, shape (rows, p + 1) with intercepts first."""
    p = probabilities(X, coef, intercept)
    K = p.shape[1]
    Z = np.column_stack([np.full(len(X), float(fit_intercept)), X])
    k = Z.shape[1]
    r = weight[:, None] * (p - np.eye(K)[codes])
    shown = range(1, 2) if K == 2 else range(K)
    H = np.zeros((len(shown), k, len(shown), k))
    for a, c in enumerate(shown):
        for b, d in enumerate(shown):
            v = weight * p[:, c] * ((c == d) - p[:, d])
            H[a, :, b] = (Z * v[:, None]).T @ Z
            if a == b:
                H[a, :, b] += l2 * np.diag(np.arange(k) > 0)
    g = (r.T @ Z)[list(shown)]
    g[:, 1:] += l2 * coef
    H = H.reshape(g.size, g.size)
    if K > 2 and fit_intercept:
        # the sum of the intercepts has no curvature, nor have those of slopes without a penalty: any will do
        for j in range(1 if l2 > 0.0 else k):
            ones = np.zeros((K, k))
            ones[:, j] = 1.0
            H += np.outer(ones.ravel(), ones.ravel()) * H[j, j]
    if not fit_intercept:
        H.reshape(len(shown), k, len(shown), k)[:, 0, :, 0] += np.eye(len(shown))
    # columns of any units
    d = 1.0 / np.sqrt(np.diag(H))
    return (d * np.linalg.solve(d[:, None] * H * d, d * g.ravel())).reshape(g.shape)


def converged(X, y, *, C=1.0, sample_weight=None, class_weight=None, fit_intercept=True):
    """scikit-learn's fit by newton-cholesky."""
    # BLAS with threads of its own crawls where the machine is busy
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no line search gains any more
        model = LogisticRegression(
            C=C,
            tol=1e-14,
            max_iter=1000,
            solver="newton-cholesky",
            class_weight=class_weight,
            fit_intercept=fit_intercept,
        ).fit(X, y, sample_weight)
    codes = np.searchsorted(model.classes_, y)
    weight = np.ones(len(codes)) if sample_weight is None else np.asarray(sample_weight, float)
    if isinstance(class_weight, dict):
        weight = weight * np.array([class_weight.get(label, 1.0) for label in model.classes_])[codes]
    elif class_weight == "balanced":
        count = np.bincount(codes)
        weight = weight * (len(codes) / (len(count) * count))[codes]
    coef, intercept = model.coef_.copy(), model.intercept_.copy()
    if len(coef) > 1:
        # what is not determined: their sums
        intercept = intercept - intercept.mean()
        if np.isinf(C):
            coef = coef - coef.mean(axis=0)
    with threadpool_limits(1):
        step = newton_step(X, codes, weight, coef, intercept, 1.0 / C, fit_intercept)
    left = np.abs(step / np.maximum(1.0, np.abs(np.column_stack([intercept, coef]))))
    return Optimum(coef, intercept, float(left.max()))
