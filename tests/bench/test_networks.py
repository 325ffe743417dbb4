"""benchmarks/networks.py on small problems: what is compared is the same, and verdicts follow from times."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from sigmax.bench.timing import Timing

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "networks.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("benchmarks_networks", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    before = list(sys.path)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before
    del sys.modules[spec.name]


def few(script, method: str, hidden: int = 3, batch: int = 0):
    cases = sys.modules["network_cases"]
    return script.Case(cases.gaussian(50, 4, 3), hidden, method, batch)


def test_without_torch_sigmax_is_measured_alone(script, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(script.network_torch, "load", lambda: None)
    monkeypatch.setattr(sys.modules["network_cases"], "_SAMPLE", 1e-3)
    file = tmp_path / "times.json"
    given = ["--rows=60", "--rounds=2", "--threads=2", "--only=10 classes, hidden 32", "--no-lbfgs"]
    assert script.main([*given, f"--json={file}"]) == 0
    out = capsys.readouterr().out
    assert "torch is not installed" in out
    assert out.count("not measured") == 5
    assert "nothing was compared" in out
    assert "the target is for 50,000 rows" in out
    record = json.loads(file.read_text())
    assert [line["case"].rpartition(", ")[2] for line in record["lines"]] == [
        "gd",
        "sgd 32",
        "sgd 256",
        "adam 32",
        "adam 256",
    ]
    for line in record["lines"]:
        assert len(line["ours"]["seconds"]) == 2
        assert min(line["ours"]["seconds"]) > 0.0
        assert (line["theirs"], line["ratio"], line["loss_apart"]) == ({}, None, None)
    assert script.main([*given, "--check"]) == 1
    assert script.main(["--only=no such case"]) == 1
    for wrong in ("--rounds=0", "--only=("):
        with pytest.raises(SystemExit):
            script.main([wrong])
    capsys.readouterr()


@pytest.mark.parametrize(
    ("theirs", "off", "verdict"),
    [
        ({"slow": (4.0, 6.0, 9.0), "fast": (2.0, 4.0, 8.0)}, (1e-11, 1e-10), "met"),
        ({"fast": (1.9, 4.0, 7.0)}, (0.0, 0.0), "MISSED"),
        ({"fast": (2.0, 4.0, 8.0)}, (2e-10, 0.0), "DIFFERS"),
        ({"fast": (2.0, 4.0, 8.0)}, (0.0, 2e-9), "DIFFERS"),
        ({"fast": (2.0, 4.0, 8.0)}, (float("nan"), 0.0), "DIFFERS"),
        ({}, (None, None), "not measured"),
    ],
)
def test_verdicts_follow_from_the_fastest_setting(script, theirs, off, verdict):
    timings = {name: Timing(seconds) for name, seconds in theirs.items()}
    line = script.Line("case", Timing((1.0, 2.0, 4.0)), timings, *off)
    assert line.verdict == verdict
    assert line.setting == ("fast" if theirs else None)
    if verdict == "met":
        assert line.ratio == 2.0
    said = script.conclusion([line])
    expected = {"met": "1 of 1", "MISSED": "0 of 1"}.get(verdict, "nothing was compared")
    assert said.startswith(expected)
    [_, row] = script.table([line]).splitlines()
    assert verdict in row


@pytest.mark.parametrize(("method", "batch"), [("gd", 0), ("sgd", 16), ("adam", 16)])
def test_sigmax_does_what_the_script_says(script, method, batch):
    """One layer, in plain NumPy: the order of the batches, and the rule of the step."""
    case = few(script, method, hidden=0, batch=batch)
    X, y, rate = case.data.X, case.data.y, case.rate
    [W, b] = [one.copy() for one in sys.modules["network_cases"].network(case).parameters.values()]
    mean, square, rng = [0.0, 0.0], [0.0, 0.0], np.random.default_rng(0)
    t = 0
    for _ in range(3):
        order = rng.permutation(50) if batch else np.arange(50)
        for rows in np.array_split(order, range(batch, 50, batch)) if batch else [order]:
            delta = (softmax(X[rows] @ W.T + b, axis=1) - np.eye(3)[y[rows]]) / len(rows)
            t += 1
            for i, (one, g) in enumerate(((W, delta.T @ X[rows]), (b, delta.sum(axis=0)))):
                if method == "adam":
                    mean[i] = 0.9 * mean[i] + 0.1 * g
                    square[i] = 0.999 * square[i] + 0.001 * g**2
                    one -= rate * mean[i] / (1 - 0.9**t) / (np.sqrt(square[i] / (1 - 0.999**t)) + 1e-8)
                else:
                    mean[i] = (0.9 if method == "sgd" else 0.0) * mean[i] + g
                    one -= rate * mean[i]
    loss, found = script.Ours(case, 1).after(3)
    np.testing.assert_allclose(found[0], W, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found[1], b, rtol=0, atol=1e-13)
    assert loss == pytest.approx(-np.log(softmax(X @ W.T + b, axis=1)[np.arange(50), y]).mean(), rel=1e-13)


def test_another_run_is_not_taken_for_the_same(script, monkeypatch):
    case = few(script, "sgd", batch=16)
    ours = script.Ours(case, 1)
    assert script.apart(ours, script.Ours(case, 2)) == (0.0, 0.0)
    loss, parameters = script.apart(ours, script.Ours(replace(case, batch=17), 1))
    assert loss > script.LOSS_APART
    assert parameters > script.PARAMETERS_APART


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("method", "batch"), [("gd", 0), ("sgd", 16), ("adam", 16)])
def test_torch_computes_the_same_in_all_its_settings(script, method, batch, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(sys.modules["network_cases"], "_SAMPLE", 1e-3)
    case = few(script, method, batch=batch)
    ours = script.Ours(case, 1)
    for optimiser in ("fused", "foreach", "plain"):
        for gather in ("batch", "epoch"):
            setting = script.network_torch.Setting(1, optimiser, gather)
            loss, parameters = script.apart(ours, script.Theirs(torch, case, setting))
            assert loss <= script.LOSS_APART
            assert parameters <= script.PARAMETERS_APART
    line = script.measure(case, torch, 1, 2)
    assert line.verdict in ("met", "MISSED")
    assert line.best is not None
    assert len(line.best.seconds) == 2


@pytest.mark.filterwarnings("ignore")
def test_lbfgs_of_both_reaches_the_same_gradient(script):
    torch = pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    cases = sys.modules["network_cases"]
    lines = [*script.to_the_same_gradient(torch, cases.gaussian(80, 4, 3), 1, 1)]
    assert [line.split(": ")[1].split()[0] for line in lines] == ["sigmax", "torch,", "sigmax", "torch,"]
    for line in lines:
        assert float(line.split("dtheta| ")[1].split()[0]) <= 1e-6
    # one layer: the cost is convex, and has one minimum
    [ours, theirs] = [float(line.split(" J ")[1]) for line in lines[:2]]
    assert ours == pytest.approx(theirs, rel=1e-8)
