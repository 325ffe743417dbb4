"""What users of scikit-learn do with an estimator: pipelines, searches, tables, pickles, routing."""

from __future__ import annotations

import copy
import doctest
import pickle

import joblib
import numpy as np
import pytest
import sklearn
from scipy.sparse import issparse
from sklearn.base import clone, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sigmax as sx

X, Y = load_iris(return_X_y=True)
X2, Y2 = load_breast_cancer(return_X_y=True)
X2 = StandardScaler().fit_transform(X2)
VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


def assert_same_predictions(one, other, columns):
    for name in METHODS:
        np.testing.assert_array_equal(getattr(one, name)(columns), getattr(other, name)(columns))


# -- predictions among themselves and with the result --------------------------------------------------


@pytest.mark.parametrize(("columns", "labels"), [(X, Y), (X2, Y2)], ids=["three", "two"])
def test_predictions_agree(backend_name, monkeypatch, columns, labels):
    monkeypatch.setenv("SIGMAX_BACKEND", backend_name)
    model = sx.LogisticRegression().fit(columns, labels)
    p, r = model.predict_proba(columns), model.result_
    np.testing.assert_allclose(p, r.predict_proba(columns), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-15)
    np.testing.assert_array_equal(model.predict(columns), r.predict(columns))
    np.testing.assert_allclose(model.predict_log_proba(columns), np.log(p), rtol=1e-9, atol=1e-13)
    eta = model.decision_function(columns)
    z = columns @ model.coef_.T + model.intercept_
    np.testing.assert_allclose(eta, z[:, 0] if len(model.coef_) == 1 else z, rtol=1e-10, atol=1e-12)
    shown = r if len(model.coef_) == 1 else r.symmetric()
    np.testing.assert_array_equal(
        np.column_stack([model.intercept_, model.coef_]), np.atleast_2d(shown.params)
    )


def test_log_probabilities_do_not_underflow():
    model = sx.LogisticRegression(C=1e3).fit(X2, Y2)
    far = 1e3 * X2
    assert (model.predict_proba(far) == 0.0).any()
    assert np.isfinite(model.predict_log_proba(far)).all()


def test_coefficients_may_be_set_and_sparse():
    model = sx.LogisticRegression().fit(X, Y)
    eta, before = model.decision_function(X), model.coef_
    assert model.sparsify() is model
    assert type(model.coef_).__name__ == "csr_matrix"
    np.testing.assert_allclose(model.decision_function(X), eta, rtol=1e-12, atol=1e-12)
    sparse = type(model.coef_)(X)
    np.testing.assert_allclose(model.decision_function(sparse), eta, rtol=1e-12, atol=1e-12)
    assert model.densify() is model
    np.testing.assert_array_equal(model.densify().coef_, before)
    model.coef_, model.intercept_ = np.zeros_like(before), np.array([0.0, 1.0, 0.0])
    np.testing.assert_array_equal(model.predict(X), np.ones(len(X)))


def test_not_fitted():
    model = sx.LogisticRegression()
    for name in METHODS:
        with pytest.raises(NotFittedError):
            getattr(model, name)(X)
    with pytest.raises(NotFittedError, match="must be fitted before sparsifying"):
        model.sparsify()
    with pytest.raises(NotFittedError, match="must be fitted before densifying"):
        model.densify()


# -- clones, pickles -----------------------------------------------------------------------------------


def test_clone_and_parameters():
    model = sx.LogisticRegression(C=3.0, class_weight={0: 2.0}).fit(X, Y)
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert not hasattr(twin, "coef_")
    assert twin.set_params(C=0.5).C == 0.5
    with pytest.raises(ValueError, match="Invalid parameter 'strength'"):
        twin.set_params(strength=1)
    assert repr(model) == "LogisticRegression(C=3.0, class_weight={0: 2.0})"
    assert "LogisticRegression" in model._repr_html_()
    assert is_classifier(model)


@pytest.mark.parametrize(
    "copied", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy], ids=["pickle", "copy"]
)
def test_pickles_leave_the_data_behind(copied):
    big = np.repeat(X, 40, axis=0) + np.random.default_rng(1).standard_normal((6000, 4))
    labels = np.repeat(Y, 40)
    model = sx.LogisticRegression().fit(big, labels)
    assert len(pickle.dumps(model)) < 20_000
    other = copied(model)
    assert_same_predictions(model, other, big)
    assert other.get_params() == model.get_params()
    np.testing.assert_array_equal(other.result_.bse, model.result_.bse)
    assert str(other.result_.summary()) == str(model.result_.summary())
    with pytest.raises(ValueError, match="fit again"):
        _ = other.result_.leverage


def test_a_pickle_where_the_data_have_been_changed_predicts():
    big = np.random.default_rng(1).standard_normal((60_000, 4))
    labels = (big[:, 0] + np.random.default_rng(2).standard_normal(60_000) > 0).astype(int)
    model, kept = sx.LogisticRegression().fit(big, labels), big.copy()
    big += 1.0
    with pytest.warns(UserWarning, match="predicts as before, but the covariance of result_ is lost: X"):
        other = pickle.loads(pickle.dumps(model))
    assert_same_predictions(model, other, kept)
    assert np.isnan(other.result_.bse).all()
    np.testing.assert_array_equal(other.result_.params, model.result_.params)


def test_copy_shares_everything():
    model = sx.LogisticRegression().fit(X, Y)
    assert copy.copy(model).result_ is model.result_


# -- tables ---------------------------------------------------------------------------------------------


def test_names_of_columns():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["sl", "sw", "pl", "pw"])
    model = sx.LogisticRegression().fit(frame, pd.Series(Y))
    assert model.feature_names_in_.tolist() == [*frame.columns]
    assert model.result_.param_names == ("intercept", *frame.columns)
    assert "petal" not in str(model.result_.summary())
    assert "pw" in str(model.result_.summary())
    assert isinstance(model.predict_proba(frame), np.ndarray)
    np.testing.assert_array_equal(model.coef_, sx.LogisticRegression().fit(X, Y).coef_)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[["sw", "sl", "pl", "pw"]])
    # of arrays there are none
    model.fit(X, Y)
    assert not hasattr(model, "feature_names_in_")
    assert model.result_.param_names[1] == "x1"


def test_names_that_stand_twice_are_left_out():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "a", "c"])
    if VERSION >= (1, 9):
        with pytest.raises(ValueError, match="unique column names"):
            sx.LogisticRegression().fit(frame, Y)
        return
    model = sx.LogisticRegression().fit(frame, Y)
    assert model.feature_names_in_.tolist() == ["a", "b", "a", "c"]
    assert model.result_.param_names[1:] == ("x1", "x2", "x3", "x4")


def test_polars_tables():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({f"c{j}": X[:, j] for j in range(4)})
    model = sx.LogisticRegression().fit(frame, pl.Series(Y))
    assert model.feature_names_in_.tolist() == ["c0", "c1", "c2", "c3"]
    np.testing.assert_array_equal(model.coef_, sx.LogisticRegression().fit(X, Y).coef_)


def test_pipeline_of_columns_and_set_output():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"]).assign(
        group=np.array(["u", "v", "w"])[np.arange(150) % 3]
    )
    steps = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["a", "b", "c"]),
            ("groups", OneHotEncoder(drop="first", sparse_output=False), ["group"]),
        ]
    )
    pipeline = make_pipeline(steps, sx.LogisticRegression()).set_output(transform="pandas").fit(frame, Y)
    names = ["numbers__a", "numbers__b", "numbers__c", "groups__group_v", "groups__group_w"]
    assert pipeline[-1].feature_names_in_.tolist() == names
    assert pipeline[-1].result_.param_names == ("intercept", *names)
    assert pipeline.predict_proba(frame).shape == (150, 3)
    assert pipeline.score(frame, Y) == np.mean(pipeline.predict(frame) == Y) > 0.8
    # the encoder's own output is sparse
    steps = clone(steps).set_params(groups__sparse_output=True, sparse_threshold=1.0)
    steps.set_output(transform="default")
    sparse = make_pipeline(steps, sx.LogisticRegression()).fit(frame, Y)
    assert issparse(sparse[:-1].transform(frame))
    np.testing.assert_allclose(sparse[-1].coef_, pipeline[-1].coef_, rtol=1e-10)


# -- searches ---------------------------------------------------------------------------------------------


def test_grid_search():
    pipeline = make_pipeline(StandardScaler(), sx.LogisticRegression())
    grid = {
        "logisticregression__C": [0.01, 1.0, 100.0],
        "logisticregression__class_weight": [None, "balanced"],
    }
    search = GridSearchCV(pipeline, grid, scoring="neg_log_loss", cv=3).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_params_
    again = clone(pipeline).set_params(**best).fit(X, Y)
    assert_same_predictions(search.best_estimator_, again, X)
    # the score of the best is that of its folds
    scores = cross_val_score(clone(pipeline).set_params(**best), X, Y, cv=3, scoring="neg_log_loss")
    assert search.best_score_ == scores.mean() == search.cv_results_["mean_test_score"].max()


def test_threads():
    found = []
    for jobs in (1, 2):
        with joblib.parallel_backend("threading"):
            found.append(
                cross_validate(sx.LogisticRegression(), X, Y, cv=3, n_jobs=jobs, return_estimator=True)
            )
    for one, other in zip(*(of["estimator"] for of in found), strict=True):
        np.testing.assert_array_equal(one.coef_, other.coef_)
        np.testing.assert_array_equal(one.result_.bse, other.result_.bse)


def test_weights_are_routed():
    weight = np.random.default_rng(0).integers(1, 4, len(Y)).astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        step = (
            sx.LogisticRegression().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        )
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, step).fit(X, Y, sample_weight=weight)
        search = GridSearchCV(step, {"C": [1.0]}, cv=3).fit(X, Y, sample_weight=weight)
        refused = make_pipeline(sx.LogisticRegression())
        with pytest.raises(Exception, match="sample_weight"):
            refused.fit(X, Y, sample_weight=weight)
    direct = sx.LogisticRegression().fit(StandardScaler().fit_transform(X), Y, weight)
    np.testing.assert_array_equal(pipeline[-1].coef_, direct.coef_)
    np.testing.assert_array_equal(
        search.best_estimator_.coef_, sx.LogisticRegression().fit(X, Y, weight).coef_
    )


def test_import_names_the_extra():
    import subprocess
    import sys

    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import sigmax as sx\n"
        "try: sx.LogisticRegression\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "sigmax.LogisticRegression needs sklearn; install it with: pip install 'sigmax[sklearn]'"
    )


def test_docstrings():
    from sigmax.estimators import logistic

    found = doctest.testmod(logistic)
    assert found.attempted > 0
    assert found.failed == 0
