"""From arbitrary precision to float64: the error of a result, and the nearest double."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp, mpf
from numpy.typing import ArrayLike, NDArray

from oracles.inputs import GUARD, flatten


def relative_error(values: ArrayLike, exact: Any, *, digits: int = 50) -> NDArray[np.float64]:
    """Return |value - exact| / |exact|, the difference taken before any rounding.

    Parameters
    ----------
    values : array_like of float64
        Floating-point results.
    exact : mpf, or nested sequence of mpf, with as many entries
        What they ought to be.
    digits : int
        Digits of the quotient before it is rounded to float64.

    Returns
    -------
    ndarray of float64, shape of ``values``
        Zero where both are zero, infinity where only the exact one is zero or where the value is
        not finite.

    Raises
    ------
    ValueError
        When the numbers of entries differ.
    """
    v = np.asarray(values, dtype=np.float64)
    e = flatten(exact)
    if v.size != len(e):
        raise ValueError(f"{v.size} values against {len(e)} exact ones")
    out = np.empty(v.size)
    with mp.workdps(digits + GUARD):
        for i, (value, want) in enumerate(zip(v.ravel().tolist(), e, strict=True)):
            gap = abs(mp.fsub(mpf(value), want, exact=True)) if np.isfinite(value) else mp.inf
            out[i] = 0.0 if gap == 0 else np.inf if want == 0 else float(gap / abs(want))
    return out.reshape(v.shape)


def to_float(exact: Any) -> NDArray[np.float64]:
    """Round nested arbitrary-precision numbers to the nearest float64, keeping their shape.

    Parameters
    ----------
    exact : mpf, or nested sequence of mpf
        Numbers of any precision.

    Returns
    -------
    ndarray of float64
        Correctly rounded.
    """

    def convert(item: Any) -> Any:
        return float(item) if isinstance(item, mpf) else [convert(i) for i in item]

    return np.array(convert(exact), dtype=np.float64)
