"""The report of a campaign: the confusion matrix, what was wrong, and which problems to look at."""

from __future__ import annotations

from collections import Counter
from typing import Any

from judge import ANOTHER, COMPLETE, EXISTS, QUASI, RAISES, UNDECIDED, UNKNOWN, Record
from kinds import KINDS

TRUTHS = (EXISTS, COMPLETE, QUASI)
SAID = (EXISTS, COMPLETE, QUASI, UNKNOWN, UNDECIDED, ANOTHER, RAISES)
#: what a failure begins with
WHATS = (
    "raises",
    "exists",
    "undecided",
    "separation",
    "kind",
    "direction",
    "infinite",
    "rows",
    "aliased",
    "params",
    "limit",
    "llf",
    "prediction",
    "warning",
)
#: problems of one sort that are named
_NAMED = 12


def what_of(failure: str) -> str:
    """The word that a failure begins with."""
    return failure.split(":", 1)[0]


def table(records: list[Record]) -> dict[str, Any]:
    """All counts, ready for JSON."""
    confusion = Counter((r.truth, r.said) for r in records)
    kinds = {}
    for kind in KINDS:
        mine = [r for r in records if r.kind == kind]
        if mine:
            kinds[kind] = {
                "problems": len(mine),
                **{truth: sum(r.truth == truth for r in mine) for truth in TRUTHS},
                "undecided": sum(r.said == UNDECIDED for r in mine),
                "failed": sum(bool(r.failures) for r in mine),
            }
    return {
        "problems": len(records),
        "confusion": {t: {s: confusion[t, s] for s in SAID} for t in TRUTHS},
        "wrong": {w: sum(any(what_of(f) == w for f in r.failures) for r in records) for w in WHATS},
        "undecided": dict(Counter(r.reason for r in records if r.said == UNDECIDED)),
        "failed": sum(bool(r.failures) for r in records),
        "doubtful_rank": sum(r.doubtful_rank for r in records),
        "unconverged": {
            reason: [r.index for r in records if r.unconverged == reason]
            for reason in sorted({r.unconverged for r in records} - {""})
        },
        "judged_limit": sum(r.judged_limit for r in records),
        "kinds": kinds,
        "seconds_oracle": sum(r.seconds_oracle for r in records),
        "seconds_fit": sum(r.seconds_fit for r in records),
    }


def as_text(found: dict[str, Any]) -> str:
    """The counts of `table`."""
    width = max(map(len, KINDS))
    lines = [
        f"{'kind':{width}} {'problems':>8} {'exists':>8} {'complete':>8} {'quasi':>8} {'undecided':>9} failed"
    ]
    lines.append("-" * len(lines[0]))
    for kind, row in found["kinds"].items():
        lines.append(
            f"{kind:{width}} {row['problems']:>8,} {row[EXISTS]:>8,} {row[COMPLETE]:>8,} {row[QUASI]:>8,}"
            f" {row['undecided']:>9,} {row['failed']:>6,}"
        )
    head = "truth \\ sigmax"
    lines += ["", f"{head:14}" + "".join(f" {name:>{max(9, len(name))}}" for name in SAID)]
    for truth in TRUTHS:
        row = found["confusion"][truth]
        lines.append(f"{truth:14}" + "".join(f" {row[name]:>{max(9, len(name))},}" for name in SAID))
    lines += ["", "wrong: " + ", ".join(f"{what} {count:,}" for what, count in found["wrong"].items())]
    lines += [f"undecided, {count:,}: {reason}" for reason, count in found["undecided"].items()]
    lines += [
        f"{found['judged_limit']:,} limiting fits were held against one of our own",
        f"a column is dependent but for rounding in {found['doubtful_rank']:,} problems: where sigmax leaves"
        " it out, it has another problem",
        f"sigmax says that the fit has not converged in {sum(map(len, found['unconverged'].values())):,}",
        *(
            f"    {len(which):,}, as --only {', '.join(map(str, which[:_NAMED]))}: {reason}"
            for reason, which in found["unconverged"].items()
        ),
    ]
    lines.append(f"oracle {found['seconds_oracle']:.0f} s, fits {found['seconds_fit']:.0f} s")
    return "\n".join(lines)


def failures_text(records: list[Record]) -> str:
    """The first problems of each sort of failure."""
    lines = []
    for what in WHATS:
        mine = [(r, f) for r in records for f in r.failures if what_of(f) == what]
        if mine:
            lines.append(f"{what}: {len(mine):,}; --only {', '.join(str(r.index) for r, _ in mine[:_NAMED])}")
            lines += [f"    {r.problem}\n        {f}" for r, f in mine[:3]]
    return "\n".join(lines)
