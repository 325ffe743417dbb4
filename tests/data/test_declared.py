"""Classes that a user declares."""

from __future__ import annotations

import numpy as np
import pytest

from sigmax.data.counts import grouped
from sigmax.data.declared import declared, in_order
from sigmax.data.response import response


def encoded(y, classes, **options):
    return response(np.asarray(y), len(y), classes=classes, **options)


@pytest.mark.parametrize(
    ("y", "classes", "codes"),
    [
        ([2, 5, 2], [5, 2, 9], [0, 1, 0]),
        ([5, 9], [9, 5, 2], [1, 2]),
        (["b", "d"], ["d", "c", "b", "a"], [1, 3]),
        ([True, True], [False, True], [1, 1]),
        ([2.0, 1.0], [1, 2, 3], [1, 0]),
        ([1, 2], [1.5, 1.0, 2.0], [0, 2]),
        (["long label", "x"], ["x", "y", "long label"], [0, 1]),
    ],
)
def test_codes_are_places_in_sorted_order(y, classes, codes):
    found = encoded(y, classes)
    assert found.classes.tolist() == sorted(classes)
    assert found.codes.tolist() == codes
    assert found.codes.dtype == np.int32
    assert [found.classes[k] for k in found.codes] == y


def test_times_and_objects():
    days = np.array(["2020-01-02", "2020-01-01"], "datetime64[D]")
    found = encoded(days, np.array(["2020-01-03", "2020-01-02", "2020-01-01"], "datetime64[D]"))
    assert found.codes.tolist() == [1, 0]
    found = encoded(np.array(["b", "a"], object), np.array(["a", "b", "c"], object))
    assert found.codes.tolist() == [1, 0]
    assert found.absent == (2,)


@pytest.mark.parametrize("absent", [0, 1, 2])
def test_absent(absent):
    y = [k for k in range(3) if k != absent] * 2
    assert encoded(y, [0, 1, 2]).absent == (absent,)
    assert encoded([0, 0], [0, 1, 2]).absent == (1, 2)
    weight = np.where(np.arange(4) % 2, 1.0, 0.0)
    assert encoded(y, [0, 1, 2], sample_weight=weight).absent == tuple(sorted({0, 1, 2} - {y[1]}))


def test_a_label_that_is_none_of_them():
    with pytest.raises(
        ValueError,
        match=r"y must hold labels of classes, \[1, 2\]; 2 rows with another one, the first is y\[1\] = 7",
    ):
        encoded([1, 7, 2, 8], [2, 1])
    with pytest.raises(ValueError, match=r"1 row with another one, the first is y\[2\] = 'c'"):
        encoded(["a", "b", "c"], ["a", "b"])
    with pytest.raises(ValueError, match=r"y\[0\] = '1'"):
        encoded(["1", "2"], [1, 2])


def test_a_strange_label_in_a_row_that_does_not_count():
    found = encoded([1, 7, 2], [1, 2, 3], sample_weight=[1.0, 0.0, 1.0])
    assert found.codes[[0, 2]].tolist() == [0, 1]
    assert found.absent == (2,)
    with pytest.raises(ValueError, match=r"1 row with another one, the first is y\[2\] = 8"):
        encoded([1, 7, 8], [1, 2, 3], sample_weight=[1.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([1], r"classes must hold at least two labels, in one dimension; got shape \(1,\)"),
        ([], r"got shape \(0,\)"),
        ([[1, 2]], r"got shape \(1, 2\)"),
        (3, r"got shape \(\)"),
        ([1, 2, 1], "classes must differ; 1 stands more than once"),
        (["a", "b", "b"], "classes must differ; 'b' stands more than once"),
        ([1.0, np.nan], "classes must not hold missing labels"),
        (np.array(["a", None], object), "classes must not hold missing labels"),
    ],
)
def test_bad_classes(classes, message):
    with pytest.raises(ValueError, match=message):
        declared(classes)


def test_labels_that_do_not_compare():
    with pytest.raises(ValueError, match="classes must hold labels of one sortable kind"):
        in_order(declared(np.array([1, "a"], object)))


def test_columns_of_counts_keep_the_order_they_are_given_in():
    found = grouped(np.array([[1, 0, 2], [3, 0, 0]]), 2, classes=["z", "y", "x"])
    assert found.classes.tolist() == ["z", "y", "x"]
    assert found.absent == (1,)
    assert found.total_weight == 6.0
    with pytest.raises(
        ValueError, match=r"classes must hold one label for each of the 3 columns of y; got 2"
    ):
        grouped(np.array([[1, 0, 2]]), 1, classes=["z", "y"])
    with pytest.raises(ValueError, match="y must have a positive value; all 4 are 0"):
        grouped(np.zeros((2, 2)), 2, classes=["z", "y"])
