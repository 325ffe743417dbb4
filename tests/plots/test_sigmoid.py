"""The sigmoid over its data."""

import pickle

import numpy as np
import pytest
from matplotlib import pyplot
from plots.pictures import drawn, is_same
from plots.plot_cases import FLOWERS, beetles, labelled, quietly, spector, table

import sigmax as sx
from sigmax.plots import SigmoidDisplay


def test_one_variable(picture):
    data = sx.datasets.load("spector")
    r = sx.fit(data.X[:, :1], data.y, names=["GPA"])
    display = SigmoidDisplay.from_result(r)
    np.testing.assert_array_equal(display.proba, r.predict_proba(display.x[:, None]))
    [line] = display.lines_
    np.testing.assert_array_equal(line.get_ydata(), display.proba[:, 1])
    band = r.predict_proba(display.x[:, None], 0.95)
    np.testing.assert_array_equal(display.lower, band.lower)
    np.testing.assert_array_equal(display.upper, band.upper)
    np.testing.assert_allclose(display.crossings, -r.params[0] / r.params[1], rtol=1e-12)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("GPA", "P(y = 1)")
    assert display.ax_.get_title(loc="left") == ""
    written = [one.get_text() for one in display.ax_.get_legend().get_texts()]
    assert written == ["95 % band", "fit", "rows", "p = 1/2 at 3.417"]
    picture(display.figure_, "sigmoid")


def test_a_wrong_curve_is_another_picture():
    r = spector()
    right = drawn(SigmoidDisplay.from_result(r, "GPA").figure_)
    assert is_same(right, drawn(SigmoidDisplay.from_result(r, "GPA").figure_))
    wrong = SigmoidDisplay.from_result(r, "GPA")
    for change in ({"proba": wrong.proba[:, ::-1]}, {"upper": 0.9 * wrong.upper}, {"crossings": (3.2,)}):
        bent = SigmoidDisplay.from_result(r, "GPA")
        vars(bent).update(change)
        assert not is_same(right, drawn(bent.plot().figure_)), change
    nearly = SigmoidDisplay.from_result(r, "GPA")
    nearly.proba = r.predict_proba(
        np.column_stack([nearly.x - 0.1, 0 * nearly.x + 21.9375, 0 * nearly.x + 0.4375])
    )
    assert not is_same(right, drawn(nearly.plot().figure_))


def test_curves_of_all_classes(picture):
    X, y = labelled()
    r = sx.fit(X[:, :1], FLOWERS[y], names=["petal length (cm)"])
    display = SigmoidDisplay.from_result(r)
    assert [line.get_label() for line in display.lines_] == list(FLOWERS)
    for k, line in enumerate(display.lines_):
        np.testing.assert_array_equal(line.get_ydata(), display.proba[:, k])
    np.testing.assert_allclose(display.proba.sum(axis=1), 1.0, rtol=1e-14)
    assert display.crossings == ()
    assert len(display.rows.code) == len(y)
    picture(display.figure_, "sigmoid_classes")


def test_counts_are_discs_whose_areas_say_how_many(picture):
    dose, counts = beetles()
    display = SigmoidDisplay.from_result(sx.fit(dose, counts, names=["log10 dose"]))
    np.testing.assert_array_equal(display.shares.x, dose[:, 0])
    np.testing.assert_allclose(display.shares.share[:, 1], counts[:, 1] / counts.sum(axis=1), rtol=1e-15)
    np.testing.assert_array_equal(display.shares.total, counts.sum(axis=1))
    picture(display.figure_, "sigmoid_counts")


def test_weights_count_and_rows_without_weight_are_not_there():
    X, y = labelled(60, 2)
    places, w = np.round(X[:, :1]), np.arange(60) % 4
    display = SigmoidDisplay.from_result(sx.fit(places, y, sample_weight=w))
    for x, share, total in zip(display.shares.x, display.shares.share, display.shares.total, strict=True):
        here = places[:, 0] == x
        assert total == w[here].sum()
        assert share[1] == pytest.approx((w * y)[here].sum() / total, rel=1e-14)
    rows = SigmoidDisplay.from_result(sx.fit(X[:, :1], y, sample_weight=w)).rows
    np.testing.assert_array_equal(rows.total, w[w > 0])


def test_many_places_become_stretches_and_many_rows_fewer():
    X, y = labelled(5000, 2)
    r = sx.fit(X[:, :1], y)
    shares = SigmoidDisplay.from_result(r).shares
    assert not shares.exact
    assert len(shares.x) == 30
    assert shares.total.sum() == 5000.0
    np.testing.assert_allclose(shares.share[:, 1] @ shares.total, y.sum(), rtol=1e-12)
    display = SigmoidDisplay.from_result(r, points="rows")
    assert (len(display.rows.code), display.rows.n_all) == (2000, 5000)
    assert "2,000 of 5,000 rows" in [one.get_text() for one in display.ax_.get_legend().get_texts()]


@pytest.mark.parametrize("y", [[0, 0, 0, 1, 1, 1], [0, 0, 1, 0, 1, 1]])
def test_separated_classes_are_a_step(y):
    x = np.array([1.0, 2.0, 3.0, 3.0 if y[2] else 5.0, 6.0, 7.0])
    display = SigmoidDisplay.from_result(quietly(x[:, None], y))
    p = display.proba[:, 1]
    assert set(p[display.x < 2.9]) == {0.0}
    assert set(p[display.x > 5.1]) == {1.0}
    assert display.crossings == ()
    assert display.ax_.get_title(loc="left") == "separated classes: limits of the fit"
    display.figure_.canvas.draw()


def test_a_formula_bends_and_others_are_held(picture):
    pytest.importorskip("formulaic")
    r = sx.fit("low ~ bs(age, df=5) + weight + group", data=table())
    display = SigmoidDisplay.from_result(r, "age", at={"weight": 65.0})
    assert display.ax_.get_title(loc="left") == "at weight = 65, group = white"
    points = {"age": display.x, "weight": np.full(401, 65.0), "group": np.full(401, "white")}
    np.testing.assert_array_equal(display.proba, r.predict_proba(points))
    assert len(display.crossings) == 2
    there = {"age": np.array(display.crossings), "weight": np.full(2, 65.0), "group": np.full(2, "white")}
    np.testing.assert_allclose(r.predict_proba(there)[:, 1], 0.5, rtol=1e-9)
    picture(display.figure_, "sigmoid_formula")


def test_parametrisation_does_not_matter_but_for_the_class_that_is_shown():
    r = spector()
    a, b = (SigmoidDisplay.from_result(one, "GPA") for one in (r, r.symmetric()))
    np.testing.assert_array_equal(a.proba, b.proba)
    assert (a.shown, b.shown, SigmoidDisplay.from_result(r.rebase(1), "GPA").shown) == (1, 1, 0)


@pytest.mark.parametrize("form", [lambda r: r, lambda r: r.rebase(1), lambda r: r.symmetric()])
def test_an_offset_is_named_and_moves_the_curve(form):
    X, y = labelled(80, 2)
    r = form(sx.fit(X[:, :1], y, offset=X[:, 1]))
    with pytest.raises(ValueError, match=r"had offsets.*pass offset="):
        SigmoidDisplay.from_result(r)
    zero, one = (SigmoidDisplay.from_result(r, offset=o) for o in (0.0, 1.0))
    np.testing.assert_allclose(
        np.log(one.proba[:, 1] / one.proba[:, 0]),
        np.log(zero.proba[:, 1] / zero.proba[:, 0]) + 1.0,
        rtol=1e-9,
    )
    with pytest.raises(ValueError, match="offset must be a finite number; got"):
        SigmoidDisplay.from_result(r, offset=[1.0, 2.0])


@pytest.mark.parametrize("form", [lambda r: r, lambda r: r.rebase(2), lambda r: r.symmetric()])
def test_offsets_of_classes(form):
    X, y = labelled(80, 3)
    r = form(sx.fit(X[:, :1], y, offset=np.column_stack([0.0 * y, X[:, 1], 0.1 * X[:, 1]])))
    zero, moved = (SigmoidDisplay.from_result(r, offset=o) for o in ([0.0, 0.0, 0.0], [1.0, 2.0, 1.5]))
    odds = np.exp([1.0, 2.0, 1.5]) * zero.proba
    np.testing.assert_allclose(moved.proba, odds / odds.sum(axis=1, keepdims=True), rtol=1e-12)


def test_columns_that_were_left_out():
    X, y = labelled(80, 2)
    both = np.column_stack([X, X[:, 0] + X[:, 1]])
    r = sx.fit(both, y, collinear="min_norm")
    display = SigmoidDisplay.from_result(r, 2)
    np.testing.assert_allclose(display.rows.x[:, 0], both[:, 2], rtol=1e-12, atol=1e-12)
    aliased = SigmoidDisplay.from_result(sx.fit(both, y), 2)
    assert np.ptp(aliased.proba[:, 1]) == 0.0


def test_a_pickled_result_needs_limits():
    r = pickle.loads(pickle.dumps(spector().rebase(1)))
    with pytest.raises(ValueError, match="SigmoidDisplay needs the data"):
        SigmoidDisplay.from_result(r, "GPA", at={"TUCE": 20.0, "PSI": 1.0})
    at = {"TUCE": 20.0, "PSI": 1.0}
    display = SigmoidDisplay.from_result(r, "GPA", at=at, points="none", limits=(2.0, 4.0))
    assert (display.x[0], display.x[-1]) == (2.0, 4.0)


def test_small_axes_of_the_caller(picture):
    figure, axes = pyplot.subplots(2, 2, layout="constrained")
    r = spector()
    display = SigmoidDisplay.from_result(r, "GPA", ax=axes[0, 1], color="black", linestyle="--")
    assert display.ax_ is axes[0, 1]
    assert display.figure_ is figure
    assert display.lines_[0].get_color() == "black"
    display.plot(axes[1, 0])
    assert display.ax_ is axes[1, 0]
    picture(figure, "sigmoid_small")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"draws 1 of the variables, and the fit has 3, 'GPA', 'TUCE', 'PSI': say feature="),
        ({"feature": "gpa"}, r"feature must be one of 'GPA', 'TUCE', 'PSI', or an index from 0; got 'gpa'"),
        ({"feature": 3}, "got 3"),
        ({"feature": "GPA", "at": {"GPA": 1.0}}, r"at may name 'TUCE', 'PSI'; got 'GPA'"),
        ({"feature": "GPA", "points": "all"}, r"points must be one of 'auto', 'rows', 'shares', 'none'"),
        ({"feature": "GPA", "limits": (3.0, 2.0)}, r"limits must be two finite numbers that rise"),
        ({"feature": "GPA", "level": 1.5}, "level"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SigmoidDisplay.from_result(spector(), **arguments)


def test_a_factor_has_no_curve():
    pytest.importorskip("formulaic")
    with pytest.raises(ValueError, match="draws along numbers, and 'group' is a factor"):
        SigmoidDisplay.from_result(sx.fit("low ~ age + group", data=table()), "group")


def test_classes_beyond_the_colours_have_other_lines():
    X, y = labelled(300, 10)
    lines = SigmoidDisplay.from_result(sx.fit(X[:, :1], y)).lines_
    looks = {(line.get_color(), line.get_linestyle()) for line in lines}
    assert len(lines) == len(looks) == 10
