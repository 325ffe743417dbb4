"""What equal bits cost: fixed blocks and their tree, against sums that are added as they come.

    python benchmarks/same_bits.py [--threads 2] [--seconds 20]

Both ways call the same kernel on the same rows of a binary model:

fixed   blocks of `passes.block_rows` rows, merged in a tree over their index: what every pass does
free    one call for each thread, on n / T rows, whose sums are added in the order in which threads end

The free way is what an implementation would do that owes nobody the same bits twice.  They are timed in
turns; each round gives a ratio fixed / free.  The free way stands in each round twice: the ratio of those
two is what this machine's noise alone comes to.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import threading
from collections.abc import Callable
from functools import partial

import numpy as np

from sigmax import kernels, passes, threads
from sigmax.bench import conditions, environment, problems, timing
from sigmax.bench.problems import Problem
from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.kernels import Float, Pair, add_pair
from sigmax.objective import Objective

#: rows, columns
SHAPES = [(2_000_000, 20), (500_000, 100)]

#: NLL, gradient and, where wanted, Hessian
Sums = tuple[Pair, Float, Float | None]


def kernel_call(problem: Problem, hessian: bool) -> Callable[[int, int], Sums]:
    """The sums over the rows start <= i < stop, in one call of the compiled kernel."""
    kernel, codes, width = kernels.get("compiled").binary_pass, problem.codes, 1 + problem.n_columns

    def evaluate(start: int, stop: int) -> Sums:
        g = np.empty((1, width))
        H = np.empty((width, width)) if hessian else None
        nll = kernel(problem.X[start:stop], codes[start:stop], problem.coef, g, H, intercept=True)
        return nll, g, H

    return evaluate


def add(a: Sums, b: Sums) -> Sums:
    """The sums of both, in the arrays of `a`."""
    a[1].__iadd__(b[1])
    if a[2] is not None and b[2] is not None:
        a[2].__iadd__(b[2])
    return add_pair(a[0], b[0]), a[1], a[2]


def fixed(problem: Problem, evaluate: Callable[[int, int], Sums], n_threads: int) -> Sums:
    """Blocks and tree."""
    size = passes.block_rows(1 + problem.n_columns)
    return passes.reduce(problem.n_rows, size, evaluate, add, n_threads)


def free(problem: Problem, evaluate: Callable[[int, int], Sums], n_threads: int) -> Sums:
    """One call for each thread; sums are added as they come."""
    edges = [problem.n_rows * t // n_threads for t in range(n_threads + 1)]
    shares, lock = list(itertools.pairwise(edges)), threading.Lock()
    total: list[Sums] = []

    def work() -> None:
        with lock:
            share = shares.pop()
        sums = evaluate(*share)
        with lock:
            total.append(add(total.pop(), sums) if total else sums)

    helpers = threads.submit(work, n_threads - 1)
    work()
    for helper in helpers:
        helper.result()
    return total[0]


def check(problem: Problem, evaluate: Callable[[int, int], Sums], n_threads: int) -> None:
    """The fixed way is that of `Objective`, to the bit; the free way agrees with it."""
    (nll, g, H), (nll_free, g_free, H_free) = (way(problem, evaluate, n_threads) for way in (fixed, free))
    observed = response(problem.y, problem.n_rows)
    objective = Objective(Design(problem.X), observed, kernels.get("compiled"), n_threads)
    at = objective.evaluate(problem.coef.ravel())
    same = nll[0] == at.nll and g.tobytes() == at.gradient.tobytes()
    if not (same and (H is None or H.tobytes() == at.hessian.tobytes())):
        raise AssertionError("the fixed way is not what Objective.evaluate does")
    np.testing.assert_allclose(nll_free[0], nll[0], rtol=1e-14)
    np.testing.assert_allclose(g_free, g, rtol=0, atol=1e-11 * np.abs(at.hessian).max())
    if H is not None and H_free is not None:
        np.testing.assert_allclose(H_free, H, rtol=0, atol=1e-11 * np.abs(H).max())


def ratios(above: timing.Timing, below: timing.Timing) -> str:
    """Median and quartiles of the rounds' ratios."""
    each = [a / b for a, b in zip(above.seconds, below.seconds, strict=True)]
    low, middle, high = statistics.quantiles(each, n=4)
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    """Print a line for each shape and result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each line, about")
    arguments = parser.parse_args()
    n_threads = threads.resolve(arguments.threads)

    watch = conditions.Watch()
    print(environment.text(environment.environment()))
    print(f"{n_threads} threads; medians, quartiles in brackets\n")
    print(f"{'rows x columns':<18}{'result':<10}{'fixed':>9}{'free':>9}   {'fixed / free':<26}free / free")
    for n, p in SHAPES:
        problem = problems.binary(n, p)
        for name, hessian in (("gradient", False), ("Hessian", True)):
            evaluate = kernel_call(problem, hessian)
            check(problem, evaluate, n_threads)
            ways = {"fixed": fixed, "free": free, "free again": free}
            calls = {key: partial(way, problem, evaluate, n_threads) for key, way in ways.items()}
            found = timing.interleaved(calls, seconds=arguments.seconds)
            print(
                f"{f'{n:,} x {p}':<18}{name:<10}"
                f"{1e3 * found['fixed'].median:>6.1f} ms{1e3 * found['free'].median:>6.1f} ms   "
                f"{ratios(found['fixed'], found['free']):<26}{ratios(found['free again'], found['free'])}",
                flush=True,
            )
    print(f"\n{watch.conditions()}")


if __name__ == "__main__":
    main()
