"""scikit-learn's own checks of `LogisticRegressionCV`: all of them, without an exception."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks

import sigmax as sx


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::sigmax.ConvergenceWarning")
@parametrize_with_checks([sx.LogisticRegressionCV(Cs=3, cv=3)])
def test_estimator_checks(estimator, check):
    check(estimator)
