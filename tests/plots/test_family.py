"""All displays are one family: names, colours, legends and grounds are alike, whatever the fit holds."""

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import same_color, to_rgb
from matplotlib.text import Text
from plots.fits import bundled, legend, quietly
from plots.plot_cases import spread

import sigmax as sx
from sigmax import plots
from sigmax.plots.display import COLOURS, colour

NINE = (
    *("sigmoid", "boundary", "convergence", "network", "forest", "profile", "roc", "calibration"),
    "influence",
)
LABELS = np.array(["$a$ and $b$", "_hidden, with a label that no legend has room for", "half"])


def flowers(labels=LABELS, y=None):
    x = 6.0 * spread(150, 0.618033988749895) - 3.0
    z = 4.0 * spread(150, 0.754877666246693) - 2.0
    code = np.digitize(x + 3.0 * spread(150, 0.569840290998053) - 1.5, [-1.0, 1.0])
    data = np.asarray(labels)[code]
    return sx.fit({"a $b$ $c$": x, "z": z}, data if y is None else {y: data}[y])


def displays(r, term="z[half]"):
    names = r.param_names[1:]
    return {
        "sigmoid": lambda **k: plots.SigmoidDisplay.from_result(r, names[0], **k),
        "boundary": lambda **k: plots.DecisionBoundaryDisplay.from_result(r, names[:2], **k),
        "convergence": lambda **k: plots.ConvergenceDisplay.from_result(r, **k),
        "network": lambda **k: plots.NetworkDisplay.from_result(r, **k),
        "forest": lambda **k: plots.CoefficientDisplay.from_result(r, **k),
        "profile": lambda **k: plots.ProfileDisplay.from_result(r, term, n_points=5, **k),
        "roc": lambda **k: plots.RocDisplay.from_result(r, **k),
        "calibration": lambda **k: plots.CalibrationDisplay.from_result(r, **k),
        "influence": lambda **k: plots.InfluenceDisplay.from_result(r, **k),
    }


@pytest.mark.parametrize("which", NINE)
def test_no_name_is_read_as_a_formula(which):
    display = displays(flowers())[which]()
    display.figure_.canvas.draw()
    for text in display.figure_.findobj(Text):
        bare = text.get_text().replace(r"\$", "")
        assert "$a" not in bare, bare
        assert "$b" not in bare, bare


@pytest.mark.parametrize("which", ["sigmoid", "boundary", "roc"])
def test_every_class_is_in_the_legend(which):
    shown = legend(displays(flowers())[which]().ax_)
    assert [one.strip()[:3] for one in shown] == [r"\$a", "_hi", "hal"]
    assert max(map(len, shown)) < 60


def test_these_are_all_displays():
    assert tuple(displays(bundled("spector"))) == NINE
    assert len(plots.__all__) == len(NINE)


def test_labels_that_are_numbers_are_written_alike():
    r = flowers([0.5, 1.0, 2.0])
    drawn = displays(r, "z[2]")
    assert legend(drawn["sigmoid"]().ax_) == legend(drawn["boundary"]().ax_) == ["0.5", "1", "2"]
    assert [one.partition(":")[0] for one in legend(drawn["roc"]().ax_)] == ["0.5", "1", "2"]
    assert legend(drawn["forest"]().ax_) == ["1", "2"]
    assert {"0.5", "1", "2"} <= {text.get_text() for text in drawn["network"]().ax_.texts}


def test_a_class_has_its_colour_in_all_displays():
    drawn = displays(flowers())
    sigmoid, roc = drawn["sigmoid"](), drawn["roc"]()
    assert [one.get_color() for one in sigmoid.lines_] == list(COLOURS[:3])
    assert [one.get_color() for one in roc.lines_] == list(COLOURS[:3])
    forest = drawn["forest"]()
    assert forest.colours == (1, 2)
    handles = forest.ax_.get_legend().legend_handles
    assert [one.get_color() for one in handles] == list(COLOURS[1:3])


def test_colours_of_fits_side_by_side_begin_at_the_first():
    r = bundled("spector")
    assert plots.CoefficientDisplay.from_results({"one": r, "two": r}).colours == (0, 1)


def test_the_title_of_a_legend_is_the_name_of_what_has_classes():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": 6.0 * spread(90, 0.618033988749895), "z": spread(90, 0.754877666246693)})
    party = pandas.Series(np.array(["x", "y", "z"])[np.arange(90) % 3], name="party $")
    drawn = displays(sx.fit(table, party), "z[y]")
    other = displays(flowers())
    for which in ("sigmoid", "boundary", "forest"):
        assert drawn[which]().ax_.get_legend().get_title().get_text() == r"party \$"
        assert other[which]().ax_.get_legend().get_title().get_text() == "class"


@pytest.mark.parametrize("which", NINE)
def test_a_dark_style_hides_nothing(which):
    """What is written has the contrast of readable text to the ground that it stands on."""
    with pyplot.style.context("dark_background"):
        display = displays(flowers())[which]()
        display.figure_.canvas.draw()
        for text in display.figure_.findobj(Text):
            if not text.get_text() or not text.get_visible():
                continue
            box = text.get_bbox_patch()
            ground = to_rgb("black") if box is None else to_rgb(box.get_facecolor())
            assert sum(to_rgb(text.get_color())) - sum(ground) > 0.4, text.get_text()
        for line in display.ax_.lines:
            assert not same_color(line.get_color(), "black") or line.get_linestyle() == "None"
        for patch in display.ax_.patches:
            assert sum(to_rgb(patch.get_facecolor())) < 1.8
        assert same_color(colour(6), "white")


def test_legends_lie_beside_data_that_fill_the_axes():
    for which in ("sigmoid", "boundary", "forest"):
        ax = displays(flowers())[which]().ax_
        ax.figure.canvas.draw()
        assert ax.get_legend().get_window_extent().x0 >= ax.get_window_extent().x1, which


def test_names_beside_small_axes_leave_room_for_the_data():
    figure, axes = pyplot.subplots(2, 2, figsize=(7.0, 6.0), layout="constrained")
    drawn = displays(flowers())
    for which, ax in zip(("sigmoid", "boundary", "forest", "influence"), axes.ravel(), strict=True):
        drawn[which](ax=ax)
    figure.canvas.draw()
    for ax in axes.ravel():
        assert ax.get_window_extent().width > 0.18 * figure.bbox.width


def test_words_of_panels_do_not_meet():
    X = np.column_stack([np.r_[np.zeros(20), np.ones(40)], np.arange(60) % 7])
    y = np.repeat(["a name of some length", "b name of some length", "c"], 20)
    display = plots.CalibrationDisplay.from_result(quietly(X, y))
    display.figure_.canvas.draw()
    for ax in display.axes_:
        [words] = [one for one in ax.texts if "recalibration" in one.get_text() or "slope" in one.get_text()]
        [title] = [one for one in (ax._left_title,) if one.get_text()]
        assert not words.get_window_extent().overlaps(title.get_window_extent())


def test_matplotlib_s_own_state_is_left_alone():
    before = dict(matplotlib.rcParams)
    displays(bundled("spector"), "PSI")["boundary"]()
    assert dict(matplotlib.rcParams) == before
