"""Columns of levels in treatment coding: the order of the levels, new ones, margins, and what is stored."""

import json
import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tables_of_makes import EXPLAIN, NAMES, by_hand, people, same

import sigmax as sx
from sigmax.data.tabular.coding import Coding
from sigmax.data.tabular.tables import Table

Y = np.tile([0, 1, 1, 0, 1, 0, 1], 6)
CELLS = ["b", "a", "c"] * 14


@pytest.fixture(scope="module")
def df():
    return people()


@pytest.fixture(scope="module")
def r(df):
    return sx.fit(df[EXPLAIN], df["low"], sample_weight=df["w"])


# -- levels ------------------------------------------------------------------------------------------

DECLARED = ["c", "unused", "b", "a"]
DICTIONARY = pa.DictionaryArray.from_arrays


@pytest.mark.parametrize(
    ("column", "levels"),
    [
        (np.array(CELLS), ("a", "b", "c")),
        (pd.Series(CELLS, dtype=object), ("a", "b", "c")),
        (pd.Series(CELLS, dtype="string"), ("a", "b", "c")),
        (pd.Series(CELLS, dtype="string[pyarrow]"), ("a", "b", "c")),
        (pd.Series(pd.Categorical(CELLS, DECLARED)), ("c", "b", "a")),
        (pd.Series(pd.Categorical(CELLS, DECLARED, ordered=True)), ("c", "b", "a")),
        (pd.Series(CELLS, dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))), ("a", "b", "c")),
        (pl.Series(CELLS), ("a", "b", "c")),
        (pl.Series(CELLS, dtype=pl.Categorical), ("a", "b", "c")),
        (pl.Series(CELLS, dtype=pl.Enum(DECLARED)), ("c", "b", "a")),
        (pa.chunked_array([pa.array(CELLS)]), ("a", "b", "c")),
        (
            pa.chunked_array(
                [pa.array(CELLS[:20]).dictionary_encode(), pa.array(CELLS[20:]).dictionary_encode()]
            ),
            ("a", "b", "c"),
        ),
        (
            pa.chunked_array([DICTIONARY(pa.array([2, 3, 0] * 14), pa.array(DECLARED), ordered=True)]),
            ("c", "b", "a"),
        ),
    ],
)
def test_the_order_of_the_levels(column, levels):
    fitted = sx.fit({"s": column}, Y)
    assert fitted.terms.columns[0].levels == levels
    assert fitted.param_names == ("intercept", f"s[T.{levels[1]}]", f"s[T.{levels[2]}]")
    cells = np.array(CELLS)
    same(fitted, sx.fit(np.column_stack([cells == level for level in levels[1:]]).astype(float), Y))


@pytest.mark.parametrize(
    ("column", "levels", "names"),
    [
        (pd.Series(pd.Categorical([3, 1, 2] * 14)), (1, 2, 3), ("s[T.2]", "s[T.3]")),
        (pa.chunked_array([pa.array([3, 1, 2] * 14).dictionary_encode()]), (1, 2, 3), ("s[T.2]", "s[T.3]")),
        (pd.Series(pd.Categorical([0.5, 2.0, 0.5] * 14)), (0.5, 2), ("s[T.2]",)),
        (pd.Series(pd.Categorical([True, False, True] * 14)), (False, True), ("s[T.True]",)),
        (
            pd.cut(pd.Series([1, 3, 5] * 14), [0, 2, 4, 9]),
            ("(0, 2]", "(2, 4]", "(4, 9]"),
            ("s[T.(2, 4]]", "s[T.(4, 9]]"),
        ),
    ],
)
def test_levels_that_are_no_text(column, levels, names):
    fitted = sx.fit({"s": column}, Y)
    assert fitted.terms.columns[0].levels == levels
    assert fitted.param_names[1:] == names
    np.testing.assert_array_equal(
        fitted.predict_proba({"s": column})[:3],
        fitted.predict_proba({"s": list(levels)})[
            [
                np.array(levels).tolist().index(v)
                for v in np.array(levels)[fitted.terms.rows({"s": column})["s"][:3]].tolist()
            ]
        ],
    )


def test_numbers_may_stand_for_levels_that_are_numbers():
    fitted = sx.fit(pd.DataFrame({"s": pd.Categorical([3, 1, 2] * 14)}), Y)
    coded = fitted.terms.design({"s": [1, 2, 3]})
    np.testing.assert_array_equal(coded, [[0, 0], [1, 0], [0, 1]])
    np.testing.assert_array_equal(fitted.terms.design({"s": [1.0, 2.0, 3.0]}), coded)


def test_without_an_intercept_the_first_column_of_levels_is_whole(df):
    formula = sx.fit("low ~ age + race + site - 1", data=df)
    table = sx.fit(df[["age", "race", "site"]], df["low"], fit_intercept=False)
    assert table.param_names == ("age", "race[black]", "race[other]", "race[white]", "site[T.south]")
    assert sorted(table.param_names) == sorted(formula.param_names)
    order = [formula.param_names.index(name) for name in table.param_names]
    np.testing.assert_allclose(table.params, formula.params[order], rtol=1e-11)
    again = Coding.of_state(json.loads(json.dumps(table.terms.state())))
    np.testing.assert_array_equal(again.design(df), table.terms.design(df))


def test_one_level_alone_has_no_column():
    fitted = sx.fit({"s": ["a"] * 42, "x": np.arange(42.0)}, Y)
    assert fitted.param_names == ("intercept", "x")
    with pytest.raises(ValueError, match=r"^X column 's' has 1 row of a level that was not in the fit"):
        fitted.predict({"s": ["b"], "x": [1.0]})


def test_levels_that_read_the_same_are_refused():
    column = pd.Categorical.from_codes([0, 1] * 21, [1, "1"]).rename_categories([(1,), "(1,)"])
    with pytest.raises(ValueError, match=re.escape("column 's' has two levels that read the same, '(1,)'")):
        sx.fit(pd.DataFrame({"s": column}), Y)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table, dict])
def test_a_level_that_is_new_is_an_error(r, df, make):
    new = {name: df[name].tolist() for name in EXPLAIN}
    new["race"] = ["white", "green", "white", "blue", *new["race"][4:]]
    message = (
        "X column 'race' has 2 rows of a level that was not in the fit, the first 'green' in row 1; the fit "
        "has 'black', 'other', 'white'"
    )
    for ask in (r.predict, r.predict_proba, r.decision_function, r.sample, r.terms.design):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            ask(make(new))


def test_a_category_without_rows_is_unknown_to_the_fit(df):
    more = df.assign(race=df["race"].cat.add_categories("green"))
    fitted = sx.fit(more[EXPLAIN], df["low"])
    same(fitted, sx.fit(df[EXPLAIN], df["low"]))
    assert not fitted.aliased.any()
    more.iloc[3, more.columns.get_loc("race")] = "green"
    with pytest.raises(
        ValueError, match=r"the first 'green' in row 3; the fit has 'black', 'other', 'white'$"
    ):
        fitted.predict(more)


# -- margins -----------------------------------------------------------------------------------------

REQUESTS = [
    {},
    {"at": "mean"},
    {"variables": "race"},
    {"kind": "eydx"},
    {"kind": "eyex", "variables": ["age", "visits"]},
    {"kind": "eyex", "variables": "age", "at": "mean"},
    {"values": {"race": "white", "age": 30.0}},
    {"values": {"race": "white", "smoke": True}, "at": "mean"},
    {"discrete": ["visits", "smoke"]},
]


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
@pytest.mark.parametrize("intercept", [True, False])
def test_margins_are_those_of_the_formula(df, request_, intercept):
    left = "w" if not intercept else "low"
    formula = sx.fit(
        f"{left} ~ race + age + visits + smoke + site{'' if intercept else ' - 1'}",
        data=df,
        sample_weight="w",
    )
    table = sx.fit(
        df[["race", "age", "visits", "smoke", "site"]],
        df[left],
        sample_weight=df["w"],
        fit_intercept=intercept,
    )
    found, expected = table.margins(**request_), formula.margins(**request_)
    assert found.names == expected.names
    assert found.changes == expected.changes
    # means of a table are summed in another order
    np.testing.assert_allclose(found.effects, expected.effects, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(found.se, expected.se, rtol=1e-9, atol=1e-13)


def test_margins_of_numbers_take_the_road_of_arrays(df):
    table = df[["age", "visits", "smoke"]]
    found = sx.fit(table, df["low"]).margins()
    expected = sx.fit(
        np.ascontiguousarray(table.to_numpy(float)), df["low"].to_numpy(), names=list(table)
    ).margins()
    np.testing.assert_array_equal(found.effects, expected.effects)
    np.testing.assert_array_equal(found.se, expected.se)
    assert found.changes == expected.changes == (None, None, (0, 1))


def test_margins_refuse_what_is_no_level(r):
    with pytest.raises(
        ValueError, match=r"^value must be a level of 'race', 'black', 'other', 'white'; got 'green'$"
    ):
        r.margins(values={"race": "green"})
    with pytest.raises(ValueError, match=r"^value must be a finite number, as 'age' is one; got 'old'$"):
        r.margins(values={"age": "old"})
    with pytest.raises(ValueError, match=r"^'race' is a factor, which has no elasticity"):
        r.margins("race", kind="eyex")


def test_what_margins_ask_of_the_terms(r, df):
    terms, X = r.terms, by_hand(df)
    np.testing.assert_array_equal(terms.design(df), X)
    np.testing.assert_array_equal(terms.derivative(df, "visits"), np.arange(6) == np.ones((len(df), 1)))
    set_ = terms.with_value(df, "race", "other")
    np.testing.assert_array_equal(set_[:, 2:4], np.tile([1.0, 0.0], (len(df), 1)))
    np.testing.assert_array_equal(np.delete(set_, [2, 3], axis=1), np.delete(X, [2, 3], axis=1))
    each = terms.with_value(df, "age", np.arange(len(df)))
    np.testing.assert_array_equal(each[:, 0], np.arange(len(df)))
    w = df["w"].to_numpy()
    np.testing.assert_allclose(terms.means(df, w).design()[0], w @ X / w.sum(), rtol=1e-14)
    assert [v.kind for v in terms.variables] == ["continuous", "continuous", "factor", "binary", "factor"]
    with pytest.raises(ValueError, match=r"^'race' has levels, and no derivative$"):
        terms.derivative(df, "race")
    with pytest.raises(ValueError, match=r"^the fit has no variable 'q'; its variables are 'age', 'visits'"):
        terms.with_value(df, "q", 1.0)
    with pytest.raises(ValueError, match=r"^value must be one, or of shape \(150,\), one a row; got \(2,\)$"):
        terms.with_value(df, "age", [1.0, 2.0])
    for bad, message in ((-w, "not negative"), (w[1:], r"shape \(150,\)")):
        with pytest.raises(ValueError, match=message):
            terms.means(df, bad)


# -- what is stored ----------------------------------------------------------------------------------


def test_a_coding_comes_back_from_json(r, df):
    state = json.loads(json.dumps(r.terms.state(), allow_nan=False))
    again = Coding.of_state(state)
    np.testing.assert_array_equal(again.design(df), r.terms.design(df))
    for name in ("names", "intercept", "response", "variables", "columns"):
        assert getattr(again, name) == getattr(r.terms, name)
    assert again.state() == r.terms.state()
    assert again.offsets is None
    assert again.offset(df) is None


def test_a_pickle_leaves_the_rows_behind(r, df):
    _ = r.terms.variables
    big = sx.fit(pd.concat([df] * 50)[EXPLAIN], pd.concat([df] * 50)["low"])
    copy = pickle.loads(pickle.dumps(big))
    assert copy.terms.frame is None
    assert len(pickle.dumps(big.terms)) < 3000
    assert copy.terms.variables == big.terms.variables
    np.testing.assert_array_equal(copy.predict_proba(df), big.predict_proba(df))


def change(**new):
    return lambda state: {**state, **new}


def of_column(**new):
    return lambda state: {**state, "columns": [{**state["columns"][0], **new}, *state["columns"][1:]]}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda state: [], "kind must be 'columns'"),
        (change(kind="formula"), "kind must be 'columns'"),
        (change(version=2), "version must be 1; got 2"),
        (change(version=True), "version must be 1; got True"),
        (change(intercept=1), "intercept must be true or false"),
        (change(response=None), "response must be text"),
        (change(columns={}), "columns must be a list"),
        (change(columns=[1]), "each column must be a mapping"),
        (of_column(name=3), "each column must have a name"),
        (of_column(kind="eval"), "column 'age' must be of kind number, boolean, levels; got 'eval'"),
        (of_column(full=0), "column 'age' lacks a truth value"),
        (of_column(levels="ab"), "the levels of column 'age' must be a list"),
        (of_column(kind="levels", levels=[None]), "column 'age' has a level of another type"),
        (of_column(kind="levels", levels=[1.5, float("inf")]), "column 'age' has a level of another type"),
        (of_column(kind="levels", levels=["a", "a"]), "column 'age' has a level twice"),
        (of_column(kind="levels", levels=[]), "column 'age' of kind 'levels' has 0 levels"),
        (of_column(levels=["a"]), "column 'age' of kind 'number' has 1 levels"),
        (of_column(name="visits"), "two columns have one name"),
        (lambda state: {**state, "columns": [{"name": "a"}]}, "column 'a' must be of kind"),
    ],
)
def test_a_state_that_is_broken_is_refused(r, broken, message):
    state = broken(json.loads(json.dumps(r.terms.state())))
    with pytest.raises(ValueError, match=f"^state of a coding of columns: {re.escape(message)}"):
        Coding.of_state(state)


def test_a_table_reads_columns_once_asked(df):
    column = Table(df).column("race")
    assert (column.kind, column.levels, column.declared) == ("levels", ("black", "other", "white"), True)
    assert NAMES[2:4] == ("race[T.other]", "race[T.white]")
