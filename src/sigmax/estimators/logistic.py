"""`LogisticRegression` as scikit-learn has it, fitted to the exact optimum."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sigmax.estimators import parameters
from sigmax.estimators.base import LinearClassifier, Training
from sigmax.estimators.callbacks import FRAMES, Watch, with_callbacks
from sigmax.estimators.coefficients import as_start
from sigmax.estimators.versions import PENALTY_IS_DEPRECATED
from sigmax.kernels import Float

#: the constructor of the scikit-learn that is installed
Parameters: Any = parameters.Since18 if PENALTY_IS_DEPRECATED else parameters.Before18


class LogisticRegression(Parameters, LinearClassifier):
    """Logistic and multinomial regression with an L2 penalty, in scikit-learn's manner, to the exact optimum.

    A drop-in for ``sklearn.linear_model.LogisticRegression``: the constructor, its defaults and the
    attributes are those of the scikit-learn that is installed, 1.6 to 1.9, and so is the objective

        sum_i w_i nll_i + 1 / (2 C) sum_k |coef_k|^2        (intercepts are free; K > 2: all K classes)

    `fit` minimises it to rounding and proves how far from the optimum it can be; `result_` has that proof,
    and the standard errors, tests and summaries of :func:`sigmax.fit`.

    Parameters
    ----------
    penalty : {"l2", None}
        Deprecated since scikit-learn 1.8, as there: C alone says it.  L1 and elastic net do not exist here
        yet, and are refused.
    C : float, default=1.0
        Inverse of the strength of the penalty, C > 0; ``np.inf`` for none.
    l1_ratio : float
        0, or None where the scikit-learn that is installed has None.
    dual : bool, default=False
        As in scikit-learn True goes with ``solver="liblinear"`` alone; no effect.
    tol : float, default=1e-4
        Newton decrement to reach, in standard errors, where it is less than 1e-12; else the fit goes to
        1e-12.
    fit_intercept : bool, default=True
        Whether there is an intercept.
    intercept_scaling : float, default=1
        No effect.
    class_weight : dict or "balanced", optional
        Weight of each class, 1 where a dict has none; "balanced": n / (K n_k), where n_k counts rows, and
        their sample weights since scikit-learn 1.7.  Multiplied with sample weights.
    random_state : int or RandomState, optional
        No effect: nothing is drawn.
    solver : {"lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga", "auto"}, default="lbfgs"
        No effect: the optimum is one, and how it is found follows from the data.  "auto" is what the others
        mean.
    max_iter : int, default=100
        Steps over all rows at most, where it is below 100 or above 1000; else as many as a fit takes at most:
        100, and 1000 where each reads the data for a gradient alone.
    verbose : int, default=0
        With a positive one, a fit that takes long shows a line of progress, on a terminal.
    warm_start : bool, default=False
        Whether to start from the coefficients of the last fit.  Steps are saved, the optimum is the same.
    n_jobs : int, optional
        No effect: threads are those of ``SIGMAX_NUM_THREADS``, else of ``OMP_NUM_THREADS``, else the CPUs.
    multi_class : str
        scikit-learn 1.6 and 1.7 only, and deprecated there.  "ovr" with K > 2 classes, and "multinomial" with
        two, are other models, and refused.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        Labels, sorted.
    coef_ : ndarray of shape (1, p) or (K, p)
        Slopes of the log odds of ``classes_[1]``; with K > 2 classes those of each class, which sum to zero.
        float64 for any dtype of X.
    intercept_ : ndarray of shape (1,) or (K,)
        Intercepts, which sum to zero as well; zeros where none was fitted.
    n_iter_ : int32 ndarray of shape (1,)
        Steps over all rows.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (p,)
        Names of the columns, where X had names that are str.
    result_ : sigmax.inference.result.Result
        The fit: ``result_.summary()``, ``result_.certificate``, standard errors, tests, intervals; against
        ``classes_[0]``: ``result_.symmetric()`` has the rows of `coef_`.  It keeps X, y and weights by
        reference; a pickled estimator leaves them behind.

    Warns
    -----
    ConvergenceWarning
        No certificate could be given.  It is sigmax's and scikit-learn's at once: either catches it.
    SeparationWarning
        There is no maximum: C is ``np.inf`` and columns predict classes without error, or a class has rows of
        weight 0 alone.  Then `coef_` holds -inf and inf where coefficients run away, and nan where they have
        no limit; with K > 2 classes it is against the first one, whose row is zero.  Predictions are
        those of the limit, and finite.  It is a ConvergenceWarning of both kinds.

    See Also
    --------
    sigmax.fit : The same fit, with offsets, counts, formulas, and more kinds of weights.

    Notes
    -----
    Differences from scikit-learn:

    * Every solver fits the same objective.  scikit-learn's liblinear penalises the intercept, and fits K > 2
      classes not at all or one by one.
    * Fits end at the optimum whatever `tol` and the default of `max_iter`; coefficients are float64.
    * Without a penalty, columns that are combinations of others get, of all coefficients with the same
      fitted values, those of the smallest norm, intercept included.
    * Sample weights are not negative.  In `result_` they are frequencies; together with `class_weight` they
      multiply the likelihood and count no observations.
    * `predict_log_proba` is finite where probabilities are 0 in float64.
    * Callbacks (scikit-learn 1.9) are served by every solver: each read of all rows is a task; a true value
      that a hook of its end returns ends the fit, unconverged.

    Sparse X is fitted in its rows, of which blocks become dense when they are read: memory stays small, and
    time is that of dense rows.

    Examples
    --------
    >>> import sigmax as sx
    >>> data = sx.datasets.load("spector")
    >>> model = sx.LogisticRegression(C=10.0).fit(data.X, data.y)
    >>> model.coef_.round(6)
    array([[2.401721, 0.10127 , 2.076108]])
    >>> model.predict(data.X[:3])
    array([0, 0, 0])
    >>> model.result_.certificate.digits >= 12
    True
    """

    warm_start: bool

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n, p)
            Finite real numbers; an array is neither copied nor written.
        y : array_like of shape (n,)
            Labels of at least two classes.
        sample_weight : array_like of shape (n,), optional
            Weights of rows, at least 0; a row of weight w counts as w equal rows.

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
        parameters.check_shared(self)
        parameters.check_flag(self, "warm_start")
        l2 = parameters.l2_of(self)
        data = self._training(X, y, sample_weight)
        parameters.check_multi_class(self, len(data.classes))
        watch = Watch(self, data.X, data.y, sample_weight, len(data.classes), self.n_features_in_)
        doubt = self._fit_rows(data, l2, self._start(data) if self.warm_start else None, watch)
        self.n_iter_ = np.array([self.result_.certificate.iterations], np.int32)
        watch.end()
        if doubt is not None:
            warnings.warn(doubt, stacklevel=2 + FRAMES)
        return self

    def _start(self, data: Training) -> Float | None:
        """The last fit's coefficients; None where there was none, or they are infinite."""
        if not hasattr(self, "coef_"):
            return None
        coef = self.coef_ if isinstance(self.coef_, np.ndarray) else self.coef_.toarray()
        rows = 1 if len(data.classes) == 2 else len(data.classes)
        if coef.shape != (rows, self.n_features_in_):
            raise ValueError(
                f"warm_start=True needs coef_ of the shape of the data's coefficients, "
                f"{(rows, self.n_features_in_)}; got {coef.shape}"
            )
        return as_start(coef, self.intercept_, fit_intercept=bool(self.fit_intercept))
