"""The one place that chooses a backend.

``get()`` follows, in this order, its argument, the environment variable ``SIGMAX_BACKEND`` and ``auto``:

auto       compiled where it is available, else the reference, with one RuntimeWarning that names the
           reason (none when the extension was switched off on purpose)
compiled   the C kernels, or an ImportError that names the reason
reference  the Python twin
"""

from __future__ import annotations

import functools
import json
import os
import warnings
from pathlib import Path
from typing import Any

from sigmax.kernels import reference
from sigmax.kernels.interface import Codes, Float, Index, Kernels, Pair
from sigmax.kernels.pair import add_pair, two_sum
from sigmax.kernels.source_hash import checkout_sources, source_hash

__all__ = [
    "BACKENDS",
    "Codes",
    "Float",
    "Index",
    "Kernels",
    "Pair",
    "add_pair",
    "available",
    "get",
    "is_debug_build",
    "two_sum",
    "why_not_compiled",
]

#: what ``backend=`` and ``SIGMAX_BACKEND`` accept
BACKENDS = ("auto", "compiled", "reference")

_SWITCHED_OFF = "switched off"


def _build_record() -> dict[str, Any]:
    path = Path(__file__).with_name("_build.json")
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return record


@functools.cache
def _compiled() -> tuple[Kernels | None, str]:
    """The compiled backend, or None and the reason."""
    record = _build_record()
    try:
        from sigmax.kernels import compiled
    except ImportError as error:
        reason = record.get("reason") or f"the compiled kernels cannot be imported ({error})"
        return None, reason
    expected = [record.get("source_hash", compiled.SOURCE_HASH)]
    sources = checkout_sources()
    if sources is not None:
        expected.append(source_hash(sources))
    if any(one != compiled.SOURCE_HASH for one in expected):
        return None, "the compiled kernels are older than their sources: install sigmax again"
    return compiled, ""


@functools.cache
def _warn_once(reason: str) -> None:
    warnings.warn(
        f"sigmax runs on its Python twin: {reason}. Results are the same, speed is not.",
        RuntimeWarning,
        stacklevel=3,
    )


def why_not_compiled() -> str:
    """Why the compiled backend is missing; empty when it is available."""
    return _compiled()[1]


def is_debug_build() -> bool:
    """Whether the compiled backend is there and was built with SIGMAX_DEBUG=1: checked, and slow."""
    return not why_not_compiled() and _build_record().get("debug", False) is True


def available() -> tuple[str, ...]:
    """Names of the backends that work here, fastest first."""
    return ("reference",) if why_not_compiled() else ("compiled", "reference")


def get(backend: str | None = None) -> Kernels:
    """The kernels of a backend.

    Parameters
    ----------
    backend : {"auto", "compiled", "reference"}, optional
        None: the environment variable ``SIGMAX_BACKEND``, else "auto".

    Returns
    -------
    Kernels
        A module that fulfils :class:`sigmax.kernels.interface.Kernels`.

    Raises
    ------
    ValueError
        Unknown name.
    ImportError
        "compiled" was asked for and is missing or stale; the message says why.
    """
    name, origin = backend, "backend"
    if name is None:
        name, origin = os.environ.get("SIGMAX_BACKEND") or "auto", "SIGMAX_BACKEND"
    if name not in BACKENDS:
        raise ValueError(f"{origin} must be one of {', '.join(BACKENDS)}; got {name!r}")
    if name == "reference":
        return reference
    compiled, reason = _compiled()
    if compiled is not None:
        return compiled
    if name == "compiled":
        raise ImportError(f"{origin}='compiled', but {reason}")
    if not reason.startswith(_SWITCHED_OFF):
        _warn_once(reason)
    return reference
