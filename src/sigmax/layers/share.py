"""The layers as one thread uses them: up and down once for each block or batch, into one vector.

:class:`sigmax.layers.Sequential` asks in every call whether each layer has answered in the right shape, and
collects gradients by name.  Here the shapes are known from the first rows, and gradients have their place.
Wherever something is not as it was then, Sequential is asked again, and says what it is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.kernels import Float, Pair
from sigmax.layers.heads import Head, head_of
from sigmax.layers.layer import Layer, ShapeError
from sigmax.layers.losses import Loss
from sigmax.layers.sequential import Sequential


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
    layers, below : Sequential
        All of them; those below the head, None where there are none.
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
        here = leaves[: len(leaves) - self.head.layers] if self.head else leaves
        self.below = Sequential(*here) if here else None
        #: a layer and the width of what it gives, from the first one up; None until they are known
        self._up: list[tuple[Layer, int]] | None = None
        #: a layer, where its gradients go, and the width of what it gets, from the last one down
        self._down: list[tuple[Layer, list[tuple[str, Float]], int]] = []

        self.gradient = np.empty(sum(one.size for one in layers.parameters.values()))
        self._places, at = list[list[tuple[str, Float]]](), 0
        for one in leaves:
            mine = list[tuple[str, Float]]()
            for name, array in one.parameters.items():
                mine.append((name, self.gradient[at : at + array.size].reshape(array.shape)))
                at += array.size
            self._places.append(mine)
        self._top = self._places[len(here)] if self.head else []

    def knows(self, shapes: list[tuple[int, ...]]) -> None:
        """Take over the widths that rows had on their way up, as :attr:`Sequential.shapes` has them."""
        if self.below is None:
            return
        layers = [one for _, one in self.below.leaves]
        self._up = [(one, shapes[i + 1][1]) for i, one in enumerate(layers)]
        # down to the first layer that has parameters
        lowest = next((i for i in range(len(layers)) if self._places[i]), len(layers))
        down = reversed(range(lowest, len(layers)))
        self._down = [(layers[i], self._places[i], shapes[i][1]) for i in down]

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
            total = math.fsum((losses * delta).ravel().tolist()) if np.isfinite(losses).all() else math.nan
            self._backward(delta)
            return total, 0.0
        if self.below is None:
            pair, units = head.whole_pass(X, targets, weight)
            found = head.linear.named(units)
        else:
            pair, found, delta = head.top(self._forward(X), targets, weight)
            self._backward(delta)
        for name, place in self._top:
            place[...] = found[name]
        return pair

    def _forward(self, X: Float) -> Float:
        """Output of the layers below the head, or of all."""
        assert self.below is not None
        if self._up is None:
            return self.below.forward(X)
        a, n = X, len(X)
        try:
            for layer, width in self._up:
                a = layer.forward(a)
                if type(a) is not np.ndarray or a.shape != (n, width):
                    return self.below.forward(X)
        except ShapeError:
            return self.below.forward(X)
        # what Sequential keeps for its other rules
        self.below.shapes = [X.shape, *((n, width) for _, width in self._up)]
        return a

    def _backward(self, delta: Float) -> None:
        """Gradients of these layers, into their places."""
        assert self.below is not None
        if self._up is not None and self._gradients(delta):
            return
        found = [*self.below.gradients(delta).values()]
        places = [place for mine in self._places[: len(self.below.leaves)] for _, place in mine]
        for place, one in zip(places, found, strict=True):
            place[...] = one

    def _gradients(self, delta: Float) -> bool:
        """The same, without a word: False where a layer has not answered as it should."""
        n, last = len(delta), len(self._down) - 1
        try:
            for index, (layer, mine, width) in enumerate(self._down):
                if mine:
                    own = layer.gradients(delta)
                    if len(own) != len(mine):
                        return False
                    for name, place in mine:
                        one = own[name]
                        if one.shape != place.shape:
                            return False
                        place[...] = one
                if index < last:
                    delta = layer.backward(delta)
                    if type(delta) is not np.ndarray or delta.shape != (n, width):
                        return False
        except (ShapeError, KeyError, TypeError, AttributeError):
            return False
        return True
