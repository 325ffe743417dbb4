"""Laws of the kernels, on every backend: compared with == what holds exactly, the rest to a derived bound."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from comparisons import U, close, close_pass, exact, same, same_pass, sizes
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    TILE,
    problem,
    problems,
    run_line,
    run_pass,
    run_rows,
    with_reference,
)

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
