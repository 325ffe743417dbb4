"""The progress of a training, as a line of a terminal and as states that are kept."""

import io

import networks
import pytest

from sigmax import progress
from sigmax.progress import Recorder, TrainingLine


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("method", "word"), [("lbfgs", "step"), ("adam", "epoch")])
@pytest.mark.parametrize("most", [None, 4])
def test_a_line_of_a_terminal(method, word, most, monkeypatch):
    monkeypatch.setattr(progress, "_QUIET", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    X, y, _ = networks.data("softmax")
    terminal = Terminal()
    with TrainingLine(terminal, most) as line:
        line._every = 0.0
        networks.network("softmax").fit(X, y, method=method, max_iter=4, callback=line, seed=0, tol=0.03)
    shown = terminal.getvalue().split("\r")
    bar = "[######------------------] " if most else ""
    assert shown[1].startswith(f"{bar}{word} 1: cost 1.")
    assert "gradient" in shown[1]
    assert shown[-2].strip() == shown[-1] == ""


def test_nothing_where_there_is_no_terminal():
    X, y, _ = networks.data("softmax")
    stream = io.StringIO()
    with TrainingLine(stream) as line:
        networks.network("softmax").fit(X, y, callback=line)
    assert stream.getvalue() == ""


def test_states_are_kept():
    X, y, _ = networks.data("softmax")
    recorder = Recorder()
    network = networks.network("softmax").fit(X, y, callback=recorder)
    assert [one.iteration for one in recorder.states] == list(range(1, network.training.iterations + 1))
    values = [one.value for one in recorder.states]
    assert values == sorted(values, reverse=True)
    assert values[-1] == network.training.value
