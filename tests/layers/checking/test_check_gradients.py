"""check_gradients passes what is right, at every scale and near kinks, and finds functions that are wrong."""

import numpy as np
import pytest
from checked_layers import LAYERS, Function, batch, mean_of, mutant

from sigmax.layers import Linear, ReLU, Sequential, check_gradients

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
