"""Laws of margins: what changes nothing, what is discrete, what has no effect, what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from inference.measured import assert_measured, drawn
from oracles.margins import Definition
from oracles.newton import optimum

import sigmax as sx

# -- laws --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["overall", "mean"])
@pytest.mark.parametrize("kind", ["dydx", "dyex"])
def test_effects_on_all_classes_sum_to_zero(kind, at):
    X, y = drawn(14, 200, 4, 5, binary=2)
    m = sx.fit(X, y).margins(at=at, kind=kind)
    # five roundings in the sum of five effects, and those that they come with
    assert (np.abs(m.effects.sum(axis=1)) <= 5.0 * 2.0**-53 * np.abs(m.effects).sum(axis=1)).all()
    sums = m.cov.reshape(4, 5, 4, 5).sum(axis=3)
    assert np.abs(sums).max() <= 1e-15 * np.abs(m.cov).max() * 5


@pytest.mark.parametrize("kind", ["dydx", "eyex", "dyex", "eydx"])
def test_integer_weights_are_repeated_rows(kind):
    X, y = drawn(15, 80, 3, 3, binary=1)
    w = np.random.default_rng(1).integers(0, 4, 80)
    w[:3] = 1
    few = sx.fit(X, y, sample_weight=w.astype(float))
    many = sx.fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    groups = np.arange(80) % 17
    for at in ("overall", "mean"):
        for covariance in ("mle", "HC0", "HC1", "cluster"):
            apart = np.repeat(groups, w) if covariance == "cluster" else None
            a = few.with_covariance(covariance, groups if covariance == "cluster" else None)
            b = many.with_covariance(covariance, apart)
            a, b = a.margins(at=at, kind=kind), b.margins(at=at, kind=kind)
            np.testing.assert_allclose(a.effects, b.effects, rtol=1e-11, atol=1e-15)
            np.testing.assert_allclose(a.se, b.se, rtol=1e-11)
            np.testing.assert_allclose(a.cov, b.cov, rtol=1e-9, atol=1e-12 * np.abs(b.cov).max())
            np.testing.assert_allclose(a.pvalues, b.pvalues, rtol=1e-9)
            np.testing.assert_allclose(a.conf_int(), b.conf_int(), rtol=1e-9, atol=1e-13)


def test_weights_of_any_scale():
    X, y = drawn(16, 60, 2, 3)
    w = np.random.default_rng(0).uniform(0.5, 2.0, 60)
    one = sx.fit(X, y, sample_weight=w, weight_type="importance").margins()
    for scale in (2.0**-900, 2.0**900):
        other = sx.fit(X, y, sample_weight=w * scale, weight_type="importance").margins()
        np.testing.assert_allclose(other.effects, one.effects, rtol=1e-12)
        np.testing.assert_allclose(other.se, one.se * scale**-0.5, rtol=1e-11)


@pytest.mark.parametrize("kind", ["dydx", "eyex", "dyex", "eydx"])
def test_the_same_bits_for_any_number_of_threads(kind):
    X, y = drawn(17, 30_000, 5, 3, binary=2)
    found = [sx.fit(X, y, n_threads=t).margins(kind=kind) for t in (1, 2, 5)]
    for other in found[1:]:
        np.testing.assert_array_equal(other.effects, found[0].effects)
        np.testing.assert_array_equal(other.se, found[0].se)


def test_blocks_add_up(monkeypatch):
    X, y = drawn(18, 5000, 3, 3, binary=1)
    r = sx.fit(X, y)
    whole = r.margins()
    from sigmax.inference import observations

    monkeypatch.setattr(observations.Observations, "block_rows", lambda self, numbers=0: 777)
    pieces = r.margins()
    np.testing.assert_allclose(pieces.effects, whole.effects, rtol=1e-12)
    np.testing.assert_allclose(pieces.se, whole.se, rtol=1e-12)


def test_another_reference_has_the_same_bits():
    X, y = drawn(19, 100, 3, 4, binary=1)
    r = sx.fit(X, y)
    for other in (r.rebase(2), r.symmetric(), r.with_covariance("HC0").rebase(1)):
        m, one = other.margins(), r.with_covariance(other.covariance_kind).margins()
        np.testing.assert_array_equal(m.effects, one.effects)
        np.testing.assert_array_equal(m.se, one.se)


def test_held_at_values(backend_name):
    X, y = drawn(20, 50, 3, 3, binary=1)
    r = sx.fit(X, y, backend=backend_name)
    best = optimum(X, y, 3)
    held = X.copy()
    held[:, 1] = 0.25
    for at in ("overall", "mean"):
        for kind in ("dydx", "eyex"):
            moves = [(0, None), (1, None), (2, (0, 1) if kind == "dydx" else None)]
            expected = Definition(held, 3).measured(best.params, best.covariance, moves, at=at, kind=kind)
            m = r.margins(at=at, kind=kind, values={"x2": 0.25})
            assert_measured(m, expected, 3)
            assert m.values == {"x2": 0.25}
            assert "x2 = 0.25" in str(m)


# -- what is discrete --------------------------------------------------------------------------------


def test_which_columns_change():
    X, y = drawn(21, 3000, 4, 2, binary=2)
    # 0 and 1 in the first rows, and 2 in a later one
    X[:, 2] = 0.0
    X[:1500:2, 2] = 1.0
    X[2500, 2] = 2.0
    r = sx.fit(X, y)
    assert r.margins().changes == (None, None, None, (0, 1))
    assert r.margins(discrete=False).changes == (None,) * 4
    assert r.margins(discrete=["x3"]).changes == (None, None, (0, 1), None)
    assert r.margins(["x3", "x1"], discrete=True).changes == ((0, 1), (0, 1))
    assert r.margins(["x4", "x2"]).names == ("x4", "x2")
    assert r.margins("x4").effects.shape == (1,)
    # where the row of the 2 does not count
    w = np.ones(3000)
    w[2500] = 0.0
    assert sx.fit(X, y, sample_weight=w).margins().changes == (None, None, (0, 1), (0, 1))


def test_a_change_of_columns_that_hold_other_numbers():
    X, y = drawn(22, 40, 2, 3)
    best = optimum(X, y, 3)
    m = sx.fit(X, y).margins(discrete=True)
    expected = Definition(X, 3).measured(
        best.params, best.covariance, [(0, (0, 1)), (1, (0, 1))], at="overall", kind="dydx"
    )
    assert_measured(m, expected, 3)


@pytest.mark.parametrize("size", [1e-7, 0.3, 8.0])
@pytest.mark.parametrize("kind", ["dydx", "eydx"])
def test_small_and_large_changes(size, kind):
    # the scale of a column decides how far its logits move
    X, y = drawn(23, 60, 2, 3, binary=1)
    X[:, 0] /= size
    best = optimum(X, y, 3)
    m = sx.fit(X, y).margins("x1", discrete=True, kind=kind)
    expected = Definition(X, 3).measured(best.params, best.covariance, [(0, (0, 1))], at="overall", kind=kind)
    assert_measured(m, expected, 3)


def test_a_constant_column_is_no_variable():
    X, y = drawn(24, 50, 3, 2)
    X[:, 1] = 1.0
    r = sx.fit(X, y, fit_intercept=False)
    assert r.margins().names == ("x1", "x3")
    assert r.margins("x2").names == ("x2",)


# -- what has no effect ------------------------------------------------------------------------------


def test_aliased_columns():
    X, y = drawn(25, 80, 3, 3)
    whole = np.column_stack([X[:, 0], X[:, 0] * 2.0, X[:, 1:]])
    m = sx.fit(whole, y).margins()
    one = sx.fit(X, y).margins()
    assert np.isnan(m.effects[1]).all()
    assert np.isnan(m.se[1]).all()
    keep = [0, 2, 3]
    np.testing.assert_array_equal(m.effects[keep], one.effects)
    np.testing.assert_array_equal(m.se[keep], one.se)
    assert m.notes == ("x2 has no effect: left out of the fit, a combination of other columns",)
    assert np.isnan(m.cov.reshape(4, 3, 4, 3)[1]).all()


@pytest.mark.parametrize("at", ["overall", "mean"])
@pytest.mark.parametrize("kind", ["dydx", "dyex", "eydx"])
def test_minimum_norm(kind, at):
    # a column for each of three levels beside an intercept
    X, y = drawn(26, 60, 1, 3)
    level = np.random.default_rng(3).integers(0, 3, 60)
    whole = np.column_stack([X, *[(level == i) * 1.0 for i in range(3)]])
    r = sx.fit(whole, y, collinear="min_norm")
    m = r.margins(kind=kind, at=at)
    changes = (0, 1) if kind != "dyex" else None
    moves = [(0, None), *[(j, changes) for j in (1, 2, 3)]]
    assert m.changes == (None, changes, changes, changes)
    expected = Definition(whole, 3).measured(
        np.atleast_2d(r.params).tolist(), r.cov_params(), moves, at=at, kind=kind
    )
    np.testing.assert_allclose(m.effects, expected[0], rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(m.se, expected[1], rtol=1e-9)
    with pytest.raises(ValueError, match="collinear='min_norm'"):
        r.margins(values={"x1": 0.0})


@pytest.mark.filterwarnings("ignore::sigmax.SeparationWarning")
def test_separated_classes():
    X, y = drawn(27, 80, 3, 3, binary=1)
    # nobody of class 2 where the last column is 1: quasi-separated
    y[(X[:, 2] == 1.0) & (y == 2)] = 0
    r = sx.fit(X, y)
    assert r.separation is not None
    m = r.margins()
    assert np.isnan(m.effects[2]).all()
    assert m.notes == ("x3 has no effect: infinite coefficients",)
    assert np.isfinite(m.effects[:2]).all()
    assert np.isfinite(m.se[:2]).all()
    assert (m.se[:2] > 0.0).all()
    # the limit of fits with an ever larger finite coefficient, by differences of probabilities
    h = 1e-5
    for j in (0, 1):
        ends = []
        for step in (-h, h):
            moved = X.copy()
            moved[:, j] += step
            ends.append(r.predict_proba(moved).mean(axis=0))
        np.testing.assert_allclose(m.effects[j], (ends[1] - ends[0]) / (2 * h), rtol=1e-7, atol=1e-10)
    with pytest.raises(ValueError, match="divides by probabilities, some of which are 0 in the limit"):
        r.margins(kind="eyex")
    # a strong pull towards the limit
    near = sx.fit(
        np.vstack([X, X[X[:, 2] == 1.0][:1]]),
        np.append(y, 2),
        sample_weight=np.append(np.ones(80), 1e-13),
        weight_type="importance",
    ).margins(["x1", "x2"])
    np.testing.assert_allclose(m.effects[:2], near.effects, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(m.se[:2], near.se, rtol=1e-9)


@pytest.mark.filterwarnings("ignore::sigmax.SeparationWarning")
def test_separated_with_a_change():
    X, y = drawn(28, 90, 3, 2, binary=2)
    y[X[:, 2] == 1.0] = 1
    r = sx.fit(X, y)
    m = r.margins()
    assert np.isnan(m.effects[2])
    low, high = X.copy(), X.copy()
    low[:, 1], high[:, 1] = 0.0, 1.0
    change = (r.predict_proba(high) - r.predict_proba(low))[:, 1].mean()
    np.testing.assert_allclose(m.effects[1], change, rtol=1e-12)
    assert m.se[1] > 0.0


# -- the table ---------------------------------------------------------------------------------------


def test_the_table():
    data = sx.datasets.load("anes96")
    m = sx.fit(data.X, data.y, names=data.features).margins(["age", "educ"])
    np.testing.assert_array_equal(m.zvalues, m.effects / m.se)
    ends = m.conf_int(0.9)
    assert ends.shape == (2, 7, 2)
    np.testing.assert_allclose((ends[..., 1] - ends[..., 0]) / m.se, 2 * 1.6448536269514722, rtol=1e-13)
    np.testing.assert_allclose(m.se, np.sqrt(m.cov.diagonal()).reshape(2, 7), rtol=1e-14)
    frame = m.to_frame(0.9)
    assert frame.shape == (14, 6)
    assert frame.index.names == ["variable", "class"]
    assert frame.loc[("educ", 3), "effect"] == m.effects[1, 3]
    assert frame.loc[("educ", 3), "upper"] == ends[1, 3, 1]
    text = str(m)
    assert text.splitlines()[0] == "Marginal effects, average over the rows"
    assert "dp/dx" in text
    assert max(len(line) for line in text.splitlines()) <= 110
    page = m._repr_html_()
    assert page.count("<tr>") == 17
    assert "-0.0010055" in text
    assert "-0.0010055" in page
    again = pickle.loads(pickle.dumps(m))
    np.testing.assert_array_equal(again.cov, m.cov)
    assert repr(m) == "<margins: dydx at overall, 2 effects on 7 classes>"
    with pytest.raises(AttributeError):
        m.kind = "eyex"


def test_the_table_of_two_classes():
    data = sx.datasets.load("spector")
    m = sx.fit(data.X, data.y, names=data.features).margins(at="mean")
    assert m.effects.shape == (3,)
    assert m.cov.shape == (3, 3)
    frame = m.to_frame()
    assert list(frame.index) == ["GPA", "TUCE", "PSI"]
    text = m.summary(0.9)
    assert "at the means, p of class 1" in text
    assert "0 -> 1" in text
    assert "[90 % interval" in text
    assert "<caption>" in m._repr_html_()


# -- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variables": "x9"}, "variables: no variable 'x9'; the variables are 'x1', 'x2', 'x3'"),
        ({"variables": "intercept"}, "no variable 'intercept'"),
        ({"variables": []}, "variables must name at least one"),
        ({"variables": ["x1", "x1"]}, "variables must differ; 'x1' stands more than once"),
        ({"at": "median"}, "at must be 'overall' or 'mean'; got 'median'"),
        ({"at": {"x1": 2.0}}, "hold variables with values="),
        ({"kind": "dxdy"}, "kind must be one of 'dydx'"),
        ({"discrete": "yes"}, "discrete must be 'auto', True, False or a list of names"),
        ({"discrete": ["x7"]}, "discrete: no variable 'x7'"),
        ({"discrete": True, "kind": "eyex"}, "kind='eyex' has no discrete change"),
        ({"discrete": ["x3"], "kind": "dyex"}, "kind='dyex' has no discrete change"),
        ({"values": {"x5": 1.0}}, "values: no variable 'x5'"),
        ({"values": {"x1": np.nan}}, "values must be finite numbers; got x1 = nan"),
        ({"values": {"x1": "high"}}, "values must be finite numbers; got x1 = 'high'"),
    ],
)
def test_refused(options, message):
    X, y = drawn(29, 50, 3, 2, binary=1)
    r = sx.fit(X, y)
    with pytest.raises(ValueError) as refused:
        r.margins(**options)
    assert message in str(refused.value)


def test_refused_without_the_data():
    X, y = drawn(30, 50, 3, 2)
    r = sx.fit(X, y)
    with pytest.raises(ValueError, match=r"margins\(\) needs the data, which a pickled result leaves behind"):
        pickle.loads(pickle.dumps(r)).margins()
    X[3] += 1.0
    with pytest.raises(ValueError, match="were changed in place since the fit"):
        r.margins()
