"""How far columns are from combinations of columns before them, in double-double.

    r_j = x_j - sum_l c_l x_l,      z = T'[1 x],  T = R^-1,      c <- c + T Z'r_j

The combination with the smallest residual is refined: r is formed in double-double, so that it is exact to
u^2 of its terms, and z, formed in double-double and rounded once, is near orthonormal even where the columns
are nearly dependent.  What is left of the error of c shrinks by a factor of about u cond(R) each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sigmax import passes, threads
from sigmax.data.design import Design
from sigmax.kernels import Float, Kernels, two_sum

#: refinements at most; each reads X once
_MOST = 6
#: a residual that does not shrink to this part of the one before has been found
_SHRINKS = 0.5
#: a row is off where its residual is more than this part of its number
ROW = 2.0**-20


@dataclass(frozen=True, slots=True)
class Combinations:
    """The combination nearest to each of some columns.

    Attributes
    ----------
    coef : ndarray of shape (c, s)
        Of the columns of the basis, in their units.
    length : ndarray of shape (c,)
        ||x_j|| over the rows that count.
    residual : ndarray of shape (c,)
        ||r_j||.
    off : ndarray of shape (c,)
        Part of the rows with x_ij != 0 where |r_ij| > ROW |x_ij|.
    reads : int
        Of X.
    """

    coef: Float
    length: Float
    residual: Float
    off: Float
    reads: int


class _Sums(NamedTuple):
    moved: Float  # Z'r, (c, s)
    square: Float
    length: Float
    off: Float
    rows: Float


def combinations(
    design: Design,
    weight: Float | None,
    kernels: Kernels,
    n_threads: int,
    *,
    targets: npt.NDArray[np.intp],
    basis: npt.NDArray[np.intp],
    scale: Float,
    start: Float,
    T: Float,
    enough: float,
) -> Combinations:
    """Refine the combinations of `basis` columns that come before each target.

    Parameters
    ----------
    design, weight
        The rows; those of positive weight count.
    targets, basis : intp ndarray of shape (c,) and (s,)
        Columns, rising; none is both.
    scale : ndarray of shape (k,)
        Powers of two; x_j / scale_j is about 1.
    start : ndarray of shape (c, s)
        First combinations, of scaled columns.
    T : ndarray of shape (s, s)
        Inverse of the triangle of the scaled basis.
    enough : float
        A residual below this part of its column needs no refinement.
    """
    width, one = len(targets), int(design.intercept)
    size = passes.block_rows(design.width + len(basis) + width)
    before = basis < targets[:, None]
    # the intercept, where there is one, is the first of the basis
    whiten = np.ascontiguousarray(T.T / scale[basis])
    high, low = np.where(before, start, 0.0), np.zeros_like(start)

    def read(whitened: bool) -> _Sums:
        # powers of two: both words stay what they are
        coef, rest = high / scale[basis], low / scale[basis]

        def evaluate(start: int, stop: int) -> _Sums:
            X = design.block(start, stop)
            if weight is not None:
                X = X[weight[start:stop] > 0.0]
            x = X[:, targets - one] / scale[targets]
            columns = np.ascontiguousarray(X[:, basis[one:] - one])
            near, near_low = np.empty((len(X), width)), np.empty((len(X), width))
            kernels.linear_predictor_dd(columns, coef, rest, near, near_low, intercept=design.intercept)
            r, error = two_sum(x, -near)
            r += error - near_low
            moved = np.zeros((width, len(basis)))
            if whitened:
                Z = np.empty((len(X), len(basis)))
                kernels.linear_predictor_dd(columns, whiten, None, Z, None, intercept=design.intercept)
                moved = r.T @ Z
            counted = x != 0.0
            off = counted & (np.abs(r) > ROW * np.abs(x))
            return _Sums(moved, *(sums.sum(axis=0, dtype=float) for sums in (r**2, x**2, off, counted)))

        def merge(a: _Sums, b: _Sums) -> _Sums:
            return _Sums(*(left + right for left, right in zip(a, b, strict=True)))

        flops = 40.0 * design.n_rows * len(basis) * (whitened * len(basis) + width)
        count = threads.useful(n_threads, flops, shared=kernels.THREADED)
        return passes.reduce(design.n_rows, size, evaluate, merge, count)

    best: Combinations | None = None
    for reads in range(1, _MOST + 2):
        # most combinations need no refinement, and so no whitened rows, which cost the most
        found = read(whitened=reads > 1)
        here = Combinations(
            (high + low) * scale[targets][:, None] / scale[basis],
            np.sqrt(found.length),
            np.sqrt(found.square),
            found.off / np.maximum(found.rows, 1.0),
            reads,
        )
        shrunk = best is None or reads == 2 or bool((here.residual < _SHRINKS * best.residual).any())
        best = here if best is None else _better(best, here)
        if not shrunk or bool((best.residual <= enough * best.length).all()):
            break
        if reads > 1:
            step = np.where(before, found.moved, 0.0) @ T.T
            high, error = two_sum(high, np.where(before, step, 0.0))
            low = low + error
    assert best is not None
    return best


def _better(a: Combinations, b: Combinations) -> Combinations:
    """Column by column the one with the smaller residual."""
    take = b.residual < a.residual
    return Combinations(
        np.where(take[:, None], b.coef, a.coef),
        a.length,
        np.where(take, b.residual, a.residual),
        np.where(take, b.off, a.off),
        b.reads,
    )
