"""Coefficients of folds in scikit-learn's layout."""

from __future__ import annotations

import numpy as np

from sigmax.kernels import Float
from sigmax.paths import Path


def in_rows(path: Path, K: int, *, intercept: bool) -> Float:
    """Coefficients of a fold in scikit-learn's rows, intercepts last, (L, 1 or K, dof).

    A class that the fold lacks has no slopes and an intercept of -inf.  Rows of K > 2 classes sum to zero
    over those that are there; of separated ones they are against the first of them, as in
    :func:`sigmax.estimators.coefficients.of_result`.
    """
    L, _, k = path.params.shape
    whole = path.params.copy()
    summing = np.ones(L, dtype=bool)
    for i, result in path.unpenalised.items():
        whole[i, np.atleast_2d(result.aliased)] = 0.0
        summing[i] = result.separation is None
    if intercept:
        whole = np.roll(whole, -1, axis=2)
    if K == 2:
        if len(path.present) == 2:
            return whole
        found = np.zeros((L, 1, k))
        found[:, 0, -1] = np.inf if path.present == (1,) else -np.inf
        return found
    # one class alone has a row of zeros
    whole = np.insert(whole, 0, 0.0, axis=1)
    whole[summing] -= whole[summing].mean(axis=1, keepdims=True)
    found = np.zeros((L, K, k))
    if len(path.present) < K:
        found[:, :, -1] = -np.inf
    found[:, list(path.present)] = whole
    return found
