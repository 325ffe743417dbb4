"""sigmax's own twin: the same method on the reference kernels, NumPy without anything compiled.

What it takes longer than sigmax is what the compiled kernels are worth.  It has no tolerance to choose: it
runs until its certificate holds.  Threads are those of OMP_NUM_THREADS, which the harness sets.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import sigmax as sx
from libraries.base import NO_TOLERANCE, Answer, Peer


def solve(X: Any, y: Any, l2: float, tolerance: float, iterations: int | None) -> Answer:
    result = sx.fit(X, y, l2=l2, backend="reference", max_iter=iterations)
    coef = np.asarray(result.params).reshape(-1, 1 + X.shape[1])
    return Answer(coef, converged=bool(result.certificate.converged))


PEERS = (Peer("sigmax reference", "sigmax", ("sigmax",), solve, ladder=NO_TOLERANCE),)
