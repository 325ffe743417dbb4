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

from sigmax.data.chunks import Chunks
from sigmax.estimators import cv_parameters, parameters, scoring
from sigmax.estimators.base import LinearClassifier
from sigmax.estimators.callbacks import FRAMES, Watch, with_callbacks
from sigmax.estimators.coefficients import as_start
from sigmax.estimators.doubts import of_folds
from sigmax.estimators.folds import in_rows
from sigmax.estimators.sparse_rows import SparseRows
from sigmax.estimators.versions import PENALTY_IS_DEPRECATED, SKLEARN
from sigmax.kernels import Float
from sigmax.paths import fit_paths

#: the constructor of the scikit-learn that is installed
Parameters: Any = cv_parameters.Since18 if PENALTY_IS_DEPRECATED else cv_parameters.Before18


class LogisticRegressionCV(Parameters, LinearClassifier):
    """Logistic and multinomial regression with the C that cross-validation finds best, as in scikit-learn.

    A drop-in for ``sklearn.linear_model.LogisticRegressionCV``: constructor, defaults, attributes and
    warnings are those of the scikit-learn that is installed, 1.6 to 1.9, and so is the objective, that of
    :class:`LogisticRegression`.  Each fit of the grid ends where some 2e-7 standard errors from its optimum
    are proved; the last one, of all rows, is exact as every fit of sigmax, and `result_` has its proof and
    its standard errors.

    Parameters
    ----------
    Cs : int or array_like of shape (L,), default=10
        Inverse strengths of the penalty, ``np.inf`` for none; a number stands for as many from 1e-4 to 1e4.
    l1_ratios : array_like of zeros, optional
        L1 and elastic net do not exist here yet, and are refused.
    fit_intercept : bool, default=True
        Whether there is an intercept.
    cv : int, splitter or iterable of (train, test), optional
        As in scikit-learn; five stratified folds by default.
    scoring : str or callable, optional
        As in scikit-learn; accuracy by default.
    refit : bool, default=True
        Whether to fit all rows with the best C; else the coefficients are the mean of each fold's best, in
        which 2**16 stands for infinite ones, and 0 for those without a limit.
    class_weight : dict or "balanced", optional
        As in :class:`LogisticRegression`; "balanced" counts all rows, not those of a fold.
    max_iter, tol, verbose
        As in :class:`LogisticRegression`, for the last fit; a limit of steps below 100 holds for every fit.
    use_legacy_attributes : bool
        scikit-learn 1.8 and later: the form of the attributes below, as there.
    dual, penalty, solver, n_jobs, intercept_scaling, random_state, multi_class
        As in :class:`LogisticRegression`.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
    coef_ : ndarray of shape (1, p) or (K, p)
    intercept_ : ndarray of shape (1,) or (K,)
    Cs_ : ndarray of shape (L,)
    C_ : ndarray of shape (1,) or (K,), or float
        The best C; without a refit the mean of the folds' best.
    l1_ratio_, l1_ratios_
        As in scikit-learn: zeros, or None.
    scores_ : dict of label to ndarray of shape (F, L), or ndarray of shape (F, 1, L)
        Scores of the test rows of each fold, the same for each class.
    coefs_paths_ : dict of label to ndarray of shape (F, L, dof), or ndarray of shape (F, 1, L, 1 or K, dof)
        Coefficients of each fold, the intercept last.
    n_iter_ : int32 ndarray of shape (1, F, L) or (F, 1, L)
        Steps of each fit: reads for a gradient, or Newton's.
    result_ : sigmax.inference.result.Result
        The fit of all rows; absent without a refit.
    n_features_in_, feature_names_in_
        As in :class:`LogisticRegression`.

    Warns
    -----
    SeparationWarning
        The training rows of a fold lack a class, and there are intercepts: in that fold the class's is -inf,
        its slopes are 0 and its probability is 0, the limit of the penalised fit.  Or C is ``np.inf`` and
        classes are separated.
    ConvergenceWarning
        A fit has no certificate.

    See Also
    --------
    LogisticRegression : The fit for one C.

    Notes
    -----
    Folds whose test rows are a partition share the Hessians of all rows (:mod:`sigmax.solvers.path`), and X
    is copied at most once for all of them.  Coefficients have the same bits for any number of threads.

    Differences from scikit-learn: those of :class:`LogisticRegression`; scorers get the labels as they are
    in every version, and know all classes; `n_jobs` has no effect, as folds share the threads of the fit;
    in a fold that lacks a class scikit-learn's intercept is wherever its iteration ends.

    Examples
    --------
    >>> import sigmax as sx
    >>> data = sx.datasets.load("spector")
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", FutureWarning)
    ...     model = sx.LogisticRegressionCV(Cs=[0.1, 1.0, 10.0], cv=4).fit(data.X, data.y)
    >>> model.C_
    array([10.])
    >>> model.result_.certificate.converged
    True
    """

    if SKLEARN >= (1, 9):
        __metadata_request__score = {"sample_weight": metadata_routing.UNUSED}

    C_: Any
    Cs_: Float
    l1_ratio_: Any
    l1_ratios_: npt.NDArray[Any]
    coefs_paths_: Any
    n_iter_: npt.NDArray[Any]
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
        plain: Any = data.X if issparse(data.X) else np.ascontiguousarray(data.X, np.float64)

        def rows(index: npt.NDArray[np.intp] | None) -> npt.NDArray[Any] | Chunks:
            some = plain if index is None else plain[index]
            return SparseRows(some) if issparse(some) else some

        intercept, limit = bool(self.fit_intercept), parameters.steps(self.max_iter)
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
            max_iter=limit,
        )
        K = len(data.classes)
        coefs = np.stack([in_rows(path, K, intercept=intercept) for path in paths])
        scores = scoring.of_folds(
            data,
            plain,
            folds,
            paths,
            coefs,
            grid.Cs,
            grid.scoring,
            routed.scorer.score,
            intercept=intercept,
        )
        doubts = of_folds(paths, grid.Cs, data.classes, limit)
        chosen = self._choose(grid, scores, coefs)
        self._set_paths(grid, scores, coefs, np.stack([path.iterations for path in paths]).astype(np.int32))
        if self.refit:
            doubt = self._fit_rows(data, float(l2[chosen]), self._mean(coefs[:, chosen]), watch)
            doubts += [] if doubt is None else [doubt]
        watch.end()
        for doubt in doubts:
            warnings.warn(doubt, stacklevel=2 + FRAMES)
        return self

    def _routed(self, sample_weight: Any, params: dict[str, Any]) -> Any:
        """What the splitter and the scorer get."""
        if _routing_enabled():
            return process_routing(self, "fit", sample_weight=sample_weight, **params)
        score = dict(params)
        if sample_weight is not None:
            score["sample_weight"] = sample_weight
        return Bunch(splitter=Bunch(split={}), scorer=Bunch(score=score))

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
            ratio = 0.0 if SKLEARN >= (1, 9) else None
            each = coefs[np.arange(len(coefs)), places]
            w = np.nan_to_num(each, nan=0.0, posinf=scoring.LIMIT, neginf=-scoring.LIMIT).mean(axis=0)
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
        self, grid: cv_parameters.Grid, scores: Float, coefs: Float, steps: npt.NDArray[np.int32]
    ) -> None:
        """`scores_`, `coefs_paths_` and `n_iter_`, from arrays (F, L, ...)."""
        if not grid.legacy:
            R = 1 if grid.ratios is None else len(grid.ratios)
            self.scores_ = np.repeat(scores[:, None], R, axis=1)
            self.coefs_paths_ = np.repeat(coefs[:, None], R, axis=1)
            self.n_iter_ = np.repeat(steps[:, None], R, axis=1)
            return
        if grid.ratios is not None:
            R = len(grid.ratios)
            scores, steps = np.repeat(scores[:, :, None], R, axis=2), np.repeat(steps[:, :, None], R, axis=2)
        classes = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        self.scores_ = {c: scores.copy() for c in classes}
        self.coefs_paths_ = {}
        for row, c in enumerate(classes):
            of_class = coefs[:, :, row]
            if grid.ratios is not None:
                of_class = np.repeat(of_class[:, :, None], len(grid.ratios), axis=2)
            self.coefs_paths_[c] = np.ascontiguousarray(of_class)
        self.n_iter_ = steps[None]

    def _mean(self, begin: Float) -> Float | None:
        """The mean of the folds' fits (F, R, dof) to start from; None where some are infinite."""
        with np.errstate(invalid="ignore"):
            # of intercepts -inf and inf: nan
            mean = begin.mean(axis=0)
        intercept = bool(self.fit_intercept)
        free = mean[:, -1] if intercept else np.zeros(len(mean))
        return as_start(mean[:, : self.n_features_in_], free, fit_intercept=intercept)

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
