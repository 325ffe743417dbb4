"""How far a solution is from the exact optimum: a bound that is proved, not estimated.

    nu = ||grad f(b)||_(H^-1) + rounding,   R >= max ||z||_(H^-1) over z = (e_k - e_l) (x) x_i

If nu R < 1, the maximum-likelihood estimate b_hat exists and is unique, and

    ||b_hat - b||_H <= -log(1 - nu R) / R,   hence  |b_hat_j - b_j| <= se_j (-log(1 - nu R) / R).

Proof sketch: f is generalised self-concordant with constant R in the norm of H (see objective.py), so for
||h||_H = r the slope of f at b + h along h is at least r (1 - e^(-R r)) / R - nu r, which is positive
beyond r = -log(1 - nu R) / R; a convex function that rises on a sphere has its minimum inside.

R comes from max_i |x_ij| and the inverse of H, and costs no read of the data; it is generous, which
matters little once nu is tiny.  The rounding of the gradient is bounded in objective.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmax.kernels import Float
from sigmax.objective import Objective
from sigmax.solvers.newton import Solution, Stop

#: beyond this the computed inverse of the information is itself in doubt: its relative error is about
#: the square of the condition number times 2^-53, here 1 %
_TRUSTED_CONDITION = 1e7
#: decimal digits of float64
_MOST_DIGITS = 15.95


@dataclass(frozen=True, slots=True)
class Certificate:
    """Distance to the exact optimum, in numbers and as a sentence.

    Attributes
    ----------
    converged : bool
        The iteration reached its tolerance, or rounding, and the bound below is finite.
    exists : bool or None
        Whether the maximum-likelihood estimate exists: True and False are proved, None is undecided.
    newton_decrement : float
        Estimated distance to the optimum, in standard errors.
    error_bound : ndarray, shape of the parameters
        Proved bound of |parameter - exact optimum|, in the parameter's units; inf where nothing is proved.
    standard_errors_off : float
        The same bound in standard errors, equal for all parameters.
    digits : float
        Decimal digits that are proved correct in the worst parameter, 0 to 15.95.
    condition_number : float
        Of the weighted design with columns scaled, in the 1-norm.
    iterations : int
        Newton steps taken.
    passes : float
        Rows of X read, divided by the number of rows.
    reason : str
        Why the iteration ended.
    """

    converged: bool
    exists: bool | None
    newton_decrement: float
    error_bound: Float
    standard_errors_off: float
    digits: float
    condition_number: float
    iterations: int
    passes: float
    reason: str

    def __str__(self) -> str:
        effort = f"{self.iterations} Newton steps, {self.passes:g} passes over the rows"
        if self.converged:
            digits = f" (at least {math.floor(self.digits)} digits)" if self.digits >= 1.0 else ""
            return (
                f"converged: every estimate is proved to lie within {self.standard_errors_off:.1e} "
                f"standard errors of the exact optimum{digits}; {effort}"
            )
        verdict = {
            True: "the estimate exists, but was not reached",
            False: "the estimate does not exist",
            None: "it is not decided whether the estimate exists",
        }[self.exists]
        return f"NOT converged: {self.reason}; {verdict}; {effort}"


def certify(objective: Objective, solution: Solution) -> Certificate:
    """The certificate of a solution; no read of the data."""
    at, factor = solution.at, solution.factor
    distance, condition = math.inf, math.inf
    bound = np.full(at.coef.shape, np.inf)
    if factor is not None:
        condition = factor.condition_number
        inverse = factor.inverse()
        R = objective.row_norm(inverse)
        nu = solution.newton_decrement + objective.gradient_rounding(at, inverse)
        if nu * R < 1.0 and condition < _TRUSTED_CONDITION:
            distance = -math.log1p(-nu * R) / R
            bound = distance * np.sqrt(inverse.diagonal())

    proved = math.isfinite(distance)
    exists = True if proved else (False if solution.stop is Stop.SEPARATED else None)
    converged = proved and solution.stop in (Stop.TOLERANCE, Stop.ROUNDING)
    reason = solution.stop.value
    if solution.stop in (Stop.TOLERANCE, Stop.ROUNDING) and not proved:
        reason = (
            "the likelihood is flat here without a nearby optimum; the classes may be separated, or "
            "columns nearly dependent"
        )
    return Certificate(
        converged=converged,
        exists=exists,
        newton_decrement=solution.newton_decrement,
        error_bound=bound if objective.n_logits == 1 else bound.reshape(objective.n_logits, -1),
        standard_errors_off=distance,
        digits=_digits(at.coef, bound),
        condition_number=condition,
        iterations=solution.iterations,
        passes=objective.rows_read / objective.design.n_rows,
        reason=reason,
    )


def _digits(coef: Float, bound: Float) -> float:
    if not np.isfinite(bound).all():
        return 0.0
    with np.errstate(divide="ignore"):
        relative = bound / np.abs(coef)
    worst = float(np.max(relative))
    return min(max(-math.log10(worst), 0.0), _MOST_DIGITS) if worst > 0.0 else _MOST_DIGITS
