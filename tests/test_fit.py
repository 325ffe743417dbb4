"""sigmax.fit against answers that nobody here wrote, and the laws any fit has to keep."""

import numpy as np
import pytest
from mpmath import mp
from oracles import newton as oracle
from published import stata

import sigmax as sx


def overlapping(n, p, K, seed, spread=1.0):
    """A problem whose labels are drawn from the model: X, y."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * spread
    eta = np.column_stack(
        [np.zeros(n), X @ rng.normal(size=(p, K - 1)) / np.sqrt(p) + rng.normal(size=K - 1)]
    )
    y = np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)
    assert len(np.unique(y)) == K
    return X, y


# -- the oracle with 50 digits ---------------------------------------------------------------------


@pytest.mark.parametrize("name", sx.datasets.names())
def test_bundled_sets_agree_with_the_oracle(name, backend):
    data, exact = sx.datasets.load(name), oracle.bundled(name).optimum
    r = sx.fit(data.X, data.y, backend=backend.BACKEND)
    assert r.backend == backend.BACKEND
    # shapes (k,) and (K - 1, k); the bound is the issue's
    assert oracle.relative_error(np.atleast_2d(r.params), exact.params).max() <= 1e-11
    assert oracle.relative_error(np.atleast_2d(r.bse), exact.bse).max() <= 1e-11
    assert oracle.relative_error([r.llf], [exact.llf]).max() <= 1e-15
    assert oracle.relative_error(r.cov_params(), exact.covariance).max() <= 1e-9


@pytest.mark.parametrize("name", sx.datasets.names())
def test_certificate_holds_on_bundled_sets(name, backend):
    data, exact = sx.datasets.load(name), oracle.bundled(name).optimum
    r = sx.fit(data.X, data.y, backend=backend.BACKEND)
    c = r.certificate
    assert c.converged
    assert c.exists is True
    assert c.newton_decrement <= 2e-12  # the tolerance, or the rounding of sums that BLAS orders
    with mp.workdps(60):
        errors = [
            abs(mp.mpf(float(b)) - e)
            for b, e in zip(r.params.ravel(), [v for row in exact.params for v in row], strict=True)
        ]
        worst = max(e / abs(mp.mpf(float(b))) for e, b in zip(errors, r.params.ravel(), strict=True))
        assert c.error_bound.shape == r.params.shape
        assert all(e <= float(bound) for e, bound in zip(errors, c.error_bound.ravel(), strict=True))
        assert c.digits <= -mp.log10(worst)
    assert c.digits >= 11
    # one evaluation more than steps; rounding may cost a scan of the columns where BLAS orders the sums
    assert c.passes <= c.iterations + (1 if backend.BACKEND == "compiled" else 2)


# -- published figures -----------------------------------------------------------------------------


@pytest.mark.parametrize("figures", [stata.SPECTOR, stata.ANES96], ids=lambda f: f.dataset)
def test_stata_figures(figures, backend):
    data = sx.datasets.load(figures.dataset)
    r = sx.fit(stata.as_stored(data.X), data.y, backend=backend.BACKEND)
    stata.assert_agrees(np.atleast_2d(r.params), figures.corrected("coefficients"))
    stata.assert_agrees(np.atleast_2d(r.bse), figures.corrected("standard_errors"))
    stata.assert_agrees(np.atleast_2d(r.zvalues), figures.corrected("z_values"))
    stata.assert_agrees(np.atleast_2d(r.pvalues), figures.corrected("p_values"))
    shape = (*np.atleast_2d(r.params).shape, 2)
    stata.assert_agrees(r.conf_int().reshape(shape), figures.corrected("confidence_limits"))
    stata.assert_agrees(r.llf, figures.corrected("llf"))
    stata.assert_agrees(r.aic, figures.corrected("aic"))
    stata.assert_agrees(r.bic, figures.corrected("bic"))
    assert r.df_model == figures.df_model
    assert r.nobs == figures.n_rows


# -- laws ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("K", [2, 3, 5])
def test_integer_weights_equal_repeated_rows(K, backend):
    X, y = overlapping(400, 4, K, seed=K)
    w = np.random.default_rng(7).integers(0, 4, len(y))
    a = sx.fit(X, y, sample_weight=w, backend=backend.BACKEND)
    b = sx.fit(np.repeat(X, w, axis=0), np.repeat(y, w), backend=backend.BACKEND)
    assert a.nobs == b.nobs == w.sum()
    for left, right in ((a.params, b.params), (a.bse, b.bse), (a.llf, b.llf), (a.aic, b.aic), (a.bic, b.bic)):
        np.testing.assert_allclose(left, right, rtol=1e-11)


def test_rows_of_weight_zero_do_not_count(backend):
    X, y = overlapping(80, 2, 2, seed=3)
    extra = np.vstack([X, [[1e6, -1e6], [5.0, 5.0]]])
    labels = np.concatenate([y, [7, 8]])  # classes that no counted row has
    w = np.concatenate([np.ones(80), [0.0, 0.0]])
    a = sx.fit(extra, labels, sample_weight=w, backend=backend.BACKEND)
    b = sx.fit(X, y, backend=backend.BACKEND)
    assert a.classes.tolist() == [0, 1]
    assert a.nobs == 80
    np.testing.assert_allclose(a.params, b.params, rtol=1e-12)


@pytest.mark.parametrize("K", [2, 4])
def test_offset_of_a_known_effect(K, backend):
    X, y = overlapping(200, 3, K, seed=K)
    whole = sx.fit(X, y, backend=backend.BACKEND)
    B = np.atleast_2d(whole.params)
    known = X[:, 0:1] * B[:, 1]
    offset = known[:, 0] if K == 2 else np.column_stack([np.full(200, 5.0), known + 5.0])
    rest = sx.fit(X[:, 1:], y, offset=offset, backend=backend.BACKEND)
    # holding a coefficient at its estimate leaves the others where they are
    np.testing.assert_allclose(np.atleast_2d(rest.params), np.delete(B, 1, axis=1), rtol=1e-9)
    assert rest.llf == pytest.approx(whole.llf, rel=1e-14)


@pytest.mark.parametrize("K", [2, 3])
def test_oracle_with_weights_and_offset_without_intercept(K, backend):
    X, y = overlapping(60, 3, K, seed=20 + K)
    rng = np.random.default_rng(1)
    w, o = rng.lognormal(0, 2, 60), rng.normal(0, 2, (60, K - 1))
    given = o[:, 0] if K == 2 else np.column_stack([np.zeros(60), o])
    exact = oracle.optimum(X, y, K, weight=w, offset=o[:, 0] if K == 2 else o, fit_intercept=False)
    r = sx.fit(X, y, sample_weight=w, offset=given, fit_intercept=False, backend=backend.BACKEND)
    assert r.param_names == ("x1", "x2", "x3")
    assert oracle.relative_error(np.atleast_2d(r.params), exact.params).max() <= 1e-11
    assert oracle.relative_error(np.atleast_2d(r.bse), exact.bse).max() <= 1e-11


def test_intercept_only_has_a_closed_form(backend):
    y = np.repeat(["no", "yes"], [30, 12])
    r = sx.fit(np.empty((42, 0)), y, backend=backend.BACKEND)
    assert r.params[0] == pytest.approx(np.log(12 / 30), rel=1e-14)
    assert r.bse[0] == pytest.approx(np.sqrt(1 / 12 + 1 / 30), rel=1e-14)
    assert r.llf == pytest.approx(12 * np.log(12 / 42) + 30 * np.log(30 / 42), rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8, np.uint64, bool])
def test_other_dtypes_are_read_as_they_are(dtype, backend):
    rng = np.random.default_rng(5)
    X = rng.integers(0, 2 if dtype is bool else 9, (200, 3)).astype(dtype)
    y = rng.integers(0, 2, 200)
    a = sx.fit(X, y, backend=backend.BACKEND)
    b = sx.fit(X.astype(np.float64), y, backend=backend.BACKEND)
    assert a.params.tobytes() == b.params.tobytes()


def test_inputs_are_never_written(backend):
    X, y = overlapping(100, 3, 3, seed=9)
    w, o, start = np.ones(100), np.zeros((100, 3)), np.zeros((2, 4))
    before = [one.copy() for one in (X, y, w, o, start)]
    for one in (X, y, w, o, start):
        one.flags.writeable = False
    sx.fit(X, y, sample_weight=w, offset=o, start=start, backend=backend.BACKEND)
    for one, copy in zip((X, y, w, o, start), before, strict=True):
        np.testing.assert_array_equal(one, copy)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["no", "yes"], ["no", "yes"]),
        ([False, True], [False, True]),
        ([-1, 1], [-1, 1]),
        ([0.5, 1.5], [0.5, 1.5]),
        ([b"a", b"b"], [b"a", b"b"]),
        (np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[D]"), None),
        (np.array(["x", "y"], dtype=object), ["x", "y"]),
    ],
    ids=["text", "bool", "signs", "halves", "bytes", "dates", "objects"],
)
def test_labels_of_any_kind(labels, classes, backend):
    X, y = overlapping(90, 2, 2, seed=4)
    r = sx.fit(X, np.asarray(labels)[y], backend=backend.BACKEND)
    assert r.params.tobytes() == sx.fit(X, y, backend=backend.BACKEND).params.tobytes()
    if classes is not None:
        assert r.classes.tolist() == classes
    assert set(r.predict(X).tolist()) <= set(np.asarray(labels).tolist())


def test_column_scales_of_powers_of_two_scale_the_parameters_exactly(backend):
    X, y = overlapping(120, 3, 3, seed=6)
    scale = np.array([2.0**20, 2.0**-30, 2.0**3])
    a, b = sx.fit(X, y, backend=backend.BACKEND), sx.fit(X * scale, y, backend=backend.BACKEND)
    np.testing.assert_allclose(b.params[:, 1:] * scale, a.params[:, 1:], rtol=1e-12)
    np.testing.assert_allclose(b.bse[:, 1:] * scale, a.bse[:, 1:], rtol=1e-12)


def test_two_classes_in_the_softmax_are_the_logit(backend):
    """A third class held at probability 0 by its offset would be separated; rather: a 3-class fit's
    estimates for two classes equal the logit when the third is independent of X (saturated in X)."""
    rng = np.random.default_rng(8)
    x = np.tile([0.0, 1.0], 300)
    y = rng.integers(0, 3, 600)
    r = sx.fit(x[:, None], y, backend=backend.BACKEND)
    for c in (1, 2):
        two = (y == 0) | (y == c)
        s = sx.fit(x[two][:, None], y[two], backend=backend.BACKEND)
        # one binary column: both models are saturated, so their log odds are the same sample log odds
        np.testing.assert_allclose(r.params[c - 1], s.params, rtol=1e-11, atol=1e-13)


def test_more_iterations_than_allowed_is_said(backend):
    X, y = overlapping(100, 3, 2, seed=1)
    with pytest.warns(sx.ConvergenceWarning, match="iteration limit was reached after 2 .*raise max_iter"):
        r = sx.fit(X, y, max_iter=2, backend=backend.BACKEND)
    assert not r.certificate.converged
    assert r.certificate.iterations == 2
    full = sx.fit(X, y, backend=backend.BACKEND)
    if np.isfinite(r.certificate.standard_errors_off):
        assert np.all(np.abs(r.params - full.params) <= r.certificate.error_bound)


def test_loose_tolerance_is_proved_too(backend):
    X, y = overlapping(400, 4, 3, seed=13)
    exact = sx.fit(X, y, backend=backend.BACKEND)
    loose = sx.fit(X, y, tol=0.1, backend=backend.BACKEND)
    assert loose.certificate.iterations < exact.certificate.iterations
    assert loose.certificate.passes < exact.certificate.passes
    assert loose.certificate.converged
    gap = np.abs(loose.params - exact.params)
    assert np.all(gap <= loose.certificate.error_bound)
    assert loose.certificate.standard_errors_off <= 0.1


@pytest.mark.parametrize("start", [(30.0, -40.0, 500.0), (-1e3, 1e3, 1e3), (1e150, 0.0, 0.0)])
def test_a_bad_start_costs_time_never_the_answer(start, backend):
    X, y = overlapping(100, 2, 2, seed=21)
    r, s = sx.fit(X, y, start=start, backend=backend.BACKEND), sx.fit(X, y, backend=backend.BACKEND)
    np.testing.assert_allclose(r.params, s.params, rtol=1e-11)


def test_a_good_start_saves_passes(backend):
    X, y = overlapping(500, 4, 3, seed=22)
    cold = sx.fit(X, y, backend=backend.BACKEND)
    warm = sx.fit(X, y, start=cold.params, backend=backend.BACKEND)
    assert warm.certificate.passes == 2  # one to see how close it is, one to refine it
    np.testing.assert_allclose(warm.params, cold.params, rtol=1e-15)
