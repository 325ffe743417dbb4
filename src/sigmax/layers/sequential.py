"""Layers one after the other, which are a layer again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sigmax.kernels import Float
from sigmax.layers.initial import Seed
from sigmax.layers.layer import Arrays, Direction, Layer, ShapeError, forget, like, real


class Sequential(Layer):
    """Layers one after the other: the output of each is the input of the next.

    Forward is the composition of functions; backward goes down from the last layer to the first and hands
    each one the gradient of its output.  A Sequential is itself a layer, so combinations nest.

    Parameters
    ----------
    *layers : Layer
        At least one; a layer stands in one place only.

    Attributes
    ----------
    layers : tuple of Layer
    parameters : dict of str to ndarray
        Those of all layers, by place and name: ``"0.weight"``; of a nested one ``"1.0.weight"``.

    Raises
    ------
    ShapeError
        From the rules: an output that is no matrix with a row for each input row, a gradient that does not
        have the shape of what it is the gradient of.  A ValueError; it names the place and the layer.

    Examples
    --------
    >>> from sigmax.layers import NLL, Linear, LogSoftmax, Sequential
    >>> model = Sequential(Linear(2, 3, initial="zeros"), LogSoftmax(), NLL().given([0, 2]))
    >>> model.forward([[1.0, 2.0], [3.0, 4.0]]).round(4).tolist()
    [[1.0986], [1.0986]]
    >>> gradients = model.gradients([[1.0], [1.0]])
    >>> {name: one.round(4).tolist() for name, one in gradients.items() if name == "0.bias"}
    {'0.bias': [-0.3333, 0.6667, -0.3333]}
    """

    def __init__(self, *layers: Layer) -> None:
        if not layers:
            raise ValueError("Sequential needs at least one layer")
        for place, one in enumerate(layers):
            if not isinstance(one, Layer):
                raise TypeError(f"Sequential: layer {place} must be a Layer; got {one!r}")
        self.layers = layers
        #: every layer with its place, those of a plain Sequential in its stead
        self.leaves: tuple[tuple[str, Layer], ...] = tuple(_leaves(layers))
        held = [id(one) for one in _held(layers)]
        if len({*held}) < len(held):
            raise ValueError(
                "Sequential: a layer must stand in one place only; share() makes another with its parameters"
            )

    @property
    def parameters(self) -> Arrays:
        """Those of all layers, by place and name."""
        return {f"{at}.{name}": one for at, layer in self.leaves for name, one in layer.parameters.items()}

    @property
    def penalised(self) -> tuple[str, ...]:  # type: ignore[override]  # of these layers, not of the class
        """Names of the parameters that an L2 penalty counts."""
        return tuple(f"{at}.{name}" for at, layer in self.leaves for name in layer.penalised)

    @property
    def has_tangents(self) -> bool:
        """Whether all of its layers have them."""
        return all(layer.has_tangents for _, layer in self.leaves)

    def initialise(self, seed: Seed = None) -> None:
        """Draw new first weights of all layers that draw any, from one stream of random numbers."""
        rng = np.random.default_rng(seed)
        for _, layer in self.leaves:
            draw = getattr(layer, "initialise", None)
            if draw is not None:
                draw(rng)

    def share(self, backend: str | None = None) -> Self:
        """A Sequential of layers with the same parameter arrays and memories of their own."""
        other = super().share(backend)
        pairs = zip(self.leaves, _leaves(other.layers), strict=True)
        other.leaves = tuple((at, one) for (at, _), (_, one) in pairs)
        forget(other, "shapes")
        return other

    def below(self, count: int) -> Sequential:
        """All leaves but the last `count`; errors name them by the places they have here."""
        kept = self.leaves[: len(self.leaves) - count]
        other = Sequential(*(one for _, one in kept))
        other.leaves = kept
        return other

    # -- the three rules ---------------------------------------------------------------------------

    def forward(self, z: npt.ArrayLike) -> Float:
        """Output of the last layer, from the first one up."""
        first, bottom = self.leaves[0]
        a = real(bottom, "forward", "z", z)
        # whatever fails on the way, no rule works with half a batch
        forget(self, "shapes")
        if a.ndim != 2:
            raise ShapeError(
                f"layer {first}, {bottom!r}.forward: z must have shape (n, width); got {a.shape}"
            )
        shapes: list[tuple[int, ...]] = [a.shape]
        for at, layer in self.leaves:
            a = self._ask(at, layer.forward, a)
            self._require_rows(at, layer, "forward", a, shapes[0][0])
            shapes.append(a.shape)
        #: shapes of what went into each layer, and what came out of the last one
        self.shapes = shapes
        return a

    def backward(self, delta: npt.ArrayLike) -> Float:
        """Input gradient of the first layer, from the last one down."""
        found = self._top("backward", "delta", delta)
        for index in reversed(range(len(self.leaves))):
            found = self._down("backward", index, found)
        return found

    def gradients(self, delta: npt.ArrayLike) -> Arrays:
        """Gradients of all parameters, by place and name; goes down as far as there are any."""
        found, lowest = self._top("gradients", "delta", delta), self._lowest()
        parts: list[Arrays] = []
        for index in reversed(range(lowest, len(self.leaves))):
            at, layer = self.leaves[index]
            mine = layer.parameters
            if mine:
                own = self._ask(at, layer.gradients, found)
                require_same(at, layer, "gradients", own, mine)
                parts.append({f"{at}.{name}": own[name] for name in mine})
            if index > lowest:
                found = self._down("gradients", index, found)
        return {name: one for part in reversed(parts) for name, one in part.items()}

    # -- their derivatives -------------------------------------------------------------------------

    def forward_tangent(self, dz: npt.ArrayLike, direction: Direction) -> Float:
        """Change of the output of the last layer, from the first one up."""
        shapes = self._shapes("forward_tangent")
        self._require_known(direction)
        found = self._fitting(0, "forward_tangent", "dz", dz, shapes[0])
        for index, (at, layer) in enumerate(self.leaves):
            own = {
                name: direction[f"{at}.{name}"] for name in layer.parameters if f"{at}.{name}" in direction
            }
            found = self._ask(at, layer.forward_tangent, found, own)
            self._require_shape(at, layer, "forward_tangent", found, shapes[index + 1])
        return found

    def backward_tangent(self, delta: npt.ArrayLike, ddelta: npt.ArrayLike) -> Float:
        """Change of the input gradient, from the last layer down."""
        found = self._top("backward_tangent", "delta", delta)
        dfound = self._top("backward_tangent", "ddelta", ddelta)
        for index in reversed(range(len(self.leaves))):
            dfound = self._down_along(index, found, dfound)
            found = self._down("backward", index, found)
        return dfound

    def gradients_tangent(self, delta: npt.ArrayLike, ddelta: npt.ArrayLike) -> Arrays:
        """Changes of the gradients of all parameters, by place and name."""
        found = self._top("gradients_tangent", "delta", delta)
        dfound = self._top("gradients_tangent", "ddelta", ddelta)
        lowest = self._lowest()
        parts: list[Arrays] = []
        for index in reversed(range(lowest, len(self.leaves))):
            at, layer = self.leaves[index]
            mine = layer.parameters
            if mine:
                own = self._ask(at, layer.gradients_tangent, found, dfound)
                require_same(at, layer, "gradients_tangent", own, mine)
                parts.append({f"{at}.{name}": own[name] for name in mine})
            if index > lowest:
                dfound = self._down_along(index, found, dfound)
                found = self._down("backward", index, found)
        return {name: one for part in reversed(parts) for name, one in part.items()}

    # -- one step, and what must be true of it -----------------------------------------------------

    def _shapes(self, rule: str) -> list[tuple[int, ...]]:
        if "shapes" not in self.__dict__:
            raise RuntimeError(f"Sequential.{rule} needs forward to be called before")
        return self.shapes

    def _top(self, rule: str, name: str, value: npt.ArrayLike) -> Float:
        """What enters the last layer from above."""
        return self._fitting(len(self.leaves) - 1, rule, name, value, self._shapes(rule)[-1])

    def _fitting(
        self, index: int, rule: str, name: str, value: npt.ArrayLike, shape: tuple[int, ...]
    ) -> Float:
        """What enters a layer that may not look at the shape itself."""
        at, layer = self.leaves[index]
        array: Float = self._ask(at, like, layer, rule, name, value, shape)
        return array

    def _lowest(self) -> int:
        """Index of the first layer with parameters, or as many as there are layers."""
        having = (index for index, (_, layer) in enumerate(self.leaves) if layer.parameters)
        return next(having, len(self.leaves))

    def _down(self, rule: str, index: int, delta: Float) -> Float:
        at, layer = self.leaves[index]
        found: Float = self._ask(at, layer.backward, delta)
        self._require_shape(at, layer, "backward", found, self._shapes(rule)[index])
        return found

    def _down_along(self, index: int, delta: Float, ddelta: Float) -> Float:
        at, layer = self.leaves[index]
        found: Float = self._ask(at, layer.backward_tangent, delta, ddelta)
        self._require_shape(at, layer, "backward_tangent", found, self.shapes[index])
        return found

    @staticmethod
    def _ask(at: str, rule: Any, *arguments: Any) -> Any:
        """Call a rule of a layer; where shapes are wrong, the error says at which place."""
        try:
            return rule(*arguments)
        except ShapeError as error:
            raise ShapeError(f"layer {at}, {error}") from error

    @staticmethod
    def _require_rows(at: str, layer: Layer, rule: str, a: Any, n: int) -> None:
        if not isinstance(a, np.ndarray) or a.ndim != 2 or len(a) != n:
            raise ShapeError(
                f"layer {at}, {layer!r}.{rule} must return an array of shape ({n}, width); "
                f"got {shape_or_type(a)}"
            )

    @staticmethod
    def _require_shape(at: str, layer: Layer, rule: str, found: Any, shape: tuple[int, ...]) -> None:
        if not isinstance(found, np.ndarray) or found.shape != shape:
            raise ShapeError(
                f"layer {at}, {layer!r}.{rule} must return an array of shape {shape}; "
                f"got {shape_or_type(found)}"
            )

    def _require_known(self, direction: Direction) -> None:
        unknown = sorted({*direction} - {*self.parameters})
        if unknown:
            raise ValueError(
                f"direction must have names of parameters, {sorted(self.parameters)}; {unknown[0]!r} is none"
            )

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Layer:
        return self.layers[index]

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"


def require_same(at: str, layer: Layer, rule: str, found: Any, parameters: Arrays) -> None:
    """Gradients have the names and shapes of the parameters."""
    where = f"layer {at}, {layer!r}.{rule}"
    if not isinstance(found, Mapping) or {*found} != {*parameters}:
        names = sorted(found) if isinstance(found, Mapping) else found
        raise ShapeError(f"{where} must return an array for each of {sorted(parameters)}; got {names}")
    for name, one in parameters.items():
        if np.shape(found[name]) != one.shape:
            raise ShapeError(
                f"{where} must return {name} with the shape of the parameter, {one.shape}; got "
                f"{np.shape(found[name])}"
            )


def _leaves(layers: tuple[Layer, ...], before: str = "") -> Iterator[tuple[str, Layer]]:
    """Place and layer, those of nested ones in their place; a subclass may have rules of its own."""
    for place, layer in enumerate(layers):
        if type(layer) is Sequential:
            yield from _leaves(layer.layers, f"{before}{place}.")
        else:
            yield f"{before}{place}", layer


def _held(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    """Every layer that is no Sequential."""
    for layer in layers:
        if isinstance(layer, Sequential):
            yield from _held(layer.layers)
        else:
            yield layer


def shape_or_type(value: Any) -> str:
    """What was given where an array was expected."""
    return str(np.shape(value)) if isinstance(value, np.ndarray) else type(value).__name__
