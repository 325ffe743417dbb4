"""``sigmax fit`` on tables: categories, weights, missing values, models and pictures."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import sigmax as sx
from sigmax.data.disk import files
from sigmax.shell import pictures


def document(shell, *arguments):
    """The document of a fit that works."""
    code, out, err = shell("fit", *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def estimates(found):
    return {row["term"]: row["estimate"] for row in found["coefficients"]}


def test_text_becomes_categories_and_predicts(shell, folder):
    found = document(
        shell, "flights.csv", "--target", "late", "--features", "hour,carrier", "--save", "m.npz"
    )
    by_formula = document(shell, "flights.csv", "--formula", "late ~ hour + carrier")
    assert list(estimates(found)) == ["intercept", "hour", "carrier[T.DL]", "carrier[T.UA]"]
    assert estimates(found) == pytest.approx(estimates(by_formula), rel=1e-12)
    table = pyarrow.csv.read_csv("new_flights.csv")
    code, _, err = shell("predict", "m.npz", "new_flights.csv", "--id", "flight", "-o", "out.parquet")
    assert (code, err) == (0, "")
    wanted = np.asarray(sx.load("m.npz").predict_proba(table))
    np.testing.assert_array_equal(pq.read_table("out.parquet")["p_yes"], wanted[:, 1])


@pytest.mark.parametrize(
    "how",
    [
        ("--target", "late", "--features", "hour,carrier"),
        ("--formula", "late ~ C(carrier) + poly(hour, 2) + offset(wind / 10)"),
    ],
)
def test_an_unknown_level_is_named_with_its_place(shell, folder, how):
    assert shell("fit", "flights.csv", *how, "--save", "m.npz")[0] == 0
    lines = (folder / "new_flights.csv").read_text().splitlines()
    lines[70] = lines[70].replace(lines[70].split(",")[1], "ZZ")
    (folder / "d.csv").write_text("\n".join(lines) + "\n")
    code, out, err = shell("predict", "m.npz", "d.csv", "-o", "out.csv")
    assert (code, out) == (2, "")
    assert err.startswith("sigmax: error: d.csv:71: data row 70: ")
    assert "'carrier'" in err
    assert "'ZZ'" in err
    assert "'AA', 'DL', 'UA'" in err
    assert " row 0" not in err
    assert not (folder / "out.csv").exists()


def test_a_formula_with_an_offset_finds_its_columns(shell, folder):
    formula = "late ~ poly(hour, 2) + C(days) + offset(wind / 10)"
    assert shell("fit", "flights.csv", "--formula", formula, "--save", "m.npz")[0] == 0
    table = pyarrow.csv.read_csv("new_flights.csv").to_pandas()
    assert shell("predict", "m.npz", "new_flights.csv", "-o", "out.parquet", "--proba")[0] == 0
    wanted = sx.fit(formula, data=pyarrow.csv.read_csv("flights.csv").to_pandas()).predict_proba(table)
    np.testing.assert_allclose(pq.read_table("out.parquet")["p_yes"], np.asarray(wanted)[:, 1], rtol=1e-11)


def test_weights_and_missing_values(shell, folder):
    table = pyarrow.csv.read_csv("flights.csv")
    holes = {3: "hour", 5: "days", 8: "late", 11: "wind", 12: "carrier"}
    columns = {
        name: [None if holes.get(i) == name else value for i, value in enumerate(table[name].to_pylist())]
        for name in table.column_names
    }
    pq.write_table(pa.table(columns), "d.parquet")
    used = [i for i in range(table.num_rows) if i not in (3, 5, 8)]
    part = table.take(used)
    wanted = sx.fit(
        np.asarray(part["hour"])[:, None],
        np.array(part["late"].to_pylist()),
        sample_weight=np.asarray(part["days"]),
        weight_type="probability",
    )
    arguments = ("d.parquet", "--weights", "days", "--weight-type", "probability")
    for how in (("--target", "late", "--features", "hour"), ("--formula", "late ~ hour")):
        found = document(shell, *arguments, *how, "--missing", "drop")
        np.testing.assert_allclose(list(estimates(found).values()), wanted.params, rtol=1e-11)
        errors = [row["std_error"] for row in found["coefficients"]]
        np.testing.assert_allclose(errors, wanted.bse, rtol=1e-10)
        assert found["dropped"]["rows"] == 3
        assert (found["model"]["weights"], found["model"]["weight_type"]) == ("days", "probability")
        code, out, err = shell("fit", *arguments, *how)
        assert (code, out) == (2, "")
        assert "d.parquet: column 'hour' has 1 missing value, the first in data row 4" in err


TEXTS = {
    "typing error": (
        ["1", "2", "3o", "4", "5"],
        "column 'b' needs numbers, but '3o' in data row 3 is text (1 such",
    ),
    "names": (
        [f"name {i}" for i in range(120)],
        "has 120 different texts in 120 rows, too many for categories",
    ),
    "numbers": (["1", "2", "3", "4"], "column 'b' holds numbers as text; store them as numbers"),
}


@pytest.mark.parametrize(("cells", "message"), TEXTS.values(), ids=TEXTS.keys())
def test_text_that_is_no_category(shell, folder, cells, message):
    y = (["u", "v"] * len(cells))[: len(cells)]
    pq.write_table(pa.table({"b": cells, "y": y}), "d.parquet")
    code, out, err = shell("fit", "d.parquet", "--target", "y")
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_firth_and_its_older_name(shell):
    found = [shell("fit", "spector", *how) for how in (("--firth",), ("--bias-reduction", "firth"))]
    assert found[0] == found[1]
    assert "Firth's bias-reduced estimates" in found[0][1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--formula", "late ~ hour", "--target", "late"), "leave out --target and --features"),
        (("--formula", "late ~ hour", "--no-intercept"), "end it with '- 1'"),
        (("--target", "late", "--weights", "day"), "has no column 'day'; did you mean 'days'?"),
        (("--target", "late", "--features", "hour,hour"), "--features names 'hour' more than once"),
        (("--target", "late", "--save", "no/m.npz"), "there is no directory no; make it first"),
        (("--target", "late", "--save", "."), "--save needs the name of a file; . is a directory"),
        (("--target", "late", "--plots", "flights.csv"), "--plots needs the name of a directory"),
        (("--formula", "late ~ hours"), "did you mean 'hour'?"),
        (("--formula", "late ~ hour +"), "formula"),
        (
            ("--target", "late", "--features", "hour", "--l2", "-1"),
            "--l2 must be a number of at least 0; got -1",
        ),
    ],
)
def test_errors(shell, folder, arguments, message):
    before = sorted(one.name for one in folder.iterdir())
    code, out, err = shell("fit", "flights.csv", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("sigmax: error: ")
    assert err.count("\n") == 1
    assert sorted(one.name for one in folder.iterdir()) == before


# -- pictures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("features", "more"), [("hour", "sigmoid"), ("hour,distance", "boundary")])
def test_pictures(shell, folder, features, more):
    names = ["coefficients", "roc", "calibration", "influence", more]
    code, out, err = shell(
        "fit", "flights.csv", "--target", "late", "--features", features, "--plots", "new/pics"
    )
    assert (code, err) == (0, "")
    assert out.endswith("".join(f"wrote new/pics/{name}.png\n" for name in names))
    for name in names:
        assert (folder / "new" / "pics" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_a_fit_does_not_have_is_no_failure(shell, folder):
    found = shell(
        *("fit", "flights.csv", "--target", "late", "--features", "hour", "--weights", "days"),
        *("--weight-type", "probability", "--plots", "pics", "--plot-format", "svg", "--json"),
    )
    assert found[0] == 0
    written = json.loads(found[1])["files"]["plots"]
    assert "pics/coefficients.svg" in written
    assert "pics/roc.svg" not in written
    assert sorted(written) == sorted(f"pics/{one.name}" for one in (folder / "pics").iterdir())
    assert "sigmax: no pics/roc.svg: " in found[2]


def test_every_display_of_a_result_is_asked_for_by_name():
    data = sx.datasets.load("spector")
    assert list(pictures.displays(sx.fit(data.X, data.y), 0.95)) == [
        "coefficients",
        "roc",
        "calibration",
        "influence",
    ]


def test_only_the_columns_that_are_needed_are_read(shell, folder, monkeypatch):
    read = []
    whole = files.read
    monkeypatch.setattr(files, "read", lambda path, columns: read.append(columns) or whole(path, columns))
    for suffix in ("csv", "parquet", "feather"):
        table = pyarrow.csv.read_csv("flights.csv")
        {"csv": pyarrow.csv.write_csv, "parquet": pq.write_table, "feather": pa.feather.write_feather}[
            suffix
        ](table, f"d.{suffix}")
        found = document(shell, f"d.{suffix}", "--target", "late", "--features", "hour", "--weights", "days")
        assert found["fit"]["nobs"] == sum(table["days"].to_pylist())
        assert document(shell, f"d.{suffix}", "--formula", "late ~ np.log(hour)")["fit"]["nobs"] == 400
    assert read == [["hour", "late", "days"], ["hour", "late"]] * 3
    document(shell, "d.csv", "--formula", "late ~ poly(hour, 2) + C(carrier)")
    assert sorted(read[-1]) == ["carrier", "hour", "late"]
