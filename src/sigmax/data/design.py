"""The design: rows of X with their intercept and names, read in blocks, never copied as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from sigmax import passes
from sigmax.data.checks import plural
from sigmax.data.chunks import Chunks
from sigmax.data.picked import Picked
from sigmax.data.tabular.tables import TableTerms
from sigmax.kernels import Float, Kernels

INTERCEPT = "intercept"

#: picked rows of up to so many bytes are copied, so many at a time: they then lie in cache
_COPY_BYTES, _COPY_ROWS = 5 * 2**23, 2**12


class Design:
    """Rows of X with an optional intercept in front.

    Parameters
    ----------
    X : array_like of shape (n, p), or Chunks
        Real numbers of any dtype, in any memory layout.  Kept, never written.
    intercept : bool
        Whether a column of ones stands before the columns of X (it is never stored).
    names : sequence of str, optional
        Names of the columns; ``x1``, ``x2``, ... by default.
    terms : TableTerms, optional
        The formula that the columns come from, or how columns of a table were coded.

    Attributes
    ----------
    rows : Chunks
    n_rows, n_features : int
    width : int
        Coefficients of one logit, ``intercept + n_features``.
    names : tuple of str, of length `width`
        The intercept's name first.
    terms : TableTerms or None
        Also of a design of some of the rows or of the columns.

    Raises
    ------
    ValueError
        Not two-dimensional, not real, empty, or names that do not fit.
    """

    __slots__ = ("intercept", "n_features", "n_rows", "names", "rows", "terms", "width")

    def __init__(
        self,
        X: npt.ArrayLike | Chunks,
        *,
        intercept: bool = True,
        names: Sequence[str] | None = None,
        terms: TableTerms | None = None,
    ) -> None:
        self.terms = terms
        self.rows = Chunks.of(X)
        self.n_rows, self.n_features = self.rows.n_rows, self.rows.n_features
        self.intercept = bool(intercept)
        self.width = self.n_features + self.intercept
        shape = (self.n_rows, self.n_features)
        if self.n_rows == 0:
            raise ValueError(f"X has no rows: its shape is {shape}; at least one row is needed")
        if self.width == 0:
            raise ValueError(
                f"X has no columns, and fit_intercept is False: nothing to estimate; its shape is {shape}, "
                "and at least one column, or an intercept, is needed"
            )
        self.names = self._named(names)

    def of(self, rows: Chunks) -> Design:
        """A design of other rows with the same columns."""
        names = self.names[1:] if self.intercept else self.names
        return Design(rows, intercept=self.intercept, names=names, terms=self.terms)

    def without(self, left_out: npt.NDArray[np.bool_]) -> Design:
        """The same rows without the columns where `left_out`, of shape (width,), is true.

        X is not copied: blocks are cut when they are read.  Nor is any bit of a fit other than that of a
        design of the other columns alone.

        Raises
        ------
        ValueError
            No column is left, or the intercept is left out.
        """
        if left_out.all() or (self.intercept and left_out[0]):
            raise ValueError("a design needs its intercept, or a column")
        design = Design.__new__(Design)
        keep = ~left_out[int(self.intercept) :]
        # where only the intercept is left, rows have no columns, and still a number of rows
        design.rows = self.rows.columns(keep)
        design.n_rows, design.n_features = self.n_rows, int(keep.sum())
        design.intercept, design.width = self.intercept, design.n_features + self.intercept
        design.terms = self.terms
        design.names = tuple(name for name, gone in zip(self.names, left_out, strict=True) if not gone)
        return design

    def _named(self, names: Sequence[str] | None) -> tuple[str, ...]:
        if names is None:
            columns = tuple(f"x{j + 1}" for j in range(self.n_features))
        else:
            columns = tuple(str(name) for name in names)
            if len(columns) != self.n_features:
                raise ValueError(
                    f"names must hold {plural(self.n_features, 'name')}, one for each column of X; "
                    f"got {len(columns)}"
                )
            twice = sorted({name for name in columns if columns.count(name) > 1})
            if twice:
                raise ValueError(f"names must differ; {twice[0]!r} stands more than once")
        return (INTERCEPT, *columns) if self.intercept else columns

    def block(self, start: int, stop: int) -> Float:
        """Rows start <= i < stop as float64; a view where X allows it, else a copy of the block."""
        return self.rows.block(start, stop)

    def pick(self, index: npt.NDArray[np.intp], n_threads: int) -> Design:
        """The rows of the indices `index`, which rise, as a design of their own.

        They are copied where that takes little memory, and else gathered whenever they are read.
        """
        picked = Picked(self.rows, index)
        design = Design.__new__(Design)
        design.rows = cast(Chunks, picked)  # all that reading rows needs of them
        if 8 * picked.n_rows * picked.n_features <= _COPY_BYTES:
            copy = np.empty((picked.n_rows, picked.n_features))

            def evaluate(start: int, stop: int) -> None:
                copy[start:stop] = picked.block(start, stop)

            passes.reduce(picked.n_rows, _COPY_ROWS, evaluate, lambda a, b: None, n_threads)
            design.rows = Chunks.of(copy)
        design.n_rows, design.n_features = picked.n_rows, picked.n_features
        design.intercept, design.width, design.names = self.intercept, self.width, self.names
        design.terms = self.terms
        return design

    def largest(self, kernels: Kernels, n_threads: int) -> Float:
        """max_i |x_ij| for each coefficient of a logit, 1 for the intercept; shape (width,).

        One read of X, which also finds out whether all of X is finite.

        Raises
        ------
        ValueError
            X holds nan or inf.
        """

        def evaluate(start: int, stop: int) -> Float:
            found = np.empty(self.n_features)
            if not kernels.column_largest(self.block(start, stop), found):
                found[:] = np.nan
            return found

        def merge(left: Float, right: Float) -> Float:
            return np.maximum(left, right)

        size = passes.block_rows(self.width)
        largest = passes.reduce(self.rows.n_distinct, size, evaluate, merge, n_threads)
        if not np.isfinite(largest).all():
            self.rows.require_finite()
            raise ValueError("X holds numbers beyond the range of float64")
        return np.concatenate([np.ones(1), largest]) if self.intercept else largest
