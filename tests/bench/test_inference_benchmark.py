"""benchmarks/inference.py on small problems: every part runs, and its verdicts follow from its figures."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "inference.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("benchmarks_inference", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before


@pytest.mark.parametrize(("part", "lines"), [("report", 1), ("robust", 2), ("margins", 1)])
@pytest.mark.filterwarnings("ignore")
def test_parts_run_and_agree_with_statsmodels(script, part, lines, capsys):
    script.PARTS[part](0.05, 1, True)
    found = capsys.readouterr().out.splitlines()
    assert len(found) == lines
    for line in found:
        assert line.startswith(part)
        ratio, target = (float(line.split(word)[1].split()[0]) for word in (" ratio ", " target "))
        # the last decimal of the ratio is rounded
        if abs(ratio - target) > 0.06:
            assert ("MISSED" in line) == (ratio < target)
        assert float(line.split(" apart ")[1]) < 1e-8


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
def test_margins_of_many_rows_report_their_memory(script, capsys):
    assert script.many(0.0, 1, True)
    line = capsys.readouterr().out
    assert line.startswith("many: 20,000 x 5, 3 classes")
    assert float(line.split(" s, ")[1].split(" MB")[0]) < 300.0
    assert line.rstrip().endswith("target 300 met")


def test_a_slow_library_misses_its_target(script, capsys):
    def slow():
        return sum(range(20_000))

    assert not script.in_turns("slow", 10.0, {"sigmax": slow, "statsmodels": lambda: 0}, 0.05, 0.0)
    assert "MISSED" in capsys.readouterr().out
