"""Seconds per epoch of the same network in sigmax and in torch: float64, CPU, both in turns in one run.

    python benchmarks/networks.py                       all cases
    python benchmarks/networks.py --quick               3 rounds, and 5,000 rows instead of 50,000
    python benchmarks/networks.py --only "digits.*adam" cases whose name matches
    python benchmarks/networks.py --check               exit code 1 where a line misses the target, or differs

Data      scikit-learn's digits (1,797 x 64, 10 classes); Gaussian columns, labels drawn from a model,
          50,000 x 100, 10 and 2 classes
Networks  one layer: linear units, log-softmax, NLL; hidden 32, hidden 128: these units and tanh before.
          In torch nn.Sequential of nn.Linear and nn.Tanh, with nn.CrossEntropyLoss
Methods   gd: an epoch is one evaluation of cost and gradient over all rows, and a step of fixed length.
          sgd: momentum 0.9.  adam.  Both in batches of 32 and 256; the last one of an epoch may be short

Accuracy before time.  Both begin with the same weights and take the batches in the same order; after the
first epoch (of gd: 20 steps) the mean losses of all rows must agree to 1e-10 relative, and the parameters to
1e-9 of the largest.  A line where they do not is marked, and does not count.

An epoch of sigmax is the time between two calls of the callback of Network.fit, with the mean cost, the
checks for what is not finite, and the copy of the parameters that a callback gets; the checks of X and y are
before the first epoch, and one evaluation is after the last.  torch gets the leanest loop: no DataLoader, no
running loss, no checks, gradients set to None by hand.  On as many threads as sigmax, and on one, it is tried
with optimisers that are fused, foreach and plain, and with rows gathered batch by batch and once an epoch;
the fastest of each takes part, and what counts is the faster of these two.  (torch.compile is not among them:
with it steps of this size took longer.)

Times are medians over rounds, with the fastest and the spread, (slowest - fastest) / median; the ratio is the
median over rounds of torch / sigmax.  The first epoch of each sample is warm-up and dropped.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "same_network"))

import network_torch
from network_cases import REST, Case, cases, digits, epochs_of_a_sample
from network_lbfgs import L2, TOL, to_the_same_gradient
from network_sigmax import Ours
from network_torch import Theirs

from sigmax import threads
from sigmax.bench import conditions, document, environment
from sigmax.bench.report import aligned, number
from sigmax.bench.timing import Timing

TARGET = 2.0
#: how near loss and parameters must be
LOSS_APART, PARAMETERS_APART = 1e-10, 1e-9
#: steps of gd after which they are compared
_GD_STEPS = 20
ROWS, QUICK_ROWS = 50_000, 5_000
ROUNDS, QUICK_ROUNDS = 9, 3


@dataclass(frozen=True)
class Line:
    """A case as it was measured.

    Attributes
    ----------
    case : str
    ours : Timing
        Seconds of an epoch, one for each round.
    theirs : dict of str to Timing
        Of the same rounds, by the setting of torch; empty where that is missing.
    loss_apart, parameters_apart : float or None
        Relative difference of the losses; largest difference of a parameter, over the largest of them.  None
        where torch is missing.
    """

    case: str
    ours: Timing
    theirs: dict[str, Timing]
    loss_apart: float | None = None
    parameters_apart: float | None = None

    @property
    def setting(self) -> str | None:
        """Of torch: the one of the lowest median."""
        return min(self.theirs, key=lambda name: self.theirs[name].median, default=None)

    @property
    def best(self) -> Timing | None:
        """Of torch."""
        return None if self.setting is None else self.theirs[self.setting]

    @property
    def ratio(self) -> float | None:
        """Median over rounds of torch / sigmax."""
        if self.best is None:
            return None
        pairs = zip(self.ours.seconds, self.best.seconds, strict=True)
        return statistics.median(b / a for a, b in pairs)

    @property
    def verdict(self) -> str:
        """What became of the target: met, MISSED; DIFFERS where there is nothing to compare."""
        if self.ratio is None or self.loss_apart is None or self.parameters_apart is None:
            return "not measured"
        # a nan is not near
        if not (self.loss_apart <= LOSS_APART and self.parameters_apart <= PARAMETERS_APART):
            return "DIFFERS"
        return "met" if self.ratio >= TARGET else "MISSED"

    def record(self) -> dict[str, Any]:
        """Ready for JSON; times in seconds."""
        return asdict(self) | {"setting": self.setting, "ratio": self.ratio, "verdict": self.verdict}


def apart(ours: Ours, theirs: Theirs) -> tuple[float, float]:
    """How far loss and parameters differ after the same steps from the same start."""
    count = 1 if ours.case.batch else _GD_STEPS
    (our_loss, mine), (their_loss, others) = ours.after(count), theirs.after(count)
    off = max(float(np.abs(a - b).max()) for a, b in zip(mine, others, strict=True))
    largest = max(float(np.abs(a).max()) for a in mine)
    return abs(our_loss - their_loss) / abs(our_loss), off / largest


def measure(case: Case, torch: Any | None, n_threads: int, rounds: int) -> Line:
    """Check, then time in turns."""
    ours, theirs = Ours(case, n_threads), list[Theirs]()
    if torch is not None:
        for count in sorted({1, n_threads}):
            theirs.append(Theirs(torch, case, network_torch.best(torch, case, count)))
    found = [apart(ours, one) for one in theirs]
    runs: list[Ours | Theirs] = [ours, *theirs]
    counts = [epochs_of_a_sample(one.epochs(2)) for one in runs]
    seconds: list[list[float]] = [[] for _ in runs]
    for turn in range(rounds):
        # every other round backwards: none always follows the same one
        for i in range(len(runs)) if turn % 2 == 0 else reversed(range(len(runs))):
            time.sleep(REST)
            seconds[i].append(runs[i].epochs(counts[i]))
    first, *others = (Timing(tuple(each)) for each in seconds)
    timings = {str(one.setting): timing for one, timing in zip(theirs, others, strict=True)}
    # both settings of torch must be near: np.max lets no nan get lost
    off = np.max(found, axis=0).tolist() if found else (None, None)
    return Line(case.name, first, timings, *off)


# -- the run -----------------------------------------------------------------------------------------


def header(torch: Any | None, n_threads: int) -> str:
    """Machine and versions."""
    other = "torch is not installed: sigmax alone" if torch is None else f"torch {torch.__version__}"
    return f"{environment.text(environment.environment())}\n{other}, {environment.threads_text(n_threads)}"


def table(lines: list[Line]) -> str:
    """One row for each case; times in milliseconds, of an epoch."""
    head = ["", "sigmax ms", "fastest", "spread", "torch ms", "fastest", "spread", "with", "ratio"]
    head += [f">= {TARGET:g}", "loss", "parameters apart"]
    return "\n".join(aligned([head, *map(_cells, lines)], 1))


def _cells(line: Line) -> list[str]:
    times = [cell for one in (line.ours, line.best) for cell in _times(one)]
    ratio = "" if line.ratio is None else number(line.ratio)
    off = ["" if value is None else f"{value:.0e}" for value in (line.loss_apart, line.parameters_apart)]
    return [line.case, *times, line.setting or "", ratio, line.verdict, *off]


def _times(one: Timing | None) -> list[str]:
    if one is None:
        return ["", "", ""]
    return [number(1e3 * one.median), number(1e3 * one.fastest), f"{100.0 * one.spread:.0f} %"]


def conclusion(lines: list[Line]) -> str:
    """How many lines meet the target, and which is the slowest."""
    ratios = {line.case: line.ratio for line in lines if line.verdict in ("met", "MISSED") and line.ratio}
    if not ratios:
        return "nothing was compared"
    met = sum(line.verdict == "met" for line in lines)
    left = len(lines) - len(ratios)
    worst = min(ratios, key=ratios.__getitem__)
    return (
        f"{met} of {len(ratios)} lines at {TARGET:g} times torch's speed or more"
        f"{f', {left} not counted' if left else ''}; lowest ratio {number(ratios[worst])}: {worst}"
    )


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and rows")
    parser.add_argument("--threads", type=int, default=threads.resolve(), help="of both (all CPUs)")
    parser.add_argument("--rounds", type=int, help=f"{ROUNDS}, or {QUICK_ROUNDS} with --quick")
    parser.add_argument("--rows", type=int, help=f"Gaussian ones: {ROWS}, or {QUICK_ROWS} with --quick")
    parser.add_argument("--only", default="", help="regular expression: cases to measure, by their names")
    parser.add_argument("--no-lbfgs", action="store_true", help="leave out the lines for information")
    parser.add_argument("--check", action="store_true", help="exit code 1 where the target is missed")
    parser.add_argument("--json", type=Path, help="file for all times")
    got = parser.parse_args(given)
    got.rounds = got.rounds if got.rounds is not None else QUICK_ROUNDS if got.quick else ROUNDS
    got.rows = got.rows if got.rows is not None else QUICK_ROWS if got.quick else ROWS
    for name in ("threads", "rounds", "rows"):
        if getattr(got, name) < 1:
            parser.error(f"--{name} must be 1 at least; got {getattr(got, name)}")
    try:
        got.only = re.compile(got.only)
    except re.error as error:
        parser.error(f"--only must be a regular expression; got {got.only!r}: {error}")
    return got


def main(given: list[str] | None = None) -> int:
    """0; with --check 1 where a line misses the target, differs, or was not measured."""
    options = arguments(given)
    torch, watch = network_torch.load(), conditions.Watch()
    print(header(torch, options.threads), flush=True)

    lines = list[Line]()
    for case in cases(options.rows):
        if options.only.search(case.name):
            lines.append(measure(case, torch, options.threads, options.rounds))
            print(f"  measured: {case.name}", file=sys.stderr, flush=True)
    if not lines:
        print("no case matches --only")
        return 1
    print("\n" + table(lines))
    print("\n" + conclusion(lines))
    data, informational = digits(), list[str]()
    if data is not None and not options.no_lbfgs:
        print(f"\nL-BFGS to max |dJ/dtheta| <= {TOL:g}, l2 = {L2:g}, for information", flush=True)
        for text in to_the_same_gradient(torch, data, options.threads, min(options.rounds, QUICK_ROUNDS)):
            informational.append(text)
            print(text, flush=True)
    meanwhile = watch.conditions()
    print(f"\n{options.rounds} rounds\n{meanwhile}")
    if options.rows != ROWS or options.rounds < ROUNDS:
        print(f"the target is for {ROWS:,} rows and {ROUNDS} rounds")
    if options.json is not None:
        head = document.head(
            "networks",
            n_threads=options.threads,
            conditions=meanwhile,
            libraries={"torch": None if torch is None else torch.__version__},
            tiny=options.rows < ROWS,
        )
        record = head | {
            "rounds": options.rounds,
            "rows": options.rows,
            "target": TARGET,
            "lines": [line.record() for line in lines],
            "lbfgs": informational,
        }
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    return 1 if options.check and any(line.verdict != "met" for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
