"""Dependent columns in a fit: left out as R does, to the bit; the minimum norm; refused."""

import pickle

import numpy as np
import pytest
from layouts import LAYOUTS

import sigmax as sx
from sigmax.data.chunks import Chunks

RNG = np.random.default_rng(5)


def labels(X, K, rng=RNG):
    """Classes that depend on the columns, but not so that they separate."""
    eta = np.column_stack([np.zeros(len(X)), X @ rng.normal(size=(X.shape[1], K - 1)) * 0.7])
    return (eta + rng.gumbel(size=eta.shape)).argmax(axis=1)


def with_dependent(X):
    """Columns of X with combinations among them; where they stand, the intercept counted."""
    X = np.column_stack(
        [
            X[:, 0],
            np.full(len(X), 2.0),
            X[:, 1],
            X[:, 0] - 3.0 * X[:, 1] + 1.0,
            X[:, 2],
            -X[:, 1],
            0.0 * X[:, 0],
        ]
    )
    return X, np.array([False, False, True, False, True, False, True, True])


def fit(X, y, backend, **options):
    return sx.fit(X, y, backend=backend.BACKEND, **options)


def assert_same_bits(r, alone, gone):
    """`r` is `alone` with nan where columns were left out."""
    rows = np.atleast_2d(r.params)
    np.testing.assert_array_equal(r.aliased, np.broadcast_to(gone, r.params.shape))
    assert np.isnan(rows[:, gone]).all()
    assert rows[:, ~gone].tobytes() == np.atleast_2d(alone.params).tobytes()
    assert r.llf == alone.llf
    kept = np.flatnonzero(~r.aliased.ravel())
    assert r.covariance[np.ix_(kept, kept)].tobytes() == alone.covariance.tobytes()
    assert np.isnan(np.delete(r.covariance, kept, axis=0)).all()
    assert np.isnan(np.delete(r.covariance, kept, axis=1)).all()
    bound = np.atleast_2d(r.certificate.error_bound)
    assert bound[:, ~gone].tobytes() == np.atleast_2d(alone.certificate.error_bound).tobytes()
    for one in ("standard_errors_off", "digits", "converged", "condition_number", "newton_decrement"):
        assert getattr(r.certificate, one) == getattr(alone.certificate, one)
    assert (r.nobs, r.aic, r.bic, r.df_model) == (alone.nobs, alone.aic, alone.bic, alone.df_model)


# -- published ---------------------------------------------------------------------------------------


def test_nested_factors_as_r_prints_them(backend):
    """glm(y ~ age + city + country, family = "binomial", weights = N), printed by R 4 in
    https://akshat.blog/posts/one-reason-why-a-glm-coefficient-is-NA (2023): countryGermany is NA."""
    successes = np.array([30.0, 20.0, 23.0, 12.0, 11.0, 27.0])
    city = np.array(["Paris", "Nice", "Berlin"] * 2)
    X = np.column_stack([np.arange(6) >= 3, city == "Nice", city == "Paris", city == "Berlin"])
    names = ["age30+", "cityNice", "cityParis", "countryGermany"]
    r = fit(X.astype(float), np.column_stack([100.0 - successes, successes]), backend, names=names)
    assert [f"{x:.4f}" for x in r.params] == ["-0.8733", "-0.4794", "-0.6027", "-0.2286", "nan"]
    assert [f"{x:.4f}" for x in r.bse] == ["0.1876", "0.2062", "0.2558", "0.2395", "nan"]
    assert [f"{x:.3f}" for x in r.zvalues] == ["-4.656", "-2.325", "-2.356", "-0.954", "nan"]
    assert [f"{x:.4f}" for x in r.pvalues[1:]] == ["0.0201", "0.0185", "0.3399", "nan"]
    text = r.summary()
    assert "\naliased         countryGermany = intercept - cityNice - cityParis; left out\n" in text
    # in order: with the country first it is the second city that goes
    other = fit(X[:, [0, 3, 1, 2]].astype(float), np.column_stack([100.0 - successes, successes]), backend)
    np.testing.assert_array_equal(other.aliased, [0, 0, 0, 0, 1])
    assert other.llf == pytest.approx(r.llf, rel=1e-14)


def test_the_dependent_column_is_the_later_one(backend):
    """R's alias(): "cannot be estimated independently of the terms which occur earlier in the model"."""
    X = RNG.normal(size=(80, 3))
    y = labels(X, 2)
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        Z = X[:, order]
        r = fit(np.column_stack([Z[:, 0], Z[:, 0] * 2.0, Z[:, 1], Z[:, 2], Z[:, 1] + Z[:, 2]]), y, backend)
        np.testing.assert_array_equal(r.aliased, [0, 0, 1, 0, 0, 1])


# -- the same bits -----------------------------------------------------------------------------------

OPTIONS = {
    "plain": {},
    "no intercept": {"fit_intercept": False},
    "weights": {"sample_weight": RNG.choice([0.0, 0.5, 1.0, 3.0], 150)},
    "weights of a scale": {"sample_weight": 1e40 * RNG.uniform(0.5, 2.0, 150)},
    "offset": {"offset": "yes"},
    "one thread": {"n_threads": 1},
    "tolerance": {"tol": 1e-4},
}


@pytest.mark.parametrize("K", [2, 4])
@pytest.mark.parametrize("name", OPTIONS)
def test_same_bits_with_and_without(backend, name, K):
    rng = np.random.default_rng(K)
    base = rng.normal(size=(150, 3))
    y = labels(base, K, rng)
    X, gone = with_dependent(base)
    options = dict(OPTIONS[name])
    if "offset" in options:
        options["offset"] = rng.normal(size=150 if K == 2 else (150, K)) * 0.3
    if name == "no intercept":
        # the constant column is then the intercept, and the sum still a combination with it
        gone = np.array([False, False, False, True, False, True, True])
    kept = ~gone[len(gone) - X.shape[1] :]
    r, alone = fit(X, y, backend, **options), fit(np.ascontiguousarray(X[:, kept]), y, backend, **options)
    assert alone.certificate.converged
    assert_same_bits(r, alone, gone)
    new = rng.normal(size=(40, X.shape[1]))
    few = np.ascontiguousarray(new[:, kept])
    shift = {"offset": np.zeros(40 if K == 2 else (40, K - 1))} if "offset" in options else {}
    assert r.decision_function(new, **shift).tobytes() == alone.decision_function(few, **shift).tobytes()
    assert r.predict_proba(new, **shift).tobytes() == alone.predict_proba(few, **shift).tobytes()
    # what the columns left out hold in new rows is not even read
    new[:, ~kept] = np.nan
    assert r.predict_proba(new, **shift).tobytes() == alone.predict_proba(few, **shift).tobytes()
    assert r.certificate.passes > alone.certificate.passes


@pytest.mark.needs_compiled
@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "nested lists"])
def test_same_bits_in_any_layout(name):
    rng = np.random.default_rng(8)
    X, gone = with_dependent(rng.normal(size=(3000, 3)))
    y = labels(X[:, [0, 2, 4]], 3, rng)
    alone = sx.fit(np.asfortranarray(X[:, ~gone[1:]]), y, backend="compiled")
    r = sx.fit(LAYOUTS[name](X), y, backend="compiled")
    assert_same_bits(r, alone, gone)


@pytest.mark.needs_compiled
def test_same_bits_in_chunks():
    rng = np.random.default_rng(9)
    X, gone = with_dependent(rng.normal(size=(3000, 3)))
    y = labels(X[:, [0, 2, 4]], 2, rng)
    cut = Chunks([X[:100], X[100:100], np.asfortranarray(X[100:2500]), X[2500:].astype(np.longdouble)])
    assert_same_bits(sx.fit(cut, y, backend="compiled"), sx.fit(X[:, ~gone[1:]], y, backend="compiled"), gone)


@pytest.mark.needs_compiled
@pytest.mark.parametrize("n", [25_000, 90_000])
def test_same_bits_for_many_rows(n):
    """The ways that sample the rows, and a covariance that is computed when it is read."""
    rng = np.random.default_rng(n)
    X, gone = with_dependent(rng.normal(size=(n, 3)))
    y = labels(X[:, [0, 2, 4]], 2, rng)
    r, alone = sx.fit(X, y, backend="compiled"), sx.fit(X[:, ~gone[1:]], y, backend="compiled")
    assert callable(r._covariance) == callable(alone._covariance)
    assert_same_bits(r, alone, gone)


def test_same_bits_of_grouped_counts_and_repeated_rows(backend):
    rng = np.random.default_rng(10)
    X, gone = with_dependent(rng.integers(0, 4, (40, 3)).astype(float))
    counts = rng.poisson(5.0, (40, 3)).astype(float)
    few = np.ascontiguousarray(X[:, ~gone[1:]])
    assert_same_bits(fit(X, counts, backend), fit(few, counts, backend), gone)
    # rows that repeat are one row with a weight
    index = rng.integers(0, 40, 6000)
    y = labels(X[:, [0, 2, 4]] - 2.0, 3, rng)[index]
    assert_same_bits(fit(X[index], y, backend), fit(few[index], y, backend), gone)


def test_many_classes_without_a_hessian(backend):
    rng = np.random.default_rng(11)
    base = rng.normal(size=(700, 40))
    y = labels(base[:, :3], 9, rng)
    X = np.column_stack([base[:, :20], base[:, 3] + base[:, 4], base[:, 20:], base[:, 7]])
    gone = np.isin(np.arange(43), [21, 42])
    kept = np.ascontiguousarray(X[:, ~gone[1:]])
    assert_same_bits(fit(X, y, backend), fit(kept, y, backend), gone)


def test_start_has_the_full_shape(backend):
    base = RNG.normal(size=(100, 3))
    X, gone = with_dependent(base)
    y = labels(base, 3)
    start = RNG.normal(size=(2, 8))
    few = np.ascontiguousarray(X[:, ~gone[1:]])
    assert_same_bits(fit(X, y, backend, start=start), fit(few, y, backend, start=start[:, ~gone]), gone)
    with pytest.raises(ValueError, match=r"start must have the shape of the parameters, \(2, 8\)"):
        fit(X, y, backend, start=start[:, ~gone])


# -- what is dependent -------------------------------------------------------------------------------


def test_rows_of_weight_zero_do_not_count(backend):
    rng = np.random.default_rng(12)
    X = rng.normal(size=(100, 3))
    y = labels(X, 2, rng)
    X[:80, 1] = 4.0
    weight = np.where(np.arange(100) < 80, 1.0, 0.0)
    r = fit(X, y, backend, sample_weight=weight)
    np.testing.assert_array_equal(r.aliased, [0, 0, 1, 0])
    assert not fit(X, y, backend).aliased.any()
    assert_same_bits(
        r,
        fit(np.ascontiguousarray(X[:, [0, 2]]), y, backend, sample_weight=weight),
        np.array([False, False, True, False]),
    )


def test_more_columns_than_rows_of_counts(backend):
    """Saturated: each row has its own log odds."""
    X = np.random.default_rng(13).normal(size=(4, 7))
    counts = np.array([[3.0, 5.0], [2.0, 2.0], [7.0, 1.0], [4.0, 9.0]])
    r = fit(X, counts, backend)
    np.testing.assert_array_equal(r.aliased, np.arange(8) >= 4)
    np.testing.assert_allclose(
        r.decision_function(X), np.log(counts[:, 1] / counts[:, 0]), rtol=1e-11, atol=1e-11
    )
    assert r.certificate.converged
    assert r.n_estimated == 4
    assert r.df_model == 3


@pytest.mark.filterwarnings("ignore::sigmax.ConvergenceWarning")
def test_one_row_of_each_class(backend):
    X = np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 1.0], [4.0, 8.0, 5.0]])
    r = fit(X, ["a", "b", "c"], backend)
    np.testing.assert_array_equal(r.aliased, [[0, 0, 1, 0]] * 2)


def test_all_columns_constant(backend):
    y = np.arange(30) % 3 == 0
    r = fit(np.tile([5.0, 0.0, -1e-3], (30, 1)), y, backend)
    np.testing.assert_array_equal(r.aliased, [0, 1, 1, 1])
    assert r.params[0] == pytest.approx(-np.log(2.0), rel=1e-14)
    assert r.df_model == 0
    r = fit(np.tile([5.0, 0.0, -1e-3], (30, 1)), y, backend, fit_intercept=False)
    np.testing.assert_array_equal(r.aliased, [0, 1, 1])
    assert r.params[0] == pytest.approx(-np.log(2.0) / 5.0, rel=1e-14)
    with pytest.raises(
        ValueError, match="'x1' is zero in every row that counts, and so is 1 more; nothing is"
    ):
        fit(np.zeros((30, 2)), y, backend, fit_intercept=False)


def test_nearly_dependent_columns_are_fitted(backend):
    rng = np.random.default_rng(14)
    x, z = rng.normal(size=(2, 300))
    y = labels(np.column_stack([x, z]), 2, rng)
    for X in (np.column_stack([x, x + 1e-10 * z]), np.column_stack([1e8 + 1e-3 * x, z])):
        r = fit(X, y, backend)
        assert r.certificate.converged
        assert not r.aliased.any()
        # and a dependent one besides changes nothing of that
        both = fit(np.column_stack([X, X[:, 0]]), y, backend)
        assert_same_bits(both, r, np.array([False, False, False, True]))


def test_a_combination_that_qr_does_not_see(backend):
    """In double precision 1e-7 of the last column is left; it is nothing."""
    rng = np.random.default_rng(15)
    a, z = rng.integers(-100, 100, (2, 400)).astype(float)
    y = labels(np.column_stack([a, z]) / 100.0, 2, rng)
    r = fit(np.column_stack([a, a + 2.0**-30 * z, z]), y, backend)
    np.testing.assert_array_equal(r.aliased, [0, 0, 0, 1])
    assert r.certificate.converged


def test_columns_too_near_to_be_fitted_are_an_error(backend):
    rng = np.random.default_rng(16)
    x, z = rng.normal(size=(2, 60))
    y = labels(np.column_stack([x, z]), 2, rng)
    x[:2] = z[:2] = 1e20
    for collinear in ("alias", "min_norm", "raise"):
        with pytest.raises(
            ValueError,
            match=r"X has nearly dependent columns: 'x2' is too near to a combination of those before",
        ):
            fit(np.column_stack([x, z]), y, backend, collinear=collinear)


def test_a_penalty_leaves_nothing_out(backend):
    rng = np.random.default_rng(17)
    x = rng.normal(size=(100, 1))
    y = labels(x, 2, rng)
    r = fit(np.column_stack([x, x]), y, backend, l2=0.5)
    assert not r.aliased.any()
    assert r.certificate.converged
    assert r.params[1] == pytest.approx(r.params[2], rel=1e-12)
    single = fit(np.sqrt(2.0) * x, y, backend, l2=0.5)
    assert r.params[1] == pytest.approx(single.params[1] / np.sqrt(2.0), rel=1e-12)


# -- what the result says ----------------------------------------------------------------------------


def test_the_result_of_aliased_columns(backend):
    base = RNG.normal(size=(120, 3))
    X, gone = with_dependent(base)
    y = labels(base, 3)
    r = fit(X, y, backend, names=list("abcdefg"))
    assert r.params.shape == r.bse.shape == r.zvalues.shape == r.pvalues.shape == (2, 8)
    for values in (r.bse, r.zvalues, r.pvalues, r.conf_int()[..., 0], r.certificate.error_bound):
        np.testing.assert_array_equal(np.isnan(values), r.aliased)
    assert r.covariance.shape == (16, 16)
    assert (r.n_estimated, r.df_model) == (8, 6)
    assert r.aic == pytest.approx(16.0 - 2.0 * r.llf)
    assert "8 parameters" in repr(r)
    text = r.summary()
    assert "aliased         b = 2 intercept; d = intercept + a - 3 c; f = -c; g = 0; left out\n" in text
    assert text.count("   aliased\n") == 8
    assert "nan" not in text
    np.testing.assert_array_equal(r.dependence.aliased, gone)
    again = pickle.loads(pickle.dumps(r))
    assert again.predict_proba(X).tobytes() == r.predict_proba(X).tobytes()
    np.testing.assert_array_equal(again.aliased, r.aliased)
    assert again.covariance.tobytes() == r.covariance.tobytes()
    r.aliased[:] = True  # a copy
    np.testing.assert_array_equal(r.aliased[0], gone)


def test_a_long_list_is_cut(backend):
    x = RNG.normal(size=(100, 1))
    r = fit(x * np.ldexp(1.0, np.arange(20)), labels(x, 2), backend)
    text = " ".join(r.summary().split())
    assert "aliased x2 = 2 x1; x3 = 4 x1;" in text
    assert "x13 = 4096 x1; and 7 more; left out" in text


def test_nothing_is_said_where_nothing_is_dependent(backend):
    X = RNG.normal(size=(60, 2))
    r = fit(X, labels(X, 2), backend)
    assert r.dependence is None
    assert r.aliased.tolist() == [False] * 3
    assert "aliased" not in r.summary()


# -- the minimum norm --------------------------------------------------------------------------------


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("K", [2, 4])
def test_minimum_norm(backend, K, intercept):
    rng = np.random.default_rng(18)
    base = rng.normal(size=(200, 3))
    X, _ = with_dependent(base)
    y = labels(base, K, rng)
    options = {"fit_intercept": intercept}
    r, alias = fit(X, y, backend, collinear="min_norm", **options), fit(X, y, backend, **options)
    assert r.llf == alias.llf
    assert not r.aliased.any()
    assert (r.aic, r.df_model, r.n_estimated) == (alias.aic, alias.df_model, alias.n_estimated)
    np.testing.assert_allclose(r.predict_proba(X), alias.predict_proba(X), rtol=1e-13)
    D = np.column_stack([np.ones(200), X]) if intercept else X
    eta = alias.decision_function(X).reshape(200, -1)
    smallest = np.linalg.lstsq(D, eta, rcond=1e-12)[0].T
    np.testing.assert_allclose(np.atleast_2d(r.params), smallest, rtol=1e-11, atol=1e-12)
    p = r.predict_proba(X)[:, 1:]
    S = np.einsum("ia,ab->iab", p, np.eye(K - 1)) - p[:, :, None] * p[:, None, :]
    H = np.einsum("iab,ij,il->ajbl", S, D, D).reshape(r.params.size, -1)
    pinv = np.linalg.pinv(H, rcond=1e-11, hermitian=True)
    np.testing.assert_allclose(r.covariance, pinv, rtol=1e-9, atol=1e-10 * np.abs(pinv).max())
    np.testing.assert_array_equal(r.covariance, r.covariance.T)
    # bounds of the kept ones, mapped
    assert np.isfinite(r.certificate.error_bound).all()
    assert r.certificate.error_bound.max() <= 1e-10 * r.bse.max()
    assert r.certificate.digits >= 10.0
    text = " ".join(r.summary().split())
    assert "x7 = 0; the coefficients are those of the smallest norm" in text
    assert fit(X, y, backend, collinear="min_norm", **options, start=r.params).certificate.converged


def test_minimum_norm_of_a_duplicate_is_half_of_each(backend):
    x = RNG.normal(size=(90, 1))
    y = labels(x, 2)
    alone = fit(x, y, backend)
    r = fit(np.hstack([x, x, 0.0 * x]), y, backend, collinear="min_norm")
    assert r.params[1] == pytest.approx(alone.params[1] / 2.0, rel=1e-14)
    assert r.params[1] == pytest.approx(r.params[2], rel=1e-14)
    assert r.params[3] == 0.0
    assert r.bse[1] == pytest.approx(alone.bse[1] / 2.0, rel=1e-13)
    assert r.bse[3] == 0.0


def test_full_rank_is_the_same_in_all(backend):
    X = RNG.normal(size=(60, 2))
    y = labels(X, 3)
    one, two, three = (fit(X, y, backend, collinear=how) for how in ("alias", "min_norm", "raise"))
    assert one.params.tobytes() == two.params.tobytes() == three.params.tobytes()
    assert one.certificate.passes == two.certificate.passes == three.certificate.passes


# -- refused -----------------------------------------------------------------------------------------


def test_messages(backend):
    x = RNG.normal(size=(60, 2))
    y = labels(x, 2)
    wide = np.column_stack([x, x[:, 1] * 3.0 + 1.0, RNG.normal(size=60), x[:, 0]])
    with pytest.raises(
        ValueError,
        match=r"^X has dependent columns: 'x3' is, to rounding, a combination of 'intercept', 'x2', "
        r'and so is 1 more; leave it out, or pass collinear="alias"$',
    ):
        fit(wide, y, backend, collinear="raise")
    for bad in ("drop", None, True):
        with pytest.raises(ValueError, match="collinear must be one of 'alias', 'min_norm', 'raise'; got"):
            fit(x, y, backend, collinear=bad)


def test_what_is_not_finite_is_found_all_the_same(backend):
    X, _ = with_dependent(RNG.normal(size=(60, 3)))
    X[7, 5] = np.nan
    with pytest.raises(
        ValueError, match=r"X must be finite; 1 value nan or inf, the first at X\[7, 5\] = nan"
    ):
        fit(X, np.arange(60) % 2, backend)


def test_fit_many_says_so_in_the_reason(backend):
    x = RNG.normal(size=(60, 1))
    with pytest.warns(sx.ConvergenceWarning, match="2 of 2 fits"):
        many = sx.fit_many(np.hstack([x, x]), labels(x, 2), groups=np.arange(60) % 2, backend=backend.BACKEND)
    assert not many.converged.any()
    assert all("combination of the columns before it" in reason for reason in many.reason)
