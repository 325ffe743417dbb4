"""Arguments as they were typed: what is wrong with them is a :class:`UsageError`."""

from __future__ import annotations

import math
from pathlib import Path


class UsageError(Exception):
    """Wrong arguments; the message is one line that says what to change."""


def names_of(option: str, text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    names = tuple(part.strip() for part in text.split(","))
    if not all(names):
        raise UsageError(f"{option} must be names with commas between them; got {text!r}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(f"{option} names {twice[0]!r} more than once")
    return names


def check_level(level: float | None) -> None:
    """A coverage lies between 0 and 1."""
    if level is not None and not 0.0 < level < 1.0:
        raise UsageError(f"--level must be between 0 and 1; got {level:g}")


def check_penalty(l2: float) -> None:
    """A penalty is a finite number of at least 0."""
    if not (math.isfinite(l2) and l2 >= 0.0):
        raise UsageError(f"--l2 must be a number of at least 0; got {l2:g}")


def check_place(option: str, path: str) -> None:
    """Where something will be written: known before the work begins."""
    place = Path(path)
    if place.is_dir():
        raise UsageError(f"{option} needs the name of a file; {path} is a directory")
    if not place.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no directory {place.parent}; make it first")
