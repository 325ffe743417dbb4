"""Limits that were measured in the rounds of what is held against them.

    limit of a round = max(bytes / bandwidth, flops / DGEMM rate)

bandwidth   that of the same round: all threads read the very X with np.maximum.reduce
DGEMM rate  the best of the rounds, on as many threads: a limit is what the machine can do undisturbed
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from sigmax.bench.timing import Timing, quartiles
from sigmax.bench.work import Work


@dataclass(frozen=True, slots=True)
class Limits:
    """What the machine could do in each round.

    Attributes
    ----------
    bandwidth : tuple of float
        GB/s, one for each round.
    dgemm : float
        GFLOP/s.
    """

    bandwidth: tuple[float, ...]
    dgemm: float

    @classmethod
    def of(cls, read: Timing, read_bytes: float, dgemm: float) -> Limits:
        """From the times of reads of `read_bytes` bytes, and the rate of DGEMM in GFLOP/s."""
        return cls(tuple(1e-9 * read_bytes / seconds for seconds in read.seconds), dgemm)

    def seconds(self, least: Work) -> tuple[float, ...]:
        """What `least` takes at least in each round."""
        return tuple(least.limit(gbs, self.dgemm) for gbs in self.bandwidth)

    def bound_by(self, least: Work) -> str:
        """What binds at the median bandwidth, "memory" or "arithmetic"."""
        return least.bound_by(statistics.median(self.bandwidth), self.dgemm)


def dgemm_rate(product: Timing, order: int) -> float:
    """GFLOP/s of the fastest of several products of two square matrices, 2 order^3 flops each."""
    return 2e-9 * order**3 / product.fastest


def share(limit: tuple[float, ...], seconds: tuple[float, ...]) -> tuple[float, float, float]:
    """Quartiles over the rounds of limit / time: 1 is at the limit, 0.5 takes twice as long.

    Raises
    ------
    ValueError
        As many limits as times are needed.
    """
    return quartiles([least / taken for least, taken in zip(limit, seconds, strict=True)])
