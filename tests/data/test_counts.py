"""Grouped data: counts for each class are repeated rows, without a copy of X."""

import tracemalloc

import numpy as np
import pytest
from oracles import newton as oracle

import sigmax as sx
from sigmax import kernels
from sigmax.data.chunks import Chunks
from sigmax.data.design import Design
from sigmax.data.observe import observe


def data(n, p, K, seed=0):
    """X, and counts 0 .. 4 with some rows of zeros."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 5, size=(n, K))
    counts[::9] = 0
    return rng.normal(size=(n, p)), counts


def repeated(X, counts):
    """The same as one row for each observation: rows and labels."""
    n, K = counts.shape
    times = counts.T.ravel()
    rows = np.tile(np.arange(n), K)
    return np.repeat(rows, times), np.repeat(np.repeat(np.arange(K), n), times)


def observed(X, y, weight=None, offset=None):
    return observe(Design(X), y, weight, offset, None, 1)


def assert_same_fit(a, b):
    size = np.abs(b.params).max()
    np.testing.assert_allclose(a.params, b.params, rtol=0, atol=1e-13 * size)
    np.testing.assert_allclose(a.bse, b.bse, rtol=1e-13)
    assert a.llf == pytest.approx(b.llf, rel=1e-13)
    assert a.nobs == b.nobs
    np.testing.assert_array_equal(a.classes, b.classes)


@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("dtype", [np.int8, np.uint64, np.float64, ">f4"])
def test_counts_are_repeated_rows(K, dtype, backend):
    X, counts = data(60, 2, K, K)
    rows, labels = repeated(X, counts)
    r = sx.fit(X, counts.astype(dtype), backend=backend.BACKEND)
    assert_same_fit(r, sx.fit(X[rows], labels, backend=backend.BACKEND))
    assert r.classes.tolist() == list(range(K))
    assert r.classes.dtype.kind == "i"
    assert r.nobs == counts.sum()


@pytest.mark.parametrize("K", [2, 3])
def test_weights_offsets_and_no_intercept(K, backend):
    X, counts = data(50, 2, K, 10 + K)
    rng = np.random.default_rng(1)
    w, offset = rng.integers(0, 4, 50).astype(float), rng.normal(size=(50, K))
    r = sx.fit(X, counts, sample_weight=w, offset=offset, fit_intercept=False, backend=backend.BACKEND)
    rows, labels = repeated(X, counts * w.astype(int)[:, None])
    other = sx.fit(X[rows], labels, offset=offset[rows], fit_intercept=False, backend=backend.BACKEND)
    assert_same_fit(r, other)


@pytest.mark.parametrize("K", [2, 4])
def test_fractional_counts_against_the_oracle(K, backend):
    rng = np.random.default_rng(20 + K)
    X, counts = rng.normal(size=(30, 2)), rng.exponential(size=(30, K))
    offset = rng.normal(size=(30, K))
    w = rng.random(30)
    r = sx.fit(X, counts, sample_weight=w, offset=offset, backend=backend.BACKEND)
    weight = (counts * w[:, None]).T.ravel()
    against_first = np.tile(offset[:, 1:] - offset[:, :1], (K, 1))
    exact = oracle.optimum(
        np.tile(X, (K, 1)),
        np.repeat(np.arange(K), 30),
        K,
        weight=weight,
        offset=against_first[:, 0] if K == 2 else against_first,
    )
    assert oracle.relative_error(np.atleast_2d(r.params), exact.params).max() <= 1e-11
    assert oracle.relative_error(np.atleast_2d(r.bse), exact.bse).max() <= 1e-11
    assert oracle.relative_error([r.llf], [exact.llf]).max() <= 1e-14
    assert r.nobs == pytest.approx(weight.sum(), rel=1e-14)


def test_a_vector_of_offsets_for_two_classes(backend):
    X, counts = data(40, 1, 2)
    offset = np.random.default_rng(3).normal(size=40)
    a = sx.fit(X, counts, offset=offset, backend=backend.BACKEND)
    b = sx.fit(X, counts, offset=np.column_stack([np.zeros(40), offset]), backend=backend.BACKEND)
    np.testing.assert_array_equal(a.params, b.params)


@pytest.mark.parametrize("weighted", [False, True])
def test_one_hot_counts_are_labels(weighted, backend):
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(80, 2)), rng.integers(0, 3, 80)
    hot = np.eye(3, dtype=bool)[y]
    w = rng.random(80) if weighted else None
    design, got = observed(X, hot, w)
    assert design.n_rows == 80
    assert np.shares_memory(design.block(0, 80), X)
    np.testing.assert_array_equal(got.codes, y)
    if weighted:
        np.testing.assert_array_equal(got.weight, w)
    else:
        assert got.weight is None
    a = sx.fit(X, hot, sample_weight=w, backend=backend.BACKEND)
    b = sx.fit(X, y, sample_weight=w, backend=backend.BACKEND)
    assert a.params.tobytes() == b.params.tobytes()
    assert a.covariance.tobytes() == b.covariance.tobytes()


def test_one_class_a_row_with_counts_is_labels_with_weights():
    X = np.arange(8.0).reshape(4, 2)
    design, got = observed(X, [[0, 3], [0.5, 0], [0, 0], [0, 1]])
    assert design.n_rows == 4
    assert got.codes[[0, 1, 3]].tolist() == [1, 0, 1]
    assert got.weight.tolist() == [3.0, 0.5, 0.0, 1.0]
    assert (got.total_weight, got.smallest_weight) == (4.5, 0.5)


def test_x_is_not_copied():
    X, counts = np.zeros((20_000, 30)), np.random.default_rng(0).integers(1, 4, size=(20_000, 4))
    X[:, :] = np.random.default_rng(1).normal(size=X.shape)
    tracemalloc.start()
    try:
        design, got = observed(X, counts)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert design.n_rows == len(got.codes) == 80_000
    assert most < X.nbytes
    for k in range(4):
        assert np.shares_memory(design.block(20_000 * k, 20_000 * (k + 1)), X)
    np.testing.assert_array_equal(got.weight, counts.T.ravel())


def test_chunks_repeat_as_a_whole():
    X, counts = data(50, 2, 3)
    chunks = Chunks([X[:20], X[20:20], X[20:].astype(np.float32)])
    design, _ = observed(chunks, counts)
    whole = np.vstack([X[:20], X[20:].astype(np.float32)])
    np.testing.assert_array_equal(design.block(0, 150), np.tile(whole, (3, 1)))
    assert (design.rows.n_rows, design.rows.n_distinct) == (150, 50)
    assert design.names == ("intercept", "x1", "x2")
    np.testing.assert_array_equal(
        design.largest(kernels.get("reference"), 1), [1.0, *np.abs(whole).max(axis=0)]
    )


def test_rows_of_zeros_do_not_count(backend):
    X, counts = data(60, 2, 3)
    some = counts.any(axis=1)
    assert not some.all()
    assert_same_fit(
        sx.fit(X, counts, backend=backend.BACKEND), sx.fit(X[some], counts[some], backend=backend.BACKEND)
    )


@pytest.mark.parametrize("shift", [-900, -150, 150, 900])
def test_counts_and_weights_of_any_scale(shift):
    X, counts = data(60, 2, 3)
    _, plain = observed(X, counts)
    _, scaled = observed(X, np.ldexp(counts.astype(float), shift))
    np.testing.assert_array_equal(np.ldexp(scaled.weight * scaled.scale, -shift), plain.weight)
    # as the product of two
    _, both = observed(X, np.ldexp(counts.astype(float), shift), np.full(60, 2.0**-shift))
    np.testing.assert_array_equal(both.weight * both.scale, plain.weight)
    assert both.total_weight == plain.total_weight == counts.sum()


GOOD = np.array([[1, 2], [0, 3], [4, 0], [1, 1]])


def but(**cells):
    y = GOOD.astype(float)
    for name, value in cells.items():
        y[int(name[1]), int(name[2])] = value
    return y


EXPECTED = r"^y must have shape \(4,\), one label for each row of X, or \(4, K\) with K >= 2 columns, "
BAD = {
    "one column": (GOOD[:, :1], None, EXPECTED + r"the counts of each class; got \(4, 1\)$"),
    "no column": (GOOD[:, :0], None, EXPECTED + r".*got \(4, 0\)$"),
    "rows": (GOOD[:3], None, EXPECTED + r".*got \(3, 2\)$"),
    "three dimensions": (GOOD[None], None, r"^y must have shape \(4,\), one label.*got \(1, 4, 2\)$"),
    "negative": (
        but(c10=-1, c31=-2),
        None,
        r"^y must hold counts of at least 0; 2 values negative, the first at y\[1, 0\] = -1.0$",
    ),
    "nan": (but(c21=np.nan), None, r"^y must be finite; 1 value nan or inf, the first at y\[2, 1\] = nan$"),
    "inf": (but(c00=np.inf), None, r"^y must be finite; 1 value nan or inf, the first at y\[0, 0\] = inf$"),
    "text": (GOOD.astype("U1"), None, r"^y with two dimensions must hold real numbers; got dtype <U1$"),
    "zero": (0 * GOOD, None, r"^y must have a positive value; all 8 are 0$"),
    "a class without a count": (
        GOOD * [1, 0],
        None,
        r"^y must have a positive count for each class; "
        r"1 column without one, the first is class 1, y\[:, 1\]; classes=",
    ),
    "a class without a count that counts": (
        GOOD,
        [0, 1, 0, 0],
        r"^y must have a positive count for each class, in a row of positive weight; "
        r"1 column without one, the first is class 0, y\[:, 0\]; classes=",
    ),
    "weight": (
        GOOD,
        [1, 1, -1, 1],
        r"^sample_weight must not be negative; 1 value.*sample_weight\[2\] = -1.0$",
    ),
    "ragged": ([[1, 2], [1], [3, 4], [5, 6]], None, "^y must be one label for each row of X, or a matrix of"),
}


@pytest.mark.parametrize(("y", "weight", "message"), BAD.values(), ids=BAD.keys())
def test_messages(y, weight, message, backend):
    with pytest.raises(ValueError, match=message):
        sx.fit(np.arange(4.0)[:, None] ** 2, y, sample_weight=weight, backend=backend.BACKEND)


def test_what_is_not_finite_is_named_once(backend):
    X, counts = data(30, 2, 3)
    X[7, 1] = np.nan
    with pytest.raises(
        ValueError, match=r"^X must be finite; 1 value nan or inf, the first at X\[7, 1\] = nan$"
    ):
        sx.fit(X, counts, backend=backend.BACKEND)
    chunks = Chunks([X[:5], X[5:]])
    with pytest.raises(
        ValueError, match=r"; 1 value nan or inf, the first at chunks\[1\]\[2, 1\] = nan, row 7 of X$"
    ):
        sx.fit(chunks, counts, backend=backend.BACKEND)


def test_offsets_of_a_wrong_shape():
    with pytest.raises(ValueError, match=r"^offset must have shape \(4, 2\) or \(4,\); got \(4, 3\)$"):
        sx.fit(np.ones((4, 1)), GOOD, offset=np.zeros((4, 3)))
