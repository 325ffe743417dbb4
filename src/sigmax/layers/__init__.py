"""The layer view: a regression is a network of one layer, and a network is made of layers with three rules.

=============  ==============================================  =========================
Linear         a = z W' + b                                    (n, n_in) to (n, n_out)
Sigmoid        h(z) = 1 / (1 + exp(-z))                        elementwise
Tanh           tanh(z)                                         elementwise
ReLU           max(z, 0)                                       elementwise
Softmax        exp(z_k) / sum_l exp(z_l)                       (n, K) to (n, K)
LogSoftmax     z_k - log sum_l exp(z_l)                        (n, K) to (n, K)
LogSigmoid     log h(-z), log h(z)                             (n, m) to (n, 2 m)
Reference      0, z                                            (n, m) to (n, m + 1)
NLL            -log p_y                                        (n, K) to (n, 1)
BernoulliNLL   -y log h - (1 - y) log(1 - h)                   (n, 2 m) to (n, 1)
Sequential     one after the other                             itself a layer
=============  ==============================================  =========================

What a layer is says :class:`Layer`; that the rules of one's own fit each other, :func:`check_gradients`;
training is :meth:`Network.fit`.
"""

from __future__ import annotations

from sigmax.layers.checking import check_gradients
from sigmax.layers.checking.report import Check, GradientReport
from sigmax.layers.elementwise import Elementwise, ReLU, Sigmoid, Tanh
from sigmax.layers.layer import Layer, ShapeError
from sigmax.layers.linear import Linear
from sigmax.layers.losses import NLL, BernoulliNLL, Loss
from sigmax.layers.network import Network
from sigmax.layers.probabilities import LogSigmoid, LogSoftmax, Reference, Softmax
from sigmax.layers.sequential import Sequential

__all__ = [
    "NLL",
    "BernoulliNLL",
    "Check",
    "Elementwise",
    "GradientReport",
    "Layer",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "Loss",
    "Network",
    "ReLU",
    "Reference",
    "Sequential",
    "ShapeError",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "check_gradients",
]
