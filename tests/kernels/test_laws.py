"""Laws of the kernels, on every backend: compared with == what holds exactly, the rest to a derived bound.

u = 2^-53 throughout.  A sum of n products in any order is off by at most (n + 1) u times the sum of sizes.
"""

from __future__ import annotations

import math
import tempfile
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    LANES,
    TILE,
    Problem,
    problem,
    problems,
    run_line,
    run_pass,
    run_rows,
    with_reference,
)

U = 2.0**-53


def same(a, b):
    """Equal in every bit that a number has: nan equals nan, -0 does not equal 0."""
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


def same_pass(a, b):
    assert a.nll == b.nll
    same(a.gradient, b.gradient)
    same(a.hessian, b.hessian)


def close(got, wanted, bound):
    """|got - wanted| <= bound, elementwise; the underflow of a product or two is let pass."""
    error = np.abs(np.asarray(got - wanted, dtype=float))
    bound = np.asarray(bound, dtype=float)
    assert (error <= bound + 2.0**-1070).all(), f"off by {np.max(error)}, allowed {np.max(bound)}"


def exact(pair):
    return Fraction(pair[0]) + Fraction(pair[1])


def sizes(q: Problem, rows):
    """Sums of sizes behind the gradient (m, k) and the Hessian (m k, m k) of a problem, given its rows."""
    Z = np.abs(q.Z)
    gradient = np.abs(rows.residual).T @ Z
    blocks = np.einsum("ij,icd,il->cjdl", Z, np.abs(rows.curvature), Z, optimize=True)
    return gradient, blocks.reshape(q.m * q.k, q.m * q.k)


def logit_error(q: Problem):
    """Bound of the error of any logit of each row, (n,): k products, intercept and offset, in any order."""
    terms = np.abs(q.Z) @ np.abs(q.coef).T + (0.0 if q.offset is None else np.abs(q.offset))
    return (q.k + 2) * U * terms.max(axis=1, initial=0.0)


def close_pass(backend, q: Problem, a, b, additions, nll=0.0):
    """Two passes over the same rows whose sums were grouped in different ways.

    A compiled logit depends on its row alone; NumPy's matrix product may choose its order by the shape of
    the whole, which moves a logit by e <= 2 logit_error, an nll by 2 e, a residual and a curvature by e.
    `nll` is the relative difference that is due to other roundings.
    """
    gradient, hessian = sizes(q, run_rows(backend, q.eta(backend), q.y, q.weight))
    moved = q.w * (0.0 if backend.BACKEND == "compiled" else 2 * logit_error(q))
    Z = np.abs(q.Z)
    pairs = (nll + q.n**2 * U**2) * abs(a.nll[0])
    moved = moved + (1 + q.w) * 2.0**-1073  # what underflows is off by half of 2^-1074, twice
    close(float(exact(a.nll) - exact(b.nll)), 0.0, pairs + 2 * moved.sum())
    close(a.gradient, b.gradient, additions * U * gradient + moved @ Z)
    close(a.hessian, b.hessian, additions * U * hessian + np.tile(Z.T @ (moved[:, None] * Z), (q.m, q.m)))


# -- the fused pass is its layers, composed ----------------------------------------------------------


@given(q=problems())
def test_pass_is_the_composition_of_the_layers(backend, q):
    # both backends sum in the order of their layers: the same bits
    fused = run_pass(backend, q)
    rows = run_rows(backend, q.eta(backend), q.y, q.weight)
    gradient, block = np.full((q.m, q.k), np.nan), np.full((q.k, q.k), np.nan)
    backend.transpose_product(q.X, rows.residual, gradient, intercept=q.intercept)
    assert fused.nll == rows.nll
    same(fused.gradient, gradient)
    for c in range(q.m):
        for d in range(q.m):
            curvature = np.ascontiguousarray(rows.curvature[:, c, d])
            backend.weighted_gram(q.X, curvature, block, intercept=q.intercept)
            found = fused.hessian[c * q.k : (c + 1) * q.k, d * q.k : (d + 1) * q.k]
            np.testing.assert_array_equal(found, block)  # an empty sum may be 0 or -0


@given(q=problems())
def test_outputs_not_wanted_change_nothing(backend, q):
    kernel = backend.binary_pass if q.m == 1 else backend.softmax_pass
    options = {"intercept": q.intercept, "weight": q.weight, "offset": q.offset}
    whole = run_pass(backend, q)
    for wants_gradient, wants_hessian in [(False, False), (True, False), (False, True)]:
        gradient = np.full_like(whole.gradient, np.nan) if wants_gradient else None
        hessian = np.full_like(whole.hessian, np.nan) if wants_hessian else None
        assert kernel(q.X, q.y, q.coef, gradient, hessian, **options) == whole.nll
        if wants_gradient:
            same(gradient, whole.gradient)
        if wants_hessian:
            same(hessian, whole.hessian)


@given(q=problems(weighted=False, shifted=False))
def test_ones_and_zeros_are_the_defaults(backend, q):
    # w = 1 and offset = 0: products with 1 and sums with 0 are exact
    explicit = q.but(weight=np.ones(q.n), offset=np.zeros((q.n, q.m)))
    np.testing.assert_array_equal(q.eta(backend), explicit.eta(backend))
    a, b = run_pass(backend, q), run_pass(backend, explicit)
    assert a.nll == b.nll
    same(a.hessian, b.hessian)
    same(a.gradient, b.gradient)


# -- sums merge without loss -------------------------------------------------------------------------


@given(q=problems())
def test_nll_is_the_exact_sum_of_its_rows(backend, q):
    # the pair carries what one double cannot: 2^-106 of the sum of sizes for each addition, n^2 at most
    eta = q.eta(backend)
    rows = [
        run_rows(backend, eta[i : i + 1], q.y[i : i + 1], None if q.weight is None else q.weight[i : i + 1])
        for i in range(q.n)
    ]
    assert all(row.nll[1] == 0.0 for row in rows)
    wanted = sum((Fraction(row.nll[0]) for row in rows), Fraction(0))
    pair = run_rows(backend, eta, q.y, q.weight).nll
    assert abs(exact(pair) - wanted) <= wanted * q.n**2 / 2**106
    assert pair[0] == pair[0] + pair[1]  # high is the rounded sum


@given(q=problems(rows=(TILE + 1, 2 * TILE + 37)), step=st.sampled_from([1e-12, 1e-3, 1.0, 50.0]))
def test_change_is_the_exact_sum_of_its_rows(backend, q, step):
    eta = q.eta(backend)
    slope = np.random.default_rng(q.n).normal(size=eta.shape)

    def line(rows):
        w = None if q.weight is None else q.weight[rows]
        return run_line(backend, eta[rows], slope[rows], q.y[rows], step, w)

    rows = [line(slice(i, i + 1)) for i in range(q.n)]
    whole = line(slice(None))
    terms = [exact(row[0]) for row in rows]
    size = sum((abs(t) for t in terms), Fraction(0))
    assert abs(exact(whole[0]) - sum(terms)) <= size * q.n**2 / 2**106
    for order in (1, 2):
        terms = [row[order] for row in rows]
        assert abs(whole[order] - math.fsum(terms)) <= U * abs(math.fsum(terms)) + q.n**2 * U**2 * sum(
            map(abs, terms)
        )


# -- weights -----------------------------------------------------------------------------------------


# logits within 300: no product underflows, and such a weight costs no rounding anywhere
@given(q=problems(spreads=(1e-3, 1.0, 30.0)), power=st.sampled_from([-3, 1, 60]))
def test_powers_of_four_in_the_weights_scale_exactly(backend, q, power):
    factor = 4.0**power  # the compiled Gram matrix takes roots of the weights: exact for powers of four
    whole, scaled = run_pass(backend, q), run_pass(backend, q.but(weight=q.w * factor))
    assert scaled.nll == (factor * whole.nll[0], factor * whole.nll[1])
    same(scaled.gradient, factor * whole.gradient)
    same(scaled.hessian, factor * whole.hessian)


@given(q=problems(rows=(1, TILE - 1, TILE + 1), weighted=False), seed=st.integers(0, 99))
def test_integer_weights_are_repeated_rows(backend, q, seed):
    times = np.random.default_rng(seed).integers(0, 4, size=q.n)

    def repeat(a):
        return None if a is None else np.repeat(a, times, axis=0)

    repeated = run_pass(backend, q.but(X=repeat(q.X), y=repeat(q.y), offset=repeat(q.offset)))
    q = q.but(weight=times.astype(float))
    weighted = run_pass(backend, q)
    # w nll is rounded once, a sum of w nll not at all; so are w r and w h, against sums of w terms
    close_pass(backend, q, weighted, repeated, times.sum() + q.n + 6, nll=2 * U)


@given(q=problems(rows=(TILE - 1, TILE, TILE + 1), weighted=True))
def test_rows_of_weight_zero_do_not_count(backend, q):
    # appended, so that every other row keeps its place in the sums
    extra = problem(45, q.X.shape[1], q.m + 1, seed=7, intercept=q.intercept, shifted=True, spread=30.0)
    longer = q.but(
        X=np.vstack([q.X, extra.X]),
        y=np.concatenate([q.y, extra.y]),
        weight=np.concatenate([q.weight, np.zeros(45)]),
        offset=None if q.offset is None else np.vstack([q.offset, extra.offset]),
    )
    a, b = run_pass(backend, q), run_pass(backend, longer)
    if backend.BACKEND == "compiled":  # chains over the rows: zeros at their end change nothing
        assert a.nll == b.nll
        same(a.gradient, b.gradient)
        same(a.hessian, b.hessian)
    close_pass(backend, q, a, b, 2 * (longer.n + 2))


# -- order of rows -----------------------------------------------------------------------------------


@given(q=problems(), seed=st.integers(0, 99))
def test_order_of_rows(backend, q, seed):
    order = np.random.default_rng(seed).permutation(q.n)
    moved = q.but(
        X=q.X[order],
        y=q.y[order],
        weight=None if q.weight is None else q.weight[order],
        offset=None if q.offset is None else q.offset[order],
    )
    if backend.BACKEND == "compiled":  # a logit depends on its own row; NumPy's product may not
        same(moved.eta(backend), q.eta(backend)[order])
    close_pass(backend, q, run_pass(backend, q), run_pass(backend, moved), 2 * (q.n + 2))


@given(q=problems(classes=(3, 4, 6)), seed=st.integers(0, 99))
def test_order_of_classes(backend, q, seed):
    # the names of the classes 1 .. K-1 are arbitrary: results follow them, to the order of one sum of K terms
    order = np.random.default_rng(seed).permutation(q.m)
    eta = q.eta(backend)
    inverse = np.concatenate([[0], 1 + np.argsort(order)]).astype(np.int32)
    a = run_rows(backend, eta, q.y, q.weight)
    b = run_rows(backend, np.ascontiguousarray(eta[:, order]), inverse[q.y], q.weight)
    tolerance = (2 * q.m + 10) * U
    close(a.nll[0], b.nll[0], tolerance * a.nll[0])
    close(a.residual[:, order], b.residual, tolerance * np.abs(b.residual))
    close(a.curvature[:, order][:, :, order], b.curvature, 2 * tolerance * np.abs(b.curvature))


# -- two classes: binary and softmax are one model ---------------------------------------------------


@given(q=problems(classes=(2,)))
def test_softmax_of_two_classes_is_binary(backend, q):
    eta = q.eta(backend)
    binary = run_rows(backend, eta, q.y, q.weight, softmax=False)
    softmax = run_rows(backend, eta, q.y, q.weight, softmax=True)
    # two formulas for the same number, each within 3 ulp of it (test_accuracy.py), 5 for the curvature
    close(binary.nll[0], softmax.nll[0], 4 * 2 * U * binary.nll[0])
    close(binary.residual, softmax.residual, 6 * 2 * U * np.abs(binary.residual))
    close(binary.curvature, softmax.curvature, 10 * 2 * U * binary.curvature)
    p, both = np.full(q.n, np.nan), np.full((q.n, 2), np.nan)
    backend.expit(np.ascontiguousarray(eta[:, 0]), p)
    backend.softmax(with_reference(eta), both)
    close(both[:, 1], p, 6 * 2 * U * p)
    a, b = run_pass(backend, q, softmax=False), run_pass(backend, q, softmax=True)
    gradient, hessian = sizes(q, binary)
    close(a.gradient, b.gradient, 2 * (q.n + 8) * U * gradient)
    close(a.hessian, b.hessian, 2 * (q.n + 12) * U * hessian)


# logits within 300: beyond 700 the probability of a class underflows, and what a step makes of it with it
@given(
    q=problems(classes=(2,), spreads=(1e-3, 1.0, 30.0)), step=st.sampled_from([-300.0, -1.0, 1e-9, 0.3, 7.0])
)
def test_line_of_two_classes_is_binary(backend, q, step):
    eta = q.eta(backend)
    slope = np.random.default_rng(q.n).normal(size=eta.shape)
    terms = [
        [
            run_line(backend, eta[i : i + 1], slope[i : i + 1], q.y[i : i + 1], step, softmax=s)
            for s in (False, True)
        ]
        for i in range(q.n)
    ]
    for i, ((change, first, second), (change_s, first_s, second_s)) in enumerate(terms):
        # the logit of the far end is rounded by u (|eta| + |step slope|): a change by lambda times that
        moved = abs(step * slope[i, 0]) + abs(eta[i, 0])
        lam = abs(first / slope[i, 0])
        close(change[0], change_s[0], 12 * U * abs(change[0]) + 2 * U * moved * lam)
        close(first, first_s, (14 + 2 * moved) * U * abs(first))
        close(second, second_s, (24 + 2 * moved) * U * second)


@given(q=problems(classes=(2,)))
def test_exchanging_the_two_classes_mirrors_exactly(backend, q):
    eta = q.eta(backend)
    a = run_rows(backend, eta, q.y, q.weight)
    b = run_rows(backend, -eta, 1 - q.y, q.weight)
    assert a.nll == b.nll
    same(a.residual, -b.residual)
    same(a.curvature, b.curvature)
    slope = np.random.default_rng(q.n).normal(size=eta.shape)
    forward = run_line(backend, eta, slope, q.y, 0.75, q.weight)
    assert forward == run_line(backend, -eta, -slope, 1 - q.y, 0.75, q.weight)


# -- the freedom of the softmax ----------------------------------------------------------------------


@given(
    n=st.sampled_from([1, TILE + 1]),
    K=st.sampled_from([2, 3, 6]),
    seed=st.integers(0, 99),
    shift=st.sampled_from([-1e4, 3.0, 2.0**40]),
)
def test_a_constant_moves_from_intercept_to_offset(backend, n, K, seed, shift):
    # on a grid of 2^-6, intercept - shift and its sum with the offset are exact
    q = problem(n, 0, K, seed=seed, weighted=True)
    q = q.but(coef=np.round(q.coef * 64) / 64)
    moved = q.but(coef=q.coef - shift, offset=np.full((q.n, q.m), shift))
    same(moved.eta(backend), q.eta(backend))
    same_pass(run_pass(backend, moved), run_pass(backend, q))


@given(
    q=problems(rows=(1, 60), classes=(3, 4, 6), weighted=True),
    size=st.sampled_from([1.0, 30.0, 1e4, 1e7]),
    base=st.integers(1, 5),
)
def test_a_constant_added_to_all_logits_changes_nothing(backend, q, size, base):
    # -z_base is added to the logits of all K classes, so that class `base` takes the place of the reference.
    # On the grid of 2^-10 all differences are exact, and only the order of one sum of K terms changes.
    base = 1 + (base - 1) % q.m
    rng = np.random.default_rng([q.n, base])
    z = np.zeros((q.n, q.m + 1))
    z[:, 1:] = np.round(rng.normal(0, size, (q.n, q.m)) * 1024) / 1024
    names = np.array([base, *(k for k in range(q.m + 1) if k != base)])  # old class of each new one
    renamed = np.argsort(names).astype(np.int32)
    shifted = np.ascontiguousarray((z - z[:, [base]])[:, names[1:]])

    nothing = {"X": np.empty((q.n, 0)), "coef": np.empty((q.m, 0)), "intercept": False}
    a = run_pass(backend, q.but(**nothing, offset=np.ascontiguousarray(z[:, 1:])))
    b = run_pass(backend, q.but(**nothing, offset=shifted, y=renamed[q.y]))
    tolerance = (2 * q.m + 10) * U
    close(a.nll[0], b.nll[0], tolerance * a.nll[0])
    p, moved = np.full((q.n, q.m + 1), np.nan), np.full((q.n, q.m + 1), np.nan)
    backend.softmax(with_reference(z[:, 1:]), p)
    backend.softmax(with_reference(shifted), moved)
    close(p[:, names], moved, tolerance * moved)


@given(q=problems(), spread=st.sampled_from([1.0, 1e3, 1e300]))
def test_probabilities_of_a_row_sum_to_one(backend, q, spread):
    eta = np.random.default_rng(q.n).normal(size=(q.n, q.m)) * spread
    p = np.full((q.n, q.m + 1), np.nan)
    backend.softmax(with_reference(eta), p)
    assert (p >= 0).all()
    assert (p <= 1).all()
    for row in p:  # every p is off by some 4 u of itself and K u through the sum in the denominator
        assert abs(math.fsum([*row, -1.0])) <= (q.m + 5) * U


@given(eta=st.lists(st.floats(-800, 800), min_size=1, max_size=20))
def test_p_of_both_signs_sum_to_one(backend, eta):
    eta = np.array(eta)
    p, other = np.full_like(eta, np.nan), np.full_like(eta, np.nan)
    backend.expit(eta, p)
    backend.expit(-eta, other)
    close(p + other, 1.0, 6 * U)
    # residuals of the two labels are p and p - 1, without forming either difference
    for y, wanted in ((0, p), (1, -other)):
        rows = run_rows(backend, eta[:, None].copy(), np.full(len(eta), y, np.int32))
        same(rows.residual[:, 0], wanted)


# -- derivatives -------------------------------------------------------------------------------------


def stencil(f, h):
    """f'(0) by the 4th-order stencil: off by h^4 |f'''''| / 30 and by the rounding of f over h."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


#: the derivatives of log(1 + exp(z)) from the second to the sixth are at most 1/4, and along one logit a
#: log-sum-exp is such a function, moved; along a direction d with |d'z| <= D, the j-th is at most D^j / 4
STENCIL_STEP = 2.0**-9
DERIVATIVE_CASES = pytest.mark.parametrize(
    ("n", "p", "K", "intercept"),
    [(1, 1, 2, False), (TILE + 1, 3, 2, True), (40, LANES + 1, 3, True), (70, 2, 4, False), (33, 4, 6, True)],
)


def directions(q: Problem):
    """Unit steps in each coefficient, scaled so that no logit moves by more than h, and that scale."""
    scale = 1.0 / np.abs(q.Z).max(axis=0)
    for c in range(q.m):
        for j in range(q.k):
            d = np.zeros((q.m, q.k))
            d[c, j] = scale[j]
            yield d


@DERIVATIVE_CASES
def test_gradient_is_the_derivative_of_the_nll(backend, n, p, K, intercept):
    q = problem(n, p, K, seed=1, intercept=intercept, weighted=True, shifted=True)
    gradient, h = run_pass(backend, q).gradient, STENCIL_STEP
    total = q.w.sum()
    base = exact(run_pass(backend, q).nll)
    for d in directions(q):

        def nll(t, d=d):
            return float(exact(run_pass(backend, q.but(coef=q.coef + t * d)).nll) - base)

        # truncation: h^4 / 30 of a fifth derivative below 1/4 a row; rounding: some 3 u of each row's nll and
        # (k + 3) u of its logits, over h
        logits = float(logit_error(q) @ q.w)
        rounding = (3 * U * float(base) + 2 * logits + U * total) * 1.5 / h
        close((gradient * d).sum(), stencil(nll, h), h**4 / 30 * total / 4 + rounding)


@DERIVATIVE_CASES
def test_hessian_is_the_derivative_of_the_gradient(backend, n, p, K, intercept):
    q = problem(n, p, K, seed=2, intercept=intercept, weighted=True, shifted=True)
    hessian, h = run_pass(backend, q).hessian, STENCIL_STEP
    largest = np.tile(np.abs(q.Z).max(axis=0), q.m)
    for d in directions(q):

        def gradient(t, d=d):
            return run_pass(backend, q.but(coef=q.coef + t * d)).gradient.ravel()

        # as above, times |x_ij|: sixth derivatives below 1/4; residuals are below 1 and added n times
        logits = float(logit_error(q) @ q.w)
        rounding = ((n + 5) * U * q.w.sum() + 2 * logits) * 1.5 / h
        bound = (h**4 / 30 * q.w.sum() / 4 + rounding) * largest
        close(hessian @ d.ravel(), stencil(gradient, h), bound)


@pytest.mark.parametrize("K", [2, 3, 6])
@pytest.mark.parametrize("step", [-3.0, 0.0, 1e-3, 2.0])
def test_derivatives_along_a_line_are_those_of_the_change(backend, K, step):
    rng = np.random.default_rng(K)
    n, m, h = TILE + 9, K - 1, STENCIL_STEP
    eta, w = rng.normal(0, 2, (n, m)), rng.gamma(1.0, size=n)
    slope = rng.uniform(-0.5, 0.5, (n, m))  # differences of slopes below 1: derivatives below 1
    y = rng.integers(0, K, n).astype(np.int32)

    def along(t):
        return run_line(backend, eta, slope, y, step + t, w)

    here = along(0.0)
    size = w.sum()
    rounding = 8 * U * size * (1 + abs(step)) * 1.5 / h
    change = stencil(lambda t: float(exact(along(t)[0]) - exact(here[0])), h)
    close(here[1], change, h**4 / 30 * size + rounding)
    close(here[2], stencil(lambda t: along(t)[1], h), h**4 / 30 * size + rounding)


@given(q=problems(rows=(1, TILE + 1), spreads=(1e-3, 1.0, 30.0)), step=st.sampled_from([-1.0, 0.25, 3.0]))
def test_line_agrees_with_the_passes_at_both_ends(backend, q, step):
    rng = np.random.default_rng(q.n)
    direction = rng.normal(size=q.coef.shape) / np.sqrt(max(q.k, 1))
    slope = q.but(coef=direction, offset=None).eta(backend)
    change, first, second = run_line(backend, q.eta(backend), slope, q.y, step, q.weight)
    end = q.but(coef=q.coef + step * direction)
    before, after = run_pass(backend, q), run_pass(backend, end)
    rows = run_rows(backend, end.eta(backend), q.y, q.weight)
    gradient, hessian = sizes(end, rows)
    d = direction.ravel()
    # logits of the far end are reached on two ways
    apart = logit_error(q) + logit_error(end) + 3 * U * np.abs(step * slope).max(axis=1, initial=0.0)
    reach = 2 * np.abs(slope).max(axis=1, initial=0.0)
    nlls = exact(before.nll) + exact(after.nll)
    close(exact(change), exact(after.nll) - exact(before.nll), 6 * U * float(nlls) + 2 * float(q.w @ apart))
    many = (q.n + q.k + 20) * U
    close(
        first,
        (after.gradient * direction).sum(),
        many * (gradient * np.abs(direction)).sum() + float(q.w @ (apart * reach)),
    )
    close(
        second,
        d @ after.hessian @ d,
        many * np.abs(d) @ hessian @ np.abs(d) + 2 * float(q.w @ (apart * reach**2)),
    )


# -- the Hessian -------------------------------------------------------------------------------------


@given(q=problems())
def test_hessian_is_symmetric(backend, q):
    hessian = run_pass(backend, q).hessian
    same(hessian, hessian.T)


@given(q=problems(rows=(1, TILE + 1, 2 * TILE + 37), columns=(0, 1, 3, LANES + 1)))
def test_hessian_is_positive_semidefinite(backend, q):
    p = run_pass(backend, q)
    if q.m * q.k == 0:
        return
    _, size = sizes(q, run_rows(backend, q.eta(backend), q.y, q.weight))
    lowest = np.linalg.eigvalsh(p.hessian)[0]
    # rounding moves an element by (n + 8) u of its size, an eigenvalue by the norm of that; LAPACK adds some
    underflow = (1 + q.w).sum() * max(1.0, np.abs(q.Z).max(initial=0.0)) ** 2 * 2.0**-1073
    assert lowest >= -(q.n + 8 + 4 * q.m * q.k) * U * (q.m * q.k * (size.max() + underflow)) - underflow
    assert (p.hessian.diagonal() >= 0).all()


@given(q=problems(rows=(1, TILE + 1), columns=(0, 1, 3, LANES + 1)))
def test_curvature_of_a_row_is_a_covariance(backend, q):
    # exactly symmetric; diagonal p_k (1 - p_k) >= 0; row sums leave p_k p_0 >= 0 to the reference
    rows = run_rows(backend, q.eta(backend), q.y, q.weight)
    same(rows.curvature, rows.curvature.transpose(0, 2, 1))
    diagonal = np.einsum("ikk->ik", rows.curvature)
    assert (diagonal >= 0).all()
    assert (diagonal <= q.w[:, None] / 4 * (1 + 8 * U)).all()
    left = rows.curvature.sum(axis=2)
    assert (left >= -(4 * q.m + 8) * U * diagonal - q.m * (1 + q.w[:, None]) * 2.0**-1073).all()


# -- memory ------------------------------------------------------------------------------------------


def layouts(X, folder):
    """X in every layout an array can have: name, array."""
    n, p = X.shape
    yield "C order", X.copy(order="C")
    yield "Fortran order", X.copy(order="F")
    yield "every second row and column", np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2]
    yield (
        "rows of a wider array",
        np.hstack([np.full((n, 3), np.nan), X, np.full((n, 2), np.nan)])[:, 3 : 3 + p],
    )
    yield "columns of a longer Fortran array", np.asfortranarray(np.vstack([X, np.full((5, p), np.nan)]))[:n]
    yield "negative strides", np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]
    yield "negative row stride, Fortran order", np.asfortranarray(X[::-1])[::-1]
    three = np.empty((p, 3, n))
    three[:, 1, :] = X.T
    yield "transposed slice of three dimensions", three[:, 1, :].T
    readonly = X.copy()
    readonly.flags.writeable = False
    yield "read-only", readonly
    raw = np.zeros(X.nbytes + 1, np.uint8)
    shifted = raw[1:].view(np.float64).reshape(X.shape)
    shifted[...] = X
    yield "address not a multiple of 8", shifted
    if X.size:
        path = Path(folder) / "X"
        X.tofile(path)
        yield "memory-mapped, read-only", np.memmap(path, dtype=np.float64, mode="r", shape=X.shape)


@given(q=problems(rows=(0, 1, TILE - 1, TILE + 1), columns=(0, 1, LANES - 1, LANES + 1, 33)))
@pytest.mark.needs_compiled
def test_memory_layout_changes_no_bit(compiled, q):
    eta, whole = q.eta(compiled), run_pass(compiled, q)
    curvature = np.random.default_rng(1).uniform(size=q.n)
    largest, gram = np.full(q.X.shape[1], np.nan), np.full((q.k, q.k), np.nan)
    assert compiled.column_largest(q.X, largest)
    compiled.weighted_gram(q.X, curvature, gram, intercept=q.intercept)
    with tempfile.TemporaryDirectory() as folder:
        for name, X in layouts(q.X, folder):
            other = q.but(X=X)
            np.testing.assert_array_equal(X, q.X, err_msg=name)
            same(other.eta(compiled), eta)
            same_pass(run_pass(compiled, other), whole)
            found, product = np.full_like(largest, np.nan), np.full_like(gram, np.nan)
            assert compiled.column_largest(X, found)
            same(found, largest)
            compiled.weighted_gram(X, curvature, product, intercept=q.intercept)
            same(product, gram)


@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("K", [2, 4])
def test_broadcast_rows_and_columns(backend, axis, K):
    # zero strides: one stored row, one stored column, one stored number
    q = problem(TILE + 1, LANES + 1, K, weighted=True)
    shape = {0: (1, LANES + 1), 1: (TILE + 1, 1), None: (1, 1)}[axis]
    X = np.broadcast_to(np.random.default_rng(1).normal(size=shape), q.X.shape)
    assert 0 in X.strides
    a, b = run_pass(backend, q.but(X=X)), run_pass(backend, q.but(X=X.copy()))
    largest = np.full(LANES + 1, np.nan)
    assert backend.column_largest(X, largest)
    same(largest, np.abs(X).max(axis=0))
    if backend.BACKEND == "compiled":
        same_pass(a, b)
    else:  # NumPy's product may choose its order by the strides
        rows = run_rows(backend, q.but(X=X).eta(backend), q.y, q.weight)
        gradient, hessian = sizes(q.but(X=X), rows)
        close(a.gradient, b.gradient, 2 * (q.n + 20) * U * gradient)
        close(a.hessian, b.hessian, 2 * (q.n + 20) * U * hessian)


@pytest.mark.needs_compiled
@pytest.mark.parametrize("item", [12, 20, 9])
def test_strides_that_are_no_multiple_of_a_double_are_refused_or_read(compiled, item):
    # a column of a packed record: 12, 20 or 9 bytes apart.  What must not happen is to read other bytes.
    record = np.zeros(7, dtype=[("x", "<f8"), ("rest", f"V{item - 8}")])
    record["x"] = np.arange(7) + 0.5
    X = record["x"][:, None]
    assert X.strides[0] == item
    eta = np.full((7, 1), np.nan)
    refused = ""
    try:
        compiled.linear_predictor(X, np.array([[2.0]]), eta, intercept=False)
    except ValueError as error:
        refused = str(error)
    if refused:
        assert "X" in refused
    else:
        same(eta[:, 0], 2.0 * np.arange(7) + 1.0)


def frozen(a):
    if a is not None:
        a = a.copy()
        a.flags.writeable = False
    return a


@given(q=problems())
def test_inputs_are_read_only_and_outputs_stay_inside(backend, q):
    # inputs cannot be written; outputs lie between guards that must not change
    q = q.but(
        X=frozen(q.X), y=frozen(q.y), coef=frozen(q.coef), weight=frozen(q.weight), offset=frozen(q.offset)
    )
    guard, n, m, k = 17, q.n, q.m, q.k
    outputs = []

    def guarded(*shape):
        size = math.prod(shape)
        memory = np.full(size + 2 * guard, np.nan)
        memory[:guard] = memory[guard + size :] = 1.25
        outputs.append(memory)
        return memory[guard : guard + size].reshape(shape)

    eta = guarded(n, m)
    backend.linear_predictor(q.X, q.coef, eta, intercept=q.intercept, offset=q.offset)
    if q.X.shape[1]:
        backend.column_largest(q.X, guarded(q.X.shape[1]))
    backend.softmax(frozen(with_reference(eta)), guarded(n, m + 1))
    backend.expit(frozen(eta.ravel()), guarded(n * m))
    if m == 1:
        backend.binary_rows(frozen(eta), q.y, guarded(n, 1), guarded(n, 1), weight=q.weight)
    residual, curvature = guarded(n, m), guarded(n, m, m)
    backend.softmax_rows(frozen(eta), q.y, residual, curvature, weight=q.weight)
    backend.transpose_product(q.X, frozen(residual), guarded(m, k), intercept=q.intercept)
    column = frozen(np.ascontiguousarray(curvature[:, 0, 0]))
    backend.weighted_gram(q.X, column, guarded(k, k), intercept=q.intercept)
    kernel = backend.binary_pass if m == 1 else backend.softmax_pass
    gradient, hessian = guarded(m, k), guarded(m * k, m * k)
    kernel(q.X, q.y, q.coef, gradient, hessian, intercept=q.intercept, weight=q.weight, offset=q.offset)
    line = backend.binary_line if m == 1 else backend.softmax_line
    line(frozen(eta), frozen(eta), q.y, 0.5, weight=q.weight)

    for memory in outputs:
        assert (memory[:guard] == 1.25).all()
        assert (memory[len(memory) - guard :] == 1.25).all()
        assert not np.isnan(memory).any()  # every element was written


@pytest.mark.parametrize("K", [2, 4])
def test_threads_do_not_share_work_space(backend, K):
    tasks = [problem(2 * TILE + 37, 33, K, seed=seed, weighted=True, shifted=True) for seed in range(6)]
    alone = [run_pass(backend, q) for q in tasks]
    found = [[] for _ in tasks]
    start = threading.Barrier(len(tasks))

    def work(i):
        start.wait()
        for _ in range(20):
            found[i].append(run_pass(backend, tasks[i]))

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(tasks))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for one, many in zip(alone, found, strict=True):
        assert len(many) == 20
        for other in many:
            same_pass(other, one)


# -- nothing at all ----------------------------------------------------------------------------------


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("p", [0, 3])
def test_no_rows(backend, K, intercept, p):
    q = problem(0, p, K, intercept=intercept)
    got = run_pass(backend, q)
    assert got.nll == (0.0, 0.0)
    assert not got.gradient.any()
    assert not got.hessian.any()
    assert q.eta(backend).shape == (0, K - 1)
    largest = np.full(p, np.nan)
    assert backend.column_largest(q.X, largest)
    assert not largest.any()
    empty = np.empty((0, K - 1))
    assert run_line(backend, empty, empty, q.y, 1.0) == ((0.0, 0.0), 0.0, 0.0)


@pytest.mark.parametrize("K", [2, 5])
def test_no_columns(backend, K):
    # without columns and intercept the logits are the offset; with an intercept they are constants
    n, m = TILE + 1, K - 1
    q = problem(n, 0, K, weighted=True)
    same(q.eta(backend), np.tile(q.coef.T, (n, 1)))
    offset = np.random.default_rng(1).normal(size=(n, m))
    bare = Problem(np.empty((n, 0)), q.y, np.empty((m, 0)), q.weight, offset, False)
    same(bare.eta(backend), offset)
    got = run_pass(backend, bare)
    assert got.gradient.shape == (m, 0)
    assert got.hessian.shape == (0, 0)
    assert got.nll == run_rows(backend, offset, q.y, q.weight).nll
    assert got.nll[0] > 0


# -- numbers that are none ---------------------------------------------------------------------------


@pytest.mark.parametrize("row", [0, 5, TILE - 1, TILE])
@pytest.mark.parametrize("K", [2, 3, 6])
@pytest.mark.parametrize("where", ["X", "offset", "coef", "weight"])
def test_nan_is_never_a_number(backend, K, where, row):
    q = problem(TILE + 3, 3, K, weighted=True, shifted=True)
    array = getattr(q, where).copy()
    array[(row % len(array), *([0] * (array.ndim - 1)))] = np.nan
    q = q.but(**{where: array})
    got = run_pass(backend, q)
    assert math.isnan(got.nll[0])
    assert np.isnan(got.gradient).any()
    assert np.isnan(got.hessian).any()
    eta = q.eta(backend)
    (change, _), first, second = run_line(backend, eta, np.ones_like(eta), q.y, 0.5, q.weight)
    assert [math.isnan(v) for v in (change, first, second)] == [True] * 3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [(0, 0), (3, 2), (TILE, 4)])
def test_column_largest_finds_what_is_not_finite(backend, bad, at):
    X = problem(TILE + 3, 5, 2).X
    largest = np.full(5, np.nan)
    assert backend.column_largest(X, largest)
    same(largest, np.abs(X).max(axis=0))
    X[at] = bad
    for layout in (X, np.asfortranarray(X), X[::-1], np.repeat(X, 2, axis=1)[:, ::2]):
        assert not backend.column_largest(layout, largest)


def test_column_largest_of_the_largest_numbers(backend):
    # x * 0 tells nan and inf from the rest: no finite number may be taken for one
    X = np.array([[1.7976931348623157e308, -5e-324], [-1.7976931348623157e308, 0.0], [0.0, -0.0]])
    largest = np.full(2, np.nan)
    assert backend.column_largest(X, largest)
    same(largest, [1.7976931348623157e308, 5e-324])


#: logits of the classes 1 and 2 that hold +inf or nan
INFINITE = [
    (np.inf, 0.0),
    (0.0, np.inf),
    (np.inf, np.inf),
    (np.inf, -np.inf),
    (np.nan, 0.0),
    (0.0, np.nan),
    (np.nan, np.inf),
]


@pytest.mark.parametrize("y", [0, 1, 2])
@pytest.mark.parametrize("logits", INFINITE, ids=str)
def test_softmax_flags_rows_it_cannot_weigh(backend, logits, y):
    eta, codes = np.array([logits]), np.array([y], np.int32)
    with np.errstate(invalid="ignore"):
        rows = run_rows(backend, eta, codes)
        p = np.full((1, 3), np.nan)
        backend.softmax(with_reference(eta), p)
        change, first, second = run_line(backend, eta, np.ones((1, 2)), codes, 0.5)
    assert not math.isfinite(rows.nll[0])
    assert not np.isfinite(p).all()
    assert not np.isfinite(rows.curvature).all()
    assert not all(map(math.isfinite, (*change, first, second)))


@pytest.mark.parametrize("y", [0, 1])
@pytest.mark.parametrize("logit", [np.inf, -np.inf])
def test_binary_rows_at_infinity(backend, logit, y):
    # the limits: nll 0 where the label is the certain one, not finite where it is the impossible one
    rows = run_rows(backend, np.array([[logit]]), np.array([y], np.int32))
    right = (logit > 0) == (y == 1)
    assert rows.nll == (0.0, 0.0) if right else not math.isfinite(rows.nll[0])
    same(rows.residual, [[{(True, 0): 0.0, (True, 1): -0.0, (False, 0): 1.0, (False, 1): -1.0}[right, y]]])
    same(rows.curvature, [[[0.0]]])
    p = np.full(1, np.nan)
    backend.expit(np.array([logit]), p)
    same(p, [1.0 if logit > 0 else 0.0])


@pytest.mark.parametrize("y", [0, 1, 2])
def test_minus_infinity_is_a_class_of_probability_zero(backend, y):
    # eta = (-inf, 1): classes 0 and 2 share the probability
    eta, codes = np.array([[-np.inf, 1.0]]), np.array([y], np.int32)
    rows, p = run_rows(backend, eta, codes), np.full((1, 3), np.nan)
    backend.softmax(with_reference(eta), p)
    two = np.full(1, np.nan)
    backend.expit(np.array([1.0]), two)
    assert p[0, 1] == 0.0
    close(p[0, [0, 2]], [1 - two[0], two[0]], 6 * U)
    assert not rows.curvature[0, 0].any()
    if y == 1:
        assert not math.isfinite(rows.nll[0])
    else:
        close(rows.nll[0], -math.log(p[0, y]), 8 * U)
        assert rows.residual[0, 0] == 0.0


@pytest.mark.parametrize("K", [2, 3])
def test_nll_beyond_the_range_is_not_finite(backend, K):
    eta = np.full((4, K - 1), -1.5e308)
    y = np.ones(4, np.int32)
    with np.errstate(over="ignore"):
        high, _ = run_rows(backend, eta, y).nll
        assert not math.isfinite(high)
        high, _ = run_rows(backend, eta[:1], y[:1]).nll
    assert high == 1.5e308
