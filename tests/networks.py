"""Networks and data that several tests of this room use."""

import numpy as np

from sigmax.layers import (
    NLL,
    BernoulliNLL,
    Linear,
    LogSigmoid,
    LogSoftmax,
    Network,
    Reference,
    Sequential,
    Sigmoid,
    Tanh,
)

#: a name -> how the network ends, given inputs and classes; a kernel can compute each
HEADS = {
    "softmax": lambda p, K: (Linear(p, K, seed=1), LogSoftmax(), NLL()),
    "softmax, no bias": lambda p, K: (Linear(p, K, bias=False, seed=1), LogSoftmax(), NLL()),
    "reference": lambda p, K: (Linear(p, K - 1, seed=1), Reference(), LogSoftmax(), NLL()),
    "sigmoid": lambda p, K: (Linear(p, 1, seed=1), LogSigmoid(), NLL()),
    "Bernoulli": lambda p, K: (Linear(p, 1, bias=False, seed=1), LogSigmoid(), BernoulliNLL()),
}
#: what may stand below: smooth layers from p inputs to 5
BODIES = {
    "": lambda p: (),
    "tanh": lambda p: (Linear(p, 5, seed=2), Tanh()),
    "nested": lambda p: (
        Sequential(Linear(p, 20, seed=3), Sequential(Tanh(), Linear(20, 5, seed=4))),
        Sigmoid(),
    ),
}


def classes_of(head):
    return 2 if head in ("sigmoid", "Bernoulli") else 4


def network(head, body="", p=3, **options):
    """A network of the two names, always with the same first weights."""
    below = BODIES[body](p)
    return Network(*below, *HEADS[head](5 if below else p, classes_of(head)), **options)


def data(head, n=60, p=3, seed=0):
    """X, y with every class, and weights of which some are 0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    y = np.arange(n) % classes_of(head)
    weight = rng.integers(0, 4, n).astype(float)
    return X, y, weight


XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 1, 1, 0])
