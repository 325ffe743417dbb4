"""R's glm.fit, family binomial: iteratively reweighted least squares by QR.

The design matrix with its column of ones is given, so that no formula is read in the timed part.  The
ladder's tolerance is glm.control's epsilon, on the relative change of the deviance; maxit is not a limit.  It
has no penalty.
"""

from __future__ import annotations

from libraries.r_session import Method

PEERS = (Method("glm", "stats").peer("R glm.fit", "R", classes=False),)
