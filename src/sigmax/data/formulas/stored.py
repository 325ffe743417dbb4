"""The terms of a formula as JSON has them: expressions, levels, what transforms remember, and products.

Nothing in a state is code, a class or a module.  :mod:`sigmax.data.formulas.loaded` reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sigmax.data.formulas import language
from sigmax.data.formulas.literals import OutsideError
from sigmax.data.formulas.materials import factors_of
from sigmax.data.formulas.offsets import Offsets
from sigmax.data.formulas.recipe import Variable
from sigmax.data.formulas.remembered import state_out
from sigmax.data.formulas.stated import level_out

if TYPE_CHECKING:
    from sigmax.data.formulas.recipe import Recipe

State = dict[str, Any]

VERSION = 1


def state_of(terms: Recipe) -> State:
    """See :meth:`sigmax.data.formulas.formula.Terms.state`."""
    spec = terms._spec
    factors = factors_of(spec)
    place = {expr: i for i, expr in enumerate(factors)}
    states: State = {}
    return {
        "kind": "formula",
        "version": VERSION,
        "formula": terms.formula,
        "response": terms.response,
        "names": list(terms.names),
        "intercept": terms.intercept,
        "variables": [_variable_out(terms, one) for one in terms.variables],
        "factors": [_factor_out(terms, factor, states) for factor in factors.values()],
        "terms": [
            {
                "factors": [place[factor.expr] for factor in row.term.factors],
                "products": [
                    {
                        "scale": float(one.scale),
                        "factors": [[place[f.factor.expr], bool(f.reduced)] for f in one.factors],
                    }
                    for one in row.scoped_terms
                ],
                "columns": [str(name) for name in row.columns],
            }
            for row in spec.structure
        ],
        "offsets": _offsets_out(terms.offsets, states),
        "states": states,
    }


def _variable_out(terms: Recipe, one: Variable) -> State:
    try:
        levels = [level_out(level) for level in one.levels]
        base = None if one.base is None else level_out(one.base)
    except ValueError as error:
        raise ValueError(f"the formula cannot be stored: variable {one.name!r} has {error}") from None
    return {
        "name": one.name,
        "kind": one.kind,
        "levels": levels,
        "base": base,
        "holds": terms._kinds[one.name],
        "spread": terms._spread.get(one.name),
    }


def _factor_out(terms: Recipe, factor: Any, states: State) -> State:
    expr, how = str(factor.expr), factor.eval_method.value
    found: State = {"expression": expr, "how": how, "code": None, "levels": None}
    if how == "literal":
        return found
    if how == "python":
        states.update(_states_out(expr, terms._uses[expr], terms._spec.transform_state))
    code, remembered = terms._spec.encoder_state[expr]
    found["code"] = code.value
    if set(remembered) - {"categories", "contrasts"}:
        raise ValueError(f"the formula cannot be stored: {expr!r} codes several columns as levels")
    if "categories" in remembered:
        try:
            found["levels"] = [level_out(_plain(level)) for level in remembered["categories"]]
        except ValueError as error:
            raise ValueError(f"the formula cannot be stored: {expr!r} has {error}") from None
    return found


def _plain(level: Any) -> Any:
    return level.item() if type(level).__module__ == "numpy" else level


def _states_out(expr: str, uses: tuple[str, ...], remembered: State) -> State:
    """What the transforms in an expression remember, by their text."""
    said = f"the formula cannot be stored: {expr!r}: "
    try:
        found = language.columns(expr)
        if not set(found) <= set(uses):
            raise OutsideError(f"it reads {sorted(set(found) - set(uses))[0]!r}, which is no column")
        return {key: state_out(name, remembered[key]) for key, name, _ in language.calls(expr)}
    except ValueError as error:
        raise ValueError(f"{said}{error}") from None


def _offsets_out(offsets: Offsets | None, states: State) -> State | None:
    if offsets is None:
        return None
    for factor in offsets.factors:
        states.update(_states_out(factor.expr, offsets.uses[factor.expr], offsets.spec.transform_state))
    return {
        "expressions": [str(factor.expr) for factor in offsets.factors],
        "columns": [{"name": name, "holds": kind} for name, kind in offsets.kinds.items()],
    }
