"""Terms as JSON and back: the same bits, in other processes, too."""

from __future__ import annotations

import datetime
import json
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from tables import N, stored, table, terms_of

from sigmax.data.formulas.formula import Terms
from sigmax.data.formulas.formula_data import observe


@pytest.fixture(scope="module")
def df():
    return table()


RIGHT_SIDES = [
    "1",
    "0 + x",
    "x * C(race) + np.log(z) + 2:z",
    "site * smoker * C(race) + `blood type`:x + np.exp(`lead.level`)",
    "bs(x, df=5):site + cs(z, df=4) + poly(x, 3) + poly(z, 2, raw=True)",
    "cr(x, knots=[-1, 0.0, 1]) + cc(z, df=4, constraints='center') * smoker",
    "bs(x, df=6, include_intercept=True) + bs(z, knots=[1.0], degree=2, extrapolation='clip') - 1",
    "center(x):scale(z) + I(x**2) + standardize(x):treated + scale(z, center=1.5, scale=False)",
    "C(race, contr.sum) + C(site, contr.treatment('west')) + C(smoker, contr.helmert(scale=True))",
    "C(race, contr.poly(scores=[1, 2, 4])) + C(site, Diff) + C(z > 1, contr.SAS) + C(count // 500, Sum)",
    "C(site, {'a': [1, 0, -1], 'b': [0, 1, -1]}) + C(race, np.array([[1, 0], [0, 1], [-1, -1]]))",
    "C(site, contr.custom([[1], [0], [2]], names=['k'])) + C(race, levels=[3, 1, 2])",
    "hashed(site, levels=4) + hashed(race, 3, spans_intercept=True) - 1",
    "Q('blood type') + Q('x') + {x + 1} + np.where(site == 'west', x, 0.5) + abs(x) + round(z, 1)",
    "(x + z + site)**2 + site / treated",
    "np.clip(x, -1, 1) + np.maximum(x, z) + exp10(x) + I((x > 0) & ~(z < 1)) + scale(poly(x, 2))",
    "x + offset(np.log(count + 1)) + offset(center(z) / np.pi)",
]


@pytest.mark.parametrize("right", RIGHT_SIDES)
def test_a_state_has_the_same_design(df, right):
    found = observe(f"y ~ {right}", df)
    state = stored(found.terms)
    terms = Terms.of_state(state)
    assert terms.frame is None
    assert (terms.names, terms.intercept, terms.variables) == (
        found.terms.names,
        found.terms.intercept,
        found.terms.variables,
    )
    assert (terms.formula, terms.response) == (found.terms.formula, found.terms.response)
    np.testing.assert_array_equal(terms.design(df), found.X)
    back = df.iloc[::-1, ::-1].drop(columns="y").assign(more=1.0)
    np.testing.assert_array_equal(terms.design(back)[::-1], found.X)
    one = terms.design(df.iloc[[17]])
    np.testing.assert_array_equal(one, found.terms.design(df.iloc[[17]]))
    # constraints of a cubic spline are a product of matrices: its last bit depends on the number of rows
    off = 4 * np.finfo(float).eps if "constraints" in right else 0.0
    np.testing.assert_allclose(one, found.X[[17]], rtol=off, atol=0.25 * off)
    if found.offset is not None:
        np.testing.assert_array_equal(terms.offset(df), found.offset)
    assert stored(terms) == state
    assert len(pickle.dumps(found.terms)) < 2_500


def test_margins_are_those_of_the_fit(df):
    terms = terms_of("x * C(race) + bs(z, df=5) + poly(x, 3) + np.log(z) + center(x):site", df)
    again = Terms.of_state(stored(terms))
    for variable in ("x", "z"):
        np.testing.assert_array_equal(again.derivative(df, variable), terms.derivative(df, variable))
    np.testing.assert_array_equal(again.with_value(df, "race", 2), terms.with_value(df, "race", 2))
    np.testing.assert_array_equal(again.at_means(df), terms.at_means(df))
    with pytest.raises(ValueError, match="of a level that C\\(race\\) does not know, the first 7 in row 0"):
        again.design(df.assign(race=7))


def test_another_process_has_the_same_bits(df, tmp_path):
    right = "x * C(race) + bs(z, df=5) + poly(x, 3):site + scale(x) + offset(np.log(z))"
    terms = terms_of(right, df)
    (tmp_path / "state.json").write_text(json.dumps(terms.state()))
    df.drop(columns="y").to_pickle(tmp_path / "table.pickle")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import json, sys, pandas as pd, numpy as np\n"
            "from sigmax.data.formulas.formula import Terms\n"
            "at = sys.argv[1]\n"
            "terms = Terms.of_state(json.load(open(at + '/state.json')))\n"
            "table = pd.read_pickle(at + '/table.pickle')\n"
            "np.savez(at + '/found.npz', X=terms.design(table), offset=terms.offset(table))",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "found.npz") as found:
        np.testing.assert_array_equal(found["X"], terms.design(df))
        np.testing.assert_array_equal(found["offset"], terms.offset(df))


def test_levels_keep_their_type(df):
    days = pd.Timestamp("2020-01-01 12:30:00.000000001") + pd.to_timedelta(np.arange(N) % 3, unit="D")
    dates = [datetime.date(2020, 1, 1 + i % 3) for i in range(N)]
    wide = df.assign(
        day=days,
        date=dates,
        part=pd.cut(df["x"], [-10.0, -0.5, 0.5, 10.0]),
        half=df["race"] / 2,
        big=df["race"] + 2**60,
        quoted=np.where(df["smoker"], 'it\'s "so"', "ü`"),
    )
    terms = terms_of("C(day) + C(date) + part + C(half) + C(big) + quoted + C(smoker)", wide)
    again = Terms.of_state(stored(terms))
    np.testing.assert_array_equal(again.design(wide), terms.design(wide))
    for name in ("day", "date", "part", "half", "big", "quoted", "smoker"):
        mine, theirs = terms.variable(name).levels, again.variable(name).levels
        assert mine == theirs
        assert [type(one) for one in mine] == [type(one) for one in theirs]


@pytest.mark.parametrize(
    ("right", "message"),
    [
        ("x.clip(0, 1)", r"'x.clip\(0, 1\)': it calls 'x.clip', which is no function of the list"),
        ("np.interp(x, [0, 1], [0, 1])", "it calls 'np.interp'"),
        ("I(x if True else z)", "it holds a condition"),
        ("bs(x, df=2 + int(3))", "it holds 'int\\(3\\)' where a number belongs"),
        ("site.str.upper()", "it calls 'site.str.upper', which is no function"),
        ("center(bs(x, df=5))", r"'center\(bs\(x, df=5\)\)': what center\(\) remembers is not that of one"),
        ("x + offset(x.abs())", r"'x.abs\(\)': it calls 'x.abs'"),
        ("C(pair)", r"variable 'pair' has the level \('a', 0\) of type tuple"),
    ],
)
def test_what_cannot_be_stored_still_predicts(df, right, message):
    df = df.assign(pair=[("a", i % 2) for i in range(N)])
    found = observe(f"y ~ {right}", df)
    np.testing.assert_array_equal(found.terms.design(df), found.X)
    with pytest.raises(ValueError, match=f"the formula cannot be stored: .*{message}"):
        found.terms.state()
    again = pickle.loads(pickle.dumps(found.terms))
    np.testing.assert_array_equal(again.design(df), found.X)
    assert again.frame is None
