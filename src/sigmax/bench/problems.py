"""Problems to time: seeded, with known properties, and with a maximum-likelihood estimate.

Generated rows are x ~ N(0, S) with S_ij = 0.5^|i - j|: neighbouring columns are correlated, and the
condition number of S stays below 9 however many columns there are.  Labels are drawn from the model
itself.  Each logit has standard deviation 1.5 over the rows, so that probabilities spread over (0, 1),
no class is rare, and the classes overlap: in two classes the best rule still misplaces about a quarter
of the rows.  With at least 20 rows for each parameter, which is required, the maximum-likelihood
estimate then exists but for a negligible probability; a fit proves it for the data at hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sigmax import datasets
from sigmax.kernels import Codes, Float

#: correlation of neighbouring columns
_CORRELATION = 0.5
#: standard deviation of each logit over the rows, without the intercept
_LOGIT_DEVIATION = 1.5
#: rows for each parameter, at least
ROWS_PER_PARAMETER = 20


@dataclass(frozen=True, eq=False)
class Problem:
    """Data of a logistic or multinomial regression with an intercept.

    Attributes
    ----------
    name : str
    X : ndarray of shape (n, p)
        float64, C order, without the intercept's column.
    y : int64 ndarray of shape (n,)
        Labels 0 .. K-1.
    n_classes : int
        K.
    coef : ndarray of shape (K - 1, 1 + p)
        Where single passes are evaluated, intercepts first: the coefficients that the labels were drawn
        with, zeros for real data.
    """

    name: str
    X: Float
    y: npt.NDArray[np.int64]
    n_classes: int
    coef: Float

    @property
    def n_rows(self) -> int:
        """n."""
        return len(self.X)

    @property
    def n_columns(self) -> int:
        """p, without the intercept."""
        return int(self.X.shape[1])

    @property
    def codes(self) -> Codes:
        """The labels as class codes, int32."""
        return self.y.astype(np.int32)

    def head(self, n_rows: int) -> Problem:
        """The first rows, a view."""
        return replace(self, X=self.X[:n_rows], y=self.y[:n_rows])


def fewest_rows(p: int, n_classes: int = 2) -> int:
    """Rows that a generated problem must have: 20 for each of its (K - 1)(1 + p) parameters."""
    return ROWS_PER_PARAMETER * (n_classes - 1) * (1 + p)


def _columns(n: int, p: int, rng: np.random.Generator) -> Float:
    """Rows of N(0, S): x_j = r x_(j-1) + sqrt(1 - r^2) e_j, a stationary chain."""
    X = rng.standard_normal((n, p))
    for j in range(1, p):
        X[:, j] *= np.sqrt(1.0 - _CORRELATION**2)
        X[:, j] += _CORRELATION * X[:, j - 1]
    return X


def _slopes(m: int, p: int, rng: np.random.Generator) -> Float:
    """Random directions b_c scaled to b_c' S b_c = 1.5^2: the variance of the logit."""
    j = np.arange(p)
    S = _CORRELATION ** np.abs(j[:, None] - j)
    b = rng.standard_normal((m, p))
    deviations = np.sqrt(np.einsum("cj,jl,cl->c", b, S, b))
    slopes: Float = _LOGIT_DEVIATION * b / deviations[:, None]
    return slopes


def multinomial(n: int, p: int, K: int, seed: int = 0) -> Problem:
    """Labels of K classes drawn from the softmax model.

    Parameters
    ----------
    n, p, K : int
        Rows, columns without the intercept, classes; n >= 20 (K - 1)(1 + p), p >= 1, K >= 2.
    seed : int
        Equal arguments give equal bits, for one version of NumPy on one machine.

    Raises
    ------
    ValueError
        Too few rows, columns or classes.
    """
    if p < 1 or K < 2:
        raise ValueError(f"a problem needs p >= 1 columns and K >= 2 classes; got p = {p}, K = {K}")
    if n < fewest_rows(p, K):
        raise ValueError(
            f"n must be at least {fewest_rows(p, K)}, {ROWS_PER_PARAMETER} rows for each parameter, "
            f"so that the classes overlap; got {n}"
        )
    rng = np.random.default_rng(seed)
    m = K - 1
    X = _columns(n, p, rng)
    coef = np.column_stack([np.linspace(-0.5, 0.5, m), _slopes(m, p, rng)])

    # einsum and not BLAS, whose last bits depend on its threads
    eta = np.column_stack([np.zeros(n), np.einsum("ij,cj->ic", X, coef[:, 1:]) + coef[:, 0]])
    odds = np.exp(eta - eta.max(axis=1, keepdims=True))
    below = np.cumsum(odds, axis=1)
    # the class whose interval of [0, 1) holds u
    u = rng.random(n) * below[:, -1]
    y = (u[:, None] >= below[:, :-1]).sum(axis=1)
    kind = "binary" if K == 2 else f"softmax, {K} classes"
    return Problem(f"{kind}, {n:,} x {p}", X, y.astype(np.int64), K, coef)


def binary(n: int, p: int, seed: int = 0) -> Problem:
    """Labels of two classes drawn from the logistic model: `multinomial` with K = 2."""
    return multinomial(n, p, 2, seed)


def bundled(name: str) -> Problem:
    """A data set of :mod:`sigmax.datasets` with its usual design."""
    data = datasets.load(name)
    X, (classes, y) = data.X, np.unique(data.y, return_inverse=True)
    coef = np.zeros((len(classes) - 1, 1 + X.shape[1]))
    shape = f"{len(X):,} x {X.shape[1]}"
    kind = "" if len(classes) == 2 else f", {len(classes)} classes"
    return Problem(f"{name}{kind}, {shape}", X, y.astype(np.int64), len(classes), coef)
