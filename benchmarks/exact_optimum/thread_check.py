"""Every library on the same number of threads: held, read back, and refused where it is not so."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

#: loaded first, so that their thread pools exist and can be counted
_MODULES = (
    "numpy",
    "scipy.linalg",
    "sklearn.linear_model",
    "sklearnex.linear_model",
    "glum",
    "statsmodels.api",
)


def hold(n_threads: int, more: Sequence[str] = ()) -> str:
    """Hold BLAS, OpenMP, oneDAL and torch to `n_threads`; say what they use.

    Parameters
    ----------
    n_threads : int
    more : sequence of str
        Modules of the peers at hand, which are loaded too.

    Raises
    ------
    RuntimeError
        A library has another number of threads: its times would not be comparable.
    """
    for name in (*_MODULES, *more):
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    found: dict[str, int] = {}
    try:
        daal: Any = importlib.import_module("daal4py")
    except ImportError:
        daal = None
    if daal is not None:
        daal.daalinit(n_threads)
        found["oneDAL"] = int(daal.num_threads())
    if "torch" in sys.modules:
        torch: Any = sys.modules["torch"]
        torch.set_num_threads(n_threads)
        found["torch"] = int(torch.get_num_threads())
    try:
        threadpoolctl: Any = importlib.import_module("threadpoolctl")
    except ImportError:
        return "threads of BLAS and OpenMP unknown: threadpoolctl is missing"
    # stays in force: nobody leaves the context
    threadpoolctl.threadpool_limits(limits=n_threads)
    for library in threadpoolctl.threadpool_info():
        found[f"{library['internal_api']} ({library['prefix']})"] = int(library["num_threads"])
    others = {name: count for name, count in found.items() if count != n_threads}
    if others:
        raise RuntimeError(f"every library must use {n_threads} threads; others do: {others}")
    return f"{n_threads} threads each: {', '.join(found)}"
