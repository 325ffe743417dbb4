"""The inverse information at the estimate, computed when it is first asked for.

The bounds of a certificate need a Hessian near the optimum; standard errors with ten digits need it at the
optimum, and, where columns are nearly dependent, formed in other coordinates (curvature.py).  Most users of a
fit of many rows want estimates or predictions: so the read that this costs waits until a standard error is
asked for.
"""

from __future__ import annotations

import math

import numpy as np

from sigmax.kernels import Float
from sigmax.objective import FirstOrder, Objective
from sigmax.solvers.curvature import WhitenedFactor, inverse_triangle
from sigmax.solvers.factor import Factor, NotPositiveDefinite
from sigmax.solvers.solution import Metric, Solution

#: logits that have moved by more than this since the Hessian was taken: standard errors by as much,
#: relatively
_MOVED = 1e-13
#: beyond this condition number a Hessian in double precision leaves a covariance fewer than twelve digits
_PLAIN_CONDITION = 30.0
#: up to this one the Gram matrix of the rows has a root that whitens them well enough
_GRAM_CONDITION = 1e5
#: values of one point that differ by more than this, relatively, come from different data
_CHANGED = 1e-8


class Covariance:
    """Computes the inverse information of a solution on demand.

    Parameters
    ----------
    objective : Objective
    solution : Solution
    """

    __slots__ = ("_metric", "_objective", "_solution")

    def __init__(self, objective: Objective, solution: Solution) -> None:
        self._objective, self._solution = objective, solution
        self._metric: Metric | None = None

    @property
    def is_known(self) -> bool:
        """Whether it costs no read of the data."""
        metric = self._solution.metric
        if metric is None:
            return self._solution.flat is None
        close = self._solution.drift <= _MOVED
        return close and (isinstance(metric, WhitenedFactor) or metric.condition_number <= _PLAIN_CONDITION)

    def compute(self) -> Float:
        """H^-1 at the estimate in units of the true weights, exactly symmetric, (m k, m k).

        nan where the information is singular.

        Raises
        ------
        ValueError
            The data have been changed since the fit.
        """
        order, metric = self._objective.n_params, self._at_the_estimate()
        with np.errstate(over="ignore"):
            inverse = np.full((order, order), np.nan) if metric is None else metric.inverse()
            found: Float = inverse / self._objective.response.scale
        return found

    def roots(self) -> tuple[Float | None, Float]:
        """T, (k, k), or None for the identity, and V, (m k, m k), with H^-1 = (I (x) T) V V' (I (x) T)'.

        T is there where columns are nearly dependent: rows T'[1 x] then keep the digits that sums over rows
        [1 x] lose.  V is in units of the true weights; nan where the information is singular.
        """
        order, metric = self._objective.n_params, self._at_the_estimate()
        if metric is None:
            return None, np.full((order, order), np.nan)
        T, root = metric.roots()
        return T, root / math.sqrt(self._objective.response.scale)

    def _at_the_estimate(self) -> Metric | None:
        """Factor of the Hessian at the estimate; None where it is singular."""
        if self._metric is None:
            self._metric = self._factored()
        return self._metric

    def _factored(self) -> Metric | None:
        s, o = self._solution, self._objective
        if s.metric is None and s.flat is None:
            return None
        if s.metric is not None and self.is_known:
            return s.metric
        try:
            if s.metric is None or s.metric.condition_number <= _PLAIN_CONDITION:
                at = o.evaluate(s.coef)
                self._require_unchanged(at)
                return Factor(at.hessian)
            self._require_unchanged(o.gradient(s.coef))
            T = _whitening(o)
            return WhitenedFactor(T, Factor(o.whitened_hessian(s.coef, s.low, T)))
        except NotPositiveDefinite:
            return None

    def _require_unchanged(self, now: FirstOrder) -> None:
        at = self._solution.at
        # the last step was not evaluated: f is convex, and changes by about half of |g'd| along it
        moved = 2.0 * float(np.abs(at.gradient) @ np.abs(now.coef - at.coef))
        allowed = (_CHANGED + 2.0 * self._objective.logit_rounding(now.coef)) * at.value + moved
        if not abs(now.value - at.value) <= allowed:
            raise ValueError(
                "X, y, sample_weight or offset were changed in place since the fit: its objective "
                f"was {at.value:.10g} and is now {now.value:.10g}; read bse or cov_params() before "
                "changing the data, or fit again"
            )


def _whitening(objective: Objective) -> Float:
    """T with nearly orthonormal rows T'[1 x]: from the Gram matrix, else by QR, which takes longer."""
    try:
        gram = Factor(objective.gram())
    except NotPositiveDefinite:
        return inverse_triangle(objective.triangle())
    if gram.condition_number > _GRAM_CONDITION:
        return inverse_triangle(objective.triangle())
    return gram.root()
