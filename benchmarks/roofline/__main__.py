"""Passes and fits as a share of what memory and arithmetic allow, by the number of columns.

    python benchmarks/roofline                          everything, in some five minutes
    python benchmarks/roofline --columns 20 --classes 2
    python benchmarks/roofline --json FILE              all times, bytes and flops: enough to draw a roofline

For each p and K: NLL and gradient in one pass, NLL, gradient and Hessian in one pass, and sigmax.fit from
arrays to a result with its certificate, all with an intercept.

    limit = max(bytes / bandwidth of the same round, flops / DGEMM rate, the best of the run)

bytes and flops of a pass are those of sigmax.bench.work, of a fit those of the reads that it made
(sigmax.bench.reads).  exp and log are not counted, so a share cannot quite reach 1 where rows are short.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "exact_optimum"))

import set_threads

if __name__ == "__main__":
    # before NumPy is imported
    set_threads.hold(sys.argv[1:])

import shapes
import timed
from points import Point, table, with_best_dgemm
from shapes import Shape

import sigmax
from sigmax.bench import document, machine
from sigmax.bench.conditions import Watch

COLUMNS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
CLASSES = (2, 5)
#: below the table
_NOTE = """\
ms: median; rounds: 3 where they are slow.  limit: max(bytes / bandwidth of the round, flops / DGEMM rate, the
best of the run); share: limit / time by round.  bytes: X and class codes once for each read, of samples once;
flops: those of the reads made; exp, log, and what double-double costs above double are not counted."""


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    about = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python benchmarks/roofline", description=about)
    add = parser.add_argument
    threads = int(set_threads.DEFAULT)
    add("--threads", type=int, default=threads, metavar="N", help=f"of passes, fits and limits ({threads})")
    add("--rounds", type=int, default=9, metavar="N", help="rounds at most, 3 or more (9)")
    add("--columns", type=int, nargs="+", metavar="P", help=f"columns of X ({' '.join(map(str, COLUMNS))})")
    add("--classes", type=int, nargs="+", metavar="K", help=f"classes ({' '.join(map(str, CLASSES))})")
    add("--bytes", type=int, metavar="B", help="of X with two classes (4e8, and 4 times the cache at least)")
    add("--json", type=document.file, metavar="FILE", help="file for all figures")
    add("--tiny", action="store_true", help="sizes of the tests, which say nothing about speed")
    got = parser.parse_args(given)
    for name, least in (("threads", 1), ("rounds", 3), ("bytes", 1)):
        value = getattr(got, name)
        if value is not None and value < least:
            parser.error(f"--{name} must be {least} at least; got {value}")
    for name, least in (("columns", 1), ("classes", 2)):
        values = getattr(got, name)
        if values is not None and min(values) < least:
            parser.error(f"--{name} must be {least} at least each; got {min(values)}")
    if got.columns is None:
        got.columns = list(shapes.TINY_COLUMNS if got.tiny else COLUMNS)
    if got.classes is None:
        got.classes = list(shapes.TINY_CLASSES if got.tiny else CLASSES)
    return got


def bytes_wanted(options: argparse.Namespace) -> int:
    """Of X with two classes."""
    if options.bytes is not None:
        return int(options.bytes)
    if options.tiny:
        return shapes.TINY_BYTES
    return max(shapes.BYTES, machine.beyond_cache(options.threads))


def run(options: argparse.Namespace) -> tuple[list[Point], list[dict[str, Any]]]:
    """The points of all shapes, and what was left out, with reasons."""
    bytes_, beyond = bytes_wanted(options), machine.beyond_cache(options.threads)
    found: list[Point] = []
    missing: list[dict[str, Any]] = []
    for K in sorted(set(options.classes)):
        for p in sorted(set(options.columns)):
            one = shapes.shape(p, K, bytes_, beyond)
            without = shapes.left_out(one, bytes_)
            missing += [{"p": p, "K": K, "what": what, "why": why} for what, why in without.items()]
            if "all" in without:
                continue
            print(f"  {_named(one)}", file=sys.stderr, flush=True)
            found += timed.points(one, options.threads, options.rounds, set(without), hurry=options.tiny)
    return found, missing


def _named(one: Shape) -> str:
    return f"{one.n:,} x {one.p}, {one.K} classes, {one.bytes / 1e6:,.0f} MB"


def header(n_threads: int) -> str:
    """Machine and versions."""
    e = machine.environment()
    isa = ", ".join(f"{name} ({isa})" for name, isa in e["isa"].items())
    versions = f"Python {e['python']}, NumPy {e['numpy']}, SciPy {e['scipy']}"
    return "\n".join(
        [
            f"{e['cpu']}, {e['cpus']} CPUs, {e['platform']}; {machine.threads_text(n_threads)}",
            f"sigmax {e['sigmax']}, {isa}; {versions}",
        ]
    )


def rates_text(bandwidth: dict[int, machine.Rate], dgemm: dict[int, machine.Rate]) -> str:
    """The limits of the machine, by number of threads."""
    said = [
        f"{machine.threads_text(count)} {bandwidth[count]}, {dgemm[count]}" for count in sorted(bandwidth)
    ]
    return f"Read bandwidth, DGEMM, the better of before and after: {'; '.join(said)}."


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    watch = Watch()
    print(header(options.threads), flush=True)
    before = machine.limits(options.threads)
    points, missing = run(options)
    after = machine.limits(options.threads)
    bandwidth, dgemm = (machine.better(a, b) for a, b in zip(before, after, strict=True))
    points = with_best_dgemm(points, [machine.attainable(dgemm, options.threads).best])
    conditions = watch.conditions()
    if points:
        print(f"\n{table(points)}\n")
    for one in missing:
        what = "" if one["what"] == "all" else f" {one['what']}"
        print(f"left out: K = {one['K']}, p = {one['p']:,}{what}: {one['why']}")
    print(f"{_NOTE}\n{rates_text(bandwidth, dgemm)}\n{conditions}")
    if options.tiny:
        print("The problems were tiny: the shares say nothing.")
    if options.json is not None:
        head = document.head(
            "roofline",
            n_threads=options.threads,
            conditions=conditions,
            libraries={"sigmax": sigmax.__version__},
            tiny=options.tiny,
        )
        record = head | {
            "limits": {
                "bandwidth": {str(count): asdict(rate) for count, rate in bandwidth.items()},
                "dgemm": {str(count): asdict(rate) for count, rate in dgemm.items()},
            },
            "points": [one.record() for one in points],
            "left_out": missing,
        }
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
