"""`fit` with a formula: the fit of its columns, and predictions of tables."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from formulaic import model_matrix

import sigmax as sx

N = 400


@pytest.fixture(scope="module")
def df():
    rng = np.random.default_rng(11)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(18, 60, N),
            "weight at birth": rng.normal(3.2, 0.5, N),
            "race": rng.integers(1, 4, N),
            "smoker": rng.choice(["no", "now", "once"], N),
            "w": rng.integers(1, 4, N),
            "shift": rng.normal(size=N),
        }
    )
    eta = 0.05 * (frame["age"] - 40) + 0.4 * (frame["race"] == 2) - 0.3 * (frame["smoker"] == "now")
    frame["low"] = np.where(rng.uniform(size=N) < 1 / (1 + np.exp(-eta)), "yes", "no")
    frame["kind"] = pd.Categorical(rng.choice(["c", "a", "b"], N), categories=["c", "b", "a"])
    return frame.set_index(pd.Index(rng.permutation(N), name="age"))  # even a name of a column


FORMULAS = [
    "age + C(race)",
    "age * C(race) + smoker",
    "bs(age, df=5) + `weight at birth`:smoker",
    "poly(age, 3) + center(age):smoker + np.log(age)",
    "C(race) + smoker - 1",
]


def arrays(right, df):
    """X, names, whether there is an intercept: from formulaic."""
    made = model_matrix(right, df.reset_index(drop=True), output="numpy")
    names = list(made.model_spec.column_names)
    intercept = names[0] == "Intercept"
    # laid out as it comes: the twin's last bits depend on that
    return np.asarray(made)[:, int(intercept) :], names[int(intercept) :], intercept


def same(found, expected):
    np.testing.assert_array_equal(found.params, expected.params)
    np.testing.assert_array_equal(found.covariance, expected.covariance)
    assert found.llf == expected.llf
    assert found.param_names == expected.param_names
    assert found.classes.tolist() == expected.classes.tolist()
    assert found.certificate.converged


@pytest.mark.parametrize("left", ["low", "kind"])
@pytest.mark.parametrize("right", FORMULAS)
def test_the_bits_are_those_of_the_arrays(df, right, left, backend):
    X, names, intercept = arrays(right, df)
    r = sx.fit(f"{left} ~ {right}", data=df, sample_weight="w", backend=backend.BACKEND)
    expected = sx.fit(
        X, df[left], names=names, fit_intercept=intercept, sample_weight=df["w"], backend=backend.BACKEND
    )
    same(r, expected)
    assert expected.terms is None
    p = expected.predict_proba(X)

    def equal(found, wanted):
        if backend.BACKEND == "compiled":
            np.testing.assert_array_equal(found, wanted)
        else:
            np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)

    np.testing.assert_array_equal(r.predict_proba(X), p)
    for given in (r, pickle.loads(pickle.dumps(r))):
        equal(given.predict_proba(df), p)
        np.testing.assert_array_equal(given.predict(df), expected.predict(X))
        equal(given.decision_function(df), expected.decision_function(X))
        back = df.iloc[::-1, ::-1].drop(columns=left)
        equal(given.predict_proba(back)[::-1], p)
        equal(given.predict_proba(df.iloc[[7]]), p[[7]])


def test_weights_offset_and_reference_by_name(df):
    X, names, _ = arrays("age", df)
    r = sx.fit("low ~ age", data=df, sample_weight="w", offset="shift", reference="yes")
    expected = sx.fit(X, df["low"], names=names, sample_weight=df["w"], offset=df["shift"], reference="yes")
    same(r, expected)
    p = expected.predict_proba(X, offset=df["shift"])
    np.testing.assert_array_equal(r.predict_proba(df, offset="shift"), p)
    np.testing.assert_array_equal(r.predict_proba(df, offset=df["shift"].to_numpy()), p)
    np.testing.assert_array_equal(r.predict(df, offset="shift"), expected.predict(X, offset=df["shift"]))
    np.testing.assert_array_equal(
        r.rebase("no").decision_function(df, offset="shift"),
        expected.rebase("no").decision_function(X, offset=df["shift"]),
    )
    assert r.has_offset
    for ask in (r.predict_proba, r.predict, r.decision_function, r.sample):
        with pytest.raises(ValueError, match="offset is missing: the fit had one"):
            ask(df)
    with pytest.raises(ValueError, match="offset may name a column only where X is a table"):
        r.predict(X, offset="shift")


def test_tables_of_other_makes(df):
    r = sx.fit("low ~ age + smoker", data=df)
    mapping = {name: df[name].tolist() for name in ("low", "age", "smoker")}
    same(sx.fit("low ~ age + smoker", data=mapping), r)
    np.testing.assert_array_equal(r.predict(mapping), r.predict(df))
    record = df[["low", "age"]].to_records(index=False)
    same(sx.fit("low ~ age", data=record), sx.fit("low ~ age", data=df))


def test_counts_left_of_the_tilde(df):
    counts = df.assign(good=df["w"], fair=1, bad=4 - df["w"])
    r = sx.fit("good + fair + bad ~ age", data=counts)
    same(
        r,
        sx.fit(df[["age"]], counts[["good", "fair", "bad"]], names=["age"], classes=["good", "fair", "bad"]),
    )
    assert r.classes.tolist() == ["good", "fair", "bad"]


def test_a_level_without_rows_is_aliased(df):
    short = df[df["kind"] != "b"]
    r = sx.fit("low ~ kind + age", data=short)
    assert r.param_names == ("intercept", "kind[T.b]", "kind[T.a]", "age")
    assert r.aliased.tolist() == [False, True, False, False]
    assert r.terms.variable("kind").levels == ("c", "b", "a")
    same_rows = sx.fit(arrays("kind + age", short)[0][:, 1:], short["low"])
    np.testing.assert_array_equal(
        r.predict_proba(short), same_rows.predict_proba(arrays("kind + age", short)[0][:, 1:])
    )


def test_other_roads_keep_the_terms(df):
    x = np.arange(20.0)
    apart = pd.DataFrame({"x": x, "z": np.tile([0.0, 1.0], 10), "y": x > 9})
    with pytest.warns(sx.SeparationWarning, match="x"):
        limit = sx.fit("y ~ x", data=apart)
    np.testing.assert_array_equal(limit.predict(apart), apart["y"])
    with pytest.warns(sx.SeparationWarning):
        instead = sx.fit("y ~ x", data=apart, on_separation="firth")
    firth = sx.fit("y ~ x", data=apart, bias_reduction="firth")
    np.testing.assert_array_equal(instead.predict_proba(apart), firth.predict_proba(apart))
    least = sx.fit("low ~ age + I(2*age)", data=df, collinear="min_norm", l2=0.0)
    penalised = sx.fit("low ~ age + smoker", data=df, l2=1.0)
    both = sx.fit("kind ~ age", data=df).symmetric()
    for r in (limit, instead, firth, least, penalised, both):
        assert r.terms is not None
        table = apart if r in (limit, instead, firth) else df
        np.testing.assert_array_equal(r.predict_proba(table), r.predict_proba(r.terms.design(table)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": "low ~ age"}, "data is missing: the formula 'low ~ age' needs the table"),
        ({"X": "low ~ age", "y": "df"}, "y is what stands left of ~ in the formula"),
        ({"X": "low ~ age", "data": "df", "names": ["age"]}, "names are those of the formula's columns"),
        ({"X": "low ~ age", "data": "df", "fit_intercept": False}, "has an intercept; end it with '- 1'"),
        ({"X": "low ~ age - 1", "data": "df", "fit_intercept": True}, "fit_intercept=True, but .* has none"),
        ({"X": "low ~ age", "data": "df", "sample_weight": "q"}, "sample_weight='q': data has no column 'q'"),
        (
            {"X": "low ~ age", "data": "df", "offset": "smoker"},
            "offset='smoker': the column must hold numbers",
        ),
        ({"X": "X", "data": "df", "y": "y"}, "data goes with a formula"),
        ({"X": "X"}, "y is missing"),
        ({"X": "X", "y": "y", "offset": "shift"}, "offset may name a column only where X is a table"),
        ({"X": "age ~ shift", "data": "df"}, "y must hold class labels"),
        ({"X": "low ~ np.log(shift)", "data": "df"}, r"column 'np.log\(shift\)' must be finite"),
    ],
)
def test_arguments_that_do_not_go_together(df, arguments, message):
    stand_ins = {"df": df, "X": df[["age"]].to_numpy(), "y": df["low"]}
    given = {
        name: stand_ins.get(value, value) if isinstance(value, str) else value
        for name, value in arguments.items()
    }
    with pytest.raises(ValueError, match=message):
        sx.fit(given.pop("X"), **given)


def test_tables_without_a_formula_are_matched_by_name(df):
    r = sx.fit(df[["age", "shift"]], df["low"])
    expected = r.predict_proba(df[["age", "shift"]].to_numpy())
    found = r.predict_proba(df[["shift", "age"]])
    # NumPy's products, which the reference leaves to it, have other last bits in other layouts
    np.testing.assert_allclose(found, expected, rtol=0.0 if r.backend == "compiled" else 4e-16)
    with pytest.raises(ValueError, match="X has no column 'shift'; it has 'age'"):
        r.predict(df[["age"]])
    same(sx.fit(df[["age"]], df["low"], fit_intercept=True), sx.fit(df[["age"]], df["low"]))


# -- against statsmodels -----------------------------------------------------------------------------


def table(name):
    data = sx.datasets.load(name)
    return pd.DataFrame(data.X, columns=data.features).assign(y=data.y)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("spector", "GPA + TUCE + C(PSI)"),
        ("spector", "GPA*TUCE + PSI"),
        ("fair", "C(rate_marriage) + age + yrs_married:religious + np.log(educ) + I(age**2/1000)"),
        ("fair", "C(occupation, Treatment(2.0)) + age * children"),
    ],
)
def test_binary_fits_of_statsmodels(name, right):
    smf = pytest.importorskip("statsmodels.formula.api")
    frame = table(name)
    r = sx.fit(f"y ~ {right}", data=frame)
    theirs = smf.logit(f"y ~ {right}", data=frame).fit(disp=0, tol=1e-10, maxiter=100)
    theirs_of = [name.replace("Intercept", "intercept") for name in theirs.params.index]
    order = [theirs_of.index(name) for name in r.param_names]
    np.testing.assert_allclose(r.params, theirs.params.to_numpy()[order], rtol=2e-7)
    np.testing.assert_allclose(r.bse, theirs.bse.to_numpy()[order], rtol=2e-7)
    np.testing.assert_allclose(r.llf, theirs.llf, rtol=1e-12)
    np.testing.assert_allclose(r.predict_proba(frame.head(9))[1], theirs.predict(frame.head(9)), rtol=1e-6)


def test_multinomial_fits_of_statsmodels():
    smf = pytest.importorskip("statsmodels.formula.api")
    frame = table("anes96")
    right = "logpopul + selfLR + age + I(age**2/100) + educ:income"
    r = sx.fit(f"y ~ {right}", data=frame)
    theirs = smf.mnlogit(f"y ~ {right}", data=frame).fit(disp=0, method="newton", maxiter=100)
    assert r.params.shape == (6, 6)
    np.testing.assert_allclose(r.llf, theirs.llf, rtol=1e-11)
    np.testing.assert_allclose(r.params, theirs.params.to_numpy().T, rtol=1e-6, atol=1e-9)


# -- what is imported --------------------------------------------------------------------------------


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("missing", ["formulaic", "pandas"])
def test_a_missing_library_names_the_extra(missing):
    done = run(
        f"import sys; sys.modules[{missing!r}] = None\nimport sigmax as sx\n"
        "try: sx.fit('y ~ x', data={'y': [0, 1, 0], 'x': [1, 2, 3]})\n"
        "except ImportError as error: print(error)"
    )
    assert "pip install 'sigmax[formula]'" in done.stdout, done.stderr


def test_a_fit_of_arrays_imports_neither():
    done = run(
        "import sys; sys.modules['formulaic'] = sys.modules['pandas'] = None\n"
        "import pickle, sigmax as sx; d = sx.datasets.load('spector')\n"
        "r = pickle.loads(pickle.dumps(sx.fit(d.X, d.y))); print(r.predict(d.X).shape)"
    )
    assert done.stdout.strip() == "(32,)", done.stderr
