"""The picture of calibration."""

import numpy as np
import pytest
from matplotlib import pyplot
from plots.fits import bundled, legend, separated, words

import sigmax as sx
from sigmax.plots import CalibrationDisplay


def halves():
    """A fit of half of the rows of fair, and the other half."""
    data = sx.datasets.load("fair")
    even = np.arange(len(data.y)) % 2 == 0
    return sx.fit(data.X[even] ** 2, data.y[even]), data.X[~even] ** 2, data.y[~even]


def groups_of(ax):
    """Points and error bars of the first curve."""
    [container] = ax.containers[:1]
    line, _, (bars,) = container
    return line.get_xydata(), np.array(bars.get_segments())


def test_groups_intervals_and_line_are_those_of_the_result(picture):
    r, X, y = halves()
    display = CalibrationDisplay.from_result(r, X, y, groups=8, level=0.9)
    curve, calibration = r.calibration_curve(X, y, groups=8, level=0.9), r.calibration(X, y, level=0.9)
    points, bars = groups_of(display.ax_)
    np.testing.assert_allclose(points, np.column_stack([curve.predicted, curve.observed]), rtol=1e-12)
    np.testing.assert_allclose(bars[:, :, 1], np.column_stack([curve.lower, curve.upper]), rtol=1e-12)
    a, b, test = calibration.intercept, calibration.slope, calibration.overall.pvalue
    assert legend(display.ax_) == [
        f"intercept {a:z.2f}, slope {b:z.2f}\n0 and 1: {f'p = {test:.3f}' if test >= 0.001 else 'p < 0.001'}",
        "groups, 90 % interval",
    ]
    [line] = [x for x in display.ax_.lines if x.get_label().startswith("intercept")]
    p, q = line.get_data()
    np.testing.assert_allclose(np.log(q / (1 - q)), a + b * np.log(p / (1 - p)), rtol=1e-9, atol=1e-9)
    assert display.ax_.get_xlabel() == "predicted probability of class 1"
    picture(display.figure_, "calibration")


def test_the_histogram_holds_the_observations():
    r = bundled("fair")
    display = CalibrationDisplay.from_result(r)
    [panel] = display.panels
    p, y = r.outcomes().p[:, 1], sx.datasets.load("fair").y
    for code, bars in ((1, panel.events), (0, panel.others)):
        expected, _ = np.histogram(p[y == code], panel.edges)
        np.testing.assert_array_equal(bars, expected)
    assert panel.limit == panel.edges[-1] == 1.0
    assert panel.events.sum() + panel.others.sum() == r.nobs
    assert words(display.ax_) == ["observed", "others"]
    plain = CalibrationDisplay.from_result(r, histogram=False, recalibration=False, limit=0.9)
    assert words(plain.ax_) == []
    assert legend(plain.ax_) == ["groups, 95 % interval"]
    assert plain.ax_.get_xlim()[1] == pytest.approx(0.918)


def test_a_panel_for_each_of_seven_classes(picture):
    r = bundled("anes96")
    display = CalibrationDisplay.from_result(r)
    assert len(display.axes_) == len(display.panels) == len(display.figure_.axes) == 7
    curve = r.calibration_curve()
    for c, ax in enumerate(display.axes_):
        points, _ = groups_of(ax)
        of = curve.codes == c
        np.testing.assert_allclose(points, np.column_stack([curve.predicted, curve.observed])[of], rtol=1e-12)
        assert ax.get_title("left") == f"class {c}"
        assert [text for text in words(ax) if text.startswith("intercept ")]
    assert display.ax_ is display.axes_[0]
    # a class that is rare has the axes that it needs
    assert display.panels[3].limit == 0.2
    picture(display.figure_, "calibration_of_seven_classes")


def test_classes_share_axes_that_are_given(picture):
    figure, axes = pyplot.subplots(1, 2, figsize=(9.0, 4.5), layout="constrained")
    display = CalibrationDisplay.from_result(bundled("anes96"), classes=[0, 3, 6], ax=axes[0])
    assert display.axes_ == (axes[0],) * 3
    assert legend(axes[0]) == ["0", "3", "6"]
    assert axes[0].get_xlabel() == "predicted probability of the class"
    CalibrationDisplay.from_result(separated(), ax=axes[1])
    # of probabilities of 0 or 1 there are no logits
    assert "no finite recalibration" in legend(axes[1])
    picture(figure, "calibration_in_a_grid")


def test_axes_for_each_class_may_be_given():
    _, axes = pyplot.subplots(2, 2)
    display = CalibrationDisplay.from_result(bundled("anes96"), classes=[1, 2, 3, 4], ax=axes)
    assert display.axes_ == tuple(axes.ravel())
    with pytest.raises(ValueError, match="ax must hold 7 axes, one for each class; got 4"):
        CalibrationDisplay.from_result(bundled("anes96"), ax=axes)


def test_predictions_of_any_origin():
    r, X, y = halves()
    a = CalibrationDisplay.from_result(r, X, y)
    b = CalibrationDisplay.from_predictions(y, r.predict_proba(X)[:, 1])
    np.testing.assert_allclose(groups_of(a.ax_)[0], groups_of(b.ax_)[0], rtol=1e-12)
    assert b.panels[0].recalibration.slope == pytest.approx(r.calibration(X, y).slope, rel=1e-9)


def test_rare_events_fill_the_axes():
    p = np.linspace(0.001, 0.012, 4000)
    y = np.arange(4000) % 150 == 0
    display = CalibrationDisplay.from_predictions(y, p)
    assert 0.012 < display.panels[0].limit < 0.05
    assert display.panels[0].events.sum() == y.sum()
