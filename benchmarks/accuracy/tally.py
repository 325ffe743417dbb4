"""Errors of many chunks, as their number, the worst with its place, and quantiles: what merges."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

#: width of a class of the histogram, in ulp, and the number of classes: the last one is open
WIDTH = 0.005
CLASSES = 4000


@dataclass
class Tally:
    """Errors of one quantity on one backend."""

    count: int = 0
    worst: float = -1.0
    where: str = ""
    histogram: np.ndarray = field(default_factory=lambda: np.zeros(CLASSES, np.int64))

    @classmethod
    def of(cls, ulps: np.ndarray, where) -> Tally:
        """Of errors without nan; `where(i)` describes element i."""
        if not len(ulps):
            return cls()
        worst = int(np.argmax(ulps))
        classes = np.minimum(ulps / WIDTH, CLASSES - 1).astype(np.int64)
        histogram = np.bincount(classes, minlength=CLASSES)
        return cls(len(ulps), float(ulps[worst]), where(worst), histogram)

    def add(self, other: Tally) -> None:
        """Merge `other` into this one."""
        self.count += other.count
        self.histogram = self.histogram + other.histogram
        if other.worst > self.worst:
            self.worst, self.where = other.worst, other.where

    def quantile(self, share: float) -> float:
        """An upper bound of the quantile, the edge of a class of the histogram; inf beyond the last."""
        reached = int(np.searchsorted(np.cumsum(self.histogram), share * self.count))
        return float("inf") if reached >= CLASSES - 1 else (reached + 1) * WIDTH
