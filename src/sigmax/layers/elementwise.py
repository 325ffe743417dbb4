"""Layers that map each number alone: sigmoid, hyperbolic tangent, rectifier.

a = f(z),   backward: delta f'(z),   along dz: da = f'(z) dz,   d backward: ddelta f'(z) + delta f''(z) dz
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigmax.kernels import Float
from sigmax.layers.layer import Direction, Layer, batch, forget, like, memory


class Elementwise(Layer):
    """Base class: a function of one number and its first two derivatives; (n, width) to (n, width).

    A subclass has :meth:`value`, :meth:`slope` and :meth:`curvature`.
    """

    def value(self, z: Float) -> Float:
        """f(z); z and the result of shape (n, width)."""
        raise NotImplementedError(f"{self!r} has no value")

    def slope(self, z: Float, a: Float) -> Float:
        """f'(z), with a = f(z) at hand; all of shape (n, width)."""
        raise NotImplementedError(f"{self!r} has no slope")

    def curvature(self, z: Float, a: Float) -> Float:
        """f''(z), with a = f(z) at hand; all of shape (n, width)."""
        raise NotImplementedError(f"{self!r} has no curvature")

    def forward(self, z: npt.ArrayLike) -> Float:
        """a = f(z), elementwise."""
        self.z = batch(self, "forward", "z", z)
        self.a = self.value(self.z)
        forget(self, "dz")
        return self.a

    def backward(self, delta: npt.ArrayLike) -> Float:
        """Delta f'(z), elementwise."""
        z = memory(self, "backward")
        return like(self, "backward", "delta", delta, z.shape) * self.slope(z, self.a)

    def forward_tangent(self, dz: npt.ArrayLike, direction: Direction) -> Float:
        """f'(z) dz, elementwise."""
        z = memory(self, "forward_tangent")
        self.dz = like(self, "forward_tangent", "dz", dz, z.shape)
        return self.slope(z, self.a) * self.dz

    def backward_tangent(self, delta: npt.ArrayLike, ddelta: npt.ArrayLike) -> Float:
        """Ddelta f'(z) + delta f''(z) dz, elementwise."""
        dz = memory(self, "backward_tangent", "dz")
        delta = like(self, "backward_tangent", "delta", delta, dz.shape)
        ddelta = like(self, "backward_tangent", "ddelta", ddelta, dz.shape)
        return ddelta * self.slope(self.z, self.a) + delta * self.curvature(self.z, self.a) * dz


class Sigmoid(Elementwise):
    """h(z) = 1 / (1 + exp(-z)), elementwise; (n, width) to (n, width).

    Notes
    -----
    h' = h(z) h(-z): 1 - h is never formed by subtraction.  Accuracy: that of :func:`sigmax.expit`.

    Examples
    --------
    >>> from sigmax.layers import Sigmoid
    >>> unit = Sigmoid()
    >>> unit.forward([[0.0, 800.0]]).tolist(), unit.backward([[1.0, 1.0]]).tolist()
    ([[0.5, 1.0]], [[0.25, 0.0]])
    """

    def value(self, z: Float) -> Float:
        """h(z)."""
        a = np.empty_like(z)
        self.kernels.expit(z.reshape(-1), a.reshape(-1))
        return a

    def slope(self, z: Float, a: Float) -> Float:
        """h(z) h(-z)."""
        return a * self.value(-z)

    def curvature(self, z: Float, a: Float) -> Float:
        """-h(z) h(-z) tanh(z / 2)."""
        # h(z) - h(-z) = tanh(z / 2), without the difference
        t = z / -2.0
        self.kernels.tanh(t.reshape(-1), t.reshape(-1))
        t *= self.slope(z, a)
        return t


class Tanh(Elementwise):
    """tanh(z), elementwise; (n, width) to (n, width).

    Notes
    -----
    tanh' = 4 t / (1 + t)^2 with t = exp(-2 |z|), which keeps its digits where 1 - tanh^2 has none left.

    Examples
    --------
    >>> from sigmax.layers import Tanh
    >>> unit = Tanh()
    >>> unit.forward([[0.0, 400.0]]).tolist(), unit.backward([[1.0, 1.0]]).tolist()
    ([[0.0, 1.0]], [[1.0, 0.0]])
    """

    def value(self, z: Float) -> Float:
        """tanh(z)."""
        a = np.empty_like(z)
        self.kernels.tanh(z.reshape(-1), a.reshape(-1))
        return a

    def slope(self, z: Float, a: Float) -> Float:
        """4 t / (1 + t)^2."""
        out = np.empty_like(z)
        self.kernels.tanh_slope(z.reshape(-1), out.reshape(-1))
        return out

    def curvature(self, z: Float, a: Float) -> Float:
        """-2 tanh tanh'."""
        return -2.0 * a * self.slope(z, a)


class ReLU(Elementwise):
    """max(z, 0), elementwise; (n, width) to (n, width); its derivative at 0 is taken to be 0.

    Examples
    --------
    >>> from sigmax.layers import ReLU
    >>> unit = ReLU()
    >>> unit.forward([[-1.0, 2.0]]).tolist(), unit.backward([[1.0, 1.0]]).tolist()
    ([[0.0, 2.0]], [[0.0, 1.0]])
    """

    def value(self, z: Float) -> Float:
        """max(z, 0); nan for nan."""
        return np.maximum(z, 0.0)

    def slope(self, z: Float, a: Float) -> Float:
        """1 where z > 0, else 0."""
        return (z > 0.0).astype(np.float64)

    def curvature(self, z: Float, a: Float) -> Float:
        """0."""
        return np.zeros_like(z)
