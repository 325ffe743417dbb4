"""The modules of benchmarks/exact_optimum, importable while a test runs."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
FOLDER = BENCHMARKS / "exact_optimum"
NAMES = ("libraries", *sorted(file.stem for file in FOLDER.glob("*.py") if file.stem != "__main__"))


def _forget():
    for name in list(sys.modules):
        if name.partition(".")[0] in NAMES:
            del sys.modules[name]


@pytest.fixture
def modules(monkeypatch):
    """The modules of the scripts, which are importable only while a test runs."""
    monkeypatch.syspath_prepend(str(FOLDER))
    _forget()
    found = {name: importlib.import_module(name) for name in NAMES}
    for name, file in (("main", FOLDER / "__main__.py"), ("reads", BENCHMARKS / "reads.py")):
        spec = importlib.util.spec_from_file_location(f"exact_optimum_{name}", file)
        found[name] = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, found[name])
        spec.loader.exec_module(found[name])
    # threads are those of the test run; `hold` is the function itself
    found["hold"] = found["main"].thread_check.hold
    monkeypatch.setattr(found["main"].thread_check, "hold", lambda n, more=(): f"{n} threads")
    yield SimpleNamespace(**found)
    _forget()


@pytest.fixture
def report(monkeypatch):
    """The modules of benchmarks/report, which are importable only while a test runs."""
    folder = BENCHMARKS / "report"
    names = [file.stem for file in sorted(folder.glob("*.py")) if file.stem != "__main__"]
    monkeypatch.syspath_prepend(str(folder))
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    found = {name: importlib.import_module(name) for name in names}
    yield SimpleNamespace(**found)
    for name in names:
        sys.modules.pop(name, None)
