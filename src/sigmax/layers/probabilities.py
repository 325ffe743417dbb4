"""Layers from logits to probabilities and their logarithms, and the reference class as a layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sigmax.kernels import Float
from sigmax.layers.layer import Direction, Layer, ShapeError, batch, forget, like, memory


class Softmax(Layer):
    """p_k = exp(z_k) / sum_l exp(z_l) of each row; (n, K) to (n, K).

    Adding one number to all logits of a row changes nothing: the K logits are not identified by the
    probabilities (see :class:`Reference`).

    Notes
    -----
    backward: p_k (delta_k - sum_l p_l delta_l).  Before a negative log-likelihood use :class:`LogSoftmax`:
    the logarithm of a probability that has underflowed is -inf.

    Examples
    --------
    >>> from sigmax.layers import Softmax
    >>> Softmax().forward([[0.0, 0.0], [0.0, 800.0]]).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """

    def forward(self, z: npt.ArrayLike) -> Float:
        """Probabilities of each row, shape (n, K)."""
        self.z = _logits(self, "forward", z)
        self.p = np.empty_like(self.z)
        self.kernels.softmax(self.z, self.p)
        forget(self, "dp")
        return self.p

    def backward(self, delta: npt.ArrayLike) -> Float:
        """p_k (delta_k - sum_l p_l delta_l), shape (n, K)."""
        p = memory(self, "backward", "p")
        return _along(p, like(self, "backward", "delta", delta, p.shape))

    def forward_tangent(self, dz: npt.ArrayLike, direction: Direction) -> Float:
        """dp_k = p_k (dz_k - sum_l p_l dz_l), shape (n, K)."""
        p = memory(self, "forward_tangent", "p")
        self.dp = _along(p, like(self, "forward_tangent", "dz", dz, p.shape))
        return self.dp

    def backward_tangent(self, delta: npt.ArrayLike, ddelta: npt.ArrayLike) -> Float:
        """dp (delta - p'delta) + p (ddelta - dp'delta - p'ddelta), shape (n, K)."""
        dp = memory(self, "backward_tangent", "dp")
        p = self.p
        delta = like(self, "backward_tangent", "delta", delta, p.shape)
        ddelta = like(self, "backward_tangent", "ddelta", ddelta, p.shape)
        # sum_l dp_l = 0, so that any constant may be taken from delta
        mean = _dot(dp, delta - _at_top(p, delta))
        return dp * _centred(p, delta) + p * (_centred(p, ddelta) - mean)


class LogSoftmax(Layer):
    """log p_k = z_k - log sum_l exp(z_l) of each row; (n, K) to (n, K).

    Notes
    -----
    backward: delta_k - p_k sum_l delta_l, formed as delta_k q_k - p_k sum_{l != k} delta_l with q_k = 1 - p_k
    the sum of the other probabilities: below a negative log-likelihood p_y - 1 keeps its digits in a row that
    is fitted well.  Accuracy of the output: that of :func:`sigmax.log_softmax`.

    Examples
    --------
    >>> from sigmax.layers import LogSoftmax
    >>> LogSoftmax().forward([[0.0, 0.0], [0.0, 800.0]])[:, 0].tolist()
    [-0.6931471805599453, -800.0]
    """

    def forward(self, z: npt.ArrayLike) -> Float:
        """Logarithms of the probabilities of each row, shape (n, K)."""
        self.z = _logits(self, "forward", z)
        a = np.empty_like(self.z)
        self.kernels.log_softmax(self.z, a)
        forget(self, "p", "dz")
        return a

    def probabilities(self, z: npt.ArrayLike) -> Float:
        """exp of `forward`, without the rounding of a logarithm; nothing is kept."""
        logits = _logits(self, "probabilities", z)
        p = np.empty_like(logits)
        self.kernels.softmax(logits, p)
        return p

    def backward(self, delta: npt.ArrayLike) -> Float:
        """delta_k (1 - p_k) - p_k sum_{l != k} delta_l, shape (n, K)."""
        p = self._p("backward")
        delta = like(self, "backward", "delta", delta, p.shape)
        return delta * complement(p) - p * others(delta)

    def forward_tangent(self, dz: npt.ArrayLike, direction: Direction) -> Float:
        """dz_k - sum_l p_l dz_l, shape (n, K)."""
        p = self._p("forward_tangent")
        self.dz = like(self, "forward_tangent", "dz", dz, p.shape)
        return _centred(p, self.dz)

    def backward_tangent(self, delta: npt.ArrayLike, ddelta: npt.ArrayLike) -> Float:
        """Ddelta (1 - p) - p sum_{l != k} ddelta_l - dp sum_l delta_l, shape (n, K); dp = p (dz - p'dz)."""
        dz = memory(self, "backward_tangent", "dz")
        p = self._p("backward_tangent")
        delta = like(self, "backward_tangent", "delta", delta, p.shape)
        ddelta = like(self, "backward_tangent", "ddelta", ddelta, p.shape)
        return ddelta * complement(p) - p * others(ddelta) - _along(p, dz) * _sum(delta)

    def _p(self, rule: str) -> Float:
        """The probabilities, computed once where a rule asks for them."""
        if "p" not in self.__dict__:
            self.p = self.probabilities(memory(self, rule))
        return self.p


class LogSigmoid(Layer):
    """Log-probabilities of 0 and of 1: log h(-z), then log h(z), h the sigmoid; (n, m) to (n, 2 m).

    For one unit, m = 1, the two columns are those of :class:`LogSoftmax` of (0, z), and
    :class:`NLL` takes them as it takes any classes.  Both are given because neither can be had from the
    other: where h(z) rounds to 1, log(1 - h) is -z, and log h has forgotten z.

    Notes
    -----
    backward: delta_1 h(-z) - delta_0 h(z).  Accuracy: that of :func:`sigmax.log_expit`.

    Examples
    --------
    >>> from sigmax.layers import LogSigmoid
    >>> LogSigmoid().forward([[800.0]]).tolist()
    [[-800.0, 0.0]]
    """

    def forward(self, z: npt.ArrayLike) -> Float:
        """log h(-z) and log h(z), shape (n, 2 m)."""
        self.z = batch(self, "forward", "z", z)
        forget(self, "dz")
        return self._both(self.kernels.log_expit, self.z)

    def probabilities(self, z: npt.ArrayLike) -> Float:
        """exp of `forward`, h(-z) and h(z), without the rounding of a logarithm; nothing is kept."""
        return self._both(self.kernels.expit, batch(self, "probabilities", "z", z))

    def backward(self, delta: npt.ArrayLike) -> Float:
        """delta_1 h(-z) - delta_0 h(z), shape (n, m)."""
        first, second, p, q = self._halves("backward", delta)
        return second * q - first * p

    def forward_tangent(self, dz: npt.ArrayLike, direction: Direction) -> Float:
        """-h(z) dz and h(-z) dz, shape (n, 2 m)."""
        z = memory(self, "forward_tangent")
        self.dz = like(self, "forward_tangent", "dz", dz, z.shape)
        both = self.probabilities(z)
        m = z.shape[1]
        return np.hstack([-both[:, m:] * self.dz, both[:, :m] * self.dz])

    def backward_tangent(self, delta: npt.ArrayLike, ddelta: npt.ArrayLike) -> Float:
        """ddelta_1 h(-z) - ddelta_0 h(z) - (delta_0 + delta_1) h(z) h(-z) dz, shape (n, m)."""
        dz = memory(self, "backward_tangent", "dz")
        first, second, p, q = self._halves("backward_tangent", delta)
        dfirst, dsecond, _, _ = self._halves("backward_tangent", ddelta, "ddelta")
        return dsecond * q - dfirst * p - (first + second) * p * q * dz

    @staticmethod
    def _both(function: Callable[[Float, Float], None], z: Float) -> Float:
        """The function of -z, then of z."""
        n, m = z.shape
        column = np.empty(n * m)
        out = np.empty((n, 2 * m))
        for half, signed in ((out[:, :m], -z), (out[:, m:], z)):
            function(signed.reshape(-1), column)
            half[...] = column.reshape(n, m)
        return out

    def _halves(
        self, rule: str, delta: npt.ArrayLike, name: str = "delta"
    ) -> tuple[Float, Float, Float, Float]:
        """delta_0, delta_1, h(z), h(-z)."""
        z = memory(self, rule)
        n, m = z.shape
        array = like(self, rule, name, delta, (n, 2 * m))
        both = self.probabilities(z)
        return array[:, :m], array[:, m:], both[:, m:], both[:, :m]


class Reference(Layer):
    """The logit 0 of a class of reference before the others; (n, m) to (n, m + 1).

    Softmax alone does not identify its K logits.  With this layer before it, and K - 1 linear units, it does:
    the parameters are those of :func:`sigmax.fit`, and for two classes those of the sigmoid.

    Examples
    --------
    >>> from sigmax.layers import LogSoftmax, Reference, Sequential
    >>> Sequential(Reference(), LogSoftmax()).forward([[0.0], [800.0]])[:, 0].tolist()
    [-0.6931471805599453, -800.0]
    """

    def forward(self, z: npt.ArrayLike) -> Float:
        """0 and z, shape (n, m + 1)."""
        self.z = batch(self, "forward", "z", z)
        return self._zero_before(self.z)

    def backward(self, delta: npt.ArrayLike) -> Float:
        """Delta without its first column, shape (n, m)."""
        n, m = memory(self, "backward").shape
        return like(self, "backward", "delta", delta, (n, m + 1))[:, 1:].copy()

    def forward_tangent(self, dz: npt.ArrayLike, direction: Direction) -> Float:
        """0 and dz, shape (n, m + 1)."""
        z = memory(self, "forward_tangent")
        return self._zero_before(like(self, "forward_tangent", "dz", dz, z.shape))

    def backward_tangent(self, delta: npt.ArrayLike, ddelta: npt.ArrayLike) -> Float:
        """Ddelta without its first column, shape (n, m)."""
        n, m = memory(self, "backward_tangent").shape
        return like(self, "backward_tangent", "ddelta", ddelta, (n, m + 1))[:, 1:].copy()

    @staticmethod
    def _zero_before(z: Float) -> Float:
        out = np.zeros((z.shape[0], z.shape[1] + 1))
        out[:, 1:] = z
        return out


def _logits(layer: Layer, rule: str, z: npt.ArrayLike) -> Float:
    """A batch with a class at least."""
    logits = batch(layer, rule, "z", z)
    if not logits.shape[1]:
        raise ShapeError(f"{layer!r}.{rule}: z must have shape (n, K), K at least 1; got {logits.shape}")
    return logits


def complement(p: Float) -> Float:
    """1 - p_k, the sum of the other probabilities of the row: that sum itself for the largest of them."""
    q = 1.0 - p
    rows, top = np.arange(len(p)), p.argmax(axis=1)
    rest = p.copy()
    rest[rows, top] = 0.0
    q[rows, top] = rest.sum(axis=1)
    return q


def others(a: Float) -> Float:
    """sum_{l != k} a_l of each row, from the left and from the right: a_k is not subtracted from a sum."""
    out = np.zeros_like(a)
    out[:, 1:] = np.cumsum(a[:, :-1], axis=1)
    out[:, :-1] += np.cumsum(a[:, :0:-1], axis=1)[:, ::-1]
    return out


def _sum(a: Float) -> Float:
    total: Float = a.sum(axis=1, keepdims=True)
    return total


def _dot(a: Float, b: Float) -> Float:
    return _sum(a * b)


def _along(p: Float, dz: Float) -> Float:
    """p_k (dz_k - sum_l p_l dz_l): the derivative of softmax in a direction."""
    return p * _centred(p, dz)


def _centred(p: Float, v: Float) -> Float:
    """v_k - sum_l p_l v_l, about v of the likeliest class: where p rounds to 1 the others decide it."""
    shifted = v - _at_top(p, v)
    return shifted - _dot(p, shifted)


def _at_top(p: Float, v: Float) -> Float:
    """v of the likeliest class of each row, shape (n, 1)."""
    return np.take_along_axis(v, p.argmax(axis=1)[:, None], axis=1)
