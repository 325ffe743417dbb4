"""Files that are whole or not there: written beside their place, and put into it once they are complete."""

from __future__ import annotations

import csv
import io
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from sigmax.data.files import delimiter_of, format_of

#: rows of a row group of Parquet, at least, but for the last one
_GROUP = 2**17


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of `path` when the block ends without an exception.

    It lies in the same directory, so that taking the place is one step: who reads `path` sees the old file
    or the new one, whole.  An exception, Ctrl-C among them, removes it and leaves `path` as it was.  The
    contents are on the disk before the name is.  A symbolic link stays one, and what it points to is
    replaced; permissions stay, too.  A device or a pipe, which nothing can replace, is written as it is.

    Raises
    ------
    OSError
        The directory cannot be written, or the disk is full.
    """
    place = Path(os.path.realpath(path))
    old = place.stat() if place.exists() else None
    if old is not None and not stat.S_ISREG(old.st_mode):
        with _named(path), open(place, "wb") as there:
            yield there
        return
    if not place.parent.is_dir():
        raise FileNotFoundError(2, "no such directory", str(place.parent))
    with _named(path):
        handle, beside = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent)
    try:
        with _named(path), os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), _mode(old))
            os.fsync(file.fileno())
        os.replace(beside, place)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    _sync_directory(place.parent)


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Errors of the system name the file that was asked for: a full disk names none."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def _mode(old: os.stat_result | None) -> int:
    """The permissions of the file that is replaced, or those of a new one."""
    if old is not None:
        return stat.S_IMODE(old.st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_directory(directory: Path) -> None:
    """Bring the new name to the disk, where directories can be opened."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Writer(Protocol):
    """Writes tables of one schema, one after the other."""

    def write(self, table: Any) -> None:
        """Append the rows of a pyarrow.Table."""

    def close(self) -> None:
        """Write what is left; the file stays open."""


class CsvWriter:
    """Comma-separated text with a header; cells stand in quotes where they have to."""

    def __init__(self, file: IO[bytes], schema: Any, delimiter: str = ",") -> None:
        self._file, self._delimiter = file, delimiter
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow(schema.names)
        file.write(text.getvalue().encode())

    def write(self, table: Any) -> None:
        """Append rows; numbers have the digits that give them back to the bit, missing values are empty."""
        import pyarrow.csv

        options = pyarrow.csv.WriteOptions(
            include_header=False,
            delimiter=self._delimiter,
            # pyarrow knows quotes around all text or around none
            quoting_style="needed" if _needs_quotes(table, self._delimiter) else "none",
        )
        pyarrow.csv.write_csv(table, self._file, options)

    def close(self) -> None:
        """Nothing is left."""


def _needs_quotes(table: Any, delimiter: str) -> bool:
    import pyarrow.compute as pc
    import pyarrow.types as types

    for column in table.columns:
        kind = column.type.value_type if types.is_dictionary(column.type) else column.type
        if types.is_string(kind) or types.is_large_string(kind):
            # an empty text is no missing value: it stands as ""
            text = pc.unique(column).cast(kind)
            if pc.any(pc.match_substring_regex(text, f'["\r\n{delimiter}]|^$')).as_py():
                return True
    return False


class GroupWriter:
    """Parquet or Feather: rows are gathered to groups of a size that readers like."""

    def __init__(self, file: IO[bytes], schema: Any, format: str) -> None:
        if format == "parquet":
            import pyarrow.parquet

            self._writer = pyarrow.parquet.ParquetWriter(file, schema)
        else:
            import pyarrow as pa

            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_file(file, schema, options=options)
        self._waiting: list[Any] = []
        self._rows = 0

    def write(self, table: Any) -> None:
        """Append rows."""
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= _GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            table = pa.concat_tables(self._waiting).combine_chunks()
            self._writer.write_table(table)
        self._waiting, self._rows = [], 0

    def close(self) -> None:
        """Write the last group and the footer."""
        self._flush()
        self._writer.close()


def writer(file: IO[bytes], path: str | Path, schema: Any) -> Writer:
    """What writes tables of `schema` into `file`, in the format that the name `path` stands for."""
    format = format_of(Path(path))
    if format == "csv":
        return CsvWriter(file, schema, delimiter_of(Path(path)))
    return GroupWriter(file, schema, format)
