"""What the documentation shows is what happens."""

import doctest
import re
import warnings
from pathlib import Path

import numpy as np
import pages
import pytest

import sigmax as sx
from sigmax import cli, datasets, extras, fitting
from sigmax.data import chunks
from sigmax.functions import elementwise, loss, normalised
from sigmax.inference.margins import request

README = (Path(__file__).parents[1] / "README.md").read_text()


def block(language, containing):
    """The first fenced block of the README in `language` that holds `containing`."""
    return next(text for text in pages.blocks(README, language) if containing in text)


def test_docstrings():
    for module in (fitting, extras, chunks, datasets, elementwise, normalised, loss, request):
        found = doctest.testmod(module)
        assert found.attempted > 0
        assert found.failed == 0


def test_readme_table(capsys, backend):
    shown = block("text", "regression of affair")
    assert cli.main(["fit", "fair", "--backend", backend.BACKEND]) == 0
    printed = capsys.readouterr().out
    # the lines on certificate and backend belong to the machine
    assert printed.split("certificate")[0] == shown.split("certificate")[0]
    assert "converged: every estimate is proved to lie within" in shown


def test_readme_first_example(capsys):
    exec(block("python", "import sigmax"), {})
    shown, printed = block("text", "regression of GRADE"), capsys.readouterr().out
    # the lines on certificate and backend belong to the machine
    assert printed.split("certificate")[0] == shown.split("certificate")[0]
    assert printed.startswith("Logistic regression of GRADE")


def test_readme_attributes():
    names = {}
    exec(block("python", "r.params  #"), names)
    r = names["r"]
    np.testing.assert_array_equal(r.params.round(6), [-13.021347, 2.826113, 0.095158, 2.378688])
    assert round(r.llf, 6) == -12.889634


@pytest.mark.parametrize("number", range(len(pages.blocks(README, "python"))))
def test_readme_blocks_print_what_they_say(capsys, number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = pages.blocks(README, "python")[number]
    with warnings.catch_warnings():
        # those of other libraries' imports are not ours
        warnings.simplefilter("ignore", DeprecationWarning)
        exec(pages.uncommented(code), {})
    # what is printed stands beside it as a comment, words after it
    for line, comment in zip(capsys.readouterr().out.splitlines(), pages.prints(code), strict=True):
        assert pages.says(comment, line), f"the README shows {comment!r}, printed was {line!r}"


def test_readme_commands_exist():
    shell = block("sh", "sigmax compare")
    for command in re.findall(r"^sigmax (\w+)", shell, re.MULTILINE):
        assert command in ("fit", "predict", "compare", "bench", "info")
    assert re.search(r"^python3 -m venv .venv && .*sigmax fit fair$", README, re.MULTILINE)
    assert re.search(r"^python3 -m venv .venv && .*python -m pytest -q$", README, re.MULTILINE)


def test_version_is_stated_once():
    pyproject = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert f'version = "{sx.__version__}"' in pyproject
