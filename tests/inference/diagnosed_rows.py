"""Data for tests of diagnostics, and what they are asked."""

import numpy as np


def regression(K, p, n, *, seed=0, far=1.0):
    """X (n, p), labels of K classes, and probabilities that are neither all alike nor all sure."""
    rng = np.random.default_rng(seed)
    X = (
        rng.standard_normal((n, p)) * np.array([1.0, 3.0, 0.2, 10.0, 1.0])[:p]
        + np.array([0, 5, 1, 0, 2.0])[:p]
    )
    X[0] *= far
    B = rng.standard_normal((K, p + 1)) / np.array([1.0, *[1.0, 3.0, 0.2, 10.0, 1.0][:p]])
    eta = B[:, 0] + (X - X.mean(axis=0)) @ B[:, 1:].T
    y = (eta + rng.gumbel(size=eta.shape)).argmax(axis=1)
    y[:K] = np.arange(K)
    return X, y


def grouped(K, p, n, *, seed=0):
    """X (n, p) and counts (n, K), some of them zero."""
    X, _ = regression(K, p, n, seed=seed)
    rng = np.random.default_rng(seed + 1)
    q = rng.dirichlet(np.ones(K), size=n)
    return X, np.array(
        [rng.multinomial(m, row) for m, row in zip(rng.integers(1, 30, n), q, strict=True)]
    ) * 1.0


def one_hot(y, K):
    return np.eye(K)[y]


def fields(diagnostics):
    """Name -> array, of everything that a table of diagnostics has."""
    return {name: np.asarray(values) for name, values in diagnostics.columns().items()}
