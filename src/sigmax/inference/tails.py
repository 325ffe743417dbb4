"""Tail probabilities with relative accuracy, and their natural logarithms where no double holds them.

    normal, two-sided     p = 2 Phi(-t) = erfcx(t / sqrt 2) exp(-t^2 / 2),        t = |z|
    chi^2, upper          p = Q(a, y) = Gamma(a, y) / Gamma(a),                   a = df / 2,  y = x / 2

Below 1e-308 doubles lose digits, below 5e-324 they are 0: z = 40 has p = 7.3e-350.  The logarithms go on, to
-1e308.  erfcx(u) = exp(u^2) erfc(u) varies slowly and is known to a few roundings.  The exponential is what
loses digits: a rounding of t^2 / 2 = 650 is an error of 1e-13 in p, so the exponent is taken in two parts,
the first of them exact.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sigmax.kernels import Float

_SQRT_HALF = math.sqrt(0.5)
#: below this the logarithm of Q is a continued fraction's; above it Q is a normal double
_LAST = 1e-290


def normal_tail(z: npt.ArrayLike) -> Float:
    """Two-sided normal tail 2 Phi(-|z|).

    Parameters
    ----------
    z : array_like

    Returns
    -------
    ndarray, shape of `z`
        Relative error below 1e-14 where p is a normal double (|z| < 37.5); 0 beyond |z| = 38.6; nan for nan.
    """
    from scipy.special import erfcx

    # exp underflows long before 1000
    t = np.minimum(np.abs(np.asarray(z, float)), 1e3)
    # t^2 = s^2 + (t - s)(t + s), with s^2 exact
    s = np.trunc(16.0 * t) / 16.0
    with np.errstate(under="ignore"):
        p: Float = np.exp(-0.5 * s * s) * (np.exp(-0.5 * (t - s) * (t + s)) * erfcx(_SQRT_HALF * t))
    return p


def log_normal_tail(z: npt.ArrayLike) -> Float:
    """Natural logarithm of :func:`normal_tail`.

    Parameters
    ----------
    z : array_like

    Returns
    -------
    ndarray, shape of `z`
        Relative error below 1e-14, for |z| near 0, too, where it is -|z| sqrt(2 / pi); -inf where z^2
        overflows; nan for nan.
    """
    from scipy.special import erf, erfcx

    t = np.abs(np.asarray(z, float))
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        near = np.log1p(-erf(_SQRT_HALF * np.minimum(t, 1.0)))
        far = np.log(erfcx(_SQRT_HALF * t)) - 0.5 * t * t
    found: Float = np.where(t < 1.0, near, far) + 0.0  # no -0.0
    return found


def chi2_tail(statistic: npt.ArrayLike, df: float) -> Float:
    """Upper tail of chi^2: the probability of `statistic` or more.

    Parameters
    ----------
    statistic : array_like
        1 is what it returns for a negative one, which rounding can make of 0.
    df : float
        Degrees of freedom, above 0; need not be a whole number.

    Returns
    -------
    ndarray, shape of `statistic`
        Relative error below 1e-12 where p is a normal double and df <= 1000; nan for nan.

    Raises
    ------
    ValueError
        `df` is not positive and finite.
    """
    from scipy.special import gammaincc

    a, y = _halves(statistic, df)
    p: Float = np.asarray(gammaincc(a, y))
    return p


def log_chi2_tail(statistic: npt.ArrayLike, df: float) -> Float:
    """Natural logarithm of :func:`chi2_tail`.

    Parameters
    ----------
    statistic, df
        As there.

    Returns
    -------
    ndarray, shape of `statistic`
        Relative error below 1e-12 for df <= 1000, near p = 1, too, but for a lower tail that underflows: 0.

    Raises
    ------
    ValueError
        `df` is not positive and finite.
    """
    from scipy.special import gammainc, gammaincc

    a, y = _halves(statistic, df)
    p = np.asarray(gammaincc(a, y))
    found = np.empty_like(y)
    # a lower tail of less than a half has the digits that p = 1 - ... has not
    high, far = p > 0.5, p < _LAST
    found[high] = np.log1p(-gammainc(a, y[high]))
    found[~high & ~far] = np.log(p[~high & ~far])
    found[far] = [_log_upper(a, value) for value in y[far].tolist()]
    found[np.isnan(y)] = np.nan
    return found + 0.0  # no -0.0


def _halves(statistic: npt.ArrayLike, df: float) -> tuple[float, Float]:
    """a = df / 2 and y = x / 2."""
    if not 0.0 < df < math.inf:
        raise ValueError(f"df must be positive and finite; got {df!r}")
    return 0.5 * float(df), 0.5 * np.maximum(np.asarray(statistic, float), 0.0)


def _log_upper(a: float, y: float) -> float:
    """log Q(a, y) far out, y > a + 1, by the continued fraction of Legendre.

                       y^a e^-y         1     1 (1 - a)    2 (2 - a)
        Q(a, y)  =  ------------  (  -------  ---------    ---------  ...  )
                      Gamma(a)       y+1-a -   y+3-a   -    y+5-a   -

    from the top, with the ratios C and D of Lentz (Thompson & Barnett, J. Comput. Phys. 64, 1986).
    """
    if math.isinf(y):
        return -math.inf
    b = y + 1.0 - a
    C, D = math.inf, 1.0 / b
    value, n, change = D, 0, math.inf
    while abs(change - 1.0) > 2.0**-52:
        n += 1
        numerator = -n * (n - a)
        b += 2.0
        D = 1.0 / (numerator * D + b)
        C = b + numerator / C
        change = C * D
        value *= change
    return (a * math.log(y) - math.lgamma(a) + math.log(value)) - y


def p_text(log_p: float) -> str:
    """A p-value as text, from its natural logarithm: ``0.0083``, ``2.1e-14``, ``7.3e-350``, ``0``, ``nan``.

    Four decimals from 1e-4 on, two digits below.  Where the logarithm is too large to carry a second digit,
    below about 1e-10000000000000, its exponent alone: ``10^-2.17147e+15``.
    """
    if math.isnan(log_p):
        return "nan"
    if log_p == -math.inf:
        return "0"
    if log_p > -700.0:
        p = math.exp(log_p)
        return f"{p:.4f}" if p >= 1e-4 else f"{p:.1e}"
    x = log_p / math.log(10.0)
    if x < -1e13:
        return f"10^{x:.6g}"
    exponent = math.floor(x)
    mantissa = f"{10.0 ** (x - exponent):.1f}"
    if mantissa == "10.0":
        mantissa, exponent = "1.0", exponent + 1
    return f"{mantissa}e{exponent}"
