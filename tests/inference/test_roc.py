"""The ROC curve: areas and DeLong's errors against all pairs in exact arithmetic, pROC and scikit-learn."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from inference.performance_cases import assert_same, case, weighted_cases
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_curve

import sigmax as sx
from sigmax.inference.performance.outcomes import outcomes
from sigmax.inference.performance.roc import hand_till, roc_auc, roc_curve


def bundled(name):
    data = sx.datasets.load(name)
    r = sx.fit(data.X, data.y)
    return outcomes(r.predict_proba(data.X), np.searchsorted(r.classes, data.y), None, r.classes)


def two(score, y, weight=None):
    """Outcomes of two classes with these probabilities of class 1."""
    score = np.asarray(score, float)
    return outcomes(np.column_stack([1 - score, score]), np.asarray(y), weight)


def delong(score, y):
    """Area and DeLong's variance from all pairs, exact."""
    psi = {-1: Fraction(0), 0: Fraction(1, 2), 1: Fraction(1)}
    pairs = [[psi[int(np.sign(a - b))] for b in score[~y]] for a in score[y]]
    m, n = len(pairs), len(pairs[0])
    area = sum(map(sum, pairs)) / (m * n)
    V = [sum(row) / n for row in pairs]
    W = [sum(column) / m for column in zip(*pairs, strict=True)]
    of = [sum((v - area) ** 2 for v in part) / (len(part) - 1) for part in (V, W)]
    return area, of[0] / m + of[1] / n


@pytest.mark.parametrize("K", [2, 4])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_all_pairs(K, ties, seed):
    c = case(60, K, seed, ties=ties, weighted=seed == 1)
    found = roc_auc(c.data)
    p, codes = c.long
    for k in (1,) if K == 2 else range(K):
        area, variance = delong(p[:, k], codes == k)
        at = 0 if K == 2 else k
        assert np.atleast_1d(found.auc)[at] == pytest.approx(float(area), rel=1e-14)
        assert np.atleast_1d(found.se)[at] == pytest.approx(math.sqrt(variance), rel=1e-13)


@pytest.mark.parametrize("K", [3, 5])
def test_hand_and_till(K):
    for ties in (False, True):
        c = case(80, K, 2, ties=ties)
        pairs = []
        for i in range(K):
            for j in set(range(K)) - {i}:
                mine = np.isin(c.observed, (i, j))
                pairs.append(delong(c.p[mine, i], c.observed[mine] == i)[0])
        assert hand_till(c.data) == pytest.approx(float(sum(pairs) / len(pairs)), rel=1e-14)
        for average, multi, mine in (
            ("macro", "ovo", hand_till(c.data)),
            ("macro", "ovr", np.mean(roc_auc(c.data).auc)),
        ):
            theirs = roc_auc_score(c.observed, c.p, average=average, multi_class=multi)
            assert mine == pytest.approx(theirs, rel=1e-13)


# pROC 1.18.0, DeLong, at the probabilities of these fits: area, standard error, plain interval
PROC = {
    "spector": [(0.8831168831168831, 0.0620725483253157, 0.7614569239706424, 1.0)],
    "fair": [(0.74384621352837499, 0.00652118634924173, 0.73106492314738691, 0.75662750390936306)],
    "anes96": [
        (0.7887298387096774, 0.0172012466570139, 0.7550160147727403, 0.8224436626466147),
        (0.7264543339150669, 0.0186516534786547, 0.6898977648447824, 0.7630109029853513),
        (0.7135056707425128, 0.0237997888562883, 0.6668589417445301, 0.7601523997404958),
        (0.6460561995291875, 0.0470172327528961, 0.5539041166807741, 0.7382082823776008),
        (0.682165206508135, 0.025813998873289, 0.631570698419531, 0.732759714596739),
        (0.7024685138539043, 0.0202562490353967, 0.6627669952826526, 0.7421700324251560),
        (0.8616459223481330, 0.0147709422339647, 0.8326954075518406, 0.8905964371444254),
    ],
}


@pytest.mark.parametrize("name", PROC)
def test_proc_figures(name):
    found = roc_auc(bundled(name), scale="plain")
    area, error, lower, upper = np.array(PROC[name]).T
    np.testing.assert_allclose(np.atleast_1d(found.auc), area, rtol=1e-13)
    np.testing.assert_allclose(np.atleast_1d(found.se), error, rtol=1e-12)
    np.testing.assert_allclose(found.interval.reshape(-1, 2), np.column_stack([lower, upper]), rtol=1e-12)


@given(weighted_cases())
def test_weights_are_repeated_rows(c):
    for scale in ("logit", "plain"):
        for method in ("delong", "hanley"):
            assert_same(
                roc_auc(c.data, 0.9, method=method, scale=scale),
                roc_auc(c.repeated, 0.9, method=method, scale=scale),
            )
    for k in range(c.data.n_classes):
        assert_same(roc_curve(c.data, k), roc_curve(c.repeated, k))


@given(weighted_cases())
def test_the_curve(c):
    p, codes = c.long
    found = roc_curve(c.data, 1)
    fpr, tpr, thresholds = sklearn_curve(codes == 1, p[:, 1], drop_intermediate=False)
    np.testing.assert_allclose(found.fpr, fpr, rtol=1e-15)
    np.testing.assert_allclose(found.tpr, tpr, rtol=1e-15)
    np.testing.assert_array_equal(found.thresholds, thresholds)
    area = np.atleast_1d(roc_auc(c.data).auc)[0 if c.data.binary else 1]
    assert found.auc == pytest.approx(area, rel=1e-13)
    assert list(found.to_frame().columns) == ["threshold", "fpr", "tpr"]


def test_hanley_and_mcneil():
    c = case(70, 2, 8)
    found = roc_auc(c.data, method="hanley")
    A = delong(c.p[:, 1], c.observed == 1)[0]
    m, n = int((c.observed == 1).sum()), int((c.observed == 0).sum())
    Q1, Q2 = A / (2 - A), 2 * A * A / (1 + A)
    variance = (A * (1 - A) + (m - 1) * (Q1 - A * A) + (n - 1) * (Q2 - A * A)) / (m * n)
    assert found.se == pytest.approx(math.sqrt(variance), rel=1e-13)
    assert roc_auc(c.data).se != pytest.approx(found.se, rel=1e-3)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_intervals(level):
    found = roc_auc(bundled("spector"), level)
    with mp.workdps(30):
        z = mp.sqrt(2) * mp.erfinv(mp.mpf(level))
        A, e = mp.mpf(found.auc), mp.mpf(found.se)
        ends = [1 / (1 + mp.exp(-(mp.log(A / (1 - A)) + s * z * e / (A * (1 - A))))) for s in (-1, 1)]
    np.testing.assert_allclose(found.interval, [float(x) for x in ends], rtol=1e-12)
    assert 0.0 < found.interval[0] < found.auc < found.interval[1] < 1.0


@pytest.mark.parametrize("method", ["delong", "hanley"])
@pytest.mark.parametrize("scale", ["logit", "plain"])
def test_an_area_of_one_or_zero(method, scale):
    score, y = np.linspace(0.1, 0.9, 9), np.repeat([0, 1], [5, 4])
    one, zero = (roc_auc(two(score, x), method=method, scale=scale) for x in (y, 1 - y))
    assert (one.auc, one.se, zero.auc, zero.se) == (1.0, 0.0, 0.0, 0.0)
    bound = 0.025**0.25  # four disjoint pairs
    np.testing.assert_allclose(one.interval, [bound, 1.0], rtol=1e-14)
    np.testing.assert_allclose(zero.interval, [0.0, 1.0 - bound], rtol=1e-14)
    assert "its estimated variance 0 says nothing" in str(one)


def test_a_single_observation_of_a_class_has_no_error():
    found = roc_auc(two([0.1, 0.5, 0.7, 0.4], [0, 0, 0, 1]))
    assert found.auc == pytest.approx(1 / 3)
    assert math.isnan(found.se)
    assert np.isnan(found.interval).all()
    assert "no standard error: observed only once" in str(found)
    p = np.full((6, 3), 1 / 3)
    three = roc_auc(outcomes(p, [0, 0, 0, 1, 1, 1]))
    np.testing.assert_array_equal(three.auc, [0.5, 0.5, np.nan])
    assert math.isnan(three.hand_till)
    assert "2: no area" in str(three)


def test_equal_probabilities():
    found = roc_auc(two(np.full(10, 0.3), np.arange(10) % 2))
    assert (found.auc, found.se) == (0.5, 0.0)


def test_probabilities_that_round_to_one_still_rank():
    # logits 40, 45, 50: p = 1.0 for all three
    rest = np.exp([-40.0, -45.0, -50.0, -40.0])
    data = outcomes(np.column_stack([rest, np.ones(4)]), [0, 1, 1, 0])
    assert roc_auc(data).auc == 1.0
    np.testing.assert_array_equal(roc_curve(data).thresholds, [np.inf, 1.0, 1.0, 1.0])
    np.testing.assert_array_equal(roc_curve(data).tpr, [0.0, 0.5, 1.0, 1.0])


def test_fractional_weights():
    c = case(50, 3, 4, ties=True)
    w = np.random.default_rng(1).gamma(2.0, size=50)
    found = roc_auc(outcomes(c.p, c.observed, w))
    for k in range(3):
        theirs = roc_auc_score(c.observed == k, c.p[:, k], sample_weight=w)
        assert found.auc[k] == pytest.approx(theirs, rel=1e-13)


def test_a_million_rows():
    rng = np.random.default_rng(0)
    score = rng.random(1_000_000)
    y = (rng.random(1_000_000) < score).astype(int)
    found = roc_auc(two(score, y))
    assert found.auc == pytest.approx(roc_auc_score(y, score), rel=1e-12)
    assert found.auc == pytest.approx(5 / 6, abs=5 * found.se)


def test_bad_arguments():
    data = case(30, 2).data
    for level in (0.0, 1.0, 95, float("nan")):
        with pytest.raises(ValueError, match="level must be between 0 and 1"):
            roc_auc(data, level)
    with pytest.raises(ValueError, match="method must be 'delong' or 'hanley'; got 'bamber'"):
        roc_auc(data, method="bamber")
    with pytest.raises(ValueError, match="scale must be 'logit' or 'plain'; got 'probit'"):
        roc_auc(data, scale="probit")
    with pytest.raises(ValueError, match="both classes for a ROC curve; 1 was never observed"):
        roc_auc(two([0.2, 0.3], [0, 0]))
    with pytest.raises(ValueError, match="1 was never observed"):
        roc_curve(two([0.2, 0.3], [0, 0]))
    with pytest.raises(ValueError, match="1 was always observed"):
        roc_curve(two([0.2, 0.3], [1, 1]))
    with pytest.raises(ValueError, match="positive must be a class, 0 to 1; got 2"):
        roc_curve(data, 2)


def test_printed():
    found = roc_auc(bundled("spector"))
    assert repr(found) == "<ROC AUC 0.8831, standard error 0.0621>"
    assert str(found).splitlines()[3].split() == ["1", "0.8831", "0.0621", "0.6992", "0.9609", "11", "21"]
    assert found._repr_html_().count("<tr>") == 2
    many = roc_auc(bundled("anes96"))
    assert repr(many) == f"<ROC AUC of 7 classes: Hand-Till M {many.hand_till:.4f}>"
    assert str(many).count("\n") == 12
    frame = many.to_frame()
    assert list(frame.columns) == ["auc", "se", "lower", "upper", "positive", "negative"]
    np.testing.assert_array_equal(frame["auc"], many.auc)
    assert repr(roc_curve(bundled("spector"))) == "<ROC curve of class 1: 33 points>"
