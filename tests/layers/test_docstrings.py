"""What the docstrings of the layers show is what happens, on either backend."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "checking.check",
        "elementwise",
        "linear",
        "losses",
        "network",
        "probabilities",
        "sequential",
    ],
)
def test_docstrings(name, backend_name, monkeypatch):
    monkeypatch.setenv("SIGMAX_BACKEND", backend_name)
    found = doctest.testmod(importlib.import_module(f"sigmax.layers.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
