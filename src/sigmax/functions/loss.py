"""Cross-entropy of logits against class codes, and its gradient."""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.array_utils import normalize_axis_index

from sigmax import kernels
from sigmax.data.checks import finite, none_of, plural, position
from sigmax.functions.arrays import (
    Real,
    Result,
    Rows,
    apart,
    check_threads,
    destination,
    gather,
    overlap,
    real,
    reduce,
    row_dtype,
)
from sigmax.kernels import Pair, add_pair

#: loss, rows without one, the first of them
_Block = tuple[Pair, int, int]


def cross_entropy(
    logits: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    axis: int = -1,
    out: npt.NDArray[Any] | None = None,
    n_threads: int | None = None,
    backend: str | None = None,
) -> tuple[float, Result]:
    """Cross-entropy of logits against class codes, a weighted sum in nats, and its gradient.

        loss = -sum_i w_i log p_i[y_i],   p_i = softmax(logits_i),   gradient_ik = w_i (p_ik - [k = y_i])

    Parameters
    ----------
    logits : array_like
        Real numbers of any shape, dtype and memory layout; the K classes lie along `axis`.
    y : array_like of int, the shape of `logits` without `axis`
        Class codes 0 .. K-1, of any integer dtype or bool.  Floats are not taken, not even whole ones: they
        may be probabilities.
    sample_weight : array_like, the shape of `y`, optional
        Finite and at least 0; ones by default.  A row of weight 0 counts for nothing, whatever its logits.
    axis : int
        The classes.
    out : ndarray of the shape of `logits`, optional
        Takes the gradient.  Of a floating dtype and any layout; may be `logits` itself.
    n_threads : int, optional
        None: ``SIGMAX_NUM_THREADS``, else ``OMP_NUM_THREADS``, else the CPUs this process may use.  Loss and
        gradient have the same bits for any number.
    backend : {"auto", "compiled", "reference"}, optional
        None: ``SIGMAX_BACKEND``, else "auto".

    Returns
    -------
    loss : float
        The sum, never the mean; 0.0 for no rows.  inf where a true class has the logit -inf.
    gradient : ndarray of the shape of `logits`
        Of the loss with respect to the logits; `out` where that is given.  float32 or float16 where `logits`
        are so, else float64.

    Raises
    ------
    TypeError
        `logits`, `y` or `sample_weight` hold no numbers of the right kind, `out` is not a floating array.
    ValueError
        Shapes that do not fit, codes outside 0 .. K-1, weights that are negative or not finite: the message
        names the argument, the first bad index, the count, and what was expected.

    Warns
    -----
    RuntimeWarning
        Rows with nan or +inf, or of -inf alone, have no probabilities: the loss is nan, and so are the
        gradients of these rows.  One warning, with their number and the first one's place in `y`.

    Notes
    -----
    Compiled: the loss of each row and each element of the gradient are within 2 ulp, and the rows are summed
    in twice the precision; the reference: within a few ulp.  p_y - 1 is formed from the other probabilities,
    not by subtraction, and keeps its digits in a row that is fitted well.

    Examples
    --------
    >>> import sigmax as sx
    >>> loss, gradient = sx.cross_entropy([[0.0, 0.0], [0.0, 800.0]], [0, 1])
    >>> loss
    0.6931471805599453
    >>> gradient.tolist()
    [[-0.5, 0.5], [0.0, 0.0]]
    """
    chosen = kernels.get(backend)
    check_threads(n_threads)
    array = real("logits", logits)
    if array.ndim == 0:
        raise ValueError("logits must have an axis of classes; got a scalar")
    along = normalize_axis_index(operator.index(axis), array.ndim)
    n_classes = array.shape[along]
    if n_classes == 0:
        raise ValueError(f"logits must have at least one class along axis {along}; got shape {array.shape}")
    kept = tuple(i for i in range(array.ndim) if i != along)
    shape = tuple(array.shape[i] for i in kept)
    codes = _codes(y, shape, n_classes)
    weight = None if sample_weight is None else _weight(sample_weight, shape)
    if out is None:
        gradient: Result = np.empty_like(array, dtype=row_dtype(array.dtype), subok=False)
    else:
        gradient = destination(out, array.shape)
        array = apart(array, gradient)
        codes = codes.copy() if overlap(codes, gradient) else codes
        weight = weight.copy() if weight is not None and overlap(weight, gradient) else weight
    given = gradient if out is None else out
    if array.size == 0:
        return 0.0, given

    pair, count, first = _evaluate(array, codes, weight, gradient, (kept, (along,)), chosen, n_threads)
    if count:
        where = position("y", tuple(int(i) for i in np.unravel_index(first, shape)))
        warnings.warn(
            f"logits with nan or inf, or -inf alone, give no probabilities: {plural(count, 'row')} of "
            f"{codes.size:,}, the first that of {where}; the loss and their gradients are nan",
            RuntimeWarning,
            stacklevel=2,
        )
    return pair[0], given


def _codes(y: npt.ArrayLike, shape: tuple[int, ...], n_classes: int) -> Real:
    codes = np.asarray(y)
    if codes.dtype.kind not in "iub" and codes.size:
        raise TypeError(f"y must hold class codes of an integer dtype; got dtype {codes.dtype}")
    if codes.shape != shape:
        raise ValueError(f"y must have the shape of logits without its classes, {shape}; got {codes.shape}")
    if codes.size and not (codes.min() >= 0 and codes.max() < n_classes):
        none_of("y", codes, (codes < 0) | (codes >= n_classes), f"lie in 0 .. {n_classes - 1}", "outside")
    return codes


def _weight(sample_weight: npt.ArrayLike, shape: tuple[int, ...]) -> Real:
    weight = real("sample_weight", sample_weight)
    if weight.shape != shape:
        raise ValueError(f"sample_weight must have the shape of y, {shape}; got {weight.shape}")
    # no array of flags while all is well; nan fails either comparison
    if weight.size and not (weight.min() >= 0 and weight.max() < np.inf):
        finite("sample_weight", weight)
        none_of("sample_weight", weight, weight < 0, "not be negative", "below 0")
    return weight


def _evaluate(
    array: Real,
    codes: Real,
    weight: Real | None,
    gradient: Result,
    axes: tuple[tuple[int, ...], tuple[int, ...]],
    chosen: kernels.Kernels,
    n_threads: int | None,
) -> _Block:
    source, target = Rows(array, *axes), Rows(gradient, *axes)

    def run(start: int, stop: int) -> _Block:
        y = gather(codes, codes.ndim, start, stop, np.int32)
        w = None if weight is None else gather(weight, weight.ndim, start, stop)
        rows, view = source.read(start, stop), target.view(start, stop)
        if w is not None and not w.all():
            # 0 * inf is nan: a row that does not count gets harmless logits
            rows = np.where(w[:, None] == 0.0, 0.0, rows)
        block = np.empty(rows.shape) if view is None else view
        pair = chosen.cross_entropy(rows, y, block, weight=w)
        if view is None:
            target.write(start, stop, block)
        if np.isfinite(pair[0]):
            return pair, 0, -1
        # a row without probabilities is nan as a whole; inf is the loss where a true class has none
        bad = np.isnan(block[:, 0])
        count = int(np.count_nonzero(bad))
        return (np.nan if count else np.inf, 0.0), count, start + int(np.argmax(bad)) if count else -1

    def merge(left: _Block, right: _Block) -> _Block:
        return add_pair(left[0], right[0]), left[1] + right[1], left[2] if left[1] else right[2]

    def evaluate(start: int, stop: int) -> _Block:
        found: _Block | None = None
        for a, b in source.spans(start, stop):
            found = run(a, b) if found is None else merge(found, run(a, b))
        assert found is not None
        return found

    return reduce(source.n, source.width, evaluate, merge, chosen, n_threads)
