"""A result as SQL: probabilities, logits and labels as expressions over the columns of a table.

With d_j = eta_j - eta_k, differences of the logits, each a linear function of its own,

    p_k = 1 / (1 + sum_j exp(d_j)),

whose sum has no negative term and is as accurate as each: log-sum-exp with the class that is asked for in the
place of the largest.  exp() is not asked for more than 700, where databases overflow: p_k is then 0, but
never where it is above 1e-304; nor for less than -700, where some underflow with an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sigmax.data.tabular.coding import Coding
from sigmax.inference.estimates import Estimates, class_index
from sigmax.inference.exports import blocks
from sigmax.inference.exports.blocks import Block
from sigmax.inference.exports.dialects import DIALECTS, Dialect
from sigmax.inference.exports.linear import LinearModel, linear_model
from sigmax.kernels import Float

if TYPE_CHECKING:
    from sigmax.data.formulas.formula import Terms

KINDS = ("probability", "logit", "label")
#: exp of this does not overflow, nor does a sum of 1e4 of them
_FAR, _NEAR = "7e2", "(-7e2)"
#: terms of a sum in one pair of parentheses: databases nest some 1000 operations, a chain of sums one each
_CHAIN = 64


class _Writer:
    """Linear functions of a model's columns as SQL."""

    def __init__(self, result: Estimates, dialect: Dialect) -> None:
        self.model: LinearModel = linear_model(result, "to_sql()")
        self.dialect = dialect
        self._offset: list[str] = []
        terms = result._source.terms
        found: list[Block]
        if terms is None:
            found = blocks.of_names(self.model.names)
        elif isinstance(terms, Coding):
            found = blocks.of_coding(terms)
        else:
            formula = cast("Terms", terms)
            found = blocks.of_formula(formula)
            self._offset = blocks.offsets(formula, dialect)
        used = self.model.used[int(self.model.intercept) :]
        self._blocks = [block for block in found if used[list(block.columns)].any()]

    def linear(self, coef: Float, *, sign: float) -> str:
        """Coefficients (k,) times the columns, plus `sign` times the offset of a formula, as SQL."""
        d = self.dialect
        first = int(self.model.intercept)
        parts = [d.number(float(coef[0]))] if first else []
        parts += [block.sql(coef[first:], d) for block in self._blocks]
        parts += [f"{d.number(sign)} * {one}" for one in self._offset if sign]
        if not self._blocks:  # a literal alone would be a DECIMAL in some
            return f"CAST({_chained(parts, ' + ') if parts else '0e0'} AS {d.double})"
        return _chained(parts, " + ")


def _chained(parts: list[str], operator: str) -> str:
    """(a + b + ...), nested no deeper than it must be."""
    while len(parts) > _CHAIN:
        parts = [f"({operator.join(parts[i : i + _CHAIN])})" for i in range(0, len(parts), _CHAIN)]
    return f"({operator.join(parts)})"


def to_sql(
    result: Estimates,
    kind: str,
    *,
    label: Any,
    table: str | Sequence[str] | None,
    dialect: str,
) -> str:
    """See :meth:`sigmax.inference.result.Result.to_sql`."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}; got {kind!r}")
    if dialect not in DIALECTS:
        raise ValueError(f"dialect must be one of {', '.join(map(repr, DIALECTS))}; got {dialect!r}")
    if result.has_offset and kind != "logit":
        raise ValueError(
            f"kind={kind!r} needs the offset= of the fit, which SQL does not have; take kind='logit'"
        )
    writer = _Writer(result, DIALECTS[dialect])
    if kind == "label":
        if label is not None:
            raise ValueError(
                "label is for probabilities and logits; kind='label' gives the most probable one"
            )
        found = {"label": _label(writer)}
    else:
        every = result.classes if kind == "probability" else np.asarray(result.row_labels)
        chosen = _chosen(result, kind, every, label, whole=table is not None)
        write = _probability if kind == "probability" else _logit
        found = {f"{kind} {result.classes[k]}": write(result, writer, k) for k in chosen}
    if table is None:
        [only] = found.values()
        return only
    d, parts = writer.dialect, [table] if isinstance(table, str) else list(table)
    columns = ",\n".join(f"  {text} AS {d.identifier(name)}" for name, text in found.items())
    return f"SELECT *,\n{columns}\nFROM {'.'.join(map(d.identifier, parts))}"


def _chosen(result: Estimates, kind: str, every: Any, label: Any, *, whole: bool) -> list[int]:
    """Indices of the classes that are asked for."""
    if label is not None:
        try:
            k = class_index(result.classes, label)
        except ValueError as error:
            raise ValueError(str(error).replace("reference", "label", 1)) from None
        if kind == "logit" and k == result._base:
            raise ValueError(f"label must not be the reference, whose logit is 0; got {label!r}")
        return [k]
    if whole:
        return [class_index(result.classes, one) for one in every]
    if kind == "probability" and len(every) == 2:
        return [1]
    if len(every) > 1:
        raise ValueError(
            f"label must say of which class one expression is to be the {kind}; with table= there is a "
            "column for each"
        )
    return [class_index(result.classes, every[0])]


def _difference(writer: _Writer, j: int, k: int) -> str:
    """eta_j - eta_k; a formula's offset belongs to the second of two classes."""
    coef = writer.model.coef
    return writer.linear(coef[j] - coef[k], sign=float((j == 1) - (k == 1)))


def _probability(result: Estimates, writer: _Writer, k: int) -> str:
    K = len(writer.model.classes)
    differences = [_difference(writer, j, k) for j in range(K) if j != k]
    beyond = _chained([f"{one} > {_FAR}" for one in differences], " OR ")
    each = [f"CASE WHEN {one} < {_NEAR} THEN 0e0 ELSE EXP({one}) END" for one in differences]
    # times the logit: of what is not a number, not 0
    return f"CASE WHEN {beyond} THEN 0e0 * {differences[0]} ELSE 1e0 / (1e0 + {_chained(each, ' + ')}) END"


def _logit(result: Estimates, writer: _Writer, k: int) -> str:
    # as it is parametrised: against the reference, or against the mean of all classes
    row = [class_index(result.classes, one) for one in result.row_labels].index(k)
    coef = np.atleast_2d(np.where(result.aliased, 0.0, result.params))[row]
    sign = (k == 1) - (0.5 if result._base is None else float(result._base == 1))
    return writer.linear(coef, sign=sign if len(writer.model.classes) == 2 else 0.0)


def _label(writer: _Writer) -> str:
    """The most probable class; the second of two equals, the first of more; NULL where a column is."""
    d, K = writer.dialect, len(writer.model.classes)
    names = [d.label(one) for one in writer.model.classes.tolist()]
    eta = _difference(writer, 1, 0)
    if K == 2:
        found = f"CASE WHEN {eta} >= 0e0 THEN {names[1]} ELSE {names[0]} END"
    else:
        arms = []
        for k in range(K - 1):
            best = [f"{_difference(writer, j, k)} <= 0e0" for j in range(K) if j != k]
            arms.append(f"WHEN {_chained(best, ' AND ')} THEN {names[k]}")
        found = f"CASE {' '.join(arms)} ELSE {names[-1]} END"
    # what is not a number is equal to nothing, or to itself alone
    return f"CASE WHEN 0e0 * {eta} = 0e0 THEN {found} END"
