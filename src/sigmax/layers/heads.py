"""Last layers that one kernel computes: linear units, log-probabilities, negative log-likelihood.

    Linear(h, K)     LogSoftmax              NLL              K units, one too many: see below
    Linear(h, K-1)   Reference  LogSoftmax   NLL              the identified model, that of sigmax.fit
    Linear(h, 1)     LogSigmoid              NLL              the binary model; also BernoulliNLL

What these layers do one after the other, each with arrays of its own, the kernels do in one sweep over the
rows.  The binary and multinomial passes know the logits of the classes 1 .. K-1 against class 0, so that K
units w_k are handed over as the differences d_k = w_k - w_0: the same probabilities (see
:class:`sigmax.layers.Reference`), and

    dJ/dw_k = dJ/dd_k,   dJ/dw_0 = -sum_k dJ/dd_k
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sigmax.kernels import Codes, Float, Pair
from sigmax.layers.layer import Arrays, Layer
from sigmax.layers.linear import Linear
from sigmax.layers.losses import NLL, BernoulliNLL
from sigmax.layers.probabilities import LogSigmoid, LogSoftmax, Reference


@dataclass(frozen=True, slots=True)
class Head:
    """The last linear units of a network with all that follows them.

    Attributes
    ----------
    linear : Linear
    free : bool
        Whether each class has a unit of its own; else class 0 is the reference.
    layers : int
        How many layers it stands for.
    """

    linear: Linear
    free: bool
    layers: int

    @property
    def n_logits(self) -> int:
        """K - 1."""
        return self.linear.n_out - int(self.free)

    # -- of a network of one layer: straight from X ------------------------------------------------

    def whole_pass(
        self, X: Float, y: Codes, weight: Float | None, *, hessian: Float | None = None
    ) -> tuple[Pair, Float]:
        """NLL and gradient (n_out, k) of the rows; the Hessian by identified coefficients in `hessian`."""
        kernels, coef = self.linear.kernels, self.identified(self.linear.coef)
        gradient = np.empty_like(coef)
        run = kernels.binary_pass if len(coef) == 1 else kernels.softmax_pass
        intercept = self.linear.bias is not None
        pair = run(X, y, coef, gradient, hessian, intercept=intercept, weight=weight)
        return pair, self.of_units(gradient)

    def identified(self, coef: Float) -> Float:
        """Coefficients (K - 1, k) against class 0 of those of the units."""
        return coef[1:] - coef[:1] if self.free else coef

    def of_units(self, gradient: Float) -> Float:
        """The gradient by the coefficients of the units, of that by the identified ones: its transpose."""
        if not self.free:
            return gradient
        out = np.empty((len(gradient) + 1, gradient.shape[1]))
        out[1:] = gradient
        np.negative(gradient.sum(axis=0), out=out[0])
        return out

    # -- above other layers ------------------------------------------------------------------------

    def top(self, z: Float, y: Codes, weight: Float | None) -> tuple[Pair, Arrays, Float]:
        """NLL of the rows; its gradient by the parameters of the units, and by z."""
        eta = self.linear.forward(z)
        if self.free:
            logits = eta
        else:
            logits = np.zeros((len(eta), self.linear.n_out + 1))
            logits[:, 1:] = eta
        pair = self.linear.kernels.cross_entropy(logits, y, logits, weight=weight)
        residual = logits if self.free else logits[:, 1:].copy()
        return pair, self.linear.outer(residual, self.linear.z), self.linear.backward(residual)


def head_of(layers: tuple[Layer, ...]) -> Head | None:
    """The head of these layers; None where no kernel has it: a subclass may be another function."""
    kinds = tuple(type(one) for one in layers)
    if kinds[-3:] == (Linear, LogSoftmax, NLL):
        linear, free, count = layers[-3], True, 3
    elif kinds[-4:] == (Linear, Reference, LogSoftmax, NLL):
        linear, free, count = layers[-4], False, 4
    elif kinds[-3:] in {(Linear, LogSigmoid, NLL), (Linear, LogSigmoid, BernoulliNLL)}:
        linear, free, count = layers[-3], False, 3
    else:
        return None
    assert isinstance(linear, Linear)
    units = linear.n_out
    if (free and units < 2) or (kinds[-2] is LogSigmoid and units != 1):
        return None
    return Head(linear, free, count)


def codes_of(targets: np.ndarray) -> Codes | None:
    """Targets as class codes, or None where they are none: counts, shares, several outcomes in a row."""
    if targets.ndim == 1:
        return np.ascontiguousarray(targets, dtype=np.int32)
    if targets.shape[1] == 1 and bool(((targets == 0.0) | (targets == 1.0)).all()):
        return np.ascontiguousarray(targets[:, 0], dtype=np.int32)
    return None
