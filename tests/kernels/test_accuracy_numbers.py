"""Accuracy of the functions of one number and of the binary model, in ulp against 200 bits.

Points, oracle and limits are those of the report in benchmarks/accuracy, which has hundreds of times as many.
"""

from __future__ import annotations

import functools

import pytest
from oracles import measure
from oracles.limits import COMPILED, PROMISED, complaints, limit, promise

#: points of the tests, for each function
POINTS = 20_000

QUANTITIES = {
    "exp",
    "sigmoid",
    "1 - sigmoid",
    "log1pexp",
    "log_expit",
    "tanh",
    "nll",
    "residual",
    "weight",
}


@functools.cache
def chunk(kind):
    if kind == "neighbours of the switches":
        return measure.Numbers(0, 0, switches=(8, 1))
    return measure.Numbers(20, POINTS)


@pytest.mark.parametrize("kind", ["neighbours of the switches", "all sizes"])
def test_functions_of_one_number(backend, kind):
    # the NLL of single rows takes a call for each, which the reference is slow at
    found, broken = complaints(backend, chunk(kind), every=1 if backend.BACKEND == "compiled" else 5)
    assert found == QUANTITIES
    assert broken == []


def test_limits_of_the_tests_are_within_the_promise():
    assert PROMISED["exp"] == 1.0
    for quantity in QUANTITIES | COMPILED.keys():
        for K in (2, 21):
            assert limit("compiled", quantity, K) <= promise(quantity) <= 2.0
