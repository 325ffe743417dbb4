"""Expressions of formulas, computed node by node: nothing is compiled and nothing run as Python.

For the part of the language in :mod:`sigmax.data.formulas.language`.  The operations are those that
formulaic's own evaluation comes to, on the same columns, and so are the bits.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np

from sigmax.data.checks import plural
from sigmax.data.formulas import literals, vocabulary
from sigmax.data.formulas.language import column_of
from sigmax.data.formulas.literals import OutsideError


def run(node: ast.expr, data: Mapping[str, Any], states: MutableMapping[str, Any]) -> Any:
    """The value of an expression.

    Parameters
    ----------
    node : ast.expr
        From :func:`sigmax.data.formulas.language.understood`.
    data : mapping of str to column
    states : mutable mapping
        What each transform remembers of the rows of the fit, by its text; a transform that is new is given
        an empty state, and fills it.

    Raises
    ------
    OutsideError
        A node that the language does not have.
    """
    column = column_of(node)
    if column is not None:
        return data[column]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Constant | ast.Attribute):
        return literals.number(node)
    if isinstance(node, ast.UnaryOp):
        return literals.unary(node.op, run(node.operand, data, states))
    if isinstance(node, ast.BinOp):
        return literals.binary(node.op, run(node.left, data, states), run(node.right, data, states))
    if isinstance(node, ast.Compare):
        left, right = (run(side, data, states) for side in (node.left, node.comparators[0]))
        return literals.compare(node.ops[0], left, right)
    if isinstance(node, ast.Call):
        return _call(node, data, states)
    raise OutsideError(f"it holds {type(node).__name__}")


def _call(node: ast.Call, data: Mapping[str, Any], states: MutableMapping[str, Any]) -> Any:
    from formulaic.transforms import TRANSFORMS

    name = literals.function_of(node)
    owner, _, attribute = name.rpartition(".")
    if owner == "np" and attribute in vocabulary.ELEMENTWISE:
        values = [run(arg, data, states) for arg in node.args]
        literals.same_shape(*values)
        if attribute not in vocabulary.OF_OBJECTS:
            literals.of_numbers(*values)
        return getattr(np, attribute)(*values)
    value = run(node.args[0], data, states)
    if name in ("round", "np.round"):
        digits = [literals.number(arg) for arg in node.args[1:]]
        return round(value, *digits) if name == "round" else np.round(value, *digits)
    if name == "abs":
        return abs(value)
    if name in vocabulary.PLAIN:
        return TRANSFORMS[name](value)
    if name not in vocabulary.OPTIONS:
        raise OutsideError(f"it calls {name!r}")
    given = literals.options(node, vocabulary.OPTIONS[name])
    if given.get("contrasts") is not None:
        given["contrasts"] = _coding(*given["contrasts"])
    if name in vocabulary.STATEFUL:
        key = ast.unparse(node)
        if key not in states:
            states[key] = {}
        given["_state"] = states[key]
    try:
        return TRANSFORMS[name](value, **given)
    except ValueError:
        _require_inside(node, name, value, given.get("_state", {}))
        raise


class RowError(ValueError):
    """Rows that a transform has no value for."""


def _require_inside(node: ast.Call, name: str, value: Any, state: Mapping[str, Any]) -> None:
    """Refuse rows beyond the bounds of a spline by the first of them, which formulaic does not name."""
    values, low, high = np.asarray(value), state.get("lower_bound"), state.get("upper_bound")
    if low is None or high is None or values.dtype.kind not in "iufb":
        return
    outside = (values < low) | (values > high)
    if not outside.any():
        return
    row = int(outside.argmax())
    given, first = ast.unparse(node.args[0]), float(values[row])
    raise RowError(
        f"has {plural(int(outside.sum()), 'row')} beyond its bounds, {float(low)!r} to {float(high)!r}, the "
        f"first row {row}, where {given} is {first!r}; fit with lower_bound= and "
        f"upper_bound=, or with extrapolation='clip' or 'extend', in {name}()"
    )


def _coding(name: str | None, given: Any) -> Any:
    from formulaic.transforms import TRANSFORMS

    if name is None:
        return given
    owner, _, attribute = name.rpartition(".")
    found = getattr(TRANSFORMS["contr"], attribute) if owner else TRANSFORMS[name]
    return found if given is None else found(**given)
