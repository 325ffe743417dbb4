"""Problems for the tests of this room, and exact arithmetic that is none of the code's."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from sigmax import kernels
from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.existence.pairs import Pairs


def whole_numbers(values):
    """An object array of Python's integers, shape (k,)."""
    found = np.empty(len(values), object)
    found[:] = [int(value) for value in values]
    return found


def matrix(rows):
    """An object array of Python's integers, shape (n, k)."""
    return np.array([[int(value) for value in row] for row in rows], object)


def pairs_of(X, y, *, intercept=True, backend=None, threads=1, **options):
    """The pairs of a problem; `options` as for the response."""
    chosen = kernels.get("auto") if backend is None else backend
    design = Design(X, intercept=intercept)
    return Pairs(design, response(np.asarray(y), design.n_rows, **options), chosen, threads)


def sign(value):
    return (value > 0) - (value < 0)


def exact_dots(X, d, *, intercept=False):
    """[1 X] d as fractions."""
    rows = [[Fraction(1)] * intercept + [Fraction(float(x)) for x in row] for row in X]
    return [sum((a * int(b) for a, b in zip(row, d, strict=True)), Fraction(0)) for row in rows]


def exact_margins(X, y, d, n_classes, *, intercept=True):
    """z_ik'd, [i][k], from the definition (d_y - d_k)'[1 x_i]; 0 for the own class."""
    width = np.shape(X)[1] + intercept
    each = [[0] * width] + [list(d[k * width : (k + 1) * width]) for k in range(n_classes - 1)]
    values = [exact_dots(X, one, intercept=intercept) for one in each]
    return [[values[own][i] - values[k][i] for k in range(n_classes)] for i, own in enumerate(y)]
