"""First values of weights: random, of a scale that keeps signals from growing or dying between layers.

glorot   uniform in +-sqrt(6 / (n_in + n_out))    Glorot & Bengio, AISTATS 2010, eq. 16; for sigmoid and tanh
he       normal, variance 2 / n_in                He, Zhang, Ren & Sun, ICCV 2015, eq. 10; for ReLU
zeros    0                                        for one layer alone, whose cost is convex
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from sigmax.kernels import Float

#: what ``numpy.random.default_rng`` takes
Seed: TypeAlias = int | np.random.SeedSequence | np.random.Generator | None


def _glorot(rng: np.random.Generator, n_out: int, n_in: int) -> Float:
    limit = np.sqrt(6.0 / max(n_in + n_out, 1))
    return rng.uniform(-limit, limit, (n_out, n_in))


def _he(rng: np.random.Generator, n_out: int, n_in: int) -> Float:
    return rng.normal(0.0, np.sqrt(2.0 / max(n_in, 1)), (n_out, n_in))


def _zeros(rng: np.random.Generator, n_out: int, n_in: int) -> Float:
    return np.zeros((n_out, n_in))


INITIAL: dict[str, Callable[[np.random.Generator, int, int], Float]] = {
    "glorot": _glorot,
    "he": _he,
    "zeros": _zeros,
}
