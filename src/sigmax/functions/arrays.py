"""Arrays of any dtype and layout as kernels read and write them: blocks of float64, viewed or copied."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from sigmax import passes, threads
from sigmax.data.checks import numbers
from sigmax.kernels import Float, Kernels

T = TypeVar("T")

#: what comes in, and what goes out
Real: TypeAlias = npt.NDArray[Any]
Result: TypeAlias = npt.NDArray[np.floating[Any]]
#: a result of no dimension is a NumPy scalar
ResultOrScalar: TypeAlias = Result | np.floating[Any]

F8 = np.dtype(np.float64)
#: numbers in a block: some 300 microseconds of kernel, next to which Python's share is small
BLOCK = 2**18
#: arithmetic for one number, about
_FLOPS = 40.0
#: numbers in the smallest view that is worth a kernel call of its own
_SMALLEST_CALL = 2**13
#: effort for the question whether two arrays overlap; beyond, they are taken to (Any: NumPy's stubs know
#: only two of the numbers that it takes)
_OVERLAP_EFFORT: Any = 1000


# -- input and output ------------------------------------------------------------------------------


def real(name: str, value: npt.ArrayLike) -> Real:
    """`value` as an array of real numbers, not copied; TypeError for other dtypes."""
    return numbers(name, value, TypeError)


def destination(out: Any, shape: tuple[int, ...]) -> Result:
    """`out` as a plain array, once it is known to take a result of `shape`."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array; got {type(out).__name__}")
    if out.dtype.kind != "f":
        raise TypeError(f"out must hold real floating-point numbers; got dtype {out.dtype}")
    if out.shape != shape:
        raise ValueError(f"out must have the shape of the result, {shape}; got {out.shape}")
    if not out.flags.writeable:
        raise ValueError("out must be writeable; it is read-only")
    return out.view(np.ndarray)


def _same(a: Real, b: Real) -> bool:
    """Whether both are the same numbers in the same places."""
    return a.__array_interface__["data"][0] == b.__array_interface__["data"][0] and (
        a.shape,
        a.strides,
        a.dtype,
    ) == (b.shape, b.strides, b.dtype)


def overlap(array: Real, out: Real) -> bool:
    """Whether writing to `out` may change `array`."""
    return np.may_share_memory(array, out, max_work=_OVERLAP_EFFORT)


def apart(array: Real, out: Real) -> Real:
    """`array`, copied if `out` overlaps it otherwise than as the very same array."""
    return array.copy() if overlap(array, out) and not _same(array, out) else array


def row_dtype(*kinds: Any) -> np.dtype[Any]:
    """dtype of functions of an axis: float32 or float16 if no more is needed to hold all, else float64."""
    dtype = np.result_type(*kinds, 1.0)
    return dtype if dtype.itemsize < F8.itemsize else F8


def check_threads(n_threads: int | None) -> None:
    """ValueError for a number of threads that is none, also where no thread will be asked for."""
    if n_threads is not None:
        threads.resolve(n_threads)


def scalar_or_array(result: Result) -> ResultOrScalar:
    """A NumPy scalar for a result of no dimension."""
    scalar: ResultOrScalar = result[()]
    return scalar


# -- blocks ----------------------------------------------------------------------------------------


def _pieces(
    shape: tuple[int, ...], start: int, stop: int
) -> Iterator[tuple[int, int, tuple[int | slice, ...]]]:
    """Positions start <= i < stop of `shape`, counted in C order, as few rectangles in that order.

    Yields (start, stop, index) of each.
    """
    if len(shape) < 2:
        yield start, stop, (slice(start, stop),) * len(shape)
        return
    inner = math.prod(shape[1:])

    def within(row: int, a: int, b: int) -> Iterator[tuple[int, int, tuple[int | slice, ...]]]:
        base = row * inner
        for first, last, index in _pieces(shape[1:], a - base, b - base):
            yield base + first, base + last, (row, *index)

    first, last = -(-start // inner), stop // inner  # whole rows
    if first > last:
        yield from within(last, start, stop)
        return
    if start < first * inner:
        yield from within(first - 1, start, first * inner)
    if first < last:
        yield first * inner, last * inner, (slice(first, last), *(slice(None),) * (len(shape) - 1))
    if last * inner < stop:
        yield from within(last, last * inner, stop)


def gather(array: Real, lead: int, start: int, stop: int, dtype: npt.DTypeLike = F8) -> Real:
    """Positions start <= i < stop of the first `lead` axes, as a new contiguous array (stop - start, ...)."""
    block = np.empty((stop - start, *array.shape[lead:]), dtype)
    for a, b, index in _pieces(array.shape[:lead], start, stop):
        part = array[(*index, ...)]
        np.copyto(block[a - start : b - start].reshape(part.shape), part, casting="same_kind")
    return block


def scatter(array: Real, lead: int, start: int, stop: int, block: Float) -> None:
    """Write what `gather` would read, rounded to the dtype of `array`."""
    for a, b, index in _pieces(array.shape[:lead], start, stop):
        part = array[(*index, ...)]
        np.copyto(part, block[a - start : b - start].reshape(part.shape), casting="same_kind")


def direct(array: Real) -> bool:
    """Whether a kernel can read `array` where it lies; `aligned` alone leaves out axes of length 1."""
    return (
        array.dtype == F8 and array.flags.aligned and all(step % F8.itemsize == 0 for step in array.strides)
    )


def _viewed(array: Real, groups: tuple[int, ...]) -> Float | None:
    """`array` with each group of neighbouring axes made one, or None where that needs a copy."""
    if not direct(array):
        return None
    shape, axis = [], 0
    for length in groups:
        sizes, steps = array.shape[axis : axis + length], array.strides[axis : axis + length]
        long = [one for one in zip(sizes, steps, strict=True) if one[0] != 1]
        if any(outer[1] != inner[0] * inner[1] for outer, inner in pairwise(long)):
            return None
        shape.append(math.prod(sizes))
        axis += length
    return array.reshape(shape)


def small(array: Real) -> bool:
    """Whether one kernel call on `array` as it lies does all: the short way, where microseconds count."""
    flags = array.flags
    return array.dtype == F8 and 0 < array.size <= BLOCK and flags.c_contiguous and flags.aligned


class Rows:
    """An array as n rows of `width` numbers each.

    A row is what one position on the `kept` axes holds along the `reduced` axes; rows count in C order.
    The array must not be empty.

    Attributes
    ----------
    n, width : int
    """

    __slots__ = ("_by_head", "_flat", "_lead", "_moved", "_span", "n", "width")

    def __init__(self, array: Real, kept: tuple[int, ...], reduced: tuple[int, ...]) -> None:
        self._moved = array.transpose(kept + reduced)
        self._lead = len(kept)
        self.n = math.prod(self._moved.shape[: self._lead])
        self.width = math.prod(self._moved.shape[self._lead :])
        self._flat = _viewed(self._moved, (len(kept), len(reduced)))
        # head, row, tail: the kept axes behind the last reduced one are a matrix of their own for each
        # position of those before, as the pixels of an image are
        tail = sum(axis > max(reduced, default=-1) for axis in kept)
        in_tail = math.prod(self._moved.shape[self._lead - tail : self._lead]) if tail else self.n
        # a function of shape and axis alone: sums over blocks must not depend on the layout
        self._span = in_tail if in_tail * self.width >= _SMALLEST_CALL else self.n
        self._by_head = None
        if self._flat is None and self._span < self.n:
            self._by_head = _viewed(self._moved, (self._lead - tail, tail, len(reduced)))

    def spans(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """The rows start <= i < stop in runs that a kernel takes in one call."""
        while start < stop:
            end = min(stop, (start // self._span + 1) * self._span)
            yield start, end
            start = end

    def view(self, start: int, stop: int) -> Float | None:
        """One run of rows where they lie, or None where they have to be copied."""
        if self._flat is not None:
            return self._flat[start:stop]
        if self._by_head is not None:
            head, first = divmod(start, self._span)
            return self._by_head[head, first : first + stop - start]
        return None

    def copy(self, start: int, stop: int) -> Float:
        """One run of rows as a new C-contiguous array (stop - start, width)."""
        return gather(self._moved, self._lead, start, stop).reshape(stop - start, self.width)

    def read(self, start: int, stop: int) -> Float:
        """One run of rows: a view where possible."""
        rows = self.view(start, stop)
        return self.copy(start, stop) if rows is None else rows

    def write(self, start: int, stop: int, rows: Float) -> None:
        """Overwrite one run of rows."""
        scatter(self._moved, self._lead, start, stop, rows)


def reduce(
    n: int,
    width: int,
    evaluate: Callable[[int, int], T],
    merge: Callable[[T, T], T],
    kernels: Kernels,
    n_threads: int | None,
) -> T:
    """:func:`sigmax.passes.reduce` over n rows of `width` numbers, in blocks of about `BLOCK` numbers."""
    flops = _FLOPS * n * width
    # None reads the environment, which is dear for a small array
    count = 1 if n_threads is None and flops < threads.SERIAL_FLOPS else threads.resolve(n_threads)
    size = max(BLOCK // width, 1)
    return passes.reduce(n, size, evaluate, merge, threads.useful(count, flops, shared=kernels.THREADED))


def nothing(left: None, right: None) -> None:
    """How blocks merge that wrote all they found."""
