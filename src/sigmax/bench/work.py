"""What an operation must do at least: bytes to move and flops to do, and hence its limit in time.

    limit = max(bytes / read bandwidth, flops / DGEMM rate)

Counted is what no implementation of the operation avoids: every operand read once, every result written
once, each distinct element of a symmetric matrix one multiplication and one addition a row.  Not counted:
exp and log1p, whose flops are a matter of the implementation, and the products of lower order, such as
X scaled by its weights.  So the limit cannot quite be reached; it is as good as the two rates are.

n rows, p columns, k = 1 + p coefficients of one logit, m = K - 1 logits.  float64 has 8 bytes, a class
code 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sigmax.bench.reads import Reads


@dataclass(frozen=True, slots=True)
class Work:
    """Bytes and flops of an operation, at least."""

    bytes: float
    flops: float

    def limit(self, gbs: float, gflops: float) -> float:
        """The time it takes at least, in seconds, at `gbs` GB/s and `gflops` GFLOP/s."""
        return max(self.bytes / gbs, self.flops / gflops) * 1e-9

    def bound_by(self, gbs: float, gflops: float) -> str:
        """What takes longer, "memory" or "arithmetic"."""
        return "memory" if self.bytes / gbs >= self.flops / gflops else "arithmetic"


def expit(n: int) -> Work:
    """Read eta, write p."""
    return Work(16.0 * n, 0.0)


def binary_rows(n: int) -> Work:
    """Read eta and y, write residual and curvature."""
    return Work((8.0 + 4.0 + 8.0 + 8.0) * n, 0.0)


def softmax_rows(n: int, m: int) -> Work:
    """Read eta and y, write m residuals and an m x m curvature a row."""
    return Work((8.0 * m + 4.0 + 8.0 * m + 8.0 * m * m) * n, 0.0)


def weighted_gram(n: int, p: int) -> Work:
    """Read X and the curvature, write G; half of G is distinct."""
    k = 1 + p
    return Work((8.0 * p + 8.0) * n + 8.0 * k * k, float(n) * k * (k + 1))


def row_function(n: int, K: int, outputs: int) -> Work:
    """Read K logits a row, write `outputs` numbers."""
    return Work(8.0 * n * (K + outputs), 0.0)


def cross_entropy(n: int, K: int) -> Work:
    """Read K logits and a code of eight bytes a row, write K numbers of gradient."""
    return Work(8.0 * n * (2 * K + 1), 0.0)


def gradient(n: int, p: int, m: int, *, intercept: bool = True) -> Work:
    """NLL and gradient in one read of X; logits and gradient take 2 m k flops a row each."""
    return Work((8.0 * p + 4.0) * n, 4.0 * n * m * (intercept + p))


def evaluation(n: int, p: int, m: int, *, intercept: bool = True) -> Work:
    """NLL, gradient and Hessian in one read of X.

    Logits and gradient take 2 m k flops a row each, the m (m + 1) / 2 distinct blocks of the Hessian,
    each symmetric in itself, k (k + 1).
    """
    k = intercept + p
    return Work((8.0 * p + 4.0) * n, float(n) * (m * (m + 1) / 2 * k * (k + 1) + 4.0 * m * k))


def fit(n: int, p: int, reads: Reads) -> Work:
    """The reads that a fit made, and the labels of eight bytes that it was given.

        bytes = (8 p + 4) (rows read, those of a sample once) + 8 n,     flops = those of its reads

    A lower bound for a fit that reads so often: see :mod:`sigmax.bench.reads` for what is not counted.
    """
    return Work((8.0 * p + 4.0) * reads.moved + 8.0 * n, reads.flops)
