"""Firth's estimates against 50 digits, and where others have none."""

import functools
import math
import pickle
import warnings

import numpy as np
import pytest
from oracles import firth as oracle

import sigmax as sx
from sigmax import kernels
from sigmax.cli import main
from sigmax.data.design import Design
from sigmax.data.observe import observe
from sigmax.objective import Objective
from sigmax.objective.jeffreys import prior_curvature
from sigmax.solvers.firth import Penalised
from sigmax.solvers.firth_certificate import radius, radius_of


def logistic(n, p, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-(X @ rng.normal(size=p) - 0.5)))).astype(int)
    return X, y


def multinomial(n, p, K, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    y = np.argmax(X @ rng.normal(size=(p, K)) + rng.gumbel(size=(n, K)), axis=1)
    y[:K] = np.arange(K)
    return X, y


def separated():
    X = np.array([[-2.0, 1.0], [-1.5, -0.3], [-1.0, 0.2], [0.5, 0.4], [1.0, -1.0], [2.5, 0.1], [3.0, 0.7]])
    return X, np.array([0, 0, 0, 1, 1, 1, 1])


CASES = {
    "binary": (*logistic(25, 2), {}),
    "one column": (*logistic(15, 1, seed=4), {}),
    "no intercept": (*logistic(20, 2, seed=1), {"fit_intercept": False}),
    "no column": (np.empty((9, 0)), np.array([0, 1, 1, 0, 1, 1, 1, 1, 1]), {}),
    "separated": (*separated(), {}),
    "weights with zeros": (*logistic(20, 2, seed=2), {"sample_weight": np.arange(20) % 4 * 0.75}),
    "offset": (*logistic(20, 2, seed=3), {"offset": np.linspace(-2.0, 2.0, 20)}),
    "three classes": (*multinomial(22, 1, 3), {}),
    "four classes, no intercept": (*multinomial(24, 2, 4, seed=1), {"fit_intercept": False}),
    "three classes, separated": (np.arange(9.0)[:, None], np.repeat([0, 1, 2], 3), {}),
}


@functools.cache
def exactly(name):
    X, y, options = CASES[name]
    K = int(np.max(y)) + 1
    return oracle.maximum(
        X,
        y,
        K,
        weight=options.get("sample_weight"),
        offset=options.get("offset"),
        intercept=options.get("fit_intercept", True),
    )


@pytest.mark.parametrize("name", CASES)
def test_against_fifty_digits(backend_name, name):
    X, y, options = CASES[name]
    exact = exactly(name)
    assert exact.score < 1e-40
    r = sx.fit(X, y, bias_reduction="firth", backend=backend_name, **options)
    assert r.certificate.converged
    assert r.certificate.exists is True
    assert r.certificate.score <= 1e-10
    coef, bse = (np.array([float(v) for v in words]) for words in (exact.coef, exact.bse))
    error = np.abs(r.params.ravel() - coef)
    assert (error <= 1e-10 * bse).all()
    # the bound is proved where it is given
    assert (error <= np.ravel(r.certificate.error_bound)).all()
    np.testing.assert_allclose(r.bse.ravel(), bse, rtol=1e-9)
    assert r.llf == pytest.approx(float(exact.llf), rel=1e-10)
    assert r.penalised_llf == pytest.approx(float(exact.penalised), rel=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_the_penalised_score_is_zero(backend_name, name):
    X, y, options = CASES[name]
    r = sx.fit(X, y, bias_reduction="firth", backend=backend_name, **options)
    left = oracle.score_at(
        X,
        y,
        int(np.max(y)) + 1,
        r.params,
        weight=options.get("sample_weight"),
        offset=options.get("offset"),
        intercept=options.get("fit_intercept", True),
    )
    assert left <= 1e-10


def test_five_classes_on_both_backends(backend_name):
    X, y = multinomial(150, 3, 5, seed=7)
    r = sx.fit(X, y, bias_reduction="firth", backend=backend_name)
    assert r.certificate.converged
    assert oracle.score_at(X, y, 5, r.params) <= 1e-10


def test_two_classes_by_the_multinomial_kernels(backend):
    X, _y = logistic(300, 4, seed=5)
    root = np.triu(np.random.default_rng(0).normal(size=(5, 5)))
    coef = np.random.default_rng(1).normal(size=(1, 5))
    both = np.empty((2, 1, 5))
    a = backend.binary_jeffreys(X, coef, root, both[0], intercept=True)
    b = backend.softmax_jeffreys(X, coef, root, both[1], intercept=True)
    assert a == pytest.approx(b, rel=1e-14)
    np.testing.assert_allclose(both[0], both[1], rtol=0.0, atol=1e-13 * np.abs(both).max())


def test_an_order_of_classes_changes_nothing_but_the_contrasts(backend_name):
    X, y = multinomial(60, 2, 3, seed=3)
    a = sx.fit(X, y, bias_reduction="firth", backend=backend_name)
    b = sx.fit(X, 2 - y, bias_reduction="firth", backend=backend_name)  # class 2 is the reference
    np.testing.assert_allclose(b.params[1], -a.params[1], atol=1e-11)
    np.testing.assert_allclose(b.params[0], a.params[0] - a.params[1], atol=1e-11)
    assert a.llf == pytest.approx(b.llf, rel=1e-12)


def test_counts_are_the_rows_they_stand_for(backend_name):
    X = np.array([[0.0], [1.0], [2.0], [3.0]])
    counts = np.array([[5, 1], [3, 2], [1, 4], [0, 6]])
    rows = np.repeat(np.repeat(X, 2, axis=0), counts.ravel(), axis=0)
    labels = np.repeat(np.tile([0, 1], 4), counts.ravel())
    a = sx.fit(X, counts, bias_reduction="firth", backend=backend_name)
    b = sx.fit(rows, labels, bias_reduction="firth", backend=backend_name)
    np.testing.assert_allclose(a.params, b.params, rtol=1e-11)
    np.testing.assert_allclose(a.bse, b.bse, rtol=1e-11)
    assert a.penalised_llf == pytest.approx(b.penalised_llf, rel=1e-12)


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**-25, 2.0**33])
def test_weights_of_any_scale_keep_the_prior_as_it_is(backend_name, scale):
    # the prior does not know the scale: l* is scale l + 1/2 log det I
    X, y = logistic(30, 1, seed=6)
    weight = np.full(30, scale)
    r = sx.fit(X, y, sample_weight=weight, bias_reduction="firth", backend=backend_name)
    exact = oracle.maximum(X, y, 2, weight=weight)
    coef, bse = (np.array([float(v) for v in words]) for words in (exact.coef, exact.bse))
    assert r.certificate.converged
    assert (np.abs(r.params - coef) <= 1e-9 * np.minimum(bse, 1.0)).all()
    assert r.penalised_llf == pytest.approx(float(exact.penalised), rel=1e-9)


def test_any_number_of_threads_and_chunks_give_the_same_bits(backend):
    X, y = multinomial(40_000, 3, 3, seed=2)
    one, four = (
        sx.fit(X, y, bias_reduction="firth", backend=backend.BACKEND, n_threads=count) for count in (1, 4)
    )
    assert (one.params == four.params).all()
    assert (one.cov_params() == four.cov_params()).all()
    assert one.penalised_llf == four.penalised_llf


def test_large_problems_go_by_blocks(backend_name):
    X, y = logistic(70_000, 2, seed=8)
    r = sx.fit(X, y, bias_reduction="firth", backend=backend_name)
    assert r.certificate.converged
    assert r.certificate.digits > 7
    ml = sx.fit(X, y, backend=backend_name)
    assert np.abs(r.params - ml.params).max() < 1e-2 * ml.bse.max()


def test_a_start_and_a_callback_change_time_only(backend_name):
    X, y = logistic(40, 2, seed=9)
    plain = sx.fit(X, y, bias_reduction="firth", backend=backend_name)
    started = sx.fit(X, y, bias_reduction="firth", backend=backend_name, start=[3.0, -2.0, 5.0])
    seen = []
    watched = sx.fit(X, y, bias_reduction="firth", backend=backend_name, callback=seen.append)
    assert len(seen) > 2
    for other in (started, watched):
        np.testing.assert_allclose(other.params, plain.params, atol=1e-11)


def test_ending_early_is_said(backend_name):
    X, y = logistic(40, 2, seed=9)
    with pytest.warns(sx.ConvergenceWarning, match="raise max_iter"):
        r = sx.fit(X, y, bias_reduction="firth", backend=backend_name, max_iter=1)
    assert not r.certificate.converged
    assert "NOT converged" in str(r.certificate)
    with pytest.warns(sx.ConvergenceWarning, match="let it run"):
        r = sx.fit(X, y, bias_reduction="firth", backend=backend_name, callback=lambda state: True)
    assert not r.certificate.converged


def test_dependent_columns_are_named(backend_name):
    X, y = logistic(40, 2, seed=9)
    how = {"bias_reduction": "firth", "backend": backend_name}
    twice = np.column_stack([X, X[:, 0]])
    with pytest.raises(ValueError, match="dependent columns: 'x3'"):
        sx.fit(twice, y, collinear="raise", **how)
    with pytest.raises(ValueError, match="dependent columns: 'x1'"):
        sx.fit(np.ones((40, 1)), y, collinear="raise", **how)
    r, alone = sx.fit(twice, y, **how), sx.fit(X, y, **how)
    np.testing.assert_array_equal(r.params, [*alone.params, np.nan])
    assert r.penalised_llf == alone.penalised_llf
    ends = r.conf_int(method="profile")
    np.testing.assert_array_equal(ends[:-1], alone.conf_int(method="profile"))
    assert np.isnan(ends[-1]).all()
    assert np.isnan(r.penalised_lr_test().pvalue).tolist() == [False, False, False, True]


def test_nan_is_named(backend_name):
    X, y = logistic(40, 2, seed=9)
    X[7, 1] = np.nan
    with pytest.raises(ValueError, match="X"):
        sx.fit(X, y, bias_reduction="firth", backend=backend_name)


def test_the_shell_fits_by_firth(capsys):
    assert main(["fit", "spector", "--bias-reduction", "firth"]) == 0
    assert "Firth's bias-reduced estimates" in capsys.readouterr().out


def test_refuses_what_it_does_not_know():
    X, y = separated()
    with pytest.raises(ValueError, match=r"bias_reduction must be None or 'firth'; got 'jeffreys'"):
        sx.fit(X, y, bias_reduction="jeffreys")
    with pytest.raises(ValueError, match=r"l2 must be 0"):
        sx.fit(X, y, bias_reduction="firth", l2=1.0)


def test_the_summary_says_what_it_is():
    X, y = separated()
    r = sx.fit(X, y, bias_reduction="firth")
    text = r.summary()
    assert "Firth's bias-reduced estimates" in text
    assert f"{r.penalised_llf:.6f}" in text
    assert r.bias_reduction == "firth"
    plain = sx.fit(*logistic(50, 1))
    assert plain.bias_reduction is None
    assert plain.penalised_llf is None
    assert "Firth" not in plain.summary()


# -- the profile -----------------------------------------------------------------------------------


def profile_by_search(X, y, K, j, v, start, **options):
    """max l* with parameter j at v, by a general optimiser on the definition in float64."""
    from scipy.optimize import minimize

    n = len(X)
    Z = np.column_stack([np.ones(n), X])
    m, k = K - 1, Z.shape[1]

    def negative(free):
        b = np.insert(free, j, v).reshape(m, k)
        eta = np.column_stack([np.zeros(n), Z @ b.T])
        p = np.exp(eta - np.logaddexp.reduce(eta, axis=1)[:, None])
        V = np.einsum("ia,ab->iab", p[:, 1:], np.eye(m)) - np.einsum("ia,ib->iab", p[:, 1:], p[:, 1:])
        info = np.einsum("iab,ij,il->ajbl", V, Z, Z).reshape(m * k, m * k)
        return -np.log(p[np.arange(n), y]).sum() - 0.5 * np.linalg.slogdet(info)[1]

    found = minimize(negative, np.delete(start, j), method="BFGS", options={"gtol": 1e-9})
    return -float(found.fun)


@pytest.mark.parametrize("K", [2, 3])
def test_profile_ends_meet_the_deviance(backend_name, K):
    X, y = logistic(40, 2, seed=11) if K == 2 else multinomial(45, 1, 3, seed=11)
    r = sx.fit(X, y, bias_reduction="firth", backend=backend_name)
    ends = r.conf_int(0.9, method="profile").reshape(-1, 2)
    wanted = 2.705543454095404  # chi^2, 90 %
    flat = r.params.ravel()
    for j, (low, high) in enumerate(ends):
        assert low < flat[j] < high
        for v in (low, high):
            top = profile_by_search(X, y, K, j, v, flat)
            assert 2.0 * (r.penalised_llf - top) == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("K", [2, 3])
def test_likelihood_ratio_tests(backend_name, K):
    X, y = logistic(40, 2, seed=12) if K == 2 else multinomial(45, 1, 3, seed=12)
    r = sx.fit(X, y, bias_reduction="firth", backend=backend_name)
    test = r.penalised_lr_test()
    assert test.statistic.shape == test.pvalue.shape == r.params.shape
    for j in range(r.params.size):
        top = profile_by_search(X, y, K, j, 0.0, r.params.ravel())
        statistic = 2.0 * (r.penalised_llf - top)
        assert test.statistic.ravel()[j] == pytest.approx(statistic, rel=1e-11, abs=1e-12)
        assert test.pvalue.ravel()[j] == pytest.approx(math.erfc(math.sqrt(statistic / 2.0)), rel=1e-10)


def test_profiles_of_separated_data_are_finite(backend_name):
    r = sx.fit(*separated(), bias_reduction="firth", backend=backend_name)
    ends = r.conf_int(method="profile")
    assert np.isfinite(ends).all()
    assert (ends[:, 0] < r.params).all()
    assert (r.params < ends[:, 1]).all()
    assert ends[1, 0] > 0.0 or r.penalised_lr_test().pvalue[1] > 0.05


def test_a_penalised_test_needs_firth_and_the_data():
    X, y = logistic(50, 1)
    plain = sx.fit(X, y)
    with pytest.raises(ValueError, match="bias_reduction='firth'"):
        plain.penalised_lr_test()
    r = sx.fit(X, y, bias_reduction="firth")
    again = pickle.loads(pickle.dumps(r))
    assert (again.params == r.params).all()
    assert str(again.certificate) == str(r.certificate)
    with pytest.raises(ValueError, match="pickled"):
        again.penalised_lr_test()
    with pytest.raises(ValueError, match="method must be"):
        r.conf_int(method="score")
    with pytest.raises(ValueError, match="level"):
        r.conf_int(2.0, method="profile")
    assert (r.conf_int() == r.conf_int(method="wald")).all()


# -- the certificate -------------------------------------------------------------------------------


def test_radius():
    assert radius(0.0, 0.5) == 0.0
    assert math.isinf(radius(1e-9, 2.0))
    assert math.isinf(radius(math.nan, 0.1))
    assert math.isinf(radius(10.0, 0.1))
    r = radius(1e-9, 1.0)
    assert 2e-9 <= r <= 2.1e-9


def penalised_of(X, y):
    backend = kernels.get("reference")
    design, observed = observe(Design(X, intercept=True, names=None), y, None, None, None, 1)
    return Penalised(Objective(design, observed, backend, 1))


@pytest.mark.parametrize(("K", "seed"), [(2, 0), (3, 1), (4, 2)])
def test_curvature_is_what_the_certificate_says(K, seed):
    # the Hessian of -l*, by differences of the score, is at least I - M, and M at most kappa / 2 I
    X, y = logistic(60, 2, seed) if K == 2 else multinomial(60, 2, K, seed)
    penalised = penalised_of(X, y)
    r = sx.fit(X, y, bias_reduction="firth", backend="reference")
    b = r.params.ravel()
    point = penalised.at(b)
    root, h = point.factor.root(), 1e-5
    columns, traces = [], []
    for e in np.eye(b.size):
        up, down = penalised.at(b + h * e), penalised.at(b - h * e)
        columns.append(-(up.score - down.score) / (2.0 * h))
        # sixth-order differences: of 0.02 their error is 1e-10 or so, that of rounding 1e-12
        weights = np.array([1.0 / 90.0, -3.0 / 20.0, 1.5, -49.0 / 18.0, 1.5, -3.0 / 20.0, 1.0 / 90.0])
        ends = [penalised.objective.evaluate(b + 0.02 * t * e).hessian for t in range(-3, 4)]
        second = np.tensordot(weights, ends, axes=1) / 0.02**2
        traces.append(0.5 * np.trace(root.T @ second @ root))
    M = prior_curvature(penalised.objective, b, root)
    np.testing.assert_allclose(M.diagonal(), traces, rtol=1e-8, atol=1e-8)
    most = np.linalg.eigvalsh(root.T @ M @ root)[-1]
    assert most <= 0.5 * point.largest
    curved = np.linalg.eigvalsh(root.T @ np.array(columns) @ root)[0]
    assert curved >= 1.0 - most - 1e-6
    assert most < 0.99
    assert np.isfinite(r.certificate.error_bound).all()


def test_no_proof_without_curvature():
    assert math.isinf(radius_of(1e-9, 1.0, 3.0))
    assert math.isinf(radius_of(1.0, 0.1, 3.0))
    assert 1e-9 <= radius_of(1e-9, 0.1, 3.0) <= 1.2e-9


def test_nothing_is_warned_of(backend_name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for X, y, options in CASES.values():
            sx.fit(X, y, bias_reduction="firth", backend=backend_name, **options)


def test_profile_of_the_only_parameter(backend_name):
    # nothing is left to maximise over: the deviance is a difference of two values
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(70, 1)), (rng.random(70) < 0.4).astype(int)
    r = sx.fit(X, y, fit_intercept=False, bias_reduction="firth", backend=backend_name)

    def penalised(b):
        p = 1.0 / (1.0 + np.exp(-b * X[:, 0]))
        information = (p * (1.0 - p) * X[:, 0] ** 2).sum()
        return np.log(np.where(y == 1, p, 1.0 - p)).sum() + 0.5 * np.log(information)

    top = penalised(r.params[0])
    np.testing.assert_allclose(r.penalised_lr_test().statistic, 2.0 * (top - penalised(0.0)), rtol=1e-9)
    ends = [2.0 * (top - penalised(b)) for b in r.conf_int(method="profile")[0]]
    np.testing.assert_allclose(ends, 3.841458820694124, rtol=1e-9)
