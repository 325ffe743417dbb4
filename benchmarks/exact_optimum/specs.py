"""What a problem is, and the list of them: names, sizes, seeds.  Nothing here makes data.

`SPECS` is the table with targets; `MORE` has the shapes of the field's data sets, hard cases and real data;
`ALL` is both.  What any of them is like is measured by `properties`, not said here.

Rows scaled to memory
    A problem that is larger than the machine can hold next to its copies keeps its columns and halves its
    rows, as often as it takes until

        COPIES 8 n p <= memory / 4

    COPIES = 8: X in C order, in Fortran order and with a column of ones, and five more that libraries make
    while they fit.  The rows that are left stand in the name: higgs_like_2750000x28 at 24 GiB.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.bench import machine

Float = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

#: of neighbouring columns, or of all
CORRELATION = 0.5
#: see above: copies of X that must fit, and into which part of the memory
COPIES, PART = 8, 4
#: bytes to assume where the system does not tell
_USUAL_MEMORY = 8 * 2**30
#: shares of the seven cover types in the data set of that name
COVER_TYPES = (0.365, 0.488, 0.062, 0.005, 0.016, 0.030, 0.034)


class MissingData(ImportError):
    """The data belong to a library that is not installed, or to a file that is not there."""


@dataclass(frozen=True)
class Spec:
    """What a problem is.

    Attributes
    ----------
    name : str
    n, p, K : int
        Rows, columns without the intercept, classes.  Of a file, n is the most rows that are read.
    l2 : float
        Of the penalty l2/2 sum_k ||w_k||^2 over all K classes (two classes: l2/2 ||w||^2).
    source : str
        "generated", or what `real` and `files` know by that name.
    fits : int
        1, or how many a `fit_many` problem has.
    many : {"", "weights", "groups"}
        What varies between the fits: the weights of the same n rows, or the rows, n in each group.
    seed : int
    columns : {"chain", "common"}
        How generated columns are correlated.
    correlation : float
        Of neighbouring columns, or of all.
    shares : tuple of float
        Of the classes that labels are drawn from; empty: intercepts are spread over (-0.5, 0.5).
    against : int
        -1, or the drawn class that becomes class 1 against the rest: K = 2.
    factors : tuple of int
        Levels of categorical columns; each comes as one 0/1 column for each level but the first, last in X.
    size : float
        Generated columns are multiplied by sizes from 1 / size to size, evenly spread in their logarithm.
    """

    name: str
    n: int
    p: int
    K: int = 2
    l2: float = 0.0
    source: str = "generated"
    fits: int = 1
    many: str = ""
    seed: int = 0
    columns: str = "chain"
    correlation: float = CORRELATION
    shares: tuple[float, ...] = ()
    against: int = -1
    factors: tuple[int, ...] = ()
    size: float = 1.0

    @property
    def key(self) -> str:
        """Names the data completely: of files in the cache."""
        columns = "" if self.columns == "chain" else f"_{self.columns}"
        return f"{self.name}_{self.n}x{self.p}x{self.K}_fits{self.fits}_seed{self.seed}{columns}"

    @property
    def numeric(self) -> int:
        """Generated columns that are not those of a factor."""
        return self.p - sum(levels - 1 for levels in self.factors)

    @property
    def drawn(self) -> int:
        """Classes that labels are drawn from."""
        return len(self.shares) if self.against >= 0 else self.K


@dataclass(frozen=True, eq=False)
class Problem:
    """Data.

    Attributes
    ----------
    spec : Spec
        With the rows that there are.
    X : ndarray of shape (N, p)
        float64, C order, no column of ones.  N = n, or n times the fits where the groups vary.
    y : int64 ndarray of shape (N,)
        Labels 0 .. K-1.
    weights : float64 ndarray of shape (fits, n), or None
        Whole numbers that sum to n.
    groups : int64 ndarray of shape (N,), or None
    dropped : int
        Rows of real data that were left out because a value is missing.
    """

    spec: Spec
    X: Float
    y: Labels
    weights: Float | None = None
    groups: Labels | None = None
    dropped: int = 0


# -- memory ------------------------------------------------------------------------------------


def memory(limit: Path = Path("/sys/fs/cgroup/memory.max")) -> int:
    """Bytes of the machine, or what a container may use of them."""
    return machine.memory(limit) or _USUAL_MEMORY


def fitting_rows(n: int, p: int, bytes_of_memory: int, copies: int = COPIES) -> int:
    """N, halved until copies 8 n p <= memory / 4.

    Raises
    ------
    ValueError
        Not even ten rows a column fit: such a problem would say nothing about the one it is named for.
    """
    rows = n
    while copies * 8 * rows * p > bytes_of_memory / PART:
        rows //= 2
    if rows < 10 * p:
        raise ValueError(f"{n} x {p} leaves {rows} rows at {bytes_of_memory} bytes: fewer than 10 a column")
    return rows


def _scaled(name: str, n: int, p: int, bytes_of_memory: int, **rest: Any) -> list[Spec]:
    """The problem of as many rows as fit, which its name tells; none where too few are left."""
    try:
        rows = fitting_rows(n, p, bytes_of_memory)
    except ValueError:
        return []
    return [Spec(f"{name}_{rows}x{p}", rows, p, **rest)]


# -- the lists ---------------------------------------------------------------------------------

SPECS = {
    spec.name: spec
    for spec in (
        Spec("binary_2000000x20", 2_000_000, 20),
        Spec("binary_500000x100", 500_000, 100),
        Spec("binary_100000x500", 100_000, 500),
        Spec("classes5_500000x50", 500_000, 50, 5),
        Spec("classes10_20000x784_l2", 20_000, 784, 10, l2=1.0),
        Spec("small_569x30_l2", 569, 30, l2=1.0, source="breast cancer"),
        Spec("small_500x10", 500, 10),
        Spec("anes96", 944, 5, 7, source="anes96"),
        Spec("bootstrap_10000_of_500x5", 500, 5, fits=10_000, many="weights"),
        Spec("groups_10000_of_200x4", 200, 4, fits=10_000, many="groups"),
    )
}


def more(bytes_of_memory: int) -> dict[str, Spec]:
    """The problems without targets, for a machine of that memory."""
    # ten numeric columns, four kinds of wilderness and forty soils against one more of each
    covtype: dict[str, Any] = {"p": 54, "shares": COVER_TYPES, "factors": (5, 41)}
    listed = [
        *_scaled("covtype_like", 581_012, bytes_of_memory=bytes_of_memory, K=7, **covtype),
        *_scaled(
            "covtype_like_2_against_rest", 581_012, bytes_of_memory=bytes_of_memory, against=1, **covtype
        ),
        *_scaled("higgs_like", 11_000_000, 28, bytes_of_memory),
        *_scaled("susy_like", 5_000_000, 18, bytes_of_memory),
        *_scaled("epsilon_like", 400_000, 2_000, bytes_of_memory),
        Spec("rare_500000x20", 500_000, 20, shares=(0.99, 0.01)),
        Spec("correlated_500000x20", 500_000, 20, correlation=0.99),
        Spec("raw_scales_500000x20", 500_000, 20, size=1e3),
        Spec("spector", 32, 3, source="spector"),
        Spec("fair", 6_366, 8, source="fair"),
        Spec("iris_l2", 150, 4, 3, l2=1.0, source="iris"),
        Spec("wine_l2", 178, 13, 3, l2=1.0, source="wine"),
        # three of its 64 pixels are always zero
        Spec("digits_l2", 1_797, 61, 10, l2=1.0, source="digits"),
        Spec("flights_delayed", 327_346, 37, source="flights delayed"),
        Spec("flights_origin", 327_346, 29, 3, source="flights origin"),
        # files of the user; whether soils of few rows separate the cover types is known to nobody but them
        *_scaled("covtype_l2", 581_012, 54, bytes_of_memory, K=7, l2=1.0, source="covtype"),
        *_scaled("covtype_2_against_rest_l2", 581_012, 54, bytes_of_memory, l2=1.0, source="covtype 2"),
        *_scaled("higgs", 11_000_000, 28, bytes_of_memory, source="HIGGS"),
        *_scaled("susy", 5_000_000, 18, bytes_of_memory, source="SUSY"),
        *_scaled("epsilon_l2", 400_000, 2_000, bytes_of_memory, l2=1.0, source="epsilon"),
    ]
    return {spec.name: spec for spec in listed}


MORE = more(memory())
ALL = SPECS | MORE


def tiny(spec: Spec) -> Spec:
    """The same kind, with at most four columns, four classes, and as many rows as the classes need."""
    if spec.many:
        return replace(spec, fits=min(spec.fits, 6))
    if spec.source != "generated":
        return spec
    p, drawn = min(spec.p, 4), min(spec.drawn, 4)
    K = min(spec.K, 4)
    n = 60 * (drawn - 1) * (1 + p)
    factors = (3,) if spec.factors else ()
    if not spec.shares:
        return replace(spec, n=n, p=p, K=K, factors=factors)
    # the largest classes, in their order; the rarest of them has as many rows as one of `drawn` equal ones
    kept = sorted(sorted(range(len(spec.shares)), key=lambda k: -spec.shares[k])[:drawn])
    shares = tuple(spec.shares[k] for k in kept)
    n = int(n * sum(shares) / (drawn * min(shares)))
    return replace(spec, n=n, p=p, K=K, shares=shares, factors=factors)
