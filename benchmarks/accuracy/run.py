"""Run the tasks in processes, each with the instruction set it is told: the kernels choose it at import."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from oracles.special_values import SPECIALS
from tally import Tally
from tasks import Task

from sigmax import kernels

#: the reference measures the NLL of single rows, a call for each, at one row of so many
REFERENCE_EVERY = 50

#: (quantity, K, backend)
Key = tuple[str, int | None, str]


@dataclass
class Found:
    """What came of tasks: errors, and the hash of all the compiled backend gave, by task."""

    tallies: dict[Key, Tally] = field(default_factory=dict)
    digests: dict[Task, str] = field(default_factory=dict)

    def add(self, other: Found) -> None:
        for key, tally in other.tallies.items():
            self.tallies.setdefault(key, Tally()).add(tally)
        self.digests |= other.digests


def _digest(outputs: dict[str, np.ndarray]) -> str:
    found = hashlib.sha256()
    for name, array in sorted(outputs.items()):
        found.update(name.encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def measured(task: Task, *, errors: bool) -> Found:
    """One task on every backend; without `errors`, the hash of what the compiled one gives."""
    chunk, found = task.make(), Found()
    for backend in kernels.available():
        compiled = backend == "compiled"
        if not compiled and not errors:
            continue
        every = 1 if compiled else REFERENCE_EVERY
        outputs = chunk.outputs(kernels.get(backend), every)
        if compiled:
            found.digests[task] = _digest(outputs)
        if errors:
            for e in chunk.errors(outputs, every):
                key = (e.quantity, e.K, backend)
                found.tallies.setdefault(key, Tally()).add(Tally.of(e.ulps, e.where))
    return found


def specials() -> list[tuple[str, str, tuple[float, ...], tuple[float, ...], bool]]:
    """(backend with its instruction set, case, wanted, got, whether they agree)."""
    found = []
    for backend in kernels.available():
        one = kernels.get(backend)
        for case in SPECIALS:
            got = case.of(one)
            found.append((f"{backend} ({one.ISA})", str(case), case.wanted, got, case.holds(got)))
    return found


def isas() -> tuple[str, ...]:
    """Instruction sets of the compiled kernels that run here, best first; none where there are none."""
    if kernels.why_not_compiled():
        return ()
    from sigmax.kernels import compiled

    return tuple(compiled.ISAS)


def _check_isa(isa: str | None) -> None:
    got = None if isa is None else kernels.get("compiled").ISA
    if got != isa:
        raise RuntimeError(f"asked for {isa}, got {got}")


@contextmanager
def processes(jobs: int, isa: str | None) -> Iterator[ProcessPoolExecutor]:
    """New interpreters, so that each chooses `isa`; one thread of BLAS in each."""
    before = dict(os.environ)
    os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    if isa is not None:
        os.environ["SIGMAX_ISA"] = isa
    try:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, spawn, _check_isa, (isa,)) as pool:
            yield pool
    finally:
        os.environ.clear()
        os.environ.update(before)


def run(pool: ProcessPoolExecutor, tasks: list[Task], *, errors: bool, title: str) -> Found:
    """All tasks; progress goes to standard error where that is a terminal."""
    found = Found()
    pending = [pool.submit(measured, task, errors=errors) for task in tasks]
    for i, future in enumerate(as_completed(pending), 1):
        found.add(future.result())
        if sys.stderr.isatty():
            print(f"\r{title}: {i} of {len(tasks)} chunks", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return found
