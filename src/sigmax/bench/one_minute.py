"""The one-minute form of the benchmarks, on all backends that work here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from sigmax import datasets, kernels, passes, threads
from sigmax.bench import machine, operations, problems
from sigmax.bench.conditions import Watch
from sigmax.bench.operations import Arrays, Operation
from sigmax.bench.problems import Problem
from sigmax.bench.report import Measurement, Report
from sigmax.bench.timing import Timing, interleaved
from sigmax.inference.result import Result
from sigmax.objective import Evaluation

R = TypeVar("R")

#: seconds to spend on one operation, all backends together
_SECONDS = {"kernels": 1.0, "pass": 3.0, "fit": 3.0}
#: (rows, columns, classes) of the passes
_PASSES = ((500_000, 20, 2), (100_000, 100, 2), (100_000, 20, 5))
#: (rows, columns) of the generated fit, after the bundled sets
_FIT = (200_000, 20)


def _arrays_differ(numbers: Arrays, reference: Arrays) -> float:
    """max |a - b| / max |b|, the worst of the arrays; max |a - b| where b is zero."""
    worst = []
    for a, b in zip(numbers, reference, strict=True):
        largest = float(np.abs(b).max())
        worst.append(np.abs(a - b).max() / (largest or 1.0))
    return float(np.max(worst))  # nan, if any is


def _evaluations_differ(a: Evaluation, b: Evaluation) -> float:
    return _arrays_differ(
        (np.asarray(a.nll), a.gradient, a.hessian), (np.asarray(b.nll), b.gradient, b.hessian)
    )


def _fits_differ(a: Result, b: Result) -> float:
    return float(np.abs((a.params - b.params) / b.bse).max())


class _Run:
    """What all measurements of one run share."""

    def __init__(self, n_threads: int, scale: float, progress: Callable[[str], None]) -> None:
        self.n_threads, self.scale, self.progress = n_threads, scale, progress
        self.backends = kernels.available()

    def generated(self, n: int, p: int, n_classes: int) -> Problem:
        """A problem of n rows times the scale."""
        rows = max(round(n * self.scale), problems.fewest_rows(p, n_classes))
        return problems.multinomial(rows, p, n_classes)

    def timings(self, operation: Operation[R]) -> tuple[dict[str, Timing], dict[str, R]]:
        """Times of an operation on all backends, taken in turns, and what it returned."""
        calls = {backend: operation.prepare(backend) for backend in self.backends}
        results = {backend: call() for backend, call in calls.items()}
        seconds = _SECONDS[operation.group] * self.scale
        return interleaved(calls, seconds=seconds), results

    def measure(
        self,
        operation: Operation[R],
        differ: Callable[[R, R], float],
        detail: Callable[[str, R], dict[str, float]] = lambda backend, result: {},
    ) -> list[Measurement]:
        """One measurement for each backend; `detail` gives the fields that only some groups have."""
        self.progress(f"{operation.group}: {operation.name}")
        timings, results = self.timings(operation)
        problem, found = operation.problem, []
        for backend, timing in timings.items():
            compared = backend != "reference"  # which is always available
            found.append(
                Measurement(
                    group=operation.group,
                    name=operation.name,
                    rows=problem.n_rows,
                    columns=problem.n_columns,
                    classes=problem.n_classes,
                    backend=backend,
                    isa=kernels.get(backend).ISA,
                    n_threads=operation.n_threads,
                    timing=timing,
                    work=operation.work(results[backend]),
                    speed_up=timings["reference"].median / timing.median if compared else None,
                    differs=differ(results[backend], results["reference"]) if compared else None,
                    **detail(backend, results[backend]),
                )
            )
        return found

    # -- groups --------------------------------------------------------------------------------

    def time_kernels(self) -> list[Measurement]:
        """One call on one row block of a pass, and on one row."""
        found = []
        for p, n_classes, makers in (
            (20, 2, (operations.expit, operations.binary_rows, operations.weighted_gram)),
            (20, 5, (operations.softmax_rows,)),
            (100, 2, (operations.weighted_gram,)),
        ):
            problem = self.generated(passes.block_rows(1 + p), p, n_classes)
            for make in makers:
                one_row, _ = self.timings(make(problem.head(1)))

                def detail(
                    backend: str, result: Arrays, one_row: dict[str, Timing] = one_row
                ) -> dict[str, float]:
                    return {"call_seconds": one_row[backend].median}

                found += self.measure(make(problem), _arrays_differ, detail)
        return found

    def time_passes(self) -> list[Measurement]:
        """Evaluations of generated problems."""
        found = []
        for n, p, n_classes in _PASSES:
            problem = self.generated(n, p, n_classes)
            found += self.measure(operations.evaluation(problem, self.n_threads), _evaluations_differ)
        return found

    def time_fits(self) -> list[Measurement]:
        """The bundled data sets, whole whatever the scale, and a generated one."""

        def detail(backend: str, result: Result) -> dict[str, float]:
            certificate = result.certificate
            return {"passes": certificate.passes, "digits": certificate.digits}

        chosen = [problems.bundled(name) for name in datasets.names()]
        chosen.append(self.generated(*_FIT, 2))
        found = []
        for problem in chosen:
            operation = operations.fit(problem, self.n_threads)
            found += self.measure(operation, _fits_differ, detail)
        return found

    def time_empty_pass(self) -> Timing:
        """The first pass with blocks and threads, but no work in them."""
        n, p, n_classes = _PASSES[0]
        rows = max(round(n * self.scale), problems.fewest_rows(p, n_classes))
        size = passes.block_rows(1 + p)

        def call() -> None:
            passes.reduce(rows, size, lambda start, stop: None, lambda a, b: None, self.n_threads)

        return interleaved({"empty": call}, seconds=0.2 * self.scale)["empty"]


def quick(
    *,
    n_threads: int | None = None,
    scale: float = 1.0,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Measure the machine, then kernels, passes and fits on every backend that works here.

    Takes less than a minute.  While backends are timed, BLAS is held to one thread where threadpoolctl is
    installed: the threads are those of the pass.  With both, and a third program on the same CPUs, passes
    of the reference have been seen to take a hundred times as long.

    Parameters
    ----------
    n_threads : int, optional
        Of passes and fits; None as in :func:`sigmax.fit`.
    scale : float
        Factor of the rows of generated problems and of the time spent; figures of different scales cannot
        be compared.
    progress : callable, optional
        Called with the name of what is measured next.

    Raises
    ------
    ValueError
        `n_threads` or `scale` is not a positive number.
    """
    if not (math.isfinite(scale) and scale > 0.0):
        raise ValueError(f"scale must be a positive number; got {scale!r}")
    count = threads.resolve(n_threads)
    tell = progress or (lambda what: None)
    watch, environment = Watch(), machine.environment()
    before = machine.limits(count, tell)
    one = _Run(count, scale, tell)
    with machine.blas_threads(1) as held:
        empty_pass = one.time_empty_pass()
        measurements = (*one.time_kernels(), *one.time_passes(), *one.time_fits())
    after = machine.limits(count, tell)
    bandwidth, dgemm = (machine.better(a, b) for a, b in zip(before, after, strict=True))
    conditions = watch.conditions()
    return Report(
        environment=environment,
        n_threads=count,
        bandwidth=bandwidth,
        dgemm=dgemm,
        blas_threads=held,
        empty_pass=empty_pass,
        measurements=measurements,
        scale=scale,
        seconds=conditions.seconds,
        conditions=conditions,
    )
