"""Names and numbers in pictures, and where words stand."""

import math

import pytest
from matplotlib import pyplot

from sigmax.plots.labels import beside
from sigmax.plots.words import figure, interval, percent, short


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.1, "1.10"),
        (-0.5, "\N{MINUS SIGN}0.500"),
        (316.2, "316"),
        (12345.6, "12346"),
        (2.0e9, "2.00e+09"),
        (1.5e-7, "1.50e-07"),
        (0.0, "0"),
        (math.inf, "inf"),
        (-math.inf, "\N{MINUS SIGN}inf"),
        (math.nan, "none"),
    ],
)
def test_numbers(value, text):
    assert figure(value) == text


def test_intervals_and_levels():
    assert interval(0.1, math.inf) == "[0.100, inf]"
    assert (percent(0.95), percent(0.999)) == ("95 %", "99.9 %")


@pytest.mark.parametrize("most", [7, 12, 28])
def test_long_names_lose_their_middle(most):
    name = "abcdefghijklmnopqrstuvwxyz0123456789"
    assert len(short(name, most)) == most
    assert short(name, most)[0] == "a"
    assert short(name, most)[-1] == "9"
    assert short("plain", most) == "plain"


def test_names_are_written_as_they_are():
    figure, ax = pyplot.subplots()
    names = ["$a$ and $", "_private", "x^2"]
    for name in names:
        ax.plot([0.0, 1.0], [0.0, 1.0], label=short(name))
    legend = ax.legend()
    figure.canvas.draw()
    assert [text.get_text() for text in legend.get_texts()] == [r"\$a\$ and \$", " _private", "x^2"]
    # no formula: what is left of the text has its dollars
    shown = [text._preprocess_math(text.get_text()) for text in legend.get_texts()]
    assert shown == [("$a$ and $", False), (" _private", False), ("x^2", False)]


def test_words_do_not_cover_each_other():
    figure, ax = pyplot.subplots(figsize=(5.0, 4.0))
    ax.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))
    # three marks in one place, one in a corner
    beside(ax, ["first", "second", "third", "corner"], [0.5, 0.5, 0.5, 1.0], [0.5, 0.5, 0.5, 1.0], [20.0] * 4)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        frame = ax.get_window_extent()
        assert box.x1 <= frame.x1
        assert box.y1 <= frame.y1
