"""A design without some of its columns: the rows that it reads are those of X[:, keep]."""

import numpy as np
import pytest
from layouts import LAYOUTS

from sigmax.data.chunks import Chunks
from sigmax.data.design import Design

X = np.random.default_rng(0).normal(size=(60, 6))
KEEP = {
    "first": [1, 1, 1, 0, 0, 0],
    "last": [0, 0, 0, 0, 1, 1],
    "every other": [1, 0, 1, 0, 1, 0],
    "irregular": [1, 0, 1, 1, 0, 1],
    "one": [0, 0, 1, 0, 0, 0],
    "all": [1] * 6,
    "none": [0] * 6,
}
KEEP = {name: np.array(keep, bool) for name, keep in KEEP.items()}


def assert_rows(rows, wanted):
    """Whatever reads them."""
    n, p = wanted.shape
    assert (rows.n_rows, rows.n_features) == (n, p)
    for start, stop in ((0, n), (3, 9), (n - 1, n), (17, 43)):
        np.testing.assert_array_equal(rows.block(start, stop), wanted[start:stop])
        assert rows.block(start, stop).dtype == np.float64
    index = np.array([0, 4, 5, 33, n - 1])
    np.testing.assert_array_equal(rows.take(index), wanted[index])
    for step in (1, 7):
        np.testing.assert_array_equal(rows.every(step), wanted[::step])
    twice = rows.repeated(2)
    assert (twice.n_rows, twice.n_distinct, twice.n_features) == (2 * n, n, p)
    np.testing.assert_array_equal(twice.block(n - 2, n + 3), np.vstack([wanted, wanted])[n - 2 : n + 3])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", KEEP)
def test_columns_of_any_layout(layout, name):
    assert_rows(Chunks.of(LAYOUTS[layout](X)).columns(KEEP[name]), X[:, KEEP[name]])


@pytest.mark.parametrize("name", KEEP)
def test_columns_of_chunks(name):
    cut = [X[:7], X[7:7], np.asfortranarray(X[7:30]), X[30:].astype(np.longdouble)]
    assert_rows(Chunks(cut).columns(KEEP[name]), X[:, KEEP[name]])


@pytest.mark.parametrize("name", [name for name in KEEP if name != "none"])
def test_columns_of_columns(name):
    keep = KEEP[name]
    twice = np.arange(keep.sum()) % 2 == 0
    assert_rows(Chunks.of(X).columns(keep).columns(twice), X[:, keep][:, twice])


def test_regular_columns_are_views():
    for name in ("first", "last", "every other", "one", "all"):
        assert np.shares_memory(Chunks.of(X).columns(KEEP[name]).block(3, 50), X)
    assert Chunks.of(X).columns(KEEP["irregular"]).block(3, 50).flags.c_contiguous


def test_a_message_has_the_place_in_x():
    bad = X.copy()
    bad[5, 4] = np.nan
    with pytest.raises(ValueError, match=r"the first at X\[5, 4\] = nan"):
        Chunks.of(bad).columns(KEEP["last"]).require_finite()


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("name", [name for name in KEEP if name != "none"])
def test_a_design_without(backend, name, intercept):
    keep = KEEP[name]
    design = Design(X, intercept=intercept, names=list("abcdef"))
    left_out = np.array([False] * intercept + (~keep).tolist())
    few = design.without(left_out)
    assert few.names == (*["intercept"] * intercept, *np.array(list("abcdef"))[keep])
    assert (few.n_rows, few.n_features, few.width) == (60, keep.sum(), keep.sum() + intercept)
    assert_rows(few.rows, X[:, keep])
    largest = [1.0] * intercept + np.abs(X[:, keep]).max(axis=0).tolist()
    np.testing.assert_array_equal(few.largest(backend, 1), largest)
    index = np.array([1, 2, 40])
    np.testing.assert_array_equal(few.pick(index, 1).block(0, 3), X[index][:, keep])
    again = few.of(few.rows)
    assert (again.names, again.width) == (few.names, few.width)
    assert design.width == 6 + intercept  # the design itself is as it was


def test_a_design_of_its_intercept_alone():
    few = Design(X).without(np.arange(7) > 0)
    assert (few.width, few.n_rows, few.names) == (1, 60, ("intercept",))
    assert few.block(2, 9).shape == (7, 0)


def test_something_has_to_be_left():
    for design, gone in ((Design(X), np.arange(7) == 0), (Design(X, intercept=False), np.ones(6, bool))):
        with pytest.raises(ValueError, match="a design needs its intercept, or a column"):
            design.without(gone)
