"""Terms of a formula: columns of new rows, derivatives, values set, means."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from formulaic import model_matrix
from tables import N, table, terms_of

from sigmax.data.formulas import formula, slopes
from sigmax.data.formulas.formula_data import observe
from sigmax.data.formulas.recipe import Variable


@pytest.fixture(scope="module")
def df():
    return table()


# -- columns -----------------------------------------------------------------------------------------

RIGHT_SIDES = [
    "x + z",
    "x * C(race) + np.log(z)",
    "site * smoker + `blood type`:x + np.exp(`lead.level`)",
    "bs(x, df=5) + cs(z, df=4) + poly(x, 3):site",
    "center(x):scale(z) + I(x**2) + standardize(x):treated",
    "C(race, contr.sum) + C(site, contr.treatment('west'))",
    "C(race) + site - 1",
    "0 + x",
    "Q('blood type') + Q('x')",
    "(x + z + site)**2",
    "site / x",
]


@pytest.mark.parametrize("right", RIGHT_SIDES)
def test_columns_are_formulaics(df, right):
    found = observe(f"y ~ {right}", df)
    expected = model_matrix(right, df.reset_index(drop=True), output="pandas")
    names = [name for name in expected.columns if name != "Intercept"]
    assert found.terms.intercept == ("Intercept" in expected.columns)
    assert list(found.terms.names) == names
    np.testing.assert_array_equal(found.X, expected[names].to_numpy(float))
    np.testing.assert_array_equal(found.y, df["y"])


@pytest.mark.parametrize("right", RIGHT_SIDES)
def test_rows_alone_blocks_and_copies_have_the_same_columns(df, right):
    found = observe(f"y ~ {right}", df)
    terms = pickle.loads(pickle.dumps(found.terms))
    assert terms.frame is None
    assert found.terms.frame is not None
    # other order of rows and of columns, columns that nobody asked for, a mapping, no response
    back = df.iloc[::-1, ::-1].drop(columns="y").assign(more=1.0)
    np.testing.assert_array_equal(terms.design(back)[::-1], found.X)
    np.testing.assert_array_equal(terms.design({name: df[name] for name in df}), found.X)
    blocks = [terms.design(df.iloc[a : a + 50]) for a in range(0, N, 50)]
    np.testing.assert_array_equal(np.vstack(blocks), found.X)
    for row in (0, 17):
        np.testing.assert_array_equal(terms.design(df.iloc[[row]]), found.X[[row]])


def test_the_pickle_holds_no_data(df):
    many = pd.concat([df] * 100)
    size = len(pickle.dumps(terms_of("x * C(race) + bs(z, df=5)", many)))
    assert size < 20_000


def test_powers_of_whole_numbers_do_not_wrap_around(df):
    terms = terms_of("I(count**6) + count", df)
    np.testing.assert_allclose(terms.design(df)[:, 0], df["count"].to_numpy(float) ** 6, rtol=1e-15)
    narrow = df.assign(a=np.int8(100), b=np.arange(N).astype(np.int8))
    assert terms_of("a:b", narrow).design(narrow)[100, 0] == 10_000.0


def test_dtypes_of_pandas_and_decimals_are_numbers(df):
    plain = observe("y ~ x + count + treated", df)
    other = df.assign(
        x=df["x"].astype("Float64"),
        count=df["count"].astype("Int32"),
        treated=[Decimal(int(t)) for t in df["treated"]],
        y=df["y"].astype("string"),
    )
    found = observe("y ~ x + count + treated", other)
    np.testing.assert_array_equal(found.X, plain.X)
    assert found.y.tolist() == plain.y.tolist()
    np.testing.assert_array_equal(found.terms.design(df), plain.X)


def test_variables(df):
    terms = terms_of("x * C(race) + site + smoker + treated + `blood type` + C(z > 1)", df)
    assert terms.variables == (
        Variable("x", "continuous"),
        Variable("race", "factor", (1, 2, 3), 1),
        Variable("site", "factor", ("north", "south", "west"), "north"),
        Variable("smoker", "binary", (False, True), False),
        Variable("treated", "binary", (0, 1), 0),
        Variable("blood type", "factor", ("A", "0", "AB"), "A"),
        Variable("z", "continuous"),
    )
    west = terms_of("C(site, contr.treatment('west'))", df)
    assert west.variable("site") == Variable("site", "factor", ("north", "south", "west"), "west")


def test_columns_may_be_called_as_functions_are(df):
    named = df.assign(C=df["x"], log=df["z"])
    found = observe("y ~ C(race) + C + np.log(log)", named)
    assert found.terms.names == ("C(race)[T.2]", "C(race)[T.3]", "C", "np.log(log)")
    np.testing.assert_array_equal(found.terms.design(named), found.X)
    np.testing.assert_array_equal(found.terms.derivative(named, "C")[:, 2], 1.0)


def test_threads_ask_at_once(df):
    terms = terms_of("x * C(race) + bs(z, df=5) + poly(x, 3)", df)
    wanted = [terms.derivative(df, "x"), terms.derivative(df, "z"), terms.design(df)]
    with ThreadPoolExecutor(4) as pool:
        asked = [(terms.derivative, df, "x"), (terms.derivative, df, "z"), (terms.design, df)] * 8
        found = list(pool.map(lambda call: call[0](*call[1:]), asked))
    for k, one in enumerate(found):
        np.testing.assert_array_equal(one, wanted[k % 3])


def test_an_intercept_alone(df):
    found = observe("y ~ 1", df)
    assert found.terms.names == ()
    assert found.X.shape == (N, 0)
    assert found.terms.design(df.iloc[:3]).shape == (3, 0)
    assert observe("y ~ .", df[["y", "x", "z"]]).terms.names == ("x", "z")


def test_counts_are_a_sum(df):
    found = observe("treated + race + count ~ x", df)
    assert found.classes == ["treated", "race", "count"]
    np.testing.assert_array_equal(found.y, df[["treated", "race", "count"]])


# -- values and means --------------------------------------------------------------------------------


def test_a_variable_set_to_a_value(df):
    terms = terms_of("x * C(race) + site + smoker:z + treated + `blood type` + I(x**2)", df)
    for variable, value in [
        ("race", 2),
        ("site", "west"),
        ("smoker", True),
        ("treated", 0),
        ("blood type", "AB"),
        ("x", 1.5),
        ("x", 2),
    ]:
        np.testing.assert_array_equal(
            terms.with_value(df, variable, value), terms.design(df.assign(**{variable: value}))
        )
    shifted = df["x"].to_numpy() + 1.0
    np.testing.assert_array_equal(terms.with_value(df, "x", shifted), terms.design(df.assign(x=shifted)))
    levels = np.array(["west", "north"])[np.arange(N) % 2]
    np.testing.assert_array_equal(terms.with_value(df, "site", levels), terms.design(df.assign(site=levels)))
    for variable, value, message in [
        ("site", "east", "value must be a level of 'site', 'north', 'south', 'west'; got 'east'"),
        ("race", 9, "value must be a level of 'race', 1, 2, 3; got 9"),
        ("x", "a", "value must be a finite number, as 'x' is one; got 'a'"),
        ("x", np.nan, "value must be a finite number"),
        ("x", [1.0, 2.0], r"value must be one, or of shape \(240,\), one a row; got \(2,\)"),
        ("count", 1, "the formula has no variable 'count'"),
    ]:
        with pytest.raises(ValueError, match=message):
            terms.with_value(df, variable, value)


@pytest.mark.parametrize("block", [2**16, 50])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_point_of_means(df, weighted, block, monkeypatch):
    monkeypatch.setattr(formula, "_BLOCK", block)
    terms = terms_of("x * C(race) + site:z + I(x**2) + np.log(z) + smoker + C(z > 1, contr.sum)", df)
    w = df["count"].to_numpy() / 7.0 if weighted else np.ones(N)
    x, z = np.average(df["x"], weights=w), np.average(df["z"], weights=w)

    def share(column, level):
        return np.average(df[column].to_numpy() == level, weights=w)

    above = np.average(df["z"] > 1, weights=w)
    expected = {
        "x": x,
        "C(race)[T.2]": share("race", 2),
        "C(race)[T.3]": share("race", 3),
        "I(x ** 2)": x**2,
        "np.log(z)": np.log(z),
        "smoker": share("smoker", True),
        "C(z > 1, contr.sum)[S.False]": (1 - above) - above,
        "x:C(race)[T.2]": x * share("race", 2),
        "x:C(race)[T.3]": x * share("race", 3),
        "site[north]:z": share("site", "north") * z,
        "site[south]:z": share("site", "south") * z,
        "site[west]:z": share("site", "west") * z,
    }
    assert set(expected) == set(terms.names)
    means = terms.means(df, w if weighted else None)
    at = terms.at_means(df, w if weighted else None)
    np.testing.assert_array_equal(means.design(), at)
    np.testing.assert_allclose(at, [[expected[name] for name in terms.names]], rtol=1e-13)
    slope = dict(zip(terms.names, means.derivative("x")[0], strict=True))
    np.testing.assert_allclose(slope.pop("x:C(race)[T.2]"), share("race", 2), rtol=1e-13)
    np.testing.assert_allclose(slope.pop("x:C(race)[T.3]"), share("race", 3), rtol=1e-13)
    assert slope.pop("x") == 1.0
    np.testing.assert_allclose(slope.pop("I(x ** 2)"), 2 * x, rtol=1e-13)
    assert not any(slope.values())
    second = means.with_value("race", 2)[0]
    changed = expected | {"C(race)[T.2]": 1, "C(race)[T.3]": 0, "x:C(race)[T.2]": x, "x:C(race)[T.3]": 0}
    np.testing.assert_allclose(second, [changed[name] for name in terms.names], rtol=1e-13)
    np.testing.assert_allclose(
        means.with_value("x", 3.0)[0, terms.names.index("x:C(race)[T.3]")], 3 * share("race", 3), rtol=1e-13
    )


def test_weights_of_means_are_checked(df):
    terms = terms_of("x", df)
    for weights, message in [
        (np.ones(3), "one for each row"),
        (np.zeros(N), "one of them positive"),
        (np.full(N, np.nan), "finite"),
        (np.linspace(-1, 1, N), "not negative"),
    ]:
        with pytest.raises(ValueError, match=message):
            terms.at_means(df, weights)


# -- messages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "change", "message"),
    [
        ("y ~ xx", {}, "data has no column 'xx'; did you mean 'x'\\?"),
        ("y ~ qqq", {}, "data has no column 'qqq'; it has 'x', 'z'"),
        ("y ~ foo(x)", {}, "calls 'foo', which is no function of formulaic or NumPy"),
        ("y ~ x:offset(z)", {}, "offset\\(\\) must be a term of its own on the right"),
        ("y ~ I(x + offset(z))", {}, "offset\\(\\) must be a term of its own on the right"),
        ("offset(x) ~ z", {}, "offset\\(\\) must be a term of its own on the right"),
        ("y ~ x + offset(x, z)", {}, "offset\\(\\) takes one expression"),
        ("y ~ x + offset(site)", {}, r"offset\(site\) must be one number a row"),
        ("y ~ x + offset(poly(x, 2))", {}, r"must be one number a row; it has shape \(240, 2\)"),
        ("y ~ x + offset(z - z.mean())", {}, "depends on other rows than its own"),
        (
            "y ~ offset(np.log(x))",
            {"x": -1.0},
            r"offset\(np.log\(x\)\) must be finite; .* 240 rows, .* x = -1.0",
        ),
        ("y ~ x + offset(w)", {}, "data has no column 'w'"),
        ("y ~ lag(x)", {}, r"lag\(\) depends on other rows than its own"),
        ("y ~ x +", {}, "formula 'y ~ x \\+' cannot be read"),
        ("~ x", {}, "must have the response left of ~"),
        ("x", {}, "must have the response left of ~"),
        ("y ~ x | z", {}, "one left and one right side"),
        ("y:x ~ z", {}, "must have labels, or counts a \\+ b \\+ c, left of ~; got 'y:x' there"),
        ("poly(x, 2) ~ z", {}, "the response 'poly\\(x, 2\\)' must be one value a row"),
        ("y ~ x", {"x": np.nan}, "column 'x' has 240 missing values, the first in row 0"),
        ("y ~ x", {"y": None}, "column 'y' has 240 missing values, the first in row 0"),
        (
            "y ~ np.log(x)",
            {"x": -1.0},
            "column 'np.log\\(x\\)' must be finite; it is not in 240 rows, the first row 0, "
            "where it is nan of x = -1.0",
        ),
        ("y ~ I(x - x.mean())", {}, "'I\\(x - x.mean\\(\\)\\)' depends on other rows than its own"),
        ("y ~ x.rank()", {}, "depends on other rows than its own"),
        (
            "y ~ x",
            {"x": pd.Timestamp("2020-01-01")},
            "column 'x' must hold real numbers or levels; it holds datetime64",
        ),
        ("y ~ bs(x, df=2)", {}, "`df` must be greater than 3"),
    ],
)
def test_bad_formulas_and_data(df, text, change, message):
    with pytest.raises(ValueError, match=message) as caught:
        observe(text, df.assign(**change))
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"site": "east"},
            "column 'site' has 240 rows of a level that site does not know, the first 'east' in row 0; "
            "it knows 'north', 'south', 'west'",
        ),
        (
            {"race": 7},
            "column 'race' has 240 rows of a level that C\\(race\\) does not know, the first 7 in row 0; "
            "it knows 1, 2, 3",
        ),
        ({"blood type": 1}, "column 'blood type' has 240 rows of a level"),
        ({"x": np.nan}, "column 'x' has 240 missing values, the first in row 0"),
        ({"site": None}, "column 'site' has 240 missing values"),
        ({"x": "a"}, "column 'x' must hold numbers, as in the fit; it holds"),
    ],
)
def test_rows_that_the_fit_does_not_know(df, change, message):
    terms = terms_of("x + C(race) + site + `blood type`", df)
    for call in (terms.design, lambda d: terms.derivative(d, "x"), terms.means):
        with pytest.raises(ValueError, match=message):
            call(df.assign(**change))


def test_new_rows_outside_the_domain_of_a_transform(df):
    terms = terms_of("x + np.log(z)", df)
    outside = df.assign(z=np.where(np.arange(N) == 7, -2.0, df["z"]))
    for call in (terms.design, lambda d: terms.with_value(d, "x", 1.0)):
        with pytest.raises(
            ValueError, match=r"'np.log\(z\)' must be finite; .* in 1 row, the first row 7, .* z = -2.0"
        ):
            call(outside)


def test_a_frame_without_a_column_or_rows(df):
    terms = terms_of("x + site", df)
    with pytest.raises(ValueError, match="data has no column 'site'"):
        terms.design(df[["x"]])
    with pytest.raises(ValueError, match="data has no rows"):
        terms.design(df.iloc[:0])
    with pytest.raises(ValueError, match="2 columns named 'x'"):
        terms.design(pd.concat([df, df[["x"]]], axis=1))
    with pytest.raises(ValueError, match="columns of one length; got 'x' 3, 'site' 2"):
        terms.design({"x": [1, 2, 3], "site": ["west", "west"]})
    with pytest.raises(TypeError, match="DataFrame or a mapping of columns; got list"):
        terms.design([1.0, 2.0])


def test_nothing_of_the_frame_is_written(df):
    before = df.copy(deep=True)
    terms = terms_of("x * C(race) + bs(z, df=4) + site", df)
    terms.design(df), terms.derivative(df, "x"), terms.with_value(df, "race", 1), terms.at_means(df)
    pd.testing.assert_frame_equal(df, before)
    state = pickle.dumps(terms._spec)
    terms.derivative(df.iloc[:9], "z"), terms.design(df.iloc[3:4]), terms.at_means(df.iloc[5:9])
    assert pickle.dumps(terms._spec) == state
    assert slopes.derivative(terms, terms._read(df), "x").shape == (N, len(terms.names))
