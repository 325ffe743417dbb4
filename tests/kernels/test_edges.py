"""No rows, no columns, and numbers that are none: flagged, never turned into a plausible number."""

from __future__ import annotations

import math

import numpy as np
import pytest
from comparisons import U, close, same
from strategies import (
    TILE,
    Problem,
    problem,
    run_line,
    run_pass,
    run_rows,
    with_reference,
)

# -- nothing at all ----------------------------------------------------------------------------------


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("p", [0, 3])
def test_no_rows(backend, K, intercept, p):
    q = problem(0, p, K, intercept=intercept)
    got = run_pass(backend, q)
    assert got.nll == (0.0, 0.0)
    assert not got.gradient.any()
    assert not got.hessian.any()
    assert q.eta(backend).shape == (0, K - 1)
    largest = np.full(p, np.nan)
    assert backend.column_largest(q.X, largest)
    assert not largest.any()
    empty = np.empty((0, K - 1))
    assert run_line(backend, empty, empty, q.y, 1.0) == ((0.0, 0.0), 0.0, 0.0)


@pytest.mark.parametrize("K", [2, 5])
def test_no_columns(backend, K):
    # without columns and intercept the logits are the offset; with an intercept they are constants
    n, m = TILE + 1, K - 1
    q = problem(n, 0, K, weighted=True)
    same(q.eta(backend), np.tile(q.coef.T, (n, 1)))
    offset = np.random.default_rng(1).normal(size=(n, m))
    bare = Problem(np.empty((n, 0)), q.y, np.empty((m, 0)), q.weight, offset, False)
    same(bare.eta(backend), offset)
    got = run_pass(backend, bare)
    assert got.gradient.shape == (m, 0)
    assert got.hessian.shape == (0, 0)
    assert got.nll == run_rows(backend, offset, q.y, q.weight).nll
    assert got.nll[0] > 0


def test_sign_of_zero_and_of_nothing_left(backend):
    # special_values.py does not tell the sign of a zero
    x = np.array([0.0, -0.0, 5e-324, -5e-324, -np.inf])
    got = np.full(5, np.nan)
    backend.tanh(x, got)
    same(got, [0.0, -0.0, 5e-324, -5e-324, -1.0])


# -- numbers that are none ---------------------------------------------------------------------------


@pytest.mark.parametrize("row", [0, 5, TILE - 1, TILE])
@pytest.mark.parametrize("K", [2, 3, 6])
@pytest.mark.parametrize("where", ["X", "offset", "coef", "weight"])
def test_nan_is_never_a_number(backend, K, where, row):
    q = problem(TILE + 3, 3, K, weighted=True, shifted=True)
    array = getattr(q, where).copy()
    array[(row % len(array), *([0] * (array.ndim - 1)))] = np.nan
    q = q.but(**{where: array})
    got = run_pass(backend, q)
    assert math.isnan(got.nll[0])
    assert np.isnan(got.gradient).any()
    assert np.isnan(got.hessian).any()
    eta = q.eta(backend)
    (change, _), first, second = run_line(backend, eta, np.ones_like(eta), q.y, 0.5, q.weight)
    assert [math.isnan(v) for v in (change, first, second)] == [True] * 3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [(0, 0), (3, 2), (TILE, 4)])
def test_column_largest_finds_what_is_not_finite(backend, bad, at):
    X = problem(TILE + 3, 5, 2).X
    largest = np.full(5, np.nan)
    assert backend.column_largest(X, largest)
    same(largest, np.abs(X).max(axis=0))
    X[at] = bad
    for layout in (X, np.asfortranarray(X), X[::-1], np.repeat(X, 2, axis=1)[:, ::2]):
        assert not backend.column_largest(layout, largest)


def test_column_largest_of_the_largest_numbers(backend):
    # x * 0 tells nan and inf from the rest: no finite number may be taken for one
    X = np.array([[1.7976931348623157e308, -5e-324], [-1.7976931348623157e308, 0.0], [0.0, -0.0]])
    largest = np.full(2, np.nan)
    assert backend.column_largest(X, largest)
    same(largest, [1.7976931348623157e308, 5e-324])


#: logits of the classes 1 and 2 that hold +inf or nan
INFINITE = [
    (np.inf, 0.0),
    (0.0, np.inf),
    (np.inf, np.inf),
    (np.inf, -np.inf),
    (np.nan, 0.0),
    (0.0, np.nan),
    (np.nan, np.inf),
]


@pytest.mark.parametrize("y", [0, 1, 2])
@pytest.mark.parametrize("logits", INFINITE, ids=str)
def test_softmax_flags_rows_it_cannot_weigh(backend, logits, y):
    eta, codes = np.array([logits]), np.array([y], np.int32)
    with np.errstate(invalid="ignore"):
        rows = run_rows(backend, eta, codes)
        p = np.full((1, 3), np.nan)
        backend.softmax(with_reference(eta), p)
        change, first, second = run_line(backend, eta, np.ones((1, 2)), codes, 0.5)
    assert not math.isfinite(rows.nll[0])
    assert not np.isfinite(p).all()
    assert not np.isfinite(rows.curvature).all()
    assert not all(map(math.isfinite, (*change, first, second)))


@pytest.mark.parametrize("y", [0, 1])
@pytest.mark.parametrize("logit", [np.inf, -np.inf])
def test_binary_rows_at_infinity(backend, logit, y):
    # the limits: nll 0 where the label is the certain one, not finite where it is the impossible one
    rows = run_rows(backend, np.array([[logit]]), np.array([y], np.int32))
    right = (logit > 0) == (y == 1)
    assert rows.nll == (0.0, 0.0) if right else not math.isfinite(rows.nll[0])
    same(rows.residual, [[{(True, 0): 0.0, (True, 1): -0.0, (False, 0): 1.0, (False, 1): -1.0}[right, y]]])
    same(rows.curvature, [[[0.0]]])
    p = np.full(1, np.nan)
    backend.expit(np.array([logit]), p)
    same(p, [1.0 if logit > 0 else 0.0])


@pytest.mark.parametrize("y", [0, 1, 2])
def test_minus_infinity_is_a_class_of_probability_zero(backend, y):
    # eta = (-inf, 1): classes 0 and 2 share the probability
    eta, codes = np.array([[-np.inf, 1.0]]), np.array([y], np.int32)
    rows, p = run_rows(backend, eta, codes), np.full((1, 3), np.nan)
    backend.softmax(with_reference(eta), p)
    two = np.full(1, np.nan)
    backend.expit(np.array([1.0]), two)
    assert p[0, 1] == 0.0
    close(p[0, [0, 2]], [1 - two[0], two[0]], 6 * U)
    assert not rows.curvature[0, 0].any()
    if y == 1:
        assert not math.isfinite(rows.nll[0])
    else:
        close(rows.nll[0], -math.log(p[0, y]), 8 * U)
        assert rows.residual[0, 0] == 0.0


@pytest.mark.parametrize("K", [2, 3])
def test_nll_beyond_the_range_is_not_finite(backend, K):
    eta = np.full((4, K - 1), -1.5e308)
    y = np.ones(4, np.int32)
    with np.errstate(over="ignore"):
        high, _ = run_rows(backend, eta, y).nll
        assert not math.isfinite(high)
        high, _ = run_rows(backend, eta[:1], y[:1]).nll
    assert high == 1.5e308
