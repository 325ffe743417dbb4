"""The proof of overlap that comes with a Newton step: never where classes are separated."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import sigmax as sx
from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.objective import Objective
from sigmax.solvers.curvature import Plain, Whitened
from sigmax.solvers.factor import NotPositiveDefinite
from sigmax.solvers.monitor import Monitor
from sigmax.solvers.newton import newton
from sigmax.solvers.overlap import proves_overlap
from sigmax.solvers.solution import Stop
from sigmax.solvers.solve import solve


def objective_of(X, y, backend, **options):
    return Objective(Design(X), response(np.asarray(y), len(X), **options), backend, 1)


def proofs(objective, curvature, steps=40):
    """Whether each full Newton step from the origin proves overlap, as long as there is a factor."""
    coef, found = np.zeros(objective.n_params), []
    for _ in range(steps):
        at = curvature.evaluate(coef)
        if not np.isfinite(at.value):
            break
        try:
            factor = curvature.factor(at)
        except NotPositiveDefinite:
            break
        step = -factor.solve(at.gradient)
        nu = float(np.sqrt(max(at.gradient @ -step, 0.0)))
        found.append(proves_overlap(objective, at, factor, step, nu))
        coef = coef + step
        if nu < 1e-14:
            break
    return found


def separated(rng, K):
    """Complete, quasi by a dummy, touching, or apart by one unit in the last place."""
    n, p = int(rng.integers(8, 60)), int(rng.integers(1, 4))
    X = rng.normal(size=(n, p)) * 10.0 ** rng.integers(-2, 3)
    kind = rng.integers(0, 4)
    logits = np.column_stack([np.zeros(n), X @ rng.normal(size=(p, K - 1))])
    y = np.argmax(logits, axis=1)
    if kind == 1:
        y = np.argmax(logits + 3.0 * rng.gumbel(size=(n, K)), axis=1)
        dummy = (np.arange(n) < 3).astype(float)
        y[:3] = 1
        X = np.column_stack([X, dummy])
    elif kind == 2:
        X = np.round(X)
        tied = X[:, 0] == 0.0
        y = np.where(tied, np.arange(n) % K, (X[:, 0] > 0.0).astype(int))
    elif kind == 3:
        x = np.sort(X[:, 0])
        x[n // 2] = np.nextafter(x[n // 2 - 1], np.inf)
        x[n // 2 + 1 :] += 2.0 * abs(x[n // 2])
        X, y = np.sort(x)[:, None], (np.arange(n) >= n // 2) * (K - 1)
    return X, y


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_never_where_classes_are_separated(seed, K, backend):
    rng = np.random.default_rng(100 * K + seed)
    looked = 0
    for _ in range(8):
        X, y = separated(rng, K)
        if len(np.unique(y)) < 2:
            continue
        objective = objective_of(X, y, backend, classes=np.arange(K))
        for curvature in (Plain, Whitened):
            try:
                found = proofs(objective, curvature(objective))
            except ArithmeticError:
                continue
            looked += len(found)
            assert not any(found)
    assert looked > 30


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_soon_where_the_estimate_exists(seed, K, backend):
    rng = np.random.default_rng(seed)
    n, p = 60 * K, int(rng.integers(1, 5))
    X = rng.normal(size=(n, p)) * 10.0 ** rng.integers(-3, 4, size=p)
    scaled = X / np.abs(X).max(axis=0)
    eta = np.column_stack([np.zeros(n), 3.0 * scaled @ rng.normal(size=(p, K - 1))])
    y = np.argmax(eta + rng.gumbel(size=(n, K)), axis=1)
    objective = objective_of(X, y, backend)
    for curvature in (Plain, Whitened):
        found = proofs(objective, curvature(objective))
        assert any(found[:14])
        # once near, it stays proved
        assert found[-1]


def test_the_identity_behind_it(backend):
    """lambda'_i = lambda_i (1 - (1 - lambda_i) z_i'd) is positive, and Z'lambda' = 0, where it is proved."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = (X[:, 0] + rng.logistic(size=40) > 0.0).astype(int)
    objective = objective_of(X, y, backend)
    curvature = Plain(objective)
    coef = np.zeros(3)
    for _ in range(20):
        at = curvature.evaluate(coef)
        factor = curvature.factor(at)
        step = -factor.solve(at.gradient)
        if proves_overlap(objective, at, factor, step, float(np.sqrt(at.gradient @ -step))):
            break
        coef = coef + step
    else:
        raise AssertionError("no step has proved it")
    Z = np.column_stack([np.ones(40), X]) * np.where(y == 1, 1.0, -1.0)[:, None]
    lam = 1.0 / (1.0 + np.exp(Z @ coef))
    moved = lam * (1.0 - (1.0 - lam) * (Z @ step))
    assert (moved > 0.0).all()
    exact = [
        sum(Fraction(a) * Fraction(float(z)) for a, z in zip(moved, column, strict=True)) for column in Z.T
    ]
    assert max(abs(v) for v in exact) < 1e-13


@pytest.mark.parametrize("patience", [0, 2, 5])
def test_patience(patience, backend):
    X, y = np.arange(8.0)[:, None], np.arange(8) // 4
    X[4] = X[3]  # quasi-complete
    objective = objective_of(X, y, backend)
    monitor = Monitor()
    monitor.patience = patience
    found = newton(Plain(objective), [np.zeros(2)], tol=1e-12, max_iter=100, monitor=monitor)
    assert found.stop is Stop.DOUBTFUL
    assert found.iterations == patience
    assert not monitor.overlap


def test_patience_is_not_tried_where_the_proof_comes_in_time(backend):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(100, 2))
    y = (X[:, 0] + rng.logistic(size=100) > 0.0).astype(int)
    found = solve(objective_of(X, y, backend), [np.zeros(3)], tol=1e-12, patience=12)
    assert found.stop in (Stop.TOLERANCE, Stop.ROUNDING)
    objective, monitor = objective_of(X, y, backend), Monitor()
    monitor.patience = 12
    objective.scan()  # the bounds are known from here on
    newton(Plain(objective), [np.zeros(3)], tol=1e-12, max_iter=100, monitor=monitor)
    assert monitor.overlap


def test_the_proof_costs_an_ordinary_fit_no_read(backend):
    data = sx.datasets.load("fair")
    reads = []
    r = sx.fit(data.X, data.y, backend=backend.BACKEND, callback=lambda state: reads.append(state.stage))
    assert r.certificate.exists
    # from zero; the first step, and the exact one in its place; four more; the last digits
    assert reads == ["hessian"] * 6 + ["refine"]
    # the twin's wider bounds ask for the norms of the rows
    assert r.certificate.passes == len(reads) + (backend.BACKEND == "reference")


def test_a_fit_that_ends_early_is_asked_once(backend):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 2))
    y = (X[:, 0] + rng.logistic(size=400) > 0.0).astype(int)
    monitor = Monitor()
    newton(Plain(objective_of(X, y, backend)), [np.zeros(3)], tol=1e-12, max_iter=2, monitor=monitor)
    assert monitor.overlap


def test_not_asked_with_a_penalty(backend):
    X, y = np.arange(8.0)[:, None], np.arange(8) % 2
    objective = Objective(Design(X), response(y, 8), backend, 1, l2=1.0)
    monitor = Monitor()
    newton(Plain(objective), [np.zeros(2)], tol=1e-12, max_iter=100, monitor=monitor)
    assert not monitor.overlap
