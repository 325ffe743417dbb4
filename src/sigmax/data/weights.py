"""Weights of the rows, of any scale: one sweep checks, adds up and finds the extremes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sigmax import passes, threads
from sigmax.data.checks import contiguous, none_of, numbers
from sigmax.kernels import Float

#: weights in a block
_BLOCK = 2**16
#: work for a weight, in the units of :data:`sigmax.threads.SERIAL_FLOPS`
_WORK = 4.0
#: exponents of a largest weight that is left as it is.  A decrement in standard errors grows with the root of
#: the weights: at 1e-12 a tolerance of 1e-12 stopped a fit after 7 digits, at 1e23 rounding never let it end
_ORDINARY = range(-20, 31)


@dataclass(frozen=True, slots=True)
class Weights:
    """Checked weights, in units of `scale`.

    Attributes
    ----------
    values : float64 ndarray of shape (n,)
        True weight = value * scale, exactly: a value is the true weight, or its product with a power of two.
        (Only where a true weight is below 2^-1022 times the largest one does its value lose digits, and below
        2^-1075 it is 0.)
    total : float
        Sum of the values.
    smallest : float
        The smallest positive value.
    has_zeros : bool
        Whether a value is 0.
    scale : float
        A power of two: 1.0 where the largest true weight is ordinary, from 2^-20 to below 2^31, else such
        that the largest value is at least 1 and less than 2.
    """

    values: Float
    total: float
    smallest: float
    has_zeros: bool
    scale: float


class _Sums(NamedTuple):
    least: float
    smallest: float
    largest: float
    total: float


def weights(name: str, value: npt.ArrayLike, n_rows: int, n_threads: int = 1) -> Weights:
    """Check the weights of `n_rows` rows.

    Raises
    ------
    ValueError
        Not real numbers, of another shape, nan, inf, negative, or all 0.
    """
    array = numbers(name, value)
    if array.shape != (n_rows,):
        raise ValueError(
            f"{name} must have shape ({n_rows},), one value for each row of X; got {array.shape}"
        )
    with np.errstate(over="ignore"):  # a long double beyond float64 is inf, and refused as that
        return weigh(name, array, contiguous(array), n_threads)


def weigh(name: str, given: npt.NDArray[np.generic], values: Float, n_threads: int) -> Weights:
    """`Weights` of checked shape; `given` is what messages show, `values` the same as a float64 vector."""
    sums = _sums(values, n_threads)
    if not (sums.least >= 0.0 and sums.largest < math.inf):
        flat = values.reshape(given.shape)
        none_of(name, flat, ~np.isfinite(flat), "be finite", "nan or inf")
        none_of(name, flat, flat < 0, "not be negative", "below 0")
    if sums.largest == 0.0:
        raise ValueError(f"{name} must have a positive value; all {values.size:,} are 0")
    exponent = math.frexp(sums.largest)[1] - 1  # 2^exponent <= largest < 2^(exponent + 1)
    if exponent in _ORDINARY:
        return Weights(values, sums.total, sums.smallest, sums.least == 0.0, 1.0)
    with np.errstate(under="ignore"):
        values = np.ldexp(values, -exponent)
    sums = _sums(values, n_threads)
    return Weights(values, sums.total, sums.smallest, sums.least == 0.0, math.ldexp(1.0, exponent))


def _sums(values: Float, n_threads: int) -> _Sums:
    """Least, smallest positive and largest value, and the sum; nan where there is one."""

    def evaluate(start: int, stop: int) -> _Sums:
        w = values[start:stop]
        least, largest = float(w.min()), float(w.max())
        smallest = float(w[w > 0.0].min(initial=np.inf)) if least <= 0.0 else least
        with np.errstate(over="ignore", invalid="ignore"):
            return _Sums(least, smallest, largest, float(w.sum()))

    def merge(a: _Sums, b: _Sums) -> _Sums:
        # nan survives: min and max of Python keep or lose it by position
        least, largest = np.minimum(a.least, b.least), np.maximum(a.largest, b.largest)
        return _Sums(float(least), min(a.smallest, b.smallest), float(largest), a.total + b.total)

    return passes.reduce(len(values), _BLOCK, evaluate, merge, threads.useful(n_threads, _WORK * len(values)))
