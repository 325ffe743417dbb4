"""The kernels against the limits of the machine and against their peers, with the targets beside every ratio.

    python benchmarks/kernels_at_the_limit                    everything, in two to three minutes
    python benchmarks/kernels_at_the_limit --lines 2          functions; 3: passes; 5: small problems
    python benchmarks/kernels_at_the_limit --check            exit code 1 where a target is missed
    python benchmarks/kernels_at_the_limit --json FILE

Two calls that are compared take turns in the rounds of one run; the ratio is the median over rounds, with its
quartiles.  docs/performance.md says what is counted.  Peers: SciPy; scikit-learn and torch where they are
installed.  A target whose peer is missing is not met: --check fails unless --without names the peer.
"""

from __future__ import annotations

import argparse
import json
import math
import sys

import line_functions
import line_passes
import line_small
import peers
from figures import Figure, failures, table

from sigmax.bench import conditions, document, environment

LINES = {2: line_functions.figures, 3: line_passes.figures, 5: line_small.figures}


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    about = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python benchmarks/kernels_at_the_limit", description=about)
    parser.add_argument(
        "--lines", type=int, nargs="+", choices=LINES, default=list(LINES), help="what to time"
    )
    parser.add_argument("--threads", type=int, default=2, help="threads, but for what is asked of one (2)")
    parser.add_argument("--rounds", type=int, default=15, help="rounds at least, 9 or more (15)")
    parser.add_argument("--scale", type=float, default=1.0, help="factor of the rows; targets are for 1")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a target is missed")
    parser.add_argument(
        "--without", nargs="+", choices=peers.OPTIONAL, default=[], help="peers that may be missing"
    )
    parser.add_argument("--json", type=document.file, help="file for all times")
    got = parser.parse_args(given)
    if got.threads < 1:
        parser.error(f"--threads must be 1 at least; got {got.threads}")
    if got.rounds < 9:
        parser.error(f"--rounds must be 9 at least; got {got.rounds}")
    if not (math.isfinite(got.scale) and got.scale > 0.0):
        parser.error(f"--scale must be a positive number; got {got.scale}")
    return got


def header(n_threads: int) -> str:
    """Machine and versions."""
    found = {peer: version or "missing" for peer, version in peers.versions().items()}
    libraries = ", ".join(f"{peer} {version}" for peer, version in found.items())
    about = environment.text(environment.environment())
    return f"{about}\n{libraries}\n{environment.threads_text(n_threads)}"


def expected(one: Figure, without: list[str]) -> bool:
    """Whether its target counts: not where nobody can measure it and that was said."""
    return not (one.verdict == "not measured" and any(one.against.startswith(peer) for peer in without))


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    watch = conditions.Watch()
    print(header(options.threads), flush=True)

    figures: list[Figure] = []
    for line in sorted(set(options.lines)):
        for one in LINES[line](options.scale, options.threads, options.rounds):
            figures.append(one)
            print(f"  measured: {one.name}", file=sys.stderr, flush=True)
    sizes = line_small.crossover(options.threads, options.rounds) if 5 in options.lines else []

    meanwhile = watch.conditions()
    print("\n" + table(figures))
    if sizes:
        print("\n" + line_small.crossover_text(sizes, options.threads))
    missed = [one for one in failures(figures) if expected(one, options.without)]
    print(f"\n{options.rounds} rounds at least\n{meanwhile}")
    if options.scale != 1.0:
        print(f"scale {options.scale:g}: the targets are for 1")
    for one in missed:
        print(f"{one.verdict}: {one.name} against {one.against}")
    if options.json is not None:
        head = document.head(
            "kernels at the limit",
            n_threads=options.threads,
            conditions=meanwhile,
            libraries=peers.versions(),
            tiny=options.scale < 1.0,
        )
        record = head | {
            "rounds": options.rounds,
            "scale": options.scale,
            "figures": [one.record() for one in figures],
            "crossover": line_small.record(sizes),
            "missed": [f"{one.name} against {one.against}" for one in missed],
        }
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
