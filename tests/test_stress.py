"""Fits from several threads at once, each with a helper of its own, while Python switches all the time."""

from __future__ import annotations

import sys
import threading

import pytest

import sigmax as sx
from sigmax import kernels, passes, threads

CALLERS, FITS_EACH = 4, 13


@pytest.fixture
def restless():
    """Threads change places as often as Python lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def outcome(data, backend_name):
    r = sx.fit(data.X, data.y, n_threads=2, backend=backend_name)
    c = r.certificate
    bits = (r.params.tobytes(), r.covariance.tobytes(), c.error_bound.tobytes())
    return *bits, r.llf, c.newton_decrement, c.passes, c.iterations, c.reason


@pytest.mark.parametrize("blocks", ["one block", "many blocks"])
def test_fits_at_the_same_time(blocks, backend_name, restless, monkeypatch):
    monkeypatch.setattr(threads, "SERIAL_FLOPS", 0)  # the bundled sets are small: helpers would not be asked
    if blocks == "many blocks":
        monkeypatch.setattr(passes, "_SMALLEST_BLOCK", 64)
        monkeypatch.setattr(passes, "_LARGEST_BLOCK", 64)
    sets = {name: sx.datasets.load(name) for name in sx.datasets.names()}
    assert sets.keys() == {"spector", "fair", "anes96"}
    asked, submit = [], threads.submit

    def counting(work, copies):
        asked.append(copies)
        return submit(work, copies)

    monkeypatch.setattr(threads, "submit", counting)
    alone = {name: outcome(data, backend_name) for name, data in sets.items()}

    start, found, errors = threading.Barrier(CALLERS), [], []

    def work(caller):
        try:
            start.wait(timeout=60)
            for i in range(FITS_EACH):
                name = sorted(sets)[(caller + i) % len(sets)]
                found.append((name, outcome(sets[name], backend_name)))
        except BaseException as error:
            errors.append(error)

    callers = [threading.Thread(target=work, args=(c,)) for c in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=120)
    assert errors == []
    assert len(found) == CALLERS * FITS_EACH
    if blocks == "many blocks" and kernels.get(backend_name).THREADED:
        assert max(asked) == 1  # a fit with two threads has one helper
    # the same bits, passes and steps as alone, every time
    assert [(i, name) for i, (name, one) in enumerate(found) if one != alone[name]] == []
