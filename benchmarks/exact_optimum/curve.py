"""A curve of accuracy against time: its points, where it ends, when it reaches an accuracy.

The honest reading of a curve is the least time, over its budgets, of an answer that is as accurate as asked:
a user may choose the budget, but nothing in between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from libraries.base import line
from rows import NO_ANSWER

from sigmax.bench.report import aligned, number
from sigmax.bench.timing import Timing

#: errors whose times the table shows, in standard errors
ACCURACIES = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10)
#: a curve that has not become better by FACTOR for so many budgets has ended
PATIENCE, FACTOR = 4, 2.0
#: but not before this budget, unless it has come within NO_ANSWER of the optimum: a method without second
#: derivatives may need a hundred iterations until it gets anywhere (scikit-learn's lbfgs on anes96 does)
_BEGIN = 256


@dataclass(frozen=True)
class Point:
    """What a budget gave.

    Attributes
    ----------
    budget : float
        Iterations at most, or the tolerance.
    times : Timing
        Of the rounds.
    error : float
        Largest error of a coefficient, in standard errors; inf where there is none.
    digits : float
        Correct ones of the worst coefficient, 0 to 16.
    gradient : float
        max |g_j| se_j; inf for what is not a number.
    converged : bool or None
        As the peer says itself.
    warned : tuple of str
    """

    budget: float
    times: Timing
    error: float
    digits: float
    gradient: float
    converged: bool | None = None
    warned: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "budget": self.budget,
            "seconds": list(self.times.seconds),
            "error": _finite(self.error),
            "digits": self.digits,
            "gradient": _finite(self.gradient),
            "converged": self.converged,
            "warned": list(self.warned),
        }


@dataclass
class Curve:
    """A peer's, on one problem; it grows while it is measured.

    Attributes
    ----------
    peer : str
    settings : str
        A line.
    kind : {"iterations", "tolerance"}
        What its budgets are.
    points : list of Point
        By growing budgets.
    gaps : list of tuple of float and str
        Budgets that have no point, and why: the peer raised, or was too slow.
    ended : str
        Why there are no more points; empty while there are.
    missing : str
        Why there are none at all.
    """

    peer: str
    settings: str
    kind: str = "iterations"
    points: list[Point] = field(default_factory=list)
    gaps: list[tuple[float, str]] = field(default_factory=list)
    ended: str = ""
    missing: str = ""
    _errors: list[float] = field(default_factory=list)

    def add(self, point: Point) -> None:
        """One more; the curve may end with it."""
        self.points.append(point)
        self._errors.append(point.error)
        if point.converged:
            self.ended = "converged"
        elif self._stays(point.budget):
            self.ended = f"no better for {PATIENCE} budgets"

    def fail(self, budget: float, why: str) -> None:
        """A budget at which the peer raised: no point, and an error without bound."""
        self.gaps.append((budget, f"raised {why}"))
        self._errors.append(math.inf)
        if self._stays(budget):
            self.ended = f"raised {why}"

    def too_slow(self, budget: float, seconds: float, patience: int) -> None:
        """A budget of a fit that takes too long; so many end the curve."""
        self.gaps.append((budget, f"time: a fit took {seconds:.3g} s"))
        if len(self.gaps) >= patience:
            self.ended = f"time: a fit with the next budget took {seconds:.3g} s"

    def _stays(self, budget: float) -> bool:
        """Whether the last errors are no better than those before them."""
        before, last = self._errors[:-PATIENCE], min(self._errors[-PATIENCE:])
        begun = self.best <= NO_ANSWER or self.kind == "tolerance" or budget >= _BEGIN
        # of two errors without bound none is better
        return bool(before) and begun and not (math.isfinite(last) and FACTOR * last <= min(before))

    @property
    def best(self) -> float:
        """The least error, in standard errors; inf where there is none."""
        return min(self._errors, default=math.inf)

    def reached(self, error: float) -> float | None:
        """The least median time of an answer with at most that error, in seconds; None: there is none."""
        return min((one.times.median for one in self.points if one.error <= error), default=None)

    def record(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "peer": self.peer,
            "settings": self.settings,
            "kind": self.kind,
            "points": [point.record() for point in self.points],
            "gaps": [{"budget": budget, "why": why} for budget, why in self.gaps],
            "ended": self.ended,
            "missing": self.missing,
        }


def _finite(x: float) -> float | None:
    """JSON has no infinity."""
    return x if math.isfinite(x) else None


def table(name: str, found: Sequence[Curve]) -> str:
    """For each curve the times at which it reaches ACCURACIES; then why it ends."""
    cells = [[name, *(f"{error:.0e}" for error in ACCURACIES), "best", "points"]]
    remarks = ["ended"]
    for one in found:
        times = [_time(one.reached(error)) for error in ACCURACIES]
        best = f"{one.best:.0e}" if one.points else "-"
        cells.append([f"  {one.peer}", *times, best, str(len(one.points))])
        remarks.append(line(one.missing or one.ended))
    lines = aligned(cells, 1)
    return "\n".join(f"{text}  {remark}".rstrip() for text, remark in zip(lines, remarks, strict=True))


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    unit, name = (1.0, "s") if seconds >= 1.0 else (1e-3, "ms") if seconds >= 1e-3 else (1e-6, "us")
    return f"{number(seconds / unit)} {name}"
