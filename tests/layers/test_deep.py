"""Deep networks: gradients and Hessian-vector products against differences of the cost in 520 digits.

Each layer's rules keep the digits of single derivatives (test_rules.py).  Here they are chained, with weights
of order 1: an error is held against the largest element of all.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from comparisons import U
from mpmath import mp, mpf
from oracles.layers import DIGITS, STEP, exact, outputs

from sigmax.layers import (
    NLL,
    BernoulliNLL,
    Linear,
    LogSigmoid,
    LogSoftmax,
    Reference,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)

#: found: 5.1 u and 6.7 u
GRADIENT, PRODUCT = 12 * U, 16 * U

CLASSES, COUNTS = np.array([2, 0, 1]), np.array([[1.0, 0.0, 2.5], [0.0, 3.0, 0.0], [1.0, 1.0, 1.0]])
SHARES = np.array([[1.0, 0.0], [0.25, 1.0], [0.0, 0.5]])


def _network(*layers, targets):
    for seed, layer in enumerate(layers):
        if isinstance(layer, Linear):
            rng = np.random.default_rng(seed)
            layer.coef[...] = rng.normal(size=layer.coef.shape)
    layers[-1].given(targets)
    return Sequential(*layers)


NETWORKS = {
    "tanh": lambda: _network(
        Linear(2, 3, seed=0), Tanh(), Linear(3, 3, seed=0), LogSoftmax(), NLL(), targets=CLASSES
    ),
    "sigmoid, shares": lambda: _network(
        Linear(2, 3, seed=0), Sigmoid(), Linear(3, 2, seed=0), LogSigmoid(), BernoulliNLL(), targets=SHARES
    ),
    "softmax, reference": lambda: _network(
        Linear(2, 3, bias=False),
        Softmax(),
        Linear(3, 2, seed=0),
        Reference(),
        LogSoftmax(),
        NLL(),
        targets=CLASSES,
    ),
    "relu, three deep": lambda: _network(
        Linear(2, 4, seed=0),
        ReLU(),
        Linear(4, 2, seed=0),
        Tanh(),
        Linear(2, 3, seed=0),
        LogSoftmax(),
        NLL(),
        targets=COUNTS,
    ),
    "nested": lambda: _network(
        Sequential(Linear(2, 2, seed=1), Tanh()),
        Sequential(Sequential(Linear(2, 2, seed=2), Sigmoid()), Linear(2, 3, seed=3)),
        LogSoftmax(),
        NLL(),
        targets=CLASSES,
    ),
}
X = np.array([[0.5, -1.25], [2.0, 0.75], [-0.125, 1.5]])
W = np.array([1.0, 0.25, 3.0])


def flat(arrays):
    return np.concatenate([np.ravel(one) for one in arrays.values()])


def along(model):
    """A direction among the parameters."""
    rng = np.random.default_rng(99)
    return {name: rng.normal(size=one.shape) for name, one in model.parameters.items()}


def named(model, theta):
    """Parameters in one list, by their names."""
    found, start = {}, 0
    for name, one in model.parameters.items():
        part = theta[start : start + one.size]
        start += one.size
        width = one.shape[-1]
        found[name] = part if one.ndim == 1 else [part[i : i + width] for i in range(0, one.size, width)]
    return found


def cost(model, theta):
    """sum w l, at parameters in one list."""
    parameters, targets = named(model, theta), model.layers[-1].targets
    return mp.fsum(
        mpf(w) * outputs(model, exact(row), parameters, target)[0]
        for row, w, target in zip(X, W.tolist(), targets, strict=True)
    )


@functools.cache
def exactly(name):
    """Loss, gradient and Hessian times the direction, as doubles."""
    model = NETWORKS[name]()
    with mp.workdps(DIGITS // 4):
        # second differences of numbers of order 1: 130 digits leave 50
        h = mpf(STEP)
        theta, v = exact(flat(model.parameters)), exact(flat(along(model)))

        def at(j, s, t=0):
            moved = [a + t * h * b for a, b in zip(theta, v, strict=True)]
            moved[j] += s * h
            return cost(model, moved)

        gradient, product = [], []
        for j in range(len(theta)):
            gradient.append(float((at(j, 1) - at(j, -1)) / (2 * h)))
            corners = at(j, 1, 1) - at(j, 1, -1) - at(j, -1, 1) + at(j, -1, -1)
            product.append(float(corners / (4 * h * h)))
        return float(cost(model, theta)), np.array(gradient), np.array(product)


def within(got, wanted, tolerance):
    assert np.abs(got - wanted).max() <= tolerance * np.abs(wanted).max()


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_and_products(backend, name):
    loss, gradient, product = exactly(name)
    model = NETWORKS[name]().share(backend.BACKEND)
    within(W @ model.forward(X)[:, 0], loss, GRADIENT)
    delta = W[:, None]
    within(flat(model.gradients(delta)), gradient, GRADIENT)
    change = model.forward_tangent(np.zeros_like(X), along(model))
    # the change of the cost is the gradient along the direction
    terms = np.abs(gradient) @ np.abs(flat(along(model)))
    assert abs(W @ change[:, 0] - gradient @ flat(along(model))) <= GRADIENT * terms
    within(flat(model.gradients_tangent(delta, 0 * delta)), product, PRODUCT)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_hessian_of_a_deep_network_is_symmetric(backend, name):
    model = NETWORKS[name]().share(backend.BACKEND)
    model.forward(X)
    delta, columns = W[:, None], []
    for at, one in model.parameters.items():
        for j in range(one.size):
            unit = np.zeros(one.shape)
            unit.flat[j] = 1.0
            model.forward_tangent(np.zeros_like(X), {at: unit})
            columns.append(flat(model.gradients_tangent(delta, 0 * delta)))
    H = np.array(columns)
    within(H, H.T, PRODUCT)
    within(H.T @ flat(along(model)), exactly(name)[2], PRODUCT + len(H) * U)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_input_gradient_and_its_change(backend, name):
    model = NETWORKS[name]().share(backend.BACKEND)
    rng = np.random.default_rng(7)
    dX, delta, ddelta = rng.normal(size=X.shape), W[:, None], rng.normal(size=(3, 1))
    model.forward(X)
    first = model.backward(delta)
    model.forward_tangent(dX, {})
    second = model.backward_tangent(delta, ddelta)
    theta = flat(model.parameters)
    with mp.workdps(DIGITS // 4):
        h, T = mpf(STEP), exact(theta)
        rows, moves = exact(X), exact(dX)
        ones, steps = exact(W), exact(ddelta[:, 0])

        def at(i, k, s, t=0):
            """Row i alone: its input moved by s h in column k and by t h along dX, its weight by t h."""
            z = [a + t * h * b for a, b in zip(rows[i], moves[i], strict=True)]
            z[k] += s * h
            target = model.layers[-1].targets[i]
            return (ones[i] + t * h * steps[i]) * outputs(model, z, named(model, T), target)[0]

        wanted_first, wanted_second = np.empty(X.shape), np.empty(X.shape)
        for i, k in np.ndindex(X.shape):
            wanted_first[i, k] = float((at(i, k, 1) - at(i, k, -1)) / (2 * h))
            corners = at(i, k, 1, 1) - at(i, k, 1, -1) - at(i, k, -1, 1) + at(i, k, -1, -1)
            wanted_second[i, k] = float(corners / (4 * h * h))
    within(first, wanted_first, GRADIENT)
    within(second, wanted_second, PRODUCT)
