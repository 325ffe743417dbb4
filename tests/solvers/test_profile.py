"""Ends of profile intervals against 50 digits, their proof, and the reads that they cost."""

import warnings

import numpy as np
import pytest
from certified import load
from mpmath import mp
from oracles import profile as oracle
from oracles.newton import optimum

import sigmax as sx
from sigmax.data.design import Design
from sigmax.data.observe import observe
from sigmax.exceptions import ConvergenceWarning
from sigmax.identification.parametrisation import functions
from sigmax.objective import Objective
from sigmax.solvers.constrained import minimise
from sigmax.solvers.profile import PROVED, Profile

WANTED = 3.8414588206941254


def logistic(n, p, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, (rng.random(n) < 1.0 / (1.0 + np.exp(0.5 - X @ rng.normal(size=p)))).astype(int)


def multinomial(n, p, K, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    y = np.argmax(0.7 * X @ rng.normal(size=(p, K)) + rng.gumbel(size=(n, K)), axis=1)
    y[:K] = np.arange(K)
    return X, y


def scaled(X, y):
    return X * 10.0 ** np.linspace(-8, 8, X.shape[1]), y


def collinear(n, seed):
    X, y = logistic(n, 2, seed)
    return np.column_stack([X, X[:, 0] + 1e-6 * np.cos(np.arange(n) * 1.7)]), y


CASES = {
    "binary": (*logistic(30, 2), {}),
    "one column": (*logistic(15, 1, 4), {}),
    "no intercept": (*logistic(25, 2, 1), {"fit_intercept": False}),
    "intercept alone": (np.empty((9, 0)), np.array([0, 1, 1, 0, 1, 1, 1, 1, 1]), {}),
    "weights": (*logistic(30, 2, 2), {"sample_weight": np.arange(30) % 4 * 0.75}),
    "offset": (*logistic(30, 2, 3), {"offset": np.linspace(-2.0, 2.0, 30)}),
    "penalty": (*logistic(30, 2, 5), {"l2": 0.7}),
    "three classes": (*multinomial(40, 1, 3), {}),
    "four classes": (*multinomial(60, 2, 4, 1), {}),
    "three classes, penalty": (*multinomial(40, 3, 3, 2), {"l2": 1.3}),
    "three classes, offset": (
        *multinomial(40, 1, 3, 3),
        {"offset": np.linspace([0.0, -1.0, 1.0], [0.0, 2.0, 0.5], 40)},
    ),
    "scales from 1e-8 to 1e8": (*scaled(*logistic(40, 4, 6)), {}),
    "classes and scales": (*scaled(*multinomial(60, 3, 3, 7)), {}),
    "condition 1e6": (*collinear(60, 8), {}),
    "far from zero": (logistic(30, 2, 9)[0] + 1e6, logistic(30, 2, 9)[1], {}),
}


def objective_of(X, y, options, backend):
    options = dict(options)
    l2, intercept = options.pop("l2", 0.0), options.pop("fit_intercept", True)
    design = Design(X, intercept=intercept)
    used, response = observe(
        design, y, options.pop("sample_weight", None), options.pop("offset", None), None, 1
    )
    assert not options
    return Objective(used, response, backend, 1, l2=l2)


def exact_options(options):
    found = {("weight" if k == "sample_weight" else k): v for k, v in options.items()}
    if "offset" in found and found["offset"].ndim == 2:
        found["offset"] = (found["offset"] - found["offset"][:, :1])[:, 1:]
    return found


def check_end(X, y, K, a, end, side, least, centre, error, start, options):
    exact, _ = oracle.end(X, y, K, a, WANTED, least, start, **options)
    assert side * (float(exact) - centre) > 0.0
    assert abs(float(mp.mpf(float(end)) - exact)) <= 1e-10 * error + 2.0**-52 * abs(float(end))


@pytest.mark.parametrize("name", CASES)
def test_ends_have_ten_digits_of_a_standard_error(name, backend):
    X, y, options = CASES[name]
    K, exactly = int(y.max()) + 1, exact_options(options)
    r = sx.fit(X, y, backend=backend.BACKEND, **options)
    o = objective_of(X, y, options, backend)
    top = optimum(X, y, K, **exactly)
    least = -top.llf + top.penalty
    profile = Profile(o, r.params.ravel())
    for j in range(min(o.n_params, 5)):
        a = np.eye(o.n_params)[j]
        for side, end in zip((-1, 1), profile.interval(j, WANTED), strict=True):
            near = minimise(o, a[None], np.array([end]), r.params.ravel())
            check_end(X, y, K, a, end, side, least, r.params.ravel()[j], r.bse.ravel()[j], near.coef, exactly)


@pytest.mark.parametrize("base", [1, 3, None])
def test_contrasts_have_ends_too(base, backend):
    X, y, _ = CASES["four classes"]
    r = sx.fit(X, y, backend=backend.BACKEND)
    o = objective_of(X, y, {}, backend)
    profile = Profile(o, r.params.ravel()).against(base)
    other = r.symmetric() if base is None else r.rebase(base)
    least = -optimum(X, y, 4).llf
    for j in (0, 4, 8):
        a = functions(4, 3, base)[j]
        for side, end in zip((-1, 1), profile.interval(j, WANTED), strict=True):
            near = minimise(o, a[None], np.array([end]), r.params.ravel())
            centre, error = other.params.ravel()[j], other.bse.ravel()[j]
            check_end(X, y, 4, a, end, side, least, centre, error, near.coef, {})


@pytest.mark.parametrize("name", ["near-separable", "polynomial-5", "multinomial-rare", "collinear-1e-6"])
def test_ends_of_certified_sets(name, backend):
    data = load(name)
    r = sx.fit(data.X, data.y, backend=backend.BACKEND)
    o = objective_of(data.X, data.y, {}, backend)
    K = data.n_classes
    j = o.n_params - 1
    least = -optimum(data.X, data.y, K).llf
    a = np.eye(o.n_params)[j]
    for side, end in zip((-1, 1), Profile(o, r.params.ravel()).interval(j, WANTED), strict=True):
        near = minimise(o, a[None], np.array([end]), r.params.ravel())
        check_end(
            data.X, data.y, K, a, end, side, least, r.params.ravel()[j], r.bse.ravel()[j], near.coef, {}
        )


@pytest.mark.parametrize("name", ["binary", "four classes", "penalty", "condition 1e6"])
def test_deviances(name, backend):
    X, y, options = CASES[name]
    K, exactly = int(y.max()) + 1, exact_options(options)
    r = sx.fit(X, y, backend=backend.BACKEND, **options)
    o = objective_of(X, y, options, backend)
    top = optimum(X, y, K, **exactly)
    profile = Profile(o, r.params.ravel())
    for value in (0.0, 2.5):
        a = np.eye(o.n_params)[1]
        start = minimise(o, a[None], np.array([value]), r.params.ravel()).coef
        _, _, f = oracle.constrained(X, y, K, a[None], [value], start, **exactly)
        exact = float(2 * (f + top.llf - top.penalty))
        assert abs(profile.deviance(1, value) - exact) <= PROVED * max(1.0, exact)
    at_top = profile.deviance(1, float(r.params.ravel()[1]))
    assert 0.0 <= at_top < 1e-12


#: reads for an end of a bundled set, at most; and for the first one, which finds the optimum's Hessian
@pytest.mark.parametrize(("name", "most"), [("spector", 6.0), ("fair", 4.0), ("anes96", 5.0)])
def test_an_end_costs_a_few_reads(name, most, backend):
    data = sx.datasets.load(name)
    o = objective_of(data.X, data.y, {}, backend)
    profile = Profile(o, sx.fit(data.X, data.y).params.ravel())
    assert o.rows_read == 0  # nothing is read before it is asked for
    profile.deviance(0, 0.0)
    for j in range(1, min(o.n_params, 12)):
        before = o.rows_read
        profile.interval(j, WANTED)
        assert (o.rows_read - before) / o.n_rows <= 2.0 * most


def test_levels_from_narrow_to_wide(backend):
    X, y, _ = CASES["binary"]
    o = objective_of(X, y, {}, backend)
    profile = Profile(o, sx.fit(X, y).params.ravel())
    last = (0.0, 0.0)
    for wanted in (1e-6, 1e-3, 0.1, 1.0, 10.0, 50.0):
        low, high = profile.interval(1, wanted)
        for end in (low, high):
            assert abs(profile.deviance(1, end) - wanted) <= 2.0 * PROVED
        width = (high - low, wanted)
        assert width > last
        last = width


def test_an_end_that_cannot_be_proved_is_nan_and_says_so(backend, monkeypatch):
    from sigmax.solvers import profile as module

    X, y, _ = CASES["binary"]
    o = objective_of(X, y, {}, backend)
    monkeypatch.setattr(module, "PROVED", 0.0)
    profile = Profile(o, sx.fit(X, y).params.ravel())
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        assert np.isnan(profile.interval(1, WANTED)).all()
        assert np.isnan(profile.deviance(1, 0.3))
    assert [one.category for one in given] == [ConvergenceWarning] * 3
    assert "could not be proved" in str(given[0].message)


def test_many_rows_of_one_kind(backend):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200_000, 3))
    y = (rng.random(200_000) < 1.0 / (1.0 + np.exp(2.0 - X[:, 0]))).astype(int)
    o = objective_of(X, y, {}, backend)
    profile = Profile(o, sx.fit(X, y, backend=backend.BACKEND).params.ravel())
    low, high = profile.interval(1, WANTED)
    for end in (low, high):
        assert abs(profile.deviance(1, end) - WANTED) <= 2.0 * PROVED
