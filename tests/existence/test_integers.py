"""Whole numbers: floats taken apart and put together, null spaces."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from existence.separated import matrix, whole_numbers

from sigmax.existence.integers import (
    bits,
    from_fractions,
    nearest,
    null_space,
    primitive,
    scaled_up,
    take_apart,
    two_words,
    whole,
)

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.1, 5e-324, -5e-324, 2.0**-1022, np.nextafter(2.0**-1022, 0.0)]
SPECIAL += [
    np.finfo(float).max,
    -np.finfo(float).max,
    2.0**53,
    2.0**53 - 1,
    -(2.0**1023),
    1e300,
    1e-300,
    1e-310,
]


def random_floats(rng, shape, largest=1020):
    return rng.normal(size=shape) * 2.0 ** rng.integers(-largest, largest, size=shape)


def test_taken_apart_and_put_together():
    x = np.concatenate([SPECIAL, random_floats(np.random.default_rng(1), 500)])
    m, e = take_apart(x)
    assert [Fraction(a) * Fraction(2) ** b for a, b in zip(m.tolist(), e.tolist(), strict=True)] == [
        Fraction(v) for v in x.tolist()
    ]
    assert ((m % 2 != 0) | (m == 0)).all()
    assert (e[m == 0] == 0).all()


def test_columns_as_whole_numbers():
    rng = np.random.default_rng(2)
    x = random_floats(rng, (30, 6))
    x[:, 3] = 0.0
    x[rng.random(x.shape) < 0.2] = 0.0
    x[:5, 5] = [5e-324, 1e308, 0.0, -5e-324, 3.0]
    A, e = whole(x)
    for j in range(6):
        unit = Fraction(2) ** int(e[j])
        assert [a * unit for a in A[:, j].tolist()] == [Fraction(v) for v in x[:, j].tolist()]
        # no larger exponent would do
        assert any(a % 2 for a in A[:, j].tolist()) or not x[:, j].any()
    assert all(type(a) is int for a in A.ravel().tolist())


def test_whole_of_nothing():
    A, e = whole(np.zeros((0, 3)))
    assert A.shape == (0, 3)
    assert e.tolist() == [0, 0, 0]


def test_primitive_keeps_the_direction():
    assert primitive(whole_numbers([6, -9, 0])).tolist() == [2, -3, 0]
    assert primitive(whole_numbers([0, 0])).tolist() == [0, 0]
    assert primitive(whole_numbers([-4])).tolist() == [-1]
    assert primitive(whole_numbers([])).tolist() == []
    huge = 3**2000
    assert primitive(whole_numbers([2 * huge, -huge])).tolist() == [2, -1]


def test_from_fractions():
    assert from_fractions([Fraction(1, 6), Fraction(-3, 4), Fraction(0)]).tolist() == [2, -9, 0]
    assert from_fractions([Fraction(-10)]).tolist() == [-1]


@pytest.mark.parametrize("seed", range(5))
def test_scaled_up(seed):
    rng = np.random.default_rng(seed)
    v = whole_numbers(rng.integers(-20, 20, size=5))
    exponent = rng.integers(-1074, 971, size=5)
    found = scaled_up(v, exponent)
    exact = [a * Fraction(2) ** int(e) for a, e in zip(v.tolist(), exponent, strict=True)]
    ratio = {b / a for a, b in zip(exact, found.tolist(), strict=True) if a}
    assert len(ratio) == 1
    assert ratio.pop() > 0
    assert [b == 0 for b in found.tolist()] == [a == 0 for a in exact]
    assert math.gcd(*found.tolist()) == 1


def test_scaled_up_of_zeros_knows_no_exponent():
    assert scaled_up(whole_numbers([0, 0]), np.array([-2000, 5])).tolist() == [0, 0]
    assert scaled_up(whole_numbers([0, 3]), np.array([-2000, 5])).tolist() == [0, 1]


def test_bits():
    assert bits(whole_numbers([])) == 0
    assert bits(whole_numbers([0, -8, 7])) == 4
    assert bits(matrix([[1, 2], [-(2**2000), 0]])) == 2001


@pytest.mark.parametrize("length", [10, 52, 53, 54, 106, 107, 300, 3000])
def test_two_words(length):
    rng = np.random.default_rng(length)
    v = whole_numbers([int.from_bytes(rng.bytes(400)) % 2 ** (length + 1) - 2**length for _ in range(20)])
    common = bits(v)
    assert common <= length
    high, low = two_words(v, common)
    scale = Fraction(1 << max(common - 400, 0))
    for value, h, lo in zip(v.tolist(), high.tolist(), low.tolist(), strict=True):
        off = abs(Fraction(value) / scale - Fraction(h) - Fraction(lo))
        assert off <= Fraction(2) ** -106 * abs(Fraction(value)) / scale
        assert abs(lo) <= 2.0**-53 * abs(h)
        if length <= 106:
            assert off == 0


def test_nearest():
    v = whole_numbers([2**53 - 1, -3, 0])
    assert nearest(v).tolist() == [2.0**53 - 1, -3.0, 0.0]
    rng = np.random.default_rng(7)
    v = whole_numbers([int(a) * 2**700 + int(b) for a, b in rng.integers(1, 2**60, size=(6, 2))])
    found = nearest(v)
    assert 0.5 <= np.abs(found).max() <= 1.0
    for value, near in zip(v.tolist(), found.tolist(), strict=True):
        exact = Fraction(value, 1 << bits(v))
        assert abs(Fraction(near) - exact) <= Fraction(2) ** -53 * abs(exact)


def rank(A):
    """By elimination with fractions."""
    M = [[Fraction(v) for v in row] for row in A.tolist()]
    done = 0
    for j in range(A.shape[1]):
        at = next((i for i in range(done, len(M)) if M[i][j]), None)
        if at is None:
            continue
        M[done], M[at] = M[at], M[done]
        for i in range(done + 1, len(M)):
            factor = M[i][j] / M[done][j]
            M[i] = [a - factor * b for a, b in zip(M[i], M[done], strict=True)]
        done += 1
    return done


@pytest.mark.parametrize("seed", range(40))
def test_null_space_of_low_rank(seed):
    rng = np.random.default_rng(seed)
    n, k = rng.integers(1, 9, size=2)
    r = int(rng.integers(0, min(n, k) + 1))
    span = 10 ** int(rng.integers(1, 15))
    A = matrix(rng.integers(-3, 4, size=(n, r))) @ matrix(rng.integers(-span, span, size=(r, k)))
    A = A.reshape(n, k) if r else matrix(np.zeros((n, k), int))
    A[rng.random(n) < 0.2] = 0
    N = null_space(A)
    assert N.shape == (k - rank(A), k)
    assert not (A @ N.T).any() if len(N) else True
    if len(N):
        assert rank(N) == len(N)
    for v in N:
        assert math.gcd(*v.tolist()) == 1


def test_null_space_of_floats_with_distant_exponents():
    x = np.array([[1e300, 1e-300, 3.0], [2e300, 2e-300, 7.0]])
    A, e = whole(x)
    (v,) = null_space(A)
    d = scaled_up(v, -e)
    assert all(sum(Fraction(a) * b for a, b in zip(row, d.tolist(), strict=True)) == 0 for row in x.tolist())
    assert d.any()


@pytest.mark.parametrize("shape", [(0, 3), (4, 0)])
def test_null_space_of_nothing(shape):
    N = null_space(np.zeros(shape, object))
    assert N.tolist() == np.eye(shape[1], dtype=int).tolist()
