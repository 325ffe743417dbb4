"""group_rows: rows of equal x and equal key, whatever the layout; the two backends say the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import LAYOUTS


def grouped(kernels, X, key, places=None):
    index = np.full(len(X), -7, np.int64)
    first = np.full(len(X) if places is None else places, -7, np.int64)
    groups = kernels.group_rows(X, np.asarray(key, np.int64), index, first)
    return groups, index, first


def defined(X, key):
    """Groups by the definition, row by row."""
    seen = []
    index = []
    for i, row in enumerate(zip(map(tuple, X), key, strict=True)):
        if row not in [s for s, _ in seen]:
            seen.append((row, i))
        index.append([s for s, _ in seen].index(row))
    return len(seen), index, [i for _, i in seen]


@given(
    st.integers(1, 60),
    st.integers(0, 11),
    st.integers(1, 3),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_definition(backend, n, p, values, keys, random):
    X = np.array([[random.randrange(values) - 1.0 for _ in range(p)] for _ in range(n)]).reshape(n, p)
    key = np.array([random.randrange(keys) for _ in range(n)])
    groups, index, first = grouped(backend, X, key)
    assert (groups, index.tolist(), first[:groups].tolist()) == defined(X, key)
    assert (first[groups:] == -7).all()
    assert grouped(backend, X, key, groups)[0] == groups
    assert grouped(backend, X, key, groups - 1)[0] == -1


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "nested lists"])
def test_layouts(backend, layout):
    rng = np.random.default_rng(3)
    X = rng.integers(0, 3, size=(400, 3)).astype(float)
    given_ = LAYOUTS[layout](X)
    if given_.dtype != np.float64 or not given_.flags.aligned:
        given_ = np.require(given_, np.float64, ["ALIGNED"])
    key = rng.integers(0, 2, 400)
    wanted, found = grouped(backend, X, key), grouped(backend, given_, key)
    assert wanted[0] == found[0] == 54
    np.testing.assert_array_equal(found[1], wanted[1])
    np.testing.assert_array_equal(found[2], wanted[2])


def test_zeros_and_what_is_not_a_number(backend):
    X = np.array([[0.0], [-0.0], [np.nan], [5e-324], [np.nan], [np.inf], [-np.inf], [-5e-324]])
    groups, index, _ = grouped(backend, X, np.zeros(8))
    assert (groups, index.tolist()) == (6, [0, 0, 1, 2, 1, 3, 4, 5])


def test_no_rows_no_columns_no_places(backend):
    none = np.empty((0, 3))
    assert grouped(backend, none, [])[0] == 0
    groups, index, _ = grouped(backend, np.empty((5, 0)), [2, 1, 2, 1, -9])
    assert (groups, index.tolist()) == (3, [0, 1, 0, 1, 2])
    assert grouped(backend, np.ones((1, 1)), [0], places=0)[0] == -1


@pytest.mark.needs_compiled
@pytest.mark.parametrize("p", [1, 12, 130, 300])
def test_many_groups_are_told_apart(compiled, p):
    # dummies: words whose lower halves are empty; and rows that differ in one bit of one column
    rng = np.random.default_rng(p)
    X = (rng.random((3000, p)) < 0.5).astype(float)
    X[::2, p // 2] = np.nextafter(X[::2, p // 2], 2.0)
    X = X[rng.integers(0, 3000, 20_000)]
    groups, index, first = grouped(compiled, X, np.zeros(20_000))
    rows, inverse = np.unique(X, axis=0, return_inverse=True)
    assert groups == len(rows)
    np.testing.assert_array_equal(X[first[:groups]][index], X)
    # a bijection between the two numberings
    assert len(np.unique(index * len(rows) + inverse.ravel())) == groups
