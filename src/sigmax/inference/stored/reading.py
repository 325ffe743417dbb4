"""Results from files: everything is checked, nothing is executed."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax import archive
from sigmax.archive import Damaged
from sigmax.data.units import WEIGHT_TYPES
from sigmax.inference.covariances import KINDS
from sigmax.inference.many import FitMany
from sigmax.inference.result import Result
from sigmax.inference.stored import certificates, labels, parts
from sigmax.inference.stored.fields import Fields
from sigmax.inference.stored.writing import FORMAT, MINOR, OF_MANY, VERSION

Arrays = dict[str, npt.NDArray[np.generic]]

#: kind of terms -> module and class that read them
_TERMS = {
    "formula": ("sigmax.data.formulas.formula", "Terms"),
    "columns": ("sigmax.data.tabular.coding", "Coding"),
}


def load(path: str | os.PathLike[str]) -> Result | FitMany:
    """Load what `save` wrote.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    Result or FitMany
        Every number has the bits that it had.  Predictions with their intervals, Wald tests, tables and other
        parametrisations are as before; what needs the data raises a ValueError that says so, as after
        pickling.

    Raises
    ------
    ValueError
        The file is truncated, was changed, is none of sigmax, or was written by a later version in a format
        that this one does not know: the message has the path, and what is wrong.
    OSError
        The file cannot be read.
    ImportError
        The result has a formula, and formulaic is not installed.

    Notes
    -----
    Loading executes nothing of the file: it holds JSON and plain arrays, each with a checksum, no pickle; it
    takes a few times as much memory as the file is long.  A checksum finds accidents.  A file that was
    made to deceive may hold any numbers, but no code.  The layout is described in docs/files.md.

    Examples
    --------
    >>> import os, tempfile, sigmax as sx
    >>> data = sx.datasets.load("spector")
    >>> r = sx.fit(data.X, data.y, names=data.features)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "grades.npz")
    ...     r.save(path)
    ...     again = sx.load(path)
    >>> bool((again.predict_proba(data.X) == r.predict_proba(data.X)).all())
    True
    """
    header, arrays = archive.read(path)
    with archive.naming(path):
        outside = _opened(header, arrays)
        kind = outside.one_of("kind", ("result", "many"))
        inside = outside.inner(kind)
        outside.end()
        found: Result | FitMany = _result(inside) if kind == "result" else _many(inside)
        inside.end_of_arrays()
        return found


def _opened(header: archive.Header, arrays: Arrays) -> Fields:
    """The header, once it is known that its format can be read."""
    said = header.get("format")
    name = said.get("name") if isinstance(said, dict) else None
    if not isinstance(said, dict) or name != FORMAT:
        raise Damaged("it is no file of sigmax: its header does not name the format")
    about = Fields(said, "format", {}, strict=False)
    version = about.whole("version", 1)
    written_by = about.text("written_by")[:40]
    if version > VERSION:
        raise Damaged(
            f"it has format {version}, written by sigmax {written_by}; this version reads format {VERSION} "
            "and older: install a newer sigmax"
        )
    strict = about.whole("minor", 0) <= MINOR
    found = Fields(header, "the top", arrays, strict=strict)
    found.raw("format")
    return found


# -- one fit -----------------------------------------------------------------------------------------


def _result(fields: Fields) -> Result:
    classes = labels.unpack("classes", fields.inner("classes"))
    names = fields.texts("param_names")
    K, k = len(classes), len(names)
    if K < 2 or k < 1:
        raise Damaged(f"it has {K} classes and {k} names of parameters; two and one are the fewest")
    _distinct("classes", classes)
    shape = (k,) if K == 2 else (K - 1, k)
    size = (K - 1) * k
    dependence = None
    if fields.raw("dependence") is not None:
        dependence = parts.unpack_dependence(fields.inner("dependence"), k)
    separation = None
    if fields.raw("separation") is not None:
        separation = parts.unpack_separation(fields.inner("separation"), shape, K)
    root = None
    if fields.raw("root") is not None:
        width = k if dependence is None else dependence.rank
        root = parts.unpack_root(fields.inner("root"), K - 1, width)
    baseline = None
    if fields.raw("baseline") is not None:
        baseline = parts.unpack_baseline(fields.inner("baseline"), K)
    dropped = None
    if fields.raw("dropped") is not None:
        dropped = parts.unpack_dropped(fields.inner("dropped"))
    result = Result(
        params=fields.array("params", np.float64, shape),
        _covariance=fields.array("covariance", np.float64, (size, size)),
        llf=fields.number("llf", finite=separation is None),
        nobs=fields.number("nobs", finite=True, least=0.0),
        classes=classes,
        param_names=names,
        certificate=certificates.unpack("certificate", fields.inner("certificate"), shape),
        fit_intercept=fields.truth("fit_intercept"),
        has_offset=fields.truth("has_offset"),
        l2=fields.number("l2", finite=True, least=0.0),
        backend=fields.one_of("backend", ("compiled", "reference")),
        isa=fields.text("isa"),
        n_threads=fields.whole("n_threads", 1),
        reference=classes[fields.whole("reference", 0, K)],
        dependence=dependence,
        collinear=fields.one_of("collinear", ("alias", "min_norm")),
        separation=separation,
        bias_reduction=fields.maybe("bias_reduction", lambda key: fields.one_of(key, ("firth",))),
        penalised_llf=fields.maybe("penalised_llf", fields.number),
        dropped=dropped,
        terms=_terms(fields, names, fields.truth("fit_intercept")),
        weight_type=fields.one_of("weight_type", WEIGHT_TYPES),
        covariance_kind=fields.one_of("covariance_kind", KINDS),
        n_clusters=fields.maybe("n_clusters", lambda key: fields.whole(key, 2)),
        _baseline=baseline,
        _kept_root=root,
    )
    _check_params(result)
    shown = fields.inner("shown")
    way = shown.one_of("as", ("fitted", "rebased", "symmetric"))
    reference = shown.whole("reference", 0, K) if way == "rebased" else None
    shown.end()
    fields.end()
    if way == "fitted":
        return result
    if result._limit is not None:
        raise shown.refuse("as", "'fitted', of separated classes")
    return result.symmetric() if reference is None else result.rebase(classes[reference])


def _distinct(name: str, values: npt.NDArray[np.generic]) -> None:
    """No label twice."""
    if len(set(values.tolist())) < len(values):
        raise Damaged(f"its {name} have a label twice")


def _check_params(result: Result) -> None:
    """Estimates are numbers but where it is said why they are none."""
    separation, params = result._limit, result.params
    if separation is None:
        known = ~result.aliased
        if separation is None and not np.isfinite(params[known]).all():
            raise Damaged("its array 'params' must be finite: no columns are left out, no classes separated")
    elif separation.base != result._base:
        raise Damaged("its separation is against another class than its parameters")
    elif not separation.note and np.isinf(params)[separation.infinite == 0].any():
        raise Damaged("its array 'params' must be finite where its separation says so")


def _terms(fields: Fields, names: tuple[str, ...], intercept: bool) -> Any:
    """What makes the columns of tables; its own class checks it."""
    state = fields.raw("terms")
    if state is None:
        return None
    kind = state.get("kind") if isinstance(state, dict) else None
    if not isinstance(kind, str) or kind not in _TERMS:
        raise fields.refuse("terms", f"null, or an object of kind {' or '.join(map(repr, _TERMS))}")
    module, name = _TERMS[kind]
    try:
        found = getattr(importlib.import_module(module), name).of_state(state)
    except ValueError as error:
        raise Damaged(f"its terms are not those of a fit: {error}") from None
    if found.intercept != intercept or tuple(found.names) != names[int(intercept) :]:
        raise Damaged("its terms make other columns than its parameters belong to")
    return found


# -- many fits ---------------------------------------------------------------------------------------


def _many(fields: Fields) -> FitMany:
    classes = labels.unpack("classes", fields.inner("classes"))
    names, reasons = fields.texts("param_names"), fields.texts("reasons")
    K, k = len(classes), len(names)
    if K < 2 or k < 1:
        raise Damaged(f"it has {K} classes and {k} names of parameters; two and one are the fewest")
    _distinct("classes", classes)
    B = fields.any_array("params").shape[:1]
    if not B or B[0] < 1:
        raise Damaged("its array 'params' has no fit")
    each = (*B, k) if K == 2 else (*B, K - 1, k)
    arrays: dict[str, Any] = {
        name: fields.array(name, dtype, each if as_params else B)
        for name, (dtype, as_params) in OF_MANY.items()
    }
    place = fields.array("reason", np.int64, B)
    if (place < 0).any() or (place >= len(reasons)).any():
        raise Damaged("its array 'reason' must hold numbers of 'reasons'")
    groups = None
    if fields.raw("groups") is not None:
        groups = labels.unpack("groups", fields.inner("groups"), B[0])
    found = FitMany(
        **arrays,
        reason=tuple(reasons[i] for i in place.tolist()),
        groups=groups,
        classes=classes,
        param_names=names,
        fit_intercept=fields.truth("fit_intercept"),
        backend=fields.one_of("backend", ("compiled", "reference")),
        isa=fields.text("isa"),
        n_threads=fields.whole("n_threads", 1),
    )
    fields.end()
    return found
