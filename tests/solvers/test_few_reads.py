"""Many rows in few reads: the same optimum as Newton's method over all rows, however the rows lie."""

from __future__ import annotations

import numpy as np
import pytest

import sigmax as sx
from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.objective import Objective
from sigmax.solvers import few_reads as module
from sigmax.solvers import plan as planning
from sigmax.solvers import solve as solving
from sigmax.solvers.few_reads import few_reads
from sigmax.solvers.monitor import Monitor
from sigmax.solvers.plan import Plan, Way, plan


def drawn(n, p, K, seed=0, rare=0.0):
    """Correlated columns, labels from the model."""
    rng = np.random.default_rng([n, p, K, seed])
    X = 0.7 * rng.standard_normal((n, p)) + 0.7 * rng.standard_normal((n, 1))
    eta = np.zeros((n, K))
    eta[:, 1:] = X @ rng.standard_normal((p, K - 1)) / np.sqrt(p) - rare
    return X, np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)


CASES = {
    "binary": {},
    "three classes": {"K": 3},
    "rare": {"rare": 3.0},
    "penalised": {"l2": 5.0},
    "penalised, three classes": {"K": 3, "l2": 5.0},
    "no intercept": {"fit_intercept": False},
    "weights": {"weights": True},
    "offset": {"offset": True},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_same_optimum_as_newton(case, backend, monkeypatch, only_few):
    case = dict(case)
    X, y = drawn(6_000, 4, case.pop("K", 2), rare=case.pop("rare", 0.0))
    rng = np.random.default_rng(1)
    if case.pop("weights", False):
        case["sample_weight"] = rng.integers(0, 5, len(y)).astype(float)
    if case.pop("offset", False):
        case["offset"] = rng.standard_normal(len(y))
    few = sx.fit(X, y, backend=backend.BACKEND, **case)
    assert only_few[-1] is not None
    monkeypatch.setattr(solving, "plan", lambda objective: Plan(Way.NEWTON))
    whole = sx.fit(X, y, backend=backend.BACKEND, **case)
    gap = np.abs(few.params - whole.params)
    assert (gap <= few.certificate.error_bound + whole.certificate.error_bound).all()
    assert (gap <= 1e-12 * whole.bse).all()
    np.testing.assert_allclose(few.bse, whole.bse, rtol=1e-10)
    assert few.llf == pytest.approx(whole.llf, rel=1e-14)
    assert few.certificate.converged


ORDERS = {
    "sorted by label": lambda X, y: np.argsort(y, kind="stable"),
    "sorted by a column": lambda X, y: np.argsort(X[:, 0]),
    "in clusters": lambda X, y: np.lexsort((X[:, 1], np.floor(3.0 * X[:, 0]))),
    "periodic": lambda X, y: np.argsort(X[:, 0])[np.arange(len(y)).reshape(10, -1).T.ravel()],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_order_of_rows_does_not_hurt(order, compiled, only_few):
    X, y = drawn(40_000, 5, 2)
    shuffled = sx.fit(X, y)
    rows = order(X, y)
    ordered = sx.fit(X[rows], y[rows])
    assert all(anchor is not None for anchor in only_few)
    assert ordered.certificate.passes <= shuffled.certificate.passes + 1.1  # a gradient more, perhaps
    np.testing.assert_allclose(ordered.params, shuffled.params, rtol=1e-13)


def test_reads_of_a_tall_problem(compiled):
    X, y = drawn(150_000, 12, 2)
    r = sx.fit(X, y)
    assert r.certificate.passes <= 6.5
    assert r.certificate.standard_errors_off <= 1e-9
    assert r.certificate.digits >= 11


def test_a_sample_that_lies_is_found_out(compiled, only_few):
    # 12 rows of class 1 among 30,000: a sample of a fifth may hold a few, and is separated or far off
    rng = np.random.default_rng(3)
    X = rng.standard_normal((30_000, 6))
    y = np.zeros(30_000, int)
    y[rng.choice(30_000, 12, replace=False)] = 1
    r = sx.fit(X, y)
    assert r.certificate.converged
    assert r.certificate.standard_errors_off <= 1e-9


def test_a_class_that_the_sample_misses(compiled, only_few):
    X, y = drawn(20_000, 3, 2)
    y[[77, 5_000, 11_111, 19_000]] = 2
    r = sx.fit(X, y)
    assert only_few[-1] is None or r.certificate.converged
    assert r.certificate.converged
    assert r.certificate.standard_errors_off <= 1e-9


def objective(n, p, K=2):
    X, y = drawn(n, p, K)
    return Objective(Design(X), response(y, n), sx.kernels.get(), 1)


def test_nothing_is_found_without_overlap(compiled):
    X, _ = drawn(25_000, 3, 2)
    o = Objective(Design(X), response(X[:, 0] > 0, len(X)), sx.kernels.get(), 1)
    starts = [np.zeros(4)]
    assert few_reads(o, starts, 5_000, tol=1e-12, max_iter=50, monitor=Monitor()) is None
    with pytest.warns(sx.ConvergenceWarning, match="separated"):
        r = sx.fit(X, X[:, 0] > 0)
    assert r.certificate.exists is False


def test_gradients_before_the_hessian_are_bounded(compiled, monkeypatch):
    monkeypatch.setattr(module, "_hessian_pays", lambda *args: False)
    o = objective(25_000, 3)
    anchor = few_reads(o, [np.zeros(4)], 5_000, tol=1e-12, max_iter=50, monitor=Monitor())
    assert anchor is not None
    assert o.rows_read <= (module._MOST_GRADIENTS + 1) * o.n_rows + 20 * 5_000


def test_samples_are_spread_over_stretches():
    from sigmax.objective.objective import _spread

    rows = _spread(1_000_003, 5_000)
    stretch = 1_000_003 / 5_000
    assert (np.diff(rows) > 0).all()
    assert np.abs(rows - (np.arange(5_000) + 0.5) * stretch).max() <= 0.5 * stretch + 1.0
    place = rows / stretch % 1.0
    assert abs(place.mean() - 0.5) < 0.02
    assert np.abs(np.histogram(place, 10, (0.0, 1.0))[0] - 500).max() < 120
    assert _spread(10, 10).tolist() == list(range(10))


@pytest.mark.parametrize(
    ("n", "p", "K", "way"),
    [
        (100, 5, 2, Way.NEWTON),
        (5_000, 20, 2, Way.NEWTON),
        (2_000_000, 20, 2, Way.FEW_READS),
        (500_000, 100, 2, Way.FEW_READS),
        (100_000, 500, 2, Way.FEW_READS),
        (500_000, 50, 5, Way.FEW_READS),
        (20_020, 1000, 2, Way.FEW_READS),
        (40_000, 2000, 2, Way.FEW_READS),
        (2_000, 200, 2, Way.FEW_READS),
        (500, 100, 2, Way.FEW_READS),
        (4_000, 50, 3, Way.FEW_READS),
        (10_000, 30, 2, Way.NEWTON),
        (20_000, 784, 10, Way.PRECONDITIONED),
        (944, 5, 7, Way.NEWTON),
    ],
)
def test_the_plan_depends_on_the_shape_alone(n, p, K, way):
    class Shape:
        n_rows, n_logits, n_params = n, K - 1, (K - 1) * (p + 1)

    assert plan(Shape).way is way
    assert planning.plan(Shape).size <= n / 5


@pytest.mark.parametrize(
    ("n", "p", "K"), [(20_020, 1000, 2), (500, 100, 2), (4_000, 50, 3), (15_000, 100, 2)]
)
def test_too_few_rows_for_a_sample_begin_with_all_of_them(n, p, K):
    class Shape:
        n_rows, n_logits, n_params = n, K - 1, (K - 1) * (p + 1)

    assert plan(Shape) == Plan(Way.FEW_READS, 0)
