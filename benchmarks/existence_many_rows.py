"""What it costs to decide whether the estimate exists, for many rows.

    python benchmarks/existence_many_rows.py [--rows N] [--columns P] [--repeats R]

Three data sets that differ in one column or in the labels: classes that overlap, the same with a dummy of 20
rows that are all of one class (quasi-complete separation), and labels that a plane separates.  For each, in a
process of its own: seconds of the fit, the reads of the data, the growth of the process beyond X, and what
was decided.  The overlapping fit runs in turns with the solver alone, which asks nothing: the ratio of their
times is the price of the proof.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import time
import warnings
from typing import Any

import numpy as np

from sigmax import threads
from sigmax.bench import conditions, document

KINDS = ("overlap", "quasi", "complete")


def problem(kind: str, n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal columns, logits of unit size."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p))
    b = rng.normal(size=p) / np.sqrt(p)
    score = X @ b
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-score))).astype(np.int64)
    if kind == "quasi":
        some = rng.choice(n, 20, replace=False)
        X[:, p // 2] = 0.0
        X[some, p // 2] = 1.0
        y[some] = 1
    if kind == "complete":
        y = (score > 0.0).astype(np.int64)
    return X, y


def peak() -> float:
    """Largest size of this process so far, in MB."""
    return (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        / (1.0 if sys.platform == "darwin" else 1e3)
        / (1e6 if sys.platform == "darwin" else 1.0)
    )


def measure(kind: str, n: int, p: int, repeats: int) -> dict[str, Any]:
    """One data set, in this process."""
    import sigmax as sx
    from sigmax import kernels
    from sigmax.data.design import Design
    from sigmax.data.response import response
    from sigmax.objective import Objective
    from sigmax.solvers.solve import solve

    warnings.simplefilter("ignore", sx.ConvergenceWarning)
    X, y = problem(kind, n, p)
    sx.fit(X[:1000, :3], np.arange(1000) % 2)
    before = peak()
    times, alone = [], []
    for again in range(repeats + (kind == "overlap")):
        begin = time.perf_counter()
        r = sx.fit(X, y)
        if again or kind != "overlap":  # the first touches memory for both
            times.append(time.perf_counter() - begin)
        if kind == "overlap":
            begin = time.perf_counter()
            objective = Objective(Design(X), response(y, n), kernels.get(None), threads.resolve())
            solve(objective, [np.zeros(p + 1)], tol=1e-12)
            if again:
                alone.append(time.perf_counter() - begin)
    return {
        "kind": kind,
        "seconds": times,
        "alone": alone,
        "passes": r.certificate.passes,
        "growth": peak() - before,
        "X": X.nbytes / 1e6,
        "said": str(r.certificate),
        "separation": repr(r.separation),
        "infinite": None if r.separation is None else int(np.count_nonzero(r.separation.infinite)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--json", action="store_true", help="print one document of JSON instead")
    options = parser.parse_args()
    watch, every = conditions.Watch(), []
    if not options.json:
        print(f"{options.rows:,} x {options.columns}")
    for kind in options.kinds:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(measure, (kind, options.rows, options.columns, options.repeats))
        if options.json:
            every.append(found)
            continue
        times = found["seconds"]
        spread = f"{min(times):.2f} to {max(times):.2f}"
        print(
            f"{kind:10} {statistics.median(times):7.2f} s ({spread}), {found['passes']:.1f} reads, ", end=""
        )
        print(f"{found['growth']:.0f} MB beyond the {found['X']:.0f} MB of X")
        if found["alone"]:
            ratios = [a / b for a, b in zip(times, found["alone"], strict=True)]
            print(f"{'':10} {statistics.median(ratios):7.3f} of the solver alone", end="")
            print(f" ({min(ratios):.3f} to {max(ratios):.3f})")
        print(f"{'':10} {found['separation']}; {found['said']}")
    meanwhile = watch.conditions()
    if options.json:
        head = document.head("existence", n_threads=threads.resolve(), conditions=meanwhile)
        rest = {"rows": options.rows, "columns": options.columns, "kinds": every}
        print(json.dumps(head | rest, indent=1))
    else:
        print(meanwhile)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
