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
import os
import sys
import time
from pathlib import Path
from typing import Any

import line_functions
import line_passes
import line_small
import peers
from figures import Figure, failures, table

from sigmax.bench import machine

LINES = {2: line_functions.figures, 3: line_passes.figures, 5: line_small.figures}
#: CPUs taken by others, on average, above which the machine counts as busy
_BUSY = 0.1


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
    parser.add_argument("--json", type=Path, help="file for all times")
    got = parser.parse_args(given)
    if got.threads < 1:
        parser.error(f"--threads must be 1 at least; got {got.threads}")
    if got.rounds < 9:
        parser.error(f"--rounds must be 9 at least; got {got.rounds}")
    if not (math.isfinite(got.scale) and got.scale > 0.0):
        parser.error(f"--scale must be a positive number; got {got.scale}")
    return got


def load_average() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def cpu_seconds(stat: Path = Path("/proc/stat")) -> tuple[float, float] | None:
    """CPU time of everything on this machine but this process, and what its host took away, since it began.

    None where the system does not tell.  A load average counts this process too; this does not.
    """
    try:
        ticks = [int(word) for word in stat.read_text().split("\n", 1)[0].split()[1:9]]
        user, nice, system, _idle, _wait, irq, softirq, stolen = ticks
        tick = os.sysconf("SC_CLK_TCK")
    except (AttributeError, OSError, ValueError):
        return None
    own = os.times()
    return (user + nice + system + irq + softirq) / tick - own.user - own.system, stolen / tick


def disturbance(
    before: tuple[float, float] | None, after: tuple[float, float] | None, seconds: float
) -> tuple[float, float] | None:
    """CPUs that others used in the meantime, on average, and CPUs that the host took away."""
    if before is None or after is None:
        return None
    others, stolen = ((b - a) / seconds for a, b in zip(before, after, strict=True))
    return max(others, 0.0), max(stolen, 0.0)


def environment_text(e: dict[str, Any], n_threads: int) -> str:
    cache = e["cache_bytes"]
    size = f", last-level cache {cache / 2**20:.0f} MiB" if isinstance(cache, int) else ""
    found = {peer: version or "missing" for peer, version in peers.versions().items()}
    libraries = ", ".join(f"{peer} {version}" for peer, version in found.items())
    isa = ", ".join(f"{name} ({isa})" for name, isa in e["isa"].items())
    lines = [
        f"{e['cpu']}, {e['cpus']} CPUs{size}, {e['platform']}; {machine.threads_text(n_threads)}",
        f"sigmax {e['sigmax']}, backends {isa}; Python {e['python']}, NumPy {e['numpy']}, SciPy {e['scipy']}",
        libraries,
    ]
    if e["why_not_compiled"]:
        lines.append(f"only the reference backend: {e['why_not_compiled']}")
    return "\n".join(lines)


def expected(one: Figure, without: list[str]) -> bool:
    """Whether its target counts: not where nobody can measure it and that was said."""
    return not (one.verdict == "not measured" and any(one.against.startswith(peer) for peer in without))


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    started, before, environment = time.perf_counter(), load_average(), machine.environment()
    used = cpu_seconds()
    print(environment_text(environment, options.threads), flush=True)

    figures: list[Figure] = []
    for line in sorted(set(options.lines)):
        for one in LINES[line](options.scale, options.threads, options.rounds):
            figures.append(one)
            print(f"  measured: {one.name}", file=sys.stderr, flush=True)
    sizes = line_small.crossover(options.threads, options.rounds) if 5 in options.lines else []

    seconds, after = time.perf_counter() - started, load_average()
    disturbed = disturbance(used, cpu_seconds(), seconds)
    print("\n" + table(figures))
    if sizes:
        print("\n" + line_small.crossover_text(sizes, options.threads))
    missed = [one for one in failures(figures) if expected(one, options.without)]
    loads = " and ".join("unknown" if load is None else f"{load:.2f}" for load in (before, after))
    print(f"\n{seconds:.0f} s, {options.rounds} rounds at least, load {loads} (before, after)")
    if disturbed is not None:
        others, stolen = disturbed
        busy = ": the machine was busy, and times are too long" if others + stolen > _BUSY else ""
        print(f"meanwhile others used {others:.2f} CPUs, and the host took {stolen:.2f} away{busy}")
    if options.scale != 1.0:
        print(f"scale {options.scale:g}: the targets are for 1")
    for one in missed:
        print(f"{one.verdict}: {one.name} against {one.against}")
    if options.json is not None:
        record = {
            "environment": environment | {"peers": peers.versions()},
            "threads": options.threads,
            "rounds": options.rounds,
            "scale": options.scale,
            "load_before": before,
            "load_after": after,
            "cpus_of_others_and_stolen": disturbed,
            "seconds": seconds,
            "figures": [one.record() for one in figures],
            "crossover": line_small.record(sizes),
            "missed": [f"{one.name} against {one.against}" for one in missed],
        }
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
