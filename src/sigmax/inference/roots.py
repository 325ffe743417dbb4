"""Roots of covariances, V = R R', and what the information gives of them.

The error of a function g'theta is the length of R'g, and the covariance of the logits of a row is U U' with
U = R'(I (x) [1 x]): entries of V, which cancel where columns are nearly dependent, are never added up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sigmax.kernels import Float, Kernels

#: eigenvalues below this times the largest are rounding
_RANK = 1e-14


@dataclass(frozen=True, slots=True)
class Root:
    """R = (I (x) T) B, a root of a covariance V = R R' of the fitted coordinates.

    Attributes
    ----------
    T : ndarray of shape (k, k), or None for the identity
        Rows T'[1 x] are formed in double-double: where columns are nearly dependent, a sum of products of x
        and R would cancel.
    B : ndarray of shape (m k, r)
    """

    T: Float | None
    B: Float

    @property
    def whole(self) -> Float:
        """R, (m k, r)."""
        if self.T is None:
            return self.B
        k, (order, r) = len(self.T), self.B.shape
        return np.asarray((self.T @ self.B.reshape(order // k, k, r)).reshape(order, r))

    def times(self, inner: Float) -> Root:
        """The root R L, for `inner` L."""
        return Root(self.T, self.B @ inner)

    def rows(self, X: Float, intercept: bool, kernels: Kernels) -> tuple[Float, bool]:
        """z_i = T'[1 x_i], and whether a column of ones stands before them unstored."""
        if self.T is None:
            return X, intercept
        Z = np.empty((len(X), len(self.T)))
        kernels.linear_predictor_dd(X, np.ascontiguousarray(self.T.T), None, Z, None, intercept=intercept)
        return Z, False

    def along(self, X: Float, intercept: bool, kernels: Kernels) -> Float:
        """U_i = (I (x) [1 x_i])' R, (n, m, r): the covariance of the logits of row i is U_i U_i'."""
        Z, ones = self.rows(X, intercept, kernels)
        k, (order, r) = Z.shape[1] + ones, self.B.shape
        m = order // k
        U = np.empty((len(X), m, r))
        if r == 0:  # nothing is uncertain: all parameters are limits
            return U
        part = np.empty((len(X), r))
        for c, B in enumerate(self.B.reshape(m, k, r)):
            kernels.linear_predictor(Z, np.ascontiguousarray(B.T), part, intercept=ones)
            U[:, c] = part
        return U


@dataclass(frozen=True, slots=True)
class Bread:
    """The inverse information.

    Attributes
    ----------
    root : Root
    inverse : ndarray of shape (m k, m k)
        As the factor gives it, exactly symmetric.
    """

    root: Root
    inverse: Float


def root_of(covariance: Float) -> Float:
    """R with R R' = V, (P, r), of a covariance that may be singular; nan rows where V is nan on the diagonal.

    For a matrix whose own root has been left behind: V is scaled to ones on its diagonal first.
    """
    gone = np.isnan(covariance.diagonal())
    length = np.sqrt(np.where(gone, 0.0, covariance.diagonal()))
    safe = np.where(length > 0.0, length, 1.0)
    C = np.where(gone | gone[:, None], 0.0, covariance) / safe / safe[:, None]
    R = length[:, None] * semidefinite_root(C)
    R[gone] = np.nan
    return R


def semidefinite_root(M: Float) -> Float:
    """L with L L' = M, positive semi-definite; columns of eigenvalues that are rounding are left out."""
    if not np.isfinite(M).all():
        return np.full_like(M, np.nan)
    try:
        return np.asarray(np.linalg.cholesky(M))
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(0.5 * (M + M.T))
    counted = values > _RANK * max(float(values[-1]), 0.0)
    return np.asarray(vectors[:, counted] * np.sqrt(values[counted]))
