"""The report of benchmarks/accuracy: it measures what it says, and fails where a limit is exceeded."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from oracles.limits import promise
from oracles.special_values import SPECIALS

from sigmax import kernels

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "accuracy"
POINTS = 600


@pytest.fixture
def modules(monkeypatch):
    """The modules of the report, whose names are too common to stay importable."""
    import importlib

    names = ("tally", "tasks", "run", "table")
    monkeypatch.syspath_prepend(str(FOLDER))
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        sys.modules.pop(name, None)


def report(*arguments):
    return subprocess.run(
        [sys.executable, str(FOLDER), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if k != "SIGMAX_ISA"},
    )


def test_a_small_report(tmp_path, modules):
    file = tmp_path / "report.json"
    done = report("--points", POINTS, "--jobs", 1, "--json", file)
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads(file.read_text())
    assert record["passed"]

    # every quantity on every backend, at the number of points asked for at least where rows are not single
    results = record["results"]
    for backend in kernels.available():
        mine = [r for r in results if r["backend"] == backend]
        assert {r["quantity"] for r in mine} == set(modules["table"].ORDER)
        for quantity in ("exp", "sigmoid", "log_softmax", "softmax", "1 - softmax"):
            assert sum(r["points"] for r in mine if r["quantity"] == quantity) >= POINTS
    assert sum(r["points"] == 0 for r in results) < 5  # few rows cancel
    for r in results:
        if r["points"] and r["limit"] is not None:
            assert r["worst"] <= r["limit"]
        if r["backend"] == "compiled":
            assert r["limit"] == promise(r["quantity"])
        assert r["where"] in done.stdout

    # the same bits on every instruction set of this machine, all of them run
    isas = record["environment"]["isas"]
    assert record["chunks_that_differ"] == dict.fromkeys(isas[1:], 0)
    if not kernels.why_not_compiled():
        from sigmax.kernels import compiled

        assert tuple(isas) == compiled.ISAS
    ran = len([isa for isa in isas if isa]) + 1  # and the reference
    assert len(record["specials"]) == ran * len(SPECIALS)
    assert all(one["holds"] for one in record["specials"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--points", "0"), "--points must be 1 at least"),
        (("--jobs", "0"), "--jobs must be 1 at least"),
        (("--isa", "sse9"), "--isa must be all"),
    ],
)
def test_wrong_arguments(arguments, complaint):
    done = report(*arguments)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_a_plan_has_the_points_it_promises(modules):
    tasks = modules["tasks"].plan(100_000)
    assert len(set(tasks)) == len(tasks)
    assert sum(t.args[1] for t in tasks if t.kind == "numbers") >= 100_000
    rows = [t for t in tasks if t.kind == "rows"]
    assert sum(t.args[1] * t.args[3] for t in rows if t.args[1] <= 10) >= 100_000
    assert {t.args[1] for t in rows} == {2, 3, 5, 10, 100, 1000}


def test_a_tally_merges_and_keeps_the_worst(modules):
    make = modules["tally"].Tally.of
    one, two = make(np.linspace(0, 1, 1000), lambda i: f"a{i}"), make(np.array([3.0, 0.5]), lambda i: f"b{i}")
    one.add(two)
    one.add(make(np.array([]), str))
    assert (one.count, one.worst, one.where) == (1002, 3.0, "b0")
    assert 0.5 <= one.quantile(0.5) <= 0.51
    assert one.quantile(1.0) == pytest.approx(3.005)
    one.add(make(np.array([np.inf]), str))
    assert one.worst == math.inf
    assert one.quantile(1.0) == math.inf


@pytest.mark.parametrize(("worst", "holds"), [(2.0, True), (2.01, False), (math.inf, False)])
def test_a_limit_that_is_exceeded_is_reported(modules, worst, holds):
    found = modules["run"].Found()
    tally = modules["tally"].Tally.of(np.array([0.1, worst]), lambda i: f"there {i}")
    found.tallies["softmax", 3, "compiled"] = tally
    [row] = modules["table"].results(found)
    assert row["holds"] is holds
    assert ("EXCEEDED" in modules["table"].as_text([row])) is not holds
    assert "there 1" in modules["table"].as_text([row])


def test_outputs_that_differ_in_a_bit_have_another_hash(modules):
    digest = modules["run"]._digest
    one = {"a": np.array([1.0, 2.0]), "b": np.zeros(2)}
    assert digest(one) == digest({"b": np.zeros(2), "a": np.array([1.0, 2.0])})
    assert digest(one) != digest(one | {"a": np.array([1.0, np.nextafter(2.0, 3.0)])})
    assert digest(one) != digest(one | {"b": -np.zeros(2)})
