"""Likelihood-ratio and score tests: R's figures, refits, 50 digits, and what is refused."""

import pickle
import warnings

import numpy as np
import pytest
from mpmath import mp
from oracles import profile as oracle
from oracles.newton import optimum

import sigmax as sx
from sigmax.exceptions import SeparationWarning


def multinomial(n=80, p=3, K=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    y = np.argmax(0.7 * X @ rng.normal(size=(p, K)) + rng.gumbel(size=(n, K)), axis=1)
    y[:K] = np.arange(K)
    return X, y


def quietly(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SeparationWarning)
        return sx.fit(*args, **kwargs)


def test_spector_in_r(backend_name):
    """R 4.2.2: anova(glm(GRADE ~ GPA), glm(GRADE ~ GPA + TUCE + PSI), test = "LRT"); t(U) %*% solve(I, U).

    U and I are R's, from fitted(glm(GRADE ~ GPA)); the "Rao" of anova has the weights of the step before.
    """
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y, backend=backend_name)
    R, q = np.eye(4)[[2, 3]], np.zeros(2)
    lr, score = r.lr_test((R, q)), r.score_test((R, q))
    assert (lr.df, score.df) == (2, 2)
    assert lr.statistic == pytest.approx(6.6385377752, rel=1e-10)
    assert score.statistic == pytest.approx(6.4596212189749, rel=2e-12)
    assert lr.pvalue == pytest.approx(0.036179, abs=5e-7)
    assert lr.log_pvalue == pytest.approx(np.log(lr.pvalue), rel=1e-12)
    nested = r.lr_test(sx.fit(data.X[:, :1], data.y, backend=backend_name))
    assert nested.statistic == pytest.approx(lr.statistic, rel=1e-12)
    assert nested.df == 2
    assert str(lr) == "likelihood-ratio test of\n  x2 = 0\n  x3 = 0\nchi2(2) = 6.6385, p = 0.0362"
    assert r.lr_test("x2, x3") == lr
    assert r.score_test("x2 = 0, x3 = 0") == score


@pytest.mark.parametrize("options", [{}, {"weight": 0.5 + np.arange(80) % 3}, {"offset": True}])
@pytest.mark.parametrize("reference", [None, 2])
def test_dense_hypotheses_against_50_digits(options, reference, backend_name):
    X, y = multinomial()
    given, exactly = {}, {}
    if "weight" in options:
        given["sample_weight"] = exactly["weight"] = options["weight"]
    if "offset" in options:
        given["offset"] = np.linspace([0.0, -1.0, 1.0], [0.0, 2.0, 0.5], 80)
        exactly["offset"] = given["offset"][:, 1:]
    r = sx.fit(X, y, backend=backend_name, **given)
    rng = np.random.default_rng(1)
    R, q = rng.normal(size=(3, 8)), 0.1 * rng.normal(size=3)
    if reference is None:
        A = R
    else:
        r = r.rebase(reference)
        # against class 2: b_0 = -b_2', b_1 = b_1' - b_2', b' those against class 0
        rows = R.reshape(3, 2, 4)
        A = np.concatenate([rows[:, 1], -rows[:, 0] - rows[:, 1]], axis=1)
    top = optimum(X, y, 3, **exactly)
    b, multipliers, f = oracle.constrained(X, y, 3, A, q, np.zeros(8), **exactly)
    exact = float(2 * (f + top.llf))
    assert abs(r.lr_test((R, q)).statistic - exact) <= 1e-9 * max(1.0, exact)
    with mp.workdps(60):
        at = oracle.evaluate(X, y, b, 3, digits=50, **exactly)
        g = mp.matrix(list(at.gradient))
        H = mp.matrix([list(row) for row in at.hessian])
        score = float((g.T * mp.lu_solve(H, g))[0])
    assert r.score_test((R, q)).statistic == pytest.approx(score, rel=1e-9)
    assert len(multipliers) == 3


def test_dependent_hypotheses_count_once(backend_name):
    X, y = multinomial()
    r = sx.fit(X, y, backend=backend_name)
    R = np.eye(8)[[1, 2]]
    once = r.lr_test((R, [0.0, 0.1]))
    twice = r.lr_test((np.vstack([R, R[0] + 2.0 * R[1], np.zeros(8)]), [0.0, 0.1, 0.2, 0.0]))
    assert once.df == twice.df == 2
    assert once.statistic == twice.statistic
    with pytest.raises(ValueError, match="must not contradict each other"):
        r.lr_test((np.vstack([R, R[0] + 2.0 * R[1]]), [0.0, 0.1, 0.3]))
    with pytest.raises(ValueError, match="must say something"):
        r.lr_test((np.zeros((1, 8)), [0.0]))


def test_bad_hypotheses(backend_name):
    X, y = multinomial()
    r = sx.fit(X, y, backend=backend_name)
    with pytest.raises(ValueError, match=r"a column for each parameter, \(n, 8\); got shape \(4, 4\)"):
        r.lr_test((np.eye(4), np.zeros(4)))
    with pytest.raises(ValueError, match=r"8.*got.*3"):
        r.score_test((np.eye(8), np.zeros(3)))
    broken = np.eye(8)
    broken[3, 3] = np.nan
    with pytest.raises(
        ValueError, match=r"hypotheses must be finite; 1 value nan or inf, the first at hypotheses\[3, 3\]"
    ):
        r.lr_test((broken, np.zeros(8)))
    with pytest.raises(ValueError, match="age"):
        r.lr_test("age = 0")
    doubled = sx.fit(np.column_stack([X, X[:, 0]]), y, backend=backend_name)
    with pytest.raises(ValueError, match="x4"):
        doubled.lr_test((np.eye(10)[[4]], [0.0]))
    statistic = doubled.lr_test((np.eye(10)[[1]], [0.0])).statistic
    assert statistic == pytest.approx(r.lr_test((np.eye(8)[[1]], [0.0])).statistic, rel=1e-11)


# -- two results -----------------------------------------------------------------------------------


def test_other_parametrisations_of_the_smaller_space(backend_name):
    X, y = multinomial()
    r = sx.fit(X, y, backend=backend_name)
    small = sx.fit(np.column_stack([X[:, 0] - 3.0 * X[:, 1] + 2.0]), y, backend=backend_name)
    found = r.lr_test(small)
    assert found.df == 4
    assert found.statistic == 2.0 * (r.llf - small.llf)
    assert small.lr_test(r) == found
    # the same space, another basis: the hypotheses say the same
    R = np.zeros((4, 8))
    for c in range(2):
        R[2 * c, [4 * c + 1, 4 * c + 2]] = 3.0, 1.0
        R[2 * c + 1, 4 * c + 3] = 1.0
    assert r.lr_test((R, np.zeros(4))).statistic == pytest.approx(found.statistic, rel=1e-11)
    # without an intercept of its own, but with the constant among its columns
    constant = sx.fit(np.column_stack([np.ones(80), X[:, 0]]), y, fit_intercept=False, backend=backend_name)
    assert r.lr_test(constant).df == 4


def test_weights_counts_and_labels_compare(backend_name):
    X, y = multinomial()
    w = np.arange(80) % 3 + 0.0
    large = sx.fit(X, y, sample_weight=w, backend=backend_name)
    small = sx.fit(X[:, :1], y, sample_weight=w, backend=backend_name)
    assert large.lr_test(small).statistic == 2.0 * (large.llf - small.llf)
    # a row that does not count may have any label, and the columns may differ there
    other, Z = y.copy(), X[:, :1].copy()
    other[w == 0.0], Z[w == 0.0] = 0, 7.0
    same = sx.fit(Z, other, sample_weight=w, backend=backend_name)
    assert large.lr_test(same).statistic == large.lr_test(small).statistic


def test_what_does_not_compare_is_refused(backend_name):
    X, y = multinomial()
    r = sx.fit(X, y, backend=backend_name)
    swapped = y.copy()
    swapped[[10, 20]] = (y[[10, 20]] + 1) % 3
    shift = np.zeros((80, 3))
    shift[7, 1] = 1.0
    cases = {
        "the same rows; got 80 and 79": sx.fit(X[:79, :1], y[:79]),
        "the same y; it differs in 2 rows, first in row 10": sx.fit(X[:, :1], swapped),
        "the same sample_weight; it differs in 80 rows": sx.fit(X[:, :1], y, sample_weight=np.full(80, 2.0)),
        "the same offset; it differs in 1 rows, first in row 7": sx.fit(X[:, :1], y, offset=shift),
        "the same classes": sx.fit(X[:, :1], y + 1),
        "not nested: the smaller one has 'x1'": sx.fit(X[:, :1] ** 2, y),
        "nested in this model, or the other way round": sx.fit(X[:, ::-1] ** 2, y),
        "penalised, with l2=2": sx.fit(X[:, :1], y, l2=2.0),
        "Firth's": sx.fit(X[:, :1], y, bias_reduction="firth"),
        "pickled": pickle.loads(pickle.dumps(sx.fit(X[:, :1], y))),
    }
    for message, other in cases.items():
        with pytest.raises(ValueError, match=message):
            r.lr_test(other)
    for message in ("penalised", "Firth's"):
        other = next(one for text, one in cases.items() if message in text)
        with pytest.raises(ValueError, match=message):
            other.lr_test((np.eye(4)[[1]], [0.0]))
        with pytest.raises(ValueError, match=message):
            other.score_test((np.eye(4)[[1]], [0.0]))


def test_unconverged_fits_are_refused():
    X, y = multinomial(400, 3, 3, 5)
    with pytest.warns(sx.exceptions.ConvergenceWarning):
        early = sx.fit(X[:, :2], y, max_iter=0)
    assert not early.certificate.converged
    if early.certificate.exists is None:
        with pytest.raises(ValueError, match="have converged"):
            sx.fit(X, y).lr_test(early)


# -- separated classes -----------------------------------------------------------------------------


def marker():
    age = np.r_[34, 51, 28, 45, 60, 39, 47, 20:53].astype(float)
    y = np.r_[np.ones(7), (np.arange(1, 34) % 4 == 0)].astype(int)
    return np.column_stack([age, np.r_[np.ones(7), np.zeros(33)]]), y


def test_suprema_are_compared(backend_name):
    X, y = marker()
    r = quietly(X, y, backend=backend_name)
    without = sx.fit(X[:, :1], y, backend=backend_name)
    # R's maximum without the column against its supremum with it
    assert r.lr_test(without).statistic == pytest.approx(14.7149032061, abs=1e-9)
    R = np.eye(3)[[2]]
    assert r.lr_test((R, [0.0])).statistic == pytest.approx(14.7149032061, abs=1e-9)
    # the information at the estimate without the column is finite, and so is Rao's statistic
    top = optimum(X[:, :1], y, 2)
    b = [top.params[0][0], top.params[0][1], mp.mpf(0)]
    at = oracle.evaluate(X, y, b, 2)
    with mp.workdps(50):
        g, H = mp.matrix(list(at.gradient)), mp.matrix([list(row) for row in at.hessian])
        exact = float((g.T * mp.lu_solve(H, g))[0])
    assert r.score_test((R, [0.0])).statistic == pytest.approx(exact, rel=1e-9)
    # a hypothesis that leaves them separated: the supremum under it
    alone = sx.fit(np.ones((33, 1)), y[7:], fit_intercept=False, backend=backend_name)
    other = r.lr_test((np.eye(3)[[1]], [0.0]))
    assert other.statistic == pytest.approx(2.0 * (r.llf - alone.llf), abs=1e-9)
    with pytest.raises(ValueError, match="does not exist"):
        r.score_test((np.eye(3)[[1]], [0.0]))


def test_a_dense_hypothesis_of_separated_classes(backend_name):
    X, y = marker()
    r = quietly(X, y, backend=backend_name)
    R, q = np.array([[0.0, 0.25, 1.0]]), [0.5]
    # b_marker = 0.5 - 0.25 b_age: an offset and one column
    held = sx.fit(X[:, :1] - 0.25 * X[:, 1:], y, offset=0.5 * X[:, 1], backend=backend_name)
    assert r.lr_test((R, q)).statistic == pytest.approx(2.0 * (r.llf - held.llf), abs=1e-9)


def test_complete_separation(backend_name):
    x = np.arange(6.0)
    y = (x > 2.5).astype(int)
    r = quietly(x[:, None], y, backend=backend_name)
    found = r.lr_test((np.eye(2)[[1]], [0.0]))
    assert found.statistic == pytest.approx(12.0 * np.log(2.0), abs=1e-11)
    # with the intercept at -9 the slope is finite: few rows separate, but not from there
    held = sx.fit(x[:, None], y, offset=np.full(6, -9.0), fit_intercept=False, backend=backend_name)
    assert r.lr_test((np.eye(2)[[0]], [-9.0])).statistic == pytest.approx(-2.0 * held.llf, abs=1e-9)


def test_the_score_test_of_all_slopes(backend_name):
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y, backend=backend_name)
    assert r.score_test() == r.score_test("x1, x2, x3")
    # at the null model: U = X'(y - ybar), I = ybar (1 - ybar) times the centred Gram matrix
    centred, share = data.X - data.X.mean(axis=0), data.y.mean()
    U = centred.T @ (data.y - share)
    exact = U @ np.linalg.solve(share * (1.0 - share) * centred.T @ centred, U)
    assert r.score_test().statistic == pytest.approx(exact, rel=1e-11)
    with pytest.raises(ValueError, match="no slope"):
        sx.fit(np.ones((32, 1)), data.y, fit_intercept=True, backend=backend_name).score_test()
