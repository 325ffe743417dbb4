"""Where a fit decides, in two variables."""

import pickle

import numpy as np
import pytest
from plots.pictures import drawn, is_same
from plots.plot_cases import FLOWERS, labelled, quietly, spector, table

import sigmax as sx
from sigmax.plots import DecisionBoundaryDisplay


def test_lines_of_two_classes_are_exact(picture):
    X, y = labelled(120, 2)
    r = sx.fit(X, y, names=["a", "b"])
    display = DecisionBoundaryDisplay.from_result(r)
    for level, ends in display.ends_.items():
        np.testing.assert_allclose(r.predict_proba(ends)[:, 1], level, rtol=1e-12)
        # they end at the edges of the picture
        edges = [
            *np.abs(ends[:, 0, None] - display.x[[0, -1]]).T,
            *np.abs(ends[:, 1, None] - display.y[[0, -1]]).T,
        ]
        assert (np.min(edges, axis=0) < 1e-9).all()
    assert list(display.ends_) == [0.1, 0.5, 0.9]
    written = {one.get_text() for one in display.ax_.texts}
    assert written == {"p = 0.1", "p = 0.5", "p = 0.9"}
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("a", "b")
    assert [one.get_text() for one in display.ax_.get_legend().get_texts()] == ["0", "1"]
    picture(display.figure_, "boundary")


@pytest.mark.parametrize("form", [lambda r: r.rebase(1), lambda r: r.symmetric()])
def test_the_line_is_that_of_any_parametrisation(form):
    r = spector()
    wanted = DecisionBoundaryDisplay.from_result(r, ("GPA", "TUCE")).line
    np.testing.assert_allclose(DecisionBoundaryDisplay.from_result(form(r), (0, 1)).line, wanted, rtol=1e-12)


def test_a_wrong_line_is_another_picture():
    r = spector()
    right = drawn(DecisionBoundaryDisplay.from_result(r, (0, 1)).figure_)
    good = DecisionBoundaryDisplay.from_result(r, (0, 1))
    for change in (
        {"line": good.line * [1.0, 1.02, 1.0]},
        {"levels": (0.2, 0.5, 0.9)},
        {"proba": good.proba[:, :, ::-1]},
    ):
        bent = DecisionBoundaryDisplay.from_result(r, (0, 1))
        vars(bent).update(change)
        assert not is_same(right, drawn(bent.plot().figure_)), change.keys()


def test_regions_of_more_classes(picture):
    X, y = labelled(150, 3)
    r = sx.fit(X, FLOWERS[y], names=["petal length (cm)", "petal width (cm)"])
    display = DecisionBoundaryDisplay.from_result(r)
    assert [one.get_text() for one in display.ax_.get_legend().get_texts()] == list(FLOWERS)
    grid = np.column_stack([one.ravel() for one in np.meshgrid(display.x, display.y)])
    np.testing.assert_array_equal(display.proba.reshape(-1, 3), r.predict_proba(grid))
    np.testing.assert_array_equal(display.logits.argmax(axis=2).ravel(), display.proba.argmax(axis=2).ravel())
    picture(display.figure_, "boundary_regions")


def test_a_formula_is_evaluated_on_its_table(picture):
    pytest.importorskip("formulaic")
    r = sx.fit("low ~ age + I(age**2) + weight + group", data=table())
    display = DecisionBoundaryDisplay.from_result(r, ("age", "weight"), at={"group": "black"})
    assert display.line is None
    assert display.ax_.get_title(loc="left") == "at group = black"
    x, y = (one.ravel() for one in np.meshgrid(display.x, display.y))
    wanted = r.predict_proba({"group": np.full(x.size, "black"), "weight": y, "age": x})
    np.testing.assert_array_equal(display.proba.reshape(-1, 2), wanted)
    picture(display.figure_, "boundary_formula")


def test_others_are_held_at_weighted_means():
    r = spector(sample_weight=np.arange(1, 33))
    data = sx.datasets.load("spector")
    display = DecisionBoundaryDisplay.from_result(r, ("GPA", "TUCE"))
    mean = np.average(data.X[:, 2], weights=np.arange(1, 33))
    np.testing.assert_allclose(display.line[2], r.params[0] + r.params[3] * mean, rtol=1e-13)
    assert display.points.total.max() == 32.0


@pytest.mark.parametrize("K", [2, 3])
def test_separated_classes(K):
    X, _ = labelled(60, 2)
    y = np.digitize(X[:, 0] + 0.1 * X[:, 1], [0.0, 1.5][: K - 1])
    display = DecisionBoundaryDisplay.from_result(quietly(X, y))
    wanted = np.digitize(display.points.x @ [1.0, 0.1], [0.0, 1.5][: K - 1])
    near = [np.abs(a[:, None] - b).argmin(axis=0) for a, b in ((display.x, X[:, 0]), (display.y, X[:, 1]))]
    assert (display.proba[near[1], near[0]].argmax(axis=1) == wanted).mean() > 0.9
    assert display.ax_.get_title(loc="left") == "separated classes: limits of the fit"
    assert len(display.ax_.collections) + len(display.ax_.images) >= 3
    display.figure_.canvas.draw()


def test_many_rows_are_thinned_evenly_and_it_says_so():
    X, y = labelled(6000, 2)
    display = DecisionBoundaryDisplay.from_result(sx.fit(X, y))
    assert len(display.points.code) == 2000
    assert abs(display.points.code.mean() - y.mean()) < 1e-3
    assert display.ax_.get_title(loc="left") == "2,000 of 6,000 rows"


def test_a_pickled_result_needs_limits():
    X, y = labelled(120, 2)
    r = sx.fit(X, y)
    left = pickle.loads(pickle.dumps(r))
    with pytest.raises(ValueError, match="DecisionBoundaryDisplay needs the data"):
        DecisionBoundaryDisplay.from_result(left)
    display = DecisionBoundaryDisplay.from_result(left, points=False, limits=((-3.0, 3.0), (-2.0, 2.0)))
    np.testing.assert_array_equal(display.line, DecisionBoundaryDisplay.from_result(r).line)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"draws 2 of the variables, and the fit has 3.*say features="),
        ({"features": ("GPA",)}, "takes 2 of the variables; got 1"),
        ({"features": ("GPA", 0)}, "features must differ; 'GPA' stands there twice"),
        ({"features": (0, 1), "levels": (0.5, 0.1)}, "levels must rise, each between 0 and 1"),
        ({"features": (0, 1), "limits": ((0.0, 1.0), (1.0, 1.0))}, "limits must be two pairs"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        DecisionBoundaryDisplay.from_result(spector(), **arguments)


def test_firth_estimates_of_separated_classes_have_a_line():
    X, _ = labelled(60, 2)
    r = quietly(X, X[:, 0] > 0.2, on_separation="firth")
    display = DecisionBoundaryDisplay.from_result(r)
    np.testing.assert_array_equal(display.line, [r.params[1], r.params[2], r.params[0]])
    assert display.ax_.get_title(loc="left") == ""
