"""`fit` of tables of every make: the fit of the array they stand for, and what is refused."""

import re
import subprocess
import sys
from decimal import Decimal

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tables_of_makes import EXPLAIN, FRAMES, MAKES, NAMES, N, by_hand, decimals, people, same

import sigmax as sx
from sigmax.data.tabular import frames
from sigmax.data.tabular.series import of_array
from sigmax.data.tabular.tables import Table, origin_of


@pytest.fixture(scope="module")
def df():
    return people()


@pytest.fixture(scope="module")
def expected(df):
    return sx.fit(by_hand(df), df["low"].to_numpy(), names=NAMES, sample_weight=df["w"].to_numpy())


def refused(message, X, y, error=ValueError, **options):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        sx.fit(X, y, **options)


# -- the fit of a table is that of its array ---------------------------------------------------------


@pytest.mark.parametrize("make", MAKES)
def test_the_bits_are_those_of_the_array(df, expected, make):
    table = MAKES[make](df)
    r = sx.fit(table, "low", sample_weight="w")
    same(r, expected)
    assert r.param_names == ("intercept", *NAMES)
    assert r.terms.response == "low"
    wanted = expected.predict_proba(by_hand(df))
    np.testing.assert_array_equal(np.asarray(r.predict_proba(table)), wanted)
    # a table of another make, its columns in another order, with others beside them
    np.testing.assert_array_equal(np.asarray(r.predict_proba(df[NAMES_BACK])), wanted)
    np.testing.assert_array_equal(np.asarray(r.predict_proba(r.terms.design(table))), wanted)


NAMES_BACK = [*EXPLAIN[::-1], "w"]


@pytest.mark.parametrize("make", FRAMES)
def test_series_of_the_library_stand_beside_the_table(df, expected, make):
    table = MAKES[make](df)
    take = (lambda name: table[name]) if make != "pyarrow" else table.column
    X = table.select(EXPLAIN) if make in ("polars", "pyarrow") else table[EXPLAIN]
    r = sx.fit(X, take("low"), sample_weight=take("w"), offset=take("age"))
    same(r, sx.fit(by_hand(df), df["low"].to_numpy(), sample_weight=df["w"].to_numpy(), offset=df["age"]))
    # and beside an array
    same(sx.fit(by_hand(df), take("low"), sample_weight=take("w")), expected)


def test_the_formula_has_the_same_bits(df, expected):
    same(sx.fit("low ~ age + visits + race + smoke + site", data=df, sample_weight="w"), expected)


def test_a_frame_of_narwhals(df, expected):
    r = sx.fit(nw.from_native(pl.from_pandas(df)), "low", sample_weight="w")
    same(r, expected)
    assert isinstance(r.residuals(), pl.Series)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, bool])
def test_one_block_of_numbers_is_not_copied(dtype):
    rng = np.random.default_rng(3)
    X = (
        rng.integers(0, 2, (60, 3)).astype(dtype)
        if dtype is bool
        else (10 * rng.normal(size=(60, 3))).astype(dtype)
    )
    y = rng.integers(0, 2, 60)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    r = sx.fit(frame, y)
    assert np.shares_memory(r._observations.design.rows._chunks[0].array, frame.to_numpy())
    expected = sx.fit(frame.to_numpy(), y)
    same(r, expected)
    assert r.terms.of_numbers
    np.testing.assert_array_equal(r.predict_proba(frame), expected.predict_proba(frame.to_numpy()))
    np.testing.assert_array_equal(r.predict_proba(frame[["c", "a", "b"]]), expected.predict_proba(X))


def test_columns_beside_those_of_other_roles_are_a_view():
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.integers(0, 2, 60), rng.normal(size=(60, 3))])
    whole = pd.DataFrame(X, columns=["y", "a", "b", "c"])
    r = sx.fit(whole, "y")
    assert np.shares_memory(r._observations.design.rows._chunks[0].array, whole.to_numpy())
    same(r, sx.fit(whole.to_numpy()[:, 1:], whole["y"].to_numpy()))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(decimals(range(30))),
        pd.Series(range(30), dtype="Int64"),
        pd.Series(range(30), dtype="Float32"),
        pd.Series(range(30), dtype="int8[pyarrow]"),
        pd.Series(decimals(range(30)), dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
        pd.Series(np.arange(30.0), dtype="Sparse[float64]"),
        pd.Series(list(range(30)), dtype=object),
        pl.Series(decimals(range(30))),
        pl.Series(range(30), dtype=pl.UInt8),
        pl.Series(range(30), dtype=pl.Int128),
        pa.array(decimals(range(30))),
        pa.array(range(30), pa.float32()),
    ],
    ids=lambda column: str(getattr(column, "dtype", None) or column.type),
)
def test_numbers_of_every_type(column):
    y = np.tile([0, 1, 1], 10)
    table = {pd.Series: pd.DataFrame, pl.Series: pl.DataFrame}.get(type(column), pa.table)({"x": column})
    r = sx.fit(table, y)
    same(r, sx.fit(np.arange(30.0)[:, None], y))
    assert [one.kind for one in r.terms.columns] == ["number"]


@pytest.mark.parametrize(
    "column",
    [
        np.tile([True, False, True], 10),
        pd.Series(np.tile([True, False, True], 10), dtype="boolean"),
        pd.Series(np.tile([True, False, True], 10), dtype="bool[pyarrow]"),
        pd.Series(np.tile([True, False, True], 10), dtype=object),
        pl.Series(np.tile([True, False, True], 10)),
    ],
    ids=["numpy", "nullable", "pyarrow", "object", "polars"],
)
def test_truth_values_of_every_type(column):
    y = np.tile([0, 1, 1, 0, 0], 6)
    r = sx.fit({"x": column}, y)
    same(r, sx.fit(np.tile([1.0, 0.0, 1.0], 10)[:, None], y))
    assert r.param_names == ("intercept", "x")
    [variable] = r.terms.variables
    assert (variable.kind, variable.levels, variable.base) == ("binary", (False, True), False)
    np.testing.assert_array_equal(r.predict_proba({"x": [1, 0]}), r.predict_proba({"x": [True, False]}))


def test_names_that_are_no_text():
    X = np.random.default_rng(0).normal(size=(40, 2))
    frame = pd.DataFrame(X)
    r = sx.fit(frame, np.tile([0, 1], 20))
    assert r.param_names == ("intercept", "0", "1")
    np.testing.assert_array_equal(r.predict(frame[[1, 0]]), r.predict(X))
    frame.columns = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    assert sx.fit(frame, np.tile([0, 1], 20)).param_names == ("intercept", "('a', 1)", "('b', 2)")


# -- the response ------------------------------------------------------------------------------------


def test_categories_of_y_are_sorted(df):
    ordered = pd.Categorical(df["low"], categories=["yes", "no", "never"], ordered=True)
    r = sx.fit(df[["age"]], pd.Series(ordered, index=df.index))
    assert r.classes.tolist() == ["no", "yes"]
    assert r.reference == "no"
    assert sx.fit(
        pl.DataFrame(
            {"age": df["age"].to_numpy(), "y": pl.Series(list(ordered), dtype=pl.Enum(["yes", "no"]))}
        ),
        "y",
    ).classes.tolist() == ["no", "yes"]


@pytest.mark.parametrize("make", ["pandas", "polars", "pyarrow"])
def test_counts_are_a_table(df, make):
    counts = pd.DataFrame({"good": df["w"], "bad": 4 - df["w"]}, index=df.index)
    r = sx.fit(df[["age"]], MAKES[make](counts))
    same(r, sx.fit(df[["age"]].to_numpy(), counts.to_numpy(), classes=["good", "bad"]))
    single = sx.fit(df[["age"]], MAKES[make](df[["low"]]))
    same(single, sx.fit(df[["age"]].to_numpy(), df["low"].to_numpy()))
    assert single.terms.response == "low"


def test_the_name_of_a_series_is_that_of_the_response(df):
    r = sx.fit(df[["age"]], df["low"])
    assert r.predict(df).name == "low"
    assert "low = yes against no" in str(r.summary())
    assert sx.fit(df[["age"]], df["low"].to_numpy()).terms.response == "y"


# -- tables after a fit of an array ------------------------------------------------------------------


def test_a_table_after_an_array_is_taken_by_name_where_it_has_the_names(df):
    X, y = np.ascontiguousarray(df[["age", "visits"]].to_numpy(float)), df["low"].to_numpy()
    expected = sx.fit(X, y).predict_proba(X)
    named, bare = sx.fit(X, y, names=["age", "visits"]), sx.fit(X, y)
    np.testing.assert_array_equal(named.predict_proba(df), expected)
    np.testing.assert_array_equal(named.predict_proba(df[["visits", "age"]]), expected)
    np.testing.assert_array_equal(bare.predict_proba(df[["age", "visits"]]), expected)
    with pytest.raises(
        ValueError,
        match=r"^X must have the columns of the fit, 'x1', 'x2', or 2 columns in their order; it has 7$",
    ):
        bare.predict(df)


# -- what is refused ---------------------------------------------------------------------------------


def test_columns_that_are_neither_numbers_nor_levels(df):
    y = df["low"]
    ends = ": make numbers of it, or categories, or leave it out"
    begins = "X must have columns of numbers, truth values, text or categories; column 'd' holds "
    day = np.array(["2020-01-01"], "M8[s]").repeat(N)
    refused(f"{begins}datetime64[s]{ends}", df[["age"]].assign(d=day), y)
    refused(f"{begins}complex128{ends}", df[["age"]].assign(d=1j), y)
    refused(f"{begins}object of int and str{ends}", df[["age"]].assign(d=["a", 1, *["b"] * (N - 2)]), y)
    refused(f"{begins}Date{ends}", pl.DataFrame({"d": day.astype("M8[ms]")}).cast(pl.Date), y.to_numpy())
    refused(f"{begins}list<item: int64>{ends}", pa.table({"d": [[1]] * N}), y.to_numpy())
    refused(f"{begins}timedelta64[s]{ends}", {"d": day - day[0]}, y.to_numpy())


def test_tables_that_are_none(df):
    y = df["low"].to_numpy()
    refused(
        "X is a lazy frame (polars.lazyframe.frame.LazyFrame), whose rows are not there yet; pass what its "
        "collect() returns",
        pl.LazyFrame({"x": [1.0]}),
        y,
        TypeError,
    )
    refused("X has no rows; at least one is needed", df.iloc[:0], y)
    refused("X has 2 columns named 'age'; names must differ", df[["age", "age"]], y)
    refused("X must have columns of one length; got 'a' 2, 'b' 1", {"a": [1, 2], "b": [1]}, y)
    twice = pd.DataFrame([[1, 2.0]], columns=[1, "1"])
    refused("X has 2 columns named '1'; names must differ", twice, y)
    refused(
        "names are those of the table's columns; rename the columns, or pass the array of the table",
        df[["age"]],
        y,
        names=["years"],
    )


def test_a_relation_of_a_database_is_lazy():
    duckdb = pytest.importorskip("duckdb")
    with pytest.raises(TypeError, match=r"^X is a lazy frame \(.*DuckDBPyRelation\), whose rows are not"):
        sx.fit(duckdb.sql("select 1 as x"), [0, 1])


def test_columns_that_are_not_there(df):
    refused("y='lowe': X has no column 'lowe'; did you mean 'low'?", df, "lowe")
    refused(
        "offset='q': X has no column 'q'; it has 'age', 'visits', 'race', 'smoke', 'site', 'low', 'w'",
        df,
        "low",
        offset="q",
    )
    refused(
        f"sample_weight='site': the column must hold numbers; it holds {df['site'].dtype}",
        df,
        "low",
        sample_weight="site",
    )
    refused("sample_weight must hold numbers; it holds category", df, "low", sample_weight=df["race"])
    refused("y may name a column only where X is a table; got 'low'", df[["age"]].to_numpy(), "low")
    r = sx.fit(df[EXPLAIN], df["low"])
    with pytest.raises(ValueError, match=r"^X has no column 'age'; did you mean 'Age'\?$"):
        r.predict(df.rename(columns={"age": "Age"}))
    with pytest.raises(
        ValueError, match=r"^X has no columns 'race', 'smoke'; for 'smoke', did you mean 'smoker'\?$"
    ):
        r.predict(df.rename(columns={"smoke": "smoker"}).drop(columns="race"))
    with pytest.raises(
        ValueError, match=r"^X column 'age' must hold numbers, as in the fit; it holds (str|object)$"
    ):
        r.predict(df.assign(age="old"))
    message = (
        "X column 'smoke' must hold truth values, or 0 and 1, as in the fit; "
        f"{N - 5} values are neither, the first 2 in row 5"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        r.predict(df.assign(smoke=[0] * 5 + [2] * (N - 5)))


@pytest.mark.parametrize("name", ["y", "sample_weight", "offset"])
def test_rows_under_another_index_are_refused(df, name):
    X = df[["age"]]
    moved = df["w"].sort_index()
    given = {"y": df["low"], name: moved}
    differ = int((df.index != moved.index).sum())
    first = int(np.argmax(df.index != moved.index))
    message = (
        f"{name} must have the index of X, since rows are taken in their order; they differ in {differ} of "
        f"{N} rows, the first row {first}, where X has {df.index[first]} and {name} has "
        f"{moved.index[first]}; align them, or pass {name}.to_numpy()"
    )
    refused(message, X, **given)
    given[name] = moved.to_numpy()
    assert sx.fit(X, **given).nobs > 0
    if name != "y":
        refused(message.replace("X", "data"), "low ~ age", None, data=df, **{name: moved})


def test_the_offset_of_a_prediction_has_the_index_of_its_rows(df):
    r = sx.fit(df[["age"]], df["low"], offset=df["w"])
    np.testing.assert_array_equal(r.predict_proba(df, offset="w"), r.predict_proba(df, offset=df["w"]))
    np.testing.assert_array_equal(
        r.predict_proba(df, offset="w"), r.predict_proba(df, offset=df["w"].to_numpy())
    )
    with pytest.raises(ValueError, match=r"^offset must have the index of X"):
        r.predict(df, offset=df["w"].sort_index())
    with pytest.raises(ValueError, match=r"^offset='v': X has no column 'v'; it has 'age'$"):
        r.predict(df[["age"]], offset="v")


# -- other doors -------------------------------------------------------------------------------------


def test_many_fits_and_comparisons_take_tables(df):
    X, y = by_hand(df), df["low"].to_numpy()
    many = sx.fit_many(df.drop(columns="w"), "low", groups=df["visits"] > 4, l2=1.0)
    np.testing.assert_array_equal(many.params, sx.fit_many(X, y, groups=df["visits"] > 4, l2=1.0).params)
    assert many.param_names == ("intercept", *NAMES)
    with pytest.raises(ValueError, match=r"^groups must have the index of X"):
        sx.fit_many(df[["age"]], df["low"], groups=df["visits"].sort_index())
    assert str(sx.compare(df.drop(columns="w"), "low").title) == f"comparison, {N} x 6, 2 classes"


def test_what_is_a_table():
    assert all(map(frames.is_table, (pd.DataFrame(), pl.DataFrame(), pa.table({}), {}, pl.LazyFrame())))
    series = (pd.Series([1.0]), pl.Series([1]), pa.chunked_array([[1]]))
    assert not any(map(frames.is_table, (np.zeros((2, 2)), [[1]], "a", None, sx.datasets, *series)))
    assert origin_of({"a": [1]}) is None
    assert origin_of(np.zeros((2, 2))) is None
    assert Table({"a": [1, 2]}).names == ("a",)


def test_a_column_of_a_mapping_has_one_dimension():
    refused("X column 'a' must have one dimension; it has shape (2, 1)", {"a": [[1], [2]]}, [0, 1])


def test_polars_and_arrow_need_no_pandas():
    code = (
        "import sys\n"
        "class NoPandas:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'pandas':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, NoPandas())\n"
        "import polars as pl, sigmax as sx, numpy as np\n"
        "d = pl.DataFrame({'x': np.arange(30.), 's': ['a', 'b', 'c'] * 10, 'y': [0, 1, 1, 0, 1] * 6})\n"
        "for t in (d, d.to_arrow()):\n"
        "    r = sx.fit(t, 'y')\n"
        "    r.predict(t), r.margins(), r.residuals(), r.diagnostics().to_frame(), r.predict_proba(t, 0.9)\n"
        "    assert sx.fit(t, 'y', missing='drop').dropped is None\n"
        "print(r.param_names)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.strip() == "('intercept', 'x', 's[T.b]', 's[T.c]')"


@pytest.mark.parametrize("make", ["objects", "width", "bytes", "any width", "objects with missing"])
def test_text_of_numpy_is_levels(make):
    cells = np.tile(["b", "a", "c", "b"], 10)
    text = {
        "objects": lambda: cells.astype(object),
        "width": lambda: cells,
        "bytes": lambda: cells.astype("S"),
        "any width": lambda: cells.astype(np.dtypes.StringDType()),
        "objects with missing": lambda: np.array([*cells, None, np.nan, pd.NA], dtype=object),
    }[make]()
    column = of_array("g", text)
    assert (column.kind, column.levels) == ("levels", ("a", "b", "c"))
    assert column.labels()[:40].tolist() == cells.tolist()
    if make == "objects with missing":
        assert np.flatnonzero(column.missing).tolist() == [40, 41, 42]
    else:
        assert column.missing is None


def test_missing_text_of_any_width():
    text = np.array(["a", None, "b"], dtype=np.dtypes.StringDType(na_object=None))
    column = of_array("g", text)
    assert column.missing.tolist() == [False, True, False]
    assert column.levels == ("a", "b")


def test_decimals_are_the_nearest_doubles():
    x = [Decimal("0.1"), Decimal("2.675"), Decimal("-1.005"), Decimal("123456789.123456789")]
    for table in (pd.DataFrame({"x": x}), pl.DataFrame({"x": x}), pa.table({"x": x})):
        np.testing.assert_array_equal(Table(table).column("x").floats(), [float(value) for value in x])


def test_cells_that_are_tables_are_refused_by_name():
    pl = pytest.importorskip("polars")
    for cells in ([{"a": 1.0}] * 4, np.ones((4, 2))):
        frame = pl.DataFrame({"cells": cells, "x": [1.0, 2.0, 4.0, 3.0]})
        with pytest.raises(ValueError, match=r"column 'cells' holds (Struct|Array)"):
            sx.fit(frame, [0, 1, 0, 1])


def test_what_is_said_of_columns_that_are_named_otherwise():
    frame = pd.DataFrame({0: np.arange(20.0), 3: np.tile([0, 1], 10)})
    with pytest.raises(ValueError, match=r"^y=3 is a number; a column is named by text: y='3'$"):
        sx.fit(frame, 3)
    assert sx.fit(frame, "3").param_names == ("intercept", "0")
    r = sx.fit(frame[[0]], frame[3])
    with pytest.raises(
        ValueError, match=r"^X column '0' must have one dimension; it has shape \(\); one row is"
    ):
        r.predict({"0": 1.5})
    np.testing.assert_array_equal(r.predict_proba({"0": [1.5]}), r.predict_proba([[1.5]]))


def test_an_array_of_cells_is_no_table(df):
    part = df[["age", "race"]]
    r = sx.fit(part, df["low"])
    for cells in (part.to_numpy(dtype=object), part.iloc[0]):
        with pytest.raises(
            ValueError, match="X must be a table with the columns of the fit, 'age', 'race', or"
        ):
            r.predict(cells)
