"""Identical rows as one row with their weight, where that is exact and pays.

Rows with the same x, offset and label contribute the same function of the coefficients: one of them with
the summed weight is the same objective.  The weights have to be whole numbers with a sum below 2^53, so that
every sum of them is exact.

It pays where most rows repeat: tables of categories.  A sample of rows, fixed by their index, says so; where
they do not, a look at 256 of them is all it costs.  Blocks are grouped side by side and merge in the order of
their rows, so that the rows kept, in the order of their first appearance, are the same for any number of
threads.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sigmax import passes, threads
from sigmax.data.chunks import Chunks
from sigmax.data.response import Response
from sigmax.kernels import Codes, Float, Index, Kernels

#: fewer rows are not worth a look
_FEWEST = 4096
#: what is looked at before anything is grouped: (rows, distinct ones among them at most).  The first finds
#: out that nothing repeats, the second whether most rows do: of 4096 sampled rows half are distinct where
#: 2,600 rows are equally frequent in all
_LOOKS = ((256, 252), (4096, 2048))
#: rows of each group on average, at least; in a block, half as many
_FEWEST_ALIKE = 4
#: sums of whole numbers are exact below this
_EXACT = 2.0**53
#: work for a number that is hashed and compared, in the units of :data:`sigmax.threads.SERIAL_FLOPS`
_WORK = 4.0


class _Groups(NamedTuple):
    rows: Float  # x and offsets, shape (g, p + offsets)
    codes: Codes
    weight: Float


def collapse(
    rows: Chunks, response: Response, kernels: Kernels, n_threads: int
) -> tuple[Chunks, Response] | None:
    """The distinct rows with their summed weights, or None where it is not exact, or does not pay.

    Parameters
    ----------
    rows : Chunks
    response : Response
        Of those rows.
    kernels : Kernels
    n_threads : int
        Has no influence on the result.

    Returns
    -------
    Chunks, Response
        At most a quarter as many rows, float64, in the order of their first appearance; the same classes and
        total weight.  None also where a row holds nan or inf: whoever reads X will say so, and where.

    Notes
    -----
    Time: one hash of p + 1 words for each row, and one comparison with the first row of its group.  In passes
    with the Hessian, on two threads: 2.1 for 10,000 to 1,000,000 rows of 12 columns with 200 distinct ones,
    0.9 for 300,000 of 50 columns (AMD EPYC, 2 CPUs, shared).  What follows is free, and so it pays for any
    solver that reads the data more often than that.  Where nothing repeats, a look took 10 microseconds.
    """
    n = rows.n_rows
    if n < _FEWEST or response.scale != 1.0 or response.weight_sum >= _EXACT:
        return None
    if not all(_few_in_sample(rows, response, kernels, *look) for look in _LOOKS):
        return None
    found = _groups(rows, response, kernels, n_threads)
    if found is None or not np.isfinite(found.rows).all():
        return None
    p = rows.n_features
    return Chunks.of(found.rows[:, :p]), replace(
        response,
        codes=found.codes,
        weight=found.weight,
        offset=None if response.offset is None else np.ascontiguousarray(found.rows[:, p:]),
        smallest_weight=float(found.weight[found.weight > 0.0].min()),
    )


def _few_in_sample(rows: Chunks, response: Response, kernels: Kernels, size: int, most: int) -> bool:
    """Whether about `size` rows, each step-th, hold at most `most` distinct ones."""
    step = max(rows.n_rows // size, 1) | 1
    words = rows.every(step)
    if response.offset is not None:
        words = np.hstack([words, response.offset[::step]])
    key = response.codes[::step].astype(np.int64)
    # of fewer rows than `size`, the same part
    return _group(kernels, words, key, most * len(words) // size)[0] >= 0


def _group(kernels: Kernels, words: Float, key: Index, most: int) -> tuple[int, Index, Index]:
    """Number of groups, or -1; group of each row; first row of each group."""
    index, first = np.empty(len(words), np.int64), np.empty(most, np.int64)
    groups = kernels.group_rows(words, key, index, first)
    return groups, index, first[: max(groups, 0)]


def _sums(index: Index, weight: Float | None, groups: int) -> Float:
    """Weight of each group."""
    return np.bincount(index, weight, minlength=groups).astype(np.float64, copy=False)


def _groups(rows: Chunks, response: Response, kernels: Kernels, n_threads: int) -> _Groups | None:
    """All groups; None where they are too many, or the weights not whole."""
    n, weight, offset = rows.n_rows, response.weight, response.offset
    size = passes.block_rows(rows.n_features)
    given_up = False

    def evaluate(start: int, stop: int) -> _Groups | None:
        nonlocal given_up
        if given_up:
            return None
        w = None if weight is None else weight[start:stop]
        if w is None or np.array_equal(np.floor(w), w):
            words, codes = rows.block(start, stop), response.codes[start:stop]
            if offset is not None:
                words = np.hstack([words, offset[start:stop]])
            most = 2 * size // _FEWEST_ALIKE
            groups, index, first = _group(kernels, words, codes.astype(np.int64), most)
            if groups >= 0:
                return _Groups(words[first], codes[first], _sums(index, w, groups))
        given_up = True
        return None

    def merge(a: _Groups | None, b: _Groups | None) -> _Groups | None:
        if a is None or b is None:
            return None
        words, codes = np.concatenate([a.rows, b.rows]), np.concatenate([a.codes, b.codes])
        groups, index, first = _group(kernels, words, codes.astype(np.int64), n // _FEWEST_ALIKE)
        if groups < 0:
            return None
        sums = _sums(index, np.concatenate([a.weight, b.weight]), groups)
        return _Groups(words[first], codes[first], sums)

    work = _WORK * n * (rows.n_features + 2)
    found = passes.reduce(n, size, evaluate, merge, threads.useful(n_threads, work, shared=kernels.THREADED))
    return found if found is not None and len(found.rows) <= n // _FEWEST_ALIKE else None
