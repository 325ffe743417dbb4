"""Newton's method where undamped Newton fails, and where no estimate exists."""

import warnings

import numpy as np
import pytest
from oracles import newton as oracle

import sigmax as sx

#: small problems on which undamped Newton diverges although the estimate exists
HARD = {
    "weights": {
        "x": [-1.3, 3.1, 2.5, -491.4, 0.1, 1.3],
        "y": [1, 1, 0, 1, 1, 0],
        "sample_weight": [201.61, 1.8, 2.36, 6.0, 9.33, 1.99],
    },
    "offset": {
        "x": [0.3, -0.7, 1.4, -7.3, -1.6, 1.7],
        "y": [1, 0, 0, 0, 0, 0],
        "offset": [1.59, 2.239, 10.004, -4.327, 0.744, -8.488],
    },
    "start": {
        "x": [-3.7, -1.6, 1.4, -1.7, -0.9, 11.8],
        "y": [1, 0, 0, 1, 0, 1],
        "start": [-0.703, 1.121],
    },
}


def undamped(x, y, sample_weight=None, offset=None, start=None):
    """Textbook Newton without a line search: the last iterate, or None where it breaks down."""
    Z = np.column_stack([np.ones(len(x)), x])
    w = np.ones(len(x)) if sample_weight is None else np.asarray(sample_weight)
    o = np.zeros(len(x)) if offset is None else np.asarray(offset)
    b = np.zeros(2) if start is None else np.array(start)
    for _ in range(50):
        with np.errstate(over="ignore"):
            p = 1.0 / (1.0 + np.exp(-(Z @ b + o)))
        H = Z.T @ ((w * p * (1.0 - p))[:, None] * Z)
        if not np.isfinite(H).all() or np.linalg.cond(H) > 1e15:
            return None
        b = b - np.linalg.solve(H, Z.T @ (w * (p - y)))
    return b


@pytest.mark.parametrize("case", HARD.values(), ids=HARD.keys())
def test_where_undamped_newton_fails(case, backend):
    x, y = np.array(case["x"]), np.array(case["y"])
    options = {k: np.array(v) for k, v in case.items() if k not in ("x", "y")}
    assert undamped(x, y, **options) is None  # the case is as hard as it says
    r = sx.fit(x[:, None], y, backend=backend.BACKEND, **options)
    data = {"weight": options.get("sample_weight"), "offset": options.get("offset")}
    exact = oracle.optimum(x[:, None], y, 2, **data)
    assert r.certificate.converged
    assert oracle.relative_error([r.params], exact.params).max() <= 1e-11


def random_problem(rng):
    """A small nasty problem: heavy tails, lognormal weights, offsets, warm starts, 2 to 4 classes."""
    K, p = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    n = int(rng.integers(6, 40)) * (K - 1)
    X = rng.standard_t(1.5, size=(n, p)) if rng.random() < 0.5 else rng.normal(size=(n, p))
    y = rng.integers(0, K, n)
    options = {}
    if rng.random() < 0.5:
        options["sample_weight"] = rng.lognormal(0.0, 3.0, n)
    if rng.random() < 0.5:
        o = rng.normal(0.0, 5.0, (n, K))
        options["offset"] = o[:, 0] if K == 2 else o
    if rng.random() < 0.5:
        shape = (p + 1,) if K == 2 else (K - 1, p + 1)
        options["start"] = rng.normal(0.0, 3.0, shape)
    return X, y, options


def test_random_problems_converge_or_say_why(backend):
    """Reduced campaign: every fit is certified, or separated; where both starts converge they agree."""
    rng = np.random.default_rng(12345)
    counts = {"certified": 0, "separated": 0, "undecided": 0}
    for _ in range(300):
        X, y, options = random_problem(rng)
        if len(np.unique(y)) < 2 or len(np.unique(y)) < y.max() + 1:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sx.ConvergenceWarning)
            r = sx.fit(X, y, backend=backend.BACKEND, **options)
        if r.certificate.converged:
            counts["certified"] += 1
            options.pop("start", None)
            s = sx.fit(X, y, backend=backend.BACKEND, **options)
            assert s.certificate.converged
            allowed = r.certificate.error_bound + s.certificate.error_bound
            assert np.all(np.abs(r.params - s.params) <= allowed)
        elif r.certificate.exists is False:
            counts["separated"] += 1
            with np.errstate(over="ignore"):
                assert np.mean(r.predict_proba(X, offset=_logits(options, r)).argmax(axis=1) == y) == 1.0
        else:
            counts["undecided"] += 1
    assert counts["certified"] >= 200
    assert counts["undecided"] <= 30  # quasi-separation is not decided yet


def _logits(options, r):
    o = options.get("offset")
    if o is None:
        return None
    return o if r.params.ndim == 1 else o[:, 1:] - o[:, :1]


@pytest.mark.parametrize("K", [2, 3])
def test_complete_separation_is_proved(K, backend):
    x = np.arange(12.0)
    y = np.repeat(np.arange(K), 12 // K)
    with pytest.warns(sx.ConvergenceWarning, match="completely separated"):
        r = sx.fit(np.column_stack([x, x**2]), y, backend=backend.BACKEND)
    assert r.certificate.exists is False
    assert not r.certificate.converged
    assert np.isinf(r.certificate.error_bound).all()
    assert r.certificate.digits == 0.0
    assert "does not exist" in str(r.certificate)


def test_quasi_separation_never_gets_a_certificate(backend):
    x = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    y = np.array([0, 1, 0, 1, 1, 1, 1])
    with pytest.warns(sx.ConvergenceWarning, match="separated"):
        r = sx.fit(x[:, None], y, backend=backend.BACKEND)
    assert not r.certificate.converged
    assert r.certificate.exists is None


def test_dependent_columns_are_named(backend):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = rng.integers(0, 3, 50)
    how = {"names": ["a", "b", "c"], "collinear": "raise", "backend": backend.BACKEND}
    X[:, 2] = 2.0 * X[:, 0] - X[:, 1] + 3.0
    with pytest.raises(
        ValueError, match="'c' is, to rounding, a combination of 'intercept', 'a', 'b'; leave"
    ):
        sx.fit(X, y, **how)
    X[:, 2] = 0.0
    with pytest.raises(ValueError, match="'c' is zero in every row that counts; leave it out"):
        sx.fit(X, y, **how)
    with pytest.raises(ValueError, match="'x1' is zero in every row that counts; nothing is left"):
        sx.fit(np.zeros((50, 1)), y, fit_intercept=False, backend=backend.BACKEND)


def test_fewer_rows_than_columns(backend):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"dependent columns: 'x4' .*, and so are 2 more"):
        sx.fit(rng.normal(size=(4, 6)), [0, 1, 0, 1], collinear="raise", backend=backend.BACKEND)


@pytest.mark.parametrize("gap", [1e-1, 1e-3, 1e-5, 1e-7, 1e-9])
def test_nearly_dependent_columns_keep_their_digits(gap, backend):
    rng = np.random.default_rng(4)
    x = rng.normal(size=500)
    y = (rng.random(500) < 1 / (1 + np.exp(-x))).astype(int)
    X = np.column_stack([x, x + gap * rng.normal(size=500)])
    r = sx.fit(X, y, backend=backend.BACKEND)
    exact = oracle.optimum(X, y, 2)
    worst = oracle.relative_error([r.params], exact.params).max()
    assert worst <= 1e-12
    assert oracle.relative_error([r.bse], exact.bse).max() <= 1e-10
    assert 10 <= r.certificate.digits <= -np.log10(worst)
