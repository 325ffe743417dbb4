"""The limiting fit: what is left to estimate where the estimate runs away.

Along the direction of separation the likelihood rises to a supremum, which is that of the pairs T alone: each
row keeps the classes that it still has to tell apart (Geyer, Electron. J. Stat. 3, 2009, the model conditional
on the limiting support).  As an objective like any other:

* rows without open pairs have weight 0; where they are many the others are picked;
* classes that no open pair touches are left out, and the first one kept is the reference;
* a class that is closed for a row and open for others gets an offset of -2^16: its probability is exactly 0;
* the null space N of T is pinned: coefficients that T says nothing about are held at 0 (penalty.py).

Its certificate proves that T overlaps.  What it estimates are the functions a'b with a'v = 0 for all v in N.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sigmax.data.response import Response
from sigmax.existence.decide import Face
from sigmax.existence.integers import Integers
from sigmax.existence.pairs import Pairs
from sigmax.kernels import Float
from sigmax.objective import Objective
from sigmax.solvers.certificate import Certificate, certify
from sigmax.solvers.covariance import Covariance
from sigmax.solvers.solution import Solution
from sigmax.solvers.solve import solve

#: an offset below which exp is exactly 0, whatever the other logits are within reason
_CLOSED = -(2.0**16)


@dataclass(slots=True)
class Limit:
    """The fit of the pairs of a face.

    Attributes
    ----------
    coef : ndarray of shape (K - 1, k)
        A finite representative: adding a vector of N changes nothing.
    llf : float
        Supremum of the log-likelihood, in units of the true weights.
    certificate : Certificate or None
        None where no pair is open, and nothing to estimate.
    """

    coef: Float
    llf: float
    certificate: Certificate | None
    _kept: list[int]
    _covariance: Covariance | None

    @property
    def certifies(self) -> bool:
        """Whether the fit proves that its pairs overlap."""
        return self.certificate is not None and bool(self.certificate.exists)

    def covariance(self) -> Float:
        """Covariance of the representative, (P, P); only functions orthogonal to N have a meaning."""
        m, k = self.coef.shape
        whole = np.full((m, k, m, k), np.nan)
        if self._covariance is not None and self._kept[0] == 0:
            rows = np.array(self._kept[1:]) - 1
            part = self._covariance.compute().reshape(len(rows), k, len(rows), k)
            whole[rows[:, None], :, rows] = part.transpose(0, 2, 1, 3)
        return whole.reshape(m * k, m * k)


def fit_limit(
    pairs: Pairs, face: Face, *, l2: float = 0.0, tol: float, max_iter: int | None = None
) -> Limit:
    """Fit the open pairs of a face.

    Parameters
    ----------
    pairs : Pairs
    face : Face
        With a null space that holds for all its open pairs.
    l2 : float
        As in :class:`sigmax.objective.Objective`.
    tol, max_iter
        As in :func:`sigmax.solvers.solve.solve`.
    """
    K, k = pairs.n_classes, pairs.width
    rows = face.open.any(axis=1)
    touched = face.open.any(axis=0)
    touched[np.unique(pairs.response.codes[rows])] = True
    # a penalty couples all classes
    kept = np.flatnonzero(touched | (l2 > 0.0)).tolist()
    coef = np.zeros((K, k))
    if len(kept) < 2:
        return Limit(coef[1:], 0.0, None, [0], None)
    objective = _objective(pairs, face, rows, kept, l2)
    solution = solve(objective, [np.zeros(objective.n_params)], tol=tol, max_iter=max_iter)
    coef[kept[1:]] = solution.coef.reshape(-1, k)
    return Limit(
        coef=coef[1:] - coef[0],
        llf=-solution.at.nll * objective.response.scale,
        certificate=certify(objective, solution),
        _kept=kept,
        _covariance=Covariance(objective, solution),
    )


def _objective(
    pairs: Pairs, face: Face, rows: np.ndarray, kept: list[int], l2: float
) -> Objective:
    design, given = pairs.design, pairs.response
    index = np.flatnonzero(rows)
    few = 2 * len(index) <= len(rows)
    if few:
        design, given = design.pick(index, pairs.n_threads), given.take(index)
        is_open, counted = face.open[index], None
    else:
        is_open, counted = face.open, None if rows.all() else rows
    code = np.zeros(pairs.n_classes, np.int32)
    code[kept] = np.arange(len(kept))
    weight = given.weight
    if counted is not None:
        weight = counted.astype(float) if weight is None else np.where(counted, weight, 0.0)
    response = replace(
        given,
        classes=given.classes[kept],
        codes=code[given.codes],
        weight=weight,
        offset=_offset(given, is_open, kept),
        weight_sum=float(len(is_open)) if weight is None else float(weight.sum()),
    )
    objective = Objective(design, response, pairs.kernels, pairs.n_threads, l2=l2)
    pins = _pins(pairs, face.null, kept, objective)
    return Objective(design, response, pairs.kernels, pairs.n_threads, l2=l2, pins=pins)


def _offset(given: Response, is_open: np.ndarray, kept: list[int]) -> Float | None:
    """Offsets of the kept classes against the first one, closed ones out of reach."""
    n, K = is_open.shape
    closed = ~is_open
    closed[np.arange(n), given.codes] = False
    closed = closed[:, kept] & is_open.any(axis=1)[:, None]
    if given.offset is None and not closed.any():
        return None
    whole, far = np.zeros((n, K)), _CLOSED
    if given.offset is not None:
        whole[:, 1:] = given.offset
        far -= 2.0 * float(np.abs(given.offset).max(initial=0.0))
    whole = whole[:, kept] + np.where(closed, far, 0.0)
    return np.ascontiguousarray(whole[:, 1:] - whole[:, :1])


def _pins(pairs: Pairs, null: Integers, kept: list[int], objective: Objective) -> Float | None:
    """One pin for each dimension of N among the kept classes, as strong as the coefficient's information."""
    relative = np.array([_relative(pairs, v, kept) for v in null], object)
    pinned = _last_pivots(relative.reshape(len(null), -1))
    if not pinned:
        return None
    pins = np.zeros(objective.n_params)
    strength = objective.response.weight_sum / 4.0 * objective.largest**2
    pins[pinned] = np.tile(strength, objective.n_logits)[pinned]
    pins[pinned] = np.where(pins[pinned] > 0.0, pins[pinned], 1.0)
    return pins


def _relative(pairs: Pairs, v: Integers, kept: list[int]) -> Integers:
    """A vector of N in the coordinates of the kept classes."""
    each = pairs.per_class(v)
    found: Integers = (each[kept[1:]] - each[kept[0]]).ravel()
    return found


def _last_pivots(N: Integers) -> list[int]:
    """Coordinates that determine a vector in the span of the rows of N, the last ones possible."""
    rows = [row.copy() for row in N]
    pivots = []
    for j in range(N.shape[1] - 1, -1, -1):
        at = next((i for i, row in enumerate(rows) if row[j] != 0), None)
        if at is None:
            continue
        pivot = rows.pop(at)
        rows = [row * pivot[j] - pivot * row[j] for row in rows]
        pivots.append(j)
    return pivots
