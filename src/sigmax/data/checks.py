"""Checks of what users hand over: errors name the argument, the first bad index and the count."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_NUMBER_KINDS = "fiub"


def plural(count: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def numbers(name: str, value: npt.ArrayLike) -> npt.NDArray[np.generic]:
    """`value` as an array of real numbers, not copied.

    Raises
    ------
    ValueError
        Its dtype is not real.
    """
    array = np.asarray(value)
    if array.dtype.kind not in _NUMBER_KINDS:
        raise ValueError(f"{name} must hold real numbers; got dtype {array.dtype}")
    return array


def finite(name: str, array: npt.NDArray[np.generic]) -> None:
    """Raise ValueError where `array` holds nan or inf: how many, and where the first one is."""
    bad = ~np.isfinite(array)
    count = int(bad.sum())
    if count:
        first = np.argwhere(bad)[0]
        where = f"[{', '.join(str(i) for i in first)}]"
        raise ValueError(
            f"{name} must be finite; {plural(count, 'value')} nan or inf, "
            f"the first at {name}{where} = {array[tuple(first)]}"
        )


def vector(name: str, value: npt.ArrayLike, length: int, of: str) -> npt.NDArray[np.float64]:
    """`value` as a contiguous float64 vector of finite numbers, one for each `of`."""
    array = numbers(name, value)
    if array.shape != (length,):
        raise ValueError(f"{name} must have shape ({length},), one value for each {of}; got {array.shape}")
    finite(name, array)
    return np.ascontiguousarray(array, dtype=np.float64)
