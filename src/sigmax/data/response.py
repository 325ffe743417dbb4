"""The response: class codes, weights and offsets of the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import contiguous, finite, none_of, numbers
from sigmax.data.declared import declared, in_order, recode
from sigmax.data.labels import encode
from sigmax.data.weights import weights
from sigmax.kernels import Codes, Float


@dataclass(frozen=True, slots=True)
class Response:
    """What was observed in each row.

    Attributes
    ----------
    classes : ndarray of shape (K,)
        The distinct labels, sorted; class 0 is the reference.
    codes : int32 ndarray of shape (n,)
        Index of each row's label in `classes`.
    weight : float64 ndarray of shape (n,), or None for ones
        How many equal rows a row stands for, in units of `scale`; at least one is positive.
    offset : float64 ndarray of shape (n, K - 1), or None for zeros
        Added to the logits of the classes 1 .. K-1.
    weight_sum : float
        Sum of `weight`, in units of `scale`.
    smallest_weight : float
        The smallest positive number of `weight`, in units of `scale`.
    scale : float
        A power of two: true weight = weight * scale.  1.0 where the largest weight is from 2^-20 to below
        2^31, else such that the largest of `weight` is at least 1 and less than 2.  What is summed with
        `weight` (negative log-likelihood, gradient, Hessian) is multiplied by it to be in true
        units, a covariance divided; estimates do not depend on it.
    absent : tuple of int
        Classes without a row of positive weight: there are some only where classes are declared.
    """

    classes: npt.NDArray[np.generic]
    codes: Codes
    weight: Float | None
    offset: Float | None
    weight_sum: float
    smallest_weight: float
    scale: float = 1.0
    absent: tuple[int, ...] = ()

    @property
    def n_logits(self) -> int:
        """K - 1."""
        return len(self.classes) - 1

    @property
    def total_weight(self) -> float:
        """Sum of the true weights, the number of observations; inf where it exceeds the largest double."""
        return self.weight_sum * self.scale

    def take(self, rows: npt.NDArray[np.intp]) -> Response:
        """The rows of the indices `rows`, with the same classes, of which some may then have no row."""
        weight = None if self.weight is None else self.weight[rows]
        return replace(
            self,
            codes=self.codes[rows],
            weight=weight,
            offset=None if self.offset is None else self.offset[rows],
            weight_sum=float(len(rows)) if weight is None else float(weight.sum()),
        )


def response(
    y: npt.ArrayLike,
    n_rows: int,
    *,
    sample_weight: npt.ArrayLike | None = None,
    offset: npt.ArrayLike | None = None,
    classes: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> Response:
    """Encode labels, weights and offsets.

    Parameters
    ----------
    y : array_like of shape (n_rows,)
        Labels of any sortable dtype.
    sample_weight : array_like of shape (n_rows,), optional
        Non-negative, of any scale; rows of weight 0 do not count, not even for the classes.
    offset : array_like of shape (n_rows,) or (n_rows, K), optional
        (n_rows,) for two classes: added to the logit of the second one.  (n_rows, K): one for each class;
        only differences from the first class's matter.
    classes : array_like of shape (K,), K >= 2, optional
        The classes, of which some may have no row; those of `y` by default.
    n_threads : int
        Has no influence on the result.

    Raises
    ------
    ValueError
        Wrong shapes, missing labels, labels that are not among `classes`, fewer than two classes, negative
        or non-finite numbers.
    """
    labels = np.asarray(y)
    if labels.shape != (n_rows,):
        raise ValueError(f"y must have shape ({n_rows},), one label for each row of X; got {labels.shape}")
    counted = None
    if sample_weight is None:
        weight, total, smallest, scale = None, float(n_rows), 1.0, 1.0
    else:
        w = weights("sample_weight", sample_weight, n_rows, n_threads)
        weight, total, smallest, scale = w.values, w.total, w.smallest, w.scale
        # rows of weight 0 may have a label of their own; any code will do for them
        counted = w.values > 0.0 if w.has_zeros else None
    if classes is None:
        named, codes = encode(labels, counted, n_threads)
        absent: tuple[int, ...] = ()
    else:
        named = in_order(declared(classes))
        codes, absent = recode(named, *encode(labels, counted, n_threads, least=1), counted)
    return Response(
        classes=named,
        codes=codes,
        weight=weight,
        offset=None if offset is None else offsets(offset, n_rows, len(named)),
        weight_sum=total,
        smallest_weight=smallest,
        scale=scale,
        absent=absent,
    )


def offsets(value: npt.ArrayLike, n_rows: int, n_classes: int) -> Float:
    """Offsets of the classes 1 .. K-1 against class 0, shape (n_rows, K - 1).

    Raises
    ------
    ValueError
        Not real numbers, of another shape, nan or inf, or with differences beyond float64.
    """
    array = numbers("offset", value)
    allowed = [(n_rows, n_classes)] + ([(n_rows,)] if n_classes == 2 else [])
    if array.shape not in allowed:
        shapes = " or ".join(str(shape) for shape in allowed)
        raise ValueError(f"offset must have shape {shapes}; got {array.shape}")
    finite("offset", array)
    if array.ndim == 1:
        return contiguous(array[:, None])
    wide = array.astype(np.float64)
    with np.errstate(over="ignore"):
        difference = wide - wide[:, :1]
    far = ~np.isfinite(difference)
    none_of("offset", wide, far, "stay within float64 when its first column is subtracted", "too far from it")
    return np.ascontiguousarray(difference[:, 1:])
