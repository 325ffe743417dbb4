"""Rows in groups of about equal weight by a key: equal keys stay together, a weight is so many rows.

The group of a row is 1 + floor(g F), F = the share of the observations whose key is smaller.  That is Stata's
``xtile, nquantiles(g)``: with the cut k at the quantile k / g, averaged where it falls between two values,
a row belongs to the first group whose cut is not below its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.kernels import Float

#: where weights are not whole, g F this close to an integer is that integer: sums of weights are rounded
_ROUNDING = 1e-9
#: above it a float64 does not count
_EXACT = 2.0**53


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Rows by group.

    Attributes
    ----------
    order : intp ndarray of shape (n,)
        Rows by ascending key.
    bounds : intp ndarray of shape (g' + 1,)
        Group j holds ``order[bounds[j] : bounds[j + 1]]``, none is empty.
    """

    order: npt.NDArray[np.intp]
    bounds: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def rows(self, j: int) -> npt.NDArray[np.intp]:
        """The rows of group j."""
        return self.order[self.bounds[j] : self.bounds[j + 1]]


def whole(name: str, value: Any, least: int) -> int:
    """`value` as an int.

    Raises
    ------
    TypeError
        Not a whole number.
    ValueError
        Below `least`.
    """
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be a whole number; got {value!r}")
    number = int(value.__index__())
    if number < least:
        raise ValueError(f"{name} must be at least {least}; got {number}")
    return number


def runs(keys: Float) -> npt.NDArray[np.intp]:
    """Where each run of equal keys starts, for sorted keys."""
    return np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))


def quantile_groups(key: Float, totals: Float | None, groups: int) -> Groups:
    """Rows in at most `groups` groups by `key`.

    Parameters
    ----------
    key : ndarray of shape (n,), n >= 1
    totals : ndarray of shape (n,), or None for ones
        How many observations each row stands for.
    groups : int
        g.
    """
    order = np.argsort(key, kind="stable")
    starts = runs(key[order])
    weight = np.ones(len(key)) if totals is None else totals[order]
    ends = np.cumsum(weight)
    below = np.concatenate([[0.0], ends[starts[1:] - 1]])
    total = float(ends[-1])
    if groups * total < _EXACT and bool(np.all(weight == np.rint(weight))):
        number = np.floor_divide(groups * below, total)
    else:
        place = groups * below / total
        near = np.rint(place)
        number = np.where(np.abs(place - near) <= _ROUNDING * np.maximum(near, 1.0), near, np.floor(place))
    number = np.minimum(number, groups - 1)
    first = runs(number)
    return Groups(order, np.append(starts[first], len(key)))
