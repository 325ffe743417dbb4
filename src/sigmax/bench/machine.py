"""The machine: what it is, and how fast it reads memory and multiplies matrices at this moment.

No time means anything alone.  A pass over the rows cannot be faster than reading its bytes once, nor than
doing its multiplications and additions, so both rates are measured in the same run as the times they are
compared with, on the same number of threads.

Read bandwidth
    Threads read one float64 array, at least four times the last-level cache, through
    ``np.maximum.reduce``: it releases the GIL, touches each byte once, writes nothing and uses no BLAS,
    whose own threads would have to be kept out.  Its arithmetic is no obstacle: from cache it runs two to
    three times as fast as from memory (`Rate.how` gives the figure of the run).  Where it read 33 GB/s,
    ``np.sum`` read 18 and ``zlib.crc32`` 6; ``np.dot`` read 34, but belongs to BLAS.
DGEMM rate
    ``np.matmul`` of two square float64 matrices, 2 n^3 flops, BLAS held to the threads asked for.
"""

from __future__ import annotations

import contextlib
import importlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sigmax.bench.environment import environment as environment
from sigmax.bench.environment import last_level_cache as last_level_cache
from sigmax.bench.environment import memory as memory
from sigmax.bench.environment import threads_text as threads_text
from sigmax.kernels import Float

#: size of the array that is read, in last-level caches: at most a quarter of it can still be cached
_CACHES = 4
#: bytes to assume for the last-level cache where the system does not tell; few machines have more
_USUAL_CACHE = 64 * 2**20
#: bytes of memory to assume where the system does not tell: a usual laptop's
_USUAL_MEMORY = 8 * 2**30
#: bytes to read at most, however large the caches are
_LARGEST_ARRAY = 2 * 2**30
#: float64 numbers in the array that is read from cache: 256 KiB, which second-level caches hold
_CACHED = 2**15
#: reading from cache must be faster than from memory by this factor, or the loop is the limit
_CLEARLY_FASTER = 1.2
#: duration to aim at for one matrix product, in seconds, and the orders to choose from
_PRODUCT_SECONDS = 0.1
_SMALLEST_ORDER, _LARGEST_ORDER = 512, 4096


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate of the machine, measured several times.

    Attributes
    ----------
    best : float
        The highest of the repeats, in `unit`: a limit is what the machine can do undisturbed.
    median : float
        Their median, in `unit`: what it did while it was measured.
    spread : float
        (max - min) / median of the repeats.
    unit : str
        "GB/s" or "GFLOP/s", with G = 1e9.
    n_threads : int
        Threads asked for.
    how : str
        What was measured, in one sentence without a full stop.
    """

    best: float
    median: float
    spread: float
    unit: str
    n_threads: int
    how: str

    def __str__(self) -> str:
        return f"{self.best:.3g} {self.unit}"


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _rate(work: float, call: Callable[[], object], repeats: int, unit: str, n_threads: int, how: str) -> Rate:
    """`work` (in 1e9 units) over the times of `call`; the warm-up is the caller's."""
    rates = [work / _seconds(call) for _ in range(repeats)]
    median = statistics.median(rates)
    return Rate(max(rates), median, (max(rates) - min(rates)) / median, unit, n_threads, how)


# -- memory ------------------------------------------------------------------------------------


def beyond_cache(n_threads: int) -> int:
    """Bytes of an array of which the last-level caches of `n_threads` threads hold a quarter at most.

    Less where the caches are very large, or the memory is small.
    """
    wanted = _CACHES * (last_level_cache(n_threads) or _USUAL_CACHE)
    return min(wanted, _LARGEST_ARRAY, (memory() or _USUAL_MEMORY) // 4)


def read_bandwidth(n_threads: int, *, repeats: int = 9) -> Rate:
    """Rate at which `n_threads` threads read memory.

    Parameters
    ----------
    n_threads : int
    repeats : int
        Reads of the whole array, after one that is dropped.

    Returns
    -------
    Rate
        In GB/s.  The array is filled by the calling thread, as the X of a user is.
    """
    cache = last_level_cache(n_threads)
    x = np.ones(beyond_cache(n_threads) // 8)
    in_cache = _read_from_cache()

    times = f"{x.nbytes / cache:.2g} times the cache" if cache else "cache size unknown"
    how = (
        f"np.maximum.reduce over {x.nbytes / 2**20:.0f} MiB of float64 ({times}), best of {repeats}; "
        f"from cache it reads {in_cache:.3g} GB/s a thread"
    )
    with reading(x, n_threads) as read:
        read()
        rate = _rate(x.nbytes / 1e9, read, repeats, "GB/s", n_threads, how)
    if in_cache * n_threads < _CLEARLY_FASTER * rate.best:
        # then memory may be faster than this, and a ratio to it flatters
        rate = replace(rate, how=f"{how}: bound by arithmetic, memory may be faster")
    return rate


@contextlib.contextmanager
def reading(x: Float, n_threads: int) -> Iterator[Callable[[], None]]:
    """A call that reads all of `x`, a C-contiguous array, once, by `n_threads` threads that live as long."""
    # several chunks a thread: one that is held up leaves its chunks to the others
    chunks = np.array_split(x.reshape(-1), 4 * n_threads)
    with ThreadPoolExecutor(n_threads) as pool:

        def read() -> None:
            for _ in pool.map(np.maximum.reduce, chunks):
                pass

        yield read


def _read_from_cache() -> float:
    """GB/s of the same loop where memory does not matter, one thread."""
    x = np.ones(_CACHED)

    def read() -> None:
        for _ in range(200):
            np.maximum.reduce(x)

    read()
    return 200 * x.nbytes / 1e9 / min(_seconds(read) for _ in range(5))


# -- arithmetic --------------------------------------------------------------------------------


@contextlib.contextmanager
def blas_threads(n_threads: int) -> Iterator[int | None]:
    """Hold BLAS to `n_threads` threads, where threadpoolctl is installed and knows the library.

    Yields
    ------
    int or None
        Threads that BLAS uses now; None where nothing could be held.
    """
    try:
        threadpoolctl: Any = importlib.import_module("threadpoolctl")
    except ImportError:
        yield None
        return
    with threadpoolctl.threadpool_limits(limits=n_threads, user_api="blas"):
        used = [
            int(library["num_threads"])
            for library in threadpoolctl.threadpool_info()
            if library["user_api"] == "blas"
        ]
        yield max(used, default=None)


def _order(trial: float, seconds: float) -> int:
    """Order of the matrices whose product takes about `seconds`, where the smallest order took `trial`."""
    wanted = _SMALLEST_ORDER * (seconds / trial) ** (1 / 3)
    return int(min(max(wanted, _SMALLEST_ORDER), _LARGEST_ORDER)) // 64 * 64


def _product(order: int) -> Callable[[], Float]:
    rng = np.random.default_rng(0)
    a, b = rng.random((order, order)), rng.random((order, order))
    out = np.empty((order, order))
    return lambda: np.matmul(a, b, out=out)


def multiplying(seconds: float = _PRODUCT_SECONDS) -> tuple[int, Callable[[], Float]]:
    """Order of two square matrices, and a call that multiplies them in about `seconds`: 2 order^3 flops."""
    trial = _product(_SMALLEST_ORDER)
    order = _order(min(_seconds(trial) for _ in range(4)), seconds)
    return order, _product(order)


def dgemm_rate(n_threads: int, *, repeats: int = 7) -> Rate:
    """Rate at which BLAS multiplies float64 matrices on `n_threads` threads.

    Parameters
    ----------
    n_threads : int
        Without threadpoolctl BLAS uses as many as it likes; `Rate.how` then says "BLAS default".
    repeats : int
        Products, after some that are dropped.

    Returns
    -------
    Rate
        In GFLOP/s, an addition and a multiplication counted each.
    """
    with blas_threads(n_threads) as used:
        order, call = multiplying()
        call()
        held = "BLAS default threads" if used is None else f"{threads_text(used)} of BLAS"
        how = f"np.matmul of float64 {order} x {order}, {held}, best of {repeats}"
        return _rate(2e-9 * order**3, call, repeats, "GFLOP/s", n_threads, how)


def limits(
    n_threads: int, progress: Callable[[str], None] = lambda what: None
) -> tuple[dict[int, Rate], dict[int, Rate]]:
    """Read bandwidth and DGEMM rate, on one thread and on `n_threads`, by number of threads."""
    counts = sorted({1, n_threads})
    bandwidth, dgemm = {}, {}
    for count in counts:
        progress(f"machine: read bandwidth, {threads_text(count)}")
        bandwidth[count] = read_bandwidth(count)
        progress(f"machine: DGEMM rate, {threads_text(count)}")
        dgemm[count] = dgemm_rate(count)
    return bandwidth, dgemm


def better(a: Mapping[int, Rate], b: Mapping[int, Rate]) -> dict[int, Rate]:
    """The better rate for each number of threads: a disturbed limit flatters what is held against it."""
    return {count: max(a[count], b[count], key=lambda rate: rate.best) for count in a}


def attainable(rates: Mapping[int, Rate], n_threads: int) -> Rate:
    """The best of `rates`, which are by number of threads, on up to `n_threads`.

    Threads may stand idle: on a busy machine two that wait for each other can be slower than one.
    """
    allowed = [rate for count, rate in rates.items() if count <= n_threads]
    return max(allowed, key=lambda rate: rate.best)
