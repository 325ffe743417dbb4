"""Many classes x columns, where no Hessian is formed: passes, seconds and the error of the method for it.

    python benchmarks/many_classes.py [--rows 20000] [--columns 784] [--classes 10] [--l2 1] [--threads 2]
                                      [--repeats 5] [--peers]

Two seeded problems of the same shape:

Gaussian  rows of N(0, S), S_ij = 0.5^|i - j|; labels drawn from the model, each logit with deviation 1.5
images    non-negative, many columns zero in most rows, neighbours alike: sums of blobs whose places depend on
          the class, with noise, cut at zero; nothing like the model has drawn their labels

For each: the fastest and the median of the repeats, in all and of one gradient pass; passes counted in rows
read; passes and seconds until the estimated decrement was below 1e-3, 1e-6 and 1e-9; what is proved of the
result, and what the proof costs.  The error is checked: a second run from another start, to the end of
rounding, has to agree within 1e-9 standard errors by its own gradient.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from sigmax import kernels
from sigmax.bench.conditions import Watch
from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.objective import Objective
from sigmax.solvers.flat_certificate import flat_bound
from sigmax.solvers.kronecker import FlatSolution, kronecker
from sigmax.solvers.metric import Metric

LEVELS = (1e-3, 1e-6, 1e-9)


def gaussian(n: int, p: int, K: int) -> tuple[np.ndarray, np.ndarray]:
    """Correlated Gaussian columns; labels from the model."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    for j in range(1, p):
        X[:, j] *= np.sqrt(0.75)
        X[:, j] += 0.5 * X[:, j - 1]
    logits = X @ rng.standard_normal((p, K))
    logits *= 1.5 / logits.std(axis=0)
    return X, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def images(n: int, p: int, K: int) -> tuple[np.ndarray, np.ndarray]:
    """Five blobs a picture around places of the class; the classes overlap through labels drawn at random."""
    rng = np.random.default_rng(1)
    side = int(np.ceil(np.sqrt(p)))
    y = rng.integers(0, K, n)
    places = rng.uniform(0.2, 0.8, (K, 5, 2))
    grid = (np.arange(side) + 0.5) / side
    X = np.zeros((n, side, side))
    for blob in range(5):
        centre = places[y, blob] + rng.normal(0.0, 0.07, (n, 2))
        width = rng.uniform(0.05, 0.1, (n, 1))
        rows = np.exp(-0.5 * ((grid - centre[:, :1]) / width) ** 2)
        columns = np.exp(-0.5 * ((grid - centre[:, 1:]) / width) ** 2)
        X += rows[:, :, None] * columns[:, None, :]
    X += rng.normal(0.0, 0.1, X.shape) * (X > 0.05)
    X[X < 0.05] = 0.0
    mislabelled = rng.random(n) < 0.1
    y[mislabelled] = rng.integers(0, K, int(mislabelled.sum()))
    return np.ascontiguousarray(np.minimum(X, 1.0).reshape(n, -1)[:, :p]), y


def run(objective: Objective, start: np.ndarray | None, tol: float) -> tuple[FlatSolution, float, list]:
    """A solution, its seconds, and (passes, seconds, decrement) after each pass."""
    log: list[tuple[float, float, float]] = []
    objective.rows_read = 0
    begin = time.perf_counter()

    def watch(at: object, decrement: float, kind: str) -> bool:
        log.append((objective.rows_read / objective.n_rows, time.perf_counter() - begin, decrement))
        return False

    zero = np.zeros(objective.n_params)
    found = kronecker(objective, zero, start, tol=tol, max_iter=1000, watch=watch)
    return found, time.perf_counter() - begin, log


def reached(log: list, level: float) -> str:
    """Passes and seconds to a level of the decrement."""
    for passes, seconds, decrement in log:
        if decrement <= level:
            return f"{level:g}: {passes:.1f} passes {seconds:.3f} s"
    return f"{level:g}: not reached"


def peer(X: np.ndarray, y: np.ndarray, l2: float, objective: Objective, metric: Metric) -> None:
    """scikit-learn's lbfgs at tol 1e-8, measured in the same norm."""
    from sklearn.linear_model import LogisticRegression

    begin = time.perf_counter()
    model = LogisticRegression(C=1.0 / l2, tol=1e-8, max_iter=10_000).fit(X, y)
    seconds = time.perf_counter() - begin
    whole = np.column_stack([model.intercept_, model.coef_])
    g = objective.gradient((whole[1:] - whole[:1]).ravel()).gradient
    print(f"  scikit-learn lbfgs tol 1e-8: {seconds:.2f} s, {model.n_iter_[0]} iterations, "
          f"decrement {np.sqrt(g @ metric(g)):.1e}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--columns", type=int, default=784)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--l2", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", action="store_true", help="scikit-learn too; takes minutes")
    options = parser.parse_args()

    watch = Watch()
    for name, make in (("Gaussian", gaussian), ("images", images)):
        X, y = make(options.rows, options.columns, options.classes)
        backend = kernels.get("compiled")
        objective = Objective(Design(X), response(y, len(X)), backend, options.threads, l2=options.l2)
        found, seconds, log = run(objective, None, 1e-12)
        times, single = [seconds], []
        for _ in range(options.repeats):
            found, seconds, log = run(objective, None, 1e-12)
            times.append(seconds)
            begin = time.perf_counter()
            objective.gradient(found.at.coef)
            single.append(time.perf_counter() - begin)
        print(f"{name}: {len(X):,} x {X.shape[1]}, {options.classes} classes, l2 = {options.l2:g}, "
              f"zeros {np.mean(X == 0):.0%}, largest |coef| {np.abs(found.at.coef).max():.2g}")  # fmt: skip
        print(f"  {found.stop.name}, {found.iterations} steps, {log[-1][0]:.1f} passes; "
              f"{min(times):.3f} s fastest, {statistics.median(times):.3f} s median; "
              f"a gradient pass {min(single) * 1e3:.1f} ms")  # fmt: skip
        print("  " + ", ".join(reached(log, level) for level in LEVELS))

        begin = time.perf_counter()
        bound = flat_bound(objective, found.at, found.shares)
        print(f"  proved: {bound.standard_errors_off:.1e} standard errors, "
              f"{bound.error_bound.max():.1e} in the worst parameter; "
              f"{time.perf_counter() - begin:.3f} s")  # fmt: skip

        rng = np.random.default_rng(2)
        start = found.at.coef * (1.0 + 0.1 * rng.standard_normal(objective.n_params))
        again, _, _ = run(objective, start, 0.0)
        metric = Metric(objective, objective.gram(), np.cov(np.eye(options.classes)[y][:, 1:].T))
        metric.refresh(again.at.coef)
        # the norm of their difference d in the Hessian: d'Hd = d'(grad(b + d) - grad(b)) to first order
        step = 1e3 * (found.at.coef - again.at.coef)
        change = objective.gradient(again.at.coef + step).gradient - again.at.gradient
        off = 1e-3 * np.sqrt(max(float(step @ change), 0.0))
        print(f"  from another start: {again.stop.name}, {off:.1e} standard errors away")
        if not off <= 1e-9:
            raise SystemExit("the two runs disagree")
        if options.peers:
            peer(X, y, options.l2, objective, metric)
    print(watch.conditions())


if __name__ == "__main__":
    main()
