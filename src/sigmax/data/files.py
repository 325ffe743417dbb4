"""CSV and Parquet files of the user, read with pyarrow (extra ``cli``), as named columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import plural
from sigmax.kernels import Float

if TYPE_CHECKING:
    from collections.abc import Sequence

_PARQUET = {".parquet", ".pq"}
_MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null"]


class FileError(ValueError):
    """A file cannot be used; the message is one line that names the file and what to change."""


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
    """

    def __init__(self, table: Any, origin: str) -> None:
        self._table = table
        self.origin = origin
        self.names: tuple[str, ...] = tuple(table.column_names)
        self.n_rows: int = table.num_rows
        if self.n_rows == 0:
            raise FileError(f"{origin} has no rows")
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise FileError(f"{origin} has more than one column named {twice[0]!r}")

    def _column(self, name: str) -> Any:
        """One pyarrow column without missing values."""
        if name not in self.names:
            raise FileError(f"{self.origin} has no column {name!r}; it has {', '.join(self.names)}")
        column = self._table[name]
        if column.null_count:
            import pyarrow.compute as pc

            first = pc.index(column.is_null(), True).as_py()
            raise FileError(
                f"{self.origin}: column {name!r} has {plural(column.null_count, 'missing value')}, "
                f"the first in data row {first + 1}"
            )
        return column

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

    def _complain_about_text(self, name: str, cells: list[str]) -> None:
        bad = [i for i, cell in enumerate(cells) if not _is_number(cell)]
        if not bad:  # numbers written as text throughout, as in a quoted column
            raise FileError(f"{self.origin}: column {name!r} holds numbers as text; store them as numbers")
        raise FileError(
            f"{self.origin}: column {name!r} needs numbers, but {cells[bad[0]]!r} in data row {bad[0] + 1} "
            f"is text ({plural(len(bad), 'such cell')}); mend it or leave the column out with --features"
        )

    def matrix(self, names: Sequence[str]) -> Float:
        """Columns as a C-contiguous float64 matrix of shape (n_rows, len(names))."""
        X = np.empty((self.n_rows, len(names)))
        for j, name in enumerate(names):
            X[:, j] = self.numbers(name)
        return X

    def labels(self, name: str) -> npt.NDArray[np.generic]:
        """A column as labels of its own type, shape (n_rows,)."""
        import pyarrow.types as types

        column = self._column(name)
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


def read(path: str | Path) -> Table:
    """Read a CSV file (comma-separated, one header line) or a Parquet file.

    Parameters
    ----------
    path : str or Path
        A name that ends in .parquet or .pq is Parquet, any other is CSV.

    Raises
    ------
    FileError
        No such file, empty, unreadable, or without rows.
    ImportError
        pyarrow is not installed.
    """
    path = Path(path)
    if not path.exists():
        raise FileError(f"{path}: no such file")
    if path.is_dir():
        raise FileError(f"{path} is a directory, not a file")
    if path.stat().st_size == 0:
        raise FileError(f"{path} is empty")
    try:
        import pyarrow as pa
    except ImportError:
        raise ImportError(
            f"reading {path} needs pyarrow; install it with: pip install 'sigmax[cli]'"
        ) from None
    try:
        table = _read_parquet(path) if path.suffix.lower() in _PARQUET else _read_csv(path)
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise FileError(f"{path} cannot be read: {first_line}") from None
    return Table(table, str(path))


def _read_parquet(path: Path) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path)


def _read_csv(path: Path) -> Any:
    import pyarrow.csv

    convert = pyarrow.csv.ConvertOptions(null_values=_MISSING, strings_can_be_null=True)
    return pyarrow.csv.read_csv(path, convert_options=convert)
