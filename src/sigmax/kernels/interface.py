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

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Float: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int32]
Index: TypeAlias = npt.NDArray[np.int64]

#: a sum held as an unevaluated pair of doubles, high + low
Pair: TypeAlias = tuple[float, float]


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
