"""Problems for the solver without a Hessian and its bound, small enough for Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.objective import Objective


@dataclass(frozen=True)
class Variant:
    """What a problem has beside rows and labels."""

    K: int
    p: int
    l2: float = 0.0
    weighted: bool = False
    shifted: bool = False
    intercept: bool = True
    rare: bool = False

    def __str__(self):
        extras = [name for name in ("weighted", "shifted", "rare") if getattr(self, name)]
        if not self.intercept:
            extras.append("no intercept")
        return f"K={self.K} p={self.p} l2={self.l2:g} {' '.join(extras)}".strip()


VARIANTS = (
    Variant(2, 5),
    Variant(2, 12, l2=0.5),
    Variant(2, 6, weighted=True, shifted=True),
    Variant(3, 4),
    Variant(3, 4, intercept=False),
    Variant(3, 6, shifted=True, intercept=False, l2=2.0),
    Variant(4, 8, weighted=True),
    Variant(4, 5, shifted=True),
    Variant(5, 9, weighted=True, shifted=True, l2=1.0),
    Variant(5, 6, rare=True),
    Variant(7, 5, l2=1e-3),
    Variant(10, 4, rare=True, l2=1.0),
)


@dataclass(frozen=True)
class Data:
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    offset: np.ndarray | None


def data(variant: Variant, n: int = 600, seed: int = 0) -> Data:
    """Correlated columns of different scales, labels drawn from the model."""
    rng = np.random.default_rng(seed + 100 * variant.K + variant.p)
    X = rng.standard_normal((n, variant.p))
    X[:, 1:] = 0.6 * X[:, :-1] + 0.8 * X[:, 1:]
    X *= 10.0 ** rng.integers(-2, 3, variant.p)
    slopes = rng.standard_normal((variant.K, variant.p)) / X.std(axis=0) / np.sqrt(variant.p)
    logits = X @ slopes.T
    if variant.rare:
        logits[:, -1] -= 3.0
    weight = rng.lognormal(0.0, 1.0, n) if variant.weighted else None
    offset = None
    if variant.shifted:
        offset = rng.standard_normal((n, variant.K))
        logits += offset
    y = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    assert len(np.unique(y)) == variant.K
    return Data(X, y, weight, offset)


def objective(variant: Variant, backend, d: Data | None = None) -> Objective:
    """The objective of the variant's data."""
    d = data(variant) if d is None else d
    observed = response(d.y, len(d.y), sample_weight=d.weight, offset=d.offset)
    design = Design(d.X, intercept=variant.intercept)
    return Objective(design, observed, backend, 1, l2=variant.l2)
