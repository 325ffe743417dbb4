"""The problems of the table: named, seeded, with overlapping classes and correlated columns.

Generated rows are x ~ N(0, S), made in blocks, so that nothing but X itself is ever as large as X.

    chain     S_ij = 0.5^|i - j|, the table's: its condition number stays below 9
    common    S_ij = 0.5 for i != j: every column shares one factor; condition number 1 + p

  Labels are drawn from the model.  Each logit has standard deviation 1.5 over the rows, and
intercepts are spread over (-0.5, 0.5): no class is rare, and the best rule still misplaces many rows.

`SPECS` has the sizes of the table, `tiny` the same kinds of a size that a test can afford.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from sigmax import datasets

Float = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

#: of neighbouring columns, or of all
CORRELATION = 0.5
#: standard deviation of each logit over the rows, without the intercept
LOGIT_DEVIATION = 1.5
#: rows that are generated at once
_BLOCK = 4096


@dataclass(frozen=True)
class Spec:
    """What a problem is.

    Attributes
    ----------
    name : str
    n, p, K : int
        Rows, columns without the intercept, classes.
    l2 : float
        Of the penalty l2/2 sum_k ||w_k||^2 over all K classes (two classes: l2/2 ||w||^2).
    source : {"generated", "breast cancer", "anes96"}
    fits : int
        1, or how many a `fit_many` problem has.
    many : {"", "weights", "groups"}
        What varies between the fits: the weights of the same n rows, or the rows, n in each group.
    seed : int
    columns : {"chain", "common"}
        How generated columns are correlated.
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

    @property
    def key(self) -> str:
        """Names the data completely: of files in the cache."""
        columns = "" if self.columns == "chain" else f"_{self.columns}"
        return f"{self.name}_{self.n}x{self.p}x{self.K}_fits{self.fits}_seed{self.seed}{columns}"


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


def tiny(spec: Spec) -> Spec:
    """The same kind, with at most four columns, four classes, and as many rows as the classes need."""
    if spec.many:
        return replace(spec, fits=min(spec.fits, 6))
    if spec.source != "generated":
        return spec
    p, K = min(spec.p, 4), min(spec.K, 4)
    return replace(spec, n=60 * (K - 1) * (1 + p), p=p, K=K)


@dataclass(frozen=True, eq=False)
class Problem:
    """Data.

    Attributes
    ----------
    spec : Spec
    X : ndarray of shape (N, p)
        float64, C order, no column of ones.  N = n, or n times the fits where the groups vary.
    y : int64 ndarray of shape (N,)
        Labels 0 .. K-1.
    weights : float64 ndarray of shape (fits, n), or None
        Whole numbers that sum to n.
    groups : int64 ndarray of shape (N,), or None
    """

    spec: Spec
    X: Float
    y: Labels
    weights: Float | None = None
    groups: Labels | None = None


def make(spec: Spec, cache: Path | None = None) -> Problem:
    """The data of `spec`; equal bits each time, for one version of NumPy on one machine.

    Parameters
    ----------
    spec : Spec
    cache : Path, optional
        Folder of files that are read if they exist, and written if not.

    Raises
    ------
    ImportError
        The data belong to a library that is not installed.
    """
    if spec.source == "breast cancer":
        return _breast_cancer(spec)
    if spec.source == "anes96":
        data = datasets.load("anes96")
        codes = np.unique(data.y, return_inverse=True)[1]
        return Problem(spec, np.ascontiguousarray(data.X, dtype=np.float64), codes.astype(np.int64))
    file = None if cache is None else cache / f"{spec.key}.data.npz"
    if file is not None and file.exists():
        with np.load(file) as stored:
            X, y = stored["X"], stored["y"]
    else:
        X, y = _generate(spec)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, X=X, y=y)
    if spec.many == "weights":
        # resampling n rows with replacement, as counts
        rng = np.random.default_rng((spec.seed, 1))
        weights = rng.multinomial(spec.n, np.full(spec.n, 1.0 / spec.n), size=spec.fits)
        return Problem(spec, X, y, weights=weights.astype(np.float64))
    if spec.many == "groups":
        return Problem(spec, X, y, groups=np.repeat(np.arange(spec.fits), spec.n))
    return Problem(spec, X, y)


def _breast_cancer(spec: Spec) -> Problem:
    """scikit-learn's table, columns standardised: on the raw ones some peers do not converge at all."""
    sklearn_datasets = importlib.import_module("sklearn.datasets")
    X, y = sklearn_datasets.load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return Problem(spec, np.ascontiguousarray(X), y.astype(np.int64))


def _generate(spec: Spec) -> tuple[Float, Labels]:
    rng = np.random.default_rng(spec.seed)
    m, p = spec.K - 1, spec.p
    slopes, intercepts = (
        _slopes(m, _covariance(spec), rng),
        np.linspace(-0.5, 0.5, m) if m > 1 else np.array([0.25]),
    )
    n = spec.n * (spec.fits if spec.many == "groups" else 1)
    X, y = np.empty((n, p)), np.empty(n, dtype=np.int64)
    scale = np.sqrt(1.0 - CORRELATION**2)
    for start in range(0, n, _BLOCK):
        block = X[start : start + _BLOCK]
        rng.standard_normal(out=block)
        if spec.columns == "chain":
            # x_j = r x_(j-1) + sqrt(1 - r^2) e_j, a stationary chain
            block[:, 0] /= scale
            block[...] = lfilter([scale], [1.0, -CORRELATION], block, axis=1)
        else:
            # x_j = sqrt(r) z + sqrt(1 - r) e_j
            block *= np.sqrt(1.0 - CORRELATION)
            block += np.sqrt(CORRELATION) * rng.standard_normal((len(block), 1))
        # einsum and not BLAS, whose last bits depend on its threads
        logits = np.einsum("ij,cj->ic", block, slopes) + intercepts
        odds = np.exp(np.column_stack([np.zeros(len(block)), logits]))
        below = np.cumsum(odds, axis=1)
        # the class whose interval of [0, 1) holds u
        u = rng.random(len(block)) * below[:, -1]
        y[start : start + _BLOCK] = (u[:, None] >= below[:, :-1]).sum(axis=1)
    return X, y


def _covariance(spec: Spec) -> Float:
    """S."""
    j = np.arange(spec.p)
    distance = np.abs(j[:, None] - j)
    S: Float = CORRELATION ** (distance if spec.columns == "chain" else np.minimum(distance, 1))
    return S


def _slopes(m: int, S: Float, rng: np.random.Generator) -> Float:
    """Random directions b_c scaled to b_c' S b_c = 1.5^2: the variance of the logit."""
    b = rng.standard_normal((m, len(S)))
    deviations = np.sqrt(np.einsum("cj,jl,cl->c", b, S, b))
    slopes: Float = LOGIT_DEVIATION * b / deviations[:, None]
    return slopes
