"""How series read as plain text: a line for each size, then a sentence for each slope."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import ladder
from peaks import Memory
from series import Point, Series
from sizes import Plan
from slopes import FEWEST, Slope

from sigmax.bench.report import aligned, number

WIDTH = 120
_UNITS = {"n": "n, the rows", "p": "p, the columns", "K": "K, the classes", "threads": "threads"}


def wrapped(text: str) -> list[str]:
    """Lines that fit; those after the first are set in."""
    return textwrap.wrap(text, WIDTH, subsequent_indent="    ")


def title(asked: Plan, subject: str) -> str:
    """What goes along what, and what is fixed."""
    shared = ", ".join(f"{name} = {value:,}" for name, value in asked.fixed.items())
    return f"{subject} along {_UNITS[asked.along]}; {shared}"


def sentence(label: str, cost: str, along: str, slope: Slope | None, count: int) -> list[str]:
    """The slope in words."""
    if slope is None:
        return wrapped(f"{label}: no slope: of {count} points the upper half, fewer than {FEWEST}, counts")
    said = f"{label}: {cost} ~ {along}^{slope.value:.2f} +- {slope.error:.2f}"
    said += f" from {_size(slope.start)} to {_size(slope.end)}; theory {slope.theory}"
    return wrapped(f"{said}: {slope.why}" if slope.why else said)


def _size(x: float) -> str:
    return f"{x:.0e}".replace("e+0", "e") if x >= 1e5 else f"{x:,.0f}"


def _milliseconds(point: Point | None) -> str:
    """The median; in brackets where the answer is not within what is asked."""
    if point is None:
        return ""
    ms = 1e3 * point.median
    shown = number(ms) if ms >= 0.0995 else f"{ms:.4f}"
    error = point.first.error
    return f"({shown})" if error is not None and error > ladder.WANTED else shown


def _at(series: Series, x: int) -> Point | None:
    return next((point for point in series.points if point.size.x == x), None)


def times(asked: Plan, found: Sequence[Series]) -> str:
    """The section of one parameter."""
    shown = [one for one in found if one.points]
    head = [asked.along]
    for one in shown:
        head += [f"{one.what}, {one.who}", *(["reads"] if (one.who, one.what) == ("sigmax", "fit") else [])]
        head += ["speed-up", "efficiency"] if asked.along == "threads" else []
    rows = [head]
    for size in asked.sizes:
        row = [f"{size.x:,}"]
        for one in shown:
            point = _at(one, size.x)
            row.append(_milliseconds(point))
            if (one.who, one.what) == ("sigmax", "fit"):
                reads = None if point is None else point.first.reads
                row.append("" if reads is None else f"{reads:.3g}")
            if asked.along == "threads":
                row += _gained(one, point)
        rows.append(row)
    lines = [title(asked, "milliseconds"), *asked.remarks, "", *aligned(rows, 0), ""]
    for one in found:
        label = f"{one.what}, {one.who}"
        if one.points:
            lines += sentence(label, "seconds", asked.along, one.slope, len(one.points))
        if one.ended:
            lines += wrapped(f"{label}: {one.ended}")
        lines += _notes(one, label)
    return "\n".join(lines)


def _gained(series: Series, point: Point | None) -> list[str]:
    """How many times as fast as on one thread, and that for each thread."""
    alone = _at(series, 1)
    if point is None or alone is None:
        return ["", ""]
    gain = alone.median / point.median
    return [f"{number(gain)} x", f"{100.0 * gain / point.size.threads:.0f} %"]


def _notes(series: Series, label: str) -> list[str]:
    """How good the answers are, from the best to the worst, and what else was noted."""
    errors = [point.first.error for point in series.points if point.first.error is not None]
    if series.who != "sigmax":
        said = [f"{min(errors):.0e} to {max(errors):.0e} standard errors off"] if errors else []
    else:
        said = [f"proved to {max(errors):.0e} standard errors or better"] if errors else []
        noted = [point for point in series.points if point.first.note]
        said += [f"{series.along} = {point.size.x:,}: {point.first.note}" for point in noted]
    return [line for one in said for line in wrapped(f"{label}: {one}")]


def memory(asked: Plan, found: Sequence[Memory]) -> str:
    """The section of memory along one parameter."""
    shown = [one for one in found if one.points]
    rows = [[asked.along, "X and y", *(one.who for one in shown)]]
    for size in asked.sizes:
        points = [next((p for p in one.points if p.size.x == size.x), None) for one in shown]
        data = next((p.data for p in points if p is not None), None)
        grown = [None if p is None else p.growth for p in points]
        rows.append([f"{size.x:,}", *("" if b is None else number(b / 1e6) for b in (data, *grown))])
    lines = [
        title(asked, "peak memory of a fit above the data, MB"),
        *asked.remarks,
        "",
        *aligned(rows, 0),
        "",
    ]
    for one in found:
        if one.points:
            lines += sentence(f"memory, {one.who}", "bytes", asked.along, one.slope, len(one.points))
        if one.ended:
            lines += wrapped(f"memory, {one.who}: {one.ended}")
    return "\n".join(lines)
