"""A result as other runtimes see it: a linear function for each class, of columns that have names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigmax.identification import parametrisation
from sigmax.inference.estimates import Estimates
from sigmax.kernels import Float

#: parameters that a message names
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Logits of all classes, eta_k = coef_k [1 x].

    Attributes
    ----------
    classes : ndarray of shape (K,)
    coef : ndarray of shape (K, k)
        That of one class is zero; 0 for columns that were left out.
    used : bool ndarray of shape (k,)
        Which columns were not left out; the intercept counts.
    names : tuple of str, of length p
        Of the columns, without the intercept.
    intercept : bool
    """

    classes: npt.NDArray[np.generic]
    coef: Float
    used: npt.NDArray[np.bool_]
    names: tuple[str, ...]
    intercept: bool


def linear_model(result: Estimates, what: str) -> LinearModel:
    """The model that predicts, whatever the parametrisation of the result is.

    Raises
    ------
    ValueError
        Parameters are infinite or have no value: `what` asks for them.
    """
    origin = result._source
    finite = np.isfinite(origin.params) | origin.aliased
    if not finite.all():
        named = ", ".join(
            f"{origin.param_names[index[-1]]!r} is {origin.params[tuple(index)]}"
            for index in np.argwhere(~finite)[:_SHOWN].tolist()
        )
        more = int((~finite).sum()) - _SHOWN
        raise ValueError(
            f"{what} needs finite parameters: the classes are separated, and {named}"
            f"{f' and {more} more are not finite' if more > 0 else ''}; fit with on_separation='firth', "
            "bias_reduction='firth' or l2="
        )
    matrix = np.atleast_2d(np.where(origin.aliased, 0.0, origin.params))
    base = origin._base
    assert base is not None
    return LinearModel(
        origin.classes,
        parametrisation.padded(matrix, base),
        ~np.atleast_2d(origin.aliased)[0],
        origin.param_names[int(origin.fit_intercept) :],
        origin.fit_intercept,
    )
