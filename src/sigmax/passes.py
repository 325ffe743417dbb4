"""One pass over the rows: blocks -> threads -> ordered merge.  Knows nothing of what is summed.

Blocks are counted from row 0, and their size is a function of the problem's shape.  Their results merge
in a binary tree over the block index: blocks 2i and 2i + 1 first, then pairs of pairs; what is left over
at the end is folded from the right.  A thread works on aligned runs of 2^j blocks, so what it returns is
a node of that same tree.  Hence the same bits for 1 or 64 threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from typing import TypeVar

from sigmax import threads

T = TypeVar("T")

#: elements of X in a block, about: 4 MiB, long enough to hide what a kernel call costs (2,000,000 x 20 took
#: 11.6 ms with half of it, 11.2 with this and with twice as much, where reading took 9.6)
_BLOCK_ELEMENTS = 2**19
_SMALLEST_BLOCK, _LARGEST_BLOCK = 2**10, 2**16

#: runs of blocks for each thread: 8 to 16.  Longer runs leave fewer results to keep, and more to wait for at
#: the end: with 4 to 8, passes of 123 blocks took 1 or 2 % longer (benchmarks/same_bits.py)
_RUNS = 16

#: a node of the tree: (level, sum over 2^level blocks)
_Nodes = list[tuple[int, T]]


def block_rows(width: int) -> int:
    """Rows in a block of a problem with `width` columns: a power of two, 1024 to 65536."""
    rows = _BLOCK_ELEMENTS // max(width, 1)
    return min(max(1 << max(rows.bit_length() - 1, 0), _SMALLEST_BLOCK), _LARGEST_BLOCK)


def blocks(n_rows: int, size: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of the blocks of `n_rows` rows."""
    for start in range(0, n_rows, size):
        yield start, min(start + size, n_rows)


def _push(nodes: _Nodes[T], level: int, value: T, merge: Callable[[T, T], T]) -> None:
    """Add a node on the right: as in a binary counter, equal levels merge and carry."""
    while nodes and nodes[-1][0] == level:
        value = merge(nodes.pop()[1], value)
        level += 1
    nodes.append((level, value))


def _fold(nodes: _Nodes[T], merge: Callable[[T, T], T]) -> T:
    value = nodes[-1][1]
    for _, left in reversed(nodes[:-1]):
        value = merge(left, value)
    return value


def reduce(
    n_rows: int,
    size: int,
    evaluate: Callable[[int, int], T],
    merge: Callable[[T, T], T],
    n_threads: int,
) -> T:
    """Merge ``evaluate(start, stop)`` over all blocks.

    Parameters
    ----------
    n_rows, size : int
        Rows in all, at least 1, and in a block.
    evaluate : callable
        Result of the rows start <= i < stop.  Runs in any thread; should release the GIL.
    merge : callable
        ``merge(left, right)``, where left covers the rows before right's; may reuse either.
    n_threads : int
        Has no influence on the result.

    Returns
    -------
    T
        The root of the tree.

    Notes
    -----
    An exception in any thread, and KeyboardInterrupt in the calling one, stops all after the block they
    are working on, and is raised here once they have stopped.
    """
    n_blocks = -(-n_rows // size)
    if n_blocks == 1:
        return evaluate(0, n_rows)
    run = 1
    while n_threads > 1 and run * _RUNS * n_threads <= n_blocks:
        run *= 2
    n_runs = -(-n_blocks // run)

    nodes: _Nodes[T] = []  # of all runs before the first that has not ended
    ended: dict[int, _Nodes[T]] = {}  # of runs after it: as many as there are threads, or few more
    merged = 0
    errors: list[BaseException] = []
    pending = iter(range(n_runs))
    lock = threading.Lock()

    def work() -> None:
        while not errors:
            with lock:
                index = next(pending, None)
            if index is None:
                return
            own: _Nodes[T] = []
            for block in range(index * run, min((index + 1) * run, n_blocks)):
                if errors:
                    return
                try:
                    value = evaluate(block * size, min((block + 1) * size, n_rows))
                    _push(own, 0, value, merge)
                except BaseException as error:
                    errors.append(error)
                    return
            try:
                settle(index, own)
            except BaseException as error:
                errors.append(error)
                return

    def settle(index: int, own: _Nodes[T]) -> None:
        """Merge what has ended in the order of the rows, at once, so that few partial sums are alive."""
        nonlocal merged
        with lock:
            ended[index] = own
            while merged in ended:
                for level, value in ended.pop(merged):
                    _push(nodes, level, value, merge)
                merged += 1

    helpers = threads.submit(work, min(n_threads, n_runs) - 1)
    try:
        work()
    except BaseException as error:  # an interrupt between two blocks
        errors.append(error)
    for helper in helpers:
        while not (helper.cancel() or helper.done()):
            try:
                wait([helper])
            except BaseException as error:  # an interrupt while the others finish their blocks
                errors.append(error)
    if errors:
        raise errors[0]

    return _fold(nodes, merge)
