"""Who is timed at what: each prepared at a point, called once there to see how long it takes, then in rounds.

pass    one evaluation of NLL, gradient and Hessian by sigmax, at zero: what it costs does not depend on where
fit     from arrays and labels to a result, with its certificate where it is sigmax's

Peers stop at the first of `TOLERANCES` with which they come within 1e-6 standard errors of sigmax's proved
optimum; where none of them does, at the one that comes nearer, and a note says how near.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import asking
import ladder
import numpy as np
import ours
from asking import Asked, Kept
from libraries import NO_TOLERANCE, Peer
from problems import Problem
from sizes import Size, spec

from sigmax.bench import operations
from sigmax.bench.problems import Problem as BenchProblem

#: of peers; the tighter one where the first leaves more than `ladder.WANTED`
TOLERANCES = (1e-8, 1e-10)

Clock = Callable[[], float]


@dataclass
class Place:
    """A point of a series with its data.

    Attributes
    ----------
    size : Size
    problem : Problem
    fitted : object
        What sigmax found there; None before it was asked.
    """

    size: Size
    problem: Problem
    fitted: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class First:
    """What the first calls at a point told.

    Attributes
    ----------
    seconds : float
        Of one, about.
    reads : float or None
        Of the rows.
    error : float or None
        Of the answer, in standard errors: a peer's against sigmax's, sigmax's as it is proved.
    note : str
    """

    seconds: float
    reads: float | None = None
    error: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Ready:
    """What is called in the rounds, and its own clock where it has one."""

    call: Callable[[], None]
    clock: Clock | None = None

    def raised(self) -> str:
        """What a peer's call raised: it is kept, as the others go on."""
        return self.call.raised if isinstance(self.call, Asked) else ""


class Caller(Protocol):
    """Somebody who does something."""

    @property
    def who(self) -> str: ...
    @property
    def what(self) -> str: ...
    def lacks(self, place: Place) -> str:
        """Why it cannot be called there: empty where it can."""
        ...

    def first(self, place: Place, clock: Clock) -> First:
        """The first calls at a point, which tell how long one takes."""
        ...

    def ready(self, place: Place) -> contextlib.AbstractContextManager[Ready]:
        """The call, prepared: that is not timed."""
        ...


def timed(call: Callable[[], object], clock: Clock) -> float:
    """Of a call; of a short one the second, since the first finds nothing in caches."""
    seconds = asking.timed(call, clock)
    return seconds if seconds >= ladder.SHORT else asking.timed(call, clock)


@dataclass(frozen=True)
class Pass:
    """One evaluation by sigmax."""

    who: str = "sigmax"
    what: str = "pass"

    def lacks(self, place: Place) -> str:
        return ""

    def first(self, place: Place, clock: Clock) -> First:
        with self.ready(place) as one:
            return First(timed(one.call, clock), reads=1.0)

    @contextlib.contextmanager
    def ready(self, place: Place) -> Iterator[Ready]:
        size, problem = place.size, place.problem
        at = np.zeros((size.K - 1, 1 + size.p))
        given = BenchProblem(problem.spec.name, problem.X, problem.y, size.K, at)
        evaluate = operations.evaluation(given, size.threads).prepare("auto")
        yield Ready(Kept(evaluate))


@dataclass(frozen=True)
class Fit:
    """`sigmax.fit` to its certificate."""

    who: str = "sigmax"
    what: str = "fit"

    def lacks(self, place: Place) -> str:
        return ours.not_available(place.problem)

    def first(self, place: Place, clock: Clock) -> First:
        kept = Kept(ours.calls(place.problem, place.size.threads).fit)
        seconds = timed(kept, clock)
        place.fitted = kept.last
        certificate = kept.last.certificate
        note = "" if certificate.converged else f"not converged: {certificate.reason}"
        off = float(certificate.standard_errors_off)
        return First(seconds, float(certificate.passes), off if np.isfinite(off) else None, note)

    @contextlib.contextmanager
    def ready(self, place: Place) -> Iterator[Ready]:
        yield Ready(Kept(ours.calls(place.problem, place.size.threads).fit))


def lacks(peer: Peer, size: Size) -> str:
    """Why a peer cannot fit a problem of that size: empty where it can."""
    return peer.missing() if peer.supports(spec(size)) else f"cannot fit {size.K} classes"


@dataclass(frozen=True)
class PeerFit:
    """A fit of another library.

    Attributes
    ----------
    peer : Peer
    tolerances : dict of int to float
        By size, what the first calls have found.
    """

    peer: Peer
    tolerances: dict[int, float] = field(default_factory=dict)
    what: str = "fit"

    @property
    def who(self) -> str:
        return self.peer.name

    def lacks(self, place: Place) -> str:
        return lacks(self.peer, place.size)

    def first(self, place: Place, clock: Clock) -> First:
        fitted = place.fitted
        asking.warm_up(self.peer, place.problem.spec)
        # what is not proved is no optimum to be compared with
        if fitted is None or not fitted.certificate.converged:
            return self._unjudged(place, clock)
        with self._handed(place) as (X, y):
            optimum = ours.coefficients(fitted, place.size.K)
            se = np.asarray(fitted.bse).reshape(optimum.shape)

            def attempt(tolerance: float) -> float:
                error = np.max(np.abs(self.peer.fit(X, y, 0.0, tolerance).coef - optimum) / se)
                return float(error) if np.isfinite(error) else np.inf

            rungs = NO_TOLERANCE if self.peer.ladder == NO_TOLERANCE else TOLERANCES
            rung = ladder.climb(attempt, rungs, clock=clock)
            if rung.why:
                raise RuntimeError(rung.why)
            rung = ladder.again(attempt, rung, clock)
        self.tolerances[place.size.x] = rung.tolerance
        return First(rung.seconds, error=_finite(rung.error), note=_note(rung, self.peer))

    def _unjudged(self, place: Place, clock: Clock) -> First:
        """Where sigmax has no optimum to compare with."""
        self.tolerances[place.size.x] = TOLERANCES[0]
        with self.ready(place) as one:
            seconds = timed(one.call, one.clock or clock)
            if one.raised():
                raise RuntimeError(one.raised())
        return First(seconds, note="error unknown: sigmax has no optimum here")

    @contextlib.contextmanager
    def ready(self, place: Place) -> Iterator[Ready]:
        with self._handed(place) as (X, y):
            asked = Asked(lambda: self.peer.fit(X, y, 0.0, self.tolerances[place.size.x]))
            yield Ready(asked, asked.told if self.peer.own_clock else None)

    @contextlib.contextmanager
    def _handed(self, place: Place) -> Iterator[tuple[Any, Any]]:
        """X and y as the peer takes them, given back afterwards."""
        try:
            yield self.peer.arrays(place.problem)
        finally:
            if self.peer.release is not None:
                self.peer.release()


def _finite(error: float) -> float | None:
    return error if np.isfinite(error) else None


def _note(rung: ladder.Rung, peer: Peer) -> str:
    """How far from the optimum, and with which tolerance."""
    tolerance = "" if peer.ladder == NO_TOLERANCE else f" at tolerance {rung.tolerance:.0e}"
    off = f"{rung.error:.0e} standard errors off{tolerance}"
    return off if rung.reached else f"{off}: more than {ladder.WANTED:.0e}"
