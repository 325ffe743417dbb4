"""The quadratic penalty, in the coordinates of the model.

    penalty = l2/2 sum_kl A_kl w_k'w_l       w_k the slopes of logit k, intercepts free

Two classes: A = 1.  K > 2 classes: the slopes W_0 .. W_(K-1) of all classes are penalised alike, l2/2 sum_k
|W_k|^2; only differences w_k = W_k - W_0 matter to the likelihood, and among all W with these differences the
penalty is smallest where they sum to zero.  What is left is A = I - 11'/K.
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
    """

    __slots__ = ("A", "free", "l2", "n_logits", "width")

    def __init__(self, l2: float, n_logits: int, width: int, intercept: bool) -> None:
        self.l2, self.n_logits, self.width, self.free = l2, n_logits, width, int(intercept)
        self.A = np.eye(n_logits)
        if n_logits > 1:
            self.A -= 1.0 / (n_logits + 1)

    def times(self, share: float) -> Penalty:
        """The same penalty, `share` times as strong."""
        return Penalty(self.l2 * share, self.n_logits, self.width, bool(self.free))

    def gradient(self, coef: Float) -> Float:
        """l2 (A (x) I) w, zero for the intercepts; shape of `coef`, (m * k,)."""
        slopes = coef.reshape(self.n_logits, self.width).copy()
        slopes[:, : self.free] = 0.0
        product: Float = self.l2 * (self.A @ slopes if self.n_logits > 1 else slopes)
        return product.ravel()

    def value(self, coef: Float) -> float:
        """The penalty at `coef`."""
        return 0.5 * float(coef @ self.gradient(coef))

    def add_to(self, hessian: Float) -> None:
        """hessian += l2 (A (x) I), in place; shape (m k, m k)."""
        blocks = hessian.reshape(self.n_logits, self.width, self.n_logits, self.width)
        slopes = np.arange(self.free, self.width)
        blocks[:, slopes, :, slopes] += self.l2 * self.A

    def rows(self) -> Float:
        """Rows r with sum r r' = l2 diag(0, 1, ..., 1), the penalty of one logit; shape (p, k)."""
        rows: Float = np.sqrt(self.l2) * np.eye(self.width)[self.free :]
        return rows
