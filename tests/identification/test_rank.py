"""Dependent columns, in order: against exact elimination, at the edges of rounding, over rows that count."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmax import passes
from sigmax.data.chunks import Chunks
from sigmax.data.design import Design
from sigmax.identification.rank import DEPENDENT, aliased, dependence

RNG = np.random.default_rng(20)


def exactly(rows):
    """Which columns depend on those before them, by elimination with fractions."""
    columns = [[Fraction(float(x)) for x in column] for column in np.asarray(rows).T]
    basis, gone = [], []
    for column in columns:
        for pivot, vector in basis:
            share = column[pivot] / vector[pivot]
            column = [a - share * b for a, b in zip(column, vector, strict=True)]
        pivot = next((i for i, a in enumerate(column) if a), None)
        gone.append(pivot is None)
        if pivot is not None:
            basis.append((pivot, column))
    return np.array(gone)


def found(X, kernels, weight=None, *, intercept=True, threads=1):
    return aliased(Design(X, intercept=intercept), weight, kernels, threads)


def assert_combinations(X, kernels, weight=None, *, intercept=True):
    """What is said of a column holds: it is that combination of the kept ones."""
    design = Design(X, intercept=intercept)
    said = dependence(design, weight, kernels, 1)
    rows = np.column_stack([np.ones(len(X)), X]) if intercept else np.asarray(X, float)
    if weight is not None:
        rows = rows[weight > 0.0]
    B = said.row_space()
    np.testing.assert_array_equal(B[~said.aliased], np.eye(said.rank))
    places = np.flatnonzero(~said.aliased)
    for j in np.flatnonzero(said.aliased):
        assert not B[j, places > j].any()
        assert {int(p) for p in places if B[j, np.flatnonzero(places == p)[0]]} >= set(said.terms(int(j)))
        terms = rows[:, ~said.aliased] * B[j]
        off = np.abs(rows[:, j] - terms.sum(axis=1)).max(initial=0.0)
        assert off <= 1e-12 * max(np.abs(terms).max(initial=0.0), np.abs(rows[:, j]).max())
    assert said.rank == (~said.aliased).sum()
    return said


# -- against exact arithmetic ------------------------------------------------------------------------


@st.composite
def integer_designs(draw):
    """Small integers with few values, so that most are deficient; powers of two as units."""
    n, p = draw(st.integers(1, 9)), draw(st.integers(1, 7))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    values = draw(st.sampled_from([(0, 1), (-1, 0, 1), (0, 1, 2, 3), (-50, 3, 7, 50)]))
    X = rng.choice(values, size=(n, p)).astype(float)
    if draw(st.booleans()) and p > 2:
        X[:, -1] = X[:, 0] - 3.0 * X[:, 1]
    X *= np.ldexp(1.0, rng.integers(-40, 40, p)) * rng.choice([-1.0, 1.0], p)
    weight = None
    if draw(st.booleans()):
        weight = rng.choice([0.0, 1e-30, 1.0, 5.5], n)
        weight[rng.integers(n)] = 1.0
    return X, weight, draw(st.booleans())


@given(integer_designs())
def test_in_order_as_exact_elimination_has_it(backend, problem):
    X, weight, intercept = problem
    rows = np.column_stack([np.ones(len(X)), X]) if intercept else X
    counted = rows if weight is None else rows[weight > 0.0]
    said = assert_combinations(X, backend, weight, intercept=intercept)
    np.testing.assert_array_equal(said.aliased, exactly(counted))


@given(st.integers(0, 2**32 - 1), st.integers(3, 40), st.integers(1, 6), st.integers(1, 4))
def test_combinations_that_were_computed_in_float64(backend, seed, n, p, more):
    """Real columns and rounded combinations of them; one of them anywhere, several at the end."""
    rng = np.random.default_rng(seed)
    n += p
    X = rng.normal(size=(n, p)) + rng.normal(size=p)
    # no small coefficient: whichever column comes last is a combination of the others with none that is large
    coef = rng.choice([-1.0, 1.0], (p, more)) * rng.uniform(0.5, 2.0, (p, more))
    combined = X @ coef + rng.normal(size=more)
    both = np.hstack([X, combined])
    order = rng.permutation(p + more) if more == 1 else np.arange(p + more)
    said = assert_combinations(both[:, order], backend)
    # any p of the p + more columns are a basis: the first p in order are kept
    np.testing.assert_array_equal(said.aliased, np.arange(1 + p + more) > p)


# -- by hand -----------------------------------------------------------------------------------------

X0 = RNG.normal(size=(30, 3))


def test_formulas(backend):
    X = np.column_stack(
        [X0, 2.0 * X0[:, 0] - X0[:, 1] + 3.0, X0[:, 1], -4.0 * X0[:, 2], np.zeros(30), np.full(30, 7.0)]
    )
    design = Design(X)
    said = dependence(design, None, backend, 1)
    assert [said.formula(int(j), design.names) for j in np.flatnonzero(said.aliased)] == [
        "x4 = 3 intercept + 2 x1 - x2",
        "x5 = x2",
        "x6 = -4 x3",
        "x7 = 0",
        "x8 = 7 intercept",
    ]
    assert [said.terms(j) for j in (5, 6, 7, 8)] == [{2: 1.0}, {3: -4.0}, {}, {0: 7.0}]


def test_long_formulas_are_cut(backend):
    X = RNG.normal(size=(40, 9))
    design = Design(np.column_stack([X, X.sum(axis=1)]))
    said = dependence(design, None, backend, 1)
    assert said.formula(10, design.names) == "x10 = x1 + x2 + x3 + x4 + x5 + x6 + 3 more terms"
    assert list(said.terms(10)) == [*range(1, 10)]


def test_constants(backend):
    X = np.column_stack([np.full(5, 3.0), np.full(5, -1.0 / 3.0), np.arange(5.0)])
    np.testing.assert_array_equal(found(X, backend), [0, 1, 1, 0])
    # without an intercept the first constant column is as good as one
    np.testing.assert_array_equal(found(X, backend, intercept=False), [0, 1, 0])
    np.testing.assert_array_equal(found(np.zeros((4, 2)), backend), [0, 1, 1])
    np.testing.assert_array_equal(found(np.zeros((4, 2)), backend, intercept=False), [1, 1])


def test_more_columns_than_rows(backend):
    np.testing.assert_array_equal(found(RNG.normal(size=(4, 9)), backend), np.arange(10) >= 4)
    np.testing.assert_array_equal(found(RNG.normal(size=(1, 3)), backend), [0, 1, 1, 1])
    np.testing.assert_array_equal(found(RNG.normal(size=(1, 3)), backend, intercept=False), [0, 1, 1])


def test_dummies_of_all_levels(backend):
    D = np.eye(4)[np.arange(60) % 4]
    np.testing.assert_array_equal(found(D, backend), [0, 0, 0, 0, 1])
    np.testing.assert_array_equal(found(D, backend, intercept=False), [0, 0, 0, 0])
    # two factors: each has a level too many
    E = np.eye(3)[(np.arange(60) // 4) % 3]
    np.testing.assert_array_equal(found(np.hstack([D, E]), backend), [0, 0, 0, 0, 1, 0, 0, 1])


def test_a_column_with_many_zeros_and_its_rounded_multiple(backend):
    x = np.where(np.arange(50) % 5 == 0, RNG.normal(size=50), 0.0)
    np.testing.assert_array_equal(found(np.column_stack([x, 0.1 * x]), backend), [0, 0, 1])


def test_centred_columns_and_their_sum(backend):
    x = RNG.normal(size=(1000, 2)) + 30.0
    three = np.column_stack([x, x.sum(axis=1)])
    np.testing.assert_array_equal(found(three - three.mean(axis=0), backend), [0, 0, 0, 1])


# -- at the edge of rounding -------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [1e-2, 1e-3, 1e-4])
def test_noise_far_above_rounding_is_information(backend, noise):
    # the last place of 1e8 is 1.5e-8
    x = 1e8 + noise * RNG.normal(size=(50, 2))
    assert not found(x, backend).any()


def test_noise_of_a_last_place_is_none(backend):
    x = 1e8 * (1.0 + 2.0**-52 * RNG.integers(-1, 2, 50))
    np.testing.assert_array_equal(found(x[:, None], backend), [0, 1])


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9, 1e-11, 1e-12])
def test_nearly_dependent_columns_are_independent(backend, gap):
    x, z = RNG.normal(size=(2, 60))
    assert not found(np.column_stack([x, x + gap * z]), backend).any()


def test_the_limit(backend):
    """||r|| / ||x|| of 0.8 and 1.25 times the limit."""
    x = np.tile([1.0, -1.0, 1.0, -1.0], 10)
    z = np.tile([1.0, 1.0, -1.0, -1.0], 10)  # orthogonal to x and to the intercept
    unit = 2.0**-46  # exact beside 1
    assert 1.0 < DEPENDENT / unit < 10.0
    above, below = np.ceil(1.25 * DEPENDENT / unit), np.floor(DEPENDENT / unit)
    np.testing.assert_array_equal(found(np.column_stack([x, x + above * unit * z]), backend), [0, 0, 0])
    np.testing.assert_array_equal(found(np.column_stack([x, x + below * unit * z]), backend), [0, 0, 1])


def test_an_exact_combination_of_nearly_dependent_columns(backend):
    """QR leaves 1e-7 of the third column; in double-double it is nothing."""
    a, z = RNG.integers(-100, 100, (2, 50)).astype(float)
    X = np.column_stack([a, a + 2.0**-30 * z, z])
    np.testing.assert_array_equal(found(X, backend), [0, 0, 0, 1])
    X[3, 2] += 1e-3
    assert not found(X, backend).any()


def test_a_column_found_independent_counts_for_those_after_it(backend):
    """Two columns are in doubt; the first turns out to be kept, the second to be a combination with it."""
    a, z = RNG.normal(size=(2, 50))
    near = a + 1e-11 * z
    # the difference of neighbours is exact: QR of the columns leaves 1e-5 of it
    X = np.column_stack([a, near, a + near, RNG.normal(size=50), a - near])
    np.testing.assert_array_equal(found(X, backend), [0, 0, 0, 1, 0, 1])


def test_a_code_for_missing_is_no_combination(backend):
    x, z = RNG.normal(size=(2, 50))
    x[:4] = z[:4] = 1e20
    assert not found(np.column_stack([x, z]), backend).any()
    # and does not hide what is one
    np.testing.assert_array_equal(found(np.column_stack([x, z, -2.0 * z]), backend), [0, 0, 0, 1])


@pytest.mark.parametrize("unit", [1e-300, 1e-160, 1e150, 1e290])
def test_units_beyond_all_reason(backend, unit):
    X = np.column_stack([X0[:, 0] * unit, X0[:, 1], X0[:, 0] * unit * 3.0, X0[:, 2] / unit])
    np.testing.assert_array_equal(found(X, backend), [0, 0, 0, 1, 0])


def test_exact_multiples_at_the_ends_of_the_range(backend):
    tiny = np.array([3.0, 5.0, 1.0, 7.0]) * 2.0**-1074
    # halving a subnormal number rounds: 1.5 becomes 2, and they are no multiples
    np.testing.assert_array_equal(found(np.column_stack([tiny, tiny * 2.0**500]), backend), [0, 0, 1])
    huge = np.array([1.0, -1.5, 1.25, 0.5]) * 2.0**1023
    np.testing.assert_array_equal(found(np.column_stack([huge, huge * 2.0**-1000]), backend), [0, 0, 1])


# -- rows that count ---------------------------------------------------------------------------------


def test_weights_of_zero_make_columns_dependent(backend):
    X = np.column_stack([X0, np.arange(30) >= 10, np.where(np.arange(30) < 10, X0[:, 0], 7.0)])
    weight = (np.arange(30) < 10).astype(float)
    assert not found(X, backend).any()
    np.testing.assert_array_equal(found(X, backend, weight), [0, 0, 0, 0, 1, 1])


def test_tiny_weights_do_not(backend):
    X = np.column_stack([X0, X0[:, 0]])
    X[0, 3] += 1.0
    weight = np.ones(30)
    weight[0] = 1e-280
    assert not found(X, backend, weight).any()
    weight[0] = 0.0
    np.testing.assert_array_equal(found(X, backend, weight), [0, 0, 0, 0, 1])


def test_blocks_without_a_row_that_counts(backend):
    n = 3 * passes.block_rows(4)
    X = RNG.normal(size=(n, 3))
    X[:, 2] = X[:, 0] - X[:, 1]
    weight = np.zeros(n)
    weight[-100:] = 1.0
    X[0, 2] = 5.0
    np.testing.assert_array_equal(found(X, backend, weight), [0, 0, 0, 1])
    X[-1, 2] += 1.0
    assert not found(X, backend, weight).any()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_many_blocks_chunks_and_threads(backend, threads):
    n = 5 * passes.block_rows(6) // 2
    X = RNG.normal(size=(n, 5))
    X[:, 3] = 0.5 * X[:, 1]
    X[:, 4] = X[:, 0] + 0.1 * X[:, 2] - 1.0
    want = [0, 0, 0, 0, 1, 1]
    np.testing.assert_array_equal(found(X, backend, threads=threads), want)
    cut = Chunks([X[:7], np.asfortranarray(X[7:5000]), X[5000:]])
    np.testing.assert_array_equal(found(cut, backend, threads=threads), want)
    # one row decides
    X[n - 2, 3] += 1.0
    np.testing.assert_array_equal(found(X, backend, threads=threads), [0, 0, 0, 0, 0, 1])


def test_repeated_rows_and_rows_by_index(backend):
    X = np.column_stack([X0, X0 @ [1.0, -1.0, 0.5]])
    design = Design(X)
    twice = design.of(design.rows.repeated(3))
    np.testing.assert_array_equal(aliased(twice, None, backend, 1), [0, 0, 0, 0, 1])
    some = design.pick(np.arange(0, 30, 10), 1)
    np.testing.assert_array_equal(aliased(some, None, backend, 1), [0, 0, 0, 1, 1])
