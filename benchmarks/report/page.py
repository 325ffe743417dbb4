"""One page with everything: tables, figures within, no other file, no script, no network."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import bars
import draw_curves
import draw_roofline
import draw_scaling
import look
import page_parts
import page_speed
import words
from documents import Document, warning
from markup import STYLE, Raw, esc, join, row, table, tag
from parts import PARTS, SLOW

from sigmax.bench.conditions import LIMIT

Documents = Mapping[str, Document]
#: key of a figure -> SVG in the light theme
Figures = Mapping[str, str]

#: of each picture but the curves'
_FINDINGS: dict[str, Callable[[Document], str]] = {
    "speed": bars.summary,
    "roofline": draw_roofline.finding,
    "scaling": draw_scaling.finding,
}
_ABOUT = (
    "Times of maximum-likelihood logistic and multinomial regression, of sigmax and of other libraries, "
    "at equal accuracy. The optimum of each problem is certified without sigmax, and every answer is "
    "measured against it in standard errors (se). A time whose answer is not within 1e-6 standard errors "
    "is struck out: it is not the time of the same work."
)
_TINY = "The problems were tiny, as in the tests, and the times say nothing about speed"
_BUSY = "The machine was busy with other work, so that no ratio counts"
_SLOWED = "Heat or a quota slowed the processor down"
_METHOD = (
    "Each problem has a seed or a published source; its table says whether the estimate is proved to exist.",
    "The optimum comes from extended precision, without sigmax; the error of an answer is the largest "
    "distance of a coefficient to it, in standard errors, and the gradient is max |g_j| se_j.",
    "A peer gets the loosest tolerance with which it comes within 1e-6, or, where it never does, the one "
    "that comes nearest, and its time is struck out.",
    "Every library gets the layout of the data that it prefers, which is not timed, and the same number "
    "of threads.",
    "In each round all take part once, in turns, every other round backwards; warm-ups are dropped. "
    f"A peer whose fit takes longer than {SLOW} s is timed once, and then has no spread.",
    "A ratio is the peer's time over sigmax's in the same round; shown are the median over rounds and the"
    " quartiles, and spread is (max - min) / median.",
    "The peer that does nothing returns coefficients it was handed: its time is the cost of the harness.",
    "Curves rerun each fit with growing budgets of iterations; every point is a fit from the start.",
    "Limits of the machine are measured in turns with what is held against them: the bandwidth of reading "
    "is that of the same round, the rate of DGEMM the best of the run.",
    "A run notes load, CPU time of others, throttling and frequencies; where others, or the host of a "
    f"virtual machine, took more than {LIMIT:g} CPUs on average no ratio counts.",
)


def page(documents: Documents, figures: Figures, refused: str = "") -> str:
    """The report.

    Parameters
    ----------
    documents : mapping of str to dict
        By part.
    figures : mapping of str to str
        Light SVG by key: the part, of curves "curves-" and the problem.
    refused : str
        Why there is no figure of speed; empty where there is one.
    """
    labels = _labels(documents)
    drawn = {key: _figure(key, svg, labels[key]) for key, svg in figures.items()}
    threads, tiny = _run(documents)
    sections = [
        tag("h1", "Exact logistic regression: the benchmark"),
        tag("p", _ABOUT),
        tag("nav", *(tag("a", part.title, href=f"#{name}") for name, part in PARTS.items()),
            tag("a", "Machine", href="#machine"), tag("a", "Method", href="#method"),
            tag("a", "To make it again", href="#again")),
        *_warnings(documents),
        _section("machine", "Machine and conditions", _machine(documents)),
    ]  # fmt: skip
    writers = {
        "problems": _problems,
        "speed": _speed,
        "curves": _curves,
        "roofline": _roofline,
        "scaling": _scaling,
    }
    for name, part in PARTS.items():
        document = documents.get(name)
        if document is None:
            content = tag(
                "p", "This part was not measured. The command that does: ", tag("code", part.how(threads))
            )
        else:
            content = writers[name](document, drawn, refused)
        sections.append(_section(name, part.title, content))
    sections.append(_section("method", "Method", tag("ol", *(tag("li", text) for text in _METHOD))))
    commands = "\n".join(part.how(threads, tiny=tiny) for part in PARTS.values())
    all_of_it = f"sigmax bench --full --threads {threads} --out DIR{' --tiny' if tiny else ''}"
    whole = tag("p", "All of it: ", tag("code", all_of_it), ". The parts, one by one:")
    again = join([whole, tag("pre", tag("code", commands + "\npython benchmarks/report/draw.py DIR"))])
    sections.append(_section("again", "To make it again", again))
    return _document(join(sections, "\n"))


def _document(body: Raw) -> str:
    dark = "@media (prefers-color-scheme:dark){:root{" + look.variables("dark") + "}}"
    style = f":root{{color-scheme:light dark;{look.variables('light')}}}\n{dark}{STYLE}"
    head = join(
        [
            Raw('<meta charset="utf-8">'),
            Raw('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            tag("title", "sigmax: the benchmark"),
            Raw(f"<style>{style}</style>"),
        ],
        "\n",
    )
    made = Raw(f'<html lang="en">\n{tag("head", head)}\n{tag("body", body)}\n</html>')
    return f"<!DOCTYPE html>\n{made}\n"


def _run(documents: Documents) -> tuple[int, bool]:
    """Threads of the first part that was measured, and whether all that were are tiny."""
    threads = next((document["threads"] for document in documents.values()), 2)
    return threads, bool(documents) and all(document["tiny"] for document in documents.values())


def _labels(documents: Documents) -> dict[str, str]:
    """Key of a figure -> what it shows, for readers who do not see it: its finding, as above it."""
    said: dict[str, str] = {}
    for name, document in documents.items():
        about = f"{PARTS[name].title}: {warning(document)}"
        if name == "curves":
            problems = draw_curves.names(document).items()
            said |= {f"curves-{key}": about + draw_curves.finding(problem) for key, problem in problems}
        elif name in _FINDINGS:
            with contextlib.suppress(ValueError):  # there is no such figure
                said[name] = about + _FINDINGS[name](document)
    return said


def _figure(key: str, svg: str, label: str) -> Raw:
    drawn = look.inlined(svg, key, esc(f"{label}. The figures are in the tables below."))
    return tag("figure", tag("div", Raw(drawn), class_="wide"))


def _section(name: str, title: str, content: Raw) -> Raw:
    return tag("section", tag("h2", title), content, id=name)


# -- the machine -------------------------------------------------------------------------------


def _warnings(documents: Documents) -> list[Raw]:
    """What takes the worth from a part, where it cannot be overlooked."""
    said: dict[str, list[str]] = {}
    for name, document in documents.items():
        c = document["conditions"]
        if document["tiny"]:
            said.setdefault(_TINY, []).append(PARTS[name].title)
        if c.get("busy"):
            used = f" ({c['others']:.2f} CPUs)" if c.get("others") is not None else ""
            said.setdefault(_BUSY, []).append(PARTS[name].title + used)
        if c.get("slowed"):
            said.setdefault(_SLOWED, []).append(PARTS[name].title)
    return [
        tag("p", f"{text}: {words.listed(titles)}.", class_="warn", role="alert")
        for text, titles in said.items()
    ]


def _machine(documents: Documents) -> Raw:
    machines: dict[str, list[str]] = {}
    for name, document in documents.items():
        machines.setdefault(_about(document["environment"]), []).append(PARTS[name].title)
    several = len(machines) > 1
    parts = [
        tag("p", f"{words.listed(titles)}: {about}" if several else about)
        for about, titles in machines.items()
    ]
    if several:
        text = "The parts differ in machine or versions: do not compare across them."
        parts.append(tag("p", text, class_="warn"))
    # each part loads the BLAS that it needs, and no other
    loaded = [text for d in documents.values() for text in _blas(d["environment"].get("blas") or [])]
    if loaded:
        parts.append(tag("p", f"BLAS: {'; '.join(dict.fromkeys(loaded))}."))
    return join([*parts, _conditions(documents), _libraries(documents)])


def _about(e: Mapping[str, Any]) -> str:
    isa = ", ".join(f"{name} ({text})" for name, text in (e.get("isa") or {}).items())
    cache = e.get("cache_bytes")
    said = [
        f"{e['cpu']}, {e.get('cpus', '?')} CPUs, {e.get('usable_cpus', '?')} usable",
        f"last-level cache {cache / 2**20:.0f} MiB" if cache else "",
        f"memory {words.amount(e['memory_bytes'])}" if e.get("memory_bytes") else "",
        f"{e.get('platform', '')} {e.get('release', '')}".strip(),
        "a virtual machine" if e.get("virtual") else "",
        f"Python {e['python']}, NumPy {e['numpy']}, SciPy {e.get('scipy', '?')}",
        f"sigmax {e.get('sigmax', '?')}",
        f"backends: {isa}" if isa else "",
        f"only the reference backend: {e['why_not_compiled']}" if e.get("why_not_compiled") else "",
    ]
    return "; ".join(text for text in said if text) + "."


def _blas(found: Any) -> list[str]:
    """Text, or a dict for each library."""
    if not isinstance(found, list):
        return [str(found)]
    return [" ".join(str(text) for key, text in one.items() if key != "threads") for one in found]


def _conditions(documents: Documents) -> Raw:
    rows = [
        row([PARTS[name].title, words.date(d["date"]), d["threads"], *_watched(d["conditions"])])
        for name, d in documents.items()
    ]
    head = (
        "part",
        "date",
        "threads",
        "duration",
        "load",
        "CPUs of others",
        "stolen",
        "throttled",
        "MHz",
        "governor",
    )
    return table(head, rows)


def _watched(c: Mapping[str, Any]) -> list[str]:
    throttled, clock = c.get("throttled"), c.get("megahertz")
    return [
        f"{c['seconds'] / 60.0:.1f} min" if c.get("seconds") is not None else "unknown",
        " to ".join(_known(c.get(f"load_{when}")) for when in ("before", "after")),
        _known(c.get("others")),
        _known(c.get("stolen")),
        "unknown" if throttled is None else ", ".join(f"{k} {v}" for k, v in throttled.items() if v) or "no",
        "unknown" if clock is None else f"{clock[0]:.0f} to {clock[1]:.0f}",
        ", ".join(c["governors"]) if c.get("governors") else "unknown",
    ]


def _known(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def _libraries(documents: Documents) -> Raw:
    found: dict[str, list[str]] = {}
    for document in documents.values():
        for name, text in document["libraries"].items():
            versions = found.setdefault(name, [])
            if (text or "missing") not in versions:
                versions.append(text or "missing")
    if not found:
        return Raw("")
    said = [f"{name} {' or '.join(versions)}" for name, versions in sorted(found.items())]
    return tag("p", "Libraries: " + "; ".join(said) + ".")


# -- the parts ---------------------------------------------------------------------------------


def _problems(document: Document, drawn: Mapping[str, Raw], refused: str) -> Raw:
    return page_parts.problems(document)


def _speed(document: Document, drawn: Mapping[str, Raw], refused: str) -> Raw:
    picture = drawn.get("speed") or tag("p", f"No figure: {refused}.", class_="warn")
    legend = (
        "Below: every peer, accurate answers first, by time. Gradient: max |g_j| se_j at the answer; digits: "
        "correct ones of the worst coefficient."
    )
    missed = document.get("missed") or []
    note = tag("p", f"Targets that were missed: {'; '.join(missed)}.") if missed else Raw("")
    return join(
        [picture, tag("p", legend), note, page_speed.tables(document), page_speed.memory(document)], "\n"
    )


def _curves(document: Document, drawn: Mapping[str, Raw], refused: str) -> Raw:
    keys = {id(problem): f"curves-{name}" for name, problem in draw_curves.names(document).items()}
    parts = []
    for problem in document["problems"]:
        parts.append(drawn.get(keys.get(id(problem), ""), tag("h3", words.title(problem))))
        parts.append(page_parts.folded("All peers", page_parts.curves(document, problem)))
    return join(parts, "\n")


def _roofline(document: Document, drawn: Mapping[str, Raw], refused: str) -> Raw:
    return join([drawn.get("roofline", Raw("")), page_parts.roofline(document)], "\n")


def _scaling(document: Document, drawn: Mapping[str, Raw], refused: str) -> Raw:
    times = page_parts.folded("All times", page_parts.times(document))
    memory = join([tag("h3", "Memory"), page_parts.memory(document)])
    return join([drawn.get("scaling", Raw("")), page_parts.slopes(document), times, memory], "\n")
