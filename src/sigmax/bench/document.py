"""The head that every benchmark's JSON begins with: what was run, when, on what, under which conditions."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sigmax.bench import machine
from sigmax.bench.conditions import Conditions

#: of the layout of the documents; another one is another number
VERSION = 1


def file(text: str) -> Path:
    """Type of an argument ``--json``: known before an hour of measuring that it cannot be written.

    Raises
    ------
    argparse.ArgumentTypeError
        It is a folder, or its folder is not there.
    """
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"must be a file in a folder that is there; got {text!r}")
    return path


def head(
    part: str,
    *,
    n_threads: int,
    conditions: Conditions,
    libraries: Mapping[str, str | None] | None = None,
    tiny: bool = False,
) -> dict[str, Any]:
    """The first entries of a document; what was measured follows.

    Parameters
    ----------
    part : str
        Name of the benchmark.
    n_threads : int
        Of everything that was measured, where it says nothing else.
    conditions : Conditions
        From the beginning of the run to its end.
    libraries : mapping of str to str or None, optional
        Distributions that took part and their versions; None: missing.
    tiny : bool
        Whether sizes were those of the tests, which say nothing about speed.

    Returns
    -------
    dict
        part, version, date (UTC, ISO 8601), threads, tiny, environment, libraries, conditions.
    """
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return {
        "part": part,
        "version": VERSION,
        "date": now.isoformat(),
        "threads": n_threads,
        "tiny": tiny,
        "environment": machine.environment(),
        "libraries": dict(libraries or {}),
        "conditions": conditions.record(),
    }
