"""Derivatives of the columns of a formula: exact ones, splines, differences, and what has none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tables import N, table, terms_of

from sigmax.data.formulas import differences


@pytest.fixture(scope="module")
def df():
    return table()


# formula of one column -> variable, its derivative
ANALYTIC = {
    "x": ("x", lambda d: np.ones(N)),
    "x:z": ("x", lambda d: d.z),
    "x:z:treated": ("x", lambda d: d.z * d.treated),
    "I(x**2)": ("x", lambda d: 2 * d.x),
    "I(x**6)": ("x", lambda d: 6 * d.x**5),
    "I(x*z**2)": ("z", lambda d: 2 * d.x * d.z),
    "np.log(z)": ("z", lambda d: 1 / d.z),
    "np.exp(x)": ("x", lambda d: np.exp(d.x)),
    "np.exp(x):z": ("x", lambda d: np.exp(d.x) * d.z),
    "scale(x)": ("x", lambda d: np.full(N, 1 / d.x.std(ddof=1))),
    "standardize(x)": ("x", lambda d: np.full(N, 1 / d.x.std(ddof=0))),
    "center(x):z": ("x", lambda d: d.z),
    "I(center(x)**2)": ("x", lambda d: 2 * (d.x - d.x.to_numpy().mean())),
    "x:np.log(z)": ("z", lambda d: d.x / d.z),
    "x:I(x**2)": ("x", lambda d: 3 * d.x**2),
    "np.sqrt(z)": ("z", lambda d: 0.5 / np.sqrt(d.z)),
    "I(1/z)": ("z", lambda d: -1 / d.z**2),
    "I(2**x)": ("x", lambda d: np.log(2) * 2**d.x),
    "I(z**x)": ("x", lambda d: np.log(d.z) * d.z**d.x),
    "np.abs(x)": ("x", lambda d: np.sign(d.x)),
    "np.maximum(x, 0)": ("x", lambda d: 1.0 * (d.x > 0)),
    "np.where(x > 0, x**2, -x)": ("x", lambda d: np.where(d.x > 0, 2 * d.x, -1.0)),
    "I((x > 0.5) * (x - 0.5))": ("x", lambda d: 1.0 * (d.x > 0.5)),
    "np.clip(x, -1, 1)": ("x", lambda d: 1.0 * (np.abs(d.x) < 1)),
    "np.arctan2(x, z)": ("x", lambda d: d.z / (d.x**2 + d.z**2)),
    "np.log1p(np.expm1(z))": ("z", lambda d: np.ones(N)),
    "I(z + x*smoker)": ("x", lambda d: 1.0 * d.smoker),
    "Q('x')": ("x", lambda d: np.ones(N)),
    "exp(`lead.level`)": ("lead.level", lambda d: np.exp(d["lead.level"])),
}


@pytest.mark.parametrize("right", ANALYTIC)
def test_derivatives_are_exact(df, right):
    variable, expected = ANALYTIC[right]
    found = terms_of(right, df).derivative(df, variable)
    assert found.shape == (N, 1)
    np.testing.assert_allclose(found[:, 0], expected(df), rtol=1e-13, atol=1e-15)


def close(found, expected, digits=12):
    """To so many digits of each column's largest."""
    scale = np.abs(expected).max(axis=0)
    assert (np.abs(found - expected) <= 10.0**-digits * scale).all(), (
        np.abs(found - expected).max(axis=0) / scale
    )


@pytest.mark.parametrize("degree", [1, 2, 3, 6])
def test_orthogonal_polynomials(df, degree):
    terms = terms_of(f"poly(x, {degree})", df)
    X, x = terms.design(df), df["x"].to_numpy()
    fits = [np.polynomial.Chebyshev.fit(x, X[:, k], k + 1) for k in range(degree)]
    close(terms.derivative(df, "x"), np.column_stack([fit.deriv()(x) for fit in fits]), 10)
    raw = terms_of(f"poly(x, {degree}, raw=True)", df).derivative(df, "x")
    close(raw, np.column_stack([(k + 1) * x**k for k in range(degree)]), 14)


@pytest.mark.parametrize(
    ("call", "degree", "kept"),
    [
        ("bs(x, df=5)", 3, slice(1, None)),
        ("bs(x, 6, degree=2)", 2, slice(1, None)),
        ("bs(x, knots=[-0.5, 0.7], degree=1)", 1, slice(1, None)),
        ("bs(x, knots=[-0.5, 0.7], include_intercept=True) - 1", 3, slice(None)),
        # with an intercept the first of a whole basis is left out
        ("bs(x, df=6, include_intercept=True)", 3, slice(1, None)),
        ("bs(x, df=5, extrapolation='extend')", 3, slice(1, None)),
    ],
)
def test_b_splines(df, call, degree, kept):
    from scipy.interpolate import BSpline

    terms = terms_of(call, df)
    [state] = [s for s in terms._spec.transform_state.values() if "knots" in s]
    knots = np.array(state["knots"])
    basis = BSpline(knots, np.eye(len(knots) - degree - 1), degree)
    x = df["x"].to_numpy()
    close(terms.design(df), basis(x)[:, kept])
    expected = basis.derivative()(x)
    if degree == 1:  # at the last knot the left-hand derivative
        expected[x == x.max()] = basis.derivative()(x.max() - 1e-9)
    close(terms.derivative(df, "x"), expected[:, kept])
    if "extend" in call:
        far = pd.DataFrame({"x": np.linspace(-9.0, 9.0, 41)})
        close(terms.derivative(far, "x"), basis.derivative()(far["x"].to_numpy())[:, kept])


def test_at_a_knot_the_right_hand_derivative(df):
    terms = terms_of("bs(x, knots=[-0.5, 0.7], degree=1)", df)
    knots = np.array([df["x"].min(), -0.5, 0.7, df["x"].max()])
    at = terms.derivative(pd.DataFrame({"x": knots}), "x")
    beside = terms.derivative(pd.DataFrame({"x": knots + np.array([1e-9, 1e-9, 1e-9, -1e-9])}), "x")
    np.testing.assert_allclose(at, beside, rtol=1e-12, atol=1e-12)
    assert (np.abs(np.diff(at[:3], axis=0)).max(axis=1) > 0.1).all()  # a kink at each


@pytest.mark.parametrize(
    ("call", "ends"), [("cs(x, df=5)", "natural"), ("cr(x, 4)", "natural"), ("cc(x, df=5)", "periodic")]
)
def test_cubic_splines(df, call, ends):
    from scipy.interpolate import CubicSpline

    terms = terms_of(f"{call} - 1", df)
    [state] = [s for s in terms._spec.transform_state.values() if "knots" in s]
    knots = np.array(state["knots"])
    values = np.eye(len(knots))
    if ends == "periodic":
        values = np.vstack([values[:-1, :-1], values[:1, :-1]])
    spline = CubicSpline(knots, values, bc_type=ends)
    x = df["x"].to_numpy()
    close(terms.design(df), spline(x))
    close(terms.derivative(df, "x"), spline(x, 1))
    far = np.linspace(knots[-1] + 0.1, knots[-1] + 3.0, 7)
    if ends == "natural":  # a line beyond the last knot
        expected = np.tile(spline(knots[-1], 1), (7, 1))
    else:
        expected = spline(knots[0] + (far - knots[-1]) % (knots[-1] - knots[0]), 1)
    close(terms.derivative(pd.DataFrame({"x": far}), "x"), expected)


def test_centred_and_clipped_splines_and_chains(df):
    x, z = df["x"].to_numpy(), df["z"].to_numpy()
    for right, variable in [
        ("cr(x, df=4, constraints='center')", "x"),
        ("bs(x, df=5, lower_bound=-1, upper_bound=1, extrapolation='clip')", "x"),
        ("bs(np.log(z), df=5, lower_bound=-2, upper_bound=2)", "z"),
        ("poly(np.exp(x), 2):center(z)", "x"),
        ("np.log(scale(x) + 9):site", "x"),
        ("poly(x*z, 3):x:site", "x"),
    ]:
        terms = terms_of(right, df)
        column = x if variable == "x" else z

        def moved(values, terms=terms, variable=variable):
            return terms.design(df.assign(**{variable: values}))

        expected, errors, _ = differences.derivative(moved, column, column.std())
        inside = np.abs(np.abs(column) - 1) > 1e-3  # of the bounds of the clipped one
        assert errors[inside].max() <= 1e-8
        close(terms.derivative(df, variable)[inside], expected[inside], 8)


def test_interactions_with_levels(df):
    terms = terms_of("x * C(race) * site", df)
    X = terms.design(df)
    expected = np.zeros_like(X)
    for j, name in enumerate(terms.names):
        if "x" in name.split(":"):
            rest = [part for part in name.split(":") if part != "x"]
            others = terms.names.index(":".join(rest)) if rest else None
            expected[:, j] = 1.0 if others is None else X[:, others]
    np.testing.assert_array_equal(terms.derivative(df, "x"), expected)


@pytest.mark.parametrize(
    ("right", "variable", "expected"),
    [
        ("x.pow(3)", "x", lambda d: 3 * d.x**2),
        ("np.sinc(x)", "x", lambda d: (np.cos(np.pi * d.x) - np.sinc(d.x)) / d.x),
        ("np.interp(z, [0, 9], [0, 18])", "z", lambda d: np.full(N, 2.0)),
    ],
)
def test_what_has_no_rule_goes_by_differences(df, right, variable, expected):
    found = terms_of(right, df).derivative(df, variable)[:, 0]
    close(found, expected(df).to_numpy() if hasattr(expected(df), "to_numpy") else expected(df), 9)


def test_powers_by_differences_beside_a_constant(df):
    found = terms_of("np.vander(x, 4)", df).derivative(df, "x")
    x = df["x"].to_numpy()
    close(found[:, :3], np.column_stack([3 * x**2, 2 * x, np.ones(N)]), 9)
    assert np.abs(found[:, 3]).max() <= 1e-9


def test_differences_keep_nine_digits_and_say_where_not():
    x = np.array([1e-3, 0.02, 1.0, 40.0])

    def f(v):
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.column_stack([np.log(v), v**6, np.sqrt(v - 1e-3)])

    found, errors, _ = differences.derivative(f, x, 10.0)
    np.testing.assert_allclose(found[:, 0], 1 / x, rtol=1e-9)
    np.testing.assert_allclose(found[:, 1], 6 * x**5, rtol=1e-9, atol=1e-18)
    np.testing.assert_allclose(found[1:, 2], 0.5 / np.sqrt(x[1:] - 1e-3), rtol=1e-9)
    assert errors[0, 2] > 1.0  # an infinite slope
    kink, off, _ = differences.derivative(lambda v: np.abs(v)[:, None], np.array([0.0]), 1.0)
    assert abs(kink[0, 0]) <= 1e-15  # the mean of both sides
    assert off[0, 0] <= 1e-12


def test_derivatives_have_no_other_rows(df):
    terms = terms_of("poly(x, 3) * bs(z, df=5)", df)
    whole = terms.derivative(df, "z")
    np.testing.assert_allclose(
        np.vstack([terms.derivative(df.iloc[a : a + 37], "z") for a in range(0, N, 37)]),
        whole,
        rtol=0,
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("right", "variable", "frame", "message"),
    [
        ("site + x", "site", {}, "variable 'site' is a factor, and has no derivative; compare its levels"),
        ("C(count) + x", "count", {}, "variable 'count' is a factor"),
        ("x", "z", {}, "the formula has no variable 'z'; its variables are 'x'"),
        (
            "z + C(z > 1)",
            "z",
            {},
            r"column 'C\(z > 1\)\[T.True\]' has no derivative after 'z': it codes it as levels",
        ),
        ("I(z > 1)", "z", {}, r"column 'I\(z > 1\)' has no derivative after 'z': it steps with it"),
        ("np.sign(x)", "x", {}, "no derivative after 'x'"),
        ("np.floor(z)", "z", {}, r"column 'np.floor\(z\)' has no derivative after 'z'"),
        ("bs(z, df=2, degree=0)", "z", {}, "it steps with it"),
        (
            "np.sqrt(z)",
            "z",
            {"z": 0.0},
            "no finite derivative after 'z' in 240 rows, the first row 0, where z = 0.0",
        ),
    ],
)
def test_what_cannot_be_differentiated_is_named(df, right, variable, frame, message):
    terms = terms_of(right, df)
    with pytest.raises(ValueError, match=message):
        terms.derivative(df.assign(**frame), variable)
