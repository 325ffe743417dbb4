"""Layers one after the other: nested or flat, shared, copied, stored."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from comparisons import same

from sigmax.layers import NLL, Layer, Linear, LogSoftmax, ReLU, Sequential, Sigmoid, Tanh


def parts(seed=0):
    """New layers with the weights of a seed."""
    rng = np.random.default_rng(seed)
    return [
        Linear(3, 4, seed=rng),
        Tanh(),
        Linear(4, 3, seed=rng),
        Sigmoid(),
        Linear(3, 3, bias=False, seed=rng),
    ]


def top():
    return [LogSoftmax(), NLL().given([0, 2, 1, 1])]


def flat(seed=0):
    return Sequential(*parts(seed), *top())


def nested(seed=0):
    a, b, c, d, e = parts(seed)
    return Sequential(Sequential(a, b), Sequential(Sequential(Sequential(c), d), e), *top())


Z = np.random.default_rng(1).normal(size=(4, 3))
NAMES = ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight"]
NESTED_NAMES = ["0.0.weight", "0.0.bias", "1.0.0.0.weight", "1.0.0.0.bias", "1.1.weight"]


def rules(model, z=Z):
    """Everything that a model says, in a list of arrays."""
    rng = np.random.default_rng(2)
    delta, ddelta = rng.normal(size=(2, len(z), 1))
    dz = rng.normal(size=z.shape)
    along = {name: rng.normal(size=one.shape) for name, one in model.parameters.items()}
    return [
        model.forward(z),
        model.backward(delta),
        *model.gradients(delta).values(),
        model.forward_tangent(dz, along),
        model.backward_tangent(delta, ddelta),
        *model.gradients_tangent(delta, ddelta).values(),
    ]


def all_same(found, wanted):
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        same(one, other)


def test_nested_and_flat_are_the_same_to_the_bit(backend):
    one, other = flat().share(backend.BACKEND), nested().share(backend.BACKEND)
    all_same(rules(one), rules(other))


def test_a_sequential_is_its_layers_by_hand(backend):
    model = flat().share(backend.BACKEND)
    a = Z
    for layer in model:
        a = layer.forward(a)
    same(model.forward(Z), a)
    delta, gradients = np.ones((4, 1)), {}
    for place, layer in reversed(list(enumerate(model))):
        gradients |= {f"{place}.{name}": one for name, one in layer.gradients(delta).items()}
        delta = layer.backward(delta)
    found = model.gradients(np.ones((4, 1)))
    assert list(found) == NAMES
    for name, one in gradients.items():
        same(found[name], one)
    same(model.backward(np.ones((4, 1))), delta)


def test_names_say_the_place():
    assert list(flat().parameters) == NAMES
    assert list(nested().parameters) == NESTED_NAMES
    for model in (flat(), nested()):
        names = list(model.parameters)
        model.forward(Z)
        found = model.gradients(np.ones((4, 1)))
        assert list(found) == names
        model.forward_tangent(Z, {})
        assert list(model.gradients_tangent(np.ones((4, 1)), np.ones((4, 1)))) == names
        assert model.penalised == tuple(name for name in names if name.endswith("weight"))


@pytest.mark.parametrize("build", [flat, nested])
def test_parameters_are_the_very_arrays(build):
    model = build()
    before = model.forward(Z)
    for name, one in model.parameters.items():
        assert np.shares_memory(one, model.parameters[name])
        one *= 2.0
    assert (model.forward(Z) != before).all()
    for one in model.parameters.values():
        one /= 2.0
    same(model.forward(Z), before)


def test_what_is_not_named_does_not_move():
    model = nested()
    model.forward(Z)
    still = model.forward_tangent(np.zeros_like(Z), {})
    assert not still.any()
    moved = model.forward_tangent(np.zeros_like(Z), {"1.1.weight": np.ones((3, 3)).tolist()})
    zeros = {name: np.zeros(one.shape) for name, one in model.parameters.items()}
    same(model.forward_tangent(np.zeros_like(Z), zeros | {"1.1.weight": np.ones((3, 3))}), moved)


def test_a_direction_of_no_parameter_is_refused():
    model = flat()
    model.forward(Z)
    with pytest.raises(ValueError, match=r"direction must have names of parameters, .*; '1.weight' is none"):
        model.forward_tangent(np.zeros_like(Z), {"1.weight": np.ones(3), "0.bias": np.ones(4)})


def test_it_is_a_sequence_of_layers():
    layers = [*parts(), *top()]
    model = Sequential(*layers)
    assert len(model) == 7
    assert list(model) == layers
    assert model[0] is layers[0]
    assert model[-1] is layers[-1]
    assert isinstance(model, Layer)
    assert model.has_tangents
    assert repr(model) == (
        "Sequential(Linear(3, 4), Tanh(), Linear(4, 3), Sigmoid(), Linear(3, 3, bias=False), LogSoftmax(), "
        "NLL())"
    )
    assert repr(Sequential(Sequential(ReLU()))) == "Sequential(Sequential(ReLU()))"


def test_layers_without_parameters_have_no_gradients():
    model = Sequential(Tanh(), LogSoftmax())
    model.forward(Z)
    assert model.parameters == model.gradients(Z) == {}
    model.forward_tangent(Z, {})
    assert model.gradients_tangent(Z, Z) == {}


class Shortcut(Sequential):
    """z + f(z): a Sequential with rules of its own."""

    def forward(self, z):
        return z + super().forward(z)

    def backward(self, delta):
        return delta + super().backward(delta)

    def forward_tangent(self, dz, direction):
        return dz + super().forward_tangent(dz, direction)

    def backward_tangent(self, delta, ddelta):
        return ddelta + super().backward_tangent(delta, ddelta)


def test_the_rules_of_a_subclass_count_where_it_is_nested():
    inner = Shortcut(Linear(3, 3, seed=1), Tanh())
    model = Sequential(inner, LogSoftmax())
    plain = Sequential(Sequential(inner[0].share(), Tanh()), LogSoftmax())
    logits = Z + plain[0].forward(Z)
    same(model.forward(Z), LogSoftmax().forward(logits))
    delta = np.random.default_rng(0).normal(size=(4, 3))
    assert list(model.gradients(delta)) == list(model.parameters) == ["0.0.weight", "0.0.bias"]
    # by differences: the weight of one unit
    found, h, w = model.gradients(delta)["0.0.weight"][1, 2], 1e-6, inner[0].weight
    values = []
    for step in (h, -2 * h):
        w[1, 2] += step
        values.append((delta * model.forward(Z)).sum())
    assert (values[0] - values[1]) / (2 * h) == pytest.approx(found, rel=1e-7)


# -- one thread each ------------------------------------------------------------------------------------


def test_share_shares_arrays_and_no_memory():
    model = nested()
    model.forward(Z)
    kept = model.backward(np.ones((4, 1)))
    other = model.share()
    assert type(other) is Sequential
    for name, one in model.parameters.items():
        assert np.shares_memory(one, other.parameters[name])
    other.layers[-1].given([2, 2])
    other.forward(-Z[:2])
    same(model.backward(np.ones((4, 1))), kept)
    for layer in (Tanh(), Linear(3, 3), LogSoftmax()):
        layer.forward(Z)
        kept = layer.backward(np.ones((4, 3)))
        twin = layer.share()
        twin.forward(2 * Z[:1])
        same(layer.backward(np.ones((4, 3))), kept)


def test_share_chooses_the_backend():
    model = Sequential(Sequential(Linear(3, 3)), Tanh())
    assert model.backend is None
    other = model.share("reference")
    assert [layer.backend for _, layer in other.leaves] == ["reference"] * 2
    assert other[1].kernels.BACKEND == "reference"
    assert other.share().leaves[0][1].backend == "reference"
    assert [layer.backend for _, layer in model.leaves] == [None, None]
    with pytest.raises(ValueError, match="backend"):
        model.share("cuda").forward(Z)


def test_two_threads_with_one_set_of_arrays():
    model = nested()
    rng = np.random.default_rng(5)
    batches = [(rng.normal(size=(300 + i, 3)), rng.integers(0, 3, 300 + i)) for i in range(16)]

    def run(layers, batch):
        z, y = batch
        layers[-1].given(y)
        return rules(layers, z)

    alone = [run(model, batch) for batch in batches]
    with ThreadPoolExecutor(2) as pool:
        # each thread has a share of its own, and meets the others' rows between its rules
        found = list(pool.map(run, [model.share() for _ in batches], batches))
    for one, other in zip(found, alone, strict=True):
        all_same(one, other)


# -- copies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("called", [False, True])
def test_copies_are_of_their_own(copied, called):
    model = nested()
    if called:
        rules(model)
    other = copied(model)
    assert repr(other) == repr(model)
    all_same(rules(other), rules(model))
    for name, one in model.parameters.items():
        assert not np.shares_memory(one, other.parameters[name])
    other.parameters["0.0.weight"][...] = 0.0
    assert not other[0][0].weight.any()
    assert model[0][0].weight.all()
    # the leaves are the layers, in the copy too
    assert [id(layer) for _, layer in other.leaves[:2]] == [id(other[0][0]), id(other[0][1])]


# -- first weights ----------------------------------------------------------------------------------------


def test_a_seed_decides_all_weights():
    model, other = flat(), nested(seed=9)
    assert (model[0].weight != other[0][0].weight).all()
    model.initialise(3)
    other.initialise(3)
    for one, two in zip(model.parameters.values(), other.parameters.values(), strict=True):
        same(one, two)
    first = {name: one.copy() for name, one in model.parameters.items()}
    model.initialise(4)
    assert all((one != first[name]).all() for name, one in model.parameters.items() if "weight" in name)
    model.initialise(3)
    for name, one in model.parameters.items():
        same(one, first[name])


def test_layers_of_one_shape_are_drawn_differently():
    model = Sequential(Linear(5, 5), Tanh(), Linear(5, 5), Tanh(), Sequential(Linear(5, 5)))
    model.initialise(0)
    a, b, c = (one for name, one in model.parameters.items() if "weight" in name)
    assert (a != b).all()
    assert (b != c).all()
    assert (a != c).all()


def test_each_layer_keeps_its_distribution():
    model = Sequential(Linear(2, 3, initial="zeros"), ReLU(), Linear(3, 50, initial="he"), Linear(50, 2))
    model.initialise(0)
    assert not model[0].coef.any()
    assert np.abs(model[2].weight).max() > np.sqrt(2 / 3)  # no limit
    assert np.abs(model[3].weight).max() <= np.sqrt(6 / 52)


def test_a_layer_stands_in_one_place():
    layer = Tanh()
    for build in (
        lambda: Sequential(layer, layer),
        lambda: Sequential(layer, Sequential(layer)),
        lambda: Sequential(layer, Shortcut(layer)),
    ):
        with pytest.raises(
            ValueError, match=r"a layer must stand in one place only; share\(\) makes another"
        ):
            build()
    assert len(Sequential(layer, layer.share())) == 2


def test_what_is_no_layer_is_refused():
    with pytest.raises(ValueError, match="Sequential needs at least one layer"):
        Sequential()
    with pytest.raises(TypeError, match=r"layer 1 must be a Layer; got <function"):
        Sequential(Tanh(), np.linalg.norm)
    with pytest.raises(TypeError, match=r"layer 0 must be a Layer; got \[Tanh\(\)\]"):
        Sequential([Tanh()])
