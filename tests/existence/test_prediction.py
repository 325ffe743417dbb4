"""Limiting probabilities against their definition: softmax(finite + t d) for very large t."""

from __future__ import annotations

import warnings
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from existence.separated import whole_numbers
from mpmath import mp

import sigmax as sx
from sigmax import kernels
from sigmax.data.design import Design
from sigmax.existence.prediction import (
    limiting_logits,
    limiting_order,
    limiting_probabilities,
)


def fitted(X, y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sx.SeparationWarning)
        return sx.fit(X, y, **options)


def per_class(values, base, K):
    return np.insert(np.array(values, object).reshape(K - 1, -1), base, 0, axis=0)


def along(row, vectors):
    return [sum(a * int(b) for a, b in zip(row, c, strict=True)) for c in vectors]


def by_definition(r, x):
    """Probabilities of one row in many digits far along the direction; None for what null vectors move."""
    found, K = r.separation, len(r.classes)
    row = [Fraction(1), *[Fraction(float(v)) for v in x]]
    d = along(row, per_class(found.exact_direction, found.base, K))
    leading = [k for k in range(K) if d[k] == max(d)]
    for v in found.null:
        moved = along(row, per_class(v, found.base, K))
        if len({moved[k] for k in leading}) > 1:
            return [None if k in leading else 0.0 for k in range(K)]
    with mp.workdps(40):
        finite = np.insert(np.atleast_2d(found.finite), found.base, 0.0, axis=0)
        exact = [mp.mpf(a.numerator) / a.denominator for a in row]
        eta = [mp.fsum(mp.mpf(float(b)) * a for a, b in zip(exact, c, strict=True)) for c in finite]
        top = max(eta[k] for k in leading)
        w = [mp.exp(eta[k] - top) if k in leading else mp.mpf(0) for k in range(K)]
        return [float(v / mp.fsum(w)) for v in w]


@pytest.mark.parametrize("K", [2, 3, 4])
@pytest.mark.parametrize("seed", range(8))
def test_against_the_definition(seed, K, backend_name):
    rng = np.random.default_rng(100 * K + seed)
    n = 12 * K
    X = rng.integers(-2, 3, size=(n, 2)).astype(float)
    X[:, 0] = np.maximum(X[:, 0], 0.0)
    y = rng.integers(0, K, size=n)
    on = X[:, 0] > 0.0
    y[on] = np.maximum(y[on], 1)  # class 0 not where x1 > 0
    y[X[:, 0] == 2.0] = K - 1
    r = fitted(X, y, classes=np.arange(K), reference=int(rng.integers(0, K)), backend=backend_name)
    assert r.separation is not None
    grid = np.array([[a, b] for a in (-3, -1, 0, 0.5, 1, 2, 9) for b in (-2, 0, 1, 7)], float)
    ulp = np.nextafter(grid, np.inf)
    for rows in (X, grid, ulp):
        p = r.predict_proba(rows)
        for one, x in zip(p, rows, strict=True):
            for share, exact in zip(one, by_definition(r, x), strict=True):
                if exact is None:
                    assert np.isnan(share)
                elif exact == 0.0:
                    assert share == 0.0
                else:
                    np.testing.assert_allclose(share, exact, rtol=1e-11)
        known = ~np.isnan(p).any(axis=1)
        np.testing.assert_allclose(p[known].sum(axis=1), 1.0, rtol=1e-15)
        eta = r.decision_function(rows).reshape(len(rows), -1)
        base = r.classes.tolist().index(r.reference)
        with np.errstate(divide="ignore", invalid="ignore"):
            odds = np.log(np.delete(p, base, axis=1)) - np.log(p[:, [base]])
        both = ~np.isnan(odds)
        assert (np.isinf(eta) == np.isinf(odds))[both].all()
        np.testing.assert_allclose(eta[both], odds[both], rtol=1e-9, atol=1e-9)
    trained = r.predict_proba(X)
    assert not np.isnan(trained).any()
    assert (trained[np.arange(n), y] > 0.0).all()


def test_order_is_antisymmetric(backend):
    X = np.random.default_rng(1).integers(-2, 3, size=(40, 2)).astype(float)
    y = np.where(X[:, 0] > 0.0, 2, np.arange(40) % 2)
    r = fitted(X, y, backend=backend.BACKEND)
    order = limiting_order(r.separation, Design(X), np.ones(3, bool), backend)
    assert order.shape == (40, 3, 3)
    unknown = order == 2
    assert (unknown == unknown.transpose(0, 2, 1)).all()
    assert (np.where(unknown, 0, order) == -np.where(unknown, 0, order).transpose(0, 2, 1)).all()


def test_shares_of_classes_that_are_not_known(backend_name):
    """0 and 1 compete, and nothing is known of them; 2 is beaten.  Then 1 against 2 only."""
    order = np.zeros((2, 3, 3), np.int8)
    order[0, 0, 1] = order[0, 1, 0] = 2
    order[:, :2, 2], order[:, 2, :2] = 1, -1
    eta = np.array([[1.0, 5.0], [0.0, 700.0]])
    p = limiting_probabilities(order, eta, 0, backend_name)
    np.testing.assert_array_equal(p, [[np.nan, np.nan, 0.0], [0.5, 0.5, 0.0]])
    logits = limiting_logits(order, eta, 0)
    np.testing.assert_array_equal(logits, [[np.nan, -np.inf], [0.0, -np.inf]])
    # what is unknown against a class that is beaten anyway does not matter
    order = np.zeros((1, 3, 3), np.int8)
    order[0, 0, 1:], order[0, 1:, 0] = 1, -1
    order[0, 1, 2] = order[0, 2, 1] = 2
    assert limiting_probabilities(order, np.zeros((1, 2)), 0, backend_name).tolist() == [[1.0, 0.0, 0.0]]


def test_logits_do_not_touch_numbers_they_keep():
    order = np.zeros((3, 2, 2), np.int8)
    order[1, 1, 0], order[2, 1, 0] = 1, -1
    eta = np.array([[-0.0], [np.nan], [3.0]])
    found = limiting_logits(order, eta, 0)
    assert found.ravel().tolist() == [0.0, np.inf, -np.inf]
    assert np.signbit(found[0, 0])


def test_many_rows_in_blocks():
    rng = np.random.default_rng(2)
    X = np.array([[1.0], [2.0], [3.0], [4.0]])
    r = fitted(X, [0, 0, 1, 1])
    d = r.separation.exact_direction
    rows = rng.integers(0, 6, size=(70_000, 1)).astype(float)
    order = limiting_order(r.separation, Design(rows), np.ones(2, bool), kernels.get("auto"))
    exact = np.sign(d[0] + d[1] * rows[:, 0])
    off = exact != 0.0
    assert (order[off, 1, 0] == exact[off]).all()
    # on the line itself, in a complete separation, nothing is known
    assert (order[~off, 1, 0] == 2).all()


def test_whole_numbers_beyond_float64():
    """A direction of thousands of bits orders rows that floats could not."""
    a = Fraction(0.1)
    X = np.array([[0.1, 1.0], [np.nextafter(0.1, 1.0), 1.0], [np.nextafter(0.1, 0.0), 1.0]])
    plain = np.array([[1.0, 0.0], [2.0, 0.5], [-1.0, 0.0], [-2.0, 0.25]])
    r = fitted(plain, [1, 1, 0, 0], fit_intercept=False)
    d = whole_numbers([a.denominator << 3000, -(a.numerator << 3000)])
    about = replace(r.separation, exact_direction=tuple(d.tolist()), null=())
    order = limiting_order(about, Design(X, intercept=False), np.ones(2, bool), kernels.get("auto"))
    assert order[:, 1, 0].tolist() == [0, 1, -1]
