"""Coefficients of folds in scikit-learn's layout."""

from __future__ import annotations

import numpy as np

from sigmax.estimators.coefficients import of_params, of_result
from sigmax.kernels import Float
from sigmax.paths import Path


def in_rows(path: Path, K: int, *, intercept: bool) -> Float:
    """Coefficients of a fold in scikit-learn's rows, intercepts last, (L, 1 or K, dof).

    A class that the fold lacks has no slopes and an intercept of -inf.
    """
    L, _, k = path.params.shape
    rows = 1 if K == 2 else K
    if len(path.present) == K:
        found = np.empty((L, rows, k))
        for i in range(L):
            result = path.unpenalised.get(i)
            c = of_params(path.params[i], intercept=intercept) if result is None else of_result(result)
            found[i, :, : k - intercept] = c.coef
            if intercept:
                found[i, :, -1] = c.intercept
        return found
    found = np.zeros((L, rows, k))
    if K == 2:
        if intercept:
            found[:, 0, -1] = np.inf if path.present == (1,) else -np.inf
        return found
    if intercept:
        found[:, :, -1] = -np.inf
    # of the classes that are there; one alone has a row of zeros
    whole = np.insert(path.params, 0, 0.0, axis=1)
    whole = whole - whole.mean(axis=1, keepdims=True)
    for row, place in enumerate(path.present):
        found[:, place, : k - intercept] = whole[:, row, intercept:]
        if intercept:
            found[:, place, -1] = whole[:, row, 0]
    return found
