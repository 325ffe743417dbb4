"""The equilibrated Cholesky factor."""

import numpy as np
import pytest

from sigmax.solvers.factor import Factor, NotPositiveDefinite


def spd(n, seed, scale=None):
    A = np.random.default_rng(seed).normal(size=(3 * n, n))
    H = A.T @ A
    return H if scale is None else H * scale * scale[:, None]


@pytest.mark.parametrize("n", [1, 2, 7, 40, 64, 65, 90])
def test_solve_and_inverse(n):
    H, before = spd(n, n), spd(n, n)
    factor = Factor(H)
    v = np.arange(1.0, n + 1)
    np.testing.assert_allclose(H @ factor.solve(v), v, rtol=1e-11)
    np.testing.assert_allclose(factor.inverse() @ H, np.eye(n), atol=1e-12)
    np.testing.assert_array_equal(factor.inverse(), factor.inverse().T)
    np.testing.assert_array_equal(H, before)


def test_powers_of_two_cost_nothing():
    scale = 2.0 ** np.array([-200, 0, 150, 3, -40])
    H = spd(5, 1)
    plain, scaled = Factor(H), Factor(H * scale * scale[:, None])
    v = np.ones(5)
    np.testing.assert_array_equal(scaled.solve(v * scale) * scale, plain.solve(v))
    assert scaled.condition_number == plain.condition_number


def test_condition_number_bounds_the_true_one():
    H = spd(6, 2)
    d = 1.0 / np.sqrt(H.diagonal())
    true = np.sqrt(np.linalg.cond(H * d * d[:, None]))
    assert true / 3 <= Factor(H).condition_number <= true * np.sqrt(6) * 2


@pytest.mark.parametrize(
    ("H", "index"),
    [
        (np.zeros((2, 2)), 0),
        (np.diag([1.0, 0.0, 1.0]), 1),
        (np.array([[1.0, 2.0], [2.0, 1.0]]), 1),
        (np.array([[1.0, 1.0], [1.0, 1.0]]), 1),
        (np.array([[np.nan, 0.0], [0.0, 1.0]]), 0),
        (np.array([[1.0, 0.0], [0.0, np.inf]]), 1),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), 0),
    ],
)
def test_what_cannot_be_factored(H, index):
    with pytest.raises(NotPositiveDefinite) as error:
        Factor(H)
    assert error.value.index == index
