"""log sum_k b_k exp(a_k) of rows with factors of any sign and size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sigmax.kernels import Float, two_sum


def log_weighted_sum(a: Float, b: Float, exp: Callable[[Float, Float], None]) -> tuple[Float, Float]:
    """log |S| and the sign of S = sum_k b_k exp(a_k), for each row.

    Parameters
    ----------
    a, b : float64 ndarrays of shape (n, K), K >= 1
        Where b is 0, a counts for nothing.
    exp : callable
        ``exp(x, out)`` of contiguous vectors.

    Returns
    -------
    log, sign : ndarrays of shape (n,)

    Notes
    -----
    With the largest term q = argmax_k (a_k + log |b_k|), whose own factor stays outside:

        S = b_q exp(a_q) (1 + s),   s = sum_{k != q} (b_k / b_q) exp(a_k - a_q)
    """
    with np.errstate(all="ignore"):
        log_b = np.log(np.abs(b))
        size = np.where(b == 0.0, -np.inf, a + log_b)
        top = np.argmax(size, axis=1)[:, None]  # the first nan, where there is one
        a_q, b_q, largest = (np.take_along_axis(array, top, axis=1) for array in (a, b, size))
        ratio = np.where(size == -np.inf, 0.0, _ratio(a, a_q, b, b_q, exp))
        np.put_along_axis(ratio, top, 0.0, axis=1)
        high, low = _sum(ratio)
        log = largest[:, 0] + _log_abs1p(high, low)
        sign = np.sign(b_q[:, 0]) * np.sign((1.0 + high) + low)

        # nothing, an infinite term or several of one sign, nan
        infinite = size == np.inf
        mixed = (infinite & (b < 0)).any(axis=1) & (infinite & (b > 0)).any(axis=1)
        limit = np.where(mixed, np.nan, largest[:, 0])
        limit_sign = np.where(np.isnan(limit), np.nan, np.where(limit > 0, np.sign(b_q[:, 0]), 0.0))
        finite = np.isfinite(largest[:, 0])
        return np.where(finite, log, limit), np.where(finite, sign, limit_sign)


def _ratio(a: Float, a_q: Float, b: Float, b_q: Float, exp: Callable[[Float, Float], None]) -> Float:
    """(b_k / b_q) exp(a_k - a_q), where neither factor need be in the range of a double."""
    # b_k / b_q = f 2^n = f 2^r (2^j)^4, and a_k - a_q = d + e exactly:
    # f 2^r (2^j exp(d / 4))^4 (1 + e), whose parts neither overflow nor vanish before the product does
    d, e = two_sum(a, -a_q)
    (fraction, exponent), (fraction_q, exponent_q) = np.frexp(b), np.frexp(b_q)
    n = exponent - exponent_q
    root = np.empty(d.shape)
    exp((d / 4.0).reshape(-1), root.reshape(-1))
    root = np.ldexp(root, n >> 2)
    square = root * root
    term: Float = np.ldexp(fraction / fraction_q * (square * square), n & 3)
    return term * (1.0 + np.where(np.isfinite(e), e, 0.0))


def _sum(terms: Float) -> tuple[Float, Float]:
    """Sum of each row as (high, low), about twice double precision: halves are added until one is left."""
    high, low = terms, np.zeros_like(terms)
    while (length := high.shape[1]) > 1:
        half = length // 2
        folded, error = two_sum(high[:, :half], high[:, half : 2 * half])
        rest = low[:, :half] + low[:, half : 2 * half] + error
        high = np.concatenate([folded, high[:, 2 * half :]], axis=1)
        low = np.concatenate([rest, low[:, 2 * half :]], axis=1)
    return two_sum(high[:, 0], low[:, 0])


def _log_abs1p(high: Float, low: Float) -> Float:
    """log |1 + s|, s = high + low: near |1 + s| = 1 by log1p, near 0 from a sum that is exact there."""
    value = np.log(np.abs((1.0 + high) + low))
    value = np.where(high > -0.5, np.log1p(high + low), value)
    return np.where(high < -1.5, np.log1p((-2.0 - high) - low), value)
