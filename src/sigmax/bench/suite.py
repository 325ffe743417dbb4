"""Where the whole benchmark is, and the command that runs it.

The one-minute form is a part of the package.  The whole one, with other libraries as peers, is a folder of
programs, ``benchmarks/`` of the source: each runs by itself, in a process of its own whose threads are set
before NumPy is loaded, and nothing of it is imported by the library.  An installed package carries a copy
of that folder beside this file (``setup.py``); an editable one uses the checkout.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

#: what the whole benchmark consists of, in the order in which it runs
PARTS = ("problems", "speed", "curves", "roofline", "scaling")
_HERE = Path(__file__).resolve().parent
#: where the folder can be: a copy in the installed package, or the checkout
_PLACES = (_HERE / "suite", _HERE.parents[2] / "benchmarks")


def folder(places: Sequence[Path] = _PLACES) -> Path:
    """The folder of the programs.

    Raises
    ------
    FileNotFoundError
        This installation has none.
    """
    for place in places:
        if (place / "report" / "__main__.py").is_file():
            return place
    looked = " nor ".join(str(place) for place in places)
    why = f"the benchmark suite is neither in {looked}"
    raise FileNotFoundError(f"{why}; install sigmax again, or use a checkout")


def command(out: str, *, n_threads: int | None = None, more: Sequence[str] = ()) -> list[str]:
    """What measures everything and writes the report into the folder `out`."""
    threads = [] if n_threads is None else ["--threads", str(n_threads)]
    return [sys.executable, str(folder() / "report"), "--out", out, *threads, *more]
