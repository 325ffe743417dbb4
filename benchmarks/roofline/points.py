"""A point of the roofline, and how it reads.

    share of a round = limit / time                  1: at the limit; 0.5: takes twice as long
    intensity = flops / bytes,  attained = flops / median time

so that "bytes", "flops" and "seconds" of the JSON are all that a classical roofline needs: GFLOP/s against
flops a byte, below min(DGEMM rate, intensity * bandwidth).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shapes import Shape

from sigmax.bench.limits import Limits, share
from sigmax.bench.reads import Reads
from sigmax.bench.report import aligned, number
from sigmax.bench.timing import Timing
from sigmax.bench.work import Work

#: as the table has them
NAMES = {"gradient": "gradient", "hessian": "Hessian", "fit": "fit"}


@dataclass(frozen=True)
class Point:
    """Something that was timed, with the limits of its rounds.

    Attributes
    ----------
    what : {"gradient", "hessian", "fit"}
    shape : Shape
    n_threads : int
    timing : Timing
    least : Work
        What had to be done.
    limits : Limits
        Of the same rounds.
    passes : float or None
        Reads of a fit, as its certificate has them.
    reads : Reads or None
        The same by kind.
    """

    what: str
    shape: Shape
    n_threads: int
    timing: Timing
    least: Work
    limits: Limits
    passes: float | None = None
    reads: Reads | None = None

    @property
    def limit_seconds(self) -> tuple[float, ...]:
        """One for each round."""
        return self.limits.seconds(self.least)

    @property
    def share(self) -> tuple[float, float, float]:
        """Quartiles of limit / time over the rounds."""
        return share(self.limit_seconds, self.timing.seconds)

    @property
    def bound(self) -> str:
        """What binds, "memory" or "arithmetic"."""
        return self.limits.bound_by(self.least)

    def record(self) -> dict[str, Any]:
        """Ready for JSON; times in seconds."""
        return {
            "what": self.what,
            "n": self.shape.n,
            "p": self.shape.p,
            "K": self.shape.K,
            "intercept": True,
            "threads": self.n_threads,
            "seconds": list(self.timing.seconds),
            "limit_seconds": list(self.limit_seconds),
            "bytes": self.least.bytes,
            "flops": self.least.flops,
            "bound": self.bound,
            "share": list(self.share),
            "reads": self.passes,
            "reads_by_kind": None if self.reads is None else self.reads.kinds,
            "bandwidth": list(self.limits.bandwidth),
            "dgemm": self.limits.dgemm,
        }


def with_best_dgemm(points: Sequence[Point], others: Iterable[float]) -> list[Point]:
    """The points, each held against the best DGEMM rate of all their rounds and of `others`, in GFLOP/s.

    The rounds of one shape may all have been disturbed, and a low limit flatters what is held against it.
    """
    best = max([*others, *(one.limits.dgemm for one in points)])
    return [replace(one, limits=replace(one.limits, dgemm=best)) for one in points]


def table(points: Sequence[Point]) -> str:
    """One line for each point; times are medians, in milliseconds."""
    head = ["K", "p", "what", "n", "rounds", "reads", "ms", "GB/s", "GFLOP/s"]
    head += ["limit ms", "bound by", "share", "[quartiles]"]
    # what is text stands left
    cells = [[*head], *map(_cells, points)]
    for column in (2, 10):
        width = max(len(row[column]) for row in cells)
        for row in cells:
            row[column] = row[column].ljust(width)
    return "\n".join(aligned(cells, 0))


def _cells(one: Point) -> list[str]:
    median, (first, middle, third) = one.timing.median, one.share
    return [
        str(one.shape.K),
        f"{one.shape.p:,}",
        NAMES[one.what],
        f"{one.shape.n:,}",
        str(len(one.timing.seconds)),
        "" if one.passes is None else f"{one.passes:.3g}",
        number(1e3 * median),
        number(1e-9 * one.least.bytes / median),
        number(1e-9 * one.least.flops / median),
        number(1e3 * Timing(one.limit_seconds).median),
        one.bound,
        f"{middle:.2f}",
        f"[{first:.2f} .. {third:.2f}]",
    ]
