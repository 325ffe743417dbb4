"""The terms of a formula from a state: everything is checked, and nothing of what the file says is run.

The expressions are read (:mod:`sigmax.data.formulas.language`); the specification that formulaic computes
columns from is built anew of its own parts.
"""

from __future__ import annotations

import math
from typing import Any

from sigmax.data.formulas import language
from sigmax.data.formulas.literals import OutsideError
from sigmax.data.formulas.offsets import Offsets
from sigmax.data.formulas.recipe import Variable
from sigmax.data.formulas.remembered import state_in
from sigmax.data.formulas.stated import (
    level_in,
    levels_in,
    listed,
    member,
    only,
    real,
    shown,
    text,
    truth,
    whole,
    wrong,
)
from sigmax.data.formulas.stored import VERSION, State
from sigmax.data.formulas.widths import width

_CODES = ("numerical", "categorical")
_HOW = ("lookup", "python", "literal")
_KINDS = ("continuous", "binary", "factor")
#: terms, factors and products of a formula
_PARTS = 10_000


def arguments(state: object) -> State:
    """What :class:`sigmax.data.formulas.formula.Terms` is made of, from a state.

    Raises
    ------
    ValueError
        Something is missing, unknown, of a wrong type or size, or does not go together; or an expression
        says what is not in the language.  Nothing has been computed then.
    """
    where = "the state"
    if member(state, "kind", where) != "formula":
        raise wrong("its kind", f"must be 'formula'; got {shown(member(state, 'kind', where))}")
    version = whole(member(state, "version", where), "its version", 1, 10**6)
    if version != VERSION:
        raise ValueError(
            f"the stored formula has version {version}, and this sigmax reads {VERSION}: update sigmax"
        )
    assert isinstance(state, dict)
    only(
        state,
        {
            *("kind", "version", "formula", "response", "names", "intercept", "variables"),
            *("factors", "terms", "offsets", "states"),
        },
        where,
    )
    names = listed(member(state, "names", where), "names", text)
    intercept = truth(member(state, "intercept", where), "intercept")
    held = listed(member(state, "variables", where), "variables", _variable_in, _PARTS)
    columns = {one.name: kind for one, kind, _ in held}
    if len(columns) != len(held):
        raise wrong("variables", "must have names that differ")
    size = len(names) + 1
    factors = listed(
        member(state, "factors", where), "factors", lambda one, at: _factor_in(one, at, columns, size), _PARTS
    )
    if len({one["expression"] for one in factors}) != len(factors):
        raise wrong("factors", "must have expressions that differ")
    rows = listed(
        member(state, "terms", where), "terms", lambda one, at: _term_in(one, at, factors, names), _PARTS
    )
    made = [name for row in rows for name in row["columns"]]
    if made != names or len(set(names)) != len(names):
        raise wrong("terms", "must have the columns that are named, each of which once")
    offsets = _offsets_in(member(state, "offsets", where))
    expressions = [one["expression"] for one in factors if one["how"] == "python"]
    expected = [one for expr in expressions for one in language.calls(expr)]
    beside = [] if offsets is None else [one for f in offsets.factors for one in language.calls(f.expr)]
    states = _states_in(member(state, "states", where), [*expected, *beside], size)
    for i, row in enumerate(rows):
        products = [
            math.prod(width(factors[k], states, reduced=reduced) for k, reduced in one["factors"])
            for one in row["products"]
        ]
        if sum(products) != len(row["columns"]):
            raise wrong(f"terms[{i}]", f"gives {sum(products)} columns, and names {len(row['columns'])}")
    if offsets is not None:
        offsets.spec.transform_state.update({key: states[key] for key, *_ in beside})
    return {
        "formula": text(member(state, "formula", where), "formula"),
        "response": text(member(state, "response", where), "response"),
        "names": tuple(names),
        "intercept": intercept,
        "variables": tuple(one for one, _, _ in held),
        "_spec": _specification(factors, rows, {key: states[key] for key, *_ in expected}),
        "_uses": {one["expression"]: one["uses"] for one in factors},
        "_kinds": columns,
        "_spread": {one.name: spread for one, _, spread in held if spread is not None},
        "offsets": offsets,
    }


def _variable_in(state: object, where: str) -> tuple[Variable, str, float | None]:
    name = text(member(state, "name", where), f"{where}.name")
    kind = text(member(state, "kind", where), f"{where}.kind")
    if kind not in _KINDS:
        raise wrong(f"{where}.kind", f"must be one of {', '.join(_KINDS)}; got {kind!r}")
    levels = tuple(levels_in(member(state, "levels", where), f"{where}.levels"))
    base = member(state, "base", where)
    base = None if base is None else level_in(base, f"{where}.base")
    holds = text(member(state, "holds", where), f"{where}.holds")
    spread = member(state, "spread", where)
    assert isinstance(state, dict)
    only(state, {"name", "kind", "levels", "base", "holds", "spread"}, where)
    if (kind == "continuous") != (not levels) and kind != "factor":
        raise wrong(where, f"is {kind}, and has {len(levels)} levels")
    if (base is None and levels) or (base is not None and not any(one == base for one in levels)):
        raise wrong(f"{where}.base", "must be one of the levels")
    if kind != "factor" and holds != "numbers":
        raise wrong(where, f"is {kind}, and must hold numbers")
    if (spread is None) != (holds != "numbers"):
        raise wrong(f"{where}.spread", "must be a number where the column holds numbers")
    width = None if spread is None else real(spread, f"{where}.spread")
    if width is not None and width < 0.0:
        raise wrong(f"{where}.spread", "must not be negative")
    return Variable(name, kind, levels, base), holds, width


def _expression_in(
    value: object, where: str, columns: dict[str, str], size: int
) -> tuple[str, tuple[str, ...]]:
    """An expression of the language, and the columns that it reads."""
    expr = text(value, where)
    try:
        uses = language.columns(expr)
        asked = language.largest(expr)
    except OutsideError as error:
        raise ValueError(
            f"the stored formula has an expression that is not computed, {expr[:200]!r}: {error}"
        ) from None
    strange = [name for name in uses if name not in columns]
    if strange:
        raise wrong(where, f"reads {strange[0]!r}, which is none of the columns")
    if asked > size + 1:
        raise wrong(where, f"asks for {asked} columns, and there are {size}: {expr[:200]!r}")
    return expr, uses


def _factor_in(state: object, where: str, columns: dict[str, str], size: int) -> State:
    how = text(member(state, "how", where), f"{where}.how")
    if how not in _HOW:
        raise wrong(f"{where}.how", f"must be one of {', '.join(_HOW)}; got {how!r}")
    given, at = member(state, "expression", where), f"{where}.expression"
    uses: tuple[str, ...]
    if how == "python":
        expr, uses = _expression_in(given, at, columns, size)
    else:
        expr = text(given, at)
        uses = (expr,) if how == "lookup" else ()
        if how == "lookup" and expr not in columns:
            raise wrong(at, f"is {expr!r}, which is none of the columns")
    code, levels = member(state, "code", where), member(state, "levels", where)
    assert isinstance(state, dict)
    only(state, {"expression", "how", "code", "levels"}, where)
    if how == "literal":
        _number_in(expr, at)
        if code is not None or levels is not None:
            raise wrong(where, "is a number, and has levels")
        return {"expression": expr, "how": how, "uses": uses, "code": None, "levels": None}
    if type(code) is not str or code not in _CODES:
        raise wrong(f"{where}.code", f"must be one of {', '.join(_CODES)}; got {shown(code)}")
    if how == "lookup" and (columns[expr] == "numbers") != (code == "numerical"):
        # text taken for numbers would give as many columns as a table has values
        raise wrong(f"{where}.code", f"must be that of a column that holds {columns[expr]}")
    if levels is not None:
        if code != "categorical":
            raise wrong(where, "is of numbers, and has levels")
        # of a coding that the expression spells out there may be more levels than columns
        levels = levels_in(levels, f"{where}.levels", size + len(expr) + 1)
    elif how == "lookup" and code == "categorical":
        raise wrong(where, "codes levels, and has none")
    return {"expression": expr, "how": how, "uses": uses, "code": code, "levels": levels}


def _number_in(expr: str, where: str) -> None:
    try:
        found = float(expr)
    except ValueError:
        found = math.nan
    if not math.isfinite(found) or "_" in expr:
        raise wrong(where, f"must be a number; got {expr[:80]!r}")


def _term_in(state: object, where: str, factors: list[State], names: list[str]) -> State:
    last = len(factors) - 1

    def index(value: object, at: str) -> int:
        return whole(value, at, 0, last)

    def scoped(value: object, at: str) -> tuple[int, bool]:
        if type(value) is not list or len(value) != 2:
            raise wrong(at, "must be a factor and whether it is reduced")
        return index(value[0], at), truth(value[1], at)

    def product(value: object, at: str) -> State:
        scale = real(member(value, "scale", at), f"{at}.scale")
        found = listed(member(value, "factors", at), f"{at}.factors", scoped, _PARTS)
        assert isinstance(value, dict)
        only(value, {"scale", "factors"}, at)
        if not {i for i, _ in found} <= set(held):
            raise wrong(at, "must be of the factors of its term")
        return {"scale": scale, "factors": found}

    held = listed(member(state, "factors", where), f"{where}.factors", index, _PARTS)
    products = listed(member(state, "products", where), f"{where}.products", product, _PARTS)
    columns = listed(member(state, "columns", where), f"{where}.columns", text, len(names) + 1)
    assert isinstance(state, dict)
    only(state, {"factors", "products", "columns"}, where)
    return {"factors": held, "products": products, "columns": columns}


def _offsets_in(state: object) -> Offsets | None:
    from formulaic import ModelSpec
    from formulaic.parser.types import Factor

    if state is None:
        return None
    where = "offsets"

    def column(value: object, at: str) -> tuple[str, str]:
        found = tuple(text(member(value, key, at), f"{at}.{key}") for key in ("name", "holds"))
        return found[0], found[1]

    kinds = dict(listed(member(state, "columns", where), f"{where}.columns", column, _PARTS))
    given = listed(
        member(state, "expressions", where),
        f"{where}.expressions",
        lambda one, at: _expression_in(one, at, kinds, 1),
        _PARTS,
    )
    assert isinstance(state, dict)
    only(state, {"columns", "expressions"}, where)
    if not given or {name for _, uses in given for name in uses} != set(kinds):
        raise wrong(where, "must have expressions, and the columns that these read")
    return Offsets(
        factors=tuple(Factor(expr, eval_method="python") for expr, _ in given),
        uses=dict(given),
        kinds=kinds,
        spec=ModelSpec(formula=[], output="numpy", na_action="ignore"),
    )


def _states_in(state: object, expected: list[tuple[str, str, State]], size: int) -> State:
    """What each transform remembers; those of the expressions, no other and each of them."""
    found = {
        key: state_in(name, member(state, key, "states"), options, size, f"states[{key[:80]!r}]")
        for key, name, options in expected
    }
    if not isinstance(state, dict):
        raise wrong("states", f"must be a dict; got {shown(state)}")
    only(state, set(found), "states")
    return found


def _specification(factors: list[State], rows: list[State], states: State) -> Any:
    """formulaic's specification, as it was after the fit."""
    from formulaic import ModelSpec
    from formulaic.materializers.base import EncodedTermStructure
    from formulaic.materializers.types import EvaluatedFactor, ScopedFactor, ScopedTerm
    from formulaic.parser.types import Factor, Term

    made = [Factor(one["expression"], eval_method=one["how"]) for one in factors]
    structure = [
        EncodedTermStructure(
            Term([made[i] for i in row["factors"]]),
            [
                ScopedTerm(
                    [
                        ScopedFactor(EvaluatedFactor(factor=made[i], values=None), reduced=reduced)
                        for i, reduced in one["factors"]
                    ],
                    scale=one["scale"],
                )
                for one in row["products"]
            ],
            row["columns"],
        )
        for row in rows
    ]
    codes = {
        one["expression"]: (
            Factor.Kind(one["code"]),
            {} if one["levels"] is None else {"categories": one["levels"]},
        )
        for one in factors
        if one["code"] is not None
    }
    return ModelSpec(
        formula=[row.term for row in structure],
        materializer="pandas",
        na_action="ignore",
        output="numpy",
        structure=structure,
        transform_state=states,
        encoder_state=codes,
    )
