"""The columns of a design as blocks: numbers that SQL computes, times a table over levels.

A column of a design is a product of numbers and of codings of levels.  All columns of one term have the same
numbers in them and the same variables of levels; so they add to a logit

    numbers * table[level of a, level of b, ...] . coef

and the second factor is a number for each combination of levels, whatever the coding is.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sigmax.data.checks import plural
from sigmax.data.formulas.literals import OutsideError
from sigmax.inference.exports.dialects import Dialect
from sigmax.inference.exports.expressions import plain_column, translated
from sigmax.kernels import Float

if TYPE_CHECKING:
    from sigmax.data.formulas.formula import Terms
    from sigmax.data.tabular.coding import Coding

#: combinations of levels that one term may have
_COMBINATIONS = 10_000


@dataclass(frozen=True, slots=True)
class Number:
    """A column of numbers, by its name, or an expression of a formula; with the columns of truth values."""

    text: str
    is_column: bool = True
    booleans: frozenset[str] = frozenset()

    def sql(self, dialect: Dialect) -> str:
        """It as float64."""
        if self.is_column:
            return dialect.column(self.text, boolean=self.text in self.booleans)
        return translated(self.text, dialect, self.booleans)


@dataclass(frozen=True, slots=True)
class Block:
    """Columns of a design that belong together.

    Attributes
    ----------
    columns : tuple of int
        Their places in the design, without the intercept.
    numbers : tuple of Number
        The factors that are numbers.
    levels : tuple of (str, tuple)
        Variables with their levels.
    table : ndarray of shape (combinations of levels, columns)
        The last variable's level moves first.
    """

    columns: tuple[int, ...]
    numbers: tuple[Number, ...]
    levels: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    table: Float | None = None

    def sql(self, coef: Float, dialect: Dialect) -> str:
        """What the block adds to a logit with the coefficients `coef` of all columns."""
        mine = coef[list(self.columns)]
        numbers = [one.sql(dialect) for one in self.numbers]
        if self.table is None:
            return " * ".join([dialect.number(float(mine[0])), *numbers])
        weights = [math.fsum(row * mine) for row in self.table]
        return " * ".join([_case(self.levels, weights, dialect), *numbers])


def _case(levels: tuple[tuple[str, tuple[Any, ...]], ...], weights: list[float], dialect: Dialect) -> str:
    """A number for each combination of levels; NULL of a level that is none of them, and of NULL."""
    (name, each), *inner = levels
    size = len(weights) // len(each)
    arms = []
    for i, level in enumerate(each):
        part = weights[i * size : (i + 1) * size]
        then = _case(tuple(inner), part, dialect) if inner else dialect.number(part[0])
        arms.append(f"WHEN {dialect.label(level)} THEN {then}")
    return f"CASE {dialect.identifier(name)} {' '.join(arms)} END"


# -- of arrays and tables ------------------------------------------------------------------------------


def of_names(names: tuple[str, ...]) -> list[Block]:
    """Columns of numbers, each by its name."""
    return [Block((j,), (Number(name),)) for j, name in enumerate(names)]


def of_coding(coding: Coding) -> list[Block]:
    """Columns of a table as a fit without a formula codes them."""
    blocks = []
    for one in coding.columns:
        place = coding.places[one.name]
        columns = tuple(range(place.start, place.stop))
        if one.kind == "number":
            blocks += [Block(columns, (Number(one.name),))]
            continue
        levels = (False, True) if one.kind == "boolean" else one.levels
        table = np.eye(len(levels))[:, len(levels) - len(columns) :]
        blocks += [Block(columns, (), ((one.name, levels),), table)]
    return blocks


# -- of a formula --------------------------------------------------------------------------------------


def of_formula(terms: Terms) -> list[Block]:
    """Terms of a formula whose expressions SQL has.

    Raises
    ------
    ValueError
        A term has what cannot be translated: the message names it.
    """
    return [_of_term(terms, row) for row in terms._spec.structure if row.columns]


def _booleans(terms: Terms) -> frozenset[str]:
    """The variables that hold truth values."""
    return frozenset(one.name for one in terms.variables if one.levels == (False, True) and one.base is False)


def _of_term(terms: Terms, row: Any) -> Block:
    from sigmax.data.formulas.materials import levels_of

    place = {name: j for j, name in enumerate(terms.names)}
    columns = tuple(place[name] for name in row.columns)
    numbers: list[Number] = []
    coded: dict[str, tuple[str, tuple[Any, ...]]] = {}
    for factor in row.term.factors:
        expr = str(factor.expr)
        levels = levels_of(terms._spec, expr)
        try:
            if levels is not None:
                name = expr if factor.eval_method.value == "lookup" else plain_column(expr)
                if name is None:
                    raise OutsideError("its levels are those of an expression")
                coded[expr] = (name, tuple(levels))
            else:
                numbers.append(Number(expr, factor.eval_method.value == "lookup", _booleans(terms)))
                numbers[-1].sql(_ANY)
        except OutsideError as error:
            raise ValueError(
                f"to_sql() cannot translate the term {str(row.term)!r} of the formula: {error}; what it can "
                "are columns, numbers, + - * / **, np.log, np.exp, np.sqrt, np.abs, I() and C() of a column"
            ) from None
    if not coded:
        return Block(columns, tuple(numbers))
    table = _table(terms, row, coded, [one.text for one in numbers])
    return Block(columns, tuple(numbers), tuple(coded.values()), table)


_ANY = Dialect("any", '"', "DOUBLE")


def offsets(terms: Terms, dialect: Dialect) -> list[str]:
    """The summands of a formula's offset()."""
    if terms.offsets is None:
        return []
    try:
        return [translated(str(one.expr), dialect, _booleans(terms)) for one in terms.offsets.factors]
    except OutsideError as error:
        raise ValueError(
            f"to_sql() cannot translate offset({terms.offsets}) of the formula: {error}"
        ) from None


def _table(terms: Terms, row: Any, coded: dict[str, Any], numbers: list[str]) -> Float:
    """The term's columns at every combination of levels, its numbers being 1: whatever the coding is."""
    import pandas as pd
    from formulaic.materializers.types import FactorValues

    from sigmax.data.formulas.materials import materialise

    names = [name for name, _ in coded.values()]
    count = math.prod(len(levels) for _, levels in coded.values())
    if len(set(names)) < len(names):
        raise ValueError(
            f"to_sql() cannot translate the term {str(row.term)!r} of the formula: it codes a column twice"
        )
    if count > _COMBINATIONS:
        raise ValueError(
            f"to_sql() cannot translate the term {str(row.term)!r} of the formula: it has "
            f"{plural(count, 'combination')} of levels; at most {_COMBINATIONS:,} are written"
        )
    cells = list(itertools.product(*(levels for _, levels in coded.values())))
    frame = pd.DataFrame(
        {
            name: pd.Series([cell[i] for cell in cells], dtype=object).infer_objects()
            for i, name in enumerate(names)
        }
    )
    part = terms._spec.update(formula=[row.term], structure=[row])
    ones = {expr: FactorValues(np.ones(count), kind="numerical", spans_intercept=False) for expr in numbers}
    return materialise(part, frame, terms._uses, factors=ones)[0]
