"""What the machine and the installation are: nothing is timed here.

What the system does not tell is None.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sigmax import kernels, threads


def last_level_cache(n_threads: int = 1, *, system: Path = Path("/sys/devices/system/cpu")) -> int | None:
    """Bytes of last-level cache that `n_threads` threads can fill at once.

    Parameters
    ----------
    n_threads : int
        A machine with several last-level caches lends one to each thread at most.
    system : Path
        Where Linux describes the CPUs.

    Returns
    -------
    int or None
        None where the system does not tell.
    """
    found: dict[tuple[int, str], int] = {}  # (level, CPUs that share it) -> bytes
    for cache in system.glob("cpu[0-9]*/cache/index[0-9]*"):
        try:
            if (cache / "type").read_text().strip() == "Instruction":
                continue
            level = int((cache / "level").read_text())
            shared = (cache / "shared_cpu_list").read_text().strip()
            size = (cache / "size").read_text().strip()
            unit = {"K": 2**10, "M": 2**20, "G": 2**30}.get(size[-1:])
            found[level, shared] = int(size[:-1]) * unit if unit else int(size)
        except (OSError, ValueError):  # an entry that is missing or says something else
            continue
    if not found:
        return None
    last = max(level for level, _ in found)
    sizes = sorted((size for (level, _), size in found.items() if level == last), reverse=True)
    return sum(sizes[: max(n_threads, 1)]) or None


def memory(limit: Path = Path("/sys/fs/cgroup/memory.max")) -> int | None:
    """Bytes of memory of the machine, or what a container may use of them; None where nobody tells.

    Parameters
    ----------
    limit : Path
        Where Linux tells about the container.
    """
    known = []
    with contextlib.suppress(AttributeError, OSError, ValueError):
        known.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError):  # no container, or "max"
        known.append(int(limit.read_text()))
    return min((count for count in known if count > 0), default=None)


def cpu_model(file: Path = Path("/proc/cpuinfo")) -> str:
    """Name of the processor, as far as the system tells it."""
    named = _entry(file, "model name")
    return named or platform.processor() or platform.machine() or "unknown CPU"


def virtual(file: Path = Path("/proc/cpuinfo")) -> bool | None:
    """Whether a hypervisor shares the machine out: x86 says so, other processors do not tell."""
    flags = _entry(file, "flags")
    return None if flags is None else "hypervisor" in flags.split()


def _entry(file: Path, name: str) -> str | None:
    """The first one of that name in /proc/cpuinfo."""
    try:
        for line in file.read_text().splitlines():
            if line.startswith(name):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return None


def blas() -> list[dict[str, Any]] | None:
    """The libraries that do linear algebra: each once, whoever brought it.

    Returns
    -------
    list of dict, or None
        library, version : str or None
        threads : int or None
            That it uses when it is not told; None where that is unknown.
        architecture : str or None
            The kernels that it chose for this processor.

        What is loaded, where threadpoolctl is installed; else what NumPy was built with.
    """
    keys = {"library": "internal_api", "version": "version", "threads": "num_threads"}
    keys["architecture"] = "architecture"
    try:
        loaded = importlib.import_module("threadpoolctl").threadpool_info()
    except ImportError:
        loaded = []
    found: list[dict[str, Any]] = []
    for one in loaded:
        described = {key: one.get(theirs) for key, theirs in keys.items()}
        # NumPy and SciPy may have brought one each
        if one.get("user_api") == "blas" and described not in found:
            found.append(described)
    return found or _built_with()


def _built_with() -> list[dict[str, Any]] | None:
    """BLAS as NumPy's build knows it."""
    try:
        known = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        name, version = known["name"], known["version"]
    except (KeyError, TypeError):
        return None
    return [{"library": name, "version": version, "threads": None, "architecture": None}]


def environment() -> dict[str, Any]:
    """What figures of this run depend on, ready for JSON.

    What changes while it runs, such as the load, is that of :mod:`sigmax.bench.conditions`.

    Returns
    -------
    dict
        python, numpy, scipy, sigmax : str
            Versions.
        cpu, platform : str
        release : str
            Of the kernel of the operating system.
        virtual : bool or None
            Whether this is a virtual machine.
        cpus : int
            CPUs of the machine.
        usable_cpus : int
            Threads that sigmax uses when it is not told: affinity, control group and environment.
        memory_bytes : int or None
            Of the machine, or what a container may use of them.
        cache_bytes : int or None
            One last-level cache.
        blas : list of dict, or None
            See `blas`: libraries, versions, threads.
        isa : dict of str to str
            The instruction set of each backend that works here, fastest backend first.
        why_not_compiled : str
            Empty where the compiled backend works.
    """
    import scipy

    import sigmax

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "sigmax": sigmax.__version__,
        "cpu": cpu_model(),
        "platform": f"{platform.system()} {platform.machine()}",
        "release": platform.release(),
        "virtual": virtual(),
        "cpus": os.cpu_count() or 1,
        "usable_cpus": threads.resolve(),
        "memory_bytes": memory(),
        "cache_bytes": last_level_cache(),
        "blas": blas(),
        "isa": {name: kernels.get(name).ISA for name in kernels.available()},
        "why_not_compiled": kernels.why_not_compiled(),
    }


def text(e: Mapping[str, Any]) -> str:
    """`environment()` for readers: the machine, versions, BLAS, and why there is one backend alone."""
    cache, bytes_of_memory = e["cache_bytes"], e["memory_bytes"]
    about = [
        f"{e['cpu']}, {e['cpus']} CPUs{' of a virtual machine' if e['virtual'] else ''}",
        f"last-level cache {cache / 2**20:.0f} MiB" if cache else "cache size unknown",
        f"{bytes_of_memory / 2**30:.1f} GiB of memory" if bytes_of_memory else "memory size unknown",
        f"{e['platform']} {e['release']}",
    ]
    backends = ", ".join(f"{name} (ISA {isa})" for name, isa in e["isa"].items())
    versions = f"Python {e['python']}, NumPy {e['numpy']}, SciPy {e['scipy']}"
    lines = [
        ", ".join(about),
        f"sigmax {e['sigmax']}, backends: {backends}; {versions}",
        "BLAS: " + ("; ".join(map(_blas_text, e["blas"])) if e["blas"] else "unknown"),
    ]
    if e["why_not_compiled"]:
        lines.append(f"only the reference backend: {e['why_not_compiled']}")
    return "\n".join(lines)


def _blas_text(one: Mapping[str, Any]) -> str:
    said = f"{one['library']} {one['version'] or 'of unknown version'}"
    said += f" ({one['architecture']})" if one["architecture"] else ""
    return said if one["threads"] is None else f"{said}, {threads_text(one['threads'])}"


def threads_text(n_threads: int) -> str:
    """Text such as "1 thread", "2 threads"."""
    return "1 thread" if n_threads == 1 else f"{n_threads} threads"
