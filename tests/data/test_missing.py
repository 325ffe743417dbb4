"""Missing values: refused by name, or left out on the record."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tables_of_makes import EXPLAIN, FRAMES, MAKES, N, by_hand, people, same

import sigmax as sx
from sigmax.data.tabular.series import read_series

#: column -> rows without a value
GAPS = {"age": [3], "race": [3, 7], "smoke": [20], "low": [9, 3], "w": [30, 31]}
GONE = [3, 7, 9, 20, 30, 31]
COUNTS = {"age": 1, "visits": 0, "race": 2, "smoke": 1, "low": 2, "w": 2}


@pytest.fixture(scope="module")
def df():
    return people()


@pytest.fixture(scope="module")
def kept(df):
    return df.iloc[np.setdiff1d(np.arange(N), GONE)]


def gappy(make, df, gaps=GAPS):
    """The table with rows that have no value, in a make."""
    frame = df.copy()
    frame["smoke"] = frame["smoke"].astype("boolean" if make != "pandas" else object)
    for name, rows in gaps.items():
        frame.iloc[rows, frame.columns.get_loc(name)] = None
    return MAKES[make](frame)


@pytest.mark.parametrize("make", FRAMES)
def test_rows_that_go_are_on_record(df, kept, make):
    r = sx.fit(gappy(make, df), "low", sample_weight="w", missing="drop")
    same(r, sx.fit(kept, "low", sample_weight="w"))
    assert r.dropped.n == len(GONE)
    assert r.dropped.rows.tolist() == GONE
    assert r.dropped.by_column == {name: count for name, count in COUNTS.items() if count}
    assert r.dropped.n_given == N
    text = "6 rows of 150 with missing values left out: age 1, race 2, smoke 1, low 2, w 2"
    assert str(r.dropped) == text
    assert f"dropped {text}" in " ".join(str(r.summary()).split())
    assert len(r.residuals()) == N - len(GONE)
    assert r.rebase("yes").dropped is r.dropped


@pytest.mark.parametrize("make", [*FRAMES, "mapping"])
def test_rows_of_a_formula_go_too(df, kept, make):
    frame = gappy(make, df, {name: GAPS[name] for name in ("age", "race", "low", "w")} | {"visits": []})
    r = sx.fit("low ~ age + race", data=frame, sample_weight="w", missing="drop")
    rows = np.setdiff1d(np.arange(N), [3, 7, 9, 30, 31])
    same(r, sx.fit("low ~ age + race", data=df.iloc[rows], sample_weight="w"))
    assert r.dropped.rows.tolist() == [3, 7, 9, 30, 31]
    assert r.dropped.by_column == {"low": 2, "age": 1, "race": 2, "w": 2}
    # what the formula does not name may have gaps
    assert sx.fit("low ~ visits", data=frame, missing="drop").dropped.rows.tolist() == [3, 9]


def test_y_weights_and_offset_go_with_their_rows(df):
    y, w, shift = df["low"].astype(object), df["w"].copy(), df["age"] / 50.0
    y.iloc[4], w.iloc[5], shift.iloc[6] = None, np.nan, np.nan
    X = df[["age", "visits"]]
    array = np.ascontiguousarray(X.to_numpy())
    expected = sx.fit(
        np.delete(array, [4, 5, 6], axis=0),
        np.delete(df["low"].to_numpy(), [4, 5, 6]),
        sample_weight=np.delete(df["w"].to_numpy(), [4, 5, 6]),
        offset=np.delete(shift.to_numpy(), [4, 5, 6]),
    )
    series = {"y": y, "sample_weight": w, "offset": shift}
    arrays = {name: value.to_numpy() for name, value in series.items()}
    counts = {"y": 1, "sample_weight": 1, "offset": 1}
    for table, given in ((X, series), (X, arrays), (array, arrays), (array, series)):
        r = sx.fit(table, **given, missing="drop")
        same(r, expected)
        assert r.dropped.rows.tolist() == [4, 5, 6]
        assert r.dropped.by_column == counts
    data = X.assign(low=df["low"])
    r = sx.fit("low ~ age + visits", data=data, sample_weight=w, offset=arrays["offset"], missing="drop")
    assert r.dropped.by_column == {"sample_weight": 1, "offset": 1}
    same(
        r,
        sx.fit(
            "low ~ age + visits",
            data=data.iloc[np.setdiff1d(np.arange(N), [5, 6])],
            sample_weight=np.delete(df["w"].to_numpy(), [5, 6]),
            offset=np.delete(shift.to_numpy(), [5, 6]),
        ),
    )


def test_an_argument_with_the_name_of_a_column(df):
    w = df["w"].copy()
    w.iloc[5] = np.nan
    r = sx.fit(
        df[["age"]].rename(columns={"age": "sample_weight"}), df["low"], sample_weight=w, missing="drop"
    )
    assert r.dropped.by_column == {"sample_weight (argument)": 1}


def test_rows_of_arrays_go_too(df):
    X, y = by_hand(df), df["low"].to_numpy(dtype=object)
    X[2, 0] = X[2, 1] = X[5, 1] = np.nan
    r = sx.fit(X, y, missing="drop")
    same(r, sx.fit(np.delete(X, [2, 5], axis=0), np.delete(y, [2, 5])))
    assert r.dropped.by_column == {"x1": 1, "x2": 2}
    assert r.dropped.rows.tolist() == [2, 5]
    named = sx.fit(X, y, names=list("abcdef"), missing="drop")
    assert named.dropped.by_column == {"a": 1, "b": 2}
    counts = np.column_stack([df["w"], 4 - df["w"]])
    counts[8, 1] = np.nan
    grouped = sx.fit(by_hand(df), counts, missing="drop")
    same(grouped, sx.fit(np.delete(by_hand(df), 8, axis=0), np.delete(counts, 8, axis=0)))
    with pytest.raises(
        ValueError, match=r"^missing='drop' takes an array or a table; leave rows of Chunks out"
    ):
        sx.fit(sx.data.chunks.Chunks([X]), y, missing="drop")


def test_a_level_whose_rows_all_go_is_no_level(df):
    frame = df.copy()
    frame.loc[frame["race"] == "other", "age"] = np.nan
    r = sx.fit(frame[["age", "race"]], frame["low"], missing="drop")
    assert r.param_names == ("intercept", "age", "race[T.white]")
    assert not r.aliased.any()


def test_nothing_missing_is_nothing_dropped(df):
    whole = sx.fit(df[EXPLAIN], df["low"], missing="drop")
    same(whole, sx.fit(df[EXPLAIN], df["low"]))
    assert whole.dropped is None
    assert "dropped" not in str(whole.summary())
    assert sx.fit(by_hand(df), df["low"].to_numpy(), missing="drop").dropped is None
    assert sx.fit("low ~ age", data=df, missing="drop").dropped is None


def test_no_row_is_left(df):
    message = "missing='drop' leaves no row: 150 rows of 150 with missing values left out: age 150"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        sx.fit(df[["age"]].assign(age=np.nan), df["low"], missing="drop")


def test_clusters_of_all_rows_or_of_those_kept(df, kept):
    r = sx.fit(gappy("pandas", df), "low", sample_weight="w", missing="drop")
    whole = sx.fit(kept, "low", sample_weight="w")
    expected = whole.cov_params(groups=kept["visits"].to_numpy())
    for groups in (df["visits"], df["visits"].to_numpy(), kept["visits"], kept["visits"].to_numpy()):
        np.testing.assert_array_equal(r.cov_params(groups=groups), expected)
    with pytest.raises(ValueError, match=r"^groups must have the index of the table of the fit, since rows"):
        whole.cov_params(groups=kept["visits"].sort_index())


# -- refused -----------------------------------------------------------------------------------------

ADVICE = "; missing='drop' leaves such rows out"


@pytest.mark.parametrize("make", FRAMES)
@pytest.mark.parametrize("name", ["age", "race", "smoke", "low", "w"])
def test_missing_values_are_refused_by_name(df, make, name):
    rows = GAPS[name]
    message = (
        f"X must not have missing values; column {name!r} has {len(rows)} missing "
        f"value{'s' * (len(rows) > 1)}, the first in row {min(rows)}{ADVICE}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        sx.fit(gappy(make, df, {name: rows}), "low", sample_weight="w")


def test_nan_is_missing_in_floats_of_every_make():
    x = np.array([1.0, np.nan, 3.0, np.nan])
    for table in (pd.DataFrame({"a": x}), pl.DataFrame({"a": x}), pa.table({"a": x}), {"a": x}):
        message = (
            f"X must not have missing values; column 'a' has 2 missing values, the first in row 1{ADVICE}"
        )
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            sx.fit(table, [0, 1, 0, 1])


def test_numbers_that_are_infinite_are_refused_by_name(df):
    for table in (df[["age"]], df[["visits", "age"]]):
        table = table.copy()
        table.iloc[[6, 8], table.columns.get_loc("age")] = [np.inf, -np.inf]
        message = "X must be finite; column 'age' has 2 infinite values, the first in row 6"
        for missing in ("raise", "drop"):
            with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
                sx.fit(table, df["low"], missing=missing)


def test_series_beside_the_table(df):
    y, w = df["low"].copy(), df["w"].astype("Float64")
    y.iloc[4], w.iloc[5] = None, pd.NA
    for X in (df[["age"]], df[["age"]].to_numpy()):
        message = f"y must not have missing values; it has 1 missing value, the first in row 4{ADVICE}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            sx.fit(X, y)
        message = message.replace("row 4", "row 5").replace("y must", "sample_weight must")
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            sx.fit(X, df["low"], sample_weight=w)


def test_rows_to_predict_must_be_complete(df):
    r = sx.fit(df[EXPLAIN], df["low"])
    numbers = sx.fit(df[["age"]], df["low"])
    for name in ("age", "race"):
        frame = df.copy()
        frame.iloc[[8, 9], frame.columns.get_loc(name)] = None
        message = f"X must not have missing values; column {name!r} has 2 missing values, the first in row 8"
        for fitted in (r, numbers) if name == "age" else (r,):
            with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
                fitted.predict_proba(frame)


def test_the_argument_has_two_values(df):
    with pytest.raises(ValueError, match=r"^missing must be one of 'raise', 'drop'; got 'omit'$"):
        sx.fit(df[["age"]], df["low"], missing="omit")


def test_rows_to_predict_of_one_block_of_numbers_are_looked_at():
    frame = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0) % 3})
    r = sx.fit(frame, np.tile([0, 1], 10))
    frame.loc[[4, 6], "b"] = np.nan
    message = "X must not have missing values; column 'b' has 2 missing values, the first in row 4"
    for call in (r.predict, r.predict_proba, r.decision_function):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            call(frame)


def test_where_nothing_is_dropped_a_block_of_numbers_is_not_copied():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=list("abc"))
    r = sx.fit(frame, np.tile([0, 1], 10), missing="drop")
    assert np.shares_memory(r._observations.design.rows._chunks[0].array, frame.to_numpy())


def test_missing_whole_numbers_are_nan_among_floats():
    column = read_series(pl.Series("a", [3, None, 5]), "a")
    np.testing.assert_array_equal(column.floats(), [3.0, np.nan, 5.0])
    assert column.values.dtype.kind == "i"
