"""Where a kernel stands in for the last layers, it gives the numbers of the layers."""

import networks
import numpy as np
import pytest

from sigmax.layers import NLL, Linear, LogSigmoid, LogSoftmax, Network, Reference, Tanh
from sigmax.layers.heads import codes_of, head_of

EPS = np.finfo(float).eps


class OwnLogSoftmax(LogSoftmax):
    """Another function, for all that the kernel knows."""


@pytest.mark.parametrize("body", networks.BODIES)
@pytest.mark.parametrize("head", networks.HEADS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_numbers(head, body, weighted, backend_name):
    X, y, w = networks.data(head)
    fused, plain = (networks.network(head, body, fused=one) for one in (True, False))
    weight = w if weighted else None
    values, gradients = [], []
    for one in (fused, plain):
        _, cost = one._cost(X, y, weight, 0.3, None, 1, backend_name)
        value, gradient = cost.evaluate(cost.theta)
        values.append(value)
        gradients.append(gradient)
    assert values[0] == pytest.approx(values[1], rel=4 * EPS, abs=0)
    # mean gradients are of the size of 1, and are sums of numbers of that size
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=0, atol=8 * EPS)


@pytest.mark.parametrize("body", networks.BODIES)
@pytest.mark.parametrize("head", networks.HEADS)
def test_a_kernel_is_used(head, body, monkeypatch):
    X, y, _ = networks.data(head)
    asked = []
    name = "__call__"
    for rule in ("forward", "backward"):
        for kind in (LogSoftmax, LogSigmoid):
            real = getattr(kind, rule)

            def watched(self, value, real=real):
                asked.append(name)
                return real(self, value)

            monkeypatch.setattr(kind, rule, watched)
    network = networks.network(head, body)
    _, cost = network._cost(X, y, None, 0.0, None, 1)
    asked.clear()
    cost.evaluate(cost.theta)
    assert not asked
    _, cost = networks.network(head, body, fused=False)._cost(X, y, None, 0.0, None, 1)
    asked.clear()
    cost.evaluate(cost.theta)
    assert len(asked) == 2


def test_layers_that_no_kernel_knows():
    assert head_of((Linear(3, 2, seed=0), OwnLogSoftmax(), NLL())) is None
    assert head_of((Linear(3, 1, seed=0), LogSoftmax(), NLL())) is None  # one class
    assert head_of((Linear(3, 2, seed=0), LogSigmoid(), NLL())) is None  # two outcomes
    assert head_of((Tanh(), LogSoftmax(), NLL())) is None
    assert head_of((LogSoftmax(), NLL())) is None
    one = head_of((Tanh(), Linear(3, 2, seed=0), Reference(), LogSoftmax(), NLL()))
    assert (one.layers, one.free, one.n_logits) == (4, False, 2)
    assert head_of((Linear(3, 4, seed=0), LogSoftmax(), NLL())).n_logits == 3


def test_targets_that_are_codes():
    assert codes_of(np.array([2, 0])).tolist() == [2, 0]
    assert codes_of(np.array([[1.0], [0.0]])).tolist() == [1, 0]
    assert codes_of(np.array([[0.5], [0.0]])) is None
    assert codes_of(np.array([[1.0, 0.0]])) is None


@pytest.mark.parametrize("counts", [np.eye(4)[np.arange(60) % 4], np.eye(4)[np.arange(60) % 4] * 3.0])
def test_counts_are_not_for_the_kernel_but_the_same_model(counts):
    X, y, _ = networks.data("softmax")
    by_counts, by_labels = networks.network("softmax"), networks.network("softmax")
    times = counts.sum() / len(X)
    assert by_counts.cost(X, counts) == pytest.approx(times * by_labels.cost(X, y), rel=4 * EPS, abs=0)
    own, labels = by_counts.gradient(X, counts), by_labels.gradient(X, y)
    for name in labels:
        np.testing.assert_allclose(own[name], times * labels[name], rtol=0, atol=8 * times * EPS)


def test_shares_are_not_for_the_kernel_but_the_same_model():
    X, y, _ = networks.data("Bernoulli")
    network = networks.network("Bernoulli")
    a = network.gradient(np.vstack([X, X]), np.concatenate([y, 1 - y]))
    b = network.gradient(X, np.full(len(X), 0.5))
    np.testing.assert_allclose(a["0.weight"], b["0.weight"], rtol=0, atol=4 * EPS)


@pytest.mark.parametrize("fused", [False, True])
def test_logits_beyond_the_range_of_exp(fused):
    network = Network(Linear(1, 3, initial="zeros"), LogSoftmax(), NLL(), fused=fused)
    network.parameters["0.weight"][:, 0] = [1000.0, 0.0, -1000.0]
    X = np.array([[1.0], [1.0], [-1.0]])
    assert network.cost(X, [0, 1, 2]) == 1000.0 / 3.0
    assert network.gradient(X, [0, 1, 2])["0.bias"].tolist() == [1.0 / 3.0, -1.0 / 3.0, 0.0]
