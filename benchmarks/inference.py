"""Inference against statsmodels: report, robust covariances, margins; and what margins of many rows take.

    python benchmarks/inference.py [--seconds 20] [--threads N] [--only report|robust|margins|many] [--tiny]

report    fit and whole summary of anes96, 944 x 5, 7 classes: MNLogit(...).fit().summary()
robust    fit with HC0 and with clustered standard errors, 500,000 x 50: Logit(...).fit(cov_type=...)
margins   average marginal effects with their errors, 40,000 x 30, 4 classes, of fits made before
many      the same of 400,000 x 30, 4 classes, where statsmodels needs over 30 GB: time, and peak memory above
          the data in a process of its own

All in turns in one process, warm; for each the median, the spread of the rounds, the ratio of the medians and
its range over the rounds, and how far the two are apart.  sigmax and statsmodels have the same threads.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import sigmax as sx
from sigmax.bench.conditions import Watch
from sigmax.bench.timing import interleaved

sys.path.insert(0, str(Path(__file__).parent / "exact_optimum"))
import memory


def logistic(n: int, p: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian columns; labels from a model whose logits have deviation 1."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    eta = X @ rng.standard_normal(p) / np.sqrt(p) - 0.5
    return X, (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(int)


def multinomial(n: int, p: int, K: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian columns, the last one binary; labels from the model."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    X[:, -1] = X[:, -1] > 0.0
    return X, (X @ rng.standard_normal((p, K)) * 0.3 + rng.gumbel(size=(n, K))).argmax(axis=1)


def in_turns(
    title: str, target: float, calls: dict[str, Callable[[], object]], seconds: float, apart: float
) -> bool:
    """Time ours, the first, against the other; print it, and say whether the target is met."""
    times = interleaved(calls, seconds=seconds)
    mine, other = times.values()
    ratios = [b / a for a, b in zip(mine.seconds, other.seconds, strict=True)]
    ratio = other.median / mine.median
    print(
        f"{title:<44} {1e3 * mine.median:9.2f} ms  {1e3 * other.median:9.1f} ms  spread {mine.spread:4.0%} "
        f"{other.spread:4.0%}  ratio {ratio:6.1f} ({min(ratios):.1f} to {max(ratios):.1f})  "
        f"target {target:g} {'met' if ratio >= target else 'MISSED'}  apart {apart:.1e}"
    )
    return ratio >= target


def report(seconds: float, threads: int | None, tiny: bool) -> bool:
    """Fit and summary of anes96."""
    import statsmodels.api as sm

    data = sx.datasets.load("anes96")
    X, y = data.X, data.y
    Z = sm.add_constant(X)
    text = sx.fit(X, y, names=data.features).summary()
    theirs = sm.MNLogit(y, Z).fit(disp=0)
    assert "log-likelihood" in text
    apart = np.abs(sx.fit(X, y).bse / theirs.bse.T - 1.0).max()
    return in_turns(
        "report: anes96, fit and summary",
        20.0,
        {
            "sigmax": lambda: str(sx.fit(X, y, names=data.features, n_threads=threads).summary()),
            "statsmodels": lambda: str(sm.MNLogit(y, Z).fit(disp=0).summary()),
        },
        seconds,
        float(apart),
    )


def robust(seconds: float, threads: int | None, tiny: bool) -> bool:
    """Standard errors that do not trust the model."""
    import statsmodels.api as sm

    n, p = (2_000, 5) if tiny else (500_000, 50)
    X, y = logistic(n, p)
    Z = sm.add_constant(X)
    groups = np.random.default_rng(1).integers(0, max(n // 100, 2), n)
    G = len(np.unique(groups))
    met = []
    for kind, given in (("HC0", None), ("cluster", groups)):
        arguments = (
            {"cov_type": "HC0"} if given is None else {"cov_type": "cluster", "cov_kwds": {"groups": groups}}
        )

        def ours(kind: str = kind, given: np.ndarray | None = given) -> np.ndarray:
            return np.sqrt(sx.fit(X, y, n_threads=threads).cov_params(kind, given).diagonal())

        def theirs(arguments: dict[str, object] = arguments) -> np.ndarray:
            return np.asarray(sm.Logit(y, Z).fit(disp=0, **arguments).bse)

        # theirs has (n - 1) / (n - P) beside G / (G - 1)
        factor = 1.0 if given is None else np.sqrt((n - 1.0) / (n - p - 1.0))
        apart = np.abs(ours() * factor / theirs() - 1.0).max()
        what = kind if given is None else f"{G:,} clusters, unsorted"
        met.append(
            in_turns(
                f"robust: {n:,} x {p}, fit and {what}",
                10.0,
                {"sigmax": ours, "statsmodels": theirs},
                seconds,
                float(apart),
            )
        )
    return all(met)


def margins(seconds: float, threads: int | None, tiny: bool) -> bool:
    """Average marginal effects of all columns, with delta-method errors."""
    import statsmodels.api as sm

    n, p, K = (1_000, 4, 3) if tiny else (40_000, 30, 4)
    X, y = multinomial(n, p, K)
    r = sx.fit(X, y, n_threads=threads)
    other = sm.MNLogit(y, sm.add_constant(X)).fit(disp=0)
    ours = r.margins(discrete=False)
    theirs = other.get_margeff()
    apart = np.abs(ours.se / np.asarray(theirs.margeff_se) - 1.0).max()
    return in_turns(
        f"margins: {n:,} x {p}, {K} classes",
        10.0,
        {
            "sigmax": lambda: r.margins(discrete=False).se,
            "statsmodels": lambda: other.get_margeff().margeff_se,
        },
        seconds,
        float(apart),
    )


MANY = (400_000, 30, 4)


def many(seconds: float, threads: int | None, tiny: bool) -> bool:
    """Margins of many rows, in a child process."""
    command = [sys.executable, __file__, "--child", str(threads or 0), *(["--tiny"] if tiny else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print(done.stdout, end="")
    return "MISSED" not in done.stdout


def child(threads: int | None, tiny: bool) -> None:
    """Time and peak memory of margins above the data."""
    n, p, K = (20_000, 5, 3) if tiny else MANY
    small = sx.fit(*multinomial(500, p, K), n_threads=threads)
    small.margins()
    X, y = multinomial(n, p, K)
    r = sx.fit(X, y, n_threads=threads)
    at_first = memory.status("VmRSS") or 0
    Path("/proc/self/clear_refs").write_text("5")
    start = time.perf_counter()
    effects = r.margins()
    took = time.perf_counter() - start
    above = ((memory.status("VmHWM") or 0) - at_first) / 1e6
    assert np.isfinite(effects.se).all()
    verdict = "met" if above <= 300.0 else "MISSED"
    print(
        f"many: {n:,} x {p}, {K} classes: margins of {p} columns in {took:.2f} s, {above:.0f} MB above "
        f"the data and the fit; target 300 {verdict}"
    )


PARTS = {"report": report, "robust": robust, "margins": margins, "many": many}


def main() -> None:
    """Run all parts, or one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="for each comparison")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--tiny", action="store_true", help="small problems: does it run at all")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        child(options.child or None, options.tiny)
        return
    warnings.simplefilter("ignore")
    watch = Watch()
    print(f"{'':<44} {'sigmax':>12}  {'statsmodels':>12}")
    for name, part in PARTS.items():
        if options.only in (None, name):
            part(options.seconds, options.threads, options.tiny)
    print(watch.conditions())


if __name__ == "__main__":
    main()
