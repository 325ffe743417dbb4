"""The optimum to 50 digits: tests/oracles/newton.py, and the same with a penalty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpmath import mp, mpf
from oracles import newton
from problems import Problem

_DIGITS = 50
_WORK = 90
_STEPS = 12
#: digits of the Newton decrement at the end
_ENOUGH = 40


@dataclass(frozen=True, eq=False)
class Exact:
    """An optimum that is right to some 40 digits.

    Attributes
    ----------
    params, bse : list of mpf, length P
        Class after class, the intercept first.
    """

    params: list[mpf]
    bse: list[mpf]

    def gap(self, params: np.ndarray) -> np.ndarray:
        """|params - exact|, rounded upwards or downwards by 1e-15 of itself; float64, shape (P,)."""
        with mp.workdps(_WORK):
            flat = np.asarray(params).ravel()
            return np.array([float(abs(_mpf(v) - e)) for v, e in zip(flat, self.params, strict=True)])


def _mpf(value: np.floating) -> mpf:
    """Every bit of a number of up to 128 bits."""
    high = float(value)
    low = float(value - type(value)(high))
    return mpf(high) + mpf(low) + mpf(float(value - type(value)(high) - type(value)(low)))


def _flat(nested: tuple[tuple[mpf, ...], ...]) -> list[mpf]:
    return [v for one in nested for v in one]


def optimum(problem: Problem, begin: np.ndarray | None = None) -> Exact:
    """The optimum to 50 digits; ArithmeticError where none is found.

    Parameters
    ----------
    problem : Problem
    begin : ndarray of shape (P,), optional
        Near the optimum: saves most of the work.  Needed where there is a penalty.
    """
    D, y, w, o = problem.counted()
    X = D[:, 1:] if problem.intercept else D
    given = {
        "weight": w,
        "offset": o[:, 0] if problem.n_classes == 2 else o,
        "fit_intercept": problem.intercept,
    }
    if begin is not None:
        return _polished(problem, X, y, given, begin)
    if problem.l2 > 0.0:
        raise ArithmeticError("an optimum with a penalty needs a start near it")
    found = newton.optimum(X, y, problem.n_classes, digits=_DIGITS, **given)
    return Exact(_flat(found.params), _flat(found.bse))


def _polished(
    problem: Problem, X: np.ndarray, y: np.ndarray, given: dict[str, object], begin: np.ndarray
) -> Exact:
    """Newton's method with one Hessian, on derivatives of the oracle and those of the penalty."""
    m, k = problem.n_logits, X.shape[1] + problem.intercept
    with mp.workdps(_WORK):
        b = [_mpf(v) for v in np.asarray(begin).ravel()]
        P = _penalty(problem, m, k)
        inverse = None
        for _ in range(_STEPS):
            at = newton.evaluate(
                X, y, b, problem.n_classes, digits=_DIGITS + 15, hessian=inverse is None, **given
            )
            if inverse is None:
                inverse = (mp.matrix([list(row) for row in at.hessian]) + P) ** -1
            g = mp.matrix(at.gradient) + P * mp.matrix(b)
            step = inverse * g
            b = [v - s for v, s in zip(b, step, strict=True)]
            if mp.fdot(g, step) < mpf(10) ** (-2 * _ENOUGH):
                return Exact(b, [mp.sqrt(inverse[j, j]) for j in range(m * k)])
    raise ArithmeticError("Newton's method does not settle near the start")


def _penalty(problem: Problem, m: int, k: int) -> mp.matrix:
    """l2 I on the slopes of two classes, l2 (I - 11'/K) (x) I on those of more."""
    P = mp.zeros(m * k)
    for a in range(m):
        for c in range(m):
            share = mpf(a == c) - (mpf(1) / problem.n_classes if m > 1 else 0)
            for j in range(int(problem.intercept), k):
                P[a * k + j, c * k + j] = mpf(problem.l2) * share
    return P
