"""Peak memory of `sigmax.fit` above X and y, in a process of its own.

    python benchmarks/exact_optimum/memory.py NAME THREADS [--tiny]     prints one line of JSON

The high-water mark of the resident set is put back after a small fit has loaded everything, so that what is
counted is what the fit itself takes.  Linux only.

    formula = HESSIANS 8 m^2 + VECTORS 8 n + threads BLOCKS 8 b k

m parameters in all, n rows, b rows of a block of k = 1 + p columns.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: what "a few" means in the formula, and copies of a block that a thread works on
HESSIANS, VECTORS, BLOCKS = 6.0, 6.0, 4.0


def formula(n: int, p: int, K: int, block: int, n_threads: int) -> float:
    """Bytes."""
    m = (K - 1) * (1 + p)
    blocks = BLOCKS * 8.0 * min(block, n) * (1 + p)
    return HESSIANS * 8.0 * m * m + VECTORS * 8.0 * n + n_threads * blocks


def status(field: str, file: Path = Path("/proc/self/status")) -> int | None:
    """Bytes of VmRSS or VmHWM; None where the system does not tell."""
    try:
        for line in file.read_text().splitlines():
            if line.startswith(field + ":"):
                return 1024 * int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return None


def high_water(call: Callable[[], object], process: Path = Path("/proc/self")) -> tuple[int, int] | None:
    """Bytes of this process that are resident before `call`, and at the highest while it runs.

    None where the system does not tell, or does not let the high-water mark be put back; `call` is made all
    the same.
    """
    gc.collect()
    # what was freed and is kept for later would hide as much of what the call takes
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        (process / "clear_refs").write_text("5")
    except OSError:
        call()
        return None
    before = status("VmRSS", process / "status")
    call()
    peak = status("VmHWM", process / "status")
    return None if before is None or peak is None else (before, peak)


def measure(name: str, n_threads: int, *, tiny: bool = False) -> dict[str, Any] | None:
    """What a child process reports; None where it cannot."""
    command = [sys.executable, str(Path(__file__)), name, str(n_threads), *(["--tiny"] if tiny else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _child(name: str, n_threads: int, tiny: bool) -> int:
    # here and not above: the parent needs neither
    import numpy as np
    import ours
    import problems

    from sigmax import passes

    spec = problems.tiny(problems.ALL[name]) if tiny else problems.ALL[name]
    small = problems.make(problems.tiny(spec))
    problem = problems.make(spec)
    if ours.not_available(problem):
        return 1
    ours.calls(small, n_threads).fit()
    found: list[Any] = []
    marks = high_water(lambda: found.append(ours.calls(problem, n_threads).fit()))
    if marks is None:
        return 1
    before, peak = marks
    assert np.all(np.isfinite(found[0].params))
    n, p = problem.X.shape
    expected = formula(n, p, spec.K, passes.block_rows(1 + p), n_threads)
    print(json.dumps({"peak": max(peak - before, 0), "formula": expected, "X": problem.X.nbytes}))
    return 0


def text(found: dict[str, Any] | None) -> str:
    """One line."""
    if found is None:
        return "memory not measured"
    mega = {key: value / 1e6 for key, value in found.items()}
    within = "within" if found["peak"] <= found["formula"] else "ABOVE"
    peak = f"peak {mega['peak']:.1f} MB above X ({mega['X']:.0f} MB)"
    return f"{peak}, {within} the formula's {mega['formula']:.1f}"


if __name__ == "__main__":
    sys.exit(_child(sys.argv[1], int(sys.argv[2]), "--tiny" in sys.argv[3:]))
