"""The page's tables of times: for each problem every peer, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import words
from bars import exact, sound
from documents import Document, version
from markup import Raw, join, noted, row, table, tag

_HEAD = (
    "",
    "median",
    "fastest",
    "spread",
    "error, se",
    "digits",
    "gradient",
    "warned",
    "times sigmax's [quartiles]",
)
_TEXT = 1

Row = dict[str, Any]


def tables(record: Document) -> Raw:
    """A heading and a table for each problem."""
    parts = []
    for problem in dict.fromkeys(entry["problem"] for entry in record["rows"]):
        group = [entry for entry in record["rows"] if entry["problem"] == problem]
        parts += [tag("h3", words.title(group[0])), _table(record, group)]
    return join(parts, "\n")


def _table(record: Document, group: Sequence[Row]) -> Raw:
    first = group[0]
    body = []
    if first["ours_seconds"]:
        body.append(_ours(record, first))
        if first.get("ours_read_seconds"):
            body.append(_ours(record, first, "ours_read_seconds", "sigmax, standard errors read"))
    exact_first = sorted(group, key=_order)
    return table(_HEAD, [*body, *(_theirs(record, entry) for entry in exact_first)], text=_TEXT)


def _order(entry: Row) -> tuple[int, float]:
    """Accurate answers by time, then the others, then those that are none."""
    times = entry["theirs_seconds"]
    if not times:
        return (3, 0.0)
    kind = 2 if entry.get("does_nothing") else 0 if exact(entry) else 1
    return (kind, words.median(times))


def _named(record: Document, name: str, peer: str) -> Raw:
    """With the version of its library."""
    return join([name, " ", tag("small", version(record, peer))])


def _timing(values: Sequence[float], *, struck: bool) -> list[object]:
    """Median, fastest, spread; struck out where the answer is not the optimum."""
    cells = [words.seconds(words.median(values)), words.seconds(min(values))]
    spread = words.percent(words.spread(values)) if len(values) > 1 else "timed once"
    return [*(tag("s", cell) for cell in cells), spread] if struck else [*cells, spread]


def _judged(entry: Row, side: str, *, too_large: bool) -> list[str]:
    error, digits, gradient = (entry.get(f"{side}_{what}") for what in ("error", "digits", "gradient"))
    write = words.off if too_large else words.power
    return [
        write(error),
        "" if digits is None else f"{digits:.1f}",
        "" if gradient is None else words.power(gradient),
    ]


def _ours(record: Document, entry: Row, times: str = "ours_seconds", name: str = "sigmax") -> Raw:
    good = sound(entry)
    main = times == "ours_seconds"
    judged = _judged(entry, "ours", too_large=not good) if main else ["", "", ""]
    passes = entry.get("passes")
    said = "" if passes is None or not main else f"{passes:.3g} reads of the data"
    wrong = "" if good else "not the optimum: no time of this problem is compared"
    cells = [_named(record, name, "sigmax"), *_timing(entry[times], struck=not good), *judged, "", ""]
    return noted(cells, [said, wrong], text=_TEXT, class_="ours")


def _theirs(record: Document, entry: Row) -> Raw:
    peer = entry["peer"] or "all"
    if not entry["theirs_seconds"]:
        return _absent(record, entry, peer)
    struck = not exact(entry) or entry["verdict"] == "STRUCK OUT"
    ratio: object = ""
    if entry["quartiles"] and not entry.get("does_nothing"):
        first, middle, third = entry["quartiles"]
        ratio = f"{words.times(middle)} [{words.times(first)} .. {words.times(third)}]"
    cells = [
        _named(record, peer, peer),
        *_timing(entry["theirs_seconds"], struck=struck),
        *_judged(entry, "theirs", too_large=struck),
        _warned(entry),
        tag("s", ratio) if struck and ratio else ratio,
    ]
    kind = "none" if entry.get("does_nothing") else "off" if struck else None
    return noted(cells, _remarks(entry), text=_TEXT, class_=kind)


def _warned(entry: Row) -> object:
    texts = entry.get("theirs_warned") or []
    return tag("span", "yes", title="\n".join(texts)) if texts else ""


def _remarks(entry: Row) -> list[str]:
    said = [entry["remark"]]
    if entry.get("theirs_converged") is False and "did not converge" not in entry["remark"]:
        said.append("says it did not converge")
    said += [f"warned: {text}" for text in entry.get("theirs_warned") or [] if text not in entry["remark"]]
    target = entry.get("at_least")
    if target is not None:
        said.append(f"asked: {target:g}x, {entry['verdict']}")
    return said


def _absent(record: Document, entry: Row, peer: str) -> Raw:
    """A peer that gave no answer: missing, or what it raised."""
    what = {"missing": "missing", "not available yet": "not available yet", "not measured": "not measured"}
    kind = what.get(entry["verdict"], "no answer, raised")
    why = f"{kind}: {entry['remark']}" if entry["remark"] else kind
    return row([_named(record, peer, peer), why], text=_TEXT, class_="none", span=len(_HEAD) - 1)


def memory(record: Document) -> Raw:
    """Peak memory of fits, where it was measured."""
    peaks = {name: peak for name, peak in (record.get("peak_memory") or {}).items() if peak}
    if not peaks:
        return Raw("")
    rows = [
        row([words.TITLES.get(name, name), *(words.amount(peak[key]) for key in ("X", "peak", "formula"))])
        for name, peak in peaks.items()
    ]
    head = ("", "X", "peak of sigmax above X and y", "bound that is promised")
    return join([tag("h3", "Peak memory"), table(head, rows)])
