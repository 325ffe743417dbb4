"""How many columns a stored factor gives, before anything is computed: what bounds the memory of a design.

one column                 1
levels, L                  L, or L - 1 without the base; a matrix of contrasts its columns
poly of degree d           d
bs of degree d, t knots    t - d - 1, or one less without its intercept
cr, cs, cc, t knots        t less the constraints, and one less where it is cyclic
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from sigmax.data.formulas.language import read
from sigmax.data.formulas.literals import function_of, options
from sigmax.data.formulas.vocabulary import OPTIONS

State = dict[str, Any]


def width(factor: State, states: State, *, reduced: bool) -> int:
    """The columns of a factor of :mod:`sigmax.data.formulas.loaded`, with what transforms remember."""
    if factor["code"] is None:
        return 1
    tree = read(factor["expression"]) if factor["how"] == "python" else None
    if factor["code"] == "categorical":
        return _of_levels(tree, factor["levels"], reduced)
    return 1 if tree is None else max(_of_numbers(tree, states, reduced), 0)


def _of_levels(tree: ast.expr | None, levels: list[Any] | None, reduced: bool) -> int:
    count = len(levels or ())
    while isinstance(tree, ast.Call) and function_of(tree) in ("I", "C", "hashed"):
        name = function_of(tree)
        given = options(tree, OPTIONS[name])
        count = int(given["levels"]) if name == "hashed" else count
        coding = given.get("contrasts")
        if coding is not None and coding[0] in (None, "contr.custom"):
            return _columns_of(coding[1] if coding[0] is None else coding[1]["contrasts"])
        tree = tree.args[0]
    return max(count - reduced, 0)


def _columns_of(matrix: Any) -> int:
    """Of contrasts: the members of a dict, the columns of an array."""
    return len(matrix) if isinstance(matrix, dict) else np.asarray(matrix).shape[1]


def _of_numbers(tree: ast.expr, states: State, reduced: bool = False) -> int:
    if not isinstance(tree, ast.Call) or not tree.args:
        parts = [one for one in ast.iter_child_nodes(tree) if isinstance(one, ast.expr)]
        return max((_of_numbers(one, states) for one in parts), default=1)
    name, state = function_of(tree), states.get(ast.unparse(tree), {})
    if name not in OPTIONS:
        return max(_of_numbers(one, states) for one in tree.args)
    given = {key: value for key, value in options(tree, OPTIONS[name]).items() if value is not None}
    if name == "poly":
        return int(given.get("degree", 1))
    if name == "bs":
        whole = len(state["knots"]) - given.get("degree", 3) - 1
        return int(whole - (reduced if given.get("include_intercept") else 1))
    if name in ("cr", "cs", "cc"):
        held = 0 if state["constraints"] is None else len(state["constraints"])
        return int(len(state["knots"]) - held - state["cyclic"])
    return _of_numbers(tree.args[0], states, reduced)
