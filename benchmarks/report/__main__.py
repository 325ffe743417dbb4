"""The whole benchmark, from measuring to the report: what `sigmax bench --full` runs.

    python benchmarks/report --out DIR                        everything; an hour on two CPUs
    python benchmarks/report --out DIR --parts roofline       a part of it
    python benchmarks/report --out DIR --keep                 only parts whose file is not there yet
    python benchmarks/report --out DIR --draw                 nothing is measured, the report drawn again
    python benchmarks/report --out DIR --tiny                 sizes of the tests: does it work here?

Each part is a process of its own, one after the other, on the same number of threads; what it prints goes to
DIR/PART.txt too, and its figures to DIR/PART.json.  The report is drawn from those files alone.

    problems   what each problem is like, and whether its estimate exists
                                                              benchmarks/exact_optimum --describe
    speed      other libraries at equal accuracy              benchmarks/exact_optimum
    curves     their accuracy against time                    benchmarks/exact_optimum --curves
    roofline   passes and fits against the machine's limits   benchmarks/roofline
    scaling    cost against rows, columns, classes, threads, and memory
                                                              benchmarks/scaling

Exit code 1 where a part failed; the others are drawn.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "exact_optimum"))

import draw
import look
import set_threads
from parts import PARTS, TINY, Part

from sigmax import threads
from sigmax.bench import suite

BENCHMARKS = Path(__file__).resolve().parents[1]


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    about = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python benchmarks/report", description=about)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the report, made if need be")
    names = suite.PARTS
    which = f"some of {', '.join(names)} (all)"
    add("--parts", nargs="+", choices=names, default=names, metavar="PART", help=which)
    most = threads.resolve()
    add("--threads", type=int, default=most, metavar="N", help=f"threads of every library ({most} here)")
    add("--data", type=Path, metavar="DIR", help="folder of large data sets that were downloaded")
    kept = "folder of optima and tolerances, kept for other runs (one in the system's temporary folder)"
    add("--cache", type=Path, metavar="DIR", help=kept)
    add("--tiny", action="store_true", help="small sizes, as in the tests: does everything work here?")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--keep", action="store_true", help="measure only parts whose file is not there yet")
    what.add_argument("--draw", action="store_true", help="measure nothing, draw the report again")
    got = parser.parse_args(given)
    if got.threads < 1:
        parser.error(f"--threads must be 1 at least; got {got.threads}")
    if got.data is not None and not got.data.is_dir():
        parser.error(f"--data must be a folder; got {got.data}")
    if got.out.exists() and not got.out.is_dir():
        parser.error(f"--out must be a folder; got the file {got.out}")
    if got.draw and not got.out.is_dir():
        parser.error(f"--out must be the folder of a run that --draw can draw; there is no {got.out}")
    return got


def command(part: Part, options: argparse.Namespace) -> list[str]:
    """What runs a part."""
    folder, *rest = part.arguments
    found = [sys.executable, str(BENCHMARKS / folder), *rest]
    if part.problems:
        found += TINY if options.tiny else part.problems
    found += ["--threads", str(options.threads), "--json", str(options.out / part.file)]
    if part.problems and options.cache is not None:
        found += ["--cache", str(options.cache)]
    if part.problems and options.data is not None:
        found += ["--data", str(options.data)]
    return [*found, "--tiny"] if options.tiny else found


def measure(part: Part, options: argparse.Namespace) -> bool:
    """Run a part, and whether it ended well; what it prints is shown and kept."""
    environment = os.environ | dict.fromkeys(set_threads.VARIABLES, str(options.threads))
    environment["PYTHONUNBUFFERED"] = "1"
    file = options.out / part.file
    file.unlink(missing_ok=True)  # an old one would be drawn where the new one failed
    about = "" if options.tiny else f", about {part.minutes} minutes"
    print(f"\n=== {part.name}{about}", flush=True)
    started = time.perf_counter()
    with (
        (options.out / f"{part.name}.txt").open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            command(part, options), stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment
        ) as child,
    ):
        assert child.stdout is not None
        try:
            for line in child.stdout:
                kept.write(line)
                print(line, end="", flush=True)
        except BaseException:  # also a key that interrupts: nothing goes on in the background
            child.kill()
            raise
    # a part may say by its exit code that targets were missed; what it measured counts all the same
    if file.exists():
        print(f"=== {part.name}: {time.perf_counter() - started:.0f} s", flush=True)
        return True
    print(f"=== {part.name} FAILED with exit code {child.returncode}", file=sys.stderr, flush=True)
    return False


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    options.out.mkdir(parents=True, exist_ok=True)
    options.out = options.out.resolve()
    try:
        look.matplotlib()
    except ImportError as error:  # known before an hour of measuring
        print(error, file=sys.stderr)
        return 1
    chosen = [] if options.draw else [PARTS[name] for name in suite.PARTS if name in options.parts]
    if options.keep:
        chosen = [part for part in chosen if not (options.out / part.file).exists()]
    failed = [part.name for part in chosen if not measure(part, options)]
    try:
        files = draw.write(options.out)
    except ValueError as error:  # nothing was measured, or a file was damaged
        print(error, file=sys.stderr)
        files = []
    print()
    for file in files:
        print(f"written: {file}")
    if failed:
        print(f"not measured, see above: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
