"""Threads of BLAS and OpenMP, which read their number once: set before NumPy is imported.

Imports nothing but the standard library.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

#: threads where --threads is not given
DEFAULT = "2"
#: what BLAS and OpenMP read, once, when they are loaded
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")


def asked(given: Sequence[str]) -> str:
    """The value of --threads, found before anything that reads it is imported."""
    for index, word in enumerate(given):
        if word.startswith("--threads="):
            return word.partition("=")[2]
        if word == "--threads" and index + 1 < len(given):
            return given[index + 1]
    return DEFAULT


def hold(given: Sequence[str]) -> None:
    """Set the variables for this process and its children, from the arguments of a command."""
    for name in VARIABLES:
        os.environ[name] = asked(given)
