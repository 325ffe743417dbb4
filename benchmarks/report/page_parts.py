"""The page's tables of curves, roofline and scaling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import draw_curves
import draw_scaling
import words
from documents import Document, version
from markup import Raw, join, noted, row, table, tag

from sigmax.bench.report import number

_PROBLEMS = (
    "", "n", "p", "K", "rarest class", "correlation", "condition", "sizes", "zeros", "estimate", "X",
)  # fmt: skip


_EXISTS = {True: "exists", False: "does not exist", None: "not proved"}


def problems(record: Document) -> Raw:
    """What each problem is like; those whose data are missing, and why."""
    rows = []
    for one in record["problems"]:
        if "missing" in one:
            why = f"the data are missing: {one['missing']}"
            rows.append(row([words.title(one | {"problem": one["name"]}), why], class_="none", span=10))
            continue
        penalty = f", l2 {one['l2']:g}" if one["l2"] else ""
        many = f", {one['fits']:,} fits" if one["fits"] > 1 else ""
        correlation, condition, found = one["largest_correlation"], one["condition"], one["existence"]
        cells = [
            words.title(one | {"problem": one["name"]}), f"{one['n']:,}", f"{one['p']:,}", one["K"],
            f"{one['rarest']:.2g}", "" if correlation is None else f"{correlation:.2f}",
            "inf" if condition is None else f"{condition:.3g}", f"{one['scales']:.3g}",
            words.percent(one["zeros"]), _EXISTS[found["exists"]],
            words.amount(one["bytes"]),
        ]  # fmt: skip
        left = f"{one['dropped']:,} rows with missing values left out" if one["dropped"] else ""
        rows.append(noted(cells, [f"{one['construction']}{penalty}{many}", found["said"], left]))
    about = (
        "Rarest class: its share of the rows; correlation: the largest of two columns; condition: of X with "
        "standardised columns; sizes: largest over smallest standard deviation of a column."
    )
    return join([table(_PROBLEMS, rows), tag("p", about)], "\n")


_CURVES = ("", "version", "within 1e-6 se after", "last time", "last error, se", "budgets")


def curves(record: Document, problem: Mapping[str, Any]) -> Raw:
    """For each peer: when it is accurate, where it ends and why."""
    rows = []
    for curve in problem["curves"]:
        about = [curve["peer"], version(record, curve["peer"])]
        if not curve["points"]:
            why = f"missing: {curve['missing']}" if curve["missing"] else f"no answer: {curve['ended']}"
            rows.append(row([*about, why], text=2, class_="none", span=4))
            continue
        last, when = curve["points"][-1], draw_curves.reached(curve)
        warned = sorted({text for point in curve["points"] for text in point["warned"]})
        cells = [
            *about,
            "never" if when is None else words.seconds(when),
            words.seconds(words.median(last["seconds"])),
            words.power(last["error"]) if when is not None else words.off(last["error"]),
            len(curve["points"]),
        ]
        gaps = [f"{gap['budget']}: {gap['why']}" for gap in curve.get("gaps") or []]
        said = [curve["settings"], f"ended: {curve['ended']}", *gaps, *(f"warned: {text}" for text in warned)]
        kind = "ours" if curve["peer"] == "sigmax" else "off" if when is None else None
        rows.append(noted(cells, said, text=2, class_=kind))
    return table(_CURVES, rows, text=2)


def limits(record: Document) -> Raw:
    names = {"bandwidth": "read bandwidth", "dgemm": "DGEMM"}
    rows = []
    for what, name in names.items():
        for count, rate in record["limits"][what].items():
            rates = (f"{number(rate[key])} {rate['unit']}" for key in ("best", "median"))
            rows.append(noted([name, count, *rates, words.percent(rate["spread"])], [rate["how"]]))
    return table(("limit of the machine", "threads", "best", "median", "spread"), rows)


#: share of the limit above which it was none, and not just measured with some error
_ABOVE = 1.05


def roofline(record: Document) -> Raw:
    """Every point, also those that are not drawn."""
    rows = []
    for point in record["points"]:
        first, middle, third = (words.percent(share) for share in point["share"])
        time = words.median(point["seconds"])
        cells = [
            point["what"], f"{point['n']:,}", f"{point['p']:,}", point["K"],
            "yes" if point["intercept"] else "no", point["threads"], words.seconds(time),
            words.seconds(words.median(point["limit_seconds"])), middle, f"[{first} .. {third}]",
            number(1e-9 * point["bytes"] / time), number(1e-9 * point["flops"] / time),
            point["bound"], "" if point["reads"] is None else f"{point['reads']:.3g}",
        ]  # fmt: skip
        rows.append(row(cells))
    head = (
        "what", "n", "p", "K", "intercept", "threads", "median", "limit", "share", "[quartiles]", "GB/s",
        "GFLOP/s", "bound by", "reads",
    )  # fmt: skip
    left = "; ".join(_left_out(one) for one in record.get("left_out") or [])
    beyond = sum(point["share"][1] > _ABOVE for point in record["points"])
    above = (
        f"{beyond} of {len(rows)} medians lie above {words.percent(_ABOVE)} of their limit, which none can: "
        "the limit was measured too low in those rounds, or the data were in a cache."
    )
    parts = [limits(record), tag("p", above, class_="warn") if beyond else "", table(head, rows)]
    return join([*parts, tag("p", f"Left out: {left}.") if left else ""])


def _left_out(one: Mapping[str, Any]) -> str:
    where = ", ".join(f"{name} = {one[name]:,}" for name in ("n", "p", "K") if name in one)
    return f"{one.get('what', 'point')}, {where}: {one.get('why', '')}"


def slopes(record: Document) -> Raw:
    """Of times and of memory, with what theory says."""
    rows = []
    for kind, series in (("time", record["series"]), ("memory", record["memory"])):
        for one in series:
            slope = one["slope"]
            what = one.get("what", kind) if kind == "time" else kind
            cells = [one["along"], one["who"], what, _fixed(one)]
            if slope is None:
                rows.append(noted([*cells, "", "", ""], [one.get("ended") or "no slope was fitted"], text=4))
                continue
            theory = "" if slope["theory"] is None else slope["theory"]
            between = f"{slope['from']:,.0f} to {slope['to']:,.0f}"
            cells += [draw_scaling.slope_text(slope), theory, between]
            class_ = "ours" if one["who"] == "sigmax" else None
            rows.append(noted(cells, [slope["why"]], text=4, class_=class_))
    return table(("along", "who", "what", "fixed", "slope", "theory", "between"), rows, text=4)


def _fixed(one: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value:,}" for name, value in one["fixed"].items())


def times(record: Document) -> Raw:
    rows = []
    for one in record["series"]:
        for point in one["points"]:
            measured = bool(point["seconds"])
            cells = [
                one["along"], one["who"], one["what"], f"{point['x']:,}",
                words.seconds(words.median(point["seconds"])) if measured else "",
                words.seconds(min(point["seconds"])) if measured else "",
                words.percent(words.spread(point["seconds"])) if measured else "",
                "" if point["reads"] is None else f"{point['reads']:.3g}", point["note"],
            ]  # fmt: skip
            rows.append(row(cells, text=3))
    return table(("along", "who", "what", "value", "median", "fastest", "spread", "reads", ""), rows, text=3)


def memory(record: Document) -> Raw:
    rows = []
    for one in record["memory"]:
        for point in one["points"]:
            if point["peak"] is None or point["before"] is None:
                rows.append(row([one["along"], one["who"], f"{point['x']:,}: not measured"], text=2, span=8))
                continue
            above = point["peak"] - point["before"]
            cells = [
                one["along"], one["who"], f"{point['n']:,}", f"{point['p']:,}", point["K"],
                words.amount(point["data"]), words.amount(point["before"]), words.amount(point["peak"]),
                words.amount(max(above, 0)), f"{above / point['data']:.2f}",
            ]  # fmt: skip
            rows.append(row(cells, text=2))
        if one.get("ended"):
            rows.append(row([one["along"], one["who"], f"ended: {one['ended']}"], text=2, span=8))
    head = ("along", "who", "n", "p", "K", "X and y", "before", "peak", "peak - before", "of X and y")
    return table(head, rows, text=2)


def folded(title: str, content: Raw) -> Raw:
    return tag("details", tag("summary", title), content)
