"""The exact oracle of separation: by hand, against HiGHS, against itself without floats, and its proofs."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from oracles import farkas
from oracles.farkas import Inside, Outside
from oracles.separation import Answer, check, decide

NAN = float("nan")


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def y_of(*values: int) -> np.ndarray:
    return np.array(values)


def same(a: np.ndarray, b: list) -> bool:
    return np.array_equal(np.asarray(a, dtype=float), np.array(b, dtype=float), equal_nan=True)


# -- by hand ---------------------------------------------------------------------------------------------


def test_overlap_exists() -> None:
    a = decide(column(1, 2, 3, 4), y_of(0, 1, 0, 1), 2)
    assert (a.exists, a.kind, a.direction) == (True, None, None)
    assert same(a.infinite, [[0, 0]])
    assert not a.excluded.any()
    assert not a.aliased.any()
    assert a.rows.tolist() == []


def test_complete_separation_on_a_line() -> None:
    a = decide(column(1, 2, 3, 4), y_of(0, 0, 1, 1), 2)
    assert (a.exists, a.kind) == (False, "complete")
    # (intercept, slope) = s (-c, 1) with 2 < c < 3
    assert same(a.infinite, [[-1, 1]])
    assert a.excluded.tolist() == [[False, True]] * 2 + [[True, False]] * 2
    assert a.rows.tolist() == [0, 1, 2, 3]


def test_the_intercept_depends_on_the_direction() -> None:
    a = decide(column(-2, -1, 1, 2), y_of(0, 0, 1, 1), 2)
    assert a.kind == "complete"
    assert same(a.infinite, [[NAN, 1]])


def test_ends_that_touch_are_quasi_separated() -> None:
    a = decide(column(1, 2, 2, 3), y_of(0, 0, 1, 1), 2)
    assert (a.exists, a.kind) == (False, "quasi")
    assert a.rows.tolist() == [0, 3]
    b0, b1 = a.direction
    assert b1 > 0
    assert b0 == -2 * b1
    assert same(a.infinite, [[-1, 1]])


@pytest.mark.parametrize(("units", "kind"), [(-1, "complete"), (0, "quasi"), (1, None)])
@pytest.mark.parametrize("edge", [0.1, 1.0, 1e6 + 0.1, 3e-300, 7e300])
def test_one_unit_in_the_last_place_decides(edge: float, units: int, kind: str | None) -> None:
    last = edge if units == 0 else np.nextafter(edge, np.inf * units)
    a = decide(column(edge * 0.5, last, edge, edge * 1.5), y_of(0, 0, 1, 1), 2)
    assert a.kind == kind


def test_a_dummy_without_overlap() -> None:
    X = np.column_stack([[0, 0, 0, 0, 1, 1], [1, 2, 3, 4, 1, 2]]).astype(float)
    a = decide(X, y_of(0, 1, 0, 1, 1, 1), 2)
    assert a.kind == "quasi"
    assert same(a.infinite, [[0, 1, 0]])
    assert a.rows.tolist() == [4, 5]
    assert [v > 0 for v in a.direction] == [False, True, False]


def test_an_absent_class() -> None:
    x = column(-1, 0, 1, 2, -1, 2)
    a = decide(x, y_of(0, 2, 0, 2, 2, 0), 3)
    assert a.kind == "quasi"
    # class 1 has -intercept - slope x >= 0 at -1 .. 2; the pair of 0 and 2 overlaps
    assert same(a.infinite, [[-1, NAN], [0, 0]])
    assert a.excluded.tolist() == [[False, True, False]] * 6
    one = decide(x, y_of(1, 1, 1, 1, 1, 1), 2)
    assert one.kind == "complete"
    assert same(one.infinite, [[1, NAN]])


def test_the_second_stage_counts_only_where_the_first_vanishes() -> None:
    # x1 separates rows 4, 5; among the others x2 does; in rows 4, 5 x2 has the wrong sign
    X = np.array([[0, -1], [0, 0], [0, 0], [0, 1], [1, -9], [-1, 9]], dtype=float)
    a = decide(X, y_of(0, 0, 1, 1, 1, 0), 2)
    assert a.kind == "quasi"
    assert a.rows.tolist() == [0, 3, 4, 5]
    assert same(a.infinite, [[0, 1, 1]])
    assert a.direction[1] > 9 * a.direction[2] > 0


def test_only_rows_that_count() -> None:
    x, y = column(1, 2, 3, 4, 5), y_of(0, 0, 1, 1, 0)
    assert decide(x, y, 2).exists
    w = np.array([1.0, 1, 1, 1, 0])
    a = decide(x, y, 2, weight=w)
    assert a.kind == "complete"
    assert a.rows.tolist() == [0, 1, 2, 3]
    assert a.counted.tolist() == [True] * 4 + [False]


def test_counts() -> None:
    x = column(1, 2, 3)
    a = decide(x, np.array([[2.0, 0], [0.5, 0.25], [0, 3]]), 2)
    assert a.kind == "quasi"
    assert a.rows.tolist() == [0, 2]
    assert decide(x, np.array([[2.0, 0], [0.5, 0.25], [1e-9, 3]]), 2).exists


def test_a_row_of_zeros_is_never_separated() -> None:
    a = decide(column(0, 1, -1), y_of(0, 1, 0), 2, fit_intercept=False)
    assert a.kind == "quasi"
    assert a.rows.tolist() == [1, 2]


def test_three_classes_one_apart() -> None:
    a = decide(column(1, 2, 3, 4, 9, 10), y_of(0, 1, 0, 1, 2, 2), 3)
    assert a.kind == "quasi"
    assert same(a.infinite, [[0, 0], [-1, 1]])
    assert a.excluded[:4].tolist() == [[False, False, True]] * 4
    assert a.excluded[4:].tolist() == [[True, True, False]] * 2


def test_later_columns_are_aliased() -> None:
    x1 = np.array([1.0, 2, 3, 4, 5])
    X = np.column_stack([x1, np.full(5, 7.0), 2 - 3 * x1, x1 * x1, np.zeros(5)])
    a = decide(X, y_of(0, 1, 0, 1, 0), 2)
    assert a.aliased.tolist() == [False, False, True, True, False, True]
    assert same(a.infinite, [[0, 0, NAN, NAN, 0, NAN]])
    assert a.exists
    # one unit in the last place makes a column of its own
    X[4, 1] = np.nextafter(7.0, 8.0)
    assert decide(X, y_of(0, 1, 0, 1, 0), 2).aliased.tolist() == [False, False, False, True, False, True]


def test_columns_of_zeros_alone() -> None:
    a = decide(np.zeros((3, 2)), y_of(0, 1, 1), 2, fit_intercept=False)
    assert a.exists
    assert a.aliased.all()


def test_a_normal_that_is_no_float() -> None:
    # the plane through u and v has a normal of 80 bits
    u = np.array([1 + 2.0**-39, 3 + 2.0**-37, -1 + 2.0**-38])
    v = np.array([-2 + 2.0**-38, 1 + 2.0**-39, 5 + 2.0**-36])
    on = np.array([[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, 2]]) @ np.array([u, v])
    X = np.vstack([on, [0.0, 0, 1]])
    a = decide(X, y_of(0, 0, 1, 1, 0, 1, 1), 2, fit_intercept=False)
    assert a.rows.tolist() == [6]
    d = a.direction
    assert all(sum(Fraction(x) * c for x, c in zip(row, d, strict=True)) == 0 for row in on.tolist())
    assert any(Fraction(float(c)) != c for c in (d[0] / d[2], d[1] / d[2]))


# -- at random -------------------------------------------------------------------------------------------


def sample(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    K = int(rng.integers(2, 5))
    p = int(rng.integers(1, 4))
    n = int(rng.integers(4, 25))
    X = rng.integers(-3, 4, size=(n, p)).astype(float)
    B = rng.normal(size=(p, K)) * rng.choice([0.0, 1.0, 4.0])
    return X, (X @ B + rng.gumbel(size=(n, K))).argmax(axis=1), K


def pairs_of(X: np.ndarray, y: np.ndarray, K: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """z's by their definition."""
    D = np.column_stack([np.ones(len(X)), X])
    rows, where = [], []
    for i, x in enumerate(D):
        for k in range(K):
            if k != y[i]:
                e = np.zeros(K)
                e[y[i]] += 1.0
                e[k] -= 1.0
                rows.append(np.kron(e[1:], x))
                where.append((i, k))
    return np.array(rows), where


@pytest.mark.parametrize("seed", range(60))
def test_highs_agrees_where_data_are_small_integers(seed: int) -> None:
    X, y, K = sample(np.random.default_rng((3, seed)))
    a = decide(X, y, K)
    keep = ~a.aliased
    Z, where = pairs_of(X, y, K)
    P, N = Z.shape[1], len(Z)
    # max sum s, z'd >= s, 0 <= s <= 1: s = 1 exactly on S
    cost = np.concatenate([np.zeros(P), -np.ones(N)])
    done = linprog(
        cost,
        A_ub=np.hstack([-Z, np.eye(N)]),
        b_ub=np.zeros(N),
        bounds=[(None, None)] * P + [(0.0, 1.0)] * N,
    )
    assert done.status == 0
    s = done.x[P:]
    assert ((s < 1e-6) | (s > 1 - 1e-6)).all()
    excluded = np.zeros((len(X), K), dtype=bool)
    for (i, k), value in zip(where, s.tolist(), strict=True):
        excluded[i, k] = value > 0.5
    assert (a.excluded == excluded).all()
    assert a.exists == (not excluded.any())
    assert (a.kind == "complete") == bool((s > 0.5).all())

    # signs: the range of each parameter over C within a box, aliased columns at 0
    bounds = [(-1.0, 1.0) if k else (0.0, 0.0) for k in np.tile(keep, K - 1)]
    for j, want in enumerate(a.infinite.ravel()):
        if not keep[j % len(keep)]:
            assert np.isnan(want)
            continue
        e = np.zeros(P)
        e[j] = 1.0
        low = linprog(e, A_ub=-Z, b_ub=np.zeros(N), bounds=bounds).fun < -1e-7
        high = linprog(-e, A_ub=-Z, b_ub=np.zeros(N), bounds=bounds).fun < -1e-7
        assert same(np.array([want]), [NAN if low and high else float(high) - float(low)])


def drawn(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    X, y, K = sample(rng)
    if kind == "scales":
        X = X * 10.0 ** rng.integers(-8, 9, size=X.shape[1])
    elif kind == "normal":
        X = X + rng.normal(size=X.shape)
    elif kind == "far":
        X = 1e6 + 1e-6 * X
    elif kind == "huge":
        X = X * 10.0 ** rng.integers(-290, 290, size=X.shape[1])
    return X, y, K


@pytest.mark.parametrize("kind", ["grid", "scales", "normal", "far", "huge"])
def test_floats_only_propose(kind: str) -> None:
    rng = np.random.default_rng(7)
    kinds = set()
    for _ in range(25):
        X, y, K = drawn(kind, rng)
        a, b = decide(X, y, K), decide(X, y, K, exact_only=True)
        kinds.add(a.kind)
        assert (a.exists, a.kind) == (b.exists, b.kind)
        assert (a.excluded == b.excluded).all()
        assert same(a.infinite, b.infinite.tolist())
        assert (a.aliased == b.aliased).all()
        by_definition(a, X, y, K)
    assert len(kinds) > 1


def by_definition(a: Answer, X: np.ndarray, y: np.ndarray, K: int) -> None:
    """The direction and lambda, in fractions, on the floats themselves."""
    D = [[Fraction(1), *map(Fraction, row)] for row in X.tolist()]
    k = len(D[0])
    T = {a.proof.Z[i]: w for i, w in zip(a.proof.T, a.proof.weights, strict=True)}
    assert all(w > 0 for w in T.values())
    d = a.direction or (Fraction(0),) * ((K - 1) * k)
    logits = [
        [Fraction(0), *(sum(map(Fraction.__mul__, x, d[c * k : c * k + k])) for c in range(K - 1))] for x in D
    ]
    for i, u in enumerate(logits):
        for other in range(K):
            if other != y[i]:
                gain = u[y[i]] - u[other]
                assert gain > 0 if a.excluded[i, other] else gain == 0
    total = [sum(int(w) * z[j] for z, w in T.items()) for j in range(len(a.proof.d))]
    assert not any(total)


def test_more_rows_never_break_what_is_not_separated() -> None:
    rng = np.random.default_rng(11)
    seen = 0
    for _ in range(40):
        X, y, K = sample(rng)
        if decide(X, y, K).exists:
            seen += 1
            more = rng.integers(-3, 4, size=(3, X.shape[1])).astype(float)
            assert decide(np.vstack([X, more]), np.append(y, rng.integers(0, K, 3)), K).exists
    assert seen >= 5


def test_scaling_columns_by_powers_of_two_and_the_order_of_rows_change_nothing() -> None:
    rng = np.random.default_rng(13)
    for _ in range(20):
        X, y, K = sample(rng)
        a = decide(X, y, K)
        order = rng.permutation(len(X))
        b = decide(X[order] * 2.0 ** rng.integers(-30, 31, size=X.shape[1]), y[order], K)
        assert a.kind == b.kind
        assert (a.excluded[order] == b.excluded).all()
        assert same(a.infinite, b.infinite.tolist())


# -- proofs ----------------------------------------------------------------------------------------------


def quasi() -> tuple[Answer, list[float]]:
    rng = np.random.default_rng(5)
    while True:
        X, y, K = sample(rng)
        a = decide(X, y, K)
        values = a.infinite.ravel().tolist()
        if a.kind == "quasi" and not a.aliased.any() and {0.0, 1.0} <= set(values) and np.isnan(values).any():
            return a, values


def test_a_false_proof_is_seen() -> None:
    a, values = quasi()
    proof = a.proof
    check(proof, values)
    j_sign, j_zero = values.index(1.0), values.index(0.0)
    j_nan = next(j for j, v in enumerate(values) if v != v)
    zero = next(i for i in range(len(proof.Z)) if i not in proof.T)
    false = {
        "d": (replace(proof, d=tuple(-v for v in proof.d)), values),
        "not in S": (replace(proof, T=proof.T[1:], weights=proof.weights[1:]), values),
        "not in T": (replace(proof, T=[*proof.T, zero], weights=[*proof.weights, 1]), values),
        "lambda": (replace(proof, weights=[0, *proof.weights[1:]]), values),
        "sum lambda z": (replace(proof, weights=[proof.weights[0] + 1, *proof.weights[1:]]), values),
        "V": (replace(proof, V=[tuple(range(1, len(proof.d) + 1)), *proof.V[1:]]), values),
        "V is too small": (replace(proof, V=proof.V[:-1]), values),
        "V is dependent": (replace(proof, V=[*proof.V[:-1], proof.V[0]]), values),
        "a row on V": (replace(proof, outer=[tuple(-v for v in row) for row in proof.outer]), values),
    }
    for what, j, value in (
        ("-1 for +1", j_sign, -1.0),
        ("nan for +1", j_sign, NAN),
        ("0 for +1", j_sign, 0.0),
        ("0 for nan", j_nan, 0.0),
        ("+1 for nan", j_nan, 1.0),
        ("+1 for 0", j_zero, 1.0),
    ):
        changed = list(values)
        changed[j] = value
        false[what] = (proof, changed)
    for given, claimed in false.values():
        with pytest.raises(AssertionError, match="the oracle's proof fails"):
            check(given, claimed)


def test_certificates_are_checked() -> None:
    A = [(1, 0), (0, 1), (1, 1)]
    assert farkas.holds(Inside({0: 2, 1: 3}, 1), A, (2, 3))
    assert not farkas.holds(Inside({0: 2, 1: 3}, 1), A, (2, 4))
    assert not farkas.holds(Inside({0: 2, 1: -3}, 1), A, (2, -3))
    assert not farkas.holds(Inside({0: 2}, 0), A, (2, 0))
    assert farkas.holds(Outside((0, 1)), A, (1, -1))
    assert not farkas.holds(Outside((0, 1)), A, (1, 0))
    assert not farkas.holds(Outside((1, -1)), A, (-1, 0))


@pytest.mark.parametrize("seed", range(40))
def test_pivots_end_from_any_basis(seed: int) -> None:
    rng = np.random.default_rng((17, seed))
    P = int(rng.integers(2, 5))
    # the unit vectors: the rows span the space
    A = [tuple(row) for row in np.vstack([rng.integers(-2, 3, size=(12, P)), np.eye(P, dtype=int)]).tolist()]
    g = tuple(rng.integers(-3, 4, size=P).tolist())
    kinds = set()
    for _ in range(5):
        basis = farkas._completed(A, rng.permutation(len(A)).tolist())
        found = farkas.pivots(A, g, basis)
        assert farkas.holds(found, A, g)
        kinds.add(type(found))
    kinds.add(type(farkas.farkas(A, g)))
    assert len(kinds) == 1


def test_rank_is_exact_and_in_order() -> None:
    rng = np.random.default_rng(19)
    for _ in range(30):
        r, k, n = (int(v) for v in (rng.integers(1, 4), rng.integers(4, 7), rng.integers(4, 9)))
        A = (rng.integers(-9, 10, size=(n, r)) @ rng.integers(-9, 10, size=(r, k))).tolist()
        found = farkas.rank(A)
        columns: list[int] = []
        for j in range(k):
            # a column is new where it raises the rank of those before it, by elimination in fractions
            if elimination([row[: j + 1] for row in A]) > elimination([row[:j] for row in A]):
                columns.append(j)
        assert found.columns == columns
        assert len(found.null) == k - len(columns)
        for j, v in zip(found.free, found.null, strict=True):
            assert v[j] > 0
            assert not any(farkas.products(A, v))


def elimination(A: list[list[int]]) -> int:
    M = [[Fraction(v) for v in row] for row in A]
    rank = 0
    for j in range(len(M[0])):
        at = next((i for i in range(rank, len(M)) if M[i][j]), None)
        if at is None:
            continue
        M[rank], M[at] = M[at], M[rank]
        for i in range(rank + 1, len(M)):
            f = M[i][j] / M[rank][j]
            M[i] = [u - f * v for u, v in zip(M[i], M[rank], strict=True)]
        rank += 1
    return rank


def test_an_unlucky_prime_is_noticed() -> None:
    prime = farkas._PRIMES[0]
    assert farkas.rank([(prime, 1), (0, 2)]).columns == [0, 1]
    assert farkas.rank([(prime, 1, 0), (0, 2, 0)]).columns == [0, 1]


def test_solutions_are_exact() -> None:
    det, (x,) = farkas.solve([(0, 2), (3, 1)], [(4, 5)])
    assert det > 0
    assert [Fraction(int(v), int(det)) for v in x] == [1, 2]
    with pytest.raises(ZeroDivisionError):
        farkas.solve([(1, 2), (2, 4)], [(1, 1)])


def test_without_gmpy2_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(23)
    cases = [drawn("scales", rng) for _ in range(10)]
    with_gmpy2 = [decide(*case) for case in cases]
    monkeypatch.setattr(farkas, "integer", int)
    for case, a in zip(cases, with_gmpy2, strict=True):
        b = decide(*case)
        assert a.kind == b.kind
        assert same(a.infinite, b.infinite.tolist())
