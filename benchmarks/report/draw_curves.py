"""Accuracy against time: for each peer a line through its budgets, down to where it ends."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import look
import naming
import words
from documents import NO_ANSWER, WANTED, Document

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: errors beyond these are drawn at them
_BEST, _WORST = 1e-16, 1e3
_HEIGHT = 4.3
_STYLES = ("-", (0, (5, 2)), (0, (1.5, 1.5)))

_DETAIL = (
    "Reruns with growing budgets of iterations. Error: largest distance of a coefficient to the certified "
    "optimum, in standard errors (se). Names stand where a line ends; lower and further left is better."
)


def names(record: Document) -> dict[str, dict[str, Any]]:
    """Part of a file's name -> problem, for those that have a line."""
    found: dict[str, dict[str, Any]] = {}
    for problem in record["problems"]:
        if any(curve["points"] for curve in problem["curves"]):
            name = re.sub(r"[^A-Za-z0-9_-]+", "_", str(problem["problem"])).strip("_") or "problem"
            while name in found:
                name += "_"
            found[name] = problem
    return found


def reached(curve: Mapping[str, Any], wanted: float = WANTED) -> float | None:
    """Median seconds of the first budget whose answer is that accurate; None: there is none."""
    good = (p for p in curve["points"] if p["error"] is not None and p["error"] <= wanted)
    point = next(good, None)
    return None if point is None else words.median(point["seconds"])


def finding(problem: Mapping[str, Any]) -> str:
    """Who comes within 1e-6, when, and who never does."""
    lines = [curve for curve in problem["curves"] if curve["points"]]
    arrived = sorted((t, c["peer"]) for c in lines if (t := reached(c)) is not None)
    never = [c["peer"] for c in lines if reached(c) is None]
    ours = next((t for t, peer in arrived if peer == "sigmax"), None)
    others = [(t, peer) for t, peer in arrived if not peer.startswith("sigmax")]
    said = words.title(problem) + ": "
    if not any(curve["peer"] == "sigmax" for curve in lines):
        said += "sigmax was not measured"
    elif ours is None:
        said += "sigmax does not come within 1e-6 se"
    else:
        said += f"sigmax is within 1e-6 se after {words.seconds(ours)}"
    if others:
        when = f" ({words.times(others[0][0] / ours)})" if ours else ""
        said += f", {'the next is' if ours and others[0][0] >= ours else ''} {others[0][1]} "
        said = said.replace(",  ", ", ")
        said += f"after {words.seconds(others[0][0])}{when}"
    others_never = [peer for peer in never if not peer.startswith("sigmax")]
    if others_never:
        said += f"; {len(others_never)} of {len(others_never) + len(others)} others never are"
    return said


def picture(problem: Mapping[str, Any], theme: look.Theme, *, warning: str = "") -> str:
    """Of one problem, as SVG."""
    said = warning + finding(problem)
    top = look.heading_inches(said, _DETAIL)
    height = top + _HEIGHT

    def paint(figure: Figure, theme: look.Theme) -> None:
        look.heading(figure, theme, said, _DETAIL)
        ax = look.axes(figure, theme, 0.72, 0.5, look.WIDTH - 0.85, _HEIGHT - 0.65)
        _lines(ax, theme, [curve for curve in problem["curves"] if curve["points"]])

    return look.svg(paint, theme, height)


def _clipped(error: float | None) -> float:
    return _WORST if error is None else min(max(error, _BEST), _WORST)


def _lines(ax: Axes, theme: look.Theme, curves: Sequence[Mapping[str, Any]]) -> None:
    # sigmax last: on top
    order = sorted(curves, key=lambda curve: curve["peer"] == "sigmax")
    drawn, seen = {}, dict[str, int]()
    for curve in order:
        x = [words.median(point["seconds"]) for point in curve["points"]]
        drawn[curve["peer"]] = (x, [_clipped(point["error"]) for point in curve["points"]])
    written = _frame(ax, theme, drawn)
    for curve in order:
        peer, (x, y) = curve["peer"], drawn[curve["peer"]]
        ours = peer == "sigmax"
        index = seen[look.library(peer)] = seen.get(look.library(peer), -1) + 1
        shade = look.colour(peer, theme)
        ax.plot(
            x, y, color=shade, linewidth=2.6 if ours else 1.3, linestyle=_STYLES[index % 3],
            marker="o", markersize=5 if ours else 3, zorder=4 if ours else 3,
        )  # fmt: skip
        lost = [(t, e) for t, e, p in zip(x, y, curve["points"], strict=True) if p["error"] is None]
        ax.plot(*(zip(*lost, strict=True) if lost else ((), ())), "x", color=shade, markersize=6, zorder=3)
    ends = [
        (x[-1], y[-1], peer, look.colour(peer, theme), peer == "sigmax")
        for peer, (x, y) in sorted(drawn.items(), key=lambda item: (item[0] != "sigmax", -item[1][0][-1]))
    ]
    levels = [(ax.get_xlim(), (level, level)) for level in (WANTED, NO_ANSWER)]
    naming.name_ends(ax, theme, ends, [*drawn.values(), *levels], written)


def _frame(
    ax: Axes, theme: look.Theme, drawn: Mapping[str, tuple[list[float], list[float]]]
) -> list[naming.Box]:
    """Limits, marks, and the two errors that mean something; where these are written."""
    times = [t for x, _ in drawn.values() for t in x]
    errors = [e for _, y in drawn.values() for e in y]
    ax.set_xscale("log")
    ax.set_yscale("log")
    span = math.log10(max(times) / min(times)) + 0.1
    ax.set_xlim(min(times) / 10 ** (0.03 * span), max(times) * 10 ** (0.22 * span))
    low, high = min(*errors, 1e-8), max(*errors, 10.0)
    ax.set_ylim(low / 10**1.2, high * 10**0.7)
    written = []
    for level, text in ((WANTED, "accurate: 1e-6"), (NO_ANSWER, "useless above 1")):
        ax.axhline(level, color=theme["soft"], linewidth=1.0, linestyle=(0, (4, 3)), zorder=1.2)
        ax.text(
            0.998, level, text, transform=ax.get_yaxis_transform(), ha="right", va="bottom",
            color=theme["soft"], size=look.SMALL,
        )  # fmt: skip
        right, low_end = ax.transData.transform((ax.get_xlim()[1], level))
        written.append((right - look.text_width(text) - 4.0, low_end, right, low_end + 1.3 * look.SMALL))
    x_low, x_high = ax.get_xlim()
    marks = [10.0**e for e in range(-7, 6) if x_low <= 10.0**e <= x_high]
    if len(marks) < 3:
        marks = [a * 10.0**e for e in range(-7, 6) for a in (1, 2, 5) if x_low <= a * 10.0**e <= x_high]
    ax.set_xticks(marks, [f"{mark:g} s" if mark >= 1 else words.seconds(mark) for mark in marks])
    y_low, y_high = ax.get_ylim()
    levels = [10.0**e for e in range(-18, 6, 2) if y_low <= 10.0**e <= y_high]
    ax.set_yticks(levels, [words.power(level) for level in levels])
    ax.minorticks_off()
    ax.set_xlabel("time of the fit")
    ax.set_ylabel("error, standard errors")
    return written
