"""Peak memory of a fit above the data, each in a process of its own.

    python benchmarks/scaling/peaks.py '{"who": "sigmax", "n": 10000, "p": 5, "K": 2, "threads": 2}'

prints one line of JSON:

    data      bytes of X and y, as they are handed over
    before    bytes resident with the library loaded, after a small fit, and the data made
    peak      bytes resident at the highest while it fits
    seconds   of the fit

`before` and `peak` are null where the system does not tell (Linux does: `memory.high_water`).  Peers stop at
a loose tolerance, `LOOSE`: what an iteration takes is the same in each, and the last ones are not waited for.
Threads are those of the environment, which the command has set: to hold every library to them would load all
of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "exact_optimum"))

import memory
import theory
from sizes import Plan, Size
from slopes import Slope, fitted

#: tolerance of peers
LOOSE = 1e-4
#: seconds after which a child is ended
PATIENCE = 600.0
#: shape of the small fit
_SMALL = {"n": 500, "p": 3}
_PROCESS = Path("/proc/self")


@dataclass(frozen=True)
class Peak:
    """What a child reports.

    Attributes
    ----------
    size : Size
    data : int
        Bytes of X and y.
    before, peak : int or None
        Bytes resident.
    seconds : float
    """

    size: Size
    data: int
    before: int | None
    peak: int | None
    seconds: float

    @property
    def growth(self) -> int | None:
        """Bytes above what was there before."""
        return None if self.peak is None or self.before is None else self.peak - self.before

    def record(self) -> dict[str, Any]:
        """Ready for JSON."""
        s = self.size
        where = {"x": s.x, "n": s.n, "p": s.p, "K": s.K, "threads": s.threads}
        return where | {"peak": self.peak, "before": self.before, "data": self.data}


@dataclass
class Memory:
    """One library along one parameter; attributes as those of `series.Series`."""

    along: str
    who: str
    fixed: dict[str, int]
    points: list[Peak] = field(default_factory=list)
    ended: str = ""

    @property
    def slope(self) -> Slope | None:
        """Of peak - before."""
        growth = [float(one.growth or 0) for one in self.points]
        return fitted(
            [float(one.size.x) for one in self.points], growth, *theory.of_memory(self.along, self.who)
        )

    def record(self) -> dict[str, Any]:
        """Ready for JSON."""
        slope = self.slope
        return {
            "along": self.along,
            "who": self.who,
            "fixed": self.fixed,
            "points": [one.record() for one in self.points],
            "slope": None if slope is None else slope.record(),
            "ended": self.ended,
        }


def run(
    asked: Plan,
    who: str,
    slow: float,
    progress: Callable[[str], None],
    command: Sequence[str] = (),
    lacks: Callable[[Size], str] = lambda size: "",
) -> Memory:
    """A child for each point, until a peer takes longer than `slow` seconds or a child fails.

    `lacks` says why a point cannot be measured; the first such point ends the series.
    """
    found = Memory(asked.along, who, asked.fixed)
    for size in asked.sizes:
        why = lacks(size)
        if why:
            found.ended = why
            break
        progress(f"memory, {asked.along} = {size.x:,}: {who}")
        at = f"{asked.along} = {size.x:,}"
        try:
            one = measure(size, who, command)
        except RuntimeError as failed:
            found.ended = f"stopped at {at}: {failed}"
            break
        found.points.append(one)
        if one.growth is None:
            found.ended = "not measured: the system does not tell how much memory a process has had"
            break
        if who != "sigmax" and one.seconds > slow and size != asked.sizes[-1]:
            found.ended = f"stopped after {at}: the fit took {one.seconds:.3g} s, more than {slow:g}"
            break
    return found


def measure(size: Size, who: str, command: Sequence[str] = ()) -> Peak:
    """What a child process reports.

    Raises
    ------
    RuntimeError
        It failed, or took too long.
    """
    asked = asdict(size) | {"who": who}
    program = [*(command or (sys.executable, str(Path(__file__).resolve()))), json.dumps(asked)]
    try:
        done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"the process took longer than {PATIENCE:g} s") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeError(f"the process ended with code {done.returncode}: {last[:160]}")
    found = json.loads(done.stdout)
    return Peak(size, found["data"], found["before"], found["peak"], found["seconds"])


# -- in the child ------------------------------------------------------------------------------

#: problem and threads -> the data as they are handed over, and a call that fits
Task = Callable[[Any, int], tuple[tuple[Any, Any], Callable[[], object]]]


def _ours(problem: Any, n_threads: int) -> tuple[tuple[Any, Any], Callable[[], object]]:
    import ours

    return (problem.X, problem.y), ours.calls(problem, n_threads).fit


def _theirs(who: str) -> Task:
    from libraries import NO_TOLERANCE, PEERS

    peer = PEERS[who]

    def task(problem: Any, n_threads: int) -> tuple[tuple[Any, Any], Callable[[], object]]:
        X, y = peer.arrays(problem)
        tolerance = 0.0 if peer.ladder == NO_TOLERANCE else LOOSE
        return (X, y), lambda: peer.fit(X, y, 0.0, tolerance)

    return task


def child(asked: dict[str, Any], task: Task | None = None, process: Path = _PROCESS) -> dict[str, Any]:
    """Make the data, fit, and say what that took; `task` in the place of the library that is asked for."""
    # here and not above: the parent needs neither
    import problems
    import sizes

    size, who = Size(**{key: value for key, value in asked.items() if key != "who"}), asked["who"]
    prepare = task or (_ours if who == "sigmax" else _theirs(who))
    small = Size(**(asdict(size) | _SMALL | {"K": min(size.K, 3)}))
    prepare(problems.make(sizes.spec(small)), size.threads)[1]()
    (X, y), fit = prepare(problems.make(sizes.spec(size)), size.threads)
    took: list[float] = []

    def call() -> None:
        start = time.perf_counter()
        fit()
        took.append(time.perf_counter() - start)

    marks = memory.high_water(call, process)
    before, peak = (None, None) if marks is None else marks
    data = sum(int(a.nbytes) for a in (X, y))
    return {"data": data, "before": before, "peak": peak, "seconds": took[0]}


if __name__ == "__main__":
    print(json.dumps(child(json.loads(sys.argv[1]))))
