"""How far a solution is from the exact optimum: a bound that is proved, not estimated.

    nu >= ||grad f(b)||_(H^-1),   R >= max ||z||_(H^-1) over z = (e_k - e_l) (x) x_i

If nu R < 1, the maximum-likelihood estimate b_hat exists and is unique, and

    ||b_hat - b||_H <= -log(1 - nu R) / R,   hence  |b_hat_j - b_j| <= se_j (-log(1 - nu R) / R).

Proof sketch: f is generalised self-concordant with constant R in the norm of H (see objective/bounds.py), so
for ||h||_H = r the slope of f at b + h along h is at least r (1 - e^(-R r)) / R - nu r, which is positive
beyond r = -log(1 - nu R) / R; a convex function that rises on a sphere has its minimum inside.

H is the Hessian at b.  What is known is F, a computed Hessian at an anchor from which no logit difference has
moved by more than D since, and `doubt`, which bounds its rounding:

    e^-D (1 - doubt) F <= H
    norms of H^-1 are those of F^-1 times at most growth = (e^D / (1 - doubt))^(1/2)

    nu <= growth (what the last step leaves, or measured + rounding of the gradient),    R <= growth R_F

R_F comes from max_i |x_ij| and the inverse of F, and costs no read of the data; it is generous, which matters
little once nu is tiny.  Where it proves nothing, one read finds it from the rows.  The rounding of the
gradient is bounded in objective/bounds.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sigmax.kernels import Float
from sigmax.objective import FirstOrder, Objective, Refined
from sigmax.solvers.solution import Solution, Stop

#: beyond this part of the Hessian its rounding leaves nothing to prove with
_TRUSTED_DOUBT = 0.5
#: nor does a Hessian from so far away that curvatures may differ by a factor of e^20
_TRUSTED_DRIFT = 20.0
#: decimal digits of float64
_MOST_DIGITS = 15.95
#: norms of rows are sums of squares: rounding is far below this
_ROUNDED_NORM = 1.01
#: half a unit in the last place: the estimate is rounded to one word
_ROUNDED = 2.0**-53


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
        Distance to the optimum in standard errors, to first order and rounding apart.
    error_bound : ndarray, shape of the parameters
        Proved bound of |parameter - exact optimum|, in the parameter's units; inf where nothing is proved.
    standard_errors_off : float
        The same bound in standard errors, equal for all parameters; the rounding of a parameter to float64
        apart.
    digits : float
        Decimal digits that are proved correct in the worst parameter, 0 to 15.95.
    condition_number : float
        Of the weighted design with columns scaled, in the 1-norm.
    iterations : int
        Steps taken over all rows.
    passes : float
        Rows of X read, divided by the number of rows: those of samples and of scans included.
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

    def of(self, params: Float, error_bound: Float, *, passes: float = 0.0) -> Certificate:
        """The certificate of the same point in other parameters, with their bounds, nan where there are none.

        What is said in standard errors holds for every linear combination of parameters in its own.  `passes`
        are added.
        """
        some = ~np.isnan(params)
        digits = digits_of(params[some], error_bound[some]) if some.any() else 0.0
        return replace(self, error_bound=error_bound, digits=digits, passes=self.passes + passes)

    def after(self, exists: bool | None, why_not: str, passes: float = 0.0) -> Certificate:
        """The same once it has been examined whether the estimate exists, or why that is not known.

        `passes` are added.
        """
        passes += self.passes
        if exists or self.exists:
            reason = self.reason if self.converged else f"{self.reason} (that it exists is proved)"
            return replace(self, exists=True, reason=reason, passes=passes)
        reason = f"{self.reason}; whether it exists is undecided: {why_not}"
        return replace(self, reason=reason, passes=passes)

    def __str__(self) -> str:
        steps = f"{self.iterations} step" + ("" if self.iterations == 1 else "s")
        effort = f"{steps}, {self.passes:.3g} reads of the data"
        if self.converged:
            digits = f" (at least {math.floor(self.digits)} digits)" if self.digits >= 1.0 else ""
            return (
                f"converged: every estimate is proved to lie within {self.standard_errors_off:.1e} "
                f"standard errors of the exact optimum{digits}; {effort}"
            )
        near = (
            f"within {self.standard_errors_off:.1e} standard errors of this point"
            if math.isfinite(self.standard_errors_off)
            else ""
        )
        verdict = {
            True: "the estimate exists" + (f", {near}" if near else ""),
            False: "the estimate does not exist"
            + (f", the limits that are finite lie {near}" if near and self.standard_errors_off else ""),
            None: "it is not decided whether the estimate exists",
        }[self.exists]
        return f"NOT converged: {self.reason}; {verdict}; {effort}"


def certify(objective: Objective, solution: Solution) -> Certificate:
    """The certificate of a solution; no read of the data where an evaluation has found max_i |x_ij|."""
    # the objective counts weights in units of `scale`: its standard errors are sqrt(scale) of the true ones
    unit = math.sqrt(objective.response.scale)
    coef, metric, anchor = solution.coef, solution.metric, solution.anchor
    distance, condition, nu = math.inf, math.inf, solution.newton_decrement
    bound = np.full(coef.shape, np.inf)
    if metric is not None and anchor is not None and math.isfinite(nu):
        condition = metric.condition_number
        inverse = metric.inverse()
        doubt = solution.doubt
        if doubt is None:
            doubt = metric.doubt * objective.hessian_rounding(anchor)
        if doubt <= _TRUSTED_DOUBT and solution.drift <= _TRUSTED_DRIFT and math.isfinite(condition):
            growth = math.sqrt(math.exp(solution.drift) / (1.0 - doubt))
            total = objective.total(inverse)
            R = growth * (math.sqrt(total) if objective.n_logits == 1 else objective.row_norm(inverse))
            left = growth * (nu + _rounding(objective, solution.at, total))
            if left * R >= 1.0 and isinstance(solution.at, Refined):
                R, moved = objective.row_norms(solution.at.coef, metric.half)
                R *= growth * _ROUNDED_NORM
                rounding = objective.refined_rounding(solution.at, total, _ROUNDED_NORM * moved)
                left = growth * (nu + rounding)
            if left * R < 1.0:
                distance = -math.log1p(-left * R) / R if left * R > 0.0 else left
                bound = distance * growth * np.sqrt(inverse.diagonal()) + _ROUNDED * np.abs(coef)

    if solution.flat is not None:
        distance, condition = solution.flat.standard_errors_off, solution.flat.condition_number
        bound = solution.flat.error_bound + _ROUNDED * np.abs(coef)

    proved = math.isfinite(distance)
    exists = True if proved or solution.overlap else (False if solution.stop is Stop.SEPARATED else None)
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
        newton_decrement=solution.newton_decrement * unit,
        error_bound=bound if objective.n_logits == 1 else bound.reshape(objective.n_logits, -1),
        standard_errors_off=distance * unit,
        digits=digits_of(coef, bound),
        condition_number=condition,
        iterations=solution.iterations,
        passes=objective.rows_read / objective.n_rows,
        reason=reason,
    )


def _rounding(objective: Objective, at: FirstOrder, total: float) -> float:
    """Bound of the rounding of ``at.gradient`` in the norm of H^-1, given x_max'|H^-1|x_max."""
    if isinstance(at, Refined):
        return objective.refined_rounding(at, total)
    return objective.flat_rounding(at, total)


def digits_of(coef: Float, bound: Float) -> float:
    """Decimal digits that a bound leaves in the worst parameter, 0 to 15.95."""
    # a parameter of 0 has no digits, unless nothing else is possible
    worst = max(
        b / abs(c) if c else (math.inf if b else 0.0)
        for b, c in zip(bound.tolist(), coef.tolist(), strict=True)
    )
    if worst == 0.0:
        return _MOST_DIGITS
    return min(max(-math.log10(worst), 0.0), _MOST_DIGITS) if worst < math.inf else 0.0
