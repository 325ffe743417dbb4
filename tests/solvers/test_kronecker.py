"""The method without a Hessian finds what Newton's finds, from anywhere, and says so when it does not."""

from __future__ import annotations

import numpy as np
import pytest
from solvers.flat_problems import VARIANTS, Variant, data, objective

from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.objective import Objective
from sigmax.solvers.curvature import DependentColumn, Plain
from sigmax.solvers.kronecker import kronecker
from sigmax.solvers.monitor import Monitor
from sigmax.solvers.newton import newton
from sigmax.solvers.solution import Stop


def solve(o, start=None, tol=1e-12, max_iter=500, watch=None):
    return kronecker(o, np.zeros(o.n_params), start, tol=tol, max_iter=max_iter, watch=watch)


def distance(o, coef, exact):
    """||coef - exact|| in the norm of the Hessian at `exact`: a bound of every error in standard errors."""
    step = coef - exact.at.coef
    return np.sqrt(step @ exact.at.hessian @ step)


def reference(o):
    found = newton(Plain(o), [np.zeros(o.n_params)], tol=1e-13, max_iter=100, monitor=Monitor())
    assert found.stop in (Stop.TOLERANCE, Stop.ROUNDING)
    return found


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_agrees_with_newton(variant, backend):
    o = objective(variant, backend)
    found = solve(o)
    assert found.stop in (Stop.TOLERANCE, Stop.ROUNDING)
    assert distance(o, found.at.coef, reference(o)) <= 1e-9
    again = o.gradient(found.at.coef)
    assert again.gradient.tobytes() == found.at.gradient.tobytes()
    assert found.shares.sum() == pytest.approx(1.0, rel=1e-14)
    if variant.intercept and not variant.shifted:
        w = np.ones(len(o.response.codes)) if o.response.weight is None else o.response.weight
        assert found.shares == pytest.approx(np.bincount(o.response.codes, w) / w.sum(), rel=1e-10)


@pytest.mark.parametrize("scale", [1e-3, 0.3, 30.0])
@pytest.mark.parametrize("variant", VARIANTS[2::3], ids=str)
def test_any_start_leads_to_the_optimum(variant, scale, backend):
    o = objective(variant, backend)
    exact = reference(o)
    width = np.sqrt(np.diag(np.linalg.inv(exact.at.hessian)))
    start = exact.at.coef + scale * width * np.random.default_rng(1).standard_normal(o.n_params)
    found = solve(o, start=start)
    assert found.stop in (Stop.TOLERANCE, Stop.ROUNDING)
    assert distance(o, found.at.coef, exact) <= 1e-9


def test_a_start_at_the_optimum_is_left_at_once(backend):
    o = objective(VARIANTS[6], backend)
    best = solve(o).at.coef
    found = solve(o, start=best, tol=1e-9)
    assert (found.stop, found.iterations) == (Stop.TOLERANCE, 0)
    assert found.at.coef is best


@pytest.mark.parametrize("l2", [0.0, 1.0])
def test_scale_and_reference_are_of_no_importance(l2, backend):
    """Fourth powers of ten in the columns, unpenalised; another class as reference, whatever the penalty."""
    d = data(Variant(4, 5))
    o = Objective(Design(d.X), response(d.y, len(d.y)), backend, 1, l2=l2)
    B = solve(o).at.coef.reshape(3, -1)
    turned = Objective(Design(d.X), response((d.y + 1) % 4, len(d.y)), backend, 1, l2=l2)
    C = solve(turned).at.coef.reshape(3, -1)
    # old class c is new class c + 1; the old reference is 1, the old class 3 the new reference
    assert np.allclose(C[1:] - C[:1], B[:2], rtol=0, atol=1e-9 * np.abs(B).max())
    assert np.allclose(-C[0], B[2], rtol=0, atol=1e-9 * np.abs(B).max())
    if l2 == 0.0:
        scale = 10.0 ** np.array([-8, 8, -4, 4, 0])
        wide = Objective(Design(d.X * scale), response(d.y, len(d.y)), backend, 1)
        found = solve(wide)
        assert found.stop in (Stop.TOLERANCE, Stop.ROUNDING)
        assert np.allclose(found.at.coef.reshape(3, -1)[:, 1:] * scale, B[:, 1:], rtol=1e-9)


@pytest.mark.parametrize("tol", [1e-2, 1e-5, 1e-8])
def test_the_tolerance_is_kept_to_within_what_an_estimate_is(tol, backend):
    o = objective(Variant(4, 8, l2=1.0), backend)
    found = solve(o, tol=tol)
    assert found.stop is Stop.TOLERANCE
    assert found.newton_decrement <= tol
    off = distance(o, found.at.coef, reference(o))
    assert 0.1 * found.newton_decrement <= off <= 5.0 * found.newton_decrement


def test_no_tolerance_ends_at_rounding(backend):
    o = objective(VARIANTS[4], backend)
    found = solve(o, tol=0.0)
    assert found.stop is Stop.ROUNDING
    assert found.newton_decrement <= 1e-11
    assert distance(o, found.at.coef, reference(o)) <= 1e-10


@pytest.mark.parametrize("max_iter", [0, 1, 5])
def test_the_limit_of_steps_is_kept_and_told(max_iter, backend):
    o = objective(VARIANTS[6], backend)
    found = solve(o, max_iter=max_iter)
    assert (found.stop, found.iterations) == (Stop.ITERATIONS, max_iter)
    assert found.at.value <= o.gradient(np.zeros(o.n_params)).value


def test_every_pass_is_counted_and_seen(backend):
    o = objective(VARIANTS[8], backend)
    kinds, rows = [], []

    def watch(at, decrement, kind):
        kinds.append(kind)
        rows.append(o.rows_read)
        assert np.isnan(decrement) or decrement >= 0.0
        return False

    quiet = solve(objective(VARIANTS[8], backend))
    found = solve(o, watch=watch)
    assert found.at.coef.tobytes() == quiet.at.coef.tobytes()
    cost = {"gradient": 1, "gram": 1, "curvature": 1, "line": 2}
    assert set(kinds) <= set(cost)
    spent = np.diff([0, *rows]) / o.n_rows
    # the bounds of a step may have needed one read of x_max between two passes
    surplus = spent - [cost[kind] for kind in kinds]
    assert ((surplus == 0) | (surplus == 1)).all()
    assert surplus.sum() <= 1


@pytest.mark.parametrize("after", [1, 2, 3, 7])
def test_the_watcher_stops_it(after, backend):
    o = objective(VARIANTS[8], backend)
    seen = []
    found = solve(o, watch=lambda at, decrement, kind: seen.append(at) or len(seen) == after)
    assert len(seen) == after
    assert found.stop is Stop.ITERATIONS
    assert found.at.value <= o.gradient(np.zeros(o.n_params)).value * (1 + 1e-12)


def test_separated_classes_are_told(backend):
    x = np.arange(12.0)
    o = Objective(Design(np.column_stack([x, x**2])), response(np.repeat(np.arange(3), 4), 12), backend, 1)
    found = solve(o)
    assert found.stop is Stop.SEPARATED
    p = np.concatenate([np.zeros((12, 1)), o.linear_predictor(found.at.coef)], axis=1)
    assert (p.argmax(axis=1) == np.repeat(np.arange(3), 4)).all()


def test_dependent_columns_are_named(backend):
    d = data(Variant(3, 4))
    X = d.X.copy()
    X[:, 2] = X[:, 0] - 2.0 * X[:, 1]
    o = Objective(Design(X), response(d.y, len(d.y)), backend, 1)
    with pytest.raises(DependentColumn) as caught:
        solve(o)
    assert caught.value.index == 3
    # the penalty makes them a problem with one answer
    penalised = Objective(Design(X), response(d.y, len(d.y)), backend, 1, l2=1.0)
    found = solve(penalised)
    assert found.stop in (Stop.TOLERANCE, Stop.ROUNDING)
    assert distance(penalised, found.at.coef, reference(penalised)) <= 1e-9


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named(bad, backend):
    d = data(Variant(3, 4))
    X = d.X.copy()
    X[17, 2] = bad
    o = Objective(Design(X), response(d.y, len(d.y)), backend, 1)
    with pytest.raises(ValueError, match=r"X\[17, 2\]"):
        solve(o)


def test_scikit_learn_agrees_on_digits(backend):
    pytest.importorskip("sklearn")
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    X, y = load_digits(return_X_y=True)
    o = Objective(Design(X), response(y, len(y)), backend, 1, l2=1.0)
    found = solve(o)
    assert found.stop in (Stop.TOLERANCE, Stop.ROUNDING)
    peer = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12, max_iter=200).fit(X, y)
    whole = np.column_stack([peer.intercept_, peer.coef_])
    theirs = o.evaluate((whole[1:] - whole[:1]).ravel())
    step = found.at.coef - theirs.coef
    # pixels that are zero in every image have penalised slopes of zero, and the intercepts are free
    assert np.sqrt(step @ theirs.hessian @ step) <= 1e-9
