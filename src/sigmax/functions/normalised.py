"""Functions of all numbers along an axis: logsumexp, softmax, log_softmax."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from numpy.lib.array_utils import normalize_axis_tuple

from sigmax import kernels
from sigmax.functions.arrays import (
    Real,
    Result,
    ResultOrScalar,
    Rows,
    apart,
    check_threads,
    destination,
    direct,
    nothing,
    overlap,
    real,
    reduce,
    row_dtype,
    scalar_or_array,
    small,
)
from sigmax.functions.weighted import log_weighted_sum
from sigmax.kernels import Float

Axes = tuple[int, ...]


def logsumexp(
    a: npt.ArrayLike,
    axis: int | Axes | None = None,
    b: npt.ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
    *,
    out: npt.NDArray[Any] | None = None,
    n_threads: int | None = None,
    backend: str | None = None,
) -> ResultOrScalar | tuple[ResultOrScalar, ResultOrScalar]:
    """log sum_k b_k exp(a_k) along one or more axes, in nats.

    Parameters
    ----------
    a : array_like
        Real numbers of any shape, dtype and memory layout.
    axis : int or tuple of int, optional
        What is summed over; None: everything.
    b : array_like, optional
        Factors of any sign, broadcast against `a`; ones by default.  Where b is 0, a counts for nothing,
        even if it is inf or nan.
    keepdims : bool
        Whether the axes that are summed over stay, with length 1.
    return_sign : bool
        Whether to return log |sum| and the sign of the sum; else the result is nan where the sum is negative.
    out : ndarray of the shape of the result, optional
        Of a floating dtype and any layout.  Overwritten, and returned in the place of the result.
    n_threads : int, optional
        None: ``SIGMAX_NUM_THREADS``, else ``OMP_NUM_THREADS``, else the CPUs this process may use.  The
        result has the same bits for any number.
    backend : {"auto", "compiled", "reference"}, optional
        None: ``SIGMAX_BACKEND``, else "auto".

    Returns
    -------
    result : ndarray or NumPy scalar
        The shape of `a` without the axes that are summed over.  float32 or float16 where `a` and `b` are so,
        else float64.
    sign : ndarray or NumPy scalar of the same shape and dtype
        With `return_sign` only: 1, -1, or 0 where the sum is 0; nan where it is nan.

    Raises
    ------
    TypeError
        `a` or `b` is not real, `out` not a floating array, or `axis` not whole.
    ValueError
        `out` has another shape or is read-only; `b` does not broadcast; an axis does not exist or stands
        twice.

    Notes
    -----
    r = a_max + log1p(s), s = sum_k exp(a_k - a_max) without the largest term: the shift of Blanchard, Higham
    & Higham (IMA J. Numer. Anal. 41, 2021), with the difference kept in two doubles.  Compiled, without `b`:
    the error is at most half an ulp of r, from the addition, and 2 ulp of log1p(s); while a_max >= 0 the
    accuracy report finds less than 2 ulp of r.  Where a_max < 0 the two terms cancel near r = 0; the function
    itself is ill-conditioned there, and what holds is an absolute error of at most
    2^-53 (|r| + 4 log1p(s)).

    With `b` the shift is the largest a_k + log |b_k|, and the signed terms are summed in twice the precision,
    so that equal ones cancel exactly.  The error is some 2^-50 sum |b_k| exp(a_k) / |sum b_k exp(a_k)|, and
    2^-52 of |a_k| + |log |b_k|| of the largest term.

    It differs from SciPy's where that loses the answer: terms that cancel next to a smaller one, factors so
    different that the largest `a` is not the largest term, infinite `a` with a factor of 0.  The sign of an
    empty sum is 0, not -1.  Complex numbers are a TypeError.

    Examples
    --------
    >>> import sigmax as sx
    >>> float(sx.logsumexp([1000.0, 1000.0]))
    1000.6931471805599
    >>> log, sign = sx.logsumexp([1.0, 2.0], b=[1, -1], return_sign=True)
    >>> float(log), float(sign)
    (1.5413248546129181, -1.0)
    """
    chosen = kernels.get(backend)
    check_threads(n_threads)
    array = real("a", a)
    kinds, factor = [_weak(a, array)], None
    if b is not None:
        factor = real("b", b)
        kinds.append(_weak(b, factor))
        try:
            shape = np.broadcast_shapes(array.shape, factor.shape)
        except ValueError:
            raise ValueError(
                f"b must broadcast against a of shape {array.shape}; got {factor.shape}"
            ) from None
        array, factor = np.broadcast_to(array, shape), np.atleast_1d(np.broadcast_to(factor, shape))
    array = np.atleast_1d(array)
    kept, reduced = _split(array.ndim, axis)
    shape = tuple(1 if i in reduced else size for i, size in enumerate(array.shape) if keepdims or i in kept)
    dtype = row_dtype(*kinds)
    target = None if out is None else destination(out, shape)
    size = math.prod(shape)
    # where `out` can take the sums as they come, they need no array of their own
    own = target is None or factor is not None or not _takes_sums(target, array)
    log = np.empty(size) if own or target is None else cast(Float, target.reshape(-1))
    sign = np.empty(size if return_sign or factor is not None else 0)
    if not array.size:
        log[:], sign[:] = -np.inf, 0.0  # log 0, and the sign of 0
    elif factor is None:
        _log_sums(array, (kept, reduced), log, chosen, n_threads)
        if return_sign:  # that of exp(log): 0, 1, or nan
            sign = np.where(np.isnan(log), np.nan, np.where(log == -np.inf, 0.0, 1.0))
    else:
        _weighted(Rows(array, kept, reduced), Rows(factor, kept, reduced), log, sign, chosen, n_threads)
        if not return_sign:
            log[sign < 0] = np.nan
    if target is not None and own:
        np.copyto(target, log.reshape(shape), casting="same_kind")
    result = _rounded(log, shape, dtype) if out is None else out
    return (result, _rounded(sign, shape, dtype)) if return_sign else result


def softmax(
    x: npt.ArrayLike,
    axis: int | Axes | None = None,
    *,
    out: npt.NDArray[Any] | None = None,
    n_threads: int | None = None,
    backend: str | None = None,
) -> ResultOrScalar:
    """Probabilities of logits, exp(x_k) / sum_l exp(x_l), along one or more axes.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, dtype and memory layout.
    axis : int or tuple of int, optional
        The classes; None: all axes together, one sum over everything.
    out : ndarray of the shape of `x`, optional
        Of a floating dtype and any layout; may be `x` itself.  Overwritten and returned.
    n_threads : int, optional
        None: ``SIGMAX_NUM_THREADS``, else ``OMP_NUM_THREADS``, else the CPUs this process may use.  The
        result has the same bits for any number.
    backend : {"auto", "compiled", "reference"}, optional
        None: ``SIGMAX_BACKEND``, else "auto".

    Returns
    -------
    ndarray of the shape of `x`, or a NumPy scalar
        float32 or float16 where `x` is so, else float64.  A row with nan or +inf, or of -inf alone, is nan.

    Raises
    ------
    TypeError
        `x` is not real, `out` not a floating array, or `axis` not whole.
    ValueError
        `out` has another shape or is read-only; an axis does not exist or stands twice.

    Notes
    -----
    Compiled: within 2 ulp for every double; the reference: within a few.  The shift is that of Blanchard,
    Higham & Higham (IMA J. Numer. Anal. 41, 2021), with the difference x_k - x_max kept in two doubles.

    Examples
    --------
    >>> import sigmax as sx
    >>> sx.softmax([[0.0, 0.0], [1000.0, 0.0]], axis=1).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    return _normalise("softmax", x, axis, out, n_threads, backend)


def log_softmax(
    x: npt.ArrayLike,
    axis: int | Axes | None = None,
    *,
    out: npt.NDArray[Any] | None = None,
    n_threads: int | None = None,
    backend: str | None = None,
) -> ResultOrScalar:
    """Logarithms of the probabilities of logits, x_k - log sum_l exp(x_l), in nats.

    Parameters, results, errors and accuracy are those of :func:`softmax`.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, dtype and memory layout.
    axis : int or tuple of int, optional
        The classes; None: all axes together, one sum over everything.
    out : ndarray of the shape of `x`, optional
        Overwritten and returned.
    n_threads : int, optional
        Has no influence on the result.
    backend : {"auto", "compiled", "reference"}, optional
        None: ``SIGMAX_BACKEND``, else "auto".

    Returns
    -------
    ndarray of the shape of `x`, or a NumPy scalar
        float32 or float16 where `x` is so, else float64.  A row with nan or +inf, or of -inf alone, is nan.

    Notes
    -----
    Compiled: within 2 ulp for every double; the reference: within a few.  (x_k - x_max) - log1p(s), with the
    difference kept in two doubles; the shift is that of Blanchard, Higham & Higham (IMA J. Numer. Anal. 41,
    2021).

    Examples
    --------
    >>> import sigmax as sx
    >>> sx.log_softmax([1000.0, 1000.0, 0.0]).tolist()
    [-0.6931471805599453, -0.6931471805599453, -1000.6931471805599]
    """
    return _normalise("log_softmax", x, axis, out, n_threads, backend)


# -- axes and dtypes ---------------------------------------------------------------------------------


def _split(ndim: int, axis: int | Axes | None) -> tuple[Axes, Axes]:
    """Axes that are kept, and axes that `axis` names, each in ascending order."""
    named = range(ndim) if axis is None else normalize_axis_tuple(axis, ndim, argname="axis")
    return tuple(i for i in range(ndim) if i not in named), tuple(sorted(named))


def _weak(value: npt.ArrayLike, array: Real) -> Any:
    """What decides on the dtype: a number of Python adapts to what it meets."""
    return value if type(value) in (bool, int, float) else array.dtype


def _rounded(values: Float, shape: Axes, dtype: np.dtype[Any]) -> ResultOrScalar:
    return scalar_or_array(values.reshape(shape).astype(dtype, copy=False))


# -- rows --------------------------------------------------------------------------------------------


def _takes_sums(target: Result, array: Real) -> bool:
    """Whether a kernel can write the sums of `array` where `target` lies."""
    return direct(target) and target.flags.c_contiguous and not overlap(array, target)


def _is_small_matrix(array: Real, kept: Axes, reduced: Axes) -> bool:
    """Whether one kernel call on the rows as they lie does all."""
    return small(array) and kept + reduced == tuple(range(len(kept) + len(reduced)))


def _log_sums(
    array: Real, axes: tuple[Axes, Axes], log: Float, chosen: kernels.Kernels, n_threads: int | None
) -> None:
    if _is_small_matrix(array, *axes):
        chosen.logsumexp(array.reshape(len(log), -1), log)
        return
    rows = Rows(array, *axes)

    def evaluate(start: int, stop: int) -> None:
        for a, b in rows.spans(start, stop):
            chosen.logsumexp(rows.read(a, b), log[a:b])

    reduce(rows.n, rows.width, evaluate, nothing, chosen, n_threads)


def _weighted(
    rows: Rows, factors: Rows, log: Float, sign: Float, chosen: kernels.Kernels, n_threads: int | None
) -> None:
    def evaluate(start: int, stop: int) -> None:
        block = slice(start, stop)
        log[block], sign[block] = log_weighted_sum(
            rows.copy(start, stop), factors.copy(start, stop), chosen.exp
        )

    reduce(rows.n, rows.width, evaluate, nothing, chosen, n_threads)


def _normalise(
    name: str,
    x: npt.ArrayLike,
    axis: int | Axes | None,
    out: Any,
    n_threads: int | None,
    backend: str | None,
) -> ResultOrScalar:
    chosen = kernels.get(backend)
    check_threads(n_threads)
    kernel = getattr(chosen, name)
    array = real("x", x)
    # a scalar has the axes of a vector of one
    kept, reduced = _split(max(array.ndim, 1), axis)
    if out is None:
        result: Result = np.empty_like(array, dtype=row_dtype(array.dtype), subok=False)
    else:
        result = destination(out, array.shape)
        array = apart(array, result)
    if out is None and _is_small_matrix(array, kept, reduced):
        width = math.prod(array.shape[len(kept) :])
        kernel(array.reshape(-1, width), result.reshape(-1, width))
    elif array.size:
        source = Rows(np.atleast_1d(array), kept, reduced)
        target = Rows(np.atleast_1d(result), kept, reduced)

        def evaluate(start: int, stop: int) -> None:
            for a, b in source.spans(start, stop):
                rows, p = source.view(a, b), target.view(a, b)
                if rows is None:
                    rows = source.copy(a, b)
                    block = rows if p is None else p  # a copy may be overwritten
                else:
                    block = np.empty(rows.shape) if p is None else p
                kernel(rows, block)
                if p is None:
                    target.write(a, b, block)

        reduce(source.n, source.width, evaluate, nothing, chosen, n_threads)
    return scalar_or_array(result) if out is None else out
