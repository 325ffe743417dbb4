"""The classification table: observed classes against those that the probabilities predict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from sigmax.data.checks import numbers
from sigmax.inference.performance.outcomes import Outcomes
from sigmax.inference.performance.sums import exact_sum
from sigmax.inference.performance.table import count, frame, number, table
from sigmax.inference.tables import Table, Tabular
from sigmax.kernels import Float


def _share(part: float, whole: float) -> float:
    """part / whole, nan of nothing."""
    return part / whole if whole > 0.0 else math.nan


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClassificationTable(Tabular):
    """Observed against predicted classes, and the rates that follow.

    Attributes
    ----------
    confusion : ndarray of shape (K, K)
        Number of observations: observed classes in rows, predicted ones in columns.
    threshold : float or None
        Class 1 is predicted where its probability is at least that; None with more than two classes, where
        the most probable is.
    classes : tuple of str, of length K

    Notes
    -----
    A rate of nothing, as the precision of a class that was never predicted, is nan.
    """

    confusion: Float
    threshold: float | None
    classes: tuple[str, ...]

    # -- any number of classes ---------------------------------------------------------------------

    @property
    def total(self) -> float:
        """Number of observations."""
        return math.fsum(self.confusion.ravel().tolist())

    @property
    def accuracy(self) -> float:
        """Share of the observations whose class was predicted; Stata's "correctly classified"."""
        return math.fsum(self.confusion.diagonal().tolist()) / self.total

    @property
    def recall(self) -> Float:
        """Share of each observed class that was predicted, (K,)."""
        K = len(self.classes)
        return np.array(
            [_share(float(self.confusion[k, k]), math.fsum(self.confusion[k].tolist())) for k in range(K)]
        )

    @property
    def precision(self) -> Float:
        """Share of each predicted class that was observed, (K,)."""
        K = len(self.classes)
        return np.array(
            [_share(float(self.confusion[k, k]), math.fsum(self.confusion[:, k].tolist())) for k in range(K)]
        )

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the recalls of the classes that were observed."""
        known = self.recall[~np.isnan(self.recall)]
        return math.fsum(known.tolist()) / len(known)

    # -- two classes -------------------------------------------------------------------------------

    def _cells(self) -> tuple[float, float, float, float]:
        """True and false negatives, false and true positives... as (tn, fp, fn, tp)."""
        if len(self.classes) != 2:
            raise ValueError(
                f"this rate is for two classes; with {len(self.classes)} see recall, precision and accuracy"
            )
        tn, fp, fn, tp = self.confusion.ravel().tolist()
        return tn, fp, fn, tp

    @property
    def sensitivity(self) -> float:
        """P(predicted 1 | observed 1)."""
        _, _, fn, tp = self._cells()
        return _share(tp, tp + fn)

    @property
    def specificity(self) -> float:
        """P(predicted 0 | observed 0)."""
        tn, fp, _, _ = self._cells()
        return _share(tn, tn + fp)

    @property
    def positive_predictive_value(self) -> float:
        """P(observed 1 | predicted 1), the precision."""
        _, fp, _, tp = self._cells()
        return _share(tp, tp + fp)

    @property
    def negative_predictive_value(self) -> float:
        """P(observed 0 | predicted 0)."""
        tn, _, fn, _ = self._cells()
        return _share(tn, tn + fn)

    @property
    def false_positive_rate(self) -> float:
        """P(predicted 1 | observed 0), Stata's "false + rate for true ~D"."""
        tn, fp, _, _ = self._cells()
        return _share(fp, tn + fp)

    @property
    def false_negative_rate(self) -> float:
        """P(predicted 0 | observed 1), Stata's "false - rate for true D"."""
        _, _, fn, tp = self._cells()
        return _share(fn, tp + fn)

    @property
    def false_discovery_rate(self) -> float:
        """P(observed 0 | predicted 1), Stata's "false + rate for classified +"."""
        _, fp, _, tp = self._cells()
        return _share(fp, tp + fp)

    @property
    def false_omission_rate(self) -> float:
        """P(observed 1 | predicted 0), Stata's "false - rate for classified -"."""
        tn, _, fn, _ = self._cells()
        return _share(fn, tn + fn)

    # -- printing ----------------------------------------------------------------------------------

    def _notes(self) -> tuple[str, ...]:
        common = (
            f"accuracy {number(self.accuracy)}, balanced accuracy {number(self.balanced_accuracy)}, "
            f"{count(self.total)} observations"
        )
        if self.threshold is None:
            return ("predicted: the most probable class", common)
        one, zero = self.classes[1], self.classes[0]
        return (
            f"predicted: {one} where its probability is at least {self.threshold:g}",
            f"sensitivity {number(self.sensitivity)}, specificity {number(self.specificity)}, "
            f"precision of {one} {number(self.positive_predictive_value)}, "
            f"of {zero} {number(self.negative_predictive_value)}",
            common,
        )

    def _table(self) -> Table:
        header = ("observed", *(f"predicted {label}" for label in self.classes), "total", "recall")
        rows = [
            (
                label,
                *(count(x) for x in self.confusion[k].tolist()),
                count(math.fsum(self.confusion[k].tolist())),
                number(float(self.recall[k])),
            )
            for k, label in enumerate(self.classes)
        ]
        sums = (count(math.fsum(column.tolist())) for column in self.confusion.T)
        rows.append(("total", *sums, count(self.total), ""))
        rows.append(("precision", *(number(x) for x in self.precision.tolist()), "", number(self.accuracy)))
        return table("Classification", header, tuple(rows), self._notes())

    def __repr__(self) -> str:
        return (
            f"<classification of {count(self.total)} observations: accuracy {number(self.accuracy)}, "
            f"balanced {number(self.balanced_accuracy)}>"
        )

    def to_frame(self) -> Any:
        """`confusion` as a pandas DataFrame, observed classes in rows.

        Raises
        ------
        ImportError
            Without pandas.
        """
        return frame(
            {label: self.confusion[:, k] for k, label in enumerate(self.classes)}, self.classes, "observed"
        )


def classification_table(data: Outcomes, threshold: float = 0.5) -> ClassificationTable:
    """Count observed against predicted classes.

    Parameters
    ----------
    data : Outcomes
    threshold : float
        With two classes: class 1 is predicted where p_1 >= threshold, as Stata's ``estat classification``
        does; at 0.5 that is w.x >= 0, but for logits so near 0 that p_1 rounds to 0.5.  With more classes,
        where the most probable class is predicted, the first of equals, it must be 0.5.

    Returns
    -------
    ClassificationTable

    Raises
    ------
    ValueError
        `threshold` is no number from 0 to 1, or there is none to choose.
    """
    array = numbers("threshold", threshold)
    if array.ndim or not 0.0 <= float(array) <= 1.0:
        raise ValueError(f"threshold must be a number from 0 to 1; got {threshold!r}")
    limit = float(array)
    K = data.n_classes
    if K > 2 and limit != 0.5:
        raise ValueError(
            f"threshold is for two classes; with {K} the most probable class is predicted, and threshold "
            f"must stay 0.5; got {threshold!r}"
        )
    predicted = (data.p[:, 1] >= limit).astype(np.intp) if K == 2 else np.argmax(data.p, axis=1)
    cell = data.codes * K + predicted[data.rows]
    if data.weight is None:
        counts = np.bincount(cell, minlength=K * K).astype(np.float64)
    else:
        order = np.argsort(cell, kind="stable")
        at = np.searchsorted(cell[order], np.arange(K * K + 1))
        w = data.weight[order]
        counts = np.array([exact_sum(w[a:b]) for a, b in pairwise(at.tolist())])
    return ClassificationTable(counts.reshape(K, K), limit if K == 2 else None, data.labels)
