"""The limiting fit: that of what is left, made by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from mpmath import mp
from scipy.optimize import minimize

import sigmax as sx


def limiting(X, y, **options):
    with pytest.warns(sx.SeparationWarning):
        return sx.fit(X, y, **options)


def log_likelihood(X, y, params, digits=60):
    """Sum of log p_y in many digits; params (K - 1, k) of mpf or float, against class 0."""
    with mp.workdps(digits):
        total = mp.mpf(0)
        for x, own in zip(X, y, strict=True):
            row = [mp.mpf(1), *map(mp.mpf, map(float, x))]
            eta = [mp.mpf(0)] + [mp.fsum(mp.mpf(b) * v for b, v in zip(c, row, strict=True)) for c in params]
            top = max(eta)
            total += eta[int(own)] - top - mp.log(mp.fsum(mp.exp(e - top) for e in eta))
        return total


def agrees(value, expected, tol=1e-12):
    np.testing.assert_allclose(value, expected, rtol=tol, atol=tol)


def binary(seed, n=60):
    """Two columns that overlap, a dummy of 8 rows of class 1, and another of 5 rows of class 0."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    y = (x[:, 0] + rng.logistic(size=n) > 0.0).astype(int)
    D = np.zeros((n, 2))
    D[:8, 0], D[8:13, 1] = 1.0, 1.0
    y[:8], y[8:13] = 1, 0
    return np.hstack([x, D]), y


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [60, 26])
def test_binary_with_dummies_is_the_fit_of_the_other_rows(seed, n, backend_name):
    """n = 26: few rows are left, and picked."""
    X, y = binary(seed, n)
    y[13:26] = np.arange(13) % 2
    X[13:26, 0] = np.round(X[13:26, 0] + np.arange(13) % 2)
    r = limiting(X, y, backend=backend_name)
    rest = sx.fit(X[13:, :2], y[13:], backend=backend_name)
    assert rest.certificate.exists
    # to the tolerance of either fit, which is in standard errors
    assert (np.abs(r.params[:3] - rest.params) <= 2e-12 * rest.bse).all()
    assert (
        np.abs(r.params[:3] - rest.params) <= r.certificate.error_bound[:3] + rest.certificate.error_bound
    ).all()
    agrees(r.bse[:3], rest.bse)
    agrees(r.llf, rest.llf)
    assert r.params[3:].tolist() == [np.inf, -np.inf]
    assert np.isnan(r.bse[3:]).all()
    assert r.separation.certificate.converged
    agrees(r.cov_params()[:3, :3], rest.cov_params())


def test_weights_and_offsets(backend_name):
    X, y = binary(9)
    rng = np.random.default_rng(9)
    weight, offset = rng.integers(0, 4, size=60) * 0.5, rng.normal(size=60)
    weight[[0, 8]] = 1.0
    r = limiting(X, y, sample_weight=weight, offset=offset, backend=backend_name)
    rest = sx.fit(X[13:, :2], y[13:], sample_weight=weight[13:], offset=offset[13:], backend=backend_name)
    agrees(r.params[:3], rest.params)
    agrees(r.bse[:3], rest.bse)
    agrees(r.llf, rest.llf)
    assert r.nobs == weight.sum()


@pytest.mark.parametrize("scale", [1e-250, 1e250])
def test_weights_of_any_scale(scale, backend_name):
    X, y = binary(3)
    r = limiting(X, y, sample_weight=np.full(60, scale), backend=backend_name)
    rest = sx.fit(X[13:, :2], y[13:], sample_weight=np.full(47, scale), backend=backend_name)
    agrees(r.params[:3], rest.params)
    np.testing.assert_allclose(r.bse[:3], rest.bse, rtol=1e-12)
    np.testing.assert_allclose(r.llf, rest.llf, rtol=1e-12)


def test_a_column_without_information_in_what_is_left(backend_name):
    """On T the columns are z and 2 z + 1: neither has a value, both with intercept have."""
    rng = np.random.default_rng(4)
    z = rng.normal(size=50)
    other = 2.0 * np.round(z * 64) / 64 + 1.0
    z = np.round(z * 64) / 64
    y = (z + rng.logistic(size=50) > 0.0).astype(int)
    other[:10] += 1.0 + np.arange(10)
    y[:10] = 1
    r = limiting(np.column_stack([z, other]), y, backend=backend_name)
    rest = sx.fit(z[10:, None], y[10:], backend=backend_name)
    agrees(r.llf, rest.llf)
    # along other - 2 z - 1
    assert r.params.tolist() == [-np.inf, -np.inf, np.inf]
    p = r.predict_proba(np.column_stack([z, other]))
    agrees(p[10:], rest.predict_proba(z[10:, None]))
    assert (p[:10] == [0.0, 1.0]).all()


def closed_classes(seed, n=150):
    """Class `seed` % 3 is impossible in the first rows, where a dummy says so; elsewhere all overlap."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    y = rng.integers(0, 3, size=n)
    dummy = (np.arange(n) < 40).astype(float)
    closed = seed % 3
    y[:40] = (closed + 1 + rng.integers(0, 2, size=40)) % 3
    return np.column_stack([x, dummy]), y, closed


@pytest.mark.parametrize("seed", range(6))
def test_a_class_closed_for_some_rows_against_a_direct_maximum(seed, backend_name):
    X, y, closed = closed_classes(seed)
    r = limiting(X, y, backend=backend_name)
    n = len(X)
    D = np.column_stack([np.ones(n), X])
    # class `closed` has no coefficient of the dummy; where it is 1 it is left out of the sum
    others = [k for k in range(3) if k != closed]

    def nll(theta, jac=True):
        B = np.zeros((3, 4))
        B[others] = theta.reshape(2, 4)
        # against the closed class; the dummy only tells the two others apart
        B[others[0], 3] = 0.0
        eta = D @ B.T
        eta[:40, closed] = -np.inf
        top = eta.max(axis=1, keepdims=True)
        p = np.exp(eta - top)
        total = p.sum(axis=1)
        value = -(eta[np.arange(n), y] - top[:, 0] - np.log(total)).sum()
        residual = p / total[:, None]
        residual[np.arange(n), y] -= 1.0
        g = (residual.T @ D)[others]
        g[0, 3] = 0.0
        return value, g.ravel()

    best = minimize(nll, np.zeros(8), jac=True, method="BFGS", options={"gtol": 1e-9})
    B = np.zeros((3, 4))
    B[others] = best.x.reshape(2, 4)
    B[others[0], 3] = 0.0
    np.testing.assert_allclose(r.llf, -best.fun, rtol=1e-12)
    expected = np.delete(B - B[0], 0, axis=0)
    shown = np.isfinite(r.params)
    np.testing.assert_allclose(r.params[shown], expected[shown], atol=2e-6)
    # the dummy of `closed` against either other one is infinite, that of the others against each other is not
    against = {(k, 0) for k in (1, 2)}
    infinite = {(k, 0) for k, b in against if closed in (k, b)}
    for k in (1, 2):
        value = r.params[k - 1, 3]
        if (k, 0) in infinite:
            assert value == (-np.inf if k == closed else np.inf)
        else:
            assert np.isfinite(value)
    assert np.isfinite(r.params[:, :3]).all()
    # the gradient of the reduced model is zero at what was found, to rounding
    theta = np.where(np.isfinite(r.params), r.params, 0.0)
    full = np.vstack([np.zeros(4), theta])
    if closed == 0:
        full = np.vstack([np.zeros(4), r.separation.finite])
    relative = full[others] - full[closed]
    relative[:, 3] -= relative[0, 3]
    value, gradient = nll(relative.ravel())
    assert np.abs(gradient).max() < 1e-10
    np.testing.assert_allclose(value, -r.llf, rtol=1e-14)


@pytest.mark.parametrize("reference", [0, 1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_accuracy_does_not_hang_on_the_class_that_is_closed(seed, reference, backend_name):
    """Against 50 digits of Newton's method on the rows themselves."""
    X, y, closed = closed_classes(seed, n=90)
    r = limiting(X, y, reference=reference, backend=backend_name)
    others = [k for k in range(3) if k != closed]
    with mp.workdps(40):
        D = [[mp.mpf(1), *map(mp.mpf, map(float, x))] for x in X]
        start = r.separation.finite
        full = np.insert(start, reference, 0.0, axis=0)
        relative = full[others] - full[closed]
        relative[:, 3] -= relative[0, 3]
        free = [0, 1, 2, 4, 5, 6, 7]
        theta = [mp.mpf(float(v)) for v in relative.ravel()]
        theta[3] = mp.mpf(0)
        for _ in range(2):
            g, H = mp.zeros(7, 1), mp.zeros(7, 7)
            llf = mp.mpf(0)
            for x, own, dummy in zip(D, y, X[:, 3 - 1], strict=True):
                eta = [
                    mp.fsum(t * v for t, v in zip(theta[4 * c : 4 * c + 4], x, strict=True)) for c in (0, 1)
                ]
                w = [mp.exp(e) for e in eta]
                total = mp.fsum(w) + (0 if dummy else 1)
                p = [v / total for v in w]
                z = [others.index(own) == c if own in others else False for c in (0, 1)]
                llf += mp.log((w[others.index(own)] if own in others else 1) / total)
                for a, i in enumerate(free):
                    g[a] += x[i % 4] * (p[i // 4] - z[i // 4])
                    for b, j in enumerate(free):
                        same = p[i // 4] if i // 4 == j // 4 else 0
                        H[a, b] += x[i % 4] * x[j % 4] * (same - p[i // 4] * p[j // 4])
            step = mp.lu_solve(H, g)
            for a, i in enumerate(free):
                theta[i] -= step[a]
        covariance = mp.inverse(H)
        exact = np.array([float(v) for v in theta]).reshape(2, 4)
    B = np.zeros((3, 4))
    B[others] = exact
    expected = np.delete(B - B[reference], reference, axis=0)
    shown = np.isfinite(r.params)
    assert shown[:, :3].all()
    agrees(r.params[shown], expected[shown])
    agrees(r.llf, float(llf))
    bound = r.certificate.error_bound[shown]
    assert (np.abs(r.params[shown] - expected[shown]) <= bound).all()
    if reference == closed:
        variance = [float(covariance[a, a]) for a in (0, 1, 2, 3, 4, 5)]
        agrees(r.bse[:, :3].ravel() ** 2, variance)


@pytest.mark.parametrize("seed", range(3))
def test_llf_is_the_supremum(seed, backend_name):
    for X, y in (binary(seed), closed_classes(seed)[:2]):
        r = limiting(X, y, backend=backend_name)
        finite, d = np.atleast_2d(r.separation.finite), np.atleast_2d(r.separation.direction)
        values = [
            log_likelihood(
                X,
                y,
                [
                    [mp.mpf(a) + t * mp.mpf(b) for a, b in zip(f, g, strict=True)]
                    for f, g in zip(finite.tolist(), d.tolist(), strict=True)
                ],
            )
            for t in (0, 1, 10, 40)
        ]
        assert values == sorted(values)
        assert values[0] < values[1] < values[2]
        # the estimates are rounded, llf too
        assert values[-1] <= mp.mpf(r.llf) + 1e-12
        assert mp.mpf(r.llf) - values[-1] < 1e-9
        # null vectors move nothing that is left; far along d they cost nothing either
        v = np.array(r.separation.null[0], float).reshape(finite.shape)
        moved = [
            [a + 2000 * b + c for a, b, c in zip(*rows, strict=True)]
            for rows in zip(finite.tolist(), d.tolist(), v.tolist(), strict=True)
        ]
        assert abs(log_likelihood(X, y, moved) - mp.mpf(r.llf)) < 1e-9


def test_classes_that_nothing_touches(backend_name):
    """Classes 0 and 3 are told apart from all others for certain, 1 and 2 overlap: their fit alone."""
    rng = np.random.default_rng(6)
    y = np.concatenate([np.zeros(10, int), np.full(10, 3), 1 + rng.integers(0, 2, size=40)])
    x = np.concatenate([rng.uniform(-9, -5, 10), rng.uniform(5, 9, 10), rng.normal(size=40)])
    w = rng.normal(size=60)
    r = limiting(np.column_stack([x, w]), y, reference=1, backend=backend_name)
    rest = sx.fit(np.column_stack([x, w])[20:], y[20:], backend=backend_name)
    agrees(r.params[1], rest.params)
    agrees(r.bse[1], rest.bse)
    agrees(r.llf, rest.llf)
    assert not np.isfinite(r.params[[0, 2], 1]).any()
    assert r.params[0, 1] == -np.inf
    assert r.params[2, 1] == np.inf
    assert r.separation.rows.tolist() == [*range(60)]
    assert r.separation.kind == "quasi"


def test_nothing_is_left(backend_name):
    X = np.array([[1.0], [2.0], [3.0], [4.0]])
    r = limiting(X, [0, 0, 1, 1], backend=backend_name)
    assert r.llf == 0.0
    assert r.separation.certificate is None
    assert np.isnan(r.bse).all()
    assert np.isnan(r.cov_params()).all()
    assert r.certificate.error_bound.tolist() == [np.inf, np.inf]


def test_nearly_dependent_columns_in_what_is_left():
    """Apart only by the rows of the dummy: what is left has no fit in float64, and that is said."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    dummy = np.arange(60) >= 50
    near = np.where(dummy, rng.normal(size=60), x * (1.0 + 1e-15 * rng.normal(size=60)))
    y = np.where(dummy, 1, x + rng.normal(size=60) > 0.0).astype(int)
    X = np.column_stack([x, near, dummy])
    r = limiting(X, y)
    assert "what is left has columns too nearly dependent" in r.separation.note
    assert r.separation.rows.tolist() == list(range(50, 60))
    assert r.params[3] == np.inf
    assert np.isnan(r.params[:3]).all()
    assert np.isnan(r.llf)
    p = r.predict_proba(X)
    assert (p[50:] == [0.0, 1.0]).all()
    assert np.isnan(p[:50]).all()
    # equal there, it is known what they do not say
    near = np.where(dummy, near, x)
    r = limiting(np.column_stack([x, near, dummy]), y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rest = sx.fit(x[:50, None], y[:50])
    agrees(r.llf, rest.llf)
    agrees(r.params[0], rest.params[0])
    assert not np.isfinite(r.params[1:]).any()
