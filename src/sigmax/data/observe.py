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
    kernels: Kernels,
    n_threads: int,
) -> tuple[Design, Response]:
    """The design and the response that have the likelihood of the data, in as few rows as that takes.

    Labels leave the rows as they are.  Counts for K classes take the rows K times, by reference
    (:mod:`sigmax.data.counts`).  Rows that repeat are one row with their weight, where that is exact and pays
    (:mod:`sigmax.data.collapse`).

    Parameters
    ----------
    design : Design
    y : array_like of shape (n,) or (n, K)
        Labels, or counts.
    sample_weight, offset : array_like, optional
        As for :func:`sigmax.fit`.
    kernels : Kernels
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
    observed = encode(given, design.n_rows, sample_weight=sample_weight, offset=offset, n_threads=n_threads)
    copies = len(observed.codes) // design.n_rows
    rows = design.rows.repeated(copies) if copies > 1 else design.rows
    collapsed = collapse(rows, observed, kernels, n_threads)
    if collapsed is not None:
        rows, observed = collapsed
    return (design if rows is design.rows else design.of(rows)), observed
