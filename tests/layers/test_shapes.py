"""Shapes that do not fit: the error names the layer, its place, what was expected and what came."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sigmax.layers import (
    NLL,
    BernoulliNLL,
    Layer,
    Linear,
    LogSigmoid,
    LogSoftmax,
    Reference,
    ReLU,
    Sequential,
    ShapeError,
    Sigmoid,
    Softmax,
    Tanh,
)

#: layer, width of its input, width of its output
LAYERS = [
    (lambda: Linear(3, 2, seed=0), 3, 2),
    (lambda: Linear(3, 20, bias=False, seed=0), 3, 20),
    (Sigmoid, 3, 3),
    (Tanh, 3, 3),
    (ReLU, 3, 3),
    (Softmax, 3, 3),
    (LogSoftmax, 3, 3),
    (LogSigmoid, 3, 6),
    (Reference, 3, 4),
    (lambda: NLL().given([0, 2, 1, 1]), 3, 1),
    (lambda: NLL().given(np.ones((4, 3))), 3, 1),
    (lambda: BernoulliNLL().given([[0, 1]] * 4), 4, 1),
]
every_layer = pytest.mark.parametrize(
    ("build", "width", "out"), LAYERS, ids=[f"{build()!r}-{out}" for build, _, out in LAYERS]
)


def raises(layer, rule, name, expected, got, place=""):
    """A ShapeError that says all of it."""
    said = f"{place}{layer!r}.{rule}: {name} must have shape {expected}; got {got}"
    return pytest.raises(ShapeError, match="^" + re.escape(said) + "$")


def test_a_shape_error_is_a_value_error():
    assert issubclass(ShapeError, ValueError)


@every_layer
def test_inputs_are_matrices(build, width, out):
    layer = build()
    for bad in (np.zeros(width), np.zeros((4, width, 1)), 1.0):
        expected = f"(n, {width})" if isinstance(layer, Linear) else "(n, width)"
        with raises(layer, "forward", "z", expected, np.shape(bad)):
            layer.forward(bad)
        with pytest.raises(
            ShapeError, match="^layer 0, " + re.escape(f"{layer!r}.forward: z must have shape")
        ):
            Sequential(layer).forward(bad)


@every_layer
def test_gradients_and_directions_have_the_shape_of_what_they_are_of(build, width, out):
    layer, z = build(), np.ones((4, width))
    assert layer.forward(z).shape == (4, out)
    good, bad = (
        np.ones((4, out)),
        [np.ones((4, out + 1)), np.ones((3, out)), np.ones(4), np.ones((4, out, 1))],
    )
    model = Sequential(Tanh(), build())
    model.forward(z)
    model.forward_tangent(z, {})
    top = model[1]
    for one in bad:
        layer.forward(z)
        with raises(layer, "backward", "delta", (4, out), one.shape):
            layer.backward(one)
        for rule in ("backward", "gradients"):
            with raises(top, rule, "delta", (4, out), one.shape, "layer 1, "):
                getattr(model, rule)(one)
        layer.forward_tangent(z, {})
        for rule in ("backward_tangent", "gradients_tangent"):
            with raises(top, rule, "delta", (4, out), one.shape, "layer 1, "):
                getattr(model, rule)(one, good)
            with raises(top, rule, "ddelta", (4, out), one.shape, "layer 1, "):
                getattr(model, rule)(good, one)
        with pytest.raises(ShapeError, match=re.escape(f"must have shape {(4, out)}; got {one.shape}")):
            layer.backward_tangent(good, one)
    if layer.parameters:
        for rule, arguments in (("gradients", ()), ("gradients_tangent", (good,))):
            with raises(layer, rule, "delta", (4, out), (4, out + 1)):
                getattr(layer, rule)(bad[0], *arguments)
        with raises(layer, "gradients_tangent", "ddelta", (4, out), (4, out + 1)):
            layer.gradients_tangent(good, bad[0])
    for one in (np.ones((4, width + 1)), np.ones((3, width)), np.ones(width)):
        with raises(layer, "forward_tangent", "dz", (4, width), one.shape):
            layer.forward_tangent(one, {})
        with raises(model[0], "forward_tangent", "dz", (4, width), one.shape, "layer 0, "):
            model.forward_tangent(one, {})


def test_widths_of_linear_units():
    layer = Linear(3, 2, seed=0)
    with raises(layer, "forward", "z", "(n, 3)", (4, 2)):
        layer.forward(np.zeros((4, 2)))
    with raises(layer, "forward", "z", "(n, 3)", (4, 2), "layer 2, "):
        Sequential(Linear(5, 2, seed=0), Tanh(), layer).forward(np.zeros((4, 5)))
    with raises(layer, "forward", "z", "(n, 3)", (4, 2), "layer 1.0.1, "):
        Sequential(Linear(5, 2, seed=0), Sequential(Sequential(Tanh(), layer))).forward(np.zeros((4, 5)))


@pytest.mark.parametrize(("name", "shape", "bad"), [("weight", (2, 3), (3, 2)), ("bias", (2,), (1, 2))])
def test_directions_of_parameters(name, shape, bad):
    layer = Linear(3, 2, seed=0)
    layer.forward(np.zeros((4, 3)))
    with raises(layer, "forward_tangent", name, shape, bad):
        layer.forward_tangent(np.zeros((4, 3)), {name: np.zeros(bad)})
    model = Sequential(Sequential(layer))
    model.forward(np.zeros((4, 3)))
    with raises(layer, "forward_tangent", name, shape, bad, "layer 0.0, "):
        model.forward_tangent(np.zeros((4, 3)), {f"0.0.{name}": np.zeros(bad)})


@pytest.mark.parametrize("kind", [Softmax, LogSoftmax])
def test_no_classes(kind):
    with raises(kind(), "forward", "z", "(n, K), K at least 1", (3, 0)):
        kind().forward(np.zeros((3, 0)))


def test_losses_say_what_their_targets_need():
    model = Sequential(Linear(2, 3, seed=0), LogSoftmax(), NLL().given([0, 3]))
    with pytest.raises(
        ShapeError,
        match=r"^layer 2, NLL\(\).forward: z must have shape \(n, K\), K at least 4, .* got \(2, 3\)",
    ):
        model.forward(np.zeros((2, 2)))
    model = Sequential(Linear(2, 3, seed=0), LogSigmoid(), BernoulliNLL().given([0, 1]))
    with pytest.raises(
        ShapeError, match=r"^layer 2, BernoulliNLL\(\).forward: z must have shape \(n, 2\), .* got \(2, 6\)"
    ):
        model.forward(np.zeros((2, 2)))


@pytest.mark.parametrize("value", [np.ones((2, 3)) * 1j, [["a", "b", "c"]], [[None, 1.0, 2.0]]])
def test_what_is_no_number_is_named(value):
    for layer in (Tanh(), Linear(3, 2, seed=0), LogSoftmax(), Sequential(Linear(3, 2, seed=0))):
        with pytest.raises(TypeError, match=r"\.forward: z must hold real numbers; got dtype "):
            layer.forward(value)
    layer = Tanh()
    layer.forward(np.ones((2, 3)))
    with pytest.raises(TypeError, match=r"^Tanh\(\)\.backward: delta must hold real numbers; got dtype "):
        layer.backward(value)


# -- rules out of order ----------------------------------------------------------------------------------


@every_layer
def test_rules_before_forward(build, width, out):
    delta, z = np.ones((4, out)), np.ones((4, width))
    for layer in (build(), Sequential(build())):
        calls = [("backward", (delta,)), ("forward_tangent", (z, {})), ("backward_tangent", (delta, delta))]
        if layer.parameters:
            calls += [("gradients", (delta,)), ("gradients_tangent", (delta, delta))]
        for rule, arguments in calls:
            with pytest.raises(RuntimeError, match=r"needs forward(_tangent)? to be called before"):
                getattr(layer, rule)(*arguments)


@pytest.mark.parametrize(
    "build", [lambda: Linear(3, 3, seed=0), Sigmoid, Tanh, ReLU, Softmax, LogSoftmax, LogSigmoid]
)
def test_backward_tangent_needs_a_direction(build):
    layer = build()
    a = layer.forward(np.ones((2, 3)))
    with pytest.raises(RuntimeError, match=r"backward_tangent needs forward_tangent to be called before"):
        layer.backward_tangent(a, a)
    layer.forward_tangent(np.ones((2, 3)), {})
    layer.backward_tangent(a, a)
    # a direction of the batch before is none of this one
    layer.forward(np.zeros((2, 3)))
    with pytest.raises(RuntimeError, match=r"backward_tangent needs forward_tangent to be called before"):
        layer.backward_tangent(a, a)


def test_the_layer_that_was_not_called_is_named():
    with pytest.raises(RuntimeError, match=r"^Tanh\(\)\.backward needs forward to be called before"):
        Tanh().backward([[1.0]])
    with pytest.raises(RuntimeError, match=r"^Linear\(3, 2\)\.gradients needs forward to be called before"):
        Linear(3, 2, seed=0).gradients([[1.0, 1.0]])
    with pytest.raises(RuntimeError, match=r"^Sequential.backward needs forward to be called before"):
        Sequential(Tanh()).backward([[1.0]])


def test_after_a_forward_that_failed_no_other_rule_answers():
    model = Sequential(Linear(3, 2, seed=0), Tanh(), NLL().given([0, 1]))
    model.forward(np.ones((2, 3)))
    with pytest.raises(ShapeError):
        model.forward(np.ones((5, 3)))  # five rows for two targets, after two layers have seen them
    with pytest.raises(RuntimeError, match="needs forward to be called before"):
        model.gradients(np.ones((2, 1)))


# -- layers of the user's ----------------------------------------------------------------------------------


class Scale(Layer):
    """a = s z, with everything that may be wrong about it."""

    def __init__(self, **wrong):
        self.s = np.array([2.0])
        self.wrong = wrong

    def answer(self, rule, value):
        return self.wrong.get(rule, value)

    @property
    def parameters(self):
        return {"s": self.s}

    def forward(self, z):
        self.z = z
        return self.answer("forward", self.s * z)

    def backward(self, delta):
        return self.answer("backward", self.s * delta)

    def gradients(self, delta):
        return self.answer("gradients", {"s": np.array([(delta * self.z).sum()])})

    def forward_tangent(self, dz, direction):
        self.dz, self.ds = dz, direction.get("s", np.zeros(1))
        return self.answer("forward_tangent", self.s * dz + self.ds * self.z)

    def backward_tangent(self, delta, ddelta):
        return self.answer("backward_tangent", self.s * ddelta + self.ds * delta)

    def gradients_tangent(self, delta, ddelta):
        return self.answer("gradients_tangent", {"s": np.array([(ddelta * self.z + delta * self.dz).sum()])})


def called(**wrong):
    """Every rule of a Sequential with such a layer in the middle."""
    model = Sequential(Linear(2, 3, seed=0), Scale(**wrong), Tanh())
    z, delta = np.ones((4, 2)), np.ones((4, 3))
    model.forward(z)
    model.backward(delta)
    model.gradients(delta)
    model.forward_tangent(z, {})
    model.backward_tangent(delta, delta)
    return model.gradients_tangent(delta, delta)


def test_a_layer_of_ones_own_works():
    assert list(called()) == ["0.weight", "0.bias", "1.s"]


@pytest.mark.parametrize("rule", ["forward", "backward", "forward_tangent", "backward_tangent"])
@pytest.mark.parametrize(
    ("bad", "got"),
    [
        (np.ones((3, 3)), "(3, 3)"),
        (np.ones(4), "(4,)"),
        (np.ones((4, 3, 1)), "(4, 3, 1)"),
        ([[1.0] * 3] * 4, "list"),
        (None, "NoneType"),
        (np.ones((4, 2)), "(4, 2)"),
    ],
)
def test_a_rule_with_the_wrong_shape_is_caught(rule, bad, got):
    if rule == "forward" and got == "(4, 2)":
        # any width will do: but what comes from above must have it
        with pytest.raises(ShapeError, match=r"layer 2, Tanh\(\).backward: delta must have shape \(4, 2\)"):
            called(forward=bad)
        return
    expected = r"\(4, width\)" if rule == "forward" else r"\(4, 3\)"
    said = rf"^layer 1, Scale\(\)\.{rule} must return an array of shape {expected}; got {re.escape(got)}$"
    with pytest.raises(ShapeError, match=said):
        called(**{rule: bad})


@pytest.mark.parametrize("rule", ["gradients", "gradients_tangent"])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({}, r"must return an array for each of \['s'\]; got \[\]"),
        ({"t": np.ones(1)}, r"must return an array for each of \['s'\]; got \['t'\]"),
        ({"s": np.ones(1), "t": 0}, r"must return an array for each of \['s'\]; got \['s', 't'\]"),
        (None, r"must return an array for each of \['s'\]; got None"),
        ({"s": np.ones((1, 1))}, r"must return s with the shape of the parameter, \(1,\); got \(1, 1\)"),
        ({"s": 1.0}, r"must return s with the shape of the parameter, \(1,\); got \(\)"),
    ],
)
def test_gradients_with_the_wrong_names_or_shapes_are_caught(rule, bad, message):
    with pytest.raises(ShapeError, match=rf"^layer 1, Scale\(\)\.{rule} {message}$"):
        called(**{rule: bad})


def test_a_layer_without_second_rules():
    class First(Layer):
        def forward(self, z):
            return np.asarray(z, dtype=float)

        def backward(self, delta):
            return delta

    model = Sequential(Linear(2, 2, seed=0), First())
    assert not First().has_tangents
    assert not model.has_tangents
    assert Sequential(Linear(2, 2, seed=0), Scale()).has_tangents
    model.forward(np.ones((3, 2)))
    model.gradients(np.ones((3, 2)))
    with pytest.raises(NotImplementedError, match=r"First\(\) has no forward_tangent"):
        model.forward_tangent(np.ones((3, 2)), {})
    with pytest.raises(NotImplementedError, match=r"First\(\) has no backward_tangent"):
        First().backward_tangent(np.ones((3, 2)), np.ones((3, 2)))
    assert First().gradients_tangent(np.ones((3, 2)), np.ones((3, 2))) == {}


def test_a_layer_with_gradients_needs_their_tangents():
    class Half(Scale):
        gradients_tangent = Layer.gradients_tangent

    assert not Half().has_tangents
    with pytest.raises(NotImplementedError, match=r"Half\(\) has no gradients_tangent"):
        Half().gradients_tangent(np.ones((1, 1)), np.ones((1, 1)))


def test_the_base_class_has_no_rules():
    for rule, arguments in (("forward", 1), ("backward", 1), ("forward_tangent", 2), ("backward_tangent", 2)):
        with pytest.raises(NotImplementedError, match=rf"Layer\(\) has no {rule}"):
            getattr(Layer(), rule)(*[np.ones((1, 1))] * arguments)
    assert Layer().parameters == Layer().gradients(np.ones((1, 1))) == {}


# -- no rows -------------------------------------------------------------------------------------------------


@every_layer
def test_no_rows(build, width, out, backend):
    layer = build().share(backend.BACKEND)
    if hasattr(layer, "targets"):
        layer.given(layer.targets[:0])
    z, delta = np.zeros((0, width)), np.zeros((0, out))
    for one in (layer, Sequential(Sequential(layer))):
        assert one.forward(z).shape == (0, out)
        assert one.backward(delta).shape == (0, width)
        along = {name: np.ones(array.shape) for name, array in one.parameters.items()}
        assert one.forward_tangent(z, along).shape == (0, out)
        assert one.backward_tangent(delta, delta).shape == (0, width)
        for found in (one.gradients(delta), one.gradients_tangent(delta, delta)):
            assert found.keys() == one.parameters.keys()
            for name, array in found.items():
                assert array.shape == one.parameters[name].shape
                assert not array.any()


def test_no_rows_and_no_codes():
    assert NLL().given([]).forward(np.zeros((0, 3))).shape == (0, 1)
    assert BernoulliNLL().given([]).forward(np.zeros((0, 2))).shape == (0, 1)
