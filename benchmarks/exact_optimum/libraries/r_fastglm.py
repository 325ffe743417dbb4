"""R's fastglm: iteratively reweighted least squares in C++ (Eigen).

fastglmPure with method = 2, LLT, the fastest of its factorisations: measured on 50,000 x 50, 62 ms against 63
by LDLT, 107 and 125 by QR with and without pivots.  tol is the ladder's, on the relative
change of the deviance; maxit is not a limit.  It has no l2 penalty.
"""

from __future__ import annotations

from libraries.r_session import Method

PEERS = (Method("fastglm", "fastglm").peer("R fastglm", "R fastglm", classes=False),)
