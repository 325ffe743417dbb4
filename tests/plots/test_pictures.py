"""The comparison of pictures lets pass what a machine may change, and nothing that a reader would see."""

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from plots.pictures import FOLDER, check, drawn, is_same

x = np.linspace(-4.0, 4.0, 200)


def curve(*, shift=0.0, scale=1.0, width=1.5, fill=0.15, dots=True, size=(4.0, 3.0), **text):
    figure, ax = pyplot.subplots(figsize=size, layout="constrained")
    p = 1.0 / (1.0 + np.exp(-scale * (x - shift)))
    ax.plot(x, p, linewidth=width, label="sigmoid")
    ax.fill_between(x, 0.9 * p, p + 0.1 * (1.0 - p), alpha=fill, linewidth=0.0)
    if dots:
        ax.scatter([-3.0, 2.0], [0.2, 0.7], s=20)
    ax.set(xlim=(-4.0, 4.0), ylim=(0.0, 1.1), **text)
    ax.legend()
    return figure


@pytest.mark.parametrize(
    "same",
    [
        {"xlabel": "some words", "title": "a title"},
        {"shift": 0.02},  # less than a pixel
        {"width": 1.6},
    ],
)
def test_what_a_machine_may_change_passes(same):
    assert is_same(drawn(curve()), drawn(curve(**same)))


def test_fonts_do_not_matter():
    plain = drawn(curve(xlabel="x"))
    matplotlib.rcParams.update({"font.family": "serif"})
    assert is_same(plain, drawn(curve(xlabel="x")))


@pytest.mark.parametrize(
    "other",
    [
        {"shift": 0.3},
        {"scale": 1.3},
        {"fill": 0.35},
        {"dots": False},
        {"size": (4.0, 3.2)},
    ],
)
def test_what_a_reader_would_see_fails(other):
    assert not is_same(drawn(curve()), drawn(curve(**other)))


def test_a_missing_baseline_is_no_pass(tmp_path, monkeypatch):
    monkeypatch.delenv("SIGMAX_NEW_BASELINES", raising=False)
    with pytest.raises(AssertionError, match="no baseline nothing_of_the_kind"):
        check(curve(), "nothing_of_the_kind", tmp_path)


def test_a_wrong_picture_is_named_and_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("plots.pictures.FOLDER", tmp_path / "baseline")
    monkeypatch.setenv("SIGMAX_NEW_BASELINES", "1")
    check(curve(), "curve", tmp_path)
    monkeypatch.delenv("SIGMAX_NEW_BASELINES")
    check(curve(), "curve", tmp_path)
    with pytest.raises(AssertionError, match=r"is not curve\.png: they differ by 0\."):
        check(curve(shift=0.5), "curve", tmp_path)
    assert (tmp_path / "curve.png").exists()


def test_every_baseline_is_some_tests():
    tests = "".join(path.read_text() for path in FOLDER.parent.glob("test_*.py"))
    for path in FOLDER.glob("*.png"):
        assert f'"{path.stem}"' in tests, f"no test asks for {path.name}"
