"""What a result asks of the likelihood of its data, and what it makes of profiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sigmax.inference.tails import chi2_tail
from sigmax.kernels import Float


class Profile(Protocol):
    """The profile of a likelihood, penalised or not, around its maximum or supremum."""

    def deviance(self, j: int, value: float) -> float:
        """2 (l* - max l* with parameter j at `value`)."""

    def interval(self, j: int, wanted: float) -> tuple[float, float]:
        """The ends where the deviance of parameter j is `wanted`."""

    def against(self, base: int | None) -> Profile | None:
        """That of the parameters against another class, or that sum to zero; None where there is none."""


class LikelihoodTests(Protocol):
    """What a result asks of its data to test hypotheses about the parameters against the first class."""

    def likelihood_ratio(self, A: Float, c: Float) -> float:
        """2 (sup l - sup {l(b) : A b = c})."""

    def score(self, A: Float, c: Float) -> float:
        """U'I^-1 U at the optimum under A b = c."""


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


def profile_intervals(profile: Profile, aliased: npt.NDArray[np.bool_], level: float) -> Float:
    """Ends of the profile intervals, shape of `aliased` plus (2,); nan where that is true."""
    from scipy.special import ndtri

    wanted = float(ndtri((1.0 - level) / 2.0)) ** 2
    ends = np.full((*aliased.shape, 2), np.nan)
    # the profile counts the parameters that were estimated
    for j, index in enumerate(np.argwhere(~aliased).tolist()):
        ends[tuple(index)] = profile.interval(j, wanted)
    return ends


def likelihood_ratio_test(profile: Profile, aliased: npt.NDArray[np.bool_]) -> LikelihoodRatioTest:
    """The test of each parameter against 0; nan where `aliased`."""
    statistic = np.full(aliased.shape, np.nan)
    for j, index in enumerate(np.argwhere(~aliased).tolist()):
        statistic[tuple(index)] = profile.deviance(j, 0.0)
    return LikelihoodRatioTest(statistic, chi2_tail(statistic, 1))
