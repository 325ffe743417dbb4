"""Layers that check_gradients is held to, and ways to make their rules wrong."""

import numpy as np

from sigmax.layers import (
    NLL,
    BernoulliNLL,
    Layer,
    Linear,
    LogSigmoid,
    LogSoftmax,
    Reference,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)

CODES = [0, 2, 1, 3, 3]
COUNTS = np.array([[1.0, 0, 2, 0], [0, 0, 1, 0], [3, 1, 0, 0], [0.5, 0, 0, 0], [0, 1, 1, 1]])
OUTCOMES = np.array([[0, 1], [1, 1], [0, 0], [1, 0], [0.25, 1]])

#: layers of four inputs, and five rows
LAYERS = {
    "linear": lambda: Linear(4, 3, seed=1),
    "linear without bias": lambda: Linear(4, 3, bias=False, seed=1),
    # other kernels from 16 units on
    "wide linear": lambda: Linear(4, 17, seed=1),
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "softmax": Softmax,
    "log-softmax": LogSoftmax,
    "log-sigmoid": LogSigmoid,
    "reference": Reference,
    "nll": lambda: NLL().given(CODES),
    "nll of counts": lambda: NLL().given(COUNTS),
    "bernoulli": lambda: BernoulliNLL().given(OUTCOMES),
    "classifier": lambda: Sequential(
        Linear(4, 3, seed=1),
        Sequential(Tanh(), Linear(3, 3, seed=2), Sequential(Reference(), LogSoftmax())),
        NLL().given(CODES),
    ),
    "outcomes": lambda: Sequential(
        Sequential(Linear(4, 3, seed=3), ReLU()),
        Sequential(Linear(3, 2, seed=4), LogSigmoid()),
        BernoulliNLL().given(OUTCOMES),
    ),
}


def batch(scale=1.0, n=5, width=4, seed=0):
    return scale * np.random.default_rng(seed).standard_normal((n, width))


class Function(Layer):
    """A function of each number, and what is said to be its derivative; no second rules."""

    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    def forward(self, z):
        self.z = np.array(z)
        return self.value(self.z)

    def backward(self, delta):
        return delta * self.slope(self.z)


class Normalised(Layer):
    """Each column minus its mean over the rows, times a gain that is a number."""

    def __init__(self):
        self.gain = np.array(1.5)

    parameters = property(lambda self: {"gain": self.gain})

    def forward(self, z):
        self.z = np.array(z)
        return self.gain * (self.z - self.z.mean(axis=0))

    def backward(self, delta):
        return self.gain * (delta - delta.mean(axis=0))

    def gradients(self, delta):
        return {"gain": (delta * (self.z - self.z.mean(axis=0))).sum()[None].reshape(())}


def mutant(layer, **rules):
    """The layer with other rules: each is handed the layer, the right result, and the arguments."""

    def replaced(rule, change):
        right = getattr(type(layer), rule)
        return lambda self, *arguments: change(self, right(self, *arguments), *arguments)

    changed = {rule: replaced(rule, change) for rule, change in rules.items()}
    layer.__class__ = type(f"Wrong{type(layer).__name__}", (type(layer),), changed)
    return layer


def one_entry(found, by=1e-5):
    found = found.copy()
    found.flat[np.abs(found).argmax()] *= 1.0 + by
    return found


def mean_of(*names):
    def change(layer, found, delta, *_):
        return {k: one / len(delta) if k in names else one for k, one in found.items()}

    return change


def of_all(change):
    """A change of arrays as one of dicts of them."""
    return lambda layer, found, *_: {name: change(one) for name, one in found.items()}


def of(change):
    return lambda layer, found, *_: change(found)
