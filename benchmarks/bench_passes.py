"""Group "pass": NLL, gradient, and Hessian if it is wanted, of a whole problem, on one thread and on all.

Each result is compared with the formulas of the model written out in NumPy.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import logsumexp

from sigmax.bench import operations, problems
from sigmax.bench.problems import Problem
from sigmax.kernels import Float

pytestmark = pytest.mark.benchmark(disable_gc=True, max_time=0.5)

#: rows, columns, classes
Shape = tuple[int, int, int]

#: few columns, many columns, many small blocks of a Hessian
SHAPES = [(500_000, 20, 2), (100_000, 100, 2), (100_000, 20, 5)]


@functools.cache
def problem(shape: Shape) -> Problem:
    return problems.multinomial(*shape)


@functools.cache
def expected(shape: Shape) -> tuple[float, Float, Float]:
    """NLL, gradient and Hessian at the problem's coefficients."""
    one = problem(shape)
    Z = np.column_stack([np.ones(one.n_rows), one.X])
    eta = np.column_stack([np.zeros(one.n_rows), Z @ one.coef.T])
    log_p = eta - logsumexp(eta, axis=1, keepdims=True)
    is_true = np.arange(one.n_classes) == one.y[:, None]
    p = np.exp(log_p)[:, 1:]
    gradient = ((p - is_true[:, 1:]).T @ Z).ravel()
    m = one.n_classes - 1
    rows = [[(Z * (p[:, c] * ((c == d) - p[:, d]))[:, None]).T @ Z for d in range(m)] for c in range(m)]
    return -log_p[is_true].sum(), gradient, np.block(rows)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "{}x{}x{}".format(*shape))
def test_evaluate(measure: Any, shape: Shape, n_threads: int, backend: str) -> None:
    at = measure(operations.evaluation(problem(shape), n_threads), backend)
    nll, gradient, hessian = expected(shape)
    assert_allclose(at.nll, nll, rtol=1e-12)
    assert_allclose(at.gradient, gradient, rtol=0, atol=1e-10 * np.abs(gradient).max())
    assert_allclose(at.hessian, hessian, rtol=0, atol=1e-11 * np.abs(hessian).max())


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "{}x{}x{}".format(*shape))
def test_gradient(measure: Any, shape: Shape, n_threads: int, backend: str) -> None:
    at = measure(operations.gradient(problem(shape), n_threads), backend)
    nll, gradient, _ = expected(shape)
    assert_allclose(at.nll, nll, rtol=1e-12)
    assert_allclose(at.gradient, gradient, rtol=0, atol=1e-10 * np.abs(gradient).max())
