"""Few reads that begin with the Hessian of all rows: two Hessians, the same optimum, and who takes over."""

from __future__ import annotations

import numpy as np
import pytest

import sigmax as sx
from sigmax.bench.reads import counted
from sigmax.solvers import few_reads as module
from sigmax.solvers import solve as solving
from sigmax.solvers.few_reads import few_reads
from sigmax.solvers.plan import Plan, Way

pytestmark = pytest.mark.needs_compiled


def drawn(n, p, K=2, correlation=0.0, size=1.5, seed=0):
    """Columns that share a factor; each logit with a standard deviation of `size`, labels from the model."""
    rng = np.random.default_rng([n, p, K, seed])
    X = np.sqrt(1.0 - correlation) * rng.standard_normal((n, p))
    X += np.sqrt(correlation) * rng.standard_normal((n, 1))
    eta = np.zeros((n, K))
    eta[:, 1:] = X @ rng.standard_normal((p, K - 1))
    eta[:, 1:] *= size / eta[:, 1:].std(axis=0)
    return X, np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)


@pytest.fixture
def from_all_rows(monkeypatch):
    """This way whatever the size, and a record of whether it got through."""
    found = []

    def record(*args, **options):
        found.append(few_reads(*args, **options))
        return found[-1]

    monkeypatch.setattr(solving, "is_small", lambda o: False)
    monkeypatch.setattr(solving, "plan", lambda o: Plan(Way.FEW_READS))
    monkeypatch.setattr(solving, "few_reads", record)
    return found


def by_newton(monkeypatch, X, y, **options):
    with monkeypatch.context() as patched:
        patched.setattr(solving, "plan", lambda o: Plan(Way.NEWTON))
        return sx.fit(X, y, **options)


def optimum(X, y, l2, start):
    """Of two classes, in long double, by steps with a Hessian in double precision."""
    Z = np.column_stack([np.ones(len(X)), X]).astype(np.longdouble)
    b = start.astype(np.longdouble)
    D = np.r_[0.0, np.full(X.shape[1], l2)]
    for _ in range(4):
        mean = 1 / (1 + np.exp(-(Z @ b)))
        weight = (mean * (1 - mean)).astype(float)
        H = np.column_stack([np.ones(len(X)), X]).T @ (
            weight[:, None] * np.column_stack([np.ones(len(X)), X])
        )
        step = np.linalg.solve(H + np.diag(D), (Z.T @ (y - mean) - D * b).astype(float))
        b = b + step
    assert np.abs(step).max() < 1e-14
    return b


@pytest.mark.parametrize("l2", [0.0, 1.0])
@pytest.mark.parametrize(
    ("n", "p", "correlation"), [(600, 100, 0.0), (2_000, 100, 0.0), (2_000, 100, 0.99), (10_000, 100, 0.5)]
)
def test_two_hessians_and_the_optimum(n, p, correlation, l2):
    X, y = drawn(n, p, correlation=correlation)
    r, reads = counted(lambda: sx.fit(X, y, l2=l2))
    assert reads.kinds["hessian"] == 2.0
    assert r.certificate.converged
    assert r.certificate.standard_errors_off <= 1e-9
    exact = optimum(X, y, l2, r.params)
    assert (np.abs(r.params - exact) <= r.certificate.error_bound).all()


CASES = {
    "three classes": {"K": 3},
    "penalised, three classes": {"K": 3, "l2": 5.0},
    "no intercept": {"fit_intercept": False},
    "weights": {"weights": True},
    "offset": {"offset": True},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_same_optimum_as_newton(case, monkeypatch, from_all_rows):
    case = dict(case)
    X, y = drawn(2_000, 30, case.pop("K", 2))
    rng = np.random.default_rng(1)
    if case.pop("weights", False):
        case["sample_weight"] = rng.integers(0, 5, len(y)).astype(float)
    if case.pop("offset", False):
        case["offset"] = rng.standard_normal(len(y))
    few = sx.fit(X, y, **case)
    assert from_all_rows[-1] is not None
    whole = by_newton(monkeypatch, X, y, **case)
    gap = np.abs(few.params - whole.params)
    assert (gap <= few.certificate.error_bound + whole.certificate.error_bound).all()
    assert few.certificate.converged
    np.testing.assert_allclose(few.bse, whole.bse, rtol=1e-10)


def test_the_second_hessian_is_near_enough_to_prove_with(from_all_rows):
    # where a logit could have moved by 1 since, bounds would be e times as wide
    X, y = drawn(600, 100)
    sx.fit(X, y)
    anchor = from_all_rows[-1]
    step = anchor.factor.solve(anchor.at.gradient)
    assert np.abs(step) @ np.r_[1.0, np.abs(X).max(axis=0)] <= 2.0 * module._REACH


def test_a_hessian_too_far_off_is_not_kept(monkeypatch, from_all_rows):
    X, y = drawn(600, 100)
    monkeypatch.setattr(module, "_REACH", np.inf)
    monkeypatch.setattr(solving, "_DRIFTED", 1e-3)
    r, reads = counted(lambda: sx.fit(X, y))
    assert from_all_rows[-1] is not None
    assert reads.kinds["hessian"] == 3.0
    assert r.certificate.converged
    near = by_newton(monkeypatch, X, y)
    assert r.certificate.standard_errors_off <= 2.0 * near.certificate.standard_errors_off


def separated(rng, X):
    return X, (X @ rng.standard_normal(X.shape[1]) > 0.0).astype(int)


def quasi_separated(rng, X):
    X[:, 0] = rng.random(len(X)) < 0.02
    return X, np.where(X[:, 0] > 0.0, 1, rng.integers(0, 2, len(X)))


def heavy_tails(rng, X):
    X = rng.standard_cauchy(X.shape)
    return X, (rng.logistic(size=len(X)) + np.clip(X[:, 0], -2.0, 2.0) > 0.0).astype(int)


@pytest.mark.parametrize("data", [separated, quasi_separated, heavy_tails])
@pytest.mark.filterwarnings("ignore::sigmax.ConvergenceWarning")
def test_slow_progress_is_left_to_newton(data, monkeypatch, from_all_rows):
    rng = np.random.default_rng(5)
    X, y = data(rng, rng.standard_normal((500, 20)))
    few, reads = counted(lambda: sx.fit(X, y))
    assert from_all_rows[-1] is None
    assert reads.kinds["gradient"] <= 8.0
    whole = by_newton(monkeypatch, X, y)
    assert few.certificate.exists is whole.certificate.exists
    assert few.certificate.exists is (data is heavy_tails)
    assert few.certificate.converged is whole.certificate.converged


def test_columns_that_need_whitening_get_it(monkeypatch, from_all_rows):
    # a Hessian of columns so far from 0 has lost digits: the fit ends as Newton's method ends it
    X, y = drawn(1_000, 20)
    X += 1e5
    few = sx.fit(X, y)
    assert from_all_rows[-1] is not None
    assert few.certificate.converged
    whole = by_newton(monkeypatch, X, y)
    gap = np.abs(few.params - whole.params)
    assert (gap <= few.certificate.error_bound + whole.certificate.error_bound).all()
    np.testing.assert_allclose(few.bse, whole.bse, rtol=1e-10)


def test_a_callback_sees_each_read(from_all_rows):
    X, y = drawn(600, 100)
    stages = []
    r = sx.fit(X, y, callback=lambda state: stages.append((state.stage, state.newton_decrement)) and None)
    # of the start once more, with its decrement
    assert [stage for stage, _ in stages[:3]] == ["hessian", "hessian", "gradient"]
    assert {stage for stage, _ in stages[3:]} == {"gradient", "refine"}
    decrements = [nu for _, nu in stages[1:]]
    assert decrements == sorted(decrements, reverse=True)
    assert r.certificate.converged
