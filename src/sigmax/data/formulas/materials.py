"""Columns of a design from a frame: formulaic's evaluation, with factors of ours put in where needed.

A column of a design is a number times a product of factors, one from each of its term.  So whatever replaces
a factor replaces it in every column: its derivative gives the product rule, its mean the interactions at
means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from sigmax.data.formulas.interpreter import RowError, run
from sigmax.data.formulas.language import understood
from sigmax.data.formulas.parsing import clean
from sigmax.data.tabular.frames import Frame, in_floats
from sigmax.kernels import Float

#: columns that factors are coded as, by (expression, whether without the base level), or by the expression
#: where #: formulaic has one coding for both
Encoded: TypeAlias = Mapping[Any, Any]


def expressions(keys: Iterable[Any]) -> set[str]:
    """The factors' expressions in keys of :data:`Encoded`."""
    return {key[0] if isinstance(key, tuple) else key for key in keys}


def is_coded(factor: Any) -> bool:
    """Whether a factor is C(...), whose levels are the values of the data as they are."""
    return factor.eval_method.value == "python" and str(factor.expr).lstrip().startswith("C(")


def factors_of(spec: Any) -> dict[str, Any]:
    """The factors of a specification by their expression, in order."""
    return {factor.expr: factor for term in spec.formula for factor in term.factors}


def levels_of(spec: Any, expr: str) -> list[Any] | None:
    """The levels that a factor codes; None of one that is a number."""
    kind, state = spec.encoder_state.get(expr, (None, {}))
    if kind is None or kind.value != "categorical" or "categories" not in state:
        return None
    return [plain(level) for level in state["categories"]]


def plain(value: Any) -> Any:
    """A number of NumPy's as Python's; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def evaluate(factor: Any, frame: Frame, spec: Any, replaced: Mapping[str, Any] | None = None) -> Any:
    """The value of a factor as formulaic has it before columns are coded.

    What :mod:`sigmax.data.formulas.language` knows is computed node by node, whatever the columns are called;
    the rest is Python to formulaic.

    Parameters
    ----------
    factor : formulaic factor
    frame : pandas.DataFrame
    spec : formulaic.ModelSpec
        With the state of the transforms.
    replaced : mapping, optional
        Columns that stand in for those of the frame.
    """
    from formulaic.transforms import TRANSFORMS
    from formulaic.utils.layered_mapping import LayeredMapping
    from formulaic.utils.stateful_transforms import stateful_eval

    data = LayeredMapping(replaced or {}, frame, name="data")
    if factor.eval_method.value == "lookup":
        return data[factor.expr]
    tree = understood(factor.expr, tuple(frame.columns))
    if tree is not None:
        return run(tree, data, spec.transform_state)
    # not of the language that is stored: Python, in the process of the fit
    names = LayeredMapping(data, LayeredMapping(TRANSFORMS, name="transforms"))
    return stateful_eval(factor.expr, names, {factor.expr: factor.metadata}, spec.transform_state, spec)


def unevaluated(what: str, error: Exception, frame: Frame) -> str:
    """What is said where an expression cannot be evaluated: why, and which columns it read are no numbers."""
    if isinstance(error, RowError):
        return f"formula: {what} {error}"
    held = [
        f"column {name!r} holds {frame[name].dtype}" for name in frame if frame[name].dtype.kind not in "iufb"
    ]
    return f"formula: {what} cannot be evaluated: {'; '.join([clean(error), *held])}"


def _of_its_kind(expr: str, value: Any, spec: Any) -> Any:
    """A value; of levels where the fit had numbers refused: rows would make the columns."""
    kind = spec.encoder_state.get(expr, (None,))[0]
    if kind is None or kind.value != "numerical":
        return value
    metadata = getattr(value, "__formulaic_metadata__", None)
    coded = getattr(getattr(metadata, "kind", None), "value", None) == "categorical"
    found = getattr(value, "__wrapped__", value)
    if coded or getattr(getattr(found, "dtype", None), "kind", "") == "O":
        raise ValueError("it gives levels, and gave numbers in the fit")
    return value


def _times_as_levels(value: Any) -> Any:
    """A coded column of times as objects: formulaic looks for those of NumPy among levels of pandas."""
    from formulaic.materializers.types import FactorValues

    plain = getattr(value, "__wrapped__", value)
    if getattr(getattr(plain, "dtype", None), "kind", "") not in ("m", "M"):
        return value
    return FactorValues(plain.astype(object), metadata=value.__formulaic_metadata__)


def evaluated(factor: Any, value: Any, uses: tuple[str, ...]) -> Any:
    """A value as formulaic keeps it for a factor."""
    from formulaic.materializers.types import EvaluatedFactor
    from formulaic.utils.variables import Variable

    sources = {Variable(name, roles=("value",), source="data") for name in uses}
    return EvaluatedFactor(factor=factor, values=value, variables=sources)


def materialise(
    spec: Any,
    frame: Frame,
    uses: Mapping[str, tuple[str, ...]],
    *,
    factors: Mapping[str, Any] | None = None,
    encoded: Encoded | None = None,
) -> tuple[Float, Any, dict[Any, Any]]:
    """The columns of a specification at the rows of a frame.

    Parameters
    ----------
    spec : formulaic.ModelSpec, or SimpleFormula to begin with
    frame : pandas.DataFrame
        From :func:`sigmax.data.tabular.frames.columns`.
    uses : mapping of str to tuple of str
        Columns of the frame that each factor reads.
    factors : mapping, optional
        Values that stand in for those of the factors of an expression.
    encoded : mapping, optional
        Columns that stand in for those that factors are coded as.

    Returns
    -------
    ndarray of shape (n, p)
    formulaic.ModelSpec
        With its structure and state.
    Encoded

    Raises
    ------
    ValueError
        A factor cannot be evaluated, or is of another kind than in the fit.
    """
    from formulaic import ModelSpec
    from formulaic.errors import DataMismatchWarning, FormulaicError
    from formulaic.materializers import PandasMaterializer

    if not isinstance(spec, ModelSpec):
        spec = ModelSpec(formula=spec, output="numpy", na_action="ignore")
    floats = in_floats(frame)
    worker = PandasMaterializer(floats)
    known = factors_of(spec)

    refused: list[ValueError] = []

    def value_of(expr: str, rows: Frame) -> Any:
        try:
            return _of_its_kind(expr, evaluate(known[expr], rows, spec), spec)
        except Exception as error:  # of any function that a formula calls
            refused.append(ValueError(unevaluated(repr(expr), error, frame[list(uses[expr])])))
            raise refused[0] from None

    worker._evaluate = lambda expr, metadata, spec: (value_of(expr, floats), set())
    for expr, factor in known.items():
        if factors is not None and expr in factors:
            worker.factor_cache[expr] = evaluated(factor, factors[expr], uses[expr])
        elif is_coded(factor):
            value = value_of(expr, frame[list(uses[expr])])
            worker.factor_cache[expr] = evaluated(factor, _times_as_levels(value), uses[expr])
    worker.encoded_cache.update(encoded or {})
    try:
        with np.errstate(all="ignore"):
            made = worker.get_model_matrix(spec)
    except DataMismatchWarning as error:
        raise ValueError(f"formula: {clean(error)}") from None
    except (FormulaicError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if refused:  # formulaic says it in words of its own
            raise refused[0] from None
        raise ValueError(f"formula: {clean(error)}") from error
    return _numbers(np.asarray(made), made.model_spec), made.model_spec, worker.encoded_cache


def _numbers(matrix: Any, spec: Any) -> Float:
    if matrix.dtype.kind in "iufb":
        return np.asarray(matrix, dtype=np.float64)
    for j, name in enumerate(spec.column_names):
        try:
            matrix[:, j].astype(np.float64)
        except (TypeError, ValueError):
            raise ValueError(
                f"formula: column {name!r} must be of numbers, or of levels; it holds "
                f"{type(matrix[0, j]).__name__}s"
            ) from None
    return np.asarray(matrix.astype(np.float64))
