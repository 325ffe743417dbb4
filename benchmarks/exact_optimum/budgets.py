"""Fits from scratch with growing budgets: what a peer has after 1, 2, 3, 4, 6, 8, 12, ... iterations.

A peer is given its tightest tolerance, so that nothing but the budget stops it.  One that cannot be stopped
goes down its ladder of tolerances instead.  Whatever a fit does is timed, also what it does because it was
stopped early: covariances that are part of a fit, and sigmax's examination of why there is no certificate.

Of each budget every peer fits once, which is its warm-up and tells how long a fit takes; then all of them in
turns, as many rounds as are asked for.  Before, each has fitted a small problem, where libraries are imported
and programs compiled.

A curve ends, besides what `curve` says, where

    the answer is that of the budget before, and neither a warning nor the peer says that it is none
    a fit takes longer than is allowed, or would, as its time has grown so far; so that a fit that is slow
    because it was stopped early is no end, the first PATIENCE budgets may be too slow, and then have no point
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optimum
from asking import Asked, complaint, fewer, warm_up
from curve import PATIENCE, Curve, Point
from libraries import NO_TOLERANCE, PEERS, Answer, Peer
from libraries.base import MOST_ITERATIONS
from problems import Float, Problem, Spec
from rounds import REST, interleave

import sigmax as sx
from sigmax.bench.timing import Timing

#: peers that are drawn only where they are named: sigmax once more, without its kernels
_ON_REQUEST = ("sigmax reference",)
#: answers that differ by less, in standard errors, are the same: threads may add in another order
_SAME = 1e-12
#: a fit so many times too slow, and of so many seconds, is not asked again
_HOPELESS, _HOPELESS_SECONDS = 3.0, 2.0


@dataclass(frozen=True)
class Options:
    """What curves are asked for.

    Attributes
    ----------
    cache : Path
        Folder of optima.
    n_threads : int
        Of sigmax; the other libraries' are held by `thread_check`.
    rounds : int
    quick : bool
        Whether points of slow fits get fewer rounds, as in `asking`.
    seconds : float
        That a fit may take.
    peers : tuple of str
        Names, in the place of all that apply; sigmax is drawn in any case.
    compiling : bool
        Whether peers that numba compiles, for half a minute, are among all that apply.
    keep_data : bool
        Whether generated data are stored in the cache.
    rest : float
        Seconds of sleep before each sample.
    clock : callable
        Seconds; of all but the peers that have a clock of their own.
    """

    cache: Path
    n_threads: int = 2
    rounds: int = 5
    quick: bool = False
    seconds: float = 10.0
    peers: tuple[str, ...] = ()
    compiling: bool = True
    keep_data: bool = False
    rest: float = REST
    clock: Callable[[], float] = time.perf_counter

    def rounds_of(self, seconds: float) -> int:
        """Rounds of a fit that takes so long."""
        return fewer(self.rounds, seconds, quick=self.quick)


def iterations() -> Iterator[int]:
    """1, 2, 3, 4, 6, 8, 12, ...: powers of two, and three of every four between."""
    yield 1
    power = 2
    while power <= MOST_ITERATIONS:
        yield power
        yield power // 2 * 3
        power *= 2


def sigmax(n_threads: int) -> Peer:
    """sigmax as a peer: as a user calls it, but for max_iter."""

    def solve(X: Any, y: Any, l2: float, tolerance: float, iterations: int | None) -> Answer:
        result = sx.fit(X, y, l2=l2, max_iter=iterations, n_threads=n_threads)
        coef = np.asarray(result.params).reshape(-1, 1 + X.shape[1])
        return Answer(coef, converged=bool(result.certificate.converged))

    return Peer("sigmax", "sigmax", (), solve, ladder=NO_TOLERANCE)


def wanted(spec: Spec, options: Options) -> list[Peer]:
    """sigmax, and the peers that are asked for and can state the problem."""
    chosen = [PEERS[name] for name in options.peers] or [
        peer
        for peer in PEERS.values()
        if peer.name not in _ON_REQUEST and (options.compiling or "numba" not in peer.modules)
    ]
    return [sigmax(options.n_threads)] + [
        peer for peer in chosen if peer.supports(spec) and not peer.does_nothing
    ]


def draw(problem: Problem, options: Options, told: Callable[[str], None] = lambda text: None) -> list[Curve]:
    """A curve of each peer; `told` is told of each point."""
    best = optimum.optimum(problem, options.cache)
    peers = wanted(problem.spec, options)
    found = [Curve(peer.name, settings(peer), kind(peer), missing=peer.missing()) for peer in peers]
    with contextlib.ExitStack() as stack:
        running = []
        handed: dict[str, Any] = {}
        for peer, curve in zip(peers, found, strict=True):
            if peer.release is not None:
                stack.callback(peer.release)
            if curve.missing:
                continue
            try:
                warm_up(peer, problem.spec)
                X, y = _handed(peer, problem, handed)
            except Exception as raised:  # it has no curve, whatever it is
                curve.ended = f"raised {complaint(raised)}"
                continue
            running.append(_Running(peer, curve, X, y, problem, best, options))
        handed.clear()
        while running:
            _budget(running, options, told)
            # data of those that have ended are given back
            running = [one for one in running if not one.over()]
    return found


def kind(peer: Peer) -> str:
    """What the peer's budgets are."""
    return "iterations" if peer.stops_early else "tolerance"


def settings(peer: Peer) -> str:
    """In a line."""
    rest = f"; {peer.remark}" if peer.remark else ""
    if not peer.stops_early:
        return f"tolerances {peer.ladder[0]:.0e} to {peer.ladder[-1]:.0e}{rest}"
    own = peer.ladder == NO_TOLERANCE
    tolerance = "its own tolerance" if own else f"tolerance {peer.ladder[-1]:.0e}"
    return f"{tolerance}, at most `budget` iterations{rest}"


def _handed(peer: Peer, problem: Problem, handed: dict[str, Any]) -> tuple[Any, Any]:
    """X and y as the peer prefers them; peers with the same wishes share them."""
    if peer.hand_over is not None:
        return peer.arrays(problem)
    if peer.layout not in handed:
        handed[peer.layout] = peer.arrays(problem)[0]
    return handed[peer.layout], problem.y.astype(peer.y_type)


def _budget(running: Sequence[_Running], options: Options, told: Callable[[str], None]) -> None:
    """The next budget of all: each once, then those that have a point in turns."""
    going = {}
    for one in running:
        if one.probe():
            going[one.peer.name] = one
        else:
            told(f"{one.peer.name}: no point; {one.curve.ended or one.curve.gaps[-1][1]}")
    if not going:
        return
    times = interleave(
        {name: one.asked for name, one in going.items()},
        {name: one.about for name, one in going.items()},
        {name: options.rounds_of(one.about) for name, one in going.items()},
        options.rest,
        {name: one.asked.told for name, one in going.items() if one.peer.own_clock},
        options.clock,
    )
    for name, one in going.items():
        told(f"{name}: {one.measured(times[name])}")


class _Running:
    """A peer while its curve is drawn."""

    def __init__(
        self,
        peer: Peer,
        curve: Curve,
        X: Any,
        y: Any,
        problem: Problem,
        best: optimum.Optimum,
        options: Options,
    ) -> None:
        self.peer, self.curve = peer, curve
        self._X, self._y, self._problem, self._best, self._options = X, y, problem, best, options
        self._budgets: Iterator[float] = iterations() if peer.stops_early else iter(peer.ladder)
        self._budget = 0.0
        self._before: Float | None = None
        self.asked = Asked(self._fit)
        self.about = 0.0

    def over(self) -> bool:
        """Whether the curve has ended; if so, the peer's session ends too."""
        if self.curve.ended and self.peer.release is not None:
            self.peer.release()
        return bool(self.curve.ended)

    def _fit(self) -> Answer:
        l2, tightest = self._problem.spec.l2, self.peer.ladder[-1]
        if self.peer.stops_early:
            return self.peer.fit(self._X, self._y, l2, tightest, int(self._budget))
        return self.peer.fit(self._X, self._y, l2, self._budget)

    def probe(self) -> bool:
        """Fit once with the next budget; whether the point is to be measured."""
        curve, allowed = self.curve, self._options.seconds
        budget = next(self._budgets, None)
        if budget is None:
            curve.ended = "the last budget"
            return False
        self._budget = budget
        if self._foreseen() > allowed:
            curve.ended = f"time: the next budget would take more than {allowed:g} s"
            return False
        self.about = self._once()
        hopeless = max(_HOPELESS * allowed, _HOPELESS_SECONDS)
        # once more where the curve would end by a disturbance
        if curve.points and allowed < self.about <= hopeless:
            self.about = min(self.about, self._once())
        if self.asked.raised:
            curve.fail(budget, self.asked.raised)
            return False
        if self.about > allowed:
            patient = not curve.points and self.about <= hopeless
            curve.too_slow(budget, self.about, PATIENCE if patient else 1)
            return False
        answer: Answer = self.asked.last
        if self._stopped_by_itself(answer):
            curve.ended = "stopped by itself"
            return False
        self._before = answer.coef
        return True

    def _once(self) -> float:
        """Seconds of a fit, which `asked` keeps."""
        self.asked = Asked(self._fit)
        start = self._options.clock()
        self.asked()
        seconds = self._options.clock() - start
        if not self.asked.raised and self.asked.last.coef.shape != self._best.coef.shape:
            self.asked.raised = f"coefficients of the shape {self.asked.last.coef.shape}"
        return self.asked.told() if self.peer.own_clock and not self.asked.raised else seconds

    def _foreseen(self) -> float:
        """Seconds of a fit with this budget, by the line through the first point and the last; 0: unknown."""
        if len(self.curve.points) < 2 or not self.peer.stops_early:
            return 0.0
        a, b = self.curve.points[0], self.curve.points[-1]
        slope = max(b.times.median - a.times.median, 0.0) / (b.budget - a.budget)
        return b.times.median + slope * (self._budget - b.budget)

    def _stopped_by_itself(self, answer: Answer) -> bool:
        if self._before is None or answer.warned or answer.converged is False:
            return False
        # of what is not a number nothing is the same
        with np.errstate(invalid="ignore"):
            return float(np.max(np.abs(answer.coef - self._before) / self._best.se)) <= _SAME

    def measured(self, times: Timing) -> str:
        """A point of the last answer and these times; in words."""
        if self.asked.raised:
            self.curve.fail(self._budget, self.asked.raised)
            return f"{self._budget:g}, raised {self.asked.raised}"
        answer: Answer = self.asked.last
        problem, best = self._problem, self._best
        point = Point(
            self._budget,
            times,
            best.error(answer.coef),
            best.digits(answer.coef),
            best.gradient(problem.X, problem.y, problem.spec.l2, answer.coef),
            answer.converged,
            answer.warned,
        )
        self.curve.add(point)
        return f"{self._budget:g}, {point.error:.1e} se, {times.median:.3g} s"
