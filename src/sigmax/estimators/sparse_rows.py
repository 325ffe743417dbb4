"""Sparse rows as the fit reads rows: each block becomes dense when it is read, and only then."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from sigmax.data.chunks import Chunk, Chunks


class _Dense:
    """Rows of a CSR matrix, dense when they are taken; what :class:`Chunks` asks of an array."""

    __slots__ = ("_csr", "dtype", "shape")

    def __init__(self, csr: Any) -> None:
        self._csr, self.shape, self.dtype = csr, csr.shape, csr.dtype

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: slice | npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        return np.asarray(self._csr[rows].toarray())


class SparseRows(Chunks):
    """The rows of a sparse matrix, in the place of X.

    A pass has one dense block for each thread, as it has of rows in any layout that kernels do not read in
    place.  Time is that of dense rows: zeros are multiplied like other numbers.

    Parameters
    ----------
    csr : scipy.sparse matrix or array in CSR format, shape (n, p)
        Of finite real numbers: whoever makes the rows has seen to that.
    """

    __slots__ = ()

    def __init__(self, csr: Any) -> None:
        chunk = Chunk.__new__(Chunk)
        chunk.name, chunk.direct, chunk.by_row = "X", False, False
        chunk.array = cast(npt.NDArray[np.generic], _Dense(csr))
        self._keep([chunk])

    def require_finite(self) -> None:
        """Nothing: the numbers were looked at when the matrix was handed over."""
