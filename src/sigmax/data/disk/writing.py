"""Tables as CSV, Parquet and Feather, written piece by piece."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import IO, Any, Protocol

from sigmax.data.disk.files import delimiter_of, format_of

#: rows of a row group of Parquet, at least, but for the last one
_GROUP = 2**17


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
