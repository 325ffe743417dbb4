"""`fit_many` against a loop: statsmodels' Logit on some of the problems, its time extrapolated to all.

The loop is given each problem ready made, its rows repeated as the weights say, with a column of ones: Logit
takes no frequency weights, and making the rows is not counted.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from libraries.base import Answer, listened
from problems import Float, Problem

#: problems that the loop fits
SAMPLE = 200
#: of Newton's method, on the change of the parameters: a last step of 1e-5 leaves about 1e-10, and a tighter
#: tolerance would cost the loop an iteration that nobody needs
_TOLERANCE = 1e-5


def sample(problem: Problem) -> list[int]:
    """Indices of the fits, evenly spread."""
    fits = problem.spec.fits
    return [int(i) for i in np.unique(np.linspace(0, fits - 1, min(SAMPLE, fits)).astype(int))]


def one(problem: Problem, index: int) -> tuple[Float, Any]:
    """Rows and labels of one fit."""
    if problem.weights is not None:
        rows = np.repeat(np.arange(problem.spec.n), problem.weights[index].astype(int))
    else:
        assert problem.groups is not None
        rows = np.flatnonzero(problem.groups == index)
    return problem.X[rows], problem.y[rows]


def loop(problem: Problem, chosen: list[int]) -> Callable[[], Answer]:
    """A call that fits each of the chosen problems: coefficients of shape (len(chosen), 1 + p).

    Raises
    ------
    ImportError
        statsmodels is not installed.
    """
    logit = importlib.import_module("statsmodels.discrete.discrete_model").Logit
    ready = []
    for index in chosen:
        X, y = one(problem, index)
        ready.append((y.astype(np.float64), np.column_stack([np.ones(len(X)), X])))

    def fits() -> Answer:
        found = [logit(y, X).fit(method="newton", tol=_TOLERANCE, maxiter=100, disp=0) for y, X in ready]
        return Answer(
            np.array([one.params for one in found]),
            converged=all(one.mle_retvals["converged"] for one in found),
        )

    return lambda: listened(fits)
