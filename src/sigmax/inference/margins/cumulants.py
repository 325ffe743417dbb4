"""What effects and their derivatives are made of, row by row: cumulants of the class of an observation.

With h_kl = d F_k / d eta_l for F = p or F = log p, and its derivative by a logit:

    F = p         h_kl = p_k ([k = l] - p_l)        the second cumulants of the class
                  d h_kl / d eta_c                  the third ones, symmetric in k, l, c:
                        k = l = c                   p_k (1 - p_k) (1 - 2 p_k)
                        k = l != c                  -p_k p_c (1 - 2 p_k)
                        all differ                  2 p_k p_l p_c
    F = log p     h_kl = [k = l] - p_l
                  d h_kl / d eta_c                  minus the second cumulant of l and c, whatever k is

l and c run from class 1, k through the classes that are shown: all of them, or class 1 of two.  What is
symmetric is computed once: columns, and a table of which column belongs to which k, l, c.  1 - p is the sum
of the others where p is large, so that no element loses digits to 1 - p.

Arrays are (classes or columns, n): operations run along rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sigmax.kernels import Float

Table = npt.NDArray[np.intp]

#: changes of the logits up to here go through expm1; beyond, a difference of probabilities has its digits
_SMALL = 1.0


@dataclass(frozen=True, slots=True)
class State:
    """Probabilities of a block.

    Attributes
    ----------
    p, q : ndarray of shape (K, n)
        p and 1 - p.
    """

    p: Float
    q: Float

    @classmethod
    def of(cls, p: Float) -> State:
        """From p of shape (n, K)."""
        P = np.array(p.T, order="C")
        Q = 1.0 - P
        # only one class of a row can be beyond 1/2
        for k in range(len(P)):
            large = np.flatnonzero(P[k] > 0.5)
            if len(large):
                rest = np.zeros(len(large))
                for other in range(len(P)):
                    if other != k:
                        rest += P[other, large]
                Q[k, large] = rest
        return cls(P, Q)


class Target(Protocol):
    """F: what effects are changes of.

    Attributes
    ----------
    shown : tuple of int
        The classes k.
    at_first : ndarray of shape (shown, m)
        Column of :meth:`first` for k, l.
    at_second : ndarray of shape (shown, m, m)
        Column of :meth:`second` for k, l, c.
    at_along : ndarray of shape (shown, m)
        Column of the derivative in :meth:`along` for k, c.
    """

    shown: tuple[int, ...]
    at_first: Table
    at_second: Table
    at_along: Table

    def first(self, s: State) -> Iterator[Float]:
        """The columns h, each (n,)."""

    def second(self, s: State) -> Iterator[Float]:
        """The columns of d h / d eta, each (n,)."""

    def along(self, s: State, g: Float) -> tuple[Float, Iterator[Float]]:
        """sum_l h_kl g_l, (shown, n), and the columns of its derivative by eta; g of shape (m, n)."""

    def change(self, a: State, b: State, move: Float | None) -> Float:
        """F at `b` less F at `a`, (shown, n).

        `move`: of the logits, (m, n) or (m, 1); None where they tell nothing, in the limit of separation.
        """

    def first_change(self, a: State, b: State, move: Float | None) -> Iterator[Float]:
        """The columns h at `b` less those at `a`, with the digits of a small change."""


def _shown(n_classes: int) -> tuple[int, ...]:
    return (1,) if n_classes == 2 else tuple(range(n_classes))


def _unique(keys: list[tuple[int, ...]]) -> tuple[list[tuple[int, ...]], list[int]]:
    """Each key once, with its elements in order, and the place of every key among them."""
    places: dict[tuple[int, ...], int] = {}
    at = [places.setdefault(tuple(sorted(key)), len(places)) for key in keys]
    return list(places), at


def _pair(s: State, k: int, c: int) -> Float:
    """The second cumulant."""
    return np.asarray(s.p[k] * s.q[k] if k == c else -(s.p[k] * s.p[c]))


def _triple(s: State, k: int, x: int, c: int) -> Float:
    """The third cumulant of k <= x <= c."""
    if k == x == c:
        return np.asarray(s.p[k] * s.q[k] * (s.q[k] - s.p[k]))
    if k != x and x != c:
        return np.asarray(2.0 * (s.p[k] * s.p[x] * s.p[c]))
    twice, once = (x, c) if k == x else (x, k)
    return np.asarray(-(s.p[twice] * s.p[once]) * (s.q[twice] - s.p[twice]))


def _centred(s: State, g: Float) -> tuple[Float, Float]:
    """g_k - sum_l p_l g_l of all classes, (K, n), and g against the most probable class.

    The mean is then a sum of small terms where one class is nearly certain, and is not subtracted from a
    number that it nearly is.
    """
    whole = np.zeros(s.p.shape)
    whole[1:] = g
    top = s.p.argmax(axis=0)
    whole -= np.take_along_axis(whole, top[None], axis=0)
    return whole - (s.p * whole).sum(axis=0), whole


class Probability:
    """F = p."""

    def __init__(self, n_classes: int) -> None:
        m, self.shown = n_classes - 1, _shown(n_classes)
        logits = range(1, m + 1)
        self._pairs, at = _unique([(k, c) for k in self.shown for c in logits])
        self.at_first = self.at_along = np.array(at, np.intp).reshape(-1, m)
        self._triples, at = _unique([(k, x, c) for k in self.shown for x in logits for c in logits])
        self.at_second = np.array(at, np.intp).reshape(-1, m, m)

    def first(self, s: State) -> Iterator[Float]:
        """See :class:`Target`."""
        for k, c in self._pairs:
            yield _pair(s, k, c)

    def second(self, s: State) -> Iterator[Float]:
        """See :class:`Target`."""
        for k, x, c in self._triples:
            yield _triple(s, k, x, c)

    def along(self, s: State, g: Float) -> tuple[Float, Iterator[Float]]:
        """See :class:`Target`.

        f_k = p_k (g_k - sum_l p_l g_l),   d f_k / d eta_c = [k = c] f_k - f_k p_c - p_k f_c
        """
        f = s.p * _centred(s, g)[0]

        def derivative() -> Iterator[Float]:
            for k, c in self._pairs:
                yield f[k] * (s.q[k] - s.p[k]) if k == c else -(f[k] * s.p[c] + s.p[k] * f[c])

        return f[list(self.shown)], derivative()

    def change(self, a: State, b: State, move: Float | None) -> Float:
        """See :class:`Target`."""
        return np.asarray(_moved(a, b, move)[list(self.shown)])

    def first_change(self, a: State, b: State, move: Float | None) -> Iterator[Float]:
        """See :class:`Target`.

        With d = p(b) - p(a): the change of p_k (1 - p_k) is d_k (1 - p_k(a) - p_k(b)), that of p_k p_c is
        d_k p_c(b) + p_k(a) d_c.
        """
        d = _moved(a, b, move)
        for k, c in self._pairs:
            yield d[k] * (b.q[k] - a.p[k]) if k == c else -(d[k] * b.p[c] + a.p[k] * d[c])


class LogProbability:
    """F = log p."""

    def __init__(self, n_classes: int) -> None:
        m, self.shown = n_classes - 1, _shown(n_classes)
        self._m = m
        logits = range(1, m + 1)
        own = [[c - 1 if k == c else m + c - 1 for c in logits] for k in self.shown]
        self.at_first = np.array(own, np.intp)
        self.at_along = np.tile(np.arange(m), (len(self.shown), 1))
        self._pairs, at = _unique([(x, c) for x in logits for c in logits])
        self.at_second = np.tile(np.array(at, np.intp).reshape(1, m, m), (len(self.shown), 1, 1))

    def first(self, s: State) -> Iterator[Float]:
        """See :class:`Target`: 1 - p_l for k = l, and -p_l for the others."""
        for c in range(1, self._m + 1):
            yield s.q[c]
        for c in range(1, self._m + 1):
            yield -s.p[c]

    def second(self, s: State) -> Iterator[Float]:
        """See :class:`Target`."""
        for x, c in self._pairs:
            yield -_pair(s, x, c)

    def along(self, s: State, g: Float) -> tuple[Float, Iterator[Float]]:
        """See :class:`Target`.

        f_k = g_k - sum_l p_l g_l,   d f_k / d eta_c = -p_c f_c
        """
        f = _centred(s, g)[0]
        return f[list(self.shown)], (-(s.p[c] * f[c]) for c in range(1, self._m + 1))

    def change(self, a: State, b: State, move: Float | None) -> Float:
        """See :class:`Target`.

        log p_k(b) - log p_k(a) = move_k - log sum_l p_l(a) exp(move_l)
        """
        assert move is not None
        small, _, mean = _small_change(a, move)
        whole = np.zeros(a.p.shape)
        whole[1:] = move
        top = a.p.argmax(axis=0)
        whole -= np.take_along_axis(whole, top[None], axis=0)
        most = whole.max(axis=0)
        with np.errstate(divide="ignore"):
            total = most + np.log((a.p * np.exp(whole - most)).sum(axis=0))
        total = np.where(small, np.log1p(mean), total)
        return np.asarray((whole - total)[list(self.shown)])

    def first_change(self, a: State, b: State, move: Float | None) -> Iterator[Float]:
        """See :class:`Target`: minus the change of p_c, of 1 - p_c as of -p_c."""
        d = _moved(a, b, move)
        for _ in range(2):
            for c in range(1, self._m + 1):
                yield -d[c]


def _moved(a: State, b: State, move: Float | None) -> Float:
    """p(b) - p(a), (K, n).

    p_k(b) - p_k(a) = p_k(a) (e_k - sum_l p_l(a) e_l) / (1 + sum_l p_l(a) e_l),   e = expm1(move)
    """
    d = np.asarray(b.p - a.p)
    # of a class that is more likely than not before and after, what the others lost
    for k in range(len(d)):
        both = np.flatnonzero((a.p[k] > 0.5) & (b.p[k] > 0.5))
        if len(both):
            d[k, both] = a.q[k, both] - b.q[k, both]
    if move is None:
        return d
    small, e, mean = _small_change(a, move)
    if not small.any():
        return d
    return np.where(small, a.p * (e - mean) / (1.0 + mean), d)


def _small_change(a: State, move: Float) -> tuple[npt.NDArray[np.bool_], Float, Float]:
    """Rows where no logit moves far from another; there e = expm1(move) and its mean, else zeros."""
    whole = np.zeros(a.p.shape)
    whole[1:] = move
    # against the most probable class, as in _centred
    whole -= np.take_along_axis(whole, a.p.argmax(axis=0)[None], axis=0)
    small = np.asarray((np.abs(whole) <= _SMALL).all(axis=0))
    e = np.expm1(np.where(small, whole, 0.0))
    return small, e, np.asarray((a.p * e).sum(axis=0))
