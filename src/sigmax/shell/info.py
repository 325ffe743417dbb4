"""``sigmax info``: versions, backend, threads, and which doors are open."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform

import numpy as np

import sigmax
from sigmax import kernels, threads
from sigmax.shell import output

#: extra of sigmax -> the distributions it needs, what it opens
DOORS = {
    "cli": (("pyarrow",), "CSV, Parquet and Feather files in the shell"),
    "formula": (("formulaic", "pandas"), "formulas"),
    "sklearn": (("scikit-learn",), "LogisticRegression in scikit-learn's manner"),
    "plot": (("matplotlib",), "pictures"),
    "onnx": (("onnx",), "models for ONNX runtimes"),
}


def run(options: argparse.Namespace) -> int:
    """Print what is installed."""
    chosen = kernels.get(options.backend)
    found: dict[str, object] = {
        "backend": chosen.BACKEND,
        "isa": chosen.ISA,
        "why_not_compiled": kernels.why_not_compiled() or None,
        "debug_build": kernels.is_debug_build(),
        "threads": threads.resolve(options.threads),
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": {
            "python": f"{platform.python_version()} ({platform.python_implementation()})",
            "numpy": np.__version__,
            "scipy": version("scipy"),
            "narwhals": version("narwhals"),
        },
        "doors": {extra: _door(extra) for extra in DOORS},
    }
    print(output.document("info", found) if options.json else _text(found))
    return 0


def version(distribution: str) -> str | None:
    """The version of an installed distribution, read without importing it."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _door(extra: str) -> dict[str, object]:
    needs, what = DOORS[extra]
    versions = {name: version(name) for name in needs}
    return {"opens": what, "open": all(versions.values()), "needs": versions}


def _text(found: dict[str, object]) -> str:
    missing = found["why_not_compiled"]
    state = "debug build: checked, and slow" if found["debug_build"] else "available"
    versions, doors = found["versions"], found["doors"]
    assert isinstance(versions, dict)
    assert isinstance(doors, dict)
    rows = [
        ("sigmax", sigmax.__version__),
        ("backend", f"{found['backend']} ({found['isa']})"),
        ("compiled kernels", f"missing: {missing}" if missing else state),
        ("threads", str(found["threads"])),
        *((name, one or "missing") for name, one in versions.items()),
        ("machine", str(found["machine"])),
    ]
    lines = [f"{name:<18}{value}" for name, value in rows]
    lines += ["", "doors"]
    for extra, door in doors.items():
        has = ", ".join(f"{name} {one or 'missing'}" for name, one in door["needs"].items())
        lines.append(f"  {door['opens']:<46}{has}")
        if not door["open"]:
            lines.append(f"  {'':<46}open it with: pip install 'sigmax[{extra}]'")
    return "\n".join(lines)
