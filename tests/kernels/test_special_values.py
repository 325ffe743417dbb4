"""What the operations give for inf, nan and rows of -inf, as interface.py documents it."""

from __future__ import annotations

import math

import pytest
from oracles.special_values import SPECIALS, Special


@pytest.mark.parametrize("case", SPECIALS, ids=str)
def test_special_value(backend, case):
    got = case.of(backend)
    assert case.holds(got), f"{case}: {got}, documented {case.wanted}"


def test_every_operation_on_logits_is_among_them():
    operations = {case.operation for case in SPECIALS}
    assert operations == {
        "exp",
        "expit",
        "log_expit",
        "log1pexp",
        "tanh",
        "binary_rows",
        "logsumexp",
        "softmax",
        "log_softmax",
        "cross_entropy",
    }
    for operation in operations:
        given = {v for case in SPECIALS if case.operation == operation for v in case.argument}
        assert {math.inf, -math.inf} <= given
        assert any(map(math.isnan, given))


@pytest.mark.parametrize("got", [(0.5,), (math.nan, 0.5), (0.0, 0.0), (math.nan, math.nan, math.nan)])
def test_a_plausible_number_is_not_taken_for_a_flag(got):
    assert not Special("softmax", (math.inf, 0.0), None, (math.nan, math.nan)).holds(got)
