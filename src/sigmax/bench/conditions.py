"""What the machine did while something was measured: load, the CPUs of others, throttling, frequencies.

Taking turns does not help on a busy machine: while others ran on both CPUs, scikit-learn's newton-cholesky
was seen to take 44 s for 2,000,000 x 20 instead of 1.3, and 43 s of CPU time instead of 2.6.  Threads of
BLAS that spin for each other are the likely reason.  So a run says what others did meanwhile, and counts for
nothing where that was more than `LIMIT`.

A load average counts the run itself too; `Conditions.others` does not.

What the system does not tell is None.  Needs the standard library alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

#: CPUs taken by others, on average, above which the machine counts as busy
LIMIT = 0.1


@dataclass(frozen=True, slots=True)
class Conditions:
    """What went on between two moments.

    Attributes
    ----------
    seconds : float
        Between the two.
    load_before, load_after : float or None
        Load averages of the last minute, in runnable threads.
    others : float or None
        CPUs that other processes used, on average; children of this process that ended are none of them.
    stolen : float or None
        CPUs that the host of a virtual machine took away, on average.
    throttled : dict of str to int, or None
        How often the processor was slowed down meanwhile: "core" and "package" by heat, "quota" by the limit
        of a container.
    megahertz : tuple of float, or None
        Lowest and highest frequency of the CPUs, as the system says them, at the end.
    governors : tuple of str, or None
        Of the frequencies: anything but "performance" changes them while it measures.
    """

    seconds: float
    load_before: float | None
    load_after: float | None
    others: float | None
    stolen: float | None
    throttled: dict[str, int] | None
    megahertz: tuple[float, float] | None
    governors: tuple[str, ...] | None

    @property
    def busy(self) -> bool:
        """Whether others had so much of the processor that no ratio of the run counts."""
        return (self.others or 0.0) + (self.stolen or 0.0) > LIMIT

    @property
    def slowed(self) -> bool:
        """Whether heat or a quota slowed the processor down."""
        return any((self.throttled or {}).values())

    def record(self) -> dict[str, Any]:
        """Ready for JSON: the attributes, and `busy` and `slowed`."""
        return asdict(self) | {"busy": self.busy, "slowed": self.slowed}

    def __str__(self) -> str:
        """One line, or two where the figures do not count."""
        loads = " to ".join(
            "unknown" if x is None else f"{x:.2f}" for x in (self.load_before, self.load_after)
        )
        said = [f"load {loads}"]
        if self.others is None:
            said.append("what others did is unknown")
        else:
            said.append(f"others used {self.others:.2f} CPUs")
        if self.stolen:
            said.append(f"the host took {self.stolen:.2f} away")
        if self.throttled is None:
            said.append("throttling unknown")
        elif self.slowed:
            counts = [f"{what} {count} times" for what, count in self.throttled.items() if count]
            said.append("THROTTLED: " + ", ".join(counts))
        else:
            said.append("not throttled")
        if self.megahertz is not None:
            said.append("{:.0f} to {:.0f} MHz".format(*self.megahertz))
        if self.governors is not None:
            said.append("governor " + ", ".join(self.governors))
        line = f"Meanwhile: {', '.join(said)}; {self.seconds:.0f} s."
        return line + ("\nThe machine was BUSY: no ratio of this run counts." if self.busy else "")


class Watch:
    """Conditions since it was made.

    Parameters
    ----------
    proc, system : Path
        Where Linux tells about processes, and about itself.
    """

    def __init__(self, *, proc: Path = Path("/proc"), system: Path = Path("/sys")) -> None:
        self._proc, self._system = proc, system
        self._start, self._load = time.perf_counter(), load()
        self._used, self._throttled = cpu_seconds(proc / "stat"), throttlings(system)

    def conditions(self) -> Conditions:
        """What went on until now."""
        seconds = time.perf_counter() - self._start
        used = cpu_seconds(self._proc / "stat")
        others = stolen = None
        if self._used is not None and used is not None:
            others, stolen = (max(b - a, 0.0) / seconds for a, b in zip(self._used, used, strict=True))
        return Conditions(
            seconds=seconds,
            load_before=self._load,
            load_after=load(),
            others=others,
            stolen=stolen,
            throttled=_since(self._throttled, throttlings(self._system)),
            megahertz=megahertz(self._proc / "cpuinfo"),
            governors=governors(self._system),
        )


def load() -> float | None:
    """Runnable threads, on average over the last minute."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None


def cpu_seconds(stat: Path = Path("/proc/stat")) -> tuple[float, float] | None:
    """CPU time of all but this process and its children that ended, and what the host took away."""
    try:
        words = stat.read_text().split("\n", 1)[0].split()
        user, nice, system, _idle, _wait, irq, softirq, stolen = [int(word) for word in words[1:9]]
        tick = os.sysconf("SC_CLK_TCK")
    except (AttributeError, OSError, ValueError):
        return None
    own = sum(os.times()[:4])
    return (user + nice + system + irq + softirq) / tick - own, stolen / tick


def throttlings(system: Path = Path("/sys")) -> dict[str, int] | None:
    """How often heat, or the quota of a container, has slowed the processor down since it started."""
    found: dict[str, int] = {}
    for what in ("core", "package"):
        files = (system / "devices/system/cpu").glob(f"cpu[0-9]*/thermal_throttle/{what}_throttle_count")
        known = [count for count in map(_number, files) if count is not None]
        if known:
            found[what] = sum(known)
    try:
        for line in (system / "fs/cgroup/cpu.stat").read_text().splitlines():
            if line.startswith("nr_throttled "):
                found["quota"] = int(line.split()[1])
    except (OSError, ValueError):
        pass
    return found or None


def megahertz(file: Path = Path("/proc/cpuinfo")) -> tuple[float, float] | None:
    """Lowest and highest frequency of the CPUs at this moment."""
    try:
        lines = [line for line in file.read_text().splitlines() if line.startswith("cpu MHz")]
        found = [float(line.partition(":")[2]) for line in lines]
    except (OSError, ValueError):
        return None
    return (min(found), max(found)) if found else None


def governors(system: Path = Path("/sys")) -> tuple[str, ...] | None:
    """What decides about the frequencies of the CPUs."""
    found = set()
    for file in (system / "devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"):
        try:
            found.add(file.read_text().strip())
        except OSError:
            continue
    return tuple(sorted(found)) or None


def _since(before: Mapping[str, int] | None, after: Mapping[str, int] | None) -> dict[str, int] | None:
    if before is None or after is None:
        return None
    return {what: after[what] - count for what, count in before.items() if what in after} or None


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
