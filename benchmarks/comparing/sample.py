"""One sample: a process that times the operations of the sigmax on its path, and prints a line of JSON.

    PYTHONPATH=<checkout>/src python benchmarks/comparing/sample.py '{"operations": [...], ...}'

Of each operation the first call is dropped, and the fastest of the others is the sample: what else the
machine does only ever adds to a call.  What cannot be prepared for want of a name is missing; what raises has
failed; neither stops the rest.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# before the clock of the import starts: its time belongs to nobody here
importlib.import_module("numpy")

# at the end: the checkout comes first
sys.path.append(str(Path(__file__).resolve().parents[1]))

#: calls of an operation in a process, at least and at most
_FEWEST, _MOST = 3, 2_000


def times(call: Callable[[], Any], seconds: float) -> list[float]:
    """Of calls for about that long, the first one dropped."""
    call()
    found: list[float] = []
    end = time.perf_counter() + seconds
    while len(found) < _FEWEST or (len(found) < _MOST and time.perf_counter() < end):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return found


def run(names: list[str], n_threads: int, seconds: float, *, answers: bool) -> dict[str, Any]:
    """Times, and answers where they are asked for."""
    start = time.perf_counter()
    import sigmax

    # names are looked up when they are asked for: this one is what most users ask for
    getattr(sigmax, "fit", None)
    importing = time.perf_counter() - start
    from comparing.operations import IMPORT, OPERATIONS, Absent

    found: dict[str, Any] = {
        "sigmax": str(Path(str(sigmax.__file__)).resolve()),
        "backend": _backend(),
        "seconds": {},
        "answers": {},
        "missing": {},
        "failed": {},
    }
    if IMPORT in names:
        found["seconds"][IMPORT] = importing
    for name in names:
        if name == IMPORT:
            continue
        try:
            call, answer = OPERATIONS[name].prepare(n_threads)
            if answers:
                values, within = answer(call())
                found["answers"][name] = {"values": values.tolist(), "within": within.tolist()}
            gc.collect()
            gc.disable()
            found["seconds"][name] = min(times(call, seconds))
        except Absent as error:
            found["missing"][name] = str(error)
        except Exception as error:  # whatever a checkout raises: it is reported
            found["failed"][name] = f"{type(error).__name__}: {error}"[:200]
        finally:
            gc.enable()
    return found


def _backend() -> str:
    """What computes; empty where the checkout does not tell."""
    try:
        from sigmax import kernels

        chosen = kernels.get(None)
        return f"{chosen.BACKEND} ({chosen.ISA})"
    except (ImportError, AttributeError):
        return ""


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(run(asked["operations"], asked["threads"], asked["seconds"], answers=asked["answers"])))
