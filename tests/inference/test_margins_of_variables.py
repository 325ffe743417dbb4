"""Margins of variables that columns are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from inference.measured import assert_measured, drawn, shown
from oracles.margins import Definition
from oracles.newton import optimum

import sigmax as sx

# -- what columns are made of ------------------------------------------------------------------------


class Made:
    """Columns a, a^2, a z, g == 1, g == 2, (g == 1) a of the variables a, z, g; z is 0 or 1."""

    names = ("a", "a^2", "a:z", "z", "g1", "g2", "g1:a")

    class Variable:
        def __init__(self, name, kind, levels=(), base=None):
            self.name, self.kind, self.levels, self.base = name, kind, levels, base

    variables = (
        Variable("a", "continuous"),
        Variable("z", "binary", (0, 1), 0),
        Variable("g", "factor", ("u", "v", "w"), "u"),
    )

    def __init__(self, frame):
        self.frame = frame

    @staticmethod
    def row(values):
        a, z, v, w = values
        return [a, a * a, a * z, z, v, w, v * a]

    def design(self, frame):
        a, z = frame["a"].to_numpy(float), frame["z"].to_numpy(float)
        g = frame["g"].to_numpy()
        v, w = (g == "v").astype(float), (g == "w").astype(float)
        return np.column_stack(self.row((a, z, v, w)))

    def derivative(self, frame, variable):
        a, z = frame["a"].to_numpy(float), frame["z"].to_numpy(float)
        v, o = (frame["g"] == "v").to_numpy(float), np.zeros(len(frame))
        columns = {"a": [o + 1, 2 * a, z, o, o, o, v], "z": [o, o, a, o + 1, o, o, o]}
        return np.column_stack(columns[variable])

    def with_value(self, frame, variable, value):
        return self.design(frame.assign(**{variable: value}))

    def means(self, frame, weights=None):
        made = self

        class Means:
            def __init__(self):
                w = np.ones(len(frame)) if weights is None else weights
                mean = lambda name: float(np.average(frame[name].to_numpy(float), weights=w))  # noqa: E731
                self.frame = pd.DataFrame({"a": [mean("a")], "z": [mean("z")]})
                self.shares = [float(np.average(frame["g"] == g, weights=w)) for g in ("v", "w")]

            def at(self, **values):
                g = values.pop("g", None)
                here = {"a": self.frame["a"][0], "z": self.frame["z"][0]} | values
                shares = self.shares if g is None else [float(g == level) for level in ("v", "w")]
                return np.array([made.row((here["a"], here["z"], *shares))], float)

            def design(self):
                return self.at()

            def derivative(self, variable):
                a, z = float(self.frame["a"][0]), float(self.frame["z"][0])
                columns = {"a": [1, 2 * a, z, 0, 0, 0, self.shares[0]], "z": [0, 0, a, 1, 0, 0, 0]}
                return np.array([columns[variable]], float)

            def with_value(self, variable, value):
                return self.at(**{variable: value})

        return Means()


@pytest.fixture
def made():
    """Fits of those columns, that know what they are made of."""

    def fit(n_classes, extra=None, **options):
        n = 60
        X, y = drawn(11, n, 2, n_classes, scale=0.4)
        rng = np.random.default_rng(12)
        frame = pd.DataFrame(
            {"a": X[:, 0], "z": (X[:, 1] > 1.0) * 1.0, "g": np.array(["u", "v", "w"])[rng.integers(0, 3, n)]}
        )
        terms = Made(frame)
        w = rng.integers(1, 4, n).astype(float)
        design = terms.design(frame)
        names = list(Made.names)
        if extra is not None:
            design, names = np.column_stack([design, extra(design)]), [*names, "more"]
        r = replace(sx.fit(design, y, names=names, sample_weight=w, **options), terms=terms)
        variables = np.column_stack([frame["a"], frame["z"], frame["g"] == "v", frame["g"] == "w"]).astype(
            float
        )
        return r, terms, variables, w, y

    return fit


@pytest.mark.parametrize("at", ["overall", "mean"])
@pytest.mark.parametrize("kind", ["dydx", "eyex", "dyex", "eydx"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_variables_that_columns_are_made_of(made, n_classes, kind, at):
    r, terms, variables, w, y = made(n_classes)
    best = optimum(terms.design(terms.frame), y, n_classes, weight=w)
    truth = Definition(variables, n_classes, weight=w, columns=Made.row)
    if kind in ("eyex", "dyex"):
        m = r.margins(["a", "z"], at=at, kind=kind)
        moves = [(0, None), (1, None)]
        expected = truth.measured(best.params, best.covariance, moves, at=at, kind=kind)
        assert m.names == ("a", "z")
        assert r.margins(at=at, kind=kind).names == ("a", "z")
        assert_measured(m, expected, n_classes)
        return
    m = r.margins(at=at, kind=kind)
    assert m.names == ("a", "z", "g[v]", "g[w]")
    assert m.changes == (None, (0, 1), ("u", "v"), ("u", "w"))
    assert_measured_by_level(m, truth, best, n_classes, at, kind)


def assert_measured_by_level(m, truth, best, n_classes, at, kind):
    """Levels are moved together: v and w are columns of one variable, so each from the rows of the others."""
    moves = [(0, None), (1, (0, 1))]
    plain = truth.measured(best.params, best.covariance, moves, at=at, kind=kind)
    np.testing.assert_allclose(m.effects[:2], shown(plain[0], n_classes), rtol=1e-10)
    np.testing.assert_allclose(m.se[:2], shown(plain[1], n_classes), rtol=1e-10)
    for i, place in ((2, 2), (3, 3)):
        # the other level's column is 0 on both sides
        other = Definition.__new__(Definition)
        other.__dict__ |= truth.__dict__
        other.columns = lambda row, place=place: truth.columns(
            [row[0], row[1], *(x if j == place else 0 * x for j, x in ((2, row[2]), (3, row[3])))]
        )
        each = other.measured(best.params, best.covariance, [(place, (0, 1))], at=at, kind=kind)
        np.testing.assert_allclose(m.effects[i], shown(each[0], n_classes)[0], rtol=1e-10)
        np.testing.assert_allclose(m.se[i], shown(each[1], n_classes)[0], rtol=1e-10)


def test_made_of_held(made):
    r, terms, variables, w, y = made(3)
    best = optimum(terms.design(terms.frame), y, 3, weight=w)
    held = variables.copy()
    held[:, 1] = 1.0
    for at in ("overall", "mean"):
        truth = Definition(held, 3, weight=w, columns=Made.row)
        expected = truth.measured(best.params, best.covariance, [(0, None)], at=at, kind="dydx")
        assert_measured(r.margins("a", at=at, values={"z": 1.0}), expected, 3)
    with pytest.raises(ValueError, match=r"'g' is a factor, which has no elasticity"):
        r.margins("g", kind="eyex")
    with pytest.raises(ValueError, match=r"variables: no variable 'a\^2'; the variables are 'a', 'z', 'g'"):
        r.margins("a^2")


def test_plain_columns_as_designs_have_the_same_effects():
    # two roads to the same numbers
    X, y = drawn(13, 300, 3, 4, binary=1)
    r = sx.fit(X, y, names=["a", "b", "z"])
    asked = [{"at": at, "kind": kind} for at in ("overall", "mean") for kind in ("dydx", "eydx", "dyex")]
    plain = [r.margins(**one) for one in asked]

    class Terms:
        variables = (
            Made.Variable("a", "continuous"),
            Made.Variable("b", "continuous"),
            Made.Variable("z", "binary", (0, 1), 0),
        )
        frame = pd.DataFrame(X, columns=["a", "b", "z"])

        def design(self, frame):
            return frame.to_numpy(float)

        def derivative(self, frame, variable):
            return np.tile((np.array(["a", "b", "z"]) == variable).astype(float), (len(frame), 1))

        def with_value(self, frame, variable, value):
            return frame.assign(**{variable: value}).to_numpy(float)

        def means(self, frame, weights=None):
            terms, row = self, pd.DataFrame(frame.mean()).T

            class Means:
                frame = row
                design = staticmethod(lambda: terms.design(row))
                derivative = staticmethod(lambda name: terms.derivative(row, name))
                with_value = staticmethod(lambda name, value: terms.with_value(row, name, value))

            return Means

    r = replace(r, terms=Terms())
    for one, expected in zip(asked, plain, strict=True):
        m = r.margins(**one)
        np.testing.assert_allclose(m.effects, expected.effects, rtol=1e-12, atol=1e-16)
        np.testing.assert_allclose(m.se, expected.se, rtol=1e-12)
        assert m.names == expected.names
        assert m.changes == expected.changes
