"""What all suites share: the limits of the machine, measured in the same run, beside every time.

    pytest benchmarks --benchmark-only        times; --benchmark-json=FILE keeps them with extra_info
    pytest benchmarks --benchmark-disable     each operation once, as a test of its result

pytest-benchmark times one test after the other; ``sigmax bench`` times the backends in turns.
Backends are those of ``sigmax.kernels.available()``; the header says why one is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from sigmax import kernels, threads
from sigmax.bench import environment as environment_module
from sigmax.bench import machine
from sigmax.bench.conditions import Watch
from sigmax.bench.machine import Rate
from sigmax.bench.operations import Operation

#: of the whole session
_WATCH = Watch()
R = TypeVar("R")
Limits = tuple[dict[int, Rate], dict[int, Rate]]
Measure = Callable[[Operation[R], str], R]


def pytest_report_header() -> list[str]:
    return environment_module.text(machine.environment()).splitlines()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(str(_WATCH.conditions()))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", kernels.available())
    if "n_threads" in metafunc.fixturenames:
        metafunc.parametrize("n_threads", sorted({1, threads.resolve()}), ids="threads={}".format)


@pytest.fixture(scope="session")
def environment() -> dict[str, Any]:
    return machine.environment()


@pytest.fixture(scope="session")
def limits() -> Limits:
    """Read bandwidth and DGEMM rate by number of threads, measured when first needed."""
    return machine.limits(threads.resolve())


@pytest.fixture(scope="session", autouse=True)
def blas_threads() -> Iterator[int | None]:
    """BLAS held to one thread: the threads of a pass are sigmax's own."""
    with machine.blas_threads(1) as held:
        yield held


@pytest.fixture
def measure(benchmark: Any, request: pytest.FixtureRequest, blas_threads: int | None) -> Measure[Any]:
    """Time an operation on a backend, store what the time depends on, return the result.

    pytest-benchmark drops the first round, which calibrates.
    """

    def run(operation: Operation[R], backend: str) -> R:
        benchmark.group = operation.group
        result: R = benchmark(operation.prepare(backend))
        problem = operation.problem
        benchmark.extra_info.update(
            operation=operation.name,
            rows=problem.n_rows,
            columns=problem.n_columns,
            classes=problem.n_classes,
            backend=backend,
            isa=kernels.get(backend).ISA,
            threads=operation.n_threads,
            blas_threads=blas_threads,
        )
        if benchmark.enabled:  # else there is no time, and nothing to compare it with
            bandwidth, dgemm = (
                machine.attainable(rates, operation.n_threads) for rates in request.getfixturevalue("limits")
            )
            gbs, gflops = bandwidth.best, dgemm.best
            work, median = operation.work(result), benchmark.stats.stats.median
            benchmark.extra_info.update(
                environment=request.getfixturevalue("environment"),
                read_gbs=gbs,
                read_spread=bandwidth.spread,
                read_how=bandwidth.how,
                dgemm_gflops=gflops,
                dgemm_spread=dgemm.spread,
                dgemm_how=dgemm.how,
                bytes=work.bytes,
                flops=work.flops,
                limit_seconds=work.limit(gbs, gflops),
                limit_bound_by=work.bound_by(gbs, gflops),
                # 1: at the limit.  Kernels find their operands in cache: reads may beat memory there
                fraction_of_limit=work.limit(gbs, gflops) / median,
            )
        return result

    return run
