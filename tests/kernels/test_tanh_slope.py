"""tanh_slope against 50 digits, where 1 - tanh^2 has none left too, and at its ends."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from sigmax import kernels

#: largest relative error in units of 2^-53; 4.17 on both backends at 180,000 points
LARGEST = 4.5


def slope(backend_name: str, x: np.ndarray) -> np.ndarray:
    out = np.full(len(x), np.nan)
    kernels.get(backend_name).tanh_slope(x, out)
    return out


def test_all_digits_also_where_tanh_is_one(backend_name):
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [rng.uniform(-350.0, 350.0, 300), rng.standard_normal(300), 10.0 ** rng.uniform(-9, 1, 300)]
    )
    found = slope(backend_name, x)
    with mpmath.workdps(50):
        # sech(x) = 1 / cosh(x)
        exact = [1 / mpmath.cosh(mpmath.mpf(float(one))) ** 2 for one in x]
        off = [abs(float((mpmath.mpf(float(a)) - b) / b)) for a, b in zip(found, exact, strict=True)]
    assert max(off) <= LARGEST * 2.0**-53
    np.testing.assert_array_equal(slope(backend_name, -x), found)


def test_ends(backend_name):
    x = np.array([0.0, -0.0, 5e-324, np.inf, -np.inf, 400.0, np.nan])
    np.testing.assert_array_equal(slope(backend_name, x), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, np.nan])


def test_a_wrong_length_is_refused(backend_name):
    with pytest.raises(ValueError, match="out"):
        kernels.get(backend_name).tanh_slope(np.zeros(3), np.zeros(4))
