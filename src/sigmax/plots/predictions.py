"""Probabilities and labels that come from anywhere, for displays of performance; and words in pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import finite, numbers
from sigmax.data.declared import recode
from sigmax.data.labels import encode
from sigmax.inference.performance.outcomes import Outcomes, outcomes


def of_predictions(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    classes: npt.ArrayLike | None = None,
) -> Outcomes:
    """Labels and probabilities, checked.

    Parameters
    ----------
    y : array_like of shape (n,) or (n, K)
        Labels; or how often each class was observed, which is a matter of `p` with K columns.
    p : array_like of shape (n,) or (n, K)
        Probability of the second of two classes, or of each class.
    sample_weight : array_like of shape (n,), optional
        Frequencies.
    classes : array_like of shape (K,), optional
        Labels in the order of the columns of `p`; by default those of `y`, sorted.

    Raises
    ------
    ValueError
        Shapes that do not fit each other, labels of other classes, numbers that are no probabilities.
    """
    given = numbers("p", p)
    finite("p", given)
    P = np.asarray(given, np.float64)
    if P.ndim == 1:
        P = np.column_stack([1.0 - P, P])
    observed = np.asarray(y)
    if observed.shape == P.shape:
        return outcomes(P, observed, sample_weight, classes)
    if observed.shape != P.shape[:1]:
        raise ValueError(
            f"y must have shape ({len(P)},), a label for each row of p, or {P.shape}, counts; "
            f"got {observed.shape}"
        )
    found, codes = encode(observed, least=1)
    labels = found if classes is None else np.asarray(classes)
    if len(labels) != P.shape[1]:
        raise ValueError(
            f"classes must be given, one for each of the {P.shape[1]} columns of p, where y has not all of "
            f"them; y has {len(found)}"
            if classes is None
            else f"classes must hold {P.shape[1]} labels, one for each column of p; got {len(labels)}"
        )
    codes, _ = recode(labels, found, codes, None)
    return outcomes(P, codes, sample_weight, labels)


def chosen(labels: tuple[str, ...], classes: object) -> tuple[int, ...]:
    """Which classes to draw: by default the second of two, or all of more.

    Parameters
    ----------
    labels : tuple of str, of length K
        The classes as text.
    classes : label, or sequence of labels, optional

    Raises
    ------
    ValueError
        A label is none of the classes, or none is given.
    """
    from sigmax.inference.tables import label_text

    if classes is None:
        return (1,) if len(labels) == 2 else tuple(range(len(labels)))
    several = classes if isinstance(classes, list | tuple | np.ndarray | range) else [classes]
    wanted = [label_text(label) for label in several]
    unknown = [label for label in wanted if label not in labels]
    if unknown or not wanted:
        raise ValueError(
            f"classes must be among {', '.join(map(repr, labels[:8]))}{', ...' if len(labels) > 8 else ''}; "
            f"got {unknown[0]!r}"
            if unknown
            else "classes must name a class; it is empty"
        )
    return tuple(labels.index(label) for label in wanted)
