"""sigmax as a user calls it: plain arrays and labels in, a result with its certificate out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from problems import Float, Problem

import sigmax as sx


@dataclass(frozen=True)
class Ours:
    """Two calls of sigmax on a problem.

    Attributes
    ----------
    fit : callable
        To a result with its certificate.
    read : callable or None
        The same, and `bse` read; None where the result has none.
    """

    fit: Callable[[], Any]
    read: Callable[[], Any] | None


def not_available(problem: Problem) -> str:
    """What this version of sigmax lacks for `problem`: empty where nothing."""
    if problem.spec.many:
        return "" if hasattr(sx, "fit_many") else "sigmax.fit_many is not available yet"
    if problem.spec.l2 and "l2" not in inspect.signature(sx.fit).parameters:
        return "sigmax.fit(..., l2=) is not available yet"
    return ""


def calls(problem: Problem, n_threads: int) -> Ours:
    """Of the problem, on `n_threads` threads."""
    X, y, spec = problem.X, problem.y, problem.spec
    if spec.many:
        many: dict[str, Any] = {"n_threads": n_threads}
        if problem.weights is not None:
            many["sample_weight"] = problem.weights
        else:
            many["groups"] = problem.groups
        fit_many = sx.fit_many

        return Ours(lambda: fit_many(X, y, **many), None)
    options: dict[str, Any] = {"n_threads": n_threads} | ({"l2": spec.l2} if spec.l2 else {})

    def fit() -> Any:
        return sx.fit(X, y, **options)

    def read() -> Any:
        result = fit()
        # computed when it is asked for: the reading is what is timed
        _ = result.bse
        return result

    return Ours(fit, read)


def coefficients(result: Any, n_classes: int) -> Float:
    """Of a single fit, in the shape (K - 1, 1 + p)."""
    return np.asarray(result.params).reshape(n_classes - 1, -1)
