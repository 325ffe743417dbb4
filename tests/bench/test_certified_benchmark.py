"""benchmarks/certified.py on two sets: every program once on each, and wrong answers get few digits."""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from certified import load
from oracles.newton import to_float

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "certified.py"
BINARY, MULTINOMIAL = "rare", "multinomial-well-conditioned"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("benchmarks_certified", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    sys.modules["benchmarks_certified"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before
    del sys.modules["benchmarks_certified"]


@pytest.fixture(scope="module")
def run(script, tmp_path_factory):
    """What the script writes for two sets: the JSON and what it prints."""
    path = tmp_path_factory.mktemp("certified") / "scores.json"
    with pytest.MonkeyPatch.context() as patch:
        lines = []
        patch.setattr(script, "print", lambda *a: lines.append(" ".join(map(str, a))), raising=False)
        assert script.main(["--sets", BINARY, MULTINOMIAL, "--json", str(path)]) == 0
    return json.loads(path.read_text()), "\n".join(lines)


def test_every_program_answers_every_set_it_is_for(script, run):
    content, _ = run
    have = content["versions"]
    assert have.keys() == {"sigmax", "sklearn", "statsmodels", "glum"}
    assert None not in (have["sigmax"], have["sklearn"], have["statsmodels"])  # the test extra has them
    want = [
        (name, p.name)
        for name in (BINARY, MULTINOMIAL)
        for p in script.PROGRAMS
        if have[p.package] is not None and (name == BINARY or p.multinomial)
    ]
    assert [(one["set"], one["program"]) for one in content["scores"]] == want
    assert {one["set"]: one["classes"] for one in content["scores"]} == {BINARY: 2, MULTINOMIAL: 5}


def test_digits_are_plausible(run):
    by = {(one["program"], one["set"]): one for one in run[0]["scores"]}
    for name in (BINARY, MULTINOMIAL):
        ours = by["sigmax", name]
        assert ours["params"] >= 12
        assert ours["bse"] >= 10
        assert 0 < ours["claimed"] <= ours["params"]
        # an error in the order of classes, of the intercept, or in the coding would leave no digit
        assert by["sm (MN)Logit", name]["params"] > 10
        assert by["sm (MN)Logit", name]["bse"] > 10
        assert by["sk newton-chol 1e-14", name]["params"] > 10
        assert 1 < by["sk lbfgs", name]["params"] < by["sk lbfgs 1e-14", name]["params"]
        assert by["sk lbfgs", name]["bse"] is None
    assert by["sm GLM 1e-12", BINARY]["params"] > 10
    assert ("sm GLM 1e-12", MULTINOMIAL) not in by


def test_table_has_a_row_for_each_set_and_a_column_for_each_figure(script, run):
    content, text = run
    rows = [line for line in text.splitlines() if line.startswith((BINARY + " ", MULTINOMIAL + " "))]
    assert [row.split()[0] for row in rows] == [BINARY, MULTINOMIAL]
    programs = sum(content["versions"][p.package] is not None for p in script.PROGRAMS)
    # set, condition, programs, what sigmax says, standard errors of sigmax and of statsmodels' two
    assert [len(row.split()) for row in rows] == [2 + programs + 1 + 3] * 2
    ours = next(one for one in content["scores"] if one["program"] == "sigmax" and one["set"] == BINARY)
    assert rows[0].split()[2] == f"{ours['params']:.1f}"
    assert rows[1].split()[-1] == "-"  # no standard errors of a GLM with five classes


@pytest.mark.parametrize(("error", "expected"), [(1e-3, 3.0), (-1e-9, 9.0), (1.0, 0.0), (50.0, -1.7)])
def test_a_wrong_answer_gets_few_digits(script, error, expected):
    data = load(MULTINOMIAL)
    wrong = to_float(data.params)
    assert script.digits(wrong, data.params) > 15.9
    wrong[-1, -1] *= 1 + error
    assert script.digits(wrong, data.params) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_gets_no_digit(script, value):
    data = load(BINARY)
    wrong = to_float(data.params)
    wrong[0, 1] = value
    assert script.digits(wrong, data.params) == script.LEAST


def test_warnings_and_errors_are_recorded(script):
    data = load(BINARY)

    def silently_wrong(data):
        return script.Found(-to_float(data.params))

    def warns(data):
        warnings.warn("once", UserWarning, stacklevel=1)
        warnings.warn("twice", UserWarning, stacklevel=1)
        return script.Found(to_float(data.params), to_float(data.bse), 16.0)

    def raises(data):
        raise np.linalg.LinAlgError("Singular matrix\nand more")

    programs = [script.Program(f.__name__, "numpy", f) for f in (silently_wrong, warns, raises)]
    wrong, warned, raised = found = script.scores([BINARY], programs)
    assert (wrong.params, wrong.bse, wrong.warned) == (pytest.approx(-0.30, abs=0.01), None, ())
    assert (warned.warned, warned.claimed) == (("UserWarning",), 16.0)
    assert warned.bse > 15.9
    assert (raised.params, raised.raised) == (None, "LinAlgError: Singular matrix")
    assert script.complaints(found) == [
        "rare: warns warns UserWarning",
        "rare: raises raises LinAlgError: Singular matrix",
    ]
    lines = script.summary(found, programs)
    assert lines[0] == (
        "silently_wrong: 1 sets, 0 raised, 1 with less than one correct digit, 1 of them without a warning"
    )
    assert "0 raised, 0 with less" in lines[1]
    assert "1 raised, 0 with less" in lines[2]
    header, row = script.table(found, programs).splitlines()
    assert header.split()[:2] == ["set", "condition"]
    assert row.split()[2:5] == ["-0.3", "16.0w", "raises"]
    assert data.name in row


def test_a_peer_that_is_missing_is_said(script, monkeypatch, capsys):
    absent = script.Program("absent", "no_such_package", lambda data: pytest.fail("must not be called"))
    monkeypatch.setattr(script, "PROGRAMS", (script.PROGRAMS[0], absent))
    assert script.main(["--sets", BINARY]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.endswith("no_such_package NOT INSTALLED")
    assert not any("absent" in line for line in rest)


def test_an_unknown_set_is_refused(script, capsys):
    with pytest.raises(SystemExit):
        script.main(["--sets", "iris"])
    assert "iris" in capsys.readouterr().err
