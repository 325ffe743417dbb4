"""The way of a fit to its optimum."""

import pickle

import numpy as np
import pytest
from plots.pictures import drawn, is_same
from plots.plot_cases import labelled, quietly, spector

import sigmax as sx
from sigmax.plots import ConvergenceDisplay
from sigmax.progress import Recorder


def written(display):
    return [one.get_text() for one in display.ax_.get_legend().get_texts()]


def assert_near(display, near, llf, unit=1.0):
    """sqrt(2 (f - f*)) is the distance d to first order in d, and to the rounding of f."""
    distance = display.distance[near]
    rounding = 4.0 * np.finfo(float).eps * abs(llf) / distance**2
    off = np.abs(display.excess[near] / distance - 1.0)
    np.testing.assert_array_less(off, 0.15 * distance / unit + rounding)


def test_from_a_result():
    r = spector(backend="reference")
    display = ConvergenceDisplay.from_result(r)
    recorder = Recorder()
    data = sx.datasets.load("spector")
    again = sx.fit(data.X, data.y, callback=recorder, backend="reference")
    assert display.stages == tuple(one.stage for one in recorder.states)
    np.testing.assert_array_equal(display.passes, [one.passes for one in recorder.states])
    information = np.linalg.inv(again.cov_params())
    moved = np.array([one.coef for one in recorder.states])[:-2] - again.params
    wanted = np.sqrt(np.einsum("ti,ij,tj->t", moved, information, moved))
    np.testing.assert_allclose(display.distance[:-2], wanted, rtol=1e-8)
    assert display.bound == again.certificate.standard_errors_off
    assert display.distance[-1] <= display.bound < 1e-13
    near = (display.distance < 0.1) & (display.distance > 1e-5)
    assert near.sum() >= 2
    assert_near(display, near, again.llf)
    assert display.ax_.get_yscale() == "log"
    assert f"proved: {display.bound:.1e}" in written(display)


def test_the_picture(picture):
    # numbers of one machine: near the optimum they are its rounding
    display = ConvergenceDisplay(
        passes=np.array([1.2, 2.2, 4.2, 5.2, 6.2]),
        stages=["gradient", "gradient", "hessian", "refine", "refine"],
        distance=np.array([24.0, 1.3, 1.8e-5, 9e-9, 5e-14]),
        excess=np.array([20.0, 1.2, 1.8e-5, np.nan, np.nan]),
        decrement=np.array([np.nan, 26.0, 1.4, 2e-5, 9e-9]),
        sample=0.2,
        bound=8e-13,
    ).plot()
    picture(display.figure_, "convergence")


def test_another_way_is_another_picture():
    right = ConvergenceDisplay.from_result(spector())
    wrong = ConvergenceDisplay.from_result(spector())
    wrong.distance = wrong.distance * np.where(np.arange(len(wrong.distance)) == 3, 30.0, 1.0)
    assert not is_same(drawn(right.figure_), drawn(wrong.plot().figure_))


def test_reads_of_samples_are_shown():
    X, y = labelled(60_000, 2)
    display = ConvergenceDisplay.from_result(sx.fit(X, y))
    assert 0.0 < display.sample < 0.3
    assert display.passes[0] == pytest.approx(1.0 + display.sample, abs=1e-12)
    assert "samples" in written(display)
    assert {"gradient", "double-double"} <= set(written(display))


@pytest.mark.parametrize("scale", [1.0, 2.0**-40])
def test_standard_errors_are_those_of_the_weights_as_given(scale):
    X, y = labelled(80, 3)
    r = sx.fit(X, y, sample_weight=scale * (1.0 + np.arange(80) % 3), weight_type="importance")
    display = ConvergenceDisplay.from_result(r)
    near = (display.distance < 0.1 * np.sqrt(scale)) & (display.distance > 1e-5 * np.sqrt(scale))
    assert near.any()
    assert_near(display, near, r.llf, np.sqrt(scale))
    # what Newton's method reports is the distance of the point before, to second order
    after = np.flatnonzero(near)[np.flatnonzero(near) < len(near) - 1] + 1
    np.testing.assert_allclose(display.decrement[after], display.distance[after - 1], rtol=1e-7)


def test_everything_of_the_fit_is_in_the_refit():
    X, y = labelled(90, 3)
    counts = np.eye(3)[y] * (1.0 + np.arange(90) % 2)[:, None]
    offset = np.column_stack([np.zeros(90), X[:, 1], 0.5 * X[:, 1]])
    both = np.column_stack([X, X[:, 0]])
    r = sx.fit(both, counts, offset=offset, sample_weight=1.0 + np.arange(90), l2=0.5, reference=2)
    display = ConvergenceDisplay.from_result(r)
    recorder = Recorder()
    again = sx.fit(both, counts, offset=offset, sample_weight=1.0 + np.arange(90), l2=0.5, callback=recorder)
    np.testing.assert_array_equal(display.passes, [one.passes for one in recorder.states])
    assert display.bound == again.certificate.standard_errors_off
    assert display.note == ""


def test_firth():
    display = ConvergenceDisplay.from_result(spector(bias_reduction="firth"))
    assert np.isnan(display.excess).all()
    assert np.nanmin(display.distance[:-1]) < 1e-6
    assert set(display.stages) == {"hessian"}


def test_separated_classes_have_no_optimum():
    x = np.array([1.0, 2.0, 3.0, 5.0, 6.0, 7.0])
    display = ConvergenceDisplay.from_result(quietly(x[:, None], [0, 0, 0, 1, 1, 1]))
    assert np.isnan(display.distance).all()
    assert np.isinf(display.bound)
    assert "there is no optimum" in display.ax_.get_title(loc="left").replace("\n", " ")
    assert display.ax_.get_ylabel() == "sqrt(2 (f - its infimum))"
    # f falls to 0
    np.testing.assert_allclose(display.excess[0], np.sqrt(2.0 * 6.0 * np.log(2.0)), rtol=1e-12)
    assert (np.diff(display.excess) < 0.0).all()


def test_a_fit_that_did_not_converge_says_so():
    data = sx.datasets.load("spector")
    display = ConvergenceDisplay.from_fit(data.X, data.y, max_iter=2)
    assert display.ax_.get_title(loc="left").startswith("not converged: ")
    assert np.isnan(display.distance).all()
    assert "Newton decrement" in written(display)


def test_what_cannot_be_drawn():
    data = sx.datasets.load("spector")
    with pytest.raises(ValueError, match="callback is the display's own"):
        ConvergenceDisplay.from_fit(data.X, data.y, callback=print)
    with pytest.raises(ValueError, match="ConvergenceDisplay needs the data"):
        ConvergenceDisplay.from_result(pickle.loads(pickle.dumps(spector())))
    with pytest.raises(ValueError, match="states must hold at least one"):
        ConvergenceDisplay.from_states([], spector())
