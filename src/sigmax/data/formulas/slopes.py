"""Derivatives of a formula's columns after one of its variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sigmax.data.checks import plural
from sigmax.data.formulas import differences, transforms
from sigmax.data.formulas.duals import Dual
from sigmax.data.formulas.materials import Encoded, evaluate, expressions, factors_of, materialise
from sigmax.data.tabular.frames import Frame, in_floats
from sigmax.kernels import Float

if TYPE_CHECKING:
    from sigmax.data.formulas.recipe import Recipe

#: what differences of a factor have to agree to, of its scale
_AGREE = 1e-9


def derivative(terms: Recipe, frame: Frame, variable: str, encoded: Encoded | None = None) -> Float:
    """See :meth:`sigmax.data.formulas.formula.Terms.derivative`; `encoded` as for :func:`materialise`."""
    if terms.variable(variable).kind == "factor":
        raise ValueError(f"variable {variable!r} is a factor, and has no derivative; compare its levels")
    terms._require_levels(frame, but=expressions(encoded or ()))
    spec, floats = terms._spec, in_floats(frame)
    out = np.zeros((len(frame), len(terms.names)))
    place = {name: j for j, name in enumerate(terms.names)}
    for expr, factor in factors_of(spec).items():
        if variable not in terms._uses[expr]:
            continue
        rows = [row for row in spec.structure if expr in {one.expr for one in row.term.factors}]
        names = [name for row in rows for name in row.columns]
        if not names:
            continue
        kind = spec.encoder_state[expr][0].value
        if kind == "categorical":
            raise ValueError(
                f"the formula's column {names[0]!r} has no derivative after {variable!r}: "
                "it codes it as levels"
            )
        slope = _factor(terms, factor, floats, variable, names[0])
        # the columns of these terms, this factor replaced by its derivative: one summand of the product rule
        part = spec.update(formula=[row.term for row in rows], structure=rows)
        made = materialise(part, frame, terms._uses, factors={expr: slope}, encoded=encoded)[0]
        out[:, [place[name] for name in names]] += made
    bad = ~np.isfinite(out)
    if bad.any():
        j = int(bad.any(axis=0).argmax())
        row = int(bad[:, j].argmax())
        raise ValueError(
            f"the formula's column {terms.names[j]!r} has no finite derivative after {variable!r} in "
            f"{plural(int(bad[:, j].sum()), 'row')}, the first row {row}, where {variable} = "
            f"{frame[variable].iloc[row]}"
        )
    return out


def _factor(terms: Recipe, factor: Any, frame: Frame, variable: str, column: str) -> Any:
    """The derivative of a factor of numbers, as formulaic takes the factor itself."""
    from formulaic.materializers.types import FactorValues

    x = frame[variable].to_numpy(np.float64)
    if factor.eval_method.value == "lookup":
        return FactorValues(np.ones(len(x)), kind="numerical", spans_intercept=False)
    transforms.register()
    try:
        with np.errstate(all="ignore"):
            found = evaluate(factor, frame, terms._spec, {variable: Dual(x, np.ones(len(x)))})
    except Exception:
        # what has no rule, or wants an array: a function, or a method of a column
        return _by_differences(terms, factor, frame, variable, column)
    tangent = _tangents(found)
    if tangent is None:
        raise ValueError(
            f"the formula's column {column!r} has no derivative after {variable!r}: it steps with it"
        )
    return _as_numbers(tangent, found)


def _tangents(found: Any) -> Any:
    """Of a dual, or of a factor's columns that are; None where none of them is."""
    plain = getattr(found, "__wrapped__", found)
    if isinstance(plain, Dual):
        return plain.tangent
    if isinstance(plain, dict) and any(isinstance(one, Dual) for one in plain.values()):
        return {
            name: one.tangent if isinstance(one, Dual) else np.zeros(np.shape(one))
            for name, one in plain.items()
        }
    return None


def _as_numbers(values: Any, like: Any) -> Any:
    """Values of a factor with the metadata of another."""
    from formulaic.materializers.types import FactorValues

    metadata = getattr(like, "__formulaic_metadata__", None)
    if metadata is None or metadata.kind.value == "unknown":
        options = {"kind": "numerical", "spans_intercept": False}
        return (
            FactorValues(values, metadata=metadata, **options)
            if metadata
            else FactorValues(values, **options)
        )
    return FactorValues(values, metadata=metadata)


def _by_differences(terms: Recipe, factor: Any, frame: Frame, variable: str, column: str) -> Any:
    """As :func:`_factor`, of an expression that numbers with derivatives do not go through."""
    import pandas as pd

    x = frame[variable].to_numpy(np.float64)
    like = evaluate(factor, frame, terms._spec)
    shape = _matrix(like, len(x)).shape

    def f(moved: Float) -> Float:
        with np.errstate(all="ignore"):
            try:
                return _matrix(evaluate(factor, frame, terms._spec, {variable: pd.Series(moved)}), len(x))
            except (ValueError, ArithmeticError):  # outside the domain of a transform that says so
                return np.full(shape, np.nan)

    slopes, errors, scale = differences.derivative(f, x, terms._spread[variable])
    if (np.abs(slopes) <= _AGREE * scale).all():
        raise ValueError(
            f"the formula's column {column!r} has no derivative after {variable!r}: it steps with it, or "
            "does not move"
        )
    bad = ~(errors <= _AGREE * scale).all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"the formula's column {column!r} has no derivative after {variable!r} that differences agree "
            f"on, in {plural(int(bad.sum()), 'row')}, the first row {row}, where {variable} = {x[row]}"
        )
    plain = getattr(like, "__wrapped__", like)
    if isinstance(plain, dict):
        return _as_numbers({name: slopes[:, j] for j, name in enumerate(plain)}, like)
    return _as_numbers(slopes if np.ndim(plain) == 2 else slopes[:, 0], like)


def _matrix(value: Any, n: int) -> Float:
    """The columns of a factor, (n, q)."""
    plain = getattr(value, "__wrapped__", value)
    columns = (
        [np.asarray(one, float) for one in plain.values()]
        if isinstance(plain, dict)
        else [np.asarray(plain, float)]
    )
    return np.column_stack([np.broadcast_to(one, (n, *one.shape[1:])) for one in columns])
