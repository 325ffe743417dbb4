"""Which columns of a design depend on those before them, the intercept first.

Exactly, from the numbers as they are given (columns.py): a column of zeros; a constant column beside an
intercept, or after another constant one; a power of two, or minus one, times an earlier column.

The others in order, as R's `dqrdc2` takes them: with scaled columns x_j / 2^e_j and R'R = [1 X]'[1 X] by QR,
a column whose part outside of the span of the kept ones before it is large is kept.  A column x_j of which
little is left, or no more than what rounding makes of it, is tested again in double-double (residuals.py):

    r_j = x_j - sum_l c_l x_l,   the smallest there is
    aliased:   ||r_j|| <= DEPENDENT ||x_j||,  and in most rows with x_ij != 0  |r_ij| <= 2^-20 |x_ij|

DEPENDENT is 1e-13, a thousand roundings.  A combination that was computed in float64 stays below it, unless
its terms are hundreds of times as long as itself.  It is what whitening asks of a column, over weighted rows
(solvers/curvature.py), so that a column is left out only where a fit with it could not be done.  R's limit is
1e-11.  Lengths are those of the columns as they are: 1e8 plus noise of 1e-4
has a residual of 1e-12 beside an intercept, and is kept.  The second condition is for columns that share an
enormous number in a few rows, such as a code for what is missing: they are equal to rounding of their
lengths, but other rows say that they are not, and such a column is not called a combination.

Rows count where their weight is positive, whatever it is: a tiny weight makes no column dependent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from sigmax import passes, threads
from sigmax.data.design import Design
from sigmax.identification.columns import Columns, columns, counted
from sigmax.identification.residuals import combinations
from sigmax.kernels import Float, Kernels

#: a residual below this part of its column is rounding
DEPENDENT = 1e-13
#: part of its rows that may be off by far although their column is a combination
_OFF = 0.5
#: a column of which QR leaves more than this is independent, unless rounding can explain as much
_CLEAR = 1e-9
#: a direction of which QR leaves less than this is noise, even where single rows say that it is one
_USELESS = 1e-14
_U = 2.0**-53
#: coefficients of a combination below this part of the largest, in units of the columns, are rounding
_NEGLIGIBLE = 1e-8
#: exponents of units: what lies beyond is measured in the unit at the end
_FARTHEST = 1000
#: terms of a combination that are printed
_SHOWN = 6

#: columns, and their coefficients
_Terms: TypeAlias = tuple[npt.NDArray[np.intp], Float]


@dataclass(frozen=True, slots=True)
class Dependence:
    """Columns that are combinations of columns before them.

    Attributes
    ----------
    aliased : bool ndarray of shape (k,)
        Where a column is one; k counts the intercept, which comes first.
    combinations : ndarray of shape (d, r)
        Row a has the coefficients of the a-th aliased column, of the r columns that are not aliased.
    clear : bool ndarray of shape (d, r)
        Which of these coefficients are not rounding: more than 1e-8 of the largest, in units of the columns.
    reads : int
        Reads of X that it took, at most.
    """

    aliased: npt.NDArray[np.bool_]
    combinations: Float
    clear: npt.NDArray[np.bool_]
    reads: int

    @property
    def rank(self) -> int:
        """Number of columns that are not aliased."""
        return int(self.combinations.shape[1])

    def row_space(self) -> Float:
        """B, (k, r), whose columns span the rows of the design: x_i = B times its kept columns."""
        B = np.zeros((len(self.aliased), self.rank))
        B[~self.aliased] = np.eye(self.rank)
        B[self.aliased] = self.combinations
        return B

    def terms(self, index: int) -> dict[int, float]:
        """An aliased column in terms of the others: column -> coefficient, the clear ones."""
        a = int(np.count_nonzero(self.aliased[:index]))
        kept = np.flatnonzero(~self.aliased)[self.clear[a]]
        return dict(zip(kept.tolist(), self.combinations[a, self.clear[a]].tolist(), strict=True))

    def formula(self, index: int, names: tuple[str, ...]) -> str:
        """``x3 = 2 x1 - x2``: an aliased column in terms of the others."""
        terms = self.terms(index)
        text = ""
        for i, c in list(terms.items())[:_SHOWN]:
            sign = ("- " if c < 0.0 else "+ ") if text else ("-" if c < 0.0 else "")
            size = "" if f"{abs(c):.6g}" == "1" else f"{abs(c):.6g} "
            text += f"{' ' if text else ''}{sign}{size}{names[i]}"
        if len(terms) > _SHOWN:
            text += f" + {len(terms) - _SHOWN} more terms"
        return f"{names[index]} = {text or '0'}"


def aliased(design: Design, weight: Float | None, kernels: Kernels, n_threads: int) -> npt.NDArray[np.bool_]:
    """Which columns depend on those before them, over the rows of positive weight; shape (k,).

    See :func:`dependence`.
    """
    return dependence(design, weight, kernels, n_threads).aliased


def dependence(design: Design, weight: Float | None, kernels: Kernels, n_threads: int) -> Dependence:
    """Which columns depend on those before them, and how.

    Parameters
    ----------
    design : Design
        Finite numbers.
    weight : ndarray of shape (n,), optional
        Rows of weight 0 do not count.
    kernels : Kernels
    n_threads : int

    Notes
    -----
    Reads of X: two or three; one to six more where a column is nearly a combination of others and not simply
    a multiple of one.  A column that is an exact combination of nearly dependent ones takes the most.
    """
    facts = columns(design, weight, kernels, n_threads)
    found = _exact(facts)
    # the exact ones need no test, and must not disturb the others
    index = np.array([j for j in range(design.width) if j not in found], np.intp)
    reads = 2
    if len(index) > 1:
        # powers of two whose inverses are numbers, too
        scale = np.ldexp(1.0, np.clip(np.frexp(facts.largest)[1], -_FARTHEST, _FARTHEST))
        R = _triangle(design, weight, index, scale, kernels, n_threads)
        reads += 1
        known: dict[int, bool] = {}
        while True:
            kept, doubtful, T, start = _in_order(R, known)
            if not doubtful:
                break
            tested = combinations(
                design,
                weight,
                kernels,
                n_threads,
                targets=index[doubtful],
                basis=index[kept],
                scale=scale,
                start=start,
                T=T,
                enough=DEPENDENT,
            )
            reads += tested.reads
            is_one = (tested.residual <= DEPENDENT * tested.length) & (tested.off < _OFF)
            for b, j in enumerate(doubtful):
                if is_one[b]:
                    known[j] = True
                    found[int(index[j])] = index[kept], tested.coef[b]
            if is_one.all():
                break
            # those after the first that is kept have one column more to be a combination of
            known[doubtful[int(np.argmin(is_one))]] = False
    return _dependence(found, facts.largest, reads)


def _exact(facts: Columns) -> dict[int, _Terms]:
    """Columns that are zero, constant, or a power of two times another."""
    k = len(facts.largest)
    found: dict[int, _Terms] = {}
    constant = np.flatnonzero(facts.constant & (facts.largest > 0.0))
    for j in range(k):
        if facts.largest[j] == 0.0:
            found[j] = np.zeros(0, np.intp), np.zeros(0)
        elif facts.constant[j] and j > constant[0]:
            found[j] = constant[:1], facts.first[[j]] / facts.first[constant[0]]
        elif facts.like[j] != j:
            found[j] = facts.like[[j]], facts.ratio[[j]]
    return found


def _dependence(found: dict[int, _Terms], largest: Float, reads: int) -> Dependence:
    """In terms of kept columns alone."""
    k = len(largest)
    gone = np.isin(np.arange(k), list(found))
    place = np.cumsum(~gone) - 1  # of a kept column among them
    rows = np.zeros((len(found), k - len(found)))
    of = {j: a for a, j in enumerate(sorted(found))}
    for j, a in of.items():  # rising: those before are known
        for i, c in zip(*found[j], strict=True):
            rows[a] += c * rows[of[int(i)]] if gone[i] else 0.0
            if not gone[i]:
                rows[a, place[i]] += c
    size = np.abs(rows) * largest[~gone]
    return Dependence(gone, rows, size > _NEGLIGIBLE * size.max(axis=1, initial=0.0)[:, None], reads)


def _triangle(
    design: Design,
    weight: Float | None,
    index: npt.NDArray[np.intp],
    scale: Float,
    kernels: Kernels,
    n_threads: int,
) -> Float:
    """R of the scaled columns `index`, over the rows that count; one read of X, (min(n, s), s)."""

    def evaluate(start: int, stop: int) -> Float:
        rows = counted(design, weight, start, stop)[:, index] / scale[index]
        return np.asarray(np.linalg.qr(rows, mode="r"))

    def merge(a: Float, b: Float) -> Float:
        return np.asarray(np.linalg.qr(np.concatenate([a, b]), mode="r"))

    work = 2.0 * design.n_rows * float(len(index)) ** 2
    count = threads.useful(n_threads, work, shared=kernels.THREADED)
    R = passes.reduce(design.n_rows, passes.block_rows(design.width), evaluate, merge, count)
    return R


def _in_order(R: Float, known: dict[int, bool]) -> tuple[list[int], list[int], Float, Float]:
    """Take the columns of R in order: keep, leave out, or doubt.

    Parameters
    ----------
    R : ndarray of shape (min(n, s), s)
    known : dict
        Columns of which is known whether they depend on those before them.

    Returns
    -------
    kept, doubtful : list of int
        Doubtful ones are not kept; what follows is judged without them.
    T : ndarray of shape (kept, kept)
        Inverse of the triangle of the kept columns.
    start : ndarray of shape (doubtful, kept)
        The combination nearest to each doubtful column, of the columns kept before it.
    """
    from scipy.linalg import solve_triangular

    s = R.shape[1]
    W = R.copy()
    length = np.sqrt((R**2).sum(axis=0))
    kept: list[int] = []
    doubtful: list[int] = []
    starts: list[Float] = []
    for j in range(s):
        at = len(kept)
        if known.get(j):
            continue
        rest = float(np.sqrt((W[at:, j] ** 2).sum()))
        coef = np.zeros(0)
        if at:
            coef = solve_triangular(W[:at, kept], W[:at, j])
        explained = 64.0 * s * _U * (length[j] + float(np.abs(coef) @ length[kept]))
        if j not in known and rest <= max(_CLEAR * length[j], explained):
            doubtful.append(j)
            starts.append(coef)
            continue
        if rest <= _USELESS * length[j]:
            continue
        _reflect(W, at, j)
        kept.append(j)
    T = solve_triangular(np.triu(W[: len(kept), kept]), np.eye(len(kept)))
    start = np.zeros((len(doubtful), len(kept)))
    for b, coef in enumerate(starts):
        start[b, : len(coef)] = coef
    return kept, doubtful, np.triu(T), start


def _reflect(W: Float, at: int, j: int) -> None:
    """A Householder reflection of the rows from `at` on that leaves column j only W[at, j]; in place."""
    v = W[at:, j].copy()
    norm = float(np.sqrt((v**2).sum()))
    v[0] += np.copysign(norm, v[0])
    square = float(v @ v)
    W[at:] -= np.outer(v, (2.0 / square) * (v @ W[at:]))
    W[at + 1 :, j] = 0.0
