"""Margins against figures that Stata printed, and against statsmodels."""

import numpy as np
import pytest
from mpmath import mp
from oracles.margins import DIGITS, Definition
from oracles.newton import bundled, optimum
from published import margins, stata

import sigmax as sx

CASES = [("spector", case) for case in margins.SPECTOR] + [("anes96", case) for case in margins.ANES96]


def last_digit(text):
    mantissa, _, power = text.partition("e")
    places = len(mantissa.partition(".")[2])
    return 10.0 ** (int(power or 0) - places)


def numbers(table):
    return np.array(table, float), np.vectorize(last_digit)(np.array(table))


@pytest.fixture(scope="module")
def stored():
    found = {}
    for name in ("spector", "anes96"):
        data = sx.datasets.load(name)
        found[name] = sx.fit(stata.as_stored(data.X), data.y, names=data.features)
    return found


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}-{case.source}" for name, case in CASES])
def test_stata(stored, name, case):
    m = stored[name].margins(**case.request)
    printed, last = numbers(case.effects)
    effects, errors = m.effects.T, m.se.T
    assert printed.shape == effects.shape
    off = np.abs(effects - printed)
    slopes = case.slopes or margins.SLOPES[name]
    assert (off <= slopes * np.abs(np.atleast_2d(printed)).max(axis=0) + 0.5 * last).all()
    for v, change in enumerate(m.changes):
        if change is not None:
            assert off[v] <= margins.CHANGES * printed[v] + 0.5 * last[v]
    printed, last = numbers(case.errors)
    assert (np.abs(errors - printed) <= margins.ERRORS * printed + 0.5 * last).all()


def test_printed_effects_do_not_sum_to_zero(stored):
    # the reason why derivatives agree with fewer digits than were printed
    printed, _ = numbers(margins.ANES96[0].effects)
    assert 1e-7 < np.abs(printed.sum(axis=0)).max() < 2e-7
    assert np.abs(stored["anes96"].margins().effects.sum(axis=1)).max() < 1e-16


def test_what_differs_from_stata_is_right(stored):
    # the exact effects of the stored data, where sigmax and Stata part
    data = sx.datasets.load("spector")
    X = stata.as_stored(data.X)
    exact = optimum(X, data.y, 2)
    truth = Definition(X, 2)
    for kind in ("dydx", "eyex"):
        moves = [(0, None), (1, None), (2, None)]
        effects, errors, _ = truth.measured(exact.params, exact.covariance, moves, at="overall", kind=kind)
        m = stored["spector"].margins(kind=kind, discrete=False)
        np.testing.assert_allclose(m.effects, effects[:, 1], rtol=1e-12)
        np.testing.assert_allclose(m.se, errors[:, 1], rtol=1e-11)


# -- statsmodels -------------------------------------------------------------------------------------


def theirs(name):
    import statsmodels.api as sm

    data = sx.datasets.load(name)
    many = len(np.unique(data.y)) > 2
    X = sm.add_constant(data.X, has_constant="add")
    model = sm.MNLogit(data.y, X) if many else sm.Logit(data.y, X)
    found = model.fit(method="newton", disp=0, tol=1e-14, maxiter=50)
    return sx.fit(data.X, data.y, names=data.features), found


@pytest.mark.parametrize("at", ["overall", "mean"])
@pytest.mark.parametrize("kind", ["dydx", "eyex", "dyex", "eydx"])
@pytest.mark.parametrize("name", ["spector", "fair"])
def test_statsmodels_binary(name, kind, at):
    r, found = theirs(name)
    mine = r.margins(at=at, kind=kind, discrete=False)
    other = found.get_margeff(at=at, method=kind)
    np.testing.assert_allclose(mine.effects, other.margeff, rtol=1e-9)
    np.testing.assert_allclose(mine.se, other.margeff_se, rtol=1e-8)
    np.testing.assert_allclose(mine.cov, other.margeff_cov, rtol=1e-8, atol=1e-10 * np.abs(mine.cov).max())
    np.testing.assert_allclose(mine.conf_int(0.9), other.conf_int(0.1), rtol=1e-7)
    np.testing.assert_allclose(mine.pvalues, other.pvalues, rtol=1e-8)


@pytest.mark.parametrize("at", ["overall", "mean"])
@pytest.mark.parametrize("kind", ["dydx", "eydx"])
def test_statsmodels_discrete(kind, at):
    r, found = theirs("spector")
    mine = r.margins(at=at, kind=kind)
    assert mine.changes == (None, None, (0, 1))
    other = found.get_margeff(at=at, method=kind, dummy=True)
    np.testing.assert_allclose(mine.effects, other.margeff, rtol=1e-10)
    np.testing.assert_allclose(mine.se, other.margeff_se, rtol=1e-9)


@pytest.mark.parametrize("at", ["overall", "mean"])
@pytest.mark.parametrize("kind", ["dydx", "eydx"])
def test_statsmodels_multinomial(kind, at):
    # elasticities of a multinomial model end in a ValueError there
    r, found = theirs("anes96")
    mine = r.margins(at=at, kind=kind)
    other = found.get_margeff(at=at, method=kind)
    assert mine.effects.shape == (5, 7)
    np.testing.assert_allclose(mine.effects, other.margeff, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(mine.se, other.margeff_se, rtol=1e-8)


def test_bundled_estimates_to_fifty_digits():
    case = bundled("anes96")
    data = sx.datasets.load("anes96")
    r = sx.fit(data.X, data.y, names=data.features)
    with mp.workdps(DIGITS):
        B = [[mp.convert(b) for b in row] for row in case.optimum.params]
        truth = Definition(data.X, 7)
        effects = truth.effects(B, [(1, None), (3, (0, 1))], at="overall", kind="dydx")
    mine = r.margins(["selfLR", "educ"], discrete=["educ"])
    np.testing.assert_allclose(mine.effects, np.array(effects, float), rtol=1e-11, atol=1e-15)
