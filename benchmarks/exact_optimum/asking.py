"""What a run is asked for, and how a library is asked: calls that keep their answers, and how often."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from libraries import Answer, Peer
from libraries.base import line
from problems import Spec, make

#: with `quick`, peers slower than this, in seconds, get so many rounds
SLOW, SLOW_ROUNDS = 3.0, 3


@dataclass(frozen=True)
class Options:
    """What a run is asked for.

    Attributes
    ----------
    cache : Path
        Folder of optima and tolerances.
    n_threads : int
    repeats : int
    quick : bool
        Whether slow peers get fewer rounds.
    peers : tuple of str
        Names; empty: those that have a target on the problem, or all where it has none.
    retune : bool
        Whether stored tolerances are found again.
    keep_data : bool
        Whether generated data are stored in the cache.
    slow : float
        A peer whose fit takes more seconds than this has one round, and its tolerance is not looked for any
        further.
    rest : float
        Seconds of sleep before each sample.
    clock : callable
        Seconds; of all but the peers that have a clock of their own.
    """

    cache: Path
    n_threads: int = 2
    repeats: int = 5
    quick: bool = False
    peers: tuple[str, ...] = ()
    retune: bool = False
    keep_data: bool = False
    slow: float = math.inf
    rest: float = 0.05
    clock: Callable[[], float] = time.perf_counter


class Kept:
    """A call that keeps what it returned last."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self.last: Any = None

    def __call__(self) -> None:
        self.last = self._call()


class Asked(Kept):
    """A fit of a peer: keeps its answer or what it raised, and adds up the time of the peer's own clock."""

    def __init__(self, call: Callable[[], Answer]) -> None:
        super().__init__(call)
        self._seconds = 0.0
        self.raised = ""

    def __call__(self) -> None:
        try:
            self.last = self._call()
        except Exception as raised:  # struck out, whatever it is
            self.raised = complaint(raised)
            return
        self._seconds += self.last.seconds or 0.0

    def told(self) -> float:
        """Seconds in all, by the peer's own clock."""
        return self._seconds


def complaint(raised: Exception) -> str:
    """What was raised, on a line."""
    return line(f"{type(raised).__name__}: {raised}")


def timed(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of a call."""
    start = clock()
    call()
    return clock() - start


def rounds_of(seconds: float, peers: bool, options: Options) -> int:
    """Of a call that takes so long; that it is too slow is said of peers only."""
    if peers and seconds > options.slow:
        return 1
    return fewer(options.repeats, seconds, quick=options.quick)


def fewer(rounds: int, seconds: float, *, quick: bool) -> int:
    """Of so many rounds those that a call of so many seconds has."""
    return min(rounds, SLOW_ROUNDS) if quick and seconds > SLOW else rounds


def warm_up(peer: Peer, spec: Spec) -> None:
    """A fit of few rows of the same kind: no time of a peer has its imports or its compilation in it.

    Not of one with a clock of its own: its process begins anew with the data that it is handed.
    """
    if peer.own_clock:
        return
    few = make(Spec("warm_up", 100 * spec.K, 2, spec.K, l2=spec.l2))
    with contextlib.suppress(Exception):  # what it cannot do it will say of the problem itself
        peer.fit(*peer.arrays(few), spec.l2, peer.ladder[0])
