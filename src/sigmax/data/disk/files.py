"""Files of the user: which format a name stands for, and whole tables read with pyarrow (extra ``cli``).

:mod:`sigmax.data.disk.streams` reads files in batches, :mod:`sigmax.data.disk.writing` writes them.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sigmax import extras
from sigmax.data.checks import plural
from sigmax.data.disk import csv_places
from sigmax.kernels import Float

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: suffix -> format; any other is CSV
FORMATS = {".parquet": "parquet", ".pq": "parquet", ".feather": "feather", ".arrow": "feather"}
#: what stands for a missing value in a CSV file
MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null"]
_NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
#: levels that a column of text may have, whatever the number of rows
_MOST_LEVELS = 50
#: columns that a message names
_NAMED = 12


class FileError(ValueError):
    """A file cannot be used; the message is one line that names the file and what to change."""


def format_of(path: Path) -> str:
    """``"parquet"``, ``"feather"`` or ``"csv"``, by the suffix."""
    return FORMATS.get(path.suffix.lower(), "csv")


def delimiter_of(path: Path) -> str:
    """What separates the columns of a CSV file: a tab where the name ends in .tsv or .tab."""
    stem = path.with_suffix("") if path.suffix.lower() in (".gz", ".bz2", ".zst") else path
    return "\t" if stem.suffix.lower() in (".tsv", ".tab") else ","


def arrow(module: str, path: str | Path) -> Any:
    """A module of pyarrow.

    Raises
    ------
    ImportError
        It is not installed.
    """
    return extras.load(module, extra="cli", what=f"reading {path}")


def no_column(origin: str, name: str, names: Sequence[str]) -> str:
    """The message for a column that is not there, with the nearest name."""
    near = difflib.get_close_matches(name, names, 1)
    if near:
        return f"{origin} has no column {name!r}; did you mean {near[0]!r}?"
    other = _other_delimiter(names)
    if other:
        return (
            f"{origin} has no column {name!r}, but one, {names[0]!r}: its columns seem to have {other} "
            "between them; write it with commas, or with tabs and a name that ends in .tsv"
        )
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    return f"{origin} has no column {name!r}; it has {shown}"


def _other_delimiter(names: Sequence[str]) -> str:
    """What a file of one column has between its columns, in truth; empty where it has one indeed."""
    if len(names) != 1:
        return ""
    return next((f"{one!r}" for one in (";", "\t", "|", ",") if one in names[0]), "")


def check_names(origin: str, names: Sequence[str]) -> None:
    """Refuse a file with two columns of one name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FileError(f"{origin} has more than one column named {twice[0]!r}")


def check_file(path: Path) -> None:
    """Refuse what cannot be read whatever is in it."""
    if not path.exists():
        raise FileError(f"{path}: no such file")
    if path.is_dir():
        raise FileError(f"{path} is a directory, not a file")
    if path.is_file() and path.stat().st_size == 0:
        raise FileError(f"{path} is empty")


#: how a file begins that is no text -> what it is, and what to do
_NO_TEXT = {
    b"\x1f\x8b": "compressed: let its name end in .csv.gz",
    b"PK\x03\x04": "a zip archive or a spreadsheet: save it as CSV",
    b"\xff\xfe": "UTF-16: save it as UTF-8",
    b"\xfe\xff": "UTF-16: save it as UTF-8",
    b"PAR1": "a Parquet file: let its name end in .parquet",
}


def check_text(path: Path) -> None:
    """Refuse a CSV file that is none, whose names and cells would be noise."""
    if not path.is_file() or path.suffix.lower() in (".gz", ".bz2", ".zst"):
        return
    with open(path, "rb") as file:
        start = file.read(4)
    for begins, what in _NO_TEXT.items():
        if start.startswith(begins):
            raise FileError(f"{path} is no text but {what}")


def unreadable(path: str | Path, error: Exception, format: str) -> FileError:
    """What pyarrow has against a file, in one line; for a CSV file with the line that is wrong."""
    said = str(error).strip() or type(error).__name__
    if format == "csv":
        found = csv_places.first_ragged(Path(path), delimiter_of(Path(path)))
        if found is not None:
            return FileError(f"{path}:{found.line}: {found.text}; mend that line")
        if "invalid UTF8" in said or "utf-8" in said or "UTF8" in said or "\ufffd" in said:
            return FileError(f"{path} cannot be read: it is not UTF-8; save it as UTF-8")
    return FileError(f"{path} cannot be read: {said.splitlines()[0]}")


class Table:
    """Named columns of one file.

    Parameters
    ----------
    table : pyarrow.Table
    origin : str
        The file, for messages.

    Attributes
    ----------
    names : tuple of str
        Column names, in the order of the file.
    n_rows : int
    arrow : pyarrow.Table
    """

    def __init__(self, table: Any, origin: str) -> None:
        self.arrow = table
        self.origin = origin
        self.names: tuple[str, ...] = tuple(table.column_names)
        self.n_rows: int = table.num_rows
        if self.n_rows == 0:
            raise FileError(f"{origin} has no rows")
        check_names(origin, self.names)

    def require(self, names: Iterable[str]) -> None:
        """Refuse names that are no columns."""
        for name in names:
            if name not in self.names:
                raise FileError(no_column(self.origin, name, self.names))

    def _column(self, name: str) -> Any:
        """One pyarrow column without missing values."""
        self.require_complete([name])
        return self.arrow[name]

    def require_complete(self, names: Iterable[str]) -> None:
        """Refuse columns with missing values, nan among them."""
        import pyarrow.compute as pc

        self.require(names)
        for name in names:
            gone = pc.is_null(self.arrow[name], nan_is_null=True)
            count = pc.sum(gone).as_py()
            if count:
                first = pc.index(gone, True).as_py()
                raise FileError(
                    f"{self.origin}: column {name!r} has {plural(count, 'missing value')}, the first in "
                    f"data row {first + 1:,}; fill them in, or leave such rows out with --missing drop"
                )

    def require_usable(self, names: Iterable[str]) -> None:
        """Refuse columns that explain nothing.

        Raises
        ------
        FileError
            An infinite number; text of which at least half of the cells are numbers, so that the others look
            like typing errors; text with a level for more than every other row, as names of rows have.
        """
        import pyarrow.compute as pc
        import pyarrow.types as types

        self.require(names)
        for name in names:
            column = self.arrow[name].drop_null()
            if types.is_floating(column.type):
                self._require_finite(name)
            if not (types.is_string(column.type) or types.is_large_string(column.type)):
                continue
            count = len(column)
            if 2 * pc.sum(pc.match_substring_regex(column, _NUMBER)).as_py() >= count > 0:
                self._complain_about_text(name, self.arrow[name].to_pylist())
            levels = pc.count_distinct(column).as_py()
            if levels > _MOST_LEVELS and 2 * levels > count:
                raise FileError(
                    f"{self.origin}: column {name!r} has {levels:,} different texts in {count:,} rows, too "
                    "many for categories; leave it out with --features"
                )

    def numbers(self, name: str) -> Float:
        """A column as float64, shape (n_rows,).

        Raises
        ------
        FileError
            Unknown column, missing values, or a cell that is not a number.
        """
        import pyarrow as pa
        import pyarrow.types as types

        column = self._column(name)
        kind = column.type
        if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
            return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
        if types.is_decimal(kind):
            return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
        if types.is_string(kind) or types.is_large_string(kind):
            self._complain_about_text(name, column.to_pylist())
        raise FileError(
            f"{self.origin}: column {name!r} holds {kind}, not numbers; leave it out with --features"
        )

    def _require_finite(self, name: str) -> None:
        import pyarrow.compute as pc

        infinite = pc.is_inf(self.arrow[name])
        count = pc.sum(infinite).as_py()
        if count:
            first = pc.index(infinite, True).as_py()
            raise FileError(
                f"{self.origin}: column {name!r} has {plural(count, 'infinite value')}, the first in data "
                f"row {first + 1:,}; mend it or leave the column out with --features"
            )

    def _complain_about_text(self, name: str, cells: list[str | None]) -> None:
        bad = [i for i, cell in enumerate(cells) if cell is not None and not _is_number(cell)]
        if not bad:  # numbers written as text throughout, as in a quoted column
            raise FileError(
                f"{self.origin}: column {name!r} holds numbers as text; store them as numbers, or, if they "
                f"are codes, name them C({name}) in a --formula"
            )
        raise FileError(
            f"{self.origin}: column {name!r} needs numbers, but {cells[bad[0]]!r} in data row {bad[0] + 1:,} "
            f"is text ({plural(len(bad), 'such cell')}); mend it or leave the column out with --features"
        )

    def matrix(self, names: Sequence[str]) -> Float:
        """Columns as a C-contiguous float64 matrix of shape (n_rows, len(names))."""
        X = np.empty((self.n_rows, len(names)))
        for j, name in enumerate(names):
            X[:, j] = self.numbers(name)
        return X

    def labels(self, name: str, *, drop: bool = False) -> npt.NDArray[np.generic]:
        """A column as labels of its own type, shape (n_rows,), or fewer where missing ones are dropped."""
        import pyarrow.types as types

        self.require([name])
        column = self.arrow[name].drop_null() if drop else self._column(name)
        if types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if types.is_string(column.type) or types.is_large_string(column.type):
            return np.array(column.to_pylist(), dtype=np.str_)
        return np.asarray(column.to_numpy(zero_copy_only=False))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def read(path: str | Path, columns: Sequence[str] | None = None) -> Table:
    """Read a CSV file (comma-separated, one header line), a Parquet or a Feather file.

    Parameters
    ----------
    path : str or Path
        A name that ends in .parquet or .pq is Parquet, in .feather or .arrow Feather (Arrow's IPC format),
        any other CSV; .tsv has tabs.
    columns : sequence of str, optional
        Of the file, to read no others.

    Raises
    ------
    FileError
        No such file, empty, unreadable, or without rows.
    MemoryError
        It does not fit into memory.
    ImportError
        pyarrow is not installed.
    """
    path = Path(path)
    check_file(path)
    pa = arrow("pyarrow", path)
    format = format_of(path)
    try:
        table = _READ[format](path, None if columns is None else list(columns))
    except MemoryError:
        raise MemoryError(f"{path} does not fit into it") from None
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise unreadable(path, error, format) from None
    return Table(table, str(path))


def _read_parquet(path: Path, columns: list[str] | None) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path, columns=columns)


def _read_feather(path: Path, columns: list[str] | None) -> Any:
    import pyarrow.feather

    return pyarrow.feather.read_table(path, columns=columns)


def _read_csv(path: Path, columns: list[str] | None) -> Any:
    import pyarrow.csv

    return pyarrow.csv.read_csv(
        path,
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter_of(path), newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            null_values=MISSING, strings_can_be_null=True, include_columns=columns
        ),
    )


_READ = {"parquet": _read_parquet, "feather": _read_feather, "csv": _read_csv}
