"""Line 5: an evaluation of 569 x 30 against its arithmetic, and from which size on two threads pay.

    arithmetic = (n k^2 + 4 n k) / DGEMM rate of one thread  +  n (binary_rows, for one row)

binary_rows is measured on a row block of a large problem in the same rounds, DGEMM as the best of the rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from unittest import mock

from figures import Figure

from sigmax import kernels, passes, threads
from sigmax.bench import machine, operations, problems
from sigmax.bench.problems import Problem
from sigmax.bench.report import aligned, number
from sigmax.bench.timing import interleaved

ROWS, COLUMNS, TARGET = 569, 30, 2.0
#: rows of the row block whose rows are timed: one of a problem of 30 columns
BLOCK = 16_384
#: rows at which one and two threads are compared
SIZES = (500, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000, 16_000, 32_000, 64_000, 128_000)
#: blocks of the last column of the comparison: two for each thread
_BLOCKS = 4


def _problem(n: int) -> Problem:
    """The first n rows of a problem that has an estimate."""
    return problems.multinomial(max(n, problems.fewest_rows(COLUMNS)), COLUMNS, 2).head(n)


def arithmetic_flops(n: int, k: int) -> float:
    """Hessian, logits and gradient."""
    return float(n) * k * k + 4.0 * n * k


def figures(scale: float, n_threads: int, rounds: int) -> Iterator[Figure]:
    """The size is what the line is about: `scale` changes only the row block that is timed beside it."""
    one, block = _problem(ROWS), _problem(max(round(BLOCK * scale), ROWS))
    backend = kernels.available()[0]
    with machine.blas_threads(1):
        order, multiply = machine.multiplying(0.02)
        calls = {
            f"evaluate {i}": operations.evaluation(one, n_threads, intercept=i).prepare(backend)
            for i in (False, True)
        }
        rows = operations.binary_rows(block).prepare(backend)
        times = interleaved(calls | {"rows": rows, "dgemm": multiply}, seconds=1.0, fewest=rounds)
    rate = 2.0 * order**3 / times["dgemm"].fastest
    a_row = times["rows"].median / block.n_rows
    for intercept in (False, True):
        dense = arithmetic_flops(ROWS, COLUMNS + intercept) / rate
        limit = tuple(dense + ROWS * seconds / block.n_rows for seconds in times["rows"].seconds)
        against = f"{rate / 1e9:.3g} GFLOP/s, {a_row * 1e9:.2f} ns a row"
        name = f"evaluate {ROWS} x {COLUMNS}{', intercept' if intercept else ''}"
        yield Figure(5, name, against, times[f"evaluate {intercept}"], limit, target=TARGET, at_most=True)


# -- from which size on threads pay --------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    """Medians of an evaluation of n x 30 with an intercept, in seconds.

    Attributes
    ----------
    n : int
    flops : float
        What `Objective.evaluate` tells `threads.useful`.
    blocks : int
        Row blocks of a pass; where there is one, further threads find nothing to do.
    one, shared : float
        On the calling thread; on `n_threads`, whatever the size.
    divided : float
        On `n_threads` in four equal blocks: what threads would gain if blocks were that small.
    gains : float
        Median over rounds of one / divided.
    """

    n: int
    flops: float
    blocks: int
    one: float
    shared: float
    divided: float
    gains: float


def crossover(n_threads: int, rounds: int, sizes: Sequence[int] = SIZES) -> list[Size]:
    """Evaluations on one thread, on all, and on all in smaller blocks, in turns."""
    found = []
    k, backend = 1 + COLUMNS, kernels.available()[0]
    for n in sizes:
        one, size = _problem(n), passes.block_rows(k)
        quarter = -(-n // _BLOCKS)
        with mock.patch.object(passes, "block_rows", lambda width, rows=quarter: rows):
            divided = operations.evaluation(one, n_threads).prepare(backend)
        calls = {
            "one": operations.evaluation(one, 1).prepare(backend),
            "shared": operations.evaluation(one, n_threads).prepare(backend),
            "divided": divided,
        }
        with mock.patch.object(threads, "SERIAL_FLOPS", 0):
            times = interleaved(calls, seconds=0.3, fewest=rounds)
        gains = Figure(5, "", "", times["divided"], times["one"].seconds).quartiles
        assert gains is not None
        medians = [times[name].median for name in ("one", "shared", "divided")]
        found.append(Size(n, _flops(n, k), -(-n // size), *medians, gains[1]))
    return found


def _flops(n: int, k: int) -> float:
    """As in `Objective.evaluate`: so many for each row, 50 for what a row does besides."""
    return n * (k * k + 4.0 * k + 50.0)


def pays_from(sizes: Sequence[Size]) -> Size | None:
    """The smallest size from which on threads gain, at this size and all above."""
    found = None
    for one in reversed(sizes):
        if one.gains <= 1.0:
            break
        found = one
    return found


def crossover_text(sizes: Sequence[Size], n_threads: int) -> str:
    """The table, and what it says of `threads.SERIAL_FLOPS`."""
    head = ["n x 30", "MFLOP", "blocks", "1 thread us", f"{n_threads} threads us", "in 4 blocks us", "gain"]
    rows = []
    for s in sizes:
        micro = [number(1e6 * t) for t in (s.one, s.shared, s.divided)]
        rows.append([f"{s.n:,}", number(s.flops / 1e6), str(s.blocks), *micro, number(s.gains)])
    a_row = _flops(1, 1 + COLUMNS)
    first = -(-threads.SERIAL_FLOPS // a_row)
    one_block = passes.block_rows(1 + COLUMNS)
    pays = pays_from(sizes)
    where = (
        "nowhere in this table" if pays is None else f"from n = {pays.n:,} on ({pays.flops / 1e6:.2g} MFLOP)"
    )
    return "\n".join(
        [
            *aligned([head, *rows], 0),
            f"Threads pay {where}, in four blocks.  threads.SERIAL_FLOPS, {threads.SERIAL_FLOPS / 1e6:g} "
            f"MFLOP, keeps less than {first:,.0f}",
            f"rows on the calling thread; a pass has a second block, and work for a second thread, from "
            f"{one_block + 1:,} rows on.",
        ]
    )


def record(sizes: Sequence[Size]) -> list[dict[str, Any]]:
    """Ready for JSON."""
    return [asdict(one) for one in sizes]
