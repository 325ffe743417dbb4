"""Predictions as SQL, computed by DuckDB and SQLite, held against `predict_proba`."""

from __future__ import annotations

import dataclasses
import sqlite3
from typing import Any

import numpy as np
import pytest
from files.saved import CASES, rows

import sigmax as sx

pd = pytest.importorskip("pandas")
duckdb = pytest.importorskip("duckdb")
pyarrow = pytest.importorskip("pyarrow")

#: names that are data: quotes, spaces, another script, and what would be code
NAMES = [
    'a""b',
    "x y; DROP TABLE t; --",
    "Gr\u00f6\u00dfe `'\"",
    "\u5e74\u9f62",
    "0",
    "select",
    "[q]\\",
    "%s{}",
]
LABELS = np.array(["it's", "'; DROP TABLE t; --", '"quoted" \\ `text`', "\u00e9\u4e2d"])


def has_functions() -> bool:
    try:
        sqlite3.connect(":memory:").execute("SELECT EXP(1.0), LN(2.0), POWER(2.0, 3.0)")
    except sqlite3.OperationalError:
        return False
    return True


SQLITE = pytest.param(
    "sqlite", marks=pytest.mark.skipif(not has_functions(), reason="SQLite was built without exp")
)
both = pytest.mark.parametrize("dialect", ["duckdb", SQLITE])


def asked(dialect: str, table: Any, query: str, name: str = "t") -> list[tuple[Any, ...]]:
    """The rows that a query gives of a table."""
    if dialect == "duckdb":
        with duckdb.connect() as c:
            c.register("source", pyarrow.Table.from_pandas(table, preserve_index=False))
            quoted = name.replace('"', '""')
            c.execute(f'CREATE TABLE "{quoted}" AS SELECT * FROM source')
            return c.execute(query).fetchall()
    quoted = [f"`{one.replace('`', '``')}`" for one in [name, *table.columns]]
    c = sqlite3.connect(":memory:")
    try:
        c.execute(f"CREATE TABLE {quoted[0]} ({', '.join(quoted[1:])})")
        marks = ", ".join("?" * len(table.columns))
        values = table.astype(object).where(table.notna(), None).to_numpy().tolist()
        c.executemany(f"INSERT INTO {quoted[0]} VALUES ({marks})", values)
        return c.execute(query).fetchall()
    finally:
        c.close()


def close(found: Any, wanted: np.ndarray) -> None:
    found = np.array(found, dtype=float)
    assert found.shape == wanted.shape
    large = wanted > 1e-303
    np.testing.assert_allclose(found[large], wanted[large], rtol=1e-12)
    assert (found[~large] <= 1e-303).all()


def extreme(X: np.ndarray, r: Any) -> np.ndarray:
    """Rows around those of the fit, and rows with logits up to some thousand."""
    far = X[:60] * np.geomspace(1.0, 2000.0, 60)[:, None] / np.abs(r.params).max()
    return np.concatenate([X[:40], far, np.zeros((1, X.shape[1])), -far[::7]])


def of_names(K: int, p: int = 4) -> tuple[Any, pd.DataFrame]:
    X, y = rows(n=400, p=p, K=K)
    r = sx.fit(X, LABELS[y], names=NAMES[:p])
    return r, pd.DataFrame(extreme(X, r), columns=NAMES[:p])


@both
@pytest.mark.parametrize("K", [2, 3, 4])
def test_probabilities_logits_and_labels(K, dialect):
    r, table = of_names(K)
    X = table.to_numpy()
    p = r.predict_proba(X)
    assert (p == 0.0).any()
    assert ((p > 0.0) & (p < 1e-100)).any()
    name = 'my "table"; --'
    found = asked(dialect, table, r.to_sql(table=name, dialect=dialect), name)
    close([row[4:] for row in found], p)
    close([row[:4] for row in found], X) if (X > 0).all() else np.testing.assert_array_equal(
        np.array([row[:4] for row in found]), X
    )
    for k, label in enumerate(r.classes):
        one = r.to_sql(label=label, dialect=dialect)
        close([row[0] for row in asked(dialect, table, f"SELECT {one} FROM t")], p[:, k])
    for s in (r, r.rebase(r.classes[-1]), r.symmetric()):
        logits = np.atleast_2d(s.decision_function(X).T).T
        found = asked(dialect, table, s.to_sql("logit", table="t", dialect=dialect))
        found = np.array([row[4:] for row in found])
        np.testing.assert_allclose(found, logits, rtol=1e-12, atol=1e-12 * np.abs(logits).max())
    labels = asked(dialect, table, f"SELECT {r.to_sql('label', dialect=dialect)} FROM t")
    assert [row[0] for row in labels] == r.predict(X).tolist()


@both
def test_names_and_labels_stay_data(dialect):
    r, table = of_names(2, p=len(NAMES))
    found = asked(dialect, table, r.to_sql(table="t", dialect=dialect))
    close([row[len(NAMES) :] for row in found], r.predict_proba(table.to_numpy()))
    # the whole text is one expression: what is quoted ends where it should
    assert r.to_sql(dialect=dialect).count(";") == r.to_sql(dialect=dialect).count("DROP TABLE t; --") * 2


@pytest.mark.parametrize(
    ("dialect", "column", "label"),
    [
        ("duckdb", '"a\\""`\'b"', "'a\\\"`''b'"),
        ("postgres", '"a\\""`\'b"', "'a\\\"`''b'"),
        ("sqlite", "`a\\\"``'b`", "'a\\\"`''b'"),
        ("mysql", "`a\\\"``'b`", "'a\\\\\"`''b'"),
        ("bigquery", "`a\\\\\"\\`'b`", "'a\\\\\"`\\'b'"),
    ],
)
def test_quotation_in_each_dialect(dialect, column, label):
    X, y = rows(p=1)
    strange = "a\\\"`'b"
    r = sx.fit(X, np.array(["z", strange])[y], names=[strange])
    text = r.to_sql("label", dialect=dialect)
    assert f"CAST({column} AS " in text
    assert f" THEN {label} " in text or f" ELSE {label} " in text


@both
def test_missing_values_give_null(dialect):
    r, table = of_names(3)
    table.iloc[1, 2] = None
    for kind in ("probability", "logit", "label"):
        found = asked(dialect, table, r.to_sql(kind, table="t", dialect=dialect))
        assert [row[4:] for row in found if None in row[4:]] == [(None,) * len(found[1][4:])]
        assert found[1][4] is None


def test_what_is_no_number_gives_none():
    r, table = of_names(3)
    wide = f"SELECT {r.to_sql(label=LABELS[0])}, {r.to_sql('label')} FROM t"
    columns = ", ".join(f"'nan'::DOUBLE AS \"{one.replace(chr(34), chr(34) * 2)}\"" for one in table)
    with duckdb.connect() as c:
        c.execute(f"CREATE TABLE t AS SELECT {columns}")
        [(p, label)] = c.execute(wide).fetchall()
    assert np.isnan(p)
    assert label is None


def test_after_a_fit_with_an_offset_there_are_logits_alone():
    r = CASES["offsets"](None)
    for kind in ("probability", "label"):
        with pytest.raises(ValueError, match=f"kind='{kind}' needs the offset= of the fit"):
            r.to_sql(kind)
    X = rows(n=20, seed=5)[0]
    found = asked("duckdb", pd.DataFrame(X, columns=list(r.param_names[1:])), r.to_sql("logit", table="t"))
    close([row[-1:] for row in found], r.decision_function(X, offset=np.zeros(20))[:, None])


@both
@pytest.mark.parametrize(
    "case",
    [
        "intercept alone",
        "no intercept",
        "aliased",
        "least norm",
        "firth",
        "penalised",
        "bool",
        "float",
        "uint8",
    ],
)
def test_models_of_every_kind(case, dialect):
    r = CASES[case](None)
    names = r.param_names[int(r.fit_intercept) :]
    X = rows(n=30, p=len(names), seed=5)[0]
    table = pd.DataFrame(X, columns=list(names)).assign(other=1)
    kept = table.drop(
        columns=[n for n, gone in zip(names, np.atleast_2d(r.aliased)[0][1:], strict=False) if gone]
    )
    found = asked(dialect, kept, r.to_sql(table="t", dialect=dialect))
    close([row[-len(r.classes) :] for row in found], r.predict_proba(X))
    labels = asked(dialect, kept, r.to_sql("label", table="t", dialect=dialect))
    assert [row[-1] for row in labels] == r.predict(X).tolist()


@both
def test_many_columns_are_not_nested_too_deep(dialect):
    small, X = sx.fit(*rows(p=1)), rows(n=3, p=1500)[0]
    names = tuple(f"x{j}" for j in range(1501))
    r = dataclasses.replace(small, params=np.cos(np.arange(1501.0)) / 9.0, param_names=names)
    table = pd.DataFrame(X[:3], columns=list(r.param_names[1:]))
    found = asked(dialect, table, f"SELECT {r.to_sql(dialect=dialect)} FROM t")
    close([row[0] for row in found], r.predict_proba(X[:3])[:, 1])


# -- tables and formulas -------------------------------------------------------------------------------


def patients(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "age": rng.integers(20, 80, n),
            "dose level": rng.gamma(2.0, size=n),
            "site": rng.choice(["north", "o'south", 'w"est'], n),
            "stage": rng.integers(1, 4, n),
            "smoker": rng.random(n) < 0.4,
            "y": rng.choice(["ill", "so-so", "well"], n),
        }
    )


NEW = patients(60).drop(columns="y").iloc[::-1]


@both
@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("intercept", [True, False])
def test_tables_with_levels(K, intercept, dialect):
    df = patients()
    y = df["y"].where(df["y"] != "so-so", "ill") if K == 2 else df["y"]
    r = sx.fit(df.drop(columns="y").assign(stage=df["stage"].astype(str)), y, fit_intercept=intercept)
    new = NEW.assign(stage=NEW["stage"].astype(str)).reset_index(drop=True)
    wanted = r.predict_proba(new).to_numpy()
    strange = new.astype(object)
    strange.loc[0, "site"], strange.loc[1, "site"], strange.loc[2, "smoker"] = "elsewhere", None, None
    found = asked(dialect, strange, r.to_sql(table="t", dialect=dialect))
    found = [row[-K:] for row in found]
    assert found[:3] == [(None,) * K] * 3
    close(found[3:], wanted[3:])


FORMULAS = [
    "age + `dose level` + C(site) + smoker",
    "age * C(site) * C(stage)",
    "I(age**2 / 1000) + np.log(`dose level`) + np.exp(-age / 50) + np.sqrt(age) + abs(age - 50.5)",
    "age:C(stage) + site:smoker - 1",
    "C(stage, contr.helmert) + C(site, contr.sum) + I(age / stage) + Q('dose level'):site",
    "C(site, contr.treatment('w\"est')):age + I(-`dose level` * 2.5 + np.pi)",
]


@both
@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas(formula, dialect):
    pytest.importorskip("formulaic")
    df = patients()
    for classes, y in ((3, df["y"]), (2, df["y"] == "ill")):
        r = sx.fit(f"y ~ {formula}", data=df.assign(y=y))
        assert len(r.classes) == classes
        found = asked(dialect, NEW, r.to_sql(table="t", dialect=dialect))
        close([row[-classes:] for row in found], r.predict_proba(NEW).to_numpy())


@both
def test_the_offset_of_a_formula(dialect):
    pytest.importorskip("formulaic")
    df = patients().assign(y=lambda d: d["y"] == "ill")
    r = sx.fit("y ~ age + offset(np.log(`dose level`)) + offset(smoker * 0.5)", data=df)
    for s in (r, r.rebase(True), r.symmetric()):
        found = asked(dialect, NEW, s.to_sql(table="t", dialect=dialect))
        close([row[-2:] for row in found], s.predict_proba(NEW).to_numpy())
        logits = np.atleast_2d(s.decision_function(NEW).to_numpy().T).T
        found = asked(dialect, NEW, s.to_sql("logit", table="t", dialect=dialect))
        found = np.array([row[-logits.shape[1] :] for row in found])
        np.testing.assert_allclose(found, logits, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("age + bs(`dose level`, df=4)", r"the term 'bs\(`dose level`, df=4\)' of the formula: it has 'bs"),
        ("age:np.sin(stage)", r"the term 'age:np.sin\(stage\)' of the formula: it has 'np.sin\(stage\)'"),
        ("I(age > 50)", r"it has 'age > 50'"),
        ("C(age > 50)", "its levels are those of an expression"),
        ("center(age)", r"it has 'center\(age\)'"),
        ("age + offset(center(age))", r"cannot translate offset\(center\(age\)\)"),
    ],
)
def test_what_cannot_be_translated_is_named(formula, said):
    pytest.importorskip("formulaic")
    df = patients().assign(y=lambda d: d["y"] == "ill")
    r = sx.fit(f"y ~ {formula}", data=df)
    with pytest.raises(ValueError, match=said):
        r.to_sql()


# -- refusals ------------------------------------------------------------------------------------------


def test_bad_requests():
    r = CASES["three classes of text"](None)
    for options, said in (
        ({"kind": "odds"}, "kind must be one of 'probability', 'logit', 'label'; got 'odds'"),
        ({"dialect": "oracle"}, "dialect must be one of 'duckdb', 'postgres'"),
        ({}, "label must say of which class"),
        ({"kind": "logit"}, "label must say of which class"),
        ({"label": "nobody"}, "label must be one of the classes"),
        ({"kind": "logit", "label": r.reference}, "label must not be the reference"),
        ({"kind": "label", "label": r.reference}, "label is for probabilities and logits"),
        ({"table": ""}, "must not be empty"),
        ({"table": "a\0b"}, "the character 0"),
    ):
        with pytest.raises(ValueError, match=said):
            r.to_sql(**options)
    with pytest.raises(
        ValueError, match="needs finite parameters: the classes are separated, and 'x2' is inf"
    ):
        CASES["separated"](None).to_sql()
    with pytest.raises(ValueError, match=r"a label in SQL must be text.*of type date"):
        CASES["times"](None).to_sql("label")
    assert CASES["times"](None).to_sql().startswith("CASE WHEN")
    assert r.to_sql(table=["a.b", "c"]).endswith('FROM "a.b"."c"') is True
    assert "`c`" in r.to_sql(table="c", dialect="bigquery")
    # a saved result writes the same
    assert r.to_sql(label=r.classes[1]) == r.rebase(r.classes[2]).to_sql(label=r.classes[1])
