"""The calibration curve: observed shares against probabilities, in quantile groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import coverage
from sigmax.inference.performance.outcomes import Outcomes
from sigmax.inference.performance.quantile_groups import quantile_groups, whole
from sigmax.inference.performance.sums import exact_sum
from sigmax.inference.performance.table import count, frame, number, table
from sigmax.inference.tables import Table, Tabular
from sigmax.kernels import Float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CalibrationCurve(Tabular):
    """Points of the calibration curve of each class: class 1 of two, all of more.

    Attributes
    ----------
    codes : intp ndarray of shape (q,)
        The class of each point, ascending.
    predicted : ndarray of shape (q,)
        Mean probability of the class in the group; ascending within a class.
    observed : ndarray of shape (q,)
        Share of the observations of the group that are of the class.
    lower, upper : ndarray of shape (q,)
        Wilson's interval of that share.
    n : ndarray of shape (q,)
        Number of observations of the group.
    level : float
        Coverage of the intervals.
    classes : tuple of str, of length K
    """

    codes: npt.NDArray[np.intp]
    predicted: Float
    observed: Float
    lower: Float
    upper: Float
    n: Float
    level: float
    classes: tuple[str, ...]

    def _table(self) -> Table:
        header = ("class", "predicted", "observed", f"[{100 * self.level:g} % interval", "]", "observations")
        columns = (self.predicted, self.observed, self.lower, self.upper)
        rows = tuple(
            (self.classes[c], *(number(float(x[i])) for x in columns), count(float(self.n[i])))
            for i, c in enumerate(self.codes.tolist())
        )
        return table("Calibration curve", header, rows, ("quantile groups by probability; Wilson intervals",))

    def __repr__(self) -> str:
        return f"<calibration curve: {len(self.n)} points>"

    def to_frame(self) -> Any:
        """The points as a pandas DataFrame.

        Raises
        ------
        ImportError
            Without pandas.
        """
        names = ("predicted", "observed", "lower", "upper", "n")
        labels = [self.classes[c] for c in self.codes.tolist()]
        return frame({name: getattr(self, name) for name in names}, labels, "class")


def wilson(share: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's score interval of a share of n (J. Am. Stat. Assoc. 22, 1927), inside [0, 1].

    (s + z^2 / 2n -+ z sqrt(s (1 - s) / n + z^2 / 4n^2)) / (1 + z^2 / n)
    """
    ratio = z * z / n
    half = z * math.sqrt(share * (1.0 - share) / n + 0.25 * ratio / n)
    lower = 0.0 if share == 0.0 else (share + 0.5 * ratio - half) / (1.0 + ratio)
    upper = 1.0 if share == 1.0 else (share + 0.5 * ratio + half) / (1.0 + ratio)
    return lower, upper


def calibration_curve(data: Outcomes, groups: int = 10, level: float = 0.95) -> CalibrationCurve:
    """Mean probability and observed share of groups of about equal size.

    Parameters
    ----------
    data : Outcomes
    groups : int
        Quantile groups of the probability of a class, formed as for :func:`hosmer_lemeshow`; fewer where
        probabilities tie.
    level : float
        Coverage of the intervals, 0 < level < 1.

    Raises
    ------
    ValueError, TypeError
        `groups` is no whole number of at least 1, or `level` is none.
    """
    from scipy.special import ndtri

    level = coverage(level)
    wanted = whole("groups", groups, 1)
    z = -float(ndtri(0.5 * (1.0 - level)))
    codes, points = [], []
    for c in (1,) if data.binary else range(data.n_classes):
        p, seen = np.ascontiguousarray(data.p[:, c]), data.observed(c)
        made = quantile_groups(p, data.totals, wanted)
        for j in range(len(made)):
            rows = made.rows(j)
            w = None if data.totals is None else data.totals[rows]
            n = float(len(rows)) if w is None else exact_sum(w)
            share = min(exact_sum(seen[rows]) / n, 1.0)
            codes.append(c)
            points.append((exact_sum(p[rows], w) / n, share, *wilson(share, n, z), n))
    predicted, observed, lower, upper, size = np.array(points).T
    return CalibrationCurve(np.array(codes), predicted, observed, lower, upper, size, level, data.labels)
