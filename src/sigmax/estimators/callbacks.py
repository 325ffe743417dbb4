"""The callbacks of scikit-learn 1.9: each read of all rows is a task of the fit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from sigmax.estimators.coefficients import Coefficients, of_params
from sigmax.kernels import Float
from sigmax.progress import ProgressLine
from sigmax.solvers.monitor import Callback, Progress

_Method = TypeVar("_Method", bound=Callable[..., Any])


class _Nothing:
    """What a scikit-learn without callbacks has in the place of their mixin."""


try:
    from sklearn import callback as _theirs
except ImportError:  # before 1.9
    _theirs = None
SUPPORTED = _theirs is not None
CallbackSupportMixin: Any = _theirs.CallbackSupportMixin if SUPPORTED else _Nothing


def with_callbacks(fit: _Method) -> _Method:
    """Tear callbacks down when the method ends, however it does."""
    if not SUPPORTED:
        return fit
    wrapped: _Method = _theirs.with_callbacks(fit)
    return wrapped


#: frames of `with_callbacks` between a method and its caller
FRAMES = int(SUPPORTED)


@contextmanager
def shown(callback: Callback | None, verbose: int) -> Iterator[Callback | None]:
    """The callback, and where `verbose` is true a line of progress on a terminal, too."""
    if not verbose:
        yield callback
        return
    with ProgressLine(sys.stderr) as line:

        def both(state: Progress) -> object:
            line(state)
            return callback is not None and callback(state)

        yield both


class Watch:
    """Hooks of an estimator's callbacks, at the beginning of its fit, around each read, and at the end.

    Parameters
    ----------
    estimator : estimator
        Its method that fits is decorated by :func:`with_callbacks`.
    X, y : validated data, as hooks get them
    sample_weight : array_like or None
    n_classes, n_features : int
    """

    def __init__(
        self, estimator: Any, X: Any, y: Any, sample_weight: Any, n_classes: int, n_features: int
    ) -> None:
        self._estimator = estimator
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._data = {"X": X, "y": y, "metadata": metadata}
        self._shape = n_classes, n_features
        self._context: Any = None
        self._task: Any = None
        if SUPPORTED:
            # how many reads a fit takes is known when it has ended
            self._context = estimator._init_callback_context(max_subtasks=None)
            self._context.call_on_fit_task_begin(estimator=estimator, **self._data)

    @property
    def callback(self) -> Callback | None:
        """What the fit calls after each read; None where nobody watches."""
        return self._after if getattr(self._estimator, "_skl_callbacks", None) else None

    def _begin(self, at: dict[str, Float] | None) -> None:
        self._task = self._context.subcontext(task_name="read")
        self._task.call_on_fit_task_begin(
            estimator=self._estimator, **self._data, reconstruction_attributes=at
        )

    def start(self) -> None:
        """Begin the first read, at zero."""
        if self.callback is not None:
            n_classes, n_features = self._shape
            rows = 1 if n_classes == 2 else n_classes
            self._begin({"coef_": np.zeros((rows, n_features)), "intercept_": np.zeros(rows)})

    def _after(self, state: Progress) -> bool:
        at = self._attributes(state.coef)
        stop = bool(
            self._task.call_on_fit_task_end(
                estimator=self._estimator, **self._data, reconstruction_attributes=at
            )
        )
        self._begin(at)
        return stop

    def _attributes(self, coef: Float) -> dict[str, Float] | None:
        """What predicts as if the fit had stopped here; None while columns are left out."""
        n_classes, n_features = self._shape
        intercept = bool(self._estimator.fit_intercept)
        if len(coef) != (n_classes - 1) * (n_features + intercept):
            return None
        found: Coefficients = of_params(coef.reshape(n_classes - 1, -1), intercept=intercept)
        return {"coef_": found.coef, "intercept_": found.intercept}

    def end(self) -> None:
        """End the read that was begun and not needed, and the fit."""
        if self._context is None:
            return
        if self._task is not None:
            self._task.call_on_fit_task_end(estimator=self._estimator)
        self._context.call_on_fit_task_end(
            estimator=self._estimator, **self._data, reconstruction_attributes={}
        )
