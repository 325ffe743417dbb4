"""Grouped data: rows that come with a number of observations for each class.

Row i with the counts c_i0 .. c_i,K-1 is K rows with the same x, the labels 0 .. K-1 and the weights c_ik:

    NLL = -sum_i w_i sum_k c_ik log p_ik

The K copies of X are K references to it, one below the other.  Where no row has more than one positive count,
one copy is enough: the counts are one-hot, as labels in columns are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import contiguous, finite, none_of, numbers, plural
from sigmax.data.declared import declared
from sigmax.data.response import Response, offsets
from sigmax.data.weights import Weights, weigh, weights
from sigmax.kernels import Float


def grouped(
    y: npt.ArrayLike,
    n_rows: int,
    *,
    sample_weight: npt.ArrayLike | None = None,
    offset: npt.ArrayLike | None = None,
    classes: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> Response:
    """The response of counts, for the rows of X once or K times, one copy of them below the other.

    Parameters
    ----------
    y : array_like of shape (n_rows, K), K >= 2
        Counts, non-negative, not necessarily whole numbers.  The classes are 0 .. K-1, and each has a count
        that is positive, unless they are declared.
    sample_weight : array_like of shape (n_rows,), optional
        Multiplies the counts of a row.
    offset : array_like of shape (n_rows,) or (n_rows, K), optional
        As for labels.
    classes : array_like of shape (K,), optional
        Labels of the columns, in their order; a class may then be without observations.
    n_threads : int
        Has no influence on the result.

    Returns
    -------
    Response
        Of n_rows rows where at most one count of each row is positive, else of K * n_rows: row i of copy k of
        X has the label k.

    Raises
    ------
    ValueError
        Wrong shapes, numbers that are negative or not finite, a class without observations.
    """
    given = _counts(y, n_rows)
    names = np.arange(given.shape[1]) if classes is None else declared(classes)
    if len(names) != given.shape[1]:
        raise ValueError(
            f"classes must hold one label for each of the {given.shape[1]} columns of y; got {len(names)}"
        )
    with np.errstate(over="ignore"):  # a long double beyond float64 is inf, and refused as that
        counts = weigh("y", given, contiguous(given).reshape(-1), n_threads)
    factor = None
    if sample_weight is not None:
        factor = weights("sample_weight", sample_weight, n_rows, n_threads)
    table, scale = _products(counts, factor, given.shape)
    _require_observations(table, factor is not None, all_classes=classes is None)

    positive = table > 0.0
    shift = None if offset is None else offsets(offset, n_rows, len(names))
    if int(np.count_nonzero(positive, axis=1).max()) == 1:
        codes = positive.argmax(axis=1).astype(np.int32)
        weight = table.sum(axis=1)  # of one number and zeros
    else:
        codes = np.repeat(np.arange(len(names), dtype=np.int32), n_rows)
        weight = table.T.reshape(-1)
        shift = None if shift is None else np.tile(shift, (len(names), 1))
    absent = tuple(np.flatnonzero(~positive.any(axis=0)).tolist())
    final = weigh("y", weight, contiguous(weight), n_threads)
    scale *= final.scale
    ones = scale == 1.0 and bool((final.values == 1.0).all())
    return Response(
        classes=names,
        codes=codes,
        weight=None if ones else final.values,
        offset=shift,
        weight_sum=final.total,
        smallest_weight=final.smallest,
        scale=scale,
        absent=absent,
    )


def _counts(y: npt.ArrayLike, n_rows: int) -> npt.NDArray[np.generic]:
    array = np.asarray(y)
    if array.ndim != 2 or len(array) != n_rows or array.shape[1] < 2:
        raise ValueError(
            f"y must have shape ({n_rows},), one label for each row of X, or ({n_rows}, K) with K >= 2 "
            f"columns, the counts of each class; got {array.shape}"
        )
    array = numbers("y with two dimensions", array)
    finite("y", array)
    none_of("y", array, np.less(array, 0), "hold counts of at least 0", "negative")
    return array


def _products(counts: Weights, factor: Weights | None, shape: tuple[int, ...]) -> tuple[Float, float]:
    """Counts times weights, and the power of two that they are in units of."""
    table = counts.values.reshape(shape)
    if factor is None:
        return table, counts.scale
    return table * factor.values[:, None], counts.scale * factor.scale


def _require_observations(table: Float, weighted: bool, *, all_classes: bool) -> None:
    empty = np.flatnonzero(table.max(axis=0) == 0.0)
    if len(empty) and (all_classes or len(empty) == table.shape[1]):
        k = int(empty[0])
        where = ", in a row of positive weight" if weighted else ""
        raise ValueError(
            f"y must have a positive count for each class{where}; "
            f"{plural(len(empty), 'column')} without one, the first is class {k}, y[:, {k}]; "
            "classes= declares classes that may be without"
        )
