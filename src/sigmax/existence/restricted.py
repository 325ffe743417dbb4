"""The supremum of the likelihood under linear constraints, at infinity or not.

Within A b = c the likelihood runs away along the directions d of the recession cone with A d = 0, whatever c
is: whether it does, and which pairs T stay uncertain, is the question of decide.py, asked of the vectors N'z
with N a basis of {d : A d = 0} in whole numbers.  What is left to maximise is the likelihood of the pairs of
T, under the same constraints.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from sigmax.existence.decide import Face, Undecided, decide
from sigmax.existence.dots import Signs
from sigmax.existence.integers import Integers, from_fractions, null_space, whole
from sigmax.existence.limit import limiting_objective
from sigmax.existence.pairs import Index, Mask, Pairs
from sigmax.kernels import Float
from sigmax.objective import Objective
from sigmax.solvers.constrained import Constrained, minimise
from sigmax.solvers.curvature import DependentColumn, IllConditioned


class Restricted(Pairs):
    """The vectors N'z_ik, for directions N e.

    Parameters
    ----------
    pairs : Pairs
    A : object ndarray of shape (q, P)
        Whole numbers, of full row rank.
    """

    has_intercepts = False

    __slots__ = ("basis",)

    def __init__(self, pairs: Pairs, A: Integers) -> None:
        super().__init__(pairs.design, pairs.response, pairs.kernels, pairs.n_threads)
        #: N, object ndarray of shape (P, P - q)
        self.basis: Integers = null_space(A).T
        self.n_params = self.basis.shape[1]

    def take(self, rows: Index, classes: Index) -> Float:
        """N'z_ik, rounded."""
        return np.asarray(super().take(rows, classes) @ self.basis.astype(np.float64))

    def vectors(self, rows: Index, classes: Index) -> tuple[Float, Integers, npt.NDArray[np.int64]]:
        """N'z_ik, roughly and exactly."""
        Z = super().take(rows, classes)
        A, exponent = whole(Z)
        lowest = int(exponent.min(initial=0))
        A = (A << (exponent - lowest).astype(object)) @ self.basis
        return Z @ self.basis.astype(np.float64), A, np.full(self.n_params, lowest)

    def signs(self, d: Integers, among: Mask) -> tuple[Signs, Float]:
        """Exact signs of z_ik'N d."""
        return super().signs(self.basis @ d, among)


def in_whole_numbers(A: Float) -> Integers:
    """The rows of A, each up to a positive factor, exactly."""
    found = np.empty(A.shape, object)
    for i, row in enumerate(A.tolist()):
        found[i] = from_fractions([Fraction(value) for value in row])
    return found


@dataclass(frozen=True, slots=True)
class Left:
    """What is left to minimise under A b = c.

    Attributes
    ----------
    objective : Objective or None
        Of the pairs that stay uncertain; None where none does, and the supremum of the likelihood is 1.
    A : ndarray of shape (q', n)
        The constraints in its parameters; those that bind.
    combine : ndarray of shape (q', q)
        Their right-hand sides are ``combine @ c``.
    runs_away : bool
        Whether the coefficients run away although they are constrained.
    """

    objective: Objective | None
    A: Float
    combine: Float
    runs_away: bool

    def minimise(self, c: Float, *, tol: float) -> Constrained | None:
        """The optimum; None where there is nothing to minimise."""
        if self.objective is None:
            return None
        start = np.zeros(self.objective.n_params)
        return minimise(self.objective, self.A, self.combine @ c, start, tol=tol)


def under(pairs: Pairs, A: Float, c: Float, *, l2: float = 0.0, absent: tuple[int, ...] = ()) -> Left:
    """What is left of a likelihood without a maximum, or of a penalised one, under A b = c.

    Parameters
    ----------
    pairs : Pairs
        Of a design with full column rank.
    A : ndarray of shape (q, P)
        Full row rank; against class 0.
    c : ndarray of shape (q,)
        The question does not depend on it; a fit that helps to answer it does.
    l2 : float
        As in :class:`sigmax.objective.Objective`.
    absent : tuple of int
        Classes without a row, which alone run away from a penalised likelihood.

    Raises
    ------
    Undecided
    """
    exact = in_whole_numbers(A)
    if l2 > 0.0:
        return _penalised(pairs, A, exact, l2, absent)
    inside = Restricted(pairs, exact)

    def full(face: Face) -> Face:
        null = np.array([inside.basis @ v for v in face.null], object).reshape(-1, pairs.n_params)
        direction = None if face.direction is None else inside.basis @ face.direction
        return Face(face.open, direction, null, face.proved, face.open_question)

    def confirm(face: Face) -> bool:
        try:
            found = _left(pairs, full(face), A, exact, 0.0).minimise(c, tol=1e-7)
        except (DependentColumn, IllConditioned):
            return False
        return found is not None and found.exists is True

    face = decide(inside, np.zeros(inside.n_params), confirm)
    if face.open_question:
        raise Undecided(face.open_question)
    return _left(pairs, full(face), A, exact, 0.0)


def _penalised(pairs: Pairs, A: Float, exact: Integers, l2: float, absent: tuple[int, ...]) -> Left:
    """With a penalty only intercepts of classes without rows run away: those that are not constrained."""
    null = [pairs.intercept_of(k) for k in absent]
    free = [(k, v) for k, v in zip(absent, null, strict=True) if not (exact @ v).any()]
    is_open = pairs.all()
    is_open[:, [k for k, _ in free]] = False
    vectors = np.array([v for _, v in free], object).reshape(-1, pairs.n_params)
    direction = -vectors.sum(axis=0) if free else None
    return _left(pairs, Face(is_open, direction, vectors, proved=True), A, exact, l2)


def _left(pairs: Pairs, face: Face, A: Float, exact: Integers, l2: float) -> Left:
    objective, kept = limiting_objective(pairs, face, l2)
    runs_away = face.direction is not None
    if objective is None:
        return Left(None, A[:0], np.zeros((0, len(A))), runs_away)
    combine: Float = np.eye(len(A))
    gone = np.setdiff1d(np.arange(pairs.n_classes), kept)
    if len(gone):
        # a class that is left out takes its constraints along: what binds are combinations without it
        outside = np.stack([per_class(pairs, row)[gone].ravel() for row in exact])
        unit = np.array([_factor_of(a, b) for a, b in zip(A, exact, strict=True)])
        combine = null_space(outside.T).astype(np.float64).reshape(-1, len(A)) / unit
    own = np.zeros((len(combine), objective.n_params))
    for row, a in zip(own, combine @ A, strict=True):
        row[:] = per_class(pairs, a)[kept[1:]].ravel()
    return Left(objective, own, combine, runs_away)


def per_class(pairs: Pairs, a: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """a'b as a function of the coefficients of every class, (K, k): elements sum to 0 over the classes."""
    own = a.reshape(pairs.n_classes - 1, pairs.width)
    return np.concatenate([-own.sum(axis=0, keepdims=True), own])


def _factor_of(a: Float, exact: Integers) -> float:
    """f > 0 with a = f exact."""
    j = int(np.argmax(np.abs(a)))
    return float(Fraction(float(a[j])) / Fraction(int(exact[j])))
