"""Parts of a result in a file: dependent columns, separated classes, the models it is measured against."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.archive import Damaged
from sigmax.data.missing import Dropped
from sigmax.existence.separation import Separation
from sigmax.identification.rank import Dependence
from sigmax.inference.baseline import Baseline
from sigmax.inference.roots import Root
from sigmax.inference.stored import certificates
from sigmax.inference.stored.fields import Fields, number

Arrays = dict[str, npt.NDArray[np.generic]]


# -- dependent columns -------------------------------------------------------------------------------


def pack_dependence(found: Dependence, arrays: Arrays) -> dict[str, Any]:
    """What the header says of columns that depend on those before them; adds their arrays."""
    arrays["dependence.aliased"] = found.aliased
    arrays["dependence.combinations"] = found.combinations
    arrays["dependence.clear"] = found.clear
    return {"reads": int(found.reads)}


def unpack_dependence(fields: Fields, k: int) -> Dependence:
    """The dependence of `k` columns."""
    gone = fields.array("dependence.aliased", np.bool_, (k,))
    shape = (int(gone.sum()), int((~gone).sum()))
    combinations = fields.array("dependence.combinations", np.float64, shape)
    if 0 in shape or not np.isfinite(combinations).all():
        raise Damaged(
            "its array 'dependence.combinations' must be finite, with a row for each dependent column"
        )
    clear = fields.array("dependence.clear", np.bool_, shape)
    found = Dependence(gone, combinations, clear, fields.whole("reads", 0))
    fields.end()
    return found


# -- separated classes -------------------------------------------------------------------------------


def pack_separation(found: Separation, arrays: Arrays) -> dict[str, Any]:
    """What the header says of separated classes; adds their arrays."""
    for name in ("direction", "infinite", "undetermined", "finite"):
        arrays[f"separation.{name}"] = getattr(found, name)
    arrays["separation.rows"] = found.rows.astype(np.int64)
    return {
        "kind": found.kind,
        "note": found.note,
        "base": int(found.base),
        "exact_direction": [f"{one:x}" for one in found.exact_direction],
        "null": [[f"{one:x}" for one in vector] for vector in found.null],
        "certificate": None
        if found.certificate is None
        else certificates.pack("separation.certificate", found.certificate, arrays),
    }


def unpack_separation(fields: Fields, shape: tuple[int, ...], n_classes: int) -> Separation:
    """The separation of classes, of parameters of a shape."""
    size = int(np.prod(shape))
    infinite = fields.array("separation.infinite", np.int8, shape)
    rows = fields.array("separation.rows", np.int64, (None,))
    if (np.abs(infinite) > 1).any():
        raise Damaged("its array 'separation.infinite' must hold -1, 0 and 1")
    if (rows < 0).any() or (np.diff(rows) <= 0).any():
        raise Damaged("its array 'separation.rows' must hold rising numbers of rows")
    direction = fields.array("separation.direction", np.float64, shape)
    if not np.isfinite(direction).all():
        raise Damaged("its array 'separation.direction' must be finite")
    vectors = fields.items("null")
    whole = [
        Fields({"null": one}, "separation", {}, strict=True).whole_numbers("null", size) for one in vectors
    ]
    certificate = None
    if fields.raw("certificate") is not None:
        inner = fields.inner("certificate")
        bound = fields.any_array("separation.certificate.error_bound")
        # of the classes and columns that were fitted, which are fewer
        if bound.ndim not in (1, 2):
            raise Damaged("its array 'separation.certificate.error_bound' must be a vector or a matrix")
        certificate = certificates.unpack("separation.certificate", inner, (None,) * bound.ndim)
    found = Separation(
        kind=fields.one_of("kind", ("complete", "quasi")),
        direction=direction,
        exact_direction=fields.whole_numbers("exact_direction", size),
        infinite=infinite,
        undetermined=fields.array("separation.undetermined", np.bool_, shape),
        rows=rows.astype(np.intp),
        certificate=certificate,
        note=fields.text("note"),
        finite=fields.array("separation.finite", np.float64, shape),
        null=tuple(whole),
        base=fields.whole("base", 0, n_classes),
    )
    fields.end()
    return found


# -- rows that were left out -------------------------------------------------------------------------


def pack_dropped(found: Dropped, arrays: Arrays) -> dict[str, Any]:
    """What the header says of rows with missing values that were left out; adds their positions."""
    arrays["dropped.rows"] = found.rows.astype(np.int64)
    return {
        "n_given": int(found.n_given),
        "columns": list(found.by_column),
        "missing": [int(one) for one in found.by_column.values()],
    }


def unpack_dropped(fields: Fields) -> Dropped:
    """Rows that were left out."""
    rows = fields.array("dropped.rows", np.int64, (None,))
    n_given = fields.whole("n_given", 1)
    columns = fields.texts("columns")
    missing = {str(i): one for i, one in enumerate(fields.items("missing", len(columns)))}
    each = Fields(missing, "missing", {}, strict=True)
    counts = [each.whole(key, 1, n_given + 1) for key in missing]
    if not len(rows) or (rows < 0).any() or (rows >= n_given).any() or (np.diff(rows) <= 0).any():
        raise Damaged("its array 'dropped.rows' must hold rising numbers of rows")
    if len(set(columns)) < len(columns):
        raise Damaged("its columns with missing values have a name twice")
    fields.end()
    return Dropped(len(rows), rows.astype(np.intp), dict(zip(columns, counts, strict=True)), n_given)


# -- null and saturated model, and the root of the covariance ----------------------------------------


def pack_baseline(found: Baseline) -> dict[str, Any]:
    """What the header says of the null and the saturated model."""
    return {
        "null": number(found.null),
        "n_null": int(found.n_null),
        "saturated": number(found.saturated),
        "totals": [number(one) for one in found.totals],
        "weighted": bool(found.weighted),
    }


def unpack_baseline(fields: Fields, n_classes: int) -> Baseline:
    """Null and saturated model."""
    totals = {str(i): one for i, one in enumerate(fields.items("totals", n_classes))}
    each = Fields(totals, "totals", {}, strict=True)
    found = Baseline(
        null=fields.number("null"),
        n_null=fields.whole("n_null", 0, n_classes),
        saturated=fields.number("saturated"),
        totals=tuple(each.number(key, finite=True, least=0.0) for key in totals),
        weighted=fields.truth("weighted"),
    )
    fields.end()
    return found


def pack_root(root: Root, arrays: Arrays) -> dict[str, Any]:
    """What the header says of R = (I (x) T) B; adds its arrays."""
    arrays["root.b"] = root.B
    if root.T is not None:
        arrays["root.t"] = root.T
    return {"has_t": root.T is not None}


def unpack_root(fields: Fields, n_logits: int, width: int) -> Root:
    """R of `n_logits` times `width` parameters."""
    T = fields.array("root.t", np.float64, (width, width)) if fields.truth("has_t") else None
    fields.end()
    return Root(T, fields.array("root.b", np.float64, (n_logits * width, None)))
