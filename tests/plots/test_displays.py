"""What all displays have in common: they are loaded when asked for, and need nothing of a screen."""

import doctest
import subprocess
import sys
from pathlib import Path

import pytest

from sigmax import plots, progress
from sigmax.plots import boundary, convergence, network, sigmoid


def test_importing_the_room_loads_no_matplotlib():
    code = (
        "import sys, sigmax.plots as p; assert 'SigmoidDisplay' in dir(p); "
        "print(any(m.partition('.')[0] == 'matplotlib' for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_name_that_there_is_not():
    with pytest.raises(AttributeError, match=r"module 'sigmax\.plots' has no attribute 'PieDisplay'"):
        _ = plots.PieDisplay


@pytest.mark.parametrize("module", [boundary, convergence, network, progress, sigmoid])
def test_examples(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_nothing_is_shown_on_a_screen():
    files = list(Path(plots.__file__).parent.glob("*.py"))
    assert len(files) > 5
    for path in files:
        assert ".show(" not in path.read_text(), path
