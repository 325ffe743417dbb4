"""sigmax.fit_many: the fits of sx.fit one by one, whatever is shared; where there is none, it says so."""

import threading
import time
import warnings

import numpy as np
import pytest
from oracles import newton as oracle

import sigmax as sx


def overlapping(n, p, K, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    eta = np.column_stack([np.zeros(n), X @ rng.normal(size=(p, K - 1)) / np.sqrt(p)])
    y = np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)
    assert len(np.unique(y)) == K
    return X, y


def same_fits(a, b):
    """Equal in every bit."""
    for name in (
        "params",
        "bse",
        "llf",
        "nobs",
        "iterations",
        "converged",
        "newton_decrement",
        "error_bound",
    ):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes(), name
    assert a.reason == b.reason


def agrees(one, fit):
    """A fit of many and the same one alone lie within their proved bounds of each other."""
    allowed = one.error_bound * one.bse + fit.certificate.error_bound
    assert (np.abs(one.params - fit.params) <= allowed).all()
    np.testing.assert_allclose(one.bse, fit.bse, rtol=1e-9)
    assert one.llf == pytest.approx(fit.llf, rel=1e-13)
    assert one.nobs == pytest.approx(fit.nobs, rel=1e-14)


# -- the same as one by one ------------------------------------------------------------------------


@pytest.mark.parametrize("K", [2, 3])
def test_bootstrap_refits(backend_name, K):
    X, y = overlapping(150, 3, K, seed=K)
    W = np.random.default_rng(0).multinomial(150, np.full(150, 1 / 150), 6)
    r = sx.fit_many(X, y, sample_weight=W, backend=backend_name, names=["a", "b", "c"])
    assert r.params.shape == ((6, 4) if K == 2 else (6, 2, 4))
    assert r.bse.shape == r.params.shape
    assert len(r) == 6
    assert r.groups is None
    assert r.backend == backend_name
    assert r.param_names == ("intercept", "a", "b", "c")
    assert r.converged.all()
    assert (r.nobs == 150).all()
    for i in range(6):
        agrees(r[i], sx.fit(X, y, sample_weight=W[i], backend=backend_name))


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("shuffled", [False, True])
def test_groups(backend_name, K, shuffled):
    X, y = overlapping(400, 2, K, seed=10 + K)
    rng = np.random.default_rng(1)
    g = np.array(["u", "w", "x", "z"])[rng.choice(4, 400, p=[0.1, 0.2, 0.3, 0.4])]
    if not shuffled:
        g = np.sort(g)
    w, o = rng.random(400), rng.normal(size=(400, K))
    r = sx.fit_many(X, y, groups=g, sample_weight=w, offset=o, backend=backend_name)
    assert r.groups.tolist() == ["u", "w", "x", "z"]
    assert r.converged.all()
    for i, label in enumerate(r.groups):
        rows = g == label
        assert r[i].group == label
        agrees(r[i], sx.fit(X[rows], y[rows], sample_weight=w[rows], offset=o[rows], backend=backend_name))


def test_oracle_for_each_group(backend_name):
    X, y = overlapping(120, 2, 2, seed=3)
    g = np.arange(120) % 2
    r = sx.fit_many(X, y, groups=g, backend=backend_name)
    for i in range(2):
        exact = oracle.optimum(X[g == i], y[g == i], 2)
        assert oracle.relative_error(r.params[i : i + 1], exact.params).max() <= 1e-11
        assert oracle.relative_error(r.bse[i : i + 1], exact.bse).max() <= 1e-11
        assert oracle.relative_error([r.llf[i]], [exact.llf]).max() <= 1e-15


LABELS = {
    "counted": np.array([5, -3, 60000]),
    "far": np.array([2**62, -(2**62), 7]),
    "unsigned": np.array([2**64 - 1, 2**64 - 5, 2**64 - 3], dtype=np.uint64),
    "small": np.array([-128, 127, 0], dtype=np.int8),
    "text": np.array(["b", "a", "c"]),
    "floats": np.array([0.5, -1.5, 2.0]),
    "dates": np.array(["2020-02-01", "2020-01-01", "2021-01-01"], dtype="datetime64[D]"),
    "objects": np.array(["b", "a", "c"], dtype=object),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())
def test_labels_of_any_kind(labels):
    X, y = overlapping(300, 2, 2, seed=5)
    codes = np.random.default_rng(2).integers(0, 3, 300)
    r = sx.fit_many(X, y, groups=labels[codes])
    assert r.groups.tolist() == np.sort(labels).tolist()
    by_rank = sx.fit_many(X, y, groups=np.argsort(np.argsort(labels))[codes])
    same_fits(r, by_rank)
    rows = labels[codes] == r.groups[0]
    agrees(r[0], sx.fit(X[rows], y[rows]))


def test_path_of_penalties(backend_name):
    X, y = overlapping(80, 3, 2, seed=6)
    l2 = [0.0, 0.1, 1.0, 10.0, 1e6]
    r = sx.fit_many(X, y, l2=l2, backend=backend_name)
    assert r.l2.tolist() == l2
    assert r.converged.all()
    agrees(r[0], sx.fit(X, y, backend=backend_name))
    norms = np.linalg.norm(r.params[:, 1:], axis=1)
    assert (np.diff(norms) < 0).all()
    assert norms[-1] < 1e-4
    # the intercept is free: with no slopes left it is the log odds
    assert r.params[-1, 0] == pytest.approx(np.log(y.mean() / (1 - y.mean())), abs=1e-3)
    # d NLL / d w + l2 w = 0
    for i in range(5):
        eta = np.column_stack([np.ones(80), X]) @ r.params[i]
        gradient = X.T @ (sx.expit(eta) - y) + l2[i] * r.params[i, 1:]
        assert np.abs(gradient).max() < 1e-10


def test_penalties_of_groups_and_of_refits():
    X, y = overlapping(120, 2, 3, seed=7)
    g = np.arange(120) % 3
    r = sx.fit_many(X, y, groups=g, l2=[0.5, 1.0, 2.0])
    for i in range(3):
        one = sx.fit_many(X[g == i], y[g == i], l2=[0.5, 1.0, 2.0][i])
        assert one.params[0].tobytes() == r.params[i].tobytes()
    W = np.random.default_rng(0).poisson(1.0, (2, 120))
    refits = sx.fit_many(X, y, sample_weight=W, l2=3.0)
    assert refits.l2.tolist() == [3.0, 3.0]
    np.testing.assert_allclose(
        refits.params[1], sx.fit_many(X, y, sample_weight=W[1], l2=3.0).params[0], rtol=1e-9
    )


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_separated_rows_have_a_penalised_estimate(backend_name, fit_intercept):
    x, y = np.arange(-5.5, 6.0)[:, None], np.repeat([0, 1], 6)
    r = sx.fit_many(x, y, l2=1.0, fit_intercept=fit_intercept, backend=backend_name)
    assert r.converged.all()
    assert r.params.shape == (1, 1 + fit_intercept)


# -- laws ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["refits", "groups", "shuffled groups"])
def test_threads_change_no_bit(backend_name, kind):
    X, y = overlapping(3000, 4, 2, seed=8)
    options = {"groups": np.repeat(np.arange(60), 50)}
    if kind == "shuffled groups":
        options["groups"] = np.random.default_rng(0).permutation(options["groups"])
    if kind == "refits":
        options = {"sample_weight": np.random.default_rng(0).poisson(1.0, (40, 3000))}
    one, two, five = (sx.fit_many(X, y, n_threads=n, backend=backend_name, **options) for n in (1, 2, 5))
    assert (one.n_threads, five.n_threads) == (1, 5)
    same_fits(one, two)
    same_fits(one, five)


def test_runs_of_problems_change_no_bit(monkeypatch):
    """Where one run ends and the next begins has no influence, nor has who solves which."""
    from sigmax import many

    X, y = overlapping(600, 3, 3, seed=9)
    g = np.random.default_rng(0).integers(0, 12, 600)
    whole = sx.fit_many(X, y, groups=g)
    monkeypatch.setattr(many, "_RUN_FLOPS", 1.0)
    same_fits(sx.fit_many(X, y, groups=g), whole)


def test_large_problems_have_the_general_solver(monkeypatch, backend_name):
    from sigmax import many

    X, y = overlapping(300, 2, 3, seed=19)
    g = np.repeat([0, 1, 2], [100, 150, 50])
    small = sx.fit_many(X, y, groups=g, l2=[0.0, 0.5, 0.0], backend=backend_name)
    flops = 7.0 * (120 * (6.0**2 + 4.0 * 6.0 + 120.0) + 6.0**3)
    monkeypatch.setattr(many, "_SMALL_FLOPS", flops)  # group 1 is large now
    large = sx.fit_many(X, y, groups=g, l2=[0.0, 0.5, 0.0], backend=backend_name)
    assert large.converged.all()
    assert large.params[[0, 2]].tobytes() == small.params[[0, 2]].tobytes()
    np.testing.assert_allclose(large.params[1], small.params[1], rtol=1e-9)
    np.testing.assert_allclose(large.bse[1], small.bse[1], rtol=1e-9)
    assert large.llf[1] == pytest.approx(small.llf[1], rel=1e-13)
    assert large.nobs[1] == 150


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1e9, 1e300])
def test_weights_of_any_scale(backend_name, scale):
    X, y = overlapping(100, 2, 2, seed=11)
    W = np.random.default_rng(0).poisson(1.0, (3, 100)).astype(float)
    a = sx.fit_many(X, y, sample_weight=W, backend=backend_name)
    b = sx.fit_many(X, y, sample_weight=scale * W, backend=backend_name)
    assert b.converged.all()
    np.testing.assert_allclose(b.params, a.params, rtol=1e-10)
    np.testing.assert_allclose(b.bse * np.sqrt(scale), a.bse, rtol=1e-10)
    np.testing.assert_allclose(b.llf / scale, a.llf, rtol=1e-12)


def test_inputs_are_never_written_and_dtypes_are_read_as_they_are(backend_name):
    X, y = overlapping(120, 3, 2, seed=12)
    X = np.round(X * 8).astype(np.int8)
    W = np.random.default_rng(0).poisson(1.0, (2, 120)).astype(np.uint8)
    g, start, l2 = np.arange(120)[::-1] // 60, np.zeros(4), np.zeros(2)
    arrays = (X, y, W, g, start, l2)
    before = [a.copy() for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    a = sx.fit_many(X, y, sample_weight=W, start=start, l2=l2, backend=backend_name)
    b = sx.fit_many(
        X.astype(float), y, sample_weight=W.astype(float), start=start, l2=l2, backend=backend_name
    )
    same_fits(a, b)
    sx.fit_many(X, y, groups=g, backend=backend_name)
    sx.fit_many(np.asfortranarray(X), y, groups=g, backend=backend_name)
    for a, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, copy)


def test_starts():
    X, y = overlapping(100, 2, 2, seed=13)
    g = np.arange(100) % 2
    cold = sx.fit_many(X, y, groups=g)
    warm = sx.fit_many(X, y, groups=g, start=cold.params)
    assert warm.iterations.tolist() == [0, 0]
    assert warm.params.tobytes() == cold.params.tobytes()
    bad = sx.fit_many(X, y, groups=g, start=[1e3, -1e3, 1e150])
    np.testing.assert_allclose(bad.params, cold.params, rtol=1e-10)
    loose = sx.fit_many(X, y, groups=g, tol=0.1)
    assert (loose.iterations < cold.iterations).all()
    off = np.abs(loose.params - cold.params)
    assert (off <= (loose.error_bound + cold.error_bound)[:, None] * 1.001 * loose.bse).all()
    assert off.max() > 1e-6


# -- where there is no estimate --------------------------------------------------------------------


@pytest.mark.parametrize("K", [2, 3])
def test_groups_without_an_estimate_say_why(backend_name, K):
    X, y = overlapping(90, 1, K, seed=14)
    fine = np.repeat(["fine"], 90)
    lone = np.repeat(["lone"], 8)
    apart = np.repeat(["apart"], 12)
    flat = np.repeat(["flat"], 12)
    x = np.concatenate([X[:, 0], np.arange(8.0), np.arange(12.0), np.ones(12)])
    y = np.concatenate([y, np.zeros(8, int), np.repeat(np.arange(K), 12 // K), np.arange(12) % K])
    g = np.concatenate([fine, lone, apart, flat])
    with pytest.warns(
        sx.ConvergenceWarning, match=r"3 of 4 fits did not converge; the first is group 'apart'"
    ) as w:
        r = sx.fit_many(np.column_stack([x, x**2]), y, groups=g, backend=backend_name)
    assert len(w) == 1
    assert w[0].filename == __file__
    assert r.groups.tolist() == ["apart", "fine", "flat", "lone"]
    assert r.converged.tolist() == [False, True, False, False]
    assert np.isnan(r.params).reshape(4, -1).all(axis=1).tolist() == [True, False, True, True]
    assert np.isnan(r.bse[0]).all()
    assert np.isnan(r.llf[0])
    assert np.isinf(r.error_bound).tolist() == [True, False, True, True]
    assert "separated" in r.reason[0]
    assert "'x1' is, to rounding, a combination" in r.reason[2]
    assert "no row with a positive weight" in r.reason[3]
    assert "3: " not in r.summary()
    assert "NOT converged   1: " in r.summary()


def test_quasi_separation_gets_no_estimate(backend_name):
    x = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    y = np.array([0, 1, 0, 1, 1, 1, 1])
    with pytest.warns(sx.ConvergenceWarning, match="the first is problem 0"):
        r = sx.fit_many(x[:, None], y, backend=backend_name)
    assert not r.converged[0]
    assert np.isnan(r.params).all()
    assert r.error_bound[0] == np.inf


def test_the_iteration_limit_leaves_what_was_reached(backend_name):
    X, y = overlapping(100, 3, 2, seed=1)
    with pytest.warns(sx.ConvergenceWarning, match="iteration limit"):
        r = sx.fit_many(X, y, max_iter=2, backend=backend_name)
    assert r.iterations.tolist() == [2]
    assert not r.converged[0]
    assert np.isfinite(r.params).all()
    full = sx.fit_many(X, y, backend=backend_name)
    assert (np.abs(r.params - full.params) <= (r.error_bound[0] + 1e-9) * r.bse).all()


def random_groups(rng, B):
    """Small nasty groups, as in tests/solvers/test_newton.py."""
    parts = []
    for b in range(B):
        n = int(rng.integers(8, 40))
        X = rng.standard_t(1.5, size=(n, 2)) if rng.random() < 0.5 else rng.normal(size=(n, 2))
        parts.append((X, rng.integers(0, 2, n), rng.lognormal(0, 3, n), rng.normal(0, 5, n), np.full(n, b)))
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def test_nasty_groups_end_as_one_by_one(backend_name):
    """Whatever sx.fit certifies, fit_many certifies; its estimates lie within both bounds."""
    X, y, w, o, g = random_groups(np.random.default_rng(77), 120)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sx.ConvergenceWarning)
        r = sx.fit_many(X, y, groups=g, sample_weight=w, offset=o, backend=backend_name)
        certified = 0
        for b in range(120):
            rows = g == b
            if len(np.unique(y[rows])) < 2:
                assert "no row" in r.reason[b]
                continue
            one = sx.fit(X[rows], y[rows], sample_weight=w[rows], offset=o[rows], backend=backend_name)
            assert r.converged[b] == one.certificate.converged
            if one.certificate.converged:
                certified += 1
                off = np.abs(r.params[b] - one.params)
                assert (off <= r.error_bound[b] * r.bse[b] + one.certificate.error_bound).all()
    assert certified >= 60


# -- bad input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_weight": np.ones((2, 9))}, r"sample_weight must have shape \(10,\) or \(B, 10\)"),
        ({"sample_weight": np.ones((0, 10))}, r"sample_weight must have shape"),
        ({"sample_weight": np.ones((1, 2, 10))}, r"sample_weight must have shape"),
        (
            {"sample_weight": np.eye(3, 10) - 2 * np.eye(3, 10, k=2)},
            r"sample_weight must not be negative; 3 values below 0, the first at sample_weight\[0, 2\] = -2",
        ),
        (
            {"sample_weight": np.where(np.eye(3, 10, k=1), np.nan, 1.0)},
            r"sample_weight must be finite; 3 values nan or inf, the first at sample_weight\[0, 1\] = nan",
        ),
        ({"sample_weight": np.full((1, 10), np.inf)}, "sample_weight must be finite; 10 values"),
        ({"sample_weight": [["a"] * 10]}, "sample_weight must hold real numbers"),
        ({"sample_weight": np.ones((2, 10)), "groups": np.zeros(10)}, "where groups are given"),
        ({"groups": np.zeros(9)}, r"groups must have shape \(10,\)"),
        ({"groups": [*range(9), np.nan]}, r"missing labels; 1 row without one, the first is groups\[9\]"),
        ({"groups": np.array([*"abcdefghi", None], dtype=object)}, r"the first is groups\[9\]"),
        ({"groups": np.array([*"abcdefghi", 3], dtype=object)}, "one sortable kind"),
        ({"l2": -1.0}, "l2 must not be negative; 1 value below 0"),
        ({"l2": [0.0, np.nan]}, r"l2 must be finite; 1 value nan or inf, the first at l2\[1\]"),
        ({"l2": [[1.0]]}, "l2 must be a number"),
        ({"l2": []}, "l2 must be a number"),
        ({"l2": [1.0, 2.0, 3.0], "groups": np.arange(10) % 2}, "one for each of the 2 groups; got 3"),
        ({"l2": [1.0, 2.0, 3.0], "sample_weight": np.ones((2, 10))}, "each of the 2 rows of sample_weight"),
        ({"start": np.zeros(3)}, r"one problem's parameters, \(2,\), or of all, \(1, 2\); got \(3,\)"),
        ({"start": [0.0, np.inf]}, "start must be finite"),
        ({"tol": -1.0}, "tol must be"),
        ({"max_iter": 1.5}, "max_iter must be"),
        ({"offset": np.zeros(9)}, "offset must have shape"),
        ({"names": ["a", "b"]}, "names must hold 1 name"),
        ({"n_threads": 0}, "n_threads must be"),
        ({"backend": "fast"}, "backend must be one of"),
    ],
)
def test_bad_input(options, message):
    x, y = np.arange(10.0)[:, None], np.arange(10) % 2
    with pytest.raises(ValueError, match=message):
        sx.fit_many(x, y, **options)


def test_bad_rows():
    x, y = np.arange(10.0)[:, None], np.arange(10) % 2
    x[3] = np.inf
    with pytest.raises(ValueError, match=r"X must be finite; 1 value nan or inf, the first at X\[3, 0\]"):
        sx.fit_many(x, y, groups=np.zeros(10))
    with pytest.raises(ValueError, match="at least two classes"):
        sx.fit_many(np.ones((10, 1)), np.zeros(10))


# -- the result ----------------------------------------------------------------------------------------


def test_result():
    X, y = overlapping(120, 2, 3, seed=15)
    r = sx.fit_many(X, y, groups=np.repeat([7, 8, 9], 40))
    assert [one.group for one in r] == [7, 8, 9]
    assert r[-1].group == 9
    assert r[np.int64(1)].params.tobytes() == r.params[1].tobytes()
    assert r[1].reason == r.reason[1]
    assert "converged" in repr(r[1])
    with pytest.raises(IndexError):
        r[3]
    with pytest.raises(TypeError, match="by its number; got str"):
        r["a"]
    assert repr(r) == "<sigmax fits: 3 groups, 3 classes, 6 parameters each, 3 converged>"
    text = r.summary()
    assert text.startswith("3 groups with 3 classes, exact maximum likelihood")
    assert "converged       3 of 3" in text
    assert "1:intercept" in text
    assert all(len(line) <= 110 for line in text.splitlines())


def test_summary_shows_the_first_of_many():
    X, y = overlapping(600, 2, 2, seed=16)
    text = sx.fit_many(X, y, groups=np.arange(600) % 12).summary()
    assert "... and 2 more" in text
    assert text.count("\n") < 30


@pytest.mark.needs_compiled
def test_an_interrupt_is_seen_between_runs():
    X, y = overlapping(2000, 20, 2, seed=17)
    W = np.random.default_rng(0).random((3000, 2000))
    import _thread

    started = time.perf_counter()
    sx.fit_many(X, y, sample_weight=W[:30], n_threads=1)
    a_hundredth = time.perf_counter() - started
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        _thread.interrupt_main()

    timer = threading.Timer(5 * a_hundredth, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        sx.fit_many(X, y, sample_weight=W, n_threads=2)
    timer.join()
    # some 30 ms at rest: a run of problems; far less than the rest of the work in any case
    assert time.perf_counter() - sent[0] < 30 * a_hundredth
    same_fits(sx.fit_many(X, y, sample_weight=W[:5]), sx.fit_many(X, y, sample_weight=W[:5], n_threads=1))
