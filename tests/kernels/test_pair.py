"""Sums in pairs of doubles: exact, and inf and nan as in a plain sum."""

from fractions import Fraction

import numpy as np
import pytest

from sigmax.kernels import add_pair, two_sum

INF, NAN = np.inf, np.nan


def test_two_sum_is_exact():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 500)) * 10.0 ** rng.integers(-20, 20, size=(2, 500))
    s, e = two_sum(a, b)
    np.testing.assert_array_equal(s, a + b)
    for one in zip(a.tolist(), b.tolist(), s.tolist(), e.tolist(), strict=True):
        x, y, high, low = map(Fraction, one)
        assert x + y == high + low
        assert two_sum(*one[:2]) == one[2:]


def test_a_long_sum_keeps_twice_the_digits():
    rng = np.random.default_rng(1)
    terms = (rng.normal(size=2000) * 10.0 ** rng.integers(-8, 8, size=2000)).tolist()
    total = (0.0, 0.0)
    for term in terms:
        total = add_pair(total, (term, 0.0))
    exact = sum(map(Fraction, terms))
    assert abs(Fraction(total[0]) + Fraction(total[1]) - exact) <= Fraction(2) ** -95 * sum(
        map(abs, map(Fraction, terms))
    )
    assert total[0] == total[0] + total[1]


@pytest.mark.parametrize(
    ("a", "b", "high"),
    [
        ((INF, 0.0), (1.0, 1e-20), INF),
        ((1.0, 1e-20), (INF, 0.0), INF),
        ((INF, 0.0), (INF, 0.0), INF),
        ((INF, 0.0), (-INF, 0.0), NAN),
        ((NAN, 0.0), (INF, 0.0), NAN),
        ((1.7e308, 0.0), (1.7e308, 0.0), INF),
    ],
)
def test_not_finite(a, b, high):
    found = add_pair(a, b)
    np.testing.assert_array_equal(found, (high, 0.0))
