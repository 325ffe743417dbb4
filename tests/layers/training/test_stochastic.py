"""SGD and Adam step as published, over every row once an epoch."""

import math

import numpy as np
import pytest
from layers.training.costs import Function, Logistic, logistic

from sigmax.layers.training import train

SETTINGS = {"sgd": {"learning_rate": 0.3, "momentum": 0.6}, "adam": {"learning_rate": 0.02}}


def batches(n, size, epochs, seed):
    """The rows of each batch, epoch after epoch."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(n)
        for first in range(0, n, size):
            yield order[first : first + size]


@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_sgd_is_the_plain_loop_to_the_bit(momentum):
    cost, plain = logistic(), logistic()
    outcome = train(
        cost,
        np.ones(4),
        method="sgd",
        learning_rate=0.3,
        momentum=momentum,
        batch_size=7,
        max_iter=3,
        seed=5,
    )
    theta, v = np.ones(4), np.zeros(4)
    for rows in batches(60, 7, 3, 5):
        g = plain.step_gradient(theta, rows)[1]
        v = momentum * v - 0.3 * g
        theta = theta + v
    np.testing.assert_array_equal(outcome.theta, theta)


def test_adam_is_the_published_algorithm():
    cost, plain = logistic(), logistic()
    outcome = train(cost, np.ones(4), method="adam", learning_rate=0.02, batch_size=7, max_iter=9, seed=5)
    theta, m, v = [1.0] * 4, [0.0] * 4, [0.0] * 4
    for t, rows in enumerate(batches(60, 7, 9, 5), start=1):
        g = plain.step_gradient(np.array(theta), rows)[1]
        for i in range(4):
            m[i] = 0.9 * m[i] + (1.0 - 0.9) * g[i]
            v[i] = 0.999 * v[i] + (1.0 - 0.999) * g[i] ** 2
            theta[i] -= 0.02 * (m[i] / (1.0 - 0.9**t)) / (math.sqrt(v[i] / (1.0 - 0.999**t)) + 1e-8)
    assert t == 81
    np.testing.assert_allclose(outcome.theta, theta, rtol=1e-13)


@pytest.mark.parametrize("g", [1e-9, 1e-8, 3e-7])
def test_adams_epsilon_counts_as_published(g):
    # every step of a constant gradient is learning_rate g / (g + epsilon)
    cost = Function(lambda t: t[0], lambda t: [g])
    outcome = train(cost, [1.0], method="adam", learning_rate=0.5, max_iter=20)
    assert outcome.theta[0] == pytest.approx(1.0 - 20 * 0.5 * g / (g + 1e-8), rel=1e-12, abs=0)


@pytest.mark.parametrize("method", SETTINGS)
@pytest.mark.parametrize("size", [1, 7, 60, 1000, None])
def test_an_epoch_visits_every_row_once(method, size):
    cost = logistic()
    outcome = train(cost, np.zeros(4), method=method, batch_size=size, max_iter=2, seed=1)
    taken = 32 if size is None else min(size, 60)
    each = [len(rows) for rows in cost.batches]
    assert each == 2 * ([taken] * (60 // taken) + ([60 % taken] if 60 % taken else []))
    first, second = np.concatenate(cost.batches).reshape(2, 60)
    np.testing.assert_array_equal(np.sort(first), np.arange(60))
    np.testing.assert_array_equal(np.sort(second), np.arange(60))
    assert (first != second).any()
    assert cost.batches[0].dtype == np.intp
    # two epochs, and all rows once more for the outcome
    assert outcome.passes == 3.0


@pytest.mark.parametrize("method", SETTINGS)
def test_the_seed_decides(method):
    def ran(seed):
        return train(logistic(), np.zeros(4), method=method, max_iter=3, batch_size=5, seed=seed).theta

    np.testing.assert_array_equal(ran(7), ran(7))
    np.testing.assert_array_equal(ran(7), ran(np.random.default_rng(7)))
    np.testing.assert_array_equal(ran(7), ran(np.random.SeedSequence(7)))
    assert (ran(7) != ran(8)).any()
    assert (ran(None) != ran(None)).any()
    # a generator goes on where it was
    rng = np.random.default_rng(7)
    assert (ran(rng) != ran(rng)).any()


@pytest.mark.parametrize("method", SETTINGS)
def test_the_state_of_an_epoch(method):
    cost, plain = logistic(), logistic()
    states = []
    outcome = train(
        cost, np.zeros(4), method=method, max_iter=2, batch_size=25, seed=2, callback=states.append
    )
    assert [state.iteration for state in states] == [1, 2]
    assert [state.passes for state in states] == [1.0, 2.0]
    np.testing.assert_array_equal(states[1].theta, outcome.theta)
    # the first epoch again, from its batches of 25, 25 and 10 rows
    total, theta = 0.0, np.zeros(4)
    for rows in batches(60, 25, 1, 2):
        seen = []
        value, _ = plain.step_gradient(theta, rows)
        total += value * len(rows)
        one = Logistic(plain.X[rows], plain.y[rows])
        train(one, theta, method=method, max_iter=1, batch_size=25, callback=seen.append)
        last = one.evaluate(theta)[1]
        # one more batch of the run: momentum and moments are those of the whole run
        theta = steps_until(method, plain, 25, 2, rows)
    assert states[0].value == pytest.approx(total / 60, rel=1e-14, abs=0)
    assert states[0].gradient_norm == pytest.approx(np.abs(last).max(), rel=1e-12, abs=0)


def steps_until(method, cost, size, seed, until):
    """Theta after the batch `until` of the first epoch, by the plain rules with default settings."""
    theta, m, v = np.zeros(4), np.zeros(4), np.zeros(4)
    for t, rows in enumerate(batches(60, size, 1, seed), start=1):
        g = cost.step_gradient(theta, rows)[1]
        if method == "sgd":
            m = 0.9 * m - 0.1 * g
            theta = theta + m
        else:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            theta = theta - 0.01 * m / (1.0 - 0.9**t) / (np.sqrt(v / (1.0 - 0.999**t)) + 1e-8)
        if np.array_equal(rows, until):
            break
    return theta


@pytest.mark.parametrize("method", SETTINGS)
def test_the_outcome_is_of_all_rows(method):
    cost = logistic()
    outcome = train(cost, np.zeros(4), method=method, max_iter=3, seed=0)
    value, g = logistic().evaluate(outcome.theta)
    assert (outcome.value, outcome.gradient_norm) == (value, np.abs(g).max())
    assert outcome.iterations == 3
    assert not outcome.converged
    assert outcome.finished
    assert outcome.reason == "all 3 epochs were run; no tol was given"


@pytest.mark.parametrize("method", SETTINGS)
def test_tol_is_of_the_mean_cost_of_epochs(method):
    values = []
    outcome = train(
        logistic(),
        np.zeros(4),
        method=method,
        tol=1e-3,
        max_iter=200,
        seed=0,
        callback=lambda state: values.append(state.value),
        **SETTINGS[method],
    )
    changes = np.abs(np.diff(values))
    assert (changes[:-1] > 1e-3).all()
    assert changes[-1] <= 1e-3
    assert outcome.iterations == len(values) < 200
    assert outcome.converged
    assert outcome.finished
    assert outcome.reason == "the mean cost of the last two epochs differs by at most tol"


@pytest.mark.parametrize("method", SETTINGS)
def test_tol_out_of_reach(method):
    outcome = train(logistic(), np.zeros(4), method=method, tol=0.0, max_iter=3, seed=0)
    assert not outcome.converged
    assert not outcome.finished
    assert "more than tol after 3 epochs; raise max_iter" in outcome.reason


# -- what diverges -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "gradient"),
    [(np.nan, [1.0, 1.0]), (np.inf, [1.0, 1.0]), (1.0, [np.nan, 1.0]), (1.0, [1.0, -np.inf])],
)
@pytest.mark.parametrize("method", SETTINGS)
def test_a_batch_that_is_not_finite_ends_the_run(method, value, gradient):
    visited = []

    def steps(theta):
        visited.append(theta.copy())
        return len(visited) <= 3

    cost = Function(
        lambda t: 1.0 if steps(t) else value, lambda t: [1.0, 1.0] if len(visited) <= 3 else gradient
    )
    outcome = train(cost, [1.0, 2.0], method=method, learning_rate=0.125, max_iter=20)
    # the point at which it happened is finite, and is what is handed over
    np.testing.assert_array_equal(outcome.theta, visited[3])
    assert outcome.iterations == 3
    assert not outcome.converged
    assert not outcome.finished
    assert outcome.reason == (
        "the cost or its gradient is not finite in epoch 4; give a learning_rate smaller than 0.125"
    )


@pytest.mark.parametrize("spoiled", ["value", "gradient"])
@pytest.mark.parametrize("method", SETTINGS)
def test_a_bad_batch_amid_an_epoch_leaves_the_theta_before_it(method, spoiled):
    cost, visited = logistic(), []
    plain = cost.step_gradient

    def step_gradient(theta, rows):
        visited.append(theta.copy())
        value, g = plain(theta, rows)
        if len(visited) == 9:
            return (np.nan, g) if spoiled == "value" else (value, np.where(np.arange(4) == 2, np.inf, g))
        return value, g

    cost.step_gradient = step_gradient
    outcome = train(cost, np.zeros(4), method=method, batch_size=10, seed=0)
    assert len(visited) == 9
    np.testing.assert_array_equal(outcome.theta, visited[8])
    assert (visited[8] != visited[7]).all()
    assert outcome.iterations == 1
    assert "not finite in epoch 2" in outcome.reason


def test_a_step_that_overflows_amid_an_epoch_leaves_the_theta_of_its_start():
    cost = logistic()
    states = []
    plain, calls = cost.step_gradient, []

    def step_gradient(theta, rows):
        calls.append(theta.copy())
        value, g = plain(theta, rows)
        # finite, but not the step that it asks for
        return (value, np.full(4, 1e308)) if len(calls) == 9 else (value, g)

    cost.step_gradient = step_gradient
    outcome = train(
        cost, np.zeros(4), method="sgd", learning_rate=10.0, batch_size=10, seed=0, callback=states.append
    )
    assert len(calls) == 10
    assert not np.isfinite(calls[9]).any()
    np.testing.assert_array_equal(outcome.theta, states[0].theta)
    assert "not finite in epoch 2; give a learning_rate smaller than 10" in outcome.reason


@pytest.mark.parametrize("max_iter", [5, 50])
def test_steps_that_overflow_leave_the_last_finite_theta(max_iter):
    # x^2 with steps of 1e80 gradients: 1, 2e80, 4e160, ... overflows in the fourth epoch
    cost = Function(lambda t: 1.0, lambda t: 2.0 * t)
    outcome = train(cost, [1.0], method="sgd", learning_rate=1e80, momentum=0.0, max_iter=max_iter)
    assert outcome.iterations == 3
    assert outcome.theta[0] == pytest.approx(-8e240)
    assert "not finite in epoch 4" in outcome.reason


def test_a_gradient_whose_square_overflows_is_finite():
    cost = Function(lambda t: 1.0, lambda t: [1e200])
    outcome = train(cost, [0.0], method="sgd", learning_rate=1e-200, momentum=0.0, max_iter=4)
    assert outcome.iterations == 4
    assert outcome.theta[0] == pytest.approx(-4.0)
    assert outcome.finished


def test_a_last_step_into_the_void_is_not_called_finished():
    cost = Function(lambda t: 1.0 if t[0] < 1.5 else np.nan, lambda t: [-1.0])
    outcome = train(cost, [0.0], method="sgd", learning_rate=1.0, momentum=0.0, max_iter=2)
    assert not outcome.finished
    assert "not finite after the last step; give a smaller learning_rate" in outcome.reason
