"""A row of the table: two sides, their ratio, and what became of the target."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ladder
import rounds
import targets
from specs import Spec

from sigmax.bench.report import aligned, number
from sigmax.bench.timing import Timing

#: an answer further from the optimum than this, in standard errors, is none, and its time says nothing
NO_ANSWER = 1.0


@dataclass(frozen=True)
class Side:
    """Times and error of sigmax or of a peer.

    Attributes
    ----------
    times : Timing or None
    error : float
        Largest error of the coefficients in standard errors; inf where there are none.
    tolerance : float or None
        That the peer was given.
    why : str
        Why there are no times.
    digits : float or None
        Correct ones of the worst coefficient, 0 to 16.
    gradient : float or None
        max |g_j| se_j of the objective at the answer.
    warned : tuple of str
        The warnings of the last fit, a line each.
    claims : bool or None
        Whether it converged, as it says itself; None where it does not say.
    own_clock : bool
        Whether the times are those of the peer's own clock.
    cut : bool
        Whether its tolerance was not looked for to the end, as a fit took too long.
    """

    times: Timing | None
    error: float
    tolerance: float | None = None
    why: str = ""
    digits: float | None = None
    gradient: float | None = None
    warned: tuple[str, ...] = ()
    claims: bool | None = None
    own_clock: bool = False
    cut: bool = False


#: of a problem, in the record: rows, columns, classes, penalty, and how many fits it is
_NUMBERS = ("n", "p", "K", "l2", "fits")
_NOBODY = Side(None, float("inf"))


@dataclass(frozen=True)
class Row:
    """A problem and a peer.

    Attributes
    ----------
    problem, peer : str
    target : Target or None
        None: shown, not judged.
    ours, theirs : Side
        Of the loop over statsmodels, times are extrapolated to all fits.
    read : Timing or None
        sigmax with standard errors read.
    passes : float or None
        Reads of the rows, from the certificate.
    converged : bool or None
        What the certificate says; of many fits, of all.
    apart : float or None
        Of many fits: largest difference of a coefficient from the loop's.
    sampled : int or None
        Of many fits: how many the loop made.
    missing_peer, not_available : bool
        Whether the peer is not installed; whether sigmax cannot do this yet.
    why : str
        Why nothing was measured at all.
    does_nothing : bool
        Whether the peer is the one that does nothing: its time is the harness's cost.
    spec : Spec or None
        Of the problem; the record has its numbers.
    """

    problem: str
    peer: str
    target: targets.Target | None = None
    ours: Side = _NOBODY
    theirs: Side = _NOBODY
    read: Timing | None = None
    passes: float | None = None
    converged: bool | None = None
    apart: float | None = None
    sampled: int | None = None
    missing_peer: bool = False
    not_available: bool = False
    why: str = ""
    does_nothing: bool = False
    spec: Spec | None = None

    @property
    def struck_out(self) -> str:
        """Why times of this row are not compared; empty where they are."""
        if self.ours.times is None or self.theirs.times is None:
            return ""
        if not self.converged:
            return "sigmax did not converge"
        if not self.ours.error <= targets.OUR_ERROR:
            return f"sigmax is wrong by {self.ours.error:.1e} se"
        if not self.theirs.error <= NO_ANSWER:
            return f"{self.peer} is wrong by {self.theirs.error:.1e} se"
        if self.target is None and self.inexact:
            return f"{self.peer} did not reach {ladder.WANTED:.0e} se"
        if self.apart is not None and not self.apart <= targets.MANY_AGREEMENT:
            return f"coefficients differ by {self.apart:.1e}"
        return ""

    @property
    def inexact(self) -> bool:
        """Whether the peer's answer is not as exact as is asked: its time stands in brackets.

        A target is judged all the same: a peer that need not be exact has less to do, and the ratio is the
        harder one to reach.  Where there is no target the row is struck out.
        """
        return self.theirs.times is not None and not self.theirs.error <= ladder.WANTED

    @property
    def ratios(self) -> tuple[float, ...]:
        """Times of the peer over those of sigmax, one for each round."""
        if self.does_nothing or self.struck_out or self.ours.times is None or self.theirs.times is None:
            return ()
        return rounds.ratios(self.theirs.times, self.ours.times)

    @property
    def quartiles(self) -> tuple[float, float, float] | None:
        """Of the ratios."""
        return rounds.quartiles(self.ratios) if self.ratios else None

    @property
    def verdict(self) -> str:
        """PASS, MISSED, STRUCK OUT, not available yet, missing, not measured, harness; empty: not judged."""
        if self.not_available:
            return "not available yet"
        if self.missing_peer:
            return "missing"
        if self.struck_out or self.ours.why or self.theirs.why:
            return "STRUCK OUT"
        if self.does_nothing:
            return "harness"
        if self.quartiles is None:
            return "not measured"
        if self.target is None:
            return ""
        return "PASS" if self.quartiles[1] >= self.target.at_least else "MISSED"

    @property
    def failed(self) -> bool:
        """Whether there is a target and it was not seen to be met."""
        return self.target is not None and self.verdict != "PASS"

    @property
    def remark(self) -> str:
        """What a reader must know besides the figures."""
        lost = self.why or self.ours.why or self.theirs.why or self.struck_out
        if lost:
            return "; ".join([lost, *self._hurried()])
        said = self._hurried()
        if self.does_nothing and self.ours.times is not None and self.theirs.times is not None:
            share = self.theirs.times.median / self.ours.times.median
            said.append(f"the harness's cost, {share:.1%} of sigmax's time")
        if not self.theirs.error <= ladder.WANTED:
            fixed = self.target is not None and self.target.tolerance is not None
            said.append("at the tolerance of the table" if fixed else "the peer did not reach 1e-6 se")
        if self.sampled is not None:
            said.append(f"loop of {self.sampled}, extrapolated")
        if self.apart is not None:
            said.append(f"coefficients within {self.apart:.0e}")
        if self.theirs.own_clock:
            said.append("by its own clock")
        if self.theirs.claims is False:
            said.append("says it did not converge")
        if self.theirs.warned:
            said.append(f"warned: {self.theirs.warned[0]}")
        return "; ".join(said)

    def _hurried(self) -> list[str]:
        """What a slow peer was spared."""
        times = self.theirs.times
        said = []
        if times is not None and len(times.seconds) == 1:
            said.append(f"one round: {number(times.median)} s")
        if self.theirs.cut:
            said.append("its tolerance was not looked for any further")
        return said

    def record(self) -> dict[str, Any]:
        """Ready for JSON; times in seconds, errors in standard errors."""
        return {
            "problem": self.problem,
            **{name: getattr(self.spec, name, None) for name in _NUMBERS},
            "peer": self.peer,
            "at_least": None if self.target is None else self.target.at_least,
            "ours_seconds": _seconds(self.ours.times),
            "ours_read_seconds": _seconds(self.read),
            "theirs_seconds": _seconds(self.theirs.times),
            "ours_error": _number(self.ours.error),
            "theirs_error": _number(self.theirs.error),
            "theirs_tolerance": self.theirs.tolerance,
            "passes": self.passes,
            "converged": self.converged,
            "apart": self.apart,
            "ratios": list(self.ratios),
            "quartiles": self.quartiles,
            "verdict": self.verdict,
            "remark": self.remark,
            "accurate": self.theirs.times is not None and not self.inexact,
            "ours_digits": self.ours.digits,
            "theirs_digits": self.theirs.digits,
            "ours_gradient": _number(self.ours.gradient),
            "theirs_gradient": _number(self.theirs.gradient),
            "theirs_warned": list(self.theirs.warned),
            "theirs_converged": self.theirs.claims,
            "theirs_own_clock": self.theirs.own_clock,
            "theirs_cut": self.theirs.cut,
            "does_nothing": self.does_nothing,
        }


def _seconds(times: Timing | None) -> list[float] | None:
    return None if times is None else list(times.seconds)


def _number(x: float | None) -> float | None:
    """JSON has no infinity."""
    return x if x is not None and x < float("inf") else None


# -- text --------------------------------------------------------------------------------------

#: columns of the text, at most
WIDTH = 160
_HEAD = [
    "",
    "median",
    "fastest",
    "spread",
    "error se",
    "digits",
    "gradient",
    "warned",
    "tol",
    "times ours",
    "[quartiles]",
    "at least",
    "",
    "",
]


def table(found: Sequence[Row]) -> str:
    """For each problem a line of sigmax, and one for each peer; a long remark stands below its line."""
    cells, titles = [_HEAD], {}
    for index, row in enumerate(found):
        if index == 0 or found[index - 1].problem != row.problem:
            titles[len(cells)] = row.problem
            cells.append(_ours("  sigmax", row, row.ours.times))
            if row.read is not None:
                cells.append(_ours("  sigmax, bse read", row, row.read))
        cells.append(_theirs(row))
    # flush left: names and remarks
    last = [line[-1] for line in cells]
    lines = aligned([line[:-1] for line in cells], 1)
    shown = []
    for index, (line, remark) in enumerate(zip(lines, last, strict=True)):
        if index in titles:
            shown += ["", titles[index]]
        beside = f"{line}  {remark}".rstrip()
        indent = " " * 6
        below = textwrap.wrap(remark, WIDTH, initial_indent=indent, subsequent_indent=indent)
        shown += [beside] if len(beside) <= WIDTH else [line.rstrip(), *below]
    return "\n".join(shown)


def _ours(name: str, row: Row, times: Timing | None) -> list[str]:
    error = "" if times is None else f"{row.ours.error:.0e}"
    said = "" if row.passes is None else f"{row.passes:.3g} passes"
    aim = targets.AIMED_PASSES.get(row.problem)
    if said and aim is not None:
        said += f" (aim {aim:g})"
    if times is not None and not row.converged:
        said += "; not converged"
    judged = _judged_cells(row.ours) if times is not None else ["", "", ""]
    return [name, *_time_cells(times), error, *judged, "", "", "", "", "", said]


def _theirs(row: Row) -> list[str]:
    error = "" if row.theirs.times is None else f"{row.theirs.error:.0e}"
    tolerance = "" if row.theirs.tolerance is None else f"{row.theirs.tolerance:.0e}"
    ratio = spread = ""
    if row.quartiles is not None:
        first, middle, third = row.quartiles
        ratio, spread = f"{number(middle)} x", f"[{number(first)} .. {number(third)}]"
    target = "" if row.target is None else f"{row.target.at_least:g} x"
    return [
        f"  {row.peer}",
        *_time_cells(row.theirs.times, brackets=row.inexact or bool(row.struck_out)),
        error,
        *_judged_cells(row.theirs),
        tolerance,
        ratio,
        spread,
        target,
        row.verdict,
        row.remark,
    ]


def _judged_cells(side: Side) -> list[str]:
    digits = "" if side.digits is None else f"{side.digits:.1f}"
    gradient = "" if side.gradient is None else f"{side.gradient:.0e}"
    return [digits, gradient, "w" if side.warned else ""]


def _time_cells(times: Timing | None, *, brackets: bool = False) -> list[str]:
    """Median, fastest in the same unit, and spread; `brackets`: around times that do not count."""
    if times is None:
        return ["", "", ""]
    middle = times.median
    unit, name = (1.0, "s") if middle >= 1.0 else (1e-3, "ms") if middle >= 1e-3 else (1e-6, "us")
    both = [f"{number(seconds / unit)} {name}" for seconds in (middle, times.fastest)]
    # one time has none
    spread = f"{100.0 * times.spread:.0f} %" if len(times.seconds) > 1 else ""
    return [*(f"({text})" if brackets else text for text in both), spread]
