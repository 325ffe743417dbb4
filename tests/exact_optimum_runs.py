"""Runs of benchmarks/exact_optimum with peers that are made up."""

from __future__ import annotations

import numpy as np

import sigmax as sx
from sigmax.bench.conditions import Conditions
from sigmax.bench.timing import Timing

OURS, THEIRS = Timing((1.0, 2.0, 4.0, 2.0, 2.0)), Timing((30.0, 80.0, 80.0, 60.0, 100.0))


def options(modules, tmp_path, **rest):
    return modules.asking.Options(cache=tmp_path, n_threads=1, rest=0.0, **rest)


def tiny(modules, name):
    return modules.problems.tiny(modules.problems.SPECS[name])


def fake(modules, monkeypatch, fit, needs=(), target=True, ladder=(1e-3, 1e-9), **rest):
    """A peer of that function, which returns coefficients or an Answer, in the place of all others."""

    def solve(X, y, l2, tolerance, iterations):
        found = fit(X, y, l2, tolerance)
        return found if isinstance(found, modules.libraries.Answer) else modules.libraries.Answer(found)

    peer = modules.libraries.Peer("fake", "fake", needs, solve, ladder=ladder, **rest)
    monkeypatch.setattr(modules.measure, "PEERS", {"fake": peer})
    aims = [modules.targets.Target(name, "fake", 0.0) for name in ("small_500x10", "anes96")]
    monkeypatch.setattr(modules.targets, "TARGETS", tuple(aims) if target else ())


def exact(X, y, l2, tolerance):
    params = sx.fit(X, y, l2=l2, n_threads=1).params
    return np.atleast_2d(params)


def row(modules, at_least=20.0, our_error=1e-12, error=1e-8, theirs=None, **rest):
    """A row of made-up times; `theirs`: more of the peer's side."""
    target = None if at_least is None else modules.targets.Target("p", "peer", at_least)
    side = modules.rows.Side(**({"times": THEIRS, "error": error, "tolerance": 1e-8} | (theirs or {})))
    sides = {"ours": modules.rows.Side(OURS, our_error), "theirs": side}
    return modules.rows.Row("p", "peer", target, **({"converged": True} | sides | rest))


def quiet(**changes):
    """Conditions under which figures count, but for the changes."""
    usual = {"seconds": 10.0, "load_before": 1.5, "load_after": 2.0, "others": 0.02, "stolen": 0.0}
    return Conditions(**(usual | {"throttled": {"core": 0}, "megahertz": None, "governors": None} | changes))


class Clock:
    """Seconds that pass only when somebody says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
