"""Labels without a sort: classes and codes of np.unique and np.searchsorted, whatever dtype and threads."""

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmax.data import labels
from sigmax.data.labels import encode

#: more than a block, and not a multiple of anything
N = 2 * labels._BLOCK + 12_345


def assert_as_sorted(y, counted=None, n_threads=2):
    """Compare with a sort of the labels."""
    y = np.asarray(y)
    rows = slice(None) if counted is None else counted
    classes, codes = encode(y, counted, n_threads)
    wanted = np.unique(y[rows])
    assert classes.dtype == wanted.dtype
    np.testing.assert_array_equal(classes, wanted)
    assert codes.dtype == np.int32
    assert codes.flags.c_contiguous
    np.testing.assert_array_equal(codes[rows], np.searchsorted(wanted, y[rows]))
    assert codes.min() >= 0
    assert codes.max() < len(classes)


WHOLE = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i4", ">u8"]
OTHER = ["f2", "f4", "f8", "g", ">f8", "c16", "S3", "U3", ">U3", "O", "M8[D]", "m8[s]", "T"]


def as_dtype(codes, dtype):
    return codes.astype(np.dtypes.StringDType() if dtype == "T" else dtype)


@pytest.mark.parametrize("K", [2, 3, 40, 100])
@pytest.mark.parametrize("dtype", WHOLE + OTHER)
def test_every_dtype(dtype, K):
    y = np.random.default_rng(K).integers(0, K, N if dtype not in "OT" else 9_000)
    assert_as_sorted(as_dtype(y, dtype))
    assert_as_sorted(as_dtype(y[:50], dtype))


def test_bool():
    y = np.random.default_rng(0).random(N) < 0.3
    assert_as_sorted(y)
    assert_as_sorted(y[:9])


@pytest.mark.parametrize("dtype", ["i1", "i8", "u8", "f8", "U4", "O", "M8[D]"])
def test_classes_that_the_sample_does_not_see(dtype):
    y = np.full(N if dtype != "O" else 9_000, 20)
    # 40 from the middle of a block on; below, between and above what is known, each in few rows
    y[len(y) // 3 :] = 40
    step = len(y) // labels._SAMPLE | 1
    for i, value in ((step + 1, 3), (2 * step - 1, 30), (len(y) - 2, 50), (len(y) - 3, 30)):
        y[i] = value
    assert len(np.unique(y[::step])) == 2
    assert_as_sorted(as_dtype(y, dtype))


@pytest.mark.parametrize("period", [2, 1024, 1025, 3 * 5 * 7])
def test_periods(period):
    step = N // labels._SAMPLE | 1
    assert_as_sorted(np.arange(N) % period)
    assert_as_sorted(np.arange(N) % step)  # the sample sees one class
    assert_as_sorted((np.arange(N) % step).astype(float))


def test_sorted_and_clustered():
    y = np.repeat([7, 5, 6], [N - 40, 30, 10])
    assert_as_sorted(y)
    assert_as_sorted(np.sort(y).astype("U2"))


def test_the_whole_range_of_integers():
    for dtype in ("i8", "u8", "i4", "i1"):
        limits = np.iinfo(dtype)
        values = np.array([limits.min, limits.max, limits.max - 1, limits.min + 1], dtype)
        y = values[np.random.default_rng(0).integers(0, 4, N)]
        assert_as_sorted(y)
        y[N // 2 + 1] = 77  # not in the sample, in no table
        assert_as_sorted(y)
    # a table of all bytes, and one of a part with strangers on both sides of it
    assert_as_sorted(np.arange(N).astype("u1"))
    y = np.where(np.arange(N) % 2 == 0, -3, np.arange(N) % 5).astype("i1")
    y[[11, 13]] = -128, 127
    assert_as_sorted(y)


def test_more_classes_than_a_sample():
    y = np.random.default_rng(1).permutation(np.arange(N) // 2)
    assert_as_sorted(y)
    assert_as_sorted(y.astype("f8"))
    assert_as_sorted((y % 5000) * 10**9)


@given(st.lists(st.sampled_from([-1.5, -0.0, 0.0, 2.0, 1e300, np.inf, -np.inf]), min_size=2, max_size=30))
def test_floats(values):
    if len(set(values)) < 2:
        values = [*values, 7.0, 8.0]
    assert_as_sorted(np.array(values))


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_threads_do_not_matter(threads):
    y = np.random.default_rng(2).integers(0, 9, 5 * labels._BLOCK) ** 5
    y[::10_007] = -1
    one = encode(y, None, 1)
    other = encode(y, None, threads)
    assert one[0].tobytes() == other[0].tobytes()
    assert one[1].tobytes() == other[1].tobytes()


def test_views_of_any_stride():
    y = np.random.default_rng(3).integers(0, 3, 2 * N)
    for view in (y[::2], y[::-1], np.broadcast_to(y[:2], (N, 2))[:, 1], y.reshape(-1, 2)[:, 1]):
        if len(np.unique(view)) > 1:
            assert_as_sorted(view)
    raw = np.zeros(N * 8 + 1, np.uint8)
    shifted = raw[1:].view(np.int64)
    shifted[...] = y[:N]
    assert not shifted.flags.aligned
    assert_as_sorted(shifted)


def test_a_record_is_a_label():
    y = np.array([(1, 2.0), (0, 3.0), (1, 2.0)] * 5000, dtype=[("a", int), ("b", float)])
    classes, codes = encode(y, None, 2)
    assert classes.tolist() == [(0, 3.0), (1, 2.0)]
    assert codes.tolist() == [1, 0, 1] * 5000


def test_objects():
    day = datetime.date(2020, 1, 1)
    for values in (["b", "a"], [2, 1], [1, 2.5], [(1, 2), (0, 5)], [day, day.replace(year=2019)], [True, 0]):
        y = np.empty(2000, dtype=object)
        for i in range(2000):
            y[i] = values[i % 3 % 2]
        classes, codes = encode(y)
        assert classes.tolist() == sorted(values)
        assert [classes[k] for k in codes] == list(y)


def test_objects_without_a_hash_and_with_a_hash_that_differs():
    class Label:
        def __init__(self, value, noise):
            self.value, self.noise = value, noise

        def __eq__(self, other):
            return self.value == other.value

        def __lt__(self, other):
            return self.value < other.value

        def __hash__(self):
            return hash((self.value, self.noise))

    y = np.array([Label(i % 2, i) for i in range(100)], dtype=object)
    classes, codes = encode(y)
    assert [label.value for label in classes] == [0, 1]
    assert codes.tolist() == [0, 1] * 50
    lists = np.empty(4, dtype=object)
    for i in range(4):
        lists[i] = [i % 2]
    classes, codes = encode(lists)
    assert classes.tolist() == [[0], [1]]
    assert codes.tolist() == [0, 1, 0, 1]


def test_rows_that_do_not_count_define_no_class():
    y = np.random.default_rng(5).integers(0, 4, N)
    counted = y != 2
    assert_as_sorted(y, counted)
    assert_as_sorted(y.astype("U1"), counted)
    assert_as_sorted(np.where(y == 2, 99.5, y), counted)


def missing_in(y, first, count, counted=None):
    verb = f"must not have missing labels; {count:,} {'rows' if count > 1 else 'row'} without one"
    with pytest.raises(ValueError, match=rf"^y {verb}, the first is y\[{first}\]$"):
        encode(y, counted, 2)


@pytest.mark.parametrize("size", [100, N])
def test_missing_labels(size):
    bad = [size - 60, size - 7, size - 8]
    whole = np.arange(size) % 2
    for dtype, gap in (("f4", np.nan), ("f8", np.nan), ("c16", np.nan), ("M8[s]", "NaT"), ("m8[s]", "NaT")):
        y = whole.astype(dtype)
        y[bad] = gap
        missing_in(y, size - 60, 3)
        # also where a row does not count
        counted = np.ones(size, bool)
        counted[bad] = False
        missing_in(y, size - 60, 3, counted)
    if size == N:
        y = whole.astype(float)
        y[:] = np.nan
        missing_in(y, 0, N)


@pytest.mark.parametrize("gap", [None, float("nan"), np.datetime64("NaT")])
def test_missing_objects(gap):
    y = np.array(["a", "b"] * 50, dtype=object)
    y[[7, 3]] = gap
    missing_in(y, 3, 2)


def test_missing_text_of_any_width():
    y = np.array(["a", "b", np.nan, "a"], dtype=np.dtypes.StringDType(na_object=np.nan))
    missing_in(y, 2, 1)


def test_mixed_kinds():
    y = np.array(["a", "b", 3, "a", 4.0], dtype=object)
    with pytest.raises(
        ValueError,
        match=r"^y must hold labels of one sortable kind; it mixes kinds, such as text and numbers: "
        r"2 labels not comparable with y\[0\] = 'a', the first is y\[2\] = 3$",
    ):
        encode(y)


@pytest.mark.parametrize("size", [50, N])
def test_measurements(size):
    y = np.linspace(0, 1, size)
    with pytest.raises(ValueError, match=rf"its {size} distinct fractional values look like measurements$"):
        encode(y)
    assert_as_sorted(np.floor(y * 30))
    assert_as_sorted(np.floor(y * 19) / 2)  # 20 of them may be labels


def test_one_class():
    for y, shown in ((np.full(N, 3), "3"), (np.full(N, "ab"), "'ab'"), (np.zeros(N, bool), "False")):
        with pytest.raises(
            ValueError, match=rf"^y must hold at least two classes; got only {shown}, in {N:,} rows$"
        ):
            encode(y)
    with pytest.raises(ValueError, match=r"got only 0, in 1 row of positive weight$"):
        encode(np.array([0, 1]), np.array([True, False]))


def test_labels_are_not_written():
    y = np.random.default_rng(6).integers(0, 3, N).astype(float)
    y[100] = 9.0
    before = y.tobytes()
    y.flags.writeable = False
    assert_as_sorted(y)
    assert y.tobytes() == before
