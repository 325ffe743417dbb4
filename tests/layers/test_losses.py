"""The losses alone: sums of log-probabilities that targets pick, and targets that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from sigmax.layers import NLL, BernoulliNLL, Loss, ShapeError

Z = np.array([[-1.0, -2.0, -4.0], [-0.5, -8.0, -0.25]])


def test_codes_pick_a_column():
    layer = NLL().given([2, 0])
    assert layer.forward(Z).tolist() == [[4.0], [0.5]]
    assert layer.backward([[3.0], [5.0]]).tolist() == [[0, 0, -3.0], [-5.0, 0, 0]]
    assert layer.gradients([[3.0], [5.0]]) == layer.parameters == {}
    dz = np.arange(6.0).reshape(2, 3)
    assert layer.forward_tangent(dz, {}).tolist() == [[-2.0], [-3.0]]
    assert layer.backward_tangent([[3.0], [5.0]], [[7.0], [11.0]]).tolist() == [[0, 0, -7.0], [-11.0, 0, 0]]
    assert layer.gradients_tangent([[3.0], [5.0]], [[1.0], [1.0]]) == {}


def test_counts_weigh_columns():
    layer = NLL().given([[1, 0, 2], [0, 4, 0]])
    assert layer.forward(Z).tolist() == [[9.0], [32.0]]
    assert layer.backward([[3.0], [0.5]]).tolist() == [[-3.0, 0, -6.0], [0, -2.0, 0]]
    dz = np.arange(6.0).reshape(2, 3)
    assert layer.forward_tangent(dz, {}).tolist() == [[-4.0], [-16.0]]
    assert layer.backward_tangent([[3.0], [0.5]], [[1.0], [1.0]]).tolist() == [[-1.0, 0, -2.0], [0, -4.0, 0]]


def test_counts_of_one_are_codes():
    codes, counts = NLL().given([2, 0]), NLL().given(np.eye(3)[[2, 0]])
    np.testing.assert_array_equal(codes.forward(Z), counts.forward(Z))
    np.testing.assert_array_equal(codes.backward([[3.0], [5.0]]), counts.backward([[3.0], [5.0]]))


def test_outcomes_weigh_both_halves():
    layer = BernoulliNLL().given([[1.0, 0.25], [0.0, 1.0]])
    z = np.array([[-1.0, -2.0, -4.0, -8.0], [-0.5, -3.0, -5.0, -7.0]])
    assert layer.forward(z).tolist() == [[4.0 + 1.5 + 2.0], [0.5 + 7.0]]
    assert layer.backward([[2.0], [1.0]]).tolist() == [[0, -1.5, -2.0, -0.5], [-1.0, 0, 0, -1.0]]
    assert layer.forward_tangent(-z, {}).tolist() == (-layer.forward(z)).tolist()
    assert layer.backward_tangent([[2.0], [1.0]], [[1.0], [1.0]]).tolist() == [
        [0, -0.75, -1.0, -0.25],
        [-1.0, 0, 0, -1.0],
    ]
    assert layer.gradients_tangent([[2.0], [1.0]], [[1.0], [1.0]]) == {}


def test_one_outcome_is_a_class():
    z = np.array([[-1.0, -2.0], [-3.0, -4.0]])
    nll, bernoulli = NLL().given([1, 0]), BernoulliNLL().given([1, 0])
    np.testing.assert_array_equal(nll.forward(z), bernoulli.forward(z))
    np.testing.assert_array_equal(nll.backward([[2.0], [3.0]]), bernoulli.backward([[2.0], [3.0]]))


@pytest.mark.parametrize("layer", [NLL().given([[0.0, 2.0]]), NLL().given([1]), BernoulliNLL().given([1.0])])
@pytest.mark.parametrize("certain", [0.0, -0.0])
def test_what_is_impossible_costs_nothing_where_it_was_not_seen(layer, certain):
    loss = layer.forward([[-np.inf, certain]])
    assert loss.tolist() == [[0.0]]
    assert not np.signbit(loss).any()


def test_what_is_impossible_and_was_seen_costs_everything():
    assert NLL().given([0]).forward([[-np.inf, 0.0]]).tolist() == [[np.inf]]
    assert BernoulliNLL().given([0.5]).forward([[-np.inf, 0.0]]).tolist() == [[np.inf]]


@pytest.mark.parametrize(
    "codes", [np.array([True, False]), np.array([1, 0], np.uint8), np.array([1, 0], ">i8")]
)
def test_codes_of_any_integer_type(codes):
    assert NLL().given(codes).forward(Z).tolist() == [[2.0], [0.5]]


def test_given_returns_the_loss_and_replaces_the_targets():
    layer = NLL()
    assert layer.given([0, 0]) is layer
    assert layer.given([1, 2]).forward(Z).tolist() == [[2.0], [0.25]]
    assert issubclass(NLL, Loss)
    assert issubclass(BernoulliNLL, Loss)


# -- targets that cannot be --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (
            [0, -1, -2],
            r"^targets must be codes of classes, from 0 on; 2 values below 0, the first at targets\[1\] = -1",
        ),
        ([0.0, 1.0], r"^targets must hold class codes of an integer dtype; got dtype float64"),
        (["a", "b"], r"^targets must hold class codes of an integer dtype; got dtype <U1"),
        (
            [1, 2**31],
            r"^targets must be codes of at most 2,147,483,647; 1 value above, the first at targets\[1\]",
        ),
        ([2**40], r"^targets must be codes of at most 2,147,483,647"),
        (
            [[1.0, np.nan], [np.inf, 0]],
            r"^targets must be finite; 2 values nan or inf, the first at targets\[0, 1\]",
        ),
        (
            [[1.0, 0.0], [-0.5, 0]],
            r"^targets must not be negative; 1 value below 0, the first at targets\[1, 0\] = -0.5",
        ),
        ([["a", "b"]], r"^targets must hold real numbers; got dtype <U1"),
        (3, r"^targets must have shape \(n,\), codes, or \(n, K\), counts; got \(\)"),
        (
            np.zeros((2, 2, 2)),
            r"^targets must have shape \(n,\), codes, or \(n, K\), counts; got \(2, 2, 2\)",
        ),
    ],
)
def test_targets_of_nll(targets, message):
    with pytest.raises(ValueError, match=message):
        NLL().given(targets)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (
            [0.0, 1.5, -0.1],
            r"^targets must be from 0 to 1; 2 values outside, the first at targets\[1, 0\] = 1.5",
        ),
        (
            [[0.0, np.nan]],
            r"^targets must be from 0 to 1; 1 value outside, the first at targets\[0, 1\] = nan",
        ),
        (["a"], r"^targets must hold real numbers; got dtype <U1"),
        (0.5, r"^targets must have shape \(n,\) or \(n, m\); got \(\)"),
        (np.zeros((2, 2, 2)), r"^targets must have shape \(n,\) or \(n, m\); got \(2, 2, 2\)"),
    ],
)
def test_targets_of_bernoulli(targets, message):
    with pytest.raises(ValueError, match=message):
        BernoulliNLL().given(targets)


@pytest.mark.parametrize(
    ("layer", "z", "message"),
    [
        (
            NLL().given([0, 3]),
            Z,
            r"^NLL\(\).forward: z must have shape \(n, K\), K at least 4, .* got \(2, 3\)",
        ),
        (NLL().given([0]), Z, r"^NLL\(\).forward: z must have one row for each of 1 targets; got 2"),
        (
            NLL().given(np.ones((2, 4))),
            Z,
            r"^NLL\(\).forward: z must have the shape of the targets, \(2, 4\); got \(2, 3\)",
        ),
        (NLL().given([0, 0]), Z[0], r"^NLL\(\).forward: z must have shape \(n, width\); got \(3,\)"),
        (
            BernoulliNLL().given([0, 1]),
            Z,
            r"^BernoulliNLL\(\).forward: z must have shape \(n, 2\), .* got \(2, 3\)",
        ),
        (
            BernoulliNLL().given([0]),
            Z[:, :2],
            r"^BernoulliNLL\(\).forward: z must have one row for each of 1 targets; got 2",
        ),
        (
            BernoulliNLL().given([0, 1]),
            Z[0],
            r"^BernoulliNLL\(\).forward: z must have shape \(n, width\); got \(3,\)",
        ),
    ],
)
def test_inputs_that_do_not_fit_the_targets(layer, z, message):
    with pytest.raises(ShapeError, match=message):
        layer.forward(z)


@pytest.mark.parametrize("kind", [NLL, BernoulliNLL])
def test_targets_come_first(kind):
    with pytest.raises(RuntimeError, match=r"forward needs targets: call given\(targets\) before"):
        kind().forward(Z)
