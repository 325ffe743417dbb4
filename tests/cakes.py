"""The models as layers, and what the fused kernels say of the same rows.

A cake is a Sequential that ends in a loss.  The sum of its losses, a row counted w times, has the output
gradient w: what enters at the top.
"""

from __future__ import annotations

import numpy as np
from strategies import Problem

from sigmax.layers import (
    NLL,
    BernoulliNLL,
    Layer,
    Linear,
    LogSigmoid,
    LogSoftmax,
    Reference,
    Sequential,
)

#: name -> the layers above the linear units, of a model with a reference class
TWO_CLASSES = {
    "softmax": lambda: (Reference(), LogSoftmax(), NLL()),
    "sigmoid": lambda: (LogSigmoid(), NLL()),
    "bernoulli": lambda: (LogSigmoid(), BernoulliNLL()),
}


def linear(coef: np.ndarray, *, bias: bool) -> Linear:
    """Linear units with these coefficients, the bias first."""
    layer = Linear(coef.shape[1] - bias, len(coef), bias=bias, initial="zeros")
    layer.coef[...] = coef
    return layer


def cake(q: Problem, above: tuple[Layer, ...], backend) -> Sequential:
    """Linear units of a problem without offset, the layers above them, and its labels."""
    above[-1].given(q.y)
    return Sequential(linear(q.coef, bias=q.intercept), *above).share(backend.BACKEND)


def coefficients(arrays: dict[str, np.ndarray], at: str = "0") -> np.ndarray:
    """Gradients of linear units in the layout of the kernels, (m, k)."""
    parts = [arrays[f"{at}.weight"]]
    if f"{at}.bias" in arrays:
        parts.insert(0, arrays[f"{at}.bias"][:, None])
    return np.hstack(parts)


def direction(coef: np.ndarray, *, bias: bool, at: str = "0") -> dict[str, np.ndarray]:
    """The other way: a direction among the coefficients by the names of the parameters."""
    return {f"{at}.weight": coef[:, bias:], **({f"{at}.bias": coef[:, 0]} if bias else {})}


def hessian_product(model: Sequential, X, weight, v: np.ndarray, *, bias: bool) -> np.ndarray:
    """Forward over reverse: the derivative of the gradients along v, in the layout of v."""
    model.forward(X)
    model.forward_tangent(np.zeros_like(X), direction(v, bias=bias))
    above = np.asarray(weight, dtype=float)[:, None]
    return coefficients(model.gradients_tangent(above, np.zeros_like(above)))


def hessian(model: Sequential, X, weight, shape: tuple[int, int], *, bias: bool) -> np.ndarray:
    """All of it, column by column."""
    columns = []
    for j in range(shape[0] * shape[1]):
        v = np.zeros(shape)
        v.flat[j] = 1.0
        columns.append(hessian_product(model, X, weight, v, bias=bias).ravel())
    return np.array(columns).T
