"""Scores, Murphy's decomposition, pseudo R^2: against fractions, mpmath and scikit-learn; the mixin."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference.performance_cases import assert_same, case, weighted_cases
from sklearn import metrics

import sigmax as sx
from sigmax.inference.performance import calibration, hosmer_lemeshow, roc, scores
from sigmax.inference.performance.mixin import Performance
from sigmax.inference.performance.outcomes import outcomes
from sigmax.inference.performance.pseudo_rsquared import likelihood_rsquared
from sigmax.inference.performance.scores import brier_decomposition, brier_score, log_score, tjur
from sigmax.inference.performance.sums import exact_sum, product_errors


def exact_mean(single):
    """Mean and its standard error of exact numbers."""
    n = len(single)
    mean = sum(single, Fraction(0)) / n
    return float(mean), math.sqrt(sum((s - mean) ** 2 for s in single) / n / (n - 1))


@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("spread", [1.5, 20.0])
def test_brier(K, spread):
    c = case(70, K, 3, weighted=True, spread=spread)
    p, codes = c.long
    columns = (1,) if K == 2 else range(K)
    single = [
        sum((int(y == k) - Fraction(row[k])) ** 2 for k in columns) for row, y in zip(p, codes, strict=True)
    ]
    found = brier_score(c.data)
    assert (found.score, found.se) == pytest.approx(exact_mean(single), rel=1e-12)
    theirs = metrics.brier_score_loss(codes, p, labels=range(K), scale_by_half=K == 2)
    assert found.score == pytest.approx(theirs, rel=1e-13)
    shares = np.tile([float((codes == k).mean()) for k in range(K)], (len(p), 1))
    assert found.baseline == pytest.approx(brier_score(outcomes(shares, codes)).score, rel=1e-13)
    assert found.scaled == pytest.approx(1 - found.score / found.baseline, rel=1e-14)
    assert float(found) == found.score


@pytest.mark.parametrize("K", [2, 4])
@pytest.mark.parametrize("spread", [1.0, 12.0])
def test_log_score(K, spread):
    c = case(70, K, 4, weighted=True, spread=spread)
    p, codes = c.long
    found = log_score(c.data)
    with mp.workdps(40):
        # the rows' sums are not exactly 1: what is above 1/2 is known by the others
        single = [
            -mp.log(row[y]) if row[y] <= 0.5 else -mp.log(1 - mp.fsum(row[k] for k in range(K) if k != y))
            for row, y in zip(p.tolist(), codes.tolist(), strict=True)
        ]
        n, mean = len(single), mp.fsum(single) / len(single)
        error = mp.sqrt(mp.fsum((s - mean) ** 2 for s in single) / n / (n - 1))
    assert found.score == pytest.approx(float(mean), rel=1e-13)
    assert found.se == pytest.approx(float(error), rel=1e-12)
    if spread == 1.0:  # scikit-learn clips at 2e-16
        assert found.score == pytest.approx(metrics.log_loss(codes, p, labels=range(K)), rel=1e-11)


def test_probabilities_near_one_keep_their_digits():
    data = outcomes([[1e-20, 1.0], [1e-25, 1.0], [1.0, 1e-30]], [1, 1, 0])
    assert log_score(data).score == pytest.approx((1e-20 + 1e-25 + 1e-30) / 3, rel=1e-15)
    assert brier_score(data).score == pytest.approx((1e-40 + 1e-50 + 1e-60) / 3, rel=1e-15)
    found = log_score(outcomes([[0.0, 1.0], [0.5, 0.5]], [0, 1]))
    assert found.score == math.inf
    assert math.isnan(found.se)
    assert found.scaled == -math.inf


def test_log_score_is_the_likelihood():
    for name in sx.datasets.names():
        data = sx.datasets.load(name)
        r = sx.fit(data.X, data.y)
        found = log_score(outcomes(r.predict_proba(data.X), np.searchsorted(r.classes, data.y)))
        assert -found.score * r.nobs == pytest.approx(r.llf, rel=1e-12)
        shares = np.unique(data.y, return_counts=True)[1] / r.nobs
        llnull = r.nobs * float(np.sum(shares * np.log(shares)))
        mcfadden = likelihood_rsquared("mcfadden", r.llf, llnull, r.nobs, r.n_estimated)
        assert found.scaled == pytest.approx(mcfadden, rel=1e-11)


@given(weighted_cases(), st.integers(1, 8))
def test_weights_are_repeated_rows(c, groups):
    for measure in (brier_score, log_score):
        assert_same(measure(c.data), measure(c.repeated))
    assert_same(brier_decomposition(c.data, groups), brier_decomposition(c.repeated, groups))
    if c.data.binary:
        assert tjur(c.data) == tjur(c.repeated)


@given(weighted_cases(), st.integers(1, 60))
def test_the_decomposition_adds_up(c, groups):
    found = brier_decomposition(c.data, groups)
    whole = found.reliability - found.resolution + found.uncertainty + found.within
    assert whole == pytest.approx(found.score, abs=1e-14)
    if c.data.binary:
        assert found.uncertainty == pytest.approx(brier_score(c.data).baseline, rel=1e-13)
    assert min(found.reliability, found.resolution, found.uncertainty) >= 0.0


def test_groups_of_one_probability_have_murphys_three_terms():
    p1 = np.repeat([0.25, 0.5, 0.75], 8)
    y = np.tile([0, 1, 0, 1, 1, 0, 1, 1], 3)
    found = brier_decomposition(outcomes(np.column_stack([1 - p1, p1]), y), 3)
    assert found.within == pytest.approx(0.0, abs=1e-16)
    share = Fraction(5, 8)
    reliability = sum((Fraction(x) - share) ** 2 for x in (0.25, 0.5, 0.75)) / 3
    assert found.reliability == pytest.approx(float(reliability), rel=1e-14)
    assert found.resolution == 0.0
    assert found.uncertainty == pytest.approx(float(share * (1 - share)), rel=1e-14)
    with pytest.raises(ValueError, match="groups must be at least 1"):
        brier_decomposition(outcomes(np.column_stack([1 - p1, p1]), y), 0)


def test_a_single_observation_and_a_single_class():
    found = brier_score(outcomes([[0.25, 0.75]], [1]))
    assert found.score == 0.0625
    assert math.isnan(found.se)
    assert math.isnan(found.scaled)


# -- pseudo R^2 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spread", [0.01, 1.5, 60.0])
def test_tjur(seed, spread):
    c = case(60, 2, seed, weighted=seed == 1, spread=spread)
    p, codes = c.long
    means = []
    for y in (1, 0):
        column = [Fraction(row[1]) for row in p[codes == y].tolist()]
        means.append(sum(column) / len(column))
    assert tjur(c.data) == pytest.approx(float(means[0] - means[1]), rel=1e-12, abs=1e-15)


def test_tjur_of_separated_classes_and_of_none():
    data = outcomes([[1e-20, 1.0], [1e-30, 1.0], [1.0, 1e-25]], [1, 1, 0])
    assert tjur(data) == 1.0
    rare = outcomes([[1.0, 2e-12], [1.0, 1e-12]], [1, 0])
    assert tjur(rare) == pytest.approx(1e-12, rel=1e-14)
    with pytest.raises(ValueError, match=r"Tjur's D is for two classes; there are 3"):
        tjur(case(20, 3).data)
    with pytest.raises(ValueError, match=r"both classes for Tjur's D; 0 was never observed"):
        tjur(outcomes([[0.5, 0.5]], [1]))


FORMULAS = {
    "mcfadden": lambda f, f0, n, k: 1 - f / f0,
    "mcfadden_adjusted": lambda f, f0, n, k: 1 - (f - k) / f0,
    "cox_snell": lambda f, f0, n, k: 1 - mp.exp(2 * (f0 - f) / n),
    "nagelkerke": lambda f, f0, n, k: (1 - mp.exp(2 * (f0 - f) / n)) / (1 - mp.exp(2 * f0 / n)),
}


@pytest.mark.parametrize("kind", FORMULAS)
@pytest.mark.parametrize(
    ("llf", "llnull", "nobs"),
    [
        (-12.889633, -20.59173, 32),
        (-1.0, -1e6, 2e6),
        (-1e6, -1e6 - 1e-3, 1e7),
        (0.0, -5.5, 8),
        (-9.0, -8.0, 12),
    ],
)
def test_likelihood_rsquared(kind, llf, llnull, nobs):
    found = likelihood_rsquared(kind, llf, llnull, nobs, 4)
    with mp.workdps(50):
        exact = FORMULAS[kind](mp.mpf(llf), mp.mpf(llnull), mp.mpf(nobs), 4)
    assert found == pytest.approx(float(exact), rel=1e-13)


def test_statsmodels_pseudo_rsquared():
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y)
    # statsmodels 0.15.0, Logit(...).fit().summary(): Pseudo R-squ. 0.3740, and LL-Null -20.592
    llnull = 11 * math.log(11 / 32) + 21 * math.log(21 / 32)
    assert llnull == pytest.approx(-20.592, abs=5e-4)
    assert likelihood_rsquared("mcfadden", r.llf, llnull, 32, 4) == pytest.approx(0.3740, abs=5e-5)


def test_bounds_of_rsquared():
    assert likelihood_rsquared("mcfadden", 0.0, -7.0, 10, 2) == 1.0
    assert likelihood_rsquared("nagelkerke", 0.0, -7.0, 10, 2) == 1.0
    assert likelihood_rsquared("cox_snell", 0.0, -7.0, 10, 2) == -math.expm1(-1.4)
    for kind in FORMULAS:
        assert math.isnan(likelihood_rsquared(kind, 0.0, 0.0, 10, 2))
        assert likelihood_rsquared(kind, -math.inf, -7.0, 10, 2) == -math.inf
    assert likelihood_rsquared("cox_snell", -1e9, -7.0, 10, 2) == -math.inf


def test_bad_rsquared():
    with pytest.raises(ValueError, match=r"kind must be one of 'mcfadden', .*; got 'efron'"):
        likelihood_rsquared("efron", -1.0, -2.0, 10, 1)
    for llf, llnull in ((1.0, -2.0), (math.nan, -2.0), (-1.0, 0.5)):
        with pytest.raises(ValueError, match="must be a log-likelihood of classes, at most 0"):
            likelihood_rsquared("mcfadden", llf, llnull, 10, 1)
    with pytest.raises(ValueError, match="nobs must be positive; got 0"):
        likelihood_rsquared("mcfadden", -1.0, -2.0, 0, 1)


# -- sums --------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.integers(0, 99))
def test_sums_are_correctly_rounded(values, seed):
    v = np.array(values)
    w = np.random.default_rng(seed).gamma(1.0, size=len(v))
    assert exact_sum(v) == float(sum(map(Fraction, values)))
    found = Fraction(exact_sum(v, w))
    exact = sum(Fraction(a) * Fraction(b) for a, b in zip(values, w.tolist(), strict=True))
    assert abs(found - exact) <= Fraction(math.ulp(float(exact))) / 2 + Fraction(1, 2**1000)


def test_errors_of_products_are_exact():
    rng = np.random.default_rng(2)
    a, b = rng.random(1000), np.ldexp(rng.random(1000), rng.integers(-60, 60, 1000))
    low = product_errors(a, b, a * b)
    for x, y, e in zip(a.tolist(), b.tolist(), low.tolist(), strict=True):
        assert Fraction(x) * Fraction(y) == Fraction(x * y) + Fraction(e)


# -- printing ----------------------------------------------------------------------------------------


def test_printed():
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y)
    rows = outcomes(r.predict_proba(data.X), data.y.astype(int))
    found = brier_score(rows)
    assert repr(found) == "<Brier score 0.129505, standard error 0.037951>"
    assert str(found).splitlines()[3].split() == ["0.129505", "0.037951", "0.225586", "0.425916", "32"]
    assert found._repr_html_().count("<tr>") == 2
    assert found.to_frame().loc["Brier score", "score"] == found.score
    parts = brier_decomposition(rows)
    assert "score = reliability - resolution + uncertainty + within groups" in str(parts)
    assert repr(parts).startswith("<Brier score 0.129505: reliability ")
    assert parts._repr_html_().count("<tr>") == 2


# -- the methods of a result -------------------------------------------------------------------------


class Result(Performance):
    """A fit with what the mixin asks for."""

    def __init__(self, X, y, weight=None):
        self.fit = sx.fit(X, y, sample_weight=weight)
        self.classes, self.llf, self.nobs = self.fit.classes, self.fit.llf, self.fit.nobs
        self.n_estimated, self.predict_proba = self.fit.n_estimated, self.fit.predict_proba
        self.rows = self.fit.predict_proba(X), np.searchsorted(self.classes, y), weight

    @property
    def llnull(self):
        totals = self._rows().class_totals()
        return float(np.sum(totals * np.log(totals / self.nobs)))

    def _rows(self):
        return outcomes(*self.rows)

    def _observed_and_fitted(self):
        return self.rows


@pytest.fixture(scope="module", params=["spector", "anes96"])
def fitted(request):
    data = sx.datasets.load(request.param)
    return data, Result(data.X, data.y)


def test_methods(fitted):
    _, r = fitted
    rows = r._rows()
    assert r.hosmer_lemeshow(8).statistic == hosmer_lemeshow.hosmer_lemeshow(rows, 8).statistic
    assert r.classification_table().total == r.nobs
    np.testing.assert_array_equal(
        r.roc_auc(0.9, scale="plain").interval, roc.roc_auc(rows, 0.9, scale="plain").interval
    )
    np.testing.assert_array_equal(r.roc_curve(1).tpr, roc.roc_curve(rows, 1).tpr)
    assert r.brier_score().score == brier_score(rows).score
    assert r.log_score().score == log_score(rows).score
    np.testing.assert_allclose(r.calibration().slope, 1.0, atol=1e-9)
    assert r.calibration_curve(groups=4).n.sum() == r.nobs * (1 if rows.binary else rows.n_classes)
    assert r.pseudo_rsquared() == pytest.approx(r.log_score().scaled, rel=1e-11)
    assert 0.0 < r.pseudo_rsquared("cox_snell") < r.pseudo_rsquared("nagelkerke") < 1.0
    assert r.pseudo_rsquared("mcfadden_adjusted") < r.pseudo_rsquared()
    with pytest.raises(ValueError, match=r"kind must be one of .*'tjur'; got 'efron'"):
        r.pseudo_rsquared("efron")
    if rows.binary:
        assert r.pseudo_rsquared("tjur") == scores.tjur(rows)
    else:
        with pytest.raises(ValueError, match=r"Tjur's D is for two classes; there are 7"):
            r.pseudo_rsquared("tjur")


@pytest.mark.parametrize("name", ["fair", "anes96"])
def test_calibration_of_new_rows(name):
    data = sx.datasets.load(name)
    half = Result(data.X[::2], data.y[::2])
    X, y = data.X[1::2], data.y[1::2]
    rows = outcomes(half.predict_proba(X), np.searchsorted(half.classes, y))
    assert_same(
        half.calibration(X, y, level=0.9),
        calibration.calibration(outcomes(rows.p, rows.codes, None, half.classes), 0.9),
    )
    counts = np.eye(len(half.classes))[rows.codes]
    assert_same(half.calibration(X, counts), half.calibration(X, y))
    w = np.arange(len(y)) % 3 + 1.0
    weighted = half.calibration(X, y, sample_weight=w)
    repeated = half.calibration(np.repeat(X, w.astype(int), axis=0), np.repeat(y, w.astype(int)))
    assert_same(weighted, repeated, rtol=1e-9, atol=1e-10)
    assert_same(
        half.calibration_curve(X, y, sample_weight=w, groups=5),
        half.calibration_curve(np.repeat(X, w.astype(int), axis=0), np.repeat(y, w.astype(int)), groups=5),
    )


def test_bad_new_rows(fitted):
    data, r = fitted
    with pytest.raises(ValueError, match="X and y must come together; y is missing"):
        r.calibration(data.X)
    with pytest.raises(ValueError, match="X and y must come together; X is missing"):
        r.calibration_curve(y=data.y)
    with pytest.raises(ValueError, match="sample_weight is for new rows: give X and y, too"):
        r.calibration(sample_weight=np.ones(data.n_rows))
    with pytest.raises(ValueError, match=r"y must hold labels of classes.* another one, the first is"):
        r.calibration(data.X, np.full(data.n_rows, 99))
    with pytest.raises(ValueError, match=r"y must have shape \(\d+,\), a label for each row of X"):
        r.calibration(data.X, data.y[1:])
