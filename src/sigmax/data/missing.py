"""Rows with missing values: which ones they are, and what is recorded of those that are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import plural
from sigmax.data.tabular.series import Mask

MISSING = ("raise", "drop")
#: columns that a text names
_SHOWN = 8


@dataclass(frozen=True, slots=True, eq=False)
class Dropped:
    """The rows that a fit left out because a value was missing in them.

    Attributes
    ----------
    n : int
        How many.
    rows : ndarray of shape (n,)
        Their positions among the rows that were given, rising, counted from 0.
    by_column : dict of str to int
        Missing values of each column that has some; a row may be in several.  ``y``, ``sample_weight`` and
        ``offset`` where they are no columns of the table.
    n_given : int
        Rows that were given.

    Notes
    -----
    What a result says of single rows (residuals, leverage, rows that separate classes) counts those that were
    kept.
    """

    n: int
    rows: npt.NDArray[np.intp]
    by_column: dict[str, int]
    n_given: int

    def __str__(self) -> str:
        counts = [f"{name} {count:,}" for name, count in self.by_column.items()]
        more = f" and {len(counts) - _SHOWN:,} more columns" if len(counts) > _SHOWN else ""
        return (
            f"{plural(self.n, 'row')} of {self.n_given:,} with missing values left out: "
            f"{', '.join(counts[:_SHOWN])}{more}"
        )


def incomplete(masks: Mapping[str, Mask | None]) -> tuple[Mask, Dropped] | None:
    """The rows to keep and what goes, or None where no value is missing.

    Parameters
    ----------
    masks : mapping of str to bool ndarray of shape (n,), or None
        Where each column has no value; None where it is complete.

    Raises
    ------
    ValueError
        No row would be left.
    """
    gaps = {name: mask for name, mask in masks.items() if mask is not None and mask.any()}
    if not gaps:
        return None
    gone = np.logical_or.reduce(list(gaps.values()))
    rows = np.flatnonzero(gone)
    by_column = {name: int(np.count_nonzero(mask)) for name, mask in gaps.items()}
    dropped = Dropped(len(rows), rows, by_column, len(gone))
    if len(rows) == len(gone):
        raise ValueError(f"missing='drop' leaves no row: {dropped}")
    return ~gone, dropped
