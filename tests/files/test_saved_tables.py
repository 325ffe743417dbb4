"""Fits of tables and formulas that are saved: their terms come back, as data and not as code."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from files.saved import same
from files.test_damaged_files import members, packed, refused

import sigmax as sx

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")


def table(n: int = 150) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    x, site = rng.normal(size=n), rng.choice(["north", "south", 'w"est'], n)
    eta = 0.8 * x + (site == "south")
    return pd.DataFrame(
        {
            "x": x,
            "z z": rng.gamma(2.0, size=n),
            "site": pd.Categorical(site),
            "smoker": rng.random(n) < 0.4,
            "y": np.where(eta + rng.logistic(size=n) > 0.3, "ill", "well"),
        }
    )


NEW = table(40).drop(columns="y").iloc[::-1]
FORMULAS = {
    "products": "y ~ x * C(site) + I(x**2) + smoker",
    "transforms": "y ~ bs(x, df=4) + poly(`z z`, 2) + center(x):site + np.log(`z z`)",
    "offset": "y ~ x + offset(0.3 * `z z`)",
}


def fitted(name: str) -> sx.inference.result.Result:  # type: ignore[name-defined]
    df = table()
    if name in FORMULAS:
        pytest.importorskip("formulaic")
        return sx.fit(FORMULAS[name], data=df)
    X, y = df.drop(columns="y"), df["y"]
    if name == "dropped":
        X.loc[[3, 17], "x"] = np.nan
        return sx.fit(X, y, missing="drop")
    return sx.fit(pl.from_pandas(X), y.to_numpy()) if name == "polars" else sx.fit(X, y)


@pytest.mark.parametrize("name", ["pandas", "polars", "dropped", *FORMULAS])
def test_tables_are_coded_as_in_the_fit(name, tmp_path):
    r = fitted(name)
    path = tmp_path / "r.npz"
    r.save(path)
    s = sx.load(path)
    for X in (NEW, pl.from_pandas(NEW)):
        found, wanted = s.predict_proba(X), r.predict_proba(X)
        assert type(found) is type(wanted)
        same(name, np.asarray(found), np.asarray(wanted))
        same(name, np.asarray(s.predict(X)), np.asarray(r.predict(X)))
        same(name, *(np.asarray(one.predict_proba(X, 0.9).upper) for one in (s, r)))
    assert s.predict_proba(NEW).index.equals(NEW.index)
    assert str(s.summary()) == str(r.summary())
    assert s.terms.state() == r.terms.state()
    same(name, s.dropped, r.dropped)
    assert (s.dropped is None) == (name != "dropped")
    stranger = NEW.assign(site=pd.Categorical(["east"] * 40))
    if "site" in [one.name for one in r.terms.variables]:
        with pytest.raises(ValueError, match="a level that"):
            s.predict(stranger)
    s.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_a_formula_that_is_code_is_not_saved(tmp_path):
    pytest.importorskip("formulaic")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        r = sx.fit("y ~ x.abs()", data=table())
    with pytest.raises(ValueError, match="the formula cannot be stored"):
        r.save(tmp_path / "r.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["pandas", "dropped", "products"])
def test_terms_that_were_tampered_with(name, tmp_path):
    fitted(name).save(tmp_path / "r.npz")
    content = members((tmp_path / "r.npz").read_bytes())

    def changed(change):
        header = json.loads(content["header.json"])
        change(header["result"])
        return packed(content | {"header.json": json.dumps(header).encode()})

    def put(*path):
        def change(found):
            for step in path[:-2]:
                found = found[step]
            found[path[-2]] = path[-1]

        return change

    refused(changed(put("terms", "kind", "pickle")), tmp_path, "of kind 'formula' or 'columns'")
    refused(changed(put("terms", "kind", ["formula"])), tmp_path, "of kind 'formula' or 'columns'")
    refused(changed(put("terms", [])), tmp_path, "of kind 'formula' or 'columns'")
    refused(changed(put("terms", "version", 99)), tmp_path, "terms are not those of a fit: .*version")
    refused(changed(put("terms", "intercept", False)), tmp_path, "terms make other columns|terms are not")
    refused(changed(put("param_names", ["a"] * len(content["params.npy"]))), tmp_path)
    refused(changed(lambda found: found["param_names"].reverse()), tmp_path, "terms make other columns")
    if name == "products":
        evil = "__import__('os').system('touch x')"
        refused(
            changed(put("terms", "factors", 0, "expression", evil)), tmp_path, "terms are not those of a fit"
        )
    elif name == "pandas":
        refused(changed(put("terms", "columns", 0, "kind", "code")), tmp_path, "terms are not those of a fit")
    else:
        refused(changed(put("dropped", "n_given", 10)), tmp_path, "rising numbers of rows")
        refused(changed(put("dropped", "missing", [-1])), tmp_path, "a whole number from 1")
        refused(changed(put("dropped", "missing", [1, 2])), tmp_path, "a list of 1")
