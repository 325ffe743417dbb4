"""The oracle's L2 penalty against its definition, differences, scikit-learn, and the laws of a ridge."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from oracles import newton

Problem = tuple[NDArray[np.float64], NDArray[np.int64]]


def small(n_classes: int, n: int = 30, p: int = 2) -> Problem:
    rng = np.random.default_rng(900 + n_classes)
    return rng.normal(size=(n, p)) * np.geomspace(1.0, 5.0, p), np.arange(n) % n_classes


def coefficients(n_classes: int, k: int) -> list[mpf]:
    return [mpf(v) for v in np.random.default_rng(31).normal(size=(n_classes - 1) * k).tolist()]


def definition(coef: list[mpf], n_classes: int, intercept: bool, l2: float) -> mpf:
    """l2 / 2 times the squares of the slopes; for K > 2 of all K classes, coded so that they sum to zero."""
    k = len(coef) // (n_classes - 1)
    rows = [coef[a * k + intercept : (a + 1) * k] for a in range(n_classes - 1)]
    if n_classes > 2:
        full = [[mpf(0)] * (k - intercept), *rows]
        mean = [sum(column) / n_classes for column in zip(*full, strict=True)]
        rows = [[v - m for v, m in zip(row, mean, strict=True)] for row in full]
    return mpf(l2) / 2 * sum(v * v for row in rows for v in row)


def objective(problem: Problem, coef: list[mpf], n_classes: int, intercept: bool, l2: float) -> mpf:
    """The NLL, which test_newton.py holds to its definition, and the penalty by definition."""
    X, codes = problem
    options: dict[str, Any] = {"fit_intercept": intercept, "digits": 120, "hessian": False}
    nll = newton.evaluate(X, codes, coef, n_classes, **options).nll
    with mp.workdps(140):
        return nll + definition(coef, n_classes, intercept, l2)


def close(value: mpf, want: mpf, tolerance: str) -> bool:
    with mp.workdps(200):
        return bool(abs(value - want) <= mpf(tolerance) * abs(want))


every_shape = pytest.mark.parametrize(
    ("n_classes", "intercept", "l2"), [(2, True, 1.0), (2, False, 0.3), (3, True, 0.3), (5, False, 1e3)]
)


@every_shape
def test_penalty_equals_its_definition(n_classes: int, intercept: bool, l2: float) -> None:
    X, codes = small(n_classes)
    coef = coefficients(n_classes, 2 + intercept)
    at = newton.evaluate(X, codes, coef, n_classes, fit_intercept=intercept, l2=l2)
    free = newton.evaluate(X, codes, coef, n_classes, fit_intercept=intercept)
    with mp.workdps(120):
        assert close(at.penalty, definition(coef, n_classes, intercept, l2), "1e-70")
        assert close(at.objective, at.nll + at.penalty, "1e-70")
    assert at.nll == free.nll == free.objective
    assert free.penalty == 0


@every_shape
def test_derivatives_equal_differences(n_classes: int, intercept: bool, l2: float) -> None:
    # Central differences with h = 1e-30 at 120 digits and more: truncation h^2 = 1e-60, rounding 1e-80.
    X, codes = small(n_classes, n=14)
    coef = coefficients(n_classes, 2 + intercept)
    at = newton.evaluate(X, codes, coef, n_classes, fit_intercept=intercept, l2=l2)
    assert at.hessian is not None
    with mp.workdps(140):
        h = mpf("1e-30")

        def moved(*steps: tuple[int, int]) -> mpf:
            point = list(coef)
            for j, sign in steps:
                point[j] += sign * h
            return objective((X, codes), point, n_classes, intercept, l2)

        for j, slope in enumerate(at.gradient):
            assert close(slope, (moved((j, 1)) - moved((j, -1))) / (2 * h), "1e-50")
            for m in range(j + 1):
                corners = [u * v * moved((j, u), (m, v)) for u in (1, -1) for v in (1, -1)]
                assert close(at.hessian[j][m], sum(corners) / (4 * h * h), "1e-45")
                assert at.hessian[j][m] == at.hessian[m][j]


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("l2", [0.05, 1.0, 40.0])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_optimum_equals_that_of_scikit_learn(n_classes: int, l2: float, intercept: bool) -> None:
    X, codes = small(n_classes, n=200, p=4)
    weight = np.random.default_rng(3).uniform(0.5, 2.0, 200)
    peer = LogisticRegression(C=1 / l2, tol=1e-12, max_iter=1000, solver="newton-cg", fit_intercept=intercept)
    peer.fit(X, codes, sample_weight=weight)
    want = np.column_stack([peer.intercept_, peer.coef_]) if intercept else peer.coef_
    if n_classes > 2:
        want = want[1:] - want[0]
    got = newton.optimum(X, codes, n_classes, weight=weight, fit_intercept=intercept, l2=l2)
    np.testing.assert_allclose(newton.to_float(got.params), want, rtol=1e-6, atol=1e-9)
    assert got.newton_decrement < mpf("1e-45")


@pytest.mark.parametrize("n_classes", [2, 4])
def test_optimum_is_stationary(n_classes: int) -> None:
    X, codes = small(n_classes)
    fit = newton.optimum(X, codes, n_classes, l2=1.0)
    at = newton.evaluate(X, codes, fit.params, n_classes, l2=1.0, digits=70)
    assert max(abs(g) for g in at.gradient) < mpf("1e-48")
    assert at.hessian is not None
    with mp.workdps(80):
        # to first order only: the penalised optimum is not where the NLL alone is flat
        assert close(-at.nll, fit.llf, "1e-48")
        assert close(at.penalty, fit.penalty, "1e-48")
        for i, row in enumerate(at.hessian):
            for j in range(len(row)):
                assert abs(mp.fdot(row, (c[j] for c in fit.covariance)) - (i == j)) < mpf("1e-45")


def test_no_class_is_preferred() -> None:
    # Whatever class is the reference, the penalty is the same, so the same differences of classes result.
    X, codes = small(4)
    one = newton.optimum(X, codes, 4, l2=2.0)
    two = newton.optimum(X, (codes + 1) % 4, 4, l2=2.0)  # class c is now c + 1, class 3 the reference
    with mp.workdps(75):
        zero = (mpf(0),) * 3
        before, after = [zero, *one.params], [*two.params, zero]
        for a, b in ((0, 1), (1, 2), (2, 3)):
            for j in range(3):
                assert abs(before[a][j] - before[b][j] - after[a][j] + after[b][j]) < mpf("1e-48")


@pytest.mark.parametrize("n_classes", [2, 3])
def test_separated_classes_have_a_penalised_optimum(n_classes: int) -> None:
    codes = np.repeat(np.arange(n_classes), 4)
    x = np.arange(codes.size, dtype=float)[:, None]
    with pytest.raises(ArithmeticError, match="no finite maximum"):
        newton.optimum(x, codes, n_classes)
    lengths = [
        max(abs(v[1]) for v in newton.optimum(x, codes, n_classes, l2=l2).params) for l2 in (1e-3, 1.0, 1e3)
    ]
    assert all(a > b for a, b in pairwise(lengths))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_more_columns_than_rows(n_classes: int) -> None:
    # Slopes lie in the span of the rows; a column that repeats another gets the same slope.
    X, codes = small(n_classes, n=6, p=9)
    X[:, 8] = X[:, 0]
    fit = newton.optimum(X, codes, n_classes, l2=0.5)
    with mp.workdps(75):
        assert all(abs(row[1] - row[9]) < mpf("1e-45") for row in fit.params)
        assert all(abs(row[1]) > mpf("1e-3") for row in fit.params)


def test_scale_of_weights_and_penalty_together() -> None:
    X, codes = small(3)
    plain = newton.optimum(X, codes, 3, l2=1.0)
    for scale in (2.0**-900, 2.0**600):
        scaled = newton.optimum(X, codes, 3, weight=np.full(30, scale), l2=scale)
        for u, v in zip(plain.params, scaled.params, strict=True):
            assert all(close(s, t, "1e-48") for s, t in zip(u, v, strict=True))


def test_penalty_of_nothing_but_intercepts_is_none() -> None:
    codes = np.repeat([0, 1, 2], [3, 5, 9])
    fit = newton.optimum(np.zeros((17, 0)), codes, 3, l2=7.0)
    assert fit.penalty == 0
    assert close(fit.llf, newton.null_llf(codes, 3), "1e-60")


@pytest.mark.parametrize("l2", [-1.0, np.nan, np.inf])
def test_bad_penalties_are_refused(l2: float) -> None:
    X, codes = small(2)
    with pytest.raises(ValueError, match="l2 must be finite"):
        newton.optimum(X, codes, 2, l2=l2)
