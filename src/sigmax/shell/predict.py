"""``sigmax predict``: a saved model on the rows of a file, in constant memory."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import sigmax
from sigmax.data.checks import plural
from sigmax.data.disk.files import FileError
from sigmax.data.disk.streams import Stream
from sigmax.data.disk.writing import writer
from sigmax.inference.result import Result
from sigmax.progress import RowsLine
from sigmax.replacing import replacing
from sigmax.shell import output
from sigmax.shell.scoring import Scorer
from sigmax.shell.usage import UsageError, check_level, check_place, names_of

#: suffixes of what CSV would not be recognised under
_NOT_WRITTEN = (".gz", ".bz2", ".zst", ".zip", ".xls", ".xlsx", ".ods", ".json")


def run(options: argparse.Namespace) -> int:
    """Predict every row, in the order of the file."""
    check_level(options.level)
    if options.labels and not options.proba and options.level is not None:
        raise UsageError("--level gives intervals of probabilities: leave out --labels")
    if options.output == "-" and options.json:
        raise UsageError("--json describes what was written: name a file with --output")
    if options.output != "-":
        check_place("--output", options.output)
        suffix = Path(options.output).suffix.lower()
        if suffix in _NOT_WRITTEN:
            raise UsageError(
                f"--output {options.output}: no {suffix} file is written; let the name end in .csv, .tsv, "
                ".parquet or .feather"
            )
        for given in (options.model, options.data):
            if (
                os.path.exists(options.output)
                and os.path.exists(given)
                and os.path.samefile(given, options.output)
            ):
                raise UsageError(f"--output {options.output} is what is read; name another file")
    if not Path(options.model).exists():
        raise UsageError(
            f"{options.model}: no such file; make it with: sigmax fit ... --save {options.model}"
        )
    result = sigmax.load(options.model)
    if not isinstance(result, Result):
        raise UsageError(f"{options.model} holds many fits, not one; predict with sigmax.load in Python")
    return predict(result, options)


def predict(result: Result, options: argparse.Namespace) -> int:
    """Predict with a result, as `run` does with that of a file."""
    stream = _stream(options.data)
    scorer = Scorer(
        result,
        stream.names,
        str(stream.path),
        keep=stream.names if options.keep else () if options.id is None else names_of("--id", options.id),
        offset=() if options.offset is None else names_of("--offset", options.offset),
        proba=options.proba or not options.labels,
        labels=options.labels or not options.proba,
        level=options.level,
        missing=options.missing,
    )
    start = time.monotonic()
    # what is written into a terminal would run through the line
    quiet = options.output == "-" and sys.stdout.isatty()
    with _destination(options.output) as (file, name), RowsLine(sys.stderr) as line:
        sink, read = None, 0
        for batch in stream.batches(scorer.columns):
            found = scorer.score(batch, partial(_place, stream, read))
            if sink is None:
                sink = writer(file, name, found.schema)
            sink.write(found)
            read += batch.num_rows
            if not quiet and line.is_due:
                line.update(read, stream.share(read))
        if sink is None or not read:
            raise FileError(f"{stream.path} has no rows")
        sink.close()
    _report(options, scorer, read, time.monotonic() - start)
    return 0


def _place(stream: Stream, before: int, row: int) -> str:
    return stream.place(before + row)


def _stream(path: str) -> Stream:
    return Stream("standard input", sys.stdin.buffer) if path == "-" else Stream(path)


@contextmanager
def _destination(path: str) -> Iterator[tuple[IO[bytes], str]]:
    """Where the bytes go, and the name that says in which format."""
    if path == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer, "standard output"
        sys.stdout.buffer.flush()
        return
    with replacing(path) as file:
        yield file, path


def _report(options: argparse.Namespace, scorer: Scorer, rows: int, seconds: float) -> None:
    gone = scorer.n_missing
    if gone:
        what = "left out" if options.missing == "drop" else "left without a prediction"
        print(
            f"sigmax: {plural(gone, 'row')} with missing values {what}, the first {scorer.first_missing}",
            file=sys.stderr,
        )
    if options.json:
        content: dict[str, Any] = {
            "model": options.model,
            "data": options.data,
            "output": options.output,
            "columns": scorer.names,
            "rows": rows,
            "rows_missing": gone,
            "rows_written": rows - gone if options.missing == "drop" else rows,
            "seconds": seconds,
        }
        print(output.document("predict", content))
    elif options.output != "-":
        written = rows - gone if options.missing == "drop" else rows
        print(f"wrote {options.output}: {plural(written, 'row')}")
