"""Marginal effects against their definition in 70 digits, laws that they obey, and refusals."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from oracles.margins import Definition
from oracles.newton import optimum

import sigmax as sx


def drawn(seed, n, p, n_classes, *, binary=0, scale=1.0):
    """X with `binary` columns of 0 and 1 at the end, labels of all classes."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 1.0
    X[:, p - binary :] = X[:, p - binary :] > 1.0
    B = scale * rng.standard_normal((n_classes, p))
    y = np.argmax(X @ B.T + rng.gumbel(size=(n, n_classes)), axis=1)
    y[:n_classes] = np.arange(n_classes)
    return X, y


def shown(table, n_classes):
    """What sigmax shows of effects of all classes."""
    return table[:, 1] if n_classes == 2 else table


def shown_cov(cov, n_classes):
    return cov[1::2, 1::2] if n_classes == 2 else cov


def assert_measured(m, truth, n_classes, rtol=1e-10):
    """Effects relative to the largest of their variable; standard errors relative; the whole covariance."""
    effects, errors, cov = (np.asarray(part) for part in truth)
    scale = np.abs(effects).max(axis=1, keepdims=True)
    np.testing.assert_allclose(
        m.effects, shown(effects, n_classes), rtol=rtol, atol=0.01 * rtol * scale.min()
    )
    np.testing.assert_allclose(m.se, shown(errors, n_classes), rtol=rtol)
    cov = shown_cov(cov, n_classes)
    np.testing.assert_allclose(m.cov, cov, rtol=rtol, atol=rtol * np.abs(cov).max())


# -- the definition ----------------------------------------------------------------------------------

WEIGHTS = (None, "frequency", "importance", "probability")
#: classes, weights, offsets, intercept, kind, place: every value of each with every kind
MIXED = [
    (2, None, False, True),
    (2, "frequency", True, True),
    (3, None, True, False),
    (3, "importance", False, True),
    (4, "frequency", False, True),
    (4, "probability", True, True),
]


@pytest.mark.parametrize("at", ["overall", "mean"])
@pytest.mark.parametrize("kind", ["dydx", "eyex", "dyex", "eydx"])
@pytest.mark.parametrize(("n_classes", "weights", "with_offset", "intercept"), MIXED)
def test_definition(backend_name, n_classes, weights, with_offset, intercept, kind, at):
    p, n = 4, 60
    X, y = drawn(n_classes, n, p, n_classes, binary=1, scale=0.3)
    rng = np.random.default_rng(5)
    m = n_classes - 1
    w = None if weights is None else rng.integers(0, 4, n) / (1.0 if weights == "frequency" else 3.0)
    offset = rng.standard_normal((n, m)) if with_offset else None
    options = {"fit_intercept": intercept, "backend": backend_name}
    if weights is not None:
        options |= {"sample_weight": w, "weight_type": weights}
    if with_offset:
        options["offset"] = offset[:, 0] if m == 1 else np.column_stack([np.zeros(n), offset])
    r = sx.fit(X, y, **options)
    shift = offset[:, 0] if with_offset and m == 1 else offset
    best = optimum(X, y, n_classes, weight=w, offset=shift, fit_intercept=intercept)
    covariance = best.covariance if weights != "probability" else r.cov_params("HC0")
    truth = Definition(X, n_classes, weight=w, offset=offset, intercept=intercept)
    moves = [(j, None) for j in range(p - 1)]
    moves.append((p - 1, (0, 1) if kind in ("dydx", "eydx") else None))
    expected = truth.measured(best.params, covariance, moves, at=at, kind=kind)
    found = r.margins(at=at, kind=kind)
    assert found.names == ("x1", "x2", "x3", "x4")
    assert found.changes == (None, None, None, moves[-1][1])
    assert_measured(found, expected, n_classes)


@pytest.mark.parametrize("kind", ["dydx", "eyex"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_counts(n_classes, kind):
    X, _ = drawn(3, 24, 3, n_classes)
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 4, (24, n_classes)).astype(float)
    counts[0], counts[1] = 0.0, 1.0
    w = rng.integers(1, 4, 24).astype(float)
    long, label = np.repeat(X, n_classes, axis=0), np.tile(np.arange(n_classes), 24)
    each = (counts * w[:, None]).ravel()
    best = optimum(long, label, n_classes, weight=each)
    truth = Definition(X, n_classes, weight=w * counts.sum(axis=1))
    for weight_type in ("frequency", "importance"):
        r = sx.fit(X, counts, sample_weight=w, weight_type=weight_type)
        for at in ("overall", "mean"):
            moves = [(0, None), (1, None), (2, None)]
            expected = truth.measured(best.params, best.covariance, moves, at=at, kind=kind)
            assert_measured(r.margins(at=at, kind=kind), expected, n_classes)


@pytest.mark.parametrize("covariance", ["HC0", "HC1", "cluster"])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_other_covariances(n_classes, covariance):
    X, y = drawn(6, 40, 3, n_classes, binary=1)
    r = sx.fit(X, y)
    groups = np.arange(40) % 9 if covariance == "cluster" else None
    s = r.with_covariance(covariance, groups)
    best = optimum(X, y, n_classes)
    moves = [(0, None), (1, None), (2, (0, 1))]
    expected = Definition(X, n_classes).measured(
        best.params, s.cov_params(), moves, at="overall", kind="dydx"
    )
    m = s.margins()
    assert m.covariance_kind == covariance
    # as many clusters or more than parameters would be needed for a covariance of full rank
    assert_measured(m, expected, n_classes, rtol=1e-9)
    np.testing.assert_array_equal(m.effects, r.margins().effects)
    assert (m.se != r.margins().se).all()


@pytest.mark.parametrize("options", [{"l2": 0.7}, {"bias_reduction": "firth"}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_penalised_estimates(n_classes, options):
    X, y = drawn(7, 40, 3, n_classes, binary=1)
    r = sx.fit(X, y, **options)
    moves = [(0, None), (1, None), (2, (0, 1))]
    for kind in ("dydx", "eydx"):
        expected = Definition(X, n_classes).measured(
            np.atleast_2d(r.params).tolist(), r.cov_params(), moves, at="overall", kind=kind
        )
        assert_measured(r.margins(kind=kind), expected, n_classes)


@pytest.mark.parametrize("kind", ["dydx", "eydx", "dyex"])
@pytest.mark.parametrize("rare", [0, 1, 2])
def test_rare_classes_keep_their_digits(rare, kind):
    # a class of probability 1e-9 or so, as the first, the middle and the last one
    X, y = drawn(8, 40, 3, 3, binary=1)
    offset = np.zeros((40, 3))
    offset[:, rare] = -20.0
    w = np.where(y == rare, 1e-9, 1.0)
    r = sx.fit(X, y, offset=offset, sample_weight=w, fit_intercept=False, weight_type="importance")
    shift = offset[:, 1:] - offset[:, :1]
    # at the coefficients as they are: those of a class with so little weight have fewer digits themselves
    truth = Definition(X, 3, weight=w, offset=shift, intercept=False)
    moves = [(0, None), (1, None), (2, (0, 1) if kind != "dyex" else None)]
    best = optimum(X, y, 3, weight=w, offset=shift, fit_intercept=False)
    effects, errors, _ = truth.measured(r.params.tolist(), best.covariance, moves, at="overall", kind=kind)
    m = r.margins(kind=kind)
    np.testing.assert_allclose(m.effects, effects, rtol=1e-10)
    others = [k for k in range(3) if k != rare]
    np.testing.assert_allclose(m.se[:, others], errors[:, others], rtol=1e-10)
    # against a rare class, a fit's own standard errors have 8 digits: no more can come of them
    own = np.abs(r.bse / np.array([[float(v) for v in row] for row in best.bse]) - 1.0).max()
    assert own < (1e-6 if rare == 0 else 1e-11)
    np.testing.assert_allclose(m.se[:, rare], errors[:, rare], rtol=max(1e-10, 3.0 * own))
    if kind == "dydx":
        assert np.abs(effects[:, rare]).max() < 1e-6
        assert np.abs(effects).max() > 1e-2


def test_nearly_dependent_columns():
    X, y = drawn(9, 60, 3, 3)
    X[:, 2] = X[:, 0] + 1e-7 * X[:, 2]
    r = sx.fit(X, y)
    best = optimum(X, y, 3)
    expected = Definition(X, 3).measured(
        best.params, best.covariance, [(0, None), (1, None), (2, None)], at="overall", kind="dydx"
    )
    m = r.margins()
    # coefficients of 1e7 are rounded: their second word belongs to the logits
    assert 1e-9 < 2.0**-53 * np.abs(r.params).max() * np.abs(X).max() < 1e-8
    np.testing.assert_allclose(m.effects, expected[0], rtol=1e-10)
    np.testing.assert_allclose(m.se, expected[1], rtol=1e-10)


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


# -- laws --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["overall", "mean"])
@pytest.mark.parametrize("kind", ["dydx", "dyex"])
def test_effects_on_all_classes_sum_to_zero(kind, at):
    X, y = drawn(14, 200, 4, 5, binary=2)
    m = sx.fit(X, y).margins(at=at, kind=kind)
    # five roundings in the sum of five effects, and those that they come with
    assert (np.abs(m.effects.sum(axis=1)) <= 5.0 * 2.0**-53 * np.abs(m.effects).sum(axis=1)).all()
    sums = m.cov.reshape(4, 5, 4, 5).sum(axis=3)
    assert np.abs(sums).max() <= 1e-15 * np.abs(m.cov).max() * 5


@pytest.mark.parametrize("kind", ["dydx", "eyex", "dyex", "eydx"])
def test_integer_weights_are_repeated_rows(kind):
    X, y = drawn(15, 80, 3, 3, binary=1)
    w = np.random.default_rng(1).integers(0, 4, 80)
    w[:3] = 1
    few = sx.fit(X, y, sample_weight=w.astype(float))
    many = sx.fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    groups = np.arange(80) % 17
    for at in ("overall", "mean"):
        for covariance in ("mle", "HC0", "HC1", "cluster"):
            apart = np.repeat(groups, w) if covariance == "cluster" else None
            a = few.with_covariance(covariance, groups if covariance == "cluster" else None)
            b = many.with_covariance(covariance, apart)
            a, b = a.margins(at=at, kind=kind), b.margins(at=at, kind=kind)
            np.testing.assert_allclose(a.effects, b.effects, rtol=1e-11, atol=1e-15)
            np.testing.assert_allclose(a.se, b.se, rtol=1e-11)
            np.testing.assert_allclose(a.cov, b.cov, rtol=1e-9, atol=1e-12 * np.abs(b.cov).max())
            np.testing.assert_allclose(a.pvalues, b.pvalues, rtol=1e-9)
            np.testing.assert_allclose(a.conf_int(), b.conf_int(), rtol=1e-9, atol=1e-13)


def test_weights_of_any_scale():
    X, y = drawn(16, 60, 2, 3)
    w = np.random.default_rng(0).uniform(0.5, 2.0, 60)
    one = sx.fit(X, y, sample_weight=w, weight_type="importance").margins()
    for scale in (2.0**-900, 2.0**900):
        other = sx.fit(X, y, sample_weight=w * scale, weight_type="importance").margins()
        np.testing.assert_allclose(other.effects, one.effects, rtol=1e-12)
        np.testing.assert_allclose(other.se, one.se * scale**-0.5, rtol=1e-11)


@pytest.mark.parametrize("kind", ["dydx", "eyex", "dyex", "eydx"])
def test_the_same_bits_for_any_number_of_threads(kind):
    X, y = drawn(17, 30_000, 5, 3, binary=2)
    found = [sx.fit(X, y, n_threads=t).margins(kind=kind) for t in (1, 2, 5)]
    for other in found[1:]:
        np.testing.assert_array_equal(other.effects, found[0].effects)
        np.testing.assert_array_equal(other.se, found[0].se)


def test_blocks_add_up(monkeypatch):
    X, y = drawn(18, 5000, 3, 3, binary=1)
    r = sx.fit(X, y)
    whole = r.margins()
    from sigmax.inference import observations

    monkeypatch.setattr(observations.Observations, "block_rows", lambda self, numbers=0: 777)
    pieces = r.margins()
    np.testing.assert_allclose(pieces.effects, whole.effects, rtol=1e-12)
    np.testing.assert_allclose(pieces.se, whole.se, rtol=1e-12)


def test_another_reference_has_the_same_bits():
    X, y = drawn(19, 100, 3, 4, binary=1)
    r = sx.fit(X, y)
    for other in (r.rebase(2), r.symmetric(), r.with_covariance("HC0").rebase(1)):
        m, one = other.margins(), r.with_covariance(other.covariance_kind).margins()
        np.testing.assert_array_equal(m.effects, one.effects)
        np.testing.assert_array_equal(m.se, one.se)


def test_held_at_values(backend_name):
    X, y = drawn(20, 50, 3, 3, binary=1)
    r = sx.fit(X, y, backend=backend_name)
    best = optimum(X, y, 3)
    held = X.copy()
    held[:, 1] = 0.25
    for at in ("overall", "mean"):
        for kind in ("dydx", "eyex"):
            moves = [(0, None), (1, None), (2, (0, 1) if kind == "dydx" else None)]
            expected = Definition(held, 3).measured(best.params, best.covariance, moves, at=at, kind=kind)
            m = r.margins(at=at, kind=kind, values={"x2": 0.25})
            assert_measured(m, expected, 3)
            assert m.values == {"x2": 0.25}
            assert "x2 = 0.25" in str(m)


# -- what is discrete --------------------------------------------------------------------------------


def test_which_columns_change():
    X, y = drawn(21, 3000, 4, 2, binary=2)
    # 0 and 1 in the first rows, and 2 in a later one
    X[:, 2] = 0.0
    X[:1500:2, 2] = 1.0
    X[2500, 2] = 2.0
    r = sx.fit(X, y)
    assert r.margins().changes == (None, None, None, (0, 1))
    assert r.margins(discrete=False).changes == (None,) * 4
    assert r.margins(discrete=["x3"]).changes == (None, None, (0, 1), None)
    assert r.margins(["x3", "x1"], discrete=True).changes == ((0, 1), (0, 1))
    assert r.margins(["x4", "x2"]).names == ("x4", "x2")
    assert r.margins("x4").effects.shape == (1,)
    # where the row of the 2 does not count
    w = np.ones(3000)
    w[2500] = 0.0
    assert sx.fit(X, y, sample_weight=w).margins().changes == (None, None, (0, 1), (0, 1))


def test_a_change_of_columns_that_hold_other_numbers():
    X, y = drawn(22, 40, 2, 3)
    best = optimum(X, y, 3)
    m = sx.fit(X, y).margins(discrete=True)
    expected = Definition(X, 3).measured(
        best.params, best.covariance, [(0, (0, 1)), (1, (0, 1))], at="overall", kind="dydx"
    )
    assert_measured(m, expected, 3)


@pytest.mark.parametrize("size", [1e-7, 0.3, 8.0])
@pytest.mark.parametrize("kind", ["dydx", "eydx"])
def test_small_and_large_changes(size, kind):
    # the scale of a column decides how far its logits move
    X, y = drawn(23, 60, 2, 3, binary=1)
    X[:, 0] /= size
    best = optimum(X, y, 3)
    m = sx.fit(X, y).margins("x1", discrete=True, kind=kind)
    expected = Definition(X, 3).measured(best.params, best.covariance, [(0, (0, 1))], at="overall", kind=kind)
    assert_measured(m, expected, 3)


def test_a_constant_column_is_no_variable():
    X, y = drawn(24, 50, 3, 2)
    X[:, 1] = 1.0
    r = sx.fit(X, y, fit_intercept=False)
    assert r.margins().names == ("x1", "x3")
    assert r.margins("x2").names == ("x2",)


# -- what has no effect ------------------------------------------------------------------------------


def test_aliased_columns():
    X, y = drawn(25, 80, 3, 3)
    whole = np.column_stack([X[:, 0], X[:, 0] * 2.0, X[:, 1:]])
    m = sx.fit(whole, y).margins()
    one = sx.fit(X, y).margins()
    assert np.isnan(m.effects[1]).all()
    assert np.isnan(m.se[1]).all()
    keep = [0, 2, 3]
    np.testing.assert_array_equal(m.effects[keep], one.effects)
    np.testing.assert_array_equal(m.se[keep], one.se)
    assert m.notes == ("x2 has no effect: left out of the fit, a combination of other columns",)
    assert np.isnan(m.cov.reshape(4, 3, 4, 3)[1]).all()


@pytest.mark.parametrize("at", ["overall", "mean"])
@pytest.mark.parametrize("kind", ["dydx", "dyex", "eydx"])
def test_minimum_norm(kind, at):
    # a column for each of three levels beside an intercept
    X, y = drawn(26, 60, 1, 3)
    level = np.random.default_rng(3).integers(0, 3, 60)
    whole = np.column_stack([X, *[(level == i) * 1.0 for i in range(3)]])
    r = sx.fit(whole, y, collinear="min_norm")
    m = r.margins(kind=kind, at=at)
    changes = (0, 1) if kind != "dyex" else None
    moves = [(0, None), *[(j, changes) for j in (1, 2, 3)]]
    assert m.changes == (None, changes, changes, changes)
    expected = Definition(whole, 3).measured(
        np.atleast_2d(r.params).tolist(), r.cov_params(), moves, at=at, kind=kind
    )
    np.testing.assert_allclose(m.effects, expected[0], rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(m.se, expected[1], rtol=1e-9)
    with pytest.raises(ValueError, match="collinear='min_norm'"):
        r.margins(values={"x1": 0.0})


@pytest.mark.filterwarnings("ignore::sigmax.SeparationWarning")
def test_separated_classes():
    X, y = drawn(27, 80, 3, 3, binary=1)
    # nobody of class 2 where the last column is 1: quasi-separated
    y[(X[:, 2] == 1.0) & (y == 2)] = 0
    r = sx.fit(X, y)
    assert r.separation is not None
    m = r.margins()
    assert np.isnan(m.effects[2]).all()
    assert m.notes == ("x3 has no effect: infinite coefficients",)
    assert np.isfinite(m.effects[:2]).all()
    assert np.isfinite(m.se[:2]).all()
    assert (m.se[:2] > 0.0).all()
    # the limit of fits with an ever larger finite coefficient, by differences of probabilities
    h = 1e-5
    for j in (0, 1):
        ends = []
        for step in (-h, h):
            moved = X.copy()
            moved[:, j] += step
            ends.append(r.predict_proba(moved).mean(axis=0))
        np.testing.assert_allclose(m.effects[j], (ends[1] - ends[0]) / (2 * h), rtol=1e-7, atol=1e-10)
    with pytest.raises(ValueError, match="divides by probabilities, some of which are 0 in the limit"):
        r.margins(kind="eyex")
    # a strong pull towards the limit
    near = sx.fit(
        np.vstack([X, X[X[:, 2] == 1.0][:1]]),
        np.append(y, 2),
        sample_weight=np.append(np.ones(80), 1e-13),
        weight_type="importance",
    ).margins(["x1", "x2"])
    np.testing.assert_allclose(m.effects[:2], near.effects, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(m.se[:2], near.se, rtol=1e-9)


@pytest.mark.filterwarnings("ignore::sigmax.SeparationWarning")
def test_separated_with_a_change():
    X, y = drawn(28, 90, 3, 2, binary=2)
    y[X[:, 2] == 1.0] = 1
    r = sx.fit(X, y)
    m = r.margins()
    assert np.isnan(m.effects[2])
    low, high = X.copy(), X.copy()
    low[:, 1], high[:, 1] = 0.0, 1.0
    change = (r.predict_proba(high) - r.predict_proba(low))[:, 1].mean()
    np.testing.assert_allclose(m.effects[1], change, rtol=1e-12)
    assert m.se[1] > 0.0


# -- the table ---------------------------------------------------------------------------------------


def test_the_table():
    data = sx.datasets.load("anes96")
    m = sx.fit(data.X, data.y, names=data.features).margins(["age", "educ"])
    np.testing.assert_array_equal(m.zvalues, m.effects / m.se)
    ends = m.conf_int(0.9)
    assert ends.shape == (2, 7, 2)
    np.testing.assert_allclose((ends[..., 1] - ends[..., 0]) / m.se, 2 * 1.6448536269514722, rtol=1e-13)
    np.testing.assert_allclose(m.se, np.sqrt(m.cov.diagonal()).reshape(2, 7), rtol=1e-14)
    frame = m.to_frame(0.9)
    assert frame.shape == (14, 6)
    assert frame.index.names == ["variable", "class"]
    assert frame.loc[("educ", 3), "effect"] == m.effects[1, 3]
    assert frame.loc[("educ", 3), "upper"] == ends[1, 3, 1]
    text = str(m)
    assert text.splitlines()[0] == "Marginal effects, average over the rows"
    assert "dp/dx" in text
    assert max(len(line) for line in text.splitlines()) <= 110
    page = m._repr_html_()
    assert page.count("<tr>") == 17
    assert "-0.0010055" in text
    assert "-0.0010055" in page
    again = pickle.loads(pickle.dumps(m))
    np.testing.assert_array_equal(again.cov, m.cov)
    assert repr(m) == "<margins: dydx at overall, 2 effects on 7 classes>"
    with pytest.raises(AttributeError):
        m.kind = "eyex"


def test_the_table_of_two_classes():
    data = sx.datasets.load("spector")
    m = sx.fit(data.X, data.y, names=data.features).margins(at="mean")
    assert m.effects.shape == (3,)
    assert m.cov.shape == (3, 3)
    frame = m.to_frame()
    assert list(frame.index) == ["GPA", "TUCE", "PSI"]
    text = m.summary(0.9)
    assert "at the means, p of class 1" in text
    assert "0 -> 1" in text
    assert "[90 % interval" in text
    assert "<caption>" in m._repr_html_()


# -- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variables": "x9"}, "variables: no variable 'x9'; the variables are 'x1', 'x2', 'x3'"),
        ({"variables": "intercept"}, "no variable 'intercept'"),
        ({"variables": []}, "variables must name at least one"),
        ({"variables": ["x1", "x1"]}, "variables must differ; 'x1' stands more than once"),
        ({"at": "median"}, "at must be 'overall' or 'mean'; got 'median'"),
        ({"at": {"x1": 2.0}}, "hold variables with values="),
        ({"kind": "dxdy"}, "kind must be one of 'dydx'"),
        ({"discrete": "yes"}, "discrete must be 'auto', True, False or a list of names"),
        ({"discrete": ["x7"]}, "discrete: no variable 'x7'"),
        ({"discrete": True, "kind": "eyex"}, "kind='eyex' has no discrete change"),
        ({"discrete": ["x3"], "kind": "dyex"}, "kind='dyex' has no discrete change"),
        ({"values": {"x5": 1.0}}, "values: no variable 'x5'"),
        ({"values": {"x1": np.nan}}, "values must be finite numbers; got x1 = nan"),
        ({"values": {"x1": "high"}}, "values must be finite numbers; got x1 = 'high'"),
    ],
)
def test_refused(options, message):
    X, y = drawn(29, 50, 3, 2, binary=1)
    r = sx.fit(X, y)
    with pytest.raises(ValueError) as refused:
        r.margins(**options)
    assert message in str(refused.value)


def test_refused_without_the_data():
    X, y = drawn(30, 50, 3, 2)
    r = sx.fit(X, y)
    with pytest.raises(ValueError, match=r"margins\(\) needs the data, which a pickled result leaves behind"):
        pickle.loads(pickle.dumps(r)).margins()
    X[3] += 1.0
    with pytest.raises(ValueError, match="were changed in place since the fit"):
        r.margins()
