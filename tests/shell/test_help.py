"""The help: every example in it runs, on files of the names that it uses."""

import re
import shlex
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from sigmax import bench, comparison
from sigmax.bench import machine
from sigmax.bench.machine import Rate
from sigmax.shell import arguments
from sigmax.shell import bench as shell_bench

EXAMPLES = {
    command or "top": re.findall(r"^  (sigmax .*)$", text, re.MULTILINE)
    for command, text in arguments._EPILOG.items()
}


@pytest.fixture
def files(folder, shell):
    """What the examples name."""
    rng = np.random.default_rng(7)
    n = 300
    age, income = rng.uniform(18.0, 80.0, n), rng.lognormal(10.0, 0.5, n)
    party = rng.choice(["left", "none", "right"], n)
    pq.write_table(pa.table({"party": party, "age": age, "income": income}), "survey.parquet")
    dose = rng.uniform(0.0, 2.0, 40)
    cured = (dose + 0.5 * rng.logistic(size=40) > 1.0).astype(int)
    pa.csv.write_csv(pa.table({"dose": dose, "cured": cured}), "trial.csv")
    pq.write_table(pa.csv.read_csv("new_flights.csv"), "new_flights.parquet")
    assert (
        shell("fit", "flights.csv", "--target", "late", "--features", "distance", "--save", "late.npz")[0]
        == 0
    )
    return folder


@pytest.mark.parametrize("command", EXAMPLES)
def test_every_example_runs(shell, files, command, monkeypatch):
    # a minute is too long here; what it measures has tests of its own
    quick = bench.quick
    monkeypatch.setattr(bench, "quick", lambda **how: quick(scale=0.001, **how))
    rates = {count: Rate(1.0, 1.0, 0.0, "GB/s", count, "not measured") for count in (1, 2)}
    monkeypatch.setattr(machine, "limits", lambda *_: (rates, rates))
    monkeypatch.setattr(comparison, "_SECONDS", 0.0)
    # an hour is too long too: that the programs take these arguments is tested in bench/test_suite.py
    started = []
    monkeypatch.setattr(
        shell_bench.subprocess,
        "run",
        lambda command, check: started.append(command) or subprocess.CompletedProcess(command, 0),
    )
    lines = EXAMPLES[command]
    assert lines
    for line in lines:
        words = shlex.split(line)[1:]
        code, out, err = shell(*words)
        assert (code, err) == (0, ""), line
        assert bool(out) != ("--full" in words)
        assert len(started) == sum("--full" in one for one in lines[: 1 + lines.index(line)])
        for option in ("--save", "--output"):
            if option in words:
                assert (files / words[words.index(option) + 1]).stat().st_size > 0
        if "--plots" in words:
            assert len(list((files / words[words.index("--plots") + 1]).iterdir())) >= 4


def test_every_command_has_examples():
    assert EXAMPLES.keys() - {"top"} == arguments._COMMANDS.keys()


@pytest.mark.parametrize("command", [*arguments._COMMANDS, None])
def test_help_fits_a_terminal_and_names_every_option(shell, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    code, out, err = shell(*([] if command is None else [command]), "--help")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 110
    used = set(re.findall(r"(?<![-\w])--[a-z][a-z0-9-]*", "\n".join(EXAMPLES[command or "top"])))
    parser, commands = arguments._parsers()
    known = {one for each in (parser, *commands.values()) for one in each.options}
    assert used <= known


def test_a_mistyped_option_is_corrected(shell):
    code, out, err = shell("fit", "spector", "--feature", "GPA")
    assert (code, out) == (2, "")
    assert err == (
        "sigmax fit: error: there is no option --feature; did you mean --features? (see sigmax fit --help)\n"
    )
    _, _, err = shell("fti", "spector")
    assert err.startswith("sigmax: error: argument command: invalid choice: 'fti'")
    assert err.count("\n") == 1
