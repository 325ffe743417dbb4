"""Profiles where the likelihood has no maximum: its supremum takes the maximum's place.

finite     a'v = 0 for all v in the null space of T: the profile is that of the limiting fit
+inf       along the directions that the likelihood allows a'b rises: D(v) falls to 0 as v does.  At a
           fixed v the others may run away still, to what is left of them (restricted.py), which does not
           depend on v; towards -inf D has no bound, for no direction of recession leads there.  So the
           interval is (finite, inf)
-inf       likewise (-inf, finite)
no limit   nan
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt

from sigmax.exceptions import ConvergenceWarning
from sigmax.existence.decide import Face, Undecided
from sigmax.existence.limit import limiting_objective
from sigmax.existence.pairs import Pairs
from sigmax.existence.restricted import in_whole_numbers, per_class, under
from sigmax.existence.signs import moved
from sigmax.kernels import Float
from sigmax.solvers.curvature import DependentColumn, IllConditioned, Plain
from sigmax.solvers.profile import Curve, Top, checked, ends, top_of


class LimitingProfile:
    """Profiles of functions of coefficients of which some run away.

    Parameters
    ----------
    pairs : Pairs
    face : Face
        What stays uncertain.
    functions : ndarray of shape (f, P)
        Against class 0.
    sides : int8 ndarray of shape (f,)
        -1, 1: to -inf, to inf; 0 else.
    undetermined : bool ndarray of shape (f,)
        Functions without a limit.
    l2 : float
        In units of the objective.
    """

    def __init__(
        self,
        pairs: Pairs,
        face: Face,
        functions: Float,
        sides: npt.NDArray[np.int8],
        undetermined: npt.NDArray[np.bool_],
        l2: float = 0.0,
    ) -> None:
        self._pairs, self._face, self._l2 = pairs, face, l2
        self._functions, self._sides, self._undetermined = functions, sides, undetermined
        self._known: tuple[Top | None, list[int]] | None = None

    def against(self, base: int | None) -> None:
        """None: differences of infinite parameters are a question for the data."""

    @property
    def _limit(self) -> tuple[Top | None, list[int]]:
        """The optimum of the limiting fit, None where nothing stays uncertain; and its classes."""
        if self._known is None:
            objective, kept = limiting_objective(self._pairs, self._face, self._l2)
            top = None if objective is None else top_of(objective, np.zeros(objective.n_params))
            self._known = top, kept
        return self._known

    def _curve(self, j: int) -> Curve | None:
        """The curve of one function; None where the supremum is the same for all values."""
        a, (top, kept) = self._functions[j], self._limit
        if not moved(self._face, in_whole_numbers(a[None, :]))[0]:
            assert top is not None
            return Curve(top, np.ascontiguousarray(per_class(self._pairs, a)[kept[1:]].ravel()))
        absent = self._pairs.response.absent
        left = under(self._pairs, a[None, :], np.zeros(1), l2=self._l2, absent=absent)
        if left.objective is None or not len(left.A):
            return None
        value, slack = 0.0, 0.0
        if top is not None:
            assert top.at is not None
            at = top.objective.refine(top.at.coef, np.zeros_like(top.at.coef))
            value, slack = at.value, top.slack
        sup = Top(left.objective, value, slack, None, Plain(left.objective), None, value)
        return Curve(sup, left.A[0] / left.combine[0, 0], rising=-int(self._sides[j]))

    def _known_curve(self, j: int) -> Curve | None:
        if self._undetermined[j]:
            return None
        try:
            if self._face.open_question:
                raise Undecided(self._face.open_question)
            return self._curve(j)
        except (Undecided, DependentColumn, IllConditioned) as error:
            warnings.warn(
                f"the profile of function {j} of separated classes is not known: {error}",
                ConvergenceWarning,
                stacklevel=4,
            )
            return None

    def deviance(self, j: int, value: float) -> float:
        """2 (sup l - sup l with function j at `value`); nan where it has no limit, or was not found."""
        curve = self._known_curve(j)
        if curve is None:
            return math.nan
        return checked(*curve.deviance(value), what=f"function {j} at {value!r}")

    def interval(self, j: int, wanted: float) -> tuple[float, float]:
        """The ends, one of them infinite where the function is; nan where it has no limit."""
        curve = self._known_curve(j)
        if curve is None:
            return math.nan, math.nan
        return ends(curve, wanted, what=f"function {j}")
