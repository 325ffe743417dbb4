"""Two checkouts in turn: whether HEAD is slower than BASE, or answers otherwise.

    python benchmarks/compare.py main HEAD
    python benchmarks/compare.py v0.1.0 . --quick --json FILE
    python benchmarks/compare.py HEAD HEAD                       what the noise of this machine looks like

BASE and HEAD are folders, or git revisions of the repository that this file is in.  A revision is checked out
in a temporary folder, built there and removed afterwards; a folder is taken as it is, built or not, and never
written to.

Each sample is a process of its own that runs every operation and keeps its fastest call: base, head, head,
base, base, head, ...  The first sample of each side is for the answers and is not timed.  A regression is
reported only where the median ratio is above --ratio, three pairs out of four agree, and the median
difference is above an absolute bound, and where all of this is found again in a second run of as many pairs;
an answer is another one where the intervals within which both are
known do not meet.

Exit code: 0; 1 with a regression, another answer, or an operation that HEAD has lost; 2 where nothing could
be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from comparing import checkouts
from comparing.checkouts import Checkout, Unusable
from comparing.operations import KINDS, QUICK
from comparing.verdicts import Rules, Verdict, confirmed, verdicts

from sigmax.bench import conditions, document, environment

_HERE = Path(__file__).resolve().parent
_SAMPLE = _HERE / "comparing" / "sample.py"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
_PAIRS, _QUICK_PAIRS, _FEWEST_PAIRS = 10, 6, 4
_SECONDS, _QUICK_SECONDS = 0.15, 0.05


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    usual = Rules()
    about = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python benchmarks/compare.py", description=about)
    parser.add_argument("base", metavar="BASE", help="git revision or folder")
    parser.add_argument("head", metavar="HEAD", help="git revision or folder")
    parser.add_argument(
        "--operations", nargs="+", choices=list(KINDS), metavar="NAME", help=f"of {list(KINDS)}; all"
    )
    parser.add_argument("--pairs", type=int, help=f"samples of each side ({_PAIRS}, --quick {_QUICK_PAIRS})")
    parser.add_argument("--threads", type=int, default=2, help="of everything (2)")
    parser.add_argument("--quick", action="store_true", help="fewer operations, fewer and shorter samples")
    parser.add_argument("--ratio", type=float, default=usual.ratio, help=f"above 1 ({usual.ratio})")
    for kind, bound in usual.bounds.items():
        parser.add_argument(
            f"--{kind}-bound",
            type=float,
            default=bound,
            metavar="SECONDS",
            help=f"of kind {kind} ({bound:g})",
        )
    parser.add_argument("--json", type=document.file, metavar="FILE", help="all samples and verdicts")
    got = parser.parse_args(given)
    got.pairs = got.pairs if got.pairs is not None else _QUICK_PAIRS if got.quick else _PAIRS
    got.operations = got.operations or (list(QUICK) if got.quick else list(KINDS))
    if got.pairs < _FEWEST_PAIRS:
        parser.error(f"--pairs must be {_FEWEST_PAIRS} at least; got {got.pairs}")
    if got.threads < 1:
        parser.error(f"--threads must be 1 at least; got {got.threads}")
    if not got.ratio > 1.0:
        parser.error(f"--ratio must be above 1; got {got.ratio:g}")
    for kind in usual.bounds:
        if not getattr(got, f"{kind}_bound") >= 0.0:
            parser.error(f"--{kind}-bound must not be negative; got {getattr(got, f'{kind}_bound'):g}")
    return got


# -- samples -----------------------------------------------------------------------------------


def sample(
    one: Checkout, names: Sequence[str], options: argparse.Namespace, *, answers: bool
) -> dict[str, Any]:
    """What a process of its own reports.

    Raises
    ------
    Unusable
        It ended without a report, or measured another sigmax than that of the checkout.
    """
    asked = {
        "operations": list(names),
        "threads": options.threads,
        # answers need no times
        "seconds": 0.0 if answers else _QUICK_SECONDS if options.quick else _SECONDS,
        "answers": answers,
    }
    variables = {
        **os.environ,
        **dict.fromkeys(_THREADS, str(options.threads)),
        "PYTHONPATH": str(one.source),
        "PYTHONPYCACHEPREFIX": str(one.bytecode),
        # set by the user it would have every process compile all it imports
        "PYTHONDONTWRITEBYTECODE": "",
    }
    # from the temporary folder: nothing of the user's lies on the path
    done = subprocess.run(
        [sys.executable, str(_SAMPLE), json.dumps(asked)],
        env=variables,
        cwd=one.bytecode.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 or not done.stdout.strip():
        raise Unusable(f"{one.given}: no sample (exit code {done.returncode}):\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    if not Path(found["sigmax"]).is_relative_to(one.source.resolve()):
        raise Unusable(f"{one.given}: {found['sigmax']} was measured instead of the checkout's own")
    return found


def samples(
    base: Checkout, head: Checkout, names: Sequence[str], options: argparse.Namespace
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Of both, in the order ABBA; the first pair has answers, and is not for times."""
    found: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    sides = ((base, found[0]), (head, found[1]))
    for turn in range(1 + options.pairs):
        for one, kept in sides if turn % 2 == 0 else reversed(sides):
            kept.append(sample(one, names, options, answers=turn == 0))
        print(f"  pair {turn} of {options.pairs}", file=sys.stderr, flush=True)
    return found


# -- report ------------------------------------------------------------------------------------


def table(found: Sequence[Verdict]) -> str:
    rows = [["", "base", "head", "head / base", "[quartiles]", "", ""]]
    for one in found:
        cells = ["", "", "", ""]
        if one.ratios:
            first, middle, third = one.ratios
            cells = [*map(_time, (one.base, one.head)), f"{middle:.3f}", f"[{first:.3f} .. {third:.3f}]"]
        said = one.said
        if said == "other answer" and one.speed != "same":
            said += f", {one.speed}"
        rows.append([one.name, *cells, said, one.remark])
    width = [max(len(row[j]) for row in rows) for j in range(6)]
    lines = []
    for row in rows:
        # names and words flush left, figures flush right
        cells = [
            row[0].ljust(width[0]),
            *(row[j].rjust(width[j]) for j in range(1, 5)),
            row[5].ljust(width[5]),
        ]
        lines.append("  ".join([*cells, row[6]]).rstrip())
    return "\n".join(lines)


def _time(seconds: Sequence[float]) -> str:
    middle = statistics.median(seconds)
    unit, name = (1.0, "s") if middle >= 1.0 else (1e-3, "ms") if middle >= 1e-3 else (1e-6, "us")
    return f"{middle / unit:.4g} {name}"


def main(given: Sequence[str] | None = None) -> int:
    options = arguments(given)
    bounds = {kind: getattr(options, f"{kind}_bound") for kind in Rules().bounds}
    rules = Rules(options.ratio, bounds)
    watch = conditions.Watch()
    try:
        with checkouts.both(options.base, options.head, _HERE.parent) as (base, head):
            about = {
                name: {"given": one.given, "commit": one.commit}
                for name, one in (("base", base), ("head", head))
            }
            of_base, of_head = samples(base, head, options.operations, options)
            backends = of_base[0]["backend"], of_head[0]["backend"]
            if backends[0] != backends[1]:
                raise Unusable(f"BASE computes with {backends[0]}, HEAD with {backends[1]}: build both")
            found = verdicts(options.operations, KINDS, of_base, of_head, rules)
            suspects = [one.name for one in found if one.speed in ("regression", "improvement")]
            again: dict[str, Verdict] = {}
            if suspects:
                print(f"  once more: {', '.join(suspects)}", file=sys.stderr, flush=True)
                second = samples(base, head, suspects, options)
                again = {one.name: one for one in verdicts(suspects, KINDS, *second, rules)}
                found = [confirmed(one, again[one.name]) if one.name in again else one for one in found]
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    meanwhile = watch.conditions()
    head_of_document = document.head("comparison", n_threads=options.threads, conditions=meanwhile)
    record = head_of_document | {
        "pairs": options.pairs,
        "backend": backends[0],
        "rules": {"ratio": rules.ratio, "bounds": rules.bounds},
        **about,
        "operations": [one.record() for one in found],
        "again": [one.record() for one in again.values()],
    }
    print(f"base {options.base} {about['base']['commit'][:12]}, head {options.head}", end=" ")
    said = f"{backends[0]}, {environment.threads_text(options.threads)}, {options.pairs} pairs"
    print(f"{about['head']['commit'][:12]}; {said}")
    print(f"{record['environment']['cpu']}\n{meanwhile}\n\n{table(found)}\n")
    faults = [one for one in found if one.fault]
    faster = sum(one.speed == "improvement" for one in found)
    for one in faults:
        print(f"{one.said.upper()}: {one.name} {one.remark}".rstrip())
    said = f"{len(faults)} faults, {faster} faster, {len(found)} operations"
    said += "; the machine was busy: none of it counts" if meanwhile.busy else ""
    print(said)
    if options.json is not None:
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
