"""Logits of separated classes: where a class is left behind its logit is -inf."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigmax.functions import log_softmax
from sigmax.inference.result import Result
from sigmax.kernels import Float

#: numbers of a sparse matrix that are dense at a time
_DENSE = 2**22


def limiting_decision(result: Result, X: Any) -> Float:
    """What `decision_function` gives where coefficients are infinite.

    With d the direction of separation and b the limiting fit, the classes whose d_k'x is largest share the
    probability of a row x as the softmax of their b_k'x; the others have none.  Where the data do not
    determine how they share it, `Result` says nan, and here it is what b says: one limiting fit of many.

    Parameters
    ----------
    result : Result
        Of separated classes, against the first one.
    X : ndarray or sparse matrix in CSR format, shape (n, p)

    Returns
    -------
    ndarray of shape (n,) or (n, K)
        Two classes: the log odds, -inf and inf among them.  More: logarithms of probabilities.
    """
    if not isinstance(X, np.ndarray):
        size = max(_DENSE // max(X.shape[1], 1), 1)
        parts = [X[start : start + size].toarray() for start in range(0, X.shape[0], size)]
        return np.concatenate([limiting_decision(result, part) for part in parts])
    eta, order = result._logits(X, None)
    assert order is not None
    logits = np.insert(eta, 0, 0.0, axis=1)
    logits[(order == -1).any(axis=2)] = -np.inf
    if logits.shape[1] == 2:
        return np.asarray(logits[:, 1] - logits[:, 0])
    return np.asarray(log_softmax(logits, axis=1))
