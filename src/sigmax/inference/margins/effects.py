"""Effects and their derivatives by the coefficients, as sums over points.

With the means over the points, F = p or log p, h and its derivatives as in :mod:`cumulants`, and a variable v
that moves the columns by d_i = d x_i / d v and so the logits by g_il = b_l'd_i:

    effect_k          = mean sum_l h_kl g_l
    d effect_k / d b_c = mean (h_kc d_i + x_i sum_l g_l d h_kl / d eta_c)

For a column d_i = e_v is the same everywhere, so that g_l = b_lv comes before the sums, and these are the
same for all variables: one product of the second derivatives with X serves them all.  An elasticity has
d_i = x_iv e_v.  A discrete change has two points for each row:

    effect_k          = mean (F_k(x1_i) - F_k(x0_i))
    d effect_k / d b_c = mean (h_kc(x1_i) x1_i - h_kc(x0_i) x0_i)

All derivatives are taken in the coordinates of the covariance's root
(:class:`sigmax.inference.covariances.Root`), where rows are z_i = T'[1 x_i].
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sigmax.inference.margins.cumulants import State, Table, Target
from sigmax.inference.margins.points import Block, Designs, Model
from sigmax.kernels import Float


@dataclass(frozen=True, slots=True)
class Column:
    """A variable that is a column.

    Attributes
    ----------
    name : str
    place : int or None
        Among the columns that were fitted, the intercept not counted; None where it was left out.
    direction : ndarray of shape (r,)
        Its coefficient is b_l'direction.
    combination : ndarray of shape (r,), or None
        Of the fitted columns, which it is where it was left out.
    """

    name: str
    place: int | None
    direction: Float
    combination: Float | None = None

    def values(self, X: Float) -> Float:
        """x_v, (n,), from rows X of the fitted columns."""
        if self.place is not None:
            return X[:, self.place]
        assert self.combination is not None
        gap = len(self.combination) - X.shape[1]
        return np.asarray(X @ self.combination[gap:] + self.combination[:gap].sum())


class Task(Protocol):
    """Effects that are computed together.

    Attributes
    ----------
    n_effects : int
    numbers : int
        Of work space for each point.
    flops : float
        For each point.
    """

    n_effects: int
    numbers: int
    flops: float

    def sums(self, block: Block) -> tuple[Float, ...]:
        """Of a block, to be added up."""

    def finish(self, sums: tuple[Float, ...], total: float) -> Iterable[tuple[Float, Float]]:
        """For each effect: its value (shown,), and its derivative (shown, m, r) in the root's coordinates."""


def _weighted(columns: Iterable[Float], weight: Float | None) -> Float:
    """(q, n)."""
    found = np.stack(list(columns))
    if weight is not None:
        found *= weight
    return found


def _summed(columns: Float) -> Float:
    return np.asarray(columns.sum(axis=1))


def _cost(tables: Iterable[Table], width: int) -> tuple[int, float]:
    """Numbers and flops for each point of columns with these tables."""
    columns = sum(int(table.max()) + 1 for table in tables)
    return 3 * columns, columns * (2.0 * width + 10.0)


class Slopes:
    """Derivatives by columns, all of them from the same sums."""

    def __init__(self, model: Model, target: Target, columns: list[Column]) -> None:
        self.model, self.target, self.columns = model, target, columns
        self.n_effects = len(columns)
        self.numbers, self.flops = _cost([target.at_first, target.at_second], model.width)

    def sums(self, block: Block) -> tuple[Float, ...]:
        """See :class:`Task`."""
        first = _weighted(self.target.first(block.state), block.weight)
        second = _weighted(self.target.second(block.state), block.weight)
        return _summed(first), self.model.product(block.Z, block.ones, second)

    def finish(self, sums: tuple[Float, ...], total: float) -> Iterable[tuple[Float, Float]]:
        """See :class:`Task`."""
        S = (sums[0] / total)[self.target.at_first]
        T = (sums[1] / total)[self.target.at_second]
        for column in self.columns:
            g = self.model.coef @ column.direction
            J = np.einsum("l,klcj->kcj", g, T)
            J += S[:, :, None] * self.model.direction(column.direction[None])[0]
            yield S @ g, J


class Elasticity:
    """The derivative by the logarithm of a column."""

    n_effects = 1

    def __init__(self, model: Model, target: Target, column: Column) -> None:
        self.model, self.target, self.column = model, target, column
        self.numbers, self.flops = _cost([target.at_first, target.at_along], model.width)

    def sums(self, block: Block) -> tuple[Float, ...]:
        """See :class:`Task`."""
        x, b = self.column.values(block.X), self.model.coef @ self.column.direction
        effects, derivative = self.target.along(block.state, b[:, None] * x)
        if block.weight is not None:
            effects = effects * block.weight
        along = self.model.product(block.Z, block.ones, _weighted(derivative, block.weight))
        first = _weighted(self.target.first(block.state), block.weight)
        first *= x
        return _summed(effects), along, _summed(first)

    def finish(self, sums: tuple[Float, ...], total: float) -> Iterable[tuple[Float, Float]]:
        """See :class:`Task`."""
        effects, along, first = (part / total for part in sums)
        ahead = self.model.direction(self.column.direction[None])[0]
        yield effects, along[self.target.at_along] + first[self.target.at_first][:, :, None] * ahead


class Change:
    """The change of F where a column goes from 0 to 1."""

    n_effects = 1

    def __init__(self, model: Model, target: Target, column: Column) -> None:
        self.model, self.target, self.column = model, target, column
        self.numbers, self.flops = _cost([target.at_first] * 2, model.width)

    def sums(self, block: Block) -> tuple[Float, ...]:
        """See :class:`Task`."""
        model, x = self.model, self.column.values(block.X)
        b = model.coef @ self.column.direction
        low = self._moved(block, -x, b)
        high = self._moved(block, 1.0 - x, b)
        move = None if model.is_limit else b[:, None]
        effects = self.target.change(low, high, move)
        change = _weighted(self.target.first_change(low, high, move), block.weight)
        h1 = _weighted(self.target.first(high), block.weight)
        if block.weight is not None:
            effects = effects * block.weight
        if bool(((x == 0.0) | (x == 1.0)).all()):
            # z1 = z + (1 - x) ahead, z0 = z - x ahead
            along = model.product(block.Z, block.ones, change)
            return _summed(effects), along, _summed(h1 - x * change)
        # z1 = z0 + ahead: what x_v adds to both would cancel where it is large
        gap = model.width - block.X.shape[1]
        low_rows = np.concatenate([np.ones((len(x), gap)), block.X], axis=1)
        low_rows -= x[:, None] * self.column.direction
        return _summed(effects), model.product(*model.coordinates(low_rows, False), change), _summed(h1)

    def _moved(self, block: Block, step: Float, b: Float) -> State:
        """Probabilities where the column is larger by `step`."""
        if not step.any():
            return block.state
        X = block.X
        if self.model.is_limit:
            # which of the classes run away depends on it
            X = np.array(X, order="C")
            X[:, self.column.place] += step
        state = self.model.state_of(X, block.eta + step[:, None] * b)
        return state if block.weight is None else _settled(state, block.weight)

    def finish(self, sums: tuple[Float, ...], total: float) -> Iterable[tuple[Float, Float]]:
        """See :class:`Task`."""
        effects, along, first = (part / total for part in sums)
        ahead = self.model.direction(self.column.direction[None])[0]
        yield effects, along[self.target.at_first] + first[self.target.at_first][:, :, None] * ahead


def _settled(state: State, weight: Float) -> State:
    """What does not count may be undetermined."""
    gone = weight == 0.0
    if gone.any():
        state.p[:, gone] = state.q[:, gone] = 0.5
    return state


class Derivative:
    """The derivative by a variable that columns are made of, or by its logarithm.

    The last of its sums tells which columns it moves.
    """

    n_effects = 1

    def __init__(
        self, model: Model, target: Target, designs: Designs, name: str, *, elasticity: bool
    ) -> None:
        self.model, self.target, self.designs, self.name = model, target, designs, name
        self.elasticity = elasticity
        numbers, self.flops = _cost([target.at_first, target.at_along], model.width)
        self.numbers = numbers + 4 * model.width

    def sums(self, block: Block) -> tuple[Float, ...]:
        """See :class:`Task`."""
        D = self.designs.derivative(block.start, block.stop, self.name)
        if self.elasticity:
            D = D * self.designs.values(block.start, block.stop, self.name)[:, None]
        model, moved = self.model, self.model.fitted.changes(D)
        g = np.empty((len(D), len(model.coef)))
        within = np.ascontiguousarray(model.coef[:, model.width - moved.shape[1] :])
        model.kernels.linear_predictor(moved, within, g, intercept=False)
        effects, derivative = self.target.along(block.state, np.ascontiguousarray(g.T))
        if block.weight is not None:
            effects = effects * block.weight
        along = model.product(block.Z, block.ones, _weighted(derivative, block.weight))
        first = _weighted(self.target.first(block.state), block.weight)
        ahead = model.product(model.direction(moved), False, first)
        return _summed(effects), along, ahead, _touched(D, block.weight)[None]

    def finish(self, sums: tuple[Float, ...], total: float) -> Iterable[tuple[Float, Float]]:
        """See :class:`Task`."""
        effects, along, ahead = (part / total for part in sums[:-1])
        yield effects, along[self.target.at_along] + ahead[self.target.at_first]


class Contrasts:
    """Changes of F where a variable that columns are made of goes from a base to other values.

    The last of its sums tells which columns each of them moves.
    """

    def __init__(
        self,
        model: Model,
        target: Target,
        designs: Designs,
        name: str,
        base: object,
        levels: tuple[object, ...],
    ) -> None:
        self.model, self.target, self.designs, self.name = model, target, designs, name
        self.base, self.levels, self.n_effects = base, levels, len(levels)
        numbers, flops = _cost([target.at_first] * 2, model.width)
        self.numbers, self.flops = numbers + 4 * model.width, flops * (len(levels) + 1)

    def sums(self, block: Block) -> tuple[Float, ...]:
        """See :class:`Task`."""
        X0, low, eta0, h0 = self._at(block, self.base)
        effects, along, touched = [], [], []
        for level in self.levels:
            X1, high, eta1, h1 = self._at(block, level)
            move = None if self.model.is_limit else np.ascontiguousarray((eta1 - eta0).T)
            change = self.target.change(low, high, move)
            effects.append(_summed(change if block.weight is None else change * block.weight))
            along.append(h1 - h0)
            touched.append(_touched(X1 - X0, block.weight))
        return np.stack(effects), np.stack(along), np.stack(touched)

    def _at(self, block: Block, value: object) -> tuple[Float, State, Float, Float]:
        """All columns, probabilities, logits, and h times the rows, (q, r), with the variable at a value."""
        model = self.model
        X = self.designs.with_value(block.start, block.stop, self.name, value)
        rows, ones = model.fitted.rows(X)
        eta, state = model.states(rows, ones, block.offset)
        if block.weight is not None:
            state = _settled(state, block.weight)
        h = _weighted(self.target.first(state), block.weight)
        Z, unstored = model.coordinates(rows, ones)
        return X, state, eta, model.product(Z, unstored, h)

    def finish(self, sums: tuple[Float, ...], total: float) -> Iterable[tuple[Float, Float]]:
        """See :class:`Task`."""
        for effects, along in zip(sums[0] / total, sums[1] / total, strict=True):
            yield effects, along[self.target.at_first]


def _touched(D: Float, weight: Float | None) -> Float:
    """Sum of |D| of each column over the points that count: 0 where it is not moved."""
    size = np.abs(D)
    return np.asarray((size if weight is None else size[weight > 0.0]).sum(axis=0))


def moved_columns(task: Task, sums: tuple[Float, ...]) -> npt.NDArray[np.bool_] | None:
    """Which of all columns but the intercept's each effect moves, (n_effects, p); None of columns of X."""
    return np.asarray(sums[-1] > 0.0) if isinstance(task, Derivative | Contrasts) else None
