"""`sigmax bench --full`: the command that it starts, and what it refuses."""

import subprocess
import sys

import pytest

from sigmax.bench import suite
from sigmax.shell import bench


@pytest.fixture
def started(monkeypatch):
    """Commands that were started; each ends with exit code 3."""
    commands = []

    def run(command, check):
        commands.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(bench.subprocess, "run", run)
    return commands


def test_full_starts_the_driver_and_hands_its_exit_code_on(shell, started):
    code, out, err = shell("bench", "--full")
    assert (code, out, err) == (3, "", "")
    driver = str(suite.folder() / "report")
    assert started == [[sys.executable, driver, "--out", "sigmax-benchmark"]]


def test_options_are_handed_on(shell, started):
    words = [
        "--out",
        "here",
        "--parts",
        "roofline, speed",
        "--data",
        "sets",
        "--threads",
        "3",
        "--keep",
        "--tiny",
    ]
    assert shell("bench", "--full", *words)[0] == 3
    ((_, _, *rest),) = started
    assert rest == [
        *("--out", "here", "--threads", "3", "--keep", "--tiny"),
        *("--parts", "roofline", "speed", "--data", "sets"),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "here"], "--out needs --full"),
        (["--tiny"], "--tiny needs --full"),
        (["--full", "--json"], "--json is for the one-minute form"),
        (
            ["--full", "--parts", "speed,bars"],
            "there is no part 'bars'; there are problems, speed, curves, roofline, scaling",
        ),
        (["--full", "--parts", "speed,speed"], "--parts names 'speed' more than once"),
    ],
)
def test_what_makes_no_sense_is_refused(shell, started, words, said):
    code, out, err = shell("bench", *words)
    assert (code, out, started) == (2, "", [])
    assert said in err
    assert err.count("\n") == 1


def test_help_names_every_part(shell):
    text = " ".join(shell("bench", "--help")[1].split())
    assert f"of {', '.join(suite.PARTS)}; all" in text
    after = text.partition("the JSON of each part: ")[2]
    assert [word for word in after.split() if word in suite.PARTS][: len(suite.PARTS)] == list(suite.PARTS)


def test_an_installation_without_the_suite_says_so(shell, started, monkeypatch, tmp_path):
    def missing():
        return suite_folder((tmp_path / "a", tmp_path / "b"))

    suite_folder = suite.folder
    monkeypatch.setattr(suite, "folder", missing)
    code, out, err = shell("bench", "--full")
    assert (code, out, started) == (2, "", [])
    assert f"the benchmark suite is neither in {tmp_path / 'a'} nor {tmp_path / 'b'}" in err
