"""The result object: uncertainty, prediction, printing."""

import numpy as np
import pytest
from mpmath import mp

import sigmax as sx


@pytest.fixture
def spector(backend):
    data = sx.datasets.load("spector")
    return data, sx.fit(data.X, data.y, names=data.features, backend=backend.BACKEND)


@pytest.fixture
def anes96(backend):
    data = sx.datasets.load("anes96")
    return data, sx.fit(data.X, data.y, names=data.features, backend=backend.BACKEND)


def test_shapes_and_names(spector, anes96):
    _, r = spector
    assert r.params.shape == r.bse.shape == r.zvalues.shape == r.pvalues.shape == (4,)
    assert r.conf_int().shape == (4, 2)
    assert r.param_names == ("intercept", "GPA", "TUCE", "PSI")
    _, s = anes96
    assert s.params.shape == s.bse.shape == s.pvalues.shape == (6, 6)
    assert s.conf_int().shape == (6, 6, 2)
    assert s.cov_params().shape == (36, 36)
    assert s.df_model == 30


def test_covariance_is_a_copy(spector):
    _, r = spector
    r.cov_params()[:] = 0.0
    assert r.bse.min() > 0.0


def test_intervals(spector):
    _, r = spector
    ends = r.conf_int(0.9)
    with mp.workdps(30):
        z = float(mp.sqrt(2) * mp.erfinv(mp.mpf("0.9")))
    np.testing.assert_allclose(ends[:, 1] - r.params, z * r.bse, rtol=1e-12)
    np.testing.assert_allclose(ends.mean(axis=-1), r.params, rtol=1e-12)
    for level in (0.0, 1.0, -0.5, 95, np.nan):
        with pytest.raises(ValueError, match="level must be between 0 and 1"):
            r.conf_int(level)


def test_p_values_far_in_the_tail(backend):
    # p about 1e-290 keeps its digits
    n = 40_000
    x = np.tile([0.0, 1.0], n // 2)
    y = (np.arange(n) % 200 < np.where(x > 0, 119, 83)).astype(int)
    r = sx.fit(x[:, None], y, backend=backend.BACKEND)
    z = float(r.zvalues[1])
    assert 33 < z < 37
    with mp.workdps(40):
        exact = mp.erfc(mp.mpf(z) / mp.sqrt(2))
        assert abs(mp.mpf(float(r.pvalues[1])) / exact - 1) < 1e-12


def test_predictions(spector, anes96):
    for data, r in (spector, anes96):
        p = r.predict_proba(data.X)
        assert p.shape == (data.n_rows, len(r.classes))
        np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=4e-16)
        np.testing.assert_array_equal(r.predict(data.X), r.classes[p.argmax(axis=1)])
        # at the optimum the fitted probabilities add up to the class counts (intercept in the model)
        counts = (data.y[:, None] == r.classes).sum(axis=0)
        np.testing.assert_allclose(p.sum(axis=0), counts, rtol=1e-11)
        eta = r.decision_function(data.X)
        odds = p[:, 1] / p[:, 0] if eta.ndim == 1 else p[:, 1:] / p[:, :1]
        np.testing.assert_allclose(np.log(odds), eta, rtol=1e-10, atol=1e-13)
        log_p = np.log(np.take_along_axis(p, np.searchsorted(r.classes, data.y)[:, None], axis=1))
        assert log_p.sum() == pytest.approx(r.llf, rel=1e-13)


def test_probabilities_far_out_keep_their_digits(spector):
    _, r = spector
    X = np.array([[200.0, 0.0, 0.0], [-200.0, 0.0, 0.0]])
    p = r.predict_proba(X)
    eta = r.decision_function(X)
    with mp.workdps(40):
        for i in (0, 1):
            for j, sign in ((0, 1), (1, -1)):
                exact = 1 / (1 + mp.exp(sign * mp.mpf(float(eta[i]))))
                assert abs(mp.mpf(float(p[i, j])) / exact - 1) < 1e-15
    assert p[0, 0] > 0.0


def test_prediction_offset(spector, anes96):
    data, r = spector
    np.testing.assert_allclose(
        r.decision_function(data.X, offset=np.full(32, 2.0)), r.decision_function(data.X) + 2.0, rtol=1e-14
    )
    data, s = anes96
    shift = np.arange(6.0) * np.ones((data.n_rows, 1))
    np.testing.assert_allclose(
        s.decision_function(data.X, offset=shift), s.decision_function(data.X) + shift, rtol=1e-13, atol=1e-13
    )
    with pytest.raises(ValueError, match=r"offset must have shape \(944, 6\); got \(944,\)"):
        s.predict(data.X, offset=np.zeros(944))


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((5, 4)), np.zeros((5, 2))])
def test_prediction_needs_the_columns_of_the_fit(spector, bad):
    _, r = spector
    with pytest.raises(ValueError, match=r"X must have shape \(n, 3\), the columns of the fit"):
        r.predict_proba(bad)


def test_repr(spector):
    assert repr(spector[1]) == (
        "<sigmax result: 2 classes, 4 parameters, 32 observations, llf -12.889634, converged>"
    )


def test_the_second_class_is_predicted_on_the_line():
    # w.x = 0 by symmetry: x = 0
    X, y = np.array([[-2.0], [-1.0], [1.0], [2.0], [-1.0], [1.0]]), [0, 0, 1, 1, 1, 0]
    r = sx.fit(X, y, fit_intercept=False)
    assert r.decision_function(np.zeros((1, 1)))[0] == 0.0
    assert r.predict(np.zeros((1, 1)))[0] == 1
