"""The entry points: evaluate at a point, find and certify the optimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp, mpf
from numpy.typing import ArrayLike

from oracles.definite import IllConditionedError, cholesky, inverse, solve
from oracles.descent import descend, float_start
from oracles.inputs import GUARD, Form, Vector, checked, flatten, nested
from oracles.likelihoods import Evaluation, Problem

_MORE_GUARD = (0, GUARD, 4 * GUARD)
"""Further guard digits that `optimum` tries in turn on an ill-conditioned information matrix."""


@dataclass(frozen=True)
class Optimum:
    """A certified maximum likelihood estimate.

    Attributes
    ----------
    params : tuple of K - 1 tuples of k mpf
        The coefficients of one class after the other, intercept first.
    covariance : tuple of P tuples of P mpf
        Inverse of the observed information (the Hessian of NLL + penalty at ``params``).
    bse : tuple of K - 1 tuples of k mpf
        Standard errors, shaped as ``params``.
    llf : mpf
        Log-likelihood in nats, without the penalty.
    penalty : mpf
        The L2 penalty at ``params``; zero without one.
    gradient : tuple of mpf, length P
        What is left of the gradient of NLL + penalty.
    newton_decrement : mpf
        sqrt(g' H^-1 g) at ``params``: the distance to the exact optimum measured in standard
        errors (Boyd and Vandenberghe, 2004, section 9.5.1).
    movement : mpf
        The largest change of any row's logit in the Newton step from ``params``.
    digits : int
        The number of digits asked for; ``newton_decrement < 10**-(digits - 5)`` and
        ``movement < 10**-digits`` hold.
    evaluations : int
        Arbitrary-precision gradients spent.
    """

    params: tuple[tuple[mpf, ...], ...]
    covariance: tuple[tuple[mpf, ...], ...]
    bse: tuple[tuple[mpf, ...], ...]
    llf: mpf
    penalty: mpf
    gradient: tuple[mpf, ...]
    newton_decrement: mpf
    movement: mpf
    digits: int
    evaluations: int


def evaluate(
    X: ArrayLike,
    codes: ArrayLike,
    coef: Any,
    n_classes: int,
    *,
    weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    fit_intercept: bool = True,
    l2: float = 0.0,
    digits: int = 50,
    hessian: bool = True,
    form: Form | None = None,
) -> Evaluation:
    """Evaluate the NLL, its gradient and its Hessian to ``digits`` digits.

    Parameters
    ----------
    X : array_like of float64, shape (n, p)
        Features, without an intercept column.
    codes : array_like of int, shape (n,)
        Class codes 0 .. K-1; class 0 is the reference.
    coef : sequence of float or mpf, length P, or nested (K - 1, k)
        Coefficients, class-major, intercept first.
    n_classes : int
        K >= 2.
    weight : array_like of float64, shape (n,), optional
        Non-negative weights of the rows; ones when omitted.
    offset : array_like of float64, optional
        Logits added to those of the model: shape (n,) for K = 2, else (n, K - 1).
    fit_intercept : bool
        Whether each class has an intercept.
    l2 : float
        Penalty ``l2 / 2 ||w||^2`` of the slopes, intercepts free; those of all K classes for K > 2 (see
        `Penalty`).
    digits : int
        Relative digits of the result.
    hessian : bool
        Whether the Hessian is wanted.
    form : {"logistic", "softmax"}, optional
        Which of the two sets of formulas to use; by default the logistic one for K = 2.

    Returns
    -------
    Evaluation
        Summed over the rows, not averaged.

    Raises
    ------
    ValueError
        For inputs of a wrong shape, non-finite ones, negative weights or penalty, or codes out of range.
    """
    arrays = checked(X, codes, n_classes, weight, offset, fit_intercept, l2)
    form = form or ("logistic" if n_classes == 2 else "softmax")
    if form == "logistic" and n_classes != 2:
        raise ValueError("the logistic form has two classes")
    problem = Problem(arrays, form)
    flat = [mp.convert(v) for v in flatten(coef)]
    if len(flat) != problem.k * problem.classes or not all(mp.isfinite(v) for v in flat):
        raise ValueError(f"coef must be {problem.k * problem.classes} finite numbers")
    return problem.evaluate(flat, digits, hessian)


def optimum(
    X: ArrayLike,
    codes: ArrayLike,
    n_classes: int,
    *,
    weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    fit_intercept: bool = True,
    l2: float = 0.0,
    digits: int = 50,
) -> Optimum:
    """Maximise the likelihood, less the penalty, and certify the result to ``digits`` digits.

    Parameters
    ----------
    X, codes, n_classes, weight, offset, fit_intercept, l2, digits
        As in `evaluate`.

    Returns
    -------
    Optimum
        Coefficients, covariance, standard errors and log-likelihood.  Checked, not assumed:
        the Newton decrement is below ``10**-(digits - 5)``, a further Newton step would change no
        logit by ``10**-digits``, and the covariance inverts the observed information to
        ``digits`` digits.

    Raises
    ------
    ValueError
        As `evaluate`.
    ArithmeticError
        When the likelihood has no finite maximum.
    IllConditionedError
        When it has no unique one, or when 125 guard digits do not suffice.  An ArithmeticError.
    """
    arrays = checked(X, codes, n_classes, weight, offset, fit_intercept, l2)
    problem = Problem(arrays, "logistic" if n_classes == 2 else "softmax")
    start = [mp.convert(v) for v in float_start(arrays).tolist()]
    if not all(mp.isfinite(v) for v in start):
        start = [mpf(0)] * len(start)
    for more in _MORE_GUARD:
        try:
            return _certified(problem, start, digits, more)
        except IllConditionedError:
            if more == _MORE_GUARD[-1]:
                raise
    raise AssertionError("unreachable")


def _certified(problem: Problem, start: Vector, digits: int, more: int) -> Optimum:
    """Optimise with ``digits + more`` digits, and certify ``digits`` of them."""
    with mp.workdps(digits + more + GUARD):
        b, spent = descend(problem, start, digits + more)
        final = problem.evaluate(b, digits + more, hessian=True)
        assert final.hessian is not None
        lower = cholesky(final.hessian)
        step = solve(lower, final.gradient)
        decrement = mp.sqrt(max(mp.fdot(final.gradient, step), mpf(0)))
        movement = problem.movement(step)
        if not (decrement < mpf(10) ** -(digits - 5) and movement < mpf(10) ** -digits):
            raise IllConditionedError(
                f"the Newton decrement stays at {mp.nstr(decrement, 5)}, "
                f"the movement at {mp.nstr(movement, 5)}"
            )
        covariance = inverse(final.hessian, lower, digits)
        bse = [mp.sqrt(row[i]) for i, row in enumerate(covariance)]
        return Optimum(
            params=nested(b, problem.k),
            covariance=covariance,
            bse=nested(bse, problem.k),
            llf=-final.nll,
            penalty=final.penalty,
            gradient=final.gradient,
            newton_decrement=decrement,
            movement=movement,
            digits=digits,
            evaluations=spent + 1,
        )


def null_llf(codes: ArrayLike, n_classes: int, *, weight: ArrayLike | None = None, digits: int = 50) -> mpf:
    """Return the log-likelihood of the model with intercepts alone.

    With W_j the weight in class j and W their sum, llf = sum_j W_j log(W_j / W).

    Parameters
    ----------
    codes, n_classes, weight, digits
        As in `evaluate`.

    Returns
    -------
    mpf
        Log-likelihood in nats; empty classes add nothing.
    """
    y = np.asarray(codes)
    arrays = checked(np.zeros((y.size, 0)), y, n_classes, weight, None, True)
    with mp.workdps(digits + GUARD):
        w = [mpf(1)] * y.size
        if arrays.weight is not None:
            w = [mp.convert(v) for v in arrays.weight.tolist()]
        total = mp.fsum(w)
        groups = [
            mp.fsum(v for v, c in zip(w, arrays.codes.tolist(), strict=True) if c == j)
            for j in range(n_classes)
        ]
        return mp.fsum(g * mp.log(g / total) for g in groups if g)
