"""Sums of products that are correctly rounded: a row of weight 3 adds what three rows add, to the bit."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sigmax.kernels import Float

#: numbers that are taken to Python at once
_BLOCK = 2**16
#: Dekker's constant, 2^27 + 1: a float64 times it, less what that is too much, has 26 bits
_SPLIT = 134217729.0


def _halves(a: Float) -> tuple[Float, Float]:
    """``a = high + low``, of 26 bits each."""
    scaled = _SPLIT * a
    high = scaled - (scaled - a)
    return high, a - high


def product_errors(a: Float, b: Float, product: Float) -> Float:
    """``a b - product``, exactly: what rounding took from the product (Dekker, Numer. Math. 18, 1971).

    Exact unless a product is below 2^-968, where it is off by at most 2^-1074, or above 2^996.
    """
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    error: Float = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return error


def _terms(values: Float, weight: Float | None) -> Iterator[float]:
    for start in range(0, len(values), _BLOCK):
        v = values[start : start + _BLOCK]
        if weight is None:
            yield from v.tolist()
            continue
        w = weight[start : start + _BLOCK]
        product = w * v
        yield from product.tolist()
        yield from product_errors(w, v, product).tolist()


def exact_sum(values: Float, weight: Float | None = None) -> float:
    """``sum_i w_i v_i``, correctly rounded.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite, or +inf: then the sum is, too, where the weight is positive.
    weight : ndarray of shape (n,), optional
        Positive and finite; None for ones.

    Returns
    -------
    float
        0.0 without a term.
    """
    if len(values) and float(values.max()) == math.inf:
        return math.inf
    return math.fsum(_terms(values, weight))


def mean_and_error(values: Float, weight: Float | None, total: float) -> tuple[float, float]:
    """Mean of `values` and its standard error.

        mean = sum w v / n,   error^2 = sum w (v - mean)^2 / (n (n - 1)),   n = sum w

    Parameters
    ----------
    values, weight
        As for :func:`exact_sum`.
    total : float
        n.

    Returns
    -------
    (mean, error) : float
        The error is nan where n <= 1 or the mean is infinite.
    """
    mean = exact_sum(values, weight) / total
    if total <= 1.0 or not math.isfinite(mean):
        return mean, math.nan
    squares = exact_sum(np.square(values - mean), weight)
    return mean, math.sqrt(squares / total / (total - 1.0))
