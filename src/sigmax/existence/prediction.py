"""Probabilities in the limit.

Along the direction d of separation the classes whose d_k'x is largest share the probability of a row x, and
the others have none, exactly.  Those that share it do so by the limiting fit, as far as that determines it:
where a vector of the null space still moves their logits apart, the data say nothing, and the answer is nan.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigmax.data.design import Design
from sigmax.existence import dots
from sigmax.existence.integers import Integers
from sigmax.existence.separation import Separation, per_class
from sigmax.functions import softmax
from sigmax.kernels import Float, Kernels


def limiting_order(
    found: Separation, design: Design, columns: npt.NDArray[np.bool_], kernels: Kernels
) -> npt.NDArray[np.int8]:
    """How two classes compare in the limit, (n, K, K): +1, -1 for certain, 0 by the fit, 2 for unknown.

    Element [i, a, b] is the sign of (d_a - d_b)'x_i; where that is 0 and a vector of the null space moves the
    two apart, 2.

    Parameters
    ----------
    found : Separation
    design : Design
        Rows, without the columns that were left out of the fit.
    columns : bool ndarray
        Which of the separation's columns it has.
    kernels : Kernels
    """
    n_classes = len(np.atleast_2d(found.direction)) + 1
    d = per_class(found, found.exact_direction)[:, columns]
    null = [per_class(found, v)[:, columns] for v in found.null]
    order = np.zeros((design.n_rows, n_classes, n_classes), np.int8)
    size = max(2**16 // design.width, 1)
    for start in range(0, design.n_rows, size):
        X = design.block(start, min(start + size, design.n_rows))
        for a in range(n_classes):
            for b in range(a):
                sign = _signs(X, d[a] - d[b], kernels, design.intercept)
                tied = np.flatnonzero(sign == 0)
                for v in null:
                    if len(tied):
                        moves = _signs(X[tied], v[a] - v[b], kernels, design.intercept) != 0
                        sign[tied[moves]] = 2
                        tied = tied[~moves]
                order[start : start + len(X), a, b] = sign
                order[start : start + len(X), b, a] = np.where(sign == 2, 2, -sign)
    return order


def limiting_logits(order: npt.NDArray[np.int8], eta: Float, base: int) -> Float:
    """Log odds of the other classes against class `base`, from those of the finite coefficients; (n, m)."""
    against = np.delete(order[:, :, base], base, axis=1)
    shown: Float = np.where(against > 0, np.inf, -np.inf)
    shown[against == 2] = np.nan
    shown[against == 0] = eta[against == 0]
    return shown


def limiting_probabilities(order: npt.NDArray[np.int8], eta: Float, base: int, kernels: str) -> Float:
    """Probabilities, shape (n, K); nan for classes whose share is not determined.

    Parameters
    ----------
    order : ndarray of shape (n, K, K)
    eta : ndarray of shape (n, K - 1)
        Logits of the finite coefficients.
    base : int
        The class that they are against.
    kernels : str
        Name of the backend.
    """
    beaten = (order == -1).any(axis=2)
    unknown = ((order == 2) & ~beaten[:, None, :]).any(axis=2) & ~beaten
    logits = np.insert(eta, base, 0.0, axis=1)
    p = np.asarray(softmax(np.where(beaten, -np.inf, logits), axis=1, backend=kernels), np.float64)
    # one unknown share leaves all that compete with it unknown
    p[unknown.any(axis=1)[:, None] & ~beaten] = np.nan
    # certain whatever the logits are, nan included
    p[beaten] = 0.0
    p[~beaten & (beaten.sum(axis=1) == beaten.shape[1] - 1)[:, None]] = 1.0
    return p


def _signs(X: Float, d: Integers, kernels: Kernels, intercept: bool) -> dots.Signs:
    return dots.signs(X, dots.Direction(d), kernels, intercept)[0]
