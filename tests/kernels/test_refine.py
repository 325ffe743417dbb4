"""Refinement in double-double against exact arithmetic, on data where plain sums lose all their digits.

u = 2^-53.  The oracle takes every input as the number it is and computes with 2500 bits, so that 1 - p of
a row with a logit of 700 keeps its digits.  Layouts and threads: test_memory.py; bits: test_targets.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import gmpy2
import numpy as np
import pytest
from comparisons import U, exact, same, same_refined
from hypothesis import given
from oracles.exact import numbers, precisely
from strategies import LANES, TILE, Problem, problem, problems, run_pass, run_refine

BITS = 2500
#: relative error of a residual and of an nll: 2 ulp (docs/accuracy.md), and one for the correction
ROW = 2 * (2.0 + 1.0) * U


# -- the oracle ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Oracle:
    """Exact results, as numbers of gmpy2, and the sizes behind their errors, as doubles."""

    eta: list
    #: sum_j |x_j b_j| + |offset| of each logit, (n, m)
    terms: np.ndarray
    nll: object
    gradient: list
    spread: object
    #: sum_i |x_ij r_ik|, (m, k), and the same of what is quadratic in the low word
    gradient_size: np.ndarray
    quadratic: np.ndarray
    nll_quadratic: float


def oracle(q: Problem, coef_low) -> Oracle:
    return precisely(_oracle, BITS)(q, coef_low)


def _oracle(q, coef_low):
    n, m, k = q.n, q.m, q.k
    Z = [numbers(row) for row in q.Z]
    low = np.zeros_like(q.coef) if coef_low is None else coef_low
    B = [
        [a + b for a, b in zip(numbers(one), numbers(two), strict=True)]
        for one, two in zip(q.coef, low, strict=True)
    ]
    o = np.zeros((n, m)) if q.offset is None else q.offset
    w = numbers(q.w)
    zero = gmpy2.mpfr(0)
    eta = [
        [sum((a * b for a, b in zip(Z[i], B[h], strict=True)), gmpy2.mpfr(o[i, h])) for h in range(m)]
        for i in range(n)
    ]
    nll, spread, gradient = zero, zero, [[zero] * k for _ in range(m)]
    size, quadratic, nll_quadratic = np.zeros((m, k)), np.zeros((m, k)), 0.0
    rows = np.abs(q.Z)
    for i in range(n):
        z = [zero, *eta[i]]
        top = max(z)
        E = [gmpy2.exp(v - top) for v in z]
        s = sum(E, zero)
        y = int(q.y[i])
        nll += w[i] * (gmpy2.log(s) + top - z[y])
        r = [E[h] / s - (h == y) for h in range(m + 1)]
        spread += w[i] * (
            sum(r[h] ** 2 * s / E[h] for h in range(1, m + 1)) + sum(map(abs, r[1:])) ** 2 * s / E[0]
        )
        for h in range(m):
            for j in range(k):
                gradient[h][j] += w[i] * r[h + 1] * Z[i][j]
        size += q.w[i] * np.abs(np.array(r[1:], dtype=float))[:, None] * rows[i]
        lows = max(abs(float(v)) for v in z) * U
        quadratic += q.w[i] * lows**2 * rows[i]
        nll_quadratic += q.w[i] * lows**2
    terms = rows @ np.abs(q.coef).T + np.abs(o)
    return Oracle(eta, terms, nll, gradient, spread, size, quadratic, nll_quadratic)


def check(backend, q: Problem, coef_low=None, *, softmax=None):
    found, wanted = run_refine(backend, q, coef_low, softmax=softmax), oracle(q, coef_low)
    n, m, k = q.n, q.m, q.k

    def errors():
        eta = [
            [found.eta[i, h] + gmpy2.mpfr(found.eta_low[i, h]) - wanted.eta[i][h] for h in range(m)]
            for i in range(n)
        ]
        gradient = [
            [
                gmpy2.mpfr(found.gradient[h, j]) + found.gradient_low[h, j] - wanted.gradient[h][j]
                for j in range(k)
            ]
            for h in range(m)
        ]
        nll = gmpy2.mpfr(found.nll[0]) + found.nll[1] - wanted.nll
        return np.array(eta, dtype=float).reshape(n, m), np.array(gradient, dtype=float), float(nll)

    eta, gradient, nll = precisely(errors, BITS)()
    tiny = 2.0**-1060
    assert (np.abs(eta) <= (k + 3) ** 2 * U**2 * wanted.terms + tiny).all()
    # both words are one rounded value and its rest
    same(found.eta + found.eta_low, found.eta)
    same(found.gradient + found.gradient_low, found.gradient)
    # a residual is off by c u |r| and what is quadratic in the low word; the sums add nothing of that size
    bound = (ROW + m * U + (n + 3) ** 2 * U**2) * wanted.gradient_size + 2 * wanted.quadratic
    assert (np.abs(gradient) <= bound + tiny * (1 + n)).all(), np.max(np.abs(gradient) / bound)
    assert abs(nll) <= (ROW + m * U + n**2 * U**2) * float(wanted.nll) + 2 * wanted.nll_quadratic + tiny * (
        1 + n
    )
    largest = np.abs(q.X).max(axis=0, initial=0.0)
    same(found.largest, largest)
    spread = float(wanted.spread)
    assert found.spread == spread or abs(found.spread - spread) <= 1e-12 * spread
    return found, wanted


# -- data ----------------------------------------------------------------------------------------------


def data(name, n=60, K=2, seed=0) -> tuple[Problem, np.ndarray]:
    """An ill-conditioned problem with logits of some units, and the low words of its coefficients."""
    rng = np.random.default_rng([seed, n, K])
    m, offset = K - 1, None
    X = rng.normal(size=(n, 4))
    coef = rng.normal(size=(m, 5))
    if name == "far from zero":  # 1e8 + x
        X = 1e8 + X
        coef[:, 0] = -1e8 * coef[:, 1:].sum(axis=1)
    elif name == "scales":
        scale = 10.0 ** np.linspace(-8, 8, 4)
        X, coef[:, 1:] = X * scale, coef[:, 1:] / scale
    elif name == "collinear":
        X[:, 1] = X[:, 0] + 1e-7 * X[:, 1]
        coef[:, 1] += 1e7
        coef[:, 2] -= 1e7
    elif name == "saturated":
        coef *= 1.0
        eta = np.column_stack([np.ones(n), X]) @ coef.T
        coef *= 690.0 / np.abs(eta).max()
    elif name == "offsets":
        X[:, 0] = 1e8 + X[:, 0]
        coef[:, 1] = 1.0 + rng.normal(size=m)
        offset = -coef[:, 1] * np.round(X[:, :1]) + rng.normal(size=(n, m))
    elif name == "logits of 1e6 side by side":
        X[:, 0] = 1e6
        coef[:, 1] = 1.0 + 1e-7 * rng.normal(size=m)
    else:
        assert name == "ordinary"
    y = rng.integers(0, K, n).astype(np.int32)
    weight = rng.gamma(1.0, size=n) * (rng.random(n) > 0.2)
    low = coef * rng.uniform(-1, 1, coef.shape) * 2.0**-54
    return Problem(X, y, coef, weight, offset, True, f"data({name!r}, {n}, {K}, {seed})"), low


NAMES = [
    "ordinary",
    "far from zero",
    "scales",
    "collinear",
    "saturated",
    "offsets",
    "logits of 1e6 side by side",
]


@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("name", NAMES)
def test_ill_conditioned_data(backend, name, K):
    q, low = data(name, K=K)
    check(backend, q, low)
    check(backend, q.but(weight=None), None)
    if K == 2:
        check(backend, q, low, softmax=True)


@pytest.mark.parametrize("p", [0, 1, 2, LANES - 1, LANES, LANES + 1, 15, 16, 17, 23, 49, 100])
@pytest.mark.parametrize("n", [1, 3, TILE - 1, TILE + 1])
def test_shapes(backend, n, p):
    q = problem(n, p, 2 + p % 2, seed=p, intercept=True, weighted=n > 1, shifted=p % 3 == 0)
    check(backend, q, q.coef * 2.0**-55)
    if p:
        q = problem(n, p, 2, seed=p, intercept=False)
        check(backend, q)


@given(q=problems(rows=(1, 5, TILE + 1), columns=(0, 1, 3, LANES + 1, 20), classes=(2, 3, 4)))
def test_any_problem(backend, q):
    # logits of up to some thousands: a spread may be inf, and the exact one beyond the range of doubles
    check(backend, q, q.coef * 2.0**-54)


def test_the_plain_pass_fails_these_checks(backend):
    # the data are as hard as the tests believe
    q, low = data("far from zero")
    found, wanted = check(backend, q, low)
    plain = run_pass(backend, q).gradient
    assert np.abs(plain - found.gradient).max() > 1e4 * ROW * wanted.gradient_size.max()


# -- sums ----------------------------------------------------------------------------------------------


@pytest.mark.needs_compiled
@pytest.mark.parametrize("p", [1, 5, 9, 20])
@pytest.mark.parametrize("K", [2, 3])
def test_gradients_are_sums_of_their_own_residuals(compiled, p, K):
    # each residual comes out of a pass over its row alone; what is left is the error of products and sums
    n = 3 * TILE + 37
    q = problem(n, p, K, seed=p, weighted=True)
    scale = 10.0 ** np.random.default_rng(p).uniform(-8, 8, (n, 1))
    q = q.but(X=q.X * scale, coef=q.coef * 1e-4)
    found = run_refine(compiled, q)
    residual = np.empty((n, K - 1))
    for i in range(n):
        row = slice(i, i + 1)
        alone = q.but(X=q.X[row], y=q.y[row], weight=q.weight[row])
        residual[i] = run_refine(compiled, alone).gradient[:, 0]
    for h in range(q.m):
        for j in range(q.k):
            terms = [Fraction(z) * Fraction(r) for z, r in zip(q.Z[:, j], residual[:, h], strict=True)]
            error = abs(exact((found.gradient[h, j], found.gradient_low[h, j])) - sum(terms))
            assert error <= (n + 3) ** 2 * Fraction(U) ** 2 * sum(map(abs, terms))


@given(q=problems())
def test_low_words_of_zeros_are_none(backend, q):
    zeros = np.zeros_like(q.coef)
    same_refined(run_refine(backend, q, zeros), run_refine(backend, q))


@given(q=problems(classes=(2,)))
def test_binary_is_softmax_of_two_classes(backend, q):
    a, b = run_refine(backend, q), run_refine(backend, q, softmax=True)
    size = np.abs(q.Z).T @ (q.w * np.abs(rows_of(backend, q)))
    assert (np.abs(a.gradient - b.gradient) <= 4 * ROW * size + 2.0**-1060).all()
    assert abs(float(exact(a.nll) - exact(b.nll))) <= 4 * ROW * a.nll[0] + 2.0**-1060
    assert math.isclose(a.spread, b.spread, rel_tol=1e-12, abs_tol=2.0**-1000) or math.inf in (
        a.spread,
        b.spread,
    )


def rows_of(backend, q):
    """Unweighted residuals, (n,), of a binary problem."""
    residual, curvature = np.empty((q.n, 1)), np.empty((q.n, 1))
    backend.binary_rows(q.eta(backend), q.y, residual, curvature)
    return residual[:, 0]


# -- rows ----------------------------------------------------------------------------------------------


def one_row(backend, logits, y, low=None, weight=1.0):
    """NLL, spread and residual of a row whose logits are intercepts."""
    coef = np.array(logits, dtype=float)[:, None]
    arrays = [np.empty_like(coef) for _ in range(2)]
    kernel = backend.binary_refine if len(coef) == 1 else backend.softmax_refine
    (nll, _), spread = kernel(
        np.empty((1, 0)),
        np.array([y], np.int32),
        coef,
        None if low is None else np.array(low, dtype=float)[:, None],
        *arrays,
        None,
        intercept=True,
        weight=np.array([weight]),
    )
    return nll, spread, arrays[0][:, 0]


@pytest.mark.parametrize(
    "logits", [[700.0], [-700.0], [720.0, -30.0], [-730.0, 2.0, 30.0], [0.0, 0.0], [36.0, 35.0]]
)
@pytest.mark.parametrize("low", [None, 2.0**-50, -(2.0**-45)])
def test_rows_move_by_their_low_words(backend, logits, low):
    lows = None if low is None else [low * (1 - 0.5 * h) for h in range(len(logits))]
    for y in range(len(logits) + 1):
        coef = np.array(logits)[:, None]
        q = Problem(np.empty((1, 0)), np.array([y], np.int32), coef, None, None, True)
        wanted = oracle(q, None if lows is None else np.array(lows)[:, None])
        nll, spread, residual = one_row(backend, logits, y, lows)
        bound = 3 * ROW + (0.0 if low is None else 4 * low**2)
        assert abs(nll - float(wanted.nll)) <= bound * float(wanted.nll)
        for h, r in enumerate(wanted.gradient):
            assert abs(residual[h] - float(r[0])) <= bound * abs(float(r[0]))
        assert math.isclose(spread, float(wanted.spread), rel_tol=1e-10) or spread == float(wanted.spread)


def test_spread_is_the_quadratic_form_it_bounds(backend):
    # |r|' W^-1 |r| with the curvatures of the rows
    q = problem(40, 3, 4, weighted=True)
    eta, residual, curvature = q.eta(backend), np.empty((40, 3)), np.empty((40, 3, 3))
    backend.softmax_rows(eta, q.y, residual, curvature)
    r = np.abs(residual)
    wanted = sum(w * a @ np.linalg.solve(W, a) for w, a, W in zip(q.weight, r, curvature, strict=True))
    assert math.isclose(run_refine(backend, q).spread, wanted, rel_tol=1e-9)


HUGE = [0.0, 1.0, -1.0, 40.0, -40.0, 700.0, -700.0, 746.0, -746.0, 1100.0, -1100.0, 1e9, -1e9, 1e300, -1e300]


def test_spread_is_never_nan(backend):
    for a in HUGE:
        for y in (0, 1):
            nll, spread, residual = one_row(backend, [a], y)
            assert spread >= 0
            assert np.isfinite(residual).all()
            assert nll >= 0
        for b in HUGE:
            for y in (0, 1, 2):
                nll, spread, residual = one_row(backend, [a, b], y, [1e-20, -1e-20])
                assert spread >= 0, (a, b, y)
                assert np.isfinite(residual).all()
                assert nll >= 0


@pytest.mark.parametrize("logits", [[-2000.0], [1e300], [-1e300, 5.0], [800.0, -3000.0]])
def test_rows_of_weight_zero_count_nothing(backend, logits):
    for y in range(len(logits) + 1):
        nll, spread, residual = one_row(backend, logits, y, weight=0.0)
        assert nll == 0.0
        assert spread == 0.0
        same(np.abs(residual), np.zeros(len(logits)))


# -- what is not finite ----------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("p", [1, 5, 8, 11, 20])
@pytest.mark.parametrize("K", [2, 3])
def test_x_that_is_not_finite_shows(backend, bad, p, K):
    n = TILE + 3
    for seed in range(4):
        q = problem(n, p, K, seed=seed, weighted=True, intercept=seed % 2 == 0)
        rng = np.random.default_rng(seed)
        X, coef, weight = q.X.copy(), q.coef.copy(), q.weight.copy()
        i, j = rng.integers(n), rng.integers(p)
        X[i, j] = bad
        if seed > 1:  # a coefficient or a weight of zero hides nothing
            coef[:, q.intercept + j] = 0.0
            weight[i] = 0.0
        found = run_refine(backend, q.but(X=X, coef=coef, weight=weight))
        assert not (math.isfinite(found.nll[0]) and np.isfinite(found.gradient).all())


def test_logits_beyond_the_range(backend):
    X, coef = np.array([[1e300], [-1e300]]), np.array([[1e200]])
    q = Problem(X, np.array([1, 0], np.int32), coef, None, None, False)
    found = run_refine(backend, q)
    same(found.eta[:, 0], np.array([math.inf, -math.inf]))
    same(found.eta_low, np.zeros((2, 1)))
    assert found.nll == (0.0, 0.0)
    same(np.abs(found.gradient), np.zeros((1, 1)))
    assert found.spread == 0.0
    assert run_refine(backend, q.but(y=np.array([1, 1], np.int32))).nll[0] == math.inf


def test_numbers_beyond_the_range_of_a_split(backend):
    # Veltkamp's split of numbers above 2^996 overflows; the product itself does not
    X = np.array([[2.0**1000, 1.0], [-(2.0**1000), 3.0]])
    q = Problem(X, np.array([1, 0], np.int32), np.array([[2.0**-1000, 0.5]]), None, None, False)
    found = run_refine(backend, q)
    same(found.eta[:, 0], np.array([1.5, 0.5]))
    assert np.isfinite(found.gradient).all()
    same(found.largest, np.array([2.0**1000, 3.0]))


def test_no_rows(backend):
    for p, K in ((0, 2), (3, 2), (9, 3)):
        q = problem(1, p, K)
        found = run_refine(backend, q.but(X=q.X[:0], y=q.y[:0], weight=None, offset=None))
        assert found.nll == (0.0, 0.0)
        assert found.spread == 0.0
        for x in (found.gradient, found.gradient_low, found.largest):
            same(x, np.zeros_like(x))


def test_outputs_that_are_not_wanted(backend):
    q = problem(TILE + 9, 11, 3, weighted=True, shifted=True)
    whole, eta, g, low = (
        run_refine(backend, q),
        np.empty((q.n, q.m)),
        np.empty((q.m, q.k)),
        np.empty((q.m, q.k)),
    )
    backend.linear_predictor_dd(q.X, q.coef, None, eta, None, intercept=True, offset=q.offset)
    same(eta, whole.eta)
    nll, spread = backend.softmax_refine(
        q.X, q.y, q.coef, None, g, low, None, intercept=True, weight=q.weight, offset=q.offset
    )
    assert (nll, spread) == (whole.nll, whole.spread)
    same(g, whole.gradient)
    same(low, whole.gradient_low)
