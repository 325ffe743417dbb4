"""Identical rows as one: the same estimates, the same rows for any threads, and when it is left."""

import numpy as np
import pytest
from oracles import newton as oracle

import sigmax as sx
from sigmax import kernels, passes
from sigmax.data import collapse as room
from sigmax.data import observe as door
from sigmax.data.chunks import Chunks
from sigmax.data.collapse import collapse
from sigmax.data.response import response

N = 20_000


def categories(n, p, kinds, K=2, seed=0):
    """Rows drawn from `kinds` different ones, and labels drawn from a model."""
    rng = np.random.default_rng(seed)
    base = np.unique((rng.random((4 * kinds, p)) < 0.4).astype(float), axis=0)
    X = rng.permutation(base)[:kinds][rng.integers(0, min(kinds, len(base)), n)]
    eta = np.column_stack([np.zeros(n), X @ rng.normal(size=(p, K - 1)) / 2])
    return X, np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)


def collapsed(X, y, backend, n_threads=1, **more):
    observed = response(y, len(y), **more)
    return collapse(Chunks.of(X), observed, backend, n_threads)


@pytest.fixture
def without(monkeypatch):
    """Fits that leave the rows as they are."""

    def fit(*args, **options):
        with monkeypatch.context() as patch:
            patch.setattr(door, "collapse", lambda *_: None)
            return sx.fit(*args, **options)

    return fit


def assert_same_fit(a, b):
    # the optimum is the same to the last bit, the sums are not: what is left is their rounding
    size = np.abs(b.params).max()
    np.testing.assert_allclose(a.params, b.params, rtol=0, atol=1e-13 * size)
    np.testing.assert_allclose(a.bse, b.bse, rtol=1e-13)
    assert a.llf == pytest.approx(b.llf, rel=1e-13)
    assert a.nobs == b.nobs


def assert_distinct_rows(found, X, y, weight=None):
    """What is found are the distinct rows of X and y in the order of their first, with summed weights."""
    rows, observed = found
    table = np.column_stack([X, y])
    _, first, group = np.unique(table, axis=0, return_index=True, return_inverse=True)
    sums = np.bincount(group.ravel(), weight)
    order = np.argsort(first)
    assert rows.n_rows == len(first)
    np.testing.assert_array_equal(rows.block(0, rows.n_rows), X[first[order]])
    np.testing.assert_array_equal(observed.codes, np.unique(y, return_inverse=True)[1][first[order]])
    np.testing.assert_array_equal(observed.weight, sums[order])
    assert observed.total_weight == sums.sum()
    assert observed.smallest_weight == sums[sums > 0].min()


def test_the_distinct_rows(backend):
    X, y = categories(N, 8, 60)
    assert_distinct_rows(collapsed(X, y, backend), X, y)
    w = np.random.default_rng(1).integers(0, 4, N).astype(float)
    # rows that do not count have the code 0
    assert_distinct_rows(collapsed(X, y, backend, sample_weight=w), X, np.where(w > 0, y, 0), w)


@pytest.mark.needs_compiled
@pytest.mark.parametrize("n_threads", [2, 3])
def test_blocks_and_threads(compiled, n_threads):
    X, y = categories(300_000, 30, 500, K=3)
    assert len(X) > 16 * passes.block_rows(30)
    X[200_000:, 3] = 7.0  # rows that only late blocks have
    one, other = collapsed(X, y, compiled), collapsed(X, y, compiled, n_threads)
    assert_distinct_rows(one, X, y)
    assert one[0].block(0, one[0].n_rows).tobytes() == other[0].block(0, other[0].n_rows).tobytes()
    assert one[1].codes.tobytes() == other[1].codes.tobytes()
    assert one[1].weight.tobytes() == other[1].weight.tobytes()


@pytest.mark.parametrize("form", ["Fortran", "int8", "float32", "strided", "chunks"])
def test_any_layout(form, backend):
    X, y = categories(N, 6, 40)
    given = {
        "Fortran": np.asfortranarray,
        "int8": lambda x: x.astype(np.int8),
        "float32": lambda x: x.astype(np.float32),
        "strided": lambda x: np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)[::2, ::3],
        "chunks": lambda x: Chunks([x[:1], x[1:1], x[1:9000], x[9000:].astype(bool)]),
    }[form](X)
    assert_distinct_rows(collapsed(given, y, backend), X, y)


@pytest.mark.parametrize("K", [2, 3])
def test_same_fit(K, backend, without):
    X, y = categories(N, 7, 50, K, seed=K)
    options = {"backend": backend.BACKEND}
    assert_same_fit(sx.fit(X, y, **options), without(X, y, **options))
    w = np.random.default_rng(1).integers(0, 5, N)
    assert_same_fit(sx.fit(X, y, sample_weight=w, **options), without(X, y, sample_weight=w, **options))
    # integer weights equal repeated rows, collapsed or not
    repeated = sx.fit(np.repeat(X, w, axis=0), np.repeat(y, w), **options)
    assert_same_fit(sx.fit(X, y, sample_weight=w, **options), repeated)


@pytest.mark.parametrize("K", [2, 3])
def test_offsets_are_part_of_a_row(K, backend, without):
    X, y = categories(N, 5, 20, K)
    offset = np.random.default_rng(2).normal(size=(4, K))[np.arange(N) % 4]
    rows, observed = collapsed(X, y, backend, offset=offset)
    assert rows.n_rows == len(np.unique(np.column_stack([X, y, np.arange(N) % 4]), axis=0))
    assert observed.offset.shape == (rows.n_rows, K - 1)
    assert observed.offset.flags.c_contiguous
    options = {"offset": offset, "backend": backend.BACKEND}
    assert_same_fit(sx.fit(X, y, **options), without(X, y, **options))


def test_grouped_data_collapses_too(backend, without):
    X, _ = categories(5000, 5, 20)
    counts = np.random.default_rng(3).integers(0, 3, size=(5000, 3))
    options = {"backend": backend.BACKEND}
    assert_same_fit(sx.fit(X, counts, **options), without(X, counts, **options))


def test_against_the_oracle(backend):
    X, y = categories(N, 3, 8, 2)
    rows, observed = collapsed(X, y, backend)
    assert rows.n_rows <= 16
    exact = oracle.optimum(rows.block(0, rows.n_rows), observed.codes, 2, weight=observed.weight)
    r = sx.fit(X, y, backend=backend.BACKEND)
    assert oracle.relative_error(np.atleast_2d(r.params), exact.params).max() <= 1e-11
    assert oracle.relative_error([r.llf], [exact.llf]).max() <= 1e-14
    np.testing.assert_allclose(r.predict_proba(X[:50])[:, 1], 1 / (1 + np.exp(-r.decision_function(X[:50]))))


def test_the_two_zeros_are_one(backend):
    X, y = categories(N, 4, 10)
    signed = np.where((X == 0) & (np.random.default_rng(0).random(X.shape) < 0.5), -0.0, X)
    assert collapsed(signed, y, backend)[0].n_rows == collapsed(X, y, backend)[0].n_rows


def test_intercept_alone(backend):
    y = np.arange(N) % 3
    rows, observed = collapsed(np.empty((N, 0)), y, backend)
    assert (rows.n_rows, rows.n_features) == (3, 0)
    assert observed.weight.sum() == N


def distinct(X, y):
    X = X.copy()
    X[:, 0] = np.arange(len(X))
    return X, y, {}


def half_distinct(X, y):
    X = X.copy()
    X[: N // 2, 0] = np.arange(N // 2)
    return X, y, {}


LEFT = {
    "few rows": lambda X, y: (X[: room._FEWEST - 1], y[: room._FEWEST - 1], {}),
    "nothing repeats": distinct,
    "half repeats": half_distinct,
    "weights that are not whole": lambda X, y: (X, y, {"sample_weight": np.full(N, 1.5)}),
    "one weight that is not whole": lambda X, y: (
        X,
        y,
        {"sample_weight": np.where(np.arange(N) == 9, 0.5, 1)},
    ),
    "sums beyond 2^53": lambda X, y: (X, y, {"sample_weight": np.full(N, 2.0**40)}),
    "weights of another scale": lambda X, y: (X, y, {"sample_weight": np.full(N, 2.0**-300)}),
    "nan": lambda X, y: (np.where(np.arange(N)[:, None] == 777, np.nan, X), y, {}),
    "inf": lambda X, y: (np.where(X == 0, np.inf, X), y, {}),
}


@pytest.mark.parametrize("why", LEFT)
def test_left_as_it_is(why, backend):
    X, y = categories(N, 4, 10)
    assert collapsed(X, y, backend) is not None
    X, y, more = LEFT[why](X, y)
    assert collapsed(X, y, backend, **more) is None


def test_the_sample_that_is_mistaken(backend):
    # every row that is looked at is one of few; the others are all different
    X, y = categories(N, 4, 10)
    X[:, 3] = np.arange(N)
    for size, _ in room._LOOKS:
        X[:: N // size | 1, 3] = 0.0
    assert collapsed(X, y, backend) is None


def test_what_is_not_finite_keeps_its_row(backend):
    X, y = categories(N, 4, 10)
    X[[777, 12_000], 2] = np.nan
    with pytest.raises(
        ValueError, match=r"^X must be finite; 2 values nan or inf, the first at X\[777, 2\] = nan$"
    ):
        sx.fit(X, y, backend=backend.BACKEND)


def test_dependent_columns_keep_their_names(backend):
    X, y = categories(N, 4, 10)
    with pytest.raises(ValueError, match=r"X has dependent columns: 'e' is"):
        sx.fit(
            np.column_stack([X, X[:, 0] + X[:, 1]]),
            y,
            names="abcde",
            collinear="raise",
            backend=backend.BACKEND,
        )


def test_a_look_reads_few_rows(backend):
    read = []

    class Watched:
        BACKEND = backend.BACKEND
        THREADED = False

        def group_rows(self, X, key, index_out, first_out):
            read.append(len(X))
            return kernels.get(backend.BACKEND).group_rows(X, key, index_out, first_out)

    X = np.random.default_rng(0).normal(size=(50_000, 3))
    assert collapsed(X, np.arange(50_000) % 2, Watched()) is None
    assert sum(read) <= 300


def test_nothing_is_written(backend):
    X, y = categories(N, 4, 10)
    w, offset = np.ones(N), np.zeros(N)
    given = (X, y, w, offset)
    before = [array.tobytes() for array in given]
    for array in given:
        array.flags.writeable = False
    sx.fit(X, y, sample_weight=w, offset=offset, backend=backend.BACKEND)
    assert [array.tobytes() for array in given] == before
