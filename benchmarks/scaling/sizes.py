"""Which sizes a series goes through, and their data: in one parameter, the others fixed.

    n         10,000 to 10,000,000 rows of 20 columns: the first rows of one table
    p         5 to 2,000 columns, 50,000 rows
    K         2 to 100 classes, 50,000 x 20
    threads   1 to the CPUs that this process may use, 2 at least, 1,000,000 x 50

Rows are halved until COPIES 8 n p <= memory / 4 (`specs.fitting_rows`): X, a copy with weights that a peer
makes, and what else.  Along n that changes a size; along the others all points have the rows that the largest
one can have.  Points with fewer than `ROWS` rows a parameter are left out: the estimate need not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import problems
from problems import Problem, Spec
from specs import fitting_rows, memory

from sigmax import threads

#: copies of X that must fit into a quarter of the memory
COPIES = 3
#: rows for each parameter, at least
ROWS = 8
#: fewest rows that --most-rows may leave
LEAST = 10_000

ALONG = ("n", "p", "K", "threads")
#: of the parameters that a series holds fixed, and the sizes it goes through
FIXED = {
    "n": {"p": 20, "K": 2},
    "p": {"n": 50_000, "K": 2},
    "K": {"n": 50_000, "p": 20},
    "threads": {"n": 1_000_000, "p": 50, "K": 2},
}
THROUGH = {
    "n": (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000),
    "p": (5, 10, 20, 50, 100, 200, 500, 1_000, 2_000),
    "K": (2, 3, 5, 10, 20, 50, 100),
}
_TINY_FIXED = {
    "n": {"p": 3, "K": 2},
    "p": {"n": 2_000, "K": 2},
    "K": {"n": 2_000, "p": 3},
    "threads": {"n": 4_000, "p": 4, "K": 2},
}
_TINY_THROUGH = {"n": (500, 1_000, 2_000, 4_000, 8_000), "p": (2, 3, 4, 6, 8), "K": (2, 3, 4, 5, 6)}

#: of the series of memory, each size a process of its own
MEMORY_FIXED = FIXED | {"p": {"n": 20_000, "K": 2}}
MEMORY_THROUGH = {
    "n": THROUGH["n"][2:],
    "p": (20, 50, 100, 200, 500, 1_000, 2_000),
    "K": (2, 5, 10, 20, 50, 100),
}
_TINY_MEMORY = {"n": (1_000, 2_000), "p": (4,), "K": (3,)}


@dataclass(frozen=True)
class Size:
    """A point of a series.

    Attributes
    ----------
    x : int
        What the series goes along: one of the others.
    n, p, K, threads : int
    """

    x: int
    n: int
    p: int
    K: int
    threads: int


@dataclass(frozen=True)
class Plan:
    """The points of a series, in ascending order.

    Attributes
    ----------
    along : str
    sizes : tuple of Size
    remarks : tuple of str
        What is not as it was asked for, and why.
    """

    along: str
    sizes: tuple[Size, ...]
    remarks: tuple[str, ...] = ()

    @property
    def fixed(self) -> dict[str, int]:
        """What all points share."""
        names = [name for name in ("n", "p", "K", "threads") if name != self.along]
        return {name: getattr(self.sizes[0], name) for name in names}


def usable() -> int:
    """CPUs that this process may use; `threads.resolve` would tell what the command has set for BLAS."""
    return threads._machine()


def counts(most: int) -> tuple[int, ...]:
    """1 to 8 threads, 16, 32 ... and `most`, which is 2 at least."""
    most = max(most, 2)
    doubled = [2**e for e in range(4, most.bit_length())]
    return tuple(sorted({*range(1, min(most, 8) + 1), *doubled, most}))


def plan(
    along: str,
    n_threads: int,
    *,
    tiny: bool = False,
    most_rows: int | None = None,
    peak: bool = False,
    bytes_of_memory: int | None = None,
) -> Plan:
    """The points of a series.

    Parameters
    ----------
    along : {"n", "p", "K", "threads"}
    n_threads : int
        Of series along the others.
    tiny : bool
        Sizes of the tests.
    most_rows : int, optional
        More rows than these are not used, whatever the memory.
    peak : bool
        Whether it is the series of memory.
    bytes_of_memory : int, optional
        Of the machine where not given.
    """
    room = memory() if bytes_of_memory is None else bytes_of_memory
    fixed = (_TINY_FIXED if tiny else MEMORY_FIXED if peak else FIXED)[along]
    through: Sequence[int]
    if along == "threads":
        through = counts(usable())
    elif peak:
        through = (_TINY_MEMORY if tiny else MEMORY_THROUGH)[along]
    else:
        through = (_TINY_THROUGH if tiny else THROUGH)[along]
    asked = [Size(**({"threads": n_threads} | fixed | {along: x, "x": x})) for x in through]
    return _reduced(along, asked, room, most_rows)


def _reduced(along: str, asked: Sequence[Size], room: int, most_rows: int | None) -> Plan:
    """With the rows that memory and --most-rows leave."""
    remarks: list[str] = []
    fitting = [size for size in asked if _rows(size, room)]
    remarks += [f"{along} = {size.x:,} left out: memory" for size in asked if size not in fitting]
    common = min((_rows(size, room) for size in fitting), default=0)
    kept: dict[int, Size] = {}
    for size in fitting:
        n = _rows(size, room) if along == "n" else common
        if n < size.n:
            remarks.append(f"{size.n:,} rows became {n:,}: memory of {room / 2**30:.1f} GiB")
        if most_rows is not None and n > most_rows:
            remarks.append(f"{n:,} rows became {most_rows:,}: --most-rows")
            n = most_rows
        if n < ROWS * (size.K - 1) * (1 + size.p):
            remarks.append(f"{along} = {size.x:,} left out: {n:,} rows are fewer than {ROWS} a parameter")
            continue
        one = replace(size, n=n, x=n if along == "n" else size.x)
        kept[one.x] = one
    return Plan(along, tuple(kept[x] for x in sorted(kept)), tuple(dict.fromkeys(remarks)))


def _rows(size: Size, room: int) -> int:
    """That fit; 0 where too few do."""
    try:
        return fitting_rows(size.n, size.p, room, copies=COPIES)
    except ValueError:
        return 0


def spec(size: Size) -> Spec:
    """The problem of that size, by its name."""
    return Spec(f"scaling_{size.n}x{size.p}x{size.K}", size.n, size.p, size.K)


def data(asked: Plan) -> list[Problem]:
    """The problem of each point.  Where p and K are the same, all are the first rows of one table."""
    if asked.along in ("p", "K"):
        return [problems.make(spec(size)) for size in asked.sizes]
    whole = problems.make(spec(max(asked.sizes, key=lambda size: size.n)))
    return [
        Problem(replace(whole.spec, n=size.n), whole.X[: size.n], whole.y[: size.n]) for size in asked.sizes
    ]
