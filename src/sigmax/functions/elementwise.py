"""Functions of one number: expit, log_expit, log1pexp."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax import kernels
from sigmax.functions.arrays import (
    F8,
    Real,
    Result,
    ResultOrScalar,
    apart,
    check_threads,
    destination,
    direct,
    gather,
    nothing,
    real,
    reduce,
    scalar_or_array,
    scatter,
    small,
)
from sigmax.kernels import Float


def expit(
    x: npt.ArrayLike,
    out: npt.NDArray[Any] | None = None,
    *,
    n_threads: int | None = None,
    backend: str | None = None,
) -> ResultOrScalar:
    """Probability of a log odds, 1 / (1 + exp(-x)): the logistic function.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, dtype and memory layout.
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
        float32 for float32, else float64.

    Raises
    ------
    TypeError
        `x` is not real, or `out` not a floating array.
    ValueError
        `out` has another shape or is read-only.

    Notes
    -----
    Compiled: within 2 units in the last place (ulp) for every double, results below the normal range
    included; the reference: within a few.  A float32 is computed in double and rounded once.

    Examples
    --------
    >>> import sigmax as sx
    >>> sx.expit([-800.0, 0.0, 1.0]).tolist()
    [0.0, 0.5, 0.7310585786300049]
    """
    return _apply("expit", x, out, n_threads, backend)


def log_expit(
    x: npt.ArrayLike,
    out: npt.NDArray[Any] | None = None,
    *,
    n_threads: int | None = None,
    backend: str | None = None,
) -> ResultOrScalar:
    """Logarithm of the probability of a log odds, log expit(x) = min(x, 0) - log(1 + exp(-|x|)), in nats.

    Parameters, results, errors and accuracy are those of :func:`expit`.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, dtype and memory layout.
    out : ndarray of the shape of `x`, optional
        Overwritten and returned.
    n_threads : int, optional
        Has no influence on the result.
    backend : {"auto", "compiled", "reference"}, optional
        None: ``SIGMAX_BACKEND``, else "auto".

    Returns
    -------
    ndarray of the shape of `x`, or a NumPy scalar
        float32 for float32, else float64.

    Notes
    -----
    Compiled: within 2 ulp for every double; the reference: within a few.  Formula: Maechler, "Accurately
    computing log(1 - exp(-|a|))", vignette of the R package Rmpfr, 2012.

    Examples
    --------
    >>> import sigmax as sx
    >>> sx.log_expit([-800.0, 0.0, 40.0]).tolist()
    [-800.0, -0.6931471805599453, -4.248354255291589e-18]
    """
    return _apply("log_expit", x, out, n_threads, backend)


def log1pexp(
    x: npt.ArrayLike,
    out: npt.NDArray[Any] | None = None,
    *,
    n_threads: int | None = None,
    backend: str | None = None,
) -> ResultOrScalar:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), also called softplus; in nats.

    The negative log-likelihood of one observation with the log odds x of being wrong.  Parameters, results,
    errors and accuracy are those of :func:`expit`.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, dtype and memory layout.
    out : ndarray of the shape of `x`, optional
        Overwritten and returned.
    n_threads : int, optional
        Has no influence on the result.
    backend : {"auto", "compiled", "reference"}, optional
        None: ``SIGMAX_BACKEND``, else "auto".

    Returns
    -------
    ndarray of the shape of `x`, or a NumPy scalar
        float32 for float32, else float64.

    Notes
    -----
    Compiled: within 2 ulp for every double; the reference: within a few.  Formula: Maechler, "Accurately
    computing log(1 - exp(-|a|))", vignette of the R package Rmpfr, 2012.

    Examples
    --------
    >>> import sigmax as sx
    >>> sx.log1pexp([-40.0, 0.0, 800.0]).tolist()
    [4.248354255291589e-18, 0.6931471805599453, 800.0]
    """
    return _apply("log1pexp", x, out, n_threads, backend)


def _apply(
    name: str, x: npt.ArrayLike, out: Any, n_threads: int | None, backend: str | None
) -> ResultOrScalar:
    chosen = kernels.get(backend)
    check_threads(n_threads)
    array = np.asarray(x)
    if out is None and small(array):
        short = np.empty(array.shape)
        getattr(chosen, name)(array.reshape(-1), short.reshape(-1))
        return short if array.ndim else scalar_or_array(short)

    array = real("x", array)
    if out is None:
        result: Result = np.empty_like(array, dtype=_dtype(array.dtype), subok=False)
    else:
        result = destination(out, array.shape)
        array = apart(array, result)
    if array.size:
        _fill(getattr(chosen, name), array, result, chosen, n_threads)
    return scalar_or_array(result) if out is None else out


def _dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """float32 for float32, else float64: what SciPy's ufuncs give, but for longdouble."""
    return np.dtype(np.float32) if dtype.type is np.float32 else F8


def _flat(array: Real) -> Float | None:
    """`array` in one dimension if it is contiguous float64."""
    return array.reshape(-1) if direct(array) and array.flags.c_contiguous else None


def _fill(kernel: Any, x: Real, result: Result, chosen: kernels.Kernels, n_threads: int | None) -> None:
    # in the order of memory, so that a block lies together
    order = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
    x, result = x.transpose(order), result.transpose(order)
    x_flat, result_flat = _flat(x), _flat(result)

    def evaluate(start: int, stop: int) -> None:
        source = gather(x, x.ndim, start, stop) if x_flat is None else x_flat[start:stop]
        if result_flat is not None:
            kernel(source, result_flat[start:stop])
            return
        block = source if x_flat is None else np.empty(stop - start)
        kernel(source, block)
        scatter(result, x.ndim, start, stop, block)

    reduce(x.size, 1, evaluate, nothing, chosen, n_threads)
