"""The picture of influence."""

import numpy as np
import pytest
from matplotlib import pyplot
from plots.fits import bundled, legend, marker_rows, separated, words

import sigmax as sx
from sigmax.plots import InfluenceDisplay


def test_bubbles_are_the_diagnostics_of_the_rows(picture):
    r = bundled("spector")
    display = InfluenceDisplay.from_result(r)
    found = r.diagnostics()
    [rows] = display.ax_.collections
    np.testing.assert_array_equal(rows.get_offsets(), np.column_stack([found.leverage, found.standardized]))
    area, cook = rows.get_sizes(), found.cooks_distance
    large = area > 6.0
    np.testing.assert_allclose(area[large] / area.max(), cook[large] / cook.max(), rtol=1e-12)
    first = np.argsort(-cook)[:5]
    assert display.labelled_ == first.tolist()
    assert [word for word in words(display.ax_) if word.isdigit()] == [str(i) for i in first]
    assert display.ax_.get_ylabel() == "standardised Pearson residual"
    assert display.ax_.get_title("left") == f"area: Cook's distance, the largest {cook.max():.3f}"
    picture(display.figure_, "influence")


@pytest.mark.parametrize("options", [{}, {"l2": 1.0}, {"bias_reduction": "firth"}])
def test_contours_are_where_cook_s_distance_is_what_they_say(options):
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y, **options)
    display = InfluenceDisplay.from_result(r)
    h, y, P = display.leverage, display.residuals, display.n_estimated
    # the formula of the contours at the rows
    np.testing.assert_allclose(y**2 * h / ((1.0 - h) * P), r.cooks_distance, rtol=1e-9, atol=1e-12)
    contours = [line for line in display.ax_.lines if len(line.get_xdata()) == 400]
    levels = [float(word) for word in words(display.ax_) if "." in word]
    found = []
    for line in contours[::2]:
        x, z = line.get_data()
        D = z**2 * x / ((1.0 - x) * P)
        np.testing.assert_allclose(D, D[0], rtol=1e-9)
        found.append(D[0])
    assert len(levels) >= 2
    assert {round(D, 9) for D in found} >= set(levels)


def test_several_classes_have_deviance_residuals_and_no_contours(picture):
    figure, axes = pyplot.subplots(1, 2, figsize=(10.0, 4.2), layout="constrained")
    r = bundled("anes96")
    display = InfluenceDisplay.from_result(r, ax=axes[0], n_labels=3)
    [rows] = axes[0].collections
    np.testing.assert_array_equal(np.asarray(rows.get_offsets())[:, 1], r.residuals("deviance"))
    assert len(axes[0].lines) == 1
    assert len(words(axes[0])) == 3
    assert axes[0].get_ylim()[0] > -0.5
    assert display.n_estimated is None
    InfluenceDisplay.from_result(separated(), ax=axes[1], residuals="standardized_deviance", n_labels=0)
    assert words(axes[1]) == []
    with pytest.raises(ValueError, match="residuals='standardized' are not one for each row with 7 classes"):
        InfluenceDisplay.from_result(r, residuals="standardized")
    picture(figure, "influence_in_a_grid")


def test_stems_are_dfbetas(picture):
    r = bundled("spector")
    display = InfluenceDisplay.from_result(
        r, kind="dfbetas", term="PSI", row_labels=[f"s{i}" for i in range(32)]
    )
    change = r.dfbetas[:, 3]
    points = np.concatenate([x.get_xydata() for x in display.ax_.lines if x.get_marker() == "o"])
    points = points[np.argsort(points[:, 0])]
    np.testing.assert_array_equal(points, np.column_stack([range(32), change]))
    first = np.argsort(-np.abs(change))[:5]
    assert display.labelled_ == first.tolist()
    assert words(display.ax_) == ["2/√n", *(f"s{i}" for i in first)]
    # beyond 2 / sqrt(n) in another colour
    large = [x for x in display.ax_.lines if x.get_marker() == "o" and x.get_color() == "#D55E00"]
    assert len(large[0].get_xdata()) == np.count_nonzero(np.abs(change) > 2.0 / np.sqrt(32.0))
    assert display.ax_.get_ylabel() == "DFBETAS of PSI"
    picture(display.figure_, "influence_on_a_term")


def test_dfbetas_of_one_class_of_seven():
    r = bundled("anes96")
    display = InfluenceDisplay.from_result(r, kind="dfbetas", term="income[4]")
    np.testing.assert_array_equal(display.dfbetas, r.dfbetas[:, 3, 5])


def test_rows_of_a_table_are_called_by_its_index():
    pandas = pytest.importorskip("pandas")
    data = sx.datasets.load("spector")
    index = [f"student {i}" for i in range(32)]
    frame = pandas.DataFrame(data.X, columns=list(data.features), index=index)
    r = sx.fit(frame, data.y)
    assert "student 31" in words(InfluenceDisplay.from_result(r, row_labels=frame.index).ax_)
    # the index that what a fit says of its rows has
    origin = getattr(r.diagnostics(), "origin", None)
    display = InfluenceDisplay.from_result(r, n_labels=32)
    assert list(display.row_labels) == (list(range(32)) if origin is None else index)


def test_rows_that_are_fitted_alone_have_a_mark_of_their_own():
    X = np.column_stack([np.r_[1.0, np.zeros(19)], np.linspace(-1.0, 1.0, 20)])
    y = np.tile([0, 1, 1, 0], 5)
    display = InfluenceDisplay(
        kind="cook",
        leverage=np.r_[1.0, np.full(19, 0.1)],
        residuals=np.r_[0.5, X[1:, 1]],
        cooks_distance=np.r_[np.nan, y[1:] * 0.1],
    ).plot(n_labels=1)
    assert legend(display.ax_) == ["fitted alone: no Cook's distance"]
    assert display.labelled_ == [0]
    assert len(display.ax_.collections) == 2


def test_bad_input_is_named():
    r = bundled("spector")
    for options, message in (
        ({"kind": "hat"}, "kind must be 'cook' or 'dfbetas'; got 'hat'"),
        ({"kind": "dfbetas"}, "term must name the parameter"),
        (
            {"kind": "dfbetas", "term": "x"},
            "term must be the name of one parameter, 'intercept', .*; got 'x'",
        ),
        ({"residuals": "working"}, "residuals must be one of 'standardized'"),
        ({"row_labels": [1, 2]}, "row_labels must have 32 labels, one for each row; got 2"),
    ):
        with pytest.raises(ValueError, match=message):
            InfluenceDisplay.from_result(r, **options)
    with pytest.raises(TypeError, match="term must be the name of a parameter, a str; got int"):
        InfluenceDisplay.from_result(r, kind="dfbetas", term=3)
    with pytest.raises(ValueError, match="'twice the age' was left out"):
        InfluenceDisplay.from_result(separated(), kind="dfbetas", term="twice the age")
    X, _ = marker_rows()
    assert len(X) == len(separated().leverage)


@pytest.mark.parametrize("kind", ["cook", "dfbetas"])
def test_of_too_many_rows_the_most_influential_are_drawn(kind, monkeypatch):
    monkeypatch.setattr("sigmax.plots.influence.MOST_ROWS", 40)
    r = bundled("fair")
    term = "age" if kind == "dfbetas" else None
    display = InfluenceDisplay.from_result(r, kind=kind, term=term)
    ax = display.ax_
    if kind == "cook":
        [rows] = ax.collections
        drawn = {tuple(one) for one in np.asarray(rows.get_offsets()).tolist()}
        size = display.cooks_distance
        points = list(zip(display.leverage.tolist(), display.residuals.tolist(), strict=True))
        count = len(rows.get_offsets())
    else:
        marks = [line for line in ax.lines if line.get_marker() == "o"]
        drawn = {tuple(one) for line in marks for one in line.get_xydata().tolist()}
        size = np.abs(display.dfbetas)
        points = list(enumerate(display.dfbetas.tolist()))
        count = len(drawn)
    assert count == 40
    assert {points[i] for i in np.argsort(-size)[:20]} <= drawn
    n = f"{len(size):,}"
    title = " ".join(ax.get_title("left").split())
    assert title.endswith(f"40 of {n} rows: the largest, and others at equal steps")
    assert "rows" not in InfluenceDisplay.from_result(bundled("spector")).ax_.get_title("left")
