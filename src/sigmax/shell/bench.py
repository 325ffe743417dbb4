"""``sigmax bench``: this installation, measured in a minute."""

from __future__ import annotations

import argparse
import sys

from sigmax.progress import StatusLine
from sigmax.shell import output


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    from sigmax.bench import quick

    with StatusLine(sys.stderr, quiet=0.0) as line:
        report = quick(n_threads=options.threads, progress=lambda what: line.show(f"measuring {what}"))
    if options.json:
        print(output.document("bench", {"report": report.record()}))
    else:
        print(report)
    return 0
