"""The oracle of inference against itself: what weights, counts and clusters mean has two statements."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.inference import Case, Inference, covariance_errors, errors
from oracles.newton import optimum, to_float


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(8)
    X = rng.normal(size=(40, 2))
    counts = rng.integers(0, 3, (40, 3))
    return X, counts, rng.integers(0, 4, 40).astype(float), rng.integers(0, 6, 40)


def test_counts_and_frequency_weights_are_single_observations(data):
    X, counts, weight, groups = data
    grouped = Inference(Case(X, counts, 3, weight=weight))
    times = (counts * weight[:, None]).astype(int)
    row = np.repeat(np.arange(40), times.sum(axis=1))
    y = np.concatenate([np.repeat(np.arange(3), t) for t in times])
    single = Inference(Case(X[row], y, 3))
    assert grouped.nobs == single.nobs == times.sum()
    assert errors(to_float(grouped.params), single.params).max() < 1e-15
    for kind in ("mle", "HC0", "HC1"):
        assert covariance_errors(to_float(grouped.covariance(kind)), single.covariance(kind)).max() < 1e-15
    a = grouped.covariance("cluster", groups.tolist())
    assert covariance_errors(to_float(a), single.covariance("cluster", groups[row].tolist())).max() < 1e-15
    # saturated by row, or by observation
    a, b = grouped.likelihood(), single.likelihood()
    assert errors(float(a["llnull"]), [b["llnull"]]).max() < 1e-15
    assert errors(float(-2 * single.llf), [b["deviance"]]).max() < 1e-15
    assert a["deviance"] < b["deviance"]


def test_the_information_is_that_of_newton(data):
    X, counts, _, _ = data
    y = counts.argmax(axis=1)
    exact = optimum(X, y, 3)
    found = Inference(Case(X, y, 3))
    assert covariance_errors(to_float(found.covariance("mle")), exact.covariance).max() < 1e-15
    assert errors(float(found.llf), [exact.llf]).max() < 1e-15


def test_a_sandwich_in_numpy(data):
    # M = X' diag(r^2) X and V = A M A, in double precision
    X, counts, _, groups = data
    y = (counts.argmax(axis=1) > 0).astype(int)
    exact = Inference(Case(X, y, 2))
    Z = np.column_stack([np.ones(40), X])
    p = 1.0 / (1.0 + np.exp(-Z @ to_float(exact.params)))
    A = np.linalg.inv(Z.T @ (Z * (p * (1.0 - p))[:, None]))
    s = Z * (y - p)[:, None]
    assert covariance_errors(A @ s.T @ s @ A, exact.covariance("HC0")).max() < 1e-12
    S = np.stack([s[groups == g].sum(axis=0) for g in np.unique(groups)])
    G = len(S)
    V = G / (G - 1.0) * A @ S.T @ S @ A
    assert covariance_errors(V, exact.covariance("cluster", groups.tolist())).max() < 1e-12
