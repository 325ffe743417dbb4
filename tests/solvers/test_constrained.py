"""Optima under linear constraints against 50 digits, from any start, and their proved bounds."""

import math

import numpy as np
import pytest
from mpmath import mp
from oracles import profile as oracle

from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.objective import Change, Objective
from sigmax.solvers.constrained import gap, minimise
from sigmax.solvers.curvature import IllConditioned
from sigmax.solvers.factor import NotPositiveDefinite
from sigmax.solvers.solution import Stop
from sigmax.solvers.tangent import Tangent


def problem(n, p, K, seed, backend, *, scales=None, l2=0.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    y = np.argmax(0.7 * X @ rng.normal(size=(p, K)) + rng.gumbel(size=(n, K)), axis=1)
    y[:K] = np.arange(K)
    X = X * (1.0 if scales is None else np.asarray(scales))
    design = Design(X, intercept=True)
    return X, y, Objective(design, response(y, n), backend, 1, l2=l2)


CASES = {
    "binary, one": (40, 2, 2, 1, {}),
    "binary, two": (40, 3, 2, 2, {}),
    "classes, one": (60, 1, 3, 1, {}),
    "classes, three": (80, 3, 3, 3, {}),
    "all fixed but one": (40, 2, 2, 2, {}),
    "scales": (60, 3, 3, 2, {"scales": [1e-8, 1.0, 1e8]}),
    "penalty": (50, 3, 3, 2, {"l2": 0.9}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", ["units", "dense"])
def test_optimum_multipliers_and_bound(name, kind, backend):
    n, p, K, q, options = CASES[name]
    X, y, o = problem(n, p, K, len(name), backend, **options)
    rng = np.random.default_rng(5)
    size = np.tile(o.largest, o.n_logits)
    A = np.eye(o.n_params)[rng.permutation(o.n_params)[:q]]
    if kind == "dense":
        A = rng.normal(size=(q, o.n_params)) * size
    c = rng.normal(size=q) if kind == "dense" else 0.3 * (A @ (1.0 / size))
    found = minimise(o, A, c, np.zeros(o.n_params))
    l2 = options.get("l2", 0.0)
    b, multipliers, f = oracle.constrained(X, y, K, A, c, found.coef, l2=l2)
    assert found.stop is Stop.TOLERANCE
    assert found.exists is True
    with mp.workdps(60):
        above = float(mp.mpf(found.value) - f)
        off = np.array([float(mp.mpf(v) - w) for v, w in zip(found.coef.tolist(), b, strict=True)])
    rounding = 64 * 2.0**-53 * found.value
    assert -rounding <= above <= found.gap + rounding
    assert found.gap <= 1e-15 * n
    # at most a billionth of a standard error, in any direction
    assert math.sqrt(float(off @ o.evaluate(found.coef).hessian @ off)) <= 1e-8
    exact = np.array([float(v) for v in multipliers])
    scale = np.sqrt(found.look.tangent.stiffness.diagonal())
    np.testing.assert_allclose(found.multipliers / scale, exact / scale, rtol=0.0, atol=1e-8)
    reach = np.abs(A) @ np.abs(found.coef) + np.abs(c)
    assert (np.abs(A @ found.coef - c) <= 16 * 2.0**-53 * reach).all()
    if kind == "units":
        assert (A @ found.coef == c).all()


@pytest.mark.parametrize("seed", range(6))
def test_it_converges_from_any_point(seed, backend):
    _, _, o = problem(50, 3, 3, 11, backend)
    A, c = np.eye(o.n_params)[[2]], np.array([0.4])
    wanted = minimise(o, A, c, np.zeros(o.n_params))
    start = np.random.default_rng(seed).normal(size=o.n_params) * 10.0 ** (seed - 1)
    found = minimise(o, A, c, start)
    assert found.stop is Stop.TOLERANCE
    np.testing.assert_allclose(found.coef, wanted.coef, rtol=1e-7, atol=1e-7)
    assert abs(found.value - wanted.value) <= 1e-13 * wanted.value


def test_a_warm_start_takes_few_steps(backend):
    _, _, o = problem(200, 3, 3, 1, backend)
    A = np.eye(o.n_params)[[2]]
    first = minimise(o, A, np.array([0.4]), np.zeros(o.n_params))
    again = minimise(o, A, np.array([0.4]), first.coef)
    assert again.iterations == 0
    near = minimise(o, A, np.array([0.41]), first.coef)
    assert near.iterations <= 3


def test_everything_fixed_and_nothing_fixed(backend):
    _, _, o = problem(30, 2, 2, 0, backend)
    c = np.array([0.1, -0.2, 0.3])
    found = minimise(o, np.eye(3), c, np.zeros(3))
    assert (found.coef == c).all()
    assert found.gap == 0.0 or found.gap < 1e-15
    free = minimise(o, np.zeros((0, 3)), np.zeros(0), c)
    np.testing.assert_allclose(free.gradient, 0.0, atol=1e-7)


def test_an_optimum_at_infinity_is_not_claimed(backend):
    # column 1 separates; column 0 is fixed
    x = np.linspace(-1.0, 1.0, 20)
    y = (x > 0.05).astype(int)
    X = np.column_stack([np.cos(9.0 * x), x])
    o = Objective(Design(X, intercept=True), response(y, 20), backend, 1)
    found = minimise(o, np.eye(3)[[1]], np.array([0.5]), np.zeros(3))
    assert found.exists is None
    assert found.gap == math.inf
    assert found.stop in (Stop.SEPARATED, Stop.DOUBTFUL)
    assert o.rows_read / o.n_rows < 250


def test_a_point_on_the_plateaus_is_left(backend):
    """All rows far out on the wrong side: H is tiny, and singular in double precision."""
    _, y, o = problem(40, 2, 2, 3, backend)
    found = minimise(o, np.eye(3)[[2]], np.array([0.2]), np.array([3000.0, 2000.0, -5000.0]))
    wanted = minimise(o, np.eye(3)[[2]], np.array([0.2]), np.zeros(3))
    np.testing.assert_allclose(found.coef, wanted.coef, rtol=1e-7)
    assert 0 < y.sum() < 40


def test_bad_constraints(backend):
    _, _, o = problem(30, 2, 2, 0, backend)
    with pytest.raises(ValueError, match=r"A must have shape \(1, 3\)"):
        minimise(o, np.ones((1, 2)), np.zeros(1), np.zeros(3))
    with pytest.raises(ValueError, match="full row rank, 2"):
        minimise(o, np.ones((2, 3)), np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="full row rank, 1"):
        minimise(o, np.zeros((1, 3)), np.zeros(1), np.zeros(3))


def test_dependent_columns_are_an_error(backend):
    X, y, _ = problem(30, 2, 2, 0, backend)
    o = Objective(Design(np.column_stack([X, X[:, 0]]), intercept=True), response(y, 30), backend, 1)
    with pytest.raises((IllConditioned, ArithmeticError)):
        minimise(o, np.eye(4)[[2]], np.zeros(1), np.zeros(4))


# -- the pieces ------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", [0, 1, 2, 4])
@pytest.mark.parametrize("whitened", [False, True])
def test_tangent_against_its_formulas(q, whitened):
    rng = np.random.default_rng(q)
    n, k = 6, 3
    B = rng.normal(size=(n, n))
    G, A, g = B @ B.T, rng.normal(size=(q, n)), rng.normal(size=n)
    T = np.triu(rng.normal(size=(k, k)) + 2.0 * np.eye(k)) if whitened else None
    back = np.eye(n) if T is None else np.kron(np.eye(2), np.linalg.inv(T))
    H = back.T @ G @ back
    found = Tangent(G, A, T)
    V = np.linalg.inv(H)
    K = np.linalg.inv(A @ V @ A.T) if q else np.zeros((0, 0))
    inverse = V - V @ A.T @ K @ A @ V
    np.testing.assert_allclose(found.inverse(), inverse, atol=1e-9 * np.abs(V).max())
    step, nu = found.step(g)
    np.testing.assert_allclose(step, -inverse @ g, atol=1e-9 * np.abs(V).max())
    assert nu == pytest.approx(math.sqrt(g @ inverse @ g))
    np.testing.assert_allclose(found.tangent, V @ A.T @ K, atol=1e-9)
    np.testing.assert_allclose(found.stiffness, K, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(found.multipliers(g), K @ A @ V @ g, rtol=1e-8)
    Z = rng.normal(size=(n, 5))
    half = found.half(Z)
    np.testing.assert_allclose(half.T @ half, Z.T @ inverse @ Z, atol=1e-9 * np.abs(V).max())


def test_a_direction_without_curvature_may_be_fixed():
    H = np.diag([1.0, 0.0, 2.0])
    found = Tangent(H, np.array([[0.0, 1.0, 0.0]]))
    assert found.stiffness[0, 0] == 0.0
    assert (found.tangent.ravel() == [0.0, 1.0, 0.0]).all()
    with pytest.raises(NotPositiveDefinite):
        Tangent(H, np.array([[1.0, 0.0, 0.0]]))


def test_gap_is_the_largest_fall_that_self_concordance_allows():
    for nu, R in ((1e-6, 3.0), (0.01, 0.5), (0.3, 2.0), (0.9, 1.0), (1e-4, 1e3)):
        r = -math.log1p(-nu * R) / R
        with mp.workdps(40):
            x = mp.mpf(r)
            fall = float(mp.mpf(nu) * x - (mp.exp(-mp.mpf(R) * x) + mp.mpf(R) * x - 1) / mp.mpf(R) ** 2)
        assert fall * (1.0 - 1e-9) <= gap(nu, R) <= fall * 1.002
    assert gap(1.0, 1.0) == math.inf
    assert gap(math.nan, 1.0) == math.inf
    assert gap(0.0, 5.0) == 0.0


@pytest.mark.parametrize("K", [2, 4])
@pytest.mark.parametrize("size", [1e-9, 1e-3, 1.0, 30.0])
def test_changes_and_their_bounds(K, size, backend):
    X, y, o = problem(60, 2, K, 4, backend, l2=0.5)
    rng = np.random.default_rng(1)
    a, d = rng.normal(size=o.n_params), rng.normal(size=o.n_params) * size
    found, bound = Change(o, a).to(a + d)
    with mp.workdps(60):
        f = [oracle.evaluate(X, y, at.tolist(), K, l2=0.5, hessian=False, digits=50) for at in (a, a + d)]
        exact = f[1].nll + f[1].penalty - f[0].nll - f[0].penalty
        off = abs(float(mp.mpf(found) - exact))
    assert off <= bound
    assert bound <= 1e-12 * size * 60
