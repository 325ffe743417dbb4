"""What each row stands for: one observation with a label, or several with counts, and its weight.

A row is a unit: N_i observations with the same x, c_ik of them of class k.  Labels are N_i = 1.  Three kinds
of weights say three things about it:

    frequency     the unit stands for w equal ones     nobs = sum w N    scores w s    squares w s s'
    importance    its log-likelihood is multiplied     nobs = sum N      scores w s    squares w^2 s s'
    probability   it was drawn with probability 1/w    as importance; the information is no covariance

s is the score of one unit.  A unit of weight 0 does not count in any way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import contiguous
from sigmax.data.response import Response, offsets, response
from sigmax.kernels import Codes, Float

WeightType: TypeAlias = Literal["frequency", "importance", "probability"]

WEIGHT_TYPES: tuple[WeightType, ...] = ("frequency", "importance", "probability")


@dataclass(frozen=True, slots=True)
class Units:
    """Labels or counts, weights and offsets of n rows.

    Attributes
    ----------
    classes : ndarray of shape (K,)
    codes : int32 ndarray of shape (n,), or None
        Index of each row's label in `classes`; None for counts.
    counts : float64 ndarray of shape (n, K), or None
        None for labels.
    frequency : float64 ndarray of shape (n,), or None
        How many equal units a row stands for; None for ones.
    importance : float64 ndarray of shape (n,), or None
        What the log-likelihood of a unit is multiplied by; None for ones.
    offset : float64 ndarray of shape (n, K - 1), or None
        Added to the logits of the classes 1 .. K-1.
    """

    classes: npt.NDArray[np.generic]
    codes: Codes | None
    counts: Float | None
    frequency: Float | None
    importance: Float | None
    offset: Float | None

    @property
    def n_rows(self) -> int:
        """n, rows of weight 0 included."""
        rows = self.codes if self.counts is None else self.counts
        assert rows is not None
        return len(rows)

    def total(self, rows: slice | None = None) -> Float | None:
        """N_i, the observations of one unit; None for labels, where it is 1."""
        if self.counts is None:
            return None
        return np.asarray(self.counts[rows or slice(None)].sum(axis=1))

    @property
    def nobs(self) -> float:
        """Number of observations: sum of frequency * N, over units that count."""
        total = self.total()
        if self.frequency is not None:
            return math.fsum(self.frequency if total is None else self.frequency * total)
        if self.importance is not None:
            counted = self.importance > 0.0
            return float(np.count_nonzero(counted)) if total is None else math.fsum(total[counted])
        return float(self.n_rows) if total is None else math.fsum(total)

    def weight(self) -> Float | None:
        """What the log-likelihood of a row is multiplied by; None for ones."""
        return self.importance if self.frequency is None else self.frequency


def units(
    y: npt.ArrayLike,
    n_rows: int,
    *,
    sample_weight: npt.ArrayLike | None,
    weight_type: str,
    offset: npt.ArrayLike | None,
    classes: npt.NDArray[np.generic],
    n_threads: int,
    observed: Response | None = None,
) -> Units:
    """The units of a fit that has been checked.

    Parameters
    ----------
    y, n_rows, sample_weight, offset, n_threads
        As for :func:`sigmax.data.response.response`; y may hold counts.
    weight_type : {"frequency", "importance", "probability"}
    classes : ndarray of shape (K,)
        Those of the fit.
    observed : Response, optional
        Of the same rows, where there is one: labels are then not encoded again.
    """
    weight = None
    if sample_weight is not None:
        weight = contiguous(np.asarray(sample_weight))
    frequency, importance = (weight, None) if weight_type == "frequency" else (None, weight)
    given = np.asarray(y)
    if given.ndim == 2:
        shift = None if offset is None else offsets(offset, n_rows, len(classes))
        return Units(classes, None, contiguous(given), frequency, importance, shift)
    if observed is None or len(observed.codes) != n_rows:
        observed = response(
            given,
            n_rows,
            sample_weight=sample_weight,
            offset=offset,
            classes=classes,
            n_threads=n_threads,
        )
    return Units(classes, observed.codes, None, frequency, importance, observed.offset)


def number_of_observations(y: npt.ArrayLike, sample_weight: npt.ArrayLike) -> float:
    """nobs where weights are no frequencies: observations of positive weight."""
    counted = np.asarray(sample_weight) > 0.0
    given = np.asarray(y)
    return math.fsum(given[counted].sum(axis=1)) if given.ndim == 2 else float(np.count_nonzero(counted))
