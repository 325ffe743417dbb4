"""What a result says of a batch of rows, beside the columns that are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import plural
from sigmax.data.disk import cells, files
from sigmax.data.disk.files import FileError
from sigmax.inference.result import Result
from sigmax.kernels import Float
from sigmax.shell.usage import UsageError

#: where a row of a batch lies in its file
Place = Callable[[int], str]


class Scorer:
    """Predictions of batch after batch.

    Parameters
    ----------
    result : Result
    available : sequence of str
        Columns of the file.
    origin : str
        The file, for messages.
    keep : sequence of str
        Columns that come first in what is returned, as they stand in the file.
    offset : sequence of str
        Columns of the offset, none without one.
    proba, labels : bool
        Probabilities of the classes; the most probable class.
    level : float, optional
        Coverage of the intervals of the probabilities.
    missing : {"raise", "drop", "keep"}
        What becomes of rows with missing values.

    Attributes
    ----------
    columns : list of str
        Columns to read, without repetition.
    names : list of str
        Columns of what is returned.
    n_missing : int
        Rows with missing values so far.
    first_missing : str
        Where the first of them lies.

    Raises
    ------
    FileError
        The file lacks a column.
    UsageError
        A kept column has the name of one of the predictions.
    """

    def __init__(
        self,
        result: Result,
        available: Sequence[str],
        origin: str,
        *,
        keep: Sequence[str],
        offset: Sequence[str],
        proba: bool,
        labels: bool,
        level: float | None,
        missing: str,
    ) -> None:
        self._result, self._keep, self._offset = result, list(keep), list(offset)
        self._proba, self._labels, self._level, self._missing = proba, labels, level, missing
        self._kinds = {**kinds_of(result), **dict.fromkeys(offset, "number")}
        for name in (*self._kinds, *keep):
            if name not in available:
                raise FileError(files.no_column(origin, name, available))
        self.columns = list(dict.fromkeys((*keep, *self._kinds)))
        self.names = [*keep, *self._predicted_names()]
        for name in self._predicted_names():
            if name in keep:
                raise UsageError(f"column {name!r} of the file has the name of a prediction; rename it")
        n_classes = len(result.classes)
        if result.has_offset and not offset:
            raise UsageError(
                "the model was fitted with an offset: name its columns of this file with --offset"
            )
        if offset and len(offset) != n_classes and (len(offset), n_classes) != (1, 2):
            wanted = "one column, or two" if n_classes == 2 else f"{n_classes} columns"
            raise UsageError(
                f"--offset needs {wanted}, one for each class; got {plural(len(offset), 'column')}"
            )
        self.n_missing, self.first_missing = 0, ""

    def _predicted_names(self) -> list[str]:
        names = ["predicted"] if self._labels else []
        for label in self._result.classes.tolist() if self._proba else ():
            names += [f"p_{label}"]
            names += [] if self._level is None else [f"p_{label}_lower", f"p_{label}_upper"]
        return names

    def score(self, batch: Any, place: Place) -> Any:
        """A pyarrow.Table: the columns kept, the predictions.

        Raises
        ------
        FileError
            A missing value, a cell of the wrong kind, a level that the fit did not know; the message says
            where in the file.
        """
        import pyarrow as pa

        read = {name: self._read(batch, name, kind, place) for name, kind in self._kinds.items()}
        here = self._complete(read, batch.num_rows, place)
        kept = pa.table({name: batch.column(name) for name in self._keep}) if self._keep else None
        rows = np.arange(batch.num_rows) if here is None else np.flatnonzero(here)
        if here is not None:
            mask = pa.array(here)
            read = {name: column.filter(mask) for name, column in read.items()}
            if kept is not None and self._missing == "drop":
                kept = kept.filter(mask)
        found = self._predict(read, len(rows), lambda row: place(int(rows[row])))
        if here is not None and self._missing == "keep":
            # row i of the batch has prediction index[i], or none
            index = pa.array(np.cumsum(here) - 1, mask=~here)
            found = {name: column.take(index) for name, column in found.items()}
        columns = {} if kept is None else {name: kept[name] for name in self._keep}
        return pa.table({**columns, **found})

    def _read(self, batch: Any, name: str, kind: str, place: Place) -> Any:
        try:
            return cells.read(batch.column(name), kind)
        except cells.BadCell as error:
            raise FileError(f"{place(error.row)}: column {name!r} {error}") from None

    def _complete(self, read: dict[str, Any], n: int, place: Place) -> npt.NDArray[np.bool_] | None:
        """Which rows have no missing value; None where all are."""
        gone = [name for name, column in read.items() if column.null_count]
        if not gone:
            return None
        nulls = {name: np.asarray(read[name].is_null().to_numpy(zero_copy_only=False)) for name in gone}
        missing = np.logical_or.reduce(list(nulls.values()))
        row = int(missing.argmax())
        if self._missing == "raise":
            name = next(name for name in gone if nulls[name][row])
            raise FileError(
                f"{place(row)}: column {name!r} has a missing value; fill it in, or pass --missing drop, "
                "which leaves such rows out, or --missing keep, which leaves their predictions empty"
            )
        if not self.n_missing:
            self.first_missing = place(row)
        self.n_missing += int(missing.sum())
        complete: npt.NDArray[np.bool_] = ~missing
        return complete

    # -- predictions -------------------------------------------------------------------------------

    def _predict(self, read: dict[str, Any], n: int, place: Place) -> dict[str, Any]:
        import pyarrow as pa

        try:
            p, lower, upper = self._probabilities(read) if n else self._nothing()
        except ValueError as error:
            raise self._located(read, n, place, error) from None
        classes = self._result.classes
        found: dict[str, Any] = {}
        if self._labels:
            # as Result.predict: of two classes the second where they are equal
            best = (p[:, 1] >= p[:, 0]).astype(np.intp) if p.shape[1] == 2 else np.argmax(p, axis=1)
            found["predicted"] = pa.array(classes.tolist()).take(pa.array(best))
        if self._proba:
            for k, label in enumerate(classes.tolist()):
                found[f"p_{label}"] = _numbers(p[:, k])
                if lower is not None and upper is not None:
                    found[f"p_{label}_lower"] = _numbers(lower[:, k])
                    found[f"p_{label}_upper"] = _numbers(upper[:, k])
        return found

    def _probabilities(self, read: dict[str, Any]) -> tuple[Float, Float | None, Float | None]:
        X = rows_for(self._result, {name: read[name] for name in kinds_of(self._result)})
        offset = self._shift(read) if self._offset else None
        if self._level is None:
            return np.asarray(self._result.predict_proba(X, offset=offset)), None, None
        p, lower, upper = self._result.predict_proba(X, self._level, offset=offset)
        return np.asarray(p), np.asarray(lower), np.asarray(upper)

    def _shift(self, read: dict[str, Any]) -> Float:
        """The offset as predictions take it, that of the logits, of columns as a fit takes them."""
        columns = [read[name].to_numpy(zero_copy_only=False) for name in self._offset]
        if len(columns) == 1:  # of the second of two classes
            columns.insert(0, np.zeros(len(columns[0])))
        shift = np.column_stack(columns)
        if self._result.reference is None:
            return shift
        base = self._result.classes.tolist().index(self._result.reference)
        against = np.delete(shift - shift[:, [base]], base, axis=1)
        return np.asarray(against[:, 0] if len(columns) == 2 else against)

    def _nothing(self) -> tuple[Float, Float | None, Float | None]:
        empty = np.empty((0, len(self._result.classes)))
        return (empty, None, None) if self._level is None else (empty, empty, empty)

    def _located(self, read: dict[str, Any], n: int, place: Place, error: ValueError) -> FileError:
        """The error of the first row that is refused, which halves find: with its place in the file."""
        low, high = 0, n
        while high - low > 1:
            middle = (low + high) // 2
            try:
                self._probabilities({name: one.slice(low, middle - low) for name, one in read.items()})
                low = middle
            except ValueError as smaller:
                high, error = middle, smaller
        try:
            self._probabilities({name: one.slice(low, 1) for name, one in read.items()})
        except ValueError as one_row:
            error = one_row
        # it speaks of the one row that it was given
        said = re.sub(r",? (the first )?(in|row|in row|the first row) 0\b(?=[;,. ]|$)", "", str(error))
        return FileError(f"{place(low)}: {said}")


def kinds_of(result: Result) -> dict[str, str]:
    """Column -> how it is read (:data:`sigmax.data.disk.cells.KINDS`), for all that predictions need."""
    if result.terms is None:
        names = result.param_names[1:] if result.fit_intercept else result.param_names
        return dict.fromkeys(names, "number")
    found = {one.name: _kind(one.levels, one.kind) for one in result.terms.variables}
    offsets = getattr(result.terms, "offsets", None)
    if offsets is not None:  # columns that offset() alone reads
        found |= {name: "number" for name in offsets.columns if name not in found}
    return found


def _kind(levels: Sequence[object], kind: str) -> str:
    if levels and all(isinstance(level, bool | np.bool_) for level in levels):
        return "truth"
    if kind != "factor":
        return "number"
    if levels and all(isinstance(level, int | np.integer) for level in levels):
        return "whole"
    if levels and all(isinstance(level, float | np.floating) for level in levels):
        return "number"
    return "text"


def rows_for(result: Result, read: dict[str, Any]) -> Any:
    """Columns as `result` takes them: a matrix where it was fitted to one, else a table."""
    if result.terms is None:
        X = np.empty((len(next(iter(read.values()))), len(read)))
        for j, column in enumerate(read.values()):
            X[:, j] = column.to_numpy(zero_copy_only=False)
        return X
    import pyarrow as pa

    return pa.table(read)


def _numbers(column: Float) -> Any:
    """A column of float64; nan, which is no probability, becomes null."""
    import pyarrow as pa

    return pa.array(np.ascontiguousarray(column), from_pandas=True)
