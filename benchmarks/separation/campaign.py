"""Run a range of problems in processes of one thread each."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from judge import Record, judge

#: problems that a process is handed at once: about a second
CHUNK = 66
#: seconds between two lines of progress
_EVERY = 10.0
_ONE_THREAD = {"SIGMAX_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _chunk(seed: int, first: int, stop: int) -> list[Record]:
    return [judge(seed, index) for index in range(first, stop)]


def run(
    seed: int,
    first: int,
    count: int,
    *,
    processes: int,
    minutes: float | None = None,
    report: Callable[[str], None] | None = None,
) -> tuple[list[Record], int]:
    """The records of problems first .. stop - 1 in order, and `stop`.

    Parameters
    ----------
    seed, first, count, processes : int
    minutes : float, optional
        Begin no chunk after so long: then `stop` is less than ``first + count``.
    report : callable, optional
        Gets the lines of progress; to standard error by default.
    """
    say = report or (lambda line: print(line, file=sys.stderr, flush=True))
    begin = told = time.monotonic()
    records: dict[int, list[Record]] = {}
    before = dict(os.environ)
    # new interpreters, as the number of threads is read at import
    os.environ.update(_ONE_THREAD)
    try:
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
            pending: dict[Future[list[Record]], int] = {}
            at, stop, failed = first, first + count, 0
            while at < stop or pending:
                if minutes is not None and time.monotonic() - begin > 60.0 * minutes:
                    stop = at
                # two chunks for each process: none waits
                while at < stop and len(pending) < 2 * processes:
                    end = min(at + CHUNK, stop)
                    pending[pool.submit(_chunk, seed, at, end)] = at
                    at = end
                done, _ = wait(pending, timeout=_EVERY, return_when=FIRST_COMPLETED)
                for future in done:
                    found = future.result()
                    records[pending.pop(future)] = found
                    failed += sum(bool(record.failures) for record in found)
                if time.monotonic() - told >= _EVERY:
                    told = time.monotonic()
                    n = sum(map(len, records.values()))
                    rate = n / (told - begin)
                    left = (stop - first - n) / rate if rate else float("inf")
                    say(f"{n} of {stop - first} problems, {failed} failed, {rate:.0f}/s, {left:.0f} s left")
    finally:
        os.environ.clear()
        os.environ.update(before)
    return [record for key in sorted(records) for record in records[key]], stop
