"""The part of the language of formulas that can be stored: what an expression may say, read with `ast` alone.

A stored formula comes from a file that anyone may have written.  So its expressions are not run as Python:
they are read into a tree, held against the lists below, and computed node by node
(:mod:`sigmax.data.formulas.interpreter`).  The grammar:

    value     = column | `column` | Q("column") | number | np.pi | np.e
              | value + value | ... | -value | value < value | ...        arithmetic, one comparison, & | ^ ~
              | np.exp(value) | ... | abs(value) | round(value, 2)        elementwise functions, by position
              | bs(value, df=5) | ...                                     formulaic's transforms
    text      = "..."                                                     in comparisons, as option, as level
    option    = number | text | True | None | [option, ...] | {option: option} | np.array(option) | coding
    coding    = contr.sum | Sum | contr.treatment(option) | ...

Whatever is outside of it may still be fitted, by formulaic's own evaluation in the process of the fit.
"""

from __future__ import annotations

import ast
import functools
import re
from typing import Any

from sigmax.data.formulas.literals import (
    BINARY,
    COMPARE,
    UNARY,
    OutsideError,
    constant,
    function_of,
    is_whole,
    number,
    options,
)
from sigmax.data.formulas.vocabulary import ELEMENTWISE, OPTIONS, PLAIN, STATEFUL

#: characters of an expression, and levels of its tree
LENGTH, DEPTH = 10_000, 60
#: digits that round() keeps
_DIGITS = 30

#: formulaic's pattern of what backquotes do not work in
_PARTS = re.compile(r"(\\\"|\"(?:\\\"|[^\"])*\"|\\'|'(?:\\'|[^'])*'|`)")


# -- reading -----------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=512)
def read(text: str) -> ast.expr:
    """The tree of an expression that can be stored, as :func:`tree_of` has it.

    Raises
    ------
    OutsideError
        It is no Python expression, or too long or too deep to be read.
    """
    if len(text) > LENGTH:
        raise OutsideError(f"it has {len(text)} characters; at most {LENGTH} can be stored")
    tree = tree_of(text)
    _require_shallow(tree)
    return tree


def tree_of(text: str) -> ast.expr:
    """The tree of an expression; a name in backquotes is a Name with its backquotes.

    Raises
    ------
    OutsideError
        It is no Python expression.
    """
    quoted: dict[str, str] = {}
    prefix = "_q"
    while prefix in text:
        prefix += "_"
    pieces, parts = [], iter(_PARTS.split(text))
    for part in parts:
        if part != "`":
            pieces.append(part)
            continue
        name = []
        for inner in parts:
            if inner == "`":
                break
            name.append(inner)
        else:
            raise OutsideError("a backquote is not closed")
        stand_in = f"{prefix}{len(quoted)}"
        quoted[stand_in] = f"`{''.join(name)}`"
        pieces.append(f" {stand_in} ")
    try:
        tree = ast.parse("".join(pieces).strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = getattr(error, "msg", None) or str(error) or type(error).__name__
        raise OutsideError(f"it cannot be read: {said}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = quoted.get(node.id, node.id)
    return tree


def _require_shallow(tree: ast.expr) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise OutsideError(f"it is nested deeper than {DEPTH} levels")


def column_of(node: ast.AST) -> str | None:
    """The column that a node is: a name, in backquotes or not, or Q("name")."""
    if isinstance(node, ast.Name):
        return node.id[1:-1] if node.id.startswith("`") else node.id
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Q":
        [only] = node.args if len(node.args) == 1 and not node.keywords else [None]
        if isinstance(only, ast.Constant) and isinstance(only.value, str):
            return only.value
    return None


@functools.lru_cache(maxsize=512)
def columns(text: str) -> tuple[str, ...]:
    """The columns that an expression of the language reads.

    Raises
    ------
    OutsideError
        It says something else than the grammar above; the message says what.
    """
    found: list[str] = []
    _check_value(read(text), found)
    return tuple(dict.fromkeys(found))


@functools.lru_cache(maxsize=512)
def understood(text: str, known: tuple[str, ...]) -> ast.expr | None:
    """The tree of an expression of the language that reads none but the columns `known`; None of another."""
    try:
        return read(text) if set(columns(text)) <= set(known) else None
    except OutsideError:
        return None


def calls(text: str) -> list[tuple[str, str, dict[str, Any]]]:
    """The transforms with a state in an expression: the key of the state, the name, the options."""
    found = []
    for node in ast.walk(read(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in STATEFUL:
            found.append((ast.unparse(node), node.func.id, options(node, OPTIONS[node.func.id])))
    return found


def largest(text: str) -> int:
    """The largest whole number that an option of a transform asks for columns with."""
    sizes = [0]
    for node in ast.walk(read(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OPTIONS:
            kinds = {key.lstrip("*"): kind for key, kind in OPTIONS[node.func.id].items()}
            given = options(node, OPTIONS[node.func.id])
            sizes += [value for key, value in given.items() if kinds[key] == "whole" and value is not None]
    return max(sizes)


# -- values ------------------------------------------------------------------------------------------


def _check_value(node: ast.expr, found: list[str]) -> None:
    """Hold a value against the grammar; its columns are added to `found`."""
    column = column_of(node)
    if column is not None:
        if column.startswith("__"):
            raise OutsideError(f"it names {column!r}: names that begin with two underscores are not stored")
        found.append(column)
    elif isinstance(node, ast.Constant):
        number(node)
    elif isinstance(node, ast.Attribute):
        constant(node)
    elif isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        _check_value(node.operand, found)
    elif isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        before = len(found)
        _check_value(node.left, found)
        _check_value(node.right, found)
        if len(found) == before and _is_literal(node):
            number(node)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARE:
        before = len(found)
        for side in (node.left, node.comparators[0]):
            if not (isinstance(side, ast.Constant) and isinstance(side.value, str)):
                _check_value(side, found)
        if len(found) == before:
            raise OutsideError("it compares constants")
    elif isinstance(node, ast.Call):
        _check_call(node, found)
    else:
        raise OutsideError(f"it holds {_what(node)}, {ast.unparse(node)[:80]!r}")


def _is_literal(node: ast.AST) -> bool:
    return all(
        isinstance(one, ast.Constant | ast.BinOp | ast.UnaryOp | ast.operator | ast.unaryop)
        for one in ast.walk(node)
    )


def _what(node: ast.AST) -> str:
    names = {"Subscript": "a subscript", "JoinedStr": "an f-string", "IfExp": "a condition"}
    kind = type(node).__name__
    return names.get(kind, f"what Python calls {kind}")


def _check_call(node: ast.Call, found: list[str]) -> None:
    name = function_of(node)
    if any(isinstance(arg, ast.Starred) for arg in node.args) or any(k.arg is None for k in node.keywords):
        raise OutsideError(f"it calls {name} with * or **")
    owner, _, attribute = name.rpartition(".")
    before = len(found)
    if owner == "np" and attribute in ELEMENTWISE:
        _require_arguments(node, name, ELEMENTWISE[attribute])
        for arg in node.args:
            _check_value(arg, found)
    elif not owner and name in PLAIN:
        _require_arguments(node, name, 1)
        _check_value(node.args[0], found)
    elif name in ("round", "np.round"):
        if not (1 <= len(node.args) <= 2) or node.keywords:
            raise OutsideError(f"it calls {name} with other arguments than a value and a number of digits")
        _check_value(node.args[0], found)
        if len(node.args) == 2 and not is_whole(digits := number(node.args[1]), _DIGITS, -_DIGITS):
            raise OutsideError(f"it rounds to {digits} digits; from {-_DIGITS} to {_DIGITS} can be stored")
    elif not owner and name in OPTIONS:
        if not node.args:
            raise OutsideError(f"it calls {name} without a value first")
        _check_value(node.args[0], found)
        given = options(node, OPTIONS[name])
        if name == "hashed" and not given.get("levels"):
            raise OutsideError("it calls hashed without a number of levels")
    else:
        raise OutsideError(f"it calls {name!r}, which is no function of the list")
    if owner != "np" and len(found) == before:
        # so that whole numbers of Python come of arithmetic of constants alone, which is bounded
        raise OutsideError(f"it calls {name} of no column")


def _require_arguments(node: ast.Call, name: str, count: int) -> None:
    if len(node.args) != count or node.keywords:
        raise OutsideError(f"it calls {name} with other arguments than {count} by position")
