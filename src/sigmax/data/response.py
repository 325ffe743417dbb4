"""The response: class codes, weights and offsets of the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import contiguous, finite, numbers, plural, vector
from sigmax.kernels import Codes, Float

#: more distinct values than this, not whole numbers: a measurement, not a label
_MANY_FRACTIONAL_LABELS = 20


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
        How many equal rows a row stands for; at least one is positive.
    offset : float64 ndarray of shape (n, K - 1), or None for zeros
        Added to the logits of the classes 1 .. K-1.
    total_weight : float
        Sum of the weights: the number of observations.
    smallest_weight : float
        The smallest positive weight.
    """

    classes: npt.NDArray[np.generic]
    codes: Codes
    weight: Float | None
    offset: Float | None
    total_weight: float
    smallest_weight: float

    @property
    def n_logits(self) -> int:
        """K - 1."""
        return len(self.classes) - 1

    def take(self, rows: npt.NDArray[np.intp]) -> Response:
        """The rows of the indices `rows`, with the same classes, of which some may then have no row."""
        weight = None if self.weight is None else self.weight[rows]
        return replace(
            self,
            codes=self.codes[rows],
            weight=weight,
            offset=None if self.offset is None else self.offset[rows],
            total_weight=float(len(rows)) if weight is None else float(weight.sum()),
        )


def _missing(y: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    if y.dtype.kind in "fmM":
        return np.asarray(np.isnan(y) if y.dtype.kind == "f" else np.isnat(y))
    if y.dtype.kind == "O":
        # None, nan and NaT: the values that are not equal to themselves, and None
        return np.array([v is None or v != v for v in y.tolist()], dtype=bool)
    return np.zeros(len(y), dtype=bool)


def _labels(y: npt.ArrayLike, n_rows: int) -> npt.NDArray[np.generic]:
    array = np.asarray(y)
    if array.shape != (n_rows,):
        raise ValueError(f"y must have shape ({n_rows},), one label for each row of X; got {array.shape}")
    missing = _missing(array)
    count = int(missing.sum())
    if count:
        raise ValueError(
            f"y must not have missing labels; {plural(count, 'row')} without one, "
            f"the first is y[{int(np.argmax(missing))}]"
        )
    return array


def response(
    y: npt.ArrayLike,
    n_rows: int,
    *,
    sample_weight: npt.ArrayLike | None = None,
    offset: npt.ArrayLike | None = None,
) -> Response:
    """Encode labels, weights and offsets.

    Parameters
    ----------
    y : array_like of shape (n_rows,)
        Labels of any sortable dtype.
    sample_weight : array_like of shape (n_rows,), optional
        Non-negative; rows of weight 0 do not count, not even for the classes.
    offset : array_like of shape (n_rows,) or (n_rows, K), optional
        (n_rows,) for two classes: added to the logit of the second one.  (n_rows, K): one for each class;
        only differences from the first class's matter.

    Raises
    ------
    ValueError
        Wrong shapes, missing labels, fewer than two classes, negative or non-finite numbers.
    """
    labels = _labels(y, n_rows)
    weight = None
    total, smallest = float(n_rows), 1.0
    counted: npt.NDArray[np.bool_] | slice = slice(None)
    if sample_weight is not None:
        weight = vector("sample_weight", sample_weight, n_rows, "row of X")
        negative = weight < 0
        if negative.any():
            first = int(np.argmax(negative))
            raise ValueError(
                f"sample_weight must not be negative; {plural(int(negative.sum()), 'value')} below 0, "
                f"the first is sample_weight[{first}] = {weight[first]}"
            )
        counted = weight > 0
        if not counted.any():
            raise ValueError("sample_weight must have a positive value; all are 0")
        total, smallest = float(weight.sum()), float(weight[counted].min())

    try:
        classes = np.unique(labels[counted])
    except TypeError:
        raise ValueError(
            "y must hold labels of one sortable kind; it mixes kinds, such as text and numbers"
        ) from None
    if len(classes) < 2:
        raise ValueError(f"y must hold at least two classes; got only {classes[0].item()!r}")
    fractional = classes.dtype.kind == "f" and bool(np.any(np.floor(classes) != classes))
    if fractional and len(classes) > _MANY_FRACTIONAL_LABELS:
        raise ValueError(
            f"y must hold class labels; its {len(classes)} distinct fractional values look like measurements"
        )
    # rows of weight 0 may have a label of their own; any code will do for them
    codes = np.searchsorted(classes, labels) if weight is None else _codes(classes, labels, counted)
    return Response(
        classes=classes,
        codes=np.ascontiguousarray(codes, dtype=np.int32),
        weight=weight,
        offset=None if offset is None else _offset(offset, n_rows, len(classes)),
        total_weight=total,
        smallest_weight=smallest,
    )


def _codes(
    classes: npt.NDArray[np.generic],
    labels: npt.NDArray[np.generic],
    counted: npt.NDArray[np.bool_] | slice,
) -> npt.NDArray[np.intp]:
    codes = np.zeros(len(labels), dtype=np.intp)
    codes[counted] = np.searchsorted(classes, labels[counted])
    return codes


def _offset(value: npt.ArrayLike, n_rows: int, n_classes: int) -> Float:
    array = numbers("offset", value)
    allowed = [(n_rows, n_classes)] + ([(n_rows,)] if n_classes == 2 else [])
    if array.shape not in allowed:
        shapes = " or ".join(str(shape) for shape in allowed)
        raise ValueError(f"offset must have shape {shapes}; got {array.shape}")
    finite("offset", array)
    if array.ndim == 1:
        return contiguous(array[:, None])
    wide = array.astype(np.float64)
    return np.ascontiguousarray(wide[:, 1:] - wide[:, :1])
