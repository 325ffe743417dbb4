"""`LogisticRegressionCV` as scikit-learn has it: every fit of its grid at the exact optimum."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from sklearn.metrics import get_scorer
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch, metadata_routing
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.validation import _check_method_params

from sigmax import kernels, threads
from sigmax.data.chunks import Chunks
from sigmax.estimation import Data, estimate
from sigmax.estimators import cv_parameters, parameters, scoring
from sigmax.estimators.base import LinearClassifier, Training
from sigmax.estimators.callbacks import FRAMES, Watch, shown, with_callbacks
from sigmax.estimators.coefficients import as_start, of_params, of_result
from sigmax.estimators.doubts import ConvergenceWarning, SeparationWarning, of_estimator
from sigmax.estimators.limits import limiting_decision
from sigmax.estimators.sparse_rows import SparseRows
from sigmax.estimators.versions import PENALTY_IS_DEPRECATED, SKLEARN
from sigmax.fitting import concluded
from sigmax.kernels import Float
from sigmax.paths import Path, fit_paths

if PENALTY_IS_DEPRECATED:
    from sigmax.estimators.cv_parameters import Since18 as Parameters
else:
    from sigmax.estimators.cv_parameters import Before18 as Parameters  # type: ignore[assignment]

#: an intercept of -inf, where it goes into a mean
_LIMIT = 2.0**16


class LogisticRegressionCV(Parameters, LinearClassifier):
    """DOC"""

    if SKLEARN >= (1, 9):
        __metadata_request__score = {"sample_weight": metadata_routing.UNUSED}

    C_: Any
    Cs_: Float
    l1_ratio_: Any
    l1_ratios_: npt.NDArray[Any]
    coefs_paths_: Any
    scores_: Any

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: npt.ArrayLike | None = None, **params: Any) -> Self:
        """Find the best C by cross-validation, and fit with it.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n, p)
            Finite real numbers; never written.
        y : array_like of shape (n,)
            Labels of at least two classes.
        sample_weight : array_like of shape (n,), optional
            Weights of rows, at least 0; scorers get them, too, as scikit-learn's metadata routing says.
        **params : dict
            What the splitter and the scorer ask for.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Bad input, or a parameter that is none: the message names it, and what was expected.

        Warns
        -----
        ConvergenceWarning, SeparationWarning
            See the class.
        """
        _raise_for_params(params, self, "fit")
        grid = cv_parameters.checked(self)
        data = self._training(X, y, sample_weight)
        parameters.check_multi_class(self, len(data.classes))
        routed = self._routed(sample_weight, params)
        folds = list(
            check_cv(self.cv, data.y, classifier=True).split(data.X, data.y, **routed.splitter.split)
        )
        watch = Watch(self, data.X, data.y, sample_weight, len(data.classes), self.n_features_in_)
        plain = data.X if issparse(data.X) else np.ascontiguousarray(data.X, np.float64)

        def rows(index: npt.NDArray[np.intp] | None) -> npt.NDArray[Any] | Chunks:
            some = plain if index is None else plain[index]
            return SparseRows(some) if issparse(some) else some

        self.__dict__.pop("result_", None)
        intercept = bool(self.fit_intercept)
        with np.errstate(divide="ignore"):
            l2 = 1.0 / grid.Cs
        paths = fit_paths(
            rows,
            data.codes,
            [train for train, _ in folds],
            l2,
            classes=np.arange(len(data.classes)),
            sample_weight=data.weight,
            fit_intercept=intercept,
            max_iter=parameters.steps(self.max_iter),
        )
        K = len(data.classes)
        coefs = np.stack([_in_rows(path, K, intercept=intercept) for path in paths])
        scores = self._scores(grid, data, plain, folds, paths, coefs, routed.scorer.score)
        self._warn_of(paths, grid.Cs)
        chosen = self._choose(grid, scores, coefs)
        self._set_paths(grid, scores, coefs, np.stack([path.iterations for path in paths]))
        if self.refit:
            self._refit(data, float(l2[chosen]), coefs[:, chosen], watch)
        watch.end()
        return self

    # -- scores -------------------------------------------------------------------------------------

    def _scores(
        self,
        grid: cv_parameters.Grid,
        data: Training,
        X: Any,
        folds: list[Any],
        paths: list[Path],
        coefs: Float,
        params: dict[str, Any],
    ) -> Float:
        """Scores of the test rows, (F, L)."""
        found = np.empty(coefs.shape[:2])
        quick = scoring.is_accuracy(grid.scoring, params)
        scorer = None if quick else scoring.scorer_of(grid.scoring, data.classes)
        for f, (_, test) in enumerate(folds):
            here, y = X[test], data.y[test]
            eta = scoring.logits(here, coefs[f], threads.resolve(), intercept=bool(self.fit_intercept))
            for place, result in paths[f].unpenalised.items():
                eta[:, place] = np.clip(limiting_decision(result, here), -_LIMIT, _LIMIT)
            mine = _check_method_params(X=data.X, params=params, indices=test)
            if scorer is None:
                right = scoring.predicted(eta) == data.codes[test][:, None]
                found[f] = scoring.accuracies(right, mine.get("sample_weight"))
                continue
            for i, C in enumerate(grid.Cs):
                model = scoring.OnTest(float(C))
                model.classes_, model.n_features_in_ = data.classes, self.n_features_in_
                rows = coefs[f, i]
                model.coef_ = rows[:, :-1] if self.fit_intercept else rows
                model.intercept_ = rows[:, -1] if self.fit_intercept else np.zeros(len(rows))
                model.knows(here, np.ascontiguousarray(eta[:, i]))
                found[f, i] = scorer(model, here, y, **mine)
        return found

    def _routed(self, sample_weight: Any, params: dict[str, Any]) -> Any:
        """What the splitter and the scorer get."""
        if _routing_enabled():
            return process_routing(self, "fit", sample_weight=sample_weight, **params)
        score = dict(params)
        if sample_weight is not None:
            score["sample_weight"] = sample_weight
        return Bunch(splitter=Bunch(split={}), scorer=Bunch(score=score))

    def _warn_of(self, paths: list[Path], Cs: Float) -> None:
        K = len(self.classes_)
        for f, path in enumerate(paths):
            if len(path.present) < K:
                lacking = [self.classes_[c] for c in range(K) if c not in path.present]
                warnings.warn(
                    f"the training rows of fold {f} lack the class {lacking[0]!r}: its intercept there is "
                    "-inf, and its probability 0; pass a stratified cv",
                    SeparationWarning,
                    stacklevel=3 + FRAMES,
                )
                return
        for f, path in enumerate(paths):
            if not path.converged.all():
                i = int(np.argmin(path.converged))
                result = path.unpenalised.get(i)
                kind = SeparationWarning if result is not None and result.separation else ConvergenceWarning
                warnings.warn(
                    f"fold {f} has no certified optimum with C={Cs[i]!r}, and {sum((~p.converged).sum() for p in paths) - 1} "
                    "fits more; with C=np.inf classes may be separated: leave it out",
                    kind,
                    stacklevel=3 + FRAMES,
                )
                return

    # -- what is kept -------------------------------------------------------------------------------

    def _choose(self, grid: cv_parameters.Grid, scores: Float, coefs: Float) -> int:
        """The place of the best C, or 0; sets `C_`, `l1_ratio_`, and without a refit the mean of fits."""
        rows = coefs.shape[2]
        ratio: float | None = None if grid.ratios is None else 0.0
        if self.refit:
            place = int(np.argmax(scores.sum(axis=0)))
            best = float(grid.Cs[place])
        else:
            place, places = 0, np.argmax(scores, axis=1)
            best = float(np.mean(grid.Cs[places]))
            if PENALTY_IS_DEPRECATED:
                ratio = 0.0
            w = np.mean([np.clip(coefs[f, i], -_LIMIT, _LIMIT) for f, i in enumerate(places)], axis=0)
            self.coef_ = np.ascontiguousarray(w[:, : self.n_features_in_])
            self.intercept_ = w[:, -1].copy() if self.fit_intercept else np.zeros(rows)
        self.Cs_ = grid.Cs
        self.l1_ratios_ = np.asarray([None] if grid.ratios is None else grid.ratios)
        if grid.legacy:
            self.C_, self.l1_ratio_ = np.full(rows, best), np.asarray([ratio] * rows)
        else:
            self.C_, self.l1_ratio_ = best, 0.0
        return place

    def _set_paths(
        self, grid: cv_parameters.Grid, scores: Float, coefs: Float, steps: npt.NDArray[np.int64]
    ) -> None:
        """`scores_`, `coefs_paths_` and `n_iter_`, from arrays (F, L, ...)."""
        steps = steps.astype(np.int32)
        if not grid.legacy:
            R = 1 if grid.ratios is None else len(grid.ratios)
            self.scores_ = np.repeat(scores[:, None], R, axis=1)
            self.coefs_paths_ = np.repeat(coefs[:, None], R, axis=1)
            self.n_iter_ = np.repeat(steps[:, None], R, axis=1)
            return
        if grid.ratios is not None:
            R = len(grid.ratios)
            scores, steps = (np.repeat(a[:, :, None], R, axis=2) for a in (scores, steps))
        classes = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        self.scores_ = {c: scores.copy() for c in classes}
        self.coefs_paths_ = {}
        for row, c in enumerate(classes):
            of_class = coefs[:, :, row]
            if grid.ratios is not None:
                of_class = np.repeat(of_class[:, :, None], len(grid.ratios), axis=2)
            self.coefs_paths_[c] = np.ascontiguousarray(of_class)
        self.n_iter_ = steps[None]

    def _refit(self, data: Training, l2: float, begin: Float, watch: Watch) -> None:
        """The fit of all rows, from the mean of the folds' fits."""
        observed = Data(
            data.design(intercept=bool(self.fit_intercept)),
            data.y,
            data.weight,
            None,
            None if data.weight is None else data.classes,
            kernels.get(),
            threads.resolve(),
            data.weight_type,
        )
        mean = begin.mean(axis=0)
        intercept = bool(self.fit_intercept)
        start = as_start(
            mean[:, : self.n_features_in_],
            mean[:, -1] if intercept else np.zeros(len(mean)),
            fit_intercept=intercept,
        )
        watch.start()
        with shown(watch.callback, self.verbose) as callback:
            found = estimate(
                observed,
                l2=l2,
                start=start,
                tol=parameters.tolerance(self.tol),
                max_iter=parameters.steps(self.max_iter),
                callback=callback,
                refuse_dependence=False,
            )
        result, doubt = concluded(observed, found, 0, l2=l2, collinear="min_norm")
        self.coef_, self.intercept_ = of_result(result)
        self.result_ = result
        if doubt is not None:
            warnings.warn(of_estimator(doubt, result), stacklevel=3 + FRAMES)

    # -- scoring as an estimator --------------------------------------------------------------------

    def score(self, X: Any, y: Any, sample_weight: Any = None, **score_params: Any) -> float:
        """The score of predictions by `scoring`.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n, p)
        y : array_like of shape (n,)
        sample_weight : array_like of shape (n,), optional
        **score_params : dict
            What the scorer asks for, with scikit-learn's metadata routing.

        Returns
        -------
        float
        """
        _raise_for_params(score_params, self, "score")
        if sample_weight is not None:
            score_params["sample_weight"] = sample_weight
        scorer = self._get_scorer()
        if _routing_enabled():
            given = process_routing(self, "score", **score_params).scorer.score
        else:
            given = {} if sample_weight is None else {"sample_weight": sample_weight}
        found: float = scorer(self, X, y, **given)
        return found

    def get_metadata_routing(self) -> MetadataRouter:
        """What is handed on to whom.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
        """
        owner = self if SKLEARN >= (1, 8) else type(self).__name__
        return (
            MetadataRouter(owner=owner)
            .add_self_request(self)
            .add(splitter=self.cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
            .add(
                scorer=self._get_scorer(),
                method_mapping=MethodMapping()
                .add(caller="score", callee="score")
                .add(caller="fit", callee="score"),
            )
        )

    def _get_scorer(self) -> Any:
        missing = self.scoring is None or (isinstance(self.scoring, str) and self.scoring == "warn")
        return get_scorer("accuracy" if missing else self.scoring)


def _in_rows(path: Path, K: int, *, intercept: bool) -> Float:
    """Coefficients of a fold in scikit-learn's rows, intercepts last, (L, 1 or K, dof).

    A class that the fold lacks has no slopes and an intercept of -inf.
    """
    L, _, k = path.params.shape
    rows = 1 if K == 2 else K
    if len(path.present) == K:
        found = np.empty((L, rows, k))
        for i in range(L):
            result = path.unpenalised.get(i)
            c = of_params(path.params[i], intercept=intercept) if result is None else of_result(result)
            found[i, :, : k - intercept] = c.coef
            if intercept:
                found[i, :, -1] = c.intercept
        return found
    found = np.zeros((L, rows, k))
    if K == 2:
        if intercept:
            found[:, 0, -1] = np.inf if path.present == (1,) else -np.inf
        return found
    if intercept:
        found[:, :, -1] = -np.inf
    # of the classes that are there; one alone has a row of zeros
    whole = np.insert(path.params, 0, 0.0, axis=1)
    whole = whole - whole.mean(axis=1, keepdims=True)
    for row, c in enumerate(path.present):
        found[:, c, : k - intercept] = whole[:, row, intercept:]
        if intercept:
            found[:, c, -1] = whole[:, row, 0]
    return found
