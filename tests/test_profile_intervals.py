"""Profile intervals as a user asks for them: R's figures, separated classes, other parametrisations."""

import pickle
import warnings

import numpy as np
import pytest
from mpmath import mp
from oracles import profile as oracle
from oracles.newton import optimum

import sigmax as sx
from sigmax.exceptions import SeparationWarning

WANTED = 3.8414588206941254

#: R 4.2.2: the roots of glm.fit(..., offset)$deviance - deviance - qchisq(0.95, 1), uniroot with tol = 1e-12
R_SPECTOR = """
-25.1659237572 -4.89976825463
0.639158169452 5.75673144644
-0.170201860299 0.405017497885
0.478466588376 4.80987933795
"""
R_FAIR = """
3.14312165753 4.3144299482
-0.77811032708 -0.654885020816
-0.0807328073404 -0.0404364933441
0.0886641163696 0.131567377652
-0.066305732404 0.0576438904392
-0.443501578152 -0.307212414292
-0.069634545703 -0.0089403767066
0.0937040754142 0.226889641248
-0.0324679382167 0.0574120604798
"""


def figures(text):
    return np.array(text.split(), float).reshape(-1, 2)


@pytest.mark.parametrize(("name", "expected"), [("spector", R_SPECTOR), ("fair", R_FAIR)])
def test_r_has_the_same_ends(name, expected, backend_name):
    data = sx.datasets.load(name)
    ends = sx.fit(data.X, data.y, backend=backend_name).conf_int(method="profile")
    np.testing.assert_allclose(ends, figures(expected), rtol=2e-11, atol=1e-12)


# -- separated classes -----------------------------------------------------------------------------


def quietly(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SeparationWarning)
        return sx.fit(*args, **kwargs)


def marker():
    """As R had it: 33 rows without the marker, every fourth positive; all 7 with it are."""
    age = np.r_[34, 51, 28, 45, 60, 39, 47, 20:53].astype(float)
    y = np.r_[np.ones(7), (np.arange(1, 34) % 4 == 0)].astype(int)
    return np.column_stack([age, np.r_[np.ones(7), np.zeros(33)]]), y


def test_an_infinite_parameter_has_one_end_as_in_r(backend_name):
    X, y = marker()
    r = quietly(X, y, backend=backend_name)
    ends = r.conf_int(method="profile")
    assert r.params[2] == np.inf
    assert r.llf == pytest.approx(-18.2189946377, abs=5e-11)
    # R 4.2.2, against the deviance of the rows without the marker; uniroot with tol = 1e-13
    np.testing.assert_allclose(ends[2], [2.03531633524, np.inf], rtol=1e-11)
    # the others are those of the rows without the marker, which alone are uncertain
    alone = sx.fit(X[7:, :1], y[7:], backend=backend_name).conf_int(method="profile")
    np.testing.assert_allclose(ends[:2], alone, rtol=1e-10)
    # the supremum against R's maximum without the column: its deviance at 0 is 14.7149032061
    assert r._profile.deviance(2, 0.0) == pytest.approx(14.7149032061, abs=1e-9)
    assert 0.0 <= r._profile.deviance(2, 60.0) < 1e-12
    flipped = quietly(X * [1.0, -1.0], y, backend=backend_name).conf_int(method="profile")
    np.testing.assert_allclose(flipped[2], [-np.inf, -ends[2, 0]], rtol=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_binary_ends_against_fits_with_an_offset(seed, backend_name):
    """A fixed parameter is an offset, so that a fit without its column says what the deviance is."""
    rng = np.random.default_rng(seed)
    n = 24
    X = rng.integers(-2, 3, size=(n, 3)).astype(float)
    y = (rng.random(n) < 0.5).astype(int)
    X[:, 1] = np.where(y == 1, np.abs(X[:, 1]), np.minimum(X[:, 1], 0.0))
    if seed % 3 == 0:
        X[:, 2] = np.where(y == 0, np.abs(X[:, 2]), np.minimum(X[:, 2], 0.0))
    r = quietly(X, y, backend=backend_name)
    assert r.separation is not None
    ends = r.conf_int(method="profile")
    seen = 0
    for j in range(1, 4):
        rest = np.delete(X, j - 1, axis=1)
        expected = {np.inf: (False, True), -np.inf: (True, False)}.get(r.params[j], (False, False))
        if np.isnan(r.params[j]):
            assert np.isnan(ends[j]).all()
            continue
        assert tuple(np.isinf(ends[j])) == expected
        assert ends[j, 0] < ends[j, 1]
        for end in ends[j][np.isfinite(ends[j])]:
            held = quietly(rest, y, offset=X[:, j - 1] * end, backend=backend_name)
            assert abs(2.0 * (r.llf - held.llf) - WANTED) <= 2e-9
            seen += 1
    assert seen > 0


def test_complete_separation(backend_name):
    x = np.arange(6.0)
    y = (x > 2.5).astype(int)
    r = quietly(x[:, None], y, backend=backend_name)
    assert r.separation.kind == "complete"
    low, high = r.conf_int(method="profile")[1]
    assert high == np.inf
    exact, _ = oracle.end(x[:, None], y, 2, [0, 1], WANTED, mp.mpf(0), [-2.5 * low, low])
    assert abs(low - float(exact)) <= 1e-10


def test_classes_of_which_all_but_one_run_away(backend_name):
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.normal(size=(60, 2)), np.r_[np.ones(9), np.zeros(51)]])
    y = rng.integers(0, 4, 60)
    y[:9] = 0
    r = quietly(X, y, backend=backend_name)
    assert (r.params[:, 3] == -np.inf).all()
    ends = r.conf_int(method="profile")
    assert (ends[:, 3, 0] == -np.inf).all()
    least = -optimum(X[9:, :2], y[9:], 4).llf
    # with one held at its end the others still run away: at -300 they are there, to 100 digits
    for c in range(3):
        A = np.eye(12)[[3, 7, 11]]
        right = np.full(3, -300.0)
        right[c] = ends[c, 3, 1]
        start = np.where(np.isfinite(r.params), r.params, 0.0)
        start[:, 3] = right
        _, _, f = oracle.constrained(X, y, 4, A, right, start.ravel())
        assert abs(float(2 * (f - least)) - WANTED) <= 1e-9
    # finite ones: the fit of the rows without the marker
    alone = sx.fit(X[9:, :2], y[9:], backend=backend_name).conf_int(method="profile")
    np.testing.assert_allclose(ends[:, :3], alone, rtol=1e-9)


def test_another_reference_of_separated_classes(backend_name):
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.normal(size=(60, 1)), np.r_[np.ones(9), np.zeros(51)]])
    y = rng.integers(0, 3, 60)
    y[:9] = 2
    first = quietly(X, y, backend=backend_name)
    last = quietly(X, y, reference=2, backend=backend_name)
    a, b = first.conf_int(method="profile"), last.conf_int(method="profile")
    # class 2 against 0, and 0 against 2
    np.testing.assert_allclose(a[1], -b[0, :, ::-1], rtol=1e-9)
    assert np.isposinf(a[1, 2, 1])
    assert np.isneginf(b[:, 2, 0]).all()
    assert np.isnan(a[0, 2]).all()


def test_a_class_without_rows(backend_name):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(30, 2))
    y = rng.integers(0, 2, 30)
    r = quietly(X, y, classes=[0, 1, 2], l2=1.0, backend=backend_name)
    assert r.params[1, 0] == -np.inf
    ends = r.conf_int(method="profile")
    assert np.isneginf(ends[1, 0, 0])
    finite = ends[np.isfinite(r.params)]
    assert np.isfinite(finite).all()
    # the intercept held at its end: the penalised likelihood of three classes, to 50 digits
    start = np.where(np.isfinite(r.params), r.params, 0.0)
    start[1, 0] = ends[1, 0, 1]
    _, _, f = oracle.constrained(X, y, 3, np.eye(6)[[3]], [ends[1, 0, 1]], start.ravel(), l2=1.0)
    start[1, 0] = -300.0
    _, _, least = oracle.constrained(X, y, 3, np.eye(6)[[3]], [-300.0], start.ravel(), l2=1.0)
    assert abs(float(2 * (f - least)) - WANTED) <= 1e-9


# -- other parametrisations, other fits ------------------------------------------------------------


def test_rebase_and_symmetric(backend_name):
    data = sx.datasets.load("anes96")
    r = sx.fit(data.X, data.y, backend=backend_name)
    new = r.classes[3]
    other = r.rebase(new).conf_int(method="profile")
    np.testing.assert_allclose(
        other, sx.fit(data.X, data.y, reference=new, backend=backend_name).conf_int(method="profile")
    )
    np.testing.assert_allclose(other[0], -r.conf_int(method="profile")[2, :, ::-1], rtol=1e-9)
    ends = r.symmetric().conf_int(method="profile")
    assert ends.shape == (7, 6, 2)
    centre = r.symmetric().params
    assert ((ends[..., 0] < centre) & (centre < ends[..., 1])).all()


def test_aliased_columns_have_no_ends(backend_name):
    data = sx.datasets.load("spector")
    X = np.column_stack([data.X[:, 0], data.X[:, 0] * 2.0, data.X[:, 1:]])
    r = sx.fit(X, data.y, backend=backend_name)
    ends = r.conf_int(method="profile")
    assert np.isnan(ends[2]).all()
    alone = sx.fit(data.X, data.y, backend=backend_name).conf_int(method="profile")
    np.testing.assert_array_equal(np.delete(ends, 2, axis=0), alone)
    X, y = marker()
    r = quietly(np.column_stack([X[:, 1], X[:, 1], X[:, 0]]), y, backend=backend_name)
    ends = r.conf_int(method="profile")
    assert np.isnan(ends[2]).all()
    np.testing.assert_allclose(ends[1], [2.03531633524, np.inf], rtol=1e-11)


@pytest.mark.parametrize("factor", [0.3, 1.0, 7.0, 1e40])
def test_weights_scale_the_deviance(factor, backend_name):
    data = sx.datasets.load("spector")
    weight = np.full(32, factor)
    r = sx.fit(data.X, data.y, sample_weight=weight, backend=backend_name)
    if factor > 1e30:
        # a deviance beyond what 1e-9 can be proved of: said, not guessed
        with pytest.warns(sx.exceptions.ConvergenceWarning, match="could not be proved"):
            assert np.isnan(r.conf_int(method="profile")).all()
        return
    ends = r.conf_int(method="profile")
    for j in range(4):
        for end in ends[j]:
            assert abs(r._profile.deviance(j, float(end)) - WANTED) <= 2e-9
    if factor == 7.0:
        copies = sx.fit(np.repeat(data.X, 7, axis=0), np.repeat(data.y, 7), backend=backend_name)
        np.testing.assert_allclose(ends, copies.conf_int(method="profile"), rtol=1e-9)


def test_counts_are_their_rows(backend_name):
    X = np.array([[0.0], [1.0], [2.0], [3.0]])
    counts = np.array([[5, 2, 1], [3, 3, 2], [2, 4, 3], [1, 3, 6]])
    labels = np.concatenate([np.repeat(np.arange(3), row) for row in counts])
    rows = np.repeat(X, counts.sum(axis=1), axis=0)
    np.testing.assert_allclose(
        sx.fit(X, counts, backend=backend_name).conf_int(method="profile"),
        sx.fit(rows, labels, backend=backend_name).conf_int(method="profile"),
        rtol=1e-9,
    )


def test_who_has_no_profile():
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y)
    with pytest.raises(ValueError, match="pickled"):
        pickle.loads(pickle.dumps(r)).conf_int(method="profile")
    with pytest.warns(sx.exceptions.ConvergenceWarning):
        early = sx.fit(data.X, data.y, max_iter=1)
    if early.certificate.exists is None:
        with pytest.raises(ValueError, match="for fits that have converged: the iteration limit"):
            early.conf_int(method="profile")
    doubled = sx.fit(np.column_stack([data.X, data.X[:, 0]]), data.y, collinear="min_norm")
    with pytest.raises(ValueError, match="that were fitted"):
        doubled.conf_int(method="profile")
    firth = sx.fit(data.X, data.y, bias_reduction="firth")
    with pytest.raises(ValueError, match="ask the result before rebase"):
        firth.rebase(1).conf_int(method="profile")


def test_an_unconverged_fit_that_exists_has_the_profile_of_the_optimum(backend_name):
    X, y = marker()
    X, y = X[7:, :1], y[7:]
    with pytest.warns(sx.exceptions.ConvergenceWarning):
        early = sx.fit(X, y, max_iter=2, tol=1e-15, backend=backend_name)
    if early.certificate.exists:
        np.testing.assert_allclose(
            early.conf_int(method="profile"), sx.fit(X, y).conf_int(method="profile"), rtol=1e-9
        )
    else:
        with pytest.raises(ValueError, match="converged"):
            early.conf_int(method="profile")


@pytest.mark.parametrize("seed", range(0, 24))
def test_random_problems_have_all_their_ends(seed, backend_name):
    """Of any shape and scale: finite estimates have two ends, infinite ones one, and no warning is given."""
    rng = np.random.default_rng(seed)
    K, p = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    n = int(rng.integers(K * (p + 1) + 2, 60))
    X = rng.integers(-2, 3, size=(n, p)) + 0.0 if seed % 2 else rng.normal(size=(n, p))
    X = X * 10.0 ** rng.uniform(-6, 6, p)
    y = np.argmax(0.5 * rng.normal(size=K) + rng.gumbel(size=(n, K)), axis=1)
    y[:K] = np.arange(K)
    r = quietly(X, y, backend=backend_name)
    ends = r.conf_int(method="profile")
    known = ~np.isnan(r.params)
    assert np.isnan(ends[~known]).all()
    low, high = np.moveaxis(ends[known], -1, 0)
    params = r.params[known]
    assert (low < high).all()
    finite = np.isfinite(params)
    assert ((low < params) & (params < high))[finite].all()
    assert (np.isfinite(low) == (finite | (params > 0.0))).all()
    assert (np.isfinite(high) == (finite | (params < 0.0))).all()


def test_columns_that_need_whitened_rows(backend_name):
    """A later end must not be begun in the coordinates of an earlier one."""
    rng = np.random.default_rng(763)
    x = rng.normal(size=(30, 2))
    X = np.column_stack([x * [1e-4, 90.0], x[:, 0] * 1e-3 + rng.normal(size=30) * 1e-9])
    y = np.argmax(rng.gumbel(size=(30, 3)), axis=1)
    y[:3] = np.arange(3)
    r = sx.fit(X, y, backend=backend_name)
    ends = r.conf_int(method="profile")
    for c in range(2):
        for j in range(4):
            one = sx.fit(X, y, backend=backend_name)._profile.interval(4 * c + j, WANTED)
            np.testing.assert_allclose(ends[c, j], one, rtol=0.0, atol=1e-9 * r.bse[c, j])
