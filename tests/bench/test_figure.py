"""benchmarks/figure.py: it draws what the run says, and nothing of what cannot be compared."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "figure.py"


@pytest.fixture(scope="module")
def script():
    import matplotlib as mpl

    mpl.use("Agg")
    spec = importlib.util.spec_from_file_location("benchmarks_figure", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def row(problem, peer, ours, theirs, error, quartiles):
    return {
        "problem": problem,
        "peer": peer,
        "ours_seconds": ours,
        "theirs_seconds": theirs,
        "theirs_error": error,
        "quartiles": quartiles,
    }


def record(**changes):
    rows = [
        row("small_500x10", "glum", [2e-4, 1e-4, 3e-4], [2e-3, 3e-3, 4e-3], 2.4e-7, [10.0, 15.0, 20.0]),
        row("small_500x10", "statsmodels Logit", [2e-4, 1e-4, 3e-4], [1e-4], 1e-12, [0.4, 0.5, 0.6]),
        row("anes96", "glum", [1.5, 1.5], [1.0, 1.0], 5.0, None),
    ]
    about = {"cpu": "a processor", "python": "3.11", "numpy": "2.4"}
    return {"tiny": False, "threads": 2, "environment": about, "rows": rows, **changes}


def test_bars_are_the_medians_of_what_can_be_compared(script):
    first, second = script.bars(record())
    assert (first.ours, first.theirs, first.quartiles, first.error) == (
        2e-4,
        3e-3,
        (10.0, 15.0, 20.0),
        2.4e-7,
    )
    assert second.peer == "statsmodels Logit"


def test_runs_that_say_nothing_are_refused(script):
    with pytest.raises(ValueError, match="tiny"):
        script.bars(record(tiny=True))
    with pytest.raises(ValueError, match="no two times"):
        script.bars(record(rows=record()["rows"][2:]))


def test_table_has_a_line_for_each_problem(script):
    lines = script.table(record()).splitlines()
    assert lines[2] == "| 500 x 10 | 0.2 ms | glum 15.0 (2e-07 se), statsmodels Logit 0.5 (1e-12 se) |"
    assert lines[-1] == "a processor, 2 threads, Python 3.11, NumPy 2.4."
    assert len(lines) == 5


def test_pictures_are_the_same_bytes_each_time(script, tmp_path, capsys):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record()))
    pictures = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert script.main([str(path), str(tmp_path / name)]) == 0
        pictures.append([(tmp_path / name / f"speed-{theme}.svg").read_bytes() for theme in script.THEMES])
    assert pictures[0] == pictures[1]
    assert pictures[0][0] != pictures[0][1]
    assert pictures[0][0].startswith(b"<?xml")
    assert "glum 15.0" in capsys.readouterr().out
