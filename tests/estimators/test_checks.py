"""scikit-learn's own checks of an estimator: all of them, and none is expected to fail."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import (
    check_class_weight_balanced_linear_classifier,
    estimator_checks_generator,
)

import sigmax as sx

ESTIMATORS = [
    sx.LogisticRegression(),
    sx.LogisticRegression(C=np.inf, class_weight="balanced", solver="auto"),
]
#: not a check of those that do not derive from scikit-learn's private LinearClassifierMixin
OF_LINEAR = partial(check_class_weight_balanced_linear_classifier, "LogisticRegression")
# parametrize_with_checks does the same with an iterator, which pytest is about to refuse
CHECKS = [
    pytest.param(one, check, id=f"{check.func.__name__}-{place}")
    for place, estimator in enumerate(ESTIMATORS)
    for one, check in [*estimator_checks_generator(estimator), (estimator, OF_LINEAR)]
]


def test_there_are_as_many_checks_as_of_their_own_estimator():
    theirs = {check.func.__name__ for _, check in estimator_checks_generator(LogisticRegression())}
    ours = {case.values[1].func.__name__ for case in CHECKS}
    # other array libraries are not for it, which its tags say
    assert {name for name in theirs - ours if "array_api" not in name} == set()
    assert len(ours) > 45


# data of the checks are separated where there is no penalty
@pytest.mark.filterwarnings("ignore::sigmax.SeparationWarning")
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_estimator_checks(estimator, check):
    check(estimator)
