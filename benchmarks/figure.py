"""The README's figure: times of other libraries as multiples of sigmax's, from a run of exact_optimum.

    python benchmarks/exact_optimum --json docs/figures/speed.json --problems binary_2000000x20 ...
    python benchmarks/figure.py docs/figures/speed.json docs/figures

writes speed-light.svg and speed-dark.svg, and prints the table of the README.  A bar is the median over
rounds, its whisker the quartiles; beside it stands how far the peer ends from the optimum, in standard
errors.  Times of a side that is no answer are not drawn (see exact_optimum/rows.py).
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import pyplot

#: problem -> what a reader calls it
TITLES = {
    "binary_2000000x20": "2,000,000 x 20",
    "binary_500000x100": "500,000 x 100",
    "binary_100000x500": "100,000 x 500",
    "classes5_500000x50": "500,000 x 50, 5 classes",
    "classes10_20000x784_l2": "20,000 x 784, 10 classes, l2",
    "small_569x30_l2": "569 x 30, l2",
    "small_500x10": "500 x 10",
    "anes96": "anes96, 944 x 5, 7 classes",
    "bootstrap_10000_of_500x5": "10,000 refits of 500 x 5",
    "groups_10000_of_200x4": "10,000 groups of 200 x 4",
}
#: library -> colour; a name that begins so
COLOURS = {
    "scikit-learn-intelex": "#E69F00",
    "scikit-learn": "#0072B2",
    "glum": "#009E73",
    "statsmodels": "#CC79A7",
    "loop over statsmodels": "#CC79A7",
}
THEMES = {
    "light": {"ink": "#24292f", "faint": "#d0d7de", "ours": "#D55E00", "background": "#ffffff"},
    "dark": {"ink": "#e6edf3", "faint": "#30363d", "ours": "#ff8c42", "background": "#0d1117"},
}


@dataclass(frozen=True)
class Bar:
    """One peer on one problem."""

    problem: str
    peer: str
    ours: float
    theirs: float
    quartiles: tuple[float, float, float]
    error: float


def bars(record: dict[str, Any]) -> list[Bar]:
    """What can be compared, in the order of the run.

    Raises
    ------
    ValueError
        The run was one of tiny problems, or has nothing to compare.
    """
    if record["tiny"]:
        raise ValueError("the run was of tiny problems, which say nothing; run exact_optimum without --tiny")
    found = [
        Bar(
            problem=row["problem"],
            peer=row["peer"],
            ours=sorted(row["ours_seconds"])[len(row["ours_seconds"]) // 2],
            theirs=sorted(row["theirs_seconds"])[len(row["theirs_seconds"]) // 2],
            quartiles=tuple(row["quartiles"]),
            error=row["theirs_error"],
        )
        for row in record["rows"]
        if row["quartiles"]
    ]
    if not found:
        raise ValueError("the run has no two times that can be compared")
    return found


def colour(peer: str) -> str:
    return next((shade for name, shade in COLOURS.items() if peer.startswith(name)), "#8A8A8A")


def seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1.0 else f"{1e3 * value:.3g} ms"


def draw(record: dict[str, Any], path: Path, theme: dict[str, str]) -> None:
    """One picture, as SVG whose bytes depend on the record alone."""
    found = bars(record)
    problems = list(dict.fromkeys(bar.problem for bar in found))
    y, places, ticks, titles = 0.0, [], [], []
    for problem in problems:
        group = [bar for bar in found if bar.problem == problem]
        top = y
        for bar in group:
            places.append((y, bar))
            y += 1.0
        ticks.append((top + y - 1.0) / 2.0)
        titles.append(f"{TITLES.get(problem, problem)}\nsigmax {seconds(group[0].ours)}")
        y += 0.9
    style = {
        "svg.hashsalt": "sigmax",
        "svg.fonttype": "path",
        "font.size": 9.5,
        "text.color": theme["ink"],
        "axes.labelcolor": theme["ink"],
        "xtick.color": theme["ink"],
        "ytick.color": theme["ink"],
    }
    with pyplot.rc_context(style):
        figure, ax = pyplot.subplots(figsize=(8.6, 0.27 * y + 1.2), layout="constrained")
        figure.set_facecolor(theme["background"])
        ax.set_facecolor(theme["background"])
        for place, bar in places:
            low, middle, high = bar.quartiles
            ax.barh(place, middle - 1.0, left=1.0, height=0.78, color=colour(bar.peer))
            ax.plot([low, high], [place, place], color=theme["ink"], linewidth=1.0)
            text = f" {middle:.1f}x  {bar.peer}, {bar.error:.0e} se off"
            ax.text(max(middle, high, 1.0) * 1.02, place, text, va="center", fontsize=8.5)
        ax.axvline(1.0, color=theme["ours"], linewidth=2.0)
        ax.set_xscale("log")
        low = min(1.0, *(bar.quartiles[0] for bar in found))
        high = max(bar.quartiles[2] for bar in found)
        ax.set_xlim(0.9 * low, high * 14.0)
        marks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if tick <= high * 1.2]
        ax.set_xticks(marks, [f"{tick}x" for tick in marks])
        ax.minorticks_off()
        ax.set_yticks(ticks, titles)
        ax.tick_params(length=0)
        ax.invert_yaxis()
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)
        ax.spines["bottom"].set_color(theme["faint"])
        ax.grid(axis="x", color=theme["faint"], linewidth=0.6)
        ax.set_axisbelow(True)
        ax.set_xlabel("time of the other library, in times of sigmax's")
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)


def table(record: dict[str, Any]) -> str:
    """The README's table."""
    lines = ["| problem | sigmax | others, as multiples of that time |", "|---|--:|---|"]
    found = bars(record)
    for problem in dict.fromkeys(bar.problem for bar in found):
        group = [bar for bar in found if bar.problem == problem]
        others = ", ".join(f"{bar.peer} {bar.quartiles[1]:.1f} ({bar.error:.0e} se)" for bar in group)
        lines.append(f"| {TITLES.get(problem, problem)} | {seconds(group[0].ours)} | {others} |")
    e = record["environment"]
    lines.append("")
    lines.append(f"{e['cpu']}, {record['threads']} threads, Python {e['python']}, NumPy {e['numpy']}.")
    return "\n".join(lines)


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("record", type=Path, help="what exact_optimum --json wrote")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    options = parser.parse_args(given)
    record = json.loads(options.record.read_text())
    for name, theme in THEMES.items():
        draw(record, options.folder / f"speed-{name}.svg", theme)
    print(table(record))
    return 0


if __name__ == "__main__":
    sys.exit(main())
