"""A formula at the rows of its fit: its columns, its response, and the terms that later rows go through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.data.chunks import MISSING_ADVICE
from sigmax.data.formulas.formula import Terms
from sigmax.data.formulas.materials import evaluate, factors_of, levels_of, materialise, plain, unevaluated
from sigmax.data.formulas.offsets import Offsets
from sigmax.data.formulas.parsing import Sides, parse, require_formulaic
from sigmax.data.formulas.recipe import Variable
from sigmax.data.tabular import frames
from sigmax.data.tabular.frames import Frame
from sigmax.kernels import Float

#: rows that are looked at alone, to find a transform that mixes rows
_ALONE = 32


@dataclass(frozen=True, slots=True)
class Observed:
    """A formula with its data, as :func:`sigmax.fit` takes arrays.

    Attributes
    ----------
    terms : Terms
    X : ndarray of shape (n, p)
        The columns of `terms`.
    y : ndarray of shape (n,) or (n, K)
        Labels, or counts.
    classes : list of str or None
        Names of the columns of counts.
    offset : ndarray of shape (n,), or None
        The sum of the formula's offset().
    """

    terms: Terms
    X: Float
    y: npt.NDArray[np.generic]
    classes: list[str] | None
    offset: Float | None = None


def observe(formula: str, data: object, beside: Sequence[str] = ()) -> Observed:
    """Evaluate a formula at the rows of its fit.

    Parameters
    ----------
    formula : str
        ``"response ~ terms"`` in formulaic's language.  The response is a column of labels, an expression
        that gives them, or a sum of columns of counts, one for each class, which have their names.  Terms
        ``offset(...)`` on the right are summed, and are no columns.
    data : DataFrame of any make, mapping of columns, or record array
    beside : sequence of str
        Columns that are weights or an offset, which ``.`` does not stand for.

    Raises
    ------
    ImportError
        formulaic or pandas is not installed.
    ValueError
        The formula cannot be read; a column is missing, or has missing values; a transform gives nan or inf,
        or mixes rows, so that it has no meaning for new ones.
    TypeError
        `data` is no table.
    """
    require_formulaic()
    table = frames.table(data)
    sides = parse(formula, table, beside)
    on_the_right = _in_order(sides)
    on_the_left = [name for factor in sides.response for name in sides.uses[factor.expr]]
    in_offsets = [name for factor in sides.offsets for name in sides.uses[factor.expr]]
    named = dict.fromkeys([*on_the_left, *on_the_right, *in_offsets])
    everything = frames.columns(table, named, advice=MISSING_ADVICE)
    frame = everything[on_the_right]
    for factor in (factor for term in sides.formula for factor in term.factors):
        dtype = frame[factor.expr].dtype if factor.eval_method.value == "lookup" else None
        if dtype is not None and dtype.kind in "mMc":
            raise ValueError(
                f"data column {factor.expr!r} must hold real numbers or levels; it holds {dtype}, of which "
                "numbers have to be made, or levels with C()"
            )
    matrix, spec, _ = materialise(sides.formula, frame, sides.uses)
    kept = [row for row in spec.structure if any(st.factors for st in row.scoped_terms) or not row.columns]
    intercept = np.array(
        [not any(st.factors for st in row.scoped_terms) for row in spec.structure for _ in row.columns], bool
    )
    terms = Terms(
        formula=formula,
        response=formula.partition("~")[0].strip(),
        names=tuple(name for name, one in zip(spec.column_names, intercept, strict=True) if not one),
        intercept=bool(intercept.any()),
        variables=(),
        _spec=spec.update(formula=[row.term for row in kept], structure=kept),
        _uses=sides.uses,
        _kinds={name: frames.kind_of(frame[name]) for name in on_the_right},
        _spread={
            name: float(np.std(frame[name].to_numpy(np.float64)))
            for name in on_the_right
            if frames.kind_of(frame[name]) == "numbers"
        },
        frame=frame,
    )
    terms = replace(terms, variables=tuple(_variable(terms, frame, name) for name in on_the_right))
    assert not intercept[1:].any()  # of all terms it comes first
    X = matrix[:, int(terms.intercept) :]  # a view
    terms._require_levels(frame)
    terms._require_finite(X, frame)
    _require_rows_alone(terms, frame, X)
    y, classes = _response(sides, everything, spec)
    if not sides.offsets:
        return Observed(terms, X, y, classes)
    offsets, offset = _offsets(sides, everything[list(dict.fromkeys(in_offsets))])
    return Observed(replace(terms, offsets=offsets), X, y, classes, offset)


def _offsets(sides: Sides, frame: Frame) -> tuple[Offsets, Float]:
    """The formula's offsets, and their sum at the rows of the fit."""
    from formulaic import ModelSpec

    offsets = Offsets(
        factors=sides.offsets,
        uses={factor.expr: sides.uses[factor.expr] for factor in sides.offsets},
        kinds={name: frames.kind_of(frame[name]) for name in frame.columns},
        spec=ModelSpec(formula=[], output="numpy", na_action="ignore"),
    )
    found = offsets.values(frame)
    for some in _some_rows(len(frame)):
        alone = offsets.values(frame.iloc[some].reset_index(drop=True))
        if not (np.abs(alone - found[some]) <= 1e-9 * np.abs(found[some]).max(initial=0.0)).all():
            raise ValueError(
                f"formula: offset({offsets}) depends on other rows than its own, and cannot be computed for "
                "new rows; make a column of data"
            )
    return offsets, found


def _in_order(sides: Sides) -> list[str]:
    factors = [factor.expr for term in sides.formula for factor in term.factors]
    return list(dict.fromkeys(name for expr in factors for name in sides.uses[expr]))


def _variable(terms: Terms, frame: Frame, name: str) -> Variable:
    """What a column of data is to the formula."""
    spec, column = terms._spec, frame[name]
    for expr, uses in terms._uses.items():
        levels = levels_of(spec, expr)
        if levels is None or uses != (name,) or not _is_plain(expr, name):
            continue
        base = spec.factor_contrasts[factors_of(spec)[expr]].contrasts
        given = getattr(base, "base", None)
        first = levels[0] if levels else None
        return Variable(name, "factor", tuple(levels), given if given in levels else first)
    if terms._kinds[name] != "numbers":
        levels = [plain(level) for level in sorted(column.unique(), key=str)]
        return Variable(name, "factor", tuple(levels), levels[0])
    values = column.to_numpy()
    if values.dtype == bool:
        return Variable(name, "binary", (False, True), False)
    if ((values == 0) | (values == 1)).all() and values.min() != values.max():
        return Variable(name, "binary", (0, 1), 0)
    return Variable(name, "continuous")


def _is_plain(expr: str, name: str) -> bool:
    """Whether a coded factor is the column, or ``C(column, ...)``: then its levels are the column's."""
    inside = expr[2:].lstrip() if expr.startswith("C(") else expr
    return any(
        inside.startswith(quoted) and inside[len(quoted) :].lstrip()[:1] in ("", ",", ")")
        for quoted in (name, f"`{name}`", f"Q({name!r})", f'Q("{name}")')
    )


def _require_rows_alone(terms: Terms, frame: Frame, X: Float) -> None:
    """Refuse a transform that looks at other rows: it has no meaning for new rows, and none in blocks."""
    for some in _some_rows(len(frame)):
        alone = materialise(terms._spec, frame.iloc[some].reset_index(drop=True), terms._uses)[0]
        scale = np.abs(X[some]).max(axis=0, initial=0.0)
        differs = ~(np.abs(alone - X[some]) <= 1e-9 * scale)
        if differs.any():
            j = int(differs.any(axis=0).argmax())
            raise ValueError(
                f"the formula's column {terms.names[j]!r} depends on other rows than its own, and cannot be "
                "computed for new rows; use a transform that remembers the fit, such as center(), scale() or "
                "poly(), or make a column of data"
            )


def _some_rows(n: int) -> list[npt.NDArray[np.intp]]:
    """Two parts of a few rows; none of a single row."""
    rows = np.unique(np.linspace(0, n - 1, min(n, _ALONE)).astype(np.intp))
    return np.array_split(rows, 2) if n > 1 else []


def _response(sides: Sides, frame: Frame, spec: Any) -> tuple[npt.NDArray[np.generic], list[str] | None]:
    found = []
    for factor in sides.response:
        try:
            value = evaluate(factor, frame, spec)
        except Exception as error:
            said = unevaluated(f"the response {factor.expr!r}", error, frame[list(sides.uses[factor.expr])])
            raise ValueError(said) from None
        array = np.asarray(getattr(value, "__wrapped__", value))
        if array.shape != (len(frame),):
            raise ValueError(
                f"formula: the response {factor.expr!r} must be one value a row; its shape is {array.shape}"
            )
        if len(sides.response) > 1 and array.dtype.kind not in "iufb":
            raise ValueError(
                f"formula: a response of several terms is of counts, numbers for each class; {factor.expr!r} "
                f"holds {frame[factor.expr].dtype if factor.expr in frame else array.dtype}"
            )
        found.append(array)
    if len(found) == 1:
        return found[0], None
    return np.column_stack(found), [str(factor.expr) for factor in sides.response]
