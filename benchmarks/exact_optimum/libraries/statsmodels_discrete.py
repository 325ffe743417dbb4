"""statsmodels' Logit and MNLogit: Newton's method with the analytic Hessian.

X with a column of ones; float64 labels for Logit.  `tol` of its Newton method is on the change of the
parameters, summed; nothing is printed.  The covariance is part of its fit, and of its time.

No penalty: `fit_regularized` is for l1 alone.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from libraries.base import Answer, Peer, Solve, at_most


def newton(model: str) -> Solve:
    """`model`: the class's name."""

    def solve(X: Any, y: Any, l2: float, tolerance: float, iterations: int | None) -> Answer:
        estimator = getattr(importlib.import_module("statsmodels.discrete.discrete_model"), model)
        found = estimator(y, X).fit(method="newton", tol=tolerance, maxiter=at_most(iterations, 1000), disp=0)
        # (1 + p, K - 1) for MNLogit
        coef = np.atleast_2d(np.asarray(found.params).T)
        return Answer(coef, converged=bool(found.mle_retvals["converged"]))

    return solve


PEERS = (
    Peer(
        "statsmodels Logit",
        "statsmodels",
        ("statsmodels",),
        newton("Logit"),
        classes=False,
        penalty=False,
        layout="constant",
        y_type=np.float64,
    ),
    Peer(
        "statsmodels MNLogit",
        "statsmodels",
        ("statsmodels",),
        newton("MNLogit"),
        binary=False,
        penalty=False,
        layout="constant",
    ),
)
