"""docs/separation.md holds what benchmarks/separated_data.py prints, and that is true."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from oracles.separation import decide

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("separated_data", ROOT / "benchmarks" / "separated_data.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["separated_data"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["separated_data"]


def part(script, name):
    page = script.PAGE.read_text()
    start, stop = script.block(page, name)
    return page[start:stop]


def test_the_page_says_what_sigmax_says(script, backend):
    assert part(script, "sigmax") == script.sigmax_text(backend.BACKEND)


def test_the_page_has_the_data(script):
    assert part(script, "data") == script.data_text()
    X, y = script.data()
    assert X.shape == (40, 3)
    answer = decide(X, y, 2)
    assert answer.kind == "quasi"
    assert answer.infinite.tolist() == [[0.0, 0.0, 0.0, 1.0]]
    assert answer.rows.tolist() == np.flatnonzero(X[:, 2]).tolist()


def test_the_page_has_an_answer_of_each_peer(script):
    text = part(script, "others")
    for program, _, _ in script.PEERS:
        row = next(line for line in text.splitlines() if line.startswith(f"| {program} "))
        # a finite number for infinity, as it was printed
        assert re.search(r"\| -?\d+(\.\d+)? \|", row), row


def test_a_peer_that_is_missing_or_fails_is_told(script):
    missing = script.ask("none", "no-such-package", lambda X, y, answer: None)
    assert "not installed" in script.others_text([missing])

    def raises(X, y, answer):
        raise ArithmeticError("no")

    assert "ArithmeticError: no" in script.others_text([script.ask("bad", "numpy", raises)])
