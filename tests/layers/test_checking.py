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
        Linear(4, 3, seed=1),
        Sequential(Tanh(), Linear(3, 3, seed=2), Sequential(Reference(), LogSoftmax())),
        NLL().given(CODES),
    ),
    "outcomes": lambda: Sequential(
        Sequential(Linear(4, 3, seed=3), ReLU()),
        Sequential(Linear(3, 2, seed=4), LogSigmoid()),
        BernoulliNLL().given(OUTCOMES),
    ),
}


def batch(scale=1.0, n=5, width=4, seed=0):
    return scale * np.random.default_rng(seed).standard_normal((n, width))


# -- right rules pass ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYERS)
def test_right_rules_pass(name, backend):
    layer = LAYERS[name]().share(backend.BACKEND)
    report = check_gradients(layer, batch())
    assert report, str(report)
    assert report.passed
    assert report.notes == report.failures == ()
    tangents = [f"gradients_tangent[{one}]" for one in layer.parameters]
    assert [one.what for one in report.checks] == [
        *("input", *layer.parameters, "forward_tangent", "backward_tangent", *tangents)
    ]
    sizes = [20, *(one.size for one in layer.parameters.values())]
    assert [one.checked for one in report.checks[: len(sizes)]] == sizes
    assert all(one.checked == one.of for one in report.checks)


@pytest.mark.parametrize("scale", [1e-3, 30.0, 1e3])
@pytest.mark.parametrize("name", LAYERS)
def test_right_rules_pass_at_every_scale(name, scale):
    report = check_gradients(LAYERS[name](), batch(scale, seed=1), seed=1)
    assert report, str(report)
    # right rules are not near the edge of the tolerance
    assert report.worst.ratio < 0.5


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


# -- kinks -----------------------------------------------------------------------------------------


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
    assert (
        "input: 2 of 6 numbers on a kink; the rule gives the slope of a side, or one between" in report.notes
    )
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

    def network(**changes):
        first, last = Linear(2, 4), Linear(4, 1)
        first.weight[...] = [[1, 1], [2, 1], [-1, -1], [-2, -1]]
        # slopes to the right are 3 and 2, to the left 9 and 6; the rule says 0
        last.weight[...] = [[1, 1, -3, -3]]
        return Sequential(mutant(first, **changes), ReLU(), last)

    right = check_gradients(network(), z)
    assert right, str(right)
    assert (right.checks[0].checked, right.checks[0].of) == (6, 8)
    assert "input: 2 of 8 numbers on a kink and left open" in str(right)
    wrong = check_gradients(network(gradients=mean_of("bias"), gradients_tangent=mean_of("bias")), z)
    # second rules are those of the gradients as they are
    assert [one.what for one in wrong.checks if not one.passed] == ["0.bias"]


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


# -- wrong rules are found -------------------------------------------------------------------------


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


# -- laws ------------------------------------------------------------------------------------------


def failures(layer, z=None):
    report = check_gradients(layer, batch() if z is None else z)
    assert bool(report) == (not report.failures and all(one.passed for one in report.checks))
    return "\n".join(report.failures)


def writes(rule, which):
    """A layer whose rule is right, and writes into one of its arguments when it is done."""

    class Writing(Linear):
        pass

    def written(self, *arguments):
        found = getattr(Linear, rule)(self, *arguments)
        one = arguments[which]
        (one["weight"] if isinstance(one, dict) else one)[...] = 7.0
        return found

    setattr(Writing, rule, written)
    layer = Writing(4, 3, seed=1)
    return layer


@pytest.mark.parametrize(
    ("rule", "which", "name"),
    [
        ("forward", 0, "z"),
        ("backward", 0, "delta"),
        ("gradients", 0, "delta"),
        ("forward_tangent", 0, "dz"),
        ("backward_tangent", 1, "ddelta"),
        ("gradients_tangent", 0, "delta"),
    ],
)
def test_a_rule_may_not_write_into_its_argument(rule, which, name):
    z = batch()
    layer = writes(rule, which)
    report = check_gradients(layer, z)
    assert not report
    assert f"{rule} writes into its argument {name}" in report.failures
    np.testing.assert_array_equal(z, batch())


def test_a_direction_may_not_be_written():
    layer = mutant(Linear(4, 3, seed=1), forward_tangent=writes_direction)
    assert "forward_tangent writes into its argument direction" in failures(layer)


def writes_direction(layer, found, dz, direction):
    if direction:
        direction["weight"][...] = 0.0
    return found


def test_a_rule_may_not_change_parameters():
    def normalises(layer, found, z):
        layer.weight[...] /= np.linalg.norm(layer.weight)
        return found

    layer = mutant(Linear(4, 3, seed=1), forward=normalises)
    before = layer.weight.copy()
    assert "forward changes the parameter 'weight'" in failures(layer)
    np.testing.assert_array_equal(layer.weight, before)


def test_hidden_state_is_found():
    class Counting(Function):
        calls = 0

        def forward(self, z):
            self.calls += 1
            return super().forward(z) * (1 + 1e-9 * self.calls)

    report = check_gradients(Counting(np.tanh, lambda z: 1 - np.tanh(z) ** 2), batch())
    assert not report
    assert report.checks == ()
    assert "forward gives another result the second time" in report.failures[0]
    assert report.worst is None

    rng = np.random.default_rng(0)
    dropout = Function(lambda z: z * rng.integers(0, 2, z.shape), np.ones_like)
    assert "another result the second time" in failures(dropout)


def test_what_is_not_linear_is_found():
    found = failures(mutant(Tanh(), backward=lambda layer, b, delta: b + 1e-3 * delta**2))
    assert "backward is not linear in delta: at [" in found
    found = failures(mutant(Tanh(), backward=lambda layer, b, delta: np.clip(b, -0.5, 0.5)))
    assert "backward is not linear" in found
    found = failures(mutant(Linear(4, 3, seed=1), gradients=lambda layer, g, d: g | {"bias": abs(g["bias"])}))
    assert "gradients is not linear in delta: at ['bias'][" in found

    def ones_for_missing(layer, found, dz, direction):
        return found if "bias" in direction else found + 1.0

    assert "zeros" in failures(mutant(Linear(4, 3, seed=1), forward_tangent=ones_for_missing))


class Stale(Linear):
    """Remembers the wrong batch: the first one, or the one before."""

    which = "first"

    def forward(self, z):
        found = super().forward(z)
        self.seen = (
            [*self.__dict__.get("seen", ()), np.array(z)][-2:]
            if self.which == "before"
            else (self.__dict__.get("seen") or [np.array(z)])
        )
        self.z = self.seen[0]
        return found


@pytest.mark.parametrize("which", ["first", "before"])
def test_stale_memory_is_found(which):
    layer = Stale(4, 3, seed=1)
    layer.which = which
    report = check_gradients(layer, batch())
    assert not report
    assert not report.checks[1].passed


def test_the_order_of_calls_is_free():
    def spends(layer, found, delta):
        layer.z = np.zeros_like(layer.z)
        return found

    found = failures(mutant(Linear(4, 3, seed=1), backward=spends))
    assert "other results when they are called in the other order" in found


def test_outputs_that_are_not_finite():
    layer = Function(lambda z: np.where(z > 1, np.nan, z), np.ones_like)
    report = check_gradients(layer, [[0.0, 2.0], [3.0, 0.5]])
    assert not report
    assert report.failures == (
        "forward gives nan at [0, 1], where nothing can be differenced (2 of 4 outputs are not finite)",
    )


def test_parameters_that_are_copies():
    class Copies(Linear):
        @property
        def parameters(self):
            return {name: one.copy() for name, one in super().parameters.items()}

    assert "parameters gives a copy of 'weight'" in failures(Copies(4, 3, seed=1))


class Normalised(Layer):
    """Each column minus its mean over the rows, times a gain that is a number."""

    def __init__(self):
        self.gain = np.array(1.5)

    parameters = property(lambda self: {"gain": self.gain})

    def forward(self, z):
        self.z = np.array(z)
        return self.gain * (self.z - self.z.mean(axis=0))

    def backward(self, delta):
        return self.gain * (delta - delta.mean(axis=0))

    def gradients(self, delta):
        return {"gain": (delta * (self.z - self.z.mean(axis=0))).sum()[None].reshape(())}


@pytest.mark.parametrize("n", [2, 5, 8, 9])
def test_a_layer_that_mixes_rows_is_noted_and_checked(n):
    report = check_gradients(Normalised(), batch(n=n))
    assert report, str(report)
    assert report.notes == (
        "the layer mixes rows, as batch normalisation does: output row 1 changes with other rows of z; each "
        "entry of z was moved alone",
    )
    wrong = mutant(Normalised(), backward=lambda layer, found, delta: layer.gain * delta)
    assert check_gradients(wrong, batch(n=n)).checks[0].disagreeing == 4 * n
    assert report.checks[1].at == "gain"
    assert report.checks[1].index == ()


@pytest.mark.parametrize(("reader", "read"), [(0, 6), (6, 0), (3, 4)])
def test_one_row_that_reads_another_is_noted(reader, read):
    class Reading(Function):
        def forward(self, z):
            a = super().forward(z)
            a[reader] += 0.1 * z[read]
            return a

        def backward(self, delta):
            b = super().backward(delta)
            b[read] += 0.1 * delta[reader]
            return b

    report = check_gradients(Reading(np.tanh, lambda z: 1 - np.tanh(z) ** 2), batch(n=7))
    assert report, str(report)
    assert f"output row {reader} changes with other rows" in report.notes[0]


# -- shapes, and what is refused -------------------------------------------------------------------


SHAPES = {
    "forward": (
        lambda layer, a, z: a[:-1],
        r"Linear\(4, 3\)\.forward\(z\) must return a float64 array of shape \(5, width\); got shape \(4, 3\)",
    ),
    "backward": (
        lambda layer, b, delta: b.T,
        r"Linear\(4, 3\)\.backward\(delta\) must return .* of shape \(5, 4\), that of z; got shape \(4, 5\)",
    ),
    "gradients": (
        lambda layer, g, delta: g | {"weight": g["weight"].T},
        r"\.gradients\(delta\)\['weight'\] must .* \(3, 4\), that of the parameter; got shape \(4, 3\)",
    ),
    "forward_tangent": (
        lambda layer, a, *_: a[:, :1],
        r"\.forward_tangent\(dz, direction\) must .* \(5, 3\); got shape \(5, 1\)",
    ),
    "backward_tangent": (
        lambda layer, b, *_: b.tolist(),
        r"\.backward_tangent\(delta, ddelta\) must .* \(5, 4\), that of z; got list",
    ),
    "gradients_tangent": (
        lambda layer, g, *_: {"weight": g["weight"]},
        r"\.gradients_tangent\(delta, ddelta\) must return a dict .* \['bias', 'weight'\]; got \['weight'\]",
    ),
}


@pytest.mark.parametrize("rule", SHAPES)
def test_wrong_shapes_name_the_rule(rule):
    change, says = SHAPES[rule]
    layer = mutant(Linear(4, 3, seed=1), **{rule: change})
    before = layer.coef.copy()
    with pytest.raises(ShapeError, match=says):
        check_gradients(layer, batch())
    np.testing.assert_array_equal(layer.coef, before)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda layer, a, z: a.astype(np.float32), r"shape \(5, width\); got shape \(5, 3\), dtype float32"),
        (lambda layer, a, z: a[:, 0], r"got shape \(5,\)"),
        (lambda layer, a, z: None, "got NoneType"),
    ],
)
def test_an_output_is_a_matrix_of_doubles(change, says):
    with pytest.raises(ShapeError, match=says):
        check_gradients(mutant(Linear(4, 3), forward=change), batch())


def test_gradients_are_a_dict():
    with pytest.raises(ShapeError, match=r"names of parameters, \['bias', 'weight'\]; got ndarray"):
        check_gradients(mutant(Linear(4, 3), gradients=lambda layer, g, delta: g["weight"]), batch())


@pytest.mark.parametrize(
    ("z", "says"),
    [
        ([1.0, 2.0], r"z must have shape \(n, width\), with a row and a column at least; got \(2,\)"),
        (np.zeros((0, 3)), r"got \(0, 3\)"),
        (np.zeros((2, 0)), r"got \(2, 0\)"),
        (
            [[1.0, 2.0], [np.nan, np.inf]],
            r"z must be finite; 2 values nan or inf, the first at z\[1, 0\] = nan",
        ),
        ([["a", "b"]], "z must hold real numbers"),
    ],
)
def test_batches_that_are_refused(z, says):
    with pytest.raises(ValueError, match=says):
        check_gradients(Sigmoid(), z)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tol": 0.0}, "tol must lie between 0 and 1; got 0.0"),
        ({"tol": np.nan}, "tol must lie"),
        ({"most": 0}, "most must be a whole number of at least 1; got 0"),
        ({"most": True}, "most must be"),
    ],
)
def test_settings_that_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        check_gradients(Sigmoid(), batch(), **settings)


def test_only_layers_with_parameters_of_doubles():
    with pytest.raises(TypeError, match=r"layer must be a sigmax\.layers\.Layer; got ufunc"):
        check_gradients(np.tanh, batch())

    def layer(value):
        made = Normalised()
        made.gain = value
        return made

    fixed = np.ones(4)
    fixed.flags.writeable = False
    for value, got in ((np.float32([1.5]), "dtype float32"), (1.5, "float"), (fixed, "cannot be written")):
        with pytest.raises(TypeError, match=f"parameter 'gain' must be a float64 array .* got .*{got}"):
            check_gradients(layer(value), batch())
    with pytest.raises(
        ValueError, match=r"parameter gain must be finite; 1 value nan or inf, the first at .*gain\[1\] = inf"
    ):
        check_gradients(layer(np.array([1.0, np.inf, 0.0, 1.0])), batch())


def test_errors_of_a_rule_come_through_and_parameters_are_put_back():
    class Failing(Linear):
        calls = 0

        def forward(self, z):
            self.calls += 1
            if self.calls == self.last:
                raise RuntimeError("enough")
            return super().forward(z)

    counted = Failing(4, 3, seed=1)
    counted.last = -1
    counted.bias[0] = -0.0
    bits = counted.coef.view(np.int64).copy()
    assert check_gradients(counted, batch())
    np.testing.assert_array_equal(counted.coef.view(np.int64), bits)
    every = counted.calls
    assert every > 100
    for last in range(1, every, 7):
        layer = Failing(4, 3, seed=1)
        layer.last = last
        layer.bias[0] = -0.0
        with pytest.raises(RuntimeError, match="enough"):
            check_gradients(layer, batch())
        np.testing.assert_array_equal(layer.coef.view(np.int64), bits)


# -- what else is promised -------------------------------------------------------------------------


def test_a_batch_of_any_make_that_is_not_written():
    z = batch()
    z.flags.writeable = False
    layer = LAYERS["classifier"]()
    first = str(check_gradients(layer, z))
    assert str(check_gradients(layer, z.tolist())) == first
    assert str(check_gradients(layer, np.asfortranarray(z))) == first
    assert str(check_gradients(layer, z, seed=1)) != first
    assert check_gradients(Softmax(), [[1, 2], [3, 5]])
    assert check_gradients(Tanh(), [[0.3]])


def test_one_array_under_several_names():
    first = Linear(4, 4, seed=1)
    tied = Sequential(first, Tanh(), first.share())
    report = check_gradients(tied, batch())
    assert report, str(report)
    assert "0.weight and 2.weight are one array: their gradients are added" in report.notes
    wrong = Sequential(first, Tanh(), mutant(first.share(), gradients=of_all(lambda g: 1.001 * g)))
    assert not check_gradients(wrong, batch())


def test_at_most_so_many_entries():
    layer = LAYERS["wide linear"]()
    report = check_gradients(layer, batch(), most=6)
    assert report
    assert [(one.checked, one.of) for one in report.checks[:3]] == [(6, 20), (6, 68), (6, 17)]
    assert "6 of 68" in str(report)
    assert not check_gradients(mutant(layer, gradients=of_all(np.negative)), batch(), most=1)


def test_a_tolerance_of_ones_own():
    layer = mutant(Tanh(), backward=of(lambda b: (1 + 1e-4) * b))
    assert check_gradients(layer, batch(), tol=1e-3)
    assert not check_gradients(layer, batch())
    right = check_gradients(Tanh(), batch(), tol=1e-10)
    assert right


def test_a_layer_without_second_rules():
    first_only = Function(np.tanh, lambda z: 1 - np.tanh(z) ** 2)
    report = check_gradients(Sequential(Linear(4, 3, seed=1), first_only), batch())
    assert report
    assert [one.what for one in report.checks] == ["input", "0.weight", "0.bias"]


def test_warnings_beyond_a_domain_are_not_the_layers():
    # the first step from 1e-4 leads below 0, where the root warns; warnings are errors here
    assert check_gradients(Function(np.sqrt, lambda z: 0.5 / np.sqrt(z)), [[1e-4, 2.0]])


# -- the report ------------------------------------------------------------------------------------


def test_the_report_is_a_table():
    report = check_gradients(LAYERS["linear"](), batch())
    lines = str(report).splitlines()
    assert lines[0] == "Linear(4, 3): all rules agree with differences"
    assert lines[1].split() == ["entries", "worst", "at", "rule", "differences", "error", "tolerance"]
    assert [line.split()[:2] for line in lines[2:5]] == [["input", "20"], ["weight", "12"], ["bias", "3"]]
    # columns end at the same place
    assert len({len(line) for line in lines[1:-1]}) == 1
    assert lines[-1].startswith(f"worst: {report.worst.at}, the rule gives ")
    assert lines[-1].endswith(" times the tolerance")
    assert repr(report) == "<GradientReport of Linear(4, 3): passed, 7 checks>"


def test_the_report_of_what_is_wrong():
    layer = mutant(Linear(4, 3, seed=1), gradients=mean_of("weight"), backward=of(np.negative))
    report = check_gradients(layer, batch())
    lines = str(report).splitlines()
    assert lines[0] == "Linear(4, 3): THE RULES ARE WRONG"
    assert lines[2].endswith("WRONG in 20")
    assert lines[3].endswith("WRONG in 12")
    assert not lines[4].endswith("WRONG in 3")
    assert "note: input: the rule gives -1 times the differences in all entries" in lines
    assert (
        "note: weight: the rule gives 1 / 5 of the differences in all entries: a mean over the rows, not "
        "their sum?"
    ) in lines
    worst = report.worst
    assert lines[-1].startswith(f"worst: {worst.at}, the rule gives {worst.analytic:.10g}, differences ")
    assert repr(report) == "<GradientReport of Linear(4, 3): failed, 7 checks>"
    zeros = check_gradients(mutant(Tanh(), backward=of(np.zeros_like)), batch())
    assert "input: the rule gives zeros" in zeros.notes


def test_the_worst_entry_is_the_wrong_one():
    def spoilt(layer, found, delta):
        weight = found["weight"].copy()
        weight[2, 1] += 1e-3
        return found | {"weight": weight}

    report = check_gradients(mutant(Linear(4, 3, seed=1), gradients=spoilt), batch())
    worst = report.worst
    assert (worst.what, worst.index, worst.at, worst.disagreeing) == ("weight", (2, 1), "weight[2, 1]", 1)
    assert worst.analytic - worst.difference == pytest.approx(1e-3, rel=1e-6)
    assert worst.error == pytest.approx(1e-3, rel=1e-6)
    assert "weight[2, 1]" in str(report).splitlines()[-1]


def test_a_report_is_a_frozen_value():
    report = check_gradients(Sigmoid(), batch())
    assert isinstance(report, GradientReport)
    assert report == check_gradients(Sigmoid(), batch())
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.passed = False
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.worst.error = 0.0


def test_docstrings():
    found = doctest.testmod(checking)
    assert found.attempted > 5
    assert found.failed == 0
