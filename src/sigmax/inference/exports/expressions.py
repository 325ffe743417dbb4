"""Expressions of formulas in SQL: arithmetic, and the functions that every database has."""

from __future__ import annotations

import ast
import math
from collections.abc import Collection

from sigmax.data.formulas.language import column_of, read
from sigmax.data.formulas.literals import OutsideError, function_of, number
from sigmax.inference.exports.dialects import Dialect

_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
#: of one number; natural logarithm and root are called so everywhere
_FUNCTIONS = {
    "np.log": "LN",
    "log": "LN",
    "np.exp": "EXP",
    "exp": "EXP",
    "np.sqrt": "SQRT",
    "np.abs": "ABS",
    "np.absolute": "ABS",
    "np.fabs": "ABS",
    "abs": "ABS",
}


def translated(text: str, dialect: Dialect, booleans: Collection[str] = ()) -> str:
    """An expression of numbers in SQL; `booleans` are the columns of truth values.

    Raises
    ------
    ValueError
        It has something else in it than columns, numbers, + - * / **, I() and log, exp, sqrt, abs.
    """
    return _node(read(text), dialect, booleans)


def plain_column(text: str) -> str | None:
    """The column that ``x``, ``Q("x")`` or ``C(x, ...)`` is about; None of another expression."""
    node: ast.AST = read(text)
    if isinstance(node, ast.Call) and column_of(node) is None and function_of(node) == "C" and node.args:
        node = node.args[0]
    return column_of(node)


def _node(node: ast.expr, dialect: Dialect, booleans: Collection[str]) -> str:
    def inner(one: ast.expr) -> str:
        return _node(one, dialect, booleans)

    column = column_of(node)
    if column is not None:
        return dialect.column(column, boolean=column in booleans)
    if isinstance(node, ast.Constant | ast.Attribute):
        value = float(number(node))
        if not math.isfinite(value):
            raise OutsideError("it holds a number out of range")
        return dialect.number(value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inside = inner(node.operand)
        return f"(- {inside})" if isinstance(node.op, ast.USub) else inside
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return f"({inner(node.left)} {_OPERATORS[type(node.op)]} {inner(node.right)})"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return f"POWER({inner(node.left)}, {inner(node.right)})"
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        name = function_of(node)
        if name == "I":
            return inner(node.args[0])
        if name in _FUNCTIONS:
            return f"{_FUNCTIONS[name]}({inner(node.args[0])})"
    raise OutsideError(f"it has {ast.unparse(node)[:80]!r}")
