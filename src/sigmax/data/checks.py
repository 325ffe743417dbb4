"""Checks of what users hand over: errors name the argument, the first bad index and the count."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_NUMBER_KINDS = "fiub"


def plural(count: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def numbers(name: str, value: npt.ArrayLike, error: type[Exception] = ValueError) -> npt.NDArray[np.generic]:
    """`value` as an array of real numbers, not copied.

    Raises
    ------
    error
        Its dtype is not real.
    """
    array = np.asarray(value)
    if array.dtype.kind not in _NUMBER_KINDS:
        raise error(f"{name} must hold real numbers; got dtype {array.dtype}")
    return array


def contiguous(array: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """`array` as kernels read it, float64, contiguous and aligned; itself where it is that."""
    # ascontiguousarray would hand out an unaligned array as it is
    return np.require(array, np.float64, ["C_CONTIGUOUS", "ALIGNED"])


def position(name: str, index: tuple[int, ...]) -> str:
    """``y[3, 0]``; the bare name for the only element of a scalar."""
    return f"{name}[{', '.join(str(i) for i in index)}]" if index else name


def where_first(name: str, array: npt.NDArray[np.generic], bad: npt.NDArray[np.bool_]) -> str:
    """``y[3, 0] = nan``: the first of the values that are `bad`; there must be one."""
    first = tuple(int(i) for i in np.unravel_index(np.argmax(bad), bad.shape))
    return f"{position(name, first)} = {array[first]}"


def none_of(
    name: str, array: npt.NDArray[np.generic], bad: npt.NDArray[np.bool_], must: str, are: str
) -> None:
    """Raise ValueError where `bad` is true: what is expected, how many differ, and where the first one is."""
    count = int(np.count_nonzero(bad))
    if count:
        first = where_first(name, array, bad)
        raise ValueError(f"{name} must {must}; {plural(count, 'value')} {are}, the first at {first}")


def finite(name: str, array: npt.NDArray[np.generic]) -> None:
    """Raise ValueError where `array` holds nan or inf: how many, and where the first one is."""
    none_of(name, array, ~np.isfinite(array), "be finite", "nan or inf")


def vector(name: str, value: npt.ArrayLike, length: int, of: str) -> npt.NDArray[np.float64]:
    """`value` as a contiguous float64 vector of finite numbers, one for each `of`."""
    array = numbers(name, value)
    if array.shape != (length,):
        raise ValueError(f"{name} must have shape ({length},), one value for each {of}; got {array.shape}")
    finite(name, array)
    return contiguous(array)


def coverage(level: object) -> float:
    """The coverage of an interval, 0 < level < 1.

    Raises
    ------
    ValueError
        It is none.
    """
    if isinstance(level, int | float | np.integer | np.floating) and 0.0 < level < 1.0:
        return float(level)
    raise ValueError(f"level must be between 0 and 1; got {level!r}")
