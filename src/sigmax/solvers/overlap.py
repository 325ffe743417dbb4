"""The estimate exists: a proof that comes free with a Newton step.

With g = Z'lambda, H = Z'diag(lambda (1 - lambda)) Z and d = H^-1 g, for two classes,

    lambda'_i = lambda_i (1 - (1 - lambda_i) z_i'd)   has   Z'lambda' = g - H d = 0

so that max_i z_i'd < 1 makes it positive: the classes overlap (Stiemke), and where the columns are
independent, too, the maximum-likelihood estimate exists.  For K classes lambda'_ik = p_ik (1 - (ubar_i -
u_ik)) with u_i the step of the logits and ubar_i their mean: a range below 1 suffices.  `reach` bounds both
without a read of the data.

Rounding leaves a residual r = g - H d.  Adding lambda_i (1 - lambda_i) z_i'H^-1 r to lambda'_i takes it away,
and |z_i'H^-1 r| <= R ||r|| in the norm of H^-1, with R the largest row norm:

    reach(d) + growth R ||r|| < 1,    ||r|| <= rounding of g + (rounding of H + that of the solve) nu
"""

from __future__ import annotations

import math

from sigmax.kernels import Float
from sigmax.objective import Evaluation, Objective
from sigmax.solvers.solution import Metric

#: steps that move logits by more prove nothing
_REACH = 0.9
#: beyond this share of itself the Hessian may be rounding
_DOUBT = 0.1
#: error of a triangular solve in the norm of H^-1, relative to nu, for each unit of the factor's own doubt
_SOLVE = 4.0


def proves_overlap(objective: Objective, at: Evaluation, factor: Metric, direction: Float, nu: float) -> bool:
    """Whether the Newton step `direction` from `at`, of length `nu`, proves that the estimate exists."""
    reach = objective.reach(direction)
    if not reach < _REACH:
        return False
    doubt = factor.doubt * objective.hessian_rounding(at)
    if not doubt <= _DOUBT:
        return False
    inverse = factor.inverse()
    growth = 1.0 / math.sqrt(1.0 - doubt)
    residual = objective.gradient_rounding(at, inverse) + _SOLVE * doubt * nu
    return bool(reach + growth * growth * objective.row_norm(inverse) * residual < 1.0)
