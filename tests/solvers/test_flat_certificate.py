"""The bound proved without a Hessian: it holds against 50 digits and Newton's method, and is of use."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from oracles import newton as oracle
from solvers.flat_problems import VARIANTS, Variant, data, objective

from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.objective import Objective, Refined
from sigmax.solvers.curvature import Plain
from sigmax.solvers.flat_certificate import flat_bound
from sigmax.solvers.kronecker import kronecker
from sigmax.solvers.monitor import Monitor
from sigmax.solvers.newton import newton

#: distances from the optimum, in standard errors
AWAY = (0.0, 1e-9, 1e-6, 1e-4, 1e-2)


def standard_errors(o, coef):
    return np.sqrt(np.diag(np.linalg.inv(o.evaluate(coef).hessian)))


def truth(variant, d, o):
    """The optimum, as mpf where the oracle has the model, and rounded."""
    if variant.l2 > 0.0:
        coef = newton(Plain(o), [np.zeros(o.n_params)], tol=1e-14, max_iter=100, monitor=Monitor()).at.coef
        return None, coef
    found = oracle.optimum(
        d.X,
        d.y,
        variant.K,
        weight=d.weight,
        offset=_oracle_offset(variant, d),
        fit_intercept=variant.intercept,
    ).params
    return found, oracle.to_float(found).ravel()


def _oracle_offset(variant, d):
    if d.offset is None:
        return None
    # the difference that the library forms, to the bit, is the problem that it solves
    relative = d.offset[:, 1:] - d.offset[:, :1]
    return relative[:, 0] if variant.K == 2 else relative


def error(coef, found, rounded):
    if found is None:
        return np.abs(coef - rounded)
    return (oracle.relative_error(coef.reshape(np.shape(rounded)), found) * np.abs(rounded)).ravel()


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_error_never_exceeds_the_bound(variant, backend):
    d = data(variant, n=200 if variant.l2 == 0.0 else 600)
    o = objective(variant, backend, d)
    found, rounded = truth(variant, d, o)
    errors = standard_errors(o, rounded)
    H = o.evaluate(rounded).hessian
    shares = kronecker(o, np.zeros(o.n_params), None, tol=1e-12, max_iter=500).shares
    rng = np.random.default_rng(5)
    proved = 0
    # what Newton's method leaves, in standard errors
    slack = 1e-12 if found is None else 0.0
    for away in AWAY:
        for _ in range(4):
            coef = rounded + away * errors * rng.standard_normal(o.n_params)
            bound = flat_bound(o, o.gradient(coef), shares)
            off = error(coef, found, rounded)
            assert (off <= bound.error_bound + slack * errors).all()
            assert (errors * (1.0 - 2.0 * away * o.reach(errors)) <= bound.standard_error_bound).all()
            step = coef - rounded
            assert np.sqrt(step @ H @ step) * (1 - 1e-3) <= bound.standard_errors_off + slack + 1e-12
            proved += np.isfinite(bound.standard_errors_off)
    # everything within a millionth of a standard error is proved
    assert proved >= 12


@pytest.mark.parametrize("variant", [v for v in VARIANTS if not v.rare], ids=str)
def test_the_bound_is_of_use(variant, backend):
    """Standard errors at most 30 times too wide, distances likewise, where no class is rare."""
    o = objective(variant, backend)
    found = kronecker(o, np.zeros(o.n_params), None, tol=1e-12, max_iter=500)
    errors = standard_errors(o, found.at.coef)
    bound = flat_bound(o, found.at, found.shares)
    assert (bound.standard_error_bound <= 30.0 * errors).all()
    away = found.at.coef + 1e-5 * errors * np.random.default_rng(0).standard_normal(o.n_params)
    step = away - found.at.coef
    distance = np.sqrt(step @ o.evaluate(away).hessian @ step)
    assert flat_bound(o, o.gradient(away), found.shares).standard_errors_off <= 30.0 * distance


def test_a_refined_gradient_proves_more(backend):
    """Of the rounding of a plain gradient almost nothing is left, and what is measured of it stays."""
    o = objective(Variant(4, 8, weighted=True), backend)
    found = kronecker(o, np.zeros(o.n_params), None, tol=1e-12, max_iter=500)
    at = found.at
    eta = o.linear_predictor(at.coef)
    residual, curvature = np.empty_like(eta), np.empty((*eta.shape, 3))
    o.kernels.softmax_rows(eta, o.response.codes, residual, curvature, weight=o.response.weight)
    # sum_i r_i' S_i^+ r_i >= any ||sum c_i r_i (x) x_i||^2 in the norm of H^-1 with |c_i| <= 1
    spread = sum(r @ np.linalg.pinv(c) @ r for r, c in zip(residual, curvature, strict=True))
    refined = Refined(at.coef, at.nll, at.penalty, at.gradient, np.zeros_like(at.coef), spread)
    plain, better = flat_bound(o, at, found.shares), flat_bound(o, refined, found.shares)
    assert better.decrement < 0.1 * plain.decrement
    assert better.standard_errors_off < 1e-10


def test_nothing_is_proved_of_separated_classes(backend):
    x = np.linspace(-1.0, 1.0, 40)
    o = Objective(Design(x[:, None]), response((x > 0).astype(int), 40), backend, 1)
    for steep in (0.0, 1.0, 10.0, 50.0, 500.0):
        bound = flat_bound(o, o.gradient(np.array([0.0, steep])), np.array([0.5, 0.5]))
        assert np.isinf(bound.error_bound).all()
        assert np.isinf(bound.standard_errors_off)


def test_nothing_is_proved_of_quasi_separated_classes(backend):
    """Wherever the iteration ends: the gradient falls for ever, and the floor with it."""
    x = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    y = np.array([0, 1, 0, 1, 1, 1, 1])
    o = Objective(Design(x[:, None]), response(y, 7), backend, 1)
    for max_iter in (3, 10, 300):
        found = kronecker(o, np.zeros(2), None, tol=1e-12, max_iter=max_iter)
        assert np.isinf(flat_bound(o, found.at, found.shares).error_bound).all()
        assert found.at.coef[1] > 1.0


def test_nothing_is_proved_of_dependent_columns_or_nan(backend):
    d = data(Variant(3, 4))
    X = np.column_stack([d.X, d.X[:, 0]])
    o = Objective(Design(X), response(d.y, len(d.y)), backend, 1)
    at = o.gradient(np.zeros(o.n_params))
    assert np.isinf(flat_bound(o, at, np.full(3, 1 / 3)).error_bound).all()
    good = objective(Variant(3, 4), backend)
    at = good.gradient(np.zeros(good.n_params))
    bad = dataclasses.replace(at, gradient=np.full_like(at.gradient, np.nan))
    assert np.isinf(flat_bound(good, bad, np.full(3, 1 / 3)).error_bound).all()
    assert np.isinf(flat_bound(good, at, np.array([0.5, 0.5, 0.0])).error_bound).all()


def test_the_cost_is_one_read_and_one_for_the_largest(backend):
    o = objective(Variant(4, 5), backend)
    at = o.gradient(np.zeros(o.n_params))
    before = o.rows_read
    flat_bound(o, at, np.full(4, 0.25))
    assert o.rows_read - before == 2 * o.n_rows
    flat_bound(o, at, np.full(4, 0.25))
    assert o.rows_read - before == 3 * o.n_rows
