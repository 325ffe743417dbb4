"""The parts of the full methods: line search, truncated conjugate gradients, the floor of rounding."""

import math

import numpy as np
import pytest
from layers.training.costs import Function, logistic, quadratic, rosenbrock

from sigmax.layers.training import lbfgs as lbfgs_module
from sigmax.layers.training import train
from sigmax.layers.training.cost import Watcher
from sigmax.layers.training.newton_cg import truncated_cg
from sigmax.layers.training.rounding import Floor, gradient_noise
from sigmax.layers.training.wolfe import Point, wolfe_step
from sigmax.solvers.lbfgs import Memory

# phi and phi' on t >= 0, phi'(0) < 0; More & Thuente 1994 (eq. 5.1, 5.2, 5.4) and others
BETA = 0.004


def _yanai(a, b):
    def gamma(c):
        return math.sqrt(1.0 + c * c) - c

    def phi(t):
        return gamma(a) * math.hypot(1.0 - t, b) + gamma(b) * math.hypot(t, a)

    def slope(t):
        return gamma(a) * (t - 1.0) / math.hypot(1.0 - t, b) + gamma(b) * t / math.hypot(t, a)

    return phi, slope


LINES = {
    "more-thuente-1": (lambda t: -t / (t * t + 2.0), lambda t: (t * t - 2.0) / (t * t + 2.0) ** 2),
    "more-thuente-2": (
        lambda t: (t + BETA) ** 5 - 2.0 * (t + BETA) ** 4,
        lambda t: 5.0 * (t + BETA) ** 4 - 8.0 * (t + BETA) ** 3,
    ),
    "more-thuente-4": _yanai(0.001, 0.001),
    "more-thuente-5": _yanai(0.01, 0.001),
    "more-thuente-6": _yanai(0.001, 0.01),
    "waves": (
        lambda t: math.sin(5.0 * t) - 6.0 * t + 0.3 * t * t,
        lambda t: 5.0 * math.cos(5.0 * t) - 6.0 + 0.6 * t,
    ),
    "parabola": (lambda t: (t - 3.0) ** 2, lambda t: 2.0 * (t - 3.0)),
    "pole": (
        lambda t: t - 10.0 * t if t < 1.0 else math.nan,
        lambda t: -9.0 if t < 0.9 else 500.0,
    ),
    "logarithm": (
        lambda t: -math.log(1.0 - t) - 3.0 * t if t < 1.0 else math.inf,
        lambda t: 1.0 / (1.0 - t) - 3.0 if t < 1.0 else math.nan,
    ),
}


def along(phi, slope):
    """A cost of one parameter, and its Point at 0."""
    cost = Function(lambda x: phi(float(x[0])), lambda x: [slope(float(x[0]))])
    return cost, Point(0.0, phi(0.0), slope(0.0), np.zeros(1), np.array([slope(0.0)]))


@pytest.mark.parametrize("first", [1e-3, 1e-1, 1.0, 1e1, 1e3])
@pytest.mark.parametrize("name", LINES.keys() - {"pole"})
def test_the_strong_wolfe_conditions_hold(name, first):
    phi, slope = LINES[name]
    cost, start = along(phi, slope)
    at = wolfe_step(cost, start, np.ones(1), first)
    assert at is not None
    assert at.t > 0.0
    assert at.value <= start.value + 1e-4 * at.t * start.slope
    assert abs(at.slope) <= 0.9 * abs(start.slope)
    assert (at.value, at.slope) == (phi(at.t), slope(at.t))
    assert at.theta[0] == at.t
    assert at.gradient[0] == at.slope
    assert cost.rows_read <= 16


def test_random_lines_that_are_not_convex():
    rng = np.random.default_rng(0)
    for _ in range(300):
        a, b, c = rng.standard_normal(6), rng.uniform(0.1, 8.0, 6), rng.uniform(0.0, 6.0, 6)
        lift = rng.uniform(0.01, 1.0)

        def phi(t, a=a, b=b, c=c, lift=lift):
            return float(np.sum(a * np.sin(b * t + c))) + lift * t * t

        def slope(t, a=a, b=b, c=c, lift=lift):
            return float(np.sum(a * b * np.cos(b * t + c))) + 2.0 * lift * t

        if slope(0.0) >= -0.1:
            continue
        cost, start = along(phi, slope)
        at = wolfe_step(cost, start, np.ones(1), 10.0 ** rng.uniform(-3.0, 3.0))
        assert at is not None
        assert at.value <= start.value + 1e-4 * at.t * start.slope + 1e-12 * abs(start.value)
        assert abs(at.slope) <= 0.9 * abs(start.slope)


def test_a_jump_ends_below_the_start():
    # no point satisfies both conditions where phi is not continuous: the first one does
    cost, start = along(*LINES["pole"])
    at = wolfe_step(cost, start, np.ones(1))
    assert at is not None
    assert 0.0 < at.t < 1.0
    assert at.value < start.value + 1e-4 * at.t * start.slope
    assert cost.rows_read == 20


@pytest.mark.parametrize("first", [0.3, 1.0, 50.0])
def test_a_kink_ends_below_the_start(first):
    # slopes of -1 and 5: the second condition holds nowhere
    cost, start = along(lambda t: max(-t, 5.0 * (t - 1.2) - 1.2), lambda t: -1.0 if t < 1.2 else 5.0)
    at = wolfe_step(cost, start, np.ones(1), first)
    assert at is not None
    assert at.value == pytest.approx(-1.2, rel=3e-5)
    assert cost.rows_read <= 20


def test_a_line_that_falls_for_ever_is_followed_far():
    cost, start = along(lambda t: -t, lambda t: -1.0)
    at = wolfe_step(cost, start, np.ones(1))
    assert at is not None
    assert at.t > 2.0**50


def test_no_step_where_the_slope_lies():
    cost, start = along(lambda t: t, lambda t: -1.0)
    assert wolfe_step(cost, start, np.ones(1)) is None


@pytest.mark.parametrize("distance", [1e-9, 1e-12])
def test_slopes_decide_where_values_are_rounding(distance):
    # phi = 1 + (t - distance)^2 is 1 in float64 all the way; noise of some units in the last place added
    cost, start = along(
        lambda t: 1.0 + (t - distance) ** 2 + 4e-16 * round(3.0 * math.sin(1e12 * t)),
        lambda t: 2.0 * (t - distance),
    )
    at = wolfe_step(cost, start, np.ones(1), 0.3 * distance)
    assert at is not None
    assert abs(at.slope) <= 0.9 * abs(start.slope)
    at = wolfe_step(cost, start, np.ones(1), 1.0)
    assert at is not None
    assert abs(at.slope) <= 0.9 * abs(start.slope)
    # halving the way would take 40
    assert cost.rows_read <= 15


# -- truncated conjugate gradients -------------------------------------------------------------------


def test_conjugate_gradients_solve_a_regular_system():
    A = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 2.0]])
    g = np.array([1.0, -2.0, 0.5])
    s, promised = truncated_cg(Function(None, None, lambda t: A), np.zeros(3), g, 1e9, 1e-14)
    exact = -np.linalg.solve(A, g)
    np.testing.assert_allclose(s, exact, rtol=1e-13)
    assert promised == pytest.approx(-0.5 * g @ exact, rel=1e-13, abs=0)


@pytest.mark.parametrize("radius", [1e-3, 0.1, 0.4])
def test_they_end_at_the_boundary(radius):
    A = np.diag([1.0, 10.0, 100.0])
    g = np.array([1.0, 1.0, 1.0])
    s, promised = truncated_cg(Function(None, None, lambda t: A), np.zeros(3), g, radius, 1e-12)
    assert np.linalg.norm(s) == pytest.approx(radius, rel=1e-12, abs=0)
    assert promised == pytest.approx(-(g @ s + 0.5 * s @ A @ s), rel=1e-12, abs=0)
    # at least what the steepest descent gives
    t = min(g @ g / (g @ A @ g), radius / np.linalg.norm(g))
    assert promised >= (t * (g @ g) - 0.5 * t * t * (g @ A @ g)) * (1.0 - 1e-12)


@pytest.mark.parametrize("eigenvalue", [-1.0, 0.0])
def test_they_follow_curvature_that_is_not_positive(eigenvalue):
    A = np.diag([2.0, eigenvalue])
    g = np.array([1.0, 1e-3])
    cost = Function(None, None, lambda t: A)
    s, promised = truncated_cg(cost, np.zeros(2), g, 5.0, 1e-10)
    assert np.linalg.norm(s) == pytest.approx(5.0, rel=1e-12, abs=0)
    assert promised == pytest.approx(-(g @ s + 0.5 * s @ A @ s), rel=1e-13, abs=0)
    assert promised > (12.0 if eigenvalue else 0.25)


@pytest.mark.parametrize("eta", [0.5, 1e-2, 1e-6])
def test_they_end_at_the_forcing_term(eta):
    A = np.diag(np.geomspace(1.0, 1e3, 12))
    cost = Function(None, None, lambda t: A)
    g = np.linspace(1.0, 2.0, 12)
    s, _ = truncated_cg(cost, np.zeros(12), g, 1e9, eta)
    assert np.linalg.norm(g + A @ s) <= eta * np.linalg.norm(g)
    products = cost.products
    truncated_cg(cost, np.zeros(12), g, 1e9, 1e-12)
    assert cost.products - products > products


def test_a_hessian_that_is_not_finite_is_named():
    cost = Function(lambda t: t @ t, lambda t: 2.0 * t, lambda t: np.full((2, 2), np.nan))
    outcome = train(cost, [1.0, 1.0], method="newton-cg")
    np.testing.assert_array_equal(outcome.theta, 1.0)
    assert not outcome.converged
    assert outcome.reason == "a product with the Hessian is not finite; lbfgs needs none"


def test_a_wrong_hessian_costs_steps_but_not_the_optimum():
    right, wrong = logistic(), logistic()
    wrong.product = lambda theta, v: 3.0 * right.product(theta, v)
    outcome = train(wrong, np.zeros(4), method="newton-cg")
    assert outcome.converged
    np.testing.assert_allclose(outcome.theta, train(right, np.zeros(4), method="newton-cg").theta, rtol=1e-9)


def test_newton_cg_evaluates_once_a_step():
    cost = rosenbrock()
    outcome = train(cost, np.tile([-1.2, 1.0], 10), method="newton-cg")
    # steps that are refused are no reason to ask for the floor
    assert outcome.passes == 1 + outcome.iterations + cost.products
    # sqrt(1 + x^2): Newton's steps from afar are far too long, and several in a row are refused
    cost = Function(
        lambda t: np.hypot(1.0, 1e4 * t[0] - 30.0),
        lambda t: 1e4 * (1e4 * t - 30.0) / np.hypot(1.0, 1e4 * t - 30.0),
        lambda t: np.diag(1e8 / np.hypot(1.0, 1e4 * t - 30.0) ** 3),
    )
    thetas = []
    outcome = train(cost, [0.0], method="newton-cg", callback=lambda s: thetas.append(s.theta[0]))
    assert thetas[:3] == [0.0, 0.0, 0.0]
    assert outcome.theta[0] == pytest.approx(3e-3, rel=1e-14, abs=0)
    assert outcome.passes == 1 + outcome.iterations + cost.products


@pytest.mark.parametrize("method", ["newton-cg", "lbfgs"])
def test_waves_are_never_climbed(method):
    a, b, c = np.array([3.0, 2.0, 1.5]), np.array([2.0, 5.0, 9.0]), np.array([0.3, 1.0, 2.0])
    cost = Function(
        lambda t: 50.0 + np.sum(a * np.sin(b * t + c)) + 0.05 * t @ t,
        lambda t: a * b * np.cos(b * t + c) + 0.1 * t,
        lambda t: np.diag(-a * b**2 * np.sin(b * t + c) + 0.1),
    )
    rng = np.random.default_rng(0)
    for start in rng.uniform(-5.0, 5.0, (20, 3)):
        values = [cost.evaluate(start)[0]]
        outcome = train(cost, start, method=method, callback=lambda state, v=values: v.append(state.value))
        assert outcome.converged
        assert (np.diff(values) <= 1e-13).all()
        assert (np.diag(cost.hessian(outcome.theta)) > 0.0).all()


# -- L-BFGS and gradient descent ---------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-20, 1e-6, 1e6, 1e20])
def test_units_of_the_cost_do_not_matter_to_lbfgs(scale):
    optimum = np.linspace(-1.0, 2.0, 10)
    plain = train(quadratic(np.geomspace(1.0, 100.0, 10), optimum), np.zeros(10), tol=1e-10)
    scaled = quadratic(scale * np.geomspace(1.0, 100.0, 10), optimum)
    outcome = train(scaled, np.zeros(10), tol=1e-10 * scale)
    assert outcome.converged
    assert abs(outcome.iterations - plain.iterations) <= 0.4 * plain.iterations
    np.testing.assert_allclose(outcome.theta, optimum, rtol=0, atol=1e-9)


def test_the_first_step_of_lbfgs_is_no_longer_than_the_gradient():
    cost = quadratic(np.ones(3), np.full(3, 1e-3))
    outcome = train(cost, np.zeros(3))
    assert (outcome.iterations, outcome.passes) == (1, 2.0)


def test_lbfgs_forgets_pairs_that_mislead(monkeypatch):
    calls = []

    def search(cost, start, d, first=1.0):
        calls.append((start, d))
        return None if len(calls) == 4 else wolfe_step(cost, start, d, first)

    monkeypatch.setattr(lbfgs_module, "wolfe_step", search)
    assert train(rosenbrock(), [-1.2, 1.0]).converged
    (failed, _), (again, down), (after, d) = calls[3:6]
    # the same point again, down the gradient; from there one pair is known
    np.testing.assert_array_equal(again.theta, failed.theta)
    np.testing.assert_allclose(down, -again.gradient / np.linalg.norm(again.gradient), rtol=1e-14)
    memory = Memory(1)
    s, y = after.theta - again.theta, after.gradient - again.gradient
    memory.add(s, y)
    np.testing.assert_allclose(d, -memory.apply(lambda q: (s @ y) / (y @ y) * q, after.gradient), rtol=1e-13)


def test_gradient_descent_hurries_where_there_is_no_curvature():
    cost = Function(lambda t: 1e-4 * (t[0] ** 4 - t[0] ** 2), lambda t: 1e-4 * (4.0 * t**3 - 2.0 * t))
    outcome = train(cost, [1e-6], method="gd", tol=1e-10)
    assert outcome.converged
    # the gradient over the second derivative there, 4e-4
    assert outcome.theta[0] == pytest.approx(math.sqrt(0.5), rel=3.6e-7)
    assert outcome.iterations <= 40


@pytest.mark.parametrize("method", ["lbfgs", "gd", "newton-cg"])
def test_a_gradient_whose_square_underflows_is_zero(method):
    cost = Function(lambda t: 1e-200 * (t @ t), lambda t: 2e-200 * t, lambda t: 2e-200 * np.eye(2))
    outcome = train(cost, [1.0, 2.0], method=method, tol=0.0)
    assert (outcome.iterations, outcome.converged) == (0, True)


# -- the floor ---------------------------------------------------------------------------------------


def test_the_noise_of_a_gradient_is_what_rounding_does_to_it():
    eigenvalues = np.geomspace(1.0, 1e6, 10)
    optimum = np.linspace(1.0, 2.0, 10)
    cost = quadratic(eigenvalues, optimum)
    g = cost.evaluate(optimum)[1]
    # |A| |theta| 2^-52, for theta of about 4.8 in the direction of the largest eigenvalue at most
    assert 1e-11 < gradient_noise(cost, optimum, g) < 1e-8


def walk(floor, norms, value=1.0):
    """Feed the floor points with these gradients; at which of them it says to end, from 1."""
    for count, norm in enumerate(norms, start=1):
        if floor.reached(np.array([1.0 + norm, 3.0]), value, np.array([norm, 0.0]), norm):
            return count
    return None


def test_the_floor_keeps_the_smallest_gradient():
    cost = quadratic(np.ones(2), np.array([1.0, 3.0]))
    floor = Floor(cost, 3)
    # halved until the second; then three points of waiting, the third of all the best of them
    assert walk(floor, [1e-3, 2e-16, 1.1e-16, 1.5e-16, 1.9e-16, 1.2e-16]) == 5
    outcome = floor.end(Watcher(cost, "gd"))
    assert (outcome.theta[0], outcome.gradient_norm) == (1.0 + 1.1e-16, 1.1e-16)
    assert outcome.converged
    assert outcome.reason == "max |dJ/dtheta| = 1.1e-16 is at rounding level and falls no further"


def test_the_floor_waits_twice_as_long_each_time_it_is_not_rounding():
    cost = quadratic(np.ones(2), np.array([1.0, 3.0]))
    assert walk(Floor(cost, 3), [1e-3] * (1 + 3 + 6 + 12 + 23)) is None
    # three probes each time
    assert cost.rows_read == 3 * 3
    # above the lowest value there is no fourth time
    floor = Floor(cost, 3)
    assert walk(floor, [1e-3]) is None
    assert walk(floor, [1e-3] * 40, value=1.0 + 1e-11) == 3 + 6 + 12
    outcome = floor.end(Watcher(cost, "gd"))
    assert not outcome.converged
    assert outcome.value == 1.0


def test_a_smaller_gradient_at_a_higher_value_is_not_the_best():
    cost = quadratic(np.ones(2), np.array([1.0, 3.0]))
    floor = Floor(cost, 3)
    assert walk(floor, [1e-15]) is None
    assert walk(floor, [1e-16], value=1.0 + 1e-11) is None
    assert floor.end(Watcher(cost, "gd")).gradient_norm == 1e-15


def test_the_floor_forgets_its_wait_where_the_value_or_the_gradient_falls():
    cost = quadratic(np.ones(2), np.array([1.0, 3.0]))
    assert walk(Floor(cost, 10), [2.0**-k for k in range(45)]) is None
    floor = Floor(cost, 10)
    for k in range(200):
        assert not floor.reached(np.ones(2), 1.0 - 2e-12 * k, np.ones(2), 1.0)


@pytest.mark.parametrize("method", ["lbfgs", "gd", "newton-cg"])
def test_a_gradient_that_is_not_that_of_the_cost_is_not_called_converged(method):
    # the gradient points up: no step lowers the cost
    cost = Function(lambda t: t @ t, lambda t: -2.0 * t, lambda t: 2.0 * np.eye(2))
    outcome = train(cost, [1.0, 2.0], method=method)
    assert not outcome.converged
    assert not outcome.finished
    # where values differ by rounding only the slopes are believed, but not for long
    np.testing.assert_allclose(outcome.theta, [1.0, 2.0], rtol=1e-8)
    assert outcome.iterations <= (701 if method == "gd" else 60)
    assert "no step lowers the cost any further" in outcome.reason
    assert "check_gradients" in outcome.reason


@pytest.mark.parametrize("method", ["lbfgs", "gd", "newton-cg"])
def test_tol_below_rounding_ends_on_the_floor_and_says_so(method):
    cost = logistic(scale=300.0)
    outcome = train(cost, np.zeros(4), method=method, tol=1e-30)
    assert outcome.converged
    assert outcome.finished
    assert outcome.reason.endswith("is at rounding level and falls no further")
    assert outcome.gradient_norm < 1e-13
