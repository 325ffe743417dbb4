"""The report, as text and as JSON."""

from __future__ import annotations

from typing import Any

from oracles.limits import limit
from run import Found

#: quantities in the order of the table
ORDER = (
    "exp",
    "sigmoid",
    "1 - sigmoid",
    "log1pexp",
    "log_expit",
    "tanh",
    "nll",
    "residual",
    "weight",
    "softmax",
    "1 - softmax",
    "log_softmax",
    "cross-entropy",
    "residual of the cross-entropy",
    "logsumexp",
    "logsumexp that cancels, of its bound",
    "softmax_rows nll",
    "softmax_rows residual",
    "softmax_rows weight, diagonal",
    "softmax_rows weight, off-diagonal",
    "binary_line change",
    "softmax_line change",
    "softmax_line change, of its bound",
)


def results(found: Found) -> list[dict[str, Any]]:
    """A row for each quantity, number of classes and backend, ready for JSON."""
    rows = []
    for (quantity, K, backend), tally in found.tallies.items():
        allowed = limit(backend, quantity, K, promised=True)
        rows.append(
            {
                "quantity": quantity,
                "classes": K,
                "backend": backend,
                "points": tally.count,
                "worst": tally.worst if tally.count else None,
                "where": tally.where,
                "quantile_999": tally.quantile(0.999) if tally.count else None,
                "limit": allowed,
                "holds": tally.worst <= allowed if tally.count and allowed is not None else None,
            }
        )
    rows.sort(key=lambda r: (r["backend"], ORDER.index(r["quantity"]), r["classes"] or 0))
    return rows


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def as_text(rows: list[dict[str, Any]]) -> str:
    """The table; below each line, where the worst error is."""
    width = max(len(r["quantity"]) for r in rows)
    header = f"{'quantity':{width}} {'K':>4} {'points':>10} {'worst':>8} {'99.9 %':>7} {'limit':>6}"
    lines = []
    for backend in dict.fromkeys(r["backend"] for r in rows):
        lines += ["", f"{backend}: errors in ulp", "", header, "-" * len(header)]
        for r in (r for r in rows if r["backend"] == backend):
            verdict = {True: "", False: "  EXCEEDED", None: ""}[r["holds"]]
            lines.append(
                f"{r['quantity']:{width}} {_cell(r['classes'], 'd'):>4} {r['points']:>10,}"
                f" {_cell(r['worst'], '.3f'):>8} {_cell(r['quantile_999'], '.3f'):>7}"
                f" {_cell(r['limit'], 'g'):>6}{verdict}"
            )
            if r["points"]:
                lines.append(f"    {r['where']}")
    return "\n".join(lines)


def environment_text(environment: dict[str, Any], options: dict[str, Any]) -> str:
    lines = [f"{name}: {value}" for name, value in {**environment, **options}.items()]
    return "\n".join(lines)


def specials_text(found: list[tuple[str, str, tuple[float, ...], tuple[float, ...], bool]]) -> str:
    """Each case once, with the backends that differ from what is documented, if any."""
    backends = list(dict.fromkeys(one[0] for one in found))
    wrong = [one for one in found if not one[-1]]
    lines = [f"special values: {len(found) // max(len(backends), 1)} cases on {', '.join(backends)}", ""]
    for _, case, wanted, _, _ in (one for one in found if one[0] == backends[0]):
        lines.append(f"    {case} = {', '.join(map(repr, wanted))}")
        for backend, other, _, got, _ in wrong:
            if other == case:
                lines.append(f"        WRONG on {backend}: {', '.join(map(repr, got))}")
    lines.append(f"{len(wrong)} differ")
    return "\n".join(lines)
