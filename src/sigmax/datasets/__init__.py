"""Small classical data sets, bundled as CSV files, for examples and for tests.

Three data sets on which logistic and multinomial regression are commonly demonstrated, with the
design that is usually fitted to each::

    >>> from sigmax import datasets
    >>> data = datasets.load("spector")
    >>> data.X.shape, data.target, data.features
    ((32, 3), 'GRADE', ('GPA', 'TUCE', 'PSI'))

``PROVENANCE.md`` beside this file gives the sources, the rights as their distributor states them,
the meaning and the unit of each column, and a checksum of each file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dataset", "load", "names"]


@dataclass(frozen=True)
class _Entry:
    """What is known of a data set besides its numbers."""

    title: str
    target: str
    features: tuple[str, ...]
    provenance: str


_ENTRIES: Final[Mapping[str, _Entry]] = {
    "spector": _Entry(
        title="Teaching method and grades in economics (Spector and Mazzeo, 1980)",
        target="GRADE",
        features=("GPA", "TUCE", "PSI"),
        provenance=(
            "Spector and Mazzeo (1980), Journal of Economic Education 11(2), 37-44; tabulated by "
            "W. H. Greene for Econometric Analysis and taken from statsmodels 0.15.0. Rights: "
            "statsmodels uses it by permission of the author, L. C. Spector, who retains all "
            "rights; it is not stated to be in the public domain. The running row number was "
            "dropped; nothing was derived."
        ),
    ),
    "fair": _Entry(
        title="Extramarital affairs, the Redbook survey (Fair, 1978)",
        target="affair",
        features=(
            "rate_marriage",
            "age",
            "yrs_married",
            "children",
            "religious",
            "educ",
            "occupation",
            "occupation_husb",
        ),
        provenance=(
            "Fair (1978), Journal of Political Economy 86(1), 45-61; published on the author's "
            "web site and taken from statsmodels 0.15.0. Rights: statsmodels includes it by "
            "permission of the author, R. C. Fair; it is not stated to be in the public domain. "
            "Derived here: affair, which is 1 where affairs > 0 and 0 elsewhere."
        ),
    ),
    "anes96": _Entry(
        title="Party identification, American National Election Study 1996",
        target="PID",
        features=("logpopul", "selfLR", "age", "educ", "income"),
        provenance=(
            "American National Election Studies, 1996 (944 of its respondents and 10 of its "
            "variables); taken from statsmodels 0.15.0. Rights: statsmodels states it to be in "
            "the public domain. Derived here: logpopul = log(popul + 0.1), correctly rounded."
        ),
    ),
}


@dataclass(frozen=True, eq=False)
class Dataset:
    """One bundled data set.

    Attributes
    ----------
    name : str
        The name under which `load` knows it.
    title : str
        What it is, in one line.
    target : str
        Name of the column that is commonly explained.
    features : tuple of str
        Names of the columns of the default design, in order, without an intercept.
    columns : dict of str to ndarray of float64, shape (n,)
        All columns of the file in file order, the derived ones last.  Integers are exact.  Units
        are given in ``PROVENANCE.md``.
    provenance : str
        Origin, rights and derived columns in one paragraph.
    """

    name: str
    title: str
    target: str
    features: tuple[str, ...]
    columns: dict[str, NDArray[np.float64]] = field(repr=False)
    provenance: str = field(repr=False)

    @property
    def n_rows(self) -> int:
        """Number of rows n."""
        return int(self.columns[self.target].size)

    @property
    def X(self) -> NDArray[np.float64]:  # noqa: N802 - the matrix keeps its letter
        """Default design: a new C-contiguous float64 array of shape (n, p), no intercept."""
        return np.column_stack([self.columns[f] for f in self.features])

    @property
    def y(self) -> NDArray[np.int64]:
        """Labels of the target: a new int64 array of shape (n,)."""
        return self.columns[self.target].astype(np.int64)

    @property
    def path(self) -> Path:
        """Path of the CSV file: a header line, then one line per row, comma-separated.

        Raises
        ------
        FileNotFoundError
            When the package is imported from an archive, where the data have no path of their own.
        """
        resource = files(__name__) / "data" / f"{self.name}.csv"
        if not isinstance(resource, Path):
            raise FileNotFoundError(f"{resource} lies in an archive and has no path")
        return resource


def names() -> tuple[str, ...]:
    """Return the names of the bundled data sets.

    Returns
    -------
    tuple of str
        Each of them is accepted by `load`.
    """
    return tuple(_ENTRIES)


def load(name: str) -> Dataset:
    """Load a bundled data set.

    Parameters
    ----------
    name : {"spector", "fair", "anes96"}
        Which one.

    Returns
    -------
    Dataset
        Its arrays belong to the caller: the file is read anew by every call.

    Raises
    ------
    ValueError
        For a name that is not among `names`.
    """
    entry = _ENTRIES.get(name)
    if entry is None:
        raise ValueError(f"unknown data set {name!r}; choose one of {', '.join(map(repr, names()))}")
    text = (files(__name__) / "data" / f"{name}.csv").read_text(encoding="ascii")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    # float() rounds correctly, so every number written with enough digits comes back bit for bit.
    columns = {
        column: np.array([float(cell) for cell in cells], dtype=np.float64)
        for column, cells in zip(header, zip(*rows, strict=True), strict=True)
    }
    return Dataset(
        name=name,
        title=entry.title,
        target=entry.target,
        features=entry.features,
        columns=columns,
        provenance=entry.provenance,
    )
