"""The loosest tolerance with which a peer reaches the error that is asked of it.

Errors fall along a ladder of tolerances, so that halving the ladder finds the rung in four fits.  Where no
rung reaches it, the one with the least error stands, the fastest among those within a factor of two of it;
the row then says so.

A fit that takes too long, where a limit is given, is the last one: the best rung so far stands.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

#: error that a peer is to reach, in standard errors
WANTED = 1e-6
#: a fit that takes less, in seconds, is made twice: its first call finds nothing in caches
SHORT = 1.0


@dataclass(frozen=True)
class Rung:
    """A tolerance that was tried.

    Attributes
    ----------
    tolerance : float
    error : float
        Of the coefficients, in standard errors; inf where the peer raised.
    seconds : float
    why : str
        What the peer raised; empty where it did not.
    cut : bool
        Whether a fit took too long, so that other tolerances were not tried.
    """

    tolerance: float
    error: float
    seconds: float
    why: str = ""
    cut: bool = False

    @property
    def reached(self) -> bool:
        """Whether the error is as small as is asked."""
        return self.error <= WANTED


def climb(
    attempt: Callable[[float], float],
    ladder: Sequence[float],
    progress: Callable[[Rung], None] = lambda r: None,
    clock: Callable[[], float] = time.perf_counter,
    slow: float = math.inf,
) -> Rung:
    """The rung to time.

    Parameters
    ----------
    attempt : callable
        tolerance -> error.
    ladder : sequence of float
        Tolerances, each tighter than the one before.
    progress : callable
        Is told of each rung that was tried.
    clock : callable
        Seconds.
    slow : float
        After a fit that took more seconds than this, no other tolerance is tried.
    """
    tried: dict[int, Rung] = {}

    def rung(index: int) -> Rung:
        if index not in tried:
            start, why = clock(), ""
            try:
                error = attempt(ladder[index])
            except Exception as raised:  # whatever a peer raises: it found no optimum
                error, why = float("inf"), f"{type(raised).__name__}: {raised}"[:200]
            tried[index] = Rung(ladder[index], error, clock() - start, why)
            progress(tried[index])
        return tried[index]

    def too_long() -> bool:
        return any(one.seconds > slow for one in tried.values())

    low, high = 0, len(ladder) - 1
    # always: every rung below `low` falls short; `high` is the last one, or reaches it
    while low < high and not too_long():
        middle = (low + high) // 2
        if rung(middle).reached:
            high = middle
        else:
            low = middle + 1
    if not too_long():
        rung(high)
    cut = low < high or high not in tried
    if high in tried and tried[high].reached:
        return replace(tried[high], cut=cut)
    least = min(one.error for one in tried.values())
    near = [one for one in tried.values() if one.error <= 2.0 * least]
    return replace(min(near, key=lambda one: one.seconds), cut=cut)


def again(
    attempt: Callable[[float], float], rung: Rung, clock: Callable[[], float] = time.perf_counter
) -> Rung:
    """The rung with the time of a second fit, where the first one was short."""
    if rung.why or rung.seconds >= SHORT:
        return rung
    return replace(climb(attempt, (rung.tolerance,), clock=clock), cut=rung.cut)
