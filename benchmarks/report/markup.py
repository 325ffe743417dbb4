"""HTML, escaped where it is made: text that is not markup cannot become it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


class Raw(str):
    """Markup: everything else is text."""


def esc(text: object) -> Raw:
    """Markup as it is, text escaped."""
    return text if isinstance(text, Raw) else Raw(html.escape(str(text), quote=True))


def join(parts: Iterable[object], between: str = "") -> Raw:
    return Raw(between.join(esc(part) for part in parts))


def tag(name: str, *children: object, **attributes: object) -> Raw:
    """An element; `class_` stands for class, attributes that are None are left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{esc(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Raw(f"<{name}{given}>{join(children)}</{name}>")


def table(head: Sequence[str], body: Iterable[Raw], *, text: int = 1) -> Raw:
    """A table that can be wider than the page; the first `text` columns are flush left, and the last one.

    Parameters
    ----------
    head : sequence of str
    body : iterable of Raw
        Rows.
    text : int
    """
    cells = [tag("th", name, class_="l" if j < text else None, scope="col") for j, name in enumerate(head)]
    made = tag("table", tag("thead", tag("tr", *cells)), tag("tbody", join(body, "\n")))
    return tag("div", made, class_="wide")


def row(cells: Sequence[object], *, text: int = 1, class_: str | None = None, span: int = 1) -> Raw:
    """Of a table; the first `text` cells are flush left; the last one spans `span` columns."""
    made = []
    for j, cell in enumerate(cells):
        last = j == len(cells) - 1
        left = j < text or (last and span > 1)
        made.append(
            tag("td", cell, class_="l" if left else None, colspan=span if last and span > 1 else None)
        )
    return tag("tr", *made, class_=class_)


def noted(cells: Sequence[object], said: Sequence[str], *, text: int = 1, class_: str | None = None) -> Raw:
    """A row, and below it what has to be said, as wide as the row."""
    note = "; ".join(part for part in said if part)
    if not note:
        return row(cells, text=text, class_=class_)
    below = tag("tr", tag("td", note, class_="note", colspan=len(cells)))
    return join([row(cells, text=text, class_=f"{class_ or ''} said".strip()), below], "\n")


STYLE = """
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:68rem;background:var(--background);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0 1rem}
h2{font-size:1.3rem;margin:2.5rem 0 .6rem;border-bottom:1px solid var(--faint);padding-bottom:.2rem}
h3{font-size:1.02rem;margin:1.6rem 0 .4rem}
p{max-width:46rem}
nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem}
a{color:var(--sklearn)}
.wide{overflow-x:auto;margin:.4rem 0}
table{border-collapse:collapse;font-size:.84rem;line-height:1.35;font-variant-numeric:tabular-nums;
min-width:60%}
th,td{padding:.22rem .55rem;text-align:right;vertical-align:top;white-space:nowrap}
th{border-bottom:1px solid var(--soft);font-weight:600}
td{border-bottom:1px solid var(--faint)}
th:first-child,td:first-child{padding-left:0}
.l,td.note{text-align:left}
td:first-child{white-space:normal;max-width:19rem}
td.note{white-space:normal;color:var(--soft);font-size:.8rem;padding:0 .55rem .25rem 1rem}
tr.said td{border-bottom:0}
small{color:var(--soft);font-weight:400;font-size:.78rem}
td[colspan]{white-space:normal}
td:first-child.note{padding-left:1rem;max-width:none}
tr.ours td{color:var(--sigmax);font-weight:600}
tr.off td,tr.none td{color:var(--soft)}
s{text-decoration-thickness:1.5px}
.warn{border-left:4px solid var(--sigmax);padding:.5rem .8rem;margin:.8rem 0;font-weight:600;max-width:46rem}
figure{margin:1rem 0}
figure svg{display:block;width:100%;min-width:38rem;height:auto}
pre{overflow-x:auto;background:var(--faint);padding:.6rem .8rem;font-size:.84rem}
code{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
summary{cursor:pointer;color:var(--sklearn)}
ol li{margin:.25rem 0;max-width:46rem}
@media (max-width:40rem){
td:first-child,th:first-child{white-space:normal;min-width:7.5rem}
small{display:block}}
@media (max-width:30rem){body{padding:.7rem;font-size:15px}h1{font-size:1.35rem}}
"""
