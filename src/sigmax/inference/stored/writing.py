"""A result as a header and arrays: what stays with it without its data."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sigmax import archive
from sigmax.inference.stored import certificates, labels, parts
from sigmax.inference.stored.fields import number
from sigmax.inference.uncertainty import Uncertainty
from sigmax.version import __version__

if TYPE_CHECKING:
    from sigmax.inference.many import FitMany

Arrays = dict[str, npt.NDArray[np.generic]]

#: what a file of sigmax says of itself
FORMAT = "sigmax"
#: one more where a reader of the version before would misread a file; the reader refuses what is newer
VERSION = 1
#: one more where something is added that such a reader may ignore
MINOR = 0


def _header(kind: str, content: dict[str, Any]) -> archive.Header:
    return {
        "format": {"name": FORMAT, "version": VERSION, "minor": MINOR, "written_by": __version__},
        "kind": kind,
        kind: content,
    }


# -- one fit -----------------------------------------------------------------------------------------


def save_result(result: Uncertainty, path: str | os.PathLike[str]) -> None:
    """Write a result to a file; see :meth:`sigmax.inference.exports.Exported.save`."""
    arrays: Arrays = {}
    content = pack_result(result._source, arrays)
    content["shown"] = _shown(result)
    archive.write(path, _header("result", content), arrays)


def _shown(result: Uncertainty) -> dict[str, Any]:
    """Which parametrisation the result is in; that which was fitted is what is written."""
    if result._origin is None:
        return {"as": "fitted"}
    return {"as": "symmetric"} if result._base is None else {"as": "rebased", "reference": result._base}


def pack_result(result: Uncertainty, arrays: Arrays) -> dict[str, Any]:
    """What the header says of a result as it was fitted; adds its arrays."""
    result._compute()
    arrays["params"] = result.params
    arrays["covariance"] = result.covariance
    root, found, gone = result._root_to_keep(), result.separation, result.dependence
    baseline, terms, dropped = result._baseline, result.terms, result.dropped
    penalised = result.penalised_llf
    return {
        "classes": labels.pack("classes", result.classes, arrays),
        "param_names": list(result.param_names),
        "fit_intercept": bool(result.fit_intercept),
        "has_offset": bool(result.has_offset),
        "reference": result._base,
        "llf": number(result.llf),
        "nobs": number(result.nobs),
        "l2": number(result.l2),
        "weight_type": result.weight_type,
        "covariance_kind": result.covariance_kind,
        "n_clusters": None if result.n_clusters is None else int(result.n_clusters),
        "collinear": result.collinear,
        "bias_reduction": result.bias_reduction,
        "penalised_llf": None if penalised is None else number(penalised),
        "backend": result.backend,
        "isa": result.isa,
        "n_threads": int(result.n_threads),
        "certificate": certificates.pack("certificate", result.certificate, arrays),
        "root": None if root is None else parts.pack_root(root, arrays),
        "dependence": None if gone is None else parts.pack_dependence(gone, arrays),
        "separation": None if found is None else parts.pack_separation(found, arrays),
        "baseline": None if baseline is None else parts.pack_baseline(baseline),
        "dropped": None if dropped is None else parts.pack_dropped(dropped, arrays),
        "terms": None if terms is None else terms.state(),
    }


# -- many fits ---------------------------------------------------------------------------------------

#: arrays of a :class:`FitMany`, their dtype, and whether they have the shape of its parameters
OF_MANY: dict[str, tuple[type[np.generic], bool]] = {
    "params": (np.float64, True),
    "bse": (np.float64, True),
    "llf": (np.float64, False),
    "nobs": (np.float64, False),
    "l2": (np.float64, False),
    "iterations": (np.int64, False),
    "converged": (np.bool_, False),
    "newton_decrement": (np.float64, False),
    "error_bound": (np.float64, False),
}


def save_many(fits: FitMany, path: str | os.PathLike[str]) -> None:
    """Write many fits to a file; see :meth:`sigmax.inference.many.FitMany.save`."""
    arrays: Arrays = {name: getattr(fits, name).astype(dtype) for name, (dtype, _) in OF_MANY.items()}
    # some sentences, and which of them each fit has
    reasons = list(dict.fromkeys(fits.reason))
    place = {reason: i for i, reason in enumerate(reasons)}
    arrays["reason"] = np.array([place[reason] for reason in fits.reason], np.int64)
    content = {
        "classes": labels.pack("classes", fits.classes, arrays),
        "groups": None if fits.groups is None else labels.pack("groups", fits.groups, arrays),
        "reasons": reasons,
        "param_names": list(fits.param_names),
        "fit_intercept": bool(fits.fit_intercept),
        "backend": fits.backend,
        "isa": fits.isa,
        "n_threads": int(fits.n_threads),
    }
    archive.write(path, _header("many", content), arrays)
