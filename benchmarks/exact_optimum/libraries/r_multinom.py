"""R's nnet::multinom: BFGS on all coefficients.

It has no way in but a formula, y ~ X with X a matrix.  reltol is the ladder's, on the relative change of the
objective; maxit is not a limit.  Its `decay` penalises the intercepts too, so it is for unpenalised problems.
"""

from __future__ import annotations

from libraries.r_session import Method

PEERS = (Method("multinom", "nnet").peer("R nnet::multinom", "R nnet"),)
