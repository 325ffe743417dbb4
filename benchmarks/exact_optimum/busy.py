"""What others did to the processor meanwhile: a ratio that was measured then is not evidence.

Taking turns does not help: while others ran on both CPUs, scikit-learn's newton-cholesky was seen to take
44 s for 2,000,000 x 20 instead of 1.3, and 43 s of CPU time instead of 2.6.  Threads of BLAS that spin for
each other are the likely reason.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

#: CPUs taken by others, on average, above which the machine counts as busy
LIMIT = 0.1


def cpu_seconds(stat: Path = Path("/proc/stat")) -> float | None:
    """CPU time of all but this process and its children that ended, and what the host took away.

    None where the system does not tell.
    """
    try:
        words = stat.read_text().split("\n", 1)[0].split()
        user, nice, system, _idle, _wait, irq, softirq, stolen = [int(word) for word in words[1:9]]
        tick = os.sysconf("SC_CLK_TCK")
    except (AttributeError, OSError, ValueError):
        return None
    own = sum(os.times()[:4])
    return (user + nice + system + irq + softirq + stolen) / tick - own


class Watch:
    """CPUs of others since it was made."""

    def __init__(self) -> None:
        self._cpu, self._start = cpu_seconds(), time.perf_counter()

    def others(self) -> float | None:
        """On average; None where the system does not tell."""
        now = cpu_seconds()
        if self._cpu is None or now is None:
            return None
        return max(now - self._cpu, 0.0) / (time.perf_counter() - self._start)


def text(others: float | None) -> str:
    """One sentence."""
    if others is None:
        return "What others did meanwhile is unknown."
    quiet = "" if others <= LIMIT else ": the machine was BUSY, and no ratio of this run counts"
    return f"Meanwhile others used {others:.2f} CPUs{quiet}."
