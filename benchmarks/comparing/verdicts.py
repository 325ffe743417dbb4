"""When a difference is a regression, and when an answer is another one.

    ratio       r_i = head_i / base_i of the i-th pair of samples
    regression  median r > R,      lower quartile of r > 1,   median (head_i - base_i) > bound
    improvement median r < 1 / R,  upper quartile of r < 1,   median (base_i - head_i) > bound

A ratio alone calls the jitter of a microsecond a regression, a bound alone every fit of a minute; the
quartile asks that three pairs out of four agree on the direction.  R = 1.05; the bound depends on the kind.

Where single samples jump by 10 %, noise alone passes for a regression in 6 of 100 operations with ten pairs,
by 5 % in 1.5 of 100.  So what was found is measured once more, by itself, and must be found again: that
leaves 0.3 and 0.02 of 100.  A true 15 % is found in 998 of 1,000 at 5 %, in 70 of 100 at 10 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Rules:
    """Bounds that must both break.

    Attributes
    ----------
    ratio : float
        Above 1.
    bounds : dict of str to float
        Seconds, by kind of operation.
    """

    ratio: float = 1.05
    bounds: dict[str, float] = field(
        default_factory=lambda: {"small": 50e-6, "large": 0.5e-3, "import": 10e-3}
    )


@dataclass(frozen=True)
class Verdict:
    """What became of an operation.

    Attributes
    ----------
    name, kind : str
    said : {"regression", "improvement", "same", "other answer", "failed", "gone", "missing"}
        gone: BASE has it and HEAD has not; missing: BASE has it not, or cannot do it.
    remark : str
    base, head : tuple of float
        Seconds of the samples.
    ratios : tuple of float
        Lower quartile, median and upper quartile of head / base; empty without times of both.
    difference : float
        Median of head - base, in seconds.
    speed : {"regression", "improvement", "same", ""}
        Of the times alone, whatever the answers are.
    """

    name: str
    kind: str
    said: str
    remark: str = ""
    base: tuple[float, ...] = ()
    head: tuple[float, ...] = ()
    ratios: tuple[float, ...] = ()
    difference: float = math.nan
    speed: str = ""

    @property
    def fault(self) -> bool:
        """Whether the command fails."""
        return self.said in ("regression", "other answer", "failed", "gone") or self.speed == "regression"

    def record(self) -> dict[str, Any]:
        """Ready for JSON; times in seconds."""
        return {
            "name": self.name,
            "kind": self.kind,
            "said": self.said,
            "speed": self.speed,
            "remark": self.remark,
            "base_seconds": list(self.base),
            "head_seconds": list(self.head),
            "ratio_quartiles": list(self.ratios),
            "difference_seconds": self.difference if math.isfinite(self.difference) else None,
        }


def of_times(base: Sequence[float], head: Sequence[float], bound: float, ratio: float) -> str:
    """Regression, improvement or the same.

    Raises
    ------
    ValueError
        Not as many samples of the one as of the other, or none.
    """
    first, middle, third, difference = figures(base, head)
    if middle > ratio and first > 1.0 and difference > bound:
        return "regression"
    if middle < 1.0 / ratio and third < 1.0 and difference < -bound:
        return "improvement"
    return "same"


def figures(base: Sequence[float], head: Sequence[float]) -> tuple[float, float, float, float]:
    """Quartiles of head / base, and the median of head - base."""
    if len(base) != len(head) or len(base) == 0:
        raise ValueError(f"base and head must be pairs, one or more; got {len(base)} and {len(head)}")
    a, b = np.array(base), np.array(head)
    first, middle, third = np.quantile(b / a, (0.25, 0.5, 0.75)).tolist()
    return first, middle, third, float(np.median(b - a))


def other_answer(base: dict[str, Any], head: dict[str, Any]) -> str:
    """How two answers differ by more than both allow; empty where they do not."""
    a, b = np.array(base["values"]), np.array(head["values"])
    if a.shape != b.shape:
        return f"{len(b)} numbers instead of {len(a)}"
    for name, one in (("BASE", base), ("HEAD", head)):
        free = np.flatnonzero(~np.isfinite(one["within"]))
        if len(free):
            return f"{name} proves nothing about number {free[0]}, nor about {len(free) - 1} others"
    allowed = np.array(base["within"]) + np.array(head["within"])
    # not (<=): a nan is another answer, but for one in both
    off = ~(np.abs(a - b) <= allowed) & ~(np.isnan(a) & np.isnan(b))
    bad = np.flatnonzero(off)
    if not len(bad):
        return ""
    j = int(bad[0])
    return (
        f"number {j} is {float(b[j])!r} instead of {float(a[j])!r}, allowed {allowed[j]:.1e}; {len(bad)} such"
    )


def verdicts(
    names: Sequence[str],
    kinds: dict[str, str],
    base: Sequence[dict[str, Any]],
    head: Sequence[dict[str, Any]],
    rules: Rules,
) -> list[Verdict]:
    """Of every operation, from the samples of both; those of the first pair are for answers only."""
    found = []
    for name in names:
        kind = kinds[name]
        why_base, why_head = _absence(base, name), _absence(head, name)
        if why_base:
            both = f"; in HEAD too: {why_head}" if why_head else ""
            found.append(Verdict(name, kind, "missing", f"in BASE: {why_base}{both}"))
            continue
        if why_head:
            gone = all(name in one["missing"] for one in head)
            found.append(Verdict(name, kind, "gone" if gone else "failed", f"in HEAD: {why_head}"))
            continue
        a, b = (tuple(float(one["seconds"][name]) for one in side[1:]) for side in (base, head))
        speed = of_times(a, b, rules.bounds[kind], rules.ratio)
        *ratios, difference = figures(a, b)
        said, remark = speed, ""
        if name in base[0]["answers"] and name in head[0]["answers"]:
            remark = other_answer(base[0]["answers"][name], head[0]["answers"][name])
            said = "other answer" if remark else speed
        found.append(Verdict(name, kind, said, remark, a, b, tuple(ratios), difference, speed))
    return found


def confirmed(first: Verdict, again: Verdict) -> Verdict:
    """What a second measurement leaves of a regression or an improvement; answers stay as they were."""
    if again.speed == first.speed:
        return first
    ratio = f"{again.ratios[1]:.3f}" if again.ratios else again.said
    remark = f"{first.speed} not seen again: {ratio} then"
    said = "same" if first.said == first.speed else first.said
    both = "; ".join(part for part in (first.remark, remark) if part)
    return replace(first, said=said, speed="same", remark=both)


def _absence(side: Sequence[dict[str, Any]], name: str) -> str:
    """Why some sample has no time of the operation; empty where all have one."""
    for one in side:
        why = one["missing"].get(name) or one["failed"].get(name)
        if why or name not in one["seconds"]:
            return why or "no time"
    return ""
