"""Existence and separation, as sigmax decides them, against exact rational arithmetic: the confusion matrix.

    python benchmarks/separation --problems 100000 --seed 1 --processes 2 --json FILE
    python benchmarks/separation --first 50000 --problems 50000                      its second half
    python benchmarks/separation --only 447                                          one problem again

Each problem is decided by tests/oracles/separation.py, which checks its own proofs in integers and shares
nothing with the library; then fitted by `sigmax.fit`, and everything public that follows from the answer is
compared.  Exit code 1: an answer is wrong.  Undecided answers are counted, with their reasons; --undecided
allows no more of them than that.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

# the exact oracle is that of the tests
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import campaign
import judge
import numpy as np
import problems
import summary

from sigmax.bench import conditions, document, environment


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    about = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python benchmarks/separation", description=about)
    parser.add_argument("--problems", type=int, default=100_000, help="how many (100000)")
    parser.add_argument("--first", type=int, default=0, help="index of the first one (0)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all problems (1)")
    parser.add_argument("--processes", type=int, default=2, help="processes, of one thread each (2)")
    parser.add_argument("--minutes", type=float, help="stop after so long, and say where")
    parser.add_argument("--only", type=int, metavar="INDEX", help="show one problem and what happens")
    parser.add_argument("--undecided", type=int, metavar="COUNT", help="how many may stay undecided (any)")
    parser.add_argument("--json", type=Path, help="file for the counts and all failures")
    got = parser.parse_args(given)
    for name, least in (("problems", 1), ("first", 0), ("seed", 0), ("processes", 1), ("only", 0)):
        value = getattr(got, name)
        if value is not None and value < least:
            parser.error(f"--{name} must be {least} at least; got {value}")
    if got.minutes is not None and not got.minutes > 0.0:
        parser.error(f"--minutes must be positive; got {got.minutes:g}")
    return got


def show(seed: int, index: int) -> int:
    """One problem, its arrays in full, the truth, and the record."""
    problem = problems.draw(seed, index)
    answer = judge.answer_of(problem)
    print(problem)
    with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
        for name in ("X", "y", "weight", "offset"):
            array = getattr(problem, name)
            print(f"{name} = {None if array is None else array.tolist()}")
        for name in ("exists", "kind", "infinite", "aliased", "rows"):
            value = getattr(answer, name)
            print(f"truth, {name}: {value.tolist() if isinstance(value, np.ndarray) else value}")
        if answer.direction is not None:
            print(f"truth, direction: {', '.join(map(str, answer.direction))}")
    record = judge.judge(seed, index)
    print("\n".join(f"{name}: {value}" for name, value in asdict(record).items()))
    return 1 if record.failures else 0


def main() -> int:
    options = arguments()
    if options.only is not None:
        return show(options.seed, options.only)
    watch = conditions.Watch()
    records, stop = campaign.run(
        options.seed,
        options.first,
        options.problems,
        processes=options.processes,
        minutes=options.minutes,
    )
    meanwhile = watch.conditions()
    head = document.head("separation", n_threads=1, conditions=meanwhile)
    found = summary.table(records)
    print(environment.text(head["environment"]))
    print(f"seed {options.seed}, problems {options.first} to {stop - 1}, {meanwhile.seconds:.0f} s\n")
    print(summary.as_text(found))
    bad = [r for r in records if r.failures]
    undecided = sum(found["undecided"].values())
    passed = not bad and (options.undecided is None or undecided <= options.undecided)
    if bad:
        print("\n" + summary.failures_text(bad))
    short = options.first + options.problems - stop
    if short:
        print(f"\nended early: --first {stop} --problems {short} is left")
    print("\npassed" if passed else f"\nfailed: {len(bad)} problems, {undecided} undecided")
    if options.json is not None:
        report = head | {
            "seed": options.seed,
            "first": options.first,
            "stop": stop,
            "seconds": meanwhile.seconds,
            **found,
            "failures": [asdict(r) for r in bad],
            "passed": passed,
        }
        options.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
