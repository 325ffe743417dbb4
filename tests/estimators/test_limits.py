"""Separated classes without a penalty: infinite coefficients, predictions of the limit, warnings."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
import sklearn.exceptions
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import sigmax as sx

X, Y = load_iris(return_X_y=True)
TWO = np.array([[0.0], [1.0], [2.0], [3.0], [2.0]]), np.array([0, 0, 0, 1, 1])


def fit(X, y, weight=None, **given):
    with pytest.warns(sx.SeparationWarning):
        return sx.LogisticRegression(C=np.inf, **given).fit(X, y, weight)


def test_either_library_catches_the_warning():
    assert issubclass(sx.SeparationWarning, sx.ConvergenceWarning)
    for known in (sx.SeparationWarning, sx.ConvergenceWarning, sklearn.exceptions.ConvergenceWarning):
        with pytest.warns(
            known, match="column 'x1' predicts 3 rows without error; .* pass a finite C"
        ) as found:
            sx.LogisticRegression(C=np.inf).fit(*TWO)
        assert [one.filename for one in found] == [__file__]
    for known in (sx.ConvergenceWarning, sklearn.exceptions.ConvergenceWarning):
        with pytest.warns(known, match="raise max_iter") as found:
            sx.LogisticRegression(max_iter=1).fit(X, Y)
        assert not issubclass(found[0].category, sx.SeparationWarning)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        sx.LogisticRegression(C=np.inf).fit(*TWO)


def test_where_the_likelihood_is_flat_the_knob_is_the_penalty():
    rng = np.random.default_rng(0)
    columns = rng.standard_normal((60, 2))
    with pytest.warns(sx.ConvergenceWarning, match="nearly equal columns, or lower C$") as found:
        sx.LogisticRegression(C=1e30).fit(columns, columns[:, 0] > 0.0)
    assert found[0].filename == __file__


def test_warning_can_be_pickled():
    # a worker process hands it over
    with pytest.warns(sx.SeparationWarning) as found:
        sx.LogisticRegression(C=np.inf).fit(*TWO)
    again = pickle.loads(pickle.dumps(found[0].message))
    assert (type(again), str(again)) == (type(found[0].message), str(found[0].message))


def test_two_classes():
    # x = 2 has both labels; beyond it nothing is in doubt
    model = fit(*TWO)
    assert model.coef_.tolist() == [[np.inf]]
    assert model.intercept_.tolist() == [-np.inf]
    rows = np.array([[-5.0], [1.0], [2.0], [2.5], [9.0]])
    np.testing.assert_allclose(model.predict_proba(rows)[:, 1], [0.0, 0.0, 0.5, 1.0, 1.0], atol=1e-14)
    eta = model.decision_function(rows)
    assert eta[[0, 1, 3, 4]].tolist() == [-np.inf, -np.inf, np.inf, np.inf]
    assert abs(eta[2]) < 1e-12
    assert model.predict(rows[[0, 4]]).tolist() == [0, 1]
    log = model.predict_log_proba(rows)
    assert log[0].tolist() == [0.0, -np.inf]
    assert model.result_.separation.kind == "quasi"


@pytest.mark.parametrize("sparse", [False, True])
def test_three_classes(sparse):
    model = fit(X, Y)
    scipy_sparse = pytest.importorskip("scipy.sparse")
    rows = scipy_sparse.csr_array(X) if sparse else X
    np.testing.assert_allclose(model.predict_proba(rows), model.result_.predict_proba(X), atol=1e-12)
    np.testing.assert_array_equal(model.predict(rows), model.result_.predict(X))
    # setosa is certain, the other two share the rest
    p = model.predict_proba(rows)
    np.testing.assert_array_equal(p[:50], np.tile([1.0, 0.0, 0.0], (50, 1)))
    assert (p[50:, 0] == 0.0).all()
    assert (p[50:, 1:] > 0.0).sum() > 150
    assert not np.isnan(model.decision_function(rows)).any()
    # their penalty leaves some 1 / C
    theirs = LogisticRegression(C=1e10, solver="newton-cholesky", tol=1e-10, max_iter=10_000).fit(X, Y)
    np.testing.assert_allclose(p, theirs.predict_proba(X), atol=2e-8)
    # against the first class
    np.testing.assert_array_equal(model.coef_[0], np.zeros(4))
    np.testing.assert_array_equal(model.coef_[1:], model.result_.params[:, 1:])
    assert not np.isfinite(model.coef_).all()


def test_what_the_data_do_not_determine_is_predicted_all_the_same():
    # the second column is 0 wherever the first leaves a doubt: its coefficient may be anything
    columns = np.array([[0.0, 1.0], [0.0, -1.0], [1.0, 0.0], [1.0, 0.0], [3.0, 1.0], [3.0, -1.0]])
    model = fit(columns, np.array([0, 0, 0, 1, 1, 1]))
    assert np.isnan(model.coef_[0, 1])
    rows = np.array([[1.0, 5.0], [1.0, -5.0], [1.0, 0.0]])
    unknown = model.result_.predict_proba(rows)
    p = model.predict_proba(rows)
    assert np.isnan(unknown[:2]).all()
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    np.testing.assert_allclose(p[2], unknown[2])


def test_limits_survive_pickles():
    for columns, labels in (TWO, (X, Y)):
        model = fit(columns, labels)
        other = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(other.predict_proba(columns), model.predict_proba(columns))
        np.testing.assert_array_equal(other.coef_, model.coef_)


def test_sparse_coefficients_of_a_limit_predict():
    model = fit(X, Y)
    p = model.predict_proba(X)
    np.testing.assert_array_equal(model.sparsify().predict_proba(X), p)


def test_warm_start_from_a_limit_begins_anew():
    model = fit(*TWO, warm_start=True)
    model.set_params(C=1.0).fit(*TWO)
    np.testing.assert_array_equal(model.coef_, sx.LogisticRegression().fit(*TWO).coef_)


@pytest.mark.parametrize("C", [1.0, np.inf])
def test_a_class_of_weight_zero(C):
    weight = np.where(Y == 1, 0.0, 1.0)
    with pytest.warns(sx.SeparationWarning, match="class has no row" if C == 1.0 else "separated"):
        model = sx.LogisticRegression(C=C).fit(X, Y, weight)
    assert model.classes_.tolist() == [0, 1, 2]
    p = model.predict_proba(X)
    np.testing.assert_array_equal(p[:, 1], np.zeros(150))
    if C == 1.0:
        # the slopes of the three classes are -d / 2, 0, d / 2, whose squares sum to half of |d|^2
        two = sx.LogisticRegression(C=2.0 * C).fit(X[Y != 1], Y[Y != 1])
        assert set(model.predict(X)) == {0, 2}
        np.testing.assert_allclose(p[:, [0, 2]], two.predict_proba(X), rtol=1e-12)
    balanced = sx.LogisticRegression(C=1.0, class_weight="balanced")
    with pytest.warns(sx.SeparationWarning):
        balanced.fit(X, Y, weight)
    np.testing.assert_array_equal(balanced.predict_proba(X)[:, 1], np.zeros(150))


def test_a_penalty_makes_everything_finite():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for C in (1e-8, 1.0, 1e8):
            model = sx.LogisticRegression(C=C).fit(X, Y)
            assert np.isfinite(model.coef_).all()
            assert model.result_.separation is None


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    "labels", [Y, (Y == 0).astype(int), np.array(["b", "a", "c"])[Y]], ids=["3", "2", "text"]
)
def test_with_columns_that_depend_on_others(labels, fit_intercept):
    for columns in (X, np.column_stack([X, X[:, 0] + X[:, 1]]), np.column_stack([np.zeros(150), X])):
        model = fit(columns, labels, fit_intercept=fit_intercept)
        p = model.predict_proba(columns)
        assert np.isfinite(p).all()
        np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-14)
        np.testing.assert_array_equal(model.predict(columns), model.classes_[p.argmax(axis=1)])
        assert model.score(columns, labels) > 0.95
