"""The oracle against mpmath, which shares no formula with it, and its errors against hand-made ones."""

from __future__ import annotations

import math

import gmpy2
import numpy as np
import pytest
from mpmath import mp, mpf

from oracles import exact, line_points, points
from oracles.exact import Exact

DIGITS = 60


def as_mpf(e: Exact, i: int) -> mpf:
    return mpf(float(e.nearest[i])) + mpf(float(e.rest[i])) * mpf(float(e.ulp[i]))


def agrees(e: Exact, i: int, wanted: mpf) -> bool:
    """The two words hold `wanted` to a millionth of an ulp."""
    return abs(as_mpf(e, i) - wanted) <= mpf(float(e.ulp[i])) * mpf("1e-6")


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(DIGITS):
        yield


# -- errors in ulp ---------------------------------------------------------------------------------


def test_half_an_ulp():
    with gmpy2.context(precision=200):
        e = Exact.of([gmpy2.mpfr(1) + gmpy2.exp2(-53), gmpy2.mpfr(4) - gmpy2.exp2(-53)])
    # above 1 the ulp is 2^-52; below 4, 2^-51: the exact value decides, not its rounding, which is 4
    assert e.ulp.tolist() == [2.0**-52, 2.0**-51]
    assert e.ulps(np.array([1.0, 4.0])).tolist() == [0.5, 0.25]
    assert e.ulps(np.array([1.0 + 2.0**-52, 4.0 - 2.0**-51])).tolist() == [0.5, 0.75]


def test_subnormal_and_zero():
    with gmpy2.context(precision=200):
        third = gmpy2.mpfr(1) / 3
        e = Exact.of(
            [third * gmpy2.exp2(-1074), third * gmpy2.exp2(-1060), gmpy2.mpfr(0), -gmpy2.exp2(-3000)]
        )
    assert (e.ulp == 2.0**-1074).all()
    got = e.ulps(np.array([5e-324, math.ldexp(1 / 3, -1060), 5e-324, 0.0]))
    assert got == pytest.approx([2 / 3, 1 / 3, 1.0, 0.0], abs=1e-12)


def test_infinite_and_nan():
    with gmpy2.context(precision=200):
        e = Exact.of([gmpy2.exp2(1024), -gmpy2.inf(), gmpy2.mpfr(1), gmpy2.mpfr(1), gmpy2.exp2(2000)])
    inf, largest = math.inf, float(np.finfo(float).max)
    assert e.ulps(np.array([inf, -inf, inf, math.nan, largest])).tolist() == [0.0, 0.0, inf, inf, inf]
    assert e.ulps(np.array([largest, inf, 1.0, 1.0, inf])).tolist() == [inf, inf, 0.0, 0.0, 0.0]


def test_negation_and_selection():
    with gmpy2.context(precision=200):
        e = Exact.of([gmpy2.mpfr(1) / 3, gmpy2.mpfr(2) / 3])
    both = Exact.join(e, -e)
    got = both.ulps(np.array([1 / 3, 2 / 3, -1 / 3, -2 / 3]))
    assert got.tolist() == [1 / 3, 1 / 3, 1 / 3, 1 / 3]
    assert (-e)[1:].nearest.tolist() == [-2 / 3]


# -- values ----------------------------------------------------------------------------------------


def test_functions_of_one_number():
    magnitude = np.array([0.0, 5e-324, 1e-300, 2.0**-53, 0.3, 1.0, 36.7, 700.0, 740.0, 744.9, 800.0])
    found = exact.of_numbers(magnitude)
    for i, x in enumerate(map(mpf, [*magnitude.tolist(), *(-magnitude).tolist()])):
        p = 1 / (1 + mp.exp(-x))
        q = 1 / (1 + mp.exp(x))
        loss = mp.log(1 + mp.exp(x)) if x > -60 else mp.exp(x) - mp.exp(2 * x) / 2
        other = mp.log(1 + mp.exp(-x)) if x < 60 else mp.exp(-x) - mp.exp(-2 * x) / 2
        wanted = {
            "exp": mp.exp(x),
            "sigmoid": p,
            "1 - sigmoid": q,
            "log1pexp": loss,
            "log_expit": -other,
            # exp(2 x) - 1 of a tiny x in 60 digits is 0
            "tanh": mp.sinh(x) / mp.cosh(x) if abs(x) > 1e-9 else x - x**3 / 3,
            "nll, y = 0": loss,
            "nll, y = 1": other,
            "residual, y = 0": p,
            "residual, y = 1": -q,
            "weight": p * q,
        }
        assert wanted.keys() == found.keys()
        for name, value in wanted.items():
            if float(value) == math.inf:
                assert found[name].nearest[i] == math.inf
            else:
                assert agrees(found[name], i, value), (name, x)


@pytest.mark.parametrize("family", points.FAMILIES)
def test_rows(family):
    rows = points.rows(family, 4, 7, 3)
    found = exact.of_rows(rows.logits, pairs=True)
    pair = 0
    for i, row in enumerate(rows.logits):
        top = mpf(float(row.max()))
        with mp.workdps(1000):  # 1 - p as a difference, whatever cancels
            E = [mp.exp(mpf(float(v)) - top) for v in row]
            p = [e / mp.fsum(E) for e in E]
            log_sum = mp.log(mp.fsum(E))
            nll = [log_sum - (mpf(float(v)) - top) for v in row]
            total = top + log_sum
            for k in range(4):
                assert agrees(found.softmax, 4 * i + k, p[k])
                assert agrees(found.others, 4 * i + k, 1 - p[k])
                if math.isfinite(float(nll[k])):
                    assert agrees(found.nll, 4 * i + k, nll[k])
                else:
                    assert found.nll.nearest[4 * i + k] == math.inf
            assert agrees(found.logsumexp, i, total)
            for k in range(1, 4):
                for j in range(k, 4):
                    assert agrees(found.pairs, pair, p[k] * ((k == j) - p[j]))
                    pair += 1
    assert pair == len(found.pairs)


@pytest.mark.parametrize("kind", line_points.KINDS)
def test_lines(kind):
    lines = line_points.softmax_lines(kind, 3, 8, 4)
    found = exact.of_lines(lines.eta, lines.slope, lines.y, lines.step)
    with mp.workdps(1200):
        for i in range(4):
            z = [mpf(0), *(mpf(float(v)) for v in lines.eta[i])]
            v = [mpf(0), *(mpf(float(s)) for s in lines.slope[i])]
            true, step = int(lines.y[i]), mpf(float(lines.step[i]))

            def nll(t, z=z, v=v, true=true):
                end = [a + t * b for a, b in zip(z, v, strict=True)]
                top = max(end)
                return top - end[true] + mp.log(mp.fsum(mp.exp(e - top) for e in end))

            assert agrees(found.change, i, nll(step) - nll(mpf(0)))
            h = mpf(10) ** -200
            assert agrees(found.first, i, (nll(step + h) - nll(step - h)) / (2 * h))
            second = (nll(step + h) - 2 * nll(step) + nll(step - h)) / h**2
            assert agrees(found.second, i, second)


# -- points ----------------------------------------------------------------------------------------


def test_points_are_reproducible_and_where_they_should_be():
    x = points.magnitudes(3, 20_000)
    assert len(x) == 20_000
    assert x.tolist() == points.magnitudes(3, 20_000).tolist() != points.magnitudes(4, 20_000).tolist()
    assert (x >= 0).all()
    assert np.isfinite(x).all()
    assert ((x > 0) & (x < 2.0**-1022)).sum() > 500
    assert (x > 1e300).any()
    assert ((x > 700) & (x < 746)).sum() > 1000


def test_neighbours():
    found = points.neighbours(1.0, 2)
    assert found.tolist() == [1 - 2**-52, 1 - 2**-53, 1.0, 1 + 2**-52, 1 + 2**-51]
    assert points.neighbours(0.0, 2).tolist() == [0.0, 5e-324, 1e-323]


@pytest.mark.parametrize("K", [2, 3, 100])
@pytest.mark.parametrize("family", points.FAMILIES)
def test_rows_have_a_probability(family, K):
    rows = points.rows(family, K, 5, 50)
    assert rows.logits.shape == (50, K)
    assert not np.isnan(rows.logits).any()
    assert np.isfinite(rows.logits.max(axis=1)).all()
    assert ((rows.y >= 0) & (rows.y < K)).all()
    assert rows.logits.tolist() == points.rows(family, K, 5, 50).logits.tolist()
    assert not points.rows(family, K, 5, 50, model=True).logits[:, 0].any()
