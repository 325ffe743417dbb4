"""Another reference class, or none: no refit, and what a refit would have given."""

import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracles import newton as oracle

import sigmax as sx
from sigmax import kernels

RNG = np.random.default_rng(6)
WORDS = np.array(["ash", "beech", "cedar", "dogwood", "elm"])


def problem(K, n=120, p=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    eta = np.column_stack([np.zeros(n), X @ rng.normal(size=(p, K - 1)) * 0.6 + 0.2])
    return X, (eta + rng.gumbel(size=eta.shape)).argmax(axis=1)


def fit(X, y, backend, **options):
    return sx.fit(X, y, backend=backend.BACKEND, **options)


def assert_agree(r, refit):
    """Parameters to 1e-12 of a standard error, and of themselves; covariances to 1e-12 of them."""
    np.testing.assert_array_less(np.abs(r.params - refit.params), 1e-12 * refit.bse)
    np.testing.assert_allclose(r.params, refit.params, rtol=1e-12, atol=1e-13 * refit.bse.min())
    errors = refit.bse.ravel()
    assert (np.abs(r.covariance - refit.covariance) <= 1e-12 * np.outer(errors, errors)).all()
    np.testing.assert_allclose(r.bse, refit.bse, rtol=1e-12)
    assert r.llf == pytest.approx(refit.llf, rel=1e-14)


EXTRAS = ("plain", "no intercept", "weights", "offset", "counts", "l2")


@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize("K", [2, 3, 5])
def test_rebase_agrees_with_a_refit(backend, K, extra):
    """Classes in another order, so that each is the first in turn."""
    X, y = problem(K, seed=K)
    rng = np.random.default_rng(K + 10)
    offset = rng.normal(size=(len(X), K)) if extra == "offset" else None
    options = {
        "no intercept": {"fit_intercept": False},
        "weights": {"sample_weight": rng.choice([0.0, 1.0, 2.5], len(X))},
        "l2": {"l2": 0.3},
    }.get(extra, {})
    counts = rng.poisson(2.0, (len(X), K)) if extra == "counts" else None
    r = fit(X, y if counts is None else counts, backend, offset=offset, **options)
    assert r.certificate.converged
    for new in range(K):
        order = [new, *(c for c in range(K) if c != new)]
        if counts is None:
            moved = None if offset is None else offset[:, order]
            refit = fit(X, np.argsort(order)[y], backend, offset=moved, **options)
        else:
            refit = fit(X, counts[:, order], backend)
        s = r.rebase(new)
        assert s.reference == new
        assert s.row_labels == tuple(c for c in range(K) if c != new)
        assert_agree(s, refit)
        assert (s.aic, s.bic, s.df_model, s.n_estimated) == (r.aic, r.bic, r.df_model, r.n_estimated)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(1, 3))
def test_rebase_agrees_with_a_refit_of_any_data(seed, K, p):
    X, y = problem(K, 60 * K, p, seed)
    assume(len(np.unique(y)) == K)
    chosen = kernels.get(None)
    r = fit(X, y, chosen)
    new = seed % K
    order = [new, *(c for c in range(K) if c != new)]
    s, refit = r.rebase(new), fit(X, np.argsort(order)[y], chosen)
    np.testing.assert_array_less(np.abs(s.params - refit.params), 1e-12 * refit.bse)
    # digits cancel where the old reference is rarer than the new
    rare = np.abs(r.covariance).max() / np.abs(refit.covariance).max()
    errors = refit.bse.ravel()
    allowed = 1e-12 * max(rare, 1.0) * np.outer(errors, errors)
    assert (np.abs(s.covariance - refit.covariance) <= allowed).all()


@pytest.mark.parametrize("K", [2, 3])
def test_bounds_hold_against_50_digits(backend, K):
    X, y = problem(K, 60, 2, seed=3)
    r = fit(X, y, backend)
    exact = oracle.optimum(X, y, K).params
    padded = [[0] * 3, *exact]
    for new in range(K):
        s = r.rebase(new)
        wanted = [[b - c for b, c in zip(row, padded[new], strict=True)] for row in padded]
        del wanted[new]
        off = np.array(
            [
                [float(abs(b - x)) for b, x in zip(*pair, strict=True)]
                for pair in zip(wanted, np.atleast_2d(s.params).tolist(), strict=True)
            ]
        )
        bound = np.atleast_2d(s.certificate.error_bound)
        assert (off <= bound).all()
        assert (bound <= 1e-11 * np.atleast_2d(s.bse)).all()
        assert s.certificate.digits <= -np.log10((off / np.abs(np.atleast_2d(s.params))).max())
        assert s.certificate.digits >= 10.0
    s = r.symmetric()
    mean = [sum(column) / K for column in zip(*padded, strict=True)]
    off = np.array(
        [
            [float(abs(b - m - x)) for b, m, x in zip(*triple, strict=True)]
            for triple in zip(padded, [mean] * K, s.params.tolist(), strict=True)
        ]
    )
    assert (off <= s.certificate.error_bound).all()
    assert (s.certificate.error_bound <= 1e-11 * s.bse).all()


# -- two classes -------------------------------------------------------------------------------------


def test_two_classes_flip_their_signs(backend):
    X, y = problem(2)
    r = fit(X, WORDS[y], backend)
    s = r.rebase("beech")
    np.testing.assert_array_equal(s.params, -r.params)
    assert s.params.shape == (4,)
    np.testing.assert_array_equal(s.covariance, r.covariance)
    np.testing.assert_array_equal(s.zvalues, -r.zvalues)
    np.testing.assert_array_equal(s.pvalues, r.pvalues)
    np.testing.assert_array_equal(s.decision_function(X), -r.decision_function(X))
    assert "\ny = ash against beech\n" in s.summary()


def test_a_softmax_of_two_classes_is_a_logit(backend):
    """w = w_1 - w_2: symmetric parameters are halves, and the kernels of both models are one function."""
    X, y = problem(2)
    r = fit(X, y, backend)
    s = r.symmetric()
    assert s.params.shape == (2, 4)
    np.testing.assert_array_equal(s.params, [-r.params / 2.0, r.params / 2.0])
    np.testing.assert_array_equal(s.params[1] - s.params[0], r.params)
    quarter = r.covariance / 4.0
    np.testing.assert_allclose(s.covariance, np.block([[quarter, -quarter], [-quarter, quarter]]), rtol=1e-15)
    np.testing.assert_allclose(s.zvalues[1], r.zvalues, rtol=1e-15)
    logits = s.decision_function(X)
    np.testing.assert_allclose(sx.softmax(logits, axis=1), r.predict_proba(X), rtol=1e-14)
    # the model of K classes at the estimate of the logit: at its own optimum
    codes = y.astype(np.int32)
    coef = np.ascontiguousarray(r.params[None, :])
    one, two = np.empty((1, 4)), np.empty((1, 4))
    H, G = np.empty((4, 4)), np.empty((4, 4))
    nll = backend.binary_pass(X, codes, coef, one, H, intercept=True)
    also = backend.softmax_pass(X, codes, coef, two, G, intercept=True)
    assert also[0] == pytest.approx(nll[0], rel=1e-15)
    np.testing.assert_allclose(G, H, rtol=1e-14, atol=1e-14 * np.abs(H).max())
    np.testing.assert_allclose(two, one, atol=1e-13)
    np.testing.assert_allclose(two, 0.0, atol=1e-12)


# -- sum to zero -------------------------------------------------------------------------------------


def test_symmetric_parameters(backend):
    X, y = problem(4)
    r = fit(X, WORDS[y], backend)
    s = r.symmetric()
    assert s.params.shape == s.bse.shape == s.pvalues.shape == s.certificate.error_bound.shape == (4, 4)
    assert s.conf_int().shape == (4, 4, 2)
    assert s.covariance.shape == (16, 16)
    assert s.reference is None
    assert s.row_labels == tuple(WORDS[:4])
    np.testing.assert_allclose(s.params.sum(axis=0), 0.0, atol=1e-14)
    assert np.linalg.matrix_rank(s.covariance, tol=1e-10) == s.n_estimated == 12
    assert (s.aic, s.df_model) == (r.aic, r.df_model)
    # contrasts are those of any reference
    for new in range(4):
        t = r.rebase(WORDS[new])
        others = [c for c in range(4) if c != new]
        np.testing.assert_allclose(s.params[others] - s.params[new], t.params, rtol=1e-13, atol=1e-14)
        V = s.covariance.reshape(4, 4, 4, 4)
        for a, c in enumerate(others):
            variance = V[c, :, c] - V[c, :, new] - V[new, :, c] + V[new, :, new]
            block = t.covariance.reshape(3, 4, 3, 4)[a, :, a]
            np.testing.assert_allclose(variance, block, rtol=1e-11, atol=1e-14)
    # the Moore-Penrose inverse of the information of all parameters, formed from the probabilities
    p, D = r.predict_proba(X), np.column_stack([np.ones(len(X)), X])
    S = np.einsum("ia,ab->iab", p, np.eye(4)) - p[:, :, None] * p[:, None, :]
    H = np.einsum("iab,ij,il->ajbl", S, D, D).reshape(16, 16)
    pinv = np.linalg.pinv(H, rcond=1e-11, hermitian=True)
    np.testing.assert_allclose(s.covariance, pinv, rtol=1e-10, atol=1e-12)
    text = s.summary(target="tree")
    for label in WORDS[:4]:
        assert f"\ntree = {label} against the mean of all\n" in text


def test_the_same_from_any_reference(backend):
    """All are maps of the fit itself: going around changes no bit."""
    X, y = problem(3)
    r = fit(X, y, backend)
    there = r.rebase(2)
    for other in (there.rebase(1), r.symmetric().rebase(1), r.rebase(1).rebase(1)):
        assert other.params.tobytes() == r.rebase(1).params.tobytes()
        assert other.covariance.tobytes() == r.rebase(1).covariance.tobytes()
    assert there.rebase(0).params.tobytes() == r.params.tobytes()
    assert there.symmetric().params.tobytes() == r.symmetric().params.tobytes()


# -- prediction --------------------------------------------------------------------------------------


@pytest.mark.parametrize("K", [2, 4])
def test_predictions_have_the_same_bits(backend, K):
    X, y = problem(K)
    r = fit(X, WORDS[y], backend)
    new = RNG.normal(size=(50, 3))
    base = r.decision_function(new).reshape(50, -1)
    logits = np.column_stack([np.zeros(50), base])
    shift = RNG.normal(size=(50, K))
    for s in (*(r.rebase(word) for word in WORDS[:K]), r.symmetric()):
        assert s.predict_proba(new).tobytes() == r.predict_proba(new).tobytes()
        np.testing.assert_array_equal(s.predict(new), r.predict(new))
        eta = s.decision_function(new)
        if s.reference is None:
            assert eta.shape == (50, K)
            np.testing.assert_allclose(
                eta, logits - logits.mean(axis=1, keepdims=True), rtol=1e-12, atol=1e-13
            )
            given_offset = shift
        else:
            c = list(WORDS).index(s.reference)
            wanted = np.delete(logits - logits[:, [c]], c, axis=1)
            np.testing.assert_allclose(eta.reshape(50, -1), wanted, rtol=1e-12, atol=1e-13)
            given_offset = np.delete(shift - shift[:, [c]], c, axis=1)
            if K == 2:
                given_offset = given_offset[:, 0]
        np.testing.assert_array_equal(s.decision_function(new, offset=given_offset), eta + given_offset)
        # the offset belongs to the logits of the parametrisation, and says the same in all
        first = shift[:, 1:] - shift[:, :1]
        p = r.predict_proba(new, offset=first[:, 0] if K == 2 else first)
        np.testing.assert_allclose(s.predict_proba(new, offset=given_offset), p, rtol=1e-13)
        np.testing.assert_array_equal(s.predict(new, offset=given_offset), r.classes[p.argmax(axis=1)])
        with pytest.raises(ValueError, match="offset must have shape"):
            s.predict_proba(new, offset=np.zeros((50, K + 1)))
        with pytest.raises(ValueError, match="offset must have shape"):
            s.predict_proba(new, offset=np.zeros((49, *given_offset.shape[1:])))


# -- as an argument of fit ---------------------------------------------------------------------------


@pytest.mark.parametrize("K", [2, 3])
def test_fit_with_a_reference(backend, K):
    X, y = problem(K)
    r = fit(X, WORDS[y], backend)
    assert r.reference == "ash"
    for word in WORDS[:K]:
        s = fit(X, WORDS[y], backend, reference=word)
        assert s.reference == word
        assert s.params.tobytes() == r.rebase(word).params.tobytes()
        assert s.covariance.tobytes() == r.rebase(word).covariance.tobytes()
        assert s.certificate.passes == r.certificate.passes
        again = fit(X, WORDS[y], backend, reference=word, start=s.params)
        assert again.certificate.converged
        assert again.certificate.iterations <= 2 < r.certificate.iterations
        np.testing.assert_allclose(again.params, s.params, rtol=1e-12)


REFERENCES = {
    "bool": (lambda y: y > 0, True, np.True_),
    "float": (lambda y: y * 0.5, 0.5, 1),
    "time": (
        lambda y: np.datetime64("2020-01-01T00", "ns") + y.astype("m8[D]"),
        np.datetime64("2020-01-02"),
        None,
    ),
    "object": (lambda y: np.array(["a", "b", "c"], object)[y], "c", None),
}


@pytest.mark.parametrize("kind", REFERENCES)
def test_labels_of_any_kind(backend, kind):
    make, label, other = REFERENCES[kind]
    X, y = problem(3)
    r = fit(X, make(y), backend, reference=label)
    assert r.reference == label
    assert label not in r.row_labels
    if other is not None:
        assert fit(X, make(y), backend, reference=other).reference == other
    assert r.summary()


def test_unknown_classes(backend):
    X, y = problem(3)
    r = fit(X, WORDS[y], backend)
    with pytest.raises(
        ValueError, match="reference must be one of the classes, 'ash', 'beech', 'cedar'; got 'oak'"
    ):
        r.rebase("oak")
    for bad in ("oak", 1, np.arange(3), ["ash"]):
        with pytest.raises(ValueError, match="reference must be one of the classes"):
            fit(X, WORDS[y], backend, reference=bad)


# -- what is left for later --------------------------------------------------------------------------


@pytest.mark.needs_compiled
def test_a_covariance_stays_uncomputed():
    X, y = problem(2, 40_000)
    X = X.copy()
    r = sx.fit(X, y, backend="compiled")
    s, t = r.rebase(1), r.symmetric()
    assert callable(r._covariance)
    assert callable(s._covariance)
    assert t.bse.shape == (2, 4)
    assert isinstance(r._covariance, np.ndarray)  # the one that all are maps of
    np.testing.assert_array_equal(s.covariance, r.covariance)
    late = sx.fit(X, y, backend="compiled", reference=1)
    X += 1.0
    with pytest.raises(ValueError, match="changed in place since the fit"):
        _ = late.bse


def test_pickles(backend):
    X, y = problem(3)
    r = fit(X, y, backend)
    for s in (r.rebase(2), r.symmetric()):
        again = pickle.loads(pickle.dumps(s))
        assert again.params.tobytes() == s.params.tobytes()
        assert again.covariance.tobytes() == s.covariance.tobytes()
        assert again.predict_proba(X).tobytes() == r.predict_proba(X).tobytes()
        assert again.rebase(0).params.tobytes() == r.params.tobytes()


# -- with columns left out ---------------------------------------------------------------------------


@pytest.mark.parametrize("collinear", ["alias", "min_norm"])
def test_dependent_columns_in_any_parametrisation(backend, collinear):
    X, y = problem(3)
    wide = np.column_stack([X[:, 0], -X[:, 0], X[:, 1:]])
    r = fit(wide, y, backend, collinear=collinear)
    few = np.ascontiguousarray(wide[:, [0, 2, 3]])
    alone = fit(few, y, backend)
    gone = np.array([False, False, collinear == "alias", False, False])
    for s, one in ((r.rebase(2), alone.rebase(2)), (r.symmetric(), alone.symmetric())):
        np.testing.assert_array_equal(s.aliased, np.broadcast_to(gone, s.params.shape))
        np.testing.assert_array_equal(np.isnan(s.params), s.aliased)
        np.testing.assert_array_equal(np.isnan(s.bse), s.aliased)
        assert s.n_estimated == one.n_estimated == 8
        assert s.predict_proba(wide).tobytes() == r.predict_proba(wide).tobytes()
        assert "x2 = -x1" in s.summary()
        if collinear == "alias":
            assert s.params[:, ~gone].tobytes() == one.params.tobytes()
            assert s.certificate.error_bound[:, ~gone].tobytes() == one.certificate.error_bound.tobytes()
            assert s.decision_function(wide).tobytes() == one.decision_function(few).tobytes()
        else:
            np.testing.assert_allclose(s.params[:, 1] - s.params[:, 2], one.params[:, 1], rtol=1e-13)
            np.testing.assert_allclose(s.decision_function(wide), one.decision_function(few), rtol=1e-11)
