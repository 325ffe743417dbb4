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
from sigmax.identification.parametrisation import rebased
from sigmax.identification.rank import Dependence
from sigmax.identification.rank import dependence as find_dependence
from sigmax.inference.collinear import with_dependence
from sigmax.inference.result import Result, class_index
from sigmax.kernels import Float
from sigmax.objective import Objective
from sigmax.solvers.certificate import Certificate, certify
from sigmax.solvers.covariance import Covariance
from sigmax.solvers.curvature import DependentColumn, IllConditioned
from sigmax.solvers.monitor import Callback
from sigmax.solvers.solution import Stop
from sigmax.solvers.solve import solve

_TOL = 1e-12
_COLLINEAR = ("alias", "min_norm", "raise")
#: how an iteration ends where columns are dependent and rounding hides it
_FLAT = (Stop.TOLERANCE, Stop.ROUNDING, Stop.STUCK)
#: columns that a message names
_SHOWN = 8


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
    reference: object = None,
    collinear: str = "alias",
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
        (n,): labels of any sortable dtype.  Two classes: logistic; more: multinomial regression.
        (n, K), K >= 2: grouped data, row i stands for y[i, k] observations of class k; non-negative numbers,
        not necessarily whole, a positive one in each column.  The classes are 0 .. K-1.
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
        Where to start.  A bad start costs time, never the answer.  What it has for columns that are left out
        is not looked at, but has to be finite.
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
    reference : label, optional
        The class whose coefficients are zero; the first in sorted order by default.
    collinear : {"alias", "min_norm", "raise"}
        What to do where a column is, over the rows of positive weight, a combination of columns before it,
        the intercept first: zero, constant, a multiple, a sum; or where there are fewer rows than columns.

        "alias" leaves it out, as R does: its parameters are nan, `Result.aliased` says so, the summary names
        it, and everything else has the bits of a fit without it.  "min_norm" has that fit, and of all
        coefficients with the same fitted values those of the smallest sum of squares, b+ = P b, P the
        projector onto the row space of the design, intercept included; the covariance is the Moore-Penrose
        inverse of the information.  These depend on the units of the columns.  "raise" is a ValueError.

        A combination is one to 1e-13 of the column's length; with ``l2 > 0`` dependent columns have a unique
        estimate, and nothing is left out.

    Returns
    -------
    Result
        Estimates, standard errors, log-likelihood, predictions, certificate.

    Raises
    ------
    ValueError
        Bad input: the message names the argument, the first offending index, the count and what was
        expected.  Also where ``collinear="raise"`` and a column of X is a combination of those before it; or
        where columns are not, but are too near to it to be fitted.
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

    if collinear not in _COLLINEAR:
        raise ValueError(f"collinear must be one of {', '.join(map(repr, _COLLINEAR))}; got {collinear!r}")

    design = Design(X, intercept=fit_intercept, names=names)
    dependence: Dependence | None = None
    spent = 0.0
    while True:
        # with columns left out everything is done anew: the bits are those of a fit without them
        kept = design if dependence is None else design.without(dependence.aliased)
        used, observed = observe(kept, y, sample_weight, offset, chosen, count)
        objective = Objective(used, observed, chosen, count, l2=float(l2) / observed.scale)
        base = 0 if reference is None else class_index(observed.classes, reference)
        shape = (design.width,) if observed.n_logits == 1 else (observed.n_logits, design.width)
        starts = [np.zeros(objective.n_params)]
        if start is not None:
            starts.append(_start(start, shape, base, dependence))
        # within `tol` in the scale of the weights as given, and in that of the objective
        close = float(tol) * min(1.0, 1.0 / math.sqrt(observed.scale))
        # fewer rows than columns: no attempt needs to fail first
        wide = dependence is None and objective.penalty is None and used.rows.n_distinct < used.width
        problem: DependentColumn | IllConditioned | None = None
        if wide:
            objective.scan()
            problem = IllConditioned()
        else:
            try:
                solution = solve(objective, starts, tol=close, max_iter=max_iter, callback=callback)
                certificate = certify(objective, solution)
            except (DependentColumn, IllConditioned) as error:
                problem = error
            if problem is None and (certificate.exists is not None or solution.stop not in _FLAT):
                break
        # dependent columns, or what looks like them
        found = None
        if dependence is None and objective.penalty is None:
            found = find_dependence(used, observed.weight, chosen, count)
        if found is None or not found.aliased.any():
            if problem is not None:
                raise ValueError(_nearly_dependent(kept, problem)) from None
            break
        dependence = found
        if collinear == "raise" or dependence.rank == 0:
            raise ValueError(_dependent(dependence, design.names))
        spent = (objective.rows_read + dependence.reads * used.n_rows) / used.n_rows
    if not certificate.converged:
        warnings.warn(_advice(certificate, solution.stop), ConvergenceWarning, stacklevel=2)
    covariance = Covariance(objective, solution)
    result = Result(
        params=solution.coef.reshape((used.width,) if observed.n_logits == 1 else (-1, used.width)),
        _covariance=covariance.compute() if covariance.is_known else covariance.compute,
        llf=-solution.at.nll * observed.scale,
        nobs=observed.total_weight,
        classes=observed.classes,
        param_names=used.names,
        certificate=certificate,
        fit_intercept=design.intercept,
        l2=float(l2),
        backend=chosen.BACKEND,
        isa=chosen.ISA,
        n_threads=count,
        reference=observed.classes[0],
    )
    if dependence is not None:
        result = with_dependence(result, dependence, design.names, collinear, spent)
    return result if base == 0 else result.rebase(observed.classes[base])


def _start(start: npt.ArrayLike, shape: tuple[int, ...], base: int, dependence: Dependence | None) -> Float:
    """The start as the objective has it: against the first class, without the columns left out."""
    array = numbers("start", start)
    if array.shape != shape:
        raise ValueError(f"start must have the shape of the parameters, {shape}; got {array.shape}")
    finite("start", array)
    matrix = np.atleast_2d(np.array(array, dtype=np.float64))
    if base:
        matrix = rebased(matrix, base, 0)
    if dependence is not None:
        matrix = matrix[:, ~dependence.aliased]
    return np.ascontiguousarray(matrix).ravel()


def _dependent(dependence: Dependence, names: tuple[str, ...]) -> str:
    found = np.flatnonzero(dependence.aliased).tolist()
    index = found[0]
    terms = list(dependence.terms(index))
    if not terms:
        what = f"X has a column without information: {names[index]!r} is zero in every row that counts"
    else:
        shown = ", ".join(repr(names[i]) for i in terms[:_SHOWN])
        if len(terms) > _SHOWN:
            shown += f" and {len(terms) - _SHOWN} more"
        what = f"X has dependent columns: {names[index]!r} is, to rounding, a combination of {shown}"
    more = "" if len(found) == 1 else f", and so {'is' if len(found) == 2 else 'are'} {len(found) - 1} more"
    if dependence.rank == 0:
        return f"{what}{more}; nothing is left to estimate"
    return f'{what}{more}; leave it out, or pass collinear="alias"'


def _nearly_dependent(design: Design, problem: DependentColumn | IllConditioned) -> str:
    what = repr(design.names[problem.index]) if isinstance(problem, DependentColumn) else "a column"
    return (
        f"X has nearly dependent columns: {what} is too near to a combination of those before it to be "
        "fitted in float64, although it is none to rounding; leave it out, or shift and scale the columns"
    )


def _advice(certificate: Certificate, stop: Stop) -> str:
    knob = {
        Stop.ITERATIONS: "raise max_iter",
        Stop.CALLBACK: "let it run to reach the optimum",
        Stop.SEPARATED: "a combination of the columns predicts every row: drop columns or merge classes",
    }.get(stop, "look for a column that predicts a class without error, or for nearly equal columns")
    return f"{certificate.reason} after {certificate.iterations} steps; {knob}"
