"""Coefficients as a data frame."""

import sys

import numpy as np
import pytest

import sigmax as sx

pd = pytest.importorskip("pandas")

COLUMNS = ["estimate", "std_error", "z", "p", "lower", "upper"]


@pytest.fixture
def spector(backend):
    data = sx.datasets.load("spector")
    return sx.fit(data.X, data.y, names=data.features, backend=backend.BACKEND)


@pytest.fixture
def anes96(backend):
    data = sx.datasets.load("anes96")
    return sx.fit(data.X, data.y, names=data.features, backend=backend.BACKEND)


def same(frame, r, level):
    ends = r.conf_int(level)
    for name, x in zip(
        COLUMNS, (r.params, r.bse, r.zvalues, r.pvalues, ends[..., 0], ends[..., 1]), strict=True
    ):
        np.testing.assert_array_equal(frame[name].to_numpy(), x.ravel(), strict=True)


def test_two_classes(spector):
    frame = spector.to_frame(level=0.9)
    assert list(frame.columns) == COLUMNS
    assert frame.index.name == "term"
    assert list(frame.index) == ["intercept", "GPA", "TUCE", "PSI"]
    same(frame, spector, 0.9)
    assert frame.loc["GPA", "estimate"] == spector.params[1]


def test_many_classes(anes96):
    frame = anes96.to_frame()
    assert frame.index.names == ["class", "term"]
    assert frame.shape == (36, 6)
    same(frame, anes96, 0.95)
    # six classes, six terms: a transposed layout would pass unless names are held against both axes
    for c, label in enumerate(anes96.row_labels):
        for j, name in enumerate(anes96.param_names):
            assert frame.loc[(label, name), "estimate"] == anes96.params[c, j]
    assert {type(label) for label in frame.index.get_level_values("class")} <= {int, float}


def test_the_classes_of_other_parametrisations(anes96):
    frame = anes96.rebase(3).to_frame()
    assert list(frame.index.get_level_values("class").unique()) == [0, 1, 2, 4, 5, 6]
    assert anes96.symmetric().to_frame().shape == (42, 6)
    few = sx.fit(np.arange(6.0)[:, None], np.array(["b", "a", "b", "a", "a", "b"]))
    assert few.to_frame().index.names == ["term"]
    assert few.symmetric().to_frame().index.tolist() == [
        ("a", "intercept"),
        ("a", "x1"),
        ("b", "intercept"),
        ("b", "x1"),
    ]


def test_odds_ratios(spector, anes96):
    for r in (spector, anes96):
        frame = r.to_frame(level=0.8, odds_ratios=True)
        assert list(frame.columns) == [
            *COLUMNS,
            "odds_ratio",
            "odds_ratio_std_error",
            "odds_ratio_lower",
            "odds_ratio_upper",
        ]
        odds = np.exp(r.params.ravel())
        np.testing.assert_array_equal(frame["odds_ratio"], odds)
        np.testing.assert_array_equal(frame["odds_ratio_std_error"], odds * r.bse.ravel())
        ends = np.exp(r.conf_int(0.8).reshape(-1, 2))
        np.testing.assert_array_equal(frame[["odds_ratio_lower", "odds_ratio_upper"]], ends)


def test_the_covariance_is_that_of_the_result(spector):
    robust = spector.with_covariance("HC0")
    same(robust.to_frame(), robust, 0.95)
    assert not np.array_equal(robust.to_frame()["std_error"], spector.to_frame()["std_error"])


def test_aliased_and_infinite_rows():
    x = np.array([[0.0, 0, 0], [0, 0, 0], [1, 0, 2], [1, 0, 2], [1, 1, 2]])
    with pytest.warns(sx.SeparationWarning):
        r = sx.fit(x, np.array([0, 1, 0, 1, 1]), names=["a", "rare", "twice"])
    frame = r.to_frame(odds_ratios=True)
    assert frame.loc["twice"].isna().all()
    assert frame.loc["rare", "estimate"] == frame.loc["rare", "odds_ratio"] == np.inf
    assert np.isnan(frame.loc["rare", "std_error"])
    assert np.isfinite(frame.loc["a"]).all()


def test_level_is_checked(spector):
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        spector.to_frame(level=95)


def test_without_pandas(spector, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        ImportError, match=r"to_frame\(\) needs pandas, which is not installed: pip install pandas"
    ):
        spector.to_frame()
