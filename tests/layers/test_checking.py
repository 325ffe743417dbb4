"""check_gradients passes what is right, at every scale, and finds what is wrong."""

import dataclasses
import doctest

import numpy as np
import pytest

from sigmax.layers import (
    NLL,
    BernoulliNLL,
    GradientReport,
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
    check_gradients,
    checking,
)

CODES = [0, 2, 1, 3, 3]
COUNTS = np.array([[1.0, 0, 2, 0], [0, 0, 1, 0], [3, 1, 0, 0], [0.5, 0, 0, 0], [0, 1, 1, 1]])
OUTCOMES = np.array([[0, 1], [1, 1], [0, 0], [1, 0], [0.25, 1]])

#: layers of four inputs, and five rows
LAYERS = {
    "linear": lambda: Linear(4, 3, seed=1),
    "linear without bias": lambda: Linear(4, 3, bias=False, seed=1),
    # other kernels from 16 units on
    "wide linear": lambda: Linear(4, 17, seed=1),
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "softmax": Softmax,
    "log-softmax": LogSoftmax,
    "log-sigmoid": LogSigmoid,
    "reference": Reference,
    "nll": lambda: NLL().given(CODES),
    "nll of counts": lambda: NLL().given(COUNTS),
    "bernoulli": lambda: BernoulliNLL().given(OUTCOMES),
    "classifier": lambda: Sequential(
        Linear(4, 5, seed=1),
        Sequential(Tanh(), Linear(5, 3, seed=2), Sequential(Reference(), LogSoftmax())),
        NLL().given(CODES),
    ),
    "outcomes": lambda: Sequential(
        Sequential(Linear(4, 6, seed=3), ReLU()),
        Sequential(Linear(6, 2, seed=4), LogSigmoid()),
        BernoulliNLL().given(OUTCOMES),
    ),
}
SCALES = (1e-3, 1.0, 30.0, 1e3)


def batch(scale=1.0, n=5, width=4, seed=0):
    return scale * np.random.default_rng(seed).standard_normal((n, width))


# -- right rules pass --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", LAYERS)
def test_right_rules_pass(name, scale, backend):
    layer = LAYERS[name]().share(backend.BACKEND)
    for seed in range(2):
        report = check_gradients(layer, batch(scale, seed=seed), seed=seed)
        assert report, str(report)
        assert report.passed
        assert not report.failures
        # right rules are not near the edge of the tolerance
        assert report.worst.ratio < 0.5
        tangents = [f"gradients_tangent[{one}]" for one in layer.parameters]
        assert [one.what for one in report.checks] == [
            *("input", *layer.parameters, "forward_tangent", "backward_tangent", *tangents)
        ]
        sizes = [20, *(one.size for one in layer.parameters.values())]
        assert [one.checked for one in report.checks[: len(sizes)]] == sizes
        assert all(one.checked == one.of for one in report.checks)


class Function(Layer):
    """A function of each number, and what is said to be its derivative; no second rules."""

    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    def forward(self, z):
        self.z = np.array(z)
        return self.value(self.z)

    def backward(self, delta):
        return delta * self.slope(self.z)


FUNCTIONS = {
    "square": (np.square, lambda z: 2 * z),
    "cube": (lambda z: z**3, lambda z: 3 * z**2),
    "cosine": (np.cos, lambda z: -np.sin(z)),
    "fast": (lambda z: np.sin(1e3 * z), lambda z: 1e3 * np.cos(1e3 * z)),
    "softplus": (lambda z: np.logaddexp(0, z), lambda z: 1 / (1 + np.exp(-z))),
    # whose forward has but absolute accuracy
    "rounded softplus": (lambda z: np.log(1 + np.exp(z)), lambda z: 1 / (1 + np.exp(-z))),
    "absolute": (np.abs, np.sign),
    "constant": (lambda z: np.full(z.shape, 7.0), np.zeros_like),
    "swish": (
        lambda z: z / (1 + np.exp(-z)),
        lambda z: 1 / (1 + np.exp(-z)) + z * np.exp(-z) / (1 + np.exp(-z)) ** 2,
    ),
    # a narrow dead zone: both slopes are 1 at large steps
    "shrinkage": (
        lambda z: np.sign(z) * np.maximum(np.abs(z) - 1e-6, 0),
        lambda z: 1.0 * (np.abs(z) > 1e-6),
    ),
}
POINTS = np.array([[-30.0, -3.0, -1.0, -0.25], [-1e-2, 1e-7, 2e-4, 0.125], [0.5, 1.0, 2.5, 30.0]])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_functions_pass(name):
    report = check_gradients(Function(*FUNCTIONS[name]), POINTS)
    assert report, str(report)
    assert [one.what for one in report.checks] == ["input"]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "constant"])
@pytest.mark.parametrize("wrong", [1 - 2e-6, 1 + 1e-5, -1.0, 0.0, 2.0])
def test_wrong_functions_are_found(name, wrong):
    value, slope = FUNCTIONS[name]
    report = check_gradients(Function(value, lambda z: wrong * slope(z)), POINTS)
    assert not report
    # where the slope is one that the value shows
    assert report.checks[0].disagreeing >= 5


def test_a_domain_that_ends_near_a_point():
    z = np.array([[1e-4, 1e-3], [3.0, 1e3]])
    assert check_gradients(Function(np.log, lambda z: 1 / z), z)
    wrong = check_gradients(Function(np.log, lambda z: (1 + 3e-6) / z), z)
    assert wrong.checks[0].disagreeing == 4


# -- kinks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("near", [1e-2, 1e-4, 1e-6, 1e-8])
def test_near_a_kink_steps_shrink(near):
    z = near * np.array([[1.0, -1.0, 0.5], [-3.0, 2.0, 1.0]])
    report = check_gradients(ReLU(), z)
    assert report, str(report)
    assert report.notes == ()
    for slope in (lambda z: 0.5 + 0 * z, lambda z: 1.0 * (z < 0), lambda z: (1 + 1e-5) * (z > 0)):
        assert not check_gradients(Function(lambda z: np.maximum(z, 0), slope), z)


def test_on_a_kink_the_slopes_of_both_sides_and_those_between_are_right():
    z = np.array([[0.0, 1.0], [-1.0, 0.0], [2.0, -3.0]])
    report = check_gradients(ReLU(), z)
    assert report
    assert "input: 2 of 6 numbers on a kink; the rule gives the slope of a side, or one between" in report.notes
    assert any(note.startswith("2 rows on a kink, the first z[0]") for note in report.notes)
    for at_zero in (0.0, 0.3, 1.0):
        layer = Function(lambda z: np.maximum(z, 0), lambda z, s=at_zero: np.where(z == 0, s, z > 0))
        assert check_gradients(layer, z)
    beyond = Function(lambda z: np.maximum(z, 0), lambda z: np.where(z == 0, 5.0, z > 0))
    report = check_gradients(beyond, z)
    assert report.checks[0].checked == 4
    assert any("2 of 6 numbers on a kink and left open" in note for note in report.notes)
    with_nothing = check_gradients(beyond, np.zeros((2, 2)))
    assert not with_nothing
    assert "nothing was checked" in with_nothing.failures[0]
    assert str(with_nothing).endswith("worst: no entry was checked")


def test_a_row_on_kinks_does_not_excuse_the_parameters():
    # all units of the row of zeros are at their kink
    z = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])

    def network(first):
        return Sequential(first, ReLU(), Linear(4, 1, seed=2))

    right = check_gradients(network(Linear(2, 4, seed=1)), z)
    assert right, str(right)
    assert right.checks[0].checked < right.checks[0].of == 8
    wrong = check_gradients(network(mutant(Linear(2, 4, seed=1), gradients=mean_of("bias"))), z)
    assert [one.what for one in wrong.checks if not one.passed] == ["0.bias", "gradients_tangent[0.bias]"]


def test_first_weights_of_zero_are_all_on_kinks():
    report = check_gradients(Sequential(Linear(4, 3, initial="zeros"), ReLU()), batch())
    assert report, str(report)
    assert "0.weight: 12 of 12 numbers on a kink" in str(report)


def test_where_a_function_jumps_there_is_no_derivative():
    step = Function(lambda z: 1.0 * (z > 0) + np.sin(1e12 * z), lambda z: 0 * z)
    report = check_gradients(step, np.array([[0.3, 0.0]]))
    assert not report
    assert "no step gives a difference to trust" in str(report)
    assert report.checks[0].disagreeing == 2


# -- wrong rules are found -------------------------------------------------------------------------------------


def mutant(layer, **rules):
    """The layer with other rules: each is handed the layer, the right result, and the arguments."""

    def replaced(rule, change):
        right = getattr(type(layer), rule)
        return lambda self, *arguments: change(self, right(self, *arguments), *arguments)

    changed = {rule: replaced(rule, change) for rule, change in rules.items()}
    layer.__class__ = type(f"Wrong{type(layer).__name__}", (type(layer),), changed)
    return layer


def one_entry(found, by=1e-5):
    found = found.copy()
    found.flat[np.abs(found).argmax()] *= 1.0 + by
    return found


def mean_of(*names):
    def change(layer, found, delta, *_):
        return {k: one / len(delta) if k in names else one for k, one in found.items()}

    return change


def of_all(change):
    """A change of arrays as one of dicts of them."""
    return lambda layer, found, *_: {name: change(one) for name, one in found.items()}


def of(change):
    return lambda layer, found, *_: change(found)


INPUTS = {
    "sign": of(np.negative),
    "factor": of(lambda b: 2.0 * b),
    "zeros": of(np.zeros_like),
    "rows": of(lambda b: b[::-1].copy()),
    "columns": of(lambda b: b[:, ::-1].copy()),
    "one entry": of(one_entry),
    "one entry, little": of(lambda b: one_entry(b, -1e-6)),
    "mean": of(lambda b: b / len(b)),
    "nan": of(lambda b: np.where(b == b.max(), np.nan, b)),
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
    if wrong == "first row of the bias":
        if "bias" not in layer.parameters:
            layer = LAYERS["linear"]()
    report = check_gradients(mutant(layer, gradients=OWN[wrong]), batch())
    failed = {one.what for one in report.checks if not one.passed}
    assert not report
    assert report.checks[0].passed
    assert failed & layer.parameters.keys()
    only_bias = wrong in ("no bias", "first row of the bias")
    assert not only_bias or all("bias" in one for one in failed)


TANGENTS = {
    "forward_tangent": {
        "sign": of(np.negative),
        "zeros": of(np.zeros_like),
        "one entry": of(one_entry),
        "shifted": of(lambda a: a + 1e-4),
    },
    "backward_tangent": {"sign": of(np.negative), "factor": of(lambda b: 2 * b), "one entry": of(one_entry)},
    "gradients_tangent": {"sign": of_all(np.negative), "one entry": of_all(one_entry), "mean": of_all(lambda g: g / 5)},
}


@pytest.mark.parametrize(
    ("rule", "wrong"), [(rule, wrong) for rule, changes in TANGENTS.items() for wrong in changes]
)
@pytest.mark.parametrize("name", LAYERS)
def test_wrong_second_rules_are_found(name, rule, wrong):
    layer = LAYERS[name]()
    if rule == "gradients_tangent" and not layer.parameters:
        # nothing to be wrong in
        assert "gradients_tangent" not in str(check_gradients(layer, batch()))
        return
    report = check_gradients(mutant(layer, **{rule: TANGENTS[rule][wrong]}), batch())
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

    transposed = mutant(Linear(4, 4, seed=1), gradients=lambda layer, found, *_: found | {"weight": found["weight"].T})
    report = check_gradients(transposed, batch())
    assert [one.what for one in report.checks if not one.passed] == ["weight", "gradients_tangent[weight]"]
