"""Coefficients in scikit-learn's layout, and back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sigmax.identification import parametrisation
from sigmax.inference.result import Result
from sigmax.kernels import Float


class Coefficients(NamedTuple):
    """Slopes and intercepts: one row for two classes, the second's log odds; else one for each class.

    Attributes
    ----------
    coef : ndarray of shape (1, p) or (K, p)
    intercept : ndarray of shape (1,) or (K,)
        Zeros where none was fitted.
    """

    coef: Float
    intercept: Float


def of_params(params: Float, *, intercept: bool) -> Coefficients:
    """From coefficients against class 0, (K - 1, k); those of K > 2 classes sum to zero."""
    rows = params if len(params) == 1 else parametrisation.symmetric(params, 0)
    return _split(rows, intercept)


def _split(rows: Float, intercept: bool) -> Coefficients:
    if not intercept:
        return Coefficients(np.array(rows), np.zeros(len(rows)))
    return Coefficients(np.ascontiguousarray(rows[:, 1:]), rows[:, 0].copy())


def of_result(result: Result) -> Coefficients:
    """Those of a fit against its first class.

    Where the classes are separated there is no sum to make zero: those of K > 2 classes are against the
    first one, whose row is zero.  A column that was left out as a combination of others has zeros.
    """
    params = np.where(np.atleast_2d(result.aliased), 0.0, np.atleast_2d(result.params))
    if result.separation is None or len(params) == 1:
        return of_params(params, intercept=result.fit_intercept)
    return _split(parametrisation.padded(params, 0), result.fit_intercept)


def as_start(coef: Float, intercept: Float, *, fit_intercept: bool) -> Float | None:
    """Coefficients against class 0, (K - 1, k), to start from; None where some are infinite."""
    rows = np.column_stack([intercept, coef]) if fit_intercept else np.array(coef)
    if not np.isfinite(rows).all():
        return None
    return np.ascontiguousarray(rows if len(rows) == 1 else rows[1:] - rows[0])
