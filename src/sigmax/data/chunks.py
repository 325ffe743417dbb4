"""Rows of X where they lie: one array, or a sequence of arrays one below the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import contiguous, numbers, plural, where_first
from sigmax.kernels import Float

#: what ends the message for a value that is missing in a fit
MISSING_ADVICE = "; missing='drop' leaves such rows out"


class Chunk:
    """One array of rows; `name` is what messages call it."""

    __slots__ = ("array", "by_row", "direct", "name")

    def __init__(self, name: str, value: npt.ArrayLike) -> None:
        self.name, self.array = name, numbers(name, value)
        if self.array.ndim != 2:
            raise ValueError(
                f"{name} must have two dimensions, rows and columns; got shape {self.array.shape}"
            )
        # rows the kernels read in place; others are converted block by block
        self.direct = self.array.dtype == np.float64 and self.array.flags.aligned
        # rows lie one after the other, so that NumPy's take copies those that are asked for and no others
        self.by_row = self.array.flags.c_contiguous


def _as_slice(index: npt.NDArray[np.intp]) -> slice | npt.NDArray[np.intp]:
    """The slice that stands for rising indices, where there is one."""
    if not len(index):
        return slice(0, 0)
    step = int(index[1] - index[0]) if len(index) > 1 else 1
    if (np.diff(index) == step).all():
        return slice(int(index[0]), int(index[-1]) + 1, step)
    return index


class Chunks:
    """X as a sequence of arrays, one below the other, each kept where it is.

    :func:`sigmax.fit` takes it in the place of X.  Where one chunk ends and the next begins has no
    influence on any result: row blocks are counted from row 0 of the first chunk.

    Parameters
    ----------
    chunks : iterable of array_like, each of shape (n_c, p)
        Real numbers.  Each chunk may have any number of rows, none included, any dtype and any memory
        layout; the number of columns is the same in all.  Kept, never written.

    Attributes
    ----------
    n_rows, n_features : int
        n, the sum of the n_c, and p.
    n_distinct : int
        The rows after these are the same once more (:meth:`repeated`); n in general.

    Raises
    ------
    TypeError
        Not an iterable of arrays.
    ValueError
        No chunk, or a chunk that is not two-dimensional, not real, or of another width than the first one.
        The message names the chunk.

    Notes
    -----
    A block of rows inside one aligned float64 chunk is a view of it.  Any other is copied when it is read:
    the work space of a pass is one block for each thread, however long or short the chunks are.

    Examples
    --------
    >>> import numpy as np, sigmax as sx
    >>> from sigmax.data.chunks import Chunks
    >>> data = sx.datasets.load("spector")
    >>> X = Chunks([data.X[:5], data.X[5:6], np.asfortranarray(data.X[6:])])
    >>> X.n_rows, X.n_features
    (32, 3)
    >>> sx.fit(X, data.y).params.round(6)
    array([-13.021347,   2.826113,   0.095158,   2.378688])
    """

    __slots__ = ("_chunks", "_columns", "_starts", "_titles", "n_distinct", "n_features", "n_rows")

    #: which columns a row has, in rising order; all without it
    _columns: slice | npt.NDArray[np.intp] | None
    #: what a table calls the columns of its one chunk
    _titles: Sequence[str] | None

    def __init__(self, chunks: Iterable[npt.ArrayLike]) -> None:
        if not isinstance(chunks, Iterable) or isinstance(chunks, str | bytes):
            raise TypeError(f"chunks must be a sequence of arrays; got {type(chunks).__name__}")
        self._keep([Chunk(f"chunks[{c}]", chunk) for c, chunk in enumerate(chunks)])

    @classmethod
    def of(cls, X: npt.ArrayLike | Chunks, titles: Sequence[str] | None = None) -> Chunks:
        """`X` itself, or an array as the one chunk, which messages call X; `titles`: of a table's columns."""
        if isinstance(X, Chunks):
            return X
        rows = cls.__new__(cls)
        rows._keep([Chunk("X", X)])
        rows._titles = titles
        return rows

    def _keep(self, chunks: list[Chunk]) -> None:
        if not chunks:
            raise ValueError("chunks must hold at least one array; got none")
        self.n_features = chunks[0].array.shape[1]
        for chunk in chunks:
            if chunk.array.shape[1] != self.n_features:
                raise ValueError(
                    f"{chunk.name} must have {plural(self.n_features, 'column')}, as {chunks[0].name} has; "
                    f"got shape {chunk.array.shape}"
                )
        self._chunks, self._columns, self._titles = chunks, None, None
        #: row of X that each chunk begins with, and n at the end
        self._starts = [0, *accumulate(len(chunk.array) for chunk in chunks)]
        self.n_rows = self.n_distinct = self._starts[-1]

    def repeated(self, times: int) -> Chunks:
        """The same rows `times` times, one copy below the other, by reference."""
        rows = Chunks.__new__(Chunks)
        rows._keep(self._chunks * times)
        rows.n_distinct, rows._titles = self.n_distinct, self._titles
        rows._columns, rows.n_features = self._columns, self.n_features
        return rows

    def columns(self, keep: npt.NDArray[np.bool_]) -> Chunks:
        """The same rows with the columns where `keep` is true, by reference; `keep` has shape (p,).

        A block is a view where the columns kept are equally far apart, else the columns are gathered when it
        is read.
        """
        index = np.flatnonzero(keep)
        if self._columns is not None:
            index = np.arange(self._chunks[0].array.shape[1])[self._columns][index]
        rows = Chunks.__new__(Chunks)
        rows._keep(self._chunks)
        rows.n_distinct, rows.n_features = self.n_distinct, len(index)
        rows._columns, rows._titles = _as_slice(index), self._titles
        return rows

    def _cut(self, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Those of the columns of `rows` that count."""
        if self._columns is None:
            return rows
        # take, not an index: the copy is in C order
        return (
            rows[:, self._columns] if isinstance(self._columns, slice) else rows.take(self._columns, axis=1)
        )

    def block(self, start: int, stop: int) -> Float:
        """Rows start <= i < stop as float64, for 0 <= start < stop <= n.

        A view where they lie in one aligned float64 chunk, else a copy.
        """
        # the last chunk that begins at or before `start`: those without rows before it are stepped over
        c = bisect_right(self._starts, start) - 1
        chunk, first = self._chunks[c], self._starts[c]
        if stop <= self._starts[c + 1]:
            rows = self._cut(chunk.array[start - first : stop - first])
            return cast(Float, rows) if chunk.direct else contiguous(rows)
        block = np.empty((stop - start, self.n_features))
        at = start
        while at < stop:
            first, end = self._starts[c], min(self._starts[c + 1], stop)
            block[at - start : end - start] = self._cut(self._chunks[c].array[at - first : end - first])
            at, c = end, c + 1
        return block

    def take(self, rows: npt.NDArray[np.intp]) -> Float:
        """A float64 copy of the rows of the indices `rows`, in their order; shape (len(rows), p)."""
        if len(self._chunks) == 1:
            one = self._chunks[0]
            # an index, where take would lay a copy of the whole array out in C order first
            return contiguous(self._cut(one.array.take(rows, axis=0) if one.by_row else one.array[rows]))
        found = np.empty((len(rows), self.n_features))
        if len(rows) and (np.diff(rows) < 0).any():
            order = np.argsort(rows, kind="stable")
            found[order] = self.take(rows[order])
            return found
        edges = np.searchsorted(rows, self._starts)
        for chunk, first, low, high in zip(self._chunks, self._starts, edges[:-1], edges[1:], strict=False):
            if low < high:
                found[low:high] = self._cut(chunk.array[rows[low:high] - first])
        return found

    def every(self, step: int) -> Float:
        """The rows 0, step, 2 step, ... as one float64 array; only these are read."""
        parts = []
        for start, chunk in zip(self._starts, self._chunks, strict=False):
            first = -start % step
            if first < len(chunk.array):
                parts.append(contiguous(self._cut(chunk.array[first::step])))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def require_finite(self) -> None:
        """Raise ValueError where a row holds nan or inf: how many, and where the first one is.

        All columns of the arrays are looked at, so that the message has their places.

        Raises
        ------
        ValueError
            The message names chunk, row and column, and, where there are more chunks than one, the row of X.
        """
        if self._titles is not None:
            _refuse(self._titles, self._chunks[0].array)
        count, first = 0, ""
        for start, chunk in zip(self._starts, self._chunks, strict=False):
            if start >= self.n_distinct:
                break
            bad = ~np.isfinite(chunk.array)
            here = int(np.count_nonzero(bad))
            if here and not count:
                first = where_first(chunk.name, chunk.array, bad)
                if len(chunk.array) < self.n_distinct:
                    first += f", row {start + int(np.argmax(bad.any(axis=1)))} of X"
            count += here
        if count:
            raise ValueError(f"X must be finite; {plural(count, 'value')} nan or inf, the first at {first}")


def _refuse(titles: Sequence[str], table: npt.NDArray[Any]) -> None:
    """Raise ValueError for the first column of a table that holds nan, else for the first that holds inf."""
    for bad, must, are in (
        (np.isnan, "not have missing values", "missing value"),
        (np.isinf, "be finite", "infinite value"),
    ):
        for title, column in zip(titles, table.T, strict=True):
            wrong = bad(column)
            if wrong.any():
                raise ValueError(
                    f"X must {must}; column {title!r} has {plural(int(wrong.sum()), are)}, the first in row "
                    f"{int(wrong.argmax())}{MISSING_ADVICE if bad is np.isnan else ''}"
                )
