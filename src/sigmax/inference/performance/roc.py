"""The ROC curve and the area under it, with its standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigmax.data.checks import coverage
from sigmax.inference.performance.outcomes import Outcomes
from sigmax.inference.performance.quantile_groups import whole
from sigmax.inference.performance.ranks import Ranked, area, delong_variance, hanley_variance, ranked, scores
from sigmax.inference.performance.table import count, frame, number, table
from sigmax.inference.tables import Table, Tabular
from sigmax.kernels import Float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RocAuc(Tabular):
    """Area under the ROC curve.

    Attributes
    ----------
    auc, se : float, or ndarray of shape (K,)
        With two classes the area of class 1 against class 0 and its standard error; with more, those of each
        class against all others.  nan where a class was not observed, or only once (`se`).
    interval : ndarray of shape (2,) or (K, 2)
        Confidence interval, inside [0, 1].
    n_positive, n_negative : float, or ndarray of shape (K,)
        Observations of the class, and of the others.
    hand_till : float or None
        With more than two classes, Hand and Till's M: the mean over pairs of classes of the area between the
        two.  It has no standard error here.
    level : float
        Coverage of the interval.
    method : {"delong", "hanley"}
    scale : {"logit", "plain"}
    classes : tuple of str, of length K
    notes : tuple of str
    """

    auc: float | Float
    se: float | Float
    interval: Float
    n_positive: float | Float
    n_negative: float | Float
    hand_till: float | None
    level: float
    method: str
    scale: str
    classes: tuple[str, ...]
    notes: tuple[str, ...]

    def _positives(self) -> tuple[str, ...]:
        return self.classes if len(self.classes) > 2 else self.classes[1:]

    def _columns(self) -> dict[str, list[float]]:
        ends = np.reshape(self.interval, (-1, 2))
        return {
            "auc": np.atleast_1d(self.auc).tolist(),
            "se": np.atleast_1d(self.se).tolist(),
            "lower": ends[:, 0].tolist(),
            "upper": ends[:, 1].tolist(),
            "positive": np.atleast_1d(self.n_positive).tolist(),
            "negative": np.atleast_1d(self.n_negative).tolist(),
        }

    def _table(self) -> Table:
        columns = list(zip(*self._columns().values(), strict=True))
        rows = tuple(
            (label, *(number(x) for x in row[:4]), *(count(x) for x in row[4:]))
            for label, row in zip(self._positives(), columns, strict=True)
        )
        header = (
            "class",
            "AUC",
            "std. error",
            f"[{100 * self.level:g} % interval",
            "]",
            "positive",
            "negative",
        )
        name = {"delong": "DeLong", "hanley": "Hanley-McNeil"}[self.method]
        notes = [f"standard error: {name}; interval: {self.scale} scale"]
        if self.hand_till is not None:
            notes.insert(0, f"each class against all others; Hand-Till M {number(self.hand_till)}")
        return table("Area under the ROC curve", header, rows, (*notes, *self.notes))

    def __repr__(self) -> str:
        if self.hand_till is not None:
            return f"<ROC AUC of {len(self.classes)} classes: Hand-Till M {number(self.hand_till)}>"
        return f"<ROC AUC {number(float(self.auc))}, standard error {number(float(self.se))}>"

    def to_frame(self) -> Any:
        """One row for each area, as a pandas DataFrame.

        Raises
        ------
        ImportError
            Without pandas.
        """
        return frame(dict(self._columns()), self._positives(), "class")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RocCurve:
    """The ROC curve of one class against all others.

    Attributes
    ----------
    fpr, tpr : ndarray of shape (d + 1,)
        Shares of the others, and of the class, that are called positive; from (0, 0) to (1, 1).
    thresholds : ndarray of shape (d + 1,)
        An observation is positive where its probability is at least that; inf, then each of the d
        probabilities that differ, falling.  Probabilities that round to 1 and differ by their 1 - p are
        points of their own, with the threshold 1.
    label : str
        The class.
    """

    fpr: Float
    tpr: Float
    thresholds: Float
    label: str

    @property
    def auc(self) -> float:
        """Area by the trapezoidal rule."""
        width, height = np.diff(self.fpr), 0.5 * (self.tpr[1:] + self.tpr[:-1])
        return math.fsum((width * height).tolist())

    def __repr__(self) -> str:
        return f"<ROC curve of class {self.label}: {len(self.fpr):,} points>"

    def to_frame(self) -> Any:
        """The points as a pandas DataFrame: threshold, fpr, tpr.

        Raises
        ------
        ImportError
            Without pandas.
        """
        columns = {"threshold": self.thresholds, "fpr": self.fpr, "tpr": self.tpr}
        return frame(columns, range(len(self.fpr)), "point")


def _against_others(data: Outcomes, c: int) -> Ranked:
    """The class against all others, by its probability."""
    mine = data.observed(c)
    everything = np.ones(len(mine)) if data.totals is None else data.totals
    # counts of the other classes, not the difference: a weight that is no whole number would leave a rest
    others = np.zeros(len(mine)) if data.weight is not None else everything - mine
    if data.weight is not None:
        rest = data.codes != c
        np.add.at(others, data.rows[rest], data.weight[rest])
    return ranked(scores(data.p[:, c], data.complement(c)), mine, others)


def _require_both(data: Outcomes) -> None:
    totals = data.class_totals()
    if data.binary and not totals.all():
        missing = data.labels[int(np.argmin(totals))]
        raise ValueError(f"observed must hold both classes for a ROC curve; {missing} was never observed")


def roc_curve(data: Outcomes, positive: int = 1) -> RocCurve:
    """Points of the ROC curve, all that differ.

    Parameters
    ----------
    data : Outcomes
    positive : int
        Index of the class that is positive; the others together are negative.

    Returns
    -------
    RocCurve

    Raises
    ------
    ValueError
        No such class, or the class or all others were never observed.
    """
    c = whole("positive", positive, 0)
    if c >= data.n_classes:
        raise ValueError(f"positive must be a class, 0 to {data.n_classes - 1}; got {c}")
    r = _against_others(data, c)
    if not (r.n_positive > 0.0 and r.n_negative > 0.0):
        what = "never" if r.n_positive == 0.0 else "always"
        raise ValueError(
            f"observed must hold the class and another for a ROC curve; {data.labels[c]} was {what} observed"
        )
    hits = np.concatenate([[0.0], np.cumsum(r.positive[::-1])])
    alarms = np.concatenate([[0.0], np.cumsum(r.negative[::-1])])
    # divided by their own ends, so that they end at 1
    return RocCurve(
        fpr=alarms / alarms[-1],
        tpr=hits / hits[-1],
        thresholds=np.concatenate([[np.inf], data.p[r.first[::-1], c]]),
        label=data.labels[c],
    )


def roc_auc(data: Outcomes, level: float = 0.95, *, method: str = "delong", scale: str = "logit") -> RocAuc:
    """Area under the ROC curve, its standard error and a confidence interval.

        A = P(p of a positive > p of a negative) + 1/2 P(equal)

    Parameters
    ----------
    data : Outcomes
    level : float
        Coverage of the interval, 0 < level < 1.
    method : {"delong", "hanley"}
        The standard error: of DeLong, DeLong & Clarke-Pearson (1988), nonparametric, or of Hanley & McNeil
        (1982) with their exponential approximation.
    scale : {"logit", "plain"}
        The interval: ``logit A -+ z se / (A (1 - A))`` taken back, which stays inside (0, 1); or
        ``A -+ z se``, cut at 0 and 1, as R's pROC has it.

    Returns
    -------
    RocAuc
        With more than two classes, each against all others, and Hand and Till's M (Mach. Learn. 45, 2001).

    Raises
    ------
    ValueError
        `level`, `method` or `scale` is none of these; with two classes, one was never observed.

    Notes
    -----
    The standard error takes the probabilities as given.  It does not know that they were fitted to the same
    rows, where the area is too large by what the fit adapted to.

    Where A is 1 or 0 the variance of both methods is 0, and says nothing.  The interval then is
    ``[(alpha / 2)^(1 / k), 1]``, k the smaller of the two numbers of observations, or its mirror image: were
    the area A, k disjoint pairs would all be in order with a probability of at most A^k (an exact, wide,
    interval; a note says so).

    Ties count half.  A weight is so many rows.  Rows rank by p, and by 1 - p where p is within 2^-26 of 1.
    O(K n log n), and O(K^2) sorts of pairs of classes for M.
    """
    level = coverage(level)
    if method not in ("delong", "hanley"):
        raise ValueError(f"method must be 'delong' or 'hanley'; got {method!r}")
    if scale not in ("logit", "plain"):
        raise ValueError(f"scale must be 'logit' or 'plain'; got {scale!r}")
    _require_both(data)
    variance = delong_variance if method == "delong" else hanley_variance
    found = [_against_others(data, c) for c in (range(data.n_classes) if not data.binary else (1,))]
    labels = data.labels if not data.binary else data.labels[1:]
    areas, errors, ends, notes = [], [], [], []
    for label, r in zip(labels, found, strict=True):
        A = area(r)
        error = math.sqrt(max(variance(r, A), 0.0)) if not math.isnan(A) else math.nan
        areas.append(A)
        errors.append(error)
        ends.append(_interval(A, error, min(r.n_positive, r.n_negative), level, scale))
        note = _note(A, error)
        if note:
            notes.append(note if data.binary else f"{label}: {note}")
    m, n = [r.n_positive for r in found], [r.n_negative for r in found]
    common: dict[str, Any] = {
        "level": level,
        "method": method,
        "scale": scale,
        "classes": data.labels,
        "notes": tuple(notes),
    }
    if data.binary:
        return RocAuc(areas[0], errors[0], np.array(ends[0]), m[0], n[0], None, **common)
    return RocAuc(
        np.array(areas), np.array(errors), np.array(ends), np.array(m), np.array(n), hand_till(data), **common
    )


def _interval(A: float, error: float, k: float, level: float, scale: str) -> tuple[float, float]:
    from scipy.special import ndtri

    tail = 0.5 * (1.0 - level)
    if math.isnan(error):
        return math.nan, math.nan
    if A in (0.0, 1.0):
        bound = tail ** (1.0 / k)
        return (bound, 1.0) if A == 1.0 else (0.0, 1.0 - bound)
    half = -float(ndtri(tail)) * error
    if scale == "plain":
        return max(A - half, 0.0), min(A + half, 1.0)
    centre, half = math.log(A / (1.0 - A)), half / (A * (1.0 - A))
    return _expit(centre - half), _expit(centre + half)


def _expit(x: float) -> float:
    t = math.exp(-abs(x))
    return 1.0 / (1.0 + t) if x >= 0.0 else t / (1.0 + t)


def _note(A: float, error: float) -> str:
    if math.isnan(A):
        return "no area: the class, or every other one, was never observed"
    if math.isnan(error):
        return "no standard error: observed only once, or all others only once"
    if A in (0.0, 1.0):
        return (
            f"the area is {A:g}, and its estimated variance 0 says nothing; the interval is the exact one of "
            "disjoint pairs"
        )
    return ""


def hand_till(data: Outcomes) -> float:
    """Hand and Till's M: the mean over all pairs of classes of the area between the two.

        M = 2 / (K (K - 1)) sum_{i<j} (A(i|j) + A(j|i)) / 2

    A(i|j) is the probability that an observation of class i has a larger p_i than one of class j.

    Returns
    -------
    float
        nan where a class was never observed.
    """
    K = data.n_classes
    by_class = [np.flatnonzero(data.codes == c) for c in range(K)]
    weight = np.ones(len(data.codes)) if data.weight is None else data.weight
    areas = []
    for i in range(K):
        score = scores(data.p[:, i], data.complement(i))
        for j in range(K):
            if i == j:
                continue
            mine, other = by_class[i], by_class[j]
            if not (len(mine) and len(other)):
                return math.nan
            cells = np.concatenate([mine, other])
            positive = np.concatenate([weight[mine], np.zeros(len(other))])
            negative = np.concatenate([np.zeros(len(mine)), weight[other]])
            areas.append(area(ranked(score[data.rows[cells]], positive, negative)))
    return math.fsum(areas) / len(areas)
