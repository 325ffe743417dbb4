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
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sigmax import kernels, passes, threads
from sigmax.data.design import Design
from sigmax.data.response import Response, response
from sigmax.kernels import Float, Kernels
from sigmax.objective import Objective
from sigmax.objective.part import Part, Stretch
from sigmax.objective.penalty import Penalty
from sigmax.solvers import path as shared_path
from sigmax.solvers.certificate import Certificate, certify
from sigmax.solvers.curvature import DependentColumn, IllConditioned
from sigmax.solvers.monitor import Monitor
from sigmax.solvers.small import is_small, small
from sigmax.solvers.solution import Solution, Stop
from sigmax.solvers.solve import solve

Index = npt.NDArray[np.intp]

#: decrement to reach, in standard errors: a hundredth of it moves no score, and the proof needs no gradient in
#: double-double
TOL = 1e-8
#: what may be proved of a fit that has converged, in units of the tolerance
_PROVED = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Fits of the same rows with L penalties.

    Attributes
    ----------
    l2 : ndarray of shape (L,)
        As given.
    present : tuple of int
        The classes that have a row of positive weight.
    params : ndarray of shape (L, K' - 1, k)
        Of the K' classes present, against the first of them, the intercept first.
    error_bound : ndarray, shape of `params`
        Proved distance from the exact optimum; inf where nothing is proved.
    standard_errors_off : ndarray of shape (L,)
        The same in standard errors.
    converged : bool ndarray of shape (L,)
    iterations : int64 ndarray of shape (L,)
        Steps: gradients, or Newton's.
    passes : float
        Reads of the training rows, for all L fits together; anchors of a group of folds are counted in each
        of them with their share.
    """

    l2: Float
    present: tuple[int, ...]
    params: Float
    error_bound: Float
    standard_errors_off: Float
    converged: npt.NDArray[np.bool_]
    iterations: npt.NDArray[np.int64]
    passes: float


def fit_paths(
    X: Float,
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
    X : float64 ndarray of shape (n, p)
        Finite.
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
    observed = response(
        np.asarray(y), len(X), sample_weight=sample_weight, classes=classes, n_threads=count
    )
    rows = [_indices(one, len(X)) for one in train]
    task = _Task(strength, bool(fit_intercept), tol, max_iter, chosen, count)
    found: list[Path] = []
    for group in _groups(rows, len(X)):
        if group.order is None:
            design, here = Design(X, intercept=task.intercept), observed
        else:
            design = Design(X[group.order], intercept=task.intercept)
            here = observed.take(group.order)
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


# -- the rows ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Group:
    """Folds that are fitted together.

    Attributes
    ----------
    order : ndarray of intp or None
        The rows, ordered by part; None for those of X as they are.
    parts : tuple of (start, stop)
        Fold f leaves out part f; one part only: a single set of training rows, nothing left out.
    """

    order: Index | None
    parts: tuple[Stretch, ...]


def _indices(rows: npt.ArrayLike, n: int) -> Index:
    array = np.asarray(rows)
    return np.flatnonzero(array) if array.dtype == bool else array.astype(np.intp) % n


def _groups(train: Sequence[Index], n: int) -> list[_Group]:
    """Runs of folds whose left-out rows are a partition, and the other folds one by one, in their order."""
    found: list[_Group] = []
    begin = 0
    while begin < len(train):
        part = _partition(train[begin:], n)
        if part is None:
            rows = train[begin]
            as_it_is = len(rows) == n and bool((rows == np.arange(n)).all())
            found.append(_Group(None if as_it_is else rows, ((0, len(rows)),)))
            begin += 1
            continue
        count = int(part.max()) + 1
        edges = np.concatenate([[0], np.cumsum(np.bincount(part, minlength=count))]).tolist()
        sorted_already = bool((np.diff(part) >= 0).all())
        order = None if sorted_already else np.argsort(part, kind="stable")
        found.append(_Group(order, tuple(zip(edges[:-1], edges[1:], strict=True))))
        begin += count
    return found


def _partition(train: Sequence[Index], n: int) -> Index | None:
    """Which of the first folds leaves out each row, where each row is left out by exactly one of them."""
    part = np.full(n, -1, dtype=np.intp)
    missing = n
    for fold, rows in enumerate(train):
        left_out = np.ones(n, dtype=bool)
        left_out[rows] = False
        size = int(np.count_nonzero(left_out))
        if size == 0 or len(rows) != n - size or (part[left_out] >= 0).any():
            return None
        part[left_out] = fold
        missing -= size
        if missing == 0:
            return part if fold > 0 else None
    return None


def _members(parts: Sequence[Stretch]) -> list[list[Stretch]]:
    """The stretches that each fold is fitted on."""
    if len(parts) == 1:
        return [list(parts)]
    n = parts[-1][1]
    return [[(a, b) for a, b in ((0, start), (stop, n)) if b > a] for start, stop in parts]


# -- the fits ------------------------------------------------------------------------------------------


def _fit_group(task: _Task, design: Design, observed: Response, parts: Sequence[Stretch]) -> list[Path]:
    members = _members(parts)
    inner = max(task.n_threads // len(members), 1)
    objectives = [Part(design, observed, rows, task.kernels, inner) for rows in members]
    order = np.argsort(-task.l2, kind="stable")
    units = task.l2 / observed.scale
    penalties = [_penalty(objectives[0], float(units[i])) for i in order]
    anchors = _anchors(task, design, observed, parts, objectives, penalties)
    # bounds of X serve all folds
    if not is_small(objectives[0]):
        largest = design.largest(task.kernels, task.n_threads)
        for objective in objectives:
            objective.found_largest(largest)

    found: list[Path | None] = [None] * len(members)

    def evaluate(f: int, _: int) -> None:
        of_fold = None if anchors is None else [at.members[f] for at in anchors]
        found[f] = _fit_path(task, objectives[f], penalties, of_fold, order)

    passes.reduce(len(members), 1, evaluate, lambda a, b: None, min(task.n_threads, len(members)))
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
    if not complete or is_small(first) or not shared_path.pays(first):
        return None
    inner = max(task.n_threads // len(parts), 1)
    pieces = [Part(design, observed, [part], task.kernels, inner) for part in parts]

    def read(coef: Float) -> shared_path.Shared:
        at = [None] * len(pieces)

        def evaluate(q: int, _: int) -> None:
            at[q] = pieces[q].evaluate(coef)

        passes.reduce(len(pieces), 1, evaluate, lambda a, b: None, task.n_threads)
        for objective, piece in zip(objectives, pieces, strict=True):
            # the read of all rows belongs to all folds
            objective.rows_read += piece.n_rows
        return shared_path.shared(at)

    return shared_path.anchors(read, penalties, np.zeros(first.n_params))


def _fit_path(
    task: _Task,
    objective: Part,
    penalties: Sequence[Penalty | None],
    anchors: Sequence[shared_path.Anchor] | None,
    order: Index,
) -> Path:
    """All penalties on the rows of one fold."""
    absent = objective.response.absent
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
            penalties = [_penalty(lone, 0.0 if p is None else p.l2) for p in penalties]
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
    spent = 0.0
    for i, place in enumerate(order.tolist()):
        solution, certificate = None, None
        if member is not None:
            solution = member.fit(i)
            certificate = None if solution is None else certify(objective, solution)
            if certificate is not None and certificate.standard_errors_off > _PROVED * task.tol:
                solution = None
        if solution is None or certificate is None:
            if lone is objective:
                lone = objective.alone(present)
            lone.penalty = penalties[i]
            solution, certificate = _generally(lone, last, tol, task.max_iter)
        last = solution.coef
        path.params[place] = solution.coef.reshape(m, k)
        path.error_bound[place] = certificate.error_bound.reshape(m, k)
        path.standard_errors_off[place] = certificate.standard_errors_off
        path.converged[place] = certificate.converged
        path.iterations[place] = solution.iterations
    spent = lone.rows_read if lone is not objective else objective.rows_read
    return replace(path, passes=spent / objective.n_rows)


def _generally(
    objective: Objective, start: Float, tol: float, max_iter: int | None
) -> tuple[Solution, Certificate]:
    """A small fit by Newton's method in one call, any other by the general solver; its certificate."""
    zero = np.zeros(objective.n_params)
    starts = [zero, start] if start.any() else [zero]
    if is_small(objective):
        monitor = Monitor()
        found = small(objective, starts, tol, 100 if max_iter is None else max_iter, monitor)
        if found is not None:
            at, metric, nu, _ = found
            solution = Solution(at.coef, zero, at, metric, at, 0.0, nu, monitor.iterations, Stop.TOLERANCE)
            certificate = certify(objective, solution)
            if certificate.converged:
                return solution, certificate
    try:
        solution = solve(objective, starts, tol=tol, max_iter=max_iter)
    except (DependentColumn, IllConditioned):
        raise
    return solution, certify(objective, solution)


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
