"""firthmodels with penalty_weight=0: Newton's method without its bias reduction.

The weight of Jeffreys' penalty is 1/2 in Firth's method, another objective, which benchmarks/firth.py is
about.  At 0 it is the likelihood alone, and the program is a compiled Newton solver with standard errors.
backend="numba", where the first fit compiles, which is not timed; gtol and xtol are both the ladder's.
"""

from __future__ import annotations

import importlib
from typing import Any

from libraries.base import Answer, Peer, against_class_0, at_most


def solve(X: Any, y: Any, l2: float, tolerance: float, iterations: int | None) -> Answer:
    estimator = importlib.import_module("firthmodels").FirthLogisticRegression
    model = estimator(
        backend="numba",
        penalty_weight=0.0,
        gtol=tolerance,
        xtol=tolerance,
        max_iter=at_most(iterations, 1000),
    ).fit(X, y)
    return Answer(against_class_0(model.coef_, model.intercept_), converged=bool(model.converged_))


PEERS = (
    Peer(
        "firthmodels without penalty",
        "firthmodels",
        ("firthmodels", "numba"),
        solve,
        classes=False,
        penalty=False,
    ),
)
