"""Data sets that the user has downloaded: read from a folder, in the form in which they are published.

The folder is --data DIR of the command, or the environment variable SIGMAX_BENCHMARK_DATA, which processes
that measure memory inherit.  Of the names below the first that exists is read; at most n rows of it.

covtype     covtype.npz, covtype.data.gz, covtype.data, covtype.csv.gz, covtype.csv
            54 columns, then the cover type 1 .. 7; the first ten columns standardised
HIGGS       HIGGS.npz, HIGGS.csv.gz, HIGGS.csv      label 0 or 1, then 28 columns; standardised
SUSY        SUSY.npz, SUSY.csv.gz, SUSY.csv         label 0 or 1, then 18 columns; standardised
epsilon     epsilon.npz, epsilon_normalized.bz2, epsilon_normalized
            libsvm: label -1 or 1, then index:value with indices from 1; 2,000 columns, as they are

An .npz holds X of shape (rows, columns) and y with the labels of the published file.
"""

from __future__ import annotations

import bz2
import gzip
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from specs import Float, Labels, MissingData, Spec

#: of the environment
FOLDER = "SIGMAX_BENCHMARK_DATA"
#: rows that are read at once
_BLOCK = 65_536


@dataclass(frozen=True)
class Format:
    """How a data set is published.

    Attributes
    ----------
    names : tuple of str
        Of files, the first that exists counts.
    p : int
    labels : tuple of float
        Values of the label, in the order of the classes.
    label_first : bool
        Whether the label stands before the columns.
    standardised : int
        Columns, from the first, that are standardised.
    """

    names: tuple[str, ...]
    p: int
    labels: tuple[float, ...]
    label_first: bool = True
    standardised: int = 0


_COVTYPE = ("covtype.npz", "covtype.data.gz", "covtype.data", "covtype.csv.gz", "covtype.csv")
FORMATS = {
    "covtype": Format(_COVTYPE, 54, (1, 2, 3, 4, 5, 6, 7), label_first=False, standardised=10),
    "HIGGS": Format(("HIGGS.npz", "HIGGS.csv.gz", "HIGGS.csv"), 28, (0, 1), standardised=28),
    "SUSY": Format(("SUSY.npz", "SUSY.csv.gz", "SUSY.csv"), 18, (0, 1), standardised=18),
    "epsilon": Format(("epsilon.npz", "epsilon_normalized.bz2", "epsilon_normalized"), 2000, (-1, 1)),
}

#: what they are, by name
SOURCES = {
    "covtype": "real, file of the user: covtype, ten columns standardised",
    "covtype 2": "real, file of the user: covtype, type 2 against the rest",
    "HIGGS": "real, file of the user: HIGGS, standardised",
    "SUSY": "real, file of the user: SUSY, standardised",
    "epsilon": "real, file of the user: epsilon, as it is",
}


def read(spec: Spec) -> tuple[Float, Labels, int]:
    """X, labels 0 .. K-1, and no row left out.

    Raises
    ------
    MissingData
        No folder was given, or it has none of the names.
    ValueError
        The file is not of the form above; the first bad row is named, counted from 0.
    """
    kind = "covtype" if spec.source == "covtype 2" else spec.source
    form = FORMATS[kind]
    file = _file(form)
    if file.suffix == ".npz":
        X, raw = _npz(file, form, spec.n)
    elif kind == "epsilon":
        X, raw = _libsvm(file, form, spec.n)
    else:
        X, raw = _csv(file, form, spec.n)
    y = _codes(file, form, raw)
    for j in range(form.standardised):
        deviation = X[:, j].std()
        X[:, j] -= X[:, j].mean()
        # a column without variation is only moved
        X[:, j] /= deviation if deviation > 0.0 else 1.0
    return X, (y == 1).astype(np.int64) if spec.source == "covtype 2" else y, 0


def _file(form: Format) -> Path:
    folder = os.environ.get(FOLDER, "")
    if not folder:
        raise MissingData(f"{form.names[1]} is read from --data DIR, which was not given")
    for name in form.names:
        if (Path(folder) / name).exists():
            return Path(folder) / name
    raise MissingData(f"none of {', '.join(form.names)} is in the folder of --data")


def _open(file: Path) -> AbstractContextManager[IO[str]]:
    openers: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
    stream: AbstractContextManager[IO[str]] = openers.get(file.suffix, open)(file, "rt", encoding="ascii")
    return stream


def _npz(file: Path, form: Format, most: int) -> tuple[Float, Float]:
    with np.load(file) as stored:
        lacks = [name for name in ("X", "y") if name not in stored]
        if lacks:
            raise ValueError(f"{file.name} should hold X and y; got {', '.join(stored) or 'nothing'}")
        X, y = stored["X"][:most].astype(np.float64, order="C"), stored["y"][:most].astype(np.float64)
    if X.ndim != 2 or X.shape[1] != form.p or y.shape != (len(X),):
        raise ValueError(f"{file.name} should hold X of {form.p} columns and y; got {X.shape} and {y.shape}")
    return X, y


def _csv(file: Path, form: Format, most: int) -> tuple[Float, Float]:
    """Blocks of lines: X is never there twice, but for the last copy of its blocks."""
    rows = _Rows(file, form.p, most)
    label = 0 if form.label_first else form.p
    with _open(file) as stream:
        while lines := list(islice(stream, min(_BLOCK, rows.left))):
            try:
                block = np.loadtxt(lines, delimiter=",", ndmin=2)
            except ValueError as error:
                raise ValueError(f"{file.name}, rows from {rows.count} on: {error}") from None
            if block.shape[1] != form.p + 1:
                raise ValueError(f"{file.name} should have {form.p + 1} numbers a row; got {block.shape[1]}")
            rows.add(np.delete(block, label, axis=1), block[:, label])
    return rows.arrays()


def _libsvm(file: Path, form: Format, most: int) -> tuple[Float, Float]:
    """Indices rise from 1; what is not named is zero."""
    rows = _Rows(file, form.p, most)
    with _open(file) as stream:
        while lines := list(islice(stream, min(_BLOCK // 16, rows.left))):
            block, labels = np.zeros((len(lines), form.p)), np.empty(len(lines))
            for i, line in enumerate(lines):
                try:
                    numbers = np.array(line.partition("#")[0].replace(":", " ").split(), dtype=np.float64)
                    labels[i], at = numbers[0], numbers[1::2].astype(np.intp)
                    if len(at) and (at[0] < 1 or at[-1] > form.p or np.any(np.diff(at) < 1)):
                        raise ValueError(f"indices should rise from 1 to {form.p}")
                    block[i, at - 1] = numbers[2::2]
                except (ValueError, IndexError) as error:
                    raise ValueError(f"{file.name}, row {rows.count + i}: {error}") from None
            rows.add(block, labels)
    return rows.arrays()


class _Rows:
    """Blocks of rows, at most `most` of them, in one array that grows by its own pages."""

    def __init__(self, file: Path, p: int, most: int) -> None:
        # zeros and not empty: pages that no row touches cost nothing, and the rest is cut off
        self._file, self._X, self._y = file, np.zeros((most, p)), np.zeros(most)
        self.count = 0

    @property
    def left(self) -> int:
        return len(self._y) - self.count

    def add(self, block: Float, labels: Float) -> None:
        for what, values in (("column", block), ("label", labels[:, None])):
            if not np.all(np.isfinite(values)):
                bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
                raise ValueError(
                    f"{self._file.name}: {what}s must be finite; row {self.count + bad[0]} is not, "
                    f"{len(bad)} in its block"
                )
        stop = self.count + len(block)
        self._X[self.count : stop], self._y[self.count : stop] = block, labels
        self.count = stop

    def arrays(self) -> tuple[Float, Float]:
        if self.count == 0:
            raise ValueError(f"{self._file.name} has no rows")
        return self._X[: self.count], self._y[: self.count]


def _codes(file: Path, form: Format, raw: Float) -> Labels:
    """Classes of the published labels."""
    codes = np.searchsorted(form.labels, raw).clip(max=len(form.labels) - 1)
    bad = np.flatnonzero(np.array(form.labels)[codes] != raw)
    if len(bad):
        raise ValueError(
            f"{file.name}: labels should be {', '.join(f'{label:g}' for label in form.labels)}; "
            f"row {bad[0]} has {raw[bad[0]]:g}, {len(bad)} are none of these"
        )
    return codes.astype(np.int64)
