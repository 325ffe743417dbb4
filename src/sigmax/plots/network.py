"""The picture of units and layers: what a logistic or softmax regression is as a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from sigmax.inference.observed import observed
from sigmax.inference.result import Result
from sigmax.inference.tables import label_text
from sigmax.kernels import Float
from sigmax.layers import Network
from sigmax.plots.columns import columns_of
from sigmax.plots.display import Display
from sigmax.plots.drawing import backed, ink, mixed, room
from sigmax.plots.edges import Weights, draw_edges, explain
from sigmax.plots.layer import Layer
from sigmax.plots.words import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: characters of a name outside of the picture
_NAME = 28
#: distance from a layer with names on its right to the next one; from others it is 1
_NAMED_GAP = 1.6
#: points between layers below which titles are short
_NARROW = 60.0
#: points that a character takes, about
_CHARACTER = 5.0
#: largest radius of a unit, and the smallest that has room for writing, points
_RADIUS, _WRITTEN = 13.0, 6.0
_WEIGHTS = ("raw", "standardised")


class NetworkDisplay(Display):
    """Units and layers of a regression: inputs, linear units, sigmoid or softmax, negative log-likelihood.

    Of a fit by :meth:`from_result`, of a network by :meth:`from_network`, or of sizes alone:
    ``NetworkDisplay(4, 3).plot()``, ``NetworkDisplay(layers=[("input", 64), ("hidden", 16)]).plot()``.

    Parameters
    ----------
    n_features, n_classes : int, optional
        Of a regression, p >= 0 and K >= 2.
    layers : sequence of (str, int), optional
        Names and widths of the layers of another network, in place of these; each unit is connected with all
        of the layer before.
    names : sequence of str, of length p, optional
        Of the features; x1, x2, ... by default.
    classes : array_like of shape (K,), optional
        Their labels; 0 .. K-1 by default.
    weights : ndarray of shape (m, p), optional
        Of a linear unit from each feature, m = 1 for two classes and K for more; -inf, inf and nan are
        possible.  Without them edges are grey.
    biases : ndarray of shape (m,), optional
    intercept : bool
        Whether there is a bias.
    reference : int, optional
        Index of the class whose linear unit is always 0, of more than two.
    most : int
        Units of a layer that are drawn, at least 3; of a larger one the middle is left out, with dots.
    note : str
        What the width of an edge is.

    Attributes
    ----------
    layers : list of Layer
    gaps : dict of int to (ndarray, ndarray or None)
        Weights (units, inputs) and biases between a column and the next one, where they are drawn.
    ax_, figure_
        See :class:`sigmax.plots.display.Display`.
    places_ : list of dict of int to (float, float)
        Of each layer: where the units are that were drawn; the bias is unit -1.

    Raises
    ------
    ValueError
        Neither sizes nor layers, or both; sizes that are none; shapes that do not fit.

    Examples
    --------
    >>> from sigmax.plots import NetworkDisplay
    >>> display = NetworkDisplay(200, 3).plot()
    >>> [(layer.title, layer.width) for layer in display.layers]
    [('inputs', 200), ('linear', 3), ('softmax', 3), ('loss', 1)]
    >>> len(display.places_[0])  # a bias, and of 200 units seven
    8
    """

    def __init__(
        self,
        n_features: int | None = None,
        n_classes: int | None = None,
        *,
        layers: Sequence[tuple[str, int]] | None = None,
        names: Sequence[str] | None = None,
        classes: npt.ArrayLike | None = None,
        weights: Float | None = None,
        biases: Float | None = None,
        intercept: bool = True,
        reference: int | None = None,
        most: int = 8,
        note: str = "",
    ) -> None:
        sizes = n_features, n_classes
        if (None in sizes) if layers is None else sizes != (None, None):
            raise ValueError("NetworkDisplay needs n_features and n_classes, or layers, and not both")
        if most < 3:
            raise ValueError(f"most must be at least 3, the first unit, dots, and the last; got {most}")
        self._inner = _NAME
        self.most, self.note, self.weights, self.biases = most, note, weights, biases
        self.gaps: Weights = {} if weights is None else {0: (weights, biases)}
        if layers is not None:
            if len(layers) < 2 or any(width < 1 for _, width in layers):
                raise ValueError(
                    f"layers must be at least two, each of a width of at least 1; got {layers!r}"
                )
            self.layers = [Layer(str(name), int(width)) for name, width in layers]
            return
        assert n_features is not None
        assert n_classes is not None
        p, K = int(n_features), int(n_classes)
        if p < 0 or K < 2:
            raise ValueError(f"n_features must be at least 0 and n_classes at least 2; got {p} and {K}")
        m = 1 if K == 2 else K
        labels = [label_text(one) for one in (range(K) if classes is None else np.asarray(classes).tolist())]
        features = [f"x{j + 1}" for j in range(p)] if names is None else [str(one) for one in names]
        for what, found, wanted in (("names", len(features), p), ("classes", len(labels), K)):
            if found != wanted:
                raise ValueError(f"{what} must have length {wanted}; got {found}")
        if weights is not None and weights.shape != (m, p):
            raise ValueError(f"weights must have shape {(m, p)}; got {weights.shape}")
        if biases is not None and biases.shape != (m,):
            raise ValueError(f"biases must have shape {(m,)}; got {biases.shape}")
        last = labels[1:] if K == 2 else labels
        if reference is not None and not 0 <= reference < K:
            raise ValueError(f"reference must be the index of a class, below {K}; got {reference}")
        zeros = () if K == 2 or reference is None else (reference,)
        self.layers = [
            Layer("inputs", p, "", tuple(features), "left", intercept),
            Layer("linear", m, r"$\Sigma$", zeros=zeros),
            Layer("sigmoid" if K == 2 else "softmax", m, "p", tuple(last), "right"),
            Layer("loss", 1, "NLL"),
        ]

    @classmethod
    def from_result(
        cls,
        result: Result,
        *,
        weights: str = "raw",
        most: int = 8,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a fit as a network, its weights as edges: the colour is the sign, the width the size.

        Parameters
        ----------
        result : Result
            Edges lead to the linear units of its parametrisation: one for two classes, else one for each
            class, that of the reference without edges, since it is always 0.
        weights : {"raw", "standardised"}
            "raw": the coefficients, which depend on the units of the columns.  "standardised": times the
            (weighted) standard deviation of the column in the rows of the fit.
        most : int
            Units of a layer that are drawn.
        ax : matplotlib.axes.Axes, optional
            Where to draw; in a new figure by default.
        **kwargs
            For the edges between inputs and linear units, ``matplotlib.collections.LineCollection``.

        Returns
        -------
        NetworkDisplay

        Raises
        ------
        ValueError
            Standardised weights of a pickled result, which left its data behind.
        ImportError
            matplotlib is not installed.

        Notes
        -----
        The thickest edge is the largest finite weight; a bias may be larger, and is then as thick.  Infinite
        weights, of separated classes, are as thick and dashed; columns that were left out have none.

        Examples
        --------
        >>> import sigmax as sx
        >>> from sigmax.plots import NetworkDisplay
        >>> data = sx.datasets.load("spector")
        >>> r = sx.fit(data.X, data.y, names=data.features)
        >>> NetworkDisplay.from_result(r).weights.round(3)
        array([[2.826, 0.095, 2.379]])
        """
        if weights not in _WEIGHTS:
            raise ValueError(f"weights must be one of {', '.join(map(repr, _WEIGHTS))}; got {weights!r}")
        K, one = len(result.classes), int(result.fit_intercept)
        base: int | None = None
        matrix = np.atleast_2d(result.params)
        if K == 2:
            # one unit: the logit of the second class
            if result.reference is None:
                matrix = matrix[1:] - matrix[:1]
            elif result.reference == result.classes[1]:
                matrix = -matrix
        elif result.reference is not None:
            base = result.classes.tolist().index(result.reference)
            matrix = np.insert(matrix, base, 0.0, axis=0)
        slopes, note = matrix[:, one:], "|weight|"
        if weights == "standardised":
            rows = observed(result, "a standardised weight")
            total = rows.total()
            w = total if total.ndim == 1 else total.sum(axis=1)
            deviations = []
            for j in range(slopes.shape[1]):
                column = rows.column(j)
                centre = np.average(column, weights=w)
                deviations.append(np.sqrt(np.average((column - centre) ** 2, weights=w)))
            with np.errstate(invalid="ignore"):
                slopes = slopes * np.array(deviations)
            note = "|weight| x standard deviation"
        display = cls(
            slopes.shape[1],
            K,
            names=result.param_names[one:],
            classes=result.classes,
            weights=slopes,
            biases=matrix[:, 0] if one else None,
            intercept=bool(one),
            reference=base,
            most=most,
            note=note,
        )
        return display.plot(ax, **kwargs)

    @classmethod
    def from_network(
        cls,
        network: Network,
        *,
        names: Sequence[str] | None = None,
        most: int = 8,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a network of :mod:`sigmax.layers`, its weights as edges.

        Linear units and the functions of them are one column.

        Parameters
        ----------
        network : Network
            Its first layer is linear.
        names : sequence of str, optional
            Of the inputs.
        most : int
            Units of a layer that are drawn.
        ax : matplotlib.axes.Axes, optional
            Where to draw; in a new figure by default.
        **kwargs
            For the edges between inputs and first units, ``matplotlib.collections.LineCollection``.

        Returns
        -------
        NetworkDisplay

        Raises
        ------
        ValueError
            The first layer is not linear; another number of names than of inputs.

        Examples
        --------
        >>> from sigmax.layers import NLL, Linear, LogSoftmax, Network, Tanh
        >>> from sigmax.plots import NetworkDisplay
        >>> network = Network(Linear(2, 4, seed=1), Tanh(), Linear(4, 2, seed=2), LogSoftmax(), NLL())
        >>> [(one.title, one.width) for one in NetworkDisplay.from_network(network).layers]
        [('inputs', 2), ('tanh', 4), ('softmax', 2), ('loss', 1)]
        """
        columns, weights = columns_of(network, names)
        display = cls(layers=[(one.title, one.width) for one in columns], most=most)
        display.layers, display.gaps = columns, weights
        return display.plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw it, on `ax` or in a new figure; `kwargs` are for the edges (``LineCollection``)."""
        slots = [self._slots(layer) for layer in self.layers]
        tallest = max(len(one) for one in slots)
        size = (2.0 + 1.45 * len(self.layers), min(max(1.2 + 0.45 * tallest, 2.8), 7.0))
        ax = self._begin(ax, size)
        ax.set_axis_off()
        box: Any = ax.get_position()
        figure: Any = ax.figure
        wide, high = 72.0 * box.width * figure.get_figwidth(), 72.0 * box.height * figure.get_figheight()
        radius = min(_RADIUS, 0.36 * high / (tallest + 0.5))
        last = len(self.layers) - 1
        # names to the left hang out of the axes, as those of ticks do, and the layout makes room for them;
        # those to the right have the room between two layers
        gaps = [_NAMED_GAP if layer.side == "right" else 1.0 for layer in self.layers[:last]]
        across = [sum(gaps[:x]) for x in range(last + 1)]
        narrow = wide / (across[-1] + 0.4) < _NARROW
        self._inner = max(int((_NAMED_GAP * wide / (across[-1] + 0.4) - 2.5 * radius - 8.0) / _CHARACTER), 3)
        ax.set(xlim=(-0.2, across[-1] + 0.3), ylim=(-0.5 * tallest, 0.5 * tallest))
        self.places_ = [
            {unit: (at, 0.5 * (len(units) - 1) - i) for i, unit in enumerate(units) if unit is not None}
            for at, units in zip(across, slots, strict=True)
        ]
        for x in range(last):
            one_to_one = self.layers[x].width == self.layers[x + 1].width == 1
            ends = self.places_[x], self.places_[x + 1]
            extra = kwargs if x == 0 else {}
            draw_edges(ax, *ends, self.gaps.get(x), one_to_one=x > 0 and one_to_one, style=extra)
        for x, units in enumerate(slots):
            self._draw_units(ax, self.layers[x], across[x], units, radius)
            ax.annotate(
                self._titled(x, narrow),
                (across[x], 0.5 * tallest),
                xytext=(0.0, 4.0),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize="x-small" if narrow else "small",
            )
        if self.gaps:
            explain(ax, self.gaps, self.note)
        return self

    def _slots(self, layer: Layer) -> list[int | None]:
        """Units from top to bottom, None for dots; -1 is the bias."""
        units: list[int | None] = [*range(layer.width)]
        if layer.width > self.most:
            units = [*range(self.most - 2), None, layer.width - 1]
        return [-1, *units] if layer.bias else units

    def _titled(self, x: int, narrow: bool) -> str:
        layer = self.layers[x]
        if layer.width == 1:
            return layer.title
        return f"{layer.title}\n({layer.width:,}{' + bias' if layer.bias and not narrow else ''})"

    # -- drawing ---------------------------------------------------------------------------------

    def _draw_units(self, ax: Axes, layer: Layer, x: float, units: list[int | None], radius: float) -> None:
        for i, unit in enumerate(units):
            y = 0.5 * (len(units) - 1) - i
            if unit is None:
                ax.text(x, y, r"$\vdots$", ha="center", va="center", fontsize=radius + 3.0)
                continue
            bias = unit == -1
            zero = unit in layer.zeros
            fill = mixed(ax, 0.07 if bias or zero else 0.0)
            size = 4.0 * radius**2 * (1.0 if layer.inside != "NLL" else 1.9)
            ax.scatter(
                [x],
                [y],
                s=size,
                color=[fill],
                edgecolors=[mixed(ax, 0.75)],
                linewidths=1.0,
                zorder=3.0,
                clip_on=False,
            )
            inside = "1" if bias else "0" if zero else layer.inside
            if inside and radius >= _WRITTEN:
                ax.text(
                    x, y, inside, ha="center", va="center", fontsize=0.75 * radius, color=ink(ax), zorder=4.0
                )
            label = "bias" if bias else (layer.labels[unit] if layer.labels else "")
            if label:
                right = layer.side == "right"
                text = ax.annotate(
                    short(label, self._inner if right else room(ax, 8.0, _NAME)),
                    (x, y),
                    xytext=((radius + 4.0) * (1.0 if right else -1.0), 0.0),
                    textcoords="offset points",
                    ha="left" if right else "right",
                    va="center",
                    fontsize="small",
                    zorder=4.0,
                )
                backed(text, ax)
