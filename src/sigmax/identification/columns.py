"""What can be said of columns exactly: zero, constant, a power of two times another one.

Only rows of positive weight count.  Every statement is about the numbers as they are given; nothing is
rounded, and no tolerance is needed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sigmax import passes, threads
from sigmax.data.design import Design
from sigmax.kernels import Float, Kernels

#: work for a number that is hashed and compared, in the units of :data:`sigmax.threads.SERIAL_FLOPS`
_WORK = 16.0


@dataclass(frozen=True, slots=True)
class Columns:
    """Facts about the columns of a design, the intercept among them.

    Attributes
    ----------
    largest : ndarray of shape (k,)
        max_i |x_ij|; 0 for a column of zeros, and for all where no row counts.
    constant : bool ndarray of shape (k,)
        One number in all rows.
    first : ndarray of shape (k,)
        The number in the first row that counts.
    like : intp ndarray of shape (k,)
        The first column i with x_j = ratio_j x_i exactly, ratio_j a power of two or minus one; j itself where
        there is none before it.
    ratio : ndarray of shape (k,)
        1 where ``like`` is the column itself.
    """

    largest: Float
    constant: npt.NDArray[np.bool_]
    first: Float
    like: npt.NDArray[np.intp]
    ratio: Float


class _Seen(NamedTuple):
    first: Float
    largest: Float
    constant: npt.NDArray[np.bool_]
    digest: list[bytes]


def counted(design: Design, weight: Float | None, start: int, stop: int) -> Float:
    """[1 X] of the rows start <= i < stop that count, as an array of its own; shape (r, k)."""
    block = design.block(start, stop)
    if weight is not None:
        block = block[weight[start:stop] > 0.0]
    rows = np.empty((len(block), design.width))
    rows[:, : design.intercept] = 1.0
    rows[:, design.intercept :] = block
    return rows


def columns(design: Design, weight: Float | None, kernels: Kernels, n_threads: int) -> Columns:
    """The facts, in one read of X, and another one where columns look like multiples of each other."""
    k, size = design.width, passes.block_rows(design.width)
    work = threads.useful(n_threads, _WORK * design.n_rows * k, shared=kernels.THREADED)

    def evaluate(start: int, stop: int) -> _Seen | None:
        rows = counted(design, weight, start, stop)
        if not len(rows):
            return None
        # |mantissas| are what a power of two, and a sign, leave alone
        mantissa = np.ascontiguousarray(np.abs(np.frexp(rows)[0]).T)
        digest = [hashlib.blake2b(column.tobytes(), digest_size=16).digest() for column in mantissa]
        return _Seen(rows[0], np.abs(rows).max(axis=0), (rows == rows[0]).all(axis=0), digest)

    def merge(a: _Seen | None, b: _Seen | None) -> _Seen | None:
        if a is None or b is None:
            return a or b
        pairs = zip(a.digest, b.digest, strict=True)
        return _Seen(
            a.first,
            np.maximum(a.largest, b.largest),
            a.constant & b.constant & (a.first == b.first),
            [hashlib.blake2b(left + right, digest_size=16).digest() for left, right in pairs],
        )

    seen = passes.reduce(design.n_rows, size, evaluate, merge, work)
    like, ratio = np.arange(k), np.ones(k)
    if seen is None:
        return Columns(np.zeros(k), np.ones(k, bool), np.zeros(k), like, ratio)
    groups: dict[bytes, list[int]] = {}
    for j in np.flatnonzero(~seen.constant).tolist():
        groups.setdefault(seen.digest[j], []).append(j)
    pairs = [(j, i) for group in groups.values() for b, j in enumerate(group) for i in group[:b]]
    if pairs:
        right, left = np.array(pairs).T
        for sign in (1.0, -1.0):
            same = _same(design, weight, right, left, sign, seen.largest, size, work)
            for j, i in zip(right[same].tolist(), left[same].tolist(), strict=True):
                if i < like[j]:
                    like[j] = i
                    ratio[j] = sign * np.ldexp(1.0, _exponent(seen.largest[j]) - _exponent(seen.largest[i]))
    return Columns(seen.largest, seen.constant, seen.first, like, ratio)


def _exponent(value: float) -> int:
    return int(np.frexp(value)[1])


def _same(
    design: Design,
    weight: Float | None,
    right: npt.NDArray[np.intp],
    left: npt.NDArray[np.intp],
    sign: float,
    largest: Float,
    size: int,
    n_threads: int,
) -> npt.NDArray[np.bool_]:
    """Whether x_right = sign 2^e x_left in every row, e from their largest numbers; one read of X."""
    exponent = np.frexp(largest)[1]
    shift = exponent[right] - exponent[left]

    def evaluate(start: int, stop: int) -> npt.NDArray[np.bool_]:
        rows = counted(design, weight, start, stop)
        a, b = rows[:, right], sign * rows[:, left]
        with np.errstate(over="ignore", under="ignore"):
            # both ways: where one of them rounds, or overflows, the other one differs
            return np.asarray(((a == np.ldexp(b, shift)) & (b == np.ldexp(a, -shift))).all(axis=0))

    return passes.reduce(design.n_rows, size, evaluate, np.logical_and, n_threads)
