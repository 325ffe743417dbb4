"""Calibration slopes: 1 where the model was fitted, R's elsewhere, a 40-digit optimum for several classes."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference.performance_cases import assert_same, case, weighted_cases
from statsmodels.stats.proportion import proportion_confint

import sigmax as sx
from sigmax.inference.performance.calibration import calibration
from sigmax.inference.performance.calibration_curve import calibration_curve
from sigmax.inference.performance.outcomes import outcomes
from sigmax.inference.performance.recalibration import logits


def distorted(p, slope, shift):
    """Probabilities whose logits are `slope` times those of p plus `shift`, (m,) or a number."""
    eta = np.column_stack([np.zeros(len(p)), np.log(p[:, 1:] / p[:, :1]) * slope + shift])
    t = np.exp(eta - eta.max(axis=1, keepdims=True))
    return t / t.sum(axis=1, keepdims=True)


def bundled(name, slope=1.0, shift=0.0):
    data = sx.datasets.load(name)
    r = sx.fit(data.X, data.y)
    return outcomes(distorted(r.predict_proba(data.X), slope, shift), np.searchsorted(r.classes, data.y))


@pytest.mark.parametrize("name", sx.datasets.names())
def test_rows_of_the_fit_are_calibrated(name):
    data = sx.datasets.load(name)
    r = sx.fit(data.X, data.y)
    found = calibration(outcomes(r.predict_proba(data.X), np.searchsorted(r.classes, data.y)))
    np.testing.assert_allclose(found.slope, 1.0, atol=1e-9)
    np.testing.assert_allclose(found.intercept, 0.0, atol=1e-9)
    np.testing.assert_allclose(found.in_the_large, 0.0, atol=1e-9)
    for test in (found.overall, found.intercepts, found.slopes):
        assert 0.0 <= test.statistic < 1e-9
        assert test.pvalue > 0.9999
    np.testing.assert_allclose(found.expected, found.observed, rtol=1e-11)


# R 4.2.2, glm(y ~ L), glm(y ~ offset(L)), L = 1.5 log(p1 / p0) + 0.7: intercept, slope, their errors, in the
# large and its error (glm's errors are those of the step before the last); deviances of (0, 1) over the three
GLM = {
    "spector": (
        (-0.466666666666666, 0.666666666666667, 0.495237724772282, 0.230347635876225),
        (-0.564231202966368, 0.580146393591423),
        (2.537187417848617, 0.952287448844473, 1.584899969004145),
    ),
    "fair": (
        (-0.4666666666666677, 0.6666666666666617, 0.0301049124268275, 0.0228733992139706),
        (-0.3773213554892417, 0.0317297446665231),
        (331.629743510975, 145.575150255984, 186.054593254990),
    ),
}


@pytest.mark.parametrize("name", GLM)
def test_r_figures(name):
    found = calibration(bundled(name, 1.5, 0.7))
    full, large, deviances = GLM[name]
    numbers = (found.intercept, found.slope, found.intercept_se, found.slope_se)
    np.testing.assert_allclose(numbers, full, rtol=1e-9)
    np.testing.assert_allclose((found.in_the_large, found.in_the_large_se), large, rtol=1e-9)
    tests = (found.overall, found.intercepts, found.slopes)
    np.testing.assert_allclose([test.statistic for test in tests], deviances, rtol=1e-10)
    assert [test.df for test in tests] == [2, 1, 1]
    for test in tests:
        with mp.workdps(30):
            exact = mp.gammainc(mp.mpf(test.df) / 2, mp.mpf(test.statistic) / 2, regularized=True)
        assert test.pvalue == pytest.approx(float(exact), rel=1e-12)


def optimum(p, codes, *, slopes):
    """a, b, their errors and 2 (log-likelihood - that of p), by Newton's method in 40 digits."""
    K = p.shape[1]
    m = K - 1
    with mp.workdps(40):
        L = [[mp.log(mp.mpf(row[k]) / mp.mpf(row[0])) for k in range(1, K)] for row in p.tolist()]
        size = 2 * m if slopes else m
        theta = [mp.mpf(0)] * m + [mp.mpf(1)] * m

        def of_rows():
            for row in L:
                t = [mp.mpf(1)] + [mp.exp(theta[k] + theta[m + k] * row[k]) for k in range(m)]
                yield row, [x / sum(t) for x in t]

        def llf():
            return sum(mp.log(q[c]) for (_, q), c in zip(of_rows(), codes.tolist(), strict=True))

        start = llf()
        for _ in range(30):
            g, H = mp.zeros(size, 1), mp.zeros(size, size)
            for (row, q), c in zip(of_rows(), codes.tolist(), strict=True):
                x = [1] * m + row
                for i in range(size):
                    g[i] += x[i] * (q[i % m + 1] - (c == i % m + 1))
                    for j in range(size):
                        same = q[i % m + 1] if i % m == j % m else 0
                        H[i, j] += x[i] * x[j] * (same - q[i % m + 1] * q[j % m + 1])
            step = mp.lu_solve(H, g)
            for i in range(size):
                theta[i] -= step[i]
            if mp.norm(step) < mp.mpf(10) ** -30:
                break
        else:
            raise AssertionError("no optimum")
        V = H**-1
        errors = [float(mp.sqrt(V[i, i])) for i in range(size)]
        return [float(x) for x in theta], errors, float(2 * (llf() - start))


@pytest.mark.parametrize("K", [2, 3, 4])
@pytest.mark.parametrize("seed", range(3))
def test_forty_digits(K, seed):
    c = case(60 + 10 * K, K, seed, weighted=seed == 1, grouped=seed == 2)
    p, codes = c.long
    found = calibration(c.data)
    m = K - 1
    theta, errors, gain = optimum(p, codes, slopes=True)
    np.testing.assert_allclose(found.intercept, theta[:m] if m > 1 else theta[0], rtol=1e-10)
    np.testing.assert_allclose(found.slope, theta[m:] if m > 1 else theta[1], rtol=1e-10)
    np.testing.assert_allclose(np.atleast_1d(found.intercept_se), errors[:m], rtol=1e-10)
    np.testing.assert_allclose(np.atleast_1d(found.slope_se), errors[m:], rtol=1e-10)
    assert found.overall.statistic == pytest.approx(gain, rel=1e-10)
    theta, errors, first = optimum(p, codes, slopes=False)
    np.testing.assert_allclose(np.atleast_1d(found.in_the_large), theta[:m], rtol=1e-10)
    np.testing.assert_allclose(np.atleast_1d(found.in_the_large_se), errors, rtol=1e-10)
    assert found.intercepts.statistic == pytest.approx(first, rel=1e-10)
    assert found.slopes.statistic == pytest.approx(gain - first, rel=1e-9)
    assert (found.overall.df, found.intercepts.df, found.slopes.df) == (2 * m, m, m)


def test_the_solvers_fit_of_two_classes():
    c = case(200, 2, 9, weighted=True)
    L = np.log(c.p[:, 1:] / c.p[:, :1])
    r = sx.fit(L, c.observed, sample_weight=c.weight)
    found = calibration(c.data)
    np.testing.assert_allclose((found.intercept, found.slope), r.params, rtol=1e-11)
    np.testing.assert_allclose((found.intercept_se, found.slope_se), r.bse, rtol=1e-10)


@given(weighted_cases(least=24))
def test_weights_are_repeated_rows(c):
    try:
        expected = calibration(c.repeated)
    except ValueError:
        with pytest.raises(ValueError, match="observed classes are separated"):
            calibration(c.data)
    else:
        assert_same(calibration(c.data), expected, rtol=1e-9, atol=1e-11)


@given(weighted_cases(), st.integers(1, 8))
def test_weights_are_repeated_rows_of_the_curve(c, groups):
    assert_same(calibration_curve(c.data, groups), calibration_curve(c.repeated, groups))


def test_distorted_probabilities_are_undone():
    # one slope and intercept for each logit, taken back
    slope, shift = np.array([1.5, 0.6, 1.0, 2.0, 0.8, 1.2]), np.array([0.7, -1.0, 0.0, 0.3, 2.0, -0.4])
    found = calibration(bundled("anes96", slope, shift))
    np.testing.assert_allclose(found.slope, 1.0 / slope, rtol=1e-9)
    np.testing.assert_allclose(found.intercept, -shift / slope, atol=1e-9)
    assert found.overall.pvalue < 1e-6
    assert found.overall.statistic == pytest.approx(found.intercepts.statistic + found.slopes.statistic)


def test_far_probabilities_keep_their_logits():
    p1 = np.array([1e-300, 1e-12, 0.5, 1.0])
    p0 = np.array([1.0, 1.0, 0.5, 1e-310])
    found = logits(outcomes(np.column_stack([p0, p1]), [0, 1, 0, 1]))[:, 0]
    with mp.workdps(30):
        exact = [float(mp.log(mp.mpf(a) / mp.mpf(b))) for a, b in zip(p1.tolist(), p0.tolist(), strict=True)]
    np.testing.assert_allclose(found, exact, rtol=1e-15)


def test_logits_that_do_not_vary_have_no_slope():
    y = np.repeat([0, 1], [30, 10])
    found = calibration(outcomes(np.full((40, 2), 0.5), y))
    assert math.isnan(found.slope)
    assert math.isnan(found.slope_se)
    assert found.intercept == found.in_the_large == pytest.approx(math.log(1 / 3), rel=1e-14)
    assert found.intercept_se == pytest.approx(math.sqrt(1 / 30 + 1 / 10), rel=1e-13)
    assert (found.slopes.df, found.overall.df) == (0, 1)
    assert math.isnan(found.slopes.pvalue)
    # one logit of two varies
    p = np.column_stack([np.full(40, 0.25), np.full(40, 0.25), np.full(40, 0.5)])
    p[:, 1:] += np.outer(np.linspace(-0.1, 0.1, 40), [1, -1])
    p[:, 0], p[:, 2] = p[:, 2].copy(), 0.0
    p[:, 2] = p[:, 0] * 0.8
    p /= p.sum(axis=1, keepdims=True)
    found = calibration(outcomes(p, np.arange(40) % 3))
    assert math.isnan(found.slope[1])
    assert math.isfinite(found.slope[0])
    assert (found.slopes.df, found.overall.df) == (1, 3)


def separable(tie):
    """Probabilities of two classes: zeros below 0.45, ones above, and one of each at 0.45 where `tie`."""
    score = np.concatenate([np.linspace(0.1, 0.4, 20), [0.45, 0.45] * tie, np.linspace(0.5, 0.9, 20)])
    return np.column_stack([1 - score, score]), np.repeat([0, 1], 20 + tie)


@pytest.mark.parametrize("tie", [0, 1])
@pytest.mark.parametrize("upside_down", [False, True])
def test_separated_classes_have_no_slope(tie, upside_down):
    p, y = separable(tie)
    y = 1 - y if upside_down else y
    with pytest.raises(ValueError, match="observed classes are separated, or nearly so, by the logits"):
        calibration(outcomes(p, y))
    y[[18, 22]] = 1 - y[[18, 22]]  # overlap
    theta, errors, _ = optimum(p, y, slopes=True) if not upside_down else (None, None, None)
    found = calibration(outcomes(p, y))
    if theta is not None:
        assert (found.intercept, found.slope) == pytest.approx(theta, rel=1e-9)
        assert (found.intercept_se, found.slope_se) == pytest.approx(errors, rel=1e-8)
    assert math.copysign(1.0, found.slope) == (-1.0 if upside_down else 1.0)


def test_separated_classes_of_three():
    # class 2 above all others, classes 0 and 1 overlap
    p = case(60, 3, 11).p
    order = np.argsort(p[:, 2] / p[:, 0])
    y = np.arange(60) % 2
    y[order[40:]] = 2
    with pytest.raises(ValueError, match="observed classes are separated"):
        calibration(outcomes(p, y))


def test_bad_input():
    data = case(30, 3).data
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        calibration(data, 1.0)
    with pytest.raises(ValueError, match="every class for calibration; 2 was never observed"):
        calibration(outcomes(np.full((4, 3), 1 / 3), [0, 1, 0, 1]))
    with pytest.raises(
        ValueError, match=r"p must be positive for calibration.*; 1 of the rows .* \[1.0, 0.0\]"
    ):
        calibration(outcomes([[0.5, 0.5], [1.0, 0.0]], [1, 0]))
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        calibration_curve(data, level=0.0)
    with pytest.raises(ValueError, match="groups must be at least 1; got 0"):
        calibration_curve(data, 0)


# -- the curve ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("K", [2, 3])
def test_the_curve(K):
    c = case(100, K, 2)
    found = calibration_curve(c.data, 10, 0.9)
    assert len(found.n) == (10 if K == 2 else 30)
    at = 0
    for k in (1,) if K == 2 else range(K):
        order = np.argsort(c.p[:, k])
        for rows in order.reshape(10, 10):
            hits = int((c.observed[rows] == k).sum())
            assert found.codes[at] == k
            assert found.predicted[at] == pytest.approx(math.fsum(c.p[rows, k]) / 10, rel=1e-15)
            assert (found.observed[at], found.n[at]) == (hits / 10, 10)
            wilson = proportion_confint(hits, 10, alpha=0.1, method="wilson")
            np.testing.assert_allclose([found.lower[at], found.upper[at]], wilson, rtol=1e-12, atol=1e-16)
            at += 1


def test_ends_of_the_curve_stay_in_bounds():
    p1 = np.repeat([0.1, 0.9], 20)
    found = calibration_curve(outcomes(np.column_stack([1 - p1, p1]), np.repeat([0, 1], 20)))
    np.testing.assert_array_equal(found.observed, [0.0, 1.0])
    assert (found.lower[0], found.upper[1]) == (0.0, 1.0)
    assert 0.0 < found.upper[0] < 0.2 < 0.8 < found.lower[1] < 1.0


def test_a_million_rows():
    rng = np.random.default_rng(0)
    score = rng.random(1_000_000)
    y = (rng.random(1_000_000) < score).astype(int)
    found = calibration(outcomes(distorted(np.column_stack([1 - score, score]), 2.0, 0.0), y))
    assert found.slope == pytest.approx(0.5, abs=5 * found.slope_se)
    assert 0.0 < found.slope_se < 1e-2


def test_printed():
    found = calibration(bundled("spector", 1.5, 0.7))
    text = str(found)
    assert text.splitlines()[3].split() == ["slope", "0.6667", "0.2303", "0.2152", "1.1181"]
    assert "slope 1 and intercept 0: chi2(2) = 2.537, p = 0.2812" in text
    assert repr(found) == "<calibration: slope 0.6667, intercept -0.4667>"
    assert found._repr_html_().count("<tr>") == 4
    assert list(found.to_frame().index) == ["slope", "intercept", "in the large"]
    many = calibration(bundled("anes96"))
    assert len(many.to_frame()) == 18
    assert "log odds against 0, each with its own slope" in str(many)
    curve = calibration_curve(bundled("spector"), 4)
    assert repr(curve) == "<calibration curve: 4 points>"
    assert str(curve).count("\n") == 8
    assert curve._repr_html_().count("<tr>") == 5
    np.testing.assert_array_equal(curve.to_frame()["n"], curve.n)
