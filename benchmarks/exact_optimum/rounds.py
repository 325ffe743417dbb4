"""Calls that are compared, each once in every round; what a round does to one of them it does to all.

`sigmax.bench.timing.interleaved` does the same for calls that are short: it makes two calls of each before
it begins, which a peer of a minute cannot afford.  Here the caller tells how long a call takes.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from sigmax.bench.timing import Timing, quartiles

__all__ = ["Timing", "interleave", "quartiles", "ratios"]

#: a sample repeats short calls until it lasts this long, in seconds: far above the clock's resolution
_SHORTEST_SAMPLE = 5e-3
#: seconds to sleep before each sample: threads of OpenMP and BLAS are asleep by then
REST = 0.05
#: a call shorter than this is made once, uncounted, after the rest: nobody pays for waking the processor
_SHORT = 0.25


def interleave(
    calls: Mapping[str, Callable[[], Any]],
    about: Mapping[str, float],
    repeats: Mapping[str, int],
    rest: float = REST,
    clocks: Mapping[str, Callable[[], float]] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Time `calls` in turns.

    Parameters
    ----------
    calls : mapping of str to callable
        All of them were called before: nothing is a warm-up here.
    about : mapping of str to float
        Seconds of a call, roughly.
    repeats : mapping of str to int
        Rounds that a call takes part in, the first ones.
    rest : float
        Seconds to sleep before each sample.
    clocks : mapping of str to callable, optional
        Of calls that measure their own time: seconds so far.
    clock : callable
        Of all the others.

    Returns
    -------
    dict of str to Timing
    """
    samples: dict[str, list[float]] = {name: [] for name in calls}
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for turn in range(max(repeats.values())):
            names = [name for name in calls if turn < repeats[name]]
            # every other round backwards: no call always follows the same one
            for name in names if turn % 2 == 0 else reversed(names):
                time.sleep(rest)
                if about[name] < _SHORT:
                    calls[name]()
                loops = math.ceil(_SHORTEST_SAMPLE / max(about[name], 1e-7))
                now = (clocks or {}).get(name, clock)
                start = now()
                for _ in range(loops):
                    calls[name]()
                samples[name].append((now() - start) / loops)
    finally:
        if was_enabled:
            gc.enable()
    return {name: Timing(tuple(values)) for name, values in samples.items()}


def ratios(theirs: Timing, ours: Timing) -> tuple[float, ...]:
    """Theirs over ours in each round that both took part in."""
    return tuple(b / a for a, b in zip(ours.seconds, theirs.seconds, strict=False))
