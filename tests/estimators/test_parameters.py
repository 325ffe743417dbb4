"""The constructor, the attributes and the parameters of the scikit-learn that is installed."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
import sklearn
from scipy.linalg import LinAlgWarning
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import sigmax as sx
from sigmax.estimators import parameters

X, Y = load_iris(return_X_y=True)
X2, Y2 = X[50:], Y[50:]
VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
since_18 = pytest.mark.skipif(VERSION < (1, 8), reason="penalty is not deprecated")
before_18 = pytest.mark.skipif(VERSION >= (1, 8), reason="penalty is deprecated")


def parameters_of(model):
    return [(one.name, one.kind, one.default) for one in inspect.signature(type(model)).parameters.values()]


def test_constructor_is_theirs():
    assert parameters_of(sx.LogisticRegression()) == parameters_of(LogisticRegression())
    assert sx.LogisticRegression().get_params() == LogisticRegression().get_params()


def test_constructors_of_other_versions():
    # what cannot be compared with an installed library: the order is that of its source
    old = [*inspect.signature(parameters.Before18).parameters]
    new = [*inspect.signature(parameters.Since18).parameters]
    assert set(old) - set(new) == {"multi_class"}
    assert set(new) - set(old) == set()
    defaults = inspect.signature(parameters.Before18).parameters
    assert (defaults["penalty"].default, defaults["l1_ratio"].default) == ("l2", None)


def test_fitted_attributes_are_theirs():
    for columns, labels in ((X, Y), (X2, Y2)):
        ours = sx.LogisticRegression().fit(columns, labels)
        theirs = LogisticRegression(solver="newton-cholesky").fit(columns, labels)
        fitted = {name for name in vars(theirs) if name.endswith("_") and not name.startswith("_")}
        mine = {name for name in vars(ours) if name.endswith("_") and not name.startswith("_")}
        assert mine == fitted | {"result_"}
        for name in fitted:
            one, other = getattr(ours, name), getattr(theirs, name)
            assert np.shape(one) == np.shape(other)
            assert type(one) is type(other)
            assert np.asarray(one).dtype == np.asarray(other).dtype


def test_methods_are_theirs():
    public = {name for name in dir(LogisticRegression) if not name.startswith("_")}
    assert public - set(dir(sx.LogisticRegression)) == set()
    for name in ("fit", "predict", "predict_proba", "predict_log_proba", "decision_function", "score"):
        ours, theirs = (
            inspect.signature(getattr(of, name)) for of in (sx.LogisticRegression, LogisticRegression)
        )
        assert [*ours.parameters] == [*theirs.parameters]


def test_predictions_are_theirs_in_shape():
    for columns, labels in ((X, Y), (X2, Y2)):
        ours = sx.LogisticRegression().fit(columns, labels)
        theirs = LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(columns, labels)
        for name in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
            one, other = (getattr(of, name)(columns) for of in (ours, theirs))
            assert one.shape == other.shape
            assert one.dtype == other.dtype
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "C",
            0.0,
            r"The 'C' parameter of LogisticRegression must be a float in the range \(0.0, inf\]. Got 0.0",
        ),
        ("C", -1, "The 'C' parameter .* Got -1 instead"),
        ("C", "1", "The 'C' parameter .* Got '1' instead"),
        ("C", np.nan, "The 'C' parameter .* Got nan instead"),
        ("C", 1e-310, "1/C is beyond the range of float64"),
        ("tol", -1e-4, r"The 'tol' parameter .* in the range \[0.0, inf\). Got -0.0001"),
        ("tol", np.inf, "The 'tol' parameter .* Got inf"),
        ("max_iter", -1, "The 'max_iter' parameter .* whole number of at least 0. Got -1"),
        ("max_iter", 10.0, "The 'max_iter' parameter .* Got 10.0"),
        ("solver", "newton", "The 'solver' parameter .* one of 'auto', 'lbfgs', .* Got 'newton'"),
        ("penalty", "l3", "The 'penalty' parameter .* one of 'l1', 'l2', 'elasticnet', or None. Got 'l3'"),
        ("penalty", 2, "The 'penalty' parameter .* Got 2"),
        ("class_weight", "even", "The 'class_weight' parameter .* a dict, 'balanced' or None. Got 'even'"),
        ("class_weight", {0: -1.0}, "class_weight must hold finite weights >= 0; got {0: -1.0}"),
        ("fit_intercept", 1, "The 'fit_intercept' parameter .* a bool. Got 1"),
        ("fit_intercept", "yes", "The 'fit_intercept' parameter .* a bool. Got 'yes'"),
        ("warm_start", None, "The 'warm_start' parameter .* a bool. Got None"),
        ("dual", 0, "The 'dual' parameter .* a bool. Got 0"),
        ("dual", True, "Solver lbfgs supports only dual=False, got dual=True"),
        ("intercept_scaling", 0, r"The 'intercept_scaling' parameter .* \(0.0, inf\). Got 0"),
        ("random_state", -1, "The 'random_state' parameter .* Got -1"),
        ("random_state", "seed", "The 'random_state' parameter .* Got 'seed'"),
        ("verbose", -1, "The 'verbose' parameter .* Got -1"),
        ("n_jobs", 1.5, "The 'n_jobs' parameter .* a whole number or None. Got 1.5"),
        ("l1_ratio", 2.0, r"The 'l1_ratio' parameter .* \[0.0, 1.0\] or None. Got 2.0"),
    ],
)
def test_what_is_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        sx.LogisticRegression(**{name: value}).fit(X, Y)


@pytest.mark.parametrize(
    "given",
    [
        {
            "C": np.float32(2.0),
            "tol": 0,
            "max_iter": np.int64(200),
            "verbose": True,
            "fit_intercept": np.True_,
        },
        {"solver": "liblinear", "dual": True, "random_state": np.random.RandomState(0)},
        {"C": np.inf, "tol": 1e-14, "max_iter": 100_000},
    ],
)
def test_what_is_taken(given):
    data = sx.datasets.load("spector")
    model = sx.LogisticRegression(**given).fit(data.X, data.y)
    assert model.result_.certificate.converged


@pytest.mark.filterwarnings("ignore:'penalty' was deprecated:FutureWarning")
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"penalty": "l1", "solver": "saga"}, "penalty='l1'"),
        ({"penalty": "l1", "solver": "liblinear", "C": 0.1}, "penalty='l1'"),
        ({"penalty": "elasticnet", "solver": "saga", "l1_ratio": 0.5}, "penalty='elasticnet'"),
        pytest.param({"l1_ratio": 1, "solver": "saga"}, "l1_ratio=1", marks=since_18),
        pytest.param({"l1_ratio": 0.25, "solver": "saga"}, "l1_ratio=0.25", marks=since_18),
    ],
)
def test_no_l1_yet(given, named):
    with pytest.raises(ValueError, match=f"has no L1 and no elastic-net penalty yet, got {named}; "):
        sx.LogisticRegression(**given).fit(X, Y)


# what scikit-learn's own estimator warns of, category and first sentence
@pytest.mark.parametrize(
    "given",
    [
        {"penalty": "l2"},
        {"penalty": None},
        {"penalty": None, "C": 3.0},
        {"penalty": "l2", "l1_ratio": 0.5},
        {"penalty": "l2", "l1_ratio": 0.0},
        {"l1_ratio": None},
        {"C": 3.0},
        {"n_jobs": 2},
    ],
    ids=str,
)
def test_what_is_warned_of_is_what_they_warn_of(given):
    found = []
    for make in (LogisticRegression, sx.LogisticRegression):
        with warnings.catch_warnings(record=True) as recorded:
            warnings.simplefilter("always")
            make(**given, solver="newton-cholesky").fit(X2, Y2)
        found.append([one for one in recorded if not issubclass(one.category, LinAlgWarning)])
    theirs, ours = found
    assert [one.category for one in ours] == [one.category for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert str(one.message).split()[:6] == str(other.message).split()[:6]
        # where the user stands
        assert one.filename == __file__


@pytest.mark.filterwarnings("ignore:'penalty' was deprecated:FutureWarning")
def test_no_penalty_in_two_ways():
    data = sx.datasets.load("spector")
    one = sx.LogisticRegression(penalty=None).fit(data.X, data.y)
    other = sx.LogisticRegression(C=np.inf).fit(data.X, data.y)
    np.testing.assert_array_equal(one.coef_, other.coef_)


@before_18
@pytest.mark.filterwarnings("ignore:'multi_class' was deprecated:FutureWarning")
def test_multi_class_of_old():
    for asked in ("auto", "multinomial"):
        model = sx.LogisticRegression(multi_class=asked).fit(X, Y)
        np.testing.assert_array_equal(model.coef_, sx.LogisticRegression().fit(X, Y).coef_)
    sx.LogisticRegression(multi_class="ovr").fit(X2, Y2)
    with pytest.raises(ValueError, match=r"another model than multinomial regression; use OneVsRest"):
        sx.LogisticRegression(multi_class="ovr").fit(X, Y)
    with pytest.raises(ValueError, match=r"with half the penalty; .* pass 2 \* C"):
        sx.LogisticRegression(multi_class="multinomial").fit(X2, Y2)
    with pytest.raises(ValueError, match="The 'multi_class' parameter"):
        sx.LogisticRegression(multi_class="one").fit(X2, Y2)


# -- how long a fit goes on -----------------------------------------------------------------------------


def test_defaults_reach_the_optimum_and_a_small_limit_does_not():
    exact = sx.LogisticRegression(tol=1e-14, max_iter=5000).fit(X, Y)
    model = sx.LogisticRegression().fit(X, Y)
    assert model.result_.certificate.newton_decrement <= 1e-11
    np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-12)
    assert model.n_iter_.tolist() == [model.result_.certificate.iterations]
    for limit in (0, 1, 2):
        with pytest.warns(sx.ConvergenceWarning, match="raise max_iter"):
            short = sx.LogisticRegression(max_iter=limit).fit(X, Y)
        assert short.n_iter_.tolist() == [limit]


def test_a_limit_that_is_no_limit():
    assert [parameters.steps(n) for n in (0, 99, 100, 1000, 1001)] == [0, 99, None, None, 1001]
    assert [parameters.tolerance(t) for t in (1e-4, 1e-12, 1e-14, 0)] == [1e-12, 1e-12, 1e-14, 0.0]


def test_warm_start():
    cold = sx.LogisticRegression().fit(X, Y)
    model = sx.LogisticRegression(warm_start=True).fit(X, Y)
    np.testing.assert_array_equal(model.coef_, cold.coef_)
    again = model.fit(X, Y).n_iter_[0]
    assert again < cold.n_iter_[0]
    np.testing.assert_allclose(model.coef_, cold.coef_, rtol=1e-12)
    # from another optimum, sparse or not
    model.set_params(C=2.0).sparsify().fit(X, Y)
    np.testing.assert_allclose(model.coef_, sx.LogisticRegression(C=2.0).fit(X, Y).coef_, rtol=1e-11)
    with pytest.raises(
        ValueError, match=r"warm_start=True needs coef_ of the shape .* \(1, 4\); got \(3, 4\)"
    ):
        model.fit(X2, Y2)
    binary = sx.LogisticRegression(warm_start=True, fit_intercept=False).fit(X2, Y2)
    assert binary.fit(X2, Y2).n_iter_[0] <= 1


def test_without_warm_start_nothing_is_remembered():
    model = sx.LogisticRegression().fit(X, Y)
    model.coef_ = np.full((1, 1), np.nan)
    np.testing.assert_array_equal(model.fit(X, Y).coef_, sx.LogisticRegression().fit(X, Y).coef_)


@pytest.mark.parametrize("verbose", [0, 1])
def test_verbose_is_silent_where_there_is_no_terminal(capsys, verbose):
    model = sx.LogisticRegression(verbose=verbose).fit(X, Y)
    assert model.result_.certificate.converged
    assert capsys.readouterr() == ("", "")


# -- errors of data -------------------------------------------------------------------------------------


def refuse(message, X, y, *weight, **given):
    with pytest.raises(ValueError, match=message):
        sx.LogisticRegression(**given).fit(X, y, *weight)


def test_one_class_is_the_error_of_scikit_learn():
    found = []
    for make in (LogisticRegression, sx.LogisticRegression):
        with pytest.raises(ValueError, match="at least 2 classes") as raised:
            make().fit(X[:50], Y[:50])
        found.append(str(raised.value))
    assert found[0] == found[1]


def test_bad_data():
    bad = X.copy()
    bad[3, 1] = np.nan
    refuse(r"X must be finite; 1 value nan or inf, the first at X\[3, 1\] = nan", bad, Y)
    refuse("Unknown label type", X, Y + 0.5)
    refuse("inconsistent numbers of samples", X, Y[1:])
    refuse(r"sample_weight must have shape \(150,\)", X, Y, np.ones(149))
    refuse(
        r"sample_weight must not be negative; 1 value below 0, the first at sample_weight\[2\]", X, Y, w(2)
    )
    refuse("sample_weight must have a positive value; all 150 are zero", X, Y, np.zeros(150))
    with pytest.raises(ValueError, match="contains NaN"):
        sx.LogisticRegression().fit(X, Y).predict(bad)


def w(index):
    weight = np.ones(150)
    weight[index] = -1.0
    return weight
