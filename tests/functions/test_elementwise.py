"""expit, log_expit, log1pexp: against SciPy, every dtype, special values, errors."""

import mpmath
import numpy as np
import pandas as pd
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from layouts import SCIPY_IS_RECENT, small_blocks

import sigmax as sx

SCIPY = {
    "expit": scipy.special.expit,
    "log_expit": scipy.special.log_expit,
    "log1pexp": lambda x: np.logaddexp(0.0, x),
}
NAMES = tuple(SCIPY)

#: x: expit, log_expit, log1pexp, as the documentation of sigmax.functions has it
SPECIAL = {
    -np.inf: (0.0, -np.inf, 0.0),
    np.inf: (1.0, 0.0, np.inf),
    np.nan: (np.nan, np.nan, np.nan),
    0.0: (0.5, -np.log(2.0), np.log(2.0)),
    -745.0: (5e-324, -745.0, 5e-324),
    1e308: (1.0, 0.0, 1e308),
    -1e308: (0.0, -1e308, 0.0),
}

#: dtype in -> dtype out: those of scipy.special.expit, but for longdouble
DTYPES = {
    "f8": "f8",
    ">f8": "f8",
    "f4": "f4",
    ">f4": "f4",
    "f2": "f8",
    "g": "f8",
    "?": "f8",
    "i1": "f8",
    "u1": "f8",
    ">i2": "f8",
    "i8": "f8",
    "u8": "f8",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(), (1,), (0,), (7,), (3, 4), (2, 0, 3), (2, 3, 4, 5)])
def test_shapes(backend_name, name, shape):
    x = np.random.default_rng(1).normal(size=shape) * 10
    found = getattr(sx, name)(x, backend=backend_name)
    assert np.shape(found) == shape
    assert type(found) is (np.ndarray if shape else np.float64)
    np.testing.assert_allclose(found, SCIPY[name](x), rtol=1e-14)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("given_dtype", "wanted"), DTYPES.items())
def test_dtypes(backend_name, name, given_dtype, wanted):
    x = np.array([0, 1, 1, 0, 1]).astype(given_dtype)
    if x.dtype.kind == "f":
        x = (np.array([-3.5, 0.25, 7.0, -80.0, 11.0])).astype(given_dtype)
    for value in (x, x[1:2], x[2]):
        found = getattr(sx, name)(value, backend=backend_name)
        assert found.dtype == np.dtype(wanted)
        # computed in double and rounded once
        exact = getattr(sx, name)(np.asarray(value, dtype=np.float64), backend=backend_name)
        np.testing.assert_array_equal(found, exact.astype(wanted))
    if name != "log1pexp" and given_dtype != "g" and (SCIPY_IS_RECENT or x.itemsize >= 4):
        assert SCIPY[name](x).dtype == np.dtype(wanted)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("x", SPECIAL)
def test_special_values(backend_name, name, x):
    wanted = SPECIAL[x][NAMES.index(name)]
    found = getattr(sx, name)(x, backend=backend_name)
    np.testing.assert_allclose(found, wanted, rtol=2.0**-52)
    with np.errstate(invalid="ignore"):  # logaddexp of nan
        theirs = SCIPY[name](x)
    if (name, x) != ("expit", -745.0):  # SciPy's is 0 below -709.8
        np.testing.assert_allclose(theirs, wanted, rtol=1e-15)
    else:
        assert theirs == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_digits_at_both_ends(backend_name, name):
    formula = {
        "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
        "log_expit": lambda x: -mpmath.log1p(mpmath.exp(-x)),
        "log1pexp": lambda x: mpmath.log1p(mpmath.exp(x)),
    }[name]
    # a normal result: in the subnormal range its unit in the last place would be another
    x = np.array([-708.0, -300.25, -40.0, -37.0, -1.0, -1e-9, 1e-300, 0.5, 18.3, 36.9, 40.0, 700.0])
    found = getattr(sx, name)(x, backend=backend_name)
    with mpmath.workdps(400):
        for one, value in zip(found.tolist(), x.tolist(), strict=True):
            exact = formula(mpmath.mpf(value))
            assert abs(mpmath.mpf(one) - exact) <= 4 * np.spacing(abs(one)), value


@given(
    sizes=st.lists(st.integers(1, 6), min_size=0, max_size=4),
    seed=st.integers(0, 99),
    data=st.data(),
    name=st.sampled_from(NAMES),
    dtype=st.sampled_from(["f8", "f4", ">f8", "i2"]),
)
def test_any_view(sizes, seed, data, name, dtype):
    # axes in any order, steps of any sign, blocks that end anywhere
    rng = np.random.default_rng(seed)
    steps = [data.draw(st.sampled_from([-3, -2, -1, 1, 2])) for _ in sizes]
    order = data.draw(st.permutations(range(len(sizes))))
    base = (rng.normal(size=[3 * size for size in sizes]) * 9).astype(dtype)
    x = base.transpose(order)[tuple(slice(None, None, step) for step in steps)]
    kept = x.copy()
    function = getattr(sx, name)
    wanted = function(np.array(x, order="C"))
    with small_blocks():
        np.testing.assert_array_equal(function(x, n_threads=2), wanted)
        out = np.full_like(base.transpose(order), np.nan, dtype="f8")[
            (*(slice(None, None, step) for step in steps), ...)
        ]
        assert function(x, out) is out
        np.testing.assert_array_equal(out.astype(wanted.dtype), wanted)
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("name", NAMES)
def test_as_the_ufunc_is_called(name):
    x = np.linspace(-3, 3, 7)
    out = np.empty(7)
    assert getattr(sx, name)(x, out) is out
    np.testing.assert_allclose(out, SCIPY[name](x), rtol=1e-14)
    single = np.empty(7, np.float32)
    assert getattr(sx, name)(x, out=single) is single
    np.testing.assert_array_equal(single, out.astype(np.float32))


def test_result_has_the_order_of_the_input():
    x = np.asfortranarray(np.ones((3, 4)))
    assert sx.expit(x).flags.f_contiguous
    assert sx.expit(x.astype(np.float32)).flags.f_contiguous


def test_other_kinds_of_array():
    x = np.array([[0.5, -1.0]])
    wanted = sx.expit(x)
    for other in (x.view(np.matrix), np.ma.masked_array(x, [[True, False]]), pd.DataFrame(x), [[0.5, -1.0]]):
        found = sx.expit(other)
        assert type(found) is np.ndarray
        np.testing.assert_array_equal(found, wanted)


def test_memory_map(tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 3))
    x.tofile(tmp_path / "x")
    found = sx.expit(np.memmap(tmp_path / "x", np.float64, mode="r", shape=x.shape))
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, sx.expit(x))


BAD = {
    "complex": (([1j],), {}, TypeError, "x must hold real numbers; got dtype complex128"),
    "text": ((["a"],), {}, TypeError, "x must hold real numbers; got dtype <U1"),
    "object": (([None],), {}, TypeError, "x must hold real numbers; got dtype object"),
    "time": (
        (np.array([1], "m8[s]"),),
        {},
        TypeError,
        r"x must hold real numbers; got dtype timedelta64\[s\]",
    ),
    "out list": (([1.0], [1.0]), {}, TypeError, "out must be a NumPy array; got list"),
    "out int": (
        ([1.0], np.zeros(1, int)),
        {},
        TypeError,
        "out must hold real floating-point numbers; got dtype int64",
    ),
    "out complex": (([1.0], np.zeros(1, complex)), {}, TypeError, "got dtype complex128"),
    "out shape": (
        ([1.0], np.zeros((2, 1))),
        {},
        ValueError,
        r"out must have the shape of the result, \(1,\); got \(2, 1\)",
    ),
    "out read-only": (
        ([1.0], np.broadcast_to(1.0, 1)),
        {},
        ValueError,
        "out must be writeable; it is read-only",
    ),
    "n_threads": (
        ([1.0],),
        {"n_threads": 0},
        ValueError,
        "n_threads must be a whole number of at least 1; got 0",
    ),
    "n_threads, nothing": (([],), {"n_threads": 1.5}, ValueError, "n_threads must be a whole number"),
    "backend": (([1.0],), {"backend": "gpu"}, ValueError, "backend must be one of"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", BAD)
def test_errors(name, case):
    arguments, options, error, message = BAD[case]
    with pytest.raises(error, match=message):
        getattr(sx, name)(*arguments, **options)
