"""The decision, its proof checked exactly, on problems whose answer is known."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from existence.separated import exact_margins, pairs_of
from scipy.optimize import linprog

from sigmax.existence import decide as deciding
from sigmax.existence import program
from sigmax.existence.decide import Undecided, decide
from sigmax.existence.examine import examine


def refuse(face):
    """The fit of a face proves nothing."""
    return False


def rank(rows):
    M, done = [[Fraction(v) for v in row] for row in rows], 0
    for j in range(len(M[0]) if M else 0):
        at = next((i for i in range(done, len(M)) if M[i][j]), None)
        if at is None:
            continue
        M[done], M[at] = M[at], M[done]
        for i in range(done + 1, len(M)):
            if M[i][j]:
                factor = M[i][j] / M[done][j]
                M[i] = [a - factor * b for a, b in zip(M[i], M[done], strict=True)]
        done += 1
    return done


def check(pairs, face, *, overlap=True):
    """Everything that a face says, in exact arithmetic; that T overlaps by a linear program of its own.

    `overlap` is for what a program in double precision can see.
    """
    n, K = face.open.shape
    X = pairs.design.block(0, n)
    y, intercept = pairs.response.codes.tolist(), pairs.design.intercept
    closed = pairs.all() & ~face.open
    assert not (face.open & ~pairs.all()).any()
    assert (face.direction is None) is (not closed.any())
    if face.direction is not None:
        margins = exact_margins(X, y, face.direction.tolist(), K, intercept=intercept)
        for i, k in np.argwhere(pairs.all()):
            assert margins[i][k] > 0 if closed[i, k] else margins[i][k] == 0
    for v in face.null:
        margins = exact_margins(X, y, v.tolist(), K, intercept=intercept)
        assert not any(margins[i][k] for i, k in np.argwhere(face.open))
    Z = pairs.take(*np.nonzero(face.open))
    assert len(face.null) == pairs.n_params - rank([list(map(Fraction, z)) for z in Z.tolist()])
    if len(face.null):
        assert rank(face.null.tolist()) == len(face.null)
    if overlap and len(Z):
        # sum lambda z = 0 with lambda >= 1
        found = linprog(np.ones(len(Z)), A_eq=Z.T, b_eq=np.zeros(Z.shape[1]), bounds=(1, None))
        assert found.status == 0


def answer(X, y, monkeypatch=None, *, exact=None, coef=None, overlap=True, **options):
    """The checked face of a problem."""
    if exact is not None:
        monkeypatch.setattr(deciding, "_EXACT_FIRST", 10**6 if exact else 0)
    pairs = pairs_of(X, y, **options)
    face = decide(pairs, np.zeros(pairs.n_params) if coef is None else coef, refuse)
    check(pairs, face, overlap=overlap)
    return face


BOTH = pytest.mark.parametrize("exact", [True, False])


@BOTH
def test_complete(exact, monkeypatch, backend):
    X = np.array([[1.0, 5.0], [2.0, -1.0], [3.0, 2.0], [4.0, 0.0]])
    face = answer(X, [0, 0, 1, 1], monkeypatch, exact=exact, backend=backend)
    assert not face.open.any()
    assert len(face.null) == 3


@BOTH
def test_a_coefficient_vector_that_separates_is_believed_once_checked(exact, monkeypatch, backend):
    X = np.array([[1.0], [2.0], [3.0], [4.0]])
    face = answer(X, [0, 0, 1, 1], monkeypatch, exact=exact, coef=np.array([-25.0, 10.0]), backend=backend)
    assert face.direction.tolist() == [-5, 2]
    for bad in (
        [np.nan, 1.0],
        [np.inf, 1.0],
        [25.0, -10.0],
        [-20.0, 10.0],
        [-1e308, 1e308],
        [5e-324, -5e-324],
    ):
        face = answer(X, [0, 0, 1, 1], monkeypatch, exact=exact, coef=np.array(bad), backend=backend)
        assert not face.open.any()


@BOTH
def test_overlap(exact, monkeypatch, backend):
    X = np.array([[1.0], [2.0], [3.0], [4.0]])
    face = answer(X, [0, 1, 0, 1], monkeypatch, exact=exact, backend=backend)
    assert face.direction is None
    assert face.open.sum() == 4
    assert face.null.shape == (0, 2)


@BOTH
def test_quasi_by_a_dummy(exact, monkeypatch, backend):
    x = np.array([1.0, 2.0, 3.0, 4.0, 1.5, 2.5])
    dummy = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    face = answer(np.column_stack([x, dummy]), [0, 1, 0, 1, 1, 1], monkeypatch, exact=exact, backend=backend)
    assert face.direction.tolist() == [0, 0, 1]
    assert face.null.tolist() == [[0, 0, 1]]
    assert face.open.any(axis=1).tolist() == [True] * 4 + [False] * 2


@BOTH
def test_touching_at_one_point(exact, monkeypatch, backend):
    """x = 2 has both labels: quasi-complete, N spanned by x - 2."""
    X = np.array([[0.0], [1.0], [2.0], [2.0], [3.0]])
    face = answer(X, [0, 0, 0, 1, 1], monkeypatch, exact=exact, backend=backend)
    assert face.direction.tolist() == [-2, 1]
    assert face.open.any(axis=1).tolist() == [False, False, True, True, False]


@BOTH
def test_nested_stages(exact, monkeypatch, backend):
    """x2 separates only those rows that x1 leaves; on the others it is on the wrong side, and far more so."""
    first = np.array([[1.0, -1e6], [2.0, -1e9], [-1.0, 1e6], [-3.0, 1e3]])
    second = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, -1.0], [0.0, -1e-9]])
    X, y = np.vstack([first, second]), [1, 1, 0, 0, 1, 1, 0, 0]
    face = answer(X, y, monkeypatch, exact=exact, intercept=False, backend=backend)
    assert not face.open.any()
    assert face.direction[0] > 1e9 * face.direction[1] > 0


@BOTH
def test_nested_stages_with_something_left(exact, monkeypatch, backend):
    """Three stages by three dummies, each against the grain of the next; in the rest x overlaps."""
    rng = np.random.default_rng(2)
    x = rng.integers(-3, 4, size=40).astype(float)
    D = np.zeros((40, 3))
    D[0:6, 0], D[6:12, 1], D[12:18, 2] = 1.0, 1.0, 1.0
    D[0:6, 1], D[6:12, 2] = rng.integers(-9, 10, size=(2, 6)) * 1e4
    y = rng.integers(0, 2, size=40)
    y[:18] = 1
    face = answer(np.column_stack([x, D]), y, monkeypatch, exact=exact, backend=backend)
    assert face.open.any(axis=1).tolist() == [False] * 18 + [True] * 22
    assert len(face.null) == 3


@BOTH
def test_one_class_split_off(exact, monkeypatch, backend):
    rng = np.random.default_rng(3)
    x = rng.integers(-2, 3, size=30).astype(float)
    y = np.concatenate([[1, 2] * 10, [0] * 10])
    far = np.where(y == 0, 5.0, rng.integers(0, 4, size=30))
    face = answer(np.column_stack([x, far]), y, monkeypatch, exact=exact, backend=backend)
    rows1, rows2 = y == 1, y == 2
    assert face.open[rows1].tolist() == [[False, False, True]] * 10
    assert face.open[rows2].tolist() == [[False, True, False]] * 10
    assert not face.open[y == 0].any()
    # both classes against 0 in the same way, by any vector
    assert len(face.null) == 3


@BOTH
def test_one_pair_of_classes_by_one_column(exact, monkeypatch, backend):
    """Class 2 is impossible where the dummy is 1; classes 0 and 1 are not."""
    rng = np.random.default_rng(4)
    x, y = rng.integers(-3, 4, size=60).astype(float), rng.integers(0, 3, size=60)
    dummy = np.zeros(60)
    dummy[:20] = 1.0
    y[:20] = np.arange(20) % 2
    x[:20] = rng.integers(-1, 2, size=20)
    face = answer(np.column_stack([x, dummy]), y, monkeypatch, exact=exact, backend=backend)
    closed = ~face.open
    closed[np.arange(60), y] = False
    assert closed[:20].tolist() == [[False, False, True]] * 20
    assert not closed[20:].any()
    assert face.null.tolist() == [[0, 0, 0, 0, 0, 1]]
    assert face.direction.tolist() == [0, 0, 0, 0, 0, -1]


@BOTH
@pytest.mark.parametrize("toward", [-1, 0, 1])
def test_overlap_that_hangs_on_one_ulp(exact, toward, monkeypatch, backend):
    """Labels change at 0.1; the first row of class 1 is just below it, at it, or just above."""
    x = np.array([-1.0, -0.5, 0.1, 0.0, 2.0, 3.0])
    x[3] = 0.1 if toward == 0 else np.nextafter(0.1, np.inf * toward)
    face = answer(x[:, None], [0, 0, 0, 1, 1, 1], monkeypatch, exact=exact, overlap=False, backend=backend)
    assert int(face.open.sum()) == {-1: 6, 0: 2, 1: 0}[toward]


@BOTH
@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e150, 1e300])
def test_one_ulp_at_any_scale(exact, scale, monkeypatch, backend):
    for toward, left in ((-np.inf, 6), (np.inf, 0)):
        x = np.array([-1.0, -0.5, 0.1, 0.1, 2.0, 3.0]) * scale
        x[3] = np.nextafter(x[3], toward)
        face = answer(
            x[:, None], [0, 0, 0, 1, 1, 1], monkeypatch, exact=exact, overlap=False, backend=backend
        )
        assert int(face.open.sum()) == left


def test_subnormal_columns(monkeypatch, backend):
    x = np.array([-3.0, -1.0, 0.0, 0.0, 1.0, 4.0])[:, None] * 5e-324
    for exact in (True, False):
        face = answer(x, [0, 0, 0, 1, 1, 1], monkeypatch, exact=exact, overlap=False, backend=backend)
        assert face.open.any(axis=1).tolist() == [False, False, True, True, False, False]


@BOTH
@pytest.mark.parametrize("seed", range(3))
def test_direction_is_a_large_rational(seed, exact, monkeypatch, backend):
    """T is p random points with either label: what separates the rest is orthogonal to all of them."""
    rng = np.random.default_rng(seed)
    p = 4
    points = rng.normal(size=(p, p))
    (w,) = np.linalg.svd(np.column_stack([np.ones(p), points]))[2][-1:]
    others = rng.normal(size=(30, p))
    side = (np.column_stack([np.ones(30), others]) @ w > 0.0).astype(int)
    X = np.vstack([points, points, others])
    y = np.concatenate([np.zeros(p, int), np.ones(p, int), side])
    face = answer(X, y, monkeypatch, exact=exact, backend=backend)
    assert face.open.any(axis=1).tolist() == [True] * 2 * p + [False] * 30
    assert len(face.null) == 1
    assert max(int(v).bit_length() for v in face.direction) > 100


@BOTH
def test_rows_of_weight_zero_do_not_count(exact, monkeypatch, backend):
    X, y = np.array([[1.0], [2.0], [3.0], [4.0], [10.0]]), [0, 0, 1, 1, 0]
    assert answer(X, y, monkeypatch, exact=exact, backend=backend).direction is None
    weight = [1.0, 1.0, 1.0, 1.0, 0.0]
    face = answer(X, y, monkeypatch, exact=exact, sample_weight=weight, backend=backend)
    assert not face.open.any()
    weight[-1] = 5e-324
    face = answer(X, y, monkeypatch, exact=exact, sample_weight=weight, backend=backend)
    assert face.direction is None


@BOTH
@pytest.mark.parametrize("absent", [0, 1, 2])
def test_an_absent_class_with_and_without_intercept(absent, exact, monkeypatch, backend):
    X = np.array([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]])
    y = np.array([0, 1, 0, 1, 0, 1])
    y = np.array([k for k in range(3) if k != absent])[y]
    face = answer(X, y, monkeypatch, exact=exact, classes=[0, 1, 2], backend=backend)
    assert not face.open[:, absent].any()
    assert int(face.open.sum()) == 6
    assert len(face.null) == 2
    face = answer(X, y, monkeypatch, exact=exact, classes=[0, 1, 2], intercept=False, backend=backend)
    # x > 0: a slope does what the intercept did
    assert not face.open[:, absent].any()
    mixed = X * [[1.0], [1.0], [-1.0], [-1.0], [1.0], [-1.0]]
    face = answer(mixed, y, monkeypatch, exact=exact, classes=[0, 1, 2], intercept=False, backend=backend)
    # nothing pushes a class away from both sides of the origin
    assert face.direction is None


def random_problem(rng):
    """Small integers, dummies, repeated rows: boundaries everywhere."""
    K, p = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    n = int(rng.integers(K + 1, 26))
    X = rng.integers(-1, 2, size=(n, p)) if rng.random() < 0.5 else rng.integers(-4, 5, size=(n, p))
    X = X.astype(float)
    if rng.random() < 0.5:
        X[:, -1] = rng.random(n) < 0.3
    y = rng.integers(0, K, size=n)
    if rng.random() < 0.6:
        y = np.argmax(X @ rng.normal(size=(p, K)) + rng.choice([0.0, 0.3]) * rng.normal(size=(n, K)), axis=1)
    y[:K] = np.arange(K)
    weight = np.ones(n)
    weight[K:][rng.random(n - K) < 0.2] = 0.0
    return X, y, weight


@pytest.mark.parametrize("seed", range(14))
def test_exact_and_programs_agree(seed, monkeypatch):
    """On the same T; both proved, and T found by n linear programs of another kind."""
    rng = np.random.default_rng(seed)
    for _ in range(3):
        X, y, weight = random_problem(rng)
        design = np.column_stack([np.ones(len(X)), X])[weight > 0]
        if np.linalg.matrix_rank(design) < X.shape[1] + 1:
            continue
        faces = [answer(X, y, monkeypatch, exact=exact, sample_weight=weight) for exact in (True, False)]
        assert (faces[0].open == faces[1].open).all()
        pairs = pairs_of(X, y, sample_weight=weight)
        index = np.argwhere(pairs.all())
        Z = pairs.take(*index.T)
        for z, (i, k) in zip(Z, index, strict=True):
            found = linprog(-z, A_ub=-Z, b_ub=np.zeros(len(Z)), bounds=(-1, 1))
            assert (found.fun < -1e-7) is not bool(faces[0].open[i, k])


def test_small_pools_give_the_same_face(monkeypatch):
    """Cutting planes from a handful of pairs."""
    rng = np.random.default_rng(8)
    X = rng.integers(-3, 4, size=(400, 3)).astype(float)
    for y in (
        np.where(X[:, 0] == 0.0, rng.integers(0, 2, 400), X[:, 0] > 0.0).astype(int),
        np.where(X.sum(axis=1) == 0.0, rng.integers(0, 3, 400), 1 + (X.sum(axis=1) > 0.0)).astype(int),
        rng.integers(0, 3, 400),
    ):
        whole = answer(X, y)
        for exact in (True, False):
            with monkeypatch.context() as patch:
                patch.setattr(deciding, "_FEW_PAIRS", 3)
                patch.setattr(deciding, "_POOL", 1)
                few = answer(X, y, patch, exact=exact)
            assert (few.open == whole.open).all()
            assert len(few.null) == len(whole.null)


# -- undecided -----------------------------------------------------------------------------------------


def overlapping():
    rng = np.random.default_rng(5)
    return rng.normal(size=(30, 2)), rng.integers(0, 2, size=30)


def test_undecided_where_exact_arithmetic_is_not_allowed(monkeypatch):
    monkeypatch.setattr(deciding, "_EXACT_FIRST", 0)
    monkeypatch.setattr(deciding, "_EXACT_AT_ALL", 2)
    pairs = pairs_of(*overlapping())
    with pytest.raises(
        Undecided, match=r"does not prove that its classes overlap, and exact .* 3 parameters"
    ):
        decide(pairs, np.zeros(3), refuse)
    assert decide(pairs, np.zeros(3), lambda face: True).direction is None
    monkeypatch.setattr(program, "separate", lambda Z: None)
    with pytest.raises(
        Undecided, match=r"no answer that holds in exact arithmetic, and exact .* 3 parameters"
    ):
        decide(pairs, np.zeros(3), lambda face: True)
    verdict = examine(pairs, np.zeros(3), tol=1e-12)
    assert verdict.exists is None
    assert "3 parameters" in verdict.reason


def test_wrong_guesses_are_not_believed(monkeypatch):
    """A program that lies: overlap where there is none, directions that are none."""
    monkeypatch.setattr(deciding, "_EXACT_FIRST", 0)
    X, y = np.array([[1.0], [2.0], [2.0], [3.0]]), [0, 0, 1, 1]
    P, n = 2, 4
    for lie in (
        (np.zeros(P), np.zeros(n)),
        (np.array([1.0, 1.0]), np.ones(n)),
        (np.array([-2.0 - 1e-9, 1.0]), np.ones(n)),
        (np.full(P, np.nan), np.ones(n)),
        None,
    ):
        monkeypatch.setattr(program, "separate", lambda Z, lie=lie: lie)
        face = answer(X, y)
        assert face.open.any(axis=1).tolist() == [False, True, True, False]
    # the last step believes what the fit confirms, and nothing less
    monkeypatch.setattr(program, "separate", lambda Z: (np.zeros(P), np.zeros(n)))
    verdict = examine(pairs_of(X, y), np.zeros(P), tol=1e-12)
    assert verdict.exists is False
    assert verdict.face.open.any(axis=1).tolist() == [False, True, True, False]


def test_rounds_come_to_an_end(monkeypatch):
    monkeypatch.setattr(deciding, "_ROUNDS", 0)
    with pytest.raises(Undecided, match="no decision in 0 rounds of cutting planes"):
        decide(pairs_of(*overlapping()), np.zeros(3), refuse)


def test_a_null_space_that_is_wrong_for_the_pool_itself(monkeypatch):
    """Two columns nearer to each other than singular values can tell, and separated rows besides."""
    rng = np.random.default_rng(12)
    x = rng.normal(size=30)
    near = x * (1.0 + 1e-13 * rng.normal(size=30))
    dummy = np.arange(30) < 4
    y = np.where(dummy, 1, np.arange(30) % 2)
    asked = []
    separate = program.separate
    monkeypatch.setattr(program, "separate", lambda Z: asked.append(len(Z)) or separate(Z))
    face = answer(np.column_stack([x, near, dummy]), y, monkeypatch, exact=False, overlap=False)
    assert (face.open.any(axis=1) == ~dummy).all()
    assert len(asked) < 10


def test_what_is_proved_is_kept_where_the_rest_is_undecided(monkeypatch):
    """A direction is enough to know that there is no estimate, even if nothing more can be found out."""
    import sigmax as sx

    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 16))
    X[:, 3] = np.arange(80) < 6
    y = rng.integers(0, 2, 80)
    y[:6] = 1
    monkeypatch.setattr("sigmax.existence.decide._EXACT_AT_ALL", 0)
    monkeypatch.setattr("sigmax.existence.limit.Limit.certifies", property(lambda limit: False))
    with pytest.warns(sx.SeparationWarning, match="quasi-completely separated"):
        r = sx.fit(X, y)
    assert r.certificate.exists is False
    assert "there may be more" in r.separation.note
    assert r.separation.rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert np.isnan(r.params).all()
    assert np.isnan(r.llf)
    p = r.predict_proba(X)
    assert (p[:6] == [0.0, 1.0]).all()
    assert np.isnan(p[6:]).all()
    assert "there may be more" in r.summary()
