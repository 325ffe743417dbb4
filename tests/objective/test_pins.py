"""Pins hold what the likelihood does not determine, and cost nothing elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.objective import Objective
from sigmax.objective.penalty import Penalty
from sigmax.solvers.certificate import certify
from sigmax.solvers.covariance import Covariance
from sigmax.solvers.solve import solve


def penalty(seed, m, k, l2, intercept=True):
    rng = np.random.default_rng(seed)
    pins = rng.random(m * k) * (rng.random(m * k) < 0.5)
    return Penalty(l2, m, k, intercept, pins), rng.normal(size=m * k)


def hessian_of(one):
    P = one.n_logits * one.width
    H = np.zeros((P, P))
    one.add_to(H)
    return H


@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("m", [1, 3])
def test_value_gradient_and_hessian_are_of_one_quadratic(m, l2):
    one, b = penalty(1, m, 4, l2)
    H = hessian_of(one)
    np.testing.assert_allclose(one.gradient(b), H @ b, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(one.value(b), 0.5 * b @ H @ b, rtol=1e-14)
    plain = hessian_of(Penalty(l2, m, 4, True))
    np.testing.assert_allclose(H - plain, np.diag(one.pins), atol=1e-16)


@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("m", [1, 3])
def test_rows_whitened_and_times(m, l2):
    one, b = penalty(2, m, 4, l2)
    H = hessian_of(one)
    T = np.random.default_rng(0).normal(size=(4, 3))
    big = np.kron(np.eye(m), T)
    np.testing.assert_allclose(one.whitened(T).reshape(3 * m, 3 * m), big.T @ H @ big, rtol=1e-12, atol=1e-14)
    rows = one.rows()
    bound = np.diag(one.pins.reshape(m, 4).max(axis=0)) + l2 * np.diag([0.0, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(rows.T @ rows, bound, atol=1e-15)
    np.testing.assert_allclose(one.times(0.25).gradient(b), 0.25 * one.gradient(b), rtol=1e-15)
    assert Penalty(l2, m, 4, True).times(0.5).pins is None


@pytest.mark.parametrize("strength", [1e-3, 1.0, 1e3])
def test_the_pinned_minimum_is_that_of_the_likelihood(strength, backend):
    """Two equal columns, the second pinned; and an empty one."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(80, 2))
    y = (x[:, 0] + rng.logistic(size=80) > 0.0).astype(int)
    X = np.column_stack([x, x[:, 1], np.zeros(80)])
    observed = response(y, 80)
    pins = np.array([0.0, 0.0, 0.0, strength, strength])
    pinned = Objective(Design(X), observed, backend, 1, pins=pins)
    found = solve(pinned, [np.zeros(5)], tol=1e-12)
    certificate = certify(pinned, found)
    plain = Objective(Design(x), observed, backend, 1)
    expected = solve(plain, [np.zeros(3)], tol=1e-12)
    assert certificate.converged
    assert certificate.exists
    np.testing.assert_allclose(found.coef[:3], expected.coef, rtol=1e-12)
    np.testing.assert_allclose(found.coef[3:], 0.0, atol=1e-13)
    np.testing.assert_allclose(found.at.nll, expected.at.nll, rtol=1e-15)
    whole, part = Covariance(pinned, found).compute(), Covariance(plain, expected).compute()
    # functions orthogonal to the null space: the intercept, the first slope, and the sum of the equal ones
    L = np.array([[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 1, 0]], float)
    np.testing.assert_allclose(L @ whole @ L.T, part, rtol=1e-10)


def test_pins_do_not_make_separated_classes_exist(backend):
    """Pinned at 0 where nothing is determined, and still without an optimum: no certificate."""
    X = np.column_stack([[1.0, 2.0, 3.0, 4.0], np.zeros(4)])
    pinned = Objective(
        Design(X), response(np.array([0, 0, 1, 1]), 4), backend, 1, pins=np.array([0.0, 0.0, 1.0])
    )
    found = solve(pinned, [np.zeros(3)], tol=1e-12)
    assert certify(pinned, found).exists is not True
