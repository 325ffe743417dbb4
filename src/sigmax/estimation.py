"""From observed rows to the optimum of their likelihood, or to the proof that there is none.

1. Solve.  Nearly always the certificate proves that the optimum exists, and that is all.
2. Where it does not, columns may depend on each other: they are found, left out, and it begins anew.
3. Where they do not, classes may be separated: whether they are is decided (:mod:`sigmax.existence`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.data.design import Design
from sigmax.data.missing import Dropped
from sigmax.data.observe import in_few_rows, observe
from sigmax.data.response import Response
from sigmax.data.tabular.tables import Origin
from sigmax.data.units import Units, number_of_observations, units
from sigmax.existence.examine import Verdict, examine, without_classes
from sigmax.existence.pairs import Pairs
from sigmax.identification.rank import Dependence
from sigmax.identification.rank import dependence as find_dependence
from sigmax.inference.estimates import facts
from sigmax.kernels import Float, Kernels
from sigmax.objective import Objective
from sigmax.solvers.certificate import Certificate, certify
from sigmax.solvers.curvature import DependentColumn, IllConditioned
from sigmax.solvers.factor import Factor, NotPositiveDefinite
from sigmax.solvers.monitor import Callback
from sigmax.solvers.solution import Solution, Stop
from sigmax.solvers.solve import solve

#: columns that a message names
_SHOWN = 8
#: Newton steps after which it is asked whether there is an optimum.  Nearly all that have one have shown it
#: by then; where there is none, each costs a read
_PATIENCE = 8
#: the columns are clearly independent up to this condition number of their Gram matrix's root
_CLEAR = 1e5


@dataclass(frozen=True, slots=True)
class Data:
    """What a user handed over, checked as far as it can be before rows are read.

    Attributes
    ----------
    design : Design
    y : array_like
    sample_weight, offset, classes : array_like or None
    kernels : Kernels
    n_threads : int
    weight_type : {"frequency", "importance", "probability"}
    dropped : Dropped or None
        Rows that were left out before.
    origin : Origin or None
        Where the rows come from, if from a table.
    is_shifted : bool
        Whether there is an offset besides that of a formula, which new rows do not bring along.
    """

    design: Design
    y: npt.ArrayLike
    sample_weight: npt.ArrayLike | None
    offset: npt.ArrayLike | None
    classes: npt.ArrayLike | None
    kernels: Kernels
    n_threads: int
    weight_type: str = "frequency"
    dropped: Dropped | None = None
    origin: Origin | None = None
    is_shifted: bool = False

    def rows(self, design: Design) -> tuple[Design, Response]:
        """The rows as given, for a design that may have fewer columns."""
        return observe(design, self.y, self.sample_weight, self.offset, self.classes, self.n_threads)

    def units(self, design: Design, observed: Response) -> Units:
        """What each row stands for; `observed` is the response of a fit, of these rows or fewer."""
        return units(
            self.y,
            design.n_rows,
            sample_weight=self.sample_weight,
            weight_type=self.weight_type,
            offset=self.offset,
            classes=observed.classes,
            n_threads=self.n_threads,
            observed=observed,
        )

    def facts(self, objective: Objective) -> dict[str, Any]:
        """What a result says of the data."""
        nobs = None
        if self.weight_type != "frequency" and self.sample_weight is not None:
            nobs = number_of_observations(self.y, self.sample_weight)
        found = facts(objective, nobs, self.weight_type)
        return found | {
            "dropped": self.dropped,
            "has_offset": self.is_shifted,
            "_origin_of_rows": self.origin,
        }

    def objective(self, design: Design, l2: float) -> Objective:
        """The objective of a design that may have fewer columns."""
        used, observed = in_few_rows(*self.rows(design), self.kernels, self.n_threads)
        return Objective(used, observed, self.kernels, self.n_threads, l2=l2 / observed.scale)


@dataclass(frozen=True, slots=True)
class Found:
    """Where the search ended.

    Attributes
    ----------
    design : Design
        The columns that were fitted, in the rows as given.
    objective : Objective
    solution : Solution or None
        None where no solver had to run, since a class has no row.
    certificate : Certificate or None
        Of the solution.
    dependence : Dependence or None
        Columns that were left out, and why.
    spent : float
        Reads of the data before they were.
    verdict : Verdict or None
        Where it was asked whether the optimum exists.
    """

    design: Design
    objective: Objective
    solution: Solution | None
    certificate: Certificate | None
    dependence: Dependence | None
    spent: float
    verdict: Verdict | None

    def pairs(self) -> Pairs:
        """The vectors that decide on existence."""
        o = self.objective
        return Pairs(o.design, o.response, o.kernels, o.n_threads)


def estimate(
    data: Data,
    *,
    l2: float,
    start: Float | None,
    tol: float,
    max_iter: int | None,
    callback: Callback | None,
    refuse_dependence: bool,
) -> Found:
    """Minimise the objective of the data, or find out why that cannot be done.

    Parameters
    ----------
    data : Data
    l2 : float
    start : ndarray of shape (m, k), optional
        Against class 0, with all columns.
    tol : float
        In the scale of the weights as given.
    max_iter, callback
        As in :func:`sigmax.solvers.solve.solve`.
    refuse_dependence : bool
        Whether dependent columns are an error.

    Raises
    ------
    ValueError
        Dependent columns where they are refused, or where nothing else is left; columns so nearly dependent
        that they cannot be fitted.
    """
    dependence: Dependence | None = None
    spent = 0.0
    while True:
        # with columns left out everything is done anew: the bits are those of a fit without them
        design = data.design if dependence is None else data.design.without(dependence.aliased)
        objective = data.objective(design, l2)
        starts = []
        if start is not None:
            kept = start if dependence is None else start[:, ~dependence.aliased]
            starts.append(np.ascontiguousarray(kept).ravel())
        solution: Solution | None = None
        problem: DependentColumn | IllConditioned | None = IllConditioned()
        # fewer rows than columns: no attempt needs to fail first
        if dependence is not None or objective.penalty is not None or not _is_wide(objective):
            solution, problem = _solved(objective, starts, tol, max_iter, callback, _PATIENCE)
        certificate = None if solution is None else certify(objective, solution)
        if certificate is not None and objective.penalty is not None and not certificate.exists:
            # the penalty grows along every direction but the intercepts', and all classes have rows
            certificate = certificate.after(True, "")
        found = Found(design, objective, solution, certificate, dependence, spent, None)
        if certificate is not None and (certificate.exists or _may_end(objective, solution)):
            return found
        if dependence is None and objective.penalty is None and not _clearly_independent(objective):
            dependence = dependent_columns(data, objective, refuse=refuse_dependence)
            if dependence is not None:
                spent = objective.rows_read / objective.n_rows + dependence.reads
                continue
        if problem is not None and objective.penalty is not None:
            raise ValueError(nearly_dependent(design, problem, penalised=True)) from None
        in_doubt = solution is not None and solution.stop is Stop.DOUBTFUL
        verdict = _verdict(found, l2, tol, in_haste=in_doubt)
        if verdict.exists is False:
            return replace(found, verdict=verdict)
        if solution is None and problem is None:
            # a class has no row, and what that leaves could not be decided
            solution, problem = _solved(objective, starts, tol, max_iter, callback, None)
        elif solution is not None and in_doubt:
            # it went slowly, but it seems not to go for nothing
            steps = solution.iterations
            rest = None if max_iter is None else max(max_iter - steps, 0)
            solution, problem = _solved(objective, [solution.coef], tol, rest, callback, None)
            if solution is not None:
                solution = replace(solution, iterations=solution.iterations + steps)
        if solution is None:
            assert problem is not None
            raise ValueError(nearly_dependent(design, problem)) from None
        certificate = certify(objective, solution)
        found = replace(found, solution=solution, certificate=certificate, verdict=verdict)
        settled = verdict.exists or certificate.exists or solution.stop is Stop.CALLBACK
        if in_doubt and not settled:
            again = _verdict(found, l2, tol)
            found = replace(found, verdict=replace(again, passes=again.passes + verdict.passes))
        return found


def dependent_columns(data: Data, objective: Objective, *, refuse: bool) -> Dependence | None:
    """Columns of the objective, which has all, that are combinations of others; None where none is.

    Raises
    ------
    ValueError
        There are, and they are refused, or nothing else is left.
    """
    found = find_dependence(objective.design, objective.response.weight, data.kernels, data.n_threads)
    if not found.aliased.any():
        return None
    if refuse or found.rank == 0:
        raise ValueError(_dependent(found, data.design.names))
    return found


def _is_wide(objective: Objective) -> bool:
    """Whether there are fewer rows than columns, and all of X is finite; ValueError where it is not."""
    wide = bool(objective.design.rows.n_distinct < objective.design.width)
    if wide:
        objective.scan()
    return wide


def _clearly_independent(objective: Objective) -> bool:
    """Whether one read shows that no column comes near to a combination of the others."""
    try:
        return Factor(objective.gram()).condition_number <= _CLEAR
    except NotPositiveDefinite:
        return False


def _solved(
    objective: Objective,
    starts: list[Float],
    tol: float,
    max_iter: int | None,
    callback: Callback | None,
    patience: int | None,
) -> tuple[Solution | None, DependentColumn | IllConditioned | None]:
    """The solution, or why there is none; neither where a class without rows settles it."""
    if patience is not None and objective.design.intercept and objective.response.absent:
        objective.scan()
        return None, None
    starts = [np.zeros(objective.n_params), *starts]
    try:
        solution = solve(
            objective,
            starts,
            tol=_close(tol, objective),
            max_iter=max_iter,
            callback=callback,
            # a penalty makes the optimum exist
            patience=patience if objective.penalty is None else None,
        )
    except (DependentColumn, IllConditioned) as error:
        return None, error
    return solution, None


def _close(tol: float, objective: Objective) -> float:
    """`tol` in the scale of the weights as given, and in that of the objective."""
    return tol * min(1.0, 1.0 / math.sqrt(objective.response.scale))


def _may_end(objective: Objective, solution: Solution | None) -> bool:
    """Whether no question is to be asked: the user stopped the fit, or a penalty makes the optimum exist."""
    assert solution is not None
    return solution.stop is Stop.CALLBACK or objective.penalty is not None


def _verdict(found: Found, l2: float, tol: float, *, in_haste: bool = False) -> Verdict:
    objective, pairs, close = found.objective, found.pairs(), _close(tol, found.objective)
    if objective.penalty is not None:
        absent = objective.response.absent
        return without_classes(pairs, absent, l2=l2 / objective.response.scale, tol=close)
    coef = np.zeros(objective.n_params) if found.solution is None else found.solution.coef
    return examine(pairs, coef, tol=close, in_haste=in_haste)


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


def nearly_dependent(
    design: Design,
    problem: DependentColumn | IllConditioned,
    *,
    penalised: bool = False,
) -> str:
    """The message for columns that are independent, but cannot be fitted together."""
    what = repr(design.names[problem.index]) if isinstance(problem, DependentColumn) else "a column"
    near = (
        f"X has nearly dependent columns: {what} is too near to a combination of those before it to be "
        "fitted in float64, in the rows that weigh most"
    )
    if penalised:
        return f"{near}, with so small a penalty; leave it out, or raise l2"
    return f"{near}, although it is none to rounding; leave it out, or shift and scale the columns"
