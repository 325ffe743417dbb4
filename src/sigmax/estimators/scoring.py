"""Scores of many fits on the same test rows: one product for all logits, then the scorer for each fit."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from sklearn.metrics import get_scorer, make_scorer

from sigmax import kernels
from sigmax.data.design import Design
from sigmax.estimators.logistic import LogisticRegression
from sigmax.kernels import Codes, Float
from sigmax.objective import linear_predictor

#: a logit of -inf, for scorers that take finite ones only: its probability is 0 as well
_LIMIT = 2.0**16


class OnTest(LogisticRegression):
    """What a scorer gets: a fitted classifier that knows its logits of the test rows already.

    Parameters
    ----------
    C : float
    """

    def __init__(self, C: float = 1.0) -> None:
        super().__init__(C=C)

    def knows(self, X: Any, eta: Float) -> None:
        """Take `eta`, (n,) or (n, K), for the logits of the rows `X`, whenever they are asked for."""
        self._known = X, eta

    def decision_function(self, X: Any) -> Float:
        """Logits of rows, those of the test rows without computing anything."""
        known, eta = self._known
        return eta if X is known else super().decision_function(X)


def is_accuracy(scoring: Any, params: dict[str, Any]) -> bool:
    """Whether a score is the part of rows that are predicted right, with sample weights at most."""
    return (scoring is None or (isinstance(scoring, str) and scoring == "accuracy")) and (
        params.keys() <= {"sample_weight"}
    )


def accuracies(right: npt.NDArray[np.bool_], sample_weight: Any) -> Float:
    """The part of rows that are right, for each column of `right`, (n, L); bit by bit scikit-learn's."""
    if sample_weight is None:
        return np.asarray(np.count_nonzero(right, axis=0) / len(right))
    weight = np.asarray(sample_weight)
    return np.array([np.average(column, weights=weight) for column in right.T])


def predicted(eta: Float) -> Codes:
    """Codes of the most probable classes; eta of shape (n, L) for two classes, else (n, L, K)."""
    if eta.ndim == 2:
        return (eta > 0.0).astype(np.int32)
    return np.argmax(eta, axis=2).astype(np.int32)


def logits(X: Any, coefs: Float, n_threads: int, *, intercept: bool) -> Float:
    """Logits of rows for coefficients (L, R, dof), intercepts last; shape (n, L) for R = 1, else (n, L, R)."""
    L, R, dof = coefs.shape
    flat = coefs.reshape(L * R, dof)
    slopes = flat[:, :-1] if intercept else flat
    free = flat[:, -1] if intercept else np.zeros(len(flat))
    free = np.clip(free, -_LIMIT, _LIMIT)
    if issparse(X):
        eta = np.asarray(X @ slopes.T) + free
    else:
        matrix = np.column_stack([free, slopes])
        eta = linear_predictor(Design(X), matrix, None, kernels.get(), n_threads)
    return eta if R == 1 else eta.reshape(len(eta), L, R)


def scorer_of(scoring: Any, classes: npt.NDArray[Any]) -> Any:
    """The scorer, which knows all classes: test rows may lack some."""
    scorer = get_scorer("accuracy" if scoring is None else scoring)
    function = getattr(scorer, "_score_func", None)
    if function is None:
        return scorer
    known = inspect.signature(function).parameters
    if "labels" not in known:
        return scorer
    given = dict(getattr(scorer, "_kwargs", {}))
    added: dict[str, Any] = {"labels": classes}
    if len(classes) == 2 and "pos_label" in known:
        added["pos_label"] = classes[-1]
    return make_scorer(
        function,
        greater_is_better=scorer._sign == 1,
        response_method=scorer._response_method,
        **{**added, **given},
    )
