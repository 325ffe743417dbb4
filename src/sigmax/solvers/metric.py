"""A metric near the Hessian of many classes x columns, of which no matrix of m k x m k is formed.

    M = S (x) (G + (l2 / c) D),   G = [1 X]'W[1 X],   S = mean of diag(p) - pp',   D = diag(0, 1, ..., 1)

The penalty is l2 A (x) D, and S / c is near A: c is the geometric mean of the eigenvalues of S relative to
A.  At equal probabilities S = A / K and nothing is approximated.  With T T' = (G + (l2 / c) D)^-1 the columns
are whitened, z = T'[1 x], and M is S (x) I.

What M cannot see is that curvatures depend on the very logits.  For Gaussian columns S_i depends on z_i
only through the m logits, and so H differs from S (x) I in the span W of their directions alone.  There the
Hessian itself, H_W = (I (x) T W)' H (I (x) T W), takes the place of S (x) I:

    M^-1 = (I (x) T) [ S^-1 (x) (I - W W') + (I (x) W) H_W^-1 (I (x) W)' ] (I (x) T)'

positive definite by construction.  H_W costs one read and a matrix of (m r)^2 for r directions; many classes
have it from a sample of the rows.  Passes to a decrement of 1e-11, all counted, with S and W of the fifth
pass and with S of the start alone: 28 and 45 for 10 classes, 20,000 x 784 Gaussian columns, l2 = 1; 76 and
more than 120 for images of the same shape, whose columns are far from Gaussian.

Tried and left out, for those two sets of 784 columns: a Gram matrix for each eigenvector of S (9 times the
cost, no gain); a factor for each eigenvalue of S instead of one c (no gain); a Gram matrix for each class, of
weights p (1 - p) (23 and 39 passes, but ten matrices at the price of seven passes each; from a fifth of the
rows worse than none; their diagonals alone, in the eigenvectors of G, no gain); the leading eigenvectors of G
or earlier steps in W as well (no gain, and up to 20 of 81 passes on images for 90 of them, which cost that);
rows of G weighted by their curvature once the iteration is slow (no gain in 2,600 small nasty problems).
"""

from __future__ import annotations

import math

import numpy as np

from sigmax.identification.parametrisation import transformed
from sigmax.kernels import Float, Kernels
from sigmax.objective import Objective
from sigmax.objective.flat import on_subspace
from sigmax.solvers.factor import Factor, NotPositiveDefinite

#: passes that the matrix H_W may cost; where all rows would cost more, a sample of them has to do, with so
#: many rows for each row of H_W
_PRICE, _ROWS_PER_DIRECTION = 8.0, 10.0
#: directions shorter than this part of the longest, once scaled to 1, depend on the others
_DEPENDENT = 1e-6
#: c is near enough within this factor: another factorisation costs two passes
_NEAR = 1.5


def class_curvature(q: Float) -> Float:
    """diag(q) - qq' without the reference class; q of shape (K,), the result of shape (K - 1, K - 1)."""
    rest = q[1:]
    S: Float = np.diag(rest) - np.outer(rest, rest)
    return S


def rows_times(kernels: Kernels, matrix: Float, R: Float) -> Float:
    """R matrix', (m, k) times (k, l), by our own kernel.

    BLAS shares a product of this size between threads, which on a busy machine costs a time slice each: 75 ms
    instead of 1.
    """
    out = np.empty((len(matrix), len(R)))
    kernels.linear_predictor(matrix, np.ascontiguousarray(R), out, intercept=False)
    return np.ascontiguousarray(out.T)


class Metric:
    """M^-1, applied to vectors.

    Parameters
    ----------
    objective : Objective
    G : ndarray of shape (k, k)
        ``objective.gram()``.
    S : ndarray of shape (m, m)
        Positive definite.

    Raises
    ------
    NotPositiveDefinite
        G + (l2 / c) D cannot be factored: dependent columns.
    """

    __slots__ = ("_G", "_T", "_T_rows", "_W", "_c", "_change", "_factor", "_objective", "_solve")

    def __init__(self, objective: Objective, G: Float, S: Float) -> None:
        self._objective, self._G = objective, G
        self._W: Float | None = None
        self._c = 0.0
        self._set(S)

    def _set(self, S: Float) -> None:
        """S, and T where S has moved c."""
        penalty = self._objective.penalty
        inverse = np.linalg.inv(S)
        self._solve = 0.5 * (inverse + inverse.T)
        c = 1.0
        if penalty is not None:
            # the geometric mean of eigenvalues is a root of the determinant
            m = penalty.n_logits
            c = math.exp((np.linalg.slogdet(S)[1] - np.linalg.slogdet(penalty.A)[1]) / m)
        if max(c, self._c) <= _NEAR * min(c, self._c):
            return
        self._c = c
        penalised = self._G
        if penalty is not None:
            penalised = self._G.copy()
            slopes = np.arange(penalty.free, penalty.width)
            penalised[slopes, slopes] += penalty.l2 / c
        self._factor = Factor(penalised)
        self._T = self._factor.root()
        self._T_rows = np.ascontiguousarray(self._T.T)

    def __call__(self, g: Float) -> Float:
        """M^-1 g."""
        kernels, m = self._objective.kernels, self._objective.n_logits
        white = rows_times(kernels, self._T_rows, g.reshape(m, -1))
        moved = self._solve @ white
        if self._W is not None:
            inside = rows_times(kernels, self._W, white)
            change = (self._change @ inside.ravel()).reshape(inside.shape)
            moved += rows_times(kernels, np.ascontiguousarray(self._W.T), change)
        return rows_times(kernels, self._T, moved).ravel()

    def refresh(self, coef: Float) -> None:
        """S and H_W at `coef`, W the directions of its logits and of the intercept; one read of X at most.

        Where rounding or vanishing probabilities leave no positive definite matrices, M stays as it is.
        """
        objective, k = self._objective, self._objective.design.width
        m = objective.n_logits
        budget = _PRICE * objective.n_rows * m * (4.0 * k + 50.0)
        most = max(int((budget / _ROWS_PER_DIRECTION) ** (1.0 / 3.0) / m), 1)
        directions = coef.reshape(m, k)
        if objective.design.intercept:
            unit = np.zeros((1, k))
            unit[0, 0] = 1.0
            directions = np.concatenate([unit, directions])
        # T^-1 maps coefficients to those of whitened columns
        white = rows_times(objective.kernels, self._factor.triangle(), directions)
        length = np.sqrt((white * white).sum(axis=1))
        if not np.isfinite(length).all() or not (length > 0.0).any():
            return
        white = white[length > 0.0] / length[length > 0.0, None]
        _, sizes, axes = np.linalg.svd(white, full_matrices=False)
        W = axes[: min(most, int((sizes > _DEPENDENT * sizes[0]).sum()))]
        U = rows_times(objective.kernels, self._T, W)
        rows = int(budget / (m * len(W)) ** 2)
        if rows >= objective.n_rows:
            H, S = on_subspace(objective, coef, U.T)
        else:
            part = objective.sample(rows)
            H, S = on_subspace(part, coef, U.T)
            H *= objective.n_rows / rows
            objective.rows_read += part.rows_read
        try:
            Factor(S)
            inside = Factor(H)
            old = self._T
            self._set(S)
        except NotPositiveDefinite:
            return
        inverse = inside.inverse()
        if self._T is not old:
            # the same directions in the new whitened columns, T_new^-1 U = Q L
            Q, L = np.linalg.qr(rows_times(objective.kernels, self._factor.triangle(), U).T)
            inverse = transformed(L, inverse)
            W = Q.T
        self._W = np.ascontiguousarray(W)
        self._change = inverse - np.kron(self._solve, np.eye(len(W)))
