"""Likelihood-ratio and score statistics of A b = c, b the parameters against the first class.

    LR = 2 (sup l - sup {l(b) : A b = c}),    score = U'I^-1 U = lambda'(A I^-1 A') lambda

with U = A'lambda and I the score and the information at the constrained optimum.  Where the likelihood has no
maximum its supremum takes the maximum's place; a score test asks for the constrained optimum alone, and that
may exist all the same.
"""

from __future__ import annotations

import math

import numpy as np

from sigmax.existence.decide import Face, Undecided
from sigmax.existence.limit import limiting_objective
from sigmax.existence.pairs import Pairs
from sigmax.existence.restricted import Left, under
from sigmax.kernels import Float
from sigmax.objective import Objective
from sigmax.solvers.constrained import Constrained, minimise
from sigmax.solvers.curvature import DependentColumn, IllConditioned, Plain
from sigmax.solvers.profile import PROVED, Top, top_of

#: decrement of a constrained optimum, in standard errors, for a value and for a score
_TOL, _TOL_OF_SCORE = 1e-7, 1e-11


class LikelihoodTests:
    """Statistics of linear hypotheses about one fit; reads its data.

    Parameters
    ----------
    objective : Objective
        Without a penalty.
    coef : ndarray of shape (P,)
        Its optimum; where it has none, anything.
    face : Face or None
        What stays uncertain where the likelihood has no maximum.
    """

    def __init__(self, objective: Objective, coef: Float, face: Face | None) -> None:
        self._objective, self._coef, self._face = objective, coef, face
        self._known: tuple[Top | None, float] | None = None

    def _top(self) -> tuple[Top | None, float]:
        """The optimum, of the limiting fit where the likelihood has none; and its value by itself."""
        if self._known is None:
            objective: Objective | None = self._objective
            start = self._coef
            if self._face is not None:
                objective, _ = limiting_objective(self._pairs(), self._face)
                start = np.zeros(0 if objective is None else objective.n_params)
            top = None if objective is None else top_of(objective, start)
            value = 0.0
            if top is not None and top.at is not None and self._face is not None:
                value = top.objective.refine(top.at.coef, np.zeros_like(top.at.coef)).value
            self._known = top, value
        return self._known

    def _pairs(self) -> Pairs:
        o = self._objective
        return Pairs(o.design, o.response, o.kernels, o.n_threads)

    def likelihood_ratio(self, A: Float, c: Float) -> float:
        """LR, at least 0.

        Raises
        ------
        ValueError
            It could not be proved to 1e-9 of itself, or of 1 where it is smaller.
        """
        scale = 2.0 * self._objective.response.scale
        top, value = self._top()
        if self._face is None:
            assert top is not None
            found = self._minimise(A, c, _TOL)
            change, rounding = top.measure(found.coef)
        else:
            left = self._left(A, c)
            optimum = self._of(left, c, _TOL)
            if optimum is None:
                change, rounding, found = -value, 16.0 * 2.0**-53 * value, None
            else:
                assert left.objective is not None
                slack = 0.0 if top is None else top.slack
                sup = Top(left.objective, value, slack, None, Plain(left.objective), None, value)
                change, rounding = sup.measure(optimum.coef)
                found = optimum
        # f* lies about half a squared decrement below f
        half = 0.0 if found is None else 0.5 * found.newton_decrement**2
        below = 0.0 if found is None else max(found.gap - half, half)
        statistic = max(scale * (change - half), 0.0)
        error = scale * (rounding + below)
        if not error <= PROVED * max(1.0, statistic):
            raise ValueError(
                f"the likelihood ratio could not be proved to 1e-9: it is about {statistic:.6g}, off by up "
                f"to {error:.1e}; columns may be nearly dependent"
            )
        return statistic

    def score(self, A: Float, c: Float) -> float:
        """Rao's statistic.

        Raises
        ------
        ValueError
            The constrained estimate does not exist, so that there is no score at it.
        """
        if self._face is None:
            found = self._minimise(A, c, _TOL_OF_SCORE)
        else:
            left = self._left(A, c)
            optimum = None if left.runs_away else self._of(left, c, _TOL_OF_SCORE)
            if optimum is None:
                raise ValueError(
                    "the score test needs the estimate under the hypothesis, which does not exist: the "
                    "classes are separated under it, too; a likelihood-ratio test has its limit"
                )
            found = optimum
        assert found.look is not None
        multipliers = found.multipliers
        along = np.linalg.solve(found.look.tangent.stiffness, multipliers)
        return max(self._objective.response.scale * float(multipliers @ along), 0.0)

    def _minimise(self, A: Float, c: Float, tol: float) -> Constrained:
        unit = math.sqrt(self._objective.response.scale)
        try:
            return _attained(minimise(self._objective, A, c, self._coef, tol=tol * min(1.0, 1.0 / unit)))
        except (DependentColumn, IllConditioned):
            raise ValueError(_NOT_FITTED) from None

    def _left(self, A: Float, c: Float) -> Left:
        try:
            return under(self._pairs(), A, c)
        except Undecided as error:
            raise ValueError(
                f"what the hypothesis leaves of separated classes is undecided: {error}"
            ) from None

    def _of(self, left: Left, c: Float, tol: float) -> Constrained | None:
        try:
            found = left.minimise(c, tol=tol * min(1.0, 1.0 / math.sqrt(self._objective.response.scale)))
        except (DependentColumn, IllConditioned):
            raise ValueError(_NOT_FITTED) from None
        return None if found is None else _attained(found)


_NOT_FITTED = (
    "the model under the hypothesis could not be fitted: columns are too nearly dependent in float64; shift "
    "and scale them"
)


def _attained(found: Constrained) -> Constrained:
    if found.look is None or not found.exists:
        raise ValueError(_NOT_FITTED)
    return found
