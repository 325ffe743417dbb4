"""Weights of any scale: sums and extremes in one sweep, units of a power of two, messages."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigmax as sx
from sigmax.data import weights as room
from sigmax.data.response import response
from sigmax.data.weights import weights

N = 3 * room._BLOCK + 77


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=40), st.integers(1, 4))
def test_sums_and_extremes(values, n_threads):
    w = np.array([*values, 0.5])
    found = weights("w", w, len(w), n_threads)
    assert found.smallest == w[w > 0].min()
    assert found.total == pytest.approx(math.fsum(w), rel=1e-14)
    assert found.has_zeros == (w == 0).any()
    assert found.values is not None
    np.testing.assert_array_equal(found.values, w)


@pytest.mark.parametrize("zeros", [False, True])
def test_blocks_and_threads(zeros):
    w = np.random.default_rng(0).lognormal(0, 3, N)
    if zeros:
        w[:: room._BLOCK + 1] = 0.0
        w[room._BLOCK : 2 * room._BLOCK] = 0.0  # a block without a positive one
    found = [weights("w", w, N, n_threads) for n_threads in (1, 2, 5)]
    assert len({(f.total, f.smallest, f.has_zeros, f.scale) for f in found}) == 1
    assert found[0].smallest == w[w > 0].min()
    assert found[0].has_zeros is zeros
    assert found[0].total == pytest.approx(math.fsum(w), rel=1e-14)
    assert found[0].values is w  # no copy


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.float16, np.float32, ">f8"])
def test_other_dtypes(dtype):
    w = (np.arange(20) % 2).astype(dtype)
    found = weights("w", w, 20)
    assert found.values.dtype == np.float64
    assert (found.total, found.smallest, found.has_zeros) == (10.0, 1.0, True)


@pytest.mark.parametrize("shift", [-1074, -1000, -300, -21, 31, 300, 1000, 1021])
def test_a_scale_outside_the_ordinary_is_taken_out_exactly(shift):
    w = np.array([1.0, 1.75, 0.0, 1.5, 1.25])
    found = weights("w", np.ldexp(w, shift), 5) if shift > -1074 else weights("w", np.full(5, 5e-324), 5)
    assert found.scale == math.ldexp(1.0, shift)
    wanted = w if shift > -1074 else np.ones(5)
    np.testing.assert_array_equal(found.values, wanted)
    assert (found.total, found.smallest) == (wanted.sum(), 1.0)


@pytest.mark.parametrize("shift", [-20, -3, 0, 29, 30])
def test_an_ordinary_scale_stays(shift):
    w = np.ldexp(np.array([1.0, 1.75, 2.0**-900]), shift)
    found = weights("w", w, 3)
    assert found.values is w
    assert found.scale == 1.0


def test_sums_beyond_the_largest_double():
    w = np.full(N, 1.7e308)
    found = weights("w", w, N)
    assert found.total == pytest.approx(N * found.values[0], rel=1e-14)
    observed = response(np.arange(N) % 2, N, sample_weight=w)
    assert observed.total_weight == math.inf
    assert math.isfinite(observed.weight_sum)
    # weights of 1e300 and of 1e-300 at once: what is rounded to 0 does not count
    mixed = weights("w", [1e300, 1e-300, 1e290], 3)
    assert mixed.values[1] == 0.0
    assert mixed.smallest == mixed.values[2]
    assert mixed.has_zeros


def test_the_units_of_a_response():
    y, w = np.arange(40) % 3, np.random.default_rng(1).lognormal(0, 3, 40)
    plain = response(y, 40, sample_weight=w)
    assert (plain.scale, plain.total_weight) == (1.0, plain.weight_sum)
    assert plain.weight_sum == pytest.approx(w.sum(), rel=1e-14)
    for shift in (-800, 800):
        observed = response(y, 40, sample_weight=np.ldexp(w, shift))
        np.testing.assert_array_equal(np.ldexp(observed.weight * observed.scale, -shift), w)
        assert observed.total_weight == pytest.approx(math.ldexp(plain.total_weight, shift), rel=1e-14)
        assert observed.smallest_weight == observed.weight.min()
        np.testing.assert_array_equal(observed.codes, plain.codes)
    assert replace(plain, weight_sum=1e300, scale=2.0**100).total_weight == math.inf


@pytest.mark.parametrize("factor", [2.0**-900, 1e-300, 1e-150, 1e-20, 1e-8, 1e8])
def test_estimates_do_not_depend_on_the_scale(factor, backend):
    rng = np.random.default_rng(2)
    X, w = rng.normal(size=(200, 3)), rng.lognormal(0, 3, 200)
    w[::7] = 0.0
    y = (rng.logistic(size=200) < X[:, 0]).astype(int)
    one = sx.fit(X, y, sample_weight=w, backend=backend.BACKEND)
    other = sx.fit(X, y, sample_weight=w * factor, backend=backend.BACKEND)
    np.testing.assert_allclose(other.params, one.params, rtol=1e-11)
    assert other.nobs == pytest.approx(one.nobs * factor, rel=1e-13)
    dropped = sx.fit(X[w > 0], y[w > 0], sample_weight=w[w > 0] * factor, backend=backend.BACKEND)
    np.testing.assert_allclose(dropped.params, other.params, rtol=1e-11)


def with_bad(value, at):
    w = np.ones(N)
    w[at] = value
    return w


BAD = {
    "nan": (
        with_bad(np.nan, [70_000, 140_000]),
        r"^w must be finite; 2 values nan or inf, the first at w\[70000\] = nan$",
    ),
    "inf": (with_bad(np.inf, [5]), r"^w must be finite; 1 value nan or inf, the first at w\[5\] = inf$"),
    "-inf": (with_bad(-np.inf, [N - 1]), rf"^w must be finite; 1 value nan or inf, .*w\[{N - 1}\] = -inf$"),
    "negative": (
        with_bad(-2.0, [9, 190_000]),
        r"^w must not be negative; 2 values below 0, the first at w\[9\] = -2.0$",
    ),
    "negative subnormal": (
        with_bad(-5e-324, [70_000]),
        r"1 value below 0, the first at w\[70000\] = -5e-324$",
    ),
    "zero": (np.zeros(N), rf"^w must have a positive value; all {N:,} are 0$"),
    "minus zero": (np.full(N, -0.0), rf"^w must have a positive value; all {N:,} are 0$"),
    "text": (np.full(N, "1"), r"^w must hold real numbers; got dtype <U1$"),
    "length": (
        np.ones(N + 1),
        rf"^w must have shape \({N},\), one value for each row of X; got \({N + 1},\)$",
    ),
}


@pytest.mark.parametrize(("bad", "message"), BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("n_threads", [1, 2])
def test_messages(bad, message, n_threads):
    with pytest.raises(ValueError, match=message):
        weights("w", bad, N, n_threads)


def test_read_only_weights_are_enough():
    for w in (np.array([1e-200, 2e-200, 0.0, 1e-200]), np.array([1.0, 2.0, 0.0, 3.0])):
        before = w.tobytes()
        w.flags.writeable = False
        weights("w", w, 4)
        assert w.tobytes() == before
