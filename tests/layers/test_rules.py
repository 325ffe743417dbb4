"""The rules of each layer on single rows, against differences in 520 digits; errors in ulp.

The output gradients and directions are unit vectors: what comes out are single first and second derivatives,
which have no terms to cancel and keep their digits however small they are.  (Of softmax the second ones have
two terms of either sign: their sizes are summed.)
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from mpmath import mp, mpf
from oracles.layers import DIGITS, curvature, exact, jacobian, outputs, precisely, ulps

from sigmax.layers import LogSigmoid, LogSoftmax, Reference, ReLU, Sigmoid, Softmax, Tanh

_RNG = np.random.default_rng(81)

#: 0, subnormals, where exp, 1 - tanh^2 and 1 - h lose their last digit, underflow, and far beyond
NUMBERS = [
    *(0.0, 1e-320, -1e-300, -1e-9, 1e-3, -0.3, 0.5, 1.0, -1.7, 5.0, 18.0, -19.1, 20.0, 36.7, -37.5, 40.0),
    *(-300.0, 354.0, -371.9, 372.4, 373.0, 400.0, -700.0, 709.0, -744.4, 745.2, 800.0, -800.0, 1e4, -1e4),
    *(_RNG.normal(size=40) * np.repeat([1.0, 20.0], 20)).tolist(),
]
#: ties, one class that rounds to certainty, all probabilities but one below the range of doubles
ROWS = [
    *([0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [0.0, 40.0, 1.0], [0.0, 1e4, -1e4], [800.0, 0.0, -800.0]),
    *([745.0, 0.0, 1.0], [3.0, 3.0, -700.0], [1e-320, 0.0, 0.0], [-1e4, -9999.0, -1e4], [0.1, 0.2, -37.0]),
    *([0.3, -20.0, -36.0], [600.0, -140.0, 0.0], [7.0], [1.0, -1.0]),
    *(_RNG.normal(size=(12, 3)) * np.repeat([[1.0], [4.0], [30.0]], 4, axis=0)).tolist(),
]
POINTS = {
    Sigmoid: [[z] for z in NUMBERS],
    Tanh: [[z] for z in NUMBERS],
    LogSigmoid: [[z] for z in NUMBERS],
    ReLU: [[z] for z in NUMBERS if abs(z) > 1e-20],  # no derivative at 0
    Softmax: ROWS,
    LogSoftmax: ROWS,
    Reference: ROWS[:4],
}
#: found on 1,500 to 3,000 random rows of each layer: 1.33, 3.05 and 3.57; 2.41, 3.93 and 4.62
LIMITS = {
    "compiled": {"forward": 1.5, "first": 3.25, "second": 3.75},
    "reference": {"forward": 2.5, "first": 4.0, "second": 4.75},
}

kinds = pytest.mark.parametrize("kind", POINTS)


@functools.cache
def exactly(kind, index):
    """Output (C,), first derivatives [c][k], second derivatives [c][k][l] of one row."""
    f = precisely(functools.partial(outputs, kind()))
    with mp.workdps(DIGITS):
        z = exact(POINTS[kind][index])
    return f(z), jacobian(f, z), curvature(f, z)


def unit(size, index):
    e = np.zeros((1, size))
    e[0, index] = 1.0
    return e


def every(kind, backend):
    for index, row in enumerate(POINTS[kind]):
        a, first, second = exactly(kind, index)
        layer = kind().share(backend.BACKEND)
        yield layer, row, layer.forward([row])[0], (a, first, second)


@kinds
def test_forward(backend, kind):
    limit = LIMITS[backend.BACKEND]["forward"]
    for _, row, got, (a, _, _) in every(kind, backend):
        assert len(got) == len(a)
        assert max(map(ulps, got, a)) <= limit, row


@kinds
def test_backward(backend, kind):
    limit = LIMITS[backend.BACKEND]["first"]
    for layer, row, got, (_, first, _) in every(kind, backend):
        for c in range(len(got)):
            found = layer.backward(unit(len(got), c))
            assert found.shape == (1, len(row))
            assert max(map(ulps, found[0], first[c])) <= limit, (row, c)


@kinds
def test_forward_tangent(backend, kind):
    limit = LIMITS[backend.BACKEND]["first"]
    for layer, row, got, (_, first, _) in every(kind, backend):
        for k in range(len(row)):
            found = layer.forward_tangent(unit(len(row), k), {})
            assert found.shape == (1, len(got))
            assert max(map(ulps, found[0], [one[k] for one in first])) <= limit, (row, k)


def softmax_size(p, c, k, m):
    """d2p_c / dz_k dz_m = p_c ((1[c = k] - p_k)(1[c = m] - p_m) - p_k (1[k = m] - p_m)), terms as sizes."""
    with mp.workdps(DIGITS):
        gap = [[abs(mpf(i == j) - p[j]) for j in range(len(p))] for i in range(len(p))]
        return p[c] * (gap[c][k] * gap[c][m] + p[k] * gap[k][m])


@kinds
def test_backward_tangent(backend, kind):
    limit = LIMITS[backend.BACKEND]["second"]
    for layer, row, got, (a, _, second) in every(kind, backend):
        width, none = len(row), np.zeros((1, len(got)))
        for k in range(width):
            layer.forward_tangent(unit(width, k), {})
            for c in range(len(got)):
                found = layer.backward_tangent(unit(len(got), c), none)[0]
                sizes = [softmax_size(a, c, k, m) if kind is Softmax else None for m in range(width)]
                assert max(map(ulps, found, second[c][k], sizes)) <= limit, (row, c, k)


@kinds
def test_backward_tangent_with_the_gradient_moving(backend, kind):
    # with dz = 0 it is backward of ddelta, to the bit
    for layer, row, got, _ in every(kind, backend):
        layer.forward_tangent(np.zeros((1, len(row))), {})
        rng = np.random.default_rng(5)
        delta, ddelta = rng.normal(size=(2, 1, len(got)))
        assert (layer.backward_tangent(delta, ddelta) == layer.backward(ddelta)).all()


def test_slopes_where_the_output_has_forgotten_the_input(backend):
    z = [[25.0, -30.0, 300.0]]
    tanh, sigmoid = Tanh().share(backend.BACKEND), Sigmoid().share(backend.BACKEND)
    assert np.abs(tanh.forward(z)).tolist() == [[1.0, 1.0, 1.0]]
    np.testing.assert_allclose(tanh.backward(np.ones((1, 3))), 4 * np.exp(-2 * np.abs(z)), rtol=1e-15)
    z = [[40.0, 700.0]]
    assert sigmoid.forward(z).tolist() == [[1.0, 1.0]]
    np.testing.assert_allclose(sigmoid.backward(np.ones((1, 2))), np.exp(np.negative(z)), rtol=1e-15)


def test_a_kink_has_the_slope_0():
    layer = ReLU()
    layer.forward([[0.0, -0.0, 5e-324]])
    assert layer.backward([[1.0, 1.0, 1.0]]).tolist() == [[0.0, 0.0, 1.0]]


def test_log_softmax_where_p_rounds_to_1(backend):
    # p_y - 1 = -exp(-60) (1 + ...), the digits of which 1 - p has lost at exp(-37)
    layer = LogSoftmax().share(backend.BACKEND)
    layer.forward([[60.0, 0.0]])
    assert layer.probabilities([[60.0, 0.0]])[0, 0] == 1.0
    found = layer.backward([[-1.0, 0.0]])[0]
    np.testing.assert_allclose(found, [-np.exp(-60.0), np.exp(-60.0)], rtol=1e-15)


def test_widths_are_independent_rows_and_columns(backend):
    z = np.random.default_rng(3).normal(size=(5, 4))
    for layer in (Sigmoid(), Tanh(), ReLU()):
        layer = layer.share(backend.BACKEND)
        alone = [[layer.forward([[v]]).item() for v in row] for row in z]
        np.testing.assert_allclose(
            layer.forward(z), alone, rtol=4 * LIMITS["reference"]["forward"] * 2.0**-53
        )
