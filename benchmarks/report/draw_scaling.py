"""Cost against n, p, K, threads, and memory: log-log, with the slope that theory says as a guide."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import look
import naming
import words
from documents import Document

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: inches of a panel, with its title and the names of its axes
_PANEL, _ACROSS = 2.75, 2
#: points of the longest name of a line
_NAME = 145.0
_AXES = {"n": "rows n", "p": "columns p", "K": "classes K", "threads": "threads"}
_STYLES = {"fit": "-", "pass": (0, (4, 2))}

_DETAIL = (
    "Both axes are logarithmic. Numbers beside names are measured slopes; dotted lines have the slopes that "
    "theory says. Memory is what a process takes at its peak beyond its data and libraries."
)

Line = dict[str, Any]


def panels(record: Document) -> list[tuple[str, str, list[Line]]]:
    """(along, "time" or "memory", lines): each a panel."""
    found: dict[tuple[str, str], list[Line]] = {}
    for kind, series in (("time", record["series"]), ("memory", record["memory"])):
        for one in series:
            points = [(p["x"], y) for p in one["points"] if (y := _y(kind, p)) is not None]
            if points:
                what = f" {one['what']}" if kind == "time" else ""
                data = [(p["x"], p["data"]) for p in one["points"]] if kind == "memory" else []
                line = one | {"name": f"{one['who']}{what}", "drawn": points, "sizes": data}
                found.setdefault((one["along"], kind), []).append(line)
    return [(along, kind, lines) for (along, kind), lines in found.items()]


def _y(kind: str, point: Mapping[str, Any]) -> float | None:
    if kind == "time":
        return words.median(point["seconds"]) if point["seconds"] else None
    if point["peak"] is None or point["before"] is None:
        return None
    above = point["peak"] - point["before"]
    return float(above) if above > 0 else None  # nothing that a logarithmic axis could show


def slope_text(slope: Mapping[str, Any] | None) -> str:
    """Such as "1.02 +- 0.01"; empty where none was fitted."""
    if slope is None or slope["value"] is None:
        return ""
    error = slope.get("error")
    return f"{slope['value']:.2f}" + (f" +- {error:.2f}" if error is not None else "")


def theories(slope: Mapping[str, Any]) -> list[float]:
    """What theory says: a number, or text such as "1 to 2", whose numbers are bounds."""
    said = slope.get("theory")
    return [] if said is None else [float(text) for text in re.findall(r"-?[0-9]+(?:\.[0-9]+)?", str(said))]


def finding(record: Document) -> str:
    said = []
    for along, kind, lines in panels(record):
        slope = next(
            (
                q["slope"]
                for q in lines
                if _ours(q) and q.get("what", "fit") == "fit" and slope_text(q["slope"])
            ),
            None,
        )
        if kind == "time" and slope and along == "threads":
            said.append(f"twice the threads: {2 ** -slope['value']:.2f}x as fast")
        elif kind == "time" and slope:
            said.append(f"{along}^{slope['value']:.2f}")
    powers = [text for text in said if "^" in text]
    rest = [text for text in said if "^" not in text]
    if not said:
        return "Cost of a fit"
    return "; ".join([f"Time of a fit grows as {words.listed(powers)}"] * bool(powers) + rest)


def _ours(line: Mapping[str, Any]) -> bool:
    return bool(line["who"] == "sigmax")


def picture(record: Document, theme: look.Theme, *, warning: str = "") -> str:
    """All panels, as SVG."""
    found = panels(record)
    said = warning + finding(record)
    top = look.heading_inches(said, _DETAIL)
    deep = math.ceil(len(found) / _ACROSS)
    height = top + deep * _PANEL

    def paint(figure: Figure, theme: look.Theme) -> None:
        look.heading(figure, theme, said, _DETAIL)
        step = look.WIDTH / _ACROSS
        for index, (along, kind, lines) in enumerate(found):
            row, column = divmod(index, _ACROSS)
            bottom = height - top - (row + 1) * _PANEL + 0.5
            ax = look.axes(figure, theme, column * step + 0.72, bottom, step - 0.85, _PANEL - 0.85)
            _panel(ax, theme, along, kind, lines, step - 0.85)

    return look.svg(paint, theme, height)


def _panel(ax: Axes, theme: look.Theme, along: str, kind: str, lines: Sequence[Line], inches: float) -> None:
    fixed = ", ".join(f"{name} = {value:,}" for name, value in lines[0]["fixed"].items())
    subject = "time" if kind == "time" else "memory beyond the data"
    ax.set_title(f"{subject} against {along}", loc="left", weight="bold", size=look.NORMAL, pad=14)
    ax.annotate(
        fixed, (0, 1), xycoords="axes fraction", xytext=(0, 3), textcoords="offset points",
        size=look.SMALL, color=theme["soft"],
    )  # fmt: skip
    # the colour says the library; the setting, and the slope, must stay readable
    named = {}
    for line in lines:
        slope = slope_text(line["slope"]).partition(" ")[0]
        named[line["name"]] = f"{line['name'].removeprefix('scikit-learn ')} {slope}".strip()
    named = {name: look.cut(text, _NAME, bold=True) for name, text in named.items()}
    _frame(ax, along, kind, lines, inches, list(named.values()))
    drawn, ends = [], []
    sizes = next((line["sizes"] for line in lines if line["sizes"]), [])
    if sizes:
        x, y = zip(*sizes, strict=True)
        ax.plot(x, y, color=theme["soft"], linewidth=1.2)
        drawn.append((x, y))
        ends.append((x[-1], y[-1], "X and y", theme["soft"], False))
    for line in lines:
        x, y = zip(*line["drawn"], strict=True)
        shade = look.colour(line["who"], theme)
        ax.plot(
            x, y, color=shade, linewidth=2.2 if _ours(line) else 1.4, marker="o",
            markersize=4, linestyle=_STYLES.get(line.get("what", "fit"), "-"),
            markerfacecolor=theme["background"] if line.get("what") == "pass" else shade,
        )  # fmt: skip
        if _ours(line):
            _guide(ax, theme, line)
        drawn.append((x, y))
        ends.append((x[-1], y[-1], named[line["name"]], shade, _ours(line)))
    naming.name_ends(ax, theme, sorted(ends, key=lambda end: not end[4]), drawn)


def _guide(ax: Axes, theme: look.Theme, line: Line) -> None:
    """The slopes that theory says, through the last point that the measured one belongs to."""
    slope = line["slope"]
    if slope is None:
        return
    inside = [(x, y) for x, y in line["drawn"] if slope["from"] <= x <= slope["to"]]
    if len(inside) < 2:
        return
    (first, _), (last, at) = inside[0], inside[-1]
    for power in theories(slope):
        ax.plot(
            [first, last], [at * (first / last) ** power, at], color=theme["ink"], linewidth=1.0,
            linestyle=(0, (1, 2)), zorder=2.5,
        )  # fmt: skip


def _frame(
    ax: Axes, along: str, kind: str, lines: Sequence[Line], inches: float, names: Sequence[str]
) -> None:
    xs = sorted({x for line in lines for x, _ in line["drawn"]})
    ys = [y for line in lines for _, y in (*line["drawn"], *line["sizes"])]
    ax.set_xscale("log")
    ax.set_yscale("log")
    tall = math.log10(max(ys) / min(ys))
    ax.set_xlim(*look.room(xs[0], xs[-1], inches, names))
    ax.set_ylim(min(ys) / 10 ** (0.08 * tall + 0.1), max(ys) * 10 ** (0.12 * tall + 0.1))
    marks = [10.0**e for e in range(10) if xs[0] <= 10.0**e <= xs[-1]]
    marks = marks if len(marks) > 2 else [float(x) for x in xs]
    ax.set_xticks(marks, [words.short(mark) for mark in marks])
    low, high = ax.get_ylim()
    levels = [10.0**e for e in range(-8, 14) if low <= 10.0**e <= high]
    if len(levels) < 2:
        levels = [a * 10.0**e for e in range(-8, 14) for a in (1, 2, 5) if low <= a * 10.0**e <= high]
    write = _time if kind == "time" else words.amount
    ax.set_yticks(levels, [write(level) for level in levels])
    ax.minorticks_off()
    ax.set_xlabel(_AXES.get(along, along), size=look.SMALL)


def _time(value: float) -> str:
    return f"{value:,g} s" if value >= 1.0 else words.seconds(value)
