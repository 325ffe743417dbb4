"""Probabilities and what was observed, checked: what every measure of performance is a function of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import contiguous, finite, none_of, numbers, where_first
from sigmax.inference.performance.sums import exact_sum
from sigmax.inference.tables import label_text
from sigmax.kernels import Float

#: how far the probabilities of a row may add up to something else than 1
_SUM = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Rows with probabilities of K classes, and cells: what was observed in a row, how often.

    A row with the label c is one cell; a row of counts has a cell for each count that is positive.  A row of
    frequency weight w counts as w equal rows.  Rows of weight 0, or without counts, are left out.

    Attributes
    ----------
    p : float64 ndarray of shape (n, K)
        Probabilities.
    rows : intp ndarray of shape (c,)
        The row of each cell, ascending.
    codes : intp ndarray of shape (c,)
        The class of each cell.
    weight : float64 ndarray of shape (c,), or None for ones
        How many observations the cell stands for; positive.
    totals : float64 ndarray of shape (n,), or None for ones
        How many observations the row stands for; positive.
    classes : ndarray of shape (K,)
        Labels.
    total : float
        Number of observations.
    """

    p: Float
    rows: npt.NDArray[np.intp]
    codes: npt.NDArray[np.intp]
    weight: Float | None
    totals: Float | None
    classes: npt.NDArray[np.generic]
    total: float

    @property
    def n_classes(self) -> int:
        """K."""
        return int(self.p.shape[1])

    @property
    def binary(self) -> bool:
        """Whether there are two classes."""
        return self.n_classes == 2

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes as text; 1.0 is 1."""
        return tuple(map(label_text, self.classes.tolist()))

    def of_cells(self, values: Float) -> Float:
        """Values of the rows and classes, (n, K), at the cells, (c,)."""
        taken: Float = values[self.rows, self.codes]
        return taken

    def class_totals(self) -> Float:
        """Number of observations of each class, (K,)."""
        return np.array([self.class_total(c) for c in range(self.n_classes)])

    def class_total(self, c: int) -> float:
        """Number of observations of one class."""
        mine = self.codes == c
        return float(np.count_nonzero(mine)) if self.weight is None else exact_sum(self.weight[mine])

    def observed(self, c: int) -> Float:
        """How many observations of the class each row has, (n,)."""
        mine = self.codes == c
        found = np.zeros(len(self.p))
        # a row has at most one cell of a class
        found[self.rows[mine]] = 1.0 if self.weight is None else self.weight[mine]
        return found

    def complement(self, c: int) -> Float:
        """``1 - p_c`` of each row, (n,), without cancellation: the sum of the others where p_c is large."""
        if self.binary:
            return self.p[:, 1 - c]
        p = self.p[:, c]
        others = self.p[:, :c].sum(axis=1) + self.p[:, c + 1 :].sum(axis=1)
        return np.where(p > 0.5, others, 1.0 - p)

    def against_others(self, c: int) -> Outcomes:
        """The same rows with two classes: all others together, and class `c`."""
        mine = self.observed(c)
        others = np.zeros(len(self.p))
        rest = self.codes != c
        # counts of the others, not a difference: a weight that is no whole number would leave a rest
        np.add.at(others, self.rows[rest], 1.0 if self.weight is None else self.weight[rest])
        p = np.column_stack([self.complement(c), self.p[:, c]])
        label = self.labels[c]
        return outcomes(p, np.column_stack([others, mine]), None, np.array([f"not {label}", label]))


def outcomes(
    p: npt.ArrayLike,
    observed: npt.ArrayLike,
    frequency: npt.ArrayLike | None = None,
    classes: npt.ArrayLike | None = None,
) -> Outcomes:
    """Check what the measures are asked of.

    Parameters
    ----------
    p : array_like of shape (n, K), K >= 2
        Probabilities of the classes, those of a row with the sum 1.
    observed : array_like of shape (n,) or (n, K)
        Codes 0 .. K-1 of the observed classes; or how often each class was observed.
    frequency : array_like of shape (n,), optional
        How many equal rows each row stands for; None for one.
    classes : array_like of shape (K,), optional
        Labels, for printing; 0 .. K-1 without them.

    Returns
    -------
    Outcomes
        Of the rows that count.

    Raises
    ------
    ValueError
        Shapes that do not fit, numbers that are none, probabilities that are none or do not add up to 1,
        codes of no class, negative counts or weights, or nothing observed.
    """
    P = _probabilities(p)
    n, K = P.shape
    labels = np.arange(K) if classes is None else np.asarray(classes)
    if labels.shape != (K,):
        raise ValueError(
            f"classes must have shape ({K},), one label for each column of p; got {labels.shape}"
        )
    w = None if frequency is None else _frequency(frequency, n)
    if w is not None and bool(np.all(w == 1.0)):
        w = None
    given = numbers("observed", observed)
    if given.shape == (n,):
        counted = _of_codes(P, given, w)
    elif given.shape == (n, K):
        counted = _of_counts(P, given, w)
    else:
        raise ValueError(
            f"observed must have shape ({n},), a code for each row of p, or ({n}, {K}), counts; "
            f"got {given.shape}"
        )
    P, rows, codes, weight, totals = counted
    if not len(rows):
        raise ValueError("observed must hold an observation of positive weight; there is none")
    total = float(len(rows)) if weight is None else exact_sum(weight)
    return Outcomes(P, rows, codes, weight, totals, labels, total)


def _probabilities(p: npt.ArrayLike) -> Float:
    array = numbers("p", p)
    if array.ndim != 2 or array.shape[1] < 2:
        raise ValueError(f"p must have shape (n, K), K >= 2, a column for each class; got {array.shape}")
    finite("p", array)
    P = contiguous(array)
    none_of("p", P, (P < 0.0) | (P > 1.0), "hold probabilities, from 0 to 1", "outside")
    off = np.abs(P.sum(axis=1) - 1.0) > _SUM
    if off.any():
        i = int(np.argmax(off))
        raise ValueError(
            f"p must have rows with the sum 1; {int(off.sum()):,} have not, the first is "
            f"p[{i}] with the sum {float(P[i].sum())!r}"
        )
    return P


def _frequency(frequency: npt.ArrayLike, n: int) -> Float:
    array = numbers("frequency", frequency)
    if array.shape != (n,):
        raise ValueError(f"frequency must have shape ({n},), one value for each row of p; got {array.shape}")
    finite("frequency", array)
    w = contiguous(array)
    none_of("frequency", w, w < 0.0, "not be negative", "below 0")
    return w


_Counted = tuple[Float, npt.NDArray[np.intp], npt.NDArray[np.intp], Float | None, Float | None]


def _of_codes(p: Float, given: npt.NDArray[np.generic], w: Float | None) -> _Counted:
    K = p.shape[1]
    finite("observed", given)
    codes = given.astype(np.intp)
    strange = (codes != given) | (codes < 0) | (codes >= K)
    if strange.any():
        raise ValueError(
            f"observed must hold codes 0 to {K - 1}, one for each column of p; {int(strange.sum()):,} are "
            f"none, the first is {where_first('observed', given, strange)}"
        )
    if w is not None and not w.all():
        keep = w > 0.0
        p, codes, w = p[keep], codes[keep], w[keep]
    return p, np.arange(len(p)), codes, w, w


def _of_counts(p: Float, given: npt.NDArray[np.generic], w: Float | None) -> _Counted:
    finite("observed", given)
    counts = contiguous(given)
    none_of("observed", counts, counts < 0.0, "not be negative", "below 0")
    if w is not None:
        counts = counts * w[:, None]
    totals = counts.sum(axis=1)
    if not totals.all():
        keep = totals > 0.0
        p, counts, totals = p[keep], counts[keep], totals[keep]
    rows, codes = np.nonzero(counts)
    weight = counts[rows, codes]
    if len(weight) and bool(np.all(weight == 1.0)) and len(rows) == len(p):
        return p, rows, codes, None, None
    return p, rows, codes, weight, totals
