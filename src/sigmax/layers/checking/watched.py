"""The rules of a layer, watched while they are called: shapes, arguments, parameters, state, linearity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from sigmax.data.checks import finite
from sigmax.kernels import Float
from sigmax.layers.checking.differences import EPS
from sigmax.layers.layer import Arrays, Layer, ShapeError

#: what two results of the same numbers may differ by, of the largest of them
_SAME = 2.0**10 * EPS
#: as `_SAME`, of results whose terms are added in another order
_LINEAR = 2.0**20 * EPS


class Watched:
    """A layer whose every rule is given copies and gives copies; what is wrong is collected in `failures`.

    Parameters
    ----------
    layer : Layer
    z : ndarray of shape (n, width)
        A batch for it.

    Attributes
    ----------
    name : str
        The layer, as it shows itself.
    parameters : dict of str to ndarray
        The very arrays.
    shape : tuple of int
        Of the output.
    failures : list of str
        A sentence for each rule that breaks a law.
    """

    def __init__(self, layer: Layer, z: Float) -> None:
        self.layer, self.z, self.name = layer, z, repr(layer)
        self.failures: list[str] = []
        self.parameters = self._parameters()
        self.shape: tuple[int, ...] = ()

    def _parameters(self) -> Arrays:
        found, again = self.layer.parameters, self.layer.parameters
        if not isinstance(found, Mapping):
            raise TypeError(f"{self.name}: parameters must be a dict of arrays; got {type(found).__name__}")
        for name, one in found.items():
            if not isinstance(one, np.ndarray) or one.dtype != np.float64 or not one.flags.writeable:
                what = f"dtype {one.dtype}" if isinstance(one, np.ndarray) else type(one).__name__
                what = "one that cannot be written" if what == "dtype float64" else what
                raise TypeError(
                    f"{self.name}: parameter {name!r} must be a float64 array that can be written; got {what}"
                )
            finite(f"{self.name}: parameter {name}", one)
            if one.size and place(one) != place(again[name]):
                self.failures.append(
                    f"parameters gives a copy of {name!r}: writing into it does not change the layer"
                )
        return dict(found)

    def sharing(self, name: str) -> list[str]:
        """The names under which the array of one parameter stands: tied parameters have several."""
        here = place(self.parameters[name])
        return [other for other, one in self.parameters.items() if place(one) == here]

    @contextmanager
    def restored(self) -> Iterator[None]:
        """The parameters are given back bit for bit, whatever happens."""
        saved = {name: one.copy() for name, one in self.parameters.items()}
        try:
            yield
        finally:
            for name, one in self.parameters.items():
                one[...] = saved[name]

    # -- the rules ---------------------------------------------------------------------------------------

    def outputs(self, z: Float) -> Float:
        """`forward`, of a shape that is checked, and no more."""
        a = self.layer.forward(z)
        self._require("forward(z)", a, self.shape or (len(self.z), -1))
        return a

    def forward(self, z: Float) -> Float:
        """Outputs; their width is that of `shape` from now on."""
        a: Float = self._watched("forward", ("z",), z)
        self._require("forward(z)", a, self.shape or (len(self.z), -1))
        self.shape = a.shape
        return a.copy()

    def backward(self, delta: Float) -> Float:
        """Input gradients."""
        return self._shaped("backward", ("delta",), delta)

    def gradients(self, delta: Float) -> Arrays:
        """Gradients of the parameters."""
        return self._named("gradients", ("delta",), delta)

    def forward_tangent(self, dz: Float, direction: Arrays) -> Float:
        """Change of the outputs."""
        a: Float = self._watched("forward_tangent", ("dz", "direction"), dz, direction)
        self._require("forward_tangent(dz, direction)", a, self.shape)
        return a.copy()

    def backward_tangent(self, delta: Float, ddelta: Float) -> Float:
        """Change of the input gradients."""
        return self._shaped("backward_tangent", ("delta", "ddelta"), delta, ddelta)

    def gradients_tangent(self, delta: Float, ddelta: Float) -> Arrays:
        """Change of the gradients of the parameters."""
        return self._named("gradients_tangent", ("delta", "ddelta"), delta, ddelta)

    def _shaped(self, rule: str, names: tuple[str, ...], *arguments: Float) -> Float:
        found: Float = self._watched(rule, names, *arguments)
        self._require(f"{rule}({', '.join(names)})", found, self.z.shape, ", that of z")
        return found.copy()

    def _named(self, rule: str, names: tuple[str, ...], *arguments: Float) -> Arrays:
        found = self._watched(rule, names, *arguments)
        where = f"{rule}({', '.join(names)})"
        wanted = sorted(self.parameters)
        if not isinstance(found, Mapping) or {*found} != {*wanted}:
            given = sorted(map(str, found)) if isinstance(found, Mapping) else type(found).__name__
            raise ShapeError(
                f"{self.name}.{where} must return a dict with the names of parameters, {wanted}; got {given}"
            )
        for name, one in self.parameters.items():
            self._require(f"{where}[{name!r}]", found[name], one.shape, ", that of the parameter")
        return {name: np.array(found[name]) for name in self.parameters}

    def _require(self, where: str, found: Any, shape: tuple[int, ...], why: str = "") -> None:
        """A float64 array of a shape; -1 stands for any width."""
        right = isinstance(found, np.ndarray) and found.dtype == np.float64 and found.ndim == len(shape)
        if right and all(k in (-1, m) for k, m in zip(shape, found.shape, strict=True)):
            return
        if isinstance(found, np.ndarray):
            given = f"shape {found.shape}" + (f", dtype {found.dtype}" if found.dtype != np.float64 else "")
        else:
            given = type(found).__name__
        expected = str(shape).replace("-1", "width")
        raise ShapeError(
            f"{self.name}.{where} must return a float64 array of shape {expected}{why}; got {given}"
        )

    def _watched(self, rule: str, names: tuple[str, ...], *arguments: Any) -> Any:
        """Call a rule with copies, and see whether it writes where it may not."""
        given = [_copy(one) for one in arguments]
        before = {name: one.copy() for name, one in self.parameters.items()}
        call: Callable[..., Any] = getattr(self.layer, rule)
        found = call(*given)
        for name, one, was in zip(names, given, arguments, strict=True):
            if not _unchanged(one, was):
                self._fails(f"{rule} writes into its argument {name}")
        for name, one in self.parameters.items():
            if not _bits(one, before[name]):
                self._fails(f"{rule} changes the parameter {name!r}")
                one[...] = before[name]
        return found

    def _fails(self, sentence: str) -> None:
        if sentence not in self.failures:
            self.failures.append(sentence)

    # -- laws --------------------------------------------------------------------------------------------

    def repeats(self, elsewhere: Float) -> tuple[Float, bool]:
        """The outputs at z, and whether they are the same a second time, another batch between."""
        self.forward(elsewhere)
        a = self.forward(self.z)
        self.forward(elsewhere)
        again = self.forward(self.z)
        finite_ = np.isfinite(a)
        if not finite_.all():
            index = [int(i) for i in np.argwhere(~finite_)[0]]
            self._fails(
                f"forward gives {a[tuple(index)]} at {index}, where nothing can be differenced "
                f"({np.count_nonzero(~finite_):,} of {a.size:,} outputs are not finite)"
            )
            return a, False
        off = ~(np.abs(again - a) <= _SAME * np.abs(a).max(initial=0.0))
        if off.any():
            index = [int(i) for i in np.argwhere(off)[0]]
            self._fails(
                f"forward gives another result the second time: {a[tuple(index)]:.17g} at {index}, then "
                f"{again[tuple(index)]:.17g}; it must depend on z and the parameters alone"
            )
        return a, not off.any()

    def first_rules(self, delta: Float, other: Float, elsewhere: Float) -> tuple[Float, Arrays]:
        """Results of backward and gradients for delta; they are linear, and the order of calls is free.

        What another batch, `elsewhere`, has left behind must not matter.
        """
        self.forward(elsewhere)
        self.forward(self.z)
        down, own = self.backward(delta), self.gradients(delta)
        both = 2.0 * delta - other
        # results are sums of terms as large as those, whatever they come to
        terms = float(np.abs(both).max(initial=0.0))
        self._linear("backward", down, self.backward(other), self.backward(both), terms)
        first, second = self.gradients(other), self.gradients(both)
        for name in own:
            self._linear("gradients", own[name], first[name], second[name], terms, f"[{name!r}]")
        self.forward(self.z)
        own_again, down_again = self.gradients(delta), self.backward(delta)
        same = _alike(down, down_again) and all(_alike(own[name], own_again[name]) for name in own)
        if not same:
            self._fails("backward and gradients give other results when they are called in the other order")
        return down, own

    def _linear(
        self, rule: str, one: Float, other: Float, both: Float, terms: float, where: str = ""
    ) -> None:
        """2 f(delta) - f(delta') = f(2 delta - delta')."""
        scale = max(float(np.abs(array).max(initial=0.0)) for array in (one, other, both))
        off = np.abs(2.0 * one - other - both) > _LINEAR * scale + _SAME * terms
        if off.any():
            index = [int(i) for i in np.argwhere(off)[0]]
            self._fails(
                f"{rule} is not linear in delta: at {where}{index} it gives {both[tuple(index)]:.6g} for "
                f"2 delta - delta', and {2.0 * one[tuple(index)] - other[tuple(index)]:.6g} follows from "
                "delta and delta'"
            )

    def tangent(self, dz: Float, direction: Arrays) -> Float:
        """Result of forward_tangent; it is linear, and names that are missing stand for zeros."""
        self.forward(self.z)
        parts = self.forward_tangent(2.0 * dz, {}) + self.forward_tangent(-dz, direction)
        whole = self.forward_tangent(dz, direction)
        terms = max(float(np.abs(one).max(initial=0.0)) for one in (dz, *direction.values()))
        allowed = _LINEAR * float(np.abs(whole).max(initial=0.0)) + _SAME * terms
        if not np.abs(parts - whole).max(initial=0.0) <= allowed:
            self._fails(
                "forward_tangent is not linear, or takes names missing from direction for other than zeros: "
                "its results for (2 dz, {}) and (-dz, direction) do not add up to that for (dz, direction)"
            )
        return whole


def place(array: Float) -> tuple[object, ...]:
    """Where the numbers of an array lie: two views with the same place are the same numbers."""
    interface = array.__array_interface__
    return interface["data"][0], array.shape, array.strides


def _copy(one: Any) -> Any:
    return {name: array.copy() for name, array in one.items()} if isinstance(one, dict) else one.copy()


def _unchanged(one: Any, was: Any) -> bool:
    if isinstance(was, dict):
        return {*one} == {*was} and all(_bits(one[name], was[name]) for name in was)
    return _bits(one, was)


def _bits(one: Float, was: Float) -> bool:
    """The same bits, -0.0 and nan included."""
    return one.shape == was.shape and bool((one.view(np.int64) == was.view(np.int64)).all())


def _alike(one: Float, other: Float) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True)) or bool(
        np.abs(one - other).max(initial=0.0) <= _SAME * np.abs(one).max(initial=0.0)
    )
