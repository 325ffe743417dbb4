"""The same numbers in memory in every way that NumPy knows, small blocks, and what SciPy to compare with."""

from __future__ import annotations

from contextlib import contextmanager
from unittest import mock

import numpy as np
import scipy

from sigmax import threads
from sigmax.functions import arrays

#: SciPy's dtypes of small integers and float16, and its empty sums, were others before
SCIPY_IS_RECENT = tuple(int(part) for part in scipy.__version__.split(".")[:2]) >= (1, 17)


def _transposed(x):
    """Axes in memory in the reverse order, with one in the middle moved: neither C nor Fortran."""
    order = (*range(1, x.ndim), 0)
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


def _strided(x):
    wide = np.full([2 * size + 1 for size in x.shape], np.nan, x.dtype)
    view = wide[tuple(slice(1, None, 2) for _ in x.shape)]
    view[...] = x
    return view


def _reversed(x):
    backwards = tuple(slice(None, None, -1) for _ in x.shape)
    return x[backwards].copy()[backwards]


def _read_only(x):
    copy = x.copy()
    copy.flags.writeable = False
    return copy


def _unaligned(x):
    raw = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:]
    return raw.view(x.dtype).reshape(x.shape)


def _field(x, pad):
    """A field of packed records: steps that are no multiple of the item, with an odd start."""
    records = np.zeros(x.shape, [("pad", pad), ("value", x.dtype)])
    records["value"] = x
    return records["value"]


#: name -> the numbers of a float64 array, equal in shape and value
LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "transposed": _transposed,
    "strided": _strided,
    "negative steps": _reversed,
    "read-only": _read_only,
    "unaligned": _unaligned,
    "field, step 9": lambda x: _field(x, "u1"),
    "field, step 12": lambda x: _field(x, "u4"),
    "field, step 16": lambda x: _field(x, "u8"),
    "big-endian": lambda x: x.astype(">f8"),
    "longdouble": lambda x: x.astype(np.longdouble),
    "nested lists": lambda x: x.tolist(),
}
#: those an `out` can have
WRITEABLE = tuple(
    name for name in LAYOUTS if name not in ("read-only", "unaligned", "longdouble", "nested lists")
)


@contextmanager
def small_blocks(elements=24, call=6):
    """Blocks of a few numbers, shared between threads however small, on either backend."""
    from sigmax import kernels

    twin = kernels.get("reference")
    with (
        mock.patch.object(arrays, "BLOCK", elements),
        mock.patch.object(arrays, "_SMALLEST_CALL", call),
        mock.patch.object(threads, "SERIAL_FLOPS", 0),
        mock.patch.object(twin, "THREADED", True),
    ):
        yield
