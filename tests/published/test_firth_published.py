"""Firth's estimates, standard errors, intervals and tests as logistf and brglm2 have them."""

import numpy as np
import pytest

import sigmax as sx
from published.firth import ALLIGATORS_SPARSE, ENDOMETRIAL, PUBLISHED, SEX2, SEX2_MANUAL

#: both iterate until steps are below 1e-13, and gain a digit or two a step; printed are fifteen digits
_CLOSE = 2e-11


def floats(rows):
    return np.array(rows, dtype=float)


@pytest.fixture(scope="module")
def fits():
    made = {}

    def fit(name, backend):
        if (name, backend) not in made:
            p = PUBLISHED[name]
            made[name, backend] = sx.fit(p.X, p.y, bias_reduction="firth", backend=backend)
        return made[name, backend]

    return fit


@pytest.mark.parametrize("name", PUBLISHED)
def test_estimates_and_standard_errors(fits, backend_name, name):
    published, r = PUBLISHED[name], fits(name, backend_name)
    assert r.certificate.converged
    assert r.certificate.score <= 1e-10
    wanted = floats(published.coef)
    errors = np.atleast_2d(r.bse)
    assert (np.abs(np.atleast_2d(r.params) - wanted) <= _CLOSE * errors).all()
    if published.bse:
        np.testing.assert_allclose(errors, floats(published.bse), rtol=_CLOSE)
    if published.llf:
        assert r.llf == pytest.approx(float(published.llf), rel=1e-12)
    if published.penalised:
        assert r.penalised_llf == pytest.approx(float(published.penalised), rel=1e-13)


def test_profile_intervals_and_tests_of_logistf(fits, backend_name):
    r = fits("sex2", backend_name)
    ends, test = r.conf_int(method="profile"), r.penalised_lr_test()
    # printed to twelve decimals and to twelve digits
    np.testing.assert_allclose(ends[:, 0], floats(SEX2.lower), rtol=0.0, atol=2e-11)
    np.testing.assert_allclose(ends[:, 1], floats(SEX2.upper), rtol=0.0, atol=2e-11)
    np.testing.assert_allclose(test.pvalue, floats(SEX2.pvalue), rtol=1e-10)


def test_the_table_as_it_is_printed(fits, backend_name):
    r = fits("sex2", backend_name)
    ends, test = r.conf_int(method="profile"), r.penalised_lr_test()
    found = zip(r.params, ends[:, 0], ends[:, 1], test.statistic, test.pvalue, strict=True)
    for row, wanted in zip(found, SEX2_MANUAL, strict=True):
        for value, text in zip(row, wanted, strict=True):
            decimals = len(text.partition(".")[2])
            assert f"{value:.{decimals}f}" == text


def test_the_data_are_those_of_the_papers():
    # 239 women, 130 of them with an infection; 79 patients, 30 of grade 1; 219 alligators
    assert SEX2.y.sum() == 239
    assert SEX2.y[:, 1].sum() == 130
    assert len(ENDOMETRIAL.y) == 79
    assert ENDOMETRIAL.y.sum() == 30
    assert PUBLISHED["alligators"].y.sum() == 219
    assert ALLIGATORS_SPARSE.y.sum() < 80
    assert PUBLISHED["lizards"].y.sum() == 564


def test_neovasculization_separates_the_grades():
    # every patient with NV has grade 1: maximum likelihood has no estimate, Firth's is finite
    assert (ENDOMETRIAL.y[ENDOMETRIAL.X[:, 0] == 1] == 1).all()
