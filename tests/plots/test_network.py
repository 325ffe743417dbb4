"""Units and layers."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from plots.pictures import drawn, is_same
from plots.plot_cases import FLOWERS, labelled, quietly, spector

import sigmax as sx
from sigmax.layers import NLL, Layer, Linear, LogSigmoid, LogSoftmax, Network, Reference, Tanh
from sigmax.plots import NetworkDisplay
from sigmax.plots.display import COLOURS


def edges(display, of=0):
    """(start, end) -> (colour, width) of the edges of a layer."""
    found = {}
    names = [{place: unit for unit, place in units.items()} for units in display.places_]
    for stretch, paint, width in zip(
        display.ax_.collections[of].get_segments(),
        display.ax_.collections[of].get_colors(),
        display.ax_.collections[of].get_linewidths(),
        strict=True,
    ):
        start, end = (tuple(map(float, one)) for one in stretch)
        found[names[of][start], names[of + 1][end]] = (to_hex(paint).upper(), float(width))
    return found


def test_edges_are_the_weights_of_a_fit(picture):
    r = spector()
    display = NetworkDisplay.from_result(r)
    found = edges(display)
    assert set(found) == {(-1, 0), (0, 0), (1, 0), (2, 0)}
    for unit, weight in zip((-1, 0, 1, 2), r.params, strict=True):
        assert found[unit, 0][0] == COLOURS[0 if weight > 0 else 1]
        share = min(abs(weight) / np.abs(r.params[1:]).max(), 1.0)
        assert found[unit, 0][1] == pytest.approx(0.4 + 4.6 * share)
    texts = [one.get_text() for one in display.ax_.texts]
    assert {"bias", "GPA", "TUCE", "PSI", "1", "NLL", "inputs\n(3 + bias)", "sigmoid"} <= set(texts)
    assert display.ax_.get_legend().get_title().get_text() == "width: |weight|, at most 2.83"
    picture(display.figure_, "network")


def test_softmax_units_and_the_reference(picture):
    X, y = labelled(150, 3)
    r = sx.fit(X, FLOWERS[y], names=["petal length (cm)", "petal width (cm)"], reference="versicolor")
    display = NetworkDisplay.from_result(r)
    np.testing.assert_array_equal(display.weights, np.insert(r.params[:, 1:], 1, 0.0, axis=0))
    assert {end for _, end in edges(display)} == {0, 2}
    assert display.layers[1].zeros == (1,)
    assert [one.get_text() for one in display.ax_.texts].count("0") == 1
    symmetric = NetworkDisplay.from_result(r.symmetric())
    assert {end for _, end in edges(symmetric)} == {0, 1, 2}
    assert symmetric.layers[1].zeros == ()
    picture(display.figure_, "network_softmax")


def test_two_classes_in_any_parametrisation_are_the_same_network():
    r = spector()
    for other in (r.rebase(1), r.symmetric()):
        display = NetworkDisplay.from_result(other)
        np.testing.assert_allclose(display.weights, [r.params[1:]], rtol=1e-14)
        np.testing.assert_allclose(display.biases, r.params[:1], rtol=1e-14)


def test_standardised_weights():
    w = np.arange(1.0, 33.0)
    r, data = spector(sample_weight=w), sx.datasets.load("spector")
    display = NetworkDisplay.from_result(r, weights="standardised")
    deviation = np.sqrt(np.cov(data.X.T, aweights=w, ddof=0).diagonal())
    np.testing.assert_allclose(display.weights, [r.params[1:] * deviation], rtol=1e-12)
    assert "standard deviation" in display.ax_.get_legend().get_title().get_text()


def test_a_wrong_weight_is_another_picture():
    right = NetworkDisplay.from_result(spector())
    for weights in ([[2.8, 1.5, 2.4]], [[2.8, 0.1, -2.4]]):
        wrong = NetworkDisplay(
            3, 2, names=["GPA", "TUCE", "PSI"], weights=np.array(weights), biases=np.array([-13.0])
        ).plot()
        assert not is_same(drawn(NetworkDisplay.from_result(spector()).figure_), drawn(wrong.figure_))
    assert is_same(drawn(right.figure_), drawn(NetworkDisplay.from_result(spector()).figure_))


def test_wide_layers_have_dots(picture):
    display = NetworkDisplay(layers=[("input", 784), ("hidden", 16), ("softmax", 10)]).plot()
    assert [sorted(units) for units in display.places_] == [
        [0, 1, 2, 3, 4, 5, 783],
        [0, 1, 2, 3, 4, 5, 15],
        [0, 1, 2, 3, 4, 5, 9],
    ]
    texts = [one.get_text() for one in display.ax_.texts]
    assert texts.count(r"$\vdots$") == 3
    assert "input\n(784)" in texts
    assert len(edges(display)) == 49
    picture(display.figure_, "network_layers")


def xor_network():
    """Two layers with given weights; classes "no" and "yes", whose reference has no unit."""
    network = Network(Linear(2, 3, seed=0), Tanh(), Linear(3, 1, seed=0), Reference(), LogSoftmax(), NLL())
    network.parameters["0.weight"][...] = [[4.0, -4.0], [-2.0, 2.0], [1.0, 0.0]]
    network.parameters["0.bias"][...] = [0.5, 0.0, -1.0]
    network.parameters["2.weight"][...] = [[3.0, 1.5, -6.0]]
    network.classes = np.array(["no", "yes"])
    return network


def test_a_network_of_layers(picture):
    display = NetworkDisplay.from_network(xor_network(), names=["left", "right"])
    columns = [(one.title, one.width, one.bias, one.labels) for one in display.layers]
    assert columns == [
        ("inputs", 2, True, ("left", "right")),
        ("tanh", 3, True, ()),
        ("softmax", 1, False, ("yes",)),
        ("loss", 1, False, ()),
    ]
    first, second = edges(display), edges(display, 1)
    assert first[0, 0] == (COLOURS[0], 5.0)
    assert first[1, 0] == (COLOURS[1], 5.0)
    assert first[0, 1] == (COLOURS[1], pytest.approx(0.4 + 4.6 * 0.5))
    assert (1, 2) not in first  # a weight of 0
    assert set(first) == {(-1, 0), (-1, 2), (0, 0), (0, 1), (0, 2), (1, 0), (1, 1)}
    assert set(second) == {(0, 0), (1, 0), (2, 0)}
    assert second[1, 0] == (COLOURS[0], pytest.approx(0.4 + 4.6 * 0.25))
    title = display.ax_.get_legend().get_title().get_text()
    assert title == "width: |weight|, against the largest between the same columns"
    picture(display.figure_, "network_of_layers")


def test_a_drawn_network_is_what_it_was():
    network = xor_network()
    display = NetworkDisplay.from_network(network)
    network.parameters["0.weight"][...] = 0.0
    assert display.gaps[0][0][0].tolist() == [4.0, -4.0]


class Doubled(Layer):
    """A layer that the pictures have not heard of."""


@pytest.mark.parametrize(
    ("layers", "titles"),
    [
        ((Linear(2, 1, seed=0), LogSigmoid(), NLL()), ["inputs", "sigmoid", "loss"]),
        (
            (Linear(2, 3, seed=0), Doubled(), Linear(3, 2, seed=0), LogSoftmax(), NLL()),
            ["inputs", "Doubled", "softmax", "loss"],
        ),
        ((Linear(2, 3), Linear(3, 2), LogSoftmax(), NLL()), ["inputs", "linear", "softmax", "loss"]),
    ],
)
def test_titles_of_networks(layers, titles):
    assert [one.title for one in NetworkDisplay.from_network(Network(*layers)).layers] == titles


def test_networks_that_cannot_be_drawn():
    with pytest.raises(ValueError, match=r"the first layer must be Linear, to be drawn; got Tanh\(\)"):
        NetworkDisplay.from_network(Network(Tanh(), Linear(2, 2, seed=0), LogSoftmax(), NLL()))
    with pytest.raises(ValueError, match="names must have length 2; got 3"):
        NetworkDisplay.from_network(xor_network(), names=["a", "b", "c"])


def test_infinite_weights_and_columns_left_out():
    X, _ = labelled(60, 2)
    r = quietly(np.column_stack([X, X[:, 0]]), X[:, 0] > 0.3)
    display = NetworkDisplay.from_result(r)
    found = edges(display)
    assert (2, 0) not in found
    assert found[0, 0] == (COLOURS[0], 5.0)
    assert "infinite" in [one.get_text() for one in display.ax_.get_legend().get_texts()]
    display.figure_.canvas.draw()


def test_no_intercept_no_bias_and_no_columns_no_input():
    data = sx.datasets.load("spector")
    display = NetworkDisplay.from_result(sx.fit(data.X, data.y, fit_intercept=False))
    assert sorted(display.places_[0]) == [0, 1, 2]
    alone = NetworkDisplay.from_result(sx.fit(np.empty((4, 0)), [0, 1, 1, 1]))
    assert sorted(alone.places_[0]) == [-1]
    alone.figure_.canvas.draw()


def test_long_names_are_shortened_in_the_middle():
    long = "a column with a name that no picture has room for (cm)"
    texts = [one.get_text() for one in NetworkDisplay(2, 2, names=[long, "b"]).plot().ax_.texts]
    [short] = [one for one in texts if "..." in one]
    assert len(short) == 28
    assert long.startswith(short.partition("...")[0])
    assert long.endswith(short.partition("...")[2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs n_features and n_classes, or layers"),
        ({"n_features": 2, "n_classes": 2, "layers": [("a", 1), ("b", 1)]}, "and not both"),
        ({"n_features": 2, "layers": [("a", 1), ("b", 1)]}, "and not both"),
        ({"n_classes": 2, "layers": [("a", 1), ("b", 1)]}, "and not both"),
        ({"n_features": 2, "n_classes": 1}, "n_classes at least 2; got 2 and 1"),
        ({"n_features": 2, "n_classes": 2, "names": ["a"]}, "names must have length 2; got 1"),
        ({"n_features": 2, "n_classes": 3, "weights": np.zeros((1, 2))}, r"weights must have shape \(3, 2\)"),
        ({"n_features": 2, "n_classes": 3, "biases": np.zeros(2)}, r"biases must have shape \(3,\)"),
        ({"n_features": 2, "n_classes": 3, "most": 2}, "most must be at least 3"),
        ({"layers": [("a", 1)]}, "layers must be at least two"),
        (
            {"n_features": 2, "n_classes": 3, "reference": 3},
            "reference must be the index of a class, below 3",
        ),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        NetworkDisplay(**arguments)


def test_classes_that_are_no_units_label_none():
    class Repeated(Layer):
        """Two of the units as the first two logits of three."""

        def forward(self, z):
            self.n = z.shape[1]
            return z[:, :2] @ np.eye(2, 3)

        def backward(self, delta):
            return np.hstack([delta[:, :2], np.zeros((len(delta), self.n - 2))])

    X = np.arange(18.0).reshape(6, 3) / 18.0
    network = Network(Linear(3, 5, seed=0), Repeated(), LogSoftmax(), NLL())
    network.fit(X, ["a", "b", "c"] * 2, method="sgd", max_iter=1, seed=0)
    display = NetworkDisplay.from_network(network)
    assert display.layers[1].width == 5
    assert display.layers[1].labels == ()
