"""Tail probabilities against mpmath at 50 digits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from sigmax.inference.tails import chi2_tail, log_chi2_tail, log_normal_tail, normal_tail, p_text

SMALLEST_NORMAL = 2.3e-308
#: from 0 to 1e8, and the neighbourhoods of what the code distinguishes
Z = np.concatenate(
    [
        np.logspace(-300, -2, 60),
        np.linspace(0.01, 37.6, 700),
        1.0 + np.linspace(-1e-3, 1e-3, 21),
        np.logspace(1.58, 8, 80),
    ]
)
DF = (1, 1.5, 2, 3, 4, 7, 10, 24, 40, 41, 75, 100, 150, 199, 200)


def relative(found, exact):
    return float(abs(mpf(float(found)) / exact - 1))


def exact_normal(z):
    """(p, log p) with 50 digits."""
    u = mpf(float(z)) / mp.sqrt(2)
    if z < 0.1:
        return mp.erfc(u), mp.log1p(-mp.erf(u))
    if z < 1e3:
        return mp.erfc(u), mp.log(mp.erfc(u))
    # erfc(u) = exp(-u^2) / (u sqrt pi) (1 - 1 / (2 u^2) + 3 / (2 u^2)^2 - ...), u^2 > 5e5
    terms = [(-1) ** k * mp.fac2(2 * k - 1) / (2 * u * u) ** k for k in range(9)]
    return mpf(0), -u * u - mp.log(u * mp.sqrt(mp.pi)) + mp.log(mp.fsum(terms))


def exact_chi2(x, df):
    """(p, log p) with 50 digits; p by the series of the lower tail, or by the fraction from the bottom."""
    a, y = mpf(df) / 2, mpf(float(x)) / 2
    if y < a + 40:
        lower = mp.hyp1f1(1, a + 1, y) * mp.exp(a * mp.log(y) - y - mp.loggamma(a + 1))
        return 1 - lower, mp.log1p(-lower)
    value = mpf(0)
    for n in range(600, 0, -1):
        value = n * (n - a) / (y + 2 * n + 1 - a - value)
    log_p = a * mp.log(y) - y - mp.loggamma(a) - mp.log(y + 1 - a - value)
    return mp.exp(log_p), log_p


def test_the_oracle_of_chi2_is_mpmaths_where_that_has_one():
    with mp.workdps(50):
        for df in (1, 7, 75, 200):
            for x in (0.5, 3.0, df + 81.0, 500.0, 1400.0):
                p, log_p = exact_chi2(x, df)
                # mpmath takes the upper tail from 1, which costs the digits of p
                with mp.workdps(400):
                    exact = mp.gammainc(mpf(df) / 2, mpf(x) / 2, mp.inf, regularized=True)
                assert abs(p / exact - 1) < mpf(10) ** -30
                assert abs(log_p / mp.log(exact) - 1) < mpf(10) ** -30


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_normal_against_mpmath(sign):
    p, log_p = normal_tail(sign * Z), log_normal_tail(sign * Z)
    with mp.workdps(50):
        exact = [exact_normal(z) for z in Z]
        errors = [relative(a, e) for a, (e, _) in zip(p, exact, strict=True) if e > SMALLEST_NORMAL]
        log_errors = [relative(a, e) for a, (_, e) in zip(log_p, exact, strict=True)]
    assert len(errors) > 700
    assert max(errors) < 3e-15
    assert max(log_errors) < 3e-15


@given(st.floats(0.0, 37.5))
def test_normal_anywhere(z):
    with mp.workdps(50):
        p, log_p = exact_normal(z)
        assert relative(normal_tail(z), p) < 3e-15
        assert log_normal_tail(z) == 0.0 if z < 1e-307 else relative(log_normal_tail(z), log_p) < 3e-15


def test_normal_at_the_ends():
    z = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e200])
    np.testing.assert_array_equal(normal_tail(z), [1.0, 1.0, 0.0, 0.0, np.nan, 0.0])
    np.testing.assert_array_equal(log_normal_tail(z), [0.0, 0.0, -np.inf, -np.inf, np.nan, -np.inf])
    assert not np.signbit(log_normal_tail(z)[:2]).any()
    with np.errstate(all="raise"):
        assert normal_tail(38.0) > 0.0 == normal_tail(39.0)
        assert log_normal_tail(1e160) == -np.inf


def test_what_tables_of_the_normal_say():
    # R: pnorm(-40, log.p = TRUE) is -804.6084420137538
    assert float(log_normal_tail(40.0)) - math.log(2.0) == pytest.approx(-804.6084420137538, rel=1e-15)
    assert p_text(float(log_normal_tail(40.0))) == "7.3e-350"
    # the 5 % points of every table
    assert float(normal_tail(1.959963984540054)) == pytest.approx(0.05, rel=1e-14)
    for df, point in ((1, 3.841458820694124), (2, 5.991464547107979), (10, 18.30703805327515)):
        assert float(chi2_tail(point, df)) == pytest.approx(0.05, rel=1e-14)


@pytest.mark.parametrize("df", DF)
def test_chi2_against_mpmath(df):
    spread = math.sqrt(2.0 * df)
    x = np.concatenate(
        [
            np.logspace(-12, 0, 13) * df,
            np.linspace(max(1e-3, df - 6.0 * spread), df + 40.0 * spread, 80),
            np.linspace(1.0, 1500.0, 60),
            # around the end of the doubles, which x = 1420 is for one degree of freedom and 1850 for 200
            np.linspace(1300.0, 1900.0, 121),
            [1600.0, 1e5, 1e10, 1e15],
        ]
    )
    p, log_p = chi2_tail(x, df), log_chi2_tail(x, df)
    with mp.workdps(50):
        exact = [exact_chi2(value, df) for value in x]
        errors = [relative(a, e) for a, (e, _) in zip(p, exact, strict=True) if e > SMALLEST_NORMAL]
        # a logarithm of 0 is that of a lower tail below the doubles
        log_errors = [relative(a, e) for a, (_, e) in zip(log_p, exact, strict=True) if e < -SMALLEST_NORMAL]
    assert len(errors) > 120
    assert len(log_errors) > 240
    assert max(errors) < 1e-12
    assert max(log_errors) < 1e-12


@pytest.mark.parametrize("df", [500, 1000])
def test_chi2_of_many_degrees_of_freedom(df):
    x = np.linspace(0.5 * df, 4000.0, 60)
    p, log_p = chi2_tail(x, df), log_chi2_tail(x, df)
    with mp.workdps(50):
        exact = [exact_chi2(value, df) for value in x]
        assert max(relative(a, e) for a, (e, _) in zip(p, exact, strict=True) if e > SMALLEST_NORMAL) < 1e-12
        assert max(relative(a, e) for a, (_, e) in zip(log_p, exact, strict=True)) < 1e-12


def test_one_degree_of_freedom_is_the_normal():
    z = np.linspace(0.1, 37.0, 100)
    np.testing.assert_allclose(chi2_tail(z * z, 1), normal_tail(z), rtol=4e-13)
    z = np.concatenate([z, [40.0, 1e3, 1e6]])
    np.testing.assert_allclose(log_chi2_tail(z * z, 1), log_normal_tail(z), rtol=1e-13)


def test_chi2_at_the_ends():
    x = np.array([[0.0, -1e-13, np.inf], [np.nan, -np.inf, 1e308]])
    np.testing.assert_array_equal(chi2_tail(x, 3), [[1.0, 1.0, 0.0], [np.nan, 1.0, 0.0]])
    np.testing.assert_array_equal(log_chi2_tail(x, 3)[0], [0.0, 0.0, -np.inf])
    np.testing.assert_array_equal(log_chi2_tail(x, 3)[1], [np.nan, 0.0, -5e307])
    assert not np.signbit(log_chi2_tail(x, 3)[0, :2]).any()
    for df in (0, -1.0, math.inf, math.nan):
        for tail in (chi2_tail, log_chi2_tail):
            with pytest.raises(ValueError, match="df must be positive and finite"):
                tail(1.0, df)


def test_p_values_as_text():
    log = math.log
    for p, text in [
        (1.0, "1.0000"),
        (0.0083123, "0.0083"),
        (1.0001e-4, "0.0001"),
        (2.14e-14, "2.1e-14"),
        (9.96e-5, "1.0e-04"),
        (3.2e-300, "3.2e-300"),
    ]:
        assert p_text(log(p)) == text
    ten = log(10.0)
    for log_p, text in [
        (-349.137 * ten, "7.3e-350"),
        # 9.97 rounds to 10.0
        (log(9.97) - 400.0 * ten, "1.0e-399"),
        (log(2.04) - 5e6 * ten, "2.0e-5000000"),
        (-2.5e15 * ten, "10^-2.5e+15"),
        (-math.inf, "0"),
        (math.nan, "nan"),
        (0.0, "1.0000"),
    ]:
        assert p_text(log_p) == text


@given(st.floats(-690.0, 0.0))
def test_p_values_as_text_are_those_of_python(log_p):
    p = math.exp(log_p)
    assert p_text(log_p) == (f"{p:.4f}" if p >= 1e-4 else f"{p:.1e}")
    # the same digits without a double: 1e-400 times as much
    exponent = int(f"{p:.1e}".split("e")[1])
    mantissa, shifted = p_text(log_p - 400.0 * math.log(10.0)).split("e")
    assert abs(float(mantissa) * 10.0 ** (int(shifted) + 400 - exponent) - p / 10.0**exponent) < 0.0501
