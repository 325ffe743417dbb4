"""offset() in a formula: the fit of offset=, and predictions that compute it again."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import sigmax as sx

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")

N = 300


@pytest.fixture(scope="module")
def df():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=N),
            "t": rng.uniform(0.5, 4.0, N),
            "known": rng.normal(size=N) / 2,
            "w": rng.integers(0, 4, N),
            "site": rng.choice(["a", "b", "c"], N),
        }
    )
    eta = 0.7 * frame["x"] - 0.4 + np.log(frame["t"]) + frame["known"]
    frame["y"] = np.where(rng.random(N) < 1 / (1 + np.exp(-eta)), "yes", "no")
    return frame


OURS = "y ~ x + site + offset(np.log(t)) + offset(known)"


def same(found, expected):
    np.testing.assert_array_equal(found.params, expected.params)
    np.testing.assert_array_equal(found.covariance, expected.covariance)
    assert (found.llf, found.llnull, found.param_names) == (
        expected.llf,
        expected.llnull,
        expected.param_names,
    )


def shift_of(df):
    return np.log(df["t"].to_numpy()) + df["known"].to_numpy()


@pytest.mark.parametrize("arguments", [{}, {"sample_weight": "w"}, {"l2": 0.5}, {"bias_reduction": "firth"}])
def test_it_is_that_of_the_argument(df, arguments, backend_name):
    r = sx.fit(OURS, data=df, backend=backend_name, **arguments)
    shift = shift_of(df)
    same(r, sx.fit("y ~ x + site", data=df, offset=shift, backend=backend_name, **arguments))
    assert [one.name for one in r.terms.variables] == ["x", "site"]
    np.testing.assert_array_equal(r.terms.offset(df), shift)
    assert "np.log(t) + known" in r.summary()
    assert "offset" not in sx.fit("y ~ x", data=df).summary()


def test_it_is_added_to_the_argument(df):
    expected = sx.fit("y ~ x", data=df, offset=shift_of(df))
    for one in ("known", df["known"], np.column_stack([np.zeros(N), df["known"]])):
        r = sx.fit("y ~ x + offset(np.log(t))", data=df, offset=one)
        np.testing.assert_allclose(r.params, expected.params, rtol=1e-12)
    r = sx.fit("y ~ x + offset(np.log(t))", data=df, offset="known")
    np.testing.assert_array_equal(
        r.predict_proba(df, offset="known"), expected.predict_proba(df, offset=shift_of(df))
    )
    with pytest.raises(ValueError, match=r"offset must have shape \(300, 2\) or \(300,\); got \(3,\)"):
        sx.fit("y ~ x + offset(t)", data=df, offset=[1.0, 2.0, 3.0])


def test_predictions_compute_it_of_the_new_table(df):
    r = sx.fit(OURS, data=df)
    without = sx.fit("y ~ x + site", data=df, offset=shift_of(df))
    new = df.iloc[::-2].assign(t=2.5)
    shift = shift_of(new)
    for one in (r, pickle.loads(pickle.dumps(r))):
        for method in ("predict_proba", "decision_function", "predict"):
            np.testing.assert_array_equal(
                getattr(one, method)(new), getattr(without, method)(new, offset=shift)
            )
        np.testing.assert_array_equal(one.sample(new, rng=5), without.sample(new, rng=5, offset=shift))
    for mine, theirs in zip(
        r.predict_proba(new, 0.9), without.predict_proba(new, 0.9, offset=shift), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    p = np.asarray(r.predict_proba(df))
    np.testing.assert_array_equal(r.predict_proba(df.iloc[[9]]), p[[9]])
    # two classes have one offset, whatever the logits are of
    for other in (r.rebase("yes"), sx.fit(OURS, data=df, reference="yes"), r.symmetric()):
        np.testing.assert_allclose(other.predict_proba(df), p, rtol=1e-12)
    np.testing.assert_allclose(r.rebase("yes").decision_function(df), -r.decision_function(df), rtol=1e-12)
    half = np.asarray(r.symmetric().decision_function(df))
    np.testing.assert_allclose(half[:, 1] - half[:, 0], r.decision_function(df), rtol=1e-12)
    more = r.rebase("yes").predict_proba(df, offset=-df["x"].to_numpy())
    np.testing.assert_allclose(more, r.predict_proba(df, offset="x"), rtol=1e-12)


def test_new_rows_that_it_cannot_be_computed_of(df):
    r = sx.fit(OURS, data=df)
    with pytest.raises(ValueError, match="data has no column 't'"):
        r.predict(df.drop(columns="t"))
    with pytest.raises(ValueError, match="column 'known' has 1 missing value, the first in row 4"):
        r.predict(df.assign(known=df["known"].where(np.arange(N) != 4)))
    with pytest.raises(
        ValueError,
        match=r"offset\(np.log\(t\)\) must be finite; it is not in 2 rows, the first row 7, .* t = 0",
    ):
        r.predict(df.assign(t=df["t"].where(~np.isin(np.arange(N), [7, 9]), 0.0)))
    with pytest.raises(ValueError, match="column 't' must hold numbers, as in the fit"):
        r.predict(df.assign(t="a"))
    X = r.terms.design(df)
    with pytest.raises(ValueError, match=r"has offset\(np.log\(t\) \+ known\): predict a table"):
        r.predict(X)
    np.testing.assert_array_equal(r.predict_proba(X, offset=shift_of(df)), r.predict_proba(df))


def test_margins_hold_it(df):
    r = sx.fit(OURS, data=df)
    expected = sx.fit("y ~ x + site", data=df, offset=shift_of(df))
    for at in ("overall", "mean"):
        mine, theirs = r.margins(at=at), expected.margins(at=at)
        np.testing.assert_array_equal(mine.effects, theirs.effects)
        np.testing.assert_array_equal(mine.se, theirs.se)
    # a variable that is in the offset, too: the offset stays
    both = sx.fit("y ~ t + offset(np.log(t))", data=df)
    p = np.asarray(both.predict_proba(df))[:, 1]
    np.testing.assert_allclose(
        both.margins(["t"]).effects[0], (p * (1 - p)).mean() * both.params[1], rtol=1e-12
    )
    np.testing.assert_array_equal(r.diagnostics().leverage, expected.diagnostics().leverage)


def test_of_more_than_two_classes_it_has_no_meaning(df):
    three = df.assign(y=np.where(df["x"] > 1, "maybe", df["y"]), n=1, m=2, k=df["w"])
    for text in ("y ~ x + offset(t)", "n + m + k ~ x + offset(t)"):
        with pytest.raises(
            ValueError, match=r"the second of two classes; the response has 3.*shape \(n, 3\)"
        ):
            sx.fit(text, data=three)
    with pytest.raises(ValueError, match="the response has 3"):
        sx.fit("y ~ t + offset(x)", data=df, classes=["no", "yes", "maybe"])
    # rows of weight 0 do not count
    weights = (three["y"] != "maybe").to_numpy(float)
    r = sx.fit("y ~ t + offset(x)", data=three, sample_weight=weights)
    same(r, sx.fit("y ~ t", data=three, sample_weight=weights, offset="x"))
    counts = sx.fit("n + k ~ x + offset(np.log(t))", data=three)
    same(counts, sx.fit("n + k ~ x", data=three, offset=np.log(three["t"])))
    # as in R's glm, an offset by name alone is a column
    assert sx.fit("y ~ offset", data=df.assign(offset=df["x"])).param_names == ("intercept", "offset")


def test_separated_classes_keep_it():
    x = np.arange(20.0)
    apart = pd.DataFrame({"x": x, "t": np.tile([0.5, 2.0], 10), "y": x > 9})
    with pytest.warns(sx.SeparationWarning):
        limit = sx.fit("y ~ x + offset(t)", data=apart)
    np.testing.assert_array_equal(limit.predict(apart), apart["y"])
