"""Accuracy of rows of K logits and of the rows of the multinomial model, in ulp against 200 bits.

Points, oracle and limits are those of the report in benchmarks/accuracy, which has hundreds of times as many.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from oracles import measure, points
from oracles.limits import complaints, limit

#: elements of logits in each family: 20,000 for each number of classes
ELEMENTS = 20_000 // len(points.FAMILIES)

QUANTITIES = {
    "softmax",
    "1 - softmax",
    "log_softmax",
    "cross-entropy",
    "residual of the cross-entropy",
}
SUMS = {"logsumexp", "logsumexp that cancels, of its bound"}
MODEL_QUANTITIES = {
    "softmax_rows nll",
    "softmax_rows residual",
    "softmax_rows weight, diagonal",
    "softmax_rows weight, off-diagonal",
}

families = pytest.mark.parametrize("family", points.FAMILIES)


@functools.cache
def chunk(kind, family, K):
    per_row = K if kind is measure.Rows else (K - 1) ** 2
    return kind(family, K, 20, max(1, ELEMENTS // per_row))


def every(backend):
    """The NLL of single rows takes a call for each, which the reference is slow at."""
    return 1 if backend.BACKEND == "compiled" else 3


@pytest.mark.parametrize("K", [2, 3, 5, 10, 100, 1000])
@families
def test_rows(backend, family, K):
    found, broken = complaints(backend, chunk(measure.Rows, family, K), every(backend))
    assert QUANTITIES <= found <= QUANTITIES | SUMS
    assert found & SUMS
    assert broken == []


@pytest.mark.parametrize("K", [2, 3, 5, 10, 21])
@families
def test_model_rows(backend, family, K):
    found, broken = complaints(backend, chunk(measure.ModelRows, family, K), every(backend))
    assert found == MODEL_QUANTITIES - ({"softmax_rows weight, off-diagonal"} if K == 2 else set())
    assert broken == []


def test_one_class(backend):
    z = np.array([[3.5], [-1e308], [0.0]])
    p, log_p, total, gradient = np.ones((3, 1)), np.ones((3, 1)), np.ones(3), np.ones((3, 1))
    backend.softmax(z, p)
    backend.log_softmax(z, log_p)
    backend.logsumexp(z, total)
    nll = backend.cross_entropy(z, np.zeros(3, np.int32), gradient)
    assert p.tolist() == [[1.0]] * 3
    assert not log_p.any()
    assert total.tolist() == z[:, 0].tolist()
    assert not gradient.any()
    assert nll == (0.0, 0.0)


@pytest.mark.parametrize("K", [2, 3, 10])
def test_the_sum_over_rows_is_as_accurate_as_a_row(backend, K):
    # what the rows may be off by, and nothing beside it: the sum itself loses no bit of double precision
    chunk = measure.Rows("N(0, 30)", K, 21, 3000)
    found = chunk.exact.nll[np.arange(chunk.n) * K + chunk.y]
    allowed = limit(backend.BACKEND, "cross-entropy", K)
    high, low = backend.cross_entropy(chunk.logits, chunk.y, None)
    # nearest and rest of every row, summed exactly, and the difference rounded once
    error = math.fsum([high, low, *(-found.nearest).tolist(), *(-found.rest * found.ulp).tolist()])
    assert abs(error) <= allowed * math.fsum(found.ulp.tolist())
    assert abs(low) <= np.spacing(high) / 2
