"""What `fit` was given, as arrays: those of the caller, or those of a formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.data import frames
from sigmax.data.checks import numbers
from sigmax.data.chunks import Chunks
from sigmax.data.formula import Terms
from sigmax.data.formula_data import Observed, observe
from sigmax.kernels import Float


@dataclass(frozen=True, slots=True)
class Given:
    """Arrays and names of a fit; `terms` where they come from a formula."""

    X: npt.ArrayLike | Chunks
    y: npt.ArrayLike
    names: Sequence[str] | None
    classes: npt.ArrayLike | None
    sample_weight: npt.ArrayLike | None
    offset: npt.ArrayLike | None
    intercept: bool
    terms: Terms | None = None


def given(
    X: npt.ArrayLike | Chunks | str,
    y: npt.ArrayLike | None,
    *,
    data: object,
    names: Sequence[str] | None,
    classes: npt.ArrayLike | None,
    sample_weight: npt.ArrayLike | str | None,
    offset: npt.ArrayLike | str | None,
    fit_intercept: bool | None,
) -> Given:
    """Arguments of :func:`sigmax.fit`, a formula and names of columns replaced by what they stand for.

    Raises
    ------
    ValueError
        Arguments that do not go together, and what :func:`sigmax.data.formula_data.observe` refuses.
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
        for name, value in (("sample_weight", sample_weight), ("offset", offset)):
            if isinstance(value, str):
                raise ValueError(
                    f"{name} may name a column only where data is given with a formula; got {value!r}"
                )
        assert not isinstance(sample_weight, str)
        assert not isinstance(offset, str)
        return Given(
            X, y, names, classes, sample_weight, offset, fit_intercept is None or bool(fit_intercept)
        )
    if y is not None:
        raise ValueError(
            f"y is what stands left of ~ in the formula {X!r}, and must not be given, too; the table is data="
        )
    if data is None:
        raise ValueError(f"data is missing: the formula {X!r} needs the table whose columns it names")
    if names is not None:
        raise ValueError("names are those of the formula's columns, and must not be given, too")
    found = observe(X, data)
    terms = found.terms
    if fit_intercept is not None and bool(fit_intercept) != terms.intercept:
        says = "has an intercept; end it with '- 1'" if terms.intercept else "has none ('- 1', or '0 +')"
        raise ValueError(f"fit_intercept={fit_intercept!r}, but the formula {X!r} {says}")
    weights = column(sample_weight, data, "sample_weight")
    shift = column(offset, data, "offset")
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
    )


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


def column(value: npt.ArrayLike | str | None, data: object, argument: str) -> npt.ArrayLike | None:
    """`value`, or the column of `data` that it names.

    Raises
    ------
    ValueError
        There is no such column, it has missing values, or it is not of numbers.
    """
    if not isinstance(value, str):
        return value
    try:
        found = frames.columns(frames.table(data), [value])[value]
    except ValueError as error:
        raise ValueError(f"{argument}={value!r}: {error}") from None
    if frames.kind_of(found) != "numbers":
        raise ValueError(f"{argument}={value!r}: the column must hold numbers; it holds {found.dtype}")
    return np.asarray(found.to_numpy(), dtype=np.float64)


def rows(
    terms: Terms | None, X: Any, offset: npt.ArrayLike | str | None, base: int | None
) -> tuple[npt.ArrayLike, npt.ArrayLike | None]:
    """Columns and offset of rows to predict: of a fit with a formula a table's are evaluated, arrays taken.

    Parameters
    ----------
    terms : Terms or None
    X : table or array_like
    offset : array_like, str or None
        That of the call, which the formula's own is added to.
    base : int or None
        The class whose logit is 0; None where they sum to zero.

    Raises
    ------
    ValueError
        As :meth:`Terms.design`; or `offset` names a column, and X is no table; or the formula has an
        offset(), which X says nothing of.
    """
    if terms is not None and frames.is_table(X):
        shift, ours = column(offset, X, "offset"), terms.offset(X)
        return terms.design(X), (shift if ours is None else _in_place(ours, base, shift))
    if terms is not None and terms.offsets is not None and offset is None:
        raise ValueError(
            f"the formula has offset({terms.offsets}): predict a table with its columns, or pass offset="
        )
    if isinstance(offset, str):
        raise ValueError(
            f"offset may name a column only where X is a table and the fit had a formula; got {offset!r}"
        )
    return X, offset


def _in_place(ours: Float, base: int | None, given: npt.ArrayLike | None) -> npt.ArrayLike:
    """An offset of the second of two classes as one of the logits of a result, that of the call added."""
    signs = np.array([-0.5, 0.5]) if base is None else np.array(1.0 if base == 0 else -1.0)
    moved: Float = np.multiply.outer(ours, signs)
    if given is None:
        return moved
    array: Any = numbers("offset", given)
    return np.asarray(array + moved) if array.shape == moved.shape else given
