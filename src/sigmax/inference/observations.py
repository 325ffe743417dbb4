"""The rows behind a result, read again in blocks: what every statistic of rows is computed from.

A result keeps its rows by reference, so that robust covariances, diagnostics and margins can be asked of it
later.  A pickled result has left them behind.  What follows holds for each row i, a unit of N_i observations
(:mod:`sigmax.data.units`), c_ik of them of class k:

    eta_i = B [1 x_i] + offset_i,   p_i = softmax(0, eta_i),   its score s_i = (c_i - N_i p_i) (x) [1 x_i]

in the coordinates that were fitted: B is (m, k) against class 0, of the columns that were not left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from sigmax import passes, threads
from sigmax.data.design import Design
from sigmax.data.units import Units
from sigmax.existence.prediction import limiting_order, limiting_probabilities
from sigmax.existence.separation import Separation
from sigmax.inference.roots import Bread
from sigmax.kernels import Codes, Float, Kernels
from sigmax.objective import Objective

T = TypeVar("T")

#: a log-likelihood that differs from the fit's by more than this, relatively, comes from different data
_CHANGED = 1e-8
#: logits whose rounding may be larger than this are formed in double-double
_ROUNDED = 1e-12
#: numbers of work space of a block
_WORK = 2**19


@dataclass(frozen=True, slots=True)
class Rows:
    """A block of rows at the estimate.

    Attributes
    ----------
    X : ndarray of shape (n, p)
        Without the column of ones.
    intercept : bool
    eta : ndarray of shape (n, m)
        Logits against class 0, offset included.
    p : ndarray of shape (n, K)
        Probabilities; small ones keep their relative accuracy.  In the limit where the classes are separated.
    codes : ndarray of shape (n,), or None
        Index of the class that was observed; None for counts.
    counts : ndarray of shape (n, K), or None
        Observations of each class; None for labels.
    total : ndarray of shape (n,), or None
        Their sum N; None for labels, where it is 1.
    frequency, importance : ndarray of shape (n,), or None
        Weights (:class:`sigmax.data.units.Units`); None for ones.
    """

    X: Float
    intercept: bool
    eta: Float
    p: Float
    codes: Codes | None
    counts: Float | None
    total: Float | None
    frequency: Float | None
    importance: Float | None

    def __len__(self) -> int:
        return len(self.p)

    def observed(self) -> Float:
        """c, (n, K): counts, or one in the column of the label."""
        if self.counts is not None:
            return self.counts
        assert self.codes is not None
        c = np.zeros(self.p.shape)
        c[np.arange(len(c)), self.codes] = 1.0
        return c

    def expected(self) -> Float:
        """N p, (n, K)."""
        return self.p if self.total is None else self.total[:, None] * self.p

    def residual(self) -> Float:
        """c - N p of all classes, (n, K), with the relative accuracy of a difference that is small."""
        if self.codes is None:
            return self.observed() - self.expected()
        if self.p.shape[1] == 2:
            first = np.where(self.codes == 0, self.p[:, 1], -self.p[:, 0])
            return np.stack([first, -first], axis=1)
        # 1 - p of the class that was observed is the sum of the others
        r = -self.p
        at = (np.arange(len(r)), self.codes)
        r[at] = 0.0
        r[at] = -r.sum(axis=1)
        return r

    def weight(self) -> Float | None:
        """What the log-likelihood of a row is multiplied by; None for ones."""
        return self.importance if self.frequency is None else self.frequency

    def curvature(self) -> Float:
        """V = N (diag(p) - p p') of the classes 1 .. K-1, for one unit, (n, m, m)."""
        q = self.p[:, 1:]
        V = -q[:, :, None] * q[:, None, :]
        c = np.arange(q.shape[1])
        V[:, c, c] = q * others(self.p)[:, 1:]
        return V if self.total is None else self.total[:, None, None] * V

    def nll(self) -> float:
        """-sum weight sum_k c_k log p_k; 0 log 0 = 0."""
        # log 0 = -inf: a row beyond the range, or one of weight 0
        with np.errstate(divide="ignore"):
            if self.codes is not None:
                logs = np.log(self.p[np.arange(len(self.p)), self.codes])
            else:
                assert self.counts is not None
                logs = np.where(self.counts > 0.0, np.log(np.where(self.counts > 0.0, self.p, 1.0)), 0.0)
                logs = (self.counts * logs).sum(axis=1)
        w = self.weight()
        if w is None:
            return -float(logs.sum())
        return -float((w[w > 0.0] * logs[w > 0.0]).sum())


class Observations:
    """The rows of a fit, at its estimate.

    Parameters
    ----------
    objective : Objective
        Of the columns that were fitted; its rows may be fewer, each counted as often as it stands there.
    given : callable
        Returns the design of those columns and the units, in the rows as they were given.
    coef, low : ndarray of shape (m, k)
        The estimate as a sum of two words: where columns are nearly dependent, or far from 0, the second
        moves the logits, and rows are evaluated in double-double.
    bread : callable
        Returns the inverse information (:class:`sigmax.inference.roots.Bread`).
    null_of_offsets : callable
        Returns the log-likelihood of the model of the offsets with an intercept for each logit.
    llf : float
        Log-likelihood at `coef`, to notice data that have changed since.
    limit : Separation, optional
        Where the classes are separated: probabilities are then limits.  Against class 0, of these columns.
    """

    def __init__(
        self,
        objective: Objective,
        given: Callable[[], tuple[Design, Units]],
        coef: Float,
        low: Float,
        bread: Callable[[], Bread],
        null_of_offsets: Callable[[], float],
        llf: float,
        limit: Separation | None = None,
    ) -> None:
        self.objective, self.coef, self.low = objective, coef, low
        self.llf, self.limit = llf, limit
        self.kernels: Kernels = objective.kernels
        self.n_threads = objective.n_threads
        self.classes = objective.response.classes
        self._given, self._bread, self.null_of_offsets = given, bread, null_of_offsets

    @cached_property
    def _rows(self) -> tuple[Design, Units]:
        return self._given()

    @property
    def design(self) -> Design:
        """The columns that were fitted, in the rows as given."""
        return self._rows[0]

    @property
    def units(self) -> Units:
        """What each row stands for."""
        return self._rows[1]

    @property
    def n_rows(self) -> int:
        """Rows as given."""
        return self.design.n_rows

    @cached_property
    def bread(self) -> Bread:
        """The inverse information at the estimate."""
        return self._bread()

    @cached_property
    def _precise(self) -> bool:
        """Whether logits of plain double precision would be off by more than statistics may be."""
        if self.limit is not None:
            return False
        return self.objective.logit_rounding(self.coef.ravel()) > _ROUNDED

    def block_rows(self, numbers: int = 0) -> int:
        """Rows in a block, of which each needs `numbers` numbers of work space beside X."""
        size = passes.block_rows(self.design.width)
        return max(min(size, _WORK // max(numbers, 1)), 1)

    def rows(self, start: int, stop: int) -> Rows:
        """The rows start <= i < stop."""
        return self._at(self.design.block(start, stop), slice(start, stop))

    def pick(self, index: np.ndarray) -> Rows:
        """The rows of the indices `index`, in their order."""
        return self._at(self.design.rows.take(index), index)

    def _at(self, X: Float, at: slice | np.ndarray) -> Rows:
        design, u = self.design, self.units

        def part(values: Float | None) -> Float | None:
            return None if values is None else values[at]

        offset = part(u.offset)
        offset = None if offset is None else np.ascontiguousarray(offset)
        eta, one = np.empty((len(X), len(self.coef))), design.intercept
        if self._precise:
            self.kernels.linear_predictor_dd(X, self.coef, self.low, eta, None, intercept=one, offset=offset)
        else:
            self.kernels.linear_predictor(X, self.coef, eta, intercept=one, offset=offset)
        counts = part(u.counts)
        return Rows(
            X=X,
            intercept=design.intercept,
            eta=eta,
            p=self.probabilities(X, eta),
            codes=None if u.codes is None else u.codes[at],
            counts=counts,
            total=None if counts is None else np.asarray(counts.sum(axis=1)),
            frequency=part(u.frequency),
            importance=part(u.importance),
        )

    def probabilities(self, X: Float, eta: Float) -> Float:
        """(n, K) at rows X of the columns that were fitted, from logits; limits where classes separate."""
        if self.limit is not None:
            design = Design(X, intercept=self.design.intercept)
            everything = np.ones(design.width, bool)
            order = limiting_order(self.limit, design, everything, self.kernels)
            return limiting_probabilities(order, eta, 0, self.kernels.BACKEND)
        # by the kernels themselves: a block has a thread already
        if eta.shape[1] == 1:
            logit, both = np.ascontiguousarray(eta[:, 0]), np.empty((2, len(eta)))
            self.kernels.expit(-logit, both[0])
            self.kernels.expit(logit, both[1])
            return both.T
        logits, p = np.zeros((len(eta), eta.shape[1] + 1)), np.empty((len(eta), eta.shape[1] + 1))
        logits[:, 1:] = eta
        self.kernels.softmax(logits, p)
        return p

    def reduce(
        self,
        evaluate: Callable[[Rows], T],
        merge: Callable[[T, T], T],
        *,
        numbers: int = 0,
        flops: float = np.inf,
    ) -> T:
        """Merge ``evaluate(rows)`` over all blocks, in the order of the rows.

        Parameters
        ----------
        evaluate, merge : callable
            As for :func:`sigmax.passes.reduce`.
        numbers : int
            Numbers of work space that `evaluate` takes for each row beside X.
        flops : float
            Work of all of it.

        Raises
        ------
        ValueError
            The data have been changed since the fit.
        """

        def both(start: int, stop: int) -> tuple[T, float]:
            rows = self.rows(start, stop)
            return evaluate(rows), rows.nll()

        def merge_both(a: tuple[T, float], b: tuple[T, float]) -> tuple[T, float]:
            return merge(a[0], b[0]), a[1] + b[1]

        count = threads.useful(self.n_threads, flops, shared=self.kernels.THREADED)
        found, nll = passes.reduce(self.n_rows, self.block_rows(numbers), both, merge_both, count)
        self.require_unchanged(nll)
        return found

    def each(self, evaluate: Callable[[Rows], None], *, numbers: int = 0) -> None:
        """:meth:`reduce` for what is written elsewhere, row by row."""
        self.reduce(evaluate, lambda a, b: None, numbers=numbers)

    def fitted(self) -> Float:
        """p of all rows, (n, K)."""
        p = np.empty((self.n_rows, len(self.classes)))

        def evaluate(start: int, stop: int) -> float:
            rows = self.rows(start, stop)
            p[start:stop] = rows.p
            return rows.nll()

        count = threads.useful(self.n_threads, np.inf, shared=self.kernels.THREADED)
        nll = passes.reduce(self.n_rows, self.block_rows(), evaluate, lambda a, b: a + b, count)
        self.require_unchanged(nll)
        return p

    def require_unchanged(self, nll: float) -> None:
        """Raise ValueError where the negative log-likelihood of all rows is not that of the fit."""
        if not np.isfinite(self.llf):
            return
        o = self.objective
        rounding = o.logit_rounding(self.coef.ravel()) if self.limit is None else 0.0
        weight = o.response.total_weight
        allowed = _CHANGED * abs(self.llf) + rounding * weight + _CHANGED * min(1.0, weight)
        if not abs(nll + self.llf) <= allowed:
            raise ValueError(
                "X, y, sample_weight or offset were changed in place since the fit: its log-likelihood was "
                f"{self.llf:.10g} and is now {-nll:.10g}; ask for what needs the data before changing them, "
                "or fit again"
            )


def others(p: Float) -> Float:
    """1 - p of each class, as the sum of the others where p is large; (n, K)."""
    q = 1.0 - p
    at = (np.arange(len(p)), p.argmax(axis=1))
    rest = p.copy()
    rest[at] = 0.0
    q[at] = rest.sum(axis=1)
    return np.asarray(q)
