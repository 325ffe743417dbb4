"""benchmarks/report as a program: parts in processes of their own, what is kept of them, and who finds it."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sigmax.bench import suite

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "report"

#: a part that writes what it was called with; "curves" fails, "roofline" misses its targets
PROGRAM = """
import json, os, sys
name, given = {name!r}, sys.argv[1:]
print("measuring", name)
if name == "curves":
    sys.exit("no " + name)
names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
told = {{"part": name, "given": given, "threads": [os.environ.get(one) for one in names]}}
with open(given[given.index("--json") + 1], "w") as file:
    json.dump(told, file)
sys.exit(name == "roofline")
"""


@pytest.fixture
def driver(report, monkeypatch, tmp_path):
    """The program, with parts that are done at once and a report that only says which files it saw."""
    pytest.importorskip("matplotlib")
    spec = importlib.util.spec_from_file_location("full_driver", FOLDER / "__main__.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    for name in suite.PARTS:
        program = tmp_path / "programs" / name / "__main__.py"
        program.parent.mkdir(parents=True)
        program.write_text(PROGRAM.format(name=name))
    module.real_parts = module.PARTS
    stand_ins = {
        name: module.Part(name, name, (name, "--flag"), 1, ("one", "two") if name == "speed" else ())
        for name in suite.PARTS
    }
    monkeypatch.setattr(module, "PARTS", stand_ins)
    monkeypatch.setattr(module, "BENCHMARKS", tmp_path / "programs")
    monkeypatch.setattr(module.draw, "write", lambda folder: sorted(folder.glob("*.json")))
    return module


def test_every_part_runs_and_a_failed_one_does_not_stop_the_others(driver, tmp_path, capfd):
    out = tmp_path / "new" / "folder"
    (tmp_path / "sets").mkdir()
    given = ["--out", str(out), "--threads", "3", "--cache", str(tmp_path), "--data", str(tmp_path / "sets")]
    assert driver.main(given) == 1
    told = {name: json.loads((out / f"{name}.json").read_text()) for name in suite.PARTS if name != "curves"}
    assert not (out / "curves.json").exists()
    assert all(one["threads"] == ["3"] * 4 for one in told.values())
    more = ["--cache", str(tmp_path), "--data", str(tmp_path / "sets")]
    for name, one in told.items():
        usual = ["--threads", "3", "--json", str(out / f"{name}.json")]
        first = ["--flag", "one", "two"] if name == "speed" else ["--flag"]
        assert one["given"] == [*first, *usual, *(more if name == "speed" else [])]
    assert (out / "curves.txt").read_text() == "measuring curves\n"
    printed = capfd.readouterr()
    assert "measuring scaling" in printed.out
    assert f"written: {out / 'scaling.json'}" in printed.out
    assert "curves FAILED with exit code 1" in printed.err
    assert printed.err.endswith("not measured, see above: curves\n")


def test_parts_are_chosen_kept_and_drawn_again(driver, tmp_path, capfd):
    given = ["--out", str(tmp_path / "out")]
    assert driver.main([*given, "--parts", "scaling", "speed"]) == 0
    files = sorted(file.name for file in (tmp_path / "out").glob("*.json"))
    assert files == ["scaling.json", "speed.json"]
    (tmp_path / "out" / "speed.json").write_text("kept")
    assert driver.main([*given, "--parts", "speed", "roofline", "--keep"]) == 0
    assert (tmp_path / "out" / "speed.json").read_text() == "kept"
    assert (tmp_path / "out" / "roofline.json").exists()
    capfd.readouterr()
    (tmp_path / "out" / "roofline.json").unlink()
    assert driver.main([*given, "--draw"]) == 0
    assert not (tmp_path / "out" / "roofline.json").exists()
    assert "measuring" not in capfd.readouterr().out


def test_an_old_file_is_not_drawn_in_the_place_of_a_part_that_failed(driver, tmp_path):
    old = tmp_path / "out" / "curves.json"
    old.parent.mkdir()
    old.write_text("old")
    assert driver.main(["--out", str(old.parent), "--parts", "curves"]) == 1
    assert not old.exists()


def test_a_report_that_cannot_be_drawn_is_one_sentence(driver, tmp_path, monkeypatch, capsys):
    def fails(folder):
        raise ValueError("there is nothing")

    monkeypatch.setattr(driver.draw, "write", fails)
    assert driver.main(["--out", str(tmp_path), "--draw"]) == 1
    assert capsys.readouterr().err == "there is nothing\n"
    with pytest.raises(SystemExit):
        driver.main(["--out", str(tmp_path / "none"), "--draw"])
    assert "--out must be the folder of a run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "--out"),
        (["--out", "x", "--threads", "0"], "--threads must be 1 at least; got 0"),
        (["--out", "x", "--data", "nowhere"], "--data must be a folder; got nowhere"),
        (["--out", __file__], "--out must be a folder; got the file"),
        (["--out", "x", "--parts", "bars"], "invalid choice: 'bars'"),
        (["--out", "x", "--keep", "--draw"], "not allowed with"),
    ],
)
def test_what_makes_no_sense_is_refused(driver, given, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        driver.main(given)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_the_parts_are_programs_that_take_what_they_are_given(driver, tmp_path):
    assert tuple(driver.real_parts) == suite.PARTS
    for part in driver.real_parts.values():
        folder, *rest = part.arguments
        program = FOLDER.parent / folder
        assert (program / "__main__.py").is_file()
        options = driver.arguments(["--out", str(tmp_path), "--tiny", "--cache", str(tmp_path)])
        _, _, *given = driver.command(part, options)
        assert given[: len(rest)] == rest
        assert ("small_500x10" in given) == bool(part.problems)
        options.tiny = False
        assert driver.command(part, options)[2 : 2 + len(rest) + len(part.problems)] == [
            *rest,
            *part.problems,
        ]
        # the program's own parser takes them: with a flag that ends it before it measures
        done = subprocess.run(
            [sys.executable, str(program), *given, "--help"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        for word in given:
            if word.startswith("--"):
                assert word in done.stdout


def test_the_suite_is_found_in_the_package_first_and_then_in_the_checkout(tmp_path):
    installed, checkout = tmp_path / "installed", tmp_path / "checkout"
    with pytest.raises(FileNotFoundError, match=r"is neither in .*installed nor .*checkout"):
        suite.folder((installed, checkout))
    for place in (checkout, installed):
        (place / "report").mkdir(parents=True)
        (place / "report" / "__main__.py").touch()
        assert suite.folder((installed, checkout)) == place


def test_the_copy_in_the_package_comes_before_the_checkout():
    package = Path(suite.__file__).resolve().parent
    first, second = suite._PLACES
    assert first == package / "suite"
    # of an installed package there is none at this place
    assert (second.name, second.parent) == ("benchmarks", package.parents[2])


def test_the_command_names_the_driver():
    found = suite.command("there", n_threads=4, more=["--keep"])
    assert found == [
        sys.executable,
        str(suite.folder() / "report"),
        "--out",
        "there",
        "--threads",
        "4",
        "--keep",
    ]
