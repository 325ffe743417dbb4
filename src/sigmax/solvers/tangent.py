"""A Hessian as it is seen from within linear constraints A d = 0.

In coordinates in which all columns have the same size the columns P of A, q of them, are chosen by pivoting,
and the coefficients b_P are eliminated: b_P = A_P^-1 (c - A_F b_F), W = A_P^-1 A_F, Z = [I; -W] for b_F.

    t = -(Z'HZ)^-1 Z'g,    d = Z t                          Newton's step within the constraint
    nu^2 = g'Z (Z'HZ)^-1 Z'g                                its decrement
    Y = [0; A_P^-1],  T = Y - Z (Z'HZ)^-1 Z'H Y             how the optimum moves with c: A T = I, Z'H T = 0
    lambda = T'g,   K = T'HT = (A H^-1 A')^-1               df*/dc and d2f*/dc2, to first order at b + d

H itself need not be regular, only Z'HZ.
"""

from __future__ import annotations

import math

import numpy as np

from sigmax.kernels import Float
from sigmax.solvers.factor import Factor, NotPositiveDefinite


class Tangent:
    """A Hessian as it is seen from within A d = 0.

    Parameters
    ----------
    H : ndarray of shape (n, n)
        In coordinates s with b = (I (x) T) s.
    A : ndarray of shape (q, n)
        Of full row rank, q from 0 to n; in the coordinates b.
    T : ndarray of shape (k, k), optional
        None for the identity.

    Attributes
    ----------
    tangent : ndarray of shape (n, q)
        T: how the optimum moves with c.
    stiffness : ndarray of shape (q, q)
        K = (A H^-1 A')^-1.

    Raises
    ------
    NotPositiveDefinite
        Z'HZ cannot be factored.
    """

    __slots__ = ("_T", "_W", "_factor", "_fixed", "_free", "_growth", "_picked", "stiffness", "tangent")

    def __init__(self, H: Float, A: Float, T: Float | None = None) -> None:
        self._T = T
        q, n = A.shape
        self._fixed = fixed_alone(A)[1]
        inside = self._down(A.T).T
        self._picked, self._free, self._W, Y = _eliminate(inside, H.diagonal())
        P, F, W = self._picked, self._free, self._W
        plain = not W.any()
        self._factor: Factor | None = None
        self._growth = 1.0
        if len(F):
            part = np.ascontiguousarray(H[np.ix_(F, F)])
            if not plain:
                cross = H[np.ix_(F, P)] @ W
                part = part - cross - cross.T + W.T @ H[np.ix_(P, P)] @ W
                part = 0.5 * (part + part.T)
                # an error of H_jl by sqrt(H_jj H_ll) is one of Z'HZ by s_j s_l
                size = np.sqrt(H.diagonal())
                s = size[F] + np.abs(W).T @ size[P]
                self._growth = float((s**2 / part.diagonal()).max()) if (part.diagonal() > 0.0).all() else 1.0
            self._factor = Factor(part)
        along = np.zeros((n, q))
        along[P] = Y
        if self._factor is not None and q:
            pull = self._restrict(H @ along)
            along -= self._extend(np.column_stack([self._factor.solve(one) for one in pull.T]))
        self.stiffness: Float = along.T @ H @ along
        self.tangent: Float = self._up(along)

    def _up(self, s: Float) -> Float:
        """(I (x) T) s of vectors s of shape (n,) or (n, c)."""
        if self._T is None:
            return s
        k = len(self._T)
        if s.ndim == 1:
            return np.asarray((s.reshape(-1, k) @ self._T.T).ravel())
        return np.asarray(np.matmul(self._T, s.reshape(len(s) // k, k, s.shape[1])).reshape(s.shape))

    def _down(self, g: Float) -> Float:
        """(I (x) T)' g of gradients g of shape (n,) or (n, c)."""
        if self._T is None:
            return g
        k = len(self._T)
        if g.ndim == 1:
            return np.asarray((g.reshape(-1, k) @ self._T).ravel())
        return np.asarray(np.matmul(self._T.T, g.reshape(len(g) // k, k, g.shape[1])).reshape(g.shape))

    def _restrict(self, g: Float) -> Float:
        """Z'g."""
        return np.asarray(g[self._free] - self._W.T @ g[self._picked])

    def _extend(self, t: Float) -> Float:
        """Z t."""
        d = np.zeros((len(self._free) + len(self._picked), *t.shape[1:]))
        d[self._free], d[self._picked] = t, -self._W @ t
        return d

    def step(self, gradient: Float) -> tuple[Float, float]:
        """Newton's step d within the constraint, shape (n,), and nu."""
        if self._factor is None:
            return np.zeros_like(gradient), 0.0
        inner = self._restrict(self._down(gradient))
        t = -self._factor.solve(inner)
        d = self._up(self._extend(t))
        d[self._fixed] = 0.0  # not only to rounding
        return d, math.sqrt(max(-float(inner @ t), 0.0))

    def multipliers(self, gradient: Float) -> Float:
        """lambda = T'g, (q,): the derivative of the optimum by c, after the step."""
        return np.asarray(self.tangent.T @ gradient)

    def inverse(self) -> Float:
        """Z (Z'HZ)^-1 Z', (n, n)."""
        n = len(self._free) + len(self._picked)
        if self._factor is None:
            return np.zeros((n, n))
        half = self._extend(self._factor.inverse())
        whole = self._up(self._up(self._extend(half.T)).T)
        return np.asarray(0.5 * (whole + whole.T))

    def half(self, V: Float) -> Float:
        """U with U'U = V'Z (Z'HZ)^-1 Z'V, for V of shape (n, c)."""
        if self._factor is None:
            return np.zeros_like(V)
        whole = np.zeros_like(V)
        whole[: len(self._free)] = self._factor.half(self._restrict(self._down(V)))
        return whole

    @property
    def doubt(self) -> float:
        """As :attr:`sigmax.solvers.solution.Metric.doubt`, of Z'HZ."""
        return 0.0 if self._factor is None else self._growth * self._factor.doubt


def _eliminate(A: Float, diagonal: Float) -> tuple[np.ndarray, np.ndarray, Float, Float]:
    """The columns P that are eliminated, the others F, W = A_P^-1 A_F, and A_P^-1."""
    q, n = A.shape
    if not np.isfinite(diagonal).all():
        raise NotPositiveDefinite(0)
    length = np.sqrt(np.maximum(diagonal, 2.0**-200 * max(float(diagonal.max(initial=0.0)), 2.0**-700)))
    scaled = A / length
    row = np.abs(scaled).max(axis=1, initial=0.0)
    scaled /= row[:, None]
    order = np.arange(n)
    if q == 1:
        order = np.argsort(-np.abs(scaled[0]), kind="stable")
    elif q:
        from scipy.linalg import qr

        order = np.asarray(qr(scaled, mode="r", pivoting=True)[1], np.intp)
    P, F = np.sort(order[:q]), np.sort(order[q:])
    W: Float = np.zeros((q, n - q))
    Y: Float = np.zeros((q, q))
    if q:
        pivot = scaled[:, P]
        W = np.linalg.solve(pivot, scaled[:, F]) * length[F] / length[P][:, None]
        Y = np.linalg.solve(pivot, np.diag(1.0 / row)) / length[P][:, None]
    return P, F, W, Y


def fixed_alone(A: Float) -> tuple[np.ndarray, np.ndarray]:
    """Rows of A with one element that is not 0, and the columns of these elements."""
    alone = np.flatnonzero((A != 0.0).sum(axis=1) == 1)
    return alone, np.argmax(A[alone] != 0.0, axis=1)
