"""Warnings that who knows scikit-learn's catches, and who knows sigmax's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning as ConvergenceWarningOfSklearn

from sigmax import exceptions
from sigmax.estimation import Found
from sigmax.kernels import Float
from sigmax.paths import Path
from sigmax.solvers.solution import Stop

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


def of_estimator(doubt: exceptions.ConvergenceWarning, found: Found, l2: float) -> ConvergenceWarning:
    """What an estimator warns of where :func:`sigmax.fitting.concluded` has a doubt of a search."""
    if isinstance(doubt, exceptions.SeparationWarning):
        return SeparationWarning(f"{doubt}; {_LIMIT if l2 == 0.0 else _ABSENT}")
    assert found.solution is not None
    if found.solution.stop in (Stop.ITERATIONS, Stop.CALLBACK):
        return ConvergenceWarning(str(doubt))
    return ConvergenceWarning(f"{doubt}, or {'pass a finite C' if l2 == 0.0 else 'lower C'}")


def of_folds(
    paths: Sequence[Path], Cs: Float, classes: npt.NDArray[Any], limit: int | None
) -> list[ConvergenceWarning]:
    """What a cross-validation warns of: the first fold that lacks a class, the first fit that is not proved.

    `limit` is that of steps, where there is one.
    """
    found: list[ConvergenceWarning] = []
    lacking = [f for f, path in enumerate(paths) if len(path.present) < len(classes)]
    if lacking:
        f = lacking[0]
        label = next(c for k, c in enumerate(classes.tolist()) if k not in paths[f].present)
        found.append(
            SeparationWarning(
                f"the training rows of fold {f} lack the class {label!r}: its intercept there is -inf, and "
                "its probability 0; pass a stratified cv"
            )
        )
    without = [(f, int(i)) for f, path in enumerate(paths) for i in np.flatnonzero(~path.converged)]
    if not without:
        return found
    f, i = without[0]
    result = paths[f].unpenalised.get(i)
    kind = ConvergenceWarning
    if result is not None and result.separation is not None:
        kind, why, knob = SeparationWarning, "the classes are separated", "leave out the largest of Cs"
    elif limit is not None and paths[f].iterations[i] >= limit:
        why, knob = "the iteration limit was reached", "raise max_iter"
    else:
        why, knob = "it could not be certified", "leave out the largest of Cs"
    message = (
        f"{len(without)} of {len(paths) * len(Cs)} fits have no optimum that is proved; the first is "
        f"fold {f} with C={float(Cs[i])!r}: {why}; {knob}"
    )
    return [*found, kind(message)]
