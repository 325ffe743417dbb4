"""The quadratic penalty, in the coordinates of the model.

    penalty = l2/2 sum_kl A_kl w_k'w_l       w_k the slopes of logit k, intercepts free

Two classes: A = 1.  K > 2 classes: the slopes W_0 .. W_(K-1) of all classes are penalised alike, l2/2 sum_k
|W_k|^2; only differences w_k = W_k - W_0 matter to the likelihood, and among all W with these differences the
penalty is smallest where they sum to zero.  What is left is A = I - 11'/K.

Pins, 1/2 sum_j pin_j b_j^2, hold coefficients that the likelihood does not determine at 0, where they cost
nothing: with one pin for each dimension of the null space the sum is strictly convex and has the minimum of
the likelihood itself.
"""

from __future__ import annotations

import numpy as np

from sigmax.kernels import Float


class Penalty:
    """l2 times half a quadratic form.

    Parameters
    ----------
    l2 : float
        Not negative.
    n_logits, width : int
        m and k.
    intercept : bool
        Whether the first coefficient of a logit is free.
    pins : ndarray of shape (m * k,), optional
        Not negative; zeros where nothing is pinned.
    """

    __slots__ = ("A", "free", "l2", "n_logits", "pins", "width")

    def __init__(
        self, l2: float, n_logits: int, width: int, intercept: bool, pins: Float | None = None
    ) -> None:
        self.l2, self.n_logits, self.width, self.free = l2, n_logits, width, int(intercept)
        self.pins = pins
        self.A = np.eye(n_logits)
        if n_logits > 1:
            self.A -= 1.0 / (n_logits + 1)

    def times(self, share: float) -> Penalty:
        """The same penalty, `share` times as strong."""
        pins = None if self.pins is None else self.pins * share
        return Penalty(self.l2 * share, self.n_logits, self.width, bool(self.free), pins)

    def gradient(self, coef: Float) -> Float:
        """l2 (A (x) I) w, zero for the intercepts, and pin_j b_j; shape of `coef`, (m * k,)."""
        slopes = coef.reshape(self.n_logits, self.width).copy()
        slopes[:, : self.free] = 0.0
        product: Float = self.l2 * (self.A @ slopes if self.n_logits > 1 else slopes)
        return product.ravel() if self.pins is None else product.ravel() + self.pins * coef

    def value(self, coef: Float) -> float:
        """The penalty at `coef`."""
        return 0.5 * float(coef @ self.gradient(coef))

    def add_to(self, hessian: Float) -> None:
        """hessian += l2 (A (x) I) + diag(pins), in place; shape (m k, m k)."""
        blocks = hessian.reshape(self.n_logits, self.width, self.n_logits, self.width)
        slopes = np.arange(self.free, self.width)
        blocks[:, slopes, :, slopes] += self.l2 * self.A
        if self.pins is not None:
            hessian.flat[:: len(hessian) + 1] += self.pins

    def rows(self) -> Float:
        """Rows r with sum r r' = l2 diag(0, 1, ..., 1) + the largest pins of each column; shape (., k)."""
        rows: Float = np.sqrt(self.l2) * np.eye(self.width)[self.free :]
        if self.pins is not None:
            largest = self.pins.reshape(self.n_logits, self.width).max(axis=0)
            rows = np.concatenate([rows, np.diag(np.sqrt(largest))])
        return rows

    def whitened(self, T: Float) -> Float:
        """(I (x) T)' P (I (x) T) of the penalty's Hessian P, for T of shape (k, r); shape (m, r, m, r)."""
        slopes = T[self.free :]
        G: Float = self.l2 * np.einsum("ab,jl->ajbl", self.A, slopes.T @ slopes)
        if self.pins is not None:
            for a, pins in enumerate(self.pins.reshape(self.n_logits, self.width)):
                G[a, :, a] += (T.T * pins) @ T
        return G
