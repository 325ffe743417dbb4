"""Speed-up bars at equal accuracy, and the README's table: of each library its fastest that is exact.

A bar is the median over rounds of the other's time over sigmax's, its whisker the quartiles.  A library
none of whose peers comes within 1e-6 standard errors has a hollow bar that says so; an answer that is off by
a standard error or more has no bar at all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import look
import words
from documents import NO_ANSWER, OUR_ERROR, WANTED, Document, version

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: inches of a bar, of the names of libraries, and left of them
_ROW, _NAMES, _MARGIN = 0.205, 1.52, 0.1
#: rows between problems, and that its title takes
_GAP, _TITLE = 0.75, 1.1
#: marks of the axis, densest first
_MARKS = (
    tuple(a * 10**e for e in range(-2, 6) for a in (1, 2, 5)),
    tuple(a * 10**e for e in range(-2, 6) for a in (1, 3)),
    tuple(10**e for e in range(-2, 6)),
)


@dataclass(frozen=True)
class Bar:
    """One peer on one problem.

    Attributes
    ----------
    problem, peer : str
    title : str
        Of the problem.
    ours, theirs : float
        Median seconds.
    quartiles : tuple of float
        Of the ratios of the rounds.
    error : float
        Of the peer, in standard errors.
    exact : bool
        Whether the two times can be compared.
    """

    problem: str
    peer: str
    title: str
    ours: float
    theirs: float
    quartiles: tuple[float, float, float]
    error: float
    exact: bool


def exact(row: dict[str, Any]) -> bool:
    """Whether the peer's answer is within 1e-6 standard errors."""
    error = row["theirs_error"]
    return bool(row.get("accurate", True)) and error is not None and error <= WANTED


def sound(row: dict[str, Any]) -> bool:
    """Whether sigmax's own answer is one."""
    error = row.get("ours_error", 0.0)
    return (
        bool(row["ours_seconds"])
        and row.get("converged") is not False
        and error is not None
        and error <= OUR_ERROR
    )


def bars(record: Document) -> list[Bar]:
    """All peers that gave an answer on a problem that sigmax solved, in the order of the run.

    Raises
    ------
    ValueError
        The run was one of tiny problems, or has nothing to compare.
    """
    if record["tiny"]:
        raise ValueError("the run was of tiny problems, which say nothing; run exact_optimum without --tiny")
    found = [_bar(row) for row in record["rows"] if _drawn(row)]
    if not any(bar.exact for bar in found):
        raise ValueError("the run has no two times that can be compared")
    return found


def _drawn(row: dict[str, Any]) -> bool:
    if row.get("does_nothing") or not sound(row) or not row["theirs_seconds"] or row["theirs_error"] is None:
        return False
    # exact, and struck out all the same: the table says why
    return not (exact(row) and not row["quartiles"])


def _bar(row: dict[str, Any]) -> Bar:
    pairs = zip(row["ours_seconds"], row["theirs_seconds"], strict=False)
    return Bar(
        problem=row["problem"],
        peer=row["peer"],
        title=words.title(row),
        ours=words.median(row["ours_seconds"]),
        theirs=words.median(row["theirs_seconds"]),
        quartiles=tuple(row["quartiles"] or words.quartiles([b / a for a, b in pairs])),
        error=row["theirs_error"],
        exact=exact(row),
    )


def chosen(found: Sequence[Bar]) -> dict[str, list[Bar]]:
    """Problem -> of each library the fastest that is exact, else the one that comes nearest; fastest first.

    sigmax's own Python twin is no other library.
    """
    groups: dict[str, dict[str, Bar]] = {}
    for bar in found:
        name = look.library(bar.peer)
        if name.startswith("sigmax"):
            continue
        best = groups.setdefault(bar.problem, {}).setdefault(name, bar)
        if _rank(bar) < _rank(best):
            groups[bar.problem][name] = bar
    return {
        problem: sorted(group.values(), key=lambda bar: (not bar.exact, bar.quartiles[1]))
        for problem, group in groups.items()
    }


def _rank(bar: Bar) -> tuple[bool, float]:
    return (False, bar.quartiles[1]) if bar.exact else (True, bar.error)


def finding(groups: dict[str, list[Bar]]) -> str:
    """In words: how much faster than the fastest other library that is exact."""
    nearest = {problem: group[0] for problem, group in groups.items() if group[0].exact}
    ahead = [bar.quartiles[1] for bar in nearest.values() if bar.quartiles[1] > 1.0]
    behind = [bar for bar in nearest.values() if bar.quartiles[1] <= 1.0]
    count = f"{len(nearest)} problem{'s' if len(nearest) > 1 else ''}"
    if not ahead:
        return f"sigmax is not the fastest on any of {count}"
    where = f"{len(ahead)} of {count}" if behind else f"all {count}" if len(nearest) > 1 else count
    factor = words.bounds(ahead, lambda x: words.times(x).removesuffix("x"))
    said = f"sigmax is fastest on {where}, {factor} times as fast as the next accurate library"
    if behind:
        said += "; " + words.listed([f"{bar.peer} is faster on {bar.title}" for bar in behind])
    return said


def unsolved(record: Document) -> list[str]:
    """Problems on which sigmax itself did not reach the optimum: no time of theirs is compared."""
    rows = [row for row in record["rows"] if row["ours_seconds"] and not sound(row)]
    return list(dict.fromkeys(words.title(row) for row in rows))


_DETAIL = (
    "Time of each library's fastest setting that comes within 1e-6 standard errors of the certified "
    "optimum, in times of sigmax's; medians and quartiles over rounds. Hollow: its answer is not that accurate."
)


def _rows(group: Sequence[Bar]) -> float:
    return _TITLE + len(group) + _GAP


def _columns(groups: dict[str, list[Bar]]) -> tuple[list[str], list[str]]:
    """Problems of the left and of the right column, of nearly the same height."""
    names = list(groups)
    heights = [_rows(groups[name]) for name in names]
    cut = min(range(1, len(names) + 1), key=lambda i: (max(sum(heights[:i]), sum(heights[i:])), i))
    return names[:cut], names[cut:]


def picture(record: Document, theme: look.Theme) -> str:
    """The README's figure, as SVG.

    Raises
    ------
    ValueError
        See `bars`.
    """
    groups = chosen(bars(record))
    said = finding(groups)
    if unsolved(record):
        said += f"; it does not solve {words.listed(unsolved(record))}"
    columns = [column for column in _columns(groups) if column]
    inches = [_ROW * sum(_rows(groups[name]) for name in column) for column in columns]
    top = look.heading_inches(said, _DETAIL) + 0.1
    height = top + max(inches) + 0.45

    def paint(figure: Figure, theme: look.Theme) -> None:
        look.heading(figure, theme, said, _DETAIL)
        step = look.WIDTH / len(columns)
        wide = step - _NAMES - 0.12
        drawn = [bar for group in groups.values() for bar in group if bar.error <= NO_ANSWER]
        low, high = _limits(drawn, wide)
        for index, (column, tall) in enumerate(zip(columns, inches, strict=True)):
            ax = look.axes(figure, theme, index * step + _NAMES, height - top - tall, wide, tall)
            _column(ax, theme, [groups[name] for name in column], low, high, wide)

    return look.svg(paint, theme, height)


def _limits(drawn: Sequence[Bar], wide: float) -> tuple[float, float]:
    """Of the axis: such that what stands beside the longest bar finds its room."""
    low = 0.92 * min(1.0, *(bar.quartiles[0] for bar in drawn))
    span = 0.5
    for bar in drawn:
        room = 1.0 - (look.text_width(" " + _text(bar), bold=False) + 9.0) / (72.0 * wide)
        end = max(bar.quartiles[1], bar.quartiles[2], 1.0)
        span = max(span, math.log10(end / low) / max(room, 0.1))
    return low, low * 10.0**span


def _text(bar: Bar) -> str:
    if not bar.error <= NO_ANSWER:
        return f"no answer: off by {words.power(bar.error)} se"
    if not bar.exact:
        return f"not accurate: {words.off(bar.error)} se"
    return f"{words.times(bar.quartiles[1])} {look.configuration(bar.peer)}".strip()


def _column(
    ax: Axes, theme: look.Theme, groups: Sequence[Sequence[Bar]], low: float, high: float, wide: float
) -> None:
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    y = 0.0
    for group in groups:
        ax.text(
            -(_NAMES - _MARGIN) / wide, y + 0.45, _cut(group[0], wide), transform=ax.get_yaxis_transform(), weight="bold",
            va="center", size=look.NORMAL,
        )  # fmt: skip
        ax.text(
            1.0, y + 0.45, _of_ours(group[0]), transform=ax.get_yaxis_transform(),
            ha="right", va="center", color=theme["sigmax"], size=look.SMALL, weight="bold",
        )  # fmt: skip
        top = y + _TITLE - 0.1
        y += _TITLE + 0.5
        for bar in group:
            _paint(ax, theme, y, bar)
            y += 1.0
        y += _GAP - 0.5
        ax.plot([1.0, 1.0], [top, y - _GAP + 0.1], color=theme["sigmax"], linewidth=2.0, zorder=3)
    ax.set_ylim(y, 0.0)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.spines["bottom"].set_color(theme["faint"])
    longest = max((bar.quartiles[2] for group in groups for bar in group), default=1.0)
    far = min(high, max(1.2 * longest, 2.0))
    # 25 points for each
    room = 72.0 * wide / math.log10(high / low)
    several = next((m for m in _MARKS if room * _nearest(m) > 25.0), _MARKS[-1])
    marks = [mark for mark in several if low <= mark <= far]
    ax.set_xticks(marks, [f"{mark:g}x" for mark in marks])
    ax.minorticks_off()
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("times sigmax's time", size=look.SMALL, color=theme["soft"], loc="left")


def _nearest(marks: Sequence[float]) -> float:
    """Least distance of two marks, in powers of ten."""
    return min(math.log10(b / a) for a, b in itertools.pairwise(marks))


def _cut(bar: Bar, wide: float) -> str:
    """The title of a problem, cut to what the time of sigmax leaves."""
    room = 72.0 * (wide + _NAMES - _MARGIN) - look.text_width(_of_ours(bar), bold=True) - 8.0
    title = bar.title
    while len(title) > 4 and look.text_width(title, look.NORMAL, bold=True) > room:
        title = title.removesuffix("...")[:-1].rstrip(" ,") + "..."
    return title


def _of_ours(bar: Bar) -> str:
    return f"sigmax {words.seconds(bar.ours)}"


def _paint(ax: Axes, theme: look.Theme, y: float, bar: Bar) -> None:
    """A bar, its whisker, the library before it and what it says behind it."""
    shade = look.colour(bar.peer, theme)
    first, middle, third = bar.quartiles
    end = 1.0
    if bar.error <= NO_ANSWER:
        end = max(middle, third, 1.0)
        if bar.exact:
            ax.barh(y, middle - 1.0, left=1.0, height=0.7, color=shade)
            ax.plot([first, third], [y, y], color=theme["ink"], linewidth=0.9, solid_capstyle="butt")
        else:
            ax.barh(
                y, middle - 1.0, left=1.0, height=0.62, facecolor="none", edgecolor=shade, linewidth=0.8,
                hatch="////", alpha=0.75,
            )  # fmt: skip
    name = look.library(bar.peer)
    before = ax.get_yaxis_transform()
    ax.text(
        -0.02, y, name, transform=before, ha="right", va="center", size=look.SMALL,
        color=theme["ink" if bar.exact else "soft"],
    )  # fmt: skip
    ax.annotate(
        _text(bar), (end, y), xytext=(5, 0), textcoords="offset points", va="center", size=look.SMALL,
        color=theme["ink" if bar.exact else "soft"],
    )  # fmt: skip


# -- the README's table ------------------------------------------------------------------------


def table_markdown(record: Document) -> str:
    """The README's table: what the picture shows, and under which conditions.

    Raises
    ------
    ValueError
        See `bars`.
    """
    found = bars(record)
    lines = ["| problem | sigmax | others, as multiples of that time |", "|---|--:|---|"]
    for group in chosen(found).values():
        cells = ", ".join(_cell(bar) for bar in group)
        lines.append(f"| {_plain(group[0].title)} | {words.seconds(group[0].ours)} | {cells} |")
    e = record["environment"]
    lines += [
        "",
        f"{_plain(e['cpu'])}, {record['threads']} threads, {words.date(record.get('date'))}; "
        f"{_versions(record, found)}. "
        "Of each library its fastest setting within 1e-6 standard errors (se) of the optimum; "
        "~~struck out~~: not that accurate.",
    ]
    if record["conditions"].get("busy"):
        lines += ["", "**The machine was busy: no ratio of this run counts.**"]
    return "\n".join(lines)


def _cell(bar: Bar) -> str:
    text = f"{_plain(bar.peer)} {bar.quartiles[1]:.1f}"
    return f"{text} ({words.power(bar.error)} se)" if bar.exact else f"~~{text}~~ ({words.off(bar.error)} se)"


def _versions(record: Document, found: Sequence[Bar]) -> str:
    e = record["environment"]
    named = {look.library(bar.peer): version(record, bar.peer) for bar in found}
    named = {"Python": e["python"], "NumPy": e["numpy"], **{"sigmax": e.get("sigmax", "")}, **named}
    return ", ".join(
        _plain(f"{name} {text}") for name, text in named.items() if text and "reference" not in name
    )


def _plain(text: str) -> str:
    """Of what a cell of Markdown would take for markup, nothing."""
    return "".join(f"\\{c}" if c in "|*_`<>[]~" else " " if c in "\r\n" else c for c in text)
