"""A column of a table: its columns of the design, and columns of new rows that are matched with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigmax.data.checks import plural
from sigmax.data.tabular.series import Array, Column, plain
from sigmax.data.tabular.tables import Table

_KINDS = ("number", "boolean", "levels")


@dataclass(frozen=True, slots=True)
class Coded:
    """What becomes of a column of a table.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "levels"}
    levels : tuple of str, int, float or bool
        In order, the base first.
    full : bool
        Whether the base has a column of its own.
    """

    name: str
    kind: str
    levels: tuple[Any, ...] = ()
    full: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Of its columns of the design, as a formula has them."""
        if self.kind != "levels":
            return (self.name,)
        if self.full:
            return tuple(f"{self.name}[{level}]" for level in self.levels)
        return tuple(f"{self.name}[T.{level}]" for level in self.levels[1:])

    @property
    def width(self) -> int:
        """How many these are."""
        return len(self.levels) - (not self.full) if self.kind == "levels" else 1


def require_usable(column: Column, argument: str) -> None:
    """Raise ValueError where a column is neither of numbers nor of levels: dates, complex numbers, lists."""
    if column.kind == "other":
        raise ValueError(
            f"{argument} must have columns of numbers, truth values, text or categories; column "
            f"{column.name!r} holds {column.dtype}: make numbers of it, or categories, or leave it out"
        )


def matched(table: Table, coded: Coded) -> Array:
    """A column of new rows: numbers, or codes of the levels of the fit.

    Raises
    ------
    ValueError
        It holds something else than in the fit, has missing values, or levels that the fit did not know.
    """
    column = table.column(coded.name)
    column.require_complete(table.argument)
    if coded.kind == "levels":
        return _codes(column, coded, table.argument)
    if column.kind not in ("number", "boolean"):
        raise ValueError(
            f"{table.argument} column {coded.name!r} must hold "
            f"{'truth values' if coded.kind == 'boolean' else 'numbers'}, as in the fit; it holds "
            f"{column.dtype}"
        )
    values = column.floats()
    if coded.kind == "boolean" and column.kind == "number":
        strange = (values != 0.0) & (values != 1.0)
        if strange.any():
            row = int(strange.argmax())
            what = f"{plural(int(strange.sum()), 'value')} {'is' if strange.sum() == 1 else 'are'} neither"
            raise ValueError(
                f"{table.argument} column {coded.name!r} must hold truth values, or 0 and 1, as in the fit; "
                f"{what}, the first {plain(values[row])!r} in row {row}"
            )
    return values


def _codes(column: Column, coded: Coded, argument: str) -> Array:
    require_usable(column, argument)
    if column.kind == "levels":
        labels, inverse = column.levels, column.values
    else:
        distinct, inverse = np.unique(column.values, return_inverse=True)
        labels = tuple(plain(value) for value in distinct)
    known = {level: code for code, level in enumerate(coded.levels)}
    place = np.array([known.get(label, -1) for label in labels], dtype=np.int32)
    codes = place[inverse.ravel()] if len(place) else np.zeros(0, np.int32)
    strange = codes < 0
    if strange.any():
        row = int(strange.argmax())
        raise ValueError(
            f"{argument} column {coded.name!r} has {plural(int(strange.sum()), 'row')} of a level that was "
            f"not in the fit, the first {labels[inverse[row]]!r} in row {row}; the fit has "
            f"{shown(coded.levels)}"
        )
    return codes


def shown(levels: tuple[Any, ...]) -> str:
    """The first of the levels, as messages have them."""
    return ", ".join(map(repr, levels[:20])) + (", ..." if len(levels) > 20 else "")


def require(holds: bool, what: str) -> None:
    """Raise ValueError for a state where something does not hold."""
    if not holds:
        raise ValueError(f"state of a coding of columns: {what}")


def of_state(one: Any) -> Coded:
    """A column from what JSON has; ValueError where something is wrong with it."""
    require(isinstance(one, dict), "each column must be a mapping")
    name, kind, levels, full = (one.get(key) for key in ("name", "kind", "levels", "full"))
    require(isinstance(name, str), "each column must have a name")
    require(kind in _KINDS, f"column {name!r} must be of kind {', '.join(_KINDS)}; got {kind!r}")
    require(type(full) is bool and type(one.get("binary")) is bool, f"column {name!r} lacks a truth value")
    require(isinstance(levels, list), f"the levels of column {name!r} must be a list")
    require(all(_is_level(level) for level in levels), f"column {name!r} has a level of another type")
    require(len(set(levels)) == len(levels), f"column {name!r} has a level twice")
    require((kind == "levels") == bool(levels), f"column {name!r} of kind {kind!r} has {len(levels)} levels")
    return Coded(name, kind, tuple(levels), full)


def _is_level(level: object) -> bool:
    return isinstance(level, str | int) or (isinstance(level, float) and bool(np.isfinite(level)))
