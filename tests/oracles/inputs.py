"""What goes into the oracle: checked, and taken as the exact binary numbers that they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from mpmath import mpf
from numpy.typing import ArrayLike, NDArray

Form = Literal["logistic", "softmax"]
Vector = list[mpf]
Matrix = list[list[mpf]]

GUARD = 25
"""Decimal digits carried beyond those asked for."""


@dataclass(frozen=True)
class Arrays:
    """Checked float64 inputs: design with its intercept column (n, k), offset (n, K - 1), penalty."""

    design: NDArray[np.float64]
    codes: NDArray[np.int64]
    n_classes: int
    weight: NDArray[np.float64] | None
    offset: NDArray[np.float64] | None
    intercept: bool
    l2: float


def checked(
    X: ArrayLike,
    codes: ArrayLike,
    n_classes: int,
    weight: ArrayLike | None,
    offset: ArrayLike | None,
    fit_intercept: bool,
    l2: float = 0.0,
) -> Arrays:
    """Validate the inputs; an oracle that guesses what was meant is none."""
    x = np.asarray(X, dtype=np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise ValueError("X must be a finite matrix")
    n = x.shape[0]
    raw = np.asarray(codes)
    y = raw.astype(np.int64)
    if y.shape != (n,) or not np.array_equal(y, raw):
        raise ValueError(f"codes must be {n} integers")
    if n_classes < 2 or n == 0 or y.min() < 0 or y.max() >= n_classes:
        raise ValueError(f"codes must lie in 0 .. {n_classes - 1}, and there must be some")
    w = None if weight is None else np.asarray(weight, dtype=np.float64)
    if w is not None and (w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any()):
        raise ValueError(f"weight must be {n} finite numbers that are not negative")
    o = None if offset is None else np.asarray(offset, dtype=np.float64)
    if o is not None:
        if o.shape != ((n,) if n_classes == 2 else (n, n_classes - 1)) or not np.isfinite(o).all():
            raise ValueError("offset must be finite, (n,) for two classes and (n, K - 1) for more")
        o = o.reshape(n, n_classes - 1)
    if fit_intercept:
        x = np.column_stack([np.ones(n), x])
    if x.shape[1] == 0:
        raise ValueError("the model has no coefficients")
    if not (np.isfinite(l2) and l2 >= 0):
        raise ValueError("l2 must be finite and not negative")
    return Arrays(x, y, n_classes, w, o, fit_intercept, float(l2))


def nested(flat: Sequence[mpf], k: int) -> tuple[tuple[mpf, ...], ...]:
    return tuple(tuple(flat[i : i + k]) for i in range(0, len(flat), k))


def flatten(item: Any) -> list[Any]:
    """Flatten nested sequences and arrays; numbers pass unchanged."""
    if isinstance(item, np.ndarray):
        item = item.tolist()
    if isinstance(item, list | tuple):
        return [leaf for part in item for leaf in flatten(part)]
    return [item]
