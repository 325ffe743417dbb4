"""Run a range of problems in processes of one thread each."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager

from judge import Record, judge

#: problems that a process is handed at once: about half a second
CHUNK = 50
#: seconds between two lines of progress
_EVERY = 10.0
_ONE_THREAD = {"SIGMAX_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _chunk(seed: int, first: int, stop: int, penalties: bool) -> list[Record]:
    return [judge(seed, index, penalties=penalties) for index in range(first, stop)]


@contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """New interpreters, as the number of threads is read at import."""
    before = dict(os.environ)
    os.environ.update(_ONE_THREAD)
    try:
        with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:
            yield pool
    finally:
        os.environ.clear()
        os.environ.update(before)


def run(
    seed: int,
    first: int,
    count: int,
    *,
    processes: int,
    penalties: bool,
    minutes: float | None = None,
    report: Callable[[str], None] | None = None,
) -> tuple[list[Record], int]:
    """The records of problems first .. stop-1 in order, and `stop`.

    Parameters
    ----------
    seed, first, count : int
    processes : int
    penalties : bool
        As in `judge`.
    minutes : float, optional
        Begin no chunk after so long: then `stop` is less than ``first + count``.
    report : callable, optional
        Gets the lines of progress; to standard error by default.
    """
    say = report or (lambda line: print(line, file=sys.stderr, flush=True))
    begin = said = time.monotonic()
    records: dict[int, list[Record]] = {}
    with _processes(processes) as pool:
        pending: dict[Future[list[Record]], int] = {}
        at, stop = first, first + count
        failed = 0
        while at < stop or pending:
            late = minutes is not None and time.monotonic() - begin > 60.0 * minutes
            if late:
                stop = min(stop, at)
            # two chunks for each process: none waits
            while at < stop and len(pending) < 2 * processes:
                end = min(at + CHUNK, stop)
                pending[pool.submit(_chunk, seed, at, end, penalties)] = at
                at = end
            done, _ = wait(pending, timeout=_EVERY, return_when=FIRST_COMPLETED)
            for future in done:
                found = future.result()
                records[pending.pop(future)] = found
                for record in found:
                    for what in (*record.failures, *record.faults):
                        failed += 1
                        say(f"FAILED {record.index}: {what}")
            if time.monotonic() - said >= _EVERY:
                said = time.monotonic()
                n = sum(map(len, records.values()))
                rate = n / (said - begin)
                left = (stop - first - n) / rate if rate else float("inf")
                say(f"{n} of {stop - first} problems, {failed} failures, {rate:.0f}/s, {left:.0f} s left")
    return [record for key in sorted(records) for record in records[key]], stop
