"""What is drawn of the times, and the README's table: of each library its fastest accurate setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import look
import words
from documents import OUR_ERROR, WANTED, Document, version

from sigmax.bench.environment import threads_text


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
    if not any(bar.exact for bar in found if _other(bar)):
        raise ValueError("the run has no two times that can be compared")
    return found


def _other(bar: Bar) -> bool:
    """Whether the peer is of another library: sigmax's own Python twin is none."""
    return not look.library(bar.peer).startswith("sigmax")


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
    """Problem -> of each library the fastest that is exact, else the one nearest to it; fastest first."""
    groups: dict[str, dict[str, Bar]] = {}
    for bar in filter(_other, found):
        name = look.library(bar.peer)
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
    """In words: how much faster than the fastest other library that is exact.

    Faster is who is so in three quarters of the rounds: where 1 lies between the quartiles nobody is.
    """
    nearest = [group[0] for group in groups.values() if group[0].exact]
    ahead = [bar.quartiles[1] for bar in nearest if bar.quartiles[0] > 1.0]
    behind = _where("is faster", [bar for bar in nearest if bar.quartiles[2] < 1.0])
    level = _where("is as fast", [bar for bar in nearest if bar.quartiles[0] <= 1.0 <= bar.quartiles[2]])
    count = f"{len(nearest)} problem{'s' if len(nearest) > 1 else ''}"
    said = f"sigmax is not the fastest on any of {count}"
    if ahead:
        where = f"{len(ahead)} of {count}" if behind or level else f"all {count}"
        factor = words.bounds(ahead, lambda x: words.times(x).removesuffix("x"))
        said = f"sigmax is fastest on {where if len(nearest) > 1 else count}, {factor} times as fast as"
        said += " the next accurate library"
    said = "; ".join([said, *behind, *level])
    alone = len(groups) - len(nearest)
    return f"{said}; no other library is accurate on {alone} more" if alone else said


def _where(what: str, found: Sequence[Bar]) -> list[str]:
    """Of each peer: that it is so, and on which problems."""
    titles: dict[str, list[str]] = {}
    for bar in found:
        titles.setdefault(bar.peer, []).append(bar.title)
    return [f"{peer} {what} on {words.listed(where)}" for peer, where in titles.items()]


def summary(record: Document) -> str:
    """The finding, and what sigmax does not solve.

    Raises
    ------
    ValueError
        See `bars`.
    """
    said, failed = finding(chosen(bars(record))), unsolved(record)
    return f"{said}; it does not solve {words.listed(failed)}" if failed else said


def unsolved(record: Document) -> list[str]:
    """Problems on which sigmax itself did not reach the optimum: no time of theirs is compared."""
    rows = [row for row in record["rows"] if row["ours_seconds"] and not sound(row)]
    return list(dict.fromkeys(words.title(row) for row in rows))


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
        f"{_plain(e['cpu'])}, {threads_text(record['threads'])}, {words.date(record['date'])}; "
        f"{_versions(record, found)}. "
        "Of each library its fastest setting within 1e-6 standard errors (se) of the optimum; "
        "~~struck out~~: not that accurate.",
    ]
    failed = unsolved(record)
    if failed:
        lines += ["", f"sigmax did not solve {_plain(words.listed(failed))}."]
    if record["conditions"].get("busy"):
        lines += ["", "**The machine was busy: no ratio of this run counts.**"]
    if record["conditions"].get("slowed"):
        lines += ["", "**Heat or a quota slowed the processor down.**"]
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
