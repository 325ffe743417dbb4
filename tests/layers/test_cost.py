"""The cost of a network as a function of one vector."""

import networks
import numpy as np
import pytest

from sigmax.layers import NLL, Linear, LogSoftmax, Network, Tanh

EPS = np.finfo(float).eps


def cost_of(network, X, y, weight=None, l2=0.0, n_threads=1, backend=None):
    return network._cost(X, y, weight, l2, None, n_threads, backend)[1]


@pytest.mark.parametrize("body", networks.BODIES)
@pytest.mark.parametrize("head", networks.HEADS)
def test_gradient_and_product_are_those_of_differences(head, body, backend_name):
    X, y, w = networks.data(head)
    cost = cost_of(networks.network(head, body), X, y, w, 0.7, backend=backend_name)
    rng = np.random.default_rng(4)
    theta, v = cost.theta, rng.normal(size=cost.n_parameters)
    h = 1e-4
    far, near = [[cost.evaluate(theta + sign * step * h * v) for sign in (-1.0, 1.0)] for step in (2.0, 1.0)]
    slope = (8.0 * (near[1][0] - near[0][0]) - (far[1][0] - far[0][0])) / (12.0 * h)
    assert slope == pytest.approx(cost.evaluate(theta)[1] @ v, rel=0, abs=1e-11)
    along = (8.0 * (near[1][1] - near[0][1]) - (far[1][1] - far[0][1])) / (12.0 * h)
    np.testing.assert_allclose(cost.product(theta, v), along, rtol=0, atol=1e-11)


@pytest.mark.parametrize("head", networks.HEADS)
def test_the_hessian_that_is_formed_is_that_of_the_layers(head, backend_name):
    X, y, w = networks.data(head)
    fused, plain = (
        cost_of(networks.network(head, fused=one), X, y, w, 0.5, backend=backend_name)
        for one in (True, False)
    )
    theta = fused.theta
    for v in np.eye(len(theta)):
        np.testing.assert_allclose(fused.product(theta, v), plain.product(theta, v), rtol=0, atol=8 * EPS)


def test_a_hessian_is_not_kept_for_another_place():
    X, y, _ = networks.data("softmax")
    cost = cost_of(networks.network("softmax"), X, y)
    theta = cost.theta
    v = np.ones(len(theta)) + np.arange(len(theta))
    first = cost.product(theta, v)
    read = cost.rows_read
    assert np.array_equal(cost.product(theta, v), first)
    assert cost.rows_read == read
    moved = cost.product(theta + 1.0 * v, v)
    assert not np.allclose(moved, first)


@pytest.mark.parametrize("body", networks.BODIES)
def test_the_same_bits_on_any_number_of_threads(body, backend_name):
    X, y, w = networks.data("softmax", n=9000)
    found = []
    for n_threads in (1, 2, 5):
        cost = cost_of(networks.network("softmax", body), X, y, w, 0.1, n_threads, backend_name)
        cost._n_threads = n_threads  # however small the work is
        value, gradient = cost.evaluate(cost.theta)
        found.append((value, gradient.tobytes(), cost.product(cost.theta, gradient).tobytes()))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("body", networks.BODIES)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_batch_is_the_cost_of_its_rows(body, weighted):
    X, y, w = networks.data("softmax")
    network = networks.network("softmax", body)
    weight = w if weighted else None
    cost = cost_of(network, X, y, weight, 0.3)
    rows = np.array([5, 1, 1, 40, 22, 7, 59])
    value, gradient = cost.step_gradient(cost.theta, rows)
    alone = cost_of(network, X[rows], y[rows], None if weight is None else w[rows])
    expected, slope = alone.evaluate(alone.theta)
    # a row counts by its weight, whatever rows are with it
    total = len(X) if weight is None else w.sum()
    share = 1.0 if weight is None else w[rows].sum() * len(X) / (len(rows) * total)
    expected, slope = share * expected, share * slope
    # the penalty is that of all rows
    shrunk = np.concatenate(
        [
            (0.3 * one if name.endswith("weight") else 0.0 * one).ravel()
            for name, one in network.parameters.items()
        ]
    )
    assert value == pytest.approx(expected + 0.5 * shrunk @ cost.theta / total, rel=4 * EPS, abs=0)
    np.testing.assert_allclose(gradient, slope + shrunk / total, rtol=0, atol=8 * EPS)
    assert cost.rows_read == len(rows)


def test_batches_of_all_sizes_reuse_memory():
    X, y, _ = networks.data("softmax")
    cost = cost_of(networks.network("softmax"), X, y)
    whole = cost.step_gradient(cost.theta, np.arange(60))
    for size in (7, 60, 1, 59):
        cost.step_gradient(cost.theta, np.arange(size))
    again = cost.step_gradient(cost.theta, np.arange(60))
    assert whole[0] == again[0]
    value, _ = cost.evaluate(cost.theta)
    assert value == pytest.approx(whole[0], rel=4 * EPS, abs=0)


def test_a_batch_without_weight_is_flat():
    X, y, _ = networks.data("softmax")
    w = np.ones(60)
    w[:5] = 0.0
    cost = cost_of(networks.network("softmax"), X, y, w)
    value, gradient = cost.step_gradient(cost.theta, np.arange(5))
    assert value == 0.0
    assert not gradient.any()


def test_x_is_read_where_it_lies_and_never_written():
    X, y, _ = networks.data("softmax", n=300)
    layouts = [
        X.copy(),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=1)[:, ::2],
        X.astype(np.float32).astype(float),
    ]
    X.setflags(write=False)
    found = [networks.network("softmax", "tanh").gradient(one, y)["0.weight"] for one in (X, *layouts[:3])]
    for one in found[1:]:
        np.testing.assert_allclose(one, found[0], rtol=0, atol=4 * EPS)


def test_vectors_and_names():
    network = Network(Linear(3, 2, seed=0), Tanh(), Linear(2, 2, seed=1), LogSoftmax(), NLL())
    X, y, _ = networks.data("sigmoid")
    cost = cost_of(network, X, y)
    assert list(cost.named(cost.theta)) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    for name, one in cost.named(cost.theta).items():
        assert np.array_equal(one, network.parameters[name])
    direction = {"2.bias": [1.0, 2.0]}
    assert cost.vector(direction)[-2:].tolist() == [1.0, 2.0]
    assert not cost.vector(direction)[:-2].any()
    with pytest.raises(ValueError, match=r"names of parameters, .*'1\.weight' is none"):
        cost.vector({"1.weight": 1.0})
    with pytest.raises(ValueError, match=r"direction\['2\.bias'\] must have shape \(2,\); got \(3,\)"):
        cost.vector({"2.bias": [1.0, 2.0, 3.0]})
