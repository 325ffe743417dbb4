"""What softmax does not identify: two units are one sigmoid, and a constant changes nothing.

Numbers of few bits make logits, their differences and sums with a constant exact: what should be equal is
equal then but for the roundings of the functions.  With any numbers, a logit that is off by d moves -log p by
2 d and a residual by d at most.
"""

from __future__ import annotations

import numpy as np
import pytest
from cakes import TWO_CLASSES, cake, coefficients, linear
from comparisons import U, logit_error, same
from hypothesis import given
from hypothesis import strategies as st
from strategies import problem, problems

from sigmax.layers import NLL, LogSigmoid, LogSoftmax, Reference, Sequential, Sigmoid, Softmax

ROW = 8 * U  # 4 ulp


def few_bits(n, K, seed, spread):
    rng = np.random.default_rng([31, n, K, seed])
    return np.round(rng.normal(size=(n, K)) * spread * 16) / 16


logits = st.builds(
    few_bits,
    st.sampled_from([1, 7]),
    st.sampled_from([1, 2, 3, 12]),
    st.integers(0, 999),
    st.sampled_from([0.1, 1.0, 40.0, 800.0, 1e4]),
)


@given(z=logits, constant=st.sampled_from([-1e6, -37.25, 0.0625, 1.0, 800.0, 2.0**30]))
def test_a_constant_added_to_all_logits_changes_no_bit(backend, z, constant):
    rng = np.random.default_rng(0)
    delta, dz = rng.normal(size=(2, *z.shape))
    for kind in (Softmax, LogSoftmax):
        found = []
        for moved in (z, z + constant):
            layer = kind().share(backend.BACKEND)
            rules = [layer.forward(moved), layer.backward(delta), layer.forward_tangent(dz, {})]
            found.append([*rules, layer.backward_tangent(delta, dz)])
        for one, other in zip(*found, strict=True):
            same(one, other)
            assert np.isfinite(one).all()


@given(z=logits, constant=st.floats(-1e4, 1e4))
def test_a_constant_of_any_bits_changes_what_its_rounding_does(backend, z, constant):
    layer = LogSoftmax().share(backend.BACKEND)
    moved = z + constant
    before, after = layer.forward(z), layer.forward(moved)
    off = U * np.abs(moved).max(axis=1, keepdims=True)
    assert (np.abs(before - after) <= 2 * off + 2 * ROW * np.abs(before)).all()


@given(z=logits)
def test_a_constant_direction_is_no_direction(backend, z):
    # dz = 1: log p does not move, and neither does its gradient; but for the rounding of sum p = 1
    layer = LogSoftmax().share(backend.BACKEND)
    layer.forward(z)
    ones = np.full(z.shape, 3.0)
    assert not layer.forward_tangent(ones, {}).any()
    assert not layer.backward_tangent(ones, 0 * ones).any()
    # and of p the sum is 1 wherever the logits go: its gradient is 0 and stays it
    layer = Softmax().share(backend.BACKEND)
    layer.forward(z)
    assert not layer.forward_tangent(ones, {}).any()
    assert not layer.backward(ones).any()
    layer.forward_tangent(np.random.default_rng(4).normal(size=z.shape), {})
    assert not layer.backward_tangent(ones, 0 * ones).any()


@given(z=logits)
def test_gradient_rows_sum_to_zero(backend, z):
    rng = np.random.default_rng(1)
    y, w = rng.integers(0, z.shape[1], len(z)), 10.0 ** rng.uniform(-6, 6, (len(z), 1))
    model = Sequential(LogSoftmax(), NLL().given(y)).share(backend.BACKEND)
    model.forward(z)
    residual = model.backward(w)
    size = np.abs(residual).sum(axis=1)
    allowed = (ROW + z.shape[1] * U) * size + z.shape[1] * (1 + w[:, 0]) * 2.0**-1074
    assert (np.abs(residual.sum(axis=1)) <= allowed).all()
    # and so for any gradient of log p or of p, whatever the layers above are
    delta = rng.normal(size=z.shape)
    for kind in (Softmax, LogSoftmax):
        layer = kind().share(backend.BACKEND)
        layer.forward(z)
        found = layer.backward(delta)
        assert (np.abs(found.sum(axis=1)) <= (2 * ROW + 4 * z.shape[1] * U) * np.abs(delta).sum(axis=1)).all()


@given(q=problems(rows=(1, 40), columns=(1, 5), classes=(3,), spreads=(1.0, 30.0, 800.0), shifted=False))
def test_two_classes_of_softmax_are_the_sigmoid_of_the_difference(backend, q):
    # 16 and 64 parts: z_1 - z_0 and (w_1 - w_0) x are the same number
    q = q.but(X=np.round(q.X * 16) / 16, coef=np.round(q.coef * 64) / 64, y=q.y % 2)
    two = Sequential(linear(q.coef, bias=q.intercept), LogSoftmax(), NLL().given(q.y)).share(backend.BACKEND)
    w = q.w[:, None]
    losses, pair = two.forward(q.X), coefficients(two.gradients(w))
    difference = q.but(coef=q.coef[1:] - q.coef[:1])
    size = w[:, 0] @ np.abs(q.Z)  # residuals are at most 1
    sums = (ROW + 2 * (q.n + 1) * U) * size
    assert (np.abs(pair[0] + pair[1]) <= sums).all()
    for name, above in TWO_CLASSES.items():
        one = cake(difference, above(), backend)
        alone = one.forward(q.X)
        assert (np.abs(losses - alone) <= ROW * np.abs(alone)).all(), name
        gradient = coefficients(one.gradients(w))[0]
        assert (np.abs(pair[1] - gradient) <= sums).all()
        # the input gradient is that of both units
        assert (
            np.abs(two.backward(w) - one.backward(w))
            <= (3 * ROW) * w * np.abs(q.coef).sum(axis=0)[q.intercept :]
        ).all()


@given(z=logits)
def test_log_sigmoid_is_log_softmax_after_the_reference(backend, z):
    z = z[:, :1]
    sigmoid = LogSigmoid().share(backend.BACKEND)
    softmax = Sequential(Reference(), LogSoftmax()).share(backend.BACKEND)
    one, other = sigmoid.forward(z), softmax.forward(z)
    assert (np.abs(one - other) <= ROW * np.abs(other)).all()
    rng = np.random.default_rng(2)
    delta, ddelta, dz = (
        rng.normal(size=(2, len(z), 2)),
        rng.normal(size=(2, len(z), 2)),
        rng.normal(size=z.shape),
    )
    for d, dd in zip(delta, ddelta, strict=True):
        size = np.abs(d).sum(axis=1, keepdims=True)
        assert (np.abs(sigmoid.backward(d) - softmax.backward(d)) <= ROW * size).all()
        sigmoid.forward_tangent(dz, {}), softmax.forward_tangent(dz, {})
        gap = np.abs(sigmoid.backward_tangent(d, dd) - softmax.backward_tangent(d, dd))
        assert (gap <= 2 * ROW * (size * np.abs(dz) + np.abs(dd).sum(axis=1, keepdims=True))).all()
    p = Softmax().share(backend.BACKEND).forward(np.hstack([0 * z, z]))
    h = Sigmoid().share(backend.BACKEND).forward(z)
    assert (np.abs(p[:, 1:] - h) <= ROW * h + 2.0**-1073).all()
    np.testing.assert_array_equal(sigmoid.probabilities(z)[:, 1:], h)


@given(q=problems(rows=(1, 40), columns=(1, 5), classes=(3, 6), spreads=(1.0, 30.0, 800.0), shifted=False))
def test_one_vector_added_to_all_rows_of_weights(backend, q):
    # as many units as rows of coefficients, none of them the reference
    K, w = q.m, q.w[:, None]
    y = q.y % K
    for bits in (True, False):
        X = np.round(q.X * 16) / 16 if bits else q.X
        coef = np.round(q.coef * 64) / 64 if bits else q.coef
        vector = np.random.default_rng(3).normal(size=q.k) * 4
        vector = np.round(vector) if bits else vector
        found = []
        for weights in (coef, coef + vector):
            model = Sequential(linear(weights, bias=q.intercept), LogSoftmax(), NLL().given(y))
            model = model.share(backend.BACKEND)
            found.append((model.forward(X), coefficients(model.gradients(w))))
        (one, gradient), (other, again) = found
        if bits:
            same(one, other)
            same(gradient, again)
        moved = (
            logit_error(q)
            + logit_error(q.but(coef=q.coef + vector))
            + U * np.abs(q.Z) @ np.abs(q.coef + vector).max(axis=0)
        )
        assert (np.abs(one - other)[:, 0] <= 2 * moved + ROW * np.abs(one)[:, 0]).all()
        through = ((moved + ROW + 2 * (q.n + 1) * U) * q.w) @ np.abs(q.Z)
        assert (np.abs(gradient - again) <= through).all()
        # the gradients of the classes sum to zero: nothing is gained along the vector
        assert (np.abs(gradient.sum(axis=0)) <= K * (ROW + 2 * (q.n + K) * U) * (q.w @ np.abs(q.Z))).all()


@pytest.mark.parametrize("K", [2, 4])
def test_weights_are_repeated_rows(backend, K):
    q = problem(30, 3, K, seed=6)
    times = np.random.default_rng(0).integers(0, 5, q.n)
    rows = np.repeat(np.arange(q.n), times)
    model = cake(q, TWO_CLASSES["softmax"](), backend)
    model.forward(q.X)
    weighted = coefficients(model.gradients(times[:, None]))
    repeated = cake(q.but(X=q.X[rows], y=q.y[rows]), TWO_CLASSES["softmax"](), backend)
    repeated.forward(q.X[rows])
    again = coefficients(repeated.gradients(np.ones((len(rows), 1))))
    size = times @ np.abs(q.Z)
    moved = 0.0 if backend.BACKEND == "compiled" else times * 2 * logit_error(q) @ np.abs(q.Z)
    assert (np.abs(weighted - again) <= (2 * (len(rows) + 2) * U) * size + moved).all()
