"""What has a value a row comes back in the library of the rows, under their index, bits unchanged."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tables_of_makes import EXPLAIN, MAKES, N, by_hand, people

import sigmax as sx
from sigmax.data.tabular.tables import Origin
from sigmax.inference import labelled

VECTOR = {"pandas": pd.Series, "pandas pyarrow": pd.Series, "polars": pl.Series, "pyarrow": pa.ChunkedArray}
FRAME = {"pandas": pd.DataFrame, "pandas pyarrow": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.Table}


def table(left):
    df = people()
    return df.assign(kind=np.where(df["visits"] > 5, 3, np.where(df["visits"] > 2, 2, 1))).drop(
        columns="visits"
    ), left


@pytest.fixture(scope="module", params=["low", "kind"])
def both(request):
    """The table, and the fit of its array."""
    df, left = table(request.param)
    explain = [name for name in EXPLAIN if name != "visits"]
    X = np.delete(by_hand(df.assign(visits=0)), 1, axis=1)
    return df[[*explain, left]], X, left, sx.fit(X, df[left].to_numpy())


def array(values):
    return np.asarray(values)


def equal(found, expected, kind, index=None):
    assert isinstance(found, kind)
    np.testing.assert_array_equal(array(found), expected)
    if index is not None:
        assert found.index.equals(index)
        assert found.index.name == index.name


@pytest.mark.parametrize("make", VECTOR)
def test_predictions(both, make):
    df, X, left, expected = both
    made = MAKES[make](df)
    r = sx.fit(made, left)
    index = df.index if "pandas" in make else None
    vector, frame = VECTOR[make], FRAME[make]
    equal(r.predict(made), expected.predict(X), vector, index)
    equal(r.sample(made, 5), expected.sample(X, 5), vector, index)
    equal(r.sample(made, 5, size=2), expected.sample(X, 5, size=2).T, frame, index)
    proba = r.predict_proba(made)
    equal(proba, expected.predict_proba(X), frame, index)
    classes = expected.classes.tolist()
    assert list(getattr(proba, "column_names", None) or proba.columns) == (
        classes if "pandas" in make else [str(label) for label in classes]
    )
    logits = r.decision_function(made)
    equal(logits, expected.decision_function(X), vector if len(classes) == 2 else frame, index)
    for found, wanted in zip(r.predict_proba(made, 0.9), expected.predict_proba(X, 0.9), strict=True):
        equal(found, wanted, frame, index)
    assert isinstance(r.predict_proba(X), np.ndarray)
    assert isinstance(r.symmetric().decision_function(made), frame)


@pytest.mark.parametrize("make", VECTOR)
def test_measures_of_the_rows_of_the_fit(both, make):
    df, _, left, expected = both
    r = sx.fit(MAKES[make](df), left)
    index = df.index if "pandas" in make else None
    vector, frame = VECTOR[make], FRAME[make]
    equal(r.leverage, expected.leverage, vector, index)
    equal(r.cooks_distance, expected.cooks_distance, vector, index)
    for kind in ("deviance", "pearson", "response", "working", "standardized"):
        wanted = expected.residuals(kind)
        equal(r.residuals(kind), wanted, vector if wanted.ndim == 1 else frame, index)
    for name in ("dfbeta", "dfbetas"):
        found, wanted = getattr(r, name), getattr(expected, name)
        equal(found, wanted.reshape(N, -1), frame, index)
    columns = list(getattr(found, "column_names", None) or found.columns)
    labels = [""] if wanted.ndim == 2 else [f"{label}: " for label in expected.row_labels]
    assert columns == [f"{label}{name}" for label in labels for name in r.param_names]
    shown = r.diagnostics().to_frame()
    equal(shown, expected.diagnostics().to_frame().to_numpy(), frame, index)
    assert list(getattr(shown, "column_names", None) or shown.columns)[-len(columns) :] == [
        f"dfbetas[{name}]" for name in columns
    ]
    assert isinstance(r.diagnostics().leverage, np.ndarray)


def test_names_of_series():
    df, _ = table("low")
    r = sx.fit(df[["age", "race"]], df["low"])
    assert r.predict(df).name == "low"
    assert r.sample(df, 1).name == "low"
    assert r.decision_function(df).name == "logit"
    assert r.leverage.name == "leverage"
    assert r.residuals("pearson").name == "pearson"
    polars = sx.fit(pl.from_pandas(df), "low")
    assert polars.predict(pl.from_pandas(df)).name == "low"
    assert list(sx.fit(df[["age"]], df["kind"]).residuals("working").columns) == [2, 3]


@pytest.mark.parametrize("formula", [False, True])
def test_an_index_of_several_levels_and_rows_that_went(formula):
    df, _ = table("low")
    df.index = pd.MultiIndex.from_arrays([np.arange(N) // 3, np.arange(N)[::-1]], names=["block", "id"])
    df.iloc[[0, 5], 0] = np.nan
    r = (
        sx.fit("low ~ age", data=df, missing="drop")
        if formula
        else sx.fit(df[["age"]], df["low"], missing="drop")
    )
    kept = df.index.delete([0, 5])
    assert r.residuals().index.equals(kept)
    assert r.dfbetas.index.equals(kept)
    assert r.diagnostics().to_frame().index.equals(kept)
    # rows to predict are a matter of their own
    assert r.predict(df.iloc[7:2:-1].drop(index=df.index[5])).index.equals(df.index[[7, 6, 4, 3]])


def test_a_formula_gives_back_what_it_was_given():
    df, _ = table("low")
    from_polars = sx.fit("low ~ age + race", data=pl.from_pandas(df))
    from_pandas = sx.fit("low ~ age + race", data=df)
    np.testing.assert_array_equal(from_polars.params, from_pandas.params)
    assert isinstance(from_polars.leverage, pl.Series)
    assert isinstance(from_polars.predict(pl.from_pandas(df)), pl.Series)
    equal(from_polars.predict(df), from_pandas.predict(df), pd.Series, df.index)
    assert isinstance(sx.fit("low ~ age", data={name: df[name] for name in df}).leverage, np.ndarray)


def test_arrays_stay_arrays():
    df, _ = table("low")
    r = sx.fit(df[["age"]].to_numpy(), df["low"])
    for found in (r.predict(df[["age"]].to_numpy()), r.residuals(), r.leverage, r.dfbeta):
        assert type(found) is np.ndarray
    frame = r.diagnostics().to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame.index.equals(pd.RangeIndex(N))
    # mappings and records have no library of their own
    assert type(sx.fit({"age": df["age"]}, df["low"].to_numpy()).leverage) is np.ndarray


def test_performance_of_new_rows_reads_tables():
    df, _ = table("low")
    r = sx.fit(df[["age", "race"]], df["low"])
    X, y = r.terms.design(df), df["low"].to_numpy()
    arrays = sx.fit(X, y)
    assert str(r.calibration(df, df["low"])) == str(arrays.calibration(X, y))


def test_a_tuple_is_one_name_of_a_column():
    found = labelled.frame(Origin(None, pd.RangeIndex(2)), np.eye(2), [("a", 1), ("b", 2)])
    assert found.columns.nlevels == 1
    assert list(found.columns) == [("a", 1), ("b", 2)]
