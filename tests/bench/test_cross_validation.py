"""benchmarks/cross_validation.py on a small problem: accuracies are measured, and the verdict follows."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "cross_validation.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("benchmarks_cross_validation", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.filterwarnings("ignore")
def test_reports_accuracy_and_a_verdict_that_follows(script, capsys):
    shape = {"rounds": 1, "rows": 400, "columns": 4, "folds": 3, "values": 3, "jobs": 1}
    arguments = [f"--{name}={value}" for name, value in shape.items()]
    code = script.main([*arguments, "--target", "1e9"])
    lines = capsys.readouterr().out.splitlines()
    [mine] = [line for line in lines if line.startswith("  sigmax") and "standard errors" in line]
    assert float(mine.split()[1]) < 1e-9
    # and below it, under which conditions
    verdict = next(i for i, line in enumerate(lines) if line.startswith("Meanwhile: load ")) - 1
    assert "MISSED" in lines[verdict]
    assert code == 1
    [reads] = [line for line in lines if line.startswith("reads")]
    assert 1.0 <= float(reads.split()[1]) < 20.0


@pytest.mark.filterwarnings("ignore")
def test_a_loose_solver_is_not_taken_for_an_equal(script, capsys):
    given = script.problem(400, 4, 3, 3, "accuracy")
    best, errors, bound = script.optima(given)
    assert bound < 1e-9
    loose = script.coefficients(script.theirs(given, "lbfgs", 1e-1, 1))
    off, relative = script.distances(loose, best, errors)
    assert off > 1e-4
    assert relative > 1e-5
    chosen = script.settings(given, best, errors, 1e-6)
    assert "newton-cholesky" in chosen
    assert all(off <= 1e-6 for _, off in chosen.values())
    assert script.distances(best + errors, best, errors)[0] == pytest.approx(1.0)
    assert np.isfinite(script.reads(given))
    capsys.readouterr()
