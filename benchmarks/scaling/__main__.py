"""What passes and fits cost against rows, columns, classes and threads, in time and memory: measured slopes.

    python benchmarks/scaling                                 everything
    python benchmarks/scaling --along n p --peers none
    python benchmarks/scaling --along memory                  peak memory, each fit in its own process
    python benchmarks/scaling --json FILE

A slope is the exponent b of cost ~ x^b, by least squares over the upper half of the sizes (slopes.py), of
median times over rounds in turns (series.py).  sizes.py says which sizes; theory.py what is expected.  Peers
fit along n, p and K, and stop where a fit takes longer than --slow seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "exact_optimum"))

import set_threads

if __name__ == "__main__":
    # before NumPy is imported
    set_threads.hold(sys.argv[1:])

import peaks
import series
import sizes
import tables
import thread_check
from callers import TOLERANCES, Caller, Fit, Pass, PeerFit, Place
from callers import lacks as lacks_fit
from ladder import WANTED
from libraries import PEERS, Peer

from sigmax.bench import document, machine
from sigmax.bench.conditions import Watch

ALONG = (*sizes.ALONG, "memory")
#: that take part where they are installed and nothing else is asked
USUAL = ("scikit-learn newton-cholesky", "scikit-learn lbfgs")


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    about = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python benchmarks/scaling", description=about)
    add = parser.add_argument
    varied = f"what to vary: some of {', '.join(ALONG)} (all)"
    add("--along", nargs="+", choices=ALONG, default=list(ALONG), metavar="WHAT", help=varied)
    threads = int(set_threads.DEFAULT)
    add("--threads", type=int, default=threads, metavar="N", help=f"threads of every library ({threads})")
    add("--rounds", type=int, default=5, metavar="N", help="3 or more (5); calls of seconds get fewer")
    names = [name for name, peer in PEERS.items() if not peer.does_nothing]
    add(
        "--peers", nargs="+", choices=["none", *names], default=list(USUAL), metavar="NAME",
        help=f"none, or some of {', '.join(map(repr, names))} ({' and '.join(map(repr, USUAL))})",
    )  # fmt: skip
    slow = "seconds of a fit that end a peer's series (10)"
    add("--slow", type=float, default=10.0, metavar="S", help=slow)
    add("--most-rows", type=int, metavar="N", help="rows of any problem at most; memory may leave fewer")
    add("--tiny", action="store_true", help="small sizes, as in the tests")
    add("--json", type=document.file, metavar="FILE", help="file for all figures")
    got = parser.parse_args(given)
    if got.threads < 1:
        parser.error(f"--threads must be 1 at least; got {got.threads}")
    if got.rounds < 3:
        parser.error(f"--rounds must be 3 at least; got {got.rounds}")
    if not got.slow > 0.0:
        parser.error(f"--slow must be a positive number of seconds; got {got.slow}")
    if got.most_rows is not None and got.most_rows < sizes.LEAST:
        parser.error(f"--most-rows must be {sizes.LEAST} at least; got {got.most_rows}")
    if "none" in got.peers and len(got.peers) > 1:
        parser.error(f"--peers must be none or names of peers, not both; got {' '.join(got.peers)}")
    got.peers = [] if got.peers == ["none"] else list(dict.fromkeys(got.peers))
    # in the order of ALONG, each once
    got.along = [name for name in ALONG if name in got.along]
    return got


def header(n_threads: int) -> str:
    """Machine and versions."""
    e = machine.environment()
    isa = ", ".join(f"{name} ({isa})" for name, isa in e["isa"].items())
    return "\n".join(
        [
            f"{e['cpu']}, {e['cpus']} CPUs, {e['platform']}; threads: {n_threads}",
            f"sigmax {e['sigmax']}, {isa}; Python {e['python']}, NumPy {e['numpy']}, SciPy {e['scipy']}",
        ]
    )


def _plan(along: str, options: argparse.Namespace, *, peak: bool = False) -> sizes.Plan:
    return sizes.plan(along, options.threads, tiny=options.tiny, most_rows=options.most_rows, peak=peak)


def measured_times(along: str, options: argparse.Namespace) -> tuple[sizes.Plan, list[series.Series]]:
    """The series along one parameter; no peers along threads."""
    asked = _plan(along, options)
    callers: list[Caller] = [Pass(), Fit()]
    if along != "threads":
        callers += [PeerFit(PEERS[name]) for name in options.peers]
    places = [Place(size, data) for size, data in zip(asked.sizes, sizes.data(asked), strict=True)]
    rest = 0.0 if options.tiny else series.REST
    run = series.Options(rounds=options.rounds, slow=options.slow, rest=rest)
    return asked, series.run(along, asked.fixed, places, callers, run)


def measured_memory(along: str, options: argparse.Namespace) -> tuple[sizes.Plan, list[peaks.Memory]]:
    """Peak memory along one parameter."""
    asked, found = _plan(along, options, peak=True), []
    progress = series.Options().progress
    for who in ("sigmax", *options.peers):

        def lacks(size: sizes.Size, who: str = who) -> str:
            return "" if who == "sigmax" else lacks_memory(PEERS[who], size)

        found.append(peaks.run(asked, who, options.slow, progress, lacks=lacks))
    return asked, found


def lacks_memory(peer: Peer, size: sizes.Size) -> str:
    """Why a peer's memory cannot be measured: empty where it can."""
    if peer.own_clock:
        return "not measured: it fits in a process of its own"
    return lacks_fit(peer, size)


def foot() -> list[str]:
    """How to read the tables."""
    sentences = (
        f"Medians over rounds in turns, warm-up dropped; calls longer than {series.LONG:g} s have "
        f"{series.FEW} rounds, those longer than {series.ONCE:g} s one.  reads: of all rows, by the fit's "
        "certificate.",
        f"Peers: tolerance {TOLERANCES[0]:g}, or {TOLERANCES[1]:g} where that leaves more than "
        f"{WANTED:g} standard errors; in brackets: it leaves more all the same.",
        "Slopes: least squares of logarithms over the upper half of the sizes; along threads, over all.",
        f"Memory: peers stop at tolerance {peaks.LOOSE:g}, since each iteration takes the same.",
    )
    return [line for one in sentences for line in tables.wrapped(one)]


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    watch = Watch()
    print(header(options.threads), flush=True)
    modules = [module for name in options.peers for module in PEERS[name].modules]
    print(thread_check.hold(options.threads, modules), flush=True)
    timed: list[series.Series] = []
    marks: list[peaks.Memory] = []
    for along in options.along:
        if along == "memory":
            for parameter in ("n", "p", "K"):
                asked, levels = measured_memory(parameter, options)
                marks += levels
                print("\n" + tables.memory(asked, levels), flush=True)
        else:
            asked, found = measured_times(along, options)
            timed += found
            print("\n" + tables.times(asked, found), flush=True)
    meanwhile = watch.conditions()
    print("\n" + "\n".join(foot()))
    if options.tiny:
        print("The sizes were tiny: such slopes say nothing.")
    print("\n".join(line for part in str(meanwhile).splitlines() for line in tables.wrapped(part)))
    if options.json is not None:
        libraries = {PEERS[name].distribution: PEERS[name].version() for name in options.peers}
        record: dict[str, Any] = document.head(
            "scaling",
            n_threads=options.threads,
            conditions=meanwhile,
            libraries=libraries,
            tiny=options.tiny,
        )
        record |= {"series": [one.record() for one in timed], "memory": [one.record() for one in marks]}
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
