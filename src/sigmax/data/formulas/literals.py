"""Numbers, options and codings in expressions of formulas, and arithmetic of bounded size."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from sigmax.data.formulas.vocabulary import CODINGS, CONSTANTS

#: bits of a whole number that constants give
_BITS = 1024


class OutsideError(ValueError):
    """An expression that is not of the part of the language that can be stored."""


BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
UNARY: dict[type, Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}
COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def function_of(node: ast.Call) -> str:
    """``"np.exp"``, ``"bs"``; OutsideError where the function is no such name."""
    if isinstance(node.func, ast.Name) and not node.func.id.startswith("`"):
        return node.func.id
    found = node.func
    if isinstance(found, ast.Attribute) and isinstance(found.value, ast.Name):
        return f"{found.value.id}.{found.attr}"
    raise OutsideError(f"it calls {ast.unparse(node.func)!r}, which is no function of the list")


def constant(node: ast.Attribute) -> float:
    """np.pi or np.e."""
    if isinstance(node.value, ast.Name) and node.value.id == "np" and node.attr in CONSTANTS:
        return CONSTANTS[node.attr]
    raise OutsideError(f"it reads the attribute {ast.unparse(node)[:80]!r}; only np.pi and np.e are stored")


def number(node: ast.AST) -> Any:
    """A number, or arithmetic of numbers.

    Raises
    ------
    OutsideError
        It is none, is not finite, or a whole number of more than 1024 bits.
    """
    value: Any
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        value = node.value
    elif isinstance(node, ast.Attribute):
        value = constant(node)
    elif isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        inside = number(node.operand)
        if isinstance(node.op, ast.Invert) and isinstance(inside, float):
            raise OutsideError(f"it holds {ast.unparse(node)[:80]!r}")
        value = (
            UNARY[type(node.op)](int(inside)) if isinstance(inside, bool) else UNARY[type(node.op)](inside)
        )
    elif isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        value = binary(node.op, number(node.left), number(node.right))
    else:
        raise OutsideError(f"it holds {ast.unparse(node)[:80]!r} where a number belongs")
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value.bit_length() <= _BITS:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise OutsideError(f"it holds a number that is not finite or too large, {ast.unparse(node)[:80]!r}")


def binary(op: ast.operator, left: Any, right: Any) -> Any:
    """A binary operation, of bounded size and shape.

    Raises
    ------
    OutsideError
        Numbers of Python whose result is too large, or none; arrays of different shapes, which NumPy would
        make a matrix of; text, but in a sum.
    """
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * max(abs(right), 1) if isinstance(op, ast.Pow) else left.bit_length()
        if max(bits, right.bit_length()) > _BITS:
            raise OutsideError("it holds a whole number that is too large")
    same_shape(left, right)
    if not isinstance(op, ast.Add):
        of_numbers(left, right)
    try:
        return BINARY[type(op)](left, right)
    except (ArithmeticError, TypeError) as error:
        if isinstance(left, int | float) and isinstance(right, int | float):
            raise OutsideError(f"it holds arithmetic without a result: {error}") from None
        raise


def unary(op: ast.unaryop, value: Any) -> Any:
    """A unary operation."""
    return UNARY[type(op)](value)


def compare(op: ast.cmpop, left: Any, right: Any) -> Any:
    """A comparison."""
    same_shape(left, right)
    return COMPARE[type(op)](left, right)


def same_shape(*values: Any) -> None:
    """Refuse arrays of different shapes."""
    shapes = {getattr(value, "shape", ()) for value in values} - {()}
    if len(shapes) > 1:
        raise OutsideError(f"it combines columns of the shapes {', '.join(map(str, sorted(shapes)))}")


def of_numbers(*values: Any) -> None:
    """Refuse arrays of text and other objects: text times a number repeats itself, as often as that says."""
    if any(getattr(getattr(value, "dtype", None), "kind", "") == "O" for value in values):
        raise OutsideError("it computes with a column that holds no numbers")


def literal(node: ast.AST) -> Any:
    """An option: numbers, text, truth values, None, lists and dicts of them, np.array of a list."""
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, str)):
        return node.value
    if isinstance(node, ast.List | ast.Tuple):
        found = [literal(one) for one in node.elts]
        return tuple(found) if isinstance(node, ast.Tuple) else found
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {_key(key): literal(value) for key, value in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.Call) and function_of(node) == "np.array" and len(node.args) == 1:
        inside = literal(node.args[0])
        if node.keywords or not isinstance(inside, list | tuple):
            raise OutsideError("it calls np.array with something else than a list")
        try:
            return np.array(inside)
        except ValueError as error:
            raise OutsideError(f"it calls np.array with {error}") from None
    return number(node)


def _key(node: ast.AST | None) -> Any:
    assert node is not None
    found = literal(node)
    if isinstance(found, list | dict | np.ndarray):
        raise OutsideError(f"it holds a dict with the key {ast.unparse(node)[:80]!r}")
    return found


def coding(node: ast.AST) -> tuple[str | None, Any]:
    """A coding of levels: its name with options (None where it is not called), or None and a matrix."""
    if isinstance(node, ast.Name | ast.Attribute):
        name = ast.unparse(node)
        if name in CODINGS and name not in ("Treatment", "contr.custom"):
            return name, None
        raise OutsideError(f"it names {name[:80]!r}, which is no coding of the list")
    if isinstance(node, ast.Call) and function_of(node) != "np.array":
        name = function_of(node)
        if name not in CODINGS:
            raise OutsideError(f"it calls {name[:80]!r}, which is no coding of the list")
        return name, options(node, CODINGS[name], skip=0)
    found = literal(node)
    if not KINDS["matrix"](found):
        raise OutsideError(f"it codes levels with {ast.unparse(node)[:80]!r}, which is no matrix")
    return None, found


def options(node: ast.Call, kinds: dict[str, str], skip: int = 1) -> dict[str, Any]:
    """The options of a call by name; the first `skip` arguments are values.

    Raises
    ------
    OutsideError
        One is unknown, is given twice, or is of another kind than it may be.
    """
    given = {}
    free = [name for name in kinds if not name.startswith("*")]
    named = {name.lstrip("*"): kind for name, kind in kinds.items()}
    placed = node.args[skip:]
    if len(placed) > len(free):
        raise OutsideError(f"it calls {function_of(node)} with more than {len(free) + skip} arguments")
    pairs: list[tuple[str | None, ast.expr]] = [*zip(free, placed, strict=False)]
    pairs += [(keyword.arg, keyword.value) for keyword in node.keywords]
    for name, value in pairs:
        if name not in named or name in given:
            raise OutsideError(f"it calls {function_of(node)} with {name!r}, which is unknown or there twice")
        kind = named[name]
        if kind == "coding":
            empty = isinstance(value, ast.Constant) and value.value is None
            given[name] = None if empty else coding(value)
            continue
        found = literal(value)
        if found is not None and not KINDS[kind](found):
            raise OutsideError(
                f"it calls {function_of(node)} with {name}={ast.unparse(value)[:80]}, which is no {kind}"
            )
        given[name] = found
    return given


def is_whole(value: Any, most: int = 10_000, least: int = 0) -> bool:
    """Whether an option is a whole number from `least` to `most`."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_numbers(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 1 and value.dtype.kind in "iuf"
    return isinstance(value, list | tuple) and all(isinstance(one, int | float) for one in value)


def _is_matrix(value: Any) -> bool:
    if isinstance(value, dict):
        rows = list(value.values())
        return bool(rows) and all(_is_numbers(row) and len(row) == len(rows[0]) for row in rows)
    if isinstance(value, np.ndarray):
        return value.ndim == 2 and value.dtype.kind in "iuf"
    listed = isinstance(value, list | tuple) and len(value) > 0
    return listed and all(_is_numbers(row) and len(row) == len(value[0]) for row in value)


def _is_level(value: Any) -> bool:
    return isinstance(value, str | int | float)


#: kind of an option -> whether a value is of it
KINDS: dict[str, Callable[[Any], bool]] = {
    "whole": is_whole,
    "number": lambda value: isinstance(value, int | float),
    "truth": lambda value: isinstance(value, bool),
    "text": lambda value: isinstance(value, str),
    "numbers": _is_numbers,
    "matrix": _is_matrix,
    "constraints": lambda value: (
        value == "center" if isinstance(value, str) else (_is_numbers(value) or _is_matrix(value))
    ),
    "level": _is_level,
    "levels": lambda value: isinstance(value, list | tuple) and all(map(_is_level, value)),
}
