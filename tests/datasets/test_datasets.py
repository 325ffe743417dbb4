"""The bundled data sets: the numbers are those of their source, and nobody can spoil them."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import statsmodels.datasets
from mpmath import mp

from sigmax import datasets

SIZES = {"spector": (32, 3, 2), "fair": (6366, 8, 2), "anes96": (944, 5, 7)}
DERIVED = {"spector": [], "fair": ["affair"], "anes96": ["logpopul"]}
STATSMODELS = Path(inspect.getfile(statsmodels.datasets)).parent
PROVENANCE = (Path(inspect.getfile(datasets)).parent / "PROVENANCE.md").read_text("utf-8")

every_set = pytest.mark.parametrize("name", SIZES)


def distributed(name: str) -> dict[str, list[float]]:
    """The columns of the statsmodels file, read as text and rounded correctly by float()."""
    text = (STATSMODELS / name / f"{name}.csv").read_text("ascii")
    rows = [re.split(r"[\s,]+", line.strip()) for line in text.splitlines()]
    header = [cell.strip("'\"") for cell in rows[0]]
    return {c: [float(r[j]) for r in rows[1:]] for j, c in enumerate(header)}


def test_names_are_the_three_sets() -> None:
    assert datasets.names() == tuple(SIZES)


@every_set
def test_every_original_column_equals_the_file_of_statsmodels(name: str) -> None:
    want = distributed(name)
    want.pop("OBS", None)  # the running number of the row is not carried over
    data = datasets.load(name)
    assert list(data.columns) == [*want, *DERIVED[name]]
    for column, values in want.items():
        np.testing.assert_array_equal(data.columns[column], np.array(values), strict=True)


@every_set
def test_every_column_equals_what_statsmodels_loads(name: str) -> None:
    frame = getattr(statsmodels.datasets, name).load_pandas().data
    data = datasets.load(name)
    shared = [c for c in data.columns if c != "affair"]
    assert sorted(shared) == sorted(frame.columns)
    for column in shared:
        # The one tolerance is for logpopul: NumPy's log may be off by one unit in the last place.
        np.testing.assert_array_max_ulp(
            data.columns[column], frame[column].to_numpy(), maxulp=int(column == "logpopul")
        )


def test_affair_marks_positive_affairs() -> None:
    data = datasets.load("fair")
    affairs = np.array(distributed("fair")["affairs"])
    np.testing.assert_array_equal(data.columns["affair"], (affairs > 0).astype(float), strict=True)
    assert data.y.sum() == 2053


def test_logpopul_is_the_correctly_rounded_logarithm() -> None:
    data = datasets.load("anes96")
    with mp.workdps(60):
        want = [float(mp.log(mp.convert(p + 0.1))) for p in distributed("anes96")["popul"]]
    np.testing.assert_array_equal(data.columns["logpopul"], np.array(want), strict=True)


@every_set
def test_shapes_types_and_classes(name: str) -> None:
    n, p, n_classes = SIZES[name]
    data = datasets.load(name)
    assert (data.name, data.n_rows) == (name, n)
    assert {values.shape for values in data.columns.values()} == {(n,)}
    assert {values.dtype for values in data.columns.values()} == {np.dtype(np.float64)}
    assert data.X.shape == (n, p)
    assert data.X.dtype == np.float64
    assert data.X.flags.c_contiguous
    assert np.isfinite(data.X).all()
    assert data.y.shape == (n,)
    assert data.y.dtype == np.int64
    np.testing.assert_array_equal(data.y, data.columns[data.target])
    assert np.unique(data.y).tolist() == list(range(n_classes))


@pytest.mark.parametrize(
    ("name", "target", "features"),
    [
        ("spector", "GRADE", "GPA TUCE PSI"),
        (
            "fair",
            "affair",
            "rate_marriage age yrs_married children religious educ occupation occupation_husb",
        ),
        ("anes96", "PID", "logpopul selfLR age educ income"),
    ],
)
def test_default_design(name: str, target: str, features: str) -> None:
    data = datasets.load(name)
    assert data.target == target
    assert data.features == tuple(features.split())
    for j, feature in enumerate(data.features):
        np.testing.assert_array_equal(data.X[:, j], data.columns[feature])


def test_class_counts() -> None:
    assert np.bincount(datasets.load("spector").y).tolist() == [21, 11]
    assert np.bincount(datasets.load("fair").y).tolist() == [4313, 2053]
    assert np.bincount(datasets.load("anes96").y).tolist() == [200, 180, 108, 37, 94, 150, 175]


@every_set
def test_path_is_the_file_that_was_loaded(name: str) -> None:
    data = datasets.load(name)
    with open(data.path, encoding="ascii", newline="") as handle:
        header, *rows = csv.reader(handle)
    assert header == list(data.columns)
    np.testing.assert_array_equal(
        np.array(rows, dtype=np.float64), np.column_stack(list(data.columns.values()))
    )


@every_set
def test_provenance_states_the_checksum_and_the_size_of_the_file(name: str) -> None:
    data = datasets.load(name)
    content = data.path.read_bytes()
    table = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \| `([0-9a-f]{64})` \|$", PROVENANCE, re.M)
    assert [row[0] for row in table] == list(SIZES)
    _, rows, columns, digest = table[list(SIZES).index(name)]
    assert digest == hashlib.sha256(content).hexdigest()
    assert int(rows) == data.n_rows == content.count(b"\n") - 1
    assert int(columns) == len(data.columns)
    assert b"\r" not in content


@every_set
def test_provenance_explains_every_column(name: str) -> None:
    section = PROVENANCE.split(f"\n## {name}\n")[1].split("\n## ")[0]
    explained = re.findall(r"^\| (\w+) \| \S.* \| \S.* \|$", section, re.M)
    assert explained[1:] == list(datasets.load(name).columns)  # explained[0] is the heading


@every_set
def test_rights_are_what_statsmodels_states(name: str) -> None:
    # A data set may be called public domain here only while its distributor calls it so.
    stated = getattr(statsmodels.datasets, name).COPYRIGHT
    public = "public domain" in stated
    short = datasets.load(name).provenance
    assert ("statsmodels states it to be in the public domain" in short) == public
    assert ("not stated to be in the public domain" in short) == (not public)
    assert ("permission" in short) == ("permission" in stated)
    rights = PROVENANCE.split("\n## Rights\n")[1].split("\n## ")[0]
    assert re.search(rf"^\| {name} \| .* \| {'yes' if public else 'no'} \|$", rights, re.M)


@pytest.mark.parametrize("name", ["iris", "", "Spector", "../datasets/data/fair"])
def test_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match="'spector', 'fair', 'anes96'") as caught:
        datasets.load(name)
    assert repr(name) in str(caught.value)


@every_set
def test_later_loads_are_not_affected_by_what_is_done_to_earlier_ones(name: str) -> None:
    want = {c: v.copy() for c, v in datasets.load(name).columns.items()}
    spoiled = datasets.load(name)
    for values in spoiled.columns.values():
        values[:] = -1.0
    spoiled.columns.clear()
    again = datasets.load(name)
    assert list(again.columns) == list(want)
    for column, values in want.items():
        np.testing.assert_array_equal(again.columns[column], values, strict=True)


@every_set
def test_design_and_labels_are_new_arrays(name: str) -> None:
    data = datasets.load(name)
    X, y = data.X, data.y
    want_X, want_y = X.copy(), y.copy()
    X[:] = np.nan
    y[:] = -1
    np.testing.assert_array_equal(data.X, want_X)
    np.testing.assert_array_equal(data.y, want_y)


def test_dataset_is_frozen_and_prints_briefly() -> None:
    data = datasets.load("fair")
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.target = "age"  # type: ignore[misc]
    assert len(repr(data)) < 500
    assert data == data
    assert data != datasets.load("fair")  # identity, never an ambiguous array comparison
    assert len({data, datasets.load("fair")}) == 2
