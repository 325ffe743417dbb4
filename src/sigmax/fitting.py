"""The front door: from arrays and labels to a result with its certificate."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sigmax import kernels, threads
from sigmax.data.checks import finite, numbers
from sigmax.data.chunks import Chunks
from sigmax.data.design import Design
from sigmax.data.observe import observe
from sigmax.exceptions import ConvergenceWarning
from sigmax.firth import firth_result
from sigmax.inference.result import Result
from sigmax.kernels import Float
from sigmax.objective import Objective
from sigmax.solvers.certificate import Certificate, certify
from sigmax.solvers.covariance import Covariance
from sigmax.solvers.curvature import DependentColumn
from sigmax.solvers.monitor import Callback
from sigmax.solvers.solution import Stop
from sigmax.solvers.solve import solve

_TOL = 1e-12


def fit(
    X: npt.ArrayLike | Chunks,
    y: npt.ArrayLike,
    *,
    sample_weight: npt.ArrayLike | None = None,
    offset: npt.ArrayLike | None = None,
    fit_intercept: bool = True,
    l2: float = 0.0,
    start: npt.ArrayLike | None = None,
    tol: float | None = None,
    max_iter: int | None = None,
    n_threads: int | None = None,
    backend: str | None = None,
    callback: Callback | None = None,
    names: Sequence[str] | None = None,
    bias_reduction: str | None = None,
) -> Result:
    """Fit a logistic or multinomial regression by exact maximum likelihood.

    Minimises the negative log-likelihood, summed over rows, plus a penalty where one is asked for, in a
    handful of reads of the data; says how far from the exact optimum the result can be.

    Parameters
    ----------
    X : array_like of shape (n, p), or sigmax.data.chunks.Chunks
        Real numbers, any dtype and memory layout; neither copied as a whole nor written.  `Chunks` are
        rows in several arrays, which need not be joined.  Where most of some thousand rows repeat, and the
        weights are whole numbers, each distinct row is read once, with its summed weight.
    y : array_like of shape (n,) or (n, K)
        (n,): labels of any sortable dtype.  Two classes: logistic; more: multinomial regression.  The first
        class in sorted order is the reference.  (n, K), K >= 2: grouped data, row i stands for y[i, k]
        observations of class k; non-negative numbers, not necessarily whole, a positive one in each column.
        The classes are 0 .. K-1.
    sample_weight : array_like of shape (n,), optional
        Frequency weights, of any scale from 1e-300 to 1e300: a row of weight w counts as w equal rows, one
        of weight 0 not at all.  They multiply the counts of grouped data.
    offset : array_like of shape (n,) or (n, K), optional
        Known part of the logits: (n,) for two classes, added to the logit of the second; (n, K) for one
        column a class.
    fit_intercept : bool
        Whether each logit has an intercept.
    l2 : float
        Adds l2 / 2 times the sum of the squared slopes to the summed negative log-likelihood; intercepts are
        free. With K > 2 classes the slopes of all K are penalised, which `params` differ from by those of the
        first class.  scikit-learn's C is 1 / l2.
    start : array_like, shape of the result's `params`, optional
        Where to start.  A bad start costs time, never the answer.
    tol : float, optional
        Newton decrement to reach, in standard errors; 1e-12 by default.  The fit ends where a hundred times
        that is proved and the rate of its steps says that `tol` is reached.  It also ends, as converged,
        where rounding leaves nothing to gain.
    max_iter : int, optional
        Steps over all rows at most; 100 by default, 1000 where each reads the data for a gradient alone.
    n_threads : int, optional
        None: ``SIGMAX_NUM_THREADS``, else ``OMP_NUM_THREADS``, else the CPUs this process may use.  The
        result has the same bits for any number.
    backend : {"auto", "compiled", "reference"}, optional
        None: ``SIGMAX_BACKEND``, else "auto".
    callback : callable, optional
        Called after every read of all rows with a :class:`sigmax.solvers.monitor.Progress`; a true return
        value ends the fit, unconverged.
    names : sequence of str, optional
        Names of the columns of X; x1, x2, ... by default.
    bias_reduction : {None, "firth"}, optional
        "firth": the maximum of the likelihood with Jeffreys' prior as its penalty, 1/2 log det of the
        information (Firth, Biometrika 80, 1993): bias of first order removed, and finite for separated
        classes, too.  Not together with `l2`.  See :func:`sigmax.firth.firth_result`.

    Returns
    -------
    Result
        Estimates, standard errors, log-likelihood, predictions, certificate.

    Raises
    ------
    ValueError
        Bad input: the message names the argument, the first offending index, the count and what was
        expected.  Also where a column of X is a combination of those before it.
    ImportError
        ``backend="compiled"`` where the kernels were not built.

    Warns
    -----
    ConvergenceWarning
        No certificate could be given: separated classes, `max_iter` reached.

    Notes
    -----
    Algorithms and proofs: :mod:`sigmax.solvers.solve`, :mod:`sigmax.solvers.certificate`.

    Memory beyond X: a few Hessians of 8 (m k)^2 bytes, a few vectors of n, one block of 4 MiB for each
    thread, and for many rows a sample of n / 32 to n / 5 of them.

    Examples
    --------
    >>> import sigmax as sx
    >>> data = sx.datasets.load("spector")
    >>> r = sx.fit(data.X, data.y, names=data.features)
    >>> r.params.round(6)
    array([-13.021347,   2.826113,   0.095158,   2.378688])
    >>> round(r.llf, 6)
    -12.889634
    """
    tol = _TOL if tol is None else tol
    if not (isinstance(tol, int | float) and math.isfinite(tol) and tol >= 0.0):
        raise ValueError(f"tol must be a number of at least 0; got {tol!r}")
    if max_iter is not None and (
        isinstance(max_iter, bool) or not hasattr(max_iter, "__index__") or max_iter < 0
    ):
        raise ValueError(f"max_iter must be a whole number of at least 0; got {max_iter!r}")
    if not (isinstance(l2, int | float | np.floating) and math.isfinite(l2) and l2 >= 0.0):
        raise ValueError(f"l2 must be a number of at least 0; got {l2!r}")
    chosen = kernels.get(backend)
    count = threads.resolve(n_threads)

    if bias_reduction not in (None, "firth"):
        raise ValueError(f"bias_reduction must be None or 'firth'; got {bias_reduction!r}")
    if bias_reduction is not None and l2 > 0.0:
        raise ValueError(f"bias_reduction='firth' is a penalty of its own, and l2 must be 0; got l2={l2!r}")

    design = Design(X, intercept=fit_intercept, names=names)
    design, observed = observe(design, y, sample_weight, offset, chosen, count)
    objective = Objective(design, observed, chosen, count, l2=float(l2) / observed.scale)
    shape = (design.width,) if observed.n_logits == 1 else (observed.n_logits, design.width)
    starts = [np.zeros(objective.n_params)]
    if start is not None:
        starts.append(_start(start, shape))
    if bias_reduction is not None:
        try:
            return firth_result(
                objective, starts, tol=float(tol), max_iter=max_iter, callback=callback, stacklevel=3
            )
        except DependentColumn as error:
            raise ValueError(_dependent(design, error.index)) from None
    try:
        # within `tol` in the scale of the weights as given, and in that of the objective
        close = float(tol) * min(1.0, 1.0 / math.sqrt(observed.scale))
        solution = solve(objective, starts, tol=close, max_iter=max_iter, callback=callback)
    except DependentColumn as error:
        raise ValueError(_dependent(design, error.index)) from None
    certificate = certify(objective, solution)
    if not certificate.converged:
        warnings.warn(_advice(certificate, solution.stop), ConvergenceWarning, stacklevel=2)
    covariance = Covariance(objective, solution)
    return Result(
        params=solution.coef.reshape(shape),
        _covariance=covariance.compute() if covariance.is_known else covariance.compute,
        llf=-solution.at.nll * observed.scale,
        nobs=observed.total_weight,
        classes=observed.classes,
        param_names=design.names,
        certificate=certificate,
        fit_intercept=design.intercept,
        l2=float(l2),
        backend=chosen.BACKEND,
        isa=chosen.ISA,
        n_threads=count,
    )


def _start(start: npt.ArrayLike, shape: tuple[int, ...]) -> Float:
    array = numbers("start", start)
    if array.shape != shape:
        raise ValueError(f"start must have the shape of the parameters, {shape}; got {array.shape}")
    finite("start", array)
    return np.array(array, dtype=np.float64).ravel()


def _dependent(design: Design, index: int) -> str:
    name = design.names[index]
    if index == 0:
        return f"X has a column without information: {name!r} is zero in every row that counts"
    before = ", ".join(repr(one) for one in design.names[:index])
    return (
        f"X has dependent columns: {name!r} is, to rounding, a combination of {before}; leave one of them out"
    )


def _advice(certificate: Certificate, stop: Stop) -> str:
    knob = {
        Stop.ITERATIONS: "raise max_iter",
        Stop.CALLBACK: "let it run to reach the optimum",
        Stop.SEPARATED: "a combination of the columns predicts every row: drop columns or merge classes",
    }.get(stop, "look for a column that predicts a class without error, or for nearly equal columns")
    return f"{certificate.reason} after {certificate.iterations} steps; {knob}"
