"""The bundled data sets with their certified optima, read from the source tree."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from mpmath import mpf
from numpy.typing import NDArray

from oracles.optimum import Optimum, null_llf, optimum

_DATA = Path(__file__).resolve().parents[2] / "src" / "sigmax" / "datasets" / "data"

_DESIGNS: dict[str, tuple[str, tuple[str, ...], int]] = {
    "spector": ("GRADE", ("GPA", "TUCE", "PSI"), 2),
    "fair": (
        "affair",
        (
            "rate_marriage",
            "age",
            "yrs_married",
            "children",
            "religious",
            "educ",
            "occupation",
            "occupation_husb",
        ),
        2,
    ),
    "anes96": ("PID", ("logpopul", "selfLR", "age", "educ", "income"), 7),
}


@dataclass(frozen=True)
class Bundled:
    """A bundled data set with its certified optimum.

    Attributes
    ----------
    name : str
        Name of the data set.
    X : ndarray of float64, shape (n, p)
        Default design without intercept; read-only.
    codes : ndarray of int64, shape (n,)
        Class codes 0 .. K-1; read-only.
    n_classes : int
        K.
    optimum : Optimum
        The fit with an intercept, unit weights and no offset.
    llf_null : mpf
        Log-likelihood of the intercept-only model.
    """

    name: str
    X: NDArray[np.float64]
    codes: NDArray[np.int64]
    n_classes: int
    optimum: Optimum
    llf_null: mpf


@cache
def bundled(name: str) -> Bundled:
    """Return a bundled data set with its optimum to 50 digits, computed once per process.

    Parameters
    ----------
    name : {"spector", "fair", "anes96"}
        Name of the data set.

    Returns
    -------
    Bundled
        The CSV is parsed here from the source tree, not by the library.

    Raises
    ------
    ValueError
        For another name.
    """
    if name not in _DESIGNS:
        raise ValueError(f"no data set {name!r}; there are {', '.join(_DESIGNS)}")
    target, features, n_classes = _DESIGNS[name]
    with (_DATA / f"{name}.csv").open(encoding="ascii", newline="") as handle:
        records = list(csv.DictReader(handle))
    X = np.array([[float(r[f]) for f in features] for r in records])
    codes = np.array([int(r[target]) for r in records], dtype=np.int64)
    X.flags.writeable = codes.flags.writeable = False
    return Bundled(
        name=name,
        X=X,
        codes=codes,
        n_classes=n_classes,
        optimum=optimum(X, codes, n_classes),
        llf_null=null_llf(codes, n_classes),
    )
