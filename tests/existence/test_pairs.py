"""The vectors z_ik, and exact signs of their products."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from existence.separated import exact_margins, pairs_of, sign, whole_numbers

from sigmax import passes
from sigmax.data.chunks import Chunks


def problem(seed, n=30, p=3, K=3):
    rng = np.random.default_rng(seed)
    X = rng.integers(-2, 3, size=(n, p)).astype(float)
    y = np.concatenate([np.arange(K), rng.integers(0, K, size=n - K)])
    return X, y


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("K", [2, 3, 5])
def test_taken_rows_are_the_definition(K, intercept, backend):
    X, y = problem(1, K=K)
    pairs = pairs_of(X, y, intercept=intercept, backend=backend)
    rows, classes = np.nonzero(pairs.all())
    assert len(rows) == len(X) * (K - 1)
    Z = pairs.take(rows, classes)
    ones = np.ones((len(X), int(intercept)))
    x = np.hstack([ones, X])
    for z, i, k in zip(Z, rows, classes, strict=True):
        e = np.zeros(K)
        e[y[i]], e[k] = 1.0, -1.0
        assert (z == np.kron(e[1:], x[i])).all()


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("K", [2, 3, 5])
def test_signs_are_exact(K, intercept, backend):
    rng = np.random.default_rng(K)
    X, y = problem(2, K=K)
    pairs = pairs_of(X, y, intercept=intercept, backend=backend)
    for length in (1, 40, 900):
        d = whole_numbers([int(v) * 3**length for v in rng.integers(-2, 3, size=pairs.n_params)])
        signs, values = pairs.signs(d, pairs.all())
        exact = exact_margins(X, y, d.tolist(), K, intercept=intercept)
        assert signs.tolist() == [[sign(v) for v in row] for row in exact]
        largest = max(abs(v) for row in exact for v in row)
        factor = np.abs(values).max() / float(largest / 3**length)
        shown = [[float(v / 3**length) * factor for v in row] for row in exact]
        np.testing.assert_allclose(values, shown, rtol=1e-12, atol=1e-28 * np.abs(values).max())


def test_outside_among_is_zero(backend):
    X, y = problem(3)
    pairs = pairs_of(X, y, backend=backend)
    d = whole_numbers(range(1, pairs.n_params + 1))
    among = pairs.all() & (np.random.default_rng(0).random((len(X), 3)) < 0.4)
    everywhere, _ = pairs.signs(d, pairs.all())
    signs, values = pairs.signs(d, among)
    assert (signs[among] == everywhere[among]).all()
    assert not signs[~among].any()
    assert not values[~among].any()


def test_rows_of_weight_zero_have_no_pairs(backend):
    X, y = problem(4)
    weight = np.ones(len(X))
    weight[[0, 5, 7]] = 0.0
    weight[3] = 5e-324
    pairs = pairs_of(X, y, backend=backend, sample_weight=weight, classes=[0, 1, 2])
    assert np.flatnonzero(~pairs.all().any(axis=1)).tolist() == [0, 5, 7]
    assert (pairs.all().sum(axis=1)[[1, 2, 3]] == 2).all()


def test_blocks_chunks_and_threads_change_nothing(backend, monkeypatch):
    rng = np.random.default_rng(6)
    X, y = problem(5, n=2000, p=4)
    d = whole_numbers(rng.integers(-3, 4, size=10))
    whole_signs, whole_values = pairs_of(X, y, backend=backend).signs(d, pairs_of(X, y).all())
    monkeypatch.setattr(passes, "block_rows", lambda width: 37)
    for threads in (1, 2, 5):
        for rows in (X, np.asfortranarray(X), Chunks([X[:3], X[3:1000], X[1000:]])):
            pairs = pairs_of(rows, y, backend=backend, threads=threads)
            signs, values = pairs.signs(d, pairs.all())
            assert signs.tobytes() == whole_signs.tobytes()
            np.testing.assert_allclose(values, whole_values, rtol=1e-13)


def test_intercept_of_raises_one_class_against_all_others(backend):
    X, y = problem(6, K=4)
    pairs = pairs_of(X, y, backend=backend)
    for k in range(4):
        signs, _ = pairs.signs(pairs.intercept_of(k), pairs.all())
        own = np.asarray(y) == k
        assert (signs[own][:, [j for j in range(4) if j != k]] == 1).all()
        assert (signs[~own, k] == -1).all()
        others = [j for j in range(4) if j != k]
        assert not signs[~own][:, others].any()


def test_against_finds_what_contradicts(backend):
    X, y = problem(7)
    pairs = pairs_of(X, y, backend=backend)
    rng = np.random.default_rng(3)
    D = rng.integers(-2, 3, size=(20, pairs.n_params)).astype(float)
    D[0] = 0.0
    exact = [pairs.signs(whole_numbers(d), pairs.all())[0] < 0 for d in D]
    for most in (1, 3, 1000):
        bad, worst = pairs.against(D, pairs.all(), most)
        assert bad.tolist() == [bool(found.any()) for found in exact]
        any_of = np.flatnonzero(np.any(exact, axis=0))
        assert np.isin(worst, any_of).all()
        if most == 1000:
            assert worst.tolist() == any_of.tolist()


def test_against_takes_the_worst_where_there_are_more(backend, monkeypatch):
    monkeypatch.setattr(passes, "block_rows", lambda width: 16)
    X = np.arange(1.0, 65.0)[:, None]
    y = np.ones(64, int)
    pairs = pairs_of(X, y, backend=backend, classes=[0, 1])
    bad, worst = pairs.against(np.array([[0.0, -1.0]]), pairs.all(), 2)
    assert bad.tolist() == [True]
    # two of each block of 16 rows; class 0 is at the even places
    assert worst.tolist() == [2 * i for start in (0, 16, 32, 48) for i in (start + 14, start + 15)]


def test_margins_on_one_ulp(backend):
    """x'd is 0 for one row and a unit in the last place for its neighbours."""
    a = 0.1
    X = np.array([[a, 1.0], [np.nextafter(a, 1), 1.0], [np.nextafter(a, 0), 1.0]])
    pairs = pairs_of(X, [0, 1, 0], intercept=False, backend=backend)
    f = Fraction(a)
    signs, _ = pairs.signs(whole_numbers([f.denominator, -f.numerator]), pairs.all())
    assert signs.tolist() == [[0, 0], [1, 0], [0, 1]]
