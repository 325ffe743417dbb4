"""Files that are not what their names say, and what the one line of the error advises."""

import gzip

import pytest

ROWS = "x,z,y\n" + "".join(f"{i % 7},{i % 5},{'ab'[i % 2]}\n" for i in range(30))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_separators(shell, tmp_path, delimiter):
    path = tmp_path / "data.csv"
    path.write_text(ROWS.replace(",", delimiter))
    code, out, err = shell("fit", path, "--target", "y")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"its columns seem to have {delimiter!r} between them; write it with commas" in err


def test_a_file_of_tabs_that_says_so_is_read(shell, tmp_path):
    path = tmp_path / "data.tsv"
    path.write_text(ROWS.replace(",", "\t"))
    assert shell("fit", path, "--target", "y")[0] == 0


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (gzip.compress(ROWS.encode()), "is no text but compressed: let its name end in .csv.gz"),
        (ROWS.encode("utf-16"), "is no text but UTF-16: save it as UTF-8"),
        (b"PK\x03\x04" + bytes(60), "a spreadsheet: save it as CSV"),
        (b"PAR1" + bytes(60), "is no text but a Parquet file: let its name end in .parquet"),
        (ROWS.replace("x,", "größe,", 1).encode("latin-1"), "it is not UTF-8; save it as UTF-8"),
    ],
)
def test_what_is_no_text(shell, tmp_path, content, what):
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    code, out, err = shell("fit", path, "--target", "y")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert what in err
