"""The exact optimum against other libraries, at equal accuracy, with the targets beside every ratio.

    python benchmarks/exact_optimum                              everything; the slow peers take an hour
    python benchmarks/exact_optimum --problems anes96 --quick
    python benchmarks/exact_optimum --peers all                  also those without a target
    python benchmarks/exact_optimum --check                      exit code 1 where a target is not met
    python benchmarks/exact_optimum --slow 60                    peers that take longer: one round
    python benchmarks/exact_optimum --json FILE
    python benchmarks/exact_optimum --describe [NAME ...]        what the problems are like, nothing timed
    python benchmarks/exact_optimum --curves                     accuracy against time: curves.py
    python benchmarks/exact_optimum --problems higgs --data DIR  data sets that were downloaded: files.py

In each round sigmax and every peer fit once; a ratio is the median over rounds, with its quartiles.  Times
are the median and the fastest of the rounds, and their spread.  sigmax is timed from arrays and labels to a
result with its certificate, and once more with standard errors read.
Errors are distances to an optimum that is computed without sigmax, in standard errors; that, and the
tolerances with which peers reach 1e-6, take long, and are kept in the folder given by --cache.

On a busy machine nothing is proved: --check fails then too.

A target whose peer is missing is not met: --check fails unless --without names the peer's distribution.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import set_threads

if __name__ == "__main__":
    # before NumPy is imported
    set_threads.hold(sys.argv[1:])

import asking
import budgets
import curves
import files
import measure
import memory
import problems
import properties
import thread_check
from libraries import PEERS
from rows import WIDTH, Row, table

from sigmax.bench import conditions, document, environment


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    about = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python benchmarks/exact_optimum", description=about)
    names = list(problems.ALL)
    parser.add_argument(
        "--problems", nargs="+", choices=names, metavar="NAME",
        help=f"of {names}; those with targets where this is not given, or with --curves {curves.PROBLEMS}",
    )  # fmt: skip
    parser.add_argument(
        "--describe", nargs="*", choices=names, metavar="NAME", help="properties of these, or of all"
    )
    parser.add_argument("--curves", action="store_true", help="accuracy against time, from growing budgets")
    parser.add_argument(
        "--seconds", type=float, metavar="S",
        help=f"of a fit, with --curves ({curves.SECONDS:g}; with --tiny {curves.TINY_SECONDS:g})",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of data sets that were downloaded")
    parser.add_argument(
        "--peers", nargs="+", choices=["all", *PEERS], default=[], metavar="PEER",
        help=f"all, or some of {list(PEERS)}; those with a target where this is not given",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=int(set_threads.DEFAULT), help="of every library (2)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds, 5 or more (5)")
    parser.add_argument("--quick", action="store_true", help="3 rounds of peers that take more than 3 s")
    parser.add_argument(
        "--slow", type=float, default=math.inf, metavar="SECONDS",
        help="one round of peers of which a fit takes longer, and no further search for their tolerance",
    )  # fmt: skip
    parser.add_argument(
        "--columns",
        choices=["chain", "common"],
        default="chain",
        help="how generated columns are correlated: see problems.py (chain)",
    )
    parser.add_argument(
        "--tiny", action="store_true", help="small problems of the same kinds, as in the tests"
    )
    parser.add_argument("--memory", action="store_true", help="also peak memory, each fit in its own process")
    parser.add_argument("--retune", action="store_true", help="find the peers' tolerances again")
    parser.add_argument("--keep-data", action="store_true", help="keep generated data in the cache")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a target is not met")
    distributions = sorted({peer.distribution for peer in PEERS.values()})
    parser.add_argument(
        "--without", nargs="+", choices=distributions, default=[], help="distributions that may be missing"
    )
    cache = Path(tempfile.gettempdir()) / "sigmax_exact_optimum"
    parser.add_argument("--cache", type=Path, default=cache, help="folder of optima and tolerances")
    parser.add_argument("--json", type=document.file, metavar="FILE", help="file for all figures")
    got = parser.parse_args(given)
    if got.threads < 1:
        parser.error(f"--threads must be 1 at least; got {got.threads}")
    if got.repeats < 5:
        parser.error(f"--repeats must be 5 at least; got {got.repeats}")
    if not got.slow > 0.0:
        parser.error(f"--slow must be a positive number of seconds; got {got.slow:g}")
    if got.data is not None and not got.data.is_dir():
        parser.error(f"--data must be a folder; got {got.data}")
    _complete(got, parser)
    return got


def _complete(got: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """What was not given, which differs with --curves."""
    if got.problems is None:
        got.problems = curves.problems(got.tiny) if got.curves else list(problems.SPECS)
    if got.seconds is None:
        got.seconds = curves.TINY_SECONDS if got.tiny else curves.SECONDS
    elif not got.curves:
        parser.error("--seconds is an option of --curves, which was not given")
    if not 0.0 < got.seconds < float("inf"):
        parser.error(f"--seconds must be positive and finite; got {got.seconds}")
    many = [name for name in got.problems if problems.ALL[name].many]
    if got.curves and many:
        parser.error(f"--curves is for problems of a single fit; got {many} among --problems")


def libraries() -> dict[str, str | None]:
    """Distributions of the peers and their versions; None: missing."""
    return {peer.distribution: peer.version() for peer in PEERS.values()}


def header() -> str:
    """Machine and versions."""
    versions = ", ".join(f"{name} {version or 'missing'}" for name, version in libraries().items())
    return f"{environment.text(environment.environment())}\n{textwrap.fill(versions, WIDTH)}"


def describe(options: argparse.Namespace) -> int:
    """Properties of the problems asked for."""
    watch = conditions.Watch()
    chosen = [_spec(name, options) for name in options.describe or problems.ALL]
    found, records = properties.report(chosen, options.threads)
    print(properties.table(found))
    if options.json is not None:
        _write(options, "problems", watch.conditions(), {"problems": records})
    return 0


def _write(
    options: argparse.Namespace, part: str, meanwhile: conditions.Conditions, rest: dict[str, Any]
) -> None:
    """The document: its head, then `rest`."""
    head = document.head(
        part,
        n_threads=options.threads,
        conditions=meanwhile,
        libraries=libraries(),
        tiny=options.tiny,
    )
    options.json.write_text(json.dumps(head | rest, indent=1) + "\n")


def draw_curves(options: argparse.Namespace) -> int:
    """Accuracy against time of the peers asked for."""
    chosen = tuple(PEERS) if "all" in options.peers else tuple(options.peers)
    asked = budgets.Options(
        cache=options.cache,
        n_threads=options.threads,
        rounds=options.repeats,
        quick=options.quick,
        seconds=options.seconds,
        peers=chosen,
        compiling=not options.tiny,
        keep_data=options.keep_data,
        rest=0.0 if options.tiny else budgets.REST,
    )
    specs = [_spec(name, options) for name in options.problems]
    modules = {module: 1 for spec in specs for peer in budgets.wanted(spec, asked) for module in peer.modules}
    print(header(), flush=True)
    print(thread_check.hold(options.threads, list(modules)), flush=True)
    return curves.run(specs, asked, tiny=options.tiny, file=options.json)


def _spec(name: str, options: argparse.Namespace) -> problems.Spec:
    spec = replace(problems.ALL[name], columns=options.columns)
    return problems.tiny(spec) if options.tiny else spec


def failures(found: list[Row], without: list[str]) -> list[Row]:
    """Rows whose target was not met, but for peers that may be missing."""
    excused = {name for name, peer in PEERS.items() if peer.distribution in without}
    if "statsmodels" in without:
        excused.add("loop over statsmodels Logit")
    return [row for row in found if row.failed and not (row.missing_peer and row.peer in excused)]


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    if options.data is not None:
        os.environ[files.FOLDER] = str(options.data)
    if options.describe is not None:
        return describe(options)
    if options.curves:
        return draw_curves(options)
    watch = conditions.Watch()
    chosen = tuple(PEERS) if "all" in options.peers else tuple(options.peers)
    run = asking.Options(
        cache=options.cache,
        n_threads=options.threads,
        repeats=options.repeats,
        quick=options.quick,
        peers=chosen,
        retune=options.retune,
        keep_data=options.keep_data,
        slow=options.slow,
    )
    print(header(), flush=True)
    modules = [module for name in chosen for module in PEERS[name].modules]
    print(thread_check.hold(options.threads, modules), flush=True)
    found: list[Row] = []
    peaks: dict[str, Any] = {}
    for name in options.problems:
        spec = _spec(name, options)
        rows = measure.rows(spec, run)
        found += rows
        print("\n" + table(rows), flush=True)
        if options.memory and not spec.many:
            peaks[name] = memory.measure(name, options.threads, tiny=options.tiny)
            print(f"  {memory.text(peaks[name])}", flush=True)
    meanwhile = watch.conditions()
    missed = failures(found, options.without)
    print(
        "\nError: largest distance of a coefficient to the optimum, in standard errors; tol: the loosest with"
    )
    print("which the peer comes within 1e-6, or the one that comes nearest.  Quartiles are over rounds;")
    print("spread: (slowest - fastest) / median of them.")
    print(
        "Digits: correct ones of the worst coefficient; gradient: max |g_j| se_j at the answer; w: it warned."
    )
    print("Times in brackets belong to answers that are not within 1e-6.")
    print(f"Columns: {options.columns}.\n{meanwhile}")
    if options.tiny:
        print("The problems were tiny: the targets are for the full sizes.")
    for row in found:
        if row.target is not None and row.quartiles is not None and row.verdict in ("PASS", "MISSED"):
            said = f"{row.quartiles[1]:.1f} x, asked {row.target.at_least:g} x"
            print(f"{row.verdict:6} {row.problem} against {row.peer}: {said}")
    for row in missed:
        if row.verdict != "MISSED":
            print(f"{row.verdict}: {row.problem} against {row.peer}: {row.remark}")
    judged = sum(row.target is not None for row in found)
    met = judged - sum(row.failed for row in found)
    print(f"{met} of {judged} targets met")
    if options.json is not None:
        rest = {
            "columns": options.columns,
            "rows": [row.record() for row in found],
            "peak_memory": peaks,
            "missed": [f"{row.problem} against {row.peer}" for row in missed],
        }
        _write(options, "speed", meanwhile, rest)
    return 1 if options.check and (missed or meanwhile.busy) else 0


if __name__ == "__main__":
    sys.exit(main())
