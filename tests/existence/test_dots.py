"""Exact signs of dot products, against fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from existence.separated import exact_dots, sign, whole_numbers

from sigmax.existence.dots import Direction, signs
from sigmax.existence.integers import bits, from_fractions


def check(X, d, backend, *, intercept, more=0):
    found, values = signs(X, Direction(d, bits(d) + more), backend, intercept)
    exact = [sign(v) for v in exact_dots(X, d, intercept=intercept)]
    assert found.tolist() == exact
    assert np.isfinite(values).all()
    # a rough value may be 0 or rounding where the sign is small matter; beyond that it has it
    clear = np.abs(values) > 1e-10 * np.abs(values).max(initial=0.0)
    assert (np.sign(values[clear]) == found[clear]).mean() > 0.99 if clear.any() else True
    return found


def numbers(rng, shape, spread):
    return rng.normal(size=shape) * 10.0 ** rng.uniform(-spread, spread, size=shape)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("spread", [0, 3, 30, 150, 299])
def test_random_exponents(spread, intercept, backend):
    rng = np.random.default_rng(spread)
    X = numbers(rng, (80, 4), spread)
    X[rng.random(X.shape) < 0.2] = 0.0
    for length in (3, 53, 120, 500, 4000):
        d = whole_numbers([int.from_bytes(rng.bytes(length // 8 + 1)) for _ in range(4 + intercept)])
        d *= whole_numbers(rng.integers(-1, 2, size=len(d)))
        check(X, d, backend, intercept=intercept)


@pytest.mark.parametrize("intercept", [False, True])
def test_elements_of_very_different_lengths(intercept, backend):
    rng = np.random.default_rng(3)
    X = numbers(rng, (60, 5), 290)
    for lengths in ([1, 1000, 2000, 40, 3], [1300, 1, 1, 1, 1], [5000, 4700, 4100, 3900, 0]):
        d = whole_numbers([int(rng.integers(1, 9)) << length for length in lengths])
        d = np.concatenate([whole_numbers([-3]), d]) if intercept else d
        found = check(X, d, backend, intercept=intercept)
        assert found.any()
        check(X, d, backend, intercept=intercept, more=700)


@pytest.mark.parametrize("intercept", [False, True])
def test_one_ulp_off_exact_cancellation(intercept, backend):
    """d is orthogonal to x; each element in turn is moved by one unit in its last place."""
    rng = np.random.default_rng(5)
    seen = set()
    for _ in range(10):
        x = numbers(rng, 4, 8)
        row = [Fraction(1), *map(Fraction, x.tolist())] if intercept else [*map(Fraction, x.tolist())]
        some = [Fraction(int(v)) for v in rng.integers(1, 10**6, size=len(row) - 1)]
        last = -sum((a * b for a, b in zip(row, some, strict=False)), Fraction(0)) / row[-1]
        d = from_fractions([*some, last])
        X = [x]
        for j in range(4):
            for to in (-np.inf, np.inf):
                near = x.copy()
                near[j] = np.nextafter(near[j], to)
                X.append(near)
        found = check(np.array(X), d, backend, intercept=intercept)
        assert found[0] == 0
        assert (found[1:] != 0).all()
        seen |= set(found.tolist())
    assert seen == {-1, 0, 1}


def test_subnormals(backend):
    tiny = 5e-324
    X = np.array(
        [[tiny, -tiny], [tiny, tiny], [3 * tiny, -2 * tiny], [0.0, -tiny], [0.0, 0.0], [1e-310, -1e-310]]
    )
    for d in ([1, 1], [2, 3], [2**3000, 2**3000], [2**3000, 2**3000 + 1], [1, 2**1500]):
        check(X, whole_numbers(d), backend, intercept=False)
    check(X, whole_numbers([-1, 2**1074, 2**1074]), backend, intercept=True)
    check(X, whole_numbers([1, 2**1074, 2**1074]), backend, intercept=True)


def test_largest_numbers(backend):
    big = np.finfo(float).max
    X = np.array(
        [[big, big], [big, -big], [big, -np.nextafter(big, 0.0)], [1.0, -1.0], [big, 5e-324], [-big, 0.0]]
    )
    for d in ([1, 1], [2**900, 2**900], [2**53 - 1, 2**53 + 1], [0, 1], [1, 2**4000]):
        check(X, whole_numbers(d), backend, intercept=False)
    check(X, whole_numbers([1, 2**900, 2**900]), backend, intercept=True)


def test_an_intercept_that_cancels_a_product(backend):
    X = np.array([[0.1], [np.nextafter(0.1, 1.0)], [np.nextafter(0.1, 0.0)], [0.0], [1e-300], [-1e300]])
    d = from_fractions([-Fraction(0.1), Fraction(1)])
    assert check(X, d, backend, intercept=True).tolist() == [0, 1, -1, -1, -1, -1]


def test_no_direction_and_no_rows(backend):
    zero = whole_numbers([0, 0, 0])
    assert signs(np.ones((3, 2)), Direction(zero), backend, True)[0].tolist() == [0, 0, 0]
    one = whole_numbers([0, 1, -1])
    assert signs(np.zeros((0, 2)), Direction(one), backend, True)[0].shape == (0,)
    assert check(np.array([[2.0, 2.0], [3.0, 2.0]]), one, backend, intercept=True).tolist() == [0, 1]


def test_intercept_alone(backend):
    assert check(np.ones((3, 1)), whole_numbers([-(2**90), 0]), backend, intercept=True).tolist() == [-1] * 3


def test_a_zero_column_with_a_number_beyond_int64(backend):
    """What it is multiplied by is 0, however large."""
    X = np.array([[1.0, 0.0], [2.0, 0.0], [1.0, 0.0]])
    assert check(X, whole_numbers([-1, 1, 2**100]), backend, intercept=True).tolist() == [0, 1, 0]
    assert check(X - 1.0, whole_numbers([3**80, 3**80, 3**80]), backend, intercept=True).tolist() == [0, 1, 0]


@pytest.mark.parametrize("intercept", [False, True])
def test_at_the_bound_of_int64(intercept, backend):
    """Products just below and above 2^62 and 2^63, with sums that cancel to 0, 1 or -1."""
    for power in (30, 31, 32, 52):
        a = float(2**power + 1) if power < 52 else float(2**53 - 1)
        for other in (2**10, 2**20, 2**31 - 1, 2**31, 2**32 + 1, 2**62 - 1, 2**63):
            X = np.array([[a, -a, 0.0], [a, -a, 1.0], [a, -a, -1.0], [-a, -a, 0.0]])
            d = whole_numbers(([0] if intercept else []) + [other, other, 1])
            assert check(X, d, backend, intercept=intercept).tolist() == [0, 1, -1, -1]


@pytest.mark.parametrize("order", ["C", "F"])
def test_strides_do_not_matter(order, backend):
    rng = np.random.default_rng(11)
    wide = np.array(rng.integers(-3, 4, size=(40, 12)), float, order=order)
    d = whole_numbers([1, -2, 3, 5])
    for view in (wide[:, ::4], wide[::-2, 1:4], wide[5:20, 11:8:-1]):
        one = signs(view, Direction(d), backend, True)
        two = signs(np.ascontiguousarray(view), Direction(d), backend, True)
        assert one[0].tolist() == two[0].tolist()
        assert one[0].tolist() == [sign(v) for v in exact_dots(view, d, intercept=True)]


def test_values_of_several_vectors_compare(backend):
    """With one scale for all, values are up to one factor those of the exact products."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(20, 3))
    vectors = [whole_numbers([int(v) << 1200 for v in rng.integers(-99, 99, size=3)]) for _ in range(3)]
    common = max(map(bits, vectors))
    for d in vectors:
        _, values = signs(X, Direction(d, common), backend, False)
        exact = [float(v / Fraction(2) ** (common - 400)) for v in exact_dots(X, d)]
        np.testing.assert_allclose(values, exact, rtol=1e-13)
