"""Marginal effects to many digits, from their definition: no analytic derivative of anything.

Effects are central differences of probabilities in a variable, and their Jacobian central differences of the
effects in the coefficients, with steps of 1e-20 and 1e-14 at 70 digits, the second divided by the largest
number of the column: some 26 digits are right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mpmath import mp, mpf

DIGITS = 70
_STEP_X, _STEP_B = "1e-20", "1e-14"

#: what is done with a variable: its place, and None for a derivative or the two values of a change
Move = tuple[int, tuple[Any, Any] | None]


def _plain(row: Sequence[Any]) -> list[Any]:
    return list(row)


class Definition:
    """Effects of a model at coefficients.

    Parameters
    ----------
    variables : array_like of shape (n, V)
        What is moved, and averaged where `at` is "mean".
    n_classes : int
    weight : array_like of shape (n,), optional
        What a row counts in means.
    offset : array_like of shape (n, K - 1), optional
    intercept : bool
    columns : callable, optional
        From the variables of a row to its columns; the variables themselves by default.
    """

    def __init__(
        self,
        variables: Any,
        n_classes: int,
        *,
        weight: Any = None,
        offset: Any = None,
        intercept: bool = True,
        columns: Callable[[Sequence[Any]], list[Any]] = _plain,
    ) -> None:
        with mp.workdps(DIGITS):
            self.rows = [[mpf(x) for x in row] for row in np.asarray(variables, float).tolist()]
            n, m = len(self.rows), n_classes - 1
            w = np.ones(n) if weight is None else np.asarray(weight, float)
            self.weight = [mpf(x) for x in w.tolist()]
            shift = np.zeros((n, m)) if offset is None else np.asarray(offset, float).reshape(n, m)
            self.offset = [[mpf(x) for x in row] for row in shift.tolist()]
        self.intercept, self.columns, self.n_classes = intercept, columns, n_classes

    def probabilities(self, B: Any, row: Sequence[Any], offset: Sequence[Any]) -> list[Any]:
        """p of each class."""
        x = [mpf(1)] * self.intercept + self.columns(row)
        terms = [mpf(1)]
        for b, o in zip(B, offset, strict=True):
            terms.append(mp.exp(o + sum((c * z for c, z in zip(b, x, strict=True)), mpf(0))))
        total = sum(terms, mpf(0))
        return [t / total for t in terms]

    def effects(self, B: Any, moves: Sequence[Move], *, at: str, kind: str) -> list[list[Any]]:
        """One row for each move, one number for each class."""
        total = sum(self.weight, mpf(0))
        points = list(zip(self.rows, self.offset, self.weight, strict=True))
        if at == "mean":
            points = [(self._mean(self.rows), self._mean(self.offset), total)]
        found = []
        for place, change in moves:
            sums = [mpf(0)] * self.n_classes
            for row, offset, w in points:
                if w:
                    each = self._one(B, row, offset, place, change, kind)
                    sums = [s + w * e for s, e in zip(sums, each, strict=True)]
            found.append([s / total for s in sums])
        return found

    def _mean(self, rows: Any) -> list[Any]:
        total = sum(self.weight, mpf(0))
        return [
            sum((w * x for w, x in zip(self.weight, column, strict=True)), mpf(0)) / total
            for column in zip(*rows, strict=True)
        ]

    def _one(self, B: Any, row: Any, offset: Any, place: int, change: Any, kind: str) -> list[Any]:
        def f(value: Any) -> list[Any]:
            p = self.probabilities(B, [*row[:place], value, *row[place + 1 :]], offset)
            return p if kind.startswith("dy") else [mp.log(one) for one in p]

        if change is not None:
            return [b - a for a, b in zip(f(mpf(change[0])), f(mpf(change[1])), strict=True)]
        h, x = mpf(_STEP_X), row[place]
        slope = [(b - a) / (2 * h) for a, b in zip(f(x - h), f(x + h), strict=True)]
        return [x * s for s in slope] if kind.endswith("ex") else slope

    def jacobian(self, B: Any, moves: Sequence[Move], *, at: str, kind: str) -> list[list[Any]]:
        """A row for each move and class, in this order; a column for each coefficient, class after class."""
        x = [[mpf(1)] * self.intercept + self.columns(row) for row in self.rows]
        steps = [mpf(_STEP_B) / (1 + max(abs(z) for z in column)) for column in zip(*x, strict=True)]
        columns = []
        for c in range(len(B)):
            for j, h in enumerate(steps):
                ends = []
                for sign in (-1, 1):
                    moved = [list(b) for b in B]
                    moved[c][j] += sign * h
                    ends.append(self.effects(moved, moves, at=at, kind=kind))
                flat = [[e for row in end for e in row] for end in ends]
                columns.append([(b - a) / (2 * h) for a, b in zip(*flat, strict=True)])
        return [list(row) for row in zip(*columns, strict=True)]

    def measured(
        self, B: Any, V: Any, moves: Sequence[Move], *, at: str, kind: str
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Effects and standard errors (moves, K), and the covariance of all effects, rounded to float64."""
        with mp.workdps(DIGITS):
            B = [[mp.convert(x) for x in row] for row in B]
            effects = self.effects(B, moves, at=at, kind=kind)
            J = mp.matrix(self.jacobian(B, moves, at=at, kind=kind))
            C = J * mp.matrix([[mp.convert(x) for x in row] for row in V]) * J.T
            size = len(effects) * self.n_classes
            errors = [mp.sqrt(C[i, i]) for i in range(size)]
            shape = (len(effects), self.n_classes)
            cov = np.array([[float(C[i, j]) for j in range(size)] for i in range(size)])
            return (
                np.array([[float(x) for x in row] for row in effects]),
                np.array([float(x) for x in errors]).reshape(shape),
                cov,
            )
