"""Line 3: passes over the rows against reading X once, and against multiplying matrices, in the same rounds.

The limit is that of sigmax.bench.limits, with

bytes       8 p + 4 a row: X and the class codes
flops       n k^2 for a symmetric Hessian, n (m k)^2 for that of a softmax, 4 n m k for a gradient alone
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from figures import Figure
from line_functions import REST

from sigmax.bench import limits, machine, operations, problems
from sigmax.bench.limits import Limits
from sigmax.bench.problems import Problem
from sigmax.bench.timing import Timing, interleaved
from sigmax.bench.work import Work

#: rows, columns, target of the Hessian pass and its aim
BINARY = ((2_000_000, 20, 2.0, 1.5), (500_000, 100, 1.4, 1.2), (100_000, 500, 1.2, 1.1))
#: share of the read bandwidth that a gradient pass must reach, for these columns
SHARE, SHARE_COLUMNS = 0.80, (20, 100)
#: rows, columns, classes; times the limit of the gradient pass; share of DGEMM of the Hessian
SOFTMAX, SOFTMAX_GRADIENT, SOFTMAX_HESSIAN = (500_000, 50, 5), 2.0, 0.70


def hessian_flops(n: int, m: int, k: int) -> float:
    """Those that the target counts."""
    return float(n) * (m * k) ** 2


def gradient_flops(n: int, m: int, k: int) -> float:
    """Logits and their product with X."""
    return 4.0 * n * m * k


class Rounds:
    """Passes over one problem, reads of its X, and matrix products, in turns."""

    def __init__(self, one: Problem, n_threads: int, rounds: int) -> None:
        self.one = one
        calls: dict[str, Callable[[], Any]] = {}
        backend = _backend()
        with machine.reading(one.X, n_threads) as read, machine.blas_threads(n_threads):
            order, multiply = machine.multiplying()
            for intercept in (False, True):
                gradient = operations.gradient(one, n_threads, intercept=intercept)
                hessian = operations.evaluation(one, n_threads, intercept=intercept)
                calls[f"gradient {intercept}"] = gradient.prepare(backend)
                calls[f"read {intercept}"] = read
                calls[f"hessian {intercept}"] = hessian.prepare(backend)
            calls["dgemm"] = multiply
            self._times = interleaved(calls, seconds=2.0, fewest=rounds, rest=REST)
        #: GFLOP/s
        self.dgemm = limits.dgemm_rate(self._times["dgemm"], order)

    def __getitem__(self, name: str) -> Timing:
        return self._times[name]

    def limit(self, flops: float, intercept: bool) -> tuple[str, tuple[float, ...]]:
        """What binds, and the limit of each round in seconds."""
        n, p = self.one.X.shape
        least = Work(8.0 * p * n + 4.0 * n, flops)
        # read.seconds are those of X alone
        read = self._times[f"read {intercept}"]
        found = Limits.of(read, self.one.X.nbytes, self.dgemm)
        bound = f"DGEMM {self.dgemm:.3g} GFLOP/s"
        if found.bound_by(least) == "memory":
            bound = f"read {1e-9 * self.one.X.nbytes / read.median:.3g} GB/s"
        return bound, found.seconds(least)


def _backend() -> str:
    from sigmax import kernels

    return kernels.available()[0]


def _problem(n: int, p: int, K: int, scale: float) -> Problem:
    return problems.multinomial(max(round(n * scale), problems.fewest_rows(p, K)), p, K)


def _named(one: Problem, what: str, intercept: bool) -> str:
    n, p = one.X.shape
    classes = "" if one.n_classes == 2 else f", {one.n_classes} classes"
    return f"{what} {n:,} x {p}{classes}{', intercept' if intercept else ''}"


def figures(scale: float, n_threads: int, rounds: int) -> Iterator[Figure]:
    """Of the sizes above, with rows times `scale`."""
    for n, p, target, aim in BINARY:
        yield from _binary(Rounds(_problem(n, p, 2, scale), n_threads, rounds), target, aim)
    yield from _softmax(Rounds(_problem(*SOFTMAX, scale), n_threads, rounds))


def _binary(measured: Rounds, target: float, aim: float) -> Iterator[Figure]:
    one = measured.one
    n, p = one.X.shape
    for intercept in (False, True):
        bound, limit = measured.limit(0.0, intercept)
        share = SHARE if p in SHARE_COLUMNS else None
        ours = measured[f"gradient {intercept}"]
        yield Figure(3, _named(one, "gradient", intercept), bound, ours, limit, target=share)
    for intercept in (False, True):
        bound, limit = measured.limit(hessian_flops(n, 1, p + intercept), intercept)
        ours = measured[f"hessian {intercept}"]
        name = _named(one, "Hessian", intercept)
        yield Figure(3, name, bound, ours, limit, target=target, aim=aim, at_most=True)


def _softmax(measured: Rounds) -> Iterator[Figure]:
    one = measured.one
    (n, p), m = one.X.shape, one.n_classes - 1
    for intercept in (False, True):
        bound, limit = measured.limit(gradient_flops(n, m, p + intercept), intercept)
        ours = measured[f"gradient {intercept}"]
        name = _named(one, "gradient", intercept)
        yield Figure(3, name, bound, ours, limit, target=SOFTMAX_GRADIENT, at_most=True)
    for intercept in (False, True):
        ours = measured[f"hessian {intercept}"]
        seconds = 1e-9 * hessian_flops(n, m, p + intercept) / measured.dgemm
        bound = f"DGEMM {measured.dgemm:.3g} GFLOP/s"
        limit = (seconds,) * len(ours.seconds)
        yield Figure(3, _named(one, "Hessian", intercept), bound, ours, limit, target=SOFTMAX_HESSIAN)
