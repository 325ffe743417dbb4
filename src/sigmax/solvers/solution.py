"""What a solver hands over, whichever way it went."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sigmax.kernels import Float
from sigmax.objective import Evaluation, FirstOrder

if TYPE_CHECKING:
    from sigmax.solvers.flat_certificate import FlatBound


class Stop(enum.Enum):
    """Why the iteration ended."""

    TOLERANCE = "the Newton decrement is within the tolerance"
    ROUNDING = "the Newton decrement has reached the rounding of the data"
    SEPARATED = "the classes are completely separated"
    ITERATIONS = "the iteration limit was reached"
    CALLBACK = "the callback asked to stop"
    STUCK = "no step lowers the objective any more"
    DOUBTFUL = "many steps have not shown that the estimate exists"


class Metric(Protocol):
    """A factor of a Hessian, or of what stands for one."""

    def solve(self, v: Float) -> Float:
        """H^-1 v."""

    def inverse(self) -> Float:
        """H^-1, exactly symmetric."""

    def half(self, Z: Float) -> Float:
        """V with V'V = Z'H^-1 Z, shape of Z, (m k, columns)."""

    def roots(self) -> tuple[Float | None, Float]:
        """T, or None for the identity, and V with H^-1 = (I (x) T) V V' (I (x) T)'."""

    @property
    def condition_number(self) -> float:
        """Of the weighted design, columns scaled."""

    @property
    def doubt(self) -> float:
        """||H^-1/2 E H^-1/2|| <= this, for errors of H with |E_jl| <= sqrt(H_jj H_ll)."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Where the iteration ended.

    Attributes
    ----------
    coef, low : ndarray of shape (m * k,)
        The estimate, as a sum of two words.
    at : FirstOrder
        The last evaluation, at `coef` + `low` or one step before it.
    metric : Metric or None
        Factor of the Hessian at `anchor`; None where that is numerically singular.
    anchor : Evaluation or None
        Where the Hessian was evaluated.
    drift : float
        e^-drift <= H / H(anchor) <= e^drift all the way from the anchor to the estimate.
    newton_decrement : float
        At `coef`, in standard errors: measured there, or bounded after the last step; nan without a factor.
    iterations : int
        Steps taken over all rows.
    stop : Stop
    doubt : float or None
        Of the factor: ``metric.doubt`` times the rounding of an element, where it is known.
    flat : FlatBound or None
        What is proved where no Hessian was formed.
    overlap : bool
        Whether some step has proved that the estimate exists.
    """

    coef: Float
    low: Float
    at: FirstOrder
    metric: Metric | None
    anchor: Evaluation | None
    drift: float
    newton_decrement: float
    iterations: int
    stop: Stop
    doubt: float | None = None
    flat: FlatBound | None = None
    overlap: bool = False
