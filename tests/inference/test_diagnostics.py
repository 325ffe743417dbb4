"""Residuals and leverage: against 50 digits, R, statsmodels, and the laws they obey."""

import pickle

import numpy as np
import pytest
import statsmodels.api as sm
from inference.diagnosed_rows import fields, grouped, one_hot, regression
from oracles.deletion import deletion
from oracles.rounding import relative_error
from published import influence as published

import sigmax as sx
from sigmax.functions import expit
from sigmax.inference.observations import Rows
from sigmax.inference.residuals import deviance

RESIDUALS = ("response", "pearson", "deviance", "working", "standardized", "standardized_deviance")
OTHERS = ("leverage", "cooks_distance")


def off(values, exact):
    """Largest relative error, exact values being nested mpf."""
    return relative_error(values, exact).max()


def against_oracle(r, exact, K):
    """Largest relative error of each quantity."""

    def of_class(rows):
        return [row[1] for row in rows] if K == 2 else rows

    errors = {
        name: off(r.residuals(name), of_class(getattr(exact, name)))
        for name in ("response", "pearson", "standardized")
    }
    errors["working"] = off(r.residuals("working"), exact.working)
    errors["deviance"] = off(r.residuals(), exact.deviance)
    for name in OTHERS:
        errors[name] = off(getattr(r, name), getattr(exact, name))
    # changes by one row in the standard error that it moves most: some are 0 by chance
    expected = np.array([[float(v) for v in row] for row in exact.dfbetas])
    largest = np.abs(expected).max(axis=1, keepdims=True)
    shape, errors_of = expected.shape, np.array([float(v) for v in exact.bse])
    for name, scale in (("dfbetas", 1.0), ("dfbeta", errors_of)):
        gap = getattr(r, name).reshape(shape) / scale - expected
        errors[name] = (np.abs(gap) / largest).max()
    return errors


# -- 50 digits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("K", "p"), [(2, 3), (3, 4), (4, 2), (5, 1)])
def test_labels_against_the_oracle(backend_name, K, p):
    X, y = regression(K, p, 60, seed=K)
    r = sx.fit(X, y, backend=backend_name)
    errors = against_oracle(r, deletion(X, one_hot(y, K)), K)
    assert max(errors.values()) < 1e-10, errors


@pytest.mark.parametrize(("K", "p"), [(2, 2), (3, 3), (4, 1)])
def test_counts_against_the_oracle(backend_name, K, p):
    X, counts = grouped(K, p, 25, seed=K)
    r = sx.fit(X, counts, backend=backend_name)
    errors = against_oracle(r, deletion(X, counts), K)
    assert max(errors.values()) < 1e-10, errors


@pytest.mark.parametrize("weight_type", ["frequency", "importance", "probability"])
@pytest.mark.parametrize("K", [2, 3])
def test_weights_offsets_and_a_penalty_against_the_oracle(backend_name, weight_type, K):
    rng = np.random.default_rng(K)
    X, counts = grouped(K, 2, 20, seed=7)
    w = rng.choice([0.25, 0.8, 1.0, 2.5, 4.0], 20)
    offset = rng.standard_normal((20, K))
    frequency = weight_type == "frequency"
    unit, copies = (np.minimum(w, 1.0), np.maximum(w, 1.0)) if frequency else (w, np.ones(20))
    exact = deletion(X, counts, unit=unit, copies=copies, offset=offset[:, 1:] - offset[:, :1], l2=0.3)
    given = offset[:, 1] - offset[:, 0] if K == 2 else offset
    r = sx.fit(
        X, counts, sample_weight=w, weight_type=weight_type, offset=given, l2=0.3, backend=backend_name
    )
    errors = against_oracle(r, exact, K)
    assert max(errors.values()) < 1e-10, errors


def test_no_intercept_against_the_oracle(backend_name):
    X, y = regression(3, 2, 40, seed=5)
    r = sx.fit(X, y, fit_intercept=False, backend=backend_name)
    errors = against_oracle(r, deletion(X, one_hot(y, 3), fit_intercept=False), 3)
    assert max(errors.values()) < 1e-10, errors


@pytest.mark.parametrize("K", [2, 3])
def test_nearly_dependent_columns_against_the_oracle(backend_name, K):
    # condition number 1e7: rows go to coordinates in which they are orthonormal
    rng = np.random.default_rng(3)
    X, y = regression(K, 2, 60, seed=3)
    X = np.column_stack([X, X[:, 0] + X[:, 1] + 1e-7 * rng.standard_normal(60)])
    r = sx.fit(X, y, backend=backend_name)
    exact = deletion(X, one_hot(y, K))
    errors = against_oracle(r, exact, K)
    # the estimates, of 1e7, are rounded to numbers of float64: their second word belongs to the logits
    assert max(errors.values()) < 1e-12, errors


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("far", [1e3, 1e5, 1e7])
def test_leverage_near_1_keeps_its_digits(backend_name, far, K):
    # a row far out, in a column that little else moves: 1 - h is about far^-2
    rng = np.random.default_rng(2)
    X, counts = grouped(K, 1, 12, seed=1)
    column = rng.standard_normal(12)
    column[0], counts[0] = far, 0.0
    counts[0, :2] = 3.0, 4.0
    if K == 3:
        counts[0, 2] = 5.0
    X = np.column_stack([X, column])
    r = sx.fit(X, counts, backend=backend_name)
    exact = deletion(X, counts)
    lacking = float(K - 1 - exact.leverage[0])
    assert 0.0 < lacking < 100.0 * far**-2
    # its residual is tiny, and has what the rounding of p leaves of it
    left = np.abs(float(exact.response[0][1])) * np.sqrt(far)
    assert left > 0.0
    errors = relative_error(r.cooks_distance, exact.cooks_distance)
    assert errors[1:].max() < 1e-10
    response = relative_error(r.residuals("response").reshape(12, -1)[0, -1:], [exact.response[0][-1]])[0]
    assert errors[0] < 1e-10 + 8.0 * response
    standardized = r.residuals("standardized").reshape(12, -1)[0, -1]
    assert relative_error(standardized, [exact.standardized[0][-1]]).max() < 1e-10 + 4.0 * response


@pytest.mark.parametrize("l2", [1e-9, 1e-5])
def test_a_penalty_alone_holds_what_one_row_determines(backend_name, l2):
    # without row 0 only the penalty says something of the second column
    X, counts = grouped(2, 1, 12, seed=1)
    X = np.column_stack([X, np.arange(12) == 0])
    counts[0] = 3.0, 4.0
    r = sx.fit(X, counts, l2=l2, backend=backend_name)
    exact = deletion(X, counts, l2=l2)
    response = relative_error(r.residuals("response")[:1], [exact.response[0][1]])[0]
    errors = relative_error(r.cooks_distance, exact.cooks_distance)
    assert errors[1:].max() < 1e-10
    assert errors[0] < 1e-10 + 8.0 * response


def test_probabilities_near_0_and_1(backend_name):
    # residuals keep their relative accuracy where p is 1e-60
    X = np.array([[0.0], [0.0], [1.0], [1.0], [1.0], [0.0]])
    y = np.array([0, 1, 0, 1, 1, 1])
    offset = np.array([0.0, 0.0, 0.0, 0.0, 140.0, 90.0])
    r = sx.fit(X, y, offset=offset, backend=backend_name)
    exact = deletion(X, one_hot(y, 2), offset=offset[:, None])
    errors = against_oracle(r, exact, 2)
    assert max(errors.values()) < 1e-10, errors


def test_a_residual_beyond_the_range_of_probabilities():
    # p = 0 in float64, and the logit still knows how far
    eta = np.array([[800.0], [-900.0], [3.0]])
    p = np.column_stack([expit(-eta[:, 0]), expit(eta[:, 0])])
    same = {"X": np.zeros((3, 1)), "intercept": True, "eta": eta, "p": p}
    for observed in ({"codes": np.array([0, 1, 1], np.int32)}, {"counts": np.eye(2)[[0, 1, 1]]}):
        given = {
            "codes": None,
            "counts": None,
            "total": None,
            "frequency": None,
            "importance": None,
            **observed,
        }
        if given["counts"] is not None:
            given["total"] = np.ones(3)
        found = deviance(Rows(**same, **given))
        expected = [-np.sqrt(1600.0), np.sqrt(1800.0), np.sqrt(2.0 * np.log1p(np.exp(-3.0)))]
        np.testing.assert_allclose(found, expected, rtol=1e-15)


# -- other packages ----------------------------------------------------------------------------------


def spector():
    data = sx.datasets.load("spector")
    return data.X, data.y, {}


def weighted():
    X, y, _ = spector()
    return X, y, {"sample_weight": 0.5 + np.arange(32) % 4 / 2, "weight_type": "importance"}


def budworm():
    return published.BUDWORM_X, np.column_stack([20 - published.BUDWORM_DEAD, published.BUDWORM_DEAD]), {}


SETS = {"SPECTOR": spector, "WEIGHTED": weighted, "BUDWORM": budworm}


@pytest.mark.parametrize("name", SETS)
def test_r(backend_name, name):
    X, y, options = SETS[name]()
    r, figures = sx.fit(X, y, backend=backend_name, **options), getattr(published, name)
    for kind in RESIDUALS:
        found = r.residuals(kind)
        if name == "BUDWORM" and kind == "response":
            found = found / 20.0
        np.testing.assert_allclose(found, figures[kind], rtol=2e-11, atol=1e-13, err_msg=kind)
    for kind in OTHERS:
        np.testing.assert_allclose(getattr(r, kind), figures[kind], rtol=2e-11, err_msg=kind)
    np.testing.assert_allclose(r.dfbeta, figures["one_step"], rtol=1e-10, atol=1e-13)
    # what R calls dfbetas of a glm: of deviance residuals, and by a dispersion
    ratio = r.residuals("deviance") / r.residuals("pearson") / figures["sigma"]
    np.testing.assert_allclose(r.dfbetas * ratio[:, None], figures["dfbetas"], rtol=1e-10, atol=1e-13)


def test_statsmodels():
    data = sx.datasets.load("fair")
    y = (data.y > 0).astype(int)
    r = sx.fit(data.X, y)
    glm = sm.GLM(y, sm.add_constant(data.X), family=sm.families.Binomial()).fit(tol=1e-15)
    theirs, ours = glm.get_influence(), r.diagnostics()
    np.testing.assert_allclose(ours.leverage, theirs.hat_matrix_diag, rtol=1e-9)
    np.testing.assert_allclose(ours.cooks_distance, theirs.cooks_distance[0], rtol=1e-9)
    np.testing.assert_allclose(ours.standardized, theirs.resid_studentized, rtol=1e-9)
    np.testing.assert_allclose(ours.response, glm.resid_response, rtol=1e-9)
    np.testing.assert_allclose(ours.pearson, glm.resid_pearson, rtol=1e-9)
    np.testing.assert_allclose(ours.deviance, glm.resid_deviance, rtol=1e-9)
    np.testing.assert_allclose(ours.dfbeta, theirs.d_params, rtol=1e-7, atol=1e-10)


# -- laws --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("K", "p"), [(2, 4), (3, 2), (4, 3)])
def test_leverages_sum_to_the_number_of_parameters(backend_name, K, p):
    X, counts = grouped(K, p, 70, seed=2)
    w = np.random.default_rng(0).choice([0.0, 0.5, 1.0, 3.0], 70)
    r = sx.fit(X, counts, backend=backend_name)
    assert r.leverage.sum() == pytest.approx((K - 1) * (p + 1), rel=1e-12)
    r = sx.fit(X, counts, sample_weight=w, backend=backend_name)
    assert (np.maximum(w, 1.0) * r.leverage).sum() == pytest.approx((K - 1) * (p + 1), rel=1e-12)
    r = sx.fit(X, counts, sample_weight=w, weight_type="importance", backend=backend_name)
    assert r.leverage.sum() == pytest.approx((K - 1) * (p + 1), rel=1e-12)
    r = sx.fit(X, counts, l2=1.0, backend=backend_name)
    assert K - 1 < r.leverage.sum() < (K - 1) * (p + 1) - 1e-3


@pytest.mark.parametrize("K", [2, 3])
def test_frequency_weights_equal_repeated_rows(backend_name, K):
    X, counts = grouped(K, 2, 30, seed=4)
    w = np.arange(30) % 4 + 1
    weighted = sx.fit(X, counts, sample_weight=w, backend=backend_name)
    repeated = sx.fit(np.repeat(X, w, axis=0), np.repeat(counts, w, axis=0), backend=backend_name)
    one, many = fields(weighted.diagnostics()), fields(repeated.diagnostics())
    assert one.keys() == many.keys()
    for name, values in one.items():
        np.testing.assert_allclose(np.repeat(values, w), many[name], rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(
        np.repeat(weighted.residuals("working"), w, axis=0), repeated.residuals("working"), atol=1e-13
    )


def test_two_classes_as_counts_are_labels(backend_name):
    for K in (2, 3):
        X, y = regression(K, 3, 50, seed=6)
        labels, counts = sx.fit(X, y, backend=backend_name), sx.fit(X, one_hot(y, K), backend=backend_name)
        one, other = fields(labels.diagnostics()), fields(counts.diagnostics())
        for name, values in one.items():
            np.testing.assert_allclose(values, other[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_the_deviance_is_the_sum_of_its_residuals(backend_name):
    for K in (2, 4):
        X, counts = grouped(K, 2, 30, seed=4)
        w = np.arange(30) % 3 + 0.5
        r = sx.fit(X, counts, sample_weight=w, weight_type="importance", backend=backend_name)
        assert (r.residuals("deviance") ** 2).sum() == pytest.approx(r.deviance, rel=1e-12)
        r = sx.fit(X, counts, sample_weight=w + 1.0, backend=backend_name)
        assert ((w + 1.0) * r.residuals("deviance") ** 2).sum() == pytest.approx(r.deviance, rel=1e-12)


def test_rows_of_weight_0(backend_name):
    for K, kind in ((2, "frequency"), (3, "importance")):
        X, y = regression(K, 2, 40, seed=8)
        w = np.ones(40)
        w[[5, 9]] = 0.0
        r = sx.fit(X, y, sample_weight=w, weight_type=kind, backend=backend_name)
        without = sx.fit(X[w > 0], y[w > 0], backend=backend_name)
        d, e = fields(r.diagnostics()), fields(without.diagnostics())
        for name, values in d.items():
            np.testing.assert_allclose(values[w > 0], e[name], rtol=1e-9, atol=1e-12, err_msg=name)
            if name.startswith("response"):
                column = int(name[9:-1]) if K == 3 else 1
                expected = (y[[5, 9]] == column) - r.predict_proba(X[[5, 9]])[:, column]
                np.testing.assert_allclose(values[[5, 9]], expected, rtol=1e-12)
            else:
                np.testing.assert_array_equal(values[[5, 9]], 0.0, err_msg=name)


def test_a_parametrisation_changes_no_residual(backend_name):
    X, y = regression(3, 2, 60, seed=3)
    r = sx.fit(X, y, backend=backend_name)
    for other in (r.rebase(2), r.symmetric(), sx.fit(X, y, reference=1, backend=backend_name)):
        for kind in RESIDUALS[:5]:
            np.testing.assert_array_equal(other.residuals(kind), r.residuals(kind))
        for name in OTHERS:
            np.testing.assert_array_equal(getattr(other, name), getattr(r, name))


def test_separated_rows_say_nothing(backend_name):
    # x = 0 and 1 overlap, x = 5 is separated: its rows are predicted, the others as without them
    X = np.column_stack([np.tile([0.0, 1.0, 2.0], 8), np.repeat([0.0, 1.0], [18, 6])])
    y = np.tile([0, 0, 1, 1, 1, 0], 4)
    y[18:] = 1
    with pytest.warns(sx.SeparationWarning):
        r = sx.fit(X, y, backend=backend_name)
    without = sx.fit(X[:18, :1], y[:18], backend=backend_name)
    d = r.diagnostics()
    for values in (d.response, d.pearson, d.deviance, d.standardized, d.leverage, d.cooks_distance):
        np.testing.assert_array_equal(values[18:], 0.0)
    assert np.isnan(r.residuals("working")[18:]).all()
    assert d.leverage.sum() == pytest.approx(2.0, rel=1e-12)
    np.testing.assert_allclose(d.leverage[:18], without.leverage, rtol=1e-10)
    np.testing.assert_allclose(d.standardized[:18], without.residuals("standardized"), rtol=1e-10)
    np.testing.assert_allclose(d.dfbetas[:18, :2], without.dfbetas, rtol=1e-9, atol=1e-13)
    assert np.isnan(d.dfbetas[:, 2]).all()


def test_a_row_that_is_fitted_alone(backend_name):
    for K in (2, 3):
        X, counts = grouped(K, 1, 12, seed=1)
        X = np.column_stack([X, np.arange(12) == 4])
        counts[4] = np.arange(K) + 3.0
        r = sx.fit(X, counts, backend=backend_name)
        d = r.diagnostics()
        assert d.leverage[4] == pytest.approx(K - 1, rel=1e-14)
        for values in (d.standardized, d.cooks_distance, d.dfbetas):
            assert np.isnan(values[4]).all()
            assert np.isfinite(np.delete(values, 4, axis=0)).all()
        np.testing.assert_allclose(d.response[4], 0.0, atol=1e-10)
        # the others are as without the row and its column
        keep = np.arange(12) != 4
        without = sx.fit(X[keep, :1], counts[keep], backend=backend_name)
        np.testing.assert_allclose(d.cooks_distance[keep], without.cooks_distance * 2 / 3, rtol=1e-9)
        assert str(d).splitlines()[2].split()[0] == "4"


def test_firth(backend_name):
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y, bias_reduction="firth", backend=backend_name)
    d = r.diagnostics()
    p = r.predict_proba(data.X)[:, 1]
    Z = np.column_stack([np.ones(32), data.X])
    h = p * (1 - p) * np.einsum("ij,jk,ik->i", Z, r.cov_params(), Z)
    np.testing.assert_allclose(d.leverage, h, rtol=1e-9)
    assert d.leverage.sum() == pytest.approx(4.0, rel=1e-10)
    np.testing.assert_allclose(d.cooks_distance, d.pearson**2 * h / (1 - h) ** 2 / 4.0, rtol=1e-8)


@pytest.mark.needs_compiled
def test_threads_change_no_bit():
    for K in (2, 3):
        X, y = regression(K, 5, 40_000, seed=1)
        one, three = (fields(sx.fit(X, y, n_threads=n).diagnostics()) for n in (1, 3))
        for name, values in one.items():
            np.testing.assert_array_equal(values, three[name], err_msg=name)


def test_long_data_in_pieces():
    X, y = regression(2, 1, 200_000, seed=1)
    r = sx.fit(X, y)
    d = r.diagnostics()
    assert d.leverage.sum() == pytest.approx(2.0, rel=1e-11)
    p = r.predict_proba(X)
    np.testing.assert_allclose(d.response, y - p[:, 1], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(d.pearson, d.response / np.sqrt(p[:, 0] * p[:, 1]), rtol=1e-12)


# -- the value class, and bad input ------------------------------------------------------------------


def test_table():
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y, names=data.features)
    d = r.diagnostics()
    assert list(d.columns()) == [
        "response",
        "pearson",
        "deviance",
        "standardized",
        "standardized_deviance",
        "leverage",
        "cooks_distance",
        "dfbetas[intercept]",
        "dfbetas[GPA]",
        "dfbetas[TUCE]",
        "dfbetas[PSI]",
    ]
    frame = d.to_frame()
    assert frame.shape == (32, 11) == (len(d), 11)
    np.testing.assert_array_equal(frame["dfbetas[PSI]"], r.dfbetas[:, 3])
    np.testing.assert_allclose(d.scale, r.bse, rtol=1e-14)
    np.testing.assert_allclose(d.dfbeta, r.dfbeta, rtol=1e-12)
    assert repr(d) == "<sigmax diagnostics: 32 rows, 4 parameters>"
    assert str(d).splitlines()[2].split() == ["31", "2.0966", "0.1299", "0.3434", "0.9218"]
    for kind in RESIDUALS:
        if kind != "working":
            np.testing.assert_array_equal(getattr(d, kind), r.residuals(kind))


def test_table_of_many_classes():
    X, y = regression(3, 2, 60, seed=3)
    d = sx.fit(X, y).symmetric().diagnostics()
    names = list(d.columns())
    assert names[:3] == ["response[0]", "response[1]", "response[2]"]
    assert names[9:12] == ["standardized[2]", "leverage", "cooks_distance"]
    assert names[12:] == [f"dfbetas[{c}: {x}]" for c in (0, 1, 2) for x in ("intercept", "x1", "x2")]
    assert d.standardized_deviance is None
    np.testing.assert_allclose(d.dfbeta.sum(axis=1), 0.0, atol=1e-14)


def test_bad_input():
    X, y = regression(3, 2, 60, seed=3)
    r = sx.fit(X, y)
    with pytest.raises(ValueError, match=r"kind must be one of 'response', 'pearson', .*; got 'raw'"):
        r.residuals("raw")
    with pytest.raises(ValueError, match=r"'standardized_deviance' is for two classes.*there are 3"):
        r.residuals("standardized_deviance")
    gone = pickle.loads(pickle.dumps(r))
    with pytest.raises(ValueError, match="leverage needs the data, which a pickled result leaves behind"):
        _ = gone.leverage
    with pytest.raises(ValueError, match=r"diagnostics\(\) needs the data"):
        gone.diagnostics()
    X += 1.0
    for ask in (lambda: r.residuals("response"), lambda: r.cooks_distance):
        with pytest.raises(ValueError, match="were changed in place since the fit"):
            ask()
