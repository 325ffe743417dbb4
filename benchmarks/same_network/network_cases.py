"""The networks, data and methods that are measured, and the network as it is before the first step."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigmax.layers import NLL, Linear, LogSoftmax, Network, Tanh

Float = npt.NDArray[np.float64]

MOMENTUM = 0.9
RATES = {"gd": 0.1, "sgd": 0.05, "adam": 0.002}
#: seconds to wait before a sample: threads of OpenMP go on spinning for some milliseconds, at the cost of
#: whoever comes next
REST = 0.01
#: seconds that a sample lasts at least
_SAMPLE = 0.05


@dataclass(frozen=True, eq=False)
class Data:
    """Rows, and the codes 0 .. K-1 of their classes."""

    name: str
    X: Float
    y: npt.NDArray[np.int64]
    n_classes: int


@dataclass(frozen=True)
class Case:
    """A network, its data, and a method; no hidden units: one layer.  A batch of 0: all rows."""

    data: Data
    hidden: int
    method: str
    batch: int = 0

    @property
    def name(self) -> str:
        layers = f"hidden {self.hidden}" if self.hidden else "one layer"
        return f"{self.data.name}, {layers}, {self.method}{f' {self.batch}' if self.batch else ''}"

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the input, the hidden units, and the classes."""
        inner = (self.hidden,) if self.hidden else ()
        return self.data.X.shape[1], *inner, self.data.n_classes

    @property
    def rate(self) -> float:
        """Learning rate."""
        return RATES[self.method]


def digits() -> Data | None:
    """scikit-learn's digits, from 0 to 1; None where it is not installed."""
    try:
        datasets = importlib.import_module("sklearn.datasets")
    except ImportError:
        return None
    X, y = datasets.load_digits(return_X_y=True)
    return Data("digits", np.ascontiguousarray(X / 16.0), y.astype(np.int64), 10)


def gaussian(n: int, p: int, n_classes: int, seed: int = 0) -> Data:
    """Gaussian columns; labels drawn from a softmax model, each logit with deviation 2."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    logits = X @ rng.standard_normal((p, n_classes)) * (2.0 / math.sqrt(p))
    y = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return Data(f"{n:,} x {p}, {n_classes} classes", X, y.astype(np.int64), n_classes)


def cases(n: int) -> Iterator[Case]:
    """All 45, with so many Gaussian rows."""
    found = digits()
    for data in (*([found] if found else []), gaussian(n, 100, 10), gaussian(n, 100, 2)):
        for hidden in (0, 32, 128):
            yield Case(data, hidden, "gd")
            for method in ("sgd", "adam"):
                for batch in (32, 256):
                    yield Case(data, hidden, method, batch)


def network(case: Case) -> Network:
    """The same each time."""
    first, *inner, last = case.widths
    if not inner:
        return Network(Linear(first, last, seed=1), LogSoftmax(), NLL())
    [hidden] = inner
    return Network(Linear(first, hidden, seed=1), Tanh(), Linear(hidden, last, seed=2), LogSoftmax(), NLL())


def epochs_of_a_sample(seconds: float) -> int:
    """How many, where one takes so long."""
    return max(1, math.ceil(_SAMPLE / max(seconds, 1e-7)))
