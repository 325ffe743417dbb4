"""What can be said about an objective without reading X, all from x_max,j = max_i |x_ij|.

* `reach`: how far a direction moves the logits of any row.  The negative log-likelihood is generalised
  self-concordant: along d, |phi'''| <= D phi'' with D = max_i range_k(d_k'x_i) (Bach, Electron. J. Stat. 4,
  2010; Sun & Tran-Dinh, Math. Program. 178, 2019).  A quadratic penalty only adds to phi''.
* `row_norm`: sup_i max_{k, l} ||(e_k - e_l) (x) x_i|| in the norm of H^-1.
* `nll_rounding`, `gradient_rounding`, `refined_rounding`, `hessian_rounding`: what rounding can have done to
  an evaluation, to first order in u; tests hold them against 50 digits.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from sigmax.data.design import Design
from sigmax.data.response import Response
from sigmax.kernels import Float, Kernels
from sigmax.objective.penalty import Penalty
from sigmax.objective.values import FirstOrder, Refined

#: unit roundoff of float64
_U = 2.0**-53
#: roundings in the nll, residual or curvature of a row, in units of _U (tests measure under 6)
_ROW_ROUNDINGS = 16


def _top_two(values: Float) -> float:
    """Sum of the two largest of non-negative values and 0 (the reference class)."""
    return float(np.sort(values)[-2:].sum())


class Bounds(ABC):
    """The part of :class:`sigmax.objective.Objective` that reads nothing."""

    __slots__ = (
        "_largest",
        "_size",
        "design",
        "kernels",
        "n_logits",
        "n_params",
        "n_rows",
        "n_threads",
        "penalty",
        "response",
        "rows_read",
    )

    _largest: Float | None
    _size: int
    design: Design
    kernels: Kernels
    n_logits: int
    n_params: int
    n_rows: int
    n_threads: int
    penalty: Penalty | None
    response: Response
    rows_read: int

    @abstractmethod
    def _read_largest(self) -> Float:
        """max_i |x_ij|, shape (k,), in a read of its own."""

    @property
    def knows_largest(self) -> bool:
        """Whether `largest`, and with it every bound here, costs no read."""
        return self._largest is not None

    @property
    def largest(self) -> Float:
        """x_max, 1 for the intercept, (k,); one read of X where no evaluation has found it on its way."""
        if self._largest is None:
            self._largest = self._read_largest()
        return self._largest

    def reach(self, direction: Float) -> float:
        """Upper bound of D = max_i range_k(d_k'x_i), the classes' logits moved by `direction`."""
        if self.n_logits == 1:
            return float(np.abs(direction) @ self.largest)
        moved = np.abs(direction.reshape(self.n_logits, -1)) @ self.largest
        return _top_two(moved)

    def row_norm(self, inverse: Float) -> float:
        """Upper bound of ||z||_(H^-1) over z = (e_k - e_l) (x) x_i, given H^-1.

        |z'H^-1 z| <= |z|'|H^-1||z|, and |z| is at most x_max in the blocks k and l: with
        Q_kl = x_max' |H^-1_kl| x_max the largest Q_kk + 2 Q_kl + Q_ll, or Q_kk against the reference.
        """
        if self.n_logits == 1:
            return math.sqrt(self.total(inverse))
        Q = self._blocks(inverse)
        pairs = Q.diagonal()[:, None] + 2.0 * Q + Q.diagonal()
        np.fill_diagonal(pairs, Q.diagonal())
        return math.sqrt(float(pairs.max()))

    def total(self, inverse: Float) -> float:
        """x_max'|H^-1|x_max over all blocks."""
        if self.n_logits == 1:
            return float(self.largest @ (np.abs(inverse) @ self.largest))
        return float(self._blocks(inverse).sum())

    def _blocks(self, inverse: Float) -> Float:
        """Q_kl = x_max' |H^-1_kl| x_max, shape (m, m)."""
        m, x = self.n_logits, self.largest
        right = np.abs(inverse).reshape(m, len(x), m, len(x)) @ x
        Q: Float = np.tensordot(x, right, axes=([0], [1]))
        return Q

    # -- what rounding can have done -----------------------------------------------------------

    def _farthest_offset(self) -> float:
        offset = self.response.offset
        return 0.0 if offset is None else 2.0 * float(np.abs(offset).max(initial=0.0))

    def logit_rounding(self, coef: Float) -> float:
        """Bound of the error of any difference of two logits of a row.

            |d eta_i| <= u (k + 3) (sum_j x_max,j |b_j| + |offset|)

        k products summed in any order, then the intercept and the offset.
        """
        return float((self.design.width + 3) * _U * (self.reach(coef) + self._farthest_offset()))

    def nll_rounding(self, at: FirstOrder) -> float:
        """Bound of the relative error of ``at.nll``: a few u in each row, and lambda_i |d eta_i|.

        lambda_i = 1 - P(y_i) <= nll_i, and the sum over rows is a double-double one.
        """
        return float(_ROW_ROUNDINGS * _U + self.logit_rounding(at.coef))

    def gradient_rounding(self, at: FirstOrder, inverse: Float) -> float:
        """Bound of the error of ``at.gradient`` in the norm of H^-1, given H^-1.

            logits     ||X' W d eta||_(H^-1) <= max |d eta_i| sqrt(sum_i w_i)   (Var_p(d eta) <= max^2)
            residuals  |d r_i| <= c u |r_i|,  sums |d g_j| <= N u sum_i |x_ij r_i|
                       sum_i |x_ij r_i| <= x_max,j nll                          (|r_i| <= nll_i)
                       v'H^-1 v <= |v|'|H^-1||v|
            penalty    see `_penalty_rounding`

        N counts the additions that a term can go through: rows of a tile, tiles of a block, tree.
        """
        return self.flat_rounding(at, self.total(inverse))

    def flat_rounding(self, at: FirstOrder, spread: float) -> float:
        """:meth:`gradient_rounding` without H^-1: given `spread` >= |v|'|H^-1||v|, v = x_max per logit."""
        n, rows = self.n_rows, min(self._size, self.n_rows)
        tile = min(self.kernels.TILE_ROWS, rows)
        additions = tile + rows / tile + math.log2(max(n / rows, 1.0)) + 1.0
        relative = (additions + _ROW_ROUNDINGS) * _U
        sums = relative * at.nll * math.sqrt(spread)
        logits = self.logit_rounding(at.coef) * math.sqrt(self.response.weight_sum)
        return float(logits + sums + self._penalty_rounding(at))

    def refined_rounding(self, at: Refined, total: float, moved: float = math.inf) -> float:
        """Bound of the error of ``at.gradient`` in the norm of H^-1, given total >= x_max'|H^-1|x_max.

        With |d r_i| <= c u |r_i| residuals count c u times the smallest of sqrt(spread), nll
        sqrt(x_max'|H^-1|x_max) as in `gradient_rounding`, and `moved`, the S of `row_norms`, where that is
        known.  Logits and sums are in double-double, with u^2 (k + 3)^2 and u^2 n in the place of u.
        """
        plain = at.nll * math.sqrt(total)
        rows = min(math.sqrt(at.spread), plain, 2.0 * moved)
        sums = 4.0 * self.n_rows * _U**2 * plain
        far = self.reach(at.coef) + self._farthest_offset()
        logits = (self.design.width + 3) ** 2 * _U**2 * far + (4.0 * _U * far) ** 2
        return float(
            _ROW_ROUNDINGS * _U * rows
            + sums
            + logits * math.sqrt(self.response.weight_sum)
            + self._penalty_rounding(at)
        )

    def _penalty_rounding(self, at: FirstOrder) -> float:
        """Rounding of the penalty's gradient P b: |d_j| <= m u (|P| |b|)_j, and H >= P on the slopes.

        ||d||_(P^-1) <= 2 m u K sqrt(2 penalty), since A has eigenvalues of 1 / K at least and 1 at most.
        """
        if self.penalty is None:
            return 0.0
        return 4.0 * (self.n_logits + 1) ** 2 * _U * math.sqrt(2.0 * at.penalty)

    def hessian_rounding(self, at: FirstOrder) -> float:
        """Bound of the error of H_jl relative to sqrt(H_jj H_ll).

        Curvatures change by a factor of 1 + |d eta| at most; an element is one chain over the rows of a
        block, then a tree, and sum_i |h_i x_ij x_il| <= sqrt(H_jj H_ll) (Cauchy-Schwarz).
        """
        n, rows = self.n_rows, min(self._size, self.n_rows)
        additions = rows + math.log2(max(n / rows, 1.0)) + 1.0
        return float((additions + _ROW_ROUNDINGS) * _U + 2.0 * self.logit_rounding(at.coef))

    def proves_separation(self, at: FirstOrder) -> bool:
        """Whether the NLL is so small that every row must lie on its side: the classes are separated.

        nll < log 2 * (smallest weight) leaves nll_i < log 2 for each row, so that each true class has a
        probability above 1/2 and `at.coef` separates.  0.69 instead of 0.6931 leaves a margin of 0.006 in the
        logits, and rounding must stay within a part of that.  With offsets the logits say nothing about
        x_i'b, and a penalised estimate exists all the same.
        """
        if self.penalty is not None or self.response.offset is not None:
            return False
        if at.nll >= 0.69 * self.response.smallest_weight:
            return False
        return self.logit_rounding(at.coef) < 1e-3
