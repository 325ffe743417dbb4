"""Layers that people write, in training: what they do wrong is named, and what they may do is right."""

import networks
import numpy as np
import pytest

from sigmax.layers import (
    NLL,
    Layer,
    Linear,
    LogSigmoid,
    LogSoftmax,
    Loss,
    Network,
    Sequential,
    ShapeError,
    Tanh,
)

FIRST = 2  # rows that a network looks at before it trains


class Doubling(Layer):
    """2 z, with a parameter that does nothing, until a rule does what is asked for."""

    def __init__(self, *, rule="", does=None):
        self.idle = np.zeros(3)
        self.rule, self.does = rule, does

    @property
    def parameters(self):
        return {"idle": self.idle}

    def _answer(self, rule, n, found):
        return self.does(found) if rule == self.rule and n > FIRST else found

    def forward(self, z):
        self.n = len(z)
        return self._answer("forward", self.n, 2.0 * z)

    def backward(self, delta):
        return self._answer("backward", self.n, 2.0 * delta)

    def gradients(self, delta):
        return self._answer("gradients", self.n, {"idle": np.zeros(3)})


def fail(error):
    def does(_):
        raise error

    return does


def around(layer, *, nested, fused):
    """A network with the layer in the middle, and its place."""
    below = (Linear(3, 4, seed=0), layer)
    top = (Linear(4, 4, seed=1), LogSoftmax(), NLL())
    if nested:
        return Network(Sequential(*below), *top, fused=fused), "0.1"
    return Network(*below, *top, fused=fused), "1"


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("method", ["lbfgs", "adam"])
@pytest.mark.parametrize(
    ("rule", "does", "message"),
    [
        ("forward", lambda a: a[:, :2], r"forward must return an array of shape \(60, 4\); got \(60, 2\)"),
        ("forward", lambda a: a[:-1], r"forward must return an array of shape \(60, 4\); got \(59, 4\)"),
        ("forward", lambda a: a.ravel(), r"forward must return an array of shape \(60, 4\); got \(240,\)"),
        ("forward", lambda a: a.tolist(), r"forward must return an array of shape \(60, 4\); got list"),
        ("backward", lambda a: a[:, :2], r"backward must return an array of shape \(60, 4\); got \(60, 2\)"),
        ("backward", lambda a: None, r"backward must return an array of shape \(60, 4\); got NoneType"),
        (
            "gradients",
            lambda found: {"idle": np.zeros(2)},
            r"gradients must return idle with the shape of the parameter, \(3,\); got \(2,\)",
        ),
        (
            "gradients",
            lambda found: {"other": np.zeros(3)},
            r"gradients must return an array for each of \['idle'\]; got \['other'\]",
        ),
        (
            "gradients",
            lambda found: found | {"other": np.zeros(3)},
            r"gradients must return an array for each of \['idle'\]; got \['idle', 'other'\]",
        ),
        ("gradients", lambda found: None, r"gradients must return an array for each of \['idle'\]; got None"),
    ],
)
def test_a_layer_that_changes_its_mind_in_training_is_named(rule, does, message, method, nested, fused):
    X, y, _ = networks.data("softmax", n=60)
    network, at = around(Doubling(rule=rule, does=does), nested=nested, fused=fused)
    settings = {"batch_size": 60} if method == "adam" else {}
    with pytest.raises(ShapeError, match=rf"^layer {at}, Doubling\(\)\.{message}$"):
        network.fit(X, y, method=method, **settings)


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("rule", ["forward", "backward", "gradients"])
@pytest.mark.parametrize("error", [TypeError, KeyError, AttributeError, ValueError])
def test_errors_of_a_layer_are_raised_and_it_is_not_asked_again(error, rule, nested):
    asked = []

    def does(found):
        asked.append(1)
        if len(asked) == 1:
            raise error("its own")
        return found

    X, y, _ = networks.data("softmax", n=60)
    network, _ = around(Doubling(rule=rule, does=does), nested=nested, fused=True)
    with pytest.raises(error, match="its own"):
        network.fit(X, y)
    assert asked == [1]


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("rule", ["forward", "backward", "gradients"])
def test_a_layers_own_shape_error_says_where(rule, fused):
    X, y, _ = networks.data("softmax", n=60)
    layer = Doubling(rule=rule, does=fail(ShapeError("its own")))
    network, at = around(layer, nested=True, fused=fused)
    with pytest.raises(ShapeError, match=rf"^layer {at}, its own$"):
        network.fit(X, y)


@pytest.mark.parametrize("fused", [True, False])
def test_the_place_of_a_nested_layer_is_that_of_its_parameters(fused):
    network, _ = around(Tanh(), nested=True, fused=fused)
    X, y, _ = networks.data("softmax", n=60)
    for asked in (network.predict, network.outputs, lambda rows: network.fit(rows, y)):
        with pytest.raises(
            ShapeError, match=r"^layer 0\.0, Linear\(3, 4\)\.forward: z must have shape \(n, 3\)"
        ):
            asked(X[:, :2])


class Held(Layer):
    """Rules of layers that it holds, one of them under two names."""

    def __init__(self, *held, as_list):
        self.held = [*held] if as_list else held
        self.last = held[-1]

    @property
    def parameters(self):
        return {f"{i}_{name}": one for i, own in enumerate(self.held) for name, one in own.parameters.items()}

    def forward(self, z):
        for own in self.held[:-1]:
            z = own.forward(z)
        return self.last.forward(z)

    def _deltas(self, delta):
        found = [delta]
        for own in reversed(self.held):
            found.append(own.backward(found[-1]))
        return found[::-1]

    def backward(self, delta):
        return self._deltas(delta)[0]

    def gradients(self, delta):
        deltas = self._deltas(delta)[1:]
        return {
            f"{i}_{name}": one
            for i, (own, at) in enumerate(zip(self.held, deltas, strict=True))
            for name, one in own.gradients(at).items()
        }


@pytest.mark.parametrize("as_list", [True, False])
def test_layers_that_a_layer_holds_are_one_threads_own(as_list):
    layers = Linear(3, 5, seed=0), Tanh()
    held = Held(*layers, as_list=as_list)
    other = held.share()
    assert other.last is other.held[-1] is not held.last
    assert type(other.held) is type(held.held)
    assert all(np.shares_memory(one, other.parameters[name]) for name, one in held.parameters.items())

    X, y, _ = networks.data("softmax", n=30_000)
    top = Linear(5, 4, seed=1), LogSoftmax(), NLL()
    expected = Network(*(one.share() for one in layers), *(one.share() for one in top)).gradient(X, y)
    for n_threads in (1, 4):
        _, cost = Network(held, *top)._cost(X, y, None, 0.0, None, n_threads)
        cost._n_threads = n_threads  # however small the work is
        _, gradient = cost.evaluate(cost.theta)
        assert gradient.tobytes() == np.concatenate([one.ravel() for one in expected.values()]).tobytes()


def test_a_sequential_with_a_constructor_of_its_own_is_a_layer():
    class Block(Sequential):
        def __init__(self, width):
            super().__init__(Linear(3, width, seed=0), Tanh())
            self.first = self.layers[0]

    X, y, _ = networks.data("softmax", n=60)
    top = Linear(4, 4, seed=1), LogSoftmax(), NLL()
    network = Network(Block(4), *top)
    plain = Network(Linear(3, 4, seed=0), Tanh(), *(one.share() for one in top))
    assert np.array_equal(network.predict_proba(X), plain.predict_proba(X))
    assert network.cost(X, y) == plain.cost(X, y)
    block = network.layers[0].share()
    assert block.first is block.layers[0] is not network.layers[0].first


def test_no_layer_writes_into_what_the_caller_gave():
    class InPlace(Tanh):
        def forward(self, z):
            z *= 2.0
            return z

    X, y, w = networks.data("softmax", n=60)
    before, weights = X.copy(), w.copy()
    network = Network(InPlace(), Linear(3, 4, seed=0), LogSoftmax(), NLL())
    for asked in (network.predict, lambda rows: network.fit(rows, y, sample_weight=w)):
        with pytest.raises(ValueError, match="read-only"):
            asked(X)
    assert X.flags.writeable
    assert np.array_equal(X, before)
    assert np.array_equal(w, weights)


def test_targets_of_a_loss_of_ones_own_may_be_anything():
    class OfStrings(Loss):
        def forward(self, z):
            self.sign = np.where(self.targets == "up", -1.0, 1.0)[:, None]
            return self.sign * z

        def backward(self, delta):
            return self.sign * delta

    network = Network(Linear(1, 1, initial="zeros"), OfStrings())
    gradient = network.gradient([[1.0], [3.0]], ["up", "down"])
    assert gradient["0.weight"].tolist() == [[1.0]]
    assert gradient["0.bias"].tolist() == [0.0]


def test_a_loss_has_one_number_for_each_row():
    class Two(Loss):
        def forward(self, z):
            return z

        def backward(self, delta):
            return delta

    with pytest.raises(
        ShapeError,
        match=r"^layer 1, Two\(\)\.forward must .* \(n, 1\), .* got \(1, 2\)$",
    ):
        Network(Linear(1, 2, seed=0), Two()).cost([[1.0]], [0.0])


def test_a_loss_that_is_infinite_is_not_nan():
    class Infinite(Loss):
        def forward(self, z):
            return np.full((len(z), 1), np.inf)

        def backward(self, delta):
            return np.zeros((len(delta), 1))

    assert Network(Linear(1, 1, seed=0), Infinite()).cost([[1.0], [2.0]], [0.0, 1.0]) == np.inf


@pytest.mark.parametrize("method", ["lbfgs", "newton-cg", "gd", "sgd", "adam"])
def test_a_callback_predicts_labels_from_the_first_fit_on(method):
    X, y, _ = networks.data("softmax", n=60)
    labels = np.array(["a", "b", "c", "d"])[y]
    network = Network(Linear(3, 4, seed=0), LogSoftmax(), NLL())
    seen = []

    def callback(state):
        seen.append(network.predict(X))
        return True

    network.fit(X, labels, method=method, callback=callback)
    assert len(seen) == 1
    assert np.array_equal(seen[0], network.predict(X))
    assert {*seen[0].tolist()} <= {"a", "b", "c", "d"}


@pytest.mark.parametrize("method", ["lbfgs", "newton-cg", "gd", "sgd", "adam"])
def test_what_a_callback_writes_is_not_kept(method):
    X, y, _ = networks.data("softmax", n=60)
    network, other = (Network(Linear(3, 4, seed=0), LogSoftmax(), NLL()) for _ in range(2))
    settings = {"method": method, "seed": 0, "l2": 1.0}

    def callback(state):
        network.parameters["0.weight"][...] = 7.0

    network.fit(X, y, callback=callback, **settings)
    assert network.vector.tobytes() == other.fit(X, y, **settings).vector.tobytes()


@pytest.mark.parametrize("fused", [True, False])
def test_a_row_counts_by_its_weight_in_a_batch_of_one(fused):
    """With batches of one row, the steps of an epoch are as long as the weights say."""
    X, y, w = networks.data("sigmoid", n=60)
    layers = Linear(3, 1, initial="zeros"), LogSigmoid(), NLL()
    network = Network(*layers, fused=fused)
    _, cost = network._cost(X, y, w, 0.0, None, 1)
    theta = cost.theta
    value, gradient = cost.evaluate(theta)
    parts = [(one, g.copy()) for one, g in (cost.step_gradient(theta, np.array([i])) for i in range(60))]
    eps = np.finfo(float).eps
    assert np.mean([one for one, _ in parts]) == pytest.approx(value, rel=4 * eps, abs=0)
    np.testing.assert_allclose(np.mean([g for _, g in parts], axis=0), gradient, rtol=0, atol=2 * eps)


def test_batches_without_any_weight_move_nothing():
    X, y, _ = networks.data("softmax", n=60)
    w = np.zeros(60)
    w[:3] = 1.0
    network = Network(Linear(3, 4, seed=0), LogSoftmax(), NLL())
    _, cost = network._cost(X, y, w, 0.0, None, 1)
    value, gradient = cost.step_gradient(cost.theta, np.arange(3, 60))
    assert value == 0.0
    assert not gradient.any()
    network.fit(X, y, sample_weight=w, method="sgd", batch_size=1, seed=0)
    assert np.isfinite(network.vector).all()
