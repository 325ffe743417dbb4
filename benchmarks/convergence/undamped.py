"""Newton's method as textbooks have it: full steps, double precision, from the start as given."""

from __future__ import annotations

import numpy as np
from problems import Problem

_STEPS = 100
#: Newton decrement at which it stops; and the error, in standard errors, up to which it has found the optimum
_ENOUGH = 1e-8
_RIGHT = 1e-4


@np.errstate(all="ignore")
def run(problem: Problem, exact: np.ndarray, bse: np.ndarray) -> str:
    """How it ends: "" for the optimum, else the reason of its failure.

    Parameters
    ----------
    problem : Problem
    exact, bse : ndarray of shape (P,)
        The optimum and its standard errors.
    """
    D, y, w, o = problem.counted()
    (n, k), m = D.shape, problem.n_logits
    Y = (y[:, None] == np.arange(1, m + 1)).astype(float)
    P = np.zeros((m * k, m * k))
    if problem.l2 > 0.0:
        across = np.eye(m) - (1.0 / problem.n_classes if m > 1 else 0.0)
        P = problem.l2 * np.kron(across, np.diag([0.0] * problem.intercept + [1.0] * (k - problem.intercept)))
    b = np.zeros(m * k) if problem.start is None else problem.start.ravel().astype(float)
    for _ in range(_STEPS):
        z = np.column_stack([np.zeros(n), D @ b.reshape(m, k).T + o])
        E = np.exp(z - z.max(axis=1, keepdims=True))
        p = (E / E.sum(axis=1, keepdims=True))[:, 1:]
        g = ((w[:, None] * (p - Y)).T @ D).ravel() + P @ b
        s = p[:, :, None] * (np.eye(m) - p[:, None, :]) * w[:, None, None]
        H = np.einsum("iab,ij,il->ajbl", s, D, D, optimize=True).reshape(m * k, m * k) + P
        try:
            step = np.linalg.solve(H, g)
        except np.linalg.LinAlgError:
            return "singular"
        b = b - step
        if not np.isfinite(b).all():
            return "not finite"
        if abs(g @ step) <= _ENOUGH**2:
            return "" if (np.abs(b - exact) <= _RIGHT * bse).all() else "wrong answer"
    return "" if (np.abs(b - exact) <= _RIGHT * bse).all() else f"no end in {_STEPS} steps"
