"""Probabilities with observations for the tests of performance: ties, weights, counts, several classes."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass

import numpy as np
from hypothesis import strategies as st

from sigmax.inference.performance.outcomes import outcomes


@dataclass(frozen=True)
class Case:
    """n rows of K probabilities; codes (n,) or counts (n, K); whole weights, or None."""

    p: np.ndarray
    observed: np.ndarray
    weight: np.ndarray | None
    origin: str

    def __repr__(self):
        return self.origin

    @property
    def data(self):
        return outcomes(self.p, self.observed, self.weight)

    @property
    def long(self):
        """p and codes of single observations: every row repeated."""
        n, K = self.p.shape
        counts = self.observed if self.observed.ndim == 2 else np.eye(K, dtype=int)[self.observed]
        if self.weight is not None:
            counts = counts * self.weight[:, None].astype(int)
        rows, codes = np.repeat(np.arange(n), K), np.tile(np.arange(K), n)
        times = counts.ravel().astype(int)
        return self.p[np.repeat(rows, times)], np.repeat(codes, times)

    @property
    def repeated(self):
        return outcomes(*self.long)


def case(n, K, seed=0, *, ties=False, weighted=False, grouped=False, spread=1.5):
    rng = np.random.default_rng([seed, n, K, ties, weighted, grouped])
    logits = rng.normal(size=(n, K - 1)) * spread
    if ties:
        logits = np.round(logits)
    t = np.exp(np.column_stack([np.zeros(n), logits]))
    p = t / t.sum(axis=1, keepdims=True)
    codes = np.array([rng.choice(K, p=row) for row in p])
    codes[: 2 * K] = np.tile(np.arange(K), 2)  # each class twice
    observed = codes
    if grouped:
        observed = np.eye(K, dtype=int)[codes] + rng.integers(0, 3, size=(n, K)) * (rng.random((n, K)) < 0.4)
    weight = rng.integers(0, 4, size=n).astype(float) if weighted else None
    if weighted:
        weight[: 2 * K] = np.maximum(weight[: 2 * K], 1.0)
    return Case(p, observed, weight, f"case({n}, {K}, {seed}, {ties=}, {weighted=}, {grouped=}, {spread=})")


@st.composite
def weighted_cases(draw, least=0):
    """Cases that have integer weights, or counts, or both."""
    K = draw(st.integers(2, 5))
    weighted = draw(st.booleans())
    return case(
        max(2 * K, least) + draw(st.integers(0, 40)),
        K,
        draw(st.integers(0, 999)),
        ties=draw(st.booleans()),
        weighted=weighted,
        grouped=not weighted or draw(st.booleans()),
    )


def parts(value, name=""):
    """Every field of a value class, those of its fields too: name -> what it holds."""
    if not is_dataclass(value):
        return {name: value}
    found = {}
    for field in fields(value):
        found |= parts(getattr(value, field.name), f"{name}.{field.name}")
    return found


def assert_same(a, b, **tolerance):
    """Every number of two value classes; to the bit, unless a tolerance is given."""
    one, other = parts(a), parts(b)
    assert one.keys() == other.keys()
    assert one
    for name, value in one.items():
        if isinstance(value, float | np.ndarray) and tolerance:
            np.testing.assert_allclose(value, other[name], err_msg=name, **tolerance)
        else:
            np.testing.assert_array_equal(value, other[name], err_msg=name)
