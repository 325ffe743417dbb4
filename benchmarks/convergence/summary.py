"""The report of a campaign: a row for each family, the failures, and what was left out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from judge import Record
from problems import FAMILIES, PUBLISHED

ALL = "all"


def _worst(values: list[float], function: Any) -> float | None:
    known = [v for v in values if not math.isnan(v)]
    return float(function(known)) if known else None


def _where(records: list[Record], name: str, function: Any) -> int | None:
    known = [r for r in records if math.isfinite(getattr(r, name))]
    return function(known, key=lambda r: getattr(r, name)).index if known else None


def row(family: str, records: list[Record]) -> dict[str, Any]:
    """Figures of the records of one family, ready for JSON."""
    ran = [r for r in records if r.run]
    fitted = [r for r in ran if r.iterations >= 0]
    done = [r for r in fitted if r.converged]
    iterations = [r.iterations for r in done]
    ratios = [r.bound_over_error for r in fitted if r.bound_over_error < math.inf]
    return {
        "family": family,
        "problems": len(ran),
        "not_run": len(records) - len(ran),
        "converged": len(done),
        "failed": sum(bool(r.failures) for r in ran),
        "faults": sum(bool(r.faults) for r in ran),
        "worst_error": _worst([r.error for r in done], max),
        "where": {
            "error": _where(done, "error", max),
            "bound_over_error": _where(fitted, "bound_over_error", min),
            "passes": _where(done, "passes", max),
            "iterations": _where(done, "iterations", max),
            "condition": _where(ran, "condition", max),
        },
        "worst_bse_error": _worst([r.bse_error for r in done], max),
        "least_bound_over_error": _worst(ratios, min),
        "median_bound_over_error": _worst(ratios, np.median),
        "least_digits": _worst([r.digits for r in done], min),
        "worst_passes": _worst([r.passes for r in done], max),
        "iterations_50": _worst([float(i) for i in iterations], np.median),
        "iterations_99": _worst([float(i) for i in iterations], lambda v: np.percentile(v, 99)),
        "iterations_max": max(iterations, default=None),
        "worst_condition": _worst([r.condition for r in ran], max),
        "undamped_failures": sum(bool(r.undamped) for r in ran),
        "undamped_reasons": {
            reason: sum(r.undamped == reason for r in ran)
            for reason in sorted({r.undamped for r in ran} - {""})
        },
        "draws": sum(r.attempts for r in ran),
        "separated": sum(r.separated for r in ran),
        "dependent": sum(r.dependent for r in ran),
        "doubtful": sum(r.doubtful for r in ran),
        "checked_to_50_digits": sum(r.checked or r.oracle == "50 digits" for r in ran),
        "worst_oracle": _worst([r.oracle_off for r in ran], max),
        "seconds_fit": sum(r.seconds_fit for r in ran),
    }


def rows(records: list[Record]) -> list[dict[str, Any]]:
    """One row a family, in the order of `FAMILIES`, and one for all."""
    found = []
    for family in (PUBLISHED, *FAMILIES):
        mine = [r for r in records if r.family == family]
        if mine:
            found.append(row(family, mine))
    return [*found, row(ALL, records)]


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def as_text(table: list[dict[str, Any]]) -> str:
    """The table of `rows`."""
    width = max(len(r["family"]) for r in table)
    header = (
        f"{'family':{width}} {'problems':>8} {'converged':>9} {'failed':>6} {'error':>8} {'bound/err':>9}"
        f" {'passes':>6} {'iterations':>12} {'undamped fails':>15}"
    )
    below = (
        f"{'':{width}} {'':>8} {'':>9} {'':>6} {'worst se':>8} {'least':>9} {'worst':>6} {'50/99/max':>12}"
    )
    lines = [header, below, "-" * len(header)]
    for r in table:
        if r["family"] == ALL:
            lines.append("-" * len(header))
        if not r["problems"]:
            lines.append(f"{r['family']:{width}} NOT RUN ({r['not_run']}): this sigmax.fit takes no l2")
            continue
        iterations = "/".join(
            _cell(r[name], ".0f") for name in ("iterations_50", "iterations_99", "iterations_max")
        )
        share = 100.0 * r["undamped_failures"] / r["problems"]
        lines.append(
            f"{r['family']:{width}} {r['problems']:>8,} {r['converged']:>9,} {r['failed']:>6,}"
            f" {_cell(r['worst_error'], '.1e'):>8} {_cell(r['least_bound_over_error'], '.3g'):>9}"
            f" {_cell(r['worst_passes'], '.0f'):>6} {iterations:>12}"
            f" {r['undamped_failures']:>6,} {share:>6.2f} %"
        )
    total = table[-1]
    where = ", ".join(f"{name} {index}" for name, index in total["where"].items() if index is not None)
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in total["undamped_reasons"].items())
    lines += [
        "",
        f"worst of all, by index: {where or '-'}",
        f"undamped Newton: {reasons or 'no failure'}",
        f"draws: {total['draws']:,}, of them left out: {total['separated']:,} separated (none of which may be"
        f" called converged), {total['dependent']:,} with dependent columns, {total['doubtful']:,} undecided",
        f"oracle: within {_cell(total['worst_oracle'], '.1e')} standard errors at worst, by its own proof;"
        f" {total['checked_to_50_digits']:,} problems held against 50 digits, {total['faults']:,} faults",
    ]
    if total["not_run"]:
        lines.append(f"NOT RUN: {total['not_run']:,} problems with a penalty; sigmax.fit takes no l2 yet")
    return "\n".join(lines)


def failures_text(records: list[Record]) -> str:
    """Each failure with what is needed to see it again."""
    lines = []
    for r in records:
        for kind, found in (("FAILED", r.failures), ("FAULT of the harness", r.faults)):
            for what in found:
                lines.append(
                    f"{kind}: {what}\n    {r.problem or f'index {r.index}'}; condition {r.condition:.1e}"
                )
    return "\n".join(lines)


def record_text(record: Record) -> str:
    """All that is known of one problem."""
    return "\n".join(f"{name}: {value}" for name, value in record.as_json().items())
