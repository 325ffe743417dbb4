"""What the linear classifiers share: the data they take, what they keep of a fit, and how they predict."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, issparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from sigmax import kernels, threads
from sigmax.data.chunks import Chunks
from sigmax.data.design import Design
from sigmax.data.labels import encode
from sigmax.data.weights import weights
from sigmax.estimation import Data, estimate
from sigmax.estimators import parameters
from sigmax.estimators.callbacks import CallbackSupportMixin, Watch, shown
from sigmax.estimators.coefficients import of_result
from sigmax.estimators.doubts import ConvergenceWarning, of_estimator
from sigmax.estimators.limits import limiting_decision
from sigmax.estimators.sparse_rows import SparseRows
from sigmax.estimators.versions import BALANCED_COUNTS_WEIGHTS
from sigmax.fitting import concluded
from sigmax.functions import expit, log_expit, log_softmax, softmax
from sigmax.inference.estimates import OF_THE_DATA
from sigmax.inference.result import Result
from sigmax.kernels import Codes, Float
from sigmax.objective import linear_predictor

#: labels of these kinds are classes, whatever they are
_LABELS = "biuU"


@dataclass(frozen=True, slots=True)
class Training:
    """Checked data of a fit.

    Attributes
    ----------
    X : ndarray of shape (n, p) or sparse matrix in CSR format
        As it was given where it is an array of real numbers: not copied.  A sparse matrix holds finite
        numbers; of an array the fit finds out.
    rows : ndarray or Chunks
        X as the fit reads it.
    y : ndarray of shape (n,)
        Labels.
    classes : ndarray of shape (K,)
        All labels, sorted, those of rows of weight 0 included; K >= 2.
    codes : int32 ndarray of shape (n,)
        Index of each label among the classes.
    weight : float64 ndarray of shape (n,) or None
        Sample weight times class weight; None for ones.
    weight_type : {"frequency", "importance"}
        What they mean in the result: with class weights a row stands for no number of rows.
    names : list of str or None
        Of the columns, where they have names that differ.
    """

    X: Any
    rows: npt.NDArray[np.generic] | Chunks
    y: npt.NDArray[np.generic]
    classes: npt.NDArray[np.generic]
    codes: Codes
    weight: Float | None
    weight_type: str
    names: list[str] | None

    def design(self, *, intercept: bool) -> Design:
        """The design of all rows."""
        return Design(self.rows, intercept=intercept, names=self.names)


class LinearClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Logistic and multinomial classifiers with `coef_` and `intercept_`, and all that follows from them.

    A subclass has the parameters below, and a method that fits: it takes its data from `_training`, and hands
    them to `_fit_rows`.
    """

    fit_intercept: bool
    class_weight: Any
    tol: float
    max_iter: int
    verbose: int
    classes_: npt.NDArray[Any]
    coef_: Any
    intercept_: Float
    n_iter_: npt.NDArray[np.int32]
    n_features_in_: int
    result_: Result

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # -- before and after a fit ---------------------------------------------------------------------

    def _training(self, X: Any, y: Any, sample_weight: Any) -> Training:
        """Check X, y and weights; sets `n_features_in_`, `feature_names_in_` and `classes_`.

        Raises
        ------
        ValueError
            As scikit-learn's own classifiers raise, for one class alone, too.
        """
        # whether an array is finite the fit asks anyway; of a sparse matrix only what is stored is read here
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype="numeric", ensure_all_finite=issparse(X))
        if y.dtype.kind not in _LABELS:
            check_classification_targets(y)
        self.classes_, codes = encode(y, None, threads.resolve(), least=1)
        if len(self.classes_) < 2:
            raise ValueError(
                "This solver needs samples of at least 2 classes in the data, but the data contains only one "
                f"class: {self.classes_[0]!r}"
            )
        weight, weight_type = self._weights(y, codes, sample_weight)
        named = getattr(self, "feature_names_in_", None)
        names = None if named is None or len({*named}) < len(named) else named.tolist()
        rows = X if isinstance(X, np.ndarray) else SparseRows(X)
        # of the last fit
        self.__dict__.pop("result_", None)
        return Training(X, rows, y, self.classes_, codes, weight, weight_type, names)

    def _weights(
        self, y: npt.NDArray[np.generic], codes: Codes, sample_weight: Any
    ) -> tuple[Float | None, str]:
        """Sample weight times class weight, and what they mean."""
        given: Float | None = None
        if isinstance(sample_weight, Real):
            sample_weight = np.full(len(y), float(sample_weight))
        if sample_weight is not None:
            array = np.asarray(sample_weight)
            if array.ndim == 1 and array.dtype == object:
                array = array.astype(np.float64)
            if array.size and not array.any():
                raise ValueError(f"sample_weight must have a positive value; all {array.size:,} are zero")
            checked = weights("sample_weight", array, len(y), threads.resolve())
            given = checked.values if checked.scale == 1.0 else array.astype(np.float64)
        if self.class_weight is None:
            return given, "frequency"
        of_classes = self._class_weights(y, given)
        of_rows: Float = of_classes[codes]
        return of_rows if given is None else given * of_rows, "importance"

    def _class_weights(self, y: npt.NDArray[np.generic], given: Float | None) -> Float:
        """The weight of each class."""
        counted = {"sample_weight": given} if BALANCED_COUNTS_WEIGHTS and given is not None else {}
        with np.errstate(divide="ignore"):
            found = compute_class_weight(self.class_weight, classes=self.classes_, y=y, **counted)
        each: Float = np.asarray(found, np.float64)
        if isinstance(self.class_weight, str):
            # of a class whose rows all have weight 0 balance says inf, and any finite number is the same
            return np.where(np.isinf(each), 0.0, each)
        if not (np.isfinite(each).all() and (each >= 0.0).all()):
            raise ValueError(f"class_weight must hold finite weights >= 0; got {self.class_weight!r}")
        return each

    def _fit_rows(
        self, data: Training, l2: float, start: Float | None, watch: Watch
    ) -> ConvergenceWarning | None:
        """Fit all rows; sets `coef_`, `intercept_` and `result_`, which is against the first class.

        Returns what there is to warn of, once callbacks have been told of the end.
        """
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
        return None if doubt is None else of_estimator(doubt, found, l2)

    # -- predictions --------------------------------------------------------------------------------

    def decision_function(self, X: Any) -> Float:
        """Logits of rows.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n, p)

        Returns
        -------
        ndarray of shape (n,) or (n, K)
            Log odds of ``classes_[1]``; with K > 2 classes, logits of all classes, whose softmax are the
            probabilities.  float64.  Where the classes are separated they are limits, -inf and inf among
            them.

        Raises
        ------
        NotFittedError
            `fit` has not been called.
        ValueError
            X is of another width, not real, or holds nan or inf.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype="numeric", reset=False)
        stored = self.coef_ if isinstance(self.coef_, np.ndarray) else self.coef_.data
        if not (np.isfinite(stored).all() and np.isfinite(self.intercept_).all()):
            return limiting_decision(self.result_, X)
        if isinstance(X, np.ndarray) and stored is self.coef_:
            matrix = np.column_stack([self.intercept_, self.coef_]).astype(np.float64, copy=False)
            eta = linear_predictor(Design(X), matrix, None, kernels.get(), threads.resolve())
        else:
            product = X @ self.coef_.T
            dense = product if isinstance(product, np.ndarray) else product.toarray()
            eta = np.asarray(dense + self.intercept_, np.float64)
        return eta[:, 0] if eta.shape[1] == 1 else eta

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class of each row.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n, p)

        Returns
        -------
        ndarray of shape (n,)
            Labels; of two equally probable ones the first.
        """
        eta = self.decision_function(X)
        index = (eta > 0.0).astype(np.intp) if eta.ndim == 1 else np.argmax(eta, axis=1)
        labels: npt.NDArray[Any] = self.classes_[index]
        return labels

    def predict_proba(self, X: Any) -> Float:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n, p)

        Returns
        -------
        ndarray of shape (n, K)
            Columns in the order of `classes_`; float64.
        """
        eta = self.decision_function(X)
        if eta.ndim == 1:
            return np.stack([expit(-eta), expit(eta)], axis=1)
        return np.asarray(softmax(eta, axis=1))

    def predict_log_proba(self, X: Any) -> Float:
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n, p)

        Returns
        -------
        ndarray of shape (n, K)
            Finite where the probability is too small for float64, unlike the logarithm of that.
        """
        eta = self.decision_function(X)
        if eta.ndim == 1:
            return np.stack([log_expit(-eta), log_expit(eta)], axis=1)
        return np.asarray(log_softmax(eta, axis=1))

    # -- layouts of coef_ ---------------------------------------------------------------------------

    def densify(self) -> Self:
        """Make `coef_` an array again; nothing where it is one.

        Returns
        -------
        self
        """
        check_is_fitted(self, msg="Estimator, %(name)s, must be fitted before densifying.")
        if not isinstance(self.coef_, np.ndarray):
            self.coef_ = self.coef_.toarray()
        return self

    def sparsify(self) -> Self:
        """Make `coef_` a sparse matrix in CSR format, which predicts as well.

        Returns
        -------
        self

        Notes
        -----
        Of an L2 penalty no coefficient is zero: this is here for code that calls it.
        """
        check_is_fitted(self, msg="Estimator, %(name)s, must be fitted before sparsifying.")
        self.coef_ = csr_matrix(self.coef_)
        return self

    # -- pickles ------------------------------------------------------------------------------------

    def __copy__(self) -> Self:
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        return new

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        result = state.get("result_")
        if result is None:
            return state
        try:
            result._compute()
        except ValueError as error:
            warnings.warn(
                f"the estimator predicts as before, but the covariance of result_ is lost: {error}",
                UserWarning,
                stacklevel=2,
            )
            order = result.params.size
            lost = np.full((order, order), np.nan)
            left: dict[str, Any] = dict.fromkeys(OF_THE_DATA)
            state = {**state, "result_": replace(result, _covariance=lost, **left)}
        return state
