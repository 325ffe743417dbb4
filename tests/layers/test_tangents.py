"""Forward over reverse: the Hessian-vector products of the layers are those of the fused Hessians.

What a bound is made of, in u = 2^-53 times the sum of sizes of the terms of an element: a term has a product
of two probabilities, which the fused kernel and the layers compute each in its own way, to 2 ulp and a few
roundings (16 u for both together; found in single rows: 10.5 u); and its factors x_ij x_il, the weight or its
root.  A sum of n terms in any order is off by (n + 1) u, on either side.
"""

from __future__ import annotations

import numpy as np
import pytest
from cakes import TWO_CLASSES, cake, hessian, hessian_product, linear
from comparisons import U, logit_error, sizes
from hypothesis import given
from strategies import problem, problems, run_pass, run_rows

from sigmax.layers import NLL, LogSoftmax, Sequential

TERM = 16 * U


def bound(q, backend, size):
    """Of an element of the Hessian; a logit that is off by d moves p (1 - p) by less than d / 4."""
    Z = np.abs(q.Z)
    # one kernel for both on the compiled backend
    moved = q.w * (0.0 if backend.BACKEND == "compiled" else 2 * logit_error(q))
    through = np.tile(Z.T @ ((moved + (1 + q.w) * 2.0**-1073)[:, None] * Z), (q.m, q.m))
    return (TERM + 2 * (q.n + 3) * U) * size + through + 2.0**-1070


@given(q=problems(rows=(1, 2, 30, 130), columns=(1, 3), shifted=False, classes=(2, 3, 5)))
def test_the_hessian_of_a_model_with_a_reference(backend, q):
    fused = run_pass(backend, q).hessian
    _, size = sizes(q, run_rows(backend, q.eta(backend), q.y, q.weight))
    allowed = bound(q, backend, size)
    for above in TWO_CLASSES.values() if q.m == 1 else (TWO_CLASSES["softmax"],):
        model = cake(q, above(), backend)
        found = hessian(model, q.X, q.w, q.coef.shape, bias=q.intercept)
        assert (np.abs(found - fused) <= allowed).all()
        assert (np.abs(found - found.T) <= allowed).all()
        # along any other direction: the sum of its columns
        v = np.random.default_rng(q.n).normal(size=q.coef.shape)
        along = hessian_product(model, q.X, q.w, v, bias=q.intercept).ravel()
        terms = q.coef.size + 2
        wide = (allowed + 2 * terms * U * size) @ np.abs(v.ravel())
        assert (np.abs(along - fused @ v.ravel()) <= wide).all()


def exact_problem(n, p, K, seed):
    """Few bits in X and in the coefficients: logits and their differences are exact, whatever the order."""
    q = problem(n, p, K + 1, seed=seed, weighted=True)  # K rows of coefficients
    return q.but(X=np.round(q.X * 16) / 16, coef=np.round(q.coef * 64) / 64, y=q.y % K)


@pytest.mark.parametrize(("n", "p", "K"), [(1, 1, 2), (25, 2, 2), (1, 3, 4), (40, 2, 3), (9, 1, 6)])
@pytest.mark.parametrize("seed", range(4))
def test_the_hessian_of_a_unit_for_each_class(backend, n, p, K, seed):
    # b_c = w_c - w_0 are the coefficients against class 0: with b = T w the Hessian by w is T'HT
    q = exact_problem(n, p, K, seed)
    reference = q.but(coef=q.coef[1:] - q.coef[0])
    T = np.kron(np.column_stack([-np.ones(K - 1), np.eye(K - 1)]), np.eye(q.k))
    fused = run_pass(backend, reference).hessian
    _, size = sizes(reference, run_rows(backend, reference.eta(backend), q.y, q.weight))
    model = Sequential(linear(q.coef, bias=q.intercept), LogSoftmax(), NLL().given(q.y))
    model = model.share(backend.BACKEND)
    assert (
        model.layers[0].forward(q.X)[:, 1:] - model.layers[0].forward(q.X)[:, :1] == (reference.eta(backend))
    ).all()
    found = hessian(model, q.X, q.w, q.coef.shape, bias=q.intercept)
    allowed = np.abs(T).T @ ((TERM + (2 * (n + 3) + 2 * K) * U) * size) @ np.abs(T)
    assert (np.abs(found - T.T @ fused @ T) <= allowed).all()
    assert (np.abs(found - found.T) <= allowed).all()
    # along what is not identified there is no curvature
    same = np.kron(np.ones((K, 1)), np.eye(q.k))
    assert (np.abs(found @ same) <= allowed @ same).all()


def test_curvature_of_rows_that_are_fitted_well_keeps_its_digits(backend):
    # p_1 = exp(-50): the curvature of the row, which 1 - p has lost
    X, w = np.array([[50.0], [-50.0]]), np.array([1.0, 3.0])
    q = problem(2, 1, 2, intercept=False).but(
        X=X, weight=w, coef=np.ones((1, 1)), y=np.array([1, 0], np.int32)
    )
    p = 1 / (1 + np.exp(50.0))
    for above in TWO_CLASSES.values():
        found = hessian(cake(q, above(), backend), X, w, (1, 1), bias=False)
        np.testing.assert_allclose(found, [[4 * 2500 * p * (1 - p)]], rtol=20 * U)
    model = Sequential(LogSoftmax(), NLL().given([0])).share(backend.BACKEND)
    model.forward([[50.0, 0.0]])
    change = model.forward_tangent([[1.0, 0.0]], {})
    # d(-log p_0) = -(1 - p_0)
    np.testing.assert_allclose(change, [[-p]], rtol=10 * U)


def test_the_directions_of_weight_and_bias_add_up(backend):
    q = problem(20, 3, 3, seed=4)
    model = cake(q, TWO_CLASSES["softmax"](), backend)
    model.forward(q.X)
    none, w = np.zeros_like(q.X), np.ones((q.n, 1))
    rng = np.random.default_rng(0)
    dw, db, dz = rng.normal(size=(2, 3)), rng.normal(size=2), rng.normal(size=q.X.shape)
    parts = []
    for moved, along in (
        (none, {"0.weight": dw}),
        (none, {"0.bias": db}),
        (dz, {}),
        (dz, {"0.weight": dw, "0.bias": db}),
    ):
        model.forward_tangent(moved, along)
        found = model.gradients_tangent(w, 0 * w)
        parts.append((found["0.weight"], found["0.bias"], model.backward_tangent(w, 0 * w)))
    # at most: the change of the logits, and of what it does to the gradients
    coef = model.layers[0].coef
    moved = (
        3 * (np.abs(dw).max() * np.abs(q.X).max() + np.abs(dz).max() * np.abs(coef).max()) + np.abs(db).max()
    )
    size = q.n * (moved * max(1.0, np.abs(q.X).max(), np.abs(coef).max()) + np.abs(dz).max())
    for one, two, three, together in zip(*parts, strict=True):
        assert np.abs(one + two + three - together).max() <= 2 * (q.n + 16) * U * size
        assert np.abs(together).max() > 0.1
