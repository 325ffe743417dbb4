"""`LogisticRegression` as scikit-learn has it, fitted to the exact optimum."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sigmax import kernels, threads
from sigmax.estimation import Data, estimate
from sigmax.estimators import parameters
from sigmax.estimators.base import LinearClassifier, Training
from sigmax.estimators.callbacks import FRAMES, Watch, with_callbacks
from sigmax.estimators.coefficients import as_start
from sigmax.estimators.doubts import of_estimator
from sigmax.estimators.versions import PENALTY_IS_DEPRECATED
from sigmax.fitting import concluded
from sigmax.kernels import Float

if PENALTY_IS_DEPRECATED:
    from sigmax.estimators.parameters import Since18 as Parameters
else:
    from sigmax.estimators.parameters import Before18 as Parameters  # type: ignore[assignment]


class LogisticRegression(Parameters, LinearClassifier):
    """TODO."""

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Fit.
        """
        parameters.check_shared(self)
        parameters.check_flag(self, "warm_start")
        l2 = parameters.l2_of(self)
        data = self._training(X, y, sample_weight)
        parameters.check_multi_class(self, len(data.classes))
        watch = Watch(self, data.X, data.y, sample_weight, len(data.classes), self.n_features_in_)
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
        start = self._start(data) if self.warm_start else None
        self.__dict__.pop("result_", None)
        watch.start()
        found = estimate(
            observed,
            l2=l2,
            start=start,
            tol=parameters.tolerance(self.tol),
            max_iter=parameters.steps(self.max_iter),
            callback=watch.callback,
            refuse_dependence=False,
        )
        result, doubt = concluded(observed, found, 0, l2=l2, collinear="min_norm")
        self._keep(result)
        watch.end()
        if doubt is not None:
            warnings.warn(of_estimator(doubt, result), stacklevel=2 + FRAMES)
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
