"""What a user gets to know about separated classes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import plural
from sigmax.data.design import INTERCEPT
from sigmax.existence.decide import Face, Undecided
from sigmax.existence.dots import Signs
from sigmax.existence.examine import Verdict
from sigmax.existence.integers import Integers, nearest
from sigmax.existence.limit import Limit
from sigmax.existence.pairs import Pairs
from sigmax.existence.sides import NONE
from sigmax.existence.signs import moved
from sigmax.existence.signs import signs as signs_of
from sigmax.kernels import Float
from sigmax.solvers.certificate import Certificate

#: where every parameter runs away
_NOTHING = Certificate(
    converged=False,
    exists=False,
    newton_decrement=0.0,
    error_bound=np.zeros(0),
    standard_errors_off=0.0,
    digits=0.0,
    condition_number=np.nan,
    iterations=0,
    passes=0.0,
    reason="",
)
_HOW = {"complete": "completely", "quasi": "quasi-completely"}
#: columns that a message names
_NAMED = 6


@dataclass(frozen=True, eq=False, repr=False)
class Separation:
    """Why the maximum-likelihood estimate does not exist, proved on the data as given.

    The likelihood rises without end along `direction`.  What is said of the limit holds for every direction
    along which it does, unless stated otherwise.

    Attributes
    ----------
    kind : {"complete", "quasi"}
        Complete: in the limit every row is predicted without error.  Quasi: some rows are.
    direction : ndarray, shape of the result's `params`
        Adding a multiple of it to the coefficients makes no row less likely, and `rows` more so.
    exact_direction : tuple of int
        The same direction in whole numbers, up to a positive factor, in the order of ``params.ravel()``:
        for these the statement is exact.  For `direction` it is where they fit into float64.
    infinite : int8 ndarray, shape of `params`
        -1, +1: the parameter runs to -inf, +inf in every direction that the likelihood allows.
    undetermined : bool ndarray, shape of `params`
        The parameter has no limit: it runs to either side, or stays anywhere, at the same likelihood.  Its
        estimate is nan.
    rows : ndarray of intp
        Rows of X, of positive weight, whose probability of a class that was not observed in them goes to 0.
    certificate : Certificate or None
        Of the limiting fit, that of the parameters which stay finite; None where nothing is left to fit.
    note : str
        What could not be decided, and why; empty where all is.
    finite : ndarray, shape of `params`
        Coefficients of the limiting fit, one choice of many.
    null : tuple of tuple of int
        Vectors in whole numbers that may be added to `finite`, in the order of ``params.ravel()``: they move
        no row that stays uncertain.
    base : int
        The class, by its number, that all of these are against.
    """

    kind: str
    direction: Float
    exact_direction: tuple[int, ...]
    infinite: npt.NDArray[np.int8]
    undetermined: npt.NDArray[np.bool_]
    rows: npt.NDArray[np.intp]
    certificate: Certificate | None
    note: str
    finite: Float
    null: tuple[tuple[int, ...], ...]
    base: int

    def __repr__(self) -> str:
        shown = f"{len(self.rows)} rows, {int(np.count_nonzero(self.infinite))} infinite parameters"
        return f"<{self.kind} separation: {shown}>"

    def columns(self, param_names: tuple[str, ...]) -> list[str]:
        """Names of the columns that `direction` uses, the intercept last."""
        used = (np.atleast_2d(self.direction) != 0.0).any(axis=0)
        names = [name for name, is_used in zip(param_names, used, strict=True) if is_used]
        return sorted(names, key=lambda name: name == INTERCEPT)

    def text(self, param_names: tuple[str, ...]) -> str:
        """One sentence: which columns separate what."""
        names = self.columns(param_names)
        slopes = [name for name in names if name != INTERCEPT]
        if not slopes:
            by = "the intercept alone (a class has no row)"
        else:
            by = ", ".join(repr(name) for name in slopes[:_NAMED])
            by = f"column{'s' if len(slopes) > 1 else ''} {by}"
            by += f" and {len(slopes) - _NAMED} more" if len(slopes) > _NAMED else ""
        rows = "all rows" if self.kind == "complete" else plural(len(self.rows), "row")
        verb = "predicts" if len(slopes) < 2 else "predict"
        return f"the classes are {_HOW[self.kind]} separated: {by} {verb} {rows} without error"


def separation(
    verdict: Verdict, pairs: Pairs, given: Pairs, *, base: int, shape: tuple[int, ...], n_rows: int
) -> Separation:
    """The public face of a verdict.

    Parameters
    ----------
    verdict : Verdict
        With ``exists`` False.
    pairs : Pairs
        The verdict's.
    given : Pairs
        Of the rows as the user gave them, or copies of them one below the other.
    base : int
        The class that the parameters are relative to.
    shape : tuple of int
        That of the parameters.
    n_rows : int
        Rows of X.
    """
    face, limit = verdict.face, verdict.limit
    assert face is not None
    assert limit is not None
    assert face.direction is not None
    functions = _against(base, pairs)
    signs, note = _sides(pairs, face, functions)
    note = "; ".join(one for one in (note, limit.note) if one)
    margins, _ = given.signs(face.direction, given.all())
    direction = functions @ face.direction
    return Separation(
        kind="quasi" if face.open.any() else "complete",
        direction=nearest(direction).reshape(shape),
        exact_direction=tuple(direction.tolist()),
        infinite=np.where(signs == NONE, 0, signs).astype(np.int8).reshape(shape),
        undetermined=(signs == NONE).reshape(shape),
        rows=np.unique(np.flatnonzero((margins > 0).any(axis=1)) % n_rows),
        certificate=limit.certificate,
        note=note,
        finite=limit.coef(base).reshape(shape),
        null=tuple(tuple((functions @ v).tolist()) for v in face.null),
        base=base,
    )


def _sides(pairs: Pairs, face: Face, functions: Integers) -> tuple[Signs, str]:
    """The sides of the parameters, and what is not known about them."""
    unknown = np.where(moved(face, functions), NONE, 0).astype(np.int8)
    if face.open_question:
        return unknown, f"there may be more that separates: {face.open_question}"
    try:
        return signs_of(pairs, face, functions), ""
    except Undecided as error:
        return unknown if error.found is None else error.found, str(error)


def _against(base: int, pairs: Pairs) -> Integers:
    """The parameters against the class `base` as functions of those against class 0; (P, P)."""
    K, k = pairs.n_classes, pairs.width
    each = np.delete(np.eye(K, dtype=np.int64), base, axis=0) - np.eye(K, dtype=np.int64)[base]
    return np.asarray(np.kron(each[:, 1:], np.eye(k, dtype=np.int64)).astype(object))


def limiting_params(found: Separation) -> Float:
    """-inf, inf, nan, and the limiting fit elsewhere; shape of the parameters."""
    params = np.where(found.undetermined, np.nan, found.finite)
    params[found.infinite > 0] = np.inf
    params[found.infinite < 0] = -np.inf
    return params


def limiting_covariance(found: Separation, covariance: Float) -> Float:
    """The covariance of the parameters that stay finite, nan elsewhere; (P, P)."""
    gone = ((found.infinite != 0) | found.undetermined).ravel()
    covariance = covariance.copy()
    covariance[gone], covariance[:, gone] = np.nan, np.nan
    return covariance


def limiting_certificate(found: Separation, limit: Limit, iterations: int, passes: float) -> Certificate:
    """The certificate of a fit without an optimum: bounds for what stays finite, no claim beyond."""
    shape, of = found.infinite.shape, limit.certificate
    gone = (found.infinite != 0) | found.undetermined
    bound = np.where(gone, np.inf, limit.error_bound(found.base).reshape(shape))
    rest = "" if of is None or of.converged else f"; the fit of what stays finite has {of}"
    if limit.note:
        rest = f"; the fit of what stays finite has NOT converged: {limit.note}"
    if of is None:
        of = _NOTHING
    return replace(
        of,
        converged=False,
        exists=False,
        error_bound=bound,
        digits=0.0,
        iterations=iterations + of.iterations,
        passes=passes + of.passes,
        reason=f"the classes are {_HOW[found.kind]} separated{rest}",
    )


def with_columns(found: Separation, left_out: npt.NDArray[np.bool_]) -> Separation:
    """The same for all columns, of which `left_out`, shape (k,), took no part."""
    kept = np.flatnonzero(~left_out)
    k, rows = len(left_out), np.atleast_2d(found.direction)

    def wide(values: np.ndarray) -> np.ndarray:
        whole = np.zeros((len(rows), k), values.dtype)
        whole[:, kept] = values.reshape(len(rows), -1)
        return whole.reshape(k) if found.direction.ndim == 1 else whole

    def whole_numbers(values: tuple[int, ...]) -> tuple[int, ...]:
        each = np.zeros(len(values), object)
        each[:] = values
        return tuple(wide(each).ravel().tolist())

    return replace(
        found,
        direction=wide(found.direction),
        exact_direction=whole_numbers(found.exact_direction),
        infinite=wide(found.infinite),
        undetermined=wide(found.undetermined),
        finite=wide(found.finite),
        null=tuple(whole_numbers(v) for v in found.null),
    )


def per_class(found: Separation, values: tuple[int, ...]) -> Integers:
    """A vector in the layout of the parameters as one vector for each class, (K, k)."""
    flat = np.empty(len(values), object)
    flat[:] = values
    each = flat.reshape(len(np.atleast_2d(found.direction)), -1)
    zero = np.zeros_like(each[:1])
    return np.concatenate([each[: found.base], zero, each[found.base :]])
