"""Wald tests and linear combinations: against mpmath, statsmodels, and each other in all parametrisations."""

import copy
import dataclasses
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from oracles.bundled import bundled

import sigmax as sx
from sigmax.inference.combinations import linear_combinations
from sigmax.inference.hypotheses import Hypotheses, joint
from sigmax.inference.testing import TestResult
from sigmax.inference.wald import covariance_root, wald_test

SPECTOR = sx.datasets.load("spector")
ANES96 = sx.datasets.load("anes96")


@pytest.fixture(scope="module")
def spector(backend_name):
    return sx.fit(SPECTOR.X, SPECTOR.y, names=SPECTOR.features, backend=backend_name)


@pytest.fixture(scope="module")
def anes96(backend_name):
    return sx.fit(ANES96.X, ANES96.y, names=ANES96.features, backend=backend_name)


def hypotheses(R, q):
    return Hypotheses(np.asarray(R, float), np.asarray(q, float), tuple(f"h{i}" for i in range(len(q))))


def exact_statistic(R, q, theta, root):
    """W, with 50 digits."""
    with mp.workdps(50):
        A = mp.matrix(R.tolist()) * mp.matrix(root.tolist())
        d = mp.matrix(R.tolist()) * mp.matrix(theta.tolist()) - mp.matrix(q.tolist())
        return (d.T * mp.lu_solve(A * A.T, d))[0]


# -- numerics ----------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_the_statistic_against_mpmath(seed):
    rng = np.random.default_rng(seed)
    P, n = int(rng.integers(2, 9)), int(rng.integers(1, 7))
    n = min(n, P)
    units = 10.0 ** rng.uniform(-5, 5, P)
    root = units[:, None] * rng.normal(size=(P, P + int(rng.integers(0, 3))))
    R = rng.normal(size=(n, P)) / units * 10.0 ** rng.uniform(-8, 8, (n, 1))
    theta, q = rng.normal(size=P) * units, np.zeros(n)
    q[0] = R[0] @ theta * rng.normal()
    test = wald_test(hypotheses(R, q), theta, root)
    exact = exact_statistic(R, q, theta, root)
    with mp.workdps(50):
        A = R @ root
        condition = np.linalg.cond(A / np.linalg.norm(A, axis=1)[:, None])
        # terms of R theta - q cancel, here to a third at the worst that is seen
        assert abs(mpf(test.statistic) / exact - 1) < 1e-12 * condition
    assert test.df == n


@pytest.mark.parametrize("closeness", [1e-3, 1e-5, 1e-7])
def test_nearly_dependent_hypotheses_keep_their_digits(closeness):
    # the condition of R V R' is closeness^-2: of a Cholesky factor of it nothing would be left
    rng = np.random.default_rng(3)
    root, theta = rng.normal(size=(5, 5)), rng.normal(size=5)
    a, b = rng.normal(size=(2, 5))
    R = np.stack([a, a + closeness * b])
    q = R @ theta + np.array([0.3, 0.3 + closeness])
    test = wald_test(hypotheses(R, q), theta, root)
    exact = exact_statistic(R, q, theta, root)
    with mp.workdps(50):
        assert abs(mpf(test.statistic) / exact - 1) < 1e-14 / closeness
    assert test.df == 2


def test_the_p_value_goes_on():
    test = wald_test(hypotheses([[1.0]], [0.0]), np.array([40.0]), np.array([[1.0]]))
    assert test.statistic == 1600.0
    assert test.pvalue == 0.0
    with mp.workdps(50):
        exact = mp.log(mp.erfc(40 / mp.sqrt(2)))
        assert abs(mpf(test.log_pvalue) / exact - 1) < 1e-14
    assert str(test).endswith("chi2(1) = 1600.0000, p = 7.3e-350")


def test_what_follows_from_the_covariance_counts_no_degree_of_freedom():
    # three estimates that sum to zero
    rng = np.random.default_rng(0)
    root = rng.normal(size=(3, 2))
    root -= root.mean(axis=0)
    theta = np.array([1.0, 2.0, -3.0])
    test = wald_test(hypotheses(np.eye(3), np.zeros(3)), theta, root)
    two = wald_test(hypotheses(np.eye(3)[:2], np.zeros(2)), theta, root)
    assert (test.df, two.df) == (2, 2)
    assert test.statistic == pytest.approx(two.statistic, rel=1e-13)
    # 1, 1, 1 do not sum to zero
    with pytest.raises(ValueError, match=r"the covariance of these 3 has rank 2, .* the first 'h[012]'"):
        wald_test(hypotheses(np.eye(3), np.ones(3)), theta, root)
    with pytest.raises(ValueError, match="'h0' holds of all estimates in this parametrisation"):
        wald_test(hypotheses([[1.0, 1.0, 1.0]], [0.0]), theta, root)
    with pytest.raises(ValueError, match="the covariance of these 1 has rank 0"):
        wald_test(hypotheses([[1.0, 1.0, 1.0]], [1.0]), theta, root)


def test_more_hypotheses_than_clusters():
    # a covariance of two clusters has rank 2
    rng = np.random.default_rng(1)
    root, theta = rng.normal(size=(4, 2)), rng.normal(size=4)
    assert wald_test(hypotheses(np.eye(4)[:2], np.zeros(2)), theta, root).df == 2
    with pytest.raises(
        ValueError, match=r"the covariance of these 3 has rank 2, .*more than there are clusters"
    ):
        wald_test(hypotheses(np.eye(4)[:3], np.zeros(3)), theta, root)


def test_missing_standard_errors():
    root = np.eye(3)
    root[1] = np.nan
    assert wald_test(hypotheses([[1.0, 0.0, 1.0]], [0.0]), np.array([1.0, np.nan, 2.0]), root).df == 1
    both = hypotheses([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], [0.0, 0.0])
    for function in (wald_test, linear_combinations):
        with pytest.raises(ValueError, match="must be about estimates with standard errors; 'h1' is not"):
            function(both, np.ones(3), root)


@pytest.mark.parametrize("P", [1, 4, 9])
def test_roots_of_covariances(P):
    rng = np.random.default_rng(P)
    units = 10.0 ** rng.uniform(-8, 8, P)
    L = units[:, None] * rng.normal(size=(P, P))
    V = L @ L.T
    root = covariance_root(V)
    assert root.shape == (P, P)
    np.testing.assert_allclose(root @ root.T / np.outer(units, units), V / np.outer(units, units), atol=1e-13)
    # singular, of a known rank and of one that is found out
    if P > 1:
        L = units[:, None] * rng.normal(size=(P, P - 1))
        V = L @ L.T
        for root in (covariance_root(V, P - 1), covariance_root(V)):
            assert root.shape == (P, P - 1)
            np.testing.assert_allclose(
                root @ root.T / np.outer(units, units), V / np.outer(units, units), atol=1e-13
            )
    # nan where V is
    V = np.pad(V, (0, 1), constant_values=np.nan)
    root = covariance_root(V)
    assert np.isnan(root[-1]).all()
    np.testing.assert_array_equal(root[:-1], covariance_root(V[:-1, :-1]))


def test_the_root_of_nothing():
    assert covariance_root(np.full((2, 2), np.nan)).shape == (2, 0)
    np.testing.assert_array_equal(covariance_root(np.zeros((2, 2))) @ np.ones((0, 1)), np.zeros((2, 1)))


# -- results -----------------------------------------------------------------------------------------


#: data set -> hypotheses with their degrees of freedom
CERTIFIED = {
    "spector": {
        "GPA": 1,
        "GPA = 2*PSI, TUCE = 0.1": 2,
        "intercept, GPA, TUCE, PSI": 4,
        "GPA = TUCE = PSI": 2,
    },
    "fair": {"age = yrs_married, religious = educ": 2, "occupation + 2*occupation_husb = 0.5": 1},
    "anes96": {
        "age": 6,
        "selfLR = educ": 6,
        "age[2] = age[5], income[1] - 2*income[3] = 0.1": 2,
        "age = educ = 0": 12,
    },
}


@pytest.mark.parametrize("name", CERTIFIED)
def test_the_certified_optimum(name, backend_name):
    data, exact = sx.datasets.load(name), bundled(name).optimum
    r = sx.fit(data.X, data.y, names=data.features, backend=backend_name)
    theta = mp.matrix([b for row in exact.params for b in row])
    V = mp.matrix([list(row) for row in exact.covariance])
    for text, df in CERTIFIED[name].items():
        test = r.wald_test(text)
        assert test.df == df
        found = joint(text, r._parameters)
        table = r.lincom(text)
        with mp.workdps(50):
            R, q = mp.matrix(found.R.tolist()), mp.matrix(found.q.tolist())
            d, M = R * theta - q, R * V * R.T
            W = (d.T * mp.lu_solve(M, d))[0]
            log_p = mp.log(mp.gammainc(mpf(df) / 2, W / 2, mp.inf, regularized=True))
            assert abs(mpf(test.statistic) / W - 1) < 1e-11
            assert abs(mpf(test.log_pvalue) / log_p - 1) < 1e-11
            assert len(table.estimate) == df
            for i in range(df):
                error = mp.sqrt(M[i, i])
                assert abs(mpf(float(table.estimate[i])) - d[i]) < 1e-11 * error
                assert abs(mpf(float(table.bse[i])) / error - 1) < 1e-11


def test_one_parameter_is_its_z(spector, anes96):
    for r in (spector, anes96, anes96.rebase(3), anes96.symmetric()):
        z, p, log_p = (np.atleast_2d(x) for x in (r.zvalues, r.pvalues, r.log_pvalues))
        names = [(c, j) for c in range(len(z)) for j in range(z.shape[1])]
        for c, j in names:
            test = r.wald_test(f"{r.param_names[j]}[{r.row_labels[c]}] = 0")
            assert test.df == 1
            assert test.statistic == pytest.approx(z[c, j] ** 2, rel=1e-11)
            assert test.pvalue == pytest.approx(p[c, j], rel=1e-10)
            assert test.log_pvalue == pytest.approx(log_p[c, j], rel=1e-10)


def test_log_p_values(spector, anes96):
    for r in (spector, anes96):
        assert r.log_pvalues.shape == r.params.shape
        np.testing.assert_allclose(r.log_pvalues, np.log(r.pvalues), rtol=1e-13)


def test_p_values_that_no_double_holds(backend_name):
    # z of 40 and more: every observation many times over
    X, y = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0, 1, 0, 1])
    weight = np.array([4000.0, 1000.0, 1000.0, 4000.0])
    r = sx.fit(X, y, names=["dose"], sample_weight=weight, backend=backend_name)
    z = math.log(16.0) / math.sqrt(2 * (1 / 4000 + 1 / 1000))
    assert r.zvalues[1] == pytest.approx(z, rel=1e-12)
    assert z > 55.0
    assert r.pvalues[1] == 0.0
    with mp.workdps(50):
        exact = float(mp.log(mp.erfc(mpf(float(r.zvalues[1])) / mp.sqrt(2))))
    assert r.log_pvalues[1] == pytest.approx(exact, rel=1e-14)
    digits = exact / math.log(10.0)
    line = next(line for line in r.summary().splitlines() if line.startswith("  dose"))
    assert f"{10 ** (digits - math.floor(digits)):.1f}e{math.floor(digits)}" in line
    assert r.wald_test("dose").log_pvalue == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize(
    "text",
    ["GPA", "GPA = 2*PSI, TUCE = 0.1", "GPA = TUCE = PSI", "intercept + 3*GPA = -5, PSI/2 = 1, TUCE"],
)
def test_statsmodels_on_spector(spector, text):
    theirs = sm.Logit(SPECTOR.y, sm.add_constant(SPECTOR.X)).fit(disp=0, tol=1e-14)
    R, q = _system(spector, text)
    wanted = theirs.wald_test((R, q), use_f=False, scalar=True)
    found = spector.wald_test(text)
    assert found.df == wanted.df_denom == len(q)
    assert found.statistic == pytest.approx(float(wanted.statistic), rel=1e-9)
    assert found.pvalue == pytest.approx(float(wanted.pvalue), rel=1e-9)


def _system(r, text):
    """R and q by other means than the parser's: differences of the linear map that the text is."""
    names = r.param_names
    rows, values = [], []
    for chain in text.split(","):
        sides = [*chain.split("="), "0"] if "=" not in chain else chain.split("=")
        for left, right in pairwise(sides):
            code = f"({left}) - ({right})".strip()

            def at(j, code=code):
                return eval(code, {name: float(i == j) for i, name in enumerate(names)})

            values.append(-at(None))
            rows.append([at(j) - at(None) for j in range(len(names))])
    return np.array(rows), np.array(values)


#: text, and [(class, column, coefficient), ...] of each equation with its value
MULTINOMIAL = [
    ("age", [([(c, 3, 1.0)], 0.0) for c in range(1, 7)]),
    ("selfLR = educ", [([(c, 2, 1.0), (c, 4, -1.0)], 0.0) for c in range(1, 7)]),
    ("age[1] = age[6]", [([(1, 3, 1.0), (6, 3, -1.0)], 0.0)]),
    (
        "2*income[5] - income[2] = 0.1, logpopul[3]",
        [([(5, 5, 2.0), (2, 5, -1.0)], 0.1), ([(3, 1, 1.0)], 0.0)],
    ),
    (
        "age = educ = 0",
        [*(([(c, 3, 1.0)], 0.0) for c in range(1, 7)), *(([(c, 4, 1.0)], 0.0) for c in range(1, 7))],
    ),
]


def test_statsmodels_on_anes96(anes96):
    theirs = sm.MNLogit(ANES96.y, sm.add_constant(ANES96.X)).fit(disp=0, tol=1e-14)
    # statsmodels has a column for each logit, and its covariance goes through the logits, one after another
    theta, V = np.asarray(theirs.params), np.asarray(theirs.cov_params())
    assert theta.shape == (6, 6)
    k = len(theta)
    for text, system in MULTINOMIAL:
        R, q = np.zeros((len(system), 36)), np.zeros(len(system))
        for i, (terms, value) in enumerate(system):
            q[i] = value
            for c, column, coefficient in terms:
                R[i, (c - 1) * k + column] = coefficient
        d = R @ theta.ravel(order="F") - q
        wanted = d @ np.linalg.solve(R @ V @ R.T, d)
        found = anes96.wald_test(text)
        assert found.df == len(q)
        assert found.statistic == pytest.approx(wanted, rel=1e-9)
        # the matrix, in the order of params.ravel(), is the same hypothesis in other equations
        assert anes96.wald_test((R, q)).statistic == pytest.approx(found.statistic, rel=1e-12)
        # and what its own test says of the same matrix
        their = theirs.wald_test((R, q), use_f=False, scalar=True)
        assert found.statistic == pytest.approx(float(their.statistic), rel=1e-9)


def test_a_model_that_is_not_square(backend_name):
    # three logits of two columns: p is not K - 1, and a transposed layout would not fit
    data = ANES96
    group = np.searchsorted([1, 3, 5], data.y, side="right")
    X = data.X[:, [1, 3]]
    r = sx.fit(X, group, names=("selfLR", "educ"), backend=backend_name)
    assert r.params.shape == (3, 3)
    X = data.X[:, [0, 1, 3]]
    r = sx.fit(X, group, names=("logpopul", "selfLR", "educ"), backend=backend_name)
    assert r.params.shape == (3, 4)
    theirs = sm.MNLogit(group, sm.add_constant(X)).fit(disp=0, tol=1e-14)
    theta, V = np.asarray(theirs.params), np.asarray(theirs.cov_params())
    for column, name in enumerate(r.param_names):
        at = np.arange(3) * 4 + column
        d = theta[column]
        wanted = d @ np.linalg.solve(V[np.ix_(at, at)], d)
        assert r.wald_test(name).statistic == pytest.approx(wanted, rel=1e-9)
        found = r.lincom(f"{name}[1] - 2*{name}[3]")
        a, b = column, 8 + column
        assert found.estimate[0] == pytest.approx(d[0] - 2.0 * d[2], rel=1e-9)
        assert found.bse[0] == pytest.approx(math.sqrt(V[a, a] - 4.0 * V[a, b] + 4.0 * V[b, b]), rel=1e-9)


def test_the_parametrisation_does_not_matter(anes96):
    for text in ("age", "age = educ, income", "logpopul"):
        wanted = anes96.wald_test(text)
        # "age is 0 in every logit" is the same against any class, and with all classes
        for r in (anes96.rebase(4), anes96.symmetric(), anes96.symmetric().rebase(6), copy.copy(anes96)):
            found = r.wald_test(text)
            assert found.df == wanted.df
            assert found.statistic == pytest.approx(wanted.statistic, rel=1e-9)
    # contrasts of classes
    for text in ("age[1] = age[3], educ[2] = educ[5]", "2*age[1] - age[5] - age[6] = 0.01"):
        wanted = anes96.wald_test(text)
        for r in (anes96.rebase(4), anes96.rebase(1), anes96.symmetric()):
            assert r.wald_test(text).df == wanted.df
            assert r.wald_test(text).statistic == pytest.approx(wanted.statistic, rel=1e-9)
    # against the reference
    test = anes96.wald_test("age[2] = age[0]")
    assert test.statistic == pytest.approx(anes96.zvalues[1, 3] ** 2, rel=1e-11)
    assert anes96.symmetric().wald_test("age[2] = age[0]").statistic == pytest.approx(
        test.statistic, rel=1e-9
    )


def test_contradictions_of_the_symmetric_parametrisation(anes96):
    r = anes96.symmetric()
    with pytest.raises(ValueError, match="the covariance of these 7 has rank 6"):
        r.wald_test("age = 1")
    assert r.wald_test("age[1] = 1, age[2] = -1").df == 2


def test_a_pickled_result(anes96):
    again = pickle.loads(pickle.dumps(anes96))
    assert again.wald_test("age = educ") == anes96.wald_test("age = educ")


@pytest.fixture(scope="module")
def dependent():
    """Two columns, and a third that is the first and twice the second."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 3))
    y = (rng.normal(size=300) + X @ [0.5, -0.3, 0.2] > 0).astype(int) + (rng.uniform(size=300) < 0.3)
    return np.column_stack([X[:, :2], X[:, 0] + 2.0 * X[:, 1], X[:, 2]]), y


@pytest.mark.parametrize("classes", [2, 3])
def test_dependent_columns(dependent, classes, backend_name):
    X, y = dependent
    y = np.minimum(y, classes - 1)
    names = ("a", "b", "c", "d")
    alias = sx.fit(X, y, names=names, backend=backend_name)
    least = sx.fit(X, y, names=names, collinear="min_norm", backend=backend_name)
    m = classes - 1
    # estimable: the effects of moving along the columns as they can move
    for ours, theirs in (("a = 0", "a + c"), ("b = 0", "b + 2*c"), ("a = b, d", "a - b - c, d")):
        wanted, found = alias.wald_test(ours), least.wald_test(theirs)
        assert found.df == wanted.df == m * len(ours.split(","))
        assert found.statistic == pytest.approx(wanted.statistic, rel=1e-9)
    with pytest.raises(
        ValueError, match=r"hypotheses must be about finite estimates; c.* is nan: its column"
    ):
        alias.wald_test("c")
    # the direction that the data do not have: 0 by the choice of the norm
    with pytest.raises(ValueError, match="holds of all estimates in this parametrisation"):
        least.wald_test("a + 2*b = c")
    with pytest.raises(ValueError, match="the estimates contradict"):
        least.wald_test("a + 2*b = c + 1")
    table = least.lincom("a + 2*b - c, a + c")
    np.testing.assert_array_equal(table.bse[:m], 0.0)
    assert np.isnan(table.zvalues[:m]).all()
    np.testing.assert_allclose(table.zvalues[m:], np.atleast_2d(alias.zvalues)[:, 1], rtol=1e-9)


def test_infinite_parameters(backend_name):
    X = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 0.5], [0.0, 3.0], [1.0, 1.0], [1.0, 2.5]])
    y = np.array([0, 1, 1, 0, 1, 1])
    with pytest.warns(UserWarning, match="separat"):
        r = sx.fit(X, y, names=("a", "b"), backend=backend_name)
    assert r.wald_test("b = 0").statistic == pytest.approx(r.zvalues[2] ** 2, rel=1e-11)
    for text in ("a", "a = b", "b, a = 1"):
        with pytest.raises(ValueError, match="a is inf: the classes are separated"):
            r.wald_test(text)
        with pytest.raises(ValueError, match="a is inf: the classes are separated"):
            r.lincom(text)


# -- linear combinations -----------------------------------------------------------------------------


def test_combinations_against_statsmodels(spector):
    theirs = sm.Logit(SPECTOR.y, sm.add_constant(SPECTOR.X)).fit(disp=0, tol=1e-14)
    R = np.array([[0.0, 1.0, 0.0, -2.0], [1.0, 3.0, 20.0, 0.5]])
    wanted = theirs.t_test((R, np.array([0.0, -1.0])))
    found = spector.lincom("GPA - 2*PSI, intercept + 3*GPA + 20*TUCE + PSI/2 + 1", level=0.9)
    assert found.expressions == ("GPA - 2*PSI", "intercept + 3*GPA + 20*TUCE + PSI/2 + 1")
    ends = np.asarray(wanted.conf_int(0.1))
    # statsmodels' estimate is R theta, without the constant
    constants = np.array([0.0, 1.0])
    np.testing.assert_allclose(found.estimate, wanted.effect + constants, rtol=1e-9)
    np.testing.assert_allclose(found.bse, wanted.sd.ravel(), rtol=1e-9)
    np.testing.assert_allclose(found.zvalues, wanted.tvalue.ravel(), rtol=1e-8)
    np.testing.assert_allclose(found.pvalues, wanted.pvalue.ravel(), rtol=1e-8)
    np.testing.assert_allclose(found.log_pvalues, np.log(found.pvalues), rtol=1e-12)
    np.testing.assert_allclose(found.lower, ends[:, 0] + constants, rtol=1e-8)
    np.testing.assert_allclose(found.upper, ends[:, 1] + constants, rtol=1e-8)


def test_parameters_as_combinations(spector, anes96):
    for r in (spector, anes96, anes96.symmetric()):
        found = r.lincom(np.eye(r.params.size), level=0.99)
        ends = r.conf_int(0.99).reshape(-1, 2)
        np.testing.assert_array_equal(found.estimate, r.params.ravel())
        np.testing.assert_allclose(found.bse, r.bse.ravel(), rtol=1e-11)
        np.testing.assert_allclose(found.lower, ends[:, 0], rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(found.upper, ends[:, 1], rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(found.pvalues, r.pvalues.ravel(), rtol=1e-9)


def test_a_combination_is_what_its_test_says(anes96):
    found = anes96.lincom(["age = educ", "income[1] - income[2] + 0.01"])
    assert len(found.estimate) == 7
    for i in range(6):
        test = anes96.wald_test(f"age[{i + 1}] = educ[{i + 1}]")
        assert found.zvalues[i] ** 2 == pytest.approx(test.statistic, rel=1e-12)
    assert found.zvalues[6] ** 2 == pytest.approx(
        anes96.wald_test("income[1] - income[2] = -0.01").statistic, rel=1e-12
    )


def test_odds_ratios(spector):
    found = spector.lincom("GPA, PSI")
    ratio = found.exp()
    assert ratio.exponentiated
    assert ratio.exp() is ratio
    np.testing.assert_allclose(ratio.estimate, np.exp(found.estimate), rtol=1e-15)
    np.testing.assert_allclose(ratio.bse, np.exp(found.estimate) * found.bse, rtol=1e-15)
    np.testing.assert_allclose(ratio.lower, np.exp(found.lower), rtol=1e-15)
    np.testing.assert_allclose(ratio.upper, np.exp(found.upper), rtol=1e-15)
    np.testing.assert_array_equal(ratio.zvalues, found.zvalues)
    assert "exp(GPA)" in str(ratio)


def test_levels(spector):
    for level in (0.0, 1.0, -0.5, 95, math.nan):
        with pytest.raises(ValueError, match="level must be between 0 and 1"):
            spector.lincom("GPA", level=level)


# -- printing ----------------------------------------------------------------------------------------


def test_a_test_as_text(spector, anes96):
    test = spector.wald_test("GPA = 2*PSI, TUCE")
    assert str(test) == "Wald test of\n  GPA - 2*PSI = 0\n  TUCE = 0\nchi2(2) = 1.0730, p = 0.5848"
    assert repr(test) == "<Wald test: chi2(2) = 1.0730, p = 0.5848>"
    many = str(anes96.wald_test("age, educ, income")).splitlines()
    assert many[0] == "Wald test of"
    assert many[12:14] == ["  educ[6] = 0", "  and 6 more"]
    assert len(many) == 15
    bare = TestResult.of("likelihood-ratio", 12345678.9, 3)
    assert str(bare) == f"likelihood-ratio test\nchi2(3) = 1.23457e+07, p = {str(bare).split(' ')[-1]}"
    assert bare.hypotheses == ()
    with pytest.raises(ValueError, match="df must be positive"):
        TestResult.of("score", 1.0, 0)


def test_a_test_as_html():
    test = TestResult.of("Wald", 4.0, 2, ("a < b & c = 0",))
    assert test._repr_html_() == (
        "<div>Wald test of<ul><li><code>a &lt; b &amp; c = 0</code></li></ul>"
        "&chi;<sup>2</sup>(2) = 4.0000, p = 0.1353</div>"
    )
    assert test.pvalue == pytest.approx(math.exp(-2.0), rel=1e-15)
    assert TestResult.of("score", 4.0, 2)._repr_html_().startswith("<div>score test: &chi;")


def test_a_test_is_a_value():
    test = TestResult.of("Wald", 4.0, 2, ("a = 0",))
    assert pickle.loads(pickle.dumps(test)) == test
    assert hash(test) == hash(copy.copy(test))
    with pytest.raises(dataclasses.FrozenInstanceError):
        test.statistic = 0.0


TABLE = """\
            estimate  std. error       z         p  [95 % interval        ]
GPA - PSI    0.447       1.369     0.327    0.7437        -2.235    3.130
TUCE/3 + 1   1.03172     0.04718  21.866  5.5e-106         0.93924  1.12420"""


def test_combinations_as_text(spector):
    found = spector.lincom(["GPA - PSI", "TUCE/3+1"])
    assert str(found) == TABLE
    assert repr(found) == "<linear combinations: GPA - PSI, TUCE/3 + 1>"
    markup = found._repr_html_()
    assert markup.count("<tr>") == 3
    assert "<td>5.5e-106</td>" in markup
    frame = found.to_frame()
    assert list(frame.columns) == ["estimate", "std_error", "z", "p", "lower", "upper"]
    assert list(frame.index) == ["GPA - PSI", "TUCE/3 + 1"]
    np.testing.assert_array_equal(frame["upper"], found.upper)
