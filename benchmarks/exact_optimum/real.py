"""Real data that come with sigmax or with a library: as (X, labels, rows dropped).

Labels are numbered in the order of their sorted values.  scikit-learn's sets are standardised, columns
without variation left out: on the raw ones some libraries do not converge at all.
"""

from __future__ import annotations

import importlib

import flights
import numpy as np
from specs import Float, Labels

from sigmax import datasets

_BUNDLED = ("spector", "fair", "anes96")
_SKLEARN = {"breast cancer": "breast_cancer", "iris": "iris", "wine": "wine", "digits": "digits"}

#: what they are, by name
SOURCES = {
    **{name: f"real, bundled with sigmax: {name}, as it is" for name in _BUNDLED},
    **{name: f"real, scikit-learn's load_{kind}, standardised" for name, kind in _SKLEARN.items()},
    **flights.SOURCES,
}


def read(source: str) -> tuple[Float, Labels, int]:
    """X in C order, labels 0 .. K-1, rows left out for a missing value.

    Raises
    ------
    ImportError
        The library that has them is not installed.
    """
    if source in flights.SOURCES:
        return flights.read(source)
    if source in _BUNDLED:
        data = datasets.load(source)
        return np.ascontiguousarray(data.X, dtype=np.float64), _codes(data.y), 0
    sklearn_datasets = importlib.import_module("sklearn.datasets")
    X, y = getattr(sklearn_datasets, f"load_{_SKLEARN[source]}")(return_X_y=True)
    return standardised(X), _codes(y), 0


def standardised(X: Float) -> Float:
    """(x - mean) / standard deviation, without the columns that have none."""
    deviation = X.std(axis=0)
    some = deviation > 0.0
    if not np.all(some):
        X, deviation = X[:, some], deviation[some]
    return np.ascontiguousarray((X - X.mean(axis=0)) / deviation)


def _codes(y: np.ndarray) -> Labels:
    return np.unique(y, return_inverse=True)[1].astype(np.int64)
