"""The limiting fit: what is left to estimate where the estimate runs away.

Along the direction of separation the likelihood rises to a supremum, that of the pairs T alone: each row
keeps the classes that it still has to tell apart (Geyer, Electron. J. Stat. 3, 2009, the model conditional on
the limiting support).  As an objective like any other:

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
from sigmax.solvers.solve import final_nll, solve

#: an offset below which exp is exactly 0, whatever the other logits are within reason
_CLOSED = -(2.0**16)


@dataclass(slots=True)
class _PenaltyAlone:
    """Covariance where all rows are of one class: with an intercept, slopes are 0 and only penalised."""

    n_logits: int
    width: int
    l2: float

    def compute(self) -> Float:
        """The inverse of the penalty's Hessian, (m k, m k); 0 for the intercepts, which have none."""
        whole: Float = np.kron(self._classes(), self._slopes()).astype(np.float64)
        return whole

    def root(self) -> Float:
        """R with R R' the covariance; the slopes' matrix is its own root."""
        root: Float = np.kron(np.linalg.cholesky(self._classes()), self._slopes()).astype(np.float64)
        return root

    def _classes(self) -> Float:
        A = np.eye(self.n_logits)
        if self.n_logits > 1:
            A -= 1.0 / (self.n_logits + 1)
        return np.asarray(np.linalg.inv(A) / self.l2)

    def _slopes(self) -> Float:
        slopes = np.eye(self.width)
        slopes[0, 0] = 0.0
        return slopes


@dataclass(slots=True)
class Limit:
    """The fit of the pairs of a face.

    Attributes
    ----------
    each : ndarray of shape (K, k)
        Coefficients of every class, a finite representative: adding a vector of N changes nothing.
    kept : list of int
        The classes that were fitted; the first is their reference.
    llf : float
        Supremum of the log-likelihood, in units of the true weights.
    certificate : Certificate or None
        None where no pair is open, and nothing to estimate.
    note : str
        Why there is no fit although pairs are open; `each` and `llf` are then nan.  Empty otherwise.
    """

    each: Float
    kept: list[int]
    llf: float
    certificate: Certificate | None
    _covariance: Covariance | _PenaltyAlone | None
    note: str = ""

    @property
    def certifies(self) -> bool:
        """Whether the fit proves that its pairs overlap."""
        return self.certificate is not None and bool(self.certificate.exists)

    def coef(self, base: int) -> Float:
        """The coefficients of the other classes against class `base`, (K - 1, k)."""
        return np.asarray(np.delete(self.each, base, axis=0) - self.each[base])

    def error_bound(self, base: int) -> Float:
        """Bounds of their errors, where they have a value in the limit; inf for classes without a fit."""
        bound = np.full(self.each.shape, np.inf)
        bound[self.kept[0]] = 0.0
        if self.certificate is not None:
            bound[self.kept[1:]] = np.atleast_2d(self.certificate.error_bound)
        return np.asarray(np.delete(bound, base, axis=0) + bound[base])

    def covariance(self, base: int) -> Float:
        """Their covariance, (P, P); only functions orthogonal to N have a meaning."""
        K, k = self.each.shape
        whole = np.full((K, k, K, k), np.nan)
        fitted = np.array(self.kept)
        if self._covariance is not None:
            m = len(fitted) - 1
            part = np.zeros((m + 1, k, m + 1, k))
            part[1:, :, 1:] = self._covariance.compute().reshape(m, k, m, k)
            whole[fitted[:, None], :, fitted] = part.transpose(0, 2, 1, 3)
        rows = np.delete(whole, base, axis=0) - whole[base]
        both = np.delete(rows, base, axis=2) - rows[:, :, [base]]
        return np.asarray(both.reshape((K - 1) * k, (K - 1) * k))

    def root(self, base: int) -> Float:
        """R with R R' their covariance, (P, r); 0 for classes without a fit."""
        K, k = self.each.shape
        if self._covariance is None:
            return np.zeros(((K - 1) * k, 1))
        if isinstance(self._covariance, _PenaltyAlone):
            part = self._covariance.root()
        else:
            T, part = self._covariance.roots()
            if T is not None:
                part = (T @ part.reshape(-1, k, part.shape[1])).reshape(part.shape)
        whole = np.zeros((K, k, part.shape[1]))
        whole[self.kept[1:]] = part.reshape(-1, k, part.shape[1])
        return np.asarray((np.delete(whole, base, axis=0) - whole[base]).reshape((K - 1) * k, -1))


def no_limit(pairs: Pairs, why: str) -> Limit:
    """Where what is left cannot be fitted, or is not known."""
    return Limit(np.full((pairs.n_classes, pairs.width), np.nan), [0], np.nan, None, None, why)


def fit_limit(pairs: Pairs, face: Face, *, l2: float = 0.0, tol: float, max_iter: int | None = None) -> Limit:
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
    rows, kept = _kept(pairs, face, l2)
    each = np.zeros((pairs.n_classes, pairs.width))
    if l2 > 0.0 and not rows.any():
        alone = _PenaltyAlone(pairs.n_classes - 1, pairs.width, l2 * pairs.response.scale)
        return Limit(each, kept, 0.0, None, alone)
    if len(kept) < 2:
        return Limit(each, [0], 0.0, None, None)
    objective = _objective(pairs, face, rows, kept, l2)
    solution = solve(objective, [np.zeros(objective.n_params)], tol=tol, max_iter=max_iter)
    each[kept[1:]] = solution.coef.reshape(-1, pairs.width)
    return Limit(
        each=each,
        kept=kept,
        llf=-final_nll(objective, solution) * objective.response.scale,
        certificate=certify(objective, solution),
        _covariance=Covariance(objective, solution),
    )


def limiting_objective(pairs: Pairs, face: Face, l2: float = 0.0) -> tuple[Objective | None, list[int]]:
    """The objective of the pairs of a face, None where no pair is open, and the classes that it has.

    Its parameters are those of ``kept[1:]`` against ``kept[0]``; arguments as for :func:`fit_limit`.
    """
    rows, kept = _kept(pairs, face, l2)
    if not rows.any() or len(kept) < 2:
        return None, kept
    return _objective(pairs, face, rows, kept, l2), kept


def _kept(pairs: Pairs, face: Face, l2: float) -> tuple[np.ndarray, list[int]]:
    """Which rows have open pairs, and the classes that these touch."""
    rows, touched = np.asarray(face.open.any(axis=1)), np.asarray(face.open.any(axis=0))
    touched[np.unique(pairs.response.codes[rows])] = True
    # a penalty couples all classes
    return rows, np.flatnonzero(touched | (l2 > 0.0)).tolist()


def _objective(pairs: Pairs, face: Face, rows: np.ndarray, kept: list[int], l2: float) -> Objective:
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
    closed = closed[:, kept] & np.asarray(is_open.any(axis=1))[:, None]
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
    pinned = _last_pivots(relative.reshape(len(null), objective.n_params))
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
