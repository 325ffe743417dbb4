"""What `fit` was given, as arrays: those of the caller, or those of a formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import numbers
from sigmax.data.chunks import MISSING_ADVICE, Chunks
from sigmax.data.formulas.formula_data import Observed, observe
from sigmax.data.formulas.parsing import parse, require_formulaic
from sigmax.data.given_rows import Given, argument, key_of, of_array_fit, of_rows
from sigmax.data.missing import Dropped, incomplete
from sigmax.data.tabular import frames
from sigmax.data.tabular.series import Mask
from sigmax.data.tabular.tables import Table, TableTerms, index_of, origin_of, require_aligned
from sigmax.kernels import Float


def given(
    X: npt.ArrayLike | Chunks | frames.Frame | str,
    y: npt.ArrayLike | frames.Frame | str | None,
    *,
    data: object,
    names: Sequence[str] | None,
    classes: npt.ArrayLike | None,
    sample_weight: npt.ArrayLike | str | None,
    offset: npt.ArrayLike | str | None,
    fit_intercept: bool | None,
    missing: str = "raise",
) -> Given:
    """Arguments of :func:`sigmax.fit`, a formula and names of columns replaced by what they stand for.

    Raises
    ------
    ValueError
        Arguments that do not go together, and what :func:`sigmax.data.formulas.formula_data.observe` refuses.
    TypeError, ImportError
        See there.
    """
    if not isinstance(X, str):
        if data is not None:
            raise ValueError(
                "data goes with a formula, such as 'y ~ x1 + x2', as the first argument; without one, pass "
                "the columns as X and the labels as y"
            )
        if y is None:
            raise ValueError(
                "y is missing: pass labels, or counts, with X; or a formula, as 'y ~ x1 + x2', with data="
            )
        return of_rows(
            X,
            y,
            names=names,
            classes=classes,
            sample_weight=sample_weight,
            offset=offset,
            intercept=fit_intercept is None or bool(fit_intercept),
            missing=missing,
        )
    if y is not None and data is None and frames.is_table(y):
        raise ValueError(
            f"y is what stands left of ~ in the formula {X!r}, and here it is a table: pass that as data="
        )
    if y is not None:
        raise ValueError(
            f"y is what stands left of ~ in the formula {X!r}, and must not be given, too; the table is data="
        )
    if data is None:
        raise ValueError(f"data is missing: the formula {X!r} needs the table whose columns it names")
    if names is not None:
        raise ValueError("names are those of the formula's columns, and must not be given, too")
    origin, index = origin_of(data, "data"), index_of(data)
    for name, value in (("sample_weight", sample_weight), ("offset", offset)):
        require_aligned(name, value, index, "data")
    dropped: Dropped | None = None
    beside = [one for one in (sample_weight, offset) if isinstance(one, str)]
    if missing == "drop":
        require_formulaic()
        data, sample_weight, offset, gone = _complete(X, data, sample_weight, offset, beside)
        if gone is not None:
            kept, dropped = gone
            origin = None if origin is None else origin.take(kept)
    found = observe(X, data, beside)
    terms = found.terms
    if fit_intercept is not None and bool(fit_intercept) != terms.intercept:
        says = "has an intercept; end it with '- 1'" if terms.intercept else "has none ('- 1', or '0 +')"
        raise ValueError(f"fit_intercept={fit_intercept!r}, but the formula {X!r} {says}")
    weights = column(sample_weight, data, "sample_weight", advice=MISSING_ADVICE)
    shift = column(offset, data, "offset", advice=MISSING_ADVICE)
    if found.offset is not None:
        _require_two_classes(X, found, weights if classes is None else None, classes)
        shift = _sum(found.offset, shift)
    return Given(
        X=found.X,
        y=found.y,
        names=terms.names,
        classes=found.classes if classes is None else classes,
        sample_weight=weights,
        offset=shift,
        intercept=terms.intercept,
        terms=terms,
        dropped=dropped,
        origin=origin,
    )


def _complete(
    formula: str, data: object, sample_weight: Any, offset: Any, beside: Sequence[str]
) -> tuple[Any, Any, Any, tuple[Mask, Dropped] | None]:
    """The rows of a formula's table, of weights and of offsets in which nothing is missing."""
    frame = frames.table(data)
    sides = parse(formula, frame, beside)
    used = list(dict.fromkeys([*(name for names in sides.uses.values() for name in names), *beside]))
    table = Table(frame, "data")
    table.require(used)
    masks = {name: table.column(name).missing for name in used}
    arguments = {}
    for name, value in (("sample_weight", sample_weight), ("offset", offset)):
        if value is not None and not isinstance(value, str):
            found = argument(name, value, None, None)
            arguments[name] = found.values
            masks[key_of(name, table)] = found.gaps(table.n_rows)
    gone = incomplete(masks)
    if gone is None:
        return data, sample_weight, offset, None
    kept = gone[0]
    some = frames.take(frame, used, kept)
    weights, shift = (
        arguments[name][kept] if name in arguments else value
        for name, value in (("sample_weight", sample_weight), ("offset", offset))
    )
    return some, weights, shift, gone


def _require_two_classes(
    formula: str, found: Observed, weights: npt.ArrayLike | None, classes: npt.ArrayLike | None
) -> None:
    """One offset a row has a meaning for two classes alone; labels of rows of weight 0 are not looked at."""
    import pandas as pd

    if classes is not None:
        count = len(np.atleast_1d(np.asarray(classes)))
    elif found.y.ndim == 2:
        count = found.y.shape[1]
    else:
        labels = found.y
        counted = None if weights is None else np.asarray(weights)
        if counted is not None and counted.shape == labels.shape and counted.dtype.kind in "iufb":
            labels = labels[counted > 0]
        count = len(pd.unique(pd.Series(labels)))
    if count > 2:
        raise ValueError(
            f"formula {formula!r}: offset() is added to the logit of the second of two classes; the response "
            f"has {count}, each with a logit of its own: pass offset= an array of shape (n, {count})"
        )


def _sum(ours: Float, given: npt.ArrayLike | None) -> npt.ArrayLike:
    """The offset of a formula with that of the call, which may have a column for each of two classes."""
    if given is None:
        return ours
    array: Any = numbers("offset", given)
    if array.shape == ours.shape:
        return np.asarray(array + ours)
    if array.shape == (len(ours), 2):
        return np.column_stack([array[:, 0], array[:, 1] + ours])
    return given  # of a wrong shape: who reads it says so


def column(
    value: npt.ArrayLike | str | None, data: object, name: str, of: str = "data", advice: str = ""
) -> npt.ArrayLike | None:
    """`value` as an array, or the column that it names of `data`, which messages call `of`.

    Raises
    ------
    ValueError
        There is no such column, it has missing values, or it is not of numbers.
    """
    if value is None or isinstance(value, np.ndarray):
        return value
    table = None
    if isinstance(value, str):
        table = Table(data if isinstance(data, Mapping) else frames.table(data, of), of)
    found = argument(name, value, table, None)
    found.require_complete(of, advice)
    array: npt.ArrayLike = found.values
    return array


def rows(
    terms: TableTerms | None,
    X: Any,
    offset: npt.ArrayLike | str | None,
    base: int | None,
    names: Sequence[str],
) -> tuple[npt.ArrayLike, npt.ArrayLike | None]:
    """Columns and offset of rows to predict: columns of a table are evaluated, or coded; arrays are taken.

    Parameters
    ----------
    terms : TableTerms or None
        How the fit made its columns; None of a fit of an array.
    X : table or array_like
    offset : array_like, str or None
        That of the call, which the formula's own is added to.
    base : int or None
        The class whose logit is 0; None where they sum to zero.
    names : sequence of str
        The columns of the fit.  Of a fit of an array a table's columns are found by them where it has all of
        these, and are else taken in their order.

    Raises
    ------
    ValueError
        As :meth:`TableTerms.design`; or `offset` names a column, and X is no table; or the formula has an
        offset(), which X says nothing of.
    """
    if frames.is_table(X):
        require_aligned("offset", offset, index_of(X), "X")
        made = of_array_fit(X, names) if terms is None else terms
        shift, ours = column(offset, X, "offset", "X"), made.offset(X)
        return made.design(X), (shift if ours is None else _in_place(ours, base, shift))
    if terms is not None and terms.offsets is not None and offset is None:
        raise ValueError(
            f"the formula has offset({terms.offsets}): predict a table with its columns, or pass offset="
        )
    if isinstance(offset, str):
        raise ValueError(f"offset may name a column only where X is a table; got {offset!r}")
    if terms is not None and np.asarray(X).dtype.kind not in "biuf":
        columns = ", ".join(repr(one.name) for one in terms.variables[:12])
        more = ", ..." if len(terms.variables) > 12 else ""
        raise ValueError(
            f"X must be a table with the columns of the fit, {columns}{more}, or an "
            "array of the design's numbers"
        )
    return X, column(offset, X, "offset")


def _in_place(ours: Float, base: int | None, given: npt.ArrayLike | None) -> npt.ArrayLike:
    """An offset of the second of two classes as one of the logits of a result, that of the call added."""
    signs = np.array([-0.5, 0.5]) if base is None else np.array(1.0 if base == 0 else -1.0)
    moved: Float = np.multiply.outer(ours, signs)
    if given is None:
        return moved
    array: Any = numbers("offset", given)
    return np.asarray(array + moved) if array.shape == moved.shape else given
