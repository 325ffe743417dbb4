"""Many small fits at once: bootstrap refits, one model for each group, a path of penalties."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sigmax import handed_over, kernels, passes, threads
from sigmax.data.checks import contiguous, finite, none_of, numbers
from sigmax.data.chunks import Chunks
from sigmax.data.design import Design
from sigmax.data.given_rows import of_rows
from sigmax.data.groups import Groups, groups_of
from sigmax.data.response import Response, response
from sigmax.data.tabular.frames import Frame
from sigmax.data.tabular.tables import index_of, require_aligned
from sigmax.exceptions import ConvergenceWarning
from sigmax.inference.many import FitMany
from sigmax.kernels import Codes, Float, Kernels
from sigmax.kernels.interface import Number, Status
from sigmax.solvers.solution import Stop

_TOL = 1e-12
_MAX_ITER = 100
#: arithmetic of a run of problems, in flops: some 10 ms, after which an interrupt is seen
_RUN_FLOPS = 2e7
#: a problem with more than this has the general solver, which can be interrupted between passes
_SMALL_FLOPS = 2e8
#: passes of a fit, about
_PASSES = 7.0
#: as in solvers/certificate.py: beyond it the inverse itself is in doubt
_TRUSTED_CONDITION = 1e7

_REASONS = {
    Status.TOLERANCE: Stop.TOLERANCE.value,
    Status.ROUNDING: Stop.ROUNDING.value,
    Status.ITERATIONS: Stop.ITERATIONS.value,
    Status.SEPARATED: Stop.SEPARATED.value,
    Status.ABSENT: "a class of y has no row with a positive weight",
    Status.HAND_OVER: Stop.STUCK.value,
}
_FLAT = (
    "the likelihood is flat here without a nearby optimum; the classes may be separated, or columns nearly "
    "dependent"
)
_ILL_CONDITIONED = "the columns are so nearly dependent that nothing can be proved"


def fit_many(
    X: npt.ArrayLike | Chunks | Frame,
    y: npt.ArrayLike | str,
    *,
    groups: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    offset: npt.ArrayLike | None = None,
    fit_intercept: bool = True,
    l2: npt.ArrayLike = 0.0,
    start: npt.ArrayLike | None = None,
    tol: float | None = None,
    max_iter: int | None = None,
    n_threads: int | None = None,
    backend: str | None = None,
    names: Sequence[str] | None = None,
) -> FitMany:
    """Fit many small logistic or multinomial regressions by exact maximum likelihood.

    B problems share their columns and classes.  They are the groups of the rows, or refits of all rows with
    one row of weights each, or with one penalty each.  Every problem is minimised on its own:

        F(b) = sum_i w_i nll(y_i, eta_i) + penalty
        penalty = l2 / 2 sum_j w_j^2 for two classes; l2 / 2 sum_j w_j'(I - 11'/K) w_j for K > 2

    in nats, summed over rows, with w_j the slopes of column j; intercepts are not penalised.

    Parameters
    ----------
    X : array_like of shape (n, p), or sigmax.data.chunks.Chunks, or table
        Real numbers, any dtype and memory layout; never written.  A table as in :func:`sigmax.fit`.
    y : array_like of shape (n,), or str
        Labels of any sortable dtype, or the name of a column of the table.  The classes are those of all of
        y, whatever a group holds of them.
    groups : array_like of shape (n,), optional
        Labels of any sortable dtype: one problem for each; rows need not be sorted.
    sample_weight : array_like of shape (n,) or (B, n), optional
        Frequency weights of any scale; rows of weight 0 do not count.  (B, n): one problem for each row of
        weights, without `groups`.
    offset : array_like of shape (n,) or (n, K), optional
        As in :func:`sigmax.fit`.
    fit_intercept : bool
        Whether each logit has an intercept.
    l2 : float or array_like of shape (B,)
        Strength of the penalty, at least 0; one for each problem, or one problem for each.
    start : array_like, shape of one problem's parameters or of the result's `params`, optional
        Where to start.  A bad start costs time, never the answer.
    tol : float, optional
        Newton decrement to reach, in standard errors; 1e-12 by default.
    max_iter : int, optional
        Newton steps at most; 100 by default.
    n_threads : int, optional
        As in :func:`sigmax.fit`; the result has the same bits for any number.
    backend : {"auto", "compiled", "reference"}, optional
        None: ``SIGMAX_BACKEND``, else "auto".
    names : sequence of str, optional
        Names of the columns of X; x1, x2, ... by default.

    Returns
    -------
    FitMany
        Arrays with one entry for each problem.  Where there is no estimate (a class without a row, separated
        classes, dependent columns) `params` is nan, `converged` False, and `reason` says why.

    Raises
    ------
    ValueError, TypeError
        Bad input: the message names the argument, the first offending index, the count and what was
        expected.
    ImportError
        ``backend="compiled"`` where the kernels were not built.

    Warns
    -----
    ConvergenceWarning
        Once, where problems have no certificate: how many, the first of them and why.

    Notes
    -----
    Each problem is solved on one thread by Newton's method with an exact line search
    (:mod:`sigmax.solvers.newton`; ext/solvers), the difficult ones by the general solver.  The bound is
    that of :mod:`sigmax.solvers.certificate`.  A KeyboardInterrupt is seen between runs of problems.

    Examples
    --------
    >>> import numpy as np, sigmax as sx
    >>> data = sx.datasets.load("spector")
    >>> weights = np.random.default_rng(0).poisson(1.0, (3, 32))
    >>> r = sx.fit_many(data.X, data.y, sample_weight=weights, names=data.features)
    >>> r.params.shape, r.converged.tolist()
    ((3, 4), [True, True, True])
    >>> sx.fit_many(data.X, data.y, l2=[1.0, 10.0]).params[:, 1].round(6)
    array([1.210087, 0.238549])
    """
    tol, max_iter = _limits(tol, max_iter)
    chosen, count = kernels.get(backend), threads.resolve(n_threads)
    given = of_rows(
        X, y, names=names, sample_weight=sample_weight, offset=offset, intercept=bool(fit_intercept)
    )
    y, sample_weight, offset = given.y, given.sample_weight, given.offset
    require_aligned("groups", groups, index_of(X), "X")
    design = Design(given.X, intercept=fit_intercept, names=given.names)
    shared, many = _weights(sample_weight, design.n_rows, grouped=groups is not None)
    observed = _in_true_units(response(y, design.n_rows, sample_weight=shared, offset=offset))
    grouped = None if groups is None else groups_of(groups, design.n_rows)
    penalties = _penalties(l2)
    B = _how_many(grouped, many, penalties)
    shape = (observed.n_logits, design.width)
    task = _Task(
        design=design,
        response=observed,
        kernels=chosen,
        groups=grouped,
        weights=many,
        l2=np.full(B, penalties[0]) if len(penalties) == 1 else penalties,
        start=_starts(start, B, shape),
        tol=tol,
        max_iter=max_iter,
        n_threads=count,
    )
    design.largest(chosen, threads.useful(count, 2.0 * design.width * design.n_rows, shared=chosen.THREADED))
    found = _solve(task)
    return _result(task, found, fit_intercept)


def _in_true_units(observed: Response) -> Response:
    """Weights as they were given: every problem finds a scale of its own."""
    if observed.weight is None or observed.scale == 1.0:
        return observed
    weight = observed.weight * observed.scale
    return replace(
        observed,
        weight=weight,
        weight_sum=observed.total_weight,
        smallest_weight=observed.smallest_weight * observed.scale,
        scale=1.0,
    )


# -- checks ------------------------------------------------------------------------------------------


def _limits(tol: float | None, max_iter: int | None) -> tuple[float, int]:
    tol = _TOL if tol is None else tol
    max_iter = _MAX_ITER if max_iter is None else max_iter
    if not (isinstance(tol, int | float) and math.isfinite(tol) and tol >= 0.0):
        raise ValueError(f"tol must be a number of at least 0; got {tol!r}")
    if isinstance(max_iter, bool) or not hasattr(max_iter, "__index__") or max_iter < 0:
        raise ValueError(f"max_iter must be a whole number of at least 0; got {max_iter!r}")
    return float(tol), int(max_iter)


def _weights(
    value: npt.ArrayLike | None, n: int, *, grouped: bool
) -> tuple[npt.ArrayLike | None, npt.NDArray[np.generic] | None]:
    """Weights that the problems share, or a row of them for each, checked."""
    if value is None:
        return None, None
    array = numbers("sample_weight", value)
    if array.ndim == 1:
        return array, None
    if array.ndim != 2 or array.shape[1] != n or len(array) == 0:
        raise ValueError(
            f"sample_weight must have shape ({n},) or (B, {n}), a row for each problem; got {array.shape}"
        )
    if grouped:
        raise ValueError(f"sample_weight must have shape ({n},) where groups are given; got {array.shape}")
    return None, array


def _require_weights(some: Float, whole: npt.NDArray[np.generic]) -> Float:
    """`some` rows of the weights; a ValueError about all of them where one is negative, nan or inf."""
    # two fast sweeps of what is in cache: a nan is neither
    if not (some.min() >= 0.0 and some.max() < math.inf):
        finite("sample_weight", whole)
        none_of("sample_weight", whole, np.less(whole, 0), "not be negative", "below 0")
    return some


def _penalties(l2: npt.ArrayLike) -> Float:
    array = numbers("l2", l2)
    if array.ndim > 1 or array.size == 0:
        raise ValueError(f"l2 must be a number, or hold one for each problem; got shape {array.shape}")
    finite("l2", array)
    none_of("l2", array, np.less(array, 0), "not be negative", "below 0")
    return contiguous(np.atleast_1d(array))


def _how_many(groups: Groups | None, weights: npt.NDArray[np.generic] | None, l2: Float) -> int:
    if groups is not None:
        B, of = len(groups.labels), "groups"
    elif weights is not None:
        B, of = len(weights), "rows of sample_weight"
    else:
        return len(l2)
    if len(l2) not in (1, B):
        raise ValueError(f"l2 must hold one value, or one for each of the {B} {of}; got {len(l2)}")
    return B


def _starts(start: npt.ArrayLike | None, B: int, shape: tuple[int, int]) -> Float | None:
    if start is None:
        return None
    array = numbers("start", start)
    one = shape[1:] if shape[0] == 1 else shape
    if array.shape not in (one, (B, *one)):
        raise ValueError(
            f"start must have the shape of one problem's parameters, {one}, or of all, {(B, *one)}; "
            f"got {array.shape}"
        )
    finite("start", array)
    whole = np.broadcast_to(contiguous(array), (B, *one))
    return np.ascontiguousarray(whole).reshape(B, *shape)


# -- the fits ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Task:
    """B problems: what `fit_many` was given, checked."""

    design: Design
    response: Response
    kernels: Kernels
    groups: Groups | None
    weights: npt.NDArray[np.generic] | None
    l2: Float
    start: Float | None
    tol: float
    max_iter: int
    n_threads: int

    def __len__(self) -> int:
        return len(self.l2)

    def rows(self, a: int, b: int) -> tuple[Float, Codes, Float | None, Float | None]:
        """X, codes, weights (1 or b - a, rows) and offset of the problems a <= i < b."""
        y, w, o = self.response.codes, self.response.weight, self.response.offset
        if self.groups is None:
            X = self.design.block(0, self.design.n_rows)
            if self.weights is not None:
                return X, y, _require_weights(contiguous(self.weights[a:b]), self.weights), o
            return X, y, None if w is None else w[None, :], o
        start, stop = int(self.groups.starts[a]), int(self.groups.starts[b])
        if self.groups.order is None:
            X, which = self.design.block(start, stop), slice(start, stop)
            return X, y[which], None if w is None else w[None, which], None if o is None else o[which]
        order = self.groups.order[start:stop]
        X = np.take(self.design.block(0, self.design.n_rows), order, axis=0)
        return X, y[order], None if w is None else w[None, order], None if o is None else o[order]

    def flops(self) -> Float:
        """Arithmetic of each problem, about, shape (B,)."""
        m, size = self.response.n_logits, self.response.n_logits * self.design.width
        n = np.full(len(self), float(self.design.n_rows))
        if self.groups is not None:
            n = np.diff(self.groups.starts).astype(np.float64)
        return np.asarray(_PASSES * (n * (size**2 + 4.0 * size + 60.0 * m) + size**3))


@dataclass(frozen=True, slots=True)
class _Found:
    """Arrays with one entry for each problem."""

    coef: Float
    variance: Float
    numbers: Float
    status: npt.NDArray[np.int32]


def _solve(task: _Task) -> _Found:
    B, m, k = len(task), task.response.n_logits, task.design.width
    found = _Found(
        np.full((B, m, k), np.nan),
        np.full((B, m * k), np.nan),
        np.full((B, len(Number)), np.nan),
        np.full(B, Status.HAND_OVER, dtype=np.int32),
    )
    flops = task.flops()
    small = flops <= _SMALL_FLOPS
    start = _common_start(task, bool(small.all())) if task.start is None else task.start
    # runs of about the same arithmetic: where the running sum passes a multiple of it
    run_of = np.floor(np.cumsum(flops) / _RUN_FLOPS)
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(run_of)) + 1, [B]])

    def evaluate(run: int, _: int) -> None:
        a, b = int(bounds[run]), int(bounds[run + 1])
        if not small[a:b].all():
            for i in range(a, b):
                if small[i]:
                    _solve_run(task, found, start, i, i + 1)
        else:
            _solve_run(task, found, start, a, b)

    count = threads.useful(task.n_threads, float(flops.sum()), shared=task.kernels.THREADED)
    passes.reduce(len(bounds) - 1, 1, evaluate, lambda left, right: None, count)
    return found


def _common_start(task: _Task, small: bool) -> Float | None:
    """Refits of shared rows begin at the estimate without weights, which saves a step or two of each."""
    if task.weights is None or not small or len(task) < 2:
        return None
    one = _Found(
        np.empty((1, task.response.n_logits, task.design.width)),
        np.empty((1, task.response.n_logits * task.design.width)),
        np.empty((1, len(Number))),
        np.empty(1, dtype=np.int32),
    )
    X, y, _, offset = task.rows(0, 1)
    task.kernels.newton_many(
        X,
        y,
        one.coef,
        one.numbers,
        one.status,
        intercept=task.design.intercept,
        tol=1e-2,
        max_iter=task.max_iter,
        offset=offset,
        l2=task.l2[:1],
    )
    if one.status[0] not in (Status.TOLERANCE, Status.ROUNDING):
        return None
    return np.ascontiguousarray(np.broadcast_to(one.coef, (len(task), *one.coef.shape[1:])))


def _solve_run(task: _Task, found: _Found, start: Float | None, a: int, b: int) -> None:
    X, y, weight, offset = task.rows(a, b)
    size = found.variance.shape[1]
    inverse = np.empty((b - a, size, size))
    task.kernels.newton_many(
        X,
        y,
        found.coef[a:b],
        found.numbers[a:b],
        found.status[a:b],
        intercept=task.design.intercept,
        tol=task.tol,
        max_iter=task.max_iter,
        starts=None if task.groups is None else task.groups.starts[a : b + 1] - task.groups.starts[a],
        weight=weight,
        offset=offset,
        l2=task.l2[a:b],
        start=None if start is None else start[a:b],
        inverse_out=inverse,
    )
    found.variance[a:b] = inverse.diagonal(axis1=1, axis2=2)


# -- the result ----------------------------------------------------------------------------------------


def _result(task: _Task, found: _Found, fit_intercept: bool) -> FitMany:
    said: dict[int, handed_over.Answer] = {}
    for i in np.flatnonzero(found.status == Status.HAND_OVER).tolist():
        said[i] = _general(task, found, i)
    status, about = found.status, found.numbers

    # nu R < 1: the optimum is at most -log(1 - nu R) / R standard errors away (solvers/certificate.py)
    done = (status == Status.TOLERANCE) | (status == Status.ROUNDING)
    nu, R = about[:, Number.DECREMENT] + about[:, Number.GRADIENT_ROUNDING], about[:, Number.ROW_NORM]
    with np.errstate(invalid="ignore", divide="ignore"):
        near = nu * R < 1.0
        trusted = about[:, Number.CONDITION] < _TRUSTED_CONDITION
        proved = near & trusted
        bound = np.where(proved, -np.log1p(-np.where(near, nu * R, 0.0)) / R, np.inf)
        for i, answer in said.items():
            bound[i] = answer.bound
            proved[i] = near[i] = math.isfinite(answer.bound)
        bse = np.sqrt(found.variance).reshape(found.coef.shape)
    converged = done & proved
    nothing = ~(converged | (status == Status.ITERATIONS) | (done & near))
    bound[nothing] = np.inf
    llf = -about[:, Number.NLL_HIGH]
    found.coef[nothing], bse[nothing], llf[nothing] = np.nan, np.nan, np.nan

    texts = [_REASONS[s] for s in Status]  # by number: making 10,000 members takes as long as 400 fits
    reasons = [texts[s] for s in status.tolist()]
    for i in np.flatnonzero(done & ~proved).tolist():
        reasons[i] = _ILL_CONDITIONED if near[i] else _FLAT
    for i, answer in said.items():
        reasons[i] = answer.reason or reasons[i]

    one_logit = task.response.n_logits == 1
    result = FitMany(
        params=found.coef[:, 0] if one_logit else found.coef,
        bse=bse[:, 0] if one_logit else bse,
        llf=llf,
        nobs=about[:, Number.TOTAL_WEIGHT].copy(),
        l2=task.l2,
        iterations=about[:, Number.STEPS].astype(np.int64),
        converged=converged,
        newton_decrement=about[:, Number.DECREMENT].copy(),
        error_bound=bound,
        reason=tuple(reasons),
        groups=None if task.groups is None else task.groups.labels,
        classes=task.response.classes,
        param_names=task.design.names,
        fit_intercept=bool(fit_intercept),
        backend=task.kernels.BACKEND,
        isa=task.kernels.ISA,
        n_threads=task.n_threads,
    )
    _warn(result)
    return result


def _general(task: _Task, found: _Found, i: int) -> handed_over.Answer:
    """Solve problem i with the general solver, from the original start."""
    X, y, weight, offset = task.rows(i, i + 1)
    one = handed_over.solve(
        X,
        y,
        None if weight is None else weight[0],
        offset,
        task.response.classes,
        task.kernels,
        intercept=task.design.intercept,
        names=task.design.names,
        l2=float(task.l2[i]),
        start=None if task.start is None else task.start[i].ravel(),
        tol=task.tol,
        max_iter=task.max_iter,
        n_threads=task.n_threads,
    )
    found.status[i], found.numbers[i] = one.status, one.numbers
    found.coef[i], found.variance[i] = one.coef.reshape(found.coef[i].shape), one.variance
    return one


def _warn(result: FitMany) -> None:
    missing = np.flatnonzero(~result.converged)
    if not len(missing):
        return
    first = result[int(missing[0])]
    what = "group" if result.groups is not None else "problem"
    warnings.warn(
        f"{len(missing):,} of {len(result):,} fits did not converge; the first is {what} {first.group!r}: "
        f"{first.reason}.  `reason` has the others",
        ConvergenceWarning,
        stacklevel=4,
    )
