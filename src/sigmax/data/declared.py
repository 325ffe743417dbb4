"""Classes that a user declares, of which some may have no row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import plural
from sigmax.data.labels import Labels, missing
from sigmax.kernels import Codes


def declared(classes: npt.ArrayLike) -> Labels:
    """The labels of `classes`, shape (K,), K >= 2, as they are.

    Raises
    ------
    ValueError
        Not one-dimensional, fewer than two, missing labels, or one that stands there twice.
    """
    labels = np.asarray(classes)
    if labels.ndim != 1 or len(labels) < 2:
        raise ValueError(f"classes must hold at least two labels, in one dimension; got shape {labels.shape}")
    if missing(labels).any():
        raise ValueError(f"classes must not hold missing labels; got {labels.tolist()!r}")
    values = labels.tolist()
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    if twice:
        raise ValueError(f"classes must differ; {twice[0]!r} stands more than once")
    return labels


def in_order(classes: Labels) -> Labels:
    """Sorted.

    Raises
    ------
    ValueError
        The labels do not compare with each other.
    """
    try:
        return np.sort(classes)
    except TypeError:
        raise ValueError(f"classes must hold labels of one sortable kind; got {classes.tolist()!r}") from None


def recode(
    classes: Labels, observed: Labels, codes: Codes, counted: npt.NDArray[np.bool_] | None
) -> tuple[Codes, tuple[int, ...]]:
    """Codes among `classes`, from codes among the classes that were observed; and the classes that were not.

    Raises
    ------
    ValueError
        A label of a row that counts is none of `classes`.
    """
    place = {label: k for k, label in enumerate(classes.tolist())}
    table = np.array([place.get(label, -1) for label in observed.tolist()], np.int32)
    if (table < 0).any():
        strange = table[codes] < 0
        if counted is not None:
            strange &= counted
        first = int(np.argmax(strange))
        raise ValueError(
            f"y must hold labels of classes, {classes.tolist()!r}; "
            f"{plural(int(np.count_nonzero(strange)), 'row')} with another one, the first is "
            f"y[{first}] = {observed.tolist()[codes[first]]!r}"
        )
    found: Codes = table[codes]
    return found, tuple(sorted({*range(len(classes))} - {*table.tolist()}))
