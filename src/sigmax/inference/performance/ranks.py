"""Two samples by rank: how often one is larger, with the placements that its variance is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmax.inference.performance.quantile_groups import runs
from sigmax.inference.performance.sums import exact_sum
from sigmax.kernels import Float

#: a probability this near 1 has lost digits that 1 - p still has
_NEAR_ONE = 2.0**-26


def scores(p: Float, complement: Float) -> Float:
    """What rows are ranked by: p, and 1 / (1 - p) where p is within 2^-26 of 1.

    Probabilities that round to 1 keep the order of their 1 - p; both parts rise, and the second, above 2^26,
    follows the first.
    """
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(complement < _NEAR_ONE, 1.0 / complement, p)


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Positives and negatives at each distinct score, ascending.

    Attributes
    ----------
    first : intp ndarray of shape (d,)
        A row of each score.
    positive, negative : ndarray of shape (d,)
        How many observations of either kind have it.
    n_positive, n_negative : float
    """

    first: np.ndarray
    positive: Float
    negative: Float
    n_positive: float
    n_negative: float


def ranked(score: Float, positive: Float, negative: Float) -> Ranked:
    """Collect equal scores; O(n log n).

    Parameters
    ----------
    score, positive, negative : ndarray of shape (n,)
        Of each row: its score, and how many observations of either kind it stands for.
    """
    order = np.argsort(score, kind="stable")
    starts = runs(score[order])
    return Ranked(
        order[starts],
        np.add.reduceat(positive[order], starts),
        np.add.reduceat(negative[order], starts),
        exact_sum(positive),
        exact_sum(negative),
    )


def _below(weight: Float) -> Float:
    """Weight of smaller scores plus half of that of equal ones: midranks, of the other sample."""
    return np.cumsum(weight) - 0.5 * weight


def area(r: Ranked) -> float:
    """P(positive > negative) + 1/2 P(equal) of the two samples; nan where one is empty.

    The counts are exact for whole weights as long as twice the number of pairs is below 2^53.
    """
    pairs = r.n_positive * r.n_negative
    return exact_sum(_below(r.negative), r.positive) / pairs if pairs > 0.0 else math.nan


def delong_variance(r: Ranked, auc: float) -> float:
    """Variance of the area (DeLong, DeLong & Clarke-Pearson, Biometrics 44, 1988); nan of one observation.

        V_i = share of negatives below positive i (half of those that tie),   W_j likewise
        var = sum (V_i - A)^2 / (m (m - 1)) + sum (W_j - A)^2 / (n (n - 1))

    V and W from midranks (Sun & Xu, IEEE Signal Process. Lett. 21, 2014), not from all pairs.
    """
    m, n = r.n_positive, r.n_negative
    if not (m > 1.0 and n > 1.0):
        return math.nan
    V = _below(r.negative) / n
    above = _below(r.positive[::-1])[::-1]
    W = above / m
    of_positives = exact_sum(np.square(V - auc), r.positive) / m / (m - 1.0)
    of_negatives = exact_sum(np.square(W - auc), r.negative) / n / (n - 1.0)
    return of_positives + of_negatives


def hanley_variance(r: Ranked, auc: float) -> float:
    """Variance of the area as Hanley & McNeil (Radiology 143, 1982) approximate it.

        var = (A (1 - A) + (m - 1)(Q1 - A^2) + (n - 1)(Q2 - A^2)) / (m n)
        Q1 = A / (2 - A),   Q2 = 2 A^2 / (1 + A)

    In a form without cancellation: Q1 - A^2 = A (1 - A)^2 / (2 - A), Q2 - A^2 = A^2 (1 - A) / (1 + A).
    """
    m, n = r.n_positive, r.n_negative
    first, second = auc * (1.0 - auc) ** 2 / (2.0 - auc), auc * auc * (1.0 - auc) / (1.0 + auc)
    return (auc * (1.0 - auc) + (m - 1.0) * first + (n - 1.0) * second) / (m * n)
