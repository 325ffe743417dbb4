"""Linear units: the layer that learns."""

from __future__ import annotations

import operator
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import contiguous
from sigmax.kernels import Float
from sigmax.layers.initial import INITIAL, Seed
from sigmax.layers.layer import Arrays, Direction, Layer, ShapeError, forget, like, memory, real

#: units from which the general product of matrices gives outputs sooner than the kernel of a few logits: 1.1
#: to 2.6 times at 8 units, 0.8 to 1.2 at 4.  Gradients it gives sooner from 2 units on.
_WIDE = 8


class Linear(Layer):
    """Linear units, a = z W' + b: one row of W and one number of b for each; (n, n_in) to (n, n_out).

    Parameters
    ----------
    n_in, n_out : int
        Inputs, and units; at least 1.
    bias : bool
        Whether there is b.
    initial : {"glorot", "he", "zeros"}
        How the first W is drawn: uniform in +-sqrt(6 / (n_in + n_out)) (Glorot & Bengio 2010, for sigmoid and
        tanh), normal with variance 2 / n_in (He et al. 2015, for ReLU), or not at all.  b begins at 0.
    seed : int, SeedSequence or Generator, optional
        What to draw from: the same weights for the same number.  None: others each time.

    Attributes
    ----------
    weight : ndarray of shape (n_out, n_in)
    bias : ndarray of shape (n_out,) or None
    coef : ndarray of shape (n_out, k)
        Both, the bias first; `weight` and `bias` are views of it.

    Notes
    -----
    backward: delta W.  gradients: delta' z, and the sum of delta's rows.

    Examples
    --------
    >>> from sigmax.layers import Linear
    >>> layer = Linear(2, 1, initial="zeros")
    >>> layer.weight[...] = [[3.0, -1.0]]
    >>> layer.bias[...] = 0.5
    >>> layer.forward([[1.0, 1.0], [0.0, 2.0]]).tolist()
    [[2.5], [-1.5]]
    >>> layer.backward([[1.0], [1.0]]).tolist()
    [[3.0, -1.0], [3.0, -1.0]]
    >>> {name: one.tolist() for name, one in layer.gradients([[1.0], [1.0]]).items()}
    {'weight': [[1.0, 3.0]], 'bias': [2.0]}
    """

    penalised: ClassVar[tuple[str, ...]] = ("weight",)

    def __init__(
        self, n_in: int, n_out: int, *, bias: bool = True, initial: str = "glorot", seed: Seed = None
    ) -> None:
        for name, value in (("n_in", n_in), ("n_out", n_out)):
            if isinstance(value, bool) or operator.index(value) < 1:
                raise ValueError(f"Linear: {name} must be a whole number of at least 1; got {value!r}")
        if initial not in INITIAL:
            raise ValueError(
                f"Linear: initial must be one of {', '.join(map(repr, INITIAL))}; got {initial!r}"
            )
        self.n_in, self.n_out, self.initial = operator.index(n_in), operator.index(n_out), initial
        self._one = int(bool(bias))
        self.coef = np.zeros((self.n_out, self._one + self.n_in))
        self.initialise(seed)

    @property
    def weight(self) -> Float:
        """W, shape (n_out, n_in); a view of `coef`."""
        return self.coef[:, self._one :]

    @property
    def bias(self) -> Float | None:
        """b, shape (n_out,), a view of `coef`; None without one."""
        return self.coef[:, 0] if self._one else None

    @property
    def parameters(self) -> Arrays:
        """`weight`, and `bias` where there is one."""
        return self.named(self.coef)

    def initialise(self, seed: Seed = None) -> None:
        """Draw new weights, and set the biases to 0."""
        self.coef[...] = 0.0
        self.weight[...] = INITIAL[self.initial](np.random.default_rng(seed), self.n_out, self.n_in)

    # -- the three rules ---------------------------------------------------------------------------

    def forward(self, z: npt.ArrayLike) -> Float:
        """A = z W' + b, shape (n, n_out)."""
        self.z = self._rows("forward", "z", z)
        forget(self, "dz", "dcoef")
        return self._product(self.z, self.coef)

    def backward(self, delta: npt.ArrayLike) -> Float:
        """Delta W, shape (n, n_in)."""
        return self._through(self._delta("backward", "delta", delta), self.weight)

    def gradients(self, delta: npt.ArrayLike) -> Arrays:
        """`weight`: delta' z;  `bias`: the sum of delta's rows."""
        z = memory(self, "gradients")
        return self.outer(self._delta("gradients", "delta", delta), z)

    # -- their derivatives -------------------------------------------------------------------------

    def forward_tangent(self, dz: npt.ArrayLike, direction: Direction) -> Float:
        """dz W' + z dW' + db, shape (n, n_out)."""
        z = memory(self, "forward_tangent")
        self.dz = like(self, "forward_tangent", "dz", dz, z.shape)
        self.dcoef = np.zeros_like(self.coef)
        for name, array in self.named(self.dcoef).items():
            if name in direction:
                array[...] = like(self, "forward_tangent", name, direction[name], array.shape)
        return self._product(self.dz, self.coef, bias=False) + self._product(z, self.dcoef)

    def backward_tangent(self, delta: npt.ArrayLike, ddelta: npt.ArrayLike) -> Float:
        """Ddelta W + delta dW, shape (n, n_in)."""
        dcoef = memory(self, "backward_tangent", "dcoef")
        delta = self._delta("backward_tangent", "delta", delta)
        ddelta = self._delta("backward_tangent", "ddelta", ddelta)
        return self._through(ddelta, self.weight) + self._through(delta, dcoef[:, self._one :])

    def gradients_tangent(self, delta: npt.ArrayLike, ddelta: npt.ArrayLike) -> Arrays:
        """`weight`: ddelta' z + delta' dz;  `bias`: the sum of ddelta's rows."""
        dz = memory(self, "gradients_tangent", "dz")
        delta = self._delta("gradients_tangent", "delta", delta)
        ddelta = self._delta("gradients_tangent", "ddelta", ddelta)
        found = self.outer(ddelta, self.z)
        found["weight"] += self.outer(delta, dz)["weight"]
        return found

    # -- products ----------------------------------------------------------------------------------

    def _product(self, z: Float, coef: Float, *, bias: bool = True) -> Float:
        """[1 z] coef', or z alone times its part of coef."""
        a = np.empty((len(z), self.n_out))
        if self.n_out >= _WIDE:
            b = coef[:, 0].copy() if bias and self._one else None
            self.kernels.matrix_product(z, coef[:, self._one :].T.copy(), a, bias=b)
        elif bias or not self._one:
            self.kernels.linear_predictor(z, coef, a, intercept=bool(self._one))
        else:
            self.kernels.linear_predictor(z, coef[:, 1:].copy(), a, intercept=False)
        return a

    def _through(self, delta: Float, weight: Float) -> Float:
        """Delta weight."""
        out = np.empty((len(delta), self.n_in))
        self.kernels.matrix_product(delta, np.ascontiguousarray(weight), out)
        return out

    def outer(self, delta: Float, z: Float) -> Arrays:
        """`weight`: delta' z;  `bias`: the sum of delta's rows."""
        found = {"weight": np.empty((self.n_out, self.n_in))}
        self.kernels.matrix_product(delta.T, np.ascontiguousarray(z), found["weight"])
        if self._one:
            ones = np.ones((1, len(delta)))
            total = np.empty((1, self.n_out))
            self.kernels.matrix_product(ones, delta, total)
            found["bias"] = total[0]
        return found

    # -- shapes ------------------------------------------------------------------------------------

    def named(self, coef: Float) -> Arrays:
        """Views of an array in the layout of `coef`."""
        named = {"weight": coef[:, self._one :]}
        if self._one:
            named["bias"] = coef[:, 0]
        return named

    def _rows(self, rule: str, name: str, value: npt.ArrayLike) -> Float:
        """A batch of inputs, which the kernels read where it lies, whatever its strides in whole numbers."""
        array = real(self, rule, name, value)
        if not array.flags.aligned or any(stride % array.itemsize for stride in array.strides):
            array = contiguous(array)  # a column of records
        if array.ndim != 2 or array.shape[1] != self.n_in:
            raise ShapeError(f"{self!r}.{rule}: {name} must have shape (n, {self.n_in}); got {array.shape}")
        return array

    def _delta(self, rule: str, name: str, value: npt.ArrayLike) -> Float:
        return like(self, rule, name, value, (len(memory(self, rule)), self.n_out))

    def __repr__(self) -> str:
        return f"Linear({self.n_in}, {self.n_out}{'' if self._one else ', bias=False'})"
