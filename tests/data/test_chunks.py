"""Rows in chunks: the same blocks as one array, views where possible, work space of a block, and messages."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import LAYOUTS

import sigmax as sx
from sigmax import kernels, passes
from sigmax.data.chunks import Chunks
from sigmax.data.design import Design

#: whole numbers, so that every dtype below holds them
X = np.random.default_rng(0).integers(0, 100, size=(23, 3)).astype(float)
FORMS = {name: LAYOUTS[name] for name in LAYOUTS if name != "nested lists"} | {
    dtype: lambda x, dtype=dtype: x.astype(dtype) for dtype in ("float32", "float16", "int8", "uint64", ">i2")
}


def cut(x, sizes):
    """`x` in parts of these sizes; the last one takes the rest."""
    ends = np.cumsum(sizes)
    return np.split(x, np.minimum(ends, len(x)))


def assert_same_blocks(chunks, x):
    assert (chunks.n_rows, chunks.n_features) == x.shape
    for start, stop in itertools.combinations(range(len(x) + 1), 2):
        block = chunks.block(start, stop)
        assert block.dtype == np.float64
        assert block.dtype.isnative
        assert block.flags.aligned
        np.testing.assert_array_equal(block, x[start:stop])


@given(st.lists(st.integers(0, 9), max_size=12), st.data())
def test_every_block_of_any_cuts(sizes, data):
    parts = cut(X, sizes)
    forms = [data.draw(st.sampled_from(sorted(FORMS))) for _ in parts]
    # an empty part has no layout to speak of
    given = [FORMS[form](part) if len(part) else part for form, part in zip(forms, parts, strict=True)]
    assert_same_blocks(Chunks(given), X)


@pytest.mark.parametrize("size", [1, 2, 7, 22, 23, 100])
def test_every_block_of_equal_chunks(size):
    assert_same_blocks(Chunks([X[at : at + size] for at in range(0, len(X), size)]), X)


def test_empty_chunks_anywhere():
    none = np.empty((0, 3), dtype=np.int8)
    assert_same_blocks(Chunks([none, none, X[:5], none, X[5:6], none, none, X[6:], none]), X)


def test_any_iterable_of_rows():
    assert_same_blocks(Chunks(row[None] for row in X), X)
    assert_same_blocks(Chunks((X[:9].tolist(), X[9:])), X)
    assert_same_blocks(Chunks(X[:22].reshape(2, 11, 3)), X[:22])


def test_a_view_inside_a_chunk_and_a_copy_across():
    parts = [X[:9].copy(), np.asfortranarray(X[9:15]), X[15:].astype(np.float32)]
    chunks = Chunks(parts)
    for start, stop in ((0, 9), (2, 5), (8, 9), (9, 15), (10, 12)):
        block = chunks.block(start, stop)
        assert any(np.shares_memory(block, part) for part in parts), (start, stop)
    for start, stop in ((8, 10), (0, 23), (14, 16), (15, 23), (16, 17)):
        block = chunks.block(start, stop)
        assert not any(np.shares_memory(block, part) for part in parts), (start, stop)
    # each copy is its own: threads ask for blocks at the same time
    assert not np.shares_memory(chunks.block(8, 10), chunks.block(8, 10))


def test_one_array_is_one_chunk():
    assert np.shares_memory(Chunks.of(X).block(0, 23), X)
    chunks = Chunks([X])
    assert Chunks.of(chunks) is chunks


def test_read_only_chunks_are_enough():
    parts = cut(X, [4, 4, 9])
    for part in parts:
        part.flags.writeable = False
    before = [part.tobytes() for part in parts]
    sx.fit(Chunks(parts), np.arange(23) % 2)
    assert [part.tobytes() for part in parts] == before


@pytest.mark.parametrize("size", [1, 100, 5000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_work_space_is_a_block(size, dtype):
    x = np.zeros((60_000, 20), dtype)
    design = Design(Chunks([x[at : at + size] for at in range(0, len(x), size)]))
    block_bytes = passes.block_rows(design.width) * 20 * 8
    tracemalloc.start()
    try:
        blocks = passes.blocks(design.n_rows, passes.block_rows(design.width))
        rows = sum(len(design.block(start, stop)) for start, stop in blocks)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows == len(x)
    # the block before goes when the next one is there
    assert most < 2.1 * block_bytes
    assert most < 0.7 * x.size * 8


# -- fits --------------------------------------------------------------------------------------------


def test_a_fit_of_chunks(backend):
    data = sx.datasets.load("anes96")
    whole = sx.fit(data.X, data.y, names=data.features, backend=backend.BACKEND)
    chunks = Chunks(cut(data.X, [0, 1, 200, 0, 1, 500]))
    r = sx.fit(chunks, data.y, names=data.features, backend=backend.BACKEND)
    assert r.params.tobytes() == whole.params.tobytes()  # one block: rows are copied, nothing else
    assert r.covariance.tobytes() == whole.covariance.tobytes()
    assert r.param_names == whole.param_names
    assert r.certificate.passes == whole.certificate.passes


def test_dependent_columns_in_chunks(backend):
    X = np.random.default_rng(1).normal(size=(40, 2))
    parts = cut(np.column_stack([X, X @ [1.0, 2.0]]), [7, 7])
    with pytest.raises(ValueError, match="X has dependent columns: 'x3' is"):
        sx.fit(Chunks(parts), np.arange(40) % 2, collinear="raise", backend=backend.BACKEND)


# -- messages ----------------------------------------------------------------------------------------

BAD_CHUNKS = {
    "none": ([], ValueError, "chunks must hold at least one array; got none"),
    "a number": (5, TypeError, "chunks must be a sequence of arrays; got int"),
    "text": ("ab", TypeError, "chunks must be a sequence of arrays; got str"),
    "one array": (
        X,
        ValueError,
        r"chunks\[0\] must have two dimensions, rows and columns; got shape \(3,\)",
    ),
    "a vector": ([X, X[0]], ValueError, r"chunks\[1\] must have two dimensions.*got shape \(3,\)"),
    "width": (
        [X, X, X[:, :2]],
        ValueError,
        r"chunks\[2\] must have 3 columns, as chunks\[0\] has.*\(23, 2\)",
    ),
    "width of an empty one": ([X, X[:0, :1]], ValueError, r"chunks\[1\] must have 3 columns.*\(0, 1\)"),
    "one column": ([X[:, :1], X], ValueError, r"chunks\[1\] must have 1 column, as chunks\[0\] has"),
    "complex": ([X, X + 0j], ValueError, r"chunks\[1\] must hold real numbers; got dtype complex128"),
    "objects": ([X, X.astype(object)], ValueError, r"chunks\[1\] must hold real numbers; got dtype object"),
}


@pytest.mark.parametrize(("chunks", "error", "message"), BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_bad_chunks(chunks, error, message):
    with pytest.raises(error, match=message):
        Chunks(chunks)


def test_no_rows_and_no_columns():
    with pytest.raises(ValueError, match="X has no rows"):
        sx.fit(Chunks([X[:0], X[:0]]), [])
    with pytest.raises(ValueError, match="X has no columns"):
        sx.fit(Chunks([X[:, :0], X[:, :0]]), np.arange(46) % 2, fit_intercept=False)
    with pytest.raises(ValueError, match=r"y must have shape \(46,\)"):
        sx.fit(Chunks([X, X]), np.arange(23) % 2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(value, backend):
    parts = [part.copy() for part in cut(X, [5, 0, 1, 9])]
    parts[3][4, 1] = parts[3][4, 2] = parts[4][0, 0] = value  # row 5 + 0 + 1 + 4 of X is the first
    message = (
        rf"^X must be finite; 3 values nan or inf, the first at chunks\[3\]\[4, 1\] = {value}, row 10 of X$"
    )
    with pytest.raises(ValueError, match=message):
        sx.fit(Chunks(parts), np.arange(23) % 2, backend=backend.BACKEND)


# where long double is more than float64: not with MSVC, nor on AArch64 under macOS
if np.finfo(np.longdouble).max > np.finfo(np.float64).max:

    def test_numbers_beyond_float64_in_a_chunk():
        wide = np.ones((4, 1), dtype=np.longdouble)
        wide[2] = np.finfo(np.longdouble).max
        chunks = Chunks([np.ones((2, 1)), wide])
        with np.errstate(over="ignore"), pytest.raises(ValueError, match="X holds numbers beyond"):
            sx.fit(chunks, [0, 1, 0, 1, 0, 1])


def test_largest_over_chunks():
    x = np.random.default_rng(2).normal(size=(5000, 3))
    design = Design(Chunks(cut(x, [1, 1000, 2000])), names="abc")
    found = design.largest(kernels.get("reference"), 1)
    np.testing.assert_array_equal(found, [1.0, *np.abs(x).max(axis=0)])
    assert design.names == ("intercept", "a", "b", "c")


@pytest.mark.parametrize("layout", ["columns", "a part of the columns", "every other row", "reversed"])
def test_some_rows_are_taken_without_a_copy_of_all(layout):
    x = np.random.default_rng(0).normal(size=(20_000, 8))
    array = {
        "columns": np.asfortranarray(x),
        "a part of the columns": x[:, 2:],
        "every other row": x[::2],
        "reversed": x[::-1, ::-1],
    }[layout]
    chunks = Chunks.of(array, None)
    rows = np.array([7, 3, len(array) - 1, 3])
    tracemalloc.start()
    try:
        found = chunks.take(rows)
        assert tracemalloc.get_traced_memory()[1] < array.nbytes / 20
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(found, array[rows])
    assert found.flags.c_contiguous
    assert found.dtype == np.float64
    found[0] = 0.0  # a copy
    assert (array[7] != 0.0).all()
