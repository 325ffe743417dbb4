"""The data of a picture: who was observed where, each row or grouped by equal places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigmax.inference.observed import Observed
from sigmax.kernels import Float

#: rows that are drawn one by one, at most: more are taken at equal distances
MOST_ROWS = 2000
#: places where many rows lie on average that are drawn as proportions
_REPEATED, _MOST_PLACES = 4.0, 60
#: stretches that many places are put together in
_STRETCHES = 30
#: fractional part of the root of 2: its multiples fill [0, 1) evenly, without chance
_EVEN = 0.41421356237309515


@dataclass(frozen=True)
class Shares:
    """Shares of the classes in places of one variable.

    Attributes
    ----------
    x : ndarray of shape (g,)
        Places, rising; the weighted mean of a stretch.
    share : ndarray of shape (g, K)
    total : ndarray of shape (g,)
        Observations there, or their weights, all positive.
    exact : bool
        Whether all rows of a place have the same x; else places are stretches of equal length.
    """

    x: Float
    share: Float
    total: Float
    exact: bool


@dataclass(frozen=True)
class Marks:
    """Rows, or classes of rows, as marks of their own.

    Attributes
    ----------
    x : ndarray of shape (n, d)
        In d variables.
    code : ndarray of shape (n,)
        Index of the class.
    total : ndarray of shape (n,)
        Observations, or their weights, all positive.
    n_all : int
        Marks that there would be if all were drawn.
    """

    x: Float
    code: npt.NDArray[np.intp]
    total: Float
    n_all: int


def counted(rows: Observed, K: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Float]:
    """Row, class and positive total of everything that was observed."""
    total = rows.total()
    if rows.counts is None:
        assert rows.codes is not None
        row = np.flatnonzero(total > 0.0)
        return row, rows.codes[row].astype(np.intp), total[row]
    row, code = np.nonzero(total > 0.0)
    return row, code, total[row, code]


def shares(x: Float, rows: Observed, K: int) -> Shares:
    """Shares of the classes at equal x, or in stretches where there are too many places for a picture."""
    row, code, total = counted(rows, K)
    x = x[row]
    places, at = np.unique(x, return_inverse=True)
    exact = len(places) <= _MOST_PLACES
    if not exact:
        edges = np.linspace(places[0], places[-1], _STRETCHES + 1)
        at = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, _STRETCHES - 1)
    size = int(at.max()) + 1
    of_class = np.bincount(at * K + code, weights=total, minlength=size * K).reshape(size, K)
    mass = of_class.sum(axis=1)
    used = mass > 0.0
    middle = np.bincount(at, weights=total * x, minlength=size)[used] / mass[used]
    where = places if exact else middle
    return Shares(where, of_class[used] / mass[used, None], mass[used], exact)


def are_repeated(x: Float, rows: Observed) -> bool:
    """Whether shares say more than marks: counts, few places, or more rows than a picture has room for."""
    distinct = len(np.unique(x))
    few = distinct <= _MOST_PLACES and len(x) >= _REPEATED * distinct
    return rows.counts is not None or few or len(x) > MOST_ROWS


def marks(x: Float, rows: Observed, K: int) -> Marks:
    """Marks of rows at x (n, d); equal ones together, and at equal distances where there are too many."""
    row, code, total = counted(rows, K)
    both = np.column_stack([x[row], code])
    if len(both) > MOST_ROWS:
        # evenly over each class, and over the last variable within it
        order = np.lexsort(both.T)
        keep = np.sort(order[np.linspace(0, len(order) - 1, MOST_ROWS).astype(np.intp)])
        return Marks(x[row][keep], code[keep], total[keep], len(both))
    return Marks(x[row], code, total, len(both))


def spread(n: int) -> Float:
    """n numbers in [0, 1) that fill it evenly, the same each time: for marks that would lie on each other."""
    return np.asarray((np.arange(1, n + 1) * _EVEN) % 1.0)


def areas(total: Float, smallest: float = 12.0, largest: float = 160.0) -> Float:
    """Areas of marks in points^2, in proportion to what they stand for; small where all are equal."""
    top = float(total.max())
    if top == float(total.min()):
        return np.full(total.shape, 1.5 * smallest)
    return np.asarray(np.maximum(largest * total / top, smallest / 3.0))
