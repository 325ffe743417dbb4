"""Parts of a Hessian that is never formed, against the Hessian."""

from __future__ import annotations

import numpy as np
import pytest
from solvers.flat_problems import VARIANTS, Variant, objective

from sigmax.objective.flat import floor, on_subspace
from sigmax.solvers.metric import class_curvature


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_hessian_on_a_subspace(variant, backend):
    o = objective(variant, backend)
    rng = np.random.default_rng(3)
    k = o.design.width
    d = o.design.block(0, o.n_rows)
    coef = (
        rng.standard_normal((o.n_logits, k)) / np.concatenate([np.ones(k - variant.p), d.std(axis=0)])
    ).ravel()
    U = rng.standard_normal((k, 3))
    H, S = on_subspace(o, coef, U)
    whole = np.kron(np.eye(o.n_logits), U)
    full = o.evaluate(coef).hessian
    assert np.allclose(H, whole.T @ full @ whole, rtol=1e-9, atol=1e-9 * np.abs(H).max())
    if variant.intercept:
        assert np.allclose(S * o.response.total_weight, full[::k, ::k], rtol=1e-12)


@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_hessian_never_falls_below_the_floor(variant, share, backend):
    o = objective(variant, backend)
    rng = np.random.default_rng(11)
    d = o.design.block(0, o.n_rows)
    size = np.concatenate([np.ones(o.design.width - variant.p), d.std(axis=0)])
    for spread in (0.0, 0.3, 2.0):
        coef = (spread * rng.standard_normal((o.n_logits, o.design.width)) / size).ravel()
        q = rng.dirichlet(np.full(variant.K, 2.0)) + 0.01
        q /= q.sum()
        N = np.kron(class_curvature(q), floor(o, coef, q, share))
        scale = np.tile(size, o.n_logits)
        H = o.evaluate(coef).hessian
        gap = (H - N) / scale / scale[:, None]
        top = np.linalg.eigvalsh(H / scale / scale[:, None]).max()
        assert np.linalg.eigvalsh(gap).min() >= -1e-13 * top
        if share == 1.0 and spread == 0.0 and not variant.shifted and variant.l2 == 0.0:
            # with equal probabilities and equal shares nothing is lost
            q = np.full(variant.K, 1.0 / variant.K)
            N = np.kron(class_curvature(q), floor(o, coef, q, share))
            assert np.allclose(N, H, rtol=1e-10, atol=1e-12 * np.abs(H).max())


def test_more_rows_raise_the_floor(backend):
    o = objective(Variant(4, 5), backend)
    coef, q = np.zeros(o.n_params), np.full(4, 0.25)
    low, high = floor(o, coef, q, 0.3), floor(o, coef, q, 0.8)
    scale = np.sqrt(high.diagonal())
    assert np.linalg.eigvalsh((high - low) / scale / scale[:, None]).min() > 0.0
