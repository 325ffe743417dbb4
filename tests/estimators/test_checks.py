"""scikit-learn's own checks of an estimator: all of them, without an exception."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import sigmax as sx


@pytest.mark.filterwarnings("ignore::sigmax.ConvergenceWarning")
@parametrize_with_checks([sx.LogisticRegression(), sx.LogisticRegression(C=np.inf, class_weight="balanced")])
def test_estimator_checks(estimator, check):
    check(estimator)
