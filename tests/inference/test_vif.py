"""Variance inflation factors and the condition number of a design."""

import pickle

import numpy as np
import pytest
import statsmodels.api as sm
from inference.diagnosed_rows import grouped, one_hot, regression
from mpmath import mp
from oracles.deletion import deletion
from oracles.rounding import relative_error
from published import influence as published
from statsmodels.stats.outliers_influence import variance_inflation_factor

import sigmax as sx


def exact_vif(X, w, *, intercept=True):
    """Diagonal of the inverse of the weighted correlations, or of the cosines; mpf."""
    with mp.workdps(75):
        columns = [[mp.convert(float(v)) for v in c] for c in X.T]
        w = [mp.convert(float(v)) for v in w]
        if intercept:
            means = [mp.fdot(c, w) / mp.fsum(w) for c in columns]
            columns = [[v - m for v in c] for c, m in zip(columns, means, strict=True)]
        p = len(columns)
        G = mp.matrix(p, p)
        for i in range(p):
            for j in range(p):
                G[i, j] = mp.fsum(a * b * v for a, b, v in zip(columns[i], columns[j], w, strict=True))
        inverse = G**-1
        return [G[j, j] * inverse[j, j] for j in range(p)]


def exact_gvif(covariance, m, *, intercept=True):
    """det C_jj det C_rest / det C of the correlations of slopes, Fox & Monette (1992); mpf."""
    with mp.workdps(75):
        k = len(covariance) // m
        slopes = [c * k + j for c in range(m) for j in range(int(intercept), k)]
        A = mp.matrix([list(row) for row in covariance])

        def det(index):
            C = mp.matrix(len(index), len(index))
            for a, i in enumerate(index):
                for b, j in enumerate(index):
                    C[a, b] = A[i, j] / mp.sqrt(A[i, i] * A[j, j])
            return mp.det(C)

        found = []
        for j in range(int(intercept), k):
            own = [i for i in slopes if i % k == j]
            rest = [i for i in slopes if i % k != j]
            found.append(det(own) * det(rest) / det(slopes))
        return found


@pytest.mark.parametrize("name", ["SPECTOR", "WEIGHTED", "BUDWORM"])
def test_r(backend_name, name):
    data, figures, options = sx.datasets.load("spector"), getattr(published, name), {}
    X, y = data.X, data.y
    if name == "WEIGHTED":
        options = {"sample_weight": 0.5 + np.arange(32) % 4 / 2, "weight_type": "importance"}
    if name == "BUDWORM":
        X = published.BUDWORM_X
        y = np.column_stack([20 - published.BUDWORM_DEAD, published.BUDWORM_DEAD])
    r = sx.fit(X, y, backend=backend_name, **options)
    np.testing.assert_allclose(r.vif(), figures["vif_of_design"], rtol=1e-11)
    np.testing.assert_allclose(r.vif("estimates"), figures["vif"], rtol=1e-11)
    np.testing.assert_allclose(r.condition_number, figures["condition"][0], rtol=1e-11)


@pytest.mark.parametrize("name", ["spector", "anes96", "fair"])
def test_statsmodels(name):
    data = sx.datasets.load(name)
    Z = sm.add_constant(data.X)
    expected = [variance_inflation_factor(Z, j) for j in range(1, Z.shape[1])]
    r = sx.fit(data.X, (data.y > np.median(data.y)).astype(int))
    np.testing.assert_allclose(r.vif(), expected, rtol=1e-9)
    np.testing.assert_allclose(r.condition_number, np.linalg.cond(Z / np.linalg.norm(Z, axis=0)), rtol=1e-10)
    assert r.condition_number != pytest.approx(r.certificate.condition_number, rel=1e-3)


def test_uncentred_without_an_intercept(backend_name):
    X, y = regression(2, 4, 60, seed=1)
    r = sx.fit(X, y, fit_intercept=False, backend=backend_name)
    others = [sm.OLS(X[:, j], np.delete(X, j, axis=1)).fit() for j in range(4)]
    expected = [1.0 / (1.0 - fit.rsquared) for fit in others]
    np.testing.assert_allclose(r.vif(), expected, rtol=1e-10)
    assert relative_error(r.vif(), exact_vif(X, np.ones(60), intercept=False)).max() < 1e-12


@pytest.mark.parametrize("size", [1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("far", [0.0, 1e4])
def test_nearly_dependent_columns(backend_name, size, far):
    rng = np.random.default_rng(1)
    X, y = regression(2, 2, 80, seed=1)
    X[:, 0] += far
    X = np.column_stack([X, X[:, 0] - X[:, 1] + size * rng.standard_normal(80)])
    w = rng.choice([1.0, 2.0, 5.0], 80)
    r = sx.fit(X, y, sample_weight=w, backend=backend_name)
    expected = exact_vif(X, w)
    assert float(max(expected)) > 0.01 * size**-2
    assert relative_error(r.vif(), expected).max() < 1e-10
    exact = deletion(X, one_hot(y, 2), copies=w)
    # its weights p (1 - p) have what rounding the estimates leaves of the logits
    rounding = 2.0**-53 * (np.abs(np.column_stack([np.ones(80), X])) @ np.abs(r.params)).max()
    assert relative_error(r.vif("estimates"), exact_gvif(exact.covariance, 1)).max() < 1e-10 + 4.0 * rounding


@pytest.mark.parametrize(("K", "p"), [(3, 3), (4, 2)])
@pytest.mark.parametrize("intercept", [True, False])
def test_generalised_factors_of_many_classes(backend_name, K, p, intercept):
    X, counts = grouped(K, p, 40, seed=2)
    w = np.random.default_rng(0).choice([0.5, 1.0, 3.0], 40)
    unit, copies = np.minimum(w, 1.0), np.maximum(w, 1.0)
    for l2 in (0.0, 0.7):
        r = sx.fit(X, counts, sample_weight=w, fit_intercept=intercept, l2=l2, backend=backend_name)
        exact = deletion(X, counts, unit=unit, copies=copies, fit_intercept=intercept, l2=l2)
        expected = exact_gvif(exact.covariance, K - 1, intercept=intercept)
        assert relative_error(r.vif("estimates"), expected).max() < 1e-10
        assert (
            relative_error(r.vif(), exact_vif(X, w * counts.sum(axis=1), intercept=intercept)).max() < 1e-10
        )
    np.testing.assert_array_equal(r.rebase(2).vif("estimates"), r.vif("estimates"))
    # as correlations of the parameters against another reference have it
    V = np.asarray(r.rebase(1).cov_params())
    again = exact_gvif([[mp.mpf(v) for v in row] for row in V.tolist()], K - 1, intercept=intercept)
    np.testing.assert_allclose(r.vif("estimates"), [float(v) for v in again], rtol=1e-8)


def test_units_and_places_of_columns_do_not_matter(backend_name):
    X, y = regression(2, 3, 60, seed=1)
    moved = X * np.array([1e-8, 1e9, -3.0]) + np.array([1e-6, 1e12, 100.0])
    r, s = sx.fit(X, y, backend=backend_name), sx.fit(moved, y, backend=backend_name)
    np.testing.assert_allclose(r.vif(), s.vif(), rtol=1e-9)
    np.testing.assert_allclose(r.vif("estimates"), s.vif("estimates"), rtol=1e-9)
    orthogonal = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    t = sx.fit(np.tile(orthogonal, (5, 1)), np.tile([0, 1, 1, 0, 1], 4), backend=backend_name)
    np.testing.assert_allclose(t.vif(), 1.0, rtol=1e-14)
    assert t.condition_number == pytest.approx(1.0, rel=1e-14)


def test_columns_left_out(backend_name):
    X, y = regression(3, 3, 60, seed=1)
    gone = np.column_stack([X[:, 0], X[:, 1], 2.0 * X[:, 0] - X[:, 1], X[:, 2], np.ones(60)])
    for how in ("alias", "min_norm"):
        r = sx.fit(gone, y, collinear=how, backend=backend_name)
        without = sx.fit(X, y, backend=backend_name)
        for kind in ("design", "estimates"):
            found = r.vif(kind)
            assert np.isnan(found[[2, 4]]).all()
            np.testing.assert_array_equal(found[[0, 1, 3]], without.vif(kind))
        assert r.condition_number == without.condition_number
    # a penalty keeps them
    r = sx.fit(gone, y, l2=1.0, backend=backend_name)
    np.testing.assert_array_equal(np.isinf(r.vif()), [True, True, True, False, True])
    np.testing.assert_allclose(r.vif()[3], without.vif()[2], rtol=1e-12)
    assert r.condition_number == np.inf
    assert np.isfinite(r.vif("estimates")).all()


def test_frequency_weights_equal_repeated_rows(backend_name):
    X, counts = grouped(3, 2, 30, seed=4)
    w = np.arange(30) % 4
    weighted = sx.fit(X, counts, sample_weight=w, backend=backend_name)
    repeated = sx.fit(np.repeat(X, w, axis=0), np.repeat(counts, w, axis=0), backend=backend_name)
    for kind in ("design", "estimates"):
        np.testing.assert_allclose(weighted.vif(kind), repeated.vif(kind), rtol=1e-11)
    assert weighted.condition_number == pytest.approx(repeated.condition_number, rel=1e-12)


@pytest.mark.needs_compiled
def test_threads_change_no_bit():
    for K in (2, 3):
        X, y = regression(K, 5, 60_000, seed=1)
        X[:, 4] = X[:, 0] + X[:, 3] + 1e-6 * X[:, 4]
        r, s = (sx.fit(X, y, n_threads=n) for n in (1, 3))
        for kind in ("design", "estimates"):
            np.testing.assert_array_equal(r.vif(kind), s.vif(kind))
        assert r.condition_number == s.condition_number


def test_bad_input():
    X, y = regression(2, 2, 40, seed=9)
    r = sx.fit(X, y)
    with pytest.raises(ValueError, match="kind must be one of 'design', 'estimates'; got 'gvif'"):
        r.vif("gvif")
    with pytest.raises(ValueError, match=r"vif\(\) needs the data, which a pickled result leaves behind"):
        pickle.loads(pickle.dumps(r)).vif()
    with pytest.warns(sx.SeparationWarning):
        s = sx.fit(X, X[:, 0] > 0.0)
    with pytest.raises(ValueError, match="kind='estimates' is for estimates that exist"):
        s.vif("estimates")
    np.testing.assert_array_equal(s.vif(), r.vif())
    X += 1.0
    for ask in (r.vif, lambda: r.condition_number):
        with pytest.raises(ValueError, match="were changed in place since the fit"):
            ask()
