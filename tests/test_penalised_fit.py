"""sigmax.fit with a penalty, and with weights of any scale, against 50 digits and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oracles import newton as oracle
from sklearn.linear_model import LogisticRegression

import sigmax as sx


def drawn(n, p, K, seed=0):
    rng = np.random.default_rng([n, p, K, seed])
    X = rng.standard_normal((n, p)) + 0.5 * rng.standard_normal((n, 1))
    eta = np.zeros((n, K))
    eta[:, 1:] = X @ rng.standard_normal((p, K - 1))
    return X, np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)


@pytest.mark.parametrize("l2", [1e-6, 0.3, 50.0])
@pytest.mark.parametrize(("K", "intercept"), [(2, True), (2, False), (3, True), (5, False)])
def test_against_fifty_digits(K, intercept, l2, backend):
    X, y = drawn(120, 3, K)
    r = sx.fit(X, y, l2=l2, fit_intercept=intercept, backend=backend.BACKEND)
    exact = oracle.optimum(X, y, K, l2=l2, fit_intercept=intercept)
    assert oracle.relative_error(np.atleast_2d(r.params), exact.params).max() <= 1e-12
    assert oracle.relative_error(np.atleast_2d(r.bse), exact.bse).max() <= 1e-10
    assert oracle.relative_error([r.llf], [exact.llf]).max() <= 1e-14
    assert r.certificate.converged
    off = np.abs(np.atleast_2d(r.params) - np.array(exact.params, dtype=float))
    assert (off <= r.certificate.error_bound.reshape(off.shape)).all()


def test_against_scikit_learn(compiled):
    X, y = drawn(300, 4, 3)
    r = sx.fit(X, y, l2=2.0)
    s = LogisticRegression(C=0.5, solver="newton-cg", tol=1e-12, max_iter=1000).fit(X, y)
    # scikit-learn's slopes of the classes sum to zero
    np.testing.assert_allclose(r.params[:, 1:], s.coef_[1:] - s.coef_[0], rtol=1e-6)


def test_separated_classes_have_a_penalised_estimate(backend):
    x = np.arange(20.0)
    r = sx.fit(x[:, None], x > 9.5, l2=0.1, backend=backend.BACKEND)
    assert r.certificate.converged
    assert r.certificate.exists is True
    assert "penalised likelihood, l2 = 0.1" in r.summary()


def test_fewer_rows_than_columns(backend):
    X, y = drawn(12, 20, 2)
    r = sx.fit(X, y, l2=1.0, backend=backend.BACKEND)
    exact = oracle.optimum(X, y, 2, l2=1.0)
    assert oracle.relative_error([r.params], exact.params).max() <= 1e-11


@pytest.mark.parametrize("l2", [-1.0, math.nan, math.inf, "1", None])
def test_bad_penalties(l2):
    X, y = drawn(50, 2, 2)
    with pytest.raises(ValueError, match=r"^l2 must be a number of at least 0; got "):
        sx.fit(X, y, l2=l2)


@pytest.mark.parametrize("scale", [1e-300, 1e-100, 1e-12, 1.0, 1e12, 1e100, 1e290])
@pytest.mark.parametrize("l2", [0.0, 0.7])
def test_weights_of_any_scale(scale, l2, backend):
    X, y = drawn(90, 3, 2)
    w = np.random.default_rng(1).lognormal(0.0, 1.0, 90)
    one = sx.fit(X, y, sample_weight=w, l2=l2, backend=backend.BACKEND)
    r = sx.fit(X, y, sample_weight=w * scale, l2=l2 * scale, backend=backend.BACKEND)
    assert r.certificate.converged
    np.testing.assert_allclose(r.params, one.params, rtol=1e-12)
    np.testing.assert_allclose(r.bse, one.bse / math.sqrt(scale), rtol=1e-10)
    np.testing.assert_allclose(r.llf, one.llf * scale, rtol=1e-12)
    np.testing.assert_allclose(r.nobs, one.nobs * scale, rtol=1e-12)
    np.testing.assert_allclose(r.certificate.error_bound, one.certificate.error_bound, rtol=10.0, atol=1e-14)


def test_weights_of_three_hundred_orders_of_magnitude(backend):
    # rows that weigh 1e-300 say nothing beside the others
    X, y = drawn(90, 3, 2)
    w = np.where(np.arange(90) < 60, 1.0, 1e-300)
    r = sx.fit(X, y, sample_weight=w, backend=backend.BACKEND)
    few = sx.fit(X[:60], y[:60], backend=backend.BACKEND)
    np.testing.assert_allclose(r.params, few.params, rtol=1e-12)
    np.testing.assert_allclose(r.bse, few.bse, rtol=1e-12)


@pytest.mark.parametrize("K", [2, 3])
def test_counts_are_repeated_rows(K, backend):
    rng = np.random.default_rng(4)
    X, counts = rng.standard_normal((40, 2)), rng.integers(0, 6, (40, K))
    r = sx.fit(X, counts, backend=backend.BACKEND)
    rows = np.repeat(np.tile(np.arange(40), K), counts.T.ravel())
    labels = np.repeat(np.repeat(np.arange(K), 40), counts.T.ravel())
    s = sx.fit(X[rows], labels, backend=backend.BACKEND)
    np.testing.assert_allclose(r.params, s.params, rtol=1e-12)
    np.testing.assert_allclose(r.bse, s.bse, rtol=1e-11)
    assert r.nobs == s.nobs == counts.sum()
    assert r.llf == pytest.approx(s.llf, rel=1e-13)
