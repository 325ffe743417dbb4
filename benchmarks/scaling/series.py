"""A series: everybody at every size, in turns over all sizes, and the slope of each.

First everybody is called at each size, in ascending order, which tells how long a call takes.  A peer whose
call took longer than it may stops there.  Then come the rounds, each over all sizes, every other one
backwards: what disturbs the machine for a while meets all sizes, and not one of them alone.

    of up to `LONG` seconds      all rounds
    longer                       `FEW` rounds
    longer than `ONCE`           none: the first call counts, to which a warm-up makes no difference
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import theory
from asking import complaint
from callers import Caller, First, Place, Ready
from rounds import REST, interleave
from sizes import Size
from slopes import Slope, fitted

#: see above; seconds, rounds, seconds
LONG, FEW, ONCE = 1.0, 3, 5.0


@dataclass(frozen=True)
class Options:
    """What a run is asked for.

    Attributes
    ----------
    rounds : int
    slow : float
        Seconds of a call after which a peer goes no further.
    rest : float
        Seconds of sleep before each sample.
    clock : callable
        Seconds.
    progress : callable
        Is told who is called where.
    """

    rounds: int = 5
    slow: float = 10.0
    rest: float = REST
    clock: Callable[[], float] = time.perf_counter
    progress: Callable[[str], None] = lambda text: print(f"  {text}", file=sys.stderr, flush=True)


@dataclass
class Point:
    """A caller at a size.

    Attributes
    ----------
    size : Size
    first : First
    seconds : list of float
        One for each round.
    """

    size: Size
    first: First
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """In seconds."""
        return statistics.median(self.seconds)

    def rounds(self, asked: int) -> int:
        """Rounds that it takes part in."""
        if self.first.seconds > ONCE:
            return 0
        return min(FEW, asked) if self.first.seconds > LONG else asked

    def record(self) -> dict[str, Any]:
        """Ready for JSON."""
        s, f = self.size, self.first
        where = {"x": s.x, "n": s.n, "p": s.p, "K": s.K, "threads": s.threads}
        return where | {"seconds": self.seconds, "reads": f.reads, "error": f.error, "note": f.note}


@dataclass
class Series:
    """One caller along one parameter.

    Attributes
    ----------
    along, who, what : str
    fixed : dict
        What all points share.
    points : list of Point
        In ascending order of size.
    ended : str
        Why there are no more points; empty where it got to the end.
    """

    along: str
    who: str
    what: str
    fixed: dict[str, int]
    points: list[Point] = field(default_factory=list)
    ended: str = ""

    @property
    def slope(self) -> Slope | None:
        """Of median seconds; along threads of all points, else of the upper half."""
        sizes, seconds = [one.size for one in self.points], [one.median for one in self.points]
        said = theory.of_time(self.along, self.who, self.what, sizes, [p.first.reads for p in self.points])
        x = [float(size.x) for size in sizes]
        return fitted(x, seconds, *said, all_points=self.along == "threads")

    def record(self) -> dict[str, Any]:
        """Ready for JSON; the note of the last point tells why there are no more."""
        slope, points = self.slope, [one.record() for one in self.points]
        if points and self.ended:
            points[-1]["note"] = "; ".join(filter(None, (points[-1]["note"], self.ended)))
        return {
            "along": self.along,
            "who": self.who,
            "what": self.what,
            "fixed": self.fixed,
            "points": points,
            "slope": None if slope is None else slope.record(),
            "ended": self.ended,
        }


def run(
    along: str, fixed: dict[str, int], places: Sequence[Place], callers: Sequence[Caller], options: Options
) -> list[Series]:
    """The series of each caller through `places`, which are in ascending order."""
    found = [Series(along, caller.who, caller.what, fixed) for caller in callers]
    for place in places:
        for caller, series in zip(callers, found, strict=True):
            if not series.ended:
                options.progress(f"{along} = {place.size.x:,}: {caller.what}, {caller.who}")
                _begin(caller, series, place, options)
                if place is not places[-1]:
                    _stop(series, options)
    for turn in range(options.rounds):
        for place in places if turn % 2 == 0 else reversed(places):
            due = [
                (caller, series, point)
                for caller, series in zip(callers, found, strict=True)
                for point in series.points
                if point.size == place.size and turn < point.rounds(options.rounds)
            ]
            _round(place, due if turn % 2 == 0 else due[::-1], options)
    for series in found:
        for point in series.points:
            point.seconds = point.seconds or [point.first.seconds]
    return found


def _begin(caller: Caller, series: Series, place: Place, options: Options) -> None:
    """The first calls at a size."""
    series.ended = caller.lacks(place)
    if series.ended:
        return
    try:
        first = caller.first(place, options.clock)
    except Exception as raised:  # whatever it is: there is no time
        series.ended = f"stopped at {series.along} = {place.size.x:,}: {complaint(raised)}"
        return
    series.points.append(Point(place.size, first))


def _stop(series: Series, options: Options) -> None:
    """A peer whose last call took too long goes no further."""
    if series.ended or series.who == "sigmax":
        return
    last = series.points[-1]
    if last.first.seconds > options.slow:
        took = f"a {series.what} took {last.first.seconds:.3g} s, more than {options.slow:g}"
        series.ended = f"stopped after {series.along} = {last.size.x:,}: {took}"


def _round(place: Place, due: Sequence[tuple[Caller, Series, Point]], options: Options) -> None:
    """Everybody once at a size."""
    if not due:
        return
    with contextlib.ExitStack() as stack:
        ready: dict[str, Ready] = {}
        timed: dict[str, tuple[Series, Point]] = {}
        for caller, series, point in due:
            name = f"{caller.what}, {caller.who}"
            ready[name], timed[name] = stack.enter_context(caller.ready(place)), (series, point)
        times = interleave(
            {name: one.call for name, one in ready.items()},
            {name: point.first.seconds for name, (_, point) in timed.items()},
            dict.fromkeys(ready, 1),
            options.rest,
            {name: one.clock for name, one in ready.items() if one.clock is not None},
            options.clock,
        )
        for name, (series, point) in timed.items():
            raised = ready[name].raised()
            if raised:
                # a time without an answer is none
                series.points.remove(point)
                series.ended = f"failed at {series.along} = {place.size.x:,}: {raised}"
            else:
                point.seconds += times[name].seconds
