"""The exact optimum against other libraries, at equal accuracy, with the targets beside every ratio.

    python benchmarks/exact_optimum                              everything; the slow peers take an hour
    python benchmarks/exact_optimum --problems anes96 --quick
    python benchmarks/exact_optimum --peers all                  also those without a target
    python benchmarks/exact_optimum --check                      exit code 1 where a target is not met
    python benchmarks/exact_optimum --json FILE
    python benchmarks/exact_optimum --describe [NAME ...]        what the problems are like, nothing timed
    python benchmarks/exact_optimum --curves                     accuracy against time: curves.py
    python benchmarks/exact_optimum --problems higgs --data DIR  data sets that were downloaded: files.py

In each round sigmax and every peer fit once; a ratio is the median over rounds, with its quartiles.  sigmax
is timed from arrays and labels to a result with its certificate, and once more with standard errors read.
Errors are distances to an optimum that is computed without sigmax, in standard errors; that, and the
tolerances with which peers reach 1e-6, take long, and are kept in the folder given by --cache.

On a busy machine nothing is proved: --check fails then too.

A target whose peer is missing is not met: --check fails unless --without names the peer's distribution.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

# before NumPy is imported: BLAS and OpenMP read these once
_THREADS_DEFAULT = "2"


def _given_threads(given: list[str]) -> str:
    """The value of --threads, found before anything that reads it is imported."""
    for index, word in enumerate(given):
        if word.startswith("--threads="):
            return word.partition("=")[2]
        if word == "--threads" and index + 1 < len(given):
            return given[index + 1]
    return _THREADS_DEFAULT


if __name__ == "__main__":
    for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
        os.environ[_name] = _given_threads(sys.argv[1:])

import budgets
import busy
import curves
import files
import measure
import memory
import problems
import properties
import thread_check
from libraries import PEERS
from rows import Row, table

from sigmax.bench import machine


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
    parser.add_argument("--threads", type=int, default=int(_THREADS_DEFAULT), help="of every library (2)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds, 5 or more (5)")
    parser.add_argument("--quick", action="store_true", help="3 rounds of peers that take more than 3 s")
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
    parser.add_argument("--json", type=Path, help="file for all figures")
    got = parser.parse_args(given)
    if got.threads < 1:
        parser.error(f"--threads must be 1 at least; got {got.threads}")
    if got.repeats < 5:
        parser.error(f"--repeats must be 5 at least; got {got.repeats}")
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


def header() -> str:
    """Machine and versions."""
    e = machine.environment()
    versions = {peer.distribution: peer.version() or "missing" for peer in PEERS.values()}
    isa = ", ".join(f"{name} ({isa})" for name, isa in e["isa"].items())
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return "\n".join(
        [
            f"{e['cpu']}, {e['cpus']} CPUs, {e['platform']}, load {load:.2f}",
            f"sigmax {e['sigmax']}, {isa}; Python {e['python']}, NumPy {e['numpy']}, SciPy {e['scipy']}",
            ", ".join(f"{name} {version}" for name, version in versions.items()),
        ]
    )


def describe(options: argparse.Namespace) -> int:
    """Properties of the problems asked for."""
    chosen = [_spec(name, options) for name in options.describe or problems.ALL]
    found, records = properties.report(chosen, options.threads)
    print(properties.table(found))
    if options.json is not None:
        shown = {"environment": machine.environment(), "tiny": options.tiny, "problems": records}
        options.json.write_text(json.dumps(shown, indent=1) + "\n")
    return 0


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
    started = time.perf_counter()
    chosen = tuple(PEERS) if "all" in options.peers else tuple(options.peers)
    run = measure.Options(
        cache=options.cache,
        n_threads=options.threads,
        repeats=options.repeats,
        quick=options.quick,
        peers=chosen,
        retune=options.retune,
        keep_data=options.keep_data,
    )
    print(header(), flush=True)
    modules = [module for name in chosen for module in PEERS[name].modules]
    print(thread_check.hold(options.threads, modules), flush=True)
    found: list[Row] = []
    watch = busy.Watch()
    peaks: dict[str, Any] = {}
    for name in options.problems:
        spec = _spec(name, options)
        rows = measure.rows(spec, run)
        found += rows
        print("\n" + table(rows), flush=True)
        if options.memory and not spec.many:
            peaks[name] = memory.measure(name, options.threads, tiny=options.tiny)
            print(f"  {memory.text(peaks[name])}", flush=True)
    others = watch.others()
    missed = failures(found, options.without)
    print(
        "\nError: largest distance of a coefficient to the optimum, in standard errors; tol: the loosest with"
    )
    print("which the peer comes within 1e-6, or the one that comes nearest.  Quartiles are over rounds.")
    print(
        "Digits: correct ones of the worst coefficient; gradient: max |g_j| se_j at the answer; w: it warned."
    )
    print("Times in brackets belong to answers that are not within 1e-6.")
    print(f"Columns: {options.columns}.  {busy.text(others)}")
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
    print(f"{met} of {judged} targets met, {time.perf_counter() - started:.0f} s")
    if options.json is not None:
        record = {
            "environment": machine.environment() | {n: peer.version() for n, peer in PEERS.items()},
            "threads": options.threads,
            "tiny": options.tiny,
            "columns": options.columns,
            "cpus_of_others": others,
            "rows": [row.record() for row in found],
            "peak_memory": peaks,
            "missed": [f"{row.problem} against {row.peer}" for row in missed],
        }
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    disturbed = others is not None and others > busy.LIMIT
    return 1 if options.check and (missed or disturbed) else 0


if __name__ == "__main__":
    sys.exit(main())
