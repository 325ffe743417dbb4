"""Where in a CSV file something is wrong: looked for only once it is known that something is."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sigmax.data.checks import plural

#: characters of a line that a message shows
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, counted from 1, and what is wrong there."""

    line: int
    text: str


def first_ragged(path: Path, delimiter: str) -> Place | None:
    """The first record that has not as many cells as the header; None where all have, or nobody can tell."""
    try:
        with _records(path, delimiter) as records:
            width = 0
            for line, cells in records:
                width = width or len(cells)
                if len(cells) != width:
                    shown = delimiter.join(cells)
                    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."
                    return Place(
                        line,
                        f"expected {plural(width, 'cell')}, as in the header, found {len(cells)}: {shown!r}",
                    )
    except (OSError, csv.Error, ValueError):
        return None
    return None


def line_of(path: Path, row: int, delimiter: str) -> int | None:
    """The line on which data row `row` begins, both counted from 1; None where the file has no such row."""
    try:
        with _records(path, delimiter) as records:
            for index, (line, _) in enumerate(records):
                if index == row:  # record 0 is the header
                    return line
    except (OSError, csv.Error, ValueError):
        return None
    return None


@contextmanager
def _records(path: Path, delimiter: str) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """The records that are not empty, with the lines on which they begin."""
    import pyarrow as pa

    old = csv.field_size_limit(sys.maxsize)
    try:
        # of a compressed file the text
        with pa.input_stream(path) as raw, io.TextIOWrapper(raw, "utf-8-sig", "replace", newline="") as text:
            yield _numbered(text, delimiter)
    finally:
        csv.field_size_limit(old)


def _numbered(text: io.TextIOWrapper, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader, begin = csv.reader(text, delimiter=delimiter), 1
    for cells in reader:
        if cells:
            yield begin, cells
        begin = reader.line_num + 1
