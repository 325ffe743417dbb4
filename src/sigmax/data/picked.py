"""A part of the rows, by index."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigmax.data.chunks import Chunks
from sigmax.kernels import Float


class Picked:
    """Some rows of X in a rising order, gathered block by block whenever they are read; X is not copied.

    Parameters
    ----------
    rows : Chunks or Picked
    index : ndarray of intp
        Rises.

    Attributes
    ----------
    n_rows, n_features, n_distinct : int
    """

    __slots__ = ("_index", "_rows", "n_distinct", "n_features", "n_rows")

    n_rows: int
    n_features: int
    n_distinct: int

    def __init__(self, rows: Chunks | Picked, index: npt.NDArray[np.intp]) -> None:
        self._rows, self._index = rows, index
        self.n_rows, self.n_features = len(index), rows.n_features
        self.n_distinct = self.n_rows

    def block(self, start: int, stop: int) -> Float:
        """The rows start <= i < stop of the index, as a float64 copy."""
        return self._rows.take(self._index[start:stop])

    def take(self, rows: npt.NDArray[np.intp]) -> Float:
        """A float64 copy of the rows of the index at `rows`, which must rise."""
        return self._rows.take(self._index[rows])

    def require_finite(self) -> None:
        """Raise ValueError where a row of X, picked or not, holds nan or inf."""
        self._rows.require_finite()
