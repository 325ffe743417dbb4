"""Group "fit": ``sigmax.fit`` from arrays to a result with its certificate.

Each result must be certified, and solve the likelihood equations [1 X]'(p - y) = 0 as NumPy sees them.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from sigmax import datasets, threads
from sigmax.bench import operations, problems
from sigmax.bench.problems import Problem

pytestmark = pytest.mark.benchmark(disable_gc=True)

#: rows, columns, classes
Shape = tuple[int, int, int]

#: of the generated problems
SHAPES = [(2_000, 10, 2), (200_000, 20, 2), (20_000, 100, 2), (20_000, 10, 5)]


@functools.cache
def problem(what: str | Shape) -> Problem:
    return problems.bundled(what) if isinstance(what, str) else problems.multinomial(*what)


@pytest.mark.parametrize(
    "what",
    [*datasets.names(), *SHAPES],
    ids=lambda what: what if isinstance(what, str) else "{}x{}x{}".format(*what),
)
def test_fit(measure: Any, what: str | Shape, backend: str) -> None:
    one = problem(what)
    r = measure(operations.fit(one, threads.resolve()), backend)
    assert r.certificate.converged
    assert r.certificate.exists is True

    # a Newton step from here, in standard errors: what the equations still want to change
    Z = np.column_stack([np.ones(one.n_rows), one.X])
    coef = r.params.reshape(one.n_classes - 1, -1)
    p = softmax(np.column_stack([np.zeros(one.n_rows), Z @ coef.T]), axis=1)
    score = ((p - (np.arange(one.n_classes) == one.y[:, None]))[:, 1:].T @ Z).ravel()
    step = r.cov_params() @ score
    assert np.abs(step / r.bse.ravel()).max() < 1e-8
