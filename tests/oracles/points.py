"""Where accuracy is measured: seeded points, dense where double arithmetic goes wrong.

A generator is called with a seed and a size, and gives the same points for the same two.  The report in
benchmarks/accuracy asks for many chunks of them, the tests for one small chunk.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LN2 = math.log(2)

#: |x| where the kernels change their path, or a naive formula changes its character
SWITCHES = (
    0.0,
    2.0**-1022,
    2.0**-54,
    2.0**-53,
    2.0**-28,  # tanh x is x
    LN2 / 4,  # n of tanh leaves 0
    LN2 / 2,  # n = rint(x / ln 2) leaves 0
    math.sqrt(2) - 1,
    -math.log(math.sqrt(2) - 1),  # t passes sqrt(2) - 1: log1p changes its argument
    math.log(math.sqrt(2) + 1),
    LN2,
    1.0,  # a line takes |dm| for large
    18.714973875118524,  # tanh rounds to 1 - 2^-53, and to 1
    19.061547465398498,
    18.0,  # the switches of a well-known log1pexp (Maechler, 2012), and where others cut
    33.3,
    36.04365338911715,  # t reaches 2^-52, 2^-53, 2^-54: 1 + t absorbs it
    36.7368005696771,
    37.0,
    37.42994775023705,
    700.0,
    708.396418532264,  # exp turns subnormal, overflows, and rounds to 0
    709.782712893384,
    710.0,
    744.4400719213812,
    745.1332191019412,
    746.0,
    800.0,
)

#: |eta| where one of the quantities came out worst in some 20 million random points, for the kernels of today
#: or for those that round each of exp, 1 + t, t / (1 + t) and small * big
HARD = tuple(
    float.fromhex(text)
    for text in (
        "0x1.9fdee024f19e6p+4",  # expit
        "0x1.3df97b0c1f683p+9",
        "0x1.363e6df83c70bp+2",
        "0x1.62b768287c19dp+2",
        "0x1.13589982b1c24p+9",  # residual
        "0x1.2c7a4e1bc4522p+8",
        "0x1.bb2f0ae63b100p+1",
        "0x1.367518e1284bcp+2",
        "0x1.5648ce1af2a00p+3",  # curvature
        "0x1.178f2aa4d0b4fp+5",
        "0x1.0847ec70c5454p+2",
        "0x1.b6f0e74d6f0a4p+1",
        "0x1.c23743cbf0c90p-1",  # nll
        "0x1.a153062db8348p-1",
        "0x1.025324879bf90p+1",
        "0x1.07d49df5dd6e0p+1",
        "0x1.819d5d722595ep-3",  # tanh
        "0x1.84bcb1a4ae31cp-3",
        "0x1.64d04cfe5b666p+2",
        "0x1.196dd02d32565p+3",
    )
)

LARGEST = np.finfo(float).max


# -- functions of one number -----------------------------------------------------------------------


def neighbours(x: np.ndarray, n: int) -> np.ndarray:
    """The doubles x >= 0 and the n on both sides of each, none below 0."""
    bits = np.atleast_1d(np.asarray(x, dtype=float)).view(np.int64)[:, None] + np.arange(-n, n + 1)
    return np.unique(bits[(bits >= 0) & (bits < np.float64(np.inf).view(np.int64))].view(float))


@functools.cache
def near_switches(wide: int, narrow: int) -> np.ndarray:
    """Neighbours: `wide` of each switch, `narrow` of each odd multiple of ln 2 / 2; the hard, the extreme."""
    multiples = np.arange(0.5, 746 / LN2) * LN2  # x / ln 2 is half-way between two integers
    extreme = [5e-324, 1e-323, 1e-310, 2.2e-308, 1e10, 1e100, 1e300, LARGEST]
    found = np.concatenate([neighbours(SWITCHES, wide), neighbours(multiples, narrow), HARD, extreme])
    found.flags.writeable = False
    return found


def magnitudes(seed: int, n: int) -> np.ndarray:
    """n numbers |x|: log-spaced over all doubles, dense where the functions bend, and subnormal.

    x and -x are measured both.
    """
    rng = np.random.default_rng([1, seed])
    parts = [
        (0.10, lambda k: np.exp2(rng.uniform(-1074, 1024, k))),
        (0.30, lambda k: np.exp2(rng.uniform(-60, math.log2(746), k))),
        (0.15, lambda k: rng.uniform(0, 1, k)),
        (0.28, lambda k: rng.uniform(0, 40, k)),
        (0.06, lambda k: rng.uniform(40, 700, k)),
        (0.08, lambda k: rng.uniform(700, 746, k)),
    ]
    sizes = [int(share * n) for share, _ in parts]
    found = [make(size) for size, (_, make) in zip(sizes, parts, strict=True)]
    subnormal = np.exp2(rng.uniform(0, 52, n - sum(sizes))).astype(np.int64)
    return np.minimum(np.concatenate([*found, subnormal.view(float)]), LARGEST)


# -- rows of logits --------------------------------------------------------------------------------

Family = Callable[[np.random.Generator, int, int], np.ndarray]


def _lead(rng, n, K):
    """One class, which `labels` takes for the true one every other time, leads by 20 to 700."""
    z = rng.normal(size=(n, K))
    z[np.arange(n), rng.integers(0, K, n)] += rng.uniform(20, 700, n)
    return z


def _two_lead(rng, n, K):
    """Two classes share what there is, the others are far behind: 1 - p next to 1/2."""
    z = rng.normal(size=(n, K)) - rng.uniform(5, 60, (n, 1))
    z[np.arange(n), rng.integers(0, K, n)] = 0.0
    z[np.arange(n), rng.integers(0, K, n)] = rng.normal(size=n) * np.exp2(rng.uniform(-50, 2, n))
    return z


def _near_zero_sum(rng, n, K):
    """Log-sum-exp next to 0, by its own shift."""
    z = rng.normal(size=(n, K)) * rng.choice([0.1, 1.0, 5.0], (n, 1))
    a = z.max(axis=1, keepdims=True)
    return z - (a + np.log(np.exp(z - a).sum(axis=1, keepdims=True)))


def _without(rng, n, K):
    """Some classes of probability 0, never all."""
    z = rng.normal(0, 3, (n, K))
    gone = rng.random((n, K)) < rng.uniform(0, 1, (n, 1))
    gone[np.arange(n), rng.integers(0, K, n)] = False
    return np.where(gone, -np.inf, z)


def _subnormal(rng, n, K):
    """Probabilities about 2^-1022 and below."""
    z = -rng.uniform(690, 750, (n, K))
    z[np.arange(n), rng.integers(0, K, n)] = rng.uniform(-1, 1, n)
    return z


def _gaps_at_switches(rng, n, K):
    """Differences to the largest logit next to where the kernels change their path."""
    z = -rng.choice(near_switches(8, 1)[:-20], (n, K))
    z[np.arange(n), rng.integers(0, K, n)] = 0.0
    return z


def _spacings(base: float) -> Family:
    return lambda rng, n, K: base + np.spacing(base) * np.round(rng.normal(0, 4, (n, K)))


FAMILIES: dict[str, Family] = {
    "N(0, 1)": lambda rng, n, K: rng.normal(size=(n, K)),
    "N(0, 30)": lambda rng, n, K: rng.normal(0, 30, (n, K)),
    "N(0, 300)": lambda rng, n, K: rng.normal(0, 300, (n, K)),
    "any scale": lambda rng, n, K: rng.normal(size=(n, K)) * np.exp2(rng.uniform(-60, 10, (n, 1))),
    "uniform over 40": lambda rng, n, K: rng.uniform(-40, 0, (n, K)),
    "one leads by 20 to 700": _lead,
    "two lead": _two_lead,
    "offset 1e4": lambda rng, n, K: rng.normal(size=(n, K)) + 1e4,
    "offset -1e4": lambda rng, n, K: rng.normal(0, 5, (n, K)) - 1e4,
    "offset 1e300": lambda rng, n, K: rng.normal(0, 30, (n, K)) + 1e300,
    "offset -1e300": _spacings(-1e300),
    "1e308": lambda rng, n, K: np.full((n, K), 1e308),
    "+-1e308": lambda rng, n, K: np.copysign(1e308, rng.normal(size=(n, K))),
    "spacings of 1e15": _spacings(1e15),
    "one ulp apart": lambda rng, n, K: 1.0 + np.spacing(1.0) * np.round(rng.normal(size=(n, K))),
    "ties": lambda rng, n, K: np.round(rng.normal(0, 3, (n, K))),
    "equal": lambda rng, n, K: np.repeat(rng.normal(0, 50, (n, 1)), K, axis=1),
    "-inf": _without,
    "log-sum-exp next to 0": _near_zero_sum,
    "subnormal probabilities": _subnormal,
    "gaps at switches": _gaps_at_switches,
}


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of logits of one family, (n, K), and a label for each, often that of the largest logit."""

    family: str
    seed: int
    logits: np.ndarray
    y: np.ndarray

    def describe(self, i: int, k: int | None = None) -> str:
        """Row i (and class k), so that it can be made again; in full where it is short."""
        n, K = self.logits.shape
        row = self.logits[i]
        text = f"rows({self.family!r}, {K}, {self.seed}, {n})[{i}], y = {self.y[i]}"
        if K <= 5:
            return text + ("" if k is None else f", k = {k}") + f": {' '.join(v.hex() for v in row.tolist())}"
        if k is None:
            return text
        return text + f", k = {k}: logit {float(row[k]).hex()} below {float(row.max()).hex()}"


def rows(family: str, K: int, seed: int, n: int, *, model: bool = False) -> Rows:
    """n rows of a family; `model`: class 0 is the reference, its logit is 0."""
    rng = np.random.default_rng([2, list(FAMILIES).index(family), K, seed, model])
    logits = FAMILIES[family](rng, n, K)
    if model:
        logits[:, 0] = 0.0
    y = np.where(rng.random(n) < 0.5, logits.argmax(axis=1), rng.integers(0, K, n))
    return Rows(family, seed, np.ascontiguousarray(logits), y.astype(np.int32))
