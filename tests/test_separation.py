"""The door where the classes are separated: what a user gets, on either backend."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from scipy.optimize import minimize, root

import sigmax as sx
from sigmax import estimation
from sigmax.data.chunks import Chunks
from sigmax.existence.decide import Undecided

ABSENT = "the intercept alone"


def limiting(X, y, **options):
    """The fit, and the text of its only warning."""
    with pytest.warns(sx.SeparationWarning) as seen:
        r = sx.fit(X, y, **options)
    assert len(seen) == 1
    return r, str(seen[0].message)


def same_bits(a, b):
    assert a.params.tobytes() == b.params.tobytes()
    assert a.bse.tobytes() == b.bse.tobytes()
    assert np.float64(a.llf).tobytes() == np.float64(b.llf).tobytes()
    assert a.separation.exact_direction == b.separation.exact_direction
    assert a.separation.rows.tolist() == b.separation.rows.tolist()
    assert a.certificate.error_bound.tobytes() == b.certificate.error_bound.tobytes()


def dummy_problem(seed=0, n=50):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    dummy = (np.arange(n) % 7 == 3).astype(float)
    y = np.where(dummy == 1.0, 1, x + rng.logistic(size=n) > 0.0).astype(int)
    return np.column_stack([x, dummy]), y


def three_classes(seed=0, n=80):
    """Class 2 never occurs where the dummy is 1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    dummy = (np.arange(n) < 20).astype(float)
    y = rng.integers(0, 3, size=n)
    y[:20] = rng.integers(0, 2, size=20)
    return np.column_stack([x, dummy]), y


# -- what comes back -------------------------------------------------------------------------------


def test_complete(backend_name):
    X = np.array([[1.0], [2.0], [3.0], [4.0]])
    r, text = limiting(X, ["no", "no", "yes", "yes"], backend=backend_name)
    assert r.params.tolist() == [-np.inf, np.inf]
    assert r.separation.kind == "complete"
    assert r.separation.infinite.tolist() == [-1, 1]
    assert not r.separation.undetermined.any()
    assert r.separation.rows.tolist() == [0, 1, 2, 3]
    assert r.llf == 0.0
    assert np.isnan(r.bse).all()
    assert r.certificate.exists is False
    assert r.certificate.converged is False
    assert "completely separated: column 'x1' predicts all rows without error" in text
    assert r.predict_proba(X).tolist() == [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    assert r.decision_function(X).tolist() == [-np.inf, -np.inf, np.inf, np.inf]
    assert r.predict(X).tolist() == ["no", "no", "yes", "yes"]
    assert "NOT converged" in repr(r)
    assert "inf" in r.summary()


def test_quasi_by_a_dummy(backend_name):
    X, y = dummy_problem()
    r, text = limiting(X, y, names=["age", "treated"], backend=backend_name)
    on = X[:, 1] == 1.0
    assert r.separation.kind == "quasi"
    assert r.params[2] == np.inf
    assert np.isfinite(r.params[:2]).all()
    assert np.isfinite(r.bse[:2]).all()
    assert np.isnan(r.bse[2])
    assert np.isnan(r.pvalues[2])
    assert np.isnan(r.conf_int()[2]).all()
    assert r.separation.rows.tolist() == np.flatnonzero(on).tolist()
    assert r.separation.direction.tolist() == [0.0, 0.0, 1.0]
    assert r.separation.certificate.converged
    assert r.certificate.exists is False
    assert not r.certificate.converged
    assert np.isfinite(r.certificate.error_bound).tolist() == [True, True, False]
    assert f"quasi-completely separated: column 'treated' predicts {on.sum()} rows without error" in text
    assert "age" not in text
    p = r.predict_proba(X)
    assert (p[on] == [0.0, 1.0]).all()
    assert ((p[~on] > 0.0) & (p[~on] < 1.0)).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-15)
    rest = sx.fit(X[~on, :1], y[~on], backend=backend_name)
    np.testing.assert_allclose(p[~on], rest.predict_proba(X[~on, :1]), rtol=1e-12)
    # a step against the dummy: the other way; the fraction of one counts as much
    assert r.predict_proba([[0.0, -1.0], [5.0, 1e-300], [0.0, 0.0]])[:2].tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_no_limit_is_nan(backend_name):
    """x in (-1, 1) is a gap: the intercept may go either way; so may what lies in the gap."""
    X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), [0, 0, 1, 1]
    r, _ = limiting(X, y, backend=backend_name)
    assert np.isnan(r.params[0])
    assert r.params[1] == np.inf
    assert r.separation.undetermined.tolist() == [True, False]
    assert r.separation.infinite.tolist() == [0, 1]
    assert r.predict_proba(X).tolist() == [[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 2


def test_what_is_not_determined_is_nan(backend_name):
    """The direction is x - 2; rows at 2 are uncertain, and say nothing about x alone."""
    X, y = np.array([[0.0], [1.0], [2.0], [2.0], [2.0], [3.0]]), [0, 0, 0, 1, 1, 1]
    r, _ = limiting(X, y, backend=backend_name)
    assert r.params.tolist() == [-np.inf, np.inf]
    np.testing.assert_allclose(r.predict_proba([[2.0]]), [[1 / 3, 2 / 3]], rtol=1e-12)
    np.testing.assert_allclose(r.llf, np.log(4 / 27), rtol=1e-14)
    near = [[np.nextafter(2.0, 0.0)], [np.nextafter(2.0, 3.0)]]
    assert r.predict_proba(near).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    # a second column, which is 0 at x = 2: where the first is 2, too, nothing is known of it
    Z = np.column_stack([X[:, 0], [1.0, -1.0, 0.0, 0.0, 0.0, 1.0]])
    r, _ = limiting(Z, y, backend=backend_name)
    d = r.separation.exact_direction
    assert d[0] + 2 * d[1] == 0
    if d[2] == 0:
        assert np.isnan(r.predict_proba([[2.0, 1.0]])).all()
        assert np.isnan(r.decision_function([[2.0, 1.0]])).all()
    else:
        assert r.predict_proba([[2.0, 1.0]]).tolist()[0] in ([0.0, 1.0], [1.0, 0.0])
    assert r.predict_proba(Z)[[0, 1, 5]].tolist() == [[1.0, 0.0]] * 2 + [[0.0, 1.0]]


def test_three_classes(backend_name):
    X, y = three_classes()
    r, text = limiting(X, y, backend=backend_name)
    assert r.params[1, 2] == -np.inf
    assert np.isfinite(np.delete(r.params.ravel(), 5)).all()
    assert np.isnan(r.bse).ravel().tolist() == [False] * 5 + [True]
    assert r.separation.rows.tolist() == [*range(20)]
    assert "'x2' predicts 20 rows" in text
    p = r.predict_proba(X)
    assert (p[:20, 2] == 0.0).all()
    assert (p[:20, :2] > 0.0).all()
    assert (p[20:] > 0.0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-15)
    eta = r.decision_function(X)
    assert (eta[:20, 1] == -np.inf).all()
    assert np.isfinite(eta[:20, 0]).all()
    assert np.isfinite(eta[20:]).all()
    # the score of the limiting fit is zero
    Z = np.column_stack([np.ones(80), X])
    residual = p - np.eye(3)[y]
    assert np.abs(residual.T @ Z).max() < 1e-11
    np.testing.assert_allclose(r.llf, np.log(p[np.arange(80), y]).sum(), rtol=1e-13)


def test_columns_in_the_text(backend_name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 9))
    y = (X.sum(axis=1) > 0.0).astype(int)
    _, text = limiting(X, y, names=[f"c{j}" for j in range(9)], backend=backend_name)
    assert "columns 'c0', 'c1', 'c2', 'c3', 'c4', 'c5' and 3 more predict all rows without error" in text
    for word in ("limiting fit", "on_separation=", "does not exist"):
        assert word in text


# -- raise, and what travels -------------------------------------------------------------------------


def test_raise(backend_name):
    X, y = dummy_problem()
    with pytest.raises(
        sx.SeparationError, match=r"quasi-completely separated: column 'x2' predicts 7 rows"
    ) as seen:
        sx.fit(X, y, on_separation="raise", backend=backend_name)
    found = seen.value.separation
    assert found.infinite.tolist() == [0, 0, 1]
    back = pickle.loads(pickle.dumps(seen.value))
    assert type(back) is sx.SeparationError
    assert str(back) == str(seen.value)
    assert back.separation.exact_direction == found.exact_direction
    assert back.separation.rows.tolist() == found.rows.tolist()
    with pytest.raises(
        ValueError, match="on_separation must be one of 'warn', 'raise', 'firth'; got 'ignore'"
    ):
        sx.fit(X, y, on_separation="ignore")
    # where the estimate exists nothing happens
    keep = X[:, 1] == 0.0
    assert sx.fit(X[keep, :1], y[keep], on_separation="raise", backend=backend_name).separation is None


def test_pickled_result(backend_name):
    X, y = three_classes()
    r, _ = limiting(X, y, backend=backend_name)
    back = pickle.loads(pickle.dumps(r))
    same_bits(r, back)
    assert back.predict_proba(X).tobytes() == r.predict_proba(X).tobytes()
    assert repr(back.separation) == repr(r.separation) == "<quasi separation: 20 rows, 1 infinite parameters>"


def test_other_parametrisations_need_a_refit(backend_name):
    r, _ = limiting(*three_classes(), backend=backend_name)
    with pytest.raises(ValueError, match=r"separated.*call fit with reference=1"):
        r.rebase(1)
    with pytest.raises(ValueError, match="separated"):
        r.symmetric()
    assert r.rebase(0) is r


@pytest.mark.parametrize("reference", [0, 1, 2])
def test_reference_is_the_fit_with_the_classes_in_another_order(reference, backend_name):
    X, y = three_classes(3)
    r, _ = limiting(X, y, reference=reference, backend=backend_name)
    order = [reference, *[k for k in range(3) if k != reference]]
    other, _ = limiting(X, np.argsort(order)[y], backend=backend_name)
    np.testing.assert_array_equal(np.isfinite(r.params), np.isfinite(other.params))
    np.testing.assert_allclose(r.params, other.params, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(r.bse, other.bse, rtol=1e-11)
    np.testing.assert_allclose(r.llf, other.llf, rtol=1e-14)
    assert r.row_labels == tuple(order[1:])
    p = r.predict_proba(X)
    np.testing.assert_allclose(p[:, order], other.predict_proba(X), rtol=1e-12)
    assert (p[:20, 2] == 0.0).all()
    np.testing.assert_allclose(
        np.where(np.isfinite(r.decision_function(X)), r.decision_function(X), 0.0),
        np.where(np.isfinite(other.decision_function(X)), other.decision_function(X), 0.0),
        rtol=1e-11,
        atol=1e-12,
    )
    assert r.separation.infinite.tolist() == other.separation.infinite.tolist()


# -- declared classes ------------------------------------------------------------------------------


@pytest.mark.parametrize("absent", ["a", "m", "z"])
@pytest.mark.parametrize("l2", [0.0, 0.7])
def test_an_absent_class(absent, l2, backend_name):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(80, 2))
    names = np.array(sorted({"a", "f", "m", "z"} - {absent}))
    y = names[np.argmax(X @ rng.normal(size=(2, 3)) + rng.gumbel(size=(80, 3)), axis=1)]
    r, text = limiting(X, y, classes=["z", "f", "m", "a"], l2=l2, backend=backend_name)
    assert ABSENT in text
    assert r.classes.tolist() == ["a", "f", "m", "z"]
    assert r.certificate.exists is False
    p = r.predict_proba(X)
    gone = r.classes.tolist().index(absent)
    assert (p[:, gone] == 0.0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-15)
    assert r.separation.rows.tolist() == [*range(80)]
    rest = sx.fit(X, y, l2=l2, backend=backend_name)
    np.testing.assert_allclose(np.delete(p, gone, axis=1), rest.predict_proba(X), rtol=1e-11)
    if l2 == 0.0:
        np.testing.assert_allclose(r.llf, rest.llf, rtol=1e-14)
    # against a class that has rows
    r, _ = limiting(X, y, classes=["z", "f", "m", "a"], l2=l2, reference=names[0], backend=backend_name)
    row = r.row_labels.index(absent)
    assert r.params[row, 0] == -np.inf
    if l2 == 0.0:
        assert np.isnan(r.params[row, 1:]).all()
        np.testing.assert_allclose(np.delete(r.params, row, axis=0), rest.params, rtol=1e-11)
        np.testing.assert_allclose(np.delete(r.bse, row, axis=0), rest.bse, rtol=1e-11)
    else:
        assert np.isfinite(r.params[row, 1:]).all()
        assert np.isfinite(np.delete(r.params, row, axis=0)).all()
        assert np.isfinite(np.delete(r.bse.ravel(), row * 3)).all()


@pytest.mark.parametrize("absent", [0, 1, 2])
def test_a_penalty_with_an_absent_class_against_a_direct_minimum(absent, backend_name):
    """All slopes are penalised, those of the absent class, too; its intercept is free, and gone."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(60, 2))
    there = [k for k in range(3) if k != absent]
    y = np.array(there)[(X[:, 0] + rng.logistic(size=60) > 0.0).astype(int)]
    l2, reference = 0.5, there[0]
    r, _ = limiting(X, y, classes=[0, 1, 2], l2=l2, reference=reference, backend=backend_name)
    z = y == there[1]

    def objective(t):
        # W of all three classes, symmetric penalty; intercept t[6] of the second against the first
        W = t[:6].reshape(3, 2)
        eta = t[6] + X @ (W[1] - W[0])
        return np.logaddexp(0.0, eta).sum() - eta[z].sum() + l2 / 2 * (W**2).sum()

    # the rest of l2 W + sum of residuals, to rounding
    def score(t):
        W = t[:6].reshape(3, 2)
        residual = 1.0 / (1.0 + np.exp(-t[6] - X @ (W[1] - W[0]))) - z
        pull = X.T @ residual
        return np.append((l2 * W + np.array([-pull, pull, 0.0 * pull])).ravel(), residual.sum())

    near = minimize(objective, np.zeros(7), jac=score, method="BFGS", options={"gtol": 1e-8})
    best = root(score, near.x, tol=1e-15)
    assert np.abs(score(best.x)).max() < 1e-12
    W = best.x[:6].reshape(3, 2)
    shown = dict(zip(r.row_labels, r.params, strict=True))
    np.testing.assert_allclose(shown[there[1]], [best.x[6], *(W[1] - W[0])], rtol=1e-11)
    assert shown[absent][0] == -np.inf
    # not being told apart from anything, its slopes are at the smallest penalty
    np.testing.assert_allclose(shown[absent][1:], W[2] - W[0], rtol=1e-11, atol=1e-13)
    B = np.insert(r.separation.finite, reference, 0.0, axis=0)[:, 1:]
    centred = B - B.mean(axis=0)
    eta = r.decision_function(X)[:, r.row_labels.index(there[1])]
    value = np.logaddexp(0.0, eta).sum() - eta[z].sum()
    np.testing.assert_allclose(-r.llf, value, rtol=1e-13)
    assert value + l2 / 2 * (centred**2).sum() <= objective(best.x) + 1e-12
    # the score, to rounding
    p = 1.0 / (1.0 + np.exp(-eta))
    np.testing.assert_allclose(X.T @ (p - z) + l2 * centred[there[1]], 0.0, atol=1e-10)
    np.testing.assert_allclose((p - z).sum(), 0.0, atol=1e-10)
    np.testing.assert_allclose(centred[absent], 0.0, atol=1e-10)


def test_one_of_two_classes(backend_name):
    X = np.random.default_rng(0).normal(size=(10, 1))
    for label, side, column in (("b", -np.inf, 0), ("c", np.inf, 1)):
        r, text = limiting(X, [label] * 10, classes=["c", "b"], backend=backend_name)
        assert r.params[0] == side
        assert np.isnan(r.params[1])
        assert (r.predict_proba(X)[:, column] == 1.0).all()
        assert set(r.predict(X)) == {label}
        assert r.llf == 0.0
        assert r.separation.kind == "complete"
        assert ABSENT in text
        r, _ = limiting(X, [label] * 10, classes=["c", "b"], l2=1.0, backend=backend_name)
        assert r.params.tolist() == [side, 0.0]


def test_absent_without_intercept(backend_name):
    """On both sides of the origin no slope leaves the class behind: its estimate exists."""
    X = np.array([[1.0], [2.0], [-1.0], [-2.0], [0.5], [-0.5]])
    y = [0, 1, 0, 1, 1, 0]
    r = sx.fit(X, y, classes=[0, 1, 2], fit_intercept=False, backend=backend_name)
    assert r.certificate.exists
    assert (r.predict_proba(X)[:, 2] > 0.1).all()
    r, _ = limiting(np.abs(X), y, classes=[0, 1, 2], fit_intercept=False, backend=backend_name)
    assert r.params[1].tolist() == [-np.inf]
    assert (r.predict_proba(np.abs(X))[:, 2] == 0.0).all()
    assert r.predict_proba([[-1.0]]).tolist() == [[0.0, 0.0, 1.0]]


def test_absent_because_of_weights(backend_name):
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(60, 1)), rng.integers(0, 3, size=60)
    weight = (y != 1).astype(float)
    r, _ = limiting(X, y, sample_weight=weight, classes=[0, 1, 2], backend=backend_name)
    assert (r.predict_proba(X)[:, 1] == 0.0).all()
    assert r.separation.rows.tolist() == np.flatnonzero(weight).tolist()
    rest = sx.fit(X[y != 1], y[y != 1], backend=backend_name)
    np.testing.assert_allclose(r.params[1], rest.params, rtol=1e-11)


def test_an_absent_class_whose_rest_is_undecided(monkeypatch, backend_name):
    """Then nothing is claimed, and nothing falls over."""

    def undecided(*args):
        raise Undecided("for a test")

    monkeypatch.setattr("sigmax.existence.examine.decide", undecided)
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(60, 1)), rng.integers(0, 2, size=60)
    with pytest.warns(sx.ConvergenceWarning):
        r = sx.fit(X, y, classes=[0, 1, 2], backend=backend_name)
    assert r.certificate.exists is None
    assert not r.certificate.converged
    assert "undecided: for a test" in r.certificate.reason


def test_declared_classes_that_all_have_rows_change_nothing(backend_name):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(50, 2)), rng.integers(0, 3, size=50)
    a, b = sx.fit(X, y, backend=backend_name), sx.fit(X, y, classes=[2, 0, 1], backend=backend_name)
    assert a.params.tobytes() == b.params.tobytes()
    assert b.classes.tolist() == [0, 1, 2]


# -- other shapes of the same data ---------------------------------------------------------------------


def test_grouped_counts(backend_name):
    X = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    counts = np.array([[3, 1, 2], [1, 2, 2], [2, 2, 1], [4, 3, 0], [1, 2, 0]])
    r, text = limiting(X, counts, backend=backend_name)
    rows, classes = np.nonzero(counts)
    many = np.repeat(rows, counts[rows, classes]), np.repeat(classes, counts[rows, classes])
    each, _ = limiting(X[many[0]], many[1], backend=backend_name)
    np.testing.assert_allclose(r.params, each.params, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(r.llf, each.llf, rtol=1e-13)
    assert r.separation.rows.tolist() == [3, 4]
    assert "'x2' predicts 2 rows" in text
    assert np.argwhere(np.isinf(r.params)).tolist() == [[1, 2]]


@pytest.mark.parametrize("absent", [0, 1, 2])
def test_grouped_counts_with_an_empty_column(absent, backend_name):
    rng = np.random.default_rng(absent)
    X, counts = rng.normal(size=(20, 1)), rng.integers(0, 4, size=(20, 3))
    counts[:, absent] = 0
    with pytest.raises(ValueError, match=f"first is class {absent}, y.*classes= declares"):
        sx.fit(X, counts, backend=backend_name)
    labels = ["c", "a", "b"]
    r, _ = limiting(X, counts, classes=labels, backend=backend_name)
    assert r.classes.tolist() == labels
    assert (r.predict_proba(X)[:, absent] == 0.0).all()
    rest = sx.fit(X, np.delete(counts, absent, axis=1), backend=backend_name)
    np.testing.assert_allclose(r.llf, rest.llf, rtol=1e-13)
    assert r.separation.rows.tolist() == np.flatnonzero(counts.sum(axis=1)).tolist()


def test_chunks_strides_and_threads(backend_name):
    X, y = three_classes(1, n=300)
    one, _ = limiting(X, y, n_threads=1, backend=backend_name)
    wide = np.zeros((300, 7), order="F")
    wide[:, 1::3] = X
    for rows in (X, np.asfortranarray(X), wide[:, 1::3], Chunks([X[:7], X[7:150], X[150:]])):
        for threads in (1, 2):
            other, _ = limiting(rows, y, n_threads=threads, backend=backend_name)
            same_bits(one, other)


def test_rows_that_repeat(backend_name):
    """Distinct rows are read once; `rows` are the user's."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, size=(6000, 2)).astype(float)
    y = rng.integers(0, 2, size=6000)
    y[X[:, 1] == 2.0] = 1
    X[:, 1] = X[:, 1] == 2.0
    r, text = limiting(X, y, backend=backend_name)
    on = np.flatnonzero(X[:, 1])
    assert r.separation.rows.tolist() == on.tolist()
    assert f"predicts {len(on):,} rows" in text
    keep = X[:, 1] == 0.0
    rest = sx.fit(X[keep, :1], y[keep], backend=backend_name)
    np.testing.assert_allclose(r.params[:2], rest.params, rtol=1e-12)
    np.testing.assert_allclose(r.llf, rest.llf, rtol=1e-13)
    assert r.params[2] == np.inf
    same_bits(r, limiting(X, y, n_threads=2, backend=backend_name)[0])


def test_weights_of_zero(backend_name):
    X, y = dummy_problem(4)
    weight = np.ones(50)
    first = int(np.flatnonzero(X[:, 1])[0])
    y[first] = 0
    assert sx.fit(X, y, backend=backend_name).certificate.exists
    weight[first] = 0.0
    r, _ = limiting(X, y, sample_weight=weight, backend=backend_name)
    assert r.separation.rows.tolist() == [i for i in np.flatnonzero(X[:, 1]) if i != first]
    assert r.nobs == 49.0
    # and where the estimate does exist without the row, it is not the row that decides
    weight = np.where(X[:, 1] == 1.0, 0.0, 1.0)
    r = sx.fit(X, y, sample_weight=weight, backend=backend_name)
    assert r.separation is None
    assert r.aliased.tolist() == [False, False, True]


def test_offsets_do_not_matter_to_existence(backend_name):
    X, y = dummy_problem(5)
    offset = np.random.default_rng(55).normal(size=50) * 30.0
    plain, _ = limiting(X, y, backend=backend_name)
    r, _ = limiting(X, y, offset=offset, backend=backend_name)
    assert r.separation.rows.tolist() == plain.separation.rows.tolist()
    assert r.separation.infinite.tolist() == plain.separation.infinite.tolist()
    assert r.params[1] != plain.params[1]
    p = r.predict_proba(X, offset=offset)
    assert (p[X[:, 1] == 1.0] == [0.0, 1.0]).all()
    np.testing.assert_allclose((p[:, 1] - y).sum(), 0.0, atol=1e-11)
    # labels that the offset alone predicts do not separate
    z = (offset > 0.0).astype(int)
    keep = X[:, :1]
    with warnings.catch_warnings():
        warnings.simplefilter("error", sx.SeparationWarning)
        assert sx.fit(keep, z, offset=offset, backend=backend_name).certificate.exists


def test_dependent_columns_too(backend_name):
    X, y = dummy_problem(6)
    both = np.column_stack([X[:, 0], 2.0 * X[:, 0], X[:, 1], X[:, 1] - X[:, 0]])
    r, text = limiting(both, y, names=["x", "2x", "d", "d-x"], backend=backend_name)
    alone, _ = limiting(X, y, backend=backend_name)
    assert r.params[[0, 1, 3]].tobytes() == alone.params.tobytes()
    assert np.isnan(r.params[[2, 4]]).all()
    assert r.aliased.tolist() == [False, False, True, False, True]
    assert r.separation.infinite.tolist() == [0, 0, 0, 1, 0]
    assert not r.separation.undetermined.any()
    assert r.separation.direction.shape == (5,)
    assert len(r.separation.exact_direction) == 5
    assert "column 'd' predicts" in text
    assert r.predict_proba(both).tobytes() == alone.predict_proba(X).tobytes()
    assert np.isnan(r.bse).tolist() == [False, False, True, True, True]
    with pytest.raises(ValueError, match="dependent columns: '2x'"):
        sx.fit(both, y, names=["x", "2x", "d", "d-x"], collinear="raise", backend=backend_name)


def test_dependent_columns_with_three_classes(backend_name):
    X, y = three_classes(6)
    both = np.column_stack([np.ones(80), X[:, 0], X[:, 0], X[:, 1]])
    r, _ = limiting(both, y, backend=backend_name)
    alone, _ = limiting(X, y, backend=backend_name)
    assert r.params[:, [0, 2, 4]].tobytes() == alone.params.tobytes()
    assert r.separation.infinite[:, [0, 2, 4]].tolist() == alone.separation.infinite.tolist()
    assert r.predict_proba(both).tobytes() == alone.predict_proba(X).tobytes()


# -- numbers at the edge -------------------------------------------------------------------------------


@pytest.mark.parametrize("toward", [-np.inf, np.inf])
@pytest.mark.parametrize("scale", [1.0, 1e-100, 1e100])
def test_one_ulp(toward, scale, backend_name):
    """Overlap, or complete separation, by one unit in the last place of one row."""
    x = np.array([-1.0, -0.5, 0.1, 0.1, 2.0, 3.0])[:, None] * scale
    x[3] = np.nextafter(x[3], toward)
    y = [0, 0, 0, 1, 1, 1]
    if toward > 0:
        r, _ = limiting(x, y, backend=backend_name)
        assert r.separation.kind == "complete"
        assert r.predict_proba(x)[:, 1].tolist() == [0.0] * 3 + [1.0] * 3
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sx.ConvergenceWarning)
            r = sx.fit(x, y, backend=backend_name)
        assert r.separation is None
        assert r.certificate.exists


@pytest.mark.parametrize("scale", [1e-130, 1e130])
def test_columns_of_any_scale(scale, backend_name):
    X, y = dummy_problem(7)
    r, _ = limiting(X * [1.0, scale], y, backend=backend_name)
    one, _ = limiting(X, y, backend=backend_name)
    np.testing.assert_allclose(r.params[:2], one.params[:2], rtol=1e-11)
    assert r.params[2] == np.inf
    assert (r.predict_proba(X * [1.0, scale]) == one.predict_proba(X)).mean() > 0.1
    assert (r.predict_proba(X * [1.0, scale])[X[:, 1] == 1.0] == [0.0, 1.0]).all()


def test_too_small_a_penalty_for_dependent_columns(backend_name):
    X, y = dummy_problem(8)
    twice = np.column_stack([X, X[:, 0]])
    with pytest.raises(
        ValueError, match=r"'x3' is too near to a combination .* so small a penalty; .* raise l2"
    ):
        sx.fit(twice, y, l2=1e-300, backend=backend_name)
    assert sx.fit(twice, y, l2=1.0, backend=backend_name).certificate.exists


def test_a_penalty_makes_the_estimate_exist(backend_name):
    X, y = dummy_problem(9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        r = sx.fit(X, y, l2=1e-3, backend=backend_name)
    assert r.certificate.exists
    assert r.separation is None
    assert np.isfinite(r.params).all()


# -- fits that end early --------------------------------------------------------------------------------


@pytest.mark.parametrize("max_iter", [0, 1, 3])
def test_max_iter_does_not_keep_from_deciding(max_iter, backend_name):
    X, y = dummy_problem(10)
    r, _ = limiting(X, y, max_iter=max_iter, backend=backend_name)
    whole, _ = limiting(X, y, backend=backend_name)
    np.testing.assert_allclose(r.params[:2], whole.params[:2], rtol=1e-12)
    assert r.params[2] == np.inf
    assert r.separation.certificate.converged
    keep = X[:, 1] == 0.0
    with pytest.warns(sx.ConvergenceWarning, match="max_iter") as seen:
        r = sx.fit(X[keep, :1], y[keep], max_iter=0, backend=backend_name)
    assert len(seen) == 1
    assert not issubclass(seen[0].category, sx.SeparationWarning)
    assert r.certificate.exists
    assert not r.certificate.converged


def test_a_callback_that_stops_is_not_asked_further(monkeypatch, backend_name):
    asked = []
    monkeypatch.setattr(estimation, "examine", lambda *a, **k: asked.append(a))
    X, y = dummy_problem(11)
    with pytest.warns(sx.ConvergenceWarning, match="callback") as seen:
        r = sx.fit(X, y, callback=lambda state: state.iterations >= 2, backend=backend_name)
    assert not any(issubclass(one.category, sx.SeparationWarning) for one in seen)
    assert not asked
    assert r.separation is None
    assert r.certificate.exists is not True
    assert not r.certificate.converged


def test_patience_costs_no_steps_and_no_answer(monkeypatch, backend_name):
    """Asked in the middle of a fit whose estimate exists: the same optimum, and steps are counted on."""
    rng = np.random.default_rng(1)
    X = rng.standard_cauchy(size=(400, 3))
    y = (X[:, 0] * 0.5 + rng.logistic(size=400) > 0.0).astype(int)
    whole = sx.fit(X, y, backend=backend_name)
    monkeypatch.setattr("sigmax.solvers.solve.is_small", lambda objective: False)
    monkeypatch.setattr(estimation, "_PATIENCE", 1)
    asked = []
    examine = estimation.examine
    monkeypatch.setattr(estimation, "examine", lambda *a, **k: asked.append(1) or examine(*a, **k))
    r = sx.fit(X, y, backend=backend_name)
    assert asked == [1]
    assert r.certificate.exists
    assert r.certificate.converged
    np.testing.assert_allclose(r.params, whole.params, rtol=1e-11)
    needed = r.certificate.iterations
    assert needed >= 4
    for most in (1, 2, 3):
        with pytest.warns(sx.ConvergenceWarning):
            r = sx.fit(X, y, max_iter=most, backend=backend_name)
        assert r.certificate.iterations == most
        assert r.certificate.exists
        assert not r.certificate.converged


def test_nan_and_infinity_never_come_without_a_reason(backend_name):
    """Random small problems: parameters, errors and predictions tell one story."""
    rng = np.random.default_rng(77)
    kinds = set()
    for _ in range(60):
        K, n = int(rng.integers(2, 4)), int(rng.integers(6, 16))
        X = rng.integers(-1, 2, size=(n, 2)).astype(float)
        y = rng.integers(0, K, size=n)
        y[:K] = np.arange(K)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sx.SeparationWarning)
            r = sx.fit(X, y, backend=backend_name)
        found = r.separation
        kinds.add(None if found is None else found.kind)
        assert r.certificate.exists is (found is None)
        p = r.predict_proba(X)
        # rows of the fit are always determined
        np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-14)
        own = p[np.arange(n), y]
        assert (own > 0.0).all()
        np.testing.assert_allclose(np.log(own).sum(), r.llf, rtol=1e-12, atol=1e-12)
        if found is None:
            assert (p > 0.0).all()
            assert np.isfinite(r.params[~r.aliased]).all()
            continue
        assert np.flatnonzero((p == 0.0).any(axis=1)).tolist() == found.rows.tolist()
        assert (np.isposinf(r.params) == (found.infinite > 0)).all()
        assert (np.isneginf(r.params) == (found.infinite < 0)).all()
        assert (np.isnan(r.params) == (found.undetermined | r.aliased)).all()
        assert (np.isfinite(r.bse) == np.isfinite(r.params)).all()
        assert np.isinf(r.certificate.error_bound[~np.isfinite(r.params) & ~r.aliased]).all()
        # the score of what is left is zero
        assert np.abs((p - np.eye(K)[y]).T @ np.column_stack([np.ones(n), X])).max() < 1e-9
    assert kinds >= {None, "quasi", "complete"}
