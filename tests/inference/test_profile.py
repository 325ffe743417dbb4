"""The profile of one parameter, point by point and its ends: ``Result.profile``."""

import pickle
import warnings

import numpy as np
import pytest
from mpmath import mp, mpf
from oracles import firth, profile
from oracles.newton import optimum

import sigmax as sx
from sigmax.exceptions import SeparationWarning

#: the 0.95 quantile of chi^2 with one degree of freedom
WANTED = 3.841458820694124


def quietly(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SeparationWarning)
        return sx.fit(*args, **kwargs)


@pytest.fixture(scope="module")
def three():
    """Three classes, two columns."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(40, 2)) + 0.5
    return X, rng.integers(0, 3, 40)


def separated():
    """A marker that only the second class has; a covariate."""
    rng = np.random.default_rng(8)
    y = np.r_[np.ones(6, int), np.arange(24) % 3 == 0].astype(int)
    return np.column_stack([rng.normal(size=30), np.r_[np.ones(6), np.zeros(24)]]), y


# -- against 50 digits -----------------------------------------------------------------------------


@pytest.mark.parametrize("l2", [0.0, 0.7])
def test_constrained_maxima_to_50_digits(three, l2, backend_name):
    X, y = three
    r = sx.fit(X, y, l2=l2, names=["a", "b"], backend=backend_name)
    _, _, least = profile.constrained(X, y, 3, np.zeros((0, 6)), [], r.params.ravel(), l2=l2)
    for row, label in enumerate((1, 2)):
        for column, name in enumerate(("intercept", "a", "b")):
            j = 3 * row + column
            values = r.params[row, column] + np.array([-1.3, 0.4, 0.0])
            found = r.profile(f"{name}[{label}]").deviance(values)
            for value, deviance in zip(values.tolist(), found.tolist(), strict=True):
                _, _, f = profile.constrained(X, y, 3, np.eye(6)[[j]], [value], r.params.ravel(), l2=l2)
                assert deviance == pytest.approx(float(2 * (f - least)), abs=1e-9)


def test_the_supremum_of_separated_classes_takes_the_maximum_s_place(backend_name):
    X, y = separated()
    r = quietly(X, y, names=["age", "marker"], backend=backend_name)
    assert r.params[2] == np.inf
    # the six rows with the marker are certain at the supremum
    least = -optimum(X[6:, :1], y[6:], 2).llf
    values = [-1.0, 0.5, 3.0, 9.0]
    found = r.profile("marker").deviance(values)
    for value, deviance in zip(values, found.tolist(), strict=True):
        start = [r.params[0], r.params[1], value]
        _, _, f = profile.constrained(X, y, 2, np.eye(3)[[2]], [value], start)
        assert deviance == pytest.approx(float(2 * (f - least)), abs=1e-9)
    assert (np.diff(found) < 0.0).all()
    assert 0.0 <= r.profile("marker").deviance(40.0) < 1e-9


def test_firth_s_penalised_likelihood(backend_name):
    rng = np.random.default_rng(3)
    x = rng.normal(size=14)
    y = (x + rng.normal(size=14) > 0.3).astype(int)
    r = sx.fit(x[:, None], y, names=["x"], bias_reduction="firth", backend=backend_name)
    problem = firth.Problem(x[:, None], y, 2)
    top = problem.maximum()
    values = [-0.5, 0.3, 4.0]
    found = r.profile("x").deviance(values)
    with mp.workdps(50):
        for value, deviance in zip(values, found.tolist(), strict=True):
            # the score of the intercept is 0 at the constrained maximum
            free = mp.findroot(lambda b, v=value: problem.score([b, v])[0][0], (r.params[0], 0.0))
            assert deviance == pytest.approx(
                float(2 * (top.penalised - problem.value([free, mpf(value)]))), abs=1e-9
            )


# -- the ends --------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"l2": 2.0}, {"bias_reduction": "firth"}])
def test_ends_of_the_interval_have_the_quantile(options, backend_name):
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y, names=list(data.features), backend=backend_name, **options)
    ends = r.conf_int(method="profile")
    # Firth's ends are met to 1e-10 of the quantile, others are proved to 1e-9; and so is a deviance
    for name, pair in zip(r.param_names, ends, strict=True):
        found = r.profile(name)
        np.testing.assert_allclose(found.deviance(pair), WANTED, rtol=0.0, atol=1e-9)
        # the same interval, to the bit
        np.testing.assert_array_equal(found.interval(), pair)


def test_ends_of_separated_classes_and_of_another_reference(three, backend_name):
    r = quietly(*separated(), names=["age", "marker"], backend=backend_name)
    low, high = r.conf_int(method="profile")[2]
    assert high == np.inf
    assert r.profile("marker").deviance(low) == pytest.approx(WANTED, abs=1e-9)
    X, y = three
    first = sx.fit(X, y, names=["a", "b"], backend=backend_name)
    for other in (first.rebase(2), first.symmetric()):
        ends = other.conf_int(method="profile")
        for row, label in enumerate(other.row_labels):
            np.testing.assert_allclose(other.profile(f"a[{label}]").deviance(ends[row, 1]), WANTED, atol=1e-9)
    # the same difference of classes, the other way round
    np.testing.assert_allclose(
        first.rebase(2).profile("b[0]").deviance(-0.3), first.profile("b[2]").deviance(0.3), atol=1e-9
    )


def test_columns_left_out_do_not_shift_the_others(backend_name):
    data = sx.datasets.load("spector")
    X = np.column_stack([data.X[:, 0], 2.0 * data.X[:, 0], data.X[:, 1:]])
    r = sx.fit(X, data.y, names=["GPA", "twice", "TUCE", "PSI"], backend=backend_name)
    alone = sx.fit(data.X, data.y, names=["GPA", "TUCE", "PSI"], backend=backend_name)
    np.testing.assert_array_equal(
        r.profile("PSI").deviance([0.0, 1.0]), alone.profile("PSI").deviance([0.0, 1.0])
    )
    with pytest.raises(
        ValueError, match="term must be a parameter that was estimated; the column of 'twice'"
    ):
        r.profile("twice").deviance(0.0)


def test_a_parameter_without_a_limit_has_none(backend_name):
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.normal(size=60), np.r_[np.ones(9), np.zeros(51)]])
    y = rng.integers(0, 3, 60)
    y[:9] = 2
    r = quietly(X, y, names=["x", "marker"], backend=backend_name)
    assert np.isnan(r.params[0, 2])
    assert np.isnan(r.profile("marker[1]").deviance([0.0, 1.0])).all()


# -- what is given, and what comes back --------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (3,), (2, 2), (0,)])
def test_the_shape_is_that_of_the_values(shape):
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y, names=list(data.features))
    values = np.full(shape, r.params[1])
    found = r.profile("GPA").deviance(values)
    assert found.shape == shape
    np.testing.assert_allclose(found, 0.0, atol=1e-12)


def test_names_that_are_no_words_need_no_backticks():
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y, names=["1st grade", "TUCE", "PSI"])
    np.testing.assert_array_equal(
        r.profile("`1st grade`").deviance(1.0), r.profile("1st grade").deviance(1.0)
    )


def test_what_is_known_of_the_parameter(three):
    X, y = three
    r = sx.fit(X, y, names=["a", "b"]).with_covariance("HC1")
    found = r.profile("b[2]")
    assert (found.name, found.estimate, found.std_error) == ("b[2]", r.params[1, 2], r.bse[1, 2])
    assert found.covariance_kind == "HC1"
    assert repr(found) == f"<profile of b[2]: estimate {r.params[1, 2]:.6g}>"
    low, high = found.interval(0.5)
    np.testing.assert_array_equal([low, high], r.conf_int(0.5, method="profile")[1, 2])
    with pytest.raises(ValueError, match="level must be between 0 and 1; got 95"):
        found.interval(95)


def test_bad_input_is_named(three):
    X, y = three
    r = sx.fit(X, y, names=["a", "b"])
    with pytest.raises(TypeError, match="term must be the name of a parameter, a str; got int"):
        r.profile(1)
    with pytest.raises(ValueError, match=r"one for each of 2 classes: say which, as in 'a\[1\]'"):
        r.profile("a").deviance(0.0)
    with pytest.raises(ValueError, match=r"must be the name of one parameter; got 'c\[1\]', near are"):
        r.profile("c[1]").deviance(0.0)
    with pytest.raises(
        ValueError, match=r"values must be finite; 1 value nan or inf, the first at values\[1\]"
    ):
        r.profile("a[1]").deviance([0.0, np.inf])
    with pytest.raises(ValueError, match="values must hold real numbers"):
        r.profile("a[1]").deviance(["x"])
    with pytest.raises(ValueError, match="which a pickled result leaves behind"):
        pickle.loads(pickle.dumps(r)).profile("a[1]").deviance(0.0)
    with pytest.raises(ValueError, match="the parameters that were fitted"):
        sx.fit(X, y, names=["a", "b"], bias_reduction="firth").symmetric().profile("a[1]").deviance(0.0)
