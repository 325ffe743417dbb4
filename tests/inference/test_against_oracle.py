"""Every formula of inference against 40 digits (tests/oracles/inference.py), to 1e-10.

The oracle goes back to single observations and shares nothing with the library.  Problems are not square:
p differs from K - 1 (in all but one of the certified sets), so that a transposed layout cannot pass.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest
from certified import load, names
from oracles.inference import Case, Inference, covariance_errors, errors

import sigmax as sx

#: what is promised, relatively; of a covariance, in units of standard errors
CLOSE = 1e-10
KINDS = ("mle", "HC0", "HC1", "cluster")
#: the condition number up to which standard errors have ten digits
PROMISED_CONDITION = 1e7

promised = [name for name in names() if load(name).condition <= PROMISED_CONDITION]


def clusters(n: int) -> np.ndarray:
    """Some twenty clusters of unequal sizes, out of order."""
    return (np.arange(n) ** 2 * 7 % 41) // 2


# -- the certified sets --------------------------------------------------------------------------------


@cache
def certified(name: str) -> Inference:
    d = load(name)
    return Inference(Case(d.X, d.y, d.n_classes, params=d.params))


@cache
def exact_covariance(name: str, kind: str) -> Any:
    d = load(name)
    return certified(name).covariance(kind, clusters(len(d.y)).tolist() if kind == "cluster" else None)


@cache
def fitted(name: str, backend: str) -> Any:
    d = load(name)
    return sx.fit(d.X, d.y, backend=backend)


def test_the_hard_sets_are_among_them() -> None:
    wanted = {
        "well-conditioned",
        "column-scales",
        "collinear-1e-6",
        "offset-1e6",
        "year-quadratic",
        "multinomial-well-conditioned",
        "multinomial-column-scales",
        "multinomial-collinear-1e-6",
        "multinomial-offset-1e6",
    }
    assert wanted <= set(promised)
    assert all(load(name).X.shape[1] != load(name).n_classes - 1 for name in wanted)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", promised)
def test_covariances_of_certified_sets(name: str, kind: str, backend_name: str) -> None:
    r, d = fitted(name, backend_name), load(name)
    groups = clusters(len(d.y)) if kind == "cluster" else None
    s = r.with_covariance(kind, groups)
    V = exact_covariance(name, kind)
    exact = certified(name)
    assert covariance_errors(s.covariance, V).max() <= CLOSE
    np.testing.assert_array_equal(s.cov_params(), r.cov_params(kind, groups))
    assert errors(s.bse, exact.bse(kind, None if groups is None else groups.tolist())).max() <= CLOSE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", promised)
def test_intervals_of_predictions_of_certified_sets(name: str, kind: str, backend_name: str) -> None:
    r, d = fitted(name, backend_name), load(name)
    s = r.with_covariance(kind, clusters(len(d.y)) if kind == "cluster" else None)
    X = d.X[::57]
    exact = certified(name).prediction(X, exact_covariance(name, kind), 0.9)
    allowed = CLOSE + logit_rounding(r, X)
    for found, wanted in zip(s.predict_proba(X, 0.9), exact, strict=True):
        assert (errors(found, wanted).reshape(found.shape) <= allowed[:, None]).all()


def logit_rounding(r: Any, X: np.ndarray) -> np.ndarray:
    """What rounding the parameters to float64 and k products and sums moves differences of logits by, (n,).

    2 (k + 1) u sum_j |b_j x_j|: above 1e-10 only where logits are small differences of terms of 1e6.
    """
    B = np.abs(np.atleast_2d(r.params))
    terms = np.column_stack([np.ones(len(X)), np.abs(X)]) @ B.T
    return 2.0 * (B.shape[1] + 1) * 2.0**-53 * terms.max(axis=1)


@pytest.mark.parametrize("name", promised)
def test_what_rounding_is_allowed_is_little_but_for_few_sets(name: str, backend_name: str) -> None:
    worst = logit_rounding(fitted(name, backend_name), load(name).X).max()
    far = {"offset-1e6", "multinomial-offset-1e6", "collinear-1e-6", "multinomial-collinear-1e-6"}
    assert worst <= (1e-8 if name in far else 1e-10)


@pytest.mark.parametrize("name", promised)
def test_likelihoods_of_certified_sets(name: str, backend_name: str) -> None:
    r = fitted(name, backend_name)
    for attribute, exact in certified(name).likelihood().items():
        assert errors([getattr(r, attribute)], [exact]).max() <= CLOSE, attribute


# -- all kinds of data ---------------------------------------------------------------------------------


def simulated(K: int, p: int, *, counts: bool, weights: str, offset: bool, intercept: str) -> dict[str, Any]:
    """Keyword arguments of `fit`, small, overlapping; weights and counts are exact in binary."""
    rng = np.random.default_rng([K, p, counts, offset, len(weights), len(intercept)])
    n = 60 if counts else 30 * K + 40
    X = rng.normal(size=(n, p)) * 2.0 ** rng.integers(-2, 3, p) + rng.normal(size=p)
    if intercept == "column":
        X[:, p // 2] = 3.0
    eta = np.column_stack([np.zeros(n), X @ rng.normal(size=(p, K - 1)) / (2.0 * np.sqrt(p) * X.std())])
    y: Any = np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)
    if counts:
        probability = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
        y = np.array([rng.multinomial(t, q) for t, q in zip(rng.integers(1, 9, n), probability, strict=True)])
        y = y / 2.0
    given: dict[str, Any] = {"X": X, "y": y, "fit_intercept": intercept == "yes"}
    if weights:
        integers = weights == "frequency" and not counts
        given["sample_weight"] = rng.integers(0, 5, n) * (1.0 if integers else 0.375)
        given["weight_type"] = weights
    if offset:
        given["offset"] = (
            rng.normal(size=n)
            if K == 2
            else rng.normal(size=(n, K)) * [0.0] + rng.normal(size=(n, K)) * ([0.0] + [1.0] * (K - 1))
        )
    return given


def oracle_of(given: dict[str, Any], K: int) -> Inference:
    o = given.get("offset")
    return Inference(
        Case(
            given["X"],
            given["y"],
            K,
            weight=given.get("sample_weight"),
            weight_type=given.get("weight_type", "frequency"),
            offset=None if o is None else o[:, None] if o.ndim == 1 else o[:, 1:],
            fit_intercept=given["fit_intercept"],
        )
    )


CASES = [
    (K, p, counts, weights, offset, intercept)
    for K, p in ((2, 3), (3, 4), (4, 2))
    for counts in (False, True)
    for weights in ("", "frequency", "importance", "probability")
    for offset in (False, True)
    for intercept in ("yes", "no", "column")
    # every pair of choices, and not all of their products
    if (K + counts + len(weights) + offset + len(intercept)) % 3 == 0 or (K, counts) == (3, True)
]


def test_cases_have_every_choice() -> None:
    for choices in zip(*CASES, strict=True):
        assert len(set(choices)) >= 2
    assert {case[3:] for case in CASES} == {
        (w, o, i)
        for w in ("", "frequency", "importance", "probability")
        for o in (False, True)
        for i in ("yes", "no", "column")
    }
    assert {case[0] for case in CASES} == {2, 3, 4}


@pytest.mark.parametrize(("K", "p", "counts", "weights", "offset", "intercept"), CASES)
def test_every_number(
    K: int, p: int, counts: bool, weights: str, offset: bool, intercept: str, backend_name: str
) -> None:
    given = simulated(K, p, counts=counts, weights=weights, offset=offset, intercept=intercept)
    groups = clusters(len(given["X"]))
    exact = of_case(K, p, counts, weights, offset, intercept)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        r = sx.fit(**given, backend=backend_name)
    assert errors(r.params, exact.params).max() <= CLOSE
    for attribute, value in exact.likelihood(constant=intercept != "no").items():
        # a ratio of likelihoods near 1 has the digits of their difference
        by = {"prsquared": 1, "llr": abs(exact.llf)}.get(attribute, value)
        assert errors([getattr(r, attribute)], [value], by=[by]).max() <= CLOSE, attribute
    assert r.covariance_kind == ("HC0" if weights == "probability" else "mle")
    shift = given.get("offset")
    rows = slice(None, None, 23)
    for kind in KINDS:
        named = groups.tolist() if kind == "cluster" else None
        V = exact.covariance(kind, named)
        s = r.with_covariance(kind, groups if kind == "cluster" else None)
        assert s.covariance_kind == kind
        assert s.covariance.shape == (exact.n_estimated, exact.n_estimated)
        assert covariance_errors(s.covariance, V).max() <= CLOSE, kind
        if kind == r.covariance_kind:
            assert covariance_errors(r.covariance, V).max() <= CLOSE
        exact_bse = exact.bse(kind, named)
        assert errors(s.bse, exact_bse).max() <= CLOSE, kind
        wald = exact.wald(kind, 0.99, named)
        assert errors(s.zvalues, wald["zvalues"]).max() <= CLOSE
        assert errors(s.pvalues, wald["pvalues"]).max() <= CLOSE
        ends = s.conf_int(0.99)
        assert errors(ends[..., 0], wald["lower"], by=exact_bse).max() <= CLOSE
        assert errors(ends[..., 1], wald["upper"], by=exact_bse).max() <= CLOSE
        X, new = given["X"][rows], None if shift is None else shift[rows]
        if new is not None and K > 2:
            new = new[:, 1:]
        found = s.predict_proba(X, 0.8, offset=new)
        wanted = exact.prediction(X, V, 0.8, None if new is None else new.reshape(len(X), -1))
        for ours, theirs in zip(found, wanted, strict=True):
            assert errors(ours, theirs).max() <= CLOSE, kind
        assert found.proba.tobytes() == s.predict_proba(X, offset=new).tobytes()


@cache
def of_case(K: int, p: int, counts: bool, weights: str, offset: bool, intercept: str) -> Inference:
    given = simulated(K, p, counts=counts, weights=weights, offset=offset, intercept=intercept)
    return oracle_of(given, K)
