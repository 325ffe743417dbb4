"""The reference of :meth:`sigmax.kernels.interface.Kernels.group_rows`: a dict over the bytes of the rows."""

from __future__ import annotations

import numpy as np

from sigmax.kernels.interface import Float, Index


def group_rows(X: Float, key: Index, index_out: Index, first_out: Index) -> int:
    """Groups of equal rows; see the contract."""
    n = len(X)
    for name, array in (("key", key), ("index_out", index_out)):
        if array.shape != (n,):
            raise ValueError(f"{name} must have shape {(n,)}; got {array.shape}")
    # bytes tell what == tells, but for the two zeros: -0 + 0 = 0
    rows = np.ascontiguousarray(X) + 0.0
    seen: dict[tuple[int, bytes], int] = {}
    for i, k in enumerate(key.tolist()):
        row = (k, rows[i].tobytes())
        if row not in seen:
            if len(seen) == len(first_out):
                return -1
            first_out[len(seen)] = i
            seen[row] = len(seen)
        index_out[i] = seen[row]
    return len(seen)
