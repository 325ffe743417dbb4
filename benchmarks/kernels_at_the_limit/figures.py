"""What a time is held against, whether that is met, and how it reads.

A figure compares two times of the same rounds: sigmax's, and that of a peer or of a limit of the machine.

    at least    ratio = theirs / ours in each round      how many times as fast; share of a rate
    at most     ratio = ours / theirs in each round      how many times the limit

What counts is the median of the rounds' ratios.  Both calls of a round meet the same disturbances, so that it
is steadier than the ratio of two medians.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigmax.bench.report import aligned, number
from sigmax.bench.timing import Timing, quartiles


@dataclass(frozen=True)
class Figure:
    """A time of sigmax, and what it is compared with.

    Attributes
    ----------
    line : int
        Of the list of targets: 2 functions, 3 passes, 5 small problems.
    name : str
    against : str
        The peer, or the limit with its rate.
    ours : Timing or None
    theirs : tuple of float or None
        Seconds, one for each round of `ours`.  None: the peer is missing, and `ours` was not timed either.
    target : float or None
        None: shown, not judged.
    at_most : bool
        Whether the ratio must not exceed the target; else it must reach it.
    aim : float or None
        What the target is to become.
    """

    line: int
    name: str
    against: str
    ours: Timing | None
    theirs: tuple[float, ...] | None
    target: float | None = None
    at_most: bool = False
    aim: float | None = None

    @property
    def ratios(self) -> tuple[float, ...]:
        """One for each round."""
        if self.ours is None or self.theirs is None:
            return ()
        pairs = zip(self.ours.seconds, self.theirs, strict=True)
        return tuple(a / b if self.at_most else b / a for a, b in pairs)

    @property
    def quartiles(self) -> tuple[float, float, float] | None:
        """First quartile, median and third quartile of the ratios; None where nothing was measured."""
        if not self.ratios:
            return None
        return quartiles(self.ratios)

    def _reaches(self, wanted: float) -> bool:
        # a nan reaches nothing
        found = self.quartiles
        if found is None:
            return False
        return found[1] <= wanted if self.at_most else found[1] >= wanted

    @property
    def verdict(self) -> str:
        """What became of the target: met, MISSED, not measured; empty where there is none."""
        if self.quartiles is None:
            return "not measured"
        if self.target is None:
            return ""
        if not self._reaches(self.target):
            return "MISSED"
        return "met, and the aim" if self.aim is not None and self._reaches(self.aim) else "met"

    def record(self) -> dict[str, Any]:
        """Ready for JSON; times in seconds."""
        return {
            "line": self.line,
            "name": self.name,
            "against": self.against,
            "ours_seconds": None if self.ours is None else list(self.ours.seconds),
            "theirs_seconds": None if self.theirs is None else list(self.theirs),
            "ratios": list(self.ratios),
            "quartiles": self.quartiles,
            "target": self.target,
            "aim": self.aim,
            "at_most": self.at_most,
            "verdict": self.verdict,
        }


def failures(figures: Sequence[Figure]) -> list[Figure]:
    """Figures whose target was missed, or could not be measured."""
    wanted = [one for one in figures if one.target is not None]
    return [one for one in wanted if one.verdict in ("MISSED", "not measured")]


_TITLES = {
    2: "functions of logits: how many times as fast as the peer",
    3: "one read per pass: share of a rate (>=), or how many times the limit (<=)",
    5: "small problems: how many times the arithmetic",
}


def table(figures: Sequence[Figure]) -> str:
    """One row for each figure, a title above each line of the list; times in milliseconds."""
    head = ["", "ms", "[min .. max]", "against", "ms", "ratio", "[quartiles]", "target", ""]
    lines = aligned([head, *map(_cells, figures)], 1)
    shown = [lines[0]]
    for index, one in enumerate(figures):
        if index == 0 or figures[index - 1].line != one.line:
            shown += ["", _TITLES[one.line]]
        shown.append(lines[1 + index])
    return "\n".join(shown)


def _cells(one: Figure) -> list[str]:
    target = "" if one.target is None else f"{'<=' if one.at_most else '>='} {one.target:g}"
    if one.aim is not None:
        target += f" (aim {one.aim:g})"
    if one.ours is None or one.theirs is None or one.quartiles is None:
        return [f"  {one.name}", "", "", one.against, "", "", "", target, one.verdict]
    first, middle, third = one.quartiles
    ours = [1e3 * t for t in (one.ours.median, one.ours.fastest, max(one.ours.seconds))]
    return [
        f"  {one.name}",
        _ms(ours[0]),
        f"[{_ms(ours[1])} .. {_ms(ours[2])}]",
        one.against,
        _ms(1e3 * float(np.median(one.theirs))),
        number(middle),
        f"[{number(first)} .. {number(third)}]",
        target,
        one.verdict,
    ]


def _ms(x: float) -> str:
    """Three digits also of microseconds."""
    return number(x) if x >= 0.0995 else f"{x:.4f}"
