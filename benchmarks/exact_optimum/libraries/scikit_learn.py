"""scikit-learn's LogisticRegression: newton-cholesky, newton-cg, lbfgs.

C = 1 / l2, and inf without a penalty; X in C order, int64 labels; `tol` is the ladder's, iterations are not
limited.  It has no flag of convergence: it warns.  The objective is one sum over all classes, symmetric.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from libraries.base import Answer, Peer, Solve, against_class_0, at_most


def solver(name: str, module: str = "sklearn.linear_model", unpenalised: float = np.inf) -> Solve:
    """`unpenalised`: C where there is no penalty."""

    def solve(X: Any, y: Any, l2: float, tolerance: float, iterations: int | None) -> Answer:
        estimator = importlib.import_module(module).LogisticRegression
        C = unpenalised if l2 == 0.0 else 1.0 / l2
        model = estimator(C=C, solver=name, tol=tolerance, max_iter=at_most(iterations)).fit(X, y)
        return Answer(against_class_0(model.coef_, model.intercept_))

    return solve


PEERS = tuple(
    Peer(f"scikit-learn {name}", "scikit-learn", ("sklearn",), solver(name))
    for name in ("newton-cholesky", "newton-cg", "lbfgs")
)
