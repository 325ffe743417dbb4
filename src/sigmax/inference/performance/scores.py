"""Proper scores of probabilities: Brier's and the logarithmic one; Murphy's decomposition; Tjur's D."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigmax.inference.performance.outcomes import Outcomes
from sigmax.inference.performance.quantile_groups import quantile_groups, whole
from sigmax.inference.performance.sums import exact_sum, mean_and_error
from sigmax.inference.performance.table import count, frame, number, table
from sigmax.inference.tables import Table, Tabular
from sigmax.kernels import Float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Score(Tabular):
    """The mean of a score of single observations; smaller is better.

    Attributes
    ----------
    name : str
    score : float
        The mean; the logarithmic score in nats.
    se : float
        Its standard error, of probabilities that are given: root of the variance of the single scores
        (divisor n - 1) over n.  nan of one observation, and where the score is inf.
    baseline : float
        The score of the observed shares of the classes as everybody's probabilities.
    scaled : float
        ``1 - score / baseline``: 1 is perfect, 0 no better than the shares, less is worse; nan where the
        baseline is 0.
    n : float
        Number of observations.
    """

    name: str
    score: float
    se: float
    baseline: float
    scaled: float
    n: float

    def _table(self) -> Table:
        header = ("", "score", "std. error", "baseline", "scaled", "observations")
        numbers = tuple(number(x, 6) for x in (self.score, self.se, self.baseline, self.scaled))
        return table(self.name, header, (("", *numbers, count(self.n)),))

    def __repr__(self) -> str:
        return f"<{self.name} {number(self.score, 6)}, standard error {number(self.se, 6)}>"

    def __float__(self) -> float:
        return self.score

    def to_frame(self) -> Any:
        """One row, as a pandas DataFrame.

        Raises
        ------
        ImportError
            Without pandas.
        """
        names = ("score", "se", "baseline", "scaled", "n")
        return frame({name: [getattr(self, name)] for name in names}, [self.name], "measure")


def _score(name: str, single: Float, data: Outcomes, baseline: float) -> Score:
    score, error = mean_and_error(single, data.weight, data.total)
    scaled = 1.0 - score / baseline if baseline > 0.0 else math.nan
    return Score(name, score, error, baseline, scaled, data.total)


def brier_score(data: Outcomes) -> Score:
    """Brier's score.

        two classes:  mean (y - p_1)^2,   more:  mean sum_k (y_k - p_k)^2

    Parameters
    ----------
    data : Outcomes

    Returns
    -------
    Score
        From 0 to 1, or to 2 with more than two classes.  The sum over all classes is what Brier (Mon. Weather
        Rev. 78, 1950) defined; with two it would be twice the customary score.  `baseline` is s (1 - s),
        or 1 - sum s_k^2, of the shares s; `scaled` is Steyerberg's scaled score.
    """
    p = data.p
    missed = np.empty(len(data.rows))  # 1 - p of the class that was observed
    for c in range(data.n_classes):
        mine = data.codes == c
        missed[mine] = data.complement(c)[data.rows[mine]]
    single = np.square(missed)
    totals = data.class_totals() / data.total
    if data.binary:
        return _score("Brier score", single, data, float(totals[0] * totals[1]))
    # the other classes, without the observed one, which would have to be taken off again
    for c in range(data.n_classes):
        others = data.codes != c
        single[others] += np.square(p[data.rows[others], c])
    return _score("Brier score", single, data, math.fsum((totals * (1.0 - totals)).tolist()))


def log_score(data: Outcomes) -> Score:
    """Logarithmic score: mean of ``-log p`` of the class that was observed, in nats.

    Parameters
    ----------
    data : Outcomes

    Returns
    -------
    Score
        inf where something was observed that had the probability 0.  `baseline` is the entropy of the shares
        of the classes, so that `scaled` is McFadden's pseudo R^2 where the probabilities were fitted to these
        rows.  A p above 1/2 is taken as -log1p(-(1 - p)), 1 - p without cancellation.
    """
    single = np.empty(len(data.rows))
    for c in range(data.n_classes):
        mine = data.codes == c
        rows = data.rows[mine]
        p, rest = data.p[rows, c], data.complement(c)[rows]
        with np.errstate(divide="ignore"):
            single[mine] = np.where(p > 0.5, -np.log1p(-np.minimum(rest, 0.5)), -np.log(p))
    shares = data.class_totals() / data.total
    entropy = -math.fsum(s * math.log(s) for s in shares.tolist() if s > 0.0)
    return _score("Logarithmic score", single, data, entropy)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BrierDecomposition(Tabular):
    """Murphy's decomposition of the Brier score over groups of similar probabilities.

        score = reliability - resolution + uncertainty + within

    Attributes
    ----------
    score : float
    reliability : float
        ``sum_g n_g (mean p - share observed)^2 / n``: 0 where each group is calibrated.
    resolution : float
        ``sum_g n_g (share observed - overall share)^2 / n``.
    uncertainty : float
        ``s (1 - s)``, s the overall share.
    within : float
        What remains because probabilities differ within a group, ``sum_g sum_i (q_i^2 - 2 q_i y_i) / n`` with
        q = p - mean p of the group (Stephenson, Coelho & Jolliffe, Weather Forecast. 23, 2008); 0 where each
        group has one probability.  With more than two classes everything is summed over the classes, each
        against all others, with groups of its own.
    groups : int
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float
    groups: int

    def _table(self) -> Table:
        header = ("", "reliability", "resolution", "uncertainty", "within groups", "score")
        parts = (self.reliability, self.resolution, self.uncertainty, self.within, self.score)
        note = "score = reliability - resolution + uncertainty + within groups"
        return table("Brier score, decomposed", header, (("", *(number(x, 6) for x in parts)),), (note,))

    def __repr__(self) -> str:
        return (
            f"<Brier score {number(self.score, 6)}: reliability {number(self.reliability, 6)}, "
            f"resolution {number(self.resolution, 6)}, uncertainty {number(self.uncertainty, 6)}>"
        )


def brier_decomposition(data: Outcomes, groups: int = 10) -> BrierDecomposition:
    """Reliability, resolution and uncertainty of the Brier score (Murphy, J. Appl. Meteorol. 12, 1973).

    Parameters
    ----------
    data : Outcomes
    groups : int
        Quantile groups of the probability of a class, formed as for :func:`hosmer_lemeshow`.

    Raises
    ------
    ValueError, TypeError
        `groups` is no whole number of at least 1.
    """
    wanted = whole("groups", groups, 1)
    n = data.total
    parts: list[list[float]] = [[], [], [], []]
    for c in (1,) if data.binary else range(data.n_classes):
        p, seen = np.ascontiguousarray(data.p[:, c]), data.observed(c)
        s = exact_sum(seen) / n
        made = quantile_groups(p, data.totals, wanted)
        for j in range(len(made)):
            rows = made.rows(j)
            w = None if data.totals is None else data.totals[rows]
            size = float(len(rows)) if w is None else exact_sum(w)
            mean, share = exact_sum(p[rows], w) / size, exact_sum(seen[rows]) / size
            q = p[rows] - mean
            parts[0].append(size * (mean - share) ** 2)
            parts[1].append(size * (share - s) ** 2)
            parts[3].append(exact_sum(np.square(q), w) - 2.0 * exact_sum(q, seen[rows]))
        parts[2].append(n * s * (1.0 - s))
    reliability, resolution, uncertainty, within = (math.fsum(part) / n for part in parts)
    return BrierDecomposition(brier_score(data).score, reliability, resolution, uncertainty, within, wanted)


def tjur(data: Outcomes) -> float:
    """Tjur's D, the coefficient of discrimination (Am. Stat. 63, 2009).

        D = mean p_1 where class 1 was observed - mean p_1 where class 0 was

    Raises
    ------
    ValueError
        More than two classes, or one of the two was never observed.
    """
    if not data.binary:
        raise ValueError(f"Tjur's D is for two classes; there are {data.n_classes}")
    totals = data.class_totals()
    if not totals.all():
        missing = data.labels[int(np.argmin(totals))]
        raise ValueError(f"observed must hold both classes for Tjur's D; {missing} was never observed")

    def mean(column: int, given: int) -> float:
        mine = data.codes == given
        w = None if data.weight is None else data.weight[mine]
        return exact_sum(data.p[data.rows[mine], column], w) / float(totals[given])

    of_zeros = mean(1, 0)
    of_ones = mean(1, 1)
    # near 1, D is known by what is missing
    return of_ones - of_zeros if of_ones <= 0.5 else 1.0 - (mean(0, 1) + of_zeros)
