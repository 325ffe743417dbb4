"""Problems on the edge between separation and overlap, by nothing, one unit in the last place, or 1e-9.

"Plane" is the construction behind most: rows of both labels on a hyperplane a'x = 0, overlapping within
it, leave a as the only direction that may separate, so that one further row decides by its side of the plane
alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Drawn = dict[str, Any]
Rng = np.random.Generator

#: where a row lies beyond an edge, relative to 1
_EDGES = (0.0, 0.0, 2.0**-52, -(2.0**-52), 1e-9, -1e-9, 1e-3, -1e-3)


def _both(n: int) -> np.ndarray:
    return np.arange(n) % 2


def one_dimension(rng: Rng) -> Drawn:
    """Two classes on a line, whose ends touch, miss each other or overlap by as little as there is."""
    edge = float(rng.normal() * 10.0 ** rng.integers(-3, 4))
    low = edge - rng.exponential(size=int(rng.integers(1, 8))) * abs(edge)
    high = edge + rng.exponential(size=int(rng.integers(1, 8))) * abs(edge)
    step = float(rng.choice([0.0, 1.0, -1.0, 3.0, 1e3, -1e3]))
    last = edge + step * np.spacing(edge) if abs(step) < 10 else edge * (1.0 + 1e-9 * np.sign(step))
    x = np.concatenate([low, [edge] * int(rng.integers(1, 3)), high, [last]])
    y = np.concatenate([np.zeros(len(x) - len(high) - 1), np.ones(len(high) + 1)]).astype(int)
    columns = [x]
    for _ in range(int(rng.integers(0, 2))):
        # a second column without information where the ends are: constant there
        columns.append(np.where(np.abs(x - edge) < 1e-6 * abs(edge), 1.0, rng.normal(size=len(x))))
    order = rng.permutation(len(x))
    flip = int(rng.integers(0, 2))
    return {"X": np.column_stack(columns)[order], "y": np.abs(y - flip)[order], "K": 2}


def _plane(rng: Rng, p: int, *, on: int, off: int) -> tuple[np.ndarray, np.ndarray]:
    """(X, y), whole numbers: a'x = 0 in the first `on` rows, of both labels; its sign is y in the others."""
    a = rng.integers(1, 5, size=p) * rng.choice([-1, 1], size=p)
    rows: list[np.ndarray] = []
    y: list[int] = []
    while len(rows) < on:
        x = rng.integers(-6, 7, size=p)
        # a'x = 0 by combination of two such steps: e_i a_j - e_j a_i
        if p > 1:
            i, j = rng.choice(p, size=2, replace=False)
            x = np.zeros(p, dtype=int)
            x[i], x[j] = a[j], -a[i]
            x = x * int(rng.integers(-3, 4))
            i, j = rng.choice(p, size=2, replace=False)
            x[i], x[j] = x[i] + a[j], x[j] - a[i]
        else:
            x = np.zeros(1, dtype=int)
        rows.append(x)
        y.append(len(rows) % 2)
    while len(rows) < on + off:
        x = rng.integers(-6, 7, size=p)
        if a @ x:
            rows.append(x)
            y.append(int(a @ x > 0))
    return np.array(rows, dtype=float), np.array(y)


def one_row(rng: Rng) -> Drawn:
    """A plane, and one row on it or beside it by one unit, by 1e-9: on the right side or the wrong."""
    p = int(rng.integers(1, 5))
    X, y = _plane(rng, p, on=int(rng.integers(2, 4 * p + 4)), off=int(rng.integers(1, 16)))
    x = X[0] * float(rng.integers(-2, 3))
    j = int(rng.integers(0, p))
    # x_j is moved by units of its own size, so that 2^-52 is one unit in the last place of it
    x[j] += max(abs(x[j]), 1.0) * float(rng.choice(_EDGES))
    label = int(rng.integers(0, 2))
    return {"X": np.vstack([X, x]), "y": np.append(y, label), "K": 2}


def collinear_points(rng: Rng) -> Drawn:
    """Rows of both labels on a plane whose normal is no float vector: whole multiples of random floats."""
    p = int(rng.integers(2, 5))
    # 40-bit floats times whole numbers below 2^7, and sums of them, are exact
    span = rng.integers(-(2**39), 2**39, size=(p - 1, p)).astype(float) * 2.0**-39
    on = int(rng.integers(p + 1, 3 * p + 8))
    X = rng.integers(-20, 21, size=(on, p - 1)).astype(float) @ span
    normal = np.linalg.svd(span)[2][-1]
    off = int(rng.integers(1, 14))
    base = rng.integers(-20, 21, size=(off, p - 1)).astype(float) @ span
    side = rng.choice([-1.0, 1.0], size=off)
    far = side * 10.0 ** rng.uniform(-9, 1, size=off)
    X = np.vstack([X, base + far[:, None] * normal])
    y = np.concatenate([_both(on), (side > 0.0).astype(int)])
    if rng.random() < 0.3:
        y[on:] = rng.integers(0, 2, off)
    return {"X": X, "y": y, "K": 2, "intercept": bool(rng.random() < 0.7)}
