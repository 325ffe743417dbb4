"""Labels of classes and groups in a file: as an array, or as JSON where NumPy holds objects.

Labels of type object are saved where each is a str, an int, a finite float or a truth value; any other
object could come back only as code.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.archive import Damaged
from sigmax.data.checks import plural
from sigmax.data.labels import missing
from sigmax.inference.stored.fields import Fields

#: NumPy's kinds of dtype that go into the file as they are
_PLAIN = "biufcmMSU"
#: bytes of a number at most: long double differs between machines
_WIDEST = {"f": 8, "c": 16}


def pack(name: str, labels: npt.NDArray[np.generic], arrays: dict[str, npt.NDArray[np.generic]]) -> Any:
    """What the header says of labels; adds their array, `name`, where it can be one.

    Raises
    ------
    ValueError
        Labels that are none of text, numbers, truth values and times.
    """
    kind = labels.dtype.kind
    if kind in _PLAIN and labels.dtype.itemsize <= _WIDEST.get(kind, labels.dtype.itemsize):
        arrays[name] = labels
        return {"kind": "array"}
    if kind == "T":
        return {"kind": "string", "values": labels.tolist()}
    values = [one.item() if isinstance(one, np.generic) else one for one in labels.tolist()]
    strange = [
        i for i, one in enumerate(values) if not (type(one) in (str, bool, int) or _is_finite_float(one))
    ]
    if kind != "O" or strange:
        first = values[strange[0] if strange else 0]
        raise ValueError(
            f"{name} cannot be saved: {plural(len(strange) or len(values), 'label')} of another type than "
            f"text, number, truth value or time, the first {first!r} of type {type(first).__name__}; fit "
            "with labels that are"
        )
    return {"kind": "object", "values": values}


def unpack(name: str, fields: Fields, length: int | None = None) -> npt.NDArray[np.generic]:
    """Labels, shape (length,); none is missing."""
    kind = fields.one_of("kind", ("array", "string", "object"))
    if kind == "array":
        found = fields.any_array(name)
        if found.ndim != 1 or (length is not None and len(found) != length):
            raise Damaged(f"its array {name!r} must have shape ({length or 'any'},); it has {found.shape}")
    else:
        values = fields.items("values", length)
        allowed = (str,) if kind == "string" else (str, bool, int, float)
        if any(type(one) not in allowed for one in values):
            raise fields.refuse("values", "a list of labels")
        if kind == "object":
            found = np.empty(len(values), object)
            found[:] = values
        else:
            found = np.array(values, dtype=np.dtypes.StringDType())
    fields.end()
    if missing(found).any():
        raise Damaged(f"its {name} have a missing label")
    return found


def _is_finite_float(value: object) -> bool:
    return type(value) is float and math.isfinite(value)
