"""Guesses: what they have to be good for.  Whoever uses them checks them in whole numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from existence.separated import pairs_of

from sigmax.existence.integers import null_space, whole
from sigmax.existence.program import null_guess, powers, separate, simple_directions


def rows(seed, n=40, p=3, separated=True):
    """z of a binary problem that the first column separates but for its zeros, or of one with overlap."""
    rng = np.random.default_rng(seed)
    X = rng.integers(-3, 4, size=(n, p)).astype(float)
    y = rng.integers(0, 2, size=n)
    y[:2] = 0, 1
    if separated:
        y = np.where(X[:, 0] == 0.0, y, X[:, 0] > 0.0).astype(int)
        X[:2, 0] = 0.0
    pairs = pairs_of(X, y)
    return pairs.take(*np.nonzero(pairs.all())), X


def test_shows_which_rows_some_direction_moves():
    Z, X = rows(1)
    d, s = separate(Z)
    assert np.round(s).tolist() == (X[:, 0] != 0.0).astype(float).tolist()
    assert np.abs(s - np.round(s)).max() < 1e-6
    assert (Z @ d >= -1e-6 * np.abs(d).max()).all()


def test_shows_overlap():
    Z, _ = rows(2, separated=False)
    _, s = separate(Z)
    assert s.sum() < 1e-6


@pytest.mark.parametrize("scales", [[1e-200, 1e200, 1.0, 1e-5], [1e300, 1e-300, 1e300, 1e-300]])
def test_columns_of_any_scale(scales):
    Z, X = rows(1)
    d, s = separate(Z * scales)
    assert np.round(s).tolist() == (X[:, 0] != 0.0).astype(float).tolist()
    assert np.isfinite(d).all()


def test_powers():
    x = np.array([0.0, 1.0, 0.75, 3.0, 1e300, 1e-300, 2.0**-1022, 5e-324, np.finfo(float).max])
    found = powers(x)
    assert np.isfinite(found).all()
    assert (found > 0.0).all()
    assert found[0] == 1.0
    usual = x[(x >= 2.0**-1022)]
    assert (usual * powers(usual) >= 0.5).all()
    assert (usual * powers(usual) < 1.0).all()
    assert (np.frexp(found)[0] == 0.5).all()


def test_simple_directions_end_with_the_number_itself():
    d = np.array([0.1, -0.3, 1e-30])
    found = list(simple_directions(d, np.ones(3)))
    assert found[0].tolist() == [0, -1, 0]
    exact = [Fraction(v) for v in d.tolist()]
    last = found[-1].tolist()
    assert len({a / b for a, b in zip(exact, last, strict=True)}) == 1
    assert last[0] > 0


@pytest.mark.parametrize("d", [[1.0, -2.0, 0.0], [1e6, -2e6, 1e-5], [1 / 3, -2 / 3, 1e-12]])
def test_simple_directions_find_small_numbers(d):
    found = [v.tolist() for v in simple_directions(np.array(d), np.ones(3))]
    assert [1, -2, 0] in found


def test_simple_directions_of_nothing():
    assert list(simple_directions(np.zeros(2), np.ones(2))) == []


@pytest.mark.parametrize("seed", range(6))
def test_null_guess_of_whole_numbers(seed):
    rng = np.random.default_rng(seed)
    Z = (rng.integers(-2, 3, size=(30, 3)) @ rng.integers(-2, 3, size=(3, 6))).astype(float)
    found = null_guess(Z, np.abs(Z).max(axis=0))
    A, _ = whole(Z)
    exact = null_space(A)
    assert len(found) == len(exact)
    products = np.array(
        [
            [sum(Fraction(z) * int(b) for z, b in zip(row, v, strict=True)) for row in Z.tolist()]
            for v in found
        ]
    )
    assert not products.any()
    assert np.linalg.matrix_rank(found.astype(float)) == len(found)


def test_null_guess_of_random_floats_is_exact_on_a_base():
    rng = np.random.default_rng(9)
    Z = rng.normal(size=(2, 5)) * 10.0 ** rng.integers(-8, 9, size=5)
    found = null_guess(np.repeat(Z, 4, axis=0), np.abs(Z).max(axis=0))
    assert len(found) == 3
    products = [
        sum(Fraction(z) * int(b) for z, b in zip(row, v, strict=True)) for row in Z.tolist() for v in found
    ]
    assert products == [0] * 6


def test_null_guess_of_full_rank():
    assert null_guess(np.eye(4), np.ones(4)).shape == (0, 4)
