"""Data for margins, and how they are held against their definition."""

from __future__ import annotations

import numpy as np


def drawn(seed, n, p, n_classes, *, binary=0, scale=1.0):
    """X with `binary` columns of 0 and 1 at the end, labels of all classes."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 1.0
    X[:, p - binary :] = X[:, p - binary :] > 1.0
    B = scale * rng.standard_normal((n_classes, p))
    y = np.argmax(X @ B.T + rng.gumbel(size=(n, n_classes)), axis=1)
    y[:n_classes] = np.arange(n_classes)
    return X, y


def shown(table, n_classes):
    """What sigmax shows of effects of all classes."""
    return table[:, 1] if n_classes == 2 else table


def shown_cov(cov, n_classes):
    return cov[1::2, 1::2] if n_classes == 2 else cov


def assert_measured(m, truth, n_classes, rtol=1e-10):
    """Effects relative to the largest of their variable; standard errors relative; the whole covariance."""
    effects, errors, cov = (np.asarray(part) for part in truth)
    scale = np.abs(effects).max(axis=1, keepdims=True)
    np.testing.assert_allclose(
        m.effects, shown(effects, n_classes), rtol=rtol, atol=0.01 * rtol * scale.min()
    )
    np.testing.assert_allclose(m.se, shown(errors, n_classes), rtol=rtol)
    cov = shown_cov(cov, n_classes)
    np.testing.assert_allclose(m.cov, cov, rtol=rtol, atol=rtol * np.abs(cov).max())
