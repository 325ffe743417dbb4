"""The forest plot of coefficients, ratios and effects."""

import numpy as np
import pytest
from matplotlib import pyplot
from plots.fits import bundled, legend, marker_rows, quietly, separated, without_limit, words

import sigmax as sx
from sigmax.plots import CoefficientDisplay


def drawn(ax):
    """Lines of intervals as (y, low, high), and arrows and points as (marker, x, y)."""
    lines, marks = [], []
    for line in ax.lines:
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        if line.get_marker() in ("o", "<", ">") and len(x) == 1:
            marks.append((line.get_marker(), float(x[0]), float(y[0])))
        elif len(x) == 2 and y[0] == y[1]:
            lines.append((float(y[0]), *map(float, x)))
    return lines, marks


def terms(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


@pytest.mark.parametrize("odds_ratios", [False, True])
def test_lines_are_the_intervals_of_the_result(odds_ratios, picture):
    r = bundled("spector")
    display = CoefficientDisplay.from_result(r, odds_ratios=odds_ratios, method="profile", level=0.9)
    ends, values = r.conf_int(0.9, method="profile")[1:], r.params[1:]
    if odds_ratios:
        ends, values = np.exp(ends), np.exp(values)
    lines, marks = drawn(display.ax_)
    np.testing.assert_allclose(lines, np.column_stack([range(3), ends]), rtol=1e-12)
    np.testing.assert_allclose([m[1:] for m in marks], np.column_stack([values, range(3)]), rtol=1e-12)
    assert {m[0] for m in marks} == {"o"}
    assert terms(display.ax_) == list(r.param_names[1:])
    assert display.ax_.get_ylim() == (2.5, -0.5)
    assert display.ax_.get_xscale() == ("log" if odds_ratios else "linear")
    what = "odds ratio" if odds_ratios else "coefficient"
    assert display.ax_.get_xlabel() == f"{what}, 90 % profile interval"
    [zero] = [line for line in display.ax_.lines if list(line.get_xdata()) == [1.0 * odds_ratios] * 2]
    assert zero.get_color() == "#8A8A8A"
    if odds_ratios:
        assert words(display.ax_)[0] == f"{values[0]:.1f}  [{ends[0, 0]:.2f}, {ends[0, 1]:.0f}]"
        picture(display.figure_, "forest_of_odds_ratios")


def test_infinite_ends_and_estimates_are_arrows_and_columns_left_out_say_so(picture):
    r = separated()
    figure, axes = pyplot.subplots(1, 3, figsize=(13.0, 3.2), layout="constrained")
    CoefficientDisplay.from_result(r, method="profile", intercept=True, ax=axes[0])
    lines, marks = drawn(axes[0])
    right = axes[0].get_xlim()[1]
    low = r.conf_int(method="profile")[2, 0]
    assert (">", right, 2.0) in marks
    assert (2.0, low, right) in lines
    assert [m for m in marks if m[0] == "o"] == [("o", r.params[j], float(j)) for j in (0, 1, 3)]
    assert words(axes[0]) == ["estimate inf", "left out"]
    # Wald has no interval: an arrow that begins nowhere
    CoefficientDisplay.from_result(r, ax=axes[1])
    lines, marks = drawn(axes[1])
    assert (">", axes[1].get_xlim()[1], 1.0) in marks
    assert sum(line[0] == 1.0 for line in lines) == 1
    # the other way round, exp(-inf) = 0
    X, y = marker_rows()
    other = quietly(X[:, [1, 2]] * [-1.0, 1.0], y, names=["no marker", "dose"])
    CoefficientDisplay.from_result(other, odds_ratios=True, method="profile", ax=axes[2])
    lines, marks = drawn(axes[2])
    left = axes[2].get_xlim()[0]
    assert ("<", left, 0.0) in marks
    assert words(axes[2]) == ["estimate 0"]
    picture(figure, "forest_of_separated_classes")


def test_without_a_limit():
    display = CoefficientDisplay.from_result(without_limit(), method="profile")
    assert words(display.ax_) == ["no limit", "estimate inf"]
    np.testing.assert_array_equal(display.words, [["", "no limit"], ["", ""]])


def test_seven_classes_have_colours(picture):
    r = bundled("anes96")
    display = CoefficientDisplay.from_result(r, odds_ratios=True, sort=True)
    assert display.groups == ("1", "2", "3", "4", "5", "6")
    assert legend(display.ax_) == list(display.groups)
    assert display.ax_.get_legend().get_title().get_text() == "class"
    assert display.ax_.get_xlabel() == "relative-risk ratio against class 0, 95 % Wald interval"
    order = np.argsort(-r.params[0, 1:])
    assert display.terms == tuple(np.array(r.param_names[1:])[order])
    np.testing.assert_array_equal(display.estimates, r.params[:, 1:][:, order])
    np.testing.assert_array_equal(display.intervals, r.conf_int()[:, 1:][:, order])
    lines, _ = drawn(display.ax_)
    assert len(lines) == 30
    # no line of a term touches one of another
    y = np.array(lines)[:, 0].reshape(6, 5)
    assert (np.abs(y - np.arange(5)) < 0.4).all()
    picture(display.figure_, "forest_of_seven_classes")


def test_several_fits_side_by_side(picture):
    data = sx.datasets.load("fair")
    some = sx.fit(data.X[:, [0, 2]], data.y, names=["rate_marriage", "yrs_married"])
    display = CoefficientDisplay.from_results(
        {"all columns": bundled("fair"), "two columns": some.with_covariance("HC1")}
    )
    assert display.terms == data.features
    assert legend(display.ax_) == ["all columns", "two columns"]
    assert np.isnan(display.estimates[1]).sum() == 6
    np.testing.assert_array_equal(display.estimates[1, [0, 2]], some.params[1:])
    assert display.ax_.get_xlabel() == "coefficient, 95 % Wald (HC1, mle) interval"
    assert words(display.ax_) == []
    several = CoefficientDisplay.from_results({"a": bundled("anes96"), "b": bundled("anes96")}, terms=["age"])
    assert several.groups[0] == "a, 1"
    assert several.groups[-1] == "b, 6"
    picture(display.figure_, "forest_of_two_fits")


def test_margins():
    of = bundled("anes96").margins()
    display = CoefficientDisplay.from_margins(of, level=0.9)
    np.testing.assert_array_equal(display.estimates, of.effects.T)
    np.testing.assert_array_equal(display.intervals[2, 1], of.conf_int(0.9)[1, 2])
    assert display.ax_.get_xlabel() == "average effect, change of p, 90 % normal interval"
    two = CoefficientDisplay.from_margins(bundled("spector").margins(at="mean", kind="eydx"))
    assert two.ax_.get_xlabel() == "at the means effect, change of log p, 95 % normal interval"
    assert len(drawn(two.ax_)[0]) == 3


def test_thirty_terms_with_long_names(picture):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(200, 30))
    names = [f"C(region, levels=('north', 'south'))[T.{i}]" for i in range(30)]
    r = sx.fit(X, (X[:, 0] + rng.normal(size=200) > 0).astype(int), names=names)
    display = CoefficientDisplay.from_result(r, xlim=(-1.0, 1.0))
    shown = terms(display.ax_)
    assert len(set(shown)) == 30
    assert max(map(len, shown)) <= 28
    # the first lies beyond the axis: an arrow, and no line
    lines, marks = drawn(display.ax_)
    assert r.conf_int()[1, 0] > 1.0
    assert marks[:2] == [(">", 1.0, 0.0)] * 2
    assert all(y > 0.0 for y, *_ in lines)
    assert display.figure_.get_size_inches()[1] == pytest.approx(10.2)
    picture(display.figure_, "forest_of_thirty_terms")


def test_ratios_beyond_the_largest_number():
    display = CoefficientDisplay(
        terms=["a", "b"],
        groups=[""],
        estimates=np.array([[1.0, 800.0]]),
        intervals=np.array([[[0.5, 1.5], [790.0, 810.0]]]),
        words=np.full((1, 2), ""),
        level=0.95,
        method="Wald",
        what="odds ratio",
        ratios=True,
    ).plot()
    _, marks = drawn(display.ax_)
    assert marks[0][0] == "o"
    assert marks[-1][0] == ">"
    assert "inf  [inf, inf]" in words(display.ax_)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"terms": ["GPA", "size"]}, r"terms must be names of columns, .*; got 'size'"),
        ({"terms": []}, r"terms must be names of columns, .*; got none"),
        ({"terms": "GPA"}, "terms must be a sequence of names; got the text 'GPA'"),
        ({"level": 95}, "level must be between 0 and 1"),
        ({"method": "exact"}, "method must be 'wald' or 'profile'"),
        ({"xlim": (1.0, 1.0)}, "xlim must be two numbers that rise"),
        ({"xlim": (0.0, 2.0), "odds_ratios": True}, "xlim must be two positive numbers that rise"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        CoefficientDisplay.from_result(bundled("spector"), **options)


def test_a_fit_without_terms_is_named():
    r = sx.fit(np.zeros((6, 0)), [0, 1, 0, 1, 1, 0])
    with pytest.raises(ValueError, match="no term but the intercept"):
        CoefficientDisplay.from_result(r)
    assert len(drawn(CoefficientDisplay.from_result(r, intercept=True).ax_)[0]) == 1
    with pytest.raises(ValueError, match="results must hold at least one result"):
        CoefficientDisplay.from_results({})
