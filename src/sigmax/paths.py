"""Fits over a grid of penalties, on one set of rows or on the folds of a cross-validation.

The numerics are those of :mod:`sigmax.solvers.path`; here the rows are laid out, and what its way leaves is
handed to the general solver with the estimate of the last penalty as its start.

Folds whose left-out rows are a partition (KFold, StratifiedKFold, GroupKFold, each repetition of a repeated
one) are fitted together: the rows lie ordered by the fold that leaves them out, X as it is where they do
already and one copy for all folds where they do not, and a fold reads those before its part and those after
it.  Any other set of training rows is fitted on its own.

The limit, for F folds of n rows, p columns and two classes: a gradient streams 8 n p (1 - 1/F) bytes, or
takes 4 n p flops; a Hessian n p^2.  What is spent stands in `Path.passes`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from sigmax import kernels, passes, threads
from sigmax.data.chunks import Chunks
from sigmax.data.design import Design
from sigmax.data.folds import Index, Stretch, groups, indices, members
from sigmax.data.response import Response, response
from sigmax.estimation import Data, estimate
from sigmax.fitting import concluded
from sigmax.inference.result import Result
from sigmax.kernels import Float, Kernels
from sigmax.objective import Evaluation, Objective
from sigmax.objective.part import Part
from sigmax.objective.penalty import Penalty
from sigmax.solvers import path as shared_path
from sigmax.solvers.certificate import Certificate, certify
from sigmax.solvers.curvature import DependentColumn, IllConditioned
from sigmax.solvers.monitor import Monitor
from sigmax.solvers.small import is_small, small
from sigmax.solvers.solution import Solution, Stop
from sigmax.solvers.solve import solve

#: decrement to reach, in standard errors: no score moves by so little, and the proof needs no gradient in
#: double-double
TOL = 1e-7
#: what has to be proved of a fit that shares anchors, in units of the tolerance: two, and some rounding
_PROVED = 2.5
#: decrement of a small fit, where another step costs next to nothing
_SMALL_TOL = 1e-11
#: of a fit that has no certificate: as in :func:`sigmax.fit`, from zero
_LAST_TOL = 1e-12
#: blocks that a fold reads in one call: folds are read side by side
_BLOCKS = 4
#: Newton steps of a small fit, at most
_MOST_STEPS = 100
_TOO_NEAR = (
    "X has nearly dependent columns in a fold, too near to be fitted in float64 with so small a penalty; "
    "leave one out, or lower the largest C"
)


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Fits of the same rows with L penalties.

    Attributes
    ----------
    l2 : ndarray of shape (L,)
        As given.
    present : tuple of int
        The classes that are fitted: those that have a row of positive weight; without an intercept all, as a
        class without rows has a finite optimum then.
    params : ndarray of shape (L, K' - 1, k)
        Of the K' classes present, against the first of them, the intercept first.  A class that is not
        there has slopes of 0 in the penalty, the limit of the penalised fit of all K.
    error_bound : ndarray, shape of `params`
        Proved distance from the exact optimum; inf where nothing is proved.
    standard_errors_off : ndarray of shape (L,)
        The same in standard errors.
    converged : bool ndarray of shape (L,)
    iterations : int64 ndarray of shape (L,)
        Steps: gradients, or Newton's.
    passes : float
        Reads of the training rows, for all L fits together; of an anchor each fold counts its own part of the
        rows: one read of all, shared.
    """

    l2: Float
    present: tuple[int, ...]
    params: Float
    error_bound: Float
    standard_errors_off: Float
    converged: npt.NDArray[np.bool_]
    iterations: npt.NDArray[np.int64]
    passes: float
    unpenalised: dict[int, Result] = field(default_factory=dict)


def fit_paths(
    rows: Callable[[Index | None], npt.ArrayLike | Chunks],
    y: npt.ArrayLike,
    train: Sequence[npt.ArrayLike],
    l2: npt.ArrayLike,
    *,
    classes: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    fit_intercept: bool = True,
    tol: float = TOL,
    max_iter: int | None = None,
    n_threads: int | None = None,
    backend: str | None = None,
) -> list[Path]:
    """Fit every penalty on every set of training rows.

    Parameters
    ----------
    rows : callable
        ``rows(index)`` are the rows of X of these indices, as :class:`Design` takes them, ``rows(None)`` all.
        Called once for each group of folds that are fitted together.
    y : array_like of shape (n,)
        Labels, all among `classes`.
    train : sequence of index or bool arrays
        The training rows of each fold.
    l2 : array_like of shape (L,)
        Not negative; in units of the summed negative log-likelihood, in any order.
    classes : array_like of shape (K,)
        Sorted; a fold may lack some.
    sample_weight : array_like of shape (n,), optional
    fit_intercept : bool
    tol : float
        Newton decrement to reach, in standard errors.
    max_iter : int, optional
        Steps of the general solver, at most.
    n_threads, backend
        As in :func:`sigmax.fit`; the result has the same bits for any number of threads.

    Returns
    -------
    list of Path
        One for each fold.

    Raises
    ------
    ValueError
        Bad input; a fold without rows of positive weight.
    """
    count, chosen = threads.resolve(n_threads), kernels.get(backend)
    strength = np.asarray(l2, dtype=np.float64)
    labels = np.asarray(y)
    n = len(labels)
    observed = response(labels, n, sample_weight=sample_weight, classes=classes, n_threads=count)
    task = _Task(strength, bool(fit_intercept), tol, max_iter, chosen, count)
    found: list[Path] = []
    for group in groups([indices(one, n) for one in train], n):
        design = Design(rows(group.order), intercept=task.intercept)
        here = observed if group.order is None else observed.take(group.order)
        found.extend(_fit_group(task, design, here, group.parts))
    return found


@dataclass(frozen=True, slots=True)
class _Task:
    """What all fits share."""

    l2: Float
    intercept: bool
    tol: float
    max_iter: int | None
    kernels: Kernels
    n_threads: int


# -- the fits ------------------------------------------------------------------------------------------


def _fit_group(task: _Task, design: Design, observed: Response, parts: Sequence[Stretch]) -> list[Path]:
    rows = members(parts)
    inner = max(task.n_threads // len(rows), 1)
    blocks = _BLOCKS if len(rows) > 1 else 1
    objectives = [Part(design, observed, one, task.kernels, inner, blocks=blocks) for one in rows]
    order = np.argsort(-task.l2, kind="stable")
    units = task.l2 / observed.scale
    penalties = [_penalty(objectives[0], float(units[i])) for i in order]
    anchors = _anchors(task, design, observed, parts, objectives, penalties)
    # bounds of X serve all folds
    if not _is_small(objectives[0]):
        largest = design.largest(task.kernels, task.n_threads)
        for objective in objectives:
            objective.found_largest(largest)

    found: list[Path | None] = [None] * len(rows)

    def evaluate(f: int, _: int) -> None:
        of_fold = None if anchors is None else [at.members[f] for at in anchors]
        found[f] = _fit_path(task, objectives[f], penalties, of_fold, order)

    passes.reduce(len(rows), 1, evaluate, lambda a, b: None, min(task.n_threads, len(rows)))
    return [one for one in found if one is not None]


def _penalty(objective: Objective, l2: float) -> Penalty | None:
    width = objective.design.width
    return Penalty(l2, objective.n_logits, width, objective.design.intercept) if l2 > 0.0 else None


def _anchors(
    task: _Task,
    design: Design,
    observed: Response,
    parts: Sequence[Stretch],
    objectives: Sequence[Part],
    penalties: Sequence[Penalty | None],
) -> list[shared_path.Shared] | None:
    """Anchors of the group for each penalty; None where its folds are small, or have to go other ways."""
    first = objectives[0]
    complete = not any(objective.response.absent for objective in objectives)
    if not complete or _is_small(first) or not shared_path.pays(first):
        return None
    inner = max(task.n_threads // len(parts), 1)
    blocks = _BLOCKS if len(parts) > 1 else 1
    pieces = [Part(design, observed, [part], task.kernels, inner, blocks=blocks) for part in parts]

    def read(coef: Float) -> shared_path.Shared:
        at: dict[int, Evaluation] = {}

        def evaluate(q: int, _: int) -> None:
            at[q] = pieces[q].evaluate(coef)

        passes.reduce(len(pieces), 1, evaluate, lambda a, b: None, task.n_threads)
        for objective, piece in zip(objectives, pieces, strict=True):
            # the read of all rows belongs to all folds
            objective.rows_read += piece.n_rows
        return shared_path.shared([at[q] for q in range(len(pieces))])

    return shared_path.anchors(read, penalties, np.zeros(first.n_params))


def _fit_path(
    task: _Task,
    objective: Part,
    penalties: Sequence[Penalty | None],
    anchors: Sequence[shared_path.Anchor] | None,
    order: Index,
) -> Path:
    """All penalties on the rows of one fold."""
    absent = objective.response.absent if task.intercept else ()
    present = tuple(c for c in range(len(objective.response.classes)) if c not in absent)
    L = len(penalties)
    if len(present) < 2:
        return _of_one_class(task, present, objective.design.width, L)
    lone: Objective = objective
    if anchors is None:
        lone = objective.alone(present)
        if not lone.knows_largest:
            lone.scan()
        if absent:
            # the softmax of two classes penalises each of two slopes w / 2 and -w / 2
            share = 0.5 if len(present) == 2 else 1.0
            penalties = [_penalty(lone, 0.0 if p is None else share * p.l2) for p in penalties]
    m, k = lone.n_logits, lone.design.width
    path = Path(
        task.l2,
        present,
        np.empty((L, m, k)),
        np.empty((L, m, k)),
        np.empty(L),
        np.empty(L, dtype=bool),
        np.empty(L, dtype=np.int64),
        0.0,
    )
    tol = task.tol * min(1.0, 1.0 / math.sqrt(lone.response.scale))
    member = None if anchors is None else shared_path.Member(objective, anchors, penalties, tol)
    last = np.zeros(lone.n_params)
    for i, place in enumerate(order.tolist()):
        found = None if member is None else _certified(objective, member.fit(i), _PROVED * task.tol)
        if found is None:
            if lone is objective:
                lone = objective.alone(present)
            lone.penalty = penalties[i]
            found = _generally(lone, last, tol, task.max_iter)
        if found is None:
            result = _unpenalised(task, lone)
            path.unpenalised[place] = result
            _keep(path, place, np.atleast_2d(result.params), result.certificate)
            continue
        solution, certificate = found
        last = solution.coef
        _keep(path, place, last.reshape(m, k), certificate)
        path.iterations[place] = solution.iterations
    return replace(path, passes=lone.rows_read / objective.n_rows)


def _keep(path: Path, place: int, params: Float, certificate: Certificate) -> None:
    path.params[place] = params
    path.error_bound[place] = np.reshape(certificate.error_bound, params.shape)
    path.standard_errors_off[place] = certificate.standard_errors_off
    path.converged[place] = certificate.converged
    path.iterations[place] = certificate.iterations


def _certified(
    objective: Objective, solution: Solution | None, most: float
) -> tuple[Solution, Certificate] | None:
    """A solution with its certificate, where that proves enough."""
    if solution is None:
        return None
    certificate = certify(objective, solution)
    return (solution, certificate) if certificate.standard_errors_off <= most else None


def _is_small(objective: Objective) -> bool:
    """As everywhere, however long the blocks are here."""
    return is_small(objective) and objective.n_rows <= passes.block_rows(objective.design.width)


def _generally(
    objective: Objective, start: Float, tol: float, max_iter: int | None
) -> tuple[Solution, Certificate] | None:
    """A small fit by Newton's method in one call, any other by the general solver.

    None where there is no penalty and no certificate: columns may depend on each other, classes be separated.
    """
    zero = np.zeros(objective.n_params)
    starts = [zero, start] if start.any() else [zero]
    if _is_small(objective):
        monitor = Monitor()
        found = small(
            objective, starts, min(tol, _SMALL_TOL), _MOST_STEPS if max_iter is None else max_iter, monitor
        )
        if found is not None:
            at, metric, nu, _ = found
            solution = Solution(at.coef, zero, at, metric, at, 0.0, nu, monitor.iterations, Stop.TOLERANCE)
            certificate = certify(objective, solution)
            if certificate.converged:
                return solution, certificate
    penalised = objective.penalty is not None
    for begin, aim in ((starts, tol), ([zero], min(tol, _LAST_TOL))):
        try:
            solution = solve(objective, begin, tol=aim, max_iter=max_iter, patience=None if penalised else 8)
        except (DependentColumn, IllConditioned):
            if penalised:
                raise ValueError(_TOO_NEAR) from None
            return None
        certificate = certify(objective, solution)
        if certificate.converged or not penalised or solution.stop is Stop.ITERATIONS:
            break
        # the likelihood may be flat at the start, and `tol` prove nothing where a row is far from all others
    return (solution, certificate) if penalised or certificate.converged else None


def _unpenalised(task: _Task, objective: Objective) -> Result:
    """The fit of the front door, with all that it finds out about columns and classes."""
    response = objective.response
    weight = None if response.weight is None else response.weight * response.scale
    classes = np.arange(len(response.classes))
    data = Data(
        objective.design,
        response.codes,
        weight,
        None,
        classes,
        task.kernels,
        objective.n_threads,
        "importance",
    )
    found = estimate(
        data,
        l2=0.0,
        start=None,
        tol=task.tol,
        max_iter=task.max_iter,
        callback=None,
        refuse_dependence=False,
    )
    return concluded(data, found, 0, l2=0.0, collinear="min_norm")[0]


def _of_one_class(task: _Task, present: tuple[int, ...], width: int, L: int) -> Path:
    """Rows of one class only: nothing is estimated."""
    nothing = np.empty((L, 0, width))
    return Path(
        task.l2,
        present,
        nothing,
        nothing,
        np.zeros(L),
        np.ones(L, dtype=bool),
        np.zeros(L, dtype=np.int64),
        0.0,
    )
