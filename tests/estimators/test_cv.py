"""`LogisticRegressionCV` gives what scikit-learn's gives once that has converged."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn
from scipy.sparse import csr_array
from sklearn import datasets
from sklearn.linear_model import LogisticRegressionCV as Theirs
from sklearn.metrics import get_scorer, log_loss, make_scorer
from sklearn.model_selection import GroupKFold, KFold, RepeatedStratifiedKFold, ShuffleSplit, StratifiedKFold

import sigmax as sx
from sigmax.estimators.versions import SKLEARN

SINCE_18 = SKLEARN >= (1, 8)
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    # of an old scikit-learn on a new SciPy
    pytest.mark.filterwarnings("ignore::DeprecationWarning:sklearn"),
]
#: not so weak that scikit-learn's 1 - p has lost its digits
CS = [1e-2, 1.0, 10.0]
MODERN = {"l1_ratios": (0.0,), "use_legacy_attributes": False} if SINCE_18 else {}


def load(name):
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def theirs(**given):
    # scikit-learn 1.6 fits several classes one by one with newton-cholesky, and its others end early
    solver = "newton-cholesky" if SKLEARN >= (1, 7) else "lbfgs"
    return Theirs(solver=solver, tol=1e-13, max_iter=10_000, **given)


def as_arrays(of):
    return [of[key] for key in sorted(of)] if isinstance(of, dict) else [of]


def assert_same(mine, other, tol=1e-8 if SKLEARN >= (1, 7) else 1e-5):
    assert np.array_equal(mine.Cs_, other.Cs_)
    for name in ("scores_", "coefs_paths_"):
        a, b = getattr(mine, name), getattr(other, name)
        assert type(a) is type(b)
        if isinstance(a, dict):
            assert list(a) == list(b)
        for x, z in zip(as_arrays(a), as_arrays(b), strict=True):
            assert x.shape == z.shape
            np.testing.assert_allclose(x, z, rtol=tol, atol=tol * max(1.0, np.abs(z).max()))
    assert np.shape(mine.n_iter_) == np.shape(other.n_iter_)
    assert mine.n_iter_.dtype == np.int32
    for name in ("C_", "l1_ratio_", "l1_ratios_"):
        a, b = getattr(mine, name), getattr(other, name)
        assert np.shape(a) == np.shape(b)
        assert np.array_equal(a, b)
    np.testing.assert_allclose(mine.coef_, other.coef_, rtol=tol, atol=tol * np.abs(other.coef_).max())
    np.testing.assert_allclose(mine.intercept_, other.intercept_, rtol=tol, atol=tol)


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", "balanced_accuracy"])
def test_scores_paths_and_choice_are_scikit_learns(name, scoring):
    X, y = load(name)
    given = {"Cs": CS, "cv": 4, "scoring": scoring}
    assert_same(sx.LogisticRegressionCV(**given).fit(X, y), theirs(**given).fit(X, y))


@pytest.mark.parametrize("name", ["iris", "breast_cancer"])
@pytest.mark.parametrize(
    "given",
    [
        {"refit": False},
        {"fit_intercept": False},
        {"class_weight": "balanced"},
        {"class_weight": {1: 3.0}},
        {"l1_ratios": None},
        {"l1_ratios": (0.0, 0.0), "penalty": "elasticnet", "solver": "saga"} if not SINCE_18 else {},
        {"cv": ShuffleSplit(3, random_state=0)},
        {"cv": RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)},
        MODERN,
        # scikit-learn 1.8 fails on this
        {**MODERN, "refit": False} if SKLEARN != (1, 8) else {"refit": False},
        {"l1_ratios": (0.0, 0.0)} if SINCE_18 else {},
        {"Cs": 3 if SKLEARN >= (1, 7) else 1, "scoring": "accuracy"},
        {"n_jobs": 1},
    ],
    ids=str,
)
def test_parameters_mean_what_they_mean_there(name, given):
    X, y = load(name)
    given = {"Cs": CS, "cv": 3, "scoring": "neg_log_loss"} | given
    if given.get("penalty") == "elasticnet":
        mine = sx.LogisticRegressionCV(**given).fit(X, y)
        assert next(iter(mine.scores_.values())).shape == (3, 3, 2)
        assert (mine.l1_ratio_ == 0.0).all()
        return
    assert_same(sx.LogisticRegressionCV(**given).fit(X, y), theirs(**given).fit(X, y))


@pytest.mark.parametrize("scoring", [None, "neg_log_loss", "roc_auc", "f1"])
def test_sample_weights_reach_fits_and_scores(scoring):
    X, y = load("breast_cancer")
    weight = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    given = {"Cs": CS, "cv": 3, "scoring": scoring}
    mine = sx.LogisticRegressionCV(**given).fit(X, y, sample_weight=weight)
    assert_same(mine, theirs(**given).fit(X, y, sample_weight=weight))
    if not SKLEARN >= (1, 9):
        other = theirs(**given).fit(X, y, weight)
        assert mine.score(X, y, weight) == pytest.approx(
            other.score(X, y, weight), rel=1e-8 if SKLEARN >= (1, 7) else 1e-5
        )
    assert mine.score(X, y, sample_weight=weight) == get_scorer(scoring or "accuracy")(
        mine, X, y, sample_weight=weight
    )


def test_scorers_may_be_callables_that_look_at_anything():
    X, y = load("iris")
    seen = []

    def scorer(estimator, X, y):
        seen.append((estimator.C, estimator.coef_.shape, estimator.classes_.tolist()))
        assert np.allclose(estimator.predict_proba(X + 0.0), estimator.predict_proba(X), rtol=1e-12)
        return -log_loss(y, estimator.predict_proba(X), labels=estimator.classes_)

    mine = sx.LogisticRegressionCV(Cs=CS, cv=3, scoring=scorer).fit(X, y)
    assert [C for C, _, _ in seen] == CS * 3
    assert {(shape, tuple(classes)) for _, shape, classes in seen} == {((3, 4), (0, 1, 2))}
    plain = sx.LogisticRegressionCV(Cs=CS, cv=3, scoring="neg_log_loss").fit(X, y)
    np.testing.assert_allclose(mine.scores_[0], plain.scores_[0], rtol=1e-13)
    made = make_scorer(log_loss, greater_is_better=False, response_method="predict_proba")
    by_made = sx.LogisticRegressionCV(Cs=CS, cv=3, scoring=made).fit(X, y)
    np.testing.assert_allclose(by_made.scores_[0], plain.scores_[0], rtol=1e-13)


def test_test_rows_that_lack_a_class_are_scored_with_all():
    X, y = load("iris")
    X, y = X[:110], y[:110]
    cv = [(np.arange(0, 110, 2), np.arange(1, 50, 2)), (np.arange(1, 110, 2), np.arange(0, 110, 2))]
    found = sx.LogisticRegressionCV(Cs=CS, cv=cv, scoring="neg_log_loss").fit(X, y).scores_[0]
    by_scorer = sx.LogisticRegressionCV(
        Cs=CS, cv=cv, scoring=make_scorer(log_loss, greater_is_better=False, response_method="predict_proba")
    ).fit(X, y)
    np.testing.assert_allclose(found, by_scorer.scores_[0], rtol=1e-12)
    assert np.isfinite(found).all()


def test_labels_of_any_kind_and_sparse_rows():
    X, y = load("wine")
    names = np.array(["c", "a", "b"])[y]
    plain = sx.LogisticRegressionCV(Cs=CS, cv=3).fit(X, y)
    named = sx.LogisticRegressionCV(Cs=CS, cv=StratifiedKFold(3).split(X, names)).fit(X, names)
    assert named.classes_.tolist() == list(named.scores_) == ["a", "b", "c"]
    np.testing.assert_allclose(np.sort(named.scores_["a"]), np.sort(plain.scores_[0]))
    X[np.abs(X) < 0.5] = 0.0
    dense = sx.LogisticRegressionCV(Cs=CS, cv=3).fit(X, y)
    sparse = sx.LogisticRegressionCV(Cs=CS, cv=3).fit(csr_array(X), y)
    for k in range(3):
        np.testing.assert_allclose(sparse.coefs_paths_[k], dense.coefs_paths_[k], rtol=1e-9, atol=1e-11)
        assert np.array_equal(sparse.scores_[k], dense.scores_[k])


def test_splitters_get_groups_by_metadata_routing():
    X, y = load("breast_cancer")
    groups = np.arange(len(y)) % 7
    with sklearn.config_context(enable_metadata_routing=True):
        cv = GroupKFold(n_splits=3).set_split_request(groups=True)
        scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
        weight = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
        given = {"Cs": CS, "cv": cv, "scoring": scorer}
        mine = sx.LogisticRegressionCV(**given).set_fit_request(sample_weight=True)
        other = theirs(**given).set_fit_request(sample_weight=True)
        mine.fit(X, y, sample_weight=weight, groups=groups)
        assert_same(mine, other.fit(X, y, sample_weight=weight, groups=groups))
        mine.score(X, y, sample_weight=weight)


def test_a_fold_that_lacks_a_class_warns_and_leaves_it_out():
    X, y = load("iris")
    with pytest.warns(sx.SeparationWarning, match=r"fold 0 lack the class 0"):
        mine = sx.LogisticRegressionCV(Cs=CS, cv=KFold(3), scoring="neg_log_loss").fit(X, y)
    for fold in range(3):
        there = [c for c in range(3) if c != fold]
        rows = np.isin(y, there)
        gone = mine.coefs_paths_[fold][fold, 1]
        assert gone[-1] == -np.inf
        assert (gone[:-1] == 0.0).all()
        low, high = (mine.coefs_paths_[c][fold, 1] for c in there)
        difference = high - low
        # of two classes the softmax penalises each slope by half of what the logistic does
        half = sx.fit(X[rows], y[rows], l2=0.5)
        np.testing.assert_allclose(difference[:-1], half.params[1:], rtol=1e-7)
    # the test rows are of that class alone: all have a probability of 0, which log_loss cuts off
    assert np.allclose(mine.scores_[0], np.log(np.finfo(float).eps))


@pytest.mark.parametrize("name", ["iris", "breast_cancer"])
def test_a_class_that_a_fold_lacks_has_an_optimum_without_an_intercept(name):
    X, y = load(name)
    cv = [(np.flatnonzero(y > 0), np.arange(len(y))), (np.arange(len(y)), np.arange(len(y)))]
    # nothing warns
    mine = sx.LogisticRegressionCV(Cs=[0.1, 1.0], cv=cv, fit_intercept=False, scoring="neg_log_loss").fit(
        X, y
    )
    weight = np.where(y > 0, 1.0, 1e-13)
    one = sx.LogisticRegression(fit_intercept=False).fit(X, y, weight)
    np.testing.assert_allclose(mine.coefs_paths_[1][0, 1], one.coef_[-1 if name != "iris" else 1], rtol=1e-10)
    np.testing.assert_allclose(mine.scores_[1][0, 1], -log_loss(y, one.predict_proba(X)), rtol=1e-11)


@pytest.mark.parametrize("columns", [slice(None), slice(2)], ids=["completely", "quasi"])
def test_the_limit_where_a_fold_lacks_a_class_and_the_others_are_separated(columns):
    X, y = load("iris")
    X, train = X[:, columns], np.flatnonzero(y < 2)
    cv = [(train, np.arange(len(y)))]
    with pytest.warns(sx.SeparationWarning) as told:
        mine = sx.LogisticRegressionCV(Cs=[np.inf], cv=cv, scoring="neg_log_loss").fit(X, y)
    separations = [str(w.message) for w in told if issubclass(w.category, sx.SeparationWarning)]
    assert len(separations) == 3
    assert "fold 0 lack the class 2" in separations[0]
    assert "fold 0 with C=inf: the classes are separated" in separations[1]
    with pytest.warns(sx.SeparationWarning):
        two = sx.LogisticRegression(C=np.inf).fit(X[train], y[train])
    p = np.column_stack([two.predict_proba(X), np.zeros(len(y))])
    np.testing.assert_allclose(mine.scores_[0][0, 0], -log_loss(y, p), rtol=1e-10)
    np.testing.assert_array_equal(mine.coefs_paths_[1][0, 0], np.append(two.coef_[0], two.intercept_))
    assert mine.coefs_paths_[2][0, 0, -1] == -np.inf


def test_the_mean_of_folds_without_an_optimum_is_finite():
    X, y = load("iris")
    with pytest.warns(sx.SeparationWarning, match="the classes are separated"):
        mine = sx.LogisticRegressionCV(Cs=[np.inf], cv=3, refit=False).fit(X, y)
    assert np.isnan(mine.coefs_paths_[1]).any()
    assert np.isfinite(mine.coef_).all()
    assert np.isfinite(mine.intercept_).all()
    assert mine.predict_proba(X).shape == (150, 3)


def test_labels_of_text_have_the_same_scores():
    X, y = load("breast_cancer")
    for scoring in ("f1", "roc_auc", "neg_log_loss"):
        given = {"Cs": [1.0], "cv": 3, "scoring": scoring}
        text = sx.LogisticRegressionCV(**given).fit(X, np.array(["no", "yes"])[y])
        numbers = sx.LogisticRegressionCV(**given).fit(X, y)
        np.testing.assert_array_equal(text.scores_["yes"], numbers.scores_[1])


def test_folds_of_one_class_alone():
    X, y = load("breast_cancer")
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    zeros = int((y == 0).sum())
    cv = [(np.arange(zeros), np.arange(zeros, len(y))), (np.arange(len(y)), np.arange(len(y)))]
    with pytest.warns(sx.SeparationWarning, match=r"fold 0 lack the class 1"):
        mine = sx.LogisticRegressionCV(Cs=CS, cv=cv).fit(X, y)
    assert (mine.coefs_paths_[1][0, :, -1] == -np.inf).all()
    assert (mine.coefs_paths_[1][0, :, :-1] == 0.0).all()
    assert (mine.scores_[1][0] == 0.0).all()
    with pytest.warns(sx.SeparationWarning):
        mean = sx.LogisticRegressionCV(Cs=CS, cv=cv, refit=False).fit(X, y)
    assert np.isfinite(mean.decision_function(X)).all()
    # of -2**16 and a fit
    assert -33e3 < mean.intercept_[0] < -32e3


def test_separated_folds_without_a_penalty_warn_and_are_scored_in_the_limit():
    X, y = load("iris")
    X, y = X[:100], y[:100]
    with pytest.warns(sx.SeparationWarning, match="separated"):
        mine = sx.LogisticRegressionCV(Cs=[1.0, np.inf], cv=3).fit(X, y)
    assert (mine.scores_[1] == 1.0).all()
    assert not np.isfinite(mine.coefs_paths_[1][:, 1]).all()
    assert mine.C_.tolist() == [1.0]


def test_dependent_columns():
    X, y = load("breast_cancer")
    X = np.column_stack([X[:, :5], X[:, 0] + X[:, 1], np.ones(len(y))])
    given = {"Cs": CS, "cv": 3}
    assert_same(
        sx.LogisticRegressionCV(**given).fit(X, y),
        theirs(**given).fit(X, y),
        tol=1e-7 if SKLEARN >= (1, 7) else 1e-5,
    )


@pytest.mark.parametrize("K", [2, 3])
def test_dependent_columns_without_a_penalty(K):
    X, y = load("breast_cancer" if K == 2 else "wine")
    y = y if K == 2 else np.random.default_rng(0).integers(0, 3, len(y))
    X = np.column_stack([X[:, :3], X[:, 0] + X[:, 1], np.ones(len(y))])
    mine = sx.LogisticRegressionCV(Cs=[np.inf], cv=3, scoring="neg_log_loss").fit(X, y)
    for f, (train, test) in enumerate(StratifiedKFold(3).split(X, y)):
        least = sx.LogisticRegression(C=np.inf).fit(X[train], y[train])
        np.testing.assert_allclose(
            mine.coefs_paths_[1][f, 0, :-1], least.coef_[int(K > 2)], rtol=1e-9, atol=1e-9
        )
        expected = -log_loss(y[test], least.predict_proba(X[test]))
        np.testing.assert_allclose(mine.scores_[1][f, 0], expected, rtol=1e-10)


def test_the_refit_starts_at_zero_where_folds_lack_classes_on_both_sides():
    X, y = load("iris")
    cv = KFold(2)
    with pytest.warns(sx.SeparationWarning, match=r"fold 0 lack the class 0"):
        mine = sx.LogisticRegressionCV(Cs=[1.0], cv=cv).fit(X[:100], y[:100])
    np.testing.assert_allclose(mine.coef_, sx.LogisticRegression().fit(X[:100], y[:100]).coef_, rtol=1e-11)


def test_the_refit_is_the_fit_of_all_rows_with_its_result():
    X, y = load("breast_cancer")
    mine = sx.LogisticRegressionCV(Cs=CS, cv=3).fit(X, y)
    one = sx.LogisticRegression(C=float(mine.C_[0])).fit(X, y)
    np.testing.assert_allclose(mine.coef_, one.coef_, rtol=1e-11)
    assert mine.result_.certificate.converged
    assert mine.result_.l2 == 1.0 / mine.C_[0]
    assert not hasattr(sx.LogisticRegressionCV(Cs=CS, cv=3, refit=False).fit(X, y), "result_")
    for other in (pickle.loads(pickle.dumps(mine)), copy.copy(mine)):
        assert np.array_equal(other.predict_proba(X), mine.predict_proba(X))


def test_without_a_refit_no_result_is_left():
    X, y = load("iris")
    mine = sx.LogisticRegressionCV(Cs=CS, cv=3).fit(X, y)
    assert not hasattr(mine.set_params(refit=False).fit(X, y), "result_")


@pytest.mark.parametrize(
    ("given", "messages"),
    [
        # each fit, and the last one
        (
            {"max_iter": 1},
            ["fold 0 with C=0.01: the iteration limit .* raise max_iter", "1 step; raise max_iter"],
        ),
        ({"max_iter": 1, "refit": False}, ["9 of 9 fits .* raise max_iter"]),
        (
            {"Cs": [1e30], "refit": False, "max_iter": 99},
            ["3 of 3 fits .* could not be certified; leave out the largest of Cs"],
        ),
    ],
    ids=str,
)
def test_fits_without_a_proof_say_which_knob_to_turn(given, messages):
    X, y = load("iris")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sx.LogisticRegressionCV(**{"Cs": CS, "cv": 3, **given}).fit(X, y == 0)
    told = [w for w in caught if issubclass(w.category, sx.ConvergenceWarning)]
    assert len(told) == len(messages)
    for warning, message in zip(told, messages, strict=True):
        assert re.search(message, str(warning.message))
        assert warning.filename == __file__


def test_the_constructor_is_scikit_learns():
    mine, other = (inspect.signature(of).parameters for of in (sx.LogisticRegressionCV, Theirs))
    assert {n: p.default for n, p in mine.items()} == {n: p.default for n, p in other.items()}
    assert all(p.kind is p.KEYWORD_ONLY for p in mine.values())


@pytest.mark.filterwarnings("default::FutureWarning")
def test_warnings_are_scikit_learns():
    X, y = load("iris")

    def told(estimator):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            estimator.fit(X, y)
        return [(w.category, str(w.message)[:40], w.filename) for w in caught if w.category is FutureWarning]

    X, y = X[::10], y[::10]
    for given in ({}, {"penalty": "l2"}, {"scoring": None}, MODERN):
        mine, other = told(sx.LogisticRegressionCV(Cs=2, **given)), told(Theirs(Cs=2, **given))
        assert [w[:2] for w in mine] == [w[:2] for w in other]
        assert all(file == __file__ for _, _, file in mine)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Cs": 0}, "Cs"),
        ({"Cs": []}, "Cs"),
        ({"Cs": "many"}, "Cs"),
        ({"Cs": [1.0, -1.0, 0.0]}, r"Cs\[1\] = .*-1"),
        ({"Cs": [1e-320]}, "1/C is beyond"),
        ({"Cs": [np.nan]}, r"Cs\[0\]"),
        ({"penalty": "l1", "solver": "saga"}, "no L1"),
        ({"penalty": "elasticnet", "solver": "saga"}, "l1_ratios"),
        ({"penalty": "elasticnet", "solver": "saga", "l1_ratios": [0.5]}, "no L1"),
        ({"penalty": "elasticnet", "solver": "saga", "l1_ratios": [1.5]}, "between 0 and 1"),
        ({"penalty": 3}, "penalty"),
        ({"refit": "yes"}, "refit"),
        ({"scoring": 3}, "scoring"),
        ({"scoring": "no such"}, "no such"),
        ({"solver": "simplex"}, "solver"),
        ({"cv": 1}, "n_splits=1|k-fold"),
        ({"use_legacy_attributes": "no"}, "use_legacy_attributes"),
    ],
)
def test_bad_parameters_are_refused(given, message):
    if not SINCE_18 and "use_legacy_attributes" in given:
        pytest.skip("this scikit-learn has no such parameter")
    X, y = load("iris")
    with pytest.raises(ValueError, match=message):
        sx.LogisticRegressionCV(**given).fit(X, y)


def test_bad_rows_are_refused():
    X, y = load("iris")
    X[3, 1] = np.inf
    with pytest.raises(ValueError, match="X"):
        sx.LogisticRegressionCV().fit(X, y)
    with pytest.raises(ValueError, match="one class"):
        sx.LogisticRegressionCV().fit(X[:50, :1], y[:50])
