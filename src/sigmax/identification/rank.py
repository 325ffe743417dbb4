"""Which columns of a design depend on those before them, the intercept first.

Exactly, from the numbers as they are given (columns.py): a column of zeros; a constant column beside an
intercept, or after another constant one; a power of two, or minus one, times an earlier column.

The others in order, as R's `dqrdc2` takes them: with scaled columns x_j / 2^e_j and R'R = [1 X]'[1 X] by QR,
a column whose part outside of the span of the kept ones before it is large is kept.  A column x_j of which
little is left, or no more than what rounding makes of it, is tested again in double-double (residuals.py):

    r_j = x_j - sum_l c_l x_l,   the smallest there is
    aliased:   ||r_j|| <= DEPENDENT ||x_j||,  and in most rows with x_ij != 0  |r_ij| <= 2^-20 |x_ij|

DEPENDENT is 1e-13, a thousand roundings: a combination that was computed in float64 stays below it, and it is
what whitening asks of a column (solvers/curvature.py), so that a column is left out only where a fit with it
could not be done.  R's limit is 1e-11.  Lengths are those of the columns as they are: 1e8 plus noise of 1e-4
has a residual of 1e-12 beside an intercept, and is kept.  The second condition is for columns that share an
enormous number in a few rows, such as a code for what is missing: they are equal to rounding of their
lengths, but other rows say that they are not, and such a column is not called a combination.

Rows count where their weight is positive, whatever it is: a tiny weight makes no column dependent.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Dependence:
    """Columns that are combinations of columns before them.

    Attributes
    ----------
    aliased : bool ndarray of shape (k,)
        Where a column is one; k counts the intercept, which comes first.
    combinations : ndarray of shape (k, k)
        x_j = sum_l combinations_jl x_l for an aliased j, of columns that are not aliased; other rows are 0.
    clear : bool ndarray of shape (k, k)
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
        """Number of the other columns."""
        return int(np.count_nonzero(~self.aliased))

    def null_space(self) -> Float:
        """Coefficients that move no row, (k, number of aliased columns): e_j - combinations_j for each."""
        some = np.flatnonzero(self.aliased)
        return np.asarray((np.eye(len(self.aliased)) - self.combinations)[some].T)

    def terms(self, index: int) -> list[int]:
        """The columns that an aliased column is a combination of: those with a clear coefficient."""
        return np.flatnonzero(self.clear[index]).tolist()

    def formula(self, index: int, names: tuple[str, ...]) -> str:
        """``x3 = 2 x1 - x2``: an aliased column in terms of the others."""
        terms = self.terms(index)
        text = ""
        for i in terms[:_SHOWN]:
            c = float(self.combinations[index, i])
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
    gone, how = _exact(facts, design.intercept)
    # the exact ones need no test, and must not disturb the others
    index = np.flatnonzero(~gone)
    reads = 2
    if len(index) > 1:
        # powers of two whose inverses are numbers, too
        scale = np.ldexp(1.0, np.clip(np.frexp(facts.largest)[1], -_FARTHEST, _FARTHEST))
        R = _triangle(design, weight, index, scale, kernels, n_threads)
        known: dict[int, bool] = {}
        reads += 1
        while True:
            kept, doubtful, T, start = _in_order(R, known)
            if not doubtful:
                break
            found = combinations(
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
            reads += found.reads
            is_one = (found.residual <= DEPENDENT * found.length) & (found.off < _OFF)
            for b, j in enumerate(doubtful):
                if is_one[b]:
                    known[j] = gone[index[j]] = True
                    how[index[j]] = found.coef[b]
            if is_one.all():
                break
            # those after the first that is kept have one column more to be a combination of
            known[doubtful[int(np.argmin(is_one))]] = False
    how = _resolved(gone, how)
    size = np.abs(how) * facts.largest
    return Dependence(gone, how, size > _NEGLIGIBLE * size.max(axis=1, initial=0.0)[:, None], reads)


def _exact(facts: Columns, intercept: bool) -> tuple[npt.NDArray[np.bool_], Float]:
    """Columns that are zero, constant, or a power of two times another; and their combinations."""
    k = len(facts.largest)
    gone, how = facts.largest == 0.0, np.zeros((k, k))
    constant = np.flatnonzero(facts.constant & ~gone)
    for j in constant[1:].tolist():
        gone[j] = True
        how[j, constant[0]] = facts.first[j] / facts.first[constant[0]]
    for j in np.flatnonzero(facts.like != np.arange(k)).tolist():
        gone[j] = True
        how[j, facts.like[j]] = facts.ratio[j]
    assert not (intercept and gone[0])
    return gone, how


def _resolved(gone: npt.NDArray[np.bool_], how: Float) -> Float:
    """Combinations of kept columns alone."""
    resolved = how.copy()
    for j in np.flatnonzero(gone).tolist():  # rising: those before are resolved
        for i in np.flatnonzero(gone[:j] & (resolved[j, :j] != 0.0)).tolist():
            through, resolved[j, i] = resolved[j, i], 0.0
            resolved[j] += through * resolved[i]
    return resolved


def _triangle(
    design: Design,
    weight: Float | None,
    index: npt.NDArray[np.intp],
    scale: Float,
    kernels: Kernels,
    n_threads: int,
) -> Float:
    """R of the scaled columns `index`, over the rows that count; one read of X, (s, s)."""

    def evaluate(start: int, stop: int) -> Float:
        rows = counted(design, weight, start, stop)[:, index] / scale[index]
        return np.asarray(np.linalg.qr(rows, mode="r"))

    def merge(a: Float, b: Float) -> Float:
        return np.asarray(np.linalg.qr(np.concatenate([a, b]), mode="r"))

    work = 2.0 * design.n_rows * float(len(index)) ** 2
    count = threads.useful(n_threads, work, shared=kernels.THREADED)
    R = passes.reduce(design.n_rows, passes.block_rows(design.width), evaluate, merge, count)
    square = np.zeros((len(index), len(index)))
    square[: len(R)] = R
    return square


def _in_order(R: Float, known: dict[int, bool]) -> tuple[list[int], list[int], Float, Float]:
    """Take the columns of R in order: keep, leave out, or doubt.

    Parameters
    ----------
    R : ndarray of shape (s, s)
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

    s = len(R)
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
