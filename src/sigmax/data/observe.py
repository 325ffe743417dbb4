"""From what a user hands over to the rows and the response that are fitted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigmax.data.collapse import collapse
from sigmax.data.counts import grouped
from sigmax.data.design import Design
from sigmax.data.response import Response, response
from sigmax.kernels import Kernels


def observe(
    design: Design,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None,
    offset: npt.ArrayLike | None,
    classes: npt.ArrayLike | None,
    n_threads: int,
) -> tuple[Design, Response]:
    """The design and the response that have the likelihood of the data.

    Labels leave the rows as they are.  Counts for K classes take the rows K times, by reference
    (:mod:`sigmax.data.counts`).

    Parameters
    ----------
    design : Design
    y : array_like of shape (n,) or (n, K)
        Labels, or counts.
    sample_weight, offset, classes : array_like, optional
        As for :func:`sigmax.fit`.
    n_threads : int
        Has no influence on the result.

    Returns
    -------
    Design, Response
        Of the same number of rows; ``total_weight`` is the number of observations.

    Raises
    ------
    ValueError
        Bad input: see :func:`sigmax.data.response.response` and :func:`sigmax.data.counts.grouped`.
    """
    try:
        given = np.asarray(y)
    except ValueError as error:  # rows of different lengths
        raise ValueError(
            f"y must be one label for each row of X, or a matrix of counts; NumPy says: {error}"
        ) from None
    encode = grouped if given.ndim == 2 else response
    observed = encode(
        given,
        design.n_rows,
        sample_weight=sample_weight,
        offset=offset,
        classes=classes,
        n_threads=n_threads,
    )
    copies = len(observed.codes) // design.n_rows
    return (design.of(design.rows.repeated(copies)) if copies > 1 else design), observed


def in_few_rows(
    design: Design, observed: Response, kernels: Kernels, n_threads: int
) -> tuple[Design, Response]:
    """The same likelihood with rows that repeat as one row, where that is exact and pays.

    See :mod:`sigmax.data.collapse`.
    """
    collapsed = collapse(design.rows, observed, kernels, n_threads)
    if collapsed is None:
        return design, observed
    rows, observed = collapsed
    return design.of(rows), observed
