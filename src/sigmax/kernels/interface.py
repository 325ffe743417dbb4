"""The contract of a backend: every operation once, with its formula, shapes and accuracy.

Two modules fulfil it: :mod:`sigmax.kernels.compiled` (C through Cython) and
:mod:`sigmax.kernels.reference` (plain NumPy, the oracle).  A test compares names, argument names and
defaults of both with this class.

Conventions
-----------
X : float64, shape (n, p), any strides (C or Fortran order, slices, read-only, zero strides).
coef : float64, C-contiguous, shape (m, k): one vector for each logit, the intercept first when
    ``intercept`` is true, k = intercept + p.  A binary model has m = 1 logit, that of class 1; K classes
    have m = K - 1 logits, those of the classes 1 .. K-1.  Class 0 is the reference, with logit 0.
eta : float64, C-contiguous, shape (n, m): the logits of a model, without the reference.
logits : float64, shape (n, K), any strides: the logits of all K >= 1 classes.
y : int32, C-contiguous, shape (n,): class codes 0 .. m.  Not checked here.
weight : float64, C-contiguous, shape (n,), or None for ones.
offset : float64, C-contiguous, shape (n, m), or None for zeros.  Added to the logits.
``*_out`` : float64, C-contiguous (of the shape of `logits`: any strides), overwritten.  None, where allowed,
    means "not wanted".  May be the very array that is read, but not overlap it otherwise.

Every result is a weighted sum over rows, never a mean, in nats.  A negative log-likelihood (NLL) is
returned as a pair (high, low) whose exact sum carries about twice double precision, so that sums of
blocks can be merged without loss.  A nan logit, and a softmax logit of +inf, make the NLL nan or
inf, never a plausible number.  A binary logit of +-inf is a probability of exactly 0 or 1, with an NLL of
0 or inf; a softmax logit of -inf is a class of probability 0.
"""

from __future__ import annotations

import enum
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Float: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int32]
Index: TypeAlias = npt.NDArray[np.int64]

#: a sum held as an unevaluated pair of doubles, high + low
Pair: TypeAlias = tuple[float, float]


class Status(enum.IntEnum):
    """Why a small fit of `newton_many` ended; the first four leave an answer, the last two nan."""

    #: the Newton decrement is within the tolerance
    TOLERANCE = 0
    #: it no longer halves though it is tiny
    ROUNDING = 1
    #: `max_iter` steps were taken
    ITERATIONS = 2
    #: the classes are completely separated, which is proved
    SEPARATED = 3
    #: a class has no row with a positive weight
    ABSENT = 4
    #: the Hessian is numerically singular, no step lowers the objective, or numbers are not finite: the
    #: general solver may still find the optimum, from the original start
    HAND_OVER = 5


class Number(enum.IntEnum):
    """Columns of `numbers_out` of `newton_many`; scales are those of the weights as given."""

    #: the NLL without the penalty, high and low word
    NLL_HIGH = 0
    NLL_LOW = 1
    PENALTY = 2
    #: nu = sqrt(g' H^-1 g) of the penalised objective, in standard errors
    DECREMENT = 3
    #: Newton steps taken
    STEPS = 4
    #: reads of the rows
    READS = 5
    #: R, upper bound of sup ||(e_k - e_l) (x) x_i||_(H^-1)
    ROW_NORM = 6
    #: upper bound of the error of the gradient in the norm of H^-1
    GRADIENT_ROUNDING = 7
    TOTAL_WEIGHT = 8
    #: of the weighted design with columns scaled (solvers/factor.py)
    CONDITION = 9


class FirthNumber(enum.IntEnum):
    """Columns of `numbers_out` of `firth_small`; in units of the weights as they are."""

    #: the NLL, high and low word
    NLL_HIGH = 0
    NLL_LOW = 1
    #: norm of the penalised score in the inverse information
    DECREMENT = 2
    #: share times the largest max(p, 1 - p)^2 Q
    LARGEST = 3
    #: of the weighted design with columns scaled (solvers/factor.py)
    CONDITION = 4
    #: points at which leverages were computed
    STEPS = 5
    #: reads of the rows
    READS = 6


class Kernels(Protocol):
    """What passes, objective and inference may ask of a backend."""

    #: "compiled" or "reference"
    BACKEND: str
    #: the instruction set in use: "avx512", "avx2", "generic"; "numpy" for the reference
    ISA: str
    #: whether calls from several threads run side by side
    THREADED: bool
    #: rows in one partial sum of a gradient; beyond any block where the order of sums is not stated
    TILE_ROWS: int

    # -- functions of one number ---------------------------------------------------------------

    def exp(self, x: Float, out: Float) -> None:
        """exp(x), elementwise, shape (n,)."""

    def expit(self, x: Float, out: Float) -> None:
        """p = 1 / (1 + exp(-x)), elementwise, shape (n,)."""

    def log_expit(self, x: Float, out: Float) -> None:
        """log p = min(x, 0) - log(1 + exp(-|x|)), elementwise, shape (n,)."""

    def log1pexp(self, x: Float, out: Float) -> None:
        """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), elementwise, shape (n,)."""

    def tanh(self, x: Float, out: Float) -> None:
        """tanh(x) = -t / (2 + t), t = expm1(-2 |x|), with the sign of x; elementwise, shape (n,).

        `out` may be `x`.  The sign of a zero is kept; x itself below 2^-28.  Compiled: within 2 ulp.
        """

    def tanh_slope(self, x: Float, out: Float) -> None:
        """tanh'(x) = 4 t / (1 + t)^2, t = exp(-2 |x|), elementwise, shape (n,)."""

    # -- rows of logits, every class with one of its own ---------------------------------------

    def logsumexp(self, logits: Float, out: Float) -> None:
        """log sum_k exp(logit_k) of each row, shape (n,); -inf where all are -inf, inf where one is inf."""

    def softmax(self, logits: Float, p_out: Float) -> None:
        """p_k = exp(logit_k) / sum_l exp(logit_l), shape (n, K); nan where one is inf or all are -inf."""

    def log_softmax(self, logits: Float, out: Float) -> None:
        """log p_k = logit_k - log sum_l exp(logit_l), shape (n, K); nan as for `softmax`."""

    def cross_entropy(
        self,
        logits: Float,
        y: Codes,
        gradient_out: Float | None,
        *,
        weight: Float | None = None,
    ) -> Pair:
        """NLL = -sum w log p_y; gradient_k = w (p_k - [y = k]), shape (n, K); nan as for `softmax`."""

    # -- rows of X -----------------------------------------------------------------------------

    def column_largest(self, X: Float, largest_out: Float) -> bool:
        """max_i |x_ij| for each column, shape (p,); False when X holds nan or inf (maxima void)."""

    def group_rows(self, X: Float, key: Index, index_out: Index, first_out: Index) -> int:
        """Rows of equal x and equal key are one group: how many groups, in the order of their first rows.

        `index_out` (n,): the group of each row; `first_out` (at least as many as there are groups): the first
        row of each; the rest of it is left as it was.  -1, and both void, as soon as there are more groups
        than `first_out` has places.  -0.0 equals 0.0; a nan equals a nan of the same bits.  `key`,
        `index_out` and `first_out` are int64, C-contiguous, and no two of them overlap.
        """

    # -- the linear layer ----------------------------------------------------------------------

    def linear_predictor(
        self, X: Float, coef: Float, eta_out: Float, *, intercept: bool, offset: Float | None = None
    ) -> None:
        """eta = [1 X] coef' + offset; `eta_out` of shape (n, m)."""

    def transpose_product(self, X: Float, residual: Float, gradient_out: Float, *, intercept: bool) -> None:
        """gradient = residual' [1 X]; `residual` (n, m), `gradient_out` (m, k)."""

    def matrix_product(self, A: Float, B: Float, out: Float, *, bias: Float | None = None) -> None:
        """out = A B + bias; `A` (n, k), any strides; `B` (k, m); `bias` (m,), None for zeros; `out` (n, m).

        `B`: rows without gaps (a column stride of one number), any row stride; `bias` and `out`:
        C-contiguous.  k = 0 gives the bias.  `out` overlaps no other array.

        |error| <= (k + 1) u (|bias_j| + sum_l |a_il b_lj|), u = 2^-53, to first order in u.  The compiled
        backend sums each output in chains over at most 128 of l = 0 .. k - 1, the first of which begins with
        the bias, and adds these one after the other: 128 + k / 128 in place of k + 1; n, m and the strides
        change no bit.
        """

    def weighted_gram(self, X: Float, curvature: Float, gram_out: Float, *, intercept: bool) -> None:
        """G = [1 X]' diag(curvature) [1 X]; `curvature` (n,), `gram_out` (k, k), symmetric."""

    # -- rows of a model: forward and backward in one sweep ------------------------------------

    def binary_rows(
        self,
        eta: Float,
        y: Codes,
        residual_out: Float,
        curvature_out: Float,
        *,
        weight: Float | None = None,
    ) -> Pair:
        """NLL = sum w log(1 + exp(-m)), m = +-eta; residual = w (p - y); curvature = w p (1 - p).

        `eta`, `residual_out`, `curvature_out` of shape (n, 1).
        """

    def softmax_rows(
        self,
        eta: Float,
        y: Codes,
        residual_out: Float,
        curvature_out: Float,
        *,
        weight: Float | None = None,
    ) -> Pair:
        """NLL = sum w (log sum_k exp(eta_k) - eta_y), residual_k = w (p_k - [y = k]).

        curvature_kl = w p_k ([k = l] - p_l), `curvature_out` of shape (n, m, m), k and l from class 1.
        """

    # -- one fused pass over a row block -------------------------------------------------------

    def binary_pass(
        self,
        X: Float,
        y: Codes,
        coef: Float,
        gradient_out: Float | None,
        hessian_out: Float | None,
        *,
        intercept: bool,
        weight: Float | None = None,
        offset: Float | None = None,
    ) -> Pair:
        """NLL, gradient (1, k) and Hessian (k, k) of the binary model: the rows above, composed."""

    def softmax_pass(
        self,
        X: Float,
        y: Codes,
        coef: Float,
        gradient_out: Float | None,
        hessian_out: Float | None,
        *,
        intercept: bool,
        weight: Float | None = None,
        offset: Float | None = None,
    ) -> Pair:
        """NLL, gradient (m, k) and Hessian (m k, m k), class-major, of the multinomial model."""

    # -- half the log-determinant of the information -----------------------------------------------

    def binary_jeffreys(
        self,
        X: Float,
        coef: Float,
        root: Float,
        gradient_out: Float,
        *,
        intercept: bool,
        weight: Float | None = None,
        offset: Float | None = None,
    ) -> float:
        """Gradient of 1/2 log det I, I the information of the binary model, by the coefficients; max q.

            gradient = sum w v (1/2 - p) Q [1 x],   v = p (1 - p),   Q = [1 x]'I^-1 [1 x]

        `root` (k, k), upper triangular, T with T T' = I^-1; `gradient_out` (1, k).  What is returned is the
        largest max(p, 1 - p)^2 Q of the rows with a weight above 0.  No y: the information has none.
        """

    def softmax_jeffreys(
        self,
        X: Float,
        coef: Float,
        root: Float,
        gradient_out: Float,
        *,
        intercept: bool,
        weight: Float | None = None,
        offset: Float | None = None,
    ) -> float:
        """As `binary_jeffreys`, of the multinomial model; `root` (m k, m k), `gradient_out` (m, k).

            gradient_c = sum w / 2 p_c (q(c) - sum_d p_d q(d)) [1 x],   q(c) = (e_c - p)'Q (e_c - p)

        Q_ab = [1 x]'(I^-1)_ab [1 x]; half the sum over a, b of Q_ab and the third cumulants of the row.  The
        largest q(c), c = 0 .. m, is returned.
        """

    # -- in double-double ----------------------------------------------------------------------

    def linear_predictor_dd(
        self,
        X: Float,
        coef: Float,
        coef_low: Float | None,
        eta_out: Float,
        eta_low_out: Float | None,
        *,
        intercept: bool,
        offset: Float | None = None,
    ) -> None:
        """eta + eta_low = [1 X] (coef + coef_low)' + offset; `eta_out`, `eta_low_out` of shape (n, m).

        `coef_low` (m, k), C-contiguous, None for zeros.  eta is the rounded value, eta_low the rest of it, 0
        where eta is not finite; |error| <= (k + 3)^2 u^2 sum_j |x_j b_j| of both together, u = 2^-53.
        """

    def binary_refine(
        self,
        X: Float,
        y: Codes,
        coef: Float,
        coef_low: Float | None,
        gradient_out: Float,
        gradient_low_out: Float,
        largest_out: Float | None,
        *,
        intercept: bool,
        weight: Float | None = None,
        offset: Float | None = None,
    ) -> tuple[Pair, float]:
        """NLL and spread; gradient + gradient_low = [1 X]' residual, (1, k) each; largest = max_i |x_ij|.

        eta + low as `linear_predictor_dd` has it, rows at eta and their first-order change by low:
        NLL = sum w (nll + r low), residual = w (r + p (1 - p) low), r = p - y.  The products with X are
        exact, and |error| <= (n + 3)^2 u^2 sum_i |x_ij residual_i| of their sum.

        spread = sum w lambda / (1 - lambda), lambda = |r|; inf where it is beyond the range.  Residuals that
        are off by c |r| at most put the gradient off by c sqrt(spread) at most in the norm of the inverse
        Hessian.

        Where X holds nan or inf, the NLL or the gradient is not finite, and `largest` means nothing.
        """

    def softmax_refine(
        self,
        X: Float,
        y: Codes,
        coef: Float,
        coef_low: Float | None,
        gradient_out: Float,
        gradient_low_out: Float,
        largest_out: Float | None,
        *,
        intercept: bool,
        weight: Float | None = None,
        offset: Float | None = None,
    ) -> tuple[Pair, float]:
        """As `binary_refine`, (m, k) each; residual_k = w (r_k + p_k (low_k - sum_l p_l low_l)).

        r_k = p_k - [y = k];  spread = sum w (sum_k r_k^2 / p_k + (sum_k |r_k|)^2 / p_0), k from class 1, is
        never nan for finite logits: inf where it is beyond the range or where p_0 alone is below exp(-1040),
        and a row counts 0 where all classes but its own are.
        """

    # -- along a line, without X ---------------------------------------------------------------

    def binary_line(
        self, eta: Float, slope: Float, y: Codes, step: float, *, weight: Float | None = None
    ) -> tuple[Pair, float, float]:
        """Change of the NLL from eta to eta + step * slope, and its first two derivatives in step.

        The change is summed from log1p(small expm1(-+dm)) row by row and keeps its relative accuracy
        however small it is; the difference of two NLL values does not.
        """

    def softmax_line(
        self, eta: Float, slope: Float, y: Codes, step: float, *, weight: Float | None = None
    ) -> tuple[Pair, float, float]:
        """As `binary_line`, for the multinomial model: log1p(sum_{k != y} p_k expm1(d_k - d_y))."""

    # -- whole small fits ----------------------------------------------------------------------

    def newton_many(
        self,
        X: Float,
        y: Codes,
        coef_out: Float,
        numbers_out: Float,
        status_out: Codes,
        *,
        intercept: bool,
        tol: float,
        max_iter: int,
        starts: Index | None = None,
        weight: Float | None = None,
        offset: Float | None = None,
        l2: Float | None = None,
        start: Float | None = None,
        gradient_out: Float | None = None,
        hessian_out: Float | None = None,
        inverse_out: Float | None = None,
    ) -> None:
        """Fits of B small models by Newton's method, each on one thread: argmin NLL(b) + penalty(b).

            penalty = l2 / 2 sum_j ||w_j||^2                   K = 2;  w_j: the slopes of column j
                    = l2 / 2 sum_j w_j'(I - 11'/K) w_j         K > 2;  intercepts are free

        Problem b has the rows starts[b] <= i < starts[b + 1], `starts` of shape (B + 1,), or all n of them
        where it is None.  `weight` (1, n) or (B, n): one row of weights for all, or for each problem; of any
        scale, rows of weight 0 do not count.  `offset` as elsewhere; `l2` (B,), None for zeros; `start`
        (B, m, k), None for zeros, used where the objective is not larger there than at 0.

        `coef_out` (B, m, k); `numbers_out` (B, 10), columns :class:`Number`; `status_out` (B,), values
        :class:`Status`; gradient (B, m k), Hessian and its inverse (B, m k, m k) of the objective, penalty
        included, at the estimate.  Where there is no answer they are nan.
        """

    def firth_small(
        self,
        X: Float,
        y: Codes,
        coef_out: Float,
        numbers_out: Float,
        vectors_out: Float,
        hessian_out: Float,
        inverse_out: Float,
        *,
        intercept: bool,
        tol: float,
        score: float,
        share: float,
        weight: Float | None = None,
        offset: Float | None = None,
        start: Float | None = None,
    ) -> int:
        """One small binary fit by Firth's bias reduction, on one thread; returns a :class:`Status`.

            U*(b) = sum (w (y - p) + share h (1/2 - p)) [1 x] = 0,   h = w v Q,  Q = [1 x]'I^-1 [1 x]

        `tol`: norm of U* in I^-1 to reach; `score`: its largest element to reach; `share`: 1 / what the
        weights were divided by.  `start` (k,), None for zeros.  `weight`, `offset` as elsewhere.

        `coef_out` (k,); `numbers_out` (7,), columns :class:`FirthNumber`; `vectors_out` (4, k): the
        gradient of the NLL, that of share / 2 log det I, the diagonal of the Cholesky factor of I, max_i
        |x_ij|; I and its inverse (k, k).  TOLERANCE, or HAND_OVER: no answer, and all of them nan but for
        the counts.
        """
