"""Input that is refused, and layers and losses of one's own that a network accepts."""

import numpy as np
import pytest

from sigmax.layers import NLL, Linear, LogSoftmax, Loss, Network, ShapeError, Tanh


def small():
    return Network(Linear(3, 4, seed=0), Tanh(), Linear(4, 3, seed=0), LogSoftmax(), NLL())


def tied():
    first = Linear(3, 3, seed=0)
    return first, first.share(), LogSoftmax(), NLL()


GOOD = np.zeros((4, 3)), np.array([0, 1, 2, 0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"X": np.zeros((4, 5))},
            r"layer 0, Linear\(3, 4\).forward: z must have shape \(n, 3\); got \(4, 5\)",
        ),
        ({"X": np.zeros(4)}, r"X must have shape \(n, p\); got \(4,\)"),
        ({"X": np.zeros((0, 3)), "y": np.zeros(0)}, "X must have at least one row"),
        (
            {"X": np.full((4, 3), np.nan)},
            r"X must be finite; 12 values nan or inf, the first at X\[0, 0\] = nan",
        ),
        ({"X": np.full((4, 3), "a")}, "X must hold real numbers"),
        (
            {"y": np.array([0, 1, 2])},
            r"y must have shape \(4,\) or \(4, K\), one for each row of X; got \(3,\)",
        ),
        ({"y": np.array([0, 1, 1, 0])}, r"y has 2 classes, and NLL\(\) is given 3 log-probabilities"),
        ({"y": np.ones((4, 2))}, r"y must have shape \(n, 3\), counts for each output; got \(4, 2\)"),
        ({"y": -np.ones((4, 3))}, "targets must not be negative"),
        ({"sample_weight": [1.0, 1.0, 1.0]}, r"sample_weight must have shape \(4,\)"),
        ({"sample_weight": [1.0, -1.0, 1.0, 1.0]}, "sample_weight must not be negative"),
        ({"l2": -1.0}, "l2 must be a number of at least 0; got -1.0"),
        ({"l2": np.nan}, "l2 must be a number of at least 0, and finite; got nan"),
        ({"method": "newton"}, "did you mean 'newton-cg'"),
        ({"batch_size": 3}, "batch_size is a setting of sgd and adam; lbfgs has none"),
        ({"n_threads": 0}, "n_threads must be a whole number of at least 1"),
        ({"backend": "gpu"}, "gpu"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(change, message):
    network = small()
    before = {name: one.copy() for name, one in network.parameters.items()}
    arguments = {"X": GOOD[0], "y": GOOD[1]} | change
    with pytest.raises(ValueError, match=message):
        network.fit(**arguments)
    assert all(np.array_equal(before[name], one) for name, one in network.parameters.items())
    assert network.classes is None
    assert network.training is None


def test_shapes_between_layers_are_named():
    network = Network(Linear(3, 4, seed=0), Tanh(), Linear(5, 3, seed=0), LogSoftmax(), NLL())
    with pytest.raises(ShapeError, match=r"layer 2, Linear\(5, 3\).forward: z must have shape \(n, 5\); got"):
        network.fit(*GOOD)


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ((), ValueError, "at least one layer"),
        ((NLL(),), ValueError, "there must be a layer before the loss"),
        (
            (Linear(3, 2, seed=0), LogSoftmax()),
            TypeError,
            r"the last layer must be a loss, as NLL\(\) is; got LogSoftmax",
        ),
        ((Linear(3, 2), NLL(), NLL()), TypeError, r"a loss must be the last layer; layer 1 is NLL\(\)"),
        (tied(), ValueError, r"parameters 0\.weight and 1\.weight are the same array"),
        ((Linear(3, 2, seed=0), "softmax", NLL()), TypeError, "layer 1 must be a Layer; got 'softmax'"),
    ],
)
def test_networks_that_are_none(layers, error, message):
    with pytest.raises(error, match=message):
        Network(*layers)


def test_a_loss_of_ones_own():
    class Squares(Loss):
        """(z - y)^2 / 2 of each row."""

        def forward(self, z):
            self.off = z - self.targets[:, None]
            return 0.5 * self.off**2

        def backward(self, delta):
            return delta * self.off

    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = X @ [1.0, -2.0, 0.5] + 0.25
    network = Network(Linear(3, 1, seed=0), Squares()).fit(X, y, tol=1e-12)
    np.testing.assert_allclose(network.parameters["0.weight"], [[1.0, -2.0, 0.5]], rtol=0, atol=1e-10)
    np.testing.assert_allclose(network.outputs(X)[:, 0], y, rtol=0, atol=1e-10)
    assert network.classes is None


def test_repr():
    assert repr(small()) == "Network(Linear(3, 4), Tanh(), Linear(4, 3), LogSoftmax(), NLL())"
