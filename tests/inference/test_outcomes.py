"""Probabilities with what was observed, of a result; and one class against all others."""

import pickle

import numpy as np
import pytest
from inference.performance_cases import case

import sigmax as sx
from sigmax.inference.performance.calibration import calibration
from sigmax.inference.performance.outcomes import outcomes
from sigmax.inference.performance.roc import roc_auc, roc_curve


def test_those_of_the_fit_and_of_new_rows(backend_name):
    data = sx.datasets.load("anes96")
    r = sx.fit(data.X[::2], data.y[::2], backend=backend_name)
    found = r.outcomes()
    np.testing.assert_allclose(found.p, r.predict_proba(data.X[::2]), rtol=1e-12)
    np.testing.assert_array_equal(found.codes, data.y[::2])
    assert roc_auc(found).hand_till == r.roc_auc().hand_till
    new = r.outcomes(data.X[1::2], data.y[1::2], sample_weight=np.arange(472) % 3)
    kept = np.arange(472) % 3 > 0
    np.testing.assert_array_equal(new.p, r.predict_proba(data.X[1::2])[kept])
    np.testing.assert_array_equal(new.weight, (np.arange(472) % 3)[kept])
    with pytest.raises(ValueError, match="X and y must come together; y is missing"):
        r.outcomes(data.X)
    with pytest.raises(ValueError, match="which a pickled result leaves behind"):
        pickle.loads(pickle.dumps(r)).outcomes()


@pytest.mark.parametrize("kind", [{}, {"weighted": True}, {"grouped": True}, {"ties": True}])
@pytest.mark.parametrize("K", [2, 4])
def test_a_class_against_all_others(K, kind):
    data = case(80, K, 3, **kind).data
    area = roc_auc(data)
    for c in range(K):
        two = data.against_others(c)
        assert two.labels == (f"not {c}", str(c))
        assert two.class_total(1) == data.class_total(c)
        assert two.total == data.total
        np.testing.assert_allclose(two.p.sum(axis=1), 1.0, rtol=1e-15)
        a, b = roc_curve(two), roc_curve(data, c)
        np.testing.assert_array_equal([a.fpr, a.tpr], [b.fpr, b.tpr])
        if K > 2:
            own = roc_auc(two)
            assert (own.auc, own.se) == (area.auc[c], area.se[c])
    if K == 2:
        ours, theirs = calibration(data.against_others(1)), calibration(data)
        assert ours.slope == pytest.approx(theirs.slope, rel=1e-12)


def test_probabilities_near_1_keep_what_is_left():
    p = np.array([[1e-20, 1.0 - 1e-9, 1e-9], [0.2, 0.3, 0.5]])
    two = outcomes(p, [1, 2]).against_others(1)
    assert two.p[0, 0] == 1e-20 + 1e-9
