"""A run can be watched, stopped and interrupted; it says how it ended."""

import itertools
import math
import warnings

import numpy as np
import pytest
from layers.training.costs import Function, logistic, rosenbrock

from sigmax.layers.training import METHODS, State, train

FULL = ["lbfgs", "newton-cg", "gd"]
START = np.tile([-1.2, 1.0], 5)


@pytest.mark.parametrize("method", METHODS)
def test_every_iteration_is_reported(method):
    cost, states = logistic(), []
    cost.rows_read = 7.0 * cost.n_rows  # what was read before does not count
    outcome = train(cost, np.zeros(4), method=method, callback=states.append, seed=0)
    assert outcome.iterations == len(states) > 0
    assert [state.iteration for state in states] == list(range(1, len(states) + 1))
    assert {state.method for state in states} == {method}
    passes = [state.passes for state in states]
    assert passes == sorted(set(passes))
    assert outcome.passes == cost.rows_read / cost.n_rows - 7.0 >= passes[-1]
    assert all(math.isfinite(state.value) for state in states)
    np.testing.assert_array_equal(states[-1].theta, outcome.theta)
    for one, other in itertools.pairwise(states):
        assert not np.shares_memory(one.theta, other.theta)


@pytest.mark.parametrize("method", FULL)
def test_the_state_is_that_of_its_theta(method):
    states = []
    outcome = train(rosenbrock(), START, method=method, max_iter=30, callback=states.append)
    for state in states:
        value, g = rosenbrock().evaluate(state.theta)
        assert (state.value, state.gradient_norm) == (value, np.abs(g).max())
    last = states[-1]
    assert (outcome.value, outcome.gradient_norm) == (last.value, last.gradient_norm)


@pytest.mark.parametrize("method", ["lbfgs", "newton-cg"])
def test_values_never_rise(method):
    values = [rosenbrock().evaluate(START)[0]]
    train(rosenbrock(), START, method=method, callback=lambda state: values.append(state.value))
    assert len(values) > 20
    # but by rounding
    assert (np.diff(values) <= 1e-14 * np.array(values[1:])).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("after", [1, 3])
def test_a_true_return_value_stops(method, after):
    seen = []

    def stop(state):
        assert isinstance(state, State)
        seen.append(state)
        return len(seen) == after

    outcome = train(logistic(), np.zeros(4), method=method, tol=1e-14, callback=stop, seed=0)
    assert len(seen) == outcome.iterations == after
    assert not outcome.converged
    assert not outcome.finished
    assert outcome.reason == "stopped by the callback"
    np.testing.assert_array_equal(outcome.theta, seen[-1].theta)


@pytest.mark.parametrize("method", METHODS)
def test_what_a_callback_does_to_its_theta_changes_nothing(method):
    def spoil(state):
        state.theta[:] = np.nan

    plain = train(logistic(), np.zeros(4), method=method, max_iter=5, seed=0)
    spoiled = train(logistic(), np.zeros(4), method=method, max_iter=5, seed=0, callback=spoil)
    np.testing.assert_array_equal(plain.theta, spoiled.theta)


@pytest.mark.parametrize("error", [KeyboardInterrupt, KeyError])
@pytest.mark.parametrize("method", METHODS)
def test_exceptions_come_through(method, error):
    def fail(state):
        raise error

    with pytest.raises(error):
        train(logistic(), np.zeros(4), method=method, callback=fail)


@pytest.mark.parametrize("method", FULL)
def test_too_few_iterations_name_the_knob(method):
    outcome = train(rosenbrock(), START, method=method, max_iter=3)
    assert outcome.iterations == 3
    assert not outcome.converged
    assert not outcome.finished
    assert outcome.reason.startswith("the limit of 3 iterations was reached with max |dJ/dtheta| = ")
    assert outcome.reason.endswith(f"above tol = {METHODS[method].tol:.2g}; raise max_iter")


@pytest.mark.parametrize("method", FULL)
def test_tol_is_of_the_largest_entry(method):
    norms = []
    outcome = train(
        logistic(), np.zeros(4), method=method, tol=1e-3, callback=lambda s: norms.append(s.gradient_norm)
    )
    assert outcome.converged
    assert outcome.finished
    assert outcome.reason == "max |dJ/dtheta| is within tol"
    assert all(norm > 1e-3 for norm in norms[:-1])
    assert norms[-1] <= 1e-3


@pytest.mark.parametrize("method", FULL)
@pytest.mark.parametrize(("value", "slope"), [(np.nan, 1.0), (np.inf, 1.0), (1.0, np.nan), (1.0, np.inf)])
def test_a_start_that_is_not_finite(method, value, slope):
    outcome = train(Function(lambda t: value, lambda t: [slope, 1.0]), [2.0, 3.0], method=method)
    np.testing.assert_array_equal(outcome.theta, [2.0, 3.0])
    assert outcome.iterations == 0
    assert not outcome.converged
    assert "not finite at the start" in outcome.reason


@pytest.mark.parametrize("rate", [0.5, 0.03])
def test_gradient_descent_with_a_learning_rate_is_the_plain_loop(rate):
    cost = logistic()
    outcome = train(cost, np.zeros(4), method="gd", learning_rate=rate, max_iter=40)
    theta = np.zeros(4)
    for _ in range(40):
        theta = theta - rate * logistic().evaluate(theta)[1]
    np.testing.assert_array_equal(outcome.theta, theta)
    assert outcome.passes == 41.0


def test_gradient_descent_that_diverges_keeps_the_last_finite_theta():
    cost = Function(lambda t: t[0] ** 4, lambda t: 4.0 * t**3)
    thetas = [np.array([2.0])]
    outcome = train(
        cost, thetas[0], method="gd", learning_rate=10.0, callback=lambda state: thetas.append(state.theta)
    )
    np.testing.assert_array_equal(outcome.theta, thetas[-1])
    assert math.isfinite(outcome.value)
    assert not outcome.converged
    assert outcome.reason == (
        f"the cost or its gradient is not finite after {outcome.iterations + 1} steps; "
        "give a learning_rate smaller than 10"
    )


@pytest.mark.parametrize("method", FULL)
def test_trial_steps_that_overflow_are_silent_and_the_callback_is_not_silenced(method):
    cost = Function(
        lambda t: np.exp(1e4 * t[0]) - t[0],
        lambda t: 1e4 * np.exp(1e4 * t) - 1.0,
        lambda t: np.diag(1e8 * np.exp(1e4 * t)),
    )

    def warn(state):
        return np.float64(1e300) * np.float64(1e300) == 0.0

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = train(cost, [-1.0], method=method, max_iter=2000)
    assert outcome.converged
    # the gradient over the second derivative there, 1e4
    away = METHODS[method].tol / 1e4
    assert outcome.theta[0] == pytest.approx(-math.log(1e4) / 1e4, rel=0, abs=away + 1e-18)
    with pytest.warns(RuntimeWarning, match="overflow"):
        train(cost, [-1.0], method=method, max_iter=1, callback=warn)
