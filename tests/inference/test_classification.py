"""The classification table: Stata's rates, scikit-learn's, and the checks of what is handed over."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference.performance_cases import assert_same, case, weighted_cases
from sklearn import metrics

import sigmax as sx
from sigmax.inference.performance.classification import classification_table
from sigmax.inference.performance.outcomes import outcomes

RATES = (
    "sensitivity",
    "specificity",
    "positive_predictive_value",
    "negative_predictive_value",
    "false_positive_rate",
    "false_negative_rate",
    "false_discovery_rate",
    "false_omission_rate",
)


def two(score, y, weight=None):
    score = np.asarray(score, float)
    return outcomes(np.column_stack([1 - score, score]), np.asarray(y), weight)


def test_rates_of_two_classes():
    # 3 true negatives, 2 false positives, 4 false negatives, 7 true positives
    score = np.repeat([0.2, 0.7, 0.3, 0.8], [3, 2, 4, 7])
    found = classification_table(two(score, np.repeat([0, 0, 1, 1], [3, 2, 4, 7])))
    np.testing.assert_array_equal(found.confusion, [[3, 2], [4, 7]])
    wanted = (7 / 11, 3 / 5, 7 / 9, 3 / 7, 2 / 5, 4 / 11, 2 / 9, 4 / 7)
    assert tuple(getattr(found, rate) for rate in RATES) == pytest.approx(wanted, rel=1e-15)
    assert found.accuracy == pytest.approx(10 / 16, rel=1e-15)
    assert found.balanced_accuracy == pytest.approx((7 / 11 + 3 / 5) / 2, rel=1e-15)


@pytest.mark.parametrize("K", [2, 3, 6])
@pytest.mark.parametrize("weighted", [False, True])
def test_scikit_learn(K, weighted):
    c = case(80, K, 1, weighted=weighted)
    found = classification_table(c.data)
    y, guess, w = c.observed, c.p.argmax(axis=1), c.weight
    np.testing.assert_array_equal(found.confusion, metrics.confusion_matrix(y, guess, sample_weight=w))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(y, guess, sample_weight=w), rel=1e-14)
    balanced = metrics.balanced_accuracy_score(y, guess, sample_weight=w)
    assert found.balanced_accuracy == pytest.approx(balanced, rel=1e-14)
    precision, recall, _, _ = metrics.precision_recall_fscore_support(
        y, guess, sample_weight=w, zero_division=np.nan
    )
    np.testing.assert_allclose(found.recall, recall, rtol=1e-14)
    np.testing.assert_allclose(found.precision, precision, rtol=1e-14)


@given(weighted_cases(), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_weights_are_repeated_rows(c, threshold):
    args = (threshold,) if c.data.binary else ()
    one, other = classification_table(c.data, *args), classification_table(c.repeated, *args)
    assert_same(one, other)
    for rate in ("accuracy", "balanced_accuracy", "recall", "precision", *(RATES if c.data.binary else ())):
        np.testing.assert_array_equal(getattr(one, rate), getattr(other, rate))


def test_fractional_weights_are_summed_exactly():
    w = np.full(10, 0.1)
    found = classification_table(two(np.full(10, 0.9), np.ones(10, int), w))
    assert found.confusion[1, 1] == 1.0


def test_the_threshold_is_the_positive_class():
    data = two([0.5, 0.5, 0.25, 0.75], [0, 1, 0, 1])
    np.testing.assert_array_equal(classification_table(data).confusion, [[1, 1], [0, 2]])
    np.testing.assert_array_equal(classification_table(data, 0.75).confusion, [[2, 0], [1, 1]])
    np.testing.assert_array_equal(classification_table(data, 0.0).confusion, [[0, 2], [0, 2]])
    # of more classes, the first of equals
    three = outcomes([[0.4, 0.4, 0.2]], [1])
    np.testing.assert_array_equal(classification_table(three).confusion, [[0, 0, 0], [1, 0, 0], [0, 0, 0]])


def test_rates_of_nothing_are_nan():
    found = classification_table(two([0.1, 0.2], [0, 1]))
    assert math.isnan(found.positive_predictive_value)
    assert (found.sensitivity, found.negative_predictive_value) == (0.0, 0.5)
    found = classification_table(outcomes(np.full((2, 3), 1 / 3), [0, 0]))
    np.testing.assert_array_equal(found.recall, [1.0, np.nan, np.nan])
    assert found.balanced_accuracy == 1.0


def test_rates_of_two_are_not_for_more():
    found = classification_table(case(30, 3).data)
    for rate in RATES:
        with pytest.raises(ValueError, match="this rate is for two classes; with 3 see recall"):
            getattr(found, rate)
    with pytest.raises(ValueError, match="threshold is for two classes; with 3 the most probable"):
        classification_table(case(30, 3).data, 0.4)


@pytest.mark.parametrize("bad", [-0.1, 1.5, float("nan"), "half", [0.5, 0.6]])
def test_bad_thresholds(bad):
    with pytest.raises(ValueError, match="threshold must"):
        classification_table(case(30, 2).data, bad)


def test_printed():
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y)
    found = classification_table(outcomes(r.predict_proba(data.X), data.y.astype(int), None, ["no", "yes"]))
    # statsmodels 0.15.0, Logit(...).fit().pred_table()
    np.testing.assert_array_equal(found.confusion, [[18, 3], [3, 8]])
    assert "sensitivity 0.7273, specificity 0.8571" in str(found)
    assert "predicted: yes where its probability is at least 0.5" in str(found)
    assert repr(found) == "<classification of 32 observations: accuracy 0.8125, balanced 0.7922>"
    assert found._repr_html_().count("<tr>") == 5
    assert found.to_frame().loc["yes", "no"] == 3


# -- what every measure is asked of ------------------------------------------------------------------

GOOD = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
BAD = {
    r"p must have shape \(n, K\), K >= 2": (GOOD[:, 0], [0, 1, 1], None),
    r"p must have shape \(n, K\), K >= 2, a column for each class; got \(3, 1\)": (
        GOOD[:, :1],
        [0, 1, 1],
        None,
    ),
    r"p must be finite; 1 value nan or inf, the first at p\[1, 0\] = nan": (
        [[0.2, 0.8], [np.nan, 0.5]],
        [0, 1],
        None,
    ),
    r"p must hold probabilities, from 0 to 1; 1 value outside, the first at p\[0, 1\] = 1.5": (
        [[-0.0, 1.5]],
        [0],
        None,
    ),
    r"rows with the sum 1; 1 have not, the first is p\[1\] with the sum 0.75": (
        [[0.5, 0.5], [0.5, 0.25]],
        [0, 1],
        None,
    ),
    r"observed must hold codes 0 to 1, .* 2 are none, the first is observed\[1\] = 2": (
        GOOD,
        [0, 2, -1],
        None,
    ),
    r"observed must hold codes .* observed\[0\] = 0.5": (GOOD, [0.5, 1, 1], None),
    r"observed must have shape \(3,\), .* or \(3, 2\), counts; got \(2,\)": (GOOD, [0, 1], None),
    r"observed must not be negative; 1 value below 0, the first at observed\[2, 0\]": (
        GOOD,
        [[1, 0], [0, 1], [-1, 0]],
        None,
    ),
    r"observed must hold real numbers": (GOOD, ["a", "b", "a"], None),
    r"observed must hold an observation of positive weight": (GOOD, [0, 1, 1], [0, 0, 0]),
    r"frequency must have shape \(3,\)": (GOOD, [0, 1, 1], [1, 1]),
    r"frequency must not be negative; 1 value below 0, the first at frequency\[1\]": (
        GOOD,
        [0, 1, 1],
        [1, -2, 1],
    ),
    r"frequency must be finite": (GOOD, [0, 1, 1], [1, np.inf, 1]),
}


@pytest.mark.parametrize(("message", "given"), BAD.items())
def test_bad_outcomes(message, given):
    with pytest.raises(ValueError, match=message):
        outcomes(*given)
    with pytest.raises(ValueError, match=r"classes must have shape \(2,\)"):
        outcomes(GOOD, [0, 1, 1], None, ["a", "b", "c"])


def test_rows_that_do_not_count_are_not_read():
    c = case(40, 3, 6, weighted=True)
    keep = c.weight > 0
    assert 0 < keep.sum() < 40
    assert_same(
        classification_table(c.data),
        classification_table(outcomes(c.p[keep], c.observed[keep], c.weight[keep])),
    )
    counts = np.eye(3)[c.observed] * c.weight[:, None]
    assert_same(classification_table(c.data), classification_table(outcomes(c.p, counts)))
