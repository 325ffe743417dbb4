"""Derivatives of formulaic's stateful transforms, as rules for duals (:mod:`sigmax.data.formulas.duals`).

formulaic dispatches its transforms on the type of their first argument; these are the entries for duals.
They read the state that the fit has left, and change nothing of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from sigmax.data.formulas.duals import Dual
from sigmax.kernels import Float

State = dict[str, Any]

_BS_ARGUMENTS = ("df", "knots", "degree", "include_intercept", "lower_bound", "upper_bound", "extrapolation")


@functools.cache
def register() -> None:
    """Make formulaic's transforms accept duals; once in a process."""
    from formulaic.transforms import basis_spline, cyclic_cubic_spline, natural_cubic_spline, poly, scale

    scale.register(Dual, _scale)  # center() and standardize() call it
    poly.register(Dual, functools.partial(_poly, poly))
    basis_spline.register(Dual, functools.partial(_basis_spline, basis_spline))
    natural_cubic_spline.register(Dual, functools.partial(_cubic_spline, natural_cubic_spline))
    cyclic_cubic_spline.register(Dual, functools.partial(_cubic_spline, cyclic_cubic_spline))


def _scale(x: Dual, center: object = True, scale: object = True, ddof: float = 1, *, _state: State) -> Any:
    """(x - c) / s."""
    moved: Any = x if _state["center"] is None else x - _state["center"]
    return moved if _state["scale"] is None else moved / _state["scale"]


def _poly(poly: Any, x: Dual, degree: int = 1, raw: bool = False, *, _state: State) -> Any:
    """Powers, or polynomials orthogonal over the rows of the fit.

    p_0 = 1,  p_k = (x - a_{k-1}) p_{k-1} - (n_{k-1} / n_{k-2}) p_{k-2},  columns p_k / sqrt(n_k), and so
    p_k' = p_{k-1} + (x - a_{k-1}) p_{k-1}' - (n_{k-1} / n_{k-2}) p_{k-2}'.
    """
    from formulaic.materializers.types import FactorValues

    value = poly(x.value, degree, raw, _state=_state)
    slopes = np.empty((len(x), degree))
    if raw:
        for k in range(1, degree + 1):
            slopes[:, k - 1] = k * x.value ** (k - 1)
    else:
        alpha, norms = _state["alpha"], _state["norms2"]
        p, d = [np.ones(len(x))], [np.zeros(len(x))]
        for k in range(1, degree + 1):
            away = x.value - alpha[k - 1]
            p.append(away * p[-1])
            d.append(p[-2] + away * d[-1])
            if k >= 2:
                beta = norms[k - 1] / norms[k - 2]
                p[-1] = p[-1] - beta * p[-3]
                d[-1] = d[-1] - beta * d[-3]
            slopes[:, k - 1] = d[-1] / np.sqrt(norms[k])
    dual = Dual(np.asarray(value), slopes * x.tangent[:, None])
    metadata = getattr(value, "__formulaic_metadata__", None)
    return dual if metadata is None else FactorValues(dual, metadata=metadata)


def _basis_spline(bs: Any, x: Dual, *args: Any, _state: State, **options: Any) -> Any:
    """B-splines of a degree, which are polynomials of that degree between knots."""
    given = dict(zip(_BS_ARGUMENTS, args, strict=False)) | options
    degree = given.get("degree", 3)
    beyond = str(getattr(given.get("extrapolation"), "value", given.get("extrapolation", "raise")))

    def evaluate(values: Float) -> Any:
        return bs(values, *args, _state=_state, **options)

    if degree == 0:
        return evaluate(x.value)  # steps: no derivative
    return _piecewise(evaluate, x, np.unique(_state["knots"]), degree, extends=beyond == "extend")


def _cubic_spline(spline: Any, x: Dual, *args: Any, _state: State, **options: Any) -> Any:
    """Cubic regression splines, cubic between knots; natural ones are linear beyond, cyclic ones repeat."""
    beyond = str(getattr(options.get("extrapolation"), "value", options.get("extrapolation", "extend")))
    knots = np.array(_state["knots"])
    if _state["cyclic"] and beyond == "extend":
        low, high = knots[0], knots[-1]
        inside = np.where(
            x.value > high,
            low + (x.value - high) % (high - low),
            np.where(x.value < low, high - (low - x.value) % (high - low), x.value),
        )
        x = Dual(inside, x.tangent)
    return _piecewise(
        lambda values: spline(values, *args, _state=_state, **options),
        x,
        knots,
        3,
        extends=beyond == "extend",
    )


def _piecewise(
    evaluate: Callable[[Float], Any], x: Dual, breaks: Float, degree: int, *, extends: bool
) -> Any:
    """A basis of functions that are polynomials of a degree between breaks, at a dual.

    Each piece is evaluated at degree + 1 Chebyshev nodes, which determine it, and differentiated as the
    Chebyshev series through them.  At a break the piece on its right counts, at the last one the last piece.

    Parameters
    ----------
    evaluate : callable
        Values (n,) -> columns, in a dict.
    x : Dual
    breaks : ndarray of shape (m + 1,)
        Rising.
    degree : int
    extends : bool
        Whether the basis beyond the first and the last break goes on as one polynomial; else it is constant
        there.
    """
    from formulaic.materializers.types import FactorValues

    values, found = x.value, evaluate(x.value)
    names = list(found)
    edges = breaks
    if extends:  # pieces of their own, as far as there are rows
        before = [float(values.min())] if values.min() < breaks[0] else []
        after = [float(values.max())] if values.max() > breaks[-1] else []
        edges = np.concatenate([before, breaks, after])
    centre, half = (edges[1:] + edges[:-1]) / 2.0, (edges[1:] - edges[:-1]) / 2.0
    nodes = np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
    at = evaluate((centre[:, None] + half[:, None] * nodes).ravel())
    pieces = np.stack([np.asarray(at[name]) for name in names], axis=-1).reshape(len(half), degree + 1, -1)
    # sums over the nodes are orthogonal: c_k = (2 - [k = 0]) / (d + 1) sum_i T_k(node_i) f_i
    basis = chebyshev.chebvander(nodes, degree) * (2.0 / (degree + 1))
    basis[:, 0] /= 2.0
    piece = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(half) - 1)
    slopes = np.zeros((len(values), len(names)))
    for k in np.unique(piece):
        rows = piece == k
        if not extends:
            rows &= (values >= breaks[0]) & (values <= breaks[-1])
        series = chebyshev.chebder(basis.T @ pieces[k], axis=0) / half[k]
        slopes[rows] = chebyshev.chebvander((values[rows] - centre[k]) / half[k], degree - 1) @ series
    columns = {name: Dual(np.asarray(found[name]), slopes[:, j] * x.tangent) for j, name in enumerate(names)}
    return FactorValues(columns, metadata=found.__formulaic_metadata__)
