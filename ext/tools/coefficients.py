"""Derive the polynomial coefficients of ext/kernels/sx_exp.h and sx_log1p.h.

Run ``python ext/tools/coefficients.py``: it prints every constant as a hexadecimal literal with the
error its polynomial reaches.  ``tests/kernels/test_constants.py`` asserts that the headers hold exactly
these numbers, so a constant cannot drift from its derivation.  Needs mpmath.

Method: interpolation at Chebyshev nodes with 60 digits, then rounding to double.  Rounding costs nothing
here: each polynomial is multiplied by r^2 <= 0.13 or z <= 0.03 before it meets the leading term.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp

mp.mp.dps = 60


def fit(f: Callable[[mp.mpf], mp.mpf], low: mp.mpf, high: mp.mpf, degree: int) -> list[float]:
    """Coefficients c_0..c_degree (doubles) of a polynomial close to `f` on [low, high]."""
    nodes = [
        (low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * degree + 2))
        for i in range(degree + 1)
    ]
    powers = mp.matrix([[x**j for j in range(degree + 1)] for x in nodes])
    return [float(c) for c in mp.lu_solve(powers, mp.matrix([f(x) for x in nodes]))]


def worst(
    f: Callable[[mp.mpf], mp.mpf],
    coefficients: list[float],
    low: mp.mpf,
    high: mp.mpf,
    size: Callable[[mp.mpf], mp.mpf],
) -> float:
    """Largest |polynomial - f| * size on a grid of [low, high]."""
    grid = [low + (high - low) * (mp.mpf(i) + mp.mpf("0.37")) / 2000 for i in range(2000)]
    errors = [
        abs(mp.fsum(mp.mpf(c) * x**i for i, c in enumerate(coefficients)) - f(x)) * size(x) for x in grid
    ]
    return float(max(errors))


def exp_tail(r: mp.mpf) -> mp.mpf:
    """q(r) with exp(r) = 1 + r + r^2 q(r)."""
    if abs(r) < mp.mpf("1e-20"):
        return mp.mpf(1) / 2 + r / 6
    return (mp.expm1(r) - r) / r**2


def log_tail(z: mp.mpf) -> mp.mpf:
    """R(z) / z with log(1 + f) = 2s + s R(z), s = f / (2 + f), z = s^2."""
    if z < mp.mpf("1e-30"):
        return mp.mpf(2) / 3 + 2 * z / 5
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2) / z


EXP_DEGREE = 10
LOG_DEGREE = 6

#: |r| <= ln 2 / 2 plus the rounding of n = rint(x / ln 2)
R_MAX = mp.log(2) / 2 * (1 + mp.mpf(2) ** -20)
#: f in [sqrt(1/2) - 1, sqrt(2) - 1]: |s| <= 3 - 2 sqrt(2)
Z_MAX = (3 - 2 * mp.sqrt(2)) ** 2 * (1 + mp.mpf(2) ** -20)


def exp_coefficients() -> list[float]:
    return fit(exp_tail, -R_MAX, R_MAX, EXP_DEGREE)


def log_coefficients() -> list[float]:
    return fit(log_tail, mp.mpf(0), Z_MAX, LOG_DEGREE)


def split_ln2() -> tuple[float, float]:
    """ln 2 = high + low, the high part with 21 trailing zero bits: n * high is exact for |n| < 2^21."""
    scale = 2**32
    high = float(mp.floor(mp.log(2) * scale) / scale)
    return high, float(mp.log(2) - mp.mpf(high))


def constants() -> dict[str, list[float]]:
    """Every constant of the two headers, by the name of its macro."""
    high, low = split_ln2()
    return {
        "SX_LOG2E": [float(1 / mp.log(2))],
        "SX_LN2_HIGH": [high],
        "SX_LN2_LOW": [low],
        "SX_EXP_Q": exp_coefficients(),
        "SX_LOG_R": log_coefficients(),
    }


def main() -> None:
    for name, values in constants().items():
        for i, value in enumerate(values):
            print(f"{name}{i if len(values) > 1 else ''} {value.hex()} /* {value!r} */")
    ulp = 2.0**-53
    e = worst(exp_tail, exp_coefficients(), -R_MAX, R_MAX, lambda r: r * r / mp.exp(r))
    e1 = worst(exp_tail, exp_coefficients(), -R_MAX, R_MAX, lambda r: abs(r * r / mp.expm1(r)))
    f = worst(log_tail, log_coefficients(), mp.mpf(0), Z_MAX, lambda z: z / 2)
    print(f"exp: {e / ulp:.2e}, expm1: {e1 / ulp:.2e}, log1p: {f / ulp:.2e} times 2^-53, relative")


if __name__ == "__main__":
    main()
