"""Derivatives of functions of which nothing is known, by central and one-sided differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sigmax.kernels import Float

#: weights of f at offsets in steps; truncation errors of order h^6
_STENCILS = (
    ((-3, -2, -1, 1, 2, 3), (-1 / 60, 9 / 60, -45 / 60, 45 / 60, -9 / 60, 1 / 60)),
    ((0, 1, 2, 3, 4, 5, 6), (-49 / 20, 6.0, -15 / 2, 20 / 3, -15 / 4, 6 / 5, -1 / 6)),
    ((0, -1, -2, -3, -4, -5, -6), (49 / 20, -6.0, 15 / 2, -20 / 3, 15 / 4, -6 / 5, 1 / 6)),
)
#: steps, each half of the one before, from this part of the length over which a row's function may change
_FIRST, _HALVINGS = 2.0**-4, 28
#: agreement, relative to the scale, with which no smaller step is tried
_ENOUGH = 1e-11


def derivative(f: Callable[[Float], Float], x: Float, spread: float) -> tuple[Float, Float, Float]:
    """d f / d x of a function of each row alone, and how far it can be off.

    Differences of sixth order for steps that halve; for each row and column the step whose result agrees
    best with its two neighbours'.  Central ones, which at a kink give the mean of both sides; where f is nan
    on one side, or central ones do not settle, forward or backward ones.

    Parameters
    ----------
    f : callable
        (n,) -> (n, q); nan outside its domain.
    x : ndarray of shape (n,)
    spread : float
        A length over which x varies; steps begin at its sixteenth, or that of x_i where that is larger.

    Returns
    -------
    slopes, errors : ndarrays of shape (n, q)
        The error is the larger difference from the neighbours; inf where nothing was found.
    scale : ndarray of shape (q,)
        What errors are measured by: the largest slope of the column, or its largest value over `spread`.
    """
    spread = spread or 1.0
    length = np.maximum(np.abs(x), spread)
    size = np.nanmax(np.abs(f(x)), axis=0) / spread
    best: Float | None = None
    error: Float | None = None
    for offsets, weights in _STENCILS:
        tried: list[Float] = []
        for k in range(_HALVINGS):
            h = length * (_FIRST * 0.5**k)
            h = (x + h) - x  # a step that x takes exactly
            terms = [weight * f(x + offset * h) for offset, weight in zip(offsets, weights, strict=True)]
            with np.errstate(invalid="ignore", over="ignore"):
                tried = [*tried[-2:], sum(terms[1:], terms[0]) / h[:, None]]
                if len(tried) < 3:
                    continue
                before, here, after = tried
                off = np.maximum(np.abs(here - before), np.abs(here - after))
            off = np.where(np.isfinite(off), off, np.inf)
            if best is None or error is None:
                best, error = here.copy(), off
            else:
                better = off < error
                best[better], error[better] = here[better], off[better]
            scale = np.maximum(np.where(np.isfinite(error), np.abs(best), 0.0).max(axis=0), size)
            if (error <= _ENOUGH * scale).all():
                return best, error, scale
    assert best is not None
    assert error is not None
    return np.where(np.isfinite(error), best, np.nan), error, scale
