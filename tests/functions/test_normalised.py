"""logsumexp, softmax, log_softmax: against SciPy over shapes, axes and dtypes; special values; errors."""

import itertools

import mpmath
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from layouts import SCIPY_IS_RECENT, small_blocks

import sigmax as sx

NAMES = ("logsumexp", "softmax", "log_softmax")


def scipys(name, x, axis):
    with np.errstate(invalid="ignore"):  # it subtracts inf from inf
        return getattr(scipy.special, name)(x, axis=axis)


def axes_of(ndim):
    """Every axis and set of axes, and some of them written with negative numbers or out of order."""
    sets = [one for length in range(ndim + 1) for one in itertools.combinations(range(ndim), length)]
    return [None, *range(-ndim, ndim), *sets, *[tuple(i - ndim for i in one[::-1]) for one in sets]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1,), (7,), (3, 4), (1, 5), (5, 1), (2, 3, 4), (3, 1, 2, 5)])
def test_shapes_and_axes(backend_name, name, shape):
    x = np.random.default_rng(2).normal(size=shape) * 8
    for axis in axes_of(len(shape)):
        found = getattr(sx, name)(x, axis, backend=backend_name)
        wanted = scipys(name, x, axis)
        assert np.shape(found) == np.shape(wanted)
        assert type(found) is type(wanted)
        np.testing.assert_allclose(found, wanted, rtol=1e-14, atol=1e-14 if name != "softmax" else 0)


@pytest.mark.parametrize("name", NAMES)
def test_scalars(backend_name, name):
    function = getattr(sx, name)
    for value, axis in itertools.product((2.5, np.float32(2.5), np.array(2.5), 2, np.inf), (None, 0, -1)):
        found, wanted = function(value, axis, backend=backend_name), scipys(name, value, axis)
        assert type(found) is type(wanted)
        np.testing.assert_array_equal(found, wanted)
    # without any axis, logsumexp of a scalar is a vector of one
    found, wanted = (
        function(2.5, (), backend=backend_name),
        {"logsumexp": [2.5], "softmax": 1.0, "log_softmax": 0.0},
    )
    assert np.shape(found) == np.shape(wanted[name])
    np.testing.assert_array_equal(found, wanted[name])
    if SCIPY_IS_RECENT:
        assert np.shape(scipys(name, 2.5, ())) == np.shape(found)


#: dtype in -> dtype out.  SciPy's softmax gives float16 for int8 and an error for bool
DTYPES = {
    "f8": "f8",
    ">f8": "f8",
    "f4": "f4",
    ">f4": "f4",
    "f2": "f2",
    "g": "f8",
    "?": "f8",
    "i1": "f8",
    "u2": "f8",
    "i8": "f8",
    "u8": "f8",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("given_dtype", "wanted"), DTYPES.items())
def test_dtypes(backend_name, name, given_dtype, wanted):
    rng = np.random.default_rng(3)
    x = rng.integers(0, 2, size=(5, 6)) if given_dtype == "?" else rng.normal(size=(5, 6)) * 4
    x = np.abs(x).astype(given_dtype)
    for axis in (0, 1, None):
        found = getattr(sx, name)(x, axis, backend=backend_name)
        assert found.dtype == np.dtype(wanted)
        exact = getattr(sx, name)(x.astype(np.float64), axis, backend=backend_name)
        np.testing.assert_array_equal(found, exact.astype(wanted))
        if x.dtype.kind == "f":
            theirs = scipys(name, x, axis)
            assert given_dtype == "g" or theirs.dtype == found.dtype
            digits = 2.0 ** -{"f2": 8, "f4": 20}.get(wanted, 46)
            np.testing.assert_allclose(found, theirs.astype(wanted), rtol=digits, atol=digits)


#: row: logsumexp, softmax, log_softmax; as the documentation of sigmax.functions has it
INF, NAN = np.inf, np.nan
SPECIAL = {
    (0.0, -INF): (0.0, [1.0, 0.0], [0.0, -INF]),
    (-INF, -INF): (-INF, [NAN, NAN], [NAN, NAN]),
    (0.0, INF): (INF, [NAN, NAN], [NAN, NAN]),
    (-INF, INF): (INF, [NAN, NAN], [NAN, NAN]),
    (INF, INF): (INF, [NAN, NAN], [NAN, NAN]),
    (0.0, NAN): (NAN, [NAN, NAN], [NAN, NAN]),
    (INF, NAN): (NAN, [NAN, NAN], [NAN, NAN]),
    (-INF, NAN): (NAN, [NAN, NAN], [NAN, NAN]),
    (-INF,): (-INF, [NAN], [NAN]),
    (INF,): (INF, [NAN], [NAN]),
    (1e308, 1e308): (1e308, [0.5, 0.5], [-np.log(2.0)] * 2),
    (1e308, -1e308): (1e308, [1.0, 0.0], [0.0, -INF]),
    (0.0, -1000.0): (0.0, [1.0, 0.0], [0.0, -1000.0]),
}


@pytest.mark.parametrize("row", SPECIAL)
def test_special_values(backend_name, row):
    for name, wanted in zip(NAMES, SPECIAL[row], strict=True):
        for x in (np.array(row), np.array([row] * 3).T[:, ::-2]):
            found = getattr(sx, name)(x, axis=0, backend=backend_name)
            wide = np.asarray(wanted) if x.ndim == 1 else np.stack([wanted] * x.shape[1], axis=-1)
            np.testing.assert_array_equal(found, wide, err_msg=name)
        # SciPy takes a maximum of inf for 0 in log_softmax, which gives -inf to the others
        with np.errstate(all="ignore"):
            theirs = scipys(name, np.array(row), 0)
        if not (name == "log_softmax" and INF in row and len(row) > 1 and not np.isnan(row).any()):
            np.testing.assert_array_equal(theirs, wanted)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 2), (2, 0, 3)])
def test_nothing(name, shape):
    x = np.zeros(shape)
    for axis in (None, *range(len(shape)), tuple(range(len(shape)))):
        found = getattr(sx, name)(x, axis)
        # SciPy has an error for softmax, and for logsumexp of two axes and more
        if name == "logsumexp":
            np.testing.assert_array_equal(found, np.full(np.sum(x, axis=axis).shape, -INF))
        else:
            assert found.shape == shape
    if name == "logsumexp" and SCIPY_IS_RECENT:
        for axis in range(len(shape)):
            wanted = scipy.special.logsumexp(x, axis=axis)
            np.testing.assert_array_equal(sx.logsumexp(x, axis), wanted)
            wanted = scipy.special.logsumexp(x, axis=axis, keepdims=True)
            np.testing.assert_array_equal(sx.logsumexp(x, axis, keepdims=True), wanted)


@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    seed=st.integers(0, 99),
    data=st.data(),
    name=st.sampled_from(NAMES),
    dtype=st.sampled_from(["f8", "f4", ">f8", "i2"]),
    elements=st.sampled_from([1, 7, 24]),
    call=st.sampled_from([1, 6, 1000]),
)
def test_any_view(sizes, seed, data, name, dtype, elements, call):
    # axes in any order, steps of any sign, any set of axes, blocks and kernel calls that end anywhere
    rng = np.random.default_rng(seed)
    ndim = len(sizes)
    cut = tuple(slice(None, None, data.draw(st.sampled_from([-3, -2, -1, 1, 2]))) for _ in sizes)
    order = data.draw(st.permutations(range(ndim)))
    axis = data.draw(st.sampled_from(axes_of(ndim)))
    base = (rng.normal(size=[3 * size for size in sizes]) * 9).astype(dtype)
    x = base.transpose(order)[cut]
    before = x.copy()
    function = getattr(sx, name)
    wanted = function(np.array(x, order="C"), axis)
    np.testing.assert_array_equal(function(x, axis), wanted)
    with small_blocks(elements, call):
        np.testing.assert_array_equal(function(x, axis, n_threads=2), wanted)
        shape = np.shape(wanted)
        out = (
            np.full_like(base.transpose(order), NAN, dtype="f8")[cut] if shape == x.shape else np.empty(shape)
        )
        assert function(x, axis, out=out) is out
        np.testing.assert_array_equal(out.astype(wanted.dtype), wanted)
    np.testing.assert_array_equal(x, before)


# -- digits ------------------------------------------------------------------------------------------


def test_digits(backend_name):
    rng = np.random.default_rng(5)
    ulp = np.spacing
    for spread in (1e-8, 1.0, 30.0, 700.0):
        x = rng.normal(size=(20, 5)) * spread + rng.normal() * spread
        log, p, log_p = (getattr(sx, name)(x, 1, backend=backend_name) for name in NAMES)
        with mpmath.workdps(700):
            for i in range(len(x)):
                row = [mpmath.mpf(v) for v in x[i].tolist()]
                r = mpmath.log(sum(mpmath.exp(v) for v in row))
                tail = r - max(row)
                # the documented bound of logsumexp, with one ulp more for the twin
                bound = 0.5 * ulp(abs(log[i])) + 2.5 * ulp(float(tail))
                assert abs(mpmath.mpf(float(log[i])) - r) <= bound
                for k in range(5):
                    assert abs(mpmath.mpf(float(p[i, k])) - mpmath.exp(row[k] - r)) <= 3 * ulp(p[i, k])
                    found = abs(float(log_p[i, k]))
                    assert abs(-mpmath.mpf(found) - (row[k] - r)) <= 3 * ulp(found)


def test_near_zero_the_error_is_absolute(backend_name):
    # two equal logits with a sum of about 1: log 2 cancels
    a = -np.log(2.0)
    found = sx.logsumexp([a, a], backend=backend_name)
    with mpmath.workdps(50):
        exact = mpmath.mpf(a) + mpmath.log(2)
    assert abs(found - float(exact)) <= 2.0**-53 * (abs(found) + 3 * np.log(2.0))


# -- errors ------------------------------------------------------------------------------------------

X = np.zeros((2, 3))
BAD = {
    "complex": ((X + 1j,), {}, TypeError, "{x} must hold real numbers; got dtype complex128"),
    "text": ((["a"],), {}, TypeError, "{x} must hold real numbers; got dtype <U1"),
    "object": ((X.astype(object),), {}, TypeError, "{x} must hold real numbers; got dtype object"),
    "axis": ((X, 2), {}, np.exceptions.AxisError, "axis: axis 2 is out of bounds for array of dimension 2"),
    "axis twice": ((X, (0, -2)), {}, ValueError, "repeated axis in `axis` argument"),
    "axis float": ((X, 1.0), {}, TypeError, "float"),
    "axis of a scalar": ((1.0, 1), {}, np.exceptions.AxisError, "axis 1 is out of bounds"),
    "out list": ((X, 0), {"out": [1.0]}, TypeError, "out must be a NumPy array; got list"),
    "out int": (
        (X, 0),
        {"out": np.zeros(3, int)},
        TypeError,
        "out must hold real floating-point numbers; got dtype int64",
    ),
    "out shape": (
        (X, 0),
        {"out": np.zeros((3, 2))},
        ValueError,
        r"out must have the shape of the result, {shape}; got \(3, 2\)",
    ),
    "n_threads": ((X, 0), {"n_threads": -1}, ValueError, "n_threads must be a whole number of at least 1"),
    "backend": ((X, 0), {"backend": "gpu"}, ValueError, "backend must be one of"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", BAD)
def test_errors(name, case):
    arguments, options, error, message = BAD[case]
    first, shape = ("a", r"\(3,\)") if name == "logsumexp" else ("x", r"\(2, 3\)")
    with pytest.raises(error, match=message.format(x=first, shape=shape)):
        getattr(sx, name)(*arguments, **options)
