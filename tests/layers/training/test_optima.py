"""Where the methods get to: known optima of convex and other costs."""

import mpmath
import numpy as np
import pytest
from layers.training.costs import Function, Logistic, logistic, quadratic, rosenbrock, xor

from sigmax.layers.training import METHODS, train

FULL = [name for name, method in METHODS.items() if not method.stochastic]


@pytest.mark.parametrize("method", ["lbfgs", "newton-cg"])
@pytest.mark.parametrize("d", [2, 20])
def test_rosenbrock(method, d):
    start = np.tile([-1.2, 1.0], d // 2)
    outcome = train(rosenbrock(), start, method=method)
    assert outcome.converged
    assert outcome.gradient_norm <= METHODS[method].tol
    np.testing.assert_allclose(outcome.theta, 1.0, rtol=1e-8 if method == "lbfgs" else 1e-13)
    assert outcome.iterations <= {("lbfgs", 2): 45, ("lbfgs", 20): 160}.get((method, d), 80)


def test_rosenbrock_by_gradient_descent():
    outcome = train(rosenbrock(), [-1.2, 1.0], method="gd")
    assert outcome.converged
    assert outcome.gradient_norm <= 1e-6
    # the gradient over the least eigenvalue of the Hessian there, 0.399
    np.testing.assert_allclose(outcome.theta, 1.0, rtol=4e-6)


@pytest.mark.parametrize("constant", [0.0, -7.0])
@pytest.mark.parametrize(("method", "condition"), [("gd", 1e2), ("lbfgs", 1e4), ("newton-cg", 1e8)])
def test_ill_conditioned_quadratics_to_the_last_digits(method, condition, constant):
    optimum = np.linspace(-1.0, 2.0, 20)
    cost = quadratic(np.geomspace(1.0, condition, 20), optimum, constant)
    outcome = train(cost, np.zeros(20), method=method, tol=0.0, max_iter=3000)
    assert outcome.converged
    # A in float64 moves the optimum by nothing here, and the gradient has errors of 20 eps of its terms
    assert outcome.gradient_norm <= 1e-13 * condition
    np.testing.assert_allclose(outcome.theta, optimum, rtol=0, atol=1e-13 * condition)


def exact_optimum(cost):
    """The optimum of a logistic cost by Newton's method in 40 digits."""
    with mpmath.workdps(40):
        X, y = mpmath.matrix(cost.X.tolist()), mpmath.matrix(cost.y.tolist())
        b = mpmath.zeros(X.cols, 1)
        for _ in range(60):
            p = (X * b).apply(lambda z: 1 / (1 + mpmath.exp(-z)))
            D = mpmath.diag([pi * (1 - pi) for pi in p])
            step = mpmath.lu_solve(X.T * D * X, X.T * (p - y))
            b -= step
            if mpmath.norm(step) < mpmath.mpf(10) ** -35:
                return np.array([float(bi) for bi in b])
    raise AssertionError("Newton's method did not converge")


@pytest.mark.parametrize("method", FULL)
def test_the_logistic_optimum_to_the_last_digits(method):
    cost = logistic()
    outcome = train(cost, np.zeros(4), method=method, tol=0.0)
    assert outcome.converged
    np.testing.assert_allclose(outcome.theta, exact_optimum(cost), rtol=1e-14)
    assert outcome.gradient_norm < 1e-16


def test_newton_cg_reaches_it_with_defaults_in_few_steps():
    cost = logistic()
    outcome = train(cost, np.zeros(4), method="newton-cg")
    np.testing.assert_allclose(outcome.theta, exact_optimum(cost), rtol=1e-13)
    assert outcome.iterations <= 9
    assert outcome.passes <= 45


@pytest.mark.parametrize("spread", [1e2, 1e4])
def test_newton_cg_on_columns_of_many_sizes(spread):
    cost = logistic(scale=np.geomspace(1.0 / spread, spread, 4))
    outcome = train(cost, np.zeros(4), method="newton-cg", tol=0.0)
    assert outcome.converged
    np.testing.assert_allclose(outcome.theta, exact_optimum(cost), rtol=1e-11)


def test_the_steps_of_newton_cg_grow_superlinearly():
    norms = []
    train(
        logistic(), np.zeros(4), method="newton-cg", callback=lambda state: norms.append(state.gradient_norm)
    )
    # order 1.5: near the end each exponent is at least 1.4 times the one before
    exponents = np.log([norm for norm in norms if 1e-14 < norm < 1e-2])
    assert len(exponents) >= 3
    assert (exponents[1:] / exponents[:-1] > 1.4).all()


@pytest.mark.parametrize("method", METHODS)
def test_two_layers_learn_xor(method):
    cost = xor()
    start = np.random.default_rng(3).uniform(-1.0, 1.0, cost.size)
    settings = {"batch_size": 8, "max_iter": 300} if METHODS[method].stochastic else {}
    outcome = train(cost, start, method=method, seed=0, **settings)
    wrong = (cost.units(outcome.theta, cost.X)[2] > 0.0) != (cost.y > 0.5)
    assert not wrong.any()
    assert outcome.value < 0.02
    assert outcome.finished


@pytest.mark.parametrize("y", [1e-3, -1e-8])
@pytest.mark.parametrize("method", ["newton-cg", "lbfgs"])
def test_a_saddle_point_is_left(method, y):
    # x^2 - y^2 + y^4: saddle at 0, minima -1/4 at y = +-sqrt(1/2)
    cost = Function(
        lambda t: t[0] ** 2 - t[1] ** 2 + t[1] ** 4,
        lambda t: [2.0 * t[0], -2.0 * t[1] + 4.0 * t[1] ** 3],
        lambda t: np.diag([2.0, -2.0 + 12.0 * t[1] ** 2]),
    )
    outcome = train(cost, [1.0, y], method=method)
    assert outcome.converged
    np.testing.assert_allclose(outcome.theta, [0.0, np.copysign(np.sqrt(0.5), y)], rtol=0, atol=1e-8)
    assert outcome.value == pytest.approx(-0.25, rel=1e-14, abs=0)


@pytest.mark.parametrize("far", [np.nan, np.inf])
@pytest.mark.parametrize("method", FULL)
def test_where_the_cost_is_not_finite_steps_are_shortened(method, far):
    # x - log(x): nothing beyond x <= 0; a first step of 1 or more from 3 can land there
    cost = Function(
        lambda t: np.sum(np.where(t > 0.0, 10.0 * t - np.log(np.abs(t)), far)),
        lambda t: np.where(t > 0.0, 10.0 - 1.0 / t, far),
        lambda t: np.diag(1.0 / t**2),
    )
    outcome = train(cost, [3.0, 0.5, 2.0], method=method)
    assert outcome.converged
    # the gradient over the second derivative there, 100, in units of 0.1
    np.testing.assert_allclose(outcome.theta, 0.1, rtol=0.11 * METHODS[method].tol)


@pytest.mark.parametrize("method", FULL)
def test_separated_classes_end_within_tol(method):
    X = np.column_stack([np.ones(6), np.arange(6.0) - 2.5])
    outcome = train(Logistic(X, (X[:, 1] > 0).astype(float)), np.zeros(2), method=method, tol=1e-5)
    assert outcome.converged
    assert 0.0 < outcome.value < 1e-4


@pytest.mark.parametrize("method", FULL)
def test_a_start_at_the_optimum_takes_no_step(method):
    outcome = train(rosenbrock(), [1.0, 1.0], method=method)
    assert outcome.converged
    assert (outcome.iterations, outcome.passes) == (0, 1.0)
    np.testing.assert_array_equal(outcome.theta, 1.0)


def test_as_few_iterations_as_scipy():
    optimize = pytest.importorskip("scipy.optimize")
    start = np.tile([-1.2, 1.0], 10)
    cost = rosenbrock()
    theirs = optimize.minimize(
        cost.evaluate, start, jac=True, method="L-BFGS-B", options={"gtol": 1e-8, "ftol": 0.0, "maxcor": 10}
    )
    assert train(rosenbrock(), start).iterations <= 1.2 * theirs.nit
