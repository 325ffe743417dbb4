"""Other libraries at the same problems, each at its best.

A peer is a function of (X, y, l2, tolerance) that returns coefficients of shape (K - 1, 1 + p), intercepts
first, against class 0.  `arrays` prepares the layout and the types that it prefers, which is not timed.

X            C order for scikit-learn and its patch, Fortran order for glum, with a column of ones for
             statsmodels
y            int64 labels; float64 for glum and statsmodels' Logit
unpenalised  C = inf for scikit-learn, alpha = 0 for glum.  scikit-learn-intelex falls back to scikit-learn
             at C = inf, and is given C = 1e6, that is, l2 = 1e-6: measured on the problems of the table, that
             moves the optimum by at most 2e-7 standard errors, and so it is held to the unpenalised one

Imported on demand; a peer that is not installed is listed as missing.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from problems import Float, Problem, Spec

#: C of scikit-learn-intelex where there is no penalty
NEARLY_UNPENALISED = 1e6
_MOST_ITERATIONS = 100_000
#: tolerances, each tighter than the one before
_LADDER = tuple(10.0**-e for e in range(3, 16))

Fit = Callable[[Any, Any, float, float], Float]


@dataclass(frozen=True)
class Peer:
    """One algorithm of a library.

    Attributes
    ----------
    name : str
    distribution : str
        What to install.
    modules : tuple of str
        What must be importable.
    fit : callable
        (X, y, l2, tolerance) -> coefficients.
    classes, penalty : bool
        Whether it fits more than two classes, and an L2 penalty.
    binary : bool
        Whether it fits two classes.
    ladder : tuple of float
        Tolerances to try, tighter and tighter.
    layout : {"C", "F", "constant"}
    y_type : type
    """

    name: str
    distribution: str
    modules: tuple[str, ...]
    fit: Fit
    classes: bool = True
    binary: bool = True
    penalty: bool = True
    ladder: tuple[float, ...] = _LADDER
    layout: str = "C"
    y_type: type = np.int64

    def missing(self) -> str:
        """Why it cannot be run: empty where it can."""
        for module in self.modules:
            try:
                importlib.import_module(module)
            except ImportError as error:
                return f"{self.distribution} is missing ({error})"
        return ""

    def version(self) -> str | None:
        """Of the distribution; None where it is missing."""
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return None

    def supports(self, spec: Spec) -> bool:
        """Whether it can fit such a problem."""
        return (self.classes if spec.K > 2 else self.binary) and (self.penalty or spec.l2 == 0.0)

    def arrays(self, problem: Problem) -> tuple[Any, Any]:
        """X and y as it prefers them."""
        X = problem.X
        if self.layout == "F":
            X = np.asfortranarray(X)
        elif self.layout == "constant":
            X = np.column_stack([np.ones(len(X)), X])
        return X, problem.y.astype(self.y_type)


def _against_class_0(coef: Float, intercept: Float) -> Float:
    """One row for each class, or a single one for the second of two, to one for each but the first."""
    both = np.column_stack([intercept, coef])
    return both if len(both) == 1 else both[1:] - both[0]


def _sklearn(solver: str, module: str = "sklearn.linear_model", unpenalised: float = np.inf) -> Fit:
    """`unpenalised`: C where there is no penalty."""

    def fit(X: Any, y: Any, l2: float, tolerance: float) -> Float:
        estimator = importlib.import_module(module).LogisticRegression
        C = unpenalised if l2 == 0.0 else 1.0 / l2
        with warnings.catch_warnings():
            # whether it converged is seen from its error
            warnings.simplefilter("ignore")
            model = estimator(C=C, solver=solver, tol=tolerance, max_iter=_MOST_ITERATIONS).fit(X, y)
        return _against_class_0(model.coef_, model.intercept_)

    return fit


def _glum(X: Any, y: Any, l2: float, tolerance: float) -> Float:
    estimator = importlib.import_module("glum").GeneralizedLinearRegressor
    # its objective is a mean over rows
    alpha = l2 / len(y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = estimator(family="binomial", alpha=alpha, gradient_tol=tolerance, max_iter=1000).fit(X, y)
    return np.concatenate([[model.intercept_], model.coef_])[None]


def _statsmodels(model: str) -> Fit:
    def fit(X: Any, y: Any, l2: float, tolerance: float) -> Float:
        estimator = getattr(importlib.import_module("statsmodels.discrete.discrete_model"), model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = estimator(y, X).fit(method="newton", tol=tolerance, maxiter=1000, disp=0).params
        return np.atleast_2d(np.asarray(found).T)

    return fit


def _all() -> tuple[Peer, ...]:
    sklearn, intelex = ("sklearn",), ("sklearnex", "daal4py")
    return (
        *(
            Peer(f"scikit-learn {s}", "scikit-learn", sklearn, _sklearn(s))
            for s in ("newton-cholesky", "newton-cg", "lbfgs")
        ),
        Peer(
            "scikit-learn-intelex lbfgs",
            "scikit-learn-intelex",
            intelex,
            _sklearn("lbfgs", "sklearnex.linear_model", NEARLY_UNPENALISED),
        ),
        Peer("glum", "glum", ("glum",), _glum, classes=False, layout="F", y_type=np.float64),
        Peer(
            "statsmodels Logit",
            "statsmodels",
            ("statsmodels",),
            _statsmodels("Logit"),
            classes=False,
            penalty=False,
            layout="constant",
            y_type=np.float64,
        ),
        Peer(
            "statsmodels MNLogit",
            "statsmodels",
            ("statsmodels",),
            _statsmodels("MNLogit"),
            binary=False,
            penalty=False,
            layout="constant",
        ),
    )


PEERS = {peer.name: peer for peer in _all()}
