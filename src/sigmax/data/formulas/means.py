"""The point of means of a formula's variables, as Stata has it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sigmax.data.formulas import slopes
from sigmax.data.formulas.materials import Encoded, expressions, factors_of, levels_of, materialise
from sigmax.data.tabular.frames import Frame
from sigmax.kernels import Float

if TYPE_CHECKING:
    from sigmax.data.formulas.recipe import Recipe


@dataclass(frozen=True, eq=False, repr=False)
class Means:
    """The columns of a formula where its variables are at their means.

    A variable of numbers is at its weighted mean, 0/1 and truth values, too, and is then transformed.  A
    factor of levels is at the means of the columns that it is coded as: the shares of its levels.  A product
    of factors is the product of theirs.  So Stata's ``margins, atmeans`` has it, where transforms are a
    matter of ``c.x#c.x``; a column that someone has transformed beforehand is a variable of its own there,
    and here.

    Parameters
    ----------
    terms : Recipe
    frame : pandas.DataFrame of one row
        Numbers at their means; of text and categories some level, which is not looked at.
    encoded : dict
        The mean of the columns of each factor that is made of levels; keys as in :data:`Encoded`.
    """

    terms: Recipe
    frame: Frame
    encoded: Encoded

    def design(self) -> Float:
        """The columns, shape (1, p)."""
        return self._columns(self.frame, self.encoded)

    def derivative(self, variable: str) -> Float:
        """Their derivative after a variable of numbers, (1, p), as `Terms.derivative` has it."""
        return slopes.derivative(self.terms, self.frame, variable, self.encoded)

    def with_value(self, variable: str, value: object) -> Float:
        """The columns with one variable set to a value, the others at their means, (1, p).

        See :meth:`sigmax.data.formulas.formula.Terms.with_value`.
        """
        frame = self.terms._set(self.frame, variable, value)
        uses = self.terms._uses
        free = {expr for expr in expressions(self.encoded) if variable in uses[expr]}
        held = {
            key: columns for key, columns in self.encoded.items() if not free.intersection(expressions([key]))
        }
        self.terms._require_levels(frame, but=expressions(held))
        return self._columns(frame, held)

    def _columns(self, frame: Frame, encoded: Encoded) -> Float:
        X = materialise(self.terms._spec, frame, self.terms._uses, encoded=encoded)[0]
        self.terms._require_finite(X, frame)
        return X


def mean_columns(terms: Recipe, blocks: Iterable[tuple[Frame, Float]]) -> Means:
    """The means over rows that come in blocks, each with its weights."""
    import pandas as pd

    numbers = [name for name, kind in terms._kinds.items() if kind == "numbers"]
    averaged = {expr for expr in factors_of(terms._spec) if _is_averaged(terms, expr)}
    parts: dict[Any, list[Float]] = {}
    names: dict[Any, Any] = {}
    first = None
    for frame, weights in blocks:
        first = frame.iloc[:1] if first is None else first
        parts.setdefault(None, []).append(np.array([math.fsum(weights)]))
        for name in numbers:
            parts.setdefault(name, []).append(np.array([np.sum(frame[name].to_numpy(np.float64) * weights)]))
        if not averaged:
            continue
        encoded = materialise(terms._spec, frame.reset_index(drop=True), terms._uses)[2]
        for key, columns in encoded.items():
            if expressions([key]) <= averaged:
                names[key] = columns
                sums = [np.sum(np.asarray(column, float) * weights) for column in _each(columns).values()]
                parts.setdefault(key, []).append(np.array(sums))
    total = math.fsum(float(part[0]) for part in parts[None])

    def mean(key: Any) -> list[float]:
        return [math.fsum(column) / total for column in np.stack(parts[key], axis=1)]

    assert first is not None
    row = first.reset_index(drop=True).copy()
    for name in numbers:
        row[name] = pd.Series(mean(name))
    return Means(terms, row, {key: _with_values(columns, mean(key)) for key, columns in names.items()})


def _is_averaged(terms: Recipe, expr: str) -> bool:
    """Of levels; or of numbers that are made of text, which has no mean of its own."""
    if levels_of(terms._spec, expr) is not None:
        return True
    return any(terms._kinds[name] != "numbers" for name in terms._uses[expr])


def _each(columns: Any) -> dict[Any, Any]:
    """The columns of one factor, by name."""
    return dict(columns) if isinstance(columns, dict) else {None: columns}


def _with_values(columns: Any, values: list[float]) -> Any:
    """A factor of the same columns in one row."""
    from formulaic.materializers.types import FactorValues

    metadata = columns.__formulaic_metadata__
    if isinstance(columns, dict):
        made: Any = {name: np.array([value]) for name, value in zip(columns, values, strict=True)}
    else:
        made = np.array(values)
    return FactorValues(made, metadata=metadata)
