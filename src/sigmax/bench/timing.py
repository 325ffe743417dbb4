"""Times of calls that are to be compared: taken in turns, the warm-up dropped.

Taken in turns, whatever else the machine does meets all of them alike; one after the other, a neighbour
that starts in between decides the comparison.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: a sample repeats short calls until it lasts this long, in seconds: far above the clock's resolution
_SHORTEST_SAMPLE = 2e-3
_FEWEST_ROUNDS, _MOST_ROUNDS = 5, 50
#: rounds of calls so slow that one round takes longer than all were to take
_SLOW_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of one call.

    Attributes
    ----------
    seconds : tuple of float
        One for each round: the mean over the calls of its sample.
    """

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """In seconds."""
        return statistics.median(self.seconds)

    @property
    def fastest(self) -> float:
        """In seconds."""
        return min(self.seconds)

    @property
    def spread(self) -> float:
        """(max - min) / median."""
        return (max(self.seconds) - min(self.seconds)) / self.median


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median and third quartile."""
    first, middle, third = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    return first, middle, third


def _sample(call: Callable[[], object], loops: int) -> float:
    """Mean time of `loops` calls, in seconds."""
    start = time.perf_counter()
    for _ in range(loops):
        call()
    return (time.perf_counter() - start) / loops


def interleaved(
    calls: Mapping[str, Callable[[], object]],
    *,
    seconds: float,
    fewest: int = 0,
    most: int = _MOST_ROUNDS,
    rest: float = 0.0,
    wakes: float = math.inf,
) -> dict[str, Timing]:
    """Time `calls` in turns.

    Parameters
    ----------
    calls : mapping of str to callable
        What is to be compared.
    seconds : float
        Time to spend, about.  Five to fifty rounds are made; three where one takes longer than this.
    fewest : int
        Rounds to make at least, however long they take.
    most : int
        Rounds to make at most, however short they are.
    rest : float
        Seconds to sleep before each sample, and not to count: threads of BLAS and OpenMP go on spinning for
        some milliseconds, at the cost of whoever is timed next.  One call that is not counted either follows,
        so that nobody pays for waking the processor.
    wakes : float
        Seconds from which on a call is long enough to wake the processor itself: none precedes it.

    Returns
    -------
    dict of str to Timing
        Of the same keys; the first two calls of each, warm-up and trial, are dropped.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        loops, round_seconds, long = {}, 0.0, set()
        for name, call in calls.items():
            call()
            # the clock may not see a very short call at all
            once = max(_sample(call, 1), 1e-9)
            loops[name] = math.ceil(_SHORTEST_SAMPLE / once)
            round_seconds += loops[name] * once
            if once >= wakes:
                long.add(name)
        usual = _SLOW_ROUNDS if round_seconds > seconds else _FEWEST_ROUNDS
        rounds = max(min(max(int(seconds / round_seconds), usual), most), fewest)
        samples: dict[str, list[float]] = {name: [] for name in calls}
        for turn in range(rounds):
            # every other round backwards: no call always follows the same one
            for name in list(calls) if turn % 2 == 0 else reversed(list(calls)):
                if rest > 0.0:
                    time.sleep(rest)
                    if name not in long:
                        calls[name]()
                samples[name].append(_sample(calls[name], loops[name]))
    finally:
        if was_enabled:
            gc.enable()
    return {name: Timing(tuple(values)) for name, values in samples.items()}
