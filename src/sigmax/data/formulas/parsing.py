"""What a formula says before it is evaluated: its sides, and the columns of data that each factor reads."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sigmax.data.formulas.language import column_of, read, tree_of, understood
from sigmax.data.formulas.literals import OutsideError
from sigmax.data.tabular.frames import Frame

#: what formulaic marks a place in a formula with
_MARKS = re.compile(r"\x1b\[[0-9;]*m|[\u29da\u29db]")


def require_formulaic() -> None:
    """Import formulaic and pandas.

    Raises
    ------
    ImportError
        One is missing; the message names the extra.
    """
    try:
        import formulaic
        import pandas
    except ImportError as error:
        raise ImportError(
            f"a formula needs formulaic and pandas ({error}); install them with: "
            "pip install 'sigmax[formula]'"
        ) from None
    del formulaic, pandas


def clean(error: Exception) -> str:
    """formulaic's message without its colours, in one line."""
    return re.sub(r"\s+", " ", _MARKS.sub("", str(error))).strip()


@dataclass(frozen=True, slots=True)
class Sides:
    """The two sides of a formula.

    Attributes
    ----------
    response : tuple of formulaic factors
        The terms on the left, of one factor each.
    formula : formulaic.formula.SimpleFormula
        The right, without offsets.
    uses : dict of str to tuple of str
        Columns of data that the factor of an expression reads, in order; for both sides, and offsets.
    offsets : tuple of formulaic factors
        What stands in offset(...) on the right.
    """

    response: tuple[Any, ...]
    formula: Any
    uses: dict[str, tuple[str, ...]]
    offsets: tuple[Any, ...] = ()


def parse(text: str, frame: Frame, beside: Sequence[str] = ()) -> Sides:
    """Read a formula.

    Parameters
    ----------
    text : str
        ``"response ~ terms"``.
    frame : pandas.DataFrame
        Only its names matter: what they are not is a function or a mistake, and ``.`` is all of them
    beside : sequence of str
        but these.

    Raises
    ------
    ValueError
        It cannot be read, has no response, several right-hand sides, or a name that is unknown.
    """
    from formulaic import Formula
    from formulaic.errors import FormulaicError
    from formulaic.formula import SimpleFormula

    names = [str(name) for name in frame.columns]
    try:
        every = [name for name in names if name not in beside]
        formula = Formula.from_spec(text, context={"__formulaic_variables_available__": every})
    except (FormulaicError, SyntaxError) as error:
        compared = re.search(r"==|!=|<|>", text) and "Unknown operator" in str(error)
        advice = "; a comparison stands in I(), as in 'I(y == 1) ~ x'" if compared else ""
        raise ValueError(f"formula {text!r} cannot be read: {clean(error)}{advice}") from None
    left, right = getattr(formula, "lhs", None), getattr(formula, "rhs", None)
    if isinstance(formula, SimpleFormula) or left is None or right is None or len(left) == 0:
        raise ValueError(f"formula {text!r} must have the response left of ~, as in 'y ~ x1 + x2'")
    if not isinstance(left, SimpleFormula) or not isinstance(right, SimpleFormula):
        raise ValueError(f"formula {text!r} must have one left and one right side, without |")
    response = []
    for term in left:
        if len(term.factors) != 1 or term.factors[0].eval_method.value == "literal":
            raise ValueError(
                f"formula {text!r} must have labels, or counts a + b + c, left of ~; got {str(term)!r} there"
            )
        response.append(term.factors[0])
    terms, offsets = _without_offsets(right, text)
    factors = {factor.expr: factor for term in terms for factor in term.factors}
    everything = [*response, *factors.values(), *offsets]
    uses = {factor.expr: columns_of(factor, names, text) for factor in everything}
    return Sides(tuple(response), terms if offsets else right, uses, offsets)


def _without_offsets(right: Any, text: str) -> tuple[Any, tuple[Any, ...]]:
    """The terms that are no offset, and what the others hold."""
    from formulaic.formula import SimpleFormula
    from formulaic.parser.types import Factor

    terms, offsets = [], []
    for term in right:
        tree = _tree(term.factors[0].expr) if len(term.factors) == 1 else None
        if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "offset"):
            terms.append(term)
            continue
        if len(tree.args) != 1 or tree.keywords:
            raise ValueError(
                f"formula {text!r}: offset() takes one expression, as in offset(np.log(exposure))"
            )
        offsets.append(Factor(ast.unparse(tree.args[0]), eval_method="python"))
    return SimpleFormula(terms), tuple(offsets)


def _tree(expr: str) -> ast.expr | None:
    try:
        return read(expr)
    except OutsideError:
        return None


def columns_of(factor: Any, names: Sequence[str], text: str) -> tuple[str, ...]:
    """The columns of data that a factor reads, in the order in which it names them.

    Raises
    ------
    ValueError
        It names something that is neither a column nor a function that formulaic knows.
    """
    from formulaic.transforms import TRANSFORMS
    from formulaic.utils.code import sanitize_variable_names

    method = factor.eval_method.value
    if method == "literal":
        return ()
    if method == "lookup":
        return (factor.expr,)
    try:
        tree = tree_of(factor.expr)
    except OutsideError as error:
        said = str(error).removeprefix("it cannot be read: ")
        raise ValueError(f"formula {text!r}: {factor.expr!r} cannot be read: {said}") from None
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    owners = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (quoted := column_of(node)) is not None:
            found.append((node.col_offset, quoted))
        if not isinstance(node, ast.Name):
            continue
        name = column_of(node)
        assert name is not None
        known = node.id in TRANSFORMS or hasattr(builtins, node.id)
        if id(node) in called and name == "lag":
            raise ValueError(
                f"formula {text!r}: lag() depends on other rows than its own, and cannot be computed for new "
                "rows; make a column of data of it"
            )
        if known and (id(node) in called or id(node) in owners or name not in names):
            continue
        if id(node) in called and name == "offset":
            raise ValueError(
                f"formula {text!r}: offset() must be a term of its own on the right, as in "
                "'y ~ x + offset(np.log(exposure))'"
            )
        if id(node) in called:
            raise ValueError(
                f"formula {text!r} calls {name!r}, which is no function of formulaic or NumPy; "
                "make a column of what it computes, or write it with np"
            )
        found.append((node.col_offset, name))
    columns = tuple(dict.fromkeys(name for _, name in sorted(found)))
    written: dict[str, str] = {}
    sanitize_variable_names(factor.expr, {}, written)
    for stand_in, name in written.items():
        # the same name for two columns to formulaic's evaluation, where the expression is left to it
        if stand_in != name and stand_in in columns and understood(factor.expr, columns) is None:
            raise ValueError(
                f"formula {text!r}: {factor.expr!r} reads {name!r} and {stand_in!r}, which formulaic "
                "takes for one; rename a column"
            )
    return columns
