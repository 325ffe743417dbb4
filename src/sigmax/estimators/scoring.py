"""Scores of many fits on the same test rows: one product for all logits, then the scorer for each fit."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import get_scorer, make_scorer
from sklearn.utils.validation import _check_method_params

from sigmax import kernels, threads
from sigmax.data.design import Design
from sigmax.estimators.base import Training
from sigmax.estimators.limits import limiting_decision
from sigmax.estimators.logistic import LogisticRegression
from sigmax.functions import expit, log_expit, softmax
from sigmax.kernels import Codes, Float
from sigmax.objective import linear_predictor
from sigmax.paths import Path

#: a logit or intercept of inf, for scorers and means, which take finite ones only: the other class has a
#: probability of 0 as well
LIMIT = 2.0**16


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


#: scores that need no scorer; those of a name get sample weights at most
_QUICK = ("accuracy", "neg_log_loss")


def quick(scoring: Any) -> str | None:
    """The name of a score that :func:`at_once` computes, or None."""
    name = "accuracy" if scoring is None else scoring
    return name if isinstance(name, str) and name in _QUICK else None


def at_once(name: str, eta: Float, codes: Codes, sample_weight: Any) -> Float:
    """The scores of all fits, (L,), from their logits, (n, L) or (n, L, K), and the classes of the rows."""
    if name == "accuracy":
        return accuracies(predicted(eta) == codes[:, None], sample_weight)
    if eta.ndim == 2:
        p = np.asarray(expit(np.where(codes[:, None] == 1, eta, -eta)))
    else:
        p = np.asarray(softmax(eta, axis=2))[np.arange(len(codes)), :, codes]
    # as scikit-learn's log_loss cuts them off
    eps = np.finfo(np.float64).eps
    logs = np.log(np.clip(p, eps, 1.0 - eps))
    weight = None if sample_weight is None else np.asarray(sample_weight)
    return np.asarray(np.average(logs, axis=0, weights=weight), np.float64)


def accuracies(right: npt.NDArray[np.bool_], sample_weight: Any) -> Float:
    """The part of rows that are right, for each column of `right`, (n, L); bit by bit scikit-learn's."""
    if sample_weight is None:
        return np.asarray(np.count_nonzero(right, axis=0) / len(right))
    weight = np.asarray(sample_weight)
    return np.array([np.average(column, weights=weight) for column in right.T])


def predicted(eta: Float) -> Codes:
    """Codes of the most probable classes; eta of shape (n, L) for two classes, else (n, L, K)."""
    best: Codes = ((eta > 0.0) if eta.ndim == 2 else np.argmax(eta, axis=2)).astype(np.int32)
    return best


def logits(X: Any, coefs: Float, n_threads: int, *, intercept: bool) -> Float:
    """Logits of rows for coefficients (L, R, dof), intercepts last; (n, L) for R = 1, else (n, L, R)."""
    L, R, dof = coefs.shape
    flat = coefs.reshape(L * R, dof)
    slopes = flat[:, :-1] if intercept else flat
    free = flat[:, -1] if intercept else np.zeros(len(flat))
    # slopes are infinite, or without a limit, where classes are separated: `of_folds` has those logits
    slopes = np.nan_to_num(slopes, nan=0.0, posinf=0.0, neginf=0.0)
    free = np.nan_to_num(free, nan=0.0, posinf=LIMIT, neginf=-LIMIT)
    if isinstance(X, np.ndarray):
        matrix = np.column_stack([free, slopes])
        eta = linear_predictor(Design(X), matrix, None, kernels.get(), n_threads)
    else:
        eta = np.asarray(X @ slopes.T) + free
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


def _of_all(eta: Float, present: tuple[int, ...], classes: npt.NDArray[Any]) -> Float:
    """Logits of all classes, from those of the classes `present`; (n,) of two."""
    if len(present) == len(classes):
        return eta
    found = np.full((len(eta), len(classes)), -np.inf)
    found[:, list(present)] = np.stack([log_expit(-eta), log_expit(eta)], axis=1) if eta.ndim == 1 else eta
    return found


def of_folds(
    data: Training,
    X: Any,
    folds: Sequence[Any],
    paths: Sequence[Path],
    coefs: Float,
    Cs: Float,
    scoring: Any,
    params: dict[str, Any],
    *,
    intercept: bool,
) -> Float:
    """Scores of the test rows of each fold for each penalty, (F, L).

    Parameters
    ----------
    data : Training
    X : ndarray or sparse matrix
        All rows, as logits are computed from.
    folds : sequence of (train, test)
    paths : sequence of Path
    coefs : ndarray of shape (F, L, R, dof)
        Coefficients in scikit-learn's rows, intercepts last.
    Cs : ndarray of shape (L,)
    scoring : str, callable or None
    params : dict
        What the scorer gets, values of all rows.
    intercept : bool
    """
    found = np.empty(coefs.shape[:2])
    name = quick(scoring)
    scorer = scorer_of(scoring, data.classes)
    for f, (_, test) in enumerate(folds):
        here, y = X[test], data.y[test]
        eta = logits(here, coefs[f], threads.resolve(), intercept=intercept)
        for place, result in paths[f].unpenalised.items():
            # of dependent columns coefficients are finite, and their logits stand there already
            if result.separation is not None:
                limit = limiting_decision(result, here)
                eta[:, place] = np.clip(_of_all(limit, paths[f].present, data.classes), -LIMIT, LIMIT)
        mine = _check_method_params(X=data.X, params=params, indices=test)
        if name is not None:
            found[f] = at_once(name, eta, data.codes[test], mine.get("sample_weight"))
            continue
        for i, C in enumerate(Cs):
            model = OnTest(float(C))
            model.classes_, model.n_features_in_ = data.classes, X.shape[1]
            rows = coefs[f, i]
            model.coef_ = rows[:, :-1] if intercept else rows
            model.intercept_ = rows[:, -1] if intercept else np.zeros(len(rows))
            model.knows(here, np.ascontiguousarray(eta[:, i]))
            found[f, i] = scorer(model, here, y, **mine)
    return found
