"""Edges between two columns of units: their weights as colour and width, and what explains them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sigmax.kernels import Float
from sigmax.plots.display import MUTED, colour
from sigmax.plots.drawing import legend, mixed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: widths of edges in points: of weights, and of connections without one
_THIN, _THICK, _PLAIN = 0.4, 5.0, 0.7

#: weights (units, inputs) and biases between a column and the next one
Weights = dict[int, tuple[Float, Float | None]]
#: where units are that were drawn; the bias is unit -1
Places = dict[int, tuple[float, float]]


def draw_edges(
    ax: Axes,
    starts: Places,
    ends: Places,
    given: tuple[Float, Float | None] | None,
    *,
    one_to_one: bool,
    style: dict[str, Any],
) -> None:
    """Between a column and the next; weights where they are given.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    starts, ends : dict of int to (float, float)
        Where the units of both columns are.
    given : (ndarray of shape (units, inputs), ndarray of shape (units,) or None) or None
        Weights and biases; an edge of weight 0 or nan is not drawn.
    one_to_one : bool
        Whether both columns have one unit: a plain line.
    style : dict
        For ``matplotlib.collections.LineCollection``; overrules.
    """
    from matplotlib.collections import LineCollection

    top = 0.0 if given is None else _largest(given[0])
    stretches, colours, widths, styles = [], [], [], []
    for unit, start in starts.items():
        for other, end in ends.items():
            weight = None if given is None else _weight(given, unit, other)
            if other == -1 or (weight is not None and (np.isnan(weight) or weight == 0.0)):
                continue
            stretches.append([start, end])
            infinite = weight is not None and bool(np.isinf(weight))
            styles.append("--" if infinite else "-")
            if weight is None:
                colours.append(MUTED if one_to_one else mixed(ax, 0.25))
                widths.append(_PLAIN)
            else:
                colours.append(colour(0) if weight > 0.0 else colour(1))
                share = 1.0 if infinite or top == 0.0 else min(abs(weight) / top, 1.0)
                widths.append(_THIN + (_THICK - _THIN) * share)
    ours: dict[str, Any] = {"zorder": 1.0, "alpha": 0.8, "linestyles": styles, "linewidths": widths}
    if stretches:
        ax.add_collection(LineCollection(stretches, **{**ours, "colors": colours, **style}))


def explain(ax: Axes, gaps: Weights, note: str) -> None:
    """The legend of colours and widths, below the axes; the largest weight where all edges have one scale."""
    from matplotlib.lines import Line2D

    entries = [
        Line2D([], [], color=colour(0), linewidth=2.5, label="positive"),
        Line2D([], [], color=colour(1), linewidth=2.5, label="negative"),
    ]
    shown = [one for pair in gaps.values() for one in pair if one is not None]
    if any(np.isinf(one).any() for one in shown):
        entries.append(Line2D([], [], color=MUTED, linewidth=2.5, linestyle="--", label="infinite"))
    title = f"width: {note or '|weight|'}"
    largest = max(_largest(one) for one, _ in gaps.values())
    if len(gaps) > 1:
        title += ", against the largest between the same columns"
    elif largest:
        title += f", at most {largest:.3g}"
    found = legend(
        ax,
        handles=entries,
        title=title,
        ncols=len(entries),
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        frameon=False,
    )
    found.set_zorder(5.0)


def _largest(weights: Float) -> float:
    """The largest finite |weight|; 0 where there is none."""
    finite = np.abs(weights[np.isfinite(weights)])
    return float(finite.max()) if finite.size else 0.0


def _weight(given: tuple[Float, Float | None], unit: int, other: int) -> float:
    """Of the edge from a unit, -1 the bias, to one of the next column; nan for none."""
    weights, biases = given
    if unit == -1:
        return float("nan") if biases is None else float(biases[other])
    return float(weights[other, unit])
