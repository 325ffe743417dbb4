"""A fit can be watched and stopped."""

from __future__ import annotations

import io
import math
import os
import signal
import threading
import time

import numpy as np
import pytest
from solvers.test_few_reads import drawn

import sigmax as sx
from sigmax import progress
from sigmax.progress import ProgressLine


@pytest.mark.parametrize(("n", "K"), [(300, 2), (300, 3), (60_000, 2)])
def test_every_pass_is_reported(n, K, compiled):
    X, y = drawn(n, 4, K)
    states = []
    r = sx.fit(X, y, callback=states.append)
    assert {s.stage for s in states} <= {"gradient", "hessian", "refine"}
    assert states[-1].stage == "refine"
    passes = [s.passes for s in states]
    assert passes == sorted(passes)
    assert passes[-1] == r.certificate.passes
    assert states[-1].newton_decrement < 1e-6
    assert all(s.coef.shape == (r.params.size,) for s in states)
    assert all(math.isfinite(s.value) for s in states)
    assert states[-1].value <= states[0].value
    np.testing.assert_allclose(r.params, sx.fit(X, y).params, rtol=1e-13)


@pytest.mark.parametrize(
    ("n", "after"), [(300, 1), (300, 3), (300, 6), (60_000, 1), (60_000, 2), (60_000, 3)]
)
def test_it_stops_when_told_to_and_says_so(n, after, compiled):
    X, y = drawn(n, 4, 2)
    seen = []

    def stop(state):
        seen.append(state)
        return len(seen) == after

    with pytest.warns(sx.ConvergenceWarning, match="callback asked to stop"):
        r = sx.fit(X, y, callback=stop)
    assert len(seen) == after
    assert not r.certificate.converged
    np.testing.assert_array_equal(r.params, seen[-1].coef)
    exact = sx.fit(X, y)
    assert (np.abs(r.params - exact.params) <= r.certificate.error_bound).all()
    assert "NOT converged" in str(r.certificate)


def test_an_exception_of_the_callback_comes_through(compiled):
    X, y = drawn(300, 4, 2)

    def fail(state):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        sx.fit(X, y, callback=fail)


def fit_for_ever(X, y):
    while True:
        sx.fit(X, y)


def seconds_to_stop(X, y, after):
    fired = []

    def fire():
        fired.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, fire)
    # a process that a shell has put into the background ignores interrupts, and would fit for ever
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            fit_for_ever(X, y)
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
    return time.monotonic() - fired[0]


def test_an_interrupt_ends_the_fit_at_once(compiled):
    X, y = drawn(400_000, 40, 4)
    # the promise; 16 ms at worst when quiet.  The middle one of three: a neighbour may take a time slice
    assert sorted(seconds_to_stop(X, y, after) for after in (0.05, 0.15, 0.3))[1] <= 0.2
    assert sx.fit(X[:500], y[:500]).certificate.converged  # nothing is left broken


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_line_in_a_terminal(compiled, monkeypatch):
    monkeypatch.setattr(progress, "_QUIET", -1.0)
    X, y = drawn(300, 4, 2)
    terminal = Terminal()
    with ProgressLine(terminal) as line:
        sx.fit(X, y, callback=line)
    shown = terminal.getvalue().split("\r")
    assert shown[1].startswith("[------------------------] read 1.0 (gradient and Hessian)")
    assert "last digits" in shown[-3]
    assert "standard errors to go" in shown[-3]
    assert shown[-1] == ""
    assert shown[-2].strip() == ""
    quiet = io.StringIO()
    with ProgressLine(quiet) as line:
        sx.fit(X, y, callback=line)
    assert quiet.getvalue() == ""
