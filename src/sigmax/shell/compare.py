"""``sigmax compare``: the compiled backend beside its Python twin."""

from __future__ import annotations

import argparse
import sys

import sigmax
from sigmax import datasets
from sigmax.comparison import Comparison
from sigmax.progress import StatusLine
from sigmax.shell import output, source
from sigmax.shell.usage import UsageError


def run(options: argparse.Namespace) -> int:
    """Compare on DATA, or on all bundled sets; 1 where the backends disagree."""
    if options.data is None:
        if options.target is not None or options.features is not None:
            raise UsageError("--target and --features need a file or the name of a data set")
        problems = [source.bundled(name) for name in datasets.names()]
    else:
        problems = [source.problem(options)]
    found = []
    for problem in problems:
        with StatusLine(sys.stderr, quiet=0.0) as line:
            line.show(f"comparing {problem.title} on both backends")
            one = sigmax.compare(
                problem.X, problem.y, names=problem.features, n_threads=options.threads, title=problem.title
            )
        found.append(one)
        if not options.json:
            print(one if len(found) == 1 else f"\n{one}", flush=True)
    if options.json:
        print(output.document("compare", {"comparisons": [_content(one) for one in found]}))
    return 0 if all(one.agrees for one in found) else 1


def _content(one: Comparison) -> dict[str, object]:
    """A comparison: ``agrees`` is null where only one backend runs, ``missing`` then says why."""
    return {
        "title": one.title,
        "agrees": None if one.missing else one.agrees,
        "missing": one.missing or None,
        "differences": [
            {
                "quantity": d.quantity,
                "absolute": d.absolute,
                "relative": d.relative,
                "ulps": d.ulps,
                "measure": d.measure,
                "bound": d.bound,
                "seconds_compiled": d.seconds_compiled,
                "seconds_reference": d.seconds_reference,
                "speed_up": d.speed_up,
                "agrees": d.agrees,
            }
            for d in one.differences
        ],
    }
