"""The metric of many classes x columns: exact where it says so, positive definite everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from solvers.flat_problems import VARIANTS, Variant, data, objective

from sigmax.solvers import metric
from sigmax.solvers.curvature import Plain
from sigmax.solvers.factor import NotPositiveDefinite
from sigmax.solvers.metric import Metric, class_curvature
from sigmax.solvers.monitor import Monitor
from sigmax.solvers.newton import newton


def optimum(o):
    return newton(Plain(o), [np.zeros(o.n_params)], tol=1e-12, max_iter=100, monitor=Monitor()).at.coef


@pytest.mark.parametrize("l2", [0.0, 3.0])
def test_the_metric_is_the_hessian_at_zero(l2, backend):
    o = objective(Variant(4, 6, l2=l2), backend)
    M = Metric(o, o.gram(), class_curvature(np.full(4, 0.25)))
    H = o.evaluate(np.zeros(o.n_params)).hessian
    g = H @ np.random.default_rng(0).standard_normal(o.n_params)
    assert np.allclose(M(g), np.linalg.solve(H, g), rtol=1e-8)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_metric_is_positive_and_exact_where_it_is_refreshed(variant, backend):
    o = objective(variant, backend)
    coef = optimum(o)
    M = Metric(o, o.gram(), class_curvature(np.full(variant.K, 1.0 / variant.K)))
    M.refresh(coef)
    inverse = np.array([M(unit) for unit in np.eye(o.n_params)])
    scale = np.sqrt(np.abs(inverse.diagonal()))
    scaled = inverse / scale / scale[:, None]
    assert np.allclose(scaled, scaled.T, rtol=0, atol=1e-9)
    assert np.linalg.eigvalsh(0.5 * (scaled + scaled.T)).min() > 0.0
    # H d for a direction d of the subspace comes back as d, where the whole space is the subspace
    if variant.p + variant.intercept <= variant.K - 1 + variant.intercept:
        H = o.evaluate(coef).hessian
        d = np.random.default_rng(0).standard_normal(o.n_params)
        assert np.allclose(M(H @ d), d, rtol=1e-6, atol=1e-8)


def test_a_singular_matrix_is_refused(backend):
    o = objective(Variant(3, 4), backend)
    with pytest.raises(NotPositiveDefinite):
        Metric(o, np.ones((5, 5)), class_curvature(np.full(3, 1 / 3)))


@pytest.mark.parametrize("l2", [0.0, 2.0])
def test_a_sample_of_the_rows_is_near_all_of_them(l2, backend, monkeypatch):
    """Where H_W from all rows is too dear: positive definite, closer to H^-1 than without it, and counted."""
    variant = Variant(5, 4, l2=l2)
    o = objective(variant, backend, data(variant, n=6_000))
    coef = optimum(o)
    H = o.evaluate(coef).hessian

    def spectrum(M):
        inverse = np.array([M(unit) for unit in np.eye(o.n_params)])
        values = np.linalg.eigvals(inverse @ H)
        assert np.allclose(values.imag, 0.0, atol=1e-8)
        return values.real

    plain = Metric(o, o.gram(), class_curvature(np.full(5, 0.2)))
    width = o.design.width
    monkeypatch.setattr(metric, "_PRICE", 2_000 * (4 * width) ** 2 / (6_000 * 4 * (4.0 * width + 50.0)))
    sampled = Metric(o, o.gram(), class_curvature(np.full(5, 0.2)))
    before = o.rows_read
    sampled.refresh(coef)
    assert 0 < o.rows_read - before < o.n_rows
    without, having = spectrum(plain), spectrum(sampled)
    assert having.min() > 0.0
    assert having.max() / having.min() < 0.5 * without.max() / without.min()


def test_vanishing_probabilities_leave_the_metric_as_it_was(backend):
    o = objective(Variant(4, 5), backend)
    M = Metric(o, o.gram(), class_curvature(np.full(4, 0.25)))
    g = np.random.default_rng(0).standard_normal(o.n_params)
    before = M(g)
    for size in (0.0, 1e6, np.nan):
        M.refresh(size * np.ones(o.n_params))
        assert np.isfinite(M(g)).all()
        assert g @ M(g) > 0.0
    fresh = Metric(o, o.gram(), class_curvature(np.full(4, 0.25)))
    fresh.refresh(np.full(o.n_params, np.nan))
    assert (fresh(g) == before).all()
