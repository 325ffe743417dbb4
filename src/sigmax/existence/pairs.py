"""The vectors whose cone decides: one for each row and each class that the row is not of.

    z_ik = (e_y - e_k) (x) [1 x_i],   k != y = y_i,   in the coordinates of the classes 1 .. K-1

Direction d, as one vector d_k for each class (d_0 = 0), raises the probability of row i's class against class
k where z_ik'd = (d_y - d_k)'[1 x_i] is positive.  Rows of weight 0 have no pairs.  The signs of all z_ik'd
are exact (dots.py).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from sigmax import passes, threads
from sigmax.data.design import Design
from sigmax.data.response import Response
from sigmax.existence import dots
from sigmax.existence.dots import Signs
from sigmax.existence.integers import Integers, bits, whole
from sigmax.kernels import Float, Kernels

Mask: TypeAlias = npt.NDArray[np.bool_]
Index: TypeAlias = npt.NDArray[np.intp]


class Pairs:
    """The vectors z_ik of a design and a response.

    Parameters
    ----------
    design, response
        The data; offsets play no part.
    kernels : Kernels
    n_threads : int
        Has no influence on any result.

    Attributes
    ----------
    n_rows, n_classes, width, n_params : int
        n, K, k and (K - 1) k.
    rows_read : int
        Rows of X read so far.
    """

    #: whether each class's intercept is a direction of its own
    has_intercepts = True

    __slots__ = (
        "_size",
        "design",
        "kernels",
        "n_classes",
        "n_params",
        "n_rows",
        "n_threads",
        "response",
        "rows_read",
        "width",
    )

    def __init__(self, design: Design, response: Response, kernels: Kernels, n_threads: int) -> None:
        self.design, self.response, self.kernels, self.n_threads = design, response, kernels, n_threads
        self.n_rows, self.width, self.n_classes = design.n_rows, design.width, len(response.classes)
        self.n_params = (self.n_classes - 1) * self.width
        self._size = passes.block_rows(design.width)
        self.rows_read = 0

    def all(self) -> Mask:
        """Which pairs there are, shape (n, K): not a row's own class, and no row of weight 0."""
        pairs = np.ones((self.n_rows, self.n_classes), bool)
        pairs[np.arange(self.n_rows), self.response.codes] = False
        if self.response.weight is not None:
            pairs[self.response.weight <= 0.0] = False
        return pairs

    def take(self, rows: Index, classes: Index) -> Float:
        """z_ik for i, k from `rows`, which rise, and `classes`; shape (len(rows), (K - 1) k)."""
        distinct, place = np.unique(rows, return_inverse=True)
        self.rows_read += len(distinct)
        x = np.empty((len(distinct), self.width))
        x[:, : self.design.intercept] = 1.0
        x[:, self.design.intercept :] = self.design.rows.take(distinct)
        z = np.zeros((len(rows), self.n_classes, self.width))
        at = np.arange(len(rows))
        z[at, self.response.codes[rows]] = x[place]
        z[at, classes] = -x[place]
        return z[:, 1:].reshape(len(rows), (self.n_classes - 1) * self.width)

    def vectors(self, rows: Index, classes: Index) -> tuple[Float, Integers, npt.NDArray[np.int64]]:
        """z_ik as :meth:`take` has them, roughly; and exactly, as whole numbers A 2^exponent."""
        Z = self.take(rows, classes)
        return (Z, *whole(Z))

    def per_class(self, d: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """d_k of all classes, shape (K, k), zeros for class 0 in front."""
        own = d.reshape(self.n_classes - 1, self.width)
        return np.concatenate([np.zeros_like(own[:1]), own])

    def intercept_of(self, k: int) -> Integers:
        """The direction in which the intercept of class k rises by 1 against all others; (P,)."""
        each = np.zeros((self.n_classes, self.width), object)
        each[k, 0] = 1
        d: Integers = (each[1:] - each[0]).ravel()
        return d

    def against(self, D: Float, among: Mask, most: int) -> tuple[npt.NDArray[np.bool_], Index]:
        """Which of several directions contradict a pair, and for each up to `most` pairs, flat; roughly.

        Parameters
        ----------
        D : ndarray of shape (c, (K - 1) k)
        among : bool ndarray of shape (n, K)
        most : int
        """
        K, k = self.n_classes, self.width
        each = np.concatenate([np.zeros((len(D), 1, k)), D.reshape(len(D), K - 1, k)], axis=1)
        matrix = np.ascontiguousarray(each.reshape(-1, k).T)
        self.rows_read += self.n_rows
        bad, worst = np.zeros(len(D), bool), [np.zeros(0, np.intp)]
        for start in range(0, self.n_rows, self._size):
            stop = min(start + self._size, self.n_rows)
            X, wanted = self.design.block(start, stop), among[start:stop]
            eta = X @ matrix[self.design.intercept :]
            size = np.abs(X) @ np.abs(matrix[self.design.intercept :])
            if self.design.intercept:
                eta, size = eta + matrix[0], size + np.abs(matrix[0])
            eta, size = eta.reshape(-1, len(D), K), size.reshape(-1, len(D), K)
            at = np.arange(len(X)), slice(None), self.response.codes[start:stop]
            margin = np.where(wanted[:, None], eta[at][..., None] - eta, np.inf)
            margin = np.where(margin < -1e-12 * (size[at][..., None] + size), margin, np.inf)
            for c in np.flatnonzero(np.isfinite(margin).any(axis=(0, 2))):
                bad[c] = True
                flat = margin[:, c].ravel()
                found = np.flatnonzero(flat < np.inf)
                if len(found) > most:
                    found = found[np.argpartition(flat[found], most)[:most]]
                worst.append(start * K + found)
        return bad, np.unique(np.concatenate(worst))

    def signs(self, d: Integers, among: Mask) -> tuple[Signs, Float]:
        """Exact signs of z_ik'd, and rough values up to one positive factor; both (n, K), 0 outside `among`.

        Parameters
        ----------
        d : object ndarray of shape ((K - 1) k,)
            Whole numbers.
        among : bool ndarray of shape (n, K)
        """
        D = self.per_class(d)
        K, common = self.n_classes, bits(d) + 1
        # one scale for all, so that values compare
        along = {(a, b): dots.Direction(D[a] - D[b], common) for a in range(K) for b in range(K) if a != b}
        self.rows_read += self.n_rows
        signs, values = np.zeros(among.shape, np.int8), np.zeros(among.shape)
        intercept = self.design.intercept

        def evaluate(start: int, stop: int) -> None:
            X, codes, wanted = (
                self.design.block(start, stop),
                self.response.codes[start:stop],
                among[start:stop],
            )
            for a in range(self.n_classes):
                rows = np.flatnonzero((codes == a) & wanted.any(axis=1))
                if len(rows) == 0:
                    continue
                part = X if len(rows) == len(X) else X[rows]
                for b in range(self.n_classes):
                    if not wanted[rows, b].any():
                        continue
                    sign, value = dots.signs(part, along[a, b], self.kernels, intercept)
                    chosen = wanted[rows, b]
                    signs[start + rows[chosen], b] = sign[chosen]
                    values[start + rows[chosen], b] = value[chosen]

        flops = 40.0 * self.n_rows * self.n_params
        passes.reduce(
            self.n_rows,
            self._size,
            evaluate,
            lambda a, b: None,
            threads.useful(self.n_threads, flops, shared=self.kernels.THREADED),
        )
        return signs, values
