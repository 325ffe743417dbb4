"""Stata's published figures and the 50-digit oracle vouch for each other."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf
from oracles import newton
from statsmodels.discrete.tests.results.results_discrete import Anes, Spector

from published import stata
from published.stata import ANES96, KNOWN_DEVIATIONS, PUBLISHED, SPECTOR, Published

every_set = pytest.mark.parametrize("name", PUBLISHED)
FIELDS = [
    (name, field)
    for name, published in PUBLISHED.items()
    for field in (*stata.TABLES, "covariance", *stata.SCALARS)
    if getattr(published, field) is not None
]
every_field = pytest.mark.parametrize(("name", "field"), FIELDS)


@cache
def figures(name: str, single: bool) -> dict[str, Any]:
    """All the figures that Stata prints, from the exact optimum; mpf, nested as published."""
    data = newton.bundled(name)
    fit = newton.optimum(stata.as_stored(data.X), data.codes, data.n_classes) if single else data.optimum
    n, size = len(data.codes), len(fit.covariance)
    df = size - len(fit.params)
    with mp.workdps(60):
        pairs = [list(zip(*rows, strict=True)) for rows in zip(fit.params, fit.bse, strict=True)]
        quantile = mp.sqrt(2) * mp.erfinv(mpf(95) / 100)
        chi2 = 2 * (fit.llf - data.llf_null)
        return {
            "coefficients": fit.params,
            "standard_errors": fit.bse,
            "z_values": [[b / s for b, s in row] for row in pairs],
            "p_values": [[mp.erfc(abs(b / s) / mp.sqrt(2)) for b, s in row] for row in pairs],
            "confidence_limits": [[[b - quantile * s, b + quantile * s] for b, s in row] for row in pairs],
            "covariance": fit.covariance,
            "llf": fit.llf,
            "llf_null": data.llf_null,
            "lr_chi2": chi2,
            "lr_p_value": mp.gammainc(mpf(df) / 2, chi2 / 2, mp.inf, regularized=True),
            "pseudo_r2": 1 - fit.llf / data.llf_null,
            "aic": -2 * fit.llf + 2 * size,
            "bic": -2 * fit.llf + size * mp.log(n),
        }


def pick(item: Any, index: tuple[int, ...]) -> Any:
    for i in index:
        item = item[i]
    return item


@every_field
def test_printed_figures_agree_with_the_oracle(name: str, field: str) -> None:
    # Agreement up to exactly the documented entries: a new disagreement fails here, and so does a
    # documented one that is none.
    wrong = stata.disagreements(newton.to_float(figures(name, True)[field]), getattr(PUBLISHED[name], field))
    documented = [(d.index, d.printed) for d in KNOWN_DEVIATIONS if (d.dataset, d.field) == (name, field)]
    assert [(index, printed) for index, _, printed in wrong] == documented


@every_field
def test_corrected_figures_agree_without_exception(name: str, field: str) -> None:
    corrected = PUBLISHED[name].corrected(field)
    stata.assert_agrees(newton.to_float(figures(name, True)[field]), corrected)


@pytest.mark.parametrize("d", KNOWN_DEVIATIONS, ids=lambda d: f"{d.dataset}-{d.field}-{d.index}")
def test_each_deviation_is_stated_correctly(d: stata.Deviation) -> None:
    exact = pick(figures(d.dataset, True)[d.field], d.index)
    assert pick(getattr(PUBLISHED[d.dataset], d.field), d.index) == d.printed
    with mp.workdps(60):
        stated = mpf(d.exact)
        # All 20 significant digits hold.
        magnitude = int(mp.floor(mp.log10(abs(exact))))
        assert abs(stated - exact) <= mpf(10) ** (magnitude - 19) / 2
        off = abs(mpf(d.printed) - exact)
        if d.reason == stata.PADDED:
            assert d.field == "confidence_limits"
            assert d.printed.endswith("0")
            assert stata.agrees(float(exact), d.printed.rstrip("0"))
        else:
            assert d.reason == stata.LAST_DIGITS
            assert off <= abs(exact) * mpf({"spector": "6e-12", "anes96": "5e-9"}[d.dataset])


def test_deviations_are_few_and_unique() -> None:
    assert len({(d.dataset, d.field, d.index) for d in KNOWN_DEVIATIONS}) == len(KNOWN_DEVIATIONS)
    # Every coefficient and every scalar of anes96, and every scalar of spector, is right.
    assert {(d.dataset, d.field) for d in KNOWN_DEVIATIONS} == {
        ("spector", "coefficients"),
        ("spector", "standard_errors"),
        ("spector", "covariance"),
        ("anes96", "standard_errors"),
        ("anes96", "z_values"),
        ("anes96", "p_values"),
        ("anes96", "confidence_limits"),
    }


@pytest.mark.parametrize(
    ("name", "field", "n_wrong"),
    [
        # Figures that disagree with the data in double precision: the evidence that the published
        # fits saw single-precision data, where the same fields show 2, 2, 0, and 0, 3, 0.
        ("spector", "coefficients", 4),
        ("spector", "standard_errors", 4),
        ("spector", "llf", 1),
        ("anes96", "coefficients", 2),
        ("anes96", "standard_errors", 8),
        ("anes96", "llf", 1),
    ],
)
def test_the_published_fits_saw_single_precision_data(name: str, field: str, n_wrong: int) -> None:
    printed = getattr(PUBLISHED[name], field)
    assert len(stata.disagreements(newton.to_float(figures(name, False)[field]), printed)) == (n_wrong)
    on_stored = stata.disagreements(newton.to_float(figures(name, True)[field]), printed)
    assert len(on_stored) < n_wrong


@pytest.mark.parametrize(("published", "original"), [(SPECTOR, Spector.logit), (ANES96, None)])
def test_transcription_equals_the_file_of_statsmodels(published: Published, original: Any) -> None:
    original = original or Anes.mnlogit_basezero
    n_classes, k = len(published.classes), len(published.terms)
    # Stata puts the constant last; the class index of statsmodels' tables runs along axis 1.
    last_first = [k - 1, *range(k - 1)]
    for field, theirs in {
        "coefficients": original.params,
        "standard_errors": original.bse,
        "z_values": original.z,
        "p_values": original.pvalues,
    }.items():
        want = np.asarray(theirs).reshape(k, n_classes).T[:, last_first]
        np.testing.assert_array_equal(np.array(getattr(published, field), dtype=float), want)
    want = np.asarray(original.conf_int).reshape(n_classes, k, 2)[:, last_first]
    np.testing.assert_array_equal(np.array(published.confidence_limits, dtype=float), want)
    for field, theirs in {
        "llf": original.llf,
        "llf_null": original.llnull,
        "lr_chi2": original.llr,
        "lr_p_value": original.llr_pvalue,
        "pseudo_r2": original.prsquared,
        "aic": original.aic,
        "bic": original.bic,
    }.items():
        assert float(getattr(published, field)) == theirs
    assert (published.n_rows, published.df_model) == (original.nobs, original.df_model)
    if published.covariance is not None:
        want = np.asarray(original.cov_params)[np.ix_(last_first, last_first)]
        np.testing.assert_array_equal(np.array(published.covariance, dtype=float), want)


@every_set
def test_layout_is_that_of_the_oracle(name: str) -> None:
    data, published = newton.bundled(name), PUBLISHED[name]
    shape = (data.n_classes - 1, 1 + data.X.shape[1])
    assert (len(published.classes), len(published.terms)) == shape
    assert data.X.shape[0] == published.n_rows
    for field in stata.TABLES:
        assert np.array(getattr(published, field)).shape[:2] == shape


@pytest.mark.parametrize(
    ("value", "printed", "expected"),
    [
        (0.125, ".12", True),  # exactly half a unit
        (0.125, ".13", True),
        (0.126, ".12", False),
        (0.15, "0.2", True),  # float64 0.15 is below 0.15, by less than half an ulp
        (math.nextafter(0.125, 1.0), ".12", False),  # one ulp beyond half a unit
        (2.0, "2", True),
        (2.5000001, "2", False),
        (0.30, "0.3000", True),
        (0.30004, "0.3000", True),
        (0.30006, "0.3000", False),  # a printed zero is a digit
        (0.30006, "0.3", True),
        (-12.88963346533348, "-12.8896334653335", True),
        (-12.88963346533358, "-12.8896334653335", False),
        (12.88963346533348, "-12.8896334653335", False),
        (1.82231789e-102, "1.8223179e-102", True),
        (1.82231796e-102, "1.8223179e-102", False),
        (0.0, "1.8223179e-102", False),
        (math.nan, "1", False),
        (math.inf, "1", False),
    ],
)
def test_agrees(value: float, printed: str, expected: bool) -> None:
    assert stata.agrees(value, printed) is expected


def test_assert_agrees_lists_what_disagrees() -> None:
    stata.assert_agrees([[1.04, 2.0]], (("1.0", "2.0"),))
    stata.assert_agrees(1.04, "1.0")
    with pytest.raises(AssertionError) as caught:
        stata.assert_agrees([[1.04, 2.3], [math.nan, -0.5]], (("1.0", "2.0"), ("3.0", "-.5")))
    assert str(caught.value).splitlines() == [
        "2 of 4 figures disagree with the printed ones:",
        "  [0, 1]: computed 2.3, printed 2.0, off by +3 units of the last digit",
        "  [1, 0]: computed nan, printed 3.0",
    ]


@pytest.mark.parametrize("values", [[1.0], [[1.0, 2.0]], 1.0, [1.0, 2.0, 3.0]])
def test_shapes_must_match(values: Any) -> None:
    with pytest.raises(ValueError, match="do not match the 2 printed ones"):
        stata.assert_agrees(values, ("1.0", "2.0"))


def test_what_is_no_decimal_is_refused() -> None:
    with pytest.raises(ValueError, match="finite decimal"):
        stata.agrees(1.0, "NaN")


def test_as_stored_is_single_precision() -> None:
    X = np.array([[2.66, 20.0], [1e-3, -0.1]])
    stored = stata.as_stored(X)
    assert stored.dtype == np.float64
    assert stored[0, 0] == 2.6600000858306885  # 11156849 / 2^22
    assert stored[0, 1] == 20.0
    np.testing.assert_array_equal(stored, stata.as_stored(stored))
    assert X[0, 0] == 2.66
