"""Few reads, whatever the order of the rows: passes, time and memory of `sigmax.fit`.

    python benchmarks/reads.py                  2,000,000 x 20 in five orders; passes of each problem
    python benchmarks/reads.py --check          exit code 1 where a claim does not hold
    python benchmarks/reads.py --rows 20000 --tiny

A method that begins with a subsample can be fooled by the order of a file.  The same rows are fitted

    as drawn          in random order
    sorted by y       all rows of one class, then all of the other
    sorted by x1
    clustered         64 runs of rows with neighbouring x1, the runs in random order
    period 10         rows i, i + 10, i + 20, ... of one class each, as far as the classes go

and must be read as often, within `PASSES_MORE`, take as long, within `TIME_RATIO`, and give the same
estimates, within `APART` standard errors.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent / "exact_optimum"))

import memory
import ours
import problems
from problems import Problem
from rounds import interleave, quartiles, ratios

from sigmax.bench import conditions, machine
from sigmax.bench.report import aligned, number
from sigmax.bench.timing import Timing

#: what an order may cost against the order as drawn
PASSES_MORE, TIME_RATIO, APART = 1.0, 1.25, 1e-9
RUNS, PERIOD = 64, 10
_ORDERED = "binary_2000000x20"


def orders(problem: Problem) -> dict[str, npt.NDArray[np.intp]]:
    """Permutations of the rows, by name."""
    n = len(problem.y)
    by_y, by_x1 = np.argsort(problem.y, kind="stable"), np.argsort(problem.X[:, 0], kind="stable")
    runs = np.array_split(by_x1, min(RUNS, n))
    shuffled = np.random.default_rng(0).permutation(len(runs))
    # row i of the new order comes from the (i mod 10)-th tenth of the rows sorted by y
    tenths = np.array_split(by_y, PERIOD)
    periodic = np.empty(n, dtype=np.intp)
    for tenth, rows in enumerate(tenths):
        periodic[tenth::PERIOD] = rows
    return {
        "as drawn": np.arange(n),
        "sorted by y": by_y,
        "sorted by x1": by_x1,
        "clustered": np.concatenate([runs[i] for i in shuffled]),
        f"period {PERIOD}": periodic,
    }


@dataclass(frozen=True)
class Order:
    """Fits of the rows in one order.

    Attributes
    ----------
    name : str
    times : Timing
    ratio : float
        Median over rounds of this time over that of the rows as drawn.
    passes, passes_drawn : float
        Reads of the rows in this order, and as drawn.
    apart : float
        Largest difference of an estimate from that of the rows as drawn, in standard errors.
    converged : bool
    """

    name: str
    times: Timing
    ratio: float
    passes: float
    passes_drawn: float
    apart: float
    converged: bool

    @property
    def faults(self) -> list[str]:
        """Claims that do not hold."""
        said = [] if self.converged else ["not converged"]
        if not self.passes <= self.passes_drawn + PASSES_MORE:
            said.append(f"{self.passes:.3g} passes where the rows as drawn take {self.passes_drawn:.3g}")
        if not self.ratio <= TIME_RATIO:
            said.append(f"takes {self.ratio:.2f} times as long")
        if not self.apart <= APART:
            said.append(f"estimates differ by {self.apart:.1e} standard errors")
        return said


def measure_orders(problem: Problem, n_threads: int, repeats: int) -> list[Order]:
    """Each order of the rows, timed in turns.  One copy of X for each."""
    calls, results, about = {}, {}, {}
    for name, order in orders(problem).items():
        moved = replace(problem, X=np.ascontiguousarray(problem.X[order]), y=problem.y[order])
        calls[name] = ours.calls(moved, n_threads).fit
        results[name] = calls[name]()
        about[name] = 1.0
    times = interleave(calls, about, dict.fromkeys(calls, repeats))
    drawn = results["as drawn"]
    found = []
    for name, r in results.items():
        apart = float(np.max(np.abs(r.params - drawn.params) / drawn.bse))
        ratio = quartiles(ratios(times[name], times["as drawn"]))[1]
        passes = float(r.certificate.passes), float(drawn.certificate.passes)
        found.append(Order(name, times[name], ratio, *passes, apart, bool(r.certificate.converged)))
    return found


def orders_table(found: list[Order]) -> str:
    head = ["order of the rows", "passes", "ms", "[quartiles]", "as drawn", "differs, se", ""]
    rows = []
    for one in found:
        first, middle, third = (1e3 * t for t in quartiles(one.times.seconds))
        spread = f"[{number(first)} .. {number(third)}]"
        verdict = "; ".join(one.faults) or "holds"
        cells = [f"{one.passes:.3g}", number(middle), spread, f"{number(one.ratio)} x", f"{one.apart:.0e}"]
        rows.append([one.name, *cells, verdict])
    return "\n".join(aligned([head, *rows], 1))


def problems_table(names: list[str], n_threads: int, *, tiny: bool) -> tuple[str, list[str]]:
    """Passes and peak memory of each problem, and what does not hold."""
    rows = [["problem", "passes", "peak MB above X", "formula MB", "X MB", ""]]
    faults = []
    for name in names:
        spec = problems.tiny(problems.SPECS[name]) if tiny else problems.SPECS[name]
        try:
            problem = problems.make(spec)
        except ImportError as error:
            rows.append([name, "", "", "", "", f"the data are missing ({error})"])
            continue
        lacks = ours.not_available(problem)
        if lacks:
            rows.append([name, "", "", "", "", lacks])
            continue
        certificate: Any = ours.calls(problem, n_threads).fit().certificate
        # before the child makes its own copy
        del problem
        peak = memory.measure(name, n_threads, tiny=tiny)
        cells = ["", "", ""]
        said = "memory not measured"
        if peak is not None:
            cells = [number(peak[key] / 1e6) for key in ("peak", "formula", "X")]
            above = peak["peak"] > peak["formula"]
            said = "ABOVE the formula" if above else "within the formula"
            faults += [f"{name}: peak memory above the formula"] if above else []
        if not certificate.converged:
            said, faults = f"not converged; {said}", [*faults, f"{name}: not converged"]
        rows.append([name, f"{certificate.passes:.3g}", *cells, said])
    return "\n".join(aligned(rows, 1)), faults


def arguments(given: list[str] | None) -> argparse.Namespace:
    about = (__doc__ or "").split("\n")[0]
    single = [name for name, spec in problems.SPECS.items() if not spec.many]
    parser = argparse.ArgumentParser(prog="python benchmarks/reads.py", description=about)
    parser.add_argument("--rows", type=int, default=problems.SPECS[_ORDERED].n, help="of the ordered data")
    parser.add_argument("--problems", nargs="*", choices=single, default=single, metavar="NAME")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5, help="rounds (5)")
    parser.add_argument("--tiny", action="store_true", help="small problems of the same kinds")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a claim does not hold")
    got = parser.parse_args(given)
    for name, least in (("rows", 2_000), ("threads", 1), ("repeats", 1)):
        if getattr(got, name) < least:
            parser.error(f"--{name} must be {least} at least; got {getattr(got, name)}")
    return got


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    watch, threads = conditions.Watch(), machine.threads_text(options.threads)
    print(f"sigmax.fit, {options.rows:,} x 20, two classes, {threads}, {options.repeats} rounds\n")
    problem = problems.make(replace(problems.SPECS[_ORDERED], n=options.rows))
    found = measure_orders(problem, options.threads, options.repeats)
    print(orders_table(found), flush=True)
    del problem
    text, faults = problems_table(options.problems, options.threads, tiny=options.tiny)
    formula = (
        f"{memory.HESSIANS:g} Hessians, {memory.VECTORS:g} vectors of n, {memory.BLOCKS:g} blocks a thread"
    )
    print(f"\npasses of each problem, and memory against {formula}\n\n{text}")
    wrong = [f"{one.name}: {fault}" for one in found for fault in one.faults] + faults
    for fault in wrong:
        print(f"does not hold: {fault}")
    print(watch.conditions())
    return 1 if options.check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
