"""The objective: the negative log-likelihood plus a penalty as a function of one coefficient vector.

    f(b) = sum_i w_i nll(y_i, eta_i) + penalty(b),   eta_i = B [1 x_i] + offset_i,   B = b as (m, k)

summed over rows, in nats.  Layout, stated here once: b = B.ravel() is class-major; row c of B holds the
coefficients of class c + 1 against the reference class 0, the intercept first.  m = K - 1 logits of
k = intercept + p coefficients each.

A solver sees this class and vectors, never X or labels.  What can be said without a read of X stands in
bounds.py, f along a line in line.py, the penalty in penalty.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias, TypeVar

import numpy as np

from sigmax import passes, threads
from sigmax.data.design import Design
from sigmax.data.response import Response
from sigmax.kernels import Float, Kernels, Pair, add_pair, two_sum
from sigmax.objective.bounds import Bounds
from sigmax.objective.line import Line
from sigmax.objective.penalty import Penalty
from sigmax.objective.values import Evaluation, FirstOrder, Refined

T = TypeVar("T")

#: NLL, gradient and Hessian, where it is wanted, of some rows
_Sums: TypeAlias = tuple[Pair, Float, Float | None]
#: NLL, both words of the gradient, largest |x_ij|, spread of some rows
_Words: TypeAlias = tuple[Pair, Float, Float, Float, float]

#: numbers of work space that rows of a whitened Hessian may take beside a block of X
_WORK = 2**19


class Objective(Bounds):
    """Penalised negative log-likelihood of a design and a response on one backend.

    Parameters
    ----------
    design, response
        The data.
    kernels : Kernels
    n_threads : int
        Has no influence on any result.
    l2 : float
        Strength of the penalty, in units of the (scaled) negative log-likelihood.
    pins : ndarray of shape (n_params,), optional
        See :mod:`sigmax.objective.penalty`.

    Attributes
    ----------
    n_rows, n_params : int
        n and m * k.
    penalty : Penalty or None
    rows_read : int
        Rows of X read so far, in all evaluations.
    """

    __slots__ = ()

    def __init__(
        self,
        design: Design,
        response: Response,
        kernels: Kernels,
        n_threads: int,
        *,
        l2: float = 0.0,
        pins: Float | None = None,
    ) -> None:
        self.design, self.response = design, response
        self.kernels, self.n_threads = kernels, n_threads
        self.n_rows = design.n_rows
        self.n_logits = response.n_logits
        self.n_params = self.n_logits * design.width
        self.penalty: Penalty | None = None
        if l2 > 0.0 or pins is not None:
            self.penalty = Penalty(l2, self.n_logits, design.width, design.intercept, pins)
        self._size = passes.block_rows(design.width)
        self._largest: Float | None = None
        self.rows_read = 0

    def _threads(self, flops: float) -> int:
        return threads.useful(self.n_threads, flops, shared=self.kernels.THREADED)

    def reduce(self, evaluate: Callable[[int, int], T], merge: Callable[[T, T], T], *, flops: float) -> T:
        """:func:`sigmax.passes.reduce` over the rows of this problem."""
        return passes.reduce(self.n_rows, self._size, evaluate, merge, self._threads(flops))

    def _read_largest(self) -> Float:
        """max_i |x_ij|, in a read of its own."""
        found = self.design.largest(self.kernels, self._threads(2.0 * self.design.width * self.n_rows))
        self.rows_read += self.n_rows
        return found

    def found_largest(self, largest: Float) -> None:
        """max_i |x_ij| as an evaluation of all rows has found it, 1 for the intercept; (k,)."""
        self._largest = largest

    def scan(self) -> None:
        """Raise ValueError where X holds nan or inf, in a read of its own."""
        self._largest = self._read_largest()

    def require_finite(self, at: FirstOrder) -> None:
        """Raise ValueError where an evaluation shows that X holds nan or inf; no read where it does not."""
        if not (np.isfinite(at.nll) and np.isfinite(at.gradient).all()):
            self.scan()

    @property
    def block_rows(self) -> int:
        """Rows in one block."""
        return self._size

    @property
    def value_at_zero(self) -> float | None:
        """f at the origin, sum_i w_i log K; None where offsets make that a question for the data."""
        if self.response.offset is not None:
            return None
        return self.response.weight_sum * math.log(self.n_logits + 1)

    # -- evaluation ----------------------------------------------------------------------------

    def evaluate(self, coef: Float) -> Evaluation:
        """f, gradient and Hessian at `coef` in one read of X."""
        nll, gradient, hessian = self._pass(coef, with_hessian=True)
        assert hessian is not None
        penalty = 0.0
        if self.penalty is not None:
            penalty = self.penalty.value(coef)
            gradient += self.penalty.gradient(coef).reshape(gradient.shape)
            self.penalty.add_to(hessian)
        return Evaluation(coef, nll[0], penalty, gradient.ravel(), hessian)

    def gradient(self, coef: Float) -> FirstOrder:
        """f and gradient at `coef` in one read of X, bit by bit those of :meth:`evaluate`."""
        nll, gradient, _ = self._pass(coef, with_hessian=False)
        penalty = 0.0
        if self.penalty is not None:
            penalty = self.penalty.value(coef)
            gradient += self.penalty.gradient(coef).reshape(gradient.shape)
        return FirstOrder(coef, nll[0], penalty, gradient.ravel())

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
        found = self.reduce(evaluate, merge, flops=self.n_rows * row)
        self.rows_read += self.n_rows
        return found

    def refine(self, coef: Float, low: Float) -> Refined:
        """f and gradient at `coef` + `low` in one read of X: logits and sums in double-double.

        max_i |x_ij|, for the bounds that cost no read, is found on the way.
        """
        design, response, m = self.design, self.response, self.n_logits
        kernel = self.kernels.binary_refine if m == 1 else self.kernels.softmax_refine
        matrix, low_matrix = coef.reshape(m, design.width), low.reshape(m, design.width)

        def evaluate(start: int, stop: int) -> _Words:
            high, low = np.empty((m, design.width)), np.empty((m, design.width))
            largest = np.empty(design.n_features)
            nll, spread = kernel(
                design.block(start, stop),
                response.codes[start:stop],
                matrix,
                low_matrix,
                high,
                low,
                largest,
                intercept=design.intercept,
                weight=None if response.weight is None else response.weight[start:stop],
                offset=None if response.offset is None else response.offset[start:stop],
            )
            return nll, high, low, largest, spread

        def merge(a: _Words, b: _Words) -> _Words:
            high, error = two_sum(a[1], b[1])
            return add_pair(a[0], b[0]), high, a[2] + b[2] + error, np.maximum(a[3], b[3]), a[4] + b[4]

        nll, high, rest, largest, spread = self.reduce(
            evaluate, merge, flops=40.0 * self.n_rows * self.n_params
        )
        self.rows_read += self.n_rows
        penalty = 0.0
        high, rest = high.ravel(), rest.ravel()
        if self.penalty is not None:
            penalty = self.penalty.value(coef)
            high, error = two_sum(high, self.penalty.gradient(coef))
            rest = rest + error + self.penalty.gradient(low)
        at = Refined(coef, nll[0], penalty, high + rest, low, spread)
        self.require_finite(at)
        self._largest = np.concatenate([np.ones(1), largest]) if design.intercept else largest
        return at

    def _rows(self, X: Float, rows: slice, coef: Float, low: Float | None = None) -> tuple[Float, Float]:
        """Residual (n, m) and curvature (n, m, m) of some rows; double-double logits with `low`."""
        response, n, m, intercept = self.response, len(X), self.n_logits, self.design.intercept
        matrix = coef.reshape(m, self.design.width)
        offset = None if response.offset is None else response.offset[rows]
        weight = None if response.weight is None else response.weight[rows]
        eta, residual, curvature = np.empty((n, m)), np.empty((n, m)), np.empty((n, m, m))
        if low is None:
            self.kernels.linear_predictor(X, matrix, eta, intercept=intercept, offset=offset)
        else:
            self.kernels.linear_predictor_dd(
                X, matrix, low.reshape(matrix.shape), eta, None, intercept=intercept, offset=offset
            )
        kernel = self.kernels.binary_rows if m == 1 else self.kernels.softmax_rows
        kernel(
            eta,
            response.codes[rows],
            residual,
            curvature.reshape(n, 1) if m == 1 else curvature,
            weight=weight,
        )
        return residual, curvature

    # -- other reads ---------------------------------------------------------------------------

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
        self.rows_read += 2 * self.n_rows
        return Line(self.kernels, self.response, self.reduce, eta, slope, self.penalty, coef, direction)

    def gram(self) -> Float:
        """[1 X]' W [1 X], the Gram matrix of the weighted rows, in one read of X; shape (k, k)."""
        design, weight = self.design, self.response.weight

        def evaluate(start: int, stop: int) -> Float:
            w = np.ones(stop - start) if weight is None else weight[start:stop]
            gram = np.empty((design.width, design.width))
            self.kernels.weighted_gram(design.block(start, stop), w, gram, intercept=design.intercept)
            return gram

        gram: Float = self.reduce(evaluate, lambda a, b: a + b, flops=self.n_rows * float(design.width) ** 2)
        self.rows_read += self.n_rows
        return gram

    def curvature_bound(self) -> Float:
        """A matrix B with Hessian(b) <= B for every b, in one read of X; shape (m k, m k).

            B = 1/2 (I - 11'/K) (x) [1 X]' W [1 X] + penalty       (K = 2: 1/4 of the Gram matrix)

        Boehning & Lindsay (Ann. Inst. Stat. Math. 40, 1988); Boehning (ibid. 44, 1992).
        """
        m = self.n_logits
        bound: Float = np.asarray(np.kron((np.eye(m) - 1.0 / (m + 1)) / 2.0, self.gram()), np.float64)
        if self.penalty is not None:
            self.penalty.add_to(bound)
        return bound

    def triangle(self, coef: Float | None = None) -> Float:
        """R, (k, k), of a QR factorisation of the weighted rows and those of the penalty; one read of X.

        R'R = [1 X]' diag(h) [1 X] + l2 diag(0, 1, ..., 1), h the weights, or the trace of the curvature of
        each row at `coef`; with an error of the condition number of the rows, where forming that matrix costs
        its square.
        """
        design, weight = self.design, self.response.weight
        extra = np.empty((0, design.width)) if self.penalty is None else self.penalty.rows()

        def evaluate(start: int, stop: int) -> Float:
            block = design.block(start, stop)
            rows = np.empty((stop - start, design.width))
            rows[:, : design.intercept] = 1.0
            rows[:, design.intercept :] = block
            if coef is not None:
                _, curvature = self._rows(block, slice(start, stop), coef)
                rows *= np.sqrt(np.einsum("naa->n", curvature))[:, None]
            elif weight is not None:
                rows *= np.sqrt(weight[start:stop])[:, None]
            return np.asarray(np.linalg.qr(rows, mode="r"))

        def merge(a: Float, b: Float) -> Float:
            return np.asarray(np.linalg.qr(np.concatenate([a, b]), mode="r"))

        R = merge(self.reduce(evaluate, merge, flops=0.0), extra)
        self.rows_read += self.n_rows
        square = np.zeros((design.width, design.width))
        square[: len(R)] = R
        return square

    def whitened_hessian(self, coef: Float, low: Float, T: Float) -> Float:
        """(I (x) T)' Hessian (I (x) T) at `coef` + `low`, of rows z_i = T'[1 x_i]; shape (m k, m k).

        Rows and logits are formed in double-double and rounded once.  With T close to the inverse of a root
        of the information this matrix is close to the identity, and keeps what a Hessian of nearly dependent
        columns loses.
        """
        design, m, k, columns = self.design, self.n_logits, self.design.width, np.ascontiguousarray(T.T)
        part = max(_WORK // (m * m + k), 64)

        def evaluate(start: int, stop: int) -> Float:
            G = np.zeros((m, k, m, k))
            for first in range(start, stop, part):
                rows = slice(first, min(first + part, stop))
                X = design.block(rows.start, rows.stop)
                Z = np.empty((len(X), k))
                self.kernels.linear_predictor_dd(X, columns, None, Z, None, intercept=design.intercept)
                _, curvature = self._rows(X, rows, coef, low)
                gram = np.empty((k, k))
                for a in range(m):
                    for b in range(a, m):
                        self.kernels.weighted_gram(
                            Z, np.ascontiguousarray(curvature[:, a, b]), gram, intercept=False
                        )
                        G[a, :, b] += gram
                        if a != b:
                            G[b, :, a] += gram
            return G

        def merge(a: Float, b: Float) -> Float:
            a += b
            return a

        flops = self.n_rows * (10.0 * k * k + float(self.n_params) ** 2)
        G = self.reduce(evaluate, merge, flops=flops)
        self.rows_read += self.n_rows
        if self.penalty is not None:
            G += self.penalty.whitened(T)
        return G.reshape(self.n_params, self.n_params)

    def row_norms(self, coef: Float, half: Callable[[Float], Float]) -> tuple[float, float]:
        """R and S from the rows themselves, in one read of X: where the bounds from x_max prove nothing.

            R = max_i max_(k, l) ||(e_k - e_l) (x) x_i||_(H^-1)
            S = sum_i sum_k w_i |r_ik| ||e_k (x) x_i||_(H^-1),  r the residuals at `coef`

        Residuals off by c |r| at most put the gradient off by c S at most in that norm.  `half` takes columns
        Z to V with V'V = Z'H^-1 Z.
        """
        design, m, k = self.design, self.n_logits, self.design.width
        part = max(_WORK // (m * m * k + m * m), 1)

        def evaluate(start: int, stop: int) -> tuple[float, float]:
            R, S = 0.0, 0.0
            for first in range(start, stop, part):
                rows = slice(first, min(first + part, stop))
                n = rows.stop - rows.start
                X = design.block(rows.start, rows.stop)
                z = np.zeros((m, k, n, m))
                for c in range(m):
                    z[c, : design.intercept, :, c] = 1.0
                    z[c, design.intercept :, :, c] = X.T
                V = half(z.reshape(m * k, n * m)).reshape(m * k, n, m)
                norms = np.sqrt((V**2).sum(axis=0))
                R = max(R, float(norms.max()))
                for c in range(1, m):
                    for d in range(c):
                        R = max(R, float(np.sqrt(((V[:, :, c] - V[:, :, d]) ** 2).sum(axis=0)).max()))
                residual, _ = self._rows(X, rows, coef)
                S += float((np.abs(residual) * norms).sum())
            return R, S

        def merge(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
            return max(a[0], b[0]), a[1] + b[1]

        found = self.reduce(evaluate, merge, flops=0.0)
        self.rows_read += self.n_rows
        return found

    # -- a part of the rows ----------------------------------------------------------------------

    def sample(self, n_rows: int) -> Objective:
        """The objective of `n_rows` rows, spread evenly; its f is n_rows / n of this one's, about.

        One row is taken from each of `n_rows` stretches of equal length, at a place that a hash of the
        stretch's number decides: rows that are sorted, clustered or periodic are sampled like any others.
        """
        rows = _spread(self.n_rows, n_rows)
        part = Objective(
            self.design.pick(rows, self._threads(np.inf)),
            self.response.take(rows),
            self.kernels,
            self.n_threads,
        )
        if self.penalty is not None:
            part.penalty = self.penalty.times(n_rows / self.n_rows)
        return part


def _spread(n: int, m: int) -> np.ndarray:
    """m indices below n, one from each stretch [j n / m, (j + 1) n / m); splitmix64 of j places it."""
    h = (np.arange(1, m + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    place = (h >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.minimum(((np.arange(m) + place) * (n / m)).astype(np.intp), n - 1)


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
