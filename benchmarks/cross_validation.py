"""Ten folds of twenty penalties against scikit-learn's LogisticRegressionCV, at equal accuracy.

    python benchmarks/cross_validation.py [--rounds 5] [--rows 50000] [--columns 50] [--folds 10]
                                          [--values 20] [--scoring accuracy] [--jobs 1 2] [--target 10]

The limit. A fold reads n (1 - 1/F) rows of p columns. A gradient takes 4 n p flops and streams 8 n p bytes:
18 MB, 0.57 ms on one thread where they lie in a cache of 32 MB (31 GB/s). A Hessian takes n p^2 flops, 0.11
GFLOP, 2.3 ms (50 GFLOP/s, the rate of DGEMM on one thread). With one gradient and no Hessian a fit 200 fits
take 114 ms of one thread. Reads a fit as they are, anchors with their share: see the line "reads".

Accuracy: for each of the F L fits the largest distance of a coefficient from the optimum, in its standard
errors, where the optimum is a fit of sigmax with its certificate; and |b - b*| / |b*|. scikit-learn's
solvers are tried from the loosest tolerance on until none of their fits is farther off than --accuracy; the
fastest that gets there is what is compared, each with every number of jobs. All in turns in one process,
ours with as many threads as there are CPUs.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold

import sigmax as sx
from sigmax.bench.conditions import Watch
from sigmax.estimators.versions import SKLEARN

#: tolerances of scikit-learn's solvers, from the loosest
TOLERANCES = {
    "newton-cholesky": (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10),
    "lbfgs": (1e-6, 1e-8, 1e-10),
}


@dataclass(frozen=True)
class Problem:
    """Rows, labels, folds, values of C, and what both estimators get."""

    X: np.ndarray
    y: np.ndarray
    folds: list[tuple[np.ndarray, np.ndarray]]
    Cs: np.ndarray
    scoring: str

    def common(self) -> dict[str, Any]:
        """Arguments of both."""
        given: dict[str, Any] = {"Cs": self.Cs, "cv": self.folds, "scoring": self.scoring}
        if SKLEARN >= (1, 8):
            given |= {"l1_ratios": (0.0,), "use_legacy_attributes": False}
        return given


def problem(n: int, p: int, folds: int, values: int, scoring: str, seed: int = 0) -> Problem:
    """Gaussian columns, labels from a model; stratified folds."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    eta = X @ rng.standard_normal(p) * 2.0 / np.sqrt(p) - 0.5
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    return Problem(X, y, list(StratifiedKFold(folds).split(X, y)), np.logspace(-4, 4, values), scoring)


def coefficients(model: Any) -> np.ndarray:
    """(F, L, p + 1), the intercept last."""
    paths = model.coefs_paths_
    found = next(iter(paths.values())) if isinstance(paths, dict) else paths[:, 0, :, 0]
    return np.asarray(found)


def optima(given: Problem) -> tuple[np.ndarray, np.ndarray, float]:
    """Optima and standard errors, (F, L, p + 1) each, the intercept last; and what is proved of them."""
    best, errors, bound = [], [], 0.0
    for train, _ in given.folds:
        for C in given.Cs:
            r = sx.fit(given.X[train], given.y[train], l2=1.0 / C)
            bound = max(bound, r.certificate.standard_errors_off)
            best.append(np.roll(r.params, -1))
            errors.append(np.roll(r.bse, -1))
    shape = (len(given.folds), len(given.Cs), -1)
    return np.reshape(best, shape), np.reshape(errors, shape), bound


def distances(found: np.ndarray, best: np.ndarray, errors: np.ndarray) -> tuple[float, float]:
    """The farthest fit, in standard errors and relative to its length."""
    off = np.abs(found - best)
    relative = np.linalg.norm(off, axis=2) / np.linalg.norm(best, axis=2)
    return float((off / errors).max()), float(relative.max())


def theirs(given: Problem, solver: str, tol: float, jobs: int) -> Any:
    """scikit-learn's estimator, fitted."""
    model = LogisticRegressionCV(
        **given.common(), solver=solver, tol=tol, max_iter=10_000, n_jobs=jobs if jobs > 1 else None
    )
    return model.fit(given.X, given.y)


def ours(given: Problem) -> sx.LogisticRegressionCV:
    """sigmax's estimator, fitted."""
    return sx.LogisticRegressionCV(**given.common()).fit(given.X, given.y)


def settings(
    given: Problem, best: np.ndarray, errors: np.ndarray, accuracy: float
) -> dict[str, tuple[float, float]]:
    """The loosest tolerance with which each solver gets every fit within `accuracy`, and how near that is."""
    found = {}
    for solver, tolerances in TOLERANCES.items():
        for tol in tolerances:
            off, relative = distances(coefficients(theirs(given, solver, tol, 1)), best, errors)
            print(f"  {solver:<16} tol {tol:.0e}  {off:9.1e} standard errors  relative {relative:8.1e}")
            if off <= accuracy:
                found[solver] = tol, off
                break
    return found


def reads(given: Problem) -> float:
    """Reads of a fold's rows for one fit."""
    from sigmax.paths import fit_paths

    X, y = given.X, given.y
    train = [train for train, _ in given.folds]
    paths = fit_paths(lambda i: X if i is None else X[i], y, train, 1.0 / given.Cs, classes=np.unique(y))
    return float(np.mean([path.passes for path in paths])) / len(given.Cs)


def report(given: Problem, rounds: int, jobs: list[int], accuracy: float, target: float) -> bool:
    """Print accuracies, times in turns and their ratio; whether the target is met."""
    best, errors, bound = optima(given)
    n, p = given.X.shape
    print(f"{len(given.folds)} folds x {len(given.Cs)} values of C, {n:,} x {p}, scoring {given.scoring}")
    print(f"optima proved to {bound:.1e} standard errors; wanted of every fit: {accuracy:.0e}")
    mine = ours(given)
    off, relative = distances(coefficients(mine), best, errors)
    print(f"  {'sigmax':<16} {'':9}  {off:9.1e} standard errors  relative {relative:8.1e}")
    chosen = settings(given, best, errors, accuracy)
    print(f"reads  {reads(given):.2f} of a fold's rows for a fit, Hessians among them")
    calls: dict[str, Callable[[], object]] = {"sigmax": lambda: ours(given)}
    for solver, (tol, _) in chosen.items():
        for count in jobs:
            name = f"{solver} {tol:.0e} n_jobs {count}"
            calls[name] = partial(theirs, given, solver, tol, count)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - begin)
    medians = {name: float(np.median(each)) for name, each in seconds.items()}
    for name, each in seconds.items():
        print(f"  {name:<30} {1e3 * medians[name]:9.1f} ms  {1e3 * min(each):9.1f} to {1e3 * max(each):9.1f}")
    others = {name: median for name, median in medians.items() if name != "sigmax"}
    if not others or off > accuracy:
        print("no comparison at equal accuracy: MISSED")
        return False
    fastest = min(others, key=others.__getitem__)
    ratios = [b / a for a, b in zip(seconds["sigmax"], seconds[fastest], strict=True)]
    ratio = others[fastest] / medians["sigmax"]
    print(
        f"against {fastest}: ratio {ratio:.1f} ({min(ratios):.1f} to {max(ratios):.1f})  "
        f"target {target:g} {'met' if ratio >= target else 'MISSED'}"
    )
    return ratio >= target


def main(arguments: list[str] | None = None) -> int:
    """0 where the target is met, 1 where it is not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--values", type=int, default=20)
    parser.add_argument("--scoring", default="accuracy")
    parser.add_argument("--jobs", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--accuracy", type=float, default=1e-7, help="standard errors")
    parser.add_argument("--target", type=float, default=10.0)
    given = parser.parse_args(arguments)
    watch = Watch()
    data = problem(given.rows, given.columns, given.folds, given.values, given.scoring)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        met = report(data, given.rounds, given.jobs, given.accuracy, given.target)
    print(watch.conditions())
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
