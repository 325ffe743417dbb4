"""Other libraries at the same problems, each at its best honest setting; the contract is in `base`.

Left out, as they cannot state this objective:

celer         its LogisticRegression has an l1 penalty and no other, and C must be finite
firthmodels   with its bias reduction, which is another objective: benchmarks/firth.py is about it, and here
              it is without
"""

from __future__ import annotations

from libraries import (
    firthmodels_mle,
    glum_irls,
    intelex,
    nothing,
    r_fastglm,
    r_glm,
    r_multinom,
    scikit_learn,
    skglm_newton,
    statsmodels_discrete,
    statsmodels_glm,
    torch_lbfgs,
    twin,
)
from libraries.base import LADDER, NO_TOLERANCE, Answer, Peer

__all__ = ["LADDER", "NO_TOLERANCE", "PEERS", "Answer", "Peer"]

_FILES = (
    scikit_learn,
    intelex,
    glum_irls,
    statsmodels_discrete,
    statsmodels_glm,
    skglm_newton,
    firthmodels_mle,
    torch_lbfgs,
    r_glm,
    r_multinom,
    r_fastglm,
    twin,
    nothing,
)

#: by name
PEERS: dict[str, Peer] = {peer.name: peer for file in _FILES for peer in file.PEERS}
