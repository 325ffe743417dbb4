"""cross_entropy: against mpmath, differences, SciPy; weights; rows without probabilities; errors."""

import warnings

import mpmath
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from layouts import small_blocks

import sigmax as sx

INF, NAN = np.inf, np.nan


def data(n, K, seed=0, spread=5.0):
    rng = np.random.default_rng([seed, n, K])
    return rng.normal(size=(n, K)) * spread, rng.integers(0, K, size=n), rng.gamma(1.5, size=n)


def test_digits(backend_name):
    for spread in (0.1, 3.0, 40.0, 600.0):
        logits, y, w = data(25, 4, spread=spread)
        loss, gradient = sx.cross_entropy(logits, y, w, backend=backend_name)
        with mpmath.workdps(700):
            total = mpmath.mpf(0)
            for i in range(len(y)):
                row, weight = [mpmath.mpf(v) for v in logits[i].tolist()], mpmath.mpf(float(w[i]))
                log_sum = mpmath.log(sum(mpmath.exp(v) for v in row))
                total += weight * (log_sum - row[y[i]])
                for k in range(4):
                    exact = weight * (mpmath.exp(row[k] - log_sum) - (k == y[i]))
                    found = float(gradient[i, k])
                    assert abs(mpmath.mpf(found) - exact) <= 4 * np.spacing(abs(found))
            # rows within a few ulp of theirs, the sum exact
            assert abs(mpmath.mpf(loss) - total) <= 3 * np.spacing(loss)


def test_a_row_that_is_fitted_well_keeps_its_digits(backend_name):
    loss, gradient = sx.cross_entropy([[0.0, -50.0]], [0], backend=backend_name)
    np.testing.assert_allclose(loss, np.exp(-50.0), rtol=1e-15)
    np.testing.assert_allclose(gradient, [[-np.exp(-50.0), np.exp(-50.0)]], rtol=1e-15)


def test_gradient_is_the_derivative_of_the_loss(backend_name):
    logits, y, w = data(4, 3, spread=1.0)
    _, gradient = sx.cross_entropy(logits, y, w, backend=backend_name)
    step = 2.0**-17
    for index in np.ndindex(*logits.shape):
        up, down = logits.copy(), logits.copy()
        up[index] += step
        down[index] -= step
        rise = (
            sx.cross_entropy(up, y, w, backend=backend_name)[0]
            - sx.cross_entropy(down, y, w, backend=backend_name)[0]
        )
        # the third derivative is at most 1/4 w: step^2 / 24 and the rounding of the losses
        assert abs(rise / (2 * step) - gradient[index]) < 1e-9


def test_classes_sum_to_zero(backend_name):
    logits, y, w = data(300, 7, spread=8.0)
    _, gradient = sx.cross_entropy(logits, y, w, backend=backend_name)
    assert np.all(np.abs(gradient.sum(axis=1)) <= 8 * 2.0**-53 * w)
    assert np.all(gradient[np.arange(300), y] <= 0)


def test_weights_count_rows(backend_name):
    logits, y, _ = data(40, 3)
    w = np.random.default_rng(1).integers(0, 4, size=40)
    loss, gradient = sx.cross_entropy(logits, y, w, backend=backend_name)
    repeated = sx.cross_entropy(np.repeat(logits, w, axis=0), np.repeat(y, w), backend=backend_name)
    assert loss == pytest.approx(repeated[0], rel=2e-16)
    plain, unweighted = sx.cross_entropy(logits, y, backend=backend_name)
    np.testing.assert_array_equal(gradient, w[:, None] * unweighted)
    ones = sx.cross_entropy(logits, y, np.ones(40), backend=backend_name)
    assert ones[0] == plain
    np.testing.assert_array_equal(ones[1], unweighted)


def test_two_classes_are_the_logistic_loss(backend_name):
    eta, y, w = np.linspace(-30, 30, 25), np.arange(25) % 2, np.linspace(0.1, 2, 25)
    loss, gradient = sx.cross_entropy(np.stack([np.zeros(25), eta], axis=1), y, w, backend=backend_name)
    sign = np.where(y == 1, 1.0, -1.0)
    np.testing.assert_allclose(loss, np.sum(w * sx.log1pexp(-sign * eta)), rtol=1e-15)
    np.testing.assert_allclose(gradient[:, 1], -w * sign * sx.expit(-sign * eta), rtol=1e-15)


@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    seed=st.integers(0, 99),
    picked=st.integers(-4, 3),
    weighted=st.booleans(),
)
def test_any_axis(sizes, seed, picked, weighted):
    rng = np.random.default_rng(seed)
    ndim = len(sizes)
    axis = picked % ndim - (ndim if picked < 0 else 0)
    logits = rng.normal(size=sizes) * 4
    shape = np.delete(sizes, axis)
    y = rng.integers(0, sizes[axis], size=shape)
    w = rng.random(size=shape) if weighted else None
    log_p = np.moveaxis(scipy.special.log_softmax(logits, axis=axis), axis, -1)
    terms = np.take_along_axis(log_p, np.asarray(y)[..., None], axis=-1)[..., 0]
    with small_blocks():
        loss, gradient = sx.cross_entropy(logits, y, w, axis=axis, n_threads=3)
    assert type(loss) is float
    assert loss == pytest.approx(-np.sum(terms * (1 if w is None else w)), rel=1e-13, abs=1e-14)
    wanted = np.exp(log_p) - (np.arange(sizes[axis]) == np.asarray(y)[..., None])
    wanted *= 1 if w is None else w[..., None]
    np.testing.assert_allclose(np.moveaxis(gradient, axis, -1), wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("kind", ["?", "u1", "i1", ">i2", "u4", "i8", "u8"])
def test_codes_of_any_integer_dtype(kind):
    logits, y, _ = data(20, 2)
    wanted = sx.cross_entropy(logits, y)
    found = sx.cross_entropy(logits, y.astype(kind))
    assert found[0] == wanted[0]
    np.testing.assert_array_equal(found[1], wanted[1])
    assert sx.cross_entropy(logits, np.repeat(y, 2)[::2].tolist())[0] == wanted[0]


@pytest.mark.parametrize(
    ("kind", "wanted"), [("f4", "f4"), ("f2", "f2"), ("i2", "f8"), ("g", "f8"), (">f8", "f8")]
)
def test_dtypes(backend_name, kind, wanted):
    logits, y, w = data(20, 3)
    logits = logits.astype(kind)
    loss, gradient = sx.cross_entropy(logits, y, w.astype("f4"), backend=backend_name)
    exact = sx.cross_entropy(logits.astype("f8"), y, w.astype("f4").astype("f8"), backend=backend_name)
    assert gradient.dtype == np.dtype(wanted)
    assert loss == exact[0]
    np.testing.assert_array_equal(gradient, exact[1].astype(wanted))


def test_nothing():
    for shape in ((0, 3), (2, 0, 3)):
        loss, gradient = sx.cross_entropy(np.zeros(shape), np.zeros(shape[:-1]), np.zeros(shape[:-1]))
        assert (type(loss), loss, gradient.shape) == (float, 0.0, shape)
        assert sx.cross_entropy(np.zeros(shape), np.zeros(shape[:-1], int))[0] == 0.0


def test_one_row_and_one_class(backend_name):
    loss, gradient = sx.cross_entropy([0.0, 0.0], 1, 2.0, backend=backend_name)
    assert loss == pytest.approx(2 * np.log(2.0), rel=1e-15)
    np.testing.assert_array_equal(gradient, [1.0, -1.0])
    loss, gradient = sx.cross_entropy([[3.0], [-INF]][:1], [0], backend=backend_name)
    assert loss == 0.0
    np.testing.assert_array_equal(gradient, [[0.0]])


# -- rows without probabilities ----------------------------------------------------------------------

HOPELESS = {"nan": [0.0, NAN, 1.0], "inf": [0.0, INF, 1.0], "inf -inf": [-INF, INF, 0.0], "-inf": [-INF] * 3}


@pytest.mark.parametrize("kind", HOPELESS)
@pytest.mark.parametrize("true", [0, 1, 2])
def test_one_warning_and_nan(backend_name, kind, true):
    logits, y, w = data(50, 3)
    rows = [11, 12, 40]
    logits[rows], y[rows] = HOPELESS[kind], true
    good = np.setdiff1d(np.arange(50), rows)
    wanted = sx.cross_entropy(logits[good], y[good], w[good], backend=backend_name)[1]
    for blocks in (24, 10**6):
        with small_blocks(blocks), pytest.warns(RuntimeWarning) as caught:
            loss, gradient = sx.cross_entropy(logits, y, w, n_threads=2, backend=backend_name)
        assert [str(one.message) for one in caught] == [
            "logits with nan or inf, or -inf alone, give no probabilities: 3 rows of 50, the first that of "
            "y[11]; the loss and their gradients are nan"
        ]
        assert caught[0].filename == __file__
        assert np.isnan(loss)
        assert np.isnan(gradient[rows]).all()
        np.testing.assert_array_equal(gradient[good], wanted)


def test_the_first_row_has_a_place_in_y(backend_name):
    logits = np.zeros((4, 3, 5))
    logits[2, 1, 3] = NAN
    logits[3, 0, 0] = INF
    with pytest.warns(RuntimeWarning, match=r"2 rows of 20, the first that of y\[2, 3\]"):
        sx.cross_entropy(logits, np.zeros((4, 5), int), axis=1, backend=backend_name)
    with pytest.warns(RuntimeWarning, match=r"1 row of 1, the first that of y; the loss"):
        sx.cross_entropy([0.0, NAN], 0, backend=backend_name)


def test_into_a_dtype_that_is_rounded(backend_name):
    logits = np.zeros((30, 3), np.float32)
    logits[7, 2] = NAN
    with small_blocks(), pytest.warns(RuntimeWarning, match=r"1 row of 30, the first that of y\[7\]"):
        loss, gradient = sx.cross_entropy(logits, np.zeros(30, int), out=logits, backend=backend_name)
    assert np.isnan(loss)
    assert np.isnan(gradient[7]).all()
    assert np.isfinite(np.delete(gradient, 7, axis=0)).all()


def test_an_impossible_true_class_costs_inf(backend_name):
    logits, y, w = data(50, 3)
    logits[20], y[20] = [0.0, -INF, 0.0], 1
    logits[33], y[33] = [-INF, 1.0, -INF], 1  # certain, and right
    with small_blocks(), warnings.catch_warnings():
        warnings.simplefilter("error")
        for weight in (None, w):
            loss, gradient = sx.cross_entropy(logits, y, weight, backend=backend_name)
            assert loss == INF
            of_row = 1.0 if weight is None else w[20]
            np.testing.assert_array_equal(gradient[20], of_row * np.array([0.5, -1.0, 0.5]))
            np.testing.assert_array_equal(gradient[33], [0.0, 0.0, 0.0])
            assert np.isfinite(gradient).all()


def test_inf_and_nan_together_are_nan(backend_name):
    logits = np.zeros((40, 2))
    logits[3] = [-INF, 0.0]
    logits[30] = NAN
    with small_blocks(), pytest.warns(RuntimeWarning, match=r"1 row of 40, the first that of y\[30\]"):
        loss, _ = sx.cross_entropy(logits, np.zeros(40, int), backend=backend_name)
    assert np.isnan(loss)


@pytest.mark.parametrize("kind", [*HOPELESS, "true at -inf"])
def test_a_row_of_weight_0_counts_for_nothing(backend_name, kind):
    logits, y, w = data(30, 3)
    w[[4, 21]] = 0.0
    wanted = sx.cross_entropy(logits, y, w, backend=backend_name)
    logits[[4, 21]], y[[4, 21]] = HOPELESS.get(kind, [-INF, 0.0, 0.0]), 0
    before = logits.copy()
    loss, gradient = sx.cross_entropy(logits, y, w, backend=backend_name)
    assert loss == wanted[0]
    np.testing.assert_array_equal(gradient, wanted[1])
    np.testing.assert_array_equal(gradient[[4, 21]], np.zeros((2, 3)))
    np.testing.assert_array_equal(logits, before)
    in_place = sx.cross_entropy(logits, y, w, out=logits, backend=backend_name)
    assert in_place[0] == loss
    np.testing.assert_array_equal(logits, gradient)


# -- errors ------------------------------------------------------------------------------------------

L = np.zeros((4, 2, 3))
Y = np.zeros((4, 2), int)


def at(array, **places):
    changed = np.array(array, dtype=float if any(isinstance(v, float) for v in places.values()) else int)
    for place, value in places.items():
        changed[tuple(int(i) for i in place[1:].split("_"))] = value
    return changed


BAD = {
    "logits complex": ((L + 1j, Y), {}, TypeError, "logits must hold real numbers; got dtype complex128"),
    "logits text": ((["a"], 0), {}, TypeError, "logits must hold real numbers; got dtype <U1"),
    "logits scalar": ((1.0, 0), {}, ValueError, "logits must have an axis of classes; got a scalar"),
    "no classes": (
        (np.zeros((4, 0)), np.zeros(4, int)),
        {},
        ValueError,
        r"logits must have at least one class along axis 1; got shape \(4, 0\)",
    ),
    "axis": ((L, Y), {"axis": 3}, np.exceptions.AxisError, "axis 3 is out of bounds"),
    "axis tuple": ((L, Y), {"axis": (0, 1)}, TypeError, "integer"),
    "y float": (
        (L, Y * 1.0),
        {},
        TypeError,
        "y must hold class codes of an integer dtype; got dtype float64",
    ),
    "y text": (
        (L, Y.astype(str)),
        {},
        TypeError,
        "y must hold class codes of an integer dtype; got dtype <U",
    ),
    "y shape": (
        (L, Y[:3]),
        {},
        ValueError,
        r"y must have the shape of logits without its classes, \(4, 2\); got \(3, 2\)",
    ),
    "y of another axis": ((L, Y), {"axis": 0}, ValueError, r"without its classes, \(2, 3\); got \(4, 2\)"),
    "y too large": (
        (L, at(Y, _2_1=3, _3_0=7)),
        {},
        ValueError,
        r"y must lie in 0 .. 2; 2 values outside, the first at y\[2, 1\] = 3",
    ),
    "y negative": (
        (L, at(Y, _1_0=-1)),
        {},
        ValueError,
        r"y must lie in 0 .. 2; 1 value outside, the first at y\[1, 0\] = -1",
    ),
    "y scalar": (
        ([0.0, 1.0], 2),
        {},
        ValueError,
        "y must lie in 0 .. 1; 1 value outside, the first at y = 2",
    ),
    "weight complex": ((L, Y, Y * 1j), {}, TypeError, "sample_weight must hold real numbers"),
    "weight shape": (
        (L, Y, [1.0]),
        {},
        ValueError,
        r"sample_weight must have the shape of y, \(4, 2\); got \(1,\)",
    ),
    "weight nan": (
        (L, Y, at(Y, _3_1=NAN, _2_0=-1.0)),
        {},
        ValueError,
        r"sample_weight must be finite; 1 value nan or inf, the first at sample_weight\[3, 1\] = nan",
    ),
    "weight inf": (
        (L, Y, at(Y, _0_1=INF)),
        {},
        ValueError,
        r"sample_weight must be finite; 1 value nan or inf, the first at sample_weight\[0, 1\] = inf",
    ),
    "weight negative": (
        (L, Y, at(Y, _1_1=-0.5, _3_1=-2.0)),
        {},
        ValueError,
        r"sample_weight must not be negative; 2 values below 0, the first at sample_weight\[1, 1\] = -0.5",
    ),
    "out list": ((L, Y), {"out": [1.0]}, TypeError, "out must be a NumPy array; got list"),
    "out shape": (
        (L, Y),
        {"out": np.zeros((4, 3, 2))},
        ValueError,
        r"out must have the shape of the result, \(4, 2, 3\); got \(4, 3, 2\)",
    ),
    "n_threads": (
        (L, Y),
        {"n_threads": 0},
        ValueError,
        "n_threads must be a whole number of at least 1; got 0",
    ),
    "backend": ((L, Y), {"backend": "gpu"}, ValueError, "backend must be one of"),
}


@pytest.mark.parametrize("case", BAD)
def test_errors(case):
    arguments, options, error, message = BAD[case]
    with pytest.raises(error, match=message):
        sx.cross_entropy(*arguments, **options)
