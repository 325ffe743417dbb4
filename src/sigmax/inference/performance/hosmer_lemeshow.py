"""The test of Hosmer and Lemeshow, for two classes and for more."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigmax.inference.performance.outcomes import Outcomes
from sigmax.inference.performance.quantile_groups import Groups, quantile_groups, whole
from sigmax.inference.performance.sums import exact_sum, product_errors
from sigmax.inference.performance.table import count, frame, number, p_value, table
from sigmax.inference.tables import Table, Tabular
from sigmax.inference.tails import chi2_tail
from sigmax.kernels import Float

#: an expected count below it makes the chi^2 distribution doubtful
_SMALL = 1.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class HosmerLemeshow(Tabular):
    """Hosmer and Lemeshow's test of goodness of fit.

    Attributes
    ----------
    statistic : float
        ``sum_g sum_k (O_gk - E_gk)^2 / E_gk``.
    df : int
        (g - 2)(K - 1) for rows that the model was fitted to, g (K - 1) for others.
    pvalue : float
        Upper tail of chi^2.
    cuts : ndarray of shape (g,)
        The largest probability in each group, of class 1, or of all classes but the first where K > 2.
    observed, expected : ndarray of shape (g, K)
        Number of observations of each class, and the sum of their probabilities.
    total : ndarray of shape (g,)
        Number of observations.
    classes : tuple of str, of length K
    groups : int
        Number of groups that was asked for; g is smaller where probabilities tie.
    notes : tuple of str
        What is to be said about the groups.
    """

    statistic: float
    df: int
    pvalue: float
    cuts: Float
    observed: Float
    expected: Float
    total: Float
    classes: tuple[str, ...]
    groups: int
    notes: tuple[str, ...]

    @property
    def n_groups(self) -> int:
        """Groups that there are, g."""
        return len(self.cuts)

    def _table(self) -> Table:
        header, rows = self._pairs() if len(self.classes) == 2 else self._lines()
        test = (
            f"{self.n_groups} groups, chi2({self.df}) = {number(self.statistic, 3)}, {p_value(self.pvalue)}"
        )
        return table("Hosmer-Lemeshow goodness of fit", header, rows, (test, *self.notes))

    def _pairs(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        """Of two classes: a line for each group, the positive class first, as Stata has it."""
        zero, one = self.classes
        names = [f"{what} {label}" for label in (one, zero) for what in ("observed", "expected")]
        rows = []
        for j in range(self.n_groups):
            cells = [str(j + 1), number(float(self.cuts[j]))]
            for k in (1, 0):
                cells += [count(float(self.observed[j, k])), number(float(self.expected[j, k]), 2)]
            rows.append((*cells, count(float(self.total[j]))))
        return ("group", "up to", *names, "total"), tuple(rows)

    def _lines(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        """Of more: two lines for each group, what was observed and below it what was expected."""
        rows = []
        for j in range(self.n_groups):
            seen = (count(x) for x in self.observed[j].tolist())
            due = (number(x, 2) for x in self.expected[j].tolist())
            rows.append(
                (str(j + 1), number(float(self.cuts[j])), "observed", *seen, count(float(self.total[j])))
            )
            rows.append(("", "", "expected", *due, ""))
        return ("group", "up to", "", *self.classes, "total"), tuple(rows)

    def __repr__(self) -> str:
        return (
            f"<Hosmer-Lemeshow: {self.n_groups} groups, chi2({self.df}) = {self.statistic:.3f}, "
            f"{p_value(self.pvalue)}>"
        )

    def to_frame(self) -> Any:
        """The groups as a pandas DataFrame: cut, observed and expected of each class, total.

        Raises
        ------
        ImportError
            Without pandas.
        """
        columns: dict[str, Any] = {"cut": self.cuts}
        for k, label in enumerate(self.classes):
            columns[f"observed {label}"] = self.observed[:, k]
            columns[f"expected {label}"] = self.expected[:, k]
        columns["total"] = self.total
        return frame(columns, range(1, self.n_groups + 1), "group")


def hosmer_lemeshow(data: Outcomes, groups: int = 10, *, fitted: bool = True) -> HosmerLemeshow:
    """Test whether observed counts agree with probabilities, in groups of about equal size by risk.

        chi^2 = sum_g sum_k (O_gk - E_gk)^2 / E_gk,   df = (g - 2)(K - 1)

    Parameters
    ----------
    data : Outcomes
    groups : int
        How many groups to form, at least 3 (1 where not `fitted`).
    fitted : bool
        Whether the probabilities were fitted to these rows.  For other rows no parameter was estimated from
        them, and df = g (K - 1), as Stata's ``outsample`` has it.

    Returns
    -------
    HosmerLemeshow

    Raises
    ------
    ValueError
        `groups` too small, or too few groups left.
    TypeError
        `groups` is not a whole number.

    Notes
    -----
    Rows are sorted by the probability of class 1, or, where there are more classes, by 1 - p of class 0, the
    reference (Fagerland, Hosmer & Bofin, Stat. Med. 27, 2008); the test depends on the reference.  The group
    of a row is 1 + floor(g F) with F the share of the observations whose probability is smaller: the groups
    of Stata's ``estat gof, group(g)`` (``xtile``).  Equal probabilities fall into one group, and where they
    leave a group empty there are fewer, with a note.  R's ``ResourceSelection::hoslem.test`` cuts at
    ``quantile(type = 7)``: the same groups where g divides the number of rows and nothing ties at a cut, else
    one row or another lies on the other side.

    A row of frequency weight w, or w observations of grouped data, count as w rows.  Sums and the differences
    O - E are correctly rounded.  A group that expects nothing of a class adds 0 where nothing was observed,
    else inf.  Source for two classes: Hosmer & Lemeshow, Commun. Stat. A 9, 1980.
    """
    least = 3 if fitted else 1
    wanted = whole("groups", groups, least)
    K = data.n_classes
    made = quantile_groups(data.p[:, 1] if data.binary else data.complement(0), data.totals, wanted)
    g = len(made)
    if g < least:
        raise ValueError(
            f"groups must leave at least {least} groups of different probabilities for the test; of {wanted} "
            f"there {'is' if g == 1 else 'are'} {g}"
        )
    observed, expected, off, total = _counts(data, made)
    terms = [
        o * (o / e) if e > 0.0 else (0.0 if o == 0.0 else math.inf)
        for o, e in zip(off.ravel().tolist(), expected.ravel().tolist(), strict=True)
    ]
    statistic = math.fsum(terms)
    df = (g - 2 if fitted else g) * (K - 1)
    key = data.p[:, 1] if data.binary else data.complement(0)
    return HosmerLemeshow(
        statistic=statistic,
        df=df,
        pvalue=float(chi2_tail(statistic, df)),
        cuts=key[made.order[made.bounds[1:] - 1]],
        observed=observed,
        expected=expected,
        total=total,
        classes=data.labels,
        groups=wanted,
        notes=_notes(data, g, wanted, expected),
    )


def _notes(data: Outcomes, g: int, wanted: int, expected: Float) -> tuple[str, ...]:
    notes = []
    if not data.binary:
        notes.append(f"sorted by 1 - p of the reference, {data.labels[0]}; 'up to' is of that")
    if g < wanted:
        notes.append(f"{g} groups instead of {wanted}: equal probabilities stay together")
    small = int(np.count_nonzero(expected < _SMALL))
    if small:
        notes.append(
            f"{small} of {expected.size} expected counts {'is' if small == 1 else 'are'} below {_SMALL:g}: "
            "the chi2 distribution is a poor approximation"
        )
    return tuple(notes)


def _counts(data: Outcomes, made: Groups) -> tuple[Float, Float, Float, Float]:
    """Observed, expected, observed - expected, (g, K), and the totals of the groups, (g,)."""
    g, K = len(made), data.n_classes
    observed, expected, off = np.empty((g, K)), np.empty((g, K)), np.empty((g, K))
    total = np.empty(g)
    members = [made.rows(j) for j in range(g)]
    for k in range(K):
        p, seen = np.ascontiguousarray(data.p[:, k]), data.observed(k)
        for j, rows in enumerate(members):
            w = None if data.totals is None else data.totals[rows]
            o, e = seen[rows], p[rows]
            observed[j, k] = exact_sum(o)
            expected[j, k] = exact_sum(e, w)
            off[j, k] = _difference(o, e, w)
    for j, rows in enumerate(members):
        total[j] = len(rows) if data.totals is None else exact_sum(data.totals[rows])
    return observed, expected, off, total


def _difference(o: Float, e: Float, w: Float | None) -> float:
    """``sum o - sum w e``, correctly rounded: of two sums it would lose the digits that cancel."""
    if w is None:
        return exact_sum(np.concatenate([o, -e]))
    product = w * e
    return exact_sum(np.concatenate([o, -product, -product_errors(w, e, product)]))
