"""``sigmax bench``: this installation, measured in a minute, or everything and its report (``--full``)."""

from __future__ import annotations

import argparse
import subprocess
import sys

from sigmax.progress import StatusLine
from sigmax.shell import output
from sigmax.shell.usage import UsageError, names_of

#: options that belong to the whole benchmark alone
_FULL = ("out", "parts", "keep", "draw", "tiny", "data")


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    if options.full:
        return _full(options)
    given = [f"--{name}" for name in _FULL if getattr(options, name)]
    if given:
        raise UsageError(f"{given[0]} needs --full: the one-minute form writes no report")
    from sigmax.bench import quick

    with StatusLine(sys.stderr, quiet=0.0) as line:
        report = quick(n_threads=options.threads, progress=lambda what: line.show(f"measuring {what}"))
    if options.json:
        print(output.document("bench", {"report": report.record()}))
    else:
        print(report)
    return 0


def _full(options: argparse.Namespace) -> int:
    """In a process of its own: BLAS reads its number of threads when it is loaded, and here it is."""
    from sigmax.bench import suite

    if options.json:
        raise UsageError("--json is for the one-minute form; --full writes the JSON of each part into --out")
    more: list[str] = []
    for name in ("keep", "draw", "tiny"):
        more += [f"--{name}"] if getattr(options, name) else []
    if options.parts:
        parts = names_of("--parts", options.parts)
        unknown = [part for part in parts if part not in suite.PARTS]
        if unknown:
            raise UsageError(f"--parts: there is no part {unknown[0]!r}; there are {', '.join(suite.PARTS)}")
        more += ["--parts", *parts]
    if options.data:
        more += ["--data", options.data]
    try:
        command = suite.command(options.out or "sigmax-benchmark", n_threads=options.threads, more=more)
    except FileNotFoundError as error:
        raise UsageError(str(error)) from None
    return subprocess.run(command, check=False).returncode
