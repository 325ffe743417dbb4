"""Group "kernels": one call on one row block, one thread, operands in cache.

Each result is compared with its formula in NumPy and SciPy, on whatever backend it came from.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, logsumexp

from sigmax import passes
from sigmax.bench import operations, problems
from sigmax.bench.problems import Problem
from sigmax.kernels import Float

pytestmark = pytest.mark.benchmark(disable_gc=True, max_time=0.5)


@functools.cache
def problem(p: int, n_classes: int = 2) -> Problem:
    """A block of a pass over a problem with p columns."""
    rows = passes.block_rows(1 + p)
    whole = problems.multinomial(max(rows, problems.fewest_rows(p, n_classes)), p, n_classes)
    return whole.head(rows)


def logits(one: Problem) -> Float:
    return one.X @ one.coef[:, 1:].T + one.coef[:, 0]


def test_expit(measure: Any, backend: str) -> None:
    one = problem(20)
    (p,) = measure(operations.expit(one), backend)
    assert_allclose(p, expit(logits(one)[:, 0]), rtol=1e-14)


def test_binary_rows(measure: Any, backend: str) -> None:
    one = problem(20)
    nll, residual, curvature = measure(operations.binary_rows(one), backend)
    eta = logits(one)[:, 0]
    p = expit(eta)
    assert_allclose(nll, (np.logaddexp(0.0, eta) - one.y * eta).sum(), rtol=1e-12)
    assert_allclose(residual[:, 0], p - one.y, rtol=1e-12)
    assert_allclose(curvature[:, 0], p * expit(-eta), rtol=1e-13)


@pytest.mark.parametrize("n_classes", [3, 5, 10])
def test_softmax_rows(measure: Any, backend: str, n_classes: int) -> None:
    one = problem(20, n_classes)
    nll, residual, curvature = measure(operations.softmax_rows(one), backend)
    eta = np.column_stack([np.zeros(one.n_rows), logits(one)])
    log_p = eta - logsumexp(eta, axis=1, keepdims=True)
    p = np.exp(log_p)
    is_true = np.arange(n_classes) == one.y[:, None]
    assert_allclose(nll, -log_p[is_true].sum(), rtol=1e-12)
    assert_allclose(residual, (p - is_true)[:, 1:], rtol=1e-9, atol=1e-15)
    p = p[:, 1:]
    expected = p[:, :, None] * (np.eye(n_classes - 1) - p[:, None, :])
    assert_allclose(curvature, expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("columns", [5, 20, 100, 500])
def test_weighted_gram(measure: Any, backend: str, columns: int) -> None:
    one = problem(columns)
    (gram,) = measure(operations.weighted_gram(one), backend)
    p = expit(logits(one)[:, 0])
    Z = np.column_stack([np.ones(one.n_rows), one.X])
    expected = np.einsum("ij,i,il->jl", Z, p * (1.0 - p), Z, optimize=["einsum_path", (0, 1), (0, 1)])
    assert_allclose(gram, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())
    assert np.array_equal(gram, gram.T)
