"""Reads of the data besides evaluations: whitened Hessians, triangles, norms of rows, refined gradients."""

from __future__ import annotations

import numpy as np
import pytest

from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.objective import Objective


def problem(backend, n, p, K, *, l2=0.0, weighted=True, intercept=True, seed=0):
    rng = np.random.default_rng([n, p, K, seed])
    X, y = rng.standard_normal((n, p)), np.arange(n) % K
    w = rng.uniform(0.2, 3.0, n) if weighted else None
    o = rng.standard_normal((n, K)) if weighted else None
    observed = response(y, n, sample_weight=w, offset=o)
    return Objective(Design(X, intercept=intercept), observed, backend, 1, l2=l2), rng


@pytest.mark.parametrize("l2", [0.0, 2.0])
@pytest.mark.parametrize("K", [2, 4])
def test_a_refined_gradient_is_the_gradient(K, l2, backend):
    o, rng = problem(backend, 300, 5, K, l2=l2)
    coef = rng.standard_normal(o.n_params)
    plain, refined = o.gradient(coef), o.refine(coef, np.zeros_like(coef))
    np.testing.assert_allclose(refined.gradient, plain.gradient, rtol=1e-11, atol=1e-12)
    assert refined.nll == pytest.approx(plain.nll, rel=1e-14)
    assert refined.penalty == plain.penalty
    assert o._largest is not None  # found on the way
    assert o.rows_read == 600


@pytest.mark.parametrize("l2", [0.0, 2.0])
@pytest.mark.parametrize("K", [2, 4])
def test_a_whitened_hessian_is_the_hessian_in_other_coordinates(K, l2, backend):
    o, rng = problem(backend, 300, 4, K, l2=l2)
    coef = rng.standard_normal(o.n_params)
    T = np.triu(rng.standard_normal((5, 5))) + 2.0 * np.eye(5)
    H = o.evaluate(coef).hessian
    whole = np.kron(np.eye(K - 1), T)
    G = o.whitened_hessian(coef, np.zeros_like(coef), T)
    np.testing.assert_allclose(G, whole.T @ H @ whole, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("l2", [0.0, 2.0])
def test_a_triangle_is_a_root_of_the_gram_matrix(l2, backend):
    o, rng = problem(backend, 300, 4, 3, l2=l2)
    R = o.triangle()
    wanted = o.gram()
    wanted[np.arange(1, 5), np.arange(1, 5)] += l2
    np.testing.assert_allclose(R.T @ R, wanted, rtol=1e-11, atol=1e-10)
    assert (np.tril(R, -1) == 0.0).all()
    coef = rng.standard_normal(o.n_params)
    R = o.triangle(coef)
    H = o.evaluate(coef).hessian
    trace = H[:5, :5] + H[5:, 5:]
    if l2:
        trace[np.arange(1, 5), np.arange(1, 5)] -= 2.0 * l2 * (1.0 - 1.0 / 3.0) - l2
    np.testing.assert_allclose(R.T @ R, trace, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("K", [2, 4])
def test_norms_of_rows_and_their_bound(K, backend):
    o, rng = problem(backend, 200, 3, K)
    coef = rng.standard_normal(o.n_params)
    H = o.evaluate(coef).hessian
    L = np.linalg.cholesky(H)
    R, S = o.row_norms(coef, lambda Z: np.linalg.solve(L, Z))
    inverse = np.linalg.inv(H)
    x = np.column_stack([np.ones(200), o.design.block(0, 200)])
    Z = [np.kron(np.eye(K - 1)[c], row) for row in x for c in range(K - 1)]
    pairs = [
        np.kron(np.eye(K - 1)[c] - np.eye(K - 1)[d], row) for row in x for c in range(K - 1) for d in range(c)
    ]
    norms = [np.sqrt(z @ inverse @ z) for z in Z]
    assert pytest.approx(max([*norms, *(np.sqrt(z @ inverse @ z) for z in pairs)]), rel=1e-9) == R
    assert o.row_norm(inverse) >= R
    residual, _ = o._rows(o.design.block(0, 200), slice(0, 200), coef)
    assert pytest.approx(float(np.abs(residual).ravel() @ norms), rel=1e-9) == S


def test_a_sample_stands_for_all(backend):
    o, _ = problem(backend, 4_000, 3, 3, l2=2.0)
    part = o.sample(1_000)
    coef = np.zeros(o.n_params)
    assert part.n_rows == 1_000
    assert part.penalty.l2 == 0.5
    whole, some = o.evaluate(coef), part.evaluate(coef)
    assert 4.0 * some.nll == pytest.approx(whole.nll, rel=0.05)
    H = np.linalg.solve(whole.hessian, 4.0 * some.hessian)
    assert np.abs(np.linalg.eigvals(H) - 1.0).max() < 0.3
    rows = part.design.block(0, 1_000)
    assert {tuple(row) for row in rows} <= {tuple(row) for row in o.design.block(0, 4_000)}
