"""What a result asks of a profile likelihood, and what it makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sigmax.kernels import Float


class Profile(Protocol):
    """The profile of a penalised likelihood around its maximum."""

    def deviance(self, j: int, value: float) -> float:
        """2 (l* - max l* with parameter j at `value`)."""

    def interval(self, j: int, wanted: float) -> tuple[float, float]:
        """The ends where the deviance of parameter j is `wanted`."""


@dataclass(frozen=True, slots=True)
class LikelihoodRatioTest:
    """Tests of each parameter against 0.

    Attributes
    ----------
    statistic : ndarray, shape of the parameters
        2 (l* - max l* with the parameter at 0), chi^2 with one degree of freedom.
    pvalue : ndarray, shape of the parameters
        Its upper tail.
    """

    statistic: Float
    pvalue: Float


def profile_intervals(profile: Profile, shape: tuple[int, ...], level: float) -> Float:
    """Ends of the profile intervals, `shape` plus (2,)."""
    from scipy.special import ndtri

    wanted = float(ndtri((1.0 - level) / 2.0)) ** 2
    size = int(np.prod(shape))
    ends: Float = np.array([profile.interval(j, wanted) for j in range(size)], dtype=np.float64)
    return ends.reshape(*shape, 2)


def likelihood_ratio_test(profile: Profile, shape: tuple[int, ...]) -> LikelihoodRatioTest:
    """The test of each parameter against 0."""
    from scipy.special import erfc

    size = int(np.prod(shape))
    statistic: Float = np.array([profile.deviance(j, 0.0) for j in range(size)]).reshape(shape)
    return LikelihoodRatioTest(statistic, erfc(np.sqrt(0.5 * statistic)))
