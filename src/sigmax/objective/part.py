"""The objective of some stretches of the rows, which are read where they lie.

The training rows of a fold are the rows before its test rows and those after them: no copy of X, labels or
weights is made, and no block is put together from two stretches.  Blocks are counted anew in each stretch, so
that the bits depend on where stretches begin, never on threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from sigmax import passes
from sigmax.data.chunks import Chunks
from sigmax.data.design import Design
from sigmax.data.folds import Stretch
from sigmax.data.response import Response
from sigmax.kernels import Kernels
from sigmax.objective.objective import Objective

T = TypeVar("T")


class Part(Objective):
    """The objective of the rows in some stretches of a design.

    Parameters
    ----------
    design, response
        The data, with all rows.
    stretches : sequence of (start, stop)
        Rising, none empty.
    kernels, n_threads
        As in :class:`Objective`.
    l2 : float
        Strength of the penalty, in units of the (scaled) negative log-likelihood.
    blocks : int
        Blocks of :func:`sigmax.passes.block_rows` in one block: many where several parts are read side by
        side, each by one thread, and short blocks would only cost calls.

    Attributes
    ----------
    stretches : tuple of (start, stop)
    n_rows : int
        Rows in the stretches.
    """

    __slots__ = ("_ranges", "stretches")

    def __init__(
        self,
        design: Design,
        response: Response,
        stretches: Sequence[Stretch],
        kernels: Kernels,
        n_threads: int,
        *,
        l2: float = 0.0,
        blocks: int = 1,
    ) -> None:
        self.stretches = tuple(stretches)
        super().__init__(design, _counted(response, self.stretches), kernels, n_threads, l2=l2)
        self._size *= blocks
        self.n_rows = sum(stop - start for start, stop in self.stretches)
        self._ranges = [
            (first + start, first + stop)
            for first, end in self.stretches
            for start, stop in passes.blocks(end - first, self._size)
        ]

    def reduce(self, evaluate: Callable[[int, int], T], merge: Callable[[T, T], T], *, flops: float) -> T:
        """:func:`sigmax.passes.reduce` over the blocks of the stretches."""
        ranges = self._ranges
        count = self._threads(flops)
        return passes.reduce(len(ranges), 1, lambda i, _: evaluate(*ranges[i]), merge, count)

    def alone(self, classes: Sequence[int]) -> Objective:
        """The same objective without the rows between the stretches, and with these of the classes only.

        X by reference, the rest copied.  Rows of other classes must have weight 0.
        """
        rows = np.concatenate([np.arange(start, stop) for start, stop in self.stretches])
        response = self.response.take(rows)
        if len(classes) < len(response.classes):
            table = np.zeros(len(response.classes), response.codes.dtype)
            table[list(classes)] = np.arange(len(classes))
            offset = response.offset
            if offset is not None:
                whole = np.concatenate([np.zeros((len(rows), 1)), offset], axis=1)[:, list(classes)]
                offset = np.ascontiguousarray((whole - whole[:, :1])[:, 1:])
            response = replace(
                response,
                classes=response.classes[list(classes)],
                codes=table[response.codes],
                offset=offset,
                absent=(),
            )
        l2 = 0.0 if self.penalty is None else self.penalty.l2
        if np.may_share_memory(self.design.block(0, 1), self.design.block(0, 1)):
            design = self.design.of(Chunks([self.design.block(*stretch) for stretch in self.stretches]))
        else:
            # rows that are not read in place: gathered, or copied where they are few
            design = self.design.pick(rows, self.n_threads)
        found = Objective(design, response, self.kernels, self.n_threads, l2=l2)
        found.rows_read = self.rows_read
        if self._largest is not None:
            found.found_largest(self._largest)
        return found


def _counted(response: Response, stretches: Sequence[Stretch]) -> Response:
    """The response with the sums of the rows that count; all its rows are kept."""
    K, weight = len(response.classes), response.weight
    rows = [slice(start, stop) for start, stop in stretches]
    if weight is None:
        total, smallest = float(sum(stop - start for start, stop in stretches)), 1.0
        found = sum(np.bincount(response.codes[r], minlength=K) for r in rows)
    else:
        total = float(sum(weight[r].sum() for r in rows))
        smallest = min(float(weight[r].min(initial=np.inf, where=weight[r] > 0.0)) for r in rows)
        found = sum(np.bincount(response.codes[r], weights=weight[r], minlength=K) for r in rows)
    absent = tuple(np.flatnonzero(np.asarray(found) == 0.0).tolist())
    return replace(response, weight_sum=total, smallest_weight=smallest, absent=absent)
