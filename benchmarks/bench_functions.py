"""Group "functions": expit to cross_entropy of whole arrays, on one thread and on all.

Each result is compared with its formula in SciPy, and that of the compiled backend with the reference's.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special

from sigmax.bench import operations, problems
from sigmax.bench.problems import Problem
from sigmax.kernels import Float

pytestmark = pytest.mark.benchmark(disable_gc=True, max_time=0.5)

#: logits of one class, and rows of ten
NUMBERS, ROWS, CLASSES = 1_000_000, 200_000, 10


@functools.cache
def problem(name: str) -> Problem:
    one_number = name in ("expit", "log_expit", "log1pexp")
    return problems.multinomial(*((NUMBERS, 1, 2) if one_number else (ROWS, 2, CLASSES)))


@functools.cache
def formula(name: str) -> tuple[Float, ...]:
    """What SciPy finds; for the cross-entropy from its log_softmax."""
    one = problem(name)
    logits = operations.all_logits(one)
    if name == "cross_entropy":
        log_p = special.log_softmax(logits, axis=1)
        is_true = np.arange(CLASSES) == one.y[:, None]
        return np.asarray(-log_p[is_true].sum()), np.exp(log_p) - is_true
    if name in ("logsumexp", "softmax", "log_softmax"):
        return (getattr(special, name)(logits, axis=1),)
    x = logits[:, 1]
    return (np.logaddexp(0.0, x) if name == "log1pexp" else getattr(special, name)(x),)


@functools.cache
def twin(name: str) -> tuple[Float, ...]:
    return operations.function(name, problem(name), 1).prepare("reference")()


@pytest.mark.parametrize(
    "name", ["expit", "log_expit", "log1pexp", "logsumexp", "softmax", "log_softmax", "cross_entropy"]
)
def test_function(measure: Any, name: str, n_threads: int, backend: str) -> None:
    found = measure(operations.function(name, problem(name), n_threads), backend)
    for got, wanted, reference in zip(found, formula(name), twin(name), strict=True):
        # SciPy's log_softmax cancels where p is near 1, and p - 1 does where it is that of the true class
        assert_allclose(got, wanted, rtol=1e-12, atol=2e-15)
        assert_allclose(got, reference, rtol=4e-15)
