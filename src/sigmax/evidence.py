"""What a result keeps of the data it was fitted to, by reference, for what may be asked of it later."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sigmax.data.design import Design
from sigmax.data.response import Response
from sigmax.data.units import Units
from sigmax.estimation import Data
from sigmax.existence.limit import Limit
from sigmax.existence.separation import Separation
from sigmax.inference.observations import Observations
from sigmax.inference.roots import Bread, Root, root_of
from sigmax.kernels import Float
from sigmax.objective import Objective
from sigmax.solvers.covariance import Covariance
from sigmax.solvers.solution import Solution
from sigmax.solvers.solve import final_nll, solve

#: Newton decrement of a null model
_TOL = 1e-12


def observations(
    data: Data, design: Design, objective: Objective, solution: Solution, covariance: Covariance, llf: float
) -> Observations:
    """The rows of an estimate that exists.

    Parameters
    ----------
    data : Data
    design : Design
        The columns that were fitted, in the rows as given.
    objective : Objective
        What was minimised.
    solution : Solution
    covariance : Covariance
    llf : float
    """

    def bread() -> Bread:
        return Bread(Root(*covariance.roots()), covariance.compute())

    return _observations(data, design, objective, solution.coef, solution.low, bread, llf)


def firth_observations(
    data: Data, design: Design, objective: Objective, coef: Float, inverse: Float, llf: float
) -> Observations:
    """The rows of Firth's estimates, whose covariance is `inverse`."""

    def bread() -> Bread:
        return Bread(Root(None, root_of(inverse)), inverse)

    return _observations(data, design, objective, coef, np.zeros_like(coef), bread, llf)


def limiting_observations(
    data: Data, design: Design, objective: Objective, limit: Limit, found: Separation
) -> Observations:
    """The rows of separated classes, in the limit."""

    def bread() -> Bread:
        return Bread(Root(None, limit.root(0)), limit.covariance(0))

    coef = limit.coef(0)
    return _observations(data, design, objective, coef, np.zeros_like(coef), bread, limit.llf, found)


def _observations(
    data: Data,
    design: Design,
    objective: Objective,
    coef: Float,
    low: Float,
    bread: Callable[[], Bread],
    llf: float,
    limit: Separation | None = None,
) -> Observations:
    def given() -> tuple[Design, Units]:
        return design, data.units(design, objective.response)

    return Observations(
        objective,
        given,
        np.ascontiguousarray(coef.reshape(objective.n_logits, -1)),
        np.ascontiguousarray(low.reshape(objective.n_logits, -1)),
        bread,
        lambda: _null_of_offsets(objective),
        llf,
        limit,
    )


def _null_of_offsets(objective: Objective) -> float:
    """Log-likelihood of an intercept for each logit beside the offsets."""
    response: Response = objective.response
    whole = Design(objective.design.rows, intercept=True)
    no_columns = np.arange(whole.width) > 0
    null = Objective(whole.without(no_columns), response, objective.kernels, objective.n_threads)
    solution = solve(null, [np.zeros(null.n_params)], tol=_TOL, max_iter=None)
    return -final_nll(null, solution) * response.scale
