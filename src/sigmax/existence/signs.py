"""Which parameters run to infinity, and to which side.

The directions of recession are those d = sum_a c_a v_a in N with z'd >= 0 for all pairs of S.  A parameter
f'b, such as the difference of two classes' coefficients,

    stays finite             if f'v = 0 for all v in N
    runs to +inf (to -inf)   if f'd >= 0 (<= 0) for all these directions: generic ones have f'd > 0 (< 0)
    has no limit             if f'd can have either sign: the data do not say where it goes

The second is proved by Farkas' lemma, the third by two directions, both in whole numbers.
"""

from __future__ import annotations

import numpy as np

from sigmax.existence.cone import direction_against
from sigmax.existence.decide import Face, Undecided
from sigmax.existence.dots import Signs
from sigmax.existence.integers import Integers, bits, primitive, whole
from sigmax.existence.pairs import Index, Pairs
from sigmax.existence.sides import NONE, OPEN, by_programs

#: pairs that are all taken into the pool at once; pairs for each dimension it begins with and grows by
_FEW_PAIRS, _POOL = 300, 4
#: dimensions of N up to which whole numbers come first; beyond, where the programs leave a side open
_EXACT_FIRST, _EXACT_AT_ALL = 8, 20
_ROUNDS = 500
#: bits of short whole numbers
_SHORT = 12


def signs(pairs: Pairs, face: Face, functions: Integers) -> Signs:
    """-1, 0, +1, or `NONE`, for each of some functions of the coefficients.

    Parameters
    ----------
    pairs : Pairs
    face : Face
    functions : object ndarray of shape (f, P)
        Whole numbers, one function a row.

    Raises
    ------
    Undecided
        Some side is too close a matter for double precision, and the null space of T has too many
        dimensions for exact arithmetic.
    """
    if face.direction is None or len(face.null) == 0:
        return np.zeros(len(functions), np.int8)
    if len(face.null) == 1:
        moved = (functions @ face.direction).tolist()
        return np.array([(v > 0) - (v < 0) for v in moved], np.int8)
    exact = _Sides(pairs, face, functions)
    if len(face.null) > _EXACT_FIRST:
        exact.found = by_programs(pairs, face, exact.closed, functions, exact.pool)
        left = exact.found == OPEN
        if left.any() and len(face.null) > _EXACT_AT_ALL and not exact.has_short_numbers():
            raise Undecided(
                f"the sides of {int(left.sum())} parameters are too close a matter for double precision, and "
                f"exact arithmetic takes too long with {len(face.null)} dimensions without an estimate",
                np.where(left, NONE, exact.found).astype(np.int8),
            )
    return exact.run()


def moved(face: Face, functions: Integers) -> np.ndarray:
    """Which functions do not stay finite, or have no value; bool."""
    return np.asarray((functions @ face.null.T != 0).any(axis=1), bool)


class _Sides:
    def __init__(self, pairs: Pairs, face: Face, functions: Integers) -> None:
        self.pairs, self.N, self.functions = pairs, face.null, functions
        self.closed = pairs.all() & ~face.open
        assert face.direction is not None
        _, self.margins = pairs.signs(face.direction, self.closed)
        self.pool = self._least()
        self.moved = moved(face, functions)
        self.up, self.down = np.zeros(len(functions), bool), np.zeros(len(functions), bool)
        self._see(face.direction)
        self.found = np.where(self.moved, OPEN, 0).astype(np.int8)

    def run(self) -> Signs:
        found = self.found
        for j in np.flatnonzero(found == OPEN):
            found[j] = 0
            for side, seen in ((1, self.down), (-1, self.up)):
                # is side * f'd >= 0 in the whole cone?
                if found[j] == 0 and not seen[j] and self._never_against(side * (self.N @ self.functions[j])):
                    found[j] = side
            if found[j] == 0:
                found[j] = NONE
        return found

    def _rows(self) -> Integers:
        """The pool in the coordinates of N, in whole numbers, each row once."""
        Z = self.pairs.take(*np.divmod(self.pool, self.pairs.n_classes))
        A, exponent = whole(Z)
        shift = (exponent - int(exponent.min(initial=0))).astype(object)
        rows = {tuple(primitive(row).tolist()): None for row in (A << shift) @ self.N.T}
        return np.array(list(rows), object).reshape(len(rows), len(self.N))

    def has_short_numbers(self) -> bool:
        """Whether whole numbers are so short, as those of dummies are, that exact arithmetic costs little."""
        return bits(self._rows()) <= _SHORT

    def _never_against(self, g: Integers) -> bool:
        """Whether g'c >= 0 for all directions c of the cone; what speaks against it is seen."""
        for _ in range(_ROUNDS):
            c = direction_against(self._rows(), g)
            if c is None:
                return True
            d = primitive(c @ self.N)
            signs, values = self.pairs.signs(d, self.closed)
            against = np.flatnonzero(signs < 0)
            if len(against) == 0:
                self._see(d)
                return False
            most = _POOL * len(self.N)
            if len(against) > most:
                flat = values.ravel()
                against = against[np.argpartition(flat[against], most)[:most]]
            self.pool = np.union1d(self.pool, against)
        raise Undecided(f"no decision on the sides in {_ROUNDS} rounds of cutting planes")

    def _see(self, d: Integers) -> None:
        along = self.functions @ d
        self.up, self.down = self.up | (along > 0).astype(bool), self.down | (along < 0).astype(bool)

    def _least(self) -> Index:
        flat = np.flatnonzero(self.closed)
        most = max(_FEW_PAIRS, _POOL * len(self.N))
        if len(flat) > most:
            flat = np.sort(flat[np.argpartition(self.margins.ravel()[flat], most)[:most]])
        return flat
