"""The picture of a profile likelihood."""

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import same_color
from plots.fits import bundled, legend, marker_rows, quietly, separated, without_limit, words

import sigmax as sx
from sigmax.plots import ProfileDisplay

CUT = 3.841458820694124


def marks(ax, face=None):
    """Points of the ends: filled those of the profile, white those of Wald."""
    found = [x for x in ax.lines if x.get_marker() == "o"]
    return [
        x.get_xydata()[0].tolist()
        for x in found
        if same_color(x.get_markerfacecolor(), "w") == (face == "white")
    ]


def curve_of(ax, start):
    [line] = [x for x in ax.lines if x.get_label().startswith(start)]
    return line.get_data()


def test_the_curve_passes_through_the_ends(picture):
    r = bundled("spector")
    display = ProfileDisplay.from_result(r, "PSI")
    low, high = r.conf_int(method="profile")[3]
    assert display.ends == (low, high)
    np.testing.assert_allclose(marks(display.ax_), [[low, CUT], [high, CUT]], rtol=1e-12)
    x, y = curve_of(display.ax_, "profile")
    for end in (low, high):
        assert y[x == end] == pytest.approx(CUT, abs=1e-9)
    assert y[x == r.params[3]] == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_array_equal(y, r.profile("PSI").deviance(x))
    # the parabola and Wald's ends
    v, q = curve_of(display.ax_, "Wald")
    np.testing.assert_allclose(q, ((v - r.params[3]) / r.bse[3]) ** 2, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(
        marks(display.ax_, "white"), [[end, CUT] for end in r.conf_int()[3]], rtol=1e-12
    )
    assert legend(display.ax_) == ["Wald [0.292, 4.47]", "profile [0.478, 4.81]"]
    assert words(display.ax_) == ["95 %"]
    assert display.ax_.get_xlabel() == "PSI"
    picture(display.figure_, "profile")


def test_the_signed_root_is_nearly_a_line(picture):
    r = bundled("spector").with_covariance("HC1")
    display = ProfileDisplay.from_result(r, "GPA", kind="root", level=0.9)
    root = np.sqrt(2.705543454095404)
    np.testing.assert_allclose([y for _, y in marks(display.ax_)], [-root, root], rtol=1e-12)
    _, y = curve_of(display.ax_, "profile")
    assert (np.diff(y) > 0.0).all()
    v, z = curve_of(display.ax_, "Wald, HC1")
    np.testing.assert_allclose(z, (v - r.params[1]) / r.bse[1], rtol=1e-9, atol=1e-12)
    assert words(display.ax_) == ["90 %"]
    picture(display.figure_, "profile_root")


def test_an_infinite_estimate_is_an_asymptote_with_an_arrow(picture):
    figure, axes = pyplot.subplots(1, 3, figsize=(12.0, 3.6), layout="constrained")
    ProfileDisplay.from_result(separated(), "marker", ax=axes[0])
    low = separated().conf_int(method="profile")[2, 0]
    assert legend(axes[0]) == [f"profile [{low:.2f}, inf]"]
    assert words(axes[0]) == ["95 %", "estimate inf"]
    np.testing.assert_allclose(marks(axes[0]), [[low, CUT]], rtol=1e-12)
    _, y = curve_of(axes[0], "profile")
    assert (np.diff(y) < 0.0).all()
    assert y[-1] < 0.01
    [arrow] = [x for x in axes[0].lines if x.get_marker() == ">"]
    assert arrow.get_xydata().tolist() == [[1.0, 0.0]]
    # the other way round
    X, codes = marker_rows()
    other = quietly(-X[:, :2], codes, names=["age", "marker"])
    display = ProfileDisplay.from_result(other, "marker", kind="root", ax=axes[1])
    assert words(axes[1]) == ["95 %", "estimate -inf"]
    assert display.ends[0] == -np.inf
    assert (curve_of(axes[1], "profile")[1] > 0.0).all()
    # one that stays finite beside it
    ProfileDisplay.from_result(separated(), "age", ax=axes[2])
    assert len(marks(axes[2])) == len(marks(axes[2], "white")) == 2
    picture(figure, "profile_of_separated_classes")


def test_firth_and_several_classes():
    X, y = marker_rows()
    r = sx.fit(X[:, :2], y, names=["age", "marker"], bias_reduction="firth")
    display = ProfileDisplay.from_result(r, "marker", n_points=9)
    assert np.isfinite(display.ends).all()
    # Wald's end is far out on the left: both are to be seen
    left, right = display.ax_.get_xlim()
    assert left < min(display.ends[0], display.wald[0])
    assert right > max(display.ends[1], display.wald[1])
    several = bundled("anes96")
    display = ProfileDisplay.from_result(several, "age[6]", n_points=5, limits=(-0.05, 0.02), wald=False)
    assert (display.name, display.values[0], display.values[-1]) == ("age[6]", -0.05, 0.02)
    assert legend(display.ax_)[0].startswith("profile")
    assert marks(display.ax_, "white") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "likelihood"}, "kind must be 'deviance' or 'root'; got 'likelihood'"),
        ({"n_points": 4}, "n_points must be a whole number, 5 or more; got 4"),
        ({"limits": (1.0, 1.0)}, "limits must be two finite numbers that rise"),
        ({"level": 0.0}, "level must be between 0 and 1"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        ProfileDisplay.from_result(bundled("spector"), "GPA", **options)


def test_what_has_no_profile_is_named():
    with pytest.raises(ValueError, match="term must be the name of one parameter; got 'gpa', near are 'GPA'"):
        ProfileDisplay.from_result(bundled("spector"), "gpa")
    with pytest.raises(ValueError, match="'twice the age' was left out"):
        ProfileDisplay.from_result(separated(), "twice the age")
    with pytest.raises(ValueError, match=r"marker\[1\] has no limit"):
        ProfileDisplay.from_result(without_limit(), "marker[1]")
