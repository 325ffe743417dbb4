"""logsumexp with factors and signs: SciPy's answers, and better ones where SciPy loses them."""

import itertools
import warnings

import mpmath
import numpy as np
import pytest
import scipy.special
from layouts import LAYOUTS, SCIPY_IS_RECENT, small_blocks

import sigmax as sx

INF, NAN = np.inf, np.nan


def scipys(a, **options):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return scipy.special.logsumexp(a, **options)


def random_case(seed):
    rng = np.random.default_rng([6, seed])
    ndim = int(rng.integers(1, 5))
    shape = tuple(int(i) for i in rng.integers(0 if seed % 10 == 0 else 1, 5, size=ndim))
    a = rng.normal(size=shape) * rng.choice([0.1, 5.0, 300.0])
    if seed % 3 == 0 and a.size:
        a.flat[rng.integers(a.size)] = rng.choice([-INF, INF, NAN])
    kinds = [None, *range(-ndim, ndim), tuple(rng.permutation(ndim)[: rng.integers(0, ndim + 1)].tolist())]
    axis = kinds[rng.integers(len(kinds))]
    b = None
    if seed % 4:
        # b with fewer axes, or with 1 where a has more: both broadcast
        own = tuple(1 if rng.random() < 0.3 else size for size in shape[rng.integers(0, ndim + 1) :])
        b = rng.choice([-2.5, -1.0, 0.0, 0.5, 1.0, 3.0], size=own)
        b = b[()] if own == () and seed % 2 else b
    options = {"axis": axis, "b": b, "keepdims": bool(rng.integers(2)), "return_sign": bool(rng.integers(2))}
    return a, options


@pytest.mark.parametrize("start", range(0, 600, 50))
def test_random_cases(backend_name, start):
    compared = 0
    for seed in range(start, start + 50):
        a, options = random_case(seed)
        found = sx.logsumexp(a, **options, backend=backend_name)
        if a.size == 0:
            # SciPy has an IndexError for several axes, and -1 for the sign of nothing
            options["axis"] = tuple(range(a.ndim)) if options["axis"] is None else options["axis"]
            shape = np.sum(a, axis=options["axis"], keepdims=options["keepdims"]).shape
            if isinstance(options["axis"], int) and SCIPY_IS_RECENT:
                assert np.shape(scipys(a, **options | {"return_sign": False})) == shape
            logs, signs = found if options["return_sign"] else (found, np.zeros(shape))
            np.testing.assert_array_equal(logs, np.full(shape, -INF))
            np.testing.assert_array_equal(signs, np.zeros(shape))
            continue
        wanted = scipys(a, **options)
        found, wanted = (one if options["return_sign"] else (one,) for one in (found, wanted))
        assert type(found) is type(wanted)
        for ours, theirs in zip(found, wanted, strict=True):
            assert np.shape(ours) == np.shape(theirs)
            assert type(ours) is type(theirs)
            # where SciPy's is not finite, a factor 0 may have met exp(a) = inf (LOST has those)
            known = np.isfinite(theirs) | (b_is_harmless(a, options["b"]))
            compared += int(np.sum(known))
            scale = 1e-13 * max(1.0, float(np.abs(a[np.isfinite(a)]).max(initial=0.0)))
            np.testing.assert_allclose(
                np.where(known, ours, 0), np.where(known, theirs, 0), rtol=1e-12, atol=scale
            )
    assert compared > 20


def b_is_harmless(a, b):
    """Whether SciPy's 0 * exp(a) is 0 everywhere, which it falls back on where its result is not finite."""
    return b is None or not np.any((np.asarray(b) == 0) & ~(a < 709.0))


CASES = {
    # a, b: log, sign
    "negative sum": ([1, 2], [1, -1], np.log(np.e**2 - np.e), -1.0),
    "zero sum": ([3, 3], [1, -1], -INF, 0.0),
    "zero factors": ([3, 3], [0, 0], -INF, 0.0),
    "zero factor at inf": ([INF, 1], [0, 1], 1.0, 1.0),
    "zero factor at nan": ([NAN, 1], [0, 1], 1.0, 1.0),
    "inf": ([INF, 1], [2, 1], INF, 1.0),
    "-inf times": ([INF, 1], [-2, 1], INF, -1.0),
    "inf against inf": ([INF, INF], [1, -1], NAN, NAN),
    "inf with inf": ([INF, INF], [1, 3], INF, 1.0),
    "all -inf": ([-INF, -INF], [1, 2], -INF, 0.0),
    "nan": ([NAN, 1], [1, 1], NAN, NAN),
    "factor nan": ([0, 1], [NAN, 1], NAN, NAN),
    "factor inf": ([0, 1], [INF, 1], INF, 1.0),
    "factor -inf": ([0, 1], [-INF, 1], INF, -1.0),
    "factor inf at -inf": ([-INF, 1], [INF, 1], NAN, NAN),
    "one": ([5], [-1], 5.0, -1.0),
    "large": ([1000, 1000], [1, 1], 1000 + np.log(2), 1.0),
    "small": ([-1000, -1000], [3, -1], -1000 + np.log(2), 1.0),
}
#: answers that SciPy 1.17 does not give: nan, or a wrong number
LOST = {
    "zero factor at the only inf": ([INF], [0], -INF, 0.0),
    "zero factor at inf, another inf": ([INF, INF], [0, 1], INF, 1.0),
    "zero factor at inf, nothing else": ([INF, -INF], [0, 1], -INF, 0.0),
    "cancels above a smaller term": ([1000, 1000, 999], [1, -1, 1], 999.0, 1.0),
    "cancels, the rest far below": ([900, 900, 700], [3, -3, -2], 700 + np.log(2), -1.0),
    "largest a is not the largest term": ([0, 800], [1e300, 5e-324], np.log(1e300), 1.0),
    "far apart both ways": ([-800, 750], [1e308, -1e-320], 750 + np.log(1e-320), -1.0),
    "zero factors where exp overflows": ([800, 900], [0, 0], -INF, 0.0),
}


@pytest.mark.parametrize("case", [*CASES, *LOST])
def test_case(backend_name, case):
    a, b, log, sign = (CASES | LOST)[case]
    a, b = np.array(a, dtype=float), np.array(b, dtype=float)
    found, found_sign = sx.logsumexp(a, b=b, return_sign=True, backend=backend_name)
    np.testing.assert_allclose(found, log, rtol=1e-14)
    np.testing.assert_array_equal(found_sign, sign)
    # without a sign, a negative sum has no logarithm
    plain = sx.logsumexp(a, b=b, backend=backend_name)
    np.testing.assert_array_equal(plain, NAN if found_sign < 0 else found)
    theirs, their_sign = scipys(a, b=b, return_sign=True)
    if case in CASES:
        np.testing.assert_allclose(theirs, log, rtol=1e-14)
        np.testing.assert_array_equal(their_sign, sign)
        np.testing.assert_allclose(scipys(a, b=b), plain, rtol=1e-14)


def test_signs_without_factors(backend_name):
    a = np.array([[-INF, -INF], [0.0, 1.0], [INF, 0.0], [NAN, 0.0]])
    log, sign = sx.logsumexp(a, axis=1, return_sign=True, backend=backend_name)
    np.testing.assert_array_equal(sign, [0.0, 1.0, 1.0, NAN])
    theirs = scipys(a, axis=1, return_sign=True)
    np.testing.assert_array_equal(sign, theirs[1])
    np.testing.assert_allclose(log, theirs[0], rtol=1e-15)


def test_digits(backend_name):
    # the documented bound: 2^-50 of the condition number, 2^-52 of the largest term's parts
    rng = np.random.default_rng(7)
    for spread_a, spread_b in itertools.product((1.0, 40.0, 700.0), (0.0, 1.0, 300.0)):
        a = rng.normal(size=(40, 6)) * spread_a
        b = rng.choice([-1.0, 1.0], size=a.shape) * np.exp(
            np.clip(rng.normal(size=a.shape) * spread_b, -700, 700)
        )
        found, sign = sx.logsumexp(a, axis=1, b=b, return_sign=True, backend=backend_name)
        with mpmath.workdps(900):
            for i in range(len(a)):
                terms = [
                    mpmath.mpf(w) * mpmath.exp(mpmath.mpf(v))
                    for v, w in zip(a[i].tolist(), b[i].tolist(), strict=True)
                ]
                total = mpmath.fsum(terms)
                condition = float(mpmath.fsum(abs(t) for t in terms) / abs(total))
                q = int(np.argmax(a[i] + np.log(np.abs(b[i]))))
                parts = abs(a[i, q]) + abs(np.log(abs(b[i, q])))
                error = abs(mpmath.mpf(float(found[i])) - mpmath.log(abs(total)))
                assert error <= 2.0**-50 * condition + 2.0**-52 * parts
                assert sign[i] == mpmath.sign(total)


def test_ones_are_no_factors(backend_name):
    a = np.random.default_rng(8).normal(size=(50, 7))
    plain = sx.logsumexp(a, axis=1, backend=backend_name)
    np.testing.assert_array_max_ulp(sx.logsumexp(a, axis=1, b=1, backend=backend_name), plain, 2)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_blocks_threads(backend_name, layout):
    rng = np.random.default_rng(9)
    a, b = rng.normal(size=(2, 6, 5, 4))
    wanted = sx.logsumexp(a, (0, 2), b, return_sign=True, backend=backend_name)
    given = LAYOUTS[layout](a), LAYOUTS[layout](b)
    before = [np.array(one) for one in given]
    for n_threads in (1, 2, 3, 5, 8):
        with small_blocks():
            found = sx.logsumexp(
                given[0], (0, 2), given[1], return_sign=True, n_threads=n_threads, backend=backend_name
            )
        np.testing.assert_array_equal(found, wanted)
    for one, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(one, copy)


def test_dtypes():
    single, half, double = (np.ones(2, kind) for kind in ("f4", "f2", "f8"))
    whole = np.ones(2, int)
    for a, b in itertools.product(
        (single, half, double, whole, 1.0, 1, True), (single, half, double, whole, 2.0, 2, True, [1, 2])
    ):
        found = sx.logsumexp(a, b=b, return_sign=True)
        # the common dtype of both, a number of Python adapting to the other; integers alone give float64
        kinds = [one if isinstance(one, (bool, int, float)) else np.asarray(one).dtype for one in (a, b)]
        assert [one.dtype for one in found] == [np.result_type(*kinds, 1.0)] * 2
        if SCIPY_IS_RECENT:
            assert [one.dtype for one in found] == [one.dtype for one in scipys(a, b=b, return_sign=True)]


def test_out():
    a, b = np.random.default_rng(1).normal(size=(2, 3, 4))
    out = np.empty((1, 4), np.float32)
    found, sign = sx.logsumexp(a, 0, b, keepdims=True, return_sign=True, out=out)
    assert found is out
    np.testing.assert_array_equal(out, sx.logsumexp(a, 0, b, True, True)[0].astype(np.float32))
    assert sign.shape == (1, 4)


def test_errors():
    with pytest.raises(TypeError, match="b must hold real numbers; got dtype complex128"):
        sx.logsumexp([1.0], b=[1j])
    with pytest.raises(ValueError, match=r"b must broadcast against a of shape \(2,\); got \(3,\)"):
        sx.logsumexp([1.0, 2.0], b=[1, 2, 3])
