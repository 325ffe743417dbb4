"""The compiled backend: C kernels through Cython, in ext/.  Importing it fails where it was not built.

Contract, shapes and conventions: :mod:`sigmax.kernels.interface`.  Ask :func:`sigmax.kernels.get` for it:
that is where a stale build is refused.
"""

from __future__ import annotations

from sigmax.kernels._kernels import (
    BACKEND,
    ISA,
    ISAS,
    SOURCE_HASH,
    THREADED,
    TILE_ROWS,
    binary_line,
    binary_pass,
    binary_rows,
    column_largest,
    cross_entropy,
    exp,
    expit,
    group_rows,
    linear_predictor,
    log1pexp,
    log_expit,
    log_softmax,
    logsumexp,
    softmax,
    softmax_line,
    softmax_pass,
    softmax_rows,
    transpose_product,
    weighted_gram,
)

__all__ = [
    "BACKEND",
    "ISA",
    "ISAS",
    "SOURCE_HASH",
    "THREADED",
    "TILE_ROWS",
    "binary_line",
    "binary_pass",
    "binary_rows",
    "column_largest",
    "cross_entropy",
    "exp",
    "expit",
    "group_rows",
    "linear_predictor",
    "log1pexp",
    "log_expit",
    "log_softmax",
    "logsumexp",
    "softmax",
    "softmax_line",
    "softmax_pass",
    "softmax_rows",
    "transpose_product",
    "weighted_gram",
]
