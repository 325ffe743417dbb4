"""Robust covariances: laws of clusters, bad input, changed and pickled data."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sigmax as sx

KINDS = ("mle", "HC0", "HC1", "cluster")


def simulated(K: int, n: int = 300, p: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, K, n, p])
    X = rng.normal(size=(n, p)) * 2.0 ** rng.integers(-3, 4, p)
    eta = np.column_stack([np.zeros(n), X @ rng.normal(size=(p, K - 1)) / X.std()])
    y = np.argmax(eta / 3.0 + rng.gumbel(size=eta.shape), axis=1)
    return X, y, rng.integers(0, 23, n)


@pytest.fixture(params=[2, 4])
def fitted(request, backend_name) -> tuple[Any, np.ndarray]:
    X, y, groups = simulated(request.param)
    return sx.fit(X, y, backend=backend_name), groups


# -- clusters ------------------------------------------------------------------------------------------


def test_rows_that_are_their_own_clusters(fitted) -> None:
    r, groups = fitted
    n = len(groups)
    wanted = r.cov_params("HC0") * (n / (n - 1.0))
    for own in (np.arange(n), np.random.default_rng(1).permutation(n) - 77):
        np.testing.assert_allclose(
            r.cov_params("cluster", own), wanted, rtol=1e-11, atol=1e-13 * wanted.max()
        )


def test_names_of_clusters_do_not_matter(fitted) -> None:
    r, g = fitted
    wanted = r.with_covariance("cluster", g)
    assert wanted.n_clusters == 23
    assert wanted.covariance_kind == "cluster"
    other = {
        "list": g.tolist(),
        "text": [f"c{v}" for v in g],
        "objects": np.array([f"c{v}" for v in g], object),
        "mixed objects": np.array([v if v % 2 else f"c{v}" for v in g], object),
        "negative": g - 1000,
        "far apart": g.astype(np.int64) * 10**15,
        "extremes": np.where(g == 0, -(2**63), np.where(g == 1, 2**63 - 1, g)),
        "unsigned": g.astype(np.uint64) + np.uint64(2**63 + 5),
        "bytes": g.astype(np.int8),
        "backwards": -g,
        "floats": g / 3.0,
        "infinite": np.where(g == 3, np.inf, g),
        "dates": np.datetime64("2020-01-01") + g,
        "pandas": pd.Series(g, index=range(len(g), 0, -1)),
        "categories": pd.Series(g).astype("category"),
    }
    for name, groups in other.items():
        assert r.cov_params("cluster", groups).tobytes() == wanted.covariance.tobytes(), name
        assert r.cov_params(groups=groups).tobytes() == wanted.covariance.tobytes(), name


@pytest.mark.parametrize("K", [2, 4])
def test_rows_in_another_order(K, backend_name) -> None:
    X, y, g = simulated(K)
    r = sx.fit(X, y, backend=backend_name)
    wanted = r.cov_params("cluster", g)
    for order in (np.argsort(g, kind="stable"), np.random.default_rng(1).permutation(len(g))):
        found = sx.fit(X[order], y[order], backend=backend_name).cov_params("cluster", g[order])
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-13 * wanted.max())


@pytest.mark.parametrize("K", [2, 3])
def test_many_clusters_and_one_that_is_a_giant(K, backend_name) -> None:
    n = 200_000
    X, y, _ = simulated(K, n, 3)
    r = sx.fit(X, y, backend=backend_name)
    giant = np.maximum(np.arange(n) - n + 51, 0)
    for g in (np.arange(n) // 2, np.arange(n) % 100_000, giant, giant[::-1].copy()):
        s = r.with_covariance("cluster", g)
        count = int(g.max()) + 1
        assert s.n_clusters == count
        np.testing.assert_allclose(s.covariance, textbook(r, X, y, g), rtol=1e-9, atol=1e-12)


def textbook(r: Any, X: np.ndarray, y: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The formula in NumPy: G / (G - 1) A (sum_g S_g S_g') A."""
    Z = np.column_stack([np.ones(len(X)), X])
    c = (y[:, None] == r.classes) - r.predict_proba(X)
    scores = (c[:, 1:, None] * Z[:, None, :]).reshape(len(X), -1)
    S = np.zeros((int(g.max()) + 1, scores.shape[1]))
    np.add.at(S, g, scores)
    A = r.cov_params("mle")
    return np.asarray(len(S) / (len(S) - 1.0) * A @ (S.T @ S) @ A)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.zeros(300), r"groups must name at least two clusters; got 1"),
        (np.arange(299), r"groups must have shape \(300,\), one cluster for each row of X; got \(299,\)"),
        (np.zeros((300, 1)), r"groups must have shape \(300,\)"),
        (3, r"groups must have shape \(300,\)"),
        ("abc", r"groups must have shape \(300,\)"),
        (
            np.where(np.arange(300) % 100 == 7, np.nan, 1.0),
            r"not be missing; got 3 rows without one.*groups\[7\]",
        ),
        (
            np.array(["a"] * 5 + [None] + ["b"] * 294, object),
            r"got 1 row without one, the first is groups\[5\]",
        ),
        (np.array(["2020-01-01"] * 9 + ["NaT"] * 291, "M8[D]"), r"got 291 rows without one.* groups\[9\]"),
        (pd.array([1, 2, None] * 100, dtype="Int64"), r"got 100 rows without one, the first is groups\[2\]"),
        (None, r"kind='cluster' needs groups, the cluster of each row"),
    ],
)
def test_clusters_that_are_none(fitted, groups, message) -> None:
    r, _ = fitted
    for ask in (r.cov_params, r.with_covariance):
        with pytest.raises(ValueError, match=message):
            ask("cluster", groups)


@pytest.mark.parametrize("kind", ["HC2", "robust", 3, ["HC0"], b"HC0"])
def test_kinds_are_named(fitted, kind) -> None:
    r, g = fitted
    with pytest.raises(ValueError, match=r"kind must be one of 'mle', 'HC0', 'HC1', 'cluster'; got"):
        r.cov_params(kind)
    with pytest.raises(ValueError, match=r"kind='HC0' takes no groups"):
        r.cov_params("HC0", g)


def test_hc1_needs_observations_to_spare(backend_name) -> None:
    X, y, _ = simulated(2)
    r = sx.fit(X, y, sample_weight=np.full(300, 1.0 / 100.0), backend=backend_name)
    with pytest.raises(ValueError, match=r"kind='HC1' divides by .* 3 - 5; take kind='HC0'"):
        r.cov_params("HC1")
    assert np.isfinite(r.cov_params("HC0")).all()


@pytest.mark.parametrize(
    "level", [0.0, 1.0, 95, -0.5, np.nan, "0.95", None, True, [0.9], np.array([0.9, 0.8])]
)
def test_levels_are_named(fitted, level) -> None:
    r, _ = fitted
    with pytest.raises(ValueError, match="level must be between 0 and 1; got"):
        r.conf_int(level)
    if level is not None:
        with pytest.raises(ValueError, match="level must be between 0 and 1; got"):
            r.predict_proba(np.zeros((2, 4)), level)


# -- data that were changed in place -------------------------------------------------------------------


def question(name: str, groups: np.ndarray, X: np.ndarray) -> Any:
    """What is asked of a result."""
    if name in KINDS:
        return lambda r: r.cov_params(name, groups if name == "cluster" else None)
    if name == "interval":
        return lambda r: r.predict_proba(X[:3] + 1.0, 0.9)
    return lambda r: getattr(r, name)


CHANGES = {
    "X": lambda X, o: X.__setitem__((slice(0, 40), 0), 5.0),
    "sample_weight": lambda X, o: o["sample_weight"].__setitem__(slice(0, 40), 7.0),
    "offset": lambda X, o: o["offset"].__setitem__(slice(0, 40), 1.5),
    "counts": lambda X, o: o["y"].__setitem__((slice(0, 40), 0), 5.0),
}


@pytest.mark.parametrize("name", ["HC0", "HC1", "cluster", "llnull", "null_deviance", "deviance"])
@pytest.mark.parametrize("changed", CHANGES)
@pytest.mark.parametrize("kind", ["frequency", "importance"])
def test_changed_data_are_noticed(changed, name, kind, backend_name) -> None:
    # offsets of two classes are read where they lie; of more, differences are kept
    K = 2 if changed == "offset" else 3
    X, y, g = simulated(K)
    rng = np.random.default_rng(2)
    options: dict[str, Any] = {"sample_weight": rng.integers(1, 4, 300) * 1.0, "offset": rng.normal(size=300)}
    if K == 3:
        del options["offset"]
    options["y"] = rng.integers(0, 3, (300, 3)) * 1.0 if changed == "counts" else y
    r = sx.fit(X, **options, weight_type=kind, backend=backend_name)
    CHANGES[changed](X, options)
    with pytest.raises(
        ValueError, match=r"X, y, sample_weight or offset were changed in place since the fit"
    ):
        question(name, g, X)(r)


@pytest.mark.parametrize("name", [*KINDS, "interval", "llnull", "null_deviance", "deviance", "bse"])
def test_labels_are_our_own(name, backend_name) -> None:
    # they were copied when they were encoded: nothing that is asked later depends on the array
    X, y, g = simulated(3)
    ask = question(name, g, X)
    wanted = ask(sx.fit(X, y.copy(), backend=backend_name))
    r = sx.fit(X, y, backend=backend_name)
    y[:100] = 0
    np.testing.assert_array_equal(ask(r), wanted)


@pytest.mark.parametrize("name", ["HC0", "HC1", "cluster", "llnull", "null_deviance"])
def test_changed_labels_of_rows_that_repeat(name, backend_name) -> None:
    # each distinct row was read once, and the rows as given are encoded when they are asked for
    rng = np.random.default_rng(3)
    X = rng.integers(0, 2, (20_000, 3)) * 1.0
    y = (X[:, 0] + rng.logistic(size=20_000) > 0).astype(int)
    r = sx.fit(X, y, backend=backend_name)
    y[:5000] = 1 - y[:5000]
    with pytest.raises(ValueError, match="changed in place since the fit"):
        question(name, np.arange(20_000) % 50, X)(r)


# -- pickled results -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["as fitted", "rebased", "symmetric"])
def test_a_pickled_result_keeps_its_numbers(way, kind, backend_name) -> None:
    X, y, g = simulated(3)
    r = sx.fit(X, y, backend=backend_name)
    r = {"as fitted": lambda r: r, "rebased": lambda r: r.rebase(1), "symmetric": lambda r: r.symmetric()}[
        way
    ](r)
    r = r.with_covariance(kind, g if kind == "cluster" else None)
    s = pickle.loads(pickle.dumps(r))
    assert (s.covariance_kind, s.n_clusters) == (kind, r.n_clusters)
    for name in (
        "params",
        "covariance",
        "bse",
        "llnull",
        "null_deviance",
        "deviance",
        "df_model",
        "aic",
        "bic",
    ):
        np.testing.assert_array_equal(getattr(s, name), getattr(r, name))
    np.testing.assert_array_equal(s.cov_params(kind), r.covariance)
    np.testing.assert_array_equal(s.sample(X[:9], 1), r.sample(X[:9], 1))
    for a, b in zip(s.predict_proba(X, 0.9), r.predict_proba(X, 0.9), strict=True):
        np.testing.assert_array_equal(a, b)
    assert s.wald_test("x1 = 0, x2 = x3") == r.wald_test("x1 = 0, x2 = x3")
    assert str(s.summary()) == str(r.summary())
    for other in set(KINDS) - {kind}:
        with pytest.raises(
            ValueError, match=rf"a covariance of kind '{other}' needs the data.*pickled.*fit again"
        ):
            s.cov_params(other, g if other == "cluster" else None)


def test_a_pickled_result_of_separated_classes_keeps_its_intervals(backend_name) -> None:
    X, y, _ = simulated(2)
    X[:, 0] = (y == 1) & (X[:, 1] > 0.0)
    with pytest.warns(sx.SeparationWarning):
        r = sx.fit(X, y, backend=backend_name)
    assert np.isfinite(r.predict_proba(X[y == 0], 0.9).lower).all()
    s = pickle.loads(pickle.dumps(r))
    for a, b in zip(s.predict_proba(X, 0.9), r.predict_proba(X, 0.9), strict=True):
        np.testing.assert_array_equal(a, b)


def test_intervals_of_complete_separation(backend_name) -> None:
    X, y, _ = simulated(2)
    X[:, 0] = np.where(y == 1, 1.0, -1.0)
    with pytest.warns(sx.SeparationWarning):
        r = sx.fit(X, y, backend=backend_name)
    found = r.predict_proba(X, 0.9)
    assert set(np.unique(found.proba)) == {0.0, 1.0}
    assert np.isnan(found.lower).all()
    assert np.isnan(found.upper).all()


def test_a_copy_keeps_the_data_and_a_pickle_does_not(backend_name):
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y, backend=backend_name)
    np.testing.assert_array_equal(copy.copy(r).cov_params("HC0"), r.cov_params("HC0"))
    with pytest.raises(ValueError, match="leaves behind"):
        copy.deepcopy(r).cov_params("HC0")
