"""The variables whose effects are asked for: columns of X, or what columns are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sigmax.inference.margins.cumulants import Target
from sigmax.inference.margins.effects import Change, Column, Contrasts, Derivative, Elasticity, Slopes, Task
from sigmax.inference.margins.points import Designs, Model
from sigmax.inference.observations import Observations
from sigmax.kernels import Float

#: rows after which most columns are known to be neither 0/1 nor constant
_FIRST = 1024
#: a combination of columns that is so near to a whole number is one
_ROUNDING = 1e-9


class Known(Protocol):
    """A variable that columns are made of: :class:`sigmax.data.formulas.recipe.Variable` is one.

    Attributes
    ----------
    name : str
    kind : str
        "continuous", "binary" or "factor".
    levels : tuple
        Of a factor, or the two of a binary one.
    base : label
        The level that the others are compared with.
    """

    @property
    def name(self) -> str:
        """That of its column of data."""

    @property
    def kind(self) -> str:
        """What it takes: any number, two values, or levels."""

    @property
    def levels(self) -> tuple[Any, ...]:
        """The values of what is not continuous."""

    @property
    def base(self) -> Any:
        """The level without a column."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Effects of one task, in the order in which it has them.

    Attributes
    ----------
    task : Task
    variables, names : tuple of str
        The variable of each effect, and what the effect is called.
    changes : tuple
        The two values of a discrete change; None for a derivative.
    """

    task: Task
    variables: tuple[str, ...]
    names: tuple[str, ...]
    changes: tuple[tuple[Any, Any] | None, ...]


def kinds_of_columns(observations: Observations, columns: Sequence[Column]) -> tuple[set[str], set[str]]:
    """The columns that hold 0 and 1 alone, both of them, and those that are constant; over rows that count.

    Columns that are neither by the first rows are not looked at again: mostly no read of the data.
    """
    n, units = observations.n_rows, observations.units
    parts = [part for part in (units.weight(), units.total()) if part is not None]
    left = {one.name: _Seen() for one in columns}
    size, start = _FIRST, 0
    while start < n and any(seen.is_open for seen in left.values()):
        stop = min(start + size, n)
        counts = np.ones(stop - start, bool)
        for part in parts:
            counts &= part[start:stop] > 0.0
        X = observations.design.block(start, stop)
        if not counts.all():
            X = X[counts]
        for one in columns:
            if left[one.name].is_open and len(X):
                x = one.values(X)
                if one.place is None:
                    # a combination of columns, to rounding
                    near = np.round(x)
                    x = np.where(np.abs(x - near) <= _ROUNDING, near, x)
                left[one.name].look(x)
        start, size = stop, observations.block_rows()
    binary = {name for name, seen in left.items() if seen.binary and seen.zero and seen.one}
    return binary, {name for name, seen in left.items() if seen.constant}


@dataclass(slots=True)
class _Seen:
    """What a column has shown so far."""

    binary: bool = True
    constant: bool = True
    zero: bool = False
    one: bool = False
    first: float | None = None

    @property
    def is_open(self) -> bool:
        return self.binary or self.constant

    def look(self, x: Float) -> None:
        """See more of it."""
        zero, one = x == 0.0, x == 1.0
        self.first = float(x[0]) if self.first is None else self.first
        self.binary = self.binary and bool((zero | one).all())
        self.constant = self.constant and bool((x == self.first).all())
        self.zero, self.one = self.zero or bool(zero.any()), self.one or bool(one.any())


def chosen(variables: str | Sequence[str] | None, known: Sequence[str], default: Sequence[str]) -> list[str]:
    """The names that were asked for, each once.

    Raises
    ------
    ValueError
        A name that is none.
    """
    if variables is None:
        return list(default)
    names = [variables] if isinstance(variables, str) else list(variables)
    if not names:
        raise ValueError("variables must name at least one; got none")
    unknown(names, known, "variables")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"variables must differ; {twice[0]!r} stands more than once")
    return names


def unknown(names: Sequence[str], known: Sequence[str], argument: str) -> None:
    """Raise ValueError where a name is none of the variables."""
    strange = [name for name in names if name not in known]
    if strange:
        shown = ", ".join(map(repr, known[:12])) + (", ..." if len(known) > 12 else "")
        raise ValueError(f"{argument}: no variable {strange[0]!r}; the variables are {shown}")


def of_columns(
    model: Model,
    target: Target,
    columns: list[Column],
    discrete: set[str],
    *,
    elasticity: bool,
) -> list[Wanted]:
    """Tasks for columns of X."""
    found = []
    slopes = [] if elasticity else [one for one in columns if one.name not in discrete]
    if slopes:
        names = tuple(one.name for one in slopes)
        found.append(Wanted(Slopes(model, target, slopes), names, names, (None,) * len(names)))
    for one in columns:
        if one.name in discrete:
            found.append(Wanted(Change(model, target, one), (one.name,), (one.name,), ((0, 1),)))
        elif elasticity:
            found.append(Wanted(Elasticity(model, target, one), (one.name,), (one.name,), (None,)))
    return found


def of_designs(
    model: Model,
    target: Target,
    variables: list[Known],
    discrete: set[str],
    designs: Designs,
    *,
    elasticity: bool,
) -> list[Wanted]:
    """Tasks for what columns are made of."""
    found = []
    for one in variables:
        if one.name not in discrete:
            task = Derivative(model, target, designs, one.name, elasticity=elasticity)
            found.append(Wanted(task, (one.name,), (one.name,), (None,)))
            continue
        is_factor = one.kind == "factor"
        base = one.base if is_factor else (one.levels or (0, 1))[0]
        others = tuple(level for level in one.levels or (0, 1) if level != base)
        names = tuple(f"{one.name}[{level}]" if is_factor else one.name for level in others)
        changes = tuple((base, level) for level in others)
        contrasts = Contrasts(model, target, designs, one.name, base, others)
        found.append(Wanted(contrasts, (one.name,) * len(others), names, changes))
    return found
