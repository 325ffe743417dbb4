"""One problem of `fit_many` by the general solver: what the small one hands over, or what is not small."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigmax.data.design import INTERCEPT, Design
from sigmax.data.response import Response
from sigmax.kernels import Codes, Float, Kernels
from sigmax.kernels.interface import Number, Status
from sigmax.objective import Objective
from sigmax.solvers.newton import DependentColumn, Solution, Stop, newton
from sigmax.solvers.penalised import Penalised

_STATUS = {
    Stop.TOLERANCE: Status.TOLERANCE,
    Stop.ROUNDING: Status.ROUNDING,
    Stop.ITERATIONS: Status.ITERATIONS,
    Stop.SEPARATED: Status.SEPARATED,
    Stop.STUCK: Status.HAND_OVER,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What `newton_many` would have said.

    Attributes
    ----------
    status : Status
        HAND_OVER where this solver is stuck, too, or the columns are dependent.
    coef, variance : ndarray of shape (m k,)
        Estimates and the diagonal of the inverse Hessian; nan where there are none.
    numbers : ndarray of shape (10,)
    reason : str
        What the status does not say; empty where there is nothing to add.
    """

    status: Status
    coef: Float
    variance: Float
    numbers: Float
    reason: str


def solve(
    X: Float,
    y: Codes,
    weight: Float | None,
    offset: Float | None,
    classes: npt.NDArray[np.generic],
    kernels: Kernels,
    *,
    intercept: bool,
    names: tuple[str, ...],
    l2: float,
    start: Float | None,
    tol: float,
    max_iter: int,
    n_threads: int,
) -> Answer:
    """Minimise one problem; the weights are scaled by a power of four, as `newton_many` scales them."""
    h, total = 0, float(len(y))
    if weight is not None:
        counted = weight > 0.0
        X, y, weight = X[counted], y[counted], weight[counted]
        offset = None if offset is None else offset[counted]
        total = float(weight.sum())
    nothing = np.full((len(classes) - 1) * len(names), np.nan)
    numbers = np.full(len(Number), np.nan)
    numbers[[Number.STEPS, Number.TOTAL_WEIGHT]] = 0.0, total
    if len(np.unique(y)) < len(classes):
        return Answer(Status.ABSENT, nothing, nothing, numbers, "")
    if weight is not None:
        h = (math.frexp(float(weight.max()))[1] - 1) // 2
        weight = np.ldexp(weight, -2 * h)
    design = Design(X, intercept=intercept, names=[name for name in names if name != INTERCEPT])
    scaled, least = (float(len(y)), 1.0) if weight is None else (float(weight.sum()), float(weight.min()))
    observed = Response(classes, y, weight, offset, scaled, least)
    objective = Objective(design, observed, kernels, n_threads)
    if l2 > 0.0:
        objective = Penalised(objective, math.ldexp(l2, -2 * h))
    try:
        solution = newton(objective, np.zeros(objective.n_params), start, tol=tol, max_iter=max_iter)
    except DependentColumn as error:
        return Answer(Status.HAND_OVER, nothing, nothing, numbers, _dependent(names, error.index))
    variance = _describe(objective, solution, h, numbers)
    return Answer(_STATUS[solution.stop], solution.at.coef, variance, numbers, "")


def _describe(objective: Objective, solution: Solution, h: int, numbers: Float) -> Float:
    """Fill in `numbers`, in the scale of the weights as given; the diagonal of the inverse Hessian."""
    at, factor, up = solution.at, solution.factor, math.ldexp(1.0, h)
    penalty = objective.penalty(at.coef) if isinstance(objective, Penalised) else 0.0
    with np.errstate(over="ignore"):
        numbers[Number.NLL_HIGH] = np.float64(at.nll - penalty) * up * up
        numbers[Number.PENALTY] = np.float64(penalty) * up * up
    numbers[Number.NLL_LOW] = 0.0
    numbers[Number.STEPS] = solution.iterations
    numbers[Number.READS] = objective.rows_read / objective.design.n_rows
    if factor is None:
        return np.full(at.coef.shape, np.nan)
    inverse = factor.inverse()
    numbers[Number.DECREMENT] = solution.newton_decrement * up
    numbers[Number.ROW_NORM] = objective.row_norm(inverse) / up
    numbers[Number.GRADIENT_ROUNDING] = objective.gradient_rounding(at, inverse) * up
    numbers[Number.CONDITION] = factor.condition_number
    return np.asarray(inverse.diagonal() / up / up)


def _dependent(names: tuple[str, ...], index: int) -> str:
    if index == 0:
        return f"{names[0]!r} is zero in every row that counts"
    return f"{names[index]!r} is, to rounding, a combination of the columns before it"
