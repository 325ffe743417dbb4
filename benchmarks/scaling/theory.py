"""With which power costs should grow, and why they may not.

What a pass must do at least is counted by `sigmax.bench.work`; how that grows over the very sizes of a series
is said with it, since k = 1 + p and m = K - 1 are no powers of p and K.
"""

from __future__ import annotations

from collections.abc import Sequence

from sizes import Size
from slopes import FEWEST, power, upper

from sigmax.bench import work

#: words in the names of peers that make no Hessian
FIRST_ORDER = ("lbfgs", "newton-cg")

_PASS = {"n": "1", "p": "1 to 2", "K": "2", "threads": "-1"}
_FIT = {"n": "1", "p": "1 to 2", "K": "1 to 2", "threads": "-1"}
_GRADIENT = {"n": "1", "p": "1", "K": "1", "threads": "-1"}
_MEMORY = {"n": "1", "p": "0 to 2", "K": "0 to 2"}


def first_order(who: str) -> bool:
    """Whether a peer makes no Hessian."""
    return any(word in who.lower() for word in FIRST_ORDER)


def of_time(
    along: str, who: str, what: str, sizes: Sequence[Size], reads: Sequence[float | None]
) -> tuple[str, str]:
    """The power of time, and a sentence about it."""
    if along == "threads":
        return "-1", "reads of the rows are shared out; factors are not, and the memory may be busy with one"
    if who != "sigmax":
        power_of = _GRADIENT if first_order(who) else _FIT
        return power_of[along], "times its iterations, which depend on the problem"
    grows = _work(along, sizes[upper(len(sizes)) :])
    if what == "pass":
        return _PASS[along], grows
    known = [count for count in reads[upper(len(reads)) :] if count is not None]
    return _FIT[along], f"{_counts(known)} there; of a pass with its Hessian, {grows}"


def _counts(reads: Sequence[float]) -> str:
    """How often the rows were read."""
    least, most = (f"{of(reads, default=0.0):.3g}" for of in (min, max))
    return f"{most} reads of the rows" if least == most else f"{least} to {most} reads of the rows"


def _work(along: str, sizes: Sequence[Size]) -> str:
    """Powers of the bytes and flops of a pass over these sizes."""
    if len(sizes) < FEWEST:
        return "too few sizes"
    least = [work.evaluation(size.n, size.p, size.K - 1) for size in sizes]
    x = [size.x for size in sizes]
    flops, moved = (power(x, costs)[0] for costs in ([w.flops for w in least], [w.bytes for w in least]))
    return f"flops grow as {along}^{flops:.2f}, bytes as {along}^{moved:.2f}"


def of_memory(along: str, who: str) -> tuple[str, str]:
    """The power of memory above the data, and a sentence about it."""
    if who == "sigmax":
        of = {
            "n": "vectors of n; blocks of rows do not grow",
            "p": "from vectors of n, which do not grow, to Hessians, which grow as p^2",
            "K": "vectors of n and of n (K - 1), and Hessians, which grow as K^2",
        }
        return _MEMORY[along], of[along]
    if first_order(who):
        return {"n": "1", "p": "0 to 1", "K": "0 to 1"}[
            along
        ], "vectors of n, logits of n K, copies of X if any"
    return {"n": "1", "p": "1 to 2", "K": "0 to 2"}[along], "copies of X with weights, and Hessians"
