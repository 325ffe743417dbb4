"""Formulas with tables of other makes, and what else their language has."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from tables import N, table, terms_of

import sigmax as sx
from sigmax.data.formula_data import observe

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


def test_outside_of_a_spline_is_named(df):
    terms = terms_of("bs(x, df=5)", df)
    with pytest.raises(ValueError, match=r"`bs\(x, df=5\)`.*beyond upper and/or lower bounds"):
        terms.design(df.assign(x=99.0))
