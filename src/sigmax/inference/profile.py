"""What a result asks of the likelihood of its data, and what it makes of profiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import coverage, finite, numbers
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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ParameterProfile:
    """The profile likelihood of one parameter.

        D(v) = 2 (sup l - max { l(b) : b_j = v })

    Attributes
    ----------
    name : str
        ``age``, or ``age[red]`` where parameters belong to several classes.
    estimate : float
        Where D is 0; -inf or inf where separated classes take it there.
    covariance_kind : {"mle", "HC0", "HC1", "cluster"}
        Of the standard error.
    """

    name: str
    estimate: float
    covariance_kind: str
    _std_error: Callable[[], float]
    _profile: Profile
    _index: int

    @property
    def std_error(self) -> float:
        """Standard error of the estimate, which Wald's interval is made of; nan where that is infinite."""
        return self._std_error()

    def deviance(self, values: npt.ArrayLike) -> Float:
        """D at the values given.

        Parameters
        ----------
        values : array_like
            Where the parameter is held.

        Returns
        -------
        ndarray, shape of `values`
            In units of chi^2, twice a nat: D(v) <= chi^2_level(1) holds between the ends of the interval.
            The log-likelihood is penalised where the fit is.  Where the estimate is infinite D is measured
            from the supremum, and falls to 0 on that side.  nan, with a warning, where the constrained
            maximum was not found; and for a parameter without a limit.

        Raises
        ------
        ValueError
            Values that are no finite numbers.

        Warns
        -----
        ConvergenceWarning
            A deviance could not be proved to 1e-9, relatively above 1.

        Notes
        -----
        Each value is a constrained fit of its own, from the estimate on: about five reads of the data.
        Values are proved to 1e-9 but for Firth's, whose constrained maximum is found to a score of 1e-9
        standard errors.
        """
        given = numbers("values", values)
        finite("values", given)
        at = np.asarray(given, np.float64)
        found = np.empty(at.size)
        # no comprehension, whose frame the warning would count
        for i, value in enumerate(at.ravel().tolist()):
            found[i] = self._profile.deviance(self._index, value)
        return found.reshape(at.shape)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The ends where D is chi^2_level(1).

        Parameters
        ----------
        level : float
            Coverage, 0 < level < 1.

        Returns
        -------
        (lower, upper) : float
            Those of ``conf_int(level, method="profile")``; -inf or inf where D never rises so far.

        Raises
        ------
        ValueError
            `level` is none.

        Warns
        -----
        ConvergenceWarning
            An end could not be proved, and is nan.
        """
        return self._profile.interval(self._index, chi2_of(coverage(level)))

    def __repr__(self) -> str:
        return f"<profile of {self.name}: estimate {self.estimate:.6g}>"


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


def chi2_of(level: float) -> float:
    """The quantile of chi^2 with one degree of freedom that a deviance reaches with a coverage of `level`."""
    from scipy.special import ndtri

    return float(ndtri((1.0 - level) / 2.0)) ** 2


def profile_intervals(profile: Profile, aliased: npt.NDArray[np.bool_], level: float) -> Float:
    """Ends of the profile intervals, shape of `aliased` plus (2,); nan where that is true."""
    wanted = chi2_of(level)
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
