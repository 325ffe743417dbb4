"""Benchmarks with the limit of the machine beside every time.

``quick()`` is the one-minute form behind the command ``sigmax bench``; its report prints itself::

    from sigmax import bench

    print(bench.quick())

The suites in ``benchmarks/`` of the source time the same operations, at more sizes, through
pytest-benchmark.  Only the command line imports this package.
"""

from __future__ import annotations

from sigmax.bench.one_minute import quick
from sigmax.bench.report import GROUPS, Measurement, Report

__all__ = ["GROUPS", "Measurement", "Report", "quick"]
