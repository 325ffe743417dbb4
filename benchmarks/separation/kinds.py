"""The kinds of problems: separated, overlapping, and on the edge between the two.

A kind is a function of a generator; it returns the arrays of a problem by name.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from edges import Drawn, Rng, collinear_points, one_dimension, one_row

#: of parameters in a problem: exact arithmetic stays fast
_MOST = 10


def _classes(rng: Rng, least: int = 2) -> int:
    return int(rng.integers(least, 6))


def _columns(rng: Rng, K: int, *, intercept: int = 1, least: int = 1) -> int:
    return int(rng.integers(least, max(least, _MOST // (K - 1) - intercept) + 1))


def _scores(rng: Rng, X: np.ndarray, K: int, size: float) -> np.ndarray:
    """Labels by a softmax model whose logits vary by about `size`."""
    spread = np.abs(X).max(axis=0)
    B = rng.normal(size=(X.shape[1], K)) * size / np.where(spread > 0.0, spread, 1.0)[:, None]
    return (X @ B + rng.normal(size=K) + rng.gumbel(size=(len(X), K))).argmax(axis=1)


def phase_transition(rng: Rng) -> Drawn:
    K = _classes(rng) if rng.random() < 0.5 else 2
    p = _columns(rng, K, least=1 if K > 2 else 2)
    # random labels of two classes are separated with probability 1/2 at n = 2 (p + 1)
    n = max(3, round(2.0 * (p + 1) * rng.uniform(0.7, 1.6) * (1.0 if K == 2 else 1.3)))
    return {"X": rng.normal(size=(n, p)), "y": rng.integers(0, K, n), "K": K}


def ordinary(rng: Rng) -> Drawn:
    K = _classes(rng)
    p = _columns(rng, K)
    X = rng.normal(size=(int(rng.integers(20, 41)), p))
    return {"X": X, "y": _scores(rng, X, K, rng.uniform(0.0, 3.0)), "K": K}


def dummies(rng: Rng) -> Drawn:
    K = _classes(rng)
    width, n = _columns(rng, K), int(rng.integers(10, 41))
    columns: list[np.ndarray] = []
    while len(columns) < width:
        levels = int(rng.integers(2, 5))
        share = rng.dirichlet(np.full(levels, 0.6))
        factor = rng.choice(levels, size=n, p=share)
        columns += [(factor == level).astype(float) for level in range(1, levels)]
    X = np.column_stack(columns[:width])
    return {"X": X, "y": _scores(rng, X, K, rng.uniform(0.0, 5.0)), "K": K}


def integer_grid(rng: Rng) -> Drawn:
    K = _classes(rng)
    reach, p = int(rng.integers(1, 4)), _columns(rng, K)
    n = int(rng.integers(max(4, p + 2), 41))
    X = rng.integers(-reach, reach + 1, size=(n, p)).astype(float)
    size = rng.uniform(0.0, 1.0) * float(rng.choice([1.0, 4.0, 12.0]))
    return {"X": X, "y": _scores(rng, X, K, size), "K": K}


def duplicated_rows(rng: Rng) -> Drawn:
    K = _classes(rng)
    p = _columns(rng, K)
    distinct = rng.normal(size=(int(rng.integers(3, 9)), p))
    label = _scores(rng, distinct, K, 5.0)
    pick = rng.integers(0, len(distinct), int(rng.integers(8, 41)))
    y = label[pick]
    twice = rng.random(len(distinct)) < rng.uniform(0.0, 0.8)
    other = twice[pick] & (rng.random(len(pick)) < 0.5)
    return {"X": distinct[pick], "y": np.where(other, (y + 1) % K, y), "K": K}


def complete(rng: Rng) -> Drawn:
    K = _classes(rng)
    p = _columns(rng, K)
    X = rng.normal(size=(int(rng.integers(max(4, K), 41)), p))
    B = rng.normal(size=(p, K))
    return {"X": X, "y": (X @ B + rng.normal(size=K)).argmax(axis=1), "K": K}


def column_scales(rng: Rng) -> Drawn:
    drawn = _any(rng)
    p = drawn["X"].shape[1]
    if rng.random() < 0.5:
        scale = 2.0 ** rng.integers(-26, 27, size=p)
    else:
        scale = rng.uniform(1.0, 10.0, size=p) * 10.0 ** rng.integers(-8, 8, size=p)
    return drawn | {"X": drawn["X"] * scale}


def far_from_zero(rng: Rng) -> Drawn:
    drawn = _any(rng)
    step = float(rng.choice([1.0, 1e-3, 2.0**-10, 1e-6]))
    which = rng.random(drawn["X"].shape[1]) < 0.7
    return drawn | {"X": np.where(which, 1e6 + step * drawn["X"], drawn["X"])}


def zero_weights(rng: Rng) -> Drawn:
    """Rows that do not count and would decide otherwise."""
    drawn = _any(rng)
    X, y, n = drawn["X"], drawn["y"], len(drawn["X"])
    more = int(rng.integers(1, 6))
    copied = rng.integers(0, n, more)
    X = np.vstack([X, X[copied] * rng.choice([1.0, -3.0, 10.0], size=(more, 1))])
    y = np.concatenate([y, rng.integers(0, drawn["K"], more)])
    weight = np.concatenate([rng.choice([1.0, 2.0, 0.5, 1e-3, 7.3], size=n), np.zeros(more)])
    # and rows without which it is separated
    weight[:n][rng.random(n) < rng.choice([0.0, 0.1, 0.4])] = 0.0
    order = rng.permutation(n + more)
    return drawn | {"X": X[order], "y": y[order], "weight": weight[order]}


def grouped_counts(rng: Rng) -> Drawn:
    drawn = _any(rng)
    K, n = drawn["K"], len(drawn["X"])
    counts = np.zeros((n, K))
    counts[np.arange(n), drawn["y"]] = rng.choice([1.0, 2.0, 5.0, 0.5, 2.25], size=n)
    share = rng.choice([0.0, 0.05, 0.3])
    more = rng.random((n, K)) < share
    counts += more * rng.choice([1.0, 3.0, 0.125], size=(n, K))
    if rng.random() < 0.3:
        counts[rng.integers(0, n)] = 0.0
    weight = rng.choice([0.0, 1.0, 2.0], size=n, p=[0.1, 0.6, 0.3]) if rng.random() < 0.3 else None
    return {"X": drawn["X"], "y": counts, "K": K, "weight": weight}


def split_class(rng: Rng) -> Drawn:
    """One class lies apart from the others, which overlap."""
    K = _classes(rng, 3)
    p = _columns(rng, K)
    X = rng.normal(size=(int(rng.integers(20, 41)), p)).round(int(rng.integers(0, 4)))
    y = rng.integers(0, K, len(X))
    apart = int(rng.integers(0, K))
    column = int(rng.integers(0, p))
    edge = np.abs(X[:, column]).max() + float(rng.choice([0.0, 0.0, 1.0]))
    X[y == apart, column] = edge + np.abs(X[y == apart, column]) * rng.integers(0, 2)
    return {"X": X, "y": y, "K": K}


def one_column(rng: Rng) -> Drawn:
    """A dummy that one class has no row of, or nothing but one class."""
    K = _classes(rng)
    p = _columns(rng, K)
    X = rng.normal(size=(int(rng.integers(12, 41)), p))
    y = rng.integers(0, K, len(X))
    dummy = rng.random(len(X)) < rng.uniform(0.1, 0.6)
    which = int(rng.integers(0, K))
    if rng.random() < 0.5:
        y[dummy] = which
    else:
        dummy &= y != which
    X[:, int(rng.integers(0, p))] = dummy * float(rng.choice([1.0, -1.0, 0.1]))
    return {"X": X, "y": y, "K": K}


def nested(rng: Rng) -> Drawn:
    """A second direction, whose signs are wrong in rows that the first one separates."""
    K = _classes(rng)
    p = _columns(rng, K, least=2)
    n = int(rng.integers(12, 41))
    X = rng.integers(-4, 5, size=(n, p)).astype(float)
    y = rng.integers(0, K, n)
    first, second = rng.choice(p, size=2, replace=False)
    X[:, first] = 0.0
    apart = rng.random(n) < 0.4
    top = y == K - 1
    X[:, first] = np.where(apart, np.where(top, 1.0, -1.0) * rng.integers(1, 4, n), 0.0)
    inside = ~apart
    X[inside, second] = np.where(top, 1.0, -1.0)[inside] * rng.integers(0, 4, inside.sum())
    if p > 2 and rng.random() < 0.5:
        third = int(rng.choice([j for j in range(p) if j not in (first, second)]))
        flat = inside & (X[:, second] == 0.0)
        X[flat, third] = np.where(y == 0, 1.0, -1.0)[flat] * rng.integers(0, 3, flat.sum())
    return {"X": X, "y": y, "K": K}


def absent_class(rng: Rng) -> Drawn:
    drawn = _any(rng, most=4)
    absent = int(rng.integers(0, drawn["K"] + 1))
    y = drawn["y"] + (drawn["y"] >= absent)
    return drawn | {"y": y, "K": drawn["K"] + 1, "declared": True}


def no_intercept(rng: Rng) -> Drawn:
    drawn = _any(rng)
    X = drawn["X"]
    if rng.random() < 0.3:
        X = X * rng.choice([1.0, 0.0], size=(len(X), 1), p=[0.9, 0.1])
    return drawn | {"X": X, "intercept": False}


def dependent_columns(rng: Rng) -> Drawn:
    """Constant, zero, repeated columns and exact sums of others, in any place."""
    drawn = _any(rng, most=3)
    X = drawn["X"]
    if (np.round(X) != X).any():
        X = np.round(4.0 * X / max(float(np.abs(X).max()), 1.0) * 4.0) / 4.0
    p = X.shape[1]
    for _ in range(int(rng.integers(1, 3))):
        j, k = rng.integers(0, p, 2)
        column = [
            np.full(len(X), float(rng.choice([1.0, 0.0, 2.5]))),
            X[:, j] * float(rng.choice([1.0, -1.0, 4.0, 3.0])),
            X[:, j] + X[:, k],
            1.0 - X[:, j],
        ][int(rng.integers(0, 4))]
        X = np.insert(X, int(rng.integers(0, X.shape[1] + 1)), column, axis=1)
    return drawn | {"X": X}


def wide(rng: Rng) -> Drawn:
    """No more rows than columns."""
    K = _classes(rng)
    p = _columns(rng, K, least=2)
    n = int(rng.integers(2, p + 2))
    X = rng.normal(size=(n, p)) if rng.random() < 0.5 else rng.integers(-2, 3, size=(n, p)).astype(float)
    y = rng.integers(0, K, n)
    if rng.random() < 0.5:
        again = int(rng.integers(0, n))
        X, y = np.vstack([X, X[again]]), np.append(y, (y[again] + 1) % K)
    return {"X": X, "y": y, "K": K}


def many_rows(rng: Rng) -> Drawn:
    """More rows, with a dummy or a column that may separate; or thousands that are the same few."""
    if rng.random() < 0.15:
        drawn = duplicated_rows(rng)
        # from 4,096 rows on sigmax makes one row of those that repeat
        pick = rng.integers(0, len(drawn["X"]), int(rng.integers(4096, 4400)))
        return drawn | {"X": drawn["X"][pick], "y": drawn["y"][pick]}
    K = _classes(rng)
    p = _columns(rng, K)
    n = int(rng.integers(60, 400))
    X = rng.normal(size=(n, p))
    X[:, 0] = rng.random(n) < rng.choice([0.02, 0.1, 0.4])
    y = _scores(rng, X, K, rng.uniform(0.0, 8.0))
    if rng.random() < 0.4:
        y[X[:, 0] == 1.0] = rng.integers(0, K)
    return {"X": X, "y": y, "K": K}


def layouts(rng: Rng) -> Drawn:
    """The same numbers as other dtypes and in other memory layouts."""
    drawn = _any(rng)
    X = np.asarray(drawn["X"], dtype=np.float64)
    layout = str(rng.choice(["float32", "fortran", "every other", "reversed", "int8"]))
    if layout == "float32":
        X = X.astype(np.float32).astype(np.float64)
    elif layout == "int8":
        X = np.clip(np.round(2.0 * X), -100.0, 100.0)
    return drawn | {"X": X, "layout": layout}


def penalty(rng: Rng) -> Drawn:
    """Separated or not, a penalty of the slopes leaves an optimum."""
    drawn = _any(rng)
    drawn |= {"l2": 10.0 ** rng.uniform(-6.0, 2.0), "intercept": bool(rng.random() < 0.8)}
    return _with_offset(rng, drawn) if rng.random() < 0.2 else drawn


def warm_start(rng: Rng) -> Drawn:
    return _any(rng) | {"start": 10.0 ** rng.uniform(-1.0, 5.0)}


def offsets(rng: Rng) -> Drawn:
    return _with_offset(rng, _any(rng))


def everything(rng: Rng) -> Drawn:
    drawn = [_any, column_scales, dependent_columns, zero_weights, absent_class][int(rng.integers(0, 5))](rng)
    if rng.random() < 0.3:
        drawn = _with_offset(rng, drawn)
    if rng.random() < 0.3 and drawn.get("weight") is None:
        drawn |= {"weight": rng.choice([0.0, 1.0, 1e-6, 3.0, 1e6], size=len(drawn["X"]))}
    if rng.random() < 0.2:
        drawn |= {"intercept": False}
    if rng.random() < 0.2:
        drawn |= {"start": 10.0 ** rng.uniform(-1.0, 5.0)}
    return drawn


def _with_offset(rng: Rng, drawn: Drawn) -> Drawn:
    n, K = len(drawn["X"]), drawn["K"]
    size = 10.0 ** float(rng.choice([-3, 0, 0, 1, 1, 2, 3, 6]))
    shape = (n,) if K == 2 and rng.random() < 0.7 else (n, K)
    return drawn | {"offset": np.round(rng.normal(size=shape) * size * 2**10) * 2.0**-10}


#: kinds that others start from
_BASES: tuple[Callable[[Rng], Drawn], ...] = (
    phase_transition,
    ordinary,
    dummies,
    integer_grid,
    duplicated_rows,
    complete,
    one_row,
    one_dimension,
    split_class,
    one_column,
    nested,
)


def _any(rng: Rng, most: int = 5) -> Drawn:
    """One of the simple kinds, with few enough classes."""
    while True:
        drawn = _BASES[int(rng.integers(0, len(_BASES)))](rng)
        if drawn["K"] <= most:
            return drawn


KINDS: dict[str, Callable[[Rng], Drawn]] = {
    "phase transition": phase_transition,
    "ordinary": ordinary,
    "dummies": dummies,
    "integer grid": integer_grid,
    "duplicated rows": duplicated_rows,
    "complete": complete,
    "one dimension": one_dimension,
    "one row": one_row,
    "collinear points": collinear_points,
    "column scales": column_scales,
    "far from zero": far_from_zero,
    "zero weights": zero_weights,
    "grouped counts": grouped_counts,
    "split class": split_class,
    "one column": one_column,
    "nested": nested,
    "absent class": absent_class,
    "no intercept": no_intercept,
    "dependent columns": dependent_columns,
    "wide": wide,
    "many rows": many_rows,
    "layouts": layouts,
    "penalty": penalty,
    "warm start": warm_start,
    "offsets": offsets,
    "everything": everything,
}
