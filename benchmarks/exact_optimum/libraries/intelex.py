"""scikit-learn-intelex: scikit-learn's lbfgs with oneDAL's loss and gradient.

As scikit-learn, but for C: it falls back to scikit-learn at C = inf, and is given C = 1e6, that is, l2 =
1e-6.  Measured on the problems with targets, that moves the optimum by at most 2e-7 standard errors, and so
it is held to the unpenalised one.
"""

from __future__ import annotations

from libraries.base import Peer
from libraries.scikit_learn import solver

#: C where there is no penalty
NEARLY_UNPENALISED = 1e6

PEERS = (
    Peer(
        "scikit-learn-intelex lbfgs",
        "scikit-learn-intelex",
        ("sklearnex", "daal4py"),
        solver("lbfgs", "sklearnex.linear_model", NEARLY_UNPENALISED),
        remark=f"C = {NEARLY_UNPENALISED:g} where there is no penalty, an optimum up to 2e-7 away",
    ),
)
