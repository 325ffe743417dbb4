"""Gradient, Hessian and derivatives along a line are those of the NLL, and the Hessian is a covariance."""

from __future__ import annotations

import numpy as np
import pytest
from comparisons import U, close, exact, logit_error, same, sizes
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
)

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
