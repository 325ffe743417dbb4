"""Passes and a fit of one shape, reads of its X and matrix products, in turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from points import Point
from shapes import Shape

from sigmax import kernels
from sigmax.bench import limits, machine, operations, problems, work
from sigmax.bench.limits import Limits
from sigmax.bench.problems import Problem
from sigmax.bench.reads import Reads, counted
from sigmax.bench.timing import interleaved
from sigmax.inference.result import Result

#: seconds to sleep before each sample: OpenMP's and BLAS's threads are asleep by then
REST = 0.05
#: a call that takes so many seconds has time to wake the processor
_WAKES = 0.3
#: seconds to spend on the rounds of a shape, rests and the calls after them apart
SECONDS = 4.0
#: where times say nothing: the same, and how long a matrix product is to take
_HURRY, _SHORT_PRODUCT = 0.2, 0.01


class Fit:
    """:func:`sigmax.fit` of a problem.  The reads of the first call, which is the warm-up, are counted."""

    def __init__(self, problem: Problem, n_threads: int, backend: str) -> None:
        self._call = operations.fit(problem, n_threads).prepare(backend)
        self.result: Result | None = None
        self.reads: Reads | None = None

    def __call__(self) -> Result:
        if self.reads is None:
            self.result, self.reads = counted(self._call)
            return self.result
        return self._call()


def points(
    shape: Shape, n_threads: int, rounds: int, without: set[str], *, hurry: bool = False
) -> list[Point]:
    """Those of one shape, but for what is `without`: in up to `rounds` rounds, three where they are slow.

    In a `hurry` there are no rests, and matrices are small: times then say nothing.

    Raises
    ------
    RuntimeError
        The fit has not converged: its time would be that of something else.
    """
    one, backend = problems.multinomial(shape.n, shape.p, shape.K), kernels.available()[0]
    fit = Fit(one, n_threads, backend)
    calls: dict[str, Callable[[], Any]] = {
        "gradient": operations.gradient(one, n_threads).prepare(backend),
        "hessian": operations.evaluation(one, n_threads).prepare(backend),
        "fit": fit,
    }
    timed = {what: call for what, call in calls.items() if what not in without}
    with machine.reading(one.X, n_threads) as read, machine.blas_threads(n_threads):
        order, multiply = machine.multiplying(_SHORT_PRODUCT) if hurry else machine.multiplying()
        times = interleaved(
            timed | {"read": read, "dgemm": multiply},
            seconds=_HURRY if hurry else SECONDS,
            fewest=min(rounds, 3),
            most=rounds,
            rest=0.0 if hurry else REST,
            wakes=_WAKES,
        )
    found = Limits.of(times["read"], one.X.nbytes, limits.dgemm_rate(times["dgemm"], order))
    size = shape.n, shape.p, shape.K - 1
    least = {"gradient": work.gradient(*size), "hessian": work.evaluation(*size)}
    points = [
        Point(what, shape, n_threads, times[what], least[what], found) for what in least if what in timed
    ]
    if "fit" in timed:
        points.append(_fitted(fit, shape, n_threads, times["fit"], found))
    return points


def _fitted(fit: Fit, shape: Shape, n_threads: int, timing: Any, found: Limits) -> Point:
    assert fit.result is not None
    assert fit.reads is not None
    certificate = fit.result.certificate
    if not certificate.converged:
        raise RuntimeError(f"the fit of {shape.n:,} x {shape.p}, {shape.K} classes: {certificate}")
    least = work.fit(shape.n, shape.p, fit.reads)
    return Point("fit", shape, n_threads, timing, least, found, float(certificate.passes), fit.reads)
