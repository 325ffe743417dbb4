"""The objective: the negative log-likelihood as a function of one coefficient vector.

    f(b) = sum_i w_i nll(y_i, eta_i),   eta_i = B [1 x_i] + offset_i,   B = b as (m, k)

summed over rows, in nats.  Layout, stated here once: b = B.ravel() is class-major; row c of B holds the
coefficients of class c + 1 against the reference class 0, the intercept first.  m = K - 1 logits of
k = intercept + p coefficients each.

A solver sees this class and vectors, never X or labels.  Besides f and its derivatives it offers three
bounds that cost no read of the data, all from max_i |x_ij|:

* `reach`: how far a direction moves the logits of any row.  The negative log-likelihood is generalised
  self-concordant: along d, |phi'''| <= D phi'' with D = max_i range_k(d_k'x_i) (Bach, Electron. J. Stat. 4,
  2010; Sun & Tran-Dinh, Math. Program. 178, 2019).
* `row_norm`: sup_i max_{k, l} ||(e_k - e_l) (x) x_i|| in the norm of H^-1.
* `nll_rounding`, `gradient_rounding`, `hessian_rounding`: what rounding can have done to an evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np

from sigmax import passes, threads
from sigmax.data.design import Design
from sigmax.data.response import Response
from sigmax.kernels import Float, Kernels, Pair, add_pair

T = TypeVar("T")

#: NLL, gradient and Hessian, where it is wanted, of some rows
_Sums: TypeAlias = tuple[Pair, Float, Float | None]

#: unit roundoff of float64
_U = 2.0**-53
#: roundings in the nll, residual or curvature of a row, in units of _U (tests measure under 6)
_ROW_ROUNDINGS = 16


@dataclass(slots=True)
class FirstOrder:
    """f and its gradient at `coef`.

    Attributes
    ----------
    coef : ndarray of shape (m * k,)
    nll : float
        f, rounded once.
    gradient : ndarray of shape (m * k,)
    """

    coef: Float
    nll: float
    gradient: Float


@dataclass(slots=True)
class Evaluation(FirstOrder):
    """f, its gradient and its Hessian at `coef`.

    Attributes
    ----------
    coef, nll, gradient
        As in :class:`FirstOrder`.
    hessian : ndarray of shape (m * k, m * k)
    """

    hessian: Float


@dataclass(frozen=True, slots=True)
class Slope:
    """f along a line, relative to its start.

    Attributes
    ----------
    change : float
        f(b + t d) - f(b), free of cancellation.
    first, second : float
        Derivatives in t.
    """

    change: float
    first: float
    second: float


def _top_two(values: Float) -> float:
    """Sum of the two largest of non-negative values and 0 (the reference class)."""
    return float(np.sort(values)[-2:].sum())


class Line:
    """f along b + t d: logits and their slopes are stored, X is not read again."""

    __slots__ = ("_eta", "_objective", "_slope")

    def __init__(self, objective: Objective, eta: Float, slope: Float) -> None:
        self._objective, self._eta, self._slope = objective, eta, slope

    def at(self, step: float) -> Slope:
        """Change of f and its derivatives at t = `step`; O(n m), no read of X."""
        o = self._objective
        kernel = o.kernels.binary_line if o.n_logits == 1 else o.kernels.softmax_line
        y, weight = o.response.codes, o.response.weight

        def evaluate(start: int, stop: int) -> tuple[Pair, float, float]:
            rows = slice(start, stop)
            w = None if weight is None else weight[rows]
            return kernel(self._eta[rows], self._slope[rows], y[rows], step, weight=w)

        def merge(a: tuple[Pair, float, float], b: tuple[Pair, float, float]) -> tuple[Pair, float, float]:
            return add_pair(a[0], b[0]), a[1] + b[1], a[2] + b[2]

        change, first, second = o.reduce(evaluate, merge, flops=100.0 * self._eta.size)
        return Slope(change[0], first, second)


class Objective:
    """Negative log-likelihood of a design and a response on one backend.

    Parameters
    ----------
    design, response
        The data.
    kernels : Kernels
    n_threads : int
        Has no influence on any result.

    Attributes
    ----------
    n_params : int
        m * k.
    rows_read : int
        Rows of X read so far, in all evaluations.
    """

    __slots__ = (
        "_largest",
        "_size",
        "design",
        "kernels",
        "n_logits",
        "n_params",
        "n_threads",
        "response",
        "rows_read",
    )

    def __init__(self, design: Design, response: Response, kernels: Kernels, n_threads: int) -> None:
        self.design, self.response = design, response
        self.kernels, self.n_threads = kernels, n_threads
        self.n_logits = response.n_logits
        self.n_params = self.n_logits * design.width
        self._size = passes.block_rows(design.width)
        self._largest = design.largest(kernels, self._threads(2.0 * design.width * design.n_rows))
        self.rows_read = design.n_rows

    def _threads(self, flops: float) -> int:
        return threads.useful(self.n_threads, flops, shared=self.kernels.THREADED)

    def reduce(self, evaluate: Callable[[int, int], T], merge: Callable[[T, T], T], *, flops: float) -> T:
        """:func:`sigmax.passes.reduce` over the rows of this problem."""
        return passes.reduce(self.design.n_rows, self._size, evaluate, merge, self._threads(flops))

    # -- evaluation ----------------------------------------------------------------------------

    def evaluate(self, coef: Float) -> Evaluation:
        """f, gradient and Hessian at `coef` in one read of X."""
        nll, gradient, hessian = self._pass(coef, with_hessian=True)
        assert hessian is not None
        return Evaluation(coef, nll[0], gradient.ravel(), hessian)

    def gradient(self, coef: Float) -> FirstOrder:
        """f and gradient at `coef` in one read of X, bit by bit those of :meth:`evaluate`."""
        nll, gradient, _ = self._pass(coef, with_hessian=False)
        return FirstOrder(coef, nll[0], gradient.ravel())

    def _pass(self, coef: Float, *, with_hessian: bool) -> _Sums:
        """NLL, gradient (m, k) and, if it is wanted, Hessian (m k, m k) of all rows."""
        design, response, m = self.design, self.response, self.n_logits
        kernel = self.kernels.binary_pass if m == 1 else self.kernels.softmax_pass
        matrix = coef.reshape(m, design.width)

        def evaluate(start: int, stop: int) -> _Sums:
            gradient = np.empty((m, design.width))
            hessian = np.empty((self.n_params, self.n_params)) if with_hessian else None
            nll = kernel(
                design.block(start, stop),
                response.codes[start:stop],
                matrix,
                gradient,
                hessian,
                intercept=design.intercept,
                weight=None if response.weight is None else response.weight[start:stop],
                offset=None if response.offset is None else response.offset[start:stop],
            )
            return nll, gradient, hessian

        def merge(a: _Sums, b: _Sums) -> _Sums:
            a[1].__iadd__(b[1])
            if a[2] is not None and b[2] is not None:
                a[2].__iadd__(b[2])
            return add_pair(a[0], b[0]), a[1], a[2]

        row = with_hessian * self.n_params**2 + 4.0 * self.n_params + 50.0 * m
        found = self.reduce(evaluate, merge, flops=design.n_rows * row)
        self.rows_read += design.n_rows
        return found

    def linear_predictor(self, coef: Float, *, with_offset: bool = True) -> Float:
        """eta of shape (n, m)."""
        return linear_predictor(
            self.design,
            coef.reshape(self.n_logits, self.design.width),
            self.response.offset if with_offset else None,
            self.kernels,
            self.n_threads,
        )

    def line(self, coef: Float, direction: Float) -> Line:
        """f along coef + t * direction; reads X once for both linear predictors."""
        eta = self.linear_predictor(coef)
        slope = self.linear_predictor(direction, with_offset=False)
        self.rows_read += 2 * self.design.n_rows
        return Line(self, eta, slope)

    def curvature_bound(self) -> Float:
        """A matrix B with Hessian(b) <= B for every b, in one read of X; shape (m k, m k).

            B = 1/2 (I - 11'/K) (x) [1 X]' W [1 X]        (K = 2: 1/4 of the Gram matrix)

        Boehning & Lindsay (Ann. Inst. Stat. Math. 40, 1988); Boehning (ibid. 44, 1992).
        """
        design, weight, m = self.design, self.response.weight, self.n_logits

        def evaluate(start: int, stop: int) -> Float:
            w = np.ones(stop - start) if weight is None else weight[start:stop]
            gram = np.empty((design.width, design.width))
            block = design.block(start, stop)
            self.kernels.weighted_gram(block, w, gram, intercept=design.intercept)
            return gram

        flops = design.n_rows * float(design.width) ** 2
        gram = self.reduce(evaluate, lambda a, b: a + b, flops=flops)
        self.rows_read += design.n_rows
        return np.kron((np.eye(m) - 1.0 / (m + 1)) / 2.0, gram)

    # -- bounds without a read -------------------------------------------------------------------

    def reach(self, direction: Float) -> float:
        """Upper bound of D = max_i range_k(d_k'x_i), the classes' logits moved by `direction`."""
        moved = np.abs(direction.reshape(self.n_logits, -1)) @ self._largest
        return _top_two(moved)

    def row_norm(self, inverse: Float) -> float:
        """Upper bound of ||z||_(H^-1) over z = (e_k - e_l) (x) x_i, given H^-1.

        |z'H^-1 z| <= |z|'|H^-1||z|, and |z| is at most x_max in the blocks k and l: with
        Q_kl = x_max' |H^-1_kl| x_max the largest Q_kk + 2 Q_kl + Q_ll, or Q_kk against the reference.
        """
        Q = self._blocks(inverse)
        pairs = Q.diagonal()[:, None] + 2.0 * Q + Q.diagonal()
        np.fill_diagonal(pairs, Q.diagonal())
        return math.sqrt(float(pairs.max()))

    def _blocks(self, inverse: Float) -> Float:
        """Q_kl = x_max' |H^-1_kl| x_max, shape (m, m)."""
        m, x = self.n_logits, self._largest
        blocks = np.abs(inverse).reshape(m, len(x), m, len(x))
        Q: Float = np.einsum("j,kjli,i->kl", x, blocks, x, optimize=True)
        return Q

    # -- what rounding can have done, first order in u; tests hold it against 50 digits --------------

    def logit_rounding(self, coef: Float) -> float:
        """Bound of the error of any difference of two logits of a row.

            |d eta_i| <= u (k + 3) (sum_j x_max,j |b_j| + |offset|)

        k products summed in any order, then the intercept and the offset.
        """
        offset = self.response.offset
        farthest = 0.0 if offset is None else 2.0 * float(np.abs(offset).max(initial=0.0))
        return float((self.design.width + 3) * _U * (self.reach(coef) + farthest))

    def nll_rounding(self, at: FirstOrder) -> float:
        """Bound of the relative error of ``at.nll``: a few u in each row, and lambda_i |d eta_i|.

        lambda_i = 1 - P(y_i) <= nll_i, and the sum over rows is a double-double one.
        """
        return float(_ROW_ROUNDINGS * _U + self.logit_rounding(at.coef))

    def gradient_rounding(self, at: FirstOrder, inverse: Float) -> float:
        """Bound of the error of ``at.gradient`` in the norm of H^-1, given H^-1.

            logits     ||X' W d eta||_(H^-1) <= max |d eta_i| sqrt(sum_i w_i)   (Var_p(d eta) <= max^2)
            residuals  |d r_i| <= c u |r_i|,  sums |d g_j| <= N u sum_i |x_ij r_i|
                       sum_i |x_ij r_i| <= x_max,j f                            (|r_i| <= nll_i)
                       v'H^-1 v <= |v|'|H^-1||v|

        N counts the additions that a term can go through: rows of a tile, tiles of a block, tree.
        """
        n, rows = self.design.n_rows, min(self._size, self.design.n_rows)
        tile = min(self.kernels.TILE_ROWS, rows)
        additions = tile + rows / tile + math.log2(max(n / rows, 1.0)) + 1.0
        relative = (additions + _ROW_ROUNDINGS) * _U
        sums = relative * at.nll * math.sqrt(float(self._blocks(inverse).sum()))
        logits = self.logit_rounding(at.coef) * math.sqrt(self.response.total_weight)
        return float(logits + sums)

    def hessian_rounding(self, at: FirstOrder) -> float:
        """Bound of the error of H_jl relative to sqrt(H_jj H_ll).

        Curvatures change by a factor of 1 + |d eta| at most; an element is one chain over the rows of a
        block, then a tree, and sum_i |h_i x_ij x_il| <= sqrt(H_jj H_ll) (Cauchy-Schwarz).
        """
        n, rows = self.design.n_rows, min(self._size, self.design.n_rows)
        additions = rows + math.log2(max(n / rows, 1.0)) + 1.0
        return float((additions + _ROW_ROUNDINGS) * _U + 2.0 * self.logit_rounding(at.coef))

    def proves_separation(self, at: FirstOrder) -> bool:
        """Whether f is so small that every row must lie on its side: the classes are separated.

        f < log 2 * (smallest weight) leaves nll < log 2 for each row, so that each true class has a
        probability above 1/2 and `at.coef` separates.  0.69 instead of 0.6931 leaves a margin of 0.006
        in the logits, and rounding must stay within a part of that.
        """
        sure = self.logit_rounding(at.coef) < 1e-3
        return sure and at.nll < 0.69 * self.response.smallest_weight


def linear_predictor(
    design: Design, matrix: Float, offset: Float | None, kernels: Kernels, n_threads: int
) -> Float:
    """eta = [1 X] matrix' + offset, of shape (n, m), for `matrix` of shape (m, k)."""
    eta = np.empty((design.n_rows, len(matrix)))
    matrix = np.ascontiguousarray(matrix)

    def evaluate(start: int, stop: int) -> None:
        kernels.linear_predictor(
            design.block(start, stop),
            matrix,
            eta[start:stop],
            intercept=design.intercept,
            offset=None if offset is None else offset[start:stop],
        )

    flops = 2.0 * design.n_rows * matrix.size
    size = passes.block_rows(design.width)
    count = threads.useful(n_threads, flops, shared=kernels.THREADED)
    passes.reduce(design.n_rows, size, evaluate, lambda a, b: None, count)
    return eta
