"""Every problem whose optimum exists converges, and lies within its bound: random problems, small and nasty.

    python benchmarks/convergence --problems 100000 --seed 1 --processes 2 --json FILE   15 minutes
    python benchmarks/convergence --first 50000 --problems 50000                      its second half
    python benchmarks/convergence --only 447                                          one problem again

Each problem is drawn until its optimum is proved to exist, independently of the library; fitted; and held
against an optimum in extended precision, with its own error bound.  Undamped Newton runs beside, from the
same start.  Exit code 1: a fit did not converge, was further off than its bound, overstated its digits,
claimed an optimum of separated data, or the harness disagrees with itself.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

# the 50-digit oracle is that of the tests
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import campaign
import judge
import problems
import summary

from sigmax.bench import conditions, document, environment


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    about = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python benchmarks/convergence", description=about)
    parser.add_argument("--problems", type=int, default=100_000, help="problems with an optimum (100000)")
    parser.add_argument("--first", type=int, default=0, help="index of the first one (0)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all problems (1)")
    parser.add_argument("--processes", type=int, default=2, help="processes, of one thread each (2)")
    parser.add_argument("--minutes", type=float, help="stop after so long, and say where")
    parser.add_argument("--only", type=int, metavar="INDEX", help="show one problem and what happens")
    parser.add_argument("--json", type=Path, help="file for the table and all failures")
    got = parser.parse_args(given)
    for name, least in (("problems", 1), ("first", 0), ("seed", 0), ("processes", 1), ("only", 0)):
        value = getattr(got, name)
        if value is not None and value < least:
            parser.error(f"--{name} must be {least} at least; got {value}")
    if got.minutes is not None and not got.minutes > 0.0:
        parser.error(f"--minutes must be positive; got {got.minutes:g}")
    return got


def show(seed: int, index: int, *, penalties: bool) -> int:
    """One problem, its arrays in full, and its record."""
    record = judge.judge(seed, index, penalties=penalties)
    if record.run:
        problem = problems.draw(seed, index, max(record.attempts - 1, 0), penalties=penalties)
        print(problem)
        for name in ("X", "y", "weight", "offset", "start"):
            array = getattr(problem, name)
            print(f"{name} = {None if array is None else array.tolist()}")
    print(summary.record_text(record))
    return 1 if record.failures or record.faults else 0


def main() -> int:
    options = arguments()
    penalties = judge.takes_penalties()
    if options.only is not None:
        return show(options.seed, options.only, penalties=penalties)
    watch = conditions.Watch()
    records, stop = campaign.run(
        options.seed,
        options.first,
        options.problems,
        processes=options.processes,
        penalties=penalties,
        minutes=options.minutes,
    )
    meanwhile = watch.conditions()
    head = document.head("convergence", n_threads=1, conditions=meanwhile)
    table = summary.rows(records)
    print(environment.text(head["environment"]))
    print(f"seed {options.seed}, problems {options.first} to {stop - 1}, {meanwhile.seconds:.0f} s\n")
    print(summary.as_text(table))
    bad = [r for r in records if r.failures or r.faults]
    if bad:
        print("\n" + summary.failures_text(bad))
    short = stop < options.first + options.problems
    if short:
        print(f"\nended early: --first {stop} --problems {options.first + options.problems - stop} is left")
    print("\npassed" if not bad else f"\nfailed: {len(bad)} problems")
    if options.json is not None:
        found = head | {
            "seed": options.seed,
            "first": options.first,
            "stop": stop,
            "seconds": meanwhile.seconds,
            "penalties": penalties,
            "families": table,
            "failures": [r.as_json() for r in bad],
            "passed": not bad,
        }
        options.json.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
    return 0 if not bad else 1


if __name__ == "__main__":
    sys.exit(main())
