"""How many threads, and the one pool that runs them.

Threads run GIL-free kernels on row blocks; no result depends on their number (:mod:`sigmax.passes`).
OpenMP was not chosen: libgomp is not fork-safe, has to be bundled with every wheel, and spins; a Python
pool costs some 15 microseconds a pass, which only work above :data:`SERIAL_FLOPS` ever pays.
"""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

#: below this much arithmetic the calling thread works alone: 45 microseconds of a Hessian pass at 30 columns,
#: 120 of log_expit.  What one row block holds stays with it too, and in both of these a second block comes
#: later: at 30 columns after 380 microseconds.  Two threads begin to pay there: with the rows in four blocks
#: they took 1.1 times as long at 8,000 rows (190 microseconds, 9 MFLOP), 0.85 at 16,000, 0.62 at 32,000 (AMD
#: EPYC, 2 CPUs; benchmarks/kernels_at_the_limit --lines 5).  So this number decides only for passes that do
#: little but read: at 2 flops a number it is 8 MB.
SERIAL_FLOPS = 2_000_000

_MAX_WORKERS = 256
_pool: ThreadPoolExecutor | None = None


def _cgroup_cpus() -> float:
    """CPUs granted by the control group (v2, then v1), inf without a limit."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()[:2]
        return float("inf") if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        base = Path("/sys/fs/cgroup/cpu")
        quota_us = int((base / "cpu.cfs_quota_us").read_text())
        period_us = int((base / "cpu.cfs_period_us").read_text())
        return quota_us / period_us if quota_us > 0 else float("inf")
    except (OSError, ValueError):
        return float("inf")


@functools.cache
def _machine() -> int:
    """CPUs this process may use: affinity mask and control group, at least 1."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, round(min(cpus, _cgroup_cpus())))


def resolve(n_threads: int | None = None) -> int:
    """Number of threads to use.

    Parameters
    ----------
    n_threads : int, optional
        None: ``SIGMAX_NUM_THREADS``, else ``OMP_NUM_THREADS`` (which process pools set in their workers),
        else the CPUs this process may use.

    Raises
    ------
    ValueError
        Not a whole number of at least 1.
    """
    if n_threads is not None:
        count = operator.index(n_threads) if _is_whole(n_threads) else 0
        if count < 1:
            raise ValueError(f"n_threads must be a whole number of at least 1; got {n_threads!r}")
        return min(count, _MAX_WORKERS)
    for name in ("SIGMAX_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "").split(",")[0].strip()
        if not value:
            continue
        if value.isdecimal() and int(value) >= 1:
            return min(int(value), _MAX_WORKERS)
        if name == "SIGMAX_NUM_THREADS":
            raise ValueError(f"{name} must be a whole number of at least 1; got {value!r}")
    return _machine()


def _is_whole(value: object) -> bool:
    try:
        operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return False
    return not isinstance(value, bool)


def useful(n_threads: int, flops: float, *, shared: bool = True) -> int:
    """`n_threads`, or 1 where the work is too small to share, or `shared` says that it cannot be."""
    return n_threads if shared and flops >= SERIAL_FLOPS else 1


def submit(work: Callable[[], None], copies: int) -> list[Future[None]]:
    """Start `copies` calls of `work` in the pool; there may be fewer threads than copies."""
    global _pool
    if copies <= 0:
        return []
    if _pool is None:
        _pool = ThreadPoolExecutor(_MAX_WORKERS, thread_name_prefix="sigmax")
    started: list[Future[None]] = []
    for _ in range(copies):
        try:
            started.append(_pool.submit(work))
        except RuntimeError:  # the interpreter is shutting down: no more threads, the caller does the rest
            break
    return started


def _forget_pool() -> None:
    """A forked child has no threads: it makes its own pool when it needs one."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
