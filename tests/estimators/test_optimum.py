"""Coefficients and predictions are those of scikit-learn's objective at its optimum."""

from __future__ import annotations

import inspect
from itertools import product

import numpy as np
import pytest
from oracles.classifier import converged
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import compute_class_weight

import sigmax as sx

#: what the issue asks for
CLOSE = 1e-8
BALANCE_COUNTS_WEIGHTS = "sample_weight" in inspect.signature(compute_class_weight).parameters


def data_of(name, scaled=True):
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return (StandardScaler().fit_transform(X) if scaled else X), y


def assert_same(model, optimum, X):
    # the reference is at its optimum: the step that is left is far below what is asked
    assert optimum.step < CLOSE / 10
    np.testing.assert_allclose(model.coef_, optimum.coef, rtol=CLOSE, atol=CLOSE)
    np.testing.assert_allclose(model.intercept_, optimum.intercept, rtol=CLOSE, atol=CLOSE)
    np.testing.assert_allclose(model.predict_proba(X), optimum.proba(X), rtol=0, atol=CLOSE)


@pytest.mark.parametrize(
    ("name", "scaled"),
    [
        *product(["breast_cancer", "iris", "wine"], [True, False]),
        ("digits", True),
        # 10 s of the reference
        pytest.param("digits", False, marks=pytest.mark.needs_compiled),
    ],
)
def test_sets_of_scikit_learn(name, scaled):
    X, y = data_of(name, scaled)
    model = sx.LogisticRegression().fit(X, y)
    assert_same(model, converged(X, y), X)
    assert model.result_.certificate.converged


@pytest.mark.parametrize("C", [1e-3, 1e3])
@pytest.mark.parametrize("name", ["breast_cancer", "iris"])
def test_strengths_of_the_penalty(monkeypatch, backend_name, name, C):
    monkeypatch.setenv("SIGMAX_BACKEND", backend_name)
    X, y = data_of(name)
    model = sx.LogisticRegression(C=C).fit(X, y)
    assert model.result_.backend == backend_name
    assert_same(model, converged(X, y, C=C), X)


@pytest.mark.parametrize("name", ["spector", "anes96"])
def test_no_penalty(name):
    data = sx.datasets.load(name)
    model = sx.LogisticRegression(C=np.inf).fit(data.X, data.y)
    assert_same(model, converged(data.X, data.y, C=np.inf), data.X)
    assert model.result_.l2 == 0.0


def test_no_intercept():
    X, y = data_of("wine")
    model = sx.LogisticRegression(fit_intercept=False).fit(X, y)
    assert_same(model, converged(X, y, fit_intercept=False), X)
    np.testing.assert_array_equal(model.intercept_, np.zeros(3))


@pytest.mark.parametrize(
    "solver", ["auto", "lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"]
)
def test_every_solver_has_the_same_bits(solver):
    X, y = data_of("iris")
    model = sx.LogisticRegression(solver=solver, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.coef_, sx.LogisticRegression().fit(X, y).coef_)


# -- weights -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.5, 2: 3.0}], ids=["balanced", "dict"])
def test_class_weights(class_weight):
    X, y = data_of("wine")
    model = sx.LogisticRegression(class_weight=class_weight).fit(X, y)
    assert_same(model, converged(X, y, class_weight=class_weight), X)
    # they multiply the likelihood and count no rows
    assert model.result_.weight_type == "importance"
    assert model.result_.nobs == len(y)


def test_balance_of_weighted_rows_is_that_of_the_version():
    X, y = data_of("breast_cancer")
    weight = np.random.default_rng(3).integers(0, 4, len(y)).astype(float)
    model = sx.LogisticRegression(class_weight="balanced").fit(X, y, weight)
    count = np.bincount(y, weight if BALANCE_COUNTS_WEIGHTS else None)
    balance = dict(enumerate(count.sum() / (2 * count)))
    assert_same(model, converged(X, y, sample_weight=weight, class_weight=balance), X)
    theirs = LogisticRegression(class_weight="balanced", solver="newton-cholesky", tol=1e-14)
    np.testing.assert_allclose(model.coef_, theirs.fit(X, y, weight).coef_, rtol=1e-10)


def test_sample_weights_are_repeated_rows():
    X, y = data_of("iris")
    weight = np.random.default_rng(4).integers(0, 4, len(y))
    model = sx.LogisticRegression().fit(X, y, weight)
    repeated = sx.LogisticRegression().fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(model.coef_, repeated.coef_, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(model.result_.bse, repeated.result_.bse, rtol=1e-9)
    assert model.result_.nobs == repeated.result_.nobs == weight.sum()
    assert_same(model, converged(X, y, sample_weight=weight), X)


@pytest.mark.parametrize("scale", [2.0**-600, 2.0**600])
def test_weights_of_any_scale_go_with_the_penalty(scale):
    X, y = data_of("iris")
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    plain = sx.LogisticRegression().fit(X, y, weight)
    scaled = sx.LogisticRegression(C=1.0 / scale).fit(X, y, weight * scale)
    np.testing.assert_allclose(scaled.coef_, plain.coef_, rtol=1e-11)


def test_one_number_is_the_weight_of_each_row():
    X, y = data_of("iris")
    model, each = (sx.LogisticRegression().fit(X, y, w) for w in (2.5, np.full(len(y), 2.5)))
    np.testing.assert_array_equal(model.coef_, each.coef_)


# -- input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["iris", "breast_cancer"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sparse_rows_are_dense_rows(name, dtype):
    sparse = pytest.importorskip("scipy.sparse")
    X, y = data_of(name)
    X = np.where(np.abs(X) < 0.7, 0.0, X).astype(dtype)
    dense = sx.LogisticRegression().fit(X, y)
    for make in (sparse.csr_matrix, sparse.csc_array, sparse.coo_array):
        model = sx.LogisticRegression().fit(make(X), y)
        np.testing.assert_array_equal(model.coef_, dense.coef_)
        np.testing.assert_allclose(model.predict_proba(make(X)), dense.predict_proba(X), atol=1e-14)
        np.testing.assert_array_equal(model.predict(X), dense.predict(X))
    np.testing.assert_allclose(model.result_.bse, dense.result_.bse, rtol=1e-12)
    assert model.result_.leverage.shape == y.shape


@pytest.mark.parametrize("C", [1.0, np.inf])
def test_more_columns_than_rows_and_dependent_ones(C):
    rng = np.random.default_rng(7)
    X, y = rng.standard_normal((60, 4)), np.arange(60) % 2
    X = np.column_stack([X, X[:, 0] + X[:, 1], np.ones(60)])
    model = sx.LogisticRegression(C=C).fit(X, y)
    assert np.isfinite(model.coef_).all()
    if np.isinf(C):
        # b+ = P b: in the row space of [1 X]
        Z = np.column_stack([np.ones(60), X])
        b = np.append(model.intercept_, model.coef_)
        np.testing.assert_allclose(np.linalg.pinv(Z) @ (Z @ b), b, atol=1e-12)
        theirs = LogisticRegression(C=1e12, tol=1e-10, solver="newton-cg").fit(X, y)
        np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-11)
    else:
        assert_same(model, converged(X, y), X)


def test_input_is_not_copied_and_not_written():
    X, y = data_of("iris")
    X.flags.writeable = False
    for made in (X, np.asfortranarray(X), X[::2]):
        labels = y[: len(made)] if made.shape == X.shape else y[::2]
        model = sx.LogisticRegression().fit(made, labels)
        assert model.result_._observations.design.rows._chunks[0].array is made


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32", "bool", object])
def test_coefficients_are_double_whatever_the_columns_are(dtype):
    X, y = data_of("iris")
    X = np.round(X * 4).astype(dtype)
    model = sx.LogisticRegression().fit(X, y)
    assert model.coef_.dtype == model.intercept_.dtype == model.predict_proba(X).dtype == np.float64
    np.testing.assert_allclose(model.coef_, sx.LogisticRegression().fit(X.astype(float), y).coef_, rtol=1e-12)


@pytest.mark.parametrize(
    "labels",
    [["a", "b", "c"], [True, False], [-3.0, 0.0, 7.0], [2**62, 5, -1], np.array(["x", "y"], object)],
    ids=["text", "bool", "float", "int", "object"],
)
def test_labels(labels):
    X, y = data_of("iris")
    labels = np.asarray(labels)
    given = labels[y % len(labels)]
    model = sx.LogisticRegression().fit(X, given)
    theirs = LogisticRegression(solver="newton-cholesky").fit(X, given)
    np.testing.assert_array_equal(model.classes_, theirs.classes_)
    assert model.classes_.dtype == theirs.classes_.dtype
    assert model.predict(X).dtype == theirs.predict(X).dtype
    np.testing.assert_array_equal(model.result_.classes, model.classes_)
