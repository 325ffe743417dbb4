"""What a command works on: a bundled data set, or columns of a file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sigmax import datasets
from sigmax.data.disk import files
from sigmax.data.disk.streams import Stream
from sigmax.kernels import Float
from sigmax.shell.usage import UsageError, names_of


@dataclass(frozen=True)
class Problem:
    """Columns and labels."""

    title: str
    X: Float
    y: npt.NDArray[np.generic]
    target: str
    features: tuple[str, ...]


def is_bundled(name: str) -> bool:
    """Whether DATA is a bundled set; a file of that name comes first."""
    return name in datasets.names() and not Path(name).exists()


def names_in(path: str) -> tuple[str, ...]:
    """The columns of the file that DATA names."""
    if not Path(path).exists():
        raise UsageError(f"{path}: no such file; the bundled data sets are {', '.join(datasets.names())}")
    names: tuple[str, ...] = Stream(path).names
    return names


def table_of(path: str, names: Sequence[str], wanted: Sequence[str]) -> files.Table:
    """The columns `wanted` of a file that has `names`, and no others."""
    for name in wanted:
        if name not in names:
            raise UsageError(files.no_column(path, name, names))
    return files.read(path, list(dict.fromkeys(wanted)))


def problem(options: argparse.Namespace) -> Problem:
    """The bundled set or the file that DATA names, as arrays."""
    features = None if options.features is None else names_of("--features", options.features)
    if is_bundled(options.data):
        return bundled(options.data, options.target, features)
    names = names_in(options.data)
    target, features = chosen(options, names, features)
    table = table_of(options.data, names, (*features, target))
    y = table.labels(target)
    return Problem(options.data, table.matrix(features), y, target, features)


def bundled(name: str, target: str | None = None, features: tuple[str, ...] | None = None) -> Problem:
    """A bundled set with its own target and features where none are given."""
    data = datasets.load(name)
    target = data.target if target is None else target
    features = tuple(f for f in data.features if f != target) if features is None else features
    check_features(features, target)
    for column in (target, *features):
        if column not in data.columns:
            raise UsageError(files.no_column(name, column, list(data.columns)))
    X = np.column_stack([data.columns[f] for f in features])
    y = data.y if target == data.target else data.columns[target]
    return Problem(name, X, y, target, features)


def chosen(
    options: argparse.Namespace,
    names: Sequence[str],
    features: tuple[str, ...] | None,
    others: Sequence[str | None] = (),
) -> tuple[str, tuple[str, ...]]:
    """Target and features of a file: all columns but the target and `others` where none are named."""
    if options.target is None:
        raise UsageError(f"--target is needed: one of {', '.join(names)}")
    if options.target not in names:
        raise UsageError(files.no_column(options.data, options.target, names))
    if features is None:
        features = tuple(name for name in names if name not in (options.target, *others))
    check_features(features, options.target)
    return options.target, features


def check_features(features: tuple[str, ...], target: str) -> None:
    """There are some, and the target is not among them."""
    if target in features:
        raise UsageError(f"--features holds the target {target!r}")
    if not features:
        raise UsageError("no features are left besides the target")


def class_of(labels: Sequence[object], text: str) -> object:
    """The label that `text` stands for: as it is written, or as a number."""
    for label in dict.fromkeys(labels):
        if str(label) == text or (
            isinstance(label, float) and label.is_integer() and str(int(label)) == text
        ):
            return label
    known = list(dict.fromkeys(repr(str(label)) for label in labels))
    shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    raise UsageError(f"--class-reference must be one of the classes, {shown}; got {text!r}")
