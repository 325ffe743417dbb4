"""Margins against their definition in 70 digits."""

from __future__ import annotations

import numpy as np
import pytest
from inference.measured import assert_measured, drawn
from oracles.margins import Definition
from oracles.newton import optimum

import sigmax as sx

# -- the definition ----------------------------------------------------------------------------------

WEIGHTS = (None, "frequency", "importance", "probability")
#: classes, weights, offsets, intercept, kind, place: every value of each with every kind
MIXED = [
    (2, None, False, True),
    (2, "frequency", True, True),
    (3, None, True, False),
    (3, "importance", False, True),
    (4, "frequency", False, True),
    (4, "probability", True, True),
]


@pytest.mark.parametrize("at", ["overall", "mean"])
@pytest.mark.parametrize("kind", ["dydx", "eyex", "dyex", "eydx"])
@pytest.mark.parametrize(("n_classes", "weights", "with_offset", "intercept"), MIXED)
def test_definition(backend_name, n_classes, weights, with_offset, intercept, kind, at):
    p, n = 4, 60
    X, y = drawn(n_classes, n, p, n_classes, binary=1, scale=0.3)
    rng = np.random.default_rng(5)
    m = n_classes - 1
    w = None if weights is None else rng.integers(0, 4, n) / (1.0 if weights == "frequency" else 3.0)
    offset = rng.standard_normal((n, m)) if with_offset else None
    options = {"fit_intercept": intercept, "backend": backend_name}
    if weights is not None:
        options |= {"sample_weight": w, "weight_type": weights}
    if with_offset:
        options["offset"] = offset[:, 0] if m == 1 else np.column_stack([np.zeros(n), offset])
    r = sx.fit(X, y, **options)
    shift = offset[:, 0] if with_offset and m == 1 else offset
    best = optimum(X, y, n_classes, weight=w, offset=shift, fit_intercept=intercept)
    covariance = best.covariance if weights != "probability" else r.cov_params("HC0")
    truth = Definition(X, n_classes, weight=w, offset=offset, intercept=intercept)
    moves = [(j, None) for j in range(p - 1)]
    moves.append((p - 1, (0, 1) if kind in ("dydx", "eydx") else None))
    expected = truth.measured(best.params, covariance, moves, at=at, kind=kind)
    found = r.margins(at=at, kind=kind)
    assert found.names == ("x1", "x2", "x3", "x4")
    assert found.changes == (None, None, None, moves[-1][1])
    assert_measured(found, expected, n_classes)


@pytest.mark.parametrize("kind", ["dydx", "eyex"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_counts(n_classes, kind):
    X, _ = drawn(3, 24, 3, n_classes)
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 4, (24, n_classes)).astype(float)
    counts[0], counts[1] = 0.0, 1.0
    w = rng.integers(1, 4, 24).astype(float)
    long, label = np.repeat(X, n_classes, axis=0), np.tile(np.arange(n_classes), 24)
    each = (counts * w[:, None]).ravel()
    best = optimum(long, label, n_classes, weight=each)
    truth = Definition(X, n_classes, weight=w * counts.sum(axis=1))
    for weight_type in ("frequency", "importance"):
        r = sx.fit(X, counts, sample_weight=w, weight_type=weight_type)
        for at in ("overall", "mean"):
            moves = [(0, None), (1, None), (2, None)]
            expected = truth.measured(best.params, best.covariance, moves, at=at, kind=kind)
            assert_measured(r.margins(at=at, kind=kind), expected, n_classes)


@pytest.mark.parametrize("covariance", ["HC0", "HC1", "cluster"])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_other_covariances(n_classes, covariance):
    X, y = drawn(6, 40, 3, n_classes, binary=1)
    r = sx.fit(X, y)
    groups = np.arange(40) % 9 if covariance == "cluster" else None
    s = r.with_covariance(covariance, groups)
    best = optimum(X, y, n_classes)
    moves = [(0, None), (1, None), (2, (0, 1))]
    expected = Definition(X, n_classes).measured(
        best.params, s.cov_params(), moves, at="overall", kind="dydx"
    )
    m = s.margins()
    assert m.covariance_kind == covariance
    # as many clusters or more than parameters would be needed for a covariance of full rank
    assert_measured(m, expected, n_classes, rtol=1e-9)
    np.testing.assert_array_equal(m.effects, r.margins().effects)
    assert (m.se != r.margins().se).all()


@pytest.mark.parametrize("options", [{"l2": 0.7}, {"bias_reduction": "firth"}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_penalised_estimates(n_classes, options):
    X, y = drawn(7, 40, 3, n_classes, binary=1)
    r = sx.fit(X, y, **options)
    moves = [(0, None), (1, None), (2, (0, 1))]
    for kind in ("dydx", "eydx"):
        expected = Definition(X, n_classes).measured(
            np.atleast_2d(r.params).tolist(), r.cov_params(), moves, at="overall", kind=kind
        )
        assert_measured(r.margins(kind=kind), expected, n_classes)


@pytest.mark.parametrize("kind", ["dydx", "eydx", "dyex"])
@pytest.mark.parametrize("rare", [0, 1, 2])
def test_rare_classes_keep_their_digits(rare, kind):
    # a class of probability 1e-9 or so, as the first, the middle and the last one
    X, y = drawn(8, 40, 3, 3, binary=1)
    offset = np.zeros((40, 3))
    offset[:, rare] = -20.0
    w = np.where(y == rare, 1e-9, 1.0)
    r = sx.fit(X, y, offset=offset, sample_weight=w, fit_intercept=False, weight_type="importance")
    shift = offset[:, 1:] - offset[:, :1]
    # at the coefficients as they are: those of a class with so little weight have fewer digits themselves
    truth = Definition(X, 3, weight=w, offset=shift, intercept=False)
    moves = [(0, None), (1, None), (2, (0, 1) if kind != "dyex" else None)]
    best = optimum(X, y, 3, weight=w, offset=shift, fit_intercept=False)
    effects, errors, _ = truth.measured(r.params.tolist(), best.covariance, moves, at="overall", kind=kind)
    m = r.margins(kind=kind)
    np.testing.assert_allclose(m.effects, effects, rtol=1e-10)
    others = [k for k in range(3) if k != rare]
    np.testing.assert_allclose(m.se[:, others], errors[:, others], rtol=1e-10)
    # against a rare class, a fit's own standard errors have 8 digits: no more can come of them
    own = np.abs(r.bse / np.array([[float(v) for v in row] for row in best.bse]) - 1.0).max()
    assert own < (1e-6 if rare == 0 else 1e-11)
    np.testing.assert_allclose(m.se[:, rare], errors[:, rare], rtol=max(1e-10, 3.0 * own))
    if kind == "dydx":
        assert np.abs(effects[:, rare]).max() < 1e-6
        assert np.abs(effects).max() > 1e-2


def test_nearly_dependent_columns():
    X, y = drawn(9, 60, 3, 3)
    X[:, 2] = X[:, 0] + 1e-7 * X[:, 2]
    r = sx.fit(X, y)
    best = optimum(X, y, 3)
    expected = Definition(X, 3).measured(
        best.params, best.covariance, [(0, None), (1, None), (2, None)], at="overall", kind="dydx"
    )
    m = r.margins()
    # coefficients of 1e7 are rounded: their second word belongs to the logits
    assert 1e-9 < 2.0**-53 * np.abs(r.params).max() * np.abs(X).max() < 1e-8
    np.testing.assert_allclose(m.effects, expected[0], rtol=1e-10)
    np.testing.assert_allclose(m.se, expected[1], rtol=1e-10)
