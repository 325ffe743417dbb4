"""Farkas' alternative, checked exactly on either side."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from existence.separated import matrix, whole_numbers
from scipy.optimize import nnls

from sigmax.existence.cone import direction_against


def solve(columns, g):
    """The exact solution of sum_a x_a columns_a = g for independent columns; None where there is none."""
    M = [[Fraction(int(c[i])) for c in columns] + [Fraction(int(g[i]))] for i in range(len(g))]
    done = 0
    for j in range(len(columns)):
        at = next((i for i in range(done, len(M)) if M[i][j]), None)
        if at is None:
            return None
        M[done], M[at] = M[at], M[done]
        M[done] = [v / M[done][j] for v in M[done]]
        for i in range(len(M)):
            if i != done and M[i][j]:
                M[i] = [a - M[i][j] * b for a, b in zip(M[i], M[done], strict=True)]
        done += 1
    return None if any(row[-1] for row in M[done:]) else [row[-1] for row in M[:done]]


def lies_inside(A, g):
    """Exact multipliers of the rows that floating-point least squares picks; None where it fails."""
    if not g.any():
        return True
    mu, _ = nnls(A.astype(float).T, g.astype(float))
    picked = np.flatnonzero(mu > 1e-9)
    exact = solve([A[i] for i in picked], g)
    return exact is not None and min(exact, default=0) >= 0


def check(A, g):
    """What is found, once it is proved; True for inside."""
    c = direction_against(A, g)
    if c is None:
        assert lies_inside(A, g)
        return True
    assert ((A @ c) >= 0).all()
    assert (g @ c) < 0
    assert math.gcd(*c.tolist()) == 1
    return False


@pytest.mark.parametrize("seed", range(30))
def test_random_cones(seed):
    rng = np.random.default_rng(seed)
    answers = []
    for _ in range(8):
        n, q = rng.integers(1, 9), rng.integers(1, 5)
        A = matrix(rng.integers(-4, 5, size=(n, q)))
        answers.append(check(A, whole_numbers(rng.integers(-4, 5, size=q))))
        # inside by construction, on a face of few rows
        mu = whole_numbers(rng.integers(0, 3, size=n))
        assert direction_against(A, mu @ A) is None
    assert False in answers


def test_both_answers_are_common():
    rng = np.random.default_rng(1)
    found = [check(matrix(rng.integers(-4, 5, size=(6, 3))), whole_numbers([1, -2, 3])) for _ in range(60)]
    assert 10 < sum(found) < 50


def test_grid_with_many_ties():
    """All 27 sign vectors, repeated rows and zero rows: degenerate in every step."""
    A = matrix([*product([-1, 0, 1], repeat=3)] * 3)
    for g in product([-2, -1, 0, 1, 2], repeat=3):
        assert direction_against(A, whole_numbers(g)) is None
    half = A[[row[0] >= 0 for row in A]]
    for g in product([-2, -1, 0, 1, 2], repeat=3):
        assert check(half, whole_numbers(g)) is (g[0] >= 0)
    # closed half space without its boundary, but for 0
    inner = A[[row[0] > 0 or not row.any() for row in A]]
    for g in product([-2, -1, 0, 1, 2], repeat=3):
        assert check(inner, whole_numbers(g)) is (g[0] >= max(abs(g[1]), abs(g[2])))


@pytest.mark.parametrize("seed", range(10))
def test_degenerate_cones_end(seed):
    """Dummies with repeated rows, as tables of counts have them."""
    rng = np.random.default_rng(seed)
    q = int(rng.integers(3, 8))
    A = matrix(rng.integers(0, 2, size=(60, q)) * rng.choice([-1, 1], size=(60, 1)))
    A[::7] = 0
    A = np.concatenate([A, A[::-1]])
    check(A, -A.sum(axis=0))
    check(A, A.sum(axis=0))
    for i in range(q):
        check(A, whole_numbers(np.eye(q, dtype=int)[i]))


def test_nothing_to_combine():
    assert direction_against(matrix(np.zeros((3, 2), int)), whole_numbers([0, 0])) is None
    for g in ([1, 0], [0, -1], [2, -3]):
        assert check(matrix(np.zeros((3, 2), int)), whole_numbers(g)) is False
        assert check(np.zeros((0, 2), object), whole_numbers(g)) is False


def test_a_ray_and_its_neighbours():
    """Inside only exactly: one unit in a number of 300 bits apart."""
    a = 3**190
    A = matrix([[a, 1], [a, 1]])
    assert direction_against(A, whole_numbers([5 * a, 5])) is None
    assert direction_against(A, whole_numbers([-a, -1])) is not None
    for g in ([5 * a, 4], [5 * a + 1, 5], [5 * a - 1, 5]):
        c = direction_against(A, whole_numbers(g))
        assert ((A @ c) >= 0).all()
        assert (c @ whole_numbers(g)) < 0


def test_rows_of_very_different_lengths():
    A = matrix([[1, 0, 0], [2**900, 1, 0], [-(2**900), 1, 1], [0, -(2**60), 3]])
    for mu in product([0, 1, 2**100], repeat=4):
        assert direction_against(A, whole_numbers(mu) @ A) is None
    c = direction_against(A, whole_numbers([0, -1, 0]))
    assert ((A @ c) >= 0).all()
    assert c[1] > 0


def test_beale_cycles_without_bland():
    """Beale's example (1955), as a question about a cone: g on its boundary, most vertices degenerate."""
    A = matrix([[1, 0, 1], [-60, -36, 0], [-8, -4, 0], [900, 300, 0], [4, 0, 0], [0, 2, 0], [0, 0, 1]])
    for g in ([0, 0, 1], [0, 0, 0], [1, 1, 0], [-1, -1, 0], [0, 0, -1], [-900, 1, 0]):
        check(A, whole_numbers(g))
