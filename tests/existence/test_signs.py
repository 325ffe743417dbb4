"""Which parameters are infinite: exactly, by linear programs, and by programs of other people."""

from __future__ import annotations

import numpy as np
import pytest
from existence.separated import pairs_of, whole_numbers
from scipy.optimize import linprog

from sigmax.existence import sides
from sigmax.existence import signs as deciding
from sigmax.existence.decide import Undecided, decide
from sigmax.existence.sides import NONE, OPEN, by_programs
from sigmax.existence.signs import _Sides, moved, signs


def face_of(pairs):
    return decide(pairs, np.zeros(pairs.n_params), lambda face: False)


def coordinates(n):
    return np.eye(n, dtype=int).astype(object)


def found(X, y, functions=None, **options):
    pairs = pairs_of(X, y, **options)
    return signs(
        pairs, face_of(pairs), coordinates(pairs.n_params) if functions is None else functions
    ).tolist()


def independently(pairs, face, functions):
    """By linear programs over the whole cone in a box: the ranges of f'd.  None where it is not clear."""
    Z = pairs.take(*np.nonzero(pairs.all()))
    answers = []
    for f in functions.astype(float):
        ends = []
        for side in (1.0, -1.0):
            best = linprog(-side * f, A_ub=-Z, b_ub=np.zeros(len(Z)), bounds=(-1, 1))
            ends.append(-best.fun)
        up, down = ends[0] > 1e-6, ends[1] > 1e-6
        unclear = any(1e-9 < end < 1e-4 for end in ends)
        answers.append(None if unclear else NONE if up and down else int(up) - int(down))
    return answers


def test_where_the_estimate_exists(backend):
    assert found(np.array([[1.0], [2.0], [3.0], [4.0]]), [0, 1, 0, 1], backend=backend) == [0, 0]


def test_complete_in_one_column(backend):
    # the threshold lies between 2 and 3, so that the intercept falls
    assert found(np.array([[1.0], [2.0], [3.0], [4.0]]), [0, 0, 1, 1], backend=backend) == [-1, 1]
    # it lies between -1 and 1: on either side of 0
    assert found(np.array([[-2.0], [-1.0], [1.0], [2.0]]), [0, 0, 1, 1], backend=backend) == [NONE, 1]
    # it may touch 0, no more: still only one side
    assert found(np.array([[-2.0], [0.0], [1.0], [2.0]]), [0, 0, 1, 1], backend=backend) == [-1, 1]


def test_one_dummy(backend):
    X = np.column_stack([[1.0, 2.0, 3.0, 4.0, 1.0], [0, 0, 0, 0, 1]])
    assert found(X, [0, 1, 0, 1, 1], backend=backend) == [0, 0, 1]
    assert found(X, [0, 1, 0, 1, 0], backend=backend) == [0, 0, -1]


def test_two_dummies_of_which_each_row_has_both_or_one(backend):
    """Rows with (1, 1) are all of class 1, those with (1, 0) too: x2 alone has no limit, x1 runs to inf."""
    x = np.array([1.0, 2.0, 3.0, 4.0, 1.0, 2.0])
    a = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    b = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    X, y = np.column_stack([x, a, b]), [0, 1, 0, 1, 1, 1]
    assert found(X, y, backend=backend) == [0, 0, 1, NONE]
    functions = np.array(
        [whole_numbers([0, 0, 1, 1]), whole_numbers([0, 0, 1, -1]), whole_numbers([0, 3, 0, 0])]
    )
    assert found(X, y, functions, backend=backend) == [1, NONE, 0]


def test_one_ulp_makes_a_side(backend):
    """The threshold is at 0 or above; one unit below, and the intercept may go either way."""
    for first, side in ((0.0, -1), (-5e-324, NONE), (5e-324, -1)):
        X = np.array([[-2.0], [first], [1.0], [2.0]])
        assert found(X, [0, 0, 1, 1], backend=backend) == [side, 1]


def test_moved():
    pairs = pairs_of(np.column_stack([[1.0, 2.0, 3.0, 4.0, 1.0], [0, 0, 0, 0, 1]]), [0, 1, 0, 1, 1])
    assert moved(face_of(pairs), coordinates(3)).tolist() == [False, False, True]


def random_separated(rng, p, K=2):
    """A complete or quasi-complete separation by whole numbers; intercept, and p columns."""
    n = int(rng.integers(2 * p + 4, 5 * p + 5))
    X = rng.integers(-2, 3, size=(n, p)).astype(float)
    w = rng.integers(-2, 3, size=(p, K - 1))
    logits = np.column_stack([np.zeros(n), X @ w])
    tied = logits + rng.random((n, K)) * 1e-3  # of equals, any
    y = np.argmax(tied, axis=1)
    for k in range(K):
        if not (y == k).any():
            y[k] = k
    return X, y


@pytest.mark.parametrize("seed", range(12))
def test_small_ones_against_programs_of_other_people(seed, backend):
    rng = np.random.default_rng(seed)
    checked = 0
    for K in (2, 3):
        X, y = random_separated(rng, int(rng.integers(1, 5)), K)
        if np.linalg.matrix_rank(np.column_stack([np.ones(len(X)), X])) <= X.shape[1]:
            continue
        pairs = pairs_of(X, y, backend=backend)
        face = face_of(pairs)
        for f in (coordinates(pairs.n_params), rng.integers(-2, 3, size=(4, pairs.n_params)).astype(object)):
            expected = independently(pairs, face, f)
            for one, other in zip(signs(pairs, face, f).tolist(), expected, strict=True):
                assert other is None or one == other
                checked += other is not None
    assert checked > 4


@pytest.mark.parametrize("seed", range(8))
def test_programs_agree_with_exact_arithmetic(seed, monkeypatch):
    """9 to 14 parameters, most of them without a limit or infinite."""
    rng = np.random.default_rng(100 + seed)
    p = int(rng.integers(8, 14))
    X, y = random_separated(rng, p)
    pairs = pairs_of(X, y)
    face = face_of(pairs)
    functions = coordinates(pairs.n_params)
    state = _Sides(pairs, face, functions)
    guessed = by_programs(pairs, face, state.closed, functions, state.pool)
    monkeypatch.setattr(deciding, "_EXACT_FIRST", 99)
    exact = signs(pairs, face, functions)
    assert ((guessed == exact) | (guessed == OPEN)).all()
    for one, other in zip(exact.tolist(), independently(pairs, face, functions), strict=True):
        assert other is None or one == other
    # with the programs first the whole answer is the same
    monkeypatch.setattr(deciding, "_EXACT_FIRST", 0)
    assert signs(pairs, face, functions).tolist() == exact.tolist()


def test_programs_leave_nothing_open_in_a_plain_case():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 12))
    y = (X[:, 0] + 0.5 > 0.0).astype(int)
    pairs = pairs_of(X, y)
    face, functions = face_of(pairs), coordinates(13)
    state = _Sides(pairs, face, functions)
    guessed = by_programs(pairs, face, state.closed, functions, state.pool)
    assert (guessed != OPEN).all()
    assert guessed[0] == guessed[1] == 1


def cancelling(seed, n_rows=40):
    """T: two random points with either label; S: some units in the last place away from the first one."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(2, 12))
    w = rng.normal(size=12)
    near = base[0] + rng.integers(-3, 4, size=(n_rows, 12)) * np.spacing(base[0])
    X = np.vstack([np.repeat(base, 2, axis=0), near])
    return X, np.concatenate([[0, 1, 0, 1], ((near - base[0]) @ w > 0.0).astype(int)])


@pytest.mark.parametrize("seed", [2, 4, 7])
def test_products_that_cancel_prove_nothing(seed, monkeypatch):
    """Rows in the coordinates of N are all rounding here: their programs have answers, and wrong ones."""
    pairs = pairs_of(*cancelling(seed), intercept=False)
    face, functions = face_of(pairs), coordinates(12)
    assert len(face.null) == 10
    state = _Sides(pairs, face, functions)
    guessed = by_programs(pairs, face, state.closed, functions, state.pool)
    monkeypatch.setattr(deciding, "_EXACT_FIRST", 99)
    exact = signs(pairs, face, functions)
    assert ((guessed == exact) | (guessed == OPEN)).all()
    assert set(exact.tolist()) >= {-1, NONE} or set(exact.tolist()) >= {1, NONE}


def test_long_vectors_of_the_null_space_find_second_directions():
    """T spans by random floats, S far from it: what programs find holds in whole numbers, too."""
    rng = np.random.default_rng(21)
    base = rng.normal(size=(2, 12))
    others = rng.normal(size=(30, 12))
    null = np.linalg.svd(base)[2][2:]
    y = (others @ null.T @ rng.normal(size=10) > 0.0).astype(int)
    pairs = pairs_of(np.vstack([np.repeat(base, 2, axis=0), others]), np.r_[0, 1, 0, 1, y], intercept=False)
    face, functions = face_of(pairs), coordinates(12)
    assert len(face.null) == 10
    assert max(int(v).bit_length() for v in face.null.ravel()) > 53
    state = _Sides(pairs, face, functions)
    guessed = by_programs(pairs, face, state.closed, functions, state.pool)
    assert (guessed == NONE).any()
    assert (guessed != OPEN).all()
    assert guessed.tolist() == independently(pairs, face, functions)


def test_undecided_with_too_many_dimensions(monkeypatch):
    X, y = cancelling(2)
    pairs = pairs_of(X, y, intercept=False)
    face = face_of(pairs)
    monkeypatch.setattr(deciding, "_EXACT_AT_ALL", 9)
    with pytest.raises(Undecided, match=r"sides of [0-9]+ parameters are too close .* with 10 dimensions"):
        signs(pairs, face, coordinates(12))


def test_rounds_come_to_an_end(monkeypatch):
    monkeypatch.setattr(deciding, "_ROUNDS", 0)
    pairs = pairs_of(np.array([[1.0], [2.0], [3.0], [4.0]]), [0, 0, 1, 1])
    with pytest.raises(Undecided, match="no decision on the sides in 0 rounds"):
        signs(pairs, face_of(pairs), coordinates(2))


@pytest.mark.parametrize("first", [0, 99])
def test_small_pools_give_the_same_sides(first, monkeypatch):
    rng = np.random.default_rng(5)
    X = rng.integers(-3, 4, size=(300, 9)).astype(float)
    y = (X @ [1, 1, 0, 0, 0, 0, 0, 0, 2] + 0.5 > 0.0).astype(int)
    pairs = pairs_of(X, y)
    face, functions = face_of(pairs), coordinates(10)
    whole = signs(pairs, face, functions).tolist()
    monkeypatch.setattr(deciding, "_FEW_PAIRS", 2)
    monkeypatch.setattr(deciding, "_POOL", 1)
    monkeypatch.setattr(sides, "_JOIN", 1)
    monkeypatch.setattr(deciding, "_EXACT_FIRST", first)
    assert signs(pairs, face, functions).tolist() == whole


def test_a_parameter_on_the_boundary_of_the_cone():
    """Pairs of the problem never fall, and are 0 in some directions: proved exactly, or not at all."""
    rng = np.random.default_rng(3)
    X = (rng.random((60, 12)) < 0.3).astype(float)
    y = (X @ rng.integers(-3, 4, size=12) + 0.5 > 0.0).astype(int)
    pairs = pairs_of(X, y)
    face = face_of(pairs)
    some = pairs.take(np.arange(20), 1 - y[:20])
    functions = np.array([*coordinates(13).tolist(), *some.astype(int).tolist()], object)
    state = _Sides(pairs, face, functions)
    guessed = by_programs(pairs, face, state.closed, functions, state.pool)
    assert (guessed[13:] == 1).all()
    exact = _Sides(pairs, face, functions).run()
    assert ((guessed == exact) | (guessed == OPEN)).all()
