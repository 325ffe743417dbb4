"""Firth's estimates where the maximum-likelihood ones do not exist, and in other parametrisations."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import sigmax as sx


def separated(K, seed=0, n=60):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=n), np.arange(n) < 7])
    y = rng.integers(0, K, n)
    y[:7] = K - 1
    return X, y


@pytest.mark.parametrize("K", [2, 3])
def test_they_are_those_of_bias_reduction(K, backend):
    X, y = separated(K)
    how = {"backend": backend.BACKEND, "names": ["dose", "rare"]}
    with pytest.warns(
        sx.SeparationWarning, match=r"column 'rare' predicts 7 rows .* these are Firth's"
    ) as seen:
        r = sx.fit(X, y, on_separation="firth", **how)
    assert len(seen) == 1
    assert seen[0].filename == __file__
    firth = sx.fit(X, y, bias_reduction="firth", **how)
    assert r.params.tobytes() == firth.params.tobytes()
    assert r.bse.tobytes() == firth.bse.tobytes()
    assert (r.llf, r.penalised_llf, r.bias_reduction) == (firth.llf, firth.penalised_llf, "firth")
    assert r.certificate.converged
    # what separates is known all the same, and does not touch the numbers
    assert r.separation.kind == "quasi"
    assert r.separation.rows.tolist() == list(range(7))
    assert firth.separation is None
    p = r.predict_proba(X)
    assert ((p > 0.0) & (p < 1.0)).all()
    np.testing.assert_array_equal(p, firth.predict_proba(X))
    assert np.isfinite(r.decision_function(X)).all()
    assert "Firth's bias-reduced estimates" in r.summary()
    assert "column 'rare' predicts 7 rows" in r.summary()
    assert pickle.loads(pickle.dumps(r)).params.tobytes() == r.params.tobytes()


def test_nothing_changes_where_the_estimate_exists(backend):
    X, y = separated(2)
    y[0] = 0
    r = sx.fit(X, y, on_separation="firth", backend=backend.BACKEND)
    assert r.separation is None
    assert r.bias_reduction is None
    assert r.params.tobytes() == sx.fit(X, y, backend=backend.BACKEND).params.tobytes()


def test_a_class_without_a_row(backend):
    X, y = separated(2)
    with pytest.warns(sx.SeparationWarning, match="these are Firth's"):
        r = sx.fit(X, y, classes=[0, 1, 2], on_separation="firth", backend=backend.BACKEND)
    assert r.params.shape == (2, 3)
    assert np.isfinite(r.params).all()
    assert np.isfinite(r.bse).all()
    assert r.certificate.score <= 1e-10


def test_other_references_are_maps(backend):
    X, y = separated(3)
    how = {"bias_reduction": "firth", "backend": backend.BACKEND}
    r, moved = sx.fit(X, y, **how), sx.fit(X, y, reference=2, **how)
    refit = sx.fit(X, (y + 1) % 3, **how)  # class 2 is now the first
    assert moved.params.tobytes() == r.rebase(2).params.tobytes()
    np.testing.assert_allclose(moved.params, refit.params, rtol=1e-9)
    np.testing.assert_allclose(moved.bse, refit.bse, rtol=1e-9)
    np.testing.assert_allclose(moved.penalised_llf, refit.penalised_llf, rtol=1e-13)
    for other in (moved, r.symmetric()):
        with pytest.raises(ValueError, match=r"ask the result before rebase\(\) or symmetric\(\)"):
            other.conf_int(method="profile")
    assert np.isfinite(r.conf_int(method="profile")).all()


@pytest.mark.parametrize("bad", ["Firth", 1, "jeffreys"])
def test_other_words_are_refused(bad):
    X, y = separated(2)
    with pytest.raises(ValueError, match="bias_reduction must be None or 'firth'; got"):
        sx.fit(X, y, bias_reduction=bad)


def test_two_penalties_are_refused():
    X, y = separated(2)
    with pytest.raises(ValueError, match=r"l2 must be 0; got l2=0.5"):
        sx.fit(X, y, bias_reduction="firth", l2=0.5)
