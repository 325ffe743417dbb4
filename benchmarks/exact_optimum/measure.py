"""One problem: every peer's tolerance, then all of them and sigmax in turns."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ladder
import many
import numpy as np
import optimum
import ours
import targets
from asking import Asked, Kept, Options, complaint, rounds_of, timed, warm_up
from libraries import NO_TOLERANCE, PEERS, Peer
from problems import Float, Problem, make
from problems import Spec as ProblemSpec
from rounds import interleave
from rows import Row, Side

from sigmax.bench.timing import Timing


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def rows(spec: ProblemSpec, options: Options) -> list[Row]:
    """A row for each peer that is asked for, or the one that says why there is none."""
    try:
        problem = make(spec, options.cache if options.keep_data else None)
    except ImportError as error:
        why = f"the data are missing ({error})"
        aims = targets.of(spec.name)
        empty = [Row(spec.name, t.peer, t, why=why, spec=spec) for t in aims]
        return empty or [Row(spec.name, "", why=why, spec=spec)]
    return many.rows(problem, options) if spec.many else _single(problem, options)


# -- a single fit ------------------------------------------------------------------------------


def _wanted(spec: ProblemSpec, names: Sequence[str]) -> list[tuple[Peer, targets.Target | None]]:
    aims = {target.peer: target for target in targets.of(spec.name)}
    # a problem without targets is for all
    chosen = [peer for peer in PEERS.values() if peer.name in (names or aims or PEERS)]
    return [(peer, aims.get(peer.name)) for peer in chosen if peer.supports(spec)]


def _single(problem: Problem, options: Options) -> list[Row]:
    wanted = _wanted(problem.spec, options.peers)
    try:
        return _single_of(problem, options, wanted)
    finally:
        for peer, _ in wanted:
            if peer.release is not None:
                peer.release()


def _single_of(
    problem: Problem, options: Options, wanted: list[tuple[Peer, targets.Target | None]]
) -> list[Row]:
    spec = problem.spec
    best = optimum.optimum(problem, options.cache)
    lacks = ours.not_available(problem)
    clocks: dict[str, Callable[[], float]] = {}
    asked: dict[str, Asked] = {}
    rungs: dict[str, ladder.Rung] = {}
    calls, about, why_not = ({}, {}, lacks) if lacks else _our_calls(problem, options)
    missing = {peer.name: peer.missing() for peer, _ in wanted}
    for peer, target in wanted:
        if missing[peer.name]:
            continue
        rungs[peer.name], fit = _their_call(peer, target, problem, best, options)
        if fit is not None:
            calls[peer.name] = asked[peer.name] = fit
            about[peer.name] = rungs[peer.name].seconds
            if peer.own_clock:
                clocks[peer.name] = fit.told
    repeats = {name: rounds_of(about[name], name in asked, options) for name in calls}
    times = interleave(calls, about, repeats, options.rest, clocks, options.clock) if calls else {}
    found = calls["ours"].last if "ours" in calls else None
    me = Side(times.get("ours"), _our_error(found, problem, best), why=why_not)
    if found is not None:
        me = _judged(me, ours.coefficients(found, spec.K), problem, best)
    result = []
    for peer, target in wanted:
        them = Side(None, np.inf, why=missing[peer.name])
        if not missing[peer.name]:
            them = _theirs(peer, rungs[peer.name], asked.get(peer.name), times, problem, best)
        result.append(
            Row(
                spec.name,
                peer.name,
                target,
                ours=me,
                theirs=them,
                read=times.get("ours read"),
                passes=None if found is None else float(found.certificate.passes),
                converged=None if found is None else bool(found.certificate.converged),
                missing_peer=bool(missing[peer.name]),
                not_available=bool(lacks),
                does_nothing=peer.does_nothing,
                spec=spec,
            )
        )
    return result


def _our_calls(problem: Problem, options: Options) -> tuple[dict[str, Kept], dict[str, float], str]:
    """sigmax's calls, each of them made, and about how long they take; or why there are none."""
    calls: dict[str, Kept] = {}
    about: dict[str, float] = {}
    mine = ours.calls(problem, options.n_threads)
    try:
        for name, call in (("ours", mine.fit), ("ours read", mine.read)):
            assert call is not None
            calls[name] = Kept(call)
            calls[name]()
            about[name] = timed(calls[name], options.clock)
    except Exception as raised:  # struck out, whatever it is
        return {}, {}, f"sigmax raised {complaint(raised)}"
    return calls, about, ""


def _their_call(
    peer: Peer,
    target: targets.Target | None,
    problem: Problem,
    best: optimum.Optimum,
    options: Options,
) -> tuple[ladder.Rung, Asked | None]:
    """The tolerance of a peer and its fit with that; no fit where it raised."""
    try:
        warm_up(peer, problem.spec)
        X, y = _handed(peer, problem, best)
    except Exception as raised:  # as what a fit raises
        return ladder.Rung(np.nan, np.inf, 0.0, complaint(raised)), None
    rung = _rung(peer, target, X, y, problem, best, options)
    if rung.why:
        return rung, None
    return rung, Asked(lambda: peer.fit(X, y, problem.spec.l2, rung.tolerance))


def _handed(peer: Peer, problem: Problem, best: optimum.Optimum) -> tuple[Any, Any]:
    """X and y; coefficients in the place of X to the peer that does nothing but return them."""
    return (best.coef.astype(np.float64), problem.y) if peer.does_nothing else peer.arrays(problem)


def _theirs(
    peer: Peer,
    rung: ladder.Rung,
    asked: Asked | None,
    times: dict[str, Timing],
    problem: Problem,
    best: optimum.Optimum,
) -> Side:
    """The last answer of the rounds, judged."""
    if asked is None or asked.raised:
        return Side(None, np.inf, why=rung.why or (asked.raised if asked is not None else ""))
    answer = asked.last
    tolerance = None if peer.ladder == NO_TOLERANCE else rung.tolerance
    side = Side(
        times[peer.name],
        best.error(answer.coef),
        tolerance=tolerance,
        warned=answer.warned,
        claims=answer.converged,
        own_clock=peer.own_clock,
        cut=rung.cut,
    )
    return _judged(side, answer.coef, problem, best)


def _judged(side: Side, coef: Float, problem: Problem, best: optimum.Optimum) -> Side:
    """With correct digits and gradient."""
    gradient = best.gradient(problem.X, problem.y, problem.spec.l2, coef)
    return replace(side, digits=best.digits(coef), gradient=gradient)


def _our_error(found: Any, problem: Problem, best: optimum.Optimum) -> float:
    return np.inf if found is None else best.error(ours.coefficients(found, problem.spec.K))


def _rung(
    peer: Peer,
    target: targets.Target | None,
    X: Any,
    y: Any,
    problem: Problem,
    best: optimum.Optimum,
    options: Options,
) -> ladder.Rung:
    """The tolerance to time: what the table fixes, what was found before, or the ladder's."""
    spec = problem.spec
    stored = _Stored(
        options.cache / "tolerances.json", f"{spec.key} l2={spec.l2:g} {peer.name} {peer.version()}"
    )
    fixed = target.tolerance if target is not None else None
    known = fixed if fixed is not None else None if options.retune else stored.read()

    def attempt(tolerance: float) -> float:
        return best.error(peer.fit(X, y, spec.l2, tolerance).coef)

    def told(rung: ladder.Rung) -> None:
        _say(f"{spec.name}, {peer.name}: tol {rung.tolerance:.0e}, {rung.error:.1e} se, {rung.seconds:.3g} s")

    rungs = (known,) if known is not None else peer.ladder
    rung = ladder.climb(attempt, rungs, told, options.clock, options.slow)
    rung = ladder.again(attempt, rung, options.clock)
    # a search that was cut short found nothing that another run may rely on
    if known is None and not rung.why and not rung.cut and peer.ladder != NO_TOLERANCE:
        stored.write(rung.tolerance)
    return rung


@dataclass(frozen=True)
class _Stored:
    """A tolerance that an earlier run found."""

    file: Path
    key: str

    def _all(self) -> dict[str, float]:
        found: dict[str, float] = json.loads(self.file.read_text()) if self.file.exists() else {}
        return found

    def read(self) -> float | None:
        return self._all().get(self.key)

    def write(self, tolerance: float) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self._all() | {self.key: tolerance}, indent=1) + "\n")
