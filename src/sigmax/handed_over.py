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
from sigmax.solvers.certificate import certify
from sigmax.solvers.covariance import Covariance
from sigmax.solvers.curvature import DependentColumn
from sigmax.solvers.solution import Stop
from sigmax.solvers.solve import solve as minimise

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
    bound: float
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
        return Answer(Status.ABSENT, nothing, nothing, numbers, math.inf, "")
    if weight is not None:
        h = (math.frexp(float(weight.max()))[1] - 1) // 2
        weight = np.ldexp(weight, -2 * h)
    design = Design(X, intercept=intercept, names=[name for name in names if name != INTERCEPT])
    scaled, least = (float(len(y)), 1.0) if weight is None else (float(weight.sum()), float(weight.min()))
    observed = Response(classes, y, weight, offset, scaled, least)
    objective = Objective(design, observed, kernels, n_threads, l2=math.ldexp(l2, -2 * h))
    zero = np.zeros(objective.n_params)
    starts = [zero] if start is None else [zero, start]
    # what is small in the scale of the weights as given, and in this one
    up = math.ldexp(1.0, h)
    try:
        solution = minimise(objective, starts, tol=tol * min(1.0, 1.0 / up), max_iter=max_iter)
    except DependentColumn as error:
        reason = _dependent(names, error.index)
        return Answer(Status.HAND_OVER, nothing, nothing, numbers, math.inf, reason)
    certificate = certify(objective, solution)
    with np.errstate(over="ignore"):
        numbers[Number.NLL_HIGH] = np.float64(solution.at.nll) * up * up
        numbers[Number.PENALTY] = np.float64(solution.at.penalty) * up * up
    numbers[Number.NLL_LOW] = 0.0
    numbers[Number.STEPS], numbers[Number.READS] = solution.iterations, certificate.passes
    numbers[Number.DECREMENT] = solution.newton_decrement * up
    numbers[Number.CONDITION] = certificate.condition_number
    variance = Covariance(objective, solution).compute().diagonal() / up / up
    bound = certificate.standard_errors_off * up
    return Answer(_STATUS[solution.stop], solution.coef, variance, numbers, bound, "")


def _dependent(names: tuple[str, ...], index: int) -> str:
    if index == 0:
        return f"{names[0]!r} is zero in every row that counts"
    return f"{names[index]!r} is, to rounding, a combination of the columns before it"
