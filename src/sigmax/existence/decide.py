"""The decision whether the estimate exists, and along which directions it runs away if it does not.

The recession cone C = {d : z'd >= 0 for all pairs z} holds the directions along which no row becomes less
likely.  The estimate exists if and only if z'd = 0 for all of them (Albert & Anderson, Biometrika 71, 1984;
Santner & Duffy, Biometrika 73, 1986, for several classes).  If not, the pairs fall into two parts:

    S   z'd > 0 for some d in C: in the limit these rows have probability 1 against that class
    T   z'd = 0 for all d in C: among them the estimate exists, apart from N = {v : z'v = 0 for all z in T}

A proof is d with z'd > 0 on S and z'd = 0 on T, and that the pairs of T overlap: lambda > 0 with
sum_T lambda z = 0 (Stiemke).  Both are checked on the floating-point data as given, without rounding.

A few pairs at a time, the pool, decide; the others are checked, and what contradicts joins the pool (cutting
planes).  A direction that all pairs allow takes those it moves out of T, and the rest begins anew: the pairs
it moves need no more care, since a long enough step along it outweighs whatever comes later.  Where the pool
is large a linear program in double precision goes first, and its guesses are checked in whole numbers; where
a guess fails, and where the pool is small, the simplex method in whole numbers decides (cone.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from sigmax.existence import program
from sigmax.existence.cone import direction_against
from sigmax.existence.dots import Signs
from sigmax.existence.integers import Integers, from_fractions, null_space, primitive, scaled_up
from sigmax.existence.pairs import Index, Mask, Pairs
from sigmax.kernels import Float

#: pairs that are all taken into the pool at once
_FEW_PAIRS = 300
#: pairs for each parameter that the pool begins with, and grows by
_POOL = 4
#: parameters up to which whole numbers come first, and up to which they are tried at all
_EXACT_FIRST, _EXACT_AT_ALL = 12, 60
#: rounds of cutting planes
_ROUNDS = 200


class Undecided(ArithmeticError):
    """Neither answer could be proved; the message says why.

    Attributes
    ----------
    found : ndarray or None
        Where many things were asked, what was found out.
    """

    def __init__(self, message: str, found: npt.NDArray[np.int8] | None = None) -> None:
        super().__init__(message)
        self.found = found


@dataclass(slots=True)
class Face:
    """What is left where the estimate runs away along `direction`.

    Attributes
    ----------
    open : bool ndarray of shape (n, K)
        T: the pairs that no direction of the cone moves.
    direction : object ndarray of shape (P,), or None
        In whole numbers: z'd > 0 for all pairs of S, = 0 for all of T; None where S is empty.
    null : object ndarray of shape (q, P)
        A basis of N in whole numbers.
    proved : bool
        Whether it is proved here that the pairs of T overlap; else the fit of T has to.
    open_question : str
        Why it is not known whether `direction` moves all pairs that can be moved; then `null` is everything.
        Empty where that is proved.
    """

    open: Mask
    direction: Integers | None
    null: Integers
    proved: bool
    open_question: str = ""


def decide(pairs: Pairs, coef: Float, confirm: Callable[[Face], bool]) -> Face:
    """The face of the data.

    Parameters
    ----------
    pairs : Pairs
        Of a design with full column rank.
    coef : ndarray of shape (P,)
        A point far out along the likelihood, where a solver gave up; it only saves time.
    confirm : callable
        Whether the fit of a face proves that its pairs overlap.

    Raises
    ------
    Undecided
        No direction was found, and that there is none could not be proved.
    """
    search = _Search(pairs, confirm)
    search.try_absent()
    search.try_coef(coef)
    try:
        return search.run()
    except Undecided as error:
        if search.direction is None:
            raise
        # that there is no estimate is proved; how much of it is left is not
        return Face(search.open, search.direction, _identity(pairs.n_params), False, str(error))


@dataclass(slots=True)
class _Overlap:
    """No direction moves the pairs of a pool, but for `null`, which moves none of them at all."""

    null: Integers
    proved: bool


class _Search:
    def __init__(self, pairs: Pairs, confirm: Callable[[Face], bool]) -> None:
        self.pairs, self.confirm = pairs, confirm
        self.all = pairs.all()
        self.open = self.all.copy()
        self.direction: Integers | None = None
        self.margins = np.zeros(self.open.shape)
        self.exact = pairs.n_params <= _EXACT_FIRST

    def try_absent(self) -> None:
        """A class without a row is left behind by all others along its intercept."""
        if not self.pairs.design.intercept or not self.pairs.has_intercepts:
            return
        counted = self.all.any(axis=1)
        present = np.bincount(self.pairs.response.codes[counted], minlength=self.pairs.n_classes) > 0
        for k in np.flatnonzero(~present):
            d = self.pairs.intercept_of(int(k)) * -1
            signs, _ = self.pairs.signs(d, self.open)
            self._move(d, signs)

    def try_coef(self, coef: Float) -> None:
        """Complete separation shows in the estimate itself; else its margins say where to look."""
        if self.direction is None and np.isfinite(coef).all() and coef.any():
            d = from_fractions([Fraction(value) for value in coef.tolist()])
            signs, self.margins = self.pairs.signs(d, self.open)
            if (signs[self.open] > 0).all():
                self._move(d, signs)

    def run(self) -> Face:
        """Directions until the pairs that are left overlap."""
        pool = self._least()
        while self.open.any():
            face, pool = self._step(pool)
            if face is not None:
                return face
            pool = _joined(pool[self.open.ravel()[pool]], self._least())
        return Face(self.open, self.direction, _identity(self.pairs.n_params), True)

    def _step(self, pool: Index) -> tuple[Face | None, Index]:
        """The face, or one direction more; and the pool that showed it."""
        for _ in range(_ROUNDS):
            found = self._ask(*self.pairs.vectors(*np.divmod(pool, self.pairs.n_classes)))
            if isinstance(found, _Overlap):
                stray = self._stray(found.null)
                if len(stray) == 0:
                    face = Face(self.open, self.direction, found.null, found.proved)
                    if found.proved or self.confirm(face):
                        return face, pool
                    self._turn_exact("the fit of what is left does not prove that its classes overlap")
                elif np.isin(stray, pool).all():
                    # these vectors do not even hold for the pool itself
                    self._turn_exact("the null space in double precision does not hold")
                pool = _joined(pool, stray)
                continue
            signs, values = self.pairs.signs(found, self.open)
            against = np.flatnonzero(signs < 0)
            if len(against) == 0:
                self._move(found, signs)
                return None, pool
            most = _POOL * self.pairs.n_params
            pool = _joined(pool, _smallest(values.ravel(), against, most))
        raise Undecided(f"no decision in {_ROUNDS} rounds of cutting planes")

    def _ask(self, Z: Float, A: Integers, exponent: npt.NDArray[np.int64]) -> Integers | _Overlap:
        """A whole direction that all rows of Z = A 2^exponent allow and that moves some; or none."""
        if not self.exact:
            guess = program.separate(Z)
            largest = np.abs(Z).max(axis=0)
            if guess is not None:
                d, s = guess
                if s.sum() < 0.5:
                    return _Overlap(program.null_guess(Z, largest), proved=False)
                for near in program.simple_directions(d, largest):
                    margins = A @ scaled_up(near, exponent)
                    if (margins >= 0).all() and (margins > 0).any():
                        return near
            self._turn_exact("the linear program gave no answer that holds in exact arithmetic")
        c = direction_against(A, -A.sum(axis=0))
        if c is not None:
            return scaled_up(c, -exponent)
        null = [scaled_up(v, -exponent) for v in null_space(A)]
        return _Overlap(np.array(null, object).reshape(-1, A.shape[1]), proved=True)

    def _turn_exact(self, why: str) -> None:
        P = self.pairs.n_params
        if self.exact or P > _EXACT_AT_ALL:
            raise Undecided(f"{why}, and exact arithmetic alone takes too long with {P} parameters")
        self.exact = True

    def _stray(self, null: Integers) -> Index:
        """Open pairs that vectors of `null` do move, flat; some of them."""
        found = np.zeros(0, np.intp)
        for v in null:
            signs, values = self.pairs.signs(v, self.open)
            moved = np.flatnonzero(signs)
            found = _joined(found, _smallest(-np.abs(values).ravel(), moved, _POOL))
        return found

    def _move(self, d: Integers, signs: Signs) -> None:
        """Take the pairs that d moves out of T."""
        self.direction = d if self.direction is None else self._far_along(self.direction, d)
        self.open = self.open & (signs == 0)

    def _far_along(self, first: Integers, then: Integers) -> Integers:
        """2^j first + then with 2^j so large that no pair that `first` moves is moved back."""
        closed = self.all & ~self.open
        for power in range(0, 4000, 8):
            d = primitive(first * (1 << power) + then)
            signs, _ = self.pairs.signs(d, closed)
            if (signs[closed] > 0).all():
                return d
        raise Undecided("directions of separation differ in scale by more than 2^4000")

    def _least(self) -> Index:
        """Open pairs for a pool: all, or those with the least margins, flat."""
        flat = np.flatnonzero(self.open)
        most = max(_FEW_PAIRS, _POOL * self.pairs.n_params)
        if len(flat) <= most:
            return flat
        even = flat[:: -(-len(flat) // self.pairs.n_params)]
        return _joined(_smallest(self.margins.ravel(), flat, most), even)


def _smallest(values: Float, among: Index, most: int) -> Index:
    """The indices `among` with the `most` smallest values, sorted."""
    if len(among) <= most:
        return among
    return np.sort(among[np.argpartition(values[among], most)[:most]])


def _joined(a: Index, b: Index) -> Index:
    return np.union1d(a, b)


def _identity(n: int) -> Integers:
    return np.eye(n, dtype=np.int64).astype(object)
