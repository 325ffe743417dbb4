"""What the data say where a fit has found no optimum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sigmax.existence.decide import Face, Undecided, decide
from sigmax.existence.integers import Integers
from sigmax.existence.limit import Limit, fit_limit, no_limit
from sigmax.existence.pairs import Pairs
from sigmax.kernels import Float
from sigmax.solvers.curvature import DependentColumn, IllConditioned


@dataclass(slots=True)
class Verdict:
    """Whether the estimate exists.

    Attributes
    ----------
    exists : bool or None
        True and False are proved, None is undecided.
    reason : str
        Why it is undecided; empty otherwise.
    face, limit
        Where it does not exist: what is left, and its fit.
    passes : float
        Rows of X read, divided by the number of rows; those of `limit` apart.
    """

    exists: bool | None
    reason: str = ""
    face: Face | None = None
    limit: Limit | None = None
    passes: float = 0.0


def examine(
    pairs: Pairs, coef: Float, *, tol: float, max_iter: int | None = None, in_haste: bool = False
) -> Verdict:
    """Decide on the existence of the estimate, without a penalty.

    Parameters
    ----------
    pairs : Pairs
        Of a design with full column rank.
    coef : ndarray of shape (P,)
        Where a solver gave up.
    tol, max_iter
        For the limiting fit.
    in_haste : bool
        Whether the solver could go on: that nothing separates is then left for it to prove, unless it is
        proved at once.
    """
    fits: list[tuple[Face, Limit]] = []

    def fit(face: Face) -> Limit:
        limit = fit_limit(pairs, face, tol=tol, max_iter=max_iter)
        fits.append((face, limit))
        return limit

    def confirm(face: Face) -> bool:
        if face.direction is None:
            if in_haste:
                raise Undecided("a linear program finds nothing that separates the classes")
            # the fit of the face is the fit that has failed
            return False
        try:
            return fit(face).certifies
        except (DependentColumn, IllConditioned):
            return False

    def read() -> float:
        extra = [limit.certificate.passes for _, limit in fits[:-1] if limit.certificate is not None]
        return pairs.rows_read / pairs.n_rows + sum(extra)

    try:
        face = decide(pairs, coef, confirm)
    except Undecided as error:
        return Verdict(None, str(error), passes=read())
    if face.direction is None:
        return Verdict(True, passes=read())
    if face.open_question:
        return Verdict(False, "", face, no_limit(pairs, ""), read())
    try:
        limit = next((found for of, found in fits if of is face), None) or fit(face)
    except (DependentColumn, IllConditioned):
        limit = no_limit(pairs, "what is left has columns too nearly dependent to be fitted in float64")
    if limit.certificate is not None and not limit.certifies:
        limit.certificate = limit.certificate.after(face.proved or None, "its overlap is not proved")
    return Verdict(False, "", face, limit, read())


def without_classes(
    pairs: Pairs, absent: tuple[int, ...], *, l2: float, tol: float, max_iter: int | None = None
) -> Verdict:
    """The verdict on a penalised fit with an intercept where classes have no row: theirs runs to -inf."""
    is_open = pairs.all()
    is_open[:, list(absent)] = False
    null = np.array([pairs.intercept_of(k) for k in absent], object)
    direction: Integers = -null.sum(axis=0)
    face = Face(is_open, direction, null, proved=True)
    limit = fit_limit(pairs, face, l2=l2, tol=tol, max_iter=max_iter)
    return Verdict(False, "", face, limit)
