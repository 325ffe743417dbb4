"""The command --curves: accuracy against time of sigmax and its peers, from reruns with growing budgets.

    python benchmarks/exact_optimum --curves                         hours: six fits of each budget and peer
    python benchmarks/exact_optimum --curves --problems anes96 --peers "torch LBFGS" --json FILE
    python benchmarks/exact_optimum --curves --seconds 1 --quick     no fit that takes longer, fewer rounds

Problems where none are given: PROBLEMS, but with --tiny without those that have only one size, and large.
Peers where none are given: all that can state the problem but "sigmax reference", which is sigmax once more,
and "does nothing", which has no curve even where it is named; with --tiny also without those that compile for
half a minute.  sigmax is always drawn.

How curves are measured: `budgets`; where they end and how they are read: `curve`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import budgets
import curve
from libraries import PEERS
from problems import Spec, make

from sigmax.bench.conditions import Watch
from sigmax.bench.document import head

#: a large binary one, a large multinomial one, and measured ones
PROBLEMS = ("binary_500000x100", "classes5_500000x50", "anes96", "flights_delayed")
#: of them, what --tiny leaves out
_ONE_SIZE = ("flights_delayed",)
#: seconds of a fit, at most; with --tiny
SECONDS, TINY_SECONDS = 10.0, 0.02


def problems(tiny: bool) -> list[str]:
    """Names, where none are given."""
    return [name for name in PROBLEMS if not (tiny and name in _ONE_SIZE)]


def run(chosen: list[Spec], options: budgets.Options, *, tiny: bool, file: Path | None = None) -> int:
    """Draw, print a table for each problem, write the document; 0."""
    watch = Watch()
    records = [_problem(spec, options) for spec in chosen]
    conditions = watch.conditions()
    print(
        "\nLeast time to an answer within so many standard errors of the optimum, median of rounds; -: none."
    )
    print(f"At most {options.seconds:g} s a fit, {options.rounds} rounds.")
    print(conditions)
    if tiny:
        print("The problems were tiny: the times say nothing about the full sizes.")
    if file is not None:
        versions = {peer.distribution: peer.version() for peer in PEERS.values()}
        first = head(
            "curves", n_threads=options.n_threads, conditions=conditions, libraries=versions, tiny=tiny
        )
        file.write_text(json.dumps(first | {"problems": records}, indent=1) + "\n")
    return 0


def _problem(spec: Spec, options: budgets.Options) -> dict[str, Any]:
    """Its record; what is missing is said there."""
    found: list[curve.Curve] = []
    missing = ""
    try:
        problem = make(spec, options.cache if options.keep_data else None)
    except ImportError as error:
        missing = f"the data are missing ({error})"
        print(f"\n{spec.name}: {missing}", flush=True)
    else:
        spec = problem.spec
        found = budgets.draw(problem, options, lambda text: _say(f"{spec.name}, {text}"))
        print("\n" + curve.table(spec.name, found), flush=True)
    return {
        "problem": spec.name,
        "n": spec.n,
        "p": spec.p,
        "K": spec.K,
        "l2": spec.l2,
        "curves": [one.record() for one in found],
        "missing": missing,
    }


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
