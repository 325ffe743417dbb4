"""What the documentation shows is what happens."""

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

import sigmax as sx
from sigmax import cli, datasets, extras, fitting
from sigmax.data import chunks
from sigmax.functions import elementwise, loss, normalised
from sigmax.inference.margins import request

README = (Path(__file__).parents[1] / "README.md").read_text()


def block(language, containing):
    """The first fenced block of the README in `language` that holds `containing`."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return next(text for text in blocks if containing in text)


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


def test_readme_python(capsys):
    names = {}
    exec(block("python", "import sigmax"), names)
    r = names["r"]
    np.testing.assert_array_equal(r.params.round(6), [-13.021347, 2.826113, 0.095158, 2.378688])
    assert round(r.llf, 6) == -12.889634
    assert capsys.readouterr().out.startswith("Logistic regression of GRADE")


@pytest.mark.parametrize(
    ("containing", "lines"), [("cross_entropy", 3), ("weight", 1), ("with_covariance", 7), ("Separation", 5)]
)
def test_readme_prints_what_it_says(capsys, containing, lines):
    exec(block("python", containing), {})
    printed = capsys.readouterr().out.splitlines()
    # what is printed stands beside it as a comment, words after it
    shown = re.findall(r"^print\(.*\)  # (.*)$", block("python", containing), re.MULTILINE)
    assert len(shown) == lines
    for line, comment in zip(printed, shown, strict=True):
        assert comment == line or comment.startswith((line + ";", line + ","))


def test_readme_formula(capsys):
    names = {}
    exec(block("python", "affair ~ age"), names)
    printed = capsys.readouterr().out
    assert printed.startswith("Marginal effects, average over the rows, p of class 1")
    assert "religious[2.0], 1 -> 2" in printed
    assert names["r"].predict_proba(names["table"][:5]).shape == (5, 2)


def test_readme_commands_exist():
    shell = block("sh", "sigmax compare")
    for command in re.findall(r"^sigmax (\w+)", shell, re.MULTILINE):
        assert command in ("fit", "compare", "bench", "info")
    assert re.search(r"^python3 -m venv .venv && .*sigmax fit fair$", README, re.MULTILINE)
    assert re.search(r"^python3 -m venv .venv && .*python -m pytest -q$", README, re.MULTILINE)


def test_version_is_stated_once():
    pyproject = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert f'version = "{sx.__version__}"' in pyproject
