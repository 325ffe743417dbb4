"""Sizes of the problems: as many bytes for each number of columns, and not too few rows.

    n = max(bytes / (8 p), 20 (K - 1)(1 + p))

The flops of a Hessian grow like K^2, so K classes get 1 / (K - 1) of the bytes; but X must not fit into the
caches, and so no less than four times their size, unless fewer bytes were asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from sigmax.bench import problems, work

#: bytes of X for two classes
BYTES = 400_000_000
#: times the bytes asked for that the fewest rows may take
_MOST = 4.0
#: flops of a pass with a Hessian, above which it would take a minute with its rounds
_MOST_FLOPS = 3e11
#: columns, classes and bytes that a test can afford
TINY_COLUMNS, TINY_CLASSES, TINY_BYTES = (3, 8), (2, 3), 200_000


@dataclass(frozen=True, slots=True)
class Shape:
    """n rows, p columns, K classes."""

    n: int
    p: int
    K: int

    @property
    def bytes(self) -> int:
        """Of X."""
        return 8 * self.n * self.p

    @property
    def hessian_flops(self) -> float:
        """Of a pass with a Hessian."""
        return work.evaluation(self.n, self.p, self.K - 1).flops


def shape(p: int, K: int, bytes_: int, beyond_cache: int) -> Shape:
    """Of about `bytes_` bytes for K = 2; `beyond_cache` bytes are no longer cached."""
    wanted = max(bytes_ // (K - 1), min(bytes_, beyond_cache))
    return Shape(max(wanted // (8 * p), problems.fewest_rows(p, K)), p, K)


def left_out(one: Shape, bytes_: int) -> dict[str, str]:
    """What of this shape is not measured, and why; "hessian", "fit", or "all"."""
    if one.bytes > _MOST * bytes_:
        why = f"{one.n:,} rows, 20 a parameter, are {one.bytes / 1e9:.2g} GB"
        return {"all": f"{why}, more than {_MOST:g} times the {bytes_ / 1e9:.2g} GB of --bytes"}
    if one.hessian_flops <= _MOST_FLOPS:
        return {}
    why = f"a pass has {one.hessian_flops / 1e9:,.0f} GFLOP, more than {_MOST_FLOPS / 1e9:,.0f}"
    # with two classes there is no way without a Hessian: sigmax.solvers.plan
    return {"hessian": why} | ({"fit": f"it forms Hessians, and {why}"} if one.K == 2 else {})
