"""Draws from the fitted model."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

import sigmax as sx

DRAWS = 40_000


@pytest.fixture(params=[2, 3, 4])
def fitted(request, backend_name):
    K = request.param
    rng = np.random.default_rng(K)
    X = rng.normal(size=(400, 2))
    eta = np.column_stack([np.zeros(400), X @ rng.normal(size=(2, K - 1))])
    y = np.array(["a", "bb", "c", "d"])[np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)]
    return sx.fit(X, y, backend=backend_name), X[:30]


def test_frequencies_are_the_probabilities(fitted):
    # Pearson's statistic of 30 independent rows: chi^2 with 30 (K - 1) degrees of freedom
    r, X = fitted
    drawn = r.sample(X, 20240611, size=DRAWS)
    expected = DRAWS * r.predict_proba(X)
    assert expected.min() > 5.0
    observed = np.stack([(drawn == label).sum(axis=0) for label in r.classes], axis=1)
    assert (observed.sum(axis=1) == DRAWS).all()
    statistic = ((observed - expected) ** 2 / expected).sum()
    df = len(X) * (len(r.classes) - 1)
    assert chi2.ppf(1e-4, df) < statistic < chi2.ppf(1.0 - 1e-4, df)
    # and the test would notice a wrong class
    shifted = np.roll(expected, 1, axis=1)
    assert ((observed - shifted) ** 2 / shifted).sum() > 100.0 * df


def test_draws_are_independent_between_rows(fitted):
    r, X = fitted
    drawn = r.sample(np.repeat(X[:1], 2, axis=0), 5, size=DRAWS) == r.classes[0]
    a, b = drawn.T
    p = r.predict_proba(X[:1])[0, 0]
    error = p * (1.0 - p) / np.sqrt(DRAWS)
    assert abs((a & b).mean() - a.mean() * b.mean()) < 4.0 * error


def test_seeds_and_shapes(fitted):
    r, X = fitted
    one = r.sample(X, 3)
    assert one.shape == (30,)
    assert one.dtype == r.classes.dtype
    np.testing.assert_array_equal(one, r.sample(X, 3))
    np.testing.assert_array_equal(one, r.sample(X, np.random.default_rng(3)))
    np.testing.assert_array_equal(one, r.sample(X, 3, size=1)[0])
    assert (one != r.sample(X, 4)).any()
    assert r.sample(X, 3, size=0).shape == (0, 30)
    assert r.sample(X, 3, size=np.int64(5)).shape == (5, 30)
    np.testing.assert_array_equal(r.sample(X, 3, size=5), r.rebase(r.classes[-1]).sample(X, 3, size=5))
    generator = np.random.default_rng(3)
    assert (r.sample(X, generator) != r.sample(X, generator)).any()
    assert (r.sample(X, size=20) != r.sample(X, size=20)).any()


def test_an_offset_moves_draws(fitted):
    r, X = fitted
    m = len(r.classes) - 1
    far = np.zeros((30, m))
    far[:, -1] = 500.0
    drawn = r.sample(X, 0, size=50, offset=far[:, 0] if m == 1 else far)
    assert (drawn == r.classes[-1]).all()


class AlmostOne(np.random.Generator):
    """Draws the ends of [0, 1), which a real generator meets once in 2^53 times."""

    def __init__(self, value):
        super().__init__(np.random.PCG64(0))
        self.value = value

    def random(self, size=None):
        return np.full(size, self.value)


@pytest.mark.parametrize("K", [3, 4])
def test_exact_zeros_are_never_drawn(K, backend_name):
    # the classes 0, 1, ... in turn have no rows where x is 1: they are impossible there, in the limit
    rng = np.random.default_rng(1)
    n = 600
    for gone in range(K):
        x = rng.integers(0, 2, n).astype(float)
        y = rng.integers(0, K, n)
        y = np.where((x == 1.0) & (y == gone), (gone + 1) % K, y)
        with pytest.warns(sx.SeparationWarning):
            r = sx.fit(x[:, None], y, backend=backend_name)
        one = np.ones((1, 1))
        p = r.predict_proba(one)[0]
        assert p[gone] == 0.0
        assert (np.delete(p, gone) > 0.0).all()
        drawn = r.sample(one, 5, size=20_000)
        assert set(drawn.ravel()) == set(range(K)) - {gone}
        for edge in (0.0, 1.0 - 2.0**-53, *np.cumsum(p)[:-1]):
            assert r.sample(one, AlmostOne(edge))[0] != gone


def test_what_is_not_determined_is_refused(fitted):
    r, X = fitted
    bad = X.copy()
    bad[[4, 7]] = np.nan
    with pytest.raises(ValueError, match=r"X has 2 rows whose probabilities are not determined.*X\[4\]"):
        r.sample(bad, 0)


@pytest.mark.parametrize("size", [-1, 1.5, "a", (2, 3), True])
def test_sizes_are_named(fitted, size):
    with pytest.raises(ValueError, match="size must be a whole number of at least 0; got"):
        fitted[0].sample(fitted[1], 0, size=size)


@pytest.mark.parametrize("rng", [-1, 1.5, "seed", {}])
def test_sources_of_random_numbers_are_named(fitted, rng):
    with pytest.raises(ValueError, match="rng must be a numpy Generator, a seed of at least 0 or None; got"):
        fitted[0].sample(fitted[1], rng)
