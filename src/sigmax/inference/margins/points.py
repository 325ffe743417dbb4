"""Where effects are taken: at the rows as observed, with columns held at values, or at their means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sigmax import passes, threads
from sigmax.inference.margins.cumulants import State
from sigmax.inference.observations import Observations, Rows
from sigmax.inference.roots import Root
from sigmax.kernels import Float

#: sums of a block, merged by addition
Sums = list[tuple[Float, ...]]


class Designs(Protocol):
    """What variables do to the columns, where columns are made of variables.

    Each method returns all columns of the model but the intercept's, those that the fit left out included,
    at the rows start <= i < stop.
    """

    @property
    def as_observed(self) -> bool:
        """Whether :meth:`design` gives the rows of the fit."""

    def design(self, start: int, stop: int) -> Float:
        """The columns x_i, (n, p)."""

    def derivative(self, start: int, stop: int, variable: str) -> Float:
        """d x_i / d v, (n, p)."""

    def with_value(self, start: int, stop: int, variable: str, value: object) -> Float:
        """The columns with the variable at a value, (n, p)."""

    def values(self, start: int, stop: int, variable: str) -> Float:
        """v_i, (n,)."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """From all columns to the coordinates that were fitted.

    Attributes
    ----------
    kept : bool ndarray of shape (k,)
        Which columns were fitted; the intercept comes first.
    directions : ndarray of shape (k, r), or None
        Of minimum norm, b+ = M b: row v is M_v, so that the coefficient of column v is M_v'b.  None where
        columns that were left out have no coefficient.
    combinations : ndarray of shape (k, r), or None
        Each column as a combination of those that were fitted; None where none was left out.
    intercept : bool
    """

    kept: npt.NDArray[np.bool_]
    directions: Float | None
    combinations: Float | None
    intercept: bool

    def rows(self, X: Float) -> tuple[Float, bool]:
        """Rows whose logits are those of all columns X, and whether a column of ones stands before them."""
        if self.directions is None:
            return np.ascontiguousarray(X[:, self.kept[self.intercept :]]), self.intercept
        moved = X @ self.directions[self.intercept :]
        return (moved + self.directions[0] if self.intercept else moved), False

    def changes(self, D: Float) -> Float:
        """As :meth:`rows` for derivatives of columns: of ones there is none."""
        if self.directions is None:
            return np.ascontiguousarray(D[:, self.kept[self.intercept :]])
        return np.asarray(D @ self.directions[self.intercept :])


@dataclass(frozen=True, slots=True)
class Block:
    """Points, with what every effect needs of them.

    Attributes
    ----------
    start, stop : int
    X : ndarray of shape (n, p)
        Columns that were fitted, without ones.
    Z, ones : ndarray of shape (n, r), bool
        Rows T'[1 x] of the root's coordinates, and whether a column of ones stands before them unstored.
    eta : ndarray of shape (n, m)
    offset : ndarray of shape (n, m), or None
    state : State
    weight : ndarray of shape (n,), or None
        What a point counts in the mean; None for ones.
    """

    start: int
    stop: int
    X: Float
    Z: Float
    ones: bool
    eta: Float
    offset: Float | None
    state: State
    weight: Float | None

    def total(self) -> float:
        """Sum of the weights."""
        return float(len(self.X)) if self.weight is None else float(self.weight.sum())


class Model:
    """The fitted model at any points."""

    def __init__(self, observations: Observations, root: Root, fitted: Fitted) -> None:
        self.observations, self.root, self.fitted = observations, root, fitted
        self.kernels, self.coef = observations.kernels, observations.coef
        self.intercept = observations.design.intercept
        self.is_limit = observations.limit is not None

    @property
    def width(self) -> int:
        """Coordinates of a logit."""
        return int(self.coef.shape[1])

    def states(self, X: Float, ones: bool, offset: Float | None) -> tuple[Float, State]:
        """Logits and probabilities."""
        eta = np.empty((len(X), len(self.coef)))
        shift = None if offset is None else np.ascontiguousarray(offset)
        self.kernels.linear_predictor(X, self.coef, eta, intercept=ones, offset=shift)
        return eta, self.state_of(X, eta)

    def state_of(self, X: Float, eta: Float) -> State:
        """Probabilities from logits; X matters in the limit of separation alone."""
        return State.of(self.observations.probabilities(X, eta))

    def coordinates(self, X: Float, ones: bool) -> tuple[Float, bool]:
        """Rows T'[1 x]."""
        return self.root.rows(X, ones, self.kernels)

    def direction(self, D: Float) -> Float:
        """D T for derivatives D of the fitted columns, (n, r): of all of them, or without that of ones."""
        T = self.root.T
        if T is None:
            gap = self.width - D.shape[1]
            return D if gap == 0 else np.concatenate([np.zeros((len(D), gap)), D], axis=1)
        Z = np.empty((len(D), len(T)))
        within = np.ascontiguousarray(T[len(T) - D.shape[1] :].T)
        self.kernels.linear_predictor_dd(np.ascontiguousarray(D), within, None, Z, None, intercept=False)
        return Z

    def block(
        self,
        start: int,
        stop: int,
        X: Float,
        ones: bool,
        offset: Float | None,
        weight: Float | None,
        rows: Rows | None = None,
    ) -> Block:
        """Points of the columns X; `rows` where they are the rows of the fit themselves."""
        if rows is None:
            eta, state = self.states(X, ones, offset)
        else:
            eta, state = rows.eta, State.of(rows.p)
        if weight is not None and not weight.all():
            # what does not count may be undetermined
            gone = weight == 0.0
            state.p[:, gone] = state.q[:, gone] = 0.5
        Z, unstored = self.coordinates(X, ones)
        return Block(start, stop, X, Z, unstored, eta, offset, state, weight)

    def product(self, Z: Float, ones: bool, columns: Float) -> Float:
        """Columns (q, n) times rows [1 Z], (q, r)."""
        out = np.empty((len(columns), Z.shape[1] + ones))
        self.kernels.transpose_product(Z, np.ascontiguousarray(columns.T), out, intercept=ones)
        return out


class Points(Protocol):
    """Points, to be summed over."""

    def reduce(self, evaluate: Callable[[Block], Sums], *, numbers: int, flops: float) -> Sums:
        """Merge ``evaluate(block)`` by addition.

        `numbers` of work space for each point beside X, `flops` for each in all.
        """


def weights(rows: Rows, scale: float) -> Float | None:
    """What the rows of a block count in a mean: their weight, times their observations."""
    w, n = rows.weight(), rows.total
    if w is None:
        return n
    return w / scale if n is None else w / scale * n


class Everywhere:
    """The rows of the fit, some columns held at values.

    Parameters
    ----------
    model : Model
    held : mapping
        Place among the fitted columns, the intercept not counted, -> value.
    designs : Designs, optional
        What the columns are made of; its values are held by itself.
    """

    def __init__(self, model: Model, held: Mapping[int, float], designs: Designs | None = None) -> None:
        self.model, self.held, self.designs = model, dict(held), designs
        weight = model.observations.units.weight()
        largest = 1.0 if weight is None else float(weight.max())
        # weights may be of any scale; a power of two changes no digit
        self.scale = float(2.0 ** np.frexp(largest)[1])

    def reduce(self, evaluate: Callable[[Block], Sums], *, numbers: int, flops: float) -> Sums:
        """See :class:`Points`."""
        o = self.model.observations

        def both(start: int, stop: int) -> tuple[Sums, float]:
            rows = o.rows(start, stop)
            return evaluate(self._block(rows, start, stop)), rows.nll()

        def merge(a: tuple[Sums, float], b: tuple[Sums, float]) -> tuple[Sums, float]:
            for mine, theirs in zip(a[0], b[0], strict=True):
                for left, right in zip(mine, theirs, strict=True):
                    left += right
            return a[0], a[1] + b[1]

        count = threads.useful(o.n_threads, flops * o.n_rows, shared=o.kernels.THREADED)
        if self.designs is not None:
            # made by code of any kind, which need not bear threads
            count = 1
        found, nll = passes.reduce(o.n_rows, o.block_rows(numbers), both, merge, count)
        o.require_unchanged(nll)
        return found

    def _block(self, rows: Rows, start: int, stop: int) -> Block:
        model, X = self.model, rows.X
        shift = model.observations.units.offset
        offset = None if shift is None else shift[start:stop]
        weight = weights(rows, self.scale)
        ones = model.intercept
        if self.designs is not None and not self.designs.as_observed:
            X, ones = model.fitted.rows(self.designs.design(start, stop))
        elif self.held:
            X = np.array(X, order="C")
            for place, value in self.held.items():
                X[:, place] = value
        return model.block(start, stop, X, ones, offset, weight, rows if X is rows.X else None)


class AtMeans:
    """One point: each column at its mean over the rows, offsets too, some columns held at values."""

    def __init__(self, model: Model, held: Mapping[int, float], designs: Designs | None = None) -> None:
        everywhere = Everywhere(model, {})
        m = len(model.coef)

        def evaluate(block: Block) -> Sums:
            w = np.ones(len(block.X)) if block.weight is None else block.weight
            sums = np.empty((1, block.X.shape[1] + 1))
            model.kernels.transpose_product(block.X, w[:, None].copy(), sums, intercept=True)
            shift = np.zeros(m) if block.offset is None else (w[:, None] * block.offset).sum(axis=0)
            return [(sums[0], shift)]

        [(sums, shift)] = everywhere.reduce(evaluate, numbers=1, flops=2.0 * model.width)
        X, ones = (sums[1:] / sums[0])[None], model.intercept
        for place, value in held.items():
            X[0, place] = value
        if designs is not None:
            X, ones = model.fitted.rows(designs.design(0, 1))
        offset = None if model.observations.units.offset is None else (shift / sums[0])[None]
        self._block = model.block(0, 1, X, ones, offset, None)

    def reduce(self, evaluate: Callable[[Block], Sums], *, numbers: int, flops: float) -> Sums:
        """See :class:`Points`."""
        return evaluate(self._block)
