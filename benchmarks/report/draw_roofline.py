"""Passes and fits against what the machine can do: share of the limit by p, and the classical roofline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import look
import naming
import words
from documents import Document

from sigmax.bench.report import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 3.9
#: what is measured -> its colour in the themes: none of another library
SHADES = {"gradient": "other", "hessian": "ink", "fit": "sigmax"}
_NAMES = {"gradient": "gradient", "hessian": "Hessian", "fit": "fit"}

_DETAIL = (
    "The limit of a pass is the larger of bytes / read bandwidth and flops / DGEMM rate, the rate "
    "of the same round and the best of the run. Left: medians and quartiles. Right: points should lie at "
    "the roof; numbers are p of the Hessian. Circles: two classes; open squares: more."
)


def limit(record: Document, what: str) -> float:
    """The best of "bandwidth" (GB/s) or "dgemm" (GFLOP/s) on up to the threads of the run."""
    rates = record["limits"][what]
    allowed = [rate["best"] for count, rate in rates.items() if int(count) <= record["threads"]]
    return max(allowed or [rate["best"] for rate in rates.values()])


def main_points(record: Document) -> list[dict[str, Any]]:
    """Those of all threads, and of passes with an intercept where there are both."""
    most = [p for p in record["points"] if p["threads"] == record["threads"]] or record["points"]
    with_one = {(p["what"], p["K"], p["p"]) for p in most if p["intercept"]}
    return [p for p in most if p["intercept"] or (p["what"], p["K"], p["p"]) not in with_one]


def lines(points: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], list[Mapping[str, Any]]]:
    """(what, K) -> points by p."""
    found: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for point in sorted(points, key=lambda point: (point["K"], point["p"])):
        found.setdefault((point["what"], point["K"]), []).append(point)
    return found


def finding(record: Document) -> str:
    points, said = main_points(record), []
    for what, name in (("gradient", "gradients"), ("hessian", "Hessians"), ("fit", "fits")):
        shares = [p["share"][1] for p in points if p["what"] == what]
        if shares:
            said.append(f"{name} {words.percent(words.median(shares))}".replace(" %", "\xa0%"))
    return f"Share of the machine's limit, median over p and K: {', '.join(said)}"


def picture(record: Document, theme: look.Theme, *, warning: str = "") -> str:
    """Both panels, as SVG."""
    said = warning + finding(record)
    top = look.heading_inches(said, _DETAIL)
    height = top + _HEIGHT

    def paint(figure: Figure, theme: look.Theme) -> None:
        look.heading(figure, theme, said, _DETAIL)
        wide = (look.WIDTH - 1.55) / 2.0
        found = lines(main_points(record))
        _shares(look.axes(figure, theme, 0.68, 0.5, wide, _HEIGHT - 0.65), theme, found)
        right = look.axes(figure, theme, wide + 1.42, 0.5, wide, _HEIGHT - 0.65)
        _roofs(right, theme, found, limit(record, "bandwidth"), limit(record, "dgemm"))

    return look.svg(paint, theme, height)


def _name(what: str, K: int) -> str:
    return f"{_NAMES.get(what, what)}, K = {K}"


def _style(K: int) -> dict[str, Any]:
    return {
        "linestyle": "-" if K == 2 else (0, (4, 2)),
        "marker": "o" if K == 2 else "s",
        "fillstyle": "full" if K == 2 else "none",
    }


def _shares(
    ax: Axes, theme: look.Theme, found: Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]
) -> None:
    p = sorted({point["p"] for points in found.values() for point in points})
    high = max([1.1, *(point["share"][2] for points in found.values() for point in points)])
    ax.set_xscale("log")
    inches = ax.get_position().width * look.WIDTH
    ax.set_xlim(*look.room(p[0], p[-1], inches, [_name(what, K) for what, K in found], bold=False))
    ax.set_ylim(0.0, 1.06 * high)
    ax.axhline(1.0, color=theme["soft"], linewidth=1.2)
    ax.text(0.995, 1.0, "limit", transform=ax.get_yaxis_transform(), ha="right", va="bottom", size=look.SMALL)
    drawn, ends = [], []
    for (what, K), points in found.items():
        x, y = [q["p"] for q in points], [q["share"][1] for q in points]
        shade = theme[SHADES.get(what, "other")]
        ax.plot(x, y, color=shade, linewidth=1.6, markersize=4, **_style(K))
        ax.vlines(x, [q["share"][0] for q in points], [q["share"][2] for q in points], shade, linewidth=0.9)
        drawn.append((x, y))
        ends.append((x[-1], y[-1], _name(what, K), shade, False))
    naming.name_ends(ax, theme, sorted(ends, key=lambda end: -end[1]), drawn)
    marks = [mark for mark in p if mark in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)] or p
    kept: list[float] = []
    for mark in marks:
        if not kept or _apart(ax, (kept[-1], 1.0), (mark, 1.0))[0] > 24.0:
            kept.append(mark)
    ax.set_xticks(kept, [f"{mark:,}" for mark in kept])
    ax.minorticks_off()
    levels = [0.1 * i for i in range(0, 100, 2 if high < 1.6 else 5) if 0.1 * i <= 1.06 * high]
    ax.set_yticks(levels, [words.percent(level) for level in levels])
    ax.set_xlabel("columns p")
    ax.set_ylabel("share of the limit")


def _apart(ax: Axes, one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Of two points: across and up, in points."""
    (a, b), (c, d) = ax.transData.transform([one, other])
    return abs(float(c - a)), abs(float(d - b))


def _roofs(
    ax: Axes,
    theme: look.Theme,
    found: Mapping[tuple[str, int], Sequence[Mapping[str, Any]]],
    gbs: float,
    gflops: float,
) -> None:
    all_points = [point for points in found.values() for point in points]
    intensities = [q["flops"] / q["bytes"] for q in all_points]
    rates = [_rate(q) for q in all_points]
    ridge = gflops / gbs
    x_low, x_high = min(*intensities, 0.5 * ridge) / 1.6, max(*intensities, 2.0 * ridge) * 1.6
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(x_low, x_high)
    ax.set_ylim(min(*rates, x_low * gbs) / 1.8, max(*rates, gflops) * 2.2)
    ax.plot([x_low, ridge, x_high], [x_low * gbs, gflops, gflops], color=theme["soft"], linewidth=1.4)
    ax.text(
        x_high, gflops * 1.06, f"DGEMM {number(gflops)} GFLOP/s ", ha="right", va="bottom", size=look.SMALL
    )
    at = math.sqrt(x_low * ridge)
    up = ax.transData.transform([(x_low, x_low * gbs), (ridge, gflops)])
    angle = math.degrees(math.atan2(up[1][1] - up[0][1], up[1][0] - up[0][0]))
    ax.annotate(
        f"reading {number(gbs)} GB/s", (at, at * gbs), xytext=(-5 * math.sin(math.radians(angle)), 5),
        textcoords="offset points", rotation=angle, rotation_mode="anchor", ha="center", va="bottom",
        size=look.SMALL,
    )  # fmt: skip
    least = min((entry for entry in found if entry[0] == "hessian"), default=None)
    for (what, K), points in found.items():
        x, y = [q["flops"] / q["bytes"] for q in points], [_rate(q) for q in points]
        shade = theme[SHADES.get(what, "other")]
        style = _style(K) | {"linestyle": "none"}
        ax.plot(x, y, color=shade, markersize=5, **style)
        if (what, K) == least:
            last = None
            for q, u, v in zip(points, x, y, strict=True):
                near = last is not None and _apart(ax, last, (u, v))
                if near and near[0] < 26.0 and near[1] < 11.0:
                    continue
                last = (u, v)
                beside = u < ridge
                ax.annotate(
                    f"{q['p']}", (u, v), xytext=(5, -5) if beside else (0, 4), textcoords="offset points",
                    ha="left" if beside else "center", va="center" if beside else "bottom",
                    size=look.SMALL, color=shade,
                )  # fmt: skip
    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        marks = [10.0**e for e in range(-3, 9) if low <= 10.0**e <= high]
        axis.set_ticks(marks, [f"{mark:,g}" for mark in marks])
    ax.minorticks_off()
    ax.set_xlabel("flops per byte")
    ax.set_ylabel("GFLOP/s")


def _rate(point: Mapping[str, Any]) -> float:
    return float(1e-9 * point["flops"] / words.median(point["seconds"]))
