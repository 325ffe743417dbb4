"""``sigmax predict``: the numbers of the library, beside what is kept, from any file."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import sigmax as sx

HOLES = "id,b,a\n1,0.5,1\n2,,2\n007,1.5,NA\nNA,2.5,4\n"


@pytest.fixture
def model(folder):
    """A model of columns a and b, in model.npz, and the result."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 2))
    y = np.where(X[:, 0] + rng.logistic(size=60) > 0.0, "up", "down")
    result = sx.fit(X, y, names=["a", "b"])
    result.save("model.npz")
    return result


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def numbers(found, name):
    return np.array([float(one[name]) for one in found])


def as_csv(path, table):
    pa.csv.write_csv(table, path)


def some(n, seed=0):
    rng = np.random.default_rng(seed)
    return pa.table({"b": rng.normal(size=n), "other": ["x"] * n, "a": rng.normal(size=n)})


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("d.csv", as_csv),
        ("d.parquet", lambda path, table: pq.write_table(table, path, row_group_size=100)),
        ("d.feather", lambda path, table: pa.feather.write_feather(table, path, chunksize=100)),
    ],
)
def test_predictions_are_those_of_the_library(shell, model, name, write):
    table = some(257)
    write(name, table)
    X = np.column_stack([table["a"], table["b"]])
    code, out, err = shell("predict", "model.npz", name)
    assert (code, err) == (0, "")
    found = rows(out)
    assert list(found[0]) == ["predicted", "p_down", "p_up"]
    p = model.predict_proba(X)
    # every digit is written: the bits come back
    np.testing.assert_array_equal(numbers(found, "p_up"), p[:, 1])
    np.testing.assert_array_equal(numbers(found, "p_down"), p[:, 0])
    assert [one["predicted"] for one in found] == model.predict(X).tolist()
    code, out, _ = shell("predict", "model.npz", name, "--level", "0.9", "--proba")
    found, wanted = rows(out), model.predict_proba(X, 0.9)
    assert list(found[0]) == [f"p_{c}{end}" for c in ("down", "up") for end in ("", "_lower", "_upper")]
    np.testing.assert_array_equal(numbers(found, "p_up_lower"), wanted.lower[:, 1])
    np.testing.assert_array_equal(numbers(found, "p_down_upper"), wanted.upper[:, 0])


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "feather"])
def test_what_is_kept_comes_back_to_the_letter(shell, model, folder, suffix):
    ids = ["007", "NA", "", 'say "no"', "a,b", "two\nlines", "tab\there", "1e5", "nan", "\u00e9"]
    table = pa.table({"id": ids, "a": np.arange(10.0), "b": np.zeros(10)})
    pa.csv.write_csv(table, "d.csv")
    code, out, err = shell("predict", "model.npz", "d.csv", "--id", "id,a", "-o", f"out.{suffix}")
    assert (code, err, out) == (0, "", f"wrote out.{suffix}: 10 rows\n")
    if suffix in ("csv", "tsv"):
        with open(f"out.{suffix}", newline="") as file:
            found = list(csv.DictReader(file, delimiter="\t" if suffix == "tsv" else ","))
    else:
        read = pq.read_table if suffix == "parquet" else pa.feather.read_table
        found = read(f"out.{suffix}").to_pylist()
    assert [one["id"] for one in found] == ids
    assert list(found[0]) == ["id", "a", "predicted", "p_down", "p_up"]
    wanted = model.predict_proba(np.column_stack([np.arange(10.0), np.zeros(10)]))
    np.testing.assert_array_equal(numbers(found, "p_up"), wanted[:, 1])


def test_types_of_a_typed_file_stay(shell, model, folder):
    day = pa.array([18000, 18001], pa.date32())
    table = pa.table(
        {"day": day, "n": pa.array([2**60 + 1, 2], pa.int64()), "a": [1.0, 2.0], "b": [True, False]}
    )
    pq.write_table(table, "d.parquet")
    assert shell("predict", "model.npz", "d.parquet", "--keep", "-o", "out.parquet")[0] == 0
    found = pq.read_table("out.parquet")
    assert found.select(table.column_names).equals(table)
    np.testing.assert_array_equal(
        found["p_up"], model.predict_proba(np.array([[1.0, 1.0], [2.0, 0.0]]))[:, 1]
    )


def test_missing_values(shell, model, folder):
    (folder / "d.csv").write_text(HOLES)
    code, out, err = shell("predict", "model.npz", "d.csv", "--id", "id", "-o", "out.csv")
    assert (code, out) == (2, "")
    assert err == (
        "sigmax: error: d.csv:3: data row 2: column 'b' has a missing value; fill it in, or pass "
        "--missing drop, which leaves such rows out, or --missing keep, which leaves their predictions "
        "empty\n"
    )
    assert not (folder / "out.csv").exists()
    wanted = model.predict_proba(np.array([[1.0, 0.5], [4.0, 2.5]]))[:, 1]
    said = "sigmax: 2 rows with missing values {}, the first d.csv:3: data row 2\n"
    code, out, err = shell("predict", "model.npz", "d.csv", "--id", "id", "--missing", "drop")
    assert (code, err) == (0, said.format("left out"))
    assert [one["id"] for one in rows(out)] == ["1", "NA"]
    np.testing.assert_array_equal(numbers(rows(out), "p_up"), wanted)
    code, out, err = shell("predict", "model.npz", "d.csv", "--id", "id", "--missing", "keep")
    assert (code, err) == (0, said.format("left without a prediction"))
    assert [one["id"] for one in rows(out)] == ["1", "2", "007", "NA"]
    assert [one["predicted"] == "" for one in rows(out)] == [False, True, True, False]
    assert [one["p_up"] == "" for one in rows(out)] == [False, True, True, False]
    np.testing.assert_array_equal(numbers([rows(out)[0], rows(out)[3]], "p_up"), wanted)
    # all of them
    (folder / "e.csv").write_text("a,b\n,\nNA,1\n")
    code, out, _ = shell(
        "predict", "model.npz", "e.csv", "--missing", "keep", "--level", "0.9", "--labels", "--proba"
    )
    assert (code, out.splitlines()[1:]) == (0, [",,,,,,"] * 2)
    assert shell("predict", "model.npz", "e.csv", "--missing", "drop", "--labels")[1] == "predicted\n"


def big(path, n, bad):
    """A CSV of n rows, several batches, whose row `bad`, from 1, holds `x`; a blank line before."""
    with open(path, "w") as file:
        file.write("id,a,b\n\n")
        file.writelines(f"row number {i},{0.25 if i != bad else 'x'},{i % 7}\n" for i in range(1, n + 1))


def test_the_row_of_an_error_is_that_of_the_file(shell, model, folder):
    big("d.csv", 150_000, 140_000)
    code, out, err = shell("predict", "model.npz", "d.csv", "--output", "out.csv")
    assert (code, out) == (2, "")
    assert err == (
        "sigmax: error: d.csv:140002: data row 140,000: column 'a' needs a number, but holds 'x'\n"
    )
    assert not (folder / "out.csv").exists()
    table = pa.table({"a": [0.5] * 70_000 + [None] + [0.5] * 9, "b": [1] * 70_010})
    pq.write_table(table, "d.parquet")
    _, _, err = shell("predict", "model.npz", "d.parquet", "-o", "out.csv")
    assert err.startswith("sigmax: error: d.parquet: data row 70,001: column 'a' has a missing value; ")


def test_a_broken_line_further_down(shell, model, folder):
    text = "a,b\n" + "1,2\n" * 400_000 + "1,2,3\n" + "1,2\n" * 10
    (folder / "d.csv").write_text(text)
    (folder / "out.csv").write_text("old")
    code, _, err = shell("predict", "model.npz", "d.csv", "-o", "out.csv")
    assert code == 2
    assert err == (
        "sigmax: error: d.csv:400002: expected 2 cells, as in the header, found 3: '1,2,3'; mend that line\n"
    )
    assert (folder / "out.csv").read_text() == "old"


ERRORS = {
    "unknown column": (["d.csv"], "c,b\n1,2\n", "d.csv has no column 'a'; it has c, b"),
    "nearly": (
        ["d.csv", "--id", "naem"],
        "a,b,name\n1,2,x\n",
        "d.csv has no column 'naem'; did you mean 'name'?",
    ),
    "no rows": (["d.csv"], "a,b\n", "d.csv has no rows"),
    "empty": (["d.csv"], "", "d.csv is empty"),
    "twice": (["d.csv"], "a,a,b\n1,2,3\n", "more than one column named 'a'"),
    "clash": (
        ["d.csv", "--keep"],
        "a,b,p_up\n1,2,3\n",
        "column 'p_up' of the file has the name of a prediction",
    ),
    "no file": (["nowhere.csv"], "", "nowhere.csv: no such file"),
    "level": (["d.csv", "--level", "95"], "a,b\n1,2\n", "--level must be between 0 and 1; got 95"),
    "no spreadsheet": (["d.csv", "-o", "out.xlsx"], "a,b\n1,2\n", "no .xlsx file is written; let the name"),
    "no compression": (["d.csv", "-o", "out.csv.gz"], "a,b\n1,2\n", "no .gz file is written"),
    "level of labels": (["d.csv", "--level", ".9", "--labels"], "a,b\n1,2\n", "leave out --labels"),
    "no directory": (["d.csv", "-o", "no/out.csv"], "a,b\n1,2\n", "there is no directory no; make it first"),
    "over the input": (["d.csv", "-o", "d.csv"], "a,b\n1,2\n", "--output d.csv is what is read"),
    "over the model": (["d.csv", "-o", "model.npz"], "a,b\n1,2\n", "--output model.npz is what is read"),
    "json beside csv": (["d.csv", "--json"], "a,b\n1,2\n", "name a file with --output"),
    "latin": (["d.csv", "--id", "c"], b"a,b,c\n1,2,\xe9\n", "it is not UTF-8; save it as UTF-8"),
}


@pytest.mark.parametrize(("arguments", "content", "message"), ERRORS.values(), ids=ERRORS.keys())
def test_errors_are_one_line(shell, model, folder, arguments, content, message):
    (folder / "d.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    before = sorted(one.name for one in folder.iterdir())
    code, out, err = shell("predict", "model.npz", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("sigmax: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert sorted(one.name for one in folder.iterdir()) == before


def test_models_that_are_none(shell, folder):
    code, _, err = shell("predict", "m.npz", "new_flights.csv")
    assert (code, err) == (
        2,
        "sigmax: error: m.npz: no such file; make it with: sigmax fit ... --save m.npz\n",
    )
    (folder / "m.npz").write_text("nonsense")
    code, _, err = shell("predict", "m.npz", "new_flights.csv")
    assert code == 2
    assert err.startswith("sigmax: error: 'm.npz' cannot be loaded: ")
    assert err.count("\n") == 1


def test_json_says_what_was_written(shell, model, folder):
    (folder / "d.csv").write_text(HOLES)
    code, out, _ = shell("predict", "model.npz", "d.csv", "--missing", "drop", "-o", "out.csv", "--json")
    found = json.loads(out)
    assert code == 0
    assert found.pop("seconds") > 0.0
    assert found == {
        "schema": 1,
        "command": "predict",
        "sigmax": sx.__version__,
        "model": "model.npz",
        "data": "d.csv",
        "output": "out.csv",
        "columns": ["predicted", "p_down", "p_up"],
        "rows": 4,
        "rows_missing": 2,
        "rows_written": 2,
    }


def test_truth_values_of_text_are_numbers(shell, model, folder):
    (folder / "d.csv").write_text("a,b\n true , 1.5\nFALSE,2\n")
    _, out, err = shell("predict", "model.npz", "d.csv", "--proba")
    assert err == ""
    wanted = model.predict_proba(np.array([[1.0, 1.5], [0.0, 2.0]]))
    np.testing.assert_array_equal(numbers(rows(out), "p_up"), wanted[:, 1])


@pytest.mark.parametrize(
    ("columns", "reference"), [("z0,z1,z2", 0), ("z0,z1,z2", 1), ("z0", 0), ("z0", 1), ("z0,z1", 1)]
)
def test_offset_columns_mean_the_same_in_fit_and_predict(shell, folder, columns, reference):
    rng = np.random.default_rng(5)
    names = columns.split(",")
    n, n_classes = 80, max(len(names), 2)
    X, y, z = rng.normal(size=(n, 1)), rng.integers(0, n_classes, n), rng.normal(size=(n, len(names)))
    pa.csv.write_csv(pa.table({"x": X[:, 0], "y": y, **dict(zip(names, z.T, strict=True))}), "d.csv")
    chosen = ("--offset", columns)
    code, out, err = shell(
        *("fit", "d.csv", "--target", "y", "--features", "x", *chosen),
        *("--class-reference", reference, "--save", "m.npz"),
    )
    assert (code, err) == (0, "")
    result = sx.fit(X, y, offset=z[:, 0] if len(names) == 1 else z)
    assert f"{result.llf:.6f}" in out
    code, out, err = shell("predict", "m.npz", "d.csv", *chosen)
    assert (code, err) == (0, "")
    # from the definition
    shift = np.column_stack([np.zeros(n), z]) if len(names) == 1 else z
    b = np.vstack([np.zeros(2), np.atleast_2d(result.params)])
    eta = b[:, 0] + X * b[:, 1] + shift
    p = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
    for k in range(n_classes):
        np.testing.assert_allclose(numbers(rows(out), f"p_{k}"), p[:, k], rtol=1e-12)
    code, _, err = shell("predict", "m.npz", "d.csv")
    assert (code, err) == (
        2,
        "sigmax: error: the model was fitted with an offset: name its columns of this file with --offset\n",
    )
    code, _, err = shell("predict", "m.npz", "d.csv", "--offset", "z0,x" if n_classes > 2 else "z0,x,y")
    assert code == 2
    assert "--offset needs " in err


def test_standard_input(model, folder):
    text = "b,a,id\n0.5,1,007\n"
    done = subprocess.run(
        [sys.executable, "-m", "sigmax", "predict", "model.npz", "-", "--id", "id"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    [found] = rows(done.stdout)
    assert found["id"] == "007"
    assert float(found["p_up"]) == model.predict_proba(np.array([[1.0, 0.5]]))[0, 1]
