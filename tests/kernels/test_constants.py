"""Every constant of the C headers equals its derivation; the sizes the tests rely on are those compiled."""

import importlib.util
import math
import re
from fractions import Fraction
from pathlib import Path

import mpmath as mp
import pytest
from strategies import GRAM_PAD, LANES, TILE

from sigmax import kernels

EXT = Path(__file__).resolve().parents[2] / "ext"
DEFINE = re.compile(r"^#define\s+(SX_\w+)\s+(\S+)", re.MULTILINE)


def defines(header):
    """The object-like macros of a header, as text."""
    return dict(DEFINE.findall((EXT / "kernels" / header).read_text()))


@pytest.fixture(scope="module")
def derivation():
    before = mp.mp.dps
    spec = importlib.util.spec_from_file_location("coefficients", EXT / "tools" / "coefficients.py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        mp.mp.dps = before  # the script sets its own precision


def in_headers(stem):
    """stem, or stem0, stem1, ... of the two headers, in order."""
    found = defines("sx_exp.h") | defines("sx_log1p.h")
    if stem in found:
        return [found[stem]]
    numbered = {
        int(name[len(stem) :]): text for name, text in found.items() if re.fullmatch(stem + r"\d+", name)
    }
    assert sorted(numbered) == list(range(len(numbered)))
    return [numbered[i] for i in range(len(numbered))]


def test_headers_hold_the_derived_numbers(derivation):
    derived = derivation.constants()
    assert derived.keys() == {"SX_LOG2E", "SX_LN2_HIGH", "SX_LN2_LOW", "SX_EXP_Q", "SX_LOG_R"}
    for stem, values in derived.items():
        texts = in_headers(stem)
        assert all(re.fullmatch(r"-?0x1\.[0-9a-f]{13}p[+-]\d+", text) for text in texts), stem
        assert [float.fromhex(text) for text in texts] == values, stem


def test_no_floating_constant_is_left_without_a_derivation(derivation):
    # every SX_ macro with a hexadecimal point is derived, or is a power of two and a half that needs none
    literal = {
        name
        for header in ("sx_exp.h", "sx_log1p.h")
        for name, text in defines(header).items()
        if "0x1." in text
    }
    derived = set(derivation.constants())
    assert {re.sub(r"(?<=_[QR])\d+$", "", name) for name in literal} == derived | {"SX_ROUND_SHIFT"}
    assert float.fromhex(defines("sx_exp.h")["SX_ROUND_SHIFT"]) == 1.5 * 2.0**52


def test_errors_of_the_polynomials_are_as_the_headers_say(derivation):
    # relative, on the reduced range, in units of 2^-53, to the one digit that the headers state
    r, z, unit = derivation.R_MAX, derivation.Z_MAX, 2.0**-53
    q, log = derivation.exp_coefficients(), derivation.log_coefficients()
    exp = derivation.worst(derivation.exp_tail, q, -r, r, lambda x: x * x / mp.exp(x))
    log1p = derivation.worst(derivation.log_tail, log, mp.mpf(0), z, lambda x: x / 2)
    stated = re.compile(r"error(?: is)?[\s*]+(0\.0*[1-9]) \* 2\^-53")
    for header, found in (("sx_exp.h", exp), ("sx_log1p.h", log1p)):
        said = stated.search((EXT / "kernels" / header).read_text()).group(1)
        assert float(f"{found / unit:.1g}") == float(said), header


def test_products_with_the_high_part_of_ln2_are_exact():
    high = float.fromhex(defines("sx_exp.h")["SX_LN2_HIGH"])
    # |x| <= 746 leaves n = rint(x / ln 2) within 1077
    assert all(Fraction(n * high) == n * Fraction(high) for n in range(-1077, 1078))
    # and low is the rest of ln 2 rounded: together they hold it to 2^-86
    low = float.fromhex(defines("sx_exp.h")["SX_LN2_LOW"])
    with mp.workdps(60):
        assert abs(mp.mpf(high) + mp.mpf(low) - mp.log(2)) <= mp.mpf(2) ** -86


def test_bits_of_the_logarithm():
    bits = defines("sx_log1p.h")
    number = {
        name: int(bits[name].rstrip("u"), 16) for name in bits if name.endswith(("BITS", "ONE", "MASK"))
    }
    as_double = float.fromhex(f"0x1.{number['SX_SQRT_HALF_BITS'] & (2**52 - 1):013x}p-1")
    assert number["SX_SQRT_HALF_BITS"] >> 52 == 1022
    # sqrt(1/2) cut to the upper word, so that the fields of m can be assembled by addition
    assert number["SX_SQRT_HALF_BITS"] % 2**32 == 0
    assert 0 <= math.sqrt(0.5) - as_double < 2.0**-21
    assert number["SX_EXPONENT_OF_ONE"] == 1023 << 52
    assert number["SX_MANTISSA_MASK"] == 2**52 - 1


def test_sizes_the_tests_are_built_around():
    base, gram = defines("sx_base.h"), defines("sx_gram.h")
    assert (int(base["SX_TILE"]), int(base["SX_LANES"])) == (TILE, LANES)
    assert TILE % LANES == 0
    assert int(gram["SX_GRAM_PAD"]) == GRAM_PAD


@pytest.mark.needs_compiled
def test_tile_of_the_compiled_backend():
    assert kernels.get("compiled").TILE_ROWS == TILE
