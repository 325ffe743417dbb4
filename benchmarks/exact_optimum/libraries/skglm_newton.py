"""skglm's SparseLogisticRegression with l1_ratio=0: working sets and a proximal Newton method.

With l1_ratio=0 its penalty is alpha/2 ||w||^2 beside a mean over rows, the intercept free: alpha = l2 / n
states this very objective, and alpha = 0 the unpenalised one.  X in Fortran order, as its coordinate descent
reads columns.  The first fit compiles, which is not timed.  It has no flag of convergence: it warns.

Its LBFGS solver is left out: it has no intercept of its own, and a column of ones would be penalised.
"""

from __future__ import annotations

import importlib
from typing import Any

from libraries.base import MOST_ITERATIONS, Answer, Peer, against_class_0, at_most


def solve(X: Any, y: Any, l2: float, tolerance: float, iterations: int | None) -> Answer:
    estimator = importlib.import_module("skglm").SparseLogisticRegression
    alpha = l2 / len(y)
    most = {"max_iter": at_most(iterations, 1000), "max_epochs": MOST_ITERATIONS}
    model = estimator(alpha=alpha, l1_ratio=0.0, tol=tolerance, **most).fit(X, y)
    return Answer(against_class_0(model.coef_, model.intercept_))


PEERS = (Peer("skglm", "skglm", ("skglm", "numba"), solve, classes=False, layout="F"),)
