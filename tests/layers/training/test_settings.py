"""Settings of a run: what is refused, and in which words."""

import re

import numpy as np
import pytest
from layers.training.costs import logistic

from sigmax.layers.training import METHODS, train

FULL = ["lbfgs", "newton-cg", "gd"]
STOCHASTIC = ["sgd", "adam"]


def refused(error, message, theta=(0.0, 0.0, 0.0, 0.0), **settings):
    cost = logistic()
    with pytest.raises(error, match=re.escape(message)):
        train(cost, theta, **settings)
    # before anything is read
    assert cost.rows_read == 0


def test_the_table():
    assert list(METHODS) == ["lbfgs", "newton-cg", "gd", "sgd", "adam"]
    assert [name for name, method in METHODS.items() if method.stochastic] == STOCHASTIC
    with pytest.raises(TypeError):
        METHODS["mine"] = METHODS["gd"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("L-BFGS", "lbfgs"),
        ("newton_cg", "newton-cg"),
        ("Adam", "adam"),
        ("sdg", "sgd"),
        ("newton", "newton-cg"),
    ],
)
def test_a_method_that_is_near_one(name, meant):
    refused(
        ValueError,
        f"method must be one of lbfgs, newton-cg, gd, sgd, adam; got {name!r}; did you mean {meant!r}?",
        method=name,
    )


def test_a_method_that_is_none():
    cost = logistic()
    with pytest.raises(ValueError, match=r"got 'rmsprop'$"):
        train(cost, np.zeros(4), method="rmsprop")
    refused(TypeError, "method must be one of lbfgs, newton-cg, gd, sgd, adam; got None", method=None)
    refused(TypeError, "got ['gd']", method=["gd"])


@pytest.mark.parametrize("method", FULL)
def test_batches_are_for_methods_that_have_them(method):
    refused(
        ValueError,
        f"batch_size is a setting of sgd and adam; {method} has none: it reads all rows in every step",
        method=method,
        batch_size=32,
    )


@pytest.mark.parametrize("method", ["lbfgs", "newton-cg"])
def test_a_learning_rate_is_for_methods_that_have_one(method):
    refused(
        ValueError,
        f"learning_rate is a setting of gd, sgd and adam; {method} has none: it finds the length of its",
        method=method,
        learning_rate=0.1,
    )


@pytest.mark.parametrize("method", [*FULL, "adam"])
def test_momentum_is_for_sgd(method):
    refused(ValueError, f"momentum is a setting of sgd; {method} has none", method=method, momentum=0.5)


@pytest.mark.parametrize(
    ("setting", "value", "error", "expected"),
    [
        ("max_iter", 0, ValueError, "a whole number of at least 1"),
        ("max_iter", -3, ValueError, "a whole number of at least 1"),
        ("max_iter", 2.0, TypeError, "a whole number of at least 1"),
        ("max_iter", True, TypeError, "a whole number of at least 1"),
        ("max_iter", "9", TypeError, "a whole number of at least 1"),
        ("batch_size", 0, ValueError, "a whole number of at least 1"),
        ("batch_size", 0.5, TypeError, "a whole number of at least 1"),
        ("learning_rate", 0.0, ValueError, "a positive number"),
        ("learning_rate", -0.1, ValueError, "a positive number"),
        ("learning_rate", np.inf, ValueError, "a positive number, and finite"),
        ("learning_rate", np.nan, ValueError, "a positive number, and finite"),
        ("learning_rate", "0.1", TypeError, "a positive number"),
        ("learning_rate", True, TypeError, "a positive number"),
        ("momentum", 1.0, ValueError, "a number with 0 <= value < 1"),
        ("momentum", -0.1, ValueError, "a number with 0 <= value < 1"),
        ("momentum", [0.9], TypeError, "a number with 0 <= value < 1"),
        ("tol", -1e-8, ValueError, "a number of at least 0"),
        ("tol", np.nan, ValueError, "a number of at least 0, and finite"),
        ("tol", 1j, TypeError, "a number of at least 0"),
        ("callback", 3, TypeError, "callable or None"),
        ("seed", -1, ValueError, "a whole number of at least 0, a numpy Generator, a SeedSequence or None"),
        ("seed", "a", TypeError, "a whole number of at least 0, a numpy Generator, a SeedSequence or None"),
    ],
)
def test_values_that_are_none(setting, value, error, expected):
    refused(error, f"{setting} must be {expected}; got {value!r}", method="sgd", **{setting: value})


@pytest.mark.parametrize("method", FULL)
def test_max_iter_tol_and_seed_are_checked_everywhere(method):
    refused(ValueError, "max_iter must be", method=method, max_iter=0)
    refused(ValueError, "tol must be", method=method, tol=-1.0)
    refused(ValueError, "seed must be", method=method, seed=-1)


@pytest.mark.parametrize(
    ("theta", "message"),
    [
        (np.zeros((2, 2)), "theta must have shape (d,) with d of at least 1; got (2, 2)"),
        ([], "theta must have shape (d,) with d of at least 1; got (0,)"),
        (1.0, "theta must have shape (d,) with d of at least 1; got ()"),
        (
            [0.0, np.nan, 1.0, np.inf],
            "theta must be finite; 2 values nan or inf, the first at theta[1] = nan",
        ),
        (["a", "b"], "theta must hold real numbers; got dtype <U1"),
    ],
)
def test_a_start_that_is_none(theta, message):
    refused(ValueError, message, theta)


@pytest.mark.parametrize("method", METHODS)
def test_numbers_of_numpy_are_numbers(method):
    settings = {"max_iter": np.int64(2), "tol": np.float32(0.0), "seed": np.int32(1)}
    settings |= {"sgd": {"batch_size": np.int16(9), "momentum": np.float64(0.5)}}.get(method, {})
    assert train(logistic(), np.zeros(4), method=method, **settings).iterations == 2


@pytest.mark.parametrize("method", METHODS)
def test_the_start_is_not_written(method):
    for start in (np.zeros(4), np.zeros(4, np.float32), np.zeros(4, int), [0, 0, 0, 0]):
        outcome = train(logistic(), start, method=method, max_iter=2, seed=0)
        assert outcome.theta.dtype == np.float64
        assert not np.any(start)
        assert outcome.theta.any()


def test_defaults_are_those_of_the_table():
    for name in STOCHASTIC:
        said = train(
            logistic(), np.zeros(4), method=name, seed=0, max_iter=METHODS[name].max_iter, **METHODS[name].own
        )
        unsaid = train(logistic(), np.zeros(4), method=name, seed=0)
        np.testing.assert_array_equal(said.theta, unsaid.theta)
        assert said.iterations == unsaid.iterations == 50
    unsaid = train(logistic(), np.zeros(4))
    np.testing.assert_array_equal(unsaid.theta, train(logistic(), np.zeros(4), method="lbfgs").theta)
