"""Sets of training rows: which of them leave out a part of a partition, and how rows are to lie for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.intp]
#: rows from `start` to before `stop`
Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Group:
    """Folds that are fitted together.

    Attributes
    ----------
    order : ndarray of intp or None
        The rows, ordered by part; None for those of X as they are.
    parts : tuple of (start, stop)
        Fold f leaves out part f; one part only: a single set of training rows, nothing left out.
    """

    order: Index | None
    parts: tuple[Stretch, ...]


def indices(rows: npt.ArrayLike, n: int) -> Index:
    """Row numbers, of numbers that may count from the end, or of a mask."""
    array = np.asarray(rows)
    return np.flatnonzero(array) if array.dtype == bool else array.astype(np.intp) % n


def groups(train: Sequence[Index], n: int) -> list[Group]:
    """Runs of folds whose left-out rows are a partition, and the other folds one by one, in their order."""
    found: list[Group] = []
    begin = 0
    while begin < len(train):
        part = _partition(train[begin:], n)
        if part is None:
            rows = train[begin]
            as_it_is = len(rows) == n and bool((rows == np.arange(n)).all())
            found.append(Group(None if as_it_is else rows, ((0, len(rows)),)))
            begin += 1
            continue
        count = int(part.max()) + 1
        edges = np.concatenate([[0], np.cumsum(np.bincount(part, minlength=count))]).tolist()
        sorted_already = bool((np.diff(part) >= 0).all())
        order = None if sorted_already else np.argsort(part, kind="stable")
        found.append(Group(order, tuple(pairwise(edges))))
        begin += count
    return found


def _partition(train: Sequence[Index], n: int) -> Index | None:
    """Which of the first folds leaves out each row, where each row is left out by exactly one of them."""
    part = np.full(n, -1, dtype=np.intp)
    missing = n
    for fold, rows in enumerate(train):
        left_out = np.ones(n, dtype=bool)
        left_out[rows] = False
        size = int(np.count_nonzero(left_out))
        if size == 0 or len(rows) != n - size or (part[left_out] >= 0).any():
            return None
        part[left_out] = fold
        missing -= size
        if missing == 0:
            return part if fold > 0 else None
    return None


def members(parts: Sequence[Stretch]) -> list[list[Stretch]]:
    """The stretches that each fold is fitted on."""
    if len(parts) == 1:
        return [list(parts)]
    n = parts[-1][1]
    return [[(a, b) for a, b in ((0, start), (stop, n)) if b > a] for start, stop in parts]
