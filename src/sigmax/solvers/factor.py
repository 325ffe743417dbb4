"""Cholesky factorisation of an information matrix, equilibrated by powers of two.

    C = S^-1 H S^-1,   S = diag(2^e_j) ~ diag(sqrt(H_jj)),   C = U'U

Scaling by powers of two is exact, so that units of the columns cost no digits.
"""

from __future__ import annotations

import functools
import math
from types import ModuleType

import numpy as np

from sigmax.kernels import Float

#: a pivot of C below this times its order is rounding: the column depends on those before it
_PIVOT = 16.0 * 2.0**-53


#: up to this order a matrix is inverted by a triangle's inverse and products of blocks.  OpenBLAS shares
#: dpotri, and dpotrs with many right-hand sides, between threads at any size, dtrtri not yet at order 150,
#: but at 199, and a product of more than 64^3 terms; on a busy machine each shared call waits for a time
#: slice: 295 ms instead of 0.3 for 101 parameters
_SMALL, _BLOCK = 150, 64


def _with_own_transpose(T: Float) -> Float:
    """T T' of an upper triangle T, by blocks that BLAS does not share between threads."""
    n = len(T)
    whole = np.zeros((n, n))
    for i in range(0, n, _BLOCK):
        rows = slice(i, i + _BLOCK)
        for j in range(i, n, _BLOCK):
            columns = slice(j, j + _BLOCK)
            for k in range(j, n, _BLOCK):
                inner = slice(k, k + _BLOCK)
                # a copy: of a matrix and its own transpose NumPy makes another product, which is shared
                whole[rows, columns] += T[rows, inner] @ T[columns, inner].T.copy()
            whole[columns, rows] = whole[rows, columns].T
    return whole


@functools.cache
def _lapack() -> ModuleType:
    """SciPy's LAPACK, imported by the first fit: it takes longer than all of sigmax."""
    from scipy.linalg import lapack

    return lapack


class NotPositiveDefinite(ArithmeticError):
    """The matrix cannot be factored in double precision.

    Attributes
    ----------
    index : int
        The first row that depends, to rounding, on the rows before it.
    """

    def __init__(self, index: int) -> None:
        super().__init__(f"matrix is not positive definite at row {index}")
        self.index = index


class Factor:
    """Factor of a symmetric positive definite matrix.

    Parameters
    ----------
    H : ndarray of shape (n, n)
        Not written.

    Attributes
    ----------
    scale : ndarray of shape (n,)
        The diagonal of S.

    Raises
    ------
    NotPositiveDefinite
        Numerically singular or indefinite, or not finite.
    """

    __slots__ = ("_U", "_inverse", "_norm", "scale")

    def __init__(self, H: Float) -> None:
        diagonal = H.diagonal()
        bad = ~(np.isfinite(diagonal) & (diagonal > 0.0))
        if bad.any():
            raise NotPositiveDefinite(int(np.argmax(bad)))
        exponent = np.rint(np.frexp(diagonal)[1] / 2.0).astype(np.intc)
        self.scale = np.ldexp(1.0, exponent)
        C = H / self.scale
        C /= self.scale[:, None]
        if not np.isfinite(C).all():
            raise NotPositiveDefinite(0)
        self._norm = float(np.abs(C).sum(axis=0).max())
        diagonal_of_C = C.diagonal().copy()
        U, info = _lapack().dpotrf(C.T, lower=0, overwrite_a=1, clean=1)
        if info > 0:
            raise NotPositiveDefinite(info - 1)
        small = U.diagonal() ** 2 <= _PIVOT * len(U) * diagonal_of_C
        if small.any():
            raise NotPositiveDefinite(int(np.argmax(small)))
        self._U = U
        self._inverse: Float | None = None

    def solve(self, v: Float) -> Float:
        """H^-1 v."""
        x, _ = _lapack().dpotrs(self._U, v / self.scale, lower=0)
        result: Float = x / self.scale
        return result

    def half(self, Z: Float) -> Float:
        """V with V'V = Z'H^-1 Z, shape of Z, (n, columns)."""
        from scipy.linalg import solve_triangular

        V: Float = solve_triangular(self._U, Z / self.scale[:, None], trans="T")
        return V

    def _scaled_inverse(self) -> Float:
        if self._inverse is None:
            n = len(self._U)
            if n <= _SMALL:
                T, _ = _lapack().dtrtri(self._U, lower=0)
                whole = _with_own_transpose(np.triu(T))
                self._inverse = 0.5 * (whole + whole.T)
            else:
                half, _ = _lapack().dpotri(self._U, lower=0)
                self._inverse = np.triu(half) + np.triu(half, 1).T
        return self._inverse

    def inverse(self) -> Float:
        """H^-1, exactly symmetric."""
        return self._scaled_inverse() / self.scale / self.scale[:, None]

    def triangle(self) -> Float:
        """U with U'U = H, upper triangular, (n, n)."""
        U: Float = self._U * self.scale
        return U

    @property
    def doubt(self) -> float:
        """||H^-1/2 E H^-1/2|| <= this, for errors with |E_jl| <= sqrt(H_jj H_ll): trace(C) ||C^-1||_1."""
        trace = float((self._U**2).sum())
        return trace * float(np.abs(self._scaled_inverse()).sum(axis=0).max())

    @property
    def log_determinant(self) -> float:
        """log det H = 2 sum_j (log U_jj + log S_jj)."""
        return 2.0 * math.fsum([*np.log(self._U.diagonal()).tolist(), *np.log(self.scale).tolist()])

    def root(self) -> Float:
        """Upper triangular T with T T' = H^-1."""
        T, _ = _lapack().dtrtri(self._U, lower=0)
        root: Float = np.ascontiguousarray(np.triu(T) / self.scale[:, None])
        return root

    def roots(self) -> tuple[None, Float]:
        """See :class:`sigmax.solvers.solution.Metric`."""
        return None, self.root()

    @property
    def condition_number(self) -> float:
        """sqrt(||C||_1 ||C^-1||_1): of the weighted design, columns scaled; an upper bound up to sqrt(n)."""
        return float(np.sqrt(self._norm * np.abs(self._scaled_inverse()).sum(axis=0).max()))
