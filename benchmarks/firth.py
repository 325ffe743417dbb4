"""Firth's bias reduction: against the package firthmodels, and where it has no counterpart.

    python benchmarks/firth.py [--seconds 10] [--rows 100000] [--columns 20] [--classes 4] [--threads N]

Binary, 1,000 x 5 and 1,000 x 50, all in turns in one process, warm: sigmax; firthmodels in its compiled
mode (``backend="numba"``) with its own tolerances, 1e-4, and with 1e-10, where its score is about as small
as ours. Its BLAS has one thread, which at these sizes is the fastest it has; ``--blas`` leaves it as it
comes. For each: median and fastest time, the spread of the rounds, the ratio of the medians and its range
over the rounds, and the largest element of the penalised score at the result, computed here from the
definition.

Multinomial, 100,000 x 20, 4 classes, and a separated one: seconds, reads, the certificate, and what the
process grew by at its peak.  No other package fits it.

firthmodels: ``pip install "firthmodels[numba]"``; without it only our times are printed.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np

import sigmax as sx
from sigmax.bench.conditions import Watch
from sigmax.bench.timing import interleaved
from sigmax.inference.result import Result

SHAPES = ((1000, 5), (1000, 50))
TIGHT = 1e-10


def logistic(n: int, p: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian columns; labels from a model whose logits have deviation 1."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    eta = X @ rng.standard_normal(p) / np.sqrt(p) - 0.5
    return X, (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(int)


def multinomial(n: int, p: int, K: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian columns; labels from the model."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    return X, (X @ rng.standard_normal((p, K)) * 0.5 + rng.gumbel(size=(n, K))).argmax(axis=1)


def penalised_score(X: np.ndarray, y: np.ndarray, coef: np.ndarray) -> float:
    """The largest element of sum (y - p + h (1/2 - p)) [1 x], from the definition."""
    Z = np.column_stack([np.ones(len(X)), X])
    p = 1.0 / (1.0 + np.exp(-(Z @ coef)))
    v = p * (1.0 - p)
    leverage = v * np.einsum("ij,ji->i", Z, np.linalg.solve(Z.T @ (v[:, None] * Z), Z.T))
    return float(np.abs(Z.T @ (y - p + leverage * (0.5 - p))).max())


def peers() -> dict[str, Callable[..., object]]:
    """Estimators of firthmodels by name; none where it is not installed."""
    try:
        from firthmodels import NUMBA_AVAILABLE, FirthLogisticRegression
    except ImportError:
        return {}
    if not NUMBA_AVAILABLE:
        raise SystemExit("firthmodels is here without numba: pip install 'firthmodels[numba]'")
    return {
        "firthmodels": lambda: FirthLogisticRegression(backend="numba"),
        "firthmodels, 1e-10": lambda: FirthLogisticRegression(
            backend="numba", gtol=TIGHT, xtol=TIGHT, max_iter=200
        ),
    }


def against_firthmodels(seconds: float, threads: int | None) -> None:
    """Both packages on the same data, in turns."""
    for n, p in SHAPES:
        X, y = logistic(n, p)
        coefs: dict[str, np.ndarray] = {}
        calls: dict[str, Callable[[], object]] = {}

        def ours(X: np.ndarray = X, y: np.ndarray = y) -> Result:
            return sx.fit(X, y, bias_reduction="firth", n_threads=threads)

        calls["sigmax"] = ours
        coefs["sigmax"] = ours().params
        for name, make in peers().items():
            model = make()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # its warm-up compiles
                model.fit(X, y)
            coefs[name] = np.concatenate([[model.intercept_], model.coef_])
            calls[name] = lambda model=model, X=X, y=y: model.fit(X, y)
        times = interleaved(calls, seconds=seconds)
        print(f"\n{n:,} x {p}")
        mine = times["sigmax"]
        for name, timing in times.items():
            ratios = [t / m for t, m in zip(timing.seconds, mine.seconds, strict=True)]
            away = np.abs(coefs[name] - coefs["sigmax"]).max()
            print(
                f"  {name:<20} median {1e6 * timing.median:9.1f} us  fastest {1e6 * timing.fastest:9.1f}  "
                f"spread {timing.spread:4.0%}  ratio {timing.median / mine.median:6.2f} "
                f"(rounds {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f})  "
                f"|score| {penalised_score(X, y, coefs[name]):.1e}  off ours {away:.1e}"
            )


def peak() -> float:
    """Peak memory of the process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def alone(n: int, p: int, K: int, threads: int | None) -> None:
    """Multinomial fits that nothing else does."""
    for title, separated in (("labels from the model", False), ("one class separated", True)):
        X, y = multinomial(n, p, K)
        if separated:  # class 0 holds all rows beyond, and nothing but them
            y = np.where(X[:, 0] > 1.5, 0, np.maximum(y, 1))
        before = peak()
        start = time.perf_counter()
        r = sx.fit(X, y, bias_reduction="firth", n_threads=threads)
        took = time.perf_counter() - start
        print(f"\n{n:,} x {p}, {K} classes, {title}: {took:.3f} s, peak + {peak() - before:.0f} MiB over X")
        print(f"  {r.certificate}")
        if separated:
            continue
        start = time.perf_counter()
        ends = r.conf_int(method="profile")[0, 1]
        print(
            f"  {r.params.size} profile intervals in {time.perf_counter() - start:.1f} s; the first slope "
            f"{r.params[0, 1]:.4f}: {ends[0]:.4f} to {ends[1]:.4f}"
        )


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each shape")
    parser.add_argument("--rows", type=int, default=100_000, help="of the multinomial fits; 0: none")
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--blas", action="store_true", help="leave the threads of BLAS as they are")
    options = parser.parse_args()
    watch = Watch()
    if options.blas:
        against_firthmodels(options.seconds, options.threads)
    else:
        from threadpoolctl import threadpool_limits

        # limits hold for what is loaded: a first fit loads the BLAS that the peer calls
        X, y = logistic(100, 2)
        for make in peers().values():
            make().fit(X, y)
        with threadpool_limits(1):
            against_firthmodels(options.seconds, options.threads)
    if options.rows:
        alone(options.rows, options.columns, options.classes, options.threads)
    print(watch.conditions())


if __name__ == "__main__":
    main()
