"""Hosmer and Lemeshow's test: Stata's groups, Fagerland's statistic, R's figures."""

from __future__ import annotations

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference.performance_cases import assert_same, case, weighted_cases

import sigmax as sx
from sigmax.inference.performance.hosmer_lemeshow import hosmer_lemeshow
from sigmax.inference.performance.outcomes import outcomes
from sigmax.inference.performance.quantile_groups import quantile_groups


def bundled(name):
    data = sx.datasets.load(name)
    r = sx.fit(data.X, data.y)
    return outcomes(r.predict_proba(data.X), np.searchsorted(r.classes, data.y), None, r.classes)


def stata_groups(key, g):
    """xtile, from Stata's definition of percentiles of repeated rows: the cut k is x_(i), i the first with
    i > n k / g, or the mean of x_(i - 1) and x_(i) where i - 1 = n k / g; a group reaches to its cut."""
    x = sorted(Fraction(v) for v in key)
    n, cuts = len(x), []
    for k in range(1, g):
        P = Fraction(n * k, g)
        i = P.numerator // P.denominator  # i - 1 of Stata, and x[i] the first above
        cuts.append((x[i - 1] + x[i]) / 2 if i == P else x[i])
    return np.array([sum(Fraction(v) > cut for cut in cuts) for v in key])


def oracle(p, codes, g):
    """Statistic and number of groups in exact arithmetic, of single observations."""
    K = p.shape[1]
    # as the module sorts: 1 - p of the reference
    key = p[:, 1] if K == 2 else np.where(p[:, 0] > 0.5, p[:, 1:].sum(axis=1), 1.0 - p[:, 0])
    group = stata_groups(key, g)
    total = Fraction(0)
    for j in set(group.tolist()):
        for k in range(K):
            E = sum((Fraction(v) for v in p[group == j, k]), Fraction(0))
            total += (int((codes[group == j] == k).sum()) - E) ** 2 / E
    return float(total), len(set(group.tolist()))


# R 4.2.2: the rule of ResourceSelection::hoslem.test, and for anes96 that of generalhoslem::logitgof, at the
# probabilities of these fits: quantile(type = 7) cuts where Stata's does when groups divide the rows
R = [
    ("spector", 4, 2.831797968058617, 2, 0.242707325335407),
    ("spector", 8, 6.5721418894202, 6, 0.3622314946036),
    ("fair", 6, 16.95797400608476, 4, 0.00196963004417261),
    ("anes96", 8, 45.996713275477077, 36, 0.122837572608875),
]


@pytest.mark.parametrize(("name", "g", "statistic", "df", "pvalue"), R)
def test_r_figures(name, g, statistic, df, pvalue):
    found = hosmer_lemeshow(bundled(name), g)
    assert found.statistic == pytest.approx(statistic, rel=1e-11)
    assert (found.df, found.n_groups) == (df, g)
    assert found.pvalue == pytest.approx(pvalue, rel=1e-10)


@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_against_exact_arithmetic(K, ties, seed):
    c = case(97, K, seed, ties=ties, weighted=seed % 2 == 1)
    found = hosmer_lemeshow(c.data, 7)
    statistic, g = oracle(*c.long, 7)
    assert found.n_groups == g
    assert found.statistic == pytest.approx(statistic, rel=1e-12)
    assert found.df == (g - 2) * (K - 1)
    with mp.workdps(30):
        exact = mp.gammainc(mp.mpf(found.df) / 2, mp.mpf(found.statistic) / 2, regularized=True)
    assert found.pvalue == pytest.approx(float(exact), rel=1e-12)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 12), st.integers(0, 99))
def test_groups_are_statas(values, g, seed):
    key = np.array(values, float)
    w = np.random.default_rng(seed).integers(1, 4, size=len(key))
    made = quantile_groups(key, w.astype(float), g)
    wanted = stata_groups(np.repeat(key, w), g)[np.cumsum(w) - 1]
    groups = [sorted(made.rows(j).tolist()) for j in range(len(made))]
    assert groups == [np.flatnonzero(wanted == j).tolist() for j in sorted(set(wanted.tolist()))]


@pytest.mark.parametrize("unit", [0.1, 1 / 3, 7e-4])
def test_groups_do_not_depend_on_the_unit_of_weights(unit):
    key = np.random.default_rng(5).permutation(1000.0 * np.arange(600.0))
    ones, scaled = quantile_groups(key, None, 10), quantile_groups(key, np.full(600, unit), 10)
    np.testing.assert_array_equal(ones.bounds, np.arange(0, 601, 60))
    np.testing.assert_array_equal(scaled.bounds, ones.bounds)


def key(c):
    return c.data.p[:, 1] if c.data.binary else c.data.complement(0)


@given(weighted_cases(least=12), st.integers(3, 6))
def test_weights_are_repeated_rows(c, g):
    if len(quantile_groups(key(c), c.data.totals, g)) < 3:
        for data in (c.data, c.repeated):
            with pytest.raises(ValueError, match="groups must leave at least 3 groups"):
                hosmer_lemeshow(data, g)
    else:
        assert_same(hosmer_lemeshow(c.data, g), hosmer_lemeshow(c.repeated, g))


def test_two_classes_are_the_multinomial_test():
    # a third class that nobody has and nothing expects adds nothing but degrees of freedom
    c = case(120, 2, 3)
    two = hosmer_lemeshow(c.data, 5)
    three = hosmer_lemeshow(outcomes(np.column_stack([c.p, np.zeros(120)]), c.observed), 5)
    assert three.statistic == pytest.approx(two.statistic, rel=1e-13)
    assert (two.df, three.df) == (3, 6)


def test_other_rows_have_more_degrees_of_freedom():
    c = case(90, 4, 1)
    assert (hosmer_lemeshow(c.data, 6).df, hosmer_lemeshow(c.data, 6, fitted=False).df) == (12, 18)
    assert hosmer_lemeshow(c.data, 6, fitted=False).statistic == hosmer_lemeshow(c.data, 6).statistic


def test_ties_merge_groups():
    p1 = np.repeat([0.1, 0.3, 0.6, 0.9], [10, 25, 25, 10])
    y = (np.arange(70) % 3 == 0).astype(int)
    found = hosmer_lemeshow(outcomes(np.column_stack([1 - p1, p1]), y))
    assert found.n_groups == 4
    np.testing.assert_array_equal(found.cuts, [0.1, 0.3, 0.6, 0.9])
    np.testing.assert_array_equal(found.total, [10, 25, 25, 10])
    assert "4 groups instead of 10: equal probabilities stay together" in found.notes
    with pytest.raises(ValueError, match=r"must leave at least 3 groups of different .* of 10 there are 2"):
        hosmer_lemeshow(outcomes(np.column_stack([1 - p1, p1])[10:60], y[10:60]))
    with pytest.raises(ValueError, match="of 10 there is 1"):
        hosmer_lemeshow(outcomes(np.full((30, 2), 0.5), y[:30]))


@pytest.mark.parametrize(
    ("groups", "error"), [(2, ValueError), (0, ValueError), (2.5, TypeError), (True, TypeError)]
)
def test_bad_groups(groups, error):
    with pytest.raises(error, match="groups must be"):
        hosmer_lemeshow(case(50, 2).data, groups)


def test_what_is_not_expected():
    p1 = np.repeat([0.0, 0.25, 0.5, 1.0], 10)
    p = np.column_stack([1 - p1, p1])
    y = np.repeat([0, 0, 1, 1], 10)
    assert np.isfinite(hosmer_lemeshow(outcomes(p, y), 4).statistic)
    y[0] = 1
    found = hosmer_lemeshow(outcomes(p, y), 4)
    assert (found.statistic, found.pvalue) == (np.inf, 0.0)


def test_printed():
    found = hosmer_lemeshow(bundled("spector"), 4)
    lines = str(found).splitlines()
    assert " ".join(lines[2].split()) == "group up to observed 1 expected 1 observed 0 expected 0 total"
    assert [int(line.split()[-1]) for line in lines[3:7]] == [8, 8, 8, 8]
    assert "4 groups, chi2(2) = 2.832, p = 0.2427" in str(found)
    assert repr(found) == "<Hosmer-Lemeshow: 4 groups, chi2(2) = 2.832, p = 0.2427>"
    html = found._repr_html_()
    assert "<table>\n<caption>Hosmer-Lemeshow" in html
    assert html.count("<tr>") == 5
    table = found.to_frame()
    assert list(table.columns) == ["cut", "observed 0", "expected 0", "observed 1", "expected 1", "total"]
    np.testing.assert_array_equal(table["expected 1"], found.expected[:, 1])
    text = str(hosmer_lemeshow(bundled("anes96")))
    assert text.count("observed ") == text.count("expected ") - text.count("expected counts") == 10
    assert "sorted by 1 - p of the reference, 0" in text
    assert max(map(len, text.splitlines())) <= 110
