"""The picture of the ROC curve."""

import numpy as np
import pytest
from matplotlib import pyplot
from plots.fits import bundled, legend, separated, words

import sigmax as sx
from sigmax.plots import RocDisplay


def test_the_curve_is_that_of_the_result(picture):
    r = bundled("spector")
    display = RocDisplay.from_result(r)
    curve, area = r.roc_curve(), r.roc_auc()
    [line] = display.lines_
    np.testing.assert_array_equal(line.get_xydata(), np.column_stack([curve.fpr, curve.tpr]))
    low, high = area.interval
    assert legend(display.ax_) == [f"area {area.auc:.3f} [{low:.3f}, {high:.3f}]"]
    assert display.ax_.get_legend().get_title().get_text() == "95 % DeLong interval"
    assert display.ax_.get_ylabel() == "share of class 1 called positive (sensitivity)"
    diagonal = display.ax_.lines[0].get_xydata()
    np.testing.assert_array_equal(diagonal, [[0.0, 0.0], [1.0, 1.0]])
    assert display.figure_ is display.ax_.figure
    picture(display.figure_, "roc")


def test_marks_stand_where_observations_from_the_threshold_on_are_positive():
    r = bundled("fair")
    p, y = r.outcomes().p[:, 1], sx.datasets.load("fair").y
    display = RocDisplay.from_result(r, thresholds=[0.2, 0.6])
    marks = [line.get_xydata()[0] for line in display.ax_.lines if line.get_marker() == "o"]
    expected = [[np.mean(p[y == c] >= t) for c in (0, 1)] for t in (0.2, 0.6)]
    np.testing.assert_allclose(marks, expected, rtol=1e-12)
    assert words(display.ax_) == ["p ≥ 0.2", "p ≥ 0.6"]


def test_equal_points_have_one_mark():
    display = RocDisplay.from_predictions([0, 0, 1, 1], [0.1, 0.1, 0.9, 0.9])
    assert words(display.ax_) == ["p ≥ 0.25, 0.5, 0.75"]


def test_a_curve_for_each_of_seven_classes(picture):
    r = bundled("anes96")
    figure, axes = pyplot.subplots(1, 2, figsize=(9.0, 4.5), layout="constrained")
    display = RocDisplay.from_result(r, ax=axes[1], level=0.9, method="hanley")
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    area = r.roc_auc(0.9, method="hanley")
    low, high = area.interval[6]
    assert len(display.lines_) == 7
    assert legend(display.ax_)[6] == f"6: {area.auc[6]:.3f} [{low:.3f}, {high:.3f}]"
    title = display.ax_.get_legend().get_title().get_text()
    assert title == f"area [90 % Hanley-McNeil interval]\nHand-Till M {area.hand_till:.3f}"
    for c, line in enumerate(display.lines_):
        np.testing.assert_array_equal(line.get_ydata(), r.roc_curve(c).tpr)
    assert words(display.ax_) == []
    assert not axes[0].has_data()
    picture(figure, "roc_of_seven_classes")


def test_classes_are_chosen_by_their_label():
    display = RocDisplay.from_result(bundled("anes96"), classes=[6, 0])
    assert [curve.label for curve in display.curves] == ["6", "0"]
    first = RocDisplay.from_result(bundled("spector"), classes=0)
    # of the other class of two the area is the same
    assert first.areas.auc == pytest.approx(first.curves[0].auc, rel=1e-14)
    with pytest.raises(ValueError, match=r"classes must be among '0', '1', .*; got '9'"):
        RocDisplay.from_result(bundled("anes96"), classes=9)
    with pytest.raises(ValueError, match="classes must name a class; it is empty"):
        RocDisplay.from_result(bundled("anes96"), classes=[])


def test_new_rows_and_predictions_of_any_origin_agree():
    data = sx.datasets.load("fair")
    r, new = bundled("fair"), slice(0, 6400, 8)
    p = r.predict_proba(data.X[new])
    weight = np.arange(796) % 3 + 1.0
    a = RocDisplay.from_result(r, data.X[new], data.y[new], sample_weight=weight)
    b = RocDisplay.from_predictions(data.y[new], p[:, 1], sample_weight=weight)
    c = RocDisplay.from_predictions(np.array(["no", "yes"])[data.y[new]], p, sample_weight=weight)
    assert a.areas.auc == b.areas.auc == c.areas.auc
    assert [x.curves[0].label for x in (a, b, c)] == ["1", "1", "yes"]
    np.testing.assert_array_equal(a.lines_[0].get_xydata(), c.lines_[0].get_xydata())


def test_separated_classes_have_a_curve():
    display = RocDisplay.from_result(separated())
    assert display.areas.auc == separated().roc_auc().auc


@pytest.mark.parametrize(
    ("y", "p", "options", "message"),
    [
        ([0, 1], [0.5, 0.5, 0.5], {}, r"y must have shape \(3,\), a label for each row of p"),
        ([0, 1], [0.5, np.nan], {}, "p must be finite; 1 value nan or inf"),
        ([0, 1], [0.5, 1.5], {}, "hold probabilities"),
        ([0, 0], [0.5, 0.5], {}, "classes must be given, one for each of the 2 columns of p"),
        ([0, 1], [0.5, 0.5], {"labels": [0, 1, 2]}, "classes must hold 2 labels"),
        ([0, 1], [0.5, 0.5], {"labels": [0, 2]}, "y must hold labels of classes"),
    ],
)
def test_bad_predictions_are_named(y, p, options, message):
    with pytest.raises(ValueError, match=message):
        RocDisplay.from_predictions(y, p, **options)


def test_it_can_be_drawn_again_elsewhere():
    display = RocDisplay.from_result(bundled("spector"))
    first = display.figure_
    _, ax = pyplot.subplots()
    assert display.plot(ax, thresholds=()) is display
    assert display.ax_ is ax
    assert display.figure_ is not first
    assert words(ax) == []
