"""The certified sets: ill-conditioned logistic regressions whose answers are known to 50 digits.

``README.md`` describes the files; `load` reads one set with its answers, without the library and without
the oracle that found them.  What an mpf holds is kept only inside ``with mpmath.mp.workdps(70):``.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent
#: digits to which the answers are read; 60 are printed
_READ = 70

Rows = tuple[tuple[mpf, ...], ...]


@dataclass(frozen=True)
class Certified:
    """One set and its answers.

    Attributes
    ----------
    name : str
        Name of the set.
    X : ndarray of float64, shape (n, p)
        Columns without the intercept; read-only.
    y : ndarray of int64, shape (n,)
        Class codes 0 .. K-1; read-only.
    n_classes : int
        K.
    params, bse : tuple of K - 1 tuples of p + 1 mpf
        Estimates and standard errors of the classes 1 .. K-1 against class 0, the intercept first.
    llf : mpf
        Log-likelihood, a sum over rows, in nats.
    condition : float
        Of the weighted design with columns scaled to length 1, in the 2-norm.
    """

    name: str
    X: NDArray[np.float64]
    y: NDArray[np.int64]
    n_classes: int
    params: Rows
    bse: Rows
    llf: mpf
    condition: float


@cache
def answers() -> dict[str, dict[str, Any]]:
    """What answers.json holds: name of the set -> its entry, numbers as decimal strings."""
    found: dict[str, dict[str, Any]] = json.loads((FOLDER / "answers.json").read_text("ascii"))["sets"]
    return found


def names() -> tuple[str, ...]:
    """Names of the sets, the binary ones first."""
    return tuple(answers())


def read_csv(name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The columns and the class codes of a set."""
    with (FOLDER / f"{name}.csv").open(encoding="ascii", newline="") as handle:
        _, *records = csv.reader(handle)
    X = np.array([[float(cell) for cell in record[:-1]] for record in records])
    y = np.array([int(record[-1]) for record in records], dtype=np.int64)
    X.flags.writeable = y.flags.writeable = False
    return X, y


@cache
def load(name: str) -> Certified:
    """Read a set and its answers.

    Raises
    ------
    ValueError
        For a name that is not one of `names`.
    """
    if name not in answers():
        raise ValueError(f"no certified set {name!r}; there are {', '.join(names())}")
    entry = answers()[name]
    X, y = read_csv(name)

    def rows(texts: list[list[str]]) -> Rows:
        return tuple(tuple(mpf(text) for text in row) for row in texts)

    with mp.workdps(_READ):
        return Certified(
            name=name,
            X=X,
            y=y,
            n_classes=entry["classes"],
            params=rows(entry["params"]),
            bse=rows(entry["bse"]),
            llf=mpf(entry["llf"]),
            condition=float(entry["condition"]),
        )
