"""The layers as one thread uses them: up and down once for each block or batch, into one vector.

:class:`sigmax.layers.Sequential` finds out in every call which layers there are, what shapes they give and
what their gradients are called.  Here all of that is known from the first rows, and gradients have their
place.  What a layer gives is looked at as there, and the errors say the same.
"""

from __future__ import annotations

import math
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from sigmax.kernels import Float, Pair
from sigmax.layers.heads import Head, head_of
from sigmax.layers.layer import Layer, ShapeError
from sigmax.layers.losses import Loss
from sigmax.layers.sequential import Sequential, require_same, shape_or_type


class Share:
    """Layers with memories of their own, and the gradient of all their parameters.

    Parameters
    ----------
    layers : Sequential
        With the loss; nobody else uses them.
    backend : str
        Of layers that have none of their own.
    fused : bool
        Whether a kernel stands in for the last layers where one has them.

    Attributes
    ----------
    layers : Sequential
    below : tuple of (str, Layer)
        Places and layers below the head; where there is none, all of them.
    head : Head or None
    loss : Loss
    gradient : ndarray of shape (d,)
        Of the last rows: the next ones overwrite it.
    """

    __slots__ = ("_down", "_places", "_top", "_up", "below", "gradient", "head", "layers", "loss")

    def __init__(self, layers: Sequential, *, backend: str, fused: bool) -> None:
        leaves = tuple(one for _, one in layers.leaves)
        loss = leaves[-1]
        assert isinstance(loss, Loss)
        for one in leaves:
            # without one, every call of a kernel asks the environment, which takes as long as a small one
            if one.backend is None:
                one.backend = backend
        self.layers, self.loss = layers, loss
        self.head: Head | None = head_of(leaves) if fused else None
        self.below = layers.leaves[: len(leaves) - self.head.layers] if self.head else layers.leaves
        #: place, layer and the width of what it gives, from the first one up
        self._up: list[tuple[str, Layer, int]] = []
        #: place, layer, where its gradients go, and the width of what it gets, from the last one down
        self._down: list[tuple[str, Layer, list[tuple[str, Float]], int]] = []

        self.gradient = np.empty(sum(one.size for one in layers.parameters.values()))
        self._places, at = list[list[tuple[str, Float]]](), 0
        for one in leaves:
            mine = list[tuple[str, Float]]()
            for name, array in one.parameters.items():
                mine.append((name, self.gradient[at : at + array.size].reshape(array.shape)))
                at += array.size
            self._places.append(mine)
        self._top = self._places[len(self.below)] if self.head else []

    def knows(self, shapes: list[tuple[int, ...]]) -> None:
        """Take over the widths that rows had on their way up, as :attr:`Sequential.shapes` has them."""
        self._up = [(at, one, shapes[i + 1][1]) for i, (at, one) in enumerate(self.below)]
        # down to the first layer that has parameters
        lowest = next((i for i in range(len(self.below)) if self._places[i]), len(self.below))
        down = reversed(range(lowest, len(self.below)))
        self._down = [(*self.below[i], self._places[i], shapes[i][1]) for i in down]

    def sums(self, X: Float, targets: npt.NDArray[Any], weight: Float | None) -> Pair:
        """NLL of rows as a pair, the gradient in `gradient`: by a kernel where one has the last layers.

        Parameters
        ----------
        X : ndarray of shape (n, p)
        targets : ndarray of shape (n, ...)
            Codes, where there is a head.
        weight : ndarray of shape (n,) or None
        """
        head = self.head
        if head is None:
            self.loss.targets = targets
            losses = self._forward(X)
            delta = np.ones_like(losses) if weight is None else weight[:, None]
            # 0 times the loss of what cannot be is nan, as in the kernels
            with np.errstate(invalid="ignore"):
                products = losses * delta
            # fsum refuses inf - inf
            exact = bool(np.isfinite(products).all())
            total = math.fsum(products[:, 0].tolist()) if exact else float(products.sum())
            self._backward(delta)
            return total, 0.0
        if not self.below:
            pair, units = head.whole_pass(X, targets, weight)
            found = head.linear.named(units)
        else:
            a = self._forward(X)
            try:
                pair, found, delta = head.top(a, targets, weight)
            except ShapeError as error:
                raise ShapeError(f"layer {self.layers.leaves[len(self.below)][0]}, {error}") from error
            self._backward(delta)
        for name, place in self._top:
            place[...] = found[name]
        return pair

    def _forward(self, X: Float) -> Float:
        """Output of the layers below the head, or of all."""
        a, n = X, len(X)
        for at, layer, width in self._up:
            try:
                a = layer.forward(a)
            except ShapeError as error:
                raise ShapeError(f"layer {at}, {error}") from error
            if not isinstance(a, np.ndarray) or a.shape != (n, width):
                _refuse(at, layer, "forward", (n, width), a)
        return a

    def _backward(self, delta: Float) -> None:
        """Gradients of these layers, into their places."""
        n, last = len(delta), len(self._down) - 1
        for index, (at, layer, mine, width) in enumerate(self._down):
            try:
                own = layer.gradients(delta) if mine else {}
                if index < last:
                    delta = layer.backward(delta)
            except ShapeError as error:
                raise ShapeError(f"layer {at}, {error}") from error
            if mine:
                if not _as_planned(own, mine):
                    require_same(at, layer, "gradients", own, dict(mine))
                for name, place in mine:
                    place[...] = own[name]
            if index < last and (not isinstance(delta, np.ndarray) or delta.shape != (n, width)):
                _refuse(at, layer, "backward", (n, width), delta)


def _as_planned(own: Any, mine: list[tuple[str, Float]]) -> bool:
    """Whether gradients are arrays of the names and shapes of the parameters: what is asked in every step."""
    return (
        type(own) is dict
        and len(own) == len(mine)
        and all(getattr(own.get(name), "shape", None) == place.shape for name, place in mine)
    )


def _refuse(at: str, layer: Layer, rule: str, shape: tuple[int, int], found: Any) -> NoReturn:
    """A layer has given another shape than for the first rows."""
    raise ShapeError(
        f"layer {at}, {layer!r}.{rule} must return an array of shape {shape}; got {shape_or_type(found)}"
    )
