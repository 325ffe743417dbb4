"""Warnings that who knows scikit-learn's catches, and who knows sigmax's."""

from __future__ import annotations

from sklearn.exceptions import ConvergenceWarning as ConvergenceWarningOfSklearn

from sigmax import exceptions
from sigmax.inference.result import Result

_LIMIT = (
    "the maximum-likelihood estimate does not exist: coef_ is infinite where it runs away, and predictions "
    "are those of the limit; drop or merge what separates, collect more data, or pass a finite C"
)
_ABSENT = (
    "the estimate does not exist: intercepts are infinite, and predictions are those of the limit; leave out "
    "the rows of weight 0"
)


class ConvergenceWarning(exceptions.ConvergenceWarning, ConvergenceWarningOfSklearn):
    """A fit ended without a certificate; the message says why and which knob to turn."""


class SeparationWarning(exceptions.SeparationWarning, ConvergenceWarning):
    """The classes are separated: the maximum-likelihood estimate does not exist; see `result_.separation`."""


def of_estimator(doubt: exceptions.ConvergenceWarning, result: Result) -> ConvergenceWarning:
    """What an estimator warns of where :func:`sigmax.fitting.concluded` has a doubt."""
    if isinstance(doubt, exceptions.SeparationWarning):
        return SeparationWarning(f"{doubt}; {_LIMIT if result.l2 == 0.0 else _ABSENT}")
    return ConvergenceWarning(str(doubt))
