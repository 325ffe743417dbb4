"""To the minimum: a start in double precision, then Newton's method in arbitrary precision."""

from __future__ import annotations

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray

from oracles.definite import IllConditionedError, cholesky, solve
from oracles.inputs import Arrays, Vector
from oracles.likelihoods import Problem

_FLOAT_ITERATIONS = 100
_MP_ITERATIONS = 25


def float_start(arrays: Arrays) -> NDArray[np.float64]:
    """Run Newton's method with step halving in double precision, for a starting point only.

    Nothing that this returns is trusted: whatever it lacks costs iterations afterwards.
    """
    x, y, free = arrays.design, arrays.codes, arrays.n_classes - 1
    n, k = x.shape
    # Powers of two: the scaled problem has the same rounded data.
    scale = 2.0 ** np.ceil(np.log2(np.maximum(np.abs(x).max(axis=0), 1e-300)))
    x = x / scale
    heaviest = 1.0 if arrays.weight is None else arrays.weight.max() or 1.0
    w = np.ones(n) if arrays.weight is None else arrays.weight / heaviest
    with np.errstate(over="ignore"):
        ridge = np.where(np.arange(k) < arrays.intercept, 0.0, arrays.l2 / heaviest / scale / scale)
    if not np.isfinite(ridge).all():
        return np.zeros(free * k)
    mixed = np.eye(free) - (0.0 if free == 1 else 1.0 / (free + 1))
    o = np.zeros((n, free)) if arrays.offset is None else arrays.offset
    hit = (y[:, None] == np.arange(1, free + 1)).astype(np.float64)

    @np.errstate(all="ignore")
    def loss(b: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = np.column_stack([np.zeros(n), o + x @ b.T])
        z -= z.max(axis=1, keepdims=True)
        total = np.log(np.exp(z).sum(axis=1))
        penalty = 0.5 * float(np.sum(ridge * b * (mixed @ b)))
        return float(w @ (total - z[np.arange(n), y])) + penalty, np.exp(z - total[:, None])[:, 1:]

    b = np.zeros((free, k))
    value, p = loss(b)
    for _ in range(_FLOAT_ITERATIONS):
        g = (((p - hit) * w[:, None]).T @ x + ridge * (mixed @ b)).ravel()
        s = p[:, :, None] * (np.eye(free) - p[:, None, :]) * w[:, None, None]
        h = np.einsum("iab,ij,il->ajbl", s, x, x, optimize=True).reshape(free * k, free * k)
        h += np.kron(mixed, np.diag(ridge))
        step = np.linalg.lstsq(h, g, rcond=None)[0]
        decrement = float(g @ step)
        if not np.isfinite(step).all():
            break
        if decrement <= 1e-14 * (1.0 + value):
            # Beyond the reach of a comparison of NLLs; the last step still halves the digits lost.
            b = b - step.reshape(free, k)
            break
        for halving in range(30):
            trial = b - (0.5**halving * step).reshape(free, k)
            trial_value, trial_p = loss(trial)
            if trial_value < value:
                break
        else:
            break
        b, value, p = trial, trial_value, trial_p
    return np.asarray((b / scale).ravel(), dtype=np.float64)


def descend(problem: Problem, start: Vector, digits: int) -> tuple[Vector, int]:
    """Newton's method in arbitrary precision that keeps a factor for as long as it serves.

    Progress is measured by the largest change that a step makes to any logit.  Unlike the Newton
    decrement this does not depend on the scale of the weights, and it does not vanish where the
    classes are separated: there each step adds about one to the logits, for ever.

    A step with the factor of an earlier Hessian (a chord step) shrinks the movement by about the
    relative change of the Hessian since then.  From a good double-precision start that is some 15
    digits per gradient, for a single Hessian.  Whenever an iteration gains less than four digits
    the Hessian is computed anew, and far from the optimum the step is halved until the objective falls
    as it should.
    """
    target = mpf(10) ** -(digits + 5)
    b, lower, last, spent = start, None, mp.inf, 0
    movement = mp.inf
    for _ in range(_MP_ITERATIONS):
        now = problem.evaluate(b, digits, hessian=lower is None)
        spent += 1
        fresh = now.hessian is not None
        if now.hessian is not None:
            lower = cholesky(now.hessian)
        assert lower is not None
        step = solve(lower, now.gradient)
        movement = problem.movement(step)
        if movement < target:
            return b, spent
        if not fresh and movement > last * mpf("1e-4"):
            lower, last = None, mp.inf
            continue
        last = movement
        slope = mp.fdot(now.gradient, step)
        length = mpf(1)
        trial = [u - v for u, v in zip(b, step, strict=True)]
        while movement > mpf("0.1"):
            # Armijo: the objective falls by a tenth of what its slope promises, or more.
            fall = now.objective - problem.evaluate(trial, digits, hessian=False).objective
            spent += 1
            if fall >= length * slope / 10:
                break
            length /= 2
            trial = [u - length * v for u, v in zip(b, step, strict=True)]
        b = trial
        if movement > mpf("1e-6"):
            lower = None
    if movement < mpf("1e-6"):
        raise IllConditionedError(f"Newton's method stalls at steps of {mp.nstr(movement, 5)}")
    raise ArithmeticError(
        f"no optimum in {_MP_ITERATIONS} Newton iterations: the likelihood has no finite maximum "
        "(separated classes, or a class without rows)"
    )
