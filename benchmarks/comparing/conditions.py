"""What the machine was doing: load, throttling, frequencies.  What the system does not tell is None."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

_CPUS = Path("/sys/devices/system/cpu")
_CGROUP = Path("/sys/fs/cgroup/cpu.stat")


def cpu_model(file: Path = Path("/proc/cpuinfo")) -> str:
    try:
        for line in file.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def load() -> float | None:
    """Processes that want to run, over the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def throttled(cpus: Path = _CPUS, cgroup: Path = _CGROUP) -> dict[str, int] | None:
    """How often heat, or the quota of a container, has slowed the processor down since it started."""
    found: dict[str, int] = {}
    for what in ("core", "package"):
        counts = [_number(file) for file in cpus.glob(f"cpu[0-9]*/thermal_throttle/{what}_throttle_count")]
        known = [count for count in counts if count is not None]
        if known:
            found[what] = sum(known)
    try:
        for line in cgroup.read_text().splitlines():
            if line.startswith("nr_throttled "):
                found["quota"] = int(line.split()[1])
    except (OSError, ValueError):
        pass
    return found or None


def governors(cpus: Path = _CPUS) -> list[str] | None:
    """Of the frequencies: anything but "performance" changes them while it measures."""
    found = set()
    for file in cpus.glob("cpu[0-9]*/cpufreq/scaling_governor"):
        try:
            found.add(file.read_text().strip())
        except OSError:
            continue
    return sorted(found) or None


def since(before: dict[str, int] | None, after: dict[str, int] | None) -> dict[str, int] | None:
    """Throttlings between two moments."""
    if before is None or after is None:
        return None
    return {what: after[what] - count for what, count in before.items() if what in after}


def text(record: dict[str, Any]) -> str:
    """One line of what `record` has under cpu, load_before, load_after, throttled, governors."""
    counts = record["throttled"]
    if counts is None:
        slowed = "throttling unknown"
    elif any(counts.values()):
        slowed = "THROTTLED: " + ", ".join(f"{what} {count} times" for what, count in counts.items() if count)
    else:
        slowed = "not throttled"
    loads = [record[key] for key in ("load_before", "load_after")]
    shown = " to ".join("unknown" if one is None else f"{one:.2f}" for one in loads)
    governed = f", governor {', '.join(record['governors'])}" if record["governors"] else ""
    return f"{record['cpu']}, load {shown}, {slowed}{governed}"


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
