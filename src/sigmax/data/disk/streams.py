"""Files read in batches of rows, in constant memory whatever their length.

Of a CSV file every column is read as the text that stands there: what is only kept comes back to the letter,
``007`` and ``NA`` included, and no type is guessed from the first rows that later ones break.  Turning text
into the numbers a model needs is :mod:`sigmax.data.disk.cells`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from sigmax.data.disk import csv_places
from sigmax.data.disk.files import (
    FileError,
    arrow,
    check_file,
    check_names,
    check_text,
    delimiter_of,
    format_of,
    no_column,
    unreadable,
)

#: bytes of CSV text that are parsed at a time
_BLOCK = 2**20
#: bytes that a pipe gives at a time
_PIECE = 2**16
#: bytes of a record at most
_LONGEST = 2**26
#: rows of a batch of the other formats
_ROWS = 2**16


class Stream:
    """The rows of a file, in order.

    Parameters
    ----------
    path : str or Path
        A CSV, Parquet or Feather file, as for :func:`sigmax.data.disk.files.read`.
    file : binary file, optional
        Where the bytes of a CSV file come from in place of `path`, which then is its name in messages.

    Attributes
    ----------
    names : tuple of str
        Columns of the file.
    format : {"csv", "parquet", "feather"}
    n_rows : int or None
        None of a CSV file: nobody knows before it is read.

    Raises
    ------
    FileError
        No such file, empty, or unreadable.
    ImportError
        pyarrow is not installed.
    """

    def __init__(self, path: str | Path, file: IO[bytes] | None = None) -> None:
        self.path, self._file = Path(path), file
        self._pa = arrow("pyarrow", path)
        self.format = "csv" if file is not None else format_of(self.path)
        self.delimiter = delimiter_of(self.path)
        self.n_rows: int | None = None
        self._raw: Any = None
        self._size = 0
        self._text: _Joined | None = None
        self._batches = 0
        if file is None:
            check_file(self.path)
            if self.format == "csv":
                check_text(self.path)
        try:
            self.names = getattr(self, f"_open_{self.format}")()
        except (self._pa.ArrowException, UnicodeDecodeError, OSError) as error:
            raise self._unreadable(error) from None
        check_names(str(path), self.names)

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """pyarrow.RecordBatch after batch of the columns named; a CSV file's are text.

        Raises
        ------
        FileError
            There is no such column, or the file is broken further down.
        """
        for name in columns:
            if name not in self.names:
                raise FileError(no_column(str(self.path), name, self.names))
        try:
            yield from getattr(self, f"_{self.format}_batches")(list(columns))
        except (self._pa.ArrowException, UnicodeDecodeError, OSError) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> FileError:
        if self._file is not None:  # it cannot be read again to look for the line
            return FileError(f"{self.path} cannot be read: {str(error).strip().splitlines()[0]}")
        return unreadable(self.path, error, self.format)

    def place(self, row: int) -> str:
        """Where a row lies, counted from 0: ``FILE:12: data row 11`` or ``FILE: data row 11``."""
        line = None
        if self.format == "csv" and self._file is None:
            line = csv_places.line_of(self.path, row + 1, self.delimiter)
        return f"{self.path}{'' if line is None else f':{line}'}: data row {row + 1:,}"

    def share(self, rows: int) -> float | None:
        """How much of the file has been read after `rows` rows, 0 to 1; None where nobody knows."""
        if self.n_rows is not None:
            return rows / max(self.n_rows, 1)
        if self._text is None or not self._size or self._raw.closed:
            return None
        # threads of pyarrow have taken more than has come back: a batch is a block
        done = min(self._batches * _BLOCK / max(self._text.taken, 1), 1.0)
        return done * min(float(self._raw.tell()) / self._size, 1.0)

    # -- CSV -------------------------------------------------------------------------------------

    def _open_csv(self) -> tuple[str, ...]:
        pa = self._pa
        if self._file is None:
            # OSFile asks where it is, which a pipe cannot say
            is_file = self.path.is_file()
            self._raw = self._pa.OSFile(str(self.path)) if is_file else self.path.open("rb")
            self._size = self._raw.size() if is_file else 0
            kind = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}.get(self.path.suffix.lower())
            source = self._raw if kind is None else pa.CompressedInputStream(self._raw, kind)
        else:
            source = self._file
        head = b""
        while not _has_header(head):
            more = source.read(_BLOCK) if self._file is None else _read(self._file)
            head += more
            if not more:
                break
        if not head.strip():
            raise FileError(f"{self.path} is empty")
        self._head, self._source = head, source
        text = io.StringIO(head.decode("utf-8-sig", "replace"), newline="")
        return tuple(next(cells for cells in csv.reader(text, delimiter=self.delimiter) if cells))

    def _csv_batches(self, columns: list[str]) -> Iterator[Any]:
        import pyarrow.csv

        # a file without a column that is asked for has rows all the same
        wanted = columns or list(self.names[:1])
        options = {
            "parse_options": pyarrow.csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
            "convert_options": pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, self._pa.string()),
                include_columns=wanted,
                strings_can_be_null=False,
            ),
        }
        if self._file is None:
            self._text = _Joined(self._head, self._source)
            for batch in pyarrow.csv.open_csv(
                self._pa.PythonFile(self._text, "r"),
                read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK),
                **options,
            ):
                self._batches += 1
                yield batch
            return
        # threads of pyarrow that wait for a pipe cannot be interrupted: this one reads it
        header: list[str] | None = None
        for block in _whole_records(self._head, self._file):
            read = pyarrow.csv.ReadOptions(block_size=len(block) + 1, column_names=header)
            table = pyarrow.csv.read_csv(self._pa.BufferReader(block), read_options=read, **options)
            header = list(self.names)
            yield from table.combine_chunks().to_batches()

    # -- Parquet and Feather -----------------------------------------------------------------------

    def _open_parquet(self) -> tuple[str, ...]:
        import pyarrow.parquet

        # without buffering the columns of a whole row group ahead
        self._parquet = pyarrow.parquet.ParquetFile(self.path, pre_buffer=False, buffer_size=_BLOCK)
        self.n_rows = self._parquet.metadata.num_rows
        return tuple(self._parquet.schema_arrow.names)

    def _parquet_batches(self, columns: list[str]) -> Iterator[Any]:
        yield from self._parquet.iter_batches(batch_size=_ROWS, columns=columns or [self.names[0]])

    def _open_feather(self) -> tuple[str, ...]:
        reader = self._pa.ipc.open_file(self._pa.memory_map(str(self.path)))
        return tuple(reader.schema.names)

    def _feather_batches(self, columns: list[str]) -> Iterator[Any]:
        wanted = columns or [self.names[0]]
        options = self._pa.ipc.IpcReadOptions(included_fields=[self.names.index(name) for name in wanted])
        reader = self._pa.ipc.open_file(self._pa.memory_map(str(self.path)), options=options)
        for index in range(reader.num_record_batches):
            batch = reader.get_batch(index)
            for start in range(0, batch.num_rows, _ROWS):
                yield batch.slice(start, _ROWS)


def _has_header(head: bytes) -> bool:
    """Whether a line that is not empty has come to its end."""
    return b"\n" in head.lstrip(b"\xef\xbb\xbf\r\n") or b"\r" in head.lstrip(b"\xef\xbb\xbf\r\n")


def _read(file: IO[bytes]) -> bytes:
    """A block of bytes, less at the end of the file.

    Piece by piece: Python looks for signals between two of them, and not within one read of many.
    """
    pieces, size = [], 0
    read = getattr(file, "read1", file.read)
    while size < _BLOCK and (piece := read(_PIECE)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _whole_records(rest: bytes, file: IO[bytes]) -> Iterator[bytes]:
    """Blocks of text that end where a record does: at a line break that no quotes are around.

    `rest` has been read before.
    """
    more = rest
    rest = b""
    while more:
        rest += more
        end = rest.rfind(b"\n")
        while end >= 0 and rest.count(b'"', 0, end) % 2:
            end = rest.rfind(b"\n", 0, end)
        block, rest = rest[: end + 1], rest[end + 1 :]
        if len(rest) > _LONGEST:
            raise FileError(f"a record has more than {_LONGEST:,} bytes: is a quotation mark missing?")
        if block.strip():
            yield block
        more = _read(file)
    if rest.strip():
        yield rest


class _Joined(io.RawIOBase):
    """Bytes that have been read already, and then the rest of their source; `taken` counts them."""

    def __init__(self, head: bytes, rest: Any) -> None:
        self._head, self._rest = head, rest
        self.taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._head:
            size = len(self._head) if size < 0 else size
            found, self._head = self._head[:size], self._head[size:]
        else:
            found = bytes(self._rest.read(size))
        self.taken += len(found)
        return found
