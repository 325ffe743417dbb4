"""Formulas with tables of other makes, and what else their language has."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from tables import N, table, terms_of

import sigmax as sx
from sigmax.data.formulas.formula_data import observe

RIGHT = (
    "x * C(race) + site + smoker:z + `blood type` + bs(z, df=5) + price + poly(part, 2) + offset(np.log(z))"
)


@pytest.fixture(scope="module")
def df():
    return table().assign(price=np.arange(N) % 7 / 4, part=np.arange(N) % 11)


def makes():
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    df = table()
    price, part = np.arange(N) % 7 / 4, np.arange(N) % 11
    plain = {name: df[name].to_list() for name in df}
    decimals = [Decimal(str(one)) for one in price]
    blood = list(df["blood type"].cat.categories)
    codes = pa.array(df["blood type"].cat.codes.to_numpy(np.int32))
    return {
        "polars": pl.DataFrame(plain | {"price": price, "part": part}).with_columns(
            pl.col("blood type").cast(pl.Enum(blood)),
            pl.col("race").cast(pl.Int8),
            pl.col("price").cast(pl.Decimal(10, 4)),
            pl.col("part").cast(pl.UInt16),
        ),
        "pyarrow": pa.table(
            plain
            | {
                "blood type": pa.DictionaryArray.from_arrays(codes, pa.array(blood), ordered=True),
                "price": pa.array(decimals, pa.decimal128(10, 4)),
                "part": pa.array(part, pa.uint8()),
                "site": pa.array(plain["site"], pa.large_string()),
            }
        ),
        "nullable": df.assign(
            price=pd.array(price, "Float64"),
            part=pd.array(part, "Int16"),
            smoker=df["smoker"].astype("boolean"),
            site=df["site"].astype("string"),
        ),
        "arrow in pandas": df.assign(
            price=pd.array(price, "double[pyarrow]"),
            part=pd.array(part, "int64[pyarrow]"),
            smoker=df["smoker"].astype("bool[pyarrow]"),
        ),
        "mapping": {
            **{name: df[name].to_numpy() for name in df if name != "blood type"},
            "blood type": pl.Series(plain["blood type"], dtype=pl.Enum(blood)),
            "price": decimals,
            "part": part,
        },
    }


@pytest.mark.parametrize("make", ["polars", "pyarrow", "nullable", "arrow in pandas", "mapping"])
def test_tables_of_every_make_have_the_same_bits(df, make, backend_name):
    other = makes()[make]
    expected = sx.fit(f"y ~ {RIGHT}", data=df, backend=backend_name)
    r = sx.fit(f"y ~ {RIGHT}", data=other, backend=backend_name)
    np.testing.assert_array_equal(r.params, expected.params)
    np.testing.assert_array_equal(r.covariance, expected.covariance)
    assert r.param_names == expected.param_names
    assert [one.levels for one in r.terms.variables] == [one.levels for one in expected.terms.variables]
    p = np.asarray(expected.predict_proba(df))
    np.testing.assert_array_equal(np.asarray(r.predict_proba(df)), p)
    np.testing.assert_array_equal(np.asarray(expected.predict_proba(other)), p)
    np.testing.assert_array_equal(np.asarray(r.predict(other)), np.asarray(expected.predict(df)))
    assert r.terms.state() == expected.terms.state() | {"variables": r.terms.state()["variables"]}


def test_missing_values_of_every_make_are_named(df):
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    x = [1.0, 2.0, None, 4.0, None]
    rest = {"y": ["a", "b", "a", "b", "a"], "z": [1, 2, 3, 4, 5]}
    for other in (pl.DataFrame({"x": x, **rest}), pa.table({"x": x, **rest})):
        with pytest.raises(ValueError, match="column 'x' has 2 missing values, the first in row 2"):
            sx.fit("y ~ x", data=other)
        with pytest.raises(ValueError, match="data has no column 'q'"):
            sx.fit("y ~ q", data=other)
        assert observe(
            "y ~ .", other[["y", "z"]] if isinstance(other, pl.DataFrame) else other.select(["y", "z"])
        ).terms.names == ("z",)


# -- the same transform at new rows ------------------------------------------------------------------

TRANSFORMS = [
    "bs(x, df=5)",
    "bs(x, knots=[-0.5, 0.5], degree=2, include_intercept=True)",
    "cr(x, df=4)",
    "cs(x, df=4)",
    "cc(x, df=4)",
    "poly(x, 3)",
    "poly(x, 3, raw=True)",
    "center(x)",
    "scale(x)",
    "scale(x, ddof=0)",
    "standardize(x)",
    "C(site)",
    "C(site, Treatment('west'))",
    "C(site, Sum)",
    "C(site, Helmert)",
    "C(site, Poly)",
    "C(site, Diff)",
    "C(site, contr.SAS)",
    "C(site, {'up': [-1, 0, 1]})",
    "hashed(site, levels=6)",
    "{x + 1}",
    "x:site",
    "x*site",
    "(x + site + smoker)**2",
    "`lead.level`:Q('blood type')",
]


@pytest.mark.parametrize("right", TRANSFORMS)
def test_transforms_remember_the_fit(df, right):
    found = observe(f"y ~ {right}", df)
    terms, X = found.terms, found.X
    some = np.random.default_rng(0).permutation(N)[:40]
    np.testing.assert_array_equal(terms.design(df.iloc[some]), X[some])
    for row in (0, 100):
        np.testing.assert_array_equal(terms.design(df.iloc[[row]]), X[[row]])
    name = terms.variables[0].name
    gone = df.copy()
    gone[name] = gone[name].astype(object).where(np.arange(N) != 3, None)
    with pytest.raises(ValueError, match=f"column '{name}' has 1 missing value, the first in row 3"):
        terms.design(gone)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("y ~ 1 + x", ("x",)),
        ("y ~ x - 1", ("x",)),
        ("y ~ 0 + x + site", ("x", "site[north]", "site[south]", "site[west]")),
        ("y ~ a:b", ("a:b",)),
        ("y ~ a*b - a:b", ("a", "b")),
        ("y ~ (a + b)**2 - b", ("a", "a:b")),
        ("y ~ a/b", ("a", "a:b")),
        ("y ~ a + {a / b}", ("a", "a / b")),
        ("y ~ `a b` + Q('a b')", ("a b", "Q('a b')")),
        ("y ~ `a b` + I(`a b` + a_b)", ("a b", "I(`a b` + a_b)")),
    ],
)
def test_the_language_of_formulas(df, text, names):
    frame = df.assign(a=df["x"], b=df["z"], a_b=df["z"] ** 2, **{"a b": df["x"] ** 3})
    found = observe(text, frame)
    assert found.terms.names == names
    if "I(" in text:
        np.testing.assert_array_equal(found.X[:, 1], frame["a b"] + frame["a_b"])


@pytest.mark.parametrize(
    ("left", "labels"),
    [
        ("I(z > 1)", lambda df: df["z"] > 1),
        ("C(site)", lambda df: df["site"]),
        ("Q('blood type')", lambda df: df["blood type"]),
        ("`blood type`", lambda df: df["blood type"]),
        ("{z > 1}", lambda df: df["z"] > 1),
        ("C(race)", lambda df: df["race"]),
    ],
)
def test_responses(df, left, labels):
    found = observe(f"{left} ~ x", df)
    np.testing.assert_array_equal(np.asarray(found.y), np.asarray(labels(df)))
    assert found.terms.names == ("x",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y ~ x | z", "one left and one right side, without |"),
        ("y ~ lag(x, 2)", r"lag\(\) depends on other rows"),
        ("y ~ [x ~ z]", "cannot be read|one left and one right|has no column"),
        ("y ~ {x.shift(1).fillna(0)}", "depends on other rows than its own"),
        ("y ~ C(site, Treatment('east'))", "'east'"),
        ("y ~ poly(site, 2)", "formula"),
        (
            "y ~ I((`lead.level` + lead_level).abs())",
            "reads 'lead.level' and 'lead_level', which formulaic takes",
        ),
        ("y ~ offset()", r"offset\(\) takes one expression"),
    ],
)
def test_what_is_refused(df, text, message):
    with pytest.raises(ValueError, match=message):
        observe(text, df.assign(lead_level=df["x"]))


@pytest.mark.parametrize("right", ["bs(x, df=5)", "cr(x, df=5, extrapolation='raise')"])
def test_rows_beyond_a_spline_are_named(df, right):
    terms = terms_of(right, df)
    new = df.assign(x=[*df["x"][:7], 99.0, *df["x"][8:-1], -50.0])
    with pytest.raises(ValueError) as refused:
        terms.design(new)
    assert type(refused.value) is ValueError
    assert str(refused.value).startswith(f"formula: {right!r} has 2 rows beyond its bounds, ")
    assert "the first row 7, where x is 99.0; fit with lower_bound=" in str(refused.value)
    assert refused.value.__cause__ is None
    assert terms.design(df).shape == (N, len(terms.names))


@pytest.mark.parametrize("text", ["y ~ np.log(site)", "np.log(site) ~ x", "y ~ x + offset(np.log(site))"])
def test_columns_that_an_expression_cannot_take_are_named(df, text):
    with pytest.raises(
        ValueError, match=r"^formula: .*np\.log\(site\).* cannot be evaluated: .*; column 'site' holds"
    ):
        observe(text, df)


def test_missing_values_of_a_fit_can_be_dropped_and_the_message_says_so(df):
    for one in ({"x": np.nan}, {"y": None}, {"z": np.nan}):
        gappy = df.assign(**one)
        with pytest.raises(ValueError, match=r"first in row 0; missing='drop' leaves such rows out$"):
            sx.fit("y ~ x + offset(z)", data=gappy)
    with pytest.raises(ValueError, match=r"column 'w' .* row 0; missing='drop' leaves such rows out$"):
        sx.fit("y ~ x", data=df.assign(w=np.nan), sample_weight="w")
    with pytest.raises(ValueError, match=r"the first in row 0$"):  # rows to predict are not dropped
        terms_of("x", df).design(df.assign(x=np.nan))


def test_a_table_in_the_place_of_y_is_shown_its_own(df):
    with pytest.raises(ValueError, match=r"here it is a table: pass that as data=$"):
        sx.fit("y ~ x", df)


def test_names_that_are_no_text_are_their_text(df):
    frame = df[["x", "z", "y"]].set_axis([0, ("a", 1), "y"], axis=1)
    named = observe("y ~ `0` + Q(\"('a', 1)\")", frame)
    np.testing.assert_array_equal(named.X, df[["x", "z"]].to_numpy())
    np.testing.assert_array_equal(named.terms.design(frame.iloc[:5]), named.X[:5])
    np.testing.assert_array_equal(observe("y ~ .", frame[[0, "y"]]).X, df[["x"]].to_numpy())
    assert list(frame.columns) == [0, ("a", 1), "y"]
    r = sx.fit("y ~ `0`", data=frame.assign(w=1.0), sample_weight="w", missing="drop")
    assert r.param_names == ("intercept", "0")
    with pytest.raises(ValueError, match="data has 2 columns named '0'"):
        observe("y ~ `0`", frame.set_axis([0, "0", "y"], axis=1))


def test_a_comparison_left_of_the_formula_is_shown_its_form(df):
    with pytest.raises(ValueError, match=r"; a comparison stands in I\(\), as in 'I\(y == 1\) ~ x'$"):
        observe("y == 'yes' ~ x", df)
    np.testing.assert_array_equal(observe("I(y == 'yes') ~ x", df).y, df["y"] == "yes")


def test_pandas_with_types_of_arrow_has_the_same_bits(df):
    pa = pytest.importorskip("pyarrow")
    frame = df[["x", "site", "smoker", "race", "y"]].assign(price=[Decimal(i % 7) / 4 for i in range(N)])
    arrow = frame.convert_dtypes(dtype_backend="pyarrow")
    arrow["kind"] = arrow["site"].astype(pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))
    right = "y ~ x + site + smoker + C(race) + price"
    ours, plain = observe(right, arrow), observe(right, frame)
    assert ours.terms.names == plain.terms.names
    np.testing.assert_array_equal(ours.X, plain.X)
    np.testing.assert_array_equal(ours.terms.design(frame), plain.X)
    np.testing.assert_array_equal(plain.terms.design(arrow), plain.X)
    assert observe("y ~ kind", arrow).terms.names == ("kind[T.south]", "kind[T.west]")


def test_the_dot_leaves_weights_and_offset_out(df):
    frame = df[["x", "z", "y"]].assign(w=2.0, o=0.5)
    for missing in ("raise", "drop"):
        gappy = frame if missing == "raise" else frame.assign(x=[np.nan, *frame["x"][1:]])
        r = sx.fit("y ~ .", data=gappy, sample_weight="w", offset="o", missing=missing)
        assert r.terms.names == ("x", "z")
    named = sx.fit("y ~ . + w", data=frame.assign(w=frame["z"] ** 2), sample_weight="w", offset="o")
    assert named.terms.names == ("x", "z", "w")


def test_counts_are_numbers(df):
    with pytest.raises(ValueError, match=r"several terms is of counts.*'site' holds"):
        observe("count + site ~ x", df)


def test_a_lazy_table_of_a_formula_is_its_data(df):
    pl = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"^data is a lazy frame .*collect\(\)"):
        sx.fit("y ~ x", data=pl.LazyFrame({"x": [1.0, 2.0], "y": [0, 1]}))
