"""Fixtures of the solvers' tests."""

from __future__ import annotations

import pytest

from sigmax.solvers import solve as solving
from sigmax.solvers.few_reads import few_reads
from sigmax.solvers.plan import Plan, Way


@pytest.fixture
def only_few(monkeypatch):
    """Few reads whatever the size, and a record of whether they got through."""
    found = []

    def record(*args, **options):
        found.append(few_reads(*args, **options))
        return found[-1]

    monkeypatch.setattr(solving, "is_small", lambda o: False)
    monkeypatch.setattr(solving, "plan", lambda o: Plan(Way.FEW_READS, max(o.n_rows // 5, 1)))
    monkeypatch.setattr(solving, "few_reads", record)
    return found
