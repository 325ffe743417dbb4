"""glum: iteratively reweighted least squares.

X in Fortran order, float64 labels; gradient_tol is the ladder's.  Its objective is a mean over rows: alpha =
l2 / n.  It has no flag of convergence: it warns.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from libraries.base import Answer, Peer, against_class_0, at_most


def solve(X: Any, y: Any, l2: float, tolerance: float, iterations: int | None) -> Answer:
    estimator = importlib.import_module("glum").GeneralizedLinearRegressor
    alpha = l2 / len(y)
    model = estimator(
        family="binomial", alpha=alpha, gradient_tol=tolerance, max_iter=at_most(iterations, 1000)
    ).fit(X, y)
    return Answer(against_class_0(model.coef_, model.intercept_))


PEERS = (Peer("glum", "glum", ("glum",), solve, classes=False, layout="F", y_type=np.float64),)
