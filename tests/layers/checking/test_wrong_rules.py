"""Rules made wrong in many ways, each of which check_gradients finds."""

import numpy as np
import pytest
from checked_layers import LAYERS, batch, mutant, of, of_all, one_entry

from sigmax.layers import Linear, LogSigmoid, LogSoftmax, Softmax, Tanh, check_gradients

INPUTS = {
    "sign": of(np.negative),
    "zeros": of(np.zeros_like),
    "rows": of(lambda b: b[::-1].copy()),
    "one entry": of(lambda b: one_entry(b, -1e-6)),
    "mean": of(lambda b: b / len(b)),
}
OWN = {
    "sign": of_all(np.negative),
    "zeros": of_all(np.zeros_like),
    "mean": of_all(lambda g: g / 5),
    "one entry": of_all(one_entry),
    "no bias": lambda layer, found, *_: {k: one * (not k.endswith("bias")) for k, one in found.items()},
    "first row of the bias": lambda layer, found, delta, *_: found | {"bias": delta[0].copy()},
}


@pytest.mark.parametrize("wrong", INPUTS)
@pytest.mark.parametrize("name", LAYERS)
def test_wrong_input_gradients_are_found(name, wrong):
    report = check_gradients(mutant(LAYERS[name](), backward=INPUTS[wrong]), batch())
    assert not report
    assert not report.checks[0].passed
    assert report.checks[0].what == "input"
    assert report.worst.ratio > 1


@pytest.mark.parametrize(
    "change",
    [of(lambda b: 2.0 * b), of(lambda b: b[:, ::-1]), of(lambda b: np.where(b == b.max(), np.nan, b))],
)
def test_other_wrong_input_gradients_are_found(change):
    report = check_gradients(mutant(Tanh(), backward=change), batch())
    assert not report.checks[0].passed
    assert report.worst.ratio > 1


@pytest.mark.parametrize("scale", [1e-3, 30.0])
@pytest.mark.parametrize("name", LAYERS)
def test_one_wrong_entry_is_found_at_other_scales(name, scale):
    report = check_gradients(mutant(LAYERS[name](), backward=of(one_entry)), batch(scale))
    assert not report
    assert report.checks[0].disagreeing == 1


@pytest.mark.parametrize("wrong", OWN)
@pytest.mark.parametrize("name", ["linear", "wide linear", "classifier", "outcomes"])
def test_wrong_gradients_of_parameters_are_found(name, wrong):
    layer = LAYERS[name]()
    if wrong == "first row of the bias" and "bias" not in layer.parameters:
        layer = LAYERS["linear"]()
    report = check_gradients(mutant(layer, gradients=OWN[wrong]), batch())
    failed = {one.what for one in report.checks if not one.passed}
    assert not report
    assert report.checks[0].passed
    assert failed & layer.parameters.keys()
    only_bias = wrong in ("no bias", "first row of the bias")
    assert not only_bias or all("bias" in one for one in failed)


TANGENTS = {
    "forward_tangent": {"sign": of(np.negative), "one entry": of(one_entry)},
    "backward_tangent": {"factor": of(lambda b: 2 * b), "one entry": of(one_entry)},
    "gradients_tangent": {
        "sign": of_all(np.negative),
        "one entry": of_all(one_entry),
        "mean": of_all(lambda g: g / 5),
    },
}


@pytest.mark.parametrize(
    ("name", "rule", "wrong"),
    [
        (name, rule, wrong)
        for name, layer in LAYERS.items()
        for rule, changes in TANGENTS.items()
        for wrong in changes
        if rule != "gradients_tangent" or layer().parameters
    ],
)
def test_wrong_second_rules_are_found(name, rule, wrong):
    report = check_gradients(mutant(LAYERS[name](), **{rule: TANGENTS[rule][wrong]}), batch())
    assert not report
    assert {one.what.partition("[")[0] for one in report.checks if not one.passed} == {rule}


def forgets_the_parameters(layer, found, dz, direction):
    return type(layer).__mro__[1].forward_tangent(layer, dz, {})


def forgets_ddelta(layer, found, delta, ddelta):
    return type(layer).__mro__[1].backward_tangent(layer, delta, np.zeros_like(ddelta))


def forgets_delta(layer, found, delta, ddelta):
    return type(layer).__mro__[1].backward_tangent(layer, np.zeros_like(delta), ddelta)


def test_second_rules_that_forget_a_term():
    found = check_gradients(mutant(Linear(4, 3, seed=1), forward_tangent=forgets_the_parameters), batch())
    assert not found
    for layer in (Linear(4, 3, seed=1), Tanh(), Softmax(), LogSigmoid(), LogSoftmax()):
        assert not check_gradients(mutant(layer, backward_tangent=forgets_delta), batch())
    for layer in (Linear(4, 3, seed=1), Tanh(), Softmax(), LogSigmoid(), LogSoftmax()):
        assert not check_gradients(mutant(layer, backward_tangent=forgets_ddelta), batch())


class Square(Linear):
    """A square weight used the wrong way round by one rule."""

    def backward(self, delta):
        return delta @ self.weight.T


def test_a_transposed_weight_is_found():
    assert check_gradients(Linear(4, 4, seed=1), batch())
    report = check_gradients(Square(4, 4, seed=1), batch())
    assert [one.what for one in report.checks if not one.passed] == ["input", "backward_tangent"]

    transposed = mutant(
        Linear(4, 4, seed=1), gradients=lambda layer, found, *_: found | {"weight": found["weight"].T}
    )
    report = check_gradients(transposed, batch())
    assert [one.what for one in report.checks if not one.passed] == ["weight", "gradients_tangent[weight]"]
