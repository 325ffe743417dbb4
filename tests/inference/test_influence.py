"""Changes of estimates by single rows: in other parameters, and against fits without the row."""

import numpy as np
import pytest
from inference.diagnosed_rows import grouped, regression

import sigmax as sx


@pytest.mark.parametrize("K", [2, 3])
def test_one_step_is_most_of_the_way(backend_name, K):
    # a sanity check: what is left of the way after one step is of second order
    X, y = regression(K, 2, 120, seed=3)
    r = sx.fit(X, y, backend=backend_name)
    change = r.dfbeta.reshape(120, -1)
    V = np.linalg.inv(r.cov_params())
    for i in np.argsort(-r.cooks_distance)[[0, 5, 30]]:
        keep = np.arange(120) != i
        exact = (r.params - sx.fit(X[keep], y[keep], backend=backend_name).params).ravel()
        left = change[i] - exact
        assert np.sqrt(left @ V @ left) < 0.35 * np.sqrt(exact @ V @ exact)


def newton_step(X, counts, weight, params):
    """Newton's step from `params` of two classes, from its definition."""
    Z = np.column_stack([np.ones(len(X)), X])
    p, N = 1.0 / (1.0 + np.exp(-(Z @ params))), counts.sum(axis=1)
    H = Z.T @ ((weight * N * p * (1.0 - p))[:, None] * Z)
    return np.linalg.solve(H, Z.T @ (weight * (counts[:, 1] - N * p)))


def test_one_of_several_equal_units(backend_name):
    X, counts = grouped(2, 2, 30, seed=3)
    w = np.full(30, 3.0)
    r = sx.fit(X, counts, sample_weight=w.copy(), backend=backend_name)
    w[4] = 2.0
    np.testing.assert_allclose(r.dfbeta[4], -newton_step(X, counts, w, r.params), rtol=1e-10)


def test_a_part_of_a_unit_is_taken_whole(backend_name):
    X, counts = grouped(2, 2, 30, seed=3)
    w = np.full(30, 1.0)
    w[4] = 0.25
    r = sx.fit(X, counts, sample_weight=w.copy(), backend=backend_name)
    importance = sx.fit(X, counts, sample_weight=w.copy(), weight_type="importance", backend=backend_name)
    np.testing.assert_allclose(r.dfbeta, importance.dfbeta, rtol=1e-10)
    w[4] = 0.0
    np.testing.assert_allclose(r.dfbeta[4], -newton_step(X, counts, w, r.params), rtol=1e-10)


def test_other_references(backend_name):
    X, y = regression(4, 2, 80, seed=3)
    r = sx.fit(X, y, backend=backend_name)
    zero = np.insert(r.dfbeta, 0, 0.0, axis=1)
    for reference in (1, 3):
        other = r.rebase(reference)
        expected = np.delete(zero - zero[:, [reference]], reference, axis=1)
        np.testing.assert_allclose(other.dfbeta, expected, rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(other.dfbetas, expected / other.bse, rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(other.diagnostics().scale, other.bse, rtol=1e-11)
    symmetric = r.symmetric()
    assert symmetric.dfbeta.shape == (80, 4, 3)
    np.testing.assert_allclose(
        symmetric.dfbeta, zero - zero.mean(axis=1, keepdims=True), rtol=1e-9, atol=1e-13
    )
    np.testing.assert_allclose(symmetric.dfbetas, symmetric.dfbeta / symmetric.bse, rtol=1e-9, atol=1e-13)


def test_two_classes_either_way(backend_name):
    X, y = regression(2, 2, 50, seed=3)
    r = sx.fit(X, y, backend=backend_name)
    np.testing.assert_array_equal(r.rebase(1).dfbeta, -r.dfbeta)
    np.testing.assert_array_equal(r.rebase(1).dfbetas, -r.dfbetas)
    both = r.symmetric().dfbeta
    np.testing.assert_allclose(both[:, 1], r.dfbeta / 2.0, rtol=1e-12)
    np.testing.assert_allclose(both[:, 0], -r.dfbeta / 2.0, rtol=1e-12)


@pytest.mark.parametrize("K", [2, 3])
def test_columns_left_out(backend_name, K):
    X, y = regression(K, 3, 60, seed=3)
    X[:, 1] = 2.0 * X[:, 0] + 1.0
    alias, without = sx.fit(X, y, backend=backend_name), sx.fit(X[:, [0, 2]], y, backend=backend_name)
    shape = alias.dfbetas.shape
    assert shape == (60, *alias.params.shape)
    assert np.isnan(alias.dfbetas[..., 2]).all()
    # the bits of a fit without it, where the order of sums is stated
    allowed = 0.0 if backend_name == "compiled" else 1e-12
    for name in ("leverage", "cooks_distance", "dfbetas"):
        found = getattr(alias, name)
        found = np.delete(found, 2, axis=-1) if name == "dfbetas" else found
        np.testing.assert_allclose(found, getattr(without, name), rtol=allowed, atol=allowed, err_msg=name)
    # of minimum norm: the same fitted values
    least = sx.fit(X, y, collinear="min_norm", backend=backend_name)
    Z = np.column_stack([np.ones(60), X])
    logits = np.einsum("...j,lj->...l", least.dfbeta, Z)
    expected = np.einsum("...j,lj->...l", without.dfbeta, Z[:, [0, 1, 3]])
    np.testing.assert_allclose(logits, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(least.dfbetas, least.dfbeta / least.bse, rtol=1e-10)
    if K == 3:
        moved = alias.rebase(2)
        assert np.isnan(moved.dfbetas[..., 2]).all()
        np.testing.assert_allclose(
            np.delete(moved.dfbeta, 2, axis=-1), without.rebase(2).dfbeta, rtol=1e-12, atol=1e-15
        )


def test_standard_errors_are_those_of_the_information(backend_name):
    X, y = regression(3, 2, 60, seed=3)
    r = sx.fit(X, y, backend=backend_name)
    np.testing.assert_array_equal(r.with_covariance("HC0").dfbetas, r.dfbetas)


@pytest.mark.parametrize("rare", [3, 30])
def test_a_rare_reference_costs_no_digits(backend_name, rare):
    # leverages do not depend on which class is the first, rare or not
    X, y = regression(3, 2, 3000, seed=3)
    y = np.where(y == 0, 1 + np.arange(3000) % 2, y)
    y[:rare] = 0
    first = sx.fit(X, y, backend=backend_name)
    last = sx.fit(X, (y - 1) % 3, backend=backend_name)
    np.testing.assert_allclose(first.leverage, last.leverage, rtol=1e-10)
    np.testing.assert_allclose(first.cooks_distance, last.cooks_distance, rtol=1e-10)
    expected = np.roll(last.residuals("standardized"), 1, axis=1)
    np.testing.assert_allclose(first.residuals("standardized"), expected, rtol=1e-9, atol=1e-13)
